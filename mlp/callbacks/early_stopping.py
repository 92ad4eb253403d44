"""Callbacks that end a training before its last epoch."""

from typing import Any

from mlp.arrays import Array
from mlp.callbacks.base import Callback, Logs
from mlp.callbacks.monitoring import Monitor, require_counts, require_verbose
from mlp.errors import DivergenceError
from mlp.naming import require_bool, require_in


class EarlyStopping(Callback):
    """End the training when a number has stopped improving.

    Parameters
    ----------
    monitor : str, default "val_loss"
        A name in the logs of an epoch.
    min_delta : float, default 0
        A change of less than that is no improvement.
    patience : int, default 0
        End after so many epochs without an improvement.
    verbose : {0, 1}, default 0
        Whether to say so.
    mode : {"auto", "min", "max"}, default "auto"
        Whether less or more is better; "auto" asks the metric.
    baseline : float, optional
        What an epoch must be better than in order to count as an improvement.
    restore_best_weights : bool, default False
        Give the model the weights of its best epoch at the end, whatever ended the training.
    start_from_epoch : int, default 0
        Epochs before that are not looked at.

    Attributes
    ----------
    best : float or None
        The best value so far.
    best_epoch : int
        Its epoch, counted from 0.
    best_weights : list of Array or None
        The weights after it, with `restore_best_weights`.
    wait : int
        Epochs since the last improvement.
    stopped_epoch : int
        The epoch after which it ended the training; 0 if it did not.

    Raises
    ------
    ArgumentError
        If an argument cannot be used; in the first epochs, if ``mode="auto"`` cannot be found out.

    Notes
    -----
    An epoch whose logs lack the number is passed over with a warning. As in Keras the first
    epoch of all ends nothing, even with a patience of 0.

    Source: Keras 3, ``keras.callbacks.EarlyStopping``.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], seed=0)
    >>> model.compile(mlp.optimizers.SGD(0.0), "mse")
    >>> stopping = EarlyStopping("loss", patience=3)
    >>> len(model.fit([[0.0], [1.0]], [0.0, 1.0], epochs=50, callbacks=[stopping], verbose=0).epoch)
    4
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        self.watched = Monitor("EarlyStopping", monitor, mode, min_delta)
        require_counts(patience=patience, start_from_epoch=start_from_epoch)
        require_verbose(verbose)
        if baseline is not None:
            require_in("(-inf, inf)", "baseline", baseline)
        require_bool("restore_best_weights", restore_best_weights)
        self.monitor, self.mode, self.min_delta = monitor, mode, min_delta
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self._reset()

    def _reset(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: list[Array] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        current = self.watched.value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self.watched.improves(current, self.best, self.model):
            self.best = current
            self._keep(epoch)
            if self.watched.improves(current, self.baseline, self.model):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            model: Any = self.model
            self.best_weights = model.get_weights()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring the weights of the best epoch, {self.best_epoch + 1}")
            model: Any = self.model
            model.set_weights(self.best_weights)


class TerminateOnNaN(Callback):
    """End the training when the loss is not finite, with the model as it was after the last good epoch.

    Parameters
    ----------
    raise_error : bool, default False
        Raise the error instead, as `fit` does without this callback.

    Raises
    ------
    DivergenceError
        With `raise_error`; it is a RuntimeError too, which Keras raises.

    Notes
    -----
    In Keras the model is left with weights that are not finite. Here the last ones that were good are
    put back, `fit` returns its history, and `on_train_end` is called.

    Source: Keras 3, ``keras.callbacks.TerminateOnNaN``.

    Examples
    --------
    >>> import mlp, numpy as np
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], seed=0)
    >>> model.compile(mlp.optimizers.SGD(1e30), "mse")
    >>> x = np.arange(8.0)
    >>> history = model.fit(x, x, epochs=9, callbacks=[TerminateOnNaN()], verbose=0)  # doctest: +ELLIPSIS
    Invalid loss, terminating training: the loss became inf in epoch 2, batch 1. ...
    >>> len(history.epoch), np.isfinite(model.predict(x)).all()
    (2, np.True_)
    """

    every_batch = False

    def __init__(self, raise_error: bool = False) -> None:
        require_bool("raise_error", raise_error)
        self.raise_error = raise_error

    def on_divergence(self, error: DivergenceError) -> bool:
        if self.raise_error:
            return False
        print(f"Invalid loss, terminating training: {error}")
        self.model.stop_training = True
        return True
