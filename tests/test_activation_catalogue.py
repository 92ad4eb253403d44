"""Activations by name, as functions and as plain data; some worked by hand; arguments that are refused."""

import copy
import pickle

import numpy as np
import pytest

from mlp import Sequential, activations, layers
from mlp.errors import ArgumentError

KERAS_NAMES = (
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish",
    "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu",
    "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid",
    "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink", "threshold",
)  # fmt: skip
NET = np.array([[-3.0, -0.4, 0.2, 1.5], [0.0, 7.0, -8.0, 0.9]])


@pytest.mark.parametrize("name", KERAS_NAMES)
def test_a_name_a_function_and_a_class_are_the_same(name):
    function = getattr(activations, name)
    part = type(activations.get(name))
    assert type(activations.get(function)) is type(activations.get(part)) is part
    np.testing.assert_array_equal(function(NET), activations.get(name)(NET))
    assert function(NET.astype("float32")).dtype == np.float32
    assert type(layers.Dense(4, activation=function).activation) is part


@pytest.mark.parametrize(
    ("alias", "part"),
    [
        ("Swish", activations.SiLU),
        ("HardSwish", activations.HardSiLU),
        ("LeakyReLU", activations.LeakyReLU),
        ("logsoftmax", activations.LogSoftmax),
        ("square_plus", activations.Squareplus),
        ("identity", activations.Linear),
        ("logistic", activations.Sigmoid),
        ("step", activations.Threshold),
        ("cloglog", activations.ComplementaryLogLog),
        (None, activations.Linear),
    ],
)
def test_aliases(alias, part):
    assert type(activations.get(alias)) is part


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (activations.relu(NET, negative_slope=0.1, max_value=6, threshold=0.5)[1], [-0.05, 6, -0.85, 0.9]),
        (activations.relu(NET, 0.5)[0], [-1.5, -0.2, 0.2, 1.5]),
        (activations.relu(NET, max_value=1)[0], [0, 0, 0.2, 1]),
        (activations.leaky_relu(NET, negative_slope=0.5)[0], [-1.5, -0.2, 0.2, 1.5]),
        (activations.threshold(NET, 0.5, -1.0)[0], [-1, -1, -1, 1.5]),
        (activations.threshold(NET, threshold=0, default_value=0)[0], [0, 0, 0.2, 1.5]),
        (activations.threshold(NET)[0], [0, 0, 1, 1]),
        (activations.hard_shrink(NET, threshold=1)[0], [-3, 0, 0, 1.5]),
        (activations.soft_shrink(NET, 1)[0], [-2, 0, 0, 0.5]),
        (activations.elu([0.5, -1], alpha=2), [0.5, 2 * np.expm1(-1)]),
        (activations.squareplus(0.0, b=9), 1.5),
        (activations.sparsemax([[0.5, 0.4], [3.0, 0.0]], axis=-1), [[0.55, 0.45], [1, 0]]),
        (activations.softmax([[0.0, 0.0]], 1), [[0.5, 0.5]]),
        (activations.glu([[2.0, 3.0, 0.0, -1e4]]), [[1, 0]]),
        (activations.Maxout()([[1.0, 5.0, 3.0, 4.0]]), [[3, 5]]),
        (activations.relu([]), []),
    ],
)
def test_functions_take_the_options_of_keras(value, expected):
    np.testing.assert_allclose(value, expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "sparsemax", "glu"])
@pytest.mark.parametrize("options", [((0,), {}), ((), {"axis": 0}), ((-1, 1), {})])
def test_another_axis_is_refused(name, options):
    values, named = options
    with pytest.raises(ArgumentError, match="axis must be -1, the axis of the units"):
        getattr(activations, name)(NET, *values, **named)


def test_serialize_and_back():
    assert activations.serialize("swish") == activations.serialize(activations.silu) == "silu"
    assert activations.serialize(activations.LeakyReLU(0.1))["config"] == {"negative_slope": 0.1}
    for part in (
        activations.GELU(True),
        activations.Blend("mish"),
        activations.Maxout(3),
        activations.Tanh(),
    ):
        again = activations.deserialize(activations.serialize(part))
        assert repr(again) == repr(part)
        assert again.get_config() == part.get_config()
    assert type(activations.deserialize(None)) is activations.Linear


