"""The networks of an ensemble: one for each fold of the rows, several at a time, each on its own thread.

A network of this size has no use for a second core: two networks on two cores are done 1.6 times as
soon as one after the other with both cores for each, and a product of stacked matrices is no faster
than its parts.
"""

import os
import threading
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.callbacks import BestEpoch, Callback
from mlp.engines import choice
from mlp.errors import DivergenceError
from mlp.initialization import initialize_from_data
from mlp.models import Sequential
from mlp.tabular import network
from mlp.tabular.judging import Judge
from mlp.tabular.preprocessing import TablePreprocessor
from mlp.tabular.progress import Clock, EpochCount, Progress
from mlp.tabular.recipe import Recipe
from mlp.tabular.targets import Target

HELD_OUT = 5  # without folds one row of so many is held out
SQUEEZE = 4  # where time is short, epochs are cut down to this fraction before networks are left out
TRIAL = 4  # steps that are timed
SLOWER = 1.5  # than in this trial a network is at most, with others beside it
EVALUATIONS = 40  # of the held-out rows after the training, for each encoding
COMPILING = 60.0  # seconds of a time limit that leave some for compiling, which takes 20 or so


@dataclass(frozen=True)
class Job:
    """A network to be trained: how it sees numbers, its seed, its rows, and those that judge it."""

    encoding: str
    seed: int
    train: Array
    held: Array


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


@dataclass(frozen=True)
class Rows:
    """What the networks learn from: inputs, targets, weights, and further inputs by encoding."""

    X: Array
    T: Array
    weight: Array | None
    added: dict[str, Array]

    def inputs(self, encoding: str, rows: Array) -> Array:
        """The inputs of some rows."""
        added = self.added[encoding]
        return np.hstack([self.X[rows], added[rows]]) if added.shape[1] else self.X[rows]

    def weights(self, rows: Array) -> Array | None:
        """The weights of some rows, with the mean 1; None if there are none, or none above 0."""
        some = None if self.weight is None else self.weight[rows]
        return None if some is None or not some.any() else some / some.mean()


