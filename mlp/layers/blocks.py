"""Blocks: layers made of layers. The delta splits where the signal branched, and the grads add up."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.layers import stack
from mlp.layers.base import Layer, Shape
from mlp.layers.propagation import backward, forward
from mlp.naming import require

DEEPEST = 32  # blocks in each other: methods call themselves for those in a block, and Python's stack ends


class Residual(Layer):
    """out = X + F(X), F a stack of layers: it has to learn only what X lacks.

    Parameters
    ----------
    layers : sequence of Layer
        F, from its input to its output; what it puts out must have the shape of X.
    **options
        `input_shape`, `name`, `trainable` of `Layer`.

    Notes
    -----
    The derivative of a sum is the sum of derivatives: grad below = grad above + that of F.

    References
    ----------
    K. He et al., "Deep residual learning for image recognition", CVPR (2016).

    Examples
    --------
    >>> import mlp
    >>> block = Residual([mlp.layers.Dense(8, "relu"), mlp.layers.Dense(4)])
    >>> model = mlp.Sequential([mlp.layers.Input(4), block, mlp.layers.Dense(1)])
    >>> model.predict(np.ones((5, 4))).shape
    (5, 1)
    """

    total: Array

    def __init__(self, layers: Sequence[Layer], **options: Any) -> None:
        super().__init__(**options)
        require(isinstance(layers, list | tuple) and len(layers) > 0, "layers", layers, "a list of layers")
        self.layers = self.children = adopt(layers)
        self.depth = depth_of(self.children)

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        return np.add(X, forward(self.layers, X, training), self.out)

    def backward(self, delta: Array) -> Array:
        inner = backward(self.layers, self.layers[-1].delta(delta))
        return np.add(delta, inner, self.total) if self.passes_grad else delta

    def check(self, X: Array, places: Array, name: str) -> None:
        stack.check(self.layers, X, places, name)

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        super().build(input_shape, rng, dtype)
        stack.build(self.layers, input_shape, rng, dtype)
        found = self.layers[-1].output_shape
        if found != input_shape:
            raise ArgumentError(
                f"a Residual block adds its input to its output, but rows of shape {input_shape} go in and "
                f"{found} come out; end it with Dense({input_shape[-1]})"
            )

    def connect(self, below: bool, learns: bool) -> None:
        super().connect(below, learns)
        stack.connect(self.layers, below, self.learns)

    def buffers(self) -> dict[str, Shape]:
        return dict.fromkeys(("out", "total"), self.output_shape)


class Concatenate(Layer):
    """out = [F_1(X), F_2(X), …]: several stacks of layers side by side on the same input.

    Parameters
    ----------
    layers : sequence of Layer or of lists of Layer
        The branches; an empty list passes X on as it is.
    **options
        `input_shape`, `name`, `trainable` of `Layer`.

    Notes
    -----
    Keras's layer of that name joins tensors in its functional interface; this one holds the
    branches too. Going back, each gets its own columns of the delta, and the grads add up.

    Examples
    --------
    Column 0 is a category, 1 and 2 are numbers:

    >>> import mlp
    >>> from mlp.layers import Columns, Dense, Embedding, Flatten
    >>> branches = [[Columns([0]), Embedding(7, 4), Flatten()], Columns([1, 2])]
    >>> model = mlp.Sequential([mlp.layers.Input(3), Concatenate(branches), Dense(1)])
    >>> model.layers[0].output_shape
    (6,)
    """

    total: Array

    def __init__(self, layers: Sequence[Layer | Sequence[Layer]], **options: Any) -> None:
        super().__init__(**options)
        given = isinstance(layers, list | tuple) and len(layers) > 0
        require(given, "layers", layers, "a list of branches, each a layer or a list of layers")
        branches: Sequence[Any] = layers
        self.branches: list[list[Layer]] = [
            list(item) if isinstance(item, list | tuple) else [item] for item in branches
        ]
        self.children = adopt([layer for branch in self.branches for layer in branch])
        self.layers, self.depth = layers, depth_of(self.children)

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        for branch, place in zip(self.branches, self.places, strict=True):
            self.out[..., place] = forward(branch, X, training)
        return self.out

    def backward(self, delta: Array) -> Array:
        grads = self.total
        grads.fill(0)
        for k, (branch, place) in enumerate(zip(self.branches, self.places, strict=True)):
            part = self.__dict__[f"part_{k}"]  # contiguous, so that a layer may reshape it for nothing
            np.copyto(part, delta[..., place])
            grad = backward(branch, branch[-1].delta(part)) if branch else part
            if self.passes_grad:
                grads += grad
        return grads

    def check(self, X: Array, places: Array, name: str) -> None:
        for branch in self.branches:
            stack.check(branch, X, places, name)

    def select(self, X: Array) -> Array | None:
        parts = [stack.select(branch, X) for branch in self.branches]
        picked = [part for part in parts if part is not None]
        return np.concatenate(picked, axis=-1) if len(picked) == len(parts) else None

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        super().build(input_shape, rng, dtype)
        shapes, start = [], 0
        self.places: list[slice] = []
        for branch in self.branches:
            stack.build(branch, input_shape, rng, dtype)
            shapes.append(branch[-1].output_shape if branch else input_shape)
            self.places.append(slice(start, start + shapes[-1][-1]))
            start = self.places[-1].stop
        if len({shape[:-1] for shape in shapes}) > 1:
            raise ArgumentError(
                f"the branches of a Concatenate may differ in the last axis only, but they put out rows of "
                f"the shapes {shapes}; end those of rank two or more with Flatten()"
            )
        self.joined = (*shapes[0][:-1], start)

    def connect(self, below: bool, learns: bool) -> None:
        super().connect(below, learns)
        for branch in self.branches:
            stack.connect(branch, below, self.learns)

    def buffers(self) -> dict[str, Shape]:
        assert self.input_shape is not None
        parts = {
            f"part_{k}": (*self.joined[:-1], place.stop - place.start) for k, place in enumerate(self.places)
        }
        return {"out": self.joined, "total": self.input_shape} | parts

    @property
    def output_shape(self) -> Shape:
        return self.joined


def depth_of(children: Sequence[Layer]) -> int:
    """How many blocks stand in each other, the one that gets these layers among them."""
    return 1 + max((layer.depth for layer in children), default=0)


def adopt(layers: Sequence[Layer]) -> list[Layer]:
    """Take layers into a block: each belongs to it from now on and has a name of its own there."""
    taken: list[Layer] = []
    try:
        for layer in layers:
            stack.check_layer(layer)
            if layer.depth >= DEEPEST:
                raise ArgumentError(f"a block in a block in a block …: {DEEPEST} are the most that can be")
            layer.named_by_model = layer.name is None
            layer.name, layer.owned = stack.free_name(layer, taken), True
            taken.append(layer)
    except ArgumentError:
        for layer in taken:  # so that they can be used once the mistake is mended
            layer.name, layer.owned = None if layer.named_by_model else layer.name, False
        raise
    return taken
