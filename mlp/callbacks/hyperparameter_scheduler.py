"""Schedules for hyperparameters other than the learning rate: weight decay, dropout, label smoothing."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mlp.adjusting import adjustable
from mlp.callbacks.base import Callback, Logs
from mlp.errors import ArgumentError
from mlp.layers import stack
from mlp.naming import key_of, nearest, require, require_in

Schedule = Callable[[float], float]
FORM = "functions of the epoch by names such as 'optimizer.weight_decay', 'Dropout.rate' or 'dropout_1.rate'"


class HyperparameterScheduler(Callback):
    """Set hyperparameters at the beginning of every epoch, each by a function of its own.

    Nothing is compiled or made again for another value, on either engine, so it costs nothing; except when
    noise of 0 or a decay of None becomes a number or the other way round.

    Parameters
    ----------
    schedules : dict of str to callable
        By name ``"owner.argument"`` a function of the epoch, counted from 0, that gives a number. The
        schedules of `mlp.optimizers.schedules` are such functions, of epochs for steps. The owner is
        "optimizer", "loss", a layer by its name or path ("dropout_1", "residual.dropout"), or all layers of
        a class ("Dropout"). Where several names mean the same, the later holds. Arguments are
        "optimizer.weight_decay", "loss.label_smoothing", the `rate` of `Dropout`, `AlphaDropout` and
        `GaussianDropout`, the `stddev` of `GaussianNoise`, and what a part of your own declares as
        `mlp.adjusting.Adjustable`. For the learning rate give the optimizer a schedule.
    total_epochs : float above 0, optional
        Give the functions, in the place of the epoch, the share of the training that is over:
        epoch / total_epochs, from 0 up to 1.

    Attributes
    ----------
    values : dict of str to float
        What was set for the epoch in hand.

    Raises
    ------
    ArgumentError
        If `schedules` is no such dict; when the training begins, if the model has nothing of such a name; at
        the beginning of an epoch, if a function gives what the argument cannot be.

    Notes
    -----
    The logs of an epoch, and so the history, get the values by these names. The last values stay when the
    training is over, as a learning rate does that a callback has set.

    References
    ----------
    Falling dropout and decay: D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by default: strong
    pre-tuned MLPs and boosted trees on tabular data" (2024).

    Examples
    --------
    >>> import mlp
    >>> from mlp.optimizers.schedules import FlatCosine
    >>> model = mlp.Sequential(
    ...     [mlp.layers.Dense(8, input_shape=(1,)), mlp.layers.Dropout(0.2), mlp.layers.Dense(1)], seed=0
    ... )
    >>> model.compile("adamw", "mse")
    >>> falling = HyperparameterScheduler(
    ...     {"Dropout.rate": FlatCosine(0.2, 4), "optimizer.weight_decay": lambda epoch: 0.01 / (1 + epoch)}
    ... )
    >>> run = model.fit([[0.0], [1.0]], [1.0, 3.0], epochs=4, callbacks=[falling], verbose=0)
    >>> [round(value, 3) for value in run.history["Dropout.rate"]], model.layers[1].rate
    ([0.2, 0.2, 0.2, 0.1], 0.1)
    """

    def __init__(self, schedules: Mapping[str, Schedule], total_epochs: float | None = None) -> None:
        right = isinstance(schedules, Mapping) and len(schedules) > 0
        right = right and all(isinstance(name, str) and callable(f) for name, f in schedules.items())
        require(right, "schedules", schedules, FORM)
        if total_epochs is not None:
            require_in("(0, inf)", "total_epochs", total_epochs)
        self.schedules, self.total_epochs = dict(schedules), total_epochs
        self.values: dict[str, float] = {}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.values = {}
        parts = list(_owners(self.model))
        self._parts = {name: _found(name, parts) for name in self.schedules}

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        at: float = epoch if self.total_epochs is None else min(epoch / self.total_epochs, 1.0)
        for name, schedule in self.schedules.items():
            value = schedule(at)
            argument = name.rpartition(".")[2]
            for part in self._parts[name]:
                try:
                    setattr(part, argument, value)
                except ArgumentError as error:
                    message = f"what the schedule of {name!r} gives for epoch {epoch} cannot be used: {error}"
                    raise ArgumentError(message) from error
            self.values[name] = float(value)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs.update(self.values)


def _owners(model: Any) -> Iterator[tuple[str, Any]]:
    """The parts that have adjustable arguments, by all names that they have."""
    loss = model.loss
    named = [("optimizer", model.optimizer), ("loss", loss), ("loss", getattr(loss, "loss", None))]
    for path, leaf in stack.leaves(model.layers):
        named += [(path, leaf), (type(leaf).__name__, leaf)]
        if leaf.name and leaf.name != path:
            named.append((leaf.name, leaf))
    for name, part in named:
        if part is not None and adjustable(type(part)):
            yield name, part


def _found(name: str, parts: list[tuple[str, Any]]) -> list[Any]:
    """The parts whose argument a name means."""
    owner, _, argument = name.rpartition(".")
    found = [part for known, part in parts if known == owner and argument in adjustable(type(part))]
    if found:
        return found
    known = list(
        dict.fromkeys(
            f"{own}.{own_argument}" for own, part in parts for own_argument in adjustable(type(part))
        )
    )
    like = nearest(name, known) if key_of(name) else ""
    raise ArgumentError(
        f"HyperparameterScheduler: the model has no {name!r} that may be changed while training.{like} "
        f"It has {', '.join(map(repr, known)) or 'none'}"
    )
