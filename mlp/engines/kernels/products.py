"""What stands in compiled code for `pointers.multiply` and for the names in `blocks`.

Loaded only when something is compiled.

Sums stay in the processor's registers over the whole depth of a product. Vectors that reach over a
matrix's edge are masked, so that no matrix needs padding.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from mlp.engines.kernels import blocks
from mlp.engines.kernels.vectors import INT, LONG, Vectors, masks_cost, width

NUMBER = types.int64


@intrinsic
def lanes(typing: Any, A: Any) -> Any:
    """See `blocks`."""
    return NUMBER(A), lambda context, builder, signature, arguments: LONG(width(A.dtype.bitwidth))


@intrinsic
def multiply(
    typing: Any, address: Any, transpose_A: Any, transpose_B: Any, n: Any, o: Any, k: Any,
    alpha: Any, A: Any, B: Any, beta: Any, C: Any,
) -> Any:  # fmt: skip
    """See `pointers`. BLAS counts columns first, so what it computes is ``C^T = op(B)^T op(A)^T``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, transpose_A, transpose_B, n, o, k, alpha, A, B, beta, C = arguments

        def place(value: Any) -> Any:
            where = cgutils.alloca_once(builder, value.type)  # once in a function, not in its loops
            builder.store(value, where)
            return where

        def size(value: Any) -> Any:
            return place(builder.trunc(value, INT))

        def chosen(transposed: Any, if_so: Any, if_not: Any) -> Any:
            return builder.select(builder.icmp_signed("!=", transposed, LONG(0)), if_so, if_not)

        def letter(transposed: Any) -> Any:
            byte = ir.IntType(8)
            return place(chosen(transposed, byte(ord("T")), byte(ord("N"))))

        def stride(value: Any) -> Any:  # BLAS wants at least 1, even of an empty matrix
            return size(builder.select(builder.icmp_signed("<", value, LONG(1)), LONG(1), value))

        places = [
            letter(transpose_B), letter(transpose_A), size(o), size(n), size(k), place(alpha),
            B, stride(chosen(transpose_B, k, o)), A, stride(chosen(transpose_A, n, k)), place(beta),
            C, stride(o),
        ]  # fmt: skip
        kind = ir.FunctionType(ir.VoidType(), [place.type for place in places])
        builder.call(builder.inttoptr(address, kind.as_pointer()), places)
        return context.get_dummy_value()

    return types.void(*[NUMBER] * 6, A.dtype, A, B, A.dtype, C), generate


@intrinsic(prefer_literal=True)
def block(
    typing: Any, rows: Any, vectors: Any, unrolled: Any, A: Any, row_stride: Any, depth_stride: Any, B: Any,
    B_stride: Any, b: Any, b_columns: Any, C: Any, C_stride: Any, depth: Any, columns: Any,
) -> Any:  # fmt: skip
    """See `blocks`."""
    literals = rows, vectors, unrolled
    numbers = [literal.literal_value for literal in literals]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = Vectors(builder, arguments[3], width(A.dtype.bitwidth))
        columns = arguments[-1]
        last = builder.sub(columns, LONG((numbers[1] - 1) * vector.count))
        if masks_cost():
            with builder.if_else(builder.icmp_signed("==", last, LONG(vector.count))) as (whole, part):
                with whole:
                    _block(vector, None, *numbers, *arguments[3:-1])
                with part:
                    _block(vector, vector.below(last), *numbers, *arguments[3:-1])
        else:
            _block(vector, vector.below(last), *numbers, *arguments[3:-1])
        return context.get_dummy_value()

    return types.void(
        *literals, *[A, NUMBER, NUMBER, A, NUMBER, A, NUMBER, A, NUMBER, NUMBER, NUMBER]
    ), generate


