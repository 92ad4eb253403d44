"""Every gradient is the derivative of the loss that is reported: central differences, float64.

Every activation below a linear layer and, with some losses, as the last; every loss after the
common activations, above each of them; every layer; one and several outputs, weights and masks.
The one convention that is no derivative, slope 1 for threshold and sign, is checked against the
derivative of the function that the convention puts in their place.
"""

import copy

import numpy as np
import pytest

from mlp import Sequential, activations, layers, losses
from mlp.activations import Activation, PReLU, Sign, Threshold
from mlp.data import ArrayData
from mlp.errors import ArgumentError
from mlp.layers import stack
from mlp.layers.propagation import backward

ROWS, INPUTS, HIDDEN = 7, 3, 4
TOLERANCE = 1e-6
COMMON = [
    "linear", "sigmoid", "tanh", "relu", "leaky_relu", "prelu", "softplus", "softmax", "threshold", "sign",
]  # fmt: skip
ACTIVATIONS = sorted(set(activations._CATALOGUE.classes.values()), key=lambda part: part.__name__)
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
    losses.SparseCategoricalCrossentropy(ignore_class=0),
    losses.MeanAbsoluteError(),
    losses.MeanAbsolutePercentageError(reduction="sum"),
    losses.MeanSquaredLogarithmicError(),
    losses.Huber(0.3),
    losses.LogCosh(),
    losses.CosineSimilarity(),
    losses.BinaryFocalCrossentropy(apply_class_balancing=True, gamma=1.5, label_smoothing=0.1),
    losses.BinaryFocalCrossentropy(from_logits=True, reduction="sum"),
    losses.CategoricalFocalCrossentropy(),
    losses.CategoricalFocalCrossentropy(from_logits=True, gamma=0.5, label_smoothing=0.1),
    losses.CategoricalGeneralizedCrossEntropy(0.3),
    losses.KLDivergence(),
    losses.Poisson(),
    losses.Poisson(from_log=True, reduction="sum"),
    losses.Gamma(),
    losses.Gamma(from_log=True),
    losses.Tweedie(1.3),
    losses.Tweedie(from_log=True),
    losses.Hinge(),
    losses.SquaredHinge(),
    losses.CategoricalHinge(),
    losses.Quantile(0.8),
    losses.Quantile([0.1, 0.5, 0.9]),
    losses.Expectile(0.2),
    losses.GaussianNegativeLogLikelihood(),
    losses.Masked("mse"),
    losses.Masked("binary_crossentropy"),
    losses.Masked("categorical_crossentropy"),
    losses.Masked(losses.SparseCategoricalCrossentropy()),
    losses.Masked(losses.Quantile([0.1, 0.5, 0.9])),
    losses.Masked("cosine_similarity"),
]
OF_CLASSES = (
    losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy, losses.CategoricalFocalCrossentropy,
    losses.CategoricalGeneralizedCrossEntropy, losses.CategoricalHinge,
)  # fmt: skip
OF_LABELS = (losses.SparseCategoricalCrossentropy, losses.CategoricalGeneralizedCrossEntropy)


KINKED = (
    losses.Hinge, losses.SquaredHinge, losses.CategoricalHinge, losses.Poisson, losses.Gamma, losses.Tweedie,
    losses.MeanSquaredLogarithmicError, losses.CosineSimilarity,
)  # fmt: skip


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


def suits(activation, loss: losses.Loss, outputs: int) -> bool:
    """Whether the loss accepts such an output layer; the tests of bad arguments hold the other cases."""
    inner = getattr(loss, "loss", loss)
    if isinstance(activations.get(activation), Threshold | Sign) and isinstance(inner, KINKED):
        return False  # just at the kink
    if (
        getattr(inner, "from_log", True) is False
        and activations.get(activation)(np.full((1, 2), -9.0)).min() <= 0
    ):
        return False  # near a mean of 0 the loss is steeper than a difference can tell
    try:
        losses.pair(copy.deepcopy(inner), activations.get(activation), outputs, np.dtype("float64"))
    except ArgumentError:
        return False
    return True


