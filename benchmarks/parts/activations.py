"""Activations: forward and backward of the function as a layer of its own."""

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.parts import entries
from benchmarks.parts.entries import DTYPE, Action, Entry, Size, generator, normal
from mlp import activations, layers

# mlp's part; PyTorch's function, from `torch.nn.functional` (or `torch`); Keras's, from `keras.activations`
ROWS: list[tuple[activations.Activation, Callable[[Any], Any] | None, Callable[[Any], Any] | None]] = [
    (activations.Linear(), None, lambda K: K.linear),
    (activations.Sigmoid(), lambda F: F.sigmoid, lambda K: K.sigmoid),
    (activations.HardSigmoid(), lambda F: F.hardsigmoid, lambda K: K.hard_sigmoid),
    (activations.SparseSigmoid(), None, lambda K: K.sparse_sigmoid),
    (activations.LogSigmoid(), lambda F: F.logsigmoid, lambda K: K.log_sigmoid),
    (activations.Tanh(), lambda F: F.tanh, lambda K: K.tanh),
    (activations.HardTanh(), lambda F: F.hardtanh, lambda K: K.hard_tanh),
    (activations.LecunTanh(), None, None),
    (activations.Softsign(), lambda F: F.softsign, lambda K: K.softsign),
    (activations.Elliott(), None, None),
    (activations.LogLog(), None, None),
    (activations.ComplementaryLogLog(), None, None),
    (activations.ReLU(), lambda F: F.relu, lambda K: K.relu),
    (
        activations.LeakyReLU(),
        lambda F: partial(F.leaky_relu, negative_slope=0.2),
        lambda K: partial(K.leaky_relu, negative_slope=0.2),
    ),
    (activations.ReLU6(), lambda F: F.relu6, lambda K: K.relu6),
    (
        activations.GeneralReLU(0.1, 6, 0.5),
        None,
        lambda K: partial(K.relu, negative_slope=0.1, max_value=6, threshold=0.5),
    ),
    (activations.ELU(), lambda F: F.elu, lambda K: K.elu),
    (activations.SELU(), lambda F: F.selu, lambda K: K.selu),
    (activations.CELU(), lambda F: F.celu, lambda K: K.celu),
    (activations.Softplus(), lambda F: F.softplus, lambda K: K.softplus),
    (activations.Squareplus(), None, lambda K: K.squareplus),
    (activations.SparsePlus(), None, lambda K: K.sparse_plus),
    (activations.SiLU(), lambda F: F.silu, lambda K: K.silu),
    (activations.HardSiLU(), lambda F: F.hardswish, lambda K: K.hard_silu),
    (activations.GELU(), lambda F: F.gelu, lambda K: partial(K.gelu, approximate=False)),
    (
        activations.GELU(True),
        lambda F: partial(F.gelu, approximate="tanh"),
        lambda K: partial(K.gelu, approximate=True),
    ),
    (activations.Mish(), lambda F: F.mish, lambda K: K.mish),
    (activations.Exponential(), lambda F: entries.load_torch().exp, lambda K: K.exponential),
    (activations.Gaussian(), None, None),
    (activations.Sine(), lambda F: entries.load_torch().sin, None),
    (activations.Softmax(), lambda F: partial(F.softmax, dim=1), lambda K: K.softmax),
    (activations.LogSoftmax(), lambda F: partial(F.log_softmax, dim=1), lambda K: K.log_softmax),
    (activations.Sparsemax(), None, lambda K: K.sparsemax),
    (activations.Threshold(), None, None),
    (activations.Sign(), None, None),
    (
        activations.ThresholdedLinear(0.5, -1),
        lambda F: partial(F.threshold, threshold=0.5, value=-1),
        lambda K: partial(K.threshold, threshold=0.5, default_value=-1),
    ),
    (activations.HardShrink(), lambda F: F.hardshrink, lambda K: K.hard_shrink),
    (activations.SoftShrink(), lambda F: F.softshrink, lambda K: K.soft_shrink),
    (activations.TanhShrink(), lambda F: F.tanhshrink, lambda K: K.tanh_shrink),
    (activations.PReLU(), None, None),  # the peers have it as a layer
    (activations.Blend("tanh"), None, None),
    (activations.GLU(), lambda F: F.glu, lambda K: K.glu),
    (activations.Maxout(), None, None),
]


def prepare(activation: activations.Activation, size: Size) -> Action:
    """Forward and delta of `layers.Activation`."""
    layer = layers.Activation(activation)
    layer.build((size.columns,), generator(), DTYPE)
    X, grad = normal(0, *size), normal(1, size.rows, *layer.output_shape)

    def action() -> tuple[Any, Any]:
        out = layer.forward(X, training=True)
        return out, layer.delta(grad)

    return action


def prepare_torch(activation: activations.Activation, named: Callable[[Any], Any], size: Size) -> Action:
    """Forward and backward of the function."""
    torch = entries.load_torch()
    X, outputs = entries.torch_tensor(normal(0, *size), learned=True), activation.outputs(size.columns)
    return entries.torch_passes(named(torch.nn.functional), X, normal(1, size.rows, outputs))


def prepare_keras(activation: activations.Activation, named: Callable[[Any], Any], size: Size) -> Action:
    """Forward and backward of the function, compiled."""
    _, keras = entries.load_keras()
    outputs = activation.outputs(size.columns)
    return entries.keras_passes(named(keras.activations), normal(0, *size), normal(1, size.rows, outputs))


ENTRIES = [
    Entry(
        type(part),
        entries.label(part),
        partial(prepare, part),
        torch and partial(prepare_torch, part, torch),
        keras and partial(prepare_keras, part, keras),
    )
    for part, torch, keras in ROWS
]
