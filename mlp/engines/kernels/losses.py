"""Losses on the tape: L = Σ_n weight_n ℓ_n is added up, and its gradient or the output delta is made.

The formulas stand in the classes: `scalar_loss` of one output, or `row_loss` of a row. Each gives value
and slope at once, since they have much in common. Here are the loops around them. They go by blocks of
rows, which the cores may share; each block has a sum of its own, so that the loss does not depend on
how many cores there are, and keeps its digits in float32.
"""

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mlp.arrays import Array, buffer
from mlp.elementary import isnan, where
from mlp.engines.kernels.activations import emit_delta
from mlp.engines.kernels.pointers import Anchor, Record, doubles, integers, number, numbers, pointer, shift
from mlp.engines.kernels.tape import Operand, Tape, Uncompilable
from mlp.engines.kernels.walk import COUNT, LOSSES, OPERANDS, SKIP, START, STEP, STOP
from mlp.layers.base import Layer
from mlp.losses import Loss, Masked, SparseCategoricalCrossentropy

BLOCK = 2048  # numbers

# What says how value and gradient come about. A class that has one of them of its own has no compiled
# form, unless it has that of its own too.
METHODS = (
    "elements", "slopes", "value", "gradient", "total", "delta",
    "elements_from_net", "total_from_net", "delta_from_net",
)  # fmt: skip

# Operands. NET is the output but for a canonical pair; SUMS has a number for each block, or is 0.
NET, OUT, TARGET, GRAD, WEIGHT, EACH, CLOCK, SUMS = range(OPERANDS, OPERANDS + 8)
ROWS, PER_BLOCK, UNITS, COLUMNS, FACTOR, SLOPE_FACTOR, SETTINGS, TABLE = range(OPERANDS + 8, OPERANDS + 16)


def formula(*values: Any) -> Any:
    """What the tape puts here: a compiled form of a loss."""
    raise NotImplementedError


def leave_if_infinite(record: Record, anchor: Anchor) -> None:
    """Leave out the rest of a step whose loss is not finite: the weights stay as they are."""
    clock = integers(record[OPERANDS])
    if not math.isfinite(doubles(clock[LOSSES])[clock[STEP]]):
        clock[SKIP] = clock[COUNT]


# on the tape


