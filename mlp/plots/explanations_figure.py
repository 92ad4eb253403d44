"""Pictures of explanations: what each input has added to an output, and which inputs matter to a net."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array, as_numbers, require_finite
from mlp.explanations import Contributions
from mlp.naming import is_integer, require
from mlp.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAR, OUTPUTS = 0.34, 5  # inches for a bar; groups of bars that can still be told apart
VISIBLE = 0.01  # share of the contributions from which on what is missing to their sum is drawn
HATCHES = ("", "///", "...", "\\\\\\", "xxx")
BARS: dict[str, Any] = {"edgecolor": style.PAPER, "linewidth": 0}  # the colour of the hatches, and no frame


def contributions(
    values: Any,
    row: int = 0,
    names: Sequence[str] | None = None,
    most: int = 15,
    x: Any = None,
    outputs: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the way from the baseline to the output: a bar for what each input has added, the largest first.

    If the contributions do not add up, what is missing is the last bar, "gap".

    Parameters
    ----------
    values : Contributions or array-like of shape (n, i) or (i,)
        What `explanations.integrated_gradients` or `explanations.deeplift` returns. Of an array the way
        begins at 0.
    row : int, default 0
        Which prediction.
    names : sequence of str, optional
        Of the inputs; by default "x1", "x2" …
    most : int, default 15
        Bars; what is left is one more, "… others".
    x : array-like of shape (n, i), optional
        The inputs that were explained, or the same before they were scaled, to be written beside the names.
    outputs : sequence of str, optional
        Names of the outputs; by default "output 0" …
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        If an argument cannot be used.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> import mlp
    >>> import numpy as np
    >>> model = mlp.Sequential([mlp.layers.Dense(3, "softmax", input_shape=(4,))], seed=1)
    >>> found = mlp.explanations.deeplift(model, np.ones((5, 4)))
    >>> ax = mlp.plots.contributions(found, row=2, names=["a", "b", "c", "d"])
    >>> ax.get_xlabel()
    'net activation of output 1'
    """
    require(is_integer(most) and most > 0, "most", most, "a positive integer")
    found = values.values if isinstance(values, Contributions) else _numbers(values)
    found = found[None] if found.ndim == 1 else found
    inside = is_integer(row) and -len(found) <= row < len(found)
    require(inside, "row", row, f"the number of one of {len(found)} rows")
    texts = _texts(names, found[row].shape, x, len(found), row)
    shown, labels = _largest(found[row].reshape(-1), texts, most)
    start, quantity = 0.0, _quantity(values, row, outputs)
    if isinstance(values, Contributions):
        start, gap = float(values.at_baseline[row]), float(values.gap[row])
        if abs(gap) > VISIBLE * np.abs(shown).sum():
            shown, labels = np.append(shown, gap), [*labels, "gap"]
    ends = shown.cumsum()
    ax = style.axes(ax, figsize=(6.4, 1.6 + BAR * len(shown)))
    lows = start + np.concatenate([[0.0], ends[:-1]])
    _draw_bars(ax, lows, shown)
    what = {"out": "output", "net": "net"}[values.of] if isinstance(values, Contributions) else "sum"
    _draw_ends(ax, start, float(start + ends[-1]), what, len(shown))
    ax.set_yticks(range(len(labels)), list(map(style.shortened, labels)))
    ax.set_ylim(len(shown) + 0.4, -1.4)
    ax.set_xlabel(quantity)
    style.tidy(ax).grid(False, axis="y")
    return ax


def importance(
    values: Any,
    names: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    most: int = 15,
    ax: Axes | None = None,
) -> Axes:
    """Draw how much each input matters to the net: a bar for each, the largest first.

    Parameters
    ----------
    values : array-like of shape (i, o) or (i,), or Contributions
        What `explanations.olden` or `explanations.garson` returns; of contributions the mean of their
        absolute values over the rows is drawn.
    names : sequence of str, optional
        Of the inputs; by default "x1", "x2" …
    outputs : sequence of str, optional
        Of the outputs, if there are several.
    most : int, default 15
        Inputs that are drawn. The axis says how many there are.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        If an argument cannot be used.
    MissingPackageError
        If matplotlib is not installed.

    Warns
    -----
    UserWarning
        If there are more than 5 outputs: the mean of the absolute values over all is drawn then.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(3,))])
    >>> model.set_weights([[[1.0], [-3.0], [2.0]], [0.0]])
    >>> ax = mlp.plots.importance(mlp.explanations.olden(model), names=["a", "b", "c"])
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['b', 'c', 'a']
    """
    require(is_integer(most) and most > 0, "most", most, "a positive integer")
    label = "importance"
    if isinstance(values, Contributions):
        found = np.abs(values.values).mean(axis=0).reshape(-1, 1)
        label = "mean |contribution| to the " + ("output" if values.of == "out" else "net activation")
    else:
        found = _numbers(values)
        found = found[:, None] if found.ndim == 1 else found
    count, several = found.shape
    legend = _names_of_outputs(outputs, several)
    if several > OUTPUTS:
        warnings.warn(
            f"values has {several} outputs; the mean of |values| over them is drawn. For one of them give "
            "values[:, k]",
            UserWarning,
            stacklevel=2,
        )
        found, several = np.abs(found).mean(axis=1, keepdims=True), 1
        label = "mean |importance| of all outputs"
    order = np.argsort(-np.abs(found).mean(axis=1), kind="stable")[:most]
    texts = style.names_of(names, count, "names", "x")
    ax = style.axes(ax, figsize=(6.4, 1.3 + BAR * len(order) * max(1, 0.6 * several)))
    for k in range(several):
        look: dict[str, Any] = BARS | {"color": style.COLOURS[k], "hatch": HATCHES[k]}
        places = np.arange(len(order)) + (k + 0.5) * 0.8 / several - 0.4
        ax.barh(places, found[order, k], 0.8 / several, label=legend[k] if several > 1 else None, **look)
    ax.axvline(0, color=style.INK, linewidth=0.8)
    ax.set_yticks(range(len(order)), [style.shortened(texts[k]) for k in order])
    ax.set_ylim(len(order) - 0.5, -0.5)
    ax.set(xlabel=label, ylabel=f"{len(order)} of {count} inputs" if len(order) < count else "input")
    style.legend(ax)
    style.tidy(ax).grid(False, axis="y")
    return ax


