"""The objective: the loss over all rows as a function of the trained parameters.

Rules such as Adam only see gradients. A solver also asks for the loss at points that it may
not keep, and decides by itself how far to go; `minimise` of `LBFGS`, `LevenbergMarquardt` and
`ScaledConjugateGradient` has its loop. What they share stands here: trying a point, keeping
it, going back, and the books of an iteration.
"""

import math
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

import numpy as np

from mlp.arrays import Array, is_finite
from mlp.errors import ArgumentError, DivergenceError
from mlp.layers import Layer, stack

if TYPE_CHECKING:
    from mlp.training import Training

EPOCHS_OVER = "the epochs are over, or a callback has ended the training"


@runtime_checkable
class Solver(Protocol):
    """An optimizer that minimises by itself, over all rows. An epoch is one iteration of it.

    The loss of an epoch is that after the iteration, where a loop of steps reports the loss
    before each. A solver that has converged ends the training before `epochs`.
    """

    message: str  # why the last training ended

    def minimise(self, run: "Training") -> None:
        """Iterate, an epoch each, until the epochs are over or there is nothing to gain."""


class Objective:
    """L(w), w the vector of the trained parameters, over all rows of a run.

    Use it in a ``with`` block: an error or Ctrl-C at a point that is only tried puts the last
    one that was kept back. A layer that works otherwise while training, such as
    `BatchNormalization`, does so here, and its moving averages also see points that are only tried.

    Parameters
    ----------
    run : Training
    solver : Solver

    Raises
    ------
    ArgumentError
        If the function is not the same at every call (dropout, noise), if a parameter has a
        constraint, or if everything is frozen. Nothing has moved then.
    """

    def __init__(self, run: "Training", solver: Any) -> None:
        self.run, self.engine, self.solver = run, run.engine, solver
        self.name = type(solver).__name__
        self.X, self.T, self.target, self.weight = run.whole().all()
        self.parameters = run.model.parameters
        self.values = self.parameters.values
        moving = zip(self.parameters.slices, self.parameters.trainable, strict=True)
        self.places = [place for place, moves in moving if moves]
        if not self.places:
            raise ArgumentError(f"{self.name} has nothing to move: every layer is frozen or has no weights")
        if self.parameters.constraints:
            raise ArgumentError(
                f"{self.name} cannot keep constraints on weights; take a regularizer, or another optimizer"
            )
        require_deterministic(run.model.layers, self.X, self.values, self.name)
        self.free: Any = slice(None)  # all parameters, or the numbers of those that are not frozen
        if sum(place.stop - place.start for place in self.places) < self.values.size:
            self.free = np.concatenate([np.arange(place.start, place.stop) for place in self.places])
        self.kept = self.position()
        self.trying = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.back()

    def position(self) -> Array:
        """A copy of w."""
        return np.array(self.values[self.free])

    def move(self, w: Array) -> None:
        """Try a point."""
        self.trying = True
        self.values[self.free] = w

    def keep(self) -> None:
        """Stay at the point that is being tried."""
        self.kept, self.trying = self.position(), False

    def back(self) -> None:
        """Return to the point that was last kept, if another is being tried."""
        if self.trying:
            self.values[self.free] = self.kept
            self.trying = False

    def gradient(self) -> tuple[float, Array]:
        """L and ∂L/∂w where the parameters stand, as float64; L is infinite if either is not finite."""
        with self.engine.lock:
            loss = self.engine.gradient(self.X, self.target, self.weight)
            gradient = self.parameters.gradients[self.free].astype(np.float64)
        return (loss if math.isfinite(loss) and is_finite(gradient) else math.inf), gradient

    def look(self) -> tuple[float, Array]:
        """As `gradient`, but what layers keep count in stays as it is: who goes on with a run looks again."""
        before = self.values.copy()
        found = self.gradient()
        np.copyto(self.values, before)
        return found

    def require_start(self, loss: float) -> None:
        """Raise a `DivergenceError` if the loss to begin with is not finite; nothing has moved."""
        if not math.isfinite(loss):
            raise DivergenceError(
                f"the loss or its gradient is not finite where {self.name} begins. Standardise the columns "
                "of x and y, or begin with smaller weights."
            )

    def iterations(self) -> Iterator[int]:
        """The numbers of the epochs, an iteration each; `record` ends the loop's body.

        Where a run is resumed, the parameters are in their place once the first has begun.
        """
        for number, epoch in enumerate(self.run.epochs(steps=1)):
            if not number:
                self.kept = self.position()
            if self.run.hears_batches:
                self.run.callbacks.call("on_train_batch_begin", 0, {})
            yield epoch

    def record(self, loss: float) -> None:
        """Keep the books of an iteration: the loss after it and the metrics at the point kept."""
        run, means = self.run, self.run.means
        if means.measures:
            with self.engine.lock:
                self.engine.gradient(self.X, self.target, self.weight)
                means.measure(self.T, self.engine.out, self.weight / run.whole().share(len(self.X)))
        means.total, means.count = loss * len(self.X), len(self.X)
        if run.hears_batches:
            run.callbacks.call("on_train_batch_end", 0, means.logs())
        run.batch += 1
        self.solver.iterations += 1

    def finish(self, message: str) -> None:
        """End the training after this epoch and say why."""
        self.solver.message, self.run.model.stop_training = message, True


def require_deterministic(layers: Sequence[Layer], X: Array, values: Array, name: str) -> None:
    """Raise an `ArgumentError` if a layer draws random numbers while training.

    A few rows are sent forward to see it; values that layers keep count in, such as moving
    averages, and the generators are put back.
    """
    generators = [leaf.rng for _, leaf in stack.leaves(layers)]
    before, kept, out = [rng.bit_generator.state for rng in generators], values.copy(), X[:8]
    drawing = None
    for layer in layers:
        out = layer.forward(out, training=True)
        if any(rng.bit_generator.state != state for rng, state in zip(generators, before, strict=True)):
            drawing = layer
            break
    for rng, state in zip(generators, before, strict=True):
        rng.bit_generator.state = state
    values[:] = kept
    if drawing is not None:
        raise ArgumentError(
            f"{name} needs the same loss at every call, but layer {drawing.name!r} "
            f"({type(drawing).__name__}) is random while training; leave it out or take a rule such as 'adam'"
        )


def refuse_step(solver: Any) -> None:
    """Raise an `ArgumentError`: a solver makes no steps from single batches."""
    raise ArgumentError(
        f"{type(solver).__name__} makes no step from one batch's gradient: it minimises over all rows. "
        "Call fit with batch_size None or 'full', or mlp.optimizers.minimise"
    )
