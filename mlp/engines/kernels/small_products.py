"""Products of small matrices without a BLAS, whose call alone costs more than such a product.

What a step of the delta rule needs, as calls of `product`, or as records of `product_of_rows`:

=====================  ===================================================================
``net = X W + b``      ``product(X, i, 1, W, o, b, o, net, o, n, o, i)``
``dW = X^T delta``     ``product(X, 1, i, delta, o, delta, 0, dW, o, i, o, n)``
``db = sum delta``     ``product(one, 0, 0, delta, o, delta, 0, db, o, 1, o, n)`` with ``one[0] == 1``
``grad = delta W^T``   ``back(delta, W, grad, n, i, o)`` if `is_by_rows`, else ``turn(W, i, o, V)`` and
                       ``product(delta, o, 1, V, turned_stride(i), V, 0, grad, i, n, i, o)``
=====================  ===================================================================

Measured in float32 on one core with AVX-512 (µs; all called from compiled code)::

    n, i, o        X W here, MKL, OpenBLAS   X^T delta                delta W^T
    1, 2, 20       0.011   0.066   0.026     0.014   0.052   0.069    0.037   0.100   0.182
    1, 20, 2       0.016   0.126   0.057     0.027   0.114   0.066    0.012   0.136   0.193
    10, 20, 2      0.075   0.286   0.134     0.065   0.266   0.106    0.082   0.382   0.316
    1, 64, 100     0.22    0.47    0.45      0.36    0.50    0.93     0.29    0.44    0.46
    1, 100, 10     0.06    0.27    0.19      0.11    0.27    0.95     0.16    0.36    0.66
    10, 64, 100    1.24    2.03    1.72      1.12    1.94    1.68     2.05    3.34    2.88
    10, 100, 10    0.34    0.72    0.61      0.33    0.56    0.66     0.48    0.94    1.23
    32, 64, 64     2.2     2.9     2.9       2.1     3.5     2.3      2.7     4.1     6.2
    32, 64, 10     0.61    1.08    0.95      0.60    1.2     0.73     0.51    1.3     1.4
    128, 64, 64    7.7     10.0    11.1      8.0     10.1    10.3     8.2     10.7    12.4
    256, 256, 256  290     160 on two cores  230     160     205      350     160     190
"""

from typing import Any

from mlp.engines.kernels.blocks import block, dots, lanes, transpose
from mlp.engines.kernels.pointers import Anchor, Record, pointer, shift
from mlp.engines.kernels.walk import OPERANDS, START, STOP

MOST_LANES = 16  # numbers in the longest vector of any processor


def is_by_rows(n: int, o: int) -> bool:
    """Whether for a batch of n rows and o units the transpose of W costs more than it gains."""
    return n <= 2 or (n <= 4 and o <= 3)


def turned_stride(i: int) -> int:
    """Numbers from row to row of the transpose of W, which `turn` writes."""
    return (i + MOST_LANES - 1) // MOST_LANES * MOST_LANES


def turned_size(i: int, o: int) -> int:
    """Numbers that `turn` may write."""
    return turned_stride(i) * turned_stride(o)


def product_of_rows(record: Record, anchor: Anchor) -> None:
    """The rows of a `product` from the record's start to its stop; so one instruction serves all products."""
    place = OPERANDS
    A, row_stride, depth_stride = pointer(record[place], anchor), record[place + 1], record[place + 2]
    B, B_stride = pointer(record[place + 3], anchor), record[place + 4]
    b, b_columns = pointer(record[place + 5], anchor), record[place + 6]
    C, C_stride = pointer(record[place + 7], anchor), record[place + 8]
    o, depth, first = record[place + 9], record[place + 10], record[START]
    product(
        shift(A, first * row_stride), row_stride, depth_stride, B, B_stride, b, b_columns,
        shift(C, first * C_stride), C_stride, record[STOP] - first, o, depth,
    )  # fmt: skip


