"""The rows of a batch on the tape: gathered in the order of the epoch into buffers."""

from mlp.arrays import Array
from mlp.engines.kernels.pointers import Anchor, Record, doubles, integers, pointer, shift
from mlp.engines.kernels.tape import Operand, Slot, Tape
from mlp.engines.kernels.walk import FIRST, LOSSES, OPERANDS, START, STEP, STOP


def emit_gathering(tape: Tape, name: str, into: Array) -> Array:
    """Add the copy of the batch's rows of the array that will be bound to `name`."""
    width = into[0].size
    tape.add(gather, Slot(name), into, width, Slot("order"), tape.clock, work=tape.rows, shared=width)
    return into


def emit_weights(tape: Tape, into: Array) -> Array:
    """Add the weights of the batch's rows times their share of the batch."""
    tape.add(gather_weights, Slot("weight"), into, Slot("order"), tape.clock, Slot("share"), work=tape.rows)
    return into


def gather(record: Record, anchor: Anchor) -> None:
    """into[r] = source[order[first + r]]."""
    source, into = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    width, clock = record[OPERANDS + 2], integers(record[OPERANDS + 4])
    order = shift(integers(record[OPERANDS + 3]), clock[FIRST])
    for r in range(record[START], record[STOP]):
        row, to = shift(source, order[r] * width), shift(into, r * width)
        for k in range(width):
            to[k] = row[k]


def gather_weights(record: Record, anchor: Anchor) -> None:
    """into[r] = weight[order[first + r]] · share."""
    source, into = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    clock, share = integers(record[OPERANDS + 3]), pointer(record[OPERANDS + 4], anchor)[0]
    order = shift(integers(record[OPERANDS + 2]), clock[FIRST])
    for r in range(record[STOP]):
        into[r] = source[order[r]] * share


def emit_output(tape: Tape, out: Operand, width: int) -> None:
    """Add the copy of the outputs to the array that will be bound to "outs", one batch after the other."""
    tape.add(scatter, out, Slot("outs"), width, tape.clock, work=tape.rows)


def scatter(record: Record, anchor: Anchor) -> None:
    """outs[step · rows + r] = out[r]."""
    out, width = pointer(record[OPERANDS], anchor), record[OPERANDS + 2]
    clock = integers(record[OPERANDS + 3])
    size = record[STOP] * width
    outs = shift(pointer(record[OPERANDS + 1], anchor), clock[STEP] * size)
    for k in range(size):
        outs[k] = out[k]


def emit_check(tape: Tape, X: Array) -> None:
    """Add what makes the loss of the step NaN unless all numbers of X are finite."""
    tape.add(check, X, tape.clock, work=X.size)


def check(record: Record, anchor: Anchor) -> None:
    """Loss of the step += Σ 0·x, which is 0 or NaN."""
    X, clock = pointer(record[OPERANDS], anchor), integers(record[OPERANDS + 1])
    total = anchor[0]
    for k in range(record[START], record[STOP]):
        total += X[k] * anchor[0]
    doubles(clock[LOSSES])[clock[STEP]] += total
