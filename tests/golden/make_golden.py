"""Make the JSON files here: what PyTorch and Keras compute, for the tests to hold mlp to.

The tests need neither peer, only the committed files. To make them again, all or those of the
given kinds, from the root of the repository and in an environment of its own (1 GB, so not the
one that you work in):

    python -m venv /tmp/peers
    /tmp/peers/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu
    /tmp/peers/bin/pip install keras jax numpy
    /tmp/peers/bin/python tests/golden/make_golden.py [activations losses ...]

Keras runs on JAX with 64-bit floats enabled, and computes in float64 where the file says so;
gradients are JAX's and PyTorch's automatic derivatives. mlp is not imported. The same versions
on the same machine make the same files; another machine may change last digits. What the
peers say about each other is printed.
"""

import importlib
import json
import os
import pathlib
import sys

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"  # before JAX is imported

import jax
import keras
import numpy as np
import torch

# each is a module here, with a function of the same name that returns what its file holds
KINDS = (
    "names", "activations", "losses", "metrics", "initializers",
    "regularizers", "constraints", "layers", "optimizers", "schedules", "models", "callbacks", "scripts",
    "keras_files",
)  # fmt: skip


def main(kinds) -> None:
    versions = {peer.__name__: peer.__version__ for peer in (keras, jax, torch, np)}
    for kind in kinds or KINDS:
        golden = {"versions": versions} | getattr(importlib.import_module(kind), kind)()
        file = pathlib.Path(__file__).with_name(f"{kind}.json")
        file.write_text(as_text(golden) + "\n")
        print(f"{file.name}: {file.stat().st_size} bytes, with {versions}")


def as_text(value, indent="") -> str:
    """JSON with a line for each array; floats as short as their type can be read back."""
    if not isinstance(value, dict):
        return json.dumps(as_plain(value), allow_nan=False, separators=(",", ":"))
    deeper = indent + " "
    entries = [f"{deeper}{json.dumps(str(key))}: {as_text(item, deeper)}" for key, item in value.items()]
    return "{\n" + ",\n".join(entries) + f"\n{indent}}}"


def as_plain(value):
    if isinstance(value, list | tuple):
        return [as_plain(item) for item in value]
    if isinstance(value, str | bool | int | float) or value is None:
        return value
    array = np.asarray(value)
    if array.ndim:
        return [as_plain(item) for item in array]
    return float(str(array)) if array.dtype.kind == "f" else array.item()


if __name__ == "__main__":
    main(sys.argv[1:])
