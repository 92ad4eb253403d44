"""The model in Keras's words and in ours: its layers, what it was compiled with, and where weights lie."""

from __future__ import annotations  # so that np.random is not loaded for a signature

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mlp import losses, metrics, optimizers
from mlp.errors import ArgumentError
from mlp.keras_files.parts import (
    CLASSES,
    LAYERS_OF,
    activation_name,
    from_keras,
    is_description,
    to_keras,
)
from mlp.layers import Input, Layer
from mlp.naming import describe, require

if TYPE_CHECKING:
    from mlp.model import Model

DEEPEST = 32  # models in each other
MODELS = ("Sequential", "Functional", "Model")


class Placed(NamedTuple):
    """A layer of a Keras file: our description, where its weights lie, and what Keras said of it."""

    description: dict[str, Any]
    path: str
    config: Mapping[str, Any]
    input_shape: tuple[int, ...] | None


def policy(dtype: str) -> dict[str, Any]:
    """Keras's description of a type of numbers."""
    config = {"name": dtype}
    return {"module": "keras", "class_name": "DTypePolicy", "config": config, "registered_name": None}


def group_name(class_name: str, taken: dict[str, int]) -> str:
    """How Keras calls the group of a layer's weights: "dense", "dense_1", "p_re_lu" …

    Parameters
    ----------
    class_name : str
        Keras's.
    taken : dict of str to int
        The names given before, each with how often; this one is added.
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", class_name))
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
    taken[name] = taken.get(name, -1) + 1
    return f"{name}_{taken[name]}" if taken[name] else name


# from ours


def model_to_keras(model: Model, compiled: bool = True) -> dict[str, Any]:
    """Keras's description of a built model; an `ArgumentError` names what Keras lacks."""
    assert model.input_shape is not None
    shape = [None, *model.input_shape]
    first = {"batch_shape": shape, "dtype": model.dtype, "sparse": False, "ragged": False}
    described = [_plain("keras.layers", "InputLayer", first | {"name": "input_layer", "optional": False})]
    described += [layer_to_keras(layer, model.dtype) for layer in model.layers]
    config = {"name": model.name, "trainable": model.trainable, "dtype": policy(model.dtype)}
    config |= {"layers": described, "build_input_shape": shape}
    document = _plain("keras", "Sequential", config)
    document["build_config"] = {"input_shape": shape}
    document["compile_config"] = compilation_to_keras(model) if compiled and model.compiled else {}
    return document


