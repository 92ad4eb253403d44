"""Opening a training run, an evaluation or a prediction: the arguments, checked before anything moves."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import is_finite
from mlp.callbacks import Callback, CallbackList
from mlp.data import ArrayData, Batch, Rows, Source, split_tail
from mlp.data.streams import is_stream, require_alone
from mlp.errors import ArgumentError, DivergenceError
from mlp.evaluation import Means, as_a_whole, evaluate, evaluate_source
from mlp.naming import is_integer, require, require_bool
from mlp.optimizers.settings import is_number
from mlp.snapshots import LastGood, likely_cause
from mlp.sources import as_data, open_rows, with_class_weight
from mlp.training import Training

if TYPE_CHECKING:
    from mlp.model import Model

Judging = Callable[[CallbackList], tuple[Means, int]]  # evaluates; also how many batches there were
WHERE = "validation_data: "


def open_run(
    model: "Model",
    x: Any,
    y: Any = None,
    epochs: int = 1,
    callbacks: Sequence[Callback] | None = None,
    verbose: Any = 0,
    validation_split: float = 0.0,
    validation_data: Any = None,
    class_weight: Any = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: Any = 1,
    time_limit: float | None = None,
    drop_remainder: bool = False,
) -> Training:
    """Check the arguments, which are those of `Model.fit`, and open a run.

    Nothing about the model has changed if one of them is wrong, but that it may be built.
    """
    for name, value in (("epochs", epochs), ("initial_epoch", initial_epoch)):
        require(is_integer(value) and value >= 0, name, value, "an integer of at least 0")
    check_counts(
        steps_per_epoch=steps_per_epoch,
        validation_steps=validation_steps,
        validation_batch_size=validation_batch_size,
    )
    listed = isinstance(validation_freq, list | tuple | set) and all(map(is_integer, validation_freq))
    often = listed or (is_integer(validation_freq) and validation_freq > 0)
    require(often, "validation_freq", validation_freq, "a positive integer or a list of epochs")
    callbacks = [callbacks] if isinstance(callbacks, Callback) else callbacks
    given = callbacks is None or isinstance(callbacks, list | tuple)
    require(given, "callbacks", callbacks, "a list of callbacks")
    limited = time_limit is None or (is_number(time_limit) and time_limit > 0)
    require(limited, "time_limit", time_limit, "a positive number of seconds, or None")
    require_bool("drop_remainder", drop_remainder)
    if is_stream(x):
        require_alone(drop_remainder=drop_remainder)
    data, held_out = open_data(
        model, x, y, sample_weight, class_weight, 0.0 if validation_data is not None else validation_split
    )
    model.optimizer.current_rate()  # a schedule that cannot begin is found before anything moves
    if not is_finite(model.parameters.values):
        raise ArgumentError("the weights of the model are not finite before training; set them anew")
    judging: Judging | None = None
    if validation_data is not None:
        pair = unpacked(validation_data)
        judging = evaluation(model, *pair, validation_steps, validation_batch_size, WHERE)
    elif held_out is not None:
        judging = judge(model, held_out, validation_steps, validation_batch_size)
    return Training(
        model,
        data,
        epochs,
        initial_epoch,
        callbacks or (),
        verbose,
        judging and (lambda run: judging(run.callbacks)[0].logs("val_")),
        validation_freq,
        steps_per_epoch,
        time_limit,
        drop_remainder,
    )


def open_data(
    model: "Model", x: Any, y: Any, sample_weight: Any, class_weight: Any, validation_split: float
) -> tuple[ArrayData | Source, Rows | Source | None]:
    """What to train with, and what is held out of it."""
    if is_stream(x):
        require_alone(validation_split=validation_split)
    rows: Any = open_rows(model, x, y, sample_weight, class_weight)
    held_out = None
    if validation_split:
        if isinstance(rows, tuple):
            rows, held_out = split_tail(validation_split, *rows)
        elif rows.streams:
            require_alone(validation_split=validation_split)
        else:
            rows, held_out = rows.split(validation_split)
            held_out.prepare = held_out.prepare.without_class_weight()
    if isinstance(rows, tuple):  # weights are of the rows that are trained with; held-out rows count alike
        return as_data(model, *with_class_weight(rows, class_weight)), held_out
    if isinstance(class_weight, str):  # of a stream it is refused
        rows.prepare.balance(rows.targets())
    return rows, held_out


def evaluation(
    model: "Model",
    x: Any,
    y: Any,
    sample_weight: Any,
    steps: int | None,
    batch_size: int | None,
    where: str = "",
) -> Judging:
    """A function that evaluates these data, or the first `steps` batches of them."""
    check_counts(steps=steps, batch_size=batch_size)
    return judge(model, open_rows(model, x, y, sample_weight, where=where), steps, batch_size)


def judge(model: "Model", rows: Rows | Source, steps: int | None, batch_size: int | None) -> Judging:
    """The same for data that are open."""
    size = batch_size or 32
    if not isinstance(rows, tuple):
        return lambda heard: evaluate_source(model, rows, heard, batch_size or min(model.chunk, 4096), steps)
    X, T, weight = rows
    if steps is not None:
        X, T, weight = (
            X[: steps * size],
            T[: steps * size],
            weight if weight is None else weight[: steps * size],
        )
    data = as_a_whole(model, X, T, weight)
    return lambda heard: (evaluate(model, data, heard, batch_size), -(-len(data) // size))


def unpacked(given: Any) -> tuple[Any, Any, Any]:
    """The x, y and weights of ``validation_data``: (x, y), (x, y, sample_weight), or batches."""
    if is_stream(given):
        return given, None, None
    fits = isinstance(given, tuple | list) and len(given) in (2, 3)
    expected = "(x, y) or (x, y, sample_weight), or something that gives such batches"
    require(fits, "validation_data", type(given).__name__, expected)
    x, y, weight = (*given, None)[:3]
    return x, y, weight


def check_counts(**counts: Any) -> None:
    """Raise an `ArgumentError` unless each is None or a positive integer."""
    for name, value in counts.items():
        require(value is None or (is_integer(value) and value > 0), name, value, "a positive integer")


def one_batch(model: "Model", x: Any, y: Any, sample_weight: Any, class_weight: Any) -> Batch:
    """Checked rows, all of them one batch."""
    found = open_rows(model, x, y, sample_weight)
    if not isinstance(found, tuple):
        raise ArgumentError("x must be the rows of one batch; data that come piece by piece are for fit")
    return as_data(model, *with_class_weight(found, class_weight)).all()


def train_on_batch(model: "Model", x: Any, y: Any, sample_weight: Any, class_weight: Any) -> Means:
    """One step with these rows, and what it says of them; without a run around it, so that it is fast."""
    X, T, target, weight = one_batch(model, x, y, sample_weight, class_weight)
    means, engine = model.means(), model.ready()
    with engine.lock, np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if engine.last_good is None:
            engine.last_good = LastGood(model)
        engine.last_good.renew()
        means.total, means.count = engine.step(X, target, weight), 1
        step, what = model.optimizer.iterations, ""
        if not math.isfinite(means.total):
            what = f"the loss became {means.total} in the step after {step}, which was not made"
        elif not engine.last_good.holds():
            what = (
                f"the weights became infinite in step {step}; the model has those of up to 100 steps before"
            )
        if what:
            cause = likely_cause(X, T, model.optimizer.current_rate())
            raise DivergenceError(f"{what}. Likely cause: {cause}")
        if means.measures:
            means.measure(T, engine.out, weight / model.loss.reduce(model.loss.counted(T)))
    return means
