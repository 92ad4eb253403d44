"""Models by Keras's module name, and reading them from files."""

import math
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mlp import storage
from mlp.arrays import Array
from mlp.errors import ArgumentError, ModelFileError
from mlp.initializers import Initializer
from mlp.layers import Layer, stack
from mlp.layers.base import Shape
from mlp.naming import find, is_integer, kind_of, register, require, require_bool, revive
from mlp.sequential import Sequential

register(Sequential)


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Mapping[str, type] | None = None,
    compile: bool = True,
) -> Sequential:
    """Read a model that `Sequential.save` wrote. Nothing in the file is ever run.

    Parameters
    ----------
    filepath : path
    custom_objects : mapping of str to type, optional
        Classes of your own that the model uses; or make them known by `mlp.register`.
    compile : bool, default True
        Also restore the optimizer with its state, the loss and the metrics, so that
        training goes on as if it had not stopped.

    Raises
    ------
    FileNotFoundError, ModelFileError
        If there is no such file, or it is not a model.

    Examples
    --------
    >>> import mlp, os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "net.mlp")
    >>> mlp.Sequential([mlp.layers.Dense(2, input_shape=(3,))]).save(path)
    >>> load_model(path).count_params()
    8
    """
    arrays, description = storage.read(filepath)
    return restore(arrays, description, custom_objects, compile, str(filepath))


def restore(
    arrays: Mapping[str, Any],
    description: Mapping[str, Any],
    custom_objects: Mapping[str, type] | None = None,
    compile: bool = True,
    source: str = "the file",
) -> Sequential:
    """Build a model from the arrays and the plain data of a file."""
    try:
        return _rebuild(arrays, description, custom_objects, compile)
    except Exception as error:  # a file can hold anything: whatever goes wrong with it is its fault
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error) or repr(error)
        raise ModelFileError(f"{source} is not a model that can be rebuilt: {reason}") from error


def _rebuild(
    arrays: Mapping[str, Any],
    description: Mapping[str, Any],
    custom_objects: Mapping[str, type] | None,
    compile: bool,
) -> Sequential:
    _refuse_models([description["model"], description["compile"]], custom_objects)
    options = dict(description["model"])
    layers = [revive(layer, custom_objects) for layer in options.pop("layers")]
    model = Sequential.from_config(options)
    ration = _Ration(arrays)
    for layer in layers:
        ration.add(model, layer)
    if not model.built:
        raise ArgumentError("it has no layers, or no shape of the input")
    settings = description["compile"] if compile else None
    if settings:
        model.compile(
            revive(settings["optimizer"], custom_objects, "Optimizer"),
            revive(settings["loss"], custom_objects, "Loss"),
            metrics=[revive(metric, custom_objects, "Metric") for metric in settings["metrics"]],
            weighted_metrics=[
                revive(metric, custom_objects, "Metric") for metric in settings["weighted_metrics"]
            ],
        )
        steps = settings["iterations"]
        require(is_integer(steps) and 0 <= steps < 2**63, "iterations", steps, "an integer of at least 0")
        model.optimizer.iterations = steps
        if any(name.startswith("optimizer.") for name in arrays):
            model.optimizer.state = {
                name: _checked(f"optimizer.{name}", arrays, (size,), model.dtype).copy()
                for name, size in model.optimizer.sizes(model.parameters).items()
            }
    leaves = stack.leaves(model.layers)
    for path, leaf in leaves:
        for name, value in leaf.parameters.items():
            value[...] = _checked(f"{path}.{name}", arrays, value.shape, model.dtype)
    trainable = description.get("trainable", True)
    require_bool("trainable", trainable)
    model._trainable = trainable  # the layers have their own
    model.rng.bit_generator.state = description["generator"]
    for path, leaf in leaves:
        if leaf.rng is not model.rng:
            leaf.rng.bit_generator.state = description["generators"][path]
    return model


def _checked(name: str, arrays: Mapping[str, Any], shape: tuple[int, ...], dtype: str) -> Any:
    array = arrays[name]
    if array.shape != shape or array.dtype != dtype:
        raise ArgumentError(
            f"{name} should be {dtype} of shape {shape}, and is {array.dtype} of shape {array.shape}"
        )
    return array


def _refuse_models(data: Any, custom: Mapping[str, Any] | None) -> None:
    """Raise an `ArgumentError` if a model is described inside: it would be built without a ration."""
    left = [data]
    while left:
        item = left.pop()
        if isinstance(item, Mapping):
            name, kind = item.get("class_name"), item.get("kind", "")
            if isinstance(name, str) and kind_of(find(name, kind, custom)) == "Model":
                raise ArgumentError(f"it has a {name} among its parts")
            left += item.values()
        elif isinstance(item, list):
            left += item


class _Ration:
    """Stands in for the initializers while layers are built: zeros, but not more than the file has numbers.

    What they would draw is replaced by the file's numbers anyway; and a layer of a billion units
    in a file of a few bytes is refused before memory is taken for it. So are rows of a billion
    numbers, for which layers without initializers would take memory.
    """

    ROWS = 2**24  # numbers; what goes in and out of all layers for one row may be 4 times so many, or
    # 4 times what the file has, if that is more

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self.left = sum(array.size for array in arrays.values())
        self.left_for_rows = 4 * max(self.left, self.ROWS)

    def __call__(self, rng: Any, shape: tuple[int, ...]) -> Array:
        self._require_left(math.prod(shape))
        return np.zeros(shape)

    def _require_left(self, numbers: int) -> None:
        if numbers > self.left:
            raise ArgumentError("its layers want more numbers than the file has")

    def add(self, model: Sequential, layer: Any) -> None:
        """Put a layer on top of the model."""
        parts = stack.everything([layer]) if isinstance(layer, Layer) else []
        drawn = [
            (part, name, value)
            for part in parts
            for name, value in vars(part).items()
            if isinstance(value, Initializer)
        ]
        for part, name, _ in drawn:
            setattr(part, name, self)
        for part in parts:
            vars(part)["build"] = self._rationed(part)
        model.add(layer)
        for part, name, initializer in drawn:
            setattr(part, name, initializer)
        for part in parts:
            del vars(part)["build"]

    def _rationed(self, part: Layer) -> Callable[..., None]:
        """The method `build` of a layer, with looks at what goes in, what it has made, what comes out."""
        build = part.build

        def rationed(input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
            self._pass(input_shape)
            build(input_shape, rng, dtype)
            made = sum(value.size for value in part.parameters.values())
            self._require_left(made)
            self.left -= made
            self._pass(part.output_shape)

        return rationed

    def _pass(self, row: Shape) -> None:
        self.left_for_rows -= math.prod(row)
        if self.left_for_rows < 0:
            raise ArgumentError(f"its layers hand on rows that are too long, such as one of shape {row}")


def save_model(model: Sequential, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write a model to a file, as ``model.save`` does."""
    model.save(filepath, overwrite)


def clone_model(model: Sequential) -> Sequential:
    """A model of the same architecture with weights of its own, drawn anew; not compiled.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Input(3), mlp.layers.Dense(2)], name="net")
    >>> clone_model(model)
    Sequential([Dense(units=2, input_shape=(3,), name='dense')], name='net', dtype='float32', seed=None)
    """
    return Sequential.from_config(model.get_config())


__all__ = ["Sequential", "clone_model", "load_model", "save_model"]
