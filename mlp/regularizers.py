"""Regularizers: a penalty on weights that is added to the loss, with its gradient side by side.

A layer adds ``∂penalty/∂W`` to dW, so that what is minimised is loss + penalty. A regularizer
of your own derives from `Regularizer` and writes both, `__call__` and `gradient`.
"""

from typing import Any

import numpy as np

from mlp.arrays import FLOATS, Array, as_floats
from mlp.catalogue import Catalogue
from mlp.elementary import absolute, sign
from mlp.naming import Part, require, require_in, require_one_of


def scalars(value: float) -> dict[np.dtype[Any], Array]:
    """The number as an array of rank zero in either type: NumPy converts a Python number at each call."""
    return {dtype: np.array(value, dtype) for dtype in FLOATS}


class Regularizer(Part):
    """Base of regularizers. Your own implements `__call__` and `gradient`.

    Examples
    --------
    A penalty on weights that do not sum to one:

    >>> class SumToOne(Regularizer):
    ...     def __init__(self, factor=0.1):
    ...         self.factor = factor
    ...     def __call__(self, W):
    ...         return self.factor * float(W.sum() - 1) ** 2
    ...     def gradient(self, W, out):
    ...         out.fill(2 * self.factor * (W.sum() - 1))
    ...         return out
    >>> W = np.ones((2, 2))
    >>> round(SumToOne()(W), 3), SumToOne().gradient(W, np.empty_like(W))[0, 0].round(3)
    (0.9, np.float64(0.6))
    """

    def __call__(self, W: Array) -> float:
        """The penalty."""
        raise NotImplementedError

    def gradient(self, W: Array, out: Array) -> Array:
        """Write ∂penalty/∂W, of W's shape, into `out` and return it."""
        raise NotImplementedError

    def scalars(self) -> dict[str, Any]:
        """Numbers that the compiled form asks for by their names: by default all attributes."""
        return vars(self)

    def scratch(self, W: Array) -> Array:
        """Working memory like W, allocated when a larger W or one of another type comes."""
        memory = self.__dict__.get("_memory")
        if memory is None or memory.size < W.size or memory.dtype != W.dtype:
            self._memory = memory = np.empty(W.size, W.dtype)
        part: Array = memory[: W.size].reshape(W.shape)
        return part

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_memory"}


def absolute_sum(W: Array, scratch: Array) -> float:
    """Σ |w|."""
    return float(np.abs(W, scratch).sum())


def square_sum(W: Array) -> float:
    """Σ w²."""
    return float(np.vdot(W, W))


class L1(Regularizer):
    """Penalty = l1·Σ|w|, gradient l1·sign(w). Drives weights to zero (lasso).

    At 0 the gradient is 0, as in PyTorch and in Keras on TensorFlow; Keras on JAX takes l1.

    Parameters
    ----------
    l1 : float in [0, inf), default 0.01

    References
    ----------
    R. Tibshirani, "Regression shrinkage and selection via the lasso", J. R. Stat. Soc. B 58 (1996).

    Examples
    --------
    >>> L1(0.5)(np.array([[1.0, -3.0]]))
    2.0
    """

    def __init__(self, l1: float = 0.01) -> None:
        require_in("[0, inf)", "l1", l1)
        self.l1, self._l1 = l1, scalars(l1)

    def __call__(self, W: Array) -> float:
        W = as_floats(W, "W")
        return self.l1 * absolute_sum(W, self.scratch(W))

    def gradient(self, W: Array, out: Array) -> Array:
        np.sign(W, out)
        return np.multiply(out, self._l1[out.dtype], out)

    @staticmethod
    def scalar_penalty(w: float, l1: float) -> float:
        """The penalty on one weight."""
        return l1 * absolute(w)

    @staticmethod
    def scalar_gradient(w: float, l1: float) -> float:
        """Its derivative."""
        return l1 * sign(w)


class L2(Regularizer):
    """Penalty = l2·Σw², gradient 2·l2·w. Keeps weights small (ridge, weight decay).

    There is no factor ½, as in Keras; `weight_decay` of PyTorch's SGD is 2·l2.

    Parameters
    ----------
    l2 : float in [0, inf), default 0.01

    References
    ----------
    A. Krogh and J. A. Hertz, "A simple weight decay can improve generalization", NIPS (1991).

    Examples
    --------
    >>> L2(0.5)(np.array([[1.0, -3.0]]))
    5.0
    """

    def __init__(self, l2: float = 0.01) -> None:
        require_in("[0, inf)", "l2", l2)
        self.l2, self._twice = l2, scalars(2 * l2)

    def __call__(self, W: Array) -> float:
        return self.l2 * square_sum(as_floats(W, "W"))

    def gradient(self, W: Array, out: Array) -> Array:
        return np.multiply(W, self._twice[out.dtype], out)

    @staticmethod
    def scalar_penalty(w: float, l2: float) -> float:
        """The penalty on one weight."""
        return l2 * (w * w)

    @staticmethod
    def scalar_gradient(w: float, l2: float) -> float:
        """Its derivative."""
        return 2.0 * l2 * w


