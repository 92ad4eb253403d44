"""Functions of a whole row, that make probabilities of it, or their logarithms."""

from typing import Any

import numpy as np

from mlp.activations.base import Activation, compare
from mlp.arrays import Array, Mask
from mlp.elementary import exp, log, maximum, where


class Softmax(Activation):
    """f(net)_k = e^net_k / Σ_j e^net_j: probabilities of classes, each row sums to 1.

    Notes
    -----
    The largest net of a row is subtracted first, which changes nothing and avoids overflow.
    The units of a row depend on each other, so the slope is a matrix for each row,
    J_jk = out_j (δ_jk − out_k), and ``delta = out ∘ (grad − Σ_k grad_k out_k)``.
    """

    probabilities = True
    peak: Array
    shifted: Array
    total: Array
    common: Array

    def f(self, net: Array, out: Array) -> Array:
        np.maximum.reduce(net, axis=1, out=self.peak, keepdims=True)
        np.subtract(net, self.peak, self.shifted)
        np.exp(self.shifted, out)
        out.dot(self.ones, self.total)
        return np.divide(out, self.total, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        """The diagonal of the Jacobian, out·(1 − out): how each unit answers to its own net."""
        np.subtract(self.one, out, slope)
        return np.multiply(slope, out, slope)

    def delta(self, grad: Array, net: Array, out: Array, delta: Array) -> Array:
        np.multiply(grad, out, delta)
        common = delta.dot(self.ones, self.common)
        np.subtract(grad, common, delta)
        return np.multiply(delta, out, delta)

    @staticmethod
    def rows_f(net: Array, out: Array, rows: int, units: int) -> None:
        """f(net) of some rows, of which all e^x are computed at once: a row of a few is not long enough."""
        for r in range(rows):
            start, peak = r * units, net[r * units]
            for k in range(start, start + units):
                peak = maximum(peak, net[k])
            for k in range(start, start + units):
                out[k] = net[k] - peak
        for k in range(rows * units):
            out[k] = exp(out[k])
        for r in range(rows):
            start, total = r * units, 0.0
            for k in range(start, start + units):
                total += out[k]
            for k in range(start, start + units):
                out[k] /= total

    @staticmethod
    def row_delta(grad: Array, net: Array, out: Array, delta: Array, units: int) -> None:
        """Delta of one row."""
        common = 0.0
        for k in range(units):
            common += grad[k] * out[k]
        for k in range(units):
            delta[k] = out[k] * (grad[k] - common)

    def log_total(self) -> Array:
        """Ln Σ_k e^(net_k − peak), shape (n,), of the net that `f` saw last.

        With it ``ln out = shifted − log_total`` is finite also where `out` itself underflows to 0.
        """
        return np.log(self.total, self.common)[:, 0]

    def build(self, units: int, dtype: np.dtype[Any]) -> dict[str, Array]:
        self.ones = np.ones((units, 1), dtype)
        return {}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"peak": (1,), "total": (1,), "common": (1,), "shifted": (units,)}


class LogSoftmax(Activation):
    """f(net)_k = net_k − ln Σ_j e^net_j: logarithms of the probabilities of `Softmax`.

    Notes
    -----
    ``delta = grad − e^out Σ_k grad_k``. They are logits too, so a cross-entropy takes them with
    ``from_logits=True``.
    """

    peak: Array
    total: Array
    common: Array
    scratch: Array

    def f(self, net: Array, out: Array) -> Array:
        np.maximum.reduce(net, axis=1, out=self.peak, keepdims=True)
        np.subtract(net, self.peak, out)
        np.exp(out, self.scratch)
        self.scratch.dot(self.ones, self.total)
        np.log(self.total, self.total)
        return np.subtract(out, self.total, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        """The diagonal of the Jacobian, 1 − e^out."""
        np.expm1(out, slope)
        return np.negative(slope, slope)

    def delta(self, grad: Array, net: Array, out: Array, delta: Array) -> Array:
        grad.dot(self.ones, self.common)
        np.exp(out, delta)
        delta *= self.common
        return np.subtract(grad, delta, delta)

    @staticmethod
    def row_f(net: Array, out: Array, units: int) -> None:
        """f(net) of one row."""
        peak = net[0]
        for k in range(units):
            peak = maximum(peak, net[k])
        total = 0.0
        for k in range(units):
            out[k] = net[k] - peak  # stored, so that it is not net − (peak + ln total)
            total += exp(net[k] - peak)
        total = log(total)
        for k in range(units):
            out[k] -= total

    @staticmethod
    def row_delta(grad: Array, net: Array, out: Array, delta: Array, units: int) -> None:
        """Delta of one row."""
        common = 0.0
        for k in range(units):
            common += grad[k]
        for k in range(units):
            delta[k] = grad[k] - common * exp(out[k])

    def build(self, units: int, dtype: np.dtype[Any]) -> dict[str, Array]:
        self.ones = np.ones((units, 1), dtype)
        return {}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"peak": (1,), "total": (1,), "common": (1,), "scratch": (units,)}


