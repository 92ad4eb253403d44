"""Update rules that divide each gradient by the size its own gradients have had.

Letters as in the papers: W parameters, dW gradients, η learning rate; a step allocates nothing.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.naming import require_bool, require_in
from mlp.optimizers.base import Optimizer


class RMSprop(Optimizer):
    """v ← ρ v + (1 − ρ) dW²,  W ← W − η dW / √(v + ε).

    With momentum μ:  velocity ← μ velocity + η dW / √(v + ε),  W ← W − velocity.
    Centered: v is the variance of the gradients about their mean instead of the mean square,
    s ← ρ s + (1 − ρ) dW²,  mean ← ρ mean + (1 − ρ) dW,  v = s − mean².

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
    rho : float in [0, 1), default 0.9
        Above 0 if centered.
    momentum : float in [0, 1), default 0
    epsilon : float, default 1e-7
    centered : bool, default False
    **options
        `weight_decay` and all others of `Optimizer`.

    Notes
    -----
    The mean square is kept divided by 1 − ρ, which saves an operation. The variance is updated
    itself, v ← ρ (v + (1 − ρ) (dW − mean)²) with the former mean, and is never negative; Keras
    and PyTorch subtract, which for gradients that hardly change is NaN.

    References
    ----------
    Hinton, lecture 6e of "Neural Networks for Machine Learning" (2012); ε inside the root,
    as in Keras (PyTorch adds it outside). Graves (2013) for the centered form.
    """

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        require_bool("centered", centered)
        require_in("(0, 1)" if centered else "[0, 1)", "rho", rho)
        require_in("[0, 1)", "momentum", momentum)
        require_in("(0, inf)", "epsilon", epsilon)
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered
        self.slots = ("v", *(["mean"] if centered else []), *(["velocity"] if momentum else []))

    def constants(self, dtype: np.dtype[Any]) -> None:
        self._rho, self._new = np.array(self.rho, dtype), np.array(1 - self.rho, dtype)
        self._momentum = np.array(self.momentum, dtype)
        # of what is added to v ← ρ v + …: dW², or the square of (1 − ρ) (dW − mean)
        self._scale = self.rho / (1 - self.rho) if self.centered else 1 - self.rho
        self._epsilon = np.array(self.epsilon / self._scale, dtype)

    def prepare(self, learning_rate: float) -> None:
        self.rate.fill(learning_rate / self._scale**0.5)

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        v = slots[0]
        if self.centered:
            mean = slots[1]
            np.subtract(dW, mean, scratch)
            np.multiply(scratch, self._new, scratch)
            np.add(mean, scratch, mean)
            np.multiply(scratch, scratch, scratch)
        else:
            np.multiply(dW, dW, scratch)
        np.multiply(v, self._rho, v)
        np.add(v, scratch, v)
        np.add(v, self._epsilon, scratch)  # η dW / √(v + ε)
        np.sqrt(scratch, scratch)
        np.divide(dW, scratch, scratch)
        np.multiply(scratch, self.rate, scratch)
        if self.momentum:
            velocity = slots[-1]
            np.multiply(velocity, self._momentum, velocity)
            np.add(velocity, scratch, velocity)
            np.subtract(W, velocity, W)
        else:
            np.subtract(W, scratch, W)


class Adagrad(Optimizer):
    """v ← v + dW²,  W ← W − η dW / √(v + ε): the step falls with all gradients so far.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
    initial_accumulator_value : float of at least 0, default 0.1
        What v begins with.
    epsilon : float, default 1e-7
        It is kept as part of v, which saves an operation.
    **options
        `weight_decay` and all others of `Optimizer`.

    References
    ----------
    Duchi, Hazan and Singer (2011), who begin with 0; defaults as in Keras. ε inside the root, as
    in Keras (PyTorch adds it outside).
    """

    slots = ("v",)

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        require_in("[0, inf)", "initial_accumulator_value", initial_accumulator_value)
        require_in("(0, inf)", "epsilon", epsilon)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def begin(self, values: Array) -> None:
        self.state["v"].fill(self.initial_accumulator_value + self.epsilon)

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        (v,) = slots
        np.multiply(dW, dW, scratch)
        np.add(v, scratch, v)
        np.sqrt(v, scratch)
        np.divide(dW, scratch, scratch)
        np.multiply(scratch, self.rate, scratch)
        np.subtract(W, scratch, W)


class Adadelta(Optimizer):
    """v ← ρ v + (1 − ρ) dW²,  Δ = dW √(u + ε) / √(v + ε),  u ← ρ u + (1 − ρ) Δ²,  W ← W − η Δ.

    u and v are kept divided by 1 − ρ, which saves two operations.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
        1 is the paper's, which has no η.
    rho : float in [0, 1), default 0.95
    epsilon : float, default 1e-7
    **options
        `weight_decay` and all others of `Optimizer`.

    References
    ----------
    Zeiler, "ADADELTA: an adaptive learning rate method" (2012), with ε = 1e-6; defaults as in
    Keras.
    """

    slots = ("v", "u")

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        require_in("[0, 1)", "rho", rho)
        require_in("(0, inf)", "epsilon", epsilon)
        self.rho, self.epsilon = rho, epsilon

    def constants(self, dtype: np.dtype[Any]) -> None:
        self._rho, self._epsilon = np.array(self.rho, dtype), np.array(self.epsilon / (1 - self.rho), dtype)

    def memory(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Array, ...]:
        return (np.empty(shape, dtype),)

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        v, u, change = slots
        np.multiply(dW, dW, scratch)
        np.multiply(v, self._rho, v)
        np.add(v, scratch, v)
        np.add(v, self._epsilon, scratch)
        np.add(u, self._epsilon, change)
        np.divide(change, scratch, change)
        np.sqrt(change, change)
        np.multiply(change, dW, change)
        np.multiply(change, self.rate, scratch)
        np.subtract(W, scratch, W)
        np.multiply(change, change, change)
        np.multiply(u, self._rho, u)
        np.add(u, change, u)


class Ftrl(Optimizer):
    """W = (clip(z, −λ₁, λ₁) − z) / (nᵖ/η + 2 λ₂ + β/η), z ← z + dW + 2 s W − (nᵖ − n₀ᵖ) W / η.

    n ← n + dW² is the sum of squares, n₀ that before; p = −learning_rate_power. "Follow the
    regularized leader": a parameter is exactly 0 while its z stays within ±λ₁.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
        A step with 0 changes nothing, n and z included.
    learning_rate_power : float of at most 0, default -0.5
    initial_accumulator_value : float of at least 0, default 0.1
        What n begins with.
    l1_regularization_strength, l2_regularization_strength : float of at least 0, default 0
        λ₁ and λ₂.
    l2_shrinkage_regularization_strength : float of at least 0, default 0
        s, a penalty on the size of W that is no part of n.
    beta : float of at least 0, default 0
    **options
        `weight_decay` and all others of `Optimizer`.

    Notes
    -----
    z begins at 0, as in Keras: W is made from the gradients alone, so the first step pulls the
    initial weights towards 0, and those with a gradient of 0 to 0. Where n is 0, with which
    Keras divides by 0, W becomes 0.

    References
    ----------
    McMahan et al., "Ad click prediction: a view from the trenches" (2013); defaults as in Keras.
    """

    slots = ("n", "z")

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        require_in("(-inf, 0]", "learning_rate_power", learning_rate_power)
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        for name in ("initial_accumulator_value", "beta"):
            require_in("[0, inf)", name, getattr(self, name))
        for name in ("l1_", "l2_", "l2_shrinkage_"):
            require_in("[0, inf)", name := f"{name}regularization_strength", getattr(self, name))

    def begin(self, values: Array) -> None:
        self.state["n"].fill(self.initial_accumulator_value)

    def constants(self, dtype: np.dtype[Any]) -> None:
        self._power, self._l1 = np.array(-self.learning_rate_power, dtype), self.l1_regularization_strength
        self._shrinkage = np.array(2 * self.l2_shrinkage_regularization_strength, dtype)
        self._least = np.array(np.finfo(dtype).tiny, dtype)
        self._ridge, self._inverse = np.zeros((), dtype), np.zeros((), dtype)

    def prepare(self, learning_rate: float) -> None:
        self._rests = learning_rate < self._least  # 1/η would overflow
        self.rate.fill(learning_rate)
        self._inverse.fill(1 / max(learning_rate, float(self._least)))
        self._ridge.fill(2 * self.l2_regularization_strength * learning_rate + self.beta)

    def memory(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Array, ...]:
        return (np.empty(shape, dtype),)

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        if self._rests:
            return
        n, z, root = slots
        self._raise(n, scratch)
        np.multiply(dW, dW, root)
        np.add(n, root, n)
        self._raise(n, root)
        np.subtract(root, scratch, scratch)  # z ← z + dW + 2 s W − (nᵖ − n₀ᵖ) W / η
        np.multiply(scratch, self._inverse, scratch)
        np.subtract(scratch, self._shrinkage, scratch)
        np.multiply(scratch, W, scratch)
        np.add(z, dW, z)
        np.subtract(z, scratch, z)
        np.add(root, self._ridge, root)
        np.maximum(root, self._least, out=root)
        if self._l1:
            np.maximum(z, -self._l1, out=scratch)
            np.minimum(scratch, self._l1, out=scratch)
            np.subtract(scratch, z, scratch)
        else:
            np.negative(z, scratch)
        np.divide(scratch, root, W)  # both sides of the fraction times η
        np.multiply(W, self.rate, W)

    def _raise(self, n: Array, out: Array) -> None:
        """Put nᵖ into `out`; for the default p as a root, ten times as fast."""
        if self.learning_rate_power == -0.5:
            np.sqrt(n, out)
        else:
            np.power(n, self._power, out)
