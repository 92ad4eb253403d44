"""Layers by name."""

from mlp.layers.activation import Activation
from mlp.layers.base import Layer
from mlp.layers.dense import Dense
from mlp.layers.dropout import Dropout
from mlp.layers.shape import Flatten, Input
from mlp.naming import Catalogue, register

register(Input)
_CATALOGUE = Catalogue("layer", Layer, [Dense, Activation, Dropout, Flatten])

InputLayer = Input

__all__ = ["Activation", "Dense", "Dropout", "Flatten", "Input", "InputLayer", "Layer"]
