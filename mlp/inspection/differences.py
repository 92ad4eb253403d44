"""The gradient check: what backpropagation says beside what the loss itself does."""

from __future__ import annotations  # so that np.random is not loaded for a signature

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array
from mlp.engines.choice import REPLACEABLE
from mlp.engines.numpy_engine import NumpyEngine
from mlp.errors import ArgumentError
from mlp.evaluation import require_compiled
from mlp.inspection.network import network_of
from mlp.layers import stack
from mlp.layers.propagation import backward
from mlp.naming import is_integer, require, require_bool, require_in
from mlp.opening import one_batch
from mlp.resuming import generators

if TYPE_CHECKING:
    from mlp.sequential import Sequential

STEP = 1e-5  # near the cube root of float64's precision, where rounding and truncation balance
SHORTER = 1, 1e-1, 1e-2  # parts of it, for what bends sharply; there more is lost to rounding
KINK = 0.01  # how far the derivatives from both sides differ there; elsewhere by about the step
FLOOR = 1e-5  # of |L|: smaller derivatives drown in the rounding of the differences


class GradientCheck:
    """Analytic and numeric derivatives side by side; `gradient_check` makes it.

    Attributes
    ----------
    analytic, numeric, errors : dict of str to Array
        By parameter ("hidden.W"): ∂L/∂W by backpropagation, by central differences, and the relative
        error |a − n| / max(|a|, |n|, 1e-5 |L|). `numeric` and `errors` are NaN where a derivative was not
        checked, and `errors` at a kink too; they are infinite where the loss beside the point is not finite.
    largest : float
        The largest relative error.
    worst : str
        Where it is, such as "hidden.W[1, 3]".
    passed : bool
        Whether it is at most `tolerance`.
    checked, total, kinks : int
        How many derivatives were looked at, how many there are, and at how many of those looked at the
        loss has a kink, so that there is no derivative; the analytic one lies between those from the
        left and from the right there.
    tolerance : float
    """

    def __init__(self, tolerance: float) -> None:
        self.analytic: dict[str, Array] = {}
        self.numeric: dict[str, Array] = {}
        self.errors: dict[str, Array] = {}
        self.tolerance, self.largest, self.worst = tolerance, 0.0, ""
        self.checked = self.total = self.kinks = 0

    @property
    def passed(self) -> bool:
        """Whether no error is above the tolerance."""
        return self.largest <= self.tolerance

    def __str__(self) -> str:
        width = max(map(len, ("parameter", *self.errors)))
        lines = [f"{'parameter':<{width}}  {'checked':>9}  {'largest relative error':>22}"]
        for name, errors in self.errors.items():
            count = int((~np.isnan(self.numeric[name])).sum())
            most = "–" if np.isnan(errors).all() else f"{np.nanmax(errors):.1e}"
            lines.append(f"{name:<{width}}  {f'{count}/{errors.size}':>9}  {most:>22}")
        verdict = "right" if self.passed else "WRONG"
        at_worst = f", at {self.worst}" if self.worst else ""
        lines.append(f"{verdict}: the largest relative error is {self.largest:.1e}{at_worst}")
        if not self.passed:
            name, _, place = self.worst.rpartition("[")
            at = tuple(map(int, place[:-1].split(",")))
            analytic, numeric = self.analytic[name][at], self.numeric[name][at]
            lines.append(f"there backpropagation says {analytic:.6g}, and the loss itself {numeric:.6g}")
        if self.kinks:
            lines.append(f"{self.kinks} were left out, since the loss has a kink there")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<GradientCheck of {self.checked} of {self.total}: largest relative error {self.largest:.1e}>"


