"""Vectors of a processor in LLVM's language; loaded only when something is compiled."""

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils

LONG, INT = ir.IntType(64), ir.IntType(32)


def width(bits: int) -> int:
    """How many numbers of that many bits a vector of this processor holds."""
    features = llvm.get_host_cpu_features()
    return (512 if features.get("avx512f") else 256 if features.get("avx") else 128) // bits


def masks_cost() -> bool:
    """Whether a masked vector takes longer than a whole one."""
    return not llvm.get_host_cpu_features().get("avx512f")


class Vectors:
    """Writes instructions on vectors.

    Parameters
    ----------
    builder : llvmlite.ir.IRBuilder
    pointer : llvmlite.ir.Value
        Of the numbers' type.
    count : int
        Numbers in a vector.
    """

    def __init__(self, builder: Any, pointer: Any, count: int) -> None:
        self.builder, self.count = builder, count
        self.element = pointer.type.pointee
        self.kind = ir.VectorType(self.element, count)
        self.zero = ir.Constant(self.kind, [0.0] * count)
        self.bytes = 4 if isinstance(self.element, ir.FloatType) else 8
        self.name = f"v{count}f{8 * self.bytes}"

    def intrinsic(self, name: str, result: Any, arguments: list[Any]) -> Any:
        """Call one of LLVM's own functions."""
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, arguments)

    def at(self, start: Any, *counts: Any) -> Any:
        """The pointer that is the product of the counts further on."""
        offset = LONG(1)
        for count in counts:
            offset = self.builder.mul(offset, LONG(count) if isinstance(count, int) else count)
        return self.builder.gep(start, [offset])

    def load(self, place: Any, mask: Any = None) -> Any:
        """The vector at a place; 0 where the mask is not set."""
        place = self.builder.bitcast(place, self.kind.as_pointer())
        if mask is None:
            return self.builder.load(place, align=self.bytes)
        arguments = [place, INT(self.bytes), mask, self.zero]
        return self.intrinsic(f"llvm.masked.load.{self.name}.p0", self.kind, arguments)

    def store(self, value: Any, place: Any, mask: Any = None) -> None:
        """Write a vector, where the mask is set."""
        place = self.builder.bitcast(place, self.kind.as_pointer())
        if mask is None:
            self.builder.store(value, place, align=self.bytes)
        else:
            arguments = [value, place, INT(self.bytes), mask]
            self.intrinsic(f"llvm.masked.store.{self.name}.p0", ir.VoidType(), arguments)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """``a b + c``."""
        return self.intrinsic(f"llvm.fmuladd.{self.name}", self.kind, [a, b, c])

    def spread(self, value: Any) -> Any:
        """The same number in all places."""
        kind = ir.VectorType(value.type, self.count)
        nothing = ir.Constant(kind, ir.Undefined)
        first = self.builder.insert_element(nothing, value, INT(0))
        places = ir.Constant(ir.VectorType(INT, self.count), [0] * self.count)
        return self.builder.shuffle_vector(first, nothing, places)

    def below(self, count: Any) -> Any:
        """A mask of the first places, as many as the count."""
        places = ir.Constant(ir.VectorType(INT, self.count), list(range(self.count)))
        return self.builder.icmp_signed("<", places, self.spread(self.builder.trunc(count, INT)))

    def halves(self, a: Any, b: Any, size: int) -> tuple[Any, Any]:
        """Of pieces of ``2 size`` numbers the first halves, a's before b's, and the second halves."""
        first = [
            place + (self.count - size if place % (2 * size) >= size else 0) for place in range(self.count)
        ]
        kind = ir.VectorType(INT, self.count)
        return (
            self.builder.shuffle_vector(a, b, ir.Constant(kind, first)),
            self.builder.shuffle_vector(a, b, ir.Constant(kind, [place + size for place in first])),
        )

    def smaller(self, a: Any, b: Any) -> Any:
        """The smaller of two integers."""
        return self.builder.select(self.builder.icmp_signed("<", a, b), a, b)

    def loop(
        self, start: Any, stop: Any, stride: int, values: list[Any], body: Callable[..., Any]
    ) -> list[Any]:
        """``for k in range(start, stop, stride): values = body(values, k)``, values in registers."""
        builder = self.builder
        before, head = builder.block, builder.append_basic_block()
        inside, after = builder.append_basic_block(), builder.append_basic_block()
        builder.branch(head)
        builder.position_at_end(head)
        k = builder.phi(LONG)
        k.add_incoming(start, before)
        carried = [builder.phi(value.type) for value in values]
        for one, value in zip(carried, values, strict=True):
            one.add_incoming(value, before)
        builder.cbranch(builder.icmp_signed("<", k, stop), inside, after)
        builder.position_at_end(inside)
        for one, value in zip(carried, body(carried, k), strict=True):
            one.add_incoming(value, builder.block)
        k.add_incoming(builder.add(k, LONG(stride)), builder.block)
        builder.branch(head)
        builder.position_at_end(after)
        return carried
