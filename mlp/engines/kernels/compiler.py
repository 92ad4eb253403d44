"""The compiler: from a function on pointers to the address of machine code, once for each type.

Numba translates, and what comes out is kept as an object file in a folder of the user's, under a
name made of all that it depends on: sources, type, processor, version. So a second process
loads machine code, 3 ms for a function, without loading Numba, 0.3 s.
"""

import hashlib
import inspect
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mlp import elementary
from mlp.activations import normal
from mlp.engines.kernels import machine, shelf

LONG = 0.5  # seconds of compiling that a user is told of

Function = Callable[..., Any]
_LOCK = threading.RLock()
_KEPT_ONLY = ContextVar("kept_only", default=False)


class NotKeptError(Exception):
    """Something would have to be compiled, and must not be."""


@contextmanager
def kept_only() -> Iterator[None]:
    """While it is open, this thread raises a `NotKeptError` in the place of compiling."""
    token = _KEPT_ONLY.set(True)
    try:
        yield
    finally:
        _KEPT_ONLY.reset(token)


class Compiler:
    """Compiles for one type of numbers, and remembers.

    Parameters
    ----------
    dtype : numpy.dtype
        float32 or float64.

    Attributes
    ----------
    seconds : float
        Time that this process has spent on compiling, rather than on loading.
    compiled : int
        How many functions it has compiled.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype, self.seconds, self.compiled = dtype, 0.0, 0
        self.told = 0.0, 0  # of these, by whichever thread was first to say so
        self.addresses: dict[Any, int] = {}
        self.engines: list[Any] = []  # hold the machine code

    def address(
        self, function: Function, formula: Function | None = None, count: int = 0, exact: bool = False
    ) -> int:
        """Where the machine code of an instruction begins.

        Parameters
        ----------
        function : function of (record, anchor)
            Written on the names of `pointers`.
        formula : function of numbers, optional
            What `formula` means in `function`.
        count : int
            How many numbers `numbers` takes from a record.
        exact : bool, default False
            Whether each operation is rounded as it is written, in that order, as NumPy's are.
        """
        key = function, formula, count, exact
        if key in self.addresses:
            return self.addresses[key]
        with _LOCK:  # a model may be trained in each of several threads
            if key not in self.addresses:
                name = self._name(function, formula, count, exact)
                code = shelf.load(name)
                if code is None:
                    if _KEPT_ONLY.get():
                        raise NotKeptError(function.__name__)
                    code = self._compile(name, function, formula, count, exact)
                engine, self.addresses[key] = machine.link(*code)
                self.engines.append(engine)
        return self.addresses[key]

    def _name(self, function: Function, formula: Function | None, count: int, exact: bool) -> str:
        parts = [
            machine.processor(),
            sources(),
            str(self.dtype),
            function.__module__,
            function.__qualname__,
            str(count),
            str(exact),
        ]
        if formula is not None:
            parts += [formula.__qualname__, source_of(formula)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _compile(
        self, name: str, function: Function, formula: Function | None, count: int, exact: bool
    ) -> tuple[str, bytes]:
        begun = time.perf_counter()
        if not self.compiled:
            print(
                f"mlp: compiling for {self.dtype}; what is compiled is kept in {shelf.folder()}, "
                "so this happens once",
                file=sys.stderr,
            )
        from mlp.engines.kernels.translation import machine_code

        own_name = f"{function.__name__}_{name[:16]}"
        code = machine_code(function, formula, count, self.dtype, own_name, exact)
        shelf.keep(name, *code)
        self.seconds += time.perf_counter() - begun
        self.compiled += 1
        return code


@cache
def compiler_for(dtype: np.dtype[Any]) -> Compiler:
    """The compiler of a type; one for the whole process."""
    return Compiler(dtype)


@contextmanager
def telling(compiler: Compiler) -> Iterator[None]:
    """Say on the standard error how long it took, if it took long to compile."""
    before, functions = compiler.seconds, compiler.compiled
    yield
    with _LOCK:
        told_seconds, told = compiler.told
        took, made = compiler.seconds - max(before, told_seconds), compiler.compiled - max(functions, told)
        if made and took >= LONG:
            compiler.told = compiler.seconds, compiler.compiled
            print(f"mlp: compiled {made} functions for {compiler.dtype} in {took:.1f} s", file=sys.stderr)


@cache
def sources() -> str:
    """A digest of the files that any kernel may depend on."""
    found = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        found.update(path.read_bytes())
    for module in (elementary, normal):
        found.update(Path(str(module.__file__)).read_bytes())
    return found.hexdigest()


def source_of(formula: Function) -> str:
    """What a formula may depend on: the files of its folder here, its own file, or else its code."""
    try:
        path = Path(inspect.getfile(formula))
        return _text(path.parent, "*.py" if formula.__module__.startswith("mlp.") else path.name)
    except (OSError, TypeError):
        code = formula.__code__
        return f"{code.co_code.hex()} {code.co_consts} {code.co_names}"


@cache
def _text(place: Path, pattern: str) -> str:
    return "".join(path.read_text("utf-8") for path in sorted(place.glob(pattern)))
