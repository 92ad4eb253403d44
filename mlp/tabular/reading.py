"""Reading tables: frames, arrays, lists and tables of text, one column at a time.

Neither pandas, Polars nor pyarrow is imported unless X is theirs.
"""

import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array

from mlp.arrays import Array
from mlp.data.tables import arrow
from mlp.datasets import Table, listed
from mlp.errors import ArgumentError
from mlp.tabular.columns import MICROSECONDS, Column, column_of_cells, column_of_codes

FEW_ROWS = 200  # of which a list of texts is made sooner than codes
LARGEST_DENSE = 1 << 28  # numbers of a sparse matrix that may be written out


class RawTable:
    """A table whose columns are read when they are asked for.

    Attributes
    ----------
    names : list of str or None
        None for an array, or a frame whose columns have no names but numbers.
    rows, width : int
    """

    names: list[str] | None = None
    rows: int
    width: int

    def column(self, place: int, name: str) -> Column:
        """One column; `name` is what an error calls it.

        Raises
        ------
        ArgumentError
            If it holds what is neither a number nor a text, a truth value or a date.
        """
        raise NotImplementedError

    def numbers(self, places: Sequence[int]) -> Array | None:
        """Some columns at once, (n, i), if all of the table is an array of numbers."""
        return None


class ArrayTable(RawTable):
    """An array of two axes."""

    def __init__(self, values: Array) -> None:
        self.values = values
        self.rows, self.width = values.shape

    def column(self, place: int, name: str) -> Column:
        return column_of_array(name, self.values[:, place])

    def numbers(self, places: Sequence[int]) -> Array | None:
        if self.values.dtype.kind not in "iuf":
            return None
        every = len(places) == self.width and list(places) == list(range(self.width))
        return self.values if every else self.values[:, places]


class TextTable(RawTable):
    """A `mlp.datasets.Table`, whose cells are texts."""

    def __init__(self, table: Table) -> None:
        self.cells = list(table.columns.values())
        self.names = list(table.columns)
        self.rows, self.width = len(table), len(self.names)

    def column(self, place: int, name: str) -> Column:
        return column_of_cells(name, self.cells[place])


class PandasTable(RawTable):
    """A frame of pandas."""

    def __init__(self, frame: Any) -> None:
        self.frame = frame
        self.names = _names(frame.columns)
        self.rows, self.width = frame.shape
        self.series: list[Any] = []

    def column(self, place: int, name: str) -> Column:
        if not self.series:  # several times as fast as a call of iloc for each
            self.series = [series for _, series in self.frame.items()]
        return _column_of_series(name, self.series[place])

    def numbers(self, places: Sequence[int]) -> Array | None:
        if not all(isinstance(kind, np.dtype) and kind.kind in "iuf" for kind in self.frame.dtypes):
            return None
        return ArrayTable(self.frame.to_numpy()).numbers(places)


class PolarsTable(RawTable):
    """A frame of Polars; a lazy one is collected."""

    def __init__(self, frame: Any) -> None:
        self.frame = frame.collect() if hasattr(frame, "collect") else frame
        self.names = list(self.frame.columns)
        self.rows, self.width = self.frame.shape

    def column(self, place: int, name: str) -> Column:
        polars, series = sys.modules["polars"], self.frame.to_series(place)
        kind = series.dtype
        if kind.is_numeric():
            whole = kind.is_integer() and not series.null_count()
            return Column(name, (series if whole else series.cast(polars.Float64)).to_numpy())
        if kind == polars.Datetime or kind == polars.Date:
            series = series.cast(polars.Datetime("us", getattr(kind, "time_zone", None)))
            return Column(name, series.dt.replace_time_zone(None).to_numpy().astype(MICROSECONDS))
        if kind == polars.Duration:
            return Column(name, series.dt.total_microseconds().cast(polars.Float64).to_numpy() / 1e6)
        return column_of_cells(name, series.to_list(), kind in (polars.Categorical, polars.Enum))


