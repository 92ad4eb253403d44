"""Metrics: worked examples, extremes, names, functions and losses as metrics, and bad input."""

import copy
import json
import math

import numpy as np
import pytest

import mlp
from mlp import losses, metrics

# every metric, with arguments where it needs some, and then with none of them at its default
ARGUMENTS = {
    "IoU": {"num_classes": 3, "target_class_ids": [0, 2], "ignore_class": 1, "sparse_y_pred": False},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0, 2], "ignore_class": 1},
    "MeanIoU": {"num_classes": 3, "ignore_class": 1, "sparse_y_pred": False},
    "OneHotMeanIoU": {"num_classes": 3, "ignore_class": 1},
    "BinaryIoU": {"target_class_ids": [1], "threshold": 0.3},
    "SensitivityAtSpecificity": {"specificity": 0.5, "num_thresholds": 9, "class_id": 1},
    "SpecificityAtSensitivity": {"sensitivity": 0.5, "num_thresholds": 9, "class_id": 1},
    "PrecisionAtRecall": {"recall": 0.5, "num_thresholds": 9, "class_id": 1},
    "RecallAtPrecision": {"precision": 0.5, "num_thresholds": 9, "class_id": 1},
    "AUC": {
        "num_thresholds": 9, "curve": "PR", "summation_method": "majoring", "thresholds": [0.2, 0.7],
        "multi_label": True, "num_labels": 3, "label_weights": [1.0, 2.0, 0.5], "from_logits": True,
    },
    "Precision": {"thresholds": [0.3, 0.6], "top_k": 2, "class_id": 1},
    "Recall": {"thresholds": [0.3, 0.6], "top_k": 2, "class_id": 1},
    "TruePositives": {"thresholds": [0.3, 0.6]},
    "FalsePositives": {"thresholds": [0.3, 0.6]},
    "TrueNegatives": {"thresholds": [0.3, 0.6]},
    "FalseNegatives": {"thresholds": [0.3, 0.6]},
    "BinaryAccuracy": {"threshold": 0.3},
    "TopKCategoricalAccuracy": {"k": 2},
    "SparseTopKCategoricalAccuracy": {"k": 2, "from_sorted_ids": True},
    "F1Score": {"average": "macro", "threshold": 0.3},
    "FBetaScore": {"average": "macro", "beta": 2.0, "threshold": 0.3},
    "CohenKappa": {"weights": "linear"},
    "ExpectedCalibrationError": {"bins": 4},
    "BinaryCrossentropy": {"from_logits": True, "label_smoothing": 0.1},
    "CategoricalCrossentropy": {"from_logits": True, "label_smoothing": 0.1},
    "SparseCategoricalCrossentropy": {"from_logits": True, "ignore_class": 1},
    "MeanPinballLoss": {"quantiles": 0.3},
    "R2Score": {"class_aggregation": None, "num_regressors": 1},
    "PearsonCorrelation": {"axis": 0},
    "ConcordanceCorrelation": {"axis": 0},
    "MeanMetricWrapper": {"fn": losses.Huber(0.5)},
}  # fmt: skip
REQUIRED = {"num_classes", "target_class_ids", "specificity", "sensitivity", "recall", "precision", "fn"}
EVERY = [getattr(metrics, name) for name in metrics.__all__]
EVERY = [part for part in EVERY if isinstance(part, type) and part is not metrics.Metric]
SPARSE = {"SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "SparseCategoricalCrossentropy"}
LABELS = SPARSE | {"IoU", "MeanIoU"}
RNG = np.random.default_rng(5)
P = RNG.dirichlet([1, 1, 1], 12)
CLASSES = np.arange(12) % 3
ONE_HOT = np.eye(3)[CLASSES]


def every(*options):
    return pytest.mark.parametrize("part", EVERY, ids=lambda part: part.__name__)(*options)


def plain(part, **more):
    """With what it cannot do without."""
    options = {key: value for key, value in ARGUMENTS.get(part.__name__, {}).items() if key in REQUIRED}
    if part.__name__ in ("IoU", "MeanIoU"):
        options["sparse_y_pred"] = False
    return part(**options, **more)


def targets(part):
    return CLASSES if part.__name__ in LABELS else ONE_HOT


def fed(metric, start=0, stop=12, weight=None):
    if isinstance(metric, metrics.Mean | metrics.Sum):
        metric.update_state(P[start:stop], weight)
    else:
        metric.update_state(targets(type(metric))[start:stop], P[start:stop], weight)
    return metric


def test_a_table_of_confusions_by_hand():
    # of ten rows: 4 hits, 1 false alarm, 2 misses, 3 rightly quiet
    T = [1, 1, 1, 1, 0, 1, 1, 0, 0, 0]
    out = [0.9, 0.8, 0.7, 0.6, 0.55, 0.5, 0.1, 0.2, 0.3, 0.4]
    by_hand = {
        metrics.TruePositives: 4,
        metrics.FalsePositives: 1,
        metrics.FalseNegatives: 2,
        metrics.TrueNegatives: 3,
        metrics.BinaryAccuracy: 7 / 10,
        metrics.AccuracyByForm: 7 / 10,
        metrics.Precision: 4 / 5,
        metrics.Recall: 4 / 6,
        metrics.BalancedAccuracy: (4 / 6 + 3 / 4) / 2,
        metrics.MatthewsCorrelation: (4 * 3 - 1 * 2) / math.sqrt(5 * 6 * 4 * 5),
        # expected by chance: (6 · 5 + 4 · 5) / 10² = 0.5
        metrics.CohenKappa: (0.7 - 0.5) / (1 - 0.5),
        metrics.BinaryIoU: (4 / 7 + 3 / 6) / 2,
    }
    for part, value in by_hand.items():
        expected = value if part is not metrics.BinaryIoU else ((5 / 7) + (3 / 5)) / 2  # 0.5 is a yes
        assert part()(T, out) == pytest.approx(expected, rel=1e-12), part
    f1 = metrics.F1Score(average="micro", threshold=0.5)(np.reshape(T, (-1, 1)), np.reshape(out, (-1, 1)))
    assert f1 == pytest.approx(2 * 4 / (2 * 4 + 1 + 2))


def test_an_area_by_hand():
    # of 3 · 2 pairs of a positive and a negative row, the positive one is higher in 4 and equal in 1
    T, out = [1, 1, 1, 0, 0], [0.9, 0.6, 0.3, 0.6, 0.1]
    assert metrics.AUC(num_thresholds=None)(T, out) == pytest.approx(4.5 / 6)
    assert metrics.AUC()(T, out) == pytest.approx(4.5 / 6)
    assert metrics.AUC(num_thresholds=None)([1, 0], [[1 - 1e-12], [1 - 2e-12]]) == 1  # Keras: 0.5
    assert metrics.AUC()([1, 0], [1 - 1e-12, 1 - 2e-12]) == 0.5


def test_quantities_that_lose_no_digits():
    T = 1e8 + np.arange(5.0)
    out = T + np.array([0.1, -0.1, 0.1, -0.1, 0.0])
    score = 1 - 0.04 / 10  # Keras's sums of squares would leave nothing of it
    assert metrics.R2Score()(T, out) == pytest.approx(score, rel=1e-6)
    correlation = np.corrcoef(T - 1e8, out - 1e8)[0, 1]
    assert metrics.PearsonCorrelation(axis=0)(T, out) == pytest.approx(correlation, rel=1e-9)
    assert metrics.F1Score(average="macro")(CLASSES, ONE_HOT) == 1  # Keras: 0.9999999
    few = metrics.Mean()
    for _ in range(3):
        few.update_state(np.float32([16777216.0, 1.0]))
    assert few.result() == 16777217 / 2


def test_integers_do_not_wrap_around():
    T, out = np.uint8([[200], [0]]), np.uint8([[0], [200]])
    assert metrics.MeanAbsoluteError()(T, out) == 200
    assert metrics.MeanSquaredError()(T, out) == 40000
    assert metrics.R2Score()(T, out) == 1 - 80000 / 20000
    assert metrics.BrierScore()(np.uint8([1]), np.uint8([0])) == 1


def test_undefined_ratios():
    constant = np.ones((4, 2))
    assert metrics.R2Score()(constant, constant) == 1
    assert metrics.R2Score()(constant, 2 * constant) == 0
    for part in (metrics.PearsonCorrelation, metrics.ConcordanceCorrelation):
        assert part()(constant, constant) == part(axis=0)(constant, constant) == 0
    assert metrics.Precision()([1, 0], [0.1, 0.1]) == metrics.Recall()([0, 0], [0.9, 0.9]) == 0
    assert metrics.AUC()([1, 1], [0.2, 0.9]) == metrics.AUC(curve="PR")([0, 0], [0.2, 0.9]) == 0
    assert metrics.CohenKappa()([0, 0], [0.2, 0.3]) == metrics.MatthewsCorrelation()([0, 0], [0.2, 0.3]) == 0
    np.testing.assert_array_equal(metrics.F1Score()([0, 0], [[0.9, 0.1], [0.8, 0.2]]), [1, 0])
    assert metrics.R2Score(num_regressors=5)(CLASSES, CLASSES) == 1  # too few rows to adjust


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e4, 1e30])
def test_extreme_outputs(dtype, scale):
    out = np.array([[scale], [-scale], [scale], [-scale]], dtype)
    T = np.array([[1], [0], [0], [1]], dtype)
    assert metrics.AUC()(T, out) == metrics.AUC(from_logits=True)(T, out) == 0.5
    assert metrics.BinaryAccuracy(threshold=0)(T, out) == 0.5
    assert metrics.BinaryCrossentropy(from_logits=True)(T, out) == pytest.approx(scale / 2, rel=1e-6)
    assert metrics.LogCoshError()(T, out) == pytest.approx(scale, rel=1e-3)
    assert metrics.PearsonCorrelation(axis=0)(T, out) == pytest.approx(0, abs=1e-12)


