"""From a raw table to the inputs of a network: which columns, in which form, on which scale."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from mlp.arrays import Array
from mlp.datasets import listed
from mlp.errors import ArgumentError
from mlp.naming import is_integer, require, require_bool, require_one_of
from mlp.tabular.columns import CATEGORICAL
from mlp.tabular.encoding import require_positive, signed_table
from mlp.tabular.features import Feature, embed_large, feature_of
from mlp.tabular.reading import RawTable, name_of, places_of, read, remember
from mlp.tabular.scaling import scaled, statistics, statistics_of_counts

CLIP = 3.0
MISSING = ("median+indicator", "median")
PARAMETERS = ("categorical_columns", "one_hot_limit", "min_frequency", "dates", "missing")


class TablePreprocessor(TransformerMixin, BaseEstimator):
    """A table with numbers, categories, dates and gaps as one matrix of float32 without gaps.

    Its columns are, in this order:

    1. numbers, and the parts of dates that are not always the same (seconds since 1970, year, month,
       day, weekday, hour, minute), scaled as by `SmoothRobustScaler`; a gap is 0, the median;
    2. with `missing="median+indicator"`, for each column that had gaps in `fit`: 1 for a gap, else −1;
    3. categories in the form of `SignedOneHotEncoder`, scaled in the same way;
    4. categories to be embedded: 0 for a gap or one not seen in `fit`, else 1, 2, 3 …

    A column is numeric by its type, or if all its texts are numbers; truth values, texts and types for
    categories are categorical; a column of dates may be one of texts in ISO 8601. Dates with a time
    zone count by the local time. Left out are columns with one value, without any, and texts that are
    different in (nearly) every row; `fit` tells of it by a `UserWarning`.

    Parameters
    ----------
    categorical_columns : sequence of str or int, optional
        Columns that are categorical whatever they hold, by name or by place.
    one_hot_limit : int, optional
        A column with more categories than these is embedded. By default none is, up to 1,000 one-hot
        columns in all; beyond that those with the most categories are.
    min_frequency : int, default 1
        A category in fewer rows than these counts as not seen.
    dates : bool, default True
        Whether dates are used.
    missing : {"median+indicator", "median"}, default "median+indicator"

    Attributes
    ----------
    n_numeric_, n_indicators_, n_one_hot_ : int
        Number of columns of the first three kinds above.
    embedding_sizes_ : list of int
        For each embedded column the number of known categories, and 1.
    kinds_ : dict of str to str
        "numeric", "categorical" or "date" for each column that is used.
    ignored_columns_ : dict of str to str
        The reason for each column that is not.
    sources_ : ndarray of int
        For each column of the matrix the place of the column in the table that it comes from.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        If `fit` was given a frame with names.

    Examples
    --------
    >>> X = [[20.0, "dry"], [30.0, "wet"], [40.0, "dry"], [None, "wet"]]
    >>> preprocessor = TablePreprocessor().fit(X)
    >>> preprocessor.get_feature_names_out()
    array(['x0', 'x0_missing', 'x1'], dtype=object)
    >>> preprocessor.transform(X).round(2)
    array([[-0.95, -1.  ,  0.49],
           [ 0.  , -1.  , -0.49],
           [ 0.95, -1.  ,  0.49],
           [ 0.  ,  1.  , -0.49]], dtype=float32)
    """

    n_features_in_: int

    def __init__(
        self,
        categorical_columns: Sequence[str | int] | None = None,
        one_hot_limit: int | None = None,
        min_frequency: int = 1,
        dates: bool = True,
        missing: str = "median+indicator",
    ) -> None:
        self.categorical_columns = categorical_columns
        self.one_hot_limit = one_hot_limit
        self.min_frequency = min_frequency
        self.dates = dates
        self.missing = missing

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the kinds of the columns, their scales and categories.

        Parameters
        ----------
        X : frame, array-like or table of shape (n, i)
        y : ignored

        Returns
        -------
        self

        Warns
        -----
        UserWarning
            If columns are left out, with the reasons.

        Raises
        ------
        ArgumentError
            If no column can be used; if a column of `categorical_columns` is not there or two columns
            have the same name; if one holds lists, complex numbers or other objects.
        """
        self.learn(X)
        self.tell_ignored(stacklevel=3)
        return self

    def learn(self, X: Any) -> None:
        """As `fit`, and say nothing of what is left out."""
        self._check_parameters()
        table = read(X)
        declared = self._declared(table)
        features, ignored, columns = [], {}, []
        for place in range(table.width):
            column = table.column(place, name_of(table, place))
            feature, reason = feature_of(
                column, place, place in declared, self.dates, self.missing == MISSING[0], self.min_frequency
            )
            if feature is None:
                ignored[column.name] = reason
            else:
                features.append(feature)
                columns.append(feature.read(column))
        if not features:
            raise ArgumentError(
                f"no column of X can be used; with n_samples={table.rows}: {_reasons(ignored)}. "
                "A column must have at least two different values"
            )
        remember(self, table)
        embed_large(features, self.one_hot_limit)
        self.ignored_columns_ = ignored
        numbers = [c for f, c in zip(features, columns, strict=True) if f.numbers]
        codes = [c for f, c in zip(features, columns, strict=True) if f.one_hots]
        center, scale = _statistics(numbers, codes, [f for f in features if f.one_hots])
        self._set(features, center, scale)

    def tell_ignored(self, stacklevel: int = 2) -> None:
        """Warn of the columns that are left out, at the line of so many calls before."""
        ignored, total = self.ignored_columns_, self.n_features_in_
        if ignored:
            text = f"{len(ignored)} of {total} columns are left out: {_reasons(ignored)}"
            warnings.warn(text, stacklevel=stacklevel)

    def transform(self, X: Any) -> Array:
        """The matrix for a table.

        Parameters
        ----------
        X : frame, array-like or table of shape (n, i)
            A frame may have its columns in another order, and more of them.

        Returns
        -------
        ndarray of shape (n, o), float32, C-contiguous

        Warns
        -----
        UserWarning
            If a frame has columns that were not there in `fit`.

        Raises
        ------
        ArgumentError
            If a column is missing, or has a text where numbers or dates are expected.
        """
        return self.matrix(X, type(self).__name__)

    def matrix(self, X: Any, name: str) -> Array:
        """As `transform`, always as an array; errors and warnings call the estimator by this name."""
        check_is_fitted(self)
        table = read(X)
        places = places_of(self, name, table, [feature.place for feature in self._features])
        numbers, gaps, codes = self._read(table, places)
        out = np.empty((table.rows, len(self.sources_)), dtype=np.float32)
        first, second = self.n_numeric_, self.n_numeric_ + self.n_indicators_
        block = scaled(numbers, self._center[:first], self._scale[:first], CLIP, out[:, :first])
        block[np.isnan(block)] = 0.0
        for k, missing in enumerate(gaps, first):
            np.subtract(2.0 * missing, 1.0, out=out[:, k])
        for encoded, places_known in zip(self._tables, codes, strict=False):
            third = second + encoded.shape[1]
            out[:, second:third] = encoded[places_known]
            second = third
        for k, places_known in enumerate(codes[len(self._tables) :], second):
            np.add(places_known, 1, out=out[:, k], casting="same_kind")
        return out

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """The names of the matrix' columns.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        names = [name for feature in self._features if feature.numbers for name in feature.names()]
        names += [f"{feature.name}_missing" for feature in self._features if feature.gaps]
        names += [name for feature in _categorical(self._features) for name in feature.names()]
        return np.array(names, dtype=object)

    def get_config(self) -> dict[str, Any]:
        """The parameters and all that was learned: plain data and arrays of NumPy.

        Returns
        -------
        dict
        """
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        parameters = {name: getattr(self, name) for name in PARAMETERS}
        if self.categorical_columns is not None:
            parameters["categorical_columns"] = np.asarray(self.categorical_columns, dtype=object).tolist()
        return {
            "parameters": parameters,
            "n_features": self.n_features_in_,
            "names": None if names is None else names.tolist(),
            "ignored": dict(self.ignored_columns_),
            "features": [feature.get_config() for feature in self._features],
            "center": self._center,
            "scale": self._scale,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build the preprocessor that `get_config` described, equal to the bit.

        Raises
        ------
        ArgumentError
            If it describes none.
        """
        keys = {"parameters", "n_features", "names", "ignored", "features", "center", "scale"}
        known = isinstance(config, Mapping) and config.keys() == keys
        require(known, "config", config, "the result of get_config")
        parameters, names, ignored = config["parameters"], config["names"], config["ignored"]
        known = isinstance(parameters, Mapping) and tuple(parameters) == PARAMETERS
        require(known, "parameters", parameters, f"those of {cls.__name__}")
        made = cls(**parameters)
        made._check_parameters()
        made.n_features_in_ = config["n_features"]
        require_positive("n_features", made.n_features_in_)
        if names is not None:
            _require_texts("names", names)
            right = len(set(names)) == len(names) == made.n_features_in_
            require(right, "names", names, f"{made.n_features_in_} different texts")
            made.feature_names_in_ = np.array(names, dtype=object)
        require(isinstance(ignored, dict), "ignored", ignored, "names of columns and reasons")
        _require_texts("ignored", [*ignored, *ignored.values()])
        made.ignored_columns_ = dict(ignored)
        require(isinstance(config["features"], list), "features", config["features"], "a list")
        features = [Feature.from_config(item) for item in config["features"]]
        places = [feature.place for feature in features]
        right = bool(places) and places == sorted(set(places)) and places[-1] < made.n_features_in_
        require(right, "places", places, f"ascending, from 0 to {made.n_features_in_ - 1}")
        width = sum(feature.numbers + feature.one_hots for feature in features)
        for name in ("center", "scale"):
            array = config[name]
            right = isinstance(array, np.ndarray) and array.dtype == np.float64 and array.shape == (width,)
            right = (
                right and bool(np.isfinite(array).all()) and (name == "center" or bool((array >= 0).all()))
            )
            require(right, name, array, f"{width} finite numbers")
        made._set(features, config["center"].copy(), config["scale"].copy())
        return made

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _check_parameters(self) -> None:
        if self.one_hot_limit is not None:
            right = is_integer(self.one_hot_limit) and self.one_hot_limit >= 0
            require(right, "one_hot_limit", self.one_hot_limit, "a number of categories, or None")
        require_positive("min_frequency", self.min_frequency)
        require_bool("dates", self.dates)
        require_one_of("missing", self.missing, MISSING)
        columns = () if self.categorical_columns is None else self.categorical_columns
        right = isinstance(columns, Iterable) and not isinstance(columns, str | bytes)
        right = right and all(isinstance(column, str) or is_integer(column) for column in columns)
        require(right, "categorical_columns", columns, "names or numbers of columns in a list, or None")

    def _declared(self, table: RawTable) -> set[int]:
        found = set()
        names = [name_of(table, place) for place in range(table.width)]
        for column in () if self.categorical_columns is None else self.categorical_columns:
            there = column in names if isinstance(column, str) else -table.width <= column < table.width
            require(there, "categorical_columns", column, f"of the columns {listed(names)}")
            found.add(names.index(column) if isinstance(column, str) else int(column) % table.width)
        return found

    def _set(self, features: list[Feature], center: Array, scale: Array) -> None:
        """Keep what was learned, and what follows from it."""
        self._features, self._center, self._scale = features, center, scale
        categorical = _categorical(features)
        one_hot = [feature for feature in categorical if not feature.embedded]
        self.n_numeric_ = sum(feature.numbers for feature in features)
        self.n_indicators_ = sum(feature.gaps for feature in features)
        self.n_one_hot_ = sum(feature.one_hots for feature in features)
        self.embedding_sizes_ = [len(feature.known) + 1 for feature in features if feature.embedded]
        self.kinds_ = {feature.name: feature.kind for feature in features}
        sources = [feature.place for feature in features for _ in range(feature.numbers)]
        sources += [feature.place for feature in features if feature.gaps]
        sources += [f.place for f in categorical for _ in range(1 if f.embedded else f.one_hots)]
        self.sources_ = np.array(sources, dtype=np.intp)
        self._tables, done = [], self.n_numeric_
        for feature in one_hot:
            part = slice(done, done + feature.one_hots)
            encoded = signed_table(len(feature.known))
            self._tables.append(scaled(encoded, center[part], scale[part], CLIP, encoded))
            done += feature.one_hots

    def _read(self, table: RawTable, places: list[int]) -> tuple[Array, list[Array], list[Array]]:
        """Numbers (n, n_numeric_), where gaps are, and codes in the order of the matrix."""
        plain = table.numbers(places) if self.n_numeric_ == len(places) else None
        if plain is not None and not any(feature.parts for feature in self._features):
            return plain, [np.isnan(plain[:, k]) for k, f in enumerate(self._features) if f.gaps], []
        numbers = np.empty((self.n_numeric_, table.rows))
        gaps, codes, done = [], {}, 0
        for feature, place in zip(self._features, places, strict=True):
            values = feature.read(table.column(place, feature.name))
            if feature.kind == CATEGORICAL:
                codes[feature.place] = values
                continue
            numbers[done : done + feature.numbers] = values.T
            done += feature.numbers
            if feature.gaps:
                gaps.append(np.isnan(values[:, 0]))
        return numbers.T, gaps, [codes[feature.place] for feature in _categorical(self._features)]


