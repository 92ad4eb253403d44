"""mlp held to PyTorch and Keras, without either: golden/golden.json says what they compute.

Where the two differ, mlp follows Keras, and a comment here gives the figure. float64 is held
to 1e-9 of each value, float32 to 2e-6, some 17 of its roundings; every greater tolerance and
every absolute one has its reason beside it.
"""

import json
import pathlib

import numpy as np
import pytest

import mlp
from mlp.layers import Dense, Input
from mlp.parameters import Parameters

GOLDEN = json.loads(pathlib.Path(__file__).with_name("golden").joinpath("golden.json").read_text())
TYPES = ("float32", "float64")
RELATIVE = {"float32": 2e-6, "float64": 1e-9}
EPS = {dtype: float(np.finfo(dtype).eps) for dtype in TYPES}

both_types = pytest.mark.parametrize("dtype", TYPES)


def agree(ours, theirs, dtype, absolute=0.0):
    np.testing.assert_allclose(ours, np.asarray(theirs, dtype), RELATIVE[dtype], absolute)


def test_the_golden_file_is_small_and_names_its_makers():
    assert pathlib.Path(__file__).with_name("golden").joinpath("golden.json").stat().st_size < 300_000
    assert GOLDEN["versions"].keys() == {"keras", "jax", "torch", "numpy"}


# activations

ACTIVATIONS = GOLDEN["activations"]
EVERY_ACTIVATION = [
    pytest.param(dtype, peer, name, id=f"{name}-{peer}-{dtype}")
    for dtype in TYPES
    for peer in ("keras", "torch")
    for name in ACTIVATIONS[dtype][peer]
]


def activation_layer(name, dtype):
    """A layer that has seen the golden nets, and those nets."""
    layer = mlp.layers.Activation(name)
    layer.build((4,), np.random.default_rng(0), np.dtype(dtype))
    if name == "prelu":
        layer.alpha = ACTIVATIONS["alpha"]
    net = np.array(ACTIVATIONS["net"], dtype)
    layer.forward(net, training=True)
    return layer, net


@pytest.mark.parametrize(("dtype", "peer", "name"), EVERY_ACTIVATION)
def test_activation(dtype, peer, name):
    # At net = 20.5 PyTorch's softplus is the net itself and 1.2e-9 off, within the tolerance.
    # PyTorch gives e^-88.7 and the like, below the smallest normal float32, as 0.
    layer, _ = activation_layer(name, dtype)
    agree(layer.out, ACTIVATIONS[dtype][peer][name]["out"], dtype, absolute=np.finfo(dtype).tiny)


@pytest.mark.parametrize(("dtype", "peer", "name"), EVERY_ACTIVATION)
def test_delta_of_an_activation(dtype, peer, name):
    # 1 − out has lost its digits where out is nearly 1, hence the absolute tolerance
    layer, net = activation_layer(name, dtype)
    grad = np.array(ACTIVATIONS["grad"], dtype)
    theirs = np.array(ACTIVATIONS[dtype][peer][name]["delta"], dtype)
    if peer == "keras" and name in ("leaky_relu", "prelu"):
        # at 0, where there is no derivative, Keras's slopes are 1 and 0; ours is as PyTorch's that below 0
        grad[net == 0] = theirs[net == 0] = 0
    if peer == "torch" and name == "softplus":  # above 20 PyTorch's slope is 1, and so 1.2e-9 off at 20.5
        grad[net > 20] = theirs[net > 20] = 0
    agree(layer.delta(grad), theirs, dtype, absolute=8 * EPS[dtype])


@both_types
def test_gradient_of_alpha(dtype):
    layer, _ = activation_layer("prelu", dtype)
    layer.delta(np.array(ACTIVATIONS["grad"], dtype))
    agree(layer.dalpha, ACTIVATIONS[dtype]["dalpha"], dtype)


# losses

LOSSES, ARRAYS = GOLDEN["losses"]["cases"], GOLDEN["losses"]["arrays"]
KINDS = [(reduction, weighted) for reduction in ("sum_over_batch_size", "sum") for weighted in (False, True)]
EVERY_LOSS = [
    pytest.param(dtype, peer, name, id=f"{name}-{peer}-{dtype}")
    for dtype in TYPES
    for name, case in LOSSES.items()
    for peer in case[dtype]
]
CANONICAL = {  # the activation after which mlp takes the short way
    "MeanSquaredError": "linear",
    "SumOfSquares": "linear",
    "HalfMeanSquaredError": "linear",
    "BinaryCrossentropy": "sigmoid",
    "CategoricalCrossentropy": "softmax",
    "SparseCategoricalCrossentropy": "softmax",
}
EVERY_CANONICAL_LOSS = [param for param in EVERY_LOSS if "probabilities" not in param.id]


class Given(mlp.activations.Linear):
    """The outputs as they are given, taken for probabilities; no loss has a short way with it."""

    probabilities = True


