"""Opening a training run: the arguments of `fit`, checked before anything moves."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mlp.arrays import as_numbers, is_finite, require_finite
from mlp.callbacks import Callback
from mlp.data import ArrayData, Rows, split_tail, weights_of_classes
from mlp.errors import ArgumentError
from mlp.evaluation import Logs, as_a_whole, check_data, evaluate
from mlp.naming import is_integer, require
from mlp.training import Training

if TYPE_CHECKING:
    from mlp.model import Model


def open_run(
    model: "Model",
    x: Any,
    y: Any,
    epochs: int = 1,
    callbacks: Sequence[Callback] | None = None,
    verbose: Any = 0,
    validation_split: float = 0.0,
    validation_data: tuple[Any, ...] | None = None,
    class_weight: Any = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: Any = 1,
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
    data = check_data(model, x, y, sample_weight)
    model.optimizer.current_rate()  # a schedule that cannot begin is found before anything moves
    if not is_finite(model.parameters.values):
        raise ArgumentError("the weights of the model are not finite before training; set them anew")
    held_out: Rows | None = None
    if validation_data is not None:
        held_out = check_validation(model, validation_data)
    elif validation_split:
        data, held_out = split_tail(validation_split, *data)
    if class_weight is not None:  # of the rows that are trained with; held-out rows count alike
        X, T, weight = data
        by_class = weights_of_classes(class_weight, T)
        weight = as_numbers(by_class if weight is None else weight * by_class, X.dtype, "class_weight")
        require_finite(weight, "class_weight")
        data = X, T, weight

    return Training(
        model,
        ArrayData(
            *data,
            model.loss.encode,
            model.loss.reduce,
            model.layers[-1].output_shape[0],
            model.loss.counted,
        ),
        epochs,
        initial_epoch,
        callbacks or (),
        verbose,
        held_out and validation(model, held_out, validation_steps, validation_batch_size),
        validation_freq,
        steps_per_epoch,
    )


def check_counts(**counts: Any) -> None:
    """Raise an `ArgumentError` unless each is None or a positive integer."""
    for name, value in counts.items():
        require(value is None or (is_integer(value) and value > 0), name, value, "a positive integer")


def check_validation(model: "Model", given: Any) -> Rows:
    """The rows of ``validation_data=(x, y)`` or ``(x, y, sample_weight)``."""
    fits = isinstance(given, tuple | list) and len(given) in (2, 3)
    require(fits, "validation_data", type(given).__name__, "(x, y) or (x, y, sample_weight)")
    x, y, weight = (*given, None)[:3]
    return check_data(model, x, y, weight, where="validation_data: ")


def validation(
    model: "Model", rows: Rows, steps: int | None, batch_size: int | None
) -> Callable[[Training], Logs]:
    """A function that evaluates these rows, or the first `steps` batches of them."""
    X, T, weight = rows
    if steps is not None:
        count = steps * (batch_size or 32)
        X, T, weight = X[:count], T[:count], None if weight is None else weight[:count]
    data = as_a_whole(model, X, T, weight)
    return lambda run: evaluate(model, data, run.callbacks, batch_size).logs("val_")
