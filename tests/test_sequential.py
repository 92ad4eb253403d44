"""The model's methods, as a user of Keras knows them."""

import copy
import pickle

import numpy as np
import pytest

import mlp
from mlp import Sequential, layers, losses, optimizers
from mlp.errors import ArgumentError, NotReadyError

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
y = (X[:, 0] * X[:, 1] > 0).astype(int)


def small(output="sigmoid", units=1, loss="binary_crossentropy", seed=0, **options) -> Sequential:
    model = Sequential([layers.Dense(8, "tanh"), layers.Dense(units, output)], seed=seed, **options)
    model.compile("adam", loss, metrics=["accuracy"])
    return model


def test_summary_is_kerass_table(capsys):
    model = Sequential()
    model.add(layers.Input(shape=(2,)))
    model.add(layers.Dense(20, activation="relu"))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.summary()
    printed = capsys.readouterr().out
    assert "Total params: 81 (324.00 B)" in printed
    assert "│ dense (Dense)   │ (None, 20)   │      60 │" in printed
    assert "│ dense_1 (Dense) │ (None, 1)    │      21 │" in printed
    assert model.count_params() == 81
    lines = []
    model.summary(print_fn=lines.append)
    assert lines == [printed.rstrip("\n")]


def test_summary_before_the_shape_is_known(capsys):
    Sequential([layers.Dense(2)]).summary()
    assert "0 (unbuilt)" in capsys.readouterr().out


def test_history_has_kerass_form():
    model = small()
    history = model.fit(X, y, epochs=3, batch_size=16, validation_split=0.25, verbose=0)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert all(len(values) == 3 for values in history.history.values())
    assert history.epoch == [0, 1, 2]
    assert model.history is history
    assert "3 epochs" in repr(history)


def test_validation_split_takes_the_tail():
    model, other = small(), small()
    split = model.fit(X, y, epochs=2, validation_split=0.25, verbose=0).history
    data = other.fit(X[:30], y[:30], epochs=2, validation_data=(X[30:], y[30:]), verbose=0).history
    assert split == data


def test_validation_data_with_weights():
    model = small()
    weight = np.linspace(0, 2, 40)
    history = model.fit(X, y, validation_data=(X, y, weight), verbose=0).history
    assert history["val_loss"][0] == pytest.approx(model.evaluate(X, y, sample_weight=weight)[0])


def test_evaluate_forms():
    model = small()
    model.fit(X, y, verbose=0)
    loss, accuracy = model.evaluate(X, y)
    assert model.evaluate(X, y, return_dict=True) == {"loss": loss, "accuracy": accuracy}
    assert model.test_on_batch(X, y) == [loss, accuracy]
    model.compile("sgd", "binary_crossentropy")
    assert model.evaluate(X, y) == pytest.approx(loss)


def test_evaluate_of_a_sum_is_the_sum_over_all_rows():
    model = small(loss=losses.BinaryCrossentropy(reduction="sum"))
    by_row = losses.binary_crossentropy(y, model.predict(X))
    for batch_size in (None, 7, 40):
        assert model.evaluate(X, y, batch_size=batch_size)[0] == pytest.approx(by_row.sum(), rel=1e-5)


def test_evaluate_prints_on_request(capsys):
    small().evaluate(X, y, verbose=1)
    assert "accuracy: " in capsys.readouterr().out


def test_train_on_batch_is_one_step_of_fit():
    one, other = small(), small()
    values = one.train_on_batch(X, y)
    history = other.fit(X, y, batch_size="full", verbose=0).history
    assert values == [history["loss"][0], history["accuracy"][0]]
    np.testing.assert_array_equal(one.parameters.values, other.parameters.values)
    assert set(one.train_on_batch(X, y, return_dict=True)) == {"loss", "accuracy"}


def test_the_average_of_the_weights_is_taken_over_at_the_end_of_fit():
    """Before `on_train_end`, as in Keras; not after a batch, nor where no epoch was to be made."""
    seen = []

    class Watch(mlp.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.model.parameters.values.copy())

        def on_train_end(self, logs=None):
            seen.append(self.model.parameters.values.copy())

    model = small()
    model.compile(optimizers.SGD(0.5, use_ema=True, ema_momentum=0.8), "binary_crossentropy")
    model.fit(X, y, epochs=2, verbose=0, callbacks=[Watch()])
    average = model.optimizer.state["average"]
    assert len(seen) == 3
    assert not np.array_equal(seen[1], average)
    for values in (seen[2], model.parameters.values):
        np.testing.assert_array_equal(values, average)
    model.train_on_batch(X, y)
    assert not np.array_equal(model.parameters.values, average)
    model.set_weights([np.ones_like(value) for value in model.get_weights()])
    for options in ({"epochs": 0}, {"epochs": 2, "initial_epoch": 2}):
        model.fit(X, y, verbose=0, **options)
        assert (model.parameters.values == 1).all()


