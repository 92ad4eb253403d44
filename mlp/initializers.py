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
from mlp.catalogue import Catalogue
from mlp.naming import Part, require, require_in, require_one_of
from mlp.randomness import check_seed, new_generator


class Initializer(Part):
    """Base of initializers. Your own implements `__call__`.

    Parameters
    ----------
    seed : int, optional
        With one, the same numbers are drawn at each call. By default they come from the
        generator of the model, each time others; in Keras an initializer without a seed also
        repeats itself.

    Examples
    --------
    >>> class Alternating(Initializer):
    ...     def __call__(self, rng, shape):
    ...         return np.where(np.arange(np.prod(shape)).reshape(shape) % 2, -0.1, 0.1)
    >>> Alternating()(np.random.default_rng(0), (2, 3))
    array([[ 0.1, -0.1,  0.1],
           [-0.1,  0.1, -0.1]])
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = check_seed(seed)

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Draw an array of the given shape, in float64."""
        raise NotImplementedError

    def generator(self, rng: np.random.Generator) -> np.random.Generator:
        """What to draw from: a generator from the initializer's own seed, if it has one, else `rng`."""
        return rng if self.seed is None else new_generator(self.seed)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Fan-in and fan-out of weights of that shape, by Keras's count.

    Examples
    --------
    >>> fans((3, 5)), fans((5,)), fans(()), fans((2, 3, 5))
    ((3, 5), (5, 5), (1, 1), (6, 10))
    """
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


def draw_scaled(
    rng: np.random.Generator, shape: tuple[int, ...], scale: float, mode: str, distribution: str
) -> Array:
    """Draw weights with variance ``scale / n``; the arguments are those of `VarianceScaling`."""
    fan_in, fan_out = fans(shape)
    n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    variance = scale / max(n, 1)
    if distribution == "uniform":
        limit = math.sqrt(3 * variance)
        return rng.uniform(-limit, limit, shape)
    if distribution == "untruncated_normal":
        return rng.standard_normal(shape) * math.sqrt(variance)
    # 0.8796 is the standard deviation of the unit normal cut at ±2
    return draw_truncated(rng, shape) * (math.sqrt(variance) / 0.87962566103423978)


def draw_truncated(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Unit normal numbers; those beyond ±2 are drawn again."""
    values = np.asarray(rng.standard_normal(shape))
    while (outside := np.abs(values) > 2).any():
        values[outside] = rng.standard_normal(int(outside.sum()))
    return values


class VarianceScaling(Initializer):
    """Weights of variance ``scale / n``: the rule behind Glorot, He and LeCun.

    Parameters
    ----------
    scale : float in (0, inf), default 1.0
    mode : {"fan_in", "fan_out", "fan_avg"}, default "fan_in"
        What n is: the number of inputs i, of outputs o, or (i + o)/2.
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}, default "truncated_normal"
        A normal cut at two standard deviations and widened so that its variance is kept, also
        called "normal" as in Keras; a whole one; or uniform on ±√(3·scale/n).
    seed
        As in `Initializer`.

    Examples
    --------
    >>> W = VarianceScaling(2.0, "fan_in", "uniform")(np.random.default_rng(0), (400, 100))
    >>> round(float(W.var() * 400), 1)
    2.0
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        super().__init__(seed)
        require_in("(0, inf)", "scale", scale)
        require_one_of("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        distributions = ("uniform", "normal", "truncated_normal", "untruncated_normal")
        require_one_of("distribution", distribution, distributions)
        self.scale, self.mode, self.distribution = scale, mode, distribution

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return draw_scaled(self.generator(rng), shape, self.scale, self.mode, self.distribution)


class GlorotUniform(Initializer):
    """Uniform on ±√(6/(i + o)), for tanh, sigmoid and softmax; Glorot and Bengio (2010). Keras's default."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return draw_scaled(self.generator(rng), shape, 1, "fan_avg", "uniform")


class GlorotNormal(Initializer):
    """Truncated normal of variance 2/(i + o); Glorot and Bengio (2010)."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return draw_scaled(self.generator(rng), shape, 1, "fan_avg", "truncated_normal")


class HeUniform(Initializer):
    """Uniform on ±√(6/i), for ReLU and its kin; He et al. (2015)."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return draw_scaled(self.generator(rng), shape, 2, "fan_in", "uniform")


class HeNormal(Initializer):
    """Truncated normal of variance 2/i, for ReLU and its kin; He et al. (2015)."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return draw_scaled(self.generator(rng), shape, 2, "fan_in", "truncated_normal")


class LecunUniform(Initializer):
    """Uniform on ±√(3/i), for SELU; LeCun et al. (1998)."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return draw_scaled(self.generator(rng), shape, 1, "fan_in", "uniform")


class LecunNormal(Initializer):
    """Truncated normal of variance 1/i, for SELU; LeCun et al. (1998)."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return draw_scaled(self.generator(rng), shape, 1, "fan_in", "truncated_normal")


class Orthogonal(Initializer):
    """W with WᵀW = gain²·1, or WWᵀ = gain²·1 where o > i; Saxe et al. (2014).

    Drawn evenly from all such matrices: Q of the QR decomposition of normal numbers, with the
    signs that make R's diagonal positive. More than two axes are folded into (…, o).

    Parameters
    ----------
    gain : float, default 1.0
    seed
        As in `Initializer`.

    Examples
    --------
    >>> W = Orthogonal(2.0)(np.random.default_rng(0), (3, 2))
    >>> np.allclose(W.T @ W, 4 * np.eye(2))
    True
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        require_in("(-inf, inf)", "gain", gain)
        self.gain = gain

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        require(len(shape) >= 2, "shape", shape, "of at least two axes for Orthogonal")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        numbers = self.generator(rng).standard_normal((max(rows, columns), min(rows, columns)))
        Q, R = np.linalg.qr(numbers)
        Q *= self.gain * np.copysign(1, np.diagonal(R))
        return (Q.T if rows < columns else Q).reshape(shape)


