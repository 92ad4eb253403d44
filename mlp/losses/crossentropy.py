"""Cross-entropies: the losses of probabilities.

After the activation that they are made for (a sigmoid, a softmax) they are computed from
the net activation, not from the output, which has lost the small probabilities by then.
"""

from typing import Any

import numpy as np

from mlp.activations import Activation, Sigmoid, Softmax
from mlp.activations.sigmoids import log_one_plus
from mlp.adjusting import Adjustable
from mlp.arrays import Array, Mask, Workspace
from mlp.elementary import absolute, clip, exp, log, log1p, maximum, sigmoid, where
from mlp.losses.base import EPSILON, Loss, weigh
from mlp.losses.probabilities import (
    require_distributions,
    require_probabilities,
    require_several,
    require_unit_interval,
)
from mlp.naming import require_bool

HIGH = 1 - EPSILON


class BinaryCrossentropy(Loss):
    """ℓ = −(1/o) Σ_k [t_k ln y_k + (1 − t_k) ln(1 − y_k)]: each output is a yes or no of its own.

    Parameters
    ----------
    from_logits : bool, default False
        The model ends without a sigmoid and the loss applies it.
    label_smoothing : float in [0, 1), default 0
        Targets become t(1 − ε) + ε/2. It may be set at any time, and holds from the next epoch on.
    reduction, name
        As in `Loss`.

    Notes
    -----
    After a sigmoid, ℓ is computed as ln(1 + e^net) − t·net, exact for any net, and the
    delta is (y − t)/o. After another activation y is kept in [1e-7, 1 − 1e-7], as in Keras.

    References
    ----------
    Cox (1958), The regression analysis of binary sequences; Bishop (1995), Neural networks for
    pattern recognition, section 6.7.

    Examples
    --------
    >>> round(BinaryCrossentropy()([[1.0], [0.0]], [[0.5], [0.5]]), 6)
    0.693147
    """

    products: Array
    free: Array
    is_free: Array
    label_smoothing = Adjustable("[0, 1)")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        require_bool("from_logits", from_logits)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing
        self.variant = "_of_logits" if from_logits else ""
        self._sigmoid = Sigmoid()

    def encode(self, T: Array, out: Array | None = None) -> Array:
        return smooth(self, T, 2, out)

    def elements(self, out: Array, T: Array) -> Array:
        if self.from_logits:
            return crossentropy_of_logits(self, out, T)
        p = self._hold(out)
        np.log(p, self.free)  # t ln p
        np.multiply(self.free, T, self.free)
        np.subtract(self.one, p, p)  # (t − 1) ln(1 − p)
        np.log(p, p)
        np.subtract(T, self.one, self.scratch)
        np.multiply(self.scratch, p, self.scratch)
        return np.subtract(self.scratch, self.free, self.scratch)

    def elements_from_net(self, activation: Activation, net: Array, out: Array, T: Array) -> Array:
        return crossentropy_of_logits(self, net, T)

    def slopes(self, out: Array, T: Array) -> Array:
        grad = self.scratch
        if self.from_logits:
            return np.subtract(self._sigmoid.f(out, self.products), T, grad)
        p = self._hold(out)  # (p − t) / (p (1 − p)), and 0 where p is held at its bounds
        np.subtract(p, T, grad)
        np.equal(p, out, self.is_free)
        np.copyto(self.free, self.is_free)
        np.multiply(grad, self.free, grad)
        np.divide(grad, p, grad)
        np.subtract(self.one, p, p)
        return np.divide(grad, p, grad)

    @staticmethod
    def scalar_loss(net: float, out: float, t: float) -> tuple[float, float]:
        """Element and slope of one output."""
        p = clip(out, EPSILON, HIGH)
        is_free = where(p == out, 1.0, 0.0)
        return (t - 1.0) * log(1.0 - p) - t * log(p), (p - t) * is_free / p / (1.0 - p)

    @staticmethod
    def scalar_loss_of_logits(net: float, out: float, t: float) -> tuple[float, float]:
        """Element and slope of one output."""
        return scalar_crossentropy(net, t), sigmoid(net) - t

    @staticmethod
    def scalar_loss_from_net(net: float, out: float, t: float) -> tuple[float, float]:
        """Element and delta of one output."""
        return scalar_crossentropy(net, t), out - t

    def _hold(self, out: Array) -> Array:
        np.maximum(out, self.low, out=self.products)
        return np.minimum(self.products, self.high, out=self.products)

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        super().bind(units, dtype, canonical_factor)
        self.low, self.high = self.constants(EPSILON, 1 - EPSILON)
        self._sigmoid.set_dtype(dtype)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        wide = dict.fromkeys(("scratch", "products", "free"), (units,))
        return wide | {"values": (), "is_free": Mask((units,))}

    def check_activation(self, activation: Activation, units: int) -> None:
        require_probabilities(self, activation, "sigmoid")

    def check_target(self, T: Array, name: str) -> None:
        require_unit_interval(self, T, name)


