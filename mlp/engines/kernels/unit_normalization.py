"""UnitNormalization on the tape."""

from mlp.elementary import sqrt, where
from mlp.engines.kernels.arithmetic import inverse_root
from mlp.engines.kernels.pointers import Anchor, Record, number, pointer, shift
from mlp.engines.kernels.tape import Operand, Tape
from mlp.engines.kernels.walk import OPERANDS, START, STOP
from mlp.layers.row_normalization import UnitNormalization


def forward(tape: Tape, layer: UnitNormalization, X: Operand) -> Operand:
    """``out = X / ‖X‖``."""
    layer.allocate(tape.rows)
    width = layer.output_shape[-1]
    tape.add(
        to_length_1, X, layer.inverse, layer.out, width, float(layer._shortest),
        work=layer.out.size // width, shared=width,
    )  # fmt: skip
    return layer.out


def backward(tape: Tape, layer: UnitNormalization, delta: Operand) -> Operand:
    """``grad = (delta − out (Σ_k delta_k out_k)) / ‖X‖``."""
    if not layer.passes_grad:
        return delta
    width = layer.output_shape[-1]
    tape.add(
        length_1_back, delta, layer.inverse, layer.out, layer.grad, width,
        work=layer.out.size // width, shared=width,
    )  # fmt: skip
    return layer.grad


# kernels


def to_length_1(record: Record, anchor: Anchor) -> None:
    """``inverse = 1/‖X‖``, or 0 for a row without a direction; ``out = X inverse``."""
    X, inverses = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    out, width = pointer(record[OPERANDS + 2], anchor), record[OPERANDS + 3]
    shortest = number(record[OPERANDS + 4], anchor)
    for r in range(record[START], record[STOP]):
        x, y = shift(X, r * width), shift(out, r * width)
        total = anchor[0]
        for k in range(width):
            total += x[k] * x[k]
        inverse = where(sqrt(total) < shortest, anchor[0], inverse_root(total, anchor))
        for k in range(width):
            y[k] = x[k] * inverse
        inverses[r] = inverse


def length_1_back(record: Record, anchor: Anchor) -> None:
    """``grad = (delta − out (Σ_k delta_k out_k)) inverse``."""
    delta, inverses = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    out, grad = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    width = record[OPERANDS + 4]
    for r in range(record[START], record[STOP]):
        d, y, g = shift(delta, r * width), shift(out, r * width), shift(grad, r * width)
        common, inverse = anchor[0], inverses[r]
        for k in range(width):
            common += d[k] * y[k]
        for k in range(width):
            g[k] = (d[k] - y[k] * common) * inverse
