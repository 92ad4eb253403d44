"""Rows of training data, dense or sparse, in batches."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from mlp.arrays import Array, Workspace

CHUNK = 1 << 14  # numbers of X that are gathered at once, and outputs that are kept for their losses

Batch = tuple[Any, Array, Array | None]  # X, SparseRows or StridedRows (n, i), T (n, ...), weights (n,)


class SparseRows:
    """A scipy sparse matrix in the place of a layer's X: ``X.dot(W, out)`` and ``X.T.dot(delta, out)``.

    Parameters
    ----------
    matrix : scipy sparse matrix or array of shape (n, i)
    order : Array of shape (n,), optional
        The rows' numbers in the order in which the product of the transpose adds them up.
    """

    def __init__(self, matrix: Any, order: Array | None = None) -> None:
        self.matrix, self.order, self.shape = matrix, order, matrix.shape

    def __len__(self) -> int:
        return int(self.shape[0])

    @property
    def T(self) -> "Transposed":
        """The transpose."""
        matrix = self.matrix if self.order is None else self.matrix[self.order]
        return Transposed(matrix.T, self.order)

    def dot(self, other: Array, out: Array) -> Array:
        """The product with a dense matrix, into `out`."""
        np.copyto(out, self.matrix @ other)
        return out

    def dense(self) -> Array:
        """The same rows as an array."""
        return np.ascontiguousarray(self.matrix.toarray())


class StridedRows:
    """An array that is not C-contiguous in the place of a layer's X, as `SparseRows`.

    NumPy's `dot` copies such an array for BLAS, where its `matmul`, which scikit-learn uses, may not,
    and the last digit differs. Of contiguous arrays both make the same, `dot` sooner.

    Parameters
    ----------
    matrix : Array of shape (n, i)
    """

    def __init__(self, matrix: Array) -> None:
        self.matrix, self.shape = matrix, matrix.shape

    def __getitem__(self, rows: slice) -> "StridedRows":
        return StridedRows(self.matrix[rows])

    @property
    def T(self) -> "StridedRows":
        """The transpose."""
        return StridedRows(self.matrix.T)

    def dot(self, other: Array, out: Array) -> Array:
        """The product with another matrix, into `out`."""
        return np.matmul(self.matrix, other, out)

    def dense(self) -> Array:
        """The same rows, contiguous."""
        return np.ascontiguousarray(self.matrix)


class Transposed:
    """The transpose of a sparse matrix, whose columns are in an order of their own.

    Parameters
    ----------
    matrix : scipy sparse matrix or array of shape (i, n)
    order : Array of shape (n,) or None
    """

    def __init__(self, matrix: Any, order: Array | None) -> None:
        self.matrix, self.order = matrix, order

    def add_dot(self, other: Array, out: Array) -> None:
        """Add the product with a dense matrix to `out`: to the rows that it reaches, if they are few."""
        other = other if self.order is None else other[self.order]
        if self.matrix.format == "csr":
            np.add(out, self.matrix @ other, out)
            return
        reached = np.zeros(len(out), np.bool_)
        reached[self.matrix.indices] = True
        rows = np.flatnonzero(reached)
        if 3 * len(rows) > len(out):
            np.add(out, self.matrix @ other, out)
            return
        numbers = np.cumsum(reached)[self.matrix.indices] - 1
        kind, shape = type(self.matrix), (len(rows), self.matrix.shape[1])
        out[rows] += kind((self.matrix.data, numbers, self.matrix.indptr), shape) @ other


class Rows:
    """Inputs, targets and weights of some rows, handed out in batches.

    Parameters
    ----------
    X : Array or scipy sparse matrix of shape (n, i)
    T : Array of shape (n, ...)
    weight : Array of shape (n,) or None
    """

    def __init__(self, X: Any, T: Array, weight: Array | None = None) -> None:
        self.sparse = hasattr(X, "tocsr")
        # products of the transpose add up a column's rows as they lie there: if not by their numbers,
        # in an order that only this column knows, and X stays as it is
        self.by_column = getattr(X, "format", "") == "csc" and bool(X.has_sorted_indices)
        self.X = X.tocsr() if self.by_column else X
        self.T, self.weight = T, weight
        self.spaces = Workspace(), Workspace()

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def total(self) -> float:
        """Σ_n w_n: the number of rows if they have no weights."""
        return len(self) if self.weight is None else self.weight.sum()

    def all(self) -> Batch:
        """Every row, without a copy."""
        return self.between(0, len(self))

    def chunks(
        self, order: Array | None, size: int, outputs: int = 1, alone: bool = False
    ) -> Iterator[Batch]:
        """The rows in that order, or as they are: some batches of `size` at a time, or each `alone`.

        A chunk is only good until the next; it spares calls to gather rows. The more outputs a
        row has, the smaller are the chunks.
        """
        widest = max(self.X.shape[1], outputs)
        rows = max(1, 0 if self.sparse or alone else CHUNK // widest // size) * size
        starts = range(0, len(self), rows)
        if order is None:
            return (self.between(start, start + rows) for start in starts)
        return (self.take(order[start : start + rows]) for start in starts)

    def between(self, start: int, stop: int) -> Batch:
        """The rows from `start` up to `stop`."""
        X, weight = self.X[start:stop], self.weight
        if self.sparse:
            X = SparseRows(X)
        elif not X.flags.c_contiguous:
            X = StridedRows(X)
        return (
            X,
            self.T[start:stop],
            None if weight is None else weight[start:stop],
        )

    def take(self, rows: Array) -> Batch:
        """The rows of those numbers."""
        if self.sparse:
            X: Any = SparseRows(self.X[rows], rows.argsort() if self.by_column else None)
        elif self.X.flags.c_contiguous:
            X = self._gather(0, self.X, rows)
        else:  # `take` would copy all of it to gather a few
            X = self.X[rows]
        return X, self._gather(1, self.T, rows), None if self.weight is None else self.weight[rows]

    def _gather(self, space: int, array: Array, rows: Array) -> Array:
        into = self.spaces[space].lend(len(rows), {"rows": array.shape[1:]}, array.dtype)["rows"]
        # mode "clip" spares `take` a buffer of its own; the numbers come from a shuffle
        return array.take(rows, 0, into, "clip")


def in_dense_chunks(matrix: Any, numbers: int = 1 << 20) -> Iterator[Array]:
    """The rows of a sparse matrix as arrays of up to so many numbers each."""
    size = max(1, numbers // matrix.shape[1])
    csr = matrix.tocsr()
    for start in range(0, csr.shape[0], size):
        yield np.ascontiguousarray(csr[start : start + size].toarray())
