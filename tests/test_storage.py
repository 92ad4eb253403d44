"""Saving and loading: every part comes back with its options, and training goes on as if never stopped."""

import copy
import pickle

import numpy as np
import pytest
import safetensors.numpy

import mlp
from mlp import Sequential, activations, initializers, layers, losses, metrics, optimizers
from mlp.errors import ArgumentError, ModelFileError, NotReadyError
from mlp.layers import Activation, Dense, Dropout, Flatten, Input
from mlp.models import load_model

rng = np.random.default_rng(0)
X = rng.normal(size=(30, 3)).astype("float32")
LABELS = np.arange(30) % 3
ONE_HOT = np.eye(3)[LABELS]


def trained(*stack, loss="mse", optimizer="adam", target=ONE_HOT, dtype="float32", epochs=2, **options):
    model = Sequential(stack, name="net", dtype=dtype, seed=1)
    model.compile(optimizer, loss, **options)
    model.fit(X, target, epochs=epochs, batch_size=8, verbose=0)
    return model


def bits(model) -> list:
    vectors = [model.parameters.values]
    if model.compiled:
        vectors += [vector for _, vector in sorted(model.optimizer.state.items())]
    return [(vector.dtype, vector.tobytes()) for vector in vectors]


def require_same(model, path, target=ONE_HOT, x=X, **options):
    """What was loaded predicts the same, is configured the same, and trains on the same, to the bit."""
    model.save(path)
    twin = load_model(path, **options)
    assert twin.get_config() == model.get_config()
    np.testing.assert_array_equal(twin.predict(x), model.predict(x))
    assert bits(twin) == bits(model)
    assert twin.optimizer.get_config() == model.optimizer.get_config()
    assert twin.loss.get_config() == model.loss.get_config()
    for each in (model, twin):
        each.fit(x, target, epochs=2, batch_size=8, verbose=0)
    assert twin.history.history == model.history.history
    assert bits(twin) == bits(model)
    return twin


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.mlp"


ACTIVATIONS = {activations.LeakyReLU: {"negative_slope": 0.05}, activations.PReLU: {"alpha_initial": 0.1}}
INITIALIZERS = {
    initializers.VarianceScaling: {"scale": 0.5, "mode": "fan_avg", "distribution": "uniform"},
    initializers.RandomNormal: {"mean": 0.1, "stddev": 0.2},
    initializers.RandomUniform: {"minval": -0.3, "maxval": 0.1},
    initializers.Constant: {"value": 0.25},
}
LOSSES = {
    losses.BinaryCrossentropy: ("sigmoid", {"label_smoothing": 0.1, "reduction": "sum"}),
    losses.CategoricalCrossentropy: ("softmax", {"label_smoothing": 0.1, "reduction": "mean"}),
    losses.SparseCategoricalCrossentropy: ("linear", {"from_logits": True, "label_smoothing": 0.1}),
}
OPTIMIZERS = {
    optimizers.SGD: {"learning_rate": 0.02, "momentum": 0.8, "nesterov": True, "clipnorm": 1.0},
    optimizers.RMSprop: {"learning_rate": 0.02, "rho": 0.8, "momentum": 0.3, "epsilon": 1e-5, "clipvalue": 1},
    optimizers.Adam: {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-5, "clipnorm": 1},
    optimizers.AdamW: {"learning_rate": 0.02, "weight_decay": 0.1, "beta_1": 0.7, "global_clipnorm": 1.0},
}


def members(module) -> list:
    return sorted(set(module._CATALOGUE.classes.values()), key=lambda part: part.__name__)


@pytest.mark.parametrize("part", members(activations))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations(part, dtype, path):
    options = ACTIVATIONS.get(part, {})
    model = trained(Dense(4, part(**options)), Activation(part(**options)), Dense(3), dtype=dtype)
    twin = require_same(model, path)
    assert twin.layers[0].activation.get_config() == options


@pytest.mark.parametrize("part", members(initializers))
def test_initializers(part, path):
    made = part(**INITIALIZERS.get(part, {}))
    model = trained(Dense(4, "tanh", kernel_initializer=made, bias_initializer=made), Dense(3))
    twin = require_same(model, path)
    assert twin.layers[0].kernel_initializer.get_config() == INITIALIZERS.get(part, {})


def test_an_array_as_an_initializer(path):
    start = np.arange(9.0).reshape(3, 3) / 9
    require_same(trained(Dense(3, kernel_initializer=initializers.Constant(start))), path)


@pytest.mark.parametrize("part", members(losses))
def test_losses(part, path):
    output, options = LOSSES.get(part, ("linear", {"reduction": "sum"}))
    target = LABELS if part is losses.SparseCategoricalCrossentropy else ONE_HOT
    model = trained(Dense(4, "tanh"), Dense(3, output), loss=part(**options), target=target)
    assert type(require_same(model, path, target).loss) is part


@pytest.mark.parametrize("part", members(optimizers))
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_optimizers(part, dropout, path):
    """Their state comes along, so that loaded training is training that never stopped."""
    made = part(**OPTIMIZERS[part])
    model = trained(Dense(8, "relu"), Dropout(dropout), Dense(3, "softmax"), optimizer=made, loss="mse")
    twin = require_same(model, path)
    assert twin.optimizer.iterations == model.optimizer.iterations == 16


@pytest.mark.parametrize("part", members(layers))
def test_layers(part, path):
    first = {
        Dense: Dense(5, "tanh", use_bias=False, name="mine"),
        Activation: Activation("tanh", name="mine"),
        Dropout: Dropout(0.4, seed=7, name="mine"),
        Flatten: Flatten(name="mine"),
    }[part]
    assert require_same(trained(Input(3), first, Dense(3)), path).layers[0].name == "mine"


def test_images(path):
    images = rng.random((10, 2, 3))
    model = Sequential([Input((2, 3)), Dropout(0.1), Flatten(), Dense(2)], seed=0)
    model.compile(optimizers.SGD(0.1, momentum=0.9), "mse")
    model.fit(images, np.zeros((10, 2)), verbose=0)
    require_same(model, path, np.zeros((10, 2)), images)


def test_a_generator_of_a_layers_own_goes_on_too(path):
    model = trained(Dense(8), Dropout(0.5, seed=3), Dense(8), Dropout(0.2), Dropout(0.5, seed=3), Dense(3))
    require_same(model, path)


def test_metrics(path):
    named = metrics.BinaryAccuracy(0.3, name="right")
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

    class Scale(layers.Layer):
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

    return {part.__name__: part for part in (Triple, Scale, Quartic, SignDescent, Half, Worst)}


def own_model(own) -> Sequential:
    return trained(
        Dense(4, own["Triple"](1.5), kernel_initializer=own["Half"]()),
        own["Scale"](0.9),
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
    for_prediction = {name: own[name] for name in ("Triple", "Scale", "Half")}
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
