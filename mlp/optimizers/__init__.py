"""Optimizers by name, and the three training loops."""

from typing import Any

from mlp.naming import Catalogue
from mlp.optimizers.base import Optimizer
from mlp.optimizers.loops import (
    gradient_descent,
    minibatch_gradient_descent,
    stochastic_gradient_descent,
)
from mlp.optimizers.rules import SGD, Adam, AdamW, RMSprop

_CATALOGUE = Catalogue("optimizer", Optimizer, [SGD, RMSprop, Adam, AdamW], aliases={"gradient_descent": SGD})


def get(identifier: Any) -> Optimizer:
    """The optimizer that a name, class or object stands for; an object is used itself, not copied."""
    optimizer: Optimizer = identifier if isinstance(identifier, Optimizer) else _CATALOGUE.get(identifier)
    return optimizer


__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSprop",
    "get",
    "gradient_descent",
    "minibatch_gradient_descent",
    "stochastic_gradient_descent",
]
