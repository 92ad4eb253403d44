"""Layers that only concern shapes: Input announces one, Flatten changes one."""

import math

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.layers.base import Layer, Shape, as_shape
from mlp.naming import Part, require


class Input(Part):
    """The shape of one row of the model's input; given to `Sequential.add` first, or not at all.

    Parameters
    ----------
    shape : tuple of int
        Without the rows: ``(2,)`` for a table of two columns, ``(28, 28)`` for images.
    name : str, optional

    Examples
    --------
    >>> Input((2,))
    Input(shape=(2,))
    """

    def __init__(self, shape: Shape | int, name: str | None = None) -> None:
        require(name is None or isinstance(name, str), "name", name, "a string")
        self.name = name
        self.shape = as_shape(shape, "shape")


class Flatten(Layer):
    """Each row as one line of numbers: (n, 28, 28) becomes (n, 784).

    Examples
    --------
    >>> import numpy as np
    >>> layer = Flatten()
    >>> layer.build((2, 3), np.random.default_rng(), np.dtype("float64"))
    >>> layer.forward(np.zeros((5, 2, 3))).shape
    (5, 6)
    """

    def forward(self, X: Array, training: bool = False) -> Array:
        return X.reshape(len(X), -1)

    def backward(self, delta: Array) -> Array:
        assert self.input_shape is not None
        return delta.reshape(len(delta), *self.input_shape)

    @property
    def output_shape(self) -> Shape:
        if self.input_shape is None:
            raise ArgumentError("the layer is not built yet, so its shape is not known")
        return (math.prod(self.input_shape),)
