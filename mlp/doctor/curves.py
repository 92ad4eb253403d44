"""The losses of the epochs, and the rows of the validation."""

from __future__ import annotations  # so that np.random is not loaded for a signature

import numpy as np

from mlp.arrays import Array
from mlp.doctor.case import FEWEST, GOOD, Case
from mlp.doctor.findings import Finding

RISE = 0.15  # of the validation loss above its least, which noise seldom reaches
APART = 0.1  # of the baseline: how far validation and training loss must lie apart
FALL = 0.05  # of the loss, in the last fifth of the epochs: then more of them would help
OFF = 3.0  # standard deviations that the mean of a column may differ by in the validation
WIDER = 10.0  # times the deviation
KNOWN = 0.1  # share of the validation rows that were trained with


def curves(case: Case) -> list[Finding]:
    """`overfitting` and `not_converged`."""
    return [*overfitting(case), *not_converged(case)]


def overfitting(case: Case) -> list[Finding]:
    """`overfitting`: the validation loss has turned while the training loss fell on, or lies far above it."""
    losses, validated = (case.history.get(name, np.empty(0)) for name in ("loss", "val_loss"))
    if len(validated) < FEWEST or len(validated) != len(losses):
        return _gap(case)
    if not np.isfinite([*losses, *validated]).all():
        return []
    smooth = np.convolve(validated, np.ones(3) / 3, "valid")
    best, late = int(smooth.argmin()) + 1, float(smooth[-1])
    least = float(smooth.min())
    floor = 0.02 * (case.baseline or float(validated[0]))
    turned = late > (1 + RISE) * least and late - least > floor and losses[-1] < losses[best]
    if not turned or best > len(losses) - 3:
        return _gap(case)
    parameters = case.model.count_params()
    rows = "" if case.total is None else f" (a net of {parameters} parameters, {case.total} rows)"
    return [
        Finding(
            "overfitting",
            "serious" if late > 2 * least else "moderate",
            "validation loss",
            f"The validation loss was least in epoch {best + 1}, {validated[best]:.4g}, and is "
            f"{validated[-1]:.4g} after epoch {len(losses)}, while the training loss fell from "
            f"{losses[best]:.4g} to {losses[-1]:.4g}{rows}.",
            "From there on the net learned the rows and not the rule.",
            f"Stop there: callbacks.EarlyStopping(patience={max(5, len(losses) // 10)}, "
            "restore_best_weights=True); or layers.Dropout(0.2), kernel_regularizer=regularizers.L2(1e-4), "
            "fewer units, more rows.",
            {"epoch": best, "least": least, "last": late},
        )
    ]


def _gap(case: Case) -> list[Finding]:
    """The same from rows of the validation alone."""
    if case.validation is None or not case.trained or case.baseline is None:
        return []
    X, T, weight = case.validation
    held_out = case.value_of(X, T, weight)
    apart = held_out - case.value
    if not (held_out > 2 * case.value and apart > APART * case.baseline):
        return []
    return [
        Finding(
            "overfitting",
            "moderate",
            "validation loss",
            f"The loss is {case.value:.4g} for the rows trained with and {held_out:.4g} for {len(X)} others.",
            f"The net, with {case.model.count_params()} parameters, has learned the rows and not the rule; "
            "or the others are of another kind.",
            "Stop earlier, callbacks.EarlyStopping(patience=10, restore_best_weights=True); or "
            "layers.Dropout(0.2), kernel_regularizer=regularizers.L2(1e-4), fewer units, more rows.",
            {"loss": case.value, "validation": held_out},
        )
    ]


def not_converged(case: Case) -> list[Finding]:
    """`not_converged`: the loss was still falling when the training ended."""
    losses, validated = (case.history.get(name, np.empty(0)) for name in ("loss", "val_loss"))
    if case.running or len(losses) < FEWEST or not np.isfinite(losses).all():
        return []
    fifth = max(2, len(losses) // 5)
    end, before = float(losses[-1]), float(losses[-1 - fifth])
    steady = (np.diff(losses[-1 - fifth :]) < 0).mean() >= 0.8
    baseline = case.baseline or float(losses[0])
    if not steady or (before - end) < FALL * abs(before) or end < (1 - GOOD) * baseline:
        return []
    if len(validated) == len(losses) and validated[-fifth:].mean() >= validated[-2 * fifth : -fifth].mean():
        return []  # the training loss alone gains
    more = 2 * len(losses)
    return [
        Finding(
            "not_converged",
            "hint",
            "training loss",
            f"The training loss fell from {before:.4g} to {end:.4g} in the last {fifth} of {len(losses)} "
            "epochs.",
            "The training ended before the net had learned what it can.",
            f"Train on: fit(…, epochs={more}, initial_epoch={len(losses)}), or with a higher learning rate.",
            {"before": before, "last": end, "epochs": len(losses)},
        )
    ]


def validation_rows(case: Case) -> list[Finding]:
    """`validation_differs` and `validation_known`: the rows of the validation beside those trained with."""
    if case.validation is None:
        return []
    ours, theirs = case.X.reshape(len(case), -1), case.validation[0].reshape(len(case.validation[0]), -1)
    return [*_differs(case, ours, theirs), *_known(ours, theirs)]


def _differs(case: Case, ours: Array, theirs: Array) -> list[Finding]:
    assert case.validation is not None
    deviation = ours.std(axis=0, dtype=np.float64)
    varies = deviation > 0
    if len(theirs) < 10 or not varies.any():
        return []
    off = np.abs(theirs.mean(axis=0, dtype=np.float64) - ours.mean(axis=0, dtype=np.float64))[varies]
    off /= deviation[varies]
    wider = theirs.std(axis=0, dtype=np.float64)[varies] / deviation[varies]
    wrong = (off > OFF) | (wider > WIDER) | ((wider < 1 / WIDER) & (wider > 0))
    T = case.validation[1]
    unseen = [] if case.classes is None else sorted({*T.ravel().tolist()} - {*case.T.ravel().tolist()})
    if wrong.mean() < 0.2 and not unseen:
        return []
    scaled = (
        f"{int(wrong.sum())} of {len(wrong)} columns have another mean or deviation there: the mean differs "
        f"by up to {off.max():.3g} standard deviations."
    )
    seen = f"The training has no rows of {unseen[:3]}, which the validation has."
    return [
        Finding(
            "validation_differs",
            "serious",
            "rows of the validation",
            scaled if wrong.mean() >= 0.2 else seen,
            "They were not prepared as the others were, or the data are sorted and the split is not random.",
            "Scale both by what was found in the training rows alone; split with scikit-learn's "
            "train_test_split, which shuffles (validation_split takes the last rows).",
            {"columns": int(wrong.sum()), "unseen": unseen},
        )
    ]


def _known(ours: Array, theirs: Array) -> list[Finding]:
    if ours.shape[1:] != theirs.shape[1:] or len(theirs) < 10:
        return []
    seen = {row.tobytes() for row in ours}
    share = sum(row.tobytes() in seen for row in theirs) / len(theirs)
    if share < KNOWN or len(seen) < 0.95 * len(ours):  # rows of few different values repeat by themselves
        return []
    return [
        Finding(
            "validation_known",
            "moderate",
            "rows of the validation",
            f"{share:.0%} of those examined are also among the rows trained with.",
            "What was trained with is no test of what was learned.",
            "Remove duplicates before the split.",
            {"share": share},
        )
    ]
