"""The focal loss of outputs by themselves: a cross-entropy in which what is already right counts little.

Lin, Goyal, Girshick, He and Dollár (2017), Focal loss for dense object detection. γ = 0 and
no balancing give the plain cross-entropy.
"""

from typing import Any

import numpy as np

from mlp.activations import Activation, Sigmoid
from mlp.adjusting import Adjustable
from mlp.arrays import Array, Mask
from mlp.elementary import clip, log, maximum, power, sigmoid, where
from mlp.losses.base import EPSILON, Loss
from mlp.losses.crossentropy import HIGH, crossentropy_of_logits, scalar_crossentropy, smooth
from mlp.losses.probabilities import require_probabilities, require_unit_interval
from mlp.naming import require_bool, require_in


class BinaryFocalCrossentropy(Loss):
    """ℓ = (1/o) Σ_k s_k^γ b_k: the binary cross-entropy b by how far p is from t, s = t + p − 2tp.

    Parameters
    ----------
    apply_class_balancing : bool, default False
        Multiply by tα + (1 − t)(1 − α).
    alpha : float in [0, 1], default 0.25
        The weight of targets 1, if balanced.
    gamma : float of at least 0, default 2
    from_logits, label_smoothing, reduction, name
        As in `BinaryCrossentropy`.

    Notes
    -----
    After a sigmoid, or from logits, it is computed from the net, exact for any; the delta is
    s^γ (p − t) + γ (1 − 2t) s^(γ−1) p(1 − p) b, over o. Keras holds p at 1e-7 there, so that a
    net that is wrong by more than 16 learns nothing. After another activation p is held as in Keras.

    Examples
    --------
    >>> round(BinaryFocalCrossentropy()([[1.0]], [[0.5]]), 6)
    0.173287
    """

    products: Array
    free: Array
    distance: Array
    spare: Array
    is_free: Array
    label_smoothing = Adjustable("[0, 1)")

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        require_bool("apply_class_balancing", apply_class_balancing)
        require_in("[0, 1]", "alpha", alpha)
        require_in("[0, inf)", "gamma", gamma)
        require_bool("from_logits", from_logits)
        self.apply_class_balancing, self.alpha, self.gamma = apply_class_balancing, alpha, gamma
        self.from_logits, self.label_smoothing = from_logits, label_smoothing
        self.variant = "_of_logits" if from_logits else ""
        self._sigmoid = Sigmoid()

    def encode(self, T: Array, out: Array | None = None) -> Array:
        return smooth(self, T, 2, out)

    def elements(self, out: Array, T: Array) -> Array:
        if self.from_logits:
            return self.elements_from_net(self._sigmoid, out, self._sigmoid.f(out, self.free), T)
        self._entropy(out, T)
        return self._focused(out, T)

    def elements_from_net(self, activation: Activation, net: Array, out: Array, T: Array) -> Array:
        crossentropy_of_logits(self, net, T)
        return self._focused(out, T)

    def slopes(self, out: Array, T: Array) -> Array:
        if self.from_logits:
            p = self._sigmoid.f(out, self.free)
            return self.delta_from_net(self._sigmoid, out, p, T, self.scratch)
        held = self._entropy(out, T)  # b in scratch; b' = (p − t) / (p (1 − p)), and 0 where p is held
        np.equal(held, out, self.is_free)
        np.copyto(self.free, self.is_free)
        np.subtract(self.one, held, self.distance)
        np.multiply(held, self.distance, self.distance)
        np.divide(self.free, self.distance, self.free)
        np.subtract(held, T, self.products)
        np.multiply(self.free, self.products, self.free)
        return self._slope(out, T, self.free, self.scratch)

    def delta_from_net(self, activation: Activation, net: Array, out: Array, T: Array, delta: Array) -> Array:
        entropy = crossentropy_of_logits(self, net, T)
        np.subtract(self.one, out, self.products)  # p' = p (1 − p)
        np.multiply(self.products, out, self.products)
        np.multiply(entropy, self.products, entropy)
        np.subtract(out, T, self.products)
        return self._slope(out, T, self.products, delta)

    @staticmethod
    def scalar_loss(
        net: float, out: float, t: float, gamma: float, of_ones_more: float, of_zeros: float, least: float
    ) -> tuple[float, float]:
        """Element and slope of one output."""
        p = clip(out, EPSILON, HIGH)
        slope = where(p == out, 1.0, 0.0) / (p * (1.0 - p)) * (p - t)
        entropy = (t - 1.0) * log(1.0 - p) - t * log(p)
        balance = t * of_ones_more + of_zeros
        return scalar_focus(out, t, entropy, entropy, slope, gamma, balance, least)

    @staticmethod
    def scalar_loss_of_logits(
        net: float, out: float, t: float, gamma: float, of_ones_more: float, of_zeros: float, least: float
    ) -> tuple[float, float]:
        """Element and slope of one output."""
        p, entropy, balance = sigmoid(net), scalar_crossentropy(net, t), t * of_ones_more + of_zeros
        return scalar_focus(p, t, entropy, entropy * p * (1.0 - p), p - t, gamma, balance, least)

    @staticmethod
    def scalar_loss_from_net(
        net: float, out: float, t: float, gamma: float, of_ones_more: float, of_zeros: float, least: float
    ) -> tuple[float, float]:
        """Element and delta of one output."""
        entropy, balance = scalar_crossentropy(net, t), t * of_ones_more + of_zeros
        return scalar_focus(out, t, entropy, entropy * (out * (1.0 - out)), out - t, gamma, balance, least)

    def scalars(self) -> dict[str, float]:
        of_ones_more, of_zeros = (
            (2 * self.alpha - 1, 1 - self.alpha) if self.apply_class_balancing else (0, 1)
        )
        least = float(np.finfo(self.dtype).tiny)
        return {"gamma": self.gamma, "of_ones_more": of_ones_more, "of_zeros": of_zeros, "least": least}

    def _slope(self, p: Array, T: Array, slope: Array, into: Array) -> Array:
        # w (s^γ b' + γ (1 − 2t) s^(γ−1) b), with b in scratch and b' in `slope`
        s, entropy = self._distance(p, T), self.scratch
        np.multiply(slope, s, slope)
        np.multiply(T, self.minus_double_gamma, self.spare)
        np.add(self.spare, self.gamma_array, self.spare)
        np.multiply(entropy, self.spare, entropy)
        np.add(slope, entropy, into)
        np.maximum(s, self.least, out=s)
        s **= self.gamma - 1
        np.multiply(into, s, into)
        return self._balance(into, T)

    def _focused(self, p: Array, T: Array) -> Array:
        s = self._distance(p, T)
        s **= self.gamma  # by the operator, which knows that a square is a product
        np.multiply(self.scratch, s, self.scratch)
        return self._balance(self.scratch, T)

    def _distance(self, p: Array, T: Array) -> Array:
        np.add(p, p, self.distance)
        np.subtract(self.one, self.distance, self.distance)
        np.multiply(self.distance, T, self.distance)
        return np.add(self.distance, p, self.distance)

    def _balance(self, into: Array, T: Array) -> Array:
        if self.apply_class_balancing:
            np.multiply(T, self.of_ones_more, self.spare)
            np.add(self.spare, self.of_zeros, self.spare)
            np.multiply(into, self.spare, into)
        return into

    def _entropy(self, out: Array, T: Array) -> Array:
        """−t ln p − (1 − t) ln(1 − p) into the scratch; p, held at its bounds, is returned."""
        p = np.maximum(out, self.low, out=self.products)
        np.minimum(p, self.high, out=p)
        np.log(p, self.free)
        np.multiply(self.free, T, self.free)
        np.subtract(self.one, p, self.distance)
        np.log(self.distance, self.distance)
        np.subtract(T, self.one, self.scratch)
        np.multiply(self.scratch, self.distance, self.scratch)
        np.subtract(self.scratch, self.free, self.scratch)
        return p

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        super().bind(units, dtype, canonical_factor)
        self._sigmoid.set_dtype(dtype)
        self.low, self.high, self.least = self.constants(EPSILON, 1 - EPSILON, np.finfo(dtype).tiny)
        self.gamma_array, self.minus_double_gamma = self.constants(self.gamma, -2 * self.gamma)
        self.of_ones_more, self.of_zeros = self.constants(2 * self.alpha - 1, 1 - self.alpha)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        wide = dict.fromkeys(("scratch", "products", "free", "distance", "spare"), (units,))
        return wide | {"values": (), "is_free": Mask((units,))}

    def check_activation(self, activation: Activation, units: int) -> None:
        require_probabilities(self, activation, "sigmoid")

    def check_target(self, T: Array, name: str) -> None:
        require_unit_interval(self, T, name)


def scalar_focus(
    p: float,
    t: float,
    entropy: float,
    scaled: float,
    slope: float,
    gamma: float,
    balance: float,
    least: float,
) -> tuple[float, float]:
    """s^γ b and s^γ b' + γ (1 − 2t) s^(γ−1) b of one number, balanced; b is scaled in the second."""
    s = (1.0 - (p + p)) * t + p
    focus = power(maximum(s, least), gamma - 1.0)
    whole = where(s < least, where(gamma == 0.0, 1.0, 0.0), s * focus)
    return entropy * whole * balance, (slope * s + scaled * (gamma - 2.0 * gamma * t)) * focus * balance
