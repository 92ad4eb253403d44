"""Sequences of batches: the base class that Keras's scripts make theirs from."""

from typing import Any

from mlp.errors import NotReadyError


class PyDataset:
    """A base, with Keras's name, of sequences of batches.

    Nothing needs it: whatever has ``__len__`` and ``__getitem__`` will do. `Sequence` is its older name.

    Parameters
    ----------
    workers, use_multiprocessing, max_queue_size : optional
        Taken for Keras's sake: one thread reads ahead.

    Examples
    --------
    >>> import numpy as np
    >>> import mlp
    >>> class Squares(mlp.utils.PyDataset):
    ...     def __len__(self):
    ...         return 10
    ...     def __getitem__(self, index):
    ...         x = np.arange(4.0)[:, None] / 4 + index
    ...         return x, x**2
    >>> model = mlp.Sequential([mlp.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> model.fit(Squares(), verbose=0).params["steps"]
    10
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers, self.use_multiprocessing = workers, use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError

    @property
    def num_batches(self) -> int | None:
        """How many batches there are: the length; None if they never end."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotReadyError(f"{type(self).__name__} needs __len__ or num_batches, how many batches there are")

    def on_epoch_begin(self) -> None:
        """A pass begins."""

    def on_epoch_end(self) -> None:
        """A pass ends; its last batch was used."""
