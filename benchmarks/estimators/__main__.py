"""The command: `python -m benchmarks.estimators`."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.estimators import memory, report, rounds
from benchmarks.estimators.cells import CONTESTANTS, FITS, MEMORY, PREDICTS, Fit, Predict

RESULTS = Path(__file__).parents[1] / "results" / "estimators.json"


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    start = time.perf_counter()
    results: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine.describe(),
        "protocol": {"rounds": options.rounds, "seconds_per_visit": options.seconds},
        "load_before": machine.load(),
        "fits": [fit(cell, options) for cell in FITS if wanted(cell, options)],
        "predicts": [predict(cell, options) for cell in PREDICTS if wanted(cell, options)],
        "memory": [peaks(cell, options) for cell in MEMORY if wanted(cell, options, "memory/")],
        "load_after": machine.load(),
        "threads": machine.threads(),
    }
    results["machine"]["versions"] |= {"pandas": machine.version("pandas")}
    results["minutes"] = (time.perf_counter() - start) / 60
    print("\n" + report.text(results))
    if options.json or not (options.cells or options.quick):
        report.save(results, options.json or RESULTS)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimators")
    parser.add_argument(
        "--cells", help="those with one of these, parted by commas, in their names, such as text,/32"
    )
    parser.add_argument("--list", action="store_true", help="print the names of the cells and end")
    parser.add_argument("--rounds", type=int, help="visits to each contestant (5)")
    parser.add_argument("--quick", action="store_true", help="2 rounds of shorter visits; writes nothing")
    parser.add_argument(
        "--json",
        type=Path,
        help="file for the figures, with a picture beside it "
        "(benchmarks/results/estimators.json; none for a part or --quick)",
    )
    options = parser.parse_args(arguments)
    names = [cell.name for cell in (*FITS, *PREDICTS)] + [f"memory/{cell.name}" for cell in MEMORY]
    if options.list:
        parser.exit(message="\n".join(names) + "\n")
    options.parts = options.cells.split(",") if options.cells else [""]
    for part in options.parts:
        if not any(part in name for name in names):
            parser.error(f"no cell has {part!r} in its name; there are {', '.join(names)}")
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.seconds = 0.1 if options.quick else 0.3
    return options


def wanted(cell: Fit | Predict, options: argparse.Namespace, prefix: str = "") -> bool:
    """Whether a cell has been asked for; says so."""
    if not any(part in prefix + cell.name for part in options.parts):
        return False
    print(f"{time.strftime('%H:%M:%S')} {prefix}{cell.name} …", flush=True)
    return True


def fit(cell: Fit, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the fits of a cell, and compare what they have come to."""
    runs = {who: cell.prepare(who) for who in CONTESTANTS}
    same = compare(*(runs[who]() for who in ("mlp", "sklearn")))
    times, repeats = rounds.fits(runs, options.rounds, options.seconds)
    facts = dict(name=cell.name, title=cell.title, epochs=cell.epochs, rows=len(cell.arrays()[1]))
    return facts | dict(bound=cell.bound, same=same, fits_per_visit=repeats, times=times)


def compare(own: Any, other: Any) -> dict[str, Any]:
    """Whether two fits have as many iterations, and the relative differences of losses and weights."""
    weights = [np.concatenate([W.ravel() for W in (*fit.coefs_, *fit.intercepts_)]) for fit in (own, other)]
    return {
        "n_iter": bool(own.n_iter_ == other.n_iter_ and own.t_ == other.t_),
        "iterations": int(other.n_iter_),
        "loss": float(abs(own.loss_ / other.loss_ - 1)),
        "weights": float(abs(weights[0] - weights[1]).max() / abs(weights[1]).max()),
    }


def predict(cell: Predict, options: argparse.Namespace) -> dict[str, Any]:
    """Measure predictions, and compare them."""
    actions = {who: cell.prepare(who) for who in CONTESTANTS}
    own, other = (actions[who]() for who in ("mlp", "sklearn"))
    same = own.dtype == other.dtype and bool(np.allclose(own, other, rtol=1e-9, atol=0))
    times, quantiles = rounds.calls(actions, options.rounds, options.seconds)
    facts = dict(name=cell.name, title=cell.title, bound=cell.bound, same=same)
    return facts | dict(times=times, quantiles=quantiles)


def peaks(cell: Fit, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the memory of fits."""
    return dict(name=cell.name, title=cell.title) | memory.measure(cell, 1 if options.quick else 3)


if __name__ == "__main__":
    main()
