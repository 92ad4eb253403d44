"""Losses by name: Keras's strings, classes and functions, and three squared errors."""

from collections.abc import Callable
from typing import Any

from mlp.arrays import Array
from mlp.losses.base import Loss
from mlp.losses.crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from mlp.losses.pairs import CANONICAL_PAIRS, pair
from mlp.losses.squared import HalfMeanSquaredError, MeanSquaredError, SumOfSquares
from mlp.naming import Catalogue, snake_case

_CATALOGUE = Catalogue(
    "loss",
    Loss,
    [
        MeanSquaredError,
        SumOfSquares,
        HalfMeanSquaredError,
        BinaryCrossentropy,
        CategoricalCrossentropy,
        SparseCategoricalCrossentropy,
    ],
    aliases={"mse": MeanSquaredError, "bce": BinaryCrossentropy, "half_mse": HalfMeanSquaredError},
)

get = _CATALOGUE.get


def _function(part: type[Loss]) -> Callable[..., Array]:
    """The loss as Keras's function: one value a sample; also understood by `compile`."""

    def function(y_true: Any, y_pred: Any, **options: Any) -> Array:
        return part(**options).per_sample(y_true, y_pred)

    function.__name__ = function.__qualname__ = snake_case(part.__name__)
    function.__doc__ = f"The value of `{part.__name__}` for each sample; options as in the class."
    function.part = part  # type: ignore[attr-defined]
    return function


mean_squared_error = _function(MeanSquaredError)
sum_of_squares = _function(SumOfSquares)
half_mean_squared_error = _function(HalfMeanSquaredError)
binary_crossentropy = _function(BinaryCrossentropy)
categorical_crossentropy = _function(CategoricalCrossentropy)
sparse_categorical_crossentropy = _function(SparseCategoricalCrossentropy)

__all__ = [
    "CANONICAL_PAIRS",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "HalfMeanSquaredError",
    "Loss",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "SumOfSquares",
    "binary_crossentropy",
    "categorical_crossentropy",
    "get",
    "half_mean_squared_error",
    "mean_squared_error",
    "pair",
    "sparse_categorical_crossentropy",
    "sum_of_squares",
]
