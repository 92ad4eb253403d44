"""What `SequentialClassifier` and `SequentialRegressor` share: a user's own network as an estimator.

`MLPClassifier` and `MLPRegressor` make a network from numbers, and train it by scikit-learn's
loop. Here the network is the user's, and `Model.fit` trains it: with the same seed and data,
the numbers are those of ``model.fit``.
"""

import warnings
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import InvalidParameterError, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from mlp.arrays import Array
from mlp.callbacks import Callback
from mlp.errors import ArgumentError
from mlp.estimators import architecture
from mlp.estimators.constraints import POSITIVE_INTEGER, SHARE, Names, advised
from mlp.estimators.fitting import are_given, release, undone_on_error
from mlp.estimators.listeners import as_fitted
from mlp.estimators.rows import in_dense_chunks
from mlp.estimators.watching import KeepBest, Tasks
from mlp.losses import Loss
from mlp.models import Sequential
from mlp.naming import is_integer
from mlp.optimizers import Optimizer

Rows = tuple[Any, Array, Array | None]  # X (n, i), y as the user gave it, weights (n,)

CONSTRAINTS: dict[str, list[Any]] = {
    "optimizer": [Names("optimizer", "auto"), Optimizer, type],
    "loss": [Names("loss", "auto"), Loss, type, callable],
    "metrics": [list, tuple, None],
    "epochs": [POSITIVE_INTEGER],
    "batch_size": [POSITIVE_INTEGER, StrOptions({"full"}), None],
    "validation_fraction": [SHARE],
    "patience": [POSITIVE_INTEGER, None],
    "callbacks": [list, tuple, Callback, None],
    "shuffle": ["boolean"],
    "keep_weights": ["boolean"],
    "dtype": [StrOptions({"float32", "float64"}), None],
    "random_state": ["random_state"],
    "warm_start": ["boolean"],
    "verbose": ["boolean", Options(Integral, {0, 1, 2}), StrOptions({"auto"})],
}


