"""How weights, activations and deltas are distributed: by layer, and by layer and epoch."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlp.inspection.network import network_of, weights_set
from mlp.inspection.trace import trace
from mlp.layers import stack
from mlp.naming import require, require_one_of, snake_case
from mlp.plots import style
from mlp.plots.runs import recorded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mlp.arrays import Array
    from mlp.sequential import Sequential

MOST_LAYERS, MOST_PANELS, MOST_EPOCHS = 30, 8, 60
MOST_NUMBERS = 20_000_000  # of all layers, for all rows
BINS = 70
OUTLIERS = (0.002, 0.998)  # quantiles of a layer beyond which its numbers fall into the outermost bins
SOME_ZEROS = 0.0005  # share from which on they are said: less would be written as 0.0%
# what is drawn: the axis, and whether it is that of absolute values, by powers of ten
KINDS = {
    "deltas": ("|δ| = |∂L/∂net|", True),
    "gradients": ("|dW| = |∂L/∂W|", True),
    "updates": ("|ΔW|, the next step of the optimizer", True),
    "weights": ("weight W", False),
    "activations": ("output f(net)", False),
    "nets": ("net activation X W + b", False),
}


class Spread(NamedTuple):
    """The numbers of one layer, and what the histogram leaves out."""

    numbers: Array
    zeros: float
    wrong: int

    @property
    def median(self) -> float:
        """Of the numbers that are drawn; NaN if there are none."""
        return float(np.median(self.numbers)) if self.numbers.size else np.nan

    def left_out(self) -> list[str]:
        """What is said about the numbers that the histogram does not have."""
        said = []
        if self.zeros >= SOME_ZEROS:
            said.append("all are 0" if self.zeros == 1 else f"{self.zeros:.1%} are 0")
        if self.wrong:
            said.append(f"{self.wrong:,} not finite")
        return said

    def says(self) -> str:
        """What stands beside the histogram."""
        median = [f"median {style.number(self.median)}"] if self.numbers.size else []
        return "\n".join(median + self.left_out())


def histograms(
    model: Any,
    x: Any = None,
    y: Any = None,
    what: str = "deltas",
    record: Any = None,
    layers: Any = None,
    sample_weight: Any = None,
) -> Figure:
    """Deltas, weights, activations … of each layer, and with a `WeightRecord` of each epoch too.

    Of deltas, gradients and updates it is the absolute value, by powers of ten: where they vanish
    from layer to layer, the histograms move to the left.

    Parameters
    ----------
    model : Sequential or fitted estimator
        A `Sequential` is built and compiled; for the weights it need not be compiled. It does not change.
    x, y, sample_weight : as in `Model.train_on_batch`
        The rows that are traced; weights need none.
    what : {"deltas", "gradients", "updates", "weights", "activations", "nets"}, default "deltas"
    record : WeightRecord, optional
        Of a training of this model: then a panel for each layer, epochs to the right, the darkest
        where most of its numbers are and a line at their median.
    layers : list of str, optional
        Names of the layers to draw; by default all that have such numbers, of very deep nets some.

    Returns
    -------
    Figure

    Raises
    ------
    ArgumentError
        If an argument cannot be used, or no layer has such numbers.
    NotReadyError
        If the model is not built, or not compiled.
    MissingPackageError
        If matplotlib is not installed.

    Warns
    -----
    UserWarning
        If some of very many rows are traced, or some of very many layers drawn.

    Notes
    -----
    It is one pass as in training, dropout included. Zeros have no logarithm, and the many of a ReLU would
    hide all else: beside the histogram stands how many there are, and it is of the others. Each histogram
    has its own height. Gradients, updates and weights are those of matrices, or if a layer has none of
    all its parameters. Updates of earlier epochs are those that the optimizer would make in its present
    state.

    Examples
    --------
    >>> import mlp
    >>> import numpy as np
    >>> hidden = [mlp.layers.Dense(8, "sigmoid") for _ in range(4)]
    >>> model = mlp.Sequential([mlp.layers.Input(2), *hidden, mlp.layers.Dense(1)], seed=0)
    >>> model.compile("sgd", "mse")
    >>> x = np.random.default_rng(0).normal(size=(50, 2))
    >>> ax = mlp.plots.histograms(model, x, x[:, 0]).axes[0]
    >>> ax.get_xscale(), len(ax.get_yticks())
    ('log', 5)
    """
    require_one_of("what", what, KINDS)
    network = network_of(model)
    title, log = KINDS[what]
    epochs, steps = ([], []) if record is None else _some_epochs(*recorded(record, network))
    rows = None if what == "weights" else _rows(network, x, y, sample_weight)
    found = _numbers(network, rows, what)
    why = " (the loss is not finite, or the optimizer is a solver)" if what == "updates" else ""
    require(bool(found), "what", what, f"something that a layer of the model has; none has {what}{why}")
    names = _names(list(found), layers, MOST_LAYERS if record is None else MOST_PANELS)
    kinds = _kinds(network, names)
    if record is None:
        return _by_layer({name: _spread(found[name], log) for name in names}, kinds, title, log)
    spreads: dict[str, list[Spread]] = {name: [] for name in names}
    for values in steps:
        with weights_set(network, values):
            found = _numbers(network, rows, what)
        for name in names:
            spreads[name].append(_spread(found[name], log))
    return _by_epoch(spreads, epochs, kinds, title, log)


def _rows(network: Sequential, x: Any, y: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
    require(x is not None and y is not None, "x and y", None, "the rows to trace; only weights need none")
    widths = sum(int(np.prod(layer.output_shape)) for layer in network.layers)
    count, most = len(x) if hasattr(x, "__len__") else 0, max(100, MOST_NUMBERS // widths)
    if count <= most:
        return x, y, sample_weight
    warnings.warn(
        f"the histograms are of {most:,} of the {count:,} rows, taken at random: that is enough; for others "
        "give a part of x and y",
        stacklevel=3,
    )
    drawn = np.sort(np.random.default_rng(0).choice(count, most, replace=False))
    x, y, sample_weight = (
        None if part is None else np.asarray(part)[drawn] for part in (x, y, sample_weight)
    )
    return x, y, sample_weight


def _numbers(network: Sequential, rows: Any, what: str) -> dict[str, Array]:
    """The numbers by layer."""
    found: dict[str, list[Array]] = {}
    if what == "weights":
        parameters = network.parameters
        parts = zip(parameters.names, parameters.slices, parameters.shapes, strict=True)
        for name, place, shape in parts:
            value = parameters.values[place].reshape(shape).copy()
            found.setdefault(name.rpartition(".")[0], []).append(value)
        return {name: _matrices(values) for name, values in found.items()}
    for layer in trace(network, *rows):
        if what in ("gradients", "updates"):
            values = list((layer.gradients if what == "gradients" else layer.updates).values())
        else:
            one = {"deltas": layer.delta, "activations": layer.out, "nets": layer.net}[what]
            # what only hands on or drops has nothing of its own
            own = layer.net is not None
            values = [one] if one is not None and own else []
        if values:
            found[layer.name] = values
    return {name: _matrices(values) for name, values in found.items()}


def _matrices(values: list[Array]) -> Array:
    chosen = [value for value in values if value.ndim > 1] or values
    return np.concatenate([value.ravel() for value in chosen]).astype(np.float64)


def _spread(numbers: Array, log: bool) -> Spread:
    good = numbers[np.isfinite(numbers)]
    zeros = float(np.mean(good == 0)) if good.size else 0.0
    if log or zeros > 0.05:
        good = good[good != 0]
    return Spread(np.abs(good) if log else good, zeros, int(numbers.size - np.isfinite(numbers).sum()))


def _names(known: list[str], wanted: Any, most: int) -> list[str]:
    if wanted is not None:
        names = [wanted] if isinstance(wanted, str) else list(wanted) if np.iterable(wanted) else [wanted]
        for name in names:
            own = isinstance(name, str) and name in known
            require(own, "layers", name, f"among those that have such numbers: {', '.join(known)}")
        require(len(names) > 0, "layers", wanted, "a list of names")
        return names
    if len(known) <= most:
        return known
    warnings.warn(
        f"{most} of the {len(known)} layers are drawn, evenly chosen; give layers=[...] for others",
        stacklevel=3,
    )
    return [known[k] for k in np.linspace(0, len(known) - 1, most).round().astype(int)]


def _kinds(network: Sequential, names: list[str]) -> list[str]:
    """What stands beside each layer's histogram: its name and its activation."""
    leaves = dict(stack.leaves(network.layers))
    said = []
    for name in names:
        function = snake_case(type(leaves[name].activation).__name__)
        said.append(name if function == "linear" else f"{name}\n{function}")
    return said


