"""Saving the model while it trains."""

import math
import os
import warnings
from typing import Any

import numpy as np

from mlp.callbacks.base import Callback, Logs
from mlp.callbacks.monitoring import Monitor, require_verbose
from mlp.errors import ArgumentError, ModelFileError
from mlp.naming import is_integer, require, require_bool, require_in

MODELS, WEIGHTS = (".mlp", ".keras"), (".weights.h5", ".mlp", ".safetensors")


class ModelCheckpoint(Callback):
    """Save the model, or its weights, after every epoch or every so many batches; or only the best.

    Parameters
    ----------
    filepath : str or path
        Where to. Ends in ".mlp" or ".keras"; with `save_weights_only` in ".weights.h5" (Keras's form),
        ".mlp" or ".safetensors". May have the epoch, counted from 1, and numbers from the logs in
        braces: "{epoch:02d}-{val_loss:.2f}.mlp"; with a number as `save_freq` also "{batch}". Folders
        are made.
    monitor : str, default "val_loss"
        With `save_best_only`, what says which is the best: a name in the logs.
    verbose : {0, 1}, default 0
        Whether to say what is done.
    save_best_only : bool, default False
        Save only what is better than all before.
    save_weights_only : bool, default False
        ``model.save_weights`` instead of ``model.save``.
    mode : {"auto", "min", "max"}, default "auto"
        Whether less or more is better; "auto" asks the metric.
    save_freq : "epoch" or int, default "epoch"
        Save after so many batches, whatever the epoch.
    initial_value_threshold : float, optional
        With `save_best_only`, what even the first must be better than.

    Attributes
    ----------
    best : float or None
        The best value so far. As in Keras another `fit` goes on from it, so that it does not replace a
        better model by its own first one.

    Raises
    ------
    ArgumentError
        If an argument cannot be used; when saving, if the logs do not have what is in braces.
    ModelFileError
        When saving, if the file cannot be written; what was there before is as it was.

    Notes
    -----
    Where the logs of an epoch lack what is monitored, the model is saved, with a warning. After an epoch
    that diverged none counts as the best.

    Source: Keras 3, ``keras.callbacks.ModelCheckpoint``.

    Examples
    --------
    >>> import mlp, os, tempfile
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], seed=0)
    >>> model.compile("sgd", "mse")
    >>> folder = tempfile.mkdtemp()
    >>> saved = ModelCheckpoint(os.path.join(folder, "{epoch:02d}.mlp"))
    >>> history = model.fit([[0.0]], [0.0], epochs=2, callbacks=[saved], verbose=0)
    >>> sorted(os.listdir(folder))
    ['01.mlp', '02.mlp']
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        self.watched = Monitor("ModelCheckpoint", monitor, mode)
        require_verbose(verbose)
        require_bool("save_best_only", save_best_only)
        require_bool("save_weights_only", save_weights_only)
        often = (isinstance(save_freq, str) and save_freq == "epoch") or (
            is_integer(save_freq) and int(save_freq) > 0
        )
        require(often, "save_freq", save_freq, '"epoch" or a positive integer, a number of batches')
        if initial_value_threshold is not None:
            require_in("(-inf, inf)", "initial_value_threshold", initial_value_threshold)
        self.filepath = _checked(filepath, WEIGHTS if save_weights_only else MODELS)
        self.monitor, self.mode, self.verbose = monitor, mode, verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.save_freq, self.initial_value_threshold = save_freq, initial_value_threshold
        self.best: float | None = initial_value_threshold
        self.batches_since, self.last_batch, self.current_epoch = 0, -1, 0

    @property
    def every_batch(self) -> bool | None:  # type: ignore[override]
        """Only where batches are counted must each of them be heard."""
        return None if self.save_freq == "epoch" else True

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.current_epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if isinstance(self.save_freq, str):
            return
        new_epoch = batch <= self.last_batch
        self.batches_since += batch + 1 if new_epoch else batch - self.last_batch
        self.last_batch = batch
        if self.batches_since >= self.save_freq:
            self.batches_since = 0
            self._save(self.current_epoch, batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, None, logs or {})

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        path = self._path(epoch, batch, logs)
        said = self._reason(logs)
        if said is None:
            self._say(epoch, f"{self.monitor} did not improve from {_number(self.best)}")
            return
        self._say(epoch, f"{said}saving model to {path}")
        current = logs.get(self.monitor)
        best = self.best if not self.save_best_only or current is None or np.ndim(current) else float(current)
        try:
            os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        except OSError as error:
            refused = ModelFileError(f"ModelCheckpoint cannot make the folder of {path}: {error.strerror}")
            refused.errno = error.errno
            raise refused from error
        model: Any = self.model
        (model.save_weights if self.save_weights_only else model.save)(path, overwrite=True)
        self.best = best

    def _reason(self, logs: Logs) -> str | None:
        """Why to save, as a part of what is printed; None for not to."""
        if not self.save_best_only:
            return ""
        current = logs.get(self.monitor)
        if current is None and not math.isfinite(logs.get("loss", 0.0)):
            return None  # the epoch diverged, and was not evaluated
        if current is None or np.ndim(current):
            known = ", ".join(map(repr, logs)) or "none"
            warnings.warn(
                f"ModelCheckpoint saves whether it is the best or not: monitor={self.monitor!r} is not one "
                f"number in these logs, which have {known}",
                stacklevel=2,
            )
            return ""
        if self.watched.improves(float(current), self.best, self.model):
            return f"{self.monitor} improved from {_number(self.best)} to {_number(current)}, "
        return None

    def _path(self, epoch: int, batch: int | None, logs: Logs) -> str:
        names = {"epoch": epoch + 1} | ({} if batch is None else {"batch": batch + 1}) | logs
        try:
            return self.filepath.format(**names)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            raise ArgumentError(
                f"filepath={self.filepath!r} cannot be filled in: {type(error).__name__}: {error}; in braces "
                f"there may be {', '.join(map(repr, names))}, with a format such as {{epoch:02d}}"
            ) from error

    def _say(self, epoch: int, text: str) -> None:
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: {text}")


def _checked(filepath: Any, endings: tuple[str, ...]) -> str:
    given = isinstance(filepath, str | os.PathLike)
    path = os.fspath(filepath) if given else ""
    expected = f"a path that ends in {' or '.join(map(repr, endings))}"
    require(isinstance(path, str) and path.endswith(endings), "filepath", filepath, expected)
    return str(path)


def _number(value: Any) -> str:
    return "None" if value is None else f"{float(value):.5f}"
