"""How pictures look: colours that everyone can tell apart, colour maps, axes.

The colours are those of Okabe and Ito. Nothing is said by colour alone: lines differ in style, points in
shape and numbers in lightness too, so that a picture can be read in grey.

References
----------
M. Okabe and K. Ito, "Color universal design: how to make figures and presentations that are friendly to
colorblind people" (2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.errors import MissingPackageError
from mlp.naming import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, GREY, FAINT, PAPER = "#22303C", "#6B7A88", "#D5DCE3", "#FFFFFF"  # texts, what is beside, lines behind
BLUE, ORANGE, GREEN, PINK = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, RED, YELLOW, BLACK = "#56B4E9", "#D55E00", "#F0E442", "#000000"
VIOLET = "#7A5195"  # beside the eight colours: there are ten digits
COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, RED, BLACK, YELLOW)  # yellow is the hardest to see on white
RUNS = (BLUE, GREEN, RED, PINK, BLACK, SKY, ORANGE, YELLOW)  # of trainings, also on a grey ground
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
SMALLEST_LETTERS = 4.5  # points

# names of colour maps, which `pyplot` makes known to matplotlib: they can be given as cmap=
DIVERGING = "mlp_diverging"  # blue, white at the middle, orange: for numbers of both signs
GROUND = "mlp_ground"  # the same, paler, for what lies under points and lines
SEQUENTIAL = "mlp_sequential"  # white to dark blue: for numbers from 0 up
_MAPS = {
    DIVERGING: ("#004A78", "#0072B2", "#7FBBDD", "#FAFAFA", "#F4C368", "#D98200", "#8A4B00"),
    GROUND: ("#6FB2DA", "#A6D0E8", "#D3E7F3", "#FCFCFC", "#FCE8C3", "#F8D08A", "#EFB144"),
    SEQUENTIAL: ("#F7FAFC", "#B7D9EC", "#56A5D3", "#0072B2", "#003A5E"),
}


def pyplot() -> Any:
    """``matplotlib.pyplot``, which knows `DIVERGING`, `GROUND` and `SEQUENTIAL` from then on.

    Raises
    ------
    MissingPackageError
        If matplotlib is not installed.
    """
    try:
        import matplotlib
        import matplotlib.pyplot as plt
        from matplotlib.colors import LinearSegmentedColormap
    except ImportError as error:
        raise MissingPackageError("pictures need matplotlib: pip install 'mlp[plot]'") from error
    for name, colours in _MAPS.items():
        if name not in matplotlib.colormaps:
            matplotlib.colormaps.register(LinearSegmentedColormap.from_list(name, colours))
    return plt


def axes(ax: Axes | None = None, **figure: Any) -> Axes:
    """The axes given, or those of a new figure.

    Parameters
    ----------
    ax : Axes, optional
    **figure
        What ``matplotlib.pyplot.figure`` takes for a new one, such as ``figsize=(6, 4)`` in inches.

    Raises
    ------
    ArgumentError
        If `ax` is not axes of matplotlib.
    MissingPackageError
        If matplotlib is not installed.
    """
    pyplot()
    from matplotlib.axes import Axes

    if ax is None:
        first: Axes = panels(1, 1, **figure)[1][0, 0]
        return first

    plain = isinstance(ax, Axes) and ax.name == "rectilinear"
    require(plain, "ax", ax, "axes of matplotlib, such as plt.subplots() returns, neither polar nor 3-D")
    return ax


def panels(rows: int = 1, columns: int = 1, **figure: Any) -> tuple[Figure, Any]:
    """Make a figure and its axes, an array of shape (rows, columns).

    Parameters
    ----------
    rows, columns : int, default 1
    **figure
        As in ``matplotlib.pyplot.subplots``: ``figsize``, ``sharex``, ``width_ratios`` …
    """
    options = {"layout": "constrained", "squeeze": False, **figure}
    made, grid = pyplot().subplots(rows, columns, **options)
    made._ipython_display_ = partial(_show_once, made)
    return made, grid


def _show_once(figure: Any) -> None:
    """Show it in a notebook, once a cell: pyplot shows it at the end, and the last line may have done so."""
    notebook: Any = import_module("IPython")
    cell = notebook.get_ipython().execution_count
    if vars(figure).get("_shown_in") == cell:
        return
    figure._shown_in = cell
    hook = vars(figure).pop("_ipython_display_")
    try:
        notebook.display.display(figure)
    finally:
        figure._ipython_display_ = hook


def marker(k: int) -> dict[str, Any]:
    """Colour and shape of class k, which repeat together only after 40 classes."""
    colours = (*COLOURS, GREY, VIOLET)
    return {"color": colours[k % len(colours)], "marker": MARKERS[k % len(MARKERS)]}


def tidy(ax: Axes, grid: bool = True) -> Axes:
    """Take the frame away above and at the right, and put a faint grid behind what is drawn."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(GREY)
    ax.tick_params(colors=INK, which="both")
    ax.set_axisbelow(True)
    if grid:
        ax.grid(True, color=FAINT, linewidth=0.7)
    else:
        ax.grid(False)
    return ax


