"""Activations: exact and silent at the extremes, slopes as documented, PReLU's α, misuse found early."""

import math
import tracemalloc

import numpy as np
import pytest

from mlp import Sequential, activations, layers
from mlp.activations.normal import upper_tail
from mlp.errors import ArgumentError

EXTREMES = np.array([-1e4, -1e3, -88.0, -5.9, -1.0, -0.3, -1e-8, 0.0, 1e-8, 0.2, 1.0, 4.1, 88.0, 1e3, 1e4])
EVERY = [
    *sorted(set(activations._CATALOGUE.classes.values()), key=lambda part: part.__name__),
    *(activations.LeakyReLU(1.5), activations.ELU(0.4), activations.ELU(1.6), activations.CELU(0.4)),
    *(activations.CELU(2.0), activations.SiLU(1.6765), activations.Mish(1.6), activations.GELU(True)),
    *(activations.GeneralReLU(0.1, 4.0, 1.3), activations.GeneralReLU(max_value=4.0), activations.Maxout(3)),
    *(activations.ThresholdedLinear(0.7, -0.2), activations.Squareplus(0.5), activations.Sine(3.0)),
    *(activations.Blend("softmax", 0.3), activations.Blend("mish", -0.5), activations.PReLU(-0.3)),
]
UNITS = 6  # divisible by 2 and 3
STEPS = (activations.Threshold, activations.Sign)  # their slope is a convention
both_types = pytest.mark.parametrize("dtype", ["float32", "float64"])
every_activation = pytest.mark.parametrize(
    "part", EVERY, ids=lambda part: part.__name__ if isinstance(part, type) else repr(part)
)


def exp(x: float) -> float:
    return math.exp(x) if x < 700 else math.inf


def soft(x: float) -> float:
    """ln(1 + e^x)."""
    return max(x, 0) + math.log1p(math.exp(-abs(x)))


def sigma(x: float) -> float:
    return 1 / (1 + exp(-x))


def held(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


# Each formula in Python's own double precision, arranged so that nothing overflows.
REFERENCES = {
    "linear": lambda x: x,
    "sigmoid": sigma,
    "tanh": math.tanh,
    "relu": lambda x: max(x, 0),
    "leaky_relu": lambda x: x if x > 0 else 0.2 * x,
    "softplus": soft,
    "threshold": lambda x: float(x >= 0),
    "sign": lambda x: 1.0 if x >= 0 else -1.0,
    "hard_sigmoid": lambda x: held((x + 3) / 6, 0, 1),
    "sparse_sigmoid": lambda x: held((x + 1) / 2, 0, 1),
    "log_sigmoid": lambda x: -soft(-x),
    "hard_tanh": lambda x: held(x, -1, 1),
    "lecun_tanh": lambda x: 1.7159 * math.tanh(2 / 3 * x),
    "softsign": lambda x: x / (1 + abs(x)),
    "elliott": lambda x: (max(x, 0) + 0.5) / (1 + abs(x)),
    "log_log": lambda x: math.exp(-exp(-x)),
    "complementary_log_log": lambda x: -math.expm1(-exp(x)),
    "relu6": lambda x: held(x, 0, 6),
    "general_relu": lambda x: max(x, 0),
    "elu": lambda x: x if x > 0 else math.expm1(x),
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)),
    "celu": lambda x: x if x > 0 else math.expm1(x),
    "squareplus": lambda x: (x + math.hypot(x, 2)) / 2 if x > 0 else 2 / (math.hypot(x, 2) - x),
    "sparse_plus": lambda x: 0 if x < -1 else x if x > 1 else (x + 1) ** 2 / 4,
    "silu": lambda x: x * sigma(x),
    "hard_silu": lambda x: x * held((x + 3) / 6, 0, 1),
    "gelu": lambda x: x * math.erfc(-x / math.sqrt(2)) / 2,
    "mish": lambda x: x * math.tanh(soft(x)),
    "gaussian": lambda x: exp(-x * x),
    "sine": math.sin,
    "thresholded_linear": lambda x: max(x, 0),
    "hard_shrink": lambda x: x if abs(x) > 0.5 else 0,
    "soft_shrink": lambda x: x - held(x, -0.5, 0.5),
    "tanh_shrink": lambda x: x - math.tanh(x),
}


@both_types
@pytest.mark.parametrize("name", REFERENCES)
def test_values_at_the_extremes(name, dtype):
    """Warnings are errors in this suite, so this also shows that the functions are silent."""
    nets, eps = EXTREMES.astype(dtype), np.finfo(dtype).eps
    out = activations.get(name)(nets)
    assert out.dtype == dtype
    expected = [REFERENCES[name](float(x)) for x in nets]
    # more for the rounding of the exponent of e, and for net − tanh(net) that of net
    digits = {"gelu": 40, "log_log": 16, "sine": 8}.get(name, 8)
    absolute = eps * np.minimum(np.abs(nets), 1) if name == "tanh_shrink" else 1e-36
    assert (np.abs(out - expected) <= digits * eps * np.abs(expected) + absolute).all()


