"""Peak memory of a fit, each in a fresh process.

`python -m benchmarks.estimators.memory CELL CONTESTANT KIND FILE` prints MiB. The process first
loads what a fit needs, by a fit of 30 rows, and reads the data from a file, so that no
memory of their making is left for the fit to use.
"""

import contextlib
import ctypes
import gc
import pickle
import subprocess
import sys
import tempfile
import tracemalloc
import warnings
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.estimators.cells import CONTESTANTS, MEMORY, Fit, estimator

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
MIB = 2**20


def measure(cell: Fit, repeats: int) -> dict[str, Any]:
    """MiB above what was there before the fit, by contestant: in all repeats, and what Python allocated.

    Parameters
    ----------
    cell : Fit
        Of `MEMORY`.
    repeats : int
        Of the resident memory; what Python allocates is the same each time.

    Returns
    -------
    dict
        "resident": lists by contestant, empty where the system does not tell; "allocated": numbers.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data"
        file.write_bytes(pickle.dumps(cell.arrays()))
        peaks = {"resident": {who: [] for who in CONTESTANTS}, "allocated": {}}
        for _ in range(repeats if STATUS.exists() else 0):
            for who in CONTESTANTS:
                peaks["resident"][who].append(fresh(cell, who, "resident", file))
        for who in CONTESTANTS:
            peaks["allocated"][who] = fresh(cell, who, "allocated", file)
    return peaks


def fresh(cell: Fit, who: str, kind: str, file: Path) -> float:
    """A figure from a process of its own."""
    command = [sys.executable, "-m", "benchmarks.estimators.memory", cell.name, who, kind, str(file)]
    root = Path(__file__).parents[2]
    return float(subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout)


def middle(found: list[float]) -> float | None:
    """The median, if there is one."""
    return median(found) if found else None


def peak(cell: Fit, who: str, kind: str, file: Path) -> float:
    """MiB that a fit takes at most, in this process."""
    X, y = pickle.loads(file.read_bytes())
    square = np.ones((500, 500), X.dtype)
    square @ square  # BLAS has its own working memory, which it keeps
    few = 30 if cell.data != "text" else 100
    if who == "mlp":
        from mlp.estimators import fused

        fused.WORTH.missed = fused.LOAD  # so that compiled passes, 49 MiB with LLVM, are loaded by now
    fit(cell, who, 5, X[:few], y[:few])
    del square
    if kind == "allocated":
        tracemalloc.start()
        fit(cell, who, cell.epochs, X, y)
        return tracemalloc.get_traced_memory()[1] / MIB
    give_back()
    RESET.write_text("5")  # the peak begins anew
    before = resident("VmRSS")
    fit(cell, who, cell.epochs, X, y)
    return resident("VmHWM") - before


def fit(cell: Fit, who: str, epochs: int, X: Any, y: Any) -> Any:
    """Fit some rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator(who, cell.data, max_iter=epochs, **cell.options).fit(X, y)


def give_back() -> None:
    """Return to the system what has been freed, so that the fit has to ask for it again."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # not every C library can
        ctypes.CDLL(None).malloc_trim(0)


def resident(name: str) -> float:
    """A figure of Linux on the memory of this process, in MiB."""
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


if __name__ == "__main__":
    chosen = next(cell for cell in MEMORY if cell.name == sys.argv[1])
    print(peak(chosen, sys.argv[2], sys.argv[3], Path(sys.argv[4])))
