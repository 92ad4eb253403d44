"""The recipes of a search, trained: on one rung after the other, in the time that there is."""

import dataclasses
import math
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sklearn.base import clone

from mlp.errors import DivergenceError
from mlp.tabular.base import BaseTabular
from mlp.tabular.progress import Clock
from mlp.tabular.recipe import Recipe
from mlp.tabular.search.files import Folder
from mlp.tabular.search.halving import Halving, Rung, Trial, affordable, rungs_of
from mlp.tabular.search.judged import Judged
from mlp.tabular.search.space import draws, space_of

PROBE = 4  # one of so many epochs is trained once more where the time is limited
ENOUGH = 0.9  # of its time a training takes at most, or it may have been cut short


class Search:
    """Trains recipes for a table.

    Parameters
    ----------
    judged : Judged
    clock : Clock
    seed : int
        Of all recipes: they have the same folds.
    threads : int
    folder : Folder or None
    verbose : bool
    """

    def __init__(
        self, judged: Judged, clock: Clock, seed: int, threads: int, folder: Folder | None, verbose: bool
    ) -> None:
        self.judged, self.clock, self.seed, self.threads = judged, clock, seed, threads
        self.folder, self.verbose = folder, verbose
        self.rungs: list[Rung] = []
        self.halving = Halving(self._train, threads, clock, self._tell)

    def _tell(self, line: str) -> None:
        if self.verbose:
            print(line, flush=True)

    def run(self, n_candidates: int, reduction: int, space: dict[str, Any] | None) -> list[Trial]:
        """The preset's own recipe, and then as many others as there is time for."""
        recipe = self.judged.recipe
        self.rungs = [Rung(1, recipe.n_folds, recipe.n_seeds, recipe.epochs)]
        first, whole = self.trial(0, recipe, 0, self.threads)
        if any(stop.is_set() for stop in self.halving.stops):  # Ctrl-C
            return [first]
        if self.clock.is_limited:
            seconds = self._seconds(recipe, first, whole)
            left = self.clock.left * self.threads
            rungs = affordable(recipe, n_candidates, reduction, seconds, left)
        else:
            rungs = rungs_of(recipe, n_candidates, reduction)
        if not rungs:
            return [first]
        self.rungs = rungs
        recipes = self._recipes(rungs[0].candidates - 1, space)
        with warnings.catch_warnings():  # what there is to say of the table has been said
            warnings.simplefilter("ignore")
            with self._until_late():
                trials = self.halving.run(recipes, rungs, dataclasses.replace(first, rung=len(rungs) - 1))
        if self.halving.interrupted:
            warnings.warn("Search interrupted by user: the best so far is kept.", stacklevel=4)
        return trials

    @contextmanager
    def _until_late(self) -> Iterator[None]:
        """End what runs once the time is over."""
        timer = threading.Timer(self.clock.left, self.halving.end) if self.clock.is_limited else None
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()

    def _seconds(self, recipe: Recipe, first: Trial, whole: bool) -> float:
        """That a recipe takes, times the threads: the first may have waited for the compiler."""
        rungs, probe = self.rungs, Rung(1, 1, 1, max(recipe.epochs // PROBE, 1))
        self.rungs = [probe, *rungs]
        again, _ = self.trial(0, recipe, 0, 1)
        self.rungs = rungs
        seconds = again.seconds / probe.cost * rungs[0].cost
        return min(first.seconds, seconds) if whole else seconds

    def _recipes(self, wanted: int, space: dict[str, Any] | None) -> list[Recipe]:
        judged = self.judged
        if space is not None:
            return draws(judged.recipe, space, wanted, self.seed, 0.0)
        own = space_of(judged.recipe, judged.task, judged.numeric, judged.categorical)
        for name in judged.fixed:
            own.pop(name, None)
        return draws(judged.recipe, own, wanted, self.seed)

    def _train(self, candidate: int, recipe: Recipe, rung: int, threads: int) -> Trial | None:
        if self.halving.stopped or (self.clock.is_limited and not self.clock.left):
            return None
        try:
            trial, whole = self.trial(candidate, recipe, rung, threads)
        except DivergenceError:
            return Trial(candidate, rung, recipe, -math.inf, 0.0)
        return trial if whole else None

    def trial(self, candidate: int, recipe: Recipe, rung: int, threads: int) -> tuple[Trial, bool]:
        """Train a recipe, or take what the folder has of it; and whether it has had all its training."""
        last, of_rung = rung == len(self.rungs) - 1, self.rungs[rung].of(recipe)
        verbose = self.verbose and not candidate
        estimator = clone(self.judged.estimator).set_params(
            preset=of_rung, n_threads=threads, random_state=self.seed, verbose=verbose
        )
        known = None if self.folder is None else self.folder.find(of_rung, estimator if last else None)
        if known is not None:
            return Trial(candidate, rung, recipe, *known), True
        seconds, whole = self._fit(estimator, threads, is_first=not candidate)
        score = self.judged.score_of(estimator.oof_predictions_)
        if self.folder is not None and whole:
            self.folder.keep(of_rung, score, seconds, estimator if last else None)
        return Trial(candidate, rung, recipe, score, seconds, estimator if last else None), whole

    def _fit(self, estimator: BaseTabular, threads: int, is_first: bool) -> tuple[float, bool]:
        """The seconds that it takes, times its threads, and whether it had as long as it needed.

        The preset's own is made shorter where the time is short. The others are as they are or not at all.
        """
        judged, begun, stop = self.judged, time.perf_counter(), self.halving.new_stop()
        limit = max(self.clock.left, 1e-3) if is_first and self.clock.is_limited else None
        estimator._fit(judged.X, judged.y, judged.sample_weight, limit, stop)
        seconds = time.perf_counter() - begun
        whole = not stop.is_set()
        if limit is not None:
            epochs = estimator.recipe_.epochs
            whole = whole and all(len(curve) == epochs for curve in estimator.validation_curves_)
            whole = whole and seconds < ENOUGH * limit
        return seconds * min(threads, len(estimator.best_epochs_)), whole
