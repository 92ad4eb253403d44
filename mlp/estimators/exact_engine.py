"""The delta rule in scikit-learn's order of operations, so that its weights come out to the last bit.

It is `mlp.layers.propagation` once more, for a stack of `Dense` with scikit-learn's activations
and losses, and fills the same arrays: W, b, dW and db of the layers. What scikit-learn does
not have (dropout, other activations and losses) is `LayerEngine`'s.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from mlp.arrays import Array, Mask, Workspace
from mlp.engines.choice import has_numba
from mlp.estimators import fused
from mlp.estimators.arithmetic import HIDDEN, OUTPUT, SCALAR_DELTAS, relu, softmax
from mlp.estimators.rows import SparseRows
from mlp.layers import Dense
from mlp.optimizers import Optimizer
from mlp.optimizers.blocks import BLOCK
from mlp.parameters import Parameters

# the number of a layer, W, dW, and dW with db: of the layer or of a part that stays in the cache
Piece = tuple[int, Array, Array, Array]


class ExactEngine:
    """Loss and gradient of a batch, bit by bit those of scikit-learn.

    Parameters
    ----------
    layers : sequence of Dense
    parameters : Parameters
        Of these layers.
    activations : sequence of str
        Of each layer, by scikit-learn's names.
    loss : SquaredError, Poisson, LogLoss or BinaryLogLoss
    alpha : float
        Strength of the penalty ½ α Σ W² / Σ_n w_n.

    Attributes
    ----------
    data_total : float or None
        Σ_n w_n of all training rows, for a penalty that is divided by it and not by that of a batch.
    """

    data_total: float | None = None

    def __init__(
        self,
        layers: Sequence[Dense],
        parameters: Parameters,
        activations: Sequence[str],
        loss: Any,
        alpha: float,
    ) -> None:
        self.layers, self.parameters, self.loss, self.alpha = layers, parameters, loss, alpha
        self.dtype = parameters.values.dtype
        self.functions = functions(activations)
        self.hidden = [HIDDEN[name] for name in activations[:-1]]
        self.weights: list[Any] = [(layer.W, layer.b) for layer in layers]
        self.gradients = [(layer.dW, layer.db) for layer in layers]
        self.kernels = [layer.W.reshape(-1) for layer in layers]
        # of rank zero: NumPy converts a number at each call
        self.factor, self.total = np.array(alpha, self.dtype), np.ones((), self.dtype)
        self.pieces = pieces(parameters)
        self.scratch = np.empty(min(BLOCK, parameters.values.size), self.dtype)
        self.fused: fused.FusedUpdate | None = None
        self.worth = fused.Worth(fused.MAKE)
        self.known: dict[int, Between] = {}
        self.rows, self.workspace, self.room = -1, Workspace(), Workspace()

    # over many batches

    def descend(self, X: Any, T: Array, weight: Array | None, size: int, rule: Optimizer) -> list[float]:
        """Make a step with each batch of some rows; return the losses before the steps.

        The losses are computed at the end, of all batches at once.

        Parameters
        ----------
        X : Array of shape (n, i), or SparseRows of one batch
        T : Array of shape (n, k), or (n,) for class numbers
        weight : Array of shape (n,) or None
        size : int
            Rows of a batch; the last may have fewer.
        rule : Optimizer
            Makes the update from the gradients.
        """
        rows, penalties = len(T), []
        if self.fused is None and self.is_worth_fusing(-(-rows // size)):
            self.fuse(rule)
        out, targets, scratch = self.lend(rows, T)
        for start in range(0, rows, size):
            batch = slice(start, start + size)
            X_batch, of_rows = X if size >= rows else X[batch], None if weight is None else weight[batch]
            total = min(size, rows - start) if of_rows is None else of_rows.sum()
            self.forward(X_batch, out[batch])
            penalties.append(self.penalty(total))
            self.backward(X_batch, out[batch], targets[batch], of_rows, total)
            if self.fused is None:
                self.finish(total, isinstance(X, SparseRows))
                rule.step()
            else:
                self.fused(self.share(total))
        whole = rows // size * size if weight is None else 0
        losses = self.loss.values(out[:whole], T[:whole], size, scratch[:whole]).tolist() if whole else []
        for start in range(whole, rows, size):
            batch = slice(start, start + size)
            of_rows = None if weight is None else weight[batch]
            losses.append(self.loss.value(out[batch], T[batch], of_rows, scratch[batch]))
        return [loss + penalty for loss, penalty in zip(losses, penalties, strict=True)]

    # over one

    def gradient(self, X: Any, T: Array, weight: Array | None) -> float:
        """Fill the vector of gradients for a batch and return its loss; parameters as in `descend`."""
        out, targets, scratch = self.lend(len(T), T)
        total = len(T) if weight is None else weight.sum()
        self.forward(X, out)
        self.backward(X, out, targets, weight, total)
        self.finish(total, isinstance(X, SparseRows))
        return float(self.loss.value(out, T, weight, scratch) + self.penalty(total))

    def judge(self, X: Any, T: Array, weight: Array | None) -> tuple[Array, float]:
        """Outputs for an array or a sparse matrix, and their loss without the penalty."""
        out = outputs(self.layers, self.functions, X)
        return out, self.loss.value(out, T, weight, np.empty_like(out))

    def penalty(self, total: float) -> float:
        """½ α Σ W² / Σ_n w_n: with α = 0, too, as it is NaN if Σ W² overflows."""
        squares = 0.0
        for W in self.kernels:
            squares += W.dot(W)
        return 0.5 * self.alpha * squares / (total if self.data_total is None else self.data_total)

    def forward(self, X: Any, last: Array) -> None:
        """Fill the outputs of the hidden layers, and of the last."""
        if X.shape[0] != self.rows:
            self.allocate(X.shape[0])
        out, between = X, self.between
        for (W, _), bend, net in zip(self.weights, between.bends, between.outs, strict=False):
            out.dot(W, net)
            bend()  # net = f(net + b)
            out = net
        W, b = self.weights[-1]
        if between.softmax is not None:
            out.dot(W, between.last)
            between.softmax()
            np.copyto(last, between.last)
            return
        out.dot(W, last)
        np.add(last, b, last)
        self.functions[-1](last)

    def backward(self, X: Any, out: Array, targets: Array, weight: Array | None, total: float) -> None:
        """Carry the delta back, and make the vector of gradients of the loss of all rows, summed up."""
        if self.data_total is not None:  # so that the division by the batch's total leaves α W / data_total
            self.factor.fill(self.alpha * (total / self.data_total))
        between = self.between
        delta = self.loss.delta(out, targets, between.delta)
        if weight is not None:
            np.multiply(delta, weight[:, None], delta)
        for k in range(len(self.layers) - 1, -1, -1):
            below = between.outs[k - 1] if k else X
            dW = self.gradients[k][0]
            if isinstance(below, SparseRows):
                if self.fused is None:
                    np.multiply(self.weights[0][0], self.factor, dW)  # the penalty's part, before `finish`
                else:
                    dW.fill(0)
                below.T.add_dot(delta, dW)
            else:
                below.T.dot(delta, dW)  # dW = Xᵀ delta
            between.sums[k]()  # db = Σ_n delta
            if k:
                delta = delta.dot(self.weights[k][0].T, between.grads[k - 1])  # grad = delta Wᵀ
                between.slopes[k - 1]()  # delta = f'(net) ∘ grad

    def share(self, total: float) -> bool:
        """Set what gradients are divided by, Σ_n w_n, or multiplied by; whether they are divided."""
        power_of_two = total == 1 or math.frexp(total)[0] == 0.5  # a product is exact, in a third of the time
        self.total.fill(1 / total if power_of_two else total)
        return not power_of_two

    def finish(self, total: float, sparse: bool) -> None:
        """Add the gradient of the penalty, α W, and divide by Σ_n w_n; the first layer's W may have it."""
        scale = np.divide if self.share(total) else np.multiply
        for number, W, dW, gradients in self.pieces:
            if self.alpha and len(W) and (number or not sparse):
                penalty = self.scratch[: len(W)]
                np.multiply(W, self.factor, penalty)
                np.add(dW, penalty, dW)
            if total != 1:
                scale(gradients, self.total, gradients)

    # working memory

    def allocate(self, rows: int) -> None:
        """Size the working memory of the layers for a batch of that many rows."""
        self.rows = rows
        shapes: dict[str, tuple[int, ...]] = {}
        for k, layer in enumerate(self.layers[:-1]):
            shapes |= {f"out{k}": (layer.units,), f"grad{k}": (layer.units,)}
            if self.hidden[k] is HIDDEN["relu"]:
                shapes[f"mask{k}"] = Mask((layer.units,))
        lent = self.workspace.lend(
            rows, shapes | dict.fromkeys(("delta", "last"), (self.layers[-1].units,)), self.dtype
        )
        if rows not in self.known or self.known[rows].lent is not lent:
            if len(self.known) > 8:  # as in `Workspace`
                self.known = {}
            self.known[rows] = Between(self, lent)
        self.between = self.known[rows]

    def is_worth_fusing(self, steps: int) -> bool:
        """Whether passes are worth their loading, to the process, and their making, to this engine."""
        size = self.parameters.values.size
        return fused.WORTH.is_reached(steps, size) and self.worth.is_reached(steps, size) and has_numba()

    def fuse(self, rule: Optimizer) -> None:
        """Let compiled passes do what is between the products, with the same bits, if the rule has one."""
        if fused.is_plain(rule):
            self.fused = fused.FusedUpdate(rule, self.parameters, self.factor, self.total, bool(self.alpha))
            self.rows, self.known = -1, {}

    def lend(self, rows: int, T: Array) -> tuple[Array, Array, Array]:
        """Outputs, targets as numbers, and the loss's working memory, which may use up the targets."""
        units = (self.layers[-1].units,)
        lent = self.room.lend(rows, dict.fromkeys(("out", "scratch"), units), self.dtype)
        return lent["out"], self.loss.spread(T, lent["scratch"]), lent["scratch"]


