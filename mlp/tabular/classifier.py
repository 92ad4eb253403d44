"""`TabularClassifier`: classes from a raw table."""

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import type_of_target

from mlp.arrays import Array
from mlp.estimators.constraints import SHARE
from mlp.estimators.fitting import store
from mlp.naming import require
from mlp.tabular.base import CONSTRAINTS, BaseTabular
from mlp.tabular.labels import check_labels
from mlp.tabular.recipe import Recipe
from mlp.tabular.targets import Classes, Labels, Target


class TabularClassifier(ClassifierMixin, BaseTabular):
    """Classes of the rows of a raw table, by an ensemble of small networks that needs no tuning.

    Each network leaves a fold of the rows out, and keeps its best epoch by them. The prediction is
    the mean of their probabilities.

    Parameters
    ----------
    preset : {"auto", "td", "td-s"} or Recipe, default "auto"
        "td" and "td-s" are RealMLP's recipes, with one network. "auto" is ours. The parameters below
        that are None are the preset's.
    hidden_layer_sizes : int or sequence of int, optional
    activation : str or Activation, optional
        Of the hidden layers.
    learning_rate : float, optional
        Its highest value.
    weight_decay, dropout, label_smoothing : float, optional
    batch_size, epochs : int, optional
    periodic_embedding : bool, optional
        Whether numeric columns get periodic features: `layers.PeriodicEmbedding`.
    one_hot_limit : int, optional
        Columns of more categories get learned numbers for each in the place of a column.
    n_folds : int, optional
        1: a fifth of the rows is held out, once.
    n_seeds : int, optional
        How often all folds are trained, each time with others.
    calibrate : bool, optional
        Whether the probabilities are made as sure as they are right on the rows held out, by one
        temperature.
    scoring : str or callable, optional
        What decides which epoch is kept: "loss" (cross-entropy), or a scorer of scikit-learn; by default
        the recipe's own measure, `Recipe.judged_by`.
    class_weight : dict or "balanced", optional
        Weights of the classes, times `sample_weight`.
    categorical_columns : sequence of str or int, optional
        Columns that are categories although they hold numbers.
    engine : {"auto", "numba", "numpy"}, default "auto"
        As in `Sequential.compile`.
    n_threads : int, optional
        Networks that are trained at a time, each on a core; by default as many as there are cores.
    random_state : int, RandomState or None, default None
    verbose : bool, default False
        A bar over the epochs with the remaining time.

    Attributes
    ----------
    classes_ : array of shape (k,)
    oof_predictions_ : array of shape (n, k)
        Probabilities of each training row by the networks that have not seen it; NaN where all have.
    oof_score_, oof_spread_ : float
        Their accuracy, and its standard deviation over the networks.
    member_scores_ : array of shape (networks,)
        The accuracy of each network on its own held-out rows.
    best_epochs_, validation_curves_ : list
        Of each network: the epoch whose weights it has, from 0, and how it was judged after each.
    ignored_columns_ : dict
        Columns that are not used, and why.
    recipe_ : Recipe
        What was done.
    preprocessor_ : TablePreprocessor
        Makes the matrix of numbers from a table.
    encodings_ : NumericEncodings
        Adds what networks of each form see besides.
    target_ : Target
        What was learned of y: classes, or mean and range.
    ensemble_ : Ensemble
        The networks; `member` gives one of them.
    n_features_in_, feature_names_in_ : int, array of str

    Raises
    ------
    ValueError
        If the table or the target cannot be used: each message names the column.

    See Also
    --------
    MLPClassifier : scikit-learn's network, number for number.

    References
    ----------
    D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", NeurIPS (2024).

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import TabularClassifier
    >>> X = np.array([["red", "small"], ["blue", "large"]] * 20)
    >>> y = ["apple", "plum"] * 20
    >>> model = TabularClassifier(epochs=8, random_state=0).fit(X, y)
    >>> model.predict([["red", "small"], ["blue", "never seen"]]).tolist()
    ['apple', 'plum']
    >>> model.oof_score_
    1.0
    """

    _task = "classification"
    _parameter_constraints = CONSTRAINTS | {
        "label_smoothing": [SHARE, None],
        "calibrate": ["boolean", None],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        preset: Any = "auto",
        *,
        hidden_layer_sizes: Any = None,
        activation: Any = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        dropout: float | None = None,
        label_smoothing: float | None = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        periodic_embedding: bool | None = None,
        one_hot_limit: int | None = None,
        n_folds: int | None = None,
        n_seeds: int | None = None,
        calibrate: bool | None = None,
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
        """Train on a raw table.

        Parameters
        ----------
        X : frame of pandas or polars, or array, of shape (n, columns)
            Numbers of any scale, strings, categories, truth values and dates; gaps are welcome.
        y : array-like of shape (n,) or (n, labels)
            Classes; or several labels for each row, as 0 and 1.
        sample_weight : array-like of shape (n,), optional
            Rows of weight 0 are left out.
        time_limit : float, optional
            Seconds: with less epochs, and less networks if need be, the fit ends in time. With less than a
            minute nothing is compiled that has not been before: NumPy is taken, if engine is "auto".

        Returns
        -------
        TabularClassifier

        Raises
        ------
        ValueError
            If the table or the target cannot be used; what was fitted before stays.
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

    def _new_target(self, y: Any, recipe: Recipe) -> Target:
        check_labels(y)
        return Labels() if type_of_target(y, input_name="y") == "multilabel-indicator" else Classes()

    def _weigh(self, target: Target, T: Array, sample_weight: Array | None) -> Array | None:
        if self.class_weight is None:
            return sample_weight
        weights = np.asarray(compute_sample_weight(self.class_weight, target.truth(T)), np.float64)
        right = bool(np.isfinite(weights).all() and (weights >= 0).all() and weights.any())
        require(
            right,
            "class_weight",
            self.class_weight,
            "finite weights of which none is negative and not all are zero",
        )
        return weights if sample_weight is None else np.asarray(weights * sample_weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
