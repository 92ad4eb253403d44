"""Callbacks: hooks with empty bodies, at Keras's moments and with Keras's names."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mlp.errors import ArgumentError, DivergenceError
from mlp.naming import constructor_arguments, plain_attributes

if TYPE_CHECKING:
    from mlp.model import Model

Logs = dict[str, Any]


class Callback:
    """Base of callbacks. Override the hooks that you need.

    Attributes
    ----------
    model : Sequential
        Set before the first hook. ``model.stop_training = True`` ends the training: after the batch, in a
        hook of a batch, and otherwise after the epoch.
    params : dict
        "epochs", "initial_epoch", "steps" (an epoch) and "verbose".
    every_batch : bool or None
        Class attribute: whether the hooks of a training batch must be called for each. Where no
        callback asks for that, a compiled engine makes many steps at a time, and calls them once:
        when the first begins and when the last ends. None: for the sake of this callback they need
        not be called at all.
    heard_last : bool
        Class attribute: whether to be called after all callbacks that do not ask for that.

    Notes
    -----
    `BackupAndRestore` keeps the state of every callback, so that a run that is resumed goes on as
    if it had not stopped: see `get_state`. Settings stand under the names of the constructor's
    parameters and what changes during a run under others, and `on_train_begin` resets that: so
    an object serves several fits.

    Examples
    --------
    >>> class Diary(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(epoch, sorted(logs))
    """

    model: "Model"
    params: dict[str, Any]
    every_batch: bool | None = True
    heard_last = False

    def set_model(self, model: "Model") -> None:
        """Receive the model, before training or testing."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Receive the run's parameters."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """`fit` begins."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """`fit` ends; `logs` are those of the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """An epoch begins; counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """An epoch ends; `logs` has the loss, the metrics and, with "val_", those of the validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A step begins; counted from 0 in each epoch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """A step ends; `logs` has the means of this epoch so far."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """The older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """The older name of `on_train_batch_end`."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """`evaluate` or a validation begins."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """`evaluate` or a validation ends."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of `evaluate` or of a validation begins."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of `evaluate` or of a validation ends."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """`predict` begins."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """`predict` ends."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of `predict` begins."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of `predict` ends; `logs` has its "outputs"."""

    # moments that Keras does not have

    def on_train_failure(self) -> None:
        """`fit` ends by an error, of whatever kind: let go of what is held."""

    def on_divergence(self, error: DivergenceError) -> bool:
        """The loss or the weights are no longer finite; the last good weights are back already.

        Return True to make the epoch in hand again from these, or with ``model.stop_training``
        set to end the training; otherwise `fit` raises the error.
        """
        return False

    def get_state(self) -> dict[str, Any]:
        """What a resumed run must know: by default all attributes that are plain data or arrays.

        Those that are called as the constructor's parameters are settings, and left out.
        """
        return plain_attributes(self, {"model", "params", *constructor_arguments(type(self))})

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` gave; called after every callback's `on_train_begin`."""
        vars(self).update(state)


class CallbackList:
    """Several callbacks as one; a training batch's hooks are called only if someone overrides them."""

    def __init__(self, callbacks: Iterable[Callback], model: "Model", params: dict[str, Any]) -> None:
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise ArgumentError(
                    f"callbacks must be objects of mlp.callbacks.Callback; got {callback!r}"
                    + (" (a class: call it to make an object)" if isinstance(callback, type) else "")
                )
            callback.set_params(params)
            callback.set_model(model)
        self.callbacks.sort(key=lambda callback: callback.heard_last)
        hooks = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
        wishes = [c.every_batch for c in self.callbacks if any(overrides(c, hook) for hook in hooks)]
        self.hears_batches = any(wish is not None for wish in wishes)
        self.hears_each_batch = any(wishes)

    def call(self, hook: str, *arguments: Any) -> None:
        """Call one hook of every callback, in order."""
        for callback in self.callbacks:
            getattr(callback, hook)(*arguments)


def overrides(callback: Callback, hook: str) -> bool:
    """Whether a callback does something at that moment, by its class or by a function of its own."""
    return getattr(getattr(callback, hook), "__func__", None) is not getattr(Callback, hook)
