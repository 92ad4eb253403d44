"""scikit-learn's arithmetic: its activations and losses, operation by operation.

The formulas are those of `mlp.activations` and `mlp.losses`; the order of the operations is
scikit-learn's, so that weights come out the same to the last bit. It matters: L-BFGS, and
columns that are not scaled, make other weights of a difference in the sixteenth digit.

Arrays are changed in place, and results go into working memory, so that nothing is allocated.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit, xlogy

from mlp.activations.base import CONSTANTS
from mlp.arrays import FLOATS, Array
from mlp.elementary import where

# activations: f(net) in place


def identity(net: Array) -> None:
    """Out = net."""


def logistic(net: Array) -> None:
    """Out = 1 / (1 + e^(−net))."""
    expit(net, net)


def tanh(net: Array) -> None:
    """Out = tanh(net)."""
    np.tanh(net, net)


def relu(net: Array) -> None:
    """Out = max(net, 0)."""
    np.maximum(net, CONSTANTS.get(net.dtype, (0,))[0], out=net)  # a prediction may be of long doubles


def exponential(net: Array) -> None:
    """Out = e^net."""
    np.exp(net, net)


def softmax(net: Array) -> None:
    """out_k = e^net_k / Σ_j e^net_j."""
    # a maximum is the same in any order; that of columns takes half the time in larger batches
    peak = np.maximum.reduce(net.T.copy()) if len(net) > 40 else np.maximum.reduce(net, axis=1)
    np.subtract(net, peak[:, None], net)
    np.exp(net, net)
    np.divide(net, np.add.reduce(net, axis=1)[:, None], net)


# and their deltas, f'(net) ∘ grad, in place of grad; `out`, which nobody needs after them, is used up


def identity_delta(out: Array, grad: Array, mask: Array) -> None:
    """Slope 1."""


def logistic_delta(out: Array, grad: Array, mask: Array) -> None:
    """Slope out (1 − out)."""
    np.multiply(grad, out, grad)
    np.subtract(CONSTANTS[out.dtype][1], out, out)
    np.multiply(grad, out, grad)


def tanh_delta(out: Array, grad: Array, mask: Array) -> None:
    """Slope 1 − out²."""
    np.multiply(out, out, out)
    np.subtract(CONSTANTS[out.dtype][1], out, out)
    np.multiply(grad, out, grad)


def relu_delta(out: Array, grad: Array, mask: Array) -> None:
    """Slope 1 where out is above 0."""
    np.greater(out, CONSTANTS[out.dtype][0], mask)
    np.copyto(out, mask)  # a product with numbers takes a seventh of an assignment by mask
    np.multiply(grad, out, grad)


# the same of one number, for compiled passes


def scalar_logistic_delta(out: float, grad: float) -> float:
    """Slope out (1 − out)."""
    return grad * out * (1.0 - out)


def scalar_tanh_delta(out: float, grad: float) -> float:
    """Slope 1 − out²."""
    return grad * (1.0 - out * out)


def scalar_relu_delta(out: float, grad: float) -> float:
    """Slope 1 where out is above 0; times 0 what is not finite becomes NaN."""
    return grad * where(out > 0.0, 1.0, 0.0)


SCALAR_DELTAS: dict[Callable[[Array], None], Callable[[float, float], float]] = {
    logistic: scalar_logistic_delta,
    tanh: scalar_tanh_delta,
    relu: scalar_relu_delta,
}
HIDDEN: dict[str, tuple[Callable[[Array], None], Callable[[Array, Array, Any], None]]] = {
    "identity": (identity, identity_delta),
    "logistic": (logistic, logistic_delta),
    "tanh": (tanh, tanh_delta),
    "relu": (relu, relu_delta),
}
OUTPUT = {"identity": identity, "logistic": logistic, "softmax": softmax, "exp": exponential}


# losses of a batch, each with its own activation of the outputs


class BatchLoss:
    """Base: the loss is made of the means of the columns of some elements, with the weights of the rows.

    It is written for one batch, `value`, and for many of one size at once, `values`.
    """

    activation: str

    def elements(self, out: Array, T: Array, scratch: Array) -> Array:
        """What is averaged over the rows, shape (n, k)."""
        raise NotImplementedError

    def total(self, means: Array) -> Array:
        """L from the means, (k,), or of each batch from (batches, k)."""
        raise NotImplementedError

    def value(self, out: Array, T: Array, weight: Array | None, scratch: Array) -> float:
        """L of a batch."""
        return float(self.total(average(self.elements(out, T, scratch), weight)))

    def values(self, out: Array, T: Array, size: int, scratch: Array) -> Array:
        """L of each batch of that size."""
        elements = self.elements(out, T, scratch)
        k = elements.shape[1]
        batches = elements.reshape(-1, size) if k == 1 else elements.reshape(-1, size, k)
        return self.total((np.add.reduce(batches, axis=1) / size).reshape(-1, k))

    def spread(self, T: Array, room: Array) -> Array:
        """The targets as numbers, one for each output, perhaps in `room`."""
        return T

    def delta(self, out: Array, targets: Array, delta: Array) -> Array:
        """Σ_n w_n ∂L/∂net, without the weights: out − T."""
        return np.subtract(out, targets, delta)


class SquaredError(BatchLoss):
    """L = ½ Σ_n w_n Σ_k (out_nk − t_nk)² / (k Σ_n w_n): the mean over the k outputs, too.

    The delta of scikit-learn, out − T, is k times the derivative of that (its issue 8349, of
    2017). With ``true_gradient=True`` it is the derivative, (out − T) / k.
    """

    activation = "identity"

    def __init__(self, true_gradient: bool = False) -> None:
        self.true_gradient = true_gradient

    def elements(self, out: Array, T: Array, scratch: Array) -> Array:
        np.subtract(T, out, scratch)
        return np.multiply(scratch, scratch, scratch)

    def total(self, means: Array) -> Array:
        return 0.5 * (np.add.reduce(means, axis=-1) / means.shape[-1])

    def delta(self, out: Array, targets: Array, delta: Array) -> Array:
        np.subtract(out, targets, delta)
        return np.divide(delta, delta.shape[1], delta) if self.true_gradient else delta


class Poisson(BatchLoss):
    """L = Σ_n w_n Σ_k (t ln(t / out) − t + out) / Σ_n w_n: half the deviance of counts."""

    activation = "exp"

    def elements(self, out: Array, T: Array, scratch: Array) -> Array:
        np.divide(T, out, scratch)
        xlogy(T, scratch, scratch)
        np.subtract(scratch, T, scratch)
        return np.add(scratch, out, scratch)

    def total(self, means: Array) -> Array:
        return np.add.reduce(means, axis=-1)


class BinaryLogLoss(BatchLoss):
    """L = −Σ_n w_n Σ_k ln p_nk / Σ_n w_n, p the probability of what is true: out, or 1 − out.

    T is boolean. Probabilities are kept in [ε, 1 − ε], ε the smallest step of their type.
    """

    activation = "logistic"

    def elements(self, out: Array, T: Array, scratch: Array) -> Array:
        held, one = clip(out), CONSTANTS[out.dtype][1]
        np.subtract(one, held, scratch)
        np.copyto(scratch, held, where=T)
        return xlogy(one, scratch, scratch)

    def total(self, means: Array) -> Array:
        return -np.add.reduce(means, axis=-1)

    def spread(self, T: Array, room: Array) -> Array:
        np.copyto(room, T)
        return room


class LogLoss(BatchLoss):
    """L = −Σ_n w_n ln out_n,t / Σ_n w_n, t the number of the right class of a row.

    T holds these numbers, shape (n,). Probabilities are kept as in `BinaryLogLoss`. The
    logarithms are summed by class first, as in the mean of a whole matrix, zeros and all.
    """

    activation = "softmax"

    def total(self, means: Array) -> Array:
        return -np.add.reduce(means, axis=-1)

    def value(self, out: Array, T: Array, weight: Array | None, scratch: Array) -> float:
        right = self._logarithms(out, T)
        total: Any = len(out)
        if weight is not None:
            np.multiply(right, weight, right)
            total = total_weight(weight, right)
        return float(self.total(np.bincount(T, right, out.shape[1]) / total))

    def values(self, out: Array, T: Array, size: int, scratch: Array) -> Array:
        rows, k = out.shape
        batch = np.repeat(np.arange(0, rows // size * k, k), size)
        sums = np.bincount(batch + T, self._logarithms(out, T), rows // size * k)
        return self.total(np.divide(sums, size, sums).reshape(-1, k))

    def spread(self, T: Array, room: Array) -> Array:
        room.fill(0)
        room.reshape(-1)[places(T, room.shape[1])] = 1
        return room

    def _logarithms(self, out: Array, T: Array) -> Array:
        right = clip(out.reshape(-1).take(places(T, out.shape[1])))
        return xlogy(CONSTANTS[right.dtype][1], right, right)


def places(T: Array, k: int) -> Array:
    """Where the right classes stand in the flat output."""
    return np.arange(0, len(T) * k, k) + T


# [ε, 1 − ε] as arrays of rank zero
BOUNDS = {
    dtype: (np.array(np.finfo(dtype).eps, dtype), np.array(1 - np.finfo(dtype).eps, dtype))
    for dtype in FLOATS
}


def clip(probability: Array) -> Array:
    """Probabilities in [ε, 1 − ε], as a new array."""
    low, high = BOUNDS[probability.dtype]
    held = np.maximum(probability, low)
    return np.minimum(held, high, out=held)


def average(values: Array, weight: Array | None) -> Array:
    """The mean of each column, shape (k,), with the weights of the rows."""
    if weight is None:
        return np.add.reduce(values) / len(values)
    return np.multiply(values, weight[:, None]).sum(axis=0) / total_weight(weight, values)


def total_weight(weight: Array, values: Array) -> Array:
    """Σ_n w_n, shape (1,), in the wider of the types of the weights and the values.

    Raises
    ------
    ZeroDivisionError
        If it is 0, with the text of `numpy.average`.
    """
    total: Array = weight[:, None].sum(axis=0, dtype=np.result_type(weight, values))
    if total[0] == 0:
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    return total
