"""Losses of what is not negative: counts, and amounts with a long tail."""

from typing import Any

import numpy as np

from mlp.activations import Activation
from mlp.arrays import Array, Mask
from mlp.elementary import exp, log, maximum, minimum, power, where
from mlp.errors import ArgumentError
from mlp.losses.base import EPSILON, Loss, require_targets
from mlp.naming import require_bool, require_in


class Poisson(Loss):
    """ℓ = (1/o) Σ_k [μ_k − t_k ln μ_k]: counts t of mean μ; slope (1 − t/μ)/o.

    Parameters
    ----------
    from_log : bool, default False
        The outputs are ln μ, of any sign; the slope is then (μ − t)/o. Keras has no such option.
    reduction, name
        As in `Loss`.

    Notes
    -----
    The negative log-likelihood but for ln t!. As in Keras, 1e-7 is added to the μ in the
    logarithm. An output below 0, for which Keras gives NaN, counts as 0 and learns nothing.

    References
    ----------
    McCullagh and Nelder (1989), Generalized linear models, chapter 6.

    Examples
    --------
    >>> round(Poisson()([[2.0]], [[3.0]]), 6)
    0.802775
    """

    held: Array
    mask: Array

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = None, from_log: bool = False
    ) -> None:
        super().__init__(reduction, name)
        require_bool("from_log", from_log)
        self.from_log, self.variant = from_log, "_from_log" if from_log else ""

    @np.errstate(over="ignore")
    def elements(self, out: Array, T: Array) -> Array:
        if self.from_log:
            np.exp(out, self.held)
            np.multiply(T, out, self.scratch)
        else:
            np.maximum(out, self.zero, out=self.held)
            np.add(self.held, self.epsilon, self.scratch)
            np.log(self.scratch, self.scratch)
            np.multiply(self.scratch, T, self.scratch)
        return np.subtract(self.held, self.scratch, self.scratch)

    @np.errstate(over="ignore")
    def slopes(self, out: Array, T: Array) -> Array:
        if self.from_log:
            np.exp(out, self.scratch)
            return np.subtract(self.scratch, T, self.scratch)
        np.maximum(out, self.zero, out=self.held)
        np.add(self.held, self.epsilon, self.scratch)
        np.divide(T, self.scratch, self.scratch)
        np.subtract(self.one, self.scratch, self.scratch)
        np.greater_equal(out, self.zero, self.mask)
        np.copyto(self.held, self.mask)
        return np.multiply(self.scratch, self.held, self.scratch)

    @staticmethod
    def scalar_loss(net: float, out: float, t: float) -> tuple[float, float]:
        """Element and slope of one output."""
        mean = maximum(out, 0.0)
        logged = mean + EPSILON
        return mean - t * log(logged), (1.0 - t / logged) * where(out >= 0.0, 1.0, 0.0)

    @staticmethod
    def scalar_loss_from_log(net: float, out: float, t: float) -> tuple[float, float]:
        """Element and slope of one output."""
        mean = exp(out)
        return mean - t * out, mean - t

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        super().bind(units, dtype, canonical_factor)
        (self.epsilon,) = self.constants(EPSILON)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return super().buffers(units) | {"held": (units,), "mask": Mask((units,))}

    def check_target(self, T: Array, name: str) -> None:
        require_targets(self, T >= 0, T, name, "not be negative")


