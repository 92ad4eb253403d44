"""`python -m benchmarks.growth`: how the cost of a step grows with width, depth, batch, rows and columns.

One of the five is varied and the others held; the cost is that of a step, for rows that of an
epoch. On axes that are both logarithmic, a cost that grows like size to the power of s is a line
of slope s: fitted by least squares through all sizes, and through the larger half of them.
A contestant that would take too long for a size, by what the one before took, is not asked for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise, zip_longest
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import commands, machine
from benchmarks.cells import Cell
from benchmarks.peers import PEERS
from benchmarks.report import STYLES, figure, figures, heading, table
from benchmarks.workers import Workers

NAMES = ("compiled", "mlp", "jax", "sklearn", "torch", "keras")
MOST_STEPS, WORK = 100, 2e9  # steps of an epoch: that many multiplications, from 4 up to 100 steps
LONGEST_EPOCH, LONGEST_START = 2.0, 12.0  # seconds; a size that would take longer is left out


@dataclass(frozen=True)
class Axis:
    """What is varied, what it is called, its sizes, those of a quick look, and the cell of a size."""

    title: str
    sizes: Sequence[int]
    quick: Sequence[int]
    cell: Callable[[int], Cell]
    unit: str = "step"

    def steps(self, size: int) -> int:
        """What a time is divided by: steps of an epoch, or 1 if the epoch itself counts."""
        return self.cell(size).steps if self.unit == "step" else 1


def cell(sizes: Sequence[int], batch: int) -> Cell:
    """A cell trained by Adam, with as many steps as are quickly done."""
    products = 3 * batch * sum(i * o for i, o in pairwise(sizes))
    steps = int(np.clip(WORK / products, 4, MOST_STEPS))
    return Cell(tuple(sizes), batch, "adam", batch * steps)


AXES = {
    "width": Axis(
        "width: units in each of two hidden layers (32-w-w-10, batch 32)",
        [8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096],
        [8, 64, 512],
        lambda width: cell((32, width, width, 10), 32),
    ),
    "depth": Axis(
        "depth: hidden layers of 64 units (32-64-…-64-10, batch 32)",
        [1, 2, 4, 8, 16, 32, 64],
        [1, 4, 16],
        lambda depth: cell((32, *[64] * depth, 10), 32),
    ),
    "batch": Axis(
        "batch: rows in a step (64-128-64-10)",
        [1, 4, 16, 64, 256, 1024, 4096, 16_384],
        [1, 32, 1024],
        lambda batch: cell((64, 128, 64, 10), batch),
    ),
    "rows": Axis(
        "rows of the data (16-64-10, batch 100)",
        [100, 1000, 10_000, 100_000, 1_000_000],
        [100, 1000, 10_000],
        lambda rows: Cell((16, 64, 10), 100, "adam", rows),
        "epoch",
    ),
    "columns": Axis(
        "columns of the data (c-64-10, batch 32)",
        [4, 16, 64, 256, 1024, 4096],
        [4, 64, 1024],
        lambda columns: cell((columns, 64, 10), 32),
    ),
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = commands.parser("growth", __doc__, NAMES)
    parser.add_argument("--axes", type=commands.words, help="a part of the axes: " + ",".join(AXES))
    options = parser.parse_args(arguments)
    rounds, seconds = (2, 0.05) if options.quick else (3, 0.1)
    contestants = commands.chosen(options.peers, {name: PEERS[name].title for name in NAMES})
    axes = commands.chosen(options.axes, AXES)
    limits = dict(longest_epoch_seconds=LONGEST_EPOCH, longest_start_seconds=LONGEST_START)
    results = commands.head(rounds=rounds, seconds_per_visit=seconds, **limits)
    results["contestants"], results["axes"] = contestants, {}
    with Workers(contestants) as workers:
        workers.prepare("train", contestants, cell((8, 8, 2), 8))  # imports are no part of a start
        for name, axis in axes.items():
            sizes = axis.quick if options.quick else axis.sizes
            results["axes"][name] = along(workers, name, axis, sizes, rounds, seconds)
        results["threads"], results["left_out"] = workers.threads(), workers.left_out
    results["load_after"] = machine.load()
    print("\n" + text(results))
    if options.output or not (options.peers or options.axes or options.quick):
        commands.save(results, "growth", options.output or commands.RESULTS, draw)


def along(
    workers: Workers, name: str, axis: Axis, sizes: Sequence[int], rounds: int, seconds: float
) -> dict[str, Any]:
    """Measure the sizes of an axis: microseconds and slopes by contestant, and who stopped where and why."""
    active, points, stopped = list(workers.titles), [], {}
    for size, following in zip_longest(sizes, sizes[1:]):
        now = axis.cell(size)
        print(f"{name} {size:,} …", flush=True)
        ready = workers.prepare("train", active, now)
        times, _ = workers.visits(ready, axis.steps(size), rounds, seconds)
        points.append({"size": size, "cell": asdict(now), "microseconds": times})
        larger = work(axis.cell(following)) / work(now) if following else 0.0
        for who, answer in ready.items():
            epoch = median(times[who]) * axis.steps(size) / 1e6
            if reason := too_long(epoch * larger, answer["seconds"] if following else 0.0):
                stopped[who] = f"after {size:,}: {reason}"
                active.remove(who)
        active = [who for who in active if who in ready]
    slopes = {who: fitted for who in workers.titles if (fitted := slope(points, who))}
    facts = {"title": axis.title, "unit": axis.unit, "points": points}
    return facts | {"slopes": slopes, "stopped": stopped}


def work(cell: Cell) -> int:
    """Products of a weight and a number in an epoch, forward."""
    return cell.rows * sum(i * o for i, o in pairwise(cell.sizes))


def too_long(epoch: float, start: float) -> str:
    """Why a contestant is not asked for the next size, if it is not.

    Parameters
    ----------
    epoch : float
        Seconds that an epoch of the next size would take, if they grew like the products.
    start : float
        Seconds of this size's start, compilation and first epoch.
    """
    if epoch > LONGEST_EPOCH:
        return f"an epoch of the next size would take {epoch:.1f} s"
    return f"the start took {start:.0f} s" if start > LONGEST_START else ""


def slope(points: Sequence[Mapping[str, Any]], who: str) -> dict[str, float]:
    """The slopes of log cost over log size: through all sizes, and through the larger half."""
    found = [(p["size"], median(p["microseconds"][who])) for p in points if who in p["microseconds"]]
    if len(found) < 3:
        return {}
    x, y = np.log(found).T
    half = max(3, (len(found) + 1) // 2)
    fits = {"all": np.polyfit(x, y, 1), "larger": np.polyfit(x[-half:], y[-half:], 1)}
    return {name: float(fit[0]) for name, fit in fits.items()}


def text(results: Mapping[str, Any]) -> str:
    """A table for each axis: microseconds by size, and the slope through the larger half."""
    parts = []
    for axis in results["axes"].values():
        names = [who for who in results["contestants"] if who in axis["points"][0]["microseconds"]]
        rows = [
            [f"{point['size']:,}", *(cost(point["microseconds"].get(who)) for who in names)]
            for point in axis["points"]
        ]
        for share in ("all", "larger"):
            slopes = [axis["slopes"].get(who, {}).get(share) for who in names]
            rows.append([f"slope, {share}", *("–" if s is None else f"{s:.2f}" for s in slopes)])
        parts.append(
            f"{axis['title']}: microseconds of {'an' if axis['unit'] == 'epoch' else 'a'} {axis['unit']}"
        )
        parts.append(table(["", *(results["contestants"][who] for who in names)], rows))
        lines = [f"{results['contestants'][who]} stopped {reason}" for who, reason in axis["stopped"].items()]
        parts += ["\n".join(lines)] if lines else []
    return "\n\n".join(parts)


def cost(times: Sequence[float] | None) -> str:
    """The median, or a dash for who was not asked."""
    return figure(median(times)) if times else "–"


def draw(results: Mapping[str, Any], path: Path) -> None:
    """A panel for each axis, a line for each contestant, with the slope of the larger half in the legend."""
    picture, axes, pyplot = figures(2, 3, (15, 9))
    panels = list(axes.flat)
    for panel, axis in zip(panels, results["axes"].values(), strict=False):
        for who, title in results["contestants"].items():
            points = [
                (point["size"], median(point["microseconds"][who]))
                for point in axis["points"]
                if who in point["microseconds"]
            ]
            if points:
                fitted = axis["slopes"].get(who, {}).get("larger")
                label = title if fitted is None else f"{title}: {fitted:.2f}"
                colour, shape = STYLES[who]
                panel.plot(*zip(*points, strict=True), color=colour, marker=shape, markersize=5, label=label)
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_title(axis["title"], fontsize=9)
        panel.set_ylabel(f"time of {'an' if axis['unit'] == 'epoch' else 'a'} {axis['unit']} / µs")
        panel.grid(which="major", color="0.88")
        panel.legend(fontsize=8, title="slope at the larger sizes", title_fontsize=8)
    for panel in panels[len(results["axes"]) :]:
        panel.set_axis_off()
    picture.suptitle(heading(results), fontsize=7)
    picture.savefig(path, dpi=100)
    pyplot.close(picture)


if __name__ == "__main__":
    main()
