"""How several networks or kinds of them are mixed: the mean of those that have not seen a row, and shares."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax

from mlp.arrays import Array
from mlp.tabular.calibration import LEAST_ROWS
from mlp.tabular.jobs import Rows
from mlp.tabular.members import Member
from mlp.tabular.targets import Target

EVENNESS = 0.01  # of a penalty on shares that differ, which keeps few rows from deciding


def mean_predictions(target: Target, members: Sequence[Member], rows: int, temperature: float = 1.0) -> Array:
    """Out-of-fold predictions: of each row the mean over the networks that have not seen it.

    Parameters
    ----------
    target : Target
    members : sequence of Member
    rows : int
    temperature : float, default 1

    Returns
    -------
    Array of shape (rows, o)
        NaN where all have seen it.
    """
    total, count = np.zeros((rows, target.columns)), np.zeros((rows, 1))
    for member in members:
        total[member.held] += target.predictions(member.out, temperature)
        count[member.held] += 1
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def mixed(target: Target, parts: Sequence[Array], rows: Rows) -> tuple[Array, Array]:
    """The shares of several kinds' out-of-fold predictions, and the predictions that they make together.

    Parameters
    ----------
    target : Target
    parts : sequence of Array of shape (n, o)
        Of each kind; NaN for rows that all its networks have seen.
    rows : Rows

    Returns
    -------
    shares : Array
    predictions : Array of shape (n, o)
        The mean over the kinds that have one, by their shares; NaN where none has.
    """
    shares, told = np.full(len(parts), 1 / len(parts)), ~np.isnan([part[:, 0] for part in parts])
    held = np.flatnonzero(told.all(axis=0))
    if len(parts) > 1 and len(held) >= LEAST_ROWS:
        shares = best_shares(target, [part[held] for part in parts], rows.T[held], rows.weights(held))
    total = np.einsum("j,jno->no", shares, np.nan_to_num(parts))
    counted = (shares @ told)[:, np.newaxis]
    return shares, np.divide(total, counted, out=np.full_like(total, np.nan), where=counted > 0)


def best_shares(target: Target, predictions: Sequence[Array], T: Array, weight: Array | None) -> Array:
    """The shares of several predictions whose mixture is best on rows that none of them has learned from.

    They minimise loss(Σ s_j P_j) + 0.01 Σ (s_j − 1/J)², with s_j > 0 and Σ s_j = 1.

    Parameters
    ----------
    target : Target
    predictions : sequence of Array of shape (n, o)
        P_j.
    T : Array
        The targets of these rows.
    weight : Array of shape (n,) or None

    Returns
    -------
    Array of shape (J,)

    References
    ----------
    D. H. Wolpert, "Stacked generalization", Neural Networks 5 (1992); with convex weights as L. Breiman,
    "Stacked regressions", Machine Learning 24 (1996).
    """
    even = 1 / len(predictions)

    def worse(z: Array) -> float:
        shares = softmax(z)
        together = np.tensordot(shares, predictions, 1)
        value = target.mixed_value(together, T, weight)
        return value + EVENNESS * float(np.square(shares - even).sum())

    found: Array = softmax(minimize(worse, np.zeros(len(predictions)), method="L-BFGS-B").x)
    return found


def greedy_shares(loss: Callable[[Array], float], predictions: Sequence[Array], picks: int) -> Array:
    """Shares of several predictions in a mean, chosen one by one: each time the one that helps most.

    The first is the best by itself, and what is best of all on the way is taken: it is never worse than
    the best alone.

    Parameters
    ----------
    loss : callable
        From predictions to a number; less is better.
    predictions : sequence of Array of shape (n, o)
        Of rows that they have not been learned from.
    picks : int
        At most; the same may be picked again.

    Returns
    -------
    Array of shape (J,)

    References
    ----------
    R. Caruana, A. Niculescu-Mizil, G. Crew and A. Ksikes, "Ensemble selection from libraries of
    models", ICML (2004).

    Examples
    --------
    >>> truth = np.array([[0.0], [1.0]])
    >>> predictions = [truth + 1, truth - 1, truth + 5]
    >>> greedy_shares(lambda mean: float(np.square(mean - truth).mean()), predictions, picks=4)
    array([0.5, 0.5, 0. ])
    """
    counts, total = np.zeros(len(predictions)), np.zeros_like(predictions[0])
    best, shares = np.inf, counts
    for pick in range(1, picks + 1):
        losses = [loss((total + each) / pick) for each in predictions]
        chosen = int(np.argmin(losses))
        counts[chosen] += 1
        total = total + predictions[chosen]
        if losses[chosen] < best or pick == 1:
            best, shares = losses[chosen], counts / pick
    return shares
