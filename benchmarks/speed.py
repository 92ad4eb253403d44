"""`python -m benchmarks.speed`: microseconds per training step, beside the peers.

The protocol is in `README.md`. A contestant that is not installed is left out, with a line
that says so.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import commands, machine, targets, timing
from benchmarks.cells import CELLS, Cell
from benchmarks.peers import PEERS
from benchmarks.report import figures, heading, marks, medians, ratios
from benchmarks.workers import Workers


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    cells = list(commands.chosen(options.cells, {cell.name: cell for cell in CELLS}).values())
    peers = commands.chosen(options.peers, PEERS)
    results = commands.head(rounds=options.rounds, seconds_per_visit=options.seconds)
    results["contestants"] = {name: peer.title for name, peer in peers.items()}
    with Workers(results["contestants"]) as workers:
        results["training"] = [train(workers, cell, options.rounds, options.seconds) for cell in cells]
        results["threads"], results["left_out"] = workers.threads(), workers.left_out
    results["imports"] = timing.imports(("numpy", "mlp", "mlp.sequential"), 3 * options.rounds)
    results["load_after"] = machine.load()
    print("\n" + text(results))
    if options.output or not (options.cells or options.peers or options.quick):
        commands.save(results, "speed", options.output or commands.RESULTS, draw)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = commands.parser("speed", __doc__, PEERS)
    names = ",".join(cell.name for cell in CELLS)
    parser.add_argument("--cells", type=commands.words, help=f"a part of the cells: {names}")
    parser.add_argument("--rounds", type=int, help="visits to each contestant (7; 2 if --quick)")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (2 if options.quick else 7)
    options.seconds = 0.05 if options.quick else 0.25
    return options


def train(workers: Workers, cell: Cell, rounds: int, seconds: float) -> dict[str, Any]:
    """Measure a cell: the times of each contestant by rounds."""
    print(f"{cell.title} …", flush=True)
    ready = workers.prepare("train", workers.titles, cell)
    times, epochs = workers.visits(ready, cell.steps, rounds, seconds)
    facts = dict(name=cell.name, title=cell.title, rows=cell.rows, steps_per_epoch=cell.steps)
    losses = {name: answer["loss"] for name, answer in ready.items() if answer["loss"] is not None}
    return facts | dict(epochs_per_visit=epochs, first_loss=losses, microseconds=times)


def text(results: Mapping[str, Any]) -> str:
    """Everything that is printed at the end."""
    titles = results["contestants"]
    cells = {cell["name"]: cell["microseconds"] for cell in results["training"]}
    parts = ["Microseconds per training step, median over rounds", medians(cells, titles)]
    for name in ("compiled", "mlp"):
        if any(name in times for times in cells.values()):
            parts.append(f"{titles[name]}: its time in units of each contestant's (below 1 it is faster)")
            parts.append(ratios(cells, titles, name))
    lines = [*targets.training(results), *targets.losses(results["training"])]
    return "\n\n".join([*parts, "\n".join([*lines, targets.imports(results["imports"])])])


def draw(results: Mapping[str, Any], path: Path) -> None:
    """A row for each cell, a mark for each contestant, a logarithmic axis in microseconds."""
    cells = results["training"]
    picture, axes, pyplot = figures(1, 1, (11, 2 + 0.5 * len(cells)))
    marks(axes[0, 0], {cell["title"]: cell["microseconds"] for cell in cells}, results["contestants"])
    axes[0, 0].set_xlabel("time of one training step / µs (logarithmic; further left is faster)")
    axes[0, 0].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=9)
    axes[0, 0].set_title(heading(results), fontsize=7)
    picture.savefig(path, dpi=110)
    pyplot.close(picture)


if __name__ == "__main__":
    main()
