"""The units: dead, saturated, or all alike."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from typing import NamedTuple

import numpy as np

from mlp.activations import Activation
from mlp.arrays import Array
from mlp.doctor.case import Case
from mlp.doctor.findings import Finding, listed
from mlp.inspection.trace import LayerTrace
from mlp.naming import snake_case

FLAT = 0.05  # of the steepest slope: sigmoid beyond ±4.4, tanh beyond ±2.2, where deltas shrink twentyfold
NEARLY_ALL = 0.95  # rows in which a saturated unit is flat
# a unit that is dead or flat for all rows costs its share of the net: a few are usual after a training
# (Glorot, Bordes and Bengio, "Deep sparse rectifier neural networks", 2011), half a layer is not
SOME, HALF = 0.25, 0.5
FEW = 10  # rows; with fewer a unit may well be flat for all
GRID = np.concatenate([-np.geomspace(1e4, 1e-2, 400), [0.0], np.geomspace(1e-2, 1e4, 400)])


class Behaviour(NamedTuple):
    """What an activation of single units does over all nets.

    Attributes
    ----------
    low, high : float
        Between which it lies; infinite where it grows on.
    steepest : float
        Its largest slope.
    """

    low: float
    high: float
    steepest: float

    @property
    def is_bounded(self) -> bool:
        """Whether it is flat on both sides."""
        return bool(np.isfinite([self.low, self.high]).all())


LINEAR = Behaviour(-np.inf, np.inf, 1.0)


def behaviour(activation: Activation) -> Behaviour | None:
    """Bounds and slope of an activation; None if units depend on each other, or it learns.

    Examples
    --------
    >>> import mlp
    >>> behaviour(mlp.activations.ReLU())
    Behaviour(low=0.0, high=inf, steepest=1.0)
    >>> behaviour(mlp.activations.Sigmoid()).is_bounded
    True
    """
    if hasattr(activation, "row_delta") or activation.outputs(2) != 2 or activation.build(1, np.dtype(float)):
        return None
    with np.errstate(all="ignore"):
        values = activation(GRID[:, None])[:, 0]
        slopes = np.abs(np.diff(values) / np.diff(GRID))
    ends = values[[0, -1]]
    grows = ~(np.abs(values[[0, -1]] - values[[100, -101]]) < 1 + 1e-3 * np.abs(ends))
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if grows.any():
        low = -np.inf if not low > -1e3 else low
        high = np.inf if not high < 1e3 else high
    return Behaviour(low, high, float(np.round(np.nanmax(slopes[np.isfinite(slopes)]), 6)))


def hidden(case: Case) -> list[LayerTrace]:
    """The passes of the layers below the last that have a slope of each unit by itself."""
    outputs = [case.trace.layers[-1].name]
    if not case.last.parameters:  # the output is what an activation makes of the layer below
        outputs.append(case.trace.layers[max(0, len(case.trace) - 2)].name)
    return [
        layer
        for layer in case.trace
        if layer.name not in outputs and layer.net is not None and not layer.by_row
    ]


def dead_and_saturated(case: Case) -> list[Finding]:
    """`dead_units` and `saturated_units`: their slope is 0, or nearly, for (nearly) all rows."""
    dead: dict[str, tuple[int, int]] = {}
    flat: dict[str, tuple[int, int]] = {}
    kinds: set[str] = set()
    for layer in hidden(case):
        found, slope = behaviour(layer.function), layer.slope
        if found is None or slope is None or found.steepest == 0 or found == LINEAR:
            continue
        rows, units = slope.reshape(-1, slope.shape[-1]), slope.shape[-1]
        out = layer.out.reshape(-1, layer.out.shape[-1])
        silent = (rows == 0).all(axis=0) & (out == 0).all(axis=0)
        if silent.any() and (len(case) >= FEW or silent.all()):
            dead[layer.name] = int(silent.sum()), units
        if found.is_bounded and len(case) >= FEW:
            saturated = (np.abs(rows) < FLAT * found.steepest).mean(axis=0) >= NEARLY_ALL
            if (saturated & ~silent).any():
                flat[layer.name] = int((saturated & ~silent).sum()), units
                kinds.add(layer.activation)
    return [*_dead(case, dead), *_saturated(flat, kinds)]


def _many(counts: dict[str, tuple[int, int]]) -> tuple[dict[str, tuple[int, int]], float]:
    """The layers with enough such units to mention, and the largest share of them in one layer."""
    many = {name: pair for name, pair in counts.items() if pair[0] / pair[1] >= SOME and pair[0] > 1}
    return many, max((count / units for count, units in many.values()), default=0.0)


def _dead(case: Case, counts: dict[str, tuple[int, int]]) -> list[Finding]:
    many, share = _many(counts)
    if not many:
        return []
    begun = ": steps were too long, or biases are far below 0" if case.trained else " from the beginning"
    rate = case.trace.learning_rate
    lower = f"; train anew with learning_rate={rate / 10:.1g}" if case.trained and rate else ""
    return [
        Finding(
            "dead_units",
            "serious" if share == 1 else "moderate" if share >= HALF else "hint",
            _layers(many),
            f"{_counts(many)} put out 0 for all {len(case)} rows.",
            f"Their nets are negative for every row{begun}. Where the slope is 0 the delta is 0, and a unit "
            "without a delta never comes back.",
            f'Take activation="leaky_relu" there, and let biases begin at 0{lower}.',
            {"layers": {name: list(pair) for name, pair in many.items()}},
        )
    ]


def _saturated(counts: dict[str, tuple[int, int]], kinds: set[str]) -> list[Finding]:
    many, share = _many(counts)
    if not many:
        return []
    return [
        Finding(
            "saturated_units",
            "serious" if share >= NEARLY_ALL else "moderate" if share >= HALF else "hint",
            _layers(many),
            f"{_counts(many)} have less than {FLAT:.0%} of the steepest slope of "
            f"{' and '.join(sorted(kinds))} in at least {NEARLY_ALL:.0%} of the rows.",
            "Their nets are far from 0, as large inputs or large weights make them; each such layer shrinks "
            "the deltas below it twentyfold or more (Glorot and Bengio, 2010).",
            'Scale the inputs and begin with kernel_initializer="glorot_uniform"; or put '
            "layers.BatchNormalization() before the activation.",
            {"layers": {name: list(pair) for name, pair in many.items()}},
        )
    ]


def symmetric_units(case: Case) -> list[Finding]:
    """`symmetric_units`: all units of a hidden layer have the same weights, and will always have."""
    last, alike = case.trace.layers[-1].name, []
    for layer in case.trace.layers:
        W, dW = layer.parameters.get("W"), layer.gradients.get("dW")
        if layer.name == last or W is None or dW is None or W.ndim != 2 or W.shape[1] < 2:
            continue
        b = layer.parameters.get("b", np.zeros(W.shape[1]))
        if (W[:, :1] == W).all() and (b == b[0]).all() and _same(dW):
            alike.append(layer.name)
    if not alike:
        return []
    initializer = getattr(case.leaves[alike[0]], "kernel_initializer", None)
    begins = "" if initializer is None else f" ({snake_case(type(initializer).__name__)})"
    return [
        Finding(
            "symmetric_units",
            "serious",
            f"layer{'s' * (len(alike) > 1)} {listed([repr(name) for name in alike])}",
            f"All units of {alike[0]!r} have the same weights and the same gradients.",
            f"Units that begin alike{begins} get the same deltas, and stay alike: the layer is as good as "
            "one unit.",
            'Let weights begin at random: kernel_initializer="glorot_uniform" or "he_normal".',
            {"layers": alike},
        )
    ]


def _same(dW: Array) -> bool:
    # the products of a column each are summed in another order
    return bool(np.allclose(dW, dW[:, :1], rtol=1e-4, atol=1e-6 * float(np.abs(dW).max(initial=0.0))))


def _layers(counts: dict[str, tuple[int, int]]) -> str:
    return f"layer{'s' * (len(counts) > 1)} {listed([repr(name) for name in counts], 5)}"


def _counts(counts: dict[str, tuple[int, int]]) -> str:
    texts = [f"{count} of {units} units of {name!r}" for name, (count, units) in counts.items()]
    return listed(texts)
