"""What an estimator of a user's network hears of `Model.fit`: the best epoch, and scikit-learn's tasks."""

from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.callbacks import Callback
from mlp.estimators.listeners import as_fitted


class KeepBest(Callback):
    """Ends the training once a loss has not fallen for some epochs, and remembers its best weights.

    Parameters
    ----------
    monitor : str
        "loss" or "val_loss".
    patience : int
        How many epochs in a row may pass without a new minimum.
    """

    def __init__(self, monitor: str, patience: int) -> None:
        self.monitor, self.patience = monitor, patience
        self.best, self.since = np.inf, 0
        self.weights: Array | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        loss = (logs or {})[self.monitor]
        if loss < self.best:
            self.best, self.since, self.weights = loss, 0, self.model.parameters.values.copy()
        else:
            self.since += 1
            if self.since >= self.patience:
                self.model.stop_training = True

    def restore(self) -> None:
        """Put the weights of the best epoch back."""
        if self.weights is not None:
            np.copyto(self.model.parameters.values, self.weights)


class Tasks(Callback):
    """Makes each epoch a task of scikit-learn's callbacks, which may also end the training.

    Parameters
    ----------
    estimator : BaseSequentialEstimator
        With its network.
    context : sklearn.callback.CallbackContext
        Of the whole fit.
    heard : dict
        What scikit-learn's hooks may ask for: X, y and metadata.
    """

    def __init__(self, estimator: Any, context: Any, heard: dict[str, Any]) -> None:
        self.estimator, self.context, self.heard = estimator, context, heard
        self.task: Any = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.task = self.context.subcontext(task_name="epoch")
        fitted = as_fitted(self.estimator, "model_")
        self.task.call_on_fit_task_begin(estimator=self.estimator, **self.heard, **fitted)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        fitted = as_fitted(self.estimator, "model_")
        if self.task.call_on_fit_task_end(estimator=self.estimator, **self.heard, **fitted):
            self.model.stop_training = True
        self.task = None

    def close(self) -> None:
        """End the task that an interrupt has left open."""
        if self.task is not None:
            self.task.call_on_fit_task_end(estimator=self.estimator)
            self.task = None
