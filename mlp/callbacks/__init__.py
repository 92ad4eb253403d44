"""Callbacks: what happens around the steps of a training run, at Keras's moments.

Those that every `fit` needs are loaded at once, the others when they are asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlp.callbacks.base import Callback, CallbackList
from mlp.callbacks.history import History, with_history
from mlp.callbacks.progress import ProgbarLogger, progress

if TYPE_CHECKING:
    from mlp.callbacks.averages import SwapEMAWeights
    from mlp.callbacks.backup import BackupAndRestore
    from mlp.callbacks.best_epoch import BestEpoch
    from mlp.callbacks.checkpoint import ModelCheckpoint
    from mlp.callbacks.early_stopping import EarlyStopping, TerminateOnNaN
    from mlp.callbacks.functions import LambdaCallback
    from mlp.callbacks.hyperparameter_scheduler import HyperparameterScheduler
    from mlp.callbacks.live_plot import LivePlot
    from mlp.callbacks.logs import CSVLogger, TensorBoard
    from mlp.callbacks.rate_finder import RateSearch, find_learning_rate
    from mlp.callbacks.rates import LearningRateScheduler, ReduceLROnPlateau
    from mlp.callbacks.recovery import RecoverFromDivergence
    from mlp.callbacks.training_doctor import TrainingDoctor
    from mlp.callbacks.weight_record import WeightRecord

__all__ = [
    "BackupAndRestore",
    "BestEpoch",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "HyperparameterScheduler",
    "LambdaCallback",
    "LearningRateScheduler",
    "LivePlot",
    "ModelCheckpoint",
    "ProgbarLogger",
    "RateSearch",
    "RecoverFromDivergence",
    "ReduceLROnPlateau",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
    "TrainingDoctor",
    "WeightRecord",
    "find_learning_rate",
    "progress",
    "with_history",
]

_HOMES = {
    "BackupAndRestore": "backup",
    "BestEpoch": "best_epoch",
    "CSVLogger": "logs",
    "EarlyStopping": "early_stopping",
    "HyperparameterScheduler": "hyperparameter_scheduler",
    "LambdaCallback": "functions",
    "LearningRateScheduler": "rates",
    "LivePlot": "live_plot",
    "ModelCheckpoint": "checkpoint",
    "RateSearch": "rate_finder",
    "RecoverFromDivergence": "recovery",
    "ReduceLROnPlateau": "rates",
    "SwapEMAWeights": "averages",
    "TensorBoard": "logs",
    "TerminateOnNaN": "early_stopping",
    "TrainingDoctor": "training_doctor",
    "WeightRecord": "weight_record",
    "find_learning_rate": "rate_finder",
}


def __getattr__(name: str) -> Any:
    """A callback that has not been loaded yet."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    globals()[name] = value = getattr(import_module(f"mlp.callbacks.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
