"""Instructions that several layers share: sums, products and copies of buffers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.elementary import sqrt
from mlp.engines.kernels.pointers import Anchor, Record, integers, narrow, number, pointer, shift
from mlp.engines.kernels.tape import Operand, Tape
from mlp.engines.kernels.walk import OPERANDS, START, STOP

Run = tuple[int, int, int, int, int]  # to, its step, from, its step, count


def emit_runs(
    tape: Tape, source: Operand, into: Array, runs: Sequence[Run], widths: tuple[int, int], rows: int
) -> None:
    """Add copies of evenly spaced numbers within each row.

    Parameters
    ----------
    runs : sequence of (to, its step, from, its step, count)
    widths : int, int
        Of a row of the source, and of one of `into`.
    rows : int
    """
    table = np.array(runs, np.int64).reshape(-1, 5)
    tape.add(copy_runs, source, into, table, len(table), *widths, work=rows, shared=max(widths))


def turned(runs: Sequence[Run]) -> list[Run]:
    """The same copies in the other direction."""
    return [(start, stride, to, step, count) for to, step, start, stride, count in runs]


# kernels


def inverse_root(value: float, anchor: Anchor) -> Any:
    """1/√value, by way of float64: of float32 LLVM takes an estimate, which is NaN at 0 and at infinity."""
    wide = value + 0  # an integer and a number of either type make one of float64
    return narrow(1 / sqrt(wide), anchor)


def clear(record: Record, anchor: Anchor) -> None:
    """``out = 0``."""
    out = pointer(record[OPERANDS], anchor)
    for k in range(record[START], record[STOP]):
        out[k] = anchor[0]


def copy(record: Record, anchor: Anchor) -> None:
    """``out = A``."""
    A, out = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    for k in range(record[START], record[STOP]):
        out[k] = A[k]


def add(record: Record, anchor: Anchor) -> None:
    """``out = A + B``."""
    A, B = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    out = pointer(record[OPERANDS + 2], anchor)
    for k in range(record[START], record[STOP]):
        out[k] = A[k] + B[k]


def accumulate(record: Record, anchor: Anchor) -> None:
    """``out = out + A``."""
    A, out = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    for k in range(record[START], record[STOP]):
        out[k] += A[k]


def multiply_by(record: Record, anchor: Anchor) -> None:
    """``out = factor A``."""
    A, out = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    factor = number(record[OPERANDS + 2], anchor)
    for k in range(record[START], record[STOP]):
        out[k] = factor * A[k]


def multiply_in_place(record: Record, anchor: Anchor) -> None:
    """``A = factor A``; with two pointers to the same numbers the loop would not become vectors."""
    A, factor = pointer(record[OPERANDS], anchor), number(record[OPERANDS + 1], anchor)
    for k in range(record[START], record[STOP]):
        A[k] *= factor


def multiply_elements(record: Record, anchor: Anchor) -> None:
    """``out = A ∘ B``."""
    A, B = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    out = pointer(record[OPERANDS + 2], anchor)
    for k in range(record[START], record[STOP]):
        out[k] = A[k] * B[k]


def scale_rows(record: Record, anchor: Anchor) -> None:
    """``out = factor ∘ (X − centre) + offset`` in each row."""
    X, centre = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    factor, offset = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    out, width = pointer(record[OPERANDS + 4], anchor), record[OPERANDS + 5]
    for r in range(record[START], record[STOP]):
        x, y = shift(X, r * width), shift(out, r * width)
        for k in range(width):
            y[k] = (x[k] - centre[k]) * factor[k] + offset[k]


def multiply_rows(record: Record, anchor: Anchor) -> None:
    """``grad = delta ∘ factor`` in each row."""
    delta, factor = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    grad, width = pointer(record[OPERANDS + 2], anchor), record[OPERANDS + 3]
    for r in range(record[START], record[STOP]):
        d, g = shift(delta, r * width), shift(grad, r * width)
        for k in range(width):
            g[k] = d[k] * factor[k]


def copy_runs(record: Record, anchor: Anchor) -> None:
    """In each row ``into[to + k step] = source[from + k stride]`` for (to, step, from, stride, count)."""
    source, into = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    table, count = integers(record[OPERANDS + 2]), record[OPERANDS + 3]
    source_width, into_width = record[OPERANDS + 4], record[OPERANDS + 5]
    for r in range(record[START], record[STOP]):
        for place in range(count):
            run = shift(table, 5 * place)
            to, step = shift(into, r * into_width + run[0]), run[1]
            start, stride, length = shift(source, r * source_width + run[2]), run[3], run[4]
            if step == 1 and stride == 1:
                for k in range(length):
                    to[k] = start[k]
            else:
                for k in range(length):
                    to[k * step] = start[k * stride]
