"""What losses and metrics refuse: options of the wrong kind, hostile sizes, arrays that do not fit."""

import inspect

import numpy as np
import pytest
from test_metrics import ARGUMENTS, EVERY

from mlp import losses, metrics
from mlp.errors import ArgumentError
from mlp.naming import constructor_arguments

LOSSES = [getattr(losses, name) for name in losses.__all__]
LOSSES = [part for part in LOSSES if isinstance(part, type) and part is not losses.Loss]
SWITCHES = [
    (part, name)
    for part in [*LOSSES, *EVERY]
    for name, default in constructor_arguments(part).items()
    if isinstance(default, bool)
]
P2 = [[0.5, 0.5], [0.1, 0.9]]
NAN = float("nan")


@pytest.mark.parametrize(("part", "name"), SWITCHES)
@pytest.mark.parametrize("value", ["False", 0, None, [True]])
def test_a_switch_is_true_or_false(part, name, value):
    options = ARGUMENTS.get(part.__name__, {}) if issubclass(part, metrics.Metric) else {}
    with pytest.raises(ArgumentError, match=f"{name} must be True or False; got"):
        part(**options | {name: value})


def test_there_are_switches():
    assert len(SWITCHES) > 20
    assert losses.Poisson(from_log=np.True_).from_log


@pytest.mark.parametrize("part", [*LOSSES, *EVERY], ids=lambda part: part.__module__ + part.__name__)
def test_an_array_is_no_option(part):
    """Not in place of a string, a number, a switch or None, and whatever the error, it is one of ours."""
    options = ARGUMENTS.get(part.__name__, {}) if issubclass(part, metrics.Metric) else {}
    for name in constructor_arguments(part):
        if name in ("quantiles", "alpha", "thresholds", "label_weights", "target_class_ids", "kwargs"):
            continue
        for value in (np.array(["mean", "sum"]), np.array([1.0, 2.0]), np.array([0, 1])):
            with pytest.raises(ArgumentError, match=name):
                part(**options | {name: value})


