"""Layers by name."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlp.catalogue import Catalogue
from mlp.errors import ArgumentError
from mlp.layers.base import Layer
from mlp.layers.shape import Columns, Flatten, Identity, Input, Permute, RepeatVector, Reshape
from mlp.naming import find, register, require

register(Input)
if TYPE_CHECKING:
    from mlp.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
    from mlp.layers.batch_normalization import BatchNormalization
    from mlp.layers.blocks import Concatenate, Residual
    from mlp.layers.dense import Dense
    from mlp.layers.embedding import Embedding
    from mlp.layers.function import Lambda
    from mlp.layers.group_normalization import GroupNormalization
    from mlp.layers.ntk_dense import NTKDense
    from mlp.layers.periodic_embedding import PeriodicEmbedding
    from mlp.layers.preprocessing import Normalization, Rescaling
    from mlp.layers.regularization import (
        ActivityRegularization,
        AlphaDropout,
        Dropout,
        GaussianDropout,
        GaussianNoise,
    )
    from mlp.layers.row_normalization import LayerNormalization, RMSNormalization, UnitNormalization
    from mlp.layers.scale import Scale

_CATALOGUE = Catalogue(
    "layer",
    Layer,
    {
        "mlp.layers.activation": "Activation PReLU",
        "mlp.layers.batch_normalization": "BatchNormalization",
        "mlp.layers.blocks": "Concatenate Residual",
        "mlp.layers.dense": "Dense",
        "mlp.layers.embedding": "Embedding",
        "mlp.layers.function": "Lambda",
        "mlp.layers.group_normalization": "GroupNormalization",
        "mlp.layers.ntk_dense": "NTKDense",
        "mlp.layers.periodic_embedding": "PeriodicEmbedding",
        "mlp.layers.preprocessing": "Normalization Rescaling",
        "mlp.layers.regularization": (
            "ActivityRegularization AlphaDropout Dropout GaussianDropout GaussianNoise"
        ),
        "mlp.layers.row_normalization": "LayerNormalization RMSNormalization UnitNormalization",
        "mlp.layers.scale": "Scale",
        "mlp.layers.shape": "Columns Flatten Identity Permute RepeatVector Reshape",
    },
)
serialize = _CATALOGUE.serialize

InputLayer = Input

# functions that make an `Activation`; in Keras they are classes
_MAKERS = dict.fromkeys(("ELU", "LeakyReLU", "ReLU", "Softmax"), "mlp.layers.activation")


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The layer that `serialize` described, by its class's name; None stays None.

    Parameters
    ----------
    config : dict, str or None
        Keras's ReLU, LeakyReLU, ELU and Softmax are understood too, and become an `Activation`.
    custom_objects : mapping of str to class, optional
        Classes of your own that are not registered.
    """
    name = config.get("class_name") if isinstance(config, Mapping) else None
    if not isinstance(name, str) or name not in _MAKERS or find(name, "Layer", custom_objects) is not None:
        return _CATALOGUE.deserialize(config, custom_objects)
    options = config.get("config")
    require(isinstance(options, Mapping), "config", options, "a dict of arguments")
    try:
        return __getattr__(name)(**options)
    except TypeError as error:
        raise ArgumentError(f"{name} cannot be made from this configuration: {error}") from error


def __getattr__(name: str) -> Any:
    """A class, loaded when it is asked for."""
    globals()[name] = part = _CATALOGUE.attribute(__name__, name, _MAKERS)
    return part


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


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
    "NTKDense",
    "Normalization",
    "PReLU",
    "PeriodicEmbedding",
    "Permute",
    "RMSNormalization",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Residual",
    "Scale",
    "Softmax",
    "UnitNormalization",
    "deserialize",
    "serialize",
]