class Gamma(Loss):
    """ℓ = (2/o) Σ_k [ln(μ_k/t_k) + t_k/μ_k − 1]: the gamma deviance, slope (2/o)(μ − t)/μ².

    Parameters
    ----------
    from_log : bool, default False
        The outputs are ln μ, of any sign, and the slope is (2/o)(1 − t/μ). The usual choice.
    reduction, name
        As in `Loss`.

    Notes
    -----
    For amounts above 0 whose spread grows with their mean. scikit-learn's `mean_gamma_deviance`;
    0 where μ = t. Without `from_log` outputs are held above 1e-7, and the slope is 0 below.

    References
    ----------
    McCullagh and Nelder (1989), Generalized linear models, chapter 8.

    Examples
    --------
    >>> round(Gamma()([[1.0]], [[2.0]]), 6)
    0.386294
    """

    held: Array
    mask: Array

    def __init__(
        self, from_log: bool = False, reduction: str | None = "sum_over_batch_size", name: str | None = None
    ) -> None:
        super().__init__(reduction, name)
        require_bool("from_log", from_log)
        self.from_log, self.variant = from_log, "_from_log" if from_log else ""

    def factor(self, units: int) -> float:
        return 2 / units

    @np.errstate(over="ignore")
    def elements(self, out: Array, T: Array) -> Array:
        if self.from_log:  # r = t/μ, and ln μ/t + r − 1
            np.negative(out, self.held)
            np.exp(self.held, self.held)
            np.multiply(T, self.held, self.held)
            np.log(T, self.scratch)
            np.subtract(out, self.scratch, self.scratch)
        else:
            np.maximum(out, self.epsilon, out=self.scratch)
            np.divide(T, self.scratch, self.held)
            np.log(self.held, self.scratch)
            np.negative(self.scratch, self.scratch)
        np.add(self.scratch, self.held, self.scratch)
        return np.subtract(self.scratch, self.one, self.scratch)

    @np.errstate(over="ignore")
    def slopes(self, out: Array, T: Array) -> Array:
        if self.from_log:
            np.negative(out, self.scratch)
            np.exp(self.scratch, self.scratch)
            np.multiply(self.scratch, T, self.scratch)
            return np.subtract(self.one, self.scratch, self.scratch)
        return mean_slope(self, out, T, 2.0)

    @staticmethod
    def scalar_loss(net: float, out: float, t: float) -> tuple[float, float]:
        """Element and slope of one output."""
        mean = maximum(out, EPSILON)
        ratio = t / mean
        return ratio - log(ratio) - 1.0, (mean - t) / (mean * mean) * where(out >= EPSILON, 1.0, 0.0)

    @staticmethod
    def scalar_loss_from_log(net: float, out: float, t: float) -> tuple[float, float]:
        """Element and slope of one output."""
        ratio = t * exp(-out)
        return out - log(t) + ratio - 1.0, 1.0 - ratio

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        super().bind(units, dtype, canonical_factor)
        (self.epsilon,) = self.constants(EPSILON)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return super().buffers(units) | {"held": (units,), "mask": Mask((units,))}

    def check_activation(self, activation: Activation, units: int) -> None:
        require_positive_outputs(self, activation, units)

    def check_target(self, T: Array, name: str) -> None:
        require_targets(self, T > 0, T, name, "be above 0")


