"""The target of quantile regression: several quantiles of each number, from the lowest to the highest."""

import itertools
from typing import Any

import numpy as np

from mlp import losses
from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.losses import Loss
from mlp.naming import require, require_in
from mlp.tabular import targets
from mlp.tabular.recipe import Recipe
from mlp.tabular.targets import Numbers, Target


class Quantiles(Target):
    """Quantiles of one number or several for each row: an output for each, and the pinball loss.

    Parameters
    ----------
    levels : sequence of float in (0, 1)
        Rising: the share of the numbers that shall lie below each quantile.
    clamp : bool, default False
        Whether they stay in the range of the numbers that were seen.

    Attributes
    ----------
    numbers : Numbers
        The targets themselves, standardised.

    Notes
    -----
    Columns of outputs and of predictions are those of `losses.Quantile`: first all quantiles of the first
    number. Nothing keeps those of a network from crossing, so each row is sorted: that never makes the
    pinball loss greater. A mean of sorted rows is sorted, and so the networks' mean is too: it is the mean
    of their quantile functions (Vincent's averaging).

    References
    ----------
    R. Koenker and G. Bassett, "Regression quantiles", Econometrica 46 (1978). V. Chernozhukov,
    I. Fernández-Val and A. Galichon, "Quantile and probability curves without crossing", Econometrica
    78 (2010): sorting. R. Ratcliff, "Group reaction time distributions and an analysis of distribution
    statistics", Psychological Bulletin 86 (1979): averaging.

    Examples
    --------
    >>> import numpy as np
    >>> target = Quantiles([0.1, 0.9])
    >>> T = target.fit(np.array([10.0, 30.0]))
    >>> target.predictions(np.array([[1.0, -1.0]])).tolist()  # which had crossed
    [[10.0, 30.0]]
    """

    kind = "quantiles"
    learned = ("units", "levels", "numbers")

    def __init__(self, levels: Any = (0.5,), clamp: bool = False) -> None:
        self.levels, self.numbers = rising(levels), Numbers(clamp)

    def fit(self, y: Any, sample_weight: Array | None = None) -> Array:
        T = self.numbers.fit(y, sample_weight)
        self.units = self.numbers.units * len(self.levels)
        return T

    def loss(self, recipe: Recipe) -> Loss:
        loss = losses.Quantile(self.levels)
        return losses.Masked(loss) if self.numbers.has_gaps else loss

    def value(self, out: Array, T: Array, weight: Array | None) -> float:
        error = T[..., None] - np.sort(self._split(out), axis=-1).astype(np.float64)
        levels = np.array(self.levels)
        pinball = np.maximum(levels * error, (levels - 1) * error).mean(axis=-1)
        return self.numbers.mean_of_known(pinball, T, weight)

    def error(self, out: Array, T: Array, weight: Array | None) -> float:
        return self.value(out, T, weight)  # no other measure sees all quantiles

    def mixed_value(self, predictions: Array, T: Array, weight: Array | None) -> float:
        """As `value`, of predictions in the place of outputs."""
        q, numbers = len(self.levels), self.numbers
        return self.value((predictions - numbers.mean.repeat(q)) / numbers.scale.repeat(q), T, weight)

    def predictions(self, out: Array, temperature: float = 1.0) -> Array:
        rows, numbers = self._split(out).swapaxes(1, 2), self.numbers  # (n, q, o)
        made = np.sort(np.stack([numbers.predictions(rows[:, k]) for k in range(len(self.levels))], axis=-1))
        flat: Array = made.reshape(len(out), -1)
        return flat

    def _split(self, columns: Array) -> Array:
        """As (n, o, q)."""
        return columns.reshape(len(columns), -1, len(self.levels))

    def by_level(self, predictions: Array) -> Array:
        """Predictions of shape (n, q), or (n, o, q) if y had two dimensions."""
        split = self._split(predictions)
        return split[:, 0] if self.numbers.flat else split

    def nearest(self, level: float) -> int:
        """The place of the level that is nearest to another; of two the one farther from a half."""
        return min(
            range(len(self.levels)),
            key=lambda k: (round(abs(self.levels[k] - level), 9), -abs(self.levels[k] - 0.5)),
        )

    def _middle(self, predictions: Array) -> Array:
        return self._split(predictions)[..., self.nearest(0.5)]

    def answers(self, predictions: Array) -> Array:
        return self.numbers.answers(self._middle(predictions))

    def truth(self, T: Array) -> Array:
        return self.numbers.truth(T)

    def score(self, T: Array, predictions: Array, weight: Array | None) -> float:
        return self.numbers.score(T, self._middle(predictions), weight)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"levels": list(self.levels), "numbers": self.numbers.get_config()}

    def check(self) -> None:
        super().check()
        self.levels = rising(self.levels)
        stored: Any = self.numbers  # as `get_config` gave it
        if not isinstance(stored, Numbers):
            require(isinstance(stored, dict), "numbers", stored, "the targets' configuration")
            numbers = targets.from_config(stored, {Numbers.kind: Numbers})
            assert isinstance(numbers, Numbers)
            self.numbers = numbers
        units = self.numbers.units * len(self.levels)
        require(self.units == units, "units", self.units, f"{units}, one for each quantile")


def rising(levels: Any) -> tuple[float, ...]:
    """The levels of quantiles as a tuple.

    Raises
    ------
    ArgumentError
        If they are not numbers in (0, 1), each greater than the one before.
    """
    several = isinstance(levels, list | tuple) or (isinstance(levels, np.ndarray) and levels.ndim == 1)
    require(several and len(levels) > 0, "quantiles", levels, "a sequence of numbers in (0, 1)")
    for level in levels:
        require_in("(0, 1)", "quantiles", level)
    numbers = tuple(map(float, levels))
    if any(a >= b for a, b in itertools.pairwise(numbers)):
        raise ArgumentError(f"quantiles must rise, each once; got {levels!r}")
    return numbers


KINDS: dict[str, type[Target]] = targets.KINDS | {Quantiles.kind: Quantiles}
