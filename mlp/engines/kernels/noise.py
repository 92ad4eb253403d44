"""Random numbers on the tape: drawn by NumPy for many steps at a time, in the order of `NumpyEngine`.

Layers share the model's generator, and each draws anew in every step. So that a seed gives the same
masks whichever engine runs, the numbers of a generator are those of step 1 for its first layer, of
step 1 for its second one, …, of step 2 for its first layer, and so on.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array
from mlp.layers.regularization import draw_normal, fill_words, words_of

if TYPE_CHECKING:
    from mlp.engines.kernels.tape import Tape

ROOM = 1 << 20  # bytes drawn for one run of a tape: what a processor's cache still has when they are used
WORD = 8  # bytes


class _Source:
    """What the layers take from one generator in a step, in their order: numbers of 16 bits, or normal ones.

    Parameters
    ----------
    rng : numpy.random.Generator
    name : str
        The slot.
    dtype : numpy.dtype
        Of normal numbers.

    Attributes
    ----------
    parts : list of (int, int, bool)
        Where a layer's numbers begin, in bytes; how many they are; whether they are normal.
    width : int
        Bytes of a step.
    strides : dict of bool to Array of int64
        The same counted in normal numbers, or in numbers of 16 bits.
    """

    def __init__(self, rng: np.random.Generator, name: str, dtype: np.dtype[Any]) -> None:
        self.rng, self.name, self.dtype = rng, name, dtype
        self.parts: list[tuple[int, int, bool]] = []
        self.width, self.state = 0, rng.bit_generator.state
        self.strides = {True: np.zeros(1, np.int64), False: np.zeros(1, np.int64)}
        self.scratch = np.empty(0, dtype)
        self.buffer = np.empty(0, np.uint64)

    def add(self, size: int, normal: bool) -> int:
        """Reserve numbers for a layer; where they begin among those of a step, counted in such numbers."""
        start, each = self.width, self.dtype.itemsize if normal else 2
        self.parts.append((start, size, normal))
        self.width += words_of(size * each // 2) * WORD
        for kind, itemsize in ((True, self.dtype.itemsize), (False, 2)):
            self.strides[kind][0] = self.width // itemsize
        return start // each

    def draw(self, steps: int) -> Array:
        """The numbers of so many steps, as words of 64 bits."""
        words, kinds = steps * self.width // WORD, {normal for _, _, normal in self.parts}
        if len(self.buffer) < words:
            self.buffer = np.empty(words, np.uint64)
        if kinds == {False}:  # a long stream of numbers is the short ones one after the other
            fill_words(self.rng, self.buffer[:words])
            return self.buffer
        rows = self.buffer[:words].view(np.uint8).reshape(steps, self.width)
        if kinds == {True} and self.dtype == np.float64:
            self.rng.standard_normal(out=rows.view(np.float64), dtype=np.float64)
        else:
            self._draw_one_by_one(rows)
        return self.buffer

    def _draw_one_by_one(self, rows: Array) -> None:
        if len(self.scratch) < self.width:
            self.scratch = np.empty(self.width, self.dtype)
        for row in rows:
            for start, size, normal in self.parts:
                if normal:
                    numbers = row[start : start + size * self.dtype.itemsize].view(self.dtype)
                    draw_normal(self.rng, numbers, self.scratch[:size])
                else:
                    words = words_of(size)
                    fill_words(self.rng, row[start : start + words * WORD].view(np.uint64))


class Noise:
    """The random numbers of a tape's layers.

    Parameters
    ----------
    tape : Tape

    """

    def __init__(self, tape: "Tape") -> None:
        self.tape = tape
        self.sources: dict[int, _Source] = {}

    @property
    def size(self) -> int:
        """Bytes of a step."""
        return sum(source.width for source in self.sources.values())

    def add(self, rng: np.random.Generator, size: int, normal: bool = False) -> tuple[str, int, Array]:
        """Reserve numbers of each step for a layer, in the order in which the layers draw.

        Parameters
        ----------
        rng : numpy.random.Generator
            The layer's.
        size : int
            How many it draws in a step.
        normal : bool
            Of mean 0 and variance 1, or of 16 random bits each.

        Returns
        -------
        str, int, Array of int64
            The slot of the numbers; where the layer's begin among those of a step; how far the next
            step's are, known once all layers have been added.
        """
        name = f"noise/{len(self.sources)}"
        source = self.sources.setdefault(id(rng), _Source(rng, name, self.tape.dtype))
        return source.name, source.add(size, normal), source.strides[normal]

    def most_steps(self, most: int) -> int:
        """How many steps a run should have, at most that many."""
        return min(most, max(1, ROOM // self.size)) if self.size else most

    def draw(self, steps: int) -> None:
        """Draw the numbers of the next steps and bind them."""
        for source in self.sources.values():
            source.state = source.rng.bit_generator.state
            self.tape.bind(source.name, source.draw(steps))

    def keep(self, steps: int) -> None:
        """Set the generators to where they are after the first steps of those drawn, if a run ended early."""
        for source in self.sources.values():
            source.rng.bit_generator.state = source.state
            source.draw(steps)
