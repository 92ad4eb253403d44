"""The learning rate: steps that are tried out, and the losses of the epochs so far."""

from __future__ import annotations  # so that np.random is not loaded for a signature

import math

import numpy as np

from mlp.arrays import Array
from mlp.doctor.case import FEWEST, NO_BETTER, Case
from mlp.doctor.deltas import learning, rms
from mlp.doctor.findings import Finding

# RMS of the update over RMS of the weights, by layer. About 1e-3 is healthy (Karpathy, notes on training to
# the course CS231n, 2015); by a hundredth of that nothing is learned in time
USUAL, IDLE, SLOW = 1e-3, 1e-5, 1e-4
# A loss that rises in a few steps to three times that where it began, and that of the best constant
# prediction, is thrown about; a first step that overshoots by less is made good by those after it
WORSE, CALM = 3.0, 1.2
# times the rate, tried in this order
SHORTER = (0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10, 1e-12, 1e-14)
LONGER = (1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6)
GAIN = 0.02  # share of the loss that one longer step must win before a rate is called too low
JUMP, OFTEN = 0.5, 0.15  # share of the loss that an epoch adds, and share of the epochs that do
LEARNED = 0.5  # skill from which a net is not said to be learning too slowly, or to have been thrown about
FAR = 3.0  # an output that a net seldom begins with


def learning_rate(case: Case) -> list[Finding]:
    """`rate_too_high` and `rate_too_low`."""
    ratios = {
        layer.name: _ratio(layer.updates["W"], layer.W) for layer in learning(case) if "W" in layer.updates
    }
    ratios = {name: ratio for name, ratio in ratios.items() if ratio}
    if not math.isfinite(case.trace.loss):
        return []
    return _too_high(case, ratios) or (_too_low(case, ratios) if ratios else [])


def _ratio(update: Array, W: Array) -> float:
    size = rms(W)
    return rms(update) / size if size else 0.0


def _too_high(case: Case, ratios: dict[str, float]) -> list[Finding]:
    rate, steps = case.trace.learning_rate, case.rehearse()
    now = steps[0]
    evidence: list[str] = []
    factor, numbers = 0.0, {"ratios": ratios, "losses": steps}
    if max(steps) > WORSE * max(abs(now), case.baseline or 0.0):
        tried = ((k, case.rehearse(k)) for k in SHORTER)
        calm = ((k, losses[-1]) for k, losses in tried if losses[-1] < now and max(losses) < CALM * abs(now))
        factor, better = next(calm, (0.0, now))
        if factor:
            evidence.append(
                f"{len(steps)} steps with some of the rows throw their loss from {now:.4g} up to "
                f"{max(steps):.4g}; at {factor:g} times the rate they bring it to {better:.4g}."
            )
    losses = case.history.get("loss", np.empty(0))
    told = _thrown(case, losses)
    severe = bool(evidence + told)
    told += _restless(losses, case.baseline)
    evidence += told
    if not evidence:
        return []
    if ratios:
        strongest = max(ratios, key=ratios.__getitem__)
        usual = f"in {strongest!r}, where about {USUAL:g} is usual."
        evidence.append(f"An update is {ratios[strongest]:.2g} times the weights {usual}")
    proposal = _rounded(rate * (factor or 0.1))
    return [
        Finding(
            "rate_too_high",
            "serious" if severe or losses[-1] > losses[0] else "moderate",
            f"optimizer ({case.trace.optimizer}, learning_rate={rate:.3g})",
            " ".join(evidence),
            "Steps are longer than the valley of the loss is wide, so that they end higher on its other "
            "side.",
            f"Lower the rate{' and begin with a new model' * case.trained}: {_line(case, proposal)}; "
            "callbacks.find_learning_rate(model, x, y) looks for the best.",
            numbers | {"proposal": proposal, "by_curve": bool(told)},
        )
    ]


