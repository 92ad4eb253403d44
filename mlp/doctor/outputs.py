"""The outputs: whether they can meet the targets, whether they differ, and what they have learned."""

from __future__ import annotations  # so that np.random is not loaded for a signature

import math

import numpy as np

from mlp.doctor.case import NO_BETTER, Case
from mlp.doctor.deltas import learning, rms
from mlp.doctor.findings import Finding, listed
from mlp.doctor.units import behaviour
from mlp.naming import snake_case

REACH = 0.02  # of the range of the targets: less beyond the bounds of an output does not matter
OUTSIDE = 0.01  # share of the targets
STEADY = 0.01  # standard deviation of the outputs over that of the targets
LITTLE = 0.5  # skill below which a penalty is asked whether it is in the way
SHRUNKEN = 0.1  # root mean square of weights times √inputs; Glorot begins at about 1, He at 1.4
STEPS = 20  # before a net is blamed for what it has not learned
AS_NUMBERS = ("MeanSquaredError", "MeanAbsoluteError", "HalfMeanSquaredError", "SumOfSquares")


def non_finite(case: Case) -> list[Finding]:
    """`non_finite`: weights, the loss or its gradients are infinite or undefined."""
    parameters = case.model.parameters
    bad = [
        name
        for name, place in zip(parameters.names, parameters.slices, strict=True)
        if not np.isfinite(parameters.values[place]).all()
    ]
    gradients = [
        f"{name} of {layer.name!r}"
        for layer in ([] if bad else case.trace)
        for name, value in layer.gradients.items()
        if not np.isfinite(value).all()
    ]
    if not (bad or gradients or not math.isfinite(case.trace.loss)):
        return []
    what = (
        f"Weights are infinite or undefined: {listed(bad, 5)}." if bad else f"The loss is {case.trace.loss}."
    )
    what += f" So are gradients: {listed(gradients)}." if gradients else ""
    largest = float(np.abs(case.X).max())
    return [
        Finding(
            "non_finite",
            "serious",
            "weights" if bad else "loss",
            what,
            "A step was too long, or a number outgrew its type (float32 ends at 3.4e38); the largest input "
            f"is {largest:.3g}.",
            "Make the model anew and train it with a lower rate, global_clipnorm=1 in the optimizer, or "
            "callbacks.RecoverFromDivergence(); scale inputs and targets.",
            {"parameters": bad, "gradients": gradients, "largest_input": largest},
        )
    ]


def wrong_output(case: Case) -> list[Finding]:
    """`wrong_output`: the last activation and the loss do not go with the targets."""
    function, name, units = case.last.activation, case.loss_name, case.out.shape[1]
    activation = snake_case(type(function).__name__)
    is_sigmoid_like = function.probabilities and activation not in ("softmax", "sparsemax")
    if activation == "softmax" and units == 1:
        return [
            _wrong(
                "A softmax of one unit is 1 for every row.",
                "A softmax shares 1 among its units, and there is one.",
                'For two classes end with Dense(1, activation="sigmoid") and "binary_crossentropy".',
            )
        ]
    if activation == "softmax" and name == "BinaryCrossentropy":
        return [
            _wrong(
                f"{units} outputs share 1 by softmax, and the loss is binary_crossentropy.",
                "The binary cross-entropy takes each output for a question of its own, so the gradient is "
                "not that of the classes.",
                'Take loss="categorical_crossentropy" for one class a row, or activation="sigmoid" for '
                "several.",
                "moderate",
            )
        ]
    if is_sigmoid_like and "Categorical" in name and units > 1 and not case.from_logits:
        return [
            _wrong(
                f"{units} outputs by {activation}, each between 0 and 1 by itself, and the loss is "
                f"{snake_case(name)}.",
                "The categorical cross-entropy is that of probabilities which share 1 among the classes.",
                'End with activation="softmax"; for several labels a row take loss="binary_crossentropy".',
                "moderate",
            )
        ]
    return _out_of_reach(case) or _class_as_number(case, activation)


def _out_of_reach(case: Case) -> list[Finding]:
    found, T, last = behaviour(case.last.activation), case.target, case.last
    if found is None or T.shape != case.out.shape or not np.isfinite(T).all() or "net" not in vars(last):
        return []
    reach = REACH * float(np.ptp(T)) if np.ptp(T) else REACH
    outside = (found.low - reach > T) | (found.high + reach < T)
    share = float(outside.mean())
    if share < OUTSIDE:
        return []
    low, high = (f"{bound:.3g}".replace("inf", "∞") for bound in (found.low, found.high))
    activation = snake_case(type(last.activation).__name__)
    return [
        _wrong(
            f"{share:.0%} of the targets lie beyond what the output can be: {activation} gives {low} to "
            f"{high}, and the targets reach from {T.min():.4g} to {T.max():.4g}.",
            "No weights can bring the output there; the units run into their bounds, where the slope is 0.",
            "End with a linear layer, Dense(…) without an activation, or bring the targets into the range.",
            "serious" if share > 0.05 else "moderate",
        )
    ]


