"""Models by Keras's module name, and reading them from files."""

import os
from collections.abc import Mapping
from typing import Any

from mlp import storage
from mlp.errors import ArgumentError, ModelFileError
from mlp.naming import is_integer, register, require, revive
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
    whole = {"class_name": "Sequential", "config": description["model"]}
    model: Sequential = revive(whole, custom_objects, "Sequential")
    if not model.built:
        raise ArgumentError("it has no layers, or no shape of the input")
    settings = description["compile"] if compile else None
    if settings:
        model.compile(
            revive(settings["optimizer"], custom_objects, "Optimizer"),
            revive(settings["loss"], custom_objects, "Loss"),
            [revive(metric, custom_objects, "Metric") for metric in settings["metrics"]],
            [revive(metric, custom_objects, "Metric") for metric in settings["weighted_metrics"]],
        )
        steps = settings["iterations"]
        require(is_integer(steps) and 0 <= steps < 2**63, "iterations", steps, "an integer of at least 0")
        model.optimizer.iterations = steps
        if any(name.startswith("optimizer.") for name in arrays):
            model.ready()
    vectors = {
        f"{layer.name}.{name}": value for layer in model.layers for name, value in layer.parameters.items()
    }
    if settings:
        vectors |= {f"optimizer.{name}": value for name, value in model.optimizer.state.items()}
    for name, vector in vectors.items():
        if arrays[name].shape != vector.shape or arrays[name].dtype != vector.dtype:
            raise ArgumentError(
                f"{name} should be {vector.dtype} of shape {vector.shape}, and is "
                f"{arrays[name].dtype} of shape {arrays[name].shape}"
            )
        vector[...] = arrays[name]
    model.rng.bit_generator.state = description["generator"]
    for layer in model.layers:
        if layer.rng is not model.rng:
            layer.rng.bit_generator.state = description["generators"][layer.name]
    return model


__all__ = ["Sequential", "load_model"]
