"""All update rules with their options, and a flat vector of two layers for them to move."""

import numpy as np

from mlp import optimizers
from mlp.layers import Dense
from mlp.parameters import Parameters

MAKERS = {
    "SGD": lambda **o: optimizers.SGD(0.01, **o),
    "SGD, nesterov": lambda **o: optimizers.SGD(0.01, 0.5, True, **o),
    "Lion": lambda **o: optimizers.Lion(0.01, **o),
    "Rprop": lambda **o: optimizers.Rprop(0.01, **o),
    "RMSprop": lambda **o: optimizers.RMSprop(0.01, momentum=0.3, **o),
    "RMSprop, centered": lambda **o: optimizers.RMSprop(0.01, epsilon=0.01, centered=True, **o),
    "Adagrad": lambda **o: optimizers.Adagrad(0.1, **o),
    "Adadelta": lambda **o: optimizers.Adadelta(10.0, **o),
    "Ftrl": lambda **o: optimizers.Ftrl(0.5, l1_regularization_strength=1e-4, **o),
    "Adam": lambda **o: optimizers.Adam(0.01, **o),
    "Adam, amsgrad": lambda **o: optimizers.Adam(0.01, amsgrad=True, **o),
    "AdamW": lambda **o: optimizers.AdamW(0.01, **({"weight_decay": 0.1} | o)),
    "Adamax": lambda **o: optimizers.Adamax(0.01, **o),
    "Nadam": lambda **o: optimizers.Nadam(0.01, **o),
    "RAdam": lambda **o: optimizers.RAdam(0.01, **o),
    "ScheduleFreeAdamW": lambda **o: optimizers.ScheduleFreeAdamW(0.01, warmup_steps=3, **o),
    "Lamb": lambda **o: optimizers.Lamb(0.01, **o),
    "Adafactor": lambda **o: optimizers.Adafactor(0.01, **o),
    "Muon": lambda **o: optimizers.Muon(0.01, exclude_layers=["out"], **o),
}
BLOCKWISE = [make for make in MAKERS.values() if not make().by_parameter]


def two_layers(dtype="float64", inputs=3, units=5, frozen=()):
    """The vector of a (inputs, units) and a (units, 2) layer; `frozen` names layers."""
    rng, found = np.random.default_rng(0), []
    for name, count, width in (("hidden", inputs, units), ("out", units, 2)):
        layer = Dense(width, name=name)
        layer.build((count,), rng, np.dtype(dtype))
        layer.trainable = name not in frozen
        layer.connect(below=False, learns=True)
        found.append(layer)
    vector = Parameters(found, np.dtype(dtype))
    vector.values[:] = rng.normal(size=vector.values.size)
    return vector


def walk(optimizer, vector, steps=8, seed=1, scale=1.0):
    """The parameters after each step, with random gradients; 0 for what is frozen."""
    rng, path = np.random.default_rng(seed), []
    optimizer.build(vector)
    for _ in range(steps):
        vector.gradients[:] = scale * rng.normal(size=vector.values.size)
        for place, trainable in zip(vector.slices, vector.trainable, strict=True):
            if not trainable:
                vector.gradients[place] = 0
        optimizer.step()
        path.append(vector.values.copy())
    return np.array(path)
