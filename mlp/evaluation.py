"""Data at the door of a model, and the loss and the metrics over them."""

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array, as_inputs, as_weights, is_finite, shape_of
from mlp.callbacks import CallbackList
from mlp.data import ArrayData, Chunk, Pass, Source
from mlp.engines.threads import limited
from mlp.errors import ArgumentError, DataError, NotReadyError
from mlp.layers import stack
from mlp.layers.propagation import forward
from mlp.metrics import Metric
from mlp.naming import is_integer, require

if TYPE_CHECKING:
    from mlp.model import Model

Logs = dict[str, Any]  # by name: a number, or an array where a metric has several


class Means:
    """The mean loss and the metrics over the batches of an epoch or an evaluation."""

    def __init__(
        self,
        metrics: Sequence[Metric],
        weighted: Sequence[Metric],
        prediction: Callable[[Array], Array] = lambda out: out,
    ) -> None:
        self.metrics, self.weighted, self.prediction = metrics, weighted, prediction
        self.measures = bool(metrics or weighted)
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self.total, self.count = 0.0, 0
        for metric in (*self.metrics, *self.weighted):
            metric.reset_state()

    def add(self, losses: list[float] | Array, rows: int) -> None:
        """Take in the losses of batches of so many rows."""
        # one after the other, so that the sum does not depend on how many come at a time
        if len(losses) < 50:  # where NumPy takes longer
            for loss in losses if isinstance(losses, list) else losses.tolist():
                self.total += loss * rows
        else:
            sums = np.multiply(losses, rows)
            sums[0] += self.total
            self.total = float(np.add.accumulate(sums)[-1])
        self.count += rows * len(losses)

    def measure(self, T: Array, out: Array, sample_weight: Array) -> None:
        """Take in a batch's targets and outputs."""
        prediction = self.prediction(out)
        for metric in self.metrics:
            metric.update_state(T, out if metric.of_all_outputs else prediction)
        for metric in self.weighted:
            weight = np.broadcast_to(sample_weight, len(out))
            metric.update_state(T, out if metric.of_all_outputs else prediction, weight)

    def measure_rows(self, data: ArrayData, rows: Array, outs: Array, size: int | None) -> None:
        """Take in rows of those numbers and their outputs, `size` at a time, or all at once."""
        size = size or len(rows)
        for start in range(0, len(rows), size):
            some = rows[start : start + size]
            weight = np.ones(1) if data.sample_weight is None else data.sample_weight[some]
            self.measure(data.T[some], outs[start : start + size], weight)

    def logs(self, prefix: str = "") -> Logs:
        """The means so far, by name."""
        logs = {prefix + "loss": self.total / max(self.count, 1)}
        return logs | {prefix + m.name: m.result() for m in (*self.metrics, *self.weighted)}

    def report(self, return_dict: bool) -> Any:
        """What Keras's methods return: the loss, a list with the metrics, or all by name."""
        values = list(self.logs().values())
        return self.logs() if return_dict else values if len(values) > 1 else values[0]


def check_inputs(model: "Model", x: Any, name: str = "x") -> Array:
    """Inputs in the model's dtype, once they are checked; the model is built if it is not."""
    one_column = model.input_shape == (1,) and len(shape_of(x) or ()) == 1
    X = as_inputs(np.reshape(x, (-1, 1)) if one_column else x, np.dtype(model.dtype), name)
    if not model.built:
        with model.lock:
            if not model.built:  # by another thread meanwhile
                model.build(X.shape[1:])
    require_rows(model, X, name)
    return X


def require_rows(model: "Model", X: Array, name: str) -> None:
    """Raise an `ArgumentError` unless the rows are such as the model's layers take."""
    if X.shape[1:] != model.input_shape:
        raise ArgumentError(
            f"{name} has rows of shape {X.shape[1:]}, but the model takes {model.input_shape}: "
            f"its first layer is {model.layers[0].name!r}"
        )
    if model.places is not None:
        stack.check(model.layers, X, model.places, name)


def check_rows(
    model: "Model", x: Any, y: Any, sample_weight: Any, where: str, seen: bool = False
) -> tuple[Array, Array, Array | None]:
    """The same for more rows of data whose first have passed `check_data`, also in another thread.

    With `seen` they have been checked before: whether x is finite is not looked at again.
    """
    X = as_inputs(x, np.dtype(model.dtype), where + "x", seen)
    require_rows(model, X, where + "x")
    return _check_targets(model, X, y, sample_weight, where, some=False)


def require_compiled(model: "Model") -> None:
    """Raise a `NotReadyError` unless the model has a loss and an optimizer."""
    if not model.compiled:
        raise NotReadyError("compile the model first: model.compile(optimizer='adam', loss='mse')")


def check_data(
    model: "Model", x: Any, y: Any, sample_weight: Any = None, where: str = ""
) -> tuple[Array, Array, Array | None]:
    """Inputs, targets and weights as the model wants them, or an error that says what is wrong."""
    require_compiled(model)
    fresh, drawn = not model.built, model.rng.bit_generator.state
    try:
        return _check_data(model, x, y, sample_weight, where)
    except ArgumentError:
        if fresh and model.built:  # wrong data must not decide the shape of a model
            stack.unbuild(model.layers)
            model.input_shape, model.built = None, False
            model.let_go()
            model.rng.bit_generator.state = drawn
        raise


