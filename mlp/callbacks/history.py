"""The record of a training run."""

from collections.abc import Iterable

from mlp.callbacks.base import Callback, Logs


class History(Callback):
    """What `fit` returns: losses and metrics of every epoch.

    Attributes
    ----------
    history : dict of str to list of float or Array
        "loss", the metrics, and with the prefix "val_" those of the validation; one number an epoch,
        or an array where a metric has several.
    epoch : list of int
        The epochs, counted from 0 (or from `initial_epoch`).
    interrupted : bool
        Whether Ctrl-C has ended the training.
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []
        self.interrupted = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.history, self.epoch, self.interrupted = {}, [], False

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self) -> str:
        last = ", ".join(f"{name}: {values[-1]:.4g}" for name, values in self.history.items())
        return f"<History of {len(self.epoch)} epochs; last {last or 'nothing'}>"


def with_history(callbacks: Iterable[Callback]) -> tuple[History, list[Callback]]:
    """The history of a run, and its callbacks with that among them.

    It is the user's own, if there is one, and otherwise the last, so that it has what the others
    write into the logs.
    """
    given = list(callbacks)
    own = [callback for callback in given if isinstance(callback, History)]
    return (own[0], given) if own else (history := History(), [*given, history])
