"""Dropout: random silence, so that no unit relies on one other."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.layers.base import Layer, Shape
from mlp.naming import require_in
from mlp.randomness import check_seed, new_generator


class Dropout(Layer):
    """While training, silence each input with probability `rate`; otherwise pass it on.

    out = X ∘ mask, where mask is 0 with probability `rate` and 1/(1 − rate) otherwise. The
    survivors are scaled up ("inverted" dropout), so that the expected output is X and nothing
    has to change at prediction.

    Parameters
    ----------
    rate : float in [0, 1)
    seed : int, optional
        A generator of its own; by default the model's is used, which its seed determines.
    **options
        `input_shape`, `name` of `Layer`.

    References
    ----------
    N. Srivastava et al., "Dropout", JMLR 15 (2014).

    Examples
    --------
    >>> layer = Dropout(0.5, seed=0)
    >>> layer.build((4,), np.random.default_rng(), np.dtype("float64"))
    >>> layer.forward(np.ones((1, 4)), training=True)
    array([[2., 0., 0., 0.]])
    >>> layer.forward(np.ones((1, 4)))
    array([[1., 1., 1., 1.]])
    """

    mask: Array
    grad: Array

    def __init__(self, rate: float, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        require_in("[0, 1)", "rate", rate)
        self.rate, self.seed = rate, check_seed(seed)

    def forward(self, X: Array, training: bool = False) -> Array:
        if not training or not self.rate:
            self.dropped = False
            return X
        if len(X) != self.rows:
            self.allocate(len(X))
        self.dropped = True
        self.rng.random(out=self.mask, dtype=self.dtype.type)
        keep = 1 - self.rate  # a number u from [0, 1) becomes ⌊u + keep⌋ / keep: 0 or 1/keep
        np.add(self.mask, keep, out=self.mask)
        np.floor(self.mask, out=self.mask)
        np.multiply(self.mask, 1 / keep, out=self.mask)
        return np.multiply(X, self.mask, out=self.out)

    def backward(self, delta: Array) -> Array:
        return np.multiply(delta, self.mask, out=self.grad) if self.dropped else delta

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        super().build(input_shape, rng if self.seed is None else new_generator(self.seed), dtype)

    def buffers(self) -> dict[str, Shape]:
        return dict.fromkeys(("mask", "out", "grad"), self.output_shape)
