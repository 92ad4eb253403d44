"""Branches side by side on the tape."""

import math

from mlp.engines.kernels import propagation
from mlp.engines.kernels.arithmetic import accumulate, clear, emit_runs
from mlp.engines.kernels.tape import Operand, Tape
from mlp.layers.blocks import Concatenate


def forward(tape: Tape, layer: Concatenate, X: Operand) -> Operand:
    """``out = [F_1(X), F_2(X), …]``."""
    layer.allocate(tape.rows)
    for branch, place in zip(layer.branches, layer.places, strict=True):
        out = propagation.forward(tape, branch, X)
        width = place.stop - place.start
        run = (place.start, 1, 0, 1, width)
        emit_runs(tape, out, layer.out, [run], (width, layer.joined[-1]), _lines(tape, layer))
    return layer.out


def backward(tape: Tape, layer: Concatenate, delta: Operand) -> Operand:
    """Grad is the sum over the branches of what they make of their columns of delta."""
    total = layer.total
    tape.add(clear, total, work=total.size)
    for k, (branch, place) in enumerate(zip(layer.branches, layer.places, strict=True)):
        part, width = vars(layer)[f"part_{k}"], place.stop - place.start
        emit_runs(
            tape, delta, part, [(0, 1, place.start, 1, width)], (layer.joined[-1], width), _lines(tape, layer)
        )
        grad = part
        if branch:
            grad = propagation.backward(tape, branch, propagation.delta_of(tape, branch[-1], part))
        if layer.passes_grad:
            tape.add(accumulate, grad, total, work=total.size, shared=1)
    return total


def _lines(tape: Tape, layer: Concatenate) -> int:
    return tape.rows * math.prod(layer.joined[:-1])