class Sparsemax(Activation):
    """f(net)_k = max(net_k − τ, 0), with the τ that makes a row sum to 1: probabilities, many of them 0.

    Notes
    -----
    τ = max_k (Σ_{j ≤ k} net_(j) − 1)/k over the row sorted from the largest down. Where out is
    above 0, ``delta = grad − mean of those grads``; elsewhere it is 0. Keras 3.15 sums the sums
    too, which is wrong, and its rows do not sum to 1, where more than one output is above 0.

    References
    ----------
    A. F. T. Martins and R. F. Astudillo, "From softmax to sparsemax" (2016).
    """

    probabilities = True
    peak: Array
    common: Array
    support: Array
    scratch: Array
    sums: Array

    def f(self, net: Array, out: Array) -> Array:
        np.maximum.reduce(net, axis=1, out=self.peak, keepdims=True)
        np.subtract(self.peak, net, self.scratch)  # sorted upwards: negated, the largest first
        self.scratch.sort(axis=1)
        np.add.accumulate(self.scratch, axis=1, out=self.sums)
        self.sums += self.one
        self.sums *= self.per_rank
        np.minimum.reduce(self.sums, axis=1, out=self.common, keepdims=True)
        np.subtract(net, self.peak, out)
        out += self.common  # net − τ
        return np.maximum(out, self.zero, out=out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        """The diagonal of the Jacobian: 1 − 1/(how many are above 0) where out is, else 0."""
        compare(np.greater, out, self.mask, slope)
        slope.dot(self.ones, self.support)
        np.reciprocal(self.support, self.support)
        np.subtract(self.one, self.support, self.support)
        return np.multiply(slope, self.support, slope)

    def delta(self, grad: Array, net: Array, out: Array, delta: Array) -> Array:
        compare(np.greater, out, self.mask, delta)
        delta.dot(self.ones, self.support)
        np.multiply(delta, grad, self.scratch)
        self.scratch.dot(self.ones, self.common)
        self.common /= self.support
        delta *= self.common
        return np.subtract(self.scratch, delta, delta)

    @staticmethod
    def row_f(net: Array, out: Array, units: int) -> None:
        """f(net) of one row; without sorting, τ rises to its place in a few rounds (Michelot, 1986)."""
        peak = net[0]
        for k in range(units):
            peak = maximum(peak, net[k])
        for k in range(units):
            out[k] = net[k] - peak
        tau, before = -1.0, 0.0
        for _ in range(units):
            total, count = -1.0, 0.0
            for k in range(units):
                total += where(out[k] > tau, out[k], 0.0)
                count += where(out[k] > tau, 1.0, 0.0)
            tau = total / maximum(count, 1.0)
            if count == before:
                break
            before = count
        for k in range(units):
            out[k] = maximum(out[k] - tau, 0.0)

    @staticmethod
    def row_delta(grad: Array, net: Array, out: Array, delta: Array, units: int) -> None:
        """Delta of one row."""
        total, count = 0.0, 0.0
        for k in range(units):
            total += where(out[k] > 0.0, grad[k], 0.0)
            count += where(out[k] > 0.0, 1.0, 0.0)
        mean = total / maximum(count, 1.0)
        for k in range(units):
            delta[k] = where(out[k] > 0.0, grad[k] - mean, 0.0 * out[k])  # which passes NaN on

    def build(self, units: int, dtype: np.dtype[Any]) -> dict[str, Array]:
        self.ones = np.ones((units, 1), dtype)
        self.per_rank = np.reciprocal(np.arange(1, units + 1, dtype=dtype))
        return {}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        narrow = dict.fromkeys(("peak", "common", "support"), (1,))
        return narrow | {"scratch": (units,), "sums": (units,), "mask": Mask((units,))}
