"""The state of a processor's arithmetic, in LLVM's language; loaded only when something is compiled."""

from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils

INT = ir.IntType(32)
SUBNORMALS_ARE_ZERO = (
    0x8040  # x86: results that would be subnormal become 0, and operands that are count as 0
)


def flush(builder: Any) -> Any:
    """Take subnormal numbers for 0; the state before. On other processors than x86 nothing changes."""
    if not is_x86():
        return INT(0)
    place = cgutils.alloca_once(builder, INT)
    _call(builder, "llvm.x86.sse.stmxcsr", place)
    before = builder.load(place)
    restore(builder, builder.or_(before, INT(SUBNORMALS_ARE_ZERO)))
    return before


def restore(builder: Any, state: Any) -> None:
    """Set a state that `flush` returned."""
    if is_x86():
        place = cgutils.alloca_once(builder, INT)
        builder.store(state, place)
        _call(builder, "llvm.x86.sse.ldmxcsr", place)


def is_x86() -> bool:
    """Whether the code is for a processor of this family."""
    return llvm.get_default_triple().startswith(("x86_64", "i686"))


def _call(builder: Any, name: str, place: Any) -> None:
    byte = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [byte])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    builder.call(function, [builder.bitcast(place, byte)])
