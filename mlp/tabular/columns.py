"""Columns of a table, whatever they hold: as numbers, as dates or as categories."""

import datetime
import decimal
import fractions
import numbers
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.datasets import is_missing, is_number
from mlp.errors import ArgumentError

NUMERIC, CATEGORICAL, DATE = "numeric", "categorical", "date"
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?")
MISSING_TYPES = {"NAType", "NaTType"}  # of pandas, which is not imported for them
NESTED = (list, tuple, dict, set, frozenset, np.ndarray)
MICROSECONDS = np.dtype("datetime64[us]")
EPOCH = datetime.datetime(1970, 1, 1)


class Column:
    """A column, in one of three forms; a missing value has a sign of its own in each.

    Parameters
    ----------
    name : str
    values : Array of shape (n,)
        Integers or floats (NaN is missing), ``datetime64[us]`` (NaT), or with `found` the place of
        each value in it (−1).
    found : list of bool, int, float and str, optional
        The different values of what is neither all numbers nor all dates.
    declared : bool, default False
        It is of a type for categories, so that texts are not read as numbers or dates.
    """

    def __init__(
        self, name: str, values: Array, found: list[Any] | None = None, declared: bool = False
    ) -> None:
        self.name, self.values, self.found, self.declared = name, values, found, declared

    def kind(self, dates: bool = True) -> str:
        """What it holds: "numeric", "categorical" or "date", also if numbers or dates are written as text."""
        if self.found is None:
            return DATE if self.values.dtype.kind == "M" else NUMERIC
        texts = any(isinstance(value, str) and not is_missing(value) for value in self.found)
        if self.declared or not texts:
            return CATEGORICAL
        if all(not isinstance(value, bool) and _as_number(value) is not None for value in self.found):
            return NUMERIC
        if dates and all(_is_gap(value) or _as_dates([value]) is not None for value in self.found):
            return DATE
        return CATEGORICAL

    def numbers(self) -> Array:
        """The values as float64, NaN where they are missing.

        Raises
        ------
        ArgumentError
            If one is not a number.
        """
        if self.found is None:
            self._require(self.values.dtype.kind != "M", "numbers", "dates")
            return self.values.astype(np.float64)
        parsed = [_as_number(value) for value in self.found]
        for value, number in zip(self.found, parsed, strict=True):
            self._require(number is not None, "numbers", repr(value))
        return np.array([*parsed, np.nan], dtype=np.float64)[self.values]

    def dates(self) -> Array:
        """The values as ``datetime64[us]``, NaT where they are missing.

        Raises
        ------
        ArgumentError
            If one is not a date.
        """
        if self.found is None:
            nothing = self.values.dtype.kind == "f" and bool(np.isnan(self.values).all())
            if nothing:
                return np.full(len(self.values), "NaT", MICROSECONDS)
            self._require(self.values.dtype.kind == "M", "dates", "numbers")
            return self.values
        for value in self.found:
            self._require(_is_gap(value) or _as_dates([value]) is not None, "dates", repr(value))
        texts = ["NaT" if is_missing(text) else text for text in self.found]
        return np.array([*texts, "NaT"], dtype=MICROSECONDS)[self.values]

    def factorized(self) -> tuple[Array, list[Any]]:
        """The different values, and the place among them of each, −1 where it is missing."""
        if self.found is not None:
            return self.values, self.found
        missing = np.isnat(self.values) if self.values.dtype.kind == "M" else np.isnan(self.values)
        found, inverse = np.unique(self.values[~missing], return_inverse=True)
        codes = np.full(len(self.values), -1, dtype=np.intp)
        codes[~missing] = inverse
        if self.values.dtype.kind == "M":
            return codes, [_shortened(text) for text in np.datetime_as_string(found).tolist()]
        whole = [int(value) if float(value).is_integer() else value for value in found.tolist()]
        return codes, whole

    def _require(self, condition: bool, expected: str, got: str) -> None:
        if not condition:
            raise ArgumentError(
                f"column {self.name!r} should hold {expected}, but has {got}; correct the values, or give "
                "the column the type that it had in fit"
            )


def _is_gap(value: Any) -> bool:
    return isinstance(value, str) and is_missing(value)


def _as_number(value: Any) -> float | None:
    if not isinstance(value, str):
        return _float(value)
    if is_number(value):
        return float(value)
    return float("nan") if is_missing(value) else None


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # of an integer with more than 308 digits
        return float("inf") if value > 0 else float("-inf")


