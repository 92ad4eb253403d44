"""`MLPClassifier`: scikit-learn's, and what it lacks."""

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels
from sklearn.utils.validation import check_array, validate_data

from mlp.arrays import Array
from mlp.estimators import answers
from mlp.estimators.arithmetic import BinaryLogLoss, LogLoss
from mlp.estimators.base import BaseMultilayerPerceptron
from mlp.estimators.constraints import CLASSIFIER
from mlp.estimators.fitting import store
from mlp.estimators.plain import are_plain_labels, as_plain
from mlp.estimators.rules import steps_by_batches
from mlp.losses import Loss


class MLPClassifier(ClassifierMixin, BaseMultilayerPerceptron):
    """A multilayer perceptron that classifies: scikit-learn's `MLPClassifier`, number for number, and more.

    It minimises the mean cross-entropy plus ½ α Σ W² / n by the delta rule. The outputs are softmax,
    or logistic with two classes or several labels for a row.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default (100,)
        Units of each hidden layer; () for none.
    activation : str, Activation or callable, or a list of those, default "relu"
        Of the hidden units: "identity", "logistic", "tanh", "relu". Beyond scikit-learn: any of
        `mlp.activations`, and a list with one for each hidden layer.
    solver : {"adam", "sgd", "lbfgs"}, str or Optimizer, default "adam"
        "lbfgs" takes all rows at once. Beyond scikit-learn: any of `mlp.optimizers`; an object is
        copied, and keeps its own learning rate.
    alpha : float, default 0.0001
        α, strength of the L2 penalty on W, divided by the rows of a batch; see `alpha_scaling`.
    batch_size : int or "auto", default "auto"
        Rows of a batch, at most n; "auto" is 200. No matter to "lbfgs".
    learning_rate : {"constant", "invscaling", "adaptive"} or callable, default "constant"
        "invscaling": η / (t + 1)^power_t, t the rows seen. "adaptive": a fifth whenever training stalls.
        Neither acts on "adam". Beyond scikit-learn: a schedule of `mlp.optimizers.schedules` or a
        function of the number of steps, in the place of `learning_rate_init`.
    learning_rate_init : float, default 0.001
        η, the first step size.
    power_t : float, default 0.5
        Exponent of "invscaling".
    max_iter : int, default 200
        The most epochs (passes over the data, not steps), or iterations of "lbfgs".
    shuffle : bool, default True
        New order of the rows each epoch.
    random_state : int, RandomState or None, default None
        Source of first weights, shuffles, the split of `early_stopping` and dropout.
    tol : float, default 1e-4
        What an epoch must gain to count as progress; of "lbfgs", the largest slope at a minimum.
    verbose : bool, default False
        Print the loss of each epoch.
    warm_start : bool, default False
        `fit` goes on from the weights of the fit before.
    momentum : float in [0, 1], default 0.9
    nesterovs_momentum : bool, default True
        Both of "sgd".
    early_stopping : bool, default False
        Judge each epoch by held-out rows, stop when the score stalls, and restore the weights of the
        best epoch. Not for solvers that take all rows at once.
    validation_fraction : float in [0, 1), default 0.1
        Share of the rows that `early_stopping` holds out if `fit` gets no `X_val`.
    beta_1, beta_2 : float in [0, 1), default 0.9 and 0.999
    epsilon : float, default 1e-8
        Of "adam": decay of the two means, and what is added to the divisor.
    n_iter_no_change : int or inf, default 10
        More than so many epochs in a row without progress end the fit.
    max_fun : int, default 15000
        The most evaluations of the loss by "lbfgs".
    n_layers, width : int or None, default None
        Beyond scikit-learn: number of hidden layers (1 if only `width` is given) and units of each (100
        if only `n_layers` is), as plain numbers in the place of `hidden_layer_sizes`.
    out_activation : str, Activation, callable or None, default None
        Beyond scikit-learn: of the outputs. None: softmax or logistic, "identity" for hinges and logits.
    dropout : float in [0, 1) or list of float, default 0.0
    input_dropout : float in [0, 1), default 0.0
        Beyond scikit-learn: share of hidden units (a list: of each layer) and of inputs that a training
        step leaves out.
    loss : str, Loss or callable, default "log_loss"
        Beyond scikit-learn: any of `mlp.losses` that suits classes.
    class_weight : dict, "balanced" or None, default None
        Beyond scikit-learn: weights of the classes, times `sample_weight`.
    l1 : float, default 0.0
        Beyond scikit-learn: strength of the penalty Σ |W|, divided as `alpha` is.
    alpha_scaling : {"batch", "data"}, default "batch"
        Beyond scikit-learn: `alpha` and `l1` are divided by the rows of a batch, or with "data" by all that
        `fit`, or a call of `partial_fit`, trains with, whatever `batch_size` is. Weights count as rows do.
    kernel_initializer, bias_initializer : str, Initializer or None, default None
        Beyond scikit-learn: of W and b. None: Glorot's uniform bounds, for b too, as scikit-learn.
    clipnorm, clipvalue, global_clipnorm : float or None, default None
        Beyond scikit-learn: limits of each parameter's gradient, its entries, the whole gradient.
    scoring : str, callable or None, default None
        Beyond scikit-learn: judges the held-out rows, as in `cross_val_score`, or by "loss". None: accuracy.
    callbacks : Callback, list or None, default None
        Beyond scikit-learn: of `mlp.callbacks`. (`set_callbacks` takes those of `sklearn.callback`.)
    progress_bar : bool, default False
        Beyond scikit-learn: a tqdm bar over the epochs.

    Attributes
    ----------
    classes_ : array of shape (k,)
        The classes in order; the columns of `predict_proba` are theirs.
    model_ : Sequential
        Beyond scikit-learn: the network, compiled. Save it, show its `summary`, train it further.
    coefs_, intercepts_ : lists of arrays of shape (i, o) and (o,)
        W and b of each layer: views of the weights of `model_`. Writing to them changes the model.
    loss_, best_loss_ : float
        The last loss and the lowest; the latter is None with `early_stopping`.
    loss_curve_ : list of float
        Training loss of each epoch, penalties included; of "lbfgs" too (beyond scikit-learn).
    validation_loss_curve_, validation_scores_ : list of float or None
        Loss without penalties (beyond scikit-learn) and score of the held-out rows after each epoch.
    best_validation_score_ : float or None
        The highest, with `early_stopping`.
    n_iter_, t_ : int
        Epochs or iterations of the last fit; rows seen in all.
    n_layers_, n_outputs_ : int
        Layers of units, inputs and outputs among them; columns of the targets (1 with two classes).
    out_activation_ : str or Activation
        Of the outputs.
    n_features_in_, feature_names_in_ : int, array of shape (i,)
        Columns of X; their names if X has any.

    Notes
    -----
    In float64 and with the same `random_state`, weights, losses and predictions are scikit-learn's to the
    last bit: the operations are done in its order. α is divided by the rows of each batch, not of all
    data, so a smaller batch is penalised more, unless ``alpha_scaling="data"``.

    References
    ----------
    Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors.

    Examples
    --------
    >>> from mlp import MLPClassifier  # instead of sklearn.neural_network
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> MLPClassifier(solver="lbfgs", alpha=1, max_iter=1000, random_state=0).fit(X, y).score(X, y) > 0.97
    True

    An activation for each layer, dropout, and held-out rows of one's own choice:

    >>> net = MLPClassifier((30, 20), ["tanh", "gelu"], dropout=[0.1, 0], early_stopping=True,
    ...                     learning_rate_init=0.01, random_state=0)
    >>> net = net.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    >>> net.best_validation_score_ == max(net.validation_scores_) == net.score(X[1::2], y[1::2])
    True
    """

    classes_: Array
    _parameter_constraints = CLASSIFIER

    def __init__(
        self,
        hidden_layer_sizes=(100,), activation="relu", *, solver="adam", alpha=0.0001, batch_size="auto",
        learning_rate="constant", learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True,
        random_state=None, tol=1e-4, verbose=False, warm_start=False, momentum=0.9,
        nesterovs_momentum=True, early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999,
        epsilon=1e-8, n_iter_no_change=10, max_fun=15000, n_layers=None, width=None, out_activation=None,
        dropout=0.0, input_dropout=0.0, loss="log_loss", class_weight=None, l1=0.0, alpha_scaling="batch",
        kernel_initializer=None, bias_initializer=None, clipnorm=None, clipvalue=None,
        global_clipnorm=None, scoring=None, callbacks=None, progress_bar=False,
    ):  # fmt: skip
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
        """Train: from first weights, or with `warm_start` from those there are.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, i)
        y : array-like of shape (n,) or (n, k)
            Classes, or 0 and 1 in a column for each of several labels.
        sample_weight : array-like of shape (n,), optional
        X_val, y_val, sample_weight_val : as X, y and sample_weight, optional
            Beyond scikit-learn: rows to judge each epoch by. They take the place of the split of
            `early_stopping`, and without it are only watched.

        Returns
        -------
        self

        Raises
        ------
        InvalidParameterError
            A ValueError, if a parameter is not of those above.
        ValueError
            If the data cannot be used, or the weights have become infinite.
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    @available_if(steps_by_batches)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Make one pass over the rows, with the weights and the optimizer's state as they are.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes : array-like, optional
            All classes that will come; needed at the first call.

        Returns
        -------
        self

        Raises
        ------
        AttributeError
            If the solver takes all rows at once.
        ValueError
            As for `fit`, and with `early_stopping`.
        """
        if _check_partial_fit_first_call(self, classes):
            kind = type_of_target(y)
            self._label_binarizer = LabelBinarizer().fit(y if kind.startswith("multilabel") else classes)
        return self._fit(X, y, sample_weight, incremental=True)

    # targets

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Array]:
        if incremental and not reset:
            plain = as_plain(X, self.n_features_in_, getattr(self, "feature_names_in_", None))
            if plain is not None and not self.warm_start and are_plain_labels(y, len(plain), self.classes_):
                return plain, y
        options = dict(accept_sparse=["csr", "csc"], multi_output=True, dtype=(np.float64, np.float32))
        X, y = validate_data(self, X, y, reset=reset, **options)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._require_known(y)
        return X, y

    def _require_known(self, y: Array) -> None:
        """Raise a ValueError if a fit that goes on gets other classes than the one before."""
        classes = unique_labels(y)
        if self.warm_start:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to "
                    f"fit. Previously got {self.classes_}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. "
                f"'y' has {classes}."
            )

    def _is_multiclass(self) -> bool:
        return bool(self._label_binarizer.y_type_ == "multiclass")

    def _targets(self, y: Array) -> Array:
        if y.ndim == 1 and self._is_multiclass():
            self.n_outputs_ = len(self.classes_)
            return np.searchsorted(self.classes_, y)
        if y.ndim == 1 and self._label_binarizer.y_type_ == "binary" and len(self.classes_) == 2:
            self.n_outputs_ = 1
            return (y == self.classes_[1]).reshape(-1, 1)
        T: Array = self._label_binarizer.transform(y).astype(bool)
        self.n_outputs_ = T.shape[1]
        return T

    def _labels_of(self, T: Array) -> Array:
        """Targets in the user's own labels."""
        if self._is_multiclass():
            return self.classes_[T]
        return self._label_binarizer.inverse_transform(T)

    def _library_targets(self, T: Array, loss: Loss) -> Array:
        units, dtype = self.model_.layers[-1].output_shape[0], np.dtype(self.model_.dtype)
        if T.ndim == 1 and not answers.takes_labels(loss, units):
            one_hot = np.zeros((len(T), units), dtype)
            one_hot[np.arange(len(T)), T] = 1
            return one_hot
        return loss.as_target(T.astype(dtype), units, dtype)

    def _validate_held_out(self, y: Any, dtype: Any) -> Array:
        y = check_array(y, ensure_2d=False, dtype=None, input_name="y_val")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        unknown = np.setdiff1d(unique_labels(y), self.classes_)
        if len(unknown):
            raise ValueError(f"`y_val` has classes that are not in `y`: {unknown}.")
        return self._targets(y)

    def _stratifies(self) -> bool:
        return self.n_outputs_ == 1

    def _weigh(self, y: Array, sample_weight: Array | None, incremental: bool) -> Array | None:
        return answers.weigh(self.class_weight, y, sample_weight, incremental)

    # what is minimised, and how good it is

    def _loss(self) -> Any:
        if isinstance(self.loss, str) and self.loss == "log_loss":
            return LogLoss() if self._is_multiclass() else BinaryLogLoss()
        loss = answers.chosen(self)
        answers.require_classes(loss, self._is_multiclass(), self.n_outputs_)
        return loss

    def _library_loss(self) -> str:
        return "categorical_crossentropy" if self._is_multiclass() else "binary_crossentropy"

    def _factor_of_library_loss(self) -> float:
        mean_of_outputs = self.loss == "log_loss" and not self._is_multiclass()
        return 1 / self.n_outputs_ if mean_of_outputs else 1.0

    def _out_activation(self) -> str:
        return answers.out_activation(self._loss(), self._is_multiclass())

    def _metrics(self) -> list[str]:
        return ["accuracy"]

    def _score_of(self, out: Array, T: Array, weight: Array | None) -> float:
        if len(self.classes_) == 1:  # `predict` has no other to give
            return 1.0
        right = out.argmax(axis=1) == T if T.ndim == 1 else (self._yes(out) == T).all(axis=1)
        return float(np.average(right, weights=weight))

    def _yes(self, out: Array) -> Array:
        """Which of the outputs say yes."""
        return out > self._threshold()

    def _threshold(self) -> float:
        return answers.threshold(self.model_.loss, self.model_.layers[-1].activation)

    # prediction

    def predict(self, X: Any) -> Array:
        """Return the class of each row of X, shape (n,), or its labels, shape (n, k).

        Raises NotFittedError before `fit`, and a ValueError if X has other columns than there.
        """
        X = self._check_X(X)
        out = self._outputs(X)
        if self._is_multiclass():
            return self.classes_.take(out.argmax(axis=1))
        if self.n_outputs_ == 1 and len(self.classes_) == 2:
            return self.classes_.take(self._yes(out).ravel().astype(np.intp))
        return self._label_binarizer.inverse_transform(
            self._yes(out).astype(np.float64).reshape(out.shape if self.n_outputs_ > 1 else -1)
        )

    @available_if(answers.require_probabilities)
    def predict_proba(self, X: Any) -> Array:
        """Return the probabilities of `classes_`, shape (n, k); of each label by itself if y had several.

        Raises as `predict`, and an AttributeError if loss and `out_activation` make none, as a hinge does.
        """
        out = self._outputs(self._check_X(X))
        if self._exact is None:
            last, several = self.model_.layers[-1].activation, not self._is_multiclass()
            return answers.probabilities(self.model_.loss, last, out, several and self.n_outputs_ > 1)
        return out if self.n_outputs_ > 1 else answers.in_two_columns(out)

    @available_if(lambda self: not answers.makes_probabilities(self))
    def decision_function(self, X: Any) -> Array:
        """Return the outputs less what says yes, shape (n,) or (n, k); not if they are probabilities."""
        out = self._outputs(self._check_X(X))
        if not self._is_multiclass():
            out = out - self._threshold()
        return out.ravel() if out.shape[1] == 1 else out

    @available_if(answers.require_probabilities)
    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of `predict_proba`, shape (n, k); −∞ for a probability of 0."""
        proba = self.predict_proba(X)
        return np.log(proba, proba)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
