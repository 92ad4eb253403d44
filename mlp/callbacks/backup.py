"""A backup of a run in hand, from which another process goes on to the same bits."""

import contextlib
import os
from typing import Any

from mlp import storage
from mlp.callbacks.base import Callback, Logs
from mlp.errors import ModelFileError
from mlp.naming import is_integer, require, require_bool

NAME = "training.mlp"


class BackupAndRestore(Callback):
    """Keep the state of the run in a folder; a `fit` that finds one there goes on where that run stopped.

    A process that is killed at any moment and started again, by the same script, ends with the very
    weights, history and optimizer of one that was not. What is kept: the weights, the optimizer's state
    and rate, the epoch and the batch, all generators, the means of the epoch in hand, and the state of
    the callbacks (see `Callback.get_state`). Data come from the script again: arrays, files and sequences of
    batches are gone on with where they stood, iterators are drawn from up to there.

    A solver whose memory is not its own (`LBFGS`) begins again with the weights that `fit` began with.

    Parameters
    ----------
    backup_dir : path
        A folder, made if there is none. Each run needs its own.
    save_freq : "epoch", "never" or int, default "epoch"
        At the end of each epoch; or also after so many batches, or with a compiled engine at the end of the
        chunk of batches in which they are over.
    double_checkpoint : bool, default False
        Keep the backup before the last one too, and take it if the last cannot be read. (Backups are
        written in one step, so that a killed process leaves a whole one anyway.)
    delete_checkpoint : bool, default True
        Delete the backup when the training has come to its end, which Ctrl-C is not.

    Raises
    ------
    ArgumentError
        By `fit`, if the backup is of another model or run.
    ModelFileError
        By `fit`, if the folder cannot be made, read or written.

    Examples
    --------
    >>> import mlp, tempfile, numpy as np
    >>> X, y = np.random.default_rng(0).normal(size=(64, 3)), np.arange(64.0)
    >>> def train(folder, epochs):
    ...     model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(3,))], seed=0)
    ...     model.compile("adam", "mse")
    ...     keeper = BackupAndRestore(folder, delete_checkpoint=False)
    ...     model.fit(X, y, epochs=epochs, callbacks=[keeper], verbose=0)
    ...     return model
    >>> folder = tempfile.mkdtemp()
    >>> stopped, resumed = train(folder, 3), train(folder, 5)
    >>> whole = train(tempfile.mkdtemp(), 5)
    >>> np.array_equal(resumed.get_weights()[0], whole.get_weights()[0])
    True
    """

    every_batch = False
    heard_last = True

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        require(isinstance(backup_dir, str | os.PathLike), "backup_dir", backup_dir, "the path of a folder")
        often = save_freq in ("epoch", "never") or (is_integer(save_freq) and int(save_freq) > 0)
        require(often, "save_freq", save_freq, "'epoch', 'never' or a positive number of batches")
        require_bool("double_checkpoint", double_checkpoint)
        require_bool("delete_checkpoint", delete_checkpoint)
        self.backup_dir, self.save_freq = backup_dir, save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self.batches_since, self.batch_before, self.due = 0, 0, False
        self.path = os.path.join(os.fspath(backup_dir), NAME)
        self.former = self.path + ".former"

    def get_state(self) -> dict[str, Any]:
        return {"batches_since": self.batches_since, "batch_before": self.batch_before}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.batches_since, self.batch_before, self.due = 0, 0, False
        try:
            os.makedirs(os.fspath(self.backup_dir), exist_ok=True)
        except OSError as error:
            raise ModelFileError(f"the folder for backups cannot be made: {error}") from error
        state = self._read()
        if state is not None and self.model.run is not None:
            self.model.run.resume(state)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.batch_before = 0

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if isinstance(self.save_freq, str):
            return
        self.batches_since += batch + 1 - self.batch_before
        self.batch_before = batch + 1
        if self.batches_since >= self.save_freq:
            self.batches_since = 0
            self.due = batch + 1 == self.params["steps"]  # the epoch ends in a moment
            if not self.due:
                self._write()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch" or self.due:
            self.due = False
            self._write()

    def on_train_end(self, logs: Logs | None = None) -> None:
        run = self.model.run
        if self.delete_checkpoint and run is not None and not run.interrupts.heard:
            for path in (self.path, self.former):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)

    def _read(self) -> dict[str, Any] | None:
        paths = [path for path in (self.path, self.former) if os.path.exists(path)]
        for path in paths:
            try:
                arrays, description = storage.read(path)
                state: dict[str, Any] = storage.unpack(description["training"], arrays)
            except (ModelFileError, KeyError) as error:
                if path == paths[-1]:
                    reason = f"it has no {error}" if isinstance(error, KeyError) else error
                    raise ModelFileError(
                        f"the backup {path} cannot be gone on from: {reason}. Delete it to begin anew."
                    ) from error
            else:
                return state
        return None

    def _write(self) -> None:
        if self.model.run is None:
            return
        plain, arrays = storage.pack(self.model.run.state())
        if self.double_checkpoint and os.path.exists(self.path):
            os.replace(self.path, self.former)
        storage.write(self.path, arrays, {"model": self.model.get_config(), "training": plain})
