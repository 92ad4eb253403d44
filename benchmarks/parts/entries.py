"""What is measured of a part, at which sizes, on which numbers; and how the peers are called.

An entry has a function for each contestant that takes a size and returns an action: what is
done once is done by then, and a call of the action is what the clock sees. An action returns
what it computed, so that the contestants' results can be compared, or None where they draw
random numbers or the result is none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from benchmarks.cells import FLOAT, Array

Action = Callable[[], Any]
DTYPE = np.dtype(FLOAT)


class Size(NamedTuple):
    """Rows and columns of the matrix that a part works on."""

    rows: int
    columns: int

    def __str__(self) -> str:
        return f"{self.rows}x{self.columns}"


SMALL, LARGE = SIZES = Size(32, 64), Size(512, 1024)
Prepare = Callable[[Size], Action]


@dataclass(frozen=True)
class Entry:
    """One part.

    Parameters
    ----------
    part : type
        Its class in mlp.
    name : str
        What it is called in a table.
    mlp, torch, keras : callable
        From a size to an action; None where a peer has no such part.
    sizes : tuple of Size
        One, for a part that works on no matrix.
    """

    part: type
    name: str
    mlp: Prepare
    torch: Prepare | None = None
    keras: Prepare | None = None
    sizes: Sequence[Size] = SIZES

    def contestants(self) -> dict[str, Prepare]:
        """Those that have the part, by name."""
        named = {"mlp": self.mlp, "torch": self.torch, "keras": self.keras}
        return {name: prepare for name, prepare in named.items() if prepare is not None}


def label(part: Any) -> str:
    """The name of a part's class, and the arguments that are not its defaults."""
    return repr(part).removesuffix("()")


def normal(seed: int, *shape: int) -> Array:
    """Standard normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape, dtype=FLOAT)


def generator() -> np.random.Generator:
    """What weights are drawn from."""
    return np.random.default_rng(0)


# PyTorch: eager, one thread


def load_torch() -> Any:
    """The module, kept to one thread."""
    import torch

    torch.set_num_threads(1)
    return torch


def torch_tensor(array: Array, learned: bool = False) -> Any:
    """A tensor with a copy of the array, whose gradient is wanted or not."""
    return load_torch().tensor(array).requires_grad_(learned)


def torch_passes(function: Callable[..., Any], X: Any, grad: Array, learned: Sequence[Any] = ()) -> Action:
    """Forward and backward of ``function(X)``, with gradients by X and by what is learned."""
    above, leaves = torch_tensor(grad), [X, *learned]

    def action() -> tuple[Any, Any]:
        for leaf in leaves:
            leaf.grad = None
        out = function(X)
        out.backward(above)
        return out, X.grad

    return action


# Keras on JAX: compiled, one thread


def load_keras() -> tuple[Any, Any]:
    """The modules `jax` and `keras`."""
    import jax
    import keras

    return jax, keras


def keras_passes(function: Callable[..., Any], X: Array, grad: Array) -> Action:
    """Forward and backward of ``function(X)``, compiled as one function."""
    jax, _ = load_keras()

    def passes(X: Any, grad: Any) -> tuple[Any, Any]:
        out, pull = jax.vjp(function, X)
        return out, pull(grad)[0]

    return compiled(passes, X, grad)


def compiled(function: Callable[..., Any], *arguments: Any) -> Action:
    """Calls of a function that JAX has compiled, each waited for."""
    jax, _ = load_keras()
    given = [jax.tree.map(jax.numpy.asarray, argument) for argument in arguments]
    run, wait = jax.jit(function), jax.block_until_ready
    return lambda: wait(run(*given))


def handed_on(function: Callable[..., Any], state: Any, *arguments: Any) -> Action:
    """The same for a function from a state to the next; the memory of the old one is used again."""
    jax, _ = load_keras()
    given = [jax.tree.map(jax.numpy.asarray, argument) for argument in arguments]
    state = jax.tree.map(lambda value: jax.numpy.array(value, copy=True), state)
    run, wait = jax.jit(function, donate_argnums=0), jax.block_until_ready

    def action() -> None:
        nonlocal state
        state = wait(run(state, *given))

    return action
