"""Streams: batches that come from a generator, a function, an iterable or a sequence of batches."""

import array
import collections
import inspect
import itertools
import os
from collections.abc import Callable, Generator, Iterator, Mapping, Set
from contextlib import closing
from typing import Any

import numpy as np

from mlp.data.ahead import ReadAhead, read_ahead
from mlp.data.gathering import Gatherer, Group, Parts, checked, parts_of
from mlp.data.passes import Block
from mlp.errors import ArgumentError, DataError
from mlp.naming import is_integer, require

ROWS = (
    str, bytes, bytearray, memoryview, list, tuple, range, array.array, collections.deque,
    Mapping, Set, os.PathLike,
)  # fmt: skip
END = object()  # after the last batch
PAIR = "(x, y) or (x, y, sample_weight)"


def is_stream(x: Any) -> bool:
    """Whether these data come as batches: not an array, a frame, a list, or a path.

    So it is an iterator or a generator, a function, an object that can be iterated anew each time, or one
    with ``__len__`` (or `num_batches`) and ``__getitem__`` whose items are batches, as Keras's `Sequence`
    and `PyDataset` have it. What is an array has ``__array__``, or `shape` and `dtype`.

    Examples
    --------
    >>> is_stream([[1.0, 2.0]]), is_stream(np.ones((3, 2))), is_stream(zip([1], [2])), is_stream(lambda: [])
    (False, False, True, True)
    """
    if x is None or isinstance(x, ROWS) or hasattr(x, "__array__") or hasattr(x, "__array_interface__"):
        return False
    if hasattr(x, "shape") and hasattr(x, "dtype"):
        return False
    return _is_indexed(x) or hasattr(x, "__iter__") or hasattr(x, "__next__") or callable(x)


def _is_indexed(x: Any) -> bool:
    # Keras's `num_batches` raises where a class has no length
    if isinstance(x, type):  # which is called, as a function is
        return False
    sized = hasattr(x, "__len__") or inspect.getattr_static(x, "num_batches", END) is not END
    return sized and hasattr(x, "__getitem__")


def require_alone(**given: Any) -> None:
    """Raise an `ArgumentError` if something was given that belongs into the batches of a stream.

    Parameters
    ----------
    **given
        `y`, `sample_weight`, `batch_size`, `validation_split`, `drop_remainder`: None (or 0, or False) where
        they were left out.
    """
    reasons = {
        "y": f"None, since x gives batches: let each be a tuple {PAIR}",
        "sample_weight": "None, since x gives batches: let each be a tuple (x, y, sample_weight)",
        "batch_size": "None, since x gives batches: their size is that of the steps",
        "validation_split": "0, since x gives batches: give others as validation_data",
        "drop_remainder": "False, since x gives batches: leave out there those that are too small",
    }
    for name, value in given.items():
        if name in ("validation_split", "drop_remainder"):
            require(not value, name, value, reasons[name])
        else:
            shown = value if is_integer(value) or isinstance(value, str | None) else type(value).__name__
            require(value is None, name, shown, reasons[name])


