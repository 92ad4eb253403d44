"""Progress for people, in Keras's form: a bar where tqdm is installed, otherwise a line an epoch."""

import sys
import time
from typing import Any

from mlp.callbacks.base import Callback, Logs
from mlp.naming import require

REFRESH = 0.1  # seconds between two pictures of a bar


class EpochLines(Callback):
    """Two lines an epoch: "Epoch 3/100" and "32/32 - 0s - 85us/step - accuracy: 0.9310 - loss: 0.1931"."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        print(f"Epoch {epoch + 1}/{self.params['epochs']}")
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        print(line(self.params["steps"], time.perf_counter() - self.started, logs or {}))


class ProgressBar(Callback):
    """A tqdm bar an epoch: the time that is left and then the time taken, and the means so far."""

    bar: Any = None
    every_batch = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        from tqdm import tqdm

        print(f"Epoch {epoch + 1}/{self.params['epochs']}")
        self.bar = tqdm(
            total=self.params["steps"],
            file=sys.stdout,
            ascii=" ━",
            colour="green" if sys.stdout.isatty() else None,
            bar_format="{n_fmt}/{total_fmt} {bar:20} {desc}",
        )
        self.started = self.shown = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        now = time.perf_counter()
        if now - self.shown > REFRESH:
            self.shown, done = now, batch + 1
            left = (now - self.started) / done * (self.params["steps"] - done)
            self.show(done, f"{left:.0f}s {per_step(now - self.started, done)}", logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        seconds, steps = time.perf_counter() - self.started, self.params["steps"]
        self.show(steps, f"{seconds:.0f}s {per_step(seconds, steps)}", logs or {})
        self.bar.close()

    def show(self, done: int, times: str, logs: Logs) -> None:
        """Draw the bar."""
        self.bar.n = done
        self.bar.set_description_str(f"{times} - {numbers(logs)}")

    def on_train_failure(self) -> None:
        if self.bar is not None:
            self.bar.close()


def line(steps: int, seconds: float, logs: Logs) -> str:
    """What Keras prints with ``verbose=2``.

    Examples
    --------
    >>> line(4, 0.0027, {"loss": 0.6564, "accuracy": 0.65})
    '4/4 - 0s - 675us/step - accuracy: 0.6500 - loss: 0.6564'
    """
    return f"{steps}/{steps} - {seconds:.0f}s - {per_step(seconds, steps)} - {numbers(logs)}"


def per_step(seconds: float, steps: int) -> str:
    """The time of a step in a unit that suits it.

    Examples
    --------
    >>> per_step(3.0, 2), per_step(0.25, 10), per_step(0.001, 100)
    ('2s/step', '25ms/step', '10us/step')
    """
    each = seconds / steps
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if each * factor >= 1 or unit == "us":
            break
    return f"{each * factor:.0f}{unit}/step"


def numbers(logs: Logs) -> str:
    """The loss and the metrics by name, those of the validation last.

    Examples
    --------
    >>> numbers({"loss": 0.00012, "val_loss": 0.5, "accuracy": 1.0})
    'accuracy: 1.0000 - loss: 1.2000e-04 - val_loss: 0.5000'
    """
    ordered = sorted(logs.items(), key=lambda item: (item[0].startswith("val_"), item[0]))
    return " - ".join(f"{name}: {_number(value)}" for name, value in ordered)


def _number(value: Any) -> str:
    if not isinstance(value, float | int):
        return str(value)
    return f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}"


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
