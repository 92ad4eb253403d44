"""Keras's schedules: the learning rate η as a function of the number of the step, t = 0, 1, 2 …

Give one to an optimizer in the place of a number. They are plain data, so that a model that is
saved keeps its schedule. η is computed in float64; Keras computes it in the model's type.
"""

import math
from collections.abc import Sequence
from typing import Any

from mlp.naming import Part, require, require_bool, require_in
from mlp.optimizers.settings import is_rate


class LearningRateSchedule(Part):
    """Base of schedules. Your own implements `__call__`, and keeps its arguments in attributes.

    Examples
    --------
    >>> class Halving(LearningRateSchedule):
    ...     def __init__(self, start, steps):
    ...         self.start, self.steps = start, steps
    ...     def __call__(self, step):
    ...         return self.start * 0.5 ** (step // self.steps)
    >>> Halving(1.0, steps=10)(25)
    0.25
    """

    def __call__(self, step: int) -> float:
        """η of the step."""
        raise NotImplementedError

    @property
    def horizon(self) -> float | None:
        """The step from which η stays as it is; None if there is none, as for an exponential decay."""
        return getattr(self, "total_steps", None)


class ExponentialDecay(LearningRateSchedule):
    """η = η₀ rate^(t / decay_steps).

    Parameters
    ----------
    initial_learning_rate : float
        η₀.
    decay_steps : int above 0
    decay_rate : float above 0
    staircase : bool, default False
        Round t / decay_steps down, so that η falls in steps.
    name : str, optional

    References
    ----------
    Senior et al., "An empirical study of learning rates in deep neural networks for speech
    recognition" (2013).
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        require_rate("initial_learning_rate", initial_learning_rate)
        require_in("(0, inf)", "decay_steps", decay_steps)
        require_in("(0, inf)", "decay_rate", decay_rate)
        require_bool("staircase", staircase)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def __call__(self, step: int) -> float:
        periods = step // self.decay_steps if self.staircase else step / self.decay_steps
        return float(self.initial_learning_rate * power(self.decay_rate, periods))


class InverseTimeDecay(LearningRateSchedule):
    """η = η₀ / (1 + rate · t / decay_steps).

    Parameters
    ----------
    initial_learning_rate : float
        η₀.
    decay_steps : int above 0
    decay_rate : float of at least 0
    staircase : bool, default False
        Round t / decay_steps down.
    name : str, optional

    References
    ----------
    Darken and Moody, "Note on learning rate schedules for stochastic optimization" (1990).
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        require_rate("initial_learning_rate", initial_learning_rate)
        require_in("(0, inf)", "decay_steps", decay_steps)
        require_in("[0, inf)", "decay_rate", decay_rate)
        require_bool("staircase", staircase)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def __call__(self, step: int) -> float:
        periods = step // self.decay_steps if self.staircase else step / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * periods)


class PiecewiseConstantDecay(LearningRateSchedule):
    """η = values[k], where k is the number of boundaries below t.

    Parameters
    ----------
    boundaries : sequence of int, rising
        The last steps of all pieces but the last.
    values : sequence of float
        One more than boundaries.
    name : str, optional

    References
    ----------
    As in He et al., "Deep residual learning for image recognition" (2016), where each value is a
    tenth of the one before.

    Examples
    --------
    >>> schedule = PiecewiseConstantDecay([2, 4], [0.3, 0.2, 0.1])
    >>> [schedule(step) for step in range(6)]
    [0.3, 0.3, 0.3, 0.2, 0.2, 0.1]
    """

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"
    ) -> None:
        for argument, numbers in (("boundaries", boundaries), ("values", values)):
            right = isinstance(numbers, list | tuple) and len(numbers) and all(map(is_rate, numbers))
            require(bool(right), argument, numbers, "a list of numbers of at least 0")
        rising = list(boundaries) == sorted(set(boundaries))
        require(rising, "boundaries", boundaries, "a rising list of steps")
        fits = len(values) == len(boundaries) + 1
        require(fits, "values", values, f"a list of {len(boundaries) + 1}, one more than boundaries")
        self.boundaries, self.values, self.name = boundaries, values, name

    def __call__(self, step: int) -> float:
        return self.values[sum(step > boundary for boundary in self.boundaries)]

    @property
    def horizon(self) -> float | None:
        return max(self.boundaries, default=None)


