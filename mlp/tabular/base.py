"""What `TabularClassifier` and `TabularRegressor` share: from a raw table to an ensemble of networks."""

import copy
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from mlp.activations import Activation
from mlp.arrays import Array
from mlp.estimators.constraints import NOT_NEGATIVE, POSITIVE, POSITIVE_INTEGER, SHARE, Names
from mlp.models import Sequential
from mlp.naming import is_integer, require, require_in
from mlp.tabular import calibration, mixing, storing
from mlp.tabular.ensemble import Ensemble, Group
from mlp.tabular.jobs import Rows, jobs_of
from mlp.tabular.judging import judge_of
from mlp.tabular.members import Member, Trainer
from mlp.tabular.numeric import NumericEncodings
from mlp.tabular.prepared import Prepared, checked_weights, learnable_rows, require_y
from mlp.tabular.preprocessing import TablePreprocessor
from mlp.tabular.progress import Clock
from mlp.tabular.recipe import PRESETS, Recipe, Task, changed, recipe_for
from mlp.tabular.targets import Target

CONSTRAINTS: dict[str, list[Any]] = {
    "preset": [StrOptions(set(PRESETS)), Recipe],
    "hidden_layer_sizes": ["array-like", POSITIVE_INTEGER, None],
    "activation": [Names("activation"), Activation, None],
    "learning_rate": [POSITIVE, None],
    "weight_decay": [NOT_NEGATIVE, None],
    "dropout": [SHARE, None],
    "batch_size": [POSITIVE_INTEGER, None],
    "epochs": [POSITIVE_INTEGER, None],
    "periodic_embedding": ["boolean", None],
    "one_hot_limit": [Interval(Integral, 1, None, closed="left"), None],
    "n_folds": [POSITIVE_INTEGER, None],
    "n_seeds": [POSITIVE_INTEGER, None],
    "scoring": [str, callable, None],
    "categorical_columns": ["array-like", None],
    "engine": [StrOptions({"auto", "numba", "numpy"})],
    "n_threads": [POSITIVE_INTEGER, None],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}
CHUNK = 1 << 14  # rows that are predicted at a time, so that their further columns take little memory


