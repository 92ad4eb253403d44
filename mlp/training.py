"""A training run: what the three loops have in common.

The loops in `mlp.optimizers.loops` say which rows come when. The run makes a step with
them and keeps the books: epochs, history, metrics, validation, callbacks, and a copy of the
last weights that were finite.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mlp.arrays import Array, as_numbers, as_weights, is_finite, require_finite
from mlp.callbacks import Callback, CallbackList, History, progress
from mlp.data import ArrayData, Batch, split_tail, weights_of_classes
from mlp.errors import ArgumentError, DivergenceError, NotReadyError
from mlp.layers import stack
from mlp.metrics import Metric
from mlp.naming import is_integer, require

if TYPE_CHECKING:
    from mlp.sequential import Sequential

Logs = dict[str, float]


class Means:
    """The mean loss and the metrics over the batches of an epoch or an evaluation."""

    def __init__(self, metrics: Sequence[Metric], weighted: Sequence[Metric]) -> None:
        self.metrics, self.weighted = metrics, weighted
        self.measures = bool(metrics or weighted)
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self.total, self.count = 0.0, 0
        for metric in (*self.metrics, *self.weighted):
            metric.reset_state()

    def measure(self, T: Array, out: Array, sample_weight: Array) -> None:
        """Take in a batch's targets and outputs."""
        for metric in self.metrics:
            metric.update_state(T, out)
        for metric in self.weighted:
            metric.update_state(T, out, np.broadcast_to(sample_weight, len(out)))

    def logs(self, prefix: str = "") -> Logs:
        """The means so far, by name."""
        logs = {prefix + "loss": self.total / max(self.count, 1)}
        return logs | {prefix + m.name: m.result() for m in (*self.metrics, *self.weighted)}

    def report(self, return_dict: bool) -> Any:
        """What Keras's methods return: the loss, a list with the metrics, or all by name."""
        values = list(self.logs().values())
        return self.logs() if return_dict else values if len(values) > 1 else values[0]