def _numbers(values: Any) -> Array:
    """Finite numbers in an array of one or two axes."""
    found = as_numbers(values, np.dtype(np.float64), "values")
    right = np.ndim(values) in (1, 2) and found.size > 0
    require(right, "values", np.shape(values), "an array of one axis or two, or Contributions")
    require_finite(found, "values")
    return found.reshape(np.shape(values))


def _names_of_outputs(outputs: Sequence[str] | None, count: int) -> list[str]:
    default = [f"output {k}" for k in range(count)]
    return style.names_of(default if outputs is None else outputs, count, "outputs", "")


def _texts(names: Any, shape: tuple[int, ...], x: Any, rows: int, row: int) -> list[str]:
    """The name of each input, with its value if x is given."""
    size = int(np.prod(shape))
    texts = style.names_of(names, size, "names", "x")
    if names is None and len(shape) > 1:
        texts = [f"x[{', '.join(map(str, place))}]" for place in np.ndindex(shape)]
    if x is None:
        return texts
    given = np.asarray(x)
    given = given[None] if given.shape == shape else given
    fits = given.shape in ((rows, *shape), (1, *shape))
    require(fits, "x", f"shape {np.shape(x)}", f"the inputs that were explained, of shape {(rows, *shape)}")
    cells = given[row if len(given) == rows else 0].reshape(-1)
    plain = given.dtype.kind in "biuf"
    return [
        f"{text} = {style.number(cell, 4) if plain else cell}"
        for text, cell in zip(texts, cells, strict=True)
    ]


def _largest(values: Array, texts: list[str], most: int) -> tuple[Array, list[str]]:
    """The largest contributions in order, and last what the others make together."""
    order = np.argsort(-np.abs(values), kind="stable")
    if len(values) <= most + 1:
        return values[order], [texts[k] for k in order]
    rest = values[order[most:]].sum()
    labels = [*(texts[k] for k in order[:most]), f"{len(values) - most} others"]
    return np.append(values[order[:most]], rest), labels


def _draw_bars(ax: Axes, lows: Array, shown: Array) -> None:
    raised = shown >= 0
    for where, colour, hatch in ((raised, style.ORANGE, ""), (~raised, style.BLUE, "///")):
        look: dict[str, Any] = BARS | {"color": colour, "hatch": hatch, "zorder": 2}
        ax.barh(np.flatnonzero(where), shown[where], 0.72, lows[where], **look)
    behind = {"facecolor": style.PAPER, "edgecolor": "none", "pad": 0.6}
    written: dict[str, Any] = {"va": "center", "fontsize": "small", "color": style.INK, "bbox": behind}
    for k, (low, value) in enumerate(zip(lows, shown, strict=True)):
        text = ("+" if value >= 0 else "") + style.number(value, 3)
        end = (max(low, low + value), k)
        ax.annotate(text, end, (4, 0), textcoords="offset points", zorder=3, **written)
        if k + 1 < len(shown):  # from the end of a bar to the beginning of the next
            ax.plot([low + value] * 2, [k - 0.36, k + 1.36], color=style.GREY, linewidth=0.8, zorder=1)
    places = np.append(lows, lows[-1] + shown[-1])
    low, high = places.min(), places.max()
    span = (high - low) or max(abs(low), 1.0)
    ax.set_xlim(low - 0.05 * span, high + 0.2 * span)  # at the right there are numbers


def _draw_ends(ax: Axes, start: float, end: float, what: str, bars: int) -> None:
    """The two ends of the way: lines with what stands there written above and below."""
    low, high = ax.get_xlim()
    for value, text, place, line in (
        (start, "baseline", -0.9, [-0.55, 0.36]),
        (end, what, bars - 0.1, [bars - 1.36, bars - 0.45]),
    ):
        ax.plot([value] * 2, line, color=style.INK, linewidth=1.2, zorder=2.5)
        share = (value - low) / (high - low)
        side = "left" if share < 0.2 else "right" if share > 0.8 else "center"
        look: dict[str, Any] = {"ha": side, "va": "center", "fontsize": "small", "color": style.INK}
        ax.annotate(f"{text} {style.number(value, 3)}", (value, place), fontweight="bold", **look)


def _quantity(values: Any, row: int, outputs: Sequence[str] | None) -> str:
    if not isinstance(values, Contributions):
        return "contribution"
    k, units = int(values.output[row]), values.units
    names = _names_of_outputs(outputs, units)
    name = names[k] if units > 1 or outputs is not None else "output" if values.of == "out" else "the output"
    return f"net activation of {name}" if values.of == "net" else name
