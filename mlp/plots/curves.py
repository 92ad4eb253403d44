"""Curves of a training: losses and metrics by epoch, and the loss by learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.callbacks.rate_finder import RateSearch
from mlp.naming import require
from mlp.plots import style
from mlp.plots.runs import VALIDATION, Run, chosen, less_is_better, runs_of, title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mlp.arrays import Array

DECADES = 100  # from this ratio of the largest to the least loss on the axis is logarithmic
LONG = 32  # letters that a name in a legend of two columns has at most
FEW = 25  # epochs that are marked one by one


def history(
    history: Any,
    metrics: str | list[str] | None = None,
    ax: Any = None,
    log: bool | None = None,
) -> Figure:
    """Losses and metrics by epoch: a panel for each, training and validation together, the best epoch marked.

    Parameters
    ----------
    history : History, dict, model or estimator
        What `fit` returned, or its ``history``; a `Sequential` or estimator that was fitted, also in a
        pipeline or a search. Or several of these by name, to compare: ``{"narrow": a, "wide": b}``.
    metrics : str or list of str, optional
        Which curves; by default all, "loss" first. That of the validation goes with its training's.
    ax : Axes or sequence of Axes, optional
        One for each panel; by default those of a new figure.
    log : bool, optional
        Whether the axes of what should fall are logarithmic; by default where a loss spans two decades or
        more. Those of an accuracy never are.

    Returns
    -------
    Figure

    Raises
    ------
    ArgumentError
        If it is no history, there is no such curve, or there are not as many `ax` as panels.
    NotReadyError
        If there was no epoch yet.
    MissingPackageError
        If matplotlib is not installed.

    Notes
    -----
    Epochs are counted from 1. The best epoch is that with the best value of the validation or, if there
    is none, of the training; curves of which nothing says whether more or less is better have none.
    The loss of the training is its mean over an epoch, while the weights move; that of the validation is
    taken at the end, and so may begin below it. With `validation_freq` the history does not say which epochs
    were validated: they are drawn as every second, every third …

    Examples
    --------
    >>> import mlp
    >>> figure = mlp.plots.history({"loss": [0.9, 0.5, 0.3], "val_loss": [0.8, 0.6, 0.7]})
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['training', 'validation', 'best: 0.6 in epoch 2']
    """
    runs = runs_of(history)
    names = chosen(runs, metrics)
    return draw(runs, names, _axes_for(names, ax, len(runs)), log)


def draw(runs: dict[str, Run], names: list[str], grid: list[Axes], log: bool | None = None) -> Figure:
    """Draw curves into axes, one for each name."""
    for name, ax in zip(names, grid, strict=True):
        if len(runs) == 1:
            _one_run(ax, next(iter(runs.values())), name)
        else:
            _several_runs(ax, runs, name)
        _finish(ax, runs, name, log, 2 if len(names) == 1 else 1)
    figure: Figure = grid[0].figure  # type: ignore[assignment]
    return figure


def layout(count: int) -> tuple[int, int]:
    """Rows and columns of so many panels.

    Examples
    --------
    >>> [layout(count) for count in (1, 2, 3, 4, 5)]
    [(1, 1), (1, 2), (1, 3), (2, 2), (2, 3)]
    """
    columns = count if count < 4 else 2 if count == 4 else 3
    return -(-count // columns), columns


def size(count: int) -> tuple[float, float]:
    """Width and height of a figure with so many panels, in inches."""
    rows, columns = layout(count)
    return (6.4, 4.0) if count == 1 else (4.4 * columns, 3.5 * rows)


def _axes_for(names: list[str], ax: Any, runs: int) -> list[Axes]:
    if ax is None:
        (rows, columns), (width, height) = layout(len(names)), size(len(names))
        height += 0.2 * rows * (runs + 2) if runs > 1 else 0  # room for the legend above each panel
        _, grid = style.panels(rows, columns, figsize=(width, height))
        for spare in grid.flat[len(names) :]:
            spare.remove()
        return list(grid.flat[: len(names)])
    given = list(np.ravel(np.asarray(ax, object)))
    expected = f"axes, one for each of the {len(names)} panels: {', '.join(names)}"
    require(len(given) == len(names), "ax", ax, expected)
    return [style.axes(one) for one in given]


def _one_run(ax: Axes, run: Run, name: str) -> None:
    drawn = [
        (name, "training", style.BLUE, "-", "o"),
        (VALIDATION + name, "validation", style.ORANGE, "--", "s"),
    ]
    for key, label, colour, line, marker in drawn:
        if key in run.curves:
            if key == name and not np.isfinite(run.curves[key][-1:]).all():  # it has diverged
                label += ", at the end not finite"
            _line(ax, *run.points(key), label=label, color=colour, linestyle=line, marker=marker)
    best = _best(run, name)
    if best is not None:
        epoch, value = best
        label = f"best: {style.number(value, 3)} in epoch {epoch}"
        ax.plot(epoch, value, "*", color=style.INK, markersize=11, label=label, zorder=4, linestyle="none")


def _several_runs(ax: Axes, runs: dict[str, Run], name: str) -> None:
    both = False
    for k, (label, run) in enumerate(runs.items()):
        colours, markers = style.RUNS, style.MARKERS  # a pair returns after 64 runs
        colour, marker = colours[k % len(colours)], markers[(k + k // len(colours)) % len(markers)]
        keys = [key for key in (name, VALIDATION + name) if key in run.curves]
        both |= len(keys) == 2
        best = _best(run, name)
        said = "" if best is None else f": best {style.number(best[1], 3)} in epoch {best[0]}"
        for key in keys:
            line = "--" if key.startswith(VALIDATION) else "-"
            own = label + said if key == keys[0] else None
            _line(ax, *run.points(key), label=own, color=colour, linestyle=line, marker=marker)
        if best is not None:
            ax.plot(*best, "*", color=colour, markeredgecolor=style.INK, markersize=11, zorder=4)
    if both:
        for label, line in (("training", "-"), ("validation", "--")):
            ax.plot([], [], color=style.GREY, linestyle=line, label=label)


def _line(ax: Axes, epochs: Array, values: Array, marker: str, **look: Any) -> None:
    # a few markers tell the lines apart in grey; of few epochs each has one
    every = 1 if len(epochs) <= FEW else (len(epochs) // 16, len(epochs) // 8)
    ax.plot(epochs, values, marker=marker, markevery=every, markersize=4, linewidth=1.6, **look)


def _best(run: Run, name: str) -> tuple[int, float] | None:
    """Number and value of the best epoch, or None if nobody knows what is good."""
    key = VALIDATION + name if VALIDATION + name in run.curves else name
    falls = less_is_better(name, run.model)
    if key not in run.curves or falls is None:
        return None
    epochs, values = run.points(key)
    finite = np.where(np.isfinite(values), values if falls else -values, np.inf)
    if not len(values) or np.isinf(finite.min()):
        return None
    place = int(finite.argmin())
    return int(epochs[place]), float(values[place])


def _finish(ax: Axes, runs: dict[str, Run], name: str, log: bool | None, columns: int) -> None:
    from matplotlib.ticker import MaxNLocator

    values = [
        run.curves[key] for run in runs.values() for key in (name, VALIDATION + name) if key in run.curves
    ]
    falls = less_is_better(name)
    if log is None:
        log = falls is True and spans_decades(np.concatenate(values))
    if log and falls is not False:  # an accuracy goes up to 1
        ax.set_yscale("log")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    ax.set_xlabel("epoch")
    ax.set_ylabel(title_of(name, next(iter(runs.values())).model))
    style.tidy(ax)
    # above the axes, where a long legend hides nothing; one wider than its panel would leave that no room
    above: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1.01), "borderaxespad": 0}
    longest = max(map(len, ax.get_legend_handles_labels()[1]), default=0)
    columns = columns if longest <= LONG else 1
    style.legend(ax, **(above | {"ncols": columns} if len(runs) > 1 else {}))


def spans_decades(values: Array) -> bool:
    """Whether an axis for these values should be logarithmic: positive, over two decades or more."""
    values = values[np.isfinite(values)]
    return bool(len(values) and values.min() > 0 and values.max() >= DECADES * values.min())


def learning_rates(search: RateSearch, ax: Axes | None = None) -> Axes:
    """The loss by learning rate, as `callbacks.find_learning_rate` found it, with the rate it suggests.

    Parameters
    ----------
    search : RateSearch
        What ``callbacks.find_learning_rate(model, x, y)`` returned.
    ax : Axes, optional
        By default those of a new figure.

    Returns
    -------
    Axes
        Of the loss only what is below about the first ones is shown: above that it explodes.

    Raises
    ------
    ArgumentError
        If it is not a `RateSearch`.
    MissingPackageError
        If matplotlib is not installed.

    Examples
    --------
    >>> import mlp
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(256, 4))
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(4,))], seed=0)
    >>> model.compile("sgd", "mse")
    >>> ax = mlp.plots.learning_rates(mlp.callbacks.find_learning_rate(model, x, x.sum(axis=1)))
    >>> ax.get_xscale(), ax.get_xlabel()
    ('log', 'learning rate')
    """
    hint = "a RateSearch, which callbacks.find_learning_rate(model, x, y) returns"
    require(isinstance(search, RateSearch), "search", search, hint)
    ax = style.axes(ax, figsize=(6.4, 4.0))
    rates, smoothed, best = search.rates, search.smoothed, float(search.suggestion)
    ax.plot(rates, search.losses, color=style.GREY, alpha=0.5, linewidth=0.8, label="loss of each batch")
    ax.plot(rates, smoothed, color=style.BLUE, linewidth=2, label="mean of the steps around")
    label = f"suggestion: {style.number(best, 2)}"
    height = float(np.interp(np.log(best), np.log(rates), smoothed))
    ax.axvline(best, color=style.RED, linestyle="--", linewidth=1)
    ax.plot(best, height, "o", color=style.RED, markeredgecolor="white", markersize=9, label=label, zorder=4)
    least, start = float(np.nanmin(smoothed)), float(smoothed[0])
    room = max(start - least, 1e-12 + abs(start) * 1e-3)
    ax.set_xscale("log")
    ax.set_ylim(least - 0.25 * room, max(start, float(smoothed[: smoothed.argmin() + 1].max())) + 0.4 * room)
    ax.set_xlabel("learning rate")
    ax.set_ylabel("loss of the batch before the step")
    style.tidy(ax)
    style.legend(ax)
    return ax
