"""The reference engine: the loop over the layers forward, and the loop back.

This is the whole of backpropagation. What happens in a layer stands in the layer.
"""

import threading
from collections.abc import Sequence

import numpy as np

from mlp.arrays import Array, Workspace
from mlp.layers.base import Layer
from mlp.losses import Loss
from mlp.optimizers import Optimizer


def forward(layers: Sequence[Layer], X: Array, training: bool = False) -> Array:
    """The output of the last layer."""
    out = X
    for layer in layers:
        out = layer.forward(out, training)
    return out


def backward(layers: Sequence[Layer], delta: Array) -> Array:
    """Carry the output delta back through all layers; each sets the gradients of its parameters."""
    grad = layers[-1].backward(delta)
    for layer in reversed(layers[:-1]):
        grad = layer.backward(layer.delta(grad))
    return grad


class NumpyEngine:
    """Makes steps of the delta rule with a model's layers.

    Parameters
    ----------
    layers : sequence of Layer
        Built, with their parameters in one flat vector.
    loss : Loss
        Paired with the last layer's activation.
    optimizer : Optimizer
        Built on the flat vector.
    lock : threading.RLock
        Held while the layers' working memory is in use, so that threads may share a model.

    Attributes
    ----------
    out : Array of shape (n, o)
        Output of the last batch, in working memory.
    """

    def __init__(
        self, layers: Sequence[Layer], loss: Loss, optimizer: Optimizer, lock: threading.RLock
    ) -> None:
        self.layers, self.loss, self.optimizer, self.lock = layers, loss, optimizer, lock
        first = next((k for k, layer in enumerate(layers) if layer.count_params()), 0)
        self.learning = layers[first:]  # below the first weights nobody needs a gradient
        self.workspace = Workspace()
        self.out = self.delta = np.empty((0, *layers[-1].output_shape), layers[-1].dtype)

    def step(self, X: Array, T: Array, weight: Array) -> float:
        """One step of the delta rule: forward, loss, backward, update. The loss is that before the update.

        Parameters
        ----------
        X : Array of shape (n, ...)
        T : Array of shape (n, o)
            As the loss wants it (`Loss.encode`).
        weight : Array of shape () or (n,)
            Factor of every sample's loss, or of each.
        """
        with self.lock:
            value = self.gradient(X, T, weight)
            self.optimizer.step()
        return value

    def gradient(self, X: Array, T: Array, weight: Array) -> float:
        """Forward, loss, backward: fill the vector of gradients and return the loss."""
        if len(X) != self.loss.rows:
            self.allocate(len(X))
        last, loss = self.layers[-1], self.loss
        self.out = out = forward(self.layers, X, training=True)
        value = loss.total(last.activation, last.net, out, T, weight)
        room = getattr(last, "deltas", self.delta)  # where a layer keeps its deltas
        self.delta = loss.delta(last.activation, last.net, out, T, weight, room)
        backward(self.learning, self.delta)
        return value

    def evaluate(self, X: Array, T: Array, weight: Array) -> float:
        """Forward and loss, without training; the output stays in `out`."""
        if len(X) != self.loss.rows:
            self.allocate(len(X))
        last, loss = self.layers[-1], self.loss
        self.out = forward(self.layers, X)
        return loss.total(last.activation, last.net, self.out, T, weight)

    def allocate(self, rows: int) -> None:
        """Size the buffers of the loss and of the output delta for that many rows."""
        last = self.layers[-1]
        self.loss.allocate(rows)
        self.delta = self.workspace.lend(rows, {"delta": last.output_shape}, last.dtype)["delta"]