class Training:
    """A run over some data, opened by `Sequential.training` and used in a ``with`` block.

    Parameters
    ----------
    model : Sequential
        Compiled and built.
    data : ArrayData
    epochs, initial_epoch : int
        The run makes epochs `initial_epoch` up to `epochs` − 1.
    callbacks : sequence of Callback
    verbose : int or str
    validation : callable or None
        Returns the logs of an evaluation, called at the end of each epoch.

    Attributes
    ----------
    history : History
    """

    def __init__(
        self,
        model: "Sequential",
        data: ArrayData,
        epochs: int,
        initial_epoch: int = 0,
        callbacks: Sequence[Callback] = (),
        verbose: Any = 0,
        validation: Callable[["Training"], Logs] | None = None,
    ) -> None:
        self.model, self.data, self.validation = model, data, validation
        self.engine, self.means = model.ready(), model.means()
        self.first, self.last = initial_epoch, epochs
        self.history = History()
        self.params = {"epochs": epochs, "initial_epoch": initial_epoch, "verbose": verbose, "steps": None}
        self.callbacks = CallbackList([self.history, *callbacks, *progress(verbose)], model, self.params)
        self.hears_batches = self.callbacks.hears_batches
        self.numbers: Array | None = None
        self.vectors = [model.parameters.values, *model.optimizer.state.values()]
        self.finite = self.latest = self.snapshot()
        self.epoch = self.batch = 0

    def __enter__(self) -> Self:
        # an overflow ends in a loss that is not finite, which is reported with its cause
        self.silence = np.errstate(over="ignore", invalid="ignore", divide="ignore")
        self.silence.__enter__()
        self.model.stop_training = False
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.silence.__exit__(kind, error, traceback)
        if error is not None:
            self.callbacks.call("on_train_failure")

    def epochs(self, steps: int) -> Iterator[int]:
        """The numbers of the epochs; what stands in the loop's body is one pass over the data."""
        logs: Logs = {}
        self.params["steps"] = steps
        self.latest, self.model.history = self.snapshot(), self.history
        self.callbacks.call("on_train_begin", {})
        for epoch in range(self.first, self.last):
            self.epoch, self.batch = epoch, 0
            self.means.reset()
            self.callbacks.call("on_epoch_begin", epoch, {})
            yield epoch
            self.require_finite()
            self.remember()
            logs = self.means.logs()
            if self.validation:
                logs |= self.validation(self)
            self.callbacks.call("on_epoch_end", epoch, logs)
            if self.model.stop_training:
                break
        self.callbacks.call("on_train_end", logs)

    def order(self, shuffle: bool = True) -> Array:
        """The numbers of all rows, in a new random order from the model's generator."""
        require(isinstance(shuffle, bool | np.bool_), "shuffle", shuffle, "True or False")
        if self.numbers is None:
            self.numbers = np.arange(len(self.data))
            self.rows = self.numbers.copy()
        if shuffle:
            np.copyto(self.rows, self.numbers)
            self.model.rng.shuffle(self.rows)
        return self.rows

    def update(self, batch: Batch) -> None:
        """One step of the delta rule with these rows."""
        X, T, target, weight = batch
        if self.hears_batches:
            self.callbacks.call("on_train_batch_begin", self.batch, {})
        means = self.means
        with self.engine.lock:  # no other thread may use the buffers before the metrics have read them
            loss = self.engine.step(X, target, weight)
            if not math.isfinite(loss):
                self.diverge(f"the loss became {loss}", self.batch)
            if means.measures:
                means.measure(T, self.engine.out, weight / self.data.share(len(X)))
        if not self.batch:  # the weights that this epoch began with have a finite loss
            self.finite, self.latest = self.latest, self.finite
        means.total += loss * len(X)
        means.count += len(X)
        if self.hears_batches:
            self.callbacks.call("on_train_batch_end", self.batch, means.logs())
        self.batch += 1

    def require_finite(self) -> None:
        """Diverge if the last step made the weights or the optimizer's state infinite."""
        if not all(map(is_finite, self.vectors)):
            self.diverge("the weights became infinite or undefined", self.batch - 1)

    def snapshot(self) -> tuple[list[Array], int]:
        """Copies of the weights and the optimizer's state, and the number of its steps."""
        return [vector.copy() for vector in self.vectors], self.model.optimizer.iterations

    def remember(self) -> None:
        """Keep the weights and the optimizer's state that the next epoch begins with."""
        for vector, kept in zip(self.vectors, self.latest[0], strict=True):
            np.copyto(kept, vector)
        self.latest = self.latest[0], self.model.optimizer.iterations

    def diverge(self, what: str, batch: int) -> None:
        """Put the last weights with a finite loss back and raise a `DivergenceError` with the cause."""
        vectors, self.model.optimizer.iterations = self.finite
        for vector, finite in zip(self.vectors, vectors, strict=True):
            np.copyto(vector, finite)
        rate = self.model.optimizer.current_rate()
        inputs, targets = (float(np.abs(array).max()) for array in (self.data.X, self.data.T))
        if inputs > 100:
            cause = f"the inputs are not scaled (the largest is {inputs:.3g}); standardise the columns"
        elif targets > 1000 and self.data.T.dtype.kind == "f":
            cause = f"the targets are not scaled (the largest is {targets:.3g}); standardise them"
        else:
            cause = f"the learning rate {rate:.3g} is too high; try {rate / 10:.3g}, or global_clipnorm=1"
        raise DivergenceError(
            f"{what} in epoch {self.epoch + 1}, batch {batch + 1}. Likely cause: {cause}. "
            "The model has the weights of the last epoch that ended well."
        )


