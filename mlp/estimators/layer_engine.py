"""The engine of what scikit-learn does not have: any layers, activations and losses of the library."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlp.arrays import Array, Workspace
from mlp.layers import Dense, Layer, stack
from mlp.layers.propagation import backward, forward
from mlp.losses import Loss
from mlp.model import Model
from mlp.optimizers import Optimizer
from mlp.regularizers import L1L2


class LibraryLoss:
    """A loss of `mlp.losses` in the form of those in `mlp.estimators.arithmetic`.

    Parameters
    ----------
    loss : Loss
        Paired with the last layer.
    last : Layer
    targets : callable
        Brings an estimator's targets to the form that `Loss.as_target` returns.
    factor : float, default 1.0
        How many times the estimator's own loss this one is; it is divided by it.
    """

    def __init__(
        self, loss: Loss, last: Layer, targets: Callable[[Array, Loss], Array], factor: float = 1.0
    ) -> None:
        self.loss, self.last, self.targets, self.factor = loss, last, targets, factor
        self.share = np.array(1 / factor, last.dtype)

    def value(self, out: Array, T: Array, weight: Array | None, scratch: Array) -> float:
        """The mean of the loss, with the weights, of outputs that the last layer has just put out."""
        if len(out) != self.loss.rows:
            self.loss.allocate(len(out))
        self.encoded = self.loss.encode(self.targets(T, self.loss))
        last, share = self.last, self.share if weight is None else weight
        total = len(out) if weight is None else weight.sum() * self.factor
        return float(self.loss.total(last.activation, last.net, out, self.encoded, share) / total)

    def spread(self, T: Array, room: Array) -> Array:
        """The targets as they are: `value` has encoded them."""
        return T

    def delta(self, out: Array, T: Array, delta: Array) -> Array:
        """The output delta of what `value` has just seen, without weights and not divided by their sum."""
        return self.loss.delta(self.last.activation, self.last.net, out, self.encoded, self.share, delta)


class LayerEngine:
    """Loss and gradient of a batch, by the loops of `mlp.layers.propagation`.

    Parameters
    ----------
    model : Model
        Built.
    loss : LibraryLoss, or one of `mlp.estimators.arithmetic`
    alpha : float
        Strength of the penalty ½ α Σ W² / Σ_n w_n.
    l1 : float
        Strength of the penalty l1 Σ |W| / Σ_n w_n.

    Attributes
    ----------
    data_total : float or None
        As of an `ExactEngine`, for both penalties.
    """

    data_total: float | None = None

    def __init__(self, model: Model, loss: Any, alpha: float, l1: float) -> None:
        self.layers, self.parameters, self.loss = model.layers, model.parameters, loss
        stack.connect(self.layers)
        first = next(k for k, layer in enumerate(self.layers) if layer.is_learning())
        self.learning = self.layers[first:]
        self.penalty = L1L2(l1, 0.5 * alpha)
        dense = [layer for layer in self.layers if isinstance(layer, Dense) and (alpha or l1)]
        self.penalised = [(layer.W, layer.dW, np.empty_like(layer.W)) for layer in dense]
        self.workspace = Workspace()
        self.lock = model.lock

    def judge(self, X: Any, T: Array, weight: Array | None) -> tuple[Array, float]:
        """Outputs for an array or a sparse matrix, and their loss without the penalties."""
        X = np.ascontiguousarray(X.toarray() if hasattr(X, "toarray") else X)
        with self.lock:
            out = forward(self.layers, X)
            return out.copy(), self.loss.value(out, T, weight, np.empty_like(out))

    def descend(self, X: Any, T: Array, weight: Array | None, size: int, rule: Optimizer) -> list[float]:
        """Make a step with each batch of some rows; parameters and result as in `ExactEngine.descend`."""
        losses = []
        for start in range(0, len(T), size):
            batch = slice(start, start + size)
            of_rows = None if weight is None else weight[batch]
            losses.append(self.gradient(X if size >= len(T) else X[batch], T[batch], of_rows))
            rule.step()
        return losses

    def value(self, out: Array, T: Array, weight: Array | None) -> float:
        """The loss of outputs, with the penalties."""
        loss: float = self.loss.value(out, T, weight, self._like(out, "scratch"))
        total = self.data_total
        if total is None:
            total = len(out) if weight is None else float(weight.sum())
        return loss + sum(self.penalty(W) for W, _, _ in self.penalised) / total

    def gradient(self, X: Any, T: Array, weight: Array | None) -> float:
        """Forward, loss, backward: fill the vector of gradients and return the loss.

        Parameters as in `ExactEngine.descend`.
        """
        X = X if isinstance(X, np.ndarray) else X.dense()
        with self.lock:
            out = forward(self.layers, X, training=True)
            value = self.value(out, T, weight)
            targets = self.loss.spread(T, self._like(out, "scratch"))
            delta = self.loss.delta(out, targets, self._like(self.layers[-1].net, "delta"))
            if weight is not None:
                delta = np.multiply(delta, weight[:, None], delta)
            backward(self.learning, delta)
        total = len(out) if weight is None else weight.sum()
        for W, dW, room in self.penalised:
            penalty = self.penalty.gradient(W, room)
            if self.data_total is not None:
                penalty *= total / self.data_total
            dW += penalty
        gradients = self.parameters.gradients
        np.divide(gradients, total, gradients)
        return value

    def _like(self, array: Array, name: str) -> Array:
        shapes = {"delta": self.layers[-1].net.shape[1:], "scratch": self.layers[-1].output_shape}
        return self.workspace.lend(len(array), shapes, array.dtype)[name]
