"""The case: a model and some of its rows, with all that the examinations share."""

from __future__ import annotations  # so that np.random is not loaded for a signature

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array
from mlp.data import ArrayData, Rows, Source
from mlp.engines.numpy_engine import NumpyEngine
from mlp.errors import ArgumentError
from mlp.inspection.network import unchanged, weights_set
from mlp.inspection.trace import Trace, trace
from mlp.layers import stack
from mlp.layers.propagation import forward
from mlp.losses import Loss
from mlp.naming import is_integer, require
from mlp.optimizers.schedules import Scaled
from mlp.sources import as_data, open_rows

if TYPE_CHECKING:
    from mlp.sequential import Sequential

ROWS = 1000  # examined: a share of 1 % is then known to ±0.3 %, and a pass takes milliseconds
REHEARSED = 256  # of them, with which steps are tried out: the optimizer's batches are seldom larger
FEWEST = 6  # epochs that make a curve
GOOD = 0.9  # skill, the R² of squared errors, from which a net is said to have learned its task
NO_BETTER = 0.02  # skill up to which it has learned nothing
# losses whose best constant prediction is the mean or the median (or near it), and whose least value is 0
PLAIN = {
    "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy", "HalfMeanSquaredError", "Huber", "KLDivergence", "LogCosh",
    "MeanAbsoluteError", "MeanSquaredError", "SparseCategoricalCrossentropy", "SumOfSquares",
}  # fmt: skip


