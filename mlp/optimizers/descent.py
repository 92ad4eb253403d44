"""Update rules with one step size for all: gradient descent, and the sign of the gradient.

Each rule is written as its paper has it, in place, on blocks of the flat vector. Letters as in
the papers: W parameters, dW gradients, η learning rate. Every product goes into `scratch`, so
that a step allocates nothing.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.elementary import clip, minimum, sign
from mlp.naming import require_bool, require_in
from mlp.optimizers.base import Optimizer


class SGD(Optimizer):
    """W ← W − η dW: gradient descent, with momentum on request.

    With momentum μ:  velocity ← μ velocity − η dW,  W ← W + velocity;
    with Nesterov's:  W ← W + μ velocity − η dW, velocity as just updated.

    Whether this is full-batch, stochastic or minibatch descent is not the rule's business
    but the loop's: see `mlp.optimizers.loops`.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.01
    momentum : float in [0, 1), default 0
    nesterov : bool, default False
    **options
        `weight_decay` and all others of `Optimizer`.

    References
    ----------
    Polyak (1964); Nesterov (1983); in the form of Sutskever et al. (2013), as in Keras.
    (PyTorch keeps velocity without η, which differs once η changes.)
    """

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        require_in("[0, 1)", "momentum", momentum)
        require_bool("nesterov", nesterov)
        self.momentum, self.nesterov = momentum, nesterov
        self.slots = ("velocity",) if momentum else ()

    def constants(self, dtype: np.dtype[Any]) -> None:
        self._momentum = np.array(self.momentum, dtype)

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        np.multiply(dW, self.rate, scratch)
        if not slots:
            np.subtract(W, scratch, W)
            return
        (velocity,) = slots
        np.multiply(velocity, self._momentum, velocity)
        np.subtract(velocity, scratch, velocity)
        if self.nesterov:
            np.subtract(W, scratch, W)
            np.multiply(velocity, self._momentum, scratch)
            np.add(W, scratch, W)
        else:
            np.add(W, velocity, W)

    @staticmethod
    def scalar_update(W: float, dW: float, rate: float) -> float:
        """The rule without momentum for one parameter."""
        return W - rate * dW

    @staticmethod
    def scalar_momentum(
        W: float, dW: float, velocity: float, rate: float, momentum: float
    ) -> tuple[float, float]:
        """The rule with momentum for one parameter."""
        velocity = momentum * velocity - rate * dW
        return W + velocity, velocity

    @staticmethod
    def scalar_nesterov(
        W: float, dW: float, velocity: float, rate: float, momentum: float
    ) -> tuple[float, float]:
        """The rule with Nesterov's momentum for one parameter."""
        velocity = momentum * velocity - rate * dW
        return W + (momentum * velocity - rate * dW), velocity

    def scalar_form(self) -> Callable[..., Any]:
        if not self.slots:
            return SGD.scalar_update
        return SGD.scalar_nesterov if self.nesterov else SGD.scalar_momentum

    def scalars(self) -> dict[str, Any]:
        return {"momentum": self._momentum}


class Lion(Optimizer):
    """W ← W − η sign(β₁ m + (1 − β₁) dW),  m ← β₂ m + (1 − β₂) dW.

    Every parameter moves by η or not at all, so η should be 3 to 10 times smaller than Adam's.
    m is kept divided by 1 − β₂, which saves an operation.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
    beta_1 : float in (0, 1), default 0.9
        (Keras allows 1, too.)
    beta_2 : float in [0, 1), default 0.99
    **options
        `weight_decay` and all others of `Optimizer`.

    References
    ----------
    Chen et al., "Symbolic discovery of optimization algorithms" (2023).
    """

    slots = ("m",)

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        require_in("(0, 1)", "beta_1", beta_1)
        require_in("[0, 1)", "beta_2", beta_2)
        self.beta_1, self.beta_2 = beta_1, beta_2

    def constants(self, dtype: np.dtype[Any]) -> None:
        self._beta_2 = np.array(self.beta_2, dtype)
        # β₁ m + (1 − β₁) dW, divided by 1 − β₁, has the same sign
        self._share = np.array(self.beta_1 * (1 - self.beta_2) / (1 - self.beta_1), dtype)

    def memory(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Array, ...]:
        return (np.empty(shape, dtype),)

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        m, spare = slots
        np.multiply(m, self._share, scratch)
        np.add(scratch, dW, scratch)
        np.sign(scratch, spare)  # in place it takes seven times as long: number by number, with branches
        np.multiply(spare, self.rate, scratch)
        np.subtract(W, scratch, W)
        np.multiply(m, self._beta_2, m)
        np.add(m, dW, m)

    @staticmethod
    def scalar_update(
        W: float, dW: float, m: float, share: float, beta_2: float, rate: float
    ) -> tuple[float, float]:
        """The rule for one parameter."""
        return W - rate * sign(share * m + dW), beta_2 * m + dW

    def scalars(self) -> dict[str, Any]:
        return {"share": self._share, "beta_2": self._beta_2}


