"""Losses of integer labels: one number a row says which class is right."""

from typing import Any

import numpy as np

from mlp.activations import Activation
from mlp.adjusting import Adjustable
from mlp.arrays import Array, as_labels, as_numbers
from mlp.elementary import maximum, power
from mlp.errors import ArgumentError
from mlp.losses.base import MEANS, Loss, weigh
from mlp.losses.crossentropy import CategoricalCrossentropy
from mlp.losses.probabilities import require_probabilities, require_several
from mlp.naming import is_integer, require, require_in


class SparseCategoricalCrossentropy(Loss):
    """`CategoricalCrossentropy` for integer labels 0 … o − 1 of shape (n,) or (n, 1).

    Parameters
    ----------
    from_logits, label_smoothing, reduction, name
        As in `CategoricalCrossentropy`; Keras's has no `label_smoothing`.
    ignore_class : int, optional
        A label that stands for "not known", such as -1 or 255; it need not be one of the classes.
        Such rows add nothing, and the mean is over the other rows of the batch, as in Keras; in
        `Model.evaluate` over those of all data.

    References
    ----------
    As in `CategoricalCrossentropy`.

    Examples
    --------
    >>> round(SparseCategoricalCrossentropy()([1], [[0.2, 0.8]]), 6)
    0.223144
    >>> round(SparseCategoricalCrossentropy(ignore_class=-1)([1, -1], [[0.2, 0.8], [0.5, 0.5]]), 6)
    0.223144
    """

    label_smoothing = Adjustable("[0, 1)")

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        label_smoothing: float = 0.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        require(ignore_class is None or is_integer(ignore_class), "ignore_class", ignore_class, "an integer")
        self.categorical = CategoricalCrossentropy(from_logits, label_smoothing, reduction)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing
        self.ignore_class, self.variant = ignore_class, self.categorical.variant

    def adjusted(self) -> None:
        self.categorical.label_smoothing = self.label_smoothing

    def encode(self, T: Array, out: Array | None = None) -> Array:
        one_hot = np.empty((len(T), self.units), self.dtype) if out is None else out
        np.equal(T, self.classes, out=one_hot)
        self.categorical.encode(one_hot, one_hot)
        if self.ignore_class is not None:
            one_hot *= self.ignore_class != T
        return one_hot

    def value(self, out: Array, T: Array) -> Array:
        values = self.categorical.value(out, T)
        if self.ignore_class is not None:
            values *= known_rows(T)
        return values

    def gradient(self, out: Array, T: Array) -> Array:
        grad = self.categorical.gradient(out, T)
        if self.ignore_class is not None:
            grad *= known_rows(T)[:, None]
        return grad

    def total(self, activation: Activation, net: Array, out: Array, T: Array, weight: Array) -> float:
        self.categorical.canonical_factor = self.canonical_factor
        return self.categorical.total(activation, net, out, T, self._of_known(T, weight))

    def delta(
        self, activation: Activation, net: Array, out: Array, T: Array, weight: Array, delta: Array
    ) -> Array:
        self.categorical.canonical_factor = self.canonical_factor
        return self.categorical.delta(activation, net, out, T, self._of_known(T, weight), delta)

    row_loss = staticmethod(CategoricalCrossentropy.row_loss)
    row_loss_of_logits = staticmethod(CategoricalCrossentropy.row_loss_of_logits)
    row_loss_from_net = staticmethod(CategoricalCrossentropy.row_loss_from_net)

    def scalars(self) -> dict[str, float]:
        return self.categorical.scalars()

    def _of_known(self, T: Array, weight: Array) -> Array:
        if self.ignore_class is None:
            return weight
        return known_rows(T) * weight

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
        return labels_as_target(y, units, name, self.ignore_class)

    def counted(self, T: Array) -> int:
        return len(T) if self.ignore_class is None else int(np.count_nonzero(self.ignore_class != T))

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        found = super().__call__(y_true, y_pred, sample_weight)
        if self.ignore_class is None or self.reduction in ("sum", "none", None):
            return found
        known = np.asarray(y_true, float).reshape(-1) != self.ignore_class
        if self.reduction in MEANS or sample_weight is None:
            return float(found * len(known) / max(int(np.count_nonzero(known)), 1))
        weight = np.asarray(sample_weight, float).reshape(-1)
        return float(found * weight.sum() / max(weight[known].sum(), np.finfo(float).tiny))


