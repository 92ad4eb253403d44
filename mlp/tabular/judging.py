"""What the epochs of a network are judged by: the recipe's own measure, or a scorer of scikit-learn."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring
from sklearn.utils.metaestimators import available_if

from mlp.arrays import Array
from mlp.tabular.recipe import Recipe
from mlp.tabular.targets import Target

Judge = Callable[[Array, Array, Array | None], float]  # of outputs, targets and weights; less is better


class Answering(BaseEstimator):
    """An estimator whose answers are known already: what a scorer may ask.

    Parameters
    ----------
    estimator : BaseEstimator
        Whose answers they are; it need not be fitted.
    target : Target
    predictions : Array of shape (n, o)
    """

    def __init__(self, estimator: Any, target: Target, predictions: Array) -> None:
        self.estimator, self.target, self.predictions = estimator, target, predictions

    @property
    def classes_(self) -> Array:
        """The classes, where there are some."""
        classes: Array = self.target.classes  # type: ignore[attr-defined]
        return classes

    def predict(self, X: Any) -> Array:
        """The answers, whatever X is."""
        return self.target.answers(self.predictions)

    @available_if(lambda self: hasattr(self.target, "classes"))
    def predict_proba(self, X: Any) -> Array:
        """The probabilities, whatever X is."""
        return self.predictions

    def __sklearn_tags__(self) -> Any:
        return self.estimator.__sklearn_tags__()


def judge_of(estimator: Any, recipe: Recipe, target: Target) -> Judge:
    """What the epochs of an estimator's networks are judged by.

    Parameters
    ----------
    estimator : BaseEstimator
        Its `scoring` is None for what the recipe says, "loss", or anything that scikit-learn knows.
    recipe : Recipe
    target : Target
        Fitted.
    """
    if estimator.scoring is None or estimator.scoring == "loss":
        by_error = estimator.scoring is None and recipe.judged_by == "error"
        return target.error if by_error else target.value
    scorer = check_scoring(estimator, estimator.scoring)

    def judge(out: Array, T: Array, weight: Array | None) -> float:
        if T.dtype.kind == "f":  # no scorer knows targets that are not known
            whole = ~np.isnan(T).any(axis=1)
            out, T = out[whole], T[whole]
        if not len(T):
            return np.nan
        answering = Answering(estimator, target, target.predictions(out))
        try:
            return -float(scorer(answering, T, target.truth(T)))
        except ValueError as error:
            raise ValueError(
                f"scoring={estimator.scoring!r} cannot judge the {len(T)} rows that a network leaves out; "
                f"take another one, or larger folds: {error}"
            ) from error

    return judge
