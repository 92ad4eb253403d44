"""The figures as tables, as a picture and as JSON."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

IMPORT_BOUND = 1.3  # what `import mlp` may take, in units of `import numpy`
YARDSTICK_BOUND = 1.15  # what `mlp` may take, in units of the in-place script
TOLERANCE = 0.05  # in which the contestants' first losses agree; their shuffles differ
# Okabe and Ito's colours, which people with colour-blindness tell apart; and a shape for each
STYLES = {
    "floor": ("#999999", "|"),
    "plain": ("#000000", "x"),
    "tuned": ("#7f7f7f", "+"),
    "mlp": ("#D55E00", "o"),
    "jax": ("#009E73", "^"),
    "sklearn": ("#0072B2", "s"),
    "torch": ("#CC79A7", "D"),
    "keras": ("#E69F00", "v"),
    "onnx": ("#56B4E9", "P"),
}


def ratio(times: Sequence[float], unit: Sequence[float]) -> float:
    """Median over the rounds of one contestant's time in units of another's in the same round."""
    return median(a / b for a, b in zip(times, unit, strict=True))


def figure(value: float) -> str:
    """A number with three digits, or all digits before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown with columns of equal width; the first is flush left."""
    lines = [list(heads), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * widths[0], *["-" * (width - 1) + ":" for width in widths[1:]]])
    cells = [[row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def training_tables(results: Mapping[str, Any]) -> str:
    """Microseconds per step and ratios to `mlp`: rows are contestants, columns cells."""
    cells, titles = results["training"], results["contestants"]
    heads = ["", *(cell["name"] for cell in cells)]

    def rows(unit: str | None) -> Iterable[list[str]]:
        for name, title in titles.items():
            yield [title, *(entry(cell["microseconds"], name, unit) for cell in cells)]

    parts = ["Microseconds per training step, median over rounds", table(heads, rows(None))]
    if "mlp" in titles:
        parts += [
            "Times mlp's time (above 1: slower than mlp), median over rounds",
            table(heads, rows("mlp")),
        ]
    return "\n\n".join(parts)


def entry(times: Mapping[str, Sequence[float]], name: str, unit: str | None) -> str:
    """A cell of a table: a median, or a ratio to another contestant."""
    if name not in times:
        return "–"
    return figure(median(times[name]) if unit is None else ratio(times[name], times[unit]))


def verdicts(results: Mapping[str, Any]) -> str:
    """One line for each bound that `mlp` is to keep, and for each disagreement in the first loss."""
    lines = []
    for cell in results["training"]:
        name, times, losses = cell["name"], cell["microseconds"], cell["first_loss"]
        if "mlp" in times and "plain" in times:
            share = ratio(times["mlp"], times["plain"])
            lines.append(f"{name}: mlp takes {share:.2f} × in-place NumPy; {kept(share, YARDSTICK_BOUND)}")
        middle = median(losses.values()) if losses else 0
        odd = {peer: round(loss, 4) for peer, loss in losses.items() if abs(loss / middle - 1) > TOLERANCE}
        if odd:
            lines.append(f"{name}: the first epoch's loss is {middle:.4f}, but differs for {odd}")
    times = results["imports"]
    own, numpy = min(times["mlp"]), min(times["numpy"])
    lines.append(
        f"import mlp: {own:.0f} ms, import numpy: {numpy:.0f} ms, "
        f"ratio {own / numpy:.2f}; {kept(own / numpy, IMPORT_BOUND)}. "
        f"With all that a model needs (mlp.sequential): {min(times['mlp.sequential']):.0f} ms"
    )
    return "\n".join(lines)


def kept(value: float, bound: float) -> str:
    """Whether a bound is kept, in words."""
    return f"within the bound of {bound}" if value <= bound else f"ABOVE the bound of {bound}"


def prediction_table(results: Mapping[str, Any]) -> str:
    """Microseconds for one row."""
    one_row = results["prediction"]
    if not one_row:
        return ""
    titles, times = one_row["contestants"], one_row["microseconds"]
    rows = [[titles[name], entry(times, name, None), entry(times, name, "mlp")] for name in times]
    text = f"`predict` of one row, {one_row['net']}: microseconds, median of calls\n\n"
    if not one_row["agree"]:
        text += "(THE ANSWERS DIFFER)\n\n"
    return text + table(["", "µs", "times mlp's"], rows) + "\n"


def text(results: Mapping[str, Any]) -> str:
    """Everything that is printed at the end."""
    parts = [training_tables(results), verdicts(results), prediction_table(results)]
    return "\n\n".join(part for part in parts if part)


def rounded(value: Any) -> Any:
    """The same data with four digits to each float."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def save(results: Mapping[str, Any], folder: Path) -> None:
    """Write speed.json and, where matplotlib is installed, speed.png."""
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps(rounded(dict(results)), indent=1, ensure_ascii=False)
    (folder / "speed.json").write_text(content + "\n", encoding="utf-8")
    try:
        draw(results, folder / "speed.png")
    except ImportError:
        print("matplotlib: not installed, so no picture")


def draw(results: Mapping[str, Any], path: Path) -> None:
    """A row for each cell, a mark for each contestant, a logarithmic axis in microseconds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    one_row, cells = results["prediction"], results["training"]
    heights = [len(cells) + 1, 2.2] if one_row else [len(cells) + 1]
    picture, axes = pyplot.subplots(
        len(heights), 1, figsize=(10, 8), height_ratios=heights, layout="constrained", squeeze=False
    )
    marks(axes[0, 0], {cell["title"]: cell["microseconds"] for cell in cells}, results["contestants"])
    axes[0, 0].set_xlabel("time of one training step / µs (logarithmic; further left is faster)")
    if one_row:
        title = f"predict one row,\n{one_row['net']}"
        marks(axes[1, 0], {title: one_row["microseconds"]}, one_row["contestants"])
        axes[1, 0].set_xlabel("time of one call / µs (logarithmic; further left is faster)")
    machine = results["machine"]
    versions = ", ".join(f"{package} {version}" for package, version in machine["versions"].items())
    place = f"{machine['processor']}, {machine['cores']} cores; {results['date']}"
    axes[0, 0].set_title(f"{place}\n{versions}", fontsize=8)
    picture.savefig(path, dpi=110)
    pyplot.close(picture)


def marks(axes: Any, rows: Mapping[str, Mapping[str, Sequence[float]]], titles: Mapping[str, str]) -> None:
    """Draw the medians of all contestants, one row for each cell."""
    for name, title in titles.items():
        points = [(median(times[name]), y) for y, times in enumerate(rows.values()) if name in times]
        if points:
            colour, shape = STYLES[name]
            line = dict(color=colour, marker=shape, markersize=9, markeredgewidth=2, linestyle="")
            axes.plot(*zip(*points, strict=True), label=title, **line)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xscale("log")
    axes.grid(axis="x", which="both", color="0.92")
    axes.grid(axis="y", color="0.85")
    axes.set_axisbelow(True)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=9)
