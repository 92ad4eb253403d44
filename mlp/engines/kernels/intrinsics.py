"""What stands in compiled code for the names in `pointers`; loaded only when something is compiled."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from mlp.engines.kernels import forking, pointers, products, states

INTEGERS, DOUBLES = types.CPointer(types.int64), types.CPointer(types.float64)
HALVES = types.CPointer(types.uint16)


@intrinsic
def pointer(typing: Any, address: Any, anchor: Any) -> Any:
    """See `pointers`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(anchor))

    return anchor(types.int64, anchor), generate


def _fixed(kind: Any) -> Any:
    @intrinsic
    def fixed(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(kind))

        return kind(types.int64), generate

    return fixed


@intrinsic
def shift(typing: Any, start: Any, count: Any) -> Any:
    """See `pointers`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.gep(arguments[0], [arguments[1]])

    return start(start, types.int64), generate


@intrinsic
def number(typing: Any, word: Any, anchor: Any) -> Any:
    """See `pointers`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _narrowed(builder, builder.bitcast(arguments[0], ir.DoubleType()), anchor)

    return anchor.dtype(types.int64, anchor), generate


@intrinsic
def narrow(typing: Any, value: Any, anchor: Any) -> Any:
    """See `pointers`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _narrowed(builder, arguments[0], anchor)

    return anchor.dtype(types.float64, anchor), generate


def _narrowed(builder: Any, value: Any, anchor: Any) -> Any:
    return builder.fptrunc(value, ir.FloatType()) if anchor.dtype == types.float32 else value


def numbers_of(count: int) -> Any:
    """The function `pointers.numbers` for that many numbers."""

    @intrinsic
    def numbers(typing: Any, record: Any, place: Any, anchor: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            found = []
            for k in range(count):
                at = builder.add(arguments[1], context.get_constant(types.int64, k))
                word = builder.load(builder.gep(arguments[0], [at]))
                found.append(_narrowed(builder, builder.bitcast(word, ir.DoubleType()), anchor))
            return context.make_tuple(builder, signature.return_type, found)

        return types.UniTuple(anchor.dtype, count)(record, types.int64, anchor), generate

    return numbers


@intrinsic
def call(typing: Any, address: Any, record: Any, anchor: Any) -> Any:
    """See `pointers`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments[1:]])
        function = builder.inttoptr(arguments[0], kind.as_pointer())
        builder.call(function, arguments[1:])
        return context.get_dummy_value()

    return types.void(types.int64, record, anchor), generate


@intrinsic
def flush_subnormals(typing: Any) -> Any:
    """See `pointers`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.zext(states.flush(builder), ir.IntType(64))

    return types.int64(), generate


@intrinsic
def restore(typing: Any, state: Any) -> Any:
    """See `pointers`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        states.restore(builder, builder.trunc(arguments[0], ir.IntType(32)))
        return context.get_dummy_value()

    return types.void(types.int64), generate


IN_PLACE_OF: dict[Callable[..., Any], Any] = {
    pointers.pointer: pointer,
    pointers.integers: _fixed(INTEGERS),
    pointers.doubles: _fixed(DOUBLES),
    pointers.halves: _fixed(HALVES),
    pointers.shift: shift,
    pointers.number: number,
    pointers.narrow: narrow,
    pointers.call: call,
    pointers.flush_subnormals: flush_subnormals,
    pointers.restore: restore,
    pointers.multiply: products.multiply,
    **products.IN_PLACE_OF,
    **forking.IN_PLACE_OF,
}
