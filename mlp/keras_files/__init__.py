"""Keras 3's own files, for models whose parts Keras has: ``.keras`` and ``.weights.h5``.

A ``.keras`` file is an archive of a description, ``config.json``, and the weights,
``model.weights.h5``; a ``.weights.h5`` file is the latter alone. Reading one runs nothing that is in it:
descriptions name classes, of Keras's catalogue or the user's own, and everything else is refused.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError, ModelFileError
from mlp.files import ARCHIVE, opened, read_exactly, write_atomically
from mlp.keras_files import archive, hdf5, optimizer_state
from mlp.keras_files.architecture import (
    Placed,
    groups_of,
    model_from_keras,
    model_to_keras,
    normalization_shape,
)
from mlp.keras_files.parts import OTHERWISE
from mlp.layers import Layer
from mlp.randomness import new_generator

if TYPE_CHECKING:
    from mlp.model import Model

WHAT = "Keras file"


# writing


def save(
    model: Model, filepath: str | os.PathLike[str], overwrite: bool = True, include_optimizer: bool = True
) -> None:
    """Write a built model as a ``.keras`` file.

    Parameters
    ----------
    overwrite : bool, default True
        Whether a file that is there may be replaced.
    include_optimizer : bool, default True
        Also what it was compiled with, and what the optimizer remembers.

    Raises
    ------
    ArgumentError
        If a part has no counterpart in Keras; it is named. No file is written then.
    MissingPackageError
        If h5py is not installed.
    ModelFileError
        If the system refuses; the file that was there is then as it was.
    """
    _require_free(filepath, overwrite)
    config = archive.as_text(model_to_keras(model, include_optimizer))
    groups = _groups(model)
    if include_optimizer and model.compiled:
        groups["optimizer"] = (_optimizer_name(model), optimizer_state.variables_of(model))
    weights = hdf5.to_bytes(groups)
    write_atomically(filepath, lambda file: archive.write(file, config, weights))


def save_weights(model: Model, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write the weights of a built model as a ``.weights.h5`` file; arguments and errors as in `save`."""
    _require_free(filepath, overwrite)
    groups = _groups(model)
    if model.compiled and optimizer_state.has_counterpart(model.optimizer):
        groups["optimizer"] = (_optimizer_name(model), optimizer_state.variables_of(model))
    weights = hdf5.to_bytes(groups)
    write_atomically(filepath, lambda file: file.write(weights))


def _require_free(filepath: str | os.PathLike[str], overwrite: bool) -> None:
    path = os.path.abspath(os.fsdecode(filepath))
    if not overwrite and os.path.lexists(path):
        raise ArgumentError(f"{path} exists, and overwrite=False")


def _groups(model: Model) -> dict[str, tuple[str, list[Array]]]:
    groups = {path: (layer.name or "", _arrays(layer)) for path, layer in groups_of(model.layers)}
    return groups | {"": (model.name, [])}


def _arrays(layer: Layer) -> list[Array]:
    """The weights in Keras's order, which is ours; a Normalization there has a count with them."""
    if layer.children:
        raise ArgumentError(
            f"layer {layer.name!r} ({type(layer).__name__}) has no counterpart in Keras; {OTHERWISE}"
        )
    arrays = list(layer.parameters.values())
    return [*arrays, np.zeros((), np.int32)] if _counts(layer) else arrays


def _counts(layer: Layer) -> bool:
    return type(layer).__name__ == "Normalization" and type(layer).__module__.startswith("mlp.")


def _optimizer_name(model: Model) -> str:
    return model.optimizer.name or type(model.optimizer).__name__.lower()


# reading


def read(
    filepath: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None = None, compile: bool = True
) -> tuple[dict[str, Array], dict[str, Any], list[Array]]:
    """A ``.keras`` file as one of ours: its arrays, its description, and the optimizer's variables.

    The arrays are called by their numbers: "dense.0", "dense.1".

    Raises
    ------
    FileNotFoundError, ModelFileError
        If there is no such file, or it holds no model that has a counterpart here.
    """
    with _file(filepath) as (file, _):
        return _read(file, custom_objects, compile)


