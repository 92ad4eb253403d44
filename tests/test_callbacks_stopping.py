"""Ending a training early: EarlyStopping, TerminateOnNaN, `stop_training` after a batch."""

import numpy as np
import pytest

import mlp
from mlp import Sequential, callbacks, layers, metrics
from mlp.errors import ArgumentError, DivergenceError

X, y = np.arange(8.0).reshape(8, 1) / 8, np.arange(8.0) / 4


def net(rate=0.1, reported=(), engine="numpy") -> Sequential:
    model = Sequential([layers.Dense(1, input_shape=(1,))], seed=0)
    model.compile(mlp.optimizers.SGD(rate), "mse", metrics=list(reported), engine=engine)
    return model


class Losses(callbacks.Callback):
    """Write other numbers into the logs, epoch by epoch, and remember the weights."""

    def __init__(self, name, values):
        self.name, self.values, self.weights = name, values, []

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]
        self.weights.append(self.model.get_weights())


@pytest.mark.parametrize(("values", "best"), [([3, 2, 1, 5, 6, 7], 2), ([6, 5, 4, 3, 2, 1], 5)])
def test_the_best_weights_come_back_whatever_ended_the_training(values, best):
    model, given = net(), Losses("val_loss", values)
    stopping = callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    history = model.fit(X, y, epochs=6, callbacks=[given, stopping], verbose=0)
    assert (len(history.epoch), stopping.best_epoch) == ((5, 2) if best == 2 else (6, 5))
    for ours, kept in zip(model.get_weights(), given.weights[best], strict=True):
        assert np.array_equal(ours, kept)


def test_what_is_said(capsys):
    stopping = callbacks.EarlyStopping("loss", patience=1, verbose=1, restore_best_weights=True)
    net().fit(X, y, epochs=9, callbacks=[Losses("loss", [1, 2, 3]), stopping], verbose=0)
    assert capsys.readouterr().out == "Epoch 2: early stopping\nRestoring the weights of the best epoch, 1\n"


@pytest.mark.parametrize(
    ("reported", "monitor", "values", "stopped"),
    [
        (["accuracy"], "accuracy", [0.1, 0.2, 0.3, 0.2], 3),
        (["mae"], "val_mae", [0.1, 0.2, 0.3, 0.2], 1),
        ([metrics.R2Score(name="fit")], "val_fit", [0.1, 0.2, 0.1, 0.2], 2),
        ([mlp.losses.Huber()], "huber", [0.3, 0.2, 0.1, 0.2], 3),
        (["mae"], "loss", [0.3, 0.2, 0.3, 0.2], 2),
    ],
)
def test_auto_asks_the_metric(reported, monitor, values, stopped):
    model, stopping = net(reported=reported), callbacks.EarlyStopping(monitor, patience=1)
    given = Losses(monitor, values)
    model.fit(X, y, epochs=4, callbacks=[given, stopping], verbose=0)
    assert stopping.stopped_epoch == stopped


def test_auto_where_nothing_says_it():
    def bias(y_true, y_pred):
        return (y_pred - y_true)[:, 0]

    model = net(reported=[bias, metrics.FalsePositives()])
    for monitor in ("bias", "val_unknown"):
        given = [Losses(monitor, [1, 2, 3]), callbacks.EarlyStopping(monitor)]
        with pytest.raises(
            ArgumentError, match=rf"more or less of monitor='{monitor}' is better; give mode="
        ):
            model.fit(X, y, epochs=3, callbacks=given, verbose=0)
    given = [Losses("bias", [1, 2, 3]), callbacks.EarlyStopping("bias", mode="max")]
    assert len(model.fit(X, y, epochs=3, callbacks=given, verbose=0).epoch) == 3


def test_every_metric_but_counts_has_a_direction():
    from mlp.metrics import _CATALOGUE

    silent = {name for name in _CATALOGUE.homes if _CATALOGUE.load(name).direction is None}
    counts = {"TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"}
    assert silent == counts | {"Mean", "Sum", "MeanMetricWrapper"}


def test_a_direction_of_ones_own():
    class Tightness(metrics.Metric):
        direction = "up"

        def values(self, y_true, y_pred):
            return abs(y_pred[:, 0])

    stopping = callbacks.EarlyStopping("tightness", patience=1)
    given = [Losses("tightness", [1, 2, 3, 2]), stopping]
    assert len(net(reported=[Tightness()]).fit(X, y, epochs=9, callbacks=given, verbose=0).epoch) == 4


