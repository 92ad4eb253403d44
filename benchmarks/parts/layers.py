"""Layers: forward in training and backward, with the gradients of what is learned."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from inspect import signature
from typing import Any

import numpy as np

from benchmarks.cells import FLOAT, Array
from benchmarks.parts import entries
from benchmarks.parts.entries import DTYPE, Action, Entry, Size, generator, normal
from mlp import layers

WORDS = 100  # rows of the embedding's table
FIELDS = 4  # columns of its input


@dataclass(frozen=True)
class Row:
    """A layer for o columns: mlp's, PyTorch's (from `torch.nn` and o), Keras's (from `keras` and o)."""

    name: str
    mlp: Callable[[int], layers.Layer]
    torch: Callable[[Any, int], Any] | None = None
    keras: Callable[[Any, int], Any] | None = None
    shape: Callable[[int], tuple[int, ...]] = lambda o: (o,)
    random: bool = False  # their numbers differ, be it weights or noise
    indices: bool = False


def residual(nn: Any, o: int) -> Any:
    """X + relu(X W + b)."""
    dense = nn.Linear(o, o)

    class Block(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.dense = dense

        def forward(self, X: Any) -> Any:
            return X + self.dense(X).relu()

    return Block()


def residual_keras(keras: Any, o: int) -> Any:
    """The same as a functional model."""
    X = keras.Input((o,))
    return keras.Model(X, keras.layers.add([X, keras.layers.Dense(o, "relu")(X)]))


def concatenate(nn: Any, o: int) -> Any:
    """Half of the columns from each of two layers."""
    parts = nn.ModuleList([nn.Linear(o, o // 2), nn.Linear(o, o // 2)])

    class Block(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.parts = parts

        def forward(self, X: Any) -> Any:
            return entries.load_torch().cat([part(X) for part in self.parts], 1)

    return Block()


def concatenate_keras(keras: Any, o: int) -> Any:
    """The same as a functional model."""
    X = keras.Input((o,))
    return keras.Model(X, keras.layers.concatenate([keras.layers.Dense(o // 2)(X) for _ in range(2)]))


def function(call: Callable[[Any], Any]) -> Callable[[Any, int], Any]:
    """A function of PyTorch's that learns nothing."""
    return lambda nn, o: call


def square() -> layers.Layer:
    """x², with its slope; what it computes goes into arrays of the user's own functions."""
    return layers.Lambda(np.square, slope=lambda X: X + X)


def normalization(o: int) -> layers.Layer:
    """With mean and variance given."""
    return layers.Normalization(mean=np.arange(o) % 7, variance=1.0 + np.arange(o) % 5)


def normalization_keras(keras: Any, o: int) -> Any:
    """The same."""
    return keras.layers.Normalization(mean=np.arange(o) % 7, variance=1.0 + np.arange(o) % 5)


def normalize_torch(nn: Any, o: int) -> Any:
    """The same by hand."""
    mean = entries.torch_tensor((np.arange(o) % 7).astype(FLOAT))
    deviation = entries.torch_tensor(np.sqrt(1.0 + np.arange(o) % 5).astype(FLOAT))
    return lambda X: (X - mean) / deviation


def take_columns(nn: Any, o: int) -> Any:
    """Every second column, in a list."""
    indices = entries.torch_tensor(np.arange(0, o, 2))
    return lambda X: X.index_select(1, indices)


def square_shape(o: int) -> tuple[int, ...]:
    """A row of two axes."""
    return (8, o // 8)


ROWS = [
    Row(
        "Dense",
        lambda o: layers.Dense(o),
        lambda nn, o: nn.Linear(o, o),
        lambda K, o: K.layers.Dense(o),
        random=True,
    ),
    Row(
        "Activation(tanh)",
        lambda o: layers.Activation("tanh"),
        lambda nn, o: nn.Tanh(),
        lambda K, o: K.layers.Activation("tanh"),
    ),
    Row(
        "PReLU",
        lambda o: layers.PReLU("ones"),
        lambda nn, o: nn.PReLU(o, 1.0),
        lambda K, o: K.layers.PReLU("ones"),
    ),
    Row(
        "Dropout(0.5)",
        lambda o: layers.Dropout(0.5),
        lambda nn, o: nn.Dropout(0.5),
        lambda K, o: K.layers.Dropout(0.5),
        random=True,
    ),
    Row(
        "AlphaDropout(0.1)",
        lambda o: layers.AlphaDropout(0.1),
        lambda nn, o: nn.AlphaDropout(0.1),
        lambda K, o: K.layers.AlphaDropout(0.1),
        random=True,
    ),
    Row(
        "GaussianDropout(0.1)",
        lambda o: layers.GaussianDropout(0.1),
        keras=lambda K, o: K.layers.GaussianDropout(0.1),
        random=True,
    ),
    Row(
        "GaussianNoise(0.1)",
        lambda o: layers.GaussianNoise(0.1),
        keras=lambda K, o: K.layers.GaussianNoise(0.1),
        random=True,
    ),
    Row(
        "ActivityRegularization",
        lambda o: layers.ActivityRegularization(0.1, 0.1),
        # alone, `stateless_call` would leave the penalty out
        keras=lambda K, o: K.Sequential([K.layers.ActivityRegularization(0.1, 0.1)]),
    ),
    Row(
        "BatchNormalization",
        lambda o: layers.BatchNormalization(),
        lambda nn, o: nn.BatchNorm1d(o, eps=1e-3),
        lambda K, o: K.layers.BatchNormalization(),
    ),
    Row(
        "LayerNormalization",
        lambda o: layers.LayerNormalization(),
        lambda nn, o: nn.LayerNorm(o, eps=1e-3),
        lambda K, o: K.layers.LayerNormalization(),
    ),
    Row(
        "GroupNormalization(8)",
        lambda o: layers.GroupNormalization(8),
        lambda nn, o: nn.GroupNorm(8, o, eps=1e-3),
        lambda K, o: K.layers.GroupNormalization(8),
    ),
    Row(
        "RMSNormalization",
        lambda o: layers.RMSNormalization(),
        lambda nn, o: nn.RMSNorm(o, eps=1e-6),
        lambda K, o: K.layers.RMSNormalization(),
    ),
    Row(
        "UnitNormalization",
        lambda o: layers.UnitNormalization(),
        function(lambda X: entries.load_torch().nn.functional.normalize(X, dim=1)),
        lambda K, o: K.layers.UnitNormalization(),
    ),
    Row("Normalization", normalization, normalize_torch, normalization_keras),
    Row(
        "Rescaling",
        lambda o: layers.Rescaling(0.5, -1),
        function(lambda X: X * 0.5 - 1),
        lambda K, o: K.layers.Rescaling(0.5, -1),
    ),
    Row(
        "Embedding",
        lambda o: layers.Embedding(WORDS, o // FIELDS),
        lambda nn, o: nn.Embedding(WORDS, o // FIELDS),
        lambda K, o: K.layers.Embedding(WORDS, o // FIELDS),
        lambda o: (FIELDS,),
        random=True,
        indices=True,
    ),
    Row(
        "Lambda(square)",
        lambda o: square(),
        function(lambda X: X.square()),
        lambda K, o: K.layers.Lambda(K.ops.square),
    ),
    Row(
        "Flatten",
        lambda o: layers.Flatten(),
        lambda nn, o: nn.Flatten(),
        lambda K, o: K.layers.Flatten(),
        square_shape,
    ),
    Row(
        "Reshape",
        lambda o: layers.Reshape((8, -1)),
        lambda nn, o: nn.Unflatten(1, (8, -1)),
        lambda K, o: K.layers.Reshape((8, -1)),
    ),
    Row(
        "Permute",
        lambda o: layers.Permute((2, 1)),
        function(lambda X: X.permute(0, 2, 1).contiguous()),
        lambda K, o: K.layers.Permute((2, 1)),
        square_shape,
    ),
    Row(
        "RepeatVector(3)",
        lambda o: layers.RepeatVector(3),
        function(lambda X: X[:, None].repeat(1, 3, 1)),
        lambda K, o: K.layers.RepeatVector(3),
    ),
    Row("Identity", lambda o: layers.Identity(), None, lambda K, o: K.layers.Identity()),
    Row("Columns", lambda o: layers.Columns(list(range(0, o, 2))), take_columns),
    Row(
        "Residual",
        lambda o: layers.Residual([layers.Dense(o, "relu")]),
        residual,
        residual_keras,
        random=True,
    ),
    Row(
        "Concatenate",
        lambda o: layers.Concatenate([layers.Dense(o // 2), layers.Dense(o // 2)]),
        concatenate,
        concatenate_keras,
        random=True,
    ),
]


def inputs(row: Row, size: Size) -> Array:
    """Rows for the layer: numbers, or indices as floats."""
    shape = (size.rows, *row.shape(size.columns))
    if row.indices:
        return np.random.default_rng(0).integers(0, WORDS, shape).astype(FLOAT)
    return normal(0, *shape)


def prepare(row: Row, size: Size) -> Action:
    """Forward, delta and backward."""
    layer, X = row.mlp(size.columns), inputs(row, size)
    layer.build(X.shape[1:], generator(), DTYPE)
    layer.connect(not row.indices, True)
    grad = normal(1, size.rows, *layer.output_shape)

    def action() -> tuple[Any, Any] | None:
        out = layer.forward(X, training=True)
        below = layer.backward(layer.delta(grad))
        return None if row.random else (out, below)

    return action


def prepare_torch(row: Row, make: Callable[[Any, int], Any], size: Size) -> Action:
    """Forward and `backward` of a module in training."""
    torch = entries.load_torch()
    module, array = make(torch.nn, size.columns), inputs(row, size)
    learned = list(module.parameters()) if isinstance(module, torch.nn.Module) else []
    if row.indices:
        X, leaves = torch.tensor(array.astype(np.int64)), learned
    else:
        X, leaves = entries.torch_tensor(array, learned=True), [*learned]
        leaves.append(X)
    above = entries.torch_tensor(normal(1, *module(X).shape))

    def action() -> tuple[Any, Any] | None:
        for leaf in leaves:
            leaf.grad = None
        out = module(X)
        out.backward(above)
        return None if row.random else (out, X.grad)

    return action


def prepare_keras(row: Row, make: Callable[[Any, int], Any], size: Size) -> Action:
    """`stateless_call` and its derivative by the weights and the input, compiled."""
    jax, keras = entries.load_keras()
    layer, X = make(keras, size.columns), inputs(row, size)
    X = X.astype(np.int32) if row.indices else X
    options = {"training": True} if "training" in signature(layer.call).parameters else {}
    grad = normal(1, *layer(X, **options).shape)  # which builds it
    learned = [variable.value for variable in layer.trainable_variables]
    others = [variable.value for variable in layer.non_trainable_variables]

    def passes(learned: Any, others: Any, X: Any, grad: Any) -> Any:
        def forward(learned: Any, X: Any) -> Any:
            out, state, penalties = layer.stateless_call(learned, others, X, return_losses=True, **options)
            return (out, sum(penalties, jax.numpy.zeros(()))), state

        if row.indices:
            (out, _), pull, state = jax.vjp(lambda learned: forward(learned, X), learned, has_aux=True)
            return out, *pull((grad, 1.0)), state
        (out, _), pull, state = jax.vjp(forward, learned, X, has_aux=True)
        by_learned, below = pull((grad, 1.0))
        return out, below, by_learned, state

    whole = entries.compiled(passes, learned, others, X, grad)

    def action() -> tuple[Any, Any] | None:
        results = whole()
        return None if row.random else results[:2]

    return action


ENTRIES = [
    Entry(
        type(row.mlp(64)),
        row.name,
        partial(prepare, row),
        row.torch and partial(prepare_torch, row, row.torch),
        row.keras and partial(prepare_keras, row, row.keras),
    )
    for row in ROWS
]
