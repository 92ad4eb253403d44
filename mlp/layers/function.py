"""A function of the user's as a layer."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from collections.abc import Callable
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.layers.base import Layer, Shape, as_shape
from mlp.naming import require


class Lambda(Layer):
    """out = function(X), slope(X) its derivative, element by element.

    Parameters
    ----------
    function : callable
        Takes an array of shape (n, ...) and returns a new one of n rows.
    output_shape : tuple of int, optional
        Keras's hint; here a trial with two rows of zeros tells the shape.
    slope : callable, optional
        The derivative of a function that works on each element by itself; it takes X and
        returns an array of its shape. Without one no layer below can learn.
    **options
        `input_shape`, `name` of `Layer`.

    Notes
    -----
    A file holds the names of functions that are known by `mlp.register`, never code: others cannot
    be saved. In Keras the derivative is found automatically, and `arguments` are handed on.
    For an f that is applied often, an `Activation` of your own is faster.

    Examples
    --------
    >>> layer = Lambda(np.square, slope=lambda X: 2 * X)
    >>> layer.build((2,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.forward(np.array([[3.0, -1.0]]))
    array([[9., 1.]])
    >>> layer.backward(np.array([[1.0, 1.0]]))
    array([[ 6., -2.]])
    """

    X: Array
    grad: Array

    def __init__(
        self,
        function: Callable[[Array], Array],
        output_shape: Shape | int | None = None,
        slope: Callable[[Array], Array] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        require(callable(function), "function", function, "a function of an array")
        require(slope is None or callable(slope), "slope", slope, "a function of an array, or left out")
        self.function, self.slope = function, slope
        self._shape = None if output_shape is None else as_shape(output_shape, "output_shape")

    @property
    def output_shape(self) -> Any:
        """Shape of one row of the result; None before it is known."""
        return self._shape

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        self.__dict__["X"] = X
        np.copyto(self.out, self._made("function", self.function, X, self.out.shape), casting="unsafe")
        return self.out

    def backward(self, delta: Array) -> Array:
        if not self.passes_grad:
            return delta
        assert self.slope is not None
        slope = self._made("slope", self.slope, self.X, self.X.shape)
        return np.multiply(delta, slope, self.grad)  # delta ∘ f'(X)                (n, i)

    def _made(self, name: str, function: Callable[[Array], Array], X: Array, shape: Shape) -> Array:
        """What a function makes of X, if it has that shape."""
        made = function(X)
        if np.shape(made) != shape:
            raise ArgumentError(
                f"the {name} of layer {self.name!r} must return an array of shape {shape}; "
                f"of one of shape {X.shape} it made {np.shape(made)}"
            )
        return made

    def connect(self, below: bool, learns: bool) -> None:
        if below and self.slope is None:
            raise ArgumentError(
                f"layer {self.name!r} is a Lambda without a slope, so no grad passes to the layers below it, "
                "which learn. Give slope=, the derivative of the function, or freeze them (trainable=False)"
            )
        super().connect(below, learns)

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        trial = np.zeros((2, *input_shape), dtype)
        try:
            with np.errstate(all="ignore"):
                shape = np.shape(self.function(trial))
        except Exception as error:
            raise ArgumentError(
                f"the function of a Lambda failed for an array of shape {trial.shape}: {error}"
            ) from error
        kept = len(shape) > 1 and shape[0] == 2 and (self.slope is None or shape == trial.shape)
        if not kept:
            what = (
                "the same shape, as it has a slope" if self.slope else "as many rows, of at least one number"
            )
            raise ArgumentError(
                f"the function of a Lambda must return {what}; "
                f"of an array of shape {trial.shape} it made {shape}"
            )
        if self.slope is not None:
            with np.errstate(all="ignore"):
                self._made("slope", self.slope, trial, trial.shape)
        super().build(input_shape, rng, dtype)
        self._shape = shape[1:]

    def buffers(self) -> dict[str, Shape]:
        assert self.input_shape is not None
        return {"out": self.output_shape} | ({"grad": self.input_shape} if self.passes_grad else {})
