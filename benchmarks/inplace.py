"""The same training as a script tuned by hand, cell by cell, with nothing between the formulas.

No layers, no checks, no callbacks: one flat vector of parameters, its twin of gradients, buffers
that are allocated once, and every operation writes into one of them. Numbers are arrays of
rank zero, since NumPy converts a Python number at every call; outputs are passed by position, which
is parsed faster than by name. What else a practised hand would do:

- An epoch's rows are gathered in one go; batches are views of that, made once.
- Targets are one-hot rows that carry the 1/n of the mean, so that ``out − T`` is the delta.
- ReLU is a product with its slope, which the way back needs anyway.
- Adam keeps m/(1 − β₁) and v/(1 − β₂), which saves two of its twelve operations and changes no step.
- Of one sample, vectors instead of matrices with one row, and db is the delta itself.

The result is the ordinary one: the loss of every step, W and b after it.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy import add, divide, exp, greater, log, multiply, sqrt, subtract

from benchmarks.cells import FLOAT, Array, Cell

BLOCK = 32768  # parameters updated in one go: the vectors stay in the cache
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
ZERO = np.zeros((), FLOAT)

Run = Callable[[int], float]  # trains for some epochs and returns the mean loss of the last


class Flat:
    """All parameters in one vector, all gradients in another, and the views W, b, dW, db into them."""

    def __init__(self, cell: Cell) -> None:
        weights = cell.weights()
        self.values = np.concatenate([weight.reshape(-1) for weight in weights])
        self.gradients = np.zeros_like(self.values)
        views, start = [], 0
        for weight in weights:
            place = slice(start, start + weight.size)
            views.append([vector[place].reshape(weight.shape) for vector in (self.values, self.gradients)])
            start = place.stop
        self.W, self.dW = zip(*views[0::2], strict=True)
        self.b, self.db = zip(*views[1::2], strict=True)

    def blocks(self, *vectors: Array) -> list[list[Array]]:
        """Values, gradients and the vectors of a rule, cut into blocks."""
        starts = range(0, self.values.size, BLOCK)
        return [[v[k : k + BLOCK] for v in (self.values, self.gradients, *vectors)] for k in starts]


class Rows:
    """The data, with an epoch's rows in a new order, and the batches as views of them."""

    def __init__(self, cell: Cell) -> None:
        self.X, labels = cell.data()
        self.T = (labels[:, None] == np.arange(cell.sizes[-1])).astype(FLOAT) / FLOAT(cell.batch)
        self.order, self.rng, self.shuffled = np.arange(cell.rows), np.random.default_rng(2), not cell.full
        self.X_epoch, self.T_epoch = self.X.copy(), self.T.copy()
        cuts = [slice(start, start + cell.batch) for start in range(0, cell.rows, cell.batch)]
        pairs = [(self.X_epoch[cut], self.T_epoch[cut]) for cut in cuts]
        self.batches = [(X.dot, X.T.dot, T, T.reshape(-1).dot) for X, T in pairs]

    def epoch(self) -> list[tuple]:
        """Shuffle, gather, and return the batches."""
        if self.shuffled:
            self.rng.shuffle(self.order)
            self.X.take(self.order, 0, self.X_epoch, "clip")
            self.T.take(self.order, 0, self.T_epoch, "clip")
        return self.batches


class Chain:
    """Buffers for the rows of a batch, and the operands of each layer's formulas in the order of use."""

    def __init__(self, cell: Cell, flat: Flat) -> None:
        n = cell.batch
        *hidden, out = [np.empty((n, units), FLOAT) for units in cell.sizes[1:]]
        slopes, deltas = [[np.empty_like(layer) for layer in hidden] for _ in range(2)]
        self.net, self.out, self.delta = np.empty_like(out), out, np.empty_like(out)
        self.forward = [(*part, part[2].dot) for part in zip(flat.W, flat.b, hidden, slopes, strict=False)]
        above = [*deltas[1:], self.delta]  # the delta of the layer above each hidden one
        below = [layer.T.dot for layer in hidden]
        grads, W_T = [delta.dot for delta in above], [W.T for W in flat.W[1:]]
        parts = zip(above, below, flat.dW[1:], flat.db[1:], grads, W_T, deltas, slopes, strict=True)
        self.back = list(parts)[::-1]
        self.first = deltas[0]


