"""Layers by name."""

from typing import TYPE_CHECKING, Any

from mlp.catalogue import Catalogue
from mlp.layers.base import Layer
from mlp.layers.shape import Columns, Flatten, Identity, Input, Permute, RepeatVector, Reshape
from mlp.naming import register

register(Input)
if TYPE_CHECKING:
    from mlp.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
    from mlp.layers.batch_normalization import BatchNormalization
    from mlp.layers.blocks import Concatenate, Residual
    from mlp.layers.dense import Dense
    from mlp.layers.dropout import Dropout
    from mlp.layers.embedding import Embedding
    from mlp.layers.function import Lambda
    from mlp.layers.group_normalization import GroupNormalization
    from mlp.layers.preprocessing import Normalization, Rescaling
    from mlp.layers.regularization import ActivityRegularization, AlphaDropout, GaussianDropout, GaussianNoise
    from mlp.layers.row_normalization import LayerNormalization, RMSNormalization, UnitNormalization

_CATALOGUE = Catalogue(
    "layer",
    Layer,
    {
        "mlp.layers.activation": "Activation PReLU",
        "mlp.layers.batch_normalization": "BatchNormalization",
        "mlp.layers.blocks": "Concatenate Residual",
        "mlp.layers.dense": "Dense",
        "mlp.layers.dropout": "Dropout",
        "mlp.layers.embedding": "Embedding",
        "mlp.layers.function": "Lambda",
        "mlp.layers.group_normalization": "GroupNormalization",
        "mlp.layers.preprocessing": "Normalization Rescaling",
        "mlp.layers.regularization": "ActivityRegularization AlphaDropout GaussianDropout GaussianNoise",
        "mlp.layers.row_normalization": "LayerNormalization RMSNormalization UnitNormalization",
        "mlp.layers.shape": "Columns Flatten Identity Permute RepeatVector Reshape",
    },
)
serialize, deserialize = _CATALOGUE.serialize, _CATALOGUE.deserialize

InputLayer = Input

# functions that make a layer
_MAKERS = dict.fromkeys(("ELU", "LeakyReLU", "ReLU", "Softmax"), "mlp.layers.activation")


def __getattr__(name: str) -> Any:
    """A class, loaded when it is asked for."""
    globals()[name] = part = _CATALOGUE.attribute(__name__, name, _MAKERS)
    return part


__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "AlphaDropout",
    "BatchNormalization",
    "Columns",
    "Concatenate",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GroupNormalization",
    "Identity",
    "Input",
    "InputLayer",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Normalization",
    "PReLU",
    "Permute",
    "RMSNormalization",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Residual",
    "Softmax",
    "UnitNormalization",
    "deserialize",
    "serialize",
]
