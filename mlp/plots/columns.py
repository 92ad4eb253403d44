"""The columns of units that `plots.network` draws, and what their units put out, for one row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.layers import Layer, Residual
from mlp.naming import is_integer, require, snake_case

if TYPE_CHECKING:
    from mlp.inspection.trace import Trace
    from mlp.sequential import Sequential

MOST_COLUMNS = 12


@dataclass
class Column:
    """Units that stand below each other: the inputs, or the outputs of a layer.

    Attributes
    ----------
    W : Array of shape (units of the column before, size) or None
        None if what leads here are no weights from unit to unit.
    bundle : str
        What stands then in the place of the lines: the kind of the layer, "frozen" …
    path : str
        The name of the layer in a trace; empty where it has no such weights.
    between : list of str
        The layers after it that change no number of units: "Dropout 0.2" …
    shown : Array of int
        Which of its units are drawn.
    end : int
        How many steps of the network are done when these units put out what they do.
    """

    size: int
    title: str
    W: Array | None = None
    b: Array | None = None
    bundle: str = ""
    path: str = ""
    between: list[str] = field(default_factory=list)
    out: Array | None = None
    delta: Array | None = None
    shown: Array = field(default_factory=lambda: np.empty(0, np.intp))
    end: int = 0

    @property
    def left_out(self) -> int:
        """How many of its units are not drawn."""
        return self.size - len(self.shown)


@dataclass
class Step:
    """A layer, or the end of a `Residual`, where its input is added to what came out of it."""

    layer: Layer
    path: str
    adds: bool = False
    begins: int = -1


def steps_of(layers: Sequence[Layer], prefix: str = "", before: int = 0) -> Iterator[Step]:
    """The layers in order, with those of a `Residual` in its place and its sum behind them."""
    count = before
    for layer in layers:
        path = f"{prefix}{layer.name}"
        if isinstance(layer, Residual):
            inner = list(steps_of(layer.layers, f"{path}.", count))
            yield from inner
            yield Step(layer, path, True, count)
            count += len(inner) + 1
        else:
            yield Step(layer, path)
            count += 1


def columns_of(network: Sequential, steps: Sequence[Step]) -> list[Column]:
    """The columns of a network, the inputs first."""
    inputs = math.prod(network.input_shape or ())
    columns = [Column(inputs, f"inputs\n{inputs:,}")]
    for k, step in enumerate(steps):
        layer, below = step.layer, columns[-1]
        size, W = math.prod(layer.output_shape), getattr(layer, "W", None)
        if step.adds:
            below.end = k + 1
        elif isinstance(W, np.ndarray) and W.shape == (below.size, size):
            name = snake_case(type(layer.activation).__name__)
            title = f"{step.path}\n{size:,} × {name}"
            columns.append(Column(size, title, W, getattr(layer, "b", None), "", step.path, end=k + 1))
        elif size != below.size or layer.children or isinstance(W, np.ndarray):
            kind = type(layer).__name__
            columns.append(Column(size, f"{step.path}\n{size:,} outputs", bundle=kind, end=k + 1))
        else:
            below.between.append(caption(layer))
            below.end = k + 1
    return columns


def fewer(columns: list[Column], skips: list[tuple[int, int]]) -> tuple[list[Column], list[tuple[int, int]]]:
    """The first and the last columns of a deep network, and the arcs from one of them to another."""
    half = MOST_COLUMNS // 2
    kept = [*range(half), *range(len(columns) - half, len(columns))]
    gap = f"{len(columns) - len(kept)} layers\nleft out"
    after = replace(columns[-half], W=None, b=None, bundle=gap)
    places = {k: place for place, k in enumerate(kept)}
    arcs = [(places[a], places[b]) for a, b in skips if a in places and b in places]
    return [*columns[:half], after, *columns[1 - half :]], arcs


def skip_of(columns: Sequence[Column], step: Step, k: int) -> tuple[int, int]:
    """From which column to which the arc of a `Residual` leads, whose sum is step k."""
    first = next(c for c, column in enumerate(columns) if column.end >= step.begins)
    last = next(c for c, column in enumerate(columns) if column.end > k)
    return first, last


def caption(layer: Layer) -> str:
    """What is written about a layer without weights from unit to unit, such as "Dropout 0.2"."""
    kind = type(layer).__name__
    if kind == "Activation":
        return snake_case(type(layer.activation).__name__)
    rate = getattr(layer, "rate", None)
    return f"{kind} {rate:g}" if isinstance(rate, int | float) else kind


def outputs(network: Sequential, steps: Sequence[Step], x: Any, row: int) -> list[Array]:
    """What has come out after 0, 1, 2 … steps for one row of x."""
    x = np.asarray(x)
    shape = network.input_shape or ()
    rows = network.as_inputs(x[None] if x.shape == shape else x)
    inside = is_integer(row) and -len(rows) <= row < len(rows)
    require(inside, "row", row, f"the number of one of the {len(rows)} rows of x")
    found = [rows[row : row + 1 or None].copy()]
    with network.lock:
        for step in steps:
            X = found[-1]
            found.append(X + found[step.begins] if step.adds else step.layer.forward(X, False).copy())
    return [out.reshape(-1) for out in found]


def traced(trace: Trace, columns: Sequence[Column], steps: Sequence[Step], row: int | str) -> None:
    """Give the columns their outputs, deltas and weights from a trace, of one row or all together."""
    rows, whole = len(trace.X), row == "mean"
    inside = whole or (is_integer(row) and -rows <= int(row) < rows)
    require(inside, "row", row, f'the number of one of the {rows} rows of the trace, or "mean"')
    try:
        found = _outputs_of(trace, steps)
        layers = {column.path: trace[column.path] for column in columns if column.path}
    except ArgumentError as error:
        raise ArgumentError("trace must be of this model: use model.trace(x, y)") from error
    for column in columns:
        out = found[column.end]
        column.out = None if out is None else _row_of(out, row)
        if column.path:
            layer = layers[column.path]
            W, delta = layer.parameters.get("W"), layer.delta
            mine = column.W is not None and W is not None and W.shape == column.W.shape
            require(mine, "trace", trace, "of this model, such as model.trace(x, y) returns")
            column.W, column.b = W, layer.parameters.get("b")
            if delta is not None:
                column.delta = delta.sum(axis=0) if whole else _row_of(delta, row)


def _outputs_of(trace: Trace, steps: Sequence[Step]) -> list[Array | None]:
    """What has come out after 0, 1, 2 … steps for all rows; None where a trace does not have it."""
    found: list[Array | None] = [trace.X]
    for k, step in enumerate(steps):
        if step.adds:
            X, out = found[step.begins], found[-1]
            found.append(None if X is None or out is None else X + out)
        elif step.layer.children:  # what it puts out is what enters the next
            above = next((other for other in steps[k + 1 : k + 2] if not other.adds), None)
            found.append(None if above is None else trace[_first_leaf(above)].X)
        else:
            found.append(trace[step.path].out)
    return found


def _first_leaf(step: Step) -> str:
    """The name in a trace of the layer, or of the first in it."""
    return step.path + step.layer.leaves()[0][0].removeprefix(str(step.layer.name))


def _row_of(values: Array, row: int | str) -> Array:
    """One row, or the mean of all, as a vector."""
    found: Array = values.mean(axis=0) if isinstance(row, str) else values[row]
    return found.reshape(-1)


def choose_units(columns: Sequence[Column], most: int) -> None:
    """Set which units of each column are drawn: all, or of the inner ones those of the largest weights.

    A unit counts by the sum of its |weights| to the next column, or from the one before where there are none.
    """
    for column, above in zip(columns, [*columns[1:], None], strict=True):
        column.shown = np.arange(min(column.size, most))
        if column.size <= most or above is None:
            continue
        if above.W is not None:
            strength = np.abs(above.W).sum(axis=1)
        elif column.W is not None:
            strength = np.abs(column.W).sum(axis=0)
        else:
            continue
        strongest = np.argpartition(-strength, most - 1)[:most]
        column.shown = np.sort(strongest)
