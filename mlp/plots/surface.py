"""The loss as a landscape over two parameters, and the ways of trainings over it."""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlp.callbacks import CallbackList
from mlp.errors import ArgumentError
from mlp.evaluation import as_a_whole, evaluate, require_compiled
from mlp.inspection.network import network_of
from mlp.naming import is_integer, require, require_bool
from mlp.plots import style
from mlp.plots.runs import recorded, title_of
from mlp.sources import open_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mlp.arrays import Array
    from mlp.sequential import Sequential

BUDGET = 2e11  # rows times parameters times points, some ten seconds
LEVELS = 14
FEWEST_ROWS = 100


class Landscape:
    """The loss, penalties included, over fixed rows as a function of the flat vector of parameters.

    Parameters
    ----------
    model : Sequential
        Built and compiled. A copy computes, so that it does not change.
    x, y, sample_weight : as in `Model.evaluate`, in memory
    """

    def __init__(self, model: Sequential, x: Any, y: Any, sample_weight: Any = None) -> None:
        require_compiled(model)
        self.model: Any = copy.deepcopy(model)
        self.model.compile(self.model.optimizer, self.model.loss, engine=model.engine_asked)  # no metrics
        rows = open_rows(self.model, x, y, sample_weight)
        if not isinstance(rows, tuple):
            raise ArgumentError("x must be arrays in memory: each point of the surface takes all of its rows")
        self.rows: Any = rows
        self._gather()

    def _gather(self) -> None:
        self.data = as_a_whole(self.model, *self.rows)
        self.hearing = CallbackList([], self.model, {})

    def keep_at_most(self, most: int) -> bool:
        """Compute with that many rows, drawn at random, if there are more."""
        count = len(self.data)
        if count <= most:
            return False
        drawn = np.sort(np.random.default_rng(0).choice(count, most, replace=False))
        self.rows = tuple(None if part is None else part[drawn] for part in self.rows)
        self._gather()
        return True

    def __len__(self) -> int:
        return len(self.data)

    def __call__(self, values: Array) -> float:
        """The loss where the flat vector is `values`; infinite where it is not a number."""
        np.copyto(self.model.parameters.values, values, casting="same_kind")
        loss = float(evaluate(self.model, self.data, self.hearing).logs()["loss"])
        return loss if np.isfinite(loss) else np.inf


class Plane(NamedTuple):
    """Where the surface lies in the space of the p parameters.

    Attributes
    ----------
    origin : Array of shape (p,)
    directions : Array of shape (2, p)
        Unit vectors, at right angles.
    labels : tuple of str
        Of the two axes.
    note : str
        What the picture leaves out.
    """

    origin: Array
    directions: Array
    labels: tuple[str, str]
    note: str

    def place(self, values: Any) -> Array:
        """The coordinates of vectors of parameters, (k, p) to (k, 2): their projection."""
        placed: Array = (np.asarray(values, np.float64) - self.origin) @ self.directions.T
        return placed

    def at(self, a: float, b: float) -> Array:
        """The vector of parameters at these coordinates."""
        point: Array = self.origin + a * self.directions[0] + b * self.directions[1]
        return point