class StreamData:
    """A `Source` of batches that the user gives one after the other.

    A thread draws, checks and gathers the next batches while the model learns from those before. So a
    generator runs ahead of the training by at most two groups of 256 batches or 1 MB, or two batches where
    one is larger. Batches of the same form that come faster than the model learns are gathered, which a
    compiled engine then takes in one go; on how they are gathered nothing depends but the speed.

    Parameters
    ----------
    x : iterator, function, iterable or sequence of batches
        See `is_stream`. A batch is ``(x, y)`` or ``(x, y, sample_weight)`` of arrays, lists, frames,
        tensors or sparse matrices; its arrays may be filled anew for the next.
        An iterator gives one pass; the next begins where it stands. A function without arguments must return
        a new iterator of batches for each pass. A sequence of batches is shuffled batch by batch,
        and hears `on_epoch_begin` and `on_epoch_end`, where it has them, at the ends of a pass.
    prepare : callable
        (x, y, weight, where) → ArrayData, converted and checked; `where` is a text such as "batch 17: ".
    targets : bool, default True
        Whether a batch must have targets. If not, what follows x is left out.
    where : str, default ""
        What errors begin with, such as "validation_data: "; `prepare` adds it to its own.

    Attributes
    ----------
    restarts : bool
        Whether a new pass begins with the first batch again, as with all but an iterator.
    idle : callable or None
        Called every twentieth of a second while a batch is waited for; what it raises ends the waiting.

    Raises
    ------
    ArgumentError
        If it is a function that needs arguments.

    Examples
    --------
    >>> batches = ((np.full((2, 1), k), np.zeros(2)) for k in range(3))
    >>> source = StreamData(batches, lambda x, y, weight, where: x)
    >>> [float(x) for block in source.blocks(0, None) for x in block.data[block.order, 0]]
    [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]
    """

    rows: int | None = None
    streams = True

    def __init__(
        self, x: Any, prepare: Callable[[Any, Any, Any, str], Any], targets: bool = True, where: str = ""
    ) -> None:
        self.x, self.prepare, self.targets, self.place = x, prepare, targets, where
        self.indexed = _is_indexed(x)
        self.restarts = self.indexed or isinstance(x, type) or not hasattr(x, "__next__")
        self.idle: Callable[[], object] | None = None
        iterates = not isinstance(x, type) and hasattr(x, "__iter__")
        self.calls = self.restarts and not self.indexed and not iterates
        self.drawn = 0  # of an iterator, over all passes
        self.opened: Iterator[Any] | None = None
        self.order: Any = None  # the numbers of a sequence's batches, in this pass
        self.peeked: list[Any] = []
        self.reader: ReadAhead[Block] | None = None
        if self.calls:
            try:
                inspect.signature(x).bind()
            except TypeError as error:
                raise ArgumentError(
                    f"{where}x must be a function without arguments that returns an iterator of batches: "
                    f"{error}"
                ) from error
            except ValueError:  # a function of a compiled module, which does not tell its parameters
                pass

    def steps(self, size: int) -> int | None:
        """The length of a sequence of batches, or of an iterable that has one; else None."""
        if self.indexed:
            return self._length()
        try:
            return len(self.x) if self.restarts and not self.calls else None
        except TypeError:  # it has none, or an infinite one
            return None

    def _length(self) -> int | None:
        try:
            length = self.x.num_batches if hasattr(self.x, "num_batches") else len(self.x)
        except Exception as error:
            raise DataError(f"{self._name()} does not tell its length: {_told(error)}") from error
        known = length is None or (is_integer(length) and length >= 0)
        require(
            known,
            f"{self.place}num_batches of {self._name(False)}",
            length,
            "an integer of at least 0, or None",
        )
        return None if length is None else int(length)

    def peek(self) -> Parts:
        """The first batch as it is, (x, y, sample_weight), once it is checked; the next pass has it too.

        Raises
        ------
        DataError
            If there is none, or it cannot be used.
        """
        number = self.drawn
        if self.indexed:
            batch = next(self._indexed(None, 0, 1), END)
        elif self.peeked:
            batch = self.peeked[0]
        else:
            if self.opened is None:  # an iterator may have no truth value
                self.opened = self._open()
            batch = self._next(self.opened, number)
            self.peeked = [batch]
        if batch is END:
            raise self._nothing()
        parts = self._parts(batch, number)
        checked(self.prepare, *parts, self._batch(number, number))
        return parts

    def blocks(self, size: int, seed: int | None, first: int = 0, most: int | None = None) -> Iterator[Block]:
        """The blocks of a pass; see `Source.blocks`.

        Raises
        ------
        DataError
            If a batch cannot be used, or whoever gives them has failed, which is then the cause; also if
            there is no batch at all. The batches before have come out then.
        """
        self.close()
        if most == 0:
            return
        self._tell("on_epoch_begin")
        start, found = self.drawn, False
        gatherer = self._gatherer(self._draw(seed, first, most), start + first)
        with read_ahead(gatherer.blocks()) as reader:
            self.reader = reader
            for block in self._taken(reader, gatherer):
                found = True
                yield block
        if self.reader is not reader:  # closed meanwhile
            return
        if not found and not first and (self.restarts or not start):
            raise self._nothing()
        self._tell("on_epoch_end")

    def close(self) -> None:
        """End the thread that reads ahead."""
        reader, self.reader = self.reader, None
        if reader is not None:
            reader.close()

    def _taken(self, reader: ReadAhead[Block], gatherer: Gatherer) -> Iterator[Block]:
        """The blocks of the thread, and what waits in it for a batch that is long in coming."""

        def idle() -> None:
            if self.idle is not None:
                self.idle()
            group = None if reader.ready() else gatherer.pending()
            if group is not None:
                raise _PendingError(group)

        reader.idle = idle
        while True:
            try:
                block = next(reader)
            except StopIteration:
                return
            except _PendingError as pending:
                yield from gatherer.cut(pending.group)
            else:
                yield block

    def _gatherer(self, batches: Generator[Parts, None, None], first: int) -> Gatherer:
        return Gatherer(batches, first, self.prepare, self._batch)

    def _draw(self, seed: int | None, first: int, most: int | None) -> Generator[Parts, None, None]:
        """The parts of the batches of a pass, or of its rest, drawn from the user's object."""
        stop, start = None if most is None else first + most, self.drawn
        draw = self._indexed(seed, first, stop) if self.indexed else self._iterated(first, stop)
        with closing(draw):
            for number, batch in enumerate(draw, start + first):
                yield self._parts(batch, number)

    def _indexed(self, seed: int | None, first: int, stop: int | None) -> Generator[Any, None, None]:
        length, self.order = self._length(), None
        numbers: Any = itertools.count()
        if length is not None:
            shuffled = seed is not None and np.random.default_rng(seed).permutation(length).tolist()
            self.order = numbers = shuffled or range(length)
        for number, index in enumerate(itertools.islice(numbers, first, stop), first):
            try:
                batch = self.x[index]
            except Exception as error:
                raise self._failure(number, error) from error
            yield batch

    def _iterated(self, first: int, stop: int | None) -> Generator[Any, None, None]:
        iterator = self._open() if self.opened is None else self.opened
        self.opened = None
        start = self.drawn
        try:
            for number in itertools.count() if stop is None else range(stop):
                batch = self.peeked.pop() if self.peeked else self._next(iterator, start + number)
                if batch is END and number < first:
                    raise DataError(
                        f"{self._name()} ended after {number} batches, but its first {first} are to be left "
                        "out, since a run that is resumed has had them"
                    )
                if batch is END:
                    return
                self.drawn += not self.restarts
                if number >= first:
                    yield batch
        finally:
            if self.restarts and hasattr(iterator, "close"):
                iterator.close()

    def _open(self) -> Iterator[Any]:
        """The iterator itself, or a new one over all batches."""
        if not self.restarts:
            given: Iterator[Any] = self.x
            return given
        try:
            batches: Any = self.x() if self.calls else self.x
            if isinstance(batches, tuple | Mapping) or hasattr(batches, "__array__"):
                raise TypeError(f"it returned a {type(batches).__name__}, not an iterator of batches")
            return iter(batches)
        except Exception as error:
            raise DataError(f"{self._name()} cannot be gone through: {_told(error)}") from error

    def _next(self, iterator: Iterator[Any], number: int) -> Any:
        try:
            return next(iterator)
        except StopIteration:
            return END
        except Exception as error:
            raise self._failure(number, error) from error

    def _parts(self, batch: Any, number: int) -> Parts:
        try:
            parts = parts_of(batch, self.targets)
        except Exception as error:
            where = self._where(number)
            raise DataError(f"{where}it cannot be made an array: {_told(error)}") from error
        if parts is None:
            shape = f" of length {len(batch)}" if isinstance(batch, tuple | list) else ""
            where = self._where(number)
            raise DataError(f"{where}expected {PAIR}; got {type(batch).__name__}{shape}")
        return parts

    def _where(self, number: int) -> str:
        return self.place + self._batch(number, number)

    def _batch(self, first: int, last: int) -> str:
        if last > first:
            return f"batches {first + 1} to {last + 1}: "
        index = "" if self.order is None else f", x[{self.order[first]}]"
        return f"batch {first + 1}{index}: "

    def _name(self, first: bool = True) -> str:
        """What gives the batches; `first` for the beginning of a message, which says where."""
        kind = "sequence of batches" if self.indexed else "function" if self.calls else "iterable"
        if not self.restarts:
            kind = "generator" if inspect.isgenerator(self.x) else "iterator"
        place = self.place if first else ""
        return f"{place}the {kind} {getattr(self.x, '__name__', type(self.x).__name__)}"

    def _failure(self, number: int, error: Exception) -> DataError:
        return DataError(f"{self._where(number)}{self._name(False)} raised {_told(error)}")

    def _nothing(self) -> DataError:
        why = "must give the batches anew for each pass" if self.restarts else "may have been used up before"
        return DataError(f"{self._name()} gave no batch; expected at least one of {PAIR}. It {why}.")

    def _tell(self, moment: str) -> None:
        hook = getattr(self.x, moment, None) if self.indexed else None
        if hook is None:
            return
        try:
            hook()
        except Exception as error:
            raise DataError(f"{self.place}{moment} of {self._name(False)} raised {_told(error)}") from error


class _PendingError(Exception):
    """Ends the waiting for a batch, since others are there that can be used."""

    def __init__(self, group: Group) -> None:
        self.group = group


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
