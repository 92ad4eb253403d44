"""SmoothRobustScaler: values by hand, what is missing or infinite, and what holds for any numbers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import RobustScaler

from mlp.errors import ArgumentError
from mlp.tabular.scaling import SmoothRobustScaler, statistics, statistics_of_counts

ANY = st.floats(allow_nan=True, allow_infinity=True)


def limited(z, clip=3.0):
    return z / np.sqrt(1 + (np.asarray(z) / clip) ** 2)


def test_values_by_hand():
    X = np.array([[1.0], [2.0], [3.0], [4.0], [9.0]])  # quartiles 2, 3 and 4
    scaler = SmoothRobustScaler().fit(X)
    assert (scaler.center_.tolist(), scaler.scale_.tolist()) == ([3.0], [0.5])
    np.testing.assert_allclose(scaler.transform(X).ravel(), limited([-1, -0.5, 0, 0.5, 3]), rtol=1e-15)
    assert scaler.transform([[9.0]])[0, 0] == pytest.approx(3 / np.sqrt(2))


def test_half_of_the_range_where_the_quartiles_are_equal():
    X = np.array([[0.0]] * 9 + [[1.0]])
    scaled = SmoothRobustScaler().fit_transform(X)
    assert scaled[0, 0] == 0
    assert scaled[-1, 0] == pytest.approx(1.6641, abs=1e-4)  # 2 / √(1 + 4/9)


def test_a_constant_column_is_zero():
    scaler = SmoothRobustScaler().fit([[7.0], [7.0]])
    assert scaler.scale_ == 0
    assert scaler.transform([[7.0], [1e9], [np.nan]]).ravel().tolist()[:2] == [0, 0]


def test_quantiles_are_scikit_learns():
    X = np.random.default_rng(0).normal(size=(101, 4)) ** 3
    X[::7, 1] = np.nan
    theirs = RobustScaler().fit(X)
    ours = SmoothRobustScaler(clip=None).fit(X)
    np.testing.assert_allclose(ours.center_, theirs.center_, rtol=1e-14)
    np.testing.assert_allclose(1 / ours.scale_, theirs.scale_, rtol=1e-14)
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X), rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_type_is_kept(dtype):
    X = np.array([[1.0, 5.0], [2.0, 7.0], [4.0, 6.0]], dtype)
    assert SmoothRobustScaler().fit_transform(X).dtype == dtype
    assert SmoothRobustScaler().fit_transform(X.astype(int)).dtype == "float64"


def test_missing_and_infinite_values():
    X = np.array([[1.0], [2.0], [3.0], [np.nan], [np.inf], [-np.inf]])
    scaler = SmoothRobustScaler().fit(X)
    assert scaler.center_ == 2
    assert scaler.scale_ == 1
    np.testing.assert_allclose(scaler.transform(X).ravel(), [*limited([-1, 0, 1]), np.nan, 3, -3])
    free = SmoothRobustScaler(clip=None).fit_transform(X)
    np.testing.assert_array_equal(free.ravel(), [-1, 0, 1, np.nan, np.inf, -np.inf])


def test_columns_without_a_finite_value():
    scaler = SmoothRobustScaler().fit([[np.nan, np.inf], [np.nan, -np.inf]])
    assert scaler.center_.tolist() == scaler.scale_.tolist() == [0, 0]
    np.testing.assert_array_equal(scaler.transform([[5.0, 5.0], [np.nan, np.inf]]), [[0, 0], [np.nan, 3]])


def test_numbers_as_large_as_they_come():
    X = np.array([[-1.7e308], [0.0], [1.7e308], [1e299]])
    scaled = SmoothRobustScaler().fit_transform(X).ravel()
    assert np.isfinite(scaled).all()
    assert (np.argsort(scaled) == [0, 1, 3, 2]).all()
    tiny = SmoothRobustScaler().fit_transform([[0.0], [5e-324], [1e-323]])
    assert np.isfinite(tiny).all()


def test_many_rows_at_once_are_as_few():
    X = np.random.default_rng(0).normal(size=(3000, 400))  # more than are scaled at once
    scaler = SmoothRobustScaler().fit(X)
    np.testing.assert_array_equal(scaler.transform(X)[2990:], scaler.transform(X[2990:]))


def test_the_data_stay_as_they_are():
    X = np.random.default_rng(0).normal(size=(20, 3))
    kept = X.copy()
    SmoothRobustScaler().fit_transform(X)
    np.testing.assert_array_equal(X, kept)


def test_names():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0]})
    assert SmoothRobustScaler().fit(frame).get_feature_names_out().tolist() == ["a", "b"]


@pytest.mark.parametrize("clip", [0, -1.0, np.nan, "3", True])
def test_a_wrong_limit(clip):
    with pytest.raises(ArgumentError, match="clip must be a number in"):
        SmoothRobustScaler(clip).fit([[1.0]])


@given(arrays(float, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=ANY))
def test_no_value_is_beyond_the_limit_and_the_order_stays(X):
    scaled = SmoothRobustScaler().fit_transform(X)
    assert (np.isnan(scaled) == np.isnan(X)).all()
    assert (np.abs(scaled[~np.isnan(scaled)]) <= 3).all()
    for before, after in zip(X.T, scaled.T, strict=True):
        kept = after[~np.isnan(after)][np.argsort(before[~np.isnan(before)])]
        assert (np.diff(kept) >= 0).all() or not np.isfinite(before).all()


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=40))
def test_statistics_of_counts_are_those_of_the_column(values):
    column = np.array(values)[:, None]
    levels = np.array([[-1.0], [0.0], [1.0]])
    found = statistics_of_counts(levels, (column == levels.T).sum(axis=0)[:, None])
    for ours, theirs in zip(found, statistics(column), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@given(st.permutations(range(9)))
def test_the_order_of_rows_does_not_matter(order):
    X = np.random.default_rng(0).normal(size=(9, 2))
    for ours, theirs in zip(statistics(X[order]), statistics(X), strict=True):
        np.testing.assert_array_equal(ours, theirs)
