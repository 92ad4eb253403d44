"""Random numbers on the tape: drawn by NumPy for many steps at a time, in the order of `NumpyEngine`.

Layers share the model's generator, and each draws anew in every step. So that a seed gives the same
masks whichever engine runs, the numbers of a generator are those of step 1 for its first layer, of
step 1 for its second one, …, of step 2 for its first layer, and so on.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array
from mlp.layers.regularization import draw_normal

if TYPE_CHECKING:
    from mlp.engines.kernels.tape import Tape

ROOM = 1 << 18  # numbers drawn for one run of a tape: what a processor's cache still has when they are used


@dataclass
class _Source:
    """What the layers take from one generator in a step, in their order: how many, and whether normal."""

    rng: np.random.Generator
    name: str
    parts: list[tuple[int, bool]] = field(default_factory=list)
    stride: Array = field(default_factory=lambda: np.zeros(1, np.int64))
    state: Any = None
    scratch: Array = field(default_factory=lambda: np.empty(0))

    @property
    def width(self) -> int:
        """Numbers of a step."""
        return int(self.stride[0])

    def fill(self, numbers: Array) -> None:
        """Draw as many steps as `numbers` has rows."""
        kinds = {normal for _, normal in self.parts}
        if kinds == {False}:  # a long stream of numbers is the short ones one after the other
            self.rng.random(out=numbers, dtype=numbers.dtype.type)
        elif kinds == {True} and numbers.dtype == np.float64:
            self.rng.standard_normal(out=numbers, dtype=np.float64)
        else:
            self._fill_one_by_one(numbers)

    def _fill_one_by_one(self, numbers: Array) -> None:
        if len(self.scratch) < self.width:
            self.scratch = np.empty(self.width, numbers.dtype)
        scratch = self.scratch
        for row in numbers:
            start = 0
            for size, normal in self.parts:
                stop = start + size
                if normal:
                    draw_normal(self.rng, row[start:stop], scratch[:size])
                else:
                    self.rng.random(out=row[start:stop], dtype=numbers.dtype.type)
                start = stop


class Noise:
    """The random numbers of a tape's layers.

    Parameters
    ----------
    tape : Tape

    Attributes
    ----------
    size : int
        Numbers of a step.
    """

    def __init__(self, tape: "Tape") -> None:
        self.tape, self.size = tape, 0
        self.sources: dict[int, _Source] = {}
        self._buffers: dict[str, Array] = {}

    def add(self, rng: np.random.Generator, size: int, normal: bool = False) -> tuple[str, int, Array]:
        """Reserve numbers of each step for a layer, in the order in which the layers draw.

        Parameters
        ----------
        rng : numpy.random.Generator
            The layer's.
        size : int
            How many it draws in a step.
        normal : bool
            Of mean 0 and variance 1, or uniform in [0, 1).

        Returns
        -------
        str, int, Array of int64
            The slot of the numbers; where the layer's begin among those of a step; how far the next
            step's are, known once all layers have been added.
        """
        source = self.sources.setdefault(id(rng), _Source(rng, f"noise/{len(self.sources)}"))
        start = source.width
        source.parts.append((size, normal))
        source.stride += size
        self.size += size
        return source.name, start, source.stride

    def most_steps(self, most: int) -> int:
        """How many steps a run should have, at most that many."""
        return min(most, max(1, ROOM // self.size)) if self.size else most

    def draw(self, steps: int) -> None:
        """Draw the numbers of the next steps and bind them."""
        for source in self.sources.values():
            size = steps * source.width
            if source.name not in self._buffers or self._buffers[source.name].size < size:
                self._buffers[source.name] = np.empty(size, self.tape.dtype)
            source.state = source.rng.bit_generator.state
            numbers = self._buffers[source.name]
            source.fill(numbers[:size].reshape(steps, source.width))
            self.tape.bind(source.name, numbers)

    def keep(self, steps: int) -> None:
        """Set the generators to where they are after the first steps of those drawn, if a run ended early."""
        for source in self.sources.values():
            source.rng.bit_generator.state = source.state
            source.fill(np.empty((steps, source.width), self.tape.dtype))
