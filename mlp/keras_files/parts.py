"""Keras's descriptions of parts and ours, each as plain data: one becomes the other, and nothing is run.

Most classes have Keras's name and arguments. What is here is the rest: arguments that only one of the
two has, and have to be such that they change nothing; and activations, which are names or layers there.
"""

from collections.abc import Mapping
from typing import Any

from mlp import layers
from mlp.errors import ArgumentError
from mlp.naming import constructor_arguments, describe, find, registered_name, require, snake_case
from mlp.optimizers.settings import is_number

# by our name for a kind: Keras's module, and what it has of our classes
CLASSES = {
    "Constraint": ("keras.constraints", "MaxNorm MinMaxNorm NonNeg UnitNorm"),
    "Initializer": (
        "keras.initializers",
        "Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones "
        "Orthogonal RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros",
    ),
    "Layer": (
        "keras.layers",
        "Activation ActivityRegularization AlphaDropout BatchNormalization Dense Dropout Embedding Flatten "
        "GaussianDropout GaussianNoise GroupNormalization Identity LayerNormalization Normalization PReLU "
        "Permute RMSNormalization RepeatVector Rescaling Reshape UnitNormalization",
    ),
    "Loss": (
        "keras.losses",
        "BinaryCrossentropy BinaryFocalCrossentropy CategoricalCrossentropy CategoricalFocalCrossentropy "
        "CategoricalGeneralizedCrossEntropy CategoricalHinge CosineSimilarity Hinge Huber KLDivergence "
        "LogCosh MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError "
        "Poisson SparseCategoricalCrossentropy SquaredHinge",
    ),
    "Metric": (
        "keras.metrics",
        "AUC Accuracy BinaryAccuracy BinaryCrossentropy BinaryIoU CategoricalAccuracy "
        "CategoricalCrossentropy CategoricalHinge ConcordanceCorrelation CosineSimilarity F1Score FBetaScore "
        "FalseNegatives FalsePositives Hinge IoU KLDivergence LogCoshError MeanAbsoluteError "
        "MeanAbsolutePercentageError MeanIoU MeanSquaredError MeanSquaredLogarithmicError OneHotIoU "
        "OneHotMeanIoU PearsonCorrelation Poisson Precision PrecisionAtRecall R2Score Recall "
        "RecallAtPrecision RootMeanSquaredError SensitivityAtSpecificity SparseCategoricalAccuracy "
        "SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy SpecificityAtSensitivity SquaredHinge "
        "TopKCategoricalAccuracy TrueNegatives TruePositives",
    ),
    "Optimizer": (
        "keras.optimizers",
        "Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion Muon Nadam RMSprop SGD "
        "ScheduleFreeAdamW",
    ),
    "LearningRateSchedule": (
        "keras.optimizers.schedules",
        "CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay PiecewiseConstantDecay "
        "PolynomialDecay",
    ),
    "Regularizer": ("keras.regularizers", "L1 L1L2 L2 OrthogonalRegularizer"),
}
KINDS = {module: kind for kind, (module, _) in CLASSES.items()}
ACTIVATIONS = (  # without options
    "celu elu exponential gelu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu linear log_sigmoid "
    "log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus "
    "sparse_sigmoid squareplus tanh tanh_shrink"
)  # not sparsemax: Keras's has other values wherever more than one output is above 0
LAYERS_OF = {"LeakyReLU": "LeakyReLU", "ELU": "ELU", "GeneralReLU": "ReLU"}  # activations with options
MAKERS = ("ELU", "LeakyReLU", "ReLU", "Softmax")  # layers there, an `Activation` here
ALIASES = {"IdentityInitializer": "Identity", "OrthogonalInitializer": "Orthogonal"}
ACCURACY = ("accuracy", "acc")  # Keras's names for what is an `AccuracyByForm` here
# arguments of ours that Keras's class or kind lacks, which must have their defaults
NOT_IN_KERAS = {
    "Optimizer": ("rate_factors", "decay_factors"),
    "Loss.Poisson": ("from_log",),
    "Loss.SparseCategoricalCrossentropy": ("label_smoothing",),
}
# arguments of Keras's that we lack: at these values they change nothing
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "activity_regularizer": (None,),
    "axis": (-1,),
    "data_format": (None, "channels_last"),
    "input_axes": (None,),
    "lora_rank": (None,),
    "loss_scale_factor": (None,),
    "mask_zero": (False,),
    "noise_shape": (None,),
    "output_axes": (None,),
    "quantization_config": (None,),
    "renorm": (False,),
    "rms_scaling": (False,),
    "shared_axes": (None,),
    "weights": (None,),
}
OTHERWISE = "save under a name that ends otherwise, such as 'model.mlp'"
WITHOUT_EFFECT = {"autocast", "dtype", "lora_alpha", "renorm_clipping", "renorm_momentum", "synchronized"}


