"""The loop over the layers forward, and the loop back, as instructions on a tape.

They are those of `mlp.layers.propagation`, and blocks use them too. What is put on the tape for a
layer stands in the module of its class.
"""

from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from mlp.engines.kernels.activity import emit_grad
from mlp.engines.kernels.tape import Operand, Tape, Uncompilable
from mlp.layers.base import Layer
from mlp.layers.blocks import Concatenate

# The modules of the layers' compiled forms. Each has `forward` and `backward`, and where a layer has
# an activation `delta`, with the arguments of the calls below.
HOMES = {
    "Dense": "dense",
    "Activation": "activation_layer",
    "PReLU": "activation_layer",
    "ActivityRegularization": "passing",
    "AlphaDropout": "dropout",
    "BatchNormalization": "batch_normalization",
    "Columns": "rearranging",
    "Concatenate": "concatenate",
    "Dropout": "dropout",
    "Embedding": "embedding",
    "Flatten": "passing",
    "GaussianDropout": "dropout",
    "GaussianNoise": "dropout",
    "GroupNormalization": "row_normalization",
    "Identity": "passing",
    "LayerNormalization": "row_normalization",
    "NTKDense": "dense",
    "Normalization": "scaling",
    "PeriodicEmbedding": "periodic_embedding",
    "Permute": "rearranging",
    "RMSNormalization": "row_normalization",
    "RepeatVector": "rearranging",
    "Rescaling": "scaling",
    "Reshape": "passing",
    "Residual": "residual",
    "Scale": "learned_scaling",
    "UnitNormalization": "unit_normalization",
}


def forward(tape: Tape, layers: Sequence[Layer], X: Operand) -> Operand:
    """Add what makes the output of the last layer; where that is."""
    out = X
    if not tape.outputs:
        tape.mark_as_inputs(X)
    for layer in layers:
        below, out = out, form_of(layer).forward(tape, layer, out)
        tape.outputs[layer] = out
        if tape.are_inputs(below) and _picks(tape, layer):
            tape.mark_as_inputs(out)
    return out


def backward(tape: Tape, layers: Sequence[Layer], delta: Operand) -> Operand:
    """Add what carries the output delta back through the layers; where grad of the first's input is."""
    above = layers[-1]
    grad = form_of(above).backward(tape, above, delta)
    for layer in reversed(layers[:-1]):
        if not above.passes_grad:
            break
        grad = form_of(layer).backward(tape, layer, delta_of(tape, layer, grad))
        above = layer
    return grad


def delta_of(tape: Tape, layer: Layer, grad: Operand) -> Operand:
    """Add ``delta = f'(net) ∘ grad`` of a layer, its activity penalty in it; grad where it has neither."""
    grad, form = emit_grad(tape, layer, grad), form_of(layer)
    return form.delta(tape, layer, grad) if hasattr(form, "delta") else grad


def _picks(tape: Tape, layer: Layer) -> bool:
    """Whether a layer only picks and passes on, and all layers in it."""
    if type(layer) is Concatenate:
        return all(tape.are_inputs(tape.outputs[branch[-1]]) for branch in layer.branches if branch)
    return type(layer).select is not Layer.select


def form_of(layer: Layer) -> ModuleType:
    """The module with the compiled form of a layer.

    Raises
    ------
    Uncompilable
        If there is none, as for a class of the user's own.
    """
    cls = type(layer)
    home = HOMES.get(cls.__name__)
    if home is None or not cls.__module__.startswith("mlp.layers."):
        raise Uncompilable(f"layer {layer.name!r} ({cls.__name__}) has no compiled form")
    if replaced := {"forward", "delta", "backward"} & vars(layer).keys():
        raise Uncompilable(f"{min(replaced)} of layer {layer.name!r} was replaced")
    return import_module(f"mlp.engines.kernels.{home}")
