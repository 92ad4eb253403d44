"""Layers held to Keras and PyTorch: golden/layers.json."""

import numpy as np
import pytest
from golden_values import EPS, TYPES, agree, both_types, golden

import mlp

GOLDEN = golden("layers")
CASES = {name: case for name, case in GOLDEN.items() if "class" in case}
WITH_TORCH = [name for name in CASES if "torch" in CASES[name]["float64"]]


@pytest.fixture(autouse=True)
def golden_noise(monkeypatch):
    def draw(rng, out, scratch):
        out[...] = GOLDEN["numbers"]

    monkeypatch.setattr("mlp.layers.regularization.draw_normal", draw)


class Fixed:
    """A generator that draws the golden numbers, or their first 16 bits."""

    def __init__(self):
        self.bit_generator = self

    def random(self, out, dtype):
        out[...] = GOLDEN["uniform"]

    def random_raw(self, count):
        bits = np.zeros(4 * count, np.uint16)
        numbers = np.ravel(GOLDEN["uniform"]) * 2**16
        bits[: numbers.size] = numbers
        return bits.view(np.uint64)


def make(case, dtype):
    config = dict(case["config"])
    for name, value in config.items():
        if name.endswith("_regularizer"):
            config[name] = getattr(mlp.regularizers, value[0])(**value[1])
    if case["class"] in ("BatchNormalization", "LayerNormalization", "GroupNormalization"):
        config |= {"name": "normalization"}
    layer = getattr(mlp.layers, case["class"])(**config)
    X = np.array(case["X"][0], dtype)
    layer.build(X.shape[1:], np.random.default_rng(0), np.dtype(dtype))
    layer.connect(True, True)
    layer.rng = Fixed()
    if case["weights"]:  # a Normalization whose figures are given has none in Keras
        layer.set_weights(case["weights"])
    return layer, X


def absolute(name, dtype):
    """Differences of values near 1 have lost digits; Keras takes X/σ − mean/σ, ours is (X − mean)/σ.

    A column of variance 0 is divided by 1e-7, and a 0 in the middle is a difference of numbers of 1e7.
    """
    if CASES[name]["class"] == "AlphaDropout":
        return 2e-5  # a rate of 0.4 is the nearest multiple of 2⁻¹⁶ here
    return 20 * EPS[dtype]


@both_types
@pytest.mark.parametrize("name", CASES)
def test_layer(name, dtype):
    case = CASES[name]
    theirs, (layer, X) = case[dtype], make(case, dtype)
    agree(layer.forward(X, training=False), theirs["inference"], dtype, absolute(name, dtype))
    out = layer.forward(X, training=True)
    assert out.dtype == dtype
    agree(out, theirs["out"], dtype, absolute(name, dtype))
    penalty = layer.penalty() + layer.activity_penalty(len(X))
    assert penalty == pytest.approx(theirs["penalty"], rel=2e-6 if dtype == "float32" else 1e-9)
    dX = layer.backward(layer.delta(np.array(case["grad"], dtype)))
    layer.add_penalty_gradients()
    if case["class"] != "Embedding":
        assert dX.dtype == dtype
        agree(dX, theirs["dX"], dtype, 4 * absolute(name, dtype))
    ours = [layer.gradients["d" + key] for key in layer.parameters if key not in layer.kept]
    for grad, other in zip(ours if layer.learns else [], theirs["grads"], strict=True):
        agree(grad, other, dtype, 10 * absolute(name, dtype))


@both_types
@pytest.mark.parametrize("name", WITH_TORCH)
def test_layer_of_torch(name, dtype):
    case = CASES[name]
    theirs, (layer, X) = case[dtype]["torch"], make(case, dtype)
    agree(layer.forward(X, training=True), theirs["out"], dtype, absolute(name, dtype))
    dX = layer.backward(np.array(case["grad"], dtype))
    if "dX" in theirs:
        agree(dX, theirs["dX"], dtype, 4 * absolute(name, dtype))
    for grad, other in zip(layer.gradients.values(), theirs["grads"], strict=False):
        agree(grad, other, dtype, 10 * absolute(name, dtype))


@pytest.mark.parametrize(
    ("name", "dtype"), [(name, dtype) for name in CASES for dtype in TYPES if CASES[name][dtype]["weights"]]
)
def test_moving_averages(name, dtype):
    """After three batches."""
    case = CASES[name]
    layer, _ = make(case, dtype)
    for batch in case["X"]:
        layer.forward(np.array(batch, dtype), training=True)
    assert len(layer.weights) == len(case[dtype]["weights"])
    for ours, theirs in zip(layer.weights, case[dtype]["weights"], strict=True):
        agree(ours, theirs, dtype, absolute(name, dtype))


def test_adapted_normalization():
    layer, known = mlp.layers.Normalization(), GOLDEN["adapted"]
    layer.adapt(known["data"])
    layer.build((4,), np.random.default_rng(0), np.dtype("float64"))
    for ours, theirs in zip(layer.weights, known["weights"], strict=True):
        agree(ours, theirs, "float64")
    agree(layer.forward(np.array(known["data"])), known["out"], "float64", 1e-14)
