"""Callbacks that write files: ModelCheckpoint, CSVLogger, TensorBoard."""

import json
import os
import resource
import sys

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.graph.keras_util import keras_model_to_graph_def
from tensorboard.util import tensor_util

import mlp
from mlp import Sequential, callbacks, layers, metrics
from mlp.errors import ArgumentError, MissingPackageError, ModelFileError

X, y = np.arange(8.0).reshape(8, 1) / 8, np.arange(8.0) / 4


def net(engine="numpy") -> Sequential:
    model = Sequential([layers.Dense(2, "tanh", input_shape=(1,)), layers.Dense(1)], seed=0)
    model.compile("sgd", "mse", metrics=["mae"], engine=engine)
    return model


# checkpoints


def test_checkpoints_are_models(tmp_path):
    model = net()
    saving = callbacks.ModelCheckpoint(tmp_path / "new" / "{epoch:02d}-{val_mae:.3f}.mlp")
    history = model.fit(X, y, epochs=2, validation_data=(X, y), callbacks=[saving], verbose=0).history
    names = [f"{k + 1:02d}-{value:.3f}.mlp" for k, value in enumerate(history["val_mae"])]
    assert sorted(os.listdir(tmp_path / "new")) == names
    again = mlp.models.load_model(tmp_path / "new" / names[1])
    assert all(map(np.array_equal, again.get_weights(), model.get_weights()))
    assert again.optimizer.iterations == 2


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_every_so_many_batches_across_epochs(tmp_path, engine):
    saving = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}.mlp", save_freq=3)
    net(engine).fit(X, y, batch_size=2, epochs=3, callbacks=[saving], verbose=0)
    assert sorted(os.listdir(tmp_path)) == ["1-3.mlp", "2-2.mlp", "3-1.mlp", "3-4.mlp"]
    steps = [
        mlp.models.load_model(tmp_path / name).optimizer.iterations for name in sorted(os.listdir(tmp_path))
    ]
    assert steps == [3, 6, 9, 12]


def test_the_best_is_kept_in_the_next_fit(tmp_path):
    path, model = tmp_path / "best.mlp", net()
    saving = callbacks.ModelCheckpoint(path, "loss", save_best_only=True)
    model.fit(X, y, epochs=5, callbacks=[saving], verbose=0)
    best, content = saving.best, path.read_bytes()
    model.set_weights([w + 1 for w in model.get_weights()])
    model.fit(X, y, epochs=1, callbacks=[saving], verbose=0)
    assert (saving.best, path.read_bytes()) == (best, content)


def test_what_a_checkpoint_says(tmp_path, capsys):
    saving = callbacks.ModelCheckpoint(
        tmp_path / "a.mlp", "loss", verbose=1, save_best_only=True, initial_value_threshold=-1.0, mode="max"
    )
    model = net()
    loss = model.evaluate(X, y)[0]
    model.fit(X, y, batch_size="full", epochs=2, callbacks=[saving], verbose=0)
    assert capsys.readouterr().out == (
        f"\nEpoch 1: loss improved from -1.00000 to {loss:.5f}, saving model to {tmp_path}/a.mlp\n"
        f"\nEpoch 2: loss did not improve from {loss:.5f}\n"
    )


def test_without_the_number_all_are_saved_with_a_warning(tmp_path):
    saving = callbacks.ModelCheckpoint(tmp_path / "a.mlp", save_best_only=True)
    with pytest.warns(UserWarning, match=r"monitor='val_loss' is not one number .* have 'loss', 'mae'"):
        net().fit(X, y, callbacks=[saving], verbose=0)
    assert (tmp_path / "a.mlp").exists()


