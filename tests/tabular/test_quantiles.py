"""Quantiles of a regressor: their loss, their order, and what is asked of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import mean_pinball_loss

from mlp import losses
from mlp.errors import ArgumentError
from mlp.tabular import Recipe, TabularRegressor, targets
from mlp.tabular.quantiles import KINDS, Quantiles

SMALL = {
    "preset": "td-s", "n_folds": 5, "hidden_layer_sizes": (16,), "epochs": 12, "batch_size": 32,
    "random_state": 0, "n_threads": 1,
}  # fmt: skip
NUMBERS = st.floats(-1e6, 1e6, width=32)


def fitted(levels, y):
    target = Quantiles(levels)
    return target, target.fit(np.asarray(y, dtype=float))


@settings(deadline=None)
@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 6), st.just(6)), elements=NUMBERS))
def test_they_never_fall(out):
    target, _ = fitted((0.1, 0.5, 0.9), [[0.0, 5.0], [1.0, -3.0], [9.0, 0.0]])
    predictions = target.predictions(out)
    made = target.by_level(predictions)
    assert made.shape == (len(out), 2, 3)
    assert (np.diff(made) >= 0).all()
    assert made[:, 1].min() == pytest.approx(out[:, 3:].min() * target.numbers.scale[1] + 2 / 3, rel=1e-5)
    mean = (0.3 * made + 0.7 * target.by_level(target.predictions(out[::-1]))) / 1.0
    assert (np.diff(mean) >= 0).all()


@settings(deadline=None)
@given(
    hnp.arrays(np.float64, (5, 3), elements=st.floats(-3, 3)),
    hnp.arrays(np.float64, (5, 1), elements=st.floats(-3, 3)),
)
def test_the_value_is_the_pinball_loss_of_the_sorted(out, T):
    levels = (0.2, 0.5, 0.7)
    target, _ = fitted(levels, [0.0, 1.0])
    rising = np.sort(out, axis=1)
    theirs = np.mean([mean_pinball_loss(T, rising[:, [k]], alpha=q) for k, q in enumerate(levels)])
    assert target.value(out, T, None) == pytest.approx(theirs)
    assert target.value(out, T, None) <= losses.Quantile(levels)(T, out) + 1e-6


def test_the_value_with_weights_and_gaps():
    target, _ = fitted((0.25, 0.75), [[0.0, 0.0], [1.0, 2.0]])
    T = np.array([[0.0, 1.0], [2.0, np.nan], [np.nan, np.nan]])
    out = np.zeros((3, 4))
    # of the first column: pinball 0 and (0.5 + 1.5) / 2 = 1, with weights 1 and 3; of the second 0.5
    assert target.value(out, T, np.array([1.0, 3.0, 7.0])) == pytest.approx((0.75 + 0.5) / 2)
    assert target.error(out, T, None) == target.value(out, T, None) == pytest.approx((0.5 + 0.5) / 2)


def test_the_value_of_predictions_is_that_of_outputs():
    target, T = fitted((0.2, 0.8), [[0.0, 9.0], [1.0, 7.0], [5.0, 1.0]])
    out = np.random.default_rng(0).normal(size=(3, 4))
    assert target.mixed_value(target.predictions(out), T, None) == pytest.approx(target.value(out, T, None))


def test_predictions_stay_in_the_range_that_was_seen():
    target = Quantiles((0.1, 0.9), clamp=True)
    target.fit(np.array([0.0, 10.0]))
    assert target.predictions(np.array([[99.0, -99.0]])).tolist() == [[0.0, 10.0]]


@pytest.mark.parametrize(
    ("levels", "nearest"),
    [((0.1, 0.5, 0.9), 1), ((0.9,), 0), ((0.4, 0.6), 0), ((0.1, 0.45), 1), ((0.05, 0.3, 0.52, 0.9), 2)],
)
def test_the_answer_is_the_quantile_nearest_to_the_median(levels, nearest):
    target, _ = fitted(levels, [0.0, 2.0])
    predictions = np.arange(2.0 * len(levels)).reshape(2, -1)
    assert target.answers(predictions).tolist() == predictions[:, nearest].tolist()


def test_a_regressor_learns_them():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(1200, 1))
    y = 100 + 10 * rng.normal(size=1200) * (1 + X[:, 0])
    model = TabularRegressor(quantiles=(0.1, 0.5, 0.9), **SMALL).fit(X[:600], y[:600])
    made = model.predict_quantiles(X)
    assert made.shape == (1200, 3)
    assert (np.diff(made) >= 0).all()
    assert (y[600:, None] < made[600:]).mean(axis=0) == pytest.approx([0.1, 0.5, 0.9], abs=0.06)
    assert np.corrcoef(made[:, 2] - made[:, 0], X[:, 0])[0, 1] > 0.9
    assert np.array_equal(model.predict(X), made[:, 1])
    assert model.member_predictions(X).shape == (5, 1200, 3)
    assert model.oof_predictions_.shape == model.oof_residuals_.shape == (600, 3)


def test_one_high_quantile():
    rng = np.random.default_rng(0)
    X, y = rng.uniform(size=(400, 1)), rng.exponential(size=400)
    model = TabularRegressor(quantiles=[0.8], **SMALL).fit(X, y)
    assert np.mean(y < model.predict(X)) == pytest.approx(0.8, abs=0.06)
    low, high = model.predict_interval(X, 0.9).T  # there is one only: that ± a margin
    assert (low + high) / 2 == pytest.approx(model.predict(X))


def test_both_engines_learn_the_same_with_gaps():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), rng.normal(size=(40, 2))
    y[::5, 1] = np.nan
    made = [
        TabularRegressor(quantiles=(0.2, 0.8), engine=engine, **SMALL | {"epochs": 2})
        .fit(X, y)
        .predict_quantiles(X)
        for engine in ("numba", "numpy")
    ]
    assert made[0].shape == (40, 2, 2)
    assert made[0] == pytest.approx(made[1], abs=1e-3)


def test_the_loss():
    target, _ = fitted((0.2, 0.8), [0.0, 1.0])
    assert repr(target.loss(Recipe())) == repr(losses.Quantile([0.2, 0.8]))
    target, _ = fitted((0.2, 0.8), [[0.0, 1.0], [1.0, np.nan]])
    assert isinstance(target.loss(Recipe()), losses.Masked)


@pytest.mark.parametrize(
    ("quantiles", "message"),
    [
        (0.5, "quantiles must be a sequence"), ([], "quantiles must be a sequence"),
        ([0.5, 0.1], "quantiles must rise"), ([0.1, 0.1], "quantiles must rise"),
        ([0.0, 0.5], r"quantiles must be a number in \(0, 1\); got 0"), ([0.5, 1], r"in \(0, 1\); got 1"),
        (["low"], r"in \(0, 1\); got 'low'"), ([np.nan], r"in \(0, 1\); got nan"), ("median", "quantiles"),
        ([[0.1, 0.9]], r"in \(0, 1\)"),
    ],
)  # fmt: skip
def test_they_are_checked_before_anything_is_learned(quantiles, message):
    model = TabularRegressor(**SMALL).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])
    before = model.predict([[1.0]])
    with pytest.raises(ValueError, match=message):
        model.set_params(quantiles=quantiles).fit([[0.0], [1.0], [2.0]], [9.0, 9.0, 8.0])
    assert model.predict([[1.0]]) == before


def test_a_regressor_without_quantiles_has_none():
    model = TabularRegressor(**SMALL).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])
    with pytest.raises(ArgumentError, match=r"predict_quantiles needs a fit with quantiles: Tab"):
        model.predict_quantiles([[1.0]])


def test_its_configuration_comes_back():
    target, _ = fitted((0.1, 0.9), [[0.0, 1.0], [5.0, np.nan]])
    again = targets.from_config(target.get_config(), KINDS)
    out = np.array([[0.5, 0.1, 3.0, 1.0]])
    assert np.array_equal(again.predictions(out), target.predictions(out))
    assert again.numbers.has_gaps


@pytest.mark.parametrize(
    "change",
    [{"levels": [0.9, 0.1]}, {"units": 3}, {"numbers": None}, {"numbers": {"kind": "labels", "units": 1}}],
)
def test_a_wrong_configuration(change):
    target, _ = fitted((0.1, 0.9), [0.0, 1.0])
    with pytest.raises(ArgumentError):
        targets.from_config(target.get_config() | change, KINDS)
