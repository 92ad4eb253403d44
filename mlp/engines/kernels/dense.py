"""The fully connected layer on the tape: products by loops of our own where they are small, else by BLAS."""

from typing import Any

import numpy as np

from mlp.arrays import Array, buffer
from mlp.engines.kernels import blas
from mlp.engines.kernels.activations import emit_delta, emit_f
from mlp.engines.kernels.blocks import descend, lanes
from mlp.engines.kernels.pointers import Anchor, Record, integers, multiply, number, pointer, shift
from mlp.engines.kernels.small_products import (
    back,
    is_by_rows,
    product_of_rows,
    turn,
    turned_size,
    turned_stride,
)
from mlp.engines.kernels.tape import Operand, Tape
from mlp.engines.kernels.walk import OPERANDS, START, STEP, STOP
from mlp.layers.dense import Dense

# Products n·i·o up to which our own loops are faster than a BLAS, which wakes a second core for them: with
# 500,000 a step of 32-128-128-10 with 32 rows takes 89 µs instead of 49.
SMALL = {np.dtype(np.float32): 1 << 20, np.dtype(np.float64): 1 << 19}


def forward(tape: Tape, layer: Dense, X: Operand) -> Operand:
    """net = X W + b, out = f(net)."""
    layer.allocate(tape.rows)
    n, (i, o), W, b = tape.rows, layer.W.shape, layer.W, layer.b
    tape.inputs[layer] = X
    tape.showing[layer] = {"X": X, "net": layer.net}
    if is_small(tape, layer):
        biases = 0 if b is None else o
        tape.add(product_of_rows, X, i, 1, W, o, b, biases, layer.net, o, o, i, work=n)
    else:
        if b is not None:
            tape.add(begin_rows, b, layer.net, o, work=n, shared=o)
        tape.add(product_by_blas, gemm(tape), 0, 0, n, o, i, X, W, layer.net, 0.0 if b is None else 1.0)
    out = emit_f(tape, layer.activation, layer.net, layer.out, o)
    tape.showing[layer] |= {"out": out, "deltas": layer.deltas}
    return out


def delta(tape: Tape, layer: Dense, grad: Operand) -> Operand:
    """delta = f'(net) ∘ grad."""
    return emit_delta(tape, layer.activation, grad, layer.net, tape.outputs[layer], layer.deltas, layer.units)


def backward(tape: Tape, layer: Dense, delta: Operand) -> Operand:
    """dW = Xᵀ delta, db = Σ_n delta, grad = delta Wᵀ."""
    n, (i, o), X = tape.rows, layer.W.shape, tape.inputs[layer]
    tape.showing[layer] |= {"deltas": delta}
    grad = layer.grad if layer.passes_grad else None
    if tape.updates is not None and tape.updates.follow_at_once(tape, layer):
        if grad is not None:
            tape.add(back_of_rows, delta, layer.W, grad, i, o, work=n)
        rates = tape.updates.rates(tape, layer)
        tape.add(step_of_one_row, X, layer.W, layer.b, delta, i, o, rates, tape.clock)
        return grad
    small = is_small(tape, layer)
    if layer.learns:
        if small:
            tape.add(product_of_rows, X, 1, i, delta, o, delta, 0, layer.dW, o, o, n, work=i)
        else:
            tape.add(product_by_blas, gemm(tape), 1, 0, i, o, n, X, delta, layer.dW, 0.0)
        if layer.b is not None:  # Σ_n delta is 1ᵀ delta
            tape.add(product_of_rows, tape.ones, 0, 0, delta, o, delta, 0, layer.db, o, o, n)
    if grad is None:
        return delta
    if not small:
        tape.add(product_by_blas, gemm(tape), 0, 1, n, i, o, delta, layer.W, grad, 0.0)
    elif is_by_rows(n, o):
        tape.add(back_of_rows, delta, layer.W, grad, i, o, work=n)
    else:
        W_turned, stride = turned(tape, i, o), turned_stride(i)
        tape.add(turn_weights, layer.W, W_turned, i, o)
        tape.add(product_of_rows, delta, o, 1, W_turned, stride, W_turned, 0, grad, i, i, o, work=n)
    return grad


