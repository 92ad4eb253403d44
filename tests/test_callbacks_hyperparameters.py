"""Weight decay, noise and label smoothing that change while training, on both engines, at no cost."""

import pickle

import numpy as np
import pytest

import mlp
from mlp import callbacks, layers, losses, optimizers
from mlp.callbacks import HyperparameterScheduler
from mlp.data.batches import ArrayData
from mlp.engines import numba_engine
from mlp.errors import ArgumentError
from mlp.optimizers.schedules import FlatCosine

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4))
y = RNG.integers(0, 3, 30)
ENGINES = "numpy", "numba"
NOISES = [
    layers.Dropout(0.4),
    layers.AlphaDropout(0.4),
    layers.GaussianDropout(0.4),
    layers.GaussianNoise(0.4),
]


def net(engine="numpy", noise=None, loss=None, optimizer=None, dtype="float64") -> mlp.Sequential:
    parts = [layers.Input(4), layers.Dense(8, "tanh"), noise, layers.Dense(3, "softmax")]
    model = mlp.Sequential([part for part in parts if part is not None], seed=1, dtype=dtype)
    loss = loss or losses.SparseCategoricalCrossentropy()
    model.compile(optimizer or optimizers.AdamW(0.01), loss, engine=engine)
    return model


def fit(model, *heard, epochs=5, **options):
    return model.fit(X, y, epochs=epochs, batch_size=8, verbose=0, callbacks=list(heard), **options).history


@pytest.fixture
def written(monkeypatch):
    """The programs that the compiled engine writes."""
    kinds, write = [], numba_engine.NumbaEngine._write
    monkeypatch.setattr(
        numba_engine.NumbaEngine, "_write", lambda self, kind: kinds.append(kind) or write(self, kind)
    )
    return kinds


