"""A training run: what the three loops have in common.

The loops in `mlp.optimizers.loops` say which rows come when. The run makes a step with them and keeps the
books: epochs, history, metrics, validation, callbacks, and a copy of the last weights that were finite.
"""

import copy
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mlp import resuming
from mlp.arrays import Array
from mlp.callbacks import Callback, CallbackList, progress, with_history
from mlp.data import ArrayData, Batch, Block, Chunk, Pass, Source
from mlp.engines.threads import limited
from mlp.errors import DataError, DivergenceError
from mlp.evaluation import Logs, is_due
from mlp.interrupts import GivenUpError, Interrupts
from mlp.naming import require, require_bool
from mlp.optimizers.cycles import Pace
from mlp.snapshots import Snapshots, likely_cause
from mlp.sources import loaded

if TYPE_CHECKING:
    from mlp.model import Model


class Training:
    """A run over some data, opened by `Model.training` and used in a ``with`` block.

    Parameters
    ----------
    model : Model
        Compiled and built.
    data : ArrayData or Source
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
    time_limit : float or None
        Seconds after which the run ends with the batch in hand.
    drop_remainder : bool
        Whether an epoch leaves out the rows at its end that are no full batch.

    Attributes
    ----------
    history : History
    epoch, batch : int
        Where the run stands: epochs that are over, and batches of the epoch in hand.
    """

    def __init__(
        self,
        model: "Model",
        data: ArrayData | Source,
        epochs: int,
        initial_epoch: int = 0,
        callbacks: Sequence[Callback] = (),
        verbose: Any = 0,
        validation: Callable[["Training"], Logs] | None = None,
        validation_freq: Any = 1,
        steps_per_epoch: int | None = None,
        time_limit: float | None = None,
        drop_remainder: bool = False,
    ) -> None:
        self.model, self.data = model, data
        self.validation, self.validation_freq = validation, validation_freq
        self.steps_per_epoch, self.time_limit, self.drops = steps_per_epoch, time_limit, drop_remainder
        self.engine, self.means = model.ready(), model.means()
        self.first, self.last = initial_epoch, epochs
        self.history, self.given = with_history(callbacks)
        self.params = {"epochs": epochs, "initial_epoch": initial_epoch, "verbose": verbose, "steps": None}
        self.callbacks = CallbackList([*self.given, *progress(verbose, callbacks)], model, self.params)
        self.hears_batches = self.callbacks.hears_batches
        self.epoch, self.batch = initial_epoch, 0
        self.passing: Pass | None = None
        self.reopening: list[Any] | None = None  # the pass of a run that is resumed
        self.resumption: dict[str, Any] | None = None
        self.origin: dict[str, Any] | None = None
        self.logs: Logs = {}
        self.cut = False  # Ctrl-C has ended the epoch in hand before its last batch
        self.failed = False  # the epoch in hand has diverged, and a callback has answered
        self.interrupts, self.pace = Interrupts(), Pace(math.inf, 0, 0)

    def __enter__(self) -> Self:
        with ExitStack() as settings:
            settings.enter_context(self.model.training_lock)  # a run of another thread may come before
            self.engine, self.snapshots = self.model.ready(), Snapshots(self.model)
            # an overflow ends in a loss that is not finite, which is reported with its cause
            settings.enter_context(np.errstate(over="ignore", invalid="ignore", divide="ignore"))
            settings.enter_context(limited(self.model.n_threads))
            settings.enter_context(self.interrupts)
            self.settings = settings.pop_all()
        self.model.stop_training = False
        if self.first < self.last:
            self.model.optimizer.resume()
        self.outer, self.outer_pace = self.model.run, self.model.optimizer.pace
        self.model.run = self
        if not isinstance(self.data, ArrayData):
            self.data.idle = self._look_at_clock
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self.settings:
            self.model.run, self.model.optimizer.pace = self.outer, self.outer_pace
            if not isinstance(self.data, ArrayData):
                self.data.close()
            if self.engine.is_compiled:
                self.engine.release()
            if error is not None:
                self.callbacks.call("on_train_failure")

    # epochs

    def epochs(self, steps: int | None) -> Iterator[int]:
        """The numbers of the epochs; what stands in the loop's body is one pass over the data."""
        self._begin(self.steps_per_epoch or steps)
        while self.epoch < self.last and not self.ends:
            self._begin_epoch()
            yield self.epoch
            if self.batch and not self.failed:
                self.require_finite()
            if self.cut or not (self.batch or self.failed):  # not one batch came in time
                break
            if not self.failed:
                self.snapshots.remember()
                self._end_epoch(self.means.logs())
            elif self.model.stop_training:
                self._end_epoch({"loss": math.nan})
            self.failed = False
        self._end()

    def steps(self, size: int) -> int | None:
        """Batches of that many rows in an epoch, where that is known.

        Raises
        ------
        ArgumentError
            If there is no full batch, and others are left out.
        """
        rows = self.data.steps(1) if self.drops else None
        if rows is None:
            return self.data.steps(size)
        expected = f"at most {rows}, the number of rows, with drop_remainder=True: no batch is full"
        require(size <= rows, "batch_size", size, expected)
        return rows // size

    @property
    def ends(self) -> bool:
        """Whether no other epoch is begun: a callback, Ctrl-C or the time has ended the run."""
        return self.model.stop_training or self.interrupts.heard or self.is_late

    @property
    def is_late(self) -> bool:
        """Whether the time is over."""
        return self.time_limit is not None and self.pace.elapsed >= self.time_limit

    def _look_at_clock(self) -> None:
        # while a batch is waited for
        if self.is_late:
            raise GivenUpError

    def _begin(self, steps: int | None) -> None:
        self.params["steps"] = steps
        self.snapshots.begin()
        self.model.history = self.history
        self._set_pace()
        self.callbacks.call("on_train_begin", {})
        if self.resumption and not self.resumption["batch"]:
            self._resume()
        if getattr(self.model.optimizer, "forgets", False):
            self.origin = copy.deepcopy(self.state())

    def _set_pace(self) -> None:
        """Start the clock of a deadline where the run stands."""
        if self.time_limit is None:
            return
        optimizer, steps = self.model.optimizer, self.params["steps"]
        at, horizon = optimizer.schedule_step(), getattr(optimizer.learning_rate, "horizon", None)
        lasts = [at + (self.last - self.epoch) * steps - self.batch] if steps else []
        self.pace = Pace(self.time_limit, at, min([*lasts, *([horizon] if horizon else [])], default=at))
        optimizer.pace = self.pace

    def _begin_epoch(self) -> None:
        self.batch = 0
        self.means.reset()
        self.callbacks.call("on_epoch_begin", self.epoch, {})
        held = self.data if self.passing is None else self.passing.data
        if isinstance(held, ArrayData):
            held.renew()
        if self.resumption:  # in the middle of this epoch, which has begun in the run before
            self._resume()

    def _end_epoch(self, logs: Logs) -> None:
        if self.validation and not self.failed and is_due(self.validation_freq, self.epoch + 1):
            validation = self.validation
            judged = self.interrupts.wait(lambda: validation(self))
            if judged is None:  # Ctrl-C meanwhile: the epoch is not over
                return
            logs |= judged
        self.params["steps"] = self.params["steps"] or self.batch
        self.logs, self.epoch, self.batch = logs, self.epoch + 1, 0
        self.model.epochs_trained += 1
        self.callbacks.call("on_epoch_end", self.epoch - 1, logs)

    def _end(self) -> None:
        if self.epoch > self.first or self.batch:  # without a step there is no average
            self.model.optimizer.finish()
        self.history.interrupted = self.interrupts.heard
        self.callbacks.call("on_train_end", self.logs)

    # batches

    def batches(self, size: int, shuffle: bool = True) -> Iterator[Batch | Chunk]:
        """The batches of an epoch, each good until the next; with `steps_per_epoch` of an endless stream.

        A compiled engine gets as many at a time as it may take. They end before the epoch does if
        the run must, or had to before it was resumed.
        """
        limit = 0 if self.batch and self.model.stop_training else self.steps_per_epoch
        while limit is None or self.batch < limit:
            if self.passing is None:
                with self.model.lock:  # who looks at the model from another thread puts its generator back
                    self.passing = self._open(size, shuffle)
            batch = self._take(self.passing)
            if batch is not None:
                yield batch
            elif not self.interrupts.heard:
                self._close(self.passing)
                self.passing = None
                if limit is None or self.model.stop_training:
                    return
            if self.failed or self.model.stop_training or self.interrupts.heard or self.is_late:
                self.cut = self.interrupts.heard and self.batch != self.params["steps"]
                return

    def _open(self, size: int, shuffle: bool) -> Pass:
        """A new pass over the data; or that which a resumed run was in, where it stood."""
        rng, now, taken = self.model.rng, None, 0
        if self.reopening:
            begun, taken = resuming.reopened(self.reopening, size)
            now, self.reopening, rng.bit_generator.state = rng.bit_generator.state, None, begun
        self.pass_began, self.size = rng.bit_generator.state, size
        require_bool("shuffle", shuffle)
        if isinstance(self.data, ArrayData):
            blocks: Any = [Block(self.data, self.data.order(rng if shuffle else None), size, taken)]
        else:
            left = self.steps_per_epoch and self.steps_per_epoch * (self.last - self.epoch) - self.batch
            blocks = self.data.blocks(size, int(rng.integers(2**63)) if shuffle else None, taken, left)
        if self.drops:
            blocks = map(Block.full, blocks)
        if now is not None:
            rng.bit_generator.state = now
        return Pass(blocks, self.engine.is_compiled, taken)

    def _take(self, passing: Pass) -> Batch | Chunk | None:
        if self.time_limit is not None and self.pace.last > self.pace.first:
            self.pace.look(self.model.optimizer.schedule_step())
        if isinstance(self.data, ArrayData):
            return passing.take(self._most)
        return self.interrupts.wait(lambda: passing.take(self._most))  # whoever gives the batches may be slow

    def _most(self, size: int) -> int:
        """How many batches of that many rows a chunk may have."""
        if self.callbacks.hears_each_batch:
            return 1
        most: int = self.engine.most_steps(size, self.means.measures)
        return most if self.steps_per_epoch is None else min(most, self.steps_per_epoch - self.batch)

    def _close(self, passing: Pass) -> None:
        """Note that a pass is over, and end the training if there was nothing in it."""
        if passing.taken:
            return
        self.model.stop_training, self.cut = True, not self.batch  # an epoch without a batch is none
        if self.is_late:
            return
        if not self.batch and self.epoch == self.first:
            raise DataError("the data have no batches: expected at least one of (x, y)")
        warnings.warn(
            f"the data ran out in epoch {self.epoch + 1} of {self.last}, before batch {self.batch + 1}: the "
            "training ends here. An iterator goes through its batches once; a function that returns a "
            "new one serves every epoch.",
            stacklevel=5,
        )

    def whole(self) -> ArrayData:
        """All rows, in memory."""
        if not isinstance(self.data, ArrayData):
            self.data = loaded(self.data)
        return self.data

    # steps

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
        if self.hears_batches and not self.failed:
            self.callbacks.call("on_train_batch_end", self.batch - 1, self.means.logs())

    def _make_step(self, batch: Batch) -> None:
        X, T, target, weight = batch
        finite = self._count([self.engine.step(X, target, weight)], len(X))
        if finite and self.means.measures:
            data = self.seen
            self.means.measure(T, self.engine.out, weight / data.share(data.counted(T)))

    def _make_steps(self, chunk: Chunk) -> None:
        data, means = chunk.data, self.means
        finite = self._count(self.engine.steps(chunk, means.measures), chunk.size)
        if finite and means.measures:
            # a function of the user's may look at a batch as a whole, and blocks of a stream
            # depend on the clock, of which the results must not
            whole = data is self.data and not self.engine.measures_by_batch
            means.measure_rows(data, chunk.rows, self.engine.outs, None if whole else chunk.size)

    def _count(self, losses: list[float] | Array, rows: int) -> bool:
        """Take in the losses of steps; only the last may be infinite, since none is made after that."""
        last, steps = float(losses[-1]), len(losses)
        if not self.batch and (steps > 1 or math.isfinite(last)):
            self.snapshots.confirm()
        if not math.isfinite(last):
            self.diverge(f"the loss became {last}", self.batch + steps - 1)
            return False
        self.means.add(losses, rows)
        self.batch += steps
        return True

    @property
    def seen(self) -> ArrayData:
        """Where the last batch came from."""
        return self.whole() if self.passing is None or self.passing.data is None else self.passing.data

    def require_finite(self) -> None:
        """Diverge if the last step made the weights or the optimizer's state infinite."""
        if not self.snapshots.is_finite():
            self.diverge("the weights became infinite or undefined", self.batch - 1)

    def diverge(self, what: str, batch: int) -> None:
        """Put the last finite weights back; raise a `DivergenceError` unless a callback answers."""
        optimizer, place = self.model.optimizer, f"epoch {self.epoch + 1}, batch {batch + 1}"
        self.snapshots.go_back()
        cause = likely_cause(self.seen.X, self.seen.T, optimizer.current_rate())
        result = "The model has the weights of the last epoch that ended well."
        error = DivergenceError(f"{what} in {place}. Likely cause: {cause}. {result}")
        answers = [callback.on_divergence(error) for callback in self.callbacks.callbacks]
        self.failed = any(answers)
        if not self.failed:
            raise error
        self.passing = None
        self.snapshots.remember()

    # going on in another process

    def state(self) -> dict[str, Any]:
        """All that another process needs to go on from here to the same bits, as plain data and arrays.

        With a solver whose memory is not its own that is the state in which the run began.
        """
        return resuming.state_of(self) if self.origin is None else self.origin

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave; a callback calls it in `on_train_begin`.

        Raises
        ------
        ArgumentError
            If it is the state of a run of another model, or over other data.
        """
        resuming.check(self, state)
        self.resumption, self.epoch = state, state["epoch"]

    def _resume(self) -> None:
        if self.resumption:
            state, self.resumption = self.resumption, None
            resuming.restore(self, state)
            self._set_pace()
