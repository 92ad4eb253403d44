"""Activation functions: f and its slope side by side.

A layer computes ``out = f(net)`` on the way up. On the way down it receives
``grad = ∂L/∂out`` and turns it into ``delta = ∂L/∂net = f'(net) ∘ grad``. An activation of
your own derives from `Activation` and writes two methods, `f` and `slope`; each fills the
array that it is handed last and returns it, so that training allocates nothing.
"""

import copy
from typing import Any

import numpy as np

from mlp.arrays import Array, Mask, Workspace
from mlp.errors import ArgumentError
from mlp.naming import Catalogue, Part, require_in

# Scalars as arrays of rank zero: NumPy converts a Python number at every call, which costs
# 0.3 to 0.7 µs of the 1 µs that an operation on a small batch takes. For the same reason the
# array that receives a result is passed by position.
CONSTANTS = {np.dtype(t): (np.zeros((), t), np.ones((), t)) for t in (np.float32, np.float64)}


class Activation(Part):
    """Base of activation functions.

    Attributes
    ----------
    probabilities : bool
        Whether f lies between 0 and 1 and can be read as a probability, which cross-entropies ask.

    Examples
    --------
    >>> Sigmoid()(np.array([-1e4, 0.0, 1e4]))
    array([0. , 0.5, 1. ])
    """

    probabilities = False
    zero, one = CONSTANTS[np.dtype(np.float64)]
    mask: Array

    def f(self, net: Array, out: Array) -> Array:
        """Write f(net), shape (n, o), into `out`."""
        raise NotImplementedError

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        """Write f'(net) into `slope`; `out` is what f wrote."""
        raise NotImplementedError

    def delta(self, grad: Array, net: Array, out: Array, delta: Array) -> Array:
        """Write ``delta = f'(net) ∘ grad`` into `delta`: the backpropagated error."""
        self.slope(net, out, delta)
        return np.multiply(delta, grad, delta)

    def build(self, units: int, dtype: np.dtype[Any]) -> dict[str, Array]:
        """Prepare for that many units; return what is learned: initial values by attribute name."""
        return {}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        """Working memory by attribute name: the shape of one row. The layer provides it."""
        return {}

    def set_dtype(self, dtype: np.dtype[Any]) -> None:
        """Take 0 and 1 from the arrays of that type."""
        self.zero, self.one = CONSTANTS[dtype]

    def attach(self, units: int, dtype: np.dtype[Any], rows: int = 1) -> None:
        """Give the function memory of its own, where it is used without a layer."""
        self.set_dtype(dtype)
        for name, value in self.build(units, dtype).items():
            learned = getattr(self, name, value)
            setattr(self, name, (learned if learned.shape == value.shape else value).astype(dtype))
        for name, buffer in Workspace().lend(rows, self.buffers(units), dtype).items():
            setattr(self, name, buffer)

    def __getstate__(self) -> dict[str, Any]:
        scratch = self.buffers(1)
        return {name: value for name, value in self.__dict__.items() if name not in scratch}

    def __call__(self, net: Any) -> Array:
        """F of any array, into a new one; the last axis holds the units."""
        net = np.asarray(net)
        net = net if net.dtype in CONSTANTS else net.astype(np.float64)
        units = net.shape[-1] if net.ndim else 1
        rows = net.reshape(net.size // max(units, 1), units)
        alone = copy.copy(self)  # so that a layer's memory is not touched
        alone.attach(units, net.dtype, len(rows))
        return alone.f(rows, np.empty_like(rows)).reshape(net.shape)


def compare(comparison: np.ufunc, net: Array, mask: Array, into: Array) -> Array:
    """Write 1 where net is above 0 (or what the comparison says), else 0.

    By way of a boolean buffer: straight into floats NumPy would allocate 32 kB to convert.
    """
    comparison(net, CONSTANTS[net.dtype][0], mask)
    np.copyto(into, mask)
    return into


class Linear(Activation):
    """f(net) = net, slope 1."""

    def f(self, net: Array, out: Array) -> Array:
        np.copyto(out, net)
        return out

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        slope.fill(1)
        return slope

    def delta(self, grad: Array, net: Array, out: Array, delta: Array) -> Array:
        np.copyto(delta, grad)
        return delta


class Sigmoid(Activation):
    """f(net) = 1 / (1 + e^(−net)), slope out·(1 − out). Also called the logistic function."""

    probabilities = True

    @np.errstate(over="ignore")  # e^10000 = inf, and 1 / (1 + inf) is the exact 0
    def f(self, net: Array, out: Array) -> Array:
        np.negative(net, out)
        np.exp(out, out)
        out += self.one
        return np.reciprocal(out, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.subtract(self.one, out, slope)
        return np.multiply(slope, out, slope)


class Tanh(Activation):
    """f(net) = tanh(net), slope 1 − out²."""

    def f(self, net: Array, out: Array) -> Array:
        return np.tanh(net, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.multiply(out, out, slope)
        return np.subtract(self.one, slope, slope)


class ReLU(Activation):
    """f(net) = max(net, 0), slope 1 above 0 and 0 elsewhere, at 0 too; Nair and Hinton (2010)."""

    def f(self, net: Array, out: Array) -> Array:
        return np.maximum(net, self.zero, out=out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.greater(net, self.zero, self.mask)
        np.copyto(slope, self.mask)  # see `compare`
        return slope

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,))}


class LeakyReLU(Activation):
    """f(net) = net above 0, and `negative_slope` times net below; slope at 0 as below.

    Parameters
    ----------
    negative_slope : float, default 0.2
        Keras 3's value for the function (0.3 in its layer, 0.01 in Maas et al., 2013).
    """

    def __init__(self, negative_slope: float = 0.2) -> None:
        require_in("[0, inf)", "negative_slope", negative_slope)
        self.negative_slope = negative_slope

    def f(self, net: Array, out: Array) -> Array:
        np.multiply(net, self.negative_slope, out)
        larger = np.maximum if self.negative_slope <= 1 else np.minimum
        return larger(net, out, out=out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        compare(np.greater, net, self.mask, slope)
        slope *= 1 - self.negative_slope
        slope += self.negative_slope
        return slope

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,))}


