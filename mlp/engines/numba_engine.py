"""The compiled engine: whole epochs of steps as one walk over a tape of instructions.

The loops forward and back that write a tape are those of `mlp.engines.kernels.propagation`; the
loop that runs it is `mlp.engines.kernels.walk`.
"""

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array, buffer
from mlp.data import Chunk
from mlp.engines.kernels import blas, programs
from mlp.engines.kernels.compiler import compiler_for, telling
from mlp.engines.kernels.programs import Kind
from mlp.engines.kernels.tape import Tape
from mlp.engines.kernels.updates import settings_of, settled_parts
from mlp.engines.numpy_engine import NumpyEngine
from mlp.layers.base import Layer
from mlp.losses import Loss
from mlp.optimizers import Optimizer, Solver
from mlp.optimizers.objective import refuse_step

WORK = 1 << 28  # products of a weight and a number made in one go; some 0.05 s, after which Ctrl-C is heard
KEPT = 1 << 20  # outputs that are kept for the metrics in one go
MOST = 12  # programs that are remembered


class Predictor:
    """Computes outputs in compiled code, with the layers' buffers.

    Parameters
    ----------
    layers : sequence of Layer
        Built.

    Raises
    ------
    Uncompilable
        If a layer has no compiled form.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = layers
        self.compiler = compiler_for(np.dtype(layers[-1].dtype))
        self.programs = Programs()
        programs.prediction(self.compiler, layers, 1)

    def forward(self, X: Array) -> Array:
        """The output for rows, in working memory."""
        rows = len(X)
        tape = self.programs.get(rows, lambda: programs.prediction(self.compiler, self.layers, rows))
        tape.bind("X", X)
        tape.run()
        out = tape.output()
        tape.release()
        return out

    def answering(self, shape: tuple[int, ...]) -> Callable[[Array], Array | None]:
        """A function that answers arrays of that shape with as little around the computation as there can be.

        It returns a new array, or None if not all numbers are finite.
        """
        X = buffer(shape, self.compiler.dtype)
        tape = programs.answer(self.compiler, self.layers, X)
        with telling(self.compiler):
            tape.finish()
        tape.run()
        walk, (clock, anchor), out, losses = tape.caller(), tape.arguments, tape.output(), tape.losses

        def answer(x: Array) -> Array | None:
            np.copyto(X, x)
            walk(clock, anchor)
            return out.copy() if losses[0] == 0 else None

        answer.tape = tape  # type: ignore[attr-defined]  # holds the memory
        return answer


class NumbaEngine:
    """Makes steps of the delta rule in compiled code, with a model's layers' buffers.

    Parameters and attributes as in `NumpyEngine`, and

    Attributes
    ----------
    outs : Array of shape (rows, o)
        Outputs of the batches of the last `steps`.
    reference : NumpyEngine
        Makes the same steps by the layers' own methods.

    Raises
    ------
    Uncompilable
        If a part of the model has no compiled form.
    """

    is_compiled = True

    def __init__(
        self, layers: Sequence[Layer], loss: Loss, optimizer: Optimizer, lock: threading.RLock
    ) -> None:
        self.last_good: Any = None  # what single steps go back to
        self.reference = reference = NumpyEngine(layers, loss, optimizer, lock)
        self.layers, self.loss, self.optimizer, self.lock = layers, loss, optimizer, lock
        self.learning, self.penalty = reference.learning, reference.penalty
        self.measured, self.measures_by_batch = reference.measured, reference.measures_by_batch
        self.compiler = compiler_for(np.dtype(layers[-1].dtype))
        self.programs, self.shares = Programs(), dict[float, Array]()
        self.out = self.outs = reference.out
        self.weights = sum(layer.count_params() for layer in layers) + 1
        self.settled = settled_parts(layers, optimizer)
        self._write(Kind(1, updates=not isinstance(optimizer, Solver)))  # says what has no compiled form

    def __str__(self) -> str:
        products = blas.find()
        return f"numba: compiled, {self.compiler.dtype}, products by {products.name}"

    # what a training run calls

    def most_steps(self, size: int, measures: bool) -> int:
        """How many steps of that many rows are made in one go."""
        tape = self._program(Kind(size, gathered=True, updates=True, measured=measures))
        most = WORK // (3 * size * self.weights)
        if measures:
            most = min(most, KEPT // (size * self.loss.units))
        return max(1, min(most, tape.most_steps()))

    def steps(self, chunk: Chunk, measures: bool = False) -> Array:
        """Some steps of an epoch.

        Parameters
        ----------
        chunk : Chunk
        measures : bool
            Whether to keep the outputs in `outs`.

        Returns
        -------
        Array of float64, shape (s,)
            The losses of the steps, the last of which may not be finite; none is made after that.
        """
        data, size, steps = chunk.data, chunk.size, chunk.steps
        tape = self._program(Kind(size, data.sample_weight is not None, True, True, measures))
        assert data.target is not None  # see `Pass`
        tape.updates.bind(tape, steps)
        tape.bind("X", data.X)
        tape.bind("T", data.target)
        tape.bind("order", chunk.order)
        tape.bind("share", self._share(data.share(size)))
        if data.sample_weight is not None:
            tape.bind("weight", data.sample_weight)
        if measures:
            self.outs = np.empty((steps * size, self.loss.units), self.compiler.dtype)
            tape.bind("outs", self.outs)
        try:
            losses = tape.run(steps, chunk.first)
        finally:  # Ctrl-C is heard when a walk ends, and its steps are made then
            tape.updates.count(tape.made)
        self.out = tape.output()
        tape.show()
        return losses

    def step(self, X: Array, T: Array, weight: Array) -> float:
        """One step of the delta rule; arguments as in `NumpyEngine.step`."""
        with self.lock:
            tape = self._program(Kind(len(X), bool(weight.ndim), updates=True))
            tape.updates.bind(tape, 1)
            value = self._run(tape, X, T, weight)
            tape.updates.count(1)
        return value

    def gradient(self, X: Array, T: Array, weight: Array) -> float:
        """Fill the vector of gradients and return the loss."""
        return self._run(self._program(Kind(len(X), bool(weight.ndim))), X, T, weight)

    def evaluate(self, X: Array, T: Array, weight: Array, rows: int | None = None) -> float:
        """Forward and loss, without training; as `NumpyEngine.evaluate`."""
        each = bool(weight.ndim)
        key = "evaluation", len(X), each
        tape = self.programs.get(
            key, lambda: programs.evaluation(self.compiler, self.layers, self.loss, len(X), each)
        )
        tape.bind("rows", np.array([rows or len(X)], np.float64))
        return self._run(tape, X, T, weight)

    def _run(self, tape: Tape, X: Array, T: Array, weight: Array) -> float:
        for name, array in (("X", X), ("T", T), ("weight", weight)):
            tape.bind(name, array)
        value = float(tape.run()[0])
        self.out = tape.output()
        tape.show()
        tape.release()
        return value

    def release(self) -> None:
        """Let go of the data of the last steps."""
        with self.lock:
            self.outs = self.out
            for tape in self.programs.known.values():
                tape.release()

    def _share(self, share: float) -> Array:
        if share not in self.shares:
            self.shares[share] = np.array([share], self.compiler.dtype)
        return self.shares[share]

    # programs

    def _program(self, kind: Kind) -> Tape:
        plan = getattr(self.optimizer, "_plan", None)
        key = kind, id(plan), *map(settings_of, self.settled)
        return self.programs.get(key, lambda: self._write(kind))

    def _write(self, kind: Kind) -> Tape:
        if kind.updates and isinstance(self.optimizer, Solver):
            refuse_step(self.optimizer)
        return programs.step(self.compiler, self.layers, self.learning, self.loss, self.optimizer, kind)


class Programs:
    """Tapes by what they are for; those that were used last."""

    def __init__(self) -> None:
        self.known: dict[Hashable, Tape] = {}

    def get(self, key: Hashable, write: Callable[[], Tape]) -> Tape:
        """A tape that is ready to run, written and compiled if it is not known."""
        if key not in self.known:
            if len(self.known) >= MOST:
                del self.known[next(iter(self.known))]
            tape = write()
            with telling(tape.compiler):
                self.known[key] = tape.finish()
        return self.known[key]
