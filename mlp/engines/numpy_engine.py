"""The reference engine: a step of the delta rule, from a batch to new parameters.

Forward and back go by the two loops of `mlp.layers.propagation`.
"""

import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array, Workspace
from mlp.layers import stack
from mlp.layers.base import Layer
from mlp.layers.propagation import backward, forward
from mlp.losses import Loss
from mlp.optimizers import Optimizer


class NumpyPredictor:
    """Computes outputs with the layers' own methods.

    Parameters
    ----------
    layers : sequence of Layer
        Built.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = layers

    def forward(self, X: Array) -> Array:
        """The output for rows, in working memory."""
        return forward(self.layers, X)


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

    is_compiled = False

    def __init__(
        self, layers: Sequence[Layer], loss: Loss, optimizer: Optimizer, lock: threading.RLock
    ) -> None:
        self.last_good: Any = None  # what single steps go back to
        self.reference = self
        self.layers, self.loss, self.optimizer, self.lock = layers, loss, optimizer, lock
        first = next((k for k, layer in enumerate(layers) if layer.is_learning()), 0)
        self.learning = layers[first:]  # below the first weights nobody needs a gradient
        leaves = [leaf for _, leaf in stack.leaves(layers)]
        self.penalised = [leaf for leaf in leaves if leaf.regularizers or leaf.activity_regularizer]
        self.workspace = Workspace()
        self.measured: set[Any] = set()  # forms of targets that the model's metrics have taken
        self.measures_by_batch = False  # whether one of the metrics looks at a batch as a whole
        self.out = self.delta = np.empty((0, *layers[-1].output_shape), layers[-1].dtype)

    def step(self, X: Array, T: Array, weight: Array) -> float:
        """One step of the delta rule: forward, loss, backward, update. The loss is that before the update.

        There is no update if it is not finite.

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
            if math.isfinite(value):
                self.optimizer.step()
        return value

    def gradient(self, X: Array, T: Array, weight: Array, training: bool = True) -> float:
        """Forward, loss, backward: fill the vector of gradients and return the loss."""
        if len(X) != self.loss.rows:
            self.allocate(len(X))
        last, loss = self.layers[-1], self.loss
        self.out = out = forward(self.layers, X, training)
        value = loss.total(last.activation, last.net, out, T, weight)
        room = getattr(last, "deltas", self.delta)  # where a layer keeps its deltas
        self.delta = loss.delta(last.activation, last.net, out, T, weight, room)
        if last.activity_regularizer is not None:
            self.delta = last.add_activity_delta(self.delta)
        backward(self.learning, self.delta)
        for layer in self.penalised:
            value += layer.penalty() + layer.activity_penalty(len(X))
            layer.add_penalty_gradients()
        return value

    def penalty(self) -> float:
        """What the regularizers of the parameters add to the loss."""
        return sum(layer.penalty() for layer in self.penalised)

    def evaluate(
        self, X: Array, T: Array, weight: Array, rows: int | None = None, training: bool = False
    ) -> float:
        """Forward and loss, as in prediction or as in training; the output stays in `out`.

        Penalties on the parameters are left out, those on activities divided by `rows`, by
        default those of X: so may the values of several batches be added up.
        """
        if len(X) != self.loss.rows:
            self.allocate(len(X))
        last, loss = self.layers[-1], self.loss
        self.out = forward(self.layers, X, training)
        value = loss.total(last.activation, last.net, self.out, T, weight)
        for layer in self.penalised:
            value += layer.activity_penalty(rows or len(X))
        return value

    def allocate(self, rows: int) -> None:
        """Size the buffers of the loss and of the output delta for that many rows."""
        last = self.layers[-1]
        self.loss.allocate(rows)
        self.delta = self.workspace.lend(rows, {"delta": last.output_shape}, last.dtype)["delta"]
