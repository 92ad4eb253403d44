"""Losses of numbers other than the squared error: less moved by outliers, or relative."""

import math
from typing import Any

import numpy as np

from mlp.arrays import Array, Mask
from mlp.elementary import absolute, clip, exp, log1p, maximum, sign, sqrt, tanh, where
from mlp.losses.base import EPSILON, Loss, require_targets
from mlp.naming import require_in, require_one_of

LOG_TWO = math.log(2)


class MeanAbsoluteError(Loss):
    """ℓ = (1/o) Σ_k |out_k − t_k|, slope ±1/o, and 0 where out = t. Its minimum is the median.

    References
    ----------
    Bloomfield and Steiger (1983), Least absolute deviations.

    Examples
    --------
    >>> MeanAbsoluteError()([[0.0, 1.0]], [[2.0, 1.0]])
    1.0
    """

    error: Array

    def elements(self, out: Array, T: Array) -> Array:
        error = np.subtract(out, T, self.scratch)
        return np.abs(error, error)

    def slopes(self, out: Array, T: Array) -> Array:
        # in place np.sign takes seven times as long: it then goes number by number, and branches
        return np.sign(np.subtract(out, T, self.error), self.scratch)

    @staticmethod
    def scalar_loss(net: float, out: float, t: float) -> tuple[float, float]:
        """Element and slope of one output."""
        error = out - t
        return absolute(error), sign(error)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return super().buffers(units) | {"error": (units,)}


class MeanAbsolutePercentageError(Loss):
    """ℓ = (100/o) Σ_k |out_k − t_k| / max(|t_k|, 1e-7), slope ±(100/o) / max(|t|, 1e-7).

    References
    ----------
    Hyndman and Koehler (2006), Another look at measures of forecast accuracy.

    Examples
    --------
    >>> MeanAbsolutePercentageError()([[2.0]], [[3.0]])
    50.0
    """

    size: Array

    def factor(self, units: int) -> float:
        return 100 / units

    def elements(self, out: Array, T: Array) -> Array:
        error = np.subtract(out, T, self.scratch)
        np.abs(error, error)
        return np.divide(error, self._size(T), error)

    def slopes(self, out: Array, T: Array) -> Array:
        np.sign(np.subtract(out, T, self.size), self.scratch)
        return np.divide(self.scratch, self._size(T), self.scratch)

    @staticmethod
    def scalar_loss(net: float, out: float, t: float) -> tuple[float, float]:
        """Element and slope of one output."""
        error, size = out - t, maximum(absolute(t), EPSILON)
        return absolute(error) / size, sign(error) / size

    def _size(self, T: Array) -> Array:
        np.abs(T, self.size)
        return np.maximum(self.size, self.epsilon, out=self.size)

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        super().bind(units, dtype, canonical_factor)
        (self.epsilon,) = self.constants(EPSILON)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return super().buffers(units) | {"size": (units,)}


class MeanSquaredLogarithmicError(Loss):
    """ℓ = (1/o) Σ_k (ln(1 + out_k) − ln(1 + t_k))², slope (2/o)(ln(1 + out) − ln(1 + t)) / (1 + out).

    Notes
    -----
    As in Keras, outputs and targets below 1e-7 count as 1e-7; the slope is 0 there, so an output
    that stays below learns nothing: end the model with a softplus, say. Targets of −1 or less,
    which Keras takes, are refused.

    Examples
    --------
    >>> round(MeanSquaredLogarithmicError()([[0.0]], [[np.e - 1]]), 6)
    1.0
    """

    held: Array
    free: Array
    mask: Array

    def encode(self, T: Array, out: Array | None = None) -> Array:
        held = np.maximum(T, EPSILON, out=out)
        return np.log1p(held, out=held)

    def elements(self, out: Array, T: Array) -> Array:
        error = self._error(out, T)
        return np.multiply(error, error, error)

    def slopes(self, out: Array, T: Array) -> Array:
        error = self._error(out, T)
        np.add(error, error, error)
        np.add(self.held, self.one, self.held)
        np.divide(error, self.held, error)
        np.greater_equal(out, self.epsilon, self.mask)
        np.copyto(self.free, self.mask)
        return np.multiply(error, self.free, error)

    @staticmethod
    def scalar_loss(net: float, out: float, t: float) -> tuple[float, float]:
        """Element and slope of one output."""
        held = maximum(out, EPSILON)
        error = log1p(held) - t
        return error * error, (error + error) / (held + 1.0) * where(out >= EPSILON, 1.0, 0.0)

    def _error(self, out: Array, T: Array) -> Array:
        np.maximum(out, self.epsilon, out=self.held)
        np.log1p(self.held, self.scratch)
        return np.subtract(self.scratch, T, self.scratch)

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        super().bind(units, dtype, canonical_factor)
        (self.epsilon,) = self.constants(EPSILON)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return super().buffers(units) | {"held": (units,), "free": (units,), "mask": Mask((units,))}

    def check_target(self, T: Array, name: str) -> None:
        require_targets(self, T > -1, T, name, "be above -1")


