"""Accuracies: the share of the outputs that are right."""

from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.metrics.base import Metric, labels_of, require_no_gaps, same_shape, whole_numbers
from mlp.naming import is_integer, require, require_bool, require_in


class Accuracy(Metric):
    """Share of outputs that equal their targets: Keras's class, for labels that were predicted.

    The string "accuracy" means `AccuracyByForm`, as in Keras's `compile`.

    Examples
    --------
    >>> Accuracy()([[1], [2], [3]], [[1], [2], [4]], sample_weight=[1, 1, 2])
    0.5
    """

    direction = "up"

    def values(self, y_true: Array, y_pred: Array) -> Any:
        same_shape(y_true, y_pred)
        require_no_gaps(y_true)
        return y_true == y_pred


class AccuracyByForm(Metric):
    """Accuracy by the form of the targets: what "accuracy" and "acc" mean in `compile`.

    With one output it is that of `BinaryAccuracy`, for labels that of
    `SparseCategoricalAccuracy`, else that of `CategoricalAccuracy`.

    Examples
    --------
    >>> AccuracyByForm()([2, 0], [[0.1, 0.1, 0.8], [0.3, 0.4, 0.3]])
    0.5
    >>> AccuracyByForm()([1, 0, 0, 0], [0.9, 0.4, 0.5, 0.6])
    0.75
    """

    direction = "up"

    def values(self, y_true: Array, y_pred: Array) -> Any:
        outputs = y_pred.shape[1]
        if outputs == 1:
            same_shape(y_true, y_pred)
            require_no_gaps(y_true)
            return (y_pred > 0.5) == y_true
        return labels_of(y_true, outputs) == y_pred.argmax(axis=1)


class BinaryAccuracy(Metric):
    """Share of outputs on the right side of a threshold, for targets 0 and 1.

    Parameters
    ----------
    name, dtype : as in `Metric`
    threshold : float, default 0.5
        An output above it says 1; one at it says 0. 0 suits net activations.

    Examples
    --------
    >>> BinaryAccuracy()([[1], [1], [0], [0]], [[0.98], [1.0], [0.0], [0.6]])
    0.75
    """

    direction = "up"

    def __init__(self, name: str | None = None, dtype: str | None = None, threshold: float = 0.5) -> None:
        require_in("(-inf, inf)", "threshold", threshold)
        super().__init__(name, dtype)
        self.threshold = threshold

    def values(self, y_true: Array, y_pred: Array) -> Any:
        same_shape(y_true, y_pred)
        require_no_gaps(y_true)
        return (y_pred > self.threshold) == y_true


class CategoricalAccuracy(Metric):
    """Share of rows whose largest output is at the largest target (one-hot targets).

    Examples
    --------
    >>> CategoricalAccuracy()([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0.0]])
    0.5
    """

    direction = "up"

    def values(self, y_true: Array, y_pred: Array) -> Any:
        return largest(self, y_true, y_pred) == y_pred.argmax(axis=1)


class SparseCategoricalAccuracy(Metric):
    """Share of rows whose largest output is at the label (integer targets).

    Examples
    --------
    >>> SparseCategoricalAccuracy()([2, 1], [[0.1, 0.6, 0.3], [0.05, 0.95, 0.0]])
    0.5
    """

    direction = "up"

    def values(self, y_true: Array, y_pred: Array) -> Any:
        return single_labels(y_true) == y_pred.argmax(axis=1)


class TopKCategoricalAccuracy(Metric):
    """Share of rows with fewer than k outputs above the one of the right class (one-hot targets).

    Parameters
    ----------
    k : int of at least 1, default 5
    name, dtype : as in `Metric`

    Examples
    --------
    >>> metric = TopKCategoricalAccuracy(k=2)
    >>> metric([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.0, 0.95]])
    0.5
    """

    direction = "up"

    def __init__(
        self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: str | None = None
    ) -> None:
        require(is_integer(k) and k > 0, "k", k, "an integer of at least 1")
        super().__init__(name, dtype)
        self.k = k

    def values(self, y_true: Array, y_pred: Array) -> Any:
        return in_top(largest(self, y_true, y_pred), y_pred, self.k)


class SparseTopKCategoricalAccuracy(Metric):
    """`TopKCategoricalAccuracy` for integer labels.

    Parameters
    ----------
    k : int of at least 1, default 5
    name, dtype : as in `Metric`
    from_sorted_ids : bool, default False
        The outputs are numbers of classes, the likeliest first, in place of scores.

    Examples
    --------
    >>> SparseTopKCategoricalAccuracy(k=1)([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0.0]])
    0.5
    >>> SparseTopKCategoricalAccuracy(k=1, from_sorted_ids=True)([2, 1], [[1, 0, 3], [1, 2, 3]])
    0.5
    """

    direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: str | None = None,
        from_sorted_ids: bool = False,
    ) -> None:
        require(is_integer(k) and k > 0, "k", k, "an integer of at least 1")
        require_bool("from_sorted_ids", from_sorted_ids)
        super().__init__(name, dtype)
        self.k, self.from_sorted_ids = k, from_sorted_ids

    def values(self, y_true: Array, y_pred: Array) -> Any:
        labels = single_labels(y_true)
        if self.from_sorted_ids:
            return (y_pred[:, : self.k] == labels[:, None]).any(axis=1)
        return in_top(labels, y_pred, self.k)


def largest(metric: Metric, y_true: Array, y_pred: Array) -> Array:
    """The class of each row of one-hot targets."""
    if y_true.shape[1] == 1 < y_pred.shape[1]:
        kind = "top_k_categorical_accuracy" if hasattr(metric, "k") else "categorical_accuracy"
        raise ArgumentError(
            f"y_true has 1 column for {y_pred.shape[1]} outputs; for labels use sparse_{kind}"
        )
    same_shape(y_true, y_pred)
    require_no_gaps(y_true)
    return y_true.argmax(axis=1)  # type: ignore[no-any-return]


def single_labels(y_true: Array) -> Array:
    """The labels, which are one column."""
    if y_true.shape[1] != 1:
        raise ArgumentError(
            f"y_true has {y_true.shape[1]} columns; it must be one label a row. For one-hot targets use "
            "the metric without 'sparse', such as categorical_accuracy"
        )
    return whole_numbers(y_true[:, 0])


def in_top(labels: Array, y_pred: Array, k: int) -> Array:
    """Whether fewer than k outputs are above that of the label, shape (n,); equal ones are not above."""
    rows, classes = y_pred.shape
    if not 0 <= np.minimum.reduce(labels) <= np.maximum.reduce(labels) < classes:
        raise ArgumentError(f"y_true must hold labels from 0 to {classes - 1}; got {np.unique(labels)}")
    picked = y_pred.reshape(-1).take(np.arange(0, rows * classes, classes) + labels)
    return np.add.reduce(y_pred > picked[:, None], 1) < k  # type: ignore[no-any-return]
