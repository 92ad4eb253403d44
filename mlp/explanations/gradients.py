"""Input gradients: how fast an output changes with each input."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.explanations.passes import back, borrowed, check_output, outputs, rows_at_once
from mlp.inspection.network import network_of
from mlp.layers.propagation import forward


def input_gradients(model: Any, x: Any, output: Any = None, of: str = "out") -> Array:
    """∂out_k/∂x of each row: the delta of the output k, carried on down to the inputs.

    Parameters
    ----------
    model : Sequential or fitted estimator
    x : array-like of shape (n, i)
    output : int or array-like of n int, optional
        k, of all rows or of each. By default the largest output of each row, so the predicted class.
    of : {"out", "net"}, default "out"
        What is derived: the output, such as a probability, or the net activation before the last
        function. That of a sure softmax or sigmoid tells more, since their slope is nearly 0.

    Returns
    -------
    Array of shape (n, i)
        As x. A category that an `Embedding` looks up has no derivative; 0 stands there.

    Raises
    ------
    NotReadyError
        If the model is not built or fitted.
    ArgumentError
        If an argument cannot be used, or a `Lambda` has no slope.

    Notes
    -----
    Layers behave as in prediction: no dropout, moving averages in a batch normalization. The
    model does not change.

    References
    ----------
    K. Simonyan, A. Vedaldi and A. Zisserman, "Deep inside convolutional networks: visualising image
    classification models and saliency maps", ICLR workshop (2014).

    Examples
    --------
    net = x1 − 2 x2 is 0 there, where the sigmoid has the slope 1/4:

    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, "sigmoid", input_shape=(2,))])
    >>> model.set_weights([[[1.0], [-2.0]], [0.0]])
    >>> input_gradients(model, [[2.0, 1.0]])
    array([[ 0.25, -0.5 ]], dtype=float32)
    >>> input_gradients(model, [[2.0, 1.0]], of="net")
    array([[ 1., -2.]], dtype=float32)
    """
    network = network_of(model)
    X = network.as_inputs(x)
    chosen = check_output(network, output, of, len(X))
    gradients = np.empty_like(X)
    size = rows_at_once(network)
    with borrowed(network):
        for start in range(0, len(X), size):
            rows = slice(start, start + size)
            values = outputs(network, of, forward(network.layers, X[rows]))
            k = values.argmax(axis=1) if chosen is None else chosen[rows]
            gradients[rows] = back(network, of, k)
    return gradients
