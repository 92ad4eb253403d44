"""Deadlines, Ctrl-C, and going on after a divergence."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import mlp
from mlp import callbacks, layers
from mlp.errors import ArgumentError, DivergenceError
from mlp.optimizers import schedules
from mlp.optimizers.cycles import Pace

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 6))
y = X @ np.ones(6)
ENGINES = ["numpy", "numba"]


def build(optimizer="sgd", engine="numpy"):
    model = mlp.Sequential([layers.Dense(8, activation="tanh", input_shape=(6,)), layers.Dense(1)], seed=0)
    model.compile(optimizer, "mse", engine=engine)
    return model


# the time


class Clock(callbacks.Callback):
    """A clock by which every batch takes that long; it notes the rates."""

    def __init__(self, monkeypatch, seconds):
        self.seconds, self.now, self.rates = seconds, 0.0, []
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)

    def on_train_batch_end(self, batch, logs=None):
        self.now += self.seconds
        self.rates.append(self.model.optimizer.current_rate())


@pytest.mark.parametrize("engine", ENGINES)
def test_a_schedule_lands_when_the_time_is_over(engine, monkeypatch):
    slow = Clock(monkeypatch, 0.002)
    model = build(mlp.optimizers.SGD(schedules.CosineDecay(0.1, 100 * 13)), engine)
    history = model.fit(X, y, epochs=100, verbose=0, time_limit=0.3, callbacks=[slow])
    assert len(slow.rates) == 150  # of 1300
    assert len(history.epoch) == 12
    assert slow.rates[-1] < 0.1 * 0.001
    assert all(a >= b for a, b in zip(slow.rates, slow.rates[1:], strict=False))
    assert model.optimizer.pace is None
    assert model.optimizer.current_rate() > 0.02  # the schedule itself is as it was


def test_time_enough_changes_nothing():
    def weights(**options):
        model = build(mlp.optimizers.SGD(schedules.CosineDecay(0.1, 5 * 13)))
        model.fit(X, y, epochs=5, verbose=0, **options)
        return model.get_weights()

    for a, b in zip(weights(), weights(time_limit=600), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_last_epoch_of_a_deadline_is_validated_and_recorded(monkeypatch):
    slow = Clock(monkeypatch, 0.03)
    history = build().fit(
        X, y, epochs=10**6, verbose=0, time_limit=0.1, validation_split=0.5, callbacks=[slow]
    )
    assert len(history.epoch) == 1  # cut short
    assert np.isfinite(history.history["val_loss"]).all()


def test_an_epoch_without_a_batch_is_none():
    def batches():
        for _ in range(4):
            yield X[:5], y[:5]
        released.wait(20)

    released = threading.Event()
    history = build().fit(batches(), steps_per_epoch=2, epochs=9, verbose=0, time_limit=0.3)
    released.set()
    assert history.epoch == [0, 1]
    assert min(history.history["loss"]) > 0


def test_a_fit_within_a_fit_leaves_the_pace():
    def fit(batch, logs):
        model.fit(X[:5], y[:5], verbose=0)
        paces.append(model.optimizer.pace)

    model, paces = build(), []
    inner = callbacks.LambdaCallback(on_train_batch_end=fit)
    model.fit(X[:9], y[:9], batch_size=5, verbose=0, time_limit=60, callbacks=[inner])
    assert len(paces) == 2
    assert None not in paces
    assert model.optimizer.pace is None


@pytest.mark.parametrize("wrong", [0, -1, "soon", True, float("nan")])
def test_what_a_time_limit_may_be(wrong):
    with pytest.raises(ArgumentError, match="time_limit"):
        build().fit(X, y, time_limit=wrong)


def test_a_pace_is_a_rising_number_of_steps(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    pace = Pace(10.0, first=0, last=1000)
    places = []
    for step in range(100):  # ten steps a second: a tenth of what would be needed
        pace.look(step)
        places.append(pace(step))
        now[0] += 0.1
    assert places == sorted(places)
    assert 900 < places[-1] <= 1000
    assert pace(5000) == 5000  # never slower than the steps themselves


# a divergence


@pytest.mark.parametrize("engine", ENGINES)
def test_recovery_lowers_the_rate_and_goes_on(engine):
    model = mlp.Sequential([layers.Dense(1, input_shape=(6,))], seed=0)
    model.compile(mlp.optimizers.SGD(5.0, momentum=0.5), "mse", engine=engine)
    recovery = callbacks.RecoverFromDivergence(factor=0.1, limit=5)
    with pytest.warns(
        UserWarning,
        match=r"the loss became .*Going on from those of the best epoch with the learning rate 0.5",
    ):
        history = model.fit(X, y, epochs=6, verbose=0, callbacks=[recovery])
    assert len(recovery.recoveries) >= 1
    assert history.epoch == list(range(6))
    assert history.history["loss"][-1] < 1e-6
    assert model.optimizer.learning_rate == pytest.approx(recovery.recoveries[-1]["learning_rate"])


def test_recovery_has_a_limit():
    model = mlp.Sequential([layers.Dense(1, input_shape=(6,))], seed=0)
    model.compile(mlp.optimizers.SGD(1e9), "mse")
    before = model.get_weights()
    recovery = callbacks.RecoverFromDivergence(limit=2)
    with pytest.warns(UserWarning, match="recovery [12] of 2") as told, pytest.raises(DivergenceError):
        model.fit(X, y, epochs=6, verbose=0, callbacks=[recovery])
    assert len(told) == 2
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert len(recovery.recoveries) == 2


def test_a_schedule_is_scaled():
    model = mlp.Sequential([layers.Dense(1, input_shape=(6,))], seed=0)
    model.compile(mlp.optimizers.SGD(schedules.CosineDecay(5.0, 1000)), "mse")
    with pytest.warns(UserWarning, match="recovery 1 of 3"):
        model.fit(X, y, epochs=2, verbose=0, callbacks=[callbacks.RecoverFromDivergence(0.01)])
    expected = schedules.Scaled(schedules.CosineDecay(5.0, 1000), 0.01)
    assert model.optimizer.learning_rate.get_config() == expected.get_config()
    assert model.optimizer.get_config()["learning_rate"]["class_name"] == "Scaled"


@pytest.mark.parametrize("wrong", [{"factor": 1.0}, {"factor": 0}, {"limit": 0}])
def test_wrong_arguments_of_recovery(wrong):
    with pytest.raises(ArgumentError):
        callbacks.RecoverFromDivergence(**wrong)


# Ctrl-C


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("size", [32, "full", 1])
def test_an_interrupt_ends_fit_with_a_usable_model(engine, size):
    model = build("adam", engine)
    model.fit(X, y, epochs=1, verbose=0, batch_size=size)
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    history = model.fit(X, y, epochs=10**7, verbose=0, batch_size=size)
    assert history.interrupted
    assert history is model.history
    assert len(history.history["loss"]) == len(history.epoch)
    assert model.run is None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert not model.fit(X, y, epochs=1, verbose=0).interrupted


class Interrupting(callbacks.Callback):
    """Presses Ctrl-C in the third epoch, in that batch."""

    def __init__(self, batch, times=1):
        self.batch, self.times, self.heard = batch, times, []

    def on_train_batch_end(self, batch, logs=None):
        self.heard.append((self.model.run.epoch, batch))
        if self.heard[-1] == (2, self.batch):
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)

    def on_train_end(self, logs=None):
        self.heard.append("end")


@pytest.mark.parametrize(("batch", "epochs"), [(4, 2), (12, 3)])
def test_the_batch_in_hand_is_the_last(batch, epochs):
    press = Interrupting(batch)
    history = build().fit(X, y, epochs=5, verbose=0, callbacks=[press])
    assert press.heard[-2:] == [(2, batch), "end"]
    assert len(history.epoch) == epochs  # the third only if it is whole


def test_a_second_interrupt_is_heard_at_once():
    model = build()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, epochs=5, verbose=0, callbacks=[Interrupting(4, times=2)])
    assert model.run is None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_backup_stays_after_an_interrupt(tmp_path):
    def keeper():
        return callbacks.BackupAndRestore(tmp_path)

    stopped, whole, model = build(), build(), build()
    stopped.fit(X, y, epochs=5, verbose=0, callbacks=[Interrupting(4), keeper()])
    assert len(list(tmp_path.iterdir())) == 1
    model.fit(X, y, epochs=5, verbose=0, callbacks=[Interrupting(99), keeper()])
    whole.fit(X, y, epochs=5, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], whole.get_weights()[0])


def test_an_interrupt_ends_a_validation():
    model = build()

    class Presses(callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            if batch == 2:
                signal.raise_signal(signal.SIGINT)

    history = model.fit(
        X, y, epochs=3, verbose=0, validation_split=0.5, validation_batch_size=8, callbacks=[Presses()]
    )
    assert history.interrupted
    assert history.epoch == []
    assert model.run is None
    assert model.optimizer.iterations == 7


def test_another_handler_of_signals_is_left_alone():
    def handler(number, frame):
        raise RuntimeError("mine")

    before = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(RuntimeError, match="mine"):
            build().fit(X, y, epochs=5, verbose=0, callbacks=[Interrupting(4)])
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_resumed_run_with_a_deadline_keeps_its_pace(tmp_path, monkeypatch):
    """Its schedule goes on from where it stood, and lands at the deadline of the second process."""

    def fit(limit, epochs):
        slow = Clock(monkeypatch, 0.002)
        model = build(mlp.optimizers.SGD(schedules.CosineDecay(0.1, 100 * 13)))
        keeper = callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
        model.fit(X, y, epochs=epochs, verbose=0, time_limit=limit, callbacks=[slow, keeper])
        return slow.rates, model.optimizer.iterations

    first, steps = fit(600, 20)
    assert steps == 260
    both, steps = fit(0.3, 100)  # the rates are state of the callback, and go on too
    second = both[260:]
    assert steps == 260 + 150
    assert first[-1] >= second[0] > 0.8 * first[-1]
    assert second[-1] < 0.1 * 0.001
    assert second == sorted(second, reverse=True)
