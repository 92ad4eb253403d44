"""Correlation of targets and outputs, along a row or over all rows."""

from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.metrics.base import Metric, ratio, same_shape
from mlp.metrics.moments import Moments
from mlp.naming import require_one_of


def along_rows(y_true: Array, y_pred: Array) -> tuple[Array, Array, Array]:
    """The scatter [[tt, ty], [yt, yy]] and the two means of each row: shapes (2, 2, n), (n,), (n,)."""
    pair = np.stack([y_true, y_pred]).astype(np.float64, copy=False)
    mean = pair.mean(axis=2)
    pair -= mean[..., None]
    return np.einsum("ank,bnk->abn", pair, pair) / pair.shape[2], mean[0], mean[1]


# What the two metrics share: `axis` chooses between a mean over rows and sums over them


def reset_moments(self: Any) -> None:
    """Forget all rows."""
    self.total, self.count, self.moments = 0.0, 0.0, Moments()


def update_moments(self: Any, y_true: Array, y_pred: Array, weight: Array | None) -> None:
    """Add the batch to the mean of the rows, or to the moments of the columns."""
    same_shape(y_true, y_pred)
    if self.axis == 0:
        self.moments.add([y_true, y_pred], weight)
        return
    if y_pred.shape[1] == 1:
        raise ArgumentError(
            f"{type(self).__name__}(axis=-1) correlates the outputs of a row, of which there is one; "
            "axis=0 correlates over the rows"
        )
    Metric.update(self, y_true, y_pred, weight)


def result_of_moments(self: Any) -> float:
    """The mean over rows, or over the columns whose rows were correlated."""
    if self.axis != 0:
        return float(ratio(self.total, self.count))
    if not self.moments.weight:
        return 0.0
    return float(self.coefficient(self.moments.scatter / self.moments.weight, *self.moments.mean).mean())


class PearsonCorrelation(Metric):
    """Σ (t − t̄)(y − ȳ) / √(Σ (t − t̄)² Σ (y − ȳ)²), mean over rows of the correlation of their outputs.

    Parameters
    ----------
    name, dtype : as in `Metric`
    axis : {-1, 0}, default -1
        0 is the correlation over all rows, mean over outputs: what a regression wants. Keras's
        takes the mean of the batches there; this is the correlation of all rows.

    Notes
    -----
    0 where targets or outputs do not vary; Keras gives NaN.

    Examples
    --------
    >>> round(PearsonCorrelation()([[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]]), 6)
    0.9967
    >>> PearsonCorrelation(axis=0)([1.0, 2.0, 3.0], [5.0, 7.0, 9.0])
    1.0
    """

    direction = "up"
    reset_state, update, result = reset_moments, update_moments, result_of_moments

    def __init__(self, name: str | None = None, dtype: str | None = None, axis: int = -1) -> None:
        require_one_of("axis", axis, (-1, 1, 0), "-1 (along a row) or 0 (over the rows)")
        super().__init__(name, dtype)
        self.axis = axis

    def values(self, y_true: Array, y_pred: Array) -> Any:
        return self.coefficient(*along_rows(y_true, y_pred))

    def coefficient(self, scatter: Array, t_mean: Array, y_mean: Array) -> Array:
        """The correlation from the moments."""
        found = ratio(scatter[0, 1], np.sqrt(scatter[0, 0]) * np.sqrt(scatter[1, 1]))
        return np.clip(found, -1, 1)  # type: ignore[no-any-return]


class ConcordanceCorrelation(Metric):
    """2 cov(t, y) / (var t + var y + (t̄ − ȳ)²): 1 only where they are equal, not where one is a multiple.

    Parameters
    ----------
    name, dtype, axis : as in `PearsonCorrelation`

    Notes
    -----
    0 where both are constant and equal. Keras adds 1e-7 to the denominator.

    References
    ----------
    Lin, A concordance correlation coefficient to evaluate reproducibility, 1989.

    Examples
    --------
    >>> round(ConcordanceCorrelation()([[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]]), 6)
    0.981632
    """

    direction = "up"
    reset_state, update, result = reset_moments, update_moments, result_of_moments

    def __init__(self, name: str | None = None, dtype: str | None = None, axis: int = -1) -> None:
        require_one_of("axis", axis, (-1, 1, 0), "-1 (along a row) or 0 (over the rows)")
        super().__init__(name, dtype)
        self.axis = axis

    def values(self, y_true: Array, y_pred: Array) -> Any:
        return self.coefficient(*along_rows(y_true, y_pred))

    def coefficient(self, scatter: Array, t_mean: Array, y_mean: Array) -> Array:
        """The correlation from the moments."""
        apart = scatter[0, 0] + scatter[1, 1] + np.square(t_mean - y_mean)
        return ratio(2 * scatter[0, 1], apart)  # type: ignore[no-any-return]
