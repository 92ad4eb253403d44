"""Constraints on the tape: after the update weights are put back where they are allowed.

The formulas stand in the classes: `scalar_project` of one weight, or `scalar_factor`, what a vector
of weights is multiplied by, of its length.
"""

import math
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.constraints import Constraint, norms_of
from mlp.elementary import sqrt
from mlp.engines.kernels.activations import own, settings
from mlp.engines.kernels.pointers import Anchor, Record, numbers, pointer, shift
from mlp.engines.kernels.tape import Tape, Uncompilable
from mlp.engines.kernels.walk import OPERANDS, START, STOP


def formula(*values: Any) -> Any:
    """What the tape puts here: a function of a constraint's class."""
    raise NotImplementedError


def emit(tape: Tape, constraint: Constraint, W: Array) -> None:
    """Add the projection of a parameter.

    Raises
    ------
    Uncompilable
        If the constraint's class has no compiled form.
    """
    element, factor = (
        own(constraint, "project", "scalar_project"),
        own(constraint, "project", "scalar_factor"),
    )
    if element is not None:
        options = settings(constraint, element, 1)
        tape.add(project, W, work=W.size, formula=element, numbers=options, shared=1)
    elif factor is not None:
        before, along, after = cut(constraint, W)
        kernel = bound_rows if after == 1 else bound_columns
        tape.add(
            kernel, W, before, along, after, np.empty(after, W.dtype),
            work=before, formula=factor, numbers=settings(constraint, factor, 1),
        )  # fmt: skip
    else:
        raise Uncompilable(f"constraint {type(constraint).__name__} has no compiled form")


def cut(constraint: Any, W: Array) -> tuple[int, int, int]:
    """The sizes of the axes before, along and after the vectors of a constraint."""
    norms_of(W, constraint.axis)  # says what is wrong with an axis that W does not have
    axes = constraint.axis if isinstance(constraint.axis, tuple) else (constraint.axis,)
    along = sorted({axis % W.ndim for axis in axes})
    if along != list(range(along[0], along[-1] + 1)):
        raise Uncompilable(f"constraint {type(constraint).__name__} along axes {axes} has no compiled form")
    first, last = along[0], along[-1] + 1
    return math.prod(W.shape[:first]), math.prod(W.shape[first:last]), math.prod(W.shape[last:])


# kernels


def project(record: Record, anchor: Anchor) -> None:
    """W = f(w), number by number."""
    W, options = pointer(record[OPERANDS], anchor), numbers(record, OPERANDS + 1, anchor)
    for k in range(record[START], record[STOP]):
        W[k] = formula(W[k], *options)


def bound_rows(record: Record, anchor: Anchor) -> None:
    """W = f(‖w‖) w of vectors whose numbers stand side by side."""
    W, along = pointer(record[OPERANDS], anchor), record[OPERANDS + 2]
    options = numbers(record, OPERANDS + 5, anchor)
    for r in range(record[STOP]):
        w, total = shift(W, r * along), anchor[0]
        for k in range(along):
            total += w[k] * w[k]
        factor = formula(sqrt(total), *options)
        for k in range(along):
            w[k] *= factor


def bound_columns(record: Record, anchor: Anchor) -> None:
    """W = f(‖w‖) w of vectors whose numbers stand `after` apart."""
    W, along, after = pointer(record[OPERANDS], anchor), record[OPERANDS + 2], record[OPERANDS + 3]
    factors, options = pointer(record[OPERANDS + 4], anchor), numbers(record, OPERANDS + 5, anchor)
    for r in range(record[STOP]):
        for k in range(after):
            factors[k] = anchor[0]
        for j in range(r * along, (r + 1) * along):
            w = shift(W, j * after)
            for k in range(after):
                factors[k] += w[k] * w[k]
        for k in range(after):
            factors[k] = formula(sqrt(factors[k]), *options)
        for j in range(r * along, (r + 1) * along):
            w = shift(W, j * after)
            for k in range(after):
                w[k] *= factors[k]
