"""Copies of the weights that a run goes back to when the loss or the weights are no longer finite."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array, is_finite

if TYPE_CHECKING:
    from mlp.model import Model

Snapshot = tuple[list[Array], int]  # the weights and the optimizer's state; its steps


class Snapshots:
    """The weights that the epoch in hand began with, and the last that are known to have a finite loss.

    Parameters
    ----------
    model : Model
        Built, with an optimizer that is.

    Attributes
    ----------
    latest : Snapshot
        What the epoch in hand began with.
    finite : Snapshot
        What a divergence goes back to. It becomes `latest` when the first loss of an epoch is finite.
    """

    def __init__(self, model: "Model") -> None:
        self.optimizer = model.optimizer
        self.vectors = [model.parameters.values, *model.optimizer.state.values()]
        self.finite = self.latest = self.copy()

    def copy(self) -> Snapshot:
        """A new snapshot."""
        return [vector.copy() for vector in self.vectors], self.optimizer.iterations

    def begin(self) -> None:
        """The run begins."""
        self.latest = self.copy()

    def confirm(self) -> None:
        """The weights that the epoch in hand began with have a finite loss."""
        self.finite, self.latest = self.latest, self.finite

    def remember(self) -> None:
        """An epoch has ended; the next begins with these weights."""
        for vector, kept in zip(self.vectors, self.latest[0], strict=True):
            np.copyto(kept, vector)
        self.latest = self.latest[0], self.optimizer.iterations

    def go_back(self, to: Snapshot | None = None) -> None:
        """Put weights back, by default the last with a finite loss."""
        vectors, self.optimizer.iterations = to or self.finite
        for vector, kept in zip(self.vectors, vectors, strict=True):
            np.copyto(vector, kept)

    def is_finite(self) -> bool:
        """Whether the weights and the optimizer's state are."""
        return all(map(is_finite, self.vectors))

    def get_state(self) -> dict[str, Any]:
        """Both snapshots as plain data and arrays."""
        return {"finite": list(self.finite), "latest": list(self.latest)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take snapshots from `get_state`."""
        for name in ("finite", "latest"):
            vectors, steps = state[name]
            setattr(self, name, ([np.array(vector) for vector in vectors], steps))


class LastGood:
    """The same for single steps: a copy that is at most so many steps old, since one a step takes too long.

    Parameters
    ----------
    model : Model
    """

    EVERY = 100  # steps

    def __init__(self, model: "Model") -> None:
        self.snapshots = Snapshots(model)
        self.values, self.optimizer = model.parameters.values, model.optimizer
        self.square = np.vdot(self.values, self.values)

    def renew(self) -> None:
        """Before a step: copy if the copy is old, or somebody has set the weights since the last step."""
        age = self.optimizer.iterations - self.snapshots.latest[1]
        if not 0 <= age < self.EVERY or np.vdot(self.values, self.values) != self.square:
            self.snapshots.remember()

    def holds(self) -> bool:
        """After a step: whether the weights are finite; if not, the copy is put back."""
        self.square = np.vdot(self.values, self.values)
        finite = math.isfinite(self.square) or is_finite(self.values)
        if not finite:
            self.snapshots.go_back(self.snapshots.latest)
        return finite


def likely_cause(X: Array, T: Array, rate: float) -> str:
    """Why a loss may have become infinite, and what to do."""
    inputs, targets = (float(np.abs(array).max()) for array in (X, T))
    if not math.isfinite(inputs):
        return "x has NaN or infinite elements, which it had not when it was checked: its file has changed"
    if inputs > 100:
        return f"the inputs are not scaled (the largest is {inputs:.3g}); standardise the columns"
    if targets > 1000 and T.dtype.kind == "f":
        return f"the targets are not scaled (the largest is {targets:.3g}); standardise them"
    return f"the learning rate {rate:.3g} is too high; try {rate / 10:.3g}, or global_clipnorm=1"
