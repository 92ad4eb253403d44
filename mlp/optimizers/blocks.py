"""Parts of the flat vector: ranges of parameters that are treated alike, and blocks of them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array
from mlp.optimizers import settings

if TYPE_CHECKING:
    from mlp.optimizers.base import Optimizer

# The update of a large model is made in blocks, so that all its vectors stay in the cache
# between the operations of a rule: Adam on 1.9 million parameters takes 6.1 ms instead of 9.1.
BLOCK = 32768

Block = tuple[slice, int, tuple[Array, ...]]  # place, number of its first parameter, arguments of `update`


class Decay:
    """How parameters decay in a step.

    Attributes
    ----------
    number : float
        λ with all its factors.
    shrink : Array of rank zero
        The 1 − η λ of this step.
    """

    def __init__(self, number: float, dtype: np.dtype[Any]) -> None:
        self.number, self.shrink = number, np.ones((), dtype)


class Plan:
    """How a step goes over the flat vector: blocks of one η, what decays in each, what is averaged.

    Parameters
    ----------
    optimizer : Optimizer
        With its parameters and its state.

    Attributes
    ----------
    rates : dict of int to float
        By the numbers of the trainable parameters their factors of η.
    decays : dict of int to Decay or None
        Likewise what they decay by.
    ranges : list of slice
        Where the trainable parameters lie.
    groups : list of (float, list of (list, tuple of Array))
        By factor of η: for each block what shrinks in it, and the arguments of `update`.
    shrinks : list of Decay
        Each once.
    averages : list of tuple of Array
        A block, its moving average, room for the block while the average is in its place, and
        working memory, where there is an average.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        parameters, values = optimizer.parameters, optimizer.parameters.values
        names, slices = parameters.names, parameters.slices
        chosen = [k for k, trainable in enumerate(parameters.trainable) if trainable]
        rates = {k: settings.factor_of(optimizer.rate_factors, names[k]) for k in chosen}
        self.rates = rates
        self._factors = {k: rates[k] * settings.factor_of(optimizer.decay_factors, names[k]) for k in chosen}
        numbers = self._numbers(optimizer)
        kinds = {(self._factors[k], number): Decay(number, values.dtype) for k, number in numbers.items()}
        self.decays = {k: kinds[self._factors[k], numbers[k]] if k in numbers else None for k in chosen}
        self.shrinks = list(kinds.values())
        self.ranges = [place for place, _ in merge(slices, dict.fromkeys(chosen))]
        decaying = [(place, decay) for place, k in merge(slices, self.decays) if (decay := self.decays[k])]
        groups: dict[float, list[Any]] = {}
        self.averages: list[tuple[Array, Array, Array, Array]] = []
        by_parameter = optimizer.by_parameter
        for place, k, block in parameter_blocks(optimizer) if by_parameter else blocks(optimizer, rates):
            shrunk = [
                (values[part], decay.shrink)
                for whole, decay in decaying
                if (part := common(whole, place)) is not None
            ]
            groups.setdefault(rates[k], []).append((shrunk, block))
            if optimizer.use_ema:
                average, before = (optimizer.state[name][place] for name in ("average", "before_average"))
                self.averages.append((values[place], average, before, block[2].reshape(-1)))
        self.groups = list(groups.items())

    def _numbers(self, optimizer: Optimizer) -> dict[int, float]:
        """By the numbers of the parameters that decay, λ with all its factors."""
        names, shapes = optimizer.parameters.names, optimizer.parameters.shapes
        decays = {k: optimizer.decay(names[k], shapes[k]) for k, factor in self._factors.items() if factor}
        return {k: self._factors[k] * decay for k, decay in decays.items() if decay is not None}

    def follow(self, optimizer: Optimizer) -> bool:
        """Take in that λ is another; False if the plan cannot, since it decays other parameters together."""
        numbers = self._numbers(optimizer)
        if numbers.keys() != {k for k, decay in self.decays.items() if decay}:
            return False
        found: dict[Decay, float] = {}
        for k, number in numbers.items():
            decay = self.decays[k]
            if decay is None or found.setdefault(decay, number) != number:
                return False
        for decay, number in found.items():
            decay.number = number
        return True


