"""Schedules: the learning rate of one step."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.parts import entries
from benchmarks.parts.entries import Action, Entry, Size
from mlp.optimizers import schedules

STEPS = 10**6
ROWS: list[tuple[schedules.LearningRateSchedule, Callable[..., Any] | None, Callable[[Any], Any] | None]] = [
    (
        schedules.CosineDecay(0.1, STEPS),
        lambda T, rule: T.CosineAnnealingLR(rule, STEPS),
        lambda K: K.CosineDecay(0.1, STEPS),
    ),
    (
        schedules.CosineDecayRestarts(0.1, 1000),
        lambda T, rule: T.CosineAnnealingWarmRestarts(rule, 1000, 2),
        lambda K: K.CosineDecayRestarts(0.1, 1000),
    ),
    (
        schedules.ExponentialDecay(0.1, STEPS, 0.9),
        lambda T, rule: T.ExponentialLR(rule, 0.999999),
        lambda K: K.ExponentialDecay(0.1, STEPS, 0.9),
    ),
    (schedules.InverseTimeDecay(0.1, STEPS, 0.9), None, lambda K: K.InverseTimeDecay(0.1, STEPS, 0.9)),
    (
        schedules.PiecewiseConstantDecay([1000, 2000], [0.1, 0.01, 0.001]),
        lambda T, rule: T.MultiStepLR(rule, [1000, 2000]),
        lambda K: K.PiecewiseConstantDecay([1000, 2000], [0.1, 0.01, 0.001]),
    ),
    (
        schedules.PolynomialDecay(0.1, STEPS),
        lambda T, rule: T.PolynomialLR(rule, STEPS),
        lambda K: K.PolynomialDecay(0.1, STEPS),
    ),
    (schedules.OneCycle(0.1, STEPS), lambda T, rule: T.OneCycleLR(rule, 0.1, STEPS), None),
    (schedules.CosLog(0.1, STEPS), None, None),
    (schedules.FlatCosine(0.1, STEPS), None, None),
    (schedules.Noam(512), None, None),
]


def prepare(schedule: schedules.LearningRateSchedule, size: Size) -> Action:
    """A call with the number of a step."""

    def action() -> None:
        schedule(1500)

    return action


def prepare_torch(make: Callable[..., Any], size: Size) -> Action:
    """`step` of the scheduler, which sets the rate in its optimizer."""
    torch = entries.load_torch()
    rule = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9)
    schedule = make(torch.optim.lr_scheduler, rule)
    rule.step()  # which PyTorch wants to come first
    return schedule.step  # type: ignore[no-any-return]


def prepare_keras(make: Callable[[Any], Any], size: Size) -> Action:
    """A call with the number of a step, compiled."""
    _, keras = entries.load_keras()
    rate = entries.compiled(make(keras.optimizers.schedules), np.int32(1500))

    def action() -> None:
        rate()

    return action


ENTRIES = [
    Entry(
        type(part),
        type(part).__name__,
        partial(prepare, part),
        torch and partial(prepare_torch, torch),
        keras and partial(prepare_keras, keras),
        entries.SIZES[:1],
    )
    for part, torch, keras in ROWS
]