def test_a_checkpoint_that_fails_leaves_model_and_file(tmp_path):
    path, model = tmp_path / "a.mlp", net()
    path.mkdir()
    with pytest.raises(ModelFileError, match=r"a\.mlp"):
        model.fit(X, y, callbacks=[callbacks.ModelCheckpoint(path)], verbose=0)
    assert np.isfinite(model.predict(X)).all()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ModelFileError, match="cannot make the folder of"):
        model.fit(X, y, callbacks=[callbacks.ModelCheckpoint(tmp_path / "file" / "a.mlp")], verbose=0)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["{val_loss}.mlp", "{}.mlp", "{epoch:x.2}.mlp", "{epoch!z}.mlp", "{loss.x}.mlp"]
)
def test_names_that_cannot_be_filled_in(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError, match=r"cannot be filled in: .* there may be 'epoch', 'loss', 'mae'"):
        net().fit(X, y, callbacks=[callbacks.ModelCheckpoint(name)], verbose=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filepath": "a.h5"}, "filepath must be a path that ends in '.mlp' or '.keras'"),
        ({"filepath": 3}, "filepath must be a path"),
        ({"filepath": "a.keras", "save_weights_only": True}, "ends in '.weights.h5' or"),
        ({"filepath": "a.mlp", "save_freq": "batch"}, 'save_freq must be "epoch" or a positive integer'),
        ({"filepath": "a.mlp", "save_freq": 0}, 'save_freq must be "epoch" or a positive integer'),
        ({"filepath": "a.mlp", "initial_value_threshold": "low"}, "initial_value_threshold must be a number"),
    ],
)
def test_bad_arguments_of_a_checkpoint(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        callbacks.ModelCheckpoint(**arguments)


# CSV


def test_csv_of_a_fit(tmp_path):
    logger, model = callbacks.CSVLogger(tmp_path / "log.csv", separator=";"), net()
    history = model.fit(X, y, epochs=2, callbacks=[logger], verbose=0, validation_data=(X, y)).history
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0] == "epoch;loss;mae;val_loss;val_mae"
    assert [line.split(";")[1] for line in lines[1:]] == [str(loss) for loss in history["loss"]]
    model.fit(X, y, epochs=1, callbacks=[logger], verbose=0)  # serves again, and begins anew
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 2
    model.fit(X, y, epochs=0, callbacks=[logger], verbose=0)
    assert (tmp_path / "log.csv").read_text() == ""


def test_a_resumed_run_goes_on_with_its_rows(tmp_path):
    path, model = tmp_path / "log.csv", net()
    first = callbacks.CSVLogger(path)
    first.set_model(model)
    first.on_train_begin()
    first.on_epoch_end(0, {"loss": 1.0})
    kept = first.get_state()
    first.on_epoch_end(1, {"loss": 0.5})  # of which no backup was made any more
    first.on_train_failure()
    again = callbacks.CSVLogger(path)
    again.on_train_begin()
    again.set_state(kept)
    again.on_epoch_end(1, {"loss": 0.25})
    again.on_epoch_end(2, {"loss": 0.125})
    again.on_train_end()
    assert path.read_text().splitlines() == ["epoch,loss,val_loss", "0,1.0,NA", "1,0.25,NA", "2,0.125,NA"]


