"""Rectifiers: functions that are the net itself above 0, or nearly so, and bend there."""

import numpy as np

from mlp.activations.base import Activation, compare
from mlp.arrays import Array, Mask
from mlp.elementary import clip, maximum, minimum, where
from mlp.naming import require_in


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

    @staticmethod
    def scalar_f(net: float) -> float:
        """f(net)."""
        return net

    @staticmethod
    def scalar_slope(net: float, out: float) -> float:
        """f'(net)."""
        return 1.0


class ReLU(Activation):
    """f(net) = max(net, 0), slope 1 above 0 and 0 elsewhere, at 0 too; Nair and Hinton (2010).

    Notes
    -----
    Keras's `negative_slope`, `max_value` and `threshold` are those of `GeneralReLU`.
    """

    def f(self, net: Array, out: Array) -> Array:
        return np.maximum(net, self.zero, out=out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.greater(net, self.zero, self.mask)
        np.copyto(slope, self.mask)  # see `compare`
        return slope

    @staticmethod
    def scalar_f(net: float) -> float:
        """f(net)."""
        return maximum(net, 0.0)

    @staticmethod
    def scalar_slope(net: float, out: float) -> float:
        """f'(net)."""
        return where(net > 0.0, 1.0, 0.0)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,))}


class LeakyReLU(Activation):
    """f(net) = net above 0, and `negative_slope` times net below; slope at 0 as below.

    Parameters
    ----------
    negative_slope : float in [0, inf), default 0.2
        Keras 3's value for the function (0.3 in its layer, 0.01 in Maas et al., 2013).
    """

    below: Array
    step: Array

    def __init__(self, negative_slope: float = 0.2) -> None:
        require_in("[0, inf)", "negative_slope", negative_slope)
        self.negative_slope = negative_slope

    def f(self, net: Array, out: Array) -> Array:
        np.multiply(net, self.below, out)
        larger = np.maximum if self.negative_slope <= 1 else np.minimum
        return larger(net, out, out=out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        compare(np.greater, net, self.mask, slope)
        slope *= self.step
        return np.add(slope, self.below, slope)

    @staticmethod
    def scalar_f(net: float, below: float) -> float:
        """f(net)."""
        return where(net > 0.0, net, below * net)

    @staticmethod
    def scalar_slope(net: float, out: float, below: float) -> float:
        """f'(net)."""
        return where(net > 0.0, 1.0, below)

    def constants(self) -> dict[str, float]:
        return {"below": self.negative_slope, "step": 1 - self.negative_slope}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,))}


class ReLU6(Activation):
    """f(net) = net held in [0, 6], slope 1 for 0 < net < 6, else 0, at 0 and 6 too.

    References
    ----------
    A. Krizhevsky, "Convolutional deep belief networks on CIFAR-10" (2010).
    """

    six: Array
    low: Array

    def f(self, net: Array, out: Array) -> Array:
        return net.clip(self.zero, self.six, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.greater(net, self.zero, self.mask)
        np.less(net, self.six, self.low)
        np.logical_and(self.mask, self.low, self.mask)
        np.copyto(slope, self.mask)
        return slope

    @staticmethod
    def scalar_f(net: float, six: float) -> float:
        """f(net)."""
        return clip(net, 0.0, six)

    @staticmethod
    def scalar_slope(net: float, out: float, six: float) -> float:
        """f'(net)."""
        return where((net > 0.0) & (net < six), 1.0, 0.0)

    def constants(self) -> dict[str, float]:
        return {"six": 6}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,)), "low": Mask((units,))}


class GeneralReLU(Activation):
    """f(net) = net above `threshold`, at most `max_value`; below, negative_slope·(net − threshold).

    Parameters
    ----------
    negative_slope : float in [0, inf), default 0
    max_value : float in [0, inf) or None, default None
        None is no bound.
    threshold : float in [0, inf), default 0

    Notes
    -----
    Keras's `relu` with arguments. The slope is `negative_slope` at the threshold and 0 at
    `max_value`.

    Examples
    --------
    >>> GeneralReLU(negative_slope=0.5, max_value=6, threshold=1)([-3, 1, 1.5, 7])
    array([-2. ,  0. ,  1.5,  6. ])
    """

    kink: Array
    below: Array
    ceiling: Array
    low: Array
    scratch: Array

    def __init__(
        self, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
    ) -> None:
        require_in("[0, inf)", "negative_slope", negative_slope)
        require_in("[0, inf)", "threshold", threshold)
        if max_value is not None:
            require_in("[0, inf)", "max_value", max_value)
        self.negative_slope, self.max_value, self.threshold = negative_slope, max_value, threshold

    def f(self, net: Array, out: Array) -> Array:
        if self.threshold:
            compare(np.greater, net, self.mask, out, self.kink)
            out *= net
        else:
            np.maximum(net, self.zero, out=out)
        if self.max_value is not None:
            np.minimum(out, self.ceiling, out=out)
        if self.negative_slope:
            np.subtract(net, self.kink, self.scratch)
            np.minimum(self.scratch, self.zero, out=self.scratch)
            self.scratch *= self.below
            out += self.scratch
        return out

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.greater(net, self.kink, self.mask)
        if self.max_value is not None:
            np.less(net, self.ceiling, self.low)
            np.logical_and(self.mask, self.low, self.mask)
        np.copyto(slope, self.mask)
        if self.negative_slope:
            compare(np.less_equal, net, self.mask, self.scratch, self.kink)
            self.scratch *= self.below
            slope += self.scratch
        return slope

    @staticmethod
    def scalar_f(net: float, kink: float, below: float, ceiling: float) -> float:
        """f(net)."""
        return where(net > kink, minimum(net, ceiling), below * (net - kink))

    @staticmethod
    def scalar_slope(net: float, out: float, kink: float, below: float, ceiling: float) -> float:
        """f'(net)."""
        above = where((net > kink) & (net < ceiling), 1.0, 0.0)
        return where(net <= kink, below, above)

    def constants(self) -> dict[str, float]:
        ceiling = np.inf if self.max_value is None else self.max_value
        return {"kink": self.threshold, "below": self.negative_slope, "ceiling": ceiling}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,)), "low": Mask((units,)), "scratch": (units,)}
