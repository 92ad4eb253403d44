"""Squared errors: three losses that differ in what divides the sum, and so in the step size."""

import numpy as np

from mlp.arrays import Array
from mlp.losses.base import Loss


class MeanSquaredError(Loss):
    """ℓ = (1/o) Σ_k (out_k − t_k)², as Keras has it; ∂ℓ/∂out = (2/o)(out − t).

    References
    ----------
    Widrow and Hoff (1960), Adaptive switching circuits; Bishop (1995), Neural networks for pattern
    recognition, section 6.1.

    Examples
    --------
    >>> MeanSquaredError()([[0.0, 1.0]], [[2.0, 1.0]])
    2.0
    """

    def elements(self, out: Array, T: Array) -> Array:
        return squares(self, out, T)

    def slopes(self, out: Array, T: Array) -> Array:
        return twice_the_error(self, out, T)

    @staticmethod
    def scalar_loss(net: float, out: float, t: float) -> tuple[float, float]:
        """Element and slope of one output."""
        error = out - t
        return error * error, error + error

    @staticmethod
    def scalar_loss_from_net(net: float, out: float, t: float) -> tuple[float, float]:
        """Element and delta of one output."""
        error = out - t
        return error * error, error


class SumOfSquares(Loss):
    """ℓ = ‖t − out‖² = Σ_k (t_k − out_k)²; its mean is the expected squared error E‖t − y‖².

    Examples
    --------
    >>> SumOfSquares()([[0.0, 1.0]], [[2.0, 2.0]])
    5.0
    """

    def factor(self, units: int) -> float:
        return 1

    def elements(self, out: Array, T: Array) -> Array:
        return squares(self, out, T)

    def slopes(self, out: Array, T: Array) -> Array:
        return twice_the_error(self, out, T)

    scalar_loss = staticmethod(MeanSquaredError.scalar_loss)
    scalar_loss_from_net = staticmethod(MeanSquaredError.scalar_loss_from_net)


class HalfMeanSquaredError(Loss):
    """ℓ = ½ Σ_k (out_k − t_k)²; its mean over N samples is Σ (y − t)²/(2N), so the delta is out − t.

    Examples
    --------
    >>> HalfMeanSquaredError()([[0.0, 1.0]], [[2.0, 2.0]])
    2.5
    """

    def factor(self, units: int) -> float:
        return 0.5

    def elements(self, out: Array, T: Array) -> Array:
        return squares(self, out, T)

    def slopes(self, out: Array, T: Array) -> Array:
        return twice_the_error(self, out, T)

    scalar_loss = staticmethod(MeanSquaredError.scalar_loss)
    scalar_loss_from_net = staticmethod(MeanSquaredError.scalar_loss_from_net)


def squares(loss: Loss, out: Array, T: Array) -> Array:
    """(out − t)², shape (n, o)."""
    error = np.subtract(out, T, loss.scratch)
    return np.multiply(error, error, error)


def twice_the_error(loss: Loss, out: Array, T: Array) -> Array:
    """2 (out − t), shape (n, o)."""
    error = np.subtract(out, T, loss.scratch)
    return np.add(error, error, error)
