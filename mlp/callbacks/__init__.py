"""Callbacks: what happens around the steps of a training run."""

from mlp.callbacks.base import Callback, CallbackList
from mlp.callbacks.history import History
from mlp.callbacks.progress import EpochLines, ProgressBar, progress

__all__ = ["Callback", "CallbackList", "EpochLines", "History", "ProgressBar", "progress"]
