"""Callbacks that set the learning rate, and the range test."""

import copy
import pickle

import numpy as np
import pytest

import mlp
from mlp import Sequential, callbacks, layers
from mlp.errors import ArgumentError, NotReadyError

rng = np.random.default_rng(0)
X = rng.normal(size=(64, 3))
y = X.sum(axis=1)


def net(optimizer=None, units=1) -> Sequential:
    model = Sequential([layers.Dense(units, input_shape=(3,))], seed=0)
    model.compile(optimizer or mlp.optimizers.SGD(0.1), "mse", engine="numpy")
    return model


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (lambda epoch, lr: lr / 2, [0.05, 0.025, 0.0125]),
        (lambda epoch: 0.1 if epoch < 2 else 0.01, [0.1, 0.1, 0.01]),
        (lambda epoch, lr: np.float32(0.5), [0.5, 0.5, 0.5]),
        (mlp.optimizers.schedules.PiecewiseConstantDecay([1], [0.2, 0.1]), [0.2, 0.2, 0.1]),
        (lambda *arguments: 1 / (1 + len(arguments)), [1 / 3] * 3),
    ],
)
def test_scheduler(schedule, rates):
    model = net()
    history = model.fit(X, y, epochs=3, callbacks=[callbacks.LearningRateScheduler(schedule)], verbose=0)
    assert history.history["learning_rate"] == pytest.approx(rates)
    assert model.optimizer.learning_rate == pytest.approx(rates[-1])


def test_scheduler_says_so(capsys):
    net().fit(X, y, callbacks=[callbacks.LearningRateScheduler(lambda epoch: 0.25, verbose=1)], verbose=0)
    assert capsys.readouterr().out == "\nEpoch 1: LearningRateScheduler setting learning rate to 0.25.\n"


def test_an_error_of_the_schedule_is_not_taken_for_its_signature():
    def wrong(epoch, lr):
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        net().fit(X, y, callbacks=[callbacks.LearningRateScheduler(wrong)], verbose=0)


@pytest.mark.parametrize("value", [None, -1.0, np.nan, "0.1", np.ones(2), True])
def test_what_is_no_rate(value):
    expected = "what schedule returns for epoch 0 must be a number of at least 0"
    with pytest.raises(ArgumentError, match=expected):
        net().fit(X, y, callbacks=[callbacks.LearningRateScheduler(lambda epoch: value)], verbose=0)


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (mlp.optimizers.SGD(mlp.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)), "SGD has Exponential"),
        (mlp.optimizers.LBFGS(), "LBFGS finds its steps by itself"),
    ],
)
@pytest.mark.parametrize(
    "callback", [callbacks.LearningRateScheduler(lambda epoch: 0.1), callbacks.ReduceLROnPlateau("loss")]
)
def test_an_optimizer_whose_rate_cannot_be_set(callback, optimizer, message):
    model = net(optimizer)
    before = model.get_weights()
    with pytest.raises(ArgumentError, match=message):
        model.fit(X, y, callbacks=[callback], verbose=0)
    assert all(map(np.array_equal, before, model.get_weights()))


def test_reductions_reach_the_steps(capsys):
    model = net(mlp.optimizers.SGD(0.1))
    lower = callbacks.ReduceLROnPlateau("loss", factor=0.0, patience=1, min_delta=1e9, verbose=1)
    history = model.fit(X, y, epochs=4, callbacks=[lower], verbose=0, shuffle=False).history
    assert history["learning_rate"] == [0.1, 0.1, 0.0, 0.0]
    assert history["loss"][2] == history["loss"][3]
    assert capsys.readouterr().out == "\nEpoch 2: ReduceLROnPlateau reducing learning rate to 0.0.\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factor": 1.0}, "factor must be a number in"),
        ({"factor": -0.1}, "factor must be a number in"),
        ({"cooldown": -1}, "cooldown must be an integer of at least 0"),
        ({"min_lr": -1.0}, "min_lr must be a number in"),
        ({"patience": None}, "patience must be an integer"),
    ],
)
def test_bad_arguments_of_reductions(options, message):
    with pytest.raises(ArgumentError, match=message):
        callbacks.ReduceLROnPlateau(**options)


