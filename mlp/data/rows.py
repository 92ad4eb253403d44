"""Readers of rows: what `fit` can take that need not be in memory, behind one small interface."""

import mmap
import os
import sys
import weakref
from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any

import numpy as np

from mlp.arrays import Array, shape_of
from mlp.errors import ArgumentError, DataError

Piece = tuple[int, int]  # rows from the first up to the second

CAST = 1 << 18  # bytes that are brought to another type in one go: they stay in the cache
MOST_TOGETHER = 1 << 22  # bytes: a larger chunk of a chunked array is not read as a whole


class Reader:
    """Rows that are read by the piece.

    Attributes
    ----------
    name : str
        The argument they were given as, for errors.
    shape : tuple of int
        (n, ...), as of an array.
    dtype : numpy.dtype
        Of what `read` returns.
    unit : int
        Rows that are best read together, 1 where there is nothing to gain.
    groups : Array of int64, shape (g + 1,), or None
        Where groups of rows begin and end that can only be read from their first row on, one after the
        other (the row groups of Parquet).
    lanes : int
        How many groups can be under way at a time.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    unit = 1
    groups: Array | None = None
    lanes = 1

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def bytes_per_row(self) -> int:
        """Bytes of a row in its own type."""
        return prod(self.shape[1:]) * self.dtype.itemsize

    def read(self, start: int, stop: int) -> Array:
        """The rows from `start` up to `stop`, as an array.

        Raises
        ------
        DataError
            If they cannot be read; the cause is chained.
        """
        raise NotImplementedError

    def fill(self, pieces: Iterable[Piece], into: Array) -> None:
        """Read pieces one after the other into an array (rows, ...), whose type the numbers are brought to.

        Raises
        ------
        DataError
            As `read`.
        """
        place = 0
        for start, stop in pieces:
            into[place : place + stop - start] = self.read(start, stop)
            place += stop - start

    def close(self) -> None:
        """Let go of files. They are opened again when something is read."""


class ArrayRows(Reader):
    """Rows of an array in memory, or of a mapping whose file cannot be read otherwise.

    Examples
    --------
    >>> ArrayRows(np.arange(6).reshape(3, 2), "x").read(1, 3)
    array([[2, 3],
           [4, 5]])
    """

    def __init__(self, array: Any, name: str) -> None:
        self.array, self.name = np.asarray(array), name
        self.shape, self.dtype = self.array.shape, self.array.dtype

    def read(self, start: int, stop: int) -> Array:
        return self.array[start:stop]


class MappedRows(Reader):
    """Rows of a NumPy memory map, read from its file through a descriptor and not through the mapping.

    Reading a mapping whose file was cut short kills the process by SIGBUS; reading the file is an error
    that can be caught. The pages that were read are the system's and not the process's.

    Parameters
    ----------
    array : ndarray
        A map, or a view of one, whose rows lie one behind the other in the file.
    name : str
    path : str
        Of the file.
    offset : int
        Where in it the array begins.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     x = np.memmap(folder + "/x", np.float32, "w+", shape=(1000, 4))
    ...     x[500] = 1, 2, 3, 4
    ...     rows = rows_of_array(x[100:], "x")  # a view of a view is one of the file too
    ...     print(type(rows).__name__, rows.shape, rows.read(400, 401))
    ...     rows.close()
    MappedRows (900, 4) [[1. 2. 3. 4.]]
    """

    def __init__(self, array: Array, name: str, path: str, offset: int) -> None:
        self.array, self.name, self.path, self.offset = array, name, path, offset
        self.shape, self.dtype = array.shape, array.dtype
        self.descriptor = -1
        self.end: Callable[[], object] = list  # nothing to close

    def read(self, start: int, stop: int) -> Array:
        rows = np.empty((stop - start, *self.shape[1:]), self.dtype)
        self._read(start, rows)
        return rows

    def fill(self, pieces: Iterable[Piece], into: Array) -> None:
        pieces = list(pieces)
        self._advise(pieces)
        direct = into.dtype == self.dtype and into.flags.c_contiguous
        most, place = max(1, CAST // max(self.bytes_per_row, 1)), 0
        for start, stop in pieces:
            if direct:
                self._read(start, into[place : place + stop - start])
                place += stop - start
                continue
            for first in range(start, stop, most):
                rows = self.read(first, min(first + most, stop))
                into[place : place + len(rows)] = rows
                place += len(rows)

    def _open(self) -> int:
        if self.descriptor < 0:
            try:
                self.descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
            except OSError as error:
                raise DataError(
                    f"{self.name}: the file of the memory map cannot be opened: {error}"
                ) from error
            self.end = weakref.finalize(self, os.close, self.descriptor)
        return self.descriptor

    def _advise(self, pieces: Sequence[Piece]) -> None:
        # the system can then fetch all pieces at once, which a disk answers many times faster
        if hasattr(os, "posix_fadvise"):
            descriptor, size = self._open(), self.bytes_per_row
            for start, stop in pieces:
                place = self.offset + start * size
                os.posix_fadvise(descriptor, place, (stop - start) * size, os.POSIX_FADV_WILLNEED)

    def _read(self, start: int, into: Array) -> None:
        place = self.offset + start * self.bytes_per_row
        left = memoryview(into.data).cast("B") if into.size else memoryview(b"")
        descriptor = self._open()
        while left:
            try:
                count = os.preadv(descriptor, [left], place)
            except OSError as error:
                raise DataError(f"{self._where(start, len(into))} cannot be read: {error}") from error
            if not count:
                size = os.fstat(descriptor).st_size
                raise DataError(
                    f"{self._where(start, len(into))} should reach to byte {place + len(left)} of the file, "
                    f"but it ends at byte {size}: it was cut short after the map was made"
                )
            left, place = left[count:], place + count

    def _where(self, start: int, rows: int) -> str:
        return f"{self.name}: rows {start} to {start + rows - 1} of the memory map of {self.path!r}"

    def close(self) -> None:
        self.descriptor = -1
        self.end()


def rows_of_array(array: Array, name: str) -> Reader:
    """A reader of an array: by its file, if it is a memory map or a view of one whose rows lie in order.

    Through the mapping go: maps of mode "c", whose changes are in no file; views with a step or of some
    columns; maps whose file has been deleted or replaced.
    """
    if not hasattr(os, "preadv") or not array.flags.c_contiguous or array.dtype.hasobject:
        return ArrayRows(array, name)
    base: Any = array
    while isinstance(base, np.ndarray) and getattr(base, "_mmap", None) is None:
        base = base.base
    if not isinstance(base, np.memmap) or base.mode == "c" or base.filename is None:
        return ArrayRows(array, name)
    # base.offset is that of the whole map, whatever part of it this view is
    begin = np.frombuffer(base._mmap, np.uint8).__array_interface__["data"][0]  # type: ignore[attr-defined]
    path, address = str(base.filename), array.__array_interface__["data"][0]
    if not _is_file_of(path, begin):
        return ArrayRows(array, name)
    start = base.offset - base.offset % mmap.ALLOCATIONGRANULARITY
    return MappedRows(array, name, path, start + address - begin)


def reader_of(value: Any, name: str) -> Reader:
    """A reader of whatever has rows; a `Reader` as it is.

    Raises
    ------
    ArgumentError
        If it has no rows, as a number has none, or rows of different lengths, or masked elements.
    """
    if isinstance(value, Reader):
        return value
    if is_sparse(value):
        return SparseRows(value, name)
    if is_sliced(value):
        return SlicedRows(value, name)
    if shape_of(value) in (None, ()):
        raise ArgumentError(f"{name} must be an array of rows; got {type(value).__name__}")
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ArgumentError(f"{name} has masked elements; fill them or remove such rows first")
    return rows_of_array(np.asanyarray(value), name)


def is_mapped(array: Any) -> bool:
    """Whether an array is a memory map or a view of one."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap) and array._mmap is not None:  # type: ignore[attr-defined]
            return True
        array = array.base
    return isinstance(array, mmap.mmap) or (
        isinstance(array, memoryview) and isinstance(array.obj, mmap.mmap)
    )


