"""What stands between the matrix products of a step, in compiled passes instead of NumPy's.

Where Numba is installed, `ExactEngine` adds and rectifies in one pass, and all that is behind the
gradients (the penalty's part, the division by the rows, the rule) is one call: of Adam's fifteen
passes over its vectors one is left. Each operation is that of NumPy, in the same order, so the bits
are the same, and a fit may change from one to the other at any step.

Gain, whole fits in ms with NumPy's passes and with these, one thread: digits at batch 200 160 and 124,
at 32 74 and 47, at 1 120 and 72; sparse text of 5,000 words at 32 2450 and 1330. Adam alone on 7,510
numbers takes 16 µs instead of 58, in float32 5 instead of 22, on 500,000 1.4 ms instead of 6.2.
"""

import ctypes
import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.engines.kernels import exact
from mlp.engines.kernels.compiler import compiler_for
from mlp.engines.kernels.tape import bits
from mlp.optimizers.blocks import cut
from mlp.parameters import Parameters

BLOCK = 4096  # numbers, so that their gradients are still in the nearest cache at their update
# In µs: what passes save in a step, and more for each parameter; what it takes to load them, if another
# process has compiled them, and to make their records for an engine.
GAIN, GAIN_OF_NUMBER = 15.0, 0.006
LOAD, MAKE = 50_000.0, 80.0


class Pass:
    """A compiled function with a record of its own, which a call runs.

    Parameters
    ----------
    dtype : numpy.dtype
    kernel : function of (record, anchor)
        Of `mlp.engines.kernels.exact`.
    *operands : Array, int or float
        The words of the record; arrays must be contiguous and stay where they are.
    form : function of numbers, optional
        What the kernel calls `formula`.
    count : int, default 0
        How many numbers at the end of the operands it takes.
    """

    def __init__(self, dtype: Any, kernel: Any, *operands: Any, form: Any = None, count: int = 0) -> None:
        self.function, self.anchor = _compiled(dtype, kernel, form, count)
        self.operands = operands  # holds them, so that no array goes while its address is in use
        self.record = np.array([_word(operand) for operand in operands], np.int64)
        self.address: int = self.record.ctypes.data

    def __call__(self) -> None:
        """Run it."""
        self.function(self.address, self.anchor)


def _word(operand: Any) -> int:
    if isinstance(operand, np.ndarray):
        return int(operand.ctypes.data)
    return bits(operand) if isinstance(operand, float) else operand


@cache
def _compiled(dtype: Any, kernel: Any, form: Any, count: int) -> tuple[Any, int]:
    address = compiler_for(dtype).address(kernel, form, count, exact=True)
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(address), _anchor(dtype).ctypes.data


@cache
def _anchor(dtype: Any) -> Array:
    return np.array([0, 1], dtype)


class Worth:
    """Whether compiled passes are worth what it takes to have them.

    They are from the moment on when they would have paid for it if they had been there from the
    beginning: so short fits wait for nothing, and long ones lose little.

    Parameters
    ----------
    cost : float
        What it takes, in µs.
    """

    def __init__(self, cost: float) -> None:
        self.cost, self.missed = cost, 0.0

    def is_reached(self, steps: int, size: int) -> bool:
        """Count so many steps of that many parameters, unless it is reached."""
        if self.missed < self.cost:
            self.missed += steps * (GAIN + GAIN_OF_NUMBER * size)
            return False
        return True


WORTH = Worth(LOAD)  # of the process


def bend(net: Array, b: Array) -> Pass:
    """What makes net = max(net + b, 0), shape (n, o), in place."""
    rows, units = net.shape
    return Pass(net.dtype, exact.add_and_rectify, net, b, rows, units)


def softmax(net: Array, b: Array) -> Callable[[], None]:
    """What makes the softmax of net + b in place; powers of e and their sums are NumPy's."""
    rows, units = net.shape
    totals = np.empty(rows, net.dtype)
    lower = Pass(net.dtype, exact.add_and_lower, net, b, rows, units)
    share = Pass(net.dtype, exact.divide_rows, net, totals, rows, units)

    def run() -> None:
        lower()
        np.exp(net, net)
        np.add.reduce(net, axis=1, out=totals)
        share()

    return run


def slope(form: Callable[..., Any], out: Array, grad: Array) -> Pass:
    """What makes delta = f'(net) ∘ grad, by the function of out and grad, in place of grad."""
    return Pass(out.dtype, exact.multiply_by_slope, out, grad, out.size, form=form)


def sum_rows(delta: Array, db: Array) -> Pass:
    """What makes db = Σ_n delta, of two columns or more, of which NumPy adds up row by row."""
    rows, units = delta.shape
    return Pass(delta.dtype, exact.sum_rows, delta, db, rows, units)


class FusedUpdate:
    """The part of a step that is behind the gradients, for a rule with an `exact_form`.

    Parameters
    ----------
    rule : ExactSGD or ExactAdam
        Built, and `is_plain`.
    parameters : Parameters
        Of layers of W and b.
    alpha : Array
        Of rank zero: strength of the penalty ½ α Σ W² / Σ_n w_n of the step.
    share : Array
        Of rank zero: Σ_n w_n of the step, or 1 / Σ_n w_n.
    penalised : bool
        Whether there is a penalty.
    """

    def __init__(
        self, rule: Any, parameters: Parameters, alpha: Array, share: Array, penalised: bool
    ) -> None:
        self.rule, form = rule, rule.exact_form()
        states = [rule.state[name] for name in rule.slots]
        ranges, numbers = ranges_of(parameters, penalised), settings(rule, form)
        values, gradients = parameters.values, parameters.gradients
        kernel = (exact.update_1, exact.update_2)[len(states) - 1]
        self.run = Pass(
            values.dtype, kernel,
            values, gradients, ranges, len(ranges), alpha, share, 0, rule.rate,
            *(*states, 0)[:2], *numbers,
            form=form, count=len(numbers),
        )  # fmt: skip

    def __call__(self, divides: bool) -> None:
        """Make the step; `divides` says which of the two `share` is."""
        rule, self.run.record[exact.DIVIDES] = self.rule, divides
        rate = rule.learning_rate
        rule.prepare(rule.current_rate() if callable(rate) else rate)
        self.run()
        rule.iterations += 1


def is_plain(rule: Any) -> bool:
    """Whether nothing but an `exact_form` moves the parameters in a step of a built rule: all of them."""
    if not hasattr(rule, "exact_form") or rule.clips or rule.gradient_accumulation_steps or rule._projections:
        return False
    plan, size = rule._plan, rule.parameters.values.size
    everything = sum(place.stop - place.start for place in plan.ranges) == size
    return everything and [factor for factor, _ in plan.groups] == [1.0] and not plan.shrinks + plan.averages


def ranges_of(parameters: Parameters, penalised: bool) -> Array:
    """Where parameters that are treated alike start and stop, and whether they are penalised: every W."""
    names, slices = parameters.names, parameters.slices
    kinds = [(place, penalised and name.endswith(".W")) for name, place in zip(names, slices, strict=True)]
    if not penalised:
        kinds = [(slice(0, parameters.values.size), False)]
    found = [(part.start, part.stop, kind) for part, kind in cut(kinds, BLOCK)]
    return np.array(found, np.int64)


def settings(rule: Any, form: Callable[..., Any]) -> list[float]:
    """The numbers that a form asks for by name, behind W, dW, the state and the number of the step."""
    known = rule.scalars()
    return [float(known[name]) for name in _arguments(form)[3 + len(rule.slots) :]]


@cache
def _arguments(form: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(form).parameters)
