"""Intervals of a regressor: the margin by hand, what share they hold, where they are wide."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from mlp.errors import ArgumentError, ModelFileError
from mlp.tabular import TabularRegressor, load, storing
from mlp.tabular.intervals import intervals, margin
from mlp.tabular.quantiles import Quantiles
from mlp.tabular.targets import Numbers

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
SMALL = {
    "preset": "td-s", "n_folds": 5, "hidden_layer_sizes": (16,), "epochs": 12, "batch_size": 32,
    "random_state": 0, "n_threads": 1,
}  # fmt: skip


def data(n, seed, spread):
    """Numbers whose spread is one of x."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n, 2))
    return X, X[:, 1] + spread(X[:, 0]) * rng.normal(size=n)


def even(x):
    return np.full_like(x, 0.5)


def uneven(x):
    return 0.05 + np.abs(x)


@pytest.fixture(scope="module")
def plain():
    return TabularRegressor(**SMALL).fit(*data(800, 0, even))


@pytest.fixture(scope="module")
def plain_uneven():
    return TabularRegressor(**SMALL).fit(*data(800, 0, uneven))


@pytest.fixture(scope="module")
def with_quantiles():
    return TabularRegressor(quantiles=LEVELS, **SMALL).fit(*data(800, 0, uneven))


# the margin


