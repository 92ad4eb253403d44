"""Metrics by name: Keras's strings, classes and functions, and those of classification that it lacks."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp import losses
from mlp.arrays import Array
from mlp.catalogue import Catalogue
from mlp.errors import ArgumentError
from mlp.metrics.base import Metric, as_rows
from mlp.naming import Part, describe

if TYPE_CHECKING:
    from mlp.metrics.accuracy import (
        Accuracy,
        AccuracyByForm,
        BinaryAccuracy,
        CategoricalAccuracy,
        SparseCategoricalAccuracy,
        SparseTopKCategoricalAccuracy,
        TopKCategoricalAccuracy,
    )
    from mlp.metrics.auc import AUC
    from mlp.metrics.calibration import BrierScore, ExpectedCalibrationError
    from mlp.metrics.confusion import BalancedAccuracy, CohenKappa, MatthewsCorrelation
    from mlp.metrics.correlation import ConcordanceCorrelation, PearsonCorrelation
    from mlp.metrics.f_scores import F1Score, FBetaScore
    from mlp.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
    from mlp.metrics.mean_losses import (
        BinaryCrossentropy,
        CategoricalCrossentropy,
        CategoricalHinge,
        CrossentropyByForm,
        Hinge,
        KLDivergence,
        Poisson,
        SparseCategoricalCrossentropy,
        SquaredHinge,
    )
    from mlp.metrics.reductions import Mean, MeanMetricWrapper, Sum
    from mlp.metrics.regression import (
        CosineSimilarity,
        LogCoshError,
        MeanAbsoluteError,
        MeanAbsolutePercentageError,
        MeanPinballLoss,
        MeanSquaredError,
        MeanSquaredLogarithmicError,
        R2Score,
        RootMeanSquaredError,
    )
    from mlp.metrics.thresholds import (
        FalseNegatives,
        FalsePositives,
        Precision,
        Recall,
        TrueNegatives,
        TruePositives,
    )
    from mlp.metrics.tradeoffs import (
        PrecisionAtRecall,
        RecallAtPrecision,
        SensitivityAtSpecificity,
        SpecificityAtSensitivity,
    )

    KLD: Callable[..., Array]
    MAE: Callable[..., Array]
    MAPE: Callable[..., Array]
    MSE: Callable[..., Array]
    MSLE: Callable[..., Array]
    binary_accuracy: Callable[..., Array]
    binary_crossentropy: Callable[..., Array]
    binary_focal_crossentropy: Callable[..., Array]
    categorical_accuracy: Callable[..., Array]
    categorical_crossentropy: Callable[..., Array]
    categorical_focal_crossentropy: Callable[..., Array]
    categorical_hinge: Callable[..., Array]
    concordance_correlation: Callable[..., Array]
    hinge: Callable[..., Array]
    huber: Callable[..., Array]
    kl_divergence: Callable[..., Array]
    kld: Callable[..., Array]
    kullback_leibler_divergence: Callable[..., Array]
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
    pearson_correlation: Callable[..., Array]
    poisson: Callable[..., Array]
    sparse_categorical_accuracy: Callable[..., Array]
    sparse_categorical_crossentropy: Callable[..., Array]
    sparse_top_k_categorical_accuracy: Callable[..., Array]
    squared_hinge: Callable[..., Array]
    top_k_categorical_accuracy: Callable[..., Array]

_CATALOGUE = Catalogue(
    "metric",
    Metric,
    {
        "mlp.metrics.accuracy": (
            "Accuracy AccuracyByForm BinaryAccuracy CategoricalAccuracy SparseCategoricalAccuracy "
            "SparseTopKCategoricalAccuracy TopKCategoricalAccuracy"
        ),
        "mlp.metrics.auc": "AUC",
        "mlp.metrics.calibration": "BrierScore ExpectedCalibrationError",
        "mlp.metrics.confusion": "BalancedAccuracy CohenKappa MatthewsCorrelation",
        "mlp.metrics.correlation": "ConcordanceCorrelation PearsonCorrelation",
        "mlp.metrics.f_scores": "F1Score FBetaScore",
        "mlp.metrics.iou": "BinaryIoU IoU MeanIoU OneHotIoU OneHotMeanIoU",
        "mlp.metrics.mean_losses": (
            "BinaryCrossentropy CategoricalCrossentropy CategoricalHinge CrossentropyByForm Hinge "
            "KLDivergence Poisson SparseCategoricalCrossentropy SquaredHinge"
        ),
        "mlp.metrics.reductions": "Mean MeanMetricWrapper Sum",
        "mlp.metrics.regression": (
            "CosineSimilarity LogCoshError MeanAbsoluteError MeanAbsolutePercentageError "
            "MeanPinballLoss MeanSquaredError MeanSquaredLogarithmicError R2Score "
            "RootMeanSquaredError"
        ),
        "mlp.metrics.thresholds": (
            "FalseNegatives FalsePositives Precision Recall TrueNegatives TruePositives"
        ),
        "mlp.metrics.tradeoffs": (
            "PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity SpecificityAtSensitivity"
        ),
    },
    aliases={
        "accuracy": "AccuracyByForm",
        "acc": "AccuracyByForm",
        "crossentropy": "CrossentropyByForm",
        "ce": "CrossentropyByForm",
        "bce": "BinaryCrossentropy",
        "kld": "KLDivergence",
        "mse": "MeanSquaredError",
        "rmse": "RootMeanSquaredError",
        "mae": "MeanAbsoluteError",
        "mape": "MeanAbsolutePercentageError",
        "msle": "MeanSquaredLogarithmicError",
        "log_cosh": "LogCoshError",
        "mcc": "MatthewsCorrelation",
        "ece": "ExpectedCalibrationError",
        "r2": "R2Score",
        "pinball": "MeanPinballLoss",
    },
)


def get(identifier: Any) -> Metric:
    """The metric that a name, class, object or function stands for; a name is also its key in the history.

    Parameters
    ----------
    identifier : str, class, Metric, Loss, function or dict
        The name, class or object of a metric or a loss; a function f(y_true, y_pred), which
        becomes a `MeanMetricWrapper`; or what `serialize` returned.

    Raises
    ------
    ArgumentError
        If nothing of this kind is meant.
    """
    metric = _get(identifier)
    if isinstance(identifier, str):
        metric.name = identifier
    elif not isinstance(identifier, type | Part) and hasattr(identifier, "part"):
        metric.name = identifier.__name__
    return metric


def _get(identifier: Any) -> Metric:
    from mlp.metrics.reductions import MeanMetricWrapper

    part = getattr(identifier, "part", identifier)
    try:
        metric: Metric = _CATALOGUE.get(identifier)
    except ArgumentError:
        if isinstance(identifier, str):
            loss = _loss_named(identifier)
            if loss is None:
                raise
            return MeanMetricWrapper(loss)
        a_loss = isinstance(part, losses.Loss) or (isinstance(part, type) and issubclass(part, losses.Loss))
        if a_loss or (callable(part) and not isinstance(part, type | Part | np.ufunc)):
            return MeanMetricWrapper(part)
        raise
    return metric


def _loss_named(name: str) -> losses.Loss | None:
    try:
        return losses.get(name)  # type: ignore[no-any-return]
    except ArgumentError:
        return None


def serialize(metric: Any) -> dict[str, Any]:
    """A metric as plain data, Keras's ``serialize``."""
    return describe(get(metric))


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Metric:
    """The metric that `serialize` described."""
    metric: Metric = _CATALOGUE.deserialize(config, custom_objects)
    return metric


