"""The figure of a trace: each formula of the delta rule as a picture of its numbers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array
from mlp.inspection.trace import Trace
from mlp.inspection.writing import backward_lines, forward_lines, heading
from mlp.naming import is_integer, require, require_bool
from mlp.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mlp.inspection.trace import LayerTrace

COLUMNS = ("net", "out", "slope", "grad", "delta", "gradients", "updates")
LAYERS = 10  # of which there are pictures at most, unless they are asked for
WIDTH, TALLEST, LOWEST = 1.75, 2.6, 1.15  # of a panel, in inches
MARGIN = 0.45  # of a panel at its left, for what stands at the axis, in inches
LEGIBLE = 5.5  # points that letters should have
SCALE = 0.1  # height of a colour bar
FEW_ROWS, FEW_UNITS = 9, 4  # up to which numbers are written into the cells

Panel = tuple[Array, str, list[str]]  # the numbers, their formula, and names of the rows at the end


def trace(trace: Trace, layers: Sequence[Any] | None = None, most: int = 24, shared: bool = True) -> Figure:
    """Draw a trace: for each layer net, output, slope, grad, δ, gradients and updates, rows × units.

    Orange is positive, blue negative. All panels of a kind have one scale, so that deltas which vanish on
    the way down are pale; how large the largest number of a panel is stands above it.

    Parameters
    ----------
    trace : Trace
        What ``model.trace(x, y)`` returned.
    layers : sequence of str or int, optional
        Which layers, by name or place; by default all, or of more than 10 the first and last five.
    most : int, default 24
        Rows and units that a panel has at most: the first ones.
    shared : bool, default True
        With False each panel has a scale of its own, up to its largest number.

    Returns
    -------
    Figure

    Raises
    ------
    ArgumentError
        If an argument cannot be used, or there is no such layer.
    MissingPackageError
        If matplotlib is not installed.

    Warns
    -----
    UserWarning
        If rows, units or layers are left out.

    Notes
    -----
    The formulas are those of the printed trace. ∂L/∂b is the last row in the panel of ∂L/∂W, and Δb
    in that of ΔW.

    Examples
    --------
    >>> import mlp
    >>> from mlp.layers import Dense
    >>> model = mlp.Sequential([Dense(3, "tanh", input_shape=(2,)), Dense(1, "sigmoid")], seed=0)
    >>> model.compile("sgd", "binary_crossentropy")
    >>> figure = mlp.plots.trace(model.trace([[0.0, 1.0], [1.0, 0.0]], [1, 0]))
    >>> [panel.get_title() for panel in figure.axes[:3]]
    ['net = X W + b', 'h = tanh(net)', "f'(net)"]
    """
    require(isinstance(trace, Trace), "trace", trace, "what model.trace(x, y) returns")
    require(is_integer(most) and most > 1, "most", most, "an integer above 1")
    require_bool("shared", shared)
    chosen = _choose(trace, layers)
    table = [_panels(trace, layer) for layer in chosen]
    columns = [name for name in COLUMNS if any(name in panels for panels in table)]
    heights = [_height(panels, most) for panels in table] + ([SCALE] if shared else [])
    size = (WIDTH * len(columns) + 0.8, sum(heights) + 0.65 * len(table) + 0.8)
    figure, grid = style.panels(
        len(heights), len(columns), figsize=size, gridspec_kw={"height_ratios": heights}
    )
    for column, name in enumerate(columns):
        found = [_reduced(panels[name], most) for panels in table if name in panels]
        for k, panels in enumerate(table):
            if name in panels:
                norm = _norm(found if shared else [_reduced(panels[name], most)])
                _draw(grid[k, column], panels[name], most, norm, name)
            else:
                _leave_empty(grid[k, column])
        if shared:
            _draw_scale(figure, grid[-1, column], _norm(found))
    for k, layer in enumerate(chosen):
        kind = heading(layer).replace(": ", "\n", 1)
        grid[k, 0].set_ylabel(f"{kind}\n{grid[k, 0].get_ylabel()}", fontsize=9, color=style.INK)
    count = len(trace.X)
    title = f"{count} row{'s' * (count != 1)}, L = {style.number(trace.loss, 3)}, {trace.optimizer}"
    figure.suptitle(f"{title} with η = {trace.learning_rate:g}", color=style.INK, fontsize=11)
    _warn_of_left_out(table, most)
    return figure


def _choose(trace: Trace, layers: Sequence[Any] | None) -> list[LayerTrace]:
    if layers is not None:
        listed = not isinstance(layers, str) and np.iterable(layers) and len(list(layers)) > 0
        require(listed, "layers", layers, "a list of names or places of layers")
        return [trace[layer] for layer in layers]
    found = list(trace)
    if len(found) <= LAYERS:
        return found
    warnings.warn(
        f"of {len(found)} layers the first and the last {LAYERS // 2} are drawn; layers= chooses others",
        UserWarning,
        stacklevel=3,
    )
    return found[: LAYERS // 2] + found[-(LAYERS // 2) :]


def _panels(trace: Trace, layer: LayerTrace) -> dict[str, Panel]:
    """What there is to draw of a layer."""
    lines = forward_lines(layer) + backward_lines(trace, layer)
    formulas = {id(values): formula for line in lines for formula, values in line}
    found: dict[str, Panel] = {}
    names = ("net", "out", "slope", "grad", "delta") if layer.net is not None else ("out", "grad")
    for name in names:
        values = getattr(layer, name)
        if values is not None and values.size:
            formula = formulas.get(id(values), name)
            found[name] = (values.reshape(len(values), -1), formula, [])
    for name, parts in (("gradients", layer.gradients), ("updates", layer.updates)):
        if parts:
            found[name] = _stacked(parts, formulas)
    return found


def _stacked(parts: dict[str, Array], formulas: dict[int, str]) -> Panel:
    """The matrix of a layer's parameters with the vectors that have its width below it."""
    tables = {name: value.reshape(-1, value.shape[-1]) for name, value in parts.items()}
    first = max(tables, key=lambda name: tables[name].size)
    width = tables[first].shape[1]
    others = [name for name in tables if name != first and tables[name].shape == (1, width)]
    ends = [name.removeprefix("d") for name in others]
    if len(tables[first]) == 1:
        ends.insert(0, first.removeprefix("d"))
    values = np.vstack([tables[first], *(tables[name] for name in others)])
    return values, formulas.get(id(parts[first]), first), ends