def loss_arrays(case, dtype):
    out, T = np.array(ARRAYS[case["out"]], dtype), np.array(ARRAYS[case["target"]])
    return (out[:, :1], T[:, :1]) if case["outputs"] == 1 else (out, T)


def loss_and_delta(net, T, activation, loss, weight):
    """L and ∂L/∂net of a layer that sees the identity matrix: its W is the net, so its dW is the delta."""
    n, o = net.shape
    layer = Dense(o, activation, use_bias=False)
    model = mlp.Sequential([Input((n,)), layer], dtype=net.dtype)
    model.set_weights([net])
    model.compile(mlp.optimizers.SGD(0.0), loss)
    return model.train_on_batch(np.eye(n), T, weight), layer.dW


def check_loss(name, dtype, peer, activation, **options):
    """Hold value and gradient, plain and weighted, as mean and as sum, to the golden ones."""
    case = LOSSES[name]
    golden, (net, T) = case[dtype][peer], loss_arrays(case, dtype)
    for (reduction, weighted), their_value, theirs in zip(
        KINDS, golden["value"], golden["gradient"], strict=True
    ):
        loss = getattr(mlp.losses, case["loss"])(**options, reduction=reduction)
        value, delta = loss_and_delta(net, T, activation, loss, ARRAYS["weight"] if weighted else None)
        agree(value, their_value, dtype)
        agree(delta, theirs, dtype, absolute=8 * EPS[dtype])


@pytest.mark.parametrize(("dtype", "peer", "name"), EVERY_LOSS)
def test_loss_and_its_gradient(dtype, peer, name):
    case = LOSSES[name]
    activation = "linear" if case["options"].get("from_logits") else Given()
    check_loss(name, dtype, peer, activation, **case["options"])


@pytest.mark.parametrize(("dtype", "peer", "name"), EVERY_CANONICAL_LOSS)
def test_canonical_pair_and_its_delta(dtype, peer, name):
    # Keras holds probabilities at 1e-7 after a sigmoid or softmax too; there ours are exact, as from logits
    case = LOSSES[name]
    options = {key: value for key, value in case["options"].items() if key != "from_logits"}
    check_loss(name, dtype, peer, CANONICAL[case["loss"]], **options)


@pytest.mark.parametrize(("dtype", "peer", "name"), EVERY_LOSS)
def test_loss_by_itself(dtype, peer, name):
    case = LOSSES[name]
    out, T = loss_arrays(case, dtype)
    for theirs, (reduction, weighted) in zip(case[dtype][peer]["value"], KINDS, strict=True):
        loss = getattr(mlp.losses, case["loss"])(**case["options"], reduction=reduction)
        agree(loss(T, out, ARRAYS["weight"] if weighted else None), theirs, dtype)


@both_types
@pytest.mark.parametrize("source", ["logits", "probabilities"])
def test_smoothed_labels_are_smoothed_one_hot_rows(dtype, source):
    # Keras's sparse loss has no label_smoothing, so ours is held to Keras's categorical one
    case = LOSSES[f"CategoricalCrossentropy, 3 outputs, {source}, smoothing 0.1"]
    loss = mlp.losses.SparseCategoricalCrossentropy(**case["options"])
    agree(loss(ARRAYS["labels"], loss_arrays(case, dtype)[0]), case[dtype]["keras"]["value"][0], dtype)


# metrics


@pytest.mark.parametrize("kind", ["plain", "weighted"])
@pytest.mark.parametrize("name", GOLDEN["metrics"]["results"])
def test_metric_over_ragged_batches(name, kind):
    arrays = {key: np.array(value) for key, value in GOLDEN["metrics"]["arrays"].items()}
    case = GOLDEN["metrics"]["results"][name]
    metric, start = getattr(mlp.metrics, name)(), 0
    for rows, theirs in zip(GOLDEN["metrics"]["batches"], case[kind], strict=True):
        T, out, weight = (arrays[key][start : start + rows] for key in (case["target"], "outputs", "weight"))
        metric.update_state(T, out, weight if kind == "weighted" else None)
        assert metric.result() == pytest.approx(theirs, rel=1e-12)
        start += rows


# initializers

VARIANCE = {  # Keras's documented formulas for i inputs and o units
    "Glorot": lambda i, o: 2 / (i + o),
    "He": lambda i, o: 2 / i,
    "Lecun": lambda i, o: 1 / i,
}


@pytest.mark.parametrize("name", GOLDEN["initializers"]["moments"])
def test_initializer_has_the_moments_of_keras(name):
    inputs, units = shape = tuple(GOLDEN["initializers"]["shape"])
    _, their_deviation, their_largest = GOLDEN["initializers"]["moments"][name]
    W = getattr(mlp.initializers, name)()(np.random.default_rng(0), shape)
    deviation = VARIANCE[name.removesuffix("Uniform").removesuffix("Normal")](inputs, units) ** 0.5
    # uniform on ±√3 deviations; or cut at 2 deviations, and widened by 1/0.8796 to keep the variance
    largest = deviation * (3**0.5 if name.endswith("Uniform") else 2 / 0.87962566103423978)
    assert W.shape == shape
    # 270,000 numbers know their deviation to 0.14 %; the tolerance is four times that
    assert abs(W.mean()) < 4 * deviation / W.size**0.5
    assert W.std() == pytest.approx(deviation, rel=0.005)
    assert W.std() == pytest.approx(their_deviation, rel=0.005)
    assert 0.999 * largest < np.abs(W).max() <= largest * (1 + 1e-12)
    assert 0.999 * largest < their_largest <= largest * (1 + 1e-6)