def _some_epochs(epochs: list[int], values: list[Array]) -> tuple[list[int], list[Array]]:
    """All epochs, or of very many some that lie evenly."""
    require(len(epochs) > 1, "record", epochs, "of two epochs or more; train longer, or leave it out")
    chosen = np.unique(np.linspace(0, len(values) - 1, min(len(values), MOST_EPOCHS)).round().astype(int))
    return [epochs[k] for k in chosen], [values[k] for k in chosen]


def _edges(spreads: list[Spread], log: bool) -> Array:
    """The edges of the bins, common to all layers; far outliers fall into the outermost."""
    full = [spread.numbers for spread in spreads if spread.numbers.size]
    if not full:
        return np.geomspace(1e-3, 1, BINS + 1) if log else np.linspace(-1, 1, BINS + 1)
    low, high = np.quantile(full[0], OUTLIERS)
    for one in full[1:]:
        least, largest = np.quantile(one, OUTLIERS)
        low, high = min(low, least), max(high, largest)
    if log:
        return np.geomspace(max(low / 1.5, 1e-300), high * 1.5, BINS + 1)
    room = 0.05 * (high - low) or max(abs(high), 1.0)
    return np.linspace(low - room, high + room, BINS + 1)


def _counts(spread: Spread, edges: Array) -> Array:
    counts = np.histogram(np.clip(spread.numbers, edges[0], edges[-1]), edges)[0]
    shares: Array = counts / max(counts.max(), 1)
    return shares