def test_accuracy_goes_by_the_form_of_the_target():
    labels = np.arange(40) % 3
    sparse = small("softmax", 3, "sparse_categorical_crossentropy")
    dense = small("softmax", 3, "categorical_crossentropy")
    one_hot = mlp.utils.to_categorical(labels)
    expected = (sparse.predict(X).argmax(axis=1) == labels).mean()
    assert sparse.evaluate(X, labels)[1] == pytest.approx(expected)
    assert sparse.evaluate(X, labels[:, None])[1] == pytest.approx(expected)
    assert dense.evaluate(X, one_hot)[1] == pytest.approx(expected)
    binary = small()
    assert binary.evaluate(X, y)[1] == pytest.approx(((binary.predict(X)[:, 0] > 0.5) == y).mean())


def test_metrics_by_name_and_weighted():
    model = Sequential([layers.Dense(2, input_shape=(3,))], seed=0)
    model.compile("sgd", "mse", metrics=["mae", mlp.metrics.MeanSquaredError()], weighted_metrics=["mse"])
    T, weight = X[:, :2], np.linspace(0, 1, 40)
    error = np.abs(model.predict(X) - T)
    report = model.evaluate(X, T, batch_size=9, sample_weight=weight, return_dict=True)
    assert list(report) == ["loss", "mae", "mean_squared_error", "mse"]
    assert report["mae"] == pytest.approx(error.mean(), rel=1e-5)
    assert report["mean_squared_error"] == pytest.approx((error**2).mean(), rel=1e-5)
    assert report["mse"] == pytest.approx((error**2).mean(axis=1) @ weight / weight.sum(), rel=1e-5)


def test_weights_write_through_to_the_flat_vector():
    model = small()
    model.build((3,))
    layer = model.get_layer("dense")
    layer.W = np.ones((3, 8))
    layer.b[2] = 5
    assert model.parameters.values[:24].sum() == 24
    assert model.parameters.values[26] == 5
    model.parameters.values[:] = 0
    assert not layer.W.any()
    layer.dW = np.full((3, 8), 2.0)
    assert model.parameters.gradients[:24].sum() == 48
    assert model.parameters.names == ["dense.W", "dense.b", "dense_1.W", "dense_1.b"]


def test_get_and_set_weights():
    model, other = small(seed=1), small(seed=2)
    model.build((3,))
    other.build((3,))
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    model.get_weights()[0][:] = 0  # a copy
    assert model.layers[0].W.any()


def test_weights_of_one_layer():
    model = small()
    model.build((3,))
    W, b = model.layers[0].get_weights()
    model.layers[0].set_weights([W * 2, b + 1])
    np.testing.assert_array_equal(model.parameters.values[:24], 2 * W.reshape(-1))
    with pytest.raises(
        ArgumentError, match=r"expected arrays of the shapes \[\(3, 8\), \(8,\)\]; got \[\(3, 8\)\]"
    ):
        model.layers[0].set_weights([W])


def test_get_layer():
    model = small()
    assert model.get_layer(index=-1) is model.layers[1]
    assert model.get_layer("dense_1") is model.layers[1]
    with pytest.raises(ArgumentError, match="no layer is called 'dens'; there are dense, dense_1"):
        model.get_layer("dens")


def test_add_and_pop_keep_what_was_learned():
    model = small()
    model.fit(X, y, verbose=0)
    hidden = model.layers[0].W.copy()
    popped = model.pop()
    assert popped.name is None  # the name was the model's
    assert model.predict(X).shape == (40, 8)
    model.add(layers.Dense(1, "sigmoid"))
    np.testing.assert_array_equal(model.layers[0].W, hidden)
    model.fit(X, y, epochs=2, verbose=0)
    assert not np.array_equal(model.layers[0].W, hidden)


