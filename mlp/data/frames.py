"""Columns by name: frames of pandas and Polars and tables of Arrow, brought to arrays."""

import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.data.tables import Kinds, columns_into, common_type, described, is_number, kinds_of, require_column
from mlp.errors import ArgumentError, DataError

Names = str | list[str]  # one column, which makes rows of shape (), or several


class Columns:
    """The columns of a table in memory.

    Attributes
    ----------
    kinds : list of (str, str)
        The name and the type of each column, as text.
    numeric : list of bool
        Whether it holds numbers; true and false are 1 and 0.
    """

    kinds: list[tuple[str, str]]
    numeric: list[bool]

    def column(self, name: str, argument: str) -> Array:
        """A column of numbers.

        Raises
        ------
        ArgumentError
            If values are missing; `argument` is what it was given as.
        """
        raise NotImplementedError

    def read(self, names: Names, argument: str) -> Array:
        """Columns as an array: (n,) for one that is given as a str, else (n, columns)."""
        for name in [names] if isinstance(names, str) else names:
            require_column(self.kinds, self.numeric, name, argument)
        if isinstance(names, str):
            return self.column(names, argument)
        return np.column_stack([self.column(name, argument) for name in names])


class PandasColumns(Columns):
    """The columns of a frame of pandas."""

    def __init__(self, frame: Any) -> None:
        test = sys.modules["pandas"].api.types
        self.frame = frame
        self.kinds = [(str(name), str(kind)) for name, kind in zip(frame.columns, frame.dtypes, strict=True)]
        self.numeric = [
            (test.is_numeric_dtype(kind) or test.is_bool_dtype(kind)) and not test.is_complex_dtype(kind)
            for kind in frame.dtypes
        ]

    def column(self, name: str, argument: str) -> Array:
        series = self.frame.iloc[:, [own for own, _ in self.kinds].index(name)]
        if isinstance(series.dtype, np.dtype):  # a NaN among floats is a number of theirs
            return np.asarray(series)
        missing = np.asarray(series.isna())
        _require_all(missing, name, argument)
        return np.asarray(series.to_numpy(dtype=getattr(series.dtype, "numpy_dtype", float)))


class PolarsColumns(Columns):
    """The columns of a frame of Polars; a lazy one is collected.

    Raises
    ------
    DataError
        If it cannot be collected.
    """

    def __init__(self, frame: Any) -> None:
        polars = sys.modules["polars"]
        if isinstance(frame, polars.LazyFrame):
            try:
                frame = frame.collect()
            except Exception as error:
                raise DataError(f"the LazyFrame of Polars cannot be collected: {error}") from error
        self.frame = frame
        self.kinds = [(name, str(kind)) for name, kind in frame.schema.items()]
        self.numeric = [kind.is_numeric() or kind == polars.Boolean for kind in frame.dtypes]

    def column(self, name: str, argument: str) -> Array:
        series = self.frame[name]
        if series.null_count():
            _require_all(series.is_null().to_numpy(), name, argument)
        values = series.to_numpy()
        return np.asarray(values, float) if values.dtype == object else np.asarray(values)


class ArrowColumns(Columns):
    """The columns of a table or a record batch of Arrow."""

    def __init__(self, table: Any) -> None:
        self.table = table
        self.kinds = kinds_of(table.schema)
        self.numeric = [is_number(kind) for kind in table.schema.types]

    def column(self, name: str, argument: str) -> Array:
        return self.read([name], argument)[:, 0]

    def read(self, names: Names, argument: str) -> Array:
        several = [names] if isinstance(names, str) else names
        for name in several:
            require_column(self.kinds, self.numeric, name, argument)
        some = self.table.select(several)
        rows, place = np.empty((len(some), len(several)), common_type(some.schema, several)), 0
        for batch in some.to_batches() if hasattr(some, "to_batches") else [some]:
            columns_into(batch, rows[place : place + len(batch)], argument, place)
            place += len(batch)
        return rows[:, 0] if isinstance(names, str) else rows


def _require_all(missing: Array, name: str, argument: str) -> None:
    if missing.any():
        raise ArgumentError(
            f"{argument}: the column {name!r} has {int(missing.sum())} missing values, the first in row "
            f"{int(missing.argmax())}; fill them or leave such rows out"
        )


MAKERS: Sequence[tuple[str, str, Callable[[Any], Columns]]] = (
    ("pandas", "DataFrame", PandasColumns),
    ("polars", "DataFrame", PolarsColumns),
    ("polars", "LazyFrame", PolarsColumns),
    ("pyarrow", "Table", ArrowColumns),
    ("pyarrow", "RecordBatch", ArrowColumns),
)


def columns_of(value: Any) -> Columns | None:
    """The columns of a frame or a table; None if it is something else."""
    for package, name, make in MAKERS:
        kind = getattr(sys.modules.get(package), name, None)
        if kind is not None and isinstance(value, kind):
            return make(value)
    return None


def is_names(value: Any) -> bool:
    """Whether something names columns: a str, or a list or tuple of them."""
    several = isinstance(value, list | tuple) and len(value) > 0
    return isinstance(value, str) or (several and all(isinstance(name, str) for name in value))


def inputs_of(kinds: Kinds, numeric: Sequence[bool], named: Iterable[Any]) -> list[str]:
    """The columns that are inputs: all that hold numbers, in their order, but those that are named.

    Warns
    -----
    UserWarning
        If columns are left out since they hold no numbers, with their names.

    Raises
    ------
    ArgumentError
        If none is left.
    """
    taken = {name for some in named if is_names(some) for name in ([some] if isinstance(some, str) else some)}
    rest = [(*kind, number) for kind, number in zip(kinds, numeric, strict=True) if kind[0] not in taken]
    found = [name for name, _, number in rest if number]
    if not found:
        raise ArgumentError(
            f"x has no columns of numbers besides y and sample_weight; its columns are {described(kinds)}"
        )
    left = [(name, kind) for name, kind, number in rest if not number]
    if left:
        warnings.warn(
            f"left out of x, since they do not hold numbers: {described(left)}; encode them if they matter",
            stacklevel=2,
        )
    return found