def emit_loss(
    tape: Tape, loss: Loss, net: Operand, out: Operand, T: Operand, weight: Operand, each: bool,
    counts: bool = False,
) -> Array:  # fmt: skip
    """Add L to the loss of the step; where ∂L/∂out is, or the output delta of a canonical pair.

    Parameters
    ----------
    tape : Tape
    loss : Loss
        Bound to the outputs.
    net, out, T : operand
        The net activation and the output of the last layer, and the encoded targets.
    weight : operand
        One number for all rows, or with `each` one a row.
    each : bool
    counts : bool, default False
        Whether the weights are those of a batch all rows of which have targets, and it is to be counted
        here how many have.

    Raises
    ------
    Uncompilable
        If the loss has no compiled form.
    """
    T, weight, each = _emit_known(tape, loss, T, weight, each, counts)
    inner = of_known(loss)
    by_element, function = form_of(inner)
    units, columns = loss.units, loss.encoded_columns(loss.units)
    grad = buffer((tape.rows, units), tape.dtype)
    per_block = max(1, BLOCK // units)
    blocks = -(-tape.rows // per_block)
    sums = np.zeros(blocks) if blocks > 1 else None
    table = inner.table()
    settings = settings_of(inner, function, (3 if by_element else 5) + (table is not None))
    factor, slope_factor = 1.0, inner.canonical_factor or 1.0
    if by_element:
        factor = float(inner.factor(units))
        slope_factor = inner.canonical_factor or factor
        kernel = weighted_elements if each or inner is not loss else elements
        if table is not None:
            kernel, table = elements_by_table, np.tile(table, per_block)
    else:
        kernel = rows_by_table if table is not None else rows
    tape.add(
        kernel, net if inner.canonical_factor else out, out, T, grad, weight, int(each), tape.clock, sums,
        tape.rows, per_block, units, columns, float(factor), float(slope_factor), settings, table,
        work=blocks, formula=function, count=len(settings), shared=BLOCK,
    )  # fmt: skip
    if sums is not None:
        tape.add(add_blocks, sums, tape.clock, work=blocks)
    return grad


def emit_output_delta(
    tape: Tape, loss: Loss, last: Layer, net: Operand, out: Operand, grad: Array
) -> Operand:
    """Add the output delta, made of what `emit_loss` returned; where it is."""
    if loss.canonical_factor:
        return grad
    units = last.activation_units or loss.units
    delta = buffer((tape.rows, units), tape.dtype)
    return emit_delta(tape, last.activation, grad, net, out, delta, units)


def _emit_known(
    tape: Tape, loss: Loss, T: Operand, weight: Operand, each: bool, counts: bool
) -> tuple[Operand, Operand, bool]:
    # what leaves out rows without a target; the new T, weight and `each`
    inner = of_known(loss)
    if type(inner).counted not in (Loss.counted, SparseCategoricalCrossentropy.counted):
        raise Uncompilable(f"loss {type(inner).__name__} has no compiled form, since `counted` is its own")
    gaps = inner is not loss and not inner.by_element
    ignores = getattr(inner, "ignore_class", None) is not None
    if not gaps and not ignores:
        return T, weight, each
    rows, columns = tape.rows, loss.encoded_columns(loss.units)
    weights, filled = buffer((rows,), tape.dtype), buffer((rows, columns), tape.dtype) if gaps else None
    tape.add(weigh_known, T, filled, columns, weight, int(each), weights, int(ignores), work=rows)
    if counts and ignores:
        shares = [loss.reduce(known) / loss.reduce(rows) for known in range(rows + 1)]
        tape.add(weigh_counted, T, columns, weights, np.array(shares, tape.dtype), work=rows)
    return T if filled is None else filled, weights, True


def of_known(loss: Loss) -> Loss:
    """The loss of the targets that are known, if some may not be, else the loss itself."""
    return loss.loss if isinstance(loss, Masked) and type(loss) is Masked else loss


def form_of(loss: Loss) -> tuple[bool, Callable[..., Any]]:
    """Whether a loss has a compiled form by outputs, rather than by rows; and that form.

    Raises
    ------
    Uncompilable
        If it has none, or a class of the user's has changed what it says.
    """
    ending = "_from_net" if loss.canonical_factor else loss.variant
    for cls in type(loss).__mro__:
        for by_element, name in ((True, f"scalar_loss{ending}"), (False, f"row_loss{ending}")):
            if name in vars(cls):
                return by_element, getattr(cls, name)
        if any(method in vars(cls) for method in METHODS):
            break
    raise Uncompilable(f"loss {type(loss).__name__} has no compiled form")


def settings_of(loss: Loss, function: Callable[..., Any], first: int) -> Array:
    """The numbers that a form asks for by the names of its arguments from `first` on."""
    known = loss.scalars()
    return np.array([known[name] for name in list(inspect.signature(function).parameters)[first:]], float)


# kernels


def elements(record: Record, anchor: Anchor) -> None:
    """Value and slopes, output by output; all rows weigh the same."""
    net, out = pointer(record[NET], anchor), pointer(record[OUT], anchor)
    T, grad = pointer(record[TARGET], anchor), pointer(record[GRAD], anchor)
    share, settings = pointer(record[WEIGHT], anchor)[0], numbers(integers(record[SETTINGS]), 0, anchor)
    slope_share = share * number(record[SLOPE_FACTOR], anchor)
    block, size = record[PER_BLOCK] * record[UNITS], record[ROWS] * record[UNITS]
    for b in range(record[START], record[STOP]):
        value = anchor[0]
        for k in range(b * block, min(size, (b + 1) * block)):
            element, slope = formula(net[k], out[k], T[k], *settings)
            value += element
            grad[k] = slope * slope_share
        keep(record, b, value * (share * number(record[FACTOR], anchor)))


def weighted_elements(record: Record, anchor: Anchor) -> None:
    """The same where each row has a weight, and where t is NaN nothing is added."""
    net, out = pointer(record[NET], anchor), pointer(record[OUT], anchor)
    T, grad = pointer(record[TARGET], anchor), pointer(record[GRAD], anchor)
    settings = numbers(integers(record[SETTINGS]), 0, anchor)
    slope_factor = number(record[SLOPE_FACTOR], anchor)
    block, size = record[PER_BLOCK] * record[UNITS], record[ROWS] * record[UNITS]
    for b in range(record[START], record[STOP]):
        spread_weights(record, b, grad, anchor)
        value = anchor[0]
        for k in range(b * block, min(size, (b + 1) * block)):
            weight, unknown = grad[k], isnan(T[k])
            element, slope = formula(net[k], out[k], where(unknown, 1.0, T[k]), *settings)
            value += where(unknown, 0.0, element * weight)
            grad[k] = where(unknown, 0.0, slope * (weight * slope_factor))
        keep(record, b, value * number(record[FACTOR], anchor))


def elements_by_table(record: Record, anchor: Anchor) -> None:
    """The same with a number for each output, which the table has for the rows of a block."""
    net, out = pointer(record[NET], anchor), pointer(record[OUT], anchor)
    T, grad = pointer(record[TARGET], anchor), pointer(record[GRAD], anchor)
    settings = numbers(integers(record[SETTINGS]), 0, anchor)
    slope_factor, table = number(record[SLOPE_FACTOR], anchor), pointer(record[TABLE], anchor)
    block, size = record[PER_BLOCK] * record[UNITS], record[ROWS] * record[UNITS]
    for b in range(record[START], record[STOP]):
        spread_weights(record, b, grad, anchor)
        value, start = anchor[0], b * block
        for k in range(start, min(size, start + block)):
            weight, unknown, t = grad[k], isnan(T[k]), where(isnan(T[k]), 1.0, T[k])
            element, slope = formula(net[k], out[k], t, table[k - start], *settings)
            value += where(unknown, 0.0, element * weight)
            grad[k] = where(unknown, 0.0, slope * (weight * slope_factor))
        keep(record, b, value * number(record[FACTOR], anchor))


def rows(record: Record, anchor: Anchor) -> None:
    """Value and gradient, row by row."""
    net, out = pointer(record[NET], anchor), pointer(record[OUT], anchor)
    T, grad = pointer(record[TARGET], anchor), pointer(record[GRAD], anchor)
    weight, each = pointer(record[WEIGHT], anchor), record[EACH]
    units, columns, per_block = record[UNITS], record[COLUMNS], record[PER_BLOCK]
    settings = numbers(integers(record[SETTINGS]), 0, anchor)
    slope_factor = number(record[SLOPE_FACTOR], anchor)
    for b in range(record[START], record[STOP]):
        value = anchor[0]
        for r in range(b * per_block, min(record[ROWS], (b + 1) * per_block)):
            row, at = shift(grad, r * units), r * units
            of_row = formula(shift(net, at), shift(out, at), shift(T, r * columns), row, units, *settings)
            value += of_row * weight[r * each]
            share = weight[r * each] * slope_factor
            for k in range(units):
                row[k] *= share
        keep(record, b, value)


def rows_by_table(record: Record, anchor: Anchor) -> None:
    """The same with a number for each output."""
    net, out = pointer(record[NET], anchor), pointer(record[OUT], anchor)
    T, grad = pointer(record[TARGET], anchor), pointer(record[GRAD], anchor)
    weight, each, table = pointer(record[WEIGHT], anchor), record[EACH], pointer(record[TABLE], anchor)
    units, columns, per_block = record[UNITS], record[COLUMNS], record[PER_BLOCK]
    settings = numbers(integers(record[SETTINGS]), 0, anchor)
    slope_factor = number(record[SLOPE_FACTOR], anchor)
    for b in range(record[START], record[STOP]):
        value = anchor[0]
        for r in range(b * per_block, min(record[ROWS], (b + 1) * per_block)):
            row, at, t = shift(grad, r * units), r * units, shift(T, r * columns)
            of_row = formula(shift(net, at), shift(out, at), t, row, units, table, *settings)
            value += of_row * weight[r * each]
            share = weight[r * each] * slope_factor
            for k in range(units):
                row[k] *= share
        keep(record, b, value)


def spread_weights(record: Record, b: int, grad: Any, anchor: Anchor) -> None:
    """Write the weight of each row of a block to all its places in grad."""
    weight, each, units = pointer(record[WEIGHT], anchor), record[EACH], record[UNITS]
    for r in range(b * record[PER_BLOCK], min(record[ROWS], (b + 1) * record[PER_BLOCK])):
        for k in range(r * units, (r + 1) * units):
            grad[k] = weight[r * each]


def keep(record: Record, b: int, value: float) -> None:
    """Keep the sum of a block; of the only one in the loss of the step."""
    if record[SUMS] == 0:
        clock = integers(record[CLOCK])
        doubles(clock[LOSSES])[clock[STEP]] += value
    else:
        doubles(record[SUMS])[b] = value


def add_blocks(record: Record, anchor: Anchor) -> None:
    """Add the sums of the blocks to the loss of the step."""
    sums, clock = doubles(record[OPERANDS]), integers(record[OPERANDS + 1])
    total = doubles(clock[LOSSES])[clock[STEP]]
    for b in range(record[STOP]):
        total += sums[b]
    doubles(clock[LOSSES])[clock[STEP]] = total


def weigh_known(record: Record, anchor: Anchor) -> None:
    """Give the rows without a target the weight 0, and fill the gaps of T with 1.

    A row has none if one of its targets is NaN or, where a class is ignored, all are 0.
    """
    T, columns = pointer(record[OPERANDS], anchor), record[OPERANDS + 2]
    filled, fills = pointer(record[OPERANDS + 1], anchor), record[OPERANDS + 1] != 0
    weight, each = pointer(record[OPERANDS + 3], anchor), record[OPERANDS + 4]
    weights, ignores = pointer(record[OPERANDS + 5], anchor), record[OPERANDS + 6] != 0
    for r in range(record[STOP]):
        known = not ignores or any_target(T, r * columns, columns)
        if fills:
            for k in range(r * columns, (r + 1) * columns):
                known &= not isnan(T[k])
                filled[k] = where(isnan(T[k]), 1.0, T[k])
        weights[r] = where(known, weight[r * each], 0.0)


def weigh_counted(record: Record, anchor: Anchor) -> None:
    """Multiply the weights by the share of a row of so many that are counted, over that of one of all."""
    T, columns = pointer(record[OPERANDS], anchor), record[OPERANDS + 1]
    weights, shares = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    count = 0
    for r in range(record[STOP]):
        count += any_target(T, r * columns, columns)
    for r in range(record[STOP]):
        weights[r] *= shares[count]


def any_target(T: Any, start: int, columns: int) -> bool:
    """Whether a row has a target other than 0."""
    found = False
    for k in range(start, start + columns):
        found |= T[k] != 0.0
    return found
