"""Golden projections of weights."""

import jax.numpy as jnp
import keras
import numpy as np
import torch
from keras.src.constraints import ALL_OBJECTS_DICT
from peers import TYPES, compare, use

CONSTRAINTS = [
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 0.5, "axis": 1}),
    ("MaxNorm", {"max_value": 3, "axis": [0, 1]}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 1.5, "max_value": 2.5, "rate": 0.3, "axis": -1}),
    ("MinMaxNorm", {"min_value": 2.0, "max_value": 2.0}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": 1}),
    ("UnitNorm", {"axis": [0, 1]}),
    ("NonNeg", {}),
]


def weights():
    """Long columns and short ones, and one of zeros."""
    W = np.random.default_rng(6).normal(size=(4, 5)) * [0.1, 1, 3, 10, 0]
    return W.round(3)


def constraints():
    """W after each, and a bias after those that fit one."""
    golden = {"W": weights(), "b": weights()[1], "cases": {}}
    for dtype in TYPES:
        use(dtype)
        for k, (name, options) in enumerate(CONSTRAINTS):
            axis = options.get("axis", 0)
            options_there = options | {"axis": tuple(axis)} if isinstance(axis, list) else options
            constraint = getattr(keras.constraints, name)(**options_there)
            case = golden["cases"].setdefault(str(k), {"class": name, "options": options})
            case[dtype] = {"W": constraint(jnp.asarray(weights(), dtype))}
            if axis in (0, -1):
                case[dtype]["b"] = constraint(jnp.asarray(weights()[1], dtype))
            assert all(array.dtype == dtype for array in case[dtype].values())
    theirs = torch.renorm(torch.tensor(weights()), 2, 1, 2.0).numpy()
    compare("MaxNorm and renorm", np.asarray(golden["cases"]["0"]["float64"]["W"]), theirs)
    golden["names"] = {name: cls.__name__ for name, cls in sorted(ALL_OBJECTS_DICT.items())}
    return golden
