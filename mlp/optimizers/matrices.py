"""Rules that look at a parameter as a whole: at its norm, or its rows and columns.

Letters as in the papers: W one parameter in its shape, dW its gradient, η learning rate; a step
allocates nothing. ‖ ‖ is the Euclidean norm of all elements.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.elementary import sqrt
from mlp.naming import require_bool, require_in
from mlp.optimizers.adam import require_adam
from mlp.optimizers.base import Optimizer
from mlp.optimizers.blocks import norm


class Lamb(Optimizer):
    """W ← W − η ‖W‖ / ‖u‖ u,  u = m̂ / (√v̂ + ε): each parameter moves by a share η of its norm.

    m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ), m and v as in `Adam`; where a norm is 0 the ratio is 1.
    Made for very large batches.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
    beta_1, beta_2 : float in [0, 1), default 0.9 and 0.999
    epsilon : float, default 1e-7
    **options
        `weight_decay` and all others of `Optimizer`. As in Keras it is decoupled; in the paper it
        is a part of u.

    References
    ----------
    You et al., "Large batch optimization for deep learning" (2020).
    """

    slots = ("m", "v")
    by_parameter = True

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
        self._epsilon = np.zeros((), dtype)

    def prepare(self, learning_rate: float) -> None:
        numbers = self.numbers_of_steps(learning_rate, self.iterations + 1)
        self._epsilon.fill(numbers["epsilon"])
        self._unit, self._eta = numbers["unit"], learning_rate

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        m, v = slots
        np.multiply(m, self._beta_1, m)
        np.add(m, dW, m)
        np.multiply(dW, dW, scratch)
        np.multiply(v, self._beta_2, v)
        np.add(v, scratch, v)
        np.sqrt(v, scratch)
        np.add(scratch, self._epsilon, scratch)
        np.divide(m, scratch, scratch)
        size, length = norm(W), norm(scratch)
        self.rate.fill(self._eta * (size / length if size and length else self._unit))
        np.multiply(scratch, self.rate, scratch)
        np.subtract(W, scratch, W)

    @staticmethod
    def scalar_direction(
        dW: float, m: float, v: float, beta_1: float, beta_2: float, epsilon: float
    ) -> tuple[float, float, float]:
        """M / (√v + ε), m and v of one parameter."""
        m = beta_1 * m + dW
        v = beta_2 * v + dW * dW
        return m / (sqrt(v) + epsilon), m, v

    def scalars(self) -> dict[str, Any]:
        return {"beta_1": self._beta_1, "beta_2": self._beta_2}

    def numbers_of_steps(self, rates: Any, steps: Any) -> dict[str, Any]:
        scale = ((1 - self.beta_2) / (1 - self.beta_2**steps)) ** 0.5
        unit = (1 - self.beta_1) / (1 - self.beta_1**steps) / scale  # m / (√v + ε) times this is u
        return {"rate": rates, "epsilon": self.epsilon / scale, "unit": unit}


class Adafactor(Optimizer):
    """W ← W − α u / max(1, rms(u) / d),  u = dW / √v, where a matrix keeps of v rows and columns only.

    r and c are running means, with β₂ = 1 − t^decay, of the sums of dW² + ε₁ over each row and each
    column, and v = r cᵀ / sum(r); a vector keeps v itself. α = max(ε₂, rms(W)) min(η, 1/√t).

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
    beta_2_decay : float below 0, default -0.8
    epsilon_1 : float, default 1e-30
    epsilon_2 : float, default 0.001
    clip_threshold : float above 0, default 1
        d.
    relative_step : bool, default True
        Of no effect: as in Keras η is at most 1/√t either way.
    **options
        `weight_decay` and all others of `Optimizer`.

    Notes
    -----
    u is made by two divisions and not from v, which underflows in float32 where a unit and an
    input are both dead, and in Keras makes NaN of their weight.

    References
    ----------
    Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost" (2018).
    """

    slots = ("r", "c", "v")
    by_parameter = True

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        require_in("(-inf, 0)", "beta_2_decay", beta_2_decay)
        require_in("[1e-36, inf)", "epsilon_1", epsilon_1)  # what float32 can divide by
        require_in("[0, inf)", "epsilon_2", epsilon_2)
        require_in("(0, inf)", "clip_threshold", clip_threshold)
        require_bool("relative_step", relative_step)
        self.beta_2_decay, self.epsilon_1, self.epsilon_2 = beta_2_decay, epsilon_1, epsilon_2
        self.clip_threshold, self.relative_step = clip_threshold, relative_step

    def slot_shapes(self, name: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        if len(shape) < 2:
            return {"r": (0,), "c": (0,), "v": shape}
        return {"r": (*shape[:-1], 1), "c": (*shape[:-2], 1, shape[-1]), "v": (0,)}

    def memory(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Array, ...]:
        if len(shape) < 2:
            return ()
        slots = self.slot_shapes(name, shape)
        ones = np.ones((shape[-1], 1), dtype), np.ones((1, shape[-2]), dtype)
        sums = (slots["r"], slots["c"], (*shape[:-2], 1, 1))
        return (*ones, *(np.empty(part, dtype) for part in sums))

    def constants(self, dtype: np.dtype[Any]) -> None:
        self._epsilon = np.array(self.epsilon_1, dtype)
        self._old, self._new = np.zeros((), dtype), np.zeros((), dtype)

    def prepare(self, learning_rate: float) -> None:
        numbers = self.numbers_of_steps(learning_rate, self.iterations + 1)
        self._old.fill(numbers["old"])
        self._new.fill(numbers["new"])
        self._eta = numbers["rate"]

    def scalars(self) -> dict[str, Any]:
        numbers = {"epsilon_1": self._epsilon, "epsilon_2": self.epsilon_2}
        return numbers | {"clip_threshold": self.clip_threshold}

    def numbers_of_steps(self, rates: Any, steps: Any) -> dict[str, Any]:
        new = (1.0 * steps) ** self.beta_2_decay
        return {"old": 1 - new, "new": new, "rate": np.minimum(rates, 1 / steps**0.5)}

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        np.multiply(dW, dW, scratch)
        np.add(scratch, self._epsilon, scratch)
        if W.ndim < 2:
            v = slots[2]
            self._average(v, scratch)
            np.sqrt(v, scratch)
            np.divide(dW, scratch, scratch)
        else:
            r, c, _, of_row, of_column, row, column, total = slots
            self._average(r, np.matmul(scratch, of_row, row))
            self._average(c, np.matmul(of_column, scratch, column))
            np.matmul(of_column, r, total)
            np.divide(r, total, row)
            np.sqrt(row, row)
            np.divide(dW, row, scratch)
            np.sqrt(c, column)
            np.divide(scratch, column, scratch)
        root = math.sqrt(W.size)
        excess = max(1.0, norm(scratch) / root / self.clip_threshold)
        self.rate.fill(self._eta * max(self.epsilon_2, norm(W) / root) / excess)
        np.multiply(scratch, self.rate, scratch)
        np.subtract(W, scratch, W)

    def _average(self, mean: Array, new: Array) -> None:
        """Mean ← β₂ mean + (1 − β₂) new; `new` is working memory."""
        np.multiply(new, self._new, new)
        np.multiply(mean, self._old, mean)
        np.add(mean, new, mean)
