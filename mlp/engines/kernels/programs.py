"""Programs: the tapes for a step of training, for a gradient, an evaluation and a prediction."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlp.arrays import Array, buffer
from mlp.engines.kernels import activity, losses, penalties, propagation
from mlp.engines.kernels.compiler import Compiler
from mlp.engines.kernels.data import emit_check, emit_gathering, emit_output, emit_weights
from mlp.engines.kernels.tape import Operand, Slot, Tape
from mlp.engines.kernels.updates import Updates
from mlp.layers.base import Layer
from mlp.losses import Loss
from mlp.optimizers import Optimizer


@dataclass(frozen=True)
class Kind:
    """What a program is for.

    Parameters
    ----------
    rows : int
        Of a batch.
    weighted : bool, default False
        Whether each row has a weight, or all have the same.
    gathered : bool, default False
        Whether the rows are gathered in the order of an epoch, or are arrays as they are.
    updates : bool, default False
        Whether the optimizer moves the parameters, or the gradient is all.
    measured : bool, default False
        Whether the outputs of all batches are kept.
    """

    rows: int
    weighted: bool = False
    gathered: bool = False
    updates: bool = False
    measured: bool = False


def prediction(compiler: Compiler, layers: Sequence[Layer], rows: int) -> Tape:
    """The output of the slot "X", in `tape.out`."""
    tape = Tape(compiler, rows, training=False)
    tape.out = propagation.forward(tape, layers, Slot("X"))
    return tape


def answer(compiler: Compiler, layers: Sequence[Layer], X: Array) -> Tape:
    """The output for what stands in a buffer; the loss is NaN if not all of it is finite."""
    tape = Tape(compiler, len(X), training=False)
    emit_check(tape, X)
    tape.out = propagation.forward(tape, layers, X)
    return tape


def evaluation(compiler: Compiler, layers: Sequence[Layer], loss: Loss, rows: int, weighted: bool) -> Tape:
    """The output, and the loss of the slots "X", "T" and "weight"; penalties on activities by "rows"."""
    tape = Tape(compiler, rows, training=False)
    tape.out = out = propagation.forward(tape, layers, Slot("X"))
    losses.emit_loss(tape, loss, net_of(layers[-1], out), out, Slot("T"), Slot("weight"), weighted)
    activity.emit_values(tape, layers, Slot("rows"))
    return tape


def step(
    compiler: Compiler,
    layers: Sequence[Layer],
    learning: Sequence[Layer],
    loss: Loss,
    optimizer: Optimizer,
    kind: Kind,
) -> Tape:
    """Forward, loss, backward, penalties and, if so wanted, the update."""
    tape = Tape(compiler, kind.rows)
    tape.updates = Updates(optimizer, not kind.gathered) if kind.updates else None
    X: Operand = Slot("X")
    T: Operand = Slot("T")
    weight: Operand = Slot("weight")
    if kind.gathered:
        first, columns = layers[0].input_shape or (), loss.encoded_columns(loss.units)
        X = emit_gathering(tape, "X", buffer((kind.rows, *first), compiler.dtype))
        T = emit_gathering(tape, "T", buffer((kind.rows, columns), compiler.dtype))
        weight = Slot("share")
        if kind.weighted:
            weight = emit_weights(tape, buffer((kind.rows,), compiler.dtype))
    tape.out = out = propagation.forward(tape, layers, X)
    net = net_of(layers[-1], out)
    grad = losses.emit_loss(tape, loss, net, out, T, weight, kind.weighted, counts=kind.gathered)
    delta = losses.emit_output_delta(tape, loss, layers[-1], net, out, grad)
    activity.emit_values(tape, layers)
    delta = activity.emit_output_delta(tape, layers[-1], delta)
    if kind.measured:
        emit_output(tape, out, loss.units)
    if kind.updates:
        tape.add(losses.leave_if_infinite, tape.clock)
    propagation.backward(tape, learning, delta)
    penalties.emit(tape, layers)
    if tape.updates is not None:
        tape.updates.emit(tape)
    return tape


def net_of(last: Layer, out: Operand) -> Operand:
    """The net activation of the last layer; its output, if it has none."""
    return last.net if last.activation_units else out
