"""Weights and biases that begin by the data: every unit with outputs of size 1 and a bend among the rows."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array
from mlp.engines.threads import limited
from mlp.inspection.network import network_of
from mlp.layers.base import Layer
from mlp.layers.dense import Dense
from mlp.layers.ntk_dense import NTKDense
from mlp.layers.propagation import forward
from mlp.naming import is_integer, require, require_one_of
from mlp.randomness import check_seed, new_generator

if TYPE_CHECKING:
    from mlp.model import Model

BIASES = ("he+5", "zeros")
MIXED = 5  # rows whose mix a unit's hyperplane goes through


def initialize_from_data(
    model: Model, X: Any, seed: int | None = None, rows: int = 2000, biases: str = "he+5"
) -> None:
    """Draw the weights of every `Dense` and `NTKDense` anew, layer by layer, so that they suit the data.

    The weights of a unit are normal numbers, divided by the standard deviation that its net then has
    over the rows, which so becomes 1. Its bias is minus a random mean of its nets: its hyperplane, where
    a relu bends, then goes through the middle of some rows rather than past all of them.

    Parameters
    ----------
    model : Sequential
        Built. Layers in blocks count too; what is frozen stays as it is, and so do other layers.
    X : array-like of shape (n, ...)
        Training data, as for `fit`.
    seed : int, optional
        By default the numbers come from the model's generator.
    rows : int, default 2000
        If there are more, so many are drawn without replacement.
    biases : {"he+5", "zeros"}, default "he+5"
        "he+5": of five rows, drawn for each unit with replacement, the mean of the nets with random
        weights, those of five exponential numbers.

    Raises
    ------
    NotReadyError
        If the model is not built.
    ArgumentError
        If X does not fit the model, or another argument cannot be used; nothing has changed then.

    Notes
    -----
    Data passes as in prediction, without dropout. A unit whose net does not vary keeps its normal
    numbers as they are drawn.

    References
    ----------
    P. Krähenbühl, C. Doersch, J. Donahue and T. Darrell, "Data-dependent initializations of
    convolutional neural networks", ICLR (2016), for the weights; I. Steinwart, "A sober look at neural
    network initializations" (2019), for the biases; D. Holzmüller, L. Grinsztajn and I. Steinwart,
    "Better by default: strong pre-tuned MLPs and boosted trees on tabular data" (2024), for both.

    Examples
    --------
    >>> import mlp
    >>> X = np.random.default_rng(0).uniform(100, 200, (500, 3))
    >>> model = mlp.Sequential([mlp.layers.Dense(4, "relu", input_shape=(3,)), mlp.layers.Dense(1)])
    >>> initialize_from_data(model, X, seed=0, biases="zeros")
    >>> (X @ model.layers[0].W).std(axis=0).round(3)
    array([1., 1., 1., 1.])
    """
    network = network_of(model)
    data = network.as_inputs(X)
    check_seed(seed)
    require(is_integer(rows) and rows > 0, "rows", rows, "a positive integer")
    require_one_of("biases", biases, BIASES)
    rng = network.rng if seed is None else new_generator(seed)
    if len(data) > rows:
        data = data[np.sort(rng.choice(len(data), rows, replace=False))]
    drawn = _trainable(network.layers)
    with network.lock, limited(network.n_threads), np.errstate(all="ignore"):
        try:
            for layer in drawn:
                vars(layer)["forward"] = _Drawn(layer, rng, biases)
            forward(network.layers, data)
        finally:
            for layer in drawn:
                vars(layer).pop("forward")
            for part in network.parts:  # which have worked on more rows than a batch has
                part.release()


def _trainable(layers: Sequence[Layer]) -> list[Dense | NTKDense]:
    """The layers with weights that are not frozen, nor in a frozen block."""
    found: list[Dense | NTKDense] = []
    for layer in layers:
        if layer.trainable:
            found += [layer] if isinstance(layer, Dense | NTKDense) else _trainable(layer.children)
    return found


class _Drawn:
    """Takes the place of a layer's `forward` for one pass, in which the layer gets its weights."""

    def __init__(self, layer: Dense | NTKDense, rng: np.random.Generator, biases: str) -> None:
        self.layer, self.rng, self.biases = layer, rng, biases

    def __call__(self, X: Array, training: bool = False) -> Array:
        layer = self.layer
        W = self.rng.standard_normal(layer.W.shape)
        nets = X.astype(np.float64) @ W
        if isinstance(layer, NTKDense):
            nets *= layer.factor
        deviation = nets.std(axis=0)
        # rounding alone makes a constant net vary a little
        still = deviation <= 1e-9 * np.abs(nets).max(axis=0)
        deviation[still] = 1
        layer.W = W / deviation
        if layer.b is not None:
            layer.b[...] = 0 if self.biases == "zeros" else -self._mixed(nets / deviation)
        own: Any = type(layer).forward
        out: Array = own(layer, X, training)
        return out

    def _mixed(self, nets: Array) -> Array:
        """A mean of each unit's nets over a few rows, with random weights."""
        n, o = nets.shape
        chosen = self.rng.integers(n, size=(MIXED, o))
        shares = self.rng.standard_exponential((MIXED, o))
        mean: Array = (shares * nets[chosen, np.arange(o)]).sum(axis=0) / shares.sum(axis=0)
        return mean
