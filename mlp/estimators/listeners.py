"""Who hears of a fit: callbacks of this library, those of scikit-learn, and a progress bar."""

import copy
from collections.abc import Sequence
from typing import Any

from sklearn.callback import FitCallback

from mlp.callbacks import Callback, CallbackList
from mlp.errors import ArgumentError


class Listeners:
    """The callbacks of an estimator, told of the moments of its fit.

    Parameters
    ----------
    estimator : BaseMultilayerPerceptron
        With its network. `callbacks` are those of `mlp.callbacks`; those of `sklearn.callback` have
        been set by `set_callbacks`, or by a pipeline or a search around the estimator.
    context : sklearn.callback.CallbackContext
        Of the whole fit; each epoch becomes a task in it.
    data : dict
        What scikit-learn's hooks may ask for: X, y and metadata.
    epochs : int
    """

    def __init__(self, estimator: Any, context: Any, data: dict[str, Any], epochs: int) -> None:
        self.estimator, self.context, self.data = estimator, context, data
        self.has_theirs = bool(getattr(estimator, "_skl_callbacks", None))
        ours: Sequence[Any] = estimator.callbacks or ()
        ours = [ours] if isinstance(ours, Callback) else list(ours)
        for callback in ours:
            if isinstance(callback, FitCallback):
                raise ArgumentError(
                    f"{callback!r} is scikit-learn's: set it by set_callbacks(), not callbacks="
                )
        if estimator.progress_bar:
            ours.append(EpochsBar())
        self.params = {"epochs": epochs, "initial_epoch": 0, "steps": None, "verbose": 0}
        self.ours = CallbackList(ours, estimator.model_, self.params)
        self.task: Any = None
        self.unit = "epoch"
        self.epoch = self.batch = 0
        self.logs: dict[str, Any] = {}

    @property
    def hear(self) -> bool:
        """Whether there is anyone."""
        return self.has_theirs or bool(self.ours.callbacks)

    def begin(self, steps: int) -> None:
        """The first epoch is about to begin, each of so many batches."""
        self.params["steps"] = steps
        self.judged = len(self.estimator.validation_scores_ or ())
        self.estimator.model_.stop_training = False
        self.ours.call("on_train_begin", {})

    def begin_epoch(self) -> None:
        """An epoch begins."""
        self.batch = 0
        if self.ours.callbacks:
            self.ours.call("on_epoch_begin", self.epoch, {})
        if self.ours.hears_batches:
            self.ours.call("on_train_batch_begin", 0, {})
        if self.has_theirs:
            self.task = self.context.subcontext(task_name=self.unit)
            self.task.call_on_fit_task_begin(estimator=self.estimator, **self.data, **self.fitted())

    def end_batch(self, loss: float) -> None:
        """A step has been made; the loss is that of its batch."""
        if self.ours.hears_batches:
            self.ours.call("on_train_batch_end", self.batch, {"loss": loss})
            self.batch += 1
            if self.batch < (self.params["steps"] or 0):
                self.ours.call("on_train_batch_begin", self.batch, {})

    def end_epoch(self) -> bool:
        """An epoch is over; return whether someone wants the fit to end."""
        estimator = self.estimator
        self.logs = {"loss": estimator.loss_}
        if len(estimator.validation_scores_ or ()) > self.judged:  # not those of a fit before
            self.logs["val_loss"] = estimator.validation_loss_curve_[-1]
            self.logs["val_score"] = estimator.validation_scores_[-1]
        if self.ours.callbacks:
            self.ours.call("on_epoch_end", self.epoch, self.logs)
        stop = bool(estimator.model_.stop_training)
        if self.has_theirs:
            stop |= bool(self.task.call_on_fit_task_end(estimator=estimator, **self.data, **self.fitted()))
            self.task = None
        self.epoch += 1
        return stop

    def end(self) -> None:
        """The fit is over."""
        if self.task is not None:  # an interrupt, or a solver that found nothing better, left it open
            self.task.call_on_fit_task_end(estimator=self.estimator)
            self.task = None
        self.ours.call("on_train_end", self.logs)

    def fail(self) -> None:
        """The fit ends by an error."""
        self.ours.call("on_train_failure")

    def fitted(self) -> dict[str, Any]:
        """How scikit-learn makes an estimator that is fitted as far as this one: made if it is asked for."""
        # all that a fit changes in place, so that neither of the two feels what the other does next
        curves = ("loss_curve_", "validation_loss_curve_", "validation_scores_")
        return as_fitted(self.estimator, "model_", "_optimizer", *curves)


def as_fitted(estimator: Any, *changing: str) -> dict[str, Any]:
    """How scikit-learn makes an estimator that is fitted as far as this one: with copies, if it asks.

    Parameters
    ----------
    estimator : estimator
    *changing : str
        The attributes that a fit changes in place.
    """
    known = vars(estimator)
    return {
        "reconstruction_attributes": lambda: copy.deepcopy(
            {name: known[name] for name in changing if name in known}
        )
    }


class EpochsBar(Callback):
    """A tqdm bar over the epochs, with the loss and what is known of the validation."""

    bar: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        try:
            from tqdm.auto import tqdm
        except ImportError as error:
            raise ArgumentError(
                'progress_bar=True needs tqdm, which is not installed: pip install "mlp[progress]". '
                "verbose=True prints a line an epoch and needs nothing"
            ) from error
        self.bar = tqdm(total=self.params["epochs"], unit="epoch")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.bar.set_postfix(logs or {}, refresh=False)
        self.bar.update()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.on_train_failure()

    def on_train_failure(self) -> None:
        if self.bar is not None:
            self.bar.close()
