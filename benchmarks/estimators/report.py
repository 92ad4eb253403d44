"""The figures as tables, as a picture and as JSON."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.estimators.memory import middle
from benchmarks.report import STYLES, figure, ratio, rounded, table

Result = dict[str, Any]


def speedup(result: Mapping[str, Any]) -> float:
    """scikit-learn's time in units of mlp's, the median within rounds."""
    return ratio(result["times"]["sklearn"], result["times"]["mlp"])


def text(results: Mapping[str, Any]) -> str:
    """Everything that is printed at the end."""
    parts = []
    if results["fits"]:
        heads = ["fit", "epochs", "mlp ms", "scikit-learn ms", "times as fast", "asked", "numbers"]
        parts.append(table(heads, map(fit_row, results["fits"])))
    if results["predicts"]:
        heads = [
            "predict",
            "mlp p50 µs",
            "p99",
            "scikit-learn p50 µs",
            "p99",
            "times as fast",
            "asked",
            "same",
        ]
        parts.append(table(heads, map(predict_row, results["predicts"])))
    if results["memory"]:
        heads = ["peak of fit, MiB", "mlp", "scikit-learn", "share", "mlp allocated", "scikit-learn", "share"]
        parts.append(table(heads, map(memory_row, results["memory"])))
    return "\n\n".join([*parts, verdict(results)])


def fit_row(result: Result) -> list[str]:
    """A line of the table of fits."""
    times = result["times"]
    middles = [figure(median(times[who])) for who in ("mlp", "sklearn")]
    asked = f"{result['bound']:.0f}" + ("" if speedup(result) >= result["bound"] else " BELOW")
    return [result["name"], str(result["epochs"]), *middles, f"{speedup(result):.2f}", asked, numbers(result)]


def numbers(result: Result) -> str:
    """Whether both have come to the same, in words."""
    same = result["same"]
    if not same["n_iter"]:
        return "ITERATIONS DIFFER"
    worst = max(same["loss"], same["weights"])
    return "identical" if worst == 0 else f"to {worst:.0e}" + ("" if worst < 1e-6 else " DIFFER")


def predict_row(result: Result) -> list[str]:
    """A line of the table of predictions."""
    quantiles = [figure(result["quantiles"][who][p]) for who in ("mlp", "sklearn") for p in ("p50", "p99")]
    bound = result["bound"]
    asked = "" if bound is None else f"{bound:.0f}" + ("" if speedup(result) >= bound else " BELOW")
    same = "yes" if result["same"] else "NO"
    return [result["name"], *quantiles, f"{speedup(result):.2f}", asked, same]


def memory_row(result: Result) -> list[str]:
    """A line of the table of memory."""
    row = [result["name"]]
    for found in ({who: middle(peaks) for who, peaks in result["resident"].items()}, result["allocated"]):
        own, other = found["mlp"], found["sklearn"]
        row += ["–"] * 3 if own is None else [figure(own), figure(other), f"{own / other:.2f}"]
    return row


def verdict(results: Mapping[str, Any]) -> str:
    """What is below its bound."""
    every = [*results["fits"], *results["predicts"]]
    low = [
        f"{r['name']} {speedup(r):.2f} of {r['bound']:.0f}" for r in every if speedup(r) < (r["bound"] or 0)
    ]
    more = [r["name"] for r in results["memory"] if r["allocated"]["mlp"] > r["allocated"]["sklearn"]]
    return f"Below what is asked: {'; '.join(low) or 'none'}\nMore memory: {'; '.join(more) or 'none'}"


def save(results: Mapping[str, Any], path: Path) -> None:
    """Write the JSON, a line for each cell, and, where matplotlib is installed, a picture beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = rounded(dict(results))
    lists = [
        f' "{kind}": [\n  '
        + ",\n  ".join(json.dumps(r, ensure_ascii=False) for r in content.pop(kind))
        + "\n ]"
        for kind in ("fits", "predicts", "memory")
    ]
    head = json.dumps(content, indent=1, ensure_ascii=False).removesuffix("\n}")
    path.write_text(head + ",\n" + ",\n".join(lists) + "\n}\n", encoding="utf-8")
    try:
        draw(results, path.with_suffix(".png"))
    except ImportError:
        print("matplotlib: not installed, so no picture")


def draw(results: Mapping[str, Any], path: Path) -> None:
    """A panel each for fits, predictions and memory: speed and memory in units of the other's."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    panels = [(kind, found) for kind in ("fits", "predicts", "memory") if (found := results[kind])]
    picture, axes = pyplot.subplots(
        len(panels),
        1,
        figsize=(9, 2 + 0.23 * sum(len(found) + 2 for _, found in panels)),
        height_ratios=[len(found) + 1 for _, found in panels],
        layout="constrained",
        squeeze=False,
    )
    for panel, (kind, found) in zip(axes[:, 0], panels, strict=True):
        (shares if kind == "memory" else speedups)(panel, found)
        panel.set_yticks(range(len(found)), [r["title"] for r in found], fontsize=8)
        panel.set_ylim(len(found) - 0.5, -0.5)
        panel.axvline(1, color="black", linewidth=1)
        panel.grid(color="0.92")
        panel.set_axisbelow(True)
    machine = results["machine"]
    versions = ", ".join(
        f"{name} {machine['versions'].get(name)}" for name in ("mlp", "scikit-learn", "numpy")
    )
    place = f"{machine['processor']}, {machine['cores']} cores; {results['date']}"
    axes[0, 0].set_title(f"{place}\n{versions}", fontsize=8)
    picture.savefig(path, dpi=110)
    pyplot.close(picture)


def speedups(axes: Any, found: Sequence[Result]) -> None:
    """A mark for the median, a line over the rounds, a stroke for what is asked."""
    colour, shape = STYLES["mlp"]
    for y, result in enumerate(found):
        times = result["times"]
        ratios = [b / a for a, b in zip(times["mlp"], times["sklearn"], strict=True)]
        axes.plot([min(ratios), max(ratios)], [y, y], color=colour, linewidth=1)
    axes.plot(*points(map(speedup, found)), color=colour, marker=shape, linestyle="")
    asked = [(result["bound"], y) for y, result in enumerate(found) if result["bound"]]
    if asked:
        axes.plot(*zip(*asked, strict=True), color="0.5", marker="|", markersize=11, linestyle="")
    axes.set_xscale("log")
    ticks = [1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel(
        "scikit-learn's time / mlp's time (logarithmic; the strokes are what is asked)", fontsize=9
    )


def shares(axes: Any, found: Sequence[Result]) -> None:
    """Two marks a cell: resident memory, and what Python allocated."""
    for kind, (colour, shape) in (("allocated", STYLES["mlp"]), ("resident", STYLES["plain"])):
        peaks = [result[kind] for result in found]
        if kind == "resident":
            peaks = [{who: middle(every) for who, every in peak.items()} for peak in peaks]
        if all(peak["mlp"] is not None for peak in peaks):
            ratios = (peak["mlp"] / peak["sklearn"] for peak in peaks)
            axes.plot(*points(ratios), color=colour, marker=shape, linestyle="", label=kind)
    axes.set_xlim(left=0)
    axes.legend(fontsize=8, frameon=False)
    axes.set_xlabel("mlp's peak memory / scikit-learn's", fontsize=9)


def points(values: Iterable[float]) -> tuple[list[float], list[int]]:
    """One value a line, from the top."""
    found = list(values)
    return found, list(range(len(found)))
