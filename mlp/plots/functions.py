"""Activation functions and their slopes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp import activations as catalogue
from mlp.activations import Activation
from mlp.errors import ArgumentError
from mlp.naming import require, require_bool, require_in, snake_case
from mlp.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mlp.arrays import Array

POINTS = 1201  # an odd number, so that 0 is one of them


def activations(
    names: Any = ("sigmoid", "tanh", "relu"),
    ax: Any = None,
    derivative: bool = True,
    low: float = -4.0,
    high: float = 4.0,
) -> Figure:
    """Activation functions, and beside them their slopes, which the deltas are multiplied by.

    Parameters
    ----------
    names : str, Activation, or a list of such, default ("sigmoid", "tanh", "relu")
        As a layer takes them: names, classes or objects.
    ax : Axes or two Axes, optional
        Two for functions and slopes; in a single one the slopes are dashed. By default those of a new figure.
    derivative : bool, default True
        Whether the slopes are drawn.
    low, high : float, default -4 and 4
        The range of the net activation.

    Returns
    -------
    Figure

    Raises
    ------
    ArgumentError
        If a name is unknown, or the activation is no function of one number: of a softmax the outputs of
        a row depend on each other.
    MissingPackageError
        If matplotlib is not installed.

    Notes
    -----
    Of an activation that learns, such as `PReLU`, it is the curve of its initial values, or those of the
    first unit where it has been trained. Where a line would jump it is interrupted.

    Examples
    --------
    >>> import mlp
    >>> figure = mlp.plots.activations("sigmoid")
    >>> slope = figure.axes[1].lines[0]
    >>> float(slope.get_ydata().max())  # a sigmoid makes a delta four times smaller, or worse
    0.25
    """
    require_bool("derivative", derivative)
    require_in("(-inf, inf)", "low", low)
    require_in("(-inf, inf)", "high", high)
    require(low < high, "low", low, f"less than high={high!r}")
    single = isinstance(names, str | type | Activation) or not np.iterable(names)
    found = [catalogue.get(name) for name in ([names] if single else names)]
    require(len(found) > 0, "names", names, "the name of an activation, or a list of such")
    net = np.linspace(low, high, POINTS)
    curves = [(_title(one), *_curve(one, net)) for one in found]
    grid = _axes_for(ax, derivative)
    for k, (label, out, slope) in enumerate(curves):
        # marks of several curves at different places, so that none lies on another
        look: dict[str, Any] = style.marker(k) | {"markevery": (60 + 35 * k, 240), "markersize": 5}
        grid[0].plot(net, out, label=label, linewidth=2, **look)
        if derivative:
            dashed = len(grid) == 1
            text = f"slope of {label}" if dashed else label
            grid[-1].plot(net, slope, label=text, linewidth=1.5, linestyle="--" if dashed else "-", **look)
    _finish(grid, derivative)
    figure: Figure = grid[0].figure  # type: ignore[assignment]
    return figure


def _title(activation: Activation) -> str:
    known: str = repr(activation)
    name, _, arguments = known.partition("(")
    return snake_case(name) if arguments == ")" else f"{snake_case(name)}({arguments}"


def _curve(activation: Activation, net: Array) -> tuple[Array, Array]:
    """The function and its slope at these numbers, as those of one unit."""
    name = type(activation).__name__
    by_rows = any(hasattr(activation, name) for name in ("row_f", "rows_f", "row_delta"))
    if by_rows or activation.outputs(2) != 2:
        raise ArgumentError(
            f"{name} is no function of one number: its outputs depend on several units of a row, so that it "
            "has no curve. Draw others, such as 'sigmoid'"
        )
    alone = copy.deepcopy(activation)
    for learned in alone.build(1, net.dtype):
        if np.ndim(getattr(alone, learned, 0.0)):
            setattr(alone, learned, np.ravel(getattr(alone, learned))[:1])
    rows = net.reshape(-1, 1)
    alone.attach(1, net.dtype, len(rows))
    out = alone.f(rows, np.empty_like(rows))
    slope = alone.slope(rows, out, np.empty_like(rows))
    return _interrupted(out), _interrupted(slope)


def _interrupted(values: Array) -> Array:
    """With a gap at each jump: where the change is much larger than that before and after it."""
    values = values.ravel().copy()
    change = np.abs(np.diff(values))
    around = np.maximum(np.append(change[1:], 0.0), np.append(0.0, change[:-1]))
    values[np.flatnonzero((change > 0.05) & (change > 10 * around))] = np.nan
    return values


def _axes_for(ax: Any, derivative: bool) -> Sequence[Axes]:
    if ax is None:
        _, grid = style.panels(1, 1 + derivative, figsize=(4.6 * (1 + derivative), 3.8))
        return list(grid.flat)
    given = list(np.ravel(np.asarray(ax, object)))
    fits = len(given) == 1 or (derivative and len(given) == 2)
    require(fits, "ax", ax, "axes, or two of them for functions and slopes")
    return [style.axes(one) for one in given]


def _finish(grid: Sequence[Axes], derivative: bool) -> None:
    what = ["output f(net)", "slope f′(net)"] if len(grid) == 2 else ["output f(net)"]
    if derivative and len(grid) == 1:
        what = ["output f(net), slope f′(net)"]
    for one, label in zip(grid, what, strict=True):
        one.axhline(0, color=style.GREY, linewidth=0.8, zorder=1)
        one.axvline(0, color=style.GREY, linewidth=0.8, zorder=1)
        one.set_xlabel("net activation")
        one.set_ylabel(label)
        style.tidy(one)
        style.legend(one)
