"""Rules that look at a parameter as a whole, on the tape: `Lamb`, `Adafactor`, `Muon`.

Letters as in the classes. Each instruction moves one parameter.
"""

from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.elementary import sqrt
from mlp.engines.kernels import blas
from mlp.engines.kernels.clipping import length_of
from mlp.engines.kernels.pointers import (
    Anchor,
    Record,
    integers,
    multiply,
    narrow,
    number,
    numbers,
    pointer,
    shift,
)
from mlp.engines.kernels.tape import Tape, Uncompilable
from mlp.engines.kernels.walk import OPERANDS, STEP, STOP
from mlp.optimizers.adam import Adam
from mlp.optimizers.blocks import parameter_blocks
from mlp.optimizers.matrices import Adafactor, Lamb
from mlp.optimizers.muon import Muon

LAMB = ["beta_1", "beta_2", "epsilon", "unit", "rate"]
ADAFACTOR = ["old", "new", "rate", "epsilon_1", "epsilon_2", "clip_threshold"]
MUON = ["eta", "momentum", "a", "b", "c"]


def formula(*values: Any) -> Any:
    """What the tape puts here: the `scalar_direction` of a rule."""
    raise NotImplementedError


def emit(tape: Tape, updates: Any) -> None:
    """Add the update of each parameter.

    Raises
    ------
    Uncompilable
        If the rule is another, such as the user's own.
    """
    rule, plan = updates.optimizer, updates.plan
    emitters = {Lamb: _emit_lamb, Adafactor: _emit_adafactor, Muon: _emit_muon}
    if type(rule) not in emitters:
        raise Uncompilable(f"optimizer {type(rule).__name__} has no compiled form")
    for _, k, arrays in parameter_blocks(rule):
        emitters[type(rule)](tape, updates, arrays, plan.rates[k], plan.decays[k])


def _emit_lamb(tape: Tape, updates: Any, arrays: tuple[Array, ...], factor: float, decay: Any) -> None:
    W, dW, scratch, m, v = arrays
    table = updates.table(tape, factor, decay, LAMB)
    tape.add(
        move_by_share, W, dW, *table, m, v, scratch,
        work=W.size, formula=Lamb.scalar_direction, count=1 + len(LAMB),
    )  # fmt: skip


def _emit_adafactor(tape: Tape, updates: Any, arrays: tuple[Array, ...], factor: float, decay: Any) -> None:
    W, dW, scratch, r, c, v = arrays[:6]
    table = updates.table(tape, factor, decay, ADAFACTOR)
    count = 1 + len(ADAFACTOR)
    if W.ndim < 2:
        tape.add(move_vector, W, dW, *table, v, scratch, work=W.size, count=count)
        return
    i, o = W.shape[-2:]
    tape.add(
        move_matrices, W, dW, *table, r, c, scratch, np.empty(o, W.dtype), W.size // max(i * o, 1), i, o,
        work=W.size, count=count,
    )  # fmt: skip


def _emit_muon(tape: Tape, updates: Any, arrays: tuple[Array, ...], factor: float, decay: Any) -> None:
    W, dW, scratch, m, v, *memory = arrays
    rule = updates.optimizer
    if v.size:
        flat = [array.reshape(-1) for array in (W, dW, m, v)]
        updates.emit_scalar(tape, Adam.scalar_update, flat, factor, decay)
        return
    i, o = W.shape
    size = max(i, o) ** 0.5 * rule.rms_rate if rule.rms_rate else 1.0
    tape.add(
        move_by_orthogonal, W, dW, *updates.table(tape, factor, decay, MUON), m, scratch, *memory, i, o,
        blas.find().gemm(tape.dtype), rule.ns_steps, int(rule.nesterov), float(size),
        work=W.size, count=1 + len(MUON),
    )  # fmt: skip


# kernels


def row(record: Record) -> Any:
    """The numbers of this step."""
    step = integers(record[OPERANDS + 3])[STEP]
    return shift(integers(record[OPERANDS + 2]), step * record[OPERANDS + 4])


def move_by_share(record: Record, anchor: Anchor) -> None:
    """W by `Lamb`."""
    W, dW = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    m, v = pointer(record[OPERANDS + 5], anchor), pointer(record[OPERANDS + 6], anchor)
    u, count = pointer(record[OPERANDS + 7], anchor), record[STOP]
    shrink, beta_1, beta_2, epsilon, unit, rate = numbers(row(record), 0, anchor)
    for k in range(count):
        u[k], m[k], v[k] = formula(dW[k], m[k], v[k], beta_1, beta_2, epsilon)
        W[k] *= shrink
    size, length = length_of(W, count, anchor), length_of(u, count, anchor)
    if size != 0 and length != 0:
        rate *= narrow(size / length, anchor)
    else:
        rate *= unit
    for k in range(count):
        W[k] -= rate * u[k]


def move_vector(record: Record, anchor: Anchor) -> None:
    """W by `Adafactor`, where it has no rows and columns."""
    W, dW = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    v, u = pointer(record[OPERANDS + 5], anchor), pointer(record[OPERANDS + 6], anchor)
    shrink, old, new, rate, epsilon_1, epsilon_2, clip_threshold = numbers(row(record), 0, anchor)
    for k in range(record[STOP]):
        v[k] = old * v[k] + new * (dW[k] * dW[k] + epsilon_1)
        u[k] = dW[k] / sqrt(v[k])
    move_within(W, u, record[STOP], shrink, rate, epsilon_2, clip_threshold, anchor)


