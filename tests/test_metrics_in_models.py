"""Metrics while a model trains, and what they refuse."""

import numpy as np
import pytest
from test_metrics import ARGUMENTS, CLASSES, EVERY, ONE_HOT, SPARSE, every, plain

from mlp import Sequential, layers, losses, metrics
from mlp.errors import ArgumentError

X = np.random.default_rng(0).normal(size=(12, 4))


def trained(target, loss, *reported, units=3, output="softmax", **options):
    model = Sequential([layers.Dense(units, output)], seed=0)
    model.compile("sgd", loss, metrics=list(reported), weighted_metrics=list(options.pop("weighted", ())))
    model.fit(X, target, epochs=2, batch_size=5, verbose=0, **options)
    return model


@every
def test_in_fit_and_evaluate(part):
    if part in (metrics.Mean, metrics.Sum):
        return  # which are not of targets and outputs
    labels = part.__name__ in SPARSE | {"IoU", "MeanIoU"}
    loss = "sparse_categorical_crossentropy" if labels else "categorical_crossentropy"
    target = CLASSES if labels else ONE_HOT
    options = {"sample_weight": np.linspace(0, 2, 12), "validation_split": 0.25}
    model = trained(target, loss, plain(part, name="m"), weighted=[plain(part, name="w")], **options)
    history = model.history.history
    assert list(history) == ["loss", "m", "w", "val_loss", "val_m", "val_w"]
    assert all(np.isfinite(value).all() for key in history for value in history[key])
    reported = model.evaluate(X, target, verbose=0, return_dict=True)
    metric = plain(part)
    metric.update_state(target, model.predict(X))
    np.testing.assert_allclose(reported["m"], metric.result(), 1e-5, 1e-7)


def test_a_score_of_each_output():
    model = trained(ONE_HOT, "categorical_crossentropy", "f1_score", validation_data=(X, ONE_HOT))
    scores = model.history.history["val_f1_score"]
    assert [score.shape for score in scores] == [(3,), (3,)]
    assert model.evaluate(X, ONE_HOT, verbose=0)[1].shape == (3,)
    model.fit(X, ONE_HOT, verbose=2)


def test_masked_targets_do_no_harm():
    target = np.where(np.arange(36).reshape(12, 3) % 5, ONE_HOT, np.nan)
    names = ["mae", "log_cosh", metrics.R2Score()]
    model = trained(target, losses.Masked("mse"), *names, output=None)
    assert np.isfinite(model.history.history["loss"]).all()
    assert all(np.isnan(model.history.history[name]).all() for name in ("mae", "log_cosh", "r2_score"))


def test_quantiles_in_fit():
    target = X[:, :1]
    pinball = metrics.MeanPinballLoss([0.1, 0.9])
    model = trained(target, losses.Quantile([0.1, 0.9]), pinball, units=2, output=None)
    history = model.history.history
    assert history.keys() == {"loss", "mean_pinball_loss"}
    loss, measured = model.evaluate(X, target, verbose=0)
    assert loss == pytest.approx(measured, rel=1e-5)


