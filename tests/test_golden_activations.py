"""Activations held to Keras and PyTorch: golden/activations.json."""

import numpy as np
import pytest
from golden_values import EPS, TYPES, agree, both_types, golden

import mlp

GOLDEN = golden("activations")

ACTIVATIONS = GOLDEN
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
