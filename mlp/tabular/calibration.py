"""Probabilities that mean what they say: one number that logits are divided by."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar

from mlp.tabular.jobs import Rows
from mlp.tabular.members import Member
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
