"""Smooth functions without an upper bound, or without any: softplus, SiLU, GELU and relatives."""

import math

import numpy as np

from mlp.activations.base import Activation
from mlp.activations.normal import ROOT_TWO_PI, upper_tail
from mlp.activations.sigmoids import log_one_plus, ramp
from mlp.arrays import Array, Mask
from mlp.naming import require_bool, require_in


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

    def constants(self) -> dict[str, float]:
        return {"reach": 1, "width": 2, "steepness": 1 / 2}


class SiLU(Activation):
    """f(net) = s·net·σ(net), slope s(σ + net·σ(1 − σ)); also called swish.

    Parameters
    ----------
    scale : float in (0, inf), default 1
        s. With 1.6765 the mean square of a standard normal net is kept.

    References
    ----------
    S. Elfwing, E. Uchibe and K. Doya, "Sigmoid-weighted linear units" (2018).
    P. Ramachandran, B. Zoph and Q. V. Le, "Searching for activation functions" (2017).
    """

    gate: Array
    factor: Array
    inverse: Array

    def __init__(self, scale: float = 1.0) -> None:
        require_in("(0, inf)", "scale", scale)
        self.scale = scale

    @np.errstate(over="ignore")  # as in Sigmoid
    def f(self, net: Array, out: Array) -> Array:
        gate = np.negative(net, self.gate)
        np.exp(gate, gate)
        gate += self.one
        np.divide(self.factor, gate, gate)  # s·σ
        return np.multiply(net, gate, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.subtract(self.factor, self.gate, slope)
        if self.scale != 1:
            slope *= self.inverse
        slope *= out
        return np.add(slope, self.gate, slope)  # s·σ + out·(1 − σ)

    def constants(self) -> dict[str, float]:
        return {"factor": self.scale, "inverse": 1 / self.scale}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"gate": (units,)}


class HardSiLU(Activation):
    """f(net) = net·h with h the `HardSigmoid`; slope h + net/6 for −3 < net < 3, else h.

    References
    ----------
    A. Howard et al., "Searching for MobileNetV3" (2019).
    """

    reach: Array
    width: Array
    steepness: Array
    gate: Array

    def f(self, net: Array, out: Array) -> Array:
        return np.multiply(ramp(self, net, self.gate), net, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.absolute(net, slope)
        np.less(slope, self.reach, self.mask)
        np.copyto(slope, self.mask)
        slope *= net
        slope *= self.steepness
        return np.add(slope, self.gate, slope)

    def constants(self) -> dict[str, float]:
        return {"reach": 3, "width": 6, "steepness": 1 / 6}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,)), "gate": (units,)}


class GELU(Activation):
    """f(net) = net·Φ(net), slope Φ + net·φ, with Φ and φ of the normal distribution.

    Parameters
    ----------
    approximate : bool, default False
        Whether Φ is replaced by σ(2u), u = √(2/π) (net + 0.044715 net³), which is the same as
        the common (1 + tanh u)/2 and keeps its digits where that is nearly 0.

    Notes
    -----
    Exactly, f(net) = max(net, 0) − |net|·Φ(−|net|); see `mlp.activations.normal.upper_tail`.
    The slope is computed as 1/2 ± (1/2 − Φ(−|net|) + |net|·φ), with the sign of net.

    References
    ----------
    D. Hendrycks and K. Gimpel, "Gaussian error linear units" (2016).
    """

    tail: Array
    density: Array
    scratch: Array
    gate: Array
    half: Array
    linear: Array
    cubic: Array
    linear_slope: Array
    cubic_slope: Array
    per_root: Array

    def __init__(self, approximate: bool = False) -> None:
        require_bool("approximate", approximate)
        self.approximate = approximate

    def f(self, net: Array, out: Array) -> Array:
        if self.approximate:
            return self._approximate_f(net, out)
        upper_tail(net, self.tail, self.density, self.scratch)
        np.absolute(net, self.scratch)
        self.scratch *= self.tail
        np.maximum(net, self.zero, out=out)
        return np.subtract(out, self.scratch, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        if self.approximate:
            return self._approximate_slope(net, out, slope)
        np.absolute(net, slope)
        slope *= self.density
        slope *= self.per_root
        slope -= self.tail
        slope += self.half
        np.copysign(slope, net, slope)
        return np.add(slope, self.half, slope)

    @np.errstate(over="ignore")  # as in Sigmoid
    def _approximate_f(self, net: Array, out: Array) -> Array:
        gate = np.multiply(net, net, self.gate)
        gate *= self.cubic
        gate += self.linear
        gate *= net  # −2u
        np.exp(gate, gate)
        gate += self.one
        np.reciprocal(gate, gate)
        return np.multiply(net, gate, out)

    def _approximate_slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.multiply(net, net, slope)
        slope *= self.cubic_slope
        slope += self.linear_slope  # 2 u'
        slope *= out
        np.subtract(self.one, self.gate, self.scratch)
        slope *= self.scratch
        return np.add(slope, self.gate, slope)  # σ + net·σ(1 − σ)·2u'

    def constants(self) -> dict[str, float]:
        linear = 2 * math.sqrt(2 / math.pi)
        cubic = 0.044715 * linear
        root = {"half": 0.5, "per_root": 1 / ROOT_TWO_PI}
        bent = {"linear": -linear, "cubic": -cubic, "linear_slope": linear, "cubic_slope": 3 * cubic}
        return bent if self.approximate else root

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        names = ("gate", "scratch") if self.approximate else ("tail", "density", "scratch")
        return dict.fromkeys(names, (units,))


class Mish(Activation):
    """f(net) = s·net·tanh(ln(1 + e^net)), slope f/net + s·net·4e(e + 1)/(e² + 2e + 2)², e = e^net.

    Parameters
    ----------
    scale : float in (0, inf), default 1
        s. With 1.6 the variance of a standard normal net is about kept (the mean square with 1.4868).

    Notes
    -----
    tanh(ln(1 + e)) = (e² + 2e) / (e² + 2e + 2), where e^net is held below 1e17: there it is 1.

    References
    ----------
    D. Misra, "Mish: a self regularized non-monotonic activation function" (2020).
    """

    two: Array
    bound: Array
    factor: Array
    power: Array
    gate: Array
    inverse: Array

    def __init__(self, scale: float = 1.0) -> None:
        require_in("(0, inf)", "scale", scale)
        self.scale = scale

    def f(self, net: Array, out: Array) -> Array:
        power, gate, inverse = self.power, self.gate, self.inverse
        np.minimum(net, self.bound, out=power)
        np.exp(power, power)
        np.add(power, self.two, gate)
        gate *= power  # e² + 2e
        np.add(gate, self.two, inverse)
        np.divide(gate, inverse, gate)
        np.divide(self.two, inverse, inverse)
        np.multiply(net, gate, out)
        return out if self.scale == 1 else np.multiply(out, self.factor, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.add(self.power, self.one, slope)
        slope *= self.power
        slope *= self.inverse
        slope *= self.inverse
        slope *= net
        slope += self.gate
        return slope if self.scale == 1 else np.multiply(slope, self.factor, slope)

    def constants(self) -> dict[str, float]:
        return {"two": 2, "bound": 39, "factor": self.scale}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return dict.fromkeys(("power", "gate", "inverse"), (units,))


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

    def constants(self) -> dict[str, float]:
        return {"omega": self.frequency}