def blocks(optimizer: Optimizer, rates: Mapping[int, float]) -> list[Block]:
    """Blocks of the flat vector, of up to `BLOCK` numbers and one factor of η."""
    parameters = optimizer.parameters
    values, gradients = parameters.values, parameters.gradients
    scratch = np.empty(min(BLOCK, values.size), values.dtype)
    memory = optimizer.memory("", scratch.shape, values.dtype)
    found = []
    for place, k in cut(merge(parameters.slices, rates), BLOCK):
        size = place.stop - place.start
        slots = [optimizer.state[name][place] for name in optimizer.slots]
        spare = [array[:size] for array in (scratch, *memory)]
        found.append((place, k, (values[place], gradients[place], spare[0], *slots, *spare[1:])))
    return found


def parameter_blocks(optimizer: Optimizer) -> list[Block]:
    """The trainable parameters one by one, each in its shape."""
    parameters, values = optimizer.parameters, optimizer.parameters.values
    scratch = np.empty(max((p.stop - p.start for p in parameters.slices), default=0), values.dtype)
    starts = dict.fromkeys(optimizer.slots, 0)
    found = []
    for k, (name, place, shape) in enumerate(
        zip(parameters.names, parameters.slices, parameters.shapes, strict=True)
    ):
        slots = []
        for slot, part in optimizer.slot_shapes(name, shape).items():
            start, starts[slot] = starts[slot], starts[slot] + math.prod(part)
            slots.append(optimizer.state[slot][start : starts[slot]].reshape(part))
        if parameters.trainable[k]:
            flat = values[place], parameters.gradients[place], scratch[: place.stop - place.start]
            memory = optimizer.memory(name, shape, values.dtype)
            found.append((place, k, (*(array.reshape(shape) for array in flat), *slots, *memory)))
    return found


def merge(slices: Sequence[slice], kinds: Mapping[int, Hashable]) -> list[tuple[slice, int]]:
    """The ranges of neighbouring parameters of one kind, each with the number of its first.

    Examples
    --------
    >>> merge([slice(0, 6), slice(6, 8), slice(8, 9)], {0: "a", 1: "a", 2: "b"})
    [(slice(0, 8, None), 0), (slice(8, 9, None), 2)]
    """
    ranges: list[tuple[slice, int]] = []
    for k, kind in kinds.items():
        place = slices[k]
        if ranges and ranges[-1][0].stop == place.start and kinds[ranges[-1][1]] == kind:
            former, first = ranges.pop()
            ranges.append((slice(former.start, place.stop), first))
        else:
            ranges.append((place, k))
    return ranges


def cut(ranges: Iterable[tuple[slice, int]], size: int) -> list[tuple[slice, int]]:
    """The same ranges in pieces of up to `size` numbers."""
    return [
        (slice(start, min(start + size, whole.stop)), k)
        for whole, k in ranges
        for start in range(whole.start, whole.stop, size)
    ]


def common(one: slice, other: slice) -> slice | None:
    """What two ranges share, if anything."""
    start, stop = max(one.start, other.start), min(one.stop, other.stop)
    return slice(start, stop) if start < stop else None


def norm(array: Array) -> float:
    """The Euclidean norm of a contiguous array, also where the sum of squares overflows."""
    result = math.sqrt(np.vdot(array, array))
    if math.isfinite(result):
        return result
    wide = array.astype(np.float64)
    largest = float(np.abs(wide).max())
    return largest * float(np.linalg.norm(wide / largest)) if math.isfinite(largest) else largest


def scale_down(gradients: Sequence[Array], limit: float) -> None:
    """Scale gradients down to the common Euclidean norm `limit`, if theirs is larger."""
    length = math.hypot(*map(norm, gradients))
    if length > limit:
        for gradient in gradients:
            gradient *= limit / length
