"""Update rules that divide each gradient by the size its own gradients have had.

Letters as in the papers: W parameters, dW gradients, η learning rate; a step allocates nothing.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.elementary import sqrt, where
from mlp.naming import require_bool, require_in
from mlp.optimizers.base import Optimizer

INFINITY = math.inf


def over_root(dW: float, v: float) -> float:
    """DW / √v of one parameter; compiled code, which estimates 1 / √v, would make NaN of an infinite v."""
    return where(v == INFINITY, 0.0 * dW, dW / sqrt(v))


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
        self._scale = self.rho / (1 - self.rho) if "mean" in self.slots else 1 - self.rho
        self._epsilon = np.array(self.epsilon / self._scale, dtype)

    def prepare(self, learning_rate: float) -> None:
        self.rate.fill(self.numbers_of_steps(learning_rate, self.iterations + 1)["rate"])

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        v = slots[0]
        if "mean" in self.slots:
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
        if "velocity" in self.slots:
            velocity = slots[-1]
            np.multiply(velocity, self._momentum, velocity)
            np.add(velocity, scratch, velocity)
            np.subtract(W, velocity, W)
        else:
            np.subtract(W, scratch, W)

    @staticmethod
    def scalar_update(
        W: float, dW: float, v: float, rho: float, epsilon: float, rate: float
    ) -> tuple[float, float]:
        """The rule for one parameter."""
        v = rho * v + dW * dW
        return W - rate * over_root(dW, v + epsilon), v

    @staticmethod
    def scalar_momentum(
        W: float,
        dW: float,
        v: float,
        velocity: float,
        rho: float,
        epsilon: float,
        rate: float,
        momentum: float,
    ) -> tuple[float, float, float]:
        """The rule with momentum for one parameter."""
        v = rho * v + dW * dW
        velocity = momentum * velocity + rate * over_root(dW, v + epsilon)
        return W - velocity, v, velocity

    @staticmethod
    def scalar_centered(
        W: float, dW: float, v: float, mean: float, rho: float, new: float, epsilon: float, rate: float
    ) -> tuple[float, float, float]:
        """The centered rule for one parameter."""
        change = new * (dW - mean)
        v = rho * v + change * change
        return W - rate * over_root(dW, v + epsilon), v, mean + change

    @staticmethod
    def scalar_centered_momentum(
        W: float, dW: float, v: float, mean: float, velocity: float,
        rho: float, new: float, epsilon: float, rate: float, momentum: float,
    ) -> tuple[float, float, float, float]:  # fmt: skip
        """The centered rule with momentum for one parameter."""
        change = new * (dW - mean)
        v = rho * v + change * change
        velocity = momentum * velocity + rate * over_root(dW, v + epsilon)
        return W - velocity, v, mean + change, velocity

    def scalar_form(self) -> Callable[..., Any]:
        centered = "mean" in self.slots
        if "velocity" in self.slots:
            return RMSprop.scalar_centered_momentum if centered else RMSprop.scalar_momentum
        return RMSprop.scalar_centered if centered else RMSprop.scalar_update

    def scalars(self) -> dict[str, Any]:
        return {"rho": self._rho, "new": self._new, "momentum": self._momentum, "epsilon": self._epsilon}

    def numbers_of_steps(self, rates: Any, steps: Any) -> dict[str, Any]:
        return {"rate": rates / self._scale**0.5}


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

    @staticmethod
    def scalar_update(W: float, dW: float, v: float, rate: float) -> tuple[float, float]:
        """The rule for one parameter."""
        v = v + dW * dW
        return W - rate * over_root(dW, v), v


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

    @staticmethod
    def scalar_update(
        W: float, dW: float, v: float, u: float, rho: float, epsilon: float, rate: float
    ) -> tuple[float, float, float]:
        """The rule for one parameter."""
        v = rho * v + dW * dW
        change = sqrt((u + epsilon) / (v + epsilon)) * dW
        return W - rate * change, v, rho * u + change * change

    def scalars(self) -> dict[str, Any]:
        return {"rho": self._rho, "epsilon": self._epsilon}
