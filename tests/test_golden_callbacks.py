"""Callbacks that hear what Keras's heard do what they did: stop, lower the rate, save and write."""

from types import SimpleNamespace

import numpy as np
import pytest
from golden_values import golden

from mlp import callbacks

GOLDEN = golden("callbacks")
LOSSES = {name: [float(x) for x in values] for name, values in GOLDEN["losses"].items()}

# the arguments by name, as in golden/callbacks.py, which needs Keras
EARLY_STOPPING = {
    "defaults": {},
    "patience": {"patience": 3},
    "min_delta": {"patience": 2, "min_delta": 0.05},
    "negative min_delta": {"patience": 2, "min_delta": -0.05},
    "baseline": {"patience": 4, "baseline": 0.55},
    "baseline out of reach": {"patience": 4, "baseline": 0.01},
    "start_from_epoch": {"patience": 1, "start_from_epoch": 6},
    "max": {"patience": 3, "mode": "max"},
    "restored": {"patience": 3, "restore_best_weights": True},
    "restored, baseline": {"patience": 5, "baseline": 0.01, "restore_best_weights": True},
    "restored at the last epoch": {"patience": 99, "restore_best_weights": True},
    "restored, start_from_epoch": {"patience": 99, "restore_best_weights": True, "start_from_epoch": 9},
}
REDUCE = {
    "defaults": {},
    "patience": {"patience": 2},
    "patience of 0": {"patience": 0, "factor": 0.9},
    "cooldown": {"patience": 1, "cooldown": 3, "factor": 0.5},
    "min_lr": {"patience": 1, "factor": 0.3, "min_lr": 0.02},
    "min_delta": {"patience": 2, "min_delta": 0.1, "factor": 0.5},
    "max": {"patience": 2, "mode": "max", "factor": 0.7},
    "loss": {"patience": 2, "monitor": "loss", "factor": 0.7},
}
CHECKPOINT = {
    "every epoch": ("{epoch:02d}-{val_loss:.2f}.keras", {}),
    "best": ("{epoch}.keras", {"save_best_only": True}),
    "best by max": ("{epoch}.keras", {"save_best_only": True, "mode": "max"}),
    "threshold": ("{epoch}.keras", {"save_best_only": True, "initial_value_threshold": 0.6}),
    "every 5 batches": ("{epoch}-{batch:03d}-{loss:.3f}.keras", {"save_freq": 5}),
    "best of every 5 batches": (
        "{epoch}-{batch}.keras",
        {"save_freq": 5, "save_best_only": True, "monitor": "loss", "mode": "min"},
    ),
}


class Optimizer:
    """As much of one as callbacks look at."""

    learning_rate = 0.1
    iterations = 0

    def current_rate(self):
        return self.learning_rate


def stand_in():
    """What the callbacks see of a model; its weights are the number of the epoch."""
    seen = SimpleNamespace(stop_training=False, metrics=[], weighted_metrics=[], saved=[], restored=None)
    seen.optimizer, seen.epoch = Optimizer(), -1
    seen.get_weights = lambda: seen.epoch
    seen.set_weights = lambda weights: setattr(seen, "restored", weights)
    seen.save = lambda path, overwrite: seen.saved.append(path)
    return seen


def hear(callback, losses, batches=0):
    """Call the hooks as `fit` does; the model, and what it looked like after each epoch."""
    seen, rates = stand_in(), []
    callback.set_params({"epochs": len(losses)})
    callback.set_model(seen)
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        seen.epoch = epoch
        callback.on_epoch_begin(epoch)
        for batch in range(batches):
            callback.on_train_batch_end(batch, {"loss": loss + 0.01 * (batch - 4) ** 2})
        callback.on_epoch_end(epoch, {"loss": loss * 2, "val_loss": loss})
        rates.append(seen.optimizer.learning_rate)
        if seen.stop_training:
            break
    callback.on_train_end()
    return seen, rates


@pytest.mark.parametrize("key", LOSSES)
@pytest.mark.parametrize("name", EARLY_STOPPING)
def test_early_stopping(name, key):
    callback = callbacks.EarlyStopping(**EARLY_STOPPING[name])
    expected = GOLDEN["stopping"][f"{name}/{key}"]
    for _ in range(2):  # the object serves again
        seen, rates = hear(callback, LOSSES[key])
        found = [len(rates), callback.stopped_epoch, callback.best_epoch, callback.wait, seen.restored]
        assert found == expected


@pytest.mark.parametrize("key", LOSSES)
@pytest.mark.parametrize("name", REDUCE)
def test_reduce_on_plateau(name, key):
    callback = callbacks.ReduceLROnPlateau(**REDUCE[name])
    for _ in range(2):
        assert hear(callback, LOSSES[key])[1] == GOLDEN["reduce"][f"{name}/{key}"]


@pytest.mark.parametrize("key", LOSSES)
@pytest.mark.parametrize("name", CHECKPOINT)
def test_checkpoint(name, key, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    filepath, options = CHECKPOINT[name]
    seen, _ = hear(callbacks.ModelCheckpoint(filepath, **options), LOSSES[key], batches=7)
    assert seen.saved == GOLDEN["checkpoint"][f"{name}/{key}"]


@pytest.mark.parametrize(
    ("name", "options"), [("plain", {}), ("tabs", {"separator": "\t"}), ("appended", {"append": True})]
)
def test_csv(name, options, tmp_path):
    logs = [
        {"loss": 0.5, "accuracy": np.float32(0.25), "f1": np.array([0.5, 0.25])},
        {"loss": 0.25, "accuracy": 0.5, "f1": np.array([0.5, 1.0]), "val_loss": 0.125},
    ]
    for _ in range(2):
        callback = callbacks.CSVLogger(tmp_path / "log.csv", **options)
        callback.on_train_begin()
        for epoch, each in enumerate(logs):
            callback.on_epoch_end(epoch, each)
        callback.on_train_end()
    assert (tmp_path / "log.csv").read_bytes().decode() == GOLDEN["csv"][name]