def _as_dates(values: list[Any]) -> Array | None:
    """Dates that are written in ISO 8601, or None if one of the values is none."""
    if not all(isinstance(value, str) and ISO_DATE.fullmatch(value) for value in values):
        return None
    try:
        return np.array(values, dtype=MICROSECONDS)
    except ValueError:  # a 13th month
        return None


def _shortened(text: str) -> str:
    """A time in ISO 8601 without parts that are zero at its end."""
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.removesuffix("T00:00:00")


# from cells


def column_of_cells(name: str, cells: Sequence[Any], declared: bool = False) -> Column:
    """The column of these objects, which may be of different types.

    Raises
    ------
    ArgumentError
        If one of them is a list, a dict, a complex number … and not a single value.
    """
    kinds = set(map(type, cells))
    if kinds <= {int, float, type(None)} and kinds & {int, float}:
        whole = kinds == {int}
        try:
            return Column(name, np.array(cells, dtype=np.int64 if whole else np.float64))
        except OverflowError:
            pass
    try:
        found = list(dict.fromkeys(cells))
    except TypeError:
        odd = next(cell for cell in cells if isinstance(cell, NESTED) or not _is_hashable(cell))
        raise _not_a_value(name, odd) from None
    places = {value: place for place, value in enumerate(found)}
    codes = np.fromiter(map(places.__getitem__, cells), np.intp, len(cells))
    return column_of_codes(name, codes, found, declared)


def column_of_codes(name: str, codes: Array, values: Iterable[Any], declared: bool = False) -> Column:
    """The column of these values, of which each row says which it has; −1 is missing."""
    plain = [_plain(value, name) for value in values]
    plain.append(None)  # where a code of −1 leads
    kinds = {type(value) for value in plain} - {type(None)}
    if kinds == {datetime.datetime}:
        dates = [np.datetime64("NaT") if value is None else value for value in plain]
        return Column(name, np.array(dates, dtype=MICROSECONDS)[codes])
    if kinds and kinds <= {int, float, bool} and kinds != {bool} and not declared:
        return Column(name, np.array([np.nan if v is None else _float(v) for v in plain])[codes])
    found: dict[Any, int] = {}
    places = []
    for value in plain:
        if isinstance(value, datetime.datetime):
            value = _shortened(value.isoformat())
        places.append(-1 if value is None else found.setdefault(value, len(found)))
    return Column(name, np.array(places, dtype=np.intp)[codes], list(found), declared)


def _plain(value: Any, name: str) -> Any:
    """A value as bool, int, float, str or datetime; None if it is missing."""
    if isinstance(value, str):
        return str(value) if value.strip() else None
    if value is None or type(value).__name__ in MISSING_TYPES:
        return None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, np.datetime64 | np.timedelta64):  # the second is also an integer to NumPy
        return None if np.isnat(value) else _plain_time(value)
    if isinstance(value, numbers.Real | decimal.Decimal):
        return _plain_number(value)
    if isinstance(value, datetime.date | datetime.time | datetime.timedelta):
        return _plain_time(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace") if value.strip() else None
    if isinstance(value, numbers.Complex):
        raise ArgumentError(f"Complex data not supported: column {name!r} has {complex(value)!r}")
    kind: Any = type(value)
    without_text = kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__
    if isinstance(value, NESTED) or without_text:
        raise _not_a_value(name, value)
    return str(value)


def _plain_number(value: Any) -> int | float | None:
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, fractions.Fraction):
        return _float(value)
    if isinstance(value, decimal.Decimal) and value.is_nan():
        return None
    real = float(value)
    return None if real != real else real


def _plain_time(value: Any) -> Any:
    """A point in time as a datetime without a time zone, a duration or a time of the day in seconds."""
    if isinstance(value, np.datetime64):
        return EPOCH + datetime.timedelta(microseconds=int(value.astype("datetime64[us]").astype(np.int64)))
    if isinstance(value, np.timedelta64):
        return float(value / np.timedelta64(1, "us")) / 1e6
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, datetime.time):
        return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
    if isinstance(value, datetime.datetime):
        # pandas' Timestamp is a datetime, with nanoseconds that would be warned of
        return datetime.datetime(
            value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond
        )
    return datetime.datetime(value.year, value.month, value.day)


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _not_a_value(name: str, value: Any) -> ArgumentError:
    return ArgumentError(
        f"column {name!r} holds objects of type {type(value).__name__}; a column of a table must hold "
        "numbers, texts, truth values or dates: make such columns of it, or leave it out"
    )