def minibatch(cell: Cell) -> Run:
    """Training some rows at a time, for any number of layers."""
    flat, rows, n = Flat(cell), Rows(cell), cell.batch
    rule = adam if cell.rule == "adam" else sgd
    chain, update = Chain(cell, flat), rule(flat, cell.learning_rate)
    forward, back, net, out, delta = chain.forward, chain.back, chain.net, chain.out, chain.delta
    delta_first, dW_first, db_first = chain.first, flat.dW[0], flat.db[0]
    W_last, b_last, net_flat = flat.W[-1], flat.b[-1], net.reshape(-1)
    peak, total, log_total = np.empty((n, 1), FLOAT), np.empty((n, 1), FLOAT), np.empty(n, FLOAT)
    total_flat, ns, log_n = total.reshape(-1), np.full((cell.sizes[-1], 1), n, FLOAT), math.log(n)
    largest, sum_of_row = np.maximum.reduce, out.dot
    mean_of_rows, sum_of_rows = np.full(n, 1 / n, FLOAT).dot, np.ones(n, FLOAT).dot

    def run(epochs: int) -> float:
        for _ in range(epochs):
            loss = 0.0
            for X_dot, X_T_dot, T, T_dot in rows.epoch():
                dot = X_dot
                for W, b, h, slope, h_dot in forward:
                    dot(W, h)  # net = X W + b
                    add(h, b, h)
                    greater(h, ZERO, slope)  # h = relu(net)
                    multiply(h, slope, h)
                    dot = h_dot
                dot(W_last, net)
                add(net, b_last, net)
                largest(net, 1, None, peak, True)  # out = softmax(net) / n
                subtract(net, peak, net)
                exp(net, out)
                sum_of_row(ns, total)
                divide(out, total, out)
                log(total_flat, log_total)  # L = mean(ln Σ e^net − net of the label)
                loss += float(mean_of_rows(log_total)) - log_n - float(T_dot(net_flat))
                subtract(out, T, delta)  # delta = (softmax − T) / n
                for delta_above, h_T_dot, dW, db, delta_dot, W_T, delta_h, slope in back:
                    h_T_dot(delta_above, dW)  # dW = Xᵀ delta, db = Σ delta
                    sum_of_rows(delta_above, db)
                    delta_dot(W_T, delta_h)  # delta = (delta Wᵀ) ∘ slope
                    multiply(delta_h, slope, delta_h)
                X_T_dot(delta_first, dW_first)
                sum_of_rows(delta_first, db_first)
                update()
        return loss / cell.steps

    return run


def adam(flat: Flat, learning_rate: float) -> Callable[[], None]:
    """W ← W − α m / (√v + ε), with the sums m ← β₁ m + dW and v ← β₂ v + dW²."""
    m, v = np.zeros_like(flat.values), np.zeros_like(flat.values)
    blocks = [(*block, np.empty_like(block[0])) for block in flat.blocks(m, v)]
    beta_1, beta_2, rate = np.array(BETA_1, FLOAT), np.array(BETA_2, FLOAT), np.zeros((), FLOAT)
    root = math.sqrt(1 - BETA_2)
    epsilon, scale = np.array(EPSILON / root, FLOAT), learning_rate * (1 - BETA_1) / root
    power_1 = power_2 = 1.0

    def update() -> None:
        nonlocal power_1, power_2
        power_1 *= BETA_1
        power_2 *= BETA_2
        rate[()] = scale * math.sqrt(1 - power_2) / (1 - power_1)
        for W, dW, m, v, s in blocks:
            multiply(m, beta_1, m)
            add(m, dW, m)
            multiply(dW, dW, s)
            multiply(v, beta_2, v)
            add(v, s, v)
            sqrt(v, s)
            add(s, epsilon, s)
            divide(m, s, s)
            multiply(s, rate, s)
            subtract(W, s, W)

    return update


def sgd(flat: Flat, learning_rate: float) -> Callable[[], None]:
    """W ← W − η dW."""
    rate = np.array(learning_rate, FLOAT)
    blocks = [(*block, np.empty_like(block[0])) for block in flat.blocks()]

    def update() -> None:
        for W, dW, s in blocks:
            multiply(dW, rate, s)
            subtract(W, s, W)

    return update


def stochastic(cell: Cell) -> Run:
    """Training by plain descent, one sample at a time, with one hidden layer."""
    flat, data = Flat(cell), Rows(cell)
    samples = [(x.dot, x.reshape(-1, 1).dot, t.dot, t) for x, t in zip(data.X, data.T, strict=True)]
    (W_1, W_2), (b_1, b_2), (dW_1, dW_2), (delta_1, delta_2) = flat.W, flat.b, flat.dW, flat.db
    W_2_T = W_2.T
    h, slope = np.empty(cell.sizes[1], FLOAT), np.empty(cell.sizes[1], FLOAT)
    net, out = np.empty(cell.sizes[2], FLOAT), np.empty(cell.sizes[2], FLOAT)
    h_dot, h_column_dot, out_dot, delta_2_dot = h.dot, h.reshape(-1, 1).dot, out.dot, delta_2.dot
    row_1, row_2 = delta_1.reshape(1, -1), delta_2.reshape(1, -1)
    peak, total, ones = np.empty((), FLOAT), np.empty((), FLOAT), np.ones(cell.sizes[2], FLOAT)
    rate, largest = np.array(cell.learning_rate, FLOAT), np.maximum.reduce
    values, gradients, scratch = flat.values, flat.gradients, np.empty_like(flat.values)

    def run(epochs: int) -> float:
        for _ in range(epochs):
            loss = 0.0
            data.rng.shuffle(data.order)
            for row in data.order.tolist():
                x_dot, x_column_dot, t_dot, t = samples[row]
                x_dot(W_1, h)  # net = x W + b
                add(h, b_1, h)
                greater(h, ZERO, slope)  # h = relu(net)
                multiply(h, slope, h)
                h_dot(W_2, net)
                add(net, b_2, net)
                largest(net, 0, None, peak)  # out = softmax(net)
                subtract(net, peak, net)
                exp(net, out)
                out_dot(ones, total)
                divide(out, total, out)
                loss += math.log(total) - float(t_dot(net))  # L = ln Σ e^net − net of the label
                subtract(out, t, delta_2)  # delta = softmax − t, which is db
                h_column_dot(row_2, dW_2)  # dW = xᵀ delta
                delta_2_dot(W_2_T, delta_1)  # delta = (delta Wᵀ) ∘ slope
                multiply(delta_1, slope, delta_1)
                x_column_dot(row_1, dW_1)
                multiply(gradients, rate, scratch)  # W ← W − η dW
                subtract(values, scratch, values)
        return loss / cell.rows

    return run
