"""`SequentialClassifier`: a user's own network as a classifier of scikit-learn."""

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    check_classification_targets,
    type_of_target,
)
from sklearn.utils.validation import check_array, validate_data

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.estimators import answers
from mlp.estimators.fitting import store
from mlp.estimators.wrapped import CONSTRAINTS, BaseSequentialEstimator
from mlp.losses import Loss
from mlp.models import Sequential


class SequentialClassifier(ClassifierMixin, BaseSequentialEstimator):
    """A network of your own as a classifier: any `Sequential`, for all that scikit-learn does with them.

    Parameters
    ----------
    model : Sequential or callable
        The architecture; built or not, compiled or not. It is never changed: each fit takes a
        fresh copy, with weights drawn anew. Or a function that returns a `Sequential`. It is told,
        where it has arguments so named, `n_features`, `n_classes`, `n_outputs` (1 for two classes,
        else one for each class or label) and `out_activation` ("softmax" if there are more than two
        classes, else "sigmoid"); other arguments come from `model_arguments`. For `pickle` it has to
        be one that a module defines.
    model_arguments : dict, optional
        Arguments for that function. Each is also a parameter, ``model__width``, that
        `set_params` and a search can set.
    optimizer : str, Optimizer or type, default "auto"
        "auto" is that of the compiled model, or Adam. Its settings are parameters too:
        ``optimizer__learning_rate``.
    loss : str, Loss, type or function, default "auto"
        "auto" is that of the compiled model; otherwise the cross-entropy that goes with the last
        activation. One-hot targets, class numbers, or a column of 0 and 1: the loss gets what it wants.
    metrics : list, optional
        As in `Model.compile`. None is those of the compiled model.
    epochs : int, default 1
        Passes over the data of a fit; at most, with `patience`.
    batch_size : int, "full" or None, default None
        None is 32, or all rows for a solver such as "lbfgs".
    validation_fraction : float in [0, 1), default 0.0
        Share of the rows that is held out, drawn from `random_state` and with the classes in the
        same proportions. `X_val` and `y_val` in `fit` take its place.
    patience : int, optional
        End a fit after so many epochs without a new minimum of the loss on held-out rows (or of
        the training loss, if there are none), and go back to the weights of the best. None is never.
    class_weight : dict, "balanced" or None, default None
        Weights by class. A dict has your labels.
    callbacks : list of Callback, optional
        Of `mlp.callbacks`. Those of `sklearn.callback` are given to `set_callbacks`.
    shuffle : bool, default True
        A new order of the rows each epoch.
    keep_weights : bool, default False
        Begin each fit with the weights that the model has, such as those of an earlier training.
    dtype : {"float32", "float64"}, optional
        None is that of the model.
    random_state : int, RandomState or None, default None
        An integer is the seed of the copy, so that the numbers are those of ``model.fit`` for a
        model with this `seed`. None is the model's own.
    warm_start : bool, default False
        `fit` goes on with the network that there is.
    verbose : int or "auto", default 0
        As in `Model.fit`.

    Attributes
    ----------
    model_ : Sequential
        The trained copy.
    history_ : dict of str to list
        Loss and metrics of every epoch, of all fits since the weights were drawn.
    loss_curve_, validation_loss_curve_ : list of float
        Of them the losses; the second is None without held-out rows.
    n_iter_ : int
        Epochs made.
    classes_ : Array of shape (n_classes,)
    n_outputs_ : int
        Units of the last layer.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Raises
    ------
    ArgumentError
        By `fit`, if the function returns something else or lacks an argument, or if the outputs
        of the model do not fit the classes.

    Notes
    -----
    Weights of samples are divided by their mean, so that their unit does not change the step.
    A sparse X is made dense for training, and in pieces for predictions. A model that takes rows
    of another rank, such as (28, 28), gets those of X in its shape.

    Examples
    --------
    >>> import mlp
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> def make(n_outputs, out_activation, width=8):
    ...     return mlp.Sequential([
    ...         mlp.layers.Dense(width, activation="tanh"),
    ...         mlp.layers.Dense(n_outputs, activation=out_activation),
    ...     ])
    >>> X, y = load_iris(return_X_y=True)
    >>> estimator = SequentialClassifier(make, optimizer="adam", epochs=30, random_state=0)
    >>> grid = {"model__width": [2, 8], "optimizer__learning_rate": [0.001, 0.03]}
    >>> search = GridSearchCV(estimator, grid, cv=3).fit(X, y)
    >>> search.best_score_ > 0.9
    np.True_
    >>> search.best_estimator_.model_.layers[0].units == search.best_params_["model__width"]
    True
    """

    _parameter_constraints = CONSTRAINTS | {"class_weight": [dict, list, StrOptions({"balanced"}), None]}
    classes_: Array

    def __init__(
        self,
        model: Any,
        *,
        model_arguments: Any = None,
        optimizer: Any = "auto",
        loss: Any = "auto",
        metrics: Any = None,
        epochs: Any = 1,
        batch_size: Any = None,
        validation_fraction: Any = 0.0,
        patience: Any = None,
        class_weight: Any = None,
        callbacks: Any = None,
        shuffle: Any = True,
        keep_weights: Any = False,
        dtype: Any = None,
        random_state: Any = None,
        warm_start: Any = False,
        verbose: Any = 0,
    ) -> None:
        store(self, locals())

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train a fresh copy of the model, or with `warm_start` the one that there is.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n, i)
        y : array-like of shape (n,) or (n, labels)
            Classes of any type; or 0 and 1 for each of several labels.
        sample_weight : array-like of shape (n,), optional
        X_val, y_val, sample_weight_val : optional
            A validation set of your own.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Go on for one epoch with these rows, without holding any of them out.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array-like of shape (n_classes,), optional
            All classes there are; needed at the first call.

        Returns
        -------
        self
        """
        if _check_partial_fit_first_call(self, classes):
            self._multilabel = type_of_target(y).startswith("multilabel")
        return self._fit(X, y, sample_weight, incremental=True)

    # targets

    def _validate_input(self, X: Any, y: Any, reset: bool, first: bool) -> tuple[Any, Array]:
        X, y = validate_data(
            self, X, y, accept_sparse=["csr"], multi_output=True, dtype=(np.float64, np.float32), reset=reset
        )
        y = self._as_classes(y)
        if first:
            self._multilabel = y.ndim == 2
            self.classes_ = np.arange(y.shape[1]) if self._multilabel else np.unique(y)
        self._require_known(y, "y")
        if len(self.classes_) < 2 and not self._multilabel:
            raise ArgumentError(
                f"y has 1 class, {self.classes_.item()!r}; it takes two or more to learn from"
            )
        return X, y

    def _validate_held_out(self, y: Any) -> Array:
        y = check_array(y, accept_sparse="csr", ensure_2d=False, dtype=None, input_name="y_val")
        y = self._as_classes(y)
        self._require_known(y, "y_val")
        return y

    def _as_classes(self, y: Any) -> Array:
        """Labels, shape (n,), or 0 and 1 for each of several labels, shape (n, labels)."""
        dense: Array = y.toarray() if hasattr(y, "toarray") else y
        dense = column_or_1d(dense, warn=True) if dense.ndim == 2 and dense.shape[1] == 1 else dense
        check_classification_targets(dense)
        if dense.ndim == 2 and not type_of_target(dense).startswith("multilabel"):
            raise ArgumentError(
                f"y has {dense.shape[1]} columns that are not all of 0 and 1: give several labels a row as "
                "0 and 1, and several questions of classes each to an estimator of its own"
            )
        return dense

    def _require_known(self, y: Array, name: str) -> None:
        """Raise an `ArgumentError` if there are other classes than those of the first fit."""
        if self._multilabel or y.ndim == 2:
            labels = len(self.classes_)
            if not self._multilabel or y.ndim != 2 or y.shape[1] != labels:
                told = f"{labels} labels a row" if self._multilabel else "one class a row"
                raise ArgumentError(f"{name} has shape {y.shape}, but there is {told}, as in the first fit")
        elif len(unknown := np.setdiff1d(y, self.classes_)):
            raise ArgumentError(f"{name} has classes that are not among {self.classes_}: {unknown}")

    def _told(self) -> dict[str, Any]:
        classes = len(self.classes_)
        return {
            "n_classes": classes,
            "n_outputs": classes if self._multilabel or classes > 2 else 1,
            "out_activation": "softmax" if classes > 2 and not self._multilabel else "sigmoid",
        }

    def _loss_for(self, model: Sequential) -> Loss:
        last = model.layers[-1]
        return answers.loss_for(last.activation, last.output_shape[-1], self._multilabel)

    def _check_outputs(self, model: Sequential, columns: int) -> None:
        classes = len(self.classes_)
        if columns == classes or (columns == 1 and classes == 2 and not self._multilabel):
            return
        units, what = model.layers[-1].output_shape[0], "labels" if self._multilabel else "classes"
        if self._multilabel or classes > 2:
            last = f"Dense({classes}, activation='{'sigmoid' if self._multilabel else 'softmax'}')"
        else:
            last = "Dense(1, activation='sigmoid') or Dense(2, activation='softmax')"
        raise ArgumentError(
            f"the model has {units} output{'s' * (units != 1)}, but y has {classes} {what}: end it with "
            f"{last}. A function that makes the model is told these, as n_outputs and out_activation."
        )

    def _targets(self, y: Array) -> Array:
        model = self.model_
        if self._multilabel:
            return y.astype(model.dtype)
        numbers = np.searchsorted(self.classes_, y)
        if answers.takes_labels(model.loss, self.n_outputs_):
            return numbers
        return np.eye(model.loss.columns(self.n_outputs_), dtype=model.dtype)[numbers]

    def _weigh(self, y: Array, sample_weight: Array | None, incremental: bool) -> Array | None:
        return answers.weigh(self.class_weight, y, sample_weight, incremental)

    def _labels(self, y: Array) -> Array | None:
        return None if self._multilabel else y

    # prediction

    def predict(self, X: Any) -> Array:
        """The classes.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n, i)

        Returns
        -------
        Array of shape (n,), or (n, labels) of 0 and 1
        """
        out = self._outputs(X)
        if self._multilabel:
            return (out > self._threshold()).astype(np.intp)
        return self.classes_.take(out[:, 0] > self._threshold() if out.shape[1] == 1 else out.argmax(axis=1))

    def _threshold(self) -> float:
        return answers.threshold(self.model_.loss, self.model_.layers[-1].activation)

    @available_if(answers.require_probabilities)
    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, or of each label.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n, i)

        Returns
        -------
        Array of shape (n, n_classes)
            Outputs that are a probability each, as those of several sigmoids, are divided by their
            sum where one class is right.
        """
        out, model = self._outputs(X), self.model_
        return answers.probabilities(model.loss, model.layers[-1].activation, out, self._multilabel)

    @available_if(answers.require_probabilities)
    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`, shape (n, n_classes)."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    @available_if(lambda self: not answers.makes_probabilities(self))
    def decision_function(self, X: Any) -> Array:
        """How much speaks for the second of two classes, shape (n,), or for each, (n, n_classes)."""
        out = self._outputs(X)
        if out.shape[1] == 1 and not self._multilabel:
            return out[:, 0] - self._threshold()
        return out[:, 1] - out[:, 0] if len(self.classes_) == 2 and not self._multilabel else out

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
