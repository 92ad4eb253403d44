"""Where the matrix products of a BLAS begin, for code that calls them by their address.

Intel's MKL if its package is installed (``pip install mkl``), else the OpenBLAS that SciPy brings.

MKL's threads wait for the next product by looking out for it, 0.2 s long unless told otherwise, and
a core on which one looks out is lost to NumPy's OpenBLAS and to other processes. Measured on two
cores, in microseconds: a step of 784-256-128-10 with batches of 128; NumPy's product of 256 x 256
matrices after five steps, and a step after five such products; a step in each of two processes that
train at the same time (the spread is over runs; other programs used the cores now and then)::

    threads wait by looking out for   step          then NumPy   then a step   two processes
    0.2 s (MKL's own rule)            750 to 790    185 to 250   1220 to 1590  1520 to 4170
    0.1 ms (the rule here)            690 to 850    200 to 230   1220 to 1590  1480 to 4500
    0                                 1090 to 1400  200 to 240   1070 to 1370  1050 to 4300
    GNU's OpenMP instead of Intel's   740, or > 2000 when another program runs  6500 to 38000
    TBB                               1070 to 2180  220 to 5000  950 to 3900   900 to 2400
    sequential                        905 to 1220   250          1020 to 1640  910 to 1920
    OpenBLAS (SciPy's)                1070 to 1090  760          2450          1820 to 2270

So MKL runs on Intel's OpenMP, whose threads sleep after 0.1 ms: that spans the single-threaded work
between two products, and is over before anything else wants the core.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

WAIT = "100us"  # for how long threads look out for the next product

LAYERS = {"INTEL": 0, "SEQUENTIAL": 1}  # MKL's numbers for what its threads are
_NAMES = {"float32": "sgemm", "float64": "dgemm"}


@dataclass(frozen=True)
class Blas:
    """A BLAS that is loaded.

    Parameters
    ----------
    name : str
        "MKL" or "OpenBLAS" with a version.
    addresses : dict of str to int
        Of sgemm under "float32" and of dgemm under "float64"; Fortran's interface, 32-bit integers.
    count : function () -> int
        How many threads a product may use at this time.
    openmp : ctypes.CDLL or None
        The OpenMP library whose threads the products run on.
    """

    name: str
    addresses: dict[str, int]
    count: Callable[[], int] = field(repr=False)
    openmp: Any = field(default=None, repr=False)

    def gemm(self, dtype: Any) -> int:
        """Where the matrix product of float32 or float64 begins.

        Raises
        ------
        KeyError
            For another dtype.
        """
        return self.addresses[np.dtype(dtype).name]

    def threads(self) -> int:
        """How many threads a product may use, as the environment and `threadpoolctl` say at this time."""
        return max(1, int(self.count()))


@cache
def find() -> Blas:
    """The BLAS to use: MKL if it is installed and works, else SciPy's."""
    return mkl() or scipy_blas()


# MKL


def mkl() -> Blas | None:
    """MKL, or None if it is not installed or does not work."""
    path = find_file(("libmkl_rt.so*", "mkl_rt*.dll", "libmkl_rt*.dylib"), "mkl")
    openmp = find_file(("libiomp5.so", "libiomp5md.dll", "libiomp5.dylib"), "intel-openmp")
    if path is None or openmp is None or os.environ.get("MKL_INTERFACE_LAYER", "LP64").startswith("ILP64"):
        return None
    try:
        runtime = ctypes.CDLL(str(openmp))
        set_forks(runtime)
        set_wait(runtime)
        layer = os.environ.get("MKL_THREADING_LAYER", "INTEL").upper()
        if layer == "INTEL" and is_shadowed(runtime):
            layer = "SEQUENTIAL"
        loaded = ctypes.CDLL(str(path))
        if layer in LAYERS:
            loaded.MKL_Set_Threading_Layer(LAYERS[layer])
        addresses = {dtype: _address(getattr(loaded, f"{name}_")) for dtype, name in _NAMES.items()}
        count = loaded.MKL_Get_Max_Threads
    except (OSError, AttributeError):  # a part of it, or a function, is not there
        return None
    found = Blas("MKL", addresses, count, runtime if layer == "INTEL" else None)
    return found if multiplies(found) else None


