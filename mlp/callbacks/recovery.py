"""Going on after a divergence, with a lower learning rate."""

import math
import warnings
from typing import Any

from mlp.callbacks.base import Callback, Logs
from mlp.errors import DivergenceError
from mlp.naming import is_integer, require, require_in
from mlp.optimizers.schedules import Scaled


class RecoverFromDivergence(Callback):
    """When the loss is no longer finite: good weights back, a lower rate, and the epoch again.

    Good are those that the epoch with the lowest loss so far began with: a loss can be huge for some
    epochs before it is infinite. Without this callback `fit` raises a `DivergenceError`. Each time a
    warning says what happened. (Keras has no such callback.)

    Parameters
    ----------
    factor : float in (0, 1), default 0.5
        What the learning rate, or a schedule, is multiplied by.
    limit : int above 0, default 3
        How often in a `fit`; the next divergence is an error again.

    Attributes
    ----------
    recoveries : list of dict
        The "epoch" of each, counted from 0, and the "learning_rate" after it.

    Examples
    --------
    >>> import mlp, numpy as np
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], dtype="float64", seed=0)
    >>> model.compile(mlp.optimizers.SGD(1.5), "mse")
    >>> X = np.linspace(-1, 1, 50)[:, None] * 3
    >>> recovery = RecoverFromDivergence(factor=0.1)
    >>> with warnings.catch_warnings(action="ignore"):
    ...     history = model.fit(X, 2 * X, epochs=900, batch_size="full", verbose=0, callbacks=[recovery])
    >>> [round(one["learning_rate"], 3) for one in recovery.recoveries], history.history["loss"][-1] < 1e-6
    ([0.15], True)
    """

    def __init__(self, factor: float = 0.5, limit: int = 3) -> None:
        require_in("(0, 1)", "factor", factor)
        require(is_integer(limit) and limit > 0, "limit", limit, "a positive integer")
        self.factor, self.limit = factor, limit
        self._reset()

    def _reset(self) -> None:
        self.recoveries: list[dict[str, float]] = []
        self.least = math.inf
        self.begun: Any = None
        self.good: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.begun = self.model.run.snapshots.copy() if self.model.run else None
        self.good = self.good or self.begun

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss", math.inf)
        if loss <= self.least:
            self.least, self.good = loss, self.begun

    def on_divergence(self, error: DivergenceError) -> bool:
        run = self.model.run
        if len(self.recoveries) >= self.limit or run is None:
            return False
        run.snapshots.go_back(self.good)
        optimizer = self.model.optimizer
        rate = optimizer.learning_rate
        optimizer.learning_rate = Scaled(rate, self.factor) if callable(rate) else rate * self.factor
        rate = optimizer.current_rate()
        self.recoveries.append({"epoch": run.epoch, "learning_rate": rate})
        count = f"{len(self.recoveries)} of {self.limit}"
        warnings.warn(
            f"{error} Going on from those of the best epoch with the learning rate {rate:.3g} (recovery "
            f"{count}).",
            stacklevel=2,
        )
        return True
