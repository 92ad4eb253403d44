"""Dropout, noise and penalties while training; at prediction these layers pass their input on."""

from __future__ import annotations  # so that np.random is not loaded for a signature

import math
from typing import Any

import numpy as np

from mlp.adjusting import Adjustable
from mlp.arrays import Array
from mlp.layers.base import Layer, Shape
from mlp.randomness import check_seed, new_generator
from mlp.regularizers import L1L2

WORDS = 2048  # of 64 bits that are drawn at a time
CHANCES = 1 << 16  # a mask is drawn with 16 bits a number
MINUS_TWO, TURN, ONE = (np.array(number, np.float32) for number in (-2, 2 * math.pi, 1))


class Dropout(Layer):
    """While training, silence each input with probability `rate`; otherwise pass it on.

    out = X ∘ mask, where mask is 0 with probability `rate` and 1/(1 − rate) otherwise. The
    survivors are scaled up ("inverted" dropout), so that the expected output is X and nothing
    has to change at prediction. In both places the rate is the nearest multiple of 2⁻¹⁶, since a mask
    is drawn with 16 bits a number.

    Parameters
    ----------
    rate : float in [0, 1)
        May be set at any time, also while training.
    seed : int, optional
        A generator of its own; by default the model's is used, which its seed determines.
    **options
        `input_shape`, `name` of `Layer`.

    References
    ----------
    N. Srivastava et al., "Dropout", JMLR 15 (2014).

    Examples
    --------
    >>> layer = Dropout(0.5, seed=1)
    >>> layer.build((4,), np.random.default_rng(), np.dtype("float64"))
    >>> layer.forward(np.ones((1, 4)), training=True)
    array([[2., 0., 2., 2.]])
    >>> layer.forward(np.ones((1, 4)))
    array([[1., 1., 1., 1.]])
    """

    mask: Array
    grad: Array
    dropped: bool
    rate = Adjustable("[0, 1)")

    def __init__(self, rate: float, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.rate, self.seed = rate, check_seed(seed)

    def forward(self, X: Array, training: bool = False) -> Array:
        self.__dict__["dropped"] = dropped = bool(training and self.rate)
        if not dropped:
            return X
        if len(X) != self.rows:
            self.allocate(len(X))
        mask = self.mask
        draw_mask(self.rng, self._least, mask)
        np.multiply(mask, self._scale, mask)
        return np.multiply(X, mask, self.out)

    def backward(self, delta: Array) -> Array:
        return np.multiply(delta, self.mask, self.grad) if self.dropped and self.passes_grad else delta

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        super().build(input_shape, own_generator(self.seed, rng), dtype)
        self._least, self._scale = np.zeros(1, np.uint16), np.zeros(1, dtype)
        self.adjusted()

    def adjusted(self) -> None:
        if self.built:
            self._least[0] = dropped = least_kept(self.rate)
            self._scale[0] = CHANCES / (CHANCES - dropped)

    def buffers(self) -> dict[str, Shape]:
        return dict.fromkeys(("mask", "out", "grad"), self.output_shape)


class GaussianNoise(Layer):
    """out = X + noise, noise from a normal distribution of mean 0, while training.

    Parameters
    ----------
    stddev : float in [0, inf)
        Standard deviation of the noise. Keras allows 1 at most. May be set at any time.
    seed : int, optional
        A generator of its own; by default the model's is used, which its seed determines.
    **options
        `input_shape`, `name` of `Layer`.

    References
    ----------
    C. M. Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural
    Computation 7 (1995).

    Examples
    --------
    >>> layer = GaussianNoise(0.1, seed=0)
    >>> layer.build((3,), np.random.default_rng(), np.dtype("float64"))
    >>> layer.forward(np.ones((1, 3)), training=True).round(3)
    array([[1.013, 0.987, 1.064]])
    """

    scratch: Array
    stddev = Adjustable("[0, inf)")

    def __init__(self, stddev: float, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.stddev, self.seed = stddev, check_seed(seed)

    def forward(self, X: Array, training: bool = False) -> Array:
        if not training or not self.stddev:
            return X
        if len(X) != self.rows:
            self.allocate(len(X))
        draw_normal(self.rng, self.out, self.scratch)
        np.multiply(self.out, self._stddev, self.out)
        return np.add(self.out, X, self.out)

    def backward(self, delta: Array) -> Array:
        return delta

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        super().build(input_shape, own_generator(self.seed, rng), dtype)
        self._stddev = np.zeros(1, dtype)
        self.adjusted()

    def adjusted(self) -> None:
        if self.built:
            self._stddev[0] = self.stddev

    def buffers(self) -> dict[str, Shape]:
        return {"out": self.output_shape, "scratch": self.output_shape}


class GaussianDropout(Layer):
    """out = X ∘ noise, noise from a normal distribution of mean 1, while training.

    Parameters
    ----------
    rate : float in [0, 1)
        The standard deviation is √(rate / (1 − rate)), that of `Dropout` with this rate. May be set at any
        time.
    seed : int, optional
        A generator of its own; by default the model's is used, which its seed determines.
    **options
        `input_shape`, `name` of `Layer`.

    References
    ----------
    N. Srivastava et al., "Dropout", JMLR 15 (2014), section 10.

    Examples
    --------
    >>> layer = GaussianDropout(0.01, seed=0)
    >>> layer.build((3,), np.random.default_rng(), np.dtype("float64"))
    >>> layer.forward(np.array([[0.0, 1.0, 2.0]]), training=True).round(3)
    array([[0.   , 0.987, 2.129]])
    """

    noise: Array
    grad: Array
    noisy: bool
    rate = Adjustable("[0, 1)")

    def __init__(self, rate: float, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.rate, self.seed = rate, check_seed(seed)

    def forward(self, X: Array, training: bool = False) -> Array:
        self.__dict__["noisy"] = noisy = bool(training and self.rate)
        if not noisy:
            return X
        if len(X) != self.rows:
            self.allocate(len(X))
        noise = self.noise
        draw_normal(self.rng, noise, self.out)
        np.multiply(noise, self._stddev, noise)
        np.add(noise, self._one, noise)
        return np.multiply(X, noise, self.out)

    def backward(self, delta: Array) -> Array:
        return np.multiply(delta, self.noise, self.grad) if self.noisy and self.passes_grad else delta

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        super().build(input_shape, own_generator(self.seed, rng), dtype)
        self._stddev, self._one = np.zeros(1, dtype), np.ones((), dtype)
        self.adjusted()

    def adjusted(self) -> None:
        if self.built:
            self._stddev[0] = math.sqrt(self.rate / (1 - self.rate))

    def buffers(self) -> dict[str, Shape]:
        return dict.fromkeys(("noise", "out", "grad"), self.output_shape)


class AlphaDropout(Layer):
    """Dropout that keeps mean 0 and variance 1, for units with the activation "selu".

    While training, out = a X + b, and with probability `rate` out = a α' + b instead, where
    α' = −1.7581 is the lowest value of SELU, a = ((1 − rate)(1 + rate α'²))^(−½) and b = −a α' rate.
    The rate is the nearest multiple of 2⁻¹⁶, as in `Dropout`.

    Parameters
    ----------
    rate : float in [0, 1)
        May be set at any time, also while training.
    seed : int, optional
        A generator of its own; by default the model's is used, which its seed determines.
    **options
        `input_shape`, `name` of `Layer`.

    References
    ----------
    G. Klambauer et al., "Self-normalizing neural networks", NeurIPS (2017).

    Examples
    --------
    >>> layer = AlphaDropout(0.5, seed=1)
    >>> layer.build((4,), np.random.default_rng(), np.dtype("float64"))
    >>> layer.forward(np.ones((1, 4)), training=True).round(4)
    array([[ 1.6656, -0.7792,  1.6656,  1.6656]])
    """

    LOWEST = -1.0507009873554805 * 1.6732632423543772
    mask: Array
    grad: Array
    dropped: bool
    rate = Adjustable("[0, 1)")

    def __init__(self, rate: float, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.rate, self.seed = rate, check_seed(seed)

    def forward(self, X: Array, training: bool = False) -> Array:
        self.__dict__["dropped"] = dropped = bool(training and self.rate)
        if not dropped:
            return X
        if len(X) != self.rows:
            self.allocate(len(X))
        mask, out = self.mask, self.out
        a, lowest, silenced = self._numbers
        draw_mask(self.rng, self._least, mask)
        np.multiply(mask, a, mask)
        np.subtract(X, lowest, out)  # out = a mask (X − α') + (a α' + b)
        np.multiply(out, mask, out)
        out += silenced
        return out

    def backward(self, delta: Array) -> Array:
        return np.multiply(delta, self.mask, self.grad) if self.dropped and self.passes_grad else delta

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        super().build(input_shape, own_generator(self.seed, rng), dtype)
        self._least, self._numbers = np.zeros(1, np.uint16), np.zeros(3, dtype)
        self.adjusted()

    def adjusted(self) -> None:
        if self.built:
            self._least[0] = dropped = least_kept(self.rate)
            rate = dropped / CHANCES
            a = ((1 - rate) * (1 + rate * self.LOWEST**2)) ** -0.5
            self._numbers[:] = a, self.LOWEST, a * self.LOWEST * (1 - rate)  # the last is a α' + b

    def buffers(self) -> dict[str, Shape]:
        return dict.fromkeys(("mask", "out", "grad"), self.output_shape)


class ActivityRegularization(Layer):
    """out = X, and l1·Σ|X| + l2·ΣX², divided by the number of rows, is added to the loss.

    Parameters
    ----------
    l1, l2 : float in [0, inf), default 0
    **options
        `input_shape`, `name` of `Layer`.

    Examples
    --------
    >>> layer = ActivityRegularization(l1=1.0)
    >>> layer.build((3,), np.random.default_rng(0), np.dtype("float64"))
    >>> X = layer.forward(np.array([[1.0, -3.0, 0.0]]))
    >>> layer.activity_penalty(rows=1)
    4.0
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.activity_regularizer = L1L2(l1, l2)
        self.l1, self.l2 = l1, l2

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        self.__dict__["out"] = X
        return X

    def select(self, X: Array) -> Array:
        return X

    def backward(self, delta: Array) -> Array:
        return delta


def own_generator(seed: int | None, rng: np.random.Generator) -> np.random.Generator:
    """The model's generator, or if a seed is given one of its own."""
    return rng if seed is None else new_generator(seed)


def least_kept(rate: float) -> int:
    """The number of 16 bits from which on one that is drawn means to keep, for a rate in [0, 1)."""
    return min(round(rate * CHANCES), CHANCES - 1)


def draw_words(rng: np.random.Generator, count: int) -> Array:
    """Random bits: numbers of 64 bits, shape (count,)."""
    generator = rng.bit_generator
    if type(generator).__name__ == "MT19937":  # which gives 32 bits at a time
        return rng.integers(0, (1 << 64) - 1, count, np.uint64, endpoint=True)
    words: Array = generator.random_raw(count)
    return words


def fill_words(rng: np.random.Generator, out: Array) -> None:
    """Fill an array of 64-bit numbers with random bits, a part after the other: no other memory is needed."""
    for start in range(0, len(out), WORDS):
        part = out[start : start + WORDS]
        part[:] = draw_words(rng, len(part))


def draw_mask(rng: np.random.Generator, least: Array, out: Array) -> None:
    """Fill `out` with 1 where a random number of 16 bits is at least `least`, else 0.

    Four such numbers are made of 64 bits, which takes a quarter of the time of as many in [0, 1).
    """
    flat = out.reshape(-1)
    for start in range(0, flat.size, 4 * WORDS):
        part = flat[start : start + 4 * WORDS]
        bits = draw_words(rng, words_of(part.size)).view(np.uint16)[: part.size]
        np.greater_equal(bits, least, part)


def words_of(size: int) -> int:
    """How many numbers of 64 bits are drawn for so many of 16."""
    return -(-size // 4)


def draw_normal(rng: np.random.Generator, out: Array, scratch: Array) -> None:
    """Fill `out` with numbers of mean 0 and variance 1; `scratch` is memory like it.

    In float32 by the formula of Box and Muller (1958), √(−2 ln u) cos 2πv and √(−2 ln u) sin 2πv for
    u and v from (0, 1], which takes less than half the time of the generator's own method.
    """
    half = out.size // 2
    if out.dtype != np.float32 or not half:
        rng.standard_normal(out=out, dtype=out.dtype.type)
        return
    rng.random(out=out, dtype=np.float32)
    flat, cosine = out.reshape(-1), scratch.reshape(-1)[:half]
    radius, angle = flat[:half], flat[half : 2 * half]
    np.subtract(ONE, radius, radius)
    np.log(radius, radius)
    np.multiply(radius, MINUS_TWO, radius)
    np.sqrt(radius, radius)
    np.multiply(angle, TURN, angle)
    np.cos(angle, cosine)
    np.sin(angle, angle)
    np.multiply(angle, radius, angle)
    np.multiply(cosine, radius, radius)
    if out.size % 2:
        flat[-1] = rng.standard_normal()
