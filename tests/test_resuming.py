"""A run that is broken off and resumed from its backup ends with the bytes of one that was not."""

import numpy as np
import pytest

import mlp
from mlp import callbacks, layers, storage
from mlp.errors import ArgumentError, ModelFileError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(203, 6))
y = (X[:, 0] * X[:, 1] > 0).astype(int)


class BrokenOffError(Exception):
    """What ends a run in these tests."""


class EachBatch(callbacks.Callback):
    """Hears of every batch, so that no two are made in one go."""

    def on_train_batch_end(self, batch, logs=None):
        pass


class Breaking(callbacks.Callback):
    """Ends the run after so many of its batches, or chunks of them."""

    every_batch = False

    def __init__(self, after):
        self.after, self.heard = after, 0

    def on_train_batch_end(self, batch, logs=None):
        self.heard += 1
        if self.heard == self.after:
            raise BrokenOffError

    def get_state(self):
        return {}


def build(engine, optimizer="adam", metrics=("accuracy", "mae")):
    model = mlp.Sequential(
        [
            layers.Input(6),
            layers.Dense(8, activation="relu"),
            layers.Dropout(0.3),
            layers.BatchNormalization(),
            layers.Dense(1, activation="sigmoid"),
        ],
        seed=3,
    )
    model.compile(optimizer, "binary_crossentropy", metrics=list(metrics), engine=engine)
    return model


def fit_with_breaks(folder, engine, options, every=2, optimizer=lambda: "adam", more=list, **parts):
    """Train in a new model each time, broken off ever later, until a run gets to its end."""
    for attempt in range(1, 400):
        model = build(engine, optimizer(), **parts)
        keeper = callbacks.BackupAndRestore(folder, save_freq=every)
        try:
            history = model.fit(X, y, callbacks=[Breaking(attempt), *more(), keeper], **options)
        except BrokenOffError:
            continue
        return model, history, attempt
    raise AssertionError("the run never ended")


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"steps_per_epoch": 5},
        {"batch_size": "full", "epochs": 7},
        {"batch_size": 1, "epochs": 2},
        {"validation_split": 0.2},
        {"sample_weight": RNG.uniform(size=203), "class_weight": {0: 2.0}},
        {"shuffle": False, "initial_epoch": 2},
    ],
    ids=lambda more: "+".join(more) or "plain",
)
@pytest.mark.parametrize("every", [3, "epoch"])
def test_a_resumed_run_ends_with_the_same_bytes(tmp_path, engine, more, every):
    options = {"batch_size": 16, "epochs": 4, "verbose": 0} | more
    whole = build(engine)
    expected = whole.fit(X, y, **options)
    model, history, attempts = fit_with_breaks(tmp_path, engine, options, every)
    assert attempts > 1
    for a, b in zip(whole.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for name, vector in whole.optimizer.state.items():
        np.testing.assert_array_equal(vector, model.optimizer.state[name])
    assert history.history == expected.history
    assert history.epoch == expected.epoch
    assert whole.rng.bit_generator.state == model.rng.bit_generator.state
    assert list(tmp_path.iterdir()) == []  # the backup of a run that came to its end is deleted


@pytest.mark.parametrize(
    "metric",
    [
        mlp.metrics.R2Score(),
        mlp.metrics.PearsonCorrelation(axis=0),
        mlp.metrics.ConcordanceCorrelation(axis=0),
        mlp.metrics.AUC(),
    ],
    ids=lambda metric: metric.name,
)
def test_metrics_go_on_in_the_middle_of_an_epoch(tmp_path, metric):
    options = {"batch_size": 16, "epochs": 2, "verbose": 0}
    expected = build("numpy", metrics=[metric]).fit(X, y, **options)
    _, history, attempts = fit_with_breaks(tmp_path, "numpy", options, metrics=[metric])
    assert attempts > 1
    assert history.history == expected.history


class Stopping(callbacks.Callback):
    """Ends the training with the second batch."""

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = batch == 1


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_run_that_was_stopped_in_an_epoch_makes_no_other_batch(tmp_path, engine):
    options = {"batch_size": 16, "epochs": 2, "verbose": 0}
    whole = build(engine)
    expected = whole.fit(X, y, callbacks=[Stopping()], **options)
    broken = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: 1 / 0)
    keeper = callbacks.BackupAndRestore(tmp_path, save_freq=1)
    model = build(engine)
    with pytest.raises(ZeroDivisionError):
        model.fit(X, y, callbacks=[Stopping(), keeper, broken], **options)
    model = build(engine)
    history = model.fit(X, y, callbacks=[Stopping(), keeper], **options)
    assert model.optimizer.iterations == whole.optimizer.iterations == 2
    assert history.history == expected.history


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_callbacks_go_on_where_they_stood(tmp_path, engine):
    options = {"batch_size": 16, "epochs": 30, "verbose": 0, "validation_split": 0.3}

    def more():
        return [
            callbacks.ReduceLROnPlateau(patience=2, min_delta=0.01),
            callbacks.EarlyStopping(patience=6, restore_best_weights=True, min_delta=0.001),
        ]

    whole = build(engine)
    expected = whole.fit(X, y, callbacks=more(), **options)
    assert len(expected.epoch) < 30
    model, history, _ = fit_with_breaks(tmp_path, engine, options, "epoch", more=more)
    np.testing.assert_array_equal(model.get_weights()[0], whole.get_weights()[0])
    assert history.history == expected.history


