"""Activations with parameters of their own, one for each unit, and those that halve the units."""

from typing import Any

import numpy as np

from mlp.activations.base import Activation, compare, divide_units
from mlp.arrays import Array, Mask, Workspace
from mlp.elementary import maximum, minimum, sigmoid, where
from mlp.naming import CATALOGUES, is_integer, require, require_in


class PReLU(Activation):
    """f(net) = net above 0, α·net below; α is learned, one for each unit. He et al. (2015).

    Parameters
    ----------
    alpha_initial : float, default 0.25
        Where every α begins; 0.25 is the paper's value (Keras's layer begins at 0).

    Notes
    -----
    ∂L/∂α = Σ_n grad ∘ min(net, 0), summed over the rows of the batch.
    """

    alpha: Array
    dalpha: Array
    above: Array

    def __init__(self, alpha_initial: float = 0.25) -> None:
        require_in("(-inf, inf)", "alpha_initial", alpha_initial)
        self.alpha_initial = alpha_initial

    def build(self, units: int, dtype: np.dtype[Any]) -> dict[str, Array]:
        return {"alpha": np.broadcast_to(self.alpha_initial, (units,))}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"above": (units,), "mask": Mask((units,))}

    def f(self, net: Array, out: Array) -> Array:
        np.minimum(net, self.zero, out=out)
        out *= self.alpha
        out += np.maximum(net, self.zero, out=self.above)
        return out

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        compare(np.less_equal, net, self.mask, slope)
        slope *= self.alpha
        slope += compare(np.greater, net, self.mask, self.above)
        return slope

    def delta(self, grad: Array, net: Array, out: Array, delta: Array) -> Array:
        np.minimum(net, self.zero, out=delta)
        delta *= grad
        np.add.reduce(delta, axis=0, out=self.dalpha)
        self.slope(net, out, delta)
        return np.multiply(delta, grad, delta)

    @staticmethod
    def scalar_f(net: float, alpha: float) -> float:
        """f(net)."""
        return maximum(net, 0.0) + alpha * minimum(net, 0.0)

    @staticmethod
    def scalar_slope(net: float, out: float, alpha: float) -> float:
        """f'(net)."""
        return where(net <= 0.0, alpha, where(net > 0.0, 1.0, 0.0))

    @staticmethod
    def scalar_gradient(net: float, out: float, alpha: float) -> float:
        """∂f/∂α of one number."""
        return minimum(net, 0.0)


