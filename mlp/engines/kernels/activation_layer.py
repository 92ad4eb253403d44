"""The layers `Activation` and `PReLU` on the tape."""

from mlp.arrays import buffer
from mlp.engines.kernels.activations import emit_delta, emit_f
from mlp.engines.kernels.arithmetic import copy
from mlp.engines.kernels.tape import Operand, Slot, Tape
from mlp.layers.activation import Activation, PReLU


def forward(tape: Tape, layer: Activation | PReLU, X: Operand) -> Operand:
    """out = f(X)."""
    layer.allocate(tape.rows)
    units = layer.activation_units
    if isinstance(X, Slot):  # the layer's `net` is the model's input, of which the place may change
        given, X = X, buffer((tape.rows, units), tape.dtype)
        tape.add(copy, given, X, work=tape.rows * units, shared=1)
    vars(layer)["net"] = X
    return emit_f(tape, layer.activation, X, layer.out, units)


def delta(tape: Tape, layer: Activation | PReLU, grad: Operand) -> Operand:
    """delta = f'(X) ∘ grad."""
    out, units = tape.outputs[layer], layer.activation_units
    return emit_delta(tape, layer.activation, grad, layer.net, out, layer.deltas, units)


def backward(tape: Tape, layer: Activation | PReLU, delta: Operand) -> Operand:
    """grad = delta."""
    return delta