class BaseTabular(BaseEstimator):
    """Base of `TabularClassifier` and `TabularRegressor`."""

    preset: Any
    hidden_layer_sizes: Any
    scoring: Any
    categorical_columns: Any
    engine: str
    n_threads: int | None
    random_state: Any
    verbose: Any
    preprocessor_: TablePreprocessor
    encodings_: NumericEncodings
    target_: Target
    ensemble_: Ensemble

    # what a task says

    _task: Task
    _notes: tuple[str, ...] = ()  # attributes that a file holds, besides those of every estimator

    def _new_target(self, y: Any, recipe: Recipe) -> Target:
        """An unfitted target of the kind that y has."""
        raise NotImplementedError

    def _weigh(self, target: Target, T: Array, sample_weight: Array | None) -> Array | None:
        """The weights of the rows."""
        return sample_weight

    def _check_notes(self) -> None:
        """Raise an `ArgumentError` if what a file held cannot be."""

    # fit

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        time_limit: float | None,
        stop: threading.Event | None = None,
    ) -> Self:
        """As `fit`; what sets `stop` ends it with the epochs in hand."""
        if time_limit is not None:
            require_in("(0, inf)", "time_limit", time_limit)
        clock, before = Clock(time_limit), vars(self).copy()
        self._validate_params()
        try:
            self._learn(X, y, sample_weight, clock, stop)
        except BaseException:  # what was fitted before stays
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        return self

    def _learn(self, X: Any, y: Any, sample_weight: Any, clock: Clock, stop: threading.Event | None) -> None:
        require_y(self, y)
        found = prepare(self, X, y, sample_weight)
        recipe, table, (inputs, T, weight) = found.recipe, found.table, found.learnable()
        numbers = inputs[:, : table.n_numeric_]
        encodings = NumericEncodings(recipe.encodings).fit(numbers)
        # without numbers all forms are one, which then gets the networks of all
        recipe = replace(recipe, n_seeds=recipe.n_seeds * len(recipe.encodings) // len(encodings.names))
        added = {name: encodings.columns(name, numbers) for name in encodings.names}
        rows = Rows(inputs, T, weight, added)
        members = self._train(recipe, table, found.target, rows, clock, stop)
        self.encodings_ = encodings
        self._note_held_out(members, rows, found.known, len(found.T))

    def _recipe(self, rows: int, columns: int) -> Recipe:
        sizes = self.hidden_layer_sizes
        if sizes is not None:
            sizes = (int(sizes),) if is_integer(sizes) else tuple(map(int, sizes))
        changes = {field.name: getattr(self, field.name, None) for field in fields(Recipe)}
        changes["hidden_layer_sizes"] = sizes
        if isinstance(self.preset, Recipe):
            return changed(self.preset, changes)
        return recipe_for(self.preset, self._task, rows, columns, changes)

    def _train(
        self,
        recipe: Recipe,
        table: TablePreprocessor,
        target: Target,
        rows: Rows,
        clock: Clock,
        stop: threading.Event | None,
    ) -> list[Member]:
        """Train the networks, and keep what prediction needs."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        jobs = jobs_of(recipe, [*rows.added], len(rows.X), target.strata(rows.T), seed)
        judge = judge_of(self, recipe, target)
        trainer = Trainer(recipe, table, target, rows, judge, self.engine, self.n_threads, stop)
        members = trainer.run(jobs, clock, self.verbose)
        groups = []
        for encoding in rows.added:
            own = [member for member in members if member.encoding == encoding]
            if not own:  # there was no time for any
                continue
            network = trainer.plan.model(encoding, seed)
            network.compile("adam", target.loss(recipe), engine=self.engine, n_threads=self.n_threads)
            group = Group(encoding, network, np.stack([member.weights for member in own]))
            if recipe.calibrate:
                group.temperature = calibration.temperature(target, own, rows)
            groups.append(group)
        self.preprocessor_, self.target_, self.recipe_ = table, target, recipe
        self.ensemble_ = Ensemble(target, groups)
        self._note_columns()
        return members

    def _note_columns(self) -> None:
        """What is known of the columns and of the target, under the names that scikit-learn has for it."""
        table = self.preprocessor_
        self.n_features_in_, self.ignored_columns_ = table.n_features_in_, table.ignored_columns_
        self.__dict__.pop("feature_names_in_", None)
        if hasattr(table, "feature_names_in_"):
            self.feature_names_in_ = table.feature_names_in_
        if hasattr(self.target_, "classes"):
            self.classes_ = self.target_.classes

    def _note_held_out(self, members: list[Member], rows: Rows, known: Array, total: int) -> None:
        """What the networks say of rows that they have not seen, and how good that is.

        `known` are the places of the rows that were used among all `total`.
        """
        target, groups = self.target_, self.ensemble_.groups

        def score(held: Array, predicted: Array) -> float:
            return target.score(rows.T[held], predicted, rows.weights(held))

        self.best_epochs_ = [member.best_epoch for member in members]
        self.validation_curves_ = [member.values for member in members]
        self.member_scores_ = np.array([score(m.held, target.predictions(m.out)) for m in members])
        parts = []
        for group in groups:
            own = [member for member in members if member.encoding == group.encoding]
            parts.append(mixing.mean_predictions(target, own, len(rows.X), group.temperature))
        shares, predictions = mixing.mixed(target, parts, rows)
        for group, share in zip(groups, shares.tolist(), strict=True):
            group.share = share
        seen = np.flatnonzero(~np.isnan(predictions[:, 0]))
        self.oof_score_, self.oof_spread_ = score(seen, predictions[seen]), float(self.member_scores_.std())
        self.oof_predictions_ = np.full((total, predictions.shape[1]), np.nan)
        self.oof_predictions_[known] = predictions

    # prediction

    def member_predictions(self, X: Any) -> Array:
        """What each network says: probabilities, or numbers in the unit of y.

        Parameters
        ----------
        X : table
            As in `fit`; its columns are found by their names, if they had some.

        Returns
        -------
        Array of shape (networks, n, o)
            The standard deviation over the first axis says how far they agree.
        """
        table = self._table(X)  # first: it says if there was no fit
        return self.ensemble_.member_predictions(self._seen(table))

    def _predictions(self, X: Any) -> Array:
        table = self._table(X)  # first: it says if there was no fit
        starts = range(0, max(len(table), 1), CHUNK)
        parts = [self.ensemble_.predictions(self._seen(table[k : k + CHUNK])) for k in starts]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _table(self, X: Any) -> Array:
        """The rows of a raw table as numbers."""
        check_is_fitted(self, "ensemble_")
        return self.preprocessor_.matrix(X, type(self).__name__)

    def _seen(self, table: Array) -> Callable[[str], Array]:
        """A function from the name of an encoding to rows as the networks of it see them."""
        numbers = table[:, : self.preprocessor_.n_numeric_]

        def inputs(encoding: str) -> Array:
            added = self.encodings_.columns(encoding, numbers)
            return np.hstack([table, added]) if added.shape[1] else table

        return inputs

    def member(self, number: int) -> Sequential:
        """One of the networks by itself, for `mlp.plots`, `trace` and whoever wants to look.

        Parameters
        ----------
        number : int
            From 0, in the order of `member_predictions`.

        Returns
        -------
        Sequential
            A copy; its inputs are what `member_inputs` makes of a table.
        """
        group, weights = self._place(number)
        network = copy.deepcopy(group.network)
        np.copyto(network.parameters.values, weights)
        return network

    def member_inputs(self, number: int, X: Any) -> Array:
        """The rows of a table as one of the networks sees them.

        Parameters
        ----------
        number : int
            As in `member`.
        X : table

        Returns
        -------
        Array of shape (n, i)
        """
        return self._seen(self._table(X))(self._place(number)[0].encoding)

    def _place(self, number: int) -> tuple[Group, Array]:
        check_is_fitted(self, "ensemble_")
        known = is_integer(number) and 0 <= number < len(self.ensemble_)
        require(known, "number", number, f"an integer from 0 to {len(self.ensemble_) - 1}")
        places = [(group, weights) for group in self.ensemble_.groups for weights in group.weights]
        return places[number]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all that prediction needs to one file, which `mlp.tabular.load` reads.

        Numbers are kept as safetensors, all else as JSON: nothing in the file is ever run. Parameters
        of the constructor that are objects (a scorer, a generator) are not in it.

        Parameters
        ----------
        path : path

        Raises
        ------
        sklearn.exceptions.NotFittedError, ModelFileError
            Before `fit`; if the system refuses.
        """
        check_is_fitted(self, "ensemble_")
        storing.save(self, path)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        tags.input_tags.sparse = True
        return tags


def prepare(
    estimator: BaseTabular, X: Any, y: Any, sample_weight: Any, fixed: Mapping[str, Any] | None = None
) -> Prepared:
    """Read a table and its targets, and check them; the estimator itself stays as it is.

    Parameters
    ----------
    estimator : BaseTabular
    X, y, sample_weight
        As in `fit`.
    fixed : mapping, optional
        Fields of the recipe.

    Raises
    ------
    ValueError
        If something cannot be used.
    """
    limit = changed(estimator._recipe(1, 1), fixed or {}).one_hot_limit  # which depends on no size
    table = TablePreprocessor(estimator.categorical_columns, one_hot_limit=limit)
    table.learn(X)
    table.tell_ignored(stacklevel=6)
    inputs = table.matrix(X, type(estimator).__name__)
    check_consistent_length(inputs, y)
    sample_weight = checked_weights(sample_weight, inputs)
    recipe = changed(estimator._recipe(*inputs.shape), fixed or {})
    target = estimator._new_target(y, recipe)
    T = target.fit(y, sample_weight)
    weight = estimator._weigh(target, T, sample_weight)
    known = learnable_rows(T, weight)
    target.check_rows(T[known])
    return Prepared(table, recipe, target, inputs, T, sample_weight, weight, known)
