"""The floor: the matrix products of a step, and nothing else. No bias, no activation, no update.

By NumPy's BLAS, with which the package's own numbers are made when nothing else is installed, and
by Intel's MKL, which the compiled engine takes if it finds it (`pip install mkl`).
"""

import ctypes
from collections.abc import Callable
from functools import partial
from importlib import metadata
from typing import Any

import numpy as np

from benchmarks.cells import FLOAT, Array, Cell

ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112  # CBLAS's constants
Products = list[tuple[Array, Array, Array]]  # factor, factor, result


def products(cell: Cell) -> Products:
    """The products X W, Xᵀ delta and delta Wᵀ of all layers, in the order of a step."""
    rng, n = np.random.default_rng(3), cell.batch
    outs = [rng.standard_normal((n, units), dtype=FLOAT) for units in cell.sizes]
    deltas, grads = [out.copy() for out in outs], [np.empty_like(out) for out in outs]
    Ws = cell.weights()[0::2]
    found = [(outs[k], W, np.empty_like(outs[k + 1])) for k, W in enumerate(Ws)]
    for k, W in reversed(list(enumerate(Ws))):
        found.append((outs[k].T, deltas[k + 1], np.empty_like(W)))
        if k:
            found.append((deltas[k + 1], W.T, grads[k]))
    return found


def train(cell: Cell) -> Callable[[int], None]:
    """The products by `numpy.dot`."""
    calls = [(left.dot, right, result) for left, right, result in products(cell)]

    def run(epochs: int) -> None:
        for _ in range(epochs * cell.steps):
            for dot, right, result in calls:
                dot(right, result)

    return run


def train_mkl(cell: Cell) -> Callable[[int], None]:
    """The products by MKL's `cblas_sgemm`."""
    sgemm, kept = mkl().cblas_sgemm, products(cell)
    calls = [partial(sgemm, *arguments(*product)) for product in kept]

    def run(epochs: int) -> None:
        for _ in range(epochs * cell.steps):
            for call in calls:
                call()
        assert kept  # whose addresses are in use

    return run


def mkl() -> Any:
    """The library that `pip install mkl` brings; raises an `ImportError` where it is not."""
    try:
        files = metadata.files("mkl") or []
    except metadata.PackageNotFoundError:
        raise ImportError("No package named 'mkl'") from None
    paths = [str(file.locate()) for file in files if "mkl_rt" in file.name]
    if not paths:
        raise ImportError("the package mkl has no library mkl_rt")
    return ctypes.CDLL(paths[0])


def arguments(left: Array, right: Array, result: Array) -> list[Any]:
    """The arguments of `cblas_sgemm` for matrices, of which some are transposed views."""
    layouts, addresses = [], []
    for matrix in (left, right):
        plain = matrix.flags.c_contiguous
        layouts.append(PLAIN if plain else TRANSPOSED)
        addresses.append((matrix.ctypes.data, max(matrix.shape[1] if plain else matrix.shape[0], 1)))
    (a, a_row), (b, b_row) = addresses
    m, n, k = len(left), right.shape[1], left.shape[1]
    one, zero, pointer, number = ctypes.c_float(1), ctypes.c_float(0), ctypes.c_void_p, ctypes.c_int
    heads = [number(value) for value in (ROW_MAJOR, *layouts, m, n, k)]
    factors = [one, pointer(a), number(a_row), pointer(b), number(b_row), zero]
    return [*heads, *factors, pointer(result.ctypes.data), number(n)]
