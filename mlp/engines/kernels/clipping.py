"""Clipping of the gradients on the tape: by value, by each parameter's norm, by the norm of all."""

import math
from typing import Any

import numpy as np

from mlp.elementary import absolute, clip, maximum
from mlp.engines.kernels.pointers import Anchor, Record, doubles, integers, narrow, number, pointer, shift
from mlp.engines.kernels.tape import Tape
from mlp.engines.kernels.walk import OPERANDS, START, STOP
from mlp.optimizers import Optimizer

CHUNK = 4096  # numbers whose squares are added up in the engine's type, and then in float64


def emit(tape: Tape, rule: Optimizer) -> None:
    """Add what `Optimizer.clip` does."""
    parameters = rule.parameters
    gradients = parameters.gradients
    if not rule.clips:
        return
    if rule.clipvalue is not None:
        tape.add(clip_values, gradients, float(rule.clipvalue), work=gradients.size, shared=1)
        return
    if rule.clipnorm is not None:
        kernel, limit = scale_down_each, rule.clipnorm
        moved = zip(parameters.slices, parameters.trainable, strict=True)
        ranges = [place for place, moves in moved if moves]
    elif rule.global_clipnorm is not None:
        kernel, limit, ranges = scale_down_all, rule.global_clipnorm, rule._plan.ranges
    else:
        return
    ends = np.array([(place.start, place.stop) for place in ranges], np.int64).reshape(-1, 2)
    room = np.empty(len(ends) + 1)
    tape.add(kernel, gradients, ends, np.array([limit], np.float64), room, work=len(ends))


# kernels


def clip_values(record: Record, anchor: Anchor) -> None:
    """DW = min(max(dW, −limit), limit)."""
    dW, limit = pointer(record[OPERANDS], anchor), number(record[OPERANDS + 1], anchor)
    for k in range(record[START], record[STOP]):
        dW[k] = clip(dW[k], -limit, limit)


def scale_down_each(record: Record, anchor: Anchor) -> None:
    """Scale the gradient of each range down to the norm `limit`."""
    dW, ends = pointer(record[OPERANDS], anchor), integers(record[OPERANDS + 1])
    limit = doubles(record[OPERANDS + 2])[0]
    for k in range(record[STOP]):
        start, stop = ends[2 * k], ends[2 * k + 1]
        length = length_of(shift(dW, start), stop - start, anchor)
        if length > limit:
            scale(shift(dW, start), stop - start, narrow(limit / length, anchor))


def scale_down_all(record: Record, anchor: Anchor) -> None:
    """Scale the gradients of all ranges down to the common norm `limit`."""
    dW, ends = pointer(record[OPERANDS], anchor), integers(record[OPERANDS + 1])
    limit, lengths = doubles(record[OPERANDS + 2])[0], doubles(record[OPERANDS + 3])
    for k in range(record[STOP]):
        start, stop = ends[2 * k], ends[2 * k + 1]
        lengths[k] = length_of(shift(dW, start), stop - start, anchor)
    length = common_length(lengths, record[STOP])
    if length > limit:
        for k in range(record[STOP]):
            start, stop = ends[2 * k], ends[2 * k + 1]
            scale(shift(dW, start), stop - start, narrow(limit / length, anchor))


def scale(x: Any, count: int, factor: float) -> None:
    """X = factor · x."""
    for k in range(count):
        x[k] *= factor


def common_length(lengths: Any, count: int) -> float:
    """√Σ length², also where the squares overflow."""
    largest, total = 0 * lengths[0], 0 * lengths[0]
    for k in range(count):
        largest = max(largest, lengths[k])
        total += lengths[k] * lengths[k]
    if math.isfinite(total) or not math.isfinite(largest):
        return math.sqrt(total)
    total = 0 * largest
    for k in range(count):
        total += lengths[k] / largest * (lengths[k] / largest)
    return largest * math.sqrt(total)


def length_of(x: Any, count: int, anchor: Anchor) -> float:
    """The Euclidean norm in float64, also where the sum of squares overflows."""
    total = sum_of_squares(x, count, anchor[1], anchor)
    if math.isfinite(total):
        return math.sqrt(total)
    largest = anchor[0]
    for k in range(count):
        largest = maximum(largest, absolute(x[k]))
    if not math.isfinite(largest):
        return math.sqrt(total)
    return largest * math.sqrt(sum_of_squares(x, count, anchor[1] / largest, anchor))


def sum_of_squares(x: Any, count: int, factor: float, anchor: Anchor) -> float:
    """Σ (factor x)² in float64."""
    total = 0  # an integer and a number of either type add up to float64
    for start in range(0, count, CHUNK):
        part = anchor[0]
        for k in range(start, min(start + CHUNK, count)):
            part += factor * x[k] * (factor * x[k])
        total += part
    return total
