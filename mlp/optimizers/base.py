"""The optimizer: from gradients to new parameters, on one flat vector."""

import copy
import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from mlp.arrays import Array
from mlp.naming import Part, require
from mlp.parameters import Parameters

# The update of a large model is made in blocks, so that all its vectors stay in the cache
# between the operations of a rule: Adam on 1.9 million parameters takes 6.1 ms instead of 9.1.
BLOCK = 32768


class Optimizer(Part):
    """Base of optimizers. Your own implements `update`.

    Parameters
    ----------
    learning_rate : float or callable, default 0.01
        Step size η; or a function of the step's number (0, 1, 2 …) that returns it.
    weight_decay : float, optional
        Decoupled decay λ: before each step every parameter, bias included, is multiplied by
        1 − η λ (Loshchilov and Hutter, 2019).
    clipnorm : float, optional
        Scale the gradient of each W and b down to this Euclidean norm.
    clipvalue : float, optional
        Cut each gradient element to [−clipvalue, clipvalue].
    global_clipnorm : float, optional
        Scale the whole gradient down to this norm. At most one kind of clipping.

    Attributes
    ----------
    slots : tuple of str
        Class attribute: the state vectors that `update` receives, all beginning at zero.
    iterations : int
        Steps taken.

    Examples
    --------
    Sign descent, W ← W − η sign(dW):

    >>> class SignDescent(Optimizer):
    ...     def update(self, W, dW, scratch):
    ...         W -= self.rate * np.sign(dW)
    """

    slots: tuple[str, ...] = ()

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.01,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        require(
            callable(learning_rate) or (_is_number(learning_rate) and 0 <= learning_rate < math.inf),
            "learning_rate",
            learning_rate,
            "a number of at least 0 or a function of the step",
        )
        limits = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        for name, limit in limits.items():
            require(limit is None or (_is_number(limit) and limit > 0), name, limit, "positive")
        given = [name for name, limit in limits.items() if limit is not None]
        require(len(given) < 2, "clipping", given, "of one kind: clipnorm, clipvalue or global_clipnorm")
        require(
            weight_decay is None or (_is_number(weight_decay) and weight_decay >= 0),
            "weight_decay",
            weight_decay,
            "at least 0",
        )
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.iterations = 0
        self.owned = False  # by a model; another one then takes a copy
        self.state: dict[str, Array] = {}

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        """Change W in place by the rule.

        Parameters
        ----------
        W, dW : Array of shape (p,)
            A block of the flat vector of parameters, and of gradients.
        scratch : Array of shape (p,)
            Working memory.
        *slots : Array of shape (p,)
            The state vectors named in `slots`.

        Notes
        -----
        The step size is ``self.rate``, an array of rank zero.
        """
        raise NotImplementedError

    def constants(self, dtype: np.dtype[Any]) -> None:
        """Make the rule's numbers arrays of rank zero, which NumPy multiplies by much faster."""

    def prepare(self, learning_rate: float) -> None:
        """Set what is the same for all parameters in this step."""
        self.rate.fill(learning_rate)

    def build(self, parameters: Parameters) -> None:
        """Make the state vectors for these parameters, or go on with those there are."""
        values = parameters.values
        if any(vector.shape != values.shape for vector in self.state.values()):
            self.state, self.iterations = {}, 0  # of a model that has changed
        if not self.state:
            self.state = {name: np.zeros_like(values) for name in self.slots}
        self.parameters = parameters
        self.rate = np.zeros((), values.dtype)
        self.scratch = np.empty(min(BLOCK, values.size), values.dtype)
        self.blocks = []
        for start in range(0, values.size, BLOCK):
            block = slice(start, start + BLOCK)
            W, dW = values[block], parameters.gradients[block]
            slots = [vector[block] for vector in self.state.values()]
            self.blocks.append((W, dW, self.scratch[: W.size], *slots))
        self.constants(values.dtype)
        self.clips = any(limit is not None for limit in (self.clipnorm, self.clipvalue, self.global_clipnorm))

    def step(self) -> None:
        """One update of all parameters from their gradients."""
        learning_rate = self.current_rate() if callable(self.learning_rate) else self.learning_rate
        if self.clips:
            self.clip(self.parameters)
        if self.weight_decay:
            values = self.parameters.values
            np.multiply(values, 1 - learning_rate * self.weight_decay, values)
        self.prepare(learning_rate)
        for block in self.blocks:
            self.update(*block)
        self.iterations += 1

    def current_rate(self) -> float:
        """η of the next step."""
        rate, name = self.learning_rate, "learning_rate"
        if callable(rate):
            rate, name = rate(self.iterations), f"learning_rate of step {self.iterations}"
        require(_is_number(rate) and 0 <= rate < math.inf, name, rate, "a number of at least 0")
        return float(rate)

    def clip(self, parameters: Parameters) -> None:
        """Clip the gradients in place, by value, by each parameter's norm or by the norm of all."""
        gradients = parameters.gradients
        if self.clipvalue is not None:
            np.clip(gradients, -self.clipvalue, self.clipvalue, out=gradients)
        elif self.clipnorm is not None:
            for place in parameters.slices:
                scale_down(gradients[place], self.clipnorm)
        elif self.global_clipnorm is not None:
            scale_down(gradients, self.global_clipnorm)

    def fresh(self) -> Self:
        """The same rule without a model: no state, no steps taken."""
        twin = copy.copy(self)
        twin.state, twin.iterations, twin.owned = {}, 0, False
        return twin

    def __getstate__(self) -> dict[str, Any]:
        bound = ("parameters", "blocks", "scratch")  # made anew by `build`
        return {name: value for name, value in self.__dict__.items() if name not in bound}


def scale_down(gradient: Array, limit: float) -> None:
    """Scale a gradient down to the Euclidean norm `limit`, if it is larger."""
    norm = math.sqrt(np.vdot(gradient, gradient))
    if norm > limit:
        if math.isinf(norm):  # the sum of squares overflowed, not necessarily the norm
            norm = float(np.linalg.norm(gradient.astype(np.float64)))
        gradient *= limit / norm


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