def _reduced(panel: Panel, most: int) -> Array:
    """The first rows and units; those rows that have names stay."""
    values, _, ends = panel
    rows = max(most - len(ends), 1)
    if len(values) > most:
        values = np.vstack([values[:rows], values[len(values) - len(ends) :]])
    return values[:, :most]


def _height(panels: dict[str, Panel], most: int) -> float:
    rows = max((len(_reduced(panel, most)) for panel in panels.values()), default=1)
    return float(np.clip(0.24 * rows, LOWEST, TALLEST))


def _norm(found: Sequence[Array]) -> Any:
    from matplotlib.colors import Normalize

    largest = style.limit(*found)
    return Normalize(-largest, largest)


def _draw(axes: Axes, panel: Panel, most: int, norm: Any, name: str) -> None:
    values, ends = _reduced(panel, most), panel[2]
    image = axes.imshow(values, cmap=style.DIVERGING, norm=norm, aspect="auto", interpolation="nearest")
    axes.set_title(panel[1], fontsize=9, color=style.INK, pad=14)
    finite = np.abs(panel[0][np.isfinite(panel[0])])
    largest = f"largest {style.number(finite.max())}" if finite.size else "no finite number"
    place: dict[str, Any] = {"xy": (0.5, 1), "xycoords": "axes fraction", "textcoords": "offset points"}
    axes.annotate(largest, xytext=(0, 3), ha="center", fontsize=7, color=style.GREY, **place)
    plain = len(values) - len(ends)
    of_parameters = name in ("gradients", "updates")
    axes.set_ylabel(("input" if plain else "") if of_parameters else "row", fontsize=8)
    axes.set_xlabel("unit", fontsize=8)
    axes.tick_params(labelsize=7, length=2, colors=style.INK)
    axes.set_xticks(_ticks(values.shape[1]))
    ticks = [tick for tick in _ticks(plain) if not ends or tick < max(1, plain - len(values) / 8)]
    axes.set_yticks([*ticks, *range(plain, len(values))], [*map(str, ticks), *ends])
    if ends and plain:
        axes.axhline(plain - 0.5, color=style.INK, linewidth=1)
    if values.shape[0] <= FEW_ROWS and values.shape[1] <= FEW_UNITS:
        _write(axes, values, image)


def _ticks(count: int) -> list[int]:
    """Up to four whole numbers from 0 to below `count`."""
    step = max(1, -(-(count - 1) // 3))
    return list(range(0, count, step))


def _write(axes: Axes, values: Array, image: Any) -> None:
    """Write the numbers into the cells, so small or with so few digits that neighbours do not touch."""
    room = 0.9 * (WIDTH - MARGIN) / values.shape[1]
    for digits in (2, 1):
        texts = [style.number(value, digits) for value in values.flat]
        size = min(style.fitting(7, text, room) for text in texts)
        if size >= LEGIBLE:
            break
    for (row, unit), value, text in zip(np.ndindex(values.shape), values.flat, texts, strict=True):
        look: dict[str, Any] = {"ha": "center", "va": "center", "color": style.ink_on(image.to_rgba(value))}
        axes.text(unit, row, text, fontsize=max(size, style.SMALLEST_LETTERS), **look)


def _leave_empty(axes: Axes) -> None:
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set(xticks=[], yticks=[])
    axes.text(0.5, 0.5, "–", ha="center", va="center", color=style.GREY, transform=axes.transAxes)


def _draw_scale(figure: Figure, axes: Axes, norm: Any) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.ticker import MaxNLocator

    scale = ScalarMappable(norm, style.DIVERGING)
    bar = figure.colorbar(scale, cax=axes, orientation="horizontal", ticks=MaxNLocator(3, symmetric=True))
    bar.ax.tick_params(labelsize=7, length=2)


def _warn_of_left_out(table: Sequence[dict[str, Panel]], most: int) -> None:
    panels = [panel for found in table for panel in found.values()]
    if any(max(panel[0].shape) > most for panel in panels):
        rows = max(len(panel[0]) for panel in panels)
        units = max(panel[0].shape[1] for panel in panels)
        warnings.warn(
            f"the first {most} of up to {rows:,} rows and {units:,} units are drawn; most= sets how many, "
            'and the arrays have all: trace["hidden"].delta …',
            UserWarning,
            stacklevel=3,
        )
