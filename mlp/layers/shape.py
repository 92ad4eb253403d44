"""Layers that only concern shapes: Input announces one, the others change, repeat or pick."""

from __future__ import annotations  # so that np.random is not loaded for a signature

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.layers.base import Layer, Shape, as_shape
from mlp.naming import Part, is_integer, require


class Input(Part):
    """The shape of one row of the model's input; given to `Sequential.add` first, or not at all.

    Parameters
    ----------
    shape : tuple of int
        Without the rows: ``(2,)`` for a table of two columns, ``(28, 28)`` for images.
    batch_size, dtype : optional
        Keras's, and of no effect: a batch may have any size, and inputs get the model's dtype.
    name : str, optional

    Examples
    --------
    >>> Input((2,))
    Input(shape=(2,))
    """

    def __init__(
        self, shape: Shape | int, batch_size: int | None = None, dtype: Any = None, name: str | None = None
    ) -> None:
        require(name is None or isinstance(name, str), "name", name, "a string")
        self.batch_size, self.dtype, self.name = batch_size, dtype, name
        self.shape = as_shape(shape, "shape")


class Flatten(Layer):
    """Each row as one line of numbers: (n, 28, 28) becomes (n, 784).

    Examples
    --------
    >>> import numpy as np
    >>> layer = Flatten()
    >>> layer.build((2, 3), np.random.default_rng(), np.dtype("float64"))
    >>> layer.forward(np.zeros((5, 2, 3))).shape
    (5, 6)
    """

    def forward(self, X: Array, training: bool = False) -> Array:
        return X.reshape(len(X), -1)

    def select(self, X: Array) -> Array:
        return X.reshape(len(X), -1)

    def backward(self, delta: Array) -> Array:
        assert self.input_shape is not None
        return delta.reshape(len(delta), *self.input_shape)

    @property
    def output_shape(self) -> Shape:
        if self.input_shape is None:
            raise ArgumentError("the layer is not built yet, so its shape is not known")
        return (math.prod(self.input_shape),)


