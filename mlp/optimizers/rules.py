"""Update rules. Each is written as its paper has it, in place, on blocks of the flat vector.

Letters as in the papers: W parameters, dW gradients, η learning rate. Every product goes
into `scratch`, so that a step allocates nothing.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.naming import require, require_in
from mlp.optimizers.base import Optimizer


class SGD(Optimizer):
    """W ← W − η dW: gradient descent, with momentum on request.

    With momentum μ:  velocity ← μ velocity − η dW,  W ← W + velocity;
    with Nesterov's:  W ← W + μ velocity − η dW, velocity as just updated.

    Whether this is full-batch, stochastic or minibatch descent is not the rule's business
    but the loop's: see `mlp.optimizers.loops`.

    Parameters
    ----------
    learning_rate : float or callable, default 0.01
    momentum : float in [0, 1), default 0
    nesterov : bool, default False
    **options
        `weight_decay`, `clipnorm`, `clipvalue`, `global_clipnorm` of `Optimizer`.

    References
    ----------
    Polyak (1964); Nesterov (1983); in the form of Sutskever et al. (2013), as in Keras.
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
        require(isinstance(nesterov, bool), "nesterov", nesterov, "True or False")
        self.momentum, self.nesterov = momentum, nesterov
        self.slots = ("velocity",) if momentum else ()

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        np.multiply(dW, self.rate, scratch)
        if not slots:
            W -= scratch
            return
        (velocity,) = slots
        velocity *= self.momentum
        velocity -= scratch
        if self.nesterov:
            W -= scratch
            W += np.multiply(velocity, self.momentum, scratch)
        else:
            W += velocity


class RMSprop(Optimizer):
    """v ← ρ v + (1 − ρ) dW²,  W ← W − η dW / √(v + ε).

    With momentum μ:  velocity ← μ velocity + η dW / √(v + ε),  W ← W − velocity.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
    rho : float in [0, 1), default 0.9
    momentum : float in [0, 1), default 0
    epsilon : float, default 1e-7
    **options
        `weight_decay`, `clipnorm`, `clipvalue`, `global_clipnorm` of `Optimizer`.

    References
    ----------
    Hinton, lecture 6e of "Neural Networks for Machine Learning" (2012); ε inside the root,
    as in Keras (PyTorch adds it outside).
    """

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        require_in("[0, 1)", "rho", rho)
        require_in("[0, 1)", "momentum", momentum)
        require_in("(0, inf)", "epsilon", epsilon)
        self.rho, self.momentum, self.epsilon = rho, momentum, epsilon
        self.slots = ("v", "velocity") if momentum else ("v",)

    def constants(self, dtype: np.dtype[Any]) -> None:
        self._rho, self._new = np.array(self.rho, dtype), np.array(1 - self.rho, dtype)
        self._epsilon = np.array(self.epsilon, dtype)

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        v = slots[0]
        np.multiply(dW, dW, scratch)  # v ← ρ v + (1 − ρ) dW²
        scratch *= self._new
        v *= self._rho
        v += scratch
        np.add(v, self._epsilon, scratch)  # η dW / √(v + ε)
        np.sqrt(scratch, scratch)
        np.divide(dW, scratch, scratch)
        scratch *= self.rate
        if self.momentum:
            velocity = slots[1]
            velocity *= self.momentum
            velocity += scratch
            W -= velocity
        else:
            W -= scratch


class Adam(Optimizer):
    """m ← β₁ m + (1 − β₁) dW,  v ← β₂ v + (1 − β₂) dW²,  W ← W − α m / (√v + ε).

    α = η √(1 − β₂ᵗ) / (1 − β₁ᵗ) corrects for the zeros that m and v begin with; t is the
    number of the step, from 1. The two state vectors are kept divided by their constants, as
    the sums m ← β₁ m + dW and v ← β₂ v + dW², and α and ε scaled to match: two of twelve
    operations less, and the same step.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
    beta_1, beta_2 : float in [0, 1), default 0.9 and 0.999
    epsilon : float, default 1e-7
    **options
        `weight_decay`, `clipnorm`, `clipvalue`, `global_clipnorm` of `Optimizer`.

    References
    ----------
    Kingma and Ba (2015), in the form before their section 2.1, as in Keras: ε is not
    corrected ("epsilon hat"). PyTorch and scikit-learn differ in that, and use 1e-8.
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
        t = self.iterations + 1
        alpha = learning_rate * (1 - self.beta_2**t) ** 0.5 / (1 - self.beta_1**t)
        self.rate.fill(alpha * (1 - self.beta_1) / (1 - self.beta_2) ** 0.5)

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        m, v = slots
        np.multiply(m, self._beta_1, m)  # m ← β₁ m + dW
        np.add(m, dW, m)
        np.multiply(dW, dW, scratch)  # v ← β₂ v + dW²
        np.multiply(v, self._beta_2, v)
        np.add(v, scratch, v)
        np.sqrt(v, scratch)  # W ← W − α m / (√v + ε)
        np.add(scratch, self._epsilon, scratch)
        np.divide(m, scratch, scratch)
        np.multiply(scratch, self.rate, scratch)
        np.subtract(W, scratch, W)


class AdamW(Optimizer):
    """`Adam` with decoupled weight decay: before each step W ← W (1 − η λ).

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
    weight_decay : float, default 0.004
        λ; biases decay too.
    beta_1, beta_2, epsilon
        As in `Adam`.
    **options
        `clipnorm`, `clipvalue`, `global_clipnorm` of `Optimizer`.

    References
    ----------
    Loshchilov and Hutter (2019); defaults as in Keras.
    """

    slots = ("m", "v")

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay, **options)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        require_adam(self)

    # the rule is Adam's; only the decay, which the base class makes, is new
    constants, prepare, update = Adam.constants, Adam.prepare, Adam.update


def require_adam(rule: Adam | AdamW) -> None:
    """Check the numbers that `Adam` and `AdamW` share."""
    require_in("[0, 1)", "beta_1", rule.beta_1)
    require_in("[0, 1)", "beta_2", rule.beta_2)
    require_in("(0, inf)", "epsilon", rule.epsilon)
