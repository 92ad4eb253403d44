"""What a model answers where: regions and the lines between them, also while it learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array
from mlp.inspection.network import network_of, weights_set
from mlp.naming import is_integer, require, require_bool
from mlp.plots import style
from mlp.plots.plane import Plane, Table
from mlp.plots.responses import Answers
from mlp.plots.runs import recorded

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes

    from mlp.callbacks import WeightRecord

MOST_POINTS, MOST_NAMED = 3000, 20  # rows as points, and classes in the legend


def decision_boundary(
    model: Any,
    X: Any,
    y: Any = None,
    features: Any = None,
    response: str = "auto",
    classes: Sequence[str] | None = None,
    output: int | None = None,
    names: Sequence[str] | None = None,
    resolution: int = 200,
    ax: Axes | None = None,
    colorbar: bool = True,
    legend: bool = True,
    equal: bool = False,
) -> Axes:
    """Draw what the model answers over the plane of two features, and the rows of X as points on it.

    Two classes give shades of the probability and a line where it is ½, more classes a colour each,
    deeper where the model is surer, and a regression shades of its output. With one feature it is a curve.

    Parameters
    ----------
    model : Sequential, or a fitted estimator or pipeline
    X : array-like of shape (n, i), or data frame
        Rows of inputs, which also say how far the picture reaches.
    y : array-like, optional
        Their targets, which give the points colours and shapes: labels, one-hot rows or numbers.
    features : int, str or pair of them, optional
        Columns to draw along where there are more than two; the others stay at their medians. Without it
        the plane of the first two principal components of the scaled features is drawn, with a warning.
    response : {"auto", "predict_proba", "decision_function", "predict"}, default "auto"
        What is asked, as in scikit-learn's `DecisionBoundaryDisplay`. "auto" takes the first that there is.
    classes : sequence of str, optional
        Names of the classes for the legend; by default "class 0" …
    output : int, optional
        Draw this output alone, or the probability of this class.
    names : sequence of str, optional
        Of the features; by default those of a frame, or x1, x2 …
    resolution : int, default 200
        Points of the grid in each direction.
    ax : Axes, optional
    colorbar, legend : bool, default True
        Draw them; several pictures side by side need them once.
    equal : bool, default False
        Give both axes the same scale, so that a circle is round.

    Returns
    -------
    Axes

    Raises
    ------
    NotReadyError
        If the model is not built.
    ArgumentError
        If an argument cannot be used, or the model has several outputs and none is chosen.
    MissingPackageError
        If matplotlib is not installed.

    Warns
    -----
    UserWarning
        If principal components are drawn, or 3000 rows of many.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, "sigmoid", input_shape=(2,))], seed=0)
    >>> X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    >>> ax = mlp.plots.decision_boundary(model, X, [0, 0, 0, 1], names=["left", "right"])
    >>> ax.get_xlabel(), [text.get_text() for text in ax.get_legend().get_texts()]
    ('left', ['class 0', 'class 1'])
    """
    for name, value in (("colorbar", colorbar), ("legend", legend), ("equal", equal)):
        require_bool(name, value)
    picture = _Picture(model, X, y, features, response, classes, output, names, resolution)
    ax = style.axes(ax, figsize=(6.4, 4.8))
    picture.draw(ax)
    if colorbar:
        picture.draw_scale(ax)
    box = ax.get_legend()
    if not legend and box is not None:
        box.remove()
    if equal:
        ax.set_aspect("equal")
    return ax


def animate_boundary(
    model: Any,
    record: WeightRecord,
    X: Any,
    y: Any = None,
    features: Any = None,
    response: str = "auto",
    classes: Sequence[str] | None = None,
    output: int | None = None,
    names: Sequence[str] | None = None,
    resolution: int = 100,
    interval: int = 80,
    ax: Axes | None = None,
) -> FuncAnimation:
    """`decision_boundary` for every epoch of a record: the model learns before your eyes.

    Parameters
    ----------
    model : Sequential, or a fitted estimator of mlp, or a pipeline that ends with one
        The weights are afterwards what they were.
    record : callbacks.WeightRecord
        That was given to `fit`.
    X, y, features, response, classes, output, names, resolution, ax
        As in `decision_boundary`.
    interval : int, default 80
        Milliseconds that an epoch is shown.

    Returns
    -------
    FuncAnimation
        matplotlib's: ``animation.save("learning.gif")`` writes it, and
        ``IPython.display.HTML(animation.to_jshtml())`` shows it in a notebook. Its frames are drawn then, so
        keep it until you have done one of both.

    Raises
    ------
    NotReadyError, ArgumentError, MissingPackageError
        As in `decision_boundary`; and if the record is empty or of another model.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, "sigmoid", input_shape=(2,))], seed=0)
    >>> model.compile("sgd", "binary_crossentropy")
    >>> X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 0, 0, 1]
    >>> record = mlp.callbacks.WeightRecord()
    >>> history = model.fit(X, y, epochs=2, verbose=0, callbacks=[record])
    >>> animation = mlp.plots.animate_boundary(model, record, X, y, resolution=20)
    >>> animation.to_jshtml().count("data:image/png")  # before the training, and after each epoch
    3
    """
    style.pyplot()
    from matplotlib.animation import FuncAnimation

    network = network_of(model[-1] if hasattr(model, "steps") else model)
    epochs, weights = recorded(record, network)
    require(is_integer(interval) and interval > 0, "interval", interval, "a positive number of milliseconds")
    picture = _Picture(model, X, y, features, response, classes, output, names, resolution)
    own, ax = ax is None, style.axes(ax, figsize=(6.4, 4.8))
    loss_of = picture.loss_of(network, X)
    with weights_set(network, weights[-1]):
        picture.measure()

    def draw(frame: int) -> tuple[()]:
        ax.clear()
        with weights_set(network, weights[frame]):
            picture.draw(ax)
            loss = loss_of()
        title = f"epoch {epochs[frame]}" + ("" if loss is None else f", loss {loss:.3g}")
        ax.set_title(title, color=style.INK, pad=picture.pad)
        return ()

    draw(0)
    picture.draw_scale(ax)
    figure: Any = ax.figure
    if own:
        figure.canvas.draw()
        figure.set_layout_engine("none")  # the frames keep the layout of the first: half the time
    return FuncAnimation(
        figure, draw, frames=len(weights), init_func=lambda: (), interval=interval, blit=False
    )


class _Picture:
    """A model, a plane and points on it; `draw` can be called again after the weights have changed."""

    def __init__(
        self,
        model: Any,
        X: Any,
        y: Any,
        features: Any,
        response: str,
        classes: Sequence[str] | None,
        output: int | None,
        names: Sequence[str] | None,
        resolution: int,
    ) -> None:
        require(is_integer(resolution) and resolution > 1, "resolution", resolution, "an integer above 1")
        if hasattr(model, "as_inputs"):
            network_of(model)
        self.answers = Answers(model, response, classes, output)
        self.table = Table(X, names)
        self.T = None if y is None else self.answers.targets(y, len(self.table.values))
        self.y = y
        self.plane = Plane(self.table, features, stacklevel=4)
        drawn = self.plane.some(MOST_POINTS, stacklevel=4)
        self.points, self.marks = self.plane.points[drawn], None if self.T is None else self.T[drawn]
        self.corner: dict[str, Any] = {}
        self.lines: list[Array] = []
        self.grid = self.plane.grid(resolution)
        self.rows = self.plane.rows(self.grid)
        self.limits: tuple[float, float] | None = self.answers.bounds
        self.surface: Any = None

    def loss_of(self, network: Any, X: Any) -> Any:
        """A function that says the loss for X and y, or None if that cannot be said."""
        if self.y is None or network is not self.answers.model or not network.compiled:
            return lambda: None
        return lambda: network.evaluate(X, self.y, return_dict=True)["loss"]

    def measure(self) -> None:
        """Take the limits of the colours from what the model answers now, and from the targets."""
        if self.answers.bounds is None:
            found = self.ask()
            if self.answers.labels is not None:
                largest = style.limit(found)
                self.limits = (-largest, largest)
                return
            values = np.concatenate([found.ravel(), self.T if self.T is not None else found.ravel()])
            values = values[np.isfinite(values)]
            low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
            self.limits = (low, high) if high > low else (low - 0.5, high + 0.5)

    def ask(self) -> Array:
        """The answers at the grid, in its shape; with an axis of classes where there are several."""
        found = self.answers(self.rows)
        return found.reshape(*self.grid[0].shape, *found.shape[1:])

    def draw(self, ax: Axes) -> None:
        """The answers of the model as it is now, and the points."""
        if self.limits is None:
            self.measure()
        if len(self.grid) == 1:
            self.draw_curve(ax)
        else:
            self.lines = []
            self.draw_regions(ax)
            self.draw_points(ax)
            ax.set(xlabel=self.plane.labels[0], ylabel=self.plane.labels[1])
            ax.grid(False)
        if self.plane.note:
            ax.set_title(self.plane.note, color=style.INK, fontsize="medium", pad=self.pad)

    def draw_regions(self, ax: Axes) -> None:
        """Colours by scikit-learn's display, and the line where the answer changes."""
        from sklearn.inspection import DecisionBoundaryDisplay

        found, answers = self.ask(), self.answers
        if answers.several:
            self.draw_classes(ax, found)
            return
        assert self.limits is not None
        (xx, yy), (low, high) = self.grid, self.limits
        display = DecisionBoundaryDisplay(xx0=xx, xx1=yy, n_classes=2, response=found)
        look: dict[str, Any] = {
            "levels": np.linspace(low, high, 21),
            "cmap": style.SEQUENTIAL if answers.labels is None else style.GROUND,
            "extend": "both" if answers.bounds is None else "neither",
        }
        display.plot(plot_method="contourf", ax=ax, zorder=-1, **look)
        self.surface = display.surface_
        if answers.middle is not None:
            self._line(ax, found, answers.middle, 1.8)

    def draw_classes(self, ax: Axes, found: Array) -> None:
        """A colour for each class where it is ahead, and lines around it."""
        from sklearn.inspection import DecisionBoundaryDisplay

        (xx, yy), count = self.grid, found.shape[-1]
        display = DecisionBoundaryDisplay(
            xx0=xx,
            xx1=yy,
            n_classes=count,
            response=found,
            multiclass_colors=[style.marker(k)["color"] for k in range(count)],
        )
        low, high = self.answers.bounds or (None, None)
        look: dict[str, Any] = {"vmin": low, "vmax": high, "alpha": 0.55, "rasterized": True}
        display.plot(plot_method="pcolormesh", ax=ax, shading="auto", **look)
        second, best = np.moveaxis(np.partition(found, -2, axis=-1)[..., -2:], -1, 0)
        for k in range(count):
            self._line(ax, found[..., k] - np.where(found[..., k] == best, second, best), 0.0, 1.0)

    def _line(self, ax: Axes, found: Array, level: float, width: float) -> None:
        if np.nanmin(found) < level < np.nanmax(found):
            look: dict[str, Any] = {"colors": style.INK, "linewidths": width, "zorder": 1}
            drawn = ax.contour(*self.grid, found, levels=[level], **look)
            found_lines = [np.asarray(path.vertices, np.float64) for path in drawn.get_paths()]
            self.lines += [line for line in found_lines if len(line)]

    def draw_points(self, ax: Axes) -> None:
        """The rows of X, with a colour and a shape for each class, or the colour of the target."""
        points, count = self.points, len(self.points)
        size = float(np.clip(8000 / max(count, 1), 14, 36))
        look: dict[str, Any] = {"s": size, "edgecolors": style.INK, "linewidths": 0.6, "zorder": 3}
        if self.marks is None:
            ax.scatter(points[:, 0], points[:, 1], color=style.INK, **look)
        elif self.answers.labels is None:
            assert self.limits is not None
            low, high = self.limits
            colours: dict[str, Any] = {"c": self.marks, "cmap": style.SEQUENTIAL, "vmin": low, "vmax": high}
            ax.scatter(points[:, 0], points[:, 1], **look, **colours)
        else:
            for k, name in enumerate(self.answers.names):
                mine = points[k == self.marks]
                ax.scatter(mine[:, 0], mine[:, 1], label=name, **style.marker(k), **look)
            self._draw_legend(ax)

    def _draw_legend(self, ax: Axes) -> None:
        names = self.answers.names
        if len(names) > MOST_NAMED:
            handles = [*ax.get_legend_handles_labels()[0][:MOST_NAMED], ax.scatter([], [], alpha=0)]
            labels = [*names[:MOST_NAMED], f"… and {len(names) - MOST_NAMED} more"]
            style.legend(ax, outside=True, handles=handles, labels=labels)
            return
        if len(names) > 4:
            style.legend(ax, outside=True)
            return
        if not self.corner:  # once, so that it stays where it is in an animation
            self.corner = style.free_corner(ax, names, np.concatenate([self.points, *self.lines]))
        style.legend(ax, **self.corner)

    @property
    def pad(self) -> float | None:
        """Points from the axes to the title, with room for a legend above them."""
        return 26.0 if "ncols" in self.corner else None

    def draw_curve(self, ax: Axes) -> None:
        """The answer over one feature."""
        (x,), found, answers = self.grid, self.ask(), self.answers
        style.tidy(ax)
        for k, column in enumerate(found.T if answers.several else [found]):
            name = answers.names[k] if answers.several else answers.what
            line: Any = style.LINES[k % len(style.LINES)]
            ax.plot(x, column, linewidth=2, label=name, color=style.marker(k)["color"], linestyle=line)
        if answers.middle is not None and not answers.several:
            ax.axhline(answers.middle, color=style.GREY, linewidth=1, linestyle=":")
        if self.T is not None:
            self._points_of_curve(ax)
        kinds = {"predict_proba": "probability", "decision_function": "score", "predict": "answer"}
        ax.set(xlabel=self.plane.labels[0], ylabel=kinds[answers.method] if answers.several else answers.what)
        style.legend(ax, outside=answers.several and len(answers.names) > 4)

    def _points_of_curve(self, ax: Axes) -> None:
        assert self.marks is not None
        x, answers = self.points[:, 0], self.answers
        look: dict[str, Any] = {"s": 18, "edgecolors": style.PAPER, "linewidths": 0.5, "zorder": 3}
        if answers.labels is None:
            ax.scatter(x, self.marks, color=style.ORANGE, label="targets", **look)
            return
        low, high = self.limits or (0.0, 1.0)
        for k, name in enumerate(answers.names):
            mine = x[k == self.marks]
            first = answers.output is None and len(answers.names) == 2
            top = k == (1 if first else answers.output) or answers.several
            label = None if answers.several else f"rows of {name}"
            ax.scatter(mine, np.full(len(mine), high if top else low), label=label, **style.marker(k), **look)

    def draw_scale(self, ax: Axes) -> None:
        """The colour bar, where there are shades."""
        if self.surface is None:
            return
        from matplotlib.ticker import MaxNLocator

        figure: Any = ax.figure
        bar = figure.colorbar(self.surface, ax=ax, label=self.answers.what)
        bar.locator = MaxNLocator(6)
        bar.update_ticks()
