"""The network of a model or an estimator, and a model with other weights for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array, fill
from mlp.errors import ArgumentError, NotReadyError
from mlp.resuming import generators

if TYPE_CHECKING:
    from mlp.sequential import Sequential


def network_of(model: Any, argument: str = "model") -> "Sequential":
    """The built network of a `Sequential`, or of a fitted estimator, where it is ``model_``.

    Parameters
    ----------
    model : Sequential or estimator
    argument : str, default "model"
        How it is called in an error.

    Raises
    ------
    NotReadyError
        If the network is not built, or the estimator not fitted.
    ArgumentError
        If it is something else.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(2,))])
    >>> network_of(model) is model
    True
    """
    network = model
    if not hasattr(model, "layers") and hasattr(model, "get_params"):
        if type(model).__module__.startswith("mlp.") and not hasattr(model, "model_"):
            raise NotReadyError(f"{type(model).__name__} is not fitted yet: call fit() first")
        network = getattr(model, "model_", model)
    if not isinstance(getattr(network, "layers", None), list) or not hasattr(network, "built"):
        raise ArgumentError(
            f"{argument} must be a Sequential or a fitted estimator of mlp; got {type(model).__name__}. "
            "Of a pipeline, give its last step: pipeline[-1]"
        )
    if not network.built:
        raise NotReadyError("the model is not built yet: give an input_shape, or call build() or fit()")
    found: Sequential = network
    return found


@contextmanager
def weights_set(model: "Sequential", values: Any) -> Iterator[None]:
    """Let the flat vector of parameters be `values`; afterwards it is what it was, to the bit.

    Parameters
    ----------
    model : Sequential
        Built.
    values : Array of shape (p,)
        As ``model.parameters.values``.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(2,))])
    >>> with weights_set(model, [1, 2, 3]):
    ...     model.predict(np.array([[1.0, 1.0]]))
    array([[6.]], dtype=float32)
    """
    with model.lock:
        vector = model.parameters.values
        before = vector.copy()
        fill([vector], [values], "values")
        try:
            yield
        finally:
            np.copyto(vector, before)


@contextmanager
def unchanged(model: "Sequential", into: Array | None = None) -> Iterator[Array]:
    """Let weights, optimizer and random numbers of a compiled model be afterwards what they were, to the bit.

    Parameters
    ----------
    model : Sequential
        Ready.
    into : Array of shape (p,), optional
        Where the copy of the parameters goes; by default into a new array.

    Yields
    ------
    Array of shape (p,)
        A copy of the flat vector of parameters.
    """
    with model.lock:
        optimizer, drawing = model.optimizer, generators(model)
        vectors, steps = [model.parameters.values, *optimizer.state.values()], optimizer.iterations
        values = np.empty_like(vectors[0]) if into is None else into
        np.copyto(values, vectors[0])
        before = [values, *(vector.copy() for vector in vectors[1:])]
        drawn = [rng.bit_generator.state for rng in drawing]
        try:
            yield values
        finally:
            optimizer.iterations = steps
            for vector, kept in zip(vectors, before, strict=True):
                np.copyto(vector, kept)
            for rng, kept in zip(drawing, drawn, strict=True):
                rng.bit_generator.state = kept
