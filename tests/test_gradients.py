"""Every gradient is the derivative of the loss that is reported: central differences, float64.

Every layer × activation × loss × one and several outputs × weights and masks. The one
convention that is no derivative, slope 1 for threshold and sign, is checked against the
derivative of the function that the convention puts in their place.
"""

import itertools

import numpy as np
import pytest

from mlp import Sequential, layers, losses
from mlp.activations import Activation, PReLU, Sign, Threshold
from mlp.arrays import Workspace
from mlp.data import ArrayData
from mlp.engines.numpy_engine import backward

ROWS, INPUTS, HIDDEN = 7, 3, 4
TOLERANCE = 1e-6
ACTIVATIONS = [
    "linear", "sigmoid", "tanh", "relu", "leaky_relu", "prelu", "softplus", "softmax", "threshold", "sign",
]  # fmt: skip
LOSSES = [
    losses.MeanSquaredError(),
    losses.MeanSquaredError(reduction="sum"),
    losses.SumOfSquares(),
    losses.HalfMeanSquaredError(),
    losses.BinaryCrossentropy(),
    losses.BinaryCrossentropy(label_smoothing=0.2, reduction="sum"),
    losses.BinaryCrossentropy(from_logits=True),
    losses.CategoricalCrossentropy(),
    losses.CategoricalCrossentropy(label_smoothing=0.2, reduction="sum"),
    losses.CategoricalCrossentropy(from_logits=True),
    losses.SparseCategoricalCrossentropy(),
    losses.SparseCategoricalCrossentropy(label_smoothing=0.1),
    losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"),
]


class StraightThrough(Activation):
    """What the convention stands for: f at the net first seen, and from there on a line of slope 1."""

    def __init__(self, stepped: Activation) -> None:
        self.stepped, self.first = stepped, None

    def f(self, net, out):
        if self.first is None or self.first.shape != net.shape:
            self.first = net.copy()
        out[...] = self.stepped(self.first) + (net - self.first)
        return out

    def slope(self, net, out, slope):
        slope.fill(1)
        return slope


def suits(activation: str, loss: losses.Loss, outputs: int) -> bool:
    """Whether the loss accepts such an output layer; `test_loss_refuses` holds the other cases."""
    logits = getattr(loss, "from_logits", None)
    categorical = "Categorical" in type(loss).__name__
    if categorical and outputs == 1:
        return False
    probabilities = activation in ("sigmoid", "softmax")
    return logits is None or probabilities != logits


def targets(loss: losses.Loss, outputs: int, rng: np.random.Generator) -> np.ndarray:
    if isinstance(loss, losses.SparseCategoricalCrossentropy):
        return rng.integers(0, outputs, (ROWS, 1))
    T = rng.random((ROWS, outputs))
    return T / T.sum(axis=1, keepdims=True) if isinstance(loss, losses.CategoricalCrossentropy) else T


def check(model: Sequential, X: np.ndarray, T: np.ndarray, weight: np.ndarray | None = None) -> None:
    """Compare every parameter's and every input's derivative with a central difference."""
    for layer in model.layers:  # down to the inputs, where training stops at the first weights
        layer.passes_grad, layer.workspace, layer.rows = True, Workspace(), -1
    engine = model.ready()
    loss, outputs = model.loss, model.layers[-1].output_shape[0]
    X, _, T, share = ArrayData(X, T, weight, loss.encode, loss.reduce, outputs).all()
    masks = model.rng.bit_generator.state

    def value() -> float:
        model.rng.bit_generator.state = masks  # the same units are silenced every time
        return engine.gradient(X, T, share)

    model.rng.bit_generator.state = masks
    engine.gradient(X, T, share)
    analytic = model.parameters.gradients.copy()
    last = model.layers[-1]
    delta = model.loss.delta(last.activation, last.net, engine.out, T, share, engine.delta)
    grad = backward(model.layers, delta).copy()
    compare(analytic, central_differences(value, model.parameters.values), "parameters")
    compare(grad, central_differences(value, X).reshape(grad.shape), "inputs")


def central_differences(loss, vector: np.ndarray, step: float = 1e-5) -> np.ndarray:
    flat, numeric = vector.reshape(-1), np.empty(vector.size)
    for k, value in enumerate(flat.copy()):
        flat[k] = value + step
        above = loss()
        flat[k] = value - step
        numeric[k] = (above - loss()) / (2 * step)
        flat[k] = value
    return numeric


def compare(analytic: np.ndarray, numeric: np.ndarray, what: str) -> None:
    scale = max(np.abs(analytic).max(), np.abs(numeric).max(), 1e-4)
    worst = np.abs(analytic - numeric).max() / scale
    assert worst < TOLERANCE, f"{what}: largest relative error {worst:.2g}"


def network(
    hidden: list, output: layers.Layer, loss: losses.Loss, shape=(INPUTS,), seed: int = 0
) -> Sequential:
    model = Sequential([layers.Input(shape), *hidden, output], dtype="float64", seed=seed)
    model.compile("sgd", loss)
    model.parameters.values[:] = np.random.default_rng(seed + 1).normal(0, 0.7, model.count_params())
    for layer in model.layers:
        if isinstance(layer.activation, Threshold | Sign):
            layer.activation = StraightThrough(layer.activation)
    return model


COMBINATIONS = [
    (hidden, output, loss, outputs)
    for hidden, output, loss, outputs in itertools.product(ACTIVATIONS, ACTIVATIONS, LOSSES, (1, 3))
    if suits(output, loss, outputs)
]


