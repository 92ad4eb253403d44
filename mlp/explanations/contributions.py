"""Contributions: what each input has added to an output, beside what a baseline makes of it.

They add up: Σ_i contribution_i = output(x) − output(baseline), which is called completeness.
"""

from __future__ import annotations  # so that np.random is not loaded for a signature

import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.explanations.passes import OF, back, borrowed, check_output, outputs, rows_at_once
from mlp.explanations.rescaling import look_up, require_rescalable, rescale
from mlp.inspection.network import network_of
from mlp.layers.propagation import forward
from mlp.naming import is_integer, require, require_one_of

if TYPE_CHECKING:
    from mlp.model import Model

MOST = 64  # points of one rule of Gauss: to find those of 1,000 takes a second
LOOSE = 0.05  # share of the contributions from which on a gap is worth a warning
WRONG = 0.001  # share that rounding does not explain: the rescale rule does not fit some layer


@dataclass(frozen=True, eq=False)
class Contributions:
    """What each input of each row has contributed to the output that is explained.

    Attributes
    ----------
    values : Array of shape (n, i)
        The contributions; as x.
    at_baseline, at_x : Array of shape (n,)
        The explained output at the baseline, on the mean of several, and at x.
    output : Array of shape (n,)
        Which output is explained of each row.
    of : {"out", "net"}
        Whether it is the output, or the net activation before the last function.
    units : int
        How many outputs the model has.

    Examples
    --------
    >>> found = Contributions(np.array([[2.0, -1.0]]), np.array([0.5]), np.array([1.5]), np.array([0]))
    >>> found.gap
    array([0.])
    """

    values: Array
    at_baseline: Array
    at_x: Array
    output: Array
    of: str = "out"
    units: int = 1

    @property
    def gap(self) -> Array:
        """What is missing of each row: ``at_x − at_baseline − Σ values``, shape (n,)."""
        total = self.values.reshape(len(self.values), -1).sum(axis=1)
        missing: Array = self.at_x - self.at_baseline - total
        return missing

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        largest = float(np.abs(self.gap).max(initial=0))
        shape = " × ".join(map(str, self.values.shape))
        return f"<Contributions to {self.of!r}: {shape}; largest gap {largest:.2g}>"


def integrated_gradients(
    model: Any,
    x: Any,
    baseline: Any = None,
    output: Any = None,
    of: str = "out",
    steps: int = 64,
    background: Any = None,
) -> Contributions:
    """Contributions by the mean gradient on the straight way from a baseline to x.

    contribution_i = (x_i − baseline_i) · ∫₀¹ ∂out/∂x_i (baseline + α (x − baseline)) dα

    Parameters
    ----------
    model : Sequential or fitted estimator
    x : array-like of shape (n, i)
    baseline : float or array-like of shape (i,) or (n, i), optional
        An input that says nothing, for all rows or for each. By default 0, which is the mean of
        standardised columns and black in a picture; if your columns are not standardised, give
        ``X_train.mean(axis=0)``, or a background.
    output : int or array-like of n int, optional
        Which output; by default the largest of each row, so the predicted class.
    of : {"out", "net"}, default "out"
        The output, such as a probability, or the net activation before the last function.
    steps : int, default 64
        Points of the way, those of Gauss and Legendre, at most 64 in a row. More make the gap smaller.
    background : array-like of shape (b, i), optional
        Baselines, such as 50 rows of the training data, over which the contributions are averaged.

    Returns
    -------
    Contributions

    Raises
    ------
    NotReadyError
        If the model is not built or fitted.
    ArgumentError
        If an argument cannot be used, or a `Lambda` has no slope.

    Notes
    -----
    A category that an `Embedding` looks up is moved along the line between the two rows of the table.
    A function that jumps (`Threshold`) has no derivative to integrate; `deeplift` can take it. There
    is a warning if the gap is more than a twentieth of the contributions.

    References
    ----------
    M. Sundararajan, A. Taly and Q. Yan, "Axiomatic attribution for deep networks", ICML (2017).

    Examples
    --------
    out = relu(x1 + x2 − 1) grows only on the second half of the way to (1, 1), and the two share it:

    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, "relu", input_shape=(2,))], dtype="float64")
    >>> model.set_weights([[[1.0], [1.0]], [-1.0]])
    >>> found = integrated_gradients(model, [[1.0, 1.0]])
    >>> found.values
    array([[0.5, 0.5]])
    >>> found.at_baseline, found.at_x
    (array([0.]), array([1.]))
    """
    network = network_of(model)
    require(is_integer(steps) and steps > 0, "steps", steps, "a positive integer")
    found = _explain(network, x, baseline, background, output, _Integrated(network, of, steps))
    loose = _is_loose(network, found, LOOSE)
    if loose.any():
        row = int(np.abs(found.gap).argmax())
        warnings.warn(
            f"the contributions of {loose.sum()} of {len(found)} rows do not add up well: of row {row} "
            f"{found.gap[row]:.2g} is missing. Take more than steps={steps}; `gap` has what is missing",
            UserWarning,
            stacklevel=2,
        )
    return found


