"""Callbacks that set the learning rate, epoch by epoch."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mlp.callbacks.base import Callback, Logs
from mlp.callbacks.monitoring import Monitor, require_counts, require_verbose
from mlp.errors import ArgumentError
from mlp.naming import require, require_in
from mlp.optimizers.objective import Solver
from mlp.optimizers.settings import is_rate

if TYPE_CHECKING:
    from mlp.model import Model


def require_plain_rate(owner: str, model: "Model") -> None:
    """Raise an `ArgumentError` unless the model's optimizer has a learning rate that is a number."""
    optimizer = model.optimizer
    rate = optimizer.learning_rate
    if isinstance(optimizer, Solver) or not is_rate(rate):
        what = "finds its steps by itself" if isinstance(optimizer, Solver) else f"has {rate!r}"
        raise ArgumentError(
            f"{owner} sets a learning_rate that is a number, but {type(optimizer).__name__} {what}"
        )


class LearningRateScheduler(Callback):
    """Set the learning rate at the beginning of every epoch, by a function.

    Parameters
    ----------
    schedule : callable
        ``schedule(epoch, lr)`` or ``schedule(epoch)``; gets the epoch, counted from 0, and the rate
        so far, and returns the rate of this epoch.
    verbose : {0, 1}, default 0
        Whether to print it.

    Raises
    ------
    ArgumentError
        If it is no function or returns what cannot be a rate; at the beginning of the training, if the
        optimizer has a schedule already.

    Notes
    -----
    The logs of the epoch, and so the history, get "learning_rate".

    Source: Keras 3, ``keras.callbacks.LearningRateScheduler``.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], seed=0)
    >>> model.compile(mlp.optimizers.SGD(0.8), "mse")
    >>> halved = LearningRateScheduler(lambda epoch, lr: lr if epoch < 2 else lr / 2)
    >>> model.fit([[0.0]], [0.0], epochs=4, callbacks=[halved], verbose=0).history["learning_rate"]
    [0.8, 0.8, 0.4, 0.2]
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        require(callable(schedule), "schedule", schedule, "a function of the epoch and the learning rate")
        require_verbose(verbose)
        self.schedule, self.verbose = schedule, verbose

    def on_train_begin(self, logs: Logs | None = None) -> None:
        require_plain_rate("LearningRateScheduler", self.model)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        arguments = (epoch, optimizer.learning_rate)[: 2 if _takes_two(self.schedule) else 1]
        rate = self.schedule(*arguments)
        require(is_rate(rate), f"what schedule returns for epoch {epoch}", rate, "a number of at least 0")
        optimizer.learning_rate = float(rate)
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {float(rate)}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = self.model.optimizer.current_rate()


def _takes_two(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(0, 0.1)
    except TypeError:
        return False
    except ValueError:  # what is written in C may have no signature
        return True
    return True


class ReduceLROnPlateau(Callback):
    """Lower the learning rate when a number has stopped improving.

    Parameters
    ----------
    monitor : str, default "val_loss"
        A name in the logs of an epoch.
    factor : float in [0, 1), default 0.1
        The new rate is the old one times that.
    patience : int, default 10
        Lower it after so many epochs without an improvement.
    verbose : {0, 1}, default 0
        Whether to say so.
    mode : {"auto", "min", "max"}, default "auto"
        Whether less or more is better; "auto" asks the metric.
    min_delta : float, default 1e-4
        A change of less than that is no improvement.
    cooldown : int, default 0
        After a reduction, epochs in which nothing is counted.
    min_lr : float, default 0
        The rate does not go below that.

    Attributes
    ----------
    best : float or None
        The best value so far.
    wait, cooldown_counter : int
        Epochs since the last improvement, and that are left to cool down.

    Raises
    ------
    ArgumentError
        If an argument cannot be used; at the beginning of the training, if the optimizer has a schedule.

    Notes
    -----
    The logs of the epoch, and so the history, get "learning_rate": that before the reduction.

    Source: Keras 3, ``keras.callbacks.ReduceLROnPlateau``.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], seed=0)
    >>> model.compile(mlp.optimizers.SGD(0.8), "mse")
    >>> lower = ReduceLROnPlateau("loss", factor=0.5, patience=2)
    >>> history = model.fit([[0.0]], [0.0], epochs=6, callbacks=[lower], verbose=0)
    >>> history.history["learning_rate"]
    [0.8, 0.8, 0.8, 0.4, 0.4, 0.2]
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        self.watched = Monitor("ReduceLROnPlateau", monitor, mode, min_delta)
        require_in("[0, 1)", "factor", factor)
        require_counts(patience=patience, cooldown=cooldown)
        require_verbose(verbose)
        require_in("[0, inf)", "min_lr", min_lr)
        self.monitor, self.mode, self.min_delta = monitor, mode, min_delta
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self._reset()

    def _reset(self) -> None:
        self.best: float | None = None
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        require_plain_rate("ReduceLROnPlateau", self.model)
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs
        logs["learning_rate"] = self.model.optimizer.current_rate()
        current = self.watched.value(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.watched.improves(current, self.best, self.model):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        optimizer = self.model.optimizer
        if optimizer.learning_rate <= self.min_lr:
            return
        optimizer.learning_rate = rate = max(optimizer.learning_rate * self.factor, self.min_lr)
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {rate}.")
        self.cooldown_counter, self.wait = self.cooldown, 0

    def in_cooldown(self) -> bool:
        """Whether a reduction is so recent that nothing is counted."""
        return self.cooldown_counter > 0
