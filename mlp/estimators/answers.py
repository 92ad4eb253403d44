"""What the outputs of a user's network mean to a classifier: its loss, its targets, its probabilities."""

import numpy as np

from mlp.activations import Activation, Linear, Sigmoid, Softmax, Sparsemax
from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.losses import Loss, Masked
from mlp.losses.crossentropy import BinaryCrossentropy
from mlp.losses.focal import BinaryFocalCrossentropy
from mlp.losses.hinges import Hinge, SquaredHinge
from mlp.losses.labels import SparseCategoricalCrossentropy


def loss_for(activation: Activation, units: int, multilabel: bool) -> Loss:
    """The cross-entropy that goes with the last activation.

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


def sums_to_one(activation: Activation) -> bool:
    """Whether the outputs are probabilities that belong together: those of a softmax, and its kin."""
    return isinstance(activation, Softmax | Sparsemax)


def inner(loss: Loss) -> Loss:
    """The loss itself, where it is one for targets with gaps."""
    return loss.loss if isinstance(loss, Masked) else loss


def takes_labels(loss: Loss) -> bool:
    """Whether the targets of several classes are class numbers, not one-hot rows."""
    return type(inner(loss)).as_target is not Loss.as_target


def from_logits(loss: Loss) -> bool:
    """Whether the loss applies a sigmoid or a softmax itself."""
    return bool(getattr(inner(loss), "from_logits", False))


def threshold(loss: Loss) -> float:
    """Above what a single output says yes."""
    return 0.0 if from_logits(loss) or isinstance(inner(loss), Hinge | SquaredHinge) else 0.5


def are_probabilities(loss: Loss, activation: Activation) -> bool:
    """Whether the outputs can be read as probabilities."""
    is_hinge = isinstance(inner(loss), Hinge | SquaredHinge)
    return from_logits(loss) or (activation.probabilities and not is_hinge)


def probabilities(loss: Loss, activation: Activation, out: Array, multilabel: bool) -> Array:
    """The probabilities that some outputs stand for, shape (n, k); one output is that of the second class."""
    if from_logits(loss):
        own = isinstance(inner(loss), BinaryCrossentropy | BinaryFocalCrossentropy)
        activation = Sigmoid() if own else Softmax()
        out = activation(out)
    if out.shape[1] == 1:
        return np.concatenate([1 - out, out], axis=1)
    if multilabel or isinstance(activation, Softmax):
        return out
    # each output is a probability of its own, and exactly one class is right
    total = out.sum(axis=1, keepdims=True)
    even = np.full_like(out, 1 / out.shape[1])
    return np.divide(out, total, out=even, where=total > 0)
