"""`python -m benchmarks.solvers`: how low a loss the solvers reach in how many seconds, beside Adam.

Three regression problems in float64, full batch, mean squared error; all contestants begin
with the same weights. `scipy.optimize.least_squares` has the same residuals and Jacobian as
`LevenbergMarquardt`. Each is given the same number of seconds and ends before if it has
converged. The result is the least loss after some shares of that time. The matrices are small
and NumPy and scipy each have threads of their own, so take OPENBLAS_NUM_THREADS=1. What counts
as an epoch of `least_squares` is an evaluation of the residuals.
"""

import argparse
import contextlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.cells import Array
from benchmarks.report import table

RESULTS = Path(__file__).parent / "results"
SHARES = (0.03, 0.1, 0.3, 1.0)  # of the seconds, after which the loss is looked at
Course = list[tuple[float, float]]  # seconds and loss, epoch by epoch


def sine() -> tuple[Array, Array, int]:
    """One input, a smooth curve without noise: 100 rows, 1-10-1."""
    X = np.linspace(-2, 2, 100)[:, None]
    return X, np.sin(2 * X) + 0.3 * X**2, 10


def friedman() -> tuple[Array, Array, int]:
    """Friedman's first function of five inputs, with noise, standardised: 400 rows, 5-12-1."""
    rng = np.random.default_rng(1)
    X = rng.random((400, 5))
    y = 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2 + 10 * X[:, 3] + 5 * X[:, 4]
    y += rng.normal(size=400)
    return (X - 0.5) * 12**0.5, ((y - y.mean()) / y.std())[:, None], 12


def arm() -> tuple[Array, Array, int]:
    """Where the hand of an arm with two joints is, by its angles: 1,000 rows, 2-20-2."""
    a, b = np.random.default_rng(2).uniform(-1.5, 1.5, (2, 1000))
    hand = np.cos(a) + np.cos(a + b), np.sin(a) + np.sin(a + b)
    return np.stack([a, b], axis=1), np.stack(hand, axis=1), 20


PROBLEMS = {"sine": sine, "friedman": friedman, "arm": arm}


def build(problem: Callable[[], tuple[Array, Array, int]], optimizer: Any) -> tuple[Any, Array, Array]:
    """A net for the problem, always with the same weights, and its data."""
    import mlp

    X, T, hidden = problem()
    parts = [mlp.layers.Dense(hidden, "tanh"), mlp.layers.Dense(T.shape[1])]
    model = mlp.Sequential(parts, dtype="float64", seed=0)
    model.compile(optimizer, "mse")
    model.build(X.shape[1:])
    return model, X, T


def train(problem: Any, optimizer: Any, seconds: float) -> Course:
    """Train for so long; the loss after each epoch."""
    from mlp import callbacks, optimizers

    model, X, T = build(problem, optimizer)
    path: Course = []

    class Watch(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            path.append((time.perf_counter() - start, logs["loss"]))
            if path[-1][0] > seconds:
                self.model.stop_training = True

    solver = isinstance(model.optimizer, optimizers.Solver)
    loop = optimizers.minimise if solver else optimizers.gradient_descent
    start = time.perf_counter()
    loop(model, X, T, epochs=10**7, callbacks=[Watch()])
    return path


class TimeIsUpError(Exception):
    """Ends the peer's training."""


def train_scipy(problem: Any, seconds: float) -> Course:
    """`scipy.optimize.least_squares`, with the Jacobian that mlp gives it."""
    from scipy.optimize import least_squares

    from mlp.layers.jacobian import Jacobian

    model, X, T = build(problem, "sgd")
    model.ready()
    jacobian, share = Jacobian(model.layers), T.size**-0.5
    path: Course = []

    def residuals(w: Array) -> Array:
        model.parameters.values[:] = w
        r = (model.predict(X, batch_size=len(X)) - T).T.reshape(-1) * share
        path.append((time.perf_counter() - start, float(r @ r)))
        if path[-1][0] > seconds:
            raise TimeIsUpError
        return r

    def rows(w: Array) -> Array:
        model.parameters.values[:] = w
        model.predict(X, batch_size=len(X))
        J = jacobian.fill(np.full(len(X), share), np.empty((T.shape[1], len(X), jacobian.size)))
        return J.reshape(-1, jacobian.size)

    w, start = model.parameters.values.copy(), time.perf_counter()
    with contextlib.suppress(TimeIsUpError):
        least_squares(residuals, w, rows, method="lm", ftol=1e-15, xtol=1e-15, gtol=1e-15, max_nfev=10**6)
    return path


def contestants() -> dict[str, Callable[[Any, float], Course]]:
    """What takes part, by name."""
    from mlp import optimizers

    rules = {
        "LevenbergMarquardt": optimizers.LevenbergMarquardt,
        "LBFGS": lambda: optimizers.LBFGS(ftol=0, gtol=1e-9, maxfun=10**7),
        "ScaledConjugateGradient": optimizers.ScaledConjugateGradient,
        "Adam, 0.01": lambda: optimizers.Adam(0.01),
        "Adam, 0.001": lambda: optimizers.Adam(0.001),
    }
    ours = {
        name: lambda problem, seconds, rule=rule: train(problem, rule(), seconds)
        for name, rule in rules.items()
    }
    return ours | {"scipy least_squares, lm": train_scipy}


def measure(name: str, problem: Any, seconds: float) -> dict[str, Any]:
    """The least loss by each share of the time, by contestant."""
    results: dict[str, Any] = {}
    for contestant, run in contestants().items():
        print(f"{name}: {contestant} …", flush=True)
        run(problem, 0.0)  # loads what has to be loaded
        path = run(problem, seconds)
        least = [
            min((loss for moment, loss in path if moment <= share * seconds), default=path[0][1])
            for share in SHARES
        ]
        results[contestant] = {"epochs": len(path), "seconds": path[-1][0], "loss": least}
    return results


def text(results: dict[str, Any]) -> str:
    """One table a problem."""
    parts = []
    for name, found in results["problems"].items():
        heads = [name, *(f"{share * results['seconds']:.3g} s" for share in SHARES), "ended after", "epochs"]
        rows = [
            [who, *(f"{loss:.1e}" for loss in of["loss"]), f"{of['seconds']:.2f} s", f"{of['epochs']:,}"]
            for who, of in found.items()
        ]
        parts += [PROBLEMS[name].__doc__ or "", table(heads, rows)]
    return "\n\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.solvers", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each contestant and problem (10)")
    parser.add_argument("--quick", action="store_true", help="1 second; writes nothing")
    options = parser.parse_args(arguments)
    seconds = 1.0 if options.quick else options.seconds
    results: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine.describe(),
        "scipy": machine.version("scipy"),
        "load_before": machine.load(),
        "seconds": seconds,
        "shares": SHARES,
        "problems": {name: measure(name, problem, seconds) for name, problem in PROBLEMS.items()},
        "load_after": machine.load(),
        "threads": machine.threads(),
    }
    print("\n" + text(results))
    if not options.quick:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "solvers.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
