"""Cross-entropies: the losses of probabilities.

After the activation that they are made for (a sigmoid, a softmax) they are computed from
the net activation, not from the output, which has lost the small probabilities by then.
"""

from typing import Any

import numpy as np

from mlp.activations import Activation, Sigmoid, Softmax
from mlp.arrays import Array, Mask, Workspace, as_labels
from mlp.errors import ArgumentError
from mlp.losses.base import Loss, weigh
from mlp.naming import require_in

EPSILON = 1e-7  # probabilities are kept this far from 0 and 1 on the long way, as Keras does


class BinaryCrossentropy(Loss):
    """ℓ = −(1/o) Σ_k [t_k ln y_k + (1 − t_k) ln(1 − y_k)]: each output is a yes or no of its own.

    Parameters
    ----------
    from_logits : bool, default False
        The model ends without a sigmoid and the loss applies it.
    label_smoothing : float in [0, 1), default 0
        Targets become t(1 − ε) + ε/2.
    reduction : str, default "sum_over_batch_size"

    Notes
    -----
    After a sigmoid, ℓ is computed as ln(1 + e^net) − t·net, exact for any net, and the
    delta is (y − t)/o. After another activation y is kept in [1e-7, 1 − 1e-7], as in Keras.

    Examples
    --------
    >>> round(BinaryCrossentropy()([[1.0], [0.0]], [[0.5], [0.5]]), 6)
    0.693147
    """

    products: Array
    free: Array
    is_free: Array

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str = "sum_over_batch_size",
    ) -> None:
        super().__init__(reduction)
        require_in("[0, 1)", "label_smoothing", label_smoothing)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing
        self._sigmoid = Sigmoid()

    def encode(self, T: Array, out: Array | None = None) -> Array:
        return smooth(self, T, 2, out)

    def value(self, out: Array, T: Array) -> Array:
        if self.from_logits:
            return self._by_net(out, T)
        p = np.clip(out, EPSILON, 1 - EPSILON, out=self.products)
        np.log(p, out=self.scratch)  # t ln p ...
        self.scratch *= T
        self.scratch.dot(self.ones, out=self.values)
        np.subtract(self.one, p, out=p)  # ... + (1 − t) ln(1 − p)
        np.log(p, out=p)
        np.subtract(self.one, T, out=self.scratch)
        self.scratch *= p
        self.values += self.scratch.dot(self.ones)
        self.values /= -self.units
        return self.values

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        super().bind(units, dtype, canonical_factor)
        self._sigmoid.set_dtype(dtype)

    def total_from_net(
        self, activation: Activation, net: Array, out: Array, T: Array, weight: Array
    ) -> float:
        return weigh(self._by_net(net, T), weight)

    def _by_net(self, net: Array, T: Array) -> Array:
        np.logaddexp(net, self.zero, out=self.scratch)
        np.multiply(T, net, out=self.products)
        self.scratch -= self.products
        self.scratch.dot(self.ones, out=self.values)
        if self.units > 1:
            self.values /= self.units
        return self.values

    def gradient(self, out: Array, T: Array) -> Array:
        grad = self.scratch
        if self.from_logits:
            np.subtract(self._sigmoid.f(out, self.products), T, out=grad)
        else:  # (p − t) / (p (1 − p)), and 0 where p is held at its bounds
            p = np.clip(out, EPSILON, 1 - EPSILON, out=self.products)
            np.subtract(p, T, out=grad)
            np.copyto(self.free, np.equal(p, out, out=self.is_free))
            grad *= self.free
            grad /= p
            np.subtract(self.one, p, out=p)
            grad /= p
        if self.units > 1:
            grad /= self.units
        return grad

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
    reduction : str, default "sum_over_batch_size"

    Notes
    -----
    After a softmax, ln y is computed as net − ln Σ e^net, exact for any net, and the delta is
    y − t (for rows of T that sum to 1). After another activation the outputs are divided by
    their sum and kept in [1e-7, 1 − 1e-7], as in Keras.

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

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str = "sum_over_batch_size",
    ) -> None:
        super().__init__(reduction)
        require_in("[0, 1)", "label_smoothing", label_smoothing)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing
        self._softmax = Softmax()

    def encode(self, T: Array, out: Array | None = None) -> Array:
        return smooth(self, T, self.units, out)

    def value(self, out: Array, T: Array) -> Array:
        if self.from_logits:
            self._softmax.f(out, self.probabilities)
            log_p = np.subtract(self._softmax.shifted, self._softmax.log_total()[:, None], self.scratch)
        else:
            self._normalise(out)
            p = np.clip(self.probabilities, EPSILON, 1 - EPSILON, out=self.scratch)
            log_p = np.log(p, out=p)
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

    def _normalise(self, out: Array) -> Array:
        total = out.dot(self.ones, out=self.values)
        np.maximum(total, np.finfo(total.dtype).tiny, out=total)
        np.divide(out, total[:, None], out=self.probabilities)
        return total

    def gradient(self, out: Array, T: Array) -> Array:
        if self.from_logits:
            return np.subtract(self._softmax.f(out, self.probabilities), T, out=self.scratch)
        total = self._normalise(out)  # p = out / total, and ∂ℓ/∂p = −t/p where p is not held
        p = np.clip(self.probabilities, EPSILON, 1 - EPSILON, out=self.scratch)
        np.copyto(self.free, np.equal(p, self.probabilities, out=self.is_free))
        grad = np.divide(T, p, out=p)
        grad *= self.free
        np.multiply(grad, self.probabilities, out=self.free)
        common = self.free.dot(
            self.ones, out=self.common
        )  # ∂ℓ/∂out = (Σ_k t_k − t/p) / total, if none is held
        np.subtract(common[:, None], grad, out=grad)
        return np.divide(grad, total[:, None], out=grad)

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        if units == 1:
            raise ArgumentError(
                f"{type(self).__name__} needs one output a class, so two or more; there is 1. "
                "For two classes and one output use a sigmoid with binary_crossentropy."
            )
        super().bind(units, dtype, canonical_factor)
        self.minus_ones = -self.ones
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
        require_unit_interval(self, T, name)
        off = np.abs(T.sum(axis=1) - 1) > 1e-3
        if off.any():
            row = int(np.argmax(off))
            raise ArgumentError(
                f"each row of {name} must sum to 1 for {type(self).__name__}; row {row} sums to "
                f"{float(T[row].sum()):g}. For several labels a sample use sigmoid outputs with "
                "binary_crossentropy."
            )


