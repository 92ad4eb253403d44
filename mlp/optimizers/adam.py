"""Adam and its nearest kin: a mean m of the gradients over the root of a mean v of their squares.

Letters as in the papers: W parameters, dW gradients, η learning rate; a step allocates nothing.
The means are kept divided by 1 − β, as the sums m ← β₁ m + dW and v ← β₂ v + dW², and the step
and ε scaled to match: two of twelve operations less, and the same step.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.elementary import absolute, maximum, sqrt
from mlp.naming import require, require_bool, require_in
from mlp.optimizers.base import Optimizer


class Adam(Optimizer):
    """m ← β₁ m + (1 − β₁) dW,  v ← β₂ v + (1 − β₂) dW²,  W ← W − α m / (√v + ε).

    α = η √(1 − β₂ᵗ) / (1 − β₁ᵗ) corrects for the zeros that m and v begin with; t is the
    number of the step, from 1.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
    beta_1, beta_2 : float in [0, 1), default 0.9 and 0.999
    epsilon : float, default 1e-7
    amsgrad : bool, default False
        Divide by the largest √v so far, so that no step grows again.
    correct_epsilon : bool, default False
        Add ε to the corrected √v, as PyTorch and scikit-learn do: ε √(1 − β₂ᵗ) stands in its place
        above. (Keras has no such argument.)
    **options
        `weight_decay` and all others of `Optimizer`.

    References
    ----------
    Kingma and Ba (2015), in the form before their section 2.1, as in Keras: ε is not
    corrected ("epsilon hat") unless `correct_epsilon` says so.
    Reddi, Kale and Kumar, "On the convergence of Adam and beyond" (2018), for `amsgrad`.
    """

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        correct_epsilon: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        require_adam(self)
        require_bool("amsgrad", amsgrad)
        require_bool("correct_epsilon", correct_epsilon)
        self.amsgrad, self.correct_epsilon = amsgrad, correct_epsilon
        self.slots = ("m", "v", "v_max") if amsgrad else ("m", "v")

    def constants(self, dtype: np.dtype[Any]) -> None:
        self._beta_1, self._beta_2 = np.array(self.beta_1, dtype), np.array(self.beta_2, dtype)
        self._epsilon = np.array(self.epsilon / (1 - self.beta_2) ** 0.5, dtype)

    def prepare(self, learning_rate: float) -> None:
        numbers = self.numbers_of_steps(learning_rate, self.iterations + 1)
        self.rate.fill(numbers["rate"])
        if self.correct_epsilon:
            self._epsilon.fill(numbers["epsilon"])

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        m, v, *largest = slots
        np.multiply(m, self._beta_1, m)  # m ← β₁ m + dW
        np.add(m, dW, m)
        np.multiply(dW, dW, scratch)  # v ← β₂ v + dW²
        np.multiply(v, self._beta_2, v)
        np.add(v, scratch, v)
        if largest:
            v = np.maximum(largest[0], v, out=largest[0])
        np.sqrt(v, scratch)  # W ← W − α m / (√v + ε)
        np.add(scratch, self._epsilon, scratch)
        np.divide(m, scratch, scratch)
        np.multiply(scratch, self.rate, scratch)
        np.subtract(W, scratch, W)

    @staticmethod
    def scalar_update(
        W: float, dW: float, m: float, v: float, beta_1: float, beta_2: float, epsilon: float, rate: float
    ) -> tuple[float, float, float]:
        """The rule for one parameter."""
        m = beta_1 * m + dW
        v = beta_2 * v + dW * dW
        return W - rate * m / (sqrt(v) + epsilon), m, v

    @staticmethod
    def scalar_amsgrad(
        W: float, dW: float, m: float, v: float, v_max: float,
        beta_1: float, beta_2: float, epsilon: float, rate: float,
    ) -> tuple[float, float, float, float]:  # fmt: skip
        """The rule with `amsgrad` for one parameter."""
        m = beta_1 * m + dW
        v = beta_2 * v + dW * dW
        v_max = maximum(v_max, v)
        return W - rate * m / (sqrt(v_max) + epsilon), m, v, v_max

    def scalar_form(self) -> Callable[..., Any]:
        return Adam.scalar_amsgrad if "v_max" in self.slots else Adam.scalar_update

    def scalars(self) -> dict[str, Any]:
        numbers = {"beta_1": self._beta_1, "beta_2": self._beta_2}
        return numbers if self.correct_epsilon else numbers | {"epsilon": self._epsilon}

    def numbers_of_steps(self, rates: Any, steps: Any) -> dict[str, Any]:
        correction = (1 - self.beta_2**steps) ** 0.5
        alpha = rates * correction / (1 - self.beta_1**steps)
        numbers = {"rate": alpha * (1 - self.beta_1) / (1 - self.beta_2) ** 0.5}
        if self.correct_epsilon:
            numbers["epsilon"] = self.epsilon * correction / (1 - self.beta_2) ** 0.5
        return numbers


class AdamW(Optimizer):
    """`Adam` with decoupled weight decay: before each step W ← W (1 − η λ).

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
    weight_decay : float, default 0.004
        λ; biases decay too, as in Keras, unless ``decay_factors={"bias": 0}``.
    beta_1, beta_2, epsilon, amsgrad, correct_epsilon
        As in `Adam`.
    **options
        All others of `Optimizer`.

    References
    ----------
    Loshchilov and Hutter (2019); defaults as in Keras.
    """

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        correct_epsilon: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay, **options)
        require(weight_decay is not None, "weight_decay", weight_decay, "at least 0")
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        require_adam(self)
        require_bool("amsgrad", amsgrad)
        require_bool("correct_epsilon", correct_epsilon)
        self.amsgrad, self.correct_epsilon = amsgrad, correct_epsilon
        self.slots = ("m", "v", "v_max") if amsgrad else ("m", "v")

    # the rule is Adam's; only the decay, which the base class makes, is new
    constants, prepare, update = Adam.constants, Adam.prepare, Adam.update
    scalar_form, scalars, numbers_of_steps = Adam.scalar_form, Adam.scalars, Adam.numbers_of_steps


class Adamax(Optimizer):
    """m ← β₁ m + (1 − β₁) dW,  u ← max(β₂ u, |dW|),  W ← W − η / (1 − β₁ᵗ) m / (u + ε).

    `Adam` with the largest recent gradient in the place of the root of the mean square.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
    beta_1, beta_2 : float in [0, 1), default 0.9 and 0.999
    epsilon : float, default 1e-7
    **options
        `weight_decay` and all others of `Optimizer`.

    References
    ----------
    Kingma and Ba (2015), section 7.1; ε, which the paper does not have, as in Keras. (PyTorch
    adds it to |dW| within the maximum.)
    """

    slots = ("m", "u")

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
        self._epsilon = np.array(self.epsilon, dtype)

    def prepare(self, learning_rate: float) -> None:
        self.rate.fill(self.numbers_of_steps(learning_rate, self.iterations + 1)["rate"])

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        m, u = slots
        np.multiply(m, self._beta_1, m)
        np.add(m, dW, m)
        np.abs(dW, scratch)
        np.multiply(u, self._beta_2, u)
        np.maximum(u, scratch, out=u)
        np.add(u, self._epsilon, scratch)
        np.divide(m, scratch, scratch)
        np.multiply(scratch, self.rate, scratch)
        np.subtract(W, scratch, W)

    @staticmethod
    def scalar_update(
        W: float, dW: float, m: float, u: float, beta_1: float, beta_2: float, epsilon: float, rate: float
    ) -> tuple[float, float, float]:
        """The rule for one parameter."""
        m = beta_1 * m + dW
        u = maximum(beta_2 * u, absolute(dW))
        return W - rate * m / (u + epsilon), m, u

    def scalars(self) -> dict[str, Any]:
        return {"beta_1": self._beta_1, "beta_2": self._beta_2, "epsilon": self._epsilon}

    def numbers_of_steps(self, rates: Any, steps: Any) -> dict[str, Any]:
        return {"rate": rates * (1 - self.beta_1) / (1 - self.beta_1**steps)}


def require_adam(rule: Any) -> None:
    """Check the numbers that the rules of this family share."""
    require_in("[0, 1)", "beta_1", rule.beta_1)
    require_in("[0, 1)", "beta_2", rule.beta_2)
    require_in("(0, inf)", "epsilon", rule.epsilon)
