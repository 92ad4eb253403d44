"""What a model has gathered while it trained, beside its weights, and what a file of it may ask for."""

import copy
import json
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import safetensors.numpy
from examples import ONE_HOT, X
from test_model_files import packed, parts
from test_storage import bits, require_same, trained

import mlp
from mlp import Sequential, constraints, layers, optimizers
from mlp.errors import ModelFileError
from mlp.layers import BatchNormalization, Concatenate, Dense, Dropout, Embedding, Normalization, Residual
from mlp.models import load_model
from mlp.optimizers import SGD, Adam, schedules

WIDE = np.concatenate([X, np.arange(30).reshape(-1, 1) % 5], axis=1)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.mlp"


def arrays_of(model, path) -> dict:
    model.save(path)
    return safetensors.numpy.load_file(path)


# the optimizer


def test_an_average_of_the_weights(path):
    model = trained(Dense(4, "tanh"), Dense(3), optimizer=Adam(0.05, use_ema=True, ema_momentum=0.7))
    arrays = arrays_of(model, path)
    assert sorted(name for name in arrays if name.startswith("optimizer")) == [
        "optimizer.average",
        "optimizer.average_given",
        "optimizer.before_average",
        "optimizer.m",
        "optimizer.v",
    ]
    np.testing.assert_array_equal(arrays["optimizer.average"], model.parameters.values)  # fit has ended
    require_same(model, path)


def test_an_average_in_the_midst(path):
    """`train_on_batch` ends no training: weights and average are both in the file."""
    model = trained(Dense(4, "tanh"), Dense(3), optimizer=Adam(0.05, use_ema=True, ema_momentum=0.7))
    for _ in range(3):
        model.train_on_batch(X, ONE_HOT)
    average = arrays_of(model, path)["optimizer.average"]
    assert not np.array_equal(average, model.parameters.values)
    twin = require_same(model, path)
    np.testing.assert_array_equal(twin.optimizer.state["average"], twin.parameters.values)


def test_gradients_of_a_step_that_is_not_whole(path):
    model = trained(Dense(3), optimizer=SGD(0.1, gradient_accumulation_steps=3))
    arrays = arrays_of(model, path)
    assert arrays["optimizer.gradients_summed"] == [2]  # of 2 epochs of 4 batches
    assert arrays["optimizer.gradient_sum"].any()
    twin = require_same(model, path)
    assert twin.optimizer.iterations == 5


@pytest.mark.parametrize(
    "schedule",
    [
        schedules.CosineDecay(0.01, 20, warmup_target=0.1, warmup_steps=12),
        schedules.PiecewiseConstantDecay([6, 10], [0.1, 0.05, 0.01]),
        schedules.OneCycle(0.2, 16),
    ],
    ids=repr,
)
def test_a_schedule_goes_on(schedule, path):
    model = trained(Dense(3), optimizer=SGD(schedule, momentum=0.5))
    model.save(path)
    assert load_model(path).optimizer.current_rate() == schedule(8) != schedule(0)
    require_same(model, path)


def test_steps_without_any_state(path):
    model = trained(Dense(3), optimizer=SGD(0.1))
    twin = require_same(model, path)
    assert twin.optimizer.iterations == 16
    assert not twin.optimizer.state


def test_states_of_another_length_than_the_weights(path):
    model = trained(Dense(5, "tanh"), Dense(3), optimizer="adafactor")
    arrays = arrays_of(model, path)
    assert [arrays[f"optimizer.{name}"].size for name in "rcv"] == [
        3 + 5,
        5 + 3,
        5 + 3,
    ]  # weights: rows, columns; biases
    require_same(model, path)


@pytest.mark.parametrize("optimizer", ["adafactor", "adam", Adam(use_ema=True)])
def test_a_state_of_a_model_that_has_changed_is_left_out(optimizer, path):
    model = trained(Dense(4), Dense(3), optimizer=optimizer)
    model.pop()
    model.add(Dense(5))
    model.add(Dense(3))
    assert not [name for name in arrays_of(model, path) if name.startswith("optimizer")]
    twin = load_model(path)
    assert twin.optimizer.iterations == 0
    for each in (model, twin):
        each.fit(X, ONE_HOT, verbose=0)
    assert bits(twin) == bits(model)


# frozen layers