class CategoricalCrossentropy(Loss):
    """ℓ = −Σ_k t_k ln y_k: exactly one of the classes is right, T is one-hot or a distribution.

    Parameters
    ----------
    from_logits : bool, default False
        The model ends without a softmax and the loss applies it.
    label_smoothing : float in [0, 1), default 0
        Targets become t(1 − ε) + ε/o.
    reduction, name
        As in `Loss`.

    Notes
    -----
    After a softmax, ln y is computed as net − ln Σ e^net, exact for any net, and the delta is
    y − t (for rows of T that sum to 1). After another activation the outputs are divided by
    their sum and kept in [1e-7, 1 − 1e-7], as in Keras.

    References
    ----------
    Bridle (1990), Probabilistic interpretation of feedforward classification network outputs;
    Szegedy et al. (2016), Rethinking the Inception architecture, for the label smoothing.

    Examples
    --------
    >>> round(CategoricalCrossentropy()([[0.0, 1.0]], [[0.2, 0.8]]), 6)
    0.223144
    """

    shape_hint = (
        " For integer labels use loss='sparse_categorical_crossentropy', or make them one-hot "
        "with mlp.utils.to_categorical."
    )
    probabilities: Array
    free: Array
    is_free: Array
    common: Array
    label_smoothing = Adjustable("[0, 1)")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        require_bool("from_logits", from_logits)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing
        self.variant = "_of_logits" if from_logits else ""
        self._softmax = Softmax()

    def encode(self, T: Array, out: Array | None = None) -> Array:
        return smooth(self, T, self.units, out)

    def value(self, out: Array, T: Array) -> Array:
        if self.from_logits:
            self._softmax.f(out, self.probabilities)
            np.multiply(T, self._softmax.shifted, self.scratch).dot(self.ones, self.values)
            return np.subtract(self._softmax.log_total(), self.values, self.values)
        normalise(self, out)
        p = self._hold()
        log_p = np.log(p, p)
        log_p *= T
        return log_p.dot(self.minus_ones, out=self.values)

    def total_from_net(
        self, activation: Activation, net: Array, out: Array, T: Array, weight: Array
    ) -> float:
        # −Σ_k t_k ln y_k = ln Σ_j e^net_j − Σ_k t_k net_k, since the targets of a row sum to 1
        shifted, log_total = activation.shifted, activation.log_total()  # type: ignore[attr-defined]
        if not weight.ndim:
            picked = T.reshape(-1).dot(shifted.reshape(-1))
            return float(weight * (np.add.reduce(log_total) - picked))
        np.multiply(T, shifted, self.scratch)
        np.subtract(log_total, self.scratch.dot(self.ones, self.values), self.values)
        return weigh(self.values, weight)

    def gradient(self, out: Array, T: Array) -> Array:
        if self.from_logits:
            return np.subtract(self._softmax.f(out, self.probabilities), T, self.scratch)
        total = normalise(self, out)
        p = self._hold()  # −∂ℓ/∂p = t/p where p is not held
        np.equal(p, self.probabilities, self.is_free)
        np.copyto(self.free, self.is_free)
        grad = np.divide(T, p, p)
        np.multiply(grad, self.free, grad)
        return through_the_sum(self, grad, total)

    @staticmethod
    def row_loss(net: Array, out: Array, T: Array, grad: Array, units: int, least: float) -> float:
        """ℓ and ∂ℓ/∂out of one row."""
        total, value, common = 0.0, 0.0, 0.0
        for k in range(units):
            total += out[k]
        total = where(total == 0.0, least, total)
        for k in range(units):
            share = out[k] / total
            p = clip(share, EPSILON, HIGH)
            value -= T[k] * log(p)
            grad[k] = T[k] / p * where(p == share, 1.0, 0.0)
            common += grad[k] * share
        for k in range(units):
            grad[k] = (common - grad[k]) / total
        return value

    @staticmethod
    def row_loss_of_logits(net: Array, out: Array, T: Array, grad: Array, units: int) -> float:
        """ℓ and ∂ℓ/∂net of one row: ln Σ_j e^net_j − Σ_k t_k net_k."""
        peak, total, picked = net[0], 0.0, 0.0
        for k in range(1, units):
            peak = maximum(peak, net[k])
        for k in range(units):
            grad[k] = exp(net[k] - peak)
            total += grad[k]
            picked += T[k] * (peak - net[k])
        for k in range(units):
            grad[k] = grad[k] / total - T[k]
        return picked + log(total)

    @staticmethod
    def row_loss_from_net(net: Array, out: Array, T: Array, delta: Array, units: int) -> float:
        """ℓ and the delta of one row after a softmax, whose largest output is 1 / Σ_k e^(net_k − peak)."""
        peak, most, picked = net[0], out[0], 0.0
        for k in range(1, units):
            peak, most = maximum(peak, net[k]), maximum(most, out[k])
        for k in range(units):
            picked += T[k] * (peak - net[k])
            delta[k] = out[k] - T[k]
        return picked - log(most)

    def scalars(self) -> dict[str, float]:
        return {"least": float(np.finfo(self.dtype).tiny)}

    def _hold(self) -> Array:
        np.maximum(self.probabilities, self.low, out=self.scratch)
        return np.minimum(self.scratch, self.high, out=self.scratch)

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        require_several(self, units)
        super().bind(units, dtype, canonical_factor)
        self.minus_ones = -self.ones
        self.low, self.high, self.least = self.constants(EPSILON, 1 - EPSILON, np.finfo(dtype).tiny)
        self._softmax.set_dtype(dtype)
        self._softmax.build(units, dtype)
        self._softmax_space = Workspace()

    def allocate(self, rows: int) -> None:
        super().allocate(rows)
        shapes = self._softmax.buffers(self.units)
        vars(self._softmax).update(self._softmax_space.lend(rows, shapes, self.dtype))

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        wide = dict.fromkeys(("scratch", "probabilities", "free"), (units,))
        return wide | {"values": (), "common": (), "is_free": Mask((units,))}

    def check_activation(self, activation: Activation, units: int) -> None:
        require_probabilities(self, activation, "softmax")

    def check_target(self, T: Array, name: str) -> None:
        require_distributions(self, T, name)


