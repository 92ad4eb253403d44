"""The recipes of a search, trained and judged: each by the rows that its networks have not seen."""

import dataclasses
import math
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import _check_sample_weight

from mlp.arrays import Array
from mlp.errors import DivergenceError
from mlp.tabular.base import BaseTabular
from mlp.tabular.halving import Halving, Rung, Trial, affordable, rungs_of
from mlp.tabular.judging import Answering
from mlp.tabular.preprocessing import TablePreprocessor
from mlp.tabular.progress import Clock
from mlp.tabular.recipe import Recipe, changed
from mlp.tabular.search_files import Folder, fingerprint
from mlp.tabular.space import draws, space_of

PROBE = 4  # one of so many epochs is trained once more where the time is limited
ENOUGH = 0.9  # of its time a training takes at most, or it may have been cut short


class Judged:
    """A table and its targets, by which recipes are judged.

    Parameters
    ----------
    estimator : TabularClassifier or TabularRegressor
        With the preset and the settings of all; it is not fitted.
    fixed : mapping
        Fields of the recipe.
    X, y, sample_weight
        As in `fit`.

    Attributes
    ----------
    recipe : Recipe
        That all others are changes of.
    numeric, categorical : bool
        Whether there are such columns.
    fingerprint : str
        Of all the numbers.
    """

    def __init__(
        self, estimator: BaseTabular, fixed: dict[str, Any], X: Any, y: Any, sample_weight: Any
    ) -> None:
        self.X, self.y, self.estimator, self.fixed = X, y, estimator, fixed
        limit = changed(estimator._recipe(1, 1), fixed).one_hot_limit
        table = TablePreprocessor(estimator.categorical_columns, one_hot_limit=limit)
        with config_context(transform_output="default"):
            inputs = table.fit_transform(X)
        check_consistent_length(inputs, y)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, inputs, ensure_non_negative=True)
        self.sample_weight, self.recipe = sample_weight, changed(estimator._recipe(*inputs.shape), fixed)
        self.target = estimator._new_target(y, self.recipe)
        self.T = self.target.fit(y, sample_weight)
        self.weight = estimator._weigh(self.target, self.T, sample_weight)
        self.numeric, self.categorical = table.n_numeric_ > 0, inputs.shape[1] > table.n_numeric_
        self.fingerprint = fingerprint(inputs, self.T, sample_weight)
        self.scorer = None
        if estimator.scoring not in (None, "loss"):
            self.scorer = check_scoring(estimator, estimator.scoring)
        self.by_error = estimator.scoring is None and self.recipe.judged_by == "error"

    def held_out(self, *predictions: Array) -> Array:
        """The rows of which all of these are known."""
        return np.flatnonzero(~np.isnan(sum(each[:, 0] for each in predictions)))

    def score_of(self, predictions: Array) -> float:
        """How good out-of-fold predictions are, of the rows that have some; −∞ if that cannot be said."""
        rows = self.held_out(predictions)
        score = self.score(predictions[rows], rows) if len(rows) else -math.inf
        return -math.inf if math.isnan(score) else score

    def score(self, predictions: Array, rows: Array) -> float:
        """How good predictions for some rows are; more is better."""
        T = self.T[rows]
        weight = None if self.weight is None or not self.weight[rows].any() else self.weight[rows]
        if self.scorer is not None:
            answering = Answering(self.estimator, self.target, predictions)
            return float(self.scorer(answering, T, self.target.truth(T)))
        if self.by_error:
            return self.target.score(T, predictions, weight)
        return -self.target.mixed_value(predictions, T, weight)


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
        own = space_of(judged.recipe, judged.estimator._task, judged.numeric, judged.categorical)
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
        judged, begun = self.judged, time.perf_counter()
        estimator._stop = stop = self.halving.new_stop()
        limit = max(self.clock.left, 1e-3) if is_first and self.clock.is_limited else None
        estimator._fit(judged.X, judged.y, judged.sample_weight, limit)
        del estimator._stop
        seconds = time.perf_counter() - begun
        whole = not stop.is_set()
        if limit is not None:
            epochs = estimator.recipe_.epochs
            whole = whole and all(len(curve) == epochs for curve in estimator.validation_curves_)
            whole = whole and seconds < ENOUGH * limit
        return seconds * min(threads, len(estimator.best_epochs_)), whole
