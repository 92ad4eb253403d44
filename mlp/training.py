"""A training run: what the three loops have in common.

The loops in `mlp.optimizers.loops` say which rows come when. The run makes a step with
them and keeps the books: epochs, history, metrics, validation, callbacks, and a copy of the
last weights that were finite.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mlp.arrays import Array, is_finite
from mlp.callbacks import Callback, CallbackList, History, progress
from mlp.data import ArrayData, Batch, Chunk
from mlp.engines.threads import limited
from mlp.errors import DivergenceError
from mlp.evaluation import Logs
from mlp.naming import is_integer, require_bool

if TYPE_CHECKING:
    from mlp.model import Model


class Training:
    """A run over some data, opened by `Model.training` and used in a ``with`` block.

    Parameters
    ----------
    model : Model
        Compiled and built.
    data : ArrayData
    epochs, initial_epoch : int
        The run makes epochs `initial_epoch` up to `epochs` − 1.
    callbacks : sequence of Callback
    verbose : int or str
    validation : callable or None
        Returns the logs of an evaluation, called at the end of an epoch.
    validation_freq : int or collection of int
        After every so many epochs, or after those, counted from 1.
    steps_per_epoch : int or None
        Batches of an epoch, where they are not all.

    Attributes
    ----------
    history : History
    """

    def __init__(
        self,
        model: "Model",
        data: ArrayData,
        epochs: int,
        initial_epoch: int = 0,
        callbacks: Sequence[Callback] = (),
        verbose: Any = 0,
        validation: Callable[["Training"], Logs] | None = None,
        validation_freq: Any = 1,
        steps_per_epoch: int | None = None,
    ) -> None:
        self.model, self.data = model, data
        self.validation, self.validation_freq = validation, validation_freq
        self.steps_per_epoch = steps_per_epoch
        self.stream: Iterator[Batch | Chunk] = iter(())
        self.engine, self.means = model.ready(), model.means()
        self.first, self.last = initial_epoch, epochs
        self.history = History()
        self.params = {"epochs": epochs, "initial_epoch": initial_epoch, "verbose": verbose, "steps": None}
        self.callbacks = CallbackList([self.history, *callbacks, *progress(verbose)], model, self.params)
        self.hears_batches = self.callbacks.hears_batches
        self.numbers: Array | None = None
        self.vectors = [model.parameters.values, *model.optimizer.state.values()]
        self.finite = self.latest = self.snapshot()
        self.epoch = self.batch = 0

    def __enter__(self) -> Self:
        # an overflow ends in a loss that is not finite, which is reported with its cause
        self.settings = ExitStack()
        self.settings.enter_context(np.errstate(over="ignore", invalid="ignore", divide="ignore"))
        self.settings.enter_context(limited(self.model.n_threads))
        self.model.stop_training = False
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.settings.close()
        if self.engine.is_compiled:
            self.engine.release()
        if error is not None:
            self.callbacks.call("on_train_failure")

    def epochs(self, steps: int) -> Iterator[int]:
        """The numbers of the epochs; what stands in the loop's body is one pass over the data."""
        logs: Logs = {}
        self.params["steps"] = self.steps_per_epoch or steps
        self.latest, self.model.history = self.snapshot(), self.history
        self.callbacks.call("on_train_begin", {})
        for epoch in range(self.first, self.last):
            self.epoch, self.batch = epoch, 0
            self.means.reset()
            self.callbacks.call("on_epoch_begin", epoch, {})
            yield epoch
            self.require_finite()
            self.remember()
            logs = self.means.logs()
            if self.validation and self.validates(epoch + 1):
                logs |= self.validation(self)
            self.callbacks.call("on_epoch_end", epoch, logs)
            if self.model.stop_training:
                break
        if self.last > self.first:  # no epoch, no average
            self.model.optimizer.finish()
        self.callbacks.call("on_train_end", logs)

    def validates(self, number: int) -> bool:
        """Whether the epoch of that number, counted from 1, ends with a validation."""
        frequency = self.validation_freq
        return number % frequency == 0 if is_integer(frequency) else number in frequency

    def batches(self, size: int, shuffle: bool = True) -> Iterable[Batch | Chunk]:
        """The batches of an epoch, each good until the next; with `steps_per_epoch` of an endless stream.

        A compiled engine gets as many at a time as it may take.
        """
        if self.steps_per_epoch is None:
            return self._cut(size, shuffle)
        return self._next_steps(self.steps_per_epoch, size, shuffle)

    def _cut(self, size: int, shuffle: bool) -> Iterable[Batch | Chunk]:
        order = self.order(shuffle)
        if not self.engine.is_compiled or self.data.target is None:
            return self.data.batches(order, size)
        single = self.callbacks.hears_each_batch or self.steps_per_epoch is not None
        most = 1 if single else self.engine.most_steps(size, self.means.measures)
        return self.data.chunks(order, size, most)

    def _next_steps(self, steps: int, size: int, shuffle: bool) -> Iterator[Batch | Chunk]:
        for _ in range(steps):
            batch = next(self.stream, None)
            if batch is None:
                self.stream = iter(self._cut(size, shuffle))
                batch = next(self.stream)
            yield batch

    def order(self, shuffle: bool = True) -> Array:
        """The numbers of all rows, in a new random order from the model's generator."""
        require_bool("shuffle", shuffle)
        if self.numbers is None:
            self.numbers = np.arange(len(self.data))
            self.rows = self.numbers.copy()
        if shuffle:
            np.copyto(self.rows, self.numbers)
            self.model.rng.shuffle(self.rows)
        return self.rows

    def update(self, batch: Batch | Chunk) -> None:
        """One step of the delta rule with these rows, or one with each batch of a chunk."""
        if self.hears_batches:
            self.callbacks.call("on_train_batch_begin", self.batch, {})
        # no other thread may use the buffers before the metrics have read them
        with self.engine.lock:
            if isinstance(batch, Chunk):
                self._make_steps(batch)
            else:
                self._make_step(batch)
        if self.hears_batches:
            self.callbacks.call("on_train_batch_end", self.batch - 1, self.means.logs())

    def _make_step(self, batch: Batch) -> None:
        X, T, target, weight = batch
        self._count([self.engine.step(X, target, weight)], len(X))
        if self.means.measures:
            self.means.measure(T, self.engine.out, weight / self.data.share(self.data.counted(T)))

    def _make_steps(self, chunk: Chunk) -> None:
        data, means = self.data, self.means
        self._count(self.engine.steps(data, chunk, means.measures), chunk.size)
        if means.measures:
            # a function of the user's may look at a batch as a whole
            size = chunk.size if self.engine.measures_by_batch else len(chunk.rows)
            for start in range(0, len(chunk.rows), size):
                rows, outs = chunk.rows[start : start + size], self.engine.outs[start : start + size]
                weight = np.ones(1) if data.sample_weight is None else data.sample_weight[rows]
                means.measure(data.T[rows], outs, weight)

    def _count(self, losses: Sequence[float] | Array, rows: int) -> None:
        """Take in the losses of steps; only the last may be infinite, since none is made after that."""
        last, steps = float(losses[-1]), len(losses)
        if not self.batch and (steps > 1 or math.isfinite(last)):
            # the weights that this epoch began with have a finite loss
            self.finite, self.latest = self.latest, self.finite
        if not math.isfinite(last):
            self.diverge(f"the loss became {last}", self.batch + steps - 1)
        self.means.total += float(sum(losses) if steps == 1 else np.add.reduce(losses)) * rows
        self.means.count += rows * steps
        self.batch += steps

    def require_finite(self) -> None:
        """Diverge if the last step made the weights or the optimizer's state infinite."""
        if not all(map(is_finite, self.vectors)):
            self.diverge("the weights became infinite or undefined", self.batch - 1)

    def snapshot(self) -> tuple[list[Array], int]:
        """Copies of the weights and the optimizer's state, and the number of its steps."""
        return [vector.copy() for vector in self.vectors], self.model.optimizer.iterations

    def remember(self) -> None:
        """Keep the weights and the optimizer's state that the next epoch begins with."""
        for vector, kept in zip(self.vectors, self.latest[0], strict=True):
            np.copyto(kept, vector)
        self.latest = self.latest[0], self.model.optimizer.iterations

    def diverge(self, what: str, batch: int) -> None:
        """Put the last weights with a finite loss back and raise a `DivergenceError` with the cause."""
        vectors, self.model.optimizer.iterations = self.finite
        for vector, finite in zip(self.vectors, vectors, strict=True):
            np.copyto(vector, finite)
        rate = self.model.optimizer.current_rate()
        inputs, targets = (float(np.abs(array).max()) for array in (self.data.X, self.data.T))
        if inputs > 100:
            cause = f"the inputs are not scaled (the largest is {inputs:.3g}); standardise the columns"
        elif targets > 1000 and self.data.T.dtype.kind == "f":
            cause = f"the targets are not scaled (the largest is {targets:.3g}); standardise them"
        else:
            cause = f"the learning rate {rate:.3g} is too high; try {rate / 10:.3g}, or global_clipnorm=1"
        raise DivergenceError(
            f"{what} in epoch {self.epoch + 1}, batch {batch + 1}. Likely cause: {cause}. "
            "The model has the weights of the last epoch that ended well."
        )
