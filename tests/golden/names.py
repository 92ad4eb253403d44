"""Keras's public names, module by module, for the table in docs/keras.md to be complete."""

import keras

MODULES = (
    "", "activations", "callbacks", "constraints", "initializers", "layers", "losses", "metrics",
    "models", "optimizers", "optimizers.schedules", "regularizers", "saving", "utils",
)  # fmt: skip


def names():
    """The names that do not begin with an underscore."""
    found = {}
    for path in MODULES:
        module = keras
        for part in filter(None, path.split(".")):
            module = getattr(module, part)
        found[path or "keras"] = sorted(name for name in dir(module) if not name.startswith("_"))
    return {"names": found}
