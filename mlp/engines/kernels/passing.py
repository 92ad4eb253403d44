"""Layers that pass their input on as it is: Identity, Flatten, Reshape, ActivityRegularization."""

import numpy as np

from mlp.engines.kernels.tape import Operand, Tape
from mlp.layers.base import Layer


def forward(tape: Tape, layer: Layer, X: Operand) -> Operand:
    """``out = X``, its rows in the layer's shape."""
    layer.allocate(tape.rows)
    return X.reshape(tape.rows, *layer.output_shape) if isinstance(X, np.ndarray) else X


def backward(tape: Tape, layer: Layer, delta: Operand) -> Operand:
    """``grad = delta``; a number's place in memory is the same in either shape."""
    return delta
