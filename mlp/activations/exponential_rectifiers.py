"""Rectifiers that come down to a level below 0 as e^net does: ELU and relatives."""

import numpy as np

from mlp.activations.base import Activation, compare
from mlp.arrays import Array, Mask
from mlp.elementary import expm1, maximum, minimum, where
from mlp.naming import require_in


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

    @staticmethod
    def scalar_f(net: float, height: float) -> float:
        """f(net)."""
        return height * expm1(minimum(net, 0.0)) + maximum(net, 0.0)

    @staticmethod
    def scalar_slope(net: float, out: float, height: float) -> float:
        """f'(net)."""
        return where(net > 0.0, 1.0, out + height)

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

    @staticmethod
    def scalar_f(net: float, scale: float, height: float) -> float:
        """f(net)."""
        return height * expm1(minimum(net, 0.0)) + scale * maximum(net, 0.0)

    @staticmethod
    def scalar_slope(net: float, out: float, scale: float, height: float) -> float:
        """f'(net)."""
        return where(net > 0.0, scale, out + height)

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

    @staticmethod
    def scalar_f(net: float, height: float, rate: float) -> float:
        """f(net)."""
        return maximum(net, height * expm1(minimum(net * rate, 0.0)))

    @staticmethod
    def scalar_slope(net: float, out: float, rate: float) -> float:
        """f'(net)."""
        return minimum(out, 0.0) * rate + 1.0

    def constants(self) -> dict[str, float]:
        return {"height": self.alpha, "rate": 1 / self.alpha}