# optimizers

OPTIMIZERS = GOLDEN["optimizers"]


@both_types
@pytest.mark.parametrize("name", OPTIMIZERS["cases"])
def test_optimizer(name, dtype):
    # Over these 20 steps PyTorch's RMSprop, ε outside the root, ends 1.4e-4 away from Keras's;
    # its Adam and AdamW, ε on the corrected root, 2.9e-6, and 7.3e-3 with betas of 0.5 and 0.9 and
    # ε = 1e-3; its three kinds of SGD 3e-15.
    case = OPTIMIZERS["cases"][name]
    layer = Dense(2)
    layer.build((2,), np.random.default_rng(0), np.dtype(dtype))
    parameters = Parameters([layer], np.dtype(dtype))
    parameters.values[:] = OPTIMIZERS["start"]
    optimizer = mlp.optimizers.get({"class_name": case["optimizer"], "config": case["options"]})
    optimizer.build(parameters)
    for gradient, theirs in zip(OPTIMIZERS["gradients"], case[dtype], strict=True):
        parameters.gradients[:] = gradient
        optimizer.step()
        agree(parameters.values, theirs, dtype, absolute=EPS_OF_STEPS[dtype])


EPS_OF_STEPS = {"float32": 2e-6, "float64": 1e-15}

# whole models

MODELS, DATA = GOLDEN["models"]["cases"], GOLDEN["models"]["arrays"]
EVERY_FIT = [
    pytest.param(
        dtype,
        name,
        variant,
        id=f"{name}-{variant}-{dtype}",
    )
    for dtype in TYPES
    for name, case in MODELS.items()
    for variant in case["float64"]
]
WEIGHTED = {
    "sparse_categorical_crossentropy": "SparseCategoricalAccuracy",
    "categorical_crossentropy": "CategoricalAccuracy",
    "binary_crossentropy": "BinaryAccuracy",
    "mse": "MeanSquaredError",
}


def build(case, dtype, optimizer=None):
    """The network with the golden initial weights."""
    (inputs, _), *rest = case["layers"]
    model = mlp.Sequential([Input((inputs,)), *(Dense(o, activation=f) for o, f in rest)], dtype=dtype)
    model.set_weights(split(case["start"], model))
    rule, options = case["optimizer"]
    weighted = getattr(mlp.metrics, WEIGHTED[case["loss"]])(name="weighted")
    model.compile(
        mlp.optimizers.get({"class_name": rule, "config": options}),
        case["loss"],
        metrics=[case["metric"]],
        weighted_metrics=[weighted],
    )
    return model


def split(vector, model):
    shapes = [w.shape for w in model.get_weights()]
    ends = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(np.array(vector), ends), shapes, strict=True)]


def fit(model, target, **options):
    if options.pop("sample_weight", False):
        options["sample_weight"] = DATA["sample_weight"]
    if "class_weight" in options:
        options["class_weight"] = {int(label): w for label, w in options["class_weight"].items()}
    size, epochs = GOLDEN["models"]["batch_size"], GOLDEN["models"]["epochs"]
    run = model.fit(DATA["X"], target, size, epochs, verbose=0, shuffle=False, **options)
    return run.history


def flat(model):
    return np.concatenate([w.ravel() for w in model.get_weights()])


@pytest.mark.parametrize(("dtype", "name", "variant"), EVERY_FIT)
def test_fit(dtype, name, variant):
    # Keras's AdamW takes 1 − 0.999ᵗ in float32, by which its losses are 3.6e-6 off its own in float64;
    # ours are 9e-8 off those, and so are held to those, in float32 too
    case = MODELS[name]
    theirs, model = case.get(dtype, case["float64"])[variant], build(case, dtype)
    history = fit(model, DATA[name], **GOLDEN["models"]["variants"][variant])
    assert history.keys() == theirs["history"].keys()
    for key, values in theirs["history"].items():
        agree(history[key], values, dtype)
    agree(flat(model), theirs["weights"], dtype, absolute=EPS_OF_STEPS[dtype])
    agree(model.evaluate(DATA["X"], DATA[name]), theirs["evaluate"], dtype)


def test_fit_is_the_loop_of_pytorch():
    model = build(MODELS["yes_no"], "float64")
    history = fit(model, DATA["yes_no"])
    agree(history["loss"], MODELS["yes_no"]["torch"]["loss"], "float64")
    agree(flat(model), MODELS["yes_no"]["torch"]["weights"], "float64")
