"""A raw table and its targets as numbers, and what is asked of them before anything is learned."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_sample_weight

from mlp.arrays import Array
from mlp.tabular.preprocessing import TablePreprocessor
from mlp.tabular.recipe import Recipe
from mlp.tabular.targets import Target


@dataclass
class Prepared:
    """A raw table and its targets as numbers, row for row.

    Parameters
    ----------
    table : TablePreprocessor
    recipe : Recipe
    target : Target
    inputs, T : Array of shape (n, …)
    sample_weight, weight : Array of shape (n,) or None
        As given, and with those of the classes.
    known : Array
        The places of the rows from which anything can be learned.
    """

    table: TablePreprocessor
    recipe: Recipe
    target: Target
    inputs: Array
    T: Array
    sample_weight: Array | None
    weight: Array | None
    known: Array

    def learnable(self) -> tuple[Array, Array, Array | None]:
        """Inputs, targets and weights of the rows from which anything can be learned."""
        known = slice(None) if len(self.known) == len(self.T) else self.known  # all: no copy
        weight = self.weight
        if weight is not None:
            weight = weight[known] / weight.max()  # or the sum of large ones has no end
        return self.inputs[known], self.T[known], weight


def require_y(estimator: BaseEstimator, y: Any) -> None:
    """Raise a `ValueError`, in the words of scikit-learn, if there is no target."""
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None."
        )


def checked_weights(sample_weight: Any, inputs: Array) -> Array | None:
    """The weights of at least two rows; a `ValueError` if they cannot be used."""
    if len(inputs) < 2:
        raise ValueError("Found array with 1 sample(s) while a minimum of 2 is required: one to judge by.")
    if sample_weight is None:
        return None
    weight: Array = _check_sample_weight(sample_weight, inputs, ensure_non_negative=True)
    return weight


def learnable_rows(T: Array, weight: Array | None) -> Array:
    """The places of the rows from which anything can be learned; a `ValueError` if fewer than two."""
    told = np.ones(len(T), bool) if T.dtype.kind != "f" else ~np.isnan(T).all(axis=1)
    if weight is not None:
        told &= weight > 0
    known = np.flatnonzero(told)
    if len(known) < 2:
        raise ValueError(
            f"Found array with {len(known)} sample(s) whose target is known and whose weight is not zero "
            "while a minimum of 2 is required: one to judge by."
        )
    return known
