"""The weights of a model alone, in a file: of ours, or of Keras's form if the name ends in ``.weights.h5``.

To read them the model has to be there, with layers of the same shapes. What a file is like is seen from
its first bytes, not from its name; the files of whole models hold weights too.
"""

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlp import storage
from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.files import form_of
from mlp.layers import stack
from mlp.naming import require, require_bool

if TYPE_CHECKING:
    from mlp.model import Model

Found = dict[str, tuple[Sequence[Array], Sequence[Any]]]
HDF5 = (".h5", ".hdf5")
OTHER_FORMS = (".keras", *HDF5)  # names that would promise what is not in the file


def save_weights(
    model: "Model",
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    max_shard_size: float | None = None,
) -> None:
    """Write the weights of a built model; see `Sequential.save_weights`."""
    require(max_shard_size is None, "max_shard_size", max_shard_size, "None: the file is one")
    name = os.fsdecode(filepath)
    if name.endswith(".weights.h5"):
        from mlp import keras_files  # which is slow to load, and seldom needed

        keras_files.save_weights(model, filepath, overwrite)
        return
    right = not name.endswith(OTHER_FORMS)
    require(right, "filepath", name, "a name that ends in .weights.h5 for Keras's form, or .mlp for ours")
    leaves = stack.leaves(model.layers)
    arrays = {f"{path}.{name}": value for path, leaf in leaves for name, value in leaf.parameters.items()}
    storage.write(filepath, arrays, {"model": None}, overwrite)


def load_weights(model: "Model", filepath: str | os.PathLike[str], skip_mismatch: bool = False) -> None:
    """Fill a built model with the weights in a file; see `Sequential.load_weights`."""
    require_bool("skip_mismatch", skip_mismatch)
    if form_of(filepath):
        from mlp import keras_files

        found, unused = keras_files.read_weights(model, filepath)
    else:
        found, unused = _ours(model, storage.read(filepath)[0])
    problems = {path: problem for path, pair in found.items() if (problem := _problem(*pair))}
    said = [f"layer {path!r} {problem}" for path, problem in problems.items()]
    said += [f"nothing here for {name!r} of the file" for name in unused]
    source = os.fsdecode(filepath)
    if said and not skip_mismatch:
        raise ArgumentError(f"the weights in {source} do not fit the model: {'; '.join(said)}")
    for path, (targets, values) in found.items():
        for target, value in zip(targets, values, strict=False) if path not in problems else ():
            target[...] = value
    if said:
        warnings.warn(f"weights in {source} were left out: {'; '.join(said)}", UserWarning, stacklevel=3)


def _ours(model: "Model", arrays: Mapping[str, Array]) -> tuple[Found, list[str]]:
    """Of each layer the arrays to fill and those of the file, and the names in it that no layer has."""
    left = {name for name in arrays if not name.startswith("optimizer.")}
    found: Found = {}
    for path, leaf in stack.leaves(model.layers):
        names = [f"{path}.{name}" for name in leaf.parameters]
        left -= {*names}
        found[path] = [*leaf.parameters.values()], [arrays[name] for name in names if name in arrays]
    return found, sorted(left)


def _problem(targets: Sequence[Array], values: Sequence[Any]) -> str:
    """What is wrong with the weights for a layer, or an empty string."""
    shapes, given = [target.shape for target in targets], [value.shape for value in values]
    if shapes != given:
        return f"has weights of the shapes {shapes}, the file has {given}"
    kinds = {value.dtype.name for value in values if value.dtype.kind != "f"}
    return f"needs floating point numbers, the file has {', '.join(sorted(kinds))}" if kinds else ""
