"""Activations by name: Keras's strings, classes and functions, and some that Keras lacks.

Each class holds f and its slope side by side; see `Activation`. Each function, ``relu`` for
``ReLU``, takes an array and the options of its class, as Keras's do, and may also be given to
a layer.
"""

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.activations.base import CONSTANTS, Activation, compare
from mlp.arrays import Array, as_floats
from mlp.catalogue import Catalogue
from mlp.errors import ArgumentError
from mlp.naming import require_one_of, snake_case

if TYPE_CHECKING:
    from mlp.activations.exponential_rectifiers import CELU, ELU, SELU
    from mlp.activations.gated import GELU, HardSiLU, Mish, SiLU
    from mlp.activations.learned import GLU, Blend, Maxout, PReLU
    from mlp.activations.normalized import LogSoftmax, Softmax, Sparsemax
    from mlp.activations.ramps import HardSigmoid, HardTanh, SparseSigmoid
    from mlp.activations.rectifiers import GeneralReLU, LeakyReLU, Linear, ReLU, ReLU6
    from mlp.activations.shrinking import (
        HardShrink,
        Sign,
        SoftShrink,
        TanhShrink,
        Threshold,
        ThresholdedLinear,
    )
    from mlp.activations.sigmoids import (
        ComplementaryLogLog,
        Elliott,
        LecunTanh,
        LogLog,
        LogSigmoid,
        Sigmoid,
        Softsign,
        Tanh,
    )
    from mlp.activations.smooth import Exponential, Gaussian, Sine, Softplus, SparsePlus, Squareplus

    celu: Callable[..., Array]
    elu: Callable[..., Array]
    exponential: Callable[..., Array]
    gelu: Callable[..., Array]
    glu: Callable[..., Array]
    hard_shrink: Callable[..., Array]
    hard_sigmoid: Callable[..., Array]
    hard_silu: Callable[..., Array]
    hard_swish: Callable[..., Array]
    hard_tanh: Callable[..., Array]
    leaky_relu: Callable[..., Array]
    linear: Callable[..., Array]
    log_sigmoid: Callable[..., Array]
    log_softmax: Callable[..., Array]
    mish: Callable[..., Array]
    relu: Callable[..., Array]
    relu6: Callable[..., Array]
    selu: Callable[..., Array]
    sigmoid: Callable[..., Array]
    sign: Callable[..., Array]
    silu: Callable[..., Array]
    soft_shrink: Callable[..., Array]
    softmax: Callable[..., Array]
    softplus: Callable[..., Array]
    softsign: Callable[..., Array]
    sparse_plus: Callable[..., Array]
    sparse_sigmoid: Callable[..., Array]
    sparsemax: Callable[..., Array]
    squareplus: Callable[..., Array]
    swish: Callable[..., Array]
    tanh: Callable[..., Array]
    tanh_shrink: Callable[..., Array]
    threshold: Callable[..., Array]

_CATALOGUE = Catalogue(
    "activation",
    Activation,
    {
        "mlp.activations.exponential_rectifiers": "CELU ELU SELU",
        "mlp.activations.gated": "GELU HardSiLU Mish SiLU",
        "mlp.activations.learned": "GLU Blend Maxout PReLU",
        "mlp.activations.normalized": "LogSoftmax Softmax Sparsemax",
        "mlp.activations.ramps": "HardSigmoid HardTanh SparseSigmoid",
        "mlp.activations.rectifiers": "GeneralReLU LeakyReLU Linear ReLU ReLU6",
        "mlp.activations.shrinking": "HardShrink Sign SoftShrink TanhShrink Threshold ThresholdedLinear",
        "mlp.activations.sigmoids": (
            "ComplementaryLogLog Elliott LecunTanh LogLog LogSigmoid Sigmoid Softsign Tanh"
        ),
        "mlp.activations.smooth": "Exponential Gaussian Sine Softplus SparsePlus Squareplus",
    },
    aliases={
        "identity": "Linear",
        "logistic": "Sigmoid",
        "step": "Threshold",
        "swish": "SiLU",
        "hard_swish": "HardSiLU",
        "exp": "Exponential",
        "sin": "Sine",
        "cloglog": "ComplementaryLogLog",
    },
)


