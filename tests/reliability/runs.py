"""Training runs for processes of their own, which are killed there and started again.

``python runs.py ENGINE FOLDER NAME …`` makes runs one after the other. Each keeps a backup in a folder of
its own, and at its end writes down all that it has made: started again, the program leaves out the runs
that are over, and goes on with the one that was in hand.
"""

import functools
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import mlp
from mlp import Sequential, callbacks, layers, optimizers, storage
from mlp.optimizers import schedules

TESTS = Path(__file__).parent.parent
rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4)).astype("float32")
T = np.eye(3)[rng.integers(0, 3, 60)].astype("float32")
WEIGHT = rng.uniform(0.5, 2, 60)
HELD_OUT = X[40:] + 0.1, T[40:]


def cosine(optimizer):
    optimizer.learning_rate = schedules.CosineDecay(0.05, 60)
    return optimizer


def in_file(folder, array, name):
    """The same numbers as a memory map."""
    path = folder / name
    if not path.exists():
        array.tofile(path.with_suffix(".part"))
        path.with_suffix(".part").rename(path)
    return np.memmap(path, array.dtype, "r", shape=array.shape)


def batches():
    """Batches of several sizes, without end."""
    numbers = np.random.default_rng(5)
    while True:
        rows = numbers.permutation(len(X))[: numbers.integers(3, 12)]
        yield X[rows], T[rows]


class Batches:
    """What Keras calls a sequence."""

    def __len__(self):
        return 9

    def __getitem__(self, number):
        return X[number * 7 : number * 7 + 7], T[number * 7 : number * 7 + 7]


def watching(folder, monitor="val_loss"):
    """Callbacks that remember something."""
    return [
        callbacks.EarlyStopping(monitor, patience=4, restore_best_weights=True),
        callbacks.ModelCheckpoint(folder / "best.mlp", monitor, save_best_only=True),
        callbacks.CSVLogger(folder / "log.csv"),
    ]


# By name: settings of the optimizer, arguments of `fit` without the backup, how often that is written. A
# rule of ReduceLROnPlateau has a number as its rate, the others a schedule.
def plain(folder):
    """Everything at once: validation, and callbacks that remember something and change the rate."""
    plateau = callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=0.01)
    return dict(
        x=X, y=T, batch_size=7, epochs=6, validation_split=0.2, callbacks=[plateau, *watching(folder)]
    ), 3


def scheduled(folder):
    """A schedule, and epochs that end in the middle of a pass."""
    return dict(x=X, y=T, batch_size=7, epochs=7, steps_per_epoch=4, callbacks=watching(folder, "loss")), 2


def single(folder):
    return dict(x=X[:30], y=T[:30], batch_size=1, epochs=3, sample_weight=WEIGHT[:30], callbacks=[]), 7


def from_generator(folder):
    return dict(
        x=batches(), epochs=5, steps_per_epoch=5, validation_data=HELD_OUT, callbacks=watching(folder)
    ), 2


def from_sequence(folder):
    return dict(x=Batches(), epochs=4, class_weight={0: 2.0}, callbacks=watching(folder, "loss")), 4


def from_file(folder):
    x, y = in_file(folder, X, "x.bin"), in_file(folder, T, "y.bin")
    return dict(x=x, y=y, batch_size=8, epochs=4, validation_data=HELD_OUT, callbacks=watching(folder)), 3


def full(folder):
    return dict(x=X, y=T, batch_size="full", epochs=8, callbacks=watching(folder, "loss")), "epoch"


def chunked(folder):
    """Nobody hears each batch, so a compiled engine makes many at a time."""
    return dict(x=X, y=T, batch_size=8, epochs=12, shuffle=True, callbacks=[]), 5


KINDS = {
    kind.__name__: kind
    for kind in (plain, scheduled, single, from_generator, from_sequence, from_file, full, chunked)
}
OPTIONS = {
    "scheduled": {"use_ema": True, "ema_momentum": 0.8, "gradient_accumulation_steps": 3},
    "single": {"weight_decay": 0.01, "clipnorm": 1.0},
    "full": {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 3},
    "chunked": {"global_clipnorm": 1.0, "gradient_accumulation_steps": 2},
}
RULES = [
    "SGD", "Lion", "Rprop", "RMSprop", "Adagrad", "Adadelta", "Ftrl", "Adam", "AdamW", "Adamax", "Nadam",
    "RAdam", "ScheduleFreeAdamW", "Lamb", "Adafactor", "Muon",
]  # fmt: skip
SOLVERS = ["LBFGS", "LevenbergMarquardt", "ScaledConjugateGradient"]
EVERY = [f"{rule}-{kind}" for rule in RULES for kind in KINDS] + [f"{solver}-full" for solver in SOLVERS]
# one kind for each rule, and each kind for two
SOME = [f"{rule}-{list(KINDS)[number % len(KINDS)]}" for number, rule in enumerate(RULES)] + EVERY[-3:]


