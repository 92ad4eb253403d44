"""Agreement of predicted and true classes, from the table of how often which is taken for which."""

from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.metrics.base import Metric, labels_of, ratio
from mlp.naming import require_one_of


def confusion(truth: Array, predicted: Array, classes: int, weight: Array | None = None) -> Array:
    """Σ weight for each pair of classes, shape (classes, classes): a row is a true class."""
    pairs = np.bincount(truth.astype(np.intp) * classes + predicted, weight, classes * classes)
    return pairs.reshape(classes, classes).astype(np.float64, copy=False)


# `reset_state` and `update` of the metrics below; the number of classes is that of the outputs


def reset_matrix(self: Any) -> None:
    """Forget all rows."""
    self.matrix = None


def update_matrix(self: Any, y_true: Array, y_pred: Array, weight: Array | None) -> None:
    """Add the batch to the matrix: one output above 0.5 means class 1, else the largest output counts."""
    outputs = y_pred.shape[1]
    classes = max(outputs, 2)
    predicted = y_pred.argmax(axis=1) if outputs > 1 else y_pred[:, 0] > 0.5
    truth = labels_of(y_true, outputs)
    if truth.min() < 0 or truth.max() >= classes:
        raise ArgumentError(f"y_true must hold labels from 0 to {classes - 1}; got {np.unique(truth)}")
    found = confusion(truth, predicted, classes, weight)
    self.matrix = found if self.matrix is None else self.matrix + found


class BalancedAccuracy(Metric):
    """(1/C) Σ_c (right of class c) / (all of class c): the mean recall of the classes.

    Parameters
    ----------
    name, dtype : as in `Metric`

    Notes
    -----
    Targets are labels, one-hot rows, or 0 and 1 for one output, which means 1 above 0.5.
    Classes without a row do not count. Not in Keras; the number is scikit-learn's.

    Examples
    --------
    >>> BalancedAccuracy()([0, 0, 0, 1], [[0.2], [0.1], [0.4], [0.3]])
    0.5
    """

    direction = "up"

    matrix: Array | None
    reset_state, update = reset_matrix, update_matrix

    def result(self) -> float:
        if self.matrix is None:
            return 0.0
        rows = self.matrix.sum(axis=1)
        return float(ratio(ratio(self.matrix.diagonal(), rows).sum(), np.count_nonzero(rows)))


class MatthewsCorrelation(Metric):
    """Correlation of true and predicted class; for two, (TP·TN − FP·FN) / √((TP+FP)(TP+FN)(TN+FP)(TN+FN)).

    Parameters
    ----------
    name, dtype : as in `Metric`

    Notes
    -----
    For several classes it is Gorodkin's R_K. 0 if there is only one true or one predicted class.
    Targets as in `BalancedAccuracy`. Not in Keras; the number is scikit-learn's.

    References
    ----------
    Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient, 2004.

    Examples
    --------
    >>> MatthewsCorrelation()([1, 1, 1, 0], [0.9, 0.1, 0.8, 0.7])
    -0.3333333333333333
    """

    direction = "up"

    matrix: Array | None
    reset_state, update = reset_matrix, update_matrix

    def result(self) -> float:
        if self.matrix is None:
            return 0.0
        true, predicted, n = self.matrix.sum(axis=1), self.matrix.sum(axis=0), self.matrix.sum()
        spread = np.sqrt((n * n - true.dot(true)) * (n * n - predicted.dot(predicted)))
        return float(ratio(self.matrix.trace() * n - true.dot(predicted), spread))


class CohenKappa(Metric):
    """κ = 1 − observed / expected disagreement, expected from the frequencies of the classes.

    Parameters
    ----------
    weights : {None, "linear", "quadratic"}, default None
        A disagreement of classes i and j counts 1, or |i − j|, or (i − j)².
    name, dtype : as in `Metric`

    Notes
    -----
    0 where no disagreement is expected. Targets as in `BalancedAccuracy`. Not in Keras; the
    number is scikit-learn's.

    References
    ----------
    Cohen, Weighted kappa: nominal scale agreement with provision for scaled disagreement, 1968.

    Examples
    --------
    >>> CohenKappa()([1, 1, 0, 0], [0.9, 0.1, 0.2, 0.4])
    0.5
    """

    direction = "up"

    matrix: Array | None
    reset_state, update = reset_matrix, update_matrix

    def __init__(self, weights: str | None = None, name: str | None = None, dtype: str | None = None) -> None:
        require_one_of("weights", weights, (None, "linear", "quadratic"))
        super().__init__(name, dtype)
        self.weights = weights

    def result(self) -> float:
        if self.matrix is None or not self.matrix.any():  # no rows, or none that counts
            return 0.0
        apart = np.abs(np.subtract.outer(*2 * [np.arange(len(self.matrix))]))
        cost = {None: apart != 0, "linear": apart, "quadratic": apart**2}[self.weights]
        expected = np.outer(self.matrix.sum(axis=1), self.matrix.sum(axis=0))
        disagreement, chance = (cost * self.matrix).sum(), (cost * expected).sum() / self.matrix.sum()
        return float(1 - disagreement / chance) if chance else 0.0
