"""The weights of a layer as images: what each unit looks for."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.inspection.network import network_of
from mlp.layers import stack
from mlp.naming import is_integer, require
from mlp.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mlp.sequential import Sequential

SMALLEST = 8  # side of a square that is taken for an image: 64 inputs are 8 × 8 pixels
FEW_BARS, FEW_CELLS = 3, 120  # units drawn as bars; cells with numbers in them
MOST = 25  # units, unless they are asked for
INPUTS = 40  # rows of a heat map or of bars

Shape = tuple[int, int]


def weight_images(
    model: Any,
    layer: int | str = 0,
    shape: Shape | None = None,
    most: int | None = None,
    names: Sequence[str] | None = None,
) -> Figure:
    """Draw the weights that lead into each unit of a layer: as an image where the inputs are pixels.

    Other inputs give a heat map of inputs × units, or bars if there are at most three units. Orange is
    positive, blue negative, on one scale for all.

    Parameters
    ----------
    model : Sequential or fitted estimator
    layer : int or str, default 0
        The place among the layers that have a matrix of weights, or the name, such as "residual.dense".
    shape : (int, int), optional
        Height and width of the images. Known without it where a row of the model's inputs has two axes, or
        where the first layer has a square number of inputs from 8 × 8 on.
    most : int, optional
        Draw that many units, by default 25 with a warning: those with the largest sum of squared weights.
    names : sequence of str, optional
        Of the inputs. Where it is given there are no images.

    Returns
    -------
    Figure

    Raises
    ------
    NotReadyError
        If the model is not built.
    ArgumentError
        If there is no such layer, or the shape does not fit its inputs.
    MissingPackageError
        If matplotlib is not installed.

    Warns
    -----
    UserWarning
        If units or inputs are left out.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(6, "relu", input_shape=(64,))], seed=0)
    >>> figure = mlp.plots.weight_images(model)
    >>> figure.axes[0].get_title(), figure.axes[0].images[0].get_array().shape
    ('unit 0', (8, 8))
    """
    network = network_of(model)
    require(most is None or (is_integer(most) and most > 0), "most", most, "a positive integer")
    require(shape is None or names is None, "shape", shape, "left out where the inputs have names")
    title, W, is_first = _matrix(network, layer)
    size = None if names is not None else _image_shape(network, shape, len(W), is_first)
    below = None if is_first else [f"unit {k}" for k in range(len(W))]
    labels = style.names_of(below if names is None else names, len(W), "names", "x")
    units = np.arange(W.shape[1])
    count = MOST if most is None else most
    if W.shape[1] > count:
        units = np.sort(np.argpartition(-(W.astype(np.float64) ** 2).sum(axis=0), count - 1)[:count])
    if W.shape[1] > count and most is None:
        warnings.warn(
            f"{count} of the {W.shape[1]:,} units of {title!r} are drawn, those with the largest weights; "
            "most= sets how many",
            UserWarning,
            stacklevel=2,
        )
    if size is not None:
        return _images(title, W[:, units], units, size)
    inputs = np.arange(len(W))
    if len(W) > INPUTS:
        inputs = np.sort(np.argpartition(-np.abs(W[:, units]).sum(axis=1), INPUTS - 1)[:INPUTS])
        warnings.warn(
            f"{INPUTS} of the {len(W):,} inputs of {title!r} are drawn, those with the largest weights; if "
            "they are pixels, shape=(height, width) draws images",
            UserWarning,
            stacklevel=2,
        )
    draw = _bars if len(units) <= FEW_BARS else _heat_map
    return draw(title, W[np.ix_(inputs, units)], units, [labels[k] for k in inputs])


def _matrix(network: Sequential, layer: int | str) -> tuple[str, Array, bool]:
    """Name and weights of a layer, and whether the model's inputs come to it unchanged."""
    found = [
        (path, leaf.parameters["W"])
        for path, leaf in stack.leaves(network.layers)
        if "W" in leaf.parameters and leaf.parameters["W"].ndim == 2
    ]
    paths = [path for path, _ in found]
    if not found:
        raise ArgumentError("no layer of the model has a matrix of weights")
    if isinstance(layer, str):
        require(layer in paths, "layer", layer, f"one of {', '.join(paths)}")
        place = paths.index(layer)
    else:
        fits = is_integer(layer) and -len(found) <= layer < len(found)
        require(fits, "layer", layer, f"an integer below {len(found)}, or one of {', '.join(paths)}")
        place = int(layer) % len(found)
    path, W = found[place]
    return path, W, place == 0 and len(W) == math.prod(network.input_shape or ())


