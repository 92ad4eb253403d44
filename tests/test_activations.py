"""Activations: exact and silent at the extremes, slopes as documented, PReLU's α, misuse found early."""

import numpy as np
import pytest

from mlp import Sequential, activations, layers
from mlp.errors import ArgumentError

EXTREMES = np.array([-1e4, -1e3, -88.0, -1.0, -1e-8, 0.0, 1e-8, 1.0, 88.0, 1e3, 1e4])
ELEMENTWISE = ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "softplus", "threshold", "sign"]


def reference(name: str, x: float) -> float:
    """Each formula in Python's own double precision, arranged so that nothing overflows."""
    import math

    return {
        "linear": lambda: x,
        "sigmoid": lambda: 1 / (1 + math.exp(-x)) if x > -700 else 0.0,
        "tanh": lambda: math.tanh(x),
        "relu": lambda: max(x, 0),
        "leaky_relu": lambda: x if x > 0 else 0.2 * x,
        "softplus": lambda: max(x, 0) + math.log1p(math.exp(-abs(x))),
        "threshold": lambda: float(x >= 0),
        "sign": lambda: 1.0 if x >= 0 else -1.0,
    }[name]()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_values_at_the_extremes(name, dtype):
    """Warnings are errors in this suite, so this also shows that the functions are silent."""
    out = activations.get(name)(EXTREMES.astype(dtype))
    assert out.dtype == dtype
    expected = [reference(name, x) for x in EXTREMES]
    np.testing.assert_allclose(out, expected, rtol=4 * np.finfo(dtype).eps, atol=1e-38)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*ELEMENTWISE, "prelu", "softmax"])
def test_slopes_and_deltas_are_finite_at_the_extremes(name, dtype):
    activation = activations.get(name)
    net = EXTREMES.astype(dtype).reshape(1, -1)
    activation.attach(net.shape[1], net.dtype)
    activation.dalpha = np.empty(net.shape[1], dtype)
    out = activation.f(net, np.empty_like(net)).copy()
    slope = activation.slope(net, out, np.empty_like(net))
    assert np.isfinite(slope).all()
    assert (slope >= 0).all()
    delta = activation.delta(np.ones_like(net), net, out, np.empty_like(net))
    assert np.isfinite(delta).all()


def test_softmax_rows_sum_to_one_and_ignore_a_common_shift():
    net = np.random.default_rng(0).normal(size=(50, 7)) * 100
    out = activations.softmax(net)
    np.testing.assert_allclose(out.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(activations.softmax(net + 1e4), out, rtol=1e-8)


def test_slope_conventions_at_zero():
    zero = np.zeros((1, 1))
    slopes = {}
    for name in ("relu", "leaky_relu", "prelu", "threshold", "sign"):
        activation = activations.get(name)
        activation.attach(1, zero.dtype)
        slopes[name] = float(activation.slope(zero, zero, np.empty((1, 1)))[0, 0])
    assert slopes == {"relu": 0, "leaky_relu": 0.2, "prelu": 0.25, "threshold": 1, "sign": 1}


def test_prelu_learns_one_alpha_for_each_unit():
    """Targets with slope 0.5 below zero for the first unit and −1 for the second: α finds them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    T = np.where(X > 0, X, X * [0.5, -1.0])
    model = Sequential([layers.Input(2), layers.Activation("prelu")], dtype="float64")
    model.compile("adam", "mse")
    model.optimizer.learning_rate = 0.02
    model.fit(X, T, batch_size="full", epochs=500, verbose=0)
    np.testing.assert_allclose(model.layers[0].alpha, [0.5, -1.0], atol=1e-3)
    assert np.shares_memory(model.layers[0].activation.alpha, model.parameters.values)


def test_call_takes_any_shape_and_leaves_a_layer_alone():
    layer = layers.Dense(3, activation="softmax")
    layer.build((2,), np.random.default_rng(0), np.dtype("float64"))
    out = layer.forward(np.ones((4, 2)))
    kept = out.copy()
    assert layer.activation(np.zeros((2, 5, 3))).shape == (2, 5, 3)
    assert activations.relu(-1.5) == 0
    np.testing.assert_array_equal(out, kept)


def test_layers_do_not_share_an_activation_object():
    mine = activations.PReLU()
    model = Sequential([layers.Dense(2, mine, input_shape=(2,)), layers.Dense(3, mine)])
    assert model.layers[0].alpha.shape == (2,)
    assert model.layers[1].alpha.shape == (3,)


def test_a_function_that_does_not_fill_out_is_found_at_once():
    class Forgetful(activations.Activation):
        def f(self, net, out):
            return net * 2

    with pytest.raises(ArgumentError, match="must write its result into `out`"):
        layers.Dense(2, activation=Forgetful())


def test_your_own_activation():
    class Cube(activations.Activation):
        """f(net) = net³."""

        def f(self, net, out):
            return np.power(net, 3, out=out)

        def slope(self, net, out, slope):
            return np.multiply(3, net**2, out=slope)

    model = Sequential([layers.Dense(1, Cube(), input_shape=(1,), use_bias=False)], dtype="float64")
    model.compile("sgd", "half_mean_squared_error")
    model.set_weights([[[2.0]]])
    model.optimizer.learning_rate = 1.0
    model.train_on_batch([[1.0]], [[7.0]])  # (8 − 7) · 3 · 2² = 12
    assert model.get_weights()[0] == 2 - 12
