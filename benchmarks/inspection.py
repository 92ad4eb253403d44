"""`python -m benchmarks.inspection`: what looking costs, beside the training step of the same rows.

A trace (one pass forward and back, all arrays copied, the optimizer's step worked out) beside
`train_on_batch`, by both engines; the compiled engine's own step is made within `fit` and is much
shorter, so the ratio to a step of `fit` is beside it. And milliseconds of the explanations, of one row
and of a thousand. Visits are interleaved; a ratio is the median of the ratios within the rounds.
"""

from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from benchmarks import commands
from benchmarks.report import ratio, table
from benchmarks.timing import clock

CELLS = {
    "2-20-2, 4 rows": ((2, 20, 2), 4),
    "30-64-64-3, 32 rows": ((30, 64, 64, 3), 32),
    "64-128-10, 128 rows": ((64, 128, 10), 128),
    "784-256-128-10, 32 rows": ((784, 256, 128, 10), 32),
    "784-1024-1024-10, 128 rows": ((784, 1024, 1024, 10), 128),
    "784-128-10, 1,000 rows": ((784, 128, 10), 1000),
}
RULES = ("sgd", "adam")
ROUNDS, CALLS = 15, 5
EXPLAINED, ROWS = (30, 64, 64, 3), (1, 1000)


def network(sizes: tuple[int, ...], rule: str, engine: str, rows: int) -> tuple[Any, Any, Any]:
    """A compiled net with data."""
    import mlp

    rng = np.random.default_rng(0)
    hidden = [mlp.layers.Dense(units, activation="relu") for units in sizes[1:-1]]
    model = mlp.Sequential(
        [mlp.layers.Input(sizes[:1]), *hidden, mlp.layers.Dense(sizes[-1], "softmax")], seed=0
    )
    model.compile(rule, "sparse_categorical_crossentropy", engine=engine)
    X = rng.normal(size=(rows, sizes[0])).astype(np.float32)
    return model, X, rng.integers(0, sizes[-1], rows)


def trace_cell(sizes: tuple[int, ...], rows: int, rule: str, engine: str, rounds: int) -> dict[str, Any]:
    """Seconds of a trace, of `train_on_batch`, and of a step within `fit`."""
    model, X, y = network(sizes, rule, engine, rows)
    steps = 200 if sizes[1] < 500 else 10

    def fit() -> None:
        model.fit(X, y, batch_size=len(X), epochs=steps, verbose=0)

    def repeat(call: Callable[[Any, Any], Any]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(CALLS):
                call(X, y)

        return run

    runs: dict[str, tuple[Callable[[], Any], int]] = {
        "trace": (repeat(model.trace), CALLS),
        "train_on_batch": (repeat(model.train_on_batch), CALLS),
        "fit": (fit, steps),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, (run, calls) in runs.items():
            took = clock(run) / calls
            if number:  # the first warms up
                times[name].append(took)
    return {
        "seconds": times,
        "to_train_on_batch": ratio(times["trace"], times["train_on_batch"]),
        "to_fit": ratio(times["trace"], times["fit"]),
    }


def explanations(rows: int, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each explanation of that many rows."""
    from mlp import explanations as explain

    model, X, _ = network(EXPLAINED, "adam", "auto", rows)
    calls: dict[str, Callable[[], Any]] = {
        "input_gradients": lambda: explain.input_gradients(model, X),
        "integrated_gradients": lambda: explain.integrated_gradients(model, X),
        "deeplift": lambda: explain.deeplift(model, X),
        "olden": lambda: explain.olden(model),
        "garson": lambda: explain.garson(model),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            took = clock(call) * 1e3
            if number:
                times[name].append(took)
    return times


def main() -> None:
    """Measure, print two tables, write the file."""
    parser = commands.parser("inspection", __doc__, ("numpy", "numba"))
    options = parser.parse_args()
    engines = commands.chosen(options.peers, dict.fromkeys(("numpy", "numba")))
    rounds = 3 if options.quick else ROUNDS
    results = commands.head(rounds=rounds, calls=CALLS) | {"trace": {}, "explanations": {}}
    rows = []
    for name, (sizes, count) in CELLS.items():
        for rule in RULES:
            for engine in engines:
                found = trace_cell(sizes, count, rule, engine, rounds)
                results["trace"][f"{name}, {rule}, {engine}"] = found
                times = [f"{median(found['seconds'][key]) * 1e6:,.0f} µs" for key in found["seconds"]]
                ratios = [f"{found[key]:.2f}" for key in ("to_train_on_batch", "to_fit")]
                rows.append([f"{name}, {rule}, {engine}", *times, *ratios])
    heads = ["", "trace", "train_on_batch", "step of fit", "trace / train_on_batch", "trace / step of fit"]
    print(table(heads, rows))
    rows = []
    for count in ROWS:
        found = explanations(count, rounds)
        results["explanations"][f"{count} rows"] = found
        rows.append([f"{count:,}", *(f"{median(times):.2f}" for times in found.values())])
    print(table(["rows, ms of 30-64-64-3", *found], rows))
    results["load_after"] = commands.machine.load()
    if options.output or not (options.quick or options.peers):
        commands.save(results, "inspection", options.output or commands.RESULTS, lambda results, path: None)


if __name__ == "__main__":
    main()
