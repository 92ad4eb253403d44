"""The net as the lecture draws it: circles for units, lines for weights."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlp.inspection.network import network_of
from mlp.naming import is_integer, require, require_bool, require_one_of
from mlp.plots import style
from mlp.plots.columns import (
    MOST_COLUMNS,
    Column,
    choose_units,
    columns_of,
    fewer,
    outputs,
    skip_of,
    steps_of,
    traced,
)
from mlp.plots.nodes import Nodes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mlp.inspection.trace import Trace

MOST = 12  # units of a column, unless they are asked for


def network(
    model: Any,
    x: Any = None,
    trace: Trace | None = None,
    row: int | str = 0,
    names: Sequence[str] | None = None,
    most: int | None = None,
    edges: str = "W",
    bias: bool = True,
    numbers: bool | str = "auto",
    ax: Axes | None = None,
) -> Axes:
    """Draw the net: a circle for each unit, a line for each weight, as thick as the weight is large.

    Lines are orange where the weight is positive, blue and broken where it is negative. With `x` the
    circles are filled by what their units put out, and with `trace` they also show their deltas.

    Parameters
    ----------
    model : Sequential or fitted estimator
    x : array-like, optional
        One row of inputs, or several of which `row` is one.
    trace : Trace, optional
        What ``model.trace(x, y)`` returned; instead of `x`. The weights are then those of the trace.
    row : int or "mean", default 0
        Which row. Of a trace also all together: the mean of each output and the sum of each delta,
        which is ∂L/∂b.
    names : sequence of str, optional
        Of the inputs; by default x1, x2 …
    most : int, optional
        Draw that many units of a layer at most, by default 12 with a warning: those with the largest sum
        of |weights| to the next one, and of the outputs the first.
    edges : {"W", "dW"}, default "W"
        What the lines show: the weights or, with a trace, the gradients ∂L/∂W.
    bias : bool, default True
        Draw each bias as the weight of a further input, which is always 1; not beside a column that is
        not drawn whole.
    numbers : bool or "auto", default "auto"
        Write the numbers at lines and circles; "auto" does so in small nets.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    NotReadyError
        If the model is not built.
    ArgumentError
        If an argument cannot be used.
    MissingPackageError
        If matplotlib is not installed.

    Warns
    -----
    UserWarning
        If units are left out without `most` saying so, or there is a layer whose inner lines cannot be
        drawn. A box for each layer, however many units it has, is drawn by `mlp.utils.plot_model`.

    Notes
    -----
    Layers without weights from unit to unit (dropout, normalization …) stand upright between the columns.
    The input of a `Residual` goes over it in an arc, to the plus where it is added. Of very deep nets the
    first and the last six columns are drawn, with a warning.

    Examples
    --------
    >>> import mlp
    >>> from mlp.layers import Dense
    >>> model = mlp.Sequential([Dense(3, "tanh", input_shape=(2,)), Dense(1, "sigmoid")], seed=0)
    >>> ax = mlp.plots.network(model, x=[0.5, -1.0], names=["width", "height"])
    >>> ax.get_title()
    'Network of 13 parameters'
    """
    net = network_of(model)
    require(x is None or trace is None, "x", x, "left out where a trace is given")
    fits = trace is None or (hasattr(trace, "X") and hasattr(trace, "layers"))
    require(fits, "trace", trace, "what model.trace(x, y) returns")
    require(most is None or (is_integer(most) and most > 1), "most", most, "an integer above 1")
    require_one_of("edges", edges, ("W", "dW"))
    require(edges == "W" or trace is not None, "edges", edges, '"W" unless a trace is given')
    require_bool("bias", bias)
    require(isinstance(numbers, bool) or numbers == "auto", "numbers", numbers, 'True, False or "auto"')
    steps = list(steps_of(net.layers))
    columns = columns_of(net, steps)
    labels = style.names_of(names, columns[0].size, "names", "x")
    choose_units(columns, MOST if most is None else int(most))
    if trace is not None:
        traced(trace, columns, steps, row)
    elif x is not None:
        found = outputs(net, steps, x, row)  # type: ignore[arg-type]
        for column in columns:
            column.out = found[column.end]
    if edges == "dW":
        _take_gradients(columns, trace)
    classes = getattr(model, "classes_", None)
    ends = [str(name) for name in classes] if classes is not None and len(classes) == columns[-1].size else []
    skips = [skip_of(columns, step, k) for k, step in enumerate(steps) if step.adds]
    if len(columns) > MOST_COLUMNS + 1:
        warnings.warn(
            f"the first and the last {MOST_COLUMNS // 2} of {len(columns)} columns are drawn; "
            "mlp.utils.plot_model draws a box for each layer",
            UserWarning,
            stacklevel=2,
        )
        columns, skips = fewer(columns, skips)
    _warn_of_left_out(columns, most is None)
    picture = Nodes(columns, skips, bias, numbers, edges)
    picture.draw(ax, labels, ends)
    picture.ax.set_title(f"Network of {net.count_params():,} parameters", color=style.INK)
    return picture.ax


def _take_gradients(columns: Sequence[Column], trace: Any) -> None:
    for column in columns:
        if column.path:
            gradients = trace[column.path].gradients
            column.W, column.b = gradients.get("dW"), gradients.get("db")
            column.bundle = "" if column.W is not None else "frozen"


def _warn_of_left_out(columns: Sequence[Column], by_default: bool) -> None:
    for column in columns:
        if column.left_out and by_default:
            name = column.title.partition("\n")[0]
            first = column.shown[-1] == len(column.shown) - 1
            which = "the first" if first else "those with the largest weights"
            warnings.warn(
                f"{len(column.shown)} of the {column.size:,} units of {name!r} are drawn, {which}; most= "
                "sets how many, mlp.plots.weight_images shows all weights of a layer, and "
                "mlp.utils.plot_model draws a box for each layer",
                UserWarning,
                stacklevel=3,
            )
        if column.bundle and column.bundle != "frozen" and not column.bundle.endswith("left out"):
            warnings.warn(
                f"{column.bundle} is drawn as one bundle of lines; mlp.utils.plot_model shows what is in it",
                UserWarning,
                stacklevel=3,
            )
