"""The same table in every form that tables come in, and columns at predict time that are not as in fit."""

import datetime
import decimal
import fractions
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

from mlp.datasets import Table
from mlp.errors import ArgumentError
from mlp.tabular.columns import column_of_cells
from mlp.tabular.preprocessing import TablePreprocessor
from mlp.tabular.reading import read

DAYS = [datetime.datetime(2024, 1, day, 6 * (day % 3)) for day in (1, 2, 3, 9, 31)]
DATA = {
    "age": [20.5, 30.0, None, 50.0, 75.25],
    "rooms": [1, 2, 2, 5, 4],
    "city": ["Roma", "Bari", None, "Roma", "Pisa"],
    "wet": [True, False, True, True, False],
    "seen": DAYS,
    "late": [datetime.timedelta(minutes=m) for m in (0, 5, 5, 90, 20)],
}
POLARS = pl.DataFrame(DATA)
TEXTS = {name: ["" if value is None else str(value) for value in values] for name, values in DATA.items()} | {
    "late": ["0", "300", "300", "5400", "1200"]
}
ZONED = {"seen": POLARS["seen"].dt.replace_time_zone("Europe/Rome")}
FORMS = {
    "polars": POLARS,
    "lazy": POLARS.lazy(),
    "types": POLARS.with_columns(
        pl.col("city").cast(pl.Categorical),
        pl.col("rooms").cast(pl.UInt8),
        pl.col("age").cast(pl.Float32),
        **ZONED,
    ),
    "decimals": POLARS.with_columns(pl.col("age").cast(pl.Decimal(10, 2))),
    "arrow": POLARS.to_arrow(),
    "batch": POLARS.to_arrow().combine_chunks().to_batches()[0],
    "pandas": pd.DataFrame(DATA),
    "nullable": pd.DataFrame(DATA).convert_dtypes(),
    "of arrow": POLARS.to_pandas(use_pyarrow_extension_array=True),
    "objects": pd.DataFrame(DATA).astype(object),
    "categories": pd.DataFrame(DATA).astype({"city": "category", "wet": "boolean", "rooms": "int8"}),
    "zoned": pd.DataFrame(DATA).assign(seen=pd.DatetimeIndex(DAYS).tz_localize("Europe/Rome")),
    "texts": Table(TEXTS),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_table(form):
    expected = TablePreprocessor().fit(FORMS["pandas"])
    table = TablePreprocessor().fit(FORMS[form])
    assert table.kinds_ == expected.kinds_
    matrix = expected.transform(FORMS["pandas"])
    if form != "texts":  # where False comes before True, as here, and so the sign is the same
        np.testing.assert_array_equal(table.get_feature_names_out(), expected.get_feature_names_out())
    np.testing.assert_allclose(table.transform(FORMS[form]), matrix, rtol=1e-6)
    np.testing.assert_allclose(expected.transform(FORMS[form]), matrix, rtol=1e-6)


def test_lists_and_arrays():
    rows = pd.DataFrame(DATA).astype(object).to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        matrix = TablePreprocessor().fit_transform(rows)
    np.testing.assert_array_equal(TablePreprocessor().fit_transform(rows.tolist()), matrix)
    np.testing.assert_array_equal(TablePreprocessor().fit_transform(FORMS["pandas"]), matrix)


@pytest.mark.parametrize("kind", [scipy.sparse.csr_array, scipy.sparse.csc_matrix, scipy.sparse.coo_array])
def test_sparse_matrices(kind):
    X = np.array([[0.0, 1], [2, 0], [0, 3], [5, 0]])
    table = TablePreprocessor().fit(X)
    np.testing.assert_array_equal(table.transform(kind(X)), table.transform(X))


def test_a_sparse_matrix_that_is_too_large():
    with pytest.raises(TypeError, match="Sparse data was passed"):
        TablePreprocessor().fit(scipy.sparse.csr_array((1 << 20, 1 << 20)))


@pytest.mark.parametrize(
    "dtype", ["int8", "uint64", "float16", "float32", "bool", "datetime64[D]", "timedelta64[h]"]
)
def test_arrays_of_other_types(dtype):
    X = np.array([[0, 1], [1, 0], [1, 1]]).astype(dtype)
    assert TablePreprocessor().fit_transform(X).shape[0] == 3


def test_what_columns_of_objects_hold():
    def kind(cells):
        return column_of_cells("a", cells).kind()

    assert (
        kind(["1.5", "-2e3", None]) == kind(["1", 2, "?"]) == kind([decimal.Decimal("1.5"), 2]) == "numeric"
    )
    assert kind([fractions.Fraction(1, 3), 1]) == kind([datetime.time(3), None]) == "numeric"
    assert kind([10**400, 1]) == kind([2**70, 1.5]) == kind([np.float32(1), 2]) == "numeric"
    assert kind(["2024-01-31", "2024-02-01 10:30:00"]) == kind([np.datetime64("2024-01-31")]) == "date"
    assert kind([datetime.date(2024, 1, 1), pd.Timestamp("2024-05-05T10:00"), pd.NaT]) == "date"
    assert (
        kind(["1,5", "2"])
        == kind(["2024-13-01"])
        == kind([b"a", "b"])
        == kind([True, False])
        == "categorical"
    )
    assert kind([1, "a"]) == kind([datetime.date(2024, 1, 1), "a"]) == kind([True, "1"]) == "categorical"
    assert kind(["1e999", "nan"]) == "categorical"


def test_large_integers_become_floats():
    assert column_of_cells("a", [10**400, -(10**400), 3]).numbers().tolist() == [np.inf, -np.inf, 3]


# after fit


def fitted(form="pandas"):
    return TablePreprocessor().fit(FORMS[form])


def test_columns_in_another_order_and_more_of_them():
    table, X = fitted(), FORMS["pandas"]
    matrix = table.transform(X)
    np.testing.assert_array_equal(table.transform(X[X.columns[::-1]]), matrix)
    more = X.assign(extra=[[1], [2], [3], [4], [5]])  # which is not even read
    with pytest.warns(
        UserWarning,
        match="X has columns that were not there in the fit of TablePreprocessor, and are ignored: 'extra'",
    ):
        np.testing.assert_array_equal(table.transform(more), matrix)


def test_missing_and_doubled_columns():
    table, X = fitted(), FORMS["pandas"]
    with pytest.raises(ArgumentError, match="X has no columns 'rooms', 'wet', which were there in the fit"):
        table.transform(X.drop(columns=["wet", "rooms"]))
    with pytest.raises(ArgumentError, match="X has more than one column called 'age'"):
        table.transform(pd.concat([X, X[["age"]]], axis=1))


def test_a_column_that_was_ignored_may_be_missing():
    with pytest.warns(UserWarning, match="left out"):
        table = TablePreprocessor().fit(FORMS["pandas"].assign(one=1))
    np.testing.assert_array_equal(table.transform(FORMS["pandas"]), fitted().transform(FORMS["pandas"]))


def test_another_number_of_columns():
    table = TablePreprocessor().fit(np.eye(4))
    with pytest.raises(
        ValueError, match="X has 3 features, but TablePreprocessor is expecting 4 features as input"
    ):
        table.transform(np.eye(3))
    frame = pd.DataFrame(np.eye(4))  # whose columns have no names
    np.testing.assert_array_equal(table.transform(frame), table.transform(np.eye(4)))
    with pytest.raises(ValueError, match="X has 3 features"):
        table.transform(frame.iloc[:, :3])


def test_an_array_after_a_frame():
    table, rows = fitted(), FORMS["pandas"].astype(object).to_numpy()
    with pytest.warns(
        UserWarning, match="X does not have valid feature names, but TablePreprocessor was fitted"
    ):
        np.testing.assert_array_equal(table.transform(rows), table.transform(FORMS["pandas"]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"age": "twelve"}, "column 'age' should hold numbers, but has 'twelve'"),
        ({"rooms": pd.Timestamp("2024-01-01")}, "column 'rooms' should hold numbers, but has dates"),
        ({"seen": 5.0}, "column 'seen' should hold dates, but has numbers"),
        ({"seen": "soon"}, "column 'seen' should hold dates, but has 'soon'"),
        ({"seen": "2024-02-30"}, "column 'seen' should hold dates, but has '2024-02-30'"),
    ],
)
def test_a_column_of_another_kind(change, message):
    with pytest.raises(ArgumentError, match=message):
        fitted().transform(FORMS["pandas"].assign(**change))