def test_margin_by_hand():
    scores = np.array([5.0, 1.0, 4.0, 2.0, 3.0, 9.0, 7.0, 6.0, 8.0])
    # ⌈10 · 0.9⌉ = 9, ⌈10 · 0.81⌉ = 9, ⌈10 · 0.8⌉ = 8, ⌈10 · 0.01⌉ = 1
    assert [margin(scores, coverage) for coverage in (0.9, 0.81, 0.8, 0.01)] == [9, 9, 8, 1]


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 99))
def test_margin_is_the_score_of_that_rank(n, percent):
    scores = np.random.default_rng(n).permutation(n) + 1.0
    rank = -(-(n + 1) * percent // 100)
    if rank > n:
        least = -(-percent // (100 - percent))
        with pytest.raises(ArgumentError, match=f"at least {least} rows .*there are {n}"):
            margin(scores, percent / 100)
    else:
        assert margin(scores, percent / 100) == rank
        assert margin(scores, percent / 100, np.full(n, 0.3)) == rank


def test_margin_with_weights_by_hand():
    scores, weight = np.array([1.0, 2.0, 3.0, 99.0]), np.array([1.0, 4.0, 1.0, 0.0])
    # the mean is 2, and that of the new row: of 6 + 2 a half is 4, reached at 1 + 4; 0.7 is 5.6, at all
    assert margin(scores, 0.5, weight) == 2.0
    assert margin(scores, 0.7, weight) == 3.0
    with pytest.raises(ArgumentError, match=r"at least 4 rows .* there are 3"):
        margin(scores, 0.8, weight)


def test_a_row_of_weight_0_is_no_row():
    scores = np.random.default_rng(0).normal(size=40)
    weight = np.repeat([2.0, 0.0], 20)
    assert margin(scores, 0.9, weight) == margin(scores[:20], 0.9)


def test_interval_of_quantiles_by_hand():
    target = Quantiles((0.1, 0.5, 0.9))
    predictions = np.array([[0.0, 1.0, 2.0], [0.0, 1.0, 8.0]])
    residuals = np.array([[1.0, 0, -1], [2.0, 1, -3], [-2.0, 0, -4], [4.0, 3, 2.5]])
    # scores max(l − y, y − u): −1, −2, 2, 2.5; ⌈5 · 0.6⌉ = 3: the margin is 2; ⌈5 · 0.4⌉ = 2: it is −1
    assert intervals(target, predictions, residuals, None, 0.6)[:, 0].tolist() == [[-2, 4], [-2, 10]]
    # the ends of the first row meet
    assert intervals(target, predictions, residuals, None, 0.4)[:, 0].tolist() == [[1, 1], [1, 7]]
    # here they would cross, and meet halfway
    assert intervals(target, np.array([[0.0, 1.0, 1.5]]), residuals, None, 0.4).tolist() == [[[0.75, 0.75]]]


def test_the_quantiles_nearest_to_the_ends_are_taken():
    target, wide = Quantiles(LEVELS), np.arange(5.0)[None]
    residuals = np.zeros((30, 5))
    for coverage, ends in ((0.9, [0, 4]), (0.95, [0, 4]), (0.75, [0, 4]), (0.7, [0, 4]), (0.5, [1, 3])):
        assert intervals(target, wide, residuals, None, coverage).tolist() == [[ends]]
    assert target.nearest(0.5) == 2


def test_gaps_count_for_nothing():
    residuals = np.array([[1.0, np.nan], [-3.0, 4.0], [np.nan, 5.0], [2.0, np.nan]])
    ends = intervals(Numbers(), np.zeros((1, 2)), residuals, None, 0.6)
    assert ends.tolist() == [[[-3, 3], [-5, 5]]]  # ⌈4 · 0.6⌉ = 3 of three, ⌈3 · 0.6⌉ = 2 of two


# what they hold


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("name", ["plain", "plain_uneven", "with_quantiles"])
def test_share_on_new_rows(name, coverage, request):
    model = request.getfixturevalue(name)
    X, y = data(4000, 1, even if name == "plain" else uneven)
    low, high = model.predict_interval(X, coverage).T
    share = np.mean((low <= y) & (y <= high))
    # 3.5 standard deviations: of 800 rows that set the margin, and of 4000 that are counted
    assert abs(share - coverage) < 3.5 * np.sqrt(coverage * (1 - coverage) * (1 / 800 + 1 / 4000))


def test_quantiles_make_intervals_that_are_wide_where_the_numbers_vary(with_quantiles, plain_uneven):
    X, y = data(4000, 1, uneven)
    calm = np.abs(X[:, 0]) < 0.2
    widths = {}
    for model in (with_quantiles, plain_uneven):
        low, high = model.predict_interval(X, 0.9).T
        held = (low <= y) & (y <= high)
        widths[model] = high - low
        shares = held[calm].mean(), held[~calm].mean()
        if model is with_quantiles:
            assert min(shares) > 0.85
        else:  # the same width everywhere holds too many here and too few there
            assert shares[0] > 0.99
            assert shares[1] < 0.9
            assert np.ptp(widths[model]) < 1e-9
    assert widths[with_quantiles].mean() < 0.95 * widths[plain_uneven].mean()
    assert widths[with_quantiles][calm].mean() < 0.5 * widths[with_quantiles][~calm].mean()


def test_more_coverage_is_wider(plain, with_quantiles):
    X = data(50, 2, even)[0]
    for model in (plain, with_quantiles):
        widths = [np.diff(model.predict_interval(X, coverage))[:, 0] for coverage in (0.5, 0.9, 0.98)]
        assert (widths[0] < widths[1]).all()
        assert (widths[1] < widths[2]).all()


def test_the_margin_is_that_of_the_rows_held_out(plain):
    X, y = data(800, 0, even)
    assert plain.oof_residuals_[:, 0] == pytest.approx(y - plain.oof_predictions_[:, 0], abs=1e-6)
    low, high = plain.predict_interval(X, 0.9).T
    errors = np.sort(np.abs(plain.oof_residuals_[:, 0]))
    assert (high - low) / 2 == pytest.approx(errors[720])  # ⌈801 · 0.9⌉ = 721
    assert (high + low) / 2 == pytest.approx(plain.predict(X))


def test_without_folds_only_the_rows_held_out_count():
    X, y = data(100, 0, even)
    model = TabularRegressor(**SMALL | {"n_folds": 1}).fit(X, y)
    assert np.isfinite(model.oof_residuals_).sum() == 20
    errors = np.sort(np.abs(model.oof_residuals_[np.isfinite(model.oof_residuals_)]))
    assert np.diff(model.predict_interval(X[:1], 0.9))[0, 0] / 2 == pytest.approx(errors[18])
    with pytest.raises(ArgumentError, match=r"coverage=0.97 needs .* at least 33 .*; there are 20"):
        model.predict_interval(X, 0.97)


def test_weights_of_rows_count():
    X, y = data(300, 0, even)
    noisy = np.arange(300) % 2 == 0
    y = np.where(noisy, y + 50 * np.sign(y), y)
    weight = np.where(noisy, 0.0, 1.0)
    model = TabularRegressor(**SMALL).fit(X, y, sample_weight=weight)
    ends = model.predict_interval(X, 0.9)
    assert np.diff(ends).max() < 5
    assert np.mean((ends[:, 0] <= y) & (y <= ends[:, 1])) < 0.6


# several numbers, gaps


@pytest.mark.parametrize("quantiles", [None, (0.1, 0.5, 0.9)])
def test_several_numbers_some_not_known(quantiles):
    X, y = data(200, 0, even)
    T = np.stack([y, 1000 + 100 * y], axis=1)
    T[::4, 0], T[::7, 1] = np.nan, np.nan
    model = TabularRegressor(quantiles=quantiles, **SMALL).fit(X, T)
    ends = model.predict_interval(X, 0.8)
    assert ends.shape == (200, 2, 2)
    inside = (ends[..., 0] <= T) & (ends[..., 1] >= T)
    shares = inside.sum(axis=0) / (~np.isnan(T)).sum(axis=0)
    assert (np.abs(shares - 0.8) < 0.12).all()
    assert np.array_equal(np.isnan(model.oof_residuals_), np.isnan(T).repeat(3 if quantiles else 1, axis=1))


# at the door


@pytest.mark.parametrize("coverage", [0, 1, 1.5, -0.1, "much", None, np.nan, True])
def test_coverage_is_checked(plain, coverage):
    with pytest.raises(ArgumentError, match=r"coverage must be a number in \(0, 1\)"):
        plain.predict_interval([[0.0, 0.0]], coverage)


def test_before_fit():
    for method in ("predict_interval", "predict_quantiles"):
        with pytest.raises(NotFittedError):
            getattr(TabularRegressor(quantiles=LEVELS), method)([[0.0]])


# files


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("quantiles", [None, LEVELS])
def test_a_file_keeps_the_intervals(tmp_path, quantiles, weighted):
    X, y = data(80, 0, uneven)
    weight = 1.0 + X[:, 0] if weighted else None
    model = TabularRegressor(quantiles=quantiles, **SMALL).fit(X, y, weight)
    model.save(tmp_path / "model.mlp")
    read = load(tmp_path / "model.mlp")
    for coverage in (0.3, 0.9):
        assert np.array_equal(read.predict_interval(X, coverage), model.predict_interval(X, coverage))
    if quantiles:
        assert np.array_equal(read.predict_quantiles(X), model.predict_quantiles(X))
        assert tuple(read.quantiles) == quantiles


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("oof_residuals_", np.zeros((80, 2))), ("oof_residuals_", np.zeros(80)),
        ("oof_residuals_", "none"), ("oof_weights_", np.ones(3)), ("oof_weights_", 1.0),
    ],
)  # fmt: skip
def test_a_file_with_wrong_residuals(tmp_path, plain, name, value):
    right = getattr(plain, name)
    try:
        setattr(plain, name, value)
        storing.save(plain, tmp_path / "model.mlp")
    finally:
        setattr(plain, name, right)
    with pytest.raises(ModelFileError, match=f"cannot be rebuilt|can be rebuilt: {name} must be"):
        load(tmp_path / "model.mlp")


def test_nothing_is_warned_of(with_quantiles):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with_quantiles.predict_interval(data(5, 0, even)[0], 0.99)
