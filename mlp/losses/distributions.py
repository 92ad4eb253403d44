"""Losses that say more of a target than its mean: quantiles, expectiles, a variance."""

import math
from typing import Any

import numpy as np

from mlp.activations import Activation
from mlp.activations.sigmoids import log_one_plus
from mlp.arrays import Array
from mlp.elementary import absolute, exp, log, log1p, maximum, sigmoid, sign
from mlp.errors import ArgumentError
from mlp.losses.base import Loss, as_outputs
from mlp.naming import require, require_bool, require_in


class Quantile(Loss):
    """ℓ = (1/o) Σ_k max(τ_k e_k, (τ_k − 1) e_k) of e = t − out: the pinball loss; slope −τ or 1 − τ.

    Parameters
    ----------
    quantiles : float in (0, 1) or sequence of them, default 0.5
        Each is the share of targets that shall lie below its output.
    reduction, name
        As in `Loss`.

    Notes
    -----
    With q quantiles and d columns of targets the model has d·q outputs: first those of the first
    column, in the order of `quantiles`. Other metrics than `MeanPinballLoss`, and than functions of
    your own, see the quantile nearest the median. The slope is ½ − τ where out = t. Nothing keeps the
    quantiles of a row from crossing; sort them if they must not. Keras and PyTorch have no such
    loss; scikit-learn's `mean_pinball_loss`.

    References
    ----------
    Koenker and Bassett (1978), Regression quantiles.

    Examples
    --------
    >>> Quantile(0.75)([[1.0]], [[0.0]])
    0.75
    >>> Quantile([0.25, 0.5, 0.75])([[1.0]], [[-1.0, 1.0, 2.0]])
    0.25
    """

    size: Array
    asymmetry: Array

    def __init__(
        self,
        quantiles: Any = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        several = isinstance(quantiles, list | tuple) or (
            isinstance(quantiles, np.ndarray) and quantiles.ndim
        )
        self._levels = list(quantiles) if several else [quantiles]
        self.per_target = len(self._levels)
        require(self.per_target > 0, "quantiles", quantiles, "a number in (0, 1), or some of them")
        for level in self._levels:
            require_in("(0, 1)", "quantiles", level)
        distinct = len(set(self._levels)) == len(self._levels)
        require(distinct, "quantiles", quantiles, "different numbers in (0, 1)")
        self.quantiles = [float(level) for level in self._levels] if several else quantiles

    def factor(self, units: int) -> float:
        return 0.5 / units

    def encode(self, T: Array, out: Array | None = None) -> Array:
        q = len(self._levels)
        if q == 1:
            return T
        wide = np.empty((len(T), self.units), self.dtype) if out is None else out
        wide.reshape(len(T), -1, q)[...] = T[:, :, None]
        return wide

    def elements(self, out: Array, T: Array) -> Array:
        error = np.subtract(out, T, self.scratch)  # twice the loss is |error| + (1 − 2τ) error
        np.abs(error, self.size)
        np.multiply(error, self.asymmetry, error)
        return np.add(error, self.size, error)

    def slopes(self, out: Array, T: Array) -> Array:
        np.sign(np.subtract(out, T, self.size), self.scratch)
        return np.add(self.scratch, self.asymmetry, self.scratch)

    @staticmethod
    def scalar_loss(net: float, out: float, t: float, asymmetry: float) -> tuple[float, float]:
        """Element and slope of one output."""
        error = out - t
        return absolute(error) + asymmetry * error, sign(error) + asymmetry

    def scalars(self) -> dict[str, float]:
        return {"asymmetry": 1 - 2 * self._levels[0]}

    def table(self) -> Array | None:
        return None if self.per_target == 1 else self.asymmetry

    def prediction(self, out: Array) -> Array:
        nearest = min(range(self.per_target), key=lambda k: abs(self._levels[k] - 0.5))
        return out[:, nearest :: self.per_target]

    def columns(self, units: int) -> int:
        q = len(self._levels)
        if units % q:
            raise ArgumentError(
                f"Quantile with {q} quantiles needs {q} outputs for each column of targets; there are {units}"
            )
        return units // q

    def check_activation(self, activation: Activation, units: int) -> None:
        self.columns(units)

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        super().bind(units, dtype, canonical_factor)
        self.asymmetry = np.tile(1 - 2 * np.array(self._levels), self.columns(units)).astype(dtype)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return super().buffers(units) | {"size": (units,)}


class Expectile(Loss):
    """ℓ = (1/o) Σ_k |τ − [e_k < 0]| e_k² of e = t − out: a squared error that weighs its two sides.

    Parameters
    ----------
    level : float in (0, 1), default 0.5
        The τ of the formula; 0.5 is half the mean squared error, whose minimum is the mean. At
        0.9 an output that is too low costs nine times as much as one too high.
    reduction, name
        As in `Loss`.

    Notes
    -----
    The slope is 2(out − t)/o times τ below the target and 1 − τ above. Keras and PyTorch have no
    such loss.

    References
    ----------
    Newey and Powell (1987), Asymmetric least squares estimation and testing.

    Examples
    --------
    >>> Expectile(0.75)([[2.0]], [[0.0]]), Expectile(0.75)([[0.0]], [[2.0]])
    (3.0, 1.0)
    """

    size: Array

    def __init__(
        self,
        level: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        require_in("(0, 1)", "level", level)
        self.level = level

    def factor(self, units: int) -> float:
        return 0.5 / units

    def elements(self, out: Array, T: Array) -> Array:
        skewed = self._skewed(out, T)  # twice the loss is |error| (|error| + (1 − 2τ) error)
        np.add(skewed, self.size, skewed)
        return np.multiply(skewed, self.size, skewed)

    def slopes(self, out: Array, T: Array) -> Array:
        error = np.subtract(out, T, self.scratch)
        np.abs(error, self.size)
        np.multiply(self.size, self.asymmetry, self.size)
        np.add(error, self.size, error)
        return np.add(error, error, error)

    @staticmethod
    def scalar_loss(net: float, out: float, t: float, asymmetry: float) -> tuple[float, float]:
        """Element and slope of one output."""
        error = out - t
        size = absolute(error)
        half = error + asymmetry * size
        return (size + asymmetry * error) * size, half + half

    def scalars(self) -> dict[str, float]:
        return {"asymmetry": 1 - 2 * self.level}

    def _skewed(self, out: Array, T: Array) -> Array:
        error = np.subtract(out, T, self.scratch)
        np.abs(error, self.size)
        return np.multiply(error, self.asymmetry, error)

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        super().bind(units, dtype, canonical_factor)
        (self.asymmetry,) = self.constants(1 - 2 * self.level)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return super().buffers(units) | {"size": (units,)}


class GaussianNegativeLogLikelihood(Loss):
    """ℓ = (1/d) Σ_j ½ [ln v_j + (t_j − μ_j)²/v_j]: mean and variance v of each target are learned.

    Parameters
    ----------
    epsilon : float above 0, default 1e-6
        The least variance; PyTorch's number.
    full : bool, default False
        Add the constant ½ ln 2π, as PyTorch's option of that name does.
    reduction, name
        As in `Loss`.

    Notes
    -----
    For d columns of targets the model ends with 2d linear outputs: first the d means μ, then d
    numbers s that become the variances, v = ln(1 + e^s) + epsilon. `split` makes both of them;
    metrics see the means, but for functions of your own, which see all.
    PyTorch's `GaussianNLLLoss` is handed v itself; Keras has no such loss. The slopes are
    (μ − t)/(d v) and, by s, ½ (1/v − (t − μ)²/v²) sigmoid(s)/d.

    References
    ----------
    Nix and Weigend (1994), Estimating the mean and variance of the target probability
    distribution.

    Examples
    --------
    >>> loss = GaussianNegativeLogLikelihood()
    >>> mean, variance = loss.split([[3.0, 0.5413248546]])
    >>> round(float(variance[0, 0]), 4), round(loss([[4.0]], [[3.0, 0.5413248546]]), 4)
    (1.0, 0.5)
    """

    per_target = 2
    variance: Array
    error: Array

    def __init__(
        self,
        epsilon: float = 1e-6,
        full: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        require_in("(0, inf)", "epsilon", epsilon)
        require_bool("full", full)
        self.epsilon, self.full = epsilon, full

    def split(self, out: Any) -> tuple[Array, Array]:
        """The means and the variances that outputs, such as `predict` returns, stand for."""
        array = as_outputs(out, "out")
        if np.ndim(out) != 2:
            raise ArgumentError(f"out must have rows and columns, as predict returns; got {np.shape(out)}")
        d = self.columns(array.shape[1])
        return array[:, :d], np.logaddexp(array[:, d:], 0) + self.epsilon

    def value(self, out: Array, T: Array) -> Array:
        variance = self._prepare(out, T)
        np.multiply(self.error, self.error, self.error)
        np.divide(self.error, variance, self.error)
        np.log(variance, variance)
        np.add(self.error, variance, self.error)
        values = self.error.dot(self.halves, self.values)
        return np.add(values, self.constant, values) if self.full else values

    @np.errstate(over="ignore")  # 1 / (1 + inf) is the exact 0
    def gradient(self, out: Array, T: Array) -> Array:
        d, grad = T.shape[1], self.scratch
        variance = self._prepare(out, T)
        by_mean = np.divide(self.error, variance, self.error)  # (μ − t)/v
        np.multiply(by_mean, self.share, grad[:, :d])
        np.reciprocal(variance, variance)
        np.multiply(by_mean, by_mean, by_mean)
        np.subtract(variance, by_mean, variance)
        np.multiply(variance, self.half_share, variance)
        np.negative(out[:, d:], by_mean)  # times sigmoid(s)
        np.exp(by_mean, by_mean)
        np.add(by_mean, self.one, by_mean)
        np.divide(variance, by_mean, grad[:, d:])
        return grad

    @staticmethod
    def row_loss(
        net: Array, out: Array, T: Array, grad: Array, units: int, share: float, least: float, constant: float
    ) -> float:
        """ℓ and ∂ℓ/∂out of one row."""
        d, value = units // 2, 0.0
        for k in range(d):
            raw = out[d + k]
            variance = log1p(exp(-absolute(raw))) + least + maximum(raw, 0.0)
            error = out[k] - T[k]
            by_mean = error / variance
            value += error * by_mean + log(variance)
            grad[k] = by_mean * share
            grad[d + k] = 0.5 * share * (1.0 / variance - by_mean * by_mean) * sigmoid(raw)
        return 0.5 * share * value + constant

    def scalars(self) -> dict[str, float]:
        constant = 0.5 * math.log(2 * math.pi) if self.full else 0.0
        return {"share": 2 / self.units, "least": self.epsilon, "constant": constant}

    def encoded_columns(self, units: int) -> int:
        return self.columns(units)

    def _prepare(self, out: Array, T: Array) -> Array:
        # errors, and v = max(s, 0) + ln(1 + e^−|s|) + epsilon
        d = T.shape[1]
        raw = out[:, d:]
        np.subtract(out[:, :d], T, self.error)
        log_one_plus(raw, self.variance)
        np.add(self.variance, self.least, self.variance)
        np.maximum(raw, self.zero, out=self.scratch[:, d:])
        return np.add(self.variance, self.scratch[:, d:], self.variance)

    def prediction(self, out: Array) -> Array:
        return out[:, : self.columns(out.shape[1])]

    def columns(self, units: int) -> int:
        if units % 2:
            raise ArgumentError(
                "GaussianNegativeLogLikelihood needs two outputs for each column of targets, a mean and a "
                f"variance; there are {units}"
            )
        return units // 2

    def check_activation(self, activation: Activation, units: int) -> None:
        self.columns(units)

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        d = self.columns(units)
        super().bind(units, dtype, canonical_factor)
        self.halves = np.full(d, 0.5 / d, dtype)
        self.share, self.half_share = self.constants(1 / d, 0.5 / d)
        self.constant, self.least = self.constants(0.5 * math.log(2 * math.pi), self.epsilon)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        halves = dict.fromkeys(("variance", "error"), (units // 2,))
        return super().buffers(units) | halves
