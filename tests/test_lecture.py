"""Two courses' examples: a lecture's Keras script as it stands, and a blog series' red and blue points."""

import numpy as np
import pytest
from sklearn.datasets import make_circles

import mlp
from mlp import Sequential, initializers, layers, losses, optimizers

# the lecture: one script, and the ways in which people import the names that it uses

SCRIPT = """
from sklearn.datasets import make_circles

X, t = make_circles(n_samples=100, shuffle=True, noise=0.15, factor=0.3)

model = Sequential()
model.add(layers.Input(shape=(2,)))
model.add(layers.Dense(20, activation="relu"))
model.add(layers.Dense(1, activation="sigmoid"))
model.summary()
model.compile(
    optimizer=optimizers.SGD(learning_rate=0.1),
    loss=losses.binary_crossentropy,
    metrics=["accuracy"],
)
history = model.fit(X, t, batch_size=10, epochs=100)
y = model.predict(X)
"""
IMPORTS = {
    "the names from mlp": "from mlp import Sequential, layers, losses, optimizers",
    "the names from keras": """
import mlp as keras
layers, losses, optimizers, Sequential = keras.layers, keras.losses, keras.optimizers, keras.Sequential
""",
    "the model from models": """
from mlp.models import Sequential
from mlp import layers, losses, optimizers
""",
}
PREFIXED = (
    SCRIPT.replace("layers.", "keras.layers.")
    .replace("optimizers.", "keras.optimizers.")
    .replace("losses.", "keras.losses.")
)
STYLES = {name: lines + SCRIPT for name, lines in IMPORTS.items()} | {
    "keras.Sequential": "import mlp as keras\n" + PREFIXED.replace("Sequential()", "keras.Sequential()"),
    "keras.models.Sequential": "import mlp as keras\n"
    + PREFIXED.replace("Sequential()", "keras.models.Sequential()"),
    "keras.Input": "import mlp as keras\n"
    + PREFIXED.replace("Sequential()", "keras.Sequential()").replace("keras.layers.Input", "keras.Input"),
    "names, not prefixes": """
from mlp.layers import Dense, Input
from mlp.losses import binary_crossentropy
from mlp.models import Sequential
from mlp.optimizers import SGD
"""
    + SCRIPT.replace("layers.", "").replace("optimizers.", "").replace("losses.", ""),
}


@pytest.mark.parametrize("style", STYLES)
def test_the_lectures_script_runs_as_it_stands(style, capsys):
    names: dict = {}
    exec(STYLES[style], names)
    assert "Total params: 81" in capsys.readouterr().out
    history, y = names["history"].history, names["y"]
    assert history.keys() == {"loss", "accuracy"}
    assert len(history["loss"]) == len(history["accuracy"]) == 100
    assert history["loss"][-1] < history["loss"][0]  # neither the data nor the weights have a seed here
    assert y.shape == (100, 1)
    assert y.dtype == np.float32
    assert (y >= 0).all()
    assert (y <= 1).all()


def lecture(seed: int, optimizer="sgd", loss="binary_crossentropy", **options) -> Sequential:
    model = Sequential(seed=seed, **options)
    model.add(layers.Input(shape=(2,)))
    model.add(layers.Dense(20, activation="relu"))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


def test_its_network_has_81_parameters_layer_by_layer():
    model = lecture(0)
    assert [layer.count_params() for layer in model.layers] == [2 * 20 + 20, 20 * 1 + 1]
    assert [W.shape for W in model.get_weights()] == [(2, 20), (20,), (20, 1), (1,)]
    assert model.count_params() == 81


@pytest.mark.parametrize("seed", range(20))
def test_its_network_tells_the_circles_apart(seed):
    """The noise lets the circles overlap: the best circle itself is right on 99 points in 100."""
    X, t = make_circles(n_samples=100, shuffle=True, noise=0.15, factor=0.3, random_state=seed)
    model = lecture(seed, optimizers.SGD(learning_rate=0.1))
    history = model.fit(X, t, batch_size=10, epochs=100, verbose=0)
    assert history.history["accuracy"][-1] >= 0.96
    X_new, t_new = make_circles(n_samples=1000, noise=0.15, factor=0.3, random_state=1000 + seed)
    loss, accuracy = model.evaluate(X_new, t_new)
    assert accuracy >= 0.95
    assert loss < 0.2


