"""Counts of right and wrong at thresholds, and the ratios made of them.

Every output falls into a gap between two thresholds, and all of these metrics follow from
the weight of the positive and of the negative targets in each gap. That table is all that
is kept: each batch adds to it by one `bincount`, whatever the number of thresholds. An
output counts as positive if it is above a threshold, and as negative if it is at it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.metrics.base import Metric, one_hot, ratio, require_no_gaps
from mlp.naming import is_integer, require, require_in

Thresholds = float | Sequence[float] | None
MOST_THRESHOLDS = 10**6  # even ones; a model file could ask for any number


class Counts(NamedTuple):
    """Weighted numbers of outputs at each threshold, shape (thresholds,) or (thresholds, labels)."""

    true_positives: Array
    false_positives: Array
    true_negatives: Array
    false_negatives: Array


def table_of(
    thresholds: Array,
    y_true: Array,
    y_pred: Array,
    weight: Array | None,
    labels: int = 1,
    even: bool = False,
) -> Array:
    """Weights of negative and positive targets in each gap, shape (thresholds + 1, labels, 2).

    Parameters
    ----------
    thresholds : Array
        Rising.
    y_true, y_pred : Array of shape (n, o)
        A target other than 0 is positive.
    weight : Array of shape (n,), (n, o) or None
    labels : int
        1 to count all columns together, o to count each for itself.
    even : bool
        Whether the thresholds are evenly spaced.
    """
    if len(thresholds) == 1 and labels == 1 and weight is None:
        return _table_of_one(thresholds[0], y_true, y_pred)
    rows, columns = y_pred.shape
    bounds, y = thresholds.astype(y_pred.dtype, copy=False), y_pred.reshape(-1)
    fine = even and 2 < len(bounds) < 10_000 and y.itemsize > 2
    cell = _even_cells(bounds, y) if fine else bounds.searchsorted(y)
    if labels > 1:
        cell = cell * labels + np.tile(np.arange(labels), rows)
    cell = 2 * cell + (y_true.reshape(-1) != 0)
    if weight is not None:
        weight = (weight.repeat(columns) if weight.ndim == 1 else weight).reshape(-1)
    table = np.bincount(cell, weight, 2 * labels * (len(thresholds) + 1))
    return table.reshape(-1, labels, 2)


def _table_of_one(threshold: float, y_true: Array, y_pred: Array) -> Array:
    """The table for one threshold, without weights, by counting truths: a tenth of the time of `bincount`."""
    below, positive = y_pred <= y_pred.dtype.type(threshold), y_true != 0
    negatives = y_true.size - np.count_nonzero(positive)
    low = np.count_nonzero(below)
    low_positives = np.count_nonzero(below & positive)
    high_positives = y_true.size - negatives - low_positives
    low_negatives = low - low_positives
    cells = [[[low_negatives, low_positives]], [[negatives - low_negatives, high_positives]]]
    return np.array(cells, np.float64)


def _even_cells(bounds: Array, y: Array) -> Array:
    """``bounds.searchsorted(y)`` for even bounds, exactly, in a quarter of the time.

    The first guess is by division, rounded so that it is right or one too small; then the bound
    there decides.
    """
    last = len(bounds) - 1
    scale = bounds.dtype.type(last) / (bounds[last] - bounds[0])
    guess = y * scale
    guess -= bounds[0] * scale
    np.rint(guess, guess)
    np.fmin(guess, y.dtype.type(last), out=guess)
    np.fmax(guess, y.dtype.type(0), out=guess)
    cell: Array = guess.astype(np.intp)
    cell += ~(bounds.take(cell) >= y)  # NaN comes after all bounds, as by `searchsorted`
    return cell


def counts_of(table: Array) -> Counts:
    """The four counts below all thresholds, at each of them, and above all of them."""
    whole = table.sum(axis=0)
    above = np.zeros((len(table) + 1, *whole.shape))
    np.cumsum(table[::-1], axis=0, out=above[-2::-1])
    below = whole - above
    if table.shape[1] == 1:
        above, below = above[:, 0], below[:, 0]
    return Counts(above[..., 1], above[..., 0], below[..., 0], below[..., 1])


def checked(thresholds: Thresholds, default: float = 0.5) -> Array:
    """Thresholds as an array."""
    if thresholds is None:
        return np.array([default])
    several = np.atleast_1d(np.asarray(thresholds, dtype=object))
    require(several.ndim == 1 and several.size > 0, "thresholds", thresholds, "a number or a list of numbers")
    for threshold in several:
        require_in("[0, 1]", "thresholds", threshold)
    return several.astype(np.float64)


def check_class(class_id: int | None) -> None:
    """Raise an `ArgumentError` unless it is None or could be the number of a class."""
    known = class_id is None or (is_integer(class_id) and class_id >= 0)
    require(known, "class_id", class_id, "None or the number of an output, from 0 on")


def column(class_id: int | None, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
    """Targets, one-hot, and float outputs: all columns, or that of the class alone."""
    if y_pred.dtype.kind != "f":
        y_pred = y_pred.astype(np.float64)
    y_true = one_hot(y_true, y_pred.shape[1])
    require_no_gaps(y_true)
    if class_id is None:
        return y_true, y_pred
    if class_id >= y_pred.shape[1]:
        raise ArgumentError(f"class_id is {class_id}, but there are {y_pred.shape[1]} outputs, from 0 on")
    return y_true[:, class_id : class_id + 1], y_pred[:, class_id : class_id + 1]


def top(k: int, y_pred: Array) -> Array:
    """Outputs with −∞ in place of those that are not among the k largest of their row."""
    if y_pred.dtype.kind != "f":
        y_pred = y_pred.astype(np.float64)
    best = np.argsort(-y_pred, axis=1, kind="stable")[:, :k]
    kept = np.full_like(y_pred, -np.inf)
    np.put_along_axis(kept, best, np.take_along_axis(y_pred, best, 1), 1)
    return kept


# `__init__`, `reset_state` and `update` of the metrics below, which keep their rising thresholds in `_rising`


def keep_thresholds(
    self: Any, thresholds: Thresholds = None, name: str | None = None, dtype: str | None = None
) -> None:
    """Check and keep the arguments of the four counts."""
    self.thresholds, self._rising = thresholds, np.sort(checked(thresholds))
    Metric.__init__(self, name, dtype)


def keep_choice(
    self: Any,
    thresholds: Thresholds = None,
    top_k: int | None = None,
    class_id: int | None = None,
    name: str | None = None,
    dtype: str | None = None,
) -> None:
    """Check and keep the arguments of `Precision` and `Recall`."""
    check_class(class_id)
    fits = top_k is None or (is_integer(top_k) and top_k > 0)
    require(fits, "top_k", top_k, "an integer of at least 1")
    self.thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
    self._rising = np.sort(checked(thresholds, 0.5 if top_k is None else -np.inf))
    Metric.__init__(self, name, dtype)


def reset_table(self: Any) -> None:
    """Forget all rows."""
    self.table = np.zeros((len(self._rising) + 1, 1, 2))


def update_table(self: Any, y_true: Array, y_pred: Array, weight: Array | None) -> None:
    """Add the batch to the table of gaps, of all outputs or of those that were chosen."""
    if getattr(self, "top_k", None) is not None:
        y_pred = top(self.top_k, y_pred)
    y_true, y_pred = column(getattr(self, "class_id", None), y_true, y_pred)
    even = hasattr(self, "num_thresholds")  # else they are the user's
    self.table += table_of(self._rising, y_true, y_pred, weight, even=even)


def counts_as_given(self: Any) -> Counts:
    """The counts at the thresholds in the user's order."""
    at = self._rising.searchsorted(checked(self.thresholds, self._rising[0])) + 1
    return Counts(*(count[at] for count in counts_of(self.table)))