BAD = [
    ("AUC", {"num_thresholds": 1}, "num_thresholds must be None or an integer from 2 to 1000000; got 1"),
    ("AUC", {"curve": "RC"}, "curve must be one of ROC, PR, PRGAIN; got 'RC'"),
    ("AUC", {"summation_method": "mean"}, "summation_method must be one of interpolation, majoring, minorin"),
    ("AUC", {"num_labels": 3}, "num_labels must be None, or .* with multi_label=True; got 3"),
    ("AUC", {"thresholds": [0.5, 1.5]}, r"thresholds must be a number in \[0, 1\]; got 1.5"),
    ("AUC", {"thresholds": []}, r"thresholds must be .*; got \[\]"),
    ("AUC", {"label_weights": [-1]}, r"label_weights must be a number in \[0, inf\); got -1"),
    ("Precision", {"thresholds": "x"}, "thresholds must be a number .*; got 'x'"),
    ("Precision", {"thresholds": [[0.1]]}, "thresholds must be a number or a list of numbers"),
    ("Precision", {"top_k": 0}, "top_k must be an integer of at least 1; got 0"),
    ("Recall", {"class_id": -1}, "class_id must be None or the number of an output, from 0 on; got -1"),
    ("Recall", {"class_id": 1.0}, "class_id must be"),
    ("TruePositives", {"thresholds": -0.1}, r"thresholds must be a number in \[0, 1\]; got -0.1"),
    ("SensitivityAtSpecificity", {"specificity": 1.1}, r"specificity must be .*\[0, 1\]; got 1.1"),
    ("SpecificityAtSensitivity", {"sensitivity": -1}, r"sensitivity must be .*\[0, 1\]; got -1"),
    ("PrecisionAtRecall", {"recall": "x"}, "recall must be .*; got 'x'"),
    ("RecallAtPrecision", {"precision": None}, "precision must be .*; got None"),
    ("RecallAtPrecision", {"precision": 0.5, "num_thresholds": 0}, "num_thresholds must be .*; got 0"),
    ("F1Score", {"average": "mean"}, "average must be one of None, micro, macro, weighted; got 'mean'"),
    ("F1Score", {"threshold": 0}, r"threshold must be a number in \(0, 1\]; got 0"),
    ("FBetaScore", {"beta": 0}, r"beta must be a number in \(0, inf\); got 0"),
    ("BinaryAccuracy", {"threshold": "x"}, "threshold must be a number .*; got 'x'"),
    ("TopKCategoricalAccuracy", {"k": 0}, "k must be an integer of at least 1; got 0"),
    ("SparseTopKCategoricalAccuracy", {"k": 1.5}, "k must be an integer of at least 1; got 1.5"),
    ("CohenKappa", {"weights": "cubic"}, "weights must be one of None, linear, quadratic; got 'cubic'"),
    ("ExpectedCalibrationError", {"bins": 0}, "bins must be an integer from 1 to 1000000; got 0"),
    ("IoU", {"num_classes": 2, "target_class_ids": [2]}, "target_class_ids must be .* from 0 to 1; got"),
    ("IoU", {"num_classes": 2, "target_class_ids": []}, "target_class_ids must be"),
    ("MeanIoU", {"num_classes": 0}, "num_classes must be an integer from 1 to 10000; got 0"),
    ("MeanIoU", {"num_classes": 2, "axis": 0}, "axis must be -1, where the classes are; got 0"),
    ("OneHotIoU", {"num_classes": 2, "target_class_ids": None}, "target_class_ids must be a list"),
    ("BinaryIoU", {"threshold": 2}, r"threshold must be .*\[0, 1\]; got 2"),
    ("R2Score", {"class_aggregation": "mean"}, "class_aggregation must be one of .*; got 'mean'"),
    ("R2Score", {"num_regressors": -1}, "num_regressors must be an integer of at least 0; got -1"),
    ("PearsonCorrelation", {"axis": 2}, "axis must be -1 .along a row. or 0 .over the rows.; got 2"),
    ("CosineSimilarity", {"axis": 0}, "axis must be -1, where the outputs are; got 0"),
    ("CategoricalCrossentropy", {"axis": 0}, "axis must be -1, where the classes are; got 0"),
    ("BinaryCrossentropy", {"label_smoothing": 1}, r"label_smoothing must be .*\[0, 1\); got 1"),
    ("SparseCategoricalCrossentropy", {"ignore_class": "x"}, "ignore_class must be None or an integer; got"),
    ("MeanPinballLoss", {"quantiles": 1}, "quantile"),
    ("MeanMetricWrapper", {"fn": 5}, "fn must be a function of y_true and y_pred, or a loss; got 5"),
    ("MeanMetricWrapper", {"fn": np.tanh}, "fn must be a function of y_true and y_pred, or a loss; got"),
    ("MeanMetricWrapper", {"fn": losses.Huber(), "delta": 2}, "kwargs must be empty for a loss"),
]


@pytest.mark.parametrize(("name", "options", "message"), BAD)
def test_bad_arguments(name, options, message):
    with pytest.raises(ArgumentError, match=message):
        getattr(metrics, name)(**options)


@every
def test_a_name_and_a_type_are_strings(part):
    options = ARGUMENTS.get(part.__name__, {})
    for argument in ("name", "dtype"):
        with pytest.raises(ArgumentError, match=f"{argument} must be a string.*; got 5"):
            part(**options, **{argument: 5})


