"""Intersection over union of the rows that are and that are said to be of a class."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.metrics.base import Metric, ratio, require_no_gaps, whole_numbers
from mlp.metrics.confusion import confusion
from mlp.naming import is_integer, require, require_bool, require_in, require_one_of

MOST_CLASSES = 10_000  # the table has the square of it


def prepare(metric: Any, classes: Any, wanted: Any, ignored: int | None = None, axis: int = -1) -> None:
    """Check and keep what the metrics here have in common, and the classes that `intersect` needs."""
    counts = is_integer(classes) and 0 < classes <= MOST_CLASSES
    require(counts, "num_classes", classes, f"an integer from 1 to {MOST_CLASSES}")
    numbers = range(classes) if wanted is None else [wanted] if is_integer(wanted) else wanted
    several = isinstance(numbers, list | tuple | range) or (
        isinstance(numbers, np.ndarray) and numbers.ndim > 0
    )
    inside = several and len(numbers) > 0 and all(is_integer(k) and 0 <= k < classes for k in numbers)
    require(inside, "target_class_ids", wanted, f"a list of classes from 0 to {classes - 1}")
    require(ignored is None or is_integer(ignored), "ignore_class", ignored, "None or an integer")
    require_one_of("axis", axis, (-1, 1), "-1, where the classes are")
    metric.num_classes, metric.ignore_class, metric.axis = classes, ignored, axis
    metric._wanted = np.array(numbers)


def reset_matrix(self: Any) -> None:
    """Forget all rows; the table is made with the first of them."""
    self.matrix = None


def intersect(self: Any, truth: Array, predicted: Array, weight: Array | None) -> None:
    """Add the batch to the matrix; numbers that are no class, or ignored, are left out."""
    if truth.shape != predicted.shape:
        raise ArgumentError(
            f"there are {truth.shape} true and {predicted.shape} predicted classes; for one-hot targets "
            "say sparse_y_true=False, for an output a class say sparse_y_pred=False"
        )
    if weight is not None:
        weight = weight.repeat(truth.size // len(weight))
    truth, predicted = whole_numbers(truth.reshape(-1)).astype(np.intp), predicted.reshape(-1).astype(np.intp)
    known = (truth >= 0) & (truth < self.num_classes) & (predicted >= 0) & (predicted < self.num_classes)
    if self.ignore_class is not None:
        known &= truth != self.ignore_class
    if not known.all():
        truth, predicted = truth[known], predicted[known]
        weight = None if weight is None else weight[known]
    found = confusion(truth, predicted, self.num_classes, weight)
    self.matrix = found if self.matrix is None else np.add(self.matrix, found, out=self.matrix)


def mean_iou(self: Any) -> float:
    """Mean of TP / (TP + FP + FN) over the wanted classes that occur; 0 if none does."""
    if self.matrix is None:
        return 0.0
    right = self.matrix.diagonal()
    union = self.matrix.sum(axis=0) + self.matrix.sum(axis=1) - right
    found = union[self._wanted] > 0
    return float(ratio(ratio(right, union)[self._wanted].sum(), np.count_nonzero(found)))


class IoU(Metric):
    """TP / (TP + FP + FN): intersection over union of the rows of a class, mean over some classes.

    Parameters
    ----------
    num_classes : int from 1 to 10000
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

    direction = "up"
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
        require_bool("sparse_y_true", sparse_y_true)
        require_bool("sparse_y_pred", sparse_y_pred)
        super().__init__(name, dtype)
        self.target_class_ids = target_class_ids
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred

    def update(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        truth = truths(y_true, self.sparse_y_true)
        intersect(self, truth, predictions(y_pred, self.sparse_y_pred), weight)


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

    direction = "up"
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
        require_bool("sparse_y_true", sparse_y_true)
        require_bool("sparse_y_pred", sparse_y_pred)
        super().__init__(name, dtype)
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred

    def update(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        truth = truths(y_true, self.sparse_y_true)
        intersect(self, truth, predictions(y_pred, self.sparse_y_pred), weight)


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

    direction = "up"
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
        require_bool("sparse_y_pred", sparse_y_pred)
        super().__init__(name, dtype)
        self.target_class_ids, self.sparse_y_pred = target_class_ids, sparse_y_pred

    def update(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        intersect(self, truths(y_true, False), predictions(y_pred, self.sparse_y_pred), weight)


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

    direction = "up"
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
        require_bool("sparse_y_pred", sparse_y_pred)
        super().__init__(name, dtype)
        self.sparse_y_pred = sparse_y_pred

    def update(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        intersect(self, truths(y_true, False), predictions(y_pred, self.sparse_y_pred), weight)


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

    direction = "up"
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


def truths(y_true: Array, sparse: bool) -> Array:
    """The true class of each row, shape (n, 1), or of each target if they are numbers of classes."""
    if sparse:
        return y_true
    if y_true.shape[1] == 1:
        raise ArgumentError("y_true has 1 column, so it is no one-hot one; for labels say sparse_y_true=True")
    require_no_gaps(y_true)
    classes: Array = y_true.argmax(axis=1)
    return classes[:, None]


def predictions(y_pred: Array, sparse: bool) -> Array:
    """The predicted classes likewise."""
    return y_pred if sparse else y_pred.argmax(axis=1)[:, None]
