"""Models by Keras's module name, and reading them from files."""

import os
from collections.abc import Mapping
from typing import Any

from mlp import storage
from mlp.errors import ArgumentError, ModelFileError
from mlp.files import form_of
from mlp.layers import stack
from mlp.naming import find, is_integer, kind_of, register, require, require_bool, revive
from mlp.rations import Ration
from mlp.sequential import Sequential

register(Sequential)


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Mapping[str, type] | None = None,
    compile: bool = True,
) -> Sequential:
    """Read a model that `Sequential.save` wrote, or Keras 3. Nothing in the file is ever run.

    Parameters
    ----------
    filepath : path
        A file of ours, or one of Keras, "net.keras", of a stack of layers that all have a counterpart here.
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
    given = custom_objects is None or isinstance(custom_objects, Mapping)
    require(given, "custom_objects", custom_objects, "a dict of classes by name")
    source = str(filepath)
    form = form_of(filepath)
    if form == "archive":
        from mlp import keras_files  # which is slow to load, and seldom needed

        arrays, description, variables = keras_files.read(filepath, custom_objects, compile)
        model = restore(arrays, description, custom_objects, compile, source)
        keras_files.finish(model, arrays, variables, source)
        return model
    if form == "hdf5":
        raise ModelFileError(
            f"{source} is an HDF5 file. If it has weights alone, make the model, then "
            f"model.load_weights({source!r}); a whole model in this old form is to be saved anew by Keras, "
            "under a name that ends in .keras"
        )
    arrays, description = storage.read(filepath)
    if description["model"] is None:
        raise ModelFileError(
            f"{source} has weights alone; make the model, then model.load_weights({source!r})"
        )
    return restore(arrays, description, custom_objects, compile, source)


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
    _check_parts([description["model"], description["compile"]], custom_objects)
    options = dict(description["model"])
    layers = [revive(layer, custom_objects) for layer in options.pop("layers")]
    model = Sequential.from_config(options)
    Ration(arrays, model.dtype).build(model, layers)
    if not model.built:
        raise ArgumentError("it has no layers, or no shape of the input")
    settings = description["compile"] if compile else None
    if settings:
        metrics = [*settings["metrics"], *settings["weighted_metrics"]]
        few = len(metrics) <= storage.MOST_METRICS
        require(few, "metrics", len(metrics), f"{storage.MOST_METRICS} at most")
        compile_again(model, settings, custom_objects)
        steps = settings["iterations"]
        require(is_integer(steps) and 0 <= steps < 2**63, "iterations", steps, "an integer of at least 0")
        model.optimizer.iterations = steps
        if any(name.startswith("optimizer.") for name in arrays):
            model.optimizer.state = {
                name: _checked(f"optimizer.{name}", arrays, (size,), model.dtype).copy()
                for name, size in model.optimizer.sizes(model.parameters).items()
            }
    epochs = description.get("epochs_trained", 0)
    require(is_integer(epochs) and 0 <= epochs < 2**63, "epochs_trained", epochs, "an integer of at least 0")
    model.epochs_trained = epochs
    leaves = stack.leaves(model.layers)
    numbered = description.get("numbered", False)  # as those of Keras's files are
    for path, leaf in leaves:
        for k, (name, value) in enumerate(leaf.parameters.items()):
            value[...] = _checked(f"{path}.{k if numbered else name}", arrays, value.shape, model.dtype)
    trainable = description.get("trainable", True)
    require_bool("trainable", trainable)
    model._trainable = trainable  # the layers have their own
    model.rng.bit_generator.state = description["generator"]
    for path, leaf in leaves:
        if leaf.rng is not model.rng:
            leaf.rng.bit_generator.state = description["generators"][path]
    return model


def compile_again(
    model: Sequential, settings: Mapping[str, Any], custom_objects: Mapping[str, type] | None = None
) -> None:
    """Compile a model with what is described in its file."""
    model.compile(
        revive(settings["optimizer"], custom_objects, "Optimizer"),
        revive(settings["loss"], custom_objects, "Loss"),
        metrics=[revive(metric, custom_objects, "Metric") for metric in settings["metrics"]],
        weighted_metrics=[
            revive(metric, custom_objects, "Metric") for metric in settings["weighted_metrics"]
        ],
    )


def _checked(name: str, arrays: Mapping[str, Any], shape: tuple[int, ...], dtype: str) -> Any:
    array = arrays[name]
    if array.shape != shape or array.dtype != dtype:
        raise ArgumentError(
            f"{name} should be {dtype} of shape {shape}, and is {array.dtype} of shape {array.shape}"
        )
    return array


def _check_parts(data: Any, custom: Mapping[str, Any] | None) -> None:
    """Raise an `ArgumentError` for layers without end, or a model inside, which would get no ration."""
    left, layers = [data], 0
    while left:
        item = left.pop()
        if isinstance(item, Mapping):
            name, kind = item.get("class_name"), item.get("kind", "")
            own = kind_of(find(name, kind, custom)) if isinstance(name, str) else ""
            if own == "Model":
                raise ArgumentError(f"it has a {name} among its parts")
            layers += own == "Layer"
            left += item.values()
        elif isinstance(item, list):
            left += item
    if layers > storage.MOST_LAYERS:
        raise ArgumentError(f"it has {layers} layers; {storage.MOST_LAYERS} are the most that are read")


def model_from_json(json_string: str | bytes, custom_objects: Mapping[str, Any] | None = None) -> Sequential:
    """A model of the architecture that ``model.to_json()`` wrote, here or in Keras, with new weights.

    Parameters
    ----------
    json_string : str
        Ours, or Keras's, whose models are compiled again if they were.
    custom_objects : mapping of str to class, optional
        As in `load_model`.

    Raises
    ------
    ArgumentError
        If it is not such a text, or names something that is unknown.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Input(3), mlp.layers.Dense(2)], name="net")
    >>> model_from_json(model.to_json())
    Sequential([Dense(units=2, input_shape=(3,), name='dense')], name='net', dtype='float32', seed=None)
    """
    from mlp import keras_files

    right = isinstance(json_string, str | bytes)
    require(right, "json_string", json_string, "a JSON text; read files by load_model()")
    data = keras_files.archive.load_json(json_string, "json_string")
    is_keras = isinstance(data, Mapping) and "module" in data
    description = keras_files.describe_json(data, custom_objects) if is_keras else None
    ours = {"class_name": "Sequential", "config": description["model"]} if description else data
    try:
        model: Sequential = revive(ours, custom_objects, "Model")
    except MemoryError as error:
        raise ArgumentError(f"a model of this size does not fit into memory: {error}") from error
    if description:
        require_bool("trainable", description["trainable"])
        model._trainable = description["trainable"]  # the layers have their own
        if description["compile"]:
            compile_again(model, description["compile"], custom_objects)
    return model


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


__all__ = ["Sequential", "clone_model", "load_model", "model_from_json", "save_model"]