def _class_as_number(case: Case, activation: str) -> list[Finding]:
    as_number = case.loss_name in AS_NUMBERS and activation == "linear"
    if case.classes is None or case.target.shape[1] > 1 or not as_number:
        return []
    return [
        _wrong(
            "The targets are two classes, and a linear output is to meet them as numbers.",
            "A linear output is no probability: it goes beyond 0 and 1, and is punished for being too right.",
            'End with activation="sigmoid" and take loss="binary_crossentropy".',
            "hint",
        )
    ]


def _wrong(what: str, cause: str, cure: str, severity: str = "serious") -> Finding:
    return Finding("wrong_output", severity, "last layer and loss", what, cause, cure)


def predictions(case: Case) -> list[Finding]:
    """`constant_predictions`, `underfitting` and `strong_penalty`, of a net that has been trained."""
    if case.running or case.steps < STEPS or not np.isfinite(case.out).all():
        return []
    found = [*_constant(case), *_underfitting(case)]
    little = case.skill is not None and case.skill < LITTLE
    return [*found, *strong_penalty(case)] if found or little else []


def strong_penalty(case: Case) -> list[Finding]:
    """`strong_penalty`: a regularizer or a decay holds the weights near 0."""
    decay = getattr(case.model.optimizer, "weight_decay", None)
    sizes = {
        layer.name: rms(layer.W) * math.sqrt(layer.W.shape[0])
        for layer in learning(case)
        if "W" in layer.penalised or decay
    }
    shrunken = [name for name, size in sizes.items() if size < SHRUNKEN]
    if not shrunken:
        return []
    name = min(shrunken, key=sizes.__getitem__)
    regularizer = case.leaves[name].regularizers.get("W")
    by = f"weight_decay={decay:g}" if regularizer is None else f"kernel_regularizer={regularizer!r}"
    return [
        Finding(
            "strong_penalty",
            "serious",
            f"layer{'s' * (len(shrunken) > 1)} {listed([repr(name) for name in shrunken], 5)}",
            f"The root mean square of the weights is {sizes[name]:.2g}/√inputs in {name!r}, where weights "
            "begin at 1 to 1.4.",
            f"The penalty ({by}) outweighs the loss and holds the weights near 0.",
            "Take a hundredth of it, or leave it out until the net fits the rows it is trained with.",
            {"sizes": sizes},
        )
    ]


def _constant(case: Case) -> list[Finding]:
    out, target = np.asarray(case.out, np.float64), np.asarray(case.target, np.float64)
    if out.shape != target.shape or not np.isfinite(target).all():
        return []
    spread, wanted = float(out.std(axis=0).max()), float(target.std(axis=0).max())
    numbers = {"deviation": spread, "of_targets": wanted}
    if not wanted:
        return []
    if spread < STEADY * wanted:
        what = (
            f"The outputs for {len(case)} rows are nearly the same: their standard deviation is "
            f"{spread:.2g}, that of the targets {wanted:.2g}."
        )
    elif case.classes is None or out.shape[1] == 1 or np.unique(out.argmax(axis=1)).size > 1:
        return []
    else:
        what = f"All {len(case)} rows get class {int(out[0].argmax())}."
    return [
        Finding(
            "constant_predictions",
            "serious",
            "outputs",
            what,
            "The net has learned the mean of the targets and nothing of the inputs.",
            "See that x and y belong together row by row and that x is scaled; then try a higher rate, more "
            "epochs, or a wider net.",
            numbers,
        )
    ]


def _underfitting(case: Case) -> list[Finding]:
    if case.skill is None or case.skill >= NO_BETTER:
        return []
    return [
        Finding(
            "underfitting",
            "serious",
            "training loss",
            f"The loss of the rows trained with is {case.value:.4g}; the best constant prediction has "
            f"{case.baseline:.4g}.",
            "The net predicts no better than a constant: it cannot, or has not yet, or the inputs do not "
            "say it.",
            "Train longer or with another rate; add units; shuffle y once and train: if the loss is the "
            "same, the inputs do not determine the target.",
            {"loss": case.value, "baseline": case.baseline},
        )
    ]