def network(name, engine) -> Sequential:
    rule, kind = name.split("-")
    solves = rule in SOLVERS
    noisy = [] if solves else [layers.Dropout(0.2), layers.GaussianNoise(0.1, seed=3)]
    middle = [] if solves else [layers.BatchNormalization(momentum=0.8), *noisy]
    model = Sequential(
        [layers.Dense(6, "tanh", kernel_regularizer="l2"), *middle, layers.Dense(3, "softmax", name="out")],
        seed=1,
        dtype="float64" if solves else "float32",
    )
    optimizer = getattr(optimizers, rule)(**({} if solves else OPTIONS.get(kind, {})))
    if not solves and kind in ("scheduled", "from_file"):
        cosine(optimizer)
    loss = "mse" if solves else "categorical_crossentropy"
    measured = [] if kind == "chunked" else ["accuracy", mlp.metrics.AUC(num_thresholds=20, name="auc")]
    model.compile(optimizer, loss, metrics=measured, engine=engine)
    return model


def digest(data) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def outcome(model, folder) -> dict:
    """All that a run has made, each part as a number."""
    optimizer, history = model.optimizer, model.history
    files = sorted(path for path in folder.iterdir() if path.name in ("best.mlp", "log.csv"))
    return {
        "weights": digest(model.parameters.values),
        **{f"optimizer.{name}": digest(vector) for name, vector in optimizer.state.items()},
        "iterations": optimizer.iterations,
        "rate": repr(optimizer.learning_rate),
        "generators": [repr(part.rng.bit_generator.state) for part in model.parts if hasattr(part, "rng")],
        "epochs": history.epoch,
        "history": {name: [repr(value) for value in values] for name, values in history.history.items()},
        **{path.name: digest(path.read_bytes()) for path in files},
    }


class Beginning(callbacks.Callback):
    """Says when the first step of the process is over, all that is compiled being there."""

    every_batch = False

    def on_train_batch_end(self, batch, logs=None):
        say("training")


@functools.cache
def say(word):
    """Only once in a process."""
    print(word, flush=True)


def note_start(folder):
    """Write down where the backup, if there is one, says that the run stood."""
    path = folder / "backup" / "training.mlp"
    if path.exists():
        state = storage.read(path)[1]["training"]
        with open(folder / "starts.txt", "a") as file:
            file.write(f"{json.dumps([state['epoch'], state['batch']])}\n")


def make(name, engine, folder):
    """One run to its end, from where a backup says it stood."""
    folder.mkdir(exist_ok=True)
    rule, kind = name.split("-")
    options, often = KINDS[kind](folder)
    if rule in SOLVERS:
        del options["batch_size"]
    model = network(name, engine)
    options["callbacks"].append(callbacks.BackupAndRestore(folder / "backup", save_freq=often))
    options["callbacks"].append(Beginning())
    note_start(folder)
    model.fit(**options, verbose=0)
    done = folder / "outcome.part"
    done.write_text(json.dumps(outcome(model, folder)))
    done.rename(folder / "outcome.json")


def main(engine, folder, *names):
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    say("ready")
    for name in names:
        if not Path(folder, name, "outcome.json").exists():
            make(name, engine, Path(folder, name))


# what a test calls


def start(script, *arguments, **options) -> subprocess.Popen:
    """A process with this package and these tests at hand."""
    paths = [str(TESTS.parent), str(TESTS), str(TESTS / "reliability"), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, script, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, **options)


def whole(engine, folder, names) -> dict:
    """The outcomes of runs that nobody disturbs."""
    folder.mkdir(exist_ok=True)
    process = start(__file__, engine, folder, *names)
    process.communicate(timeout=600)
    assert process.returncode == 0
    return outcomes(folder, names)


def killed(engine, folder, names, kills, longest, seed=0) -> tuple[dict, int]:
    """The outcomes of runs killed so many times, each within `longest` seconds of work; and the kills."""
    folder.mkdir(exist_ok=True)
    moments, done = random.Random(seed), 0
    while True:
        process = start(__file__, engine, folder, *names)
        if done < kills:
            for _ in range(1 if done % 5 == 4 else 2):  # most in the midst of training, some before
                process.stdout.readline()
            time.sleep(moments.uniform(0, longest))
            process.send_signal(signal.SIGKILL)
        process.communicate(timeout=600)
        if process.returncode == 0:
            return outcomes(folder, names), done
        assert process.returncode == -signal.SIGKILL, f"it failed by itself after {done} kills"
        done += 1


def resumed(folder, names) -> list:
    """Epoch and batch from which runs went on."""
    files = [Path(folder, name, "starts.txt") for name in names]
    return [json.loads(line) for file in files if file.exists() for line in file.read_text().splitlines()]


def outcomes(folder, names) -> dict:
    return {name: json.loads(Path(folder, name, "outcome.json").read_text()) for name in names}


if __name__ == "__main__":
    main(*sys.argv[1:])
