"""The three training loops beside each other: smooth, noisy, between."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.callbacks.base import Callback, Logs
from mlp.callbacks.weight_record import WeightRecord
from mlp.errors import ArgumentError, DivergenceError
from mlp.naming import is_integer, require, require_one_of
from mlp.optimizers import Solver
from mlp.plots import style, surface
from mlp.plots.curves import spans_decades
from mlp.plots.runs import title_of
from mlp.plots.surface import Landscape, plane_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mlp.arrays import Array
    from mlp.sequential import Sequential

WORK = 5e9  # rows times parameters times points at which the losses of the steps are computed
MOST_POINTS, MOST_STEPS, MOST_LOOPS = 600, 200_000, 6
UNITS = {"epoch": "epoch", "step": "updates of the weights", "second": "seconds of training"}


class Steps(Callback):
    """Keep the weights after single steps, evenly over a training, at most so many.

    Parameters
    ----------
    most : int

    Attributes
    ----------
    epochs : list of float
        When it was: 1.5 is in the middle of the second epoch.
    values : list of Array
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.epochs: list[float] = []
        self.values: list[Array] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        steps = self.params["steps"] or 1
        self.stride, self.made = max(1, -(-steps * self.params["epochs"] // self.most)), 0
        self.epoch, self.steps = 0, steps
        self.epochs, self.values = [0.0], [self.model.parameters.values.copy()]

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.made += 1
        if self.made % self.stride == 0:
            self.epochs.append(self.epoch + (batch + 1) / self.steps)
            self.values.append(self.model.parameters.values.copy())


class _Clock(Callback):
    """The seconds since the training began, after each epoch."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.began, self.seconds = time.perf_counter(), [0.0]

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.seconds.append(time.perf_counter() - self.began)


class Loop:
    """One training: a copy of the model from the common start, by batches of one size.

    Attributes
    ----------
    model : Sequential
        The copy, trained.
    label : str
    diverged : bool
    steps : int
        Of an epoch.
    record : WeightRecord
        The weights at the start and after each epoch.
    path : WeightRecord or Steps
        The same, or where it is `noisy` the weights after single steps.
    noisy : bool
    at : Array of shape (k,)
        Epochs, updates or seconds of the weights in `record`.
    """

    def __init__(
        self, start: Sequential, x: Any, y: Any, size: Any, epochs: int, by: str, most: int, **options: Any
    ):
        self.model: Any = copy.deepcopy(start)
        rows = len(y)
        self.steps = 1 if size == "full" else -(-rows // size)
        self.label, self.diverged = _label(size, rows), False
        record, clock, fine = WeightRecord(), _Clock(), Steps(most)
        noisy = by != "second" and self.steps > 1 and most > 1 and self.steps * epochs <= MOST_STEPS
        hearing = [record, clock, *([fine] if noisy else [])]
        try:
            self.model.fit(x, y, batch_size=size, epochs=epochs, callbacks=hearing, verbose=0, **options)
        except DivergenceError:
            self.label += ", diverged"
            self.diverged = True
        self.record, self.path = record, fine if noisy else record
        self.noisy = noisy
        self.at = self.axis(record.epochs, by, clock.seconds)

    def axis(self, epochs: Sequence[float], by: str, seconds: Sequence[float] = ()) -> Array:
        """Epochs in the unit of the axis."""
        if by == "second":
            return np.array([seconds[int(epoch)] for epoch in epochs])
        return np.asarray(epochs, np.float64) * (self.steps if by == "step" else 1)


def training_loops(
    model: Sequential,
    x: Any,
    y: Any,
    epochs: int = 20,
    batch_sizes: Sequence[int | str] | None = None,
    parameters: Any = None,
    by: str = "epoch",
    sample_weight: Any = None,
) -> Figure:
    """Gradient descent, minibatches and single samples from the same start, on one picture.

    Parameters
    ----------
    model : Sequential
        Compiled, with an optimizer that steps. Copies of it are trained; it does not change.
    x, y, sample_weight : as in `Model.fit`, in memory
    epochs : int, default 20
        Of each training.
    batch_sizes : sequence of int or "full", optional
        Up to six loops. By default "full", minibatches of 32 (of fewer than 320 rows a tenth of them) and 1.
    parameters : as in `loss_surface`, optional
        Two parameters, or "path": a second panel has the loss over them, as it is around the end of the first
        loop, and the paths of all that did not diverge.
    by : {"epoch", "step", "second"}, default "epoch"
        What the loss is drawn over: passes over the data, updates of the weights, or the time they took.

    Returns
    -------
    Figure

    Raises
    ------
    ArgumentError
        If an argument cannot be used, or the optimizer is a solver for the full batch.
    NotReadyError
        Before `compile`.
    MissingPackageError
        If matplotlib is not installed.

    Notes
    -----
    All losses are over all rows, so that the loops can be compared: at the start, after each epoch
    (with markers) and, faintly, after single steps, evenly chosen where there are many; over updates the line
    is that of the steps. A loop that diverges ends there, and the legend says so. Seconds are measured
    without looking at single steps.

    Examples
    --------
    >>> import mlp
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(60, 1))
    >>> y = 2 * x[:, 0] + 1 + 0.3 * rng.normal(size=60)
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], seed=0)
    >>> model.compile(mlp.optimizers.SGD(0.05), "mse")
    >>> figure = mlp.plots.training_loops(model, x, y, epochs=10, parameters=("dense.W", "dense.b"))
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['all 60 rows: gradient descent', '6 rows: minibatches', '1 row: stochastic']
    """
    start = _start(model, x, y, sample_weight, epochs, by)
    landscape = Landscape(start, x, y, sample_weight)
    sizes = _sizes(batch_sizes, len(landscape))
    if parameters is not None and not isinstance(parameters, str):
        plane_of(start, parameters, {})  # an error comes before the trainings
    style.pyplot()
    if by == "second":  # what is compiled at a first step is no part of the time
        Loop(start, x, y, sizes[0], 1, by, 0, sample_weight=sample_weight)
    most = int(min(MOST_POINTS, WORK / (len(landscape) * start.count_params())))
    loops = [Loop(start, x, y, size, epochs, by, most, sample_weight=sample_weight) for size in sizes]
    figure, grid = style.panels(
        1, 1 if parameters is None else 2, figsize=(6.4 if parameters is None else 11.6, 4.4)
    )
    _draw(grid[0, 0], loops, landscape, by, title_of("loss", start))
    if parameters is not None:
        paths = {loop.label: loop.path for loop in loops if not loop.diverged}
        if not paths:
            raise ArgumentError(
                "all loops diverged, so that there is no surface to draw: lower the learning rate, or leave "
                "parameters out"
            )
        first = next(loop for loop in loops if not loop.diverged)
        held = f"as at the end of {first.label.partition(': ')[2]}"
        # the panel beside it has the names
        where = {"ax": grid[0, 1], "held": held, "names": False, "stacklevel": 3}
        surface.draw(first.model, x, y, parameters, paths, sample_weight=sample_weight, **where)
    return figure


def _start(model: Any, x: Any, y: Any, sample_weight: Any, epochs: Any, by: str) -> Sequential:
    """A copy of the model, built, that every loop starts from."""
    require(is_integer(epochs) and epochs > 0, "epochs", epochs, "a positive integer")
    require_one_of("by", by, UNITS)
    require(hasattr(model, "fit") and hasattr(model, "layers"), "model", model, "a Sequential")
    start: Any = copy.deepcopy(model)
    start.evaluate(x, y, sample_weight=sample_weight)  # builds it, and finds what is wrong with the data
    if isinstance(start.optimizer, Solver):
        raise ArgumentError(
            f"{type(start.optimizer).__name__} takes all rows at once, so that the size of the batches means "
            "nothing to it: compile the model with an optimizer that steps, such as 'sgd'"
        )
    found: Sequential = start
    return found


def _sizes(batch_sizes: Any, rows: int) -> list[Any]:
    """The sizes of the batches, checked."""
    if batch_sizes is None:
        small = [size for size in (max(1, min(32, rows // 10)), 1) if size < rows]
        return list(dict.fromkeys(["full", *small]))
    single = isinstance(batch_sizes, str) or not np.iterable(batch_sizes)
    sizes = [batch_sizes] if single else list(batch_sizes)
    for size in sizes:
        fits = (isinstance(size, str) and size == "full") or (is_integer(size) and size > 0)
        require(fits, "batch_sizes", size, "'full' or a positive integer")
    require(0 < len(sizes) <= MOST_LOOPS, "batch_sizes", batch_sizes, f"from one to {MOST_LOOPS} sizes")
    return [int(size) if is_integer(size) else size for size in dict.fromkeys(sizes)]


def _label(size: Any, rows: int) -> str:
    if size == "full" or size >= rows:
        return f"all {rows:,} rows: gradient descent" if rows > 1 else "the only row: gradient descent"
    return "1 row: stochastic" if size == 1 else f"{size:,} rows: minibatches"


def _draw(ax: Axes, loops: list[Loop], landscape: Landscape, by: str, title: str) -> None:
    from matplotlib.ticker import MaxNLocator

    values = []
    for k, loop in enumerate(loops):
        colour = style.RUNS[k]
        losses = np.array([landscape(weights) for weights in loop.record.values])
        values.append(losses)
        every_step = loop.noisy and by == "step"  # then what joins the epochs would be no line of this axis
        if loop.noisy:
            fine = np.array([landscape(weights) for weights in loop.path.values])
            thin: dict[str, Any] = {"linewidth": 0.7, "alpha": 0.4}
            thin = {"linewidth": 1.2, "alpha": 0.9} if every_step else thin
            ax.plot(loop.axis(loop.path.epochs, by), fine, color=colour, zorder=1.5 - k / 10, **thin)
        every = 1 if len(losses) <= 30 else len(losses) // 15
        look: dict[str, Any] = {
            "marker": style.MARKERS[k],
            "markersize": 4.5,
            "markevery": every,
            "linestyle": "none" if every_step else style.LINES[k],
        }
        if every_step:
            look["markeredgecolor"] = "white"
        ax.plot(loop.at, losses, color=colour, linewidth=1.8, label=loop.label, zorder=3 - k / 10, **look)
    every_loss = np.concatenate(values)
    every_loss = every_loss[np.isfinite(every_loss)]
    if spans_decades(every_loss[every_loss <= 4 * values[0][0]]):
        ax.set_yscale("log")
    if every_loss.max(initial=0.0) > 4 * values[0][0]:  # of what explodes, the beginning
        ax.set_ylim(top=4 * values[0][0])
    unit = UNITS[by]
    if by == "second" and max(loop.at[-1] for loop in loops) < 1:
        unit = unit.replace("seconds", "milliseconds")
        for line in ax.lines:
            line.set_xdata(1000 * np.asarray(line.get_xdata()))
        ax.relim()
        ax.autoscale_view(scaley=False)
    if by == "step":
        ax.set_xscale("symlog", linthresh=1)
        ax.set_xlim(left=0)
    elif by == "epoch":
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    ax.set_xlabel(unit)
    ax.set_ylabel(f"{title}, over all rows")
    style.tidy(ax)
    for handle in style.legend(ax).legend_handles:  # a line, also where there are only marks at the epochs
        if handle.get_linestyle() == "None":
            handle.set_linestyle("-")
