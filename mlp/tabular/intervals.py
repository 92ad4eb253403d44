"""Intervals that hold a stated share of new numbers, from the errors on rows that were held out."""

import math

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.tabular.quantiles import Quantiles
from mlp.tabular.targets import Target


def intervals(
    target: Target, predictions: Array, residuals: Array, weight: Array | None, coverage: float
) -> Array:
    """The lower and the upper end for each prediction.

    Parameters
    ----------
    target : Numbers or Quantiles
    predictions : Array of shape (n, columns)
    residuals : Array of shape (m, columns)
        y − prediction of the rows that were held out; NaN where there is none.
    weight : Array of shape (m,) or None
    coverage : float in (0, 1)

    Returns
    -------
    Array of shape (n, o, 2)

    Raises
    ------
    ArgumentError
        If there are too few residuals for that coverage.

    Notes
    -----
    With quantiles l and u of a row the score is max(l − y, y − u): how far y lies outside, less than 0
    within. An interval is l − margin … u + margin, by the margin of the scores. Numbers without quantiles
    have l = u, the prediction, and so the score |y − prediction|.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.tabular.targets import Numbers
    >>> residuals = np.array([[-1.0], [3.0], [0.5], [-2.0]])
    >>> intervals(Numbers(), np.array([[10.0]]), residuals, None, 0.8).tolist()
    [[[7.0, 13.0]]]
    """
    places = _places(target, coverage)
    lower, upper = _columns(target, predictions, places)
    below, above = _columns(target, residuals, places)
    margins = np.array(
        [margin(scores[known], coverage, None if weight is None else weight[known])
         for scores, known in ((s, ~np.isnan(s)) for s in np.maximum(-below, above).T)]
    )  # fmt: skip
    ends = np.stack([lower - margins, upper + margins], axis=-1)
    crossed = ends[..., 0] > ends[..., 1]
    ends[crossed] = ends[crossed].mean(axis=-1, keepdims=True)
    return ends


def _places(target: Target, coverage: float) -> tuple[int, int]:
    """Which of the quantiles of a number are nearest to the ends of an interval."""
    if not isinstance(target, Quantiles):
        return 0, 0
    return target.nearest((1 - coverage) / 2), target.nearest((1 + coverage) / 2)


def _columns(target: Target, array: Array, places: tuple[int, int]) -> tuple[Array, Array]:
    each = len(target.levels) if isinstance(target, Quantiles) else 1
    return array[:, places[0] :: each], array[:, places[1] :: each]


def margin(scores: Array, coverage: float, weight: Array | None = None) -> float:
    """The ⌈(n + 1) · coverage⌉-th smallest score: that of a new row is at most so with that probability.

    Parameters
    ----------
    scores : Array of shape (n,)
        Of rows that were held out.
    coverage : float in (0, 1)
    weight : Array of shape (n,), optional
        The score is taken at which the weights up to it reach `coverage` of all, those of n rows and of
        the new one, whose weight is the mean of those above 0. Rows of weight 0 count for nothing.

    Returns
    -------
    float

    Raises
    ------
    ArgumentError
        If there is no such score: n is less than coverage / (1 − coverage).

    Notes
    -----
    The probability is at least `coverage`, and at most 1 / (n + 1) more where no scores are equal, if the
    new row comes from where the others do: n + 1 exchangeable scores have their ranks by chance. It is one
    over all rows, not for each region of X.

    References
    ----------
    V. Vovk, A. Gammerman and G. Shafer, "Algorithmic learning in a random world" (2005). With weights:
    R. J. Tibshirani, R. F. Barber, E. J. Candès and A. Ramdas, "Conformal prediction under covariate
    shift", NeurIPS (2019).

    Examples
    --------
    >>> import numpy as np
    >>> margin(np.array([4.0, 1.0, 3.0, 2.0]), 0.8)
    4.0
    >>> margin(np.array([4.0, 1.0, 3.0, 2.0]), 0.6)
    3.0
    """
    weights = np.ones(len(scores)) if weight is None else weight
    scores, weights = scores[weights > 0], weights[weights > 0]
    order = np.argsort(scores)
    reached = np.cumsum(weights[order] / weights.mean()) if len(scores) else np.empty(0)
    wanted = coverage * (len(scores) + 1)
    enough = np.flatnonzero(reached >= wanted - 1e-9 * wanted)  # sums are not exact
    if not len(enough):
        raise ArgumentError(
            f"coverage={coverage} needs the errors of at least {_least(coverage)} rows that were held out; "
            f"there are {len(scores)}: fit more rows, or n_folds > 1, or ask for less"
        )
    return float(scores[order[enough[0]]])


def _least(coverage: float) -> int:
    """How many equal scores it takes."""
    return math.ceil(coverage / (1 - coverage) - 1e-9)
