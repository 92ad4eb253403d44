"""Callbacks that write the numbers of a training to files, for spreadsheets and for TensorBoard."""

import csv
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from mlp.callbacks.base import Callback, Logs
from mlp.callbacks.monitoring import require_counts
from mlp.errors import ArgumentError, MissingPackageError, ModelFileError
from mlp.layers import stack
from mlp.naming import describe, is_integer, require, require_bool
from mlp.optimizers.settings import KERAS_WORDS

if TYPE_CHECKING:
    from mlp.model import Model

KERAS_NAMES = {ours: theirs for theirs, ours in KERAS_WORDS.items()}


@contextmanager
def _reported(owner: str, path: str) -> Iterator[None]:
    """Say which file it is that the system refuses."""
    try:
        yield
    except OSError as error:
        refused = ModelFileError(f"{owner} cannot write {path}: {error.strerror or error}")
        refused.errno = error.errno
        raise refused from error


class CSVLogger(Callback):
    """Write the losses and metrics of every epoch to a CSV file, a row an epoch.

    Parameters
    ----------
    filename : str or path
        Where to, in a folder that exists.
    separator : str of one character, default ","
    append : bool, default False
        Go on with the file that is there, instead of replacing it.

    Raises
    ------
    ArgumentError
        If an argument cannot be used.
    ModelFileError
        If the file cannot be written.

    Notes
    -----
    The columns are "epoch", counted from 0, and the names in the first epoch's logs in the order of the
    alphabet; if none of them is one of a validation, those follow with "NA", for the epochs that have a
    validation. A metric with several values stands as "[a, b]" in quotation marks.

    A run that `BackupAndRestore` resumes goes on with the file, and rows of epochs that are made again
    are taken away before.

    Source: Keras 3, ``keras.callbacks.CSVLogger``.

    Examples
    --------
    >>> import mlp, pathlib, tempfile
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], seed=0)
    >>> model.compile("sgd", "mse")
    >>> path = pathlib.Path(tempfile.mkdtemp(), "log.csv")
    >>> history = model.fit([[0.0]], [0.0], epochs=2, callbacks=[CSVLogger(path)], verbose=0)
    >>> print(path.read_text())
    epoch,loss,val_loss
    0,0.0,NA
    1,0.0,NA
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        given = isinstance(filename, str | os.PathLike) and isinstance(os.fspath(filename), str)
        require(given, "filename", filename, "a path, such as 'log.csv'")
        one = isinstance(separator, str) and len(separator) == 1 and separator not in '\r\n"'
        require(one, "separator", separator, "one character")
        require_bool("append", append)
        self.filename, self.separator, self.append = os.fspath(filename), separator, append
        self.file: TextIO | None = None
        self.keys: list[str] | None = None
        self.written = 0  # bytes, so far
        self.keep: int | None = None  # bytes of what is there that stay, once a row is written

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.on_train_failure()
        with _reported("CSVLogger", self.filename):
            # of what is there nothing is lost before the first row: the run may be one that goes on
            self.file = open(self.filename, "a", newline="", encoding="utf-8")  # noqa: SIM115
            self.written = os.fstat(self.file.fileno()).st_size if self.append else 0
        self.keys, self.keep = None, None if self.append else 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.file is None:
            raise ArgumentError("CSVLogger has no file open: on_train_begin comes first")
        logs = logs or {}
        has_header = self.keys is not None or self.written > 0
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):
                self.keys += [f"val_{key}" for key in self.keys]
        with _reported("CSVLogger", self.filename):
            self._cut(self.file)
            writer = csv.DictWriter(self.file, ["epoch", *self.keys], delimiter=self.separator)
            if not has_header:
                writer.writeheader()
            writer.writerow({"epoch": epoch} | {key: _cell(logs.get(key, "NA")) for key in self.keys})
            self.file.flush()
            self.written = os.fstat(self.file.fileno()).st_size

    def _cut(self, file: TextIO) -> None:
        if self.keep is not None:
            file.truncate(min(self.keep, os.fstat(file.fileno()).st_size))
            self.keep = None

    def on_train_end(self, logs: Logs | None = None) -> None:
        with _reported("CSVLogger", self.filename):
            if self.file is not None:
                self._cut(self.file)
            self._close()

    def on_train_failure(self) -> None:
        with suppress(OSError):  # of a full disk, say, for which the training has failed
            self._close()

    def _close(self) -> None:
        file, self.file = self.file, None
        if file is not None:
            file.close()

    def get_state(self) -> dict[str, Any]:
        return {"keys": self.keys, "written": self.written}

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        self.keep = self.written


def _cell(value: Any) -> Any:
    if isinstance(value, str) or not np.ndim(value):
        return value
    return f'"[{", ".join(map(str, value))}]"'


class TensorBoard(Callback):
    """Write event files that TensorBoard shows: ``tensorboard --logdir logs``.

    Needs ``pip install 'mlp[tensorboard]'``, whose own writer makes the files; TensorFlow is not needed.

    Parameters
    ----------
    log_dir : str or path, default "logs"
        A folder for this run; it gets the folders "train" and "validation".
    histogram_freq : int, default 0
        Write histograms of the weights every so many epochs; 0 is never.
    write_graph : bool, default True
        Write the layers, for the page of graphs.
    write_images : False
        Weights as images: not here; histograms show them.
    write_steps_per_second : bool, default False
        Also write how many batches were made in a second.
    update_freq : "epoch", "batch" or int, default "epoch"
        Write the losses and metrics so far also after every batch, or every so many. On the compiled
        engine each batch is then a step by itself, which is slower.
    profile_batch, embeddings_freq, embeddings_metadata : 0, 0 and None
        What needs TensorFlow: not here.

    Raises
    ------
    ArgumentError
        If an argument cannot be used, or asks for what is not here.
    MissingPackageError
        When the training begins, if tensorboard is not installed.
    ModelFileError
        If the files cannot be written.

    Notes
    -----
    The names are Keras's: by epoch, counted from 0, "epoch_loss", "epoch_learning_rate" and the
    metrics, with those of the validation under the same names in their own folder; by batch, counted
    from 1, "batch_loss" …; by the optimizer's steps "evaluation_loss_vs_iterations" …; and
    "sequential/dense/kernel/histogram". A metric with several values has one name for each, that
    ends in "_0", "_1" …

    Source: Keras 3, ``keras.callbacks.TensorBoard``.

    Examples
    --------
    >>> board = TensorBoard("logs/first", histogram_freq=5)
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        given = isinstance(log_dir, str | os.PathLike) and isinstance(os.fspath(log_dir), str)
        require(given, "log_dir", log_dir, "a path, such as 'logs'")
        require_counts(histogram_freq=histogram_freq)
        require_bool("write_graph", write_graph)
        require_bool("write_steps_per_second", write_steps_per_second)
        named = isinstance(update_freq, str) and update_freq in ("epoch", "batch")
        often = named or (is_integer(update_freq) and int(update_freq) > 0)
        require(often, "update_freq", update_freq, '"epoch", "batch" or a positive integer')
        histograms = "False: histogram_freq=1 writes the weights as histograms"
        require(write_images is False, "write_images", write_images, histograms)
        profiler = (
            "0: profiling is TensorFlow's; python -m cProfile and write_steps_per_second=True show times"
        )
        require(profile_batch in (0, None), "profile_batch", profile_batch, profiler)
        projector = "0: the projector reads TensorFlow's files; get_weights() has the embeddings"
        require(embeddings_freq in (0, None), "embeddings_freq", embeddings_freq, projector)
        no_metadata = "None: embeddings are not written"
        require(embeddings_metadata is None, "embeddings_metadata", embeddings_metadata, no_metadata)
        self.log_dir, self.histogram_freq = os.fspath(log_dir), histogram_freq
        self.write_graph, self.write_images = write_graph, write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.profile_batch = profile_batch
        self.embeddings_freq, self.embeddings_metadata = embeddings_freq, embeddings_metadata
        self.writers: dict[str, Any] = {}
        self.in_fit, self.train_batch = False, 0

    @property
    def every_batch(self) -> bool | None:  # type: ignore[override]
        """Only where numbers of batches are written must they be heard."""
        return None if self.update_freq == "epoch" else True

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._close()
        self.in_fit, self.train_batch = True, 0
        if self.write_graph:
            self._write("train", [_graph(self.model)], 0)
        self._flush("train")

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.in_fit = False
        self._close()

    def on_train_failure(self) -> None:
        self.on_train_end()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch_began, self.steps_before = time.perf_counter(), self.model.optimizer.iterations

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self.batch_began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.train_batch += 1
        if isinstance(self.update_freq, str) or self.train_batch % self.update_freq:
            return
        numbers = {f"batch_{name}": value for name, value in (logs or {}).items()}
        if self.write_steps_per_second:
            numbers["batch_steps_per_second"] = 1 / (time.perf_counter() - self.batch_began)
        self._write("train", _scalars(numbers), self.train_batch)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs, optimizer = logs or {}, self.model.optimizer
        train = {f"epoch_{name}": value for name, value in logs.items() if not name.startswith("val_")}
        held_out = {f"epoch_{name[4:]}": value for name, value in logs.items() if name.startswith("val_")}
        if hasattr(optimizer, "current_rate"):
            train["epoch_learning_rate"] = optimizer.current_rate()
        if self.write_steps_per_second:
            steps, seconds = optimizer.iterations - self.steps_before, time.perf_counter() - self.epoch_began
            train["epoch_steps_per_second"] = steps / seconds
        self._write("train", _scalars(train), epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write("train", _histograms(self.model), epoch)
        if held_out:
            self._write("validation", _scalars(held_out), epoch)
        for name in self.writers:
            self._flush(name)

    def on_test_end(self, logs: Logs | None = None) -> None:
        numbers = {f"evaluation_{name}_vs_iterations": value for name, value in (logs or {}).items()}
        self._write("validation", _scalars(numbers), self.model.optimizer.iterations)
        if not self.in_fit:
            self._close()

    def get_state(self) -> dict[str, Any]:
        return {"train_batch": self.train_batch}  # not the clocks

    def _writer(self, name: str) -> Any:
        if name not in self.writers:
            self.writers[name] = _require_tensorboard()(os.path.join(self.log_dir, name))
        return self.writers[name]

    def _write(self, name: str, summaries: Iterable[Any], step: int) -> None:
        _require_tensorboard()
        from tensorboard.compat.proto.event_pb2 import Event

        with _reported("TensorBoard", os.path.join(self.log_dir, name)):
            writer = self._writer(name)
            for summary in summaries:
                writer.add_event(Event(summary=summary, step=step, wall_time=time.time()))

    def _flush(self, name: str) -> None:
        with _reported("TensorBoard", os.path.join(self.log_dir, name)):
            self._writer(name).flush()

    def _close(self) -> None:
        while self.writers:
            name, writer = self.writers.popitem()
            with _reported("TensorBoard", os.path.join(self.log_dir, name)):
                writer.close()


def _require_tensorboard() -> Any:
    try:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        raise MissingPackageError(
            "TensorBoard needs the package tensorboard: pip install 'mlp[tensorboard]'"
        ) from error
    return EventFileWriter


def _scalars(numbers: Logs) -> Iterator[Any]:
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb

    for tag, value in numbers.items():
        if np.ndim(value):
            for k, each in enumerate(np.ravel(value)):
                yield scalar_pb(f"{tag}_{k}", each)
        else:
            yield scalar_pb(tag, value)


def _histograms(model: "Model") -> Iterator[Any]:
    from tensorboard.plugins.histogram.summary_v2 import histogram_pb

    for path, leaf in stack.leaves(model.layers):
        for name, value in leaf.parameters.items():
            tag = f"{model.name}/{path.replace('.', '/')}/{KERAS_NAMES.get(name, name)}/histogram"
            yield histogram_pb(tag, value)


def _graph(model: "Model") -> Any:
    """The layers in Keras's form of a model, which TensorBoard draws."""
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.util.tensor_util import make_tensor_proto

    layers = [
        {
            "class_name": describe(layer)["class_name"],
            "config": {"name": layer.name, "dtype": model.dtype, "trainable": layer.trainable},
        }
        for layer in model.layers
    ]
    document = {"class_name": "Sequential", "config": {"name": model.name, "layers": layers}}
    plugin = SummaryMetadata.PluginData(plugin_name="graph_keras_model", content=b"1")
    summary = Summary()
    summary.value.add(
        tag="keras",
        tensor=make_tensor_proto(json.dumps(document)),
        metadata=SummaryMetadata(plugin_data=plugin),
    )
    return summary
