"""Golden moments of initial weights, and what does not depend on chance."""

import keras
import numpy as np
from keras.src.initializers import ALL_OBJECTS_DICT
from peers import use

SHAPE = (300, 900)  # inputs, units
GLOROT_AND_KIN = [f"{who}{how}" for who in ("Glorot", "He", "Lecun") for how in ("Uniform", "Normal")]
DRAWN = [
    *((name, {}) for name in GLOROT_AND_KIN),
    ("RandomNormal", {}),
    ("RandomNormal", {"mean": 0.2, "stddev": 0.1}),
    ("TruncatedNormal", {}),
    ("TruncatedNormal", {"mean": 0.2, "stddev": 0.1}),
    ("RandomUniform", {}),
    ("RandomUniform", {"minval": -1, "maxval": 2}),
    *(
        ("VarianceScaling", {"scale": 2.0, "mode": mode, "distribution": distribution})
        for mode in ("fan_in", "fan_out", "fan_avg")
        for distribution in ("uniform", "truncated_normal", "untruncated_normal", "normal")
    ),
    ("Orthogonal", {}),
    ("Orthogonal", {"gain": 3}),
]
SHAPES_OF_FANS = [(7, 5), (5,), (), (2, 3, 4), (2, 3, 4, 5)]
FIXED = [("Identity", {"gain": 0.5}, (3, 4)), ("Constant", {"value": -1.5}, (2, 2)), ("Ones", {}, (2,))]


def initializers():
    """Mean, standard deviation and largest magnitude of Keras's weights, in float64."""
    use("float64")
    drawn = []
    for name, options in DRAWN:
        W = np.asarray(getattr(keras.initializers, name)(**options, seed=3)(SHAPE))
        moments = [float(W.mean()), float(W.std()), float(np.abs(W).max())]
        drawn.append({"class": name, "options": options, "moments": moments})
    orthogonal = {}
    for shape in [(6, 4), (4, 6), (2, 3, 4)]:
        W = np.asarray(keras.initializers.Orthogonal(gain=2.0, seed=1)(shape)).reshape(-1, shape[-1])
        orthogonal[str(list(shape))] = np.linalg.svd(W, compute_uv=False).round(12)
    fixed = [
        {
            "class": name,
            "options": options,
            "W": np.asarray(getattr(keras.initializers, name)(**options)(shape)),
        }
        for name, options, shape in FIXED
    ]
    return {
        "shape": SHAPE,
        "drawn": {str(k): case for k, case in enumerate(drawn)},
        "singular values of Orthogonal(2.0)": orthogonal,
        "fixed": {str(k): case for k, case in enumerate(fixed)},
        "fans": [
            [shape, keras.src.initializers.random_initializers.compute_fans(shape)]
            for shape in SHAPES_OF_FANS
        ],
        "names": {name: cls.__name__ for name, cls in sorted(ALL_OBJECTS_DICT.items())},
    }
