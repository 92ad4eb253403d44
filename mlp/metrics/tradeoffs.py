"""One ratio at a demanded value of another: the best over many thresholds."""

from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.metrics.base import Metric, ratio
from mlp.metrics.thresholds import MOST_THRESHOLDS, check_class, counts_of, reset_table, update_table
from mlp.naming import is_integer, require, require_in


def rising(num_thresholds: int) -> Array:
    """That many even thresholds from 0 to 1, but for 1 itself, which no output is above; 0.5 if it is one."""
    valid = is_integer(num_thresholds) and 0 < num_thresholds <= MOST_THRESHOLDS
    require(valid, "num_thresholds", num_thresholds, f"an integer from 1 to {MOST_THRESHOLDS}")
    if num_thresholds == 1:
        return np.array([0.5])
    return np.arange(num_thresholds - 1) / (num_thresholds - 1)


def ratios(metric: Any) -> tuple[Array, Array, Array]:
    """Sensitivity (the recall), specificity and precision at each threshold; 0 for 0/0."""
    true_positives, false_positives, true_negatives, false_negatives = counts_of(metric.table)
    # the first column is for a threshold below all outputs, which Keras does not look at
    start, stop = 1, None if metric.num_thresholds > 1 else 2
    return (
        ratio(true_positives, true_positives + false_negatives)[start:stop],
        ratio(true_negatives, true_negatives + false_positives)[start:stop],
        ratio(true_positives, true_positives + false_positives)[start:stop],
    )


def best(wanted: Array, where: Array) -> float:
    """The largest of `wanted` where the condition holds; 0 if it holds nowhere."""
    return float(wanted[where].max(initial=0.0))


class SensitivityAtSpecificity(Metric):
    """The largest TP / (TP + FN) among thresholds with TN / (TN + FP) of at least `specificity`.

    Parameters
    ----------
    specificity : float in [0, 1]
    num_thresholds : int from 1 to 1000000, default 200
        Even ones from 0 to 1; outputs outside count as 0 or 1.
    class_id : int, optional
        Only this output counts; by default all do, together.
    name, dtype : as in `Metric`

    Examples
    --------
    >>> SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    0.5
    """

    direction = "up"
    reset_state, update = reset_table, update_table

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        require_in("[0, 1]", "specificity", specificity)
        check_class(class_id)
        self._rising = rising(num_thresholds)
        super().__init__(name, dtype)
        self.specificity, self.num_thresholds, self.class_id = specificity, num_thresholds, class_id

    def result(self) -> float:
        sensitivity, specificity, _ = ratios(self)
        return best(sensitivity, specificity >= self.specificity)


class SpecificityAtSensitivity(Metric):
    """The largest TN / (TN + FP) among thresholds with TP / (TP + FN) of at least `sensitivity`.

    Parameters
    ----------
    sensitivity : float in [0, 1]
    num_thresholds, class_id, name, dtype : as in `SensitivityAtSpecificity`

    Examples
    --------
    >>> SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    0.6666666666666666
    """

    direction = "up"
    reset_state, update = reset_table, update_table

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        require_in("[0, 1]", "sensitivity", sensitivity)
        check_class(class_id)
        self._rising = rising(num_thresholds)
        super().__init__(name, dtype)
        self.sensitivity, self.num_thresholds, self.class_id = sensitivity, num_thresholds, class_id

    def result(self) -> float:
        sensitivity, specificity, _ = ratios(self)
        return best(specificity, sensitivity >= self.sensitivity)


class PrecisionAtRecall(Metric):
    """The largest TP / (TP + FP) among thresholds with TP / (TP + FN) of at least `recall`.

    Parameters
    ----------
    recall : float in [0, 1]
    num_thresholds, class_id, name, dtype : as in `SensitivityAtSpecificity`

    Examples
    --------
    >>> PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    0.5
    """

    direction = "up"
    reset_state, update = reset_table, update_table

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        require_in("[0, 1]", "recall", recall)
        check_class(class_id)
        self._rising = rising(num_thresholds)
        super().__init__(name, dtype)
        self.recall, self.num_thresholds, self.class_id = recall, num_thresholds, class_id

    def result(self) -> float:
        recall, _, precision = ratios(self)
        return best(precision, recall >= self.recall)


class RecallAtPrecision(Metric):
    """The largest TP / (TP + FN) among thresholds with TP / (TP + FP) of at least `precision`.

    Parameters
    ----------
    precision : float in [0, 1]
    num_thresholds, class_id, name, dtype : as in `SensitivityAtSpecificity`

    Examples
    --------
    >>> RecallAtPrecision(0.8)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
    0.5
    """

    direction = "up"
    reset_state, update = reset_table, update_table

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        require_in("[0, 1]", "precision", precision)
        check_class(class_id)
        self._rising = rising(num_thresholds)
        super().__init__(name, dtype)
        self.precision, self.num_thresholds, self.class_id = precision, num_thresholds, class_id

    def result(self) -> float:
        recall, _, precision = ratios(self)
        return best(recall, precision >= self.precision)