def test_deserialize_takes_custom_objects():
    class Halved(activations.Activation):
        def f(self, net, out):
            return np.multiply(net, 0.5, out)

        def slope(self, net, out, slope):
            slope.fill(0.5)
            return slope

    description = {"class_name": "Halved", "config": {}}
    assert type(activations.deserialize(description, {"Halved": Halved})) is Halved


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: activations.ELU(0), r"alpha must be a number in \(0, inf\); got 0"),
        (lambda: activations.CELU(-1), "alpha must be .*; got -1"),
        (lambda: activations.GELU("yes"), "approximate must be True or False; got 'yes'"),
        (lambda: activations.SiLU(0), "scale must be"),
        (lambda: activations.Mish("x"), "scale must be"),
        (lambda: activations.Sine(-1), "frequency must be"),
        (lambda: activations.Squareplus(0), "b must be"),
        (lambda: activations.HardShrink(-1), r"threshold must be a number in \[0, inf\); got -1"),
        (lambda: activations.SoftShrink(-1), "threshold must be"),
        (lambda: activations.ThresholdedLinear("x"), "threshold must be"),
        (lambda: activations.ThresholdedLinear(0, None), "default_value must be .* got None"),
        (lambda: activations.GeneralReLU(-1), "negative_slope must be"),
        (lambda: activations.GeneralReLU(max_value=-1), "max_value must be"),
        (lambda: activations.GeneralReLU(threshold=-1), "threshold must be"),
        (lambda: activations.Blend("relu", "x"), "alpha_initial must be"),
        (lambda: activations.Blend("prelu"), "activation must be one that learns nothing .*got 'prelu'"),
        (lambda: activations.Blend("glu"), "activation must be one .* keeps the number of units; got 'glu'"),
        (lambda: activations.Blend("reluu"), "unknown activation 'reluu'. Did you mean 'relu'"),
        (lambda: activations.Maxout(1), "pieces must be an integer of 2 or more; got 1"),
        (lambda: activations.Maxout(2.0), "pieces must be an integer of 2 or more; got 2.0"),
        (lambda: activations.GLU()([[1.0, 2.0, 3.0]]), "units must be a multiple of 2, since GLU .*; got 3"),
        (lambda: activations.Maxout(3).outputs(4), r"units must be a multiple of 3, since Maxout\(3\)"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_a_blend_learns_one_alpha_for_each_unit():
    """Targets made with α = 0.3 for the first unit and 2 for the second: it finds them."""
    X = np.random.default_rng(0).normal(size=(200, 2))
    T = X + (np.tanh(X) - X) * [0.3, 2.0]
    model = Sequential([layers.Input(2), layers.Activation(activations.Blend("tanh"))], dtype="float64")
    model.compile("adam", "mse")
    model.optimizer.learning_rate = 0.05
    model.fit(X, T, batch_size="full", epochs=600, verbose=0)
    np.testing.assert_allclose(model.layers[0].alpha, [0.3, 2.0], atol=1e-3)


@pytest.mark.parametrize("name", ["blend", "glu", "maxout", "sparsemax", "gelu"])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_of_a_model_is_independent(name, copied):
    model = Sequential([layers.Dense(4, name, input_shape=(3,)), layers.Dense(1)], seed=0)
    model.compile("adam", "mse")
    X, T = np.random.default_rng(0).normal(size=(2, 9, 3)), np.ones((9, 1))
    model.fit(X[0], T, verbose=0)
    twin, before = copied(model), model.predict(X[0])
    np.testing.assert_array_equal(twin.predict(X[0]), before)
    twin.fit(X[1], T, verbose=0)
    np.testing.assert_array_equal(model.predict(X[0]), before)
    assert not np.array_equal(twin.predict(X[0]), before)


def test_called_alone_an_activation_in_a_layer_keeps_its_memory():
    layer = layers.Dense(3, activation=activations.Blend("softmax"))
    layer.build((2,), np.random.default_rng(0), np.dtype("float64"))
    out = layer.forward(np.ones((4, 2))).copy()
    delta = layer.delta(np.ones((4, 3))).copy()
    assert layer.activation(np.zeros((7, 3), "float32")).dtype == np.float32
    np.testing.assert_array_equal(layer.delta(np.ones((4, 3))), delta)
    np.testing.assert_array_equal(layer.forward(np.ones((4, 2))), out)


def test_first_of_equal_pieces_wins_in_maxout():
    maxout = activations.Maxout(3)
    net = np.array([[1.0, 0.0, 1.0, 2.0, 1.0, 2.0]])
    maxout.attach(6, net.dtype)
    out = maxout.f(net, np.empty((1, 2)))
    np.testing.assert_array_equal(out, [[1, 2]])
    delta = maxout.delta(np.array([[3.0, 5.0]]), net, out, np.empty_like(net))
    np.testing.assert_array_equal(delta, [[3, 0, 0, 5, 0, 0]])


def test_which_may_feed_a_cross_entropy():
    """All of them lie between 0 and 1."""
    probable = {part for part in activations._CATALOGUE.classes.values() if part.probabilities}
    assert {part.__name__ for part in probable} == {
        "Sigmoid", "Softmax", "HardSigmoid", "SparseSigmoid", "Sparsemax", "Elliott", "LogLog",
        "ComplementaryLogLog",
    }  # fmt: skip
    for part in probable:
        out = part()(np.random.default_rng(0).normal(0, 9, (100, 4)))
        assert (out >= 0).all()
        assert (out <= 1).all()
    model = Sequential([layers.Dense(1, "hard_sigmoid", input_shape=(2,))])
    model.compile("sgd", "binary_crossentropy")
