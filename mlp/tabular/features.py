"""What becomes of one column of a table: numbers, and gaps, or the codes of its categories."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.naming import is_integer, require
from mlp.tabular.columns import CATEGORICAL, DATE, NUMERIC, Column
from mlp.tabular.encoding import categories_of, codes_of, encoded_names

FEW_CATEGORIES = 20  # up to so many are never taken for free text, however few the rows
UNIQUE_SHARE = 0.9  # of the values are different: names, or free text
PARTS = ("seconds", "year", "month", "day", "weekday", "hour", "minute")
KINDS = (NUMERIC, CATEGORICAL, DATE)
MOST_ONE_HOT = 1000  # columns; with more a table of many rows would take gigabytes


@dataclass
class Feature:
    """A column that is used.

    Attributes
    ----------
    place : int
        Of the column in the table of `fit`.
    name : str
    kind : {"numeric", "categorical", "date"}
    gaps : bool
        Whether a column of the matrix tells where values are missing.
    parts : list of str
        Of a date, those that are used.
    known : list of bool, int, float and str
        The categories.
    embedded : bool
        Whether the categories become codes and not one-hot columns.
    """

    place: int
    name: str
    kind: str
    gaps: bool = False
    parts: list[str] = field(default_factory=list)
    known: list[Any] = field(default_factory=list)
    embedded: bool = False

    @property
    def numbers(self) -> int:
        """How many columns of numbers it becomes."""
        return {NUMERIC: 1, DATE: len(self.parts)}.get(self.kind, 0)

    @property
    def one_hots(self) -> int:
        """How many one-hot columns it becomes."""
        if self.kind != CATEGORICAL or self.embedded:
            return 0
        return 1 if len(self.known) == 2 else len(self.known)

    def read(self, column: Column) -> Array:
        """Numbers (n, numbers), float64 with NaN for gaps; or the codes (n,) of categories, −1 for gaps."""
        if self.kind == CATEGORICAL:
            return codes_of(column, self.known)
        if self.kind == DATE:
            return parts_of(column.dates())[:, [PARTS.index(part) for part in self.parts]]
        return column.numbers()[:, None]

    def names(self) -> list[str]:
        """The names of its numbers or one-hot columns."""
        if self.kind == CATEGORICAL:
            return [self.name] if self.embedded else encoded_names(self.name, self.known)
        return [f"{self.name}_{part}" for part in self.parts] if self.kind == DATE else [self.name]

    def get_config(self) -> dict[str, Any]:
        """All of it as plain data."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: Any) -> "Feature":
        """Build the feature that `get_config` described.

        Raises
        ------
        ArgumentError
            If it describes none.
        """
        names = cls.__dataclass_fields__.keys()
        require(
            isinstance(config, Mapping) and config.keys() == names, "a feature", config, "one of get_config"
        )
        made = cls(**config)
        require(is_integer(made.place) and made.place >= 0, "place", made.place, "the number of a column")
        require(isinstance(made.name, str), "name", made.name, "a text")
        require(isinstance(made.kind, str) and made.kind in KINDS, "kind", made.kind, ", ".join(KINDS))
        for switch in ("gaps", "embedded"):
            require(isinstance(config[switch], bool), switch, config[switch], "True or False")
        for listing in ("parts", "known"):
            require(isinstance(config[listing], list), listing, config[listing], "a list")
        parts = [part for part in PARTS if part in made.parts]
        require(
            parts == made.parts and bool(parts) == (made.kind == DATE), "parts", made.parts, "those of dates"
        )
        plain = all(isinstance(value, bool | int | float | str) for value in made.known)
        different = plain and len(set(made.known)) == len(made.known)
        right = different and bool(made.known) == (made.kind == CATEGORICAL)
        require(right, "known", made.known, "different numbers and texts, of a categorical column")
        odd = (made.kind == CATEGORICAL and made.gaps) or (made.kind != CATEGORICAL and made.embedded)
        require(not odd, "gaps, embedded", (made.gaps, made.embedded), f"as a {made.kind} column can have it")
        return made


def feature_of(
    column: Column, place: int, declared: bool, dates: bool, gaps: bool, min_frequency: int
) -> tuple[Feature | None, str]:
    """What becomes of a column, or None and the reason why it is left out.

    Parameters
    ----------
    column : Column
    place : int
    declared : bool
        It is categorical whatever it holds.
    dates : bool
        Whether dates are used.
    gaps : bool
        Whether missing numbers are told of.
    min_frequency : int
    """
    kind = CATEGORICAL if declared else column.kind(dates)
    if kind == CATEGORICAL:
        return _categories(column, place, declared, min_frequency)
    feature = Feature(place, column.name, kind)
    if kind == DATE and not dates:
        return None, "it holds dates"
    values = parts_of(column.dates()) if kind == DATE else column.numbers()[:, None]
    missing = np.isnan(values[:, 0])
    present = values[~missing]
    if not len(present):
        return None, "all missing"
    feature.gaps = gaps and bool(missing.any())
    varying = (present != present[0]).any(axis=0)
    if not (varying.any() or feature.gaps):
        return None, "constant"
    if kind == DATE:
        feature.parts = [part for part, varies in zip(PARTS, varying, strict=True) if varies] or [PARTS[0]]
    return feature, ""


def _categories(column: Column, place: int, declared: bool, min_frequency: int) -> tuple[Feature | None, str]:
    codes, _ = column.factorized()
    present = int(np.count_nonzero(codes >= 0))
    known, different = categories_of(column, min_frequency)
    if not present:
        return None, "all missing"
    if different == 1 and present == len(codes):
        return None, "constant"
    if not declared and different > max(FEW_CATEGORIES, UNIQUE_SHARE * present):
        every = "every row has" if different == present else "nearly every row has"
        return None, f"{every} another value"
    if not known:
        return None, f"no value is in {min_frequency:,} rows"
    return Feature(place, column.name, CATEGORICAL, known=known), ""


def embed_large(features: list[Feature], limit: int | None) -> None:
    """Have those embedded that have more categories than the limit, or make the matrix too wide.

    Parameters
    ----------
    features : list of Feature
    limit : int or None
        None: only what makes the matrix too wide.
    """
    for feature in features:
        feature.embedded = limit is not None and len(feature.known) > limit
    total = sum(feature.one_hots for feature in features)
    for feature in sorted(features, key=lambda f: -f.one_hots):
        if total <= MOST_ONE_HOT:
            break
        total -= feature.one_hots
        feature.embedded = True


def parts_of(dates: Array) -> Array:
    """Seconds since 1970, year, month, day, weekday (0 is Monday), hour and minute: (n, 7), NaN for NaT.

    Examples
    --------
    >>> parts_of(np.array(["1970-01-02T03:04:05"], dtype="datetime64[us]")).astype(int)
    array([[97445,  1970,     1,     2,     4,     3,     4]])
    """
    day, month, year = (dates.astype(f"datetime64[{unit}]") for unit in "DMY")
    parts = (
        (dates - np.datetime64(0, "us")) / np.timedelta64(1, "s"),
        year.astype(np.int64) + 1970,
        month.astype(np.int64) % 12 + 1,
        (day - month.astype("datetime64[D]")).astype(np.int64) + 1,
        (day.astype(np.int64) + 3) % 7,
        (dates - day).astype("timedelta64[h]").astype(np.int64),
        (dates - day).astype("timedelta64[m]").astype(np.int64) % 60,
    )
    found = np.column_stack(parts).astype(np.float64)
    found[np.isnat(dates)] = np.nan
    return found
