"""Scaling of the inputs, as part of the model: what a model was trained with is saved with it."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from mlp.arrays import Array, as_inputs, as_numbers, require_finite
from mlp.errors import ArgumentError
from mlp.layers.base import Layer, Shape
from mlp.naming import is_integer, require, require_bool

EPSILON = 1e-7  # Keras's: a column that does not vary is divided by this


class Normalization(Layer):
    """out = (X − mean) / √variance, mean and variance of each column as found by `adapt`, or given.

    Parameters
    ----------
    axis : int, tuple of int or None, default -1
        Axes, the rows being axis 0, that have a mean for each of their elements: -1 for each
        column, None for one mean of all.
    mean, variance : float or array-like, optional
        Both, or none: then `adapt` finds them, and until it is called they are 0 and 1.
    invert : bool, default False
        The way back: out = mean + X √variance.
    **options
        `input_shape`, `name` of `Layer`.

    Notes
    -----
    They are kept among the model's parameters, also if they were given, and no training moves
    them. Keras keeps them there only if `adapt` found them, and a count with them.

    Examples
    --------
    >>> layer = Normalization()
    >>> layer.adapt([[1.0, 10.0], [3.0, 30.0]])
    >>> layer.build((2,), np.random.default_rng(), np.dtype("float64"))
    >>> layer.forward(np.array([[2.0, 10.0]]))
    array([[ 0., -1.]])
    """

    mean: Any
    variance: Any
    grad: Array
    _deviation: Array

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        axes = () if axis is None else tuple(axis) if isinstance(axis, list | tuple) else (axis,)
        whole = all(is_integer(k) and k != 0 for k in axes)
        require(whole, "axis", axis, "an axis other than 0, a tuple of them, or None")
        both = (mean is None) == (variance is None)
        require(both, "variance", variance, "given if mean is, and only then")
        require_bool("invert", invert)
        self.axis, self.invert, self.mean, self.variance = axis, invert, mean, variance
        self._axes, self._known = axes, mean is not None
        if mean is not None:
            for name in ("mean", "variance"):
                require_finite(as_numbers(getattr(self, name), np.dtype(np.float64), name), name)
            require(bool(np.min(variance) >= 0), "variance", variance, "at least 0")

    def adapt(self, data: Any) -> None:
        """Take mean and variance from these rows, before or after the model is built.

        Parameters
        ----------
        data : array-like of shape (n, ...)
        """
        X = as_inputs(data, np.dtype(np.float64), "data")
        if self.input_shape not in (None, X.shape[1:]):
            raise ArgumentError(f"data has rows of shape {X.shape[1:]}; the layer takes {self.input_shape}")
        kept = self._kept_axes(X.shape[1:])
        others = tuple(k for k in range(X.ndim) if k not in kept)
        self.mean, self.variance, self._known = X.mean(axis=others), X.var(axis=others), True

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        out, deviation = self.out, self._deviation
        np.sqrt(self.variance.reshape(deviation.shape), deviation)
        np.maximum(deviation, self._epsilon, out=deviation)
        mean = self.mean.reshape(deviation.shape)
        if self.invert:
            np.multiply(X, deviation, out)
            np.add(out, mean, out)
        else:
            np.subtract(X, mean, out)
            np.divide(out, deviation, out)
        return out

    def backward(self, delta: Array) -> Array:
        if not self.passes_grad:
            return delta
        scaled = np.multiply if self.invert else np.divide
        result: Array = scaled(delta, self._deviation, self.grad)
        return result

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        kept = self._kept_axes(input_shape)
        shape = tuple(input_shape[k - 1] for k in kept)
        given = self.mean is not None
        found = (self.mean, self.variance) if given else (0.0, 1.0)
        try:
            values = [np.broadcast_to(np.asarray(value, np.float64), shape) for value in found]
        except ValueError:
            raise ArgumentError(
                f"mean and variance have the shapes {np.shape(self.mean)} and {np.shape(self.variance)}; "
                f"rows of shape {input_shape} and axis={self.axis} need {shape}"
            ) from None
        super().build(input_shape, rng, dtype)
        for name, value in zip(("mean", "variance"), values, strict=True):
            self.add_parameter(name, value, trainable=False)
        axes = range(1, len(input_shape) + 1)
        self._deviation = np.empty([input_shape[k - 1] if k in kept else 1 for k in axes], dtype)
        self._epsilon = np.array(EPSILON, dtype)

    def forget(self) -> None:
        super().forget()
        if not self.__dict__.get("_known"):  # those that `adapt` has found are settings from then on
            self.mean = self.variance = None

    def clone(self) -> Self:
        twin = super().clone()
        twin._known = self._known
        twin.forget()
        return twin

    def _kept_axes(self, input_shape: Shape) -> list[int]:
        rank = len(input_shape) + 1
        kept = sorted({k % rank if -rank < k < rank else 0 for k in self._axes})
        require(0 not in kept, "axis", self.axis, f"axes of an array of shape (n, *{input_shape})")
        return kept

    def buffers(self) -> dict[str, Shape]:
        return {"out": self.output_shape, "grad": self.output_shape}


class Rescaling(Layer):
    """out = X scale + offset, for images ``Rescaling(1 / 255)``.

    Parameters
    ----------
    scale : float or array-like
        One number, or one for each column.
    offset : float or array-like, default 0.0
    **options
        `input_shape`, `name` of `Layer`.

    Examples
    --------
    >>> layer = Rescaling(1 / 127.5, offset=-1)
    >>> layer.build((3,), np.random.default_rng(), np.dtype("float64"))
    >>> layer.forward(np.array([[0.0, 127.5, 255.0]]))
    array([[-1.,  0.,  1.]])
    """

    grad: Array
    _scale: Array
    _offset: Array

    def __init__(self, scale: Any, offset: Any = 0.0, **options: Any) -> None:
        super().__init__(**options)
        for name, value in (("scale", scale), ("offset", offset)):
            require_finite(as_numbers(value, np.dtype(np.float64), name), name)
        self.scale, self.offset = scale, offset

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        np.multiply(X, self._scale, self.out)
        return np.add(self.out, self._offset, self.out)

    def backward(self, delta: Array) -> Array:
        return np.multiply(delta, self._scale, self.grad) if self.passes_grad else delta

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        for name, value in (("scale", self.scale), ("offset", self.offset)):
            shape = np.shape(value)
            fits = all(n in (1, m) for n, m in zip(shape[::-1], input_shape[::-1], strict=False))
            expected = f"a number, or of the shape of a row, {input_shape}"
            require(fits and len(shape) <= len(input_shape), name, value, expected)
        super().build(input_shape, rng, dtype)
        self._scale, self._offset = np.array(self.scale, dtype), np.array(self.offset, dtype)

    def buffers(self) -> dict[str, Shape]:
        return {"out": self.output_shape, "grad": self.output_shape}