class Rprop(Optimizer):
    """W ← W − step sign(dW); step ← η₊ step where dW keeps its sign, η₋ step where it changes.

    After a change of sign the parameter rests for one step ("iRprop−"). The sizes of the
    gradients do not matter, only their signs, so this is a rule for full batches: with
    minibatches the signs change by chance and the steps vanish. Keras has no Rprop.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.01
        The step that every parameter begins with, of no effect later; likewise `rate_factors`.
    eta_minus : float in (0, 1), default 0.5
    eta_plus : float above 1, default 1.2
    min_step, max_step : float, default 1e-6 and 50
        Bounds of the steps.
    **options
        `weight_decay` and all others of `Optimizer`.

    References
    ----------
    Riedmiller and Braun (1993); Igel and Hüsken (2003) for the rest after a change; defaults as
    in PyTorch.
    """

    slots = ("steps", "signs")

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.01,
        eta_minus: float = 0.5,
        eta_plus: float = 1.2,
        min_step: float = 1e-6,
        max_step: float = 50.0,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        require_in("(0, 1)", "eta_minus", eta_minus)
        require_in("(1, inf)", "eta_plus", eta_plus)
        require_in("(0, inf)", "min_step", min_step)
        require_in(f"[{min_step}, inf)", "max_step", max_step)
        self.eta_minus, self.eta_plus = eta_minus, eta_plus
        self.min_step, self.max_step = min_step, max_step

    def begin(self, values: Array) -> None:
        self.state["steps"].fill(self.current_rate())

    def memory(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Array, ...]:
        return (np.empty(shape, dtype),)

    def constants(self, dtype: np.dtype[Any]) -> None:
        # 1 + p (a + b p) is η₊, 1 and η₋ for p = 1, 0 and −1
        self._a = np.array((self.eta_plus - self.eta_minus) / 2, dtype)
        self._b = np.array((self.eta_plus + self.eta_minus) / 2 - 1, dtype)
        self._one, self._zero = np.array(1, dtype), np.array(0, dtype)
        self._min_step, self._max_step = np.array(self.min_step, dtype), np.array(self.max_step, dtype)

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        steps, signs, product = slots
        np.sign(dW, scratch)
        np.multiply(signs, scratch, product)  # of signs, since that of tiny gradients would be 0
        np.minimum(product, self._zero, out=signs)
        np.add(signs, self._one, signs)
        np.multiply(signs, scratch, signs)  # now those of dW, and 0 where it changed
        np.multiply(product, self._b, scratch)
        np.add(scratch, self._a, scratch)
        np.multiply(scratch, product, scratch)
        np.add(scratch, self._one, scratch)
        np.multiply(steps, scratch, steps)
        np.maximum(steps, self._min_step, out=steps)
        np.minimum(steps, self._max_step, out=steps)
        np.multiply(steps, signs, scratch)
        np.subtract(W, scratch, W)

    @staticmethod
    def scalar_update(
        W: float, dW: float, steps: float, signs: float, a: float, b: float, min_step: float, max_step: float
    ) -> tuple[float, float, float]:
        """The rule for one parameter."""
        product = signs * sign(dW)
        signs = (1.0 + minimum(product, 0.0)) * sign(dW)
        steps = clip(steps * (1.0 + product * (a + b * product)), min_step, max_step)
        return W - steps * signs, steps, signs

    def scalars(self) -> dict[str, Any]:
        return {"a": self._a, "b": self._b, "min_step": self._min_step, "max_step": self._max_step}
