"""Ctrl-C, as the real signal, at random moments: `fit` ends after the batch in hand with a usable model."""

import json
import random
import signal
import time
from pathlib import Path

import interrupted
import numpy as np
import pytest
import runs

from mlp import callbacks, optimizers

SCRIPT = Path(interrupted.__file__)
LEFT = {"interrupted": True, "usable": True, "kept": True, "whole": True, "again": True}
ORDINARY = [name for name in interrupted.CASES if name != "stuck"]


def answers(engine, names, longest, signals=1, seed=0) -> dict:
    """What is left of each training after a signal, or several, within so many seconds."""
    moments, found = random.Random(seed), {}
    process = runs.start(SCRIPT, engine, *names)
    for name in names:
        assert process.stdout.readline() == "training\n", name
        for _ in range(signals):
            time.sleep(moments.uniform(0.05 if signals > 1 else 0, longest))
            process.send_signal(signal.SIGINT)
        while (line := process.stdout.readline()) == "training\n":
            pass
        found[name] = json.loads(line)
    process.communicate(timeout=60)
    assert process.returncode == 0
    return found


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_training_ends_with_a_usable_model(engine):
    """Small and large nets, in a validation, a callback, or waiting for data; every loop and solver."""
    assert answers(engine, ORDINARY, longest=0.2) == dict.fromkeys(ORDINARY, LEFT)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_second_signal_ends_it_at_once(engine):
    """Out of a callback that takes for ever."""
    found = answers(engine, ["stuck"], longest=0.3, signals=2)
    assert found == {"stuck": {**LEFT, "interrupted": "at once"}}


class Interrupt(callbacks.Callback):
    """Sends the signal in the midst of some step, counted over all epochs."""

    def __init__(self, at=None):
        self.at = at
        self.steps = 0

    def on_train_begin(self, logs=None):
        self.steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.steps == self.at:
            signal.raise_signal(signal.SIGINT)


def fit(engine, at=None, folder=None):
    """A training of 3 epochs of 8 steps, interrupted or not."""
    model = interrupted.net(engine, optimizer=optimizers.Adam(0.01, use_ema=True, ema_momentum=0.8))
    backup = [] if folder is None else [callbacks.BackupAndRestore(folder, save_freq=3)]
    options = dict(batch_size=8, epochs=3, validation_split=0.1, verbose=0)
    history = model.fit(interrupted.X, interrupted.T, callbacks=[Interrupt(at), *backup], **options)
    return model, history


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("at", [1, 4, 8, 9, 23, 24])
def test_an_interrupted_run_goes_on_from_its_backup(engine, at, tmp_path):
    """To the bytes of one that was not; a training that has been interrupted keeps its backup."""
    _, history = fit(engine, at, tmp_path)
    assert history.interrupted
    assert len(history.epoch) == at // 8
    resumed, after = fit(engine, folder=tmp_path)
    whole, expected = fit(engine)
    assert not after.interrupted
    assert after.history == expected.history
    assert resumed.parameters.values.tobytes() == whole.parameters.values.tobytes()
    for name, vector in whole.optimizer.state.items():
        assert resumed.optimizer.state[name].tobytes() == vector.tobytes(), name


def test_a_handler_of_the_users_own_is_left_alone():
    heard, before = [], signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        _, history = fit("numpy", at=2)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]
    assert not history.interrupted
    assert len(history.epoch) == 3


def test_the_handler_is_put_back():
    fit("numpy", at=2)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model, _ = fit("numpy")
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert np.isfinite(model.predict(interrupted.X)).all()
