"""Scaling that outliers do not disturb: median, quartiles, and a smooth limit."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from mlp.arrays import Array
from mlp.naming import require_in

PRESERVED = (np.float64, np.float32)  # what is neither becomes the first
QUARTILES = (0.25, 0.5, 0.75)
# beyond these nothing is told apart, and neither a difference nor a square overflows
LARGEST_INPUT, LARGEST_SCALED = 1e300, 1e18
ROOM = 1 << 20  # numbers that are scaled at once, so that the float64 in between stays in the cache


class SmoothRobustScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Columns around 0, with quartiles about 1 apart, and no value beyond a smooth limit.

    z = (x − median) / (q₇₅ − q₂₅), then z / √(1 + (z/clip)²), column by column. Where the quartiles
    are equal, half of the range, (max − min) / 2, takes their place; a constant column becomes 0.
    Quantiles are interpolated linearly.

    Missing values (NaN) stay, and infinite ones become ±clip; the statistics leave out both.

    Parameters
    ----------
    clip : float or None, default 3.0
        The limit. None limits nothing, and leaves infinite values as they are.

    Attributes
    ----------
    center_ : ndarray of shape (n_features_in_,)
        The medians, 0 for a column without a finite value.
    scale_ : ndarray of shape (n_features_in_,)
        The factors by which the centred columns are multiplied, 0 for constant ones.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        If `fit` was given a frame.

    References
    ----------
    D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by Default: Strong Pre-Tuned MLPs and Boosted
    Trees on Tabular Data", NeurIPS 2024, section 3.

    Examples
    --------
    >>> X = [[0.0], [1.0], [2.0], [3.0], [1000.0]]
    >>> SmoothRobustScaler().fit_transform(X).ravel().round(3)
    array([-0.949, -0.493,  0.   ,  0.493,  3.   ])
    """

    center_: Array
    scale_: Array
    n_features_in_: int

    def __init__(self, clip: float | None = 3.0) -> None:
        self.clip = clip

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the medians and the factors.

        Parameters
        ----------
        X : array-like of shape (n, i)
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ArgumentError
            If `clip` is not positive.
        ValueError
            If X is not an array of numbers; in scikit-learn's words.
        """
        if self.clip is not None:
            require_in("(0, inf)", "clip", self.clip)
        X = validate_data(self, X, dtype=PRESERVED, ensure_all_finite=False)
        self.center_, self.scale_ = statistics(X)
        return self

    def transform(self, X: Any) -> Array:
        """Scale columns.

        Parameters
        ----------
        X : array-like of shape (n, i)

        Returns
        -------
        ndarray of shape (n, i)
            float32 if X is, else float64.

        Raises
        ------
        ValueError
            If X has other columns than in `fit`; in scikit-learn's words.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=PRESERVED, ensure_all_finite=False, reset=False)
        return scaled(X, self.center_, self.scale_, self.clip, np.empty(X.shape, X.dtype))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def statistics(X: Array) -> tuple[Array, Array]:
    """Medians and factors of the columns of X, (i,) each; NaN and infinite values are left out."""
    ordered = np.array(X.T, dtype=np.float64, order="C")
    finite = np.isfinite(ordered).sum(axis=1)
    start = (ordered == -np.inf).sum(axis=1)
    ordered.sort(axis=1)  # NaN and infinity come last
    columns = np.arange(len(ordered))

    def at(place: Array) -> Array:
        found = ordered[columns, np.minimum(start + place, ordered.shape[1] - 1)]
        return np.where(finite > 0, np.clip(found, -LARGEST_INPUT, LARGEST_INPUT), 0.0)

    return _center_and_factor(at, np.maximum(finite - 1, 0))


def statistics_of_counts(values: Array, counts: Array) -> tuple[Array, Array]:
    """Medians and factors of columns that take few values, without writing them out.

    Parameters
    ----------
    values : Array of shape (v, o)
        The values of each column, in ascending order.
    counts : Array of shape (v, o)
        How often each occurs.
    """
    ends = counts.cumsum(axis=0)
    columns = np.arange(values.shape[1])

    def at(place: Array) -> Array:
        found: Array = values[(ends <= place).sum(axis=0), columns]
        return found

    return _center_and_factor(at, ends[-1] - 1)


def _center_and_factor(at: Callable[[Array], Array], last: Array) -> tuple[Array, Array]:
    """Medians and factors of columns, of which `at` gives the k-th smallest values, up to the `last`."""

    def quantile(share: float) -> Array:
        below = (share * last).astype(np.intp)
        low, high = at(below), at(np.minimum(below + 1, last))
        between: Array = low + (high - low) * (share * last - below)
        return between

    lower, median, upper = map(quantile, QUARTILES)
    spread = np.where(upper > lower, upper - lower, at(last) / 2 - at(0 * last) / 2)
    # a spread below 1e-300 is so small that its inverse would overflow
    factor = np.divide(1.0, spread, out=np.zeros(spread.shape), where=spread > 1 / LARGEST_INPUT)
    return median, factor


def scaled(X: Array, center: Array, factor: Array, clip: float | None, out: Array) -> Array:
    """Write (x − center) · factor, smoothly limited, into `out`, float32 or float64 as X (n, i) or not."""
    step = max(1, ROOM // max(1, X.shape[1]))
    for start in range(0, len(X), step):
        some = X[start : start + step]
        z = np.clip(some, -LARGEST_INPUT, LARGEST_INPUT, dtype=np.float64)
        z -= center
        with np.errstate(over="ignore"):
            z *= factor
        if clip is not None:
            np.clip(z, -LARGEST_SCALED, LARGEST_SCALED, out=z)
            z /= np.sqrt(1 + np.square(z / clip))
        infinite = np.isinf(some)
        if infinite.any():
            z[infinite] = some[infinite] if clip is None else np.copysign(clip, some[infinite])
        with np.errstate(over="ignore"):
            out[start : start + step] = z
    return out
