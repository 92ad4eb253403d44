"""Progress for people, in Keras's form: a bar where tqdm is installed, otherwise a line an epoch."""

import sys
import time
from collections.abc import Iterable
from typing import Any

from mlp.callbacks.base import Callback, Logs
from mlp.naming import require

REFRESH = 0.1  # seconds between two pictures of a bar
KNOWN, UNKNOWN = "{n_fmt}/{total_fmt} {bar:20} {desc}", "{n_fmt}/Unknown {desc}"


class ProgbarLogger(Callback):
    """What ``verbose=1`` shows: a bar for every epoch, with the loss and the metrics so far.

    Without tqdm, or with ``verbose=2``, it is a line at the end of the epoch. As in Keras it can be
    given to `evaluate` and `predict` too.

    Notes
    -----
    Source: Keras 3, ``keras.callbacks.ProgbarLogger``.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], seed=0)
    >>> model.compile("sgd", "mse")
    >>> history = model.fit([[0.0]], [0.0], callbacks=[ProgbarLogger()], verbose=2)  # doctest: +ELLIPSIS
    Epoch 1/1
    1/1 - 0s - ...s/step - loss: 0.0000e+00
    """

    bar: Any = None
    verbose = 1
    steps: int | None = None
    in_fit = False

    @property
    def every_batch(self) -> bool | None:  # type: ignore[override]
        """The ends of chunks are enough for a bar; for lines it need hear none."""
        return False if self.verbose == 1 and _has_tqdm() else None

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        verbose = params.get("verbose", 1)
        self.verbose, self.steps = 1 if verbose == "auto" else int(verbose), params.get("steps")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.in_fit = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.in_fit = False

    def on_train_failure(self) -> None:
        self.in_fit = False
        self._close()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.steps = self.params["steps"] or self.steps
        if self.verbose:
            print(f"Epoch {epoch + 1}/{self.params['epochs']}")
        self._open()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._update(batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._finish(logs or {})

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if not self.in_fit:
            self._open()

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if not self.in_fit:
            self._update(batch, logs or {})

    def on_test_end(self, logs: Logs | None = None) -> None:
        if not self.in_fit:
            self._finish(logs or {})

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._open()

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._update(batch, {})

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._finish({})

    def get_state(self) -> dict[str, Any]:
        return {}

    # what is shown

    def _open(self) -> None:
        self.started = self.shown = time.perf_counter()
        self.done = 0
        if self.verbose == 1 and _has_tqdm():
            from tqdm import tqdm

            self._close()
            self.bar = tqdm(
                total=self.steps,
                file=sys.stdout,
                ascii=" ━",
                colour="green" if sys.stdout.isatty() else None,
                bar_format=KNOWN if self.steps else UNKNOWN,
            )

    def _update(self, batch: int, logs: Logs) -> None:
        self.done, now = batch + 1, time.perf_counter()
        if self.bar is not None and now - self.shown > REFRESH:
            self.shown, seconds = now, now - self.started
            clock = seconds / self.done * (self.steps - self.done) if self.steps else seconds
            self._show(f"{clock:.0f}s {per_step(seconds, self.done)}", logs)

    def _finish(self, logs: Logs) -> None:
        seconds = time.perf_counter() - self.started
        self.steps = steps = self.steps or self.params.get("steps") or self.done or 1
        if self.bar is not None:
            self.done = self.done or steps  # fewer where the time was over, or the loss infinite
            self.bar.total, self.bar.bar_format = steps, KNOWN
            self._show(f"{seconds:.0f}s {per_step(seconds, self.done)}", logs)
            self._close()
        elif self.verbose:
            print(line(steps, seconds, logs))

    def _show(self, times: str, logs: Logs) -> None:
        self.bar.n = self.done
        self.bar.set_description_str(" - ".join(filter(None, [times, numbers(logs)])))

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def _has_tqdm() -> bool:
    try:
        import tqdm  # noqa: F401
    except ImportError:
        return False
    return True


def line(steps: int, seconds: float, logs: Logs) -> str:
    """What Keras prints with ``verbose=2``.

    Examples
    --------
    >>> line(4, 0.0027, {"loss": 0.6564, "accuracy": 0.65})
    '4/4 - 0s - 675us/step - accuracy: 0.6500 - loss: 0.6564'
    """
    return " - ".join(
        filter(None, [f"{steps}/{steps}", f"{seconds:.0f}s", per_step(seconds, steps), numbers(logs)])
    )


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


def progress(verbose: Any, given: Iterable[Callback] = ()) -> list[Callback]:
    """The callback for `verbose`, unless there is one among those that are given."""
    valid = any(verbose is choice or verbose == choice for choice in (0, 1, 2, "auto"))
    require(valid, "verbose", verbose, '0, 1, 2 or "auto"')
    if not verbose or any(isinstance(callback, ProgbarLogger) for callback in given):
        return []
    return [ProgbarLogger()]