def test_e_to_the_net_is_infinite_where_the_type_ends():
    np.testing.assert_array_equal(activations.exponential([-1e4, 0, 1e4]), [0, 1, np.inf])


def attached(part, net):
    """The activation, ready for that net, and its output."""
    activation = activations.get(part)
    activation.attach(net.shape[1], net.dtype, len(net))
    activation.dalpha = np.empty(net.shape[1], net.dtype)
    return activation, activation.f(net, np.empty((len(net), activation.outputs(net.shape[1])), net.dtype))


@both_types
@every_activation
def test_slopes_and_deltas_are_finite_at_the_extremes(part, dtype):
    nets = EXTREMES[:-2] if part is activations.Exponential else EXTREMES
    net = np.resize(np.minimum(nets, 80) if len(nets) < len(EXTREMES) else nets, (5, UNITS)).astype(dtype)
    activation, out = attached(part, net)
    slope = activation.slope(net, out, np.empty_like(net))
    delta = activation.delta(np.ones_like(out), net, out, np.empty_like(net))
    assert out.dtype == slope.dtype == delta.dtype == dtype
    assert np.isfinite(out).all()
    assert np.isfinite(slope).all()
    assert np.isfinite(delta).all()


@every_activation
def test_delta_is_the_derivative(part):
    """Central differences of Σ grad ∘ f(net) in each net and each α, at nets away from bends."""
    rng = np.random.default_rng(0)
    net = rng.normal(0, 2, (8, UNITS))
    activation, out = attached(part, net)
    if isinstance(activation, STEPS):
        return
    grad = rng.normal(size=out.shape)
    delta = activation.delta(grad, net, out, np.empty_like(net))
    learned = activation.build(UNITS, net.dtype)
    for array, analytic in [(net, delta), *((activation.alpha, activation.dalpha) for _ in learned)]:
        numeric = np.empty_like(array)
        for place in np.ndindex(array.shape):
            kept, sums = array[place], []
            for step in (1e-6, -1e-6):
                array[place] = kept + step
                sums.append(np.vdot(grad, activation.f(net, np.empty_like(out))))
            array[place] = kept
            numeric[place] = (sums[0] - sums[1]) / 2e-6
        np.testing.assert_allclose(analytic, numeric, rtol=1e-6, atol=1e-8)


@every_activation
def test_the_slope_is_the_diagonal_of_the_derivative(part):
    net = np.random.default_rng(1).normal(0, 2, (4, UNITS))
    activation, out = attached(part, net)
    slope = activation.slope(net, out, np.empty_like(net)).copy()
    for j in range(UNITS):
        grad = np.zeros_like(out)
        grad[:, j % out.shape[1]] = 1
        delta = activation.delta(grad, net, out, np.empty_like(net))
        np.testing.assert_allclose(delta[:, j], slope[:, j], rtol=1e-12, atol=1e-15)


@both_types
@every_activation
def test_nothing_is_allocated(part, dtype):
    net = np.random.default_rng(0).normal(size=(2000, 20 * UNITS)).astype(dtype)
    activation, out = attached(part, net)
    grad, delta = np.ones_like(out), np.empty_like(net)
    activation.delta(grad, net, activation.f(net, out), delta)
    tracemalloc.start()
    activation.delta(grad, net, activation.f(net, out), delta)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # where shapes differ NumPy takes up to two buffers of 8192 numbers, whatever the batch
    assert peak < 140_000 < net.nbytes / 6


def test_the_normal_tail_has_its_digits():
    for dtype, digits in (("float32", 1.2), ("float64", 6)):
        net = np.linspace(-12, 12, 2001).astype(dtype)
        tail, density, scratch = (np.empty_like(net) for _ in range(3))
        upper_tail(net, tail, density, scratch)
        exact = [math.erfc(abs(float(x)) / math.sqrt(2)) / 2 for x in net]
        allowed = digits * np.finfo(dtype).eps * (4 + net**2 / 2)
        np.testing.assert_array_less(np.abs(tail / np.array(exact) - 1), allowed)


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


@pytest.mark.parametrize("wrong", ["ab", [[1], [1, 2]], [1j], np.array(["1"]), None, {}])
@pytest.mark.parametrize("function", [activations.relu, activations.Sigmoid(), activations.softmax])
def test_what_is_no_array_of_numbers_is_refused(function, wrong):
    with pytest.raises(ArgumentError, match="net must be an array of numbers"):
        function(wrong)


@pytest.mark.parametrize("given", [True, 1, 1.0, np.float16(1), np.float32(1), [True], [[1]], np.int8([1])])
def test_numbers_of_every_kind_become_floats_of_the_same_shape(given):
    out = activations.relu(given)
    assert out.shape == np.shape(given)
    assert out.dtype == (np.float32 if isinstance(given, np.float32) else np.float64)
    assert out.reshape(-1)[0] == 1
