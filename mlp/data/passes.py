"""A pass: one way through the data, from which a training run takes its batches."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, Protocol

from mlp.arrays import Array
from mlp.data.batches import ArrayData, Batch


class Block(NamedTuple):
    """Rows that are in memory, and the order in which they are to be taken.

    Parameters
    ----------
    data : ArrayData
    order : Array of int64
        The numbers of the rows in `data`, each once.
    size : int
        Rows of a batch. The last batch of a block may be smaller.
    first : int, default 0
        Batches at the beginning that are left out, since they were taken before.
    """

    data: ArrayData
    order: Array
    size: int
    first: int = 0

    def full(self) -> "Block":
        """The block without the rows at its end that are no full batch."""
        return self._replace(order=self.order[: len(self.order) // self.size * self.size])


class Source(Protocol):
    """Data that are not in memory as arrays: what `fit`, `evaluate` and `predict` can take besides.

    Attributes
    ----------
    streams : bool
        Whether the data come as batches already, whose size is then not for us to choose.
    idle : callable or None
        Called every twentieth of a second while a block is waited for; what it raises ends the waiting.
    """

    streams: bool
    idle: Callable[[], object] | None

    def peek(self) -> Any:
        """Look at the first rows and check them; a pass gives them nevertheless."""

    def steps(self, size: int) -> int | None:
        """Batches of a pass, where that is known before."""

    def blocks(self, size: int, seed: int | None, first: int = 0, most: int | None = None) -> Iterator[Block]:
        """The blocks of a new pass, read ahead by a thread of its own.

        Parameters
        ----------
        size : int
            Rows of a batch; of no effect where the data `streams`.
        seed : int or None
            Of the order, the same for the same seed; None keeps the order of the data.
        first : int, default 0
            Batches at the beginning to leave out.
        most : int, optional
            Batches that will be asked for at most, so that no more are taken from an iterator.
        """

    def close(self) -> None:
        """End the thread that reads ahead, and let go of files."""


class Chunk(NamedTuple):
    """Some batches one after the other, which a compiled engine takes in one go.

    Parameters
    ----------
    data : ArrayData
    order : Array of int64
        The numbers of the rows in the order of the epoch.
    first : int
        The place in the order where the first batch begins.
    steps, size : int
        How many batches of how many rows.
    """

    data: ArrayData
    order: Array
    first: int
    steps: int
    size: int

    @property
    def rows(self) -> Array:
        """The numbers of the rows of all batches."""
        return self.order[self.first : self.first + self.steps * self.size]


class Pass:
    """Cuts blocks into batches or, for a compiled engine, into chunks of them.

    Parameters
    ----------
    blocks : iterable of Block
    chunked : bool
        Whether chunks are wanted.
    taken : int, default 0
        Batches that the blocks leave out.

    Attributes
    ----------
    taken : int
        Batches that were handed out.
    data : ArrayData or None
        Where the last batch came from.
    """

    def __init__(self, blocks: Iterable[Block], chunked: bool, taken: int = 0) -> None:
        self.blocks, self.chunked, self.taken = iter(blocks), chunked, taken
        self.data: ArrayData | None = None
        self.batches: Iterator[Batch] = iter(())
        self.block: Block | None = None
        self.place = 0

    def take(self, most: Callable[[int], int]) -> Batch | Chunk | None:
        """The next batch, good until the next; None after the last.

        Parameters
        ----------
        most : callable
            How many batches of that many rows may be in a chunk.
        """
        while True:
            if self.block is None:
                batch = next(self.batches, None)
                if batch is not None:
                    self.taken += 1
                    return batch
            else:
                chunk = self._cut(self.block, most)
                if chunk is not None:
                    self.taken += chunk.steps
                    return chunk
            block = next(self.blocks, None)
            if block is None:
                return None
            self._open(block)

    def _open(self, block: Block) -> None:
        block.data.renew()  # it may have been read before what its targets depend on was changed
        self.data, self.place = block.data, block.first * block.size
        # targets that are too large to be encoded at once are encoded batch by batch
        self.block = block if self.chunked and block.data.target is not None else None
        if self.block is None:
            self.batches = islice(block.data.batches(block.order, block.size), block.first, None)

    def _cut(self, block: Block, most: Callable[[int], int]) -> Chunk | None:
        data, order, size, _ = block
        left = len(order) - self.place
        if left <= 0:  # also where the shorter last batch is one of those left out
            return None
        size = min(size, left)
        chunk = Chunk(data, order, self.place, min(most(size), left // size), size)
        self.place += chunk.steps * size
        return chunk
