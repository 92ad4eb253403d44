"""Saving and loading: every part comes back with its options, and training goes on as if never stopped."""

import copy
import pickle

import numpy as np
import pytest
import safetensors.numpy
from examples import EXAMPLES, LABELS, ONE_HOT, OUTPUTS, X, example

import mlp
from mlp import Sequential, activations, initializers, layers, losses, metrics, optimizers, regularizers
from mlp.errors import ArgumentError, ModelFileError, NotReadyError
from mlp.layers import Activation, Dense, Dropout, Flatten, Input
from mlp.models import load_model

rng = np.random.default_rng(0)


def trained(*stack, loss="mse", optimizer="adam", target=ONE_HOT, dtype="float32", batch_size=8, **options):
    epochs = options.pop("epochs", 2)
    model = Sequential(stack, name="net", dtype=dtype, seed=1)
    model.compile(optimizer, loss, **options)
    model.fit(X, target, epochs=epochs, batch_size=batch_size, verbose=0)
    return model


def bits(model) -> list:
    vectors = [model.parameters.values]
    if model.compiled:
        vectors += [vector for _, vector in sorted(model.optimizer.state.items())]
    return [(vector.dtype, vector.tobytes()) for vector in vectors]


def require_same(model, path, target=ONE_HOT, x=X, batch_size=8, **options):
    """What was loaded predicts the same, is configured the same, and trains on the same, to the bit."""
    model.save(path)
    twin = load_model(path, **options)
    assert twin.get_config() == model.get_config()
    np.testing.assert_array_equal(twin.predict(x), model.predict(x))
    assert bits(twin) == bits(model)
    assert twin.optimizer.get_config() == model.optimizer.get_config()
    assert twin.loss.get_config() == model.loss.get_config()
    for each in (model, twin):
        each.fit(x, target, epochs=2, batch_size=batch_size, verbose=0)
    assert twin.history.history.keys() == model.history.history.keys()
    for name, values in model.history.history.items():  # a metric of several thresholds has arrays
        np.testing.assert_array_equal(twin.history.history[name], values)
    assert bits(twin) == bits(model)
    return twin


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.mlp"


every = {kind: pytest.mark.parametrize("part", parts) for kind, parts in EXAMPLES.items()}
both_types = pytest.mark.parametrize("dtype", ["float32", "float64"])


@every["activation"]
@both_types
def test_activations(part, dtype, path):
    model = trained(Dense(16, example(part)), Activation(example(part)), Dense(3), dtype=dtype)
    twin = require_same(model, path)
    assert repr(twin.layers[0].activation) == repr(example(part))


@every["initializer"]
def test_initializers(part, path):
    model = trained(Dense(4, "tanh", kernel_initializer=example(part)), Dense(3))
    twin = require_same(model, path)
    assert repr(twin.layers[0].kernel_initializer) == repr(example(part))


def test_an_array_as_an_initializer(path):
    start = np.arange(9.0).reshape(3, 3) / 9
    require_same(trained(Dense(3, kernel_initializer=initializers.Constant(start))), path)


@every["regularizer"]
def test_regularizers(part, path):
    options = {f"{what}_regularizer": example(part) for what in ("kernel", "activity")}
    if part is not regularizers.OrthogonalRegularizer:  # which is one of matrices
        options["bias_regularizer"] = example(part)
    require_same(trained(Dense(4, "tanh", **options), Dense(3)), path)


@every["constraint"]
def test_constraints(part, path):
    options = {"kernel_constraint": example(part), "bias_constraint": "non_neg"}
    require_same(trained(Dense(4, "tanh", **options), Dense(3)), path)


@every["loss"]
def test_losses(part, path):
    units, output, target = OUTPUTS.get(part, (3, "linear", ONE_HOT))
    loss = example(part)
    model = trained(Dense(4, "tanh"), Dense(units, output), loss=loss, target=target, optimizer="sgd")
    twin = require_same(model, path, target)
    assert repr(twin.loss) == repr(loss)