class ArrowTable(RawTable):
    """A table of Arrow."""

    def __init__(self, table: Any) -> None:
        self.table = table
        self.names = list(table.column_names)
        self.rows, self.width = table.shape

    def column(self, place: int, name: str) -> Column:
        column, types = self.table.column(place), arrow("pyarrow.types")
        if types.is_integer(column.type) or types.is_floating(column.type):
            return Column(name, column.cast("float64", safe=False).to_numpy())
        return column_of_cells(name, column.to_pylist(), types.is_dictionary(column.type))


def read(X: Any) -> RawTable:
    """A table of whatever X is.

    Parameters
    ----------
    X : frame of pandas or Polars, table of Arrow, Table, array-like or scipy sparse matrix
        Of shape (n, i). A sparse matrix is written out.

    Raises
    ------
    ArgumentError
        If it has no rows, or is a sparse matrix too large to be written out.
    ValueError
        If it is no table; in scikit-learn's words.

    Examples
    --------
    >>> table = read([["Roma", 3.5], ["Bari", None]])
    >>> table.column(1, "rain").numbers()
    array([3.5, nan])
    """
    table = _named(X)
    if table is None:
        return ArrayTable(_as_array(X))
    if not (table.rows and table.width):
        # an array without rows or columns, of which scikit-learn's checks have something to say
        check_array(np.empty((table.rows, table.width)))
    return table


def _named(X: Any) -> RawTable | None:
    if type(X) is np.ndarray:
        return None
    if isinstance(X, Table):
        return TextTable(X)
    pandas, polars, pyarrow = (sys.modules.get(name) for name in ("pandas", "polars", "pyarrow"))
    if pandas is not None and isinstance(X, pandas.DataFrame):
        return PandasTable(X)
    if polars is not None and isinstance(X, polars.DataFrame | polars.LazyFrame):
        return PolarsTable(X)
    if pyarrow is not None and isinstance(X, pyarrow.RecordBatch):
        return ArrowTable(pyarrow.Table.from_batches([X]))
    series = any(m is not None and isinstance(X, m.Series) for m in (pandas, polars))
    if hasattr(X, "__arrow_c_stream__") and not series:
        return ArrowTable(arrow().table(X))
    return None


def _as_array(X: Any) -> Array:
    if hasattr(X, "tocsr") and X.ndim == 2 and X.shape[0] * X.shape[1] <= LARGEST_DENSE:
        X = X.toarray()
    if getattr(getattr(X, "dtype", None), "kind", "") == "c":
        raise ArgumentError(
            f"Complex data not supported: X is of {X.dtype}; give real and imaginary parts as columns"
        )
    # beside texts NumPy makes texts of numbers, and beside numbers numbers of truth values
    mixed = isinstance(X, list | tuple) and np.asarray(X, dtype=object).ndim == 2 and not _are_numbers(X)
    kind = object if mixed else None
    checked: Array = check_array(X, dtype=kind, ensure_all_finite=False)
    return checked


def _are_numbers(rows: Iterable[Iterable[Any]]) -> bool:
    found = {type(value) for row in rows for value in row}
    return all(
        issubclass(kind, int | float | np.integer | np.floating) and kind is not bool for kind in found
    )


def _names(labels: Iterable[Any]) -> list[str] | None:
    names = list(labels)
    return list(map(str, names)) if any(isinstance(name, str) for name in names) else None


def column_of_array(name: str, values: Array) -> Column:
    """A column of an array of NumPy of one axis.

    Raises
    ------
    ArgumentError
        As `column_of_cells`.
    """
    kind = values.dtype.kind
    if kind in "iuf":
        return Column(name, values)
    if kind == "b":
        return Column(name, values.astype(np.intp), [False, True])
    if kind == "M":
        return Column(name, values.astype(MICROSECONDS))
    if kind == "m":
        return Column(name, values / np.timedelta64(1, "s"))
    return column_of_cells(name, values.tolist())