def test_labels_are_one_hot_targets():
    for metric in (
        metrics.Precision(class_id=1),
        metrics.AUC(multi_label=True),
        metrics.F1Score(),
        metrics.BrierScore(),
        metrics.BalancedAccuracy(),
        metrics.ExpectedCalibrationError(),
        metrics.TruePositives(),
    ):
        np.testing.assert_array_equal(copy.deepcopy(metric)(CLASSES, P), metric(ONE_HOT, P))


def test_rows_of_an_ignored_class():
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=-1)
    metric.update_state([-1, 1, -1], [[0.5, 0.5], [0.25, 0.75], [0.5, 0.5]])
    metric.update_state([-1], [[0.5, 0.5]], [3.0])
    assert metric.result() == pytest.approx(-math.log(0.75))
    assert metrics.IoU(2, [0], ignore_class=-1)([-1, 0], [0, 0]) == 1


# names


@every
def test_config(part):
    metric = part(name="mine", dtype="float32", **ARGUMENTS.get(part.__name__, {}))
    config = json.loads(json.dumps(metrics.serialize(metric)))
    twin = metrics.deserialize(config)
    assert type(twin) is part
    assert twin.name == "mine"
    assert twin.get_config() == metric.get_config()
    assert repr(part.from_config(metric.get_config())) == repr(metric)