SPELLINGS = {
    "strings": ("sgd", "binary_crossentropy"),
    "classes": (optimizers.SGD, losses.BinaryCrossentropy),
    "objects": (optimizers.SGD(), losses.BinaryCrossentropy()),
    "the function": (optimizers.SGD(0.01), losses.binary_crossentropy),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_compile_means_the_same(spelling):
    X, t = make_circles(n_samples=100, noise=0.15, factor=0.3, random_state=0)
    expected = lecture(0).fit(X, t, batch_size=10, epochs=3, verbose=0)
    history = lecture(0, *SPELLINGS[spelling]).fit(X, t, batch_size=10, epochs=3, verbose=0)
    assert history.history == expected.history


# the series "Deep Learning From Scratch" (deepideas.net): clusters in an XOR, sigmoid layers, cross-entropy
# summed over the samples, gradient descent at a fixed rate

RATE, STEPS = 0.01, 200
# the deepest at half the rate: where a loss jumps about, rounding differences grow as in any chaos
NETWORKS = {
    "a perceptron": ([], RATE),
    "one hidden layer": ([4], RATE),
    "two hidden layers": ([4, 4], RATE),
    "three hidden layers": ([8, 4, 4], RATE / 2),
}
OUTPUTS = {
    "sigmoid": (1, losses.BinaryCrossentropy(reduction="sum")),
    "softmax": (2, losses.CategoricalCrossentropy(reduction="sum")),
}


def red_and_blue(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Red points around (0, 0) and (1, 1), blue around (0, 1) and (1, 0): an XOR of clusters. Blue is 1."""
    rng = np.random.default_rng(seed)
    centres = np.repeat([[0, 0], [1, 1], [0, 1], [1, 0]], 25, axis=0)
    return centres + 0.2 * rng.normal(size=(100, 2)), np.repeat([0, 1], 50)


def network(hidden: list[int], activation: str, seed: int = 0, rate: float = RATE) -> Sequential:
    """Weights and biases begin as standard normal numbers, as in the series."""
    units, loss = OUTPUTS[activation]
    start = dict.fromkeys(("kernel_initializer", "bias_initializer"), initializers.RandomNormal(stddev=1))
    model = Sequential(dtype="float64", seed=seed)
    model.add(layers.Input(shape=(2,)))
    for width in hidden:
        model.add(layers.Dense(width, activation="sigmoid", **start))
    model.add(layers.Dense(units, activation=activation, **start))
    model.compile(optimizers.SGD(rate), loss, metrics=["accuracy"])
    return model


def targets(labels: np.ndarray, activation: str) -> np.ndarray:
    return labels[:, None].astype(float) if activation == "sigmoid" else mlp.utils.to_categorical(labels)


def sigmoid(net):
    return 1 / (1 + np.exp(-net))


def binary_output(net, T):
    """The summed loss J and ∂J/∂net, every factor of the chain rule written out."""
    Y = sigmoid(net)
    grad = -T / Y + (1 - T) / (1 - Y)
    return -np.sum(T * np.log(Y) + (1 - T) * np.log(1 - Y)), grad * Y * (1 - Y)


def categorical_output(net, T):
    """The same for σ = softmax, whose Jacobian is diag(y) − y yᵀ for each row."""
    Y = np.exp(net) / np.exp(net).sum(axis=1, keepdims=True)
    grad = -T / Y
    jacobian = Y[:, :, None] * np.eye(Y.shape[1]) - Y[:, :, None] * Y[:, None, :]
    return -np.sum(T * np.log(Y)), np.einsum("nj,njk->nk", grad, jacobian)


def descent_by_formula(X, T, weights, output, rate, steps=STEPS) -> tuple[np.ndarray, list[np.ndarray]]:
    """σ(… σ(X W₁ + b₁) W₂ + b₂ …), its gradients in plain NumPy: each step's loss, the last weights."""
    stack, trace = [list(pair) for pair in zip(weights[::2], weights[1::2], strict=True)], []
    for _ in range(steps):
        outs = [X]
        for W, b in stack[:-1]:
            outs.append(sigmoid(outs[-1] @ W + b))
        J, delta = output(outs[-1] @ stack[-1][0] + stack[-1][1], T)
        trace.append(J)
        for layer, below in zip(reversed(stack), reversed(outs), strict=True):
            dW, db, grad = below.T @ delta, delta.sum(axis=0), delta @ layer[0].T
            layer[0], layer[1] = layer[0] - rate * dW, layer[1] - rate * db
            delta = grad * below * (1 - below)
    return np.array(trace), [array for pair in stack for array in pair]


@pytest.mark.parametrize("activation", OUTPUTS)
@pytest.mark.parametrize("depth", NETWORKS)
def test_the_series_losses_follow_the_formula(depth, activation):
    X, labels = red_and_blue()
    T = targets(labels, activation)
    hidden, rate = NETWORKS[depth]
    model = network(hidden, activation, rate=rate)
    output = binary_output if activation == "sigmoid" else categorical_output
    expected, weights = descent_by_formula(X, T, model.get_weights(), output, rate)
    assert (np.diff(expected) < 1e-9).all(), "the example is one of a loss that falls step by step"
    history = model.fit(X, T, batch_size="full", epochs=STEPS, verbose=0)
    np.testing.assert_allclose(history.history["loss"], expected, rtol=1e-9)
    for ours, formula in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(ours, formula, rtol=1e-9, atol=1e-12)


def test_a_sum_at_a_rate_is_a_mean_at_that_rate_times_the_samples():
    X, labels = red_and_blue()
    T = targets(labels, "sigmoid")
    summed, mean = network([4], "sigmoid"), network([4], "sigmoid")
    mean.compile(optimizers.SGD(RATE * len(X)), losses.BinaryCrossentropy())
    J = np.array(summed.fit(X, T, batch_size="full", epochs=STEPS, verbose=0).history["loss"])
    L = np.array(mean.fit(X, T, batch_size="full", epochs=STEPS, verbose=0).history["loss"])
    np.testing.assert_allclose(J, L * len(X), rtol=1e-10)


def test_two_softmax_units_say_what_one_sigmoid_unit_says():
    """softmax(net)₁ = sigmoid(net₁ − net₀)."""
    X, labels = red_and_blue()
    one, two = network([4], "sigmoid"), network([4], "softmax")
    W1, b1, W, b = one.get_weights()
    two.set_weights([W1, b1, np.hstack([-W / 2, W / 2]), np.hstack([-b / 2, b / 2])])
    np.testing.assert_allclose(two.predict(X)[:, 1:], one.predict(X), rtol=1e-12)
    J = one.evaluate(X, targets(labels, "sigmoid"))
    assert two.evaluate(X, targets(labels, "softmax")) == pytest.approx(J, rel=1e-12)


@pytest.mark.parametrize("activation", OUTPUTS)
@pytest.mark.parametrize("seed", range(20))
def test_a_hidden_layer_separates_what_a_perceptron_cannot(seed, activation):
    """The clusters overlap a little: 1 point in 100 lies nearer to a centre of the other colour."""
    X, labels = red_and_blue(seed)
    T = targets(labels, activation)
    perceptron, hidden = network([], activation, seed), network([16], activation, seed)
    perceptron.fit(X, T, batch_size="full", epochs=200, verbose=0)
    hidden.fit(X, T, batch_size="full", epochs=1000, verbose=0)
    assert perceptron.evaluate(X, T)[1] <= 0.8
    assert hidden.evaluate(X, T)[1] >= 0.95