class Between:
    """What is between the products, for batches of one size: working memory, and what is called.

    Parameters
    ----------
    engine : ExactEngine
    lent : dict of str to Array
        Outputs, gradients by them, and masks of the hidden layers, outputs and delta of the last.
    """

    def __init__(self, engine: ExactEngine, lent: dict[str, Array]) -> None:
        self.lent, self.fused, self.last, self.delta = (
            lent,
            engine.fused is not None,
            lent["last"],
            lent["delta"],
        )
        numbers = range(len(engine.layers) - 1)
        self.outs, self.grads = [lent[f"out{k}"] for k in numbers], [lent[f"grad{k}"] for k in numbers]
        self.bends = [self.bend(engine.functions[k], self.outs[k], engine.weights[k][1]) for k in numbers]
        self.slopes = [self.slope(engine, k) for k in numbers]
        deltas = zip([*self.grads, self.delta], engine.gradients, strict=True)
        self.sums = [self.sum_rows(delta, db) for delta, (_, db) in deltas]
        is_softmax = self.fused and engine.functions[-1] is softmax
        self.softmax = fused.softmax(self.last, engine.weights[-1][1]) if is_softmax else None

    def bend(self, function: Callable[[Array], None], net: Array, b: Array) -> Callable[[], None]:
        """What makes net = f(net + b) of a hidden layer, in place."""
        if self.fused and function is relu:
            return fused.bend(net, b)

        def add_and_bend() -> None:
            np.add(net, b, net)
            function(net)

        return add_and_bend

    def slope(self, engine: ExactEngine, k: int) -> Callable[[], None]:
        """What makes delta = f'(net) ∘ grad of a hidden layer, in place of grad."""
        out, grad = self.outs[k], self.grads[k]
        form = SCALAR_DELTAS.get(engine.functions[k])
        if self.fused and form is not None:
            return fused.slope(form, out, grad)
        return partial(engine.hidden[k][1], out, grad, self.lent.get(f"mask{k}"))

    def sum_rows(self, delta: Array, db: Array) -> Callable[[], Any]:
        """What makes db = Σ_n delta. A column alone is summed up by NumPy in an order of its own."""
        if self.fused and len(db) > 1:
            return fused.sum_rows(delta, db)
        if len(delta) > 1:
            return partial(np.add.reduce, delta, axis=0, out=db)
        return partial(np.copyto, db, delta[0])


