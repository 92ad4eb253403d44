"""The table of canonical pairs: where activation and loss cancel, and the delta is out − T or near it.

For a softmax and the categorical cross-entropy ℓ = −Σ_k t_k ln y_k the long way gives

    ∂ℓ/∂net_j = Σ_k (−t_k / y_k) · y_k (δ_jk − y_j) = y_j Σ_k t_k − t_j = y_j − t_j,

since the targets of a row sum to 1. For a sigmoid and the binary cross-entropy,
(y − t)/(y(1 − y)) · y(1 − y) = y − t likewise. The long way divides by an output that
underflows to 0; the short way is exact for any net. For a linear output and a squared
error the slope is 1 and both ways are the same.

The focal losses and the generalized one scale y − t, by how far the net is from right; their
`delta_from_net` says how.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlp.activations import Activation, Linear, Sigmoid, Softmax
from mlp.errors import ArgumentError
from mlp.losses.base import BY_ITSELF, Loss
from mlp.losses.categorical_focal import CategoricalFocalCrossentropy
from mlp.losses.crossentropy import BinaryCrossentropy, CategoricalCrossentropy
from mlp.losses.focal import BinaryFocalCrossentropy
from mlp.losses.labels import CategoricalGeneralizedCrossEntropy, SparseCategoricalCrossentropy
from mlp.losses.masked import Masked
from mlp.losses.squared import HalfMeanSquaredError, MeanSquaredError, SumOfSquares

# (activation, loss): the factor c of the delta c · (out − T), by the number of outputs o; or of what
# a `delta_from_net` of the loss's own writes
CANONICAL_PAIRS: dict[tuple[type[Activation], type[Loss]], Callable[[int], float]] = {
    (Softmax, CategoricalCrossentropy): lambda o: 1,
    (Softmax, SparseCategoricalCrossentropy): lambda o: 1,
    (Sigmoid, BinaryCrossentropy): lambda o: 1 / o,
    (Softmax, CategoricalFocalCrossentropy): lambda o: 1,
    (Softmax, CategoricalGeneralizedCrossEntropy): lambda o: 1,
    (Sigmoid, BinaryFocalCrossentropy): lambda o: 1 / o,
    (Linear, HalfMeanSquaredError): lambda o: 1,
    (Linear, MeanSquaredError): lambda o: 2 / o,
    (Linear, SumOfSquares): lambda o: 2,
}


def pair(loss: Loss, activation: Activation, units: int, dtype: np.dtype[Any]) -> None:
    """Prepare `loss` for the outputs of `activation`, by the short way if the table has the pair.

    Raises
    ------
    ArgumentError
        If the loss can make nothing of what the activation puts out, or gives no number for a batch.
    """
    if loss.reduction in BY_ITSELF:
        raise ArgumentError(
            f"{type(loss).__name__} with reduction={loss.reduction!r} can be used by itself; a model is "
            "trained with the mean ('sum_over_batch_size') or the 'sum' over a batch"
        )
    loss.check_activation(activation, units)
    kind = type(loss.loss if isinstance(loss, Masked) else loss)
    factor = CANONICAL_PAIRS.get((type(activation), kind))
    loss.bind(units, dtype, factor(units) if factor else 0.0)
