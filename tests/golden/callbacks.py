"""Golden values of callbacks: what they do when they hear the same numbers, epoch by epoch."""

import os
import tempfile
from types import SimpleNamespace

import keras
import numpy as np

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
    "every epoch": {},
    "best": {"save_best_only": True},
    "best by max": {"save_best_only": True, "mode": "max"},
    "threshold": {"save_best_only": True, "initial_value_threshold": 0.6},
    "every 5 batches": {"save_freq": 5},
    "best of every 5 batches": {"save_freq": 5, "save_best_only": True, "monitor": "loss", "mode": "min"},
}
NAMES = {
    "every epoch": "{epoch:02d}-{val_loss:.2f}.keras",
    "every 5 batches": "{epoch}-{batch:03d}-{loss:.3f}.keras",
    "best of every 5 batches": "{epoch}-{batch}.keras",
}
BATCHES = 7


def sequences():
    """Losses as of trainings: falling and noisy, on a plateau, and with epochs that failed."""
    rng = np.random.default_rng(4)
    falling = 1 / np.arange(1, 31) + rng.normal(0, 0.05, 30)
    plateau = np.where(np.arange(30) < 8, 1 - 0.1 * np.arange(30), 0.3) + rng.normal(0, 0.02, 30)
    failing = np.where(np.isin(np.arange(30), [0, 4, 5, 11]), np.inf, falling[::-1] + falling)
    return {name: np.round(v, 4) for name, v in zip("abc", (falling, plateau, failing), strict=True)}


def model():
    """What the callbacks see of a model; its weights are the number of the epoch."""
    seen = SimpleNamespace(stop_training=False, metrics=[], saved=[], epoch=-1, restored=None)
    seen.optimizer = SimpleNamespace(learning_rate=0.1)
    seen.get_weights = lambda: seen.epoch
    seen.set_weights = lambda weights: setattr(seen, "restored", weights)
    seen.save = lambda path, overwrite: seen.saved.append(os.path.basename(path))
    return seen


def hear(callback, losses, batches=0):
    """Call the hooks as `fit` does; the model, and what it looked like after each epoch."""
    seen, rates = model(), []
    callback.set_params({"epochs": len(losses)})
    callback.set_model(seen)
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        seen.epoch = epoch
        callback.on_epoch_begin(epoch)
        for batch in range(batches):
            callback.on_train_batch_end(batch, {"loss": float(loss) + 0.01 * (batch - 4) ** 2})
        callback.on_epoch_end(epoch, {"loss": float(loss) * 2, "val_loss": float(loss)})
        rates.append(seen.optimizer.learning_rate)
        if seen.stop_training:
            break
    callback.on_train_end()
    return seen, rates


def callbacks():
    """The epochs after which it stopped, rates, names of files, and a whole CSV file."""
    known, losses = keras.callbacks, sequences()
    golden = {"losses": {name: [str(x) for x in v] for name, v in losses.items()}}
    stopping, reduce, checkpoint = {}, {}, {}
    for key, values in losses.items():
        for name, options in EARLY_STOPPING.items():
            callback = known.EarlyStopping(**options)
            seen, rates = hear(callback, values)
            stopping[f"{name}/{key}"] = [
                len(rates), callback.stopped_epoch, callback.best_epoch, callback.wait, seen.restored,
            ]  # fmt: skip
        for name, options in REDUCE.items():
            reduce[f"{name}/{key}"] = hear(known.ReduceLROnPlateau(**options), values)[1]
        for name, options in CHECKPOINT.items():
            callback = known.ModelCheckpoint(NAMES.get(name, "{epoch}.keras"), **options)
            callback._set_monitor_op()  # which Keras does at the end of the first epoch, too late for batches
            checkpoint[f"{name}/{key}"] = hear(callback, values, BATCHES)[0].saved
    return golden | {"stopping": stopping, "reduce": reduce, "checkpoint": checkpoint, "csv": written()}


LOGS = [
    {"loss": 0.5, "accuracy": np.float32(0.25), "f1": np.array([0.5, 0.25])},
    {"loss": 0.25, "accuracy": 0.5, "f1": np.array([0.5, 1.0]), "val_loss": 0.125},
]


def written():
    """The bytes of files, by the arguments."""
    files = {}
    for name, options in {"plain": {}, "tabs": {"separator": "\t"}, "appended": {"append": True}}.items():
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "log.csv")
            for _ in range(2):
                callback = keras.callbacks.CSVLogger(path, **options)
                callback.on_train_begin()
                for epoch, logs in enumerate(LOGS):
                    callback.on_epoch_end(epoch, dict(logs))
                callback.on_train_end()
            with open(path, "rb") as file:
                files[name] = file.read().decode()
    return files
