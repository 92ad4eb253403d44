"""More columns for each number: its normal score, or how far it has come through its quantiles.

Networks learn smooth functions of their inputs most easily. What a scaled number hides, a step at
some value or a crowd of values close together, these columns show. Networks that see a table in
different forms err in different places, so that their mean is better than each of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from scipy.special import ndtri
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import QuantileTransformer
from sklearn.utils.validation import check_is_fitted, validate_data

from mlp.arrays import Array
from mlp.naming import is_integer, require, require_one_of

ENCODINGS = ("robust", "quantile", "piecewise")
STEEPNESS = 2.0  # of what a piecewise column spans, so that its spread is like that of the others
SCORES, SCORE = 3.0, 0.7  # where normal scores end, and what they are multiplied by
ROWS_PER_QUANTILE, MOST_QUANTILES, LEAST_QUANTILES = 30, 1000, 10
TINY = 1e-7
LEARNED = ("sources_", "edges_", "widths_", "means_")
MOST_ROWS = 100_000  # by which quantiles are found
MOST_PIECES = 512  # columns in all: of a wide table each number gets fewer


class PiecewiseLinearEncoder(TransformerMixin, BaseEstimator):
    """Each number as the shares of its bins that it has passed: 0 below a bin, 1 above, between linear.

    The bins end at the quantiles of the column, e_0 < e_1 < …: column t is
    min(max((x − e_t) / (e_{t+1} − e_t), 0), 1), minus its mean, times 2. Where quantiles coincide, at a
    value that many rows have, quantiles of the other values take their place; of few different values
    each is an end. A column that makes less than two bins gets none.

    Parameters
    ----------
    n_bins : int, default 16
        At most.

    Attributes
    ----------
    sources_ : ndarray of int, shape (o,)
        For each column made the column that it comes from.
    edges_, widths_, means_ : ndarray of shape (o,)
        Where its bin begins, how wide that is, and the mean of its share.
    n_features_in_ : int

    References
    ----------
    Y. Gorishniy, I. Rubachev and A. Babenko, "On embeddings for numerical features in tabular deep
    learning", NeurIPS (2022), section 3.1.

    Examples
    --------
    >>> PiecewiseLinearEncoder(n_bins=2).fit_transform([[0.0], [1.0], [2.0], [3.0], [4.0]])
    array([[-1.4, -0.6],
           [-0.4, -0.6],
           [ 0.6, -0.6],
           [ 0.6,  0.4],
           [ 0.6,  1.4]])
    """

    n_features_in_: int

    def __init__(self, n_bins: int = 16) -> None:
        self.n_bins = n_bins

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the bins.

        Parameters
        ----------
        X : array-like of shape (n, i)
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ArgumentError, ValueError
            If `n_bins` is not an integer of at least 1; if X has no finite numbers.
        """
        require(is_integer(self.n_bins) and self.n_bins > 0, "n_bins", self.n_bins, "a positive integer")
        X = validate_data(self, X, dtype=(np.float64, np.float32))
        ends = np.quantile(X, np.linspace(0, 1, self.n_bins + 1), axis=0)
        bins = [self._distinct(*column) for column in zip(X.T, ends.T, strict=True)]
        bins = [edges if len(edges) > 2 else edges[:0] for edges in bins]
        counts = [max(len(edges) - 1, 0) for edges in bins]
        self.sources_ = np.repeat(np.arange(len(bins)), counts)
        self.edges_ = np.concatenate([edges[:-1] for edges in bins]).astype(X.dtype)
        self.widths_ = np.concatenate([np.diff(edges) for edges in bins]).astype(X.dtype)
        self.means_ = np.zeros(len(self.edges_), X.dtype)
        self.means_ = self._shares(X).mean(axis=0, dtype=np.float64).astype(X.dtype)
        return self

    def transform(self, X: Any) -> Array:
        """The shares of the bins.

        Parameters
        ----------
        X : array-like of shape (n, i)

        Returns
        -------
        ndarray of shape (n, o)

        Raises
        ------
        ValueError
            If X has other columns than in `fit`.
        """
        check_is_fitted(self)
        return self.encoded(validate_data(self, X, dtype=(np.float64, np.float32), reset=False))

    def encoded(self, X: Array) -> Array:
        """As `transform`, of floats that need no checks."""
        shares = self._shares(X)
        shares -= self.means_
        shares *= STEEPNESS
        return shares

    def _distinct(self, x: Array, ends: Array) -> Array:
        """Where the bins of a column end: at its quantiles, and at others where some coincide."""
        found, counts = np.unique(ends, return_counts=True)
        if len(found) == len(ends):
            return found
        values = np.unique(x)
        if len(values) <= len(ends):
            return values
        rest = x[~np.isin(x, found[counts > 1])]
        if len(rest) < LEAST_QUANTILES:
            return found
        more = np.quantile(rest, np.linspace(0, 1, len(ends) - len(found) + 2))
        return np.unique(np.concatenate([found, more]))

    def _shares(self, X: Array) -> Array:
        shares = np.take(X, self.sources_, axis=1)
        shares -= self.edges_
        shares /= self.widths_
        return np.clip(shares, 0, 1, out=shares)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class NumericEncodings:
    """The further columns that each kind of network gets for the scaled numbers of a table.

    Parameters
    ----------
    names : sequence of {"robust", "quantile", "piecewise"}
        "robust" adds none. "quantile" adds normal scores, "piecewise" those of `PiecewiseLinearEncoder`.

    Attributes
    ----------
    widths : dict of str to int
        How many columns each adds.
    """

    def __init__(self, names: Sequence[str]) -> None:
        for name in names:
            require_one_of("encodings", name, ENCODINGS)
        right = len(names) > 0 and len(set(names)) == len(names)
        require(right, "encodings", names, f"one or some of {', '.join(ENCODINGS)}")
        self.names = tuple(names)
        self.widths = dict.fromkeys(self.names, 0)

    def fit(self, Z: Array) -> Self:
        """Learn from scaled numbers, shape (n, i); without any only one kind of network is left."""
        if not Z.shape[1]:
            self.names = self.names[:1]
        if "quantile" in self.names:
            quantiles = min(MOST_QUANTILES, max(len(Z) // ROWS_PER_QUANTILE, LEAST_QUANTILES), len(Z))
            self.scores = QuantileTransformer(
                n_quantiles=quantiles, output_distribution="normal", subsample=MOST_ROWS, random_state=0
            ).fit(Z)
        if "piecewise" in self.names:
            bins = max(2, min(16, MOST_PIECES // max(Z.shape[1], 1)))
            self.pieces = PiecewiseLinearEncoder(bins).fit(Z)
        self.widths = {name: self.columns(name, Z[:1]).shape[1] for name in self.names}
        return self

    def columns(self, name: str, Z: Array) -> Array:
        """What that encoding adds to the scaled numbers of some rows, float32."""
        if not Z.shape[1] or name == "robust":
            return np.empty((len(Z), 0), np.float32)
        if name == "piecewise":
            return self.pieces.encoded(Z).astype(np.float32, copy=False)
        scores = ndtri(
            [self._share_below(z, ends) for z, ends in zip(Z.T, self.scores.quantiles_.T, strict=True)]
        )
        return np.clip(scores.T, -SCORES, SCORES).astype(np.float32) * np.float32(SCORE)

    def _share_below(self, z: Array, ends: Array) -> Array:
        """The share of the rows in `fit` that lie below each of some numbers, from 0 to 1.

        As scikit-learn's transformer has it: the mean of both ways round where quantiles coincide, and the
        ends at the least and the largest number. Its own `transform` checks each call at length, which for
        one row is most of the time of a prediction.
        """
        shares = self.scores.references_
        rising = np.interp(z, ends, shares)
        falling = np.interp(-z, -ends[::-1], -shares[::-1])
        below: Array = 0.5 * (rising - falling)
        below[z < ends[0] + TINY] = 0
        below[z > ends[-1] - TINY] = 1
        return below

    def get_config(self) -> dict[str, Any]:
        """All that was learned, as plain data and arrays."""
        config: dict[str, Any] = {"names": list(self.names), "widths": dict(self.widths)}
        if "quantile" in self.names:
            config["quantiles"] = self.scores.quantiles_
        if "piecewise" in self.names:
            config["pieces"] = {name: getattr(self.pieces, name) for name in LEARNED}
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any], inputs: int) -> Self:
        """What `get_config` described, for so many scaled numbers.

        Raises
        ------
        ArgumentError
            If it describes nothing of the kind.
        """
        names = config["names"]
        require(isinstance(names, list), "names", names, "a list")
        made = cls(names)
        if "quantile" in made.names:
            made.scores = _transformer(config["quantiles"], inputs)
        if "piecewise" in made.names:
            made.pieces = _encoder(config["pieces"], inputs)
        some = np.zeros((1, inputs), np.float32)
        made.widths = {name: made.columns(name, some).shape[1] for name in made.names}
        require(made.widths == config["widths"], "widths", config["widths"], str(made.widths))
        return made


def _transformer(quantiles: Array, inputs: int) -> QuantileTransformer:
    """A fitted transformer with these quantiles."""
    right = isinstance(quantiles, np.ndarray) and quantiles.ndim == 2 and quantiles.shape[1] == inputs
    right = right and len(quantiles) > 0 and bool(np.isfinite(quantiles).all())
    require(right, "quantiles", quantiles, f"finite numbers in {inputs} columns")
    made = QuantileTransformer(n_quantiles=len(quantiles), output_distribution="normal", subsample=None)
    made.quantiles_, made.n_quantiles_ = quantiles, len(quantiles)
    made.references_, made.n_features_in_ = np.linspace(0, 1, len(quantiles)), inputs
    return made


def _encoder(pieces: Mapping[str, Array], inputs: int) -> PiecewiseLinearEncoder:
    """A fitted encoder with these bins."""
    made = PiecewiseLinearEncoder()
    arrays = [pieces[name] for name in LEARNED]
    right = all(isinstance(array, np.ndarray) and array.ndim == 1 for array in arrays)
    right = right and len({len(array) for array in arrays}) == 1
    right = right and all(bool(np.isfinite(array).all()) for array in arrays)
    require(right, "pieces", pieces, f"finite numbers, as many in each of {', '.join(LEARNED)}")
    made.__dict__.update(zip(LEARNED, arrays, strict=True))
    places = made.sources_
    right = places.dtype.kind == "i" and bool(((places >= 0) & (places < inputs)).all())
    require(right and bool((made.widths_ > 0).all()), "pieces", pieces, f"bins of {inputs} columns")
    made.n_features_in_ = inputs
    return made
