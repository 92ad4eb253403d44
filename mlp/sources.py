"""From what the user gave to rows that the model can take: arrays, or a source that gives them by and by."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array, as_numbers, require_finite
from mlp.data import ArrayData, Rows, Source, balanced_weights, weights_of_classes
from mlp.data.kinds import resolve
from mlp.data.streams import StreamData, is_stream, require_alone
from mlp.data.windows import RowsData, needs_windows
from mlp.errors import ArgumentError
from mlp.evaluation import check_data, check_inputs, check_rows, require_compiled

if TYPE_CHECKING:
    from mlp.model import Model


class Preparation:
    """Brings pieces of the data to the form that a model wants, after the first of them in any thread.

    Parameters
    ----------
    model : Model
        The first piece builds it, if it is not built.
    class_weight : dict or None
    where : str
        What errors begin with, such as "validation_data: ".
    """

    def __init__(self, model: "Model", class_weight: Any = None, where: str = "") -> None:
        self.model, self.class_weight, self.where, self.opened = model, class_weight, where, False
        self.seen = False  # whether all rows have been here before

    def __call__(self, x: Any, y: Any, weight: Any, where: str) -> ArrayData:
        if self.opened:
            rows = check_rows(self.model, x, y, weight, self.where + where, self.seen)
        else:
            rows = check_data(self.model, x, y, weight, self.where + where)
        return as_data(self.model, *with_class_weight(rows, self.class_weight))

    def balance(self, targets: Array) -> None:
        """Take the class weights that "balanced" stands for with these targets."""
        outputs, dtype = self.model.layers[-1].output_shape[0], np.dtype(self.model.dtype)
        self.class_weight = balanced_weights(self.model.loss.as_target(targets, outputs, dtype, "y"))

    def without_class_weight(self) -> "Preparation":
        """The same for rows that are held out."""
        other = Preparation(self.model, None, self.where)
        other.opened = self.opened
        return other


def open_rows(
    model: "Model", x: Any, y: Any, sample_weight: Any, class_weight: Any = None, where: str = ""
) -> Rows | Source:
    """Checked arrays of data in memory; for others a source, the first rows of which are checked.

    Raises
    ------
    ArgumentError
        If the data, or what was given together, cannot be used. Nothing has moved then.
    """
    require_compiled(model)
    streams = is_stream(x)
    if not streams:
        x, y, sample_weight = resolve(x, y, sample_weight, model.dtype)
        if not needs_windows(x, y, sample_weight):
            return check_data(model, x, y, sample_weight, where)
        return open_windows(model, (x, y, sample_weight), class_weight, where)
    if isinstance(class_weight, str):
        raise ArgumentError(
            f"class_weight={class_weight!r} needs all targets at once, and x gives them batch by batch; "
            "give a dict from class number to weight"
        )
    require_alone(y=y, sample_weight=sample_weight)
    prepare = Preparation(model, class_weight, where)
    source = StreamData(x, prepare, where=where)
    source.peek()
    prepare.opened = True
    return source


def open_windows(model: "Model", parts: tuple[Any, Any, Any], class_weight: Any, where: str) -> Source:
    """A source for rows that are read by and by; parts as `needs_windows` takes them.

    With "balanced" class weights `Preparation.balance` is to be called, once it is known which rows are
    trained with.
    """
    balanced = isinstance(class_weight, str) and class_weight == "balanced"
    prepare = Preparation(model, None if balanced else class_weight, where)
    source = RowsData(*parts, prepare, model.dtype)
    source.peek()
    prepare.opened = True
    return source


def open_inputs(model: "Model", x: Any) -> Array | Source:
    """The same for inputs alone, of which the blocks of a source have arrays."""

    def prepare(x: Any, y: Any, weight: Any, where: str) -> Any:
        return check_inputs(model, x, where + "x")

    if is_stream(x):
        source: Source = StreamData(x, prepare, targets=False)
    else:
        x, _, _ = resolve(x, None, None, model.dtype)
        if not needs_windows(x):
            return model.as_inputs(x)
        source = RowsData(x, None, None, prepare, model.dtype)
    source.peek()
    return source


def loaded(source: Source) -> ArrayData:
    """All rows of a source in memory; the source is closed.

    Raises
    ------
    ArgumentError
        If it gives them batch by batch.
    """
    load = getattr(source, "load", None)
    if load is None:
        raise ArgumentError(
            "a full batch needs all rows in memory, and x gives them batch by batch; "
            "give arrays, or leave batch_size out and take an optimizer that steps batch by batch"
        )
    data: ArrayData = load()
    source.close()
    return data


def as_data(model: "Model", X: Array, T: Array, weight: Array | None) -> ArrayData:
    """Checked rows as batches are cut from them."""
    loss = model.loss
    units = model.layers[-1].output_shape[0]
    return ArrayData(
        X, T, weight, loss.encode, loss.reduce, units, loss.counted, encoding=lambda: loss.encoding
    )


def with_class_weight(rows: Rows, class_weight: Any) -> Rows:
    """The rows with weights by their classes, multiplied by those that they have."""
    if class_weight is None:
        return rows
    X, T, weight = rows
    by_class = weights_of_classes(class_weight, T)
    weight = as_numbers(by_class if weight is None else weight * by_class, X.dtype, "class_weight")
    require_finite(weight, "class_weight")
    return X, T, weight
