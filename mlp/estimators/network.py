"""From the parameters of an estimator to its network: sizes, activations, first weights."""

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from mlp import activations
from mlp.activations import Softmax, Sparsemax
from mlp.arrays import Array, fill
from mlp.estimators.arithmetic import HIDDEN
from mlp.layers import Dense, Dropout
from mlp.models import Sequential
from mlp.naming import is_integer, require_in


class WeightViews(list[Array]):
    """Views of the weights of a network, in a list whose items can be replaced, as scikit-learn's can.

    What is put in the place of an array is copied into it, so that the network changes too.
    Copies of the list and pickles are plain lists.

    Parameters
    ----------
    views : iterable of Array
    name : str
        "coefs_" or "intercepts_", for errors.

    Examples
    --------
    >>> W = np.zeros((2, 1))
    >>> views = WeightViews([W], "coefs_")
    >>> views[0] = [[1], [2]]
    >>> W.tolist()
    [[1.0], [2.0]]
    """

    def __init__(self, views: Iterable[Array], name: str) -> None:
        super().__init__(views)
        self.name = name

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, slice):
            fill(self[key], value, self.name)
        else:
            fill([self[key]], [value], f"{self.name}[{key}]")

    def __reduce_ex__(self, protocol: Any) -> Any:
        return list, (list(self),)


# scikit-learn's names of activations, and ours
NAMES = {"identity": "linear", "logistic": "sigmoid", "exp": "exponential"}
EXACT = {ours: theirs for theirs, ours in NAMES.items() if theirs in HIDDEN}


def hidden_sizes(estimator: Any) -> list[int]:
    """Units of each hidden layer, from `n_layers` and `width` or `hidden_layer_sizes`."""
    if estimator.n_layers is not None or estimator.width is not None:
        count = 1 if estimator.n_layers is None else estimator.n_layers
        return [100 if estimator.width is None else estimator.width] * count
    sizes = estimator.hidden_layer_sizes
    sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
    if np.any(np.array(sizes) <= 0):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    if not all(is_integer(size) for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be integers, got {sizes}.")
    return sizes


def layout(estimator: Any) -> dict[str, Any]:
    """What the parameters, and y, say of the layers, as text where it is an object."""
    sizes, loss = hidden_sizes(estimator), estimator._loss()
    return {
        "hidden_layer_sizes": sizes,
        "activation": repr([_named(value) for value in per_layer(estimator, "activation", len(sizes))]),
        "dropout": repr(per_layer(estimator, "dropout", len(sizes))),
        "input_dropout": estimator.input_dropout,
        "out_activation": repr(_named(estimator.out_activation)),
        "the number of columns of y": estimator.n_outputs_,
        "the number of outputs for a column of y": getattr(loss, "per_target", 1),
    }


def _named(activation: Any) -> Any:
    # the text of a function has its place in memory, which is another after a pickle
    return activation if activation is None or isinstance(activation, str) else as_activation(activation)


def require_same(estimator: Any) -> None:
    """Raise a ValueError if a fit that goes on asks for other layers than there are."""
    before = estimator._layout
    for name, now in layout(estimator).items():
        if now != before[name]:
            raise ValueError(
                f"warm_start and partial_fit go on with the network of the last fit, but {name} was "
                f"{before[name]} and is now {now}. Fit with warm_start=False for a new network."
            )


def per_layer(estimator: Any, name: str, count: int) -> list[Any]:
    """A parameter's value for each of the hidden layers: its items, or the same for all."""
    value = getattr(estimator, name)
    if not isinstance(value, list | tuple | np.ndarray):
        return [value] * count
    if len(value) != count:
        raise InvalidParameterError(
            f"The {name!r} parameter of {type(estimator).__name__} has {len(value)} items, but there "
            f"are {count} hidden layers: give one for each, or one for all."
        )
    return list(value)


def exact_names(estimator: Any, count: int) -> list[str] | None:
    """scikit-learn's names of the hidden activations, or None where one is not scikit-learn's."""
    names = per_layer(estimator, "activation", count)
    names = [EXACT.get(name, name) if isinstance(name, str) else None for name in names]
    return names if all(name in HIDDEN for name in names) else None


def as_activation(value: Any) -> Any:
    """An activation by scikit-learn's name, ours, or an object, which is copied."""
    name = NAMES.get(value, value) if isinstance(value, str) else value
    return copy.deepcopy(activations.get(name))


def build(estimator: Any, n_features: int, units: int, out_activation: Any, dtype: Any) -> Sequential:
    """The network, with first weights drawn from the estimator's generator."""
    sizes, random_state = hidden_sizes(estimator), estimator._random_state
    functions = per_layer(estimator, "activation", len(sizes))
    rates = per_layer(estimator, "dropout", len(sizes))
    layers: list[Any] = []
    if estimator.input_dropout:
        layers.append(Dropout(estimator.input_dropout))
    for k, (size, function, rate) in enumerate(zip(sizes, functions, rates, strict=True)):
        require_in("[0, 1)", f"dropout[{k}]", rate)
        layers.append(_dense(estimator, size, function))
        if rate:
            layers.append(Dropout(rate))
    layers.append(_dense(estimator, units, out_activation))
    if units == 1 and isinstance(layers[-1].activation, Softmax | Sparsemax):
        raise InvalidParameterError(
            f"The 'out_activation' parameter of {type(estimator).__name__} must not share 1 among "
            f"the outputs, as there is one, which is then always 1. Got {out_activation!r} instead."
        )
    ours = (estimator.kernel_initializer, estimator.bias_initializer) != (None, None)
    # no number is drawn from the generator that scikit-learn would not draw, unless it is needed
    seed = int(random_state.randint(2**31 - 1)) if ours or len(layers) > len(sizes) + 1 else 0
    model = Sequential(layers, dtype=np.dtype(dtype).name, seed=seed)
    model.build((n_features,))
    draw_weights(estimator, model, [*functions, *functions[-1:]] or [estimator.activation])
    return model


def _dense(estimator: Any, units: int, activation: Any) -> Dense:
    chosen = {
        name: copy.deepcopy(getattr(estimator, name))
        for name in ("kernel_initializer", "bias_initializer")
        if getattr(estimator, name) is not None
    }
    return Dense(units, activation=as_activation(activation), **chosen)


def draw_weights(estimator: Any, model: Sequential, functions: list[Any]) -> None:
    """W and b ~ U(−a, a), a = √(6 / (i + o)), or √(2 / (i + o)) with a logistic activation.

    scikit-learn's beginning, after Glorot and Bengio (2010). What has an initializer of its own
    keeps what that has made.
    """
    dense = [layer for layer in model.layers if isinstance(layer, Dense)]
    for layer, function in zip(dense, functions, strict=True):
        bound = np.sqrt((2.0 if function in ("logistic", "sigmoid") else 6.0) / sum(layer.W.shape))
        if estimator.kernel_initializer is None:
            layer.W = estimator._random_state.uniform(-bound, bound, layer.W.shape)
        if estimator.bias_initializer is None:
            layer.b = estimator._random_state.uniform(-bound, bound, layer.W.shape[1])
