"""What `compile` and `fit` take beside the data, with Keras's meaning."""

import numpy as np
import pytest

from mlp import Sequential, callbacks, layers, optimizers
from mlp.errors import ArgumentError

X = np.random.default_rng(0).normal(size=(20, 3))
y = X[:, :1] - X[:, 1:2]


def net(**compiled) -> Sequential:
    model = Sequential([layers.Input(3), layers.Dense(4, "tanh"), layers.Dense(1)], seed=3, dtype="float64")
    model.compile(optimizers.SGD(0.1), "mse", **compiled)
    return model


class Steps(callbacks.Callback):
    """Counts the steps of each epoch."""

    def on_train_begin(self, logs=None):
        self.epochs = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append(0)

    def on_train_batch_end(self, batch, logs=None):
        self.epochs[-1] += 1


def test_steps_per_epoch_go_on_where_the_last_epoch_stopped():
    """Five batches of four: three epochs of two steps are the first six of an endless stream."""
    counted = Steps()
    model, whole = net(), net()
    model.fit(X, y, batch_size=4, epochs=3, steps_per_epoch=2, verbose=0, callbacks=[counted])
    assert counted.epochs == [2, 2, 2]
    assert counted.params["steps"] == 2
    whole.fit(X, y, batch_size=4, epochs=1, verbose=0)
    rest = whole.rng.permutation(20)[:4]
    whole.train_on_batch(X[rest], y[rest])
    np.testing.assert_array_equal(model.parameters.values, whole.parameters.values)


def test_more_steps_than_batches():
    counted = Steps()
    net().fit(X, y, batch_size=10, epochs=2, steps_per_epoch=5, verbose=0, callbacks=[counted])
    assert counted.epochs == [5, 5]


@pytest.mark.parametrize(
    ("frequency", "epochs"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4]), ([1, 5], [1, 5]), ((3,), [3])]
)
def test_validation_freq(frequency, epochs):
    seen = []

    class Validated(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if "val_loss" in logs:
                seen.append(epoch + 1)

    model = net()
    history = model.fit(
        X, y, epochs=5, validation_data=(X, y), validation_freq=frequency, callbacks=[Validated()], verbose=0
    ).history
    assert seen == epochs
    assert len(history["loss"]) == 5
    assert len(history["val_loss"]) == len(epochs)


def test_validation_steps_take_the_first_batches():
    model = net()
    history = model.fit(
        X, y, validation_data=(X, y), validation_steps=2, validation_batch_size=3, verbose=0
    ).history
    assert history["val_loss"] == [pytest.approx(model.evaluate(X[:6], y[:6]), rel=1e-12)]
    history = model.fit(X, y, validation_data=(X, y), validation_batch_size=3, verbose=0).history
    assert history["val_loss"] == [pytest.approx(model.evaluate(X, y), rel=1e-12)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps_per_epoch": 0},
        {"steps_per_epoch": 1.5},
        {"validation_steps": 0},
        {"validation_batch_size": -1},
        {"validation_freq": 0},
        {"validation_freq": "often"},
        {"validation_freq": [1.5]},
    ],
)
def test_wrong_numbers_of_steps(wrong):
    model = net()
    before = model.get_weights()
    (name,) = wrong
    with pytest.raises(ArgumentError, match=f"{name} must be"):
        model.fit(X, y, verbose=0, **wrong)
    for was, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)


def test_what_keras_takes_to_execute_changes_nothing():
    # Keras's word for a step that can be looked into is `run_eagerly`; it means the NumPy engine here
    plain = net(engine="numpy")
    executed = net(jit_compile=True, run_eagerly=True, steps_per_execution=4)
    for model in (plain, executed):
        model.fit(X, y, epochs=2, verbose=0)
    np.testing.assert_array_equal(plain.parameters.values, executed.parameters.values)
    with pytest.raises(ArgumentError, match="loss_weights must be None: a model has one output"):
        net(loss_weights=[2.0])
    with pytest.raises(ArgumentError, match="loss_weights must be None"):
        net(loss_weights=np.ones(2))
    net(loss_weights=[1.0])


def test_arguments_by_position_stand_as_in_keras():
    model = Sequential([layers.Input(3), layers.Dense(1)])
    model.compile("sgd", "mse", None, ["mae"], ["mse"])
    assert model.metrics_names == ["loss", "mae", "mse"]


def test_trainable_of_a_model_reaches_its_layers():
    block = layers.Residual([layers.Dense(3)])
    model = Sequential([layers.Input(3), layers.Dense(3, trainable=False), block])
    model.trainable = False
    assert not block.layers[0].trainable
    assert not model.trainable_weights
    model.trainable = True
    assert len(model.trainable_weights) == 4
    with pytest.raises(ArgumentError, match="trainable must be True or False; got 'no'"):
        model.trainable = "no"


def test_one_column_may_be_a_vector():
    model = Sequential([layers.Input(1), layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    x = np.linspace(0, 1, 8)
    np.testing.assert_array_equal(model.predict(x), model.predict(x.reshape(-1, 1)))
    model.fit(x, 2 * x, epochs=2, verbose=0)
    model.fit(list(x), list(x), verbose=0, callbacks=Steps())
    for wrong in ([[1.0], [1.0, 2.0]], None, 3.0, "x", ["a", "b"]):
        with pytest.raises(ArgumentError, match=r"x must|x is the text 'x'"):
            model.predict(wrong)


def test_a_layer_of_keras_as_an_activation():
    model = Sequential([layers.Input(2), layers.Dense(3, activation=layers.LeakyReLU(alpha=0.1))])
    assert repr(model.layers[0].activation) == "LeakyReLU(negative_slope=0.1)"


def test_names_of_the_metrics():
    assert net(metrics=["mae"], weighted_metrics=["mae"]).metrics_names == ["loss", "mae", "weighted_mae"]
    assert Sequential([layers.Dense(1)]).metrics_names == ["loss"]


def test_input_dim_is_an_input_shape():
    model = Sequential([layers.Dense(4, input_dim=3), layers.Dense(1)])
    assert model.input_shape == (3,)
    assert model.layers[0].get_config()["input_shape"] == [3]
    assert layers.Dense.from_config(model.layers[0].get_config()).input_shape == (3,)
    with pytest.raises(ArgumentError, match="input_dim must be left out where input_shape is given"):
        layers.Dense(4, input_shape=(3,), input_dim=3)
    with pytest.raises(ArgumentError, match="input_dim must be a tuple of positive integers"):
        layers.Dense(4, input_dim=0)
