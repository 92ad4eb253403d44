"""Instructions on several cores: a team of the threads that MKL's products run on.

A second pool of threads would fight with MKL's for the cores, so there is a team only where MKL
runs on Intel's OpenMP library (see `blas`); else work stays on one core.
"""

import ctypes
from functools import cache
from typing import Any

import numpy as np

from mlp.engines.kernels import blas

# From how many numbers on two cores gain. A fork takes 0.9 to 1.5 µs right after a product or another
# fork, 50 to 85 µs after 2 ms without, and 35 µs when another program has one of the two cores.
# In µs, one core and two:
# ReLU and the like    20,000: 2.6, 2.5    50,000: 6.7, 5.4    100,000: 13.4, 8.4    240,000: 52, 20
# Adam                 50,000: 28, 18
GAIN = 65_536


@cache
def _table() -> Any:
    """Addresses of the OpenMP functions that a fork calls; None if there is no such library."""
    openmp = blas.find().openmp
    if openmp is None:
        return None
    names = (
        "__kmpc_fork_call", "__kmpc_push_num_threads", "__kmpc_global_thread_num", "omp_get_thread_num",
        "omp_get_num_threads", "omp_get_max_threads",
    )  # fmt: skip
    try:
        found = [ctypes.cast(getattr(openmp, name), ctypes.c_void_p).value for name in names]
    except AttributeError:
        return None
    return np.array(found, np.int64)


def runtime() -> int:
    """What `fork` needs to know of the OpenMP library; 0 if there is none."""
    table = _table()
    return 0 if table is None else int(table.ctypes.data)


def threads() -> int:
    """How many threads a fork may use, as the environment and `threadpoolctl` say at this time."""
    return blas.find().threads() if runtime() else 1
