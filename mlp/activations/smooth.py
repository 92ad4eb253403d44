"""Smooth functions without an upper bound, or without any: softplus, sine and relatives."""

import numpy as np

from mlp.activations.base import Activation
from mlp.activations.ramps import ramp
from mlp.activations.sigmoids import log_one_plus
from mlp.arrays import Array
from mlp.elementary import absolute, clip, cos, exp, expm1, log1p, maximum, sin, sqrt
from mlp.naming import require_in


class Softplus(Activation):
    """f(net) = ln(1 + e^net), slope sigmoid(net) = 1 − e^(−out): a smooth ReLU."""

    scratch: Array

    def f(self, net: Array, out: Array) -> Array:
        log_one_plus(net, self.scratch)  # ln(1 + e^net) = max(net, 0) + ln(1 + e^(−|net|))
        np.maximum(net, self.zero, out=out)
        return np.add(out, self.scratch, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.negative(out, slope)
        np.expm1(slope, slope)
        return np.negative(slope, slope)

    @staticmethod
    def scalar_f(net: float) -> float:
        """f(net)."""
        return maximum(net, 0.0) + log1p(exp(-absolute(net)))

    @staticmethod
    def scalar_slope(net: float, out: float) -> float:
        """f'(net)."""
        return -expm1(-out)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"scratch": (units,)}


class Squareplus(Activation):
    """f(net) = (net + r)/2 with r = √(net² + b), slope out/r: a smooth ReLU without e.

    Parameters
    ----------
    b : float in (0, inf), default 4
        How wide the bend is; f(0) = √b/2.

    Notes
    -----
    Computed as max(net, 0) + (b/2) / (|net| + r). The plain formula, Keras's, subtracts nearly
    equal numbers below 0: at net = −1000 in float32 it gives 0, not 0.001.

    References
    ----------
    J. T. Barron, "Squareplus: a softplus-like algebraic rectifier" (2021).
    """

    width: Array
    half_width: Array
    scratch: Array

    def __init__(self, b: float = 4.0) -> None:
        require_in("(0, inf)", "b", b)
        self.b = b

    def f(self, net: Array, out: Array) -> Array:
        np.multiply(net, net, out)
        out += self.width
        np.sqrt(out, out)
        np.absolute(net, self.scratch)
        out += self.scratch
        np.divide(self.half_width, out, out)
        np.maximum(net, self.zero, out=self.scratch)
        return np.add(out, self.scratch, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.add(out, out, slope)
        slope -= net  # r = 2·out − net
        return np.divide(out, slope, slope)

    @staticmethod
    def scalar_f(net: float, width: float, half_width: float) -> float:
        """f(net)."""
        root = sqrt(net * net + width)
        return maximum(net, 0.0) + half_width / (absolute(net) + root)

    @staticmethod
    def scalar_slope(net: float, out: float) -> float:
        """f'(net)."""
        return out / (out + out - net)

    def constants(self) -> dict[str, float]:
        return {"width": self.b, "half_width": self.b / 2}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"scratch": (units,)}


class SparsePlus(Activation):
    """f(net) = 0 up to −1, (net + 1)²/4 up to 1, then net; slope (net + 1)/2 held in [0, 1].

    Notes
    -----
    Computed as max(net, s²), where the slope s is the `SparseSigmoid`.

    References
    ----------
    M. Blondel, A. F. T. Martins and V. Niculae, "Learning classifiers with Fenchel-Young
    losses" (2019).
    """

    reach: Array
    width: Array
    steepness: Array

    def f(self, net: Array, out: Array) -> Array:
        ramp(self, net, out)
        out *= out
        return np.maximum(net, out, out=out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        return ramp(self, net, slope)

    @staticmethod
    def scalar_f(net: float, reach: float, width: float, steepness: float) -> float:
        """f(net)."""
        rise = clip(net + reach, 0.0, width) * steepness
        return maximum(net, rise * rise)

    @staticmethod
    def scalar_slope(net: float, out: float, reach: float, width: float, steepness: float) -> float:
        """f'(net)."""
        return clip(net + reach, 0.0, width) * steepness

    def constants(self) -> dict[str, float]:
        return {"reach": 1, "width": 2, "steepness": 1 / 2}


class Exponential(Activation):
    """f(net) = e^net, slope out; infinite where e^net is too large for the type, as in Keras."""

    @np.errstate(over="ignore")
    def f(self, net: Array, out: Array) -> Array:
        return np.exp(net, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.copyto(slope, out)
        return slope

    def delta(self, grad: Array, net: Array, out: Array, delta: Array) -> Array:
        return np.multiply(grad, out, delta)

    @staticmethod
    def scalar_f(net: float) -> float:
        """f(net)."""
        return exp(net)

    @staticmethod
    def scalar_slope(net: float, out: float) -> float:
        """f'(net)."""
        return out


class Gaussian(Activation):
    """f(net) = e^(−net²), slope −2·net·out: the bell of a radial basis function."""

    minus_two: Array

    def f(self, net: Array, out: Array) -> Array:
        np.multiply(net, net, out)
        np.negative(out, out)
        return np.exp(out, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.multiply(net, out, slope)
        return np.multiply(slope, self.minus_two, slope)

    @staticmethod
    def scalar_f(net: float) -> float:
        """f(net)."""
        return exp(-net * net)

    @staticmethod
    def scalar_slope(net: float, out: float, minus_two: float) -> float:
        """f'(net)."""
        return minus_two * net * out

    def constants(self) -> dict[str, float]:
        return {"minus_two": -2}


class Sine(Activation):
    """f(net) = sin(ω·net), slope ω·cos(ω·net).

    Parameters
    ----------
    frequency : float in (0, inf), default 1
        ω; 30 in the paper's first layer.

    References
    ----------
    V. Sitzmann et al., "Implicit neural representations with periodic activation functions" (2020).
    """

    omega: Array

    def __init__(self, frequency: float = 1.0) -> None:
        require_in("(0, inf)", "frequency", frequency)
        self.frequency = frequency

    def f(self, net: Array, out: Array) -> Array:
        if self.frequency == 1:
            return np.sin(net, out)
        return np.sin(np.multiply(net, self.omega, out), out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        if self.frequency == 1:
            return np.cos(net, slope)
        np.cos(np.multiply(net, self.omega, slope), slope)
        return np.multiply(slope, self.omega, slope)

    @staticmethod
    def scalar_f(net: float, omega: float) -> float:
        """f(net)."""
        return sin(omega * net)

    @staticmethod
    def scalar_slope(net: float, out: float, omega: float) -> float:
        """f'(net)."""
        return omega * cos(omega * net)

    def constants(self) -> dict[str, float]:
        return {"omega": self.frequency}
