"""scikit-learn's update rules: `SGD` and `Adam` of `mlp.optimizers`, in its order of operations.

See `mlp.estimators.arithmetic` for the reason. Letters as in `mlp.optimizers`.
"""

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mlp import optimizers
from mlp.arrays import Array
from mlp.elementary import sqrt
from mlp.naming import require_in
from mlp.optimizers import Optimizer, settings


class ExactSGD(Optimizer):
    """velocity ← μ velocity − η dW;  W ← W + velocity, or with Nesterov's W + (μ velocity − η dW).

    Parameters
    ----------
    learning_rate, momentum, nesterov
        As in `mlp.optimizers.SGD`; μ may be 1.
    **options
        As in `mlp.optimizers.Optimizer`.
    """

    slots = ("velocity",)

    def __init__(
        self, learning_rate: Any = 0.001, momentum: float = 0.9, nesterov: bool = True, **options: Any
    ) -> None:
        super().__init__(learning_rate, **options)
        require_in("[0, 1]", "momentum", momentum)
        self.momentum, self.nesterov = momentum, nesterov

    def constants(self, dtype: np.dtype[Any]) -> None:
        self._momentum = np.array(self.momentum, dtype)

    def memory(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Array, ...]:
        return (np.empty(shape, dtype),)

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        velocity, spare = slots
        np.multiply(dW, self.rate, scratch)
        np.multiply(velocity, self._momentum, velocity)
        np.subtract(velocity, scratch, velocity)
        if self.nesterov:
            np.multiply(velocity, self._momentum, spare)
            np.subtract(spare, scratch, spare)
            np.add(W, spare, W)
        else:
            np.add(W, velocity, W)

    def exact_form(self) -> Callable[..., Any]:
        """The rule for one parameter, operation by operation as in `update`."""
        return self.scalar_nesterov if self.nesterov else self.scalar_update

    @staticmethod
    def scalar_update(
        W: float, dW: float, velocity: float, rate: float, momentum: float
    ) -> tuple[float, float]:
        """The rule for one parameter."""
        velocity = velocity * momentum - dW * rate
        return W + velocity, velocity

    @staticmethod
    def scalar_nesterov(
        W: float, dW: float, velocity: float, rate: float, momentum: float
    ) -> tuple[float, float]:
        """The rule for one parameter with Nesterov's step."""
        step = dW * rate
        velocity = velocity * momentum - step
        return W + (velocity * momentum - step), velocity

    def scalars(self) -> dict[str, Any]:
        return {"momentum": self._momentum}


class ExactAdam(Optimizer):
    """m ← β₁ m + (1 − β₁) dW,  v ← β₂ v + (1 − β₂) dW²,  W ← W − α m / (√v + ε).

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon
        As in `mlp.optimizers.Adam`.
    **options
        As in `mlp.optimizers.Optimizer`.
    """

    slots = ("m", "v")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        require_in("[0, 1)", "beta_1", beta_1)
        require_in("[0, 1)", "beta_2", beta_2)
        require_in("(0, inf)", "epsilon", epsilon)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def constants(self, dtype: np.dtype[Any]) -> None:
        numbers = (self.beta_1, 1 - self.beta_1, self.beta_2, 1 - self.beta_2, self.epsilon)
        self._beta_1, self._rest_1, self._beta_2, self._rest_2, self._epsilon = (
            np.array(number, dtype) for number in numbers
        )

    def memory(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Array, ...]:
        return (np.empty(shape, dtype),)

    def prepare(self, learning_rate: float) -> None:
        t = self.iterations + 1
        self.rate.fill(-(learning_rate * math.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)))

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        m, v, spare = slots
        np.multiply(m, self._beta_1, m)
        np.multiply(dW, self._rest_1, scratch)
        np.add(m, scratch, m)
        np.multiply(dW, dW, scratch)
        np.multiply(scratch, self._rest_2, scratch)
        np.multiply(v, self._beta_2, v)
        np.add(v, scratch, v)
        np.sqrt(v, scratch)
        np.add(scratch, self._epsilon, scratch)
        np.multiply(m, self.rate, spare)
        np.divide(spare, scratch, spare)
        np.add(W, spare, W)

    def exact_form(self) -> Callable[..., Any]:
        """The rule for one parameter, operation by operation as in `update`."""
        return self.scalar_update

    @staticmethod
    def scalar_update(
        W: float, dW: float, m: float, v: float,
        rate: float, beta_1: float, rest_1: float, beta_2: float, rest_2: float, epsilon: float,
    ) -> tuple[float, float, float]:  # fmt: skip
        """The rule for one parameter; `rate` is −α."""
        m = m * beta_1 + dW * rest_1
        v = v * beta_2 + dW * dW * rest_2
        return W + m * rate / (sqrt(v) + epsilon), m, v

    def scalars(self) -> dict[str, Any]:
        return {
            "beta_1": self._beta_1,
            "rest_1": self._rest_1,
            "beta_2": self._beta_2,
            "rest_2": self._rest_2,
            "epsilon": self._epsilon,
        }


