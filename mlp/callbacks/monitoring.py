"""What callbacks that watch a number have in common: which it is, and whether it has become better."""

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.callbacks.base import Logs
from mlp.errors import ArgumentError
from mlp.naming import is_integer, require, require_in, require_one_of

if TYPE_CHECKING:
    from mlp.model import Model


class Monitor:
    """A number in the logs that is watched.

    Parameters
    ----------
    owner : str
        The name of the callback, for its messages.
    monitor : str
        A name in the logs: "val_loss", "accuracy" …
    mode : {"auto", "min", "max"}
        Whether less or more is better; "auto" finds it out from the metric of that name.
    min_delta : float, default 0
        What changes less than that is no improvement.

    Examples
    --------
    >>> watched = Monitor("EarlyStopping", "loss", "min", 0.1)
    >>> watched.improves(0.85, 1.0, None), watched.improves(0.95, 1.0, None)
    (True, False)
    """

    def __init__(self, owner: str, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        require(isinstance(monitor, str), "monitor", monitor, "a name in the logs, such as 'val_loss'")
        require_one_of("mode", mode, ("auto", "min", "max"))
        require_in("(-inf, inf)", "min_delta", min_delta)
        self.owner, self.monitor, self.mode, self.min_delta = owner, monitor, mode, abs(min_delta)

    def value(self, logs: Logs | None) -> float | None:
        """The number that these logs have, or None, with a warning, if they have none of that name.

        Raises
        ------
        ArgumentError
            If it is more than one number.
        """
        current = (logs or {}).get(self.monitor)
        if current is None and not math.isfinite((logs or {}).get("loss", 0.0)):
            return math.nan  # an epoch that diverged has nothing else in its logs
        if current is None:
            known = ", ".join(map(repr, logs or {})) or "none"
            warnings.warn(
                f"{self.owner} does nothing without monitor={self.monitor!r}, which the logs of this epoch "
                f"do not have; they have {known}",
                stacklevel=2,
            )
            return None
        if np.ndim(current):
            raise ArgumentError(
                f"{self.owner}: monitor={self.monitor!r} must be one number; got {np.size(current)}, of "
                f"shape {np.shape(current)}. Let the metric take their mean: average='macro'"
            )
        return float(current)

    def improves(self, current: float, reference: float | None, model: "Model | None") -> bool:
        """Whether it is better than the reference by more than `min_delta`; than None it always is.

        Raises
        ------
        ArgumentError
            With ``mode="auto"``, if nothing says whether less or more is better.
        """
        if reference is None:
            return True
        if self.less_is_better(model):
            return current + self.min_delta < reference
        return current - self.min_delta > reference

    def less_is_better(self, model: "Model | None") -> bool:
        """Whether it should fall."""
        name = self.monitor.removeprefix("val_")
        metrics = (*getattr(model, "metrics", ()), *getattr(model, "weighted_metrics", ()))
        found: Any = "loss" if name == "loss" else None
        for metric in metrics:
            found = metric if metric.name == name else found
        return less_is_better(self.owner, f"monitor={self.monitor!r}", self.mode, found)


def less_is_better(owner: str, what: str, mode: str, metric: Any) -> bool:
    """Whether a number should fall, by the mode or, if that is "auto", by the metric; "loss" is one.

    Raises
    ------
    ArgumentError
        If nothing says so; it names the owner, and what is watched.
    """
    if mode != "auto":
        return mode == "min"
    # the second is the attribute of Keras's own metrics
    own = getattr(metric, "direction", None) or getattr(metric, "_direction", None)
    direction = "down" if isinstance(metric, str) else own
    if direction is None:
        raise ArgumentError(
            f"{owner}: nothing says whether more or less of {what} is better; "
            "give mode='max' or mode='min', or the metric an attribute direction = 'up' or 'down'"
        )
    return direction == "down"


def require_counts(**counts: Any) -> None:
    """Raise an `ArgumentError` unless each is an integer of at least 0."""
    for name, value in counts.items():
        require(is_integer(value) and value >= 0, name, value, "an integer of at least 0")


def require_verbose(verbose: Any) -> None:
    """Raise an `ArgumentError` unless it is 0 or 1, also as False or True."""
    silent = isinstance(verbose, bool) or (is_integer(verbose) and verbose in (0, 1, 2))
    require(silent, "verbose", verbose, "0 or 1")