def _function(name: str) -> Callable[..., Array]:
    """The metric as Keras's function: a value for each row or output; also understood by `compile`."""
    named, *positional = _FUNCTIONS[name].split()
    part: type[Metric] = _CATALOGUE.load(named)

    def function(y_true: Any, y_pred: Any, *arguments: Any, **options: Any) -> Array:
        metric = part(**dict(zip(positional, arguments, strict=False)), **options)
        values = np.asarray(metric.values(as_rows(y_true, "y_true"), as_rows(y_pred, "y_pred")))
        values = values if values.dtype.kind == "f" else values.astype(np.float64)
        return values if np.ndim(y_pred) > 1 else values.reshape(-1)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The values whose mean is `{part.__name__}`; options as in the class."
    function.part = part  # type: ignore[attr-defined]
    return function


# the class and, in their order, the options that its function takes
_FUNCTIONS = {
    "binary_accuracy": "BinaryAccuracy threshold",
    "categorical_accuracy": "CategoricalAccuracy",
    "sparse_categorical_accuracy": "SparseCategoricalAccuracy",
    "top_k_categorical_accuracy": "TopKCategoricalAccuracy k",
    "sparse_top_k_categorical_accuracy": "SparseTopKCategoricalAccuracy k from_sorted_ids",
    "pearson_correlation": "PearsonCorrelation",
    "concordance_correlation": "ConcordanceCorrelation",
}


def __getattr__(name: str) -> Any:
    """A class or a function, loaded when it is asked for. The functions of losses are metrics too."""
    if name in _FUNCTIONS:
        made: Any = _function(name)
    elif name in __all__ and name not in _CATALOGUE.homes:
        made = getattr(losses, name.lower())
    else:
        made = _CATALOGUE.attribute(__name__, name)
    globals()[name] = made
    return made


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "AUC",
    "Accuracy",
    "AccuracyByForm",
    "BalancedAccuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "BrierScore",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CohenKappa",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "CrossentropyByForm",
    "ExpectedCalibrationError",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLD",
    "KLDivergence",
    "LogCoshError",
    "MAE",
    "MAPE",
    "MSE",
    "MSLE",
    "MatthewsCorrelation",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanPinballLoss",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "kld",
    "kullback_leibler_divergence",
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
    "pearson_correlation",
    "poisson",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]
