"""Means, variances and covariances of rows that come in batches."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array


class Moments:
    """Weighted means of columns and sums of products about them, streamed without cancellation.

    Two batches are joined by the formula of Chan, Golub and LeVeque (1979).

    Attributes
    ----------
    weight : float
        Sum of the weights.
    mean : Array of shape (v, o)
        For each of v variables, each with o columns.
    scatter : Array of shape (v, v, o)
        Σ weight (a − ā)(b − b̄).
    """

    def __init__(self) -> None:
        self.weight = 0.0
        self.mean: Any = 0.0
        self.scatter: Any = 0.0

    def add(self, variables: Sequence[Array], weight: Array | None) -> None:
        """Add a batch: for each variable an array of shape (n, o)."""
        stack = np.stack(variables).astype(np.float64, copy=False)
        count = float(stack.shape[1] if weight is None else weight.sum())
        if not count:
            return
        weighted = stack if weight is None else stack * weight[:, None]
        mean = weighted.sum(axis=1) / count
        centred = stack - mean[:, None]
        weighted = centred if weight is None else centred * weight[:, None]
        joint = self.weight + count
        step = mean - self.mean
        between = step[:, None] * step * (self.weight * count / joint)
        self.scatter = self.scatter + np.einsum("ano,bno->abo", weighted, centred) + between
        self.mean = self.mean + step * (count / joint)
        self.weight = joint