class PReLU(Activation):
    """f(net) = net above 0, α·net below; α is learned, one for each unit. He et al. (2015).

    Parameters
    ----------
    alpha_initial : float, default 0.25
        Where every α begins; 0.25 is the paper's value (Keras's layer begins at 0).

    Notes
    -----
    ∂L/∂α = Σ_n grad ∘ min(net, 0), summed over the rows of the batch.
    """

    alpha: Array
    dalpha: Array
    above: Array

    def __init__(self, alpha_initial: float = 0.25) -> None:
        require_in("(-inf, inf)", "alpha_initial", alpha_initial)
        self.alpha_initial = alpha_initial

    def build(self, units: int, dtype: np.dtype[Any]) -> dict[str, Array]:
        return {"alpha": np.full(units, self.alpha_initial)}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"above": (units,), "mask": Mask((units,))}

    def f(self, net: Array, out: Array) -> Array:
        np.minimum(net, self.zero, out=out)
        out *= self.alpha
        out += np.maximum(net, self.zero, out=self.above)
        return out

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        compare(np.less_equal, net, self.mask, slope)
        slope *= self.alpha
        slope += compare(np.greater, net, self.mask, self.above)
        return slope

    def delta(self, grad: Array, net: Array, out: Array, delta: Array) -> Array:
        np.minimum(net, self.zero, out=delta)
        delta *= grad
        np.add.reduce(delta, axis=0, out=self.dalpha)
        self.slope(net, out, delta)
        return np.multiply(delta, grad, delta)


