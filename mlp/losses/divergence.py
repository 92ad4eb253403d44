"""The Kullback-Leibler divergence, between two distributions."""

from typing import Any

import numpy as np

from mlp.activations import Activation
from mlp.arrays import Array, Mask
from mlp.elementary import clip, log, where
from mlp.losses.base import EPSILON, Loss
from mlp.losses.probabilities import require_probabilities, require_unit_interval


class KLDivergence(Loss):
    """ℓ = Σ_k t_k ln(t_k / out_k): how far the distribution `out` is from t; slope −t/out.

    Notes
    -----
    As in Keras, targets and outputs are held in [1e-7, 1], and the slope is 0 below; rows need
    not sum to 1.

    References
    ----------
    Kullback and Leibler (1951), On information and sufficiency.

    Examples
    --------
    >>> round(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]), 6)
    0.143841
    """

    held: Array
    free: Array
    mask: Array

    def encode(self, T: Array, out: Array | None = None) -> Array:
        return np.maximum(T, EPSILON, out=out)

    def value(self, out: Array, T: Array) -> Array:
        ratio = np.divide(T, self._hold(out), self.scratch)
        np.log(ratio, ratio)
        return np.multiply(ratio, T, ratio).dot(self.ones, self.values)

    def gradient(self, out: Array, T: Array) -> Array:
        grad = np.divide(T, self._hold(out), self.scratch)
        np.negative(grad, grad)
        np.equal(out, self.held, self.mask)
        np.copyto(self.free, self.mask)
        return np.multiply(grad, self.free, grad)

    @staticmethod
    def row_loss(net: Array, out: Array, T: Array, grad: Array, units: int) -> float:
        """ℓ and ∂ℓ/∂out of one row."""
        value = 0.0
        for k in range(units):
            held = clip(out[k], EPSILON, 1.0)
            ratio = T[k] / held
            value += T[k] * log(ratio)
            grad[k] = -ratio * where(out[k] == held, 1.0, 0.0)
        return value

    def _hold(self, out: Array) -> Array:
        np.maximum(out, self.epsilon, out=self.held)
        return np.minimum(self.held, self.one, out=self.held)

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        super().bind(units, dtype, canonical_factor)
        (self.epsilon,) = self.constants(EPSILON)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return super().buffers(units) | {"held": (units,), "free": (units,), "mask": Mask((units,))}

    def check_activation(self, activation: Activation, units: int) -> None:
        require_probabilities(self, activation, "softmax")

    def check_target(self, T: Array, name: str) -> None:
        require_unit_interval(self, T, name)