def test_a_column_that_is_written_in_another_way():
    table, X = fitted(), FORMS["pandas"]
    matrix = table.transform(X)
    for name in ("age", "rooms", "wet"):
        np.testing.assert_array_equal(table.transform(X.assign(**{name: X[name].astype(str)})), matrix)
    np.testing.assert_array_equal(table.transform(X.assign(seen=X["seen"].astype(str))), matrix)
    np.testing.assert_array_equal(table.transform(X.assign(rooms=X["rooms"].astype(float))), matrix)
    for name in X:  # nothing in all rows is no other kind of column
        alone = table.transform(X.assign(**{name: None}))
        np.testing.assert_array_equal(table.transform(X.assign(**{name: np.nan})), alone)


def test_one_row_is_as_among_others():
    for form in ("pandas", "polars", "arrow"):
        table, X = fitted(form), FORMS[form]
        row = X[3:4] if form != "arrow" else X.slice(3, 1)
        np.testing.assert_array_equal(table.transform(row), table.transform(X)[3:4])


def test_many_texts_are_as_few():
    few = pd.DataFrame({"a": ["x", "y", None, "z"]})
    table, many = TablePreprocessor().fit(few), pd.concat([few] * 100)
    np.testing.assert_array_equal(table.transform(many)[:4], table.transform(few))


def test_what_arrow_streams_give():
    class Stream:
        def __arrow_c_stream__(self, requested_schema=None):
            return pa.table({"a": [1.0, 2.0]}).__arrow_c_stream__(requested_schema)

    assert read(Stream()).column(0, "a").numbers().tolist() == [1, 2]


def test_other_types_of_pandas():
    frame = pd.DataFrame(
        {
            "month": pd.period_range("2024-01", periods=3, freq="M"),
            "range": pd.interval_range(0, 3),
            "thin": pd.arrays.SparseArray([0.0, 0.0, 2.0]),
        }
    )
    assert TablePreprocessor().fit(frame).kinds_ == {
        "month": "date",
        "range": "categorical",
        "thin": "numeric",
    }
