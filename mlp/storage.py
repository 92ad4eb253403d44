"""Model files: arrays as safetensors, everything else as JSON in their header. Never pickle.

The file is an ordinary safetensors file. Its tensors are the parameters, by names such as
"dense.W", and the optimizer's state vectors, "optimizer.m". Its metadata has one entry,
"mlp", with a JSON text: architecture, `compile` arguments, counters, generator, versions.
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError, MissingFileError, ModelFileError
from mlp.layers import stack
from mlp.naming import describe
from mlp.version import __version__

if TYPE_CHECKING:
    from mlp.model import Model

FORMAT = 1


def save(
    model: "Model",
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Write a built model; see `Model.save`.

    Parameters
    ----------
    extra : mapping, optional
        Plain data to keep with the model, such as its preprocessing.
    """
    arrays, description = describe_model(model)
    description |= {"extra": dict(extra or {})}
    write(filepath, arrays, description, overwrite)


def describe_model(model: "Model") -> tuple[dict[str, Array], dict[str, Any]]:
    """A model as named arrays and plain data."""
    leaves = stack.leaves(model.layers)
    arrays = {f"{path}.{name}": value for path, leaf in leaves for name, value in leaf.parameters.items()}
    description: dict[str, Any] = {
        "model": model.get_config(),
        "trainable": model.trainable,
        "generator": model.rng.bit_generator.state,
        "generators": {
            path: leaf.rng.bit_generator.state for path, leaf in leaves if leaf.rng is not model.rng
        },
        "compile": None,
    }
    if model.compiled:
        optimizer = model.optimizer
        fits = optimizer.fits(model.parameters)
        description["compile"] = {
            "optimizer": describe(optimizer),
            "iterations": optimizer.iterations if fits else 0,
            "loss": describe(model.loss),
            "metrics": [describe(metric) for metric in model.metrics],
            "weighted_metrics": [describe(metric) for metric in model.weighted_metrics],
        }
        if fits:
            arrays |= {f"optimizer.{name}": vector for name, vector in optimizer.state.items()}
    return arrays, description


def write(
    filepath: str | os.PathLike[str],
    arrays: Mapping[str, Array],
    description: Mapping[str, Any],
    overwrite: bool = True,
) -> None:
    """Write arrays and plain data to a file, whole or not at all.

    The bytes go to a temporary file in the same folder, which then takes the name: whoever
    reads sees the old file or the new one.
    """
    import json
    import platform
    import tempfile

    from safetensors.numpy import save as to_bytes

    path = os.path.abspath(os.fsdecode(filepath))
    if os.path.exists(path) and not overwrite:
        raise ArgumentError(f"{path} exists, and overwrite=False")
    if os.path.isdir(path) or not os.path.isdir(os.path.dirname(path)):
        problem = "is a folder" if os.path.isdir(path) else "is in a folder that does not exist"
        raise ModelFileError(f"{path} {problem}; give the name of a file in an existing folder")
    versions = {"format": FORMAT, "mlp": __version__, "numpy": np.__version__}
    document = {"versions": versions | {"python": platform.python_version()}, **description}
    try:
        text = json.dumps(document)
    except TypeError as error:
        raise ArgumentError(
            f"the model cannot be written as data: {error}. A function given as an argument, such as "
            "a learning_rate of your own, is written by its name: mlp.register(your_function) gives it one."
        ) from error
    content = to_bytes({name: np.ascontiguousarray(a) for name, a in arrays.items()}, {"mlp": text})
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=f".{os.path.basename(path)}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read(filepath: str | os.PathLike[str]) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays and the plain data of a model file.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ModelFileError
        If it is not a model file, is damaged, or comes from a later version.
    """
    import json

    from safetensors import SafetensorError, safe_open

    path = os.fsdecode(filepath)
    if not os.path.exists(path):
        raise MissingFileError(f"there is no model file {path!r}")
    try:
        with safe_open(path, framework="numpy") as file:
            description = json.loads((file.metadata() or {}).get("mlp", "null"))
            _check_format(path, description)
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except ModelFileError:
        raise
    # the last two are safetensors' own, for types that NumPy does not have
    except (SafetensorError, OSError, ValueError, RecursionError, TypeError, AttributeError) as error:
        raise ModelFileError(f"{path} is not a readable model file: {error}") from error
    return arrays, description


def _check_format(path: str, description: Any) -> None:
    if not isinstance(description, dict) or "model" not in description:
        raise ModelFileError(f"{path} is a safetensors file, but not a model saved by mlp")
    versions = description.get("versions")
    version = versions.get("format") if isinstance(versions, dict) else None
    if version != FORMAT:
        raise ModelFileError(
            f"{path} has the file format {version!r}; this version of mlp reads {FORMAT}. Update mlp."
        )
