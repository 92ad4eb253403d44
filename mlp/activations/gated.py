"""The net times a gate that opens with it: SiLU, GELU, Mish."""

import math
from collections.abc import Callable

import numpy as np

from mlp.activations.base import Activation
from mlp.activations.normal import ROOT_TWO_PI, upper_tail
from mlp.activations.ramps import ramp
from mlp.arrays import Array, Mask
from mlp.elementary import absolute, clip, copysign, exp, maximum, minimum, sigmoid, where
from mlp.elementary import upper_tail as scalar_tail
from mlp.naming import require_bool, require_in


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

    @staticmethod
    def scalar_f(net: float, factor: float) -> float:
        """f(net)."""
        return factor * net * sigmoid(net)

    @staticmethod
    def scalar_slope(net: float, out: float, factor: float) -> float:
        """f'(net)."""
        gate = sigmoid(net)
        return factor * gate * (1.0 + net * (1.0 - gate))

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

    @staticmethod
    def scalar_f(net: float, reach: float, width: float, steepness: float) -> float:
        """f(net)."""
        return net * clip(net + reach, 0.0, width) * steepness

    @staticmethod
    def scalar_slope(net: float, out: float, reach: float, width: float, steepness: float) -> float:
        """f'(net)."""
        inside = where(absolute(net) < reach, net * steepness, 0.0)
        return inside + clip(net + reach, 0.0, width) * steepness

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

    @property
    def scalar_f(self) -> Callable[..., float]:
        """f(net)."""
        return _approximate_gelu if self.approximate else _gelu

    @property
    def scalar_slope(self) -> Callable[..., float]:
        """f'(net)."""
        return _slope_of_approximate_gelu if self.approximate else _slope_of_gelu

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

    @staticmethod
    def scalar_f(net: float, bound: float, factor: float) -> float:
        """f(net)."""
        power = exp(minimum(net, bound))
        gate = power * (power + 2.0)
        return factor * net * gate / (gate + 2.0)

    @staticmethod
    def scalar_slope(net: float, out: float, bound: float, factor: float) -> float:
        """f'(net)."""
        power = exp(minimum(net, bound))
        inverse = 2.0 / (power * (power + 2.0) + 2.0)
        return factor * (1.0 - inverse + net * power * (power + 1.0) * inverse * inverse)

    def constants(self) -> dict[str, float]:
        return {"two": 2, "bound": 39, "factor": self.scale}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return dict.fromkeys(("power", "gate", "inverse"), (units,))


def _gelu(net: float) -> float:
    return maximum(net, 0.0) - absolute(net) * scalar_tail(net)


def _slope_of_gelu(net: float, out: float, per_root: float) -> float:
    density = per_root * exp(net * net * -0.5)
    return 0.5 + copysign(absolute(net) * density - scalar_tail(net) + 0.5, net)


def _approximate_gelu(net: float, linear_slope: float, cubic: float) -> float:
    return net * sigmoid(net * (linear_slope - cubic * net * net))


def _slope_of_approximate_gelu(
    net: float, out: float, linear_slope: float, cubic: float, cubic_slope: float
) -> float:
    gate = sigmoid(net * (linear_slope - cubic * net * net))
    return gate + (cubic_slope * net * net + linear_slope) * out * (1.0 - gate)