class L1L2(Regularizer):
    """Penalty = l1·Σ|w| + l2·Σw², gradient l1·sign(w) + 2·l2·w (elastic net).

    Parameters
    ----------
    l1, l2 : float in [0, inf), default 0.0
        Also where "l1_l2" is given as a name: Keras's text says 0.01 there, its code takes 0.

    References
    ----------
    H. Zou and T. Hastie, "Regularization and variable selection via the elastic net", J. R. Stat.
    Soc. B 67 (2005).

    Examples
    --------
    >>> L1L2(0.5, 0.5)(np.array([[1.0, -3.0]]))
    7.0
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        require_in("[0, inf)", "l1", l1)
        require_in("[0, inf)", "l2", l2)
        self.l1, self.l2 = l1, l2
        self._l1, self._twice = scalars(l1), scalars(2 * l2)

    def __call__(self, W: Array) -> float:
        W = as_floats(W, "W")
        return self.l1 * absolute_sum(W, self.scratch(W)) + self.l2 * square_sum(W)

    def gradient(self, W: Array, out: Array) -> Array:
        signs = np.sign(W, self.scratch(W))
        np.multiply(signs, self._l1[out.dtype], signs)
        np.multiply(W, self._twice[out.dtype], out)
        return np.add(out, signs, out)

    @staticmethod
    def scalar_penalty(w: float, l1: float, l2: float) -> float:
        """The penalty on one weight."""
        return l1 * absolute(w) + l2 * (w * w)

    @staticmethod
    def scalar_gradient(w: float, l1: float, l2: float) -> float:
        """Its derivative."""
        return l1 * sign(w) + 2.0 * l2 * w


class OrthogonalRegularizer(Regularizer):
    """Penalty = factor · mean of |cos(w_i, w_j)| over all pairs of different rows, or columns.

    With the rows û_i = w_i/‖w_i‖, the signs S_ij of û_i·û_j (S_ii = 0), m pairs and G = factor/m · S Û,
    the gradient of row i is (g_i − (g_i·û_i) û_i) / ‖w_i‖.

    Parameters
    ----------
    factor : float in [0, inf), default 0.01
    mode : {"rows", "columns"}, default "rows"
        Of a W of shape (i, o): "columns" sets the units at right angles.

    Notes
    -----
    A matrix with one row has no pairs: the penalty is 0, where Keras's is NaN.

    References
    ----------
    A. Brock et al., "Neural photo editing with introspective adversarial networks", ICLR (2017), for
    Σ |(WWᵀ − 1)_ij|; here, as in Keras, of rows of length 1.

    Examples
    --------
    >>> OrthogonalRegularizer(1.0)(np.array([[3.0, 0.0], [1.0, 1.0]])).__round__(4)
    0.7071
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        require_in("[0, inf)", "factor", factor)
        require_one_of("mode", mode, ("rows", "columns"))
        self.factor, self.mode = factor, mode

    def __call__(self, W: Array) -> float:
        _, norms, cosines, sizes = self._cosines(as_floats(W, "W"))
        return self._share(norms) / 2 * float(np.abs(cosines, sizes).sum())

    def gradient(self, W: Array, out: Array) -> Array:
        units, norms, cosines, signs = self._cosines(W)
        np.sign(cosines, signs)  # S
        lengths = np.einsum("ij,ij->i", signs, cosines).reshape(norms.shape)  # (S Û)_i · û_i
        if self.mode == "rows":
            np.matmul(signs, units, out)
        else:
            np.matmul(units, signs, out)
        np.multiply(units, lengths, units)
        np.subtract(out, units, out)
        np.divide(self._share(norms), norms, norms)
        return np.multiply(out, norms, out)

    def _share(self, norms: Array) -> float:
        return self.factor / max(norms.size * (norms.size - 1) // 2, 1)

    def _cosines(self, W: Array) -> tuple[Array, Array, Array, Array]:
        """Vectors of length 1, their former lengths, the cosines between them, and memory like these."""
        require(W.ndim == 2, "W", W.shape, "of shape (i, o) for OrthogonalRegularizer")
        by_rows = self.mode == "rows"
        memory: Any = self.__dict__.get("_memory")
        if memory is None or memory[0].shape != W.shape or memory[0].dtype != W.dtype:
            count = len(W) if by_rows else W.shape[1]
            shapes = (W.shape, (count, 1) if by_rows else (1, count), (count, count), (count, count))
            self.__dict__["_memory"] = memory = tuple(np.empty(shape, W.dtype) for shape in shapes)
        units, norms, cosines, _ = memory
        np.einsum("ij,ij->i" if by_rows else "ij,ij->j", W, W, out=norms.reshape(-1))
        np.sqrt(norms, norms)
        np.copyto(norms, 1, where=norms == 0)
        np.divide(W, norms, units)
        np.matmul(units if by_rows else units.T, units.T if by_rows else units, cosines)
        cosines.reshape(-1)[:: len(cosines) + 1] = 0  # the diagonal
        return units, norms, cosines, memory[3]


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer  # Keras's other names

_CATALOGUE = Catalogue("regularizer", Regularizer, [L1, L2, L1L2, OrthogonalRegularizer])
serialize, deserialize = _CATALOGUE.serialize, _CATALOGUE.deserialize


def get(identifier: Any) -> Regularizer | None:
    """The regularizer that a name, class, object or configuration stands for; None is none."""
    regularizer: Regularizer | None = None if identifier is None else _CATALOGUE.get(identifier)
    return regularizer


__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]
