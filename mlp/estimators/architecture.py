"""From a user's own network, or a function that makes one, to a fresh copy with weights drawn anew."""

import copy
import inspect
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mlp import optimizers
from mlp.errors import ArgumentError
from mlp.layers import stack
from mlp.models import Sequential
from mlp.naming import constructor_arguments, nearest, require
from mlp.optimizers import Optimizer
from mlp.randomness import new_generator

# what a function is told, if it has arguments so named
TOLD = ("n_features", "n_outputs", "n_classes", "out_activation")
NEEDED = inspect.Parameter.empty


def check(model: Any, given: Any) -> None:
    """Raise an `ArgumentError` unless it is a model or a function, and `given` are arguments of it."""
    is_model = isinstance(model, Sequential)
    expected = "a Sequential, or a function that returns one"
    require(is_model or callable(model), "model", model, expected)
    right = given is None or isinstance(given, Mapping)
    require(right, "model_arguments", given, "a dict of arguments by name, or None")
    if is_model:
        require(not given, "model_arguments", given, "None where the model is a Sequential, not a function")
    require_known(model, given or ())


def require_known(model: Any, names: Iterable[str]) -> None:
    """Raise an `ArgumentError` if the function that makes the model has no argument of such a name."""
    known, takes_any = arguments_of(model)
    for name in names:
        if name not in known and not takes_any:
            own = [other for other in known if other not in TOLD]
            has = f"it has {', '.join(own)}" if own else "it has none to set"
            raise ArgumentError(
                f"{_called(model)} has no argument {name!r}.{nearest(str(name), own)} As arguments {has}."
            )


def arguments_of(model: Any) -> tuple[dict[str, Any], bool]:
    """Names and defaults of a function's arguments, and whether it takes others too.

    Examples
    --------
    >>> arguments_of(lambda n_features, width=8: None)
    ({'n_features': <class 'inspect._empty'>, 'width': 8}, False)
    """
    if isinstance(model, Sequential) or not callable(model):
        return {}, False
    try:
        parameters = list(inspect.signature(model).parameters.values())
    except (TypeError, ValueError):  # some functions that are not written in Python
        return {}, True
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    named = {parameter.name: parameter.default for parameter in parameters if parameter.kind in by_name}
    return named, any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def settings(model: Any, given: Any) -> dict[str, Any]:
    """A function's arguments by name, but for those that it is told: as given, or their defaults."""
    named, _ = arguments_of(model)
    own = {name: default for name, default in named.items() if name not in TOLD and default is not NEEDED}
    return own | (dict(given) if isinstance(given, Mapping) else {})


def make(model: Any, given: Mapping[str, Any] | None, told: Mapping[str, Any]) -> Sequential:
    """The user's network: `model` itself, or what the function returns.

    Parameters
    ----------
    model : Sequential or callable
    given : mapping of str to object, or None
        Arguments for the function; they count before `told`.
    told : mapping of str to object
        Of `TOLD`, what is known. The function gets those that it has as arguments.

    Raises
    ------
    ArgumentError
        If an argument is missing, or the function returns something else, or a model without layers.
    """
    made = model
    if not isinstance(model, Sequential):
        named, _ = arguments_of(model)
        arguments = {name: value for name, value in told.items() if name in named} | dict(given or {})
        for name, default in named.items():
            if default is NEEDED and name not in arguments:
                raise ArgumentError(
                    f"{_called(model)} needs a value for {name!r}: "
                    f"give it by model_arguments={{{name!r}: ...}}"
                )
        made = model(**arguments)
        if not isinstance(made, Sequential):
            raise ArgumentError(
                f"{_called(model)} must return a Sequential; it returned {made!r}"
                + (": is there a return statement?" if made is None else "")
            )
    require(len(made.layers) > 0, "model", made, "a Sequential with layers")
    return made


def renewed(model: Sequential, seed: int | None, dtype: str | None) -> Sequential:
    """A copy of the same architecture, as it was before it was built; its generator begins at the seed.

    Parameters
    ----------
    model : Sequential
        Is not changed.
    seed : int or None
        None is the model's own.
    dtype : str or None
        None is the model's own.
    """
    twin = copy.deepcopy(model)
    stack.unbuild(twin.layers)
    if not twin.announced:  # a shape that was only learned from data is forgotten with the weights
        twin.input_shape = twin.layers[0].input_shape
    twin.built, twin.history = False, None
    twin.let_go()
    twin.dtype = twin.dtype if dtype is None else dtype
    twin._dtype = np.dtype(twin.dtype)
    twin.seed = twin.seed if seed is None else seed
    twin.rng = new_generator(twin.seed)
    return twin


def build(twin: Sequential, n_features: int) -> None:
    """Draw the weights of a copy for rows of that many numbers.

    Raises
    ------
    ArgumentError
        If the model takes rows of another size.
    """
    shape = (n_features,) if twin.input_shape is None else twin.input_shape
    if math.prod(shape) != n_features:
        raise ArgumentError(
            f"X has {n_features} columns, but the model takes rows of shape {shape}. Leave its input shape "
            "out, or give a function as the model: it gets the number of columns as n_features."
        )
    twin.build(shape)


def known_rule(optimizer: Any, model: Any) -> Optimizer | None:
    """The optimizer that the parameter stands for, without a state; None where only a fit will show it."""
    if isinstance(optimizer, str) and optimizer == "auto":
        if not isinstance(model, Sequential):
            return None
        optimizer = model.optimizer if model.compiled else "adam"
    try:
        return copy.deepcopy(optimizers.get(optimizer)).fresh()
    except ArgumentError:
        return None


def rule_settings(rule: Optimizer) -> dict[str, Any]:
    """The settings of an optimizer by name."""
    return {name: getattr(rule, name) for name in constructor_arguments(type(rule))}


def changed(rule: Optimizer, changes: Mapping[str, Any]) -> Optimizer:
    """Another optimizer of the same class, with some settings changed.

    Examples
    --------
    >>> changed(optimizers.SGD(0.1, momentum=0.9), {"momentum": 0.5})
    SGD(learning_rate=0.1, momentum=0.5)
    """
    known = rule_settings(rule)
    for name in changes:
        if name not in known:
            raise ArgumentError(
                f"{type(rule).__name__} has no setting {name!r}.{nearest(name, known)} "
                f"It has {', '.join(known)}."
            )
    return type(rule)(**{**known, **changes})


def _called(model: Any) -> str:
    return f"the function {getattr(model, '__name__', None) or repr(model)}()"
