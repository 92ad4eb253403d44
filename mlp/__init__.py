"""mlp: the multilayer perceptron on a CPU, with the delta rule in plain sight.

    >>> import mlp
    >>> model = mlp.Sequential(seed=0)
    >>> model.add(mlp.layers.Input(shape=(2,)))
    >>> model.add(mlp.layers.Dense(20, activation="relu"))
    >>> model.add(mlp.layers.Dense(1, activation="sigmoid"))
    >>> model.compile(optimizer=mlp.optimizers.SGD(0.5), loss=mlp.losses.binary_crossentropy)
    >>> model.count_params()
    81

Importing it loads NumPy and nothing else that is heavy.
"""

from mlp import (
    activations,
    callbacks,
    errors,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    utils,
)
from mlp.errors import MLPError
from mlp.layers import Input
from mlp.naming import register
from mlp.sequential import Sequential
from mlp.version import __version__

__all__ = [
    "Input",
    "MLPError",
    "Sequential",
    "__version__",
    "activations",
    "callbacks",
    "errors",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "register",
    "utils",
]