def product(
    A: Any, row_stride: int, depth_stride: int, B: Any, B_stride: int, b: Any, b_columns: int, C: Any,
    C_stride: int, n: int, o: int, depth: int,
) -> None:  # fmt: skip
    """``C[r, c] = b[c] + sum_k A[r, k] B[k, c]`` with C of shape (n, o); see `blocks.block`."""
    step, column = lanes(A), 0
    while column < o:
        left = o - column
        vectors = min((left + step - 1) // step, 4)
        panel(
            vectors, A, row_stride, depth_stride, shift(B, column), B_stride, shift(b, column),
            b_columns - column, shift(C, column), C_stride, n, depth, left,
        )  # fmt: skip
        column += vectors * step


def panel(
    vectors: int, A: Any, row_stride: int, depth_stride: int, B: Any, B_stride: int, b: Any, b_columns: int,
    C: Any, C_stride: int, n: int, depth: int, columns: int,
) -> None:  # fmt: skip
    """The columns of a product that fit into the registers."""
    row = 0
    if vectors == 1:
        while row + 4 <= n:
            block(4, 1, 2, shift(A, row * row_stride), row_stride, depth_stride, B, B_stride, b, b_columns,
                  shift(C, row * C_stride), C_stride, depth, columns)  # fmt: skip
            row += 4
        while row < n:
            block(1, 1, 4, shift(A, row * row_stride), row_stride, depth_stride, B, B_stride, b, b_columns,
                  shift(C, row * C_stride), C_stride, depth, columns)  # fmt: skip
            row += 1
    elif vectors == 2:
        while row + 4 <= n:
            block(4, 2, 1, shift(A, row * row_stride), row_stride, depth_stride, B, B_stride, b, b_columns,
                  shift(C, row * C_stride), C_stride, depth, columns)  # fmt: skip
            row += 4
        while row < n:
            block(1, 2, 4, shift(A, row * row_stride), row_stride, depth_stride, B, B_stride, b, b_columns,
                  shift(C, row * C_stride), C_stride, depth, columns)  # fmt: skip
            row += 1
    elif vectors == 3:
        while row + 4 <= n:
            block(4, 3, 1, shift(A, row * row_stride), row_stride, depth_stride, B, B_stride, b, b_columns,
                  shift(C, row * C_stride), C_stride, depth, columns)  # fmt: skip
            row += 4
        while row < n:
            block(1, 3, 2, shift(A, row * row_stride), row_stride, depth_stride, B, B_stride, b, b_columns,
                  shift(C, row * C_stride), C_stride, depth, columns)  # fmt: skip
            row += 1
    else:
        while row + 4 <= n:
            block(4, 4, 1, shift(A, row * row_stride), row_stride, depth_stride, B, B_stride, b, b_columns,
                  shift(C, row * C_stride), C_stride, depth, columns)  # fmt: skip
            row += 4
        while row < n:
            block(1, 4, 2, shift(A, row * row_stride), row_stride, depth_stride, B, B_stride, b, b_columns,
                  shift(C, row * C_stride), C_stride, depth, columns)  # fmt: skip
            row += 1


def back(D: Any, W: Any, G: Any, n: int, i: int, o: int) -> None:
    """``G = D W^T`` for few rows, with D of shape (n, o) and W of shape (i, o)."""
    step = lanes(D)
    for r in range(n):
        if o <= 3:
            narrow(shift(D, r * o), W, shift(G, r * i), i, o)
        else:
            for j in range(0, i, step):
                dots(shift(D, r * o), shift(W, j * o), shift(G, r * i + j), o, min(i - j, step))


def turn(W: Any, i: int, o: int, turned: Any) -> None:
    """W^T with W of shape (i, o), its rows `turned_stride(i)` apart: as long as 3 to 9 rows of `back`."""
    step, stride = lanes(W), turned_stride(i)
    for j in range(0, i, step):
        for k in range(0, o, step):
            transpose(shift(W, j * o + k), o, i - j, o - k, shift(turned, k * stride + j), stride)


def narrow(d: Any, W: Any, g: Any, i: int, o: int) -> None:
    """``g = W d`` for a layer of 1, 2 or 3 units: 0.013 µs at (20, 2) where `dots` takes 0.046."""
    if o == 1:
        for j in range(i):
            g[j] = d[0] * W[j]
    elif o == 2:
        a, b = d[0], d[1]
        for j in range(i):
            g[j] = a * W[2 * j] + b * W[2 * j + 1]
    else:
        a, b, c = d[0], d[1], d[2]
        for j in range(i):
            g[j] = a * W[3 * j] + b * W[3 * j + 1] + c * W[3 * j + 2]