def is_description(value: Any) -> bool:
    """Whether it is a part as plain data, in Keras's form or ours."""
    return isinstance(value, Mapping) and value.keys() >= {"class_name", "config"}


# from ours


def to_keras(description: Mapping[str, Any], where: str) -> Any:
    """Keras's description of a part that `naming.describe` described.

    Parameters
    ----------
    description : mapping
    where : str
        What the part belongs to, for the error.

    Raises
    ------
    ArgumentError
        If Keras has no such part, or not with these arguments.
    """
    name, kind = description["class_name"], description["kind"]
    if kind == "Activation":
        return _activation_to_keras(description, where)
    config = dict(description["config"])
    if (kind, name) == ("Metric", "AccuracyByForm"):
        return ACCURACY[config.get("name") == ACCURACY[1]]
    module, names = CLASSES.get(kind, ("", ""))
    if name not in names.split():
        return _own(description, where)
    defaults = constructor_arguments(find(name, kind))
    for argument in (*NOT_IN_KERAS.get(kind, ()), *NOT_IN_KERAS.get(f"{kind}.{name}", ())):
        value = config.pop(argument, defaults[argument])
        if value != defaults[argument] and value:
            raise ArgumentError(f"{where}: Keras's {name} has no {argument}={value!r}; {OTHERWISE}")
    if is_number(config.get("learning_rate")):
        config["learning_rate"] = float(config["learning_rate"])  # Keras takes no integer
    return _described(module, name, values_to_keras(config, where), None)


def _described(module: str, name: str, config: Any, registered: str | None) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": registered}


def _own(description: Mapping[str, Any], where: str) -> dict[str, Any]:
    """A class of the user's own, which Keras has to know by the same name."""
    name, kind = description["class_name"], description["kind"]
    part = find(name, kind)
    if part is None or _is_ours(part) or kind == "Optimizer":
        own = "" if part is None or _is_ours(part) else " of your own"
        raise ArgumentError(
            f"{where}: a Keras file cannot hold a {name}{own}, for which Keras has no counterpart; "
            f"{OTHERWISE}"
        )
    config = values_to_keras(description["config"], where)
    return _described(part.__module__, part.__name__, config, registered_name(part) or part.__name__)


