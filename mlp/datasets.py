"""Tables: from a CSV file, whatever its dialect, or a Parquet file; and scikit-learn's handwritten digits.

A `Table` holds text, as a CSV file does. What is a number and what is a category is for
`mlp.tabular` to say, which sees all rows.
"""

import csv
import io
import math
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.data.tables import arrow
from mlp.errors import ArgumentError

# "none" is not among them: it is more often a category ("no disease") than a gap
MISSING = {"", "na", "n/a", "#n/a", "<na>", "nan", "null", "?"}
# A comma also stands in texts and in numbers, so it is the delimiter only if no other one is
DELIMITERS = "\t;|,"
PARQUET = (".parquet", ".pq")
INDEX = re.compile(r"__index_level_\d+__")  # what pandas calls one without a name
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")


class Table:
    """Columns of text cells, all of one length; a missing cell is "".

    Parameters
    ----------
    columns : mapping of str to sequence of str
    named : bool, default True
        The names are from a header; otherwise they were made up: c0, c1, c2 …
    source : str, default "the table"
        How an error calls it.

    Examples
    --------
    >>> table = Table({"age": ["31", ""], "city": ["Roma", "Bari"]})
    >>> len(table), list(table.columns), table.numbers("age")
    (2, ['age', 'city'], array([31., nan]))
    """

    def __init__(
        self, columns: Mapping[str, Sequence[str]], named: bool = True, source: str = "the table"
    ) -> None:
        self.columns = {name: list(cells) for name, cells in columns.items()}
        self.named, self.source = named, source

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def __getitem__(self, name: str) -> list[str]:
        if name not in self.columns:
            hint = "" if self.named else " (it was read as having no header; --header changes that)"
            raise ArgumentError(f"{self.source} has no column {name!r}; it has {listed(self.columns)}{hint}")
        return self.columns[name]

    def numbers(self, name: str) -> Array:
        """A column as float64, NaN where a cell is missing.

        Raises
        ------
        ArgumentError
            If there is no such column, or it has a cell that is not a number.
        """
        cells = self[name]
        for row, cell in enumerate(cells, 1):
            if cell and not is_number(cell):
                raise ArgumentError(
                    f"column {name!r} of {self.source} should hold numbers, but has {cell!r} in row {row}"
                )
        return np.array([float(cell or "nan") for cell in cells])

    def take(self, rows: Iterable[int]) -> "Table":
        """Those rows, in that order."""
        rows = list(rows)
        return Table({n: [c[k] for k in rows] for n, c in self.columns.items()}, self.named, self.source)

    def renamed(self, names: Sequence[str]) -> "Table":
        """The same columns under other names."""
        return Table(dict(zip(names, self.columns.values(), strict=True)), True, self.source)


def read_table(
    path: str | os.PathLike[str], header: bool | None = None, expected: Collection[str] = ()
) -> Table:
    """Read a CSV file in UTF-8, delimited by comma, semicolon, tabulator or bar; or a Parquet file.

    Cells such as "NA", "?" and "null" are missing. In a file with semicolons "1,5" is the
    number 1.5, as Excel writes it in most of Europe. Unnamed columns (the index that pandas
    writes) are left out.

    Parameters
    ----------
    path : path
    header : bool, optional
        Whether the first line has the names; by default this is recognised.
    expected : collection of str
        Names that a header is likely to have, which makes it certain.

    Raises
    ------
    OSError
        If the file cannot be read.
    ArgumentError
        If it is not UTF-8, has no rows, rows of different lengths or two columns of one name.
    MissingPackageError
        If it is a Parquet file, by the ending of its name, and pyarrow is not installed.
    """
    source = str(path)
    if Path(path).suffix.lower() in PARQUET:
        return _read_parquet(source)
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ArgumentError(f"{source} is not text in UTF-8: {error.reason} at byte {error.start}") from error
    delimiter = find_delimiter(text)
    records = _records(text, delimiter, source)
    if not records:
        raise ArgumentError(f"{source} is empty; it should be a table in CSV format")
    if header is None:
        header = has_header(records, expected)
    names = records[0] if header else [f"c{k}" for k in range(len(records[0]))]
    rows = records[1:] if header else records
    if not rows:
        raise ArgumentError(f"{source} has a header but no rows")
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise ArgumentError(
            f"{source} has two columns called {twice[0]!r}; "
            "if its first line does not have names, use --no-header"
        )
    cells = [[_clean(cell, delimiter) for cell in column] for column in zip(*rows, strict=True)]
    return Table({n: c for n, c in zip(names, cells, strict=True) if n}, header, source)


def _read_parquet(source: str) -> Table:
    with open(source, "rb"):  # the system's own words, where it cannot be read
        pass
    try:
        table = arrow("pyarrow.parquet").read_table(source)
    except arrow("pyarrow").ArrowInvalid as error:
        raise ArgumentError(f"{source} is not a Parquet file that can be read: {error}") from error
    if not table.num_rows:
        raise ArgumentError(f"{source} has columns but no rows")
    twice = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if twice:
        raise ArgumentError(f"{source} has two columns called {twice[0]!r}")
    pairs = [p for p in zip(table.column_names, table.columns, strict=True) if not INDEX.fullmatch(p[0])]
    return Table(
        {name: [_as_cell(name, v) for v in column.to_pylist()] for name, column in pairs}, True, source
    )