def test_frozen_layers(path):
    model = trained(Dense(4, "tanh"), Dense(4, "tanh", trainable=False), Dense(3))
    before = model.layers[1].get_weights()
    twin = require_same(model, path)
    assert [layer.trainable for layer in twin.layers] == [True, False, True]
    np.testing.assert_array_equal(twin.layers[1].W, before[0])


def test_frozen_after_some_training(path):
    model = trained(Dense(4, "tanh"), Dense(4, "tanh"), Dense(3))
    model.layers[0].trainable = False
    twin = require_same(model, path)
    twin.layers[0].trainable = model.layers[0].trainable = True
    require_same(model, path)


def test_a_frozen_model(path):
    model = trained(Dense(4, "tanh"), Dense(3))
    model.trainable = False
    before = model.get_weights()
    twin = require_same(model, path)
    assert twin.trainable is False
    np.testing.assert_array_equal(twin.get_weights()[0], before[0])


# layers that keep more than weights


def test_moving_averages(path):
    model = trained(Dense(4), BatchNormalization(momentum=0.8), layers.Activation("relu"), Dense(3))
    names = ["batch_normalization.moving_mean", "batch_normalization.moving_variance"]
    arrays = arrays_of(model, path)
    np.testing.assert_array_equal(arrays[names[0]], model.layers[1].moving_mean)
    assert arrays[names[1]].min() < 1 != arrays[names[1]].max()
    require_same(model, path)


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_adapt_has_found(when, path):
    scaling = Normalization()
    if when == "before":
        scaling.adapt(X)
    model = Sequential([layers.Input(3), scaling, Dense(3)], seed=0)
    if when == "after":
        scaling.adapt(X)
    model.compile("adam", "mse")
    model.fit(X, ONE_HOT, verbose=0)
    twin = require_same(model, path)
    np.testing.assert_allclose(twin.layers[0].mean, X.mean(axis=0), 1e-5)
    np.testing.assert_array_equal(twin.layers[0].mean, scaling.mean)
    again = Sequential.from_config(json.loads(json.dumps(model.get_config())))
    np.testing.assert_array_equal(again.layers[0].mean, scaling.mean)


def test_blocks_in_blocks(path):
    inner = Residual([Dense(4, "prelu"), Dropout(0.2), Dense(4, kernel_constraint="unit_norm")])
    model = Sequential(
        [
            layers.Input(4),
            Normalization(mean=0.1, variance=2.0),
            Concatenate(
                [
                    [layers.Columns([3]), Embedding(5, 2, embeddings_regularizer="l2"), layers.Flatten()],
                    Residual([BatchNormalization(), inner, Dense(4, trainable=False)]),
                    [],
                ],
                name="wide",
            ),
            Dropout(0.3, seed=1),
            Dense(3),
        ],
        seed=0,
    )
    model.layers[0].mean = np.zeros(4)
    model.layers[0].variance = np.ones(4)
    model.compile(Adam(0.02, use_ema=True, rate_factors={"wide": 0.5}), "mse", metrics=["mae"])
    model.fit(WIDE, ONE_HOT, epochs=2, batch_size=8, verbose=0)
    twin = require_same(model, path, x=WIDE)
    names = safetensors.numpy.load_file(path).keys()
    assert {"wide.residual.residual.dense.alpha", "wide.residual.batch_normalization.gamma"} <= names
    assert [leaf.trainable for _, leaf in twin.layers[1].leaves()].count(False) == 1


def test_penalties_and_bounds(path):
    model = trained(
        Dense(6, "relu", kernel_regularizer="l1", activity_regularizer="l2", bias_constraint="non_neg"),
        Dense(3, kernel_constraint=constraints.MaxNorm(0.5), bias_regularizer="l1l2"),
    )
    twin = require_same(model, path)
    assert np.linalg.norm(twin.layers[1].W, axis=0).max() < 0.5 + 1e-6
    assert twin.layers[0].b.min() >= 0
    assert twin.evaluate(X, ONE_HOT) == model.evaluate(X, ONE_HOT) > 0


def test_nothing_is_drawn_while_loading(path, monkeypatch):
    model = trained(Dense(4, kernel_initializer="orthogonal"), Dense(3), layers.PReLU())
    model.save(path)
    for part in (mlp.initializers.Orthogonal, mlp.initializers.GlorotUniform):
        monkeypatch.setattr(part, "__call__", None)
    twin = load_model(path)
    assert twin.get_config() == model.get_config()
    assert bits(twin) == bits(model)


