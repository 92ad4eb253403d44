"""PeriodicEmbedding on the tape: column by column with the rows side by side, so that all loops are long.

Of each angle cosine and sine are made at once; the sine is kept for the way back. Angles are turns here,
x f + φ/2π, whose functions take a third of the time. What a layer with d columns, m waves and k numbers
of a column keeps has the shapes (d, m, n) and (d, k, n).
"""

import math

import numpy as np

from mlp.arrays import buffer
from mlp.elementary import cos_of_turns, sin_of_turns
from mlp.engines.kernels.pointers import Anchor, Record, pointer, shift
from mlp.engines.kernels.tape import Operand, Tape
from mlp.engines.kernels.walk import OPERANDS, START, STOP
from mlp.layers.periodic_embedding import PeriodicEmbedding

TURN, TURNS = 2 * math.pi, 1 / (2 * math.pi)


def forward(tape: Tape, layer: PeriodicEmbedding, X: Operand) -> Operand:
    """``u = 2π x f + φ, e = cos(u) W + b, out = [e, X]``."""
    layer.allocate(tape.rows)
    d, m, k = layer.W.shape
    tape.add(
        embed, X, layer.frequency, layer.phase, layer.W, layer.b, layer.columns, layer.waves,
        layer.slopes, layer.embedded, layer.out, d, m, k, layer.out.shape[1], tape.rows,
        work=tape.rows, shared=d * m,
    )  # fmt: skip
    return layer.out


def backward(tape: Tape, layer: PeriodicEmbedding, delta: Operand) -> Operand:
    """The gradients of f, φ, W and b, and grad; a frozen layer writes the former into memory of no use."""
    if not (layer.learns or layer.passes_grad):
        return delta
    (d, m, k), n = layer.W.shape, tape.rows
    gradients = [layer.gradients[f"d{name}"] for name in ("frequency", "phase", "W", "b")]
    if not layer.learns:
        gradients = [np.empty_like(gradient) for gradient in gradients]
    grad = layer.grad if layer.passes_grad else None
    tape.add(
        embed_back, delta, layer.columns, layer.frequency, layer.W, layer.waves, layer.slopes, *gradients,
        grad, layer.parts, buffer((d, n), tape.dtype), layer.sums, d, m, k, layer.out.shape[1], n,
        work=d, shared=m * n,
    )  # fmt: skip
    return delta if grad is None else grad


# kernels


def embed(record: Record, anchor: Anchor) -> None:
    """Some rows on the way forward."""
    X, frequency = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    phase, W = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    b, columns = pointer(record[OPERANDS + 4], anchor), pointer(record[OPERANDS + 5], anchor)
    waves, slopes = pointer(record[OPERANDS + 6], anchor), pointer(record[OPERANDS + 7], anchor)
    embedded, out = pointer(record[OPERANDS + 8], anchor), pointer(record[OPERANDS + 9], anchor)
    d, m, units = record[OPERANDS + 10], record[OPERANDS + 11], record[OPERANDS + 12]
    width, n, first = record[OPERANDS + 13], record[OPERANDS + 14], record[START]
    count = record[STOP] - first
    for j in range(d):
        x, line = shift(columns, j * n + first), shift(X, first * d + j)
        for r in range(count):
            x[r] = line[r * d]
        for k in range(j * units, (j + 1) * units):
            e = shift(embedded, k * n + first)
            for r in range(count):
                e[r] = b[k]
        for q in range(j * m, (j + 1) * m):
            rate, start, c = frequency[q], TURNS * phase[q], shift(waves, q * n + first)
            s = shift(slopes, q * n + first)
            for r in range(count):
                u = rate * x[r] + start
                c[r], s[r] = cos_of_turns(u), sin_of_turns(u)
            for k in range(units):
                e, w = shift(embedded, (j * units + k) * n + first), W[q * units + k]
                for r in range(count):
                    e[r] += w * c[r]
        for k in range(j * units, (j + 1) * units):
            e, y = shift(embedded, k * n + first), shift(out, first * width + k)
            for r in range(count):
                y[r * width] = e[r]
        if width > d * units:
            y = shift(out, first * width + d * units + j)
            for r in range(count):
                y[r * width] = x[r]


def embed_back(record: Record, anchor: Anchor) -> None:
    """Some columns on the way back."""
    delta, columns = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    frequency, W = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    waves, slopes = pointer(record[OPERANDS + 4], anchor), pointer(record[OPERANDS + 5], anchor)
    dfrequency, dphase = pointer(record[OPERANDS + 6], anchor), pointer(record[OPERANDS + 7], anchor)
    dW, db = pointer(record[OPERANDS + 8], anchor), pointer(record[OPERANDS + 9], anchor)
    grad, deltas = pointer(record[OPERANDS + 10], anchor), pointer(record[OPERANDS + 11], anchor)
    pulls, sums = pointer(record[OPERANDS + 12], anchor), pointer(record[OPERANDS + 13], anchor)
    d, m, units = record[OPERANDS + 14], record[OPERANDS + 15], record[OPERANDS + 16]
    width, n = record[OPERANDS + 17], record[OPERANDS + 18]
    for j in range(record[START], record[STOP]):
        x, pull, total = shift(columns, j * n), shift(pulls, j * n), shift(sums, j * n)
        for k in range(j * units, (j + 1) * units):
            D, line, bias = shift(deltas, k * n), shift(delta, k), anchor[0]
            for r in range(n):
                D[r] = line[r * width]
                bias += line[r * width]
            db[k] = bias
        for r in range(n):
            total[r] = anchor[0]
        for q in range(j * m, (j + 1) * m):
            c, s = shift(waves, q * n), shift(slopes, q * n)
            for r in range(n):
                pull[r] = anchor[0]
            for k in range(units):
                D, w, product = shift(deltas, (j * units + k) * n), W[q * units + k], anchor[0]
                for r in range(n):
                    pull[r] -= w * D[r]
                    product += c[r] * D[r]
                dW[q * units + k] = product
            rate, turned, moved = TURN * frequency[q], anchor[0], anchor[0]
            for r in range(n):
                du = s[r] * pull[r]
                turned += du
                moved += du * x[r]
                total[r] += rate * du
            dphase[q] = turned
            dfrequency[q] = TURN * moved
        if record[OPERANDS + 10] != 0:
            g, line = shift(grad, j), shift(delta, d * units + j)
            for r in range(n):
                g[r * d] = total[r] + line[r * width] if width > d * units else total[r]
