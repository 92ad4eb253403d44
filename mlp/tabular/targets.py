"""What a table's target is: how it becomes what a network learns, and its outputs what a user asks for.

Each kind has the same methods: `fit` (from the user's y to the network's targets T), `loss`,
`value` and `error` (how good outputs for held-out rows are; less is better), `predictions` (from
outputs to probabilities or numbers in the unit of y), and `get_config`, whose way back is `from_config`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import expit, log_softmax, softmax
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from mlp import losses
from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.losses import Loss
from mlp.naming import is_integer, require, require_bool, require_one_of
from mlp.tabular.labels import check_labels, numbers_of
from mlp.tabular.recipe import Recipe

MOST_CLASSES = 10_000
SMALLEST = 1e-9  # probability, so that one row does not decide what a mixture is worth


class Target:
    """Base of the kinds of targets.

    Attributes
    ----------
    units : int
        Outputs of the network.
    """

    units = 1
    kind = ""
    learned: tuple[str, ...] = ("units",)  # what a file holds

    @property
    def columns(self) -> int:
        """Columns of what `predictions` returns."""
        return self.units

    def fit(self, y: Any, sample_weight: Array | None = None) -> Array:
        """Learn what there is to know of y, and return the targets of the network, a row for each."""
        raise NotImplementedError

    def check_rows(self, T: Array) -> None:
        """Raise a `ValueError` if nothing can be learned from these rows."""

    def loss(self, recipe: Recipe) -> Loss:
        """What the networks minimise."""
        raise NotImplementedError

    def strata(self, T: Array) -> Array | None:
        """What folds keep the proportions of."""
        return None

    def value(self, out: Array, T: Array, weight: Array | None) -> float:
        """The loss without smoothing, averaged over rows."""
        raise NotImplementedError

    def error(self, out: Array, T: Array, weight: Array | None) -> float:
        """The share of wrong answers, or the root mean squared error."""
        raise NotImplementedError

    def predictions(self, out: Array, temperature: float = 1.0) -> Array:
        """Outputs of one network as probabilities, or as numbers in the unit of y.

        Logits are divided by the temperature.
        """
        raise NotImplementedError

    def mixed_value(self, predictions: Array, T: Array, weight: Array | None) -> float:
        """As `value`, of predictions in the place of outputs."""
        raise NotImplementedError

    def answers(self, predictions: Array) -> Array:
        """Mean predictions as what `predict` returns."""
        raise NotImplementedError

    def truth(self, T: Array) -> Array:
        """The targets of the network as `predict` would return them."""
        raise NotImplementedError

    def score(self, T: Array, predictions: Array, weight: Array | None) -> float:
        """Accuracy or R², as `score` of the estimator."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """All that has been learned, as plain data and arrays."""
        return {"kind": self.kind} | {name: getattr(self, name) for name in self.learned}

    def check(self) -> None:
        """Raise an `ArgumentError` if what stands in the attributes cannot have been learned."""
        require(is_integer(self.units) and self.units > 0, "units", self.units, "a positive integer")


class Classes(Target):
    """One class for each row: K logits, softmax and cross-entropy.

    Attributes
    ----------
    classes : Array of shape (K,)
    """

    classes: Array
    kind = "classes"
    learned = ("units", "classes")

    def fit(self, y: Any, sample_weight: Array | None = None) -> Array:
        check_labels(y)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        self.classes, T = np.unique(y, return_inverse=True)
        self.units = len(self.classes)
        self.check_rows(T)
        if self.units > MOST_CLASSES:
            raise ValueError(
                f"y has {self.units} classes; it takes up to {MOST_CLASSES}. For numbers there is "
                "TabularRegressor"
            )
        return T.astype(np.int64)

    def check_rows(self, T: Array) -> None:
        if len(np.unique(T)) < 2:
            raise ValueError(
                f"y has only one class, {self.classes[T[:1]].tolist()}, in the rows that have a weight; give "
                "rows of at least two classes"
            )

    def loss(self, recipe: Recipe) -> Loss:
        return losses.SparseCategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)

    def strata(self, T: Array) -> Array:
        return T

    def value(self, out: Array, T: Array, weight: Array | None) -> float:
        likelihoods = log_softmax(out, axis=1)[np.arange(len(T)), T]
        return -float(np.average(likelihoods, weights=weight))

    def error(self, out: Array, T: Array, weight: Array | None) -> float:
        # what rows of hardly any weight add is no difference: of equally good epochs the later one is kept
        return round(float(np.average(out.argmax(axis=1) != T, weights=weight)), 6)

    def predictions(self, out: Array, temperature: float = 1.0) -> Array:
        made: Array = softmax(out / np.float32(temperature), axis=1)
        return made

    def mixed_value(self, predictions: Array, T: Array, weight: Array | None) -> float:
        likelihoods = np.log(np.maximum(predictions[np.arange(len(T)), T], SMALLEST))
        return -float(np.average(likelihoods, weights=weight))

    def answers(self, predictions: Array) -> Array:
        return self.classes[predictions.argmax(axis=1)]

    def truth(self, T: Array) -> Array:
        return self.classes[T]

    def score(self, T: Array, predictions: Array, weight: Array | None) -> float:
        return float(np.average(predictions.argmax(axis=1) == T, weights=weight))

    def get_config(self) -> dict[str, Any]:
        plain = self.classes.tolist() if self.classes.dtype.kind in "OUST" else self.classes
        return super().get_config() | {"classes": plain}

    def check(self) -> None:
        super().check()
        self.classes = np.asarray(self.classes)
        distinct = self.classes.ndim == 1 and len(set(self.classes.tolist())) == self.units
        require(distinct, "classes", self.classes, f"{self.units} different classes")


class Labels(Target):
    """Several labels for each row, each right or wrong: a sigmoid and binary cross-entropy for each."""

    kind = "labels"
    classes: Array

    def fit(self, y: Any, sample_weight: Array | None = None) -> Array:
        dense = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
        self.units = dense.shape[1]
        self.classes = np.arange(self.units)
        return dense.astype(np.float32)

    def loss(self, recipe: Recipe) -> Loss:
        return losses.BinaryCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)

    def value(self, out: Array, T: Array, weight: Array | None) -> float:
        values = np.logaddexp(0, out) - T * out
        return float(np.average(values.mean(axis=1), weights=weight))

    def error(self, out: Array, T: Array, weight: Array | None) -> float:
        return float(np.average(((out > 0) != T).mean(axis=1), weights=weight))

    def predictions(self, out: Array, temperature: float = 1.0) -> Array:
        made: Array = expit(out / np.float32(temperature))
        return made

    def mixed_value(self, predictions: Array, T: Array, weight: Array | None) -> float:
        right = np.where(T > 0.5, predictions, 1 - predictions)
        values = -np.log(np.maximum(right, SMALLEST)).mean(axis=1)
        return float(np.average(values, weights=weight))

    def answers(self, predictions: Array) -> Array:
        return (predictions > 0.5).astype(int)

    def truth(self, T: Array) -> Array:
        return T.astype(int)

    def score(self, T: Array, predictions: Array, weight: Array | None) -> float:
        return float(np.average(((predictions > 0.5) == T).all(axis=1), weights=weight))

    def check(self) -> None:
        super().check()
        self.classes = np.arange(self.units)


class Numbers(Target):
    """One number or several for each row, standardised; those that are NaN are not learned from.

    Attributes
    ----------
    mean, scale, lowest, highest : Array of shape (o,)
        Of the targets that are known.
    flat, has_gaps : bool
        Whether y had one dimension, and whether some of it is not known.
    clamp : bool
        Whether predictions stay between `lowest` and `highest`.
    """

    mean: Array
    scale: Array
    lowest: Array
    highest: Array
    flat, has_gaps = True, False
    kind = "numbers"
    learned = ("units", "mean", "scale", "lowest", "highest", "flat", "has_gaps", "clamp")

    def __init__(self, clamp: bool = False) -> None:
        self.clamp = clamp

    def fit(self, y: Any, sample_weight: Array | None = None) -> Array:
        values = numbers_of(y)
        self.flat = values.ndim == 1
        values = values.reshape(len(values), -1)
        self.units = values.shape[1]
        known = ~np.isnan(values)
        self.has_gaps = not known.all()
        weights = known.astype(np.float64) if sample_weight is None else known * sample_weight[:, None]
        empty = np.flatnonzero(~weights.any(axis=0))
        if len(empty):
            where = "" if self.flat else f" in column {empty[0]}"
            raise ValueError(f"y has no number{where} in the rows whose weight is not zero: all are NaN")
        weights /= weights.max(axis=0)
        largest = np.abs(np.where(weights > 0, values, 0.0)).max(axis=0)
        # divided by powers of two, which changes no digit, squares neither vanish nor overflow
        size = np.exp2(np.floor(np.log2(np.where(largest > 0, largest, 1.0))))
        self._standardise(np.where(weights > 0, values / size, np.nan), weights, size)
        return ((values / size - self.mean / size) / (self.scale / size)).astype(np.float32)

    def _standardise(self, values: Array, weights: Array, size: Array) -> None:
        total = weights.sum(axis=0)
        mean = np.nansum(values * weights, axis=0) / total
        scale = np.sqrt(np.nansum((values - mean) ** 2 * weights, axis=0) / total)
        self.mean, self.scale = mean * size, np.where(scale > 0, scale, 1.0) * size
        self.lowest, self.highest = np.nanmin(values, axis=0) * size, np.nanmax(values, axis=0) * size

    def loss(self, recipe: Recipe) -> Loss:
        return losses.Masked("mse") if self.has_gaps else losses.MeanSquaredError()

    def value(self, out: Array, T: Array, weight: Array | None) -> float:
        return self.mean_of_known(np.square(out - T, dtype=np.float64), T, weight)

    def mean_of_known(self, values: Array, T: Array, weight: Array | None) -> float:
        """The mean over columns of their means over the rows whose target is known."""
        known = ~np.isnan(T)
        weights = known if weight is None else known * weight[:, None]
        counts = weights.sum(axis=0)
        columns = counts > 0  # of the others these rows say nothing
        sums = (np.where(known, values, 0.0) * weights).sum(axis=0)
        return float(np.mean(sums[columns] / counts[columns]))

    def error(self, out: Array, T: Array, weight: Array | None) -> float:
        near = np.clip(out, *self._range()) if self.clamp else out
        return float(np.sqrt(self.value(near, T, weight)))

    def _range(self) -> tuple[Array, Array]:
        return (self.lowest - self.mean) / self.scale, (self.highest - self.mean) / self.scale

    def mixed_value(self, predictions: Array, T: Array, weight: Array | None) -> float:
        return self.value((predictions - self.mean) / self.scale, T, weight)

    def predictions(self, out: Array, temperature: float = 1.0) -> Array:
        made = out * self.scale + self.mean
        return np.clip(made, self.lowest, self.highest) if self.clamp else made

    def answers(self, predictions: Array) -> Array:
        return predictions[:, 0] if self.flat else predictions

    def truth(self, T: Array) -> Array:
        return self.answers(T * self.scale + self.mean)

    def score(self, T: Array, predictions: Array, weight: Array | None) -> float:
        known = ~np.isnan(T)
        if known.sum(axis=0).min(initial=2) < 2:
            return np.nan
        near = (predictions - self.mean) / self.scale  # whose squares do not overflow
        scores = [
            r2_score(T[rows, k], near[rows, k], sample_weight=None if weight is None else weight[rows])
            for k, rows in enumerate(known.T)
        ]
        return float(np.mean(scores))

    def check(self) -> None:
        super().check()
        for name in ("mean", "scale", "lowest", "highest"):
            values = getattr(self, name)
            right = isinstance(values, np.ndarray) and values.shape == (self.units,)
            require(right and np.isfinite(values).all(), name, values, f"{self.units} finite numbers")
        for name in ("flat", "has_gaps", "clamp"):
            require_bool(name, getattr(self, name))


KINDS: dict[str, type[Target]] = {"classes": Classes, "labels": Labels, "numbers": Numbers}


def from_config(config: dict[str, Any], kinds: Mapping[str, type[Target]] = KINDS) -> Target:
    """The target that `get_config` has described, of one of those kinds.

    Raises
    ------
    ArgumentError
        If it describes none.
    """
    settings = dict(config)
    kind = settings.pop("kind", None)
    require_one_of("kind", kind, tuple(kinds))
    target = kinds[kind]()
    if settings.keys() != set(target.learned):
        raise ArgumentError(f"a target of the kind {kind!r} has {', '.join(target.learned)}")
    vars(target).update(settings)
    target.check()
    return target
