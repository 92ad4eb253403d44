"""Metrics: `update_state` with one batch of outputs. PyTorch has none."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.cells import Array
from benchmarks.parts import entries, losses
from benchmarks.parts.entries import Action, Entry, Size, normal
from mlp import metrics
from mlp.metrics.base import Metric

CLASSES = 10  # of the metrics that compare labels
Batch = tuple[Array, ...]


def probabilities(size: Size) -> Array:
    """Outputs of a sigmoid."""
    return 1 / (1 + np.exp(-normal(0, *size)))


def softmax(size: Size) -> Array:
    """Outputs of a softmax."""
    rows = np.exp(normal(0, *size))
    return rows / rows.sum(axis=1, keepdims=True)


def binary(size: Size) -> Batch:
    """0 and 1, and probabilities, each column by itself."""
    return losses.binary(size), probabilities(size)


def one_hot(size: Size) -> Batch:
    """One-hot rows and a softmax."""
    return losses.one_hot(size), softmax(size)


def labels(size: Size) -> Batch:
    """Labels, a column, and a softmax."""
    return losses.labels(size)[:, None], softmax(size)


def real(size: Size) -> Batch:
    """Any numbers."""
    return normal(1, *size), normal(0, *size)


def positive(size: Size) -> Batch:
    """Numbers above 0."""
    return losses.positive(size), np.exp(normal(0, *size))


def classes(size: Size) -> Batch:
    """Two matrices of labels."""
    rng = np.random.default_rng(0)
    return rng.integers(0, CLASSES, size), rng.integers(0, CLASSES, size)


def one_column(size: Size) -> Batch:
    """0 and 1, and probabilities: a net with one output."""
    return binary(Size(size.rows * size.columns, 1))


def values(size: Size) -> Batch:
    """Numbers alone."""
    return (normal(0, *size),)


# mlp's metric, the batch, and whether Keras has it by the same name; or Keras's, made by a function
ROWS: list[tuple[Metric, Callable[[Size], Batch], bool | Callable[[Any], Any]]] = [
    (metrics.Accuracy(), classes, True),
    (metrics.AccuracyByForm(), one_hot, lambda K: K.CategoricalAccuracy()),
    (metrics.BinaryAccuracy(), binary, True),
    (metrics.CategoricalAccuracy(), one_hot, True),
    (metrics.SparseCategoricalAccuracy(), labels, True),
    (metrics.TopKCategoricalAccuracy(), one_hot, True),
    (metrics.SparseTopKCategoricalAccuracy(), labels, True),
    (metrics.BalancedAccuracy(), one_hot, False),
    (metrics.AUC(), one_column, True),
    (metrics.Precision(), one_column, True),
    (metrics.Recall(), one_column, True),
    (metrics.TruePositives(), one_column, True),
    (metrics.TrueNegatives(), one_column, True),
    (metrics.FalsePositives(), one_column, True),
    (metrics.FalseNegatives(), one_column, True),
    (metrics.PrecisionAtRecall(0.5), one_column, lambda K: K.PrecisionAtRecall(0.5)),
    (metrics.RecallAtPrecision(0.5), one_column, lambda K: K.RecallAtPrecision(0.5)),
    (metrics.SensitivityAtSpecificity(0.5), one_column, lambda K: K.SensitivityAtSpecificity(0.5)),
    (metrics.SpecificityAtSensitivity(0.5), one_column, lambda K: K.SpecificityAtSensitivity(0.5)),
    (metrics.F1Score(), one_hot, True),
    (metrics.FBetaScore(), one_hot, True),
    (metrics.MatthewsCorrelation(), one_hot, False),
    (metrics.CohenKappa(), one_hot, False),
    (metrics.BrierScore(), one_hot, False),
    (metrics.ExpectedCalibrationError(), one_hot, False),
    (metrics.IoU(CLASSES, [0, 1]), classes, lambda K: K.IoU(CLASSES, [0, 1])),
    (metrics.BinaryIoU(), one_column, True),
    (metrics.MeanIoU(CLASSES), classes, lambda K: K.MeanIoU(CLASSES)),
    (metrics.OneHotIoU(64, [0, 1]), one_hot, lambda K: K.OneHotIoU(64, [0, 1])),
    (metrics.OneHotMeanIoU(64), one_hot, lambda K: K.OneHotMeanIoU(64)),
    (metrics.BinaryCrossentropy(), binary, True),
    (metrics.CategoricalCrossentropy(), one_hot, True),
    (metrics.SparseCategoricalCrossentropy(), labels, True),
    (metrics.CrossentropyByForm(), one_hot, lambda K: K.CategoricalCrossentropy()),
    (metrics.KLDivergence(), one_hot, True),
    (metrics.Poisson(), positive, True),
    (metrics.Hinge(), binary, True),
    (metrics.SquaredHinge(), binary, True),
    (metrics.CategoricalHinge(), one_hot, True),
    (metrics.MeanSquaredError(), real, True),
    (metrics.RootMeanSquaredError(), real, True),
    (metrics.MeanAbsoluteError(), real, True),
    (metrics.MeanAbsolutePercentageError(), real, True),
    (metrics.MeanSquaredLogarithmicError(), positive, True),
    (metrics.LogCoshError(), real, True),
    (metrics.CosineSimilarity(), real, True),
    (metrics.MeanPinballLoss(), real, False),
    (metrics.R2Score(), real, True),
    (metrics.PearsonCorrelation(), real, True),
    (metrics.ConcordanceCorrelation(), real, True),
    (metrics.Mean(), values, True),
    (metrics.Sum(), values, True),
    (metrics.MeanMetricWrapper(metrics.huber), real, lambda K: K.MeanMetricWrapper(huber_keras)),
]


def huber_keras(y_true: Any, y_pred: Any) -> Any:
    """Keras's function."""
    return entries.load_keras()[1].losses.huber(y_true, y_pred)


def fitting(batch: Batch, size: Size, part: Metric) -> Batch:
    """The batch for a metric that was told 64 classes: of wider rows the first 64 columns."""
    classes = getattr(part, "num_classes", None)
    return tuple(array[:, :classes] for array in batch) if classes == 64 else batch


def prepare(part: Metric, make: Callable[[Size], Batch], size: Size) -> Action:
    """`update_state`."""
    metric, batch = type(part).from_config(part.get_config()), fitting(make(size), size, part)
    update = metric.update_state
    return lambda: update(*batch)


def prepare_keras(
    part: Metric, of: bool | Callable[[Any], Any], make: Callable[[Size], Batch], size: Size
) -> Action:
    """`stateless_update_state`, compiled, with its state handed on."""
    jax, keras = entries.load_keras()
    name, batch = type(part).__name__, fitting(make(size), size, part)
    metric = of(keras.metrics) if callable(of) else getattr(keras.metrics, name)()
    metric.update_state(*map(jax.numpy.asarray, batch))  # some make their variables now
    state = [variable.value for variable in metric.variables]
    return entries.handed_on(
        lambda state, *batch: metric.stateless_update_state(state, *batch), state, *batch
    )


ENTRIES = [
    Entry(
        type(part),
        type(part).__name__,
        partial(prepare, part, make),
        None,
        partial(prepare_keras, part, keras, make) if keras else None,
    )
    for part, make, keras in ROWS
]
