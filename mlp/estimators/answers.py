"""From a loss to the outputs that it is for, and from outputs to yes or no, and to probabilities."""

import copy
from typing import Any

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.class_weight import compute_sample_weight

from mlp import losses
from mlp.activations import Activation, Linear, Softmax, Sparsemax
from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.estimators.arithmetic import logistic, softmax
from mlp.losses import Loss, Masked
from mlp.losses.base import MEANS
from mlp.losses.crossentropy import BinaryCrossentropy
from mlp.losses.divergence import KLDivergence
from mlp.losses.focal import BinaryFocalCrossentropy
from mlp.losses.hinges import CategoricalHinge, Hinge, SquaredHinge
from mlp.losses.labels import SparseCategoricalCrossentropy
from mlp.losses.regression import CosineSimilarity

# from parameters to a loss


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


def loss_for(activation: Activation, units: int, multilabel: bool) -> Loss:
    """The cross-entropy that goes with the last activation of a network.

    Parameters
    ----------
    activation : Activation
        After a linear one, the loss itself applies a sigmoid or a softmax.
    units : int
    multilabel : bool

    Raises
    ------
    ArgumentError
        If none does.
    """
    name, linear = type(activation).__name__, type(activation) is Linear
    by_row = sums_to_one(activation)
    if by_row and (units == 1 or multilabel):
        why = "several labels can be right at once" if multilabel else "of one unit it is always 1"
        raise ArgumentError(f"the model ends with {name}, but {why}: end it with activation='sigmoid'")
    if not linear and not activation.probabilities:
        raise ArgumentError(
            f"loss='auto' knows no loss for a model that ends with {name}: give a loss, or end the model "
            "with activation='sigmoid' or 'softmax', or without one"
        )
    yes_or_no = units == 1 or multilabel or not (linear or by_row)
    return (BinaryCrossentropy if yes_or_no else SparseCategoricalCrossentropy)(from_logits=linear)


def weigh(class_weight: Any, y: Array, sample_weight: Array | None, incremental: bool) -> Array | None:
    """The weights of the rows: those of their classes by those that were given."""
    if class_weight is None:
        return sample_weight
    if incremental and isinstance(class_weight, str):
        raise ValueError(
            "class_weight='balanced' needs all rows at once, which partial_fit does not have. Give the "
            "weights by class: sklearn.utils.class_weight.compute_class_weight makes them of all y."
        )
    for weights in class_weight if isinstance(class_weight, list) else [class_weight]:
        if isinstance(weights, dict) and any(weight < 0 for weight in weights.values()):
            raise ArgumentError(f"class_weight must not be negative; got {class_weight!r}")
    by_class: Array = compute_sample_weight(class_weight, y)
    return by_class if sample_weight is None else sample_weight * by_class


# what a loss says of targets and outputs


def inner(loss: Loss) -> Loss:
    """The loss itself, where it is one for targets with gaps."""
    return loss.loss if isinstance(loss, Masked) else loss


def takes_labels(loss: Loss, units: int) -> bool:
    """Whether the targets of several classes are their numbers, not one-hot rows."""
    return type(inner(loss)).as_target is not Loss.as_target or loss.columns(units) == 1


def from_logits(loss: Loss) -> bool:
    """Whether the loss applies a sigmoid or a softmax itself."""
    return bool(getattr(inner(loss), "from_logits", False))


def has_margin(loss: Loss) -> bool:
    """Whether targets are −1 and 1, or the right class has to be ahead by 1."""
    return isinstance(inner(loss), Hinge | SquaredHinge | CategoricalHinge)


def out_activation(loss: Loss, multiclass: bool) -> str:
    """The activation of the outputs that a loss is for: probabilities, if it does not ask for others."""
    if has_margin(loss) or from_logits(loss):
        return "identity"
    return "softmax" if multiclass else "logistic"


def sums_to_one(activation: Activation) -> bool:
    """Whether the outputs are probabilities that belong together: those of a softmax, and its kin."""
    return isinstance(activation, Softmax | Sparsemax)


# from outputs to answers


def threshold(loss: Loss, activation: Activation) -> float:
    """Above what an output says yes."""
    return 0.0 if from_logits(loss) or (has_margin(loss) and not activation.probabilities) else 0.5


def are_probabilities(loss: Loss, activation: Activation) -> bool:
    """Whether the outputs, or what a loss makes of logits, can be read as probabilities."""
    return from_logits(loss) or (activation.probabilities and not has_margin(loss))


def makes_probabilities(estimator: Any) -> bool:
    """Whether a classifier's outputs are probabilities, or logits of such; before `fit`, by its loss."""
    model = vars(estimator).get("model_")
    if model is not None:
        return are_probabilities(model.loss, model.layers[-1].activation)
    loss = estimator.loss
    try:
        by_name = isinstance(loss, str) and loss in ("auto", "log_loss")
        return by_name or not has_margin(losses.get(loss))
    except ArgumentError:  # which `fit` will say
        return True


def require_probabilities(estimator: Any) -> bool:
    """True, or an AttributeError if a classifier's outputs are no probabilities; for `predict_proba`."""
    if makes_probabilities(estimator):
        return True
    model, name = vars(estimator).get("model_"), type(estimator).__name__
    if model is None:
        raise AttributeError(
            f"{name} has no probabilities with loss={estimator.loss!r}: use decision_function"
        )
    last, loss = type(model.layers[-1].activation).__name__, type(model.loss).__name__
    raise AttributeError(
        f"{name} has no probabilities: the model ends with {last} and is trained by {loss}. Use "
        "decision_function, or another loss with outputs between 0 and 1, those of a sigmoid or a softmax."
    )


def probabilities(loss: Loss, activation: Activation, out: Array, multilabel: bool) -> Array:
    """The probabilities that some outputs stand for, shape (n, k); one output is that of the second class.

    Logits are changed in place.
    """
    belong_together = sums_to_one(activation)
    if from_logits(loss):
        alone = multilabel or out.shape[1] == 1
        alone = alone or isinstance(inner(loss), BinaryCrossentropy | BinaryFocalCrossentropy)
        belong_together = not alone
        (logistic if alone else softmax)(out)
    if out.shape[1] == 1:
        return in_two_columns(out)
    if multilabel or belong_together:
        return out
    # each output is a probability of its own, and exactly one class is right
    total = out.sum(axis=1, keepdims=True)
    even = np.full_like(out, 1 / out.shape[1])
    return np.divide(out, total, out=even, where=total > 0)


def in_two_columns(out: Array) -> Array:
    """1 − p beside p, shape (n, 2)."""
    proba = np.empty((len(out), 2), out.dtype)
    np.subtract(1, out[:, 0], proba[:, 0])
    proba[:, 1] = out[:, 0]
    return proba
