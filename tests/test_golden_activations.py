"""Activations held to Keras and PyTorch: golden/activations.json, 200 nets with extremes."""

import numpy as np
import pytest
from golden_values import EPS, TYPES, agree, both_types, golden

from mlp import activations

GOLDEN = golden("activations")
EVERY_ACTIVATION = [
    pytest.param(dtype, peer, name, id=f"{name}-{peer}-{dtype}")
    for dtype in TYPES
    for peer in ("keras", "torch")
    for name in GOLDEN[dtype][peer]
]
# Where there is no derivative the three may differ; the docstrings say what ours is.
BENDS = {
    "leaky_relu": [0], "prelu": [0], "elu": [0], "blend": [0], "relu6": [0], "hard_tanh": [-1, 1],
    "hard_sigmoid": [-3, 3], "hard_silu": [-3, 3], "sparse_sigmoid": [-1, 1], "sparse_plus": [-1, 1],
    "hard_shrink": [-0.5, 0.5], "soft_shrink": [-0.5, 0.5], "relu": [0],
}  # fmt: skip


def made(name):
    """Our activation for a name in the file, and whether its peer had options."""
    options = dict(GOLDEN["options"].get(name, {}))
    kind = options.pop("name", name)
    if kind == "relu" and options:
        return activations.GeneralReLU(**options)
    if kind == "threshold":
        return activations.ThresholdedLinear(**options)
    return type(activations.get(kind))(**options)


def computed(name, dtype, rows):
    """The activation that has seen that many of the golden nets; net, grad, out and delta."""
    activation = made(name)
    net, grad = (np.array(GOLDEN[key], dtype)[:rows] for key in ("net", "grad"))
    if name == "exponential":
        net = np.minimum(net, dtype(80))
    activation.attach(4, net.dtype, rows)
    if name in ("prelu", "blend"):
        activation.alpha = np.array(GOLDEN["alpha"], dtype)
        activation.dalpha = np.empty(4, dtype)
    out = activation.f(net, np.empty((rows, activation.outputs(4)), dtype))
    delta = activation.delta(grad[:, : out.shape[1]], net, out, np.empty_like(net))
    return activation, net, out, delta


def lost_digits(name, net, dtype):
    """What may be left, beside the relative tolerance, of a result that is a difference of larger numbers."""
    eps, size = EPS[dtype], np.abs(net)
    lost = {
        "tanh_shrink": 2 * eps * np.minimum(size, 10),  # net − tanh(net) in all three
        "squareplus": 2 * eps * size,  # theirs, net + √(net² + b); ours is exact, see below
        "sparsemax": 4 * eps * size.max(axis=1, keepdims=True),  # theirs: τ has the rounding of the largest
        "log_softmax": eps * size.max(axis=1, keepdims=True),
        "blend": 4 * eps * size,
        "gelu": 4 * eps * size,  # theirs, 1 + erf or 1 + tanh where that is nearly −1
        "mish": 4 * eps,
    }
    # e^-88 and the like, near the smallest normal float32, are 0 for PyTorch and JAX
    return lost.get(name.partition("(")[0], 0) + np.finfo(dtype).tiny * np.maximum(size * 2, 1)


def hold(ours, theirs, dtype, absolute):
    """As `agree`, with an absolute tolerance for each element."""
    excess = np.abs(ours - theirs) - absolute
    excess[ours == theirs] = 0
    agree(np.where(excess <= 0, theirs, ours), theirs, dtype)


def comparable(name, peer, net):
    """Rows in which Keras's sparsemax is right: one output is above 0, and none is at the bend."""
    if (name, peer) != ("sparsemax", "keras"):
        return np.ones(len(net), bool)
    return (net >= net.max(axis=1, keepdims=True) - 1).sum(axis=1) == 1


@pytest.mark.parametrize(("dtype", "peer", "name"), EVERY_ACTIVATION)
def test_activation(dtype, peer, name):
    # At net = 20.5 PyTorch's softplus is the net itself and 1.2e-9 off, within the tolerance.
    theirs = np.array(GOLDEN[dtype][peer][name]["out"], dtype)
    _, net, out, _ = computed(name, np.dtype(dtype).type, len(theirs))
    absolute = np.broadcast_to(lost_digits(name, net, dtype), net.shape)[:, : out.shape[1]]
    rows = comparable(name, peer, net)
    hold(out[rows], theirs[rows], dtype, absolute[rows])


@pytest.mark.parametrize(("dtype", "peer", "name"), EVERY_ACTIVATION)
def test_delta_of_an_activation(dtype, peer, name):
    # 1 − out has lost its digits where out is nearly 1, hence the absolute tolerance
    theirs = np.array(GOLDEN[dtype][peer][name]["delta"], dtype)
    _, net, _, delta = computed(name, np.dtype(dtype).type, len(theirs))
    skip = np.isin(net, BENDS.get(name.partition("(")[0], []))
    if peer == "torch" and name in ("softplus", "mish"):  # above 20 theirs is as if e^-net were 0: 1.2e-9 off
        skip |= net > 20
    if peer == "torch" and name == "hard_sigmoid":  # its 1/6 is that of float32
        theirs *= np.array(1 / 6, dtype) / np.float32(1 / 6)
    delta[skip] = theirs[skip] = 0
    rows = comparable(name, peer, net)
    absolute = 8 * EPS[dtype]
    if name == "gelu(approximate=True)":  # Keras's 1 − tanh² at net = −7.3, near 0, times net³
        absolute = max(absolute, 4e-14)
    agree(delta[rows], theirs[rows], dtype, absolute)


@both_types
@pytest.mark.parametrize("name", ["prelu", "blend"])
def test_gradient_of_alpha(name, dtype):
    theirs = GOLDEN[dtype]["dalpha"][name]
    activation, *_ = computed(name, np.dtype(dtype).type, len(GOLDEN[dtype]["torch"][name]["out"]))
    agree(activation.dalpha, theirs, dtype)


@both_types
def test_squareplus_keeps_its_digits_where_keras_loses_them(dtype):
    net = np.array([-1e3, -1e4], dtype)
    np.testing.assert_allclose(activations.squareplus(net), [1e-3, 1e-4], rtol=2e-6)
