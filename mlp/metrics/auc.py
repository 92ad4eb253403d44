"""The area under a curve of two ratios over all thresholds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp.activations import Sigmoid
from mlp.arrays import Array
from mlp.metrics.base import Metric, ratio
from mlp.metrics.thresholds import MOST_THRESHOLDS, Counts, checked, column, counts_of, table_of
from mlp.naming import is_integer, require, require_bool, require_in, require_one_of

CURVES = ("ROC", "PR", "PRGAIN")
SUMMATIONS = ("interpolation", "majoring", "minoring")


class AUC(Metric):
    """∫ y dx: the area under the ROC curve, TP / (TP + FN) over FP / (FP + TN), or another curve.

    Parameters
    ----------
    num_thresholds : int from 2 to 1000000 or None, default 200
        Even ones from 0 to 1. None keeps every output and makes the area exact, at the price
        of the memory; Keras has no such choice.
    curve : {"ROC", "PR", "PRGAIN"}, default "ROC"
        The second is precision over recall, the third precision gain over recall gain.
    summation_method : {"interpolation", "majoring", "minoring"}, default "interpolation"
        Between two thresholds take the mean height, the larger or the smaller. For "PR",
        interpolation is that of the counts, after Davis and Goadrich.
    name, dtype : as in `Metric`
    thresholds : list of float in [0, 1], optional
        In place of even ones; 0 and 1 are added.
    multi_label : bool, default False
        The mean of the areas of each output, not the area of all outputs together.
    num_labels : int, optional
        Outputs, for `multi_label`; found in the first batch in any case.
    label_weights : list of float, optional
        Weight of each output: in that mean, or of its rows if all outputs are taken together.
    from_logits : bool, default False
        Take the sigmoid of the outputs first.

    Notes
    -----
    Outputs below 0 count as 0, those above 1 as 1. Integer labels are taken as one-hot targets.
    Keras places outputs among even thresholds by a product that is rounded; see `Precision`.

    References
    ----------
    Davis and Goadrich, The relationship between precision-recall and ROC curves, 2006.
    Flach and Kull, Precision-recall-gain curves, 2015.

    Examples
    --------
    >>> AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
    0.75
    >>> AUC(num_thresholds=None)([0, 0, 1, 1, 0], [0.11, 0.14, 0.13, 0.9, 0.12])
    0.8333333333333334
    """

    direction = "up"

    def __init__(
        self,
        num_thresholds: int | None = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: str | None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        bounded = is_integer(num_thresholds) and 2 <= num_thresholds <= MOST_THRESHOLDS  # type: ignore[operator]
        expected = f"None or an integer from 2 to {MOST_THRESHOLDS}"
        require(num_thresholds is None or bounded, "num_thresholds", num_thresholds, expected)
        self.curve = curve.upper() if isinstance(curve, str) else curve
        self.summation_method = (
            summation_method.lower() if isinstance(summation_method, str) else summation_method
        )
        require_one_of("curve", self.curve, CURVES)
        require_one_of("summation_method", self.summation_method, SUMMATIONS)
        require_bool("multi_label", multi_label)
        require_bool("from_logits", from_logits)
        fits = num_labels is None or (multi_label and is_integer(num_labels) and num_labels > 0)
        require(fits, "num_labels", num_labels, "None, or an integer of at least 1 with multi_label=True")
        check_label_weights(label_weights)
        self.num_thresholds, self.thresholds = num_thresholds, thresholds
        self.multi_label, self.num_labels, self.label_weights = multi_label, num_labels, label_weights
        self.from_logits = from_logits
        if thresholds is not None:
            self._rising: Array | None = np.sort(checked(thresholds))
        else:
            even = num_thresholds is not None
            self._rising = np.arange(1, num_thresholds - 1) / (num_thresholds - 1) if even else None  # type: ignore[operator]
        super().__init__(name, dtype)

    def reset_state(self) -> None:
        self.table: Any = 0
        self.kept: list[tuple[Array, Array, Array | None]] = []

    def update(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        y_true, y_pred = column(None, y_true, y_pred)
        self._check_labels(y_pred.shape[1])
        if self.from_logits:
            y_pred = Sigmoid()(y_pred)
        if self.label_weights is not None and not self.multi_label:
            by_label = np.asarray(self.label_weights, np.float64)
            weight = np.multiply.outer(np.ones(len(y_pred)) if weight is None else weight, by_label)
        if self._rising is None:  # the arrays are the caller's and may be used again
            self.kept.append((y_true.copy(), y_pred.copy(), None if weight is None else weight.copy()))
        else:
            labels = y_pred.shape[1] if self.multi_label else 1
            even = self.thresholds is None
            self.table = self.table + table_of(self._rising, y_true, y_pred, weight, labels, even)

    def _check_labels(self, outputs: int) -> None:
        for name, count in (
            ("num_labels", self.num_labels),
            ("label_weights", None if self.label_weights is None else len(self.label_weights)),
        ):
            require(count in (None, outputs), name, getattr(self, name), f"for {outputs} outputs")

    def result(self) -> float:
        if self._rising is None and self.kept:
            y_true, y_pred = (np.concatenate([batch[k] for batch in self.kept]) for k in (0, 1))
            weights = [np.ones(len(T)) if weight is None else weight for T, _, weight in self.kept]
            labels = y_pred.shape[1] if self.multi_label else 1
            table = table_of(np.unique(y_pred), y_true, y_pred, np.concatenate(weights), labels)
        elif np.ndim(self.table):
            table = self.table
        else:
            return 0.0
        areas = area(counts_of(table), self.curve, self.summation_method)
        if not self.multi_label:
            return float(areas)
        return float(np.average(areas, weights=self.label_weights))


def check_label_weights(weights: Any) -> None:
    """Raise an `ArgumentError` unless they are None or some numbers of which one is above 0."""
    if weights is None:
        return
    several = isinstance(weights, list | tuple | np.ndarray) and np.ndim(weights) == 1
    for weight in weights if several else ():
        require_in("[0, inf)", "label_weights", weight)
    fits = several and any(weight > 0 for weight in weights)
    require(fits, "label_weights", weights, "a list of numbers, not all 0")


def area(counts: Counts, curve: str, summation: str) -> Any:
    """The area under a curve whose points are the counts at falling recall; one for each label."""
    if curve == "PR" and summation == "interpolation":
        return _area_of_precision(counts)
    x, y = _points(counts, curve)
    if summation == "interpolation":
        heights = (y[:-1] + y[1:]) / 2
    else:
        heights = (np.minimum if summation == "minoring" else np.maximum)(y[:-1], y[1:])
    return ((x[:-1] - x[1:]) * heights).sum(axis=0)


def _points(counts: Counts, curve: str) -> tuple[Array, Array]:
    """The two coordinates of a curve, at each threshold; 0 for 0/0."""
    tp, fp, tn, fn = counts
    recall = ratio(tp, tp + fn)
    if curve == "ROC":
        return ratio(fp, fp + tn), recall
    if curve == "PR":
        return recall, ratio(tp, tp + fp)
    odds = ratio(tp + fn, tn + fp)  # gains, which are harmonic rescalings of the two ratios
    recall_gain, precision_gain = 1 - odds * ratio(fn, tp), 1 - odds * ratio(fp, tp)
    recall_gain[tp == 0], precision_gain[tp == 0] = 0, 1
    return np.maximum(recall_gain, 0), precision_gain


def _area_of_precision(counts: Counts) -> Any:
    """∫ TP / (TP + FP) d recall, where between thresholds TP is linear in P = TP + FP.

    With TP = a + b·P the part of a gap is b · (ΔTP + a · ln(P_left / P_right)) / (all positives).
    """
    tp, fp, _, fn = counts
    predicted = tp + fp
    rise, run = tp[:-1] - tp[1:], predicted[:-1] - predicted[1:]
    slope = ratio(rise, run)
    intercept = tp[1:] - slope * predicted[1:]
    growth = np.ones_like(run)
    np.divide(predicted[:-1], predicted[1:], out=growth, where=predicted[1:] > 0)
    return ratio(slope * (rise + intercept * np.log(growth)), tp[1:] + fn[1:]).sum(axis=0)
