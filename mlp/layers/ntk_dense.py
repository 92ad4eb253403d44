"""The fully connected layer in the parametrisation of the neural tangent kernel."""

from __future__ import annotations  # so that np.random is not loaded for a signature

import math
from typing import Any

import numpy as np

from mlp import activations, constraints, initializers, regularizers
from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.layers.base import Layer, Shape
from mlp.naming import is_integer, require, require_bool


class NTKDense(Layer):
    """out = f(X W/√i + b): a `Dense` whose weights are kept √i times as large.

    Parameters
    ----------
    units : int
        Number of outputs, o.
    activation : str, Activation or None, default None
        f, by name or object; None is linear.
    use_bias : bool, default True
    kernel_initializer : str or Initializer, default ``RandomNormal(stddev=1.0)``
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
    W, b, dW, db, X, net, out : Array
        As those of `Dense`.
    factor : float
        1/√i.

    Raises
    ------
    ArgumentError
        If an argument cannot be used; when it is built, if a row has more than one axis.

    Notes
    -----
    What can be computed is the same as with `Dense`, whose weights would be W/√i. What differs is how
    it learns: whatever the width, weights have the size 1, so that one learning rate of Adam, and one
    decay, suits layers of all widths. A step of Adam with rate η here is one with η/√i of `Dense`.

    Backward: dW = Xᵀ delta/√i, db = Σ_n delta, grad = delta Wᵀ/√i.

    References
    ----------
    A. Jacot, F. Gabriel and C. Hongler, "Neural tangent kernel: convergence and generalization in
    neural networks", NeurIPS (2018).

    Examples
    --------
    >>> layer = NTKDense(1)
    >>> layer.build((4,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.W = [[1], [1], [1], [3]]
    >>> layer.forward(np.array([[1.0, 2.0, 3.0, 4.0]]))
    array([[9.]])
    >>> layer.backward(np.array([[2.0]]))
    array([[1., 1., 1., 3.]])
    >>> layer.dW.T
    array([[1., 2., 3., 4.]])
    """

    X: Array
    W: Array
    b: Array | None
    dW: Array
    db: Array
    scaled: Array
    ones: Array
    deltas: Array
    grad: Array

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = None,
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
        normal = initializers.RandomNormal(stddev=1.0)
        self.kernel_initializer = initializers.get(
            normal if kernel_initializer is None else kernel_initializer
        )
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        self.__dict__["X"] = X
        np.multiply(X, self._factor, self.scaled)  # X/√i                (n, i)
        self.scaled.dot(self.W, self.net)  # net = X W/√i + b             (n, o)
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
            self.scaled.T.dot(delta, self.dW)  # dW = Xᵀ delta/√i         (i, o)
            if self.b is not None:
                self.ones.dot(delta, self.db)  # db = Σ_n delta            (o,)
        if not self.passes_grad:
            return delta
        delta.dot(self.W.T, self.grad)  # grad = delta Wᵀ/√i              (n, i)
        self.grad *= self._factor
        return self.grad

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        if len(input_shape) != 1:
            raise ArgumentError(
                f"NTKDense takes rows of numbers, but each row has the shape {input_shape}; "
                "put a Flatten() before it"
            )
        super().build(input_shape, rng, dtype)
        self._factor = np.array(self.factor, dtype)
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
        wide = {"net": (o,), "out": self.output_shape, "deltas": (o,), "scaled": (i,), "ones": ()}
        return wide | ({"grad": (i,)} if self.passes_grad else {})

    @property
    def factor(self) -> float:
        """1/√i, once the layer is built."""
        assert self.input_shape is not None
        return 1 / math.sqrt(self.input_shape[0])

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