def get(identifier: Any) -> Activation:
    """The activation that a name, class, function or object stands for; None is linear.

    Raises
    ------
    ArgumentError
        If nothing is meant by it, or if its f does not write into the array that it is given.
    """
    if type(identifier).__name__ == "Activation" and not isinstance(identifier, Activation):
        identifier = identifier.activation  # Keras's Dense(8, activation=layers.LeakyReLU(0.1))
    activation: Activation = _CATALOGUE.get("linear" if identifier is None else identifier)
    if not _is_built_in(activation):
        _require_filling(activation)
    return activation


def _is_built_in(activation: Activation) -> bool:
    cls = type(activation)
    return _CATALOGUE.homes.get(cls.__name__) == cls.__module__


def _require_filling(activation: Activation) -> None:
    """Raise an `ArgumentError` if f of a class of the user's own returns another array than `out`."""
    units = 60  # a multiple of all that an `outputs` may divide by
    probe = np.zeros((1, units), np.float32)
    alone = copy.deepcopy(activation)
    alone.attach(units, probe.dtype)
    if alone.f(probe, out := np.empty((1, alone.outputs(units)), probe.dtype)) is not out:
        raise ArgumentError(
            f"{type(activation).__name__}.f(net, out) must write its result into `out` and return `out`; "
            "for example: return np.multiply(net, 2, out)"
        )


def serialize(activation: Any) -> str | dict[str, Any]:
    """The name of an activation with default options, else its class and configuration, as Keras.

    Examples
    --------
    >>> from mlp.activations import HardSiLU, LeakyReLU, relu
    >>> serialize(HardSiLU()), serialize(relu), serialize(LeakyReLU(0.1))["config"]
    ('hard_silu', 'relu', {'negative_slope': 0.1})
    """
    activation = get(activation)
    name = snake_case(type(activation).__name__)
    plain = _is_built_in(activation) and repr(activation).endswith("()")
    description: dict[str, Any] = _CATALOGUE.serialize(activation) or {}
    return name if plain else description


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Activation:
    """The activation that `serialize` wrote; None is linear."""
    return get(_CATALOGUE.deserialize(config, custom_objects))


# what the functions of these names mean where they are given options
_GENERAL = {"relu": "GeneralReLU", "threshold": "ThresholdedLinear"}
# the functions that take Keras's ``axis``, which has to be the last
_OF_ROWS = ("softmax", "log_softmax", "sparsemax", "glu")


def _function(name: str) -> Callable[..., Array]:
    """The activation of that name as Keras's function of an array; also understood by layers."""
    part: type[Activation] = _CATALOGUE.load(_CATALOGUE.named[name])
    general: type[Activation] = _CATALOGUE.load(_GENERAL.get(name, part.__name__))

    def function(x: Any, *values: Any, **options: Any) -> Array:
        if name in _OF_ROWS:
            x, given = as_floats(x, "net"), options.pop("axis", *values[:1] or (-1,))
            require_one_of(
                "axis", given, (-1, x.ndim - 1) if len(values) < 2 else (), "-1, the axis of the units"
            )
            values = ()
        chosen = general if values or options else part
        return chosen(*values, **options)(x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`{part.__name__}` of an array, with the options of the class `{general.__name__}`."
    function.part = part  # type: ignore[attr-defined]
    return function


def __getattr__(name: str) -> Any:
    """A class or, by its name in small letters or an alias, its function; loaded when it is asked for."""
    made = _function(name) if name in _CATALOGUE.named else _CATALOGUE.attribute(__name__, name)
    globals()[name] = made
    return made


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "CELU",
    "CONSTANTS",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Activation",
    "Blend",
    "ComplementaryLogLog",
    "Elliott",
    "Exponential",
    "Gaussian",
    "GeneralReLU",
    "HardShrink",
    "HardSiLU",
    "HardSigmoid",
    "HardTanh",
    "LeakyReLU",
    "LecunTanh",
    "Linear",
    "LogLog",
    "LogSigmoid",
    "LogSoftmax",
    "Maxout",
    "Mish",
    "PReLU",
    "ReLU",
    "ReLU6",
    "Sigmoid",
    "SiLU",
    "Sign",
    "Sine",
    "SoftShrink",
    "Softmax",
    "Softplus",
    "Softsign",
    "SparsePlus",
    "SparseSigmoid",
    "Sparsemax",
    "Squareplus",
    "Tanh",
    "TanhShrink",
    "Threshold",
    "ThresholdedLinear",
    "celu",
    "compare",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "sign",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]
