"""Several networks as one: their probabilities or numbers, averaged with the shares that suit them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.models import Sequential
from mlp.tabular.targets import Target

BLOCK = 64  # rows that are predicted at a time: what a row gets does not depend on how many there are


@dataclass
class Group:
    """Networks of one form, which see the numbers of a table in the same encoding.

    Parameters
    ----------
    encoding : str
    network : Sequential
    weights : Array of shape (networks, p)
        The parameters of each, as one vector.
    temperature : float
        What their outputs are divided by, where they are logits.
    share : float
        Of the mean of their predictions in that of the ensemble.
    """

    encoding: str
    network: Sequential
    weights: Array
    temperature: float = 1.0
    share: float = 1.0

    def outputs(self, X: Array) -> Iterator[Array]:
        """The outputs of one network after the other."""
        filling = np.zeros((-len(X) % BLOCK, X.shape[1]), X.dtype)
        blocks = np.concatenate([X, filling]) if len(filling) else X
        with self.network.lock:  # another thread may ask too
            for weights in self.weights:
                np.copyto(self.network.parameters.values, weights)
                yield self.network.predict(blocks, BLOCK)[: len(X)]


class Ensemble:
    """Groups of networks for one target.

    Parameters
    ----------
    target : Target
    groups : sequence of Group
    """

    def __init__(self, target: Target, groups: Sequence[Group]) -> None:
        self.target, self.groups = target, list(groups)

    def __len__(self) -> int:
        return sum(len(group.weights) for group in self.groups)

    def member_predictions(self, inputs: Callable[[str], Array]) -> Array:
        """What each network says, shape (networks, n, o).

        Parameters
        ----------
        inputs : callable
            From the name of an encoding to the rows in that form.
        """
        return np.concatenate([self._group_predictions(group, inputs) for group in self.groups])

    def predictions(self, inputs: Callable[[str], Array]) -> Array:
        """What all of them say together, shape (n, o)."""
        total: Any = 0.0
        for group in self.groups:
            total = total + group.share * self._group_predictions(group, inputs).mean(axis=0)
        mixed: Array = total
        return mixed

    def _group_predictions(self, group: Group, inputs: Callable[[str], Array]) -> Array:
        outs = group.outputs(inputs(group.encoding))
        return np.stack([self.target.predictions(out, group.temperature) for out in outs])