def gradient_check(
    model: Any,
    x: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    inputs: bool = False,
    tolerance: float = 1e-5,
    most: int = 10_000,
) -> GradientCheck:
    """Compare backpropagation with central differences, (L(w + h) − L(w − h)) / 2h, for each parameter.

    Parameters
    ----------
    model : Sequential
        Compiled. A copy in float64 is examined, and the model stays as it is.
    x, y, sample_weight : as in `Model.train_on_batch`
        Some ten rows are enough.
    inputs : bool, default False
        Whether to check ∂L/∂x too, which is what the first layer hands down; as "x" in the result.
    tolerance : float, default 1e-5
        Relative error that is taken for rounding.
    most : int, default 10,000
        Check so many derivatives at most, drawn at random (always the same) if there are more. Each costs
        two passes forward, and one that seems wrong four more, with shorter steps.

    Returns
    -------
    GradientCheck
        Printed, it is a table; ``check.passed`` is for tests.

    Raises
    ------
    NotReadyError
        Before `compile`, or if the model is not built.
    ArgumentError
        If the data cannot be used, their loss is not finite, or a layer has a method of its own set on the
        object, which a copy would not have.

    Notes
    -----
    The loss is that of the training: dropout drops the same units in each pass, batch normalisation takes
    the means of the batch, penalties count. What is frozen is not checked.

    An activation whose slope is a convention, such as the threshold's, must fail.

    References
    ----------
    C. M. Bishop, "Pattern Recognition and Machine Learning" (2006), section 5.3.3.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(3, "tanh", input_shape=(2,)), mlp.layers.Dense(1)], seed=0)
    >>> model.compile("sgd", "mse")
    >>> check = gradient_check(model, [[0.5, 1.0], [-1.0, 2.0]], [[1.0], [0.0]])
    >>> check.passed, check.checked
    (True, 13)
    """
    require_bool("inputs", inputs)
    require_in("(0, inf)", "tolerance", tolerance)
    require(is_integer(most) and most > 0, "most", most, "a positive integer")
    twin = in_float64(network_of(model))
    X, _, target, weight = one_batch(twin, x, y, sample_weight, None)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return _Examination(twin, X, target, weight, inputs).run(tolerance, most)


def in_float64(model: Sequential) -> Sequential:
    """A copy with the same weights and loss, that steps on NumPy."""
    require_compiled(model)
    require(model.trainable, "model.trainable", model.trainable, "True: a frozen model has no gradients")
    for part in model.parts:
        own = [name for name in REPLACEABLE if name in vars(part)]
        if own:
            raise ArgumentError(
                f"layer {part.name!r} has a {own[0]}() of its own, set on the object, which the copy that is "
                "checked would not have: write a subclass of the layer with that method"
            )
    layers = [layer.clone() for layer in model.layers]
    twin = type(model)(layers, dtype="float64", seed=0)
    assert model.input_shape is not None
    twin.build(model.input_shape)
    twin.parameters.values[:] = model.parameters.values
    twin.compile("sgd", copy.deepcopy(model.loss), engine="numpy")
    return twin


