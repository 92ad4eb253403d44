"""Golden values of whole scripts for Keras, and the strings that Keras's modules resolve."""

import importlib
import pathlib

import keras
from peers import use

FOLDER = pathlib.Path(__file__).parent.parent / "keras_scripts"
# those that set their weights and shuffle nothing; the others draw random numbers, which are Keras's own
SCRIPTS = (
    "averaging", "binary", "callbacks", "defaults", "embedding", "multiclass", "parts", "regression",
    "streams",
)  # fmt: skip
KINDS = (
    "activations", "losses", "optimizers", "metrics", "initializers", "regularizers", "constraints",
)  # fmt: skip


def scripts():
    """What each script leaves in `results`, computed in float64, and in float32, Keras's default."""
    golden = {"float64": {}, "float32": {}, "strings": {kind: strings(kind) for kind in KINDS}}
    for name in SCRIPTS:
        for dtype in ("float64", "float32"):
            use(dtype)
            golden[dtype][name] = run(name)
    return golden


def run(name):
    keras.utils.clear_session()  # so that its names of layers begin anew
    space = {}
    exec(FOLDER.joinpath(f"{name}.py").read_text(), space)
    return space["results"]


def strings(kind):
    """What each string stands for, by the name of a class or a function."""
    known = importlib.import_module(f"keras.src.{kind}").ALL_OBJECTS_DICT
    return {name: known[name].__name__ for name in sorted(known)}
