"""Importance of the inputs for the net as a whole, from its weights alone."""

from __future__ import annotations  # so that np.random is not loaded for a signature

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.explanations.passes import borrowed
from mlp.inspection.network import network_of
from mlp.layers import stack
from mlp.layers.activation import Activation, PReLU
from mlp.layers.base import Layer
from mlp.layers.batch_normalization import BatchNormalization
from mlp.layers.blocks import Concatenate, Residual
from mlp.layers.dense import Dense
from mlp.layers.function import Lambda
from mlp.layers.ntk_dense import NTKDense
from mlp.layers.preprocessing import Normalization, Rescaling
from mlp.layers.propagation import backward, forward
from mlp.layers.regularization import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
)
from mlp.layers.scale import Scale
from mlp.layers.shape import Columns, Flatten, Identity, Permute, RepeatVector, Reshape

WEIGHTS = (Dense, NTKDense)
SCALING = (BatchNormalization, Normalization, Rescaling, Scale)
PASSING = (
    Activation, ActivityRegularization, AlphaDropout, Dropout, Flatten, GaussianDropout, GaussianNoise,
    Identity, Lambda, PReLU,
)  # fmt: skip
MOVING = (Columns, Concatenate, Permute, RepeatVector, Reshape, Residual)


def olden(model: Any) -> Array:
    """The products of the weights along all ways from each input to each output, added up.

    With one hidden layer importance_ik = Σ_h W_ih V_hk, which is W V; with several the product of
    all. It is the pass back to the inputs with 1 for every slope. The sign says in which
    direction an input moves an output.

    Parameters
    ----------
    model : Sequential or fitted estimator

    Returns
    -------
    Array of shape (i, o)

    Raises
    ------
    NotReadyError
        If the model is not built or fitted.
    ArgumentError
        If there is no weight from number to number in a layer: an `Embedding`, a normalization of each
        row, a GLU or Maxout, a layer of your own. It is named.

    Notes
    -----
    To compare inputs they must have one scale: standardise the columns. A `Normalization`, `Rescaling` or
    batch normalization before the first `Dense` does so, and counts as part of the data (of the last, γ
    is a weight). A batch normalization further up is a factor, γ/σ; the skip of a `Residual` is a
    way of weight 1.

    References
    ----------
    J. D. Olden, M. K. Joy and R. G. Death, "An accurate comparison of methods for quantifying variable
    importance in artificial neural networks using simulated data", Ecological Modelling 178 (2004).

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(2, "tanh", input_shape=(2,)), mlp.layers.Dense(1)])
    >>> model.set_weights([[[1.0, 2.0], [0.0, -1.0]], [0.0, 0.0], [[3.0], [1.0]], [0.0]])
    >>> olden(model)
    array([[ 5.],
           [-1.]], dtype=float32)
    """
    network = network_of(model)
    _require_weights(
        network.layers, (*WEIGHTS, *SCALING, *PASSING, *MOVING), "integrated_gradients for some rows"
    )
    units = math.prod(network.layers[-1].output_shape)
    with borrowed(network):
        forward(network.layers, np.zeros((units, *(network.input_shape or ())), network.dtype))
        for _, leaf in stack.leaves(network.layers):
            vars(leaf)["delta"] = lambda grad: grad
            if isinstance(leaf, Lambda):
                vars(leaf)["backward"] = lambda delta: delta
        for leaf in _before_weights(network.layers):
            vars(leaf)["backward"] = _of_the_data(leaf)
        e = np.eye(units, dtype=network.dtype).reshape(units, *network.layers[-1].output_shape)
        products: Array = backward(network.layers, e).reshape(units, -1).T.copy()
    return products