def _read(
    file: BinaryIO, custom: Mapping[str, Any] | None, compiled: bool
) -> tuple[dict[str, Array], dict[str, Any], list[Array]]:
    config, content = archive.read(file)
    description, layers = model_from_keras(config, custom, compiled)
    dtype = np.dtype(description["model"]["dtype"])
    weights = hdf5.Weights(content)
    arrays = {
        f"{place.description['config']['name']}.{k}": array
        for place in layers
        for k, array in enumerate(_of_layer(place, weights, dtype))
    }
    variables = weights.arrays("optimizer") if description["compile"] else []
    seeds = {place.description["config"]["name"]: place.config.get("seed") for place in layers}
    description |= {
        "numbered": True,
        "generator": new_generator(None).bit_generator.state,
        "generators": {
            name: new_generator(seed).bit_generator.state for name, seed in seeds.items() if seed is not None
        },
    }
    return arrays, description, variables


def _of_layer(place: Placed, weights: hdf5.Weights, dtype: np.dtype[Any]) -> list[Array]:
    arrays = weights.arrays(place.path)
    config = place.description["config"]
    if place.description["class_name"] != "Normalization":
        return [cast(array, dtype, place.path) for array in arrays]
    if not arrays:  # they were given, and stand among the arguments
        shape = normalization_shape(place)
        arrays = [np.broadcast_to(np.asarray(config[name], dtype), shape) for name in ("mean", "variance")]
    found = [cast(array, dtype, place.path) for array in arrays[:2]]  # and no count
    config |= dict(zip(("mean", "variance"), found, strict=True))
    return found


def cast(array: Array, dtype: np.dtype[Any], path: str) -> Array:
    """Weights in the model's type of numbers."""
    if array.dtype.kind != "f":
        raise ArgumentError(f"{path} should hold floating point numbers, and holds {array.dtype}")
    return array.astype(dtype, copy=False)


def finish(model: Model, arrays: Mapping[str, Array], variables: Sequence[Array], source: str) -> None:
    """After the model of a file is built: see that no weights are left over, and fill the optimizer.

    Raises
    ------
    ModelFileError
        If the file has more weights than the model, or the optimizer's do not fit.
    """
    try:
        if len(arrays) != len(model.weights):
            raise ArgumentError(
                f"its layers have {len(arrays)} weights, and {len(model.weights)} were expected"
            )
        if model.compiled:
            optimizer_state.restore(model, variables, source)
    except ArgumentError as error:
        raise ModelFileError(f"{source} is not a {WHAT} that can be read: {error}") from error


def describe_json(data: Any, custom_objects: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Our description of a model that Keras described, with "model", "trainable" and "compile"."""
    try:
        return model_from_keras(data, custom_objects)[0]
    except (KeyError, TypeError, AttributeError, RecursionError, IndexError, ValueError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(f"this is not a model as Keras describes it: {error!r}") from error


def read_weights(
    model: Model, filepath: str | os.PathLike[str]
) -> tuple[dict[str, tuple[Sequence[Array], Sequence[Any]]], list[str]]:
    """The weights in a ``.weights.h5`` or ``.keras`` file for the layers of a built model.

    Returns
    -------
    found : dict
        By the name of each layer its arrays, to be filled, and those in the file.
    unused : list of str
        Groups of the file that have weights for which the model has no layer.
    """
    with _file(filepath) as (file, size):
        start = file.read(len(ARCHIVE))
        file.seek(0)
        is_archive = start == ARCHIVE
        weights = hdf5.Weights(archive.read(file)[1] if is_archive else read_exactly(file, size))
        groups = dict(groups_of(model.layers))
        arrays = {path: weights.arrays(path) for path in groups}
        others = [name for name in weights.names("layers") if f"layers/{name}" not in groups]
        unused = [name for name in others if weights.arrays(f"layers/{name}")]
    found: dict[str, tuple[Sequence[Array], Sequence[Any]]] = {
        layer.name or "": ([*layer.parameters.values()], arrays[path][: 2 if _counts(layer) else None])
        for path, layer in groups.items()
    }
    return found, unused


@contextlib.contextmanager
def _file(filepath: str | os.PathLike[str]) -> Iterator[tuple[BinaryIO, int]]:
    """A file to read, and its size; whatever goes wrong then is its fault, as a file can hold anything."""
    path = os.fsdecode(filepath)
    with opened(filepath, WHAT) as (file, size):
        try:
            yield file, size
        except MemoryError:
            raise
        except Exception as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error) or repr(error)
            raise ModelFileError(f"{path} is not a {WHAT} that can be read: {reason}") from error


__all__ = [
    "describe_json",
    "finish",
    "read",
    "read_weights",
    "save",
    "save_weights",
]
