"""What `TabularSearchClassifier` and `TabularSearchRegressor` share."""

import dataclasses
import warnings
from numbers import Integral
from os import PathLike
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from mlp.arrays import Array
from mlp.engines.threads import cores
from mlp.estimators.constraints import POSITIVE_INTEGER
from mlp.naming import nearest, require, require_in
from mlp.tabular.base import BaseTabular
from mlp.tabular.mixing import greedy_shares
from mlp.tabular.prepared import require_y
from mlp.tabular.progress import Clock
from mlp.tabular.recipe import PRESETS, Recipe
from mlp.tabular.search import files
from mlp.tabular.search.files import Folder
from mlp.tabular.search.halving import Rung, Trial
from mlp.tabular.search.judged import Judged
from mlp.tabular.search.running import Search
from mlp.tabular.search.space import check_space
from mlp.version import __version__

CONSTRAINTS: dict[str, list[Any]] = {
    "preset": [StrOptions(set(PRESETS)), Recipe],
    "n_candidates": [POSITIVE_INTEGER],
    "reduction": [Interval(Integral, 2, None, closed="left")],
    "ensemble_size": [POSITIVE_INTEGER],
    "space": [dict, None],
    "fixed": [dict, None],
    "folder": [str, PathLike, None],
    "scoring": [str, callable, None],
    "categorical_columns": ["array-like", None],
    "engine": [StrOptions({"auto", "numba", "numpy"})],
    "n_threads": [POSITIVE_INTEGER, None],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}
PASSED_ON = ("scoring", "class_weight", "categorical_columns", "engine")  # to the estimators, as they are


