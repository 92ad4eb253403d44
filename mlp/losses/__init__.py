"""Losses by name: Keras's strings, classes and functions, and what Keras lacks."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mlp.arrays import Array
from mlp.catalogue import Catalogue
from mlp.losses.base import Loss
from mlp.losses.pairs import CANONICAL_PAIRS, pair

if TYPE_CHECKING:
    from mlp.losses.categorical_focal import CategoricalFocalCrossentropy
    from mlp.losses.counts import Gamma, Poisson, Tweedie
    from mlp.losses.crossentropy import BinaryCrossentropy, CategoricalCrossentropy
    from mlp.losses.distributions import Expectile, GaussianNegativeLogLikelihood, Quantile
    from mlp.losses.divergence import KLDivergence
    from mlp.losses.focal import BinaryFocalCrossentropy
    from mlp.losses.hinges import CategoricalHinge, Hinge, SquaredHinge
    from mlp.losses.labels import CategoricalGeneralizedCrossEntropy, SparseCategoricalCrossentropy
    from mlp.losses.masked import Masked
    from mlp.losses.regression import (
        CosineSimilarity,
        Huber,
        LogCosh,
        MeanAbsoluteError,
        MeanAbsolutePercentageError,
        MeanSquaredLogarithmicError,
    )
    from mlp.losses.squared import HalfMeanSquaredError, MeanSquaredError, SumOfSquares

    binary_crossentropy: Callable[..., Array]
    binary_focal_crossentropy: Callable[..., Array]
    categorical_crossentropy: Callable[..., Array]
    categorical_focal_crossentropy: Callable[..., Array]
    categorical_generalized_cross_entropy: Callable[..., Array]
    categorical_hinge: Callable[..., Array]
    cosine_similarity: Callable[..., Array]
    expectile: Callable[..., Array]
    gamma: Callable[..., Array]
    gaussian_negative_log_likelihood: Callable[..., Array]
    half_mean_squared_error: Callable[..., Array]
    hinge: Callable[..., Array]
    huber: Callable[..., Array]
    kl_divergence: Callable[..., Array]
    kld: Callable[..., Array]
    log_cosh: Callable[..., Array]
    logcosh: Callable[..., Array]
    mae: Callable[..., Array]
    mape: Callable[..., Array]
    mean_absolute_error: Callable[..., Array]
    mean_absolute_percentage_error: Callable[..., Array]
    mean_squared_error: Callable[..., Array]
    mean_squared_logarithmic_error: Callable[..., Array]
    mse: Callable[..., Array]
    msle: Callable[..., Array]
    pinball: Callable[..., Array]
    poisson: Callable[..., Array]
    quantile: Callable[..., Array]
    sparse_categorical_crossentropy: Callable[..., Array]
    squared_hinge: Callable[..., Array]
    sum_of_squares: Callable[..., Array]
    tweedie: Callable[..., Array]

_CATALOGUE = Catalogue(
    "loss",
    Loss,
    {
        "mlp.losses.categorical_focal": "CategoricalFocalCrossentropy",
        "mlp.losses.counts": "Gamma Poisson Tweedie",
        "mlp.losses.crossentropy": "BinaryCrossentropy CategoricalCrossentropy",
        "mlp.losses.distributions": "Expectile GaussianNegativeLogLikelihood Quantile",
        "mlp.losses.divergence": "KLDivergence",
        "mlp.losses.focal": "BinaryFocalCrossentropy",
        "mlp.losses.hinges": "CategoricalHinge Hinge SquaredHinge",
        "mlp.losses.labels": "CategoricalGeneralizedCrossEntropy SparseCategoricalCrossentropy",
        "mlp.losses.masked": "Masked",
        "mlp.losses.regression": (
            "CosineSimilarity Huber LogCosh MeanAbsoluteError MeanAbsolutePercentageError "
            "MeanSquaredLogarithmicError"
        ),
        "mlp.losses.squared": "HalfMeanSquaredError MeanSquaredError SumOfSquares",
    },
    aliases={
        "mse": "MeanSquaredError",
        "mae": "MeanAbsoluteError",
        "mape": "MeanAbsolutePercentageError",
        "msle": "MeanSquaredLogarithmicError",
        "half_mse": "HalfMeanSquaredError",
        "bce": "BinaryCrossentropy",
        "kld": "KLDivergence",
        "kl_divergence": "KLDivergence",
        "kullback_leibler_divergence": "KLDivergence",
        "huber_loss": "Huber",
        "logcosh": "LogCosh",
        "pinball": "Quantile",
        "gaussian_nll": "GaussianNegativeLogLikelihood",
    },
)

get, serialize, deserialize = _CATALOGUE.get, _CATALOGUE.serialize, _CATALOGUE.deserialize


def _function(name: str, own: str) -> Callable[..., Array]:
    """The loss of that name as Keras's function: one value a sample; also understood by `compile`."""
    part: type[Loss] = _CATALOGUE.load(name)

    def function(y_true: Any, y_pred: Any, *arguments: Any, **options: Any) -> Array:
        return part(*arguments, **options).per_sample(y_true, y_pred)

    function.__name__ = function.__qualname__ = own
    function.__doc__ = f"The value of `{part.__name__}` for each sample; options as in the class."
    function.part = part  # type: ignore[attr-defined]
    return function


def __getattr__(name: str) -> Any:
    """A class or, by its name in small letters or an alias, its function; loaded when it is asked for."""
    named = _CATALOGUE.named
    made = _function(named[name], name) if name in named else _CATALOGUE.attribute(__name__, name)
    globals()[name] = made
    return made


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "CANONICAL_PAIRS",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Expectile",
    "Gamma",
    "GaussianNegativeLogLikelihood",
    "HalfMeanSquaredError",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "Masked",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "Quantile",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "SumOfSquares",
    "Tweedie",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "cosine_similarity",
    "deserialize",
    "expectile",
    "gamma",
    "gaussian_negative_log_likelihood",
    "get",
    "half_mean_squared_error",
    "hinge",
    "huber",
    "kl_divergence",
    "kld",
    "log_cosh",
    "logcosh",
    "mae",
    "mape",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "mse",
    "msle",
    "pair",
    "pinball",
    "poisson",
    "quantile",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "sum_of_squares",
    "tweedie",
]
