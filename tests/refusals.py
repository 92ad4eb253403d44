"""What the tests of bad arguments share: a trained model, and the promise that an error moves nothing."""

import contextlib
import copy

import numpy as np
import pytest

import mlp
from mlp import Sequential, layers
from mlp.errors import ArgumentError

rng = np.random.default_rng(0)
X = rng.normal(size=(8, 3))
BCE, CCE, SPARSE = "binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"
labels = np.arange(8) % 3
T = X[:, :1] * 2
TARGETS = {"mse": T, BCE: (T > 0).astype(float), CCE: np.eye(3)[labels], SPARSE: labels}
OUTPUTS = {"mse": (1, None), BCE: (1, "sigmoid")}


def net(loss="mse", **options) -> Sequential:
    """A model with dropout and with a state in its optimizer, so that whatever moves is seen."""
    units, output = OUTPUTS.get(loss, (3, "softmax"))
    model = Sequential([layers.Dense(4, "tanh"), layers.Dropout(0.2), layers.Dense(units, output)], seed=0)
    model.compile("adam", loss, **options)
    model.fit(X, TARGETS[loss], verbose=0)
    return model


def state(model) -> list:
    """All that training moves, to the bit."""
    vectors = [model.parameters.values, *model.optimizer.state.values()] if model.built else []
    return [
        [vector.tobytes() for vector in vectors],
        model.optimizer.iterations,
        str(model.rng.bit_generator.state),
        [(layer.name, layer.built) for layer in model.layers],
    ]


@contextlib.contextmanager
def refused(model, message, kind=ArgumentError, loss="mse"):
    """What follows raises `kind` with that text, moves nothing and does no lasting harm."""
    twin, before = copy.deepcopy(model), state(model)
    with pytest.raises(kind, match=message) as caught:
        yield
    assert isinstance(caught.value, mlp.MLPError)
    assert state(model) == before
    for each in (model, twin):
        each.fit(X, TARGETS[loss], verbose=0, epochs=2, batch_size=3)
    assert state(model) == state(twin)
