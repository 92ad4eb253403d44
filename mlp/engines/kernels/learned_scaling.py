"""Scale on the tape: each column multiplied by a factor that is learned."""

from mlp.engines.kernels.arithmetic import multiply_rows
from mlp.engines.kernels.pointers import Anchor, Record, pointer, shift
from mlp.engines.kernels.tape import Operand, Tape
from mlp.engines.kernels.walk import OPERANDS, STOP
from mlp.layers.scale import Scale


def forward(tape: Tape, layer: Scale, X: Operand) -> Operand:
    """``out = γ ∘ X``."""
    layer.allocate(tape.rows)
    tape.inputs[layer] = X
    tape.showing[layer] = {"X": X}
    width = layer.gamma.size
    tape.add(multiply_rows, X, layer.gamma, layer.out, width, work=tape.rows, shared=width)
    return layer.out


def backward(tape: Tape, layer: Scale, delta: Operand) -> Operand:
    """``dγ = Σ_n delta ∘ X, grad = delta ∘ γ``."""
    width = layer.gamma.size
    if layer.learns:
        tape.add(sum_products, delta, tape.inputs[layer], layer.dgamma, width, work=tape.rows)
    if not layer.passes_grad:
        return delta
    tape.add(multiply_rows, delta, layer.gamma, layer.grad, width, work=tape.rows, shared=width)
    return layer.grad


# kernels


def sum_products(record: Record, anchor: Anchor) -> None:
    """``total = Σ_n A ∘ B``, row by row."""
    A, B = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    total, width = pointer(record[OPERANDS + 2], anchor), record[OPERANDS + 3]
    for k in range(width):
        total[k] = anchor[0]
    for r in range(record[STOP]):
        a, b = shift(A, r * width), shift(B, r * width)
        for k in range(width):
            total[k] += a[k] * b[k]
