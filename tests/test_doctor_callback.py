"""The training doctor as a callback: it tells each finding once, and does not disturb the training."""

import numpy as np
import pytest

import mlp
from mlp import layers, optimizers
from mlp.callbacks import BackupAndRestore, Callback, EarlyStopping, LambdaCallback, WeightRecord
from mlp.callbacks.training_doctor import TrainingDoctor
from mlp.doctor import examination

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
T = np.sin(X[:, 0]) + 0.5 * X[:, 1]


def net(rule=0.05, engine="auto", stack=None):
    stack = stack or [layers.Dense(8, "tanh"), layers.Dense(1)]
    model = mlp.Sequential([layers.Input(4), *stack], seed=0)
    model.compile(optimizers.SGD(rule) if isinstance(rule, float) else rule, "mse", engine=engine)
    return model


def rich():
    return [
        layers.Dense(8, "relu"), layers.Dropout(0.3), layers.BatchNormalization(), layers.GaussianNoise(0.1),
        layers.Dense(1),
    ]  # fmt: skip


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_the_training_is_the_same_to_the_bit(engine):
    models, histories = [], []
    for callbacks in ([], [TrainingDoctor(every=2, verbose=0)]):
        model = net(optimizers.Adam(0.01, use_ema=True), engine, rich())
        histories.append(
            model.fit(X, T, epochs=7, callbacks=callbacks, verbose=0, validation_split=0.2).history
        )
        models.append(model)
    assert models[0].parameters.values.tobytes() == models[1].parameters.values.tobytes()
    assert histories[0] == histories[1]
    assert models[0].rng.bit_generator.state == models[1].rng.bit_generator.state


def test_whole_epochs_are_made_at_a_time():
    class Chunks(Callback):
        every_batch = False
        calls = 0

        def on_train_batch_end(self, batch, logs=None):
            self.calls += 1

    chunks = Chunks()
    net(engine="numba").fit(
        X, T, batch_size=2, epochs=1, callbacks=[TrainingDoctor(verbose=0), chunks], verbose=0
    )
    assert chunks.calls < 60


def test_each_finding_is_told_once(capsys):
    doctor = TrainingDoctor(every=2)
    net().fit(X * 5000, T, epochs=8, callbacks=[doctor], verbose=0)
    told = capsys.readouterr().out
    assert told.startswith("Training doctor, before the training: unscaled_columns (serious): columns of x")
    assert told.count("unscaled_columns (serious)") == 1
    assert "unscaled_columns has led to saturated_units." in told
    assert "all is well" not in told
    assert list(doctor.findings_by_epoch) == [0, 2, 4, 6, 8]
    assert all(names[0] == "unscaled_columns" for names in doctor.findings_by_epoch.values())
    assert "saturated_units" in doctor.diagnosis


def test_all_is_well(capsys):
    doctor = TrainingDoctor(every=5)
    net(0.1).fit(X, T, epochs=30, callbacks=[doctor], verbose=0)
    assert capsys.readouterr().out == "Training doctor: all is well after 30 epochs.\n"
    assert doctor.findings_by_epoch == {epochs: [] for epochs in range(0, 31, 5)}
    assert doctor.diagnosis.healthy


def test_silence(capsys):
    net().fit(X * 5000, T, epochs=2, callbacks=[TrainingDoctor(verbose=0)], verbose=0)
    assert not capsys.readouterr().out


def test_what_is_not_over_is_not_blamed():
    doctor = TrainingDoctor(every=1, verbose=0)
    net(1e-6).fit(X, T + 3, epochs=6, callbacks=[doctor], verbose=0)
    during = {name for epochs, names in doctor.findings_by_epoch.items() if epochs < 6 for name in names}
    assert during == {"rate_too_low"}
    assert "underfitting" in doctor.findings_by_epoch[6]


def test_a_divergence_is_explained(capsys):
    doctor = TrainingDoctor()
    with pytest.raises(mlp.errors.DivergenceError):
        net(1.0).fit(X, 500 + 100 * T, epochs=50, callbacks=[doctor], verbose=0)
    assert "unscaled_targets (serious)" in capsys.readouterr().out
    assert doctor.diagnosis["rate_too_high"].explained_by == "unscaled_targets"


