"""One learned factor for each column."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from typing import Any

import numpy as np

from mlp import constraints, initializers, regularizers
from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.layers.base import Layer, Shape


class Scale(Layer):
    """out = γ ∘ X: each column multiplied by a factor that is learned.

    Parameters
    ----------
    initializer : str or Initializer, default "ones"
        How γ begins.
    regularizer : str or Regularizer, optional
    constraint : str or Constraint, optional
    **options
        `input_shape`, `name`, `trainable` of `Layer`.

    Attributes
    ----------
    gamma, dgamma : Array of shape (i,)
        The factors, and ∂L/∂γ = Σ_n delta ∘ X.

    Raises
    ------
    ArgumentError
        When it is built, if a row has more than one axis.

    Notes
    -----
    As the first layer it lets a net turn columns up and down, softly what a choice of columns does;
    with a larger rate than the weights have (``rate_factors={"gamma": 6}``) it does so quickly.

    References
    ----------
    D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data" (2024).

    Examples
    --------
    >>> layer = Scale()
    >>> layer.build((2,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.gamma = [3, 0]
    >>> layer.forward(np.array([[1.0, 2.0], [4.0, 5.0]]))
    array([[ 3.,  0.],
           [12.,  0.]])
    >>> layer.backward(np.array([[1.0, 1.0], [0.0, 1.0]]))
    array([[3., 0.],
           [0., 0.]])
    >>> layer.dgamma
    array([1., 7.])
    """

    X: Array
    gamma: Array
    dgamma: Array
    products: Array
    ones: Array
    grad: Array

    def __init__(
        self, initializer: Any = "ones", regularizer: Any = None, constraint: Any = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.initializer = initializers.get(initializer)
        self.regularizer = regularizers.get(regularizer)
        self.constraint = constraints.get(constraint)

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        self.__dict__["X"] = X
        return np.multiply(X, self.gamma, self.out)

    def backward(self, delta: Array) -> Array:
        if self.learns:
            np.multiply(delta, self.X, self.products)
            self.ones.dot(self.products, self.dgamma)  # dγ = Σ_n delta ∘ X
        return np.multiply(delta, self.gamma, self.grad) if self.passes_grad else delta

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        if len(input_shape) != 1:
            raise ArgumentError(
                f"Scale takes rows of numbers, but each row has the shape {input_shape}; "
                "put a Flatten() before it"
            )
        super().build(input_shape, rng, dtype)
        self.add_parameter(
            "gamma", self.initializer(rng, input_shape), True, self.regularizer, self.constraint
        )

    def allocate(self, rows: int) -> None:
        super().allocate(rows)
        self.ones.fill(1)

    def buffers(self) -> dict[str, Shape]:
        shapes = dict.fromkeys(("out", "products"), self.output_shape) | {"ones": ()}
        return shapes | ({"grad": self.output_shape} if self.passes_grad else {})
