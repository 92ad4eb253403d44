"""Sigmoids of straight lines: a ramp between two levels."""

from typing import Protocol

import numpy as np

from mlp.activations.base import Activation
from mlp.arrays import Array, Mask
from mlp.elementary import absolute, clip, where


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

    @staticmethod
    def scalar_f(net: float, reach: float, width: float, steepness: float) -> float:
        """f(net)."""
        return clip(net + reach, 0.0, width) * steepness

    @staticmethod
    def scalar_slope(net: float, out: float, reach: float, steepness: float) -> float:
        """f'(net)."""
        return where(absolute(net) < reach, steepness, 0.0)

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

    @staticmethod
    def scalar_f(net: float, reach: float, width: float, steepness: float) -> float:
        """f(net)."""
        return clip(net + reach, 0.0, width) * steepness

    @staticmethod
    def scalar_slope(net: float, out: float, reach: float, steepness: float) -> float:
        """f'(net)."""
        return where(absolute(net) < reach, steepness, 0.0)

    def constants(self) -> dict[str, float]:
        return {"reach": 1, "width": 2, "steepness": 1 / 2}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,))}


class HardTanh(Activation):
    """f(net) = net held in [−1, 1], slope 1 for −1 ≤ net ≤ 1, else 0; in PyTorch 0 at ±1."""

    minus_one: Array

    def f(self, net: Array, out: Array) -> Array:
        return net.clip(self.minus_one, self.one, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.equal(net, out, self.mask)
        np.copyto(slope, self.mask)
        return slope

    @staticmethod
    def scalar_f(net: float) -> float:
        """f(net)."""
        return clip(net, -1.0, 1.0)

    @staticmethod
    def scalar_slope(net: float, out: float) -> float:
        """f'(net)."""
        return where(net == out, 1.0, 0.0)

    def constants(self) -> dict[str, float]:
        return {"minus_one": -1}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,))}


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
