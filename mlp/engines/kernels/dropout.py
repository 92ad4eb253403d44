"""Dropout and noise on the tape: what NumPy has drawn becomes masks; at prediction X is passed on."""

from typing import Any

from mlp.arrays import Array
from mlp.elementary import where
from mlp.engines.kernels.arithmetic import multiply_elements
from mlp.engines.kernels.pointers import Anchor, Record, halves, integers, pointer, shift
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
    # the numbers that the rate gives are read in each step, so that it may change
    if isinstance(layer, GaussianNoise):
        tape.add(add_noise, *common, layer._stddev, work=size, shared=1)
        return layer.out
    tape.kept[layer] = mask = _mask(layer)
    if isinstance(layer, GaussianDropout):
        tape.add(multiply_by_noise, *common, mask, layer._stddev, work=size, shared=1)
    elif isinstance(layer, Dropout):
        tape.add(silence, *common, mask, layer._least, layer._scale, work=size, shared=1)
    elif isinstance(layer, AlphaDropout):
        tape.add(silence_to_lowest, *common, mask, layer._least, layer._numbers, work=size, shared=1)
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


def drawn(record: Record, start: Any) -> Any:
    """The layer's numbers of this step, from the beginning of all that were drawn."""
    stride, clock = integers(record[OPERANDS + 4]), integers(record[OPERANDS + 5])
    return shift(start, clock[STEP] * stride[0] + record[OPERANDS + 3])


def silence(record: Record, anchor: Anchor) -> None:
    """``mask = scale where u ≥ least, else 0; out = X ∘ mask``."""
    X, out = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    u, mask = drawn(record, halves(record[OPERANDS + 2])), pointer(record[OPERANDS + 6], anchor)
    least, scale = halves(record[OPERANDS + 7])[0], pointer(record[OPERANDS + 8], anchor)[0]
    for k in range(record[START], record[STOP]):
        factor = where(u[k] >= least, scale, anchor[0])
        mask[k] = factor
        out[k] = X[k] * factor


def silence_to_lowest(record: Record, anchor: Anchor) -> None:
    """``mask = a where u ≥ least, else 0; out = (X − α') mask + (a α' + b)``."""
    X, out = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    u, mask = drawn(record, halves(record[OPERANDS + 2])), pointer(record[OPERANDS + 6], anchor)
    least, settings = halves(record[OPERANDS + 7])[0], pointer(record[OPERANDS + 8], anchor)
    a, lowest, silenced = settings[0], settings[1], settings[2]
    for k in range(record[START], record[STOP]):
        factor = where(u[k] >= least, a, anchor[0])
        mask[k] = factor
        out[k] = (X[k] - lowest) * factor + silenced


def add_noise(record: Record, anchor: Anchor) -> None:
    """``out = X + deviation ∘ noise``."""
    X, out = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    u = drawn(record, pointer(record[OPERANDS + 2], anchor))
    deviation = pointer(record[OPERANDS + 6], anchor)[0]
    for k in range(record[START], record[STOP]):
        out[k] = u[k] * deviation + X[k]


def multiply_by_noise(record: Record, anchor: Anchor) -> None:
    """``mask = 1 + deviation ∘ noise, out = X ∘ mask``."""
    X, out = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    u = drawn(record, pointer(record[OPERANDS + 2], anchor))
    mask, deviation = pointer(record[OPERANDS + 6], anchor), pointer(record[OPERANDS + 7], anchor)[0]
    for k in range(record[START], record[STOP]):
        factor = u[k] * deviation + anchor[1]
        mask[k] = factor
        out[k] = X[k] * factor