SCHEDULES = {
    "decay": ({"optimizer.weight_decay": lambda epoch: 0.5 / (1 + epoch)}, None),
    "smoothing": ({"loss.label_smoothing": lambda epoch: 0.3 / (1 + epoch)}, None),
    **{
        type(noise).__name__: (
            {
                f"{type(noise).__name__}.{'stddev' if hasattr(noise, 'stddev') else 'rate'}": FlatCosine(
                    0.5, 6
                )
            },
            noise,
        )
        for noise in NOISES
    },
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_both_engines_agree_and_nothing_is_written_again(name, dtype, written):
    schedules, noise = SCHEDULES[name]
    models = [net(engine, noise and noise.clone(), dtype=dtype) for engine in ENGINES]
    histories = [fit(model, HyperparameterScheduler(schedules), validation_data=(X, y)) for model in models]
    tolerance = 1e-4 if dtype == "float32" else 1e-10
    for history, other in zip(histories[0].values(), histories[1].values(), strict=True):
        np.testing.assert_allclose(history, other, rtol=tolerance)
    np.testing.assert_allclose(
        models[0].get_weights()[0], models[1].get_weights()[0], rtol=tolerance, atol=1e-6
    )
    # one to see that it compiles, then full batches and the smaller one
    assert len(written) == 3


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", SCHEDULES)
def test_an_epoch_is_as_with_that_value_from_the_beginning(name, engine):
    """Five fits of one epoch, each by a model with the weights, the state and the generator so far."""
    schedules, noise = SCHEDULES[name]
    ((key, schedule),) = schedules.items()
    moving = net(engine, noise and noise.clone())
    history = fit(moving, HyperparameterScheduler(schedules))
    still = net(engine, noise and noise.clone())
    for epoch in range(5):
        owner, argument = key.split(".")
        value = schedule(epoch)
        if owner == "optimizer":
            kept = still.optimizer
            still.compile(optimizers.AdamW(0.01, value), still.loss, engine=engine)
            if kept.built:
                still.ready()
                still.optimizer.iterations = kept.iterations
                for vector, before in zip(still.optimizer.state.values(), kept.state.values(), strict=True):
                    vector[...] = before
        elif owner == "loss":
            still.loss.label_smoothing = value
            still.let_go()
        else:
            setattr(still.layers[1], argument, value)
            still.let_go()
        loss = fit(still, epochs=1)["loss"]
        np.testing.assert_allclose(loss, history["loss"][epoch], rtol=1e-9)
        assert history[key][epoch] == value
    np.testing.assert_allclose(moving.parameters.values, still.parameters.values, rtol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_noise_that_begins_and_ends_in_the_middle(engine, written):
    """Without noise no numbers are drawn; there are two programs for it, and no more."""
    model = net(engine, layers.Dropout(0.5), optimizer=optimizers.SGD(0.0))
    before = []

    class Watch(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            before.append(self.model.rng.bit_generator.state["state"]["state"])

    history = fit(
        model, Watch(), HyperparameterScheduler({"Dropout.rate": lambda epoch: epoch % 2 / 2}), epochs=6
    )
    assert len(set(np.round(history["loss"][::2], 12))) == 1, "noise in an epoch that has none"
    assert len({*history["loss"][1::2], history["loss"][0]}) == 4
    assert len(written) == (0 if engine == "numpy" else 5)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_decay_that_was_none(engine, written):
    model = net(engine, optimizer=optimizers.Adam(0.0))
    model.optimizer.learning_rate = 1e-3
    plain = net(engine, optimizer=optimizers.Adam(1e-3))
    fit(model, HyperparameterScheduler({"optimizer.weight_decay": lambda epoch: 0.0}))
    fit(plain)
    np.testing.assert_array_equal(model.parameters.values, plain.parameters.values)
    written.clear()
    fit(model, HyperparameterScheduler({"optimizer.weight_decay": lambda epoch: 10.0 + epoch}))
    fit(plain)
    assert abs(model.get_weights()[0]).sum() < abs(plain.get_weights()[0]).sum()
    assert not written


@pytest.mark.parametrize("engine", ENGINES)
def test_factors_of_decay_stay(engine):
    """What decays by a factor does so by the λ of now, and what does not never does."""
    rule = optimizers.SGD(0.1, weight_decay=0.0, decay_factors={"b": 0, "dense.W": 3}, rate_factors={"W": 2})
    model = net(engine, optimizer=rule)
    model.build((4,))
    model.layers[0].b = model.layers[1].b = 1.0
    model.ready()
    before = model.get_weights()
    model.optimizer.weight_decay = 0.25
    model.parameters.gradients[:] = 0
    model.optimizer.step()
    for after, former, shrink in zip(model.get_weights(), before, (1 - 0.15, 1, 1 - 0.05, 1), strict=True):
        np.testing.assert_allclose(after, former * shrink, rtol=1e-12)


def test_a_rule_with_two_decays():
    """One of them changes; the parameters that decayed together then do so no more."""
    rule = optimizers.Muon(0.1, weight_decay=0.5, adam_weight_decay=0.5, adam_lr_ratio=1.0)
    model = net(optimizer=rule)
    model.build((4,))
    model.ready()
    model.optimizer.weight_decay = 0.25
    plan = model.optimizer._plan
    assert sorted({decay.number for decay in plan.decays.values()}) == [0.25, 0.5]
    model.optimizer.weight_decay = 0.125
    assert model.optimizer._plan is plan
    assert sorted({decay.number for decay in plan.decays.values()}) == [0.125, 0.5]


@pytest.mark.parametrize("size", [8, "full", 1])
@pytest.mark.parametrize(
    "loss",
    [losses.SparseCategoricalCrossentropy(), losses.BinaryCrossentropy(), losses.CategoricalCrossentropy()],
)
def test_smoothing_of_every_form_of_targets(size, loss):
    targets = (
        y if loss.name is None and isinstance(loss, losses.SparseCategoricalCrossentropy) else np.eye(3)[y]
    )
    model, smoothed = net(loss=loss), []
    for value in (0.0, 0.2, 0.0):
        model.loss.label_smoothing = value
        smoothed.append(model.evaluate(X, targets))
    assert smoothed[0] == smoothed[2] != smoothed[1]
    model.optimizer.learning_rate = 0.0
    model.optimizer.weight_decay = 0.0
    moving = HyperparameterScheduler({"loss.label_smoothing": lambda epoch: 0.2 * (epoch == 1)})
    history = model.fit(
        X, targets, epochs=3, batch_size=size, verbose=0, callbacks=[moving], validation_data=(X, targets)
    ).history
    np.testing.assert_allclose(history["loss"], smoothed, rtol=1e-6)
    np.testing.assert_allclose(history["val_loss"], smoothed, rtol=1e-6)


@pytest.mark.parametrize("weight", [None, np.linspace(0.5, 2, 30)])
@pytest.mark.parametrize(
    ("loss", "T"), [(losses.SparseCategoricalCrossentropy, y), (losses.CategoricalCrossentropy, np.eye(3)[y])]
)
def test_smoothing_in_the_middle_of_a_pass(loss, T, weight):
    runs = []
    for engine in ENGINES:
        model = net(engine, loss=loss())
        moving = HyperparameterScheduler({"loss.label_smoothing": lambda epoch: (0, 0.4, 0.1, 0, 0.2)[epoch]})
        options = {"epochs": 5, "steps_per_epoch": 3, "sample_weight": weight, "verbose": 0}
        runs.append(model.fit(X, T, batch_size=4, callbacks=[moving], **options).history["loss"])
    np.testing.assert_allclose(*runs, rtol=1e-10)


def test_targets_are_encoded_in_place_where_they_can_be():
    loss = losses.SparseCategoricalCrossentropy(label_smoothing=0.1)
    loss.bind(3, np.dtype("float32"))
    data = ArrayData(X, y[:, None], None, loss.encode, loss.reduce, 3, encoding=lambda: loss.label_smoothing)
    target = data.target
    loss.label_smoothing = 0.3
    data.renew()
    assert data.target is target
    assert target.max() == pytest.approx(0.8)
    target[:] = 7.0
    data.renew()
    assert target.min() == 7.0, "encoded again for nothing"


def test_smoothing_of_rows_that_are_read_by_and_by(tmp_path):
    mapped = np.memmap(tmp_path / "x", np.float64, "w+", shape=X.shape)
    mapped[...] = X
    schedule = {"loss.label_smoothing": lambda epoch: 0.1 * epoch}
    one, other = net(), net()
    one.fit(mapped, y, epochs=3, shuffle=False, verbose=0, callbacks=[HyperparameterScheduler(schedule)])
    other.fit(X, y, epochs=3, shuffle=False, verbose=0, callbacks=[HyperparameterScheduler(schedule)])
    np.testing.assert_allclose(one.parameters.values, other.parameters.values, rtol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_smoothing_of_batches_that_are_drawn_before_the_epoch(engine):
    def endless():
        while True:
            for start in range(0, 30, 5):
                yield X[start : start + 5], y[start : start + 5]

    histories = []
    for data, options in ((endless(), {}), (X, {"y": y, "batch_size": 5, "shuffle": False})):
        moving = HyperparameterScheduler({"loss.label_smoothing": lambda epoch: (0, 0.4, 0.1, 0)[epoch]})
        options |= {"epochs": 4, "steps_per_epoch": 4, "callbacks": [moving], "verbose": 0}
        histories.append(net(engine).fit(data, **options).history["loss"])
    np.testing.assert_allclose(*histories, rtol=1e-10)


def test_the_share_of_the_training():
    seen = []
    model = net(noise=layers.Dropout(0.1))
    fit(model, HyperparameterScheduler({"Dropout.rate": lambda t: seen.append(t) or 0.2}, total_epochs=4))
    assert seen == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_names_of_layers():
    inner = layers.Dropout(0.1, name="inner")
    model = mlp.Sequential(
        [
            layers.Input(4),
            layers.Residual([layers.Dense(4), inner], name="block"),
            layers.Dropout(0.1, name="outer"),
            layers.Dense(3, "softmax"),
        ],
        seed=0,
    )
    model.compile("sgd", losses.SparseCategoricalCrossentropy())
    rates = {"Dropout.rate": 0.2, "outer.rate": 0.3, "block.inner.rate": 0.4}
    fit(model, HyperparameterScheduler({name: lambda epoch, rate=rate: rate for name, rate in rates.items()}))
    assert (inner.rate, model.layers[1].rate) == (0.4, 0.3)
    fit(model, HyperparameterScheduler({"inner.rate": lambda epoch: 0.5}))
    assert inner.rate == 0.5


def test_the_loss_in_a_masked_loss():
    model = net(loss=losses.Masked(losses.BinaryCrossentropy()))
    targets = np.eye(3)[y]
    targets[0] = np.nan
    moving = HyperparameterScheduler({"loss.label_smoothing": lambda epoch: 0.4})
    model.fit(X, targets, verbose=0, callbacks=[moving])
    assert model.loss.loss.label_smoothing == 0.4


@pytest.mark.parametrize(
    ("schedules", "message"),
    [
        ({}, "schedules must be"),
        ([], "schedules must be"),
        ({"Dropout.rate": 0.5}, "schedules must be"),
        ({3: abs}, "schedules must be"),
    ],
)
def test_what_is_no_schedule(schedules, message):
    with pytest.raises(ArgumentError, match=message):
        HyperparameterScheduler(schedules)
    with pytest.raises(ArgumentError, match="total_epochs"):
        HyperparameterScheduler({"Dropout.rate": abs}, 0)


@pytest.mark.parametrize(
    "name", ["rate", "dense.rate", "Dropout.units", "optimizer.beta_1", "Dropuot.rate", ""]
)
def test_names_that_the_model_does_not_have(name):
    model = net(noise=layers.Dropout(0.1))
    model.build((4,))
    before = model.parameters.values.copy()
    with pytest.raises(
        ArgumentError, match=r"It has 'optimizer.weight_decay', 'loss.label_smoothing', 'dropout"
    ):
        fit(model, HyperparameterScheduler({name: lambda epoch: 0.5}))
    np.testing.assert_array_equal(model.parameters.values, before)


@pytest.mark.parametrize("value", [1.0, -0.1, np.nan, "0.1", None])
def test_values_that_cannot_be(value):
    model = net(noise=layers.Dropout(0.1))
    with pytest.raises(
        ArgumentError, match=r"schedule of 'Dropout.rate' gives for epoch 0 cannot be used: rate"
    ):
        fit(model, HyperparameterScheduler({"Dropout.rate": lambda epoch: value}))
    with pytest.raises(ArgumentError, match="rate must be a number"):
        model.layers[1].rate = value
    assert model.layers[1].rate == 0.1


def test_a_model_that_was_copied_has_numbers_of_its_own():
    model = net(noise=layers.Dropout(0.1))
    fit(model)
    twin = mlp.models.clone_model(model)
    model.layers[1].rate = 0.9
    assert twin.layers[1].rate == 0.1
    again = pickle.loads(pickle.dumps(model))
    again.layers[1].rate = 0.0
    assert model.layers[1].rate == 0.9
    fit(again)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_that_is_resumed_goes_on_with_the_values(tmp_path, engine):
    def heard(*more):
        return HyperparameterScheduler({"Dropout.rate": FlatCosine(0.5, 5)}), *more

    class Breaking(callbacks.Callback):
        heard = 0

        def on_train_batch_end(self, batch, logs=None):
            self.heard += 1
            if self.heard == 14:
                raise OSError("disk")

    whole, broken, resumed = (net(engine, layers.Dropout(0.5)) for _ in range(3))
    fit(whole, *heard())
    with pytest.raises(OSError, match="disk"):
        fit(broken, *heard(callbacks.BackupAndRestore(tmp_path, 1), Breaking()))
    fit(resumed, *heard(callbacks.BackupAndRestore(tmp_path, 1)))
    np.testing.assert_array_equal(whole.parameters.values, resumed.parameters.values)
