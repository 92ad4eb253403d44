"""Categories as points: each integer of a column becomes a row of a learned table."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from typing import Any

import numpy as np

from mlp import constraints, initializers, regularizers
from mlp.arrays import Array, Mask, Workspace
from mlp.errors import ArgumentError
from mlp.layers.base import Layer, Shape
from mlp.naming import is_integer, require

WHOLE = {np.dtype(np.float32): 2**24, np.dtype(np.float64): 2**53}  # integers up to here are exact


class Embedding(Layer):
    """out[n, c] = embeddings[X[n, c]]: (n, c) integers become (n, c, d).

    Parameters
    ----------
    input_dim : int
        Number of categories: X holds integers from 0 to `input_dim` − 1.
    output_dim : int
        Length d of what stands for a category.
    embeddings_initializer : str or Initializer, default "uniform"
        From −0.05 to 0.05.
    embeddings_regularizer : str or Regularizer, optional
    embeddings_constraint : str or Constraint, optional
    **options
        `input_shape`, `name`, `trainable` of `Layer`.

    Attributes
    ----------
    embeddings : Array of shape (input_dim, d)
        One table for all columns; put a `Columns` before each of several `Embedding` in a
        `Concatenate` for tables of their own, and `Flatten` before `Dense`.

    Notes
    -----
    It is ``Dense(d, use_bias=False)`` on one-hot rows, without the zeros: the gradient of a row of
    the table is the sum of the deltas where it was looked up. Nothing is derived by a category, so
    the grad handed down is 0. Keras's `mask_zero` is for sequences and not here.

    Examples
    --------
    >>> layer = Embedding(3, 2)
    >>> layer.build((1,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.embeddings = [[0, 1], [2, 3], [4, 5]]
    >>> layer.forward(np.array([[2.0], [0.0]]))
    array([[[4., 5.]],
    <BLANKLINE>
           [[0., 1.]]])
    """

    embeddings: Array
    dembeddings: Array
    indices: Array
    starts: Array
    elements: Array
    wrong: Array
    grad: Array

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        require(is_integer(input_dim) and input_dim > 0, "input_dim", input_dim, "a positive integer")
        require(is_integer(output_dim) and output_dim > 0, "output_dim", output_dim, "a positive integer")
        self.input_dim: int = int(input_dim)
        self.output_dim = int(output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.integers = Workspace()

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        if self.checked:
            np.copyto(self.indices, X, casting="unsafe")
        else:
            self._look_up(X)
        return np.take(self.embeddings, self.indices, 0, self.out, "clip")

    @np.errstate(invalid="ignore")  # NaN and the like become integers that are refused
    def _look_up(self, X: Array) -> None:
        np.copyto(self.indices, X, casting="unsafe")
        np.not_equal(X, self.indices, self.wrong)
        # as an unsigned number a negative one is greater than all indices
        if self.wrong.any() or self.indices.view(np.uint64).max() >= self.input_dim:
            self.check(X, np.indices(X.shape[1:]), "the batch")

    def check(self, X: Array, places: Array, name: str) -> None:
        right = (X >= 0) & (self.input_dim > X) & (np.floor(X) == X)
        if not right.all():
            row, *column = np.argwhere(~right)[0]
            place = tuple(places[:, *column].tolist())
            raise ArgumentError(
                f"layer {self.name!r} takes integers from 0 to {self.input_dim - 1}, but in row {row} of "
                f"{name}, column {place[0] if len(place) == 1 else place}, it got {X[row, *column]}"
            )

    def backward(self, delta: Array) -> Array:
        if self.learns:  # dE[X[n, c]] = Σ of delta[n, c], element by element of the flat table
            self.dembeddings.fill(0)
            np.multiply(self.indices, self.output_dim, self.starts)
            np.add(self.starts[..., None], self._columns, self.elements)
            np.add.at(self.dembeddings.reshape(-1), self.elements.reshape(-1), delta.reshape(-1))
        if not self.passes_grad:
            return delta
        self.grad.fill(0)
        return self.grad

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        most = WHOLE[dtype]
        fits = self.input_dim <= most
        require(fits, "input_dim", self.input_dim, f"at most {most}, up to which {dtype} counts exactly")
        super().build(input_shape, rng, dtype)
        table = self.embeddings_initializer(rng, (self.input_dim, self.output_dim))
        self.add_parameter("embeddings", table, True, self.embeddings_regularizer, self.embeddings_constraint)
        self._columns = np.arange(self.output_dim)

    def allocate(self, rows: int) -> None:
        super().allocate(rows)
        assert self.input_shape is not None
        shapes = {
            "indices": self.input_shape,
            "starts": self.input_shape,
            "elements": self.output_shape,
        }
        self.__dict__.update(self.integers.lend(rows, shapes, np.dtype(np.int64)))

    def buffers(self) -> dict[str, Shape]:
        assert self.input_shape is not None
        shapes: dict[str, Shape] = {"out": self.output_shape, "wrong": Mask(self.input_shape)}
        return shapes | ({"grad": self.input_shape} if self.passes_grad else {})

    @property
    def output_shape(self) -> Shape:
        assert self.input_shape is not None
        return (*self.input_shape, self.output_dim)

    def __getstate__(self) -> dict[str, Any]:
        integers = ("indices", "starts", "elements")
        return {name: value for name, value in super().__getstate__().items() if name not in integers}
