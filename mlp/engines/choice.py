"""Which engine makes the steps of a model, and why."""

import sys
import threading
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from operator import attrgetter
from typing import Any

from mlp.adjusting import adjustable
from mlp.engines.numpy_engine import NumpyEngine, NumpyPredictor
from mlp.errors import ArgumentError, MissingPackageError
from mlp.layers.base import Layer
from mlp.losses import Loss
from mlp.naming import constructor_arguments, is_integer, require, require_one_of
from mlp.optimizers import Optimizer

ENGINES = ("auto", "numba", "numpy")
MISSING = "engine='numba' needs Numba, which is not installed: pip install 'mlp[fast]'"
REPLACEABLE = "forward", "delta", "backward"  # methods of a layer that may be replaced on one object
_READERS: dict[type, Callable[[Any], Any]] = {}


def check(engine: Any, n_threads: Any) -> None:
    """Raise an `ArgumentError` unless these can be arguments of `compile`."""
    require_one_of("engine", engine, ENGINES)
    counted = n_threads is None or (is_integer(n_threads) and n_threads > 0)
    require(counted, "n_threads", n_threads, "a positive integer, or None for what the libraries allow")


def choose(
    engine: str, layers: Sequence[Layer], loss: Loss, optimizer: Optimizer, lock: threading.RLock
) -> tuple[Any, str]:
    """The engine, and the line that says which it is.

    Parameters
    ----------
    engine : {"auto", "numba", "numpy"}
        "numba" compiles and raises where it cannot; "auto" falls back to NumPy.
    layers, loss, optimizer, lock
        As in `NumpyEngine`.

    Raises
    ------
    ArgumentError
        With "numba", if a part of the model has no compiled form; the error names it.
    MissingPackageError
        With "numba", if Numba is not installed.
    """
    if not compiles(engine):
        reason = "as asked for" if engine == "numpy" else MISSING
        return NumpyEngine(layers, loss, optimizer, lock), f"numpy: {reason}"
    from mlp.engines.kernels.tape import Uncompilable
    from mlp.engines.numba_engine import NumbaEngine

    try:
        compiled = NumbaEngine(layers, loss, optimizer, lock)
    except Uncompilable as part:
        if engine == "numba":
            raise refusal(part) from None
        say_once(f"mlp: trains on NumPy, since {part}")
        return NumpyEngine(layers, loss, optimizer, lock), f"numpy: {part}"
    return compiled, str(compiled)


def predictor(engine: str, layers: Sequence[Layer]) -> Any:
    """What computes outputs: an object with `forward`; arguments as in `choose`."""
    if compiles(engine):
        from mlp.engines.kernels.tape import Uncompilable
        from mlp.engines.numba_engine import Predictor

        try:
            return Predictor(layers)
        except Uncompilable as part:  # with "auto" `choose` has said it, or will
            if engine == "numba":
                raise refusal(part) from None
    return NumpyPredictor(layers)


def compiles(engine: str) -> bool:
    """Whether the compiled engine is to be tried.

    Raises
    ------
    MissingPackageError
        With "numba", if Numba is not installed.
    """
    if engine == "numpy":
        return False
    found = has_numba()
    if engine == "numba" and not found:
        raise MissingPackageError(MISSING)
    return found


@cache
def has_numba() -> bool:
    """Whether Numba is installed; this does not load it."""
    return find_spec("numba") is not None and find_spec("llvmlite") is not None


def refusal(part: Exception) -> ArgumentError:
    """The error for a model that cannot be compiled, though it was asked for."""
    return ArgumentError(f"engine='numba' cannot run this model: {part}. Take engine='auto' or 'numpy'.")


def settings(layers: Sequence[Layer], loss: Loss | None = None) -> list[Any]:
    """What an engine is made for: the settings of layers, of their activations and of a loss."""
    found: list[Any] = []
    for part in (*layers, *(layer.activation for layer in layers), loss):
        kind = type(part)
        if kind not in _READERS:
            names = [name for name in constructor_arguments(kind) if not name.endswith("initializer")]
            names = [name for name in names if name not in adjustable(kind)]
            _READERS[kind] = attrgetter("__class__", "__class__", *(n for n in names if hasattr(part, n)))
        found += _READERS[kind](part)
    for layer in layers:
        found += map(vars(layer).get, REPLACEABLE)
    return found


def differ(now: list[Any], before: list[Any]) -> bool:
    """Whether settings have changed."""
    try:
        return now != before
    except ValueError:  # another array
        return True


@cache
def say_once(line: str) -> None:
    """Write a line to the standard error, once in a process."""
    print(line, file=sys.stderr)
