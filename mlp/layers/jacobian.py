"""The Jacobian: the derivative of each output of each sample by each weight, from the deltas.

Backpropagation of a loss sends one delta back and adds up over the samples. Here one delta is
sent back for each output k, beginning with e_k (1 for that output, 0 for the others), and
nothing is added up: where `Dense` has dW = Σ_n X_n ⊗ delta_n, a row of the Jacobian has
X_n ⊗ delta_n, and delta_n where it has db.
"""

from __future__ import annotations  # so that np.random is not loaded for a signature

from collections.abc import Sequence

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.layers import stack
from mlp.layers.base import Layer
from mlp.layers.dense import Dense
from mlp.layers.propagation import backward


class Jacobian:
    """∂out_nk/∂W for all weights that are trained, in the order of the flat vector.

    Parameters
    ----------
    layers : sequence of Layer
        Of a model that is ready. Those that learn must be `Dense`, in blocks or not.

    Attributes
    ----------
    size : int
        Number p of the trained weights.

    Raises
    ------
    ArgumentError
        If another layer learns, or an activation does; it names the layer.

    References
    ----------
    M. T. Hagan and M. B. Menhaj, "Training feedforward networks with the Marquardt algorithm",
    IEEE Transactions on Neural Networks 5 (1994): there called the sensitivities.

    Examples
    --------
    out = 3 x + 5, so ∂out/∂W = x and ∂out/∂b = 1:

    >>> import mlp
    >>> from mlp.layers.propagation import forward
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], dtype="float64")
    >>> model.set_weights([[[3.0]], [5.0]])
    >>> forward(model.layers, np.array([[2.0], [4.0]]))
    array([[11.],
           [17.]])
    >>> Jacobian(model.layers).fill(np.ones(2), np.empty((1, 2, 2)))
    array([[[2., 1.],
            [4., 1.]]])
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        first = next((k for k, layer in enumerate(layers) if layer.is_learning()), 0)
        self.learning, self.last = layers[first:], layers[-1]
        self.places: list[tuple[Dense, slice, slice]] = []
        self.size = 0
        for path, leaf in stack.leaves(layers):
            if leaf.learns and leaf.parameters:
                self._give_place(path, leaf)

    def _give_place(self, path: str, layer: Layer) -> None:
        if not isinstance(layer, Dense) or layer.activation_parameters:
            what = type(layer if not isinstance(layer, Dense) else layer.activation).__name__
            raise ArgumentError(
                f"layer {path!r} learns by {what}, for which there is no Jacobian: only W and b of Dense "
                "have one. Freeze the layer (trainable=False) or take another optimizer, such as 'lbfgs'"
            )
        start, middle = self.size, self.size + layer.W.size
        self.size = middle + (0 if layer.b is None else layer.b.size)
        self.places.append((layer, slice(start, middle), slice(middle, self.size)))

    def fill(self, scale: Array, J: Array) -> Array:
        """The Jacobian of the batch that was last sent forward, row n multiplied by scale_n.

        Parameters
        ----------
        scale : Array of shape (n,)
        J : Array of shape (o, n, p)
            Receives it: ``J[k, n] = scale_n ∂out_nk/∂W``.
        """
        e = np.zeros((len(scale), len(J)), J.dtype)
        for k, rows in enumerate(J):
            e[:, k] = scale
            backward(self.learning, self.last.delta(e))
            e[:, k] = 0
            for layer, W, b in self.places:
                # delta of each layer is where its `delta` has left it
                outer = rows[:, W].reshape(len(rows), *layer.W.shape)
                np.multiply(layer.X[:, :, None], layer.deltas[:, None, :], outer)
                if layer.b is not None:
                    rows[:, b] = layer.deltas
        return J
