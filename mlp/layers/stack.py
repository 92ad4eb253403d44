"""What concerns a list of layers: names, building one after the other, all their weights."""

from __future__ import annotations  # so that np.random is not loaded for a signature

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp import losses
from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.layers.base import Layer, Shape
from mlp.losses import Loss
from mlp.naming import is_integer, require, snake_case


def check_layer(layer: Any) -> None:
    """Raise an `ArgumentError` unless it is a layer that no model has yet."""
    if not isinstance(layer, Layer):
        hint = " (a class: call it to make a layer)" if isinstance(layer, type) else ""
        raise ArgumentError(f"add() takes a layer; got {layer!r}{hint}")
    if layer.owned:
        raise ArgumentError(
            f"layer {layer.name!r} already belongs to a model, whose vector holds its weights; "
            "add layer.clone() for a new one with the same settings"
        )


def free_name(layer: Layer, layers: Sequence[Layer]) -> str:
    """The layer's own name, or "dense", "dense_1" and so on, different from those of `layers`."""
    taken = {other.name for other in layers}
    if layer.name in taken:
        raise ArgumentError(f"two layers are called {layer.name!r}; names must differ")
    if layer.name is not None:
        return layer.name
    name, number = stem, _ = snake_case(type(layer).__name__), 0
    while name in taken:
        number += 1
        name = f"{stem}_{number}"
    return name


def build(layers: Sequence[Layer], shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
    """Make the weights of those layers that have none, for rows of that shape; all or, on an error, none.

    Raises
    ------
    ArgumentError
        If a layer cannot take what the one below puts out.
    """
    new, drawn = [layer for layer in layers if not layer.built], rng.bit_generator.state
    try:
        for layer in layers:
            if layer.input_shape not in (None, shape) or (layer.built and layer.dtype != dtype):
                raise ArgumentError(
                    f"layer {layer.name!r} takes rows of shape {layer.input_shape}"
                    f"{f' of {layer.dtype}' if layer.built else ''}; it would get {shape} of {dtype}"
                )
            if not layer.built:
                layer.build(shape, rng, dtype)
            shape = layer.output_shape
    except Exception:
        unbuild(new)
        rng.bit_generator.state = drawn
        raise


def unbuild(layers: Sequence[Layer]) -> None:
    """Take the weights and the shapes away again."""
    for layer in layers:
        unbuild(layer.children)
        layer.forget()


def connect(layers: Sequence[Layer], below: bool = False, learns: bool = True) -> bool:
    """Tell each layer whether one below it learns, and so needs its grad; return it of the last.

    Parameters
    ----------
    below : bool
        Whether something below the first layer learns.
    learns : bool
        False in a frozen block.
    """
    for layer in layers:
        layer.connect(below, learns)
        below = below or layer.is_learning()
    return below


def check(layers: Sequence[Layer], X: Array, places: Array, name: str) -> None:
    """Show the model's inputs to those layers that get them as they are; arguments as in `Layer.check`."""
    for layer in layers:
        layer.check(X, places, name)
        layer.checked = True
        picked, their_places = layer.select(X), layer.select(places)
        if picked is None or their_places is None:
            return
        X, places = picked, their_places


def select(layers: Sequence[Layer], X: Array) -> Array | None:
    """What comes out of layers that only pick and pass on; None if one of them does more."""
    picked: Array | None = X
    for layer in layers:
        picked = None if picked is None else layer.select(picked)
    return picked


def leaves(layers: Sequence[Layer]) -> list[tuple[str, Layer]]:
    """All layers by name, and instead of a block the layers in it: "dense", "residual.dense"."""
    return [leaf for layer in layers for leaf in layer.leaves()]


def everything(layers: Sequence[Layer]) -> list[Layer]:
    """All layers, the blocks and what is in them."""
    return [part for layer in layers for part in (layer, *everything(layer.children))]


def widest(layers: Sequence[Layer]) -> int:
    """The most numbers that a layer puts out for one row."""
    return max(math.prod(layer.output_shape) for layer in everything(layers))


def pair(loss: Loss, layers: Sequence[Layer], dtype: np.dtype[Any]) -> None:
    """Prepare a loss for the outputs of the last layer, or raise an `ArgumentError`."""
    last = layers[-1]
    if len(last.output_shape) != 1:
        raise ArgumentError(
            f"the last layer puts out rows of shape {last.output_shape}; add Flatten() or Dense()"
        )
    losses.pair(loss, last.activation, last.output_shape[0], dtype)


def weights(layers: Sequence[Layer]) -> list[Array]:
    """The parameters themselves, layer by layer: W, b, W, b …"""
    return [value for layer in layers for value in layer.weights]


def find(layers: Sequence[Layer], name: str | None, index: int | None) -> Layer:
    """A layer by its name or its place."""
    if index is not None:
        inside = is_integer(index) and -len(layers) <= index < len(layers)
        require(inside, "index", index, f"an integer below {len(layers)}")
        return layers[index]
    for layer in layers:
        if layer.name == name:
            return layer
    names = ", ".join(str(layer.name) for layer in layers)
    raise ArgumentError(f"no layer is called {name!r}; there are {names}")