def garson(model: Any) -> Array:
    """The share that each input has in each output, by the absolute weights.

    Each unit's incoming weights become shares that add up to 1, S_ih = |W_ih| / Σ_i |W_ih|, and so on
    up to the outputs; importance_ik = Σ_h S_ih S_hk, with several hidden layers the product of all.

    Parameters
    ----------
    model : Sequential or fitted estimator

    Returns
    -------
    Array of shape (i, o)
        Each column adds up to 1, or to 0 if no weight leads to that output.

    Raises
    ------
    NotReadyError
        If the model is not built or fitted.
    ArgumentError
        As `olden`; and for `Residual` and `Concatenate` too, for which no such shares are defined.

    Notes
    -----
    Signs do not count, so ways that cancel each other look important; `olden` heeds them, and found
    the true order of inputs more often in the comparison of its authors. In some
    presentations the weights of the hidden units cancel; here as in Garson's each unit counts by its
    own share in the output. On scales and batch normalization see `olden`.

    References
    ----------
    G. D. Garson, "Interpreting neural-network connection weights", AI Expert 6 (1991); A. T. C. Goh,
    "Back-propagation neural networks for modeling complex systems", Artificial Intelligence in
    Engineering 9 (1995).

    Examples
    --------
    Input 1 has all of unit 1 and 2/3 of unit 2, and these have 3/4 and 1/4 of the output:

    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(2, "tanh", input_shape=(2,)), mlp.layers.Dense(1)])
    >>> model.set_weights([[[1.0, 2.0], [0.0, -1.0]], [0.0, 0.0], [[3.0], [1.0]], [0.0]])
    >>> garson(model).round(4)
    array([[0.9167],
           [0.0833]], dtype=float32)
    """
    network = network_of(model)
    _require_weights(network.layers, (*WEIGHTS, Columns, *SCALING, *PASSING), "olden or integrated_gradients")
    before = _before_weights(network.layers)
    i = math.prod(network.input_shape or ())
    shares, scale = np.eye(i), np.ones(i)
    with borrowed(network):
        for layer in network.layers:
            if isinstance(layer, Columns):
                shares, scale = shares[:, layer.indices], scale[layer.indices]
            elif isinstance(layer, SCALING):
                scale = scale * np.abs(_factor(layer, layer in before))
            elif isinstance(layer, WEIGHTS):
                weights = scale[:, None] * np.abs(layer.W)
                shares, scale = shares @ _columns_to_1(weights), np.ones(layer.units)
    return _columns_to_1(shares).astype(network.dtype)  # again, as a unit may have no weights at all


def _columns_to_1(weights: Array) -> Array:
    total = weights.sum(axis=0)
    shares: Array = np.divide(weights, total, out=np.zeros(weights.shape), where=total > 0)
    return shares


def _require_weights(layers: Sequence[Layer], known: tuple[type, ...], instead: str) -> None:
    """Raise an `ArgumentError` that names the first layer which leads by no weights from number to number."""
    for part in stack.everything(layers) if Residual in known else layers:
        units = part.activation_units
        if isinstance(part, known) and part.activation.outputs(units) == units:
            continue
        what = part.activation if isinstance(part, known) else part
        raise ArgumentError(
            f"layer {part.name!r} ({type(what).__name__}) has no weights that lead from one number to "
            f"another, so their importance is not defined; take {instead}"
        )


def _before_weights(layers: Sequence[Layer]) -> list[Layer]:
    """Scaling layers that see the inputs before any weights."""
    found: list[Layer] = []
    for layer in layers:
        if isinstance(layer, SCALING):
            found.append(layer)
        elif isinstance(layer, Concatenate):
            for branch in layer.branches:
                found += _before_weights(branch)
        if any(isinstance(leaf, WEIGHTS) for _, leaf in layer.leaves()):
            break
    return found


def _of_the_data(layer: Layer) -> Callable[[Array], Array]:
    """The way back through a scaling layer that belongs to the data: only what it has learned counts."""
    learned = isinstance(layer, Scale) or (isinstance(layer, BatchNormalization) and layer.scale)
    gamma = vars(layer)["gamma"] if learned else None
    return lambda delta: delta if gamma is None else delta * gamma


def _factor(layer: Layer, of_the_data: bool) -> Array:
    """What a scaling layer multiplies each number by; the model is lent."""
    one = np.ones((1, *layer.output_shape), layer.dtype)
    layer.forward(one)
    back = _of_the_data(layer) if of_the_data else layer.backward
    return np.array(back(one)).reshape(-1)
