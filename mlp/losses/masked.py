"""Targets of which some are not known: NaN adds nothing to the loss, and nothing is learned from it."""

from typing import Any

import numpy as np

from mlp.activations import Activation
from mlp.arrays import Array, Mask, as_numbers
from mlp.errors import ArgumentError
from mlp.losses.base import Loss, by_row, weigh
from mlp.naming import CATALOGUES


class Masked(Loss):
    """Another loss for targets with gaps: where t is NaN, value and gradient are 0.

    Parameters
    ----------
    loss : str or Loss, default "mse"
        The loss of the targets that are known; its reduction counts.

    Notes
    -----
    A loss that adds up its outputs one by one (squared and absolute errors, binary cross-entropy,
    hinge, quantiles …) leaves out single targets; any other (categorical, cosine, Gaussian …) a
    whole row with a gap. What is known weighs as much as in a complete row: the sum of a row is
    still divided by o and that of the batch by its rows, so that no target depends on which others
    are known. Metrics see the NaN.

    Examples
    --------
    >>> Masked("mse")([[1.0, np.nan], [1.0, 2.0]], [[3.0, 5.0], [1.0, 2.0]])
    1.0
    """

    filled: Array
    unknown: Array
    row_unknown: Array
    row_weight: Array

    def __init__(self, loss: Any = "mse") -> None:
        self.loss: Loss = CATALOGUES["loss"].get(loss)
        super().__init__(self.loss.reduction)
        self.per_target = self.loss.per_target
        if isinstance(self.loss, Masked):
            raise ArgumentError("loss must be another loss than Masked itself")

    @property
    def encoding(self) -> float:
        return self.loss.encoding

    def encode(self, T: Array, out: Array | None = None) -> Array:
        encoded = self.loss.encode(T, out)
        if encoded is not T and not self.loss.by_element:  # a one-hot row has no NaN of itself
            encoded[np.isnan(T).any(axis=1)] = np.nan
        return encoded

    def value(self, out: Array, T: Array) -> Array:
        filled = self._fill(T)
        if self.loss.by_element:
            return self._erase(self.loss.elements(out, filled)).dot(self.loss.shares, self.values)
        values = self.loss.value(out, filled)
        np.copyto(values, self.zero, where=self.row_unknown)
        return values

    def gradient(self, out: Array, T: Array) -> Array:
        grad = self.loss.gradient(out, self._fill(T))
        return self._erase(grad)

    def total(self, activation: Activation, net: Array, out: Array, T: Array, weight: Array) -> float:
        filled, loss = self._fill(T), self.loss
        loss.canonical_factor = self.canonical_factor
        if not loss.by_element:
            return loss.total(activation, net, out, filled, self._of_known(weight))
        if self.canonical_factor:
            elements = loss.elements_from_net(activation, net, out, filled)
        else:
            elements = loss.elements(out, filled)
        return weigh(self._erase(elements).dot(loss.shares, self.values), weight)

    def delta(
        self, activation: Activation, net: Array, out: Array, T: Array, weight: Array, delta: Array
    ) -> Array:
        filled, loss = self._fill(T), self.loss
        loss.canonical_factor = self.canonical_factor
        if not loss.by_element:
            return loss.delta(activation, net, out, filled, self._of_known(weight), delta)
        if self.canonical_factor:
            loss.delta_from_net(activation, net, out, filled, delta)
            return np.multiply(self._erase(delta), by_row(weight * self.canonical_factor), delta)
        grad = self._erase(loss.gradient(out, filled))
        np.multiply(grad, by_row(weight), grad)
        return activation.delta(grad, net, out, delta)

    def _fill(self, T: Array) -> Array:
        # 1 has a meaning for every loss by element, and the other losses get a weight of 0
        np.isnan(T, self.unknown)
        np.copyto(self.filled, T)
        np.copyto(self.filled, self.one, where=self.unknown)
        if not self.loss.by_element:
            np.logical_or.reduce(self.unknown, axis=1, out=self.row_unknown)
        return self.filled

    def _erase(self, array: Array) -> Array:
        # not by a product: 0 · ∞ would be NaN
        unknown = self.unknown if self.loss.by_element else self.row_unknown[:, None]
        np.copyto(array, self.zero, where=unknown)
        return array

    def _of_known(self, weight: Array) -> Array:
        np.copyto(self.row_weight, weight)
        np.copyto(self.row_weight, self.zero, where=self.row_unknown)
        return self.row_weight

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        super().bind(units, dtype, canonical_factor)
        self.loss.bind(units, dtype, canonical_factor)

    def allocate(self, rows: int) -> None:
        super().allocate(rows)
        self.loss.allocate(rows)

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        width = units if self.loss.by_element else self.loss.columns(units)
        wide = {"filled": (width,), "unknown": Mask((width,))}
        return wide | {"values": (), "row_weight": (), "row_unknown": Mask(())}

    def counted(self, T: Array) -> int:
        return self.loss.counted(T)

    def prediction(self, out: Array) -> Array:
        return self.loss.prediction(out)

    def columns(self, units: int) -> int:
        return self.loss.columns(units)

    def encoded_columns(self, units: int) -> int:
        return self.loss.encoded_columns(units)

    def check_activation(self, activation: Activation, units: int) -> None:
        self.loss.check_activation(activation, units)

    def as_target(self, y: Any, units: int, dtype: np.dtype[Any], name: str = "y") -> Array:
        T = as_numbers(y, dtype, name)
        T = T.reshape(-1, 1) if T.ndim == 1 else T
        unknown: Array = np.asarray(np.isnan(T))
        if unknown.ndim == 2 and unknown.any():
            known: Array = np.logical_not(unknown.any(axis=1))
            if self.loss.by_element:
                y = np.where(unknown, 1, T)
            elif known.any():
                y = np.where(known[:, None], T, T[int(known.argmax())])
            else:
                raise ArgumentError(f"{name} has no row without NaN: nothing would be learned")
        checked = self.loss.as_target(y, units, dtype, name)
        return np.where(unknown, np.nan, checked).astype(dtype, copy=False) if unknown.any() else checked