def _restless(losses: Array, baseline: float | None) -> list[str]:
    """What the curve says against the rate, or nothing."""
    if len(losses) < FEWEST or not np.isfinite(losses).all():
        return []
    third = len(losses) // 3
    early, late = float(losses[:third].mean()), float(losses[-third:].mean())
    if late > 1.1 * early and losses[-1] > losses[0]:
        return [f"The loss rises: {early:.4g} in the first third of the epochs, {late:.4g} in the last."]
    scale = np.maximum(losses[:-1], 0.1 * min(losses[0], baseline or losses[0]))
    jumps = int((np.diff(losses) > JUMP * scale).sum())
    if jumps >= max(3, OFTEN * len(losses)):
        return [f"In {jumps} of {len(losses)} epochs the loss jumped up by half or more."]
    return []


def _thrown(case: Case, losses: Array) -> list[str]:
    """What the epochs say, where they have thrown a net far from where it began and it has learned little."""
    is_mean = case.loss.reduce(2) != 1
    if not is_mean or not case.baseline or not len(losses) or not case.value or case.trace.penalty:
        return []
    units, highest = case.out.shape[1], float(losses.max())
    if (case.skill or 0.0) >= LEARNED or not highest > WORSE * case.baseline:
        return []
    initial: tuple[float, ...] = (-FAR, FAR)
    if "entropy" in case.loss_name:
        initial = (0.0,) if case.from_logits else (1 / max(2, units),)
    begun = max(case.baseline, *(case.value_of_constant(np.full(units, out)) for out in initial))
    begun *= max(1.0, losses[-1] / case.value)  # dropout, for example, is in the epochs alone
    if not highest > WORSE * begun:
        return []
    return [
        f"In epoch {int(losses.argmax()) + 1} the loss was thrown up to {highest:.4g}, where a net of "
        f"small weights has at most {begun:.4g}."
    ]


def _too_low(case: Case, ratios: dict[str, float]) -> list[Finding]:
    strongest = max(ratios, key=ratios.__getitem__)
    ratio, now, rate = ratios[strongest], case.trace.loss, case.trace.learning_rate
    losses = case.history.get("loss", np.empty(0))
    creeps = _creeps(losses)
    skill = case.skill if case.trained else None
    learned, nothing = skill is not None and skill > LEARNED, skill is not None and skill < NO_BETTER
    if learned or not rate or ratio > (USUAL if nothing else SLOW if creeps else IDLE):
        return []
    tried = [case.probe(factor) for factor in LONGER]
    best = int(np.argmin(tried))
    if best < 2 or now - tried[best] < GAIN * abs(now):
        return []
    proposal = _rounded(rate * min(LONGER[best], max(10.0, USUAL / ratio)))
    curve = f" In {len(losses)} epochs it fell from {losses[0]:.4g} to {losses[-1]:.4g}." if creeps else ""
    return [
        Finding(
            "rate_too_low",
            "moderate",
            f"optimizer ({case.trace.optimizer}, learning_rate={rate:.3g})",
            f"The next step would take the loss of these rows from {now:.6g} to {tried[0]:.6g}, one "
            f"{LONGER[best]:g} times as long to {tried[best]:.4g}. An update is at most {ratio:.1e} times "
            f"the weights ({strongest!r}), where about {USUAL:g} is usual.{curve}",
            "Steps are so short that the loss hardly moves in the epochs there are.",
            f"Raise the rate: {_line(case, proposal)}; callbacks.find_learning_rate(model, x, y) looks for "
            "the best.",
            {"ratios": ratios, "losses": tried, "proposal": proposal},
        )
    ]


def _creeps(losses: Array) -> bool:
    """Whether the loss falls steadily, as fast at the end as at the beginning, and by little."""
    if len(losses) < FEWEST or not np.isfinite(losses).all():
        return False
    third = len(losses) // 3
    early, late = losses[0] - losses[third], losses[-1 - third] - losses[-1]
    little = 0 < losses[0] - losses[-1] < 0.2 * abs(losses[0])
    return bool(little and late > 0.3 * early and (np.diff(losses) < 0).mean() > 0.8)


def _line(case: Case, proposal: float) -> str:
    if callable(case.model.optimizer.learning_rate):
        return f"a schedule that is at {proposal:g} by now"
    return f"model.optimizer.learning_rate = {proposal:g}"


def _rounded(rate: float) -> float:
    """To one digit.

    Examples
    --------
    >>> _rounded(0.0314), _rounded(12.0)
    (0.03, 10.0)
    """
    return float(f"{rate:.0e}")
