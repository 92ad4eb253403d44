"""`MLPRegressor`: scikit-learn's, and what it lacks."""

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array, check_consistent_length, validate_data

from mlp.arrays import FLOATS, Array, is_finite
from mlp.estimators import answers
from mlp.estimators.arithmetic import Poisson, SquaredError
from mlp.estimators.base import BaseMultilayerPerceptron
from mlp.estimators.constraints import REGRESSOR
from mlp.estimators.fitting import store
from mlp.estimators.plain import as_plain
from mlp.estimators.rules import steps_by_batches
from mlp.losses import Loss
from mlp.losses.masked import Masked


class MLPRegressor(RegressorMixin, BaseMultilayerPerceptron):
    """A multilayer perceptron for regression: scikit-learn's `MLPRegressor`, number for number, and more.

    It minimises half the mean squared error, or half the Poisson deviance, plus ½ α Σ W² / n by the
    delta rule. y may have several columns.

    Parameters
    ----------
    loss : {"squared_error", "poisson"}, str, Loss or callable, default "squared_error"
        "poisson" is for counts, with outputs e^net. Beyond scikit-learn: any of `mlp.losses`.
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
        Beyond scikit-learn: of the outputs. None: "identity", or "exp" for "poisson".
    dropout : float in [0, 1) or list of float, default 0.0
    input_dropout : float in [0, 1), default 0.0
        Beyond scikit-learn: share of hidden units (a list: of each layer) and of inputs that a training
        step leaves out.
    true_gradient : bool, default False
        Beyond scikit-learn: with several outputs and "squared_error", the derivative of the loss; see Notes.
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
        Beyond scikit-learn: judges the held-out rows, as in `cross_val_score`, or by "loss". None: R².
    callbacks : Callback, list or None, default None
        Beyond scikit-learn: of `mlp.callbacks`. (`set_callbacks` takes those of `sklearn.callback`.)
    progress_bar : bool, default False
        Beyond scikit-learn: a tqdm bar over the epochs.

    Attributes
    ----------
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
        Layers of units, inputs and outputs among them; columns of y.
    out_activation_ : str or Activation
        Of the outputs.
    n_features_in_, feature_names_in_ : int, array of shape (i,)
        Columns of X; their names if X has any.

    Notes
    -----
    In float64 and with the same `random_state`, weights, losses and predictions are scikit-learn's to the
    last bit: the operations are done in its order. α is divided by the rows of each batch, not of all
    data, so a smaller batch is penalised more, unless ``alpha_scaling="data"``.

    The squared error is a mean over the k columns of y, but scikit-learn's delta is that of their sum,
    out − t: k times the derivative (its issue 8349). A larger k is a larger step of "sgd", and a
    weaker `alpha`; L-BFGS may end its search early. ``true_gradient=True`` gives (out − t) / k. With one
    column there is no difference.

    References
    ----------
    Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors.
    Glorot and Bengio (2010), Understanding the difficulty of training deep feedforward neural networks.
    Kingma and Ba (2015), Adam: a method for stochastic optimization.
    https://github.com/scikit-learn/scikit-learn/issues/8349

    Examples
    --------
    >>> from mlp import MLPRegressor  # instead of sklearn.neural_network
    >>> x = np.linspace(-3, 3, 200).reshape(-1, 1)
    >>> y = np.sin(x.ravel())
    >>> net = MLPRegressor(hidden_layer_sizes=10, activation="tanh", solver="lbfgs", random_state=0)
    >>> net.fit(x, y).score(x, y) > 0.999
    True

    An activation for each layer, dropout, another loss, and held-out rows of one's own choice:

    >>> net = MLPRegressor("huber", (30, 20), ["tanh", "gelu"], dropout=[0.1, 0], early_stopping=True,
    ...                    learning_rate_init=0.01, random_state=0)
    >>> net = net.fit(x[::2], y[::2], X_val=x[1::2], y_val=y[1::2])
    >>> net.best_validation_score_ == max(net.validation_scores_)
    True
    >>> net.predict(x).shape
    (200,)
    """

    _parameter_constraints = REGRESSOR

    def __init__(
        self,
        loss="squared_error", hidden_layer_sizes=(100,), activation="relu", *, solver="adam", alpha=0.0001,
        batch_size="auto", learning_rate="constant", learning_rate_init=0.001, power_t=0.5, max_iter=200,
        shuffle=True, random_state=None, tol=1e-4, verbose=False, warm_start=False, momentum=0.9,
        nesterovs_momentum=True, early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999,
        epsilon=1e-8, n_iter_no_change=10, max_fun=15000, n_layers=None, width=None, out_activation=None,
        dropout=0.0, input_dropout=0.0, true_gradient=False, l1=0.0, alpha_scaling="batch",
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
            Numbers.
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

    @available_if(lambda self: self.solver == "lbfgs" or steps_by_batches(self))  # as in scikit-learn
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Make one pass over the rows, with the weights and the optimizer's state as they are.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        self

        Raises
        ------
        AttributeError
            If the solver takes all rows at once; "lbfgs" trains on from where it stands.
        ValueError
            As for `fit`, and with `early_stopping`.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    # targets

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Array]:
        if incremental and not reset:
            plain = as_plain(X, self.n_features_in_, getattr(self, "feature_names_in_", None))
            right = type(y) is np.ndarray and y.dtype in FLOATS and y.ndim == 1
            if plain is not None and right and len(y) == len(plain) and is_finite(y):
                return plain, y
        if self._takes_gaps():
            of_X = {"accept_sparse": ["csr", "csc"], "dtype": (np.float64, np.float32)}
            of_y = {"ensure_2d": False, "dtype": "numeric", "ensure_all_finite": "allow-nan"}
            X, y = validate_data(self, X, y, reset=reset, validate_separately=(of_X, of_y))
            check_consistent_length(X, y)
        else:
            X, y = validate_data(
                self, X, y, accept_sparse=["csr", "csc"], multi_output=True, y_numeric=True,
                dtype=(np.float64, np.float32), reset=reset,
            )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y if y.dtype.kind == "f" else y.astype(np.float64)

    def _takes_gaps(self) -> bool:
        return isinstance(self._loss(), Masked)

    def _targets(self, y: Array) -> Array:
        T = y.reshape(-1, 1) if y.ndim == 1 else y
        self.n_outputs_ = T.shape[1]
        return T

    def _library_targets(self, T: Array, loss: Loss) -> Array:
        return loss.as_target(T, self.model_.layers[-1].output_shape[0], np.dtype(self.model_.dtype))

    def _labels_of(self, T: Array) -> Array:
        """Targets in the user's own form."""
        return T[:, 0] if T.shape[1] == 1 else T

    def _validate_held_out(self, y: Any, dtype: Any) -> Array:
        finite = "allow-nan" if self._takes_gaps() else True
        y = check_array(y, ensure_2d=False, dtype=dtype, input_name="y_val", ensure_all_finite=finite)
        outputs, T = self.n_outputs_, self._targets(y)
        if T.shape[1] != outputs:
            raise ValueError(f"`y_val` has {T.shape[1]} columns, but `y` has {outputs}.")
        return T

    def _stratifies(self) -> bool:
        return False

    # what is minimised, and how good it is

    def _loss(self) -> Any:
        if isinstance(self.loss, str) and self.loss in ("squared_error", "poisson"):
            return Poisson() if self.loss == "poisson" else SquaredError(self.true_gradient)
        return answers.chosen(self)

    def _library_loss(self) -> str:
        return "poisson" if isinstance(self.loss, str) and self.loss == "poisson" else "mse"

    def _factor_of_library_loss(self) -> float:
        # the library takes means of the outputs
        own = {"squared_error": 2.0, "poisson": 1 / self.n_outputs_}
        return own.get(self.loss, 1.0) if isinstance(self.loss, str) else 1.0

    def _out_activation(self) -> str:
        return "identity"

    def _metrics(self) -> list[str]:
        return []

    def _prediction(self, out: Array) -> Array:
        """The columns of the outputs that predict the targets."""
        return out if self._exact is not None else self.model_.loss.prediction(out)

    def _score_of(self, out: Array, T: Array, weight: Array | None) -> float:
        prediction = self._prediction(out)
        if not np.isfinite(prediction).all():
            return np.nan
        known = ~np.isnan(T).any(axis=1)
        if not known.all():
            T, prediction, weight = T[known], prediction[known], None if weight is None else weight[known]
        return r2_score(T, prediction, sample_weight=weight)

    # prediction

    def predict(self, X: Any) -> Array:
        """Return the prediction for each row of X, shape (n,), or (n, k) if y has several columns.

        Raises NotFittedError before `fit`, and a ValueError if X has other columns than there.
        """
        prediction = self._prediction(self._outputs(self._check_X(X)))
        return prediction.ravel() if prediction.shape[1] == 1 else prediction
