"""Layers that move numbers to other places in their row: Permute, Columns, RepeatVector."""

import math

import numpy as np

from mlp.engines.kernels.arithmetic import Run, clear, emit_runs, turned
from mlp.engines.kernels.pointers import Anchor, Record, pointer, shift
from mlp.engines.kernels.tape import Operand, Tape
from mlp.engines.kernels.walk import OPERANDS, START, STOP
from mlp.layers.shape import Columns, Permute, RepeatVector, even_runs


def forward(tape: Tape, layer: Permute | Columns | RepeatVector, X: Operand) -> Operand:
    """The numbers of X at other places."""
    layer.allocate(tape.rows)
    runs, (inner, outer), lines = _runs(layer)
    emit_runs(tape, X, layer.out, runs, (inner, outer), tape.rows * lines)
    return layer.out


def backward(tape: Tape, layer: Permute | Columns | RepeatVector, delta: Operand) -> Operand:
    """Grad is delta where it came from: the sum of what came from there, 0 where nothing did."""
    if not layer.passes_grad:
        return delta
    runs, (inner, outer), lines = _runs(layer)
    if isinstance(layer, RepeatVector):
        tape.add(sum_repeats, delta, layer.grad, inner, layer.n, work=tape.rows, shared=inner * layer.n)
        return layer.grad
    if outer < inner:
        tape.add(clear, layer.grad, work=layer.grad.size)
    emit_runs(tape, delta, layer.grad, turned(runs), (outer, inner), tape.rows * lines)
    return layer.grad


def _runs(layer: Permute | Columns | RepeatVector) -> tuple[list[Run], tuple[int, int], int]:
    """What goes where in a line, lengths of a line below and above, and how many a row has."""
    assert layer.input_shape is not None
    inputs = layer.input_shape
    if isinstance(layer, RepeatVector):
        (size,) = inputs
        return [(k * size, 1, 0, 1, size) for k in range(layer.n)], (size, layer.n * size), 1
    if isinstance(layer, Columns):
        columns = [k % inputs[-1] for k in layer.indices]
        return _even(columns), (inputs[-1], len(columns)), math.prod(inputs[:-1])
    size = math.prod(inputs)
    places = np.arange(size).reshape(inputs).transpose([k - 1 for k in layer.dims])
    return _even(places.reshape(-1).tolist()), (size, size), 1


def _even(columns: list[int]) -> list[Run]:
    return [
        (here.start, 1, there.start, there.step, here.stop - here.start) for here, there in even_runs(columns)
    ]


# kernels


def sum_repeats(record: Record, anchor: Anchor) -> None:
    """``grad = Σ_k delta[n, k]``."""
    delta, grad = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    width, times = record[OPERANDS + 2], record[OPERANDS + 3]
    for r in range(record[START], record[STOP]):
        d, g = shift(delta, r * times * width), shift(grad, r * width)
        for j in range(width):
            g[j] = d[j]
        for k in range(1, times):
            other = shift(d, k * width)
            for j in range(width):
                g[j] += other[j]