class _Examination:
    """The copy of a model on one batch, whose loss is asked for again and again."""

    def __init__(self, twin: Sequential, X: Array, target: Array, weight: Array, inputs: bool) -> None:
        self.twin, self.target, self.weight = twin, target, weight
        self.X = X.copy() if inputs else X
        self.engine: NumpyEngine = twin.ready()
        self.drawing = generators(twin)
        self.drawn = [rng.bit_generator.state for rng in self.drawing]
        if inputs:
            require(twin.places is None, "inputs", inputs, "False for a layer that takes whole numbers")
            stack.connect(twin.layers, below=True)
            self.engine.learning = twin.layers
        self.places = {
            name: twin.parameters.values[place].reshape(shape)
            for name, place, shape, moves in zip(
                twin.parameters.names, twin.parameters.slices, twin.parameters.shapes,
                twin.parameters.trainable, strict=True,
            )
            if moves
        }  # fmt: skip
        if not self.places and not inputs:
            raise ArgumentError(
                "nothing in the model learns: set trainable=True for the layers to be checked"
            )
        self.analytic = self.derivatives(inputs)
        if inputs:
            self.places["x"] = self.X

    def derivatives(self, inputs: bool) -> dict[str, Array]:
        """By backpropagation."""
        parameters = self.twin.parameters
        self.engine.gradient(self.X, self.target, self.weight)
        of = zip(parameters.names, parameters.slices, parameters.shapes, strict=True)
        found = {
            name: parameters.gradients[place].reshape(shape).copy()
            for name, place, shape in of
            if name in self.places
        }
        if inputs:
            found["x"] = backward(self.twin.layers, self.engine.delta).copy()
        self._rewind()
        return found

    def loss(self) -> float:
        """Of the training, with the same random numbers each time."""
        value = self.engine.evaluate(self.X, self.target, self.weight, training=True) + self.engine.penalty()
        self._rewind()
        return value

    def _rewind(self) -> None:
        for rng, state in zip(self.drawing, self.drawn, strict=True):
            rng.bit_generator.state = state

    def run(self, tolerance: float, most: int) -> GradientCheck:
        """Check all derivatives, or a sample of them."""
        check, middle = GradientCheck(tolerance), self.loss()
        if not np.isfinite(middle):
            raise ArgumentError(f"the loss of these rows is {middle}, so that it has no derivatives to check")
        check.total = sum(array.size for array in self.places.values())
        chosen = np.ones(check.total, bool)
        if check.total > most:
            chosen[:] = False
            chosen[np.random.default_rng(0).permutation(check.total)[:most]] = True
        check.checked = int(chosen.sum())
        start, floor = 0, FLOOR * max(abs(middle), np.finfo(float).tiny)
        for name, array in self.places.items():
            numeric, errors = np.full(array.shape, np.nan), np.full(array.shape, np.nan)
            for place in np.flatnonzero(chosen[start : start + array.size]):
                at = np.unravel_index(place, array.shape)
                numeric[at], errors[at] = self._compare(name, array, at, middle, floor, check)
            check.analytic[name], check.numeric[name] = self.analytic[name], numeric
            check.errors[name] = errors
            start += array.size
            _note_worst(check, name, errors)
        return check

    def _slopes(self, array: Array, at: Any, middle: float, part: float) -> tuple[float, float]:
        """The derivatives from the left and from the right, by that part of the step."""
        value = array[at]
        step = part * STEP * max(1.0, abs(value))
        array[at] = value - step
        below, left = self.loss(), value - array[at]
        array[at] = value + step
        above, right = self.loss(), array[at] - value
        array[at] = value
        return (middle - below) / left, (above - middle) / right

    def _compare(
        self, name: str, array: Array, at: Any, middle: float, floor: float, check: GradientCheck
    ) -> tuple[float, float]:
        """The central difference and its relative error, which is NaN at a kink."""
        analytic, found, sides = self.analytic[name][at], [], []
        for part in SHORTER:
            slopes = self._slopes(array, at, middle, part)
            numeric = sum(slopes) / 2
            numeric = np.inf if np.isnan(numeric) else numeric  # where the loss is not defined on one side
            # what a shorter step loses to rounding is no error of the gradient
            rounding = 0 if part == 1 else abs(middle) * np.finfo(float).eps / (part * STEP)
            off = max(0, abs(analytic - numeric) - 2 * rounding)
            error = off / max(abs(analytic), abs(numeric), floor)
            found.append((error if np.isfinite(error) else np.inf, numeric))
            sides.append((min(slopes), max(slopes)))
            if error <= check.tolerance:
                return numeric, error
        (wide_low, wide_high), (low, high), _ = sides
        # where the loss is smooth, the gap shrinks as the step does
        least = max(KINK * max(abs(low), abs(high)), (wide_high - wide_low) / 5, floor / 1000)
        error, numeric = min(found)
        if high - low > least and low - floor <= analytic <= high + floor:
            check.kinks += 1
            error = np.nan
        return numeric, error


def _note_worst(check: GradientCheck, name: str, errors: Array) -> None:
    if not np.isnan(errors).all():
        at = np.unravel_index(np.nanargmax(errors), errors.shape)
        if errors[at] >= check.largest or not check.worst:
            check.largest, check.worst = float(errors[at]), f"{name}[{', '.join(map(str, map(int, at)))}]"
