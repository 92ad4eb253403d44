"""Activations on the tape: f on the way up, delta = f'(net) ∘ grad on the way down.

The formulas stand in the classes: `scalar_f` and `scalar_slope` of one number, or `row_f` and
`row_delta` where the units of a row depend on each other, or `rows_f` of some rows at a time. Here
are the loops around them.

A function that learns one number for each unit names it among the arguments of its formulas, such
as ``scalar_f(net, alpha)``, before the settings; `scalar_gradient` is the derivative by it.
"""

import inspect
from collections.abc import Callable
from typing import Any

from mlp.activations import Activation, Blend, Linear
from mlp.arrays import Array
from mlp.engines.kernels.arithmetic import multiply_rows
from mlp.engines.kernels.pointers import Anchor, Record, numbers, pointer, shift
from mlp.engines.kernels.tape import Operand, Tape, Uncompilable
from mlp.engines.kernels.walk import OPERANDS, START, STOP

BLOCK = 4096  # numbers of the net in a block of rows


def formula(*values: Any) -> Any:
    """What the tape puts here: the scalar or the row function of a class."""
    raise NotImplementedError


# kernels


def apply(record: Record, anchor: Anchor) -> None:
    """out = f(net), number by number."""
    net, out = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    settings = numbers(record, OPERANDS + 2, anchor)
    for k in range(record[START], record[STOP]):
        out[k] = formula(net[k], *settings)


def multiply_by_slope(record: Record, anchor: Anchor) -> None:
    """delta = f'(net) ∘ grad, number by number."""
    grad, net = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    out, delta = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    settings = numbers(record, OPERANDS + 4, anchor)
    for k in range(record[START], record[STOP]):
        delta[k] = formula(net[k], out[k], *settings) * grad[k]


def apply_to_rows(record: Record, anchor: Anchor) -> None:
    """out = f(net), row by row."""
    net, out = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    units, outputs = record[OPERANDS + 2], record[OPERANDS + 3]
    settings = numbers(record, OPERANDS + 4, anchor)
    for r in range(record[START], record[STOP]):
        formula(shift(net, r * units), shift(out, r * outputs), units, *settings)


def apply_to_blocks(record: Record, anchor: Anchor) -> None:
    """out = f(net), some rows at a time, as many as are sure to stay in the cache."""
    net, out = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    units, most, stop = record[OPERANDS + 2], record[OPERANDS + 3], record[STOP]
    settings = numbers(record, OPERANDS + 4, anchor)
    for r in range(record[START], stop, most):
        formula(shift(net, r * units), shift(out, r * units), min(most, stop - r), units, *settings)


def deltas_of_rows(record: Record, anchor: Anchor) -> None:
    """delta = ∂L/∂net from grad = ∂L/∂out, row by row."""
    grad, net = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    out, delta = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    units, outputs = record[OPERANDS + 4], record[OPERANDS + 5]
    settings = numbers(record, OPERANDS + 6, anchor)
    for r in range(record[START], record[STOP]):
        at, over = r * units, r * outputs
        formula(shift(grad, over), shift(net, at), shift(out, over), shift(delta, at), units, *settings)


def apply_with_learned(record: Record, anchor: Anchor) -> None:
    """out = f(net, α), α one for each unit."""
    net, out = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    learned, units = pointer(record[OPERANDS + 2], anchor), record[OPERANDS + 3]
    settings = numbers(record, OPERANDS + 4, anchor)
    for r in range(record[START], record[STOP]):
        x, y = shift(net, r * units), shift(out, r * units)
        for k in range(units):
            y[k] = formula(x[k], learned[k], *settings)


def multiply_by_slope_with_learned(record: Record, anchor: Anchor) -> None:
    """delta = f'(net, α) ∘ grad, α one for each unit."""
    grad, net = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    out, delta = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    learned, units = pointer(record[OPERANDS + 4], anchor), record[OPERANDS + 5]
    settings = numbers(record, OPERANDS + 6, anchor)
    for r in range(record[START], record[STOP]):
        g, x = shift(grad, r * units), shift(net, r * units)
        y, d = shift(out, r * units), shift(delta, r * units)
        for k in range(units):
            d[k] = formula(x[k], y[k], learned[k], *settings) * g[k]


def gradient_of_learned(record: Record, anchor: Anchor) -> None:
    """dα = Σ_n grad ∘ ∂f/∂α."""
    grad, net = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    out, learned = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    total, units = pointer(record[OPERANDS + 4], anchor), record[OPERANDS + 5]
    settings = numbers(record, OPERANDS + 6, anchor)
    for k in range(units):
        total[k] = anchor[0]
    for r in range(record[STOP]):
        g, x, y = shift(grad, r * units), shift(net, r * units), shift(out, r * units)
        for k in range(units):
            total[k] += g[k] * formula(x[k], y[k], learned[k], *settings)


def blend(record: Record, anchor: Anchor) -> None:
    """out = net + α(bent − net)."""
    net, bent = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    learned, out = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    units = record[OPERANDS + 4]
    for r in range(record[START], record[STOP]):
        x, g, y = shift(net, r * units), shift(bent, r * units), shift(out, r * units)
        for k in range(units):
            y[k] = formula(x[k], g[k], learned[k])


def add_rest(record: Record, anchor: Anchor) -> None:
    """delta = bent + (grad − share): what went round the bent part of a blend is added."""
    bent, grad = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    share, delta = pointer(record[OPERANDS + 2], anchor), pointer(record[OPERANDS + 3], anchor)
    for k in range(record[START], record[STOP]):
        delta[k] = bent[k] + (grad[k] - share[k])


# on the tape


