"""Golden penalties and their gradients."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import torch
from keras.src.regularizers import ALL_OBJECTS_DICT
from peers import TYPES, compare, use

REGULARIZERS = [
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L2", {}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.2, "l2": 0.3}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.7, "mode": "columns"}),
]
PENALTIES = {  # as PyTorch's users write them
    "L1": lambda W, l1=0.01: l1 * W.abs().sum(),
    "L2": lambda W, l2=0.01: l2 * W.square().sum(),
    "L1L2": lambda W, l1=0.0, l2=0.0: l1 * W.abs().sum() + l2 * W.square().sum(),
}


def weights():
    W = np.random.default_rng(5).normal(size=(5, 4)).round(3)
    W[1, 2] = W[4, 0] = 0
    return W


def regularizers():
    """Penalty and gradient of each, for a W with zeros in it."""
    golden = {"W": weights(), "cases": {}}
    for dtype in TYPES:
        use(dtype)
        W = jnp.asarray(weights(), dtype)
        for k, (name, options) in enumerate(REGULARIZERS):
            penalty, gradient = jax.value_and_grad(getattr(keras.regularizers, name)(**options))(W)
            assert gradient.dtype == dtype
            case = golden["cases"].setdefault(str(k), {"class": name, "options": options})
            case[dtype] = {"penalty": penalty, "gradient": gradient}
            if name in PENALTIES and dtype == "float64":
                theirs = torch.tensor(weights(), requires_grad=True)
                PENALTIES[name](theirs, **options).backward()
                compare(f"gradient of {name}", gradient, theirs.grad.numpy())
    golden["names"] = {name: cls.__name__ for name, cls in sorted(ALL_OBJECTS_DICT.items())}
    return golden