@every
def test_nothing_seen_yet_and_forgotten_again(part):
    metric = plain(part)
    nothing = metric.result()
    assert np.all(np.asarray(nothing) == 0)
    result = fed(metric).result()
    metric.reset_state()
    assert np.all(np.asarray(metric.result()) == 0)
    np.testing.assert_array_equal(fed(metric).result(), result)
    np.testing.assert_array_equal(fed(copy.deepcopy(plain(part))).result(), result)


@every
def test_default_names(part):
    theirs = {
        "F1Score": "f1_score", "FBetaScore": "fbeta_score", "R2Score": "r2_score", "AUC": "auc",
        "LogCoshError": "logcosh", "KLDivergence": "kl_divergence", "MeanIoU": "mean_io_u",
        "SparseTopKCategoricalAccuracy": "sparse_top_k_categorical_accuracy",
        "TopKCategoricalAccuracy": "top_k_categorical_accuracy", "MeanMetricWrapper": "huber",
    }  # fmt: skip
    name = plain(part).name
    assert name == theirs.get(part.__name__, name)
    assert name == name.lower()


@pytest.mark.parametrize(
    ("name", "part"),
    {
        "accuracy": "AccuracyByForm", "acc": "AccuracyByForm", "Accuracy": "AccuracyByForm",
        "crossentropy": "CrossentropyByForm", "ce": "CrossentropyByForm",
        "binary_accuracy": "BinaryAccuracy", "BinaryAccuracy": "BinaryAccuracy", "auc": "AUC", "AUC": "AUC",
        "f1_score": "F1Score", "F1Score": "F1Score", "fbeta_score": "FBetaScore", "r2_score": "R2Score",
        "cosine_similarity": "CosineSimilarity", "mse": "MeanSquaredError", "MSE": "MeanSquaredError",
        "mae": "MeanAbsoluteError", "mape": "MeanAbsolutePercentageError", "bce": "BinaryCrossentropy",
        "msle": "MeanSquaredLogarithmicError", "kld": "KLDivergence", "logcosh": "LogCoshError",
        "log_cosh": "LogCoshError", "kl_divergence": "KLDivergence", "rmse": "RootMeanSquaredError",
        "precision": "Precision", "top_k_categorical_accuracy": "TopKCategoricalAccuracy",
        "mcc": "MatthewsCorrelation", "ece": "ExpectedCalibrationError", "huber": "MeanMetricWrapper",
        "tweedie": "MeanMetricWrapper",
    }.items(),
)  # fmt: skip
def test_strings(name, part):
    metric = metrics.get(name)
    assert type(metric).__name__ == part
    assert metric.name == name