def test_layers_can_be_added_after_compile():
    model = Sequential([layers.Input(3), layers.Dense(4, "relu")], seed=0)
    model.compile("adam", "mse")
    model.add(layers.Dense(1, "sigmoid"))
    model.compile("adam", "binary_crossentropy")
    assert model.fit(X, y, verbose=0).history["loss"]


def test_images_are_flattened():
    images = np.random.default_rng(0).random((20, 4, 4))
    model = Sequential([layers.Input((4, 4)), layers.Dropout(0.1), layers.Flatten(), layers.Dense(2)], seed=0)
    model.compile("sgd", "mse")
    model.fit(images, np.zeros((20, 2)), verbose=0)
    assert model.predict(images).shape == (20, 2)
    assert model.count_params() == 34


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_whole_and_independent(duplicate):
    model = Sequential([layers.Dense(8, "prelu"), layers.Dropout(0.3), layers.Dense(1, "sigmoid")], seed=3)
    model.compile(optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    model.fit(X, y, epochs=2, verbose=0)
    twin = duplicate(model)
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    before = twin.parameters.values.copy()
    model.fit(X, y, epochs=2, verbose=0)
    np.testing.assert_array_equal(twin.parameters.values, before)
    twin.fit(X, y, epochs=2, verbose=0)  # the optimizer's state and the generator came along
    np.testing.assert_array_equal(twin.parameters.values, model.parameters.values)
    assert np.shares_memory(twin.layers[0].W, twin.parameters.values)


def test_a_pickle_holds_no_working_memory():
    """Nor the user's data, however many rows the model saw last."""
    model = Sequential(
        [layers.Activation("relu"), layers.Dense(8, "prelu"), layers.Dense(3, "softmax")], seed=0
    )
    model.build((3,))
    size = len(pickle.dumps(model))
    model.predict(np.ones((5000, 3)))
    assert len(pickle.dumps(model)) < size + 200


def test_train_on_batch_leaves_the_history_of_fit():
    model = small()
    history = model.fit(X, y, epochs=2, verbose=0)
    model.train_on_batch(X, y)
    assert model.history is history
    assert len(history.epoch) == 2


def test_a_refused_or_popped_layer_leaves_no_shape_behind():
    model = Sequential()
    with pytest.raises(ArgumentError, match="put a Flatten"):
        model.add(layers.Dense(2, input_shape=(3, 4)))
    model.add(layers.Dense(2, input_shape=(3,)))
    popped = model.pop()
    model.add(layers.Dense(2, input_shape=(5,)))
    assert model.count_params() == 12
    Sequential([popped, layers.Dense(1)])  # its name was the first model's


def test_the_vector_cannot_be_replaced_by_accident():
    model = small()
    model.build((3,))
    with pytest.raises(AttributeError):
        model.parameters.values = np.zeros(model.count_params())
    model.parameters.values[:] = 0
    assert not model.layers[0].W.any()


def test_config_makes_an_unbuilt_twin():
    model = small(name="net", dtype="float64")
    model.build((3,))
    twin = Sequential.from_config(model.get_config())
    assert twin.get_config() == model.get_config()
    assert twin.input_shape == (3,)
    np.testing.assert_array_equal(twin.get_weights()[0], model.get_weights()[0])  # the same seed


def test_clone_of_a_layer():
    layer = layers.Dense(4, "leaky_relu", use_bias=False, kernel_initializer="he_normal", name="mine")
    twin = layer.clone()
    assert twin.get_config() == layer.get_config()
    assert repr(twin) == (
        "Dense(units=4, activation=LeakyReLU(), use_bias=False, kernel_initializer=HeNormal(), name='mine')"
    )


def test_what_needs_weights_says_so():
    model = Sequential([layers.Dense(2)])
    for method in (model.get_weights, model.count_params, lambda: model.save("x.mlp")):
        with pytest.raises(NotReadyError, match=r"the model is not built yet: add layers\.Input"):
            method()
    with pytest.raises(NotReadyError, match="the model has no layers"):
        Sequential().predict(X)


def test_float64_all_the_way():
    model = small(dtype="float64")
    model.fit(X, y, verbose=0)
    assert model.predict(X).dtype == np.float64
    assert all(weights.dtype == np.float64 for weights in model.get_weights())


def test_importable_by_kerass_names():
    import mlp as keras

    assert keras.models.Sequential is keras.Sequential
    assert keras.layers.InputLayer is keras.layers.Input
    assert keras.optimizers.get("Adam").learning_rate == 0.001
