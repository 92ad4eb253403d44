"""The residual block on the tape."""

from mlp.engines.kernels import arithmetic, propagation
from mlp.engines.kernels.tape import Operand, Tape
from mlp.layers.blocks import Residual


def forward(tape: Tape, layer: Residual, X: Operand) -> Operand:
    """``out = X + F(X)``."""
    layer.allocate(tape.rows)
    inner = propagation.forward(tape, layer.layers, X)
    tape.add(arithmetic.add, X, inner, layer.out, work=layer.out.size, shared=1)
    return layer.out


def backward(tape: Tape, layer: Residual, delta: Operand) -> Operand:
    """Grad is delta and the grad of F."""
    inner = propagation.backward(tape, layer.layers, propagation.delta_of(tape, layer.layers[-1], delta))
    if not layer.passes_grad:
        return delta
    tape.add(arithmetic.add, delta, inner, layer.total, work=layer.total.size, shared=1)
    return layer.total
