"""Mean and sum of plain values, and the mean of a function of targets and outputs."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from mlp import losses
from mlp.arrays import Array, as_numbers
from mlp.errors import ArgumentError
from mlp.metrics.base import FLOAT64, Metric, total
from mlp.metrics.mean_losses import loss_values
from mlp.naming import Part, require, snake_case


class Mean(Metric):
    """Σ weight · value / Σ weight of the values that it is given; the mean is taken over further axes.

    Examples
    --------
    >>> metric = Mean()
    >>> metric.update_state([1, 3, 5, 7])
    >>> metric.update_state([5.0], sample_weight=[4])
    >>> metric.result()
    4.5
    """

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take in values, a number or an array with one or more for each row."""
        values, weight = _weighted_values(values, sample_weight)
        self.total += total(values, weight)
        self.count += len(values) if weight is None else float(weight.sum())

    def __call__(self, values: Any, sample_weight: Any = None) -> float:  # type: ignore[override]
        """Take in values and return the mean so far."""
        self.update_state(values, sample_weight)
        return float(self.result())


class Sum(Metric):
    """Σ weight · value of the values that it is given.

    Examples
    --------
    >>> metric = Sum()
    >>> metric.update_state([1, 3, 5, 7])
    >>> metric.result()
    16.0
    """

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take in values, a number or an array with one or more for each row."""
        values, weight = _weighted_values(values, sample_weight)
        self.total += total(values, weight) * values.shape[1]

    def result(self) -> float:
        return self.total

    def __call__(self, values: Any, sample_weight: Any = None) -> float:  # type: ignore[override]
        """Take in values and return the sum so far."""
        self.update_state(values, sample_weight)
        return self.result()


def _weighted_values(values: Any, sample_weight: Any) -> tuple[Array, Array | None]:
    array = as_numbers(values, FLOAT64, "values")
    if not array.size:
        raise ArgumentError(f"values must be a number or several; its shape is {array.shape}")
    array = array.reshape(len(array) if array.ndim else 1, -1)
    if sample_weight is None:
        return array, None
    weight = as_numbers(sample_weight, FLOAT64, "sample_weight").reshape(-1)
    if len(weight) not in (1, len(array)):
        raise ArgumentError(f"sample_weight has {len(weight)} numbers for {len(array)} rows")
    return array, np.broadcast_to(weight, len(array))


class MeanMetricWrapper(Metric):
    """Mean of f(y_true, y_pred) over rows: a function or a loss of your own as a metric.

    Parameters
    ----------
    fn : callable, Loss, or subclass of Loss
        Gets arrays of shape (n, o) and returns a number for each row, several of which the mean
        is taken, or one for all; that one counts as often as there are rows. In a model a function
        gets all outputs, also those that are no prediction (see `Metric`).
    name : str, optional
        By default that of the function.
    dtype : str, optional, as in `Metric`
    **kwargs
        Further arguments of the function.

    Notes
    -----
    `compile` makes one of any function or loss among its metrics. A model with a function is
    saved if that was made known by `mlp.register`, which writes its name. Keras counts a single
    number of a batch once, so that its result depends on how the rows were split.

    Examples
    --------
    >>> def worst(y_true, y_pred):
    ...     return abs(y_true - y_pred).max(axis=1)
    >>> metric = MeanMetricWrapper(worst)
    >>> metric([[1.0, 2.0], [0.0, 0.0]], [[1.0, 5.0], [1.0, 0.0]]), metric.name
    (2.0, 'worst')
    >>> from mlp import losses
    >>> MeanMetricWrapper(losses.Huber(delta=0.5))([1.0, 2.0], [1.0, 4.0])
    0.4375
    """

    def __init__(
        self,
        fn: Callable[..., Any] | losses.Loss,
        name: str | None = None,
        dtype: str | None = None,
        **kwargs: Any,
    ) -> None:
        fn = getattr(fn, "part", fn)
        if isinstance(fn, type) and issubclass(fn, losses.Loss):
            fn, kwargs = fn(**kwargs), {}
        require(_is_function_of_rows(fn), "fn", fn, "a function of y_true and y_pred, or a loss")
        if isinstance(fn, losses.Loss):
            require(not kwargs, "kwargs", kwargs, "empty for a loss, which has its own arguments")
            name = snake_case(type(fn).__name__) if name is None else name
        super().__init__(getattr(fn, "__name__", None) if name is None else name, dtype)
        self.of_all_outputs = not isinstance(fn, losses.Loss) or fn.per_target > 1
        self.direction = "down" if isinstance(fn, losses.Loss) else None
        self.fn: Any = fn
        self.kwargs = kwargs

    def loss(self) -> Any:
        return copy.deepcopy(self.fn)

    def values(self, y_true: Array, y_pred: Array) -> Any:
        if isinstance(self.fn, losses.Loss):
            return loss_values(self, y_true, y_pred)
        return self.fn(y_true, y_pred, **self.kwargs)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self.kwargs


def _is_function_of_rows(value: Any) -> bool:
    """Whether it is a loss or a function, and neither another part nor an operation of NumPy."""
    return isinstance(value, losses.Loss) or (
        callable(value) and not isinstance(value, type | Part | np.ufunc)
    )
