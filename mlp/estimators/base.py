"""What the two estimators share: the way of the data through a fit, and through a prediction."""

import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from mlp import losses, optimizers
from mlp.arrays import Array, fill, is_finite
from mlp.estimators import network
from mlp.estimators.constraints import advised
from mlp.estimators.exact_engine import ExactEngine, functions, outputs
from mlp.estimators.fitting import are_given, release, undone_on_error
from mlp.estimators.judging import judge, split
from mlp.estimators.layer_engine import LayerEngine, LibraryLoss
from mlp.estimators.listeners import Listeners
from mlp.estimators.loop import Descent
from mlp.estimators.plain import as_plain
from mlp.estimators.rows import Batch, Rows, in_dense_chunks
from mlp.estimators.rules import library_rule, rule_of
from mlp.estimators.solvers import Minimisation, minimise
from mlp.layers import Dense, stack
from mlp.losses import Loss
from mlp.models import Sequential


class BaseMultilayerPerceptron(CallbackSupportMixin, BaseEstimator):
    """Base of `MLPClassifier` and `MLPRegressor`.

    A fit checks the data, makes the network (`model_`) and an engine for it, and runs the loop
    of scikit-learn or a solver. The estimator itself keeps the books.
    """

    model_: Sequential
    out_activation_: Any
    n_outputs_: int
    n_iter_: int
    t_: int
    loss_: float
    loss_curve_: list[float]
    best_loss_: float | None
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float] | None
    best_validation_score_: float | None
    _best_weights: Array | None
    _exact: tuple[str, ...] | None
    _optimizer: Any
    _random_state: np.random.RandomState

    # what a task says

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Array]:
        """Checked inputs and targets."""
        raise NotImplementedError

    def _validate_held_out(self, y: Any, dtype: Any) -> Array:
        """Checked targets of the user's own validation set, whose X is of that type, as `_targets`."""
        raise NotImplementedError

    def _targets(self, y: Array) -> Array:
        """Targets as the losses of `arithmetic` want them: (n, k), or (n,) for the numbers of classes."""
        raise NotImplementedError

    def _library_targets(self, T: Array, loss: Loss) -> Array:
        """The same as a loss of the library wants them, before `Loss.encode`."""
        raise NotImplementedError

    def _loss(self) -> Any:
        """The loss in scikit-learn's arithmetic, or one of the library."""
        raise NotImplementedError

    def _score_of(self, out: Array, T: Array, weight: Array | None) -> float:
        """The accuracy, or R², of outputs."""
        raise NotImplementedError

    def _out_activation(self) -> str:
        """The activation of the outputs that a loss of the library is for."""
        raise NotImplementedError

    def _library_loss(self) -> str:
        """The loss of the library that is the estimator's own but for a factor."""
        raise NotImplementedError

    def _factor_of_library_loss(self) -> float:
        """How many times the estimator's own loss that one is."""
        raise NotImplementedError

    def _metrics(self) -> list[str]:
        """What `model_` is compiled to report."""
        raise NotImplementedError

    def _stratifies(self) -> bool:
        """Whether a split keeps the proportions of the targets."""
        raise NotImplementedError

    def _labels_of(self, T: Array) -> Array:
        """Targets in the user's own form."""
        raise NotImplementedError

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
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        heard = {
            "X": X,
            "y": y,
            "metadata": None if sample_weight is None else {"sample_weight": sample_weight},
        }
        epochs = 1 if incremental else self.max_iter
        with undone_on_error(self):
            data, given = self._prepare(X, y, sample_weight, validation, incremental)
            context = self._init_callback_context(max_subtasks=epochs)
            context.call_on_fit_task_begin(estimator=self, **heard)
            listeners = Listeners(self, context, heard, epochs)
            try:
                self._train(data, given, incremental, listeners)
            except KeyboardInterrupt:
                warnings.warn("Training interrupted by user.", stacklevel=4)
                listeners.end()
            except BaseException:
                listeners.fail()
                raise
            finally:
                release(self.model_)
            if self.early_stopping and self._best_weights is not None:
                np.copyto(self.model_.parameters.values, self._best_weights)
                self._best_weights = None
            if not is_finite(self.model_.parameters.values):
                raise ValueError(
                    "Solver produced non-finite parameter weights. The input data may contain large values "
                    "and need to be preprocessed."
                )
            context.call_on_fit_task_end(estimator=self, **heard, **listeners.fitted())
        return self

    def _prepare(
        self, X: Any, y: Any, sample_weight: Any, validation: tuple[Any, Any, Any], incremental: bool
    ) -> tuple[Batch, Rows | None]:
        """Check all data, and make the network if there is none to go on with.

        Returns
        -------
        X, T, weight : tuple
            To train with; split or not.
        given : Rows or None
            The user's own validation set.
        """
        network.hidden_sizes(self)
        first = not hasattr(self, "model_") or (not self.warm_start and not incremental)
        X, y = self._validate_input(X, y, incremental, reset=first)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        weight, T = self._weigh(y, sample_weight, incremental), self._targets(y)
        given = self._validation_rows(*validation)
        if not first:
            network.require_same(self)
        self._random_state = check_random_state(self.random_state)
        if first:
            self._initialize(X)
        X = X.astype(self.model_.dtype, copy=False)
        if T.dtype.kind == "f":
            T = T.astype(self.model_.dtype, copy=False)
        return (X, T, weight), given

    def _initialize(self, X: Any) -> None:
        """Make the network, and begin the books."""
        loss, units, out = self._loss(), self.n_outputs_, self.out_activation
        if isinstance(loss, Loss):
            units *= loss.per_target
        if out is None:
            out = self._out_activation() if isinstance(loss, Loss) else loss.activation
        self.out_activation_ = out
        # scikit-learn's L-BFGS makes float64 weights, whatever X has
        dtype = np.float64 if self.solver == "lbfgs" else X.dtype
        self._layout = network.layout(self)
        self.model_ = network.build(self, X.shape[1], units, out, dtype)
        if dtype != X.dtype:  # but draws the first ones in the type of X
            weights = self.model_.parameters.values
            np.copyto(weights, weights.astype(X.dtype))
        self.n_layers_ = len(network.hidden_sizes(self)) + 2
        self.n_iter_ = self.t_ = 0
        self.loss_curve_ = []
        self.validation_loss_curve_ = self.validation_scores_ = self.best_validation_score_ = None
        self._no_improvement_count, self.best_loss_ = 0, np.inf
        self._best_weights = None
        self.__dict__.pop("_optimizer", None)
        self._set_exact_functions(loss)
        library = loss if isinstance(loss, Loss) else self._library_loss()
        self.model_.compile(library_rule(self), library, metrics=self._metrics())

    def _set_exact_functions(self, loss: Any) -> None:
        """Keep the names of the activations if all is scikit-learn's, so that its arithmetic can run."""
        names = network.exact_names(self, self.n_layers_ - 2)
        plain = not isinstance(loss, Loss) and self.out_activation_ == loss.activation
        plain = plain and len(self.model_.layers) == self.n_layers_ - 1
        self._exact = (*names, loss.activation) if plain and names is not None else None

    def _engine(self) -> ExactEngine | LayerEngine:
        """What makes loss and gradient: in scikit-learn's arithmetic if it can do all that is asked for."""
        loss, model = self._loss(), self.model_
        own = not isinstance(loss, Loss) and self.out_activation_ == loss.activation
        if own and self._exact is not None and not self.l1:
            return ExactEngine(self._dense(), model.parameters, self._exact, loss, self.alpha)
        if not own:
            model.loss = loss if isinstance(loss, Loss) else losses.get(self._library_loss())
            model.let_go()
            stack.pair(model.loss, model.layers, np.dtype(model.dtype))
            last, factor = model.layers[-1], self._factor_of_library_loss()
            loss = LibraryLoss(model.loss, last, self._library_targets, factor)
        return LayerEngine(model, loss, self.alpha, self.l1)

    def _train(self, data: Batch, given: Rows | None, incremental: bool, listeners: Listeners) -> None:
        """Run the loop, or the solver."""
        goes_on = incremental and self.solver != "lbfgs" and hasattr(self, "_optimizer")
        rule: Any = self._optimizer if goes_on else rule_of(self)
        engine = self._engine()
        if rule is None or (not goes_on and isinstance(rule, optimizers.Solver)):
            self._minimise(engine, rule, Rows(*data), given, listeners)
            return
        self._optimizer = rule
        if not rule.built or rule.parameters is not self.model_.parameters:
            rule.build(self.model_.parameters)
        rows, held_out = self._hold_out(data, given)
        self._begin_curves(held_out)
        self._begin_books()
        judged = None if held_out is None else judge(self, engine, held_out)
        run = Descent(self, engine, self._optimizer, rows, judged, listeners)
        over = run.run(1 if incremental else self.max_iter)
        listeners.end()
        if not over and not incremental:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization "
                "hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=5,
            )

    def _hold_out(self, data: Batch, given: Rows | None) -> tuple[Rows, Rows | None]:
        """The rows to train with and those held out: the user's own, or a split for early stopping."""
        if given is not None or not self.early_stopping:
            return Rows(*data), given
        # neither several columns nor several classes, which scikit-learn has as columns, are stratified
        return split(self, *data, data[1] if self._stratifies() else None)

    def _minimise(self, engine: Any, solver: Any, rows: Rows, given: Rows | None, listeners: Any) -> None:
        """Run a solver over all rows; those held out are only watched, as it decides itself when to end."""
        self._begin_curves(given)
        judged = None if given is None else judge(self, engine, given)
        if solver is None:
            Minimisation(self, engine, rows, judged, listeners).run()
        else:
            minimise(self, solver, rows, judged, listeners)
        listeners.end()

    def _begin_curves(self, held_out: Rows | None) -> None:
        if held_out is not None and self.validation_scores_ is None:
            self.validation_scores_, self.validation_loss_curve_ = [], []

    def _begin_books(self) -> None:
        if self.early_stopping:
            self.best_loss_ = None
            if self.best_validation_score_ is None:
                self.best_validation_score_ = -np.inf
                self._best_weights = self.model_.parameters.values.copy()
        elif self.best_loss_ is None:
            self.best_loss_ = np.inf

    def _weigh(self, y: Array, sample_weight: Array | None, incremental: bool) -> Array | None:
        """The weights of the rows."""
        return sample_weight

    def _validation_rows(self, X: Any, y: Any, sample_weight: Any) -> Rows | None:
        """The user's own validation set, checked."""
        if not are_given(X, y, sample_weight):
            return None
        X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False)
        T = self._validate_held_out(y, X.dtype)
        check_consistent_length(X, T)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        return Rows(X, T, sample_weight)

    # weights

    def _dense(self) -> list[Dense]:
        return [layer for layer in self.model_.layers if isinstance(layer, Dense)]

    def _weights(self, name: str, attribute: str) -> list[Array]:
        if "model_" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {attribute!r} before fit")
        return network.WeightViews((getattr(layer, name) for layer in self._dense()), attribute)

    @property
    def coefs_(self) -> list[Array]:
        """Each layer's W, shape (i, o): views of the weights of `model_`, which may be written to."""
        return self._weights("W", "coefs_")

    @coefs_.setter
    def coefs_(self, values: Sequence[Any]) -> None:
        fill(self.coefs_, values, "coefs_")

    @property
    def intercepts_(self) -> list[Array]:
        """Each layer's b, shape (o,): views of the weights of `model_`, which may be written to."""
        return self._weights("b", "intercepts_")

    @intercepts_.setter
    def intercepts_(self, values: Sequence[Any]) -> None:
        fill(self.intercepts_, values, "intercepts_")

    # prediction

    def _check_X(self, X: Any) -> Any:
        """Inputs that a prediction can be made for."""
        if "model_" not in vars(self):
            check_is_fitted(self)
        plain = as_plain(X, self.n_features_in_, getattr(self, "feature_names_in_", None))
        return validate_data(self, X, accept_sparse=["csr", "csc"], reset=False) if plain is None else plain

    def _outputs(self, X: Any) -> Array:
        """The outputs of the network for checked inputs, shape (n, k)."""
        if self._exact is not None:
            return outputs(self._dense(), functions(self._exact), X)
        if hasattr(X, "tocsr"):
            return np.concatenate([self.model_.predict(rows) for rows in in_dense_chunks(X)])
        return self.model_.predict(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