def _is_file_of(path: str, address: int) -> bool:
    """Whether the file of that name is the one that is mapped at the address, as far as can be known."""
    try:
        found = os.stat(path)
    except OSError:
        return False
    table = "/proc/self/maps"
    if not os.path.exists(table):
        return True
    with open(table, errors="replace") as file:
        lines = file.read().splitlines()
    for line in lines:
        span, _, _, _, inode, *name = line.split(maxsplit=5)
        first, last = (int(number, 16) for number in span.split("-"))
        if first <= address < last:
            # file systems that lie on top of others may show the inode of the one below
            return int(inode) == found.st_ino or "".join(name) == os.path.realpath(path)
    return False


class SparseRows(Reader):
    """Rows of a sparse matrix of SciPy, made dense by the piece.

    Parameters
    ----------
    matrix : sparse matrix or array
        Of two axes. One that is not in CSR form is brought to it once, which takes the memory of a copy.
    name : str

    Examples
    --------
    >>> import scipy.sparse
    >>> SparseRows(scipy.sparse.eye_array(3), "x").read(1, 3)
    array([[0., 1., 0.],
           [0., 0., 1.]])
    """

    def __init__(self, matrix: Any, name: str) -> None:
        if matrix.ndim != 2:
            raise ArgumentError(f"{name} is a sparse array of shape {matrix.shape}; it must have two axes")
        self.matrix, self.name = matrix.tocsr(), name
        self.shape, self.dtype = self.matrix.shape, self.matrix.dtype

    def read(self, start: int, stop: int) -> Array:
        dense: Array = self.matrix[start:stop].toarray()
        return dense

    def fill(self, pieces: Iterable[Piece], into: Array) -> None:
        pieces = list(pieces)
        if len(pieces) == 1:
            some = self.matrix[slice(*pieces[0])]
        else:  # all pieces in one go
            some = self.matrix[np.concatenate([np.arange(*piece) for piece in pieces])]
        if into.flags.c_contiguous:
            some.astype(into.dtype, copy=False).toarray(out=into)
        else:
            into[...] = some.toarray()