@pytest.mark.parametrize("kind", [callbacks.EarlyStopping, callbacks.ReduceLROnPlateau])
def test_a_name_that_the_logs_lack(kind):
    expected = r"without monitor='val_los', which .* have 'loss', 'mae'"
    with pytest.warns(UserWarning, match=expected):
        history = net(reported=["mae"]).fit(X, y, epochs=2, callbacks=[kind("val_los")], verbose=0)
    assert len(history.epoch) == 2


def test_a_metric_of_several_numbers():
    model = Sequential([layers.Dense(2, "sigmoid", input_shape=(1,))], seed=0)
    model.compile("sgd", "mse", metrics=[metrics.F1Score(name="f1")])
    targets = np.eye(2)[[0, 1] * 4]
    with pytest.raises(ArgumentError, match=r"monitor='f1' must be one number; got 2, of shape \(2,\)"):
        model.fit(X, targets, callbacks=[callbacks.EarlyStopping("f1")], verbose=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"monitor": 3}, "monitor must be a name"),
        ({"mode": "minimum"}, "mode must be one of auto, min, max"),
        ({"min_delta": "0.1"}, "min_delta must be a number"),
        ({"patience": -1}, "patience must be an integer of at least 0"),
        ({"patience": 1.5}, "patience must be an integer of at least 0"),
        ({"verbose": "yes"}, "verbose must be 0 or 1"),
        ({"baseline": "low"}, "baseline must be a number"),
        ({"restore_best_weights": "False"}, "restore_best_weights must be True or False"),
        ({"start_from_epoch": None}, "start_from_epoch must be an integer"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ArgumentError, match=message):
        callbacks.EarlyStopping(**options)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_terminate_on_nan(engine, capsys):
    class Ends(callbacks.Callback):
        ended = 0

        def on_train_end(self, logs=None):
            self.ended += 1

    model, ends = net(1e30, engine=engine), Ends()
    history = model.fit(X, y, epochs=9, verbose=0, callbacks=[callbacks.TerminateOnNaN(), ends])
    assert 1 <= len(history.epoch) < 9
    assert not np.isfinite(history.history["loss"][-1])
    assert np.isfinite(model.predict(X)).all()
    assert ends.ended == 1
    assert "Invalid loss, terminating training: the loss became " in capsys.readouterr().out
    model.optimizer.learning_rate = 0.1
    assert len(model.fit(X, y, epochs=2, verbose=0).epoch) == 2


@pytest.mark.parametrize("given", [[callbacks.TerminateOnNaN(raise_error=True)], []])
def test_a_divergence_is_a_runtime_error(given):
    for kind in (DivergenceError, RuntimeError, ArithmeticError):
        with pytest.raises(kind, match="the loss became"):
            net(1e30).fit(X, y, epochs=9, verbose=0, callbacks=given)


def test_no_epoch_that_diverged_is_the_best(tmp_path):
    """What watches the validation hears nothing of it, and neither warns nor saves."""
    path = tmp_path / "best.mlp"
    saving = callbacks.ModelCheckpoint(path, save_best_only=True)
    explode = callbacks.LearningRateScheduler(lambda epoch: 0.1 if epoch < 2 else 1e30)
    given = [explode, callbacks.TerminateOnNaN(), callbacks.EarlyStopping(patience=5), saving]
    history = net().fit(X, y, epochs=9, validation_data=(X, y), verbose=0, callbacks=given).history
    assert len(history["loss"]) == len(history["val_loss"]) + 1 == 4
    assert saving.best == history["val_loss"][1]
    assert mlp.models.load_model(path).evaluate(X, y) == pytest.approx(saving.best, rel=1e-6)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_stopping_in_the_middle_of_an_epoch(engine):
    class Third(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 2

    model = net(engine=engine)
    history = model.fit(X, y, batch_size=1, epochs=4, callbacks=[Third()], verbose=0, validation_data=(X, y))
    assert (len(history.epoch), model.optimizer.iterations) == (1, 3)
    assert set(history.history) == {"loss", "val_loss"}
    assert len(model.fit(X, y, batch_size=1, epochs=4, verbose=0).epoch) == 4
