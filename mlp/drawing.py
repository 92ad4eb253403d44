"""A picture of a model: a box for each layer, arrows between them, drawn by matplotlib alone.

Lengths are in inches. The layout knows two directions, along the flow and across it, and only
`_Sheet` knows which of them is down the page.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlp.errors import NotReadyError
from mlp.layers import Layer, Residual
from mlp.naming import constructor_arguments, is_integer, require, require_one_of, snake_case

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mlp.sequential import Sequential

INK, PAPER, PANEL, EDGE = "#22303C", "#FFFFFF", "#F1F5F9", "#AEBCCA"
GREEN, RED = "#1B7F4B", "#B3352B"
ROW, GAP, PAD, MARGIN = 0.36, 0.42, 0.14, 0.2  # height of a row, between boxes, in cells, around all
TRUNK, SIDE, RADIUS = 0.5, 0.45, 0.15  # before and after branches, beside them, of a join
SIZE, SMALL = 11.0, 10.0  # of letters, in points
DIRECTIONS = ("TB", "BT", "LR", "RL")

Point = tuple[float, float]  # across, along


@dataclass(frozen=True)
class _Options:
    """What the boxes say, and which way the flow runs."""

    shapes: bool
    dtype: bool
    names: bool
    activations: bool
    trainable: bool
    blocks: bool
    rankdir: str

    @property
    def upright(self) -> bool:
        """Whether along is up or down."""
        return self.rankdir in ("TB", "BT")


def plot_model(
    model: Sequential,
    to_file: str | os.PathLike[str] | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = True,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> Figure:
    """Draw the layers of a built model as boxes, as Keras draws them but without Graphviz.

    Needs matplotlib: ``pip install mlp[plot]``.

    Parameters
    ----------
    model : Sequential
    to_file : path or None, default "model.png"
        Where the picture goes; the ending says in which format: png, svg, pdf. None writes nothing.
    show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable : bool, default False
        What the boxes say besides the class.
    rankdir : {"TB", "LR", "BT", "RL"}, default "TB"
        Which way the picture is read: TB from top to bottom, LR from left to right.
    expand_nested : bool, default True
        Draw `Residual` and `Concatenate` with their branches; in Keras False by default.
    dpi : int, default 200

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    NotReadyError
        If the model is not built yet.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(20, "relu", input_shape=(2,)), mlp.layers.Dense(1)])
    >>> figure = plot_model(model, to_file=None, show_shapes=True)  # doctest: +SKIP
    """
    require(isinstance(getattr(model, "layers", None), list), "model", model, "a Sequential")
    require_one_of("rankdir", rankdir, DIRECTIONS)
    require(is_integer(dpi) and dpi > 0, "dpi", dpi, "a positive integer")
    if not model.built:
        raise NotReadyError("the model is not built yet: give an input_shape, or call build() or fit()")
    options = _Options(
        show_shapes,
        show_dtype,
        show_layer_names,
        show_layer_activations,
        show_trainable,
        expand_nested,
        rankdir,
    )
    chain = _Chain(model.layers, options)
    sheet = _Sheet(chain.across, chain.along, options)
    chain.place(sheet, chain.across / 2, 0)
    if to_file is not None:
        file = os.fspath(to_file)
        sheet.figure.savefig(file, dpi=dpi, format=os.path.splitext(file)[1][1:] or "png")
    return sheet.figure


# what a box says


@dataclass
class _Cell:
    """A plain text, a bold one after it, and the colours."""

    plain: str
    bold: str = ""
    fill: str = PAPER
    colour: str = INK
    size: float = SMALL

    @property
    def width(self) -> float:
        """With the space around the texts."""
        return _width(self.plain, self.size) + _width(self.bold, self.size, "bold") + 2 * PAD


@functools.lru_cache(1024)  # the same few texts stand in many boxes
def _width(text: str, size: float, weight: str = "normal") -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    # a text path leaves out blanks at the end
    path = TextPath((0, 0), f"{text}|", size=size, prop=FontProperties(weight=weight))
    mark = TextPath((0, 0), "|", size=size, prop=FontProperties(weight=weight))
    return float(path.get_extents().x1 - mark.get_extents().x1) / 72


def _rows(layer: Layer, options: _Options) -> list[list[_Cell]]:
    """The title, the activation and the columns below them."""
    name, kind = str(layer.name), type(layer).__name__
    title = _Cell(f" ({kind})", name) if options.names else _Cell("", kind)
    rows = [[replace(title, fill=INK, colour=PAPER, size=SIZE)]]
    if options.activations and "activation" in constructor_arguments(type(layer)):
        rows.append([_Cell("Activation: ", snake_case(type(layer.activation).__name__))])
    columns = []
    if options.shapes:
        columns += [_Cell("Input shape: ", _shape(layer.input_shape))]
        columns += [_Cell("Output shape: ", _shape(layer.output_shape))]
    if options.dtype:
        columns += [_Cell("Output dtype: ", str(layer.dtype))]
    if options.trainable and layer.count_params():
        learns = layer.trainable
        word, fill = ("Trainable", GREEN) if learns else ("Non-trainable", RED)
        columns += [_Cell("", word, fill, PAPER)]
    return [*rows, columns] if columns else rows


def _shape(shape: Iterable[int] | None) -> str:
    return f"(None, {', '.join(map(str, shape or ()))})"


# the layout: each part knows its size and places itself around a middle line


class _Box:
    """One layer."""

    def __init__(self, layer: Layer, options: _Options) -> None:
        self.rows, self.options = _rows(layer, options), options
        self.height = ROW * len(self.rows)
        self.width = max(sum(cell.width for cell in row) for row in self.rows)

    @property
    def across(self) -> float:
        """Size across the flow."""
        return self.width if self.options.upright else self.height

    @property
    def along(self) -> float:
        """Size along the flow."""
        return self.height if self.options.upright else self.width

    def place(self, sheet: _Sheet, middle: float, start: float) -> None:
        """Draw it around the middle line, from `start` along the flow."""
        sheet.box(self.rows, (middle, start + self.along / 2), self.width, self.height)


class _Chain:
    """Layers one after the other."""

    def __init__(self, layers: Sequence[Layer], options: _Options) -> None:
        self.parts: list[_Box | _Block] = [_part(layer, options) for layer in layers]
        boxes = [part for part in self.parts if isinstance(part, _Box)]
        if options.upright:
            for box in boxes:
                box.width = max(other.width for other in boxes)
        self.across: float = max((part.across for part in self.parts), default=0.0)
        self.along: float = sum(part.along for part in self.parts) + GAP * max(len(self.parts) - 1, 0)

    @property
    def begins_with_box(self) -> bool:
        """Whether an arrow can end at it."""
        return bool(self.parts) and isinstance(self.parts[0], _Box)

    def place(self, sheet: _Sheet, middle: float, start: float) -> None:
        """Draw it around the middle line, from `start` along the flow."""
        for k, part in enumerate(self.parts):
            if k:
                sheet.line([(middle, start), (middle, start + GAP)], isinstance(part, _Box))
                start += GAP
            part.place(sheet, middle, start)
            start += part.along


class _Block:
    """Branches from one point to a join, on a panel; around the one of `Residual` the input passes by."""

    def __init__(self, layer: Layer, options: _Options) -> None:
        self.caption = _rows(layer, replace(options, shapes=False, activations=False))[0][0]
        self.caption = replace(self.caption, colour=INK, size=SMALL)
        self.skips = isinstance(layer, Residual)
        stacks = [layer.layers] if isinstance(layer, Residual) else getattr(layer, "branches", [])
        self.branches = [_Chain(stack, options) for stack in stacks]
        self.sign = "+" if self.skips else "‖"
        self.inner = sum(branch.across for branch in self.branches) + SIDE * (len(self.branches) - 1)
        self.headroom = 0.0 if options.upright else 0.75 * ROW  # the caption is above the panel
        self.head = 1.25 * ROW if options.upright else TRUNK / 2  # or in it, above the fork
        self.across: float = self.inner + 2 * (SIDE + self.headroom)
        if options.upright:
            self.across = max(self.across, 2 * self.caption.width)
        self.longest = max(branch.along for branch in self.branches)
        self.along: float = self.head + self.longest + 1.5 * TRUNK + 2 * RADIUS + GAP / 2

    def place(self, sheet: _Sheet, middle: float, start: float) -> None:
        """Draw it around the middle line, from `start` along the flow."""
        end = start + self.along
        fork = start + self.head
        top = fork + TRUNK / 2
        bottom = top + self.longest
        bus, join = bottom + TRUNK / 2, bottom + TRUNK + RADIUS
        sheet.panel(self.caption, middle, start, self.across - 2 * self.headroom, self.along)
        sheet.line([(middle, start), (middle, fork)])
        place = middle - self.inner / 2
        for branch in self.branches:
            own = place + branch.across / 2
            first = top + (self.longest - branch.along) / 2
            sheet.line([(middle, fork), (own, fork), (own, first)], branch.begins_with_box)
            branch.place(sheet, own, first)
            sheet.line([(own, first + branch.along), (own, bus), (middle, bus)])
            place += branch.across + SIDE
        sheet.line([(middle, bus), (middle, join - RADIUS)], True)
        if self.skips:
            beside = middle + self.inner / 2 + SIDE / 2
            sheet.line([(middle, fork), (beside, fork), (beside, join), (middle + RADIUS, join)], True)
        sheet.join(self.sign, (middle, join))
        sheet.line([(middle, join + RADIUS), (middle, end)])


def _part(layer: Layer, options: _Options) -> _Box | _Block:
    branched = isinstance(layer, Residual) or bool(getattr(layer, "branches", ()))
    return _Block(layer, options) if options.blocks and branched else _Box(layer, options)


# the drawing


class _Sheet:
    """A figure, and how across and along lie on it."""

    def __init__(self, across: float, along: float, options: _Options) -> None:
        from matplotlib.figure import Figure

        self.rankdir, self.upright, self.size = options.rankdir, options.upright, along
        width, height = (across, along) if self.upright else (along, across)
        self.figure = Figure((width + 2 * MARGIN, height + 2 * MARGIN))
        self.axes: Any = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(-MARGIN, width + MARGIN), ylim=(height + MARGIN, -MARGIN))
        self.axes.axis("off")

    def at(self, point: Point) -> Point:
        """Where a point lies, to the right and down."""
        across, along = point
        along = self.size - along if self.rankdir in ("BT", "RL") else along
        return (across, along) if self.upright else (along, across)

    def line(self, points: Sequence[Point], arrow: bool = False) -> None:
        """Draw straight lines from point to point, with a head at the last."""
        from matplotlib.patches import FancyArrowPatch
        from matplotlib.path import Path

        path = Path([self.at(point) for point in points])
        style = "-|>,head_length=5,head_width=2.6" if arrow else "-"
        patch = FancyArrowPatch(path=path, arrowstyle=style, color=INK, linewidth=1.3, zorder=2)
        patch.set(joinstyle="round")
        self.axes.add_patch(patch)

    def box(self, rows: Sequence[Sequence[_Cell]], centre: Point, width: float, height: float) -> None:
        """Draw a table with a round frame."""
        from matplotlib.patches import Rectangle

        x, y = self.at(centre)
        left, top = x - width / 2, y - height / 2
        frame = self.frame(left, top, width, height, facecolor=PAPER, edgecolor="none", zorder=3)
        for k, row in enumerate(rows):
            spare = (width - sum(cell.width for cell in row)) / len(row)
            corner = left
            for cell in row:
                size = cell.width + spare
                fill = Rectangle((corner, top + k * ROW), size, ROW, facecolor=cell.fill, zorder=4)
                fill.set(edgecolor=INK, linewidth=0.8)
                self.axes.add_patch(fill)
                fill.set_clip_path(frame)
                self.text(cell, corner + size / 2, top + (k + 0.5) * ROW)
                corner += size
        self.frame(left, top, width, height, facecolor="none", edgecolor=INK, linewidth=1.3, zorder=5)

    def frame(self, left: float, top: float, width: float, height: float, **look: Any) -> Any:
        """Draw a rectangle with round corners."""
        from matplotlib.patches import FancyBboxPatch

        style = "round,pad=0,rounding_size=0.06"
        return self.axes.add_patch(FancyBboxPatch((left, top), width, height, boxstyle=style, **look))

    def text(self, cell: _Cell, x: float, y: float) -> None:
        """Write the two texts of a cell around x; in a title the bold one comes first."""
        look = {"color": cell.colour, "fontsize": cell.size, "va": "center_baseline", "zorder": 6}
        texts = [(cell.plain, "normal"), (cell.bold, "bold")]
        x -= cell.width / 2 - PAD
        for text, weight in reversed(texts) if cell.plain.startswith(" ") else texts:
            self.axes.text(x, y, text, fontweight=weight, **look)
            x += _width(text, cell.size, weight)

    def panel(self, caption: _Cell, middle: float, start: float, across: float, along: float) -> None:
        """Draw the ground of a block, with its name at the upper left."""
        x, y = self.at((middle, start + along / 2))
        width, height = (across, along) if self.upright else (along, across)
        left, top = x - width / 2, y - height / 2
        look = {"facecolor": PANEL, "edgecolor": EDGE, "linestyle": (0, (4, 3)), "linewidth": 1}
        self.frame(left, top, width, height, zorder=1, **look)
        below = ROW / 2 if self.upright else -0.4 * ROW
        self.text(caption, left + caption.width / 2 - (PAD if not self.upright else 0), top + below)

    def join(self, sign: str, centre: Point) -> None:
        """Draw a circle with a sign in it."""
        from matplotlib.patches import Circle

        x, y = self.at(centre)
        circle = Circle((x, y), RADIUS, facecolor=PAPER, edgecolor=INK, linewidth=1.3, zorder=3)
        self.axes.add_patch(circle)
        look = {"ha": "center", "va": "center_baseline", "fontweight": "bold", "zorder": 6}
        self.axes.text(x, y, sign, color=INK, fontsize=SIZE, **look)