class BaseSequentialEstimator(CallbackSupportMixin, BaseEstimator):
    """Base of `SequentialClassifier` and `SequentialRegressor`.

    A fit checks the data, takes a fresh copy of the network (`model_`), compiles it if need be,
    and hands it all to `Model.fit`.
    """

    model_: Sequential
    n_iter_: int
    loss_curve_: list[float]
    validation_loss_curve_: list[float] | None
    model_arguments: Any
    optimizer: Any

    # what a task says

    def _validate_input(self, X: Any, y: Any, reset: bool, first: bool) -> tuple[Any, Array]:
        """Checked inputs and targets; with `first` what is to be known of the targets is learned."""
        raise NotImplementedError

    def _validate_held_out(self, y: Any) -> Array:
        """Checked targets of the user's own validation set."""
        raise NotImplementedError

    def _told(self) -> dict[str, Any]:
        """What a function that makes the model is told of the targets."""
        raise NotImplementedError

    def _loss_for(self, model: Sequential) -> Any:
        """The loss that suits the model's outputs."""
        raise NotImplementedError

    def _check_outputs(self, model: Sequential, columns: int) -> None:
        """Raise an `ArgumentError` if a model for that many columns of targets does not suit them."""
        raise NotImplementedError

    def _targets(self, y: Array) -> Array:
        """Targets as the model's loss wants them."""
        raise NotImplementedError

    def _weigh(self, y: Array, sample_weight: Array | None, incremental: bool) -> Array | None:
        """The weights of the rows that are trained with."""
        return sample_weight

    def _labels(self, y: Array) -> Array | None:
        """What a split keeps the proportions of."""
        return None

    # parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name.

        Parameters
        ----------
        deep : bool, default True
            Also the arguments of the function that makes the model, as ``model__width``, and the
            settings of the optimizer, as ``optimizer__learning_rate``.

        Returns
        -------
        dict
        """
        params: dict[str, Any] = super().get_params(deep=False)
        if deep:
            nested = {"model": architecture.settings(self.model, self.model_arguments)}
            if (rule := architecture.known_rule(self.optimizer, self.model)) is not None:
                nested["optimizer"] = architecture.rule_settings(rule)
            for owner, values in nested.items():
                params |= {f"{owner}__{name}": value for name, value in values.items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters; also ``model__width`` and ``optimizer__learning_rate``.

        The first becomes an entry of `model_arguments`; for the second `optimizer` becomes
        another object, with that setting changed.

        Raises
        ------
        ArgumentError
            If the function has no such argument or the optimizer no such setting.
        """
        nested: dict[str, dict[str, Any]] = {"model": {}, "optimizer": {}}
        plain = {}
        for name, value in params.items():
            owner, parted, own = name.partition("__")
            if parted and owner in nested:
                nested[owner][own] = value
            else:
                plain[name] = value
        with undone_on_error(self):
            super().set_params(**plain)
            if nested["model"]:
                architecture.require_known(self.model, nested["model"])
                self.model_arguments = {**(self.model_arguments or {}), **nested["model"]}
            if nested["optimizer"]:
                rule = architecture.known_rule(self.optimizer, self.model)
                if rule is None:
                    raise ArgumentError(
                        f"optimizer__{next(iter(nested['optimizer']))} is a setting of no known optimizer: "
                        f"optimizer={self.optimizer!r}. Set it to a name or an object too, such as 'adam'."
                    )
                self.optimizer = architecture.changed(rule, nested["optimizer"])
        return self

    # fit

    def _validate_params(self) -> None:
        try:
            super()._validate_params()
        except InvalidParameterError as error:
            raise advised(self, error) from None

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        validation: tuple[Any, Any, Any] = (None, None, None),
        incremental: bool = False,
    ) -> Self:
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        heard = {"X": X, "y": y, "metadata": metadata}
        epochs = 1 if incremental else self.epochs
        with undone_on_error(self):
            rows, held_out = self._prepare(X, y, sample_weight, validation, incremental)
            context = self._init_callback_context(max_subtasks=epochs)
            context.call_on_fit_task_begin(estimator=self, **heard)
            tasks = Tasks(self, context, heard) if getattr(self, "_skl_callbacks", None) else None
            self._train(rows, held_out, epochs, tasks, incremental)
            context.call_on_fit_task_end(estimator=self, **heard, **as_fitted(self, "model_"))
        return self

    def _prepare(
        self, X: Any, y: Any, sample_weight: Any, validation: tuple[Any, Any, Any], incremental: bool
    ) -> tuple[Rows, Rows | None]:
        """Check all data, and make the network if there is none to go on with: rows, and those held out."""
        architecture.check(self.model, self.model_arguments)
        first = not hasattr(self, "model_") or not (self.warm_start or incremental)
        X, y = self._validate_input(X, y, first, first and not incremental)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        held_out = self._held_out(*validation)
        if first:
            self._begin(X.shape[1])
        rows = X, y, sample_weight
        if held_out is None and self.validation_fraction and not incremental:
            rows, held_out = self._split(*rows)
        return rows, held_out

    def _begin(self, n_features: int) -> None:
        """Make the network, and begin the books."""
        told = {"n_features": n_features, **self._told()}
        given = architecture.make(self.model, self.model_arguments, told)
        model = architecture.renewed(given, self._seed(), self.dtype)
        architecture.build(model, n_features)
        if self.keep_weights:
            if not given.built:
                raise ArgumentError("keep_weights=True needs a model that is built: it has no weights yet")
            model.set_weights(given.get_weights())
        self._compile(model)
        units = model.layers[-1].output_shape[0]
        self._check_outputs(model, model.loss.columns(units))
        self.model_, self.n_outputs_ = model, units
        self.history_: dict[str, list[Any]] = {}
        self.n_iter_, self.loss_curve_, self.validation_loss_curve_ = 0, [], None

    def _seed(self) -> int | None:
        state = self.random_state
        if state is None or is_integer(state):
            return None if state is None else int(state)
        return int(check_random_state(state).randint(2**31 - 1))

    def _compile(self, model: Sequential) -> None:
        """Compile a copy of the user's model: what the parameters leave open is as it was in that."""
        own = model.compiled
        rule = architecture.known_rule(self.optimizer, model)
        auto = isinstance(self.loss, str) and self.loss == "auto"
        loss = self.loss if not auto else model.loss if own else self._loss_for(model)
        metrics = model.metrics if self.metrics is None and own else self.metrics
        model.compile(rule, loss, metrics=metrics, weighted_metrics=model.weighted_metrics if own else None)

    def _train(
        self, rows: Rows, held_out: Rows | None, epochs: int, tasks: Tasks | None, incremental: bool
    ) -> None:
        """Run `Model.fit`, and keep the books."""
        model, (X, y, weight), former = self.model_, rows, self.model_.history
        callbacks = self.callbacks or ()
        hearing: list[Callback] = [] if tasks is None else [tasks]
        hearing += [callbacks] if isinstance(callbacks, Callback) else callbacks
        best = None
        if self.patience is not None and not incremental:
            best = KeepBest("loss" if held_out is None else "val_loss", self.patience)
            hearing.append(best)
        try:
            model.fit(
                self._as_inputs(X),
                self._targets(y),
                sample_weight=even(self._weigh(y, weight, incremental)),
                validation_data=held_out and (
                    self._as_inputs(held_out[0]), self._targets(held_out[1]), even(held_out[2])
                ),
                initial_epoch=self.n_iter_,
                epochs=self.n_iter_ + epochs,
                batch_size=self.batch_size,
                shuffle=self.shuffle,
                verbose=self.verbose,
                callbacks=hearing,
            )  # fmt: skip
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=5)
            if tasks is not None:
                tasks.close()
        finally:
            release(model)
            if best is not None:
                best.restore()
            if model.history is not None and model.history is not former:
                self._note(model.history.history)

    def _note(self, history: dict[str, list[Any]]) -> None:
        """Add the record of a training to those before it."""
        for name, values in history.items():
            self.history_.setdefault(name, []).extend(values)
        self.loss_curve_ = self.history_.get("loss", [])
        self.validation_loss_curve_ = self.history_.get("val_loss")
        self.n_iter_ = len(self.loss_curve_)

    def _held_out(self, X: Any, y: Any, sample_weight: Any) -> Rows | None:
        """The user's own validation set, checked."""
        if not are_given(X, y, sample_weight):
            return None
        X, y = self._check_X(X), self._validate_held_out(y)
        if X.shape[0] != len(y):
            raise ArgumentError(f"X_val has {X.shape[0]} rows and y_val has {len(y)}; they must be the same")
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        return X, y, sample_weight

    def _split(self, X: Any, y: Array, weight: Array | None) -> tuple[Rows, Rows]:
        """Hold `validation_fraction` of the rows out."""
        state = self.random_state
        if state is None and self.model_.seed is not None:
            state = self.model_.seed % 2**32
        train, held_out = train_test_split(
            np.arange(X.shape[0]),
            test_size=self.validation_fraction,
            random_state=state,
            stratify=self._labels(y),
        )
        weights = [None if weight is None else weight[part] for part in (train, held_out)]
        return (X[train], y[train], weights[0]), (X[held_out], y[held_out], weights[1])

    # prediction

    def _check_X(self, X: Any) -> Any:
        return validate_data(
            self, X, accept_sparse=["csr"], dtype=(np.float64, np.float32), reset=False
        )  # fmt: skip

    def _as_inputs(self, X: Any) -> Array:
        """Checked rows in the shape that the model takes, as a dense array."""
        dense = X.toarray() if hasattr(X, "toarray") else X
        return dense.reshape(len(dense), *(self.model_.input_shape or ()))

    def _outputs(self, X: Any) -> Array:
        """The outputs of the model that predict the targets, shape (n, k)."""
        check_is_fitted(self, "model_")
        X, model = self._check_X(X), self.model_
        chunks = in_dense_chunks(X) if hasattr(X, "tocsr") else [X]
        out = [model.predict(self._as_inputs(rows)) for rows in chunks]
        return model.loss.prediction(out[0] if len(out) == 1 else np.concatenate(out))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def even(weight: Array | None) -> Array | None:
    """Weights divided by their mean, so that their unit does not change the size of a step.

    Raises
    ------
    ArgumentError
        If all are zero.
    """
    if weight is None:
        return None
    mean = weight.mean()
    if not mean > 0:
        raise ArgumentError("sample_weight must not be zero for every row: nothing would be learned")
    return weight / mean