def is_small(tape: Tape, layer: Dense) -> bool:
    """Whether loops are faster than BLAS."""
    return tape.rows * layer.W.size <= SMALL[tape.dtype]


def gemm(tape: Tape) -> int:
    """Where the matrix product of BLAS begins."""
    return blas.find().gemm(tape.dtype)


def turned(tape: Tape, i: int, o: int) -> Array:
    """Memory for Wᵀ, which all layers of a tape use one after the other."""
    room: Array | None = tape.kept.get("turned")
    if room is None or room.size < turned_size(i, o):
        tape.kept["turned"] = room = buffer((turned_size(i, o),), tape.dtype)
    return room


# kernels


def begin_rows(record: Record, anchor: Anchor) -> None:
    """net = b, row by row, to which the product is added."""
    b, net, o = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor), record[OPERANDS + 2]
    for r in range(record[START], record[STOP]):
        row = shift(net, r * o)
        for k in range(o):
            row[k] = b[k]


def product_by_blas(record: Record, anchor: Anchor) -> None:
    """C = op(A) op(B) + beta C; see `pointers.multiply`."""
    A, B = pointer(record[OPERANDS + 6], anchor), pointer(record[OPERANDS + 7], anchor)
    C, beta = pointer(record[OPERANDS + 8], anchor), number(record[OPERANDS + 9], anchor)
    n, o, depth = record[OPERANDS + 3], record[OPERANDS + 4], record[OPERANDS + 5]
    multiply(record[OPERANDS], record[OPERANDS + 1], record[OPERANDS + 2], n, o, depth, A, B, C, beta)


def back_of_rows(record: Record, anchor: Anchor) -> None:
    """grad = delta Wᵀ for a few rows."""
    delta, W = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    grad, i, o = pointer(record[OPERANDS + 2], anchor), record[OPERANDS + 3], record[OPERANDS + 4]
    back(delta, W, grad, record[STOP], i, o)


def turn_weights(record: Record, anchor: Anchor) -> None:
    """Wᵀ, for the product of many rows."""
    W, to = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    turn(W, record[OPERANDS + 2], record[OPERANDS + 3], to)


def step_of_one_row(record: Record, anchor: Anchor) -> None:
    """W ← W − η xᵀ delta and b ← b − η delta.

    With one row and plain SGD the gradient is a product of two vectors and need not be written
    down: half of the step of 64-100-10. `descend` takes 0.42 µs at 64 × 100 where the plain loop
    takes 0.73.
    """
    x, W = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    b, delta = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    i, o = record[OPERANDS + 4], record[OPERANDS + 5]
    rate = pointer(record[OPERANDS + 6], anchor)[integers(record[OPERANDS + 7])[STEP]]
    if o >= lanes(W):
        descend(x, rate, delta, W, i, o)
    elif o == 1:
        descend_narrow(x, rate, delta, W, i, 1)
    elif o == 2:
        descend_narrow(x, rate, delta, W, i, 2)
    elif o == 3:
        descend_narrow(x, rate, delta, W, i, 3)
    else:
        descend_narrow(x, rate, delta, W, i, o)
    if record[OPERANDS + 2] != 0:
        for k in range(o):
            b[k] -= rate * delta[k]


def descend_narrow(x: Any, rate: Any, delta: Any, W: Any, i: int, o: int) -> None:
    """W ← W − η xᵀ delta of a layer with less units than a vector has numbers.

    With `descend`, a row would be read while the vector that reaches over the row before is
    still being written. A literal o lets the compiler unroll the inner loop.
    """
    for j in range(i):
        w, a = shift(W, j * o), rate * x[j]
        for k in range(o):
            w[k] -= a * delta[k]
