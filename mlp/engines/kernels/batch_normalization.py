"""BatchNormalization on the tape.

Mean and variance are found in one pass over the batch: those of a few rows, which the cache still
has for the second look that an exact variance needs, are joined with those of the rows before. With
m₁ of n₁ rows and m₂ of n₂, and M = Σ (X − m)²,

    m = m₁ + (m₂ − m₁) n₂/(n₁ + n₂),    M = M₁ + M₂ + (m₂ − m₁)² n₁ n₂/(n₁ + n₂)

(T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample variance", The
American Statistician 37, 1983).
"""

from typing import Any

import numpy as np

from mlp.arrays import buffer
from mlp.engines.kernels.arithmetic import inverse_root, multiply_rows, scale_rows
from mlp.engines.kernels.pointers import Anchor, Record, narrow, number, pointer, shift
from mlp.engines.kernels.tape import Operand, Tape
from mlp.engines.kernels.walk import OPERANDS, START, STOP
from mlp.layers.batch_normalization import BatchNormalization

TOGETHER = 8  # rows whose mean and variance are found together


def forward(tape: Tape, layer: BatchNormalization, X: Operand) -> Operand:
    """``out = γ/σ (X − mean) + β``; the moving averages move while training."""
    layer.allocate(tape.rows)
    tape.inputs[layer] = X
    width = layer.output_shape[-1]
    rows = layer.out.size // width
    gamma = layer.gamma if layer.scale else np.ones(width, tape.dtype)
    beta = layer.beta if layer.center else np.zeros(width, tape.dtype)
    mean, variance = layer.moving_mean, layer.moving_variance
    own_mean, own_variance, sigma2, factor, *room = buffer((6, width), tape.dtype)
    by_batch = tape.training and layer.learns
    if by_batch:
        mean, variance, pace = own_mean, own_variance, float(layer._pace)
        tape.add(moments, X, mean, variance, *room, width, 1.0 / rows, rows, work=width, shared=rows)
        tape.add(follow, layer.moving_mean, mean, pace, work=width)
        tape.add(follow, layer.moving_variance, variance, pace, work=width)
    tape.add(take_factor, gamma, variance, sigma2, factor, float(layer._epsilon), work=width)
    tape.kept[layer] = by_batch, mean, sigma2, factor
    tape.add(scale_rows, X, mean, factor, beta, layer.out, width, work=rows, shared=width)
    return layer.out


def backward(tape: Tape, layer: BatchNormalization, delta: Operand) -> Operand:
    """``dβ = Σ_n delta, dγ = Σ_n delta ∘ x̂, grad = γ/σ (delta − mean(delta) − x̂ mean(delta ∘ x̂))``."""
    by_batch, mean, sigma2, factor = tape.kept[layer]
    width = factor.size
    rows = layer.out.size // width
    if by_batch:
        level, slope, *room = buffer((4, width), tape.dtype)
        dbeta = layer.dbeta if layer.center else room[0]
        dgamma = layer.dgamma if layer.scale else room[1]
        tape.add(sums, delta, tape.inputs[layer], mean, dbeta, dgamma, width, rows, work=width, shared=rows)
        tape.add(take_slopes, dbeta, dgamma, sigma2, level, slope, 1.0 / rows, work=width)
    if not layer.passes_grad:
        return delta
    if by_batch:
        tape.add(
            batch_back, delta, tape.inputs[layer], mean, level, slope, factor, layer.grad, width,
            work=rows, shared=width,
        )  # fmt: skip
    else:
        tape.add(multiply_rows, delta, factor, layer.grad, width, work=rows, shared=width)
    return layer.grad


# kernels


