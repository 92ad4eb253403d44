"""The cells of the benchmark: which net is trained with how many rows at a time, by which rule.

Hidden layers are ReLU, the output is a softmax with cross-entropy on integer labels, everything
is float32. Data are random: speed does not depend on what is learned. All contestants receive
the same rows, the same labels and the same first weights.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

FLOAT = np.float32
LEARNING_RATE = {"adam": 0.001, "sgd": 0.01}  # Keras's defaults


@dataclass(frozen=True)
class Cell:
    """One column of the table.

    Parameters
    ----------
    sizes : tuple of int
        Units of the input, the hidden layers and the output.
    batch : int
        Rows in a step.
    rule : {"adam", "sgd"}
    rows : int
        Rows of the data, a multiple of `batch`; equal to it for full-batch descent, which does not shuffle.
    """

    sizes: tuple[int, ...]
    batch: int
    rule: str
    rows: int

    @property
    def net(self) -> str:
        """The sizes in one word, "64-64-10"."""
        return "-".join(map(str, self.sizes))

    @property
    def name(self) -> str:
        """What the cell is called on the command line, "64-64-10/32"."""
        return f"{self.net}/{'full' if self.full else self.batch}"

    @property
    def title(self) -> str:
        """What the cell is called in a table or a picture."""
        batch = f"full batch {self.batch:,}" if self.full else f"batch {self.batch}"
        return f"{self.net} ({batch}, {'Adam' if self.rule == 'adam' else 'SGD'})"

    @property
    def full(self) -> bool:
        """Whether a step takes all rows."""
        return self.batch == self.rows

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return self.rows // self.batch

    @property
    def tiny(self) -> bool:
        """Whether a step is so small that the way around its arithmetic decides: up to 10,000 products."""
        weights = sum(i * o for i, o in pairwise(self.sizes))
        return weights * self.batch <= 10_000

    @property
    def learning_rate(self) -> float:
        """Step size of the rule."""
        return LEARNING_RATE[self.rule]

    def data(self) -> tuple[Array, Array]:
        """Inputs (n, i), standard normal, and labels (n,)."""
        rng = np.random.default_rng(0)
        X = rng.standard_normal((self.rows, self.sizes[0]), dtype=FLOAT)
        return X, rng.integers(0, self.sizes[-1], self.rows)

    def weights(self) -> list[Array]:
        """First weights W, b, W, b …: Glorot uniform and zeros."""
        rng, weights = np.random.default_rng(1), []
        for i, o in pairwise(self.sizes):
            bound = np.sqrt(6 / (i + o))
            weights += [rng.uniform(-bound, bound, (i, o)).astype(FLOAT), np.zeros(o, FLOAT)]
        return weights


class UnsuitableError(Exception):
    """A contestant has nothing to show in this cell."""


CELLS = [
    Cell((2, 20, 2), 10, "adam", 1000),
    Cell((2, 20, 2), 1, "sgd", 1000),
    Cell((20, 32, 3), 1, "sgd", 1000),
    Cell((64, 64, 10), 32, "adam", 3200),
    Cell((64, 100, 10), 1, "sgd", 1000),
    Cell((16, 256, 256, 256, 26), 256, "adam", 5120),
    Cell((784, 256, 128, 10), 128, "adam", 6400),
    Cell((784, 1024, 1024, 10), 512, "adam", 5120),
    Cell((784, 256, 128, 10), 10_000, "adam", 10_000),
    # the cells below are here so that nothing is made for those above alone
    Cell((30, 10, 10, 2), 4, "sgd", 1000),
    Cell((8, 64, 64, 4), 16, "adam", 1600),
    Cell((784, 30, 10), 10, "sgd", 2000),
    Cell((100, 500, 10), 64, "sgd", 3200),
    Cell((256, 128, 64, 32, 10), 32, "adam", 3200),
]