class Huber(Loss):
    """ℓ = (1/o) Σ_k ½e² where |e| ≤ δ, else δ|e| − ½δ², of e = out − t; slope e, held in [−δ, δ].

    Parameters
    ----------
    delta : float above 0, default 1
        Where the parabola becomes a line.
    reduction, name
        As in `Loss`.

    Notes
    -----
    Both pieces are c(e − ½c) with c = e held in [−δ, δ]. PyTorch's `HuberLoss`.

    References
    ----------
    Huber (1964), Robust estimation of a location parameter.

    Examples
    --------
    >>> Huber()([[0.0, 0.0]], [[0.5, 3.0]])
    1.3125
    """

    held: Array
    kept_as = {"delta": "bound"}  # a loss's `delta` is its output delta

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        require_in("(0, inf)", "delta", delta)
        self.bound = delta

    def elements(self, out: Array, T: Array) -> Array:
        error = np.subtract(out, T, self.scratch)
        held = np.clip(error, self.low, self.high, out=self.held)
        np.add(error, error, error)
        np.subtract(error, held, error)  # 2e − c
        return np.multiply(error, held, error)

    def slopes(self, out: Array, T: Array) -> Array:
        error = np.subtract(out, T, self.scratch)
        np.clip(error, self.low, self.high, out=error)
        return np.add(error, error, error)

    @staticmethod
    def scalar_loss(net: float, out: float, t: float, bound: float) -> tuple[float, float]:
        """Element and slope of one output."""
        error = out - t
        held = clip(error, -bound, bound)
        return (error + error - held) * held, held + held

    def scalars(self) -> dict[str, float]:
        return {"bound": self.bound}

    def factor(self, units: int) -> float:
        return 0.5 / units

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        super().bind(units, dtype, canonical_factor)
        self.low, self.high = self.constants(-self.bound, self.bound)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return super().buffers(units) | {"held": (units,)}


class LogCosh(Loss):
    """ℓ = (1/o) Σ_k ln cosh(out_k − t_k), slope tanh(out − t)/o: ½e² near 0, |e| − ln 2 far away.

    Notes
    -----
    Computed as |e| + ln(1 + e^(−2|e|)) − ln 2, which does not overflow.

    References
    ----------
    Green (1990), Bayesian reconstructions from emission tomography data using a modified EM
    algorithm.

    Examples
    --------
    >>> round(LogCosh()([[0.0]], [[1.0]]), 6)
    0.433781
    """

    size: Array

    def elements(self, out: Array, T: Array) -> Array:
        error = np.subtract(out, T, self.scratch)
        np.abs(error, self.size)
        np.multiply(self.size, self.minus_two, error)
        np.exp(error, error)
        np.log1p(error, error)
        np.add(error, self.size, error)
        return np.subtract(error, self.log_two, error)

    def slopes(self, out: Array, T: Array) -> Array:
        error = np.subtract(out, T, self.scratch)
        return np.tanh(error, error)

    @staticmethod
    def scalar_loss(net: float, out: float, t: float) -> tuple[float, float]:
        """Element and slope of one output."""
        error = out - t
        size = absolute(error)
        return log1p(exp(-2.0 * size)) + size - LOG_TWO, tanh(error)

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        super().bind(units, dtype, canonical_factor)
        self.minus_two, self.log_two = self.constants(-2, np.log(2))

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return super().buffers(units) | {"size": (units,)}


class CosineSimilarity(Loss):
    """ℓ = −cos(out, t) = −Σ_k out_k t_k / (‖out‖ ‖t‖): −1 where they point the same way.

    Parameters
    ----------
    axis : int, default -1
        The axis of the outputs; there is no other here.
    reduction, name
        As in `Loss`.

    Notes
    -----
    ∂ℓ/∂out = −(t/‖t‖ + ℓ · out/‖out‖) / ‖out‖. As in Keras, a norm below 1e-7 counts as 1e-7.

    Examples
    --------
    >>> CosineSimilarity()([[0.0, 1.0]], [[3.0, 4.0]])
    -0.8
    """

    norms: Array
    is_free: Array

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        require_one_of("axis", axis, (-1, 1), "-1 or 1, the axis of the outputs")
        self.axis = axis

    def encode(self, T: Array, out: Array | None = None) -> Array:
        norms: Array = np.sqrt(np.einsum("nk,nk->n", T, T))
        return np.divide(T, np.maximum(norms, EPSILON).reshape(-1, 1), out=out)

    def value(self, out: Array, T: Array) -> Array:
        np.multiply(out, T, self.scratch).dot(self.minus_ones, self.values)
        return np.divide(self.values, self._norms(out), self.values)

    def gradient(self, out: Array, T: Array) -> Array:
        values = self.value(out, T)
        np.divide(values, self.norms, values)
        np.greater(self.norms, self.epsilon, self.is_free)
        values *= self.is_free  # there the norm is held, so that the slope is −t/1e-7
        np.multiply(out, values[:, None], self.scratch)
        np.add(self.scratch, T, self.scratch)
        np.divide(self.scratch, self.norms[:, None], self.scratch)
        return np.negative(self.scratch, self.scratch)

    @staticmethod
    def row_loss(net: Array, out: Array, T: Array, grad: Array, units: int) -> float:
        """ℓ and ∂ℓ/∂out of one row."""
        product, squares = 0.0, 0.0
        for k in range(units):
            product += out[k] * T[k]
            squares += out[k] * out[k]
        norm = maximum(sqrt(squares), EPSILON)
        value = -product / norm
        share = value / norm * where(norm > EPSILON, 1.0, 0.0)
        for k in range(units):
            grad[k] = -(out[k] * share + T[k]) / norm
        return value

    def _norms(self, out: Array) -> Array:
        np.multiply(out, out, self.scratch).dot(self.ones, self.norms)
        np.sqrt(self.norms, self.norms)
        return np.maximum(self.norms, self.epsilon, out=self.norms)

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        super().bind(units, dtype, canonical_factor)
        self.minus_ones = -self.ones
        (self.epsilon,) = self.constants(EPSILON)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return super().buffers(units) | {"norms": (), "is_free": Mask(())}