class Identity(Initializer):
    """W = gain·1: each unit begins as a copy of one input; for shapes (i, o) only.

    Parameters
    ----------
    gain : float, default 1.0

    Examples
    --------
    >>> Identity(0.5)(np.random.default_rng(0), (2, 3))
    array([[0.5, 0. , 0. ],
           [0. , 0.5, 0. ]])
    """

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        require_in("(-inf, inf)", "gain", gain)
        self.gain = gain

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        require(len(shape) == 2, "shape", shape, "of two axes for Identity")
        W = np.eye(shape[0], shape[1])
        if self.gain != 1:
            W *= self.gain
        return W


class RandomNormal(Initializer):
    """Normal numbers of the given mean and standard deviation.

    Parameters
    ----------
    mean : float, default 0.0
    stddev : float in [0, inf), default 0.05
    seed
        As in `Initializer`.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        require_in("(-inf, inf)", "mean", mean)
        require_in("[0, inf)", "stddev", stddev)
        self.mean, self.stddev = mean, stddev

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        W = np.asarray(self.generator(rng).standard_normal(shape))
        W *= self.stddev  # which is faster than to ask the generator for it
        W += self.mean
        return W


class TruncatedNormal(Initializer):
    """Normal numbers; those more than two `stddev` from the mean are drawn again.

    Parameters
    ----------
    mean : float, default 0.0
    stddev : float in [0, inf), default 0.05
        That of the whole normal: what is drawn deviates by 0.88 of it, as in Keras.
    seed
        As in `Initializer`.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        require_in("(-inf, inf)", "mean", mean)
        require_in("[0, inf)", "stddev", stddev)
        self.mean, self.stddev = mean, stddev

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return self.mean + self.stddev * draw_truncated(self.generator(rng), shape)


class RandomUniform(Initializer):
    """Numbers spread evenly over [minval, maxval).

    Parameters
    ----------
    minval : float, default -0.05
    maxval : float in [minval, inf), default 0.05
    seed
        As in `Initializer`.
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        require_in("(-inf, inf)", "minval", minval)
        require_in("(-inf, inf)", "maxval", maxval)
        require(minval <= maxval, "minval", minval, f"at most maxval, {maxval}")
        self.minval, self.maxval = minval, maxval

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return self.generator(rng).uniform(self.minval, self.maxval, shape)


class Constant(Initializer):
    """The same number, or the given array, everywhere.

    Parameters
    ----------
    value : float or array-like, default 0.0
        An array must have the shape of the weights.
    """

    def __init__(self, value: Any = 0.0) -> None:
        super().__init__()
        require_finite(as_numbers(value, np.dtype("float64"), "value"), "value")
        self.value = value

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        given = np.shape(self.value)
        if given != ():
            require(given == shape, "value", given, f"a number or of shape {shape}")
        W = np.empty(shape)
        W[...] = self.value
        return W


class Zeros(Initializer):
    """Zeros, as biases begin."""

    def __init__(self) -> None:
        super().__init__()

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.zeros(shape)


class Ones(Initializer):
    """Ones."""

    def __init__(self) -> None:
        super().__init__()

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.ones(shape)


# Keras's other names
IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal
variance_scaling, orthogonal, identity = VarianceScaling, Orthogonal, Identity
glorot_uniform, glorot_normal, he_uniform, he_normal = GlorotUniform, GlorotNormal, HeUniform, HeNormal
lecun_uniform, lecun_normal = LecunUniform, LecunNormal
random_normal, truncated_normal, random_uniform = RandomNormal, TruncatedNormal, RandomUniform
constant, zeros, ones = Constant, Zeros, Ones

_CATALOGUE = Catalogue(
    "initializer",
    Initializer,
    [
        *(VarianceScaling, GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunUniform, LecunNormal),
        *(Orthogonal, Identity, RandomNormal, TruncatedNormal, RandomUniform, Constant, Zeros, Ones),
    ],
    aliases={
        "normal": "RandomNormal",
        "uniform": "RandomUniform",
        "zero": "Zeros",
        "one": "Ones",
        "IdentityInitializer": "Identity",
        "OrthogonalInitializer": "Orthogonal",
    },
)

serialize, deserialize = _CATALOGUE.serialize, _CATALOGUE.deserialize


def get(identifier: Any) -> Initializer:
    """The initializer that a name, class, object, configuration or array of weights stands for."""
    given = isinstance(identifier, np.ndarray | np.generic)
    initializer: Initializer = Constant(identifier) if given else _CATALOGUE.get(identifier)
    return initializer


__all__ = [
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity",
    "IdentityInitializer", "Initializer", "LecunNormal", "LecunUniform", "Ones", "Orthogonal",
    "OrthogonalInitializer", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling",
    "Zeros", "constant", "deserialize", "get", "glorot_normal", "glorot_uniform", "he_normal",
    "he_uniform", "identity", "lecun_normal", "lecun_uniform", "ones", "orthogonal", "random_normal",
    "random_uniform", "serialize", "truncated_normal", "variance_scaling", "zeros",
]  # fmt: skip
