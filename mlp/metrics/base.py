"""What metrics have in common: rows come in batches, a number comes out, exact over any split.

A metric keeps sums in float64. The result after any number of batches is the result on all
rows at once, also where it is no mean, such as a correlation or an F-score.
"""

import math
from typing import Any

import numpy as np

from mlp.arrays import Array, as_numbers, is_finite
from mlp.errors import ArgumentError
from mlp.naming import Part, require, snake_case

FLOAT64 = np.dtype(np.float64)


class Metric(Part):
    """Base of metrics. Your own implements `values`, if it is a mean over rows.

    Otherwise it implements `reset_state`, `update` and `result`.

    Parameters
    ----------
    name : str, optional
        The key in the history; by default the class's name in snake case.
    dtype : str, optional
        Taken for Keras's sake and of no effect: sums are float64, whatever the outputs are.

    Notes
    -----
    Targets and outputs are rows, shape (n, o); a vector counts as one column. Nothing is
    broadcast: one column of targets beside several outputs is taken for labels, or refused.
    Sample weights are one a row, where Keras also takes one an element.

    NaN in a target, a gap, makes the mean of a loss and a score of numbers NaN. Metrics that
    count refuse it with an `ArgumentError`, since a gap is neither right nor wrong.

    In a model whose outputs are more than a prediction (`losses.GaussianNegativeLogLikelihood`,
    several quantiles) a metric is given the columns that are it (`Loss.prediction`), or with
    ``of_all_outputs = True`` as an attribute all of them.

    The attribute `direction` is "up" if more is better, "down" if less is, or None; callbacks with
    ``mode="auto"`` ask for it.

    Examples
    --------
    A mean over rows:

    >>> class Worst(Metric):
    ...     def values(self, y_true, y_pred):
    ...         return abs(y_true - y_pred).max(axis=1)
    >>> metric = Worst()
    >>> metric.update_state([[1.0, 2.0]], [[1.0, 5.0]])
    >>> metric.update_state([[1.0, 2.0], [0.0, 0.0]], [[1.0, 2.0], [3.0, 0.0]])
    >>> metric.result()
    2.0

    Something else, here the share of the errors that are too high:

    >>> class Overestimated(Metric):
    ...     def reset_state(self):
    ...         self.above, self.wrong = 0.0, 0.0
    ...     def update(self, y_true, y_pred, weight):
    ...         self.above += total(y_pred > y_true, weight)
    ...         self.wrong += total(y_pred != y_true, weight)
    ...     def result(self):
    ...         return ratio(self.above, self.wrong)
    >>> Overestimated()([0, 1, 2, 3], [1, 1, 3, 2], sample_weight=[1, 1, 2, 1])
    0.75
    """

    direction: str | None = None
    of_all_outputs = False
    by_batch = False  # whether it gave one number for all rows, which depends on how they are cut

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        require(name is None or isinstance(name, str), "name", name, "a string")
        require(dtype is None or isinstance(dtype, str), "dtype", dtype, "a string, such as 'float32'")
        self.name, self.dtype = name or snake_case(type(self).__name__), dtype
        self.reset_state()

    def values(self, y_true: Array, y_pred: Array) -> Any:
        """The metric of each row, shape (n,), or (n, k) of which the mean is meant, or one number for all."""
        raise NotImplementedError

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in one batch."""
        y_true, y_pred = as_rows(y_true, "y_true"), as_rows(y_pred, "y_pred")
        if len(y_true) != len(y_pred) or not y_pred.size:
            raise ArgumentError(
                "y_true and y_pred must have the same rows, at least one; "
                f"their shapes are {y_true.shape} and {y_pred.shape}"
            )
        if sample_weight is not None:
            sample_weight = as_numbers(sample_weight, FLOAT64, "sample_weight").reshape(-1)
            if len(sample_weight) != len(y_pred):
                raise ArgumentError(f"sample_weight has {len(sample_weight)} numbers for {len(y_pred)} rows")
        self.update(y_true, y_pred, sample_weight)

    def update(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        """Add a batch to the sums; the arrays are checked, `weight` is float64 of shape (n,) or None."""
        values = self.values(y_true, y_pred)
        expected = type(values) is np.ndarray and values.dtype.kind in "biuf" and values.ndim in (1, 2)
        if not expected or len(values) != len(y_pred):
            values = self._as_numbers(values, len(y_pred))
        self.by_batch |= not values.ndim
        rows = len(y_pred) if weight is None else float(weight.sum())
        self.total += total(values, weight) if values.ndim else float(values) * rows
        self.count += rows

    def _as_numbers(self, values: Any, rows: int) -> Array:
        # what a function or a class of a user returns, which can be anything
        numbers = as_numbers(values, FLOAT64, f"what {self.name!r} returns")
        if np.ndim(values) == 0:
            return numbers.reshape(())
        if len(numbers) != rows or numbers.ndim > 2:
            raise ArgumentError(
                f"what {self.name!r} returns must be a number, or one or more for each of {rows} rows; "
                f"its shape is {numbers.shape}"
            )
        return numbers

    def result(self) -> Any:
        """The metric of all rows since `reset_state`; 0 if there were none."""
        return ratio(self.total, self.count)

    def reset_state(self) -> None:
        """Forget all rows."""
        self.total, self.count = 0.0, 0.0

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Take in one batch and return the result so far."""
        self.update_state(y_true, y_pred, sample_weight)
        return self.result()