def emit_f(tape: Tape, activation: Activation, net: Operand, out: Array, units: int) -> Operand:
    """Add out = f(net) for (rows, units) numbers; where the result is."""
    if type(activation) is Linear:
        return net
    rows = tape.rows
    if type(activation) is Blend:
        bent = emit_f(tape, activation.activation, net, activation.bent, units)
        mix = activation.scalar_blend
        tape.add(blend, net, bent, activation.alpha, out, units, work=rows, formula=mix, shared=units)
        return out
    scalar, some = own(activation, "f", "scalar_f"), own(activation, "f", "rows_f")
    if some is not None:
        given, most = settings(activation, some, 4), max(1, BLOCK // units)
        tape.add(apply_to_blocks, net, out, units, most, work=rows, formula=some, numbers=given, shared=units)
        return out
    if scalar is None:
        row = require_own(activation, "f", "row_f")
        given = settings(activation, row, 3)
        tape.add(
            apply_to_rows, net, out, units, activation.outputs(units),
            work=rows, formula=row, numbers=given, shared=units,
        )  # fmt: skip
        return out
    learned, first = learned_by(activation, scalar, 1)
    given = settings(activation, scalar, first)
    if learned is None:
        tape.add(apply, net, out, work=rows * units, formula=scalar, numbers=given, shared=1)
    else:
        alpha = getattr(activation, learned)
        tape.add(
            apply_with_learned, net, out, alpha, units,
            work=rows, formula=scalar, numbers=given, shared=units,
        )  # fmt: skip
    return out


def emit_delta(
    tape: Tape, activation: Activation, grad: Operand, net: Operand, out: Operand, delta: Array, units: int
) -> Operand:
    """Add delta = f'(net) ∘ grad, and the gradients of what the function learns; where delta is."""
    if type(activation) is Linear:
        return grad
    rows = tape.rows
    if type(activation) is Blend:
        return emit_delta_of_blend(tape, activation, grad, net, delta, units)
    scalar = own(activation, ("slope", "delta"), "scalar_slope")
    if scalar is None:
        row = require_own(activation, ("slope", "delta"), "row_delta")
        given = settings(activation, row, 5)
        tape.add(
            deltas_of_rows, grad, net, out, delta, units, activation.outputs(units),
            work=rows, formula=row, numbers=given, shared=units,
        )  # fmt: skip
        return delta
    learned, first = learned_by(activation, scalar, 2)
    given = settings(activation, scalar, first)
    if learned is None:
        tape.add(
            multiply_by_slope, grad, net, out, delta,
            work=rows * units, formula=scalar, numbers=given, shared=1,
        )  # fmt: skip
        return delta
    alpha = getattr(activation, learned)
    tape.add(
        multiply_by_slope_with_learned, grad, net, out, delta, alpha, units,
        work=rows, formula=scalar, numbers=given, shared=units,
    )  # fmt: skip
    emit_gradient(tape, activation, learned, grad, net, out, units)
    return delta


def emit_delta_of_blend(
    tape: Tape, activation: Blend, grad: Operand, net: Operand, delta: Array, units: int
) -> Operand:
    """Add the two ways of delta through a blend: with α grad through g, with the rest around it."""
    rows, alpha, share = tape.rows, activation.alpha, activation.blended
    inner = activation.activation
    bent = net if type(inner) is Linear else activation.bent
    emit_gradient(tape, activation, "alpha", grad, net, bent, units)
    tape.add(multiply_rows, grad, alpha, share, units, work=rows, shared=units)
    below = emit_delta(tape, inner, share, net, bent, delta, units)
    tape.add(add_rest, below, grad, share, delta, work=rows * units, shared=1)
    return delta


def emit_gradient(
    tape: Tape, activation: Activation, learned: str, grad: Operand, net: Operand, out: Operand, units: int
) -> None:
    """Add the gradient of what an activation learns."""
    formula = require_own(activation, "delta", "scalar_gradient")
    alpha, total = getattr(activation, learned), getattr(activation, f"d{learned}")
    tape.add(
        gradient_of_learned, grad, net, out, alpha, total, units,
        work=tape.rows, formula=formula, numbers=settings(activation, formula, 3),
    )  # fmt: skip


def learned_by(activation: Activation, formula: Callable[..., Any], first: int) -> tuple[str | None, int]:
    """The name of what a formula has learned, and at which argument its settings begin."""
    names, known = arguments(formula)[first:], activation.scalars()
    if names and names[0] not in known and hasattr(activation, names[0]):
        return names[0], first + 1
    return None, first


def own(part: Any, methods: str | tuple[str, ...], compiled: str) -> Callable[..., Any] | None:
    """The compiled form of a method, unless a class further down has another method.

    A compiled form that depends on the options of a part is a property.
    """
    replaced = {methods} if isinstance(methods, str) else {*methods}
    for cls in type(part).__mro__:
        if compiled in vars(cls):
            form = vars(cls)[compiled]
            function: Callable[..., Any] = getattr(part if isinstance(form, property) else cls, compiled)
            return function
        if replaced & vars(cls).keys():
            return None
    return None


def require_own(part: Any, methods: str | tuple[str, ...], compiled: str) -> Callable[..., Any]:
    """The same, or `Uncompilable` with the name of the part's class."""
    function = own(part, methods, compiled)
    if function is None:
        raise Uncompilable(f"{type(part).__name__} has no compiled form")
    return function


def settings(part: Any, function: Callable[..., Any], first: int) -> list[float]:
    """The numbers that a formula asks for by the names of its arguments from `first` on."""
    known = part.scalars()
    return [float(known[name]) for name in arguments(function)[first:]]


def arguments(function: Callable[..., Any]) -> list[str]:
    """Their names."""
    return list(inspect.signature(function).parameters)
