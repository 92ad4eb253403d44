"""Programs with several trainings; ``python side_by_side.py fork|alone ENGINE`` prints their bits."""

import hashlib
import os
import sys

import numpy as np

from mlp import Sequential, layers

SEEDS = range(4)


def work(seed, engine="auto", epochs=3) -> str:
    """A model of the seed's own, trained with its own data, as a number."""
    return bits(trained(seed, engine, epochs))


def trained(seed, engine="auto", epochs=3) -> Sequential:
    rng = np.random.default_rng(seed)
    X, T = rng.normal(size=(300, 5)), np.eye(3)[rng.integers(0, 3, 300)]
    model = Sequential(
        [
            layers.Dense(24, "relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(3, "softmax"),
        ],
        seed=seed,
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"], engine=engine)
    model.fit(X, T, epochs=epochs, batch_size=16, validation_split=0.2, verbose=0)
    return model


def bits(model) -> str:
    """Weights, optimizer and history."""
    parts = [model.parameters.values, *model.optimizer.state.values()]
    text = b"".join(part.tobytes() for part in parts) + repr(model.history.history).encode()
    return hashlib.sha256(text).hexdigest()


def in_child(function) -> str:
    """What a function returns in a forked child."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.write(writer, function().encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        found = file.read()
    assert os.waitpid(child, 0)[1] == 0
    return found


def fork(engine):
    """A program that has trained forks, and both sides train on; the child also goes on with its model."""
    model = trained(9, engine)
    rng = np.random.default_rng(9)
    X, T = rng.normal(size=(300, 5)), np.eye(3)[rng.integers(0, 3, 300)]

    def on():
        model.fit(X, T, epochs=2, verbose=0)
        return bits(model)

    print(in_child(lambda: work(0, engine)), in_child(on), work(0, engine), on())


def alone(engine):
    for seed in SEEDS:
        print(work(seed, engine))


if __name__ == "__main__":
    {"fork": fork, "alone": alone}[sys.argv[1]](sys.argv[2])