def test_nothing_is_lost_before_the_first_row(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("mine")

    class Bad(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            raise KeyError("mine")

    logger = callbacks.CSVLogger(path)
    with pytest.raises(KeyError, match="mine"):
        net().fit(X, y, callbacks=[logger, Bad()], verbose=0)
    assert (path.read_text(), logger.file) == ("mine", None)


def test_a_csv_file_that_cannot_be_written(tmp_path):
    for path, reason in ((tmp_path, "Is a directory"), (tmp_path / "no" / "a.csv", "No such file")):
        with pytest.raises(ModelFileError, match=rf"CSVLogger cannot write .*{reason}") as caught:
            net().fit(X, y, callbacks=[callbacks.CSVLogger(path)], verbose=0)
        assert caught.value.errno
    with pytest.raises(ArgumentError, match="separator must be one character"):
        callbacks.CSVLogger("a.csv", separator=", ")
    with pytest.raises(ArgumentError, match="append must be True or False"):
        callbacks.CSVLogger("a.csv", append="no")


def test_a_full_disk_is_told_and_the_other_callbacks_hear_of_the_failure(tmp_path):
    path, heard = tmp_path / "log.csv", []
    logger, later = callbacks.CSVLogger(path), callbacks.Callback()
    later.on_train_failure = lambda: heard.append("told")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60, limits[1]))
    try:
        with pytest.raises(ModelFileError, match=r"CSVLogger cannot write .*log\.csv: File too large"):
            net().fit(X, y, epochs=9, callbacks=[logger, later], verbose=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (logger.file, heard) == (None, ["told"])


# TensorBoard


def events(folder):
    """What TensorBoard's own reader finds: for each tag its steps and values."""
    reader = EventAccumulator(str(folder)).Reload()
    found = {}
    for tag in reader.Tags()["tensors"]:
        found[tag] = {e.step: tensor_util.make_ndarray(e.tensor_proto) for e in reader.Tensors(tag)}
    return found


def test_tensorboard_by_epochs(tmp_path):
    model = net()
    board = callbacks.TensorBoard(tmp_path, histogram_freq=2, write_steps_per_second=True)
    history = model.fit(X, y, epochs=3, validation_data=(X, y), callbacks=[board], verbose=0).history
    train, held_out = events(tmp_path / "train"), events(tmp_path / "validation")
    histograms = {
        f"sequential/{layer}/{name}/histogram"
        for layer in ("dense", "dense_1")
        for name in ("kernel", "bias")
    }
    scalars = {"epoch_loss", "epoch_mae", "epoch_learning_rate", "epoch_steps_per_second"}
    assert set(train) == scalars | histograms | {"keras"}
    vs_steps = {"evaluation_loss_vs_iterations", "evaluation_mae_vs_iterations"}
    assert set(held_out) == {"epoch_loss", "epoch_mae"} | vs_steps
    assert train["epoch_loss"] == pytest.approx(dict(enumerate(history["loss"])))
    assert held_out["epoch_mae"] == pytest.approx(dict(enumerate(history["val_mae"])))
    assert list(held_out["evaluation_loss_vs_iterations"]) == [1, 2, 3]
    assert train["epoch_learning_rate"][2] == pytest.approx(0.01)
    buckets = train["sequential/dense/kernel/histogram"]
    assert list(buckets) == [0, 2]
    assert buckets[2][:, 2].sum() == 2  # weights
    text = train["keras"][0].item()
    nodes = {node.name: list(node.input) for node in keras_model_to_graph_def(json.loads(text)).node}
    assert nodes == {"sequential/dense": [], "sequential/dense_1": ["sequential/dense"]}


@pytest.mark.parametrize(("frequency", "steps"), [("batch", [1, 2, 3, 4, 5, 6]), (2, [2, 4, 6])])
def test_tensorboard_by_batches(tmp_path, frequency, steps):
    board = callbacks.TensorBoard(
        tmp_path, update_freq=frequency, write_graph=False, write_steps_per_second=True
    )
    net("numba").fit(X, y, batch_size=3, epochs=2, callbacks=[board], verbose=0)
    train = events(tmp_path / "train")
    assert list(train["batch_loss"]) == list(train["batch_mae"]) == steps
    assert list(train["batch_steps_per_second"]) == steps
    assert "keras" not in train


def test_tensorboard_of_several_numbers_and_of_evaluate(tmp_path):
    model = Sequential([layers.Dense(2, "sigmoid", input_shape=(1,))], seed=0)
    model.compile("sgd", "mse", metrics=[metrics.F1Score(name="f1")])
    targets = np.eye(2)[[0, 1] * 4]
    model.fit(X, targets, callbacks=[callbacks.TensorBoard(tmp_path / "a")], verbose=0)
    assert {"epoch_f1_0", "epoch_f1_1"} < set(events(tmp_path / "a" / "train"))
    board = callbacks.TensorBoard(tmp_path / "b")
    model.evaluate(X, targets, callbacks=[board])
    assert "evaluation_loss_vs_iterations" in events(tmp_path / "b" / "validation")
    assert not board.writers


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"write_images": True}, "write_images must be False: histogram_freq=1 writes"),
        ({"profile_batch": 2}, "profile_batch must be 0: profiling is TensorFlow's"),
        ({"profile_batch": (2, 4)}, "profile_batch must be 0"),
        ({"embeddings_freq": 1}, "embeddings_freq must be 0: the projector"),
        ({"embeddings_metadata": {"a": "b"}}, "embeddings_metadata must be None"),
        ({"update_freq": "step"}, 'update_freq must be "epoch", "batch" or'),
        ({"update_freq": 0}, 'update_freq must be "epoch", "batch" or'),
        ({"histogram_freq": -1}, "histogram_freq must be an integer of at least 0"),
        ({"log_dir": 3}, "log_dir must be a path"),
    ],
)
def test_bad_arguments_of_tensorboard(options, message):
    with pytest.raises(ArgumentError, match=message):
        callbacks.TensorBoard(**options)


def test_tensorboard_that_cannot_write_or_is_not_installed(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ModelFileError, match=r"TensorBoard cannot write .*file"):
        net().fit(X, y, callbacks=[callbacks.TensorBoard(tmp_path / "file")], verbose=0)
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.event_file_writer", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'mlp\[tensorboard\]'"):
        net().fit(X, y, callbacks=[callbacks.TensorBoard(tmp_path)], verbose=0)
