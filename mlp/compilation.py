"""What `Model.compile` is given, turned into objects."""

from typing import Any

from mlp import losses, metrics, optimizers
from mlp.errors import ArgumentError
from mlp.naming import require


def choose(
    optimizer: Any, loss: Any, reported: Any, weighted: Any, former: optimizers.Optimizer | None
) -> tuple[optimizers.Optimizer, losses.Loss, list[metrics.Metric], list[metrics.Metric]]:
    """The rule, the loss and the two lists of metrics that the arguments of `compile` stand for.

    Parameters
    ----------
    optimizer, loss, reported, weighted
        As in `Model.compile`.
    former : Optimizer or None
        The model's own. A rule that belongs to another model is copied, without its state.

    Raises
    ------
    ArgumentError
        If a name is unknown or something is not what it should be.
    """
    if loss is None:
        raise ArgumentError("compile() needs a loss, for example loss='mse' or 'binary_crossentropy'")
    rule = optimizers.get(optimizer)
    if rule.owned and rule is not former:
        rule = rule.fresh()
    taken = {"loss"}
    return (
        rule,
        losses.get(loss),
        several(reported, "metrics", taken),
        several(weighted, "weighted_metrics", taken, "weighted_"),
    )


def several(identifiers: Any, argument: str, taken: set[str], prefix: str = "") -> list[metrics.Metric]:
    """The metrics that a list of names, classes or objects stands for, each with a name of its own.

    A name in `taken` is preceded by the prefix, and if need be followed by a number.
    """
    example = identifiers if isinstance(identifiers, str) else "accuracy"
    is_list = identifiers is None or isinstance(identifiers, list | tuple)
    require(is_list, argument, identifiers, f"a list, such as [{example!r}]")
    found = [metrics.get(identifier) for identifier in identifiers or ()]
    for metric in found:
        stem = prefix + metric.name if metric.name in taken else metric.name
        names = [stem, *(f"{stem}_{k}" for k in range(1, len(taken) + 1))]
        metric.name = next(name for name in names if name not in taken)
        taken.add(metric.name)
    return found
