"""One instance of every class that the package has, with as many options as can be off their defaults.

`EXAMPLES` has the options by kind and class; `example` makes the instance. A class that the
package gains must be added here: `test_configs.py` fails for one that has no example.
"""

import copy

import numpy as np
from layer_examples import ACTIVATIONS, CONSTRAINTS, INITIALIZERS, LAYERS, REGULARIZERS
from rule_examples import OPTIMIZERS, SCHEDULES

import mlp
from mlp import losses, metrics, naming

rng = np.random.default_rng(0)
X = rng.normal(size=(30, 3)).astype("float32")
LABELS = np.arange(30) % 3
ONE_HOT = np.eye(3)[LABELS]
GAPS = np.where(np.arange(90).reshape(30, 3) % 7, ONE_HOT, np.nan)


@mlp.register  # so that a file can name it
def largest_error(y_true, y_pred):
    return np.abs(y_true - y_pred).max(axis=1)


SUMMED = {"reduction": "sum", "name": "mine"}
LOSSES = {
    losses.BinaryCrossentropy: {"from_logits": True, "label_smoothing": 0.1, **SUMMED},
    losses.BinaryFocalCrossentropy: {
        "apply_class_balancing": True,
        "alpha": 0.4,
        "gamma": 1.5,
        "from_logits": True,
        "label_smoothing": 0.1,
        **SUMMED,
    },
    losses.CategoricalCrossentropy: {"from_logits": True, "label_smoothing": 0.1, **SUMMED},
    losses.CategoricalFocalCrossentropy: {
        "alpha": [0.2, 0.3, 0.5],
        "gamma": 1.5,
        "from_logits": True,
        "label_smoothing": 0.1,
        **SUMMED,
    },
    losses.CategoricalGeneralizedCrossEntropy: {"q": 0.7, **SUMMED},
    losses.CategoricalHinge: SUMMED,
    losses.CosineSimilarity: {"axis": 1, **SUMMED},
    losses.Expectile: {"level": 0.3, **SUMMED},
    losses.Gamma: {"from_log": True, **SUMMED},
    losses.GaussianNegativeLogLikelihood: {"epsilon": 0.001, "full": True, **SUMMED},
    losses.HalfMeanSquaredError: SUMMED,
    losses.Hinge: SUMMED,
    losses.Huber: {"delta": 0.4, **SUMMED},
    losses.KLDivergence: SUMMED,
    losses.LogCosh: SUMMED,
    losses.Masked: {"loss": losses.Huber(0.4, reduction="sum")},
    losses.MeanAbsoluteError: SUMMED,
    losses.MeanAbsolutePercentageError: {"reduction": "mean", "name": "mine"},
    losses.MeanSquaredError: SUMMED,
    losses.MeanSquaredLogarithmicError: SUMMED,
    losses.Poisson: {"from_log": True, **SUMMED},
    losses.Quantile: {"quantiles": [0.1, 0.5, 0.9], **SUMMED},
    losses.SparseCategoricalCrossentropy: {
        "from_logits": True,
        "ignore_class": 1,
        "label_smoothing": 0.1,
        **SUMMED,
    },
    losses.SquaredHinge: SUMMED,
    losses.SumOfSquares: SUMMED,
    losses.Tweedie: {"power": 1.3, "from_log": True, **SUMMED},
}
# of a model with that loss: outputs, last activation and targets, where they are not 3, linear and one-hot
OUTPUTS = {
    losses.CategoricalGeneralizedCrossEntropy: (3, "softmax", LABELS),
    losses.Gamma: (3, "linear", ONE_HOT + 0.5),
    losses.GaussianNegativeLogLikelihood: (6, "linear", ONE_HOT),
    losses.KLDivergence: (3, "softmax", ONE_HOT),
    losses.Masked: (3, "linear", GAPS),
    losses.MeanAbsolutePercentageError: (3, "linear", ONE_HOT + 0.5),
    losses.Quantile: (3, "linear", ONE_HOT[:, :1]),
    losses.SparseCategoricalCrossentropy: (3, "linear", LABELS),
}

