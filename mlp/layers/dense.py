"""The fully connected layer: the lecture's formulas, line by line."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from typing import Any

import numpy as np

from mlp import activations, constraints, initializers, regularizers
from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.layers.base import Layer, Shape
from mlp.naming import is_integer, require, require_bool


class Dense(Layer):
    """out = f(X W + b).

    Parameters
    ----------
    units : int
        Number of outputs, o.
    activation : str, Activation or None, default None
        f, by name or object; None is linear.
    use_bias : bool, default True
    kernel_initializer : str or Initializer, default "glorot_uniform"
        How W begins.
    bias_initializer : str or Initializer, default "zeros"
    kernel_regularizer, bias_regularizer : str or Regularizer, optional
        Penalties on W and on b, added to the loss.
    activity_regularizer : str or Regularizer, optional
        Penalty on the output, divided by the number of rows.
    kernel_constraint, bias_constraint : str or Constraint, optional
        What W and b are brought back to after each step.
    **options
        `input_shape`, `name`, `trainable` of `Layer`.

    Attributes
    ----------
    W : Array of shape (i, o)
        Weights; W[j, k] leads from input j to unit k.
    b : Array of shape (o,)
        Bias.
    dW, db : Array
        ∂L/∂W and ∂L/∂b after `backward`.
    X, net, out : Array
        Input (n, i), net activation (n, o) and output (n, o) of the last `forward`.

    References
    ----------
    D. E. Rumelhart, G. E. Hinton and R. J. Williams, "Learning representations by
    back-propagating errors", Nature 323 (1986).

    Examples
    --------
    >>> import numpy as np
    >>> layer = Dense(2, activation="relu")
    >>> layer.build((3,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.W = [[1, 0], [0, 1], [1, -1]]
    >>> layer.forward(np.array([[1.0, 2.0, 3.0]]))
    array([[4., 0.]])
    >>> delta = layer.delta(np.array([[1.0, 1.0]]))
    >>> delta
    array([[1., 0.]])
    >>> layer.backward(delta)
    array([[1., 0., 1.]])
    >>> layer.dW
    array([[1., 0.],
           [2., 0.],
           [3., 0.]])
    """

    X: Array
    W: Array
    b: Array | None
    dW: Array
    db: Array
    ones: Array
    deltas: Array
    grad: Array

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        require(is_integer(units) and units > 0, "units", units, "a positive integer")
        require_bool("use_bias", use_bias)
        self.units, self.use_bias = int(units), use_bias
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        self.__dict__["X"] = X  # self.X = X, without the detour of Layer.__setattr__
        X.dot(self.W, self.net)  # net = X W + b                           (n, o)
        if self.b is not None:
            np.add(self.net, self.b, self.net)
        return self.applied.f(self.net, self.out)  # out = f(net)       (n, o)

    def delta(self, grad: Array) -> Array:
        if self.activity_regularizer is not None:
            grad = self.add_activity(grad)
        # delta = f'(net) ∘ grad                                           (n, o)
        return self.applied.delta(grad, self.net, self.out, self.deltas)

    def backward(self, delta: Array) -> Array:
        if self.learns:
            self.X.T.dot(delta, self.dW)  # dW = Xᵀ delta                  (i, o)
            if self.b is not None:
                self.ones.dot(delta, self.db)  # db = Σ_n delta            (o,)
        if not self.passes_grad:
            return delta
        return delta.dot(self.W.T, self.grad)  # grad = delta Wᵀ           (n, i)

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        if len(input_shape) != 1:
            raise ArgumentError(
                f"Dense takes rows of numbers, but each row has the shape {input_shape}; "
                "put a Flatten() before it"
            )
        super().build(input_shape, rng, dtype)
        W = self.kernel_initializer(rng, (input_shape[0], self.units))
        self.add_parameter("W", W, True, self.kernel_regularizer, self.kernel_constraint)
        if self.use_bias:
            b = self.bias_initializer(rng, (self.units,))
            self.add_parameter("b", b, True, self.bias_regularizer, self.bias_constraint)
        else:
            self.b = None
        self.add_activation(self.units)

    def allocate(self, rows: int) -> None:
        super().allocate(rows)
        self.ones.fill(1)

    def buffers(self) -> dict[str, Shape]:
        i, o = self.W.shape
        wide = {"net": (o,), "out": self.output_shape, "deltas": (o,), "ones": ()}
        return wide | ({"grad": (i,)} if self.passes_grad else {})

    @property
    def kernel(self) -> Array:
        """Keras's name for W."""
        return self.W

    @property
    def bias(self) -> Array | None:
        """Keras's name for b."""
        return self.b

    @property
    def output_shape(self) -> Shape:
        return (self.activation.outputs(self.units),)
