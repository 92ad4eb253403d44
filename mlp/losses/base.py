"""Losses: value, gradient and output delta.

A loss gives one value a sample, ℓ_n, and the package sums them with weights,
``L = Σ_n weight_n ℓ_n``, where weight_n is w_n / N for the mean and w_n for the sum (w is
the sample weight, 1 if there is none). The gradient is always that of this very L.

The delta of the output layer is f'(net) ∘ ∂L/∂out. For some pairs of activation and loss
the slope cancels and ``out − T`` is left, which stays exact where the long way is 0 · ∞.
Those pairs stand in one table, `CANONICAL_PAIRS` in `pairs.py`; `Loss.delta` below is the
only place where the short cut is taken.
"""

import copy
from typing import Any

import numpy as np

from mlp.activations import CONSTANTS, Activation
from mlp.arrays import Array, Workspace, as_numbers, as_weights, require_finite
from mlp.errors import ArgumentError
from mlp.naming import Part, require, require_one_of

MEANS = ("sum_over_batch_size", "mean")
BLOCK = 1 << 15  # numbers that a loss by element works on at a time; its buffers then stay in the cache
EPSILON = 1e-7  # Keras's: how far what is divided by, or is a probability, is kept from its bounds
BY_ITSELF = ("none", None, "mean_with_sample_weight")  # no number for a batch of a training run