def test_in_a_program_that_has_not_used_any_of_it(path):
    """Whatever a file names is found where nothing but `load_model` was imported."""
    model = trained(
        Residual([Dense(3, "blend", kernel_regularizer="l1l2", kernel_constraint="min_max_norm")]),
        layers.PReLU(),
        Dense(3, "hard_tanh", kernel_initializer="lecun_uniform"),
        loss="huber",
        optimizer=optimizers.Nadam(schedules.Noam(64)),
        metrics=[mlp.metrics.R2Score(), "cosine_similarity"],
    )
    model.save(path)
    script = (
        "import sys; from mlp.models import load_model; model = load_model(sys.argv[1]); "
        "print(model.parameters.values.tobytes().hex(), model.optimizer.current_rate(), repr(model))"
    )
    told = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    values, rate, text = told.stdout.strip().split(" ", 2)
    assert values == model.parameters.values.tobytes().hex()
    assert float(rate) == model.optimizer.current_rate()
    assert text == repr(load_model(path))


# files that ask for more than they hold


def hostile(path, change) -> bytes:
    model = trained(
        Dense(4, "relu"), BatchNormalization(), Residual([Dense(4)]), Dense(3), optimizer="adafactor"
    )
    model.save(path)
    header, document, numbers = parts(path)
    change(document["model"]["layers"], document["compile"])
    return packed(header, json.dumps(document), numbers)


def units(number, place):
    def change(stack, compiled):
        stack[place]["config"]["units"] = number

    return change


def inputs(stack, compiled):
    stack[0]["config"]["shape"] = stack[1]["config"]["input_shape"] = [2**28]


def embedding(stack, compiled):
    table = {"input_dim": 2**24, "output_dim": 2**10, "name": "dense"}
    stack[1] = {"class_name": "Embedding", "kind": "Layer", "config": table}


def pieces(stack, compiled):
    inner = stack[3]["config"]["layers"][0]["config"]
    inner["units"] = 2**30
    inner["activation"] = {"class_name": "Maxout", "kind": "Activation", "config": {"pieces": 2**28}}


@pytest.mark.parametrize(
    "change", [units(2**28, 1), units(2**28, 4), units(2**40, 4), inputs, embedding, pieces]
)
def test_a_layer_of_a_size_that_no_number_stands_for(change, path):
    path.write_bytes(hostile(path, change))
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match=r"want more numbers than the file has|rows that are too"):
            load_model(path)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


def average(stack, compiled):
    compiled["optimizer"]["config"]["use_ema"] = True


def accumulation(stack, compiled):
    compiled["optimizer"]["config"]["gradient_accumulation_steps"] = 2**40


def other_rule(stack, compiled):
    compiled["optimizer"]["class_name"], compiled["optimizer"]["config"] = "Adam", {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (average, r"'optimizer\.average' is missing"),
        (accumulation, r"'optimizer\.gradient_sum' is missing"),
        (other_rule, r"'optimizer\.m' is missing"),
    ],
)
def test_a_state_that_the_rule_does_not_have(change, message, path):
    path.write_bytes(hostile(path, change))
    with pytest.raises(ModelFileError, match=message):
        load_model(path)


def test_a_state_of_a_wrong_length(path):
    path.write_bytes(hostile(path, lambda stack, compiled: None))
    document = parts(path)[1]
    arrays = safetensors.numpy.load_file(path)
    arrays["optimizer.r"] = arrays["optimizer.r"][1:]
    path.write_bytes(safetensors.numpy.save(arrays, {"mlp": json.dumps(document)}))
    with pytest.raises(ModelFileError, match=r"optimizer\.r should be float32 of shape \(\d+,\), and is"):
        load_model(path)


def test_a_model_after_loading_is_its_own(path):
    model = trained(Dense(4), Dense(3))
    model.save(path)
    first, second = load_model(path), load_model(path)
    first.fit(X, ONE_HOT, verbose=0)
    assert bits(second) == bits(model)
    assert bits(copy.deepcopy(second)) == bits(second)
    assert isinstance(second.optimizer, optimizers.Adam)
