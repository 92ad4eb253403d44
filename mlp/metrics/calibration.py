"""How far predicted probabilities can be believed."""

from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.metrics.base import Metric, labels_of, one_hot, ratio, same_shape
from mlp.naming import is_integer, require


class BrierScore(Metric):
    """(1/n) Σ_n Σ_k (y_k − t_k)²: the mean squared error of probabilities; 0 is perfect.

    Parameters
    ----------
    name, dtype : as in `Metric`

    Notes
    -----
    For one output it lies between 0 and 1, for several, one for each class, between 0 and 2;
    scikit-learn halves it for two classes. Integer labels are taken as one-hot. Not in Keras.

    References
    ----------
    Brier, Verification of forecasts expressed in terms of probability, 1950.

    Examples
    --------
    >>> BrierScore()([0, 1, 1], [[0.5], [0.5], [1.0]]).__round__(6)
    0.166667
    """

    direction = "down"

    def values(self, y_true: Array, y_pred: Array) -> Any:
        error = y_pred - one_hot(y_true, y_pred.shape[1])
        return np.einsum("nk,nk->n", error, error)


class ExpectedCalibrationError(Metric):
    """Σ_b (n_b / n) |right_b − confidence_b|: rows in bins by confidence, their share of hits beside it.

    Parameters
    ----------
    bins : int from 1 to 1000000, default 15
        Even ones from 0 to 1; each has its upper edge and not its lower one.
    name, dtype : as in `Metric`

    Notes
    -----
    With several outputs the confidence of a row is its largest and a hit is that the class is
    right; with one output it is this probability and a hit is a target of 1. Targets are labels
    or one-hot rows. Not in Keras.

    References
    ----------
    Guo et al., On calibration of modern neural networks, 2017 (arXiv:1706.04599).

    Examples
    --------
    >>> metric = ExpectedCalibrationError(bins=2)
    >>> round(metric([1, 0, 1, 1], [0.9, 0.2, 0.7, 0.8]), 6)  # (1/4)|0 − 0.2| + (3/4)|1 − 0.8|
    0.2
    """

    direction = "down"

    def __init__(self, bins: int = 15, name: str | None = None, dtype: str | None = None) -> None:
        valid = is_integer(bins) and 0 < bins <= 10**6
        require(valid, "bins", bins, "an integer from 1 to 1000000")
        self.bins, self._edges = bins, np.arange(1, bins) / bins
        super().__init__(name, dtype)

    def reset_state(self) -> None:
        self.table = np.zeros((3, self.bins))  # of each bin: weights, confidences, hits

    def update(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        if y_pred.shape[1] == 1:
            same_shape(y_true, y_pred)
            confidence, hit = y_pred[:, 0], y_true[:, 0].astype(np.float64)
        else:
            confidence = y_pred.max(axis=1)
            hit = (y_pred.argmax(axis=1) == labels_of(y_true, y_pred.shape[1])).astype(np.float64)
        weight = np.ones(len(hit)) if weight is None else weight
        place = self._edges.searchsorted(confidence)
        for total, part in zip(self.table, (weight, weight * confidence, weight * hit), strict=True):
            total += np.bincount(place, part, self.bins)

    def result(self) -> float:
        rows, confidence, hits = self.table
        return float(ratio(np.abs(hits - confidence).sum(), rows.sum()))
