"""What is to be reached, as one line for each target and cell. Ratios are of one run, of one round."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.cells import CELLS
from benchmarks.report import ratio

IMPORT_BOUND = 1.3  # what `import mlp` may take, in units of `import numpy`
TOLERANCE = 0.05  # in which the contestants' first losses agree; their shuffles differ
LARGE = "784-1024-1024-10/512"
MEDIUM = "784-256-128-10/128"
TINY = [cell.name for cell in CELLS if cell.tiny]
FULL = [cell.name for cell in CELLS if cell.full]
ALL = [cell.name for cell in CELLS]


@dataclass(frozen=True)
class Target:
    """One contestant takes at most so many times as long as another, in those cells."""

    who: str
    than: str
    bound: float
    cells: Sequence[str]


TARGETS = [
    Target("compiled", "jax", 0.8, ALL),
    Target("compiled", "torch", 0.01, TINY),
    Target("compiled", "c", 1.5, TINY),
    Target("compiled", "floor", 1.25, [MEDIUM]),
    Target("compiled", "floor", 1.10, [LARGE]),
    Target("compiled", "floor", 1.15, FULL),
    Target("mlp", "plain", 1.15, ALL),
]
ONE_ROW = 0.5  # of what ONNX Runtime takes


def kept(value: float, bound: float) -> str:
    """Whether a target is reached, in words."""
    return f"{'reached' if value <= bound else 'NOT reached'} (at most {bound:g})"


def training(results: Mapping[str, Any]) -> list[str]:
    """A line for each target and each cell that both contestants have."""
    titles, times = results["contestants"], {c["name"]: c["microseconds"] for c in results["training"]}
    lines = []
    for target in TARGETS:
        ratios = {
            cell: ratio(times[cell][target.who], times[cell][target.than])
            for cell in target.cells
            if cell in times and {target.who, target.than} <= set(times[cell])
        }
        for cell, share in ratios.items():
            claim = f"{titles[target.who]} takes {share:.3g} × the time of {titles[target.than]}"
            lines.append(f"{cell}: {claim}; {kept(share, target.bound)}")
    return lines


def losses(cells: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each cell in which the first epoch's losses of the contestants differ."""
    lines = []
    for cell in cells:
        found = {name: loss for name, loss in cell["first_loss"].items() if loss is not None}
        middle = median(found.values()) if found else 0
        odd = {name: round(loss, 4) for name, loss in found.items() if abs(loss / middle - 1) > TOLERANCE}
        if odd:
            lines.append(f"{cell['name']}: the first epoch's loss is {middle:.4f}, but differs for {odd}")
    return lines


def imports(times: Mapping[str, Sequence[float]]) -> str:
    """How long an import takes, beside NumPy's."""
    own, numpy = min(times["mlp"]), min(times["numpy"])
    return (
        f"import mlp: {own:.0f} ms, import numpy: {numpy:.0f} ms, ratio {own / numpy:.2f}; "
        f"{kept(own / numpy, IMPORT_BOUND)}. "
        f"With all that a model needs (mlp.sequential): {min(times['mlp.sequential']):.0f} ms"
    )


def one_row(nets: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each net: how long one row takes, beside ONNX Runtime."""
    lines = []
    for net in nets:
        times = net["p50"].get("1", {})
        if {"compiled", "onnx"} <= set(times):
            share = ratio(times["compiled"], times["onnx"])
            claim = f"{net['net']}, one row: mlp, compiled takes {share:.3g} × the time of ONNX Runtime"
            lines.append(f"{claim}; {kept(share, ONE_ROW)}")
    return lines
