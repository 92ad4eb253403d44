"""Rectifiers: functions that are the net itself above 0, or nearly so, and bend there."""

import numpy as np

from mlp.activations.base import Activation, compare
from mlp.arrays import Array, Mask
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

    def constants(self) -> dict[str, float]:
        ceiling = np.inf if self.max_value is None else self.max_value
        return {"kink": self.threshold, "below": self.negative_slope, "ceiling": ceiling}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,)), "low": Mask((units,)), "scratch": (units,)}


class ELU(Activation):
    """f(net) = net above 0, α(e^net − 1) below; slope 1 above 0, out + α elsewhere.

    Parameters
    ----------
    alpha : float in (0, inf), default 1

    References
    ----------
    D.-A. Clevert, T. Unterthiner and S. Hochreiter, "Fast and accurate deep network learning
    by exponential linear units" (2016).
    """

    height: Array
    step: Array
    scratch: Array

    def __init__(self, alpha: float = 1.0) -> None:
        require_in("(0, inf)", "alpha", alpha)
        self.alpha = alpha

    def f(self, net: Array, out: Array) -> Array:
        np.minimum(net, self.zero, out=out)
        np.expm1(out, out)
        if self.alpha == 1:  # e^net − 1 is never below net
            return np.maximum(net, out, out=out)
        out *= self.height
        np.maximum(net, self.zero, out=self.scratch)
        return np.add(out, self.scratch, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.minimum(out, self.zero, out=slope)
        slope += self.height
        if self.alpha == 1:
            return slope
        compare(np.greater, net, self.mask, self.scratch)
        self.scratch *= self.step
        return np.add(slope, self.scratch, slope)

    def constants(self) -> dict[str, float]:
        return {"height": self.alpha, "step": 1 - self.alpha}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {} if self.alpha == 1 else {"mask": Mask((units,)), "scratch": (units,)}


class SELU(Activation):
    """f(net) = λ·net above 0, λα(e^net − 1) below; slope λ above 0, out + λα elsewhere.

    Notes
    -----
    α = 1.6733 and λ = 1.0507 carry inputs of mean 0 and variance 1 through many layers, with
    "lecun_normal" weights.

    References
    ----------
    G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter, "Self-normalizing neural
    networks" (2017).
    """

    ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805
    scale: Array
    height: Array
    step: Array
    scratch: Array

    def f(self, net: Array, out: Array) -> Array:
        np.minimum(net, self.zero, out=out)
        np.expm1(out, out)
        out *= self.height
        np.maximum(net, self.zero, out=self.scratch)
        self.scratch *= self.scale
        return np.add(out, self.scratch, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        compare(np.greater, net, self.mask, self.scratch)
        self.scratch *= self.step
        np.minimum(out, self.zero, out=slope)
        slope += self.height
        return np.add(slope, self.scratch, slope)

    def constants(self) -> dict[str, float]:
        height = self.SCALE * self.ALPHA
        return {"scale": self.SCALE, "height": height, "step": self.SCALE - height}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"mask": Mask((units,)), "scratch": (units,)}


class CELU(Activation):
    """f(net) = net above 0, α(e^(net/α) − 1) below; slope min(out, 0)/α + 1, without a kink.

    Parameters
    ----------
    alpha : float in (0, inf), default 1

    References
    ----------
    J. T. Barron, "Continuously differentiable exponential linear units" (2017).
    """

    height: Array
    rate: Array

    def __init__(self, alpha: float = 1.0) -> None:
        require_in("(0, inf)", "alpha", alpha)
        self.alpha = alpha

    def f(self, net: Array, out: Array) -> Array:
        np.multiply(net, self.rate, out)
        np.minimum(out, self.zero, out=out)
        np.expm1(out, out)
        out *= self.height
        return np.maximum(net, out, out=out)  # α(e^(net/α) − 1) is never below net

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        np.minimum(out, self.zero, out=slope)
        slope *= self.rate
        return np.add(slope, self.one, slope)

    def constants(self) -> dict[str, float]:
        return {"height": self.alpha, "rate": 1 / self.alpha}
