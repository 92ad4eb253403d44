"""`TabularSearchClassifier` and `TabularSearchRegressor`: the recipe that suits a table, found by trying."""

import os
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils._param_validation import StrOptions

from mlp.arrays import Array
from mlp.estimators.fitting import store
from mlp.tabular.classifier import TabularClassifier
from mlp.tabular.regressor import TabularRegressor
from mlp.tabular.search.base import CONSTRAINTS, BaseTabularSearch


class TabularSearchClassifier(ClassifierMixin, BaseTabularSearch):
    """Classes of the rows of a raw table, by recipes that suit it: a search by successive halving.

    The preset's own recipe is trained, then many are drawn from the space around it. Each gets one
    network for each form of inputs and is judged by the rows that this has not seen; the best quarter
    get all their networks. The best of them predict together.

    Parameters
    ----------
    preset : {"auto", "td", "td-s"} or Recipe, default "auto"
        Around which one searches. It is the first candidate and comes to the last rung in any case:
        by its out-of-fold score what is found is never worse.
    n_candidates : int, default 16
        Recipes in all.
    reduction : int, default 4
        One of so many goes on to the next rung. With 32 candidates or more there is one more rung
        below the others, with a part of the epochs: `search.rungs_of`.
    ensemble_size : int, default 16
        Picks of a greedy selection among those on the last rung, whose mean predicts; 1: the best alone.
    space : dict, optional
        For each field of `Recipe` that is searched a list of values, or a distribution of scipy.stats;
        by default `search.space_of` the preset, where each field stays as it is half of the time.
    fixed : dict, optional
        Fields of `Recipe` that all have, {"epochs": 32} for instance.
    folder : path, optional
        What is finished is kept there, and a search that was interrupted goes on from it. It may be
        resumed with more candidates or another space, but not with other data or another seed.
    scoring : str or callable, optional
        What epochs and recipes are judged by: "loss" (cross-entropy), or a scorer of scikit-learn; by
        default the recipe's own measure.
    class_weight : dict or "balanced", optional
    categorical_columns : sequence of str or int, optional
    engine : {"auto", "numba", "numpy"}, default "auto"
    n_threads : int, optional
        Recipes that are trained at a time; by default as many as there are cores.
    random_state : int, RandomState or None, default None
        All candidates have the same folds.
    verbose : bool, default False
        A line for each rung.

    Attributes
    ----------
    best_estimator_ : TabularClassifier
        The best by itself, which can be saved.
    best_recipe_ : Recipe
    estimators_, estimator_weights_ : list of TabularClassifier, array
        Those that predict, and their shares in the mean.
    best_score_ : float
        Of `oof_predictions_`, more is better: minus the cross-entropy, or the scorer's value.
    oof_predictions_ : array of shape (n, k)
        Of each training row by networks that have not seen it; NaN where all have.
    results_ : dict
        By columns, as ``cv_results_``: "candidate" (0 is the preset's), "iter" (the rung), "n_networks",
        "n_epochs", "params" (what differs from the preset), "param_…", "test_score",
        "rank_test_score" (1 is the best; further rungs come first), "fit_time" (seconds × threads).
    classes_, ignored_columns_, n_features_in_, feature_names_in_
        As in `TabularClassifier`.

    Raises
    ------
    ValueError
        If the table, the target, `space`, `fixed` or `folder` cannot be used.

    Notes
    -----
    The score of the best of many is a little better than what new rows will show: keep some rows aside
    to know that.

    References
    ----------
    K. Jamieson and A. Talwalkar, "Non-stochastic best arm identification and hyperparameter
    optimization", AISTATS (2016): successive halving.
    R. Caruana, A. Niculescu-Mizil, G. Crew and A. Ksikes, "Ensemble selection from libraries of
    models", ICML (2004).

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.tabular import Recipe, TabularSearchClassifier
    >>> X = np.linspace(0, 1, 60)[:, np.newaxis]
    >>> search = TabularSearchClassifier(Recipe(epochs=4), n_candidates=3, random_state=0)
    >>> search = search.fit(X, X[:, 0] > 0.5)
    >>> search.predict([[0.0], [1.0]])
    array([False,  True])
    >>> len(search.results_["params"])
    3
    """

    _kind = TabularClassifier
    _parameter_constraints = CONSTRAINTS | {"class_weight": [dict, StrOptions({"balanced"}), None]}

    def __init__(
        self,
        preset: Any = "auto",
        *,
        n_candidates: int = 16,
        reduction: int = 4,
        ensemble_size: int = 16,
        space: dict[str, Any] | None = None,
        fixed: dict[str, Any] | None = None,
        folder: str | os.PathLike[str] | None = None,
        scoring: Any = None,
        class_weight: Any = None,
        categorical_columns: Any = None,
        engine: str = "auto",
        n_threads: int | None = None,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        store(self, locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None, time_limit: float | None = None) -> Self:
        """Search, and train what predicts.

        Parameters
        ----------
        X, y, sample_weight
            As in `TabularClassifier.fit`.
        time_limit : float, optional
            Seconds: the preset's recipe is trained first, and then as many others as there is time for.

        Returns
        -------
        TabularSearchClassifier

        Raises
        ------
        ValueError
            If something cannot be used; what was fitted before stays.
        """
        return self._fit(X, y, sample_weight, time_limit)

    def predict(self, X: Any) -> Array:
        """The most probable class of each row; of several labels those more probable than not."""
        probabilities = self.predict_proba(X)
        return self.target_.answers(probabilities)

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, shape (n, k), in the order of `classes_`."""
        return self._predictions(X)

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`, shape (n, k); −∞ for a probability of 0."""
        probabilities = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(probabilities))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class TabularSearchRegressor(RegressorMixin, BaseTabularSearch):
    """Numbers from the rows of a raw table, by recipes that suit it: a search by successive halving.

    The preset's own recipe is trained, then many are drawn from the space around it. Each gets one
    network for each form of inputs and is judged by the rows that this has not seen; the best quarter
    get all their networks. The best of them predict together.

    Parameters
    ----------
    preset : {"auto", "td", "td-s"} or Recipe, default "auto"
        Around which one searches. It is the first candidate and comes to the last rung in any case:
        by its out-of-fold score what is found is never worse.
    n_candidates : int, default 16
        Recipes in all.
    reduction : int, default 4
        One of so many goes on to the next rung. With 32 candidates or more there is one more rung
        below the others, with a part of the epochs: `search.rungs_of`.
    ensemble_size : int, default 16
        Picks of a greedy selection among those on the last rung, whose mean predicts; 1: the best alone.
    space : dict, optional
        For each field of `Recipe` that is searched a list of values, or a distribution of scipy.stats;
        by default `search.space_of` the preset, where each field stays as it is half of the time.
    fixed : dict, optional
        Fields of `Recipe` that all have, {"epochs": 32} for instance.
    folder : path, optional
        What is finished is kept there, and a search that was interrupted goes on from it. It may be
        resumed with more candidates or another space, but not with other data or another seed.
    scoring : str or callable, optional
        What epochs and recipes are judged by: "loss" (squared error of the standardised target), or a
        scorer of scikit-learn; by default the recipe's own measure.
    categorical_columns : sequence of str or int, optional
    engine : {"auto", "numba", "numpy"}, default "auto"
    n_threads : int, optional
        Recipes that are trained at a time; by default as many as there are cores.
    random_state : int, RandomState or None, default None
        All candidates have the same folds.
    verbose : bool, default False
        A line for each rung.

    Attributes
    ----------
    best_estimator_ : TabularRegressor
        The best by itself, which can be saved.
    best_recipe_ : Recipe
    estimators_, estimator_weights_ : list of TabularRegressor, array
        Those that predict, and their shares in the mean.
    best_score_ : float
        Of `oof_predictions_`, more is better: minus the squared error, or the scorer's value.
    oof_predictions_ : array of shape (n, o)
        Of each training row by networks that have not seen it; NaN where all have.
    results_ : dict
        By columns, as that of `TabularSearchClassifier`.
    ignored_columns_, n_features_in_, feature_names_in_
        As in `TabularRegressor`.

    Raises
    ------
    ValueError
        If the table, the target, `space`, `fixed` or `folder` cannot be used.

    References
    ----------
    As for `TabularSearchClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.tabular import Recipe, TabularSearchRegressor
    >>> X = np.linspace(0, 1, 60)[:, np.newaxis]
    >>> search = TabularSearchRegressor(Recipe(epochs=8), n_candidates=3, random_state=0).fit(X, X[:, 0])
    >>> bool(search.score(X, X[:, 0]) > 0.5)
    True
    """

    _kind = TabularRegressor
    _parameter_constraints = CONSTRAINTS

    def __init__(
        self,
        preset: Any = "auto",
        *,
        n_candidates: int = 16,
        reduction: int = 4,
        ensemble_size: int = 16,
        space: dict[str, Any] | None = None,
        fixed: dict[str, Any] | None = None,
        folder: str | os.PathLike[str] | None = None,
        scoring: Any = None,
        categorical_columns: Any = None,
        engine: str = "auto",
        n_threads: int | None = None,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        store(self, locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None, time_limit: float | None = None) -> Self:
        """Search, and train what predicts.

        Parameters
        ----------
        X, y, sample_weight
            As in `TabularRegressor.fit`.
        time_limit : float, optional
            Seconds: the preset's recipe is trained first, and then as many others as there is time for.

        Returns
        -------
        TabularSearchRegressor

        Raises
        ------
        ValueError
            If something cannot be used; what was fitted before stays.
        """
        return self._fit(X, y, sample_weight, time_limit)

    def predict(self, X: Any) -> Array:
        """The predicted numbers, of the shape that y had."""
        predictions = self._predictions(X)
        return self.target_.answers(predictions)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
