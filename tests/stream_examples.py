"""Batches for the tests of streams, and models that learn from them."""

import numpy as np

from mlp import Sequential, layers

ENGINES = ["numpy", "numba"]


def model(engine="numpy", loss="mse", **options):
    made = Sequential([layers.Dense(5, "tanh"), layers.Dense(options.pop("units", 1))], seed=3)
    made.compile("adam", loss, engine=engine, **options)
    return made


def batch(k, rows=8, width=3, dtype=np.float32):
    rng = np.random.default_rng(k)
    x = rng.normal(size=(rows, width)).astype(dtype)
    return x, x.sum(axis=1, keepdims=True)


def batches(count, first=0, **form):
    return (batch(k, **form) for k in range(first, count))


def broken(at, what, count=40):
    """Batches of which that of the number `at`, counted from 1, is made by `what`."""
    for k in range(count):
        yield what(*batch(k)) if k + 1 == at else batch(k)


def failing(at, error):
    yield from batches(at - 1)
    raise error


def bits(made):
    return made.parameters.values.tobytes(), made.optimizer.iterations


def trained_with(count, engine="numpy"):
    made = model(engine)
    made.fit(batches(count), verbose=0)
    return made