def move_matrices(record: Record, anchor: Anchor) -> None:
    """W by `Adafactor`, one matrix after the other."""
    W, dW = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    r, c = pointer(record[OPERANDS + 5], anchor), pointer(record[OPERANDS + 6], anchor)
    u, column = pointer(record[OPERANDS + 7], anchor), pointer(record[OPERANDS + 8], anchor)
    i, o = record[OPERANDS + 10], record[OPERANDS + 11]
    shrink, old, new, rate, epsilon_1, epsilon_2, clip_threshold = numbers(row(record), 0, anchor)
    for which in range(record[OPERANDS + 9]):
        at = which * i * o
        divide_by_root(
            shift(dW, at), shift(u, at), shift(r, which * i), shift(c, which * o), column,
            i, o, old, new, epsilon_1, anchor,
        )  # fmt: skip
    move_within(W, u, record[STOP], shrink, rate, epsilon_2, clip_threshold, anchor)


def divide_by_root(
    dW: Any, u: Any, r: Any, c: Any, column: Any, i: int, o: int,
    old: float, new: float, epsilon: float, anchor: Anchor,
) -> None:  # fmt: skip
    """U = dW / √v with v from the means r and c, which take in dW² + ε."""
    for k in range(o):
        column[k] = anchor[0]
    total = anchor[0]
    for j in range(i):
        d, row_sum = shift(dW, j * o), anchor[0]
        for k in range(o):
            column[k] += d[k] * d[k] + epsilon
        for k in range(o):  # on its own: with a store, the order of the sum would depend on addresses
            row_sum += d[k] * d[k] + epsilon
        r[j] = old * r[j] + new * row_sum
        total += r[j]
    for k in range(o):
        c[k] = old * c[k] + new * column[k]
        column[k] = sqrt(c[k])
    for j in range(i):
        d, quotient, root = shift(dW, j * o), shift(u, j * o), sqrt(r[j] / total)
        for k in range(o):
            quotient[k] = d[k] / root
        for k in range(o):  # on its own: a product of the two roots may underflow
            quotient[k] = quotient[k] / column[k]


def move_within(
    W: Any, u: Any, count: int, shrink: float, rate: float, least: float, threshold: float, anchor: Anchor
) -> None:
    """W −= rate max(least, rms(W)) u / max(1, rms(u) / threshold)."""
    for k in range(count):
        W[k] *= shrink
    root = sqrt(count * anchor[1])
    excess = max(anchor[1], narrow(length_of(u, count, anchor), anchor) / root / threshold)
    factor = rate * max(least, narrow(length_of(W, count, anchor), anchor) / root) / excess
    for k in range(count):
        W[k] -= factor * u[k]


def move_by_orthogonal(record: Record, anchor: Anchor) -> None:
    """W by `Muon`."""
    W, dW = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    m, M = pointer(record[OPERANDS + 5], anchor), pointer(record[OPERANDS + 6], anchor)
    X, i, o = pointer(record[OPERANDS + 7], anchor), record[OPERANDS + 11], record[OPERANDS + 12]
    shrink, eta, momentum, a, b, c = numbers(row(record), 0, anchor)
    ahead = momentum if record[OPERANDS + 15] != 0 else anchor[1]
    own_share = anchor[1] if record[OPERANDS + 15] != 0 else anchor[0]
    for k in range(record[STOP]):
        m[k] = momentum * m[k] + dW[k]
        M[k] = ahead * m[k] + own_share * dW[k]
        W[k] *= shrink
    length = narrow(length_of(M, record[STOP], anchor), anchor) + 1e-7
    short, long = min(i, o), max(i, o)
    row_stride, column_stride = (1, i) if i > o else (o, 1)  # X is M, or Mᵀ if that is wider
    for j in range(i):
        for k in range(o):
            X[j * row_stride + k * column_stride] = M[j * o + k] / length
    orthogonalise(record, X, short, long, a, b, c, anchor)
    step = eta * number(record[OPERANDS + 16], anchor)
    for j in range(i):
        for k in range(o):
            W[j * o + k] -= step * X[j * row_stride + k * column_stride]


def orthogonalise(
    record: Record, X: Any, short: int, long: int, a: float, b: float, c: float, anchor: Anchor
) -> None:
    """X = a X + (b A + c A²) X with A = X Xᵀ, several times."""
    Y, A = pointer(record[OPERANDS + 8], anchor), pointer(record[OPERANDS + 9], anchor)
    B, gemm = pointer(record[OPERANDS + 10], anchor), record[OPERANDS + 13]
    for _ in range(record[OPERANDS + 14]):
        multiply(gemm, 0, 1, short, short, long, anchor[1], X, X, anchor[0], A)
        multiply(gemm, 0, 0, short, short, short, anchor[1], A, A, anchor[0], B)
        for k in range(short * short):
            B[k] = c * B[k] + b * A[k]
        multiply(gemm, 0, 0, short, long, short, anchor[1], B, X, anchor[0], Y)
        for k in range(short * long):
            X[k] = a * X[k] + Y[k]
