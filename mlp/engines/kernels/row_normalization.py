"""LayerNormalization, GroupNormalization and RMSNormalization on the tape: one form for the three.

A line is what has a mean and a variance of its own: a row, or a group of it. RMSNormalization is the
case in which the mean counts as 0. What was normed is not kept but made again on the way back, from
X, which is in memory anyway.
"""

import numpy as np

from mlp.arrays import Array
from mlp.engines.kernels.arithmetic import inverse_root
from mlp.engines.kernels.pointers import Anchor, Record, number, pointer, shift
from mlp.engines.kernels.tape import Operand, Tape
from mlp.engines.kernels.walk import OPERANDS, START, STOP
from mlp.layers.group_normalization import GroupNormalization
from mlp.layers.row_normalization import LayerNormalization, RMSNormalization

Normalization = LayerNormalization | GroupNormalization | RMSNormalization


def forward(tape: Tape, layer: Normalization, X: Operand) -> Operand:
    """``out = γ (X − mean) / √(variance + ε) + β``."""
    layer.allocate(tape.rows)
    tape.inputs[layer] = X
    (gamma, _), (beta, _) = _pairs(tape, layer)
    tape.add(
        normalize_lines, X, gamma, beta, layer.mean, layer.inverse, layer.out, *_sizes(layer),
        float(layer._epsilon), work=_rows(layer), shared=layer.out.size // _rows(layer),
    )  # fmt: skip
    return layer.out


def backward(tape: Tape, layer: Normalization, delta: Operand) -> Operand:
    """``dβ = Σ_n delta, dγ = Σ_n delta ∘ x̂, grad = (γδ − mean(γδ) − x̂ mean(γδ ∘ x̂)) / √(variance + ε)``."""
    if not (layer.passes_grad or layer.learns):
        return delta
    (gamma, dgamma), (_, dbeta) = _pairs(tape, layer)
    grad = layer.grad if layer.passes_grad else None
    tape.add(
        lines_back, delta, tape.inputs[layer], gamma, layer.mean, layer.inverse, dgamma, dbeta, grad,
        *_sizes(layer), work=_rows(layer),
    )  # fmt: skip
    return delta if grad is None else grad


def _pairs(tape: Tape, layer: Normalization) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """γ with dγ and β with dβ; where the layer lacks them or may not learn, memory in their places."""
    width, names = layer.output_shape[-1], ("gamma", "beta")
    if isinstance(layer, RMSNormalization):
        names = ("scale", "")
    pairs = []
    for name, value in zip(names, (1, 0), strict=True):
        default = np.full(width, value, tape.dtype)
        learned = layer.gradients.get(f"d{name}") if layer.learns else None
        pairs.append(
            (layer.parameters.get(name, default), np.empty_like(default) if learned is None else learned)
        )
    return pairs[0], pairs[1]


def _sizes(layer: Normalization) -> tuple[int, int, float, float]:
    """Lines of a row, length of a line, one over it, and 0 for it where the mean counts as 0."""
    columns = layer.output_shape[-1]
    width = layer._lines[1] if isinstance(layer, GroupNormalization) else columns
    centred = 0.0 if isinstance(layer, RMSNormalization) else 1.0
    return columns // width, width, 1.0 / width, centred / width


def _rows(layer: Normalization) -> int:
    """All axes but the last count as rows."""
    return layer.out.size // layer.output_shape[-1]


# kernels


def normalize_lines(record: Record, anchor: Anchor) -> None:
    """Mean and 1/√(variance + ε) of each line, out = γ (X − mean) / √(variance + ε) + β."""
    X, gamma = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    beta, means = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    inverses, out = pointer(record[OPERANDS + 4], anchor), pointer(record[OPERANDS + 5], anchor)
    groups, width = record[OPERANDS + 6], record[OPERANDS + 7]
    share, mean_share = number(record[OPERANDS + 8], anchor), number(record[OPERANDS + 9], anchor)
    epsilon = number(record[OPERANDS + 10], anchor)
    for r in range(record[START], record[STOP]):
        for group in range(groups):
            line = r * groups + group
            x, y = shift(X, line * width), shift(out, line * width)
            scale, offset = shift(gamma, group * width), shift(beta, group * width)
            total = anchor[0]
            for k in range(width):
                total += x[k]
            mean = total * mean_share if mean_share > anchor[0] else anchor[0]
            squares = anchor[0]
            for k in range(width):
                squares += (x[k] - mean) * (x[k] - mean)
            inverse = inverse_root(squares * share + epsilon, anchor)
            for k in range(width):
                y[k] = (x[k] - mean) * inverse * scale[k] + offset[k]
            means[line] = mean
            inverses[line] = inverse


def lines_back(record: Record, anchor: Anchor) -> None:
    """dγ, dβ and grad, line by line."""
    delta, X = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    gamma, means = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    inverses, dgamma = pointer(record[OPERANDS + 4], anchor), pointer(record[OPERANDS + 5], anchor)
    dbeta, grad = pointer(record[OPERANDS + 6], anchor), pointer(record[OPERANDS + 7], anchor)
    groups, width = record[OPERANDS + 8], record[OPERANDS + 9]
    share, mean_share = number(record[OPERANDS + 10], anchor), number(record[OPERANDS + 11], anchor)
    for k in range(groups * width):
        dgamma[k] = anchor[0]
        dbeta[k] = anchor[0]
    for r in range(record[STOP]):
        for group in range(groups):
            line, column = r * groups + group, group * width
            d, x, scale = shift(delta, line * width), shift(X, line * width), shift(gamma, column)
            mean, inverse = means[line], inverses[line]
            gather_line(d, x, shift(dgamma, column), shift(dbeta, column), width, mean, inverse)
            if record[OPERANDS + 7] != 0:
                total, product = anchor[0], anchor[0]
                for k in range(width):
                    total += d[k] * scale[k]
                    product += d[k] * scale[k] * (x[k] - mean)
                slope = product * inverse * inverse * share
                level = total * mean_share if mean_share > anchor[0] else anchor[0]
                g = shift(grad, line * width)
                for k in range(width):
                    g[k] = (d[k] * scale[k] - level - (x[k] - mean) * slope) * inverse


def gather_line(
    d: object, x: object, dgamma: object, dbeta: object, width: int, mean: float, inverse: float
) -> None:
    """What a line adds to dγ and dβ."""
    for k in range(width):
        dgamma[k] += d[k] * (x[k] - mean) * inverse  # type: ignore[index]
        dbeta[k] += d[k]  # type: ignore[index]
