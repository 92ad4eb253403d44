"""Parts of the rows for validation, and weights of rows by their class."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.naming import is_integer, require, require_in

Rows = tuple[Array, Array, Array | None]  # inputs, targets, weights


def split_tail(fraction: float, X: Array, T: Array, weight: Array | None) -> tuple[Rows, Rows]:
    """Cut the last `fraction` of the rows off, as Keras's `validation_split` does, before any shuffling.

    Raises
    ------
    ArgumentError
        If one of the two parts would be empty.
    """
    require_in("(0, 1)", "validation_split", fraction)
    rows = len(X)
    cut = int(np.floor(rows * (1 - fraction)))
    if cut in (0, rows):
        raise ArgumentError(
            f"validation_split={fraction!r} must leave rows for both parts; of {rows} rows it would train "
            f"with {cut}"
        )
    head, tail = (None, None) if weight is None else (weight[:cut], weight[cut:])
    return (X[:cut], T[:cut], head), (X[cut:], T[cut:], tail)


def weights_of_classes(class_weight: Any, T: Array) -> Array:
    """The weight of each row by its class, shape (n,).

    Parameters
    ----------
    class_weight : dict of int to float, or "balanced"
        Weights by class number; a class that is not named counts 1. "balanced" gives each class the same
        total weight, n / (classes · count), as scikit-learn has it.
    T : Array
        Labels (n, 1), one-hot rows (n, o), or one column of 0 and 1.
    """
    one_hot = T.shape[1] > 1
    found, place, counts = _classes(T)
    if isinstance(class_weight, str) and class_weight == "balanced":
        return (len(T) / (len(found) * counts))[place]
    if not isinstance(class_weight, Mapping):
        raise ArgumentError(
            f"class_weight must be a dict from class number to weight, or 'balanced'; got {class_weight!r}"
        )
    classes = f"a class from 0 to {T.shape[1] - 1}" if one_hot else "a class, an integer of at least 0"
    for label, weight in class_weight.items():
        known = is_integer(label) and 0 <= label < (T.shape[1] if one_hot else math.inf)
        require(known, "each key of class_weight", label, classes)
        require_in("[0, inf)", f"class_weight[{label}]", weight)
    return np.array([float(class_weight.get(int(label), 1)) for label in found])[place]


def balanced_weights(T: Array) -> dict[int, float]:
    """The weights that "balanced" stands for, by class number; T as in `weights_of_classes`."""
    found, _, counts = _classes(T)
    weights = len(T) / (len(found) * counts)
    return {int(label): float(weight) for label, weight in zip(found, weights, strict=True)}


def _classes(T: Array) -> tuple[Array, Array, Array]:
    """The classes that there are, the place among them of each row's, and how often each comes."""
    one_hot = T.shape[1] > 1
    labels = T.argmax(axis=1) if one_hot else T[:, 0]
    found, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    several = one_hot and (np.abs(T.sum(axis=1) - 1) > 1e-3).any()
    if several or found[0] < 0 or (found % 1).any():
        raise ArgumentError(
            "class_weight needs one class a row, as a label 0, 1, 2 … or one-hot; these targets are several "
            "labels a row or numbers. Weigh the rows by sample_weight."
        )
    return found, place, counts
