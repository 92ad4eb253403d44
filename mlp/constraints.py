"""Constraints: after each step of the optimizer, weights are put back where they are allowed.

A layer projects W in place. A constraint of your own derives from `Constraint` and writes
one method, `project`.
"""

from typing import Any

import numpy as np

from mlp.arrays import Array, as_floats
from mlp.catalogue import Catalogue
from mlp.elementary import clip, maximum, minimum
from mlp.naming import Part, is_integer, require, require_in

EPSILON = 1e-7  # Keras's: what is divided by is the norm plus this


class Constraint(Part):
    """Base of constraints. Your own implements `project`.

    Examples
    --------
    >>> class AtMostOne(Constraint):
    ...     def project(self, W):
    ...         np.clip(W, -1, 1, out=W)
    >>> AtMostOne()([[0.5, -3.0]])
    array([[ 0.5, -1. ]])
    """

    def project(self, W: Array) -> None:
        """Change W in place to the allowed weights nearest to it, or what counts as such."""
        raise NotImplementedError

    def scalars(self) -> dict[str, Any]:
        """Numbers that the compiled form asks for by their names: by default all attributes."""
        return vars(self)

    def __call__(self, W: Any) -> Array:
        """A projected copy, as Keras's constraints give it."""
        array = as_floats(W, "W").copy()
        self.project(array)
        return array


def as_axis(axis: Any) -> int | tuple[int, ...]:
    """Check `axis`: an integer or several."""
    several = isinstance(axis, list | tuple)
    axes = tuple(axis) if several else (axis,)
    require(len(axes) > 0 and all(map(is_integer, axes)), "axis", axis, "an integer or a tuple of integers")
    return tuple(int(k) for k in axes) if several else int(axis)


def norms_of(W: Array, axis: int | tuple[int, ...]) -> Array:
    """Lengths of the vectors along `axis`, which is kept as an axis of size 1."""
    axes = axis if isinstance(axis, tuple) else (axis,)
    fits = all(-W.ndim <= k < W.ndim for k in axes)
    require(fits, "axis", axis, f"an axis of weights of shape {W.shape}")
    every = list(range(W.ndim))
    kept = [k for k in every if k not in axes and k - W.ndim not in axes]
    squares = np.asarray(np.einsum(W, every, W, every, kept))  # without an array of all squares
    norms: Array = np.sqrt(squares).reshape([W.shape[k] if k in kept else 1 for k in every])
    return norms


class MaxNorm(Constraint):
    """w ← w · min(‖w‖, max_value)/‖w‖: no unit's vector of weights is longer than `max_value`.

    Parameters
    ----------
    max_value : float in [0, inf), default 2
    axis : int or tuple of int, default 0
        Along which a vector runs: 0 for the weights that lead to one unit of `Dense`.

    Notes
    -----
    ‖w‖ + 1e-7 is divided by, as in Keras: also a shorter vector shrinks by that much.

    References
    ----------
    N. Srivastava et al., "Dropout", JMLR 15 (2014).

    Examples
    --------
    >>> MaxNorm(2)([[3.0, 0.3], [4.0, 0.4]]).round(4)
    array([[1.2, 0.3],
           [1.6, 0.4]])
    """

    def __init__(self, max_value: float = 2, axis: int | tuple[int, ...] = 0) -> None:
        require_in("[0, inf)", "max_value", max_value)
        self.max_value, self.axis = max_value, as_axis(axis)

    def project(self, W: Array) -> None:
        norms = norms_of(W, self.axis)
        factors = np.minimum(norms, self.max_value)
        norms += EPSILON
        factors /= norms
        W *= factors

    @staticmethod
    def scalar_factor(norm: float, max_value: float) -> float:
        """What a vector of that length is multiplied by."""
        return minimum(norm, max_value) / (norm + EPSILON)


class MinMaxNorm(Constraint):
    """w ← w · (rate·clip(‖w‖, min_value, max_value) + (1 − rate)·‖w‖)/‖w‖.

    Parameters
    ----------
    min_value : float in [0, inf), default 0.0
    max_value : float in [min_value, inf), default 1.0
    rate : float in [0, 1], default 1.0
        1 enforces the bounds at once, less approaches them step by step.
    axis : int or tuple of int, default 0
        As in `MaxNorm`.

    Notes
    -----
    ‖w‖ + 1e-7 is divided by, as in Keras. A vector of zeros has no direction and stays.

    Examples
    --------
    >>> MinMaxNorm(1, 2)([[3.0, 0.3], [4.0, 0.4]]).round(4)
    array([[1.2, 0.6],
           [1.6, 0.8]])
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: int | tuple[int, ...] = 0,
    ) -> None:
        require_in("[0, inf)", "min_value", min_value)
        require_in("[0, inf)", "max_value", max_value)
        require(min_value <= max_value, "min_value", min_value, f"at most max_value, {max_value}")
        require_in("[0, 1]", "rate", rate)
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, as_axis(axis)

    def project(self, W: Array) -> None:
        norms = norms_of(W, self.axis)
        factors = np.clip(norms, self.min_value, self.max_value)
        factors *= self.rate
        factors += (1 - self.rate) * norms
        norms += EPSILON
        factors /= norms
        W *= factors

    @staticmethod
    def scalar_factor(norm: float, min_value: float, max_value: float, rate: float) -> float:
        """What a vector of that length is multiplied by."""
        return (rate * clip(norm, min_value, max_value) + (1.0 - rate) * norm) / (norm + EPSILON)


class UnitNorm(Constraint):
    """w ← w/‖w‖: each unit's vector of weights has the length 1.

    Parameters
    ----------
    axis : int or tuple of int, default 0
        As in `MaxNorm`.

    Notes
    -----
    ‖w‖ + 1e-7 is divided by, as in Keras. A vector of zeros has no direction and stays.

    Examples
    --------
    >>> UnitNorm()([[3.0, 0.3], [4.0, 0.4]]).round(4)
    array([[0.6, 0.6],
           [0.8, 0.8]])
    """

    def __init__(self, axis: int | tuple[int, ...] = 0) -> None:
        self.axis = as_axis(axis)

    def project(self, W: Array) -> None:
        W /= norms_of(W, self.axis) + EPSILON

    @staticmethod
    def scalar_factor(norm: float) -> float:
        """What a vector of that length is multiplied by."""
        return 1.0 / (norm + EPSILON)


class NonNeg(Constraint):
    """w ← max(w, 0): no weight is negative.

    Examples
    --------
    >>> NonNeg()([[3.0, -0.3]])
    array([[3., 0.]])
    """

    def project(self, W: Array) -> None:
        np.maximum(W, 0, out=W)

    @staticmethod
    def scalar_project(w: float) -> float:
        """One weight."""
        return maximum(w, 0.0)


max_norm, min_max_norm, unit_norm, non_neg = MaxNorm, MinMaxNorm, UnitNorm, NonNeg  # Keras's other names

_CATALOGUE = Catalogue("constraint", Constraint, [MaxNorm, MinMaxNorm, UnitNorm, NonNeg])
serialize, deserialize = _CATALOGUE.serialize, _CATALOGUE.deserialize


def get(identifier: Any) -> Constraint | None:
    """The constraint that a name, class, object or configuration stands for; None is none."""
    constraint: Constraint | None = None if identifier is None else _CATALOGUE.get(identifier)
    return constraint


__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]
