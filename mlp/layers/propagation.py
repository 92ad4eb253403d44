"""Propagation: the loop over the layers forward, and the loop back.

This is the whole of backpropagation. What happens in a layer stands in the layer.
"""

from collections.abc import Sequence

from mlp.arrays import Array
from mlp.layers.base import Layer


def forward(layers: Sequence[Layer], X: Array, training: bool = False) -> Array:
    """The output of the last layer."""
    out = X
    for layer in layers:
        out = layer.forward(out, training)
    return out


def backward(layers: Sequence[Layer], delta: Array) -> Array:
    """Carry the output delta back through the layers; each sets the gradients of its parameters.

    It ends where nothing below learns.

    Parameters
    ----------
    delta : Array
        ∂L/∂net of the last of the layers.

    Returns
    -------
    Array
        grad = ∂L/∂X, where X is the input of the first.
    """
    above = layers[-1]
    grad = above.backward(delta)
    for layer in reversed(layers[:-1]):
        if not above.passes_grad:
            break
        grad = layer.backward(layer.delta(grad))
        above = layer
    return grad