def smooth(loss: Any, T: Array, choices: int, out: Array | None) -> Array:
    """t(1 − ε) + ε/choices, or T itself where ε is 0."""
    if not loss.label_smoothing:
        return T
    out = np.multiply(T, 1 - loss.label_smoothing, out=out)
    out += loss.label_smoothing / choices
    return out


def crossentropy_of_logits(loss: Any, net: Array, T: Array) -> Array:
    """−t ln p − (1 − t) ln(1 − p) for p = sigmoid(net), exact for any net; into the scratch.

    It is max(net, 0) − t·net + ln(1 + e^−|net|); for targets 0 and 1 no large number is left to
    swallow the logarithm.
    """
    products: Array = loss.products
    scratch: Array = loss.scratch
    np.maximum(net, loss.zero, out=scratch)
    np.multiply(T, net, products)
    np.subtract(scratch, products, scratch)
    return np.add(scratch, log_one_plus(net, products), scratch)


def scalar_crossentropy(net: float, t: float) -> float:
    """The same of one number."""
    return maximum(net, 0.0) - t * net + log1p(exp(-absolute(net)))


def normalise(loss: Any, out: Array) -> Array:
    """Divide the outputs by their sum, into `probabilities`; return the sum, shape (n,)."""
    total: Array = out.dot(loss.ones, loss.values)
    np.copyto(total, loss.least, where=total == 0)
    np.divide(out, total[:, None], loss.probabilities)
    return total


def through_the_sum(loss: Any, h: Array, total: Array) -> Array:
    """∂ℓ/∂out = (Σ_k h_k p_k − h) / total, from h = −∂ℓ/∂p and p = out / total; into `h`."""
    np.multiply(h, loss.probabilities, loss.free)
    common = loss.free.dot(loss.ones, loss.common)
    np.subtract(common[:, None], h, h)
    return np.divide(h, total[:, None], h)