def _image_shape(network: Sequential, shape: Any, inputs: int, is_first: bool) -> Shape | None:
    """Height and width, or None if the inputs are not an image as far as can be known."""
    if shape is not None:
        pair = isinstance(shape, tuple | list) and len(shape) == 2 and all(map(is_integer, shape))
        fits = pair and min(shape) > 0 and math.prod(shape) == inputs
        require(fits, "shape", shape, f"(height, width) whose product is {inputs}, the number of inputs")
        return int(shape[0]), int(shape[1])
    given = network.input_shape or ()
    if is_first and len(given) == 2:
        return given[0], given[1]
    side = math.isqrt(inputs)
    return (side, side) if is_first and len(given) == 1 and side >= SMALLEST and side**2 == inputs else None


def _images(title: str, W: Array, units: Array, size: Shape) -> Figure:
    columns = min(len(units), max(1, math.ceil(math.sqrt(len(units)))))
    rows = math.ceil(len(units) / columns)
    width = 1.4 if columns < 6 else 1.1
    height = width * float(np.clip(size[0] / size[1], 0.4, 2.5))
    heading = f"Weights of {title!r}, {size[0]} × {size[1]} inputs"
    wide = max((width + 0.1) * columns + 1.1, 0.1 * len(heading) + 0.2)
    tall = (height + 0.22) * rows + 0.6
    # measured by hand, as a layout by constraints takes seconds for so many panels
    place = {"left": 0.1 / wide, "right": 1 - 1.0 / wide, "bottom": 0.1 / tall, "top": 1 - 0.6 / tall}
    place |= {"wspace": 0.1 / width, "hspace": 0.22 / height}
    figure, grid = style.panels(rows, columns, figsize=(wide, tall), layout="none", gridspec_kw=place)
    largest = style.limit(W)
    for k, axes in enumerate(grid.ravel()):
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(color=style.FAINT, visible=k < len(units))
        if k < len(units):
            look: dict[str, Any] = {"vmin": -largest, "vmax": largest, "interpolation": "nearest"}
            image = axes.imshow(W[:, k].reshape(size), cmap=style.DIVERGING, **look)
            axes.set_title(f"unit {units[k]}", fontsize=8, color=style.INK, pad=2)
    bar = figure.add_axes((1 - 0.88 / wide, 0.1 + 0.1 / tall, 0.14 / wide, 0.8 - 0.6 / tall))
    figure.colorbar(image, cax=bar, label="weight")
    figure.suptitle(heading, color=style.INK, fontsize=11, y=1 - 0.12 / tall, va="top")
    return figure


def _bars(title: str, W: Array, units: Array, labels: Sequence[str]) -> Figure:
    tall = 0.22 * len(labels) + 1.2
    figure, grid = style.panels(1, len(units), figsize=(3.2 * len(units) + 1.6, tall), sharey=True)
    places, largest = np.arange(len(labels)), style.limit(W)
    for k, axes in enumerate(grid[0]):
        style.tidy(axes)
        colours = np.where(W[:, k] < 0, style.BLUE, style.ORANGE).tolist()
        axes.barh(places, W[:, k], color=colours, edgecolor=style.INK, linewidth=0.5)
        axes.axvline(0, color=style.INK, linewidth=1)
        axes.set(xlim=(-1.08 * largest, 1.08 * largest), xlabel="weight")
        axes.set_title(f"unit {units[k]}", fontsize=9, color=style.INK)
    grid[0, 0].set_yticks(places, labels)
    grid[0, 0].invert_yaxis()
    figure.suptitle(f"Weights of {title!r}", color=style.INK, fontsize=11)
    return figure


def _heat_map(title: str, W: Array, units: Array, labels: Sequence[str]) -> Figure:
    beside = 0.08 * max(map(len, labels)) + 1.8  # inches for names and scale
    size = (max(0.42 * len(units) + beside, 4.0), max(0.22 * len(labels) + 1.3, 2.6))
    figure, grid = style.panels(figsize=size)
    axes, largest = grid[0, 0], style.limit(W)
    look: dict[str, Any] = {"vmin": -largest, "vmax": largest, "aspect": "auto", "interpolation": "nearest"}
    image = axes.imshow(W, cmap=style.DIVERGING, **look)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xticks(range(len(units)), [str(unit) for unit in units])
    axes.tick_params(labelsize=8, colors=style.INK)
    axes.set(xlabel="unit", ylabel="input")
    if W.size <= FEW_CELLS:
        for (row, unit), value in np.ndenumerate(W):
            ink = style.ink_on(image.to_rgba(value))
            axes.text(unit, row, style.number(value), ha="center", va="center", fontsize=6.5, color=ink)
    figure.colorbar(image, ax=axes, label="weight")
    axes.set_title(f"Weights of {title!r}", color=style.INK, fontsize=11)
    return figure