def test_accuracy_is_of_two_kinds():
    """Keras's class compares labels; its string looks at the shapes."""
    assert metrics.Accuracy()([[1], [0]], [[0.9], [0.0]]) == 0.5
    assert metrics.get("accuracy")([[1], [0]], [[0.9], [0.0]]) == 1
    assert metrics.get("accuracy")(CLASSES, P) == metrics.get("acc")(ONE_HOT, P)
    assert metrics.get("ce")(CLASSES, P) == pytest.approx(metrics.get("crossentropy")(ONE_HOT, P))
    assert metrics.get("ce")([1], [[0.5]]) == pytest.approx(math.log(2))


def worst(y_true, y_pred, power=1):
    return (np.abs(y_true - y_pred) ** power).max(axis=1)


class Half(metrics.Metric):
    """A user's own."""

    def values(self, y_true, y_pred):
        return abs(y_true - y_pred).sum(axis=1) / 2


def test_functions_and_losses_as_metrics():
    by = {
        "worst": worst,
        "huber": losses.huber,
        "expectile": losses.Expectile(0.3),
        "log_cosh": losses.LogCosh,
        "binary_accuracy": metrics.binary_accuracy,
        "mean_squared_error": metrics.mean_squared_error,
        "half": Half,
    }
    for name, identifier in by.items():
        metric = metrics.get(identifier)
        assert isinstance(metric, metrics.Metric)
        assert metric.name == name
    assert metrics.get(worst)(ONE_HOT, P) == pytest.approx(np.abs(ONE_HOT - P).max(axis=1).mean())
    squared = metrics.MeanMetricWrapper(worst, "squared", power=2)
    assert squared(ONE_HOT, P) == pytest.approx((np.abs(ONE_HOT - P) ** 2).max(axis=1).mean())
    assert metrics.get(losses.Huber(0.5))(ONE_HOT, P) == pytest.approx(losses.Huber(0.5)(ONE_HOT, P))
    assert metrics.MeanMetricWrapper(losses.huber, delta=0.5).fn.get_config()["delta"] == 0.5


def test_a_function_with_one_number_for_all_rows():
    """It counts by rows, so that a mean is that of all of them; Keras takes the mean of the batches."""
    metric = metrics.get(lambda y_true, y_pred: np.mean(y_true != y_pred))
    metric.update_state([1, 1, 1], [1, 1, 0])
    metric.update_state([1], [0])
    assert metric.result() == 0.5
    metric.reset_state()
    metric.update_state([1, 1], [0, 0], [1, 2])
    metric.update_state([1], [1], [1])
    assert metric.result() == 0.75


def test_registered_functions_are_data(monkeypatch):
    monkeypatch.setattr(mlp.naming, "_REGISTERED", copy.deepcopy(mlp.naming._REGISTERED))
    metric = metrics.MeanMetricWrapper(worst, power=2)
    assert metric.get_config()["fn"] is worst  # which is no data
    mlp.register(worst)
    config = metrics.serialize(metric)
    assert config["config"] == {"fn": {"function": "worst"}, "name": "worst", "dtype": None, "power": 2}
    assert metrics.deserialize(json.loads(json.dumps(config))).fn is worst
    config = metrics.serialize(metrics.get(losses.Huber(0.5)))
    assert metrics.deserialize(json.loads(json.dumps(config))).fn.get_config()["delta"] == 0.5


@pytest.mark.parametrize("name", ["categorical_accuracy", "binary_accuracy", "top_k_categorical_accuracy"])
def test_functions_take_positions_and_vectors(name):
    assert getattr(metrics, name)(ONE_HOT, P).dtype == np.float64
    np.testing.assert_array_equal(metrics.binary_accuracy([1, 0], [0.2, 0.2], 0.1), [1, 0])
    k = metrics.top_k_categorical_accuracy(ONE_HOT, P, 2)
    np.testing.assert_array_equal(k, metrics.top_k_categorical_accuracy(ONE_HOT, P, k=2))
    np.testing.assert_array_equal(k, metrics.sparse_top_k_categorical_accuracy(CLASSES, P, 2))


def test_all_names():
    assert all(hasattr(metrics, name) for name in metrics.__all__)