def _check_data(
    model: "Model", x: Any, y: Any, sample_weight: Any, where: str
) -> tuple[Array, Array, Array | None]:
    X = model.as_inputs(x, where + "x")
    model.ready()
    X, T, weight = _check_targets(model, X, y, sample_weight, where)
    check_metrics(model, X, T)
    return X, T, weight


def _check_targets(
    model: "Model", X: Array, y: Any, sample_weight: Any, where: str, some: bool = True
) -> tuple[Array, Array, Array | None]:
    T = model.loss.as_target(y, model.layers[-1].output_shape[0], X.dtype, where + "y")
    if len(X) != len(T):
        raise ArgumentError(f"{where}x has {len(X)} rows and y has {len(T)}; they must be the same")
    if sample_weight is None:
        return X, T, None
    return X, T, as_weights(sample_weight, len(X), X.dtype, where + "sample_weight", some)


@np.errstate(all="ignore")
def check_metrics(model: "Model", X: Array, T: Array) -> None:
    """Give a row to the metrics, so that one which cannot take such targets says so at the door.

    It is the first, or the first with a gap, if the loss takes targets with gaps.
    """
    if not (model.metrics or model.weighted_metrics):
        return
    gaps = T.dtype.kind == "f" and not is_finite(T)
    engine, form = model.ready(), (T.shape[1:], T.dtype, gaps)
    if form in engine.measured:
        return
    row = int(np.isnan(T).any(axis=1).argmax()) if gaps else 0
    means = model.means()
    with engine.lock:
        means.measure(T[row : row + 1], forward(model.layers, X[row : row + 1]), np.ones(1))
    engine.measured.add(form)
    engine.measures_by_batch |= any(metric.by_batch for metric in (*means.metrics, *means.weighted))


def is_due(frequency: Any, number: int) -> bool:
    """Whether the epoch of that number, counted from 1, ends with a validation."""
    return number % frequency == 0 if is_integer(frequency) else number in frequency


def as_a_whole(model: "Model", X: Array, T: Array, weight: Array | None) -> ArrayData:
    """Data whose batches' losses add up to the loss of all rows."""
    whole = model.loss.reduce(model.loss.counted(T))
    loss, units = model.loss, model.layers[-1].output_shape[0]
    return ArrayData(X, T, weight, loss.encode, lambda n: whole, units, encoding=lambda: loss.encoding)


@np.errstate(over="ignore", invalid="ignore")  # an infinite loss is a result
def evaluate(model: "Model", data: ArrayData, heard: CallbackList, batch_size: int | None = None) -> Means:
    """The loss and the metrics over all rows, whatever the size of the batches."""
    size = model.chunk if batch_size is None else batch_size
    require(is_integer(size) and size > 0, "batch_size", batch_size, "a positive integer")
    means, engine = model.means(), model.ready()
    data.renew()
    with model.lock:
        means.total, means.count = engine.penalty(), 1
    heard.call("on_test_begin", {})
    for batch, start in enumerate(range(0, len(data), size)):
        heard.call("on_test_batch_begin", batch, {})
        X_batch, T_batch, target, share = data.between(start, start + size)
        with model.lock, limited(model.n_threads):
            means.total += engine.evaluate(X_batch, target, share, len(data))
            if means.measures:
                means.measure(T_batch, engine.out, share / data.share(len(data)))
        heard.call("on_test_batch_end", batch, means.logs())
    heard.call("on_test_end", means.logs())
    return means


@np.errstate(over="ignore", invalid="ignore")
def evaluate_source(
    model: "Model", source: Source, heard: CallbackList, batch_size: int, steps: int | None = None
) -> tuple[Means, int]:
    """The loss and the metrics over data that come block by block, or over `steps` batches; and how many.

    The mean of a loss is over rows, whatever the size of the batches; so is that of penalties on activities.
    """
    with closing(source):
        return _evaluate_source(model, source, heard, batch_size, steps)


def _evaluate_source(
    model: "Model", source: Source, heard: CallbackList, batch_size: int, steps: int | None
) -> tuple[Means, int]:
    means, engine, batch = model.means(), model.ready(), 0
    is_sum, whole = model.loss.reduce(2) == 1, 0
    with model.lock:
        penalty = engine.penalty()
    means.total, means.count = penalty * is_sum, int(is_sum)
    heard.call("on_test_begin", {})
    taking = Pass(source.blocks(batch_size, None, 0, steps), False)
    while steps is None or batch < steps:
        taken = taking.take(lambda size: 1)
        if not isinstance(taken, tuple) or isinstance(taken, Chunk):
            break
        heard.call("on_test_batch_begin", batch, {})
        X, T, target, share = taken
        with model.lock, limited(model.n_threads):
            counted = model.loss.counted(T)
            loss = engine.evaluate(X, target, share, len(X))
            means.total += loss if is_sum else (loss + penalty) * counted
            means.count += 0 if is_sum else counted
            if means.measures:
                means.measure(T, engine.out, share / model.loss.reduce(counted))
        whole, batch = whole + len(X), batch + 1
        heard.call("on_test_batch_end", batch - 1, means.logs())
    if not whole:
        raise DataError("the data have no batches: expected at least one of (x, y)")
    heard.call("on_test_end", means.logs())
    return means, batch
