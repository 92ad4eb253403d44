"""Successive halving: many recipes with little training, the best of them with more, a few with all."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlp.tabular.progress import Clock
from mlp.tabular.recipe import Recipe

LEAST_EPOCHS = 4
DEARER = 1.5  # a recipe that is drawn takes longer than the preset by about so much


@dataclass(frozen=True)
class Rung:
    """How many recipes are trained, and how much each.

    Parameters
    ----------
    candidates : int
        The preset's own among them.
    n_folds, n_seeds, epochs : int
        As in `Recipe`.
    """

    candidates: int
    n_folds: int
    n_seeds: int
    epochs: int

    def of(self, recipe: Recipe) -> Recipe:
        """The recipe with as much training as this rung has."""
        return replace(recipe, n_folds=self.n_folds, n_seeds=self.n_seeds, epochs=self.epochs)

    @property
    def cost(self) -> int:
        """Epochs of all networks of a recipe that has one form of inputs."""
        return self.n_folds * self.n_seeds * self.epochs


@dataclass(frozen=True)
class Trial:
    """A recipe that has been trained on a rung.

    Parameters
    ----------
    candidate : int
        Its number; 0 is the preset's own.
    rung : int
    recipe : Recipe
        With all its training.
    score : float
        Of the rows held out; more is better. −∞ if the training diverged.
    seconds : float
        It took, times the threads that it had.
    estimator : BaseTabular or None
        What has been trained, if the rung is the last.
    """

    candidate: int
    rung: int
    recipe: Recipe
    score: float
    seconds: float
    estimator: Any = None


def rungs_of(recipe: Recipe, n_candidates: int, reduction: int) -> list[Rung]:
    """What a search does, step by step.

    On the last rung recipes get all their networks and epochs. One below, one network for each form
    of inputs, which leaves the first fold out; and below that 1/reduction of the epochs for each step,
    whose schedules are shortened with them. There are as many rungs as leave two candidates or more
    for the last.

    Parameters
    ----------
    recipe : Recipe
    n_candidates, reduction : int

    Examples
    --------
    >>> for rung in rungs_of(Recipe(n_folds=5, epochs=64), 32, 4):
    ...     print(rung.candidates, "recipes:", rung.n_folds, "folds,", rung.epochs, "epochs")
    32 recipes: 1 folds, 16 epochs
    8 recipes: 1 folds, 64 epochs
    2 recipes: 5 folds, 64 epochs
    """
    counts = [n_candidates]
    while counts[-1] >= 2 * reduction:
        counts.append(-(-counts[-1] // reduction))
    budgets = [(recipe.n_folds, recipe.n_seeds, recipe.epochs)]
    if recipe.n_folds * recipe.n_seeds > 1:
        budgets.append((1, 1, recipe.epochs))
    least = min(recipe.epochs, LEAST_EPOCHS)
    while len(budgets) < len(counts):
        budgets.append((1, 1, max(budgets[-1][-1] // reduction, least)))
    return [
        Rung(count, *budget) for count, budget in zip(counts, budgets[len(counts) - 1 :: -1], strict=True)
    ]


def affordable(recipe: Recipe, n_candidates: int, reduction: int, seconds: float, left: float) -> list[Rung]:
    """The rungs of the largest search that there is time for; none where there is time for none.

    Parameters
    ----------
    recipe : Recipe
    n_candidates, reduction : int
    seconds : float
        That the preset's own recipe took, with all its networks, times its threads.
    left : float
        Seconds, times the threads.

    Examples
    --------
    >>> recipe = Recipe(n_folds=5, epochs=64)
    >>> for left in (10.0, 60.0, 1000.0):
    ...     print([rung.candidates for rung in affordable(recipe, 16, 4, 10.0, left)])
    []
    [11, 3]
    [16, 4]
    """
    for count in range(n_candidates, 1, -1):
        rungs = rungs_of(recipe, count, reduction)
        epochs = sum((rung.candidates - 1) * rung.cost for rung in rungs)
        if seconds * DEARER * epochs / rungs[-1].cost <= left:
            return rungs
    return []


class Halving:
    """Trains recipes on one rung after the other, several side by side.

    Parameters
    ----------
    train : callable
        (number of the candidate, recipe, number of the rung, threads) → `Trial`, or None if there was
        no time to finish it.
    threads : int
    clock : Clock
    tell : callable
        Gets a line of text for each rung.
    """

    def __init__(
        self,
        train: Callable[[int, Recipe, int, int], Trial | None],
        threads: int,
        clock: Clock,
        tell: Callable[[str], None],
    ) -> None:
        self.train, self.threads, self.clock, self.tell = train, threads, clock, tell
        self.stopped = self.interrupted = False
        self.stops: list[threading.Event] = []

    def new_stop(self) -> threading.Event:
        """An event that ends a training once the search is to end: each has its own, which it may set too."""
        stop = threading.Event()
        self.stops.append(stop)
        if self.stopped:  # after the entry, or neither of two threads might set it
            stop.set()
        return stop

    def end(self) -> None:
        """Begin no other training, and end those that run with their epochs in hand."""
        self.stopped = True
        for stop in self.stops:
            stop.set()

    def run(self, recipes: Sequence[Recipe], rungs: Sequence[Rung], first: Trial) -> list[Trial]:
        """All that has been trained, `first`, the preset's own, before all else.

        Parameters
        ----------
        recipes : sequence of Recipe
            Without the preset's.
        rungs : sequence of Rung
        first : Trial
            It has been trained already, as on the last rung.
        """
        trials = [first]
        field = list(enumerate(recipes, 1))
        expected = first.seconds / rungs[-1].cost * DEARER if rungs else 0.0  # for an epoch of a network
        costs = [expected] * len(field)
        for number, rung in enumerate(rungs):
            enter = min(self._in_time([cost * rung.cost for cost in costs]), rung.candidates - 1)
            if not enter or self.stopped:
                break
            ahead = sum(costs[:enter]) * rung.cost / self.threads
            self.tell(f"search: rung {number + 1} of {len(rungs)}: {enter} recipes in about {ahead:.0f} s")
            done = sorted(self._trials(field[:enter], number), key=lambda trial: -trial.score)
            trials += done
            sound = [trial for trial in done if trial.score > -np.inf]
            field = [(trial.candidate, trial.recipe) for trial in sound]
            costs = [trial.seconds / rung.cost for trial in sound]
        return trials

    def _in_time(self, seconds: list[float]) -> int:
        """How many of these there is time for, if the first are the dearest to us."""
        if not self.clock.is_limited:
            return len(seconds)
        left = self.clock.left
        for count in range(len(seconds), 0, -1):
            own = self.threads // min(self.threads, count)  # threads of each
            if sum(seconds[:count]) <= left * self.threads and max(seconds[:count]) <= left * own:
                return count
        return 0

    def _trials(self, field: Sequence[tuple[int, Recipe]], rung: int) -> list[Trial]:
        workers = min(self.threads, len(field))
        with ThreadPoolExecutor(workers) as pool:
            futures = [
                pool.submit(self.train, candidate, recipe, rung, self.threads // workers)
                for candidate, recipe in field
            ]
            try:
                found = [future.result() for future in futures]
            except KeyboardInterrupt:
                self.interrupted = True
                self._give_up(futures)
                found = [_result(future) for future in futures]
            except BaseException:
                self._give_up(futures)
                raise
        return [trial for trial in found if trial is not None]

    def _give_up(self, futures: Sequence[Future[Trial | None]]) -> None:
        for future in futures:
            future.cancel()
        self.end()


def _result(future: Future[Trial | None]) -> Trial | None:
    try:
        return future.result()
    except CancelledError:
        return None
