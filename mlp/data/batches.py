"""Batches from arrays: rows are gathered into buffers that are reused, so nothing is allocated."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mlp.arrays import Array, Workspace
from mlp.errors import ArgumentError
from mlp.naming import is_integer, require, require_in

# X (n, ...), T as the user gave it (n, o) or (n, 1), T as the loss wants it (n, o), and the
# factor of each row's loss: one number, an array of rank zero, or one a row (n,)
Batch = tuple[Array, Array, Array, Array]


class Chunk(NamedTuple):
    """Some batches one after the other, which a compiled engine takes in one go.

    Parameters
    ----------
    order : Array of int64
        The numbers of the rows in the order of the epoch.
    first : int
        The place in the order where the first batch begins.
    steps, size : int
        How many batches of how many rows.
    """

    order: Array
    first: int
    steps: int
    size: int

    @property
    def rows(self) -> Array:
        """The numbers of the rows of all batches."""
        return self.order[self.first : self.first + self.steps * self.size]


CACHE = 1 << 20  # bytes: data of up to 1 MB are shuffled whole, larger ones batch by batch
ROOM = 1 << 28  # bytes: targets of up to 256 MB are encoded before training, larger ones by batch


class ArrayData:
    """Arrays that have been checked, cut into batches.

    Parameters
    ----------
    X, T : Array
        Inputs and targets, checked.
    sample_weight : Array of shape (n,) or None
    encode : callable
        Brings targets to the form that the loss wants (`Loss.encode`).
    share : callable
        What the weight of a row is multiplied by in a batch of that many rows: 1/n for a
        mean, 1 for a sum (`Loss.reduce`).
    units : int
        Outputs of the model, the o of an encoded target.
    counted : callable, default len
        How many rows of T a mean is taken over (`Loss.counted`).
    """

    def __init__(
        self,
        X: Array,
        T: Array,
        sample_weight: Array | None,
        encode: Callable[..., Array],
        share: Callable[[int], float],
        units: int,
        counted: Callable[[Array], int] = len,
    ) -> None:
        self.counted = len if counted(T) == len(T) else counted
        self.X, self.T, self.sample_weight, self.encode, self.share = X, T, sample_weight, encode, share
        self.units, self.dtype = units, X.dtype
        fits = T.shape[1] == units or len(T) * units * X.itemsize <= ROOM
        self.target = encode(T) if fits else None
        self.whole: Batch | None = None
        self.equal: dict[int, Array] = {}  # the factors of unweighted rows, by batch size
        self.shuffled: ArrayData | None = None  # a copy of small data, in the order of the epoch
        self.cut: tuple[int, list[Batch]] = (0, [])
        self.space = Workspace(), Workspace(), Workspace(), Workspace()

    def __len__(self) -> int:
        return len(self.X)

    def all(self) -> Batch:
        """Every row, without a copy."""
        if self.whole is None:
            self.whole = self.between(0, len(self.X))
        return self.whole

    def between(self, start: int, stop: int) -> Batch:
        """The rows from `start` up to `stop`, without a copy."""
        X, T = self.X[start:stop], self.T[start:stop]
        target = self.encode(T) if self.target is None else self.target[start:stop]
        if self.sample_weight is None:
            return X, T, target, self._equal(self.counted(T))
        return X, T, target, self.sample_weight[start:stop] * self.share(self.counted(T))

    def batches(self, order: Array, size: int) -> Iterable[Batch]:
        """The rows in that order, `size` at a time; the last batch may be smaller.

        A batch is only good until the next: its memory is used again.
        """
        small = self.target is not None and self.X.nbytes + self.target.nbytes <= CACHE
        if small and self.counted is len and len(order) == len(self):
            return self._cut_shuffled(order, size)
        if size == 1:
            return (self.between(row, row + 1) for row in order.tolist())
        return (self.take(order[start : start + size]) for start in range(0, len(order), size))

    def chunks(self, order: Array, size: int, most: int) -> Iterable[Chunk]:
        """The same batches, up to `most` at a time; the shorter last one by itself."""
        whole, rest = divmod(len(order), size)
        for step in range(0, whole, most):
            yield Chunk(order, step * size, min(most, whole - step), size)
        if rest:
            yield Chunk(order, whole * size, 1, rest)

    def take(self, rows: Array) -> Batch:
        """The rows of those numbers, gathered into buffers that the next call overwrites."""
        n = len(rows)
        X, T = self._gather(0, self.X, rows), self._gather(1, self.T, rows)
        if self.target is None:
            shapes = {"target": (self.units,)}
            target = self.encode(T, self.space[2].lend(n, shapes, self.dtype)["target"])
        else:
            target = T if self.target is self.T else self._gather(2, self.target, rows)
        if self.sample_weight is None:
            return X, T, target, self._equal(self.counted(T))
        weight = self._gather(3, self.sample_weight, rows)
        return X, T, target, np.multiply(weight, self.share(self.counted(T)), weight)

    def _gather(self, space: int, array: Array, rows: Array) -> Array:
        into = self.space[space].lend(len(rows), {"rows": array.shape[1:]}, array.dtype)["rows"]
        # mode "clip" spares `take` a buffer of its own; the numbers come from a shuffle
        return array.take(rows, 0, into, "clip")

    def _cut_shuffled(self, order: Array, size: int) -> Sequence[Batch]:
        # of small data, an epoch's rows are gathered in one go and the batches are views, made
        # once: 8 % of the step of a tiny net
        if self.shuffled is None:
            weight = None if self.sample_weight is None else self.sample_weight.copy()
            self.shuffled = ArrayData(
                self.X.copy(), self.T.copy(), weight, self.encode, self.share, self.units
            )
        copy = self.shuffled
        self.X.take(order, 0, copy.X, "clip")
        self.T.take(order, 0, copy.T, "clip")
        if self.target is not None and copy.target is not None and copy.target is not copy.T:
            self.target.take(order, 0, copy.target, "clip")
        if self.cut[0] != size:
            self.cut = size, [copy.between(start, start + size) for start in range(0, len(self), size)]
        if self.sample_weight is not None and copy.sample_weight is not None:
            self.sample_weight.take(order, 0, copy.sample_weight, "clip")
            for k, (X, _, _, weight) in enumerate(self.cut[1]):
                np.multiply(copy.sample_weight[k * size : (k + 1) * size], self.share(len(X)), weight)
        return self.cut[1]

    def _equal(self, n: int) -> Array:
        if n not in self.equal:
            self.equal[n] = np.array(self.share(n), self.dtype)
        return self.equal[n]


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
    labels = T.argmax(axis=1) if one_hot else T[:, 0]
    found, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    several = one_hot and (np.abs(T.sum(axis=1) - 1) > 1e-3).any()
    if several or found[0] < 0 or (found % 1).any():
        raise ArgumentError(
            "class_weight needs one class a row, as a label 0, 1, 2 … or one-hot; these targets are several "
            "labels a row or numbers. Weigh the rows by sample_weight."
        )
    if isinstance(class_weight, str) and class_weight == "balanced":
        return (len(labels) / (len(found) * counts))[place]
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