class Reshape(Layer):
    """The numbers of each row in another shape: (n, 12) becomes (n, 3, 4).

    Parameters
    ----------
    target_shape : tuple of int
        Of one row. One of them may be -1: what is left.
    **options
        `input_shape`, `name` of `Layer`.

    Examples
    --------
    >>> layer = Reshape((3, -1))
    >>> layer.build((12,), np.random.default_rng(), np.dtype("float64"))
    >>> layer.forward(np.zeros((5, 12))).shape
    (5, 3, 4)
    """

    def __init__(self, target_shape: Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        sizes = target_shape if isinstance(target_shape, list | tuple) else ()
        whole = len(sizes) > 0 and all(is_integer(k) and (k > 0 or k == -1) for k in sizes)
        expected = "a tuple of positive integers, one of which may be -1"
        require(whole and list(sizes).count(-1) <= 1, "target_shape", target_shape, expected)
        self.target_shape = tuple(int(k) for k in sizes)

    def forward(self, X: Array, training: bool = False) -> Array:
        return X.reshape(len(X), *self._shape)

    def select(self, X: Array) -> Array:
        return X.reshape(len(X), *self._shape)

    def backward(self, delta: Array) -> Array:
        assert self.input_shape is not None
        return delta.reshape(len(delta), *self.input_shape) if self.passes_grad else delta

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        size, known = math.prod(input_shape), -math.prod(self.target_shape)
        open_size, left = (size // known, size % known) if -1 in self.target_shape else (0, size + known)
        fits = f"a shape of {size} numbers, as rows of shape {input_shape} have"
        require(left == 0, "target_shape", self.target_shape, fits)
        super().build(input_shape, rng, dtype)
        self._shape = tuple(open_size if k == -1 else k for k in self.target_shape)

    @property
    def output_shape(self) -> Shape:
        return self._shape


class Permute(Layer):
    """The axes of each row in another order: with dims (2, 1) each row is transposed.

    Parameters
    ----------
    dims : tuple of int
        The axes counted from 1, the rows being axis 0: ``out[n, k, j] = X[n, j, k]`` for (2, 1).
    **options
        `input_shape`, `name` of `Layer`.

    Examples
    --------
    >>> layer = Permute((2, 1))
    >>> layer.build((3, 4), np.random.default_rng(), np.dtype("float64"))
    >>> layer.forward(np.zeros((5, 3, 4))).shape
    (5, 4, 3)
    """

    grad: Array

    def __init__(self, dims: Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        given = dims if isinstance(dims, list | tuple) and all(map(is_integer, dims)) else ()
        expected = "the numbers from 1 on in some order"
        require(len(given) > 0 and sorted(given) == [*range(1, len(given) + 1)], "dims", dims, expected)
        self.dims = tuple(int(k) for k in given)

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        np.copyto(self.out, X.transpose(0, *self.dims))
        return self.out

    def select(self, X: Array) -> Array:
        return X.transpose(0, *self.dims)

    def backward(self, delta: Array) -> Array:
        if not self.passes_grad:
            return delta
        np.copyto(self.grad.transpose(0, *self.dims), delta)
        return self.grad

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        fits = len(self.dims) == len(input_shape)
        require(fits, "dims", self.dims, f"an order of the {len(input_shape)} axes of rows {input_shape}")
        super().build(input_shape, rng, dtype)

    def buffers(self) -> dict[str, Shape]:
        assert self.input_shape is not None
        return {"out": self.output_shape, "grad": self.input_shape}

    @property
    def output_shape(self) -> Shape:
        assert self.input_shape is not None
        return tuple(self.input_shape[k - 1] for k in self.dims)


class RepeatVector(Layer):
    """Each row k times: (n, i) becomes (n, k, i).

    Parameters
    ----------
    n : int
        How many times, k.
    **options
        `input_shape`, `name` of `Layer`.

    Examples
    --------
    >>> layer = RepeatVector(2)
    >>> layer.build((3,), np.random.default_rng(), np.dtype("float64"))
    >>> layer.forward(np.array([[1.0, 2.0, 3.0]]))
    array([[[1., 2., 3.],
            [1., 2., 3.]]])
    """

    grad: Array

    def __init__(self, n: int, **options: Any) -> None:
        super().__init__(**options)
        require(is_integer(n) and n > 0, "n", n, "a positive integer")
        self.n = int(n)

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        np.copyto(self.out, X[:, None])
        return self.out

    def select(self, X: Array) -> Array:
        return X[:, None].repeat(self.n, 1)

    def backward(self, delta: Array) -> Array:
        return np.add.reduce(delta, 1, out=self.grad) if self.passes_grad else delta

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        if len(input_shape) != 1:
            raise ArgumentError(
                f"RepeatVector takes rows of numbers, but each row has the shape {input_shape}; "
                "put a Flatten() before it"
            )
        super().build(input_shape, rng, dtype)

    def buffers(self) -> dict[str, Shape]:
        assert self.input_shape is not None
        return {"out": self.output_shape, "grad": self.input_shape}

    @property
    def output_shape(self) -> Shape:
        assert self.input_shape is not None
        return (self.n, *self.input_shape)


class Identity(Layer):
    """out = X.

    Examples
    --------
    >>> Identity().forward(np.ones((1, 2)))
    array([[1., 1.]])
    """

    def forward(self, X: Array, training: bool = False) -> Array:
        return X

    def select(self, X: Array) -> Array:
        return X

    def backward(self, delta: Array) -> Array:
        return delta


class Columns(Layer):
    """Some columns of each row, in the order given: for the branches of a `Concatenate`.

    Parameters
    ----------
    indices : int or sequence of int
        Numbers of the columns, from 0; negative ones count from the end. None comes twice.
    **options
        `input_shape`, `name` of `Layer`.

    Notes
    -----
    Going back, each column's delta returns to its place, and the others get 0.

    Examples
    --------
    >>> layer = Columns([0, -1])
    >>> layer.build((3,), np.random.default_rng(), np.dtype("float64"))
    >>> layer.forward(np.array([[1.0, 2.0, 3.0]]))
    array([[1., 3.]])
    >>> layer.backward(np.array([[5.0, 7.0]]))
    array([[5., 0., 7.]])
    """

    grad: Array

    def __init__(self, indices: int | Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        several = np.iterable(indices) and not isinstance(indices, str)
        numbers: list[Any] = list(indices) if several else [indices]  # type: ignore[arg-type]
        whole = len(numbers) > 0 and all(map(is_integer, numbers))
        require(whole, "indices", indices, "an integer or a list of integers")
        self.indices = [int(k) for k in numbers]

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        for here, there in self.runs:
            self.out[..., here] = X[..., there]
        return self.out

    def select(self, X: Array) -> Array:
        return X[..., self.indices]

    def backward(self, delta: Array) -> Array:
        if not self.passes_grad:
            return delta
        self.grad.fill(0)
        for here, there in self.runs:
            self.grad[..., there] = delta[..., here]
        return self.grad

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        width = input_shape[-1]
        inside = all(-width <= k < width for k in self.indices)
        require(inside, "indices", self.indices, f"columns of rows of shape {input_shape}")
        columns = [k % width for k in self.indices]
        require(len({*columns}) == len(columns), "indices", self.indices, "different columns")
        super().build(input_shape, rng, dtype)
        self.runs = even_runs(columns)

    def buffers(self) -> dict[str, Shape]:
        assert self.input_shape is not None
        return {"out": self.output_shape, "grad": self.input_shape}

    @property
    def output_shape(self) -> Shape:
        assert self.input_shape is not None
        return (*self.input_shape[:-1], len(self.indices))


def even_runs(columns: Sequence[int]) -> list[tuple[slice, slice]]:
    """Places (here, there) such that ``columns[here]`` are the columns `there`, in few slices of even steps.

    Examples
    --------
    >>> even_runs([1, 3, 5, 0])
    [(slice(0, 3, None), slice(1, 6, 2)), (slice(3, 4, None), slice(0, 1, 1))]
    """
    runs, start = [], 0
    while start < len(columns):
        stop = start + 1
        step = columns[stop] - columns[start] if stop < len(columns) else 1
        while stop < len(columns) and columns[stop] - columns[stop - 1] == step:
            stop += 1
        beyond = columns[stop - 1] + (1 if step > 0 else -1)
        there = slice(columns[start], beyond if beyond >= 0 else None, step)
        runs.append((slice(start, stop), there))
        start = stop
    return runs
