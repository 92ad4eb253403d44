"""Passes of one's own through a model's layers, down to the inputs, after which the model is as it was."""

from __future__ import annotations  # so that np.random is not loaded for a signature

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array, Workspace
from mlp.engines.threads import limited
from mlp.errors import ArgumentError
from mlp.layers import stack
from mlp.layers.function import Lambda
from mlp.layers.propagation import backward
from mlp.naming import Part, is_integer, require, require_one_of

if TYPE_CHECKING:
    from mlp.model import Model

OF = ("out", "net")
AT_ONCE = 1 << 18  # numbers of a layer, or of the inputs, in one pass


@contextmanager
def borrowed(model: Model) -> Iterator[None]:
    """Lend the layers of a model for passes in which nothing learns and grad reaches the inputs.

    They get working memory of their own, and give it back: afterwards every attribute of every layer is
    what it was, the last batch and the gradients too. Penalties on activities are left out, since they
    are part of the loss and not of the output. Another thread waits.

    Parameters
    ----------
    model : Sequential
        Built.

    Raises
    ------
    ArgumentError
        If a layer cannot hand grad down: a `Lambda` without a slope.
    """
    for path, leaf in stack.leaves(model.layers):
        if isinstance(leaf, Lambda) and leaf.slope is None:
            raise ArgumentError(
                f"layer {path!r} is a Lambda without a slope, so nothing passes back to the inputs. "
                "Give slope=, the derivative of the function"
            )
    with model.lock, limited(model.n_threads), np.errstate(all="ignore"):
        lent: list[Part] = [*model.parts, *(layer.activation for layer in model.parts)]
        before = [dict(vars(part)) for part in lent]
        gradients = model.parameters.gradients.copy()  # which some layers fill though they are frozen
        try:
            for layer in model.parts:
                vars(layer).update(rows=-1, workspace=Workspace(), activity_regularizer=None)
                vars(layer).update(passes_grad=True, learns=False)
            yield
        finally:
            for part, kept in zip(lent, before, strict=True):
                vars(part).update(kept)
                for name in vars(part).keys() - kept.keys():
                    del vars(part)[name]
            np.copyto(model.parameters.gradients, gradients)


def rows_at_once(model: Model, steps: int = 1) -> int:
    """How many rows go into one pass, if each takes the place of `steps`."""
    widest = max(stack.widest(model.layers), math.prod(model.input_shape or ()))
    return max(1, AT_ONCE // (widest * steps))


def check_output(model: Model, output: Any, of: str, rows: int) -> Array | None:
    """The explained output of each row, shape (n,), or None for the largest; after a look at the arguments.

    Raises
    ------
    ArgumentError
        If `output` is no such number, or `of` not "out" or "net", or the net has not the shape of the output.
    """
    require_one_of("of", of, OF)
    last = model.layers[-1]
    if len(last.output_shape) != 1:
        raise ArgumentError(
            f"the last layer puts out rows of shape {last.output_shape}; what is explained is one of the "
            "numbers of a row: end the model with Flatten() or Dense()"
        )
    units = last.output_shape[0]
    same = of == "out" or last.activation_units in (0, units)
    require(same, "of", of, f"'out', since layer {last.name!r} makes one output of several nets")
    if output is None:
        return np.zeros(rows, np.intp) if units == 1 else None
    expected = f"a number from 0 to {units - 1}, one for each of the {rows} rows, or None for the largest"
    array = np.asarray(output)
    whole = is_integer(output) or (array.dtype.kind in "iu" and array.shape == (rows,))
    require(whole and bool(((array >= 0) & (array < units)).all()), "output", output, expected)
    return np.broadcast_to(array.astype(np.intp), (rows,))


def outputs(model: Model, of: str, out: Array) -> Array:
    """What is explained, (n, o), after a pass forward that has put out `out`: that, or the last net."""
    last = model.layers[-1]
    return last.net if of == "net" and last.activation_units else out


def back(model: Model, of: str, output: Array) -> Array:
    """∂/∂X of one output a row, by the pass forward before: the delta of e_k, sent down to the inputs.

    Parameters
    ----------
    output : Array of shape (n,)
        k of each row.
    """
    last = model.layers[-1]
    e = np.zeros((len(output), *last.output_shape), model.dtype)
    e[np.arange(len(output)), output] = 1
    delta = e if of == "net" and last.activation_units else last.delta(e)
    return backward(model.layers, delta)
