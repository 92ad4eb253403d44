"""Functions that saturate on both sides: the logistic sigmoid, tanh and their relatives."""

import numpy as np

from mlp.activations.base import Activation
from mlp.arrays import Array
from mlp.elementary import absolute, exp, expm1, log1p, maximum, minimum, sigmoid, tanh


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

    @staticmethod
    def scalar_f(net: float) -> float:
        """f(net)."""
        return sigmoid(net)

    @staticmethod
    def scalar_slope(net: float, out: float) -> float:
        """f'(net)."""
        return out * (1.0 - out)


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

    @staticmethod
    def scalar_f(net: float) -> float:
        """f(net)."""
        return minimum(net, 0.0) - log1p(exp(-absolute(net)))

    @staticmethod
    def scalar_slope(net: float, out: float) -> float:
        """f'(net)."""
        return -expm1(out)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"scratch": (units,)}


class Tanh(Activation):
    """f(net) = tanh(net), slope 1 − out²."""

    def f(self, net: Array, out: Array) -> Array:
        return np.tanh(net, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.multiply(out, out, slope)
        return np.subtract(self.one, slope, slope)

    @staticmethod
    def scalar_f(net: float) -> float:
        """f(net)."""
        return tanh(net)

    @staticmethod
    def scalar_slope(net: float, out: float) -> float:
        """f'(net)."""
        return 1.0 - out * out


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

    @staticmethod
    def scalar_f(net: float, height: float, steepness: float) -> float:
        """f(net)."""
        return height * tanh(steepness * net)

    @staticmethod
    def scalar_slope(net: float, out: float, curvature: float, steepest: float) -> float:
        """f'(net)."""
        return curvature * out * out + steepest

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

    @staticmethod
    def scalar_f(net: float) -> float:
        """f(net)."""
        return net / (1.0 + absolute(net))

    @staticmethod
    def scalar_slope(net: float, out: float) -> float:
        """f'(net)."""
        root = 1.0 / (1.0 + absolute(net))
        return root * root


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

    @staticmethod
    def scalar_f(net: float, half: float) -> float:
        """f(net)."""
        return (maximum(net, 0.0) + half) / (1.0 + absolute(net))

    @staticmethod
    def scalar_slope(net: float, out: float, half: float) -> float:
        """f'(net)."""
        root = 1.0 / (1.0 + absolute(net))
        return half * root * root

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

    @staticmethod
    def scalar_f(net: float) -> float:
        """f(net)."""
        return exp(-exp(-net))

    @staticmethod
    def scalar_slope(net: float, out: float) -> float:
        """f'(net)."""
        return exp(-net - exp(-net))


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

    @staticmethod
    def scalar_f(net: float) -> float:
        """f(net)."""
        return -expm1(-exp(net))

    @staticmethod
    def scalar_slope(net: float, out: float) -> float:
        """f'(net)."""
        return exp(net - exp(net))


def log_one_plus(net: Array, out: Array) -> Array:
    """Write ln(1 + e^(−|net|)); `numpy.logaddexp` gives the same and takes ten times as long."""
    np.absolute(net, out)
    np.negative(out, out)
    np.exp(out, out)
    return np.log1p(out, out)
