"""Steps and shrinkage: functions that are flat around 0, or jump."""

import numpy as np

from mlp.activations.base import Activation, compare
from mlp.arrays import Array, Mask
from mlp.elementary import absolute, clip, tanh, where
from mlp.naming import require_in


class Threshold(Activation):
    """f(net) = 1 where net ≥ 0, else 0: the perceptron's unit.

    Notes
    -----
    Its true slope is 0 everywhere, so nothing could be learned. Backward it counts as the
    identity, slope 1: the straight-through convention (Bengio et al., 2013), with which
    the delta rule becomes the perceptron's learning rule (Rosenblatt, 1958). What Keras calls
    "threshold" is `ThresholdedLinear`.
    """

    def f(self, net: Array, out: Array) -> Array:
        return compare(np.greater_equal, net, self.mask, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        slope.fill(1)
        return slope

    def delta(self, grad: Array, net: Array, out: Array, delta: Array) -> Array:
        np.copyto(delta, grad)
        return delta

    @staticmethod
    def scalar_f(net: float) -> float:
        """f(net)."""
        return where(net >= 0.0, 1.0, 0.0)

    @staticmethod
    def scalar_slope(net: float, out: float) -> float:
        """f'(net)."""
        return 1.0

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,))}


class Sign(Activation):
    """f(net) = 1 where net ≥ 0, else −1; slope 1 by the convention that `Threshold` explains."""

    two: Array

    def f(self, net: Array, out: Array) -> Array:
        compare(np.greater_equal, net, self.mask, out)
        out *= self.two
        return np.subtract(out, self.one, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        slope.fill(1)
        return slope

    def delta(self, grad: Array, net: Array, out: Array, delta: Array) -> Array:
        np.copyto(delta, grad)
        return delta

    @staticmethod
    def scalar_f(net: float) -> float:
        """f(net)."""
        return where(net >= 0.0, 1.0, -1.0)

    @staticmethod
    def scalar_slope(net: float, out: float) -> float:
        """f'(net)."""
        return 1.0

    def constants(self) -> dict[str, float]:
        return {"two": 2}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,))}


class ThresholdedLinear(Activation):
    """f(net) = net above `threshold`, else `default_value`; slope 1 above, else 0.

    Parameters
    ----------
    threshold : float, default 0
    default_value : float, default 0

    Notes
    -----
    Keras calls it "threshold" and gives its arguments no defaults. Here that name is the
    perceptron's step, `Threshold`; the function ``activations.threshold(x, 0.5, 0.0)``, with
    arguments, is this one.
    """

    bound: Array
    default: Array
    scratch: Array

    def __init__(self, threshold: float = 0.0, default_value: float = 0.0) -> None:
        require_in("(-inf, inf)", "threshold", threshold)
        require_in("(-inf, inf)", "default_value", default_value)
        self.threshold, self.default_value = threshold, default_value

    def f(self, net: Array, out: Array) -> Array:
        compare(np.greater, net, self.mask, out, self.bound)
        out *= net
        if self.default_value:
            compare(np.less_equal, net, self.mask, self.scratch, self.bound)
            self.scratch *= self.default
            out += self.scratch
        return out

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        return compare(np.greater, net, self.mask, slope, self.bound)

    @staticmethod
    def scalar_f(net: float, bound: float, default: float) -> float:
        """f(net)."""
        return where(net <= bound, default, net)

    @staticmethod
    def scalar_slope(net: float, out: float, bound: float) -> float:
        """f'(net)."""
        return where(net > bound, 1.0, 0.0)

    def constants(self) -> dict[str, float]:
        return {"bound": self.threshold, "default": self.default_value}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,)), "scratch": (units,)}


class HardShrink(Activation):
    """f(net) = net where |net| > `threshold`, else 0; slope 1 there, else 0.

    Parameters
    ----------
    threshold : float in [0, inf), default 0.5
    """

    bound: Array

    def __init__(self, threshold: float = 0.5) -> None:
        require_in("[0, inf)", "threshold", threshold)
        self.threshold = threshold

    def f(self, net: Array, out: Array) -> Array:
        np.absolute(net, out)
        compare(np.greater, out, self.mask, out, self.bound)
        return np.multiply(out, net, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        return compare(np.not_equal, out, self.mask, slope)

    @staticmethod
    def scalar_f(net: float, bound: float) -> float:
        """f(net)."""
        return where(absolute(net) <= bound, 0.0, net)

    @staticmethod
    def scalar_slope(net: float, out: float) -> float:
        """f'(net)."""
        return where(out != 0.0, 1.0, 0.0)

    def constants(self) -> dict[str, float]:
        return {"bound": self.threshold}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,))}


class SoftShrink(Activation):
    """f(net) = net moved towards 0 by `threshold`, at most to 0; slope 1 where out is not 0.

    Parameters
    ----------
    threshold : float in [0, inf), default 0.5

    References
    ----------
    D. L. Donoho, "De-noising by soft-thresholding" (1995).
    """

    above: Array
    below: Array

    def __init__(self, threshold: float = 0.5) -> None:
        require_in("[0, inf)", "threshold", threshold)
        self.threshold = threshold

    def f(self, net: Array, out: Array) -> Array:
        net.clip(self.below, self.above, out)
        return np.subtract(net, out, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        return compare(np.not_equal, out, self.mask, slope)

    @staticmethod
    def scalar_f(net: float, below: float, above: float) -> float:
        """f(net)."""
        return net - clip(net, below, above)

    @staticmethod
    def scalar_slope(net: float, out: float) -> float:
        """f'(net)."""
        return where(out != 0.0, 1.0, 0.0)

    def constants(self) -> dict[str, float]:
        return {"above": self.threshold, "below": -self.threshold}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,))}


class TanhShrink(Activation):
    """f(net) = net − tanh(net), slope tanh²(net) = (net − out)²; flat at 0.

    Notes
    -----
    As in Keras and PyTorch a small result has the absolute precision of net, not its own.
    """

    def f(self, net: Array, out: Array) -> Array:
        np.tanh(net, out)
        return np.subtract(net, out, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.subtract(net, out, slope)
        return np.multiply(slope, slope, slope)

    @staticmethod
    def scalar_f(net: float) -> float:
        """f(net)."""
        return net - tanh(net)

    @staticmethod
    def scalar_slope(net: float, out: float) -> float:
        """f'(net)."""
        return (net - out) * (net - out)
