"""How weights begin: every initializer is called with a generator and a shape.

A layer keeps the variance of its signals when the variance of its weights is a constant
over the number of its inputs (fan-in), its outputs (fan-out) or their mean. `VarianceScaling`
is that rule; Glorot, He and LeCun are three settings of it.
"""

from __future__ import annotations  # so that np.random is not loaded for a signature

import math
from typing import Any

import numpy as np

from mlp.arrays import Array, as_numbers, require_finite
from mlp.naming import Catalogue, Part, require, require_in


class Initializer(Part):
    """Base of initializers. Your own implements `__call__`."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Draw an array of the given shape, in float64."""
        raise NotImplementedError


def variance_scaling(
    rng: np.random.Generator, shape: tuple[int, ...], scale: float, mode: str, distribution: str
) -> Array:
    """Draw weights with variance ``scale / n``, where n is given by `mode`.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
        ``(i, o)``; a vector counts as fan-in and fan-out of its length.
    scale : float
    mode : {"fan_in", "fan_out", "fan_avg"}
    distribution : {"uniform", "normal", "truncated_normal"}
        Uniform on ±√(3·scale/n), normal with standard deviation √(scale/n), or that normal
        cut at two standard deviations and widened so that its variance is kept.
    """
    fan_in, fan_out = shape[0], shape[-1]
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    variance = scale / max(fan, 1)
    if distribution == "uniform":
        limit = math.sqrt(3 * variance)
        return rng.uniform(-limit, limit, shape)
    if distribution == "normal":
        return rng.normal(0, math.sqrt(variance), shape)
    # 0.8796 is the standard deviation of the unit normal cut at ±2
    return truncated_normal(rng, shape) * (math.sqrt(variance) / 0.87962566103423978)


def truncated_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Unit normal numbers; those beyond ±2 are drawn again."""
    values = rng.standard_normal(shape)
    while (outside := np.abs(values) > 2).any():
        values[outside] = rng.standard_normal(int(outside.sum()))
    return values


class VarianceScaling(Initializer):
    """Weights of variance ``scale / n``: the rule behind Glorot, He and LeCun.

    Parameters
    ----------
    scale : float, default 1.0
    mode : {"fan_in", "fan_out", "fan_avg"}, default "fan_in"
    distribution : {"truncated_normal", "normal", "uniform"}, default "truncated_normal"

    Examples
    --------
    >>> W = VarianceScaling(2.0, "fan_in", "normal")(np.random.default_rng(0), (400, 100))
    >>> round(float(W.var() * 400), 1)
    2.0
    """

    def __init__(
        self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal"
    ) -> None:
        require_in("(0, inf)", "scale", scale)
        modes = ("fan_in", "fan_out", "fan_avg")
        require(mode in modes, "mode", mode, f"one of {', '.join(modes)}")
        distributions = ("uniform", "normal", "truncated_normal")
        require(
            distribution in distributions, "distribution", distribution, f"one of {', '.join(distributions)}"
        )
        self.scale, self.mode, self.distribution = scale, mode, distribution

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return variance_scaling(rng, shape, self.scale, self.mode, self.distribution)


class GlorotUniform(Initializer):
    """Uniform on ±√(6/(i + o)), for tanh, sigmoid and softmax; Glorot and Bengio (2010). Keras's default."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return variance_scaling(rng, shape, 1, "fan_avg", "uniform")


class GlorotNormal(Initializer):
    """Truncated normal of variance 2/(i + o); Glorot and Bengio (2010)."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return variance_scaling(rng, shape, 1, "fan_avg", "truncated_normal")


class HeUniform(Initializer):
    """Uniform on ±√(6/i), for ReLU and its kin; He et al. (2015)."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return variance_scaling(rng, shape, 2, "fan_in", "uniform")


class HeNormal(Initializer):
    """Truncated normal of variance 2/i, for ReLU and its kin; He et al. (2015)."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return variance_scaling(rng, shape, 2, "fan_in", "truncated_normal")


class LecunUniform(Initializer):
    """Uniform on ±√(3/i), for SELU; LeCun et al. (1998)."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return variance_scaling(rng, shape, 1, "fan_in", "uniform")


class LecunNormal(Initializer):
    """Truncated normal of variance 1/i, for SELU; LeCun et al. (1998)."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return variance_scaling(rng, shape, 1, "fan_in", "truncated_normal")


class RandomNormal(Initializer):
    """Normal numbers of the given mean and standard deviation."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05) -> None:
        require_in("(-inf, inf)", "mean", mean)
        require_in("[0, inf)", "stddev", stddev)
        self.mean, self.stddev = mean, stddev

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.normal(self.mean, self.stddev, shape)


class RandomUniform(Initializer):
    """Numbers spread evenly over [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05) -> None:
        require_in("(-inf, inf)", "minval", minval)
        require_in("(-inf, inf)", "maxval", maxval)
        require(minval <= maxval, "minval", minval, f"at most maxval, {maxval}")
        self.minval, self.maxval = minval, maxval

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.uniform(self.minval, self.maxval, shape)


class Constant(Initializer):
    """The same number, or the given array, everywhere."""

    def __init__(self, value: Any = 0.0) -> None:
        require_finite(as_numbers(value, np.dtype("float64"), "value"), "value")
        self.value = value

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        require(
            np.shape(self.value) in ((), shape),
            "value",
            np.shape(self.value),
            f"a number or of shape {shape}",
        )
        return np.full(shape, self.value, dtype=np.float64)


class Zeros(Initializer):
    """Zeros, as biases begin."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.zeros(shape)


class Ones(Initializer):
    """Ones."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.ones(shape)


_CATALOGUE = Catalogue(
    "initializer",
    Initializer,
    [
        VarianceScaling,
        GlorotUniform,
        GlorotNormal,
        HeUniform,
        HeNormal,
        LecunUniform,
        LecunNormal,
        RandomNormal,
        RandomUniform,
        Constant,
        Zeros,
        Ones,
    ],
)

get = _CATALOGUE.get
