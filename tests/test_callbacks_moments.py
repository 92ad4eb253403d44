"""Callbacks from functions, averages, progress, what costs no hook, and a run that goes on."""

import copy
import sys

import numpy as np
import pytest

import mlp
from mlp import Sequential, callbacks, layers
from mlp.errors import ArgumentError

rng = np.random.default_rng(0)
X = rng.normal(size=(24, 2))
y = X.sum(axis=1)
BOTH = pytest.mark.parametrize("engine", ["numpy", "numba"])


def net(optimizer="sgd", engine="numpy") -> Sequential:
    model = Sequential([layers.Dense(3, "tanh", input_shape=(2,)), layers.Dense(1)], seed=0)
    model.compile(optimizer, "mse", engine=engine)
    return model


def averaging(**options):
    return mlp.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5, **options)


# functions


def test_every_hook_takes_a_function():
    heard = []
    hooks = [name for name in dir(callbacks.Callback) if name.startswith("on_") and name != "on_divergence"]
    every = {name: lambda *arguments, name=name: heard.append(name) for name in hooks}
    model, told = net(), callbacks.LambdaCallback(**every)
    model.fit(X, y, batch_size=12, validation_data=(X, y), callbacks=[told], verbose=0)
    model.predict(X, callbacks=[told])
    assert set(heard) == set(hooks) - {"on_train_failure", "on_batch_begin", "on_batch_end"}
    assert heard.count("on_train_batch_end") == 2


@BOTH
def test_the_older_names_of_a_batch(engine):
    heard = []
    told = callbacks.LambdaCallback(on_batch_end=lambda batch, logs: heard.append(batch))
    net(engine=engine).fit(X, y, batch_size=8, callbacks=[told], verbose=0)
    assert heard == [0, 1, 2]


def test_what_is_no_hook():
    with pytest.raises(ArgumentError, match=r"no hook 'on_epoch_ends'. Did you mean 'on_epoch_end'"):
        callbacks.LambdaCallback(on_epoch_ends=print)
    with pytest.raises(ArgumentError, match="on_epoch_end must be a function; got 3"):
        callbacks.LambdaCallback(on_epoch_end=3)


def test_who_needs_no_batches_hears_none(tmp_path):
    """And so the compiled engine may make a whole epoch at a time."""
    quiet = [
        callbacks.EarlyStopping(), callbacks.TerminateOnNaN(), callbacks.ModelCheckpoint(tmp_path / "a.mlp"),
        callbacks.LearningRateScheduler(lambda epoch: 0.1), callbacks.ReduceLROnPlateau(),
        callbacks.CSVLogger(tmp_path / "a.csv"), callbacks.TensorBoard(tmp_path), callbacks.SwapEMAWeights(),
        callbacks.LambdaCallback(on_epoch_end=print), callbacks.History(),
    ]  # fmt: skip
    params = {"verbose": 2, "epochs": 1, "steps": 1}
    heard = callbacks.CallbackList([*quiet, callbacks.ProgbarLogger()], net(), params)
    assert not heard.hears_batches
    assert not heard.hears_each_batch
    bar = callbacks.CallbackList([callbacks.ProgbarLogger()], net(), params | {"verbose": 1})
    assert bar.hears_batches
    assert not bar.hears_each_batch
    for loud in (
        callbacks.ModelCheckpoint(tmp_path / "a.mlp", save_freq=3),
        callbacks.TensorBoard(tmp_path, update_freq=1),
        callbacks.LambdaCallback(on_train_batch_end=print),
        callbacks.LambdaCallback(on_batch_begin=print),
    ):
        assert callbacks.CallbackList([loud], net(), params).hears_each_batch


# the moving average


@BOTH
@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_the_average_is_what_is_validated(engine, swap_on_epoch):
    """Training goes on as without the callback, to the bit."""
    seen = []
    told = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()))
    plain, model = net(averaging(), engine), net(averaging(), engine)
    averages = []
    for _ in range(3):  # a fit ends with the average, and the next goes on without it
        plain.fit(X, y, batch_size=8, verbose=0)
        averages.append((plain.evaluate(X, y), plain.get_weights()))
    swapping = [callbacks.SwapEMAWeights(swap_on_epoch), told]
    history = model.fit(
        X, y, batch_size=8, epochs=3, verbose=0, validation_data=(X, y), callbacks=swapping
    ).history
    assert history["val_loss"] == [loss for loss, _ in averages]
    for ours, (_, average) in zip(seen, averages, strict=True):
        assert all(map(np.array_equal, ours, average)) == swap_on_epoch
    assert all(map(np.array_equal, model.get_weights(), plain.get_weights()))
    ours, theirs = (m.fit(X, y, batch_size=8, epochs=2, verbose=0).history for m in (model, plain))
    assert ours == theirs


def test_the_average_stays_also_where_the_training_ends_early():
    model, other = net(averaging()), net(averaging())
    stopping = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", True)
    )
    model.fit(X, y, epochs=9, callbacks=[callbacks.SwapEMAWeights(True), stopping], verbose=0)
    other.fit(X, y, epochs=1, verbose=0)
    assert all(map(np.array_equal, model.get_weights(), other.get_weights()))


