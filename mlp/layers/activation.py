"""An activation as a layer of its own: Dense(20) then Activation("relu"), and Keras's names for some."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from typing import Any

import numpy as np

from mlp import activations, constraints, initializers, regularizers
from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.layers.base import Layer, Shape
from mlp.naming import require_one_of


class Activation(Layer):
    """out = f(X).

    Parameters
    ----------
    activation : str or mlp.activations.Activation
        f, by name or object.
    activity_regularizer : str or Regularizer, optional
        Penalty on the output, divided by the number of rows.
    **options
        `input_shape`, `name`, `trainable` of `Layer`.

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

    def __init__(self, activation: Any, activity_regularizer: Any = None, **options: Any) -> None:
        super().__init__(**options)
        self.activation = activations.get(activation)
        self.activity_regularizer = regularizers.get(activity_regularizer)

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        self.net = X
        return self.applied.f(X, self.out)

    def delta(self, grad: Array) -> Array:
        if self.activity_regularizer is not None:
            grad = self.add_activity(grad)
        return self.applied.delta(grad, self.net, self.out, self.deltas)

    def backward(self, delta: Array) -> Array:
        return delta

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        require_flat("Activation", input_shape)
        super().build(input_shape, rng, dtype)
        self.add_activation(input_shape[0])

    def buffers(self) -> dict[str, Shape]:
        assert self.input_shape is not None
        return {"out": self.output_shape, "deltas": self.input_shape}

    @property
    def output_shape(self) -> Shape:
        assert self.input_shape is not None
        return (self.activation.outputs(self.input_shape[0]),)


class PReLU(Layer):
    """out = X above 0, α X below; α is learned, one for each column.

    Parameters
    ----------
    alpha_initializer : str or Initializer, default "zeros"
        The paper begins at 0.25: ``initializers.Constant(0.25)``.
    alpha_regularizer : str or Regularizer, optional
    alpha_constraint : str or Constraint, optional
    **options
        `input_shape`, `name`, `trainable` of `Layer`.

    Attributes
    ----------
    alpha : Array of shape (i,)

    Notes
    -----
    The slope at 0 is α, as PyTorch's; Keras's is 0 there. Keras's `shared_axes` is for images.

    References
    ----------
    K. He et al., "Delving deep into rectifiers", ICCV (2015).

    Examples
    --------
    >>> layer = PReLU("ones")
    >>> layer.build((3,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.forward(np.array([[-1.0, 0.0, 2.0]]))
    array([[-1.,  0.,  2.]])
    """

    alpha: Array
    deltas: Array

    def __init__(
        self,
        alpha_initializer: Any = "zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.activation = activations.PReLU()
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        self.__dict__["net"] = X
        return self.applied.f(X, self.out)

    def delta(self, grad: Array) -> Array:
        return self.applied.delta(grad, self.net, self.out, self.deltas)

    def backward(self, delta: Array) -> Array:
        return delta

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        require_flat("PReLU", input_shape)
        super().build(input_shape, rng, dtype)
        self.add_activation(input_shape[0])
        self.alpha = self.alpha_initializer(rng, input_shape)
        penalty, bound = self.alpha_regularizer, self.alpha_constraint
        self.regularizers = {} if penalty is None else {"alpha": penalty}
        self.constraints = {} if bound is None else {"alpha": bound}

    def buffers(self) -> dict[str, Shape]:
        return {"out": self.output_shape, "deltas": self.output_shape}


def ReLU(
    max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **options: Any
) -> Activation:
    """``Activation("relu")``, or with an argument that of `mlp.activations.GeneralReLU`.

    A function, where Keras has a class, as are `LeakyReLU`, `ELU` and `Softmax`: what it makes
    is known by ``isinstance(layer, layers.Activation)`` and the class of ``layer.activation``.

    Parameters
    ----------
    max_value : float in [0, inf), optional
    negative_slope, threshold : float in [0, inf), default 0
    **options
        Those of `Activation`.
    """
    if max_value is None and not negative_slope and not threshold:
        return Activation("relu", **options)
    return Activation(activations.GeneralReLU(negative_slope, max_value, threshold), **options)


def LeakyReLU(negative_slope: float = 0.3, alpha: float | None = None, **options: Any) -> Activation:
    """``Activation(activations.LeakyReLU(0.3))``; as a function of Keras it has 0.2.

    Parameters
    ----------
    negative_slope : float in [0, inf), default 0.3
    alpha : float, optional
        Keras 2's word for it.
    **options
        Those of `Activation`, which this function makes; see `ReLU`.
    """
    return Activation(activations.LeakyReLU(negative_slope if alpha is None else alpha), **options)


def ELU(alpha: float = 1.0, **options: Any) -> Activation:
    """``Activation(activations.ELU(1.0))``.

    Parameters
    ----------
    alpha : float in (0, inf), default 1.0
    **options
        Those of `Activation`, which this function makes; see `ReLU`.
    """
    return Activation(activations.ELU(alpha), **options)


def Softmax(axis: int = -1, **options: Any) -> Activation:
    """``Activation("softmax")``, of each row.

    Parameters
    ----------
    axis : {-1, 1}, default -1
    **options
        Those of `Activation`, which this function makes; see `ReLU`.
    """
    require_one_of("axis", axis, (-1, 1), "-1: a row holds the classes")
    return Activation("softmax", **options)


def require_flat(layer: str, input_shape: Shape) -> None:
    """Raise an `ArgumentError` unless the rows are rows of numbers."""
    if len(input_shape) != 1:
        raise ArgumentError(
            f"{layer} takes rows of numbers, but each row has the shape {input_shape}; "
            "put a Flatten() before it"
        )