BAD = [
    (lambda: metrics.AUC(label_weights=3), "label_weights must be a list of numbers, not all 0; got 3"),
    (lambda: metrics.AUC(label_weights=[0, 0]), r"label_weights must be .*, not all 0; got \[0, 0\]"),
    (lambda: metrics.AUC(label_weights=[]), r"label_weights must be a list .*; got \[\]"),
    (lambda: metrics.AUC(label_weights=""), "label_weights must be a list .*; got ''"),
    (lambda: metrics.AUC(num_thresholds=10**6 + 1), "num_thresholds must be .* from 2 to 1000000; got"),
    (lambda: metrics.RecallAtPrecision(0.5, 10**9), "num_thresholds must be .* from 1 to 1000000; got"),
    (lambda: metrics.ExpectedCalibrationError(10**9), "bins must be an integer from 1 to 1000000; got"),
    (lambda: metrics.MeanIoU(10**9), "num_classes must be an integer from 1 to 10000; got 1000000000"),
    (lambda: metrics.IoU(10**9, [0]), "num_classes must be an integer from 1 to 10000; got"),
    (lambda: metrics.IoU(2, "0"), "target_class_ids must be a list of classes from 0 to 1; got '0'"),
    (lambda: metrics.IoU(2, [[0], [1, 0]]), "target_class_ids must be a list of classes"),
    (lambda: losses.Quantile(np.array(0.5)), r"quantiles must be a number in \(0, 1\); got array"),
    (lambda: losses.Quantile([]), "quantiles must be a number in .*, or some of them"),
    (lambda: losses.Quantile([[0.5]]), r"quantiles must be a number in \(0, 1\); got \[0.5\]"),
    (lambda: metrics.MeanPinballLoss(np.array(0.5)), "quantiles must be a number"),
    (lambda: metrics.Mean()([]), r"values must be .*; its shape is \(0,\)"),
    (lambda: metrics.Sum()([[], []]), r"values must be .*; its shape is \(2, 0\)"),
    (lambda: losses.mse("a", "b"), "y_pred must be an array of numbers"),
    (lambda: losses.mse(["a"], [1.0]), "y_true must be an array of numbers"),
    (
        lambda: losses.mse([1.0], [[1.0], [1.0, 2.0]]),
        "y_pred must be an array of numbers: its rows have diff",
    ),
    (lambda: losses.mse([1.0], None), "y_pred must be an array of numbers"),
    (lambda: losses.mse([], []), "y_pred must have rows and columns"),
    (lambda: losses.mse(np.ones((2, 1, 1)), np.ones((2, 1, 1))), "y_pred must have rows and columns"),
    (lambda: losses.GaussianNegativeLogLikelihood().split([1.0, 2.0]), r"out must .* rows .*\(2,\)"),
    (lambda: losses.GaussianNegativeLogLikelihood().split([[1.0, 2.0, 3.0]]), "needs two outputs for each"),
    (
        lambda: losses.GaussianNegativeLogLikelihood().split([[1.0], [1.0, 2.0]]),
        "rows have different lengths",
    ),
    (lambda: losses.GaussianNegativeLogLikelihood().split([["a", "b"]]), "out must be an array of numbers"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_arguments(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize("labels", [["a", "b"], [[0], [1, 0]], None, [0.5, -1], [NAN, -1], [2, -1]])
def test_bad_labels_beside_an_ignored_class(labels):
    with pytest.raises(ArgumentError, match="y_true must "):
        losses.SparseCategoricalCrossentropy(ignore_class=-1)(labels, P2)


@pytest.mark.parametrize(
    "result", ["text", ["a", "b"], None, [[1.0], [1.0, 2.0]], 1j, [1.0, 2.0, 3.0], np.ones((2, 1, 1))]
)
def test_what_a_function_of_rows_may_not_return(result):
    with pytest.raises(ArgumentError, match=r"'answer' .*must"):
        metrics.MeanMetricWrapper(lambda y_true, y_pred: result, "answer")([0, 1], P2)


# the shapes of targets and outputs


@pytest.mark.parametrize(
    "part",
    [
        metrics.MeanSquaredError, metrics.RootMeanSquaredError, metrics.MeanAbsoluteError, metrics.Accuracy,
        metrics.BinaryAccuracy, metrics.R2Score, metrics.LogCoshError,
    ],
)  # fmt: skip
@pytest.mark.parametrize(("columns", "outputs"), [(1, 2), (2, 1), (2, 4), (3, 2)])
def test_nothing_is_broadcast(part, columns, outputs):
    with pytest.raises(ArgumentError, match=rf"y_true .*\(5, {columns}\).* {outputs}"):
        part()(np.ones((5, columns)), np.ones((5, outputs)))


CLASSIFIERS = [
    (metrics.AccuracyByForm, [(2, 1), (2, 3)]),
    (metrics.CategoricalAccuracy, [(1, 3), (2, 3)]),
    (metrics.TopKCategoricalAccuracy, [(1, 3), (2, 3)]),
    (metrics.SparseCategoricalAccuracy, [(3, 3), (2, 3)]),
    (metrics.SparseTopKCategoricalAccuracy, [(3, 3), (2, 3)]),
    (metrics.BalancedAccuracy, [(2, 1), (2, 3)]),
    (metrics.ExpectedCalibrationError, [(2, 1), (2, 3)]),
    (metrics.BrierScore, [(2, 1), (2, 3)]),
    (metrics.AUC, [(2, 1), (2, 3)]),
    (metrics.F1Score, [(2, 1), (2, 3)]),
]


@pytest.mark.parametrize(("part", "shapes"), CLASSIFIERS)
def test_columns_of_classes(part, shapes):
    for columns, outputs in shapes:
        with pytest.raises(ArgumentError, match=r"y_true has .* columns?|y_true has the shape"):
            part()(np.ones((5, columns)), np.ones((5, outputs)))


def test_a_column_of_labels_is_told_where_to_go():
    with pytest.raises(ArgumentError, match=r"labels.* sparse_categorical_accuracy"):
        metrics.CategoricalAccuracy()([0, 1], P2)
    with pytest.raises(ArgumentError, match=r"labels.* sparse_top_k_categorical_accuracy"):
        metrics.TopKCategoricalAccuracy()([0, 1], P2)
    with pytest.raises(ArgumentError, match=r"one-hot.* categorical_accuracy"):
        metrics.SparseCategoricalAccuracy()([[0, 1], [1, 0]], P2)
    with pytest.raises(ArgumentError, match="sparse_y_true=True"):
        metrics.MeanIoU(2, sparse_y_true=False, sparse_y_pred=False)([0, 1], P2)


# targets that are not known


def with_a_gap(part):
    if part in (metrics.SparseCategoricalAccuracy, metrics.SparseTopKCategoricalAccuracy, metrics.MeanIoU):
        return np.array([NAN, 1.0, 0.0])
    if part in (metrics.SparseCategoricalCrossentropy, metrics.IoU):
        return np.array([NAN, 1.0, 0.0])
    return np.array([[1.0, 0.0], [0.0, NAN], [1.0, 0.0]])


P3 = np.array([[0.5, 0.5], [0.1, 0.9], [0.8, 0.2]])


@pytest.mark.parametrize("part", EVERY, ids=lambda part: part.__name__)
def test_a_gap_in_the_targets_is_never_counted(part):
    if part in (metrics.Mean, metrics.Sum, metrics.MeanMetricWrapper):
        return
    needed = {"num_classes": 2, "target_class_ids": [0], "specificity": 0.1, "sensitivity": 0.1,
              "recall": 0.1, "precision": 0.1}  # fmt: skip
    known = inspect.signature(part).parameters
    options = {name: value for name, value in needed.items() if name in known and name != part.__name__}
    if part in (metrics.MeanIoU, metrics.IoU):
        options["sparse_y_pred"] = False
    metric = part(**options)
    try:
        result = metric(with_a_gap(part), P3)
    except ArgumentError as error:
        assert "y_true" in str(error)  # noqa: PT017
    else:
        assert np.isnan(result).any()


def test_a_score_with_a_gap():
    T = np.array([[1.0, NAN], [2.0, 3.0], [4.0, 5.0]])
    score = metrics.R2Score(class_aggregation=None)(T, [[1.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    np.testing.assert_array_equal(score, [1, NAN])
    assert np.isnan(metrics.R2Score()(T, T))
    assert np.isnan(metrics.R2Score()([1.0, 1.0], [NAN, 1.0]))
    assert metrics.R2Score()([1.0, 1.0], [1.0, 1.0]) == 1


@pytest.mark.parametrize("part", [metrics.BalancedAccuracy, metrics.MatthewsCorrelation, metrics.CohenKappa])
@pytest.mark.parametrize("label", [0.5, NAN])
def test_half_a_label_is_none(part, label):
    for out in (P2, [[0.2], [0.7]]):
        with pytest.raises(ArgumentError, match="y_true must hold integer labels; got"):
            part()([label, 1], out)
