"""A range of learning rates tried out, before a training."""

import copy
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlp.arrays import Array
from mlp.callbacks.base import Callback, Logs
from mlp.callbacks.rates import require_plain_rate
from mlp.errors import ArgumentError, DivergenceError, NotReadyError
from mlp.naming import is_integer, require, require_in

if TYPE_CHECKING:
    from mlp.model import Model


class RateSearch(NamedTuple):
    """What `find_learning_rate` found.

    Attributes
    ----------
    rates : Array of shape (k,)
        The learning rates tried, each in one step, from low to high.
    losses : Array of shape (k,)
        The loss of the batch before each step.
    smoothed : Array of shape (k,)
        Means of the losses over the steps around.
    suggestion : float
        The rate at which the smoothed loss falls fastest.
    """

    rates: Array
    losses: Array
    smoothed: Array
    suggestion: float


class _Ramp(Callback):
    """Raise the rate from step to step, an epoch being one, until the loss explodes."""

    def __init__(self, rates: Array, limit: float) -> None:
        self.rates, self.limit = rates, limit
        self.losses: list[float] = []
        self.exploded = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.model.optimizer.learning_rate = float(self.rates[epoch])

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.losses.append((logs or {}).get("loss", math.nan))
        recent = self.losses[-5:]
        if len(self.losses) > 5 and np.mean(recent) > self.limit * min(means(self.losses, 5)):
            self.exploded = self.model.stop_training = True

    def on_divergence(self, error: DivergenceError) -> bool:
        self.exploded = self.model.stop_training = True
        return True


def find_learning_rate(
    model: "Model",
    x: Any,
    y: Any = None,
    batch_size: int | None = None,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 200,
    limit: float = 4.0,
    **options: Any,
) -> RateSearch:
    """Try learning rates from low to high, one step each, and say where the loss falls fastest.

    The steps are made by a copy: weights, optimizer and random numbers of the model stay as they
    are, to the bit.

    Parameters
    ----------
    model : Sequential
        Compiled.
    x, y : as in `Model.fit`
        An iterator that `fit` would use up is used up here.
    batch_size : int, default 32
    low, high : float, default 1e-6 and 10
        The first rate and the last. Each is by the same factor higher than that before.
    steps : int of at least 20, default 200
    limit : float, default 4
        End when the mean of the last losses is so many times the least one.
    **options
        `sample_weight`, `class_weight`, `shuffle` as in `Model.fit`.

    Returns
    -------
    RateSearch

    Raises
    ------
    NotReadyError
        Before `compile`.
    ArgumentError
        If an argument cannot be used; if the loss falls at none of the rates.

    Notes
    -----
    The losses jump from batch to batch, so they are smoothed, by the mean over a tenth of the steps around
    each. The suggestion is where their slope over the logarithm of the rate is steepest, before the least
    of them. It is a good first rate for a training with a constant rate, and for a schedule that
    begins with its highest; a cycle may go to about three times that.

    Source: Smith, "Cyclical learning rates for training neural networks", 2017.

    Examples
    --------
    >>> import mlp
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(256, 4))
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(4,))], seed=0)
    >>> model.compile("sgd", "mse")
    >>> found = find_learning_rate(model, x, x.sum(axis=1))
    >>> 0.01 < found.suggestion < 1, model.optimizer.iterations
    (True, 0)
    """
    if not model.compiled:
        raise NotReadyError("compile the model first: model.compile(optimizer='adam', loss='mse')")
    require_in("(0, inf)", "low", low)
    require_in("(0, inf)", "high", high)
    require(low < high, "low", low, f"less than high={high!r}")
    require(is_integer(steps) and steps >= 20, "steps", steps, "an integer of at least 20")
    require_in("(1, inf)", "limit", limit)
    taken = {"epochs", "steps_per_epoch", "callbacks", "verbose", "initial_epoch"} & options.keys()
    if taken:
        raise ArgumentError(f"find_learning_rate sets {', '.join(sorted(taken))} itself; leave that out")
    twin: Any = copy.deepcopy(model)
    if callable(getattr(twin.optimizer, "learning_rate", None)):  # a schedule
        twin.optimizer.learning_rate = low
    require_plain_rate("find_learning_rate", twin)
    ramp = _Ramp(np.geomspace(low, high, steps), limit)
    arguments = options if y is None else {"y": y, **options}
    twin.fit(
        x,
        batch_size=batch_size,
        epochs=steps,
        steps_per_epoch=1,
        verbose=0,
        callbacks=[ramp],
        **arguments,
    )
    tried = len(ramp.losses)
    if tried < 20 and not ramp.exploded:
        raise ArgumentError(
            f"the data ran out after {tried} of {steps} batches, which are too few; give arrays, or a "
            "function that returns a new iterator each time it is called"
        )
    return _found(ramp.rates, ramp.losses)


def _found(rates: Array, losses: Sequence[float]) -> RateSearch:
    finite = np.isfinite(losses)
    count = len(losses) if finite.all() else int(finite.argmin())
    rates, values = rates[:count], np.asarray(losses[:count])
    smoothed = means(values, max(3, count // 10)) if count else values
    least = int(smoothed.argmin()) if count else 0
    if least < 2:
        raise ArgumentError(
            f"the loss falls at none of the rates, {rates[:1]} the first: give a lower one as low, and see "
            "that the model can learn at all"
        )
    # of central differences: one-sided ones, at both ends, have twice the noise
    slopes = np.gradient(smoothed, np.log(rates))[1:least]
    return RateSearch(rates, values, smoothed, float(rates[1 + slopes.argmin()]))


def means(values: Sequence[float] | Array, width: int) -> Array:
    """The mean of each value and those around it, `width` in all; fewer at the ends.

    Examples
    --------
    >>> means([1.0, 2.0, 6.0, 1.0], 3)
    array([1.5, 3. , 3. , 3.5])
    """
    window = np.ones(min(width, len(values)))
    counts = np.convolve(np.ones(len(values)), window, "same")
    smoothed: Array = np.convolve(values, window, "same") / counts
    return smoothed