class Tweedie(Loss):
    """ℓ = (2/o) Σ_k [t²⁻ᵖ/((1−p)(2−p)) − tμ¹⁻ᵖ/(1−p) + μ²⁻ᵖ/(2−p)], slope (2/o)(μ − t)μ⁻ᵖ.

    Parameters
    ----------
    power : float in (1, 2), default 1.5
        The p of the formula, by which the variance grows with the mean, μᵖ. At 1 it would be the
        deviance of `Poisson`, at 2 that of `Gamma`.
    from_log : bool, default False
        The outputs are ln μ, of any sign, and the slope is (2/o)(μ − t)μ¹⁻ᵖ. The usual choice.
    reduction, name
        As in `Loss`.

    Notes
    -----
    For amounts of which many are exactly 0, such as a year's damage. scikit-learn's
    `mean_tweedie_deviance`; 0 where μ = t. Without `from_log` outputs are held above 1e-7, and
    the slope is 0 below.

    References
    ----------
    Jørgensen (1987), Exponential dispersion models.

    Examples
    --------
    >>> round(Tweedie()([[0.0]], [[4.0]]), 6)
    8.0
    """

    held: Array
    ratio: Array
    mask: Array

    def __init__(
        self,
        power: float = 1.5,
        from_log: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        require_in("(1, 2)", "power", power)
        require_bool("from_log", from_log)
        self.power, self.from_log = power, from_log
        self.variant = "_from_log" if from_log else ""

    def factor(self, units: int) -> float:
        return 2 / units

    @np.errstate(over="ignore")
    def elements(self, out: Array, T: Array) -> Array:
        p = self.power
        low, high = self._powers(out, 1 - p, 2 - p)
        np.multiply(low, T, low)
        np.multiply(low, self.of_low, low)
        np.multiply(high, self.of_high, high)
        np.add(high, low, high)
        np.power(T, self.two_minus_p, low)
        np.multiply(low, self.of_target, low)
        return np.subtract(high, low, high)

    @np.errstate(over="ignore")
    def slopes(self, out: Array, T: Array) -> Array:
        if not self.from_log:
            return mean_slope(self, out, T, self.power)
        low, high = self._powers(out, 1 - self.power, 2 - self.power)
        np.multiply(low, T, low)
        return np.subtract(high, low, high)

    @staticmethod
    def scalar_loss(
        net: float,
        out: float,
        t: float,
        low: float,
        high: float,
        of_low: float,
        of_high: float,
        of_target: float,
    ) -> tuple[float, float]:
        """Element and slope of one output."""
        mean = maximum(out, EPSILON)
        lower = power(mean, low)
        element = mean * lower * of_high + lower * t * of_low - power(t, high) * of_target
        return element, (mean - t) * lower / mean * where(out >= EPSILON, 1.0, 0.0)

    @staticmethod
    def scalar_loss_from_log(
        net: float, out: float, t: float, low: float, high: float, of_low: float, of_high: float,
        of_target: float, greatest: float,
    ) -> tuple[float, float]:  # fmt: skip
        """Element and slope of one output."""
        lower, higher = minimum(exp(out * low), greatest) * t, exp(out * high)
        return higher * of_high + lower * of_low - power(t, high) * of_target, higher - lower

    def scalars(self) -> dict[str, float]:
        low, high = 1 - self.power, 2 - self.power
        scales = {"of_low": -1 / low, "of_high": 1 / high, "of_target": -1 / (low * high)}
        return scales | {"low": low, "high": high, "greatest": 1e-8 * float(np.finfo(self.dtype).max)}

    def _powers(self, out: Array, low: float, high: float) -> tuple[Array, Array]:
        # a power that overflows is held at a great number, since times a target of 0 it is 0
        if self.from_log:
            np.multiply(out, low, self.held)
            np.exp(self.held, self.held)
            np.minimum(self.held, self.greatest, out=self.held)
            np.multiply(out, high, self.scratch)
            return self.held, np.exp(self.scratch, self.scratch)
        np.maximum(out, self.epsilon, out=self.scratch)
        np.power(self.scratch, low, self.held)
        return self.held, np.multiply(self.scratch, self.held, self.scratch)

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        super().bind(units, dtype, canonical_factor)
        p = self.power
        self.epsilon, self.two_minus_p = self.constants(EPSILON, 2 - p)
        self.of_low, self.of_high = self.constants(1 / (p - 1), 1 / (2 - p))
        self.of_target, self.greatest = self.constants(1 / ((p - 1) * (2 - p)), 1e-8 * np.finfo(dtype).max)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return super().buffers(units) | {"held": (units,), "mask": Mask((units,))}

    def check_activation(self, activation: Activation, units: int) -> None:
        require_positive_outputs(self, activation, units)

    def check_target(self, T: Array, name: str) -> None:
        require_targets(self, T >= 0, T, name, "not be negative")


def mean_slope(loss: Any, out: Array, T: Array, power: float) -> Array:
    """(μ − t) μ^−power, where the mean μ is not held at its bound; 0 where it is."""
    slope: Array = loss.scratch
    np.maximum(out, loss.epsilon, out=slope)
    np.power(slope, -power, loss.held)
    np.subtract(slope, T, slope)
    np.multiply(slope, loss.held, slope)
    np.greater_equal(out, loss.epsilon, loss.mask)
    np.copyto(loss.held, loss.mask)
    np.multiply(slope, loss.held, slope)
    return slope


def require_positive_outputs(loss: Any, activation: Activation, units: int) -> None:
    """Raise an `ArgumentError` if outputs are means, and the activation puts out negative numbers."""
    nets = np.repeat(np.linspace(-8.0, 8.0, 17)[:, None], 2 * units, axis=1)
    if not loss.from_log and activation(nets).min() < 0:
        name = type(loss).__name__
        raise ArgumentError(
            f"{name} needs outputs above 0, but {type(activation).__name__} puts out negative numbers. End "
            f"the model with activation='softplus', or use {name}(from_log=True), of which outputs are ln μ."
        )
