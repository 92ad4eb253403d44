"""The deltas on their way down: vanishing, exploding, or not wanted by any layer."""

from __future__ import annotations  # so that np.random is not loaded for a signature

import numpy as np

from mlp.arrays import Array
from mlp.doctor.case import Case
from mlp.doctor.findings import Finding
from mlp.inspection.trace import LayerTrace

# ‖δ‖ of the first layer over ‖δ‖ of the last. Initial weights are made so that it stays near 1 (Glorot and
# Bengio, 2010; He et al., 2015); norms, since wide layers share a delta among many units. A sigmoid takes a
# factor of 4 in each layer, so that three hidden layers train and six do not.
WEAK, LOST = 1e-3, 1e-5
STRONG, WILD = 1e2, 1e4


def learning(case: Case) -> list[LayerTrace]:
    """The passes of the layers that learn weights and get a delta."""
    return [
        layer
        for layer in case.trace
        if layer.delta is not None and layer.gradients.get("dW") is not None and layer.W.ndim == 2
    ]


def deltas(case: Case) -> list[Finding]:
    """`vanishing_deltas` and `exploding_deltas`: those of the first layer beside those of the last."""
    passes = learning(case)
    norms = {layer.name: float(np.linalg.norm(np.asarray(layer.delta, np.float64))) for layer in passes}
    if len(norms) < 2:
        return []
    first, *_, last = norms
    untouched = not case.trained and not all(layer.W.any() for layer in passes)
    if not norms[last] or untouched:  # zero weights of a last layer let nothing through before the first step
        return []
    ratio = norms[first] / norms[last]
    if WEAK <= ratio <= STRONG:
        return []
    relative = {layer.name: rms(layer.dW) / (rms(layer.W) or 1.0) for layer in passes}
    vanishes = ratio < WEAK
    numbers = {"ratio": ratio, "norms": norms, "gradients": relative}
    chain = " → ".join(f"{name} {norm:.2g}" for name, norm in reversed(norms.items()))
    reach = f"by a factor of {ratio:.2g}" if ratio else "nothing arrives"
    what = (
        f"From the last layer to the first ‖δ‖ goes {_short(chain)}: {reach}. Beside the weights dW is "
        f"{relative[first]:.2g} in {first!r} and {relative[last]:.2g} in {last!r}."
    )
    if vanishes:
        return [
            Finding(
                "vanishing_deltas",
                "serious" if ratio < LOST else "moderate",
                f"layer {first!r} and those after it",
                what,
                _why(passes),
                'Take activation="relu" with kernel_initializer="he_normal", layers.Residual([…]) or '
                "layers.BatchNormalization() between the layers, or fewer layers.",
                numbers,
            )
        ]
    return [
        Finding(
            "exploding_deltas",
            "serious" if ratio > WILD else "moderate",
            f"layer {first!r} and those after it",
            what,
            "Each layer multiplies the delta by its weights, which are large: their root mean square is "
            f"{max(rms(layer.W) * np.sqrt(layer.W.shape[1]) for layer in passes[1:]):.2g}/√units in the "
            "largest, where 1 to 1.4 would keep it.",
            'Begin with kernel_initializer="glorot_uniform" or "he_normal", or clip: global_clipnorm=1 in '
            "the optimizer.",
            numbers,
        )
    ]


def _why(passes: list[LayerTrace]) -> str:
    slopes = {
        layer.name: rms(layer.slope)
        for layer in passes[:-1]
        if layer.slope is not None and layer.activation != "linear"
    }
    least = min(slopes, key=slopes.__getitem__, default=None)
    slope = f"; the slope is {slopes[least]:.2g} in {least!r}" if least else ""
    return f"Each layer multiplies the delta by its slope and its weights, and both are small{slope}."


def _short(chain: str) -> str:
    steps = chain.split(" → ")
    return chain if len(steps) <= 6 else " → ".join([*steps[:2], "…", *steps[-3:]])


def nothing_learns(case: Case) -> list[Finding]:
    """`nothing_learns`: every layer is frozen, or the learning rate is 0."""
    frozen = not any(case.model.parameters.trainable) or not case.model.trainable
    still = case.trace.learning_rate == 0 and not callable(
        getattr(case.model.optimizer, "learning_rate", None)
    )
    if not frozen and not (still and any(layer.updates for layer in case.trace)):
        return []
    texts = (
        "optimizer",
        "No weight moves: the learning rate is 0.",
        "learning_rate is 0.",
        "Set one: model.optimizer.learning_rate = 0.001.",
    )
    if frozen:
        texts = (
            "all layers",
            "No weight moves: all layers are frozen.",
            "trainable is False in the model or in each of its layers.",
            "Thaw what shall learn: model.trainable = True.",
        )
    return [Finding("nothing_learns", "serious", *texts)]


def rms(values: Array | None) -> float:
    """The root mean square."""
    if values is None or not values.size:
        return 0.0
    return float(np.sqrt(np.square(values, dtype=np.float64).mean()))
