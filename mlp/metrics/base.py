"""What metrics have in common: rows come in batches, a number comes out, exact over any split.

A metric keeps sums in float64. The result after any number of batches is the result on all
rows at once, also where it is no mean, such as a correlation or an F-score.
"""

from typing import Any

import numpy as np

from mlp.arrays import Array, as_numbers
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
    Targets and outputs are rows, shape (n, o); a vector counts as one column. Sample weights
    are one a row, where Keras also takes one an element.

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
        values = np.asarray(self.values(y_true, y_pred))
        rows = len(y_pred) if weight is None else float(weight.sum())
        self.total += total(values, weight) if values.ndim else float(values) * rows
        self.count += rows

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
    if y_true.shape[1] != 1:
        raise ArgumentError(
            f"y_true has {y_true.shape[1]} columns for {columns} outputs; it must have as many, "
            "or one of integer labels"
        )
    return np.equal(y_true, np.arange(columns))


def same_shape(y_true: Array, y_pred: Array) -> None:
    """Raise an `ArgumentError` unless there is a target for each output."""
    if y_true.shape != y_pred.shape:
        raise ArgumentError(f"y_true has the shape {y_true.shape} and y_pred {y_pred.shape}; they must agree")


def labels_of(y_true: Array) -> Array:
    """The class of each row: where the largest target is, or the label if there is one column."""
    return y_true[:, 0] if y_true.shape[1] == 1 else y_true.argmax(axis=1)