def test_a_schedule_must_be_a_function():
    with pytest.raises(ArgumentError, match=r"schedule must be a function of the epoch .* got 0\.1"):
        callbacks.LearningRateScheduler(0.1)


# the range test


def state(model):
    """All that a training could change."""
    kept = pickle.dumps(
        [model.rng.bit_generator.state, model.optimizer.learning_rate, model.optimizer.iterations]
    )
    return [kept, model.parameters.values.tobytes(), *(v.tobytes() for v in model.optimizer.state.values())]


@pytest.mark.parametrize("trained", [False, True])
def test_the_model_stays_as_it_is(trained):
    model = net(mlp.optimizers.Adam(0.01, use_ema=True))
    if trained:
        model.fit(X, y, epochs=2, verbose=0)
    model.ready()
    before, twin = state(model), copy.deepcopy(model)
    callbacks.find_learning_rate(model, X, y)
    assert state(model) == before
    ours, theirs = (m.fit(X, y, epochs=2, verbose=0).history for m in (model, twin))
    assert ours == theirs


def test_a_model_without_weights_stays_without():
    model = Sequential([layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    callbacks.find_learning_rate(model, X, y)
    assert not model.built


@pytest.mark.parametrize("curvature", [0.1, 1.0, 100.0])
def test_the_suggestion_is_below_the_rate_at_which_the_loss_grows(curvature):
    """For L = c w² that is 1 / c; the fastest rate, by one step, is half of it."""
    inputs = np.full((32, 1), np.sqrt(curvature))
    model = Sequential([layers.Dense(1, use_bias=False, input_shape=(1,))], dtype="float64", seed=0)
    model.compile("sgd", "mse")
    found = callbacks.find_learning_rate(model, inputs, inputs[:, 0], high=1e3)
    assert 1e-3 / curvature < found.suggestion < 1 / curvature
    assert len(found.rates) == len(found.losses) == len(found.smoothed) < 200
    assert np.isfinite(found.losses).all()
    assert found.rates[0] == pytest.approx(1e-6)
    model.optimizer.learning_rate = found.suggestion
    losses = model.fit(inputs, inputs[:, 0], epochs=5, verbose=0).history["loss"]
    assert losses == sorted(losses, reverse=True)


def test_a_schedule_is_put_aside():
    model = net(mlp.optimizers.SGD(mlp.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)))
    found = callbacks.find_learning_rate(model, X, y, sample_weight=np.ones(64), batch_size=16)
    assert 1e-3 < found.suggestion < 1
    assert callable(model.optimizer.learning_rate)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 0}, "low must be a number in"),
        ({"low": 1.0, "high": 0.5}, "low must be less than high=0.5"),
        ({"steps": 3}, "steps must be an integer of at least 20"),
        ({"limit": 1}, "limit must be a number in"),
        ({"epochs": 3}, "sets epochs itself"),
        ({"low": 1e3, "high": 1e9}, "the loss falls at none of the rates"),
    ],
)
def test_bad_arguments_of_the_search(options, message):
    with pytest.raises(ArgumentError, match=message):
        callbacks.find_learning_rate(net(), X, y, **options)


def test_data_that_run_out_are_too_few_for_the_search():
    batches = iter([(X[:8], y[:8])] * 5)
    few = "the data ran out after 5 of 200 batches"
    with pytest.warns(UserWarning, match="ran out"), pytest.raises(ArgumentError, match=few):
        callbacks.find_learning_rate(net(), batches)


def test_what_cannot_be_searched():
    with pytest.raises(ArgumentError, match=r"find_learning_rate sets a learning_rate .* LBFGS finds"):
        callbacks.find_learning_rate(net("lbfgs"), X, y)
    with pytest.raises(NotReadyError, match="compile the model first"):
        callbacks.find_learning_rate(Sequential([layers.Dense(1)]), X, y)