def is_shadowed(openmp: Any) -> bool:
    """Whether another OpenMP answers for Intel's, so each thread of a product takes itself for the first.

    PyTorch makes the names of GNU's OpenMP known to all libraries; products of an MKL that is loaded after
    that are wrong on two cores. On one they are right.
    """
    if os.name != "posix":
        return False
    try:
        known = _address(ctypes.CDLL(None).omp_get_thread_num)
    except AttributeError:  # there is none
        return False
    return known != _address(openmp.omp_get_thread_num)


def find_file(patterns: tuple[str, ...], package: str) -> Path | None:
    """A library of a Python package, or of the environment's folder for libraries; None if there is none."""
    try:
        listed = metadata.distribution(package).files or []
    except metadata.PackageNotFoundError:
        listed = []
    for file in listed:
        if any(Path(file.name).match(pattern) for pattern in patterns) and Path(str(file.locate())).exists():
            return Path(str(file.locate())).resolve()
    prefix = Path(sys.prefix)
    for folder in (prefix / "lib", prefix / "Library" / "bin"):
        for pattern in patterns:
            for path in sorted(folder.glob(pattern), reverse=True):
                return path.resolve()
    return None


def set_forks(openmp: Any) -> None:
    """Let an OpenMP begin anew in a process that forks off this one.

    Scikit-learn forbids it by the environment, as a way round a fault that an older version had; a
    product in the new process would then wait for ever for threads that did not come with it.
    """
    before = os.environ.get("KMP_INIT_AT_FORK")
    os.environ["KMP_INIT_AT_FORK"] = "TRUE"
    try:
        openmp.omp_get_num_procs()  # which reads the environment
    finally:
        if before is None:
            del os.environ["KMP_INIT_AT_FORK"]
        else:
            os.environ["KMP_INIT_AT_FORK"] = before


def set_wait(openmp: Any) -> None:
    """Let an OpenMP's threads sleep soon after their work, unless the user has said when.

    A library that is at work already, for another package, keeps its rule.
    """
    if "KMP_BLOCKTIME" in os.environ or "OMP_WAIT_POLICY" in os.environ:
        return
    openmp.kmp_set_defaults(f"KMP_BLOCKTIME={WAIT}".encode())


def multiplies(blas: Blas) -> bool:
    """Whether the product of two small matrices is right."""
    for dtype, number in (("float32", ctypes.c_float), ("float64", ctypes.c_double)):
        A = np.array([[1, 2], [3, 4]], dtype)
        C = np.zeros((2, 2), dtype)
        two, one, zero, letter = ctypes.c_int(2), number(1), number(0), ctypes.c_char(b"N")
        places = (letter, letter, two, two, two, one, A, two, A, two, zero, C, two)
        pointers = [p.ctypes.data if isinstance(p, np.ndarray) else ctypes.addressof(p) for p in places]
        ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)(blas.gemm(dtype))(*pointers)
        if C.tolist() != [[7, 10], [15, 22]]:
            return False
    return True


def _address(function: Any) -> int:
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)


# SciPy's


def scipy_blas() -> Blas:
    """The BLAS that SciPy was built with."""
    from scipy.linalg import cython_blas

    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype, api.PyCapsule_GetName.argtypes = ctypes.c_char_p, [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    addresses = {}
    for dtype, name in _NAMES.items():
        capsule = cython_blas.__pyx_capi__[name]
        addresses[dtype] = int(api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule)))
    name, count = _pool_of_scipy()
    return Blas(name, addresses, count)


def _pool_of_scipy() -> tuple[str, Callable[[], int]]:
    """The name of SciPy's BLAS, and the function that tells how many threads it may use."""
    from threadpoolctl import ThreadpoolController

    pools = ThreadpoolController().select(user_api="blas").lib_controllers
    own = [pool for pool in pools if "scipy" in pool.filepath] or pools
    if not own:
        return "SciPy's BLAS", lambda: 1
    kind = {"openblas": "OpenBLAS", "mkl": "MKL", "blis": "BLIS"}.get(
        own[0].internal_api, own[0].internal_api
    )
    return f"{kind} {own[0].version}", own[0].get_num_threads
