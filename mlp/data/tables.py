"""Parquet: files whose columns are inputs, targets and weights, decoded as they are asked for."""

import importlib
import os
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.data.rows import Reader
from mlp.errors import ArgumentError, DataError, MissingFileError, MissingPackageError

LANES, LANES_ROOM = 16, 1 << 28  # row groups read side by side at most, and the bytes that they may take
PAGE = 1 << 21  # bytes that a column of a row group under way takes: a page, packed and unpacked

Kinds = Sequence[tuple[str, str]]  # the name and the type of each column, as text


def arrow(part: str = "pyarrow") -> Any:
    """Pyarrow, or a part of it.

    Raises
    ------
    MissingPackageError
        If it is not installed.
    """
    try:
        return importlib.import_module(part)
    except ImportError as error:
        raise MissingPackageError(f"this needs pyarrow: pip install 'mlp[arrow]' ({error})") from error


class ParquetRows(Reader):
    """Rows of Parquet files, one behind the other: some columns as an array, read as they are asked for.

    Row groups are decoded from their first row on, a few side by side, each column page by page. What is
    asked for in the order of a row group is decoded once.

    Parameters
    ----------
    files : ParquetFiles
    columns : str or sequence of str
        Several make rows of shape (columns,), one as a str rows of shape ().
    name : str
        The argument they were given as.

    Examples
    --------
    >>> import tempfile, pyarrow, pyarrow.parquet
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = pyarrow.table({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5], "label": [0, 1, 0]})
    ...     pyarrow.parquet.write_table(table, folder + "/train.parquet")
    ...     rows = ParquetRows(ParquetFiles([folder + "/train.parquet"]), ["a", "b"], "x")
    ...     print(rows.read(1, 3))
    [[2.  1.5]
     [3.  2.5]]
    """

    groups: Array

    def __init__(self, files: "ParquetFiles", columns: str | Sequence[str], name: str) -> None:
        self.files, self.name = files, name
        self.columns = [columns] if isinstance(columns, str) else list(columns)
        for column in self.columns:
            require_column(files.kinds, files.numeric, column, name)
        self.dtype = common_type(files.schema, self.columns)
        self.shape = (files.rows,) if isinstance(columns, str) else (files.rows, len(self.columns))
        self.groups = files.groups
        bytes_per_group = int(np.diff(files.groups).max(initial=1)) * len(self.columns) * self.dtype.itemsize
        self.lanes = max(1, min(LANES, LANES_ROOM // min(2 * bytes_per_group, PAGE * len(self.columns))))
        self.under_way: dict[int, _Group] = {}
        self.lock = threading.Lock()

    def read(self, start: int, stop: int) -> Array:
        rows = np.empty((stop - start, *self.shape[1:]), self.dtype)
        self.fill([(start, stop)], rows)
        return rows

    def fill(self, pieces: Any, into: Array) -> None:
        into, place = into.reshape(len(into), -1), 0
        with self.lock:
            for start, stop in pieces:
                while start < stop:
                    number = int(np.searchsorted(self.groups, start, "right")) - 1
                    end = min(stop, int(self.groups[number + 1]))
                    self._fill(number, start, end, into[place : place + end - start])
                    place, start = place + end - start, end

    def _fill(self, number: int, start: int, stop: int, into: Array) -> None:
        group = self.under_way.pop(number, None)
        first = int(self.groups[number])
        if group is None or group.place > start - first:
            group = _Group(self, number, stop - start)
        elif len(self.under_way) >= self.lanes:
            self.under_way.pop(next(iter(self.under_way)))
        where = f"{self.name}: rows {start} to {stop - 1}, in {self.files.where(number)}"
        try:
            group.skip(start - first)
            group.fill(into, where)
        except (OSError, ValueError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{where}, cannot be read: {error}") from error
        if stop < self.groups[number + 1]:
            self.under_way[number] = group

    def close(self) -> None:
        with self.lock:
            self.under_way.clear()


class _Group:
    """A row group that is being decoded, up to some place."""

    def __init__(self, rows: ParquetRows, number: int, size: int) -> None:
        self.rows, self.number, self.place = rows, number, 0
        self.batches = rows.files.batches(number, rows.columns, size)
        self.left: Any = None  # rows that were decoded and not asked for yet

    def _next(self, most: int) -> Any:
        batch = self.left if self.left is not None else next(self.batches, None)
        if batch is None:
            raise ValueError("the row group has fewer rows than the file says")
        self.left = batch.slice(most) if len(batch) > most else None
        self.place += min(most, len(batch))
        return batch.slice(0, most)

    def skip(self, place: int) -> None:
        """Decode up to that row of the group."""
        while self.place < place:
            self._next(place - self.place)

    def fill(self, into: Array, where: str) -> None:
        """Copy the next rows."""
        done = 0
        while done < len(into):
            batch = self._next(len(into) - done)
            first = int(self.rows.groups[self.number]) + self.place - len(batch)
            columns_into(batch, into[done : done + len(batch)], where, first)
            done += len(batch)


class ParquetFiles:
    """The row groups of Parquet files with the same columns.

    Parameters
    ----------
    paths : sequence of str, Path, or pyarrow.parquet.ParquetFile
    filesystem : pyarrow.fs.FileSystem, optional

    Attributes
    ----------
    schema : pyarrow.Schema
        Of the first file.
    kinds, numeric
        The name and type of each column, and whether it holds numbers, as in `Columns`.
    groups : Array of int64, shape (g + 1,)
        Where row groups begin, in rows of all files.

    Raises
    ------
    MissingFileError, DataError
        If there is no such file, it is no Parquet, or its columns are not those of the first.
    """

    def __init__(self, paths: Sequence[Any], filesystem: Any = None) -> None:
        self.parquet, self.filesystem = arrow("pyarrow.parquet"), filesystem
        self.given = list(paths)
        self.names = [str(path) if isinstance(path, str | os.PathLike) else "a ParquetFile" for path in paths]
        self.footers, self.place = [], list[tuple[int, int]]()
        counts: list[int] = []
        for number, path in enumerate(self.given):
            file = self._open(number, path)
            self.footers.append(file.metadata)
            schema = file.schema_arrow
            if number == 0:
                self.schema = schema
            elif not schema.equals(self.schema):
                raise DataError(
                    f"the columns of {self.names[number]} are {described(kinds_of(schema))}, but those of "
                    f"{self.names[0]} are {described(kinds_of(self.schema))}"
                )
            for group in range(file.metadata.num_row_groups):
                if rows := file.metadata.row_group(group).num_rows:
                    self.place.append((number, group))
                    counts.append(rows)
        self.groups: Array = np.cumsum([0, *counts])
        self.rows = int(self.groups[-1])
        self.kinds, self.numeric = kinds_of(self.schema), [is_number(kind) for kind in self.schema.types]

    def _open(self, number: int, path: Any, metadata: Any = None) -> Any:
        if not isinstance(path, str | os.PathLike):
            return path
        try:
            # page by page, so that a row group of any size takes little memory
            return self.parquet.ParquetFile(
                path,
                metadata=metadata,
                pre_buffer=False,
                buffer_size=1 << 16,
                filesystem=self.filesystem,
            )
        except FileNotFoundError as error:
            raise MissingFileError(f"there is no file {self.names[number]}") from error
        except (OSError, ValueError) as error:
            raise DataError(
                f"{self.names[number]} is not a Parquet file that can be read: {error}"
            ) from error

    def batches(self, number: int, columns: Sequence[str], size: int) -> Iterator[Any]:
        """Record batches of up to so many rows of a row group, from its first row on."""
        file, group = self.place[number]
        opened = self._open(file, self.given[file], self.footers[file])
        batches = opened.iter_batches(
            batch_size=max(1, size), row_groups=[group], columns=list(columns), use_threads=False
        )
        for batch in batches:
            yield batch.select(columns) if batch.schema.names != list(columns) else batch

    def where(self, number: int) -> str:
        """The file and the row group, for an error."""
        file, group = self.place[number]
        return f"row group {group} of {self.names[file]}"


def kinds_of(schema: Any) -> list[tuple[str, str]]:
    """The name and the type of each column, as text."""
    return [(name, str(kind)) for name, kind in zip(schema.names, schema.types, strict=True)]


def described(kinds: Kinds, most: int = 20) -> str:
    """Columns with their types, as they stand in an error."""
    texts = [f"{name!r} ({kind})" for name, kind in kinds]
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more} more" if more > 0 else "")


def require_column(kinds: Kinds, numeric: Sequence[bool], name: str, argument: str) -> None:
    """Raise an `ArgumentError` unless a column of that name is there, once, and holds numbers."""
    places = [k for k, (own, _) in enumerate(kinds) if own == name]
    if len(places) != 1:
        what = "is not there" if not places else f"is there {len(places)} times"
        raise ArgumentError(f"{argument}: the column {name!r} {what}; the columns are {described(kinds)}")
    if not numeric[places[0]]:
        raise ArgumentError(
            f"{argument}: the column {name!r} must hold numbers, but is of type {kinds[places[0]][1]}; "
            "encode it first, for example by its category codes"
        )


def is_number(kind: Any) -> bool:
    """Whether a type of Arrow holds numbers; true and false are 1 and 0."""
    types = arrow("pyarrow.types")
    if types.is_dictionary(kind):
        kind = kind.value_type
    tests = types.is_integer, types.is_floating, types.is_boolean, types.is_decimal
    return any(test(kind) for test in tests)


def common_type(schema: Any, columns: Sequence[str]) -> np.dtype[Any]:
    """The type of an array that holds these columns."""
    types = arrow("pyarrow.types")
    found = []
    for name in columns:
        kind = schema.field(name).type
        kind = kind.value_type if types.is_dictionary(kind) else kind
        found.append(np.dtype(float if types.is_decimal(kind) else kind.to_pandas_dtype()))
    return np.result_type(*found)


def columns_into(batch: Any, into: Array, where: str, first: int = 0) -> None:
    """Copy the columns of a record batch, which begins with the row `first`, into rows.

    Raises
    ------
    DataError
        If a value is missing: the column and the first such row.
    """
    pyarrow = arrow()
    odd = {
        kind
        for kind in set(batch.schema.types)
        if pyarrow.types.is_dictionary(kind) or pyarrow.types.is_decimal(kind)
    }
    across = np.empty(into.shape[::-1], into.dtype)  # column after column, and then turned: twice as fast
    for k, (name, column) in enumerate(zip(batch.schema.names, batch.columns, strict=True)):
        if column.null_count:
            row = first + int(column.is_null().to_numpy(zero_copy_only=False).argmax())
            raise DataError(
                f"{where}: the column {name!r} has {column.null_count} missing values, the first in row "
                f"{row}; fill them or leave such rows out"
            )
        if odd and pyarrow.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if odd and pyarrow.types.is_decimal(column.type):
            column = column.cast(pyarrow.float64())
        across[k] = column.to_numpy(zero_copy_only=False)
    into[...] = across.T
