"""The figures as tables, as a picture and as JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.parts.entries import LARGE, SMALL
from benchmarks.report import STYLES, figure, ratio, rounded, table

PEERS = ("torch", "keras")
TOLERANCE = 1e-3  # in which results agree, as a part of their largest number
Result = dict[str, Any]


def disagree(answers: Mapping[str, Any]) -> list[str]:
    """The peers whose results differ from mlp's, of those that return some."""
    if answers.get("mlp") is None:
        return []
    own = [np.asarray(value, float) for value in answers["mlp"]]
    return [peer for peer in PEERS if answers.get(peer) is not None and not agree(own, answers[peer])]


def agree(own: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether two results, each some arrays, are nearly equal."""
    for a, b in zip(own, other, strict=True):
        b = np.asarray(b.detach() if hasattr(b, "detach") else b, float)
        if a.shape != b.shape or np.abs(a - b).max() > TOLERANCE * max(np.abs(a).max(), 1e-6):
            return False
    return True


def summary(times: Mapping[str, Sequence[float]]) -> Result:
    """Medians over the rounds, and each peer's time in units of mlp's, the median within rounds."""
    return {
        "microseconds": {name: median(found) for name, found in times.items()},
        "ratio": {name: ratio(times[name], times["mlp"]) for name in PEERS if name in times},
    }


def rivals(result: Result) -> dict[str, float]:
    """The ratios that count: of the small size all peers', of the large one PyTorch's."""
    return {peer: r for peer, r in result["ratio"].items() if peer == "torch" or result["size"] == str(SMALL)}


def text(results: Sequence[Result]) -> str:
    """A table for each kind, the cells in which mlp is behind, and the counts."""
    parts = [
        f"{plural(kind).capitalize()}: microseconds per call, and the peer's time in units of mlp's "
        f"(above 1: mlp is ahead)\n\n{table(HEADS, rows(list(found)))}"
        for kind, found in groupby(results, key=lambda result: result["kind"])
    ]
    return "\n\n".join([*parts, behind(results), counts(results)])


def plural(kind: str) -> str:
    """`losses`, `layers`."""
    return kind + ("es" if kind.endswith("s") else "s")


HEADS = [
    "",
    *(f"{SMALL} mlp", "torch", "keras", "torch/mlp", "keras/mlp"),
    *(f"{LARGE} mlp", "torch", "keras", "torch/mlp", "keras/mlp"),
]


def rows(results: Sequence[Result]) -> Iterator[list[str]]:
    """One line a part: both sizes side by side."""
    for part, found in groupby(results, key=lambda result: result["part"]):
        by_size = {result["size"]: result for result in found}
        line = [part]
        for size in (SMALL, LARGE):
            result = by_size.get(str(size), {"microseconds": {}, "ratio": {}})
            line += [entry(result["microseconds"], name) for name in ("mlp", *PEERS)]
            line += [entry(result["ratio"], name) for name in PEERS]
        yield line


def entry(numbers: Mapping[str, float], name: str) -> str:
    """A cell of a table."""
    return figure(numbers[name]) if name in numbers else "–"


def behind(results: Sequence[Result]) -> str:
    """The cells in which a peer is ahead, the worst first."""
    found = [(r, peer, result) for result in results for peer, r in rivals(result).items() if r < 1]
    lines = [
        f"{r:.2f}  {result['size']:8}  {result['kind']} {result['part']}: "
        f"mlp {figure(result['microseconds']['mlp'])}, {peer} {figure(result['microseconds'][peer])}"
        for r, peer, result in sorted(found, key=lambda item: item[0])
    ]
    odd = [
        f"RESULTS DIFFER: {result['kind']} {result['part']} {result['size']}: {', '.join(result['differs'])}"
        for result in results
        if "differs" in result
    ]
    head = f"mlp is behind in (small size: either peer, large: PyTorch; {len(lines)} cells):"
    return "\n".join([head, *lines, *odd])


def counts(results: Sequence[Result]) -> str:
    """How often mlp is ahead, by size and peer."""
    lines = []
    for size in (SMALL, LARGE):
        for peer in PEERS:
            found = [r["ratio"][peer] for r in results if r["size"] == str(size) and peer in r["ratio"]]
            if found:
                ahead = sum(r >= 1 for r in found)
                lines.append(
                    f"{size}, {peer}: ahead in {ahead} of {len(found)}; "
                    f"{peer} takes {median(found):.2g} times mlp's time (median)"
                )
    return "\n".join(lines)


def save(results: Mapping[str, Any], folder: Path) -> None:
    """Write parts.json, a line for each cell, and, where matplotlib is installed, parts.png."""
    folder.mkdir(parents=True, exist_ok=True)
    content = rounded(dict(results))
    lines = ",\n  ".join(json.dumps(part, ensure_ascii=False) for part in content.pop("parts"))
    head = json.dumps(content, indent=1, ensure_ascii=False).removesuffix("\n}")
    (folder / "parts.json").write_text(f'{head},\n "parts": [\n  {lines}\n ]\n}}\n', encoding="utf-8")
    try:
        draw(results, folder / "parts.png")
    except ImportError:
        print("matplotlib: not installed, so no picture")


def draw(results: Mapping[str, Any], path: Path) -> None:
    """A panel for each size, a line for each kind, a mark for each part and peer."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    parts = results["parts"]
    kinds = list(dict.fromkeys(part["kind"] for part in parts))
    picture, panels = pyplot.subplots(1, 2, figsize=(11, 5), sharey=True, layout="constrained")
    for axes, size in zip(panels, (SMALL, LARGE), strict=True):
        for peer, shift in zip(PEERS, (-0.18, 0.18), strict=True):
            found = [part for part in parts if part["size"] == str(size) and peer in part["ratio"]]
            places = [kinds.index(part["kind"]) + shift for part in found]
            colour, shape = STYLES[peer]
            line = dict(color=colour, marker=shape, markersize=5, linestyle="", alpha=0.6)
            title = {"torch": "PyTorch, eager", "keras": "Keras on JAX, compiled"}[peer]
            axes.plot([part["ratio"][peer] for part in found], places, label=title, **line)
        axes.axvline(1, color="black", linewidth=1)
        axes.set_xscale("log")
        axes.set_title(f"{size.rows} × {size.columns}", fontsize=10)
        axes.set_xlabel("the peer's time / mlp's time (right of the line: mlp is faster)")
        axes.grid(axis="x", color="0.9")
        axes.set_axisbelow(True)
    panels[0].set_yticks(range(len(kinds)), [plural(kind) for kind in kinds])
    panels[0].invert_yaxis()
    panels[1].legend(frameon=False, fontsize=9)
    machine = results["machine"]
    picture.suptitle(f"{machine['processor']}, one thread; {results['date']}", fontsize=9)
    picture.savefig(path, dpi=110)
    pyplot.close(picture)
