"""The focal loss of classes: a cross-entropy in which what the net already gets right counts little.

Lin, Goyal, Girshick, He and Dollár (2017), Focal loss for dense object detection. γ = 0 and
α = 1 give the plain cross-entropy.
"""

from typing import Any

import numpy as np

from mlp.activations import Activation, Softmax
from mlp.adjusting import Adjustable
from mlp.arrays import Array, Mask, Workspace
from mlp.elementary import clip, exp, log, maximum, power, where
from mlp.losses.base import EPSILON, Loss, weigh
from mlp.losses.crossentropy import HIGH, normalise, smooth, through_the_sum
from mlp.losses.probabilities import require_distributions, require_probabilities, require_several
from mlp.naming import require, require_bool, require_in


class CategoricalFocalCrossentropy(Loss):
    """ℓ = −α Σ_k t_k (1 − p_k)^γ ln p_k: the categorical cross-entropy of what is not yet right.

    Parameters
    ----------
    alpha : float or sequence of one for each class, default 0.25
    gamma : float of at least 0, default 2
    from_logits, label_smoothing, reduction, name
        As in `CategoricalCrossentropy`.

    Notes
    -----
    After a softmax, or from logits, ln p is exact for any net and the delta is
    h_j − p_j Σ_k h_k with h = α t (1 − p)^(γ−1) (γ p ln p − 1 + p). After another activation the
    outputs are divided by their sum and held in [1e-7, 1 − 1e-7], as Keras does always.

    Examples
    --------
    >>> round(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]), 6)
    0.043322
    """

    probabilities: Array
    free: Array
    common: Array
    held: Array
    rest: Array
    is_free: Array
    label_smoothing = Adjustable("[0, 1)")

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        for each in alpha if isinstance(alpha, list | tuple | np.ndarray) else [alpha]:
            require_in("[0, inf)", "alpha", each)
        require_in("[0, inf)", "gamma", gamma)
        require_bool("from_logits", from_logits)
        self.alpha = list(alpha) if isinstance(alpha, tuple | np.ndarray) else alpha
        self.gamma = gamma
        self.from_logits, self.label_smoothing = from_logits, label_smoothing
        self.variant = "_of_logits" if from_logits else ""
        self._softmax = Softmax()

    def encode(self, T: Array, out: Array | None = None) -> Array:
        return smooth(self, T, self.units, out)

    def value(self, out: Array, T: Array) -> Array:
        if self.from_logits:
            self._softmax.f(out, self.probabilities)
            return self._value(self._log(self._softmax), self.probabilities, T)
        normalise(self, out)
        p = self._hold()
        return self._value(np.log(p, self.scratch), p, T)

    def gradient(self, out: Array, T: Array) -> Array:
        if self.from_logits:
            p = self._softmax.f(out, self.probabilities)
            return self.delta_from_net(self._softmax, out, p, T, self.scratch)
        total = normalise(self, out)
        p = self._hold()
        h = self._h(np.log(p, self.scratch), p, T)  # which is p ∂ℓ/∂p, and 0 where p is held
        np.divide(h, p, h)
        np.equal(p, self.probabilities, self.is_free)
        np.copyto(self.free, self.is_free)
        np.multiply(h, self.free, h)
        return through_the_sum(self, np.negative(h, h), total)

    def total_from_net(
        self, activation: Activation, net: Array, out: Array, T: Array, weight: Array
    ) -> float:
        return weigh(self._value(self._log(activation), out, T), weight)

    def delta_from_net(self, activation: Activation, net: Array, out: Array, T: Array, delta: Array) -> Array:
        h = self._h(self._log(activation), out, T)
        common = h.dot(self.ones, self.common)
        np.multiply(out, common[:, None], self.rest)
        return np.subtract(h, self.rest, delta)

    @staticmethod
    def row_loss(
        net: Array, out: Array, T: Array, grad: Array, units: int, alphas: Array, gamma: float, least: float
    ) -> float:
        """ℓ and ∂ℓ/∂out of one row."""
        total, value, common = 0.0, 0.0, 0.0
        for k in range(units):
            total += out[k]
        total = where(total == 0.0, least, total)
        for k in range(units):
            share = out[k] / total
            p = clip(share, EPSILON, HIGH)
            element, h = focus_on_class(p, log(p), T[k] * alphas[k], gamma, least)
            value += element
            grad[k] = -h / p * where(p == share, 1.0, 0.0)
            common += grad[k] * share
        for k in range(units):
            grad[k] = (common - grad[k]) / total
        return value

    @staticmethod
    def row_loss_of_logits(
        net: Array, out: Array, T: Array, grad: Array, units: int, alphas: Array, gamma: float, least: float
    ) -> float:
        """ℓ and ∂ℓ/∂net of one row."""
        peak, total, value, common = net[0], 0.0, 0.0, 0.0
        for k in range(1, units):
            peak = maximum(peak, net[k])
        for k in range(units):
            total += exp(net[k] - peak)
        log_total = log(total)
        for k in range(units):
            log_p = net[k] - peak - log_total
            element, grad[k] = focus_on_class(exp(log_p), log_p, T[k] * alphas[k], gamma, least)
            value += element
            common += grad[k]
        for k in range(units):
            grad[k] -= exp(net[k] - peak) / total * common
        return value

    @staticmethod
    def row_loss_from_net(
        net: Array, out: Array, T: Array, delta: Array, units: int, alphas: Array, gamma: float, least: float
    ) -> float:
        """ℓ and the delta of one row after a softmax, whose largest output is 1 / Σ_k e^(net_k − peak)."""
        peak, most, value, common = net[0], out[0], 0.0, 0.0
        for k in range(1, units):
            peak, most = maximum(peak, net[k]), maximum(most, out[k])
        shift = log(most) - peak
        for k in range(units):
            element, delta[k] = focus_on_class(out[k], net[k] + shift, T[k] * alphas[k], gamma, least)
            value += element
            common += delta[k]
        for k in range(units):
            delta[k] -= out[k] * common
        return value

    def scalars(self) -> dict[str, float]:
        return {"gamma": self.gamma, "least": float(np.finfo(self.dtype).tiny)}

    def table(self) -> Array | None:
        return -self.minus_alpha

    def _log(self, softmax: Any) -> Array:
        log_p: Array = np.subtract(softmax.shifted, softmax.log_total()[:, None], self.scratch)
        return log_p

    def _value(self, log_p: Array, p: Array, T: Array) -> Array:
        rest = np.subtract(self.one, p, self.rest)
        rest **= self.gamma  # by the operator, which knows that a square is a product
        np.multiply(log_p, rest, log_p)
        np.multiply(log_p, T, log_p)
        return log_p.dot(self.minus_alpha, self.values)

    def _h(self, log_p: Array, p: Array, T: Array) -> Array:
        rest = np.subtract(self.one, p, self.rest)
        h = np.multiply(log_p, p, log_p)
        np.multiply(h, self.gamma_array, h)
        np.subtract(h, rest, h)
        np.maximum(rest, self.least, out=rest)
        rest **= self.gamma - 1
        np.multiply(h, rest, h)
        np.multiply(h, self.alphas, h)
        return np.multiply(h, T, h)

    def _hold(self) -> Array:
        np.maximum(self.probabilities, self.low, out=self.held)
        return np.minimum(self.held, self.high, out=self.held)

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        require_several(self, units)
        alphas = np.asarray(self.alpha, dtype)
        require(alphas.ndim == 0 or len(alphas) == units, "alpha", self.alpha, f"one number, or {units}")
        super().bind(units, dtype, canonical_factor)
        self.alphas, self.minus_alpha = alphas, -alphas * self.ones
        self.low, self.high, self.least = self.constants(EPSILON, 1 - EPSILON, np.finfo(dtype).tiny)
        (self.gamma_array,) = self.constants(self.gamma)
        self._softmax.set_dtype(dtype)
        self._softmax.build(units, dtype)
        self._softmax_space = Workspace()

    def allocate(self, rows: int) -> None:
        super().allocate(rows)
        shapes = self._softmax.buffers(self.units)
        vars(self._softmax).update(self._softmax_space.lend(rows, shapes, self.dtype))

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        wide = dict.fromkeys(("scratch", "probabilities", "held", "rest", "free"), (units,))
        return wide | {"values": (), "common": (), "is_free": Mask((units,))}

    def check_activation(self, activation: Activation, units: int) -> None:
        require_probabilities(self, activation, "softmax")

    def check_target(self, T: Array, name: str) -> None:
        require_distributions(self, T, name)


def focus_on_class(p: float, log_p: float, t: float, gamma: float, least: float) -> tuple[float, float]:
    """−t (1 − p)^γ ln p and h = t (1 − p)^(γ−1) (γ p ln p − 1 + p)."""
    rest = 1.0 - p
    focus = power(maximum(rest, least), gamma - 1.0)
    whole = where(rest < least, where(gamma == 0.0, 1.0, 0.0), rest * focus)
    return -t * whole * log_p, (log_p * p * gamma - rest) * focus * t
