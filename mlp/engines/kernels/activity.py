"""Penalties on what layers put out, on the tape: their value and what they add to grad."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp.engines.kernels.activations import emit_delta, own, settings
from mlp.engines.kernels.arithmetic import accumulate, copy
from mlp.engines.kernels.pointers import Anchor, Record, doubles, integers, number, numbers, pointer, shift
from mlp.engines.kernels.tape import Operand, Tape, Uncompilable
from mlp.engines.kernels.walk import LOSSES, OPERANDS, START, STEP, STOP
from mlp.layers import stack
from mlp.layers.base import Layer


def formula(*values: Any) -> Any:
    """What the tape puts here: `scalar_penalty` or `scalar_gradient` of a regularizer."""
    raise NotImplementedError


def emit_values(tape: Tape, layers: Sequence[Layer], rows: Operand = None) -> None:
    """Add the penalties of all layers to the loss of the step, once the layers have put out what they do.

    Parameters
    ----------
    rows : array or slot of float64, shape (1,), optional
        What they are divided by; by default the rows of the batch.
    """
    divisor = np.array([tape.rows], np.float64) if rows is None else rows
    for _, layer in stack.leaves(layers):
        if layer.activity_regularizer is not None:
            function, options = _form(layer, "__call__", "scalar_penalty", 1)
            width = layer.activity[0].size
            tape.add(
                add_penalty, tape.outputs[layer], width, tape.clock, divisor,
                work=tape.rows, formula=function, numbers=options,
            )  # fmt: skip


def emit_grad(tape: Tape, layer: Layer, grad: Operand) -> Operand:
    """Add the derivative of a layer's penalty to grad; where the sum is."""
    if layer.activity_regularizer is None:
        return grad
    function, options = _form(layer, "gradient", "scalar_gradient", 1)
    total = layer.activity
    tape.add(
        add_slope, grad, tape.outputs[layer], total, 1.0 / tape.rows,
        work=total.size, formula=function, numbers=options, shared=1,
    )  # fmt: skip
    return total


def emit_output_delta(tape: Tape, last: Layer, delta: Operand) -> Operand:
    """The same for the last layer, whose delta the loss has made: add f'(net) ∘ the derivative to it."""
    if last.activity_regularizer is None:
        return delta
    zero = np.zeros_like(last.activity)
    grad = emit_grad(tape, last, zero)
    learned = [last.gradients[name] for name in last.activation_parameters if name in last.gradients]
    of_loss = [np.empty_like(gradient) for gradient in learned]  # which `emit_delta` sets anew
    for gradient, kept in zip(learned, of_loss, strict=True):
        tape.add(copy, gradient, kept, work=kept.size)
    units, room = last.activation_units or last.output_shape[-1], last.activity_delta
    own_delta = emit_delta(tape, last.activation, grad, last.net, tape.outputs[last], room, units)
    for gradient, kept in zip(learned, of_loss, strict=True):
        tape.add(accumulate, kept, gradient, work=kept.size)
    tape.add(accumulate, own_delta, delta, work=room.size, shared=1)
    return delta


def _form(layer: Layer, method: str, compiled: str, first: int) -> tuple[Any, list[float]]:
    """The scalar form of a layer's regularizer and its numbers."""
    regularizer: Any = layer.activity_regularizer
    function = own(regularizer, method, compiled)
    if function is None:
        raise Uncompilable(
            f"layer {layer.name!r} has the activity_regularizer {type(regularizer).__name__}, which has no "
            "compiled form"
        )
    return function, settings(regularizer, function, first)


# kernels


def add_penalty(record: Record, anchor: Anchor) -> None:
    """Loss of the step += Σ penalty(out) / rows."""
    out, width = pointer(record[OPERANDS], anchor), record[OPERANDS + 1]
    clock, rows = integers(record[OPERANDS + 2]), doubles(record[OPERANDS + 3])
    options = numbers(record, OPERANDS + 4, anchor)
    loss = shift(doubles(clock[LOSSES]), clock[STEP])
    for r in range(record[STOP]):
        row, total = shift(out, r * width), anchor[0]
        for k in range(width):
            total += formula(row[k], *options)
        loss[0] += total / rows[0]


def add_slope(record: Record, anchor: Anchor) -> None:
    """``total = grad + slope(out) / rows``."""
    grad, out = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    total, share = pointer(record[OPERANDS + 2], anchor), number(record[OPERANDS + 3], anchor)
    options = numbers(record, OPERANDS + 4, anchor)
    for k in range(record[START], record[STOP]):
        total[k] = grad[k] + formula(out[k], *options) * share
