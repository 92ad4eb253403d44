"""Squared errors: three losses that differ in what divides the sum, and so in the step size."""

import numpy as np

from mlp.arrays import Array
from mlp.losses.base import Loss


class MeanSquaredError(Loss):
    """ℓ = (1/o) Σ_k (out_k − t_k)², as Keras has it; ∂ℓ/∂out = (2/o)(out − t).

    Examples
    --------
    >>> MeanSquaredError()([[0.0, 1.0]], [[2.0, 1.0]])
    2.0
    """

    def value(self, out: Array, T: Array) -> Array:
        return squared_distance(self, out, T, 1 / self.units)

    def gradient(self, out: Array, T: Array) -> Array:
        grad = np.subtract(out, T, out=self.scratch)
        grad *= 2 / self.units
        return grad


class SumOfSquares(Loss):
    """ℓ = ‖t − out‖² = Σ_k (t_k − out_k)²; its mean is the expected squared error E‖t − y‖².

    Examples
    --------
    >>> SumOfSquares()([[0.0, 1.0]], [[2.0, 2.0]])
    5.0
    """

    def value(self, out: Array, T: Array) -> Array:
        return squared_distance(self, out, T, 1)

    def gradient(self, out: Array, T: Array) -> Array:
        grad = np.subtract(out, T, out=self.scratch)
        grad *= 2
        return grad


class HalfMeanSquaredError(Loss):
    """ℓ = ½ Σ_k (out_k − t_k)²; its mean over N samples is Σ (y − t)²/(2N), so the delta is out − t.

    Examples
    --------
    >>> HalfMeanSquaredError()([[0.0, 1.0]], [[2.0, 2.0]])
    2.5
    """

    def value(self, out: Array, T: Array) -> Array:
        return squared_distance(self, out, T, 0.5)

    def gradient(self, out: Array, T: Array) -> Array:
        return np.subtract(out, T, out=self.scratch)


def squared_distance(loss: Loss, out: Array, T: Array, factor: float) -> Array:
    """Factor · Σ_k (out_k − t_k)², shape (n,)."""
    np.subtract(out, T, out=loss.scratch)
    np.multiply(loss.scratch, loss.scratch, out=loss.scratch)
    loss.scratch.dot(loss.ones, out=loss.values)
    if factor != 1:
        loss.values *= factor
    return loss.values