def single(values: Array) -> Any:
    """A float for one threshold, else the array."""
    return float(values[0]) if len(values) == 1 else values


class TruePositives(Metric):
    """Number, or sum of the weights, of outputs above the threshold whose target is positive.

    Parameters
    ----------
    thresholds : float or list of float in [0, 1], default 0.5
        For a list, the result is an array.
    name, dtype : as in `Metric`

    Examples
    --------
    >>> TruePositives()([0, 1, 1, 1], [1, 0, 1, 1])
    2.0
    """

    __init__, reset_state, update = keep_thresholds, reset_table, update_table

    def result(self) -> Any:
        return single(counts_as_given(self).true_positives)


class FalsePositives(Metric):
    """Number, or sum of the weights, of outputs above the threshold whose target is 0.

    Parameters
    ----------
    thresholds, name, dtype : as in `TruePositives`

    Examples
    --------
    >>> FalsePositives()([0, 1, 0, 0], [0, 0, 1, 1], sample_weight=[0, 0, 1, 0])
    1.0
    """

    __init__, reset_state, update = keep_thresholds, reset_table, update_table

    def result(self) -> Any:
        return single(counts_as_given(self).false_positives)


class TrueNegatives(Metric):
    """Number, or sum of the weights, of outputs not above the threshold whose target is 0.

    Parameters
    ----------
    thresholds, name, dtype : as in `TruePositives`

    Examples
    --------
    >>> TrueNegatives(thresholds=[0.2, 0.7])([0, 0, 1, 0], [0.1, 0.5, 0.3, 0.9])
    array([1., 2.])
    """

    __init__, reset_state, update = keep_thresholds, reset_table, update_table

    def result(self) -> Any:
        return single(counts_as_given(self).true_negatives)