LABELLED = {"name": "mine", "dtype": "float32"}
IN_BOUNDS = {"num_thresholds": 20, "class_id": 1, **LABELLED}
METRICS = {
    metrics.AUC: {
        "num_thresholds": None,
        "curve": "PR",
        "summation_method": "majoring",
        "thresholds": [0.2, 0.5, 0.8],
        "multi_label": True,
        "num_labels": 3,
        "label_weights": [1.0, 2.0, 3.0],
        "from_logits": True,
        **LABELLED,
    },
    metrics.Accuracy: LABELLED,
    metrics.AccuracyByForm: LABELLED,
    metrics.BalancedAccuracy: LABELLED,
    metrics.BinaryAccuracy: {"threshold": 0.3, **LABELLED},
    metrics.BinaryCrossentropy: {"from_logits": True, "label_smoothing": 0.1, **LABELLED},
    metrics.BinaryIoU: {"target_class_ids": [1], "threshold": 0.3, **LABELLED},
    metrics.BrierScore: LABELLED,
    metrics.CategoricalAccuracy: LABELLED,
    metrics.CategoricalCrossentropy: {"from_logits": True, "label_smoothing": 0.1, "axis": 1, **LABELLED},
    metrics.CategoricalHinge: LABELLED,
    metrics.CohenKappa: {"weights": "quadratic", **LABELLED},
    metrics.ConcordanceCorrelation: {"axis": 0, **LABELLED},
    metrics.CosineSimilarity: {"axis": 1, **LABELLED},
    metrics.CrossentropyByForm: LABELLED,
    metrics.ExpectedCalibrationError: {"bins": 4, **LABELLED},
    metrics.F1Score: {"average": "macro", "threshold": 0.3, **LABELLED},
    metrics.FBetaScore: {"average": "weighted", "beta": 2.0, "threshold": 0.3, **LABELLED},
    metrics.FalseNegatives: {"thresholds": [0.3, 0.6], **LABELLED},
    metrics.FalsePositives: {"thresholds": 0.3, **LABELLED},
    metrics.Hinge: LABELLED,
    metrics.IoU: {
        "num_classes": 3,
        "target_class_ids": [0, 2],
        "ignore_class": 1,
        "sparse_y_true": False,
        "sparse_y_pred": False,
        "axis": 1,
        **LABELLED,
    },
    metrics.KLDivergence: LABELLED,
    metrics.LogCoshError: LABELLED,
    metrics.MatthewsCorrelation: LABELLED,
    metrics.Mean: LABELLED,
    metrics.MeanAbsoluteError: LABELLED,
    metrics.MeanAbsolutePercentageError: LABELLED,
    metrics.MeanIoU: {
        "num_classes": 3,
        "ignore_class": 1,
        "sparse_y_true": False,
        "sparse_y_pred": False,
        "axis": 1,
        **LABELLED,
    },
    metrics.MeanMetricWrapper: {"fn": largest_error, **LABELLED},
    metrics.MeanPinballLoss: {"quantiles": 0.3, **LABELLED},
    metrics.MeanSquaredError: LABELLED,
    metrics.MeanSquaredLogarithmicError: LABELLED,
    metrics.OneHotIoU: {
        "num_classes": 3,
        "target_class_ids": [0, 2],
        "ignore_class": 1,
        "axis": 1,
        **LABELLED,
    },
    metrics.OneHotMeanIoU: {"num_classes": 3, "ignore_class": 1, "axis": 1, **LABELLED},
    metrics.PearsonCorrelation: {"axis": 0, **LABELLED},
    metrics.Poisson: LABELLED,
    metrics.Precision: {"thresholds": 0.3, "top_k": 2, "class_id": 1, **LABELLED},
    metrics.PrecisionAtRecall: {"recall": 0.4, **IN_BOUNDS},
    metrics.R2Score: {"class_aggregation": "variance_weighted_average", "num_regressors": 1, **LABELLED},
    metrics.Recall: {"thresholds": [0.3, 0.6], "top_k": 2, "class_id": 1, **LABELLED},
    metrics.RecallAtPrecision: {"precision": 0.4, **IN_BOUNDS},
    metrics.RootMeanSquaredError: LABELLED,
    metrics.SensitivityAtSpecificity: {"specificity": 0.4, **IN_BOUNDS},
    metrics.SparseCategoricalAccuracy: LABELLED,
    metrics.SparseCategoricalCrossentropy: {"from_logits": True, "ignore_class": 1, "axis": 1, **LABELLED},
    metrics.SparseTopKCategoricalAccuracy: {"k": 2, "from_sorted_ids": True, **LABELLED},
    metrics.SpecificityAtSensitivity: {"sensitivity": 0.4, **IN_BOUNDS},
    metrics.SquaredHinge: LABELLED,
    metrics.Sum: LABELLED,
    metrics.TopKCategoricalAccuracy: {"k": 2, **LABELLED},
    metrics.TrueNegatives: {"thresholds": 0.3, **LABELLED},
    metrics.TruePositives: {"thresholds": 0.3, **LABELLED},
}

EXAMPLES = {
    "activation": ACTIVATIONS,
    "constraint": CONSTRAINTS,
    "initializer": INITIALIZERS,
    "layer": LAYERS,
    "loss": LOSSES,
    "metric": METRICS,
    "optimizer": OPTIMIZERS,
    "regularizer": REGULARIZERS,
    "schedule": SCHEDULES,
}
EVERY = [(kind, part) for kind, parts in EXAMPLES.items() for part in parts]


def example(part):
    """A new instance of a class, with the options of its example."""
    kind = next(kind for kind, parts in EXAMPLES.items() if part in parts)
    return part(**copy.deepcopy(EXAMPLES[kind][part]))


def members(kind) -> list:
    """The classes that strings of a kind stand for."""
    return sorted(set(naming.CATALOGUES[kind].classes.values()), key=lambda part: part.__name__)