def test_rows_of_ones_own():
    doctor = TrainingDoctor(X * 5000, T, verbose=0)
    net().fit(X, T, epochs=1, callbacks=[doctor], verbose=0)
    assert doctor.findings_by_epoch[0][0] == "unscaled_columns"
    assert doctor.diagnosis.subject == "'sequential' on 120 rows"


def test_batches_and_mapped_files(tmp_path):
    np.save(tmp_path / "x.npy", np.tile(X * 5000, (20, 1)).astype("float32"))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    doctor, weights = TrainingDoctor(verbose=0), []
    for callbacks in ([], [doctor]):
        model = net()
        model.fit(mapped, np.tile(T, 20), epochs=2, callbacks=callbacks, verbose=0)
        weights.append(model.parameters.values.tobytes())
    assert weights[0] == weights[1]
    assert doctor.diagnosis.subject == "'sequential' on 1000 of 2400 rows"

    def batches():
        for start in range(0, 120, 40):
            yield X[start : start + 40] * 5000, T[start : start + 40]

    model = net()
    assert len(model.fit(batches(), epochs=1, callbacks=[doctor], verbose=0).epoch) == 1
    assert doctor.diagnosis.subject == "'sequential' on 40 rows"
    assert model.optimizer.iterations == 3


def test_the_data_are_looked_at_once(monkeypatch):
    calls = []
    look, names = examination.LOOKS["columns that know the target"]
    monkeypatch.setitem(
        examination.LOOKS, "columns that know the target", (lambda case: calls.append(1) or look(case), names)
    )
    net().fit(X, T, epochs=4, callbacks=[TrainingDoctor(every=1, verbose=0)], verbose=0)
    assert len(calls) == 1


def test_the_end_has_the_weights_of_early_stopping(monkeypatch):
    seen = []
    look, names = examination.LOOKS["units"]

    def watched(case):
        seen.append(case.model.parameters.values.copy())
        return look(case)

    monkeypatch.setitem(examination.LOOKS, "units", (watched, names))
    stopping = EarlyStopping("loss", mode="max", patience=2, restore_best_weights=True)
    doctor, record, model = TrainingDoctor(verbose=0), WeightRecord(), net()
    model.fit(X, T, epochs=9, callbacks=[doctor, record, stopping], verbose=0)
    assert doctor.findings_by_epoch.keys() == {0, 3}
    np.testing.assert_array_equal(seen[-1], record.at(1))
    assert (record.at(1) != record.at(3)).any()


def test_a_run_that_is_resumed(tmp_path, capsys):
    def stop(epoch, logs):
        if epoch == 2:
            raise RuntimeError

    doctor = TrainingDoctor(every=1)
    with pytest.raises(RuntimeError):
        net().fit(
            X * 5000, T, epochs=5, verbose=0,
            callbacks=[doctor, BackupAndRestore(tmp_path / "b"), LambdaCallback(on_epoch_begin=stop)],
        )  # fmt: skip
    assert "unscaled_columns (serious)" in capsys.readouterr().out
    again = TrainingDoctor(every=1)
    net().fit(X * 5000, T, epochs=5, verbose=0, callbacks=[again, BackupAndRestore(tmp_path / "b")])
    assert list(again.findings_by_epoch) == [0, 1, 2, 3, 4, 5]
    assert "unscaled_columns (serious)" not in capsys.readouterr().out


def test_bad_arguments():
    with pytest.raises(mlp.errors.ArgumentError, match="every must be a positive integer; got 0"):
        TrainingDoctor(every=0)
    with pytest.raises(mlp.errors.ArgumentError, match="verbose must be"):
        TrainingDoctor(verbose=3)
    with pytest.raises(mlp.errors.ArgumentError, match="x must be given where y or sample_weight is"):
        TrainingDoctor(y=T)
    with pytest.raises(mlp.errors.ArgumentError, match="120 rows and y has 3"):
        net().fit(X, T, callbacks=[TrainingDoctor(X, T[:3])], verbose=0)
