"""From a loss to the outputs that it is for, and from outputs to yes or no, and to probabilities."""

import copy
from typing import Any

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.class_weight import compute_sample_weight

from mlp import losses
from mlp.activations import Activation
from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.estimators.arithmetic import logistic, softmax
from mlp.losses import Loss
from mlp.losses.base import MEANS
from mlp.losses.counts import KLDivergence
from mlp.losses.crossentropy import BinaryCrossentropy
from mlp.losses.focal import BinaryFocalCrossentropy
from mlp.losses.hinges import CategoricalHinge, Hinge, SquaredHinge
from mlp.losses.regression import CosineSimilarity


def weigh(class_weight: Any, y: Array, sample_weight: Array | None, incremental: bool) -> Array | None:
    """The weights of the rows: those of their classes by those that were given."""
    if class_weight is None:
        return sample_weight
    if incremental and isinstance(class_weight, str):
        raise ValueError(
            "class_weight='balanced' needs all rows at once, which partial_fit does not have. Give the "
            "weights by class: sklearn.utils.class_weight.compute_class_weight makes them of all y."
        )
    by_class: Array = compute_sample_weight(class_weight, y)
    return by_class if sample_weight is None else sample_weight * by_class


def chosen(estimator: Any) -> Loss:
    """The loss of the library that an estimator's `loss` stands for: a copy, as a fit changes it.

    Raises
    ------
    InvalidParameterError
        If it is a sum over the rows: the penalty is made for means.
    """
    loss = copy.deepcopy(losses.get(estimator.loss))
    if loss.reduction not in MEANS:
        raise InvalidParameterError(
            f"The 'loss' parameter of {type(estimator).__name__} must be a mean over the rows, "
            f"reduction='sum_over_batch_size'. Got {type(loss).__name__} with {loss.reduction!r} instead."
        )
    return loss


def require_classes(loss: Loss, multiclass: bool, units: int) -> None:
    """Raise a ValueError if a loss does not say how far a classifier is from the classes."""
    name, several = type(loss).__name__, isinstance(loss, KLDivergence | CosineSimilarity)
    if loss.per_target > 1 or (several and not multiclass):
        what = "compares rows of three and more classes" if several else "is for regression"
        raise InvalidParameterError(
            f"The 'loss' parameter of MLPClassifier must suit the classes, but {name} {what}: "
            "take 'log_loss', which suits any."
        )
    if multiclass and not takes_labels(loss, units):
        loss.check_target(np.eye(units), "y")


def takes_labels(loss: Loss, units: int) -> bool:
    """Whether the targets of several classes are their numbers, not one-hot rows."""
    return type(loss).as_target is not Loss.as_target or loss.columns(units) == 1


def out_activation(loss: Loss, multiclass: bool) -> str:
    """The activation of the outputs that a loss is for: probabilities, if it does not ask for others."""
    if has_margin(loss) or getattr(loss, "from_logits", False):
        return "identity"
    return "softmax" if multiclass else "logistic"


def has_margin(loss: Loss) -> bool:
    """Whether targets are −1 and 1, or the right class has to be ahead by 1."""
    return isinstance(loss, Hinge | SquaredHinge | CategoricalHinge)


def threshold(loss: Loss, activation: Activation) -> float:
    """Above what an output says yes."""
    signed = has_margin(loss) or getattr(loss, "from_logits", False)
    return 0.0 if signed and not activation.probabilities else 0.5


def makes_probabilities(estimator: Any) -> bool:
    """Whether a classifier's outputs are probabilities, or logits of such; before `fit`, by its loss."""
    if not hasattr(estimator, "model_"):
        try:
            return estimator.loss == "log_loss" or not has_margin(losses.get(estimator.loss))
        except ArgumentError:  # which `fit` will say
            return True
    loss, last = estimator.model_.loss, estimator.model_.layers[-1].activation
    return bool(last.probabilities or getattr(loss, "from_logits", False))


def probabilities(loss: Loss, activation: Activation, out: Array, multiclass: bool) -> Array:
    """The outputs as probabilities; of several classes such that a row adds up to 1.

    Raises
    ------
    AttributeError
        If they are none.
    """
    logits = getattr(loss, "from_logits", False)
    if not activation.probabilities and not logits:
        raise AttributeError(
            f"predict_proba needs outputs between 0 and 1, but the last activation is "
            f"{type(activation).__name__} with {type(loss).__name__}; decision_function returns the outputs"
        )
    if logits:
        each = not multiclass or isinstance(loss, BinaryCrossentropy | BinaryFocalCrossentropy)
        (logistic if each else softmax)(out)
    if not multiclass:
        return out
    # units that say yes each by itself share what is left over, or is missing
    total = out.sum(axis=1, keepdims=True)
    return np.divide(out, total, out=np.full_like(out, 1 / out.shape[1]), where=total > 0)