def open_run(
    model: "Sequential",
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
) -> Training:
    """Check the arguments, which are those of `Sequential.fit`, and open a run.

    Nothing about the model has changed if one of them is wrong, but that it may be built.
    """
    for name, value in (("epochs", epochs), ("initial_epoch", initial_epoch)):
        require(is_integer(value) and value >= 0, name, value, "an integer of at least 0")
    given = callbacks is None or isinstance(callbacks, list | tuple)
    require(given, "callbacks", callbacks, "a list of callbacks")
    data = check_data(model, x, y, sample_weight)
    model.optimizer.current_rate()  # a schedule that cannot begin is found before anything moves
    if not is_finite(model.parameters.values):
        raise ArgumentError("the weights of the model are not finite before training; set them anew")
    held_out: ArrayData | None = None
    if validation_data is not None:
        require(
            isinstance(validation_data, tuple | list) and len(validation_data) in (2, 3),
            "validation_data",
            type(validation_data).__name__,
            "(x, y) or (x, y, sample_weight)",
        )
        x_held, y_held, weight_held = (*validation_data, None)[:3]
        held = check_data(model, x_held, y_held, weight_held, where="validation_data: ")
        held_out = as_a_whole(model, *held)
    elif validation_split:
        data, held = split_tail(validation_split, *data)
        held_out = as_a_whole(model, *held)
    if class_weight is not None:  # of the rows that are trained with; held-out rows count alike
        X, T, weight = data
        by_class = weights_of_classes(class_weight, T)
        weight = as_numbers(by_class if weight is None else weight * by_class, X.dtype, "class_weight")
        require_finite(weight, "class_weight")
        data = X, T, weight

    def validate(run: Training) -> Logs:
        assert held_out is not None
        return evaluate(model, held_out, run.callbacks).logs("val_")

    return Training(
        model,
        ArrayData(*data, model.loss.encode, model.loss.reduce, model.layers[-1].output_shape[0]),
        epochs,
        initial_epoch,
        callbacks or (),
        verbose,
        validate if held_out else None,
    )


def check_data(
    model: "Sequential", x: Any, y: Any, sample_weight: Any = None, where: str = ""
) -> tuple[Array, Array, Array | None]:
    """Inputs, targets and weights as the model wants them, or an error that says what is wrong."""
    if not model.compiled:
        raise NotReadyError("compile the model first: model.compile(optimizer='adam', loss='mse')")
    fresh, drawn = not model.built, model.rng.bit_generator.state
    try:
        return _check_data(model, x, y, sample_weight, where)
    except ArgumentError:
        if fresh and model.built:  # wrong data must not decide the shape of a model
            stack.unbuild(model.layers)
            model.input_shape, model.built, model.engine = None, False, None
            model.rng.bit_generator.state = drawn
        raise


def _check_data(
    model: "Sequential", x: Any, y: Any, sample_weight: Any, where: str
) -> tuple[Array, Array, Array | None]:
    X = model.as_inputs(x, where + "x")
    model.ready()
    T = model.loss.as_target(y, model.layers[-1].output_shape[0], X.dtype, where + "y")
    if len(X) != len(T):
        raise ArgumentError(f"{where}x has {len(X)} rows and y has {len(T)}; they must be the same")
    weight = (
        None if sample_weight is None else as_weights(sample_weight, len(X), X.dtype, where + "sample_weight")
    )
    return X, T, weight


def as_a_whole(model: "Sequential", X: Array, T: Array, weight: Array | None) -> ArrayData:
    """Data whose batches' losses add up to the loss of all rows."""
    whole = model.loss.reduce(len(X))
    return ArrayData(X, T, weight, model.loss.encode, lambda n: whole, model.layers[-1].output_shape[0])


@np.errstate(over="ignore", invalid="ignore")  # an infinite loss is a result
def evaluate(
    model: "Sequential", data: ArrayData, heard: CallbackList, batch_size: int | None = None
) -> Means:
    """The loss and the metrics over all rows, whatever the size of the batches."""
    size = model.chunk if batch_size is None else batch_size
    require(is_integer(size) and size > 0, "batch_size", batch_size, "a positive integer")
    means, engine = model.means(), model.ready()
    means.count = 1
    heard.call("on_test_begin", {})
    for batch, start in enumerate(range(0, len(data), size)):
        heard.call("on_test_batch_begin", batch, {})
        X_batch, T_batch, target, share = data.between(start, start + size)
        with model.lock:
            means.total += engine.evaluate(X_batch, target, share)
            if means.measures:
                means.measure(T_batch, engine.out, share / data.share(len(data)))
        heard.call("on_test_batch_end", batch, means.logs())
    heard.call("on_test_end", means.logs())
    return means
