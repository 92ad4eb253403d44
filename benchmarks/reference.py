"""`reference.c`, compiled on this machine when it is asked for, and called by way of `ctypes`.

``$CC`` is the compiler, else gcc. Where there is none, and for nets with more than 20,000
weights, which want a library's matrix products, the reference is left out.
"""

import ctypes
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cells import FLOAT, Array, Cell, UnsuitableError
from benchmarks.inplace import BETA_1, BETA_2, EPSILON, Flat

SOURCE = Path(__file__).with_name("reference.c")
FLAGS = ("-O3", "-march=native", "-ffast-math", "-shared", "-fPIC")
MOST_WEIGHTS = 20_000
KINDS = {"sgd": 0, "adam": 1}
LINE = 64  # bytes of a line of the cache, where vectors begin


class Net(ctypes.Structure):
    """The `Net` of reference.c."""

    _fields_ = [
        *((name, ctypes.c_int) for name in ("layers", "batch", "kind")),
        *((name, ctypes.c_void_p) for name in ("sizes", "w", "dw", "m", "v", "room")),
        *((name, ctypes.c_float) for name in ("learning_rate", "beta_1", "beta_2", "epsilon")),
        *((name, ctypes.c_double) for name in ("power_1", "power_2")),
    ]


def compiler() -> list[str]:
    """The compiler's command, by ``$CC`` or gcc; raises `OSError` where there is none."""
    command = shlex.split(os.environ.get("CC", "gcc"))
    if not command or shutil.which(command[0]) is None:
        raise FileNotFoundError(f"there is no C compiler {' '.join(command)!r}; install gcc, or set CC")
    return command


@cache
def library() -> Any:
    """The function `train`, compiled into a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        product = Path(folder) / "reference.so"
        command = [*compiler(), *FLAGS, str(SOURCE), "-o", str(product), "-lm"]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            raise OSError(f"{command[0]} could not compile reference.c: {result.stderr.strip()[:500]}")
        function = ctypes.CDLL(str(product)).train
    function.restype = ctypes.c_double
    function.argtypes = [ctypes.POINTER(Net), *[ctypes.c_void_p] * 3, ctypes.c_int]
    return function


def aligned(count: int) -> Array:
    """Zeros that begin on a line of the cache."""
    room = np.zeros(count + LINE // 4, FLOAT)
    start = -room.ctypes.data % LINE // 4
    return room[start : start + count]


def train(cell: Cell) -> Callable[[int], float]:
    """A function that trains for some epochs and returns the mean loss of the last."""
    first = Flat(cell).values
    if first.size > MOST_WEIGHTS:
        raise UnsuitableError(f"the C reference is for nets of up to {MOST_WEIGHTS:,} weights")
    function, (X, labels), sizes = library(), cell.data(), np.array(cell.sizes, np.intc)
    labels, order, rng = labels.astype(np.intc), np.arange(cell.rows, dtype=np.intc), np.random.default_rng(2)
    w, dw, m, v = (aligned(first.size) for _ in range(4))
    w[:], room = first, aligned(cell.batch * sum(cell.sizes))
    arrays = [array.ctypes.data for array in (sizes, w, dw, m, v, room)]
    numbers = cell.learning_rate, BETA_1, BETA_2, EPSILON, 1.0, 1.0
    net = Net(len(sizes) - 1, cell.batch, KINDS[cell.rule], *arrays, *numbers)
    kept = sizes, w, dw, m, v, room, X, labels, order  # their addresses are in use

    def run(epochs: int) -> float:
        for _ in range(epochs):
            if not cell.full:
                rng.shuffle(order)
            data, targets, rows = (array.ctypes.data for array in kept[-3:])
            loss = function(net, data, targets, rows, cell.rows)
        return loss

    return run
