"""Batch normalization: each column of a batch gets mean 0 and variance 1, then a scale and a shift."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from typing import Any

import numpy as np

from mlp import initializers
from mlp.arrays import Array
from mlp.layers.base import Layer, Shape
from mlp.layers.scale_and_shift import add_scale_and_shift, check_axis, keep_settings, over_rows
from mlp.naming import require_in


class BatchNormalization(Layer):
    """out = γ (X − mean) / √(variance + ε) + β, mean and variance of each column over the batch.

    Parameters
    ----------
    axis : int, default -1
        That of the columns: the last.
    momentum : float in [0, 1], default 0.99
        Of the moving averages: ``moving ← momentum · moving + (1 − momentum) · that of the batch``.
    epsilon : float in (0, inf), default 0.001
    center, scale : bool, default True
        Whether there is a β, and a γ.
    beta_initializer, gamma_initializer : str or Initializer, default "zeros" and "ones"
    moving_mean_initializer, moving_variance_initializer : str or Initializer, default "zeros" and "ones"
    beta_regularizer, gamma_regularizer : str or Regularizer, optional
    beta_constraint, gamma_constraint : str or Constraint, optional
    **options
        `input_shape`, `name`, `trainable` of `Layer`.

    Attributes
    ----------
    gamma, beta, moving_mean, moving_variance : Array of shape (o,)

    Notes
    -----
    At prediction, and also while training if the layer is frozen, the moving averages take the
    place of mean and variance, as in Keras 3. The variance is Σ (X − mean)²/n there too, where
    PyTorch's moving one is divided by n − 1. Weights of samples do not count in mean and variance,
    as in Keras. Of a batch of one row nothing but β is left.

    With x̂ = (X − mean)/σ, grad below = γ/σ ∘ (delta − mean(delta) − x̂ ∘ mean(delta ∘ x̂)).

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by reducing
    internal covariate shift", ICML (2015).

    Examples
    --------
    >>> layer = BatchNormalization(epsilon=1e-9)
    >>> layer.build((1,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.forward(np.array([[1.0], [3.0]]), training=True).round(6)
    array([[-1.],
           [ 1.]])
    >>> layer.moving_mean
    array([0.02])
    """

    axis: Any
    epsilon: float
    center: bool
    scale: bool
    gamma: Array
    beta: Array
    dgamma: Array
    dbeta: Array
    moving_mean: Array
    moving_variance: Array
    by_batch: bool
    shares: Array
    deviation: Array
    grad: Array
    _factor: Array

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        require_in("[0, 1]", "momentum", momentum)
        self.momentum = momentum
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        initial, penalties = (beta_initializer, gamma_initializer), (beta_regularizer, gamma_regularizer)
        bounds = (beta_constraint, gamma_constraint)
        keep_settings(self, axis, epsilon, center, scale, initial, penalties, bounds)

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        out, deviation, factor = self.out, self.deviation, self._factor
        self.__dict__["by_batch"] = by_batch = training and self.learns
        if by_batch:
            mean = over_rows(self.shares, X, self._mean)  # 1/n Σ_n X          (o,)
            np.subtract(X, mean, deviation)
            np.multiply(deviation, deviation, out)
            variance = over_rows(self.shares, out, self._variance)  #          (o,)
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance)
        else:
            np.subtract(X, self.moving_mean, deviation)
            variance = self.moving_variance
        np.add(variance, self._epsilon, self._sigma2)  # σ² = variance + ε     (o,)
        np.sqrt(self._sigma2, factor)
        np.divide(self.gamma if self.scale else self._one, factor, factor)  #  γ/σ
        np.multiply(deviation, factor, out)  # out = γ/σ (X − mean) + β        (n, o)
        return np.add(out, self.beta, out) if self.center else out

    def _move(self, moving: Array, value: Array) -> None:
        np.subtract(value, moving, self._change)
        np.multiply(self._change, self._pace, self._change)
        np.add(moving, self._change, moving)

    def backward(self, delta: Array) -> Array:
        if not self.by_batch:
            return np.multiply(delta, self._factor, self.grad) if self.passes_grad else delta
        grad, mean, product = self.grad, self._mean, self._variance
        over_rows(self.shares, delta, mean)  # mean of delta                   (o,)
        np.multiply(delta, self.deviation, grad)
        over_rows(self.shares, grad, product)  # mean of delta ∘ (X − mean)    (o,)
        if self.center:
            np.multiply(mean, self._count, self.dbeta)  # dβ = Σ_n delta       (o,)
        if self.scale:  # dγ = Σ_n delta ∘ x̂, x̂ = (X − mean)/σ                 (o,)
            np.sqrt(self._sigma2, self._change)
            np.divide(product, self._change, self.dgamma)
            np.multiply(self.dgamma, self._count, self.dgamma)
        if not self.passes_grad:
            return delta
        # grad = γ/σ (delta − mean(delta) − (X − mean)/σ² mean(delta (X − mean)))   (n, o)
        np.divide(product, self._sigma2, product)
        np.multiply(self.deviation, product, grad)
        np.add(grad, mean, grad)
        np.subtract(delta, grad, grad)
        return np.multiply(grad, self._factor, grad)

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        check_axis(self.axis, input_shape)
        super().build(input_shape, rng, dtype)
        shape = input_shape[-1:]
        add_scale_and_shift(self, shape)
        self.add_parameter("moving_mean", self.moving_mean_initializer(rng, shape), trainable=False)
        self.add_parameter("moving_variance", self.moving_variance_initializer(rng, shape), trainable=False)
        self._epsilon, self._one, self._pace = (
            np.array(number, dtype) for number in (self.epsilon, 1, 1 - self.momentum)
        )
        self._mean, self._variance, self._sigma2, self._factor, self._change = np.empty((5, *shape), dtype)

    def allocate(self, rows: int) -> None:
        super().allocate(rows)
        self.shares.fill(1 / self.shares.size)
        self._count = np.array(self.shares.size, self.dtype)

    def buffers(self) -> dict[str, Shape]:
        shape = self.output_shape
        return {"out": shape, "deviation": shape, "grad": shape, "shares": shape[:-1]}