def _few_ticks(ax: Axes, edges: Array) -> None:
    """Of an axis over a decade or two, which has numbers between the powers of ten too: those that fit."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    if edges[-1] < 50 * edges[0]:
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: style.number(value)))
        ax.xaxis.set_minor_locator(LogLocator(subs=range(1, 10)))
        ax.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))


def _by_layer(spreads: dict[str, Spread], kinds: list[str], title: str, log: bool) -> Figure:
    figure, grid = style.panels(figsize=(7.2, 1.3 + 0.62 * max(len(spreads), 2)))
    ax: Axes = grid[0, 0]
    edges, last = _edges(list(spreads.values()), log), len(spreads) - 1
    for k, spread in enumerate(spreads.values()):
        base = last - k
        ax.stairs(
            base + 0.85 * _counts(spread, edges), edges, baseline=base, fill=True, color=style.SKY,
            edgecolor=style.BLUE, linewidth=0.8, zorder=2,
        )  # fmt: skip
        if spread.numbers.size:
            ax.plot([spread.median] * 2, [base, base + 0.85], color=style.RED, linewidth=2, zorder=3)
        ax.axhline(base, color=style.FAINT, linewidth=0.8, zorder=1)
        beside = ax.get_yaxis_transform()
        ax.text(
            1.01, base + 0.4, spread.says(), transform=beside, va="center", fontsize="small", color=style.INK
        )
    if log:
        ax.set_xscale("log")
        _few_ticks(ax, edges)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(-0.1, last + 1)
    ax.set_yticks([last - k + 0.4 for k in range(last + 1)], kinds)
    ax.set_xlabel(title)
    style.tidy(ax)
    ax.grid(False, axis="y")
    ax.tick_params(axis="y", length=0)
    return figure


def _by_epoch(
    spreads: dict[str, list[Spread]], epochs: list[int], kinds: list[str], title: str, log: bool
) -> Figure:
    count = len(spreads)
    columns = count if count < 4 else -(-count // 2) if count <= 8 else 4
    rows = -(-count // columns)
    size = (1.2 + 2.7 * columns, 0.6 + 2.7 * rows)
    figure, grid = style.panels(rows, columns, sharex=True, sharey=True, figsize=size)
    edges = _edges([one for spread in spreads.values() for one in spread], log)
    middles = (np.array(epochs[1:]) + np.array(epochs[:-1])) / 2
    sides = np.concatenate([[epochs[0]], middles, [epochs[-1]]])
    for ax, spread, kind in zip(grid.flat, spreads.values(), kinds, strict=False):
        shares = np.array([_counts(one, edges) for one in spread])
        ax.pcolormesh(sides, edges, shares.T, cmap=style.SEQUENTIAL, vmin=0, vmax=1, rasterized=True)
        medians = [one.median for one in spread]
        ax.plot(epochs, medians, color=style.RED, linewidth=1.8, label="median")
        at_end = [f"{said} at the end" for said in spread[-1].left_out()]
        ax.set_title("\n".join([kind.replace("\n", ", "), *at_end]), fontsize="small", color=style.INK)
        if log:
            ax.set_yscale("log")
        ax.set_ylim(edges[0], edges[-1])
        style.tidy(ax, grid=False)
    for ax in grid.flat[count:]:
        ax.remove()
    style.legend(grid[0, 0])
    figure.supxlabel("epoch", fontsize="medium")
    figure.supylabel(title, fontsize="medium")
    return figure
