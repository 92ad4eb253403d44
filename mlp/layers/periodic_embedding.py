"""Numbers as points: each column becomes some waves of it, mixed, with the column itself beside them."""

from __future__ import annotations  # so that np.random is not loaded for a signature

import math
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.layers.base import Layer, Shape
from mlp.naming import is_integer, require, require_bool, require_in

TURN = 2 * math.pi


class PeriodicEmbedding(Layer):
    """out = [e_1, …, e_d, x_1, …, x_d] with e_j = cos(u_j) W_j + b_j and u_j = 2π x_j f_j + φ_j.

    Parameters
    ----------
    units : int, default 4
        Numbers that stand for a column, its own value among them if it is included.
    frequencies : int, default 16
        How many waves a column has, m.
    stddev : float in [0, inf), default 0.1
        Standard deviation of the normal numbers that f_j begins with. The scale of the columns should
        be near 1; a larger one lets the net bend faster along a column from the start.
    include_input : bool, default True
        Whether x_j is one of the numbers; all columns stand behind all e.
    **options
        `input_shape`, `name`, `trainable` of `Layer`.

    Attributes
    ----------
    frequency, phase : Array of shape (d, m)
        f and φ of each column; φ begins uniform in [−π, π].
    W : Array of shape (d, m, k)
        With k = units − 1, or units without the input. It begins uniform in ±1/√m, as b does.
    b : Array of shape (d, k)

    Raises
    ------
    ArgumentError
        If an argument cannot be used; when it is built, if a row has more than one axis.

    Notes
    -----
    This is the embedding "PBLD" (periodic, bias, linear, dense) of the second reference. With δ_j the
    delta of e_j,

        dW_j = Σ_n cos(u_j)ᵀ δ_j,  db_j = Σ_n δ_j,  du_j = −sin(u_j) ∘ δ_j W_jᵀ,
        dφ_j = Σ_n du_j,  df_j = 2π Σ_n x_j du_j,  grad_j = 2π f_j · du_j + grad of x_j.

    For a function of the e there is `Activation`: ``Concatenate([[PeriodicEmbedding(3,
    include_input=False), Activation("relu")], []])`` has the same columns in the same places.

    References
    ----------
    Y. Gorishniy, I. Rubachev and A. Babenko, "On embeddings for numerical features in tabular deep
    learning", NeurIPS (2022); D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by default:
    strong pre-tuned MLPs and boosted trees on tabular data" (2024).

    Examples
    --------
    One wave of one column, cos(2π x/4):

    >>> layer = PeriodicEmbedding(units=2, frequencies=1)
    >>> layer.build((1,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.frequency, layer.phase, layer.W, layer.b = 1 / 4, 0, 1, 0
    >>> layer.forward(np.array([[0.0], [1.0], [2.0]])).round(12)
    array([[ 1.,  0.],
           [ 0.,  1.],
           [-1.,  2.]])
    """

    frequency: Array
    phase: Array
    W: Array
    b: Array
    dfrequency: Array
    dphase: Array
    dW: Array
    db: Array
    columns: Array
    angles: Array
    waves: Array
    slopes: Array
    dangles: Array
    embedded: Array
    parts: Array
    sums: Array
    grad: Array

    def __init__(
        self,
        units: int = 4,
        frequencies: int = 16,
        stddev: float = 0.1,
        include_input: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        require_bool("include_input", include_input)
        least = 2 if include_input else 1
        expected = f"an integer of at least {least}" + (", the column itself being one" if least == 2 else "")
        require(is_integer(units) and units >= least, "units", units, expected)
        require(is_integer(frequencies) and frequencies > 0, "frequencies", frequencies, "a positive integer")
        require_in("[0, inf)", "stddev", stddev)
        self.units, self.frequencies = int(units), int(frequencies)
        self.stddev, self.include_input = stddev, include_input

    def forward(self, X: Array, training: bool = False) -> Array:
        if len(X) != self.rows:
            self.allocate(len(X))
        # one column after the other, with the rows side by side: long loops, and one product a column
        columns, angles, waves, embedded = self._by_column("columns", "angles", "waves", "embedded")
        np.copyto(columns, X.T[:, None])
        np.multiply((TURN * self.frequency)[:, :, None], columns, angles)
        np.add(angles, self.phase[:, :, None], angles)  # u = 2π x f + φ             (d, m, n)
        np.cos(angles, waves)
        np.matmul(self.W.transpose(0, 2, 1), waves, embedded)
        np.add(embedded, self.b[:, :, None], embedded)  # e = cos(u) W + b           (d, k, n)
        wide = self.b.size
        np.copyto(self.out[:, :wide], embedded.reshape(wide, -1).T)
        if self.include_input:
            np.copyto(self.out[:, wide:], X)
        return self.out

    def backward(self, delta: Array) -> Array:
        wide = self.b.size
        columns, angles, waves, parts = self._by_column("columns", "angles", "waves", "parts")
        slopes, dangles, sums = self._by_column("slopes", "dangles", "sums")
        np.copyto(parts.reshape(wide, -1), delta[:, :wide].T)
        np.matmul(-self.W, parts, dangles)
        np.multiply(dangles, np.sin(angles, slopes), dangles)  # du = −sin(u) ∘ delta Wᵀ
        if self.learns:
            np.matmul(waves, parts.transpose(0, 2, 1), self.dW)
            np.add.reduce(parts, 2, out=self.db)
            np.add.reduce(dangles, 2, out=self.dphase)
            np.matmul(dangles, columns.transpose(0, 2, 1), self.dfrequency[:, :, None])
            np.multiply(self.dfrequency, TURN, self.dfrequency)
        if not self.passes_grad:
            return delta
        np.matmul((TURN * self.frequency)[:, None], dangles, sums)
        np.copyto(self.grad, sums[:, 0].T)
        if self.include_input:
            np.add(self.grad, delta[:, wide:], self.grad)
        return self.grad

    def _by_column(self, *names: str) -> list[Array]:
        """Buffers as stacks of shape (d, numbers of a column, n), each column's in one piece."""
        (d,) = self.input_shape or (0,)
        return [vars(self)[name].reshape(d, -1, self.rows) for name in names]

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        if len(input_shape) != 1:
            raise ArgumentError(
                f"PeriodicEmbedding takes rows of numbers, but each row has the shape {input_shape}; "
                "put a Flatten() before it"
            )
        super().build(input_shape, rng, dtype)
        (d,), m, k = input_shape, self.frequencies, self.units - self.include_input
        self.add_parameter("frequency", rng.normal(0, self.stddev, (d, m)))
        self.add_parameter("phase", rng.uniform(-math.pi, math.pi, (d, m)))
        limit = 1 / math.sqrt(m)
        self.add_parameter("W", rng.uniform(-limit, limit, (d, m, k)))
        self.add_parameter("b", rng.uniform(-limit, limit, (d, k)))

    def buffers(self) -> dict[str, Shape]:
        d, m, k = self.W.shape
        shapes: dict[str, Shape] = dict.fromkeys(("angles", "waves", "slopes", "dangles"), (d * m,))
        shapes |= dict.fromkeys(("embedded", "parts"), (d * k,)) | dict.fromkeys(("columns", "sums"), (d,))
        return shapes | {"out": self.output_shape} | ({"grad": (d,)} if self.passes_grad else {})

    @property
    def output_shape(self) -> Shape:
        assert self.input_shape is not None
        return (self.input_shape[0] * self.units,)