def _column_of_series(name: str, series: Any) -> Column:
    """A column of a frame of pandas, whose extension types each keep missing values in their way."""
    pandas, kind = sys.modules["pandas"], series.dtype
    if isinstance(kind, np.dtype):
        return column_of_array(name, series.to_numpy())
    if isinstance(kind, pandas.CategoricalDtype):
        return column_of_codes(name, series.cat.codes.to_numpy(), series.cat.categories.tolist(), True)
    if isinstance(kind, pandas.DatetimeTZDtype):
        return Column(name, series.dt.tz_localize(None).to_numpy().astype(MICROSECONDS))
    if isinstance(kind, pandas.PeriodDtype):
        return Column(name, series.dt.to_timestamp().to_numpy().astype(MICROSECONDS))
    if isinstance(kind, pandas.SparseDtype):
        return column_of_array(name, np.asarray(series.array.to_dense()))
    test = pandas.api.types
    if test.is_numeric_dtype(kind) and not test.is_bool_dtype(kind):
        if kind.kind in "iu" and not series.isna().any():
            return Column(name, series.to_numpy(dtype=np.dtype(f"{kind.kind}8")))
        return Column(name, series.to_numpy(dtype=np.float64, na_value=np.nan))
    if isinstance(kind, pandas.StringDtype) and len(series) > FEW_ROWS:
        codes, values = pandas.factorize(series)
        return column_of_codes(name, codes, values.tolist())
    return column_of_cells(name, series.astype(object).tolist())


# names, in fit and afterwards


def name_of(table: RawTable, place: int) -> str:
    """What a column is called: by its name, or x0, x1, x2 … as scikit-learn has it."""
    return table.names[place] if table.names is not None else f"x{place}"


def remember(estimator: Any, table: RawTable) -> None:
    """Set `n_features_in_` and, if there are names, `feature_names_in_`.

    Raises
    ------
    ArgumentError
        If two columns have the same name.
    """
    if table.names is not None:
        twice = sorted({name for name in table.names if table.names.count(name) > 1})
        if twice:
            raise ArgumentError(
                f"X has more than one column called {listed(list(map(repr, twice)))}; rename them, since "
                "columns are known by their names"
            )
        estimator.feature_names_in_ = np.array(table.names, dtype=object)
    elif hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_
    estimator.n_features_in_ = table.width


def places_of(fitted: Any, estimator: str, table: RawTable, used: Sequence[int]) -> list[int]:
    """Where in this table the columns stand that had the places `used` in fit.

    By name if both have names, in whatever order and among others, of which a `UserWarning` tells;
    otherwise by their number.

    Parameters
    ----------
    fitted : object
        What `remember` was called with.
    estimator : str
        The name that errors and warnings have for it.
    table : RawTable
    used : sequence of int

    Raises
    ------
    ArgumentError
        If one is missing, or there are two of its name; without names, if there are more or fewer.
    """
    own = getattr(fitted, "feature_names_in_", None)
    if own is None or table.names is None:
        if table.width != fitted.n_features_in_:
            columns = "" if own is None else f": {listed([repr(name) for name in own])}"
            raise ArgumentError(
                f"X has {table.width} features, but {estimator} is expecting {fitted.n_features_in_} "
                f"features as input{columns}"
            )
        if own is not None:
            _warn(f"X does not have valid feature names, but {estimator} was fitted with feature names")
        return list(used)
    if table.names == own.tolist():
        return list(used)
    return _places_by_name(own.tolist(), table.names, [own[place] for place in used], estimator)


def _places_by_name(own: list[str], names: list[str], wanted: list[str], estimator: str) -> list[int]:
    places = {name: place for place, name in enumerate(names)}
    missing = [repr(name) for name in wanted if name not in places]
    if missing:
        columns, were = ("column", "was") if len(missing) == 1 else ("columns", "were")
        raise ArgumentError(
            f"X has no {columns} {listed(missing)}, which {were} there in the fit of {estimator}; it has "
            f"{listed([repr(name) for name in names])}"
        )
    known = set(wanted)
    twice = sorted({repr(name) for name in names if name in known and names.count(name) > 1})
    if twice:
        raise ArgumentError(
            f"X has more than one column called {listed(twice)}; rename or leave out all but one"
        )
    extra = [repr(name) for name in names if name not in set(own)]
    if extra:
        _warn(
            f"X has columns that were not there in the fit of {estimator}, and are ignored: {listed(extra)}"
        )
    return [places[name] for name in wanted]


def _warn(text: str) -> None:
    """Warn at the line that has called this package, or scikit-learn on the way to it."""
    frame, level = sys._getframe(1), 2  # of whoever has called this function
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in ("mlp", "sklearn"):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, stacklevel=level)
