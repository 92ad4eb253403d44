"""Losses: value, gradient and output delta.

A loss gives one value a sample, ℓ_n, and the package sums them with weights,
``L = Σ_n weight_n ℓ_n``, where weight_n is w_n / N for the mean and w_n for the sum (w is
the sample weight, 1 if there is none). The gradient is always that of this very L.

The delta of the output layer is f'(net) ∘ ∂L/∂out. For some pairs of activation and loss
the slope cancels and ``out − T`` is left, which stays exact where the long way is 0 · ∞.
Those pairs stand in one table, `CANONICAL_PAIRS` in `pairs.py`; `Loss.delta` below is the
only place where the short cut is taken.
"""

from typing import Any

import numpy as np

from mlp.activations import CONSTANTS, Activation
from mlp.arrays import Array, Workspace, as_numbers, as_weights, require_finite
from mlp.errors import ArgumentError
from mlp.naming import Part, require


class Loss(Part):
    """Base of losses. Your own implements `value` and `gradient`.

    Parameters
    ----------
    reduction : {"sum_over_batch_size", "mean", "sum"}, default "sum_over_batch_size"
        Mean over the samples of a batch (the first two are the same), or their sum.

    Notes
    -----
    `value(out, T)` returns ℓ, shape (n,); `gradient(out, T)` returns ∂ℓ_n/∂out, shape (n, o).
    Output and target have shape (n, o). `scratch` is an (n, o) buffer for either.
    """

    shape_hint = ""  # what an error adds when one column came where several were expected
    scratch: Array
    values: Array
    ones: Array

    def __init__(self, reduction: str = "sum_over_batch_size") -> None:
        valid = ("sum_over_batch_size", "mean", "sum")
        require(reduction in valid, "reduction", reduction, f"one of {', '.join(valid)}")
        self.reduction = reduction
        self.rows, self.canonical_factor, self._workspace = -1, 0.0, Workspace()

    def value(self, out: Array, T: Array) -> Array:
        """ℓ, shape (n,): the loss of each sample."""
        raise NotImplementedError

    def gradient(self, out: Array, T: Array) -> Array:
        """∂ℓ_n/∂out, shape (n, o)."""
        raise NotImplementedError

    def total_from_net(
        self, activation: Activation, net: Array, out: Array, T: Array, weight: Array
    ) -> float:
        """L by the net activation, for a canonical pair: exact where `out` has underflowed."""
        return weigh(self.value(out, T), weight)

    def encode(self, T: Array, out: Array | None = None) -> Array:
        """Checked targets as the formulas want them, (n, o): smoothed or one-hot if need be.

        The result is T itself, or written into `out`, or a new array.
        """
        return T

    # what the engine calls

    def total(self, activation: Activation, net: Array, out: Array, T: Array, weight: Array) -> float:
        """L = Σ_n weight_n ℓ_n."""
        if self.canonical_factor:
            return self.total_from_net(activation, net, out, T, weight)
        return weigh(self.value(out, T), weight)

    def delta(
        self, activation: Activation, net: Array, out: Array, T: Array, weight: Array, delta: Array
    ) -> Array:
        """The output delta, ∂L/∂net, written into `delta`, shape (n, o)."""
        if self.canonical_factor:
            np.subtract(out, T, delta)
            if self.canonical_factor != 1:
                delta *= self.canonical_factor
            return np.multiply(delta, by_row(weight), delta)
        grad = self.gradient(out, T)
        grad *= by_row(weight)
        return activation.delta(grad, net, out, delta)

    # before training

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        """Prepare for that many outputs; a factor other than 0 marks a canonical pair."""
        self.units, self.dtype, self.canonical_factor = units, dtype, canonical_factor
        self.rows, self._workspace = -1, Workspace()
        self.zero, self.one = CONSTANTS[dtype]
        self.ones = np.ones(units, dtype)

    def allocate(self, rows: int) -> None:
        """Size the buffers for a batch of that many rows."""
        self.rows = rows
        shapes = self.buffers(self.units)
        for name, buffer in self._workspace.lend(rows, shapes, self.dtype).items():
            setattr(self, name, buffer)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        """Working memory by attribute name: the shape of one row."""
        return {"scratch": (units,), "values": ()}

    def check_activation(self, activation: Activation, units: int) -> None:
        """Raise an `ArgumentError` if the last activation does not suit the loss."""

    def as_target(self, y: Any, units: int, dtype: np.dtype[Any], name: str = "y") -> Array:
        """Check a whole target and bring it to the shape (n, o), or (n, 1) for labels."""
        T = as_numbers(y, dtype, name)
        if T.ndim == 1:
            T = T.reshape(-1, 1)
        if T.ndim != 2 or T.shape[1] != units:
            hint = self.shape_hint if T.ndim == 2 and T.shape[1] == 1 else ""
            raise ArgumentError(
                f"{name} has shape {np.shape(y)}, but there are {units} output(s): "
                f"expected (n, {units}).{hint}"
            )
        require_finite(T, name)
        self.check_target(T, name)
        return T

    def check_target(self, T: Array, name: str) -> None:
        """Raise an `ArgumentError` if a target has no meaning for this loss."""

    def reduce(self, rows: int) -> float:
        """What a sample's weight is multiplied by: 1/N for the mean, 1 for the sum."""
        return 1.0 if self.reduction == "sum" else 1.0 / rows

    # by itself

    def per_sample(self, y_true: Any, y_pred: Any) -> Array:
        """ℓ for arrays of any float type, without a model; shape (n,)."""
        out = np.asarray(y_pred)
        out = np.atleast_2d(out if out.dtype in CONSTANTS else out.astype(np.float64))
        out = out.T if np.ndim(y_pred) == 1 else out
        if out.ndim != 2 or not out.size:
            raise ArgumentError(f"y_pred must have rows and columns; its shape is {np.shape(y_pred)}")
        self.bind(out.shape[1], out.dtype)
        T = self.as_target(y_true, out.shape[1], out.dtype, "y_true")
        if len(T) != len(out):
            raise ArgumentError(f"y_true has {len(T)} rows and y_pred has {len(out)}")
        self.allocate(len(out))
        return np.array(self.value(out, self.encode(T)))

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        """L for arrays, without a model; Keras's order of arguments."""
        values = self.per_sample(y_true, y_pred)
        if sample_weight is not None:
            values = values * as_weights(sample_weight, len(values), values.dtype)
        return float(values.sum() * self.reduce(len(values)))


# The weight of a batch is one number for all rows, an array of rank zero, or one for each, (n,).
# A product with one number costs a third of one with a column, and most batches have one.


def by_row(weight: Array) -> Array:
    """The weight in a form that multiplies the rows of an (n, o) array."""
    return weight[:, None] if weight.ndim else weight


def weigh(values: Array, weight: Array) -> float:
    """Σ_n weight_n values_n."""
    return float(weight.dot(values) if weight.ndim else weight * np.add.reduce(values))
