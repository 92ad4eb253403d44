"""An activation as a layer of its own: Dense(20) then Activation("relu")."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from typing import Any

import numpy as np

from mlp import activations
from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.layers.base import Layer, Shape


class Activation(Layer):
    """out = f(X).

    Parameters
    ----------
    activation : str or mlp.activations.Activation
        f, by name or object.
    input_shape, name
        As in `Layer`.

    Examples
    --------
    >>> layer = Activation("relu")
    >>> layer.build((3,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.forward(np.array([[-1.0, 0.0, 2.0]]))
    array([[0., 0., 2.]])
    >>> layer.backward(layer.delta(np.array([[5.0, 5.0, 5.0]])))
    array([[0., 0., 5.]])
    """

    deltas: Array

    def __init__(
        self, activation: Any, input_shape: Shape | int | None = None, name: str | None = None
    ) -> None:
        super().__init__(input_shape, name)
        self.activation = activations.get(activation)

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        self.net = X
        return self.activation.f(X, self.out)

    def delta(self, grad: Array) -> Array:
        return self.activation.delta(grad, self.net, self.out, self.deltas)

    def backward(self, delta: Array) -> Array:
        return delta

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        if len(input_shape) != 1:
            raise ArgumentError(
                f"Activation takes rows of numbers, but each row has the shape {input_shape}; "
                "put a Flatten() before it"
            )
        super().build(input_shape, rng, dtype)
        self.add_activation(input_shape[0])

    def buffers(self) -> dict[str, Shape]:
        return {"out": self.output_shape, "deltas": self.output_shape}