class SlicedRows(Reader):
    """Rows of anything with a shape, a NumPy type and slices: a data set of h5py, an array of zarr or dask.

    Parameters
    ----------
    source : object
        ``source[start:stop]`` gives rows that NumPy can read.
    name : str

    Examples
    --------
    >>> class Squares:
    ...     shape, dtype = (1000, 1), np.dtype(float)
    ...     def __getitem__(self, rows):
    ...         return np.arange(rows.start, rows.stop)[:, None] ** 2.0
    >>> SlicedRows(Squares(), "x").read(2, 4)
    array([[4.],
           [9.]])
    """

    def __init__(self, source: Any, name: str) -> None:
        self.source, self.name = source, name
        self.shape, self.dtype = tuple(map(int, source.shape)), np.dtype(source.dtype)
        chunks = getattr(source, "chunks", None) or (1,)
        first = chunks[0][0] if isinstance(chunks[0], tuple) else chunks[0]
        fits = isinstance(first, int) and first * self.bytes_per_row <= MOST_TOGETHER
        self.unit = first if fits else 1

    def read(self, start: int, stop: int) -> Array:
        where = f"{self.name}: rows {start} to {stop - 1} of the {type(self.source).__name__}"
        try:
            rows = np.asarray(self.source[start:stop])
        except Exception as error:
            raise DataError(f"{where} cannot be read: {error}") from error
        if rows.shape != (stop - start, *self.shape[1:]):
            expected = (stop - start, *self.shape[1:])
            raise DataError(f"{where} should have the shape {expected}, but came with {rows.shape}")
        return rows


def is_sparse(value: Any) -> bool:
    """Whether something is a sparse matrix of SciPy, without loading SciPy."""
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(value))


def is_sliced(value: Any) -> bool:
    """Whether something that is no array has a shape, a NumPy type and slices, and is not in memory."""
    if isinstance(value, np.ndarray) or any(
        hasattr(value, name) for name in ("__array_interface__", "__dlpack__", "iloc")
    ):
        return False
    shape = getattr(value, "shape", None)
    try:
        np.dtype(value.dtype)
        sized = isinstance(shape, tuple) and len(shape) > 0 and all(int(k) >= 0 for k in shape)
    except (AttributeError, TypeError, ValueError):
        return False
    return sized and hasattr(value, "__getitem__")
