"""What the arguments of layers may be; and configurations, files, copies and memory of every layer."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
from test_layers import RNG, TYPES, built, doubled_by_the_tests

import mlp
from mlp import Sequential, layers, regularizers
from mlp.errors import ArgumentError

BAD = [
    (lambda: layers.BatchNormalization(momentum=1.1), r"momentum must be a number in \[0, 1\]; got 1.1"),
    (lambda: layers.BatchNormalization(epsilon=0), r"epsilon must be a number in \(0, inf\); got 0"),
    (lambda: layers.BatchNormalization(center=1), "center must be True or False; got 1"),
    (lambda: layers.BatchNormalization(gamma_initializer="onse"), "unknown initializer 'onse'"),
    (lambda: layers.BatchNormalization(axis=0), "axis must be -1 or the number of the last axis.*got 0"),
    (lambda: layers.BatchNormalization(axis=np.array([1, 2])), "axis must be -1 or"),
    (lambda: built(layers.BatchNormalization(axis=2)), "axis must be -1 or 1, the last"),
    (lambda: layers.LayerNormalization(axis=[1, 2]), "axis must be -1 or"),
    (lambda: built(layers.LayerNormalization(axis=[1]), (2, 3)), "axis must be -1 or 2, the last"),
    (lambda: layers.GroupNormalization(axis=None), "axis must be -1 or"),
    (lambda: layers.LayerNormalization(epsilon=-1), "epsilon must be"),
    (lambda: layers.LayerNormalization(scale="yes"), "scale must be True or False; got 'yes'"),
    (lambda: layers.RMSNormalization(epsilon=None), "epsilon must be"),
    (lambda: layers.RMSNormalization(axis="columns"), "axis must be -1 or"),
    (lambda: layers.UnitNormalization(axis=1.0), "axis must be -1 or"),
    (lambda: built(layers.UnitNormalization(axis=2)), "axis must be -1 or 1"),
    (lambda: layers.GroupNormalization(0), "groups must be a positive integer, or -1"),
    (lambda: built(layers.GroupNormalization(2)), "in 2 groups of equal size"),
    (lambda: built(layers.GroupNormalization(1), (2, 2)), r"each row has the shape \(2, 2\)"),
    (lambda: layers.GaussianNoise(-0.1), r"stddev must be a number in \[0, inf\); got -0.1"),
    (lambda: layers.GaussianNoise(0.1, seed=-1), "seed must be"),
    (lambda: layers.GaussianDropout(1), r"rate must be a number in \[0, 1\); got 1"),
    (lambda: layers.AlphaDropout(-0.2), "rate must be"),
    (lambda: layers.AlphaDropout(0.2, seed="x"), "seed must be"),
    (lambda: layers.ActivityRegularization(l1=-1), "l1 must be"),
    (lambda: layers.Normalization(mean=[1.0]), "variance must be given if mean is"),
    (lambda: layers.Normalization(mean=0, variance=-1), "variance must be at least 0; got -1"),
    (lambda: layers.Normalization(mean=["a"], variance=[1]), "mean must be an array of numbers"),
    (lambda: layers.Normalization(axis=0), "axis must be an axis other than 0"),
    (lambda: layers.Normalization(axis=1.5), "axis must be an axis other than 0"),
    (lambda: layers.Normalization(invert=1), "invert must be True or False"),
    (lambda: built(layers.Normalization(axis=3)), r"axis must be axes of an array of shape \(n, \*\(3,\)\)"),
    (lambda: built(layers.Normalization(mean=[1, 2], variance=[1, 2])), r"need \(3,\)"),
    (lambda: built(layers.Normalization()).adapt(np.ones((4, 2))), r"data has rows of shape \(2,\)"),
    (lambda: layers.Normalization().adapt([[1.0, np.nan]]), "data must be finite"),
    (lambda: layers.Normalization().adapt([1.0, 2.0]), "data must have one row a sample"),
    (lambda: layers.Rescaling("1"), "scale must be an array of numbers"),
    (lambda: layers.Rescaling(np.inf), "scale must be finite"),
    (lambda: built(layers.Rescaling([1.0, 2.0])), "scale must be a number, or of the shape of a row"),
    (lambda: built(layers.Rescaling(1.0, np.ones((2, 3)))), "offset must be a number, or of"),
    (lambda: layers.Reshape(6), "target_shape must be a tuple"),
    (lambda: layers.Reshape((-1, -1)), "target_shape must be a tuple of positive integers, one of which"),
    (lambda: layers.Reshape((0, 2)), "target_shape must be"),
    (lambda: built(layers.Reshape((2, -1))), r"target_shape must be a shape of 3 numbers.*got \(2, -1\)"),
    (lambda: built(layers.Reshape((2, 2))), "target_shape must be a shape of 3 numbers"),
    (lambda: layers.Permute((0, 1)), "dims must be the numbers from 1 on"),
    (lambda: built(layers.Permute((2, 1))), "dims must be an order of the 1 axes"),
    (lambda: layers.RepeatVector(0), "n must be a positive integer; got 0"),
    (lambda: built(layers.RepeatVector(2), (2, 3)), "RepeatVector takes rows of numbers"),
    (lambda: layers.Columns([]), "indices must be an integer or a list of integers"),
    (lambda: layers.Columns([1.0]), "indices must be"),
    (lambda: layers.Columns("ab"), "indices must be"),
    (lambda: built(layers.Columns([0, 3])), r"indices must be columns of rows of shape \(3,\); got \[0, 3\]"),
    (lambda: built(layers.Columns([0, -3])), "indices must be different columns"),
    (lambda: layers.Embedding(0, 2), "input_dim must be a positive integer; got 0"),
    (lambda: layers.Embedding(3, 2.5), "output_dim must be a positive integer; got 2.5"),
    (lambda: built(layers.Embedding(2**24 + 1, 1), (1,), "float32"), "input_dim must be at most 16777216"),
    (lambda: layers.Lambda(3), "function must be a function of an array; got 3"),
    (lambda: layers.Lambda(np.sin, slope=1), "slope must be a function"),
    (lambda: layers.Lambda(np.sin, output_shape=(0,)), "output_shape must be"),
    (lambda: layers.ReLU(max_value=-1), "max_value must be"),
    (lambda: layers.LeakyReLU(-1), "negative_slope must be"),
    (lambda: layers.ELU(0), "alpha must be"),
    (lambda: layers.Softmax(axis=0), "axis must be -1"),
    (lambda: layers.PReLU("x"), "unknown initializer 'x'"),
    (lambda: built(layers.PReLU(), (2, 2)), "PReLU takes rows of numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), BAD, ids=lambda value: value if isinstance(value, str) else "")
def test_bad_arguments(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


SETTINGS = [
    layers.BatchNormalization(momentum=0.5, gamma_regularizer="l2", beta_constraint="non_neg"),
    layers.LayerNormalization(epsilon=0.1, center=False),
    layers.GroupNormalization(3, scale=False),
    layers.RMSNormalization(epsilon=0.1),
    layers.UnitNormalization(name="ones"),
    layers.GaussianNoise(0.2, seed=3),
    layers.GaussianDropout(0.2, seed=3),
    layers.AlphaDropout(0.2, seed=3),
    layers.ActivityRegularization(0.1, 0.2),
    layers.Normalization(mean=[1, 2, 3], variance=[4, 5, 6], invert=True),
    layers.Rescaling([1, 2, 3], offset=0.5),
    layers.Reshape((-1, 1)),
    layers.Permute((1,)),
    layers.RepeatVector(2),
    layers.Identity(),
    layers.Columns([0, -1]),
    layers.Embedding(100, 2, embeddings_regularizer=regularizers.L2(0.2)),
    layers.Lambda(doubled_by_the_tests, slope=doubled_by_the_tests),
    layers.PReLU("ones", alpha_constraint="non_neg"),
    layers.Residual([layers.Dense(3, trainable=False), layers.Dropout(0.2)], name="block"),
    layers.Concatenate([[], layers.Dense(2), [layers.Dense(1), layers.Residual([layers.Dense(1)])]]),
]


@pytest.mark.parametrize("layer", SETTINGS, ids=lambda layer: type(layer).__name__)
def test_a_layer_is_known_by_its_configuration(layer):
    X = np.abs(RNG.normal(size=(5, 3)).round(0))
    original = built(layer.clone())
    expected = original.forward(X, training=True).copy()
    by_config = layers.deserialize(layers.serialize(layer))
    assert repr(by_config) == repr(layer)
    for twin in (layer.clone(), original.clone(), by_config):
        np.testing.assert_array_equal(built(twin).forward(X, training=True), expected)
    for twin in (pickle.loads(pickle.dumps(original)), copy.deepcopy(original)):
        assert not {"out", "grad", "total", "starts", "elements"} & twin.__getstate__().keys()
        np.testing.assert_array_equal(twin.forward(X), original.forward(X))


@pytest.mark.parametrize("layer", SETTINGS, ids=lambda layer: type(layer).__name__)
def test_a_layer_in_a_file(layer, tmp_path):
    model = Sequential([layers.Input(3), layer.clone(), layers.Flatten(), layers.Dense(2)], seed=0)
    model.compile("adam", "mse")
    X = np.abs(RNG.normal(size=(5, 3)).round(0))
    T = RNG.normal(size=(5, 2))
    model.fit(X, T, verbose=0)
    model.save(tmp_path / "net.mlp")
    twin = mlp.models.load_model(tmp_path / "net.mlp")
    np.testing.assert_array_equal(model.predict(X), twin.predict(X))
    for each in (model, twin):
        each.fit(X, T, epochs=2, verbose=0)
    np.testing.assert_array_equal(model.parameters.values, twin.parameters.values)


@TYPES
@pytest.mark.parametrize("layer", SETTINGS, ids=lambda layer: type(layer).__name__)
def test_the_steady_state_allocates_nothing(layer, dtype):
    """NumPy's own buffers of 8,192 numbers aside; a batch's output alone takes 360 kB or more."""
    rows = 30_000
    model = Sequential(
        [layers.Input(3), layer.clone(), layers.Flatten(), layers.Dense(2)], dtype=dtype, seed=0
    )
    model.compile("sgd", "mse")
    engine, X = model.ready(), np.abs(RNG.normal(size=(rows, 3)).round(0)).astype(dtype)
    T, share = np.zeros((rows, 2), dtype), np.array(1 / rows, dtype)
    if not isinstance(layer, layers.Embedding):
        layers.stack.connect(model.layers, below=True)
    for _ in range(2):
        engine.gradient(X, T, share)
    tracemalloc.start()
    engine.gradient(X, T, share)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    own = 2 * X.nbytes + rows * 8 if isinstance(layer, layers.Lambda) else 0  # what its functions return
    assert peak < 3 * 8192 * 8 + 4000 + own


@pytest.mark.parametrize("value", ["x", "no", None, 1, 0, np.array([True])])
def test_what_learns_is_said_by_true_and_false_alone(value):
    model = Sequential([layers.Input(3), layers.Dense(2), layers.Residual([layers.Dense(2)])])
    for part in (model, model.layers[0], model.layers[1].layers[0]):
        with pytest.raises(ArgumentError, match="trainable must be True or False; got"):
            part.trainable = value
        assert part.trainable is True
    model.trainable = model.layers[0].trainable = np.bool_(False)
    assert model.trainable is False
    assert model.layers[0].clone().trainable is False
    assert pickle.loads(pickle.dumps(model)).trainable is False


def halved(X):
    return X[: max(2, len(X) // 2)]


WRONG = {
    "fewer rows": (halved, None),
    "one row": (lambda X: X[:1] if len(X) > 2 else X, None),
    "other columns": (lambda X: X if len(X) == 2 else X[:, :2], None),
    "a number": (lambda X: X if len(X) == 2 else 3.0, None),
    "slope of one row": (np.sin, lambda X: X if len(X) == 2 else X[:1]),
    "slope a number": (np.sin, lambda X: X if len(X) == 2 else 2.0),
}


@pytest.mark.parametrize(("function", "slope"), WRONG.values(), ids=WRONG)
def test_a_function_that_returns_another_shape(function, slope):
    layer = layers.Lambda(function, slope=slope or np.cos, name="own")
    layer.build((3,), np.random.default_rng(0), np.dtype("float64"))
    name = "function" if slope is None else "slope"
    X = np.ones((8, 3))
    with pytest.raises(
        ArgumentError, match=rf"the {name} of layer 'own' must return an array of shape \(8, 3"
    ):
        layer.backward(layer.forward(X))


def test_a_slope_of_another_shape_is_found_when_the_layer_is_built():
    with pytest.raises(ArgumentError, match=r"the slope of layer .* must return an array of shape \(2, 3\)"):
        built(layers.Lambda(np.sin, slope=lambda X: 2.0))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ReLU", {"max_value": 6.0, "negative_slope": 0.1, "threshold": 0.5, "name": "own"}),
        ("ReLU", {}),
        ("LeakyReLU", {"negative_slope": 0.1}),
        ("ELU", {"alpha": 0.5}),
        ("Softmax", {"axis": -1}),
    ],
)
def test_keras_layers_that_are_functions_here_by_their_configuration(name, options):
    layer = layers.deserialize({"class_name": name, "config": options})
    assert isinstance(layer, layers.Activation)
    assert repr(layer) == repr(getattr(layers, name)(**options))
    assert repr(layers.deserialize(layers.serialize(layer))) == repr(layer)
    for config in ({"colour": 1}, None, [1]):
        with pytest.raises(ArgumentError, match=r"cannot be made from this configuration|must be a dict"):
            layers.deserialize({"class_name": name, "config": config})


def test_a_layer_of_ones_own_comes_before_a_function_of_that_name():
    own = type("ReLU", (layers.Identity,), {})
    layer = layers.deserialize({"class_name": "ReLU", "config": {}}, {"ReLU": own})
    assert type(layer) is own


def test_a_layer_by_its_place():
    model = Sequential([layers.Input(3), layers.Dense(2), layers.Dense(1)])
    assert model.get_layer(index=-1) is model.get_layer(index=np.int64(1)) is model.layers[1]
    for index in ("a", 1.0, True, 2, -3, [0]):
        with pytest.raises(ArgumentError, match="index must be an integer below 2; got"):
            model.get_layer(index=index)