def legend(ax: Axes, outside: bool = False, **options: Any) -> Any:
    """Put a legend where it hides least, or to the right of the axes.

    Parameters
    ----------
    ax : Axes
    outside : bool, default False
    **options
        As in ``Axes.legend``.

    Returns
    -------
    Legend or None
        None if nothing drawn has a label.
    """
    if "handles" not in options and not ax.get_legend_handles_labels()[0]:
        return None
    place = (
        {"loc": "upper left", "bbox_to_anchor": (1.01, 1), "borderaxespad": 0} if outside else {"loc": "best"}
    )
    look = {"frameon": True, "framealpha": 0.9, "edgecolor": FAINT, "fontsize": "small"}
    return ax.legend(**(place | look | options))


def free_corner(ax: Axes, labels: Sequence[str], places: Any) -> dict[str, Any]:
    """Where a legend of these labels hides none of the places, (k, 2): a corner, or above the axes."""
    ax.get_xlim(), ax.get_ylim()  # which sets limits that are still to be found
    figure: Any = ax.figure
    box, longest = ax.get_window_extent(), max(map(len, labels), default=0)
    width = (0.6 + 0.085 * longest) * figure.dpi / box.width
    height = (0.2 + 0.2 * len(labels)) * figure.dpi / box.height
    x, y = ax.transAxes.inverted().transform(ax.transData.transform(places)).T
    for corner in ("upper right", "upper left", "lower left", "lower right"):
        beside = x if "left" in corner else 1 - x
        above = y if "lower" in corner else 1 - y
        if not ((beside < width) & (above < height)).any():
            return {"loc": corner}
    return {"loc": "lower left", "bbox_to_anchor": (0, 1.01), "borderaxespad": 0, "ncols": len(labels)}


def limit(*arrays: Any) -> float:
    """The largest finite |value| of the arrays, 1 if there is none but 0: for a colour scale around 0."""
    largest = 0.0
    for array in arrays:
        values = np.abs(np.asarray(array, np.float64))
        values = values[np.isfinite(values)]
        largest = max(largest, float(values.max(initial=0.0)))
    return largest or 1.0


def ink_on(colour: Any) -> str:
    """`INK` or `PAPER`: in which of them a text can be read on that colour, (red, green, blue, …)."""
    red, green, blue = colour[:3]
    transparent = len(colour) > 3 and colour[3] == 0  # as colour maps have it for NaN
    return INK if transparent or 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else PAPER


def fitting(points: float, text: str, inches: float) -> float:
    """The size of letters, in points: that, or smaller where the longest line of the text must fit."""
    longest = max(map(len, text.split("\n")), default=0)
    return min(points, 72 * inches / (0.62 * max(longest, 1)))


def number(value: Any, digits: int = 2) -> str:
    """A number for a picture: that many digits, a true minus sign, powers of ten for the largest and least.

    Examples
    --------
    >>> [number(value) for value in (0.5, -1.234, 0.0, 1e-9, 114.2, 2.5e8, float("nan"))]
    ['0.5', '−1.2', '0', '1e−9', '114', '2.5e8', 'nan']
    """
    value = float(value)
    text = f"{value:.0f}" if 10**digits - 0.5 <= abs(value) < 1e5 else f"{value:.{digits}g}"
    mantissa, mark, power = text.partition("e")
    text = f"{mantissa}e{int(power)}" if mark else text
    return ("0" if text in ("-0", "0") else text).replace("-", "−")


def shortened(text: str, most: int = 42) -> str:
    """The text, or its beginning and its end if it would leave a picture no room."""
    return text if len(text) <= most else f"{text[: most - 13]}…{text[-12:]}"


def names_of(names: Sequence[str] | None, count: int, argument: str, default: str) -> list[str]:
    """`names` as a list of that many texts; without them "x1", "x2" … if `default` is "x".

    Raises
    ------
    ArgumentError
        If there are not `count` of them.
    """
    if names is None:
        return [f"{default}{k + 1}" for k in range(count)]
    found = [str(name) for name in names] if np.iterable(names) and not isinstance(names, str) else []
    require(len(found) == count, argument, names, f"a list of {count} names")
    return found