def test_swapping_for_evaluate_and_predict():
    model, swap = net(averaging()), callbacks.SwapEMAWeights()
    raw = model.predict(X)
    assert np.array_equal(model.predict(X, callbacks=[swap]), raw)  # no step, no average
    model.fit(X, y, epochs=2, verbose=0)
    averaged, weights = model.evaluate(X, y), model.get_weights()
    assert model.evaluate(X, y, callbacks=[swap]) == averaged
    assert all(map(np.array_equal, model.get_weights(), weights))
    model.train_on_batch(X, y)
    weights, average = model.get_weights(), model.optimizer.state["average"].copy()
    swapped = model.predict(X, callbacks=[swap])
    assert all(map(np.array_equal, model.get_weights(), weights))
    np.copyto(model.parameters.values, average)
    assert np.array_equal(model.predict(X), swapped)


def test_an_error_between_leaves_the_weights_that_learn():
    def bad(epoch, logs):
        raise KeyError("mine")

    model, plain = net(averaging()), net(averaging())
    given = [callbacks.SwapEMAWeights(True), callbacks.LambdaCallback(on_epoch_end=bad)]
    with pytest.raises(KeyError, match="mine"):
        model.fit(X, y, batch_size="full", callbacks=given, verbose=0)
    plain.train_on_batch(X, y)
    assert all(map(np.array_equal, model.get_weights(), plain.get_weights()))


def test_without_an_average():
    for method in ("fit", "evaluate"):
        with pytest.raises(ArgumentError, match="SGD keeps none: make it with use_ema=True"):
            getattr(net(), method)(X, y, callbacks=[callbacks.SwapEMAWeights()], verbose=0)


# histories and progress


def test_a_history_and_a_logger_of_ones_own(capsys):
    own = callbacks.History()
    model = net()
    assert model.fit(X, y, epochs=2, callbacks=[own, callbacks.ProgbarLogger()], verbose=2) is own
    assert model.history is own
    assert capsys.readouterr().out.count("Epoch ") == 2


def test_the_history_has_what_callbacks_write_into_the_logs():
    told = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(mine=epoch))
    assert net().fit(X, y, epochs=2, callbacks=[told], verbose=0).history["mine"] == [0, 1]


def test_a_bar_for_evaluate_and_predict(capsys, monkeypatch):
    model = net()
    model.evaluate(X, y, batch_size=8, callbacks=[callbacks.ProgbarLogger()], verbose=0)
    assert capsys.readouterr().out == ""
    model.predict(X, batch_size=8, callbacks=[callbacks.ProgbarLogger()])
    assert "3/" in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "tqdm", None)
    model.predict(X, batch_size=8, callbacks=[callbacks.ProgbarLogger()])
    assert capsys.readouterr().out.startswith("3/3 - 0s - ")


@pytest.mark.parametrize("verbose", [1, 2])
def test_progress_where_the_number_of_batches_is_not_known(verbose, capsys):
    def batches():
        for k in range(0, 24, 8):
            yield X[k : k + 8], y[k : k + 8]

    net().fit(batches(), epochs=1, verbose=verbose)
    assert "3/3 " in capsys.readouterr().out


# going on


@BOTH
def test_a_run_that_goes_on_hears_the_same(tmp_path, engine):
    """Patience, rates and best weights are those of a run that was not interrupted."""

    def given(*more):
        return [
            callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=2, min_delta=0.01),
            callbacks.EarlyStopping("loss", patience=6, min_delta=0.01, restore_best_weights=True),
            callbacks.CSVLogger(tmp_path / "log.csv"),
            *more,
        ]

    class Power(callbacks.Callback):
        """Fails, once."""

        failed = False

        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 9 and not Power.failed:
                Power.failed = True
                raise KeyboardInterrupt

    whole = net(mlp.optimizers.SGD(0.5), engine)
    expected = whole.fit(X, y, batch_size=8, epochs=40, callbacks=given(), verbose=0)
    table = (tmp_path / "log.csv").read_text()
    for _ in range(2):
        model = net(mlp.optimizers.SGD(0.5), engine)
        backup = callbacks.BackupAndRestore(tmp_path / "backup")
        try:
            history = model.fit(X, y, batch_size=8, epochs=40, callbacks=given(Power(), backup), verbose=0)
        except KeyboardInterrupt:
            continue
    assert Power.failed
    assert history.history == expected.history
    assert 10 < len(history.epoch) < 40
    assert all(map(np.array_equal, model.get_weights(), whole.get_weights()))
    assert (tmp_path / "log.csv").read_text() == table


def test_copies(tmp_path):
    for callback in (
        callbacks.EarlyStopping(),
        callbacks.ModelCheckpoint("a.mlp"),
        callbacks.TensorBoard("a"),
    ):
        twin = copy.deepcopy(callback)
        assert twin.get_state() == callback.get_state()
