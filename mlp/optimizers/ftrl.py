"""Follow the regularized leader: a rule that sets parameters to exactly 0."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.elementary import clip, maximum, power, sqrt, where
from mlp.naming import require_in
from mlp.optimizers.base import Optimizer


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
        numbers = self.numbers_of_steps(learning_rate, self.iterations + 1)
        self._rests = numbers["rests"]
        self.rate.fill(learning_rate)
        self._inverse.fill(numbers["inverse"])
        self._ridge.fill(numbers["ridge"])

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

    @staticmethod
    def scalar_update(
        W: float, dW: float, n: float, z: float,
        rate: float, inverse: float, ridge: float, rests: float, shrinkage: float, l1: float, least: float,
    ) -> tuple[float, float, float]:  # fmt: skip
        """The rule with its default power for one parameter."""
        total = n + dW * dW
        W_new, z_new = followed(W, dW, z, sqrt(n), sqrt(total), rate, inverse, ridge, shrinkage, l1, least)
        stays = rests > 0.5
        return where(stays, W, W_new), where(stays, n, total), where(stays, z, z_new)

    @staticmethod
    def scalar_power(
        W: float, dW: float, n: float, z: float, rate: float, inverse: float, ridge: float, rests: float,
        shrinkage: float, l1: float, least: float, exponent: float,
    ) -> tuple[float, float, float]:  # fmt: skip
        """The rule for one parameter."""
        total = n + dW * dW
        old, new = power(n, exponent), power(total, exponent)
        W_new, z_new = followed(W, dW, z, old, new, rate, inverse, ridge, shrinkage, l1, least)
        stays = rests > 0.5
        return where(stays, W, W_new), where(stays, n, total), where(stays, z, z_new)

    def scalar_form(self) -> Callable[..., Any]:
        return Ftrl.scalar_update if self.learning_rate_power == -0.5 else Ftrl.scalar_power

    def scalars(self) -> dict[str, Any]:
        numbers = {"shrinkage": self._shrinkage, "l1": self._l1, "least": self._least}
        return numbers | {"exponent": self._power}

    def numbers_of_steps(self, rates: Any, steps: Any) -> dict[str, Any]:
        least = float(self._least)
        return {
            "rate": rates,
            "inverse": 1 / np.maximum(rates, least),
            "ridge": 2 * self.l2_regularization_strength * rates + self.beta,
            "rests": rates < least,  # 1/η would overflow
        }


def followed(
    W: float, dW: float, z: float, old: float, new: float,
    rate: float, inverse: float, ridge: float, shrinkage: float, l1: float, least: float,
) -> tuple[float, float]:  # fmt: skip
    """W and z of `Ftrl` for one parameter, from nᵖ before and after."""
    z = z + dW - ((new - old) * inverse - shrinkage) * W
    return rate * (clip(z, -l1, l1) - z) / maximum(new + ridge, least), z
