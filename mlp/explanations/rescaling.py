"""What takes the place of a layer's own methods while differences, not derivatives, are passed back."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp.activations import Activation, Linear
from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.layers import stack
from mlp.layers.activation import Activation as ActivationLayer
from mlp.layers.activation import PReLU
from mlp.layers.base import Layer
from mlp.layers.dense import Dense
from mlp.layers.embedding import Embedding
from mlp.layers.function import Lambda
from mlp.layers.group_normalization import GroupNormalization
from mlp.layers.ntk_dense import NTKDense
from mlp.layers.periodic_embedding import PeriodicEmbedding
from mlp.layers.row_normalization import LayerNormalization, RMSNormalization, UnitNormalization

MIXING = (GroupNormalization, LayerNormalization, RMSNormalization, UnitNormalization)
WITH_FUNCTION = (Dense, NTKDense, ActivationLayer, PReLU)


class Rescaled:
    """The rescale rule of one layer: m = Δout/Δnet takes the place of the slope f'(net).

    Parameters
    ----------
    layer : Layer
        It has seen one end, the rows that are explained; when it is called, the other, their baselines.

    Notes
    -----
    Where Δnet is so small that rounding would make Δout/Δnet, it is the mean of the two slopes.
    """

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.net, self.out = self._net().copy(), layer.out.copy()
        self.slope = self._slope()

    def _net(self) -> Array:
        net: Array = self.layer.X if isinstance(self.layer, Lambda) else self.layer.net
        return net

    def _slope(self) -> Array:
        layer, net = self.layer, self._net()
        if isinstance(layer, Lambda):
            assert layer.slope is not None
            return np.array(layer.slope(net), net.dtype)
        return layer.activation.slope(net, layer.out, np.empty_like(net))

    def __call__(self, grad: Array) -> Array:
        """``m ∘ grad``."""
        net = self._net()
        difference = self.net - net
        small = np.finfo(net.dtype).eps ** (2 / 3) * np.maximum(1, np.abs(net))
        tiny = np.abs(difference) <= small
        quotient = (self.out - self.layer.out) / np.where(tiny, 1, difference)
        mean = (self.slope + self._slope()) / 2
        m: Array = np.where(tiny, mean, quotient).astype(net.dtype, copy=False)
        return np.multiply(m, grad)


class LookedUp:
    """Categories on the way from their baselines: the rows of an `Embedding` between the two that it found.

    The difference that a category makes is that of its row of the table, Σ_d delta_d ΔE_d. It is handed
    down divided by the difference of the categories' numbers, by which it is multiplied in the end.

    Parameters
    ----------
    layer : Embedding
        It has seen the rows that are explained.
    """

    def __init__(self, layer: Embedding) -> None:
        self.layer = layer
        self.E, self.indices = layer.out.copy(), layer.indices.copy()

    def begin(self) -> None:
        """Take in what the layer has found for the baselines."""
        self.E0 = self.layer.out.copy()
        self.difference, self.steps = self.E - self.E0, self.indices - self.layer.indices

    def between(self, alpha: Array) -> None:
        """Let the layer put out what lies at the shares `alpha`, shape (s,), of the way, row after row."""
        way = self.E0 + alpha.reshape(-1, *[1] * self.E.ndim) * self.difference
        out = way.reshape(-1, *self.E.shape[1:]).astype(self.E.dtype)
        vars(self.layer)["forward"] = lambda X, training=False: out

    def end(self) -> None:
        """Let the layer look up again."""
        del vars(self.layer)["forward"]

    def __call__(self, delta: Array) -> Array:
        """Σ_d delta_d ΔE_d of each category, over the difference of the numbers."""
        lines = delta.reshape(-1, *self.E.shape)  # (s, n, c, d)
        total = (lines * self.difference).sum(axis=-1)
        shares: Array = np.divide(total, self.steps, out=np.zeros_like(total), where=self.steps != 0)
        return shares.reshape(-1, *self.indices.shape[1:])


class RescaledColumns:
    """The rescale rule of a `PeriodicEmbedding`: each number of a column by its own Δout/Δx.

    Parameters
    ----------
    layer : PeriodicEmbedding
        It has seen the rows that are explained; when it is called, their baselines.

    Notes
    -----
    Where Δx is so small that rounding would make the quotient, it is the derivative at the baseline.
    """

    def __init__(self, layer: PeriodicEmbedding) -> None:
        self.layer = layer
        self.x, self.out = layer.columns.reshape(-1, len(layer.out)).T.copy(), layer.out.copy()

    def __call__(self, delta: Array) -> Array:
        """Σ of ``Δout/Δx ∘ delta`` over the numbers that stand for a column."""
        layer, (n, d) = self.layer, self.x.shape
        step, wide = self.x - layer.columns.reshape(d, n).T, layer.b.size
        parts = delta * (self.out - layer.out)
        total = parts[:, :wide].reshape(n, d, -1).sum(axis=2)
        if layer.include_input:
            total += parts[:, wide:]
        tiny = np.abs(step) <= np.finfo(step.dtype).eps ** (2 / 3) * np.maximum(1, np.abs(self.x))
        slope = type(layer).backward(layer, delta)
        return np.where(tiny, slope, total / np.where(tiny, 1, step))


def rescale(layers: Sequence[Layer], last: Layer | None) -> None:
    """Let the rescale rule stand for the slopes of layers that have seen the rows to explain.

    Parameters
    ----------
    layers : sequence of Layer
        Of a model that is lent (`passes.borrowed`), which gives the layers' own methods back.
    last : Layer or None
        One whose function is not passed.
    """
    for _, leaf in stack.leaves(layers):
        if isinstance(leaf, Lambda):
            vars(leaf)["backward"] = Rescaled(leaf)
        elif isinstance(leaf, PeriodicEmbedding):
            vars(leaf)["backward"] = RescaledColumns(leaf)
        elif isinstance(leaf, WITH_FUNCTION) and leaf is not last and not isinstance(leaf.activation, Linear):
            vars(leaf)["delta"] = Rescaled(leaf)


def look_up(layers: Sequence[Layer]) -> list[LookedUp]:
    """Let grad pass through each `Embedding` that has seen the rows to explain."""
    found = [LookedUp(leaf) for _, leaf in stack.leaves(layers) if isinstance(leaf, Embedding)]
    for looked_up in found:
        vars(looked_up.layer)["backward"] = looked_up
    return found


def by_element(activation: Activation) -> bool:
    """Whether each unit's output depends on its own net alone: not in a softmax, GLU or Maxout."""
    return not hasattr(activation, "row_delta") and activation.outputs(12) == 12


def require_rescalable(layers: Sequence[Layer], last: Layer | None) -> None:
    """Raise an `ArgumentError` that names the layer whose differences the rescale rule cannot share out."""
    for path, leaf in stack.leaves(layers):
        what: Any = leaf if isinstance(leaf, MIXING) else None
        if leaf is not last and not by_element(leaf.activation):
            what = leaf.activation
        if what is None:
            continue
        top = leaf is layers[-1] and what is leaf.activation
        raise ArgumentError(
            f"layer {path!r} ({type(what).__name__}) mixes the numbers of a row and is not linear, so the "
            "rescale rule cannot share out the difference that it makes. Take "
            + ("of='net', before that function, or " if top else "")
            + "integrated_gradients, whose contributions add up for every layer"
        )