class SparseCategoricalCrossentropy(Loss):
    """`CategoricalCrossentropy` for integer labels 0 … o − 1 of shape (n,) or (n, 1).

    Parameters
    ----------
    from_logits, label_smoothing, reduction
        As in `CategoricalCrossentropy`.

    Examples
    --------
    >>> round(SparseCategoricalCrossentropy()([1], [[0.2, 0.8]]), 6)
    0.223144
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str = "sum_over_batch_size",
    ) -> None:
        super().__init__(reduction)
        self.categorical = CategoricalCrossentropy(from_logits, label_smoothing, reduction)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing

    def encode(self, T: Array, out: Array | None = None) -> Array:
        one_hot = np.empty((len(T), self.units), self.dtype) if out is None else out
        np.equal(T, self.classes, out=one_hot)
        return self.categorical.encode(one_hot, one_hot)

    def value(self, out: Array, T: Array) -> Array:
        return self.categorical.value(out, T)

    def total_from_net(
        self, activation: Activation, net: Array, out: Array, T: Array, weight: Array
    ) -> float:
        return self.categorical.total_from_net(activation, net, out, T, weight)

    def gradient(self, out: Array, T: Array) -> Array:
        return self.categorical.gradient(out, T)

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        super().bind(units, dtype, canonical_factor)
        self.categorical.bind(units, dtype, canonical_factor)
        self.classes = np.arange(units)

    def allocate(self, rows: int) -> None:
        super().allocate(rows)
        self.categorical.allocate(rows)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {}

    def check_activation(self, activation: Activation, units: int) -> None:
        self.categorical.check_activation(activation, units)

    def as_target(self, y: Any, units: int, dtype: np.dtype[Any], name: str = "y") -> Array:
        labels = as_labels(y, units, name)
        if np.ndim(y) not in (1, 2) or len(labels) != len(y):
            raise ArgumentError(
                f"{name} must be one label a row, shape (n,) or (n, 1), for sparse_categorical_crossentropy; "
                f"got {np.shape(y)}. For one-hot rows use categorical_crossentropy."
            )
        return labels.reshape(-1, 1)


def smooth(
    loss: BinaryCrossentropy | CategoricalCrossentropy, T: Array, choices: int, out: Array | None
) -> Array:
    """t(1 − ε) + ε/choices, or T itself where ε is 0."""
    if not loss.label_smoothing:
        return T
    out = np.multiply(T, 1 - loss.label_smoothing, out=out)
    out += loss.label_smoothing / choices
    return out


def require_probabilities(
    loss: BinaryCrossentropy | CategoricalCrossentropy, activation: Activation, partner: str
) -> None:
    """Raise an `ArgumentError` if outputs are no probabilities, or logits are none."""
    name, last = type(loss).__name__, type(activation).__name__
    if loss.from_logits and activation.probabilities:
        raise ArgumentError(
            f"{name}(from_logits=True) applies a {partner} itself, but the last layer ends with {last}. "
            "Remove one of the two."
        )
    if not loss.from_logits and not activation.probabilities:
        raise ArgumentError(
            f"{name} needs outputs between 0 and 1, but the last activation is {last}. "
            f"End the model with activation='{partner}', or use {name}(from_logits=True)."
        )


def require_unit_interval(loss: Loss, T: Array, name: str) -> None:
    """Raise an `ArgumentError` unless every target is a probability, and there is one."""
    if not len(T):
        raise ArgumentError(f"{name} has no rows")
    if T.min() < 0 or T.max() > 1:
        row = int(np.argmax((T < 0).any(axis=1) | (T > 1).any(axis=1)))
        raise ArgumentError(
            f"{name} must lie in [0, 1] for {type(loss).__name__}; row {row} is {T[row].tolist()}"
        )
