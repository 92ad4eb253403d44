"""Rules that correct `Adam`: Nesterov's look ahead, a warm-up that needs no setting, no schedule.

Letters and scaled state as in `mlp.optimizers.adam`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.elementary import sqrt, where
from mlp.naming import is_integer, require
from mlp.optimizers.adam import require_adam
from mlp.optimizers.base import Optimizer


class Nadam(Optimizer):
    """`Adam` with Nesterov's momentum: W ← W − η m̂ / (√v̂ + ε).

    m̂ = μₜ₊₁ m / (1 − μ₁ … μₜ₊₁) + (1 − μₜ) dW / (1 − μ₁ … μₜ),  v̂ = v / (1 − β₂ᵗ),
    μₜ = β₁ (1 − 0.96ᵗ / 2); m and v as in `Adam`.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
    beta_1, beta_2 : float in [0, 1), default 0.9 and 0.999
    epsilon : float, default 1e-7
    **options
        `weight_decay` and all others of `Optimizer`.

    References
    ----------
    Dozat, "Incorporating Nesterov momentum into Adam" (2016); 0.96 instead of 0.96 to the power
    of 0.004, as in Keras. (PyTorch has the latter, and ε of 1e-8.)
    """

    slots = ("m", "v")

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        require_adam(self)

    def constants(self, dtype: np.dtype[Any]) -> None:
        self._beta_1, self._beta_2 = np.array(self.beta_1, dtype), np.array(self.beta_2, dtype)
        self._epsilon, self._share = np.zeros((), dtype), np.zeros((), dtype)
        self._products = 0, 1.0, self.beta_1  # t and μ₁ … μₜ, to go on with while β₁ is the same

    def memory(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Array, ...]:
        return (np.empty(shape, dtype),)

    def prepare(self, learning_rate: float) -> None:
        t = self.iterations + 1
        numbers = self._numbers(learning_rate, t, self._product(t))
        self._share.fill(numbers["share"])
        self._epsilon.fill(numbers["epsilon"])
        self.rate.fill(numbers["rate"])

    def _product(self, t: int) -> float:
        """μ₁ … μₜ."""
        start, product, beta_1 = self._products
        if start > t or beta_1 != self.beta_1:
            start, product = 0, 1.0
        # powers of arrays, as `numbers_of_steps` has them: Python's may differ in the last bit
        for mu in self._mu(np.arange(start + 1, t + 1)).tolist():
            product *= mu
        self._products = t, product, self.beta_1
        return product

    def _numbers(self, rates: Any, t: Any, product: Any) -> dict[str, Any]:
        following = self._mu(t + 1)
        of_m = following * (1 - self.beta_1) / (1 - product * following)
        of_dW = (1 - self._mu(t)) / (1 - product)
        scale = ((1 - self.beta_2) / (1 - self.beta_2**t)) ** 0.5
        return {"share": of_m / of_dW, "epsilon": self.epsilon / scale, "rate": rates * of_dW / scale}

    def _mu(self, t: Any) -> Any:
        return self.beta_1 * (1 - 0.5 * 0.96**t)

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        m, v, ahead = slots
        np.multiply(m, self._beta_1, m)
        np.add(m, dW, m)
        np.multiply(dW, dW, scratch)
        np.multiply(v, self._beta_2, v)
        np.add(v, scratch, v)
        np.sqrt(v, scratch)
        np.add(scratch, self._epsilon, scratch)
        np.multiply(m, self._share, ahead)
        np.add(ahead, dW, ahead)
        np.divide(ahead, scratch, scratch)
        np.multiply(scratch, self.rate, scratch)
        np.subtract(W, scratch, W)

    @staticmethod
    def scalar_update(
        W: float, dW: float, m: float, v: float,
        beta_1: float, beta_2: float, share: float, epsilon: float, rate: float,
    ) -> tuple[float, float, float]:  # fmt: skip
        """The rule for one parameter."""
        m = beta_1 * m + dW
        v = beta_2 * v + dW * dW
        return W - rate * (share * m + dW) / (sqrt(v) + epsilon), m, v

    def scalars(self) -> dict[str, Any]:
        return {"beta_1": self._beta_1, "beta_2": self._beta_2}

    def numbers_of_steps(self, rates: Any, steps: Any) -> dict[str, Any]:
        if np.ndim(steps) == 0:
            return self._numbers(rates, steps, self._product(steps))
        first = int(steps[0])
        every = self._mu(np.arange(first, int(steps[-1]) + 1))
        every[0] = self._product(first)
        return self._numbers(rates, steps, np.cumprod(every)[steps - first])


class RAdam(Optimizer):
    """`Adam` whose step is rectified by r while v knows few gradients: W ← W − r α m / (√v + ε).

    With ρ∞ = 2 / (1 − β₂) − 1 and ρ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ), the number of gradients that v is
    worth, r = √((ρ − 4)(ρ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρ)); while ρ ≤ 5,
    W ← W − η m / (1 − β₁ᵗ). So it warms up without a schedule. Keras has no RAdam.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
    beta_1, beta_2 : float in [0, 1), default 0.9 and 0.999
    epsilon : float, default 1e-7
    **options
        `weight_decay` and all others of `Optimizer`.

    References
    ----------
    Liu et al., "On the variance of the adaptive learning rate and beyond" (2020); as in PyTorch,
    but for ε, which there is 1e-8.
    """

    slots = ("m", "v")

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        require_adam(self)

    def constants(self, dtype: np.dtype[Any]) -> None:
        self._beta_1, self._beta_2 = np.array(self.beta_1, dtype), np.array(self.beta_2, dtype)
        self._epsilon = np.array(self.epsilon / (1 - self.beta_2) ** 0.5, dtype)

    def prepare(self, learning_rate: float) -> None:
        numbers = self.numbers_of_steps(learning_rate, self.iterations + 1)
        self._rectified = numbers["rectified"]
        self.rate.fill(numbers["rate"])

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        m, v = slots
        np.multiply(m, self._beta_1, m)
        np.add(m, dW, m)
        np.multiply(dW, dW, scratch)
        np.multiply(v, self._beta_2, v)
        np.add(v, scratch, v)
        if self._rectified:
            np.sqrt(v, scratch)
            np.add(scratch, self._epsilon, scratch)
            np.divide(m, scratch, scratch)
            np.multiply(scratch, self.rate, scratch)
        else:
            np.multiply(m, self.rate, scratch)
        np.subtract(W, scratch, W)

    @staticmethod
    def scalar_update(
        W: float, dW: float, m: float, v: float,
        beta_1: float, beta_2: float, epsilon: float, rate: float, rectified: float,
    ) -> tuple[float, float, float]:  # fmt: skip
        """The rule for one parameter."""
        m = beta_1 * m + dW
        v = beta_2 * v + dW * dW
        return W - rate * m / where(rectified > 0.5, sqrt(v) + epsilon, 1.0), m, v

    def scalars(self) -> dict[str, Any]:
        return {"beta_1": self._beta_1, "beta_2": self._beta_2, "epsilon": self._epsilon}

    def numbers_of_steps(self, rates: Any, steps: Any) -> dict[str, Any]:
        power, limit = self.beta_2**steps, 2 / (1 - self.beta_2) - 1
        rates = rates * (1 - self.beta_1) / (1 - self.beta_1**steps)
        if limit <= 5:
            return {"rate": rates, "rectified": 0.0 * rates}
        worth = limit - 2 * steps * power / (1 - power)
        rectified = (worth > 5) * 1.0
        ratio = (worth - 4) * (worth - 2) * limit / ((limit - 4) * (limit - 2) * worth)
        root = abs(ratio * (1 - power) / (1 - self.beta_2)) ** 0.5
        return {"rate": rates * (rectified * root + 1 - rectified), "rectified": rectified}


class ScheduleFreeAdamW(Optimizer):
    """z ← z − η dW / (√v̂ + ε),  x ← (1 − 1/t) x + z / t,  W = (1 − β₁) z + β₁ x.

    The gradient is taken at W, between the fast z and its mean x, which takes the place of both
    the momentum and a falling schedule; v̂ = v / (1 − β₂ᵗ), v as in `Adam`. x is not kept: W, z
    and β₁ determine it.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.0025
    beta_1, beta_2 : float in [0, 1), default 0.9 and 0.999
    epsilon : float, default 1e-8
    warmup_steps : int of at least 0, default 0
        Steps over which η grows from 0.
    **options
        `weight_decay` and all others of `Optimizer`.

    Notes
    -----
    As in Keras: the weight of z in x is 1/t even in the warm-up (the paper has it grow with η²),
    `weight_decay` acts on W alone, and the model is used at W, not at x.

    References
    ----------
    Defazio et al., "The road less scheduled" (2024).
    """

    slots = ("z", "v")

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        require_adam(self)
        right = is_integer(warmup_steps) and warmup_steps >= 0
        require(right, "warmup_steps", warmup_steps, "an integer of at least 0")
        self.warmup_steps = warmup_steps

    def begin(self, values: Array) -> None:
        np.copyto(self.state["z"], values)

    def constants(self, dtype: np.dtype[Any]) -> None:
        self._beta_2 = np.array(self.beta_2, dtype)
        self._epsilon, self._share = np.zeros((), dtype), np.zeros((), dtype)
        self._new, self._old = np.zeros((), dtype), np.zeros((), dtype)

    def prepare(self, learning_rate: float) -> None:
        numbers = self.numbers_of_steps(learning_rate, self.iterations + 1)
        self.rate.fill(numbers["rate"])
        self._epsilon.fill(numbers["epsilon"])
        self._new.fill(numbers["new"])
        self._old.fill(numbers["old"])
        self._share.fill(numbers["share"])

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        z, v = slots
        np.multiply(dW, dW, scratch)
        np.multiply(v, self._beta_2, v)
        np.add(v, scratch, v)
        np.sqrt(v, scratch)
        np.add(scratch, self._epsilon, scratch)
        np.divide(dW, scratch, scratch)
        np.multiply(scratch, self.rate, scratch)
        np.subtract(z, scratch, z)
        # with x eliminated: W ← (1 − 1/t) (W − (1 − β₁) step) + z / t
        np.multiply(scratch, self._share, scratch)
        np.multiply(W, self._old, W)
        np.subtract(W, scratch, W)
        np.multiply(z, self._new, scratch)
        np.add(W, scratch, W)

    @staticmethod
    def scalar_update(
        W: float, dW: float, z: float, v: float,
        beta_2: float, rate: float, epsilon: float, new: float, old: float, share: float,
    ) -> tuple[float, float, float]:  # fmt: skip
        """The rule for one parameter."""
        v = beta_2 * v + dW * dW
        step = rate * dW / (sqrt(v) + epsilon)
        z = z - step
        return old * W - share * step + new * z, z, v

    def scalars(self) -> dict[str, Any]:
        return {"beta_2": self._beta_2}

    def numbers_of_steps(self, rates: Any, steps: Any) -> dict[str, Any]:
        if self.warmup_steps:
            rates = rates * np.minimum(steps / self.warmup_steps, 1.0)
        scale = ((1 - self.beta_2) / (1 - self.beta_2**steps)) ** 0.5
        new = 1 / steps
        return {
            "rate": rates / scale,
            "epsilon": self.epsilon / scale,
            "new": new,
            "old": 1 - new,
            "share": (1 - new) * (1 - self.beta_1),
        }
