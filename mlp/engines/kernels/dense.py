"""The fully connected layers on the tape: products by loops of our own where they are small, else by BLAS.

Those of `NTKDense` have a factor, 1/√i. BLAS has a place for one, which costs nothing; for the small
loops X is multiplied by it, once for the way forward and for dW, and Wᵀ or grad, whichever is shorter.
"""

from typing import Any

import numpy as np

from mlp.arrays import Array, buffer
from mlp.engines.kernels import blas
from mlp.engines.kernels.activations import emit_delta, emit_f
from mlp.engines.kernels.arithmetic import multiply_by, multiply_in_place
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
from mlp.layers.ntk_dense import NTKDense

# Products n·i·o up to which our own loops are faster than a BLAS, which wakes a second core for them: with
# 500,000 a step of 32-128-128-10 with 32 rows takes 89 µs instead of 49.
SMALL = {np.dtype(np.float32): 1 << 20, np.dtype(np.float64): 1 << 19}


def forward(tape: Tape, layer: Dense | NTKDense, X: Operand) -> Operand:
    """net = factor X W + b, out = f(net)."""
    layer.allocate(tape.rows)
    n, (i, o), W, b = tape.rows, layer.W.shape, layer.W, layer.b
    tape.inputs[layer] = X
    tape.showing[layer] = {"X": X, "net": layer.net}
    if is_small(tape, layer):
        biases = 0 if b is None else o
        tape.add(product_of_rows, scaled(tape, layer, X), i, 1, W, o, b, biases, layer.net, o, o, i, work=n)
    else:
        if b is not None:
            tape.add(begin_rows, b, layer.net, o, work=n, shared=o)
        beta = 0.0 if b is None else 1.0
        tape.add(product_by_blas, gemm(tape), 0, 0, n, o, i, factor_of(layer), X, W, beta, layer.net)
    out = emit_f(tape, layer.activation, layer.net, layer.out, o)
    tape.showing[layer] |= {"out": out, "deltas": layer.deltas}
    return out


def delta(tape: Tape, layer: Dense | NTKDense, grad: Operand) -> Operand:
    """delta = f'(net) ∘ grad."""
    return emit_delta(tape, layer.activation, grad, layer.net, tape.outputs[layer], layer.deltas, layer.units)


def backward(tape: Tape, layer: Dense | NTKDense, delta: Operand) -> Operand:
    """dW = factor Xᵀ delta, db = Σ_n delta, grad = factor delta Wᵀ."""
    n, (i, o), X = tape.rows, layer.W.shape, tape.inputs[layer]
    tape.showing[layer] |= {"deltas": delta}
    grad = layer.grad if layer.passes_grad else None
    if tape.updates is not None and tape.updates.follow_at_once(tape, layer):
        if grad is not None:
            tape.add(back_of_rows, delta, layer.W, grad, i, o, work=n)
            scale(tape, layer, grad, grad.size)
        rates = tape.updates.rates(tape, layer)
        tape.add(step_of_one_row, scaled(tape, layer, X), layer.W, layer.b, delta, i, o, rates, tape.clock)
        return grad
    small = is_small(tape, layer)
    if layer.learns:
        if small:
            A = scaled(tape, layer, X)
            tape.add(product_of_rows, A, 1, i, delta, o, delta, 0, layer.dW, o, o, n, work=i)
        else:
            tape.add(product_by_blas, gemm(tape), 1, 0, i, o, n, factor_of(layer), X, delta, 0.0, layer.dW)
        if layer.b is not None:  # Σ_n delta is 1ᵀ delta
            tape.add(product_of_rows, tape.ones, 0, 0, delta, o, delta, 0, layer.db, o, o, n)
    if grad is None:
        return delta
    if not small:
        tape.add(product_by_blas, gemm(tape), 0, 1, n, i, o, factor_of(layer), delta, layer.W, 0.0, grad)
    elif is_by_rows(n, o):
        tape.add(back_of_rows, delta, layer.W, grad, i, o, work=n)
        scale(tape, layer, grad, grad.size)
    else:
        W_turned, stride = turned(tape, i, o), turned_stride(i)
        tape.add(turn_weights, layer.W, W_turned, i, o)
        if n > o:  # Wᵀ has fewer numbers than grad
            scale(tape, layer, W_turned, stride * o)
        tape.add(product_of_rows, delta, o, 1, W_turned, stride, W_turned, 0, grad, i, i, o, work=n)
        if n <= o:
            scale(tape, layer, grad, grad.size)
    return grad


def is_small(tape: Tape, layer: Dense | NTKDense) -> bool:
    """Whether loops are faster than BLAS."""
    return tape.rows * layer.W.size <= SMALL[tape.dtype]


def factor_of(layer: Dense | NTKDense) -> float:
    """1/√i of an `NTKDense`, 1 of a `Dense`."""
    return layer.factor if isinstance(layer, NTKDense) else 1.0


def scaled(tape: Tape, layer: Dense | NTKDense, X: Operand) -> Operand:
    """X/√i of an `NTKDense`, made when it is first asked for; of a `Dense` X as it is."""
    if not isinstance(layer, NTKDense):
        return X
    if layer not in tape.kept:
        tape.kept[layer] = layer.scaled
        tape.add(multiply_by, X, layer.scaled, layer.factor, work=layer.scaled.size, shared=1)
    return layer.scaled


def scale(tape: Tape, layer: Dense | NTKDense, A: Array, size: int) -> None:
    """Multiply what the small loops use or have made by 1/√i of an `NTKDense`."""
    if isinstance(layer, NTKDense):
        tape.add(multiply_in_place, A, layer.factor, work=size, shared=1)


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
    """C = alpha op(A) op(B) + beta C; see `pointers.multiply`."""
    n, o, depth = record[OPERANDS + 3], record[OPERANDS + 4], record[OPERANDS + 5]
    alpha, A = number(record[OPERANDS + 6], anchor), pointer(record[OPERANDS + 7], anchor)
    B, beta = pointer(record[OPERANDS + 8], anchor), number(record[OPERANDS + 9], anchor)
    C = pointer(record[OPERANDS + 10], anchor)
    multiply(record[OPERANDS], record[OPERANDS + 1], record[OPERANDS + 2], n, o, depth, alpha, A, B, beta, C)


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
