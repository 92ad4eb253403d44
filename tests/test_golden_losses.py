"""Losses held to Keras and PyTorch: golden/losses.json."""

import numpy as np
import pytest
from golden_values import EPS, TYPES, agree, both_types, golden

import mlp
from mlp.layers import Dense, Input

GOLDEN = golden("losses")

LOSSES, ARRAYS = GOLDEN["cases"], GOLDEN["arrays"]
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
    "BinaryFocalCrossentropy": "sigmoid",
    "CategoricalFocalCrossentropy": "softmax",
}
EVERY_CANONICAL_LOSS = [
    param
    for param in EVERY_LOSS
    if LOSSES[param.values[2]]["loss"] in CANONICAL
    and LOSSES[param.values[2]]["out"] not in ("probabilities", "shares")
]


class Given(mlp.activations.Linear):
    """The outputs as they are given, taken for probabilities; no loss has a short way with it."""

    probabilities = True


class Positive(mlp.activations.Linear):
    """The outputs as they are given, which are above 0."""

    def f(self, net, out):
        return np.abs(net, out)


def output(case):
    """An activation that hands outputs on to the loss as they are, on the long way."""
    if case["out"] in ("probabilities", "shares"):
        return Given()
    if case["out"] == "positive":
        return Positive()
    return "linear"


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
    check_loss(name, dtype, peer, output(case), **case["options"])


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
