"""Batches from arrays: rows are gathered into buffers that are reused, so nothing is allocated."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlp.arrays import Array, Workspace
from mlp.errors import ArgumentError

# X (n, ...), T (n, o) or labels (n, 1), and the factor of each row's loss (n,)
Batch = tuple[Array, Array, Array]


class ArrayData:
    """Arrays that have been checked, cut into batches of three kinds.

    Parameters
    ----------
    X, T : Array
        Inputs and targets, as the model and the loss want them.
    sample_weight : Array of shape (n,) or None
    share : callable
        What the weight of a row is multiplied by in a batch of that many rows: 1/n for a
        mean, 1 for a sum (`Loss.reduce`).
    """

    def __init__(
        self, X: Array, T: Array, sample_weight: Array | None, share: Callable[[int], float]
    ) -> None:
        self.X, self.T, self.sample_weight, self.share = X, T, sample_weight, share
        self.equal: dict[int, Array] = {}  # the factors of unweighted rows, by batch size
        self.dtype = X.dtype
        self.gathered = -1
        self.spaces = Workspace(), Workspace(), Workspace()

    def __len__(self) -> int:
        return len(self.X)

    def all(self) -> Batch:
        """Every row, without a copy."""
        return self.between(0, len(self.X))

    def sample(self, row: int) -> Batch:
        """One row, without a copy."""
        return self.between(row, row + 1)

    def between(self, start: int, stop: int) -> Batch:
        """The rows from `start` up to `stop`, without a copy."""
        X = self.X[start:stop]
        if self.sample_weight is None:
            weight = self.equal.get(len(X))
            if weight is None:
                weight = self._equal(len(X))
        else:
            weight = self.sample_weight[start:stop] * self.share(len(X))
        return X, self.T[start:stop], weight

    def take(self, rows: Array) -> Batch:
        """The rows of those numbers, gathered into buffers that the next call overwrites."""
        n = len(rows)
        if n != self.gathered:
            self._allocate(n)
        # mode "clip" spares `take` a buffer of its own; the numbers come from a shuffle
        self.X.take(rows, 0, out=self.X_batch, mode="clip")
        self.T.take(rows, 0, out=self.T_batch, mode="clip")
        if self.sample_weight is not None:
            self.sample_weight.take(rows, 0, out=self.weight, mode="clip")
            np.multiply(self.weight, self.share(n), out=self.weight)
        return self.X_batch, self.T_batch, self.weight

    def _equal(self, n: int) -> Array:
        self.equal[n] = np.full(n, self.share(n), self.dtype)
        return self.equal[n]

    def _allocate(self, n: int) -> None:
        self.gathered = n
        X_space, T_space, weight_space = self.spaces
        self.X_batch = X_space.lend(n, {"X": self.X.shape[1:]}, self.X.dtype)["X"]
        self.T_batch = T_space.lend(n, {"T": self.T.shape[1:]}, self.T.dtype)["T"]
        if self.sample_weight is None:
            self.weight = self._equal(n)
        else:
            self.weight = weight_space.lend(n, {"weight": ()}, self.dtype)["weight"]


Rows = tuple[Array, Array, Array | None]  # inputs, targets, weights


def split_tail(fraction: float, X: Array, T: Array, weight: Array | None) -> tuple[Rows, Rows]:
    """Cut the last `fraction` of the rows off, as Keras's `validation_split` does, before any shuffling.

    Raises
    ------
    ArgumentError
        If one of the two parts would be empty.
    """
    rows = len(X)
    cut = int(np.floor(rows * (1 - fraction)))
    if not 0 < fraction < 1 or cut in (0, rows):
        raise ArgumentError(
            f"validation_split={fraction!r} must lie between 0 and 1 and leave rows for both parts; "
            f"there are {rows} rows"
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
    labels = (T[:, 0] if T.shape[1] == 1 else T.argmax(axis=1)).astype(np.intp)
    if T.shape[1] == 1 and (labels != T[:, 0]).any():
        raise ArgumentError("class_weight needs classes as targets; these are real numbers")
    if isinstance(class_weight, str) and class_weight == "balanced":
        classes, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
        return (len(labels) / (len(classes) * counts))[place]
    try:
        weights = {int(key): float(value) for key, value in dict(class_weight).items()}
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"class_weight must be a dict from class number to weight, or 'balanced'; got {class_weight!r}"
        ) from error
    factors = np.ones(max(labels.max(), *weights, 0) + 1)
    for label, value in weights.items():
        if label < 0 or value < 0:
            raise ArgumentError(f"class_weight has {label}: {value}; classes and weights are not negative")
        factors[label] = value
    return factors[labels]
