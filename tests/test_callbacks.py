"""Callbacks: the moments in order, stopping, and what is printed."""

import copy
import re
import sys
import threading

import numpy as np
import pytest

from mlp import Sequential, callbacks, layers
from mlp.errors import ArgumentError

X, y = np.arange(8.0).reshape(8, 1) / 8, np.arange(8.0) / 4


def net() -> Sequential:
    model = Sequential([layers.Dense(1, input_shape=(1,))], seed=0)
    model.compile("sgd", "mse", metrics=["mae"])
    return model


class Diary(callbacks.Callback):
    """Writes down every hook and what it received."""

    def __init__(self):
        self.lines = []

    def __getattribute__(self, name):
        if name.startswith("on_"):
            return lambda *arguments: self.lines.append((name.removeprefix("on_"), *arguments))
        return super().__getattribute__(name)

    on_train_batch_begin = on_train_batch_end = None


def test_moments_in_order():
    diary = Diary()
    net().fit(X, y, batch_size=4, epochs=2, validation_data=(X, y), callbacks=[diary], verbose=0)
    moments = [line[0] for line in diary.lines]
    batch = ["train_batch_begin", "train_batch_end"]
    test = ["test_begin", "test_batch_begin", "test_batch_end", "test_end"]
    epoch = ["epoch_begin", *batch, *batch, *test, "epoch_end"]
    assert moments == ["train_begin", *epoch, *epoch, "train_end"]
    ends = [line for line in diary.lines if line[0] == "epoch_end"]
    assert [line[1] for line in ends] == [0, 1]
    assert list(ends[0][2]) == ["loss", "mae", "val_loss", "val_mae"]
    batches = [line[1] for line in diary.lines if line[0] == "train_batch_end"]
    assert batches == [0, 1, 0, 1]
    assert diary.params == {"epochs": 2, "initial_epoch": 0, "verbose": 0, "steps": 2}


def test_batch_logs_are_the_means_so_far():
    seen = []

    class Watch(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(dict(logs))

    history = net().fit(X, y, batch_size=3, callbacks=[Watch()], verbose=0).history
    assert len(seen) == 3
    assert seen[-1] == {name: values[0] for name, values in history.items()}


def test_stop_training_ends_after_the_epoch():
    class Enough(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    enough, model = Enough(), net()
    assert len(model.fit(X, y, epochs=10, callbacks=[enough], verbose=0).epoch) == 2
    assert len(model.fit(X, y, epochs=10, callbacks=[enough], verbose=0).epoch) == 2  # serves twice


def test_initial_epoch():
    assert net().fit(X, y, initial_epoch=3, epochs=5, verbose=0).epoch == [3, 4]
    assert net().fit(X, y, initial_epoch=5, epochs=5, verbose=0).epoch == []


def test_no_callback_costs_no_batch_hook():
    silent = callbacks.CallbackList([callbacks.History()], net(), {})
    assert not silent.hears_batches


@pytest.mark.parametrize("wrong", [callbacks.History, "history", 3])
def test_what_is_no_callback(wrong):
    with pytest.raises(ArgumentError, match=r"callbacks must be objects of mlp\.callbacks\.Callback"):
        net().fit(X, y, callbacks=[wrong], verbose=0)


def test_a_callback_that_raises_leaves_the_model_usable():
    class Bad(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyError("mine")

    model = net()
    with pytest.raises(KeyError, match="mine"):
        model.fit(X, y, callbacks=[Bad()], verbose=0)
    assert np.isfinite(model.predict(X)).all()
    model.fit(X, y, verbose=0)
    with pytest.raises(FloatingPointError), np.errstate(over="raise"):
        np.float32(1e38) * np.float32(10)  # the error state of the caller is his again


def test_a_bar_does_not_hide_the_error_of_another_callback():
    class Early(callbacks.Callback):
        def on_train_begin(self, logs=None):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        net().fit(X, y, callbacks=[Early()], verbose=1)


@pytest.mark.parametrize("verbose", ["loud", 3, -1, None])
def test_bad_verbose(verbose):
    with pytest.raises(ArgumentError, match="verbose must be 0, 1, 2"):
        net().fit(X, y, verbose=verbose)


def test_metrics_while_another_thread_predicts():
    """The accuracy of an epoch is that of its own outputs, though the buffers are shared."""
    model = Sequential([layers.Dense(4, "tanh", input_shape=(1,)), layers.Dense(1, "sigmoid")], seed=0)
    model.compile("sgd", "binary_crossentropy", metrics=["mae"])
    twin = copy.deepcopy(model)
    labels, done = (X[:, 0] > 0.5).astype(float), threading.Event()
    data, other = np.repeat(X, 50, axis=0), np.full((4, 1), 1e3)

    def predict_meanwhile():
        while not done.is_set():
            model.predict(other)

    thread = threading.Thread(target=predict_meanwhile)
    thread.start()
    try:
        shared = model.fit(data, np.repeat(labels, 50), batch_size=4, epochs=3, verbose=0)
    finally:
        done.set()
        thread.join()
    alone = twin.fit(data, np.repeat(labels, 50), batch_size=4, epochs=3, verbose=0)
    assert shared.history == alone.history


def test_plain_lines(capsys):
    net().fit(X, y, epochs=2, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[2] == "Epoch 2/2"
    assert re.fullmatch(r"1/1 - 0s - \d+[mu]s/step - loss: \d\.\d{4} - mae: \d\.\d{4}", lines[3])


def test_a_line_of_evaluate(capsys):
    model = net()
    model.evaluate(X, y, verbose=2)
    shown = capsys.readouterr().out
    assert re.fullmatch(r"1/1 - 0s - \d+[mu]s/step - loss: \d\.\d{4} - mae: \d\.\d{4}\n", shown)
    model.evaluate(X, y)
    assert not capsys.readouterr().out


def test_bar_where_tqdm_is_installed(capsys):
    net().fit(X, y, epochs=2, batch_size=4, verbose=1)
    shown = capsys.readouterr()
    assert "Epoch 2/2" in shown.out
    assert re.search(r"2/2 ━{20} 0s \d+[mu]s/step - loss: \d\.\d{4} - mae: \d\.\d{4}", shown.out)
    assert not shown.err


def test_the_bar_of_an_epoch_that_ended_early_says_where(capsys):
    model = net()
    end = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: setattr(model, "stop_training", True)
    )
    model.fit(X, y, batch_size=2, verbose=1, callbacks=[end])
    assert re.search(r"\r1/\d+ ━", capsys.readouterr().out)


def test_lines_where_tqdm_is_not_installed(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    net().fit(X, y, epochs=2, verbose=1)
    assert capsys.readouterr().out.count("Epoch ") == 2


def test_silence(capsys):
    net().fit(X, y, epochs=2, verbose=0)
    shown = capsys.readouterr()
    assert shown.out == shown.err == ""
