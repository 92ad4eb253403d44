"""Intersection over union of the rows that are and that are said to be of a class."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.metrics.base import Metric, ratio
from mlp.metrics.confusion import confusion
from mlp.naming import is_integer, require, require_in


def prepare(metric: Any, classes: Any, wanted: Any, ignored: int | None = None, axis: int = -1) -> None:
    """Check what the metrics here have in common, and keep the two numbers that `intersect` needs."""
    require(is_integer(classes) and classes > 0, "num_classes", classes, "an integer of at least 1")
    numbers = list(range(classes)) if wanted is None else list(np.atleast_1d(wanted))
    inside = bool(numbers) and all(is_integer(number) and 0 <= number < classes for number in numbers)
    require(inside, "target_class_ids", wanted, f"a list of classes from 0 to {classes - 1}")
    require(ignored is None or is_integer(ignored), "ignore_class", ignored, "None or an integer")
    require(is_integer(axis) and axis in (-1, 1), "axis", axis, "-1, where the classes are")
    metric._classes, metric._wanted = classes, np.array(numbers)


def reset_matrix(self: Any) -> None:
    """Forget all rows."""
    self.matrix = np.zeros((self._classes, self._classes))


def intersect(self: Any, truth: Array, predicted: Array, weight: Array | None) -> None:
    """Add the batch to the matrix; numbers that are no class, or ignored, are left out."""
    if truth.shape != predicted.shape:
        raise ArgumentError(
            f"there are {truth.shape} true and {predicted.shape} predicted classes; for one-hot targets "
            "say sparse_y_true=False, for an output a class say sparse_y_pred=False"
        )
    if weight is not None:
        weight = weight.repeat(truth.size // len(weight))
    truth, predicted = truth.reshape(-1).astype(np.intp), predicted.reshape(-1).astype(np.intp)
    known = (truth >= 0) & (truth < self._classes) & (predicted >= 0) & (predicted < self._classes)
    if getattr(self, "ignore_class", None) is not None:
        known &= truth != self.ignore_class
    if not known.all():
        truth, predicted = truth[known], predicted[known]
        weight = None if weight is None else weight[known]
    self.matrix += confusion(truth, predicted, self._classes, weight)


def mean_iou(self: Any) -> float:
    """Mean of TP / (TP + FP + FN) over the wanted classes that occur; 0 if none does."""
    right = self.matrix.diagonal()
    union = self.matrix.sum(axis=0) + self.matrix.sum(axis=1) - right
    found = union[self._wanted] > 0
    return float(ratio(ratio(right, union)[self._wanted].sum(), np.count_nonzero(found)))


class IoU(Metric):
    """TP / (TP + FP + FN): intersection over union of the rows of a class, mean over some classes.

    Parameters
    ----------
    num_classes : int
    target_class_ids : list of int
        Which classes; those that do not occur do not count.
    name, dtype : as in `Metric`
    ignore_class : int, optional
        Rows of this true class do not count.
    sparse_y_true, sparse_y_pred : bool, default True
        Targets, outputs are numbers of classes; if not, the largest of a row counts.
    axis : -1

    Notes
    -----
    Keras counts in whole numbers unless `dtype` says otherwise, so that a weight of 0.7 is 0,
    adds 1e-7 to the denominators and computes the ratio in float32; this is exact.

    Examples
    --------
    >>> IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])
    0.3333333333333333
    """

    reset_state, result = reset_matrix, mean_iou

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        require(target_class_ids is not None, "target_class_ids", None, "a list of classes")
        prepare(self, num_classes, target_class_ids, ignore_class, axis)
        super().__init__(name, dtype)
        self.num_classes, self.target_class_ids, self.ignore_class = (
            num_classes,
            target_class_ids,
            ignore_class,
        )
        self.sparse_y_true, self.sparse_y_pred, self.axis = sparse_y_true, sparse_y_pred, axis

    def update(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        intersect(self, _classes(y_true, self.sparse_y_true), _classes(y_pred, self.sparse_y_pred), weight)


class MeanIoU(Metric):
    """The mean of TP / (TP + FP + FN) over all classes that occur.

    Parameters
    ----------
    num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis : as in `IoU`

    Examples
    --------
    >>> MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])
    0.3333333333333333
    """

    reset_state, result = reset_matrix, mean_iou

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        prepare(self, num_classes, None, ignore_class, axis)
        super().__init__(name, dtype)
        self.num_classes, self.ignore_class, self.axis = num_classes, ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred

    def update(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        intersect(self, _classes(y_true, self.sparse_y_true), _classes(y_pred, self.sparse_y_pred), weight)


class OneHotIoU(Metric):
    """`IoU` for one-hot targets, and an output for each class.

    Parameters
    ----------
    num_classes, target_class_ids, name, dtype, ignore_class, axis : as in `IoU`
    sparse_y_pred : bool, default False

    Examples
    --------
    >>> metric = OneHotIoU(num_classes=3, target_class_ids=[0, 2])
    >>> T = [[0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 0, 0]]
    >>> metric(T, [[0.2, 0.3, 0.5], [0.1, 0.2, 0.7], [0.5, 0.3, 0.1], [0.1, 0.4, 0.5]])
    0.16666666666666666
    """

    reset_state, result = reset_matrix, mean_iou

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        require(target_class_ids is not None, "target_class_ids", None, "a list of classes")
        prepare(self, num_classes, target_class_ids, ignore_class, axis)
        super().__init__(name, dtype)
        self.num_classes, self.target_class_ids, self.ignore_class = (
            num_classes,
            target_class_ids,
            ignore_class,
        )
        self.sparse_y_pred, self.axis = sparse_y_pred, axis

    def update(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        intersect(self, _classes(y_true, False), _classes(y_pred, self.sparse_y_pred), weight)


class OneHotMeanIoU(Metric):
    """`MeanIoU` for one-hot targets, and an output for each class.

    Parameters
    ----------
    num_classes, name, dtype, ignore_class, sparse_y_pred, axis : as in `OneHotIoU`

    Examples
    --------
    >>> metric = OneHotMeanIoU(num_classes=2)
    >>> metric([[0, 1], [1, 0], [0, 1]], [[0.2, 0.8], [0.1, 0.9], [0.4, 0.6]])
    0.3333333333333333
    """

    reset_state, result = reset_matrix, mean_iou

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        prepare(self, num_classes, None, ignore_class, axis)
        super().__init__(name, dtype)
        self.num_classes, self.ignore_class = num_classes, ignore_class
        self.sparse_y_pred, self.axis = sparse_y_pred, axis

    def update(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        intersect(self, _classes(y_true, False), _classes(y_pred, self.sparse_y_pred), weight)


class BinaryIoU(Metric):
    """`IoU` of targets 0 and 1 and of outputs that are cut at a threshold.

    Parameters
    ----------
    target_class_ids : list of int, default (0, 1)
    threshold : float in [0, 1], default 0.5
        An output at it says 1, unlike in `BinaryAccuracy`.
    name, dtype : as in `Metric`

    Examples
    --------
    >>> BinaryIoU(threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])
    0.3333333333333333
    """

    reset_state, result = reset_matrix, mean_iou

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        require_in("[0, 1]", "threshold", threshold)
        prepare(self, 2, target_class_ids)
        super().__init__(name, dtype)
        self.target_class_ids, self.threshold = target_class_ids, threshold

    def update(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        intersect(self, y_true, y_pred >= self.threshold, weight)


def _classes(array: Array, sparse: bool) -> Array:
    return array if sparse else array.argmax(axis=1)[:, None]