def deeplift(
    model: Any,
    x: Any,
    baseline: Any = None,
    output: Any = None,
    of: str = "net",
    background: Any = None,
) -> Contributions:
    """Contributions by DeepLIFT: one pass back with Δout/Δnet in the place of each slope.

    The delta of a unit is f'(net) ∘ grad; here it is (f(net) − f(net⁰))/(net − net⁰) ∘ grad, where
    net⁰ is its net at the baseline (the rescale rule). What reaches an input is multiplied by its
    difference x − baseline. So a unit that is saturated, whose slope says nothing, still counts.

    Parameters
    ----------
    model : Sequential or fitted estimator
    x : array-like of shape (n, i)
    baseline, output, background
        As in `integrated_gradients`.
    of : {"net", "out"}, default "net"
        The net activation before the last function, as the authors advise, or the output.

    Returns
    -------
    Contributions
        Which add up to rounding: `gap` is nearly 0.

    Raises
    ------
    NotReadyError
        If the model is not built or fitted.
    ArgumentError
        If an argument cannot be used, or a layer mixes the numbers of a row in a way that is not
        linear: a layer, group, RMS or unit normalization, or a softmax, GLU or Maxout that is not
        left out by ``of="net"``; or a layer of your own whose contributions do not add up.

    Notes
    -----
    Dropout and noise are off, and batch normalization is linear, as in prediction.

    References
    ----------
    A. Shrikumar, P. Greenside and A. Kundaje, "Learning important features through propagating
    activation differences", ICML (2017).

    Examples
    --------
    The relu puts out 1 at (1, 1) and 0 at the baseline 0, where its net is −1: m = 1/2.

    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, "relu", input_shape=(2,))], dtype="float64")
    >>> model.set_weights([[[1.0], [1.0]], [-1.0]])
    >>> deeplift(model, [[1.0, 1.0]], of="out").values
    array([[0.5, 0.5]])
    """
    network = network_of(model)
    found = _explain(network, x, baseline, background, output, _Rescaling(network, of))
    parts = [thing for part in network.parts for thing in (part, part.activation)]
    own = dict.fromkeys(type(part).__name__ for part in parts if not type(part).__module__.startswith("mlp."))
    wrong = _is_loose(network, found, WRONG)
    if own and wrong.any():
        raise ArgumentError(
            f"the contributions do not add up: of row {wrong.argmax()}, {found.gap[wrong.argmax()]:.2g} is "
            f"missing. The rescale rule takes layers of your own, such as {', '.join(own)}, to be linear, "
            "and functions to treat each net by itself. Take integrated_gradients"
        )
    return found


class _Integrated:
    """The mean gradient on the way from a baseline."""

    def __init__(self, network: Model, of: str, steps: int) -> None:
        self.network, self.of, self.steps = network, of, steps
        self.alpha, self.weights = (array.astype(network.dtype) for array in _points(steps))
        self.size = rows_at_once(network, steps)

    def begin(self) -> None:
        """After a pass forward of the rows."""
        self.categories = look_up(self.network.layers)

    def __call__(self, X: Array, X0: Array, k: Array) -> Array:
        """After a pass forward of the baselines: what the differences are multiplied by."""
        way = X0 + self.alpha.reshape(-1, *[1] * X.ndim) * (X - X0)  # (s, n, i)
        for looked_up in self.categories:
            looked_up.begin()
            looked_up.between(self.alpha)
        forward(self.network.layers, way.reshape(-1, *X.shape[1:]))
        for looked_up in self.categories:
            looked_up.end()
        grad = back(self.network, self.of, np.tile(k, self.steps))
        mean: Array = np.tensordot(self.weights, grad.reshape(self.steps, *X.shape), 1)
        return mean


