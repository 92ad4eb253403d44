"""Probabilities that mean what they say: one number that logits are divided by."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar

from mlp.arrays import Array
from mlp.tabular.ensemble import best_shares
from mlp.tabular.members import Member, Rows
from mlp.tabular.targets import Target

LEAST_ROWS = 20  # fewer say nothing of how sure one may be
LIMITS = 0.05, 20.0
# The mean of several networks' probabilities is less sure than each of them, whom the temperature suits.
OF_MEAN = 0.9


def temperature(target: Target, members: Sequence[Member], rows: Rows) -> float:
    """The temperature whose cross-entropy on the held-out rows of all networks is least.

    Logits are divided by it: above 1 it makes probabilities less sure, below 1 surer.

    Parameters
    ----------
    target : Target
        Of a classifier.
    members : sequence of Member
    rows : Rows
        That they were trained with.

    Returns
    -------
    float
        1 if fewer than 20 rows were held out.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks",
    ICML (2017).
    """
    held = np.concatenate([member.held for member in members])
    if len(held) < LEAST_ROWS:
        return 1.0
    out, T, weight = np.concatenate([member.out for member in members]), rows.T[held], rows.weights(held)
    limits = np.log(LIMITS)
    best = minimize_scalar(
        lambda t: target.value(out / np.exp(t), T, weight), bounds=limits, method="bounded"
    )
    return float(np.exp(best.x)) * (OF_MEAN if len(members) > 1 else 1.0)


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
