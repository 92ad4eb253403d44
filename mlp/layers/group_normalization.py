"""Group normalization: parts of a row, each with mean 0 and variance 1."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.layers.base import Layer, Shape
from mlp.layers.row_normalization import inverse_root, shares
from mlp.layers.scale_and_shift import (
    add_scale_and_shift,
    check_axis,
    keep_settings,
    over_rows,
    scaled_and_shifted,
)
from mlp.naming import is_integer, require


class GroupNormalization(Layer):
    """out = γ x̂ + β, x̂ = (X − mean) / √(variance + ε), of each of `groups` equal parts of a row.

    Parameters
    ----------
    groups : int, default 32
        Must divide the number of columns; -1 is a group for each column.
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
    `LayerNormalization` is the case of one group.

    References
    ----------
    Y. Wu and K. He, "Group normalization", ECCV (2018).

    Examples
    --------
    >>> layer = GroupNormalization(2, epsilon=1e-9)
    >>> layer.build((4,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.forward(np.array([[1.0, 3.0, 10.0, -10.0]])).round(6)
    array([[-1.,  1.,  1., -1.]])
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
        groups: int = 32,
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
        positive = is_integer(groups) and (groups > 0 or groups == -1)
        require(positive, "groups", groups, "a positive integer, or -1 for a group for each column")
        self.groups = int(groups)
        initial, penalties = (beta_initializer, gamma_initializer), (beta_regularizer, gamma_regularizer)
        bounds = (beta_constraint, gamma_constraint)
        keep_settings(self, axis, epsilon, center, scale, initial, penalties, bounds)

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        # a line is a group of a row: (n, o) becomes (n·groups, o/groups)
        normed, lines = self.normed.reshape(self._lines), X.reshape(self._lines)
        squares = self.out.reshape(self._lines)
        lines.dot(self._shares, self.mean)
        np.subtract(lines, self.mean, normed)
        np.multiply(normed, normed, squares)
        inverse_root(squares.dot(self._shares, self.inverse), self._epsilon)
        np.multiply(normed, self.inverse, normed)  # x̂ = (X − mean) / √(var + ε)
        return scaled_and_shifted(self, self.normed, self.out)  # out = γ x̂ + β    (n, o)

    def backward(self, delta: Array) -> Array:
        if self.learns and self.center:
            over_rows(self.ones, delta, self.dbeta)  # dβ = Σ_n delta              (o,)
        if self.learns and self.scale:  # dγ = Σ_n delta ∘ x̂                       (o,)
            over_rows(self.ones, np.multiply(delta, self.normed, self.scratch), self.dgamma)
        if not self.passes_grad:
            return delta
        if self.scale:
            delta = np.multiply(delta, self.gamma, self.grad)
        # grad = (γδ − mean(γδ) − x̂ mean(γδ ∘ x̂)) / √(var + ε), means over a group
        grad, scratch, normed = (a.reshape(self._lines) for a in (self.grad, self.scratch, self.normed))
        lines = delta.reshape(self._lines)
        np.multiply(lines, normed, scratch)
        np.multiply(normed, scratch.dot(self._shares, self.mean), scratch)
        np.add(scratch, lines.dot(self._shares, self.mean), scratch)
        np.subtract(lines, scratch, grad)
        np.multiply(grad, self.inverse, grad)
        return self.grad

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        check_axis(self.axis, input_shape)
        columns = input_shape[-1]
        groups = columns if self.groups == -1 else self.groups
        if len(input_shape) != 1 or columns % groups:
            raise ArgumentError(
                f"GroupNormalization takes rows of numbers in {groups} groups of equal size; "
                f"each row has the shape {input_shape}"
            )
        super().build(input_shape, rng, dtype)
        add_scale_and_shift(self, input_shape)
        self._lines = (-1, columns // groups)
        self._epsilon, self._shares = np.array(self.epsilon, dtype), shares(columns // groups, dtype)

    def allocate(self, rows: int) -> None:
        super().allocate(rows)
        self.mean, self.inverse = self.mean.reshape(-1, 1), self.inverse.reshape(-1, 1)
        self.ones.fill(1)

    def buffers(self) -> dict[str, Shape]:
        wide = dict.fromkeys(("out", "normed", "scratch", "grad"), self.output_shape)
        each = (self.output_shape[0] // self._lines[1],)
        return wide | {"mean": each, "inverse": each, "ones": ()}
