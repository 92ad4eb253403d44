"""What losses of probabilities ask of outputs and targets."""

import numpy as np

from mlp.activations import Activation
from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.losses.base import Loss, require_targets


def require_several(loss: Loss, units: int) -> None:
    """Raise an `ArgumentError` if there is only one output, and so no choice between classes."""
    if units == 1:
        raise ArgumentError(
            f"{type(loss).__name__} needs one output a class, so two or more; there is 1. "
            "For two classes and one output use a sigmoid with binary_crossentropy."
        )


def require_probabilities(loss: Loss, activation: Activation, partner: str) -> None:
    """Raise an `ArgumentError` if outputs are no probabilities, or logits are none."""
    name, last, logits = type(loss).__name__, type(activation).__name__, getattr(loss, "from_logits", None)
    if logits and activation.probabilities:
        raise ArgumentError(
            f"{name}(from_logits=True) applies a {partner} itself, but the last layer ends with {last}. "
            "Remove one of the two."
        )
    if not logits and not activation.probabilities:
        instead = "" if logits is None else f", or use {name}(from_logits=True)"
        raise ArgumentError(
            f"{name} needs outputs between 0 and 1, but the last activation is {last}. "
            f"End the model with activation='{partner}'{instead}."
        )


def require_unit_interval(loss: Loss, T: Array, name: str) -> None:
    """Raise an `ArgumentError` unless every target is a probability, and there is one."""
    require_targets(loss, (T >= 0) & (T <= 1), T, name, "lie in [0, 1]")


def require_distributions(loss: Loss, T: Array, name: str) -> None:
    """Raise an `ArgumentError` unless every row of targets is a distribution over the classes."""
    require_unit_interval(loss, T, name)
    off = np.abs(T.sum(axis=1) - 1) > 1e-3
    if off.any():
        row = int(np.argmax(off))
        raise ArgumentError(
            f"each row of {name} must sum to 1 for {type(loss).__name__}; row {row} sums to "
            f"{float(T[row].sum()):g}. For several labels a sample use sigmoid outputs with "
            "binary_crossentropy."
        )