def _plain(module: str, name: str, config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def layer_to_keras(layer: Layer, dtype: str) -> dict[str, Any]:
    """Keras's description of a built layer."""
    description, where = describe(layer), f"layer {layer.name!r} ({type(layer).__name__})"
    config = {key: value for key, value in description["config"].items() if key != "input_shape"}
    if config["input_dim"] is None:  # of an Embedding it is something else
        del config["input_dim"]
    if type(layer).__module__ == "mlp.layers.preprocessing" and "mean" in config:
        config |= {"mean": None, "variance": None}  # which are among the weights
    found: dict[str, Any] = to_keras({**description, "config": config}, where)
    assert layer.input_shape is not None
    if (found["module"], found["class_name"]) == ("keras.layers", "Activation"):
        of_layer = found["config"]["activation"]
        if is_description(of_layer):  # which is a layer of its own there, such as LeakyReLU(0.1)
            del found["config"]["activation"]
            found = {**of_layer, "config": {**found["config"], **of_layer["config"]}}
    found["config"] |= {"dtype": policy(dtype)}
    found["build_config"] = {"input_shape": [None, *layer.input_shape]}
    return found


def compilation_to_keras(model: Model) -> dict[str, Any]:
    """Keras's description of what the model was compiled with."""
    parts = [("the optimizer", model.optimizer), ("the loss", model.loss)]
    parts += [(f"metric {metric.name!r}", metric) for metric in (*model.metrics, *model.weighted_metrics)]
    try:
        rule, loss, *reported = (to_keras(describe(part), where) for where, part in parts)
    except ArgumentError as error:
        raise ArgumentError(f"{error}, or with include_optimizer=False") from error
    return {
        "optimizer": rule,
        "loss": loss,
        "loss_weights": None,
        "metrics": reported[: len(model.metrics)] or None,
        "weighted_metrics": reported[len(model.metrics) :] or None,
        "run_eagerly": False,
        "steps_per_execution": 1,
        "jit_compile": "auto",
    }


def groups_of(layers: Sequence[Layer]) -> list[tuple[str, Layer]]:
    """The layers by the names of the groups in which Keras keeps their weights."""
    taken: dict[str, int] = {}
    return [(f"layers/{group_name(_class_in_keras(layer), taken)}", layer) for layer in layers]


def _class_in_keras(layer: Layer) -> str:
    name = type(layer).__name__
    if name == "Activation" and type(layer).__module__.startswith("mlp."):
        activation = describe(layer.activation)
        return name if activation_name(activation) else LAYERS_OF.get(activation["class_name"], name)
    return name


# from Keras's


def model_from_keras(
    document: Any, custom: Mapping[str, Any] | None = None, compiled: bool = True
) -> tuple[dict[str, Any], list[Placed]]:
    """Our description of a model, as a model file has it, and its layers with the places of their weights.

    Parameters
    ----------
    document : mapping
        A ``config.json`` of Keras.
    custom : mapping of str to class, optional
        The user's own classes.
    compiled : bool
        Whether to take what it was compiled with.
    """
    right = is_description(document) and document["class_name"] in MODELS
    require(right, "the model", document, "a Sequential model, or a Functional one that is a plain stack")
    config = document["config"]
    layers = _with_names(list(_walk(document, "", custom)))
    described = [place.description for place in layers]
    if layers and layers[0].input_shape:
        described.insert(0, describe(Input(layers[0].input_shape)))
    name = config.get("name")
    model = {"layers": described, "name": name, "dtype": _dtype(config, layers), "seed": None}
    compilation = document.get("compile_config") if compiled else None
    found = compilation_from_keras(compilation, custom) if compilation else None
    return {"model": model, "trainable": config.get("trainable", True), "compile": found}, layers


def _dtype(config: Mapping[str, Any], layers: Sequence[Placed]) -> str:
    items = [place.config for place in layers] or [config]  # Keras does not heed that of the model
    said = [item.get("dtype") for item in items]
    names = {from_keras(d, None, "dtype") if is_description(d) else d for d in said if d is not None}
    require(len(names) < 2, "dtype", sorted(map(str, names)), "the same for all layers")
    return str(names.pop()) if names else "float32"


def _walk(document: Mapping[str, Any], path: str, custom: Mapping[str, Any] | None) -> Iterator[Placed]:
    """The layers of a model and of the models in it, from the input to the output."""
    config, taken = document["config"], dict[str, int]()
    require(path.count("/") < 2 * DEEPEST, "models in models", path.count("/") // 2, f"up to {DEEPEST}")
    require(isinstance(config.get("layers"), list), "layers", config.get("layers"), "a list of layers")
    if document["class_name"] != "Sequential":
        _require_chain(config)
    built = document.get("build_config") or {}
    given = config.get("build_input_shape") or (built.get("input_shape") if not path else None)
    for item in config["layers"]:
        require(is_description(item), "a layer", item, "described by its class and its arguments")
        name = item["class_name"]
        if name == "InputLayer":
            given = item["config"].get("batch_shape") or item["config"].get("batch_input_shape")
            continue
        where = f"{path}layers/{group_name(str(name), taken)}"
        if name in MODELS:
            yield from _walk(item, f"{where}/", custom)
        else:
            yield _placed(item, where, custom, given)
        given = None


def _require_chain(config: Mapping[str, Any]) -> None:
    """Raise an `ArgumentError` unless each layer gets what the one before it puts out, and only that."""
    before = None
    for item in config["layers"]:
        nodes = item.get("inbound_nodes")
        sources = [
            value["config"]["keras_history"][0]
            for node in nodes or []
            for value in (node.get("args") if isinstance(node, Mapping) else None) or [None]
            if is_description(value) and value["class_name"] == "__keras_tensor__"
        ]
        expected: list[Any] = [] if before is None else [before]
        if sources != expected or len(nodes or []) != len(expected):
            raise ArgumentError(
                f"layer {item.get('name')!r} gets its input from {sources}; only models that are a plain "
                "stack, each layer on the one before, have a counterpart"
            )
        before = item.get("name")


def _placed(item: Mapping[str, Any], path: str, custom: Mapping[str, Any] | None, given: Any) -> Placed:
    config, name = item["config"], item["class_name"]
    where = f"layer {config.get('name') if isinstance(config, Mapping) else None!r} ({name})"
    description: Any = from_keras(item, custom, where, "Layer")
    require(isinstance(description, Mapping), where, item, "a layer")
    if name not in CLASSES["Layer"][1].split():
        description["config"] = {k: v for k, v in description["config"].items() if k != "dtype"}
    built = item.get("build_config") or {}
    return Placed(description, path, config, _row(given) or _row(built.get("input_shape")))


def _row(shape: Any) -> tuple[int, ...] | None:
    """The shape of a row, from one of a batch."""
    return tuple(shape[1:]) if isinstance(shape, list | tuple) and len(shape) > 1 else None


def _with_names(layers: Sequence[Placed]) -> list[Placed]:
    """Give each layer a name that we can use and that no other has."""
    named, taken = [], set[str]()
    for place in layers:
        name = place.config.get("name")
        stem = re.sub(r"[./]", "_", name) if isinstance(name, str) and name else "layer"
        numbers = (f"{stem}_{k}" for k in range(1, len(layers) + 2))
        free = next(text for text in (stem, *numbers) if text not in taken | {"optimizer"})
        taken.add(free)
        config = {**place.description["config"], "name": free}
        named.append(place._replace(description={**place.description, "config": config}))
    return named


def compilation_from_keras(config: Any, custom: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What a model was compiled with, as our model files have it; None if it was not."""
    require(isinstance(config, Mapping), "compile_config", config, "the arguments of compile()")
    if not config.get("optimizer") or not config.get("loss"):
        return None
    weights = config.get("loss_weights")
    require(weights in (None, 1, [1]), "loss_weights", weights, "None: a model has one output")
    return {
        "optimizer": _part(config["optimizer"], "Optimizer", optimizers.get, custom),
        "iterations": 0,
        "loss": _part(_single(config["loss"], "loss"), "Loss", losses.get, custom),
        "metrics": _several(config.get("metrics"), custom),
        "weighted_metrics": _several(config.get("weighted_metrics"), custom),
    }


def _single(value: Any, argument: str) -> Any:
    """What is given for the one output, in a list or by its name."""
    while isinstance(value, list) or (isinstance(value, Mapping) and not is_description(value)):
        items = value if isinstance(value, list) else list(value.values())
        require(len(items) == 1, argument, value, "for one output")
        value = items[0]
    return value


def _several(value: Any, custom: Mapping[str, Any] | None) -> list[Any]:
    if isinstance(value, Mapping) and not is_description(value):
        require(len(value) == 1, "metrics", value, "for one output")
        (value,) = value.values()
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    if len(items) == 1 and isinstance(items[0], list):
        items = items[0]
    return [_part(item, "Metric", metrics.get, custom) for item in items if item is not None]


def _part(data: Any, kind: str, get: Any, custom: Mapping[str, Any] | None) -> Any:
    """The description of what `compile` got: an object, or a name."""
    found = from_keras(data, custom, f"the {kind.lower()}", kind) if is_description(data) else data
    require(isinstance(found, str | Mapping), kind.lower(), data, "a name or an object")
    return describe(get(found)) if isinstance(found, str) else found


def normalization_shape(place: Placed) -> tuple[int, ...]:
    """The shape of the means of a Normalization whose means Keras keeps among its arguments."""
    shape, axis = place.input_shape or (), place.config.get("axis", -1)
    axes = [] if axis is None else axis if isinstance(axis, list) else [axis]
    rank = len(shape) + 1
    return tuple(shape[k % rank - 1] for k in sorted(axes, key=lambda k: k % rank))
