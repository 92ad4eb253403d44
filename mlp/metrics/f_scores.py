"""F-scores: one number for precision and recall."""

from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.metrics.base import Metric, by_column, one_hot, ratio, require_no_gaps
from mlp.naming import require_in, require_one_of

AVERAGES = (None, "micro", "macro", "weighted")


class FBetaScore(Metric):
    """F_β = (1 + β²) · precision · recall / (β² · precision + recall), of each output or their mean.

    Parameters
    ----------
    average : {None, "micro", "macro", "weighted"}, default None
        None gives an array with the score of each output; "micro" counts all outputs together;
        "macro" is the mean of the scores, "weighted" that by the number of positive targets.
    beta : float above 0, default 1
        How many times recall counts as much as precision.
    threshold : float in (0, 1], optional
        An output above it is positive. By default, the largest output of a row is, unless it
        is 0 within 1e-9.
    name, dtype : as in `Metric`

    Notes
    -----
    Computed as (1 + β²) TP / ((1 + β²) TP + β² FN + FP), and 0 for 0/0. Keras adds 1e-7 to three
    denominators, by which a perfect score is 0.9999999. Integer labels are taken as one-hot.

    Examples
    --------
    >>> metric = FBetaScore(beta=2.0, threshold=0.5)
    >>> T = [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    >>> metric(T, [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]).round(8)
    array([0.38461538, 0.90909091, 0.83333333])
    """

    direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: str | None = None,
    ) -> None:
        require_one_of("average", average, AVERAGES)
        require_in("(0, inf)", "beta", beta)
        if threshold is not None:
            require_in("(0, 1]", "threshold", threshold)
        super().__init__(name, dtype)
        self.average, self.beta, self.threshold = average, beta, threshold

    def reset_state(self) -> None:
        self.table: Any = np.zeros((3, 1))

    def update(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        self.table = self.table + hits(y_true, y_pred, self.threshold, weight)

    def result(self) -> Any:
        return f_score(self.table, self.beta, self.average)


class F1Score(Metric):
    """F₁ = 2 · precision · recall / (precision + recall), of each output or their mean.

    Parameters
    ----------
    average, threshold, name, dtype : as in `FBetaScore`

    Notes
    -----
    `FBetaScore` says how this differs from Keras.

    Examples
    --------
    >>> F1Score(average="macro")([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    1.0
    """

    direction = "up"

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: str | None = None,
    ) -> None:
        require_one_of("average", average, AVERAGES)
        if threshold is not None:
            require_in("(0, 1]", "threshold", threshold)
        super().__init__(name, dtype)
        self.average, self.threshold = average, threshold

    def reset_state(self) -> None:
        self.table: Any = np.zeros((3, 1))

    def update(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        self.table = self.table + hits(y_true, y_pred, self.threshold, weight)

    def result(self) -> Any:
        return f_score(self.table, 1.0, self.average)


def hits(y_true: Array, y_pred: Array, threshold: float | None, weight: Array | None) -> Array:
    """True positives, positive outputs and positive targets of each column, shape (3, o)."""
    y_true = one_hot(y_true, y_pred.shape[1])
    require_no_gaps(y_true)
    if threshold is None:
        positive = y_pred >= np.maximum.reduce(y_pred, 1, keepdims=True)
        positive &= np.abs(y_pred) > 1e-9
    else:
        positive = y_pred > threshold
    parts = np.concatenate([positive * y_true, positive, y_true], axis=1)
    return by_column(parts, weight).reshape(3, -1)


def f_score(table: Array, beta: float, average: str | None) -> Any:
    """The score from what `hits` counted."""
    if average == "micro":
        table = table.sum(axis=1, keepdims=True)
    found, outputs, targets = table
    scores = ratio((1 + beta**2) * found, beta**2 * targets + outputs)
    if average is None:
        return scores
    return float(ratio(scores.dot(targets), targets.sum()) if average == "weighted" else scores.mean())
