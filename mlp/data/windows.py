"""Windows: rows that do not fit in memory, a part of them at a time, shuffled well enough."""

import weakref
from collections.abc import Callable, Iterator
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from mlp.arrays import Array, buffer
from mlp.data.ahead import ReadAhead, read_ahead
from mlp.data.passes import Block
from mlp.data.rows import Piece, Reader, reader_of
from mlp.errors import ArgumentError, DataError
from mlp.naming import require_in

WINDOW = 1 << 25  # bytes of a window, 32 MB, in the model's type
RAMP = 8  # the first window of a pass is so many times smaller: nothing is trained with while it is read
PEEKED = 256  # rows that are looked at before training
PIECES = 512  # blocks of a window
SMALLEST = 1 << 14  # bytes of a block in its file: smaller ones take as long to read


def needs_windows(x: Any, y: Any = None, sample_weight: Any = None) -> bool:
    """Whether one of the three, as `resolve` of `mlp.data.kinds` gives them, is to be read by `RowsData`."""
    return any(isinstance(part, Reader) for part in (x, y, sample_weight))


class RowsData:
    """Rows that are read window by window while the engine trains: a `Source` for `fit`.

    A pass with a seed draws the order of *blocks* of contiguous rows, and gathers them one behind the other
    into *windows* of 32 MB (in the model's type; the first of a pass are smaller), whose rows are shuffled.
    A window has 512 blocks, the first 64, unless the rows are so narrow that a block would be under 16 KB
    in its file. A batch of m rows therefore comes from min(m, 512) different blocks or nearly so. Of data
    that are sorted by class, the share of a class in a batch varies by

        σ = √(p (1 − p) (1/m + 1/k)),

    p being the share of the class and k the blocks of the window. That is √(1 + m/k) times what it does
    after a shuffle of all rows: 1.03 times at m = 32, 1.12 times at m = 128. Each row comes once in a pass.

    Of Parquet a window takes a run of rows from each of up to 16 row groups that are read side by side:
    k is then their number, so write data that are sorted in small row groups, or shuffle them once.

    Parameters
    ----------
    x : Reader or anything that `reader_of` takes
        Of shape (n, ...).
    y, sample_weight : likewise, or None
        With as many rows.
    prepare : callable
        ``prepare(x, y, sample_weight, where)`` checks some rows and returns what is in a `Block`, an
        `ArrayData`. It is called in the thread that reads; ``where`` is "" or such as "rows 0 to 99: ".
    dtype : numpy.dtype or str, default "float32"
        What `x` is brought to while it is read.
    start, stop : int, optional
        The part of the rows that is meant; by default all.

    Attributes
    ----------
    rows : int
    shape : tuple of int
        (n, ...) of x, as of an array.
    idle : callable or None
        Called every twentieth of a second while a window is waited for; it may raise.

    Raises
    ------
    ArgumentError
        If the numbers of rows differ, or the elements of x are no real numbers.

    Examples
    --------
    >>> data = RowsData(np.arange(6.0).reshape(6, 1), None, None, lambda x, y, weight, where: x.copy())
    >>> [(block.data.ravel().tolist(), block.order.tolist()) for block in data.blocks(2, None)]
    [([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [0, 1, 2, 3, 4, 5])]
    """

    streams = False

    def __init__(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        prepare: Callable[[Array, Array | None, Array | None, str], Any],
        dtype: Any = "float32",
        start: int = 0,
        stop: int | None = None,
    ) -> None:
        self.x, self.y = reader_of(x, "x"), None if y is None else reader_of(y, "y")
        self.weight = None if sample_weight is None else reader_of(sample_weight, "sample_weight")
        self.readers = [reader for reader in (self.x, self.y, self.weight) if reader is not None]
        for reader in self.readers:
            if len(reader) != len(self.x):
                raise ArgumentError(
                    f"x has {len(self.x)} rows and {reader.name} has {len(reader)}; they must be the same"
                )
        if self.x.dtype.kind not in "biuf":
            raise ArgumentError(f"x must be an array of numbers: its elements are of type {self.x.dtype}")
        self.prepare, self.dtype = prepare, np.dtype(dtype)
        self.start, self.stop = start, len(self.x) if stop is None else stop
        self.rows = self.stop - self.start
        self.shape = (self.rows, *self.x.shape[1:])
        self.idle: Callable[[], object] | None = None
        self.spare: list[list[dict[str, Array]]] | None = None
        self.under_way: weakref.WeakSet[ReadAhead[Block]] = weakref.WeakSet()

    def __len__(self) -> int:
        return self.rows

    def steps(self, size: int) -> int:
        """Batches of a pass."""
        return -(-self.rows // size)

    def blocks(self, size: int, seed: int | None, first: int = 0, most: int | None = None) -> Iterator[Block]:
        """The windows of a pass, see `Source`; the same for the same rows, `size` and `seed`.

        Windows before the batch `first` are not read. What was read is only good until the next window.
        """
        with read_ahead(self._windows(size, seed, first, most), idle=self.idle) as windows:
            self.under_way.add(windows)
            yield from windows

    def close(self) -> None:
        """End the threads that read, and let go of files."""
        for windows in list(self.under_way):
            windows.close()
        for reader in self.readers:
            reader.close()

    def peek(self) -> tuple[Array, Array | None, Array | None]:
        """The first rows, inputs, targets and weights, once they are checked.

        Raises
        ------
        ArgumentError
            If they cannot be used.
        """
        x, y, weight = self.head(PEEKED)
        some = weight if weight is None or weight.any() else None  # others may have a weight
        self.prepare(x, y, some, "")
        return x, y, weight

    def load(self) -> Any:
        """All rows in memory, prepared."""
        return self.prepare(*self.head(), "")

    def head(self, rows: int | None = None) -> tuple[Array, Array | None, Array | None]:
        """The first so many rows, or all, as new arrays: inputs, targets, weights."""
        stop = self.stop if rows is None else min(self.stop, self.start + rows)
        return self._read([(self.start, stop)], stop - self.start, [{}, {}, {}])

    def targets(self) -> Array | None:
        """All targets, as a new array."""
        return None if self.y is None else self._fill(self.y, [(self.start, self.stop)], self.rows, {})

    def split(self, fraction: float) -> tuple["RowsData", "RowsData"]:
        """The last `fraction` of the rows apart, as Keras's `validation_split` takes them.

        Raises
        ------
        ArgumentError
            If one of the two parts would be empty.
        """
        require_in("(0, 1)", "validation_split", fraction)
        cut = int(np.floor(self.rows * (1 - fraction)))
        if cut in (0, self.rows):
            raise ArgumentError(
                f"validation_split={fraction!r} must leave rows for both parts; of {self.rows} rows it would "
                f"train with {cut}"
            )
        parts = self.x, self.y, self.weight, self.prepare, self.dtype
        cut += self.start
        return RowsData(*parts, self.start, cut), RowsData(*parts, cut, self.stop)

    # windows

    def bounds(self, size: int) -> list[int]:
        """Where windows begin and end, in rows of a pass: multiples of `size`, but for the end."""
        most = self._most(size)
        found, width = [0], most // RAMP
        while found[-1] < self.rows:
            found.append(min(self.rows, found[-1] + max(1, min(width, most) // size) * size))
            width *= 2
        return found

    def _most(self, size: int) -> int:
        """Rows of the largest window."""
        numbers = sum(prod(reader.shape[1:]) for reader in self.readers)
        return max(1, int(WINDOW // (numbers * self.dtype.itemsize)) // size) * size if numbers else size

    def _windows(self, size: int, seed: int | None, first: int, most: int | None) -> Iterator[Block]:
        bounds = self.bounds(size)
        plan = Plan(self, self._most(size), seed)
        largest = int(np.diff(bounds).max(initial=0))
        memory = self._borrow(largest)
        for number, (begin, end) in enumerate(pairwise(bounds)):
            if end <= first * size:
                continue
            if most is not None and begin >= (first + most) * size:
                break
            pieces = plan.pieces(begin, end)
            # the window in use is that before: `read_ahead` begins no other before it is done with
            data = self._prepare(pieces, *self._read(pieces, largest, memory[number % 2]))
            order = np.arange(end - begin)
            if seed is not None:
                np.random.default_rng((seed, number)).shuffle(order)
            yield Block(data, order, size, max(0, first - begin // size))
        self.spare = memory
        if not first and most is None:  # to look whether all is finite takes time
            vars(self.prepare)["seen"] = True

    def _borrow(self, largest: int) -> list[list[dict[str, Array]]]:
        """Memory for two windows; that of the pass before, since new pages cost as much as reading."""
        memory, self.spare = self.spare, None
        if memory is None or any(len(rows) < largest for kept in memory for rows in kept[0].values()):
            memory = [[{}, {}, {}], [{}, {}, {}]]
        return memory

    def _read(
        self, pieces: list[Piece], largest: int, memory: list[dict[str, Array]]
    ) -> tuple[Array, Array | None, Array | None]:
        y, weight = (
            None if reader is None else self._fill(reader, pieces, largest, kept)
            for reader, kept in zip((self.y, self.weight), memory[1:], strict=True)
        )
        return self._fill(self.x, pieces, largest, memory[0]), y, weight

    def _fill(self, reader: Reader, pieces: list[Piece], largest: int, kept: dict[str, Array]) -> Array:
        dtype = self.dtype if reader is self.x else reader.dtype.newbyteorder("=")
        if "memory" not in kept:
            make = np.empty if dtype.hasobject else buffer
            kept["memory"] = make((largest, *reader.shape[1:]), dtype)
        into: Array = kept["memory"][: sum(stop - start for start, stop in pieces)]
        with np.errstate(over="ignore"):  # what is too large for the type becomes infinite, which is an error
            reader.fill(pieces, into)
        return into

    def _prepare(self, pieces: list[Piece], x: Array, y: Array | None, weight: Array | None) -> Any:
        try:
            return self.prepare(x, y, weight, "")
        except ArgumentError as error:
            place = 0
            for start, stop in pieces:  # which one is it?
                rows = slice(place, place + stop - start)
                targets, weights = (None if part is None else part[rows] for part in (y, weight))
                try:
                    self.prepare(x[rows], targets, weights, f"rows {start} to {stop - 1}: ")
                except ArgumentError as exact:
                    raise DataError(str(exact)) from error
                place = rows.stop
            raise DataError(f"in a window of {len(x)} rows, such as {pieces[0][0]}: {error}") from error


class Plan:
    """The order in which a pass takes the rows: pieces that lie one behind the other.

    Parameters
    ----------
    data : RowsData
    most : int
        Rows of a window.
    seed : int or None
        None keeps the order of the rows.
    """

    def __init__(self, data: RowsData, most: int, seed: int | None) -> None:
        start, stop = data.start, data.stop
        grouped = [reader for reader in data.readers if reader.groups is not None]
        if seed is None:
            self.starts, lengths = np.array([start]), np.array([stop - start])
        elif not grouped:
            unit = max(reader.unit for reader in data.readers)
            size = max(most // PIECES, -(-SMALLEST // max(1, data.x.bytes_per_row)))
            size = max(1, min(-(-size // unit) * unit, most))
            # chunks are counted from the first row, wherever this part begins
            edges = np.arange(start - start % unit, stop + size, size).clip(start, stop)
            edges = edges[: int(np.searchsorted(edges, stop)) + 1]
            order = np.random.default_rng(seed).permutation(len(edges) - 1)
            self.starts, lengths = edges[order], np.diff(edges)[order]
        else:
            lanes = min(reader.lanes for reader in grouped)
            edges = np.unique(np.asarray(grouped[0].groups).clip(start, stop))
            self.starts, lengths = side_by_side(
                edges, lanes, max(1, most // lanes), np.random.default_rng(seed)
            )
        self.ends = np.cumsum(lengths)

    def pieces(self, begin: int, end: int) -> list[Piece]:
        """The rows from the place `begin` in the pass up to `end`; what lies together is one piece."""
        low, high = np.searchsorted(self.ends, (begin, end - 1), "right")
        ends = np.minimum(self.ends[low : high + 1], end)
        begins = np.concatenate(([begin], ends[:-1]))
        before = self.ends[low - 1] if low else 0
        skipped = np.zeros(len(ends), np.int64)
        skipped[0] = begin - before
        starts = self.starts[low : high + 1] + skipped
        found: list[Piece] = []
        for start, stop in zip(starts.tolist(), (starts + ends - begins).tolist(), strict=True):
            if found and found[-1][1] == start:
                found[-1] = found[-1][0], stop
            else:
                found.append((start, stop))
        return found


def side_by_side(edges: Array, lanes: int, size: int, rng: Any) -> tuple[Array, Array]:
    """Starts and lengths of pieces of groups that are read from their beginning, several at a time.

    The groups come in a random order; one that has ended makes room for the next.

    Parameters
    ----------
    edges : Array of int64, shape (g + 1,)
        Where the groups begin and end.
    lanes : int
        How many are under way at a time.
    size : int
        Rows of a piece.
    rng : numpy.random.Generator
    """
    waiting = [(int(edges[k]), int(edges[k + 1])) for k in rng.permutation(len(edges) - 1)][::-1]
    open_groups: list[Piece] = []
    starts, lengths = [], []
    while waiting or open_groups:
        while waiting and len(open_groups) < lanes:
            open_groups.append(waiting.pop())
        left = []
        for first, last in open_groups:
            starts.append(first)
            lengths.append(min(size, last - first))
            if first + size < last:
                left.append((first + size, last))
        open_groups = left
    return np.array(starts), np.array(lengths)
