"""Callbacks: hooks with empty bodies, at Keras's moments and with Keras's names."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mlp.errors import ArgumentError

if TYPE_CHECKING:
    from mlp.model import Model

Logs = dict[str, Any]


class Callback:
    """Base of callbacks. Override the hooks that you need.

    Attributes
    ----------
    model : Sequential
        Set before the first hook. ``model.stop_training = True`` ends the training after the
        epoch in hand.
    params : dict
        "epochs", "initial_epoch", "steps" (an epoch) and "verbose".
    every_batch : bool
        Class attribute: whether the hooks of a training batch must be called for each. Where no
        callback asks for that, a compiled engine makes many steps at a time, and calls them once:
        when the first begins and when the last ends.

    Examples
    --------
    >>> class Diary(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(epoch, sorted(logs))
    """

    model: "Model"
    params: dict[str, Any]
    every_batch = True

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

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """A step ends; `logs` has the means of this epoch so far."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """`evaluate` or a validation begins."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """`evaluate` or a validation ends."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of `evaluate` or of a validation begins."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of `evaluate` or of a validation ends."""

    def on_train_failure(self) -> None:
        """`fit` ends by an error, of whatever kind: let go of what is held. (Keras has no such moment.)"""


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
        hooks = ("on_train_batch_begin", "on_train_batch_end")
        self.hears_batches = any(self.overrides(hook) for hook in hooks)
        self.hears_each_batch = any(
            self.overrides(hook, [c for c in self.callbacks if c.every_batch]) for hook in hooks
        )

    def overrides(self, hook: str, callbacks: Sequence[Callback] | None = None) -> bool:
        """Whether any of the callbacks, by default of all, does something at that moment."""
        chosen = self.callbacks if callbacks is None else callbacks
        return any(getattr(type(c), hook) is not getattr(Callback, hook) for c in chosen)

    def call(self, hook: str, *arguments: Any) -> None:
        """Call one hook of every callback, in order."""
        for callback in self.callbacks:
            getattr(callback, hook)(*arguments)
