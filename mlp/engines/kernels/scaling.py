"""Rescaling and Normalization on the tape: each column shifted and scaled."""

import math

import numpy as np

from mlp.arrays import Array
from mlp.elementary import maximum, sqrt
from mlp.engines.kernels.arithmetic import multiply_rows, scale_rows
from mlp.engines.kernels.pointers import Anchor, Record, integers, number, pointer
from mlp.engines.kernels.tape import Operand, Tape
from mlp.engines.kernels.walk import OPERANDS, STOP
from mlp.layers.preprocessing import EPSILON, Normalization, Rescaling


def forward(tape: Tape, layer: Rescaling | Normalization, X: Operand) -> Operand:
    """``out = factor ∘ (X − centre) + offset``."""
    layer.allocate(tape.rows)
    width = math.prod(layer.output_shape)
    centre, factor, offset = np.zeros((3, width), tape.dtype)
    if isinstance(layer, Rescaling):
        factor[:], offset[:] = _row(layer, layer._scale), _row(layer, layer._offset)
    else:
        # training does not move them, but others may between two walks of the tape
        places = _row(layer, np.arange(layer.mean.size).reshape(layer._deviation.shape))
        moved = offset if layer.invert else centre
        tape.add(
            take_statistics, layer.mean, layer.variance, places, moved, factor, int(layer.invert), EPSILON,
            work=width,
        )  # fmt: skip
    tape.kept[layer] = factor
    tape.add(scale_rows, X, centre, factor, offset, layer.out, width, work=tape.rows, shared=width)
    return layer.out


def backward(tape: Tape, layer: Rescaling | Normalization, delta: Operand) -> Operand:
    """``grad = delta ∘ factor``."""
    if not layer.passes_grad:
        return delta
    factor = tape.kept[layer]
    tape.add(multiply_rows, delta, factor, layer.grad, factor.size, work=tape.rows, shared=factor.size)
    return layer.grad


def _row(layer: Rescaling | Normalization, values: Array) -> Array:
    """A value for each number of a row."""
    return np.ascontiguousarray(np.broadcast_to(values, layer.output_shape)).reshape(-1)


# kernels


def take_statistics(record: Record, anchor: Anchor) -> None:
    """The mean and 1/√variance or, inverted, √variance, of each number of a row."""
    mean, variance = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    places, moved = integers(record[OPERANDS + 2]), pointer(record[OPERANDS + 3], anchor)
    factor, invert = pointer(record[OPERANDS + 4], anchor), record[OPERANDS + 5]
    least = number(record[OPERANDS + 6], anchor)
    for k in range(record[STOP]):
        place = places[k]
        deviation = maximum(sqrt(variance[place]), least)
        moved[k] = mean[place]
        factor[k] = deviation if invert != 0 else anchor[1] / deviation
