"""Errors of predicted numbers."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp import losses
from mlp.arrays import Array
from mlp.metrics.base import Metric, by_column, ratio, same_shape
from mlp.metrics.mean_losses import loss_values
from mlp.metrics.moments import Moments
from mlp.naming import is_integer, require, require_one_of


class MeanSquaredError(Metric):
    """Mean of (t − y)² over rows and outputs.

    Examples
    --------
    >>> MeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]], sample_weight=[1, 0])
    0.5
    """

    direction = "down"

    def values(self, y_true: Array, y_pred: Array) -> Any:
        same_shape(y_true, y_pred)
        error = np.subtract(y_true, y_pred, dtype=_float(y_true, y_pred))
        return np.multiply(error, error, error)


class RootMeanSquaredError(Metric):
    """√ of the mean of (t − y)² over rows and outputs.

    Examples
    --------
    >>> RootMeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
    0.5
    """

    direction = "down"

    def values(self, y_true: Array, y_pred: Array) -> Any:
        same_shape(y_true, y_pred)
        error = np.subtract(y_true, y_pred, dtype=_float(y_true, y_pred))
        return np.multiply(error, error, error)

    def result(self) -> float:
        return math.sqrt(ratio(self.total, self.count))


class MeanAbsoluteError(Metric):
    """Mean of |t − y| over rows and outputs.

    Examples
    --------
    >>> MeanAbsoluteError()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
    0.25
    """

    direction = "down"

    def values(self, y_true: Array, y_pred: Array) -> Any:
        same_shape(y_true, y_pred)
        error = np.subtract(y_true, y_pred, dtype=_float(y_true, y_pred))
        return np.abs(error, error)


def _float(y_true: Array, y_pred: Array) -> np.dtype[Any] | None:
    """The type of a difference: float64 for two arrays of integers, which could wrap around."""
    return None if "f" in (y_true.dtype.kind, y_pred.dtype.kind) else np.dtype(np.float64)


class MeanAbsolutePercentageError(Metric):
    """Mean of 100 |t − y| / max(|t|, 1e-7) over rows and outputs.

    Examples
    --------
    >>> MeanAbsolutePercentageError()([[2.0], [4.0]], [[3.0], [4.0]])
    25.0
    """

    direction = "down"
    loss, values = losses.MeanAbsolutePercentageError, loss_values


class MeanSquaredLogarithmicError(Metric):
    """Mean of (ln(1 + t) − ln(1 + y))² over rows and outputs.

    Examples
    --------
    >>> round(MeanSquaredLogarithmicError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]), 6)
    0.120113
    """

    direction = "down"
    loss, values = losses.MeanSquaredLogarithmicError, loss_values


class LogCoshError(Metric):
    """Mean of ln cosh(t − y) over rows and outputs.

    Parameters
    ----------
    name, dtype : as in `Metric`

    Examples
    --------
    >>> round(LogCoshError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]), 6)
    0.108445
    """

    direction = "down"
    loss, values = losses.LogCosh, loss_values

    def __init__(self, name: str | None = "logcosh", dtype: str | None = None) -> None:
        super().__init__(name, dtype)


class CosineSimilarity(Metric):
    """Mean of Σ_k t_k y_k / (‖t‖ ‖y‖) over rows: 1 where they point the same way. The loss is −1 times it.

    Parameters
    ----------
    name, dtype : as in `Metric`
    axis : -1

    Examples
    --------
    >>> round(CosineSimilarity()([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 1.0]]), 6)
    0.5
    """

    direction = "up"
    loss = losses.CosineSimilarity

    def __init__(self, name: str | None = None, dtype: str | None = None, axis: int = -1) -> None:
        require_one_of("axis", axis, (-1, 1), "-1, where the outputs are")
        super().__init__(name, dtype)
        self.axis = axis

    def values(self, y_true: Array, y_pred: Array) -> Any:
        return -loss_values(self, y_true, y_pred)


class MeanPinballLoss(Metric):
    """Mean of max(q(t − y), (q − 1)(t − y)) over rows and outputs: the error of a quantile q.

    Parameters
    ----------
    quantiles : float in (0, 1) or list of them, default 0.5
        As in `losses.Quantile`: for a list, the outputs are the quantiles of each target.
    name, dtype : as in `Metric`

    Notes
    -----
    Not in Keras; for one quantile the number is scikit-learn's `mean_pinball_loss`.

    Examples
    --------
    >>> round(MeanPinballLoss(0.1)([1.0, 2.0, 3.0], [0.0, 2.0, 4.0]), 6)
    0.333333
    """

    direction = "down"
    values = loss_values

    def __init__(
        self, quantiles: float | Sequence[float] = 0.5, name: str | None = None, dtype: str | None = None
    ) -> None:
        self.of_all_outputs = losses.Quantile(quantiles).per_target > 1
        super().__init__(name, dtype)
        self.quantiles = quantiles

    def loss(self) -> losses.Loss:
        return losses.Quantile(self.quantiles)


class R2Score(Metric):
    """R² = 1 − Σ (t − y)² / Σ (t − t̄)²: the share of the targets' variance that is explained.

    Parameters
    ----------
    class_aggregation : {"uniform_average", "variance_weighted_average", None}
        The mean over outputs, that by the variance of their targets, or an array of all.
    num_regressors : int, default 0
        If p is above 0, the adjusted score 1 − (1 − R²)(n − 1) / (n − p − 1) of n rows; it is
        the plain one while n is p + 1 or less.
    name, dtype : as in `Metric`

    Notes
    -----
    The squares are summed about the running mean, so that large targets lose no digits, as they
    do in Keras. Where the targets do not vary, the score is 1 if they are met and else 0, as in
    scikit-learn; Keras gives NaN or 0. Keras takes the number of elements for n.

    Examples
    --------
    >>> R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])
    0.5714285714285714
    """

    direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: str | None = None,
    ) -> None:
        valid = (None, "uniform_average", "variance_weighted_average")
        require_one_of("class_aggregation", class_aggregation, valid)
        counts = is_integer(num_regressors) and num_regressors >= 0
        require(counts, "num_regressors", num_regressors, "an integer of at least 0")
        super().__init__(name, dtype)
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors

    def reset_state(self) -> None:
        self.rows, self.moments = 0, Moments()
        self.residual: Any = 0.0

    def update(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        same_shape(y_true, y_pred)
        T = y_true.astype(np.float64, copy=False)
        error = T - y_pred
        self.residual = self.residual + by_column(error * error, weight)
        self.moments.add([T], weight)
        self.rows += len(T)

    def result(self) -> Any:
        if not self.moments.weight:  # no rows, or none that counts
            return 0.0
        spread = self.moments.scatter[0, 0]
        met = np.where(np.isnan(self.residual), np.nan, self.residual == 0)
        scores: Any = np.where(spread == 0, met, 1 - ratio(self.residual, spread))
        if self.class_aggregation == "uniform_average":
            scores = float(scores.mean())
        elif self.class_aggregation == "variance_weighted_average":
            scores = float(np.average(scores, weights=spread if spread.any() else None))
        free = self.rows - self.num_regressors - 1
        return 1 - (1 - scores) * (self.rows - 1) / free if self.num_regressors and free > 0 else scores
