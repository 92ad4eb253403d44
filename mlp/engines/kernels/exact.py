"""What stands between the matrix products of a step, operation by operation as NumPy would do it.

For `mlp.estimators.fused`: these are compiled as `exact`, so that each operation is rounded as it is
written. A pass of NumPy's for each operation becomes one for all of them, and the bits are the same.
"""

from typing import Any

from mlp.elementary import where
from mlp.engines.kernels.pointers import Anchor, Record, integers, numbers, pointer, shift

# Words of the records. An update: SHARE is the address of 1 / n, or of n where DIVIDES is not 0; ALPHA and
# RATE are those of the penalty's and of the rule's number of this step; RANGES that of three integers for
# each of COUNT ranges: where it starts, where it stops, and whether it is penalised.
VALUES, GRADIENTS, RANGES, COUNT, ALPHA, SHARE, DIVIDES, RATE, STATE, SECOND_STATE, NUMBERS = range(11)
NET, BIAS, ROWS, UNITS = range(4)
DELTA, TOTAL = range(2)  # and ROWS, UNITS
TOTALS = 1  # likewise
OUT, GRAD, SIZE = range(3)


def formula(*values: Any) -> Any:
    """What the compiler puts here: the form of a rule, or of an activation's delta."""
    raise NotImplementedError


def add_and_rectify(record: Record, anchor: Anchor) -> None:
    """Net = max(net + b, 0), NaN passing; of a zero with a sign NumPy takes the other, too."""
    nets, b = pointer(record[NET], anchor), pointer(record[BIAS], anchor)
    units = record[UNITS]
    for r in range(record[ROWS]):
        net = shift(nets, r * units)
        for k in range(units):
            x = net[k] + b[k]
            net[k] = where(x <= 0.0, 0.0, x)


def add_and_lower(record: Record, anchor: Anchor) -> None:
    """Net = net + b − max_k (net + b), so that no power of e is too large."""
    nets, b = pointer(record[NET], anchor), pointer(record[BIAS], anchor)
    units = record[UNITS]
    for r in range(record[ROWS]):
        net = shift(nets, r * units)
        peak = net[0] + b[0]
        for k in range(units):
            x = net[k] + b[k]
            net[k] = x
            peak = where(x > peak, x, peak)  # with a NaN the whole row becomes NaN by its sum
        for k in range(units):
            net[k] = net[k] - peak


def divide_rows(record: Record, anchor: Anchor) -> None:
    """Each row by a number of its own."""
    nets, totals = pointer(record[NET], anchor), pointer(record[TOTALS], anchor)
    units = record[UNITS]
    for r in range(record[ROWS]):
        net, total = shift(nets, r * units), totals[r]
        for k in range(units):
            net[k] = net[k] / total


def multiply_by_slope(record: Record, anchor: Anchor) -> None:
    """Delta = f'(net) ∘ grad, in place of grad."""
    out, grad = pointer(record[OUT], anchor), pointer(record[GRAD], anchor)
    for k in range(record[SIZE]):
        grad[k] = formula(out[k], grad[k])


def sum_rows(record: Record, anchor: Anchor) -> None:
    """Db = Σ_n delta from the first row on, as NumPy adds up columns that lie side by side.

    It begins at 0, which makes a −0 alone to a 0; one row is copied.
    """
    deltas, db = pointer(record[DELTA], anchor), pointer(record[TOTAL], anchor)
    units, first = record[UNITS], where(record[ROWS] == 1, -0.0, 0.0)
    for k in range(units):
        db[k] = first
    for r in range(record[ROWS]):
        delta = shift(deltas, r * units)
        for k in range(units):
            db[k] = db[k] + delta[k]


def update_1(record: Record, anchor: Anchor) -> None:
    """DW = (dW + α W) / n, and W by a rule with one state vector."""
    values, gradients = pointer(record[VALUES], anchor), pointer(record[GRADIENTS], anchor)
    states, ranges = pointer(record[STATE], anchor), integers(record[RANGES])
    rate = pointer(record[RATE], anchor)[0]
    settings = numbers(record, NUMBERS, anchor)
    for r in range(record[COUNT]):
        start, size = ranges[3 * r], ranges[3 * r + 1] - ranges[3 * r]
        W, dW, state = shift(values, start), shift(gradients, start), shift(states, start)
        prepare(record, W, dW, size, ranges[3 * r + 2], anchor)
        for k in range(size):
            W[k], state[k] = formula(W[k], dW[k], state[k], rate, *settings)


def update_2(record: Record, anchor: Anchor) -> None:
    """DW = (dW + α W) / n, and W by a rule with two state vectors."""
    values, gradients = pointer(record[VALUES], anchor), pointer(record[GRADIENTS], anchor)
    states, others = pointer(record[STATE], anchor), pointer(record[SECOND_STATE], anchor)
    ranges, rate = integers(record[RANGES]), pointer(record[RATE], anchor)[0]
    settings = numbers(record, NUMBERS, anchor)
    for r in range(record[COUNT]):
        start, size = ranges[3 * r], ranges[3 * r + 1] - ranges[3 * r]
        W, dW = shift(values, start), shift(gradients, start)
        state, other = shift(states, start), shift(others, start)
        prepare(record, W, dW, size, ranges[3 * r + 2], anchor)
        for k in range(size):
            W[k], state[k], other[k] = formula(W[k], dW[k], state[k], other[k], rate, *settings)


def prepare(record: Record, W: Any, dW: Any, size: int, penalised: int, anchor: Anchor) -> None:
    """Add the penalty's gradient to that of the loss, and divide by the number of rows."""
    alpha, share = pointer(record[ALPHA], anchor)[0], pointer(record[SHARE], anchor)[0]
    if record[DIVIDES] != 0:
        if penalised != 0:
            for k in range(size):
                dW[k] = (dW[k] + W[k] * alpha) / share
        else:
            for k in range(size):
                dW[k] = dW[k] / share
    elif penalised != 0:
        for k in range(size):
            dW[k] = (dW[k] + W[k] * alpha) * share
    elif share != anchor[1]:
        for k in range(size):
            dW[k] = dW[k] * share