class FalseNegatives(Metric):
    """Number, or sum of the weights, of outputs not above the threshold whose target is positive.

    Parameters
    ----------
    thresholds, name, dtype : as in `TruePositives`

    Examples
    --------
    >>> FalseNegatives()([0, 1, 1, 1], [0, 1, 0, 0])
    2.0
    """

    __init__, reset_state, update = keep_thresholds, reset_table, update_table

    def result(self) -> Any:
        return single(counts_as_given(self).false_negatives)


class Precision(Metric):
    """TP / (TP + FP): the share of the outputs above the threshold whose target is positive.

    Parameters
    ----------
    thresholds : float or list of float in [0, 1], default 0.5
        For a list, the result is an array. With `top_k` the default is −∞.
    top_k : int, optional
        Only the k largest outputs of a row can be positive.
    class_id : int, optional
        Only this output counts; by default all do, together.
    name, dtype : as in `Metric`

    Notes
    -----
    0 where nothing is above the threshold. Integer labels are taken as one-hot targets, which
    Keras does not do. Keras places outputs among evenly spaced thresholds by a product that is
    rounded, so that an output at a threshold may count as above it; here none does.

    Examples
    --------
    >>> Precision()([0, 1, 1, 1], [1, 0, 1, 1])
    0.6666666666666666
    >>> Precision(top_k=2)([[0, 0, 1, 1]], [[0.1, 0.2, 0.3, 0.2]])
    0.5
    """

    direction = "up"
    __init__, reset_state, update = keep_choice, reset_table, update_table

    def result(self) -> Any:
        counts = counts_as_given(self)
        return single(ratio(counts.true_positives, counts.true_positives + counts.false_positives))


class Recall(Metric):
    """TP / (TP + FN): the share of the positive targets whose output is above the threshold.

    Parameters
    ----------
    thresholds, top_k, class_id, name, dtype : as in `Precision`

    Notes
    -----
    0 where no target is positive; see `Precision` for where this differs from Keras.

    Examples
    --------
    >>> Recall()([0, 1, 1, 1], [1, 0, 1, 1], sample_weight=[0, 0, 1, 0])
    1.0
    """

    direction = "up"
    __init__, reset_state, update = keep_choice, reset_table, update_table

    def result(self) -> Any:
        counts = counts_as_given(self)
        return single(ratio(counts.true_positives, counts.true_positives + counts.false_negatives))
