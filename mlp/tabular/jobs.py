"""Which networks an ensemble has: for each seed one for each encoding and fold of the rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlp.arrays import Array
from mlp.tabular.recipe import Recipe

HELD_OUT = 5  # without folds one row of so many is held out


@dataclass(frozen=True)
class Job:
    """A network to be trained: how it sees numbers, its seed, its rows, and those that judge it."""

    encoding: str
    seed: int
    train: Array
    held: Array


@dataclass(frozen=True)
class Rows:
    """What the networks learn from: inputs, targets, weights, and further inputs by encoding."""

    X: Array
    T: Array
    weight: Array | None
    added: dict[str, Array]

    def inputs(self, encoding: str, rows: Array) -> Array:
        """The inputs of some rows."""
        added = self.added[encoding]
        return np.hstack([self.X[rows], added[rows]]) if added.shape[1] else self.X[rows]

    def weights(self, rows: Array) -> Array | None:
        """The weights of some rows; see `weights_of`."""
        return weights_of(self.weight, rows)


def weights_of(weight: Array | None, rows: Array) -> Array | None:
    """The weights of some rows, with the mean 1; None if there are none, or none above 0.

    Examples
    --------
    >>> weights_of(np.array([0.0, 1.0, 3.0]), np.array([1, 2]))
    array([0.5, 1.5])
    """
    some = None if weight is None else weight[rows]
    return None if some is None or not some.any() else some / some.mean()


def jobs_of(
    recipe: Recipe, encodings: Sequence[str], rows: int, strata: Array | None, seed: int
) -> list[Job]:
    """The networks of a recipe: for each seed one for each encoding and fold.

    Parameters
    ----------
    recipe : Recipe
    encodings : sequence of str
    rows : int
    strata : Array of shape (rows,) or None
        What the folds keep the proportions of, if the recipe says so.
    seed : int

    Examples
    --------
    >>> jobs = jobs_of(Recipe(n_folds=3), ["robust"], 6, None, seed=0)
    >>> sorted(row for job in jobs for row in job.held.tolist())
    [0, 1, 2, 3, 4, 5]
    """
    jobs = []
    for number in range(recipe.n_seeds):
        rng = np.random.default_rng([seed, number])
        order = rng.permutation(rows)
        if recipe.stratified and strata is not None:
            order = order[np.argsort(strata[order], kind="stable")]
        folds = min(recipe.n_folds, rows) if recipe.n_folds > 1 else min(HELD_OUT, rows)
        fold = np.empty(rows, int)
        fold[order] = np.arange(rows) % folds
        for encoding in encodings:
            for held in range(folds) if recipe.n_folds > 1 else [folds - 1]:
                parts = np.flatnonzero(fold != held), np.flatnonzero(fold == held)
                jobs.append(Job(encoding, int(rng.integers(2**31)), *parts))
    return jobs
