"""`python -m benchmarks.side_by_side`: three ways to use two cores for several networks for tables.

One network on both cores beside on one; two networks at a time, each on its own thread and core, beside one
after the other; and the products of four networks as one stacked product beside four. Below 1 the way is
worth it. Visits are interleaved; a ratio is the median of the ratios within the rounds.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from benchmarks import commands
from benchmarks.report import ratio, table
from benchmarks.timing import clock

CELLS = {"128 units, 64 rows": (128, 64), "256 units, 64 rows": (256, 64), "256 units, 256 rows": (256, 256)}
ROUNDS, STEPS, COLUMNS, CLASSES, STACKED, PRODUCTS = 9, 200, 20, 4, 4, 50
PAIRS = {
    "one network: two cores / one": ("both_cores", "alone"),
    "two networks: side by side / in turn": ("side_by_side", "in_turn"),
    "four products: stacked / in turn": ("stacked", "products"),
}


def fit(units: int, rows: int, n_threads: int) -> Callable[[], Any]:
    """A training of a network like those of "auto", of `STEPS` steps."""
    import mlp

    rng = np.random.default_rng(0)
    hidden = [mlp.layers.NTKDense(units, "selu") for _ in range(3)]
    model = mlp.Sequential(
        [mlp.layers.Input((COLUMNS,)), mlp.layers.Scale(), *hidden, mlp.layers.NTKDense(CLASSES)], seed=0
    )
    loss = mlp.losses.SparseCategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    model.compile(mlp.optimizers.Adam(1e-3), loss, n_threads=n_threads)
    X = rng.normal(size=(rows * STEPS, COLUMNS)).astype(np.float32)
    y = rng.integers(0, CLASSES, len(X))
    return lambda: model.fit(X, y, batch_size=rows, verbose=0)


def ways(units: int, rows: int, pool: ThreadPoolExecutor) -> dict[str, Callable[[], Any]]:
    """What is timed, by name."""
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(0)
    A = rng.normal(size=(STACKED, rows, units)).astype(np.float32)
    W = rng.normal(size=(STACKED, units, units)).astype(np.float32)
    first, second, wide = fit(units, rows, 1), fit(units, rows, 1), fit(units, rows, 2)

    def stacked() -> None:
        with threadpool_limits(1):
            for _ in range(PRODUCTS):
                np.matmul(A, W)

    def products() -> None:
        with threadpool_limits(1):
            for _ in range(PRODUCTS):
                for one, other in zip(A, W, strict=True):
                    one.dot(other)

    return {
        "alone": first,
        "both_cores": wide,
        "in_turn": lambda: (first(), second()),
        "side_by_side": lambda: [f.result() for f in [pool.submit(first), pool.submit(second)]],
        "stacked": stacked,
        "products": products,
    }


def main() -> None:
    """Measure, print a table, write the file."""
    options = commands.parser("side_by_side", __doc__, ()).parse_args()
    rounds = 2 if options.quick else ROUNDS
    results = commands.head(rounds=rounds, steps=STEPS) | {"seconds": {}, "ratios": {}}
    rows = []
    with ThreadPoolExecutor(2) as pool:
        for name, cell in CELLS.items():
            runs = ways(*cell, pool)
            times: dict[str, list[float]] = {way: [] for way in runs}
            for number in range(rounds + 1):
                for way, run in runs.items():
                    took = clock(run)
                    if number:  # the first warms up
                        times[way].append(took)
            found = {title: ratio(times[a], times[b]) for title, (a, b) in PAIRS.items()}
            results["seconds"][name], results["ratios"][name] = times, found
            rows.append([name, *(f"{value:.2f}" for value in found.values())])
    print(table(["", *PAIRS], rows))
    results["load_after"] = commands.machine.load()
    if options.output or not options.quick:
        commands.save(results, "side_by_side", options.output or commands.RESULTS, lambda results, path: None)


if __name__ == "__main__":
    main()
