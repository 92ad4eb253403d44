"""Networks of a recipe that are ready to learn some rows, and how many of them there is time for."""

import time
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.engines import choice
from mlp.models import Sequential
from mlp.tabular import network
from mlp.tabular.jobs import Job, Rows
from mlp.tabular.preprocessing import TablePreprocessor
from mlp.tabular.progress import Clock
from mlp.tabular.recipe import Recipe
from mlp.tabular.targets import Target

SQUEEZE = 4  # where time is short, epochs are cut down to this fraction before networks are left out
TRIAL = 4  # steps that are timed
EVALUATIONS = 40  # of the held-out rows after the training, for each encoding
COMPILING = 60.0  # seconds of a time limit that leave some for compiling, which takes 20 or so


class Plan:
    """How the networks of a recipe learn some rows, and how long that takes.

    Parameters
    ----------
    recipe : Recipe
    table : TablePreprocessor
        That has made the inputs.
    target : Target
        That has made the targets.
    rows : Rows
    engine : str
    threads : int
        Networks that are trained at a time, at most.

    Attributes
    ----------
    seconds : float
        That a whole training takes; 0 before `affordable` has found it.
    cores : int
        For each network.
    """

    def __init__(
        self,
        recipe: Recipe,
        table: TablePreprocessor,
        target: Target,
        rows: Rows,
        engine: str,
        threads: int,
    ) -> None:
        self.recipe, self.table, self.target, self.rows = recipe, table, target, rows
        self.engine, self.threads, self.seconds, self.cores = engine, threads, 0.0, 1

    def share(self, networks: int) -> int:
        """Give so many networks the cores; how many are trained at a time."""
        at_a_time = min(self.threads, networks)
        self.cores = self.threads // at_a_time
        return at_a_time

    def model(self, encoding: str, seed: int) -> Sequential:
        """A network of the recipe, built."""
        added = self.rows.added[encoding].shape[1]
        return network.network(self.recipe, self.table, self.target.units, seed, added)

    def data(self, job: Job) -> tuple[Array, Array, Array | None]:
        """Inputs, targets and weights that a network learns from."""
        rows = self.rows
        return rows.inputs(job.encoding, job.train), rows.T[job.train], rows.weights(job.train)

    def batch_size(self, rows: int) -> int:
        """Rows of a batch, where there are so many."""
        return max(2, min(self.recipe.batch_size, rows)) if rows > 1 else 1

    def compile(self, model: Sequential, rows: int) -> None:
        """Give a network the optimizer and the loss of the recipe."""
        steps = rows // self.batch_size(rows) * self.recipe.epochs
        model.compile(
            network.optimizer(self.recipe, model, steps),
            self.target.loss(self.recipe),
            engine=self.engine,
            n_threads=self.cores,
        )

    def affordable(self, wanted: int, job: Job, clock: Clock) -> int:
        """How many networks there is time for, by the time that a few steps take."""
        if self.engine == "auto" and clock.seconds < COMPILING and choice.compiles(self.engine):
            from mlp.engines.kernels.compiler import NotKeptError, kept_only

            try:
                with kept_only():
                    step = self.seconds_of_step(job)
            except NotKeptError:
                choice.say_once(
                    "mlp: trains on NumPy, since there is no time to compile; fit once without time_limit to "
                    "have the compiled engine from then on"
                )
                self.engine = "numpy"
                step = self.seconds_of_step(job)
        else:
            step = self.seconds_of_step(job)
        rows = len(job.train)
        self.seconds = step * (rows // self.batch_size(rows)) * self.recipe.epochs
        number = int(np.clip(clock.left * self.threads * SQUEEZE / max(self.seconds, 1e-9), 1, wanted))
        folds = self.recipe.n_folds
        return number - number % folds if number > folds else number  # so that each row has been left out

    def seconds_afterwards(self) -> float:
        """What the temperatures and shares will take, by the time that one evaluation takes."""
        out = np.zeros((len(self.rows.T), self.target.units), np.float32)
        begun = time.perf_counter()
        self.target.value(out, self.rows.T, self.rows.weight)
        return (time.perf_counter() - begun) * EVALUATIONS * len(self.rows.added)

    def seconds_of_step(self, job: Job) -> float:
        """What a batch takes, by a few of them."""
        X, T, weight = self.data(job)
        size = self.batch_size(len(X))
        few = slice(0, TRIAL * size)
        model = self.model(job.encoding, job.seed)
        self.compile(model, len(X))
        options: dict[str, Any] = {"verbose": 0, "sample_weight": None if weight is None else weight[few]}
        for _ in range(2):  # the first makes all ready
            model.predict(X[few])
            begun = time.perf_counter()
            if model.fit(X[few], T[few], size, 1, **options).interrupted:
                raise KeyboardInterrupt
        return (time.perf_counter() - begun) / -(-len(X[few]) // size)
