"""Metrics that are the mean of a loss: the loss says what each row counts.

They take outputs, not net activations, so a cross-entropy here is the one that keeps
probabilities 1e-7 from 0 and 1, also where the model's own loss is exact.
"""

from typing import Any

import numpy as np

from mlp import losses
from mlp.activations import CONSTANTS
from mlp.arrays import Array
from mlp.metrics.base import FLOAT64, Metric, total
from mlp.naming import is_integer, require, require_bool, require_in, require_one_of


def loss_values(self: Any, y_true: Array, y_pred: Array) -> Array:
    """The loss of each row, shape (n,), in working memory; `values` of the metrics here.

    The loss is what `self.loss()` makes. It stays bound from batch to batch, and targets are
    checked when the form of a batch is new: the first one, as a rule.
    """
    if y_pred.dtype not in CONSTANTS:
        y_pred = y_pred.astype(FLOAT64)
    form = y_true.shape[1], y_pred.shape[1], y_pred.dtype
    bound = vars(self).get("_bound")
    if bound is None or bound[0] != form:
        self._bound = bound = form, _bind(self.loss(), y_true, y_pred)
    loss: losses.Loss = bound[1]
    if loss.rows != len(y_pred):
        loss.allocate(len(y_pred))
    return loss.value(y_pred, loss.encode(y_true.astype(y_pred.dtype, copy=False)))


def _bind(loss: losses.Loss, y_true: Array, y_pred: Array) -> losses.Loss:
    loss.bind(y_pred.shape[1], y_pred.dtype)
    if type(loss).as_target is losses.Loss.as_target:  # rows with a gap, which make the mean NaN, stay out
        y_true = y_true[~np.isnan(y_true).any(axis=1)]
    if len(y_true):
        loss.as_target(y_true, y_pred.shape[1], y_pred.dtype, "y_true")
    return loss


