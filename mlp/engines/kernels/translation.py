"""From a Python function to machine code, by Numba; loaded only when something is compiled."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import numpy as np
from numba import cfunc, njit, types
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from mlp import elementary
from mlp.engines.kernels import elementary as fast
from mlp.engines.kernels import pointers
from mlp.engines.kernels.intrinsics import IN_PLACE_OF, INTEGERS, numbers_of
from mlp.engines.kernels.machine import llvm, target

# Sums may be reordered, which vectorises them; NaN and infinity keep their meaning, a quotient its digits.
FASTMATH = {"reassoc", "contract", "nsz"}
OPTIONS: dict[str, Any] = {"fastmath": FASTMATH, "error_model": "numpy"}
EXACT: dict[str, Any] = OPTIONS | {"fastmath": False}


def machine_code(
    function: Callable[..., Any],
    formula: Callable[..., Any] | None,
    count: int,
    dtype: np.dtype[Any],
    name: str,
    exact: bool = False,
) -> tuple[str, bytes]:
    """The symbol and the object file of an instruction; arguments as in `Compiler.address`."""
    known, options = dict(IN_PLACE_OF), EXACT if exact else OPTIONS
    known[pointers.numbers] = numbers_of(count)
    extra = {} if formula is None else {"formula": _translated(formula, known, dtype, options)}
    python = _bound(function, known, dtype, name, extra, options)
    signature = types.void(INTEGERS, types.CPointer(types.float32 if dtype == np.float32 else types.float64))
    with global_compiler_lock, wide_vectors():
        compiled = cfunc(signature, **options)(python)
        module = llvm().parse_assembly(compiled.inspect_llvm())
    return compiled.native_name, target().emit_object(module)


@contextmanager
def wide_vectors() -> Iterator[None]:
    """Let Numba use the widest vectors, as `target` does; one thread at a time, as the setting is for all.

    By default LLVM keeps to 256 bits where there are 512: e^x takes 0.45 ns a number in float32
    instead of 0.30, and tanh 0.48 instead of 0.37.
    """
    codegen = cpu_target.target_context.codegen()
    own, codegen._tm = codegen._tm, target()
    try:
        yield
    finally:
        codegen._tm = own


def _translated(
    function: Callable[..., Any], known: dict[Any, Any], dtype: np.dtype[Any], options: dict[str, Any]
) -> Any:
    """A function that compiled ones may call; each is translated once in a kernel."""
    if function not in known:
        bound = _bound(function, known, dtype, function.__name__, {}, options)
        known[function] = njit(forceinline=True, **options)(bound)  # a call keeps a loop from vectors
    return known[function]


def _bound(
    function: Any,
    known: dict[Any, Any],
    dtype: np.dtype[Any],
    name: str,
    extra: dict[str, Any],
    options: dict[str, Any],
) -> FunctionType:
    """The function with compiled ones in the place of the functions that it calls."""
    typed = fast.typed(function, dtype)
    scope = dict(typed.__globals__)
    for own in _names(typed.__code__):
        value = scope.get(own)
        if isinstance(value, FunctionType) and value.__module__ != elementary.__name__:
            scope[own] = known.get(value) or _translated(value, known, dtype, options)
    bound = FunctionType(typed.__code__, scope | extra, name, typed.__defaults__, typed.__closure__)
    bound.__qualname__ = name
    return bound


def _names(code: Any) -> tuple[str, ...]:
    return tuple(code.co_names)
