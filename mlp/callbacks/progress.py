"""Progress for people: a tqdm bar where that library is installed, otherwise a line an epoch."""

import time
from typing import Any

from mlp.callbacks.base import Callback, Logs
from mlp.naming import require


class EpochLines(Callback):
    """One plain line an epoch: "Epoch 3/100 - 0.01s - loss: 0.6931 - accuracy: 0.5000"."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        seconds = time.perf_counter() - self.started
        print(
            f"Epoch {epoch + 1}/{self.params['epochs']} - {seconds:.2f}s - "
            + " - ".join(f"{name}: {value:.4f}" for name, value in (logs or {}).items())
        )


class ProgressBar(Callback):
    """A tqdm bar over all steps of the run, with the latest epoch's numbers behind it."""

    bar: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        from tqdm import tqdm

        epochs = self.params["epochs"] - self.params.get("initial_epoch", 0)
        self.bar = tqdm(total=epochs * self.params["steps"], unit="step", dynamic_ncols=True)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.bar.set_description(f"Epoch {epoch + 1}/{self.params['epochs']}", refresh=False)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.bar.update()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.bar.set_postfix({name: f"{value:.4f}" for name, value in (logs or {}).items()}, refresh=False)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.bar.close()

    def on_train_failure(self) -> None:
        if self.bar is not None:
            self.bar.close()


def progress(verbose: Any) -> list[Callback]:
    """The callback for `verbose`: none for 0, a bar for 1 or "auto" if tqdm is there, else lines."""
    valid = any(verbose is choice or verbose == choice for choice in (0, 1, 2, "auto"))
    require(valid, "verbose", verbose, '0, 1, 2 or "auto"')
    if not verbose:
        return []
    if verbose in (1, "auto"):
        try:
            import tqdm  # noqa: F401
        except ImportError:
            return [EpochLines()]
        return [ProgressBar()]
    return [EpochLines()]