@lru_cache(16)
def _points(steps: int) -> tuple[Array, Array]:
    """Places on the way from 0 to 1 and their weights, by the rule of Gauss on equal parts of the way."""
    nodes, weights, done = [], [], 0
    while done < steps:
        count = min(MOST, steps - done)
        x, w = np.polynomial.legendre.leggauss(count)  # from −1 to 1
        nodes.append((done + count * (x + 1) / 2) / steps)
        weights.append(w / 2 * count / steps)
        done += count
    return np.concatenate(nodes), np.concatenate(weights)


class _Rescaling:
    """One pass back with Δout/Δnet for the slopes."""

    def __init__(self, network: Model, of: str) -> None:
        require_one_of("of", of, OF)
        self.network, self.of, self.size = network, of, rows_at_once(network)
        last = network.layers[-1]
        self.last = last if of == "net" and last.activation_units else None
        require_rescalable(network.layers, self.last)

    def begin(self) -> None:
        """After a pass forward of the rows."""
        rescale(self.network.layers, self.last)
        self.categories = look_up(self.network.layers)

    def __call__(self, X: Array, X0: Array, k: Array) -> Array:
        """After a pass forward of the baselines: what the differences are multiplied by."""
        for looked_up in self.categories:
            looked_up.begin()
        return back(self.network, self.of, k)


def _explain(
    network: Model, x: Any, baseline: Any, background: Any, output: Any, method: _Integrated | _Rescaling
) -> Contributions:
    """The contributions of all rows, some at a time, on the mean over the baselines."""
    X = network.as_inputs(x)
    chosen = check_output(network, output, method.of, len(X))
    references = _references(network, baseline, background, X)
    values, places = np.zeros(X.shape), np.zeros(len(X), np.intp)
    at_x, at_baseline = np.zeros((2, len(X)))
    with borrowed(network):
        for start in range(0, len(X), method.size):
            rows = slice(start, start + method.size)
            part, each = X[rows], np.arange(len(X[rows]))
            out = outputs(network, method.of, forward(network.layers, part))
            places[rows] = k = out.argmax(axis=1) if chosen is None else chosen[rows]
            at_x[rows] = out[each, k]
            method.begin()
            for reference in references:
                X0 = np.empty_like(part)
                X0[...] = reference if len(reference) == 1 else reference[rows]
                out = outputs(network, method.of, forward(network.layers, X0))
                at_baseline[rows] += out[each, k]
                values[rows] += method(part, X0, k) * (part - X0)
    means = (values / len(references), at_baseline / len(references), at_x)
    values, at_baseline, at_x = (array.astype(network.dtype) for array in means)
    return Contributions(values, at_baseline, at_x, places, method.of, network.layers[-1].output_shape[0])


def _references(network: Model, baseline: Any, background: Any, X: Array) -> list[Array]:
    """The baselines to take the mean over, each of one row for all or of one for each."""
    if background is not None:
        require(baseline is None, "baseline", baseline, "left out where background is given")
        rows = network.as_inputs(background, "background")
        return [rows[start : start + 1] for start in range(len(rows))]
    given = np.asarray(0 if baseline is None else baseline)
    if given.ndim == 0 and given.dtype.kind in "biuf":
        given = np.full((1, *X.shape[1:]), given)
    given = given[None] if given.shape == X.shape[1:] else given
    right = given.shape in ((1, *X.shape[1:]), X.shape)
    expected = f"a number, a row of shape {X.shape[1:]}, or {len(X)} of them; give others as background="
    require(right, "baseline", baseline if given.ndim < 2 else f"shape {given.shape}", expected)
    return [network.as_inputs(given, "baseline")]


def _is_loose(network: Model, found: Contributions, share: float) -> Array:
    """Whether more of a row is missing than that share of its contributions, and than rounding takes."""
    sizes = np.abs(found.values).reshape(len(found), -1).sum(axis=1)
    rounding = (np.abs(found.at_x) + np.abs(found.at_baseline)) * (100 * np.finfo(network.dtype).eps)
    loose: Array = np.abs(found.gap) > share * sizes + rounding
    return loose
