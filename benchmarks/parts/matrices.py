"""What works on a matrix of weights: regularizers, constraints, initializers."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.cells import FLOAT
from benchmarks.parts import entries
from benchmarks.parts.entries import Action, Entry, Size, generator, normal
from mlp import constraints, initializers, regularizers

# Regularizers: penalty and gradient. PyTorch has none.

REGULARIZERS: list[tuple[regularizers.Regularizer, Callable[[Any], Any]]] = [
    (regularizers.L1(), lambda K: K.L1()),
    (regularizers.L2(), lambda K: K.L2()),
    (regularizers.L1L2(0.01, 0.01), lambda K: K.L1L2(0.01, 0.01)),
    (regularizers.OrthogonalRegularizer(), lambda K: K.OrthogonalRegularizer()),
]


def penalise(part: regularizers.Regularizer, size: Size) -> Action:
    """The penalty, and its gradient into a buffer."""
    W = normal(0, *size)
    gradient = np.empty_like(W)
    return lambda: (part(W), part.gradient(W, gradient))


def penalise_keras(make: Callable[[Any], Any], size: Size) -> Action:
    """The penalty and its derivative, compiled."""
    jax, keras = entries.load_keras()
    return entries.compiled(jax.value_and_grad(make(keras.regularizers)), normal(0, *size))


# Constraints: a projection, in place where there is such a function. The weights break their bound at
# first and keep it from then on, which makes no difference to the work.

CONSTRAINTS: list[tuple[constraints.Constraint, Callable[[Any, Any], Any] | None, Callable[[Any], Any]]] = [
    (constraints.MaxNorm(), lambda torch, W: torch.renorm(W, 2, 1, 2.0, out=W), lambda K: K.MaxNorm()),
    (constraints.MinMaxNorm(), None, lambda K: K.MinMaxNorm()),
    (
        constraints.UnitNorm(),
        lambda torch, W: torch.nn.functional.normalize(W, dim=0, out=W),
        lambda K: K.UnitNorm(),
    ),
    (constraints.NonNeg(), lambda torch, W: W.clamp_(min=0), lambda K: K.NonNeg()),
]


def project(part: constraints.Constraint, size: Size) -> Action:
    """The projection, in place."""
    W = normal(0, *size)

    def action() -> Any:
        part.project(W)
        return (W,)

    return action


def project_torch(function: Callable[[Any, Any], Any], size: Size) -> Action:
    """The function, in place."""
    torch, W = entries.load_torch(), entries.torch_tensor(normal(0, *size))
    return lambda: (function(torch, W),)


def project_keras(make: Callable[[Any], Any], size: Size) -> Action:
    """The constraint, compiled."""
    _, keras = entries.load_keras()
    constraint = make(keras.constraints)
    return entries.compiled(lambda W: (constraint(W),), normal(0, *size))


# Initializers: weights of the layer's type. Keras's are called without `jit`, which would make their
# seeds and with them the numbers constants.

INITIALIZERS: list[
    tuple[initializers.Initializer, Callable[[Any, Any], Any] | None, Callable[[Any], Any] | None]
] = [
    (initializers.VarianceScaling(), None, lambda K: K.VarianceScaling()),
    (initializers.GlorotUniform(), lambda T, W: T.xavier_uniform_(W), lambda K: K.GlorotUniform()),
    (initializers.GlorotNormal(), None, lambda K: K.GlorotNormal()),  # PyTorch's is not truncated
    (initializers.HeUniform(), lambda T, W: T.kaiming_uniform_(W), lambda K: K.HeUniform()),
    (initializers.HeNormal(), None, lambda K: K.HeNormal()),
    (initializers.LecunUniform(), None, lambda K: K.LecunUniform()),
    (initializers.LecunNormal(), None, lambda K: K.LecunNormal()),
    (initializers.Orthogonal(), lambda T, W: T.orthogonal_(W), lambda K: K.Orthogonal()),
    (initializers.Identity(), lambda T, W: T.eye_(W), lambda K: K.Identity()),
    (initializers.RandomNormal(), lambda T, W: T.normal_(W, 0, 0.05), lambda K: K.RandomNormal()),
    (
        initializers.TruncatedNormal(),
        lambda T, W: T.trunc_normal_(W, 0, 0.05, -0.1, 0.1),
        lambda K: K.TruncatedNormal(),
    ),
    (initializers.RandomUniform(), lambda T, W: T.uniform_(W, -0.05, 0.05), lambda K: K.RandomUniform()),
    (initializers.Constant(2.0), lambda T, W: T.constant_(W, 2.0), lambda K: K.Constant(2.0)),
    (initializers.Zeros(), lambda T, W: T.zeros_(W), lambda K: K.Zeros()),
    (initializers.Ones(), lambda T, W: T.ones_(W), lambda K: K.Ones()),
]


def draw(part: initializers.Initializer, size: Size) -> Action:
    """A call with the generator of a model; the layer takes the numbers in its own type."""
    rng, shape = generator(), tuple(size)

    def action() -> None:
        np.array(part(rng, shape), FLOAT)

    return action


def draw_torch(function: Callable[[Any, Any], Any], size: Size) -> Action:
    """The function fills a parameter that is there."""
    init, W = entries.load_torch().nn.init, entries.torch_tensor(np.empty(size, FLOAT))

    def action() -> None:
        function(init, W)

    return action


def draw_keras(make: Callable[[Any], Any], size: Size) -> Action:
    """A call."""
    jax, keras = entries.load_keras()
    initializer, wait, shape = make(keras.initializers), jax.block_until_ready, tuple(size)

    def action() -> None:
        wait(initializer(shape, dtype="float32"))

    return action


def entry(part: Any, mlp: Any, torch: Any = None, keras: Any = None) -> Entry:
    """An entry whose functions are there for both sizes."""
    return Entry(type(part), entries.label(part), mlp, torch, keras)


REGULARIZER_ENTRIES = [
    entry(part, partial(penalise, part), None, partial(penalise_keras, keras)) for part, keras in REGULARIZERS
]
CONSTRAINT_ENTRIES = [
    entry(
        part, partial(project, part), torch and partial(project_torch, torch), partial(project_keras, keras)
    )
    for part, torch, keras in CONSTRAINTS
]
INITIALIZER_ENTRIES = [
    entry(
        part,
        partial(draw, part),
        torch and partial(draw_torch, torch),
        keras and partial(draw_keras, keras),
    )
    for part, torch, keras in INITIALIZERS
]
