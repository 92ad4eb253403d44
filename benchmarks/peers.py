"""The contestants. Each is a function that takes a cell and returns one that trains for some epochs.

Every contestant starts from `Cell.weights`, shuffles each epoch (not for the full batch), gathers
its batches, computes the loss of every step and returns the mean loss of its last epoch, by which
the report sees that all of them do the same work. What it does once and not in every epoch
(compilation, conversion of the data) happens before the clock starts.
"""

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks import floor, inplace, plain, reference
from benchmarks.cells import Cell

Run = Callable[[int], float | None]


def prepare_mlp(cell: Cell, engine: str) -> Run:
    """`fit` of this package: layer objects, history, input checks, all of it."""
    X, y = cell.data()
    model = mlp_net(cell, engine)
    batch = "full" if cell.full else cell.batch

    def run(epochs: int) -> float:
        return model.fit(X, y, batch_size=batch, epochs=epochs, verbose=0).history["loss"][-1]

    return run


def mlp_net(cell: Cell, engine: str) -> Any:
    """The net in this package, compiled for that engine."""
    import mlp

    if engine == "numba":
        import numba  # noqa: F401  (its absence is noticed here)
    layers = [mlp.layers.Dense(units, activation="relu") for units in cell.sizes[1:-1]]
    layers.append(mlp.layers.Dense(cell.sizes[-1], activation="softmax"))
    model = mlp.Sequential([mlp.layers.Input((cell.sizes[0],)), *layers], seed=0)
    model.compile(optimizer=cell.rule, loss="sparse_categorical_crossentropy", engine=engine)
    model.set_weights(cell.weights())
    return model


def prepare_tuned(cell: Cell) -> Run:
    """The hand-tuned script of `inplace.py`."""
    return inplace.stochastic(cell) if cell.batch == 1 else inplace.minibatch(cell)


def prepare_sklearn(cell: Cell) -> Run:
    """`MLPClassifier.fit`. Two classes make it one logistic output, a slightly smaller net."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    X, y = cell.data()
    model = MLPClassifier(
        cell.sizes[1:-1], solver=cell.rule, alpha=0, batch_size=cell.batch, max_iter=1, tol=0, momentum=0,
        learning_rate_init=cell.learning_rate, n_iter_no_change=10**9, shuffle=not cell.full,
        warm_start=True, random_state=0,
    )  # fmt: skip

    def run(epochs: int) -> float:
        model.max_iter = epochs
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return float(model.fit(X, y).loss_)

    run(1)  # which makes the weights
    for weight, first in zip(model.coefs_, cell.weights()[0::2], strict=True):
        weight[:] = first[:, : weight.shape[1]]
    for bias in model.intercepts_:
        bias[:] = 0
    return run


def prepare_torch(cell: Cell) -> Run:
    """PyTorch as its tutorials have it: nn.Sequential, eager, tensors that are in memory already."""
    import torch
    from torch import nn

    X, y = map(torch.from_numpy, cell.data())
    model = torch_net(cell)
    kind = torch.optim.Adam if cell.rule == "adam" else torch.optim.SGD
    optimizer = kind(model.parameters(), lr=cell.learning_rate)
    criterion = nn.CrossEntropyLoss()

    def step(X_batch: Any, y_batch: Any) -> float:
        optimizer.zero_grad()
        loss = criterion(model(X_batch), y_batch)
        loss.backward()
        optimizer.step()
        return loss.item()

    def epoch() -> float:
        if cell.full:
            return step(X, y)
        batches = torch.randperm(cell.rows).split(cell.batch)
        return sum(step(X[rows], y[rows]) for rows in batches) / cell.steps

    return lambda epochs: [epoch() for _ in range(epochs)][-1]


def torch_net(cell: Cell) -> Any:
    """The net in PyTorch, without the softmax, which belongs to its loss."""
    import torch
    from torch import nn

    parts: list[Any] = []
    weights = [torch.from_numpy(weight) for weight in cell.weights()]
    for W, b in zip(weights[0::2], weights[1::2], strict=True):
        layer = nn.Linear(*W.shape)
        with torch.no_grad():
            layer.weight.copy_(W.T)
            layer.bias.copy_(b)
        parts += [layer, nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def prepare_keras(cell: Cell) -> Run:
    """Keras's `fit` on its JAX backend."""
    X, y = cell.data()
    model, keras = keras_net(cell)
    rule = keras.optimizers.Adam if cell.rule == "adam" else keras.optimizers.SGD
    model.compile(optimizer=rule(cell.learning_rate), loss="sparse_categorical_crossentropy")

    def run(epochs: int) -> float:
        options = dict(batch_size=cell.batch, epochs=epochs, shuffle=not cell.full, verbose=0)
        return model.fit(X, y, **options).history["loss"][-1]

    return run