class CategoricalGeneralizedCrossEntropy(Loss):
    """ℓ = (1 − p^q) / q, of the output p at the label; slope −p^(q − 1) there. For noisy labels.

    Parameters
    ----------
    q : float in (0, 1), default 0.5
        Towards 0 it becomes the cross-entropy, at 1 it would be the absolute error.
    reduction, name
        As in `Loss`.

    Notes
    -----
    After a softmax the delta is p^q (y − t): a row that contradicts the net counts less. The
    slope is infinite at p = 0; it is taken at the least normal number there, where Keras's is
    undefined.

    References
    ----------
    Zhang and Sabuncu (2018), Generalized cross entropy loss for training deep neural networks
    with noisy labels.

    Examples
    --------
    >>> CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]])
    1.0
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        require_in("(0, 1)", "q", q)
        self.q = q

    def encode(self, T: Array, out: Array | None = None) -> Array:
        one_hot = np.empty((len(T), self.units), self.dtype) if out is None else out
        return np.equal(T, self.classes, out=one_hot)

    def value(self, out: Array, T: Array) -> Array:
        p = self._right(out, T)
        np.power(p, self.exponent, p)
        np.subtract(self.one, p, p)
        return np.divide(p, self.exponent, p)

    def gradient(self, out: Array, T: Array) -> Array:
        p = self._right(out, T)
        np.maximum(p, self.least, out=p)
        np.power(p, self.slope_exponent, p)
        np.negative(p, p)
        return np.multiply(T, p[:, None], self.scratch)

    def total_from_net(
        self, activation: Activation, net: Array, out: Array, T: Array, weight: Array
    ) -> float:
        return weigh(self.value(out, T), weight)

    def delta_from_net(self, activation: Activation, net: Array, out: Array, T: Array, delta: Array) -> Array:
        p = self._right(out, T)
        np.power(p, self.exponent, p)
        np.subtract(out, T, delta)
        return np.multiply(delta, p[:, None], delta)

    @staticmethod
    def row_loss(
        net: Array,
        out: Array,
        T: Array,
        grad: Array,
        units: int,
        q: float,
        slope_exponent: float,
        least: float,
    ) -> float:
        """ℓ and ∂ℓ/∂out of one row."""
        p = 0.0
        for k in range(units):
            p += out[k] * T[k]
        slope = power(maximum(p, least), slope_exponent)
        for k in range(units):
            grad[k] = -T[k] * slope
        return (1.0 - power(p, q)) / q

    @staticmethod
    def row_loss_from_net(net: Array, out: Array, T: Array, delta: Array, units: int, q: float) -> float:
        """ℓ and the delta of one row."""
        p = 0.0
        for k in range(units):
            p += out[k] * T[k]
        scale = power(p, q)
        for k in range(units):
            delta[k] = (out[k] - T[k]) * scale
        return (1.0 - scale) / q

    def scalars(self) -> dict[str, float]:
        return {"q": self.q, "slope_exponent": self.q - 1, "least": float(np.finfo(self.dtype).tiny)}

    def _right(self, out: Array, T: Array) -> Array:
        return np.multiply(out, T, self.scratch).dot(self.ones, self.values)

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        require_several(self, units)
        super().bind(units, dtype, canonical_factor)
        least = np.finfo(dtype).tiny
        self.exponent, self.slope_exponent, self.least = self.constants(self.q, self.q - 1, least)
        self.classes = np.arange(units)

    def check_activation(self, activation: Activation, units: int) -> None:
        require_probabilities(self, activation, "softmax")

    def as_target(self, y: Any, units: int, dtype: np.dtype[Any], name: str = "y") -> Array:
        return labels_as_target(y, units, name)


def known_rows(T: Array) -> Array:
    """Which rows have a target at all, shape (n,)."""
    return np.asarray(T.any(axis=1))


def labels_as_target(y: Any, units: int, name: str, ignored: int | None = None) -> Array:
    """Check labels and bring them to the shape (n, 1); `ignored` is a label too, if it is given."""
    if ignored is None or ignored in range(units):
        labels = as_labels(y, units, name)
    else:
        numbers = as_numbers(y, np.dtype(np.float64), name).reshape(-1)
        unknown = numbers == ignored
        labels = as_labels(np.where(unknown, 0, numbers), units, name)
        labels[unknown] = ignored
    if np.ndim(y) not in (1, 2) or len(labels) != len(y):
        raise ArgumentError(
            f"{name} must be one label a row, shape (n,) or (n, 1), for sparse_categorical_crossentropy; "
            f"got {np.shape(y)}. For one-hot rows use categorical_crossentropy."
        )
    return labels.reshape(-1, 1)