class Blend(Activation):
    """f(net) = net + α(g(net) − net): a blend of g and the identity; α is learned, one for each unit.

    Parameters
    ----------
    activation : str or Activation, default "selu"
        g, which itself learns nothing and has one output for each unit.
    alpha_initial : float, default 1
        Where every α begins; with 1, f is g.

    Notes
    -----
    ∂L/∂α = Σ_n grad ∘ (g(net) − net), summed over the rows of the batch. The delta of g is
    taken with α·grad, so that g may also be a function of a whole row.

    References
    ----------
    D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by default: strong pre-tuned MLPs
    and boosted trees on tabular data" (2024).

    Examples
    --------
    >>> Blend("relu")
    Blend(activation=ReLU())
    """

    alpha: Array
    dalpha: Array
    bent: Array
    blended: Array

    def __init__(self, activation: Any = "selu", alpha_initial: float = 1.0) -> None:
        require_in("(-inf, inf)", "alpha_initial", alpha_initial)
        self.activation: Activation = CATALOGUES["activation"].get(activation)
        self.alpha_initial = alpha_initial
        plain = not self.activation.build(60, np.dtype(np.float64)) and self.activation.outputs(60) == 60
        require(plain, "activation", activation, "one that learns nothing and keeps the number of units")
        self._workspace = Workspace()

    def set_dtype(self, dtype: np.dtype[Any]) -> None:
        super().set_dtype(dtype)
        self.activation.set_dtype(dtype)

    def build(self, units: int, dtype: np.dtype[Any]) -> dict[str, Array]:
        self.activation.build(units, dtype)
        self._workspace = Workspace()
        self._shapes = self.activation.buffers(units)
        return {"alpha": np.broadcast_to(self.alpha_initial, (units,))}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"bent": (units,), "blended": (units,)}

    def f(self, net: Array, out: Array) -> Array:
        vars(self.activation).update(self._workspace.lend(len(net), self._shapes, net.dtype))
        np.subtract(self.activation.f(net, self.bent), net, out)
        out *= self.alpha
        return np.add(out, net, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        self.activation.slope(net, self.bent, slope)
        slope -= self.one
        slope *= self.alpha
        return np.add(slope, self.one, slope)

    def delta(self, grad: Array, net: Array, out: Array, delta: Array) -> Array:
        np.subtract(self.bent, net, self.blended)
        self.blended *= grad
        np.add.reduce(self.blended, axis=0, out=self.dalpha)
        np.multiply(grad, self.alpha, self.blended)
        self.activation.delta(self.blended, net, self.bent, delta)
        np.subtract(grad, self.blended, self.blended)
        return np.add(delta, self.blended, delta)

    @staticmethod
    def scalar_blend(net: float, bent: float, alpha: float) -> float:
        """f(net), with bent = g(net)."""
        return net + alpha * (bent - net)

    @staticmethod
    def scalar_gradient(net: float, bent: float, alpha: float) -> float:
        """∂f/∂α of one number."""
        return bent - net


class GLU(Activation):
    """f(net) = a·σ(b), a the first half of the units and b the second: half as many outputs.

    Notes
    -----
    Each net reaches one output only. The slope with respect to a is σ(b), to b it is out·(1 − σ(b)).

    References
    ----------
    Y. N. Dauphin, A. Fan, M. Auli and D. Grangier, "Language modeling with gated convolutional
    networks" (2017).

    Examples
    --------
    >>> GLU()([[3.0, 4.0, 0.0, 1e4]])
    array([[1.5, 4. ]])
    """

    gate: Array

    @np.errstate(over="ignore")  # as in Sigmoid
    def f(self, net: Array, out: Array) -> Array:
        half, gate = out.shape[1], self.gate
        np.negative(net[:, half:], gate)
        np.exp(gate, gate)
        gate += self.one
        np.reciprocal(gate, gate)
        return np.multiply(net[:, :half], gate, out)

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        half = out.shape[1]
        slope[:, :half] = self.gate
        right = slope[:, half:]
        np.subtract(self.one, self.gate, right)
        np.multiply(right, out, right)
        return slope

    def delta(self, grad: Array, net: Array, out: Array, delta: Array) -> Array:
        half = out.shape[1]
        np.multiply(grad, self.gate, delta[:, :half])
        right = delta[:, half:]
        np.subtract(self.one, self.gate, right)
        np.multiply(right, out, right)
        np.multiply(right, grad, right)
        return delta

    @staticmethod
    def row_f(net: Array, out: Array, units: int) -> None:
        """f(net) of one row."""
        half = units // 2
        for k in range(half):
            out[k] = net[k] * sigmoid(net[half + k])

    @staticmethod
    def row_delta(grad: Array, net: Array, out: Array, delta: Array, units: int) -> None:
        """Delta of one row."""
        half = units // 2
        for k in range(half):
            gate = sigmoid(net[half + k])
            delta[k] = grad[k] * gate
            delta[half + k] = grad[k] * out[k] * (1.0 - gate)

    def outputs(self, units: int) -> int:
        return divide_units(units, 2, "GLU")

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"gate": (units // 2,)}


class Maxout(Activation):
    """f(net)_k = the largest of net_k, net_(k+o), net_(k+2o) …: one output of every `pieces` units.

    Parameters
    ----------
    pieces : int, 2 or more, default 2
        How many units an output has; a layer of 6 units and 2 pieces has o = 3 outputs.

    Notes
    -----
    Each net reaches one output only. Its slope is 1 where it is the largest, the first of
    several equal ones, and 0 elsewhere.

    References
    ----------
    I. J. Goodfellow et al., "Maxout networks" (2013).

    Examples
    --------
    >>> Maxout(3)([[1.0, 5.0, 3.0, 4.0, -2.0, 4.5]])
    array([[3., 5.]])
    """

    taken: Array
    winner: Array

    def __init__(self, pieces: int = 2) -> None:
        require(is_integer(pieces) and pieces >= 2, "pieces", pieces, "an integer of 2 or more")
        self.pieces = int(pieces)

    def f(self, net: Array, out: Array) -> Array:
        o = out.shape[1]
        np.maximum(net[:, :o], net[:, o : 2 * o], out=out)
        for start in range(2 * o, net.shape[1], o):
            np.maximum(out, net[:, start : start + o], out=out)
        return out

    def slope(self, net: Array, out: Array, slope: Array) -> Array:
        o, taken, winner = out.shape[1], self.taken, self.winner
        np.equal(net[:, :o], out, taken)
        np.copyto(slope[:, :o], taken)
        for start in range(o, net.shape[1], o):
            np.equal(net[:, start : start + o], out, winner)
            np.greater(winner, taken, winner)  # and not taken
            np.copyto(slope[:, start : start + o], winner)
            np.logical_or(taken, winner, taken)
        return slope

    def delta(self, grad: Array, net: Array, out: Array, delta: Array) -> Array:
        o = out.shape[1]
        self.slope(net, out, delta)
        for start in range(0, net.shape[1], o):
            piece = delta[:, start : start + o]
            np.multiply(piece, grad, piece)
        return delta

    @staticmethod
    def row_f(net: Array, out: Array, units: int, pieces: float) -> None:
        """f(net) of one row."""
        o = units // int(pieces)
        for k in range(o):
            out[k] = net[k]
        for start in range(o, units, o):
            for k in range(o):
                out[k] = maximum(out[k], net[start + k])

    @staticmethod
    def row_delta(grad: Array, net: Array, out: Array, delta: Array, units: int, pieces: float) -> None:
        """Delta of one row; until the end that of the first piece says whether no net was the largest yet."""
        o = units // int(pieces)
        for k in range(o):
            delta[k] = where(net[k] == out[k], 0.0, 1.0)
        for start in range(o, units, o):
            for k in range(o):
                taken = where(net[start + k] == out[k], delta[k], 0.0)
                delta[start + k] = taken * grad[k]
                delta[k] -= taken
        for k in range(o):
            delta[k] = where(net[k] == out[k], grad[k], 0.0)

    def scalars(self) -> dict[str, float]:
        return {"pieces": self.pieces}

    def outputs(self, units: int) -> int:
        return divide_units(units, self.pieces, f"Maxout({self.pieces})")

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        half = Mask((units // self.pieces,))
        return {"taken": half, "winner": half}