def _categorical(features: list[Feature]) -> list[Feature]:
    """Those of categories in the order of the matrix: the embedded ones last."""
    return sorted((f for f in features if f.kind == CATEGORICAL), key=lambda feature: feature.embedded)


def _statistics(numbers: list[Array], codes: list[Array], one_hot: list[Feature]) -> tuple[Array, Array]:
    """Medians and factors of the numbers and the one-hot columns."""
    centers, factors = [np.empty(0)], [np.empty(0)]
    if numbers:
        center, factor = statistics(np.hstack(numbers))
        centers.append(center)
        factors.append(factor)
    for places, feature in zip(codes, one_hot, strict=True):
        counts = np.bincount(places + 1, minlength=len(feature.known) + 1)
        if feature.one_hots == 1 and len(feature.known) == 2:
            values, counts = np.array([[-1.0], [0.0], [1.0]]), counts[[2, 0, 1], None]
        else:
            values = np.repeat([[0.0], [1.0]], feature.one_hots, axis=1)
            counts = np.array([len(places) - counts[1:], counts[1:]])
        center, factor = statistics_of_counts(values, counts)
        centers.append(center)
        factors.append(factor)
    return np.concatenate(centers), np.concatenate(factors)


def _reasons(ignored: Mapping[str, str]) -> str:
    return listed([f"{name!r} ({reason})" for name, reason in ignored.items()])


def _require_texts(argument: str, items: Any) -> None:
    right = isinstance(items, list) and all(isinstance(text, str) for text in items)
    require(right, argument, items, "texts")
