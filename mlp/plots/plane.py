"""The plane on which a boundary is drawn: two features, a slice through more, or two principal components."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import MissingPackageError
from mlp.naming import is_integer, require
from mlp.plots import style


class Table:
    """Rows of data whose numeric columns can be looked at, and from which others like them can be made.

    Parameters
    ----------
    X : array-like of shape (n, d), or data frame
    names : sequence of str, optional
        Of the columns; by default those of a frame, or x1, x2 …

    Attributes
    ----------
    values : Array of shape (n, m)
        The numeric columns.
    names : list of str
        Of these.
    usual : Array of shape (m,)
        Their medians. Other columns of a frame are taken at their most frequent value.
    """

    def __init__(self, X: Any, names: Sequence[str] | None = None) -> None:
        X = X.toarray() if hasattr(X, "toarray") else _pandas(X) if hasattr(X, "to_pandas") else X
        self.frame = X if hasattr(X, "iloc") and hasattr(X, "columns") else None
        if self.frame is None:
            self.values = _as_floats(np.asarray(X))
            numeric = self.values.dtype.kind in "biuf" and self.values.ndim == 2
            require(numeric and len(self.values) > 0, "X", X, "rows of numbers, shape (n, features)")
            self.values = self.values.astype(np.float64)
        else:
            self.keys = [key for key in X.columns if getattr(X[key].dtype, "kind", "O") in "biuf"]
            usable = len(self.keys) > 0 and len(X) > 0
            require(usable, "X", list(X.columns), "a frame with rows and numeric columns")
            self.values = X[self.keys].to_numpy(np.float64)
            names = names if names is not None else [str(key) for key in self.keys]
        known = bool(np.isfinite(self.values).any(axis=0).all())
        require(known, "X", X, "columns with at least one finite number")
        self.names = style.names_of(names, self.values.shape[1], "names", "x")
        self.usual = np.nanmedian(np.where(np.isfinite(self.values), self.values, np.nan), axis=0)

    def rows(self, values: Array) -> Any:
        """Rows with these numeric columns, shape (k, m), in the form of X."""
        if self.frame is None:
            return values
        made = self.frame.iloc[np.zeros(len(values), np.intp)].reset_index(drop=True)
        for key in self.frame.columns:
            if key in self.keys:
                made[key] = values[:, self.keys.index(key)]
            else:
                modes = self.frame[key].mode()
                made[key] = [modes.iloc[0] if len(modes) else self.frame[key].iloc[0]] * len(made)
        return made

    def place(self, feature: Any) -> int:
        """The number of a column, from that number or from its name."""
        if isinstance(feature, str) and feature in self.names:
            return self.names.index(feature)
        fits = is_integer(feature) and -len(self.names) <= feature < len(self.names)
        known = ", ".join(self.names[:10]) + (" …" if len(self.names) > 10 else "")
        hint = f"numbers below {len(self.names)} or names of numeric columns ({known})"
        require(fits, "features", feature, hint)
        return int(feature) % len(self.names)


def _pandas(frame: Any) -> Any:
    """A frame of polars as one of pandas."""
    try:
        return frame.to_pandas()
    except ImportError as error:
        raise MissingPackageError(
            "a polars frame needs pandas and pyarrow here: pip install pandas pyarrow; or give x.to_numpy()"
        ) from error


def _as_floats(values: Array) -> Array:
    """An array of objects that are all numbers as one of numbers; any other as it is."""
    try:
        return values.astype(np.float64) if values.dtype == object else values
    except (TypeError, ValueError):
        return values


class Plane:
    """One or two directions in the space of the features.

    Parameters
    ----------
    table : Table
    features : int, str or pair of them, optional
        Which columns. Without them those two that there are, or two principal components.
    stacklevel : int
        Of the warning which says that these are drawn.

    Attributes
    ----------
    points : Array of shape (n, 1) or (n, 2)
        Where the rows of the table lie.
    labels : list of str
        Of the axes.
    note : str
        What is left out.
    """

    def __init__(self, table: Table, features: Any = None, stacklevel: int = 3) -> None:
        self.table, width = table, table.values.shape[1]
        self.note = ""
        if features is None and width > 2:
            self._project(stacklevel + 1)
            return
        wanted: Any = features if features is not None else range(width)
        chosen = [wanted] if isinstance(wanted, str) or np.ndim(wanted) == 0 else list(wanted)
        require(len(chosen) in (1, 2), "features", features, "one or two columns, by number or name")
        places = [table.place(feature) for feature in chosen]
        require(len(set(places)) == len(places), "features", features, "two different columns")
        self.points, self.labels = table.values[:, places], [table.names[k] for k in places]
        if width > len(places):
            self.note = "the other features at their medians"

        def back(points: Array) -> Array:
            values = np.tile(table.usual, (len(points), 1))
            values[:, places] = points
            return values

        self.back: Callable[[Array], Array] = back

    def _project(self, stacklevel: int) -> None:
        from sklearn.decomposition import PCA
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        table = self.table
        values = np.where(np.isfinite(table.values), table.values, table.usual)
        require(len(values) > 2, "X", f"{len(values)} rows", "three rows or more, or features=(i, j)")
        varies = bool((values != values[0]).any())
        require(varies, "X", "the same row everywhere", "rows that differ, or features=(i, j)")
        projection = make_pipeline(StandardScaler(), PCA(2)).fit(values)
        shares = projection[-1].explained_variance_ratio_
        self.points, self.back = projection.transform(values), projection.inverse_transform
        self.labels = [
            f"principal component {k + 1} ({share:.0%} of variance)" for k, share in enumerate(shares)
        ]
        warnings.warn(
            f"there are {values.shape[1]} features: the plane of the first two principal components of the "
            f"scaled features is drawn, with {shares.sum():.0%} of their variance; points lie where "
            "they are projected to, and off the plane the model may answer otherwise. features=(i, j) draws "
            "a slice along two features, with the others at their medians",
            UserWarning,
            stacklevel=stacklevel,
        )

    def some(self, most: int, stacklevel: int) -> Array:
        """Which rows are drawn as points: all, or so many of more, which would only lie over each other."""
        count = len(self.points)
        if count <= most:
            return np.arange(count)
        warnings.warn(
            f"{most:,} of the {count:,} rows are drawn, taken at random; for others give a part of X and y",
            UserWarning,
            stacklevel=stacklevel,
        )
        return np.sort(np.random.default_rng(0).choice(count, most, replace=False))

    def grid(self, resolution: int) -> list[Array]:
        """Coordinates over the points and a little beyond: one vector, or the two of a mesh."""
        sides = []
        for column in self.points.T:
            finite = column[np.isfinite(column)]
            low, high = float(finite.min()), float(finite.max())
            margin = 0.08 * (high - low) or 0.5
            sides.append(np.linspace(low - margin, high + margin, resolution))
        return sides if len(sides) == 1 else list(np.meshgrid(*sides))

    def rows(self, grid: Sequence[Array]) -> Any:
        """The rows at the points of a grid, in the form of X."""
        return self.table.rows(self.back(np.stack([side.ravel() for side in grid], axis=1)))
