"""Dropout and noise on the tape: what NumPy has drawn becomes masks; at prediction X is passed on."""

from typing import Any

from mlp.arrays import Array
from mlp.elementary import floor
from mlp.engines.kernels.arithmetic import multiply_elements
from mlp.engines.kernels.pointers import Anchor, Record, integers, number, pointer, shift
from mlp.engines.kernels.tape import Operand, Slot, Tape
from mlp.engines.kernels.walk import OPERANDS, START, STEP, STOP
from mlp.layers.base import Layer
from mlp.layers.regularization import AlphaDropout, Dropout, GaussianDropout, GaussianNoise


def forward(tape: Tape, layer: Layer, X: Operand) -> Operand:
    """``out = X ∘ mask``, or what the layer does else."""
    strength = layer.stddev if isinstance(layer, GaussianNoise) else layer.rate  # type: ignore[attr-defined]
    if not (tape.training and strength):
        return X
    layer.allocate(tape.rows)
    size, normal = layer.out.size, isinstance(layer, GaussianNoise | GaussianDropout)
    name, start, stride = tape.noise.add(layer.rng, size, normal)
    common = X, layer.out, Slot(name), start, stride, tape.clock
    if isinstance(layer, GaussianNoise):
        tape.add(add_noise, *common, float(layer._stddev), work=size, shared=1)
        return layer.out
    tape.kept[layer] = mask = _mask(layer)
    if isinstance(layer, GaussianDropout):
        tape.add(multiply_by_noise, *common, mask, float(layer._stddev), work=size, shared=1)
    elif isinstance(layer, Dropout):
        tape.add(silence, *common, mask, float(layer._keep), float(layer._scale), work=size, shared=1)
    elif isinstance(layer, AlphaDropout):
        numbers = [float(value) for value in (layer._keep, layer._a, layer._lowest, layer._silenced)]
        tape.add(silence_to_lowest, *common, mask, *numbers, work=size, shared=1)
    return layer.out


def backward(tape: Tape, layer: Layer, delta: Operand) -> Operand:
    """``grad = delta ∘ mask``."""
    if layer not in tape.kept or not layer.passes_grad:
        return delta
    grad: Array = layer.grad  # type: ignore[attr-defined]
    tape.add(multiply_elements, delta, tape.kept[layer], grad, work=grad.size, shared=1)
    return grad


def _mask(layer: Any) -> Array:
    """Where a layer keeps what X is multiplied by."""
    return layer.noise if isinstance(layer, GaussianDropout) else layer.mask


# kernels


def drawn(record: Record, anchor: Anchor) -> Any:
    """The layer's numbers of this step."""
    stride, clock = integers(record[OPERANDS + 4]), integers(record[OPERANDS + 5])
    return shift(pointer(record[OPERANDS + 2], anchor), clock[STEP] * stride[0] + record[OPERANDS + 3])


def silence(record: Record, anchor: Anchor) -> None:
    """``mask = ⌊u + keep⌋ scale, out = X ∘ mask``."""
    X, out, u = (
        pointer(record[OPERANDS], anchor),
        pointer(record[OPERANDS + 1], anchor),
        drawn(record, anchor),
    )
    mask = pointer(record[OPERANDS + 6], anchor)
    keep, scale = number(record[OPERANDS + 7], anchor), number(record[OPERANDS + 8], anchor)
    for k in range(record[START], record[STOP]):
        factor = floor(u[k] + keep) * scale
        mask[k] = factor
        out[k] = X[k] * factor


def silence_to_lowest(record: Record, anchor: Anchor) -> None:
    """``mask = ⌊u + keep⌋ a, out = (X − α') mask + (a α' + b)``."""
    X, out, u = (
        pointer(record[OPERANDS], anchor),
        pointer(record[OPERANDS + 1], anchor),
        drawn(record, anchor),
    )
    mask = pointer(record[OPERANDS + 6], anchor)
    keep, a = number(record[OPERANDS + 7], anchor), number(record[OPERANDS + 8], anchor)
    lowest, silenced = number(record[OPERANDS + 9], anchor), number(record[OPERANDS + 10], anchor)
    for k in range(record[START], record[STOP]):
        factor = floor(u[k] + keep) * a
        mask[k] = factor
        out[k] = (X[k] - lowest) * factor + silenced


def add_noise(record: Record, anchor: Anchor) -> None:
    """``out = X + deviation ∘ noise``."""
    X, out, u = (
        pointer(record[OPERANDS], anchor),
        pointer(record[OPERANDS + 1], anchor),
        drawn(record, anchor),
    )
    deviation = number(record[OPERANDS + 6], anchor)
    for k in range(record[START], record[STOP]):
        out[k] = u[k] * deviation + X[k]


def multiply_by_noise(record: Record, anchor: Anchor) -> None:
    """``mask = 1 + deviation ∘ noise, out = X ∘ mask``."""
    X, out, u = (
        pointer(record[OPERANDS], anchor),
        pointer(record[OPERANDS + 1], anchor),
        drawn(record, anchor),
    )
    mask, deviation = pointer(record[OPERANDS + 6], anchor), number(record[OPERANDS + 7], anchor)
    for k in range(record[START], record[STOP]):
        factor = u[k] * deviation + anchor[1]
        mask[k] = factor
        out[k] = X[k] * factor
