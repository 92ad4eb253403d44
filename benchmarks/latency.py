"""`python -m benchmarks.latency`: how long `predict` takes, for one row and for batches.

For each call the clock is read before and after; p50 is the median of the calls of a visit, p99
what 99 of 100 stay below. Of both, the median over the visits counts.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import commands, machine, targets
from benchmarks.cells import Cell
from benchmarks.predictors import PREDICTORS
from benchmarks.report import STYLES, figures, heading, medians, ratios
from benchmarks.timing import PAUSE
from benchmarks.workers import Workers, turns

NETS = {"tiny": (4, 16, 3), "small": (64, 100, 10), "medium": (784, 256, 128, 10)}
ROWS = (1, 32, 1024)
SHARES = ("p50", "p99")
TOLERANCE = 1e-5  # in which the answers agree, as probabilities


def main(arguments: Sequence[str] | None = None) -> None:
    options = commands.parser("latency", __doc__, PREDICTORS).parse_args(arguments)
    rounds, seconds = (3, 0.05) if options.quick else (7, 0.25)
    contestants = commands.chosen(options.peers, PREDICTORS)
    results = commands.head(rounds=rounds, seconds_per_visit=seconds)
    results["contestants"] = {name: contestant.title for name, contestant in contestants.items()}
    with Workers(results["contestants"]) as workers:
        results["nets"] = [measure(workers, name, sizes, rounds, seconds) for name, sizes in NETS.items()]
        results["threads"], results["left_out"] = workers.threads(), workers.left_out
    results["load_after"] = machine.load()
    print("\n" + text(results))
    if options.output or not (options.peers or options.quick):
        commands.save(results, "latency", options.output or commands.RESULTS, draw)


def measure(
    workers: Workers, name: str, sizes: tuple[int, ...], rounds: int, seconds: float
) -> dict[str, Any]:
    """The microseconds of a call by share, number of rows, contestant and round."""
    cell = Cell(sizes, 1, "sgd", 100)
    print(f"{cell.net} …", flush=True)
    ready = workers.prepare("predict", workers.titles, cell)
    found: dict[str, Any] = {share: {str(n): {who: [] for who in ready} for n in ROWS} for share in SHARES}
    for n in ROWS:
        for who in turns(list(ready), rounds):
            time.sleep(PAUSE)
            answer = workers.ask(who, "calls", count=n, inputs=sizes[0], seconds=seconds)
            for share in SHARES:
                found[share][str(n)][who].append(answer[share])
    outputs = [np.asarray(answer["outputs"]) for answer in ready.values()]
    agree = all(np.allclose(one, outputs[0], atol=TOLERANCE) for one in outputs)
    return {"name": name, "net": cell.net, "cell": asdict(cell), "agree": agree, **found}


def text(results: Mapping[str, Any]) -> str:
    """Everything that is printed at the end."""
    titles, parts = results["contestants"], []
    for share, meaning in zip(SHARES, ("the median of calls", "99 of 100 calls stay below"), strict=True):
        rows = {
            f"{net['net']}, {n} row{'s' * (n != '1')}": times
            for net in results["nets"]
            for n, times in net[share].items()
        }
        parts += [f"Microseconds of a call of `predict`, {share}: {meaning}", medians(rows, titles)]
        if share == "p50" and "compiled" in next(iter(rows.values())):
            parts.append("mlp, compiled: its time in units of each contestant's (below 1 it is faster)")
            parts.append(ratios(rows, titles, "compiled"))
    differ = [f"{net['net']}: THE ANSWERS DIFFER" for net in results["nets"] if not net["agree"]]
    return "\n\n".join([*parts, "\n".join([*targets.one_row(results["nets"]), *differ])])


def draw(results: Mapping[str, Any], path: Path) -> None:
    """A panel for each net; for each contestant a mark at p50 and a line to p99."""
    nets = results["nets"]
    picture, axes, pyplot = figures(1, len(nets), (12, 4.5))
    for panel, net in zip(axes[0], nets, strict=True):
        present = [name for name in results["contestants"] if name in net["p50"]["1"]]
        for place, name in enumerate(present):
            colour, shape = STYLES[name]
            y = [k + (place - len(present) / 2) * 0.1 for k in range(len(ROWS))]
            low, high = ([median(net[share][str(n)][name]) for n in ROWS] for share in SHARES)
            panel.hlines(y, low, high, color=colour, linewidth=1.5)
            line = dict(color=colour, marker=shape, markersize=7, linestyle="")
            panel.plot(low, y, label=results["contestants"][name], **line)
        panel.set_yticks(range(len(ROWS)), [f"{n} row{'s' * (n != 1)}" for n in ROWS])
        panel.set_ylim(len(ROWS) - 0.5, -0.6)
        panel.set_xscale("log")
        panel.grid(axis="x", which="both", color="0.92")
        panel.set_axisbelow(True)
        panel.set_title(f"{net['name']}, {net['net']}", fontsize=10)
        panel.set_xlabel("time of a call / µs: p50, line to p99")
    axes[0, -1].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=9)
    picture.suptitle(heading(results), fontsize=7)
    picture.savefig(path, dpi=110)
    pyplot.close(picture)


if __name__ == "__main__":
    main()