def as_rows(value: Any, name: str) -> Array:
    """Numbers of whatever type as an array of shape (n, o)."""
    if type(value) is not np.ndarray or value.dtype.kind not in "biuf":
        is_number = isinstance(value, int | float | np.generic)
        require(not is_number, name, value, "an array with a row for each sample")
        numbers = as_numbers(value, FLOAT64, name)
        value = numbers if getattr(value, "dtype", FLOAT64).kind not in "biuf" else np.asarray(value)
    if value.ndim == 2:
        return value  # type: ignore[no-any-return]
    if value.ndim == 0 or not value.size:
        raise ArgumentError(f"{name} must be an array with a row for each sample; its shape is {value.shape}")
    return np.reshape(value, (len(value), -1))


def total(values: Array, weight: Array | None) -> float:
    """Σ_n weight_n · values_n, with the mean over k where values have the shape (n, k)."""
    columns = values.shape[1] if values.ndim > 1 else 1
    if weight is not None:
        if columns == 1:
            return float(weight.dot(values.reshape(-1)))
        return float(np.add.reduce(weight.dot(values))) / columns
    if values.dtype == np.bool_:
        return float(np.count_nonzero(values)) / columns
    return float(np.add.reduce(values, None, FLOAT64)) / columns


def by_column(values: Array, weight: Array | None) -> Array:
    """Σ_n weight_n · values_n for each column, shape (k,)."""
    if weight is None:
        return np.add.reduce(values, 0, FLOAT64)  # type: ignore[no-any-return]
    return np.dot(weight, values)  # type: ignore[no-any-return]


def ratio(part: Any, whole: Any) -> Any:
    """Part / whole, and 0 where the whole is 0; for numbers or arrays."""
    if np.ndim(whole) == 0:
        return part / whole if whole else 0.0
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole != 0)


def one_hot(y_true: Array, columns: int) -> Array:
    """Targets with a column for each output; integer labels, one column, become one-hot.

    Raises
    ------
    ArgumentError
        If there is another number of columns.
    """
    if y_true.shape[1] == columns:
        return y_true
    return np.equal(labels_of(y_true, columns)[:, None], np.arange(columns))


def same_shape(y_true: Array, y_pred: Array) -> None:
    """Raise an `ArgumentError` unless there is a target for each output."""
    if y_true.shape != y_pred.shape:
        raise ArgumentError(f"y_true has the shape {y_true.shape} and y_pred {y_pred.shape}; they must agree")


def require_no_gaps(y_true: Array) -> None:
    """Raise an `ArgumentError` if targets that are to be counted are not all finite."""
    if y_true.dtype.kind == "f" and not (math.isfinite(np.vdot(y_true, y_true)) or is_finite(y_true)):
        raise ArgumentError(
            "y_true must be finite where outputs are counted as right or wrong; leave rows with NaN out"
        )


def whole_numbers(labels: Array) -> Array:
    """Labels as integers; an `ArgumentError` if one of them is none."""
    if labels.dtype.kind != "f":
        return labels
    with np.errstate(invalid="ignore"):
        numbers: Array = labels.astype(np.intp)
    if not np.array_equal(numbers, labels):
        raise ArgumentError(f"y_true must hold integer labels; got {labels[numbers != labels][0]}")
    return numbers


def labels_of(y_true: Array, outputs: int) -> Array:
    """The class of each row: the label if there is one column, or where the largest target is.

    Raises
    ------
    ArgumentError
        If there is another number of columns, or a target is NaN or a label no integer.
    """
    columns = y_true.shape[1]
    if columns == 1:
        return whole_numbers(y_true[:, 0])
    if columns != outputs:
        raise ArgumentError(
            f"y_true has {columns} columns for {outputs} outputs; it must have as many, "
            "or one of integer labels"
        )
    require_no_gaps(y_true)
    return y_true.argmax(axis=1)  # type: ignore[no-any-return]