class Softplus(Activation):
    """f(net) = ln(1 + e^net), slope sigmoid(net) = 1 − e^(−out): a smooth ReLU."""

    def f(self, net: Array, out: Array) -> Array:
        return np.logaddexp(net, self.zero, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.negative(out, slope)
        np.expm1(slope, slope)
        return np.negative(slope, slope)


class Softmax(Activation):
    """f(net)_k = e^net_k / Σ_j e^net_j: probabilities of classes, each row sums to 1.

    Notes
    -----
    The largest net of a row is subtracted first, which changes nothing and avoids overflow.
    The units of a row depend on each other, so the slope is a matrix for each row,
    J_jk = out_j (δ_jk − out_k), and ``delta = out ∘ (grad − Σ_k grad_k out_k)``.
    """

    probabilities = True
    peak: Array
    shifted: Array
    total: Array
    common: Array

    def f(self, net: Array, out: Array) -> Array:
        np.maximum.reduce(net, axis=1, out=self.peak, keepdims=True)
        np.subtract(net, self.peak, self.shifted)
        np.exp(self.shifted, out)
        out.dot(self.ones, self.total)
        return np.divide(out, self.total, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        """The diagonal of the Jacobian, out·(1 − out): how each unit answers to its own net."""
        np.subtract(self.one, out, slope)
        return np.multiply(slope, out, slope)

    def delta(self, grad: Array, net: Array, out: Array, delta: Array) -> Array:
        np.multiply(grad, out, delta)
        common = delta.dot(self.ones, self.common)
        np.subtract(grad, common, delta)
        return np.multiply(delta, out, delta)

    def log_total(self) -> Array:
        """Ln Σ_k e^(net_k − peak), shape (n,), of the net that `f` saw last.

        With it ``ln out = shifted − log_total`` is finite also where `out` itself underflows to 0.
        """
        return np.log(self.total, self.common)[:, 0]

    def build(self, units: int, dtype: np.dtype[Any]) -> dict[str, Array]:
        self.ones = np.ones((units, 1), dtype)
        return {}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"peak": (1,), "total": (1,), "common": (1,), "shifted": (units,)}


class Threshold(Activation):
    """f(net) = 1 where net ≥ 0, else 0: the perceptron's unit.

    Notes
    -----
    Its true slope is 0 everywhere, so nothing could be learned. Backward it counts as the
    identity, slope 1: the straight-through convention (Bengio et al., 2013), with which
    the delta rule becomes the perceptron's learning rule (Rosenblatt, 1958).
    """

    def f(self, net: Array, out: Array) -> Array:
        return compare(np.greater_equal, net, self.mask, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        slope.fill(1)
        return slope

    def delta(self, grad: Array, net: Array, out: Array, delta: Array) -> Array:
        np.copyto(delta, grad)
        return delta

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,))}


class Sign(Activation):
    """f(net) = 1 where net ≥ 0, else −1; slope 1 by the convention that `Threshold` explains."""

    def f(self, net: Array, out: Array) -> Array:
        compare(np.greater_equal, net, self.mask, out)
        out *= 2
        out -= self.one
        return out

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        slope.fill(1)
        return slope

    def delta(self, grad: Array, net: Array, out: Array, delta: Array) -> Array:
        np.copyto(delta, grad)
        return delta

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,))}


_CATALOGUE = Catalogue(
    "activation",
    Activation,
    [Linear, Sigmoid, Tanh, ReLU, LeakyReLU, PReLU, Softplus, Softmax, Threshold, Sign],
    aliases={"identity": Linear, "logistic": Sigmoid, "step": Threshold},
)

linear, sigmoid, tanh, relu, leaky_relu = Linear(), Sigmoid(), Tanh(), ReLU(), LeakyReLU()
softplus, softmax, threshold, sign = Softplus(), Softmax(), Threshold(), Sign()


def get(identifier: Any) -> Activation:
    """The activation that a name, class or object stands for; None is linear.

    Raises
    ------
    ArgumentError
        If nothing is meant by it, or if its f does not write into the array that it is given.
    """
    activation: Activation = _CATALOGUE.get("linear" if identifier is None else identifier)
    probe = np.zeros((1, 2), np.float32)
    alone = copy.copy(activation)
    alone.attach(2, probe.dtype)
    if alone.f(probe, out := np.empty_like(probe)) is not out:
        raise ArgumentError(
            f"{type(activation).__name__}.f(net, out) must write its result into `out` and return `out`; "
            "for example: return np.multiply(net, 2, out)"
        )
    return activation
