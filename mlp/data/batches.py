"""Batches from arrays: rows are gathered into buffers that are reused, so nothing is allocated."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from mlp.arrays import Array, Workspace

# X (n, ...), T as the user gave it (n, o) or (n, 1), T as the loss wants it (n, o), and the
# factor of each row's loss: one number, an array of rank zero, or one a row (n,)
Batch = tuple[Array, Array, Array, Array]


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
    encoding : callable, optional
        What encoded targets depend on beside T (`Loss.encoding`); by default on nothing.
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
        encoding: Callable[[], object] = bool,
    ) -> None:
        self.counted = len if counted(T) == len(T) else counted
        self.X, self.T, self.sample_weight, self.encode, self.share = X, T, sample_weight, encode, share
        self.units, self.dtype = units, X.dtype
        fits = T.shape[1] == units or len(T) * units * X.itemsize <= ROOM
        self.encoding, self.encoded = encoding, encoding()  # before, since another thread may change it
        self.target = encode(T) if fits else None
        self.whole: Batch | None = None
        self.equal: dict[int, Array] = {}  # the factors of unweighted rows, by batch size
        self.shuffled: ArrayData | None = None  # a copy of small data, in the order of the epoch
        self.cut: tuple[tuple[int, int], list[Batch]] = ((0, 0), [])
        self.numbers: tuple[Array, Array] | None = None
        self.space = Workspace(), Workspace(), Workspace(), Workspace()

    def __len__(self) -> int:
        return len(self.X)

    def steps(self, size: int) -> int:
        """How many batches of that many rows there are; the last may be smaller."""
        return -(-len(self) // size)

    def renew(self) -> None:
        """Encode the targets again if what that depends on is another by now; in place, where it can be."""
        now = self.encoding()
        if now == self.encoded or self.target is None:
            return
        former, self.encoded = self.target, now
        self.target = self.encode(self.T, None if former is self.T else former)
        if self.target is not former:  # the batch that is kept is a view of it
            self.whole = None
        if self.shuffled is not None:
            self.shuffled.renew()
            (size, n), batches = self.cut
            batches[:] = self.shuffled.views(n, size)  # the same list: a pass may be going through it

    def order(self, rng: np.random.Generator | None) -> Array:
        """The numbers of all rows, in a new random order if there is a generator; good until the next."""
        if self.numbers is None:
            self.numbers = np.arange(len(self)), np.arange(len(self))
        rows, order = self.numbers
        if rng is not None:
            np.copyto(order, rows)
            rng.shuffle(order)
        return order

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

    def views(self, n: int, size: int) -> list[Batch]:
        """The first n rows, `size` at a time, without a copy."""
        return [self.between(start, min(start + size, n)) for start in range(0, n, size)]

    def batches(self, order: Array, size: int) -> Iterable[Batch]:
        """The rows in that order, `size` at a time; the last batch may be smaller.

        A batch is only good until the next: its memory is used again.
        """
        small = self.target is not None and self.X.nbytes + self.target.nbytes <= CACHE
        if small and self.counted is len and 0 <= len(self) - len(order) < size:
            return self._cut_shuffled(order, size)
        if size == 1:
            return (self.between(row, row + 1) for row in order.tolist())
        return (self.take(order[start : start + size]) for start in range(0, len(order), size))

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
                self.X.copy(), self.T.copy(), weight, self.encode, self.share, self.units, len, self.encoding
            )
        copy, n = self.shuffled, len(order)
        self.X.take(order, 0, copy.X[:n], "clip")
        self.T.take(order, 0, copy.T[:n], "clip")
        if self.target is not None and copy.target is not None and copy.target is not copy.T:
            self.target.take(order, 0, copy.target[:n], "clip")
        if self.cut[0] != (size, n):
            self.cut = (size, n), copy.views(n, size)
        if self.sample_weight is not None and copy.sample_weight is not None:
            self.sample_weight.take(order, 0, copy.sample_weight[:n], "clip")
            for k, (X, _, _, weight) in enumerate(self.cut[1]):
                np.multiply(copy.sample_weight[k * size : (k + 1) * size], self.share(len(X)), weight)
        return self.cut[1]

    def _equal(self, n: int) -> Array:
        if n not in self.equal:
            self.equal[n] = np.array(self.share(n), self.dtype)
        return self.equal[n]
