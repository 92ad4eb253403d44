"""The flat vector: all parameters of a model in one array, all gradients in its twin.

Every W and b is a view into it. An optimizer is then a handful of operations on two
vectors, a checkpoint is one array, and the sum of gradients over workers is one addition.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array, buffer
from mlp.constraints import Constraint
from mlp.layers import stack
from mlp.layers.base import Layer


class Parameters:
    """The parameters of some built layers, gathered into one vector.

    Parameters
    ----------
    layers : sequence of Layer
        Their parameters are copied into the vector and replaced by views of it.
    dtype : numpy.dtype

    Attributes
    ----------
    values, gradients : Array of shape (p,)
        The two vectors.
    slices : list of slice
        Where each parameter lies, in the order of `names`.
    names : list of str
        "dense.W", "dense.b" and so on; in a block "residual.dense.W".
    shapes : list of tuple of int
        Of each parameter.

    Examples
    --------
    >>> from mlp.layers import Dense
    >>> layer = Dense(2, name="dense")
    >>> layer.build((3,), np.random.default_rng(0), np.dtype("float64"))
    >>> parameters = Parameters([layer], np.dtype("float64"))
    >>> parameters.values[:] = 0
    >>> layer.W[1, 1] = 5
    >>> parameters.values
    array([0., 0., 0., 5., 0., 0., 0., 0.])
    """

    def __init__(self, layers: Sequence[Layer], dtype: np.dtype[Any]) -> None:
        size = sum(layer.count_params() for layer in layers)
        self._values, self._gradients = buffer((size,), dtype), buffer((size,), dtype)
        self.slices: list[slice] = []
        self.names: list[str] = []
        self.shapes: list[tuple[int, ...]] = []
        self._owners: list[tuple[Layer, str]] = []
        start = 0
        for path, layer in stack.leaves(layers):
            values, gradients = {}, {}
            for name, value in layer.parameters.items():
                place = slice(start, start + value.size)
                start = place.stop
                self.slices.append(place)
                self.names.append(f"{path}.{name}")
                self.shapes.append(value.shape)
                self._owners.append((layer, name))
                self.values[place] = value.reshape(-1)
                values[name] = self.values[place].reshape(value.shape)
                gradients["d" + name] = self.gradients[place].reshape(value.shape)
            layer.bind(values, gradients)

    @property
    def trainable(self) -> list[bool]:
        """Of each parameter, whether steps move it: not in a frozen layer, and not what is only kept."""
        return [layer.learns and name not in layer.kept for layer, name in self._owners]

    @property
    def layers(self) -> list[Layer]:
        """Of each parameter, the layer that it belongs to."""
        return [layer for layer, _ in self._owners]

    @property
    def constraints(self) -> list[tuple[slice, tuple[int, ...], Constraint]]:
        """Place, shape and constraint of the trainable parameters that have one."""
        return [
            (place, shape, layer.constraints[name])
            for (layer, name), place, shape in zip(self._owners, self.slices, self.shapes, strict=True)
            if name in layer.constraints and layer.learns
        ]

    @property
    def values(self) -> Array:
        """The vector of all parameters; to set them, assign to its elements: ``values[:] = ...``."""
        return self._values

    @property
    def gradients(self) -> Array:
        """The vector of all gradients."""
        return self._gradients