class PolynomialDecay(LearningRateSchedule):
    """η = η₁ + (η₀ − η₁) (1 − t / decay_steps)^power; from t = decay_steps on η₁.

    Parameters
    ----------
    initial_learning_rate : float
        η₀.
    decay_steps : int above 0
    end_learning_rate : float, default 0.0001
        η₁.
    power : float above 0, default 1
    cycle : bool, default False
        At t = decay_steps go on with twice the decay_steps, then thrice and so on.
    name : str, optional

    References
    ----------
    Chen et al., "DeepLab: semantic image segmentation with deep convolutional nets, atrous
    convolution, and fully connected CRFs" (2018), with a power of 0.9.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        require_rate("initial_learning_rate", initial_learning_rate)
        require_in("(0, inf)", "decay_steps", decay_steps)
        require_rate("end_learning_rate", end_learning_rate)
        require_in("(0, inf)", "power", power)
        require_bool("cycle", cycle)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.end_learning_rate, self.power, self.cycle, self.name = end_learning_rate, power, cycle, name

    def __call__(self, step: int) -> float:
        length = self.decay_steps
        if self.cycle:
            length *= max(1, math.ceil(step / self.decay_steps))
        height = self.initial_learning_rate - self.end_learning_rate
        return float(self.end_learning_rate + height * (1 - min(step / length, 1.0)) ** self.power)

    @property
    def horizon(self) -> float | None:
        return None if self.cycle else self.decay_steps


class CosineDecay(LearningRateSchedule):
    """η = η₀ (α + (1 − α) ½ (1 + cos(π t / decay_steps))); from t = decay_steps on η₀ α.

    Parameters
    ----------
    initial_learning_rate : float
        η₀; with a warm-up, where it begins.
    decay_steps : int above 0
        Without the steps of the warm-up.
    alpha : float in [0, 1], default 0
        The share of η₀ that remains.
    name : str, optional
    warmup_target : float, optional
        First rise to this η in a straight line; it then takes the place of η₀.
    warmup_steps : int of at least 0, default 0

    References
    ----------
    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017).
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        require_rate("initial_learning_rate", initial_learning_rate)
        require_in("(0, inf)", "decay_steps", decay_steps)
        require_in("[0, 1]", "alpha", alpha)
        if warmup_target is not None:
            require_rate("warmup_target", warmup_target)
        require_in("[0, inf)", "warmup_steps", warmup_steps)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.alpha, self.name = alpha, name
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps

    def __call__(self, step: int) -> float:
        start = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return start + (self.warmup_target - start) * step / self.warmup_steps
            start, step = self.warmup_target, step - self.warmup_steps  # type: ignore[assignment]
        return start * (self.alpha + (1 - self.alpha) * falling(min(step / self.decay_steps, 1.0)))

    @property
    def horizon(self) -> float | None:
        return self.decay_steps + (0 if self.warmup_target is None else self.warmup_steps)


class CosineDecayRestarts(LearningRateSchedule):
    """η = η₀ (α + (1 − α) mⁱ ½ (1 + cos π f)): cosines from mⁱ to 0, each the factor t_mul longer.

    f is the share of the i-th cosine that is over, i = 0, 1, 2 …; the first takes
    first_decay_steps.

    Parameters
    ----------
    initial_learning_rate : float
        η₀.
    first_decay_steps : int above 0
    t_mul : float of at least 1, default 2
        (Keras takes less, and then ends in NaN.)
    m_mul : float of at least 0, default 1
        m.
    alpha : float in [0, 1], default 0
    name : str, optional

    Notes
    -----
    Keras rounds i down from a quotient of logarithms, and for a t_mul of 3 misses restarts by a step.

    References
    ----------
    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017).
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        require_rate("initial_learning_rate", initial_learning_rate)
        require_in("(0, inf)", "first_decay_steps", first_decay_steps)
        require_in("[1, inf)", "t_mul", t_mul)
        require_in("[0, inf)", "m_mul", m_mul)
        require_in("[0, 1]", "alpha", alpha)
        self.initial_learning_rate, self.first_decay_steps = initial_learning_rate, first_decay_steps
        self.t_mul, self.m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name

    def __call__(self, step: int) -> float:
        if self.t_mul == 1:
            restarts, past = divmod(step, self.first_decay_steps)
            length = self.first_decay_steps
        else:
            restarts, past, length = 0, step, self.first_decay_steps
            while past >= length:
                restarts, past, length = restarts + 1, past - length, length * self.t_mul
        height = power(self.m_mul, restarts) * falling(past / length)
        return float(self.initial_learning_rate * (self.alpha + (1 - self.alpha) * height))


def power(base: float, exponent: float) -> float:
    """A positive number's power; where Python raises an error infinity, which an optimizer refuses."""
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf


def falling(share: float) -> float:
    """½ (1 + cos π share): from 1 to 0 along a half cosine."""
    return 0.5 * (1 + math.cos(math.pi * share))


def require_rate(argument: str, value: Any) -> None:
    """Raise an `ArgumentError` unless it is a number of at least 0."""
    require(is_rate(value), argument, value, "a number of at least 0")
