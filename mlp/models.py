"""Models by Keras's module name, and reading them from files."""

import os
from collections.abc import Mapping
from typing import Any

from mlp import storage
from mlp.errors import ArgumentError, MLPError, ModelFileError
from mlp.naming import register, revive
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
        model: Sequential = revive(
            {"class_name": "Sequential", "config": description["model"]}, custom_objects
        )
        settings = description["compile"] if compile else None
        if settings:
            model.compile(
                revive(settings["optimizer"], custom_objects),
                revive(settings["loss"], custom_objects),
                [revive(metric, custom_objects) for metric in settings["metrics"]],
                [revive(metric, custom_objects) for metric in settings["weighted_metrics"]],
            )
            model.optimizer.iterations = int(settings["iterations"])
            if any(name.startswith("optimizer.") for name in arrays):
                model.ready()
        vectors = {
            f"{layer.name}.{name}": value
            for layer in model.layers
            for name, value in layer.parameters.items()
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
    except (MLPError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelFileError(f"{source} is not a model that can be rebuilt: {reason}") from error
    return model


__all__ = ["Sequential", "load_model"]
