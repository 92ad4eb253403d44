"""mlp: the multilayer perceptron on a CPU, with the delta rule in plain sight.

    >>> import mlp
    >>> model = mlp.Sequential(seed=0)
    >>> model.add(mlp.layers.Input(shape=(2,)))
    >>> model.add(mlp.layers.Dense(20, activation="relu"))
    >>> model.add(mlp.layers.Dense(1, activation="sigmoid"))
    >>> model.compile(optimizer=mlp.optimizers.SGD(0.5), loss=mlp.losses.binary_crossentropy)
    >>> model.count_params()
    81

Importing it loads NumPy; each module of the package is loaded when its name is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np  # noqa: F401 - the one thing that everything here needs

from mlp.version import __version__

if TYPE_CHECKING:
    from mlp import (
        activations,
        callbacks,
        constraints,
        doctor,
        errors,
        estimators,
        explanations,
        initializers,
        inspection,
        layers,
        losses,
        metrics,
        models,
        optimizers,
        plots,
        regularizers,
        saving,
        tabular,
        utils,
    )
    from mlp.errors import MLPError
    from mlp.estimators import MLPClassifier, MLPRegressor, SequentialClassifier, SequentialRegressor
    from mlp.initialization import initialize_from_data
    from mlp.initializers import Initializer
    from mlp.inspection import gradient_check
    from mlp.layers import Input, Layer
    from mlp.losses import Loss
    from mlp.metrics import Metric
    from mlp.naming import register
    from mlp.optimizers import Optimizer
    from mlp.regularizers import Regularizer
    from mlp.sequential import Sequential
    from mlp.tabular import (
        TabularClassifier,
        TabularRegressor,
        TabularSearchClassifier,
        TabularSearchRegressor,
    )

__all__ = [
    "Initializer",
    "Input",
    "Layer",
    "Loss",
    "MLPClassifier",
    "MLPError",
    "MLPRegressor",
    "Metric",
    "Optimizer",
    "Regularizer",
    "Sequential",
    "SequentialClassifier",
    "SequentialRegressor",
    "TabularClassifier",
    "TabularRegressor",
    "TabularSearchClassifier",
    "TabularSearchRegressor",
    "__version__",
    "activations",
    "callbacks",
    "constraints",
    "doctor",
    "errors",
    "estimators",
    "explanations",
    "gradient_check",
    "initialize_from_data",
    "initializers",
    "inspection",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "plots",
    "register",
    "regularizers",
    "saving",
    "tabular",
    "utils",
]

# a name that is not a module: where it lives
_HOMES = {
    "Initializer": "initializers",
    "Input": "layers",
    "Layer": "layers",
    "Loss": "losses",
    "MLPClassifier": "estimators",
    "MLPError": "errors",
    "MLPRegressor": "estimators",
    "Metric": "metrics",
    "Optimizer": "optimizers",
    "Regularizer": "regularizers",
    "Sequential": "models",
    "SequentialClassifier": "estimators",
    "SequentialRegressor": "estimators",
    "TabularClassifier": "tabular",
    "TabularRegressor": "tabular",
    "TabularSearchClassifier": "tabular",
    "TabularSearchRegressor": "tabular",
    "gradient_check": "inspection",
    "initialize_from_data": "initialization",
    "register": "naming",
}


def __getattr__(name: str) -> Any:
    """Load a module of the package, or what one holds, at its first use."""
    if name not in __all__:
        raise AttributeError(f"module 'mlp' has no attribute {name!r}; it has {', '.join(__all__)}")
    module = import_module(f"mlp.{_HOMES.get(name, name)}")
    value = getattr(module, name) if name in _HOMES else module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