class Loss(Part):
    """Base of losses. Your own implements `elements` and `slopes`, or `value` and `gradient`.

    Parameters
    ----------
    reduction : str or None, default "sum_over_batch_size"
        Mean over the samples of a batch ("sum_over_batch_size" or "mean"), or their "sum". By
        itself a loss can also give one number a sample ("none" or None), or divide by the sum of
        the weights ("mean_with_sample_weight"); a model cannot be trained with these.
    name : str, optional
        A label, kept for Keras's sake.

    Notes
    -----
    A loss that treats each output alike and by itself writes `elements(out, T)`, shape (n, o),
    and `slopes(out, T)`, their derivatives; ℓ_n is the mean of a row (see `factor`). Any other
    writes `value(out, T)`, which returns ℓ, shape (n,), and `gradient(out, T)`, which returns
    ∂ℓ_n/∂out, shape (n, o). Output and target have shape (n, o). `scratch` is an (n, o) buffer
    for any of them.

    The compiled engine takes a loss that has its formula also as a static method, in plain Python on the
    functions of `mlp.elementary`: ``scalar_loss(net, out, t)`` of one output returns its element and
    slope; ``row_loss(net, out, T, grad, units)`` of a row returns ℓ and fills grad. After these come
    settings, by their names in `scalars`. `net` is the net activation in the forms of canonical pairs,
    `scalar_loss_from_net` and `row_loss_from_net`, whose slope is the delta; elsewhere it is `out`.
    """

    shape_hint = ""  # what an error adds when one column came where several were expected
    per_target = 1  # outputs for each column of targets, such as a mean and a variance
    variant = ""  # how the names of the compiled forms end, such as "_of_logits"
    scratch: Array
    values: Array
    ones: Array
    shares: Array

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = None) -> None:
        valid = (*MEANS, "sum", *BY_ITSELF)
        require_one_of("reduction", reduction, valid)
        require(name is None or isinstance(name, str), "name", name, "a string")
        self.reduction, self.name = reduction, name
        self.rows, self.canonical_factor, self._workspace = -1, 0.0, Workspace()
        self._forget()

    def elements(self, out: Array, T: Array) -> Array:
        """What each output adds to the loss of its row but for the factor, shape (n, o)."""
        raise NotImplementedError

    def slopes(self, out: Array, T: Array) -> Array:
        """The derivative of each of the `elements` by its own output, shape (n, o)."""
        raise NotImplementedError

    def factor(self, units: int) -> float:
        """What the elements of a row are multiplied by before they are added: 1/o for a mean."""
        return 1 / units

    def value(self, out: Array, T: Array) -> Array:
        """ℓ, shape (n,): the loss of each sample."""
        return self.elements(out, T).dot(self.shares, self.values)

    def gradient(self, out: Array, T: Array) -> Array:
        """∂ℓ_n/∂out, shape (n, o)."""
        grad = self.slopes(out, T)
        grad *= self.shares[0]
        return grad

    @property
    def by_element(self) -> bool:
        """Whether the loss of a row is a sum over its outputs, each by itself."""
        return type(self).elements is not Loss.elements

    def elements_from_net(self, activation: Activation, net: Array, out: Array, T: Array) -> Array:
        """The `elements` by the net activation, for a canonical pair: exact where `out` underflows."""
        return self.elements(out, T)

    def total_from_net(
        self, activation: Activation, net: Array, out: Array, T: Array, weight: Array
    ) -> float:
        """L by the net activation, for a canonical pair."""
        return weigh(self.elements_from_net(activation, net, out, T).dot(self.shares, self.values), weight)

    def delta_from_net(self, activation: Activation, net: Array, out: Array, T: Array, delta: Array) -> Array:
        """The delta of a canonical pair but for the table's factor and the weight, into `delta`."""
        return np.subtract(out, T, delta)

    # compiled forms, for the compiled engine; see the notes

    def scalars(self) -> dict[str, float]:
        """Numbers that the compiled forms ask for by the names of their arguments."""
        return {}

    def table(self) -> Array | None:
        """A number for each output, shape (o,), which the compiled forms take before the other settings."""
        return None

    @property
    def encoding(self) -> float:
        """What encoded targets depend on beside the targets, and may change while training: ε."""
        smoothing: float = getattr(self, "label_smoothing", 0.0)
        return smoothing

    def encode(self, T: Array, out: Array | None = None) -> Array:
        """Checked targets as the formulas want them, (n, o): smoothed or one-hot if need be.

        The result is T itself, or written into `out`, or a new array.
        """
        return T

    # what the engine calls

    def total(self, activation: Activation, net: Array, out: Array, T: Array, weight: Array) -> float:
        """L = Σ_n weight_n ℓ_n."""
        if not self.blocks:
            return self._total(activation, net, out, T, weight)
        total = 0.0
        for rows, views in self.blocks:
            vars(self).update(views)
            share = weight[rows] if weight.ndim else weight
            total += self._total(activation, net[rows], out[rows], T[rows], share)
        vars(self).update(self._whole)
        return total

    def _total(self, activation: Activation, net: Array, out: Array, T: Array, weight: Array) -> float:
        if self.canonical_factor:
            return self.total_from_net(activation, net, out, T, weight)
        return weigh(self.value(out, T), weight)

    def delta(
        self, activation: Activation, net: Array, out: Array, T: Array, weight: Array, delta: Array
    ) -> Array:
        """The output delta, ∂L/∂net, written into `delta`, shape (n, o)."""
        if not self.blocks:
            grad = self._weighted(activation, net, out, T, weight, delta)
        else:
            for rows, views in self.blocks:
                vars(self).update(views)
                share = weight[rows] if weight.ndim else weight
                part = self._weighted(activation, net[rows], out[rows], T[rows], share, delta[rows])
                if not self.canonical_factor and part is not self.scratch:
                    np.copyto(self.scratch, part)
            vars(self).update(self._whole)
            grad = self.scratch
        return delta if self.canonical_factor else activation.delta(grad, net, out, delta)

    def _weighted(
        self, activation: Activation, net: Array, out: Array, T: Array, weight: Array, delta: Array
    ) -> Array:
        # ∂L/∂out, or the delta of a canonical pair; factor and weight are one product
        if self.canonical_factor:
            grad = self.delta_from_net(activation, net, out, T, delta)
            weight = weight if self.canonical_factor == 1 else weight * self.canonical_factor
        elif self.by_element and type(self).gradient is Loss.gradient:
            grad, weight = self.slopes(out, T), weight * self.shares[0]
        else:
            grad = self.gradient(out, T)
        return np.multiply(grad, by_row(weight), grad)

    def output_gradient(self, out: Array, T: Array, weight: Array) -> Array:
        """∂L/∂out, shape (n, o), in a new array: the long way, also for a canonical pair."""
        return np.multiply(self.gradient(out, T), by_row(weight))

    # before training

    def bind(self, units: int, dtype: np.dtype[Any], canonical_factor: float = 0.0) -> None:
        """Prepare for that many outputs; a factor other than 0 marks a canonical pair."""
        self.units, self.dtype, self.canonical_factor = units, dtype, canonical_factor
        self.rows, self._workspace = -1, Workspace()
        self._forget()
        self.zero, self.one = CONSTANTS[dtype]
        self.ones = np.ones(units, dtype)
        self.shares = np.full(units, self.factor(units), dtype)

    def allocate(self, rows: int) -> None:
        """Size the buffers for a batch of that many rows."""
        self.rows, size = rows, max(1, BLOCK // self.units)
        self._forget()
        self._whole |= self._workspace.lend(rows, self.buffers(self.units), self.dtype)
        vars(self).update(self._whole)
        if self.by_element and "scratch" in self._whole and rows > size:
            for block in (slice(start, start + size) for start in range(0, rows, size)):
                self.blocks.append((block, {name: whole[block] for name, whole in self._whole.items()}))

    def _forget(self) -> None:
        self.blocks: list[tuple[slice, dict[str, Array]]] = []
        self._whole: dict[str, Array] = {}

    def buffers(self, units: int) -> dict[str, tuple[int, ...]]:
        """Working memory by attribute name: the shape of one row."""
        return {"scratch": (units,), "values": ()}

    def constants(self, *numbers: float) -> tuple[Array, ...]:
        """Numbers as arrays of rank zero of the loss's type, which NumPy multiplies by faster."""
        return tuple(np.array(number, self.dtype) for number in numbers)

    def check_activation(self, activation: Activation, units: int) -> None:
        """Raise an `ArgumentError` if the last activation does not suit the loss."""

    def columns(self, units: int) -> int:
        """How many columns the targets have for that many outputs."""
        return units

    def encoded_columns(self, units: int) -> int:
        """How many columns `encode` gives: one for each output, as a rule."""
        return units

    def prediction(self, out: Array) -> Array:
        """The columns of the outputs that predict the targets, as metrics want them: all, as a rule."""
        return out

    def as_target(self, y: Any, units: int, dtype: np.dtype[Any], name: str = "y") -> Array:
        """Check a whole target and bring it to the shape (n, o), or (n, 1) for labels."""
        T, columns = as_numbers(y, dtype, name), self.columns(units)
        if T.ndim == 1:
            T = T.reshape(-1, 1)
        if T.ndim != 2 or T.shape[1] != columns:
            hint = self.shape_hint if T.ndim == 2 and T.shape[1] == 1 else ""
            raise ArgumentError(
                f"{name} has shape {np.shape(y)}, but there are {units} output(s): "
                f"expected (n, {columns}).{hint}"
            )
        require_finite(T, name)
        self.check_target(T, name)
        return T

    def check_target(self, T: Array, name: str) -> None:
        """Raise an `ArgumentError` if a target has no meaning for this loss."""

    def counted(self, T: Array) -> int:
        """How many rows of targets, as `as_target` made them, the mean is taken over: all, as a rule."""
        return len(T)

    def reduce(self, rows: int) -> float:
        """What a sample's weight is multiplied by: 1/N for the mean, 1 for the sum."""
        return 1.0 if self.reduction == "sum" else 1.0 / max(rows, 1)

    # by itself

    def per_sample(self, y_true: Any, y_pred: Any) -> Array:
        """ℓ for arrays of any float type, without a model; shape (n,)."""
        out = as_outputs(y_pred)
        alone = copy.deepcopy(self)  # a model's loss keeps its type and its memory
        alone.bind(out.shape[1], out.dtype)
        T = alone.as_target(y_true, out.shape[1], out.dtype, "y_true")
        if len(T) != len(out):
            raise ArgumentError(f"y_true has {len(T)} rows and y_pred has {len(out)}")
        alone.allocate(len(out))
        return np.array(alone.value(out, alone.encode(T)))

    def __getstate__(self) -> dict[str, Any]:
        kept = {name: value for name, value in vars(self).items() if name not in self._whole}
        return kept | {"rows": -1, "blocks": [], "_whole": {}}

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """L for arrays, without a model; Keras's order of arguments. One number a row if so reduced."""
        values = self.per_sample(y_true, y_pred)
        divisor: float = len(values)
        if sample_weight is not None:
            weight = as_weights(sample_weight, len(values), values.dtype)
            values = values * weight
            divisor = weight.sum() if self.reduction == "mean_with_sample_weight" else divisor
        if self.reduction in ("none", None):
            return values
        return float(values.sum() / (1 if self.reduction == "sum" else divisor))


# The weight of a batch is one number for all rows, an array of rank zero, or one for each, (n,).
# A product with one number costs a third of one with a column, and most batches have one.


def by_row(weight: Array) -> Array:
    """The weight in a form that multiplies the rows of an (n, o) array."""
    return weight[:, None] if weight.ndim else weight


def weigh(values: Array, weight: Array) -> float:
    """Σ_n weight_n values_n."""
    return float(weight.dot(values) if weight.ndim else weight * np.add.reduce(values))


def as_outputs(y_pred: Any, name: str = "y_pred") -> Array:
    """Outputs of a float type, shape (n, o); a vector is one column."""
    try:
        dtype = np.asarray(y_pred).dtype
    except ValueError:  # rows of different lengths, which `as_numbers` says better
        dtype = np.dtype(object)
    out = as_numbers(y_pred, dtype if dtype in CONSTANTS else np.dtype(np.float64), name)
    out = out.reshape(-1, 1) if out.ndim == 1 else out
    if out.ndim != 2 or not out.size:
        raise ArgumentError(f"{name} must have rows and columns; its shape is {np.shape(y_pred)}")
    return out


def require_targets(loss: Loss, right: Array, T: Array, name: str, what: str) -> None:
    """Raise an `ArgumentError` unless there are targets, and `right` holds for each of them."""
    if not len(T):
        raise ArgumentError(f"{name} has no rows")
    if not right.all():
        row = int(right.reshape(len(T), -1).all(axis=1).argmin())
        raise ArgumentError(f"{name} must {what} for {type(loss).__name__}; row {row} is {T[row].tolist()}")
