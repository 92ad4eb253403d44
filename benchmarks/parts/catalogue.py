"""All entries by kind, and the check that each class of mlp's catalogues has one."""

from benchmarks.parts import activations, layers, losses, matrices, metrics, optimizers, schedules
from benchmarks.parts.entries import Entry
from mlp.naming import CATALOGUES

ENTRIES: dict[str, list[Entry]] = {
    "activation": activations.ENTRIES,
    "layer": layers.ENTRIES,
    "loss": losses.ENTRIES,
    "optimizer": optimizers.ENTRIES,
    "schedule": schedules.ENTRIES,
    "metric": metrics.ENTRIES,
    "regularizer": matrices.REGULARIZER_ENTRIES,
    "constraint": matrices.CONSTRAINT_ENTRIES,
    "initializer": matrices.INITIALIZER_ENTRIES,
}


def missing() -> dict[str, list[str]]:
    """The classes without an entry, by kind."""
    found = {}
    for kind, catalogue in CATALOGUES.items():
        measured = {entry.part for entry in ENTRIES.get(kind, ())} | optimizers.ELSEWHERE
        found[kind] = sorted(cls.__name__ for cls in set(catalogue.classes.values()) - measured)
    return {kind: names for kind, names in found.items() if names}
