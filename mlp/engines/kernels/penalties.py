"""Penalties on the tape: added to the loss of the step, and their derivatives to the gradients.

The formulas of L1 and L2 stand in their classes, as `scalar_penalty` and `scalar_gradient` of one
weight. That of angles is a matter of matrices and stands here.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp.arrays import buffer
from mlp.elementary import absolute, sign, sqrt, where
from mlp.engines.kernels import blas
from mlp.engines.kernels.activations import own, settings
from mlp.engines.kernels.pointers import (
    Anchor,
    Record,
    doubles,
    integers,
    multiply,
    number,
    numbers,
    pointer,
    shift,
)
from mlp.engines.kernels.tape import Operand, Tape, Uncompilable
from mlp.engines.kernels.walk import LOSSES, OPERANDS, START, STEP, STOP
from mlp.layers import stack
from mlp.layers.base import Layer
from mlp.regularizers import OrthogonalRegularizer, Regularizer

CHUNK = 4096  # numbers that are added up in the engine's type, and then in float64


def formula(*values: Any) -> Any:
    """What the tape puts here: a function of a regularizer's class."""
    raise NotImplementedError


def emit(tape: Tape, layers: Sequence[Layer]) -> None:
    """Add the penalties of the parameters to the loss of the step, and their derivatives to the gradients."""
    for _, leaf in stack.leaves(layers):
        for name, regularizer in leaf.regularizers.items() if leaf.learns else ():
            W = leaf.parameters[name]
            emit_one(tape, regularizer, W, leaf.gradients["d" + name], W.shape)


def emit_one(
    tape: Tape, regularizer: Regularizer, W: Operand, dW: Operand, shape: Sequence[int], share: float = 1.0
) -> None:
    """Add one penalty.

    Parameters
    ----------
    regularizer : Regularizer
    W : operand
        What is penalised.
    dW : operand
        Where the derivative is added; None for nowhere.
    shape : sequence of int
        Of W.
    share : float
        Factor of the penalty.

    Raises
    ------
    Uncompilable
        If the regularizer's class has no compiled form.
    """
    size = int(np.prod(shape))
    if type(regularizer) is OrthogonalRegularizer and len(shape) == 2:
        _emit_angles(tape, regularizer, W, dW, (shape[0], shape[1]), share)
        return
    value = own(regularizer, "__call__", "scalar_penalty")
    gradient = own(regularizer, "gradient", "scalar_gradient")
    if value is None or gradient is None:
        raise Uncompilable(f"regularizer {type(regularizer).__name__} has no compiled form")
    options = settings(regularizer, value, 1)
    tape.add(add_penalty, W, tape.clock, float(share), work=size, formula=value, numbers=options)
    if dW is not None:
        options = settings(regularizer, gradient, 1)
        tape.add(add_gradient, W, dW, float(share), work=size, formula=gradient, numbers=options, shared=1)


def _emit_angles(
    tape: Tape, part: OrthogonalRegularizer, W: Operand, dW: Operand, shape: tuple[int, int], share: float
) -> None:
    by_rows = part.mode == "rows"
    count = shape[0] if by_rows else shape[1]
    factor = share * part.factor / max(count * (count - 1) // 2, 1)
    units, product = buffer(shape, tape.dtype), buffer(shape, tape.dtype)
    norms, lengths = buffer((count,), tape.dtype), buffer((count,), tape.dtype)
    cosines = buffer((count, count), tape.dtype)
    tape.add(
        add_angles, W, dW, *shape, units, norms, cosines, lengths, product, int(by_rows), float(factor),
        blas.find().gemm(tape.dtype), tape.clock,
    )  # fmt: skip


# kernels


def add_penalty(record: Record, anchor: Anchor) -> None:
    """Loss of the step += share Σ penalty(w)."""
    W, clock = pointer(record[OPERANDS], anchor), integers(record[OPERANDS + 1])
    share, options = number(record[OPERANDS + 2], anchor), numbers(record, OPERANDS + 3, anchor)
    losses, count = doubles(clock[LOSSES]), record[STOP]
    for start in range(0, count, CHUNK):
        part = anchor[0]
        for k in range(start, min(start + CHUNK, count)):
            part += formula(W[k], *options)
        losses[clock[STEP]] += share * part


def add_gradient(record: Record, anchor: Anchor) -> None:
    """DW += share ∂penalty/∂w."""
    W, dW = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    share, options = number(record[OPERANDS + 2], anchor), numbers(record, OPERANDS + 3, anchor)
    for k in range(record[START], record[STOP]):
        dW[k] += share * formula(W[k], *options)


def add_angles(record: Record, anchor: Anchor) -> None:
    """Penalty and derivative of `OrthogonalRegularizer`, with the letters of its docstring."""
    W, dW = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    i, o = record[OPERANDS + 2], record[OPERANDS + 3]
    units, norms = pointer(record[OPERANDS + 4], anchor), pointer(record[OPERANDS + 5], anchor)
    cosines, lengths = pointer(record[OPERANDS + 6], anchor), pointer(record[OPERANDS + 7], anchor)
    product, by_rows = pointer(record[OPERANDS + 8], anchor), record[OPERANDS + 9]
    factor, gemm, clock = (
        number(record[OPERANDS + 10], anchor),
        record[OPERANDS + 11],
        integers(record[OPERANDS + 12]),
    )
    count = i if by_rows != 0 else o
    row_stride, column_stride = by_rows, 1 - by_rows  # where the vector of W[j, k] has its number
    normalise(W, units, norms, i, o, count, row_stride, column_stride, anchor)
    if by_rows != 0:
        multiply(gemm, 0, 1, i, i, o, anchor[1], units, units, anchor[0], cosines)
    else:
        multiply(gemm, 1, 0, o, o, i, anchor[1], units, units, anchor[0], cosines)
    total = anchor[0]
    for j in range(count):
        row, length = shift(cosines, j * count), anchor[0]
        row[j] = anchor[0]
        for k in range(count):
            length += absolute(row[k])
        for k in range(count):
            row[k] = sign(row[k])
        lengths[j] = length
        total += length
    doubles(clock[LOSSES])[clock[STEP]] += 0.5 * factor * total
    if record[OPERANDS + 1] == 0:
        return
    if by_rows != 0:
        multiply(gemm, 0, 0, i, o, i, anchor[1], cosines, units, anchor[0], product)
    else:
        multiply(gemm, 0, 0, i, o, o, anchor[1], units, cosines, anchor[0], product)
    for j in range(i):
        for k in range(o):
            at, own_vector = j * o + k, j * row_stride + k * column_stride
            dW[at] += (product[at] - lengths[own_vector] * units[at]) * factor / norms[own_vector]


def normalise(
    W: Any,
    units: Any,
    norms: Any,
    i: int,
    o: int,
    count: int,
    row_stride: int,
    column_stride: int,
    anchor: Anchor,
) -> None:
    """Units = the rows or columns of W at length 1; norms = their lengths, 1 for 0."""
    for j in range(count):
        norms[j] = anchor[0]
    for j in range(i):
        for k in range(o):
            norms[j * row_stride + k * column_stride] += W[j * o + k] * W[j * o + k]
    for j in range(count):
        norms[j] = where(norms[j] == 0.0, 1.0, sqrt(norms[j]))
    for j in range(i):
        for k in range(o):
            units[j * o + k] = W[j * o + k] / norms[j * row_stride + k * column_stride]
