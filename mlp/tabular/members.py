"""The networks of an ensemble: one for each fold of the rows, several at a time, each on its own thread.

Two networks on two cores are done sooner than one after the other with both cores for each, and a product
of stacked matrices takes as long as its parts: `python -m benchmarks.side_by_side`. Only where there are
fewer networks than cores do they get more than one.
"""

import threading
import warnings
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mlp.arrays import Array
from mlp.callbacks import BestEpoch, Callback
from mlp.engines.threads import cores
from mlp.errors import DivergenceError
from mlp.initialization import initialize_from_data
from mlp.models import Sequential
from mlp.tabular import network
from mlp.tabular.jobs import Job, Rows
from mlp.tabular.judging import Judge
from mlp.tabular.planning import Plan
from mlp.tabular.preprocessing import TablePreprocessor
from mlp.tabular.progress import Clock, EpochCount, Progress
from mlp.tabular.recipe import Recipe
from mlp.tabular.targets import Target

SLOWER = 1.5  # than in a trial by itself a network is at most, with others beside it


@dataclass(frozen=True)
class Member:
    """A trained network.

    Parameters
    ----------
    encoding : str
        How it sees numbers.
    weights : Array of shape (p,)
        Its parameters, as one vector.
    held : Array of int
        The rows that it has not learned from.
    out : Array of shape (held, o)
        Its outputs for these.
    values : list of float
        What it was judged as after each epoch; less is better.
    best_epoch : int
        Whose weights were kept, from 0; −1 if none could be judged.
    """

    encoding: str
    weights: Array
    held: Array
    out: Array
    values: list[float]
    best_epoch: int


class Trainer:
    """Trains the networks of a recipe.

    Parameters
    ----------
    recipe : Recipe
    table : TablePreprocessor
        That has made the inputs.
    target : Target
        That has made the targets.
    rows : Rows
    judge : callable
        (outputs, targets, weights) → a number; less is better.
    engine : str
    n_threads : int or None
        None: as many as there are cores.
    stop : threading.Event, optional
        What sets it ends the training with the epochs in hand.
    """

    def __init__(
        self,
        recipe: Recipe,
        table: TablePreprocessor,
        target: Target,
        rows: Rows,
        judge: Judge,
        engine: str = "auto",
        n_threads: int | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self.recipe, self.rows, self.judge = recipe, rows, judge
        self.plan = Plan(recipe, table, target, rows, engine, n_threads or cores())
        self.stop = stop or threading.Event()
        # of a run:
        self.clock, self.progress, self.workers = Clock(None), Progress(0, verbose=False), 1
        self.pending = self.done = 0  # networks that are not begun, and that are finished
        self.running: list[Sequential] = []

    def run(self, jobs: list[Job], clock: Clock, verbose: Any = False) -> list[Member]:
        """The networks, trained; fewer than there are jobs where the time is too short, never none.

        Ctrl-C ends the training with the epoch in hand: the best epochs so far are kept.
        """
        self.workers = self.plan.share(len(jobs))
        if clock.is_limited:
            clock.reserve(self.plan.seconds_afterwards())
            jobs = jobs[: self.plan.affordable(len(jobs), jobs[0], clock)]
        self.clock, self.pending, self.done, self.running = clock, len(jobs), 0, []
        self.workers = self.plan.share(len(jobs))
        self.progress = Progress(len(jobs) * self.recipe.epochs, verbose)
        pool, waits = ThreadPoolExecutor(self.workers), True
        futures: list[Future[Member | None]] = []
        try:
            for job in jobs:
                futures.append(pool.submit(self._train, job))
            members = [member for future in futures if (member := future.result()) is not None]
            return [member for member in members if member.values] or members
        except KeyboardInterrupt:
            waits = False  # for nothing that a second Ctrl-C leaves behind
            return self._interrupted(futures)
        except BaseException:
            self._give_up(futures)
            raise
        finally:
            pool.shutdown(waits)
            self.progress.close()

    def _give_up(self, futures: list[Future[Member | None]]) -> None:
        self.stop.set()
        for future in futures:
            future.cancel()
        with self.progress.lock:
            for model in self.running:
                model.stop_training = True

    def _interrupted(self, futures: list[Future[Member | None]]) -> list[Member]:
        self._give_up(futures)
        members = []
        for future in futures:
            with suppress(CancelledError):
                if (member := future.result()) is not None:
                    members.append(member)
        if not members:
            raise KeyboardInterrupt
        warnings.warn(
            f"Training interrupted by user: {len(members)} of {len(futures)} networks are kept, as they are.",
            stacklevel=7,  # from `fit`
        )
        return members

    def _train(self, job: Job) -> Member | None:
        """A network; None where the time is over and there is another one."""
        with self.progress.lock:
            waves = -(-self.pending // self.workers)
            self.pending -= 1
            if self.done and self.clock.is_limited and not self.clock.left:
                return None
        X, T, weight = self.plan.data(job)
        model = self.plan.model(job.encoding, job.seed)
        if self.recipe.data_driven:
            initialize_from_data(model, X, job.seed)
        self.plan.compile(model, len(X))
        best = self._best_epoch(job)
        with self.progress.lock:
            self.running.append(model)
        self._fit(model, X, T, weight, best, self._limit(waves))
        out = best.prediction
        if out is None:  # the time was over before the first epoch was
            out = model.predict(self.rows.inputs(job.encoding, job.held))
        best_epoch = -1 if best.best_epoch is None else best.best_epoch
        with self.progress.lock:
            self.done += 1
        return Member(job.encoding, model.parameters.values.copy(), job.held, out, best.values, best_epoch)

    def _limit(self, waves: int) -> float | None:
        """Seconds for a network that so many must follow, itself among them, one after the other."""
        if not self.clock.is_limited:
            return None
        left = self.clock.left  # an even part of it, or more if those that follow leave more
        return max(left / waves, left - (waves - 1) * SLOWER * self.plan.seconds, 1e-3)

    def _fit(
        self,
        model: Sequential,
        X: Array,
        T: Array,
        weight: Array | None,
        best: BestEpoch,
        limit: float | None,
    ) -> None:
        epochs = self.recipe.epochs
        listening: list[Callback] = [*network.schedules(self.recipe, model), best]
        listening.append(EpochCount(self.progress, self.stop))
        try:
            history = model.fit(
                X, T, self.plan.batch_size(len(X)), epochs, 0, listening,
                sample_weight=weight, drop_remainder=True, time_limit=limit,
            )  # fmt: skip
            self.progress.advance(epochs - len(history.epoch))
        except DivergenceError as error:
            if best.best_epoch is None:
                raise
            warnings.warn(
                f"a network has diverged after {len(best.values)} of {epochs} epochs, of which the best is "
                f"kept; a lower learning_rate may help: {error}",
                stacklevel=2,
            )

    def _best_epoch(self, job: Job) -> BestEpoch:
        """The callback that keeps the best epoch by the rows that are held out."""
        X, T = self.rows.inputs(job.encoding, job.held), self.rows.T[job.held]
        weight = self.rows.weights(job.held)
        patience, epochs = self.recipe.patience, self.recipe.epochs
        return BestEpoch(
            X, T, lambda known, out: self.judge(out, known, weight), mode="min",
            patience=None if patience is None else (2, patience * epochs),
        )  # fmt: skip
