"""`SequentialRegressor`: a user's own network as a regressor of scikit-learn."""

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_array, validate_data

from mlp import losses
from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.estimators.fitting import store
from mlp.estimators.wrapped import CONSTRAINTS, BaseSequentialEstimator
from mlp.models import Sequential


class SequentialRegressor(RegressorMixin, BaseSequentialEstimator):
    """A network of your own as a regressor: any `Sequential`, for all that scikit-learn does with them.

    Parameters
    ----------
    model : Sequential or callable
        As in `SequentialClassifier`. A function is told `n_features`, `n_outputs`, the columns of y
        (times two for a `loss` that wants a mean and a variance for each, and so on), and
        `out_activation`, "linear".
    loss : str, Loss, type or function, default "auto"
        "auto" is that of the compiled model, or the mean squared error.
    model_arguments, optimizer, metrics, epochs, batch_size, validation_fraction, patience, callbacks, \
shuffle, keep_weights, dtype, random_state, warm_start, verbose
        As in `SequentialClassifier`; nothing is kept in proportion by a split.

    Attributes
    ----------
    model_, history_, loss_curve_, validation_loss_curve_, n_iter_, n_outputs_, n_features_in_, \
feature_names_in_
        As in `SequentialClassifier`.

    Raises
    ------
    ArgumentError
        As in `SequentialClassifier`.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(8, activation="tanh"), mlp.layers.Dense(1)])
    >>> X = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> estimator = SequentialRegressor(model, optimizer="lbfgs", epochs=200, random_state=0)
    >>> estimator.fit(X, X[:, 0] ** 2).score(X, X[:, 0] ** 2) > 0.99
    True
    >>> model.built
    False
    """

    _parameter_constraints = CONSTRAINTS

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
        y : array-like of shape (n,) or (n, targets)
        sample_weight : array-like of shape (n,), optional
        X_val, y_val, sample_weight_val : optional
            A validation set of your own.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go on for one epoch with these rows, without holding any of them out; arguments as in `fit`."""
        return self._fit(X, y, sample_weight, incremental=True)

    # targets

    def _validate_input(self, X: Any, y: Any, reset: bool, first: bool) -> tuple[Any, Array]:
        X, y = validate_data(
            self, X, y, accept_sparse=["csr"], multi_output=True, y_numeric=True,
            dtype=(np.float64, np.float32), reset=reset,
        )  # fmt: skip
        y = self._in_columns(y)
        if reset:
            self._columns = y.shape[1]
        self._require_columns(y, "y")
        return X, y

    def _validate_held_out(self, y: Any) -> Array:
        y = self._in_columns(check_array(y, ensure_2d=False, dtype="numeric", input_name="y_val"))
        self._require_columns(y, "y_val")
        return y

    def _in_columns(self, y: Array) -> Array:
        flat = column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
        return flat.reshape(-1, 1) if flat.ndim == 1 else flat

    def _require_columns(self, y: Array, name: str) -> None:
        if y.shape[1] != self._columns:
            raise ArgumentError(f"{name} has {y.shape[1]} columns; in the first fit y had {self._columns}")

    def _told(self) -> dict[str, Any]:
        auto = isinstance(self.loss, str) and self.loss == "auto"
        each = 1 if auto else losses.get(self.loss).per_target
        return {"n_outputs": self._columns * each, "out_activation": "linear"}

    def _loss_for(self, model: Sequential) -> str:
        return "mean_squared_error"

    def _check_outputs(self, model: Sequential, columns: int) -> None:
        if columns != self._columns:
            units, loss = model.layers[-1].output_shape[0], model.loss
            raise ArgumentError(
                f"the model has {units} output{'s' * (units != 1)}, but y has {self._columns} column"
                f"{'s' * (self._columns != 1)}: for {type(loss).__name__} end it with "
                f"Dense({self._columns * loss.per_target}). A function that makes the model is told the "
                "number, as n_outputs."
            )

    def _targets(self, y: Array) -> Array:
        return y

    # prediction

    def predict(self, X: Any) -> Array:
        """The values.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n, i)

        Returns
        -------
        Array of shape (n,), or (n, targets)
        """
        prediction = self._outputs(X)
        return prediction.ravel() if prediction.shape[1] == 1 else prediction

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