def keras_net(cell: Cell) -> tuple[Any, Any]:
    """The net in Keras, and the module `keras`."""
    os.environ["KERAS_BACKEND"] = "jax"
    import jax  # noqa: F401  (a backend that is not installed is noticed here)
    import keras

    layers = [keras.layers.Dense(units, activation="relu") for units in cell.sizes[1:-1]]
    layers.append(keras.layers.Dense(cell.sizes[-1], activation="softmax"))
    model = keras.Sequential([keras.layers.Input((cell.sizes[0],)), *layers])
    model.set_weights(cell.weights())
    return model, keras


def prepare_jax(cell: Cell) -> Run:
    """JAX: a whole epoch compiled, shuffle, gather and Adam included; the state is donated."""
    import jax
    from jax import numpy as jnp

    X, y = map(jnp.asarray, cell.data())
    value_and_grad = jax.value_and_grad(jax_loss)
    update = partial(jax_adam if cell.rule == "adam" else jax_sgd, cell.learning_rate)

    def step(state: Any, rows: Any) -> tuple[Any, Any]:
        batch = (X, y) if rows is None else (X[rows], y[rows])
        loss, gradients = value_and_grad(state[0], *batch)
        return update(state, gradients), loss

    @partial(jax.jit, donate_argnums=0)
    def epoch(state: Any, key: Any) -> tuple[Any, Any, Any]:
        if cell.full:
            return *step(state, None), key
        key, now = jax.random.split(key)
        rows = jax.random.permutation(now, cell.rows).reshape(cell.steps, cell.batch)
        state, losses = jax.lax.scan(step, state, rows)
        return state, losses.mean(), key

    weights = [jnp.asarray(weight) for weight in cell.weights()]
    zeros = [jax.tree.map(jnp.zeros_like, weights) for _ in range(2)]
    state, key = (weights, *zeros, jnp.zeros(())), jax.random.key(0)

    def run(epochs: int) -> float:
        nonlocal state, key
        for _ in range(epochs):
            state, loss, key = epoch(state, key)
        jax.block_until_ready(state)
        return float(loss)

    return run


def jax_loss(weights: Any, X: Any, y: Any) -> Any:
    """Mean cross-entropy of the softmax, from the net activation."""
    import jax
    from jax import numpy as jnp

    *hidden, (W, b) = zip(weights[0::2], weights[1::2], strict=True)
    for W_hidden, b_hidden in hidden:
        X = jax.nn.relu(X @ W_hidden + b_hidden)
    log_p = jax.nn.log_softmax(X @ W + b)
    return -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()


def jax_adam(rate: float, state: Any, gradients: Any) -> Any:
    """One step of Adam; the state is weights, m, v and the number of the step."""
    import jax
    from jax import numpy as jnp

    weights, m, v, t = state
    t = t + 1
    alpha = rate * jnp.sqrt(1 - inplace.BETA_2**t) / (1 - inplace.BETA_1**t)
    m = jax.tree.map(lambda m, g: m + (1 - inplace.BETA_1) * (g - m), m, gradients)
    v = jax.tree.map(lambda v, g: v + (1 - inplace.BETA_2) * (g * g - v), v, gradients)
    change = jax.tree.map(lambda m, v: alpha * m / (jnp.sqrt(v) + inplace.EPSILON), m, v)
    return jax.tree.map(jnp.subtract, weights, change), m, v, t


def jax_sgd(rate: float, state: Any, gradients: Any) -> Any:
    """One step of plain descent; m, v and the number of the step stay as they are."""
    import jax

    weights, *rest = state
    return jax.tree.map(lambda W, g: W - rate * g, weights, gradients), *rest


@dataclass(frozen=True)
class Peer:
    """A contestant: what it is called in a table, and the function that prepares it for a cell."""

    title: str
    prepare: Callable[[Cell], Run]


PEERS = {
    "floor": Peer("NumPy products", floor.train),
    "floor_mkl": Peer("MKL products", floor.train_mkl),
    "c": Peer("C by hand", reference.train),
    "compiled": Peer("mlp, compiled", partial(prepare_mlp, engine="numba")),
    "mlp": Peer("mlp, NumPy", partial(prepare_mlp, engine="numpy")),
    "plain": Peer("in-place NumPy", plain.train),
    "tuned": Peer("hand-tuned NumPy", prepare_tuned),
    "jax": Peer("JAX", prepare_jax),
    "sklearn": Peer("scikit-learn", prepare_sklearn),
    "torch": Peer("PyTorch", prepare_torch),
    "keras": Peer("Keras", prepare_keras),
}
