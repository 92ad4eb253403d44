"""Categories as numbers: one column of ±1 for two of them, else one column for each."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from mlp.arrays import Array
from mlp.datasets import is_number
from mlp.errors import ArgumentError
from mlp.naming import is_integer, require
from mlp.tabular.columns import Column
from mlp.tabular.reading import name_of, places_of, read, remember


class SignedOneHotEncoder(TransformerMixin, BaseEstimator):
    """Two categories become one column of +1 and −1, others one column of 1 and 0 each.

    With two categories the first in sorted order is +1. A missing value, and a category that was not
    seen in `fit`, is 0 in all columns. Numbers sort before texts; 1, 1.0 and True are the same.

    Parameters
    ----------
    min_frequency : int, default 1
        A category in fewer rows than these counts as not seen.

    Attributes
    ----------
    categories_ : list of list
        The known categories of each column, sorted.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        If `fit` was given a frame with names.

    Examples
    --------
    >>> X = [["dry", "Roma"], ["wet", "Bari"], ["dry", "Pisa"], [None, "Bari"]]
    >>> SignedOneHotEncoder().fit_transform(X)
    array([[ 1.,  0.,  0.,  1.],
           [-1.,  1.,  0.,  0.],
           [ 1.,  0.,  1.,  0.],
           [ 0.,  1.,  0.,  0.]], dtype=float32)
    """

    categories_: list[list[Any]]
    n_features_in_: int

    def __init__(self, min_frequency: int = 1) -> None:
        self.min_frequency = min_frequency

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the categories of each column.

        Parameters
        ----------
        X : frame or array-like of shape (n, i)
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ArgumentError
            If `min_frequency` is no positive integer, X has no rows, two columns of one name, or
            something else than numbers, texts, truth values and dates.
        """
        require_positive("min_frequency", self.min_frequency)
        table = read(X)
        columns = [table.column(place, name_of(table, place)) for place in range(table.width)]
        remember(self, table)
        self.categories_ = [categories_of(column, self.min_frequency)[0] for column in columns]
        return self

    def transform(self, X: Any) -> Array:
        """Encode columns.

        Parameters
        ----------
        X : frame or array-like of shape (n, i)
            A frame may have its columns in another order, and more of them.

        Returns
        -------
        ndarray of shape (n, o), float32

        Raises
        ------
        ArgumentError
            If a column is missing.
        """
        check_is_fitted(self)
        table = read(X)
        places = places_of(self, type(self).__name__, table, range(self.n_features_in_))
        parts = []
        for place, known in zip(places, self.categories_, strict=True):
            codes = codes_of(table.column(place, name_of(table, place)), known)
            parts.append(signed_table(len(known))[codes])
        return np.hstack(parts)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """The name of each output column: ``name`` for ±1, else ``name_category``.

        Parameters
        ----------
        input_features : sequence of str, optional
            By default the names that `fit` has seen, or x0, x1, x2 …

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        given = input_features if input_features is not None else getattr(self, "feature_names_in_", None)
        names = [f"x{k}" for k in range(self.n_features_in_)] if given is None else list(given)
        if len(names) != self.n_features_in_:
            raise ArgumentError("input_features should have length equal to number of features")
        found = []
        for name, known in zip(names, self.categories_, strict=True):
            found += encoded_names(name, known)
        return np.array(found, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.sparse = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def require_positive(argument: str, value: Any) -> None:
    """Raise an `ArgumentError` unless the value is a positive integer."""
    require(is_integer(value) and value > 0, argument, value, "a positive integer")


def categories_of(column: Column, min_frequency: int = 1) -> tuple[list[Any], int]:
    """The categories that are in as many rows, sorted; and how many different ones there are in all."""
    codes, found = column.factorized()
    counts = np.bincount(codes + 1, minlength=len(found) + 1)[1:]
    known = [value for value, count in zip(found, counts.tolist(), strict=True) if count >= min_frequency]
    return sorted(known, key=_order), int(np.count_nonzero(counts))


def _order(value: Any) -> tuple[bool, Any]:
    return isinstance(value, str), value


def codes_of(column: Column, known: Sequence[Any]) -> Array:
    """The place of each value among the known categories, −1 for what is missing or not known."""
    codes, found = column.factorized()
    places = {value: place for place, value in enumerate(known)}
    texts = {str(value): place for place, value in enumerate(known)}
    # a category that is a number may be written as a text here, or there: in a CSV file all are
    there = [places.get(value, texts.get(str(value), -1)) for value in found]
    for k, value in enumerate(found):
        if there[k] < 0 and isinstance(value, str) and is_number(value):
            there[k] = places.get(float(value), -1)
    return np.array([*there, -1], dtype=np.intp)[codes]


def signed_table(count: int) -> Array:
    """The row for each of so many categories, and one of zeros for the code −1: (count + 1, o)."""
    if count == 2:
        return np.array([[1.0], [-1.0], [0.0]], dtype=np.float32)
    return np.eye(count + 1, count, dtype=np.float32)


def encoded_names(name: str, known: Sequence[Any]) -> list[str]:
    """The names of the columns that `signed_table` makes of a column."""
    return [name] if len(known) == 2 else [f"{name}_{category}" for category in known]