def test_a_schedule_goes_on(tmp_path):
    def optimizer():
        return mlp.optimizers.SGD(mlp.optimizers.schedules.CosineDecay(0.1, 40), momentum=0.9)

    options = {"batch_size": 16, "epochs": 4, "verbose": 0}
    whole = build("numpy", optimizer())
    whole.fit(X, y, **options)
    model, _, _ = fit_with_breaks(tmp_path, "numpy", options, optimizer=optimizer)
    np.testing.assert_array_equal(model.get_weights()[0], whole.get_weights()[0])


def test_a_divergence_after_the_break_goes_back_to_the_same_weights(tmp_path):
    class Spoil(callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if self.model.run.epoch == 2 and batch == 4:
                self.model.optimizer.learning_rate = 1e38

    def run(callback):
        model = mlp.Sequential([layers.Dense(1, input_shape=(6,))], seed=1)
        model.compile("sgd", "mse")
        model.fit(X, y, batch_size=16, epochs=4, verbose=0, callbacks=callback)

    with pytest.raises(mlp.errors.DivergenceError):
        run([Spoil()])
    whole = mlp.Sequential([layers.Dense(1, input_shape=(6,))], seed=1)
    whole.compile("sgd", "mse")
    whole.fit(X, y, batch_size=16, epochs=2, verbose=0)
    with pytest.raises(BrokenOffError):
        run([Spoil(), Breaking(28), callbacks.BackupAndRestore(tmp_path, save_freq=1)])  # in the third epoch
    model = mlp.Sequential([layers.Dense(1, input_shape=(6,))], seed=1)
    model.compile("sgd", "mse")
    keeper = callbacks.BackupAndRestore(tmp_path, save_freq=1)
    with pytest.raises(mlp.errors.DivergenceError):
        model.fit(X, y, batch_size=16, epochs=4, verbose=0, callbacks=[Spoil(), Breaking(100), keeper])
    np.testing.assert_array_equal(model.get_weights()[0], whole.get_weights()[0])


def test_a_backup_of_another_run_is_refused(tmp_path):
    with pytest.raises(BrokenOffError):
        build("numpy").fit(
            X, y, verbose=0, epochs=3, callbacks=[Breaking(9), callbacks.BackupAndRestore(tmp_path)]
        )
    keeper = callbacks.BackupAndRestore(tmp_path)
    model = build("numpy", "sgd")
    before = model.get_weights()
    with pytest.raises(ArgumentError, match="its optimizer was 'Adam', and now is 'SGD'"):
        model.fit(X, y, verbose=0, epochs=3, callbacks=[Breaking(9), keeper])
    with pytest.raises(ArgumentError, match="number of rows was 203, and now is 100"):
        build("numpy").fit(X[:100], y[:100], verbose=0, epochs=3, callbacks=[Breaking(9), keeper])
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_a_damaged_backup_is_an_error_and_stays(tmp_path):
    path = tmp_path / "training.mlp"
    path.write_bytes(b"nothing of ours")
    keeper = callbacks.BackupAndRestore(tmp_path)
    with pytest.raises(
        ModelFileError, match=r"the backup .*training.mlp cannot be gone on from: .*Delete it to begin anew"
    ):
        build("numpy").fit(X, y, verbose=0, callbacks=[keeper])
    assert path.read_bytes() == b"nothing of ours"


def test_the_backup_before_is_taken_if_the_last_is_damaged(tmp_path):
    keeper = callbacks.BackupAndRestore(tmp_path, double_checkpoint=True)
    options = {"batch_size": 16, "epochs": 5, "verbose": 0}
    with pytest.raises(BrokenOffError):
        build("numpy").fit(X, y, callbacks=[Breaking(50), keeper], **options)
    (tmp_path / "training.mlp").write_bytes(b"")
    model, whole = build("numpy"), build("numpy")
    model.fit(X, y, callbacks=[Breaking(500), keeper], **options)
    whole.fit(X, y, **options)
    np.testing.assert_array_equal(model.get_weights()[0], whole.get_weights()[0])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelFileError, match="the folder for backups cannot be made"):
        build("numpy").fit(X, y, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path / "file" / "in")])


@pytest.mark.parametrize("wrong", [{"save_freq": 0}, {"save_freq": "batch"}, {"backup_dir": 3}])
def test_wrong_arguments(wrong):
    with pytest.raises(ArgumentError):
        callbacks.BackupAndRestore(**{"backup_dir": "somewhere"} | wrong)


def test_a_state_that_is_none_is_refused_before_anything_changes(tmp_path):
    """Whatever part of a state is taken away or replaced."""
    keeper = callbacks.BackupAndRestore(tmp_path, save_freq=3)
    options = {"batch_size": 16, "epochs": 3, "verbose": 0}
    with pytest.raises(BrokenOffError):
        build("numpy").fit(X, y, callbacks=[EachBatch(), Breaking(8), keeper], **options)
    arrays, description = storage.read(tmp_path / "training.mlp")
    whole = storage.unpack(description["training"], arrays)
    for key in whole:
        for state in ({k: v for k, v in whole.items() if k != key}, whole | {key: "nonsense"}):
            model = build("numpy")
            model.build((6,))
            before = model.get_weights()
            with model.training(X, y, epochs=3) as run, pytest.raises(ArgumentError):
                run.resume(state)
            for a, b in zip(before, model.get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)


def test_another_batch_size_is_refused_in_the_middle_of_an_epoch(tmp_path):
    keeper = callbacks.BackupAndRestore(tmp_path, save_freq=3)
    with pytest.raises(BrokenOffError):
        build("numpy").fit(X, y, batch_size=16, verbose=0, callbacks=[Breaking(5), keeper])
    with pytest.raises(ArgumentError, match="batch_size=16, and now it is 32"):
        build("numpy").fit(X, y, batch_size=32, verbose=0, callbacks=[keeper])
    build("numpy").fit(X, y, batch_size=16, verbose=0, callbacks=[keeper])