def loss_surface(
    model: Any,
    x: Any,
    y: Any,
    parameters: Any = None,
    paths: Any = None,
    ax: Axes | None = None,
    sample_weight: Any = None,
    ranges: Any = None,
    points: int = 41,
    colorbar: bool = True,
) -> Axes:
    """Contours of the loss over two parameters, with the ways that trainings took.

    Parameters
    ----------
    model : Sequential
        Built and compiled. It does not change.
    x, y, sample_weight : as in `Model.evaluate`, in memory
    parameters : two of str or int, or "path"
        Two names such as ``("dense.W[0, 0]", "dense.b[0]")``, or places in ``model.parameters.values``; all
        others stay as the model has them. Or "path": the plane of the first two principal directions of
        the paths. By default both parameters of a model that has two, otherwise "path".
    paths : dict of str to WeightRecord, or WeightRecord, optional
        Each training's record, by name.
    ax : Axes, optional
        By default those of a new figure.
    ranges : two pairs of float, optional
        ``((low, high), (low, high))`` of the axes; by default around the paths or the model's values.
    points : int from 5, default 41
        Of the grid, in each direction.
    colorbar : bool, default True

    Returns
    -------
    Axes
        Its title says what the picture leaves out.

    Raises
    ------
    ArgumentError
        If there is no such parameter, or a path is of another model.
    NotReadyError
        If the model is not compiled or not built.
    MissingPackageError
        If matplotlib is not installed.

    Warns
    -----
    UserWarning
        If some of many rows are taken.

    Notes
    -----
    Of a model with two parameters it is the surface itself, and paths lie on it. With more, a path is
    projected: the loss of the surface below it is not that of the training. Steps of the colour are
    narrower near the least loss.

    References
    ----------
    Li, Xu, Taylor, Studer and Goldstein, Visualizing the loss landscape of neural nets, 2018 (for "path").

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], seed=0)
    >>> model.compile(mlp.optimizers.SGD(0.1), "mse")
    >>> x, y, record = [[0.0], [1.0]], [1.0, 3.0], mlp.callbacks.WeightRecord()
    >>> history = model.fit(x, y, epochs=20, batch_size="full", callbacks=[record], verbose=0)
    >>> ax = mlp.plots.loss_surface(model, x, y, paths=record)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('dense.W[0, 0]', 'dense.b[0]')
    """
    network = network_of(model)
    require(is_integer(points) and points >= 5, "points", points, "an integer of at least 5")
    require_bool("colorbar", colorbar)
    return draw(network, x, y, parameters, paths, ax, sample_weight, ranges, points, colorbar, stacklevel=3)


def draw(
    network: Sequential,
    x: Any,
    y: Any,
    parameters: Any,
    paths: Any,
    ax: Axes | None,
    sample_weight: Any = None,
    ranges: Any = None,
    points: int = 41,
    colorbar: bool = True,
    held: str = "as the model has them",
    names: bool = True,
    stacklevel: int = 2,
) -> Axes:
    """`loss_surface` of checked arguments.

    Parameters
    ----------
    held : str
        How the title calls the parameters that are not drawn.
    names : bool, default True
        Whether the legend names the paths, or only where they start.
    stacklevel : int
        That of a warning.
    """
    ways = paths_of(paths, network)
    plane = plane_of(network, parameters, ways, held)
    span = _ranges(ranges, plane, ways, network)
    landscape = Landscape(network, x, y, sample_weight)
    most = max(FEWEST_ROWS, int(BUDGET / (network.count_params() * points**2)))
    count, note = len(landscape), plane.note
    if landscape.keep_at_most(most):
        note = f"{note}\nover {most:,} of {count:,} rows".strip()
        warnings.warn(
            f"the surface is drawn over {most:,} of the {count:,} rows, taken at random, which is fast; for "
            f"more of them give fewer points than {points}, or for others a part of x and y",
            stacklevel=stacklevel,
        )
    ax = style.axes(ax, figsize=(6.4, 4.8))
    _draw_surface(ax, landscape, plane, span, points, ways, colorbar, title_of("loss", network))
    _draw_paths(ax, plane, ways, names)
    ax.set_xlabel(plane.labels[0])
    ax.set_ylabel(plane.labels[1])
    ax.set_title(note, fontsize="small", color=style.GREY)
    style.tidy(ax, grid=False)
    return ax


def paths_of(paths: Any, network: Sequential) -> dict[str, Array]:
    """The paths by name, each of shape (k, p)."""
    if paths is None:
        return {}
    named = paths if isinstance(paths, Mapping) else {"": paths}
    found = {}
    for name, record in named.items():
        _, values = recorded(record, network, "paths")
        found[str(name)] = np.array(values, np.float64)
    return found


