"""Blocks of matrix products that stay in the processor's registers.

As in `pointers`, these are names only; `mlp.engines.kernels.products` has what the compiler puts in
their place.
"""

from typing import Any


def lanes(A: Any) -> int:
    """How many numbers of A's type a vector of this processor holds."""
    raise NotImplementedError


def block(
    rows: int, vectors: int, unrolled: int, A: Any, row_stride: int, depth_stride: int, B: Any, B_stride: int,
    b: Any, b_columns: int, C: Any, C_stride: int, depth: int, columns: int,
) -> None:  # fmt: skip
    """``C[r, c] = b[c] + sum_k A[r, k] B[k, c]`` for `rows` rows and `columns` columns, in registers.

    Parameters
    ----------
    rows, vectors, unrolled : literals
        Size of the block: more than ``(vectors - 1) * lanes(A)`` columns, at most ``vectors * lanes(A)``.
        So many sums share the depth.
    A, row_stride, depth_stride : pointer, int, int
        ``A[r, k]`` is ``A[r * row_stride + k * depth_stride]``.
    B, B_stride, C, C_stride : pointers, ints
        Rows of `columns` numbers, `..._stride` numbers apart.
    b, b_columns : pointer, int
        What the sums begin with; 0 beyond its columns.
    depth, columns : int
    """
    raise NotImplementedError


def dots(D: Any, W: Any, G: Any, depth: int, rows: int) -> None:
    """``G[j] = sum_k D[k] W[j, k]`` for up to `lanes` rows of W, which are `depth` long."""
    raise NotImplementedError


def descend(x: Any, rate: Any, delta: Any, W: Any, i: int, o: int) -> None:
    """``W[j, k] -= rate x[j] delta[k]`` for W of shape (i, o), some columns of all rows at a time."""
    raise NotImplementedError


def transpose(W: Any, stride: int, rows: int, columns: int, to: Any, to_stride: int) -> None:
    """``to[c, r] = W[r, c]`` for a square of `lanes` rows and columns.

    Rows and columns beyond `rows` and `columns` are not read; all of the square is written.
    """
    raise NotImplementedError
