"""A trace in writing: each formula with its numbers, as text and as HTML."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from mlp.arrays import Array

if TYPE_CHECKING:
    from mlp.inspection.trace import LayerTrace, Trace

ROWS, COLUMNS = 12, 10  # of a matrix that is written out; of larger ones a summary is
WIDTH = 110  # characters
GAP = "   "
ORANGE, BLUE = "213,94,0", "0,114,178"  # above and below zero, as in the pictures; Okabe and Ito (2008)

PARTS = {"forward": "FORWARD", "loss": "LOSS", "back": "BACK, from the last layer to the first"}
AFFINE = {"Dense": "X W", "NTKDense": "X W/√i"}  # the product of layers with weights
OVER = {"NTKDense": "/√i"}  # what its derivatives have likewise
ROW_STYLE = "display:flex;flex-wrap:wrap;gap:0.3em 1.4em;align-items:flex-start"

Block = tuple[str, Array]  # a formula and its numbers
Section = tuple[str, str, list[list[Block]]]  # "forward" or "back", the layer, lines of formulas


def sections(trace: Trace) -> Iterator[Section]:
    """The formulas in the order of the lecture: up through the layers, and down again."""
    for layer in trace.layers:
        yield "forward", heading(layer), forward_lines(layer)
    compared: list[Block] = [] if trace.layers[-1].is_last else [("y", trace.out)]  # a block's
    if trace.out.shape == trace.T.shape:
        compared.append(("T", trace.T))
    yield "loss", loss_line(trace), [compared] if compared else []
    for layer in reversed(trace.layers):
        lines = backward_lines(trace, layer)
        if any(lines):
            yield "back", heading(layer), lines


def heading(layer: LayerTrace) -> str:
    """Name, class and activation."""
    return f"{layer.name}: {layer.kind}" + (f", {layer.activation}" if layer.net is not None else "")


def loss_line(trace: Trace) -> str:
    """The loss and what it is made of."""
    penalty = f", of which penalties {number(trace.penalty)}" if trace.penalty else ""
    return f"L = {trace.loss_name}(y, T) = {number(trace.loss)}{penalty}"


def forward_lines(layer: LayerTrace) -> list[list[Block]]:
    """Input and parameters; net, output and slope."""
    given: list[Block] = [("X", layer.X), *layer.parameters.items()]
    name = "y" if layer.is_last else "h"
    if layer.net is None:
        return [[*given, (f"{name} = {layer.kind}(X)", layer.out)]]
    product = AFFINE.get(layer.kind, "X")
    affine = product + " + b" if "b" in layer.parameters else product
    found = [
        ("net = " + (affine if layer.kind in AFFINE else "X"), layer.net),
        (f"{name} = {layer.activation}(net)", layer.out),
    ]
    if layer.slope is not None:
        found.append(("diagonal of J(net)" if layer.by_row else "f'(net)", layer.slope))
    return [given, found]


def backward_lines(trace: Trace, layer: LayerTrace) -> list[list[Block]]:
    """Grad and delta; the gradients of the parameters, and their updates."""
    name, errors, gradients = "y" if layer.is_last else "h", [], []
    if layer.grad is not None:
        above = above_of(trace, layer)
        product = f" = δ Wᵀ{OVER.get(above.kind, '')} of {above.name}" if above else ""
        errors.append((f"∂L/∂{name}{product}", layer.grad))
    if layer.delta is not None and layer.net is not None:
        product = f"J(net) ∂L/∂{name}" if layer.by_row else f"f'(net) ∘ ∂L/∂{name}"
        errors.append((f"δ = {(trace.canonical if layer.is_last else '') or product}", layer.delta))
    sums = {"W": " = Xᵀ δ" + OVER.get(layer.kind, ""), "b": " = Σ δ"} if layer.kind in AFFINE else {}
    for key, value in layer.gradients.items():
        formula = sums.get(key[1:], "")
        penalty = " + penalty'" if formula and key[1:] in layer.penalised else ""
        gradients.append((f"∂L/∂{key[1:]}{formula}{penalty}", value))
    for key, value in layer.updates.items():
        gradients.append((f"Δ{key}" + (f" = −η ∂L/∂{key}" if trace.is_plain_descent else ""), value))
    return [errors, gradients]


def above_of(trace: Trace, layer: LayerTrace) -> LayerTrace | None:
    """The layer above, if what it hands down is δ Wᵀ and nothing is added to that."""
    k = next(k for k, other in enumerate(trace.layers) if other is layer)
    above = trace.layers[k + 1] if k + 1 < len(trace) else None
    if above is None or above.kind not in AFFINE or "out" in layer.penalised:
        return None
    return None if "." in above.name + layer.name else above  # where blocks branch, grads add up


# text


def text(trace: Trace) -> str:
    """The whole trace as lines of at most 110 characters."""
    lines, part = [title(trace)], ""
    for direction, name, groups in sections(trace):
        if direction != part:
            part = direction
            lines += ["", PARTS[part]]
        lines += [name] if direction == "loss" else ["", name]
        for blocks in groups:
            lines += beside([matrix(formula, values) for formula, values in blocks])
    return "\n".join(line if len(line) <= WIDTH else line[: WIDTH - 1] + "…" for line in lines)


def title(trace: Trace) -> str:
    """Rows, optimizer and learning rate."""
    rows = f"{len(trace.X)} row" + "s" * (len(trace.X) != 1)
    rule = f"{trace.optimizer} with η = {trace.learning_rate:g}"
    return f"One pass forward and back: {rows}, L = {number(trace.loss)}, {rule}"


def matrix(formula: str, values: Array) -> list[str]:
    """The formula above the numbers in brackets, or above a summary."""
    cells = written(values)
    if cells is None:
        return [formula, *summary(values)]
    width = max(len(shown) for row in cells for shown in row)
    gap = "  " if (width + 2) * len(cells[0]) <= WIDTH - 2 else " "
    return [formula, *("[" + gap.join(shown.rjust(width) for shown in row) + "]" for row in cells)]


def beside(blocks: Sequence[list[str]]) -> list[str]:
    """Blocks side by side, in as many rows of them as it takes."""
    lines: list[str] = []
    waiting: list[list[str]] = []

    def flush() -> None:
        if waiting:
            widths = [max(map(len, block)) for block in waiting]
            for k in range(max(map(len, waiting))):
                cells = (
                    (block[k] if k < len(block) else "").ljust(width)
                    for block, width in zip(waiting, widths, strict=True)
                )
                lines.append("  " + GAP.join(cells).rstrip())
            waiting.clear()

    for block in blocks:
        total = sum(max(map(len, other)) + len(GAP) for other in [*waiting, block])
        if total > WIDTH:
            flush()
        waiting.append(block)
    flush()
    return lines


def written(values: Array) -> list[list[str]] | None:
    """Each number of a small matrix, a vector being one row; None if it is too large."""
    table = values[None, :] if values.ndim == 1 else values
    if table.ndim != 2 or not table.size or table.shape[0] > ROWS or table.shape[1] > COLUMNS:
        return None
    finite = np.abs(table[np.isfinite(table)])
    largest = finite.max() if finite.size else 0
    whole = (finite == np.floor(finite)).all() and largest < 1000
    decimals = 0 if whole or not largest else int(np.clip(2 - np.floor(np.log10(largest)), 0, 6))
    return [[cell(value, decimals) for value in row] for row in table.tolist()]


def cell(value: float, decimals: int) -> str:
    """A number as it stands in its matrix, with a true minus; "0" without decimals is zero itself.

    Examples
    --------
    >>> cell(-0.25, 3), cell(0.0, 3), cell(1e-7, 3), cell(1234567890.0, 0)
    ('−0.250', '0', '0.000', '1.23e+09')
    """
    forms = (f".{decimals}f", ".2e", ".1e") if value else (".0f",)
    shown = next(form for form in (format(abs(value), form) for form in forms) if len(form) < 9)
    return ("−" if value < 0 else "") + shown


def number(value: float) -> str:
    """Three significant digits, with a true minus."""
    return f"{value + 0.0:.3g}".replace("-", "−")


def summary(values: Array) -> list[str]:
    """Shape, range and mean size of a large array."""
    shape = " × ".join(map(str, values.shape))
    if not values.size:
        return [shape]
    with np.errstate(over="ignore", invalid="ignore"):
        mean = number(float(np.mean(np.abs(values), dtype=np.float64)))
    low, high = number(float(values.min())), number(float(values.max()))
    return [f"{shape} numbers", f"{low} … {high}", f"mean size {mean}"]


# HTML


def html(trace: Trace) -> str:
    """The same as tables, shaded by sign and size."""
    parts = [f"<p><b>{escape(title(trace))}</b></p>"]
    arrows = {"forward": "↑ ", "loss": "", "back": "↓ "}
    for direction, name, groups in sections(trace):
        rows = ["".join(html_block(formula, values) for formula, values in blocks) for blocks in groups]
        parts.append(
            f'<div style="margin:0.6em 0"><b>{arrows[direction]}{escape(name)}</b>'
            + "".join(f'<div style="{ROW_STYLE}">{row}</div>' for row in rows if row)
            + "</div>"
        )
    return "".join(parts)


def html_block(formula: str, values: Array) -> str:
    """A formula over its numbers."""
    cells, caption = written(values), f"<div><i>{escape(formula)}</i></div>"
    if cells is None:
        lines = "<br>".join(map(escape, summary(values)))
        return f'<div>{caption}<div style="color:gray">{lines}</div></div>'
    finite = np.where(np.isfinite(values), values, 0)
    shares = np.atleast_2d(finite / max(np.abs(finite).max(), np.finfo(values.dtype).tiny)).tolist()
    rows = "".join(
        "<tr>" + "".join(html_cell(text, share) for text, share in zip(row, part, strict=True)) + "</tr>"
        for row, part in zip(cells, shares, strict=True)
    )
    return f'<div>{caption}<table style="border-collapse:collapse;margin:0">{rows}</table></div>'


def html_cell(shown: str, share: float) -> str:
    """A number on a ground that is orange above zero and blue below."""
    colour = f"rgba({ORANGE if share > 0 else BLUE},{abs(share) * 0.5:.2f})"
    return f'<td style="text-align:right;padding:0.1em 0.5em;background:{colour}">{escape(shown)}</td>'
