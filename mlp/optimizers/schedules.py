"""Schedules by name: give one to an optimizer in the place of a number.

>>> from mlp.optimizers import SGD
>>> schedule = CosineDecay(0.1, decay_steps=100)
>>> SGD(schedule).learning_rate(50)
0.05
"""

from typing import Any

from mlp.catalogue import Catalogue
from mlp.naming import describe
from mlp.optimizers.cycles import CosLog, FlatCosine, Noam, OneCycle, Scaled
from mlp.optimizers.decays import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    LearningRateSchedule,
    PiecewiseConstantDecay,
    PolynomialDecay,
)

_CATALOGUE = Catalogue(
    "schedule",
    LearningRateSchedule,
    [
        CosineDecay,
        CosineDecayRestarts,
        ExponentialDecay,
        InverseTimeDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
        OneCycle,
        CosLog,
        FlatCosine,
        Noam,
        Scaled,
    ],
)


def deserialize(config: Any) -> LearningRateSchedule:
    """The schedule that `serialize` described."""
    schedule: LearningRateSchedule = _CATALOGUE.get(config)
    return schedule


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """A schedule as plain data."""
    return describe(_CATALOGUE.get(learning_rate_schedule))


__all__ = [
    "CosLog",
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "FlatCosine",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "Noam",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "Scaled",
    "deserialize",
    "serialize",
]
