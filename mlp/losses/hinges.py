"""Hinge losses: nothing is asked beyond a margin of 1, as in a support vector machine."""

from typing import Any

import numpy as np

from mlp.activations import compare
from mlp.arrays import Array, Mask
from mlp.elementary import maximum, where
from mlp.losses.base import Loss, require_targets
from mlp.losses.probabilities import require_distributions, require_several


class Hinge(Loss):
    """ℓ = (1/o) Σ_k max(1 − t_k out_k, 0) for targets −1 and 1, slope −t/o below the margin, else 0.

    Notes
    -----
    Targets 0 and 1 become −1 and 1, as in Keras, which also takes other numbers; they are
    refused. The output is a linear one; its sign is the class.

    References
    ----------
    Cortes and Vapnik (1995), Support-vector networks.

    Examples
    --------
    >>> Hinge()([[1.0, 0.0]], [[0.5, 0.5]])
    1.0
    """

    above: Array
    mask: Array

    def encode(self, T: Array, out: Array | None = None) -> Array:
        return signs(T, out)

    def elements(self, out: Array, T: Array) -> Array:
        return slack(self, out, T)

    def slopes(self, out: Array, T: Array) -> Array:
        compare(np.greater, slack(self, out, T), self.mask, self.above)
        np.multiply(self.above, T, self.scratch)
        return np.negative(self.scratch, self.scratch)

    @staticmethod
    def scalar_loss(net: float, out: float, t: float) -> tuple[float, float]:
        """Element and slope of one output."""
        lacking = maximum(1.0 - t * out, 0.0)
        return lacking, where(lacking > 0.0, -t, 0.0)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return super().buffers(units) | {"above": (units,), "mask": Mask((units,))}

    def check_target(self, T: Array, name: str) -> None:
        require_signs(self, T, name)


class SquaredHinge(Loss):
    """ℓ = (1/o) Σ_k max(1 − t_k out_k, 0)², slope −(2/o) t max(1 − t out, 0); targets as in `Hinge`.

    References
    ----------
    Tang (2013), Deep learning using linear support vector machines.

    Examples
    --------
    >>> SquaredHinge()([[1.0, 0.0]], [[0.5, 0.5]])
    1.25
    """

    def encode(self, T: Array, out: Array | None = None) -> Array:
        return signs(T, out)

    def elements(self, out: Array, T: Array) -> Array:
        xi = slack(self, out, T)
        return np.multiply(xi, xi, xi)

    def slopes(self, out: Array, T: Array) -> Array:
        xi = slack(self, out, T)
        np.multiply(xi, T, xi)
        return np.multiply(xi, self.minus_two, xi)

    @staticmethod
    def scalar_loss(net: float, out: float, t: float) -> tuple[float, float]:
        """Element and slope of one output."""
        lacking = maximum(1.0 - t * out, 0.0)
        return lacking * lacking, -2.0 * lacking * t

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        super().bind(units, dtype, canonical_factor)
        (self.minus_two,) = self.constants(-2)

    def check_target(self, T: Array, name: str) -> None:
        require_signs(self, T, name)


class CategoricalHinge(Loss):
    """ℓ = max(1 + max_k (1 − t_k) out_k − Σ_k t_k out_k, 0): the right class wins by 1. T is one-hot.

    Notes
    -----
    The slope is −1 at the right class and 1 at its strongest rival, and 0 once ℓ is 0. As in
    Keras, the right class counts as a rival with output 0, so where all other outputs are
    negative only its own is asked to reach 1. Rivals that are equal share the slope.

    References
    ----------
    Crammer and Singer (2001), On the algorithmic implementation of multiclass kernel-based
    vector machines.

    Examples
    --------
    >>> CategoricalHinge()([[0.0, 1.0]], [[0.25, 0.75]])
    0.5
    """

    rivals: Array
    strongest: Array
    count: Array
    is_below: Array
    mask: Array

    def value(self, out: Array, T: Array) -> Array:
        np.subtract(self.one, T, self.rivals)
        np.multiply(self.rivals, out, self.scratch)
        np.maximum.reduce(self.scratch, axis=1, out=self.strongest, keepdims=True)
        np.multiply(T, out, self.rivals).dot(self.ones, self.values)
        np.subtract(self.strongest[:, 0], self.values, self.values)
        np.add(self.values, self.one, self.values)
        return np.maximum(self.values, self.zero, out=self.values)

    def gradient(self, out: Array, T: Array) -> Array:
        short = self.value(out, T)
        np.equal(self.scratch, self.strongest, self.mask)
        np.copyto(self.scratch, self.mask)
        np.divide(self.scratch, self.scratch.dot(self.ones, self.count)[:, None], self.scratch)
        np.subtract(self.one, T, self.rivals)
        np.multiply(self.scratch, self.rivals, self.scratch)
        np.subtract(self.scratch, T, self.scratch)
        np.greater(short, self.zero, self.is_below)
        np.copyto(short, self.is_below)
        return np.multiply(self.scratch, short[:, None], self.scratch)

    @staticmethod
    def row_loss(net: Array, out: Array, T: Array, grad: Array, units: int) -> float:
        """ℓ and ∂ℓ/∂out of one row."""
        strongest, right, count = (1.0 - T[0]) * out[0], 0.0, 0.0
        for k in range(units):
            grad[k] = (1.0 - T[k]) * out[k]
            strongest = maximum(strongest, grad[k])
            right += T[k] * out[k]
        for k in range(units):
            count += where(grad[k] == strongest, 1.0, 0.0)
        value = maximum(strongest - right + 1.0, 0.0)
        below = where(value > 0.0, 1.0, 0.0)
        for k in range(units):
            grad[k] = (where(grad[k] == strongest, 1.0, 0.0) / count * (1.0 - T[k]) - T[k]) * below
        return value

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        require_several(self, units)
        super().bind(units, dtype, canonical_factor)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        rows = {"strongest": (1,), "count": (), "is_below": Mask(())}
        return super().buffers(units) | rows | {"rivals": (units,), "mask": Mask((units,))}

    def check_target(self, T: Array, name: str) -> None:
        require_distributions(self, T, name)


def signs(T: Array, out: Array | None) -> Array:
    """Targets −1 and 1, where 0 stood for −1."""
    zeros = T == 0
    return np.subtract(T, zeros, out=out) if zeros.any() else T


def slack(loss: Loss, out: Array, T: Array) -> Array:
    """ξ = max(1 − t·out, 0): what each output lacks to be right by a margin of 1."""
    np.multiply(T, out, loss.scratch)
    np.subtract(loss.one, loss.scratch, loss.scratch)
    return np.maximum(loss.scratch, loss.zero, out=loss.scratch)


def require_signs(loss: Loss, T: Array, name: str) -> None:
    """Raise an `ArgumentError` unless all targets are −1 and 1, or all are 0 and 1."""
    require_targets(loss, (np.abs(T) == 1) | (T == 0), T, name, "hold -1 and 1, or 0 and 1,")
    either = (T != 0) if (T < 0).any() else np.ones(T.shape, bool)
    require_targets(loss, either, T, name, "hold -1 and 1, or 0 and 1, not 0 beside -1,")
