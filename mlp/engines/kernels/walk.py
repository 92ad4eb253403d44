"""The loop that runs a tape, and what a record and a clock have where."""

import math

from mlp.engines.kernels.pointers import (
    Anchor,
    Record,
    call,
    doubles,
    flush_subnormals,
    fork,
    integers,
    restore,
    shift,
)

WORDS = 24  # of a record
FUNCTION, CORES, START, STOP, OPERANDS = 0, 1, 2, 3, 4  # words of a record

# Words of the clock: what all instructions share, and what changes from step to step. LOSSES and
# TAPE are addresses; FIRST is the place in the order of the rows where the step's batch begins,
# SIZE how far the next one is; SKIP how many instructions the last one wants left out.
# RUNTIME is that of `teams`.
TAPE, COUNT, STEPS, STEP, FIRST, SIZE, SKIP, LOSSES, DONE, RUNTIME, CLOCK = range(11)


def walk(clock: Record, anchor: Anchor) -> None:
    """Run the tape `clock[STEPS]` times, until a loss is not finite; `clock[DONE]` says how many were."""
    tape, losses = integers(clock[TAPE]), doubles(clock[LOSSES])
    count = clock[COUNT]
    clock[DONE] = 0
    state = flush_subnormals()
    for step in range(clock[STEPS]):
        clock[STEP] = step
        losses[step] = 0.0
        place = 0
        while place < count:
            record = shift(tape, place * WORDS)
            if record[CORES] > 1:
                fork(clock[RUNTIME], record[FUNCTION], record, anchor, record[CORES])
            else:
                call(record[FUNCTION], record, anchor)
            place += 1 + clock[SKIP]
            clock[SKIP] = 0
        if not math.isfinite(losses[step]):
            break
        clock[DONE] = step + 1
        clock[FIRST] += clock[SIZE]
    restore(state)
