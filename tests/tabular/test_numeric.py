"""The further columns for numbers: bins passed, normal scores, and what a file holds of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from mlp.errors import ArgumentError
from mlp.tabular.numeric import NumericEncodings, PiecewiseLinearEncoder

rng = np.random.default_rng(0)
Z = rng.normal(size=(200, 3)).astype(np.float32)


def test_a_number_in_the_middle_of_its_bin_by_hand():
    encoder = PiecewiseLinearEncoder(2).fit(np.array([[0.0], [1.0], [2.0], [6.0], [10.0]]))
    np.testing.assert_array_equal(encoder.edges_, [0, 2])
    np.testing.assert_array_equal(encoder.widths_, [2, 8])
    means = np.array([(0 + 0.5 + 1 + 1 + 1) / 5, (0 + 0 + 0 + 0.5 + 1) / 5])
    made = encoder.transform(np.array([[-5.0], [1.0], [4.0], [99.0]]))
    np.testing.assert_allclose(made, 2 * (np.array([[0, 0], [0.5, 0], [1, 0.25], [1, 1]]) - means))


def test_the_shares_of_a_column_add_up_to_its_place():
    encoder = PiecewiseLinearEncoder(8).fit(Z)
    made = encoder.transform(Z) / 2 + encoder.means_
    for column in range(3):
        own = encoder.sources_ == column
        np.testing.assert_allclose(
            (made[:, own] * encoder.widths_[own]).sum(axis=1), Z[:, column] - Z[:, column].min(), atol=1e-5
        )


def test_few_different_values_are_all_ends_and_one_gets_no_column():
    x = np.column_stack([rng.integers(0, 5, 100), np.ones(100), rng.integers(0, 2, 100)]).astype(float)
    encoder = PiecewiseLinearEncoder(16).fit(x)
    np.testing.assert_array_equal(encoder.sources_, [0, 0, 0, 0])
    np.testing.assert_array_equal(encoder.edges_, [0, 1, 2, 3])


def test_a_value_that_most_rows_have_leaves_the_bins_to_the_others():
    x = np.concatenate([np.zeros(900), rng.uniform(1, 2, 100)])[:, np.newaxis]
    encoder = PiecewiseLinearEncoder(16).fit(x)
    assert len(encoder.edges_) >= 12
    assert encoder.edges_[1] >= 1


@given(st.integers(1, 20), st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=50))
def test_shares_rise_with_the_number_and_are_centred(bins, values):
    x = np.array(values)[:, np.newaxis]
    made = PiecewiseLinearEncoder(bins).fit_transform(x)
    assert (np.diff(made[np.argsort(x[:, 0])], axis=0) >= 0).all()
    np.testing.assert_allclose(made.mean(axis=0), 0, atol=1e-9)


def test_each_encoding_adds_its_columns():
    encodings = NumericEncodings(["robust", "quantile", "piecewise"]).fit(Z)
    assert encodings.widths == {"robust": 0, "quantile": 3, "piecewise": 48}
    scores = encodings.columns("quantile", Z)
    assert scores.dtype == np.float32
    ranks = (Z[:, 0].argsort().argsort() + 0.5) / len(Z)
    inner = (ranks > 0.1) & (ranks < 0.9)
    np.testing.assert_allclose(scores[inner, 0], 0.7 * norm.ppf(ranks[inner]), atol=0.1)
    assert np.abs(scores).max() <= np.float32(2.1)


def test_normal_scores_are_those_of_scikit_learn():
    lumps = np.concatenate([np.zeros(120), rng.normal(size=80)])
    X = np.column_stack([Z, lumps, rng.integers(0, 5, 200)]).astype(np.float32)
    encodings = NumericEncodings(["quantile"]).fit(X)
    rows = np.concatenate([X, X.min(axis=0, keepdims=True) - 1, X.max(axis=0, keepdims=True) + 1])
    ours, theirs = encodings.columns("quantile", rows), encodings.scores.transform(rows)
    largest = rows == X.max(axis=0)  # theirs is an end only where rounding has left it equal to the quantile
    np.testing.assert_allclose(ours[~largest], 0.7 * np.clip(theirs, -3, 3)[~largest], rtol=1e-5, atol=2e-6)
    np.testing.assert_array_equal(ours[largest], np.float32(2.1))


def test_without_numbers_one_kind_is_left():
    assert NumericEncodings(["robust", "piecewise"]).fit(np.empty((5, 0), np.float32)).names == ("robust",)


@pytest.mark.parametrize("names", [["robust", "quantile", "piecewise"], ["piecewise"], ["robust"]])
def test_a_configuration_makes_the_same_to_the_bit(names):
    encodings = NumericEncodings(names).fit(Z)
    again = NumericEncodings.from_config(encodings.get_config(), 3)
    for name in names:
        np.testing.assert_array_equal(again.columns(name, Z), encodings.columns(name, Z))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("names", lambda config: config.update(names=["robust", "spline"])),
        ("names", lambda config: config.update(names="robust")),
        ("quantiles", lambda config: config.update(quantiles=np.zeros((3, 2)))),
        ("quantiles", lambda config: config.update(quantiles=np.full((3, 3), np.nan))),
        ("pieces", lambda config: config["pieces"].update(sources_=np.array([9] * 48))),
        ("pieces", lambda config: config["pieces"].update(widths_=np.zeros(48))),
        ("widths", lambda config: config.update(widths={"robust": 1})),
    ],
)
def test_a_wrong_configuration_is_refused(name, change):
    config = NumericEncodings(["robust", "quantile", "piecewise"]).fit(Z).get_config()
    change(config)
    with pytest.raises(ArgumentError):
        NumericEncodings.from_config(config, 3)


@pytest.mark.parametrize("names", [[], ["robust", "robust"], ["none"]])
def test_unknown_encodings_are_named(names):
    with pytest.raises(ArgumentError, match="encodings"):
        NumericEncodings(names)


@pytest.mark.parametrize("bins", [0, 1.5, "many"])
def test_bins_are_counted(bins):
    with pytest.raises(ArgumentError, match="n_bins"):
        PiecewiseLinearEncoder(bins).fit(Z)


def test_wide_tables_get_fewer_bins_for_each_number():
    wide = rng.normal(size=(60, 100))
    assert NumericEncodings(["piecewise"]).fit(Z).widths == {"piecewise": 3 * 16}
    assert NumericEncodings(["piecewise"]).fit(wide).widths == {"piecewise": 100 * 5}
