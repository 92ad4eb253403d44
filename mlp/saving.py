"""Keras's `saving` module: saving, loading, and names for classes and functions of your own.

It is a thin face of `naming`, where a name becomes a class, and of `models.load_model`.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

from mlp.models import load_model, save_model
from mlp.naming import (
    CUSTOM,
    FUNCTION,
    Named,
    Part,
    describe,
    find,
    register,
    registered_name,
    require,
    revive,
)
from mlp.sequential import Sequential


def save_weights(model: Sequential, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write the weights of a model to a file, as ``model.save_weights`` does."""
    model.save_weights(filepath, overwrite)


def load_weights(model: Sequential, filepath: str | os.PathLike[str], skip_mismatch: bool = False) -> None:
    """Set the weights of a model from a file, as ``model.load_weights`` does."""
    model.load_weights(filepath, skip_mismatch)


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Named], Named]:
    """Decorate a class or a function to make it known as "package>name".

    Parameters
    ----------
    package : str, default "Custom"
    name : str, optional
        By default the name that it was defined with.

    Examples
    --------
    >>> from mlp import layers
    >>> @register_keras_serializable("lecture")
    ... class Twice(layers.Layer):
    ...     def forward(self, X, training=False):
    ...         return 2 * X
    ...     def backward(self, delta):
    ...         return 2 * delta
    >>> get_registered_name(Twice), get_registered_object("lecture>Twice") is Twice
    ('lecture>Twice', True)
    >>> deserialize_keras_object(serialize_keras_object(Twice()))
    Twice()
    """
    require(isinstance(package, str), "package", package, "a string; write register_keras_serializable()")
    require(name is None or isinstance(name, str), "name", name, "a string")

    def decorator(part: Named) -> Named:
        own = name or getattr(part, "__name__", "")
        return register(part, f"{package}>{own}")

    return decorator


class CustomObjectScope:
    """Within it, these classes and functions are known by these names, to strings and to `load_model`.

    Parameters
    ----------
    custom_objects : mapping of str to class or function

    Examples
    --------
    >>> from mlp import constraints
    >>> class Positive(constraints.Constraint):
    ...     def project(self, W):
    ...         W.clip(1e-3, out=W)
    >>> with CustomObjectScope({"Positive": Positive}):
    ...     constraints.get("positive")
    Positive()
    """

    def __init__(self, custom_objects: Mapping[str, Any] | None) -> None:
        given = custom_objects is None or isinstance(custom_objects, Mapping)
        require(given, "custom_objects", custom_objects, "a dict of classes or functions by name")
        self.custom_objects = dict(custom_objects or {})
        self._before: list[dict[str, Any]] = []

    def __enter__(self) -> "CustomObjectScope":
        self._before.append(dict(CUSTOM))
        CUSTOM.update(self.custom_objects)
        return self

    def __exit__(self, *error: object) -> None:
        before = self._before.pop()
        CUSTOM.clear()
        CUSTOM.update(before)


custom_object_scope = CustomObjectScope


def get_custom_objects() -> dict[str, Any]:
    """The dict of classes and functions by name that `custom_object_scope` fills; add your own to it.

    What `mlp.register` makes known is kept elsewhere; in Keras it is in here too.
    """
    return CUSTOM


def get_registered_name(obj: Any) -> str:
    """The name by which a class or a function is known; the one it was defined with if it is not."""
    return registered_name(obj) or str(obj.__name__)


def get_registered_object(name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The class or function known by the name, or None."""
    return find(name, "", custom_objects) or find(name, FUNCTION, custom_objects)


def serialize_keras_object(obj: Any) -> dict[str, Any] | None:
    """A part as plain data, with its class's name and its arguments; None stays None."""
    require(obj is None or isinstance(obj, Part), "obj", obj, "a layer, a loss or another part")
    return None if obj is None else describe(obj)


def deserialize_keras_object(
    config: Mapping[str, Any] | None, custom_objects: Mapping[str, Any] | None = None
) -> Any:
    """The part that `serialize_keras_object` described. Only classes that are known are ever called."""
    return None if config is None else revive(config, custom_objects)


__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]
