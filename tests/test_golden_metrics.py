"""Metrics held to Keras and scikit-learn: golden/metrics.json."""

import numpy as np
import pytest
from golden_values import RELATIVE, golden

import mlp

GOLDEN = golden("metrics")
KINDS = ("plain", "weighted")
# Keras adds 1e-7 to the denominators of the F-scores, three times, of IoU and of the concordance, and
# computes IoU and the adjusted R² in float32; ours are exact
INEXACT = {"F1Score": 1e-6, "FBetaScore": 1e-6, "ConcordanceCorrelation": 1e-6}
INEXACT |= dict.fromkeys(("IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU", "BinaryIoU"), 1e-6)


def array(key, dtype):
    values = np.array(GOLDEN["arrays"][key])
    return values.astype(dtype) if values.dtype.kind == "f" else values


def batches():
    start = 0
    for rows in GOLDEN["batches"]:
        yield slice(start, start + rows)
        start += rows


def made(case, **more):
    return getattr(mlp.metrics, case["class"])(**case["options"], **more)


@pytest.mark.parametrize("dtype", RELATIVE)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", GOLDEN["results"])
def test_metric_over_ragged_batches(name, kind, dtype):
    case = GOLDEN["results"][name]
    metric, tolerance = made(case), INEXACT.get(case["class"], RELATIVE[dtype])
    if "num_regressors" in case["options"]:
        tolerance = 1e-6
    T, out, weight = (array(key, dtype) for key in (case["target"], case["out"], "weight"))
    for batch, theirs in zip(batches(), case[kind], strict=True):
        metric.update_state(T[batch], out[batch], weight[batch] if kind == "weighted" else None)
        ours = metric.result()
        assert type(ours) in (float, np.ndarray)
        np.testing.assert_allclose(ours, theirs, tolerance, tolerance / 10)


def all_rows(metric, target, out, kind):
    weight = array("weight", "float64") if kind == "weighted" else None
    return metric(array(target, "float64"), array(out, "float64"), weight)


SCIKIT_LEARN = {
    "BalancedAccuracy": (mlp.metrics.BalancedAccuracy, {}, ("labels", "softmax")),
    "BalancedAccuracy binary": (mlp.metrics.BalancedAccuracy, {}, ("yes", "chance")),
    "MatthewsCorrelation": (mlp.metrics.MatthewsCorrelation, {}, ("one_hot", "softmax")),
    "MatthewsCorrelation binary": (mlp.metrics.MatthewsCorrelation, {}, ("yes", "chance")),
    "CohenKappa None": (mlp.metrics.CohenKappa, {}, ("labels", "softmax")),
    "CohenKappa linear": (mlp.metrics.CohenKappa, {"weights": "linear"}, ("labels", "softmax")),
    "CohenKappa quadratic": (mlp.metrics.CohenKappa, {"weights": "quadratic"}, ("one_hot", "softmax")),
    "BrierScore binary": (mlp.metrics.BrierScore, {}, ("yes", "chance")),
    "MeanPinballLoss": (mlp.metrics.MeanPinballLoss, {"quantiles": 0.1}, ("number", "guess")),
    "R2Score": (mlp.metrics.R2Score, {}, ("number", "guess")),
    "AUC exact": (mlp.metrics.AUC, {"num_thresholds": None}, ("yes", "chance")),
    "AUC multi_label": (
        mlp.metrics.AUC,
        {"num_thresholds": None, "multi_label": True},
        ("yes_no", "outputs"),
    ),
    "F1Score": (mlp.metrics.F1Score, {}, ("labels", "softmax")),
    "F1Score weighted": (mlp.metrics.F1Score, {"average": "weighted"}, ("one_hot", "softmax")),
    "FBetaScore macro": (mlp.metrics.FBetaScore, {"average": "macro", "beta": 2}, ("labels", "softmax")),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SCIKIT_LEARN)
def test_metric_as_in_scikit_learn(name, kind):
    part, options, data = SCIKIT_LEARN[name]
    theirs = GOLDEN["scikit_learn"][kind][name]
    np.testing.assert_allclose(all_rows(part(**options), *data, kind), theirs, 1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_brier_score_of_several_classes_as_in_scikit_learn(kind):
    softmax = array("softmax", "float64")
    softmax /= softmax.sum(axis=1, keepdims=True)
    weight = array("weight", "float64") if kind == "weighted" else None
    ours = mlp.metrics.BrierScore()(array("labels", "float64"), softmax, weight)
    assert ours == pytest.approx(GOLDEN["scikit_learn"][kind]["BrierScore"], rel=1e-12)


@pytest.mark.parametrize("name", GOLDEN["at_once"])
def test_correlation_over_the_rows(name):
    """Keras's axis=0 is right for a single batch; ours for any."""
    metric = getattr(mlp.metrics, name)(axis=0)
    T, out = (array(key, "float64") for key in ("numbers", "guesses"))
    for batch in batches():
        metric.update_state(T[batch], out[batch])
    assert metric.result() == pytest.approx(GOLDEN["at_once"][name], rel=1e-7)


@pytest.mark.parametrize("name", GOLDEN["functions"])
def test_function_forms(name):
    case = GOLDEN["functions"][name]
    T, out = (array(case[key], "float64") for key in ("target", "out"))
    ours = getattr(mlp.metrics, name)(T, out, **case["options"])
    assert np.shape(ours) == np.shape(case["values"])
    np.testing.assert_allclose(ours, case["values"], 1e-9)