def jobs_of(
    recipe: Recipe, encodings: Sequence[str], rows: int, strata: Array | None, seed: int
) -> list[Job]:
    """The networks of a recipe: for each seed one for each encoding and fold.

    Parameters
    ----------
    recipe : Recipe
    encodings : sequence of str
    rows : int
    strata : Array of shape (rows,) or None
        What the folds keep the proportions of, if the recipe says so.
    seed : int

    Examples
    --------
    >>> jobs = jobs_of(Recipe(n_folds=3), ["robust"], 6, None, seed=0)
    >>> sorted(row for job in jobs for row in job.held.tolist())
    [0, 1, 2, 3, 4, 5]
    """
    jobs = []
    for number in range(recipe.n_seeds):
        rng = np.random.default_rng([seed, number])
        order = rng.permutation(rows)
        if recipe.stratified and strata is not None:
            order = order[np.argsort(strata[order], kind="stable")]
        folds = min(recipe.n_folds, rows) if recipe.n_folds > 1 else min(HELD_OUT, rows)
        fold = np.empty(rows, int)
        fold[order] = np.arange(rows) % folds
        for encoding in encodings:
            for held in range(folds) if recipe.n_folds > 1 else [folds - 1]:
                parts = np.flatnonzero(fold != held), np.flatnonzero(fold == held)
                jobs.append(Job(encoding, int(rng.integers(2**31)), *parts))
    return jobs


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
    ) -> None:
        self.recipe, self.table, self.target, self.rows = recipe, table, target, rows
        self.judge, self.engine, self.threads = judge, engine, n_threads or cores()
        self.stop, self.seconds = threading.Event(), 0.0  # those of a whole training, if they are known

    def run(self, jobs: list[Job], clock: Clock, verbose: Any = False) -> list[Member]:
        """The networks, trained; fewer than there are jobs where the time is too short, never none.

        Ctrl-C ends the training with the epoch in hand: the best epochs so far are kept.
        """
        if clock.is_limited:
            clock.reserve(self._seconds_afterwards())
            jobs = jobs[: self.affordable(len(jobs), jobs[0], clock)]
        self.pending, self.done, self.clock, self.running = len(jobs), 0, clock, list[Sequential]()
        self.workers = min(self.threads, len(jobs))
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

    # a network

    def model(self, encoding: str, seed: int) -> Sequential:
        """A network of the recipe, built."""
        added = self.rows.added[encoding].shape[1]
        return network.network(self.recipe, self.table, self.target.units, seed, added)

    def _train(self, job: Job) -> Member | None:
        with self.progress.lock:
            waves = -(-self.pending // self.workers)
            self.pending -= 1
            if self.done and self.clock.is_limited and not self.clock.left:
                return None
        X, T, weight = self._data(job)
        model, epochs = self.model(job.encoding, job.seed), self.recipe.epochs
        if self.recipe.data_driven:
            initialize_from_data(model, X, job.seed)
        self._compile(model, len(X), -(-self.threads // self.workers))
        best = self._best_epoch(job)
        listening: list[Callback] = [*network.schedules(self.recipe, model), best]
        listening.append(EpochCount(self.progress, self.stop))
        with self.progress.lock:
            self.running.append(model)
        limit = None
        if self.clock.is_limited:  # an even part of the time, or more if those that follow leave more
            left = self.clock.left
            limit = max(left / waves, left - (waves - 1) * SLOWER * self.seconds, 1e-3)
        try:
            history = model.fit(
                X, T, self._batch_size(len(X)), epochs, 0, listening,
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
        out = best.prediction
        if out is None:  # the time was over before the first epoch was
            out = model.predict(self.rows.inputs(job.encoding, job.held))
        best_epoch = -1 if best.best_epoch is None else best.best_epoch
        with self.progress.lock:
            self.done += 1
        return Member(job.encoding, model.parameters.values.copy(), job.held, out, best.values, best_epoch)

    def _data(self, job: Job) -> tuple[Array, Array, Array | None]:
        rows = self.rows
        return rows.inputs(job.encoding, job.train), rows.T[job.train], rows.weights(job.train)

    def _batch_size(self, rows: int) -> int:
        return max(2, min(self.recipe.batch_size, rows)) if rows > 1 else 1

    def _compile(self, model: Sequential, rows: int, n_threads: int) -> None:
        steps = rows // self._batch_size(rows) * self.recipe.epochs
        model.compile(
            network.optimizer(self.recipe, model, steps),
            self.target.loss(self.recipe),
            engine=self.engine,
            n_threads=n_threads,
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

    # where time is short

    def affordable(self, wanted: int, job: Job, clock: Clock) -> int:
        """How many networks there is time for, by the time that a few steps take."""
        if self.engine == "auto" and clock.seconds < COMPILING and choice.compiles(self.engine):
            from mlp.engines.kernels.compiler import NotKeptError, kept_only

            try:
                with kept_only():
                    step = self._seconds_of_step(job)
            except NotKeptError:
                choice.say_once(
                    "mlp: trains on NumPy, since there is no time to compile; fit once without time_limit to "
                    "have the compiled engine from then on"
                )
                self.engine = "numpy"
                step = self._seconds_of_step(job)
        else:
            step = self._seconds_of_step(job)
        rows = len(job.train)
        self.seconds = step * (rows // self._batch_size(rows)) * self.recipe.epochs
        number = int(np.clip(clock.left * self.threads * SQUEEZE / max(self.seconds, 1e-9), 1, wanted))
        folds = self.recipe.n_folds
        return number - number % folds if number > folds else number  # so that each row has been left out

    def _seconds_afterwards(self) -> float:
        """What the temperatures and shares will take, by the time that one evaluation takes."""
        out = np.zeros((len(self.rows.T), self.target.units), np.float32)
        begun = time.perf_counter()
        self.target.value(out, self.rows.T, self.rows.weight)
        return (time.perf_counter() - begun) * EVALUATIONS * len(self.rows.added)

    def _seconds_of_step(self, job: Job) -> float:
        X, T, weight = self._data(job)
        size = self._batch_size(len(X))
        few = slice(0, TRIAL * size)
        model = self.model(job.encoding, job.seed)
        self._compile(model, len(X), 1)
        options: dict[str, Any] = {"verbose": 0, "sample_weight": None if weight is None else weight[few]}
        for _ in range(2):  # the first makes all ready
            model.predict(X[few])
            begun = time.perf_counter()
            if model.fit(X[few], T[few], size, 1, **options).interrupted:
                raise KeyboardInterrupt
        return (time.perf_counter() - begun) / -(-len(X[few]) // size)