@pytest.mark.parametrize("hidden", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_activations_and_losses(hidden, loss):
    checked = 0
    for first, output, its_loss, outputs in COMBINATIONS:
        if first == hidden and its_loss is loss:
            rng = np.random.default_rng(checked)
            model = network([layers.Dense(HIDDEN, hidden)], layers.Dense(outputs, output), loss, seed=checked)
            X, T = rng.normal(size=(ROWS, INPUTS)), targets(loss, outputs, rng)
            check(model, X, T, rng.random(ROWS) if outputs == 3 else None)
            checked += 1
    assert checked >= 2


STACKS = {
    "no bias": lambda: [layers.Dense(HIDDEN, "tanh", use_bias=False), layers.Dense(HIDDEN, "softplus")],
    "dropout": lambda: [layers.Dense(6, "tanh"), layers.Dropout(0.5), layers.Dense(HIDDEN, "sigmoid")],
    "dropout of the input": lambda: [layers.Dropout(0.4), layers.Dense(HIDDEN, "tanh")],
    "dropout twice": lambda: [layers.Dense(6, "softplus"), layers.Dropout(0.3), layers.Dropout(0.3)],
    "activation layers": lambda: [
        layers.Dense(HIDDEN), layers.Activation("tanh"), layers.Activation(PReLU(0.1)), layers.Dense(HIDDEN),
        layers.Activation("softmax"),
    ],
    "deep": lambda: [layers.Dense(HIDDEN, "tanh") for _ in range(6)],
    "only an output": list,
}  # fmt: skip


@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize(
    ("output", "loss"),
    [
        ("linear", losses.MeanSquaredError()),
        ("sigmoid", losses.BinaryCrossentropy()),
        ("softmax", losses.SparseCategoricalCrossentropy()),
        ("softmax", losses.BinaryCrossentropy()),
    ],
)
def test_layers(stack, output, loss, weighted):
    rng = np.random.default_rng(3)
    model = network(STACKS[stack](), layers.Dense(3, output), loss)
    weight = rng.random(ROWS) * 3 if weighted else None
    check(model, rng.normal(size=(ROWS, INPUTS)), targets(loss, 3, rng), weight)


@pytest.mark.parametrize(
    "last", [layers.Dropout(0.3), layers.Activation("sigmoid"), layers.Flatten()], ids=repr
)
def test_any_layer_may_be_the_last(last):
    rng = np.random.default_rng(4)
    loss = losses.MeanSquaredError()
    model = network([layers.Dense(2, "tanh")], last.clone(), loss)
    check(model, rng.normal(size=(ROWS, INPUTS)), targets(loss, 2, rng))


def test_flatten():
    rng = np.random.default_rng(5)
    loss = losses.SumOfSquares()
    model = network(
        [layers.Dropout(0.2), layers.Flatten(), layers.Dense(3, "tanh")], layers.Dense(2), loss, (2, 3)
    )
    check(model, rng.normal(size=(ROWS, 2, 3)), targets(loss, 2, rng))


@pytest.mark.parametrize(
    "pair", losses.CANONICAL_PAIRS, ids=lambda pair: f"{pair[0].__name__}-{pair[1].__name__}"
)
@pytest.mark.parametrize("outputs", [1, 2, 5])
def test_short_way_is_the_long_way(pair, outputs):
    """The canonical delta equals f'(net) ∘ ∂L/∂out where the latter is finite."""
    activation, loss = pair[0](), pair[1]()
    if outputs == 1 and "Categorical" in type(loss).__name__:
        outputs = 4
    rng = np.random.default_rng(outputs)
    model = network([], layers.Dense(outputs, activation), loss)
    X = rng.normal(size=(ROWS, INPUTS))
    T = model.loss.as_target(targets(loss, outputs, rng), outputs, np.dtype("float64"))
    T = model.loss.encode(T)
    deltas = []
    for factor in (model.ready().loss.canonical_factor, 0.0):
        model.loss.canonical_factor = factor
        engine, last = model.engine, model.layers[-1]
        value = engine.evaluate(X, T, rng_weight := np.linspace(0.1, 1, ROWS))
        delta = model.loss.delta(
            last.activation, last.net, engine.out, T, rng_weight, np.empty((ROWS, outputs))
        )
        deltas.append((value, delta.copy()))
    (short_value, short), (long_value, long) = deltas
    assert factor == 0.0
    np.testing.assert_allclose(short, long, rtol=1e-9, atol=1e-12)
    assert short_value == pytest.approx(long_value, rel=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("gap", [1e2, 1e3, 1e4])
@pytest.mark.parametrize(
    ("activation", "loss", "target", "expected"),
    [
        ("softmax", "categorical_crossentropy", [[0.0, 1.0]], [1.0, -1.0]),
        ("softmax", "sparse_categorical_crossentropy", [[1]], [1.0, -1.0]),
        ("sigmoid", "binary_crossentropy", [[0.0, 1.0]], [0.5, -0.5]),
    ],
)
def test_short_way_is_finite_where_the_long_way_is_not(activation, loss, target, expected, gap, dtype):
    """A net that is wrong by `gap`: the loss is the gap itself and the delta exactly y − t."""
    model = Sequential([layers.Input(1), layers.Dense(2, activation)], dtype=dtype)
    model.compile("sgd", loss)
    model.set_weights([[[gap / 2, -gap / 2]], [0, 0]])
    engine = model.ready()
    T = model.loss.encode(model.loss.as_target(target, 2, np.dtype(dtype)))
    value = engine.gradient(np.ones((1, 1), dtype), T, np.ones(1, dtype))
    assert value == pytest.approx(gap if activation == "softmax" else gap / 2, rel=1e-6)
    np.testing.assert_allclose(engine.delta[0], expected, rtol=1e-6)
    np.testing.assert_allclose(model.layers[0].dW[0], expected, rtol=1e-6)
