"""TablePreprocessor: what becomes of each kind of column, and what is left out."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from mlp.errors import ArgumentError
from mlp.tabular.encoding import SignedOneHotEncoder
from mlp.tabular.preprocessing import TablePreprocessor
from mlp.tabular.scaling import SmoothRobustScaler

CITIES = ["Roma", "Bari", "Pisa", "Roma", "Bari", "Roma"]


def frame(rows=6):
    repeated = np.arange(rows) % 6
    return pd.DataFrame(
        {
            "city": np.array(CITIES, dtype=object)[repeated],
            "age": np.array([20.0, 30, np.nan, 50, 60, 75])[repeated],
            "wet": (repeated % 2).astype(bool),
            "floor": repeated // 2,
            "seen": pd.Timestamp("2024-02-27 12:30") + pd.to_timedelta(repeated, unit="D"),
        }
    )


def named(preprocessor, X):
    """The columns of the matrix by their names."""
    return dict(zip(preprocessor.get_feature_names_out(), preprocessor.transform(X).T, strict=True))


def test_the_parts_are_those_of_the_transformers():
    table = TablePreprocessor().fit(frame())
    found = named(table, frame())
    numbers = SmoothRobustScaler().fit_transform(frame()[["age", "floor"]])
    np.testing.assert_allclose(found["age"], np.nan_to_num(numbers[:, 0]), rtol=1e-6)
    np.testing.assert_allclose(found["floor"], numbers[:, 1], rtol=1e-6)
    assert found["age_missing"].tolist() == [-1, -1, 1, -1, -1, -1]
    one_hot = SmoothRobustScaler().fit_transform(
        SignedOneHotEncoder().fit_transform(frame()[["wet", "city"]])
    )
    together = [found[name] for name in ("wet", "city_Bari", "city_Pisa", "city_Roma")]
    np.testing.assert_allclose(np.transpose(together), one_hot, rtol=1e-6)
    assert set(found["wet"]) == {np.float32(0.49319696), np.float32(-0.49319696)}


def test_the_parts_of_a_date():
    table = TablePreprocessor().fit(frame()[["seen"]])
    names = ["seen_seconds", "seen_month", "seen_day", "seen_weekday"]  # of one year and one time of the day
    assert table.get_feature_names_out().tolist() == names
    assert table.kinds_ == {"seen": "date"}
    days = np.array([[27.0], [28], [29], [1], [2], [3]])
    np.testing.assert_allclose(
        named(table, frame()[["seen"]])["seen_day"],
        SmoothRobustScaler().fit_transform(days).ravel(),
        rtol=1e-6,
    )


def test_the_order_of_the_columns_and_where_they_come_from():
    table = TablePreprocessor(one_hot_limit=2).fit(frame()[["city", "age", "wet", "floor"]])
    assert table.get_feature_names_out().tolist() == ["age", "floor", "age_missing", "wet", "city"]
    assert table.sources_.tolist() == [1, 3, 1, 2, 0]
    assert (table.n_numeric_, table.n_indicators_, table.n_one_hot_) == (2, 1, 1)
    assert table.embedding_sizes_ == [4]
    assert table.kinds_ == {"city": "categorical", "age": "numeric", "wet": "categorical", "floor": "numeric"}
    assert (table.n_features_in_, table.feature_names_in_.tolist()) == (4, ["city", "age", "wet", "floor"])


def test_codes_of_embedded_categories():
    table = TablePreprocessor(one_hot_limit=2).fit(frame()[["city"]])
    cities = pd.DataFrame({"city": [None, "Bari", "Pisa", "Roma", "Oslo"]})
    assert table.transform(cities).ravel().tolist() == [0, 1, 2, 3, 0]


def test_a_matrix_is_as_networks_want_it():
    matrix = TablePreprocessor().fit_transform(frame())
    assert matrix.dtype == np.float32
    assert matrix.flags.c_contiguous
    assert np.isfinite(matrix).all()


def test_gaps_after_fit_where_there_were_none():
    table = TablePreprocessor().fit([[1.0], [2.0], [4.0]])
    assert table.transform([[np.nan], [np.inf], [-np.inf]]).ravel().tolist() == [0, 3, -3]


def test_without_indicators():
    assert TablePreprocessor(missing="median").fit(frame()).n_indicators_ == 0


def test_a_number_that_is_there_or_not():
    table = TablePreprocessor().fit([[5.0], [None], [5.0]])
    assert table.transform([[5.0], [None]]).tolist() == [[0, -1], [0, 1]]
    with pytest.raises(ArgumentError, match=r"no column of X can be used.*'x0' \(constant\)"):
        TablePreprocessor(missing="median").fit([[5.0], [None], [5.0]])


def test_declared_categories():
    X = np.array([[3, 10.5], [1, 11.5], [2, 12.5], [3, 10.5]])
    table = TablePreprocessor(categorical_columns=[0]).fit(X)
    assert table.get_feature_names_out().tolist() == ["x1", "x0_1", "x0_2", "x0_3"]
    assert TablePreprocessor(categorical_columns=["floor", -1]).fit(frame()).kinds_["floor"] == "categorical"
    dates = TablePreprocessor(categorical_columns=["seen"]).fit(frame()[["seen"]])
    assert dates.get_feature_names_out()[0] == "seen_2024-02-27T12:30:00"
    assert dates.transform(frame()[["seen"]])[0].argmax() == 0


def test_a_thousand_one_hot_columns_at_most():
    rows = np.arange(1500)
    X = pd.DataFrame({"few": rows % 5, "many": rows % 700, "most": rows % 701}).astype(str).add_prefix("c")
    X = X.apply(lambda column: "v" + column)
    table = TablePreprocessor().fit(X)
    assert table.n_one_hot_ == 705
    assert table.embedding_sizes_ == [702]


def test_ten_thousand_categories():
    X = pd.DataFrame({"a": [f"c{k % 10_000}" for k in range(20_000)], "b": np.arange(20_000) % 7})
    table = TablePreprocessor().fit(X)
    assert table.embedding_sizes_ == [10_001]
    assert table.transform(X)[:, 1].max() == 10_000


def test_rare_categories():
    table = TablePreprocessor(min_frequency=2).fit(frame()[["city"]])
    assert table.get_feature_names_out().tolist() == ["city"]
    roma, bari, pisa = table.transform(frame()[["city"]])[:3]
    assert bari > pisa > roma
    assert pisa == table.transform(pd.DataFrame({"city": ["Oslo"]}))


def test_what_is_left_out_is_said():
    X = frame(40).assign(
        one=1.0,
        none=None,
        blank="",
        name=[f"person {k}" for k in range(40)],
        word="same",
        when=pd.Timestamp(0),
    )
    with pytest.warns(
        UserWarning, match=r"6 of 11 columns are left out: 'one' \(constant\), 'none' \(all mi"
    ):
        table = TablePreprocessor().fit(X)
    assert table.ignored_columns_ == {
        "one": "constant",
        "none": "all missing",
        "blank": "all missing",
        "name": "every row has another value",
        "word": "constant",
        "when": "constant",
    }
    with pytest.warns(UserWarning, match="it holds dates"):
        assert TablePreprocessor(dates=False).fit(frame()).ignored_columns_ == {"seen": "it holds dates"}


def test_names_are_kept_if_there_are_few_or_they_are_declared():
    few = [["ann"], ["bob"], ["cid"]]
    assert TablePreprocessor().fit(few).n_one_hot_ == 3
    many = [[f"person {k}"] for k in range(30)]
    assert TablePreprocessor(categorical_columns=[0]).fit(many).n_one_hot_ == 30


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (
            [[1.0, "a"], [1.0, "a"]],
            r"no column of X can be used; with n_samples=2: 'x0' \(constant\), 'x1' \(con",
        ),
        ([[None], [None]], r"'x0' \(all missing\)"),
        (np.empty((0, 3)), r"0 sample\(s\)"),
        (pd.DataFrame({"a": []}), r"0 sample\(s\)"),
        (pd.DataFrame(index=range(3)), r"0 feature\(s\)"),
        ([1.0, 2.0], "Reshape your data"),
        (pd.Series([1.0, 2.0]), "Expected a 2-dimensional container"),
        ([[[1.0]], [[2.0]]], "dim 3"),
        ([[1.0, 2.0], [3.0]], "inhomogeneous"),
        (np.array([[1j], [2]]), "Complex data not supported"),
        (pd.DataFrame({"z": [1j, 2]}), "Complex data not supported: column 'z'"),
        (pd.DataFrame({"z": [1j, 2]}, dtype=object), "Complex data not supported: column 'z'"),
        (pd.DataFrame({"tags": [["a"], ["b"]]}), "column 'tags' holds objects of type list"),
        (pd.DataFrame({"tags": [(1,), None]}), "column 'tags' holds objects of type tuple"),
        (pl.DataFrame({"tags": [{"a": 1}, {"a": 2}]}), "column 'tags' holds objects of type dict"),
        ([[object()], [object()]], "column 'x0' holds objects of type object"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]), "X has more than one column called 'a'"),
    ],
)
def test_what_cannot_be_learned_from(X, message):
    with pytest.raises(ValueError, match=message):
        TablePreprocessor().fit(X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"one_hot_limit": -1}, "one_hot_limit must be a number of categories, or None; got -1"),
        ({"one_hot_limit": 2.5}, "one_hot_limit must be"),
        ({"min_frequency": 0}, "min_frequency must be a positive integer; got 0"),
        ({"dates": "no"}, "dates must be True or False"),
        ({"missing": "mean"}, r"missing must be one of median\+indicator, median; got 'mean'"),
        (
            {"categorical_columns": "city"},
            "categorical_columns must be names or numbers of columns in a list",
        ),
        ({"categorical_columns": [1.5]}, "categorical_columns must be names"),
        (
            {"categorical_columns": ["town"]},
            "categorical_columns must be of the columns city, age.*got 'town'",
        ),
        ({"categorical_columns": [5]}, "categorical_columns must be of the columns"),
    ],
)
def test_wrong_parameters(parameters, message):
    with pytest.raises(ArgumentError, match=message):
        TablePreprocessor(**parameters).fit(frame())


def test_a_fit_that_fails_leaves_all_as_it_was():
    table = TablePreprocessor().fit(frame())
    before = table.transform(frame())
    with pytest.raises(ArgumentError):
        table.fit(pd.DataFrame({"a": [1, 1]}))
    np.testing.assert_array_equal(table.transform(frame()), before)
    with pytest.raises(NotFittedError):
        TablePreprocessor().transform(frame())


def test_another_fit_begins_anew():
    table = TablePreprocessor().fit(frame()).fit([[1.0], [2.0]])
    assert table.get_feature_names_out().tolist() == ["x0"]
    assert not hasattr(table, "feature_names_in_")


def test_dates_of_python_and_missing_ones():
    days = [[datetime.date(2024, 1, 1)], [None], [datetime.date(2024, 1, 3)]]
    found = named(TablePreprocessor().fit(days), days)
    assert list(found) == ["x0_seconds", "x0_day", "x0_weekday", "x0_missing"]
    assert [column[1] for column in found.values()] == [0, 0, 0, 1]


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(6)))
def test_rows_in_another_order(order):
    table, moved = TablePreprocessor().fit(frame()), TablePreprocessor().fit(frame().iloc[order])
    np.testing.assert_array_equal(moved.transform(frame()), table.transform(frame()))
    np.testing.assert_array_equal(table.transform(frame().iloc[order]), table.transform(frame())[order])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_unseen_categories_are_zero(words):
    seen = [["aa"], ["bb"], ["cc"], ["aa"]]
    new = [[word] for word in words if word not in ("aa", "bb", "cc")]
    if new:
        one_hot, codes = (TablePreprocessor(one_hot_limit=limit).fit(seen) for limit in (None, 0))
        missing = one_hot.transform([[None]])
        assert (one_hot.transform(new) == missing).all()
        assert not codes.transform(new).any()
