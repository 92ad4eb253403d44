"""The tape: a step as a table of instructions, which one compiled loop walks.

A record of `WORDS` 64-bit integers is an instruction: the address of a compiled function, on how
many cores it runs, where its work starts and stops, and its operands: addresses of NumPy's
buffers, sizes, and numbers by their bits. So an architecture is data, and nothing is compiled
for it.
"""

import ctypes
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.engines.kernels import teams
from mlp.engines.kernels.compiler import Compiler
from mlp.engines.kernels.noise import Noise
from mlp.engines.kernels.walk import (
    CLOCK,
    COUNT,
    DONE,
    FIRST,
    LOSSES,
    RUNTIME,
    SIZE,
    STEPS,
    TAPE,
    WORDS,
    walk,
)

MOST = 1 << 20  # steps of a run
PART = 1 << 15  # numbers for a core, if there are many


class Uncompilable(Exception):  # noqa: N818 - it says what a part is, not that something went wrong
    """A part of the model that has no compiled form; the message names it."""


@dataclass(frozen=True)
class Slot:
    """An operand whose array is not known before the tape runs, such as the data of a batch."""

    name: str


Operand = Array | Slot | int | float | None


class Tape:
    """Instructions for batches of one size.

    Parameters
    ----------
    compiler : Compiler
    rows : int
        Rows of a batch.
    training : bool, default True
        Whether layers work as while training.

    Attributes
    ----------
    inputs, outputs : dict
        By layer what came in and what went out, which the way back needs.
    kept : dict
        By layer what else its way forward leaves for its way back.
    showing : dict
        By layer and attribute what `show` sets.
    noise : Noise
        The random numbers of its layers.
    moved : set of Layer
        Those whose own instructions move their parameters.
    updates : Updates or None
        The optimizer's part, where the tape trains.
    out : Operand
        Where the model's output is.
    clock : Array of int64
        The state of a walk; see `walk`.
    losses : Array of float64
        Of each step of a walk.
    """

    def __init__(self, compiler: Compiler, rows: int, training: bool = True) -> None:
        self.compiler, self.rows, self.training = compiler, rows, training
        self.out: Operand = None
        self.inputs: dict[Any, Operand] = {}
        self.outputs: dict[Any, Operand] = {}
        self.kept: dict[Any, Any] = {}
        self.showing: dict[Any, dict[str, Operand]] = {}
        self._shown: list[tuple[Any, dict[str, Any], list[tuple[str, Slot]]]] = []
        self.noise = Noise(self)
        self._inputs: dict[int, Operand] = {}
        self.updates: Any = None
        self.moved: set[Any] = set()
        self._bound: dict[str, Array] = {}
        self.clock = np.zeros(CLOCK, np.int64)
        self.losses = np.zeros(1)
        self.clock[RUNTIME] = teams.runtime()
        self.anchor, self.ones = np.array([0, 1], compiler.dtype), np.ones(1, compiler.dtype)
        self._instructions: list[tuple[Any, ...]] = []
        self._slots: dict[str, list[tuple[int, int]]] = {}
        self._held: list[Any] = []  # so that no buffer goes while its address is in use
        self.records: Array | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the numbers."""
        return self.compiler.dtype

    @property
    def length(self) -> int:
        """How many instructions there are so far."""
        return len(self._instructions)

    def mark_as_inputs(self, operand: Operand) -> None:
        """Remember that an operand has nothing but the model's inputs, which are checked at the door."""
        self._inputs[id(operand)] = operand

    def are_inputs(self, operand: Operand) -> bool:
        """Whether an operand was marked so."""
        return id(operand) in self._inputs

    def add(
        self,
        function: Callable[..., Any],
        *operands: Operand,
        work: int = 1,
        formula: Callable[..., Any] | None = None,
        numbers: Sequence[float] = (),
        count: int | None = None,
        shared: int = 0,
    ) -> int:
        """Append an instruction; its place in the tape.

        Parameters
        ----------
        function : function of (record, anchor)
        *operands
            Words of the record from `OPERANDS` on: an array by its address, which must be
            contiguous and stay where it is; an integer; a float; None for 0; a `Slot`.
        work : int
            The record's stop; its start is 0.
        formula : function of numbers, optional
            What the function calls `formula`.
        numbers : sequence of float
            Behind the operands, for the formula.
        count : int, optional
            How many numbers the function takes, if they are not in the record.
        shared : int
            Numbers that are computed for a unit of the work, if cores may share it; else 0.
        """
        words = [cores(work * shared), 0, work]
        place = len(self._instructions)
        for operand in (*operands, *map(float, numbers)):
            if isinstance(operand, Slot):
                self._slots.setdefault(operand.name, []).append((place, len(words) + 1))
            words.append(self._word(operand))
        if len(words) + 1 > WORDS:
            raise Uncompilable(
                f"{function.__name__} with {len(operands)} operands and {len(numbers)} numbers"
            )
        taken = len(numbers) if count is None else count
        if formula is not None and not formula.__module__.startswith("mlp."):
            self._require_compilable(function, formula, taken)
        self._instructions.append((function, formula, taken, words))
        return place

    def _require_compilable(
        self, function: Callable[..., Any], formula: Callable[..., Any], count: int
    ) -> None:
        """Raise `Uncompilable` if a formula of the user's is not what can be compiled."""
        try:
            self.compiler.address(function, formula, count)
        except Exception as error:  # of many kinds, by what is wrong
            lines = [line for line in str(error).splitlines() if line and not line.startswith("Failed in")]
            reason = lines[0] if lines else type(error).__name__
            raise Uncompilable(f"{formula.__qualname__} cannot be compiled: {reason}") from error

    def _word(self, operand: Operand) -> int:
        if operand is None or isinstance(operand, Slot):
            return 0
        if isinstance(operand, np.ndarray):
            assert operand.flags.c_contiguous, "an operand must be contiguous"
            self._held.append(operand)
            return int(operand.ctypes.data)
        if isinstance(operand, float):
            return bits(operand)
        return int(operand)

    def finish(self) -> "Tape":
        """Compile what has not been compiled yet and lay the records out."""
        records = np.zeros((len(self._instructions), WORDS), np.int64)
        for record, (function, formula, count, words) in zip(records, self._instructions, strict=True):
            record[0] = self.compiler.address(function, formula, count)
            record[1 : 1 + len(words)] = words
        self.records = records
        self.clock[TAPE], self.clock[COUNT], self.clock[SIZE] = self.address(records), len(records), self.rows
        self._walk = self.caller(ctypes.CFUNCTYPE)
        for layer, attributes in self.showing.items():
            fixed: dict[str, Any] = {"rows": -1}  # its own methods ask for buffers anew
            slots = []
            for name, operand in attributes.items():
                if isinstance(operand, Slot):
                    slots.append((name, operand))
                else:
                    fixed[name] = self.array(operand)
            self._shown.append((layer, fixed, slots))
        self.arguments = self.address(self.clock), self.address(self.anchor)
        return self

    @staticmethod
    def address(array: Array) -> int:
        """Where an array's numbers begin."""
        return int(array.ctypes.data)

    def bind(self, name: str, array: Array) -> None:
        """Make an array the operand that stands for a slot's name."""
        if self._bound.get(name) is array:
            return
        assert self.records is not None
        self._bound[name] = array  # which holds it, so that its address stays its own
        address = self.address(array)
        for place, word in self._slots.get(name, ()):
            self.records[place, word] = address

    def release(self) -> None:
        """Let go of the arrays that were bound; before the tape runs again all must be bound anew."""
        self._bound.clear()

    def caller(self, kind: Any = ctypes.PYFUNCTYPE) -> Callable[[int, int], None]:
        """The walk as a function of `arguments`; with this kind of function other threads have to wait."""
        walking: Callable[[int, int], None] = kind(None, ctypes.c_void_p, ctypes.c_void_p)(
            self.compiler.address(walk)
        )
        return walking

    def array(self, operand: Operand) -> Array:
        """The array that an operand is by now."""
        array = self._bound[operand.name] if isinstance(operand, Slot) else operand
        assert isinstance(array, np.ndarray)
        return array

    def output(self) -> Array:
        """The model's output for the last batch, in working memory."""
        return self.array(self.out)

    def show(self) -> None:
        """Let the layers' attributes, such as `X`, `net` and `deltas`, be those of the last batch."""
        for layer, fixed, slots in self._shown:
            vars(layer).update(fixed)
            for name, slot in slots:
                setattr(layer, name, self.array(slot))

    @property
    def made(self) -> int:
        """How many steps the last run made, with the one whose loss was not finite."""
        return min(int(self.clock[DONE]) + 1, int(self.clock[STEPS]))

    def most_steps(self) -> int:
        """How many steps a run should have at most."""
        return self.noise.most_steps(MOST)

    def run(self, steps: int = 1, first: int = 0) -> Array:
        """Walk the tape so many times; the losses of the steps, up to the first that is not finite.

        Parameters
        ----------
        steps : int
        first : int
            The place in the order of the rows where the first batch begins.
        """
        if steps > len(self.losses):
            self.losses = np.zeros(steps)
        clock = self.clock
        clock[STEPS], clock[FIRST], clock[LOSSES] = steps, first, self.address(self.losses)
        clock[DONE] = -1
        self.noise.draw(steps)
        self._walk(*self.arguments)
        made = self.made
        if made < steps:
            self.noise.keep(made)
        return self.losses[:made]


def cores(numbers: int) -> int:
    """How many cores should share so much work, if they are there."""
    return 1 if numbers < teams.GAIN else max(2, numbers // PART)


def bits(value: float) -> int:
    """The 64 bits of a float64 as an integer."""
    (word,) = struct.unpack("<q", struct.pack("<d", value))
    return int(word)
