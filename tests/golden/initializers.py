"""Golden moments of initial weights."""

import keras
import numpy as np
from peers import use

SHAPE = (300, 900)  # inputs, units
INITIALIZERS = [f"{who}{how}" for who in ("Glorot", "He", "Lecun") for how in ("Uniform", "Normal")]


def initializers():
    """Mean, standard deviation and largest magnitude of Keras's weights, in float64."""
    use("float64")
    golden = {"shape": SHAPE, "moments": {}}
    for name in INITIALIZERS:
        W = np.asarray(getattr(keras.initializers, name)(seed=3)(SHAPE))
        golden["moments"][name] = [float(W.mean()), float(W.std()), float(np.abs(W).max())]
    return golden