@every["optimizer"]
@both_types
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_optimizers(part, dtype, dropout, path):
    """Their state comes along, so that loaded training is training that never stopped."""
    made = example(part)
    solver = isinstance(made, optimizers.Solver)
    stack = [Dense(8, "tanh"), Dense(3, "sigmoid")] if solver else []  # nothing random for a solver
    stack = stack or [Dense(8, "relu"), Dropout(dropout), Dense(3, "softmax")]
    size = None if solver else 8
    model = trained(*stack, optimizer=made, loss="mse", dtype=dtype, batch_size=size)
    steps = 2 if solver else 8 // (made.gradient_accumulation_steps or 1)
    assert model.optimizer.iterations == steps
    twin = require_same(model, path, batch_size=size)
    assert twin.optimizer.iterations == model.optimizer.iterations > steps


@every["schedule"]
def test_schedules(part, path):
    model = trained(Dense(3), optimizer=optimizers.SGD(example(part)))
    twin = require_same(model, path)
    assert repr(twin.optimizer.learning_rate) == repr(example(part))


@every["layer"]
@pytest.mark.parametrize("trainable", [True, False])
def test_layers(part, trainable, path):
    layer = example(part)
    layer.trainable = trainable
    shape = layer.input_shape or (3,)
    rows = np.abs(np.random.default_rng(1).normal(size=(30, *shape)))
    if part is layers.Embedding:
        rows = rows.astype(int) % 4
    model = Sequential([layer, Flatten(), Dense(3)], seed=1)
    model.compile("adam", "mse")
    model.fit(rows, ONE_HOT, epochs=2, batch_size=8, verbose=0)
    twin = require_same(model, path, x=rows)
    assert repr(twin.layers[0]) == repr(layer)
    assert twin.layers[0].name == "mine"


@every["metric"]
def test_metrics(part, path):
    if part in (metrics.Mean, metrics.Sum):
        return  # which are not of targets and outputs
    labels = "Sparse" in part.__name__
    loss = "sparse_categorical_crossentropy" if labels else "categorical_crossentropy"
    target = LABELS if labels else ONE_HOT
    model = trained(Dense(3, "softmax"), target=target, loss=loss, metrics=[example(part)])
    twin = require_same(model, path, target)
    assert list(twin.history.history) == ["loss", "mine"]
    assert repr(twin.metrics[0]) == repr(example(part))


def test_images(path):
    images = rng.random((10, 2, 3))
    model = Sequential([Input((2, 3)), Dropout(0.1), Flatten(), Dense(2)], seed=0)
    model.compile(optimizers.SGD(0.1, momentum=0.9), "mse")
    model.fit(images, np.zeros((10, 2)), verbose=0)
    require_same(model, path, np.zeros((10, 2)), images)


def test_a_generator_of_a_layers_own_goes_on_too(path):
    model = trained(Dense(8), Dropout(0.5, seed=3), Dense(8), Dropout(0.2), Dropout(0.5, seed=3), Dense(3))
    require_same(model, path)


def test_metrics_by_name_and_weighted(path):
    named = metrics.BinaryAccuracy("right", threshold=0.3)
    weighted = metrics.MeanSquaredError("m")
    model = trained(Dense(3, "sigmoid"), metrics=["acc", named], weighted_metrics=[weighted])
    twin = require_same(model, path)
    assert list(twin.history.history) == ["loss", "acc", "right", "m"]
    assert twin.metrics[1].threshold == 0.3


def test_a_loss_and_a_metric_of_one_name(path):
    model = trained(Dense(3), loss="mse", metrics=[metrics.MeanSquaredError()])
    twin = require_same(model, path)
    assert type(twin.loss) is losses.MeanSquaredError
    assert type(twin.metrics[0]) is metrics.MeanSquaredError


