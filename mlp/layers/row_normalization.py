"""Normalization of each row by itself: the same while training and at prediction, whatever the batch."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from collections.abc import Iterator
from typing import Any

import numpy as np

from mlp.arrays import Array, Mask
from mlp.layers.base import Layer, Shape
from mlp.layers.scale_and_shift import (
    add_scale_and_shift,
    axis_of_columns,
    check_axis,
    keep_settings,
    over_rows,
    scaled_and_shifted,
)
from mlp.naming import require_in

CACHED = 1 << 16  # numbers of a block of rows: several arrays of them fit into the cache


class LayerNormalization(Layer):
    """out = γ x̂ + β, x̂ = (X − mean) / √(variance + ε), mean and variance of each row.

    Parameters
    ----------
    axis : int, default -1
        The last, along which a row runs.
    epsilon : float in (0, inf), default 0.001
    center, scale : bool, default True
        Whether there is a β, and a γ.
    beta_initializer, gamma_initializer : str or Initializer, default "zeros" and "ones"
    beta_regularizer, gamma_regularizer : str or Regularizer, optional
    beta_constraint, gamma_constraint : str or Constraint, optional
    **options
        `input_shape`, `name`, `trainable` of `Layer`.

    Attributes
    ----------
    gamma, beta : Array of shape (o,)

    Notes
    -----
    grad below = (γ delta − mean(γ delta) − x̂ mean(γ delta ∘ x̂)) / √(variance + ε), means over a row.
    PyTorch's ε is 1e-5.

    References
    ----------
    J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer normalization", arXiv:1607.06450 (2016).

    Examples
    --------
    >>> layer = LayerNormalization(epsilon=1e-9)
    >>> layer.build((2,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.forward(np.array([[1.0, 3.0], [10.0, -10.0]])).round(6)
    array([[-1.,  1.],
           [ 1., -1.]])
    """

    axis: Any
    epsilon: float
    center: bool
    scale: bool
    gamma: Array
    beta: Array
    dgamma: Array
    dbeta: Array
    grad: Array
    scratch: Array
    normed: Array
    mean: Array
    inverse: Array
    ones: Array

    def __init__(
        self,
        axis: int = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        initial, penalties = (beta_initializer, gamma_initializer), (beta_regularizer, gamma_regularizer)
        bounds = (beta_constraint, gamma_constraint)
        keep_settings(self, axis, epsilon, center, scale, initial, penalties, bounds)

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        shares = self._shares
        for x, normed, out, mean, inverse in in_blocks(X, self.normed, self.out, self.mean, self.inverse):
            np.subtract(x, x.dot(shares, mean), normed)  # mean = 1/o Σ_k X_k      (n, 1)
            np.multiply(normed, normed, out)
            inverse_root(out.dot(shares, inverse), self._epsilon)
            np.multiply(normed, inverse, normed)  # x̂ = (X − mean) / √(var + ε)    (n, o)
            scaled_and_shifted(self, normed, out)  # out = γ x̂ + β                 (n, o)
        return self.out

    def backward(self, delta: Array) -> Array:
        shares, products, total = self._shares, self.scratch, self._total
        if self.learns and self.center:
            over_rows(self.ones, delta, self.dbeta)  # dβ = Σ_n delta              (o,)
        if self.scale:
            shares = np.multiply(shares, self.gamma[:, None], self._weighted)
            self.dgamma.fill(0)
        arrays = (delta, self.normed, products, self.grad, self.mean, self.inverse, self.ones)
        for part, normed, product, grad, mean, inverse, ones in in_blocks(*arrays):
            np.multiply(part, normed, product)
            if self.learns and self.scale:  # dγ = Σ_n delta ∘ x̂                   (o,)
                np.add(self.dgamma, over_rows(ones, product, total), self.dgamma)
            if self.passes_grad:
                # grad = (γδ − mean(γδ) − x̂ mean(γδ ∘ x̂)) / √(var + ε)             (n, o)
                np.multiply(normed, product.dot(shares, mean), product)
                np.add(product, part.dot(shares, mean), product)
                part = np.multiply(part, self.gamma, grad) if self.scale else part
                np.subtract(part, product, grad)
                np.multiply(grad, inverse, grad)
        return self.grad if self.passes_grad else delta

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        check_axis(self.axis, input_shape)
        super().build(input_shape, rng, dtype)
        add_scale_and_shift(self, input_shape[-1:])
        self._epsilon, self._shares = np.array(self.epsilon, dtype), shares(input_shape[-1], dtype)
        self._weighted, self._total = self._shares.copy(), np.empty(input_shape[-1:], dtype)

    def allocate(self, rows: int) -> None:
        super().allocate(rows)
        self.ones.fill(1)

    def buffers(self) -> dict[str, Shape]:
        wide = dict.fromkeys(("out", "normed", "scratch", "grad"), self.output_shape)
        one = (*self.output_shape[:-1], 1)
        return wide | {"mean": one, "inverse": one, "ones": self.output_shape[:-1]}


class RMSNormalization(Layer):
    """out = scale ∘ x̂, x̂ = X / √(mean(X²) + ε), the mean of each row.

    Parameters
    ----------
    axis : int, default -1
        The last, along which a row runs.
    epsilon : float in (0, inf), default 1e-6
    **options
        `input_shape`, `name`, `trainable` of `Layer`.

    Attributes
    ----------
    scale : Array of shape (o,)
        Learned; begins at 1.

    Notes
    -----
    grad below = (scale delta − x̂ mean(scale delta ∘ x̂)) / √(mean(X²) + ε).

    References
    ----------
    B. Zhang and R. Sennrich, "Root mean square layer normalization", NeurIPS (2019).

    Examples
    --------
    >>> layer = RMSNormalization()
    >>> layer.build((2,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.forward(np.array([[3.0, 3.0], [-7.0, 1.0]])).round(4)
    array([[ 1. ,  1. ],
           [-1.4,  0.2]])
    """

    scale: Array
    dscale: Array
    grad: Array
    scratch: Array
    normed: Array
    mean: Array
    inverse: Array
    ones: Array

    def __init__(self, axis: int = -1, epsilon: float = 1e-6, **options: Any) -> None:
        super().__init__(**options)
        require_in("(0, inf)", "epsilon", epsilon)
        self.axis, self.epsilon = axis_of_columns(axis), epsilon

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        np.multiply(X, X, self.out)
        inverse_root(self.out.dot(self._shares, self.inverse), self._epsilon)
        np.multiply(X, self.inverse, self.normed)  # x̂ = X / √(mean(X²) + ε)       (n, o)
        return np.multiply(self.normed, self.scale, self.out)

    def backward(self, delta: Array) -> Array:
        grad, scratch = self.grad, self.scratch
        np.multiply(delta, self.normed, scratch)
        if self.learns:
            over_rows(self.ones, scratch, self.dscale)  # dscale = Σ_n delta ∘ x̂   (o,)
        if not self.passes_grad:
            return delta
        # grad = (scale δ − x̂ mean(scale δ ∘ x̂)) / √(mean(X²) + ε)                 (n, o)
        np.multiply(self._shares, self.scale[:, None], self._weighted)
        np.multiply(self.normed, scratch.dot(self._weighted, self.mean), scratch)
        np.multiply(delta, self.scale, grad)
        np.subtract(grad, scratch, grad)
        return np.multiply(grad, self.inverse, grad)

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        check_axis(self.axis, input_shape)
        super().build(input_shape, rng, dtype)
        self.add_parameter("scale", np.broadcast_to(1.0, input_shape[-1:]))
        self._epsilon, self._shares = np.array(self.epsilon, dtype), shares(input_shape[-1], dtype)
        self._weighted = self._shares.copy()

    def allocate(self, rows: int) -> None:
        super().allocate(rows)
        self.ones.fill(1)

    def buffers(self) -> dict[str, Shape]:
        wide = dict.fromkeys(("out", "normed", "scratch", "grad"), self.output_shape)
        one = (*self.output_shape[:-1], 1)
        return wide | {"mean": one, "inverse": one, "ones": self.output_shape[:-1]}


class UnitNormalization(Layer):
    """out = X / ‖X‖: each row gets the length 1.

    Parameters
    ----------
    axis : int, default -1
        The last, along which a row runs.
    **options
        `input_shape`, `name` of `Layer`.

    Notes
    -----
    grad below = (delta − out (Σ_k delta_k out_k)) / ‖X‖. A row shorter than 1e-12 has no direction:
    out and grad are 0 for it, where Keras multiplies it, and its grad, by 1e12.

    Examples
    --------
    >>> layer = UnitNormalization()
    >>> layer.build((2,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.forward(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """

    SHORTEST = 1e-12
    grad: Array
    common: Array
    inverse: Array
    short: Array

    def __init__(self, axis: int = -1, **options: Any) -> None:
        super().__init__(**options)
        self.axis = axis_of_columns(axis)

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        inverse = self.inverse
        np.multiply(X, X, self.out)
        np.sqrt(self.out.dot(self._ones, inverse), inverse)  # ‖X‖                  (n, 1)
        np.less(inverse, self._shortest, self.short)
        np.copyto(inverse, np.inf, where=self.short)
        np.reciprocal(inverse, inverse)
        return np.multiply(X, inverse, self.out)

    def backward(self, delta: Array) -> Array:
        if not self.passes_grad:
            return delta
        grad = np.multiply(delta, self.out, self.grad)
        np.multiply(self.out, grad.dot(self._ones, self.common), grad)
        np.subtract(delta, grad, grad)
        return np.multiply(grad, self.inverse, grad)  # (δ − out Σ δ out) / ‖X‖     (n, o)

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        check_axis(self.axis, input_shape)
        super().build(input_shape, rng, dtype)
        self._ones, self._shortest = np.ones((input_shape[-1], 1), dtype), np.array(self.SHORTEST, dtype)

    def buffers(self) -> dict[str, Shape]:
        one = (*self.output_shape[:-1], 1)
        wide = {"out": self.output_shape, "grad": self.output_shape}
        return wide | {"inverse": one, "common": one, "short": Mask(one)}


def shares(columns: int, dtype: np.dtype[Any]) -> Array:
    """A column of 1/o: its product with rows is their means."""
    return np.full((columns, 1), 1 / columns, dtype)


def inverse_root(variance: Array, epsilon: Array) -> Array:
    """1 / √(variance + ε), in place."""
    np.add(variance, epsilon, variance)
    np.sqrt(variance, variance)
    return np.reciprocal(variance, variance)


def in_blocks(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """The arrays some rows at a time, so that the cache still has what the operation before has written."""
    rows = len(arrays[0])
    size = max(1, CACHED * rows // arrays[0].size)
    if rows <= size:
        yield arrays
    else:
        for start in range(0, rows, size):
            yield tuple(array[start : start + size] for array in arrays)
