"""Optimizers by name, the three training loops, and the solvers for full batches."""

from typing import TYPE_CHECKING, Any

from mlp.catalogue import Catalogue
from mlp.optimizers import schedules
from mlp.optimizers.base import Optimizer
from mlp.optimizers.loops import (
    gradient_descent,
    minibatch_gradient_descent,
    minimise,
    stochastic_gradient_descent,
)
from mlp.optimizers.objective import Solver

if TYPE_CHECKING:
    from mlp.optimizers.adam import Adam, Adamax, AdamW
    from mlp.optimizers.adam_kin import Nadam, RAdam, ScheduleFreeAdamW
    from mlp.optimizers.adaptive import Adadelta, Adagrad, RMSprop
    from mlp.optimizers.descent import SGD, Lion, Rprop
    from mlp.optimizers.ftrl import Ftrl
    from mlp.optimizers.lbfgs import LBFGS
    from mlp.optimizers.levenberg_marquardt import LevenbergMarquardt
    from mlp.optimizers.matrices import Adafactor, Lamb
    from mlp.optimizers.muon import Muon
    from mlp.optimizers.scaled_conjugate_gradient import ScaledConjugateGradient

_CATALOGUE = Catalogue(
    "optimizer",
    Optimizer,
    {
        "mlp.optimizers.adam": "Adam Adamax AdamW",
        "mlp.optimizers.adam_kin": "Nadam RAdam ScheduleFreeAdamW",
        "mlp.optimizers.adaptive": "Adadelta Adagrad RMSprop",
        "mlp.optimizers.descent": "SGD Lion Rprop",
        "mlp.optimizers.ftrl": "Ftrl",
        "mlp.optimizers.lbfgs": "LBFGS",
        "mlp.optimizers.levenberg_marquardt": "LevenbergMarquardt",
        "mlp.optimizers.matrices": "Adafactor Lamb",
        "mlp.optimizers.muon": "Muon",
        "mlp.optimizers.scaled_conjugate_gradient": "ScaledConjugateGradient",
    },
    aliases={"gradient_descent": "SGD", "lm": "LevenbergMarquardt", "scg": "ScaledConjugateGradient"},
)


def get(identifier: Any) -> Optimizer:
    """The optimizer that a name, class or object stands for; an object is used itself, not copied."""
    optimizer: Optimizer = identifier if isinstance(identifier, Optimizer) else _CATALOGUE.get(identifier)
    return optimizer


serialize, deserialize = _CATALOGUE.serialize, _CATALOGUE.deserialize


def __getattr__(name: str) -> Any:
    """A class, loaded when it is asked for."""
    globals()[name] = part = _CATALOGUE.attribute(__name__, name, {"schedules": "mlp.optimizers"})
    return part


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "LBFGS",
    "Lamb",
    "LevenbergMarquardt",
    "Lion",
    "Muon",
    "Nadam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SGD",
    "ScaledConjugateGradient",
    "ScheduleFreeAdamW",
    "Solver",
    "deserialize",
    "get",
    "gradient_descent",
    "minibatch_gradient_descent",
    "minimise",
    "schedules",
    "serialize",
    "stochastic_gradient_descent",
]