def moments(record: Record, anchor: Anchor) -> None:
    """Mean and variance of each column."""
    X, mean = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    squares, room = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    others, width = pointer(record[OPERANDS + 4], anchor), record[OPERANDS + 5]
    share, rows = number(record[OPERANDS + 6], anchor), record[OPERANDS + 7]
    start, stop = record[START], record[STOP]
    for k in range(start, stop):
        mean[k] = X[k]
        squares[k] = anchor[0]
    for before in range(0, rows, TOGETHER):
        count = min(TOGETHER, rows - before)
        part = narrow(1 / count, anchor)
        moments_of_few(shift(X, before * width), room, others, width, start, stop, count, part, anchor)
        ratio = narrow(count / (before + count), anchor)
        weight = narrow(before * count / (before + count), anchor)
        for k in range(start, stop):
            change = room[k] - mean[k]
            mean[k] += change * ratio
            squares[k] += others[k] + change * change * weight
    for k in range(start, stop):
        squares[k] *= share


def moments_of_few(
    X: Any, mean: Any, squares: Any, width: int, start: int, stop: int, count: int, share: float,
    anchor: Anchor,
) -> None:  # fmt: skip
    """Mean and Σ (X − mean)² of each column of some rows."""
    for k in range(start, stop):
        mean[k] = anchor[0]
        squares[k] = anchor[0]
    for r in range(count):
        x = shift(X, r * width)
        for k in range(start, stop):
            mean[k] += x[k] * share
    for r in range(count):
        x = shift(X, r * width)
        for k in range(start, stop):
            squares[k] += (x[k] - mean[k]) * (x[k] - mean[k])


def follow(record: Record, anchor: Anchor) -> None:
    """Moving average += (value − moving average) pace."""
    moving, value = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    pace = number(record[OPERANDS + 2], anchor)
    for k in range(record[STOP]):
        moving[k] += (value[k] - moving[k]) * pace


def take_factor(record: Record, anchor: Anchor) -> None:
    """σ² = variance + ε, factor = γ/σ."""
    gamma, variance = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    sigma2, factor = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    epsilon = number(record[OPERANDS + 4], anchor)
    for k in range(record[STOP]):
        sigma2[k] = variance[k] + epsilon
        factor[k] = gamma[k] * inverse_root(variance[k] + epsilon, anchor)


def sums(record: Record, anchor: Anchor) -> None:
    """``dbeta = Σ_n delta, dgamma = Σ_n delta ∘ (X − mean)``."""
    delta, X = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    mean, dbeta = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    dgamma, width = pointer(record[OPERANDS + 4], anchor), record[OPERANDS + 5]
    start, stop = record[START], record[STOP]
    for k in range(start, stop):
        dbeta[k] = anchor[0]
        dgamma[k] = anchor[0]
    for r in range(record[OPERANDS + 6]):
        d, x = shift(delta, r * width), shift(X, r * width)
        for k in range(start, stop):
            dbeta[k] += d[k]
            dgamma[k] += d[k] * (x[k] - mean[k])


def take_slopes(record: Record, anchor: Anchor) -> None:
    """``level = dbeta/n, slope = dgamma/(n σ²)``; then ``dgamma /= σ``, which makes it that of γ."""
    dbeta, dgamma = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    sigma2, level = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    slope, share = pointer(record[OPERANDS + 4], anchor), number(record[OPERANDS + 5], anchor)
    for k in range(record[STOP]):
        level[k] = dbeta[k] * share
        slope[k] = dgamma[k] * share / sigma2[k]
        dgamma[k] *= inverse_root(sigma2[k], anchor)


def batch_back(record: Record, anchor: Anchor) -> None:
    """``grad = (delta − level − (X − mean) slope) factor``."""
    delta, X = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    mean, level = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    slope, factor = pointer(record[OPERANDS + 4], anchor), pointer(record[OPERANDS + 5], anchor)
    grad, width = pointer(record[OPERANDS + 6], anchor), record[OPERANDS + 7]
    for r in range(record[START], record[STOP]):
        d, x, g = shift(delta, r * width), shift(X, r * width), shift(grad, r * width)
        for k in range(width):
            g[k] = (d[k] - level[k] - (x[k] - mean[k]) * slope[k]) * factor[k]