def plane_of(
    network: Sequential, parameters: Any, paths: dict[str, Array], held: str = "as the model has them"
) -> Plane:
    """The plane that `parameters` means; `held` says where the others are."""
    count = network.count_params()
    if parameters is None:
        parameters = (0, 1) if count == 2 else "path"
        hint = f"two of the {count} parameters, such as {name_of(network, 0)!r}, or 'path' and the paths"
        require(count == 2 or bool(paths), "parameters", None, hint)
    if isinstance(parameters, str):
        require(parameters == "path", "parameters", parameters, "two names of parameters, or 'path'")
        require(bool(paths), "paths", None, "WeightRecords, for parameters='path'")
        return _principal_plane(np.concatenate(list(paths.values())))
    both = list(parameters) if np.iterable(parameters) else []
    require(len(both) == 2, "parameters", parameters, "two names of parameters, or 'path'")
    first, second = (find_parameter(network, one) for one in both)
    require(first != second, "parameters", parameters, "two different ones")
    origin = network.parameters.values.astype(np.float64)
    origin[[first, second]] = 0.0
    directions = np.zeros((2, count))
    directions[0, first] = directions[1, second] = 1.0
    others = f"the other {count - 2} parameters {held}" if count > 2 else ""
    return Plane(origin, directions, (name_of(network, first), name_of(network, second)), others)


def _principal_plane(values: Array) -> Plane:
    from sklearn.decomposition import PCA

    count = len(np.unique(values, axis=0))
    require(count > 2, "paths", f"{count} points", "three different ones or more; or name two parameters")
    found = PCA(2, random_state=0).fit(values)
    shares = found.explained_variance_ratio_
    labels = (
        f"first principal direction ({shares[0]:.1%} of the variance)",
        f"second principal direction ({shares[1]:.1%})",
    )
    note = f"in the plane in which {shares.sum():.1%} of the variance of the path lies"
    return Plane(found.mean_, found.components_, labels, note)


def find_parameter(network: Sequential, wanted: Any) -> int:
    """The place of a parameter in the flat vector, by its name or its place."""
    parameters, count = network.parameters, network.count_params()
    if is_integer(wanted):
        require(-count <= wanted < count, "parameters", wanted, f"a place among {count}")
        return int(wanted) % count
    parts = re.fullmatch(r"\s*(.+?)\s*(?:\[([-\d,\s]*)\])?\s*", wanted) if isinstance(wanted, str) else None
    path = parts[1] if parts else ""
    known = ", ".join(f"{n} {s}" for n, s in zip(parameters.names, parameters.shapes, strict=True))
    expected = f"an element of {known}, such as {name_of(network, 0)!r}"
    require(path in parameters.names, "parameters", wanted, expected)
    k = parameters.names.index(path)
    shape = parameters.shapes[k]
    index = [int(number) for number in (parts[2] or "").split(",") if number.strip()] if parts else []
    index = index or [0] * len(shape) * (int(np.prod(shape)) == 1)
    inside = len(index) == len(shape) and all(-s <= i < s for i, s in zip(index, shape, strict=True))
    require(inside, "parameters", wanted, f"an element of {path}, which has the shape {shape}")
    return int(parameters.slices[k].start + np.arange(int(np.prod(shape))).reshape(shape)[tuple(index)])


def name_of(network: Sequential, place: int) -> str:
    """The name of a parameter by its place, as in "dense.W[0, 0]"."""
    parameters = network.parameters
    k = next(k for k, one in enumerate(parameters.slices) if one.start <= place < one.stop)
    index = np.unravel_index(place - parameters.slices[k].start, parameters.shapes[k])
    return f"{parameters.names[k]}[{', '.join(map(str, map(int, index)))}]"