def rule_of(estimator: Any) -> Any:
    """The update rule or solver of an estimator, without a state; None for "lbfgs"."""
    if estimator.solver == "lbfgs":
        return None
    if estimator.solver == "sgd":
        momentum, nesterov = estimator.momentum, estimator.nesterovs_momentum
        return ExactSGD(_rate(estimator), momentum, nesterov, **_limits(estimator))
    if estimator.solver == "adam":
        decays = estimator.beta_1, estimator.beta_2
        return ExactAdam(_rate(estimator), *decays, estimator.epsilon, **_limits(estimator))
    return _named_rule(estimator)


def library_rule(estimator: Any) -> Optimizer:
    """The rule of the library that is nearest: `model_` is compiled with it, and can be trained further."""
    if estimator.solver == "lbfgs":
        return optimizers.LBFGS()
    if estimator.solver == "sgd":
        momentum = min(estimator.momentum, 0.999)  # scikit-learn lets it be 1
        return optimizers.SGD(_rate(estimator), momentum, estimator.nesterovs_momentum, **_limits(estimator))
    if estimator.solver == "adam":
        decays = estimator.beta_1, estimator.beta_2
        return optimizers.Adam(_rate(estimator), *decays, estimator.epsilon, **_limits(estimator))
    return _named_rule(estimator)


def _named_rule(estimator: Any) -> Optimizer:
    rule = copy.deepcopy(optimizers.get(estimator.solver)).fresh()
    if not isinstance(estimator.solver, Optimizer) or callable(estimator.learning_rate):
        rule.learning_rate = _rate(estimator)
    vars(rule).update(_limits(estimator))
    settings.require_clipping(
        clipnorm=rule.clipnorm, clipvalue=rule.clipvalue, global_clipnorm=rule.global_clipnorm
    )
    return rule


def _rate(estimator: Any) -> Any:
    schedule = estimator.learning_rate
    return schedule if callable(schedule) else float(estimator.learning_rate_init)


def _limits(estimator: Any) -> dict[str, Any]:
    limits = {name: getattr(estimator, name) for name in ("clipnorm", "clipvalue", "global_clipnorm")}
    return {name: limit for name, limit in limits.items() if limit is not None}


def first_rate(estimator: Any) -> float:
    """Return η before a schedule by name lowers it: the solver object's own, or `learning_rate_init`."""
    solver = estimator.solver
    rate: Any = solver.learning_rate if isinstance(solver, Optimizer) else estimator.learning_rate_init
    return float(rate)


def steps_by_batches(estimator: Any) -> bool:
    """True, or an AttributeError if the solver takes all rows at once; for `partial_fit`."""
    solver = estimator.solver
    if solver in ("adam", "sgd"):
        return True
    if solver == "lbfgs" or isinstance(optimizers.get(solver), optimizers.Solver):
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {solver} is not stochastic."
        )
    return True
