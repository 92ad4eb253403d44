"""`TabularRegressor`: numbers from a raw table."""

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.estimators.fitting import store
from mlp.naming import require, require_in
from mlp.tabular.base import CONSTRAINTS, BaseTabular
from mlp.tabular.intervals import intervals
from mlp.tabular.jobs import Rows
from mlp.tabular.members import Member
from mlp.tabular.quantiles import Quantiles, rising
from mlp.tabular.recipe import Recipe
from mlp.tabular.targets import Numbers, Target


class TabularRegressor(RegressorMixin, BaseTabular):
    """Numbers from the rows of a raw table, by an ensemble of small networks that needs no tuning.

    Each network leaves a fold of the rows out, and keeps its best epoch by them. The prediction is
    their mean.

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
    weight_decay, dropout : float, optional
    batch_size, epochs : int, optional
    periodic_embedding : bool, optional
        Whether numeric columns get periodic features: `layers.PeriodicEmbedding`.
    one_hot_limit : int, optional
        Columns of more categories get learned numbers for each in the place of a column.
    n_folds : int, optional
        1: a fifth of the rows is held out, once.
    n_seeds : int, optional
        How often all folds are trained, each time with others.
    clamp : bool, optional
        Whether predictions stay in the range of the targets that were seen.
    quantiles : sequence of float in (0, 1), optional
        Rising, such as (0.05, 0.5, 0.95): the networks learn these quantiles of the target by the pinball
        loss, `predict` gives the one nearest to the median, `predict_quantiles` all.
    scoring : str or callable, optional
        What decides which epoch is kept: "loss" (squared error), or a scorer of scikit-learn; by default
        the recipe's own measure, `Recipe.judged_by`.
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
    oof_predictions_ : array of shape (n, o)
        Prediction of each training row by the networks that have not seen it; NaN where all have.
    oof_residuals_ : array of shape (n, o)
        y − oof_predictions_: what `predict_interval` goes by. With quantiles both have a column for each.
    oof_weights_ : array of shape (n,) or None
        The weights that these rows had.
    oof_score_, oof_spread_ : float
        Their R², and its standard deviation over the networks.
    member_scores_ : array of shape (networks,)
        R² of each network on its own held-out rows.
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
    MLPRegressor : scikit-learn's network, number for number.

    References
    ----------
    D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", NeurIPS (2024).

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import TabularRegressor
    >>> X = np.linspace(0, 1, 200)[:, None]
    >>> model = TabularRegressor(epochs=20, random_state=0).fit(X, 1000 * X[:, 0])
    >>> bool(abs(model.predict([[0.5]])[0] - 500) < 20)
    True
    """

    _task = "regression"
    _parameter_constraints = CONSTRAINTS | {"clamp": ["boolean", None], "quantiles": ["array-like", None]}
    _notes = ("oof_residuals_", "oof_weights_")
    oof_residuals_: Array
    oof_weights_: Array | None

    def __init__(
        self,
        preset: Any = "auto",
        *,
        hidden_layer_sizes: Any = None,
        activation: Any = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        dropout: float | None = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        periodic_embedding: bool | None = None,
        one_hot_limit: int | None = None,
        n_folds: int | None = None,
        n_seeds: int | None = None,
        clamp: bool | None = None,
        quantiles: Any = None,
        scoring: Any = None,
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
        y : array-like of shape (n,) or (n, o)
            Numbers; NaN where one is not known.
        sample_weight : array-like of shape (n,), optional
            Rows of weight 0 are left out.
        time_limit : float, optional
            Seconds: with less epochs, and less networks if need be, the fit ends in time. With less than a
            minute nothing is compiled that has not been before: NumPy is taken, if engine is "auto".

        Returns
        -------
        TabularRegressor

        Raises
        ------
        ValueError
            If the table or the target cannot be used; what was fitted before stays.
        """
        if self.quantiles is not None:
            rising(self.quantiles)
        return self._fit(X, y, sample_weight, time_limit)

    def predict(self, X: Any) -> Array:
        """The predicted numbers, of the shape that y had."""
        predictions = self._predictions(X)
        return self.target_.answers(predictions)

    def predict_quantiles(self, X: Any) -> Array:
        """The quantiles that the networks have learned.

        Parameters
        ----------
        X : table
            As in `fit`.

        Returns
        -------
        Array of shape (n, q), or (n, o, q) if y had two dimensions
            In the order of `quantiles`: each row rises.

        Raises
        ------
        sklearn.exceptions.NotFittedError, ArgumentError
            Before `fit`; if it was fitted without `quantiles`.

        Examples
        --------
        >>> import numpy as np
        >>> from mlp import TabularRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.uniform(size=(300, 1))
        >>> model = TabularRegressor(quantiles=(0.1, 0.9), epochs=20, random_state=0)
        >>> low, high = model.fit(X, X[:, 0] * rng.normal(size=300)).predict_quantiles([[0.1], [0.9]]).T
        >>> bool(np.diff(high - low)[0] > 1)
        True
        """
        check_is_fitted(self, "ensemble_")
        if not isinstance(self.target_, Quantiles):
            raise ArgumentError(
                "predict_quantiles needs a fit with quantiles: TabularRegressor(quantiles=(0.05, 0.5, 0.95))"
            )
        return self.target_.by_level(self._predictions(X))

    def predict_interval(self, X: Any, coverage: float = 0.9) -> Array:
        """An interval for each row that holds its target with a stated probability.

        The prediction ± a margin: the ⌈(n + 1) · coverage⌉-th smallest of the n errors on rows that were
        held out (split conformal prediction). After a fit with `quantiles` it is the two of them that are
        nearest to (1 ∓ coverage) / 2, moved outwards or inwards by one margin (conformalised quantile
        regression), and so wider where the target varies more.

        Parameters
        ----------
        X : table
            As in `fit`.
        coverage : float in (0, 1), default 0.9
            Of several targets each has its own interval, and this share each.

        Returns
        -------
        Array of shape (n, 2), or (n, o, 2) if y had two dimensions
            The lower and the upper end.

        Raises
        ------
        sklearn.exceptions.NotFittedError, ArgumentError
            Before `fit`; if coverage is none, or fewer than coverage / (1 − coverage) rows were held out.

        Notes
        -----
        The share is one over all rows that come from where those of `fit` did, and not of each kind of
        row. It would be at least `coverage`, as a theorem, for networks that had never met the rows held
        out. Here two things differ, and work against each other. The held-out rows choose the epoch of
        their networks, which makes their errors a little too small. And with folds an error is that of the
        networks that have not seen its row, while new rows get the mean of all, which errs less as a rule.
        (CV+ proves a share of 2 · coverage − 1 for a related interval, whose centre is another for each
        fold.) With weights the share is one of weight, and a row of weight 0 counts for nothing. The ends
        may lie outside the range of the targets that were seen, also with `clamp`.

        References
        ----------
        J. Lei, M. G'Sell, A. Rinaldo, R. J. Tibshirani and L. Wasserman, "Distribution-free predictive
        inference for regression", JASA 113 (2018). Y. Romano, E. Patterson and E. J. Candès, "Conformalized
        quantile regression", NeurIPS (2019). R. F. Barber, E. J. Candès, A. Ramdas and R. J. Tibshirani,
        "Predictive inference with the jackknife+", Annals of Statistics 49 (2021).

        Examples
        --------
        >>> import numpy as np
        >>> from mlp import TabularRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.uniform(size=(300, 1))
        >>> y = X[:, 0] + 0.1 * rng.normal(size=300)
        >>> model = TabularRegressor(epochs=20, random_state=0).fit(X, y)
        >>> low, high = model.predict_interval(X, coverage=0.8).T
        >>> bool(0.75 < np.mean((low <= y) & (y <= high)) < 0.9)
        True
        """
        require_in("(0, 1)", "coverage", coverage)
        check_is_fitted(self, "ensemble_")
        ends = intervals(self.target_, self._predictions(X), self.oof_residuals_, self.oof_weights_, coverage)
        numbers = self.target_.numbers if isinstance(self.target_, Quantiles) else self.target_
        return ends[:, 0] if numbers.flat else ends  # type: ignore[attr-defined]

    def _new_target(self, y: Any, recipe: Recipe) -> Target:
        return Numbers(recipe.clamp) if self.quantiles is None else Quantiles(self.quantiles, recipe.clamp)

    def _note_held_out(self, members: list[Member], rows: Rows, known: Array, total: int) -> None:
        super()._note_held_out(members, rows, known, total)
        truth = np.asarray(self.target_.truth(rows.T)).reshape(len(rows.T), -1)
        each = self.oof_predictions_.shape[1] // truth.shape[1]
        self.oof_residuals_ = np.full_like(self.oof_predictions_, np.nan)
        self.oof_residuals_[known] = truth.repeat(each, axis=1) - self.oof_predictions_[known]
        self.oof_weights_ = None
        if rows.weight is not None:
            self.oof_weights_ = np.zeros(total)
            self.oof_weights_[known] = rows.weight

    def _check_notes(self) -> None:
        residuals, weights = self.oof_residuals_, self.oof_weights_
        right = isinstance(residuals, np.ndarray) and residuals.dtype == np.float64 and residuals.ndim == 2
        right = right and residuals.shape[1] == self.target_.columns
        require(right, "oof_residuals_", residuals, f"rows of {self.target_.columns} numbers")
        right = isinstance(weights, np.ndarray) and weights.shape == residuals.shape[:1]
        require(weights is None or right, "oof_weights_", weights, f"None or {len(residuals)} numbers")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