P2 = [[0.5, 0.5], [0.1, 0.9]]
WRONG = [
    (metrics.MeanAbsoluteError(), ([1, 2], [1, 2, 3]), r"must have the same rows.*\(2, 1\) and \(3, 1\)"),
    (metrics.MeanAbsoluteError(), ([], []), "y_true must be an array with a row for each sample; its shape"),
    (
        metrics.MeanAbsoluteError(),
        (np.ones((0, 2)), np.ones((0, 2))),
        "must have the same rows, at least one",
    ),
    (metrics.MeanAbsoluteError(), (["a"], [1]), "y_true must be an array of numbers"),
    (metrics.MeanAbsoluteError(), ([1], ["1"]), "y_pred must be an array of numbers"),
    (metrics.MeanAbsoluteError(), (1, 1), "y_true must be an array with a row for each sample; got"),
    (metrics.MeanAbsoluteError(), ([1], [1], [1, 2]), "sample_weight has 2 numbers for 1 rows"),
    (metrics.MeanAbsoluteError(), ([1], [1], ["x"]), "sample_weight must be an array of numbers"),
    (metrics.Precision(class_id=2), ([1, 0], P2), "class_id is 2, but there are 2 outputs, from 0 on"),
    (metrics.Precision(), ([[1, 0, 0]] * 2, P2), "y_true has 3 columns for 2 outputs"),
    (metrics.F1Score(), ([[1, 0, 0]] * 2, P2), "y_true has 3 columns for 2 outputs; .* of integer labels"),
    (metrics.AUC(multi_label=True, num_labels=3), ([1, 0], P2), "num_labels must be for 2 outputs; got 3"),
    (metrics.AUC(label_weights=[1.0]), ([1, 0], P2), "label_weights must be for 2 outputs"),
    (metrics.SparseTopKCategoricalAccuracy(), ([2, 0], P2), "y_true must hold labels from 0 to 1; got"),
    (metrics.BalancedAccuracy(), ([2, 0], P2), "y_true must hold labels from 0 to 1; got"),
    (metrics.MatthewsCorrelation(), ([-1, 0], P2), "y_true must hold labels from 0 to 1; got"),
    (metrics.MeanIoU(2), ([1, 0], P2), "for an output a class say sparse_y_pred=False"),
    (metrics.R2Score(), ([1, 0], P2), "y_true has the shape .2, 1. and y_pred .2, 2.; they must agree"),
    (metrics.PearsonCorrelation(), ([1, 0], [1, 2]), "of which there is one; axis=0 correlates over the row"),
    (metrics.CategoricalCrossentropy(), ([1, 0], P2), "For integer labels use .*sparse_categorical_cross"),
    (metrics.SparseCategoricalCrossentropy(), ([2, 0], P2), "y_true must hold labels from 0 to 1"),
    (metrics.LogCoshError(), ([1, 0], P2), "y_true has shape .2, 1., but there are 2 output"),
    (metrics.Hinge(), ([5, 0], [1, 2]), "y_true must"),
]


@pytest.mark.parametrize(("metric", "arrays", "message"), WRONG)
def test_wrong_arrays(metric, arrays, message):
    with pytest.raises(ArgumentError, match=message):
        metric.update_state(*arrays)


@pytest.mark.parametrize("metric", [metrics.Mean(), metrics.Sum()])
def test_wrong_values(metric):
    with pytest.raises(ArgumentError, match="values must be an array of numbers"):
        metric.update_state("x")
    with pytest.raises(ArgumentError, match="sample_weight has 2 numbers for 3 rows"):
        metric.update_state([1, 2, 3], [1, 2])


def test_what_is_no_metric():
    for value in (5, None, ["mae"], np.tanh, layers.Dense(2), object):
        with pytest.raises(
            ArgumentError, match="metric must be a name, a class or an object of mlp's Metric"
        ):
            metrics.get(value)
    with pytest.raises(ArgumentError, match=r"unknown metric 'acuracy'\. Did you mean 'accuracy'"):
        metrics.get("acuracy")


def test_the_list_is_whole():
    assert {part.__name__ for part in EVERY} >= set(ARGUMENTS)
