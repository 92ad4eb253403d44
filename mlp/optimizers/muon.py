"""Momentum, orthogonalised: a rule for matrices, with Adam for the rest."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.naming import is_integer, require, require_bool, require_in
from mlp.optimizers.adam import Adam
from mlp.optimizers.base import Optimizer
from mlp.optimizers.blocks import norm
from mlp.optimizers.settings import fits, require_decay, require_fitting
from mlp.parameters import Parameters

ADAM: Any = Adam  # whose methods need no more of an object than the numbers set in `constants` below


class Muon(Optimizer):
    """m ← μ m + dW,  W ← W − η 0.2 √max(i, o) U Vᵀ, where U S Vᵀ = dW + μ m (Nesterov's) or m.

    Every matrix moves by the orthogonal matrix nearest to its momentum, which is nearly found by
    `ns_steps` of Newton and Schulz: X ← a X + (b A + c A²) X with A = X Xᵀ, from X = M / ‖M‖.
    What is no matrix, and what is excluded, is updated by `AdamW`.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
    adam_beta_1, adam_beta_2 : float in [0, 1), default 0.9 and 0.999
    adam_weight_decay : float or None, default 0.004
        λ of what Adam updates.
    epsilon : float, default 1e-7
        Adam's.
    weight_decay : float or None, default 0.004
        λ of the matrices.
    exclude_layers : sequence of str, optional
        Names or parts of names, as the keys of `decay_factors`; those parameters are Adam's. The
        paper's author excludes the last layer, such as "dense_2". (Keras takes regular
        expressions, and those that are found nowhere too.)
    exclude_embeddings : bool, default True
        Leave parameters with "embedding" in their names to Adam.
    muon_a, muon_b, muon_c : float, default 3.4445, -4.775 and 2.0315
        a, b and c.
    adam_lr_ratio : float, default 1
        Factor of η for Adam.
    momentum : float in [0, 1), default 0.95
        μ.
    ns_steps : int of at least 1, default 5
    nesterov : bool, default True
    rms_rate : float or None, default 0.2
        The 0.2 of the formula; with None W moves by η U Vᵀ.
    **options
        All others of `Optimizer`.

    References
    ----------
    Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024); `rms_rate` of
    Liu et al., "Muon is scalable for LLM training" (2025); defaults as in Keras.
    """

    slots = ("m", "v")
    by_parameter = True
    correct_epsilon = False  # of the Adam that it has for some parameters

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1.0,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay, **options)
        require_in("[0, 1)", "adam_beta_1", adam_beta_1)
        require_in("[0, 1)", "adam_beta_2", adam_beta_2)
        require_decay("adam_weight_decay", adam_weight_decay)
        require_in("(0, inf)", "epsilon", epsilon)
        require_in("[0, 1)", "momentum", momentum)
        for name, number in (("muon_a", muon_a), ("muon_b", muon_b), ("muon_c", muon_c)):
            require_in("(-inf, inf)", name, number)
        require_in("[0, inf)", "adam_lr_ratio", adam_lr_ratio)
        require(is_integer(ns_steps) and ns_steps > 0, "ns_steps", ns_steps, "a positive integer")
        for name, choice in (("exclude_embeddings", exclude_embeddings), ("nesterov", nesterov)):
            require_bool(name, choice)
        if rms_rate is not None:
            require_in("(0, inf)", "rms_rate", rms_rate)
        names = exclude_layers is None or (
            isinstance(exclude_layers, list | tuple) and all(isinstance(x, str) for x in exclude_layers)
        )
        require(names, "exclude_layers", exclude_layers, "a list of names, such as ['dense_2']")
        self.adam_beta_1, self.adam_beta_2 = adam_beta_1, adam_beta_2
        self.adam_weight_decay, self.epsilon, self.adam_lr_ratio = adam_weight_decay, epsilon, adam_lr_ratio
        self.exclude_layers, self.exclude_embeddings = exclude_layers, exclude_embeddings
        self.muon_a, self.muon_b, self.muon_c = muon_a, muon_b, muon_c
        self.momentum, self.ns_steps = momentum, ns_steps
        self.nesterov, self.rms_rate = nesterov, rms_rate

    def build(self, parameters: Parameters) -> None:
        require_fitting("exclude_layers", self.exclude_layers, parameters.names)
        super().build(parameters)

    def is_for_adam(self, name: str, shape: tuple[int, ...]) -> bool:
        """Whether Adam updates a parameter."""
        embeds = self.exclude_embeddings and "embedding" in name.lower()
        excluded = any(fits(pattern, name) for pattern in self.exclude_layers or ())
        return len(shape) != 2 or embeds or excluded

    def slot_shapes(self, name: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        return {"m": shape, "v": shape if self.is_for_adam(name, shape) else (0,)}

    def decay(self, name: str, shape: tuple[int, ...]) -> float | None:
        return self.adam_weight_decay if self.is_for_adam(name, shape) else self.weight_decay

    def memory(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Array, ...]:
        if self.is_for_adam(name, shape):
            return ()
        short, long = min(shape), max(shape)
        shapes = ((short, long), (short, long), (short, short), (short, short))
        return tuple(np.empty(part, dtype) for part in shapes)

    def constants(self, dtype: np.dtype[Any]) -> None:
        self.beta_1, self.beta_2 = self.adam_beta_1, self.adam_beta_2
        ADAM.constants(self, dtype)
        self._momentum = np.array(self.momentum, dtype)
        self._a, self._b, self._c = (np.array(x, dtype) for x in (self.muon_a, self.muon_b, self.muon_c))

    def prepare(self, learning_rate: float) -> None:
        self.rate.fill(self.numbers_of_steps(learning_rate, self.iterations + 1)["rate"])
        self._eta = learning_rate

    def scalars(self) -> dict[str, Any]:
        numbers = {"a": self._a, "b": self._b, "c": self._c, "momentum": self._momentum}
        return {**ADAM.scalars(self), **numbers}

    def numbers_of_steps(self, rates: Any, steps: Any) -> dict[str, Any]:
        return {**ADAM.numbers_of_steps(self, rates * self.adam_lr_ratio, steps), "eta": rates}

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        m, v, *memory = slots
        if v.size:
            ADAM.update(self, W, dW, scratch, m, v)
            return
        np.multiply(m, self._momentum, m)
        np.add(m, dW, m)
        if self.nesterov:
            np.multiply(m, self._momentum, scratch)
            np.add(scratch, dW, scratch)
        else:
            np.copyto(scratch, m)
        moved = self.orthogonalise(scratch, *memory)
        rows, columns = W.shape
        scale = self._eta * (max(rows, columns) ** 0.5 * self.rms_rate if self.rms_rate else 1.0)
        np.multiply(moved, scale, scratch)
        np.subtract(W, scratch, W)

    def orthogonalise(self, M: Array, X: Array, Y: Array, A: Array, B: Array) -> Array:
        """U Vᵀ of M, nearly: its singular values come between 0.7 and 1.2.

        Parameters
        ----------
        M : Array of shape (i, o)
        X, Y : Array of shape (min(i, o), max(i, o))
        A, B : Array of shape (min(i, o), min(i, o))
            Working memory.
        """
        is_tall = M.shape[0] > M.shape[1]
        np.divide(M.T if is_tall else M, norm(M) + 1e-7, X)
        for _ in range(self.ns_steps):
            np.matmul(X, X.T, A)
            np.matmul(A, A, B)
            np.multiply(B, self._c, B)
            np.multiply(A, self._b, A)
            np.add(B, A, B)
            np.matmul(B, X, Y)
            np.multiply(X, self._a, X)
            np.add(X, Y, X)
        return X.T if is_tall else X