def _ranges(ranges: Any, plane: Plane, paths: dict[str, Array], network: Sequential) -> Array:
    """Low and high ends of both axes, shape (2, 2)."""
    if ranges is not None:
        try:
            span = np.asarray(ranges, np.float64)
        except (TypeError, ValueError):
            span = np.empty(0)
        fits = (
            span.shape == (2, 2) and bool(np.isfinite(span).all()) and bool((span[:, 0] < span[:, 1]).all())
        )
        require(fits, "ranges", ranges, "((low, high), (low, high)), one pair for each axis")
        return span
    if not paths:
        middle = plane.place(network.parameters.values[None])[0]
        half = np.maximum(1.0, 1.5 * np.abs(middle))
        return np.stack([middle - half, middle + half], axis=1)
    placed = plane.place(np.concatenate(list(paths.values())))
    placed = placed[np.isfinite(placed).all(axis=1)]
    low, high = placed.min(axis=0), placed.max(axis=0)
    extent = np.maximum(high - low, 0.1 * (high - low).max())  # not a strip
    extent[extent == 0] = 1.0
    middle = (low + high) / 2
    return np.stack([middle - 0.85 * extent, middle + 0.85 * extent], axis=1)


def _draw_surface(
    ax: Axes, landscape: Landscape, plane: Plane, span: Array, points: int, paths: dict[str, Array],
    colorbar: bool, title: str,
) -> None:  # fmt: skip
    from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap

    A, B = (np.linspace(low, high, points) for low, high in span)
    losses = np.array([[landscape(plane.at(a, b)) for a in A] for b in B])
    starts = [landscape(plane.at(*plane.place(values[:1])[0])) for values in paths.values()]
    finite = losses[np.isfinite(losses)]
    if not len(finite):
        raise ArgumentError("the loss is infinite on the whole surface: give ranges nearer to the minimum")
    low, high = float(finite.min()), float(finite.max())
    highest = [1.25 * start for start in starts if np.isfinite(start)] or [float(np.quantile(finite, 0.9))]
    high = min(high, max(highest)) if max(highest) > low else high
    levels = low + (high - low) * np.linspace(0, 1, LEVELS) ** 2  # even rings around a parabola's minimum
    if high <= low:  # a flat surface
        levels = low + np.linspace(0, 1, 3) * max(abs(low), 1.0)
    greys = LinearSegmentedColormap.from_list("surface", ["#FFFFFF", "#DDE3E9", "#9AA7B4"])
    norm = BoundaryNorm(levels, 256)
    shown = np.where(np.isfinite(losses), losses, finite.max())
    filled = ax.contourf(A, B, shown, levels, cmap=greys, norm=norm, extend="max")
    ax.contour(A, B, shown, levels[1:], colors=style.GREY, linewidths=0.6, alpha=0.8)
    if colorbar:
        ticks = levels[:: max(1, len(levels) // 6)]
        bar = ax.figure.colorbar(filled, ax=ax, label=title, ticks=ticks)
        bar.ax.minorticks_off()
        bar.ax.set_yticklabels(_distinct(ticks))
        bar.outline.set_visible(False)
    ax.set_xlim(*span[0])
    ax.set_ylim(*span[1])


def _distinct(numbers: Array) -> list[str]:
    """The numbers with as many digits as tell them apart."""
    for digits in (2, 3, 4, 5):
        texts = [style.number(number, digits) for number in numbers]
        if len(set(texts)) == len(texts):
            break
    return texts


def _draw_paths(ax: Axes, plane: Plane, paths: dict[str, Array], names: bool) -> None:
    for k, (name, values) in enumerate(paths.items()):
        placed = plane.place(values)
        colour, marker = style.RUNS[k % len(style.RUNS)], style.MARKERS[k % len(style.MARKERS)]
        few = len(placed) <= 60
        look: dict[str, Any] = (
            {"markersize": 3, "linewidth": 1.4} if few else {"markersize": 4, "linewidth": 0.9}
        )
        every = 1 if few else len(placed) // 20  # of a long path some, which tell it from others in grey
        ax.plot(*placed.T, color=colour, marker=marker, label=name or None, markevery=every, **look)
        ax.plot(*placed[-1], marker, color=colour, markeredgecolor="white", markersize=9, zorder=4 + k)
    if paths:
        start = plane.place(next(iter(paths.values()))[:1])[0]
        look = {"color": "white", "markeredgecolor": style.INK, "markersize": 8, "zorder": 3.5}
        ring = ax.plot(*start, "o", label="start", **look)
        options: dict[str, Any] = {} if names else {"handles": ring}
        style.legend(ax, **options)
