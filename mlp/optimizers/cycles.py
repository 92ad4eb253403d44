"""Schedules that Keras does not have: one-cycle, waves, flat and falling, and that of the transformer."""

import math
import time
from collections.abc import Callable
from itertools import pairwise

from mlp.naming import is_integer, require, require_bool, require_in, require_one_of
from mlp.optimizers.decays import LearningRateSchedule, falling, require_rate

TAU = 2 * math.pi


class OneCycle(LearningRateSchedule):
    """η rises from max / div_factor to max, then falls to max / div_factor / final_div_factor.

    Both along a half cosine, or a straight line; after the last step η stays. Keras has no such
    schedule.

    Parameters
    ----------
    max_learning_rate : float
    total_steps : int of at least 2
    pct_start : float in (0, 1), default 0.3
        The share of the steps that rise.
    anneal_strategy : {"cos", "linear"}, default "cos"
    div_factor, final_div_factor : float above 0, default 25 and 10000
    three_phase : bool, default False
        First fall back to max / div_factor in as many steps as it rose.

    References
    ----------
    Smith and Topin, "Super-convergence" (2018); as in PyTorch, but the momentum stays.
    """

    def __init__(
        self,
        max_learning_rate: float,
        total_steps: int,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        require_rate("max_learning_rate", max_learning_rate)
        right = is_integer(total_steps) and total_steps > 1
        require(right, "total_steps", total_steps, "an integer of at least 2")
        require_in("(0, 1)", "pct_start", pct_start)
        require_one_of("anneal_strategy", anneal_strategy, ("cos", "linear"), "'cos' or 'linear'")
        require_in("(0, inf)", "div_factor", div_factor)
        require_in("(0, inf)", "final_div_factor", final_div_factor)
        require_bool("three_phase", three_phase)
        self.max_learning_rate, self.total_steps, self.pct_start = max_learning_rate, total_steps, pct_start
        self.anneal_strategy, self.three_phase = anneal_strategy, three_phase
        self.div_factor, self.final_div_factor = div_factor, final_div_factor

    def __call__(self, step: int) -> float:
        top, last = self.max_learning_rate, self.total_steps - 1
        low, peak = top / self.div_factor, self.pct_start * self.total_steps - 1
        ends = [(0.0, low), (peak, top)]
        if self.three_phase:
            ends.append((2 * peak, low))
        ends.append((last, low / self.final_div_factor))
        for (start, high), (stop, other) in pairwise(ends):
            if step <= stop or stop == last:
                share = min((step - start) / (stop - start), 1.0) if stop > start else 1.0
                share = falling(share) if self.anneal_strategy == "cos" else 1 - share
                return other + (high - other) * share
        raise AssertionError("the last piece takes every step")


class CosLog(LearningRateSchedule):
    """η = η₀ ½ (1 − cos(2π log₂(1 + (2ᶜ − 1) t / total_steps))): c waves, each twice as long, from 0 to 0.

    So training visits small rates several times, the last time for longest. From t = total_steps
    on η is 0. Keras has no such schedule.

    Parameters
    ----------
    learning_rate : float
        η₀, the height of each wave.
    total_steps : int above 0
    cycles : int above 0, default 4
        c.

    References
    ----------
    Howard, in the fast.ai course; as used by Holzmüller, Grinsztajn and Steinwart, "Better by
    default: strong pre-tuned MLPs and boosted trees on tabular data" (2024).
    """

    def __init__(self, learning_rate: float, total_steps: float, cycles: int = 4) -> None:
        require_rate("learning_rate", learning_rate)
        require_in("(0, inf)", "total_steps", total_steps)
        require(is_integer(cycles) and 0 < cycles < 64, "cycles", cycles, "an integer from 1 to 63")
        self.learning_rate, self.total_steps, self.cycles = learning_rate, total_steps, cycles

    def __call__(self, step: int) -> float:
        share = min(step / self.total_steps, 1.0)
        return self.learning_rate * 0.5 * (1 - math.cos(TAU * math.log2(1 + (2**self.cycles - 1) * share)))


class FlatCosine(LearningRateSchedule):
    """η = η₀ at first, then η₀ ½ (1 + cos π f), where f is the share of the rest that is over.

    From t = total_steps on η is 0. Keras has no such schedule.

    Parameters
    ----------
    learning_rate : float
        η₀.
    total_steps : int above 0
    flat : float in [0, 1), default 0.5
        The share of the steps with η₀.

    References
    ----------
    Holzmüller, Grinsztajn and Steinwart (2024), as in `CosLog`.
    """

    def __init__(self, learning_rate: float, total_steps: float, flat: float = 0.5) -> None:
        require_rate("learning_rate", learning_rate)
        require_in("(0, inf)", "total_steps", total_steps)
        require_in("[0, 1)", "flat", flat)
        self.learning_rate, self.total_steps, self.flat = learning_rate, total_steps, flat

    def __call__(self, step: int) -> float:
        share = min(step / self.total_steps, 1.0)
        return self.learning_rate * falling(max((share - self.flat) / (1 - self.flat), 0.0))


class Noam(LearningRateSchedule):
    """η = scale · d^(−½) · min((t + 1)^(−½), (t + 1) · warmup^(−3/2)): a straight rise, then 1/√t.

    Keras has no such schedule.

    Parameters
    ----------
    d_model : int above 0
        d, the width of the model.
    warmup_steps : int above 0, default 4000
        Where η is highest.
    scale : float, default 1

    References
    ----------
    Vaswani et al., "Attention is all you need" (2017), section 5.3.
    """

    def __init__(self, d_model: float, warmup_steps: float = 4000, scale: float = 1.0) -> None:
        require_in("(0, inf)", "d_model", d_model)
        require_in("(0, inf)", "warmup_steps", warmup_steps)
        require_rate("scale", scale)
        self.d_model, self.warmup_steps, self.scale = d_model, warmup_steps, scale

    def __call__(self, step: int) -> float:
        t = step + 1
        return float(self.scale * self.d_model**-0.5 * min(t**-0.5, t * self.warmup_steps**-1.5))


class Scaled(LearningRateSchedule):
    """η = factor · schedule(t): another schedule, higher or lower. Keras has no such schedule.

    Parameters
    ----------
    schedule : LearningRateSchedule or callable
    factor : float of at least 0

    Examples
    --------
    >>> Scaled(Noam(512), 0.5)(0) == 0.5 * Noam(512)(0)
    True
    """

    def __init__(self, schedule: Callable[[int], float], factor: float) -> None:
        require(callable(schedule), "schedule", schedule, "a schedule or a function of the step")
        require_rate("factor", factor)
        self.schedule, self.factor = schedule, factor

    def __call__(self, step: int) -> float:
        return self.factor * self.schedule(step)

    @property
    def horizon(self) -> float | None:
        return getattr(self.schedule, "horizon", None)


class Pace:
    """Runs a schedule against the clock, so that it is over when the time is.

    A schedule of H steps is asked for the larger of the step itself and of H times the share of
    the time that has passed: where there is time enough for all steps it is followed as it is,
    otherwise faster. Between two looks at the clock it goes on as fast as it must from there.

    Parameters
    ----------
    seconds : float
        The time that there is from the construction on.
    first : int
        The number of the step that comes next.
    last : float
        H: the step that the schedule is to have reached then.
    """

    def __init__(self, seconds: float, first: int, last: float) -> None:
        self.seconds, self.first, self.last = seconds, first, max(last, first)
        self.begun = time.perf_counter()
        self.step, self.place, self.speed = first, float(first), 1.0

    @property
    def elapsed(self) -> float:
        """Seconds since the construction."""
        return time.perf_counter() - self.begun

    def look(self, step: int) -> None:
        """Look at the clock before the step of that number."""
        elapsed = self.elapsed
        due = self.first + (self.last - self.first) * min(elapsed / self.seconds, 1.0)
        self.step, self.place = step, max(float(self(step)), due)
        possible = (step - self.first) / max(elapsed, 1e-9) * max(self.seconds - elapsed, 0.0)
        self.speed = max(1.0, (self.last - self.place) / possible) if possible >= 1 else 1.0

    def __call__(self, step: int) -> int:
        """The step that the schedule is asked for in the place of that one."""
        return max(step, int(min(self.place + (step - self.step) * self.speed, self.last)))