@pytest.mark.parametrize("duplicate", [copy.deepcopy, copy.copy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_saves_as_much_as_its_original(duplicate, path):
    model = trained(Dense(4, "relu"), Dropout(0.3), Dense(3))
    duplicate(model).save(path)
    assert bits(load_model(path)) == bits(model)
    model.fit(X, ONE_HOT, verbose=0)
    twin = load_model(path)
    twin.fit(X, ONE_HOT, verbose=0)
    assert bits(twin) == bits(model)


def test_saved_before_the_first_step(path):
    model = Sequential([Dense(4, input_shape=(3,)), Dropout(0.2), Dense(3)], seed=5)
    model.compile("adam", "mse")
    require_same(model, path)


def test_a_state_that_no_longer_fits_is_left_out(path):
    model = trained(Dense(4), Dense(3))
    model.pop()
    model.add(Dense(5))
    model.add(Dense(3))
    model.save(path)
    assert not [name for name in safetensors.numpy.load_file(path) if name.startswith("optimizer")]
    twin = load_model(path)
    for each in (model, twin):
        each.fit(X, ONE_HOT, verbose=0)
    assert bits(twin) == bits(model)


def test_without_compile(path):
    trained(Dense(3), metrics=["mae"]).save(path)
    model = load_model(path, compile=False)
    with pytest.raises(NotReadyError, match="compile the model first"):
        model.fit(X, ONE_HOT)
    model.save(path)  # a model that is not compiled can be saved too
    assert not load_model(path).compiled


# classes of one's own


def own_classes() -> dict[str, type]:
    class Triple(activations.Activation):
        def __init__(self, factor=3.0):
            self.factor = factor

        def f(self, net, out):
            return np.multiply(net, self.factor, out)

        def slope(self, net, out, slope):
            slope.fill(self.factor)
            return slope

    class Stretch(layers.Layer):
        def __init__(self, start=1.0, input_shape=None, name=None):
            super().__init__(input_shape, name)
            self.start = start

        def build(self, input_shape, rng, dtype):
            super().build(input_shape, rng, dtype)
            self.add_parameter("gamma", np.full(input_shape, self.start))

        def forward(self, X, training=False):
            self.X = X
            return X * self.gamma

        def backward(self, delta):
            self.dgamma = (self.X * delta).sum(axis=0)
            return delta * self.gamma

    class Quartic(losses.Loss):
        def value(self, out, T):
            return ((out - T) ** 4).sum(axis=1)

        def gradient(self, out, T):
            return 4 * (out - T) ** 3

    class SignDescent(optimizers.Optimizer):
        slots = ("last",)

        def update(self, W, dW, scratch, last):
            last[:] = dW
            W -= self.rate * np.sign(dW)

    class Half(initializers.Initializer):
        def __call__(self, rng, shape):
            return np.full(shape, 0.5)

    class Worst(metrics.Metric):
        def values(self, y_true, y_pred):
            return np.abs(y_true - y_pred).max(axis=1)

    return {part.__name__: part for part in (Triple, Stretch, Quartic, SignDescent, Half, Worst)}


def own_model(own) -> Sequential:
    return trained(
        Dense(4, own["Triple"](1.5), kernel_initializer=own["Half"]()),
        own["Stretch"](0.9),
        Dense(3),
        loss=own["Quartic"](reduction="sum"),
        optimizer=own["SignDescent"](1e-3),
        metrics=[own["Worst"]("worst")],
    )


def test_custom_objects(path):
    own = own_classes()
    twin = require_same(own_model(own), path, custom_objects=own)
    assert twin.layers[0].activation.factor == 1.5
    assert twin.layers[1].start == 0.9


def test_registered_classes(path, monkeypatch):
    monkeypatch.setattr(mlp.naming, "_REGISTERED", copy.deepcopy(mlp.naming._REGISTERED))
    own = own_classes()
    assert [mlp.register(part) for part in own.values()] == list(own.values())
    require_same(own_model(own), path)


def test_unknown_classes(path):
    own = own_classes()
    own_model(own).save(path)
    for name in own:
        known = {key: part for key, part in own.items() if key != name}
        message = rf"unknown \w+ '{name}'.* mlp\.register\(YourClass\) or custom_objects="
        with pytest.raises(ModelFileError, match=message):
            load_model(path, known)
    for_prediction = {name: own[name] for name in ("Triple", "Stretch", "Half")}
    np.testing.assert_array_equal(load_model(path, for_prediction, compile=False).predict(X).shape, (30, 3))


def test_a_class_of_ones_own_with_the_name_of_another_kind(path):
    class Softmax(layers.Layer):
        """A layer called as the activation is."""

        def forward(self, X, training=False):
            return X

        def backward(self, delta):
            return delta

    model = trained(Dense(3, "softmax"), Softmax(), Dense(3, "softmax"), loss="categorical_crossentropy")
    require_same(model, path, custom_objects={"Softmax": Softmax})


def test_only_parts_can_be_registered():
    for what in (5, "Dense", int, layers.Dense(2)):
        with pytest.raises(ArgumentError, match="part must be a class of layers, losses"):
            mlp.register(what)
