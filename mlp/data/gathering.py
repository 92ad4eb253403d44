"""Gathering: small batches are copied one behind the other, so that an engine takes many in one go."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.data.passes import Block
from mlp.errors import ArgumentError, DataError

Parts = tuple[Any, Any, Any]  # inputs, targets, weights of a batch; the last two may be None

MOST, BYTES = 256, 1 << 20  # batches and bytes of a group
AGE = 0.005  # seconds after which a group is handed on: what it costs to do so is 2 % of that


class Group:
    """Consecutive batches of the same form, in arrays of our own.

    A giver of batches may fill the same arrays anew each time, so they are copied at once.

    Parameters
    ----------
    number : int
        The number of the first batch.
    parts : Parts
        That batch. If it is not of arrays of numbers with the same number of rows, it stays alone.
    """

    def __init__(self, number: int, parts: Parts) -> None:
        self.number, self.count, self.room = number, 1, 1
        self.size = rows = _rows(parts)
        if not rows:
            self.arrays = [np.array(p, subok=True) if isinstance(p, np.ndarray) else p for p in parts]
            return
        self.form = form_of(parts)
        room = BYTES // max(1, sum(part.nbytes for part in parts if part is not None))
        self.room = max(1, min(MOST, room))
        self.arrays = [
            None if part is None else np.empty((self.room * rows, *part.shape[1:]), part.dtype)
            for part in parts
        ]
        self.count = 0
        self.add(parts)

    @property
    def full(self) -> bool:
        """Whether there is no room for one more."""
        return self.count == self.room

    def takes(self, parts: Parts) -> bool:
        """Whether there is room for this batch, and it has the form of the others."""
        return self.count < self.room and form_of(parts) == self.form

    def add(self, parts: Parts) -> None:
        """Copy one more batch."""
        start = self.count * self.size
        x, y, weight = self.arrays
        stop = start + self.size
        x[start:stop] = parts[0]
        if y is not None:
            y[start:stop] = parts[1]
        if weight is not None:
            weight[start:stop] = parts[2]
        self.count += 1

    def between(self, start: int, stop: int) -> list[Any]:
        """The parts of some of the batches, one behind the other."""
        if not self.size:
            return self.arrays
        rows = slice(start * self.size, stop * self.size)
        return [None if array is None else array[rows] for array in self.arrays]


def form_of(parts: Parts) -> tuple[Any, ...] | None:
    """The shapes and types of a batch, alike for those that can be gathered; None if one is no array."""
    x, y, weight = parts
    if type(x) is not np.ndarray:
        return None
    form: tuple[Any, ...] = x.shape, x.dtype
    for part in (y, weight):
        if type(part) is np.ndarray:
            form = *form, part.shape, part.dtype
        elif part is not None:
            return None
        else:
            form = *form, None, None
    return form


def _rows(parts: Parts) -> int:
    """Rows of a batch whose parts are arrays of numbers with as many rows; else 0."""
    given = [part for part in parts if part is not None]
    plain = all(type(part) is np.ndarray and part.ndim and part.dtype.kind in "biuf" for part in given)
    return len(given[0]) if plain and len({len(part) for part in given}) == 1 else 0


class Gatherer:
    """Blocks of batches, gathered while they are drawn.

    A thread goes through the blocks. Whoever waits for it takes by `pending` what has been drawn since,
    where the next batch is long in coming.

    Parameters
    ----------
    batches : generator of Parts
        What it raises comes after the batches before.
    first : int
        The number of the first.
    prepare : callable
        (x, y, weight, where) → ArrayData; raises an `ArgumentError` for what it refuses.
    where : callable
        (first number, last number) → how these batches are called in an error.
    """

    def __init__(
        self,
        batches: Generator[Parts, None, None],
        first: int,
        prepare: Callable[[Any, Any, Any, str], Any],
        where: Callable[[int, int], str],
    ) -> None:
        self.batches, self.number = batches, first
        self.prepare, self.where = prepare, where
        self.lock = threading.Lock()
        self.group: Group | None = None
        self.handing = False
        self.orders: dict[int, Array] = {}

    def blocks(self) -> Iterator[Block]:
        """The blocks, each as soon as it is full or old enough, for the thread to go through."""
        failure: BaseException | None = None
        began = time.perf_counter()
        with closing(self.batches):
            while True:
                try:
                    parts = next(self.batches, None)
                except BaseException as error:  # it is raised after the batches before
                    parts, failure = None, error
                ready = self._take_in(parts, began)
                if ready is not None:
                    yield from self.cut(ready)
                    self.handing, began = False, time.perf_counter()
                elif parts is not None:
                    continue
                if parts is None and self.group is None:
                    break
        if failure is not None:
            raise failure

    def _take_in(self, parts: Parts | None, began: float) -> Group | None:
        """Add a batch, None after the last; the group that is to be handed on then."""
        with self.lock:
            ready = None
            if self.group is None:
                self.group = None if parts is None else Group(self.number, parts)
            elif parts is not None and self.group.takes(parts):
                self.group.add(parts)
            else:
                ready, self.group = self.group, None if parts is None else Group(self.number, parts)
            self.number += parts is not None
            due = self.group is not None and (self.group.full or time.perf_counter() - began > AGE)
            if ready is None and due:
                ready, self.group = self.group, None
            self.handing = ready is not None
        return ready

    def pending(self) -> Group | None:
        """What was drawn and will not be handed on before the next batch has come, once."""
        with self.lock:
            if self.handing:
                return None
            group, self.group = self.group, None
        return group

    def cut(self, group: Group) -> Iterator[Block]:
        """The group as one block; if it is refused, batch by batch up to the one that is at fault.

        Raises
        ------
        DataError
            If a batch is refused, for the reason that is its cause.
        """
        if group.count > 1:
            x, y, weight = group.between(0, group.count)
            where = self.where(group.number, group.number + group.count - 1)
            try:
                data = self.prepare(x, y, weight, where)
            except ArgumentError:
                pass  # it is found and raised below
            else:
                yield self._block(group, data)
                return
        for k in range(group.count):
            x, y, weight = group.between(k, k + 1)
            where = self.where(group.number + k, group.number + k)
            yield self._block(group, checked(self.prepare, x, y, weight, where))

    def _block(self, group: Group, data: Any) -> Block:
        rows = len(data)
        if rows not in self.orders:
            self.orders[rows] = np.arange(rows)
        return Block(data, self.orders[rows], group.size or rows)


def checked(prepare: Callable[[Any, Any, Any, str], Any], x: Any, y: Any, weight: Any, where: str) -> Any:
    """What `prepare` makes of a batch; what it refuses is a `DataError` with that as its cause."""
    try:
        return prepare(x, y, weight, where)
    except ArgumentError as error:
        raise DataError(str(error)) from error


def parts_of(batch: Any, targets: bool) -> Parts | None:
    """The inputs, targets and weights of a batch, as arrays where they can be; None if it has no targets.

    Parameters
    ----------
    batch : object
        A tuple or list ``(x, y)`` or ``(x, y, sample_weight)``.
    targets : bool
        If not, it may be ``(x,)`` or x alone too, and only x is taken.
    """
    if type(batch) is tuple and len(batch) == 2 and type(batch[0]) is type(batch[1]) is np.ndarray:
        return batch[0], batch[1] if targets else None, None
    several = isinstance(batch, tuple) or (isinstance(batch, list) and batch and np.ndim(batch[0]) > 1)
    if not targets:
        return as_array(batch[0] if several and len(batch) in (1, 2, 3) else batch), None, None
    if not isinstance(batch, tuple | list) or len(batch) not in (2, 3) or batch[1] is None:
        return None
    x, y, *weight = map(as_array, batch)
    return x, y, weight[0] if weight else None


def as_array(part: Any) -> Any:
    """What a batch has as a list, frame, tensor or sparse matrix, as an array; else as it is."""
    if type(part) is np.ndarray or part is None:
        return part
    if hasattr(part, "toarray"):
        return part.toarray()
    if isinstance(part, np.ma.MaskedArray):
        return part  # whoever checks it says which elements are masked
    if isinstance(part, list | tuple) or hasattr(part, "__array__"):
        try:
            return np.asarray(part)
        except (TypeError, ValueError):
            return part  # whoever checks it says what is wrong with it
    return part
