"""Functions that saturate on both sides: the logistic sigmoid, tanh and their relatives."""

from typing import Protocol

import numpy as np

from mlp.activations.base import Activation
from mlp.arrays import Array, Mask


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


class HardSigmoid(Activation):
    """f(net) = net/6 + 1/2 held in [0, 1], slope 1/6 for −3 < net < 3, else 0.

    Notes
    -----
    At ±3 the slope is 0, as in PyTorch; in Keras it is 1/12.

    References
    ----------
    M. Courbariaux, Y. Bengio and J.-P. David, "BinaryConnect" (2015), with another slope.
    """

    probabilities = True
    reach: Array
    width: Array
    steepness: Array

    def f(self, net: Array, out: Array) -> Array:
        return ramp(self, net, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        return slope_of_ramp(self, net, slope)

    def constants(self) -> dict[str, float]:
        return {"reach": 3, "width": 6, "steepness": 1 / 6}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,))}


class SparseSigmoid(Activation):
    """f(net) = (net + 1)/2 held in [0, 1], slope 1/2 for −1 < net < 1, else 0, at ±1 too.

    Notes
    -----
    It is the first of two outputs of a `Sparsemax` of (net, 0), and the slope of `SparsePlus`.

    References
    ----------
    M. Blondel, A. F. T. Martins and V. Niculae, "Learning classifiers with Fenchel-Young
    losses" (2019).
    """

    probabilities = True
    reach: Array
    width: Array
    steepness: Array

    def f(self, net: Array, out: Array) -> Array:
        return ramp(self, net, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        return slope_of_ramp(self, net, slope)

    def constants(self) -> dict[str, float]:
        return {"reach": 1, "width": 2, "steepness": 1 / 2}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,))}


class LogSigmoid(Activation):
    """f(net) = ln σ(net) = −ln(1 + e^(−net)), slope σ(−net) = 1 − e^out."""

    scratch: Array

    def f(self, net: Array, out: Array) -> Array:
        log_one_plus(net, self.scratch)  # ln σ(net) = min(net, 0) − ln(1 + e^(−|net|))
        np.minimum(net, self.zero, out=out)
        return np.subtract(out, self.scratch, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.expm1(out, slope)
        return np.negative(slope, slope)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"scratch": (units,)}


class Tanh(Activation):
    """f(net) = tanh(net), slope 1 − out²."""

    def f(self, net: Array, out: Array) -> Array:
        return np.tanh(net, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.multiply(out, out, slope)
        return np.subtract(self.one, slope, slope)


class HardTanh(Activation):
    """f(net) = net held in [−1, 1], slope 1 for −1 ≤ net ≤ 1, else 0; in PyTorch 0 at ±1."""

    minus_one: Array

    def f(self, net: Array, out: Array) -> Array:
        return net.clip(self.minus_one, self.one, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.equal(net, out, self.mask)
        np.copyto(slope, self.mask)
        return slope

    def constants(self) -> dict[str, float]:
        return {"minus_one": -1}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,))}


class LecunTanh(Activation):
    """f(net) = 1.7159 tanh(2/3 net), slope 2/3 (1.7159 − out²/1.7159); f(±1) = ±1.

    References
    ----------
    Y. LeCun, L. Bottou, G. B. Orr and K.-R. Müller, "Efficient BackProp" (1998), section 4.4.
    """

    height: Array
    steepness: Array
    curvature: Array
    steepest: Array

    def f(self, net: Array, out: Array) -> Array:
        np.multiply(net, self.steepness, out)
        np.tanh(out, out)
        return np.multiply(out, self.height, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.multiply(out, out, slope)
        slope *= self.curvature
        return np.add(slope, self.steepest, slope)

    def constants(self) -> dict[str, float]:
        height, steepness = 1.7159, 2 / 3
        return {
            "height": height,
            "steepness": steepness,
            "curvature": -steepness / height,
            "steepest": steepness * height,
        }


class Softsign(Activation):
    """f(net) = net / (1 + |net|), slope 1 / (1 + |net|)²."""

    def f(self, net: Array, out: Array) -> Array:
        np.absolute(net, out)
        out += self.one
        return np.divide(net, out, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.absolute(net, slope)  # not (1 − |out|)², which has lost its digits where |out| is nearly 1
        slope += self.one
        np.reciprocal(slope, slope)
        return np.multiply(slope, slope, slope)


class Elliott(Activation):
    """f(net) = 1/2 + net / (2 + 2|net|), slope 1/2 / (1 + |net|)²: a sigmoid without e.

    References
    ----------
    D. L. Elliott, "A better activation function for artificial neural networks" (1993).
    """

    probabilities = True
    half: Array
    scratch: Array

    def f(self, net: Array, out: Array) -> Array:
        np.absolute(net, self.scratch)  # (max(net, 0) + 1/2) / (1 + |net|), which keeps small digits
        self.scratch += self.one
        np.maximum(net, self.zero, out=out)
        out += self.half
        return np.divide(out, self.scratch, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.absolute(net, slope)
        slope += self.one
        np.reciprocal(slope, slope)
        slope *= slope
        return np.multiply(slope, self.half, slope)

    def constants(self) -> dict[str, float]:
        return {"half": 0.5}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"scratch": (units,)}


class LogLog(Activation):
    """f(net) = e^(−e^(−net)), slope e^(−net − e^(−net)): near 0 at once, near 1 late."""

    probabilities = True

    @np.errstate(over="ignore")  # e^10000 = inf, and e^−inf is the exact 0
    def f(self, net: Array, out: Array) -> Array:
        np.negative(net, out)
        np.exp(out, out)
        np.negative(out, out)
        return np.exp(out, out)

    @np.errstate(over="ignore")
    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.negative(net, slope)
        np.exp(slope, slope)
        slope += net
        np.negative(slope, slope)
        return np.exp(slope, slope)


class ComplementaryLogLog(Activation):
    """f(net) = 1 − e^(−e^net), slope e^(net − e^net): the probability of one event or more.

    Notes
    -----
    Where counts are Poisson with mean e^net, it is the probability that a count is not 0.
    """

    probabilities = True

    @np.errstate(over="ignore")
    def f(self, net: Array, out: Array) -> Array:
        np.exp(net, out)
        np.negative(out, out)
        np.expm1(out, out)
        return np.negative(out, out)

    @np.errstate(over="ignore")
    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.exp(net, slope)
        np.subtract(net, slope, slope)
        return np.exp(slope, slope)


class Ramp(Protocol):
    """An activation with the constants of a line that rises from 0 at −reach to 1 at reach."""

    zero: Array
    mask: Array
    reach: Array
    width: Array
    steepness: Array


def ramp(activation: Ramp, net: Array, out: Array) -> Array:
    """Write (net + reach) / width, held in [0, 1]; width is 2 reach and steepness 1/width."""
    np.add(net, activation.reach, out)
    out.clip(activation.zero, activation.width, out)
    return np.multiply(out, activation.steepness, out)


def slope_of_ramp(activation: Ramp, net: Array, slope: Array) -> Array:
    """Write the steepness where |net| < reach, else 0."""
    np.absolute(net, slope)
    np.less(slope, activation.reach, activation.mask)
    np.copyto(slope, activation.mask)
    return np.multiply(slope, activation.steepness, slope)


def log_one_plus(net: Array, out: Array) -> Array:
    """Write ln(1 + e^(−|net|)); `numpy.logaddexp` gives the same and takes ten times as long."""
    np.absolute(net, out)
    np.negative(out, out)
    np.exp(out, out)
    return np.log1p(out, out)
