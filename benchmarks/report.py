"""Figures as tables and pictures."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

# Okabe and Ito's colours, which people with colour-blindness tell apart; and a shape for each
STYLES = {
    "floor": ("#999999", "|"),
    "floor_mkl": ("#999999", "_"),
    "c": ("#000000", "*"),
    "compiled": ("#A00000", "X"),
    "mlp": ("#D55E00", "o"),
    "plain": ("#000000", "x"),
    "tuned": ("#7f7f7f", "+"),
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


def entry(times: Mapping[str, Sequence[float]], name: str, unit: str | None = None) -> str:
    """A cell of a table: a median, or a ratio to another contestant."""
    if name not in times or (unit is not None and unit not in times):
        return "–"
    return figure(median(times[name]) if unit is None else ratio(times[name], times[unit]))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown with columns of equal width; the first is flush left."""
    lines = [list(heads), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * widths[0], *["-" * (width - 1) + ":" for width in widths[1:]]])
    cells = [[row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def medians(rows: Mapping[str, Mapping[str, Sequence[float]]], titles: Mapping[str, str]) -> str:
    """Cells by contestants: the medians over the rounds. Who is in no cell has no column."""
    names = [name for name in titles if any(name in times for times in rows.values())]
    entries = ([cell, *(entry(times, name) for name in names)] for cell, times in rows.items())
    return table(["", *(titles[name] for name in names)], entries)


def ratios(rows: Mapping[str, Mapping[str, Sequence[float]]], titles: Mapping[str, str], subject: str) -> str:
    """Cells by contestants: the subject's time in units of each contestant's; below 1 it is the faster."""
    cells = {cell: times for cell, times in rows.items() if subject in times}
    names = [name for name in titles if name != subject and any(name in times for times in cells.values())]
    entries = ([cell, *(entry(times, subject, name) for name in names)] for cell, times in cells.items())
    return table(["", *(titles[name] for name in names)], entries)


def rounded(value: Any) -> Any:
    """The same data with four digits to each float."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def heading(results: Mapping[str, Any]) -> str:
    """Machine, date and versions in two lines, for a picture."""
    machine = results["machine"]
    versions = ", ".join(f"{package} {version}" for package, version in machine["versions"].items())
    return f"{machine['processor']}, {machine['cores']} cores; {results['date']}\n{versions}"


def figures(rows: int, columns: int, size: tuple[float, float]) -> Any:
    """A picture of that many axes, drawn without a screen, and the module `pyplot`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    picture, axes = pyplot.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
    return picture, axes, pyplot


def marks(axes: Any, rows: Mapping[str, Mapping[str, Sequence[float]]], titles: Mapping[str, str]) -> None:
    """Draw the medians of all contestants, one row for each key, on a logarithmic axis."""
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
