"""The same training as a plain script on NumPy, written once for any depth, batch and rule.

One flat vector of parameters and one of gradients, buffers that are allocated once, every
operation in place: what is left when layers, checks, history and callbacks are taken away, and
no case is treated apart. (`inplace.py` is the hand-tuned script, with every trick for the cell.)
"""

import math
from collections.abc import Callable

import numpy as np

from benchmarks.cells import FLOAT, Cell
from benchmarks.inplace import BETA_1, BETA_2, EPSILON, Flat
from mlp.arrays import Array


def train(cell: Cell) -> Callable[[int], float]:
    """A function that trains for some epochs and returns the mean loss of the last."""
    flat, n = Flat(cell), cell.batch
    X_all, labels = cell.data()
    T_all = np.eye(cell.sizes[-1], dtype=FLOAT)[labels]
    X, T = np.empty((n, cell.sizes[0]), FLOAT), np.empty((n, cell.sizes[-1]), FLOAT)
    nets, outs, deltas = ([np.empty((n, units), FLOAT) for units in cell.sizes[1:]] for _ in range(3))
    zero, head = np.zeros((), FLOAT), softmax_head(n)
    update = adam(flat, cell.learning_rate) if cell.rule == "adam" else sgd(flat, cell.learning_rate)
    rng, last = np.random.default_rng(2), len(nets) - 1

    def step(X: Array, T: Array) -> float:
        out = X
        for k, (W, b) in enumerate(zip(flat.W, flat.b, strict=True)):
            np.dot(out, W, out=nets[k])
            np.add(nets[k], b, out=nets[k])
            if k < last:
                np.maximum(nets[k], zero, out=outs[k])
            out = outs[k]
        loss = head(nets[last], T, out, deltas[last])
        for k in range(last, -1, -1):
            below = outs[k - 1] if k else X
            np.dot(below.T, deltas[k], out=flat.dW[k])
            np.add.reduce(deltas[k], axis=0, out=flat.db[k])
            if k:
                np.dot(deltas[k], flat.W[k].T, out=deltas[k - 1])
                np.greater(nets[k - 1], zero, out=nets[k - 1])
                np.multiply(deltas[k - 1], nets[k - 1], out=deltas[k - 1])
        update()
        return loss

    def run(epochs: int) -> float:
        for _ in range(epochs):
            if cell.full:
                sum_of_losses = step(X_all, T_all)
                continue
            order, sum_of_losses = rng.permutation(cell.rows), 0.0
            for start in range(0, cell.rows, n):
                rows = order[start : start + n]
                X_all.take(rows, 0, X, "clip")
                T_all.take(rows, 0, T, "clip")
                sum_of_losses += step(X, T)
        return sum_of_losses / cell.steps

    return run


def softmax_head(n: int) -> Callable[..., float]:
    """Softmax, cross-entropy and the output delta (out − T)/n of a batch of n rows."""
    peak, total, share = np.empty((n, 1), FLOAT), np.empty((n, 1), FLOAT), np.array(1 / n, FLOAT)

    def head(net: Array, T: Array, out: Array, delta: Array) -> float:
        np.maximum.reduce(net, axis=1, keepdims=True, out=peak)
        np.subtract(net, peak, out=net)
        np.exp(net, out=out)
        np.add.reduce(out, axis=1, keepdims=True, out=total)
        np.divide(out, total, out=out)
        np.log(total, out=peak)
        np.subtract(out, T, out=delta)
        np.multiply(delta, share, out=delta)
        return float(peak.sum() - np.vdot(T, net)) / n

    return head


def sgd(flat: Flat, learning_rate: float) -> Callable[[], None]:
    """W ← W − η dW."""
    rate, scratch = np.array(learning_rate, FLOAT), np.empty_like(flat.values)

    def update() -> None:
        np.multiply(flat.gradients, rate, out=scratch)
        np.subtract(flat.values, scratch, out=flat.values)

    return update


def adam(flat: Flat, learning_rate: float) -> Callable[[], None]:
    """W ← W − α m / (√v + ε), as the paper has it."""
    W, dW = flat.values, flat.gradients
    m, v, scratch = np.zeros_like(W), np.zeros_like(W), np.empty_like(W)
    new_m, new_v, epsilon = (np.array(x, FLOAT) for x in (1 - BETA_1, 1 - BETA_2, EPSILON))
    rate, t = np.zeros((), FLOAT), 0

    def update() -> None:
        nonlocal t
        t += 1
        rate.fill(learning_rate * math.sqrt(1 - BETA_2**t) / (1 - BETA_1**t))
        np.subtract(dW, m, out=scratch)
        np.multiply(scratch, new_m, out=scratch)
        np.add(m, scratch, out=m)
        np.multiply(dW, dW, out=scratch)
        np.subtract(scratch, v, out=scratch)
        np.multiply(scratch, new_v, out=scratch)
        np.add(v, scratch, out=v)
        np.sqrt(v, out=scratch)
        np.add(scratch, epsilon, out=scratch)
        np.divide(m, scratch, out=scratch)
        np.multiply(scratch, rate, out=scratch)
        np.subtract(W, scratch, out=W)

    return update
