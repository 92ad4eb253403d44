"""Circles and lines: how `plots.network` draws columns of units."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array
from mlp.plots import style
from mlp.plots.columns import Column

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW_LINES, FEW_UNITS = 40, 40  # up to which numbers are written at them
THICKEST, THINNEST = 4.5, 0.3  # lines, in points
NEGATIVE, POSITIVE = style.BLUE, style.ORANGE
GATE = 0.34  # inches for a layer that stands between two columns
LEGIBLE = 0.45  # share of its size to which a picture can shrink before small texts are left out
WIDEST, HIGHEST = 14.0, 10.0  # of a figure, in inches


class Nodes:
    """The columns in inches: x to the right, y upwards from the middle of each column.

    Parameters
    ----------
    columns : list of Column
        With the units to be shown, and outputs and deltas where there are any.
    skips : list of (int, int)
        From which column to which the arcs of `Residual` lead.
    bias, numbers, edges
        As in `plots.network`.
    """

    ax: Axes

    def __init__(
        self, columns: list[Column], skips: list[tuple[int, int]], bias: bool, numbers: bool | str, edges: str
    ) -> None:
        self.columns, self.skips, self.edges = columns, skips, edges
        follow = [*columns[1:], None]
        self.biases = [
            None if not bias or above is None or column.left_out else above.b
            for column, above in zip(columns, follow, strict=True)
        ]
        counts = [self.places_in(k) for k in range(len(columns))]
        pairs = list(itertools.pairwise(counts))
        few = sum(i * o for i, o in pairs) <= FEW_LINES and max((min(pair) for pair in pairs), default=0) <= 4
        whole = not any(column.left_out for column in columns)
        self.automatic = numbers == "auto"
        self.write_lines = few and whole if numbers == "auto" else bool(numbers)
        self.write_units = sum(counts) <= FEW_UNITS if numbers == "auto" else bool(numbers)
        self.has_out = any(column.out is not None for column in columns)
        self.has_delta = any(column.delta is not None for column in columns)
        self.tallest = max(counts)
        self._measure(self.tallest)
        values = [
            column.W[np.ix_(below.shown, column.shown)]
            for below, column in itertools.pairwise(columns)
            if column.W is not None
        ]
        self.crowded = max((value.size for value in values), default=0) > 2 * FEW_LINES
        self.scale = style.limit(*values, *(b for b in self.biases if b is not None))

    def _measure(self, tallest: int) -> None:
        written = self.write_units and self.has_out
        self.radius = 0.25 if written else 0.16
        wanted = 0.95 if self.write_lines else 0.9 if written and self.has_delta else 0.66
        tightest = 0.8 if written and self.has_delta else 2.4 * self.radius
        self.pitch = max(min(wanted, (HIGHEST - 2) / tallest), tightest)
        self.height = self.pitch * tallest
        self.x = [0.0]
        for column in self.columns[:-1]:
            gap = 2.5 if self.write_lines else 1.9
            self.x.append(self.x[-1] + gap + GATE * len(column.between))

    # places

    def places_in(self, k: int) -> int:
        """How many places column k has: a bias above the units, the units, dots below them."""
        column = self.columns[k]
        return len(column.shown) + (self.biases[k] is not None) + (column.left_out > 0)

    def y(self, k: int) -> Array:
        """Where the places of column k lie, from above."""
        count = self.places_in(k)
        return self.pitch * ((count - 1) / 2 - np.arange(count))

    def y_of_units(self, k: int) -> Array:
        """Where its units lie."""
        start = int(self.biases[k] is not None)
        return self.y(k)[start : start + len(self.columns[k].shown)]

    def size(self, points: float, text: str = "", width: float = 0.0) -> float:
        """Of letters: smaller in a small picture, but with `width` inches of room no smaller than must be."""
        room = min(style.fitting(7, text, width * self.shrink), 20 * self.shrink) if width else 0.0
        return max(points * self.shrink, min(room, points), style.SMALLEST_LETTERS)

    def begin(self, ax: Axes | None) -> None:
        """Make or take the axes, with room for names at both sides, headings below and arcs above."""
        left, right, bottom, top = self._limits()
        bars = 0.9 * (self.has_out + self.has_delta)
        self.shrink = min(1.0, WIDEST / (right - left + bars), HIGHEST / (top - bottom))
        wide = max((right - left + bars) * self.shrink, 5.5)
        self.ax = style.axes(ax, figsize=(wide, (top - bottom + 0.8) * self.shrink))
        if ax is not None:
            self._shrink_into(ax)
            if self.automatic and self.shrink < 0.7:  # without numbers it needs less room
                self.write_lines = self.write_units = False
                self._measure(self.tallest)
                self._shrink_into(ax)
                left, right, bottom, top = self._limits()
        self.ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
        self.ax.axis("off")

    def _limits(self) -> tuple[float, float, float, float]:
        right = self.x[-1] + 1.0 + GATE * len(self.columns[-1].between)
        return -1.0, right, -self.height / 2 - 0.75, self.height / 2 + 0.1 + 0.3 * len(self.skips)

    def _shrink_into(self, ax: Axes) -> None:
        left, right, bottom, top = self._limits()
        figure: Any = ax.figure
        box = ax.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
        self.shrink = min(1.0, box.width / (right - left), box.height / (top - bottom))

    # drawing

    def draw(self, ax: Axes | None, labels: Sequence[str], ends: Sequence[str]) -> None:
        """Draw everything; `labels` name the inputs, and `ends`, where there are any, the outputs."""
        self.begin(ax)
        for k, column in enumerate(self.columns):
            if k and column.W is not None:
                self.draw_lines(k, column.W)
            elif k:
                self.draw_bundle(k)
            self.draw_between(k)
            self.draw_units(k)
            place = (self.x[k], -self.height / 2 - 0.05)
            look: dict[str, Any] = {"ha": "center", "va": "top", "linespacing": 1.4, "color": style.INK}
            self.ax.text(*place, column.title, fontsize=self.size(9, column.title, 1.8), **look)
        for k, names, side in ((0, labels, -1), (len(self.columns) - 1, ends, 1)):
            self.draw_names(k, names, side)
        for a, b in self.skips:
            self.draw_skip(a, b)
        self.draw_keys()

    def line_ends(self, k: int) -> tuple[float, float]:
        """From where to where the lines into column k go."""
        start = self.x[k - 1] + GATE * len(self.columns[k - 1].between)
        return start + self.radius + (0.1 if self.columns[k - 1].between else 0), self.x[k] - self.radius

    def draw_lines(self, k: int, W: Array) -> None:
        """The weights into column k, the largest on top."""
        from matplotlib.collections import LineCollection

        below, column, b = self.columns[k - 1], self.columns[k], self.biases[k - 1]
        values = W[np.ix_(below.shown, column.shown)]
        sources = self.y_of_units(k - 1)
        if b is not None:
            values, sources = np.vstack([b[column.shown], values]), np.append(self.y(k - 1)[0], sources)
        left, right = self.line_ends(k)
        starts, stops = np.meshgrid(sources, self.y_of_units(k), indexing="ij")
        segments = np.stack([np.full_like(starts, left), starts, np.full_like(starts, right), stops], axis=-1)
        order = np.argsort(np.abs(values), axis=None, kind="stable")
        flat = np.nan_to_num(values, posinf=self.scale, neginf=-self.scale).ravel()[order]
        thickest = THICKEST * self.shrink * (0.55 if self.crowded else 1)
        widths = THINNEST + (thickest - THINNEST) * np.abs(flat) / self.scale
        colours = np.where(flat < 0, NEGATIVE, np.where(flat > 0, POSITIVE, style.GREY))
        lines = LineCollection(
            list(segments.reshape(-1, 2, 2)[order]),
            linewidths=widths,
            colors=colours.tolist(),
            linestyles=np.where(flat < 0, "--", "-").tolist(),
            alpha=0.7 if self.crowded else 0.9,
            zorder=1,
        )
        self.ax.add_collection(lines)
        if self.write_lines:
            self._write_at(segments, values)

    def _write_at(self, segments: Array, values: Array) -> None:
        """Write the numbers on their lines, where those of all lines lie equally far from each other."""
        sources, targets = values.shape
        t = 1 / (targets + 1) if targets <= sources else sources / (sources + 1)
        for place, value in zip(segments.reshape(-1, 4), values.ravel(), strict=True):
            x, y = place[:2] + t * (place[2:] - place[:2])
            box = {"boxstyle": "square,pad=0.1", "facecolor": style.PAPER, "edgecolor": "none"}
            self._write(x, y, style.number(value), 8, style.INK, bbox=box, zorder=2)

    def draw_bundle(self, k: int) -> None:
        """What leads into column k where it is not one weight from unit to unit."""
        left, right = self.line_ends(k)
        a, b = self.y_of_units(k - 1), self.y_of_units(k)
        r = self.radius
        corners = [(left, a[0] + r), (left, a[-1] - r), (right, b[-1] - r), (right, b[0] + r)]
        x, y = zip(*corners, strict=True)
        self.ax.fill(x, y, color=style.FAINT, alpha=0.6, linewidth=0, zorder=0)
        middle = (left + right) / 2, float(a.mean() + b.mean()) / 2
        self._write(*middle, self.columns[k].bundle, 9, style.INK)

    def draw_between(self, k: int) -> None:
        """The layers without weights after column k, upright, and lines from its units through them."""
        y, names = self.y_of_units(k), self.columns[k].between
        if not names:
            return
        start = self.x[k] + self.radius
        end = start + GATE * len(names) + 0.1
        y_of_lines = self.y(k)[: len(y) + (self.biases[k] is not None)]
        self.ax.hlines(y_of_lines, start, end, color=style.GREY, linewidth=0.8, zorder=0)
        need = max(0.075 * len(name) for name in names)  # inches for the letters
        top, bottom = y[0] + self.radius, y[-1] - self.radius
        extra = max(0.0, need - (top - bottom)) / 2
        for j, name in enumerate(names):
            left = start + GATE * j + 0.1
            self._frame(left, bottom - extra, GATE - 0.1, top - bottom + 2 * extra)
            if self.shrink <= LEGIBLE:
                continue
            middle = (left + (GATE - 0.1) / 2, (top + bottom) / 2)
            self._write(*middle, name, 8, style.INK, rotation=90, zorder=4)

    def _frame(self, left: float, bottom: float, width: float, height: float) -> None:
        from matplotlib.patches import FancyBboxPatch

        shape = FancyBboxPatch((left, bottom), width, height, boxstyle="round,pad=0,rounding_size=0.05")
        shape.set(facecolor="#EEF2F6", edgecolor=style.GREY, linewidth=0.8, zorder=3)
        self.ax.add_patch(shape)

    def draw_units(self, k: int) -> None:
        """The circles of column k, filled where there are outputs, with deltas beside them."""
        column, x, y = self.columns[k], self.x[k], self.y_of_units(k)
        out = None if column.out is None else column.out[column.shown]
        circles = self._marks(x, y, self.radius, out, "outputs")
        circles.set(linewidth=1.2, zorder=5)
        if out is not None and self.write_units:
            for place, value in zip(y, out, strict=True):
                text = style.number(value)
                self._write(
                    x, place, text, style.fitting(8, text, 1.7 * self.radius), self._ink(value, "outputs")
                )
        if column.delta is not None:
            self.draw_deltas(x, y, column.delta[column.shown])
        if self.biases[k] is not None:
            top = float(self.y(k)[0])
            one = self._marks(x, np.array([top]), self.radius * 0.8, None, "outputs")
            one.set(linewidth=1, zorder=5, facecolor=style.FAINT)
            if self.shrink > LEGIBLE:
                self._write(x, top, "1", 8, style.INK)
        if column.left_out:
            text = f"⋮\n{column.left_out:,} more"
            self._write(x, float(self.y(k)[-1]), text, 8, style.INK)

    def _write(self, x: float, y: float, text: str, points: float, colour: str, **look: Any) -> None:
        look = {"ha": "center", "va": "center", "color": colour, "zorder": 6, **look}
        self.ax.text(x, y, text, fontsize=self.size(points), **look)

    def draw_deltas(self, x: float, y: Array, delta: Array) -> None:
        """A diamond at each circle, or the number in a box below it."""
        if not self.write_units:
            diamonds = self._marks(x + self.radius, y - self.radius, 0.6 * self.radius, delta, "deltas", 4)
            diamonds.set(linewidth=0.8, zorder=6)
            return
        for place, value in zip(y, delta, strict=True):
            colour = self._colours("deltas").to_rgba(value)
            box = {"boxstyle": "round,pad=0.2", "facecolor": colour, "edgecolor": style.INK, "linewidth": 0.7}
            below = place - self.radius - 0.12
            self._write(x, below, f"δ {style.number(value)}", 7, self._ink(value, "deltas"), bbox=box)

    def _marks(self, x: float, y: Array, radius: float, values: Any, what: str, corners: int = 0) -> Any:
        from matplotlib.collections import PatchCollection
        from matplotlib.patches import Circle, RegularPolygon

        centres = [(x, float(place)) for place in y]
        shapes: list[Any] = [
            RegularPolygon(at, corners, radius=radius) if corners else Circle(at, radius) for at in centres
        ]
        marks = PatchCollection(shapes, facecolor=style.PAPER, edgecolor=style.INK)
        if values is not None:
            marks.set_facecolor(list(map(tuple, self._colours(what).to_rgba(values))))
        marks.set_label(what)
        return self.ax.add_collection(marks)

    def _colours(self, what: str) -> Any:
        """The scale of the outputs or of the deltas; that of the outputs leaves out the raw inputs."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        if what == "deltas":
            values = [column.delta[column.shown] for column in self.columns if column.delta is not None]
        else:
            values = [column.out[column.shown] for column in self.columns[1:] if column.out is not None]
        largest = style.limit(*values)
        return ScalarMappable(Normalize(-largest, largest), style.DIVERGING)

    def _ink(self, value: float, what: str) -> str:
        return style.ink_on(self._colours(what).to_rgba(value))

    def draw_names(self, k: int, names: Sequence[str], side: int) -> None:
        """Names at the left (-1) or at the right (1) of column k."""
        column = self.columns[k]
        x = self.x[k] + side * (self.radius + 0.1) + (side > 0) * GATE * len(column.between)
        look: dict[str, Any] = {"ha": "right" if side < 0 else "left", "va": "center", "color": style.INK}
        for place, unit in zip(self.y_of_units(k), column.shown if names else (), strict=bool(names)):
            self.ax.text(x, place, names[unit], fontsize=self.size(9, names[unit], 0.7), **look)

    def draw_skip(self, a: int, b: int) -> None:
        """The arc of a `Residual`, over the columns from a to b."""
        from matplotlib.patches import FancyArrowPatch
        from matplotlib.path import Path

        start, stop = (self.y(k)[0] + self.radius for k in (a, b))
        inner = sum(a <= c and d <= b and (c, d) != (a, b) for c, d in self.skips)
        top = self.height / 2 + 0.15 + 0.25 * inner
        points = [(self.x[a], start), (self.x[a], top), (self.x[b], top), (self.x[b], stop)]
        look: dict[str, Any] = {"color": style.INK, "linewidth": 1.3}
        head = "-|>,head_length=5,head_width=2.6"
        self.ax.add_patch(FancyArrowPatch(path=Path(points), arrowstyle=head, **look))
        self._write(self.x[b] + 0.14, top - 0.1, "+", 12, style.INK)

    def draw_keys(self) -> None:
        """What colours, lines and marks mean."""
        from matplotlib.lines import Line2D

        W = self.edges
        keys = [
            Line2D([], [], color=POSITIVE, linewidth=2.5, label=f"{W} > 0"),
            Line2D([], [], color=NEGATIVE, linewidth=2.5, linestyle="--", label=f"{W} < 0"),
            Line2D([], [], color="none", label=f"thickest: |{W}| = {style.number(self.scale)}"),
        ]
        place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.02)}
        style.legend(self.ax, handles=keys, ncols=3, frameon=False, **place)
        figure: Any = self.ax.figure
        look: dict[str, Any] = {"ax": self.ax, "shrink": 0.6, "aspect": 18, "pad": 0.03}
        if self.has_out:
            figure.colorbar(self._colours("outputs"), label="output of the unit", **look)
        if self.has_delta:
            figure.colorbar(self._colours("deltas"), label="δ = ∂L/∂net of the unit", **look)