def pieces(parameters: Parameters) -> list[Piece]:
    """The pieces of each layer.

    On 500,000 parameters that takes 0.65 ms where three passes over the whole take 0.93.
    """
    values, gradients = parameters.values, parameters.gradients
    found: list[Piece] = []
    pairs = zip(parameters.slices[::2], parameters.slices[1::2], strict=True)
    for number, (kernel, bias) in enumerate(pairs):
        for start in range(kernel.start, bias.stop, BLOCK):
            stop = min(start + BLOCK, bias.stop)
            part = slice(start, max(start, min(stop, kernel.stop)))
            found.append((number, values[part], gradients[part], gradients[start:stop]))
    return found


def functions(activations: Sequence[str]) -> list[Callable[[Array], None]]:
    """What is applied to the net of each layer, from the names, that of the output last."""
    return [*(HIDDEN[name][0] for name in activations[:-1]), OUTPUT[activations[-1]]]


def outputs(layers: Sequence[Dense], functions: Sequence[Callable[[Array], None]], X: Any) -> Array:
    """The outputs of a net for an array or a sparse matrix: in new memory, so that threads may share it."""
    out: Array = X
    for layer, function in zip(layers, functions, strict=True):
        out = out @ layer.W
        out += layer.b
        function(out)
    return out
