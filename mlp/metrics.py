"""Metrics: numbers to look at, exact over any split into batches.

A metric keeps a weighted sum and the sum of the weights, so that the result after any
number of batches is the result on all rows at once.
"""

from typing import Any

import numpy as np

from mlp.arrays import Array, as_numbers
from mlp.errors import ArgumentError
from mlp.naming import Catalogue, Part, require, require_in, snake_case


class Metric(Part):
    """Base of metrics that are a mean over samples. Your own implements `values`.

    Parameters
    ----------
    name : str, optional
        The key in the history; by default the class's name in snake case.

    Examples
    --------
    >>> metric = MeanAbsoluteError()
    >>> metric.update_state([[1.0]], [[3.0]])
    >>> metric.update_state([[1.0], [1.0]], [[1.0], [2.0]])
    >>> metric.result()
    1.0
    """

    def __init__(self, name: str | None = None) -> None:
        require(name is None or isinstance(name, str), "name", name, "a string")
        self.name = name or snake_case(type(self).__name__)
        self.reset_state()

    def values(self, y_true: Array, y_pred: Array) -> Any:
        """The metric of each sample, shape (n,), for targets and outputs of shape (n, o)."""
        raise NotImplementedError

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in one batch."""
        y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
        if y_true.shape[:1] != y_pred.shape[:1] or not y_pred.size:
            raise ArgumentError(
                "y_true and y_pred must have the same rows; "
                f"their shapes are {y_true.shape} and {y_pred.shape}"
            )
        values = self.values(y_true.reshape(len(y_true), -1), y_pred.reshape(len(y_pred), -1))
        if sample_weight is None:
            self.total += float(values.sum(dtype=np.float64))
            self.count += len(values)
        else:
            weight = as_numbers(sample_weight, np.dtype(np.float64), "sample_weight").reshape(-1)
            if len(weight) != len(values):
                raise ArgumentError(f"sample_weight has {len(weight)} numbers for {len(values)} rows")
            self.total += float(np.dot(values, weight))
            self.count += float(weight.sum())

    def result(self) -> float:
        """The metric of all rows since `reset_state`; 0 if there were none."""
        return self.total / self.count if self.count else 0.0

    def reset_state(self) -> None:
        """Forget all rows."""
        self.total, self.count = 0.0, 0.0


class BinaryAccuracy(Metric):
    """Share of outputs on the right side of a threshold, for targets 0 and 1.

    Parameters
    ----------
    threshold : float in (0, 1), default 0.5
    name : str, optional
    """

    def __init__(self, threshold: float = 0.5, name: str | None = None) -> None:
        require_in("(0, 1)", "threshold", threshold)
        super().__init__(name)
        self.threshold = threshold

    def values(self, y_true: Array, y_pred: Array) -> Any:
        return ((y_pred > self.threshold) == y_true).mean(axis=1)


class CategoricalAccuracy(Metric):
    """Share of rows whose largest output is at the largest target (one-hot targets)."""

    def values(self, y_true: Array, y_pred: Array) -> Any:
        return y_true.argmax(axis=1) == y_pred.argmax(axis=1)


class SparseCategoricalAccuracy(Metric):
    """Share of rows whose largest output is at the label (integer targets)."""

    def values(self, y_true: Array, y_pred: Array) -> Any:
        return y_true[:, 0] == y_pred.argmax(axis=1)


class Accuracy(Metric):
    """Accuracy by the target's form: binary for one output, sparse for labels, else categorical."""

    def values(self, y_true: Array, y_pred: Array) -> Any:
        if y_pred.shape[1] == 1:
            return (y_pred[:, 0] > 0.5) == y_true[:, 0]
        labels = y_true[:, 0] if y_true.shape[1] == 1 else y_true.argmax(axis=1)
        return labels == y_pred.argmax(axis=1)


class MeanAbsoluteError(Metric):
    """Mean of |t − y| over rows and outputs."""

    def values(self, y_true: Array, y_pred: Array) -> Any:
        return np.abs(y_true - y_pred).mean(axis=1)


class MeanSquaredError(Metric):
    """Mean of (t − y)² over rows and outputs."""

    def values(self, y_true: Array, y_pred: Array) -> Any:
        return np.square(y_true - y_pred).mean(axis=1)


_CATALOGUE = Catalogue(
    "metric",
    Metric,
    [
        Accuracy,
        BinaryAccuracy,
        CategoricalAccuracy,
        SparseCategoricalAccuracy,
        MeanAbsoluteError,
        MeanSquaredError,
    ],
    aliases={"acc": Accuracy, "mae": MeanAbsoluteError, "mse": MeanSquaredError},
)


def get(identifier: Any) -> Metric:
    """The metric that a name, class or object stands for; a name is also its key in the history."""
    metric: Metric = _CATALOGUE.get(identifier)
    if isinstance(identifier, str):
        metric.name = identifier
    return metric