def values_to_keras(config: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The arguments of a part, parts among them translated; a name and a type that are None are left out."""
    return {
        key: _value_to_keras(value, where)
        for key, value in config.items()
        if value is not None or key not in ("name", "dtype", "activity_regularizer")
    }


def _value_to_keras(value: Any, where: str) -> Any:
    if is_description(value):
        return to_keras(value, where)
    if isinstance(value, Mapping) and "function" in value:
        raise ArgumentError(
            f"{where}: a Keras file cannot hold the function {value['function']!r}; {OTHERWISE}"
        )
    return [_value_to_keras(item, where) for item in value] if isinstance(value, list) else value


def activation_name(description: Mapping[str, Any]) -> str:
    """Keras's name for an activation that has it and no options, else an empty string."""
    part, name = find(description["class_name"], "Activation"), snake_case(description["class_name"])
    if not _is_ours(part) or name not in ACTIVATIONS.split():
        return ""
    config, defaults = description["config"], constructor_arguments(part)
    return name if all(config[key] == value for key, value in defaults.items()) else ""


def _is_ours(part: Any) -> bool:
    return part is not None and part.__module__.startswith("mlp.")


def _activation_to_keras(description: Mapping[str, Any], where: str) -> Any:
    name, config = description["class_name"], dict(description["config"])
    if plain := activation_name(description):
        return plain
    if name in LAYERS_OF and _is_ours(find(name, "Activation")):
        return _described(CLASSES["Layer"][0], LAYERS_OF[name], config, None)
    options = ", ".join(f"{key}={value!r}" for key, value in config.items())
    raise ArgumentError(
        f"{where}: a Keras file cannot hold the activation {name}({options}), for which Keras has no "
        f"counterpart; {OTHERWISE}"
    )


# from Keras's


def from_keras(data: Any, custom: Mapping[str, Any] | None, where: str, kind: str = "") -> Any:
    """Our description of a part that Keras described; a function is its name.

    Parameters
    ----------
    data : mapping
    custom : mapping of str to class, optional
        The user's own, as in `load_model`.
    where : str
        What the part belongs to, for the error.
    kind : str, optional
        What it has to be, our name for it; by default Keras's module says it.

    Raises
    ------
    ArgumentError
        If there is no such part, or not with these arguments.
    """
    require(is_description(data), where, data, "a part as Keras describes it, with class_name and config")
    name, module, config = data["class_name"], data.get("module"), data["config"]
    if name == "function" and isinstance(config, str):
        own = find_own({**data, "class_name": config}, custom, kind or "Activation")
        return {"class_name": own, "kind": kind or "Activation", "config": {}} if own else config
    if name == "DTypePolicy" and isinstance(config, Mapping):
        return config.get("name")
    if name in ("__numpy__", "__tensor__") and isinstance(config, Mapping):
        return config.get("value")
    require(isinstance(name, str) and isinstance(config, Mapping), where, data, "a class and its arguments")
    own = find_own(data, custom, kind)
    if own:
        return {"class_name": own, "kind": kind, "config": values_from_keras(config, custom, where)}
    found, name = KINDS.get(module or "", "") if isinstance(module, str) else "", ALIASES.get(name, name)
    if found == "Layer" and name in MAKERS:
        options = {key: value for key, value in config.items() if key not in WITHOUT_EFFECT}
        return describe(layers.deserialize({"class_name": name, "config": options}))
    if not found or kind not in ("", found) or name not in CLASSES[found][1].split():
        raise ArgumentError(
            f"{where}: there is no counterpart to Keras's {name} of {module!r}. A class of your own is made "
            f"known by mlp.register(YourClass) or custom_objects={{{name!r}: YourClass}}"
        )
    known = constructor_arguments(find(name, found))
    kept = {}
    for key, value in config.items():
        if key in known:
            kept[key] = value
        elif key not in WITHOUT_EFFECT and (key not in NEUTRAL or value not in NEUTRAL[key]):
            raise ArgumentError(f"{where}: there is no counterpart to {name}({key}={value!r}) of Keras")
    return {"class_name": name, "kind": found, "config": values_from_keras(kept, custom, where)}


def find_own(data: Mapping[str, Any], custom: Mapping[str, Any] | None, kind: str) -> str:
    """The name by which a class of the user's own is known, or an empty string."""
    for name in (data.get("registered_name"), data.get("class_name")):
        part = find(name, kind, custom) if isinstance(name, str) else None
        if part is not None and not _is_ours(part):
            return str(name)
    return ""


def values_from_keras(config: Mapping[str, Any], custom: Mapping[str, Any] | None, where: str) -> Any:
    """The arguments of a part, parts among them translated."""
    found = {key: _value_from_keras(value, custom, f"{where}, {key}") for key, value in config.items()}
    name = found.get("activation")
    if isinstance(name, str) and name not in (*ACTIVATIONS.split(), "swish", "hard_swish"):
        if find(name, "Activation", custom) is None or _is_ours(find(name, "Activation", custom)):
            raise ArgumentError(f"{where}: there is no counterpart to Keras's activation {name!r}")
        found["activation"] = {"class_name": name, "kind": "Activation", "config": {}}
    return found


def _value_from_keras(value: Any, custom: Mapping[str, Any] | None, where: str) -> Any:
    if isinstance(value, list):
        return [_value_from_keras(item, custom, where) for item in value]
    if not is_description(value):
        return value
    part = from_keras(value, custom, where)
    # Keras takes a layer such as LeakyReLU(0.1) for an activation
    is_layer = isinstance(part, Mapping) and part["kind"] == "Layer" and part["class_name"] == "Activation"
    return part["config"]["activation"] if is_layer else part