def _block(
    vector: Vectors, mask: Any, rows: int, vectors: int, unrolled: int, A: Any, row_stride: Any,
    depth_stride: Any, B: Any, B_stride: Any, b: Any, b_columns: Any, C: Any, C_stride: Any, depth: Any,
) -> None:  # fmt: skip
    builder, count, size = vector.builder, vector.count, rows * vectors
    masks = [None] * (vectors - 1) + [mask]
    starts = [vector.at(A, row_stride, row) for row in range(rows)]

    def one(sums: list[Any], k: Any) -> list[Any]:
        right = [
            vector.load(vector.at(vector.at(B, k, B_stride), v * count), masks[v]) for v in range(vectors)
        ]
        result = []
        for row, start in enumerate(starts):
            left = vector.spread(builder.load(vector.at(start, k, depth_stride)))
            result += [vector.multiply_add(left, right[v], sums[row * vectors + v]) for v in range(vectors)]
        return result

    def several(sums: list[Any], k: Any) -> list[Any]:
        pieces = [sums[size * u : size * (u + 1)] for u in range(unrolled)]
        return [s for u, piece in enumerate(pieces) for s in one(piece, builder.add(k, LONG(u)))]

    begin = [builder.sub(b_columns, LONG(v * count)) for v in range(vectors)]
    sums = [vector.load(vector.at(b, v * count), vector.below(begin[v])) for v in range(vectors)] * rows
    start = LONG(0)
    if unrolled > 1:
        stop = builder.sub(depth, builder.srem(depth, LONG(unrolled)))
        sums = vector.loop(start, stop, unrolled, sums + [vector.zero] * (size * (unrolled - 1)), several)
        while len(sums) > size:
            half = len(sums) // 2
            sums = [builder.fadd(x, y) for x, y in zip(sums[:half], sums[half:], strict=True)]
        start = stop
    sums = vector.loop(start, depth, 1, sums, one)
    for row in range(rows):
        for v in range(vectors):
            place = vector.at(builder.gep(C, [builder.mul(C_stride, LONG(row))]), v * count)
            vector.store(sums[row * vectors + v], place, masks[v])


@intrinsic
def dots(typing: Any, D: Any, W: Any, G: Any, depth: Any, rows: Any) -> Any:
    """See `blocks`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        D, W, G, depth, rows = arguments
        vector = Vectors(builder, D, width(signature.args[0].dtype.bitwidth))
        count = vector.count
        last = builder.sub(rows, LONG(1))
        starts = [vector.at(W, vector.smaller(LONG(j), last), depth) for j in range(count)]

        def add(sums: list[Any], k: Any, mask: Any = None) -> list[Any]:
            right = vector.load(vector.at(D, k), mask)
            return [
                vector.multiply_add(vector.load(vector.at(start, k), mask), right, s)
                for start, s in zip(starts, sums, strict=True)
            ]

        whole = builder.sub(depth, builder.srem(depth, LONG(count)))
        sums = vector.loop(LONG(0), whole, count, [vector.zero] * count, add)
        rest = vector.below(builder.sub(depth, whole))
        sums = vector.loop(whole, depth, count, sums, lambda sums, k: add(sums, k, rest))
        while len(sums) > 1:
            half = len(sums) // 2
            pairs = [vector.halves(x, y, half) for x, y in zip(sums[:half], sums[half:], strict=True)]
            sums = [builder.fadd(*pair) for pair in pairs]
        vector.store(sums[0], G, vector.below(rows))
        return context.get_dummy_value()

    return types.void(D, W, G, NUMBER, NUMBER), generate


@intrinsic
def descend(typing: Any, x: Any, rate: Any, delta: Any, W: Any, i: Any, o: Any) -> Any:
    """See `blocks`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, rate, delta, W, i, o = arguments
        vector = Vectors(builder, W, width(signature.args[3].dtype.bitwidth))

        def columns(nothing: list[Any], k: Any) -> list[Any]:
            mask = vector.below(builder.sub(o, k))
            step = builder.fmul(vector.load(vector.at(delta, k), mask), vector.spread(builder.fneg(rate)))
            start = vector.at(W, k)

            def row(nothing: list[Any], j: Any) -> list[Any]:
                place = vector.at(start, j, o)
                factor = vector.spread(builder.load(vector.at(x, j)))
                vector.store(vector.multiply_add(factor, step, vector.load(place, mask)), place, mask)
                return nothing

            return vector.loop(LONG(0), i, 1, nothing, row)

        vector.loop(LONG(0), o, vector.count, [], columns)
        return context.get_dummy_value()

    return types.void(x, W.dtype, delta, W, NUMBER, NUMBER), generate


@intrinsic
def transpose(typing: Any, W: Any, stride: Any, rows: Any, columns: Any, to: Any, to_stride: Any) -> Any:
    """See `blocks`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        W, stride, rows, columns, to, to_stride = arguments
        vector = Vectors(builder, W, width(signature.args[0].dtype.bitwidth))
        mask, last = vector.below(columns), builder.sub(rows, LONG(1))
        count = half = vector.count
        lines = [vector.load(vector.at(W, vector.smaller(LONG(r), last), stride), mask) for r in range(count)]
        while half > 1:
            half //= 2
            for first in (line for line in range(count) if line % (2 * half) < half):
                lines[first], lines[first + half] = vector.halves(lines[first], lines[first + half], half)
        for c, line in enumerate(lines):
            vector.store(line, vector.at(to, to_stride, c))
        return context.get_dummy_value()

    return types.void(W, NUMBER, NUMBER, NUMBER, W, NUMBER), generate


IN_PLACE_OF: dict[Any, Any] = {
    blocks.lanes: lanes,
    blocks.block: block,
    blocks.dots: dots,
    blocks.descend: descend,
    blocks.transpose: transpose,
}
