"""Model files: arrays as safetensors, everything else as JSON in their header. Never pickle.

The file is an ordinary safetensors file. Its tensors are the parameters, by names such as
"dense.W", and the optimizer's state vectors, "optimizer.m". Its metadata has one entry,
"mlp", with a JSON text: architecture, `compile` arguments, counters, generator, versions.
"""

import os
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from mlp import files
from mlp.arrays import Array
from mlp.errors import ArgumentError, ModelFileError
from mlp.layers import stack
from mlp.naming import describe
from mlp.packing import TYPES, pack, unpack
from mlp.version import __version__

if TYPE_CHECKING:
    from mlp.model import Model

FORMAT = 1
MOST_LAYERS, MOST_METRICS = 2048, 256  # with those in blocks; each new one is compared with all before
LARGEST_HEADER = 100_000_000  # bytes, as safetensors has it
MOST_ITEMS = 2**19  # of lists and dicts in a text, beside one for each 16 bytes of it; see `_is_readable`
EXTRA = "extra/"  # what names of its arrays begin with; no layer's name has a slash

WITHOUT_END = (RecursionError, MemoryError)


def save(
    model: "Model",
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Write a built model; see `Model.save`.

    Parameters
    ----------
    extra : mapping of str, optional
        What to keep with the model, such as its preprocessing: data as `pack` takes them, with arrays too.
    """
    arrays, description = describe_model(model)
    plain, kept = pack(dict(extra or {}), EXTRA)
    write(filepath, arrays | kept, description | {"extra": plain}, overwrite)


def extra_of(arrays: Mapping[str, Array], description: Mapping[str, Any]) -> dict[str, Any]:
    """What `save` was given as `extra`, from what `read` returned; empty if it was nothing.

    Raises
    ------
    ModelFileError
        If something else stands in its place.
    """
    extra = unpack(description.get("extra") or {}, arrays)
    if not isinstance(extra, dict):
        raise ModelFileError(f"extra should be data by name, and is {type(extra).__name__}")
    return extra


def describe_model(model: "Model") -> tuple[dict[str, Array], dict[str, Any]]:
    """A model as named arrays and plain data.

    Raises
    ------
    ArgumentError
        If it has more layers or metrics than are read.
    """
    parts = stack.everything(model.layers)
    metrics = (*model.metrics, *model.weighted_metrics) if model.compiled else ()
    if len(parts) > MOST_LAYERS or len(metrics) > MOST_METRICS:
        most = f"files are read of up to {MOST_LAYERS} layers and {MOST_METRICS} metrics"
        raise ArgumentError(f"the model has {len(parts)} layers and {len(metrics)} metrics; {most}")
    leaves = stack.leaves(model.layers)
    arrays = {f"{path}.{name}": value for path, leaf in leaves for name, value in leaf.parameters.items()}
    description: dict[str, Any] = {
        "model": model.get_config(),
        "trainable": model.trainable,
        "epochs_trained": model.epochs_trained,
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
    """Write arrays and plain data to a file, whole or not at all; see `files.write_atomically`.

    Parameters
    ----------
    arrays : mapping of str to Array
        Of types that safetensors has: what `describe_model` and `pack` make.
    description : mapping
        What JSON has. It needs an entry "model" for `read` to take the file for one of ours.

    Raises
    ------
    ArgumentError
        If the file exists and `overwrite` is False, or something has no form in a file.
    ModelFileError
        If the system refuses; the file that was there is then as it was.
    """
    path = os.path.abspath(files.as_text(filepath))
    if not overwrite and os.path.lexists(path):
        raise ArgumentError(f"{path} exists, and overwrite=False")
    text = _as_text(description)
    by_size = sorted(arrays.items(), key=lambda named: (-named[1].itemsize, named[0]))  # all stay aligned
    whole = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in by_size}
    try:
        header = _header_of(whole, text)
    except (KeyError, UnicodeError) as error:
        raise ArgumentError(f"the model cannot be written: an array's type or name: {error}") from error
    files.write_atomically(path, lambda file: _write(file, header, whole))


def _as_text(description: Mapping[str, Any]) -> str:
    import json
    import platform

    versions = {"format": FORMAT, "mlp": __version__, "numpy": np.__version__}
    document = {"versions": versions | {"python": platform.python_version()}, **description}
    try:
        text = json.dumps(document)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(
            f"the model cannot be written as data: {error}. A function given as an argument, such as "
            "a learning_rate of your own, is written by its name: mlp.register(your_function) gives it one."
        ) from error
    if len(json.dumps(text)) > LARGEST_HEADER // 2 or not _is_readable(text.encode()):
        raise ArgumentError(
            f"the model cannot be written as data: what it has beside weights makes {len(text)} characters "
            "of JSON, more than is read again. Give large arrays to layers as weights, not as settings."
        )
    return text


def _is_readable(text: bytes) -> bool:
    """Whether text has not so many lists and dicts that as objects it takes far more memory."""
    return sum(map(text.count, (b"[", b"{", b","))) <= MOST_ITEMS + len(text) // 16


def _header_of(arrays: Mapping[str, Array], text: str) -> bytes:
    """The header of a safetensors file, and its length before it.

    All is written as `safetensors.numpy.save` does it, but without the second copy of the numbers that it
    makes; and its `save_file` replaces our temporary file by one of its own, with other permissions.
    """
    import json

    header: dict[str, Any] = {"__metadata__": {"mlp": text}}
    end = 0
    for name, array in arrays.items():
        start, end = end, end + array.nbytes
        kind = TYPES[array.dtype.name]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [start, end]}
    content = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    content += b" " * (-len(content) % 8)
    return struct.pack("<Q", len(content)) + content


def _write(file: BinaryIO, header: bytes, arrays: Mapping[str, Array]) -> None:
    file.write(header)
    for array in arrays.values():
        file.write(array.astype(array.dtype.newbyteorder("<"), copy=False).data)


def read(filepath: str | os.PathLike[str]) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays and the plain data of a model file.

    It takes at most twice the memory of the file: for its bytes, and for the arrays.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ModelFileError
        If it is not a model file, is damaged, was changed meanwhile, or comes from a later version.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = files.as_text(filepath)
    try:
        with files.opened(path, "model file") as (file, size):
            beginning = _header(file, size)
            header = _parse(beginning[8:])
            description = _description(path, header)
            _check_size(header, size - len(beginning))
            file.seek(0)
            content = files.read_exactly(file, size)
        arrays = load(content)
    except ModelFileError:
        raise
    # of the names and shapes that the file says safetensors looks at some only, and NumPy at the others
    except (SafetensorError, LookupError, TypeError, ValueError, ArithmeticError, *WITHOUT_END) as error:
        raise ModelFileError(f"{path} is not a readable model file: {files.reason(error)}") from error
    return arrays, description


def _header(file: BinaryIO, size: int) -> bytes:
    """The first bytes of a file: the length of the header, and the header."""
    beginning = file.read(8)
    length = int.from_bytes(beginning, "little")
    if len(beginning) < 8 or length > min(size - 8, LARGEST_HEADER):
        raise ValueError("it does not begin with the header of a safetensors file")
    return beginning + files.read_exactly(file, length)


def _check_size(header: dict[str, Any], rest: int) -> None:
    """Compare before so much is read; safetensors looks at all the rest of the header."""
    entries = [entry for name, entry in header.items() if name != "__metadata__"]
    end = max((entry["data_offsets"][1] for entry in entries), default=0)
    if end != rest:
        raise ValueError(f"{rest} bytes of numbers are in it, and its header is of {end}")


def _description(path: str, header: dict[str, Any]) -> dict[str, Any]:
    """What `write` was given, from the header."""
    metadata = header.get("__metadata__")
    text = metadata.get("mlp") if isinstance(metadata, dict) else None
    description = _parse(text.encode()) if isinstance(text, str) else None
    if description is None or "model" not in description:
        raise ModelFileError(f"{path} is a safetensors file, but not a model saved by mlp")
    versions = description.get("versions")
    version = versions.get("format") if isinstance(versions, dict) else None
    if version != FORMAT:
        raise ModelFileError(
            f"{path} has the file format {version!r}; this version of mlp reads {FORMAT}. Update mlp."
        )
    return description


def _parse(text: bytes) -> dict[str, Any]:
    import json

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("it has a name twice")
        return found

    if not _is_readable(text):
        raise ValueError("it has too many lists and names beside its numbers")
    parsed = json.loads(text, object_pairs_hook=once)
    return parsed if isinstance(parsed, dict) else {}


__all__ = ["describe_model", "extra_of", "pack", "read", "save", "unpack", "write"]
