"""The kinds of targets: what outputs and predictions are worth, and what is learned of y."""

import numpy as np
import pytest
from scipy.special import expit

from mlp.tabular import Recipe, TabularRegressor
from mlp.tabular.judging import judge_of
from mlp.tabular.targets import Classes, Labels, Numbers


def test_the_error_of_numbers_is_that_of_what_is_predicted():
    y = np.array([0.0, 10.0])
    for clamp, expected in ((False, 2.0), (True, 0.0)):
        target = Numbers(clamp)
        T = target.fit(y)
        out = T + np.array([[-2.0], [2.0]])
        assert target.error(out, T, None) == pytest.approx(expected)
        assert target.predictions(out)[:, 0].tolist() == ([0, 10] if clamp else [-10, 20])
        assert target.value(out, T, None) == pytest.approx(4)  # so that there is always a slope


def test_no_probability_of_0_decides_what_a_mixture_is_worth():
    target = Classes()
    T = target.fit(["a", "b"])
    value = target.mixed_value(np.array([[1.0, 0.0], [1.0, 0.0]]), T, None)
    assert value == pytest.approx(-np.log(1e-9) / 2)


def test_temperatures_divide_logits():
    out = np.array([[2.0, -4.0]], np.float32)
    labels = Labels()
    labels.fit(np.array([[1, 0], [0, 1]]))
    np.testing.assert_allclose(labels.predictions(out, 2.0), expit([[1.0, -2.0]]), rtol=1e-6)
    classes = Classes()
    classes.fit([0, 1])
    np.testing.assert_allclose(classes.predictions(out, 2.0)[:, 0], expit([3.0]), rtol=1e-6)


@pytest.mark.parametrize("target", [Classes(), Labels()], ids=["classes", "labels"])
def test_predictions_are_worth_what_their_logits_are(target):
    rng = np.random.default_rng(0)
    y = np.array([0, 1, 2, 1]) if isinstance(target, Classes) else np.array([[1, 0], [0, 1], [1, 1], [0, 0]])
    T = target.fit(y)
    out = rng.normal(size=(4, target.units))
    for weight in (None, np.array([1.0, 2.0, 0.0, 3.0])):
        mixed = target.mixed_value(target.predictions(out), T, weight)
        assert mixed == pytest.approx(target.value(out, T, weight), rel=1e-6)


def test_numbers_of_no_weight_are_not_in_the_range():
    target = Numbers(clamp=True)
    target.fit(np.array([-1e6, 1.0, 3.0, np.nan]), np.array([0.0, 1.0, 3.0, 1.0]))
    assert (target.lowest, target.highest) == (1.0, 3.0)
    assert target.mean == pytest.approx(2.5)
    assert target.scale == pytest.approx(np.sqrt((1.5**2 + 3 * 0.5**2) / 4))


def test_columns_count_alike_however_many_of_their_rows_are_known():
    target = Numbers()
    target.fit(np.array([[0.0, 0.0], [1.0, 1.0]]))
    T = np.array([[0.0, 0.0], [0.0, np.nan], [0.0, np.nan], [0.0, np.nan]])
    out = np.array([[1.0, 4.0], [1.0, 9.0], [1.0, 9.0], [3.0, 9.0]])
    # (1 + 1 + 1 + 9)/4 = 3 and 16
    assert target.value(out, T, None) == pytest.approx(9.5)
    assert target.value(out, T, np.array([0.0, 1.0, 1.0, 2.0])) == pytest.approx(5)  # (1 + 1 + 18)/4 alone


@pytest.mark.parametrize(
    ("scoring", "judged_by", "measure"),
    [
        (None, "error", "error"),
        (None, "loss", "value"),
        ("loss", "error", "value"),
        ("loss", "loss", "value"),
    ],
)
def test_epochs_are_judged_by_the_recipe_unless_scoring_says_otherwise(scoring, judged_by, measure):
    target = Numbers()
    judge = judge_of(TabularRegressor(scoring=scoring), Recipe(judged_by=judged_by), target)
    assert judge == getattr(target, measure)
