"""`python -m benchmarks.speed`: microseconds per training step, beside the peers.

The protocol is in `README.md`. A contestant that is not installed is left out, with a line
that says so.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine, prediction, report, timing
from benchmarks.cells import CELLS, Cell
from benchmarks.peers import PEERS, Peer, Run

RESULTS = Path(__file__).parent / "results"


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    cells = chosen(options.cells, {cell.name: cell for cell in CELLS})
    peers = chosen(options.peers, {peer.name: peer for peer in PEERS})
    everything = not (options.cells or options.peers or options.quick)
    results: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine.describe(),
        "protocol": {"rounds": options.rounds, "seconds_per_visit": options.seconds},
        "load_before": machine.load(),
        "contestants": {peer.name: peer.title for peer in peers},
        "training": train(cells, peers, options.rounds, options.seconds),
        "prediction": predict(options.peers, options.rounds, options.seconds),
        "imports": timing.imports(("numpy", "mlp", "mlp.sequential"), 3 * options.rounds),
        "load_after": machine.load(),
        "threads": machine.threads(),
    }
    print("\n" + report.text(results))
    if everything or options.output:
        report.save(results, options.output or RESULTS)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--cells", type=words, help="a part: " + ",".join(cell.name for cell in CELLS))
    parser.add_argument("--peers", type=words, help="a part: " + ",".join(peer.name for peer in PEERS))
    parser.add_argument("--rounds", type=int, help="visits to each contestant (7)")
    parser.add_argument("--quick", action="store_true", help="3 rounds of shorter visits")
    parser.add_argument(
        "--output",
        type=Path,
        help="folder for speed.json and speed.png (benchmarks/results; none for a part or --quick)",
    )
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (3 if options.quick else 7)
    options.seconds = 0.1 if options.quick else 0.4
    return options


def words(text: str) -> list[str]:
    """The parts of a list with commas."""
    return text.split(",")


def chosen(names: list[str] | None, known: dict[str, Any]) -> list[Any]:
    """The cells or contestants of those names, in the order of the table; all if there are no names."""
    unknown = set(names or ()) - set(known)
    if unknown:
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return [value for name, value in known.items() if not names or name in names]


def train(cells: list[Cell], peers: list[Peer], rounds: int, seconds: float) -> list[dict[str, Any]]:
    """Measure all cells; each gives its times by contestant and round."""
    present, results = list(peers), []
    for cell in cells:
        print(f"{cell.title} …", flush=True)
        runs: dict[str, Run] = {}
        for peer in list(present):
            run = prepared(peer.package, lambda peer=peer, cell=cell: peer.prepare(cell))
            if run is None:
                present.remove(peer)
            else:
                runs[peer.name] = run
        losses = {name: loss for name, run in runs.items() if (loss := run(1)) is not None}
        times, epochs = timing.interleave(runs, cell.steps, rounds, seconds)
        facts = dict(name=cell.name, title=cell.title, rows=cell.rows, steps_per_epoch=cell.steps)
        results.append(facts | dict(epochs_per_visit=epochs, first_loss=losses, microseconds=times))
    return results


def predict(names: list[str] | None, rounds: int, seconds: float) -> dict[str, Any]:
    """Measure `predict` of one row, of the contestants that have one."""
    predictors: dict[str, Callable[..., Any]] = {}
    for name, _, prepare in prediction.PREDICTORS:
        if not names or name in names:
            predictor = prepared(name, prepare)
            if predictor is not None:
                predictors[name] = predictor
    if "mlp" not in predictors:
        return {}
    print("one row …", flush=True)
    row = prediction.one_row()
    actions = {name: lambda predict=predict: predict(row) for name, predict in predictors.items()}
    return {
        "net": prediction.CELL.net,
        "contestants": {name: title for name, title, _ in prediction.PREDICTORS if name in predictors},
        "agree": prediction.agree(predictors),
        "microseconds": timing.calls(actions, rounds, seconds),
    }


def prepared(package: str, prepare: Callable[[], Any]) -> Any:
    """What `prepare` makes, or None and a line that says which package is missing."""
    try:
        return prepare()
    except (ImportError, OSError) as error:
        print(f"{package}: skipped, {error}")
        return None


if __name__ == "__main__":
    main()