def targets(loss: losses.Loss, outputs: int, rng: np.random.Generator) -> np.ndarray:
    """Targets that mean something to the loss; some unknown, if it is masked."""
    inner = getattr(loss, "loss", loss)
    columns = inner.columns(outputs)
    T = rng.random((ROWS, columns))
    if isinstance(inner, OF_LABELS):
        T = rng.integers(0, outputs, (ROWS, 1))
    elif isinstance(inner, losses.CategoricalHinge):
        T = np.eye(outputs)[rng.integers(0, outputs, ROWS)]
    elif isinstance(inner, losses.Hinge | losses.SquaredHinge):
        T = rng.integers(0, 2, (ROWS, columns)).astype(float)
    elif isinstance(inner, OF_CLASSES):
        T /= T.sum(axis=1, keepdims=True)
    if inner is loss:
        return T
    return np.where(rng.random(T.shape) < 0.3, np.nan, T)


def check(model: Sequential, X: np.ndarray, T: np.ndarray, weight: np.ndarray | None = None) -> None:
    """Compare every parameter's and every input's derivative with a central difference."""
    engine = model.ready()
    stack.connect(model.layers, below=True)  # down to the inputs; training stops at the first weights
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
    model.compile("sgd", loss, engine="numpy")  # of which `check` calls the parts
    model.parameters.values[:] = np.random.default_rng(seed + 1).normal(0, 0.7, model.count_params())
    for layer in model.layers:
        if isinstance(layer.activation, Threshold | Sign):
            layer.activation = StraightThrough(layer.activation)
    return model


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_losses(loss):
    """After each common activation, above each of them: over the losses, above others."""
    checked = 0
    for k, output in enumerate(COMMON):
        for outputs in (2, 4) if isinstance(loss, losses.GaussianNegativeLogLikelihood) else (1, 3):
            if suits(output, loss, outputs):
                rng = np.random.default_rng(checked)
                hidden = COMMON[(k + LOSSES.index(loss) * 3) % len(COMMON)]
                model = network(
                    [layers.Dense(HIDDEN, hidden)], layers.Dense(outputs, output), loss, seed=checked
                )
                X, T = rng.normal(size=(ROWS, INPUTS)), targets(loss, outputs, rng)
                check(model, X, T, rng.random(ROWS) if outputs > 2 else None)
                checked += 1
    assert checked >= 2


SOME_LOSSES = [
    losses.MeanSquaredError(),
    losses.BinaryCrossentropy(),
    losses.BinaryCrossentropy(from_logits=True),
    losses.CategoricalCrossentropy(),
    losses.CategoricalCrossentropy(from_logits=True),
]


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda part: part.__name__)
def test_activations(activation):
    """Hidden, and as the last one for one output and three."""
    rng = np.random.default_rng(0)
    hidden = [layers.Dense(HIDDEN, activation), layers.Activation(activation)]
    model = network(hidden, layers.Dense(2), SOME_LOSSES[0])
    check(model, rng.normal(size=(ROWS, INPUTS)), rng.random((ROWS, 2)))
    for outputs in (1, 3):
        units = outputs * 6 // activation().outputs(6)
        for loss in SOME_LOSSES:
            if suits(activation, loss, outputs):
                model = network([layers.Dense(HIDDEN, "tanh")], layers.Dense(units, activation), loss)
                model.parameters.values[:] *= 0.5  # no probability so near 1 that ln(1 − y) is rounded
                check(model, rng.normal(size=(ROWS, INPUTS)), targets(loss, outputs, rng), rng.random(ROWS))


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
    np.testing.assert_allclose(model.layers[0].deltas[0], expected, rtol=1e-6)
    np.testing.assert_allclose(model.layers[0].dW[0], expected, rtol=1e-6)