class BinaryCrossentropy(Metric):
    """Mean of −t ln y − (1 − t) ln(1 − y) over rows and outputs.

    Parameters
    ----------
    name, dtype : as in `Metric`
    from_logits : bool, default False
        The outputs are net activations, of which the sigmoid is taken.
    label_smoothing : float in [0, 1), default 0

    Examples
    --------
    >>> round(BinaryCrossentropy()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 6)
    0.814924
    """

    direction = "down"
    values = loss_values

    def __init__(
        self,
        name: str | None = None,
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        require_bool("from_logits", from_logits)
        require_in("[0, 1)", "label_smoothing", label_smoothing)
        super().__init__(name, dtype)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing

    def loss(self) -> losses.Loss:
        return losses.BinaryCrossentropy(self.from_logits, self.label_smoothing)


class CategoricalCrossentropy(Metric):
    """Mean of −Σ_k t_k ln y_k over rows, for one-hot targets or distributions.

    Parameters
    ----------
    name, dtype : as in `Metric`
    from_logits : bool, default False
        The outputs are net activations, of which the softmax is taken.
    label_smoothing : float in [0, 1), default 0
    axis : -1

    Examples
    --------
    >>> metric = CategoricalCrossentropy()
    >>> round(metric([[0, 1, 0], [0, 0, 1]], [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]]), 6)
    1.176939
    """

    direction = "down"
    values = loss_values

    def __init__(
        self,
        name: str | None = None,
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
    ) -> None:
        require_bool("from_logits", from_logits)
        require_in("[0, 1)", "label_smoothing", label_smoothing)
        require_one_of("axis", axis, (-1, 1), "-1, where the classes are")
        super().__init__(name, dtype)
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis

    def loss(self) -> losses.Loss:
        return losses.CategoricalCrossentropy(self.from_logits, self.label_smoothing)


class SparseCategoricalCrossentropy(Metric):
    """Mean of −ln y_label over rows, for integer labels.

    Parameters
    ----------
    name, dtype : as in `Metric`
    from_logits : bool, default False
        The outputs are net activations, of which the softmax is taken.
    ignore_class : int, optional
        Rows with this label do not count. In Keras they count as 0, unless there are weights.
    axis : -1

    Examples
    --------
    >>> round(SparseCategoricalCrossentropy()([1, 2], [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]]), 6)
    1.176939
    """

    direction = "down"
    values = loss_values

    def __init__(
        self,
        name: str | None = None,
        dtype: str | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        require_bool("from_logits", from_logits)
        known = ignore_class is None or is_integer(ignore_class)
        require(known, "ignore_class", ignore_class, "None or an integer")
        require_one_of("axis", axis, (-1, 1), "-1, where the classes are")
        super().__init__(name, dtype)
        self.from_logits, self.ignore_class, self.axis = from_logits, ignore_class, axis

    def loss(self) -> losses.Loss:
        return losses.SparseCategoricalCrossentropy(self.from_logits)

    def update(self, y_true: Array, y_pred: Array, weight: Array | None) -> None:
        if self.ignore_class is not None:
            counted = y_true[:, 0] != self.ignore_class
            y_true, y_pred = y_true[counted], y_pred[counted]
            weight = None if weight is None else weight[counted]
            if not len(y_pred):
                return
        self.total += total(self.values(y_true, y_pred), weight)
        self.count += len(y_pred) if weight is None else float(weight.sum())


class CrossentropyByForm(Metric):
    """Cross-entropy by the form of the targets, as `AccuracyByForm`: "crossentropy" and "ce".

    Binary for one output, sparse for labels, else categorical.

    Examples
    --------
    >>> round(CrossentropyByForm()([1, 2], [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]]), 6)
    1.176939
    """

    direction = "down"

    def values(self, y_true: Array, y_pred: Array) -> Any:
        self.loss: type[losses.Loss] = losses.CategoricalCrossentropy
        if y_pred.shape[1] == 1:
            self.loss = losses.BinaryCrossentropy
        elif y_true.shape[1] == 1:
            self.loss = losses.SparseCategoricalCrossentropy
        return loss_values(self, y_true, y_pred)


class KLDivergence(Metric):
    """Mean of Σ_k t_k ln(t_k / y_k) over rows.

    Parameters
    ----------
    name, dtype : as in `Metric`

    Examples
    --------
    >>> round(KLDivergence()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 4)
    0.4581
    """

    direction = "down"
    loss, values = losses.KLDivergence, loss_values

    def __init__(self, name: str | None = "kl_divergence", dtype: str | None = None) -> None:
        super().__init__(name, dtype)


class Poisson(Metric):
    """Mean of y − t ln y over rows and outputs.

    Examples
    --------
    >>> round(Poisson()([[0, 1], [0, 0]], [[1, 1], [0, 0]]), 6)
    0.5
    """

    direction = "down"
    loss, values = losses.Poisson, loss_values


class Hinge(Metric):
    """Mean of max(1 − t·y, 0) over rows and outputs, for targets −1 and 1; 0 and 1 become these.

    Examples
    --------
    >>> round(Hinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 6)
    1.3
    """

    direction = "down"
    loss, values = losses.Hinge, loss_values


class SquaredHinge(Metric):
    """Mean of max(1 − t·y, 0)² over rows and outputs, for targets −1 and 1; 0 and 1 become these.

    Examples
    --------
    >>> round(SquaredHinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 6)
    1.86
    """

    direction = "down"
    loss, values = losses.SquaredHinge, loss_values


class CategoricalHinge(Metric):
    """Mean of max(1 + max_k (1 − t_k) y_k − Σ_k t_k y_k, 0) over rows, for one-hot targets.

    Examples
    --------
    >>> round(CategoricalHinge()([[0, 1], [1, 0]], [[0.6, 0.4], [0.4, 0.6]]), 6)
    1.2
    """

    direction = "down"
    loss, values = losses.CategoricalHinge, loss_values