class Case:
    """A compiled model, and those of its rows that are examined.

    Parameters
    ----------
    model : Sequential
        Built and compiled.
    rows : tuple (X, T, sample_weight)
        Checked and sampled.
    total : int or None
        How many there are; None if that is not known.
    history : mapping of str to sequence of float
        Losses by epoch, as in `History`.
    validation : tuple or None
        Other rows, likewise.
    columns : sequence of str
        Names of the columns of x, or none.
    running : bool
        Whether the training is under way, so that nobody expects it to be over.
    fitted : bool
        Whether it is the network of an estimator, which has been fitted by steps of its own.

    Attributes
    ----------
    X, T, weight : Array
        Inputs, targets and weights.
    target : Array of shape (n, o)
        The targets as the loss compares them with the outputs.
    loss : Loss
    loss_name : str
        Its class, or that of the loss in a `Masked`.
    from_logits : bool
        Whether it takes nets in the place of probabilities.
    leaves : dict of str to Layer
        The layers by path, blocks taken apart.
    last : Layer
        The last of them.
    trained : bool
        Whether the model has made steps.
    steps : float
        How many; infinite if that is not known.
    """

    def __init__(
        self,
        model: Sequential,
        rows: Rows,
        total: int | None,
        history: Mapping[str, Sequence[float]],
        validation: Rows | None = None,
        columns: Sequence[str] = (),
        running: bool = False,
        fitted: bool = False,
    ) -> None:
        self.model, self.total, self.validation, self.running = model, total, validation, running
        self.X, self.T, self.weight = rows
        self.history = {
            name: np.asarray(values, float) for name, values in history.items() if is_curve(values)
        }
        self.names = [str(name) for name in columns]
        self.loss: Loss = model.loss
        inner = getattr(self.loss, "loss", self.loss)  # of a Masked
        self.loss_name, self.from_logits = type(inner).__name__, bool(getattr(inner, "from_logits", False))
        self.leaves = dict(stack.leaves(model.layers))
        self.last = model.layers[-1].leaves()[-1][1]
        self.target = np.array(self.loss.encode(self.T))
        self.steps = math.inf if fitted else model.optimizer.iterations
        self.trained, self.fitted = self.steps > 0 or model.epochs_trained > 0, fitted

    def __len__(self) -> int:
        return len(self.X)

    @cached_property
    def trace(self) -> Trace:
        """The pass of a training step with these rows, dropout included."""
        return trace(self.model, self.X, self.T, self.weight)

    @cached_property
    def out(self) -> Array:
        """What the model predicts for the rows."""
        with np.errstate(all="ignore"):
            return self.model.predict(self.X)

    @cached_property
    def value(self) -> float:
        """The loss of the predictions, without penalties."""
        return self.value_of(self.X, self.T, self.weight)

    def value_of(self, X: Array, T: Array, weight: Array | None) -> float:
        """The loss that `evaluate` finds for some rows, but without penalties."""
        # of the nets: probabilities alone end at 0 and 1, and a loss of 1000 looks like one of 16
        model, last = self.model, self.model.layers[-1]
        X, _, target, share = as_data(model, X, T, weight).all()
        with model.lock, np.errstate(all="ignore"), unchanged(model):
            self.loss.allocate(len(X))
            out = forward(model.layers, X)
            return _finite(self.loss.total(last.activation, last.net, out, target, share))

    def value_of_constant(self, guess: Array) -> float:
        """The loss if the outputs were the same for all rows."""
        out = np.tile(guess, (len(self), 1)).astype(self.out.dtype)
        with np.errstate(all="ignore"):
            values = self.loss.per_sample(self.T, out)
        total = float(values.sum() if self.weight is None else self.weight @ values)
        return total * self.loss.reduce(self.loss.counted(self.T))

    @cached_property
    def baseline(self) -> float | None:
        """The loss of the best constant prediction; None for a loss of which that is not known."""
        same = self.target.shape == self.out.shape
        if self.loss_name not in PLAIN or not same or not np.isfinite(self.target).all():
            return None
        weight = np.ones(len(self)) if self.weight is None else self.weight
        guesses = [np.average(self.target, axis=0, weights=weight), np.median(self.target, axis=0)]
        if self.from_logits:
            likely = np.clip(guesses[0], 1e-7, 1 - 1e-7)
            is_categorical = "Categorical" in self.loss_name
            guesses = [np.log(likely) if is_categorical else np.log(likely / (1 - likely))]
        return min(map(self.value_of_constant, guesses))

    @property
    def skill(self) -> float | None:
        """1 − loss / baseline: 0 for a constant, 1 for perfect predictions; of squared errors R²."""
        if not self.baseline:
            return None
        return 1 - self.value / self.baseline

    @property
    def is_good(self) -> bool:
        """Whether the training has led to good predictions nevertheless."""
        return self.trained and self.skill is not None and self.skill >= GOOD

    @cached_property
    def classes(self) -> Array | None:
        """The class of each row, from 0; None if the targets are not classes."""
        T = self.T
        if T.shape[1] == 1 and self.target.shape[1] > 1:
            return np.asarray(self.target.argmax(axis=1))  # labels
        if T.shape[1] == 1:
            is_binary = np.unique(T).tolist() in ([0, 1], [-1, 1])
            return (T[:, 0] > 0).astype(np.intp) if is_binary else None
        is_one_hot = bool(((T == 0) | (T == 1)).all() and (T.sum(axis=1) == 1).all())
        return np.asarray(T.argmax(axis=1)) if is_one_hot else None

    def probe(self, factor: float) -> float:
        """The loss of these rows, with penalties, after a step so many times as long as the optimizer's."""
        values = self.model.parameters.values.copy()
        for path, place in zip(self.model.parameters.names, self.model.parameters.slices, strict=True):
            owner, _, name = path.rpartition(".")
            update = self.trace[owner].updates.get(name)
            if update is not None:
                values[place] += factor * update.reshape(-1)
        if not np.isfinite(values).all():
            return math.inf
        with weights_set(self.model, values):
            return _finite(trace(self.model, self.X, self.T, self.weight).loss)

    def rehearse(self, factor: float = 1.0, steps: int = 6) -> list[float]:
        """The losses before each of some steps with a few of the rows, at so many times the learning rate.

        All is put back. The last may be infinite.
        """
        model, optimizer, losses = self.model, self.model.optimizer, []
        few = slice(None, None, -(-len(self) // REHEARSED))
        share = None if self.weight is None else self.weight[few]
        X, _, target, weight = as_data(model, np.ascontiguousarray(self.X[few]), self.T[few], share).all()
        rate = optimizer.learning_rate
        with model.lock, np.errstate(all="ignore"), unchanged(model):
            optimizer.learning_rate = Scaled(rate, factor) if callable(rate) else rate * factor
            engine = NumpyEngine(model.layers, model.loss, optimizer, model.lock)
            engine.allocate(len(X))
            try:
                for _ in range(steps):
                    losses.append(_finite(engine.step(X, target, weight)))
                    if not math.isfinite(losses[-1]):
                        break
            finally:
                optimizer.learning_rate = rate
        return losses


def _finite(loss: float) -> float:
    return loss if math.isfinite(loss) else math.inf


def is_curve(values: Any) -> bool:
    """Whether it is one number an epoch."""
    return len(values) > 0 and all(np.ndim(value) == 0 for value in values)


def rows_of(
    model: Sequential, x: Any, y: Any, sample_weight: Any, where: str = ""
) -> tuple[Rows, int | None]:
    """Some rows of what `fit` would take, and how many there are in all."""
    found = open_rows(model, x, y, sample_weight, where=where)
    if isinstance(found, tuple):
        return sample(*found), len(found[0])
    return _rows_of_source(found)


def some_rows(model: Sequential, data: ArrayData | Source) -> tuple[Rows, int | None]:
    """Some rows of what a training is about to take; none of them is used up."""
    if isinstance(data, ArrayData):
        return sample(data.X, data.T, data.sample_weight), len(data)
    if data.streams:
        return rows_of(model, *data.peek())
    return _rows_of_source(data)


def sample(X: Array, T: Array, weight: Array | None, most: int = ROWS) -> Rows:
    """At most so many rows, the same each time; none of weight 0, unless all have that."""
    rows = np.arange(len(X))
    if weight is not None and weight.any():
        rows = np.flatnonzero(weight)
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    if len(rows) == len(X):
        return X, T, weight
    return X[rows], T[rows], None if weight is None else weight[rows]


def _rows_of_source(source: Source) -> tuple[Rows, int | None]:
    parts: list[Rows] = []
    try:
        for block in source.blocks(ROWS, None if source.streams else 0, 0, None if source.streams else 1):
            data, order = block.data, block.order[: ROWS - sum(len(part[0]) for part in parts)]
            weight = None if data.sample_weight is None else data.sample_weight[order]
            parts.append((data.X[order], data.T[order], weight))
            if sum(len(part[0]) for part in parts) >= ROWS:
                break
    finally:
        source.close()
    if not parts:
        raise ArgumentError("the data have no batches: expected at least one of (x, y)")
    weights = [part[2] for part in parts if part[2] is not None]
    weight = np.concatenate(weights) if len(weights) == len(parts) else None
    total: Any = getattr(source, "rows", None)
    X, T = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    return sample(X, T, weight), int(total) if is_integer(total) else None


def targets_of(estimator: Any, network: Sequential, y: Any) -> Any:
    """The targets as the network of a fitted classifier wants them; those of a model as they are."""
    classes = getattr(estimator, "classes_", None)
    if not isinstance(classes, np.ndarray) or np.ndim(y) != 1:
        return y
    from sklearn.preprocessing import label_binarize

    if "Sparse" in type(network.loss).__name__:
        return np.searchsorted(classes, y)
    columns = label_binarize(y, classes=classes)
    both = columns.shape[1] == 1 and network.layers[-1].output_shape == (2,)
    return np.hstack([1 - columns, columns]) if both else columns


def column_names(x: Any, width: int) -> list[str]:
    """The names of the columns of a frame, or none."""
    names = getattr(x, "columns", None)
    return [str(name) for name in names] if names is not None and len(names) == width else []


def history_of(given: Any) -> dict[str, Any]:
    """The losses by epoch of a `History`, or of the dict in it."""
    found = getattr(given, "history", given)
    require(found is None or isinstance(found, Mapping), "history", given, "what fit returns")
    return dict(found or {})
