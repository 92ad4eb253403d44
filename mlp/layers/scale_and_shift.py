"""What normalizations share: their settings, γ and β, and sums over the rows of a batch."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from typing import Any

import numpy as np

from mlp import constraints, initializers, regularizers
from mlp.arrays import Array
from mlp.layers.base import Shape
from mlp.naming import is_integer, require, require_bool, require_in

Pair = tuple[Any, Any]  # what is given for β, and for γ


def keep_settings(
    layer: Any,
    axis: Any,
    epsilon: float,
    center: bool,
    scale: bool,
    initial: Pair,
    penalties: Pair,
    bounds: Pair,
) -> None:
    """Check the constructor's arguments and make them attributes of the layer."""
    layer.axis, layer.epsilon = axis_of_columns(axis), epsilon
    require_in("(0, inf)", "epsilon", epsilon)
    require_bool("center", center)
    require_bool("scale", scale)
    layer.center, layer.scale = center, scale
    layer.beta_initializer, layer.gamma_initializer = map(initializers.get, initial)
    layer.beta_regularizer, layer.gamma_regularizer = map(regularizers.get, penalties)
    layer.beta_constraint, layer.gamma_constraint = map(constraints.get, bounds)


def axis_of_columns(axis: Any) -> Any:
    """The axis as it is given, if it can be the last: -1, or its number from 1 on, or a list of one."""
    single = _single(axis)
    right = is_integer(single) and (single == -1 or single > 0)
    require(right, "axis", axis, "-1 or the number of the last axis, which is that of the columns")
    return axis


def check_axis(axis: Any, input_shape: Shape) -> None:
    """Raise an `ArgumentError` unless the axis is the last of such rows, counted from either side."""
    last = _single(axis) in (-1, len(input_shape))
    require(
        last, "axis", axis, f"-1 or {len(input_shape)}, the last of an input of shape (n, *{input_shape})"
    )


def _single(axis: Any) -> Any:
    return axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis


def add_scale_and_shift(layer: Any, shape: Shape) -> None:
    """Make γ and β, those of them that the layer has, as its parameters."""
    if layer.scale:
        gamma = layer.gamma_initializer(layer.rng, shape)
        layer.add_parameter("gamma", gamma, True, layer.gamma_regularizer, layer.gamma_constraint)
    if layer.center:
        beta = layer.beta_initializer(layer.rng, shape)
        layer.add_parameter("beta", beta, True, layer.beta_regularizer, layer.beta_constraint)


def scaled_and_shifted(layer: Any, normed: Array, out: Array) -> Array:
    """γ x̂ + β into `out`, without what the layer lacks."""
    if layer.scale:
        normed = np.multiply(normed, layer.gamma, out)
    if layer.center:
        np.add(normed, layer.beta, out)
    elif not layer.scale:
        np.copyto(out, normed)
    return out


def over_rows(factors: Array, X: Array, out: Array) -> Array:
    """Σ_n factor_n X_n into `out`, shape (o,); all axes but the last count as rows."""
    if X.ndim > 2:
        factors, X = factors.reshape(-1), X.reshape(-1, X.shape[-1])
    result: Array = factors.dot(X, out)
    return result
