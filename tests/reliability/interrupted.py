"""Trainings without end, for a process that is interrupted: ``python interrupted.py ENGINE NAME …``.

For each it says that it trains, and when it has been interrupted what is left, as a line of JSON.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from mlp import Sequential, callbacks, layers
from mlp.models import load_model

rng = np.random.default_rng(0)
X, T = rng.normal(size=(64, 4)), rng.normal(size=(64, 2))
FOREVER = 10**9


def net(engine, units=8, optimizer="adam", noisy=True) -> Sequential:
    middle = [layers.Dropout(0.2), layers.BatchNormalization()] if noisy else []
    model = Sequential([layers.Dense(units, "tanh"), *middle, layers.Dense(2)], seed=0)
    model.compile(optimizer, "mse", metrics=["mae"], engine=engine)
    return model


class Slow(callbacks.Callback):
    """Takes its time at the end of an epoch."""

    def __init__(self, seconds):
        self.seconds = seconds

    def on_epoch_end(self, epoch, logs=None):
        time.sleep(self.seconds)


def slow_batches():
    for _ in range(3):
        yield X[:8], T[:8]
    time.sleep(3600)


def tiny(engine):
    return net(engine), dict(x=X, y=T, batch_size=8)


def single(engine):
    return net(engine), dict(x=X, y=T, batch_size=1)


def large(engine):
    many = rng.normal(size=(4096, 4)), rng.normal(size=(4096, 2))
    return net(engine, 6000, noisy=False), dict(x=many[0], y=many[1], batch_size=512)


def full(engine):
    return net(engine), dict(x=X, y=T, batch_size="full")


def validating(engine):
    many = rng.normal(size=(100_000, 4)), rng.normal(size=(100_000, 2))
    return net(engine), dict(x=X[:8], y=T[:8], validation_data=many)


def waiting(engine):
    """For a generator, in the middle of an epoch."""
    return net(engine), dict(x=slow_batches(), steps_per_epoch=5)


def listening(engine):
    return net(engine), dict(x=X, y=T, callbacks=[Slow(0.1)])


def solver(name):
    # which would otherwise be through before the signal comes
    slow = Slow(0.05)
    return lambda engine: (net(engine, 30, name, noisy=False), dict(x=X, y=T, callbacks=[slow]))


def stuck(engine):
    """In a callback, from which only a second Ctrl-C leads."""
    return net(engine), dict(x=X, y=T, callbacks=[Slow(3600)])


CASES = {case.__name__: case for case in (tiny, single, large, full, validating, waiting, listening, stuck)}
CASES |= {name: solver(name) for name in ("lbfgs", "levenberg_marquardt", "scaled_conjugate_gradient")}


def say(word):
    print(word, flush=True)


def what_is_left(model, history) -> dict:
    """Whether the model can be used, kept and trained, and what the history has."""
    values = history.history
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.mlp")
        model.save(path)
        twin = load_model(path)
    twin.engine_asked = model.engine_asked
    kept = bool((twin.predict(X) == model.predict(X)).all())
    whole = all(len(v) == len(history.epoch) and np.isfinite(v).all() for v in values.values())
    again = model.fit(X, T, epochs=2, verbose=0)
    return {
        "interrupted": history.interrupted,
        "usable": bool(np.isfinite(model.predict(X)).all()),
        "kept": kept,
        "whole": whole and history.epoch == list(range(len(history.epoch))),
        "again": len(again.epoch) > 0 and not again.interrupted,
    }


def run(name, engine):
    model, options = CASES[name](engine)
    options["callbacks"] = [
        *options.get("callbacks", ()), callbacks.LambdaCallback(on_train_begin=lambda logs: say("training"))
    ]  # fmt: skip
    try:
        history = model.fit(**options, epochs=FOREVER, verbose=0)
    except KeyboardInterrupt:
        model.history.interrupted = "at once"
        history = model.history
    say(json.dumps(what_is_left(model, history)))


if __name__ == "__main__":
    for case in sys.argv[2:]:
        run(case, sys.argv[1])