def _as_cell(name: str, value: Any) -> str:
    if isinstance(value, list | dict | tuple):
        raise ArgumentError(f"column {name!r} holds {type(value).__name__}s; a cell must be a single value")
    cell = (
        "" if value is None else value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    )
    return "" if is_missing(cell) else cell


def find_delimiter(text: str) -> str:
    r"""The delimiter that cuts the first records into equally many cells.

    `csv.Sniffer` guesses from the frequencies of characters, and can come to a letter or miss
    doubled quotes; parsing with each candidate cannot.

    Examples
    --------
    >>> find_delimiter('a;b\n1,5;2,5\n'), find_delimiter('name,x\n"Rossi; Anna",1\n')
    (';', ',')
    """
    for delimiter in DELIMITERS:
        try:
            records = [r for r in islice(_reader(text, delimiter), 50) if r]
        except csv.Error:
            continue
        if records and len(records[0]) > 1 and len({len(record) for record in records}) == 1:
            return delimiter
    first = text.lstrip().partition("\n")[0]
    return max(",\t;|", key=first.count)


def has_header(records: Sequence[Sequence[str]], expected: Collection[str] = ()) -> bool:
    """Whether the first record names the columns.

    It does if it has an expected name, or a text above a column of numbers. It does not if it
    has a number otherwise. If all is text, it does unless one of its cells comes again below:
    categories repeat themselves, names do not.

    Examples
    --------
    >>> has_header([["x", "y"], ["1", "2"]]), has_header([["0", "1"], ["1", "2"]])
    (True, False)
    >>> has_header([["sky", "play"], ["sun", "yes"]]), has_header([["sun", "yes"], ["rain", "yes"]])
    (True, False)
    """
    first, body = records[0], records[1:]
    if any(name in first for name in expected):
        return True
    columns = [[cell for cell in column if not is_missing(cell)] for column in zip(*body, strict=True)]
    for name, cells in zip(first, columns, strict=False):
        if cells and not is_missing(name) and not is_number(name) and all(map(is_number, cells)):
            return True
    if any(map(is_number, first)):
        return False
    repeated = any(name in cells for name, cells in zip(first, columns, strict=False))
    return len(set(first)) == len(first) and not repeated


def is_missing(cell: str) -> bool:
    """Whether a cell stands for no value: empty, NA, NaN, null, ?, in any case, or infinite.

    Examples
    --------
    >>> is_missing("n/a"), is_missing("?"), is_missing("-inf"), is_missing("none")
    (True, True, True, False)
    """
    if cell.lower() in MISSING:
        return True
    value = _value(cell)
    return value is not None and not math.isfinite(value)


def is_number(cell: str) -> bool:
    """Whether a cell is a finite number as CSV files have them; Python's "1_000" is not.

    Examples
    --------
    >>> is_number("-1.5e3"), is_number("1_000"), is_number("12 km")
    (True, False, False)
    """
    value = _value(cell)
    return value is not None and math.isfinite(value)


def listed(names: Collection[str], most: int = 10) -> str:
    """Names for an error message, cut short if there are many.

    Examples
    --------
    >>> listed(["a", "b"]), listed("abcd", most=2)
    ('a, b', 'a, b and 2 more')
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(islice(names, most)) + more


def digits() -> Table:
    """Handwritten digits: 1,797 images of 8 × 8 pixels from 0 to 16, and the column "digit".

    They are the test part of a data set of the UCI repository, bundled with scikit-learn.

    References
    ----------
    E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998.

    Examples
    --------
    >>> table = digits()
    >>> len(table), len(table.columns), table["digit"][:5]
    (1797, 65, ['0', '1', '2', '3', '4'])
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    cells = bunch.data.astype(int).astype(str).T.tolist()
    columns = dict(zip(bunch.feature_names, cells, strict=True))
    return Table(columns | {"digit": list(map(str, bunch.target))}, source="handwritten digits")


def _value(cell: str) -> float | None:
    try:
        return float(cell) if "_" not in cell else None
    except ValueError:
        return None


def _reader(text: str, delimiter: str) -> Any:
    # strict: a stray or unclosed quote is an error instead of a swallowed half of the file
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)


def _records(text: str, delimiter: str, source: str) -> list[list[str]]:
    reader = _reader(text, delimiter)
    records: list[list[str]] = []
    try:
        for record in reader:
            if not record:
                continue
            if records and len(record) != len(records[0]):
                raise ArgumentError(
                    f"{source} has {len(record)} cells in line {reader.line_num}, and {len(records[0])} "
                    "in its first line; they must be the same"
                )
            records.append([cell.strip() for cell in record])
    except csv.Error as error:
        raise ArgumentError(f"{source} is not a CSV table: {error} (line {reader.line_num})") from error
    return records


def _clean(cell: str, delimiter: str) -> str:
    if is_missing(cell):
        return ""
    if delimiter == ";" and DECIMAL_COMMA.fullmatch(cell):
        return cell.replace(",", ".")
    return cell