class BaseTabularSearch(BaseEstimator):
    """Base of `TabularSearchClassifier` and `TabularSearchRegressor`."""

    preset: Any
    n_candidates: int
    reduction: int
    ensemble_size: int
    space: Any
    fixed: Any
    folder: Any
    n_threads: int | None
    random_state: Any
    verbose: Any
    estimators_: list[Any]
    estimator_weights_: Array

    _kind: type[BaseTabular]  # of the estimators

    def _fit(self, X: Any, y: Any, sample_weight: Any, time_limit: float | None) -> Self:
        if time_limit is not None:
            require_in("(0, inf)", "time_limit", time_limit)
        clock = Clock(time_limit)
        self._validate_params()
        self._check_fields()
        require_y(self, y)
        settings = {name: getattr(self, name) for name in PASSED_ON if hasattr(self, name)}
        with warnings.catch_warnings():  # it is all said once more when the preset's recipe is trained
            warnings.simplefilter("ignore")
            judged = Judged(self._kind(self.preset, **settings), self.fixed or {}, X, y, sample_weight)
        folder, seed = self._folder(judged, settings)
        threads = self.n_threads or cores()
        search = Search(judged, clock, seed, threads, folder, bool(self.verbose))
        trials = search.run(self.n_candidates, self.reduction, self.space)
        self._note(judged, trials, search.rungs)
        return self

    def _check_fields(self) -> None:
        """Of `space` and `fixed`, at the door."""
        if self.space is not None:
            check_space(self.space)
        known = [field.name for field in dataclasses.fields(Recipe)]
        for name in self.fixed or {}:
            advice = nearest(str(name), known)
            require(name in known, "fixed", name, f"a mapping of fields of Recipe.{advice}")
            require(name not in (self.space or {}), "fixed", name, "of fields that are not in space too")

    def _folder(self, judged: Judged, settings: dict[str, Any]) -> tuple[Folder | None, int]:
        """What is finished already, if there is a folder for it, and the seed."""
        known = None if self.folder is None or self.random_state is not None else Folder.seed_of(self.folder)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1)) if known is None else known
        if self.folder is None:
            return None, seed
        same = {name: repr(value) for name, value in settings.items()}
        if callable(settings["scoring"]):
            same["scoring"] = getattr(settings["scoring"], "__qualname__", type(settings["scoring"]).__name__)
        same |= {"estimator": self._kind.__name__, "data": judged.fingerprint, "version": __version__}
        return Folder(self.folder, same | {"seed": seed}), seed

    def _note(self, judged: Judged, trials: list[Trial], rungs: list[Rung]) -> None:
        """What has been found, and what predicts."""
        finals = [trial for trial in trials if trial.estimator is not None]
        best = max(finals, key=lambda trial: trial.score)  # the first of equals: the preset's own
        finals.sort(key=lambda trial: (trial is not best, trial.candidate))
        predictions = [trial.estimator.oof_predictions_ for trial in finals]
        rows = judged.held_out(*predictions)
        shares = np.eye(len(finals))[0]
        if self.ensemble_size > 1 and len(finals) > 1 and len(rows):
            held = [each[rows] for each in predictions]
            shares = greedy_shares(lambda mean: -judged.score(mean, rows), held, self.ensemble_size)
        used = np.flatnonzero(shares)
        mixed = [share * predictions[place] for place, share in enumerate(shares) if share]
        self.oof_predictions_: Array = np.sum(mixed, axis=0)
        self.estimator_weights_ = shares[used]
        self.best_score_ = judged.score_of(self.oof_predictions_)
        self.results_ = results(trials, rungs, judged.recipe)
        self._note_estimators(best.estimator, [finals[place].estimator for place in used])

    def _note_estimators(self, best: BaseTabular, estimators: list[BaseTabular]) -> None:
        """Those that predict, and what is known of the table."""
        self.best_estimator_, self.best_recipe_, self.estimators_ = best, best.recipe_, estimators
        self.target_ = best.target_
        self.__dict__.pop("feature_names_in_", None)
        for name in ("n_features_in_", "feature_names_in_", "classes_", "ignored_columns_"):
            if hasattr(best, name):
                setattr(self, name, getattr(best, name))

    def save(self, path: str | PathLike[str]) -> None:
        """Write all that prediction needs to one file, which `mlp.tabular.load` reads.

        Numbers are kept as safetensors, all else as JSON: nothing in the file is ever run. Parameters
        of the constructor that are objects (a scorer, distributions) are not in it.

        Parameters
        ----------
        path : path

        Raises
        ------
        sklearn.exceptions.NotFittedError, ModelFileError
            Before `fit`; if the system refuses.
        """
        check_is_fitted(self, "estimators_")
        files.save(self, path)

    def _predictions(self, X: Any) -> Array:
        check_is_fitted(self, "estimators_")
        parts = [
            share * estimator._predictions(X)
            for share, estimator in zip(self.estimator_weights_, self.estimators_, strict=True)
        ]
        total: Array = np.sum(parts, axis=0)
        return total

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags = self._kind().__sklearn_tags__().input_tags
        return tags


def results(trials: list[Trial], rungs: list[Rung], recipe: Recipe) -> dict[str, Any]:
    """The table of a search by columns, as scikit-learn's ``cv_results_``.

    Parameters
    ----------
    trials : list of Trial
    rungs : list of Rung
    recipe : Recipe
        Of the preset: "params" are what the others have in its place.
    """
    plain = dataclasses.asdict(recipe)
    changes = [
        {name: value for name, value in dataclasses.asdict(trial.recipe).items() if value != plain[name]}
        for trial in trials
    ]
    table: dict[str, Any] = {
        "candidate": np.array([trial.candidate for trial in trials]),
        "iter": np.array([trial.rung for trial in trials]),
        "n_networks": np.array([rungs[t.rung].n_folds * rungs[t.rung].n_seeds for t in trials]),
        "n_epochs": np.array([rungs[trial.rung].epochs for trial in trials]),
        "params": changes,
    }
    for name in sorted(set().union(*changes)):
        table[f"param_{name}"] = [getattr(trial.recipe, name) for trial in trials]
    table["test_score"] = np.array([trial.score for trial in trials])
    # those that have come further are before all others
    order = sorted(range(len(trials)), key=lambda k: (-trials[k].rung, -trials[k].score))
    table["rank_test_score"] = np.argsort(order) + 1
    table["fit_time"] = np.array([trial.seconds for trial in trials])
    return table
