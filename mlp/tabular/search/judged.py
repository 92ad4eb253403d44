"""A table by which the recipes of a search are judged: by the rows that their networks have not seen."""

import math
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring

from mlp.arrays import Array
from mlp.tabular.base import BaseTabular, prepare
from mlp.tabular.jobs import weights_of
from mlp.tabular.judging import Answering
from mlp.tabular.recipe import Task
from mlp.tabular.search.files import fingerprint


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
    task : {"classification", "regression"}
    numeric, categorical : bool
        Whether there are such columns.
    fingerprint : str
        Of all the numbers.
    """

    def __init__(
        self, estimator: BaseTabular, fixed: dict[str, Any], X: Any, y: Any, sample_weight: Any
    ) -> None:
        self.X, self.y, self.estimator, self.fixed = X, y, estimator, fixed
        found = prepare(estimator, X, y, sample_weight, fixed)
        self.recipe, self.target, self.T = found.recipe, found.target, found.T
        self.sample_weight, self.weight = found.sample_weight, found.weight
        self.task: Task = "classification" if is_classifier(estimator) else "regression"
        self.numeric = found.table.n_numeric_ > 0
        self.categorical = found.inputs.shape[1] > found.table.n_numeric_
        self.fingerprint = fingerprint(found.inputs, found.T, found.sample_weight)
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
        T, weight = self.T[rows], weights_of(self.weight, rows)
        if self.scorer is not None:
            answering = Answering(self.estimator, self.target, predictions)
            return float(self.scorer(answering, T, self.target.truth(T)))
        if self.by_error:
            return self.target.score(T, predictions, weight)
        return -self.target.mixed_value(predictions, T, weight)
