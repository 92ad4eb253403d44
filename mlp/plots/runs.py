"""What a training has left behind, read from whatever keeps it: histories, models, estimators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlp import metrics
from mlp.errors import ArgumentError, NotReadyError
from mlp.naming import require, snake_case

if TYPE_CHECKING:
    from mlp.arrays import Array
    from mlp.sequential import Sequential

VALIDATION = "val_"
EXPECTED = "a History, its dict, a model or estimator that was fitted, or a dict of several of these by name"


class Run(NamedTuple):
    """The curves of one training.

    Attributes
    ----------
    epochs : Array of int, shape (e,)
        The numbers of the epochs, counted from 1.
    curves : dict of str to Array of shape (k,)
        By name, as in `History.history`; k is e, or less where not every epoch was validated.
    model : object or None
        Which model it was, if that is known: its metrics say whether more or less is better.
    """

    epochs: Array
    curves: dict[str, Array]
    model: Any = None

    def points(self, name: str) -> tuple[Array, Array]:
        """Epochs and values of a curve, without those that are not a number.

        With fewer values than epochs (`validation_freq`) they are taken to be of every second epoch,
        every third, and so on.
        """
        values = self.curves[name]
        step = max(1, len(self.epochs) // max(len(values), 1))
        epochs, values = self.epochs[step - 1 :: step][: len(values)], values[: len(self.epochs)]
        there = ~np.isnan(values)
        return epochs[there], values[there]


def runs_of(history: Any) -> dict[str, Run]:
    """Runs by name; a single one is called "".

    Raises
    ------
    ArgumentError
        If it is nothing that keeps losses.
    NotReadyError
        If it keeps none yet.
    """
    several = isinstance(history, Mapping) and history and not any(map(_is_curve, history.values()))
    if not several:
        return {"": _run_of(history)}
    return {str(name): _run_of(one) for name, one in history.items()}


def recorded(record: Any, network: Sequential, argument: str = "record") -> tuple[list[Any], list[Array]]:
    """The epochs of a `WeightRecord`, and the flat vectors of parameters after them.

    Raises
    ------
    ArgumentError
        If it is no record, has nothing in it, or is of another model; the error names `argument`.
    """
    epochs, values = getattr(record, "epochs", None), getattr(record, "values", None)
    listed = isinstance(epochs, list) and isinstance(values, list) and len(values) == len(epochs) > 0
    require(listed, argument, record, "a WeightRecord that was given to fit()")
    assert isinstance(epochs, list)
    assert isinstance(values, list)
    size = network.count_params()
    fits = all(np.shape(one) == (size,) for one in values)
    require(fits, argument, f"{np.size(values[0])} weights", f"of this model, which has {size}")
    return epochs, values


def _is_curve(value: Any) -> bool:
    return isinstance(value, list | tuple | np.ndarray)


def _run_of(thing: Any) -> Run:
    for nested in ("best_estimator_", "steps"):  # of a search; of a pipeline, whose last step learns
        if hasattr(thing, nested):
            inner = getattr(thing, nested)
            return _run_of(inner[-1][1] if nested == "steps" else inner)
    if isinstance(thing, Mapping):
        return _run(thing)
    if hasattr(thing, "history_") and isinstance(thing.history_, Mapping):
        return _run(thing.history_, model=getattr(thing, "model_", None))
    if hasattr(thing, "loss_curve_"):
        return _run(_curves_of_estimator(thing), model=getattr(thing, "model_", None))
    if hasattr(thing, "history") and not isinstance(thing.history, Mapping):  # a model
        if thing.history is None:
            raise NotReadyError("the model has no history yet: call fit() first")
        return _run_of(thing.history)
    if hasattr(thing, "history"):
        return _run(thing.history, thing.epoch, getattr(thing, "model", None))
    if hasattr(thing, "get_params"):
        raise NotReadyError(f"{type(thing).__name__} has no curve of its loss: call fit() first")
    raise ArgumentError(f"history must be {EXPECTED}; got {type(thing).__name__}")


def _curves_of_estimator(estimator: Any) -> dict[str, Any]:
    kept = {"loss": "loss_curve_", "val_loss": "validation_loss_curve_", "val_score": "validation_scores_"}
    found = {name: getattr(estimator, attribute, None) for name, attribute in kept.items()}
    return {name: values for name, values in found.items() if values is not None and len(values)}


def _run(curves: Mapping[str, Any], epochs: Any = None, model: Any = None) -> Run:
    """A run of these curves, without those that have more than a number an epoch."""
    found: dict[str, Array] = {}
    for name, values in curves.items():
        try:
            numbers = np.asarray(values, np.float64)
        except (TypeError, ValueError):
            raise ArgumentError(f"history[{name!r}] must be a list of numbers, one for each epoch") from None
        if numbers.ndim == 1:
            found[str(name)] = numbers
    longest = max(map(len, found.values()), default=0)
    if not longest:
        raise NotReadyError("the history has no epochs: call fit() first, for one epoch or more")
    counted = range(longest) if epochs is None or len(epochs) < longest else epochs
    return Run(np.asarray(counted) + 1, found, model)


def chosen(runs: dict[str, Run], wanted: Any) -> list[str]:
    """The names of the curves to draw, a validation's beside its training's: "loss" first.

    Raises
    ------
    ArgumentError
        If there is no curve of a name that is wanted.
    """
    known = list(dict.fromkeys(base_name(name) for run in runs.values() for name in run.curves))
    known.sort(key=lambda name: name != "loss")
    if wanted is None:
        return known
    names = [wanted] if isinstance(wanted, str) else list(wanted) if np.iterable(wanted) else [wanted]
    for name in names:
        own = isinstance(name, str) and base_name(name) in known
        require(own, "metrics", name, f"among the curves that there are: {', '.join(known)}")
    require(len(names) > 0, "metrics", wanted, "the name of a curve, or a list of such")
    return list(dict.fromkeys(map(base_name, names)))


def base_name(name: str) -> str:
    """The name without the mark of the validation.

    Examples
    --------
    >>> base_name("val_loss"), base_name("loss")
    ('loss', 'loss')
    """
    return name.removeprefix(VALIDATION)


def less_is_better(name: str, model: Any = None) -> bool | None:
    """Whether a curve of that name should fall; None if nothing says so.

    Examples
    --------
    >>> less_is_better("loss"), less_is_better("val_accuracy"), less_is_better("unheard of")
    (True, False, None)
    """
    name = base_name(name)
    if name in ("loss", "score"):
        return name == "loss"
    metric = next((own for own in getattr(model, "metrics", None) or () if own.name == name), None)
    if metric is None:
        try:
            metric = metrics.get(name.rstrip("_0123456789"))  # a second AUC is called "auc_1"
        except ArgumentError:
            return None
    direction = getattr(metric, "direction", None)
    return None if direction is None else direction == "down"


def title_of(name: str, model: Any = None) -> str:
    """What stands at the axis: "loss (binary cross-entropy)", "accuracy", "mean absolute error".

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1)])
    >>> model.compile("sgd", "mean_squared_error")
    >>> title_of("loss", model), title_of("learning_rate"), title_of("auc")
    ('loss (mean squared error)', 'learning rate', 'AUC')
    """
    short = {"auc": "AUC", "mae": "mean absolute error", "mse": "mean squared error", "r2_score": "R²"}
    loss = getattr(model, "loss", None)
    if name == "loss" and loss is not None and not isinstance(loss, str):
        kind = snake_case(type(loss).__name__).replace("crossentropy", "cross-entropy").replace("_", " ")
        return f"loss ({kind})"
    return short.get(name, name.replace("_", " "))
