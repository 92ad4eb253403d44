"""`python -m benchmarks.reading`: training on data that are read meanwhile, beside arrays in memory.

The same rows as an array, a memory map, a sparse matrix (its own rows: one element in ten is not zero)
and a Parquet file, in nets of three sizes, by both engines. Each visit is a call of `fit` over three
epochs; visits are interleaved, and a ratio is the median of the ratios to the visit with the array beside
it. Files are in the system's cache, so it is the work of reading that is measured, not the disk.

With ``--gigabytes 20`` also one pass over a memory map of that size, sparse on the disk, in a process of
its own: the most private memory (RssAnon) that it ever had, and its time beside that of as many steps on
arrays.
"""

import gc
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import commands
from benchmarks.report import ratio, table
from benchmarks.timing import clock, fresh

CELLS = {"784-256-128-10, batch 128": (784, (256, 128), 10, 128), "32-64-1, batch 32": (32, (64,), 1, 32),
         "8-16-1, batch 32": (8, (16,), 1, 32)}  # fmt: skip
MEGABYTES = {"numba": 256, "numpy": 96}
ROUNDS, EPOCHS = 7, 3
LARGE = """
import json, os, sys, tempfile, time
import numpy as np, mlp
size, engine = {gigabytes}, "{engine}"
rows = int(size * 2**30) // (4 * 784)
model = mlp.Sequential([mlp.layers.Dense(256, activation="relu"), mlp.layers.Dense(128, activation="relu"),
                        mlp.layers.Dense(10, activation="softmax")], seed=0)
model.compile("sgd", "sparse_categorical_crossentropy", engine=engine)
most = 0

class Watch(mlp.callbacks.Callback):
    every_batch = False

    def on_train_batch_end(self, batch, logs=None):
        global most
        lines = open("/proc/self/status").read().splitlines()
        most = max(most, *(int(line.split()[1]) for line in lines if line.startswith("RssAnon")))

with tempfile.TemporaryDirectory() as folder:
    path = folder + "/x"
    with open(path, "wb") as file:
        file.truncate(rows * 4 * 784)
    X = np.memmap(path, np.float32, "r", shape=(rows, 784))
    y = np.zeros(rows, np.uint8)
    begin = time.perf_counter()
    model.fit(X, y, batch_size=128, epochs=1, verbose=0, callbacks=[Watch()])
    took = time.perf_counter() - begin
few = 40000
X, y = np.zeros((few, 784), np.float32), np.zeros(few, np.uint8)
model.fit(X, y, batch_size=128, verbose=0)
begin = time.perf_counter()
model.fit(X, y, batch_size=128, epochs=2, verbose=0)
arrays = (time.perf_counter() - begin) / 2 / few * rows
print(json.dumps({{"gigabytes": size, "rows": rows, "rss_anon_mb": most / 1024, "seconds": took,
                   "seconds_on_arrays": arrays}}))
"""


def model(hidden: tuple[int, ...], outputs: int, engine: str) -> Any:
    """A net with its first weights drawn."""
    import mlp

    layers = [mlp.layers.Dense(units, activation="relu") for units in hidden]
    last = mlp.layers.Dense(outputs, activation="softmax" if outputs > 1 else None)
    found = mlp.Sequential([*layers, last], seed=0)
    found.compile("sgd", "sparse_categorical_crossentropy" if outputs > 1 else "mse", engine=engine)
    return found


def kinds(X: np.ndarray, y: np.ndarray, folder: Path) -> Iterator[tuple[str, str, Any, Any, Any]]:
    """Kind, beside which array, and what `fit` takes: x, y; and the array itself for the comparison."""
    X.tofile(folder / "x")
    yield "memory map", "array", np.memmap(folder / "x", X.dtype, "r", shape=X.shape), y, X
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        print("Parquet: pyarrow is not installed")
    else:
        columns = {f"x{k}": X[:, k] for k in range(X.shape[1])} | {"y": y.reshape(-1)}
        rows = max(1000, len(X) // 32)
        pyarrow.parquet.write_table(pyarrow.table(columns), folder / "x.parquet", row_group_size=rows)
        yield "Parquet", "array", folder / "x.parquet", "y", X
    import scipy.sparse

    rng = np.random.default_rng(1)
    dense = np.where(rng.random(X.shape, np.float32) < 0.1, X, np.float32(0))
    yield "sparse matrix", "dense array", scipy.sparse.csr_array(dense), y, dense


def measure(cell: str, engine: str, rounds: int, megabytes: int, folder: Path) -> dict[str, Any]:
    """Seconds of the visits to each kind and to the array beside it."""
    inputs, hidden, outputs, batch = CELLS[cell]
    rng = np.random.default_rng(0)
    X = rng.random((megabytes * 2**20 // (4 * inputs), inputs), np.float32)
    y = rng.integers(0, outputs, len(X)) if outputs > 1 else X[:, :1].copy()
    results: dict[str, Any] = {}
    for kind, beside, x, target, array in kinds(X, y, folder):

        def training(x: Any, target: Any) -> Callable[[], object]:
            net = model(hidden, outputs, engine)
            net.fit(x, target, batch_size=batch, epochs=1, verbose=0)
            return lambda: net.fit(x, target, batch_size=batch, epochs=EPOCHS, verbose=0)

        runs = {beside: training(array, y), kind: training(x, target)}
        times: dict[str, list[float]] = {name: [] for name in runs}
        for number in range(rounds):
            for name in list(runs) if number % 2 else list(runs)[::-1]:
                times[name].append(clock(runs[name]))
        results[kind] = {
            "beside": beside,
            "seconds": times,
            "ratio": ratio(times[kind], times[beside]),
            "steps": -(-len(X) // batch) * EPOCHS,
        }
        gc.collect()
    return results


def main() -> None:
    """Measure, print a table, write the file."""
    parser = commands.parser("reading", __doc__, ("numba", "numpy"))
    parser.add_argument("--gigabytes", type=float, default=0.0, help="the size of the large memory map")
    options = parser.parse_args()
    engines = commands.chosen(options.peers, MEGABYTES)
    rounds = 3 if options.quick else ROUNDS
    results = commands.head(rounds=rounds, epochs=EPOCHS, megabytes=MEGABYTES) | {"cells": {}}
    rows = []
    for engine, megabytes in engines.items():
        for cell in CELLS:
            with tempfile.TemporaryDirectory() as folder:
                found = measure(cell, engine, rounds, 64 if options.quick else megabytes, Path(folder))
            results["cells"][f"{engine}: {cell}"] = found
            entries = []
            for kind in ("memory map", "sparse matrix", "Parquet"):
                entries.append(f"{found[kind]['ratio']:.2f}" if kind in found else "–")
            array = found["memory map"]
            step = median(array["seconds"]["array"]) / array["steps"] * 1e6
            rows.append([f"{engine}: {cell}", f"{step:.1f} µs", *entries])
            print(rows[-1], flush=True)
    print(table(["", "step on an array", "memory map", "sparse matrix", "Parquet"], rows))
    if options.gigabytes:
        for engine in engines:
            answer = json.loads(fresh(LARGE.format(gigabytes=options.gigabytes, engine=engine)))
            results.setdefault("large", {})[engine] = answer
            print(engine, answer)
    results["load_after"] = commands.machine.load()
    if options.output or not (options.quick or options.peers):
        commands.save(results, "reading", options.output or commands.RESULTS, lambda results, path: None)


if __name__ == "__main__":
    main()
