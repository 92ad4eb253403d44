"""Predicting: the outputs of a model for rows, by its engine, and what is kept ready for that."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array
from mlp.callbacks import Callback, CallbackList
from mlp.data import Block
from mlp.engines import choice
from mlp.engines.threads import limited
from mlp.naming import is_integer, require
from mlp.sources import open_inputs

if TYPE_CHECKING:
    from mlp.model import Model

FEW, SHAPES = 1 << 14, 8  # numbers of x, and shapes, for which there is a way without detours


def prediction(
    model: "Model",
    x: Any,
    batch_size: int | None,
    steps: int | None = None,
    callbacks: Sequence[Callback] | None = None,
) -> Array:
    """The outputs for whatever data; arguments as in `Model.predict`."""
    for name, value in (("batch_size", batch_size), ("steps", steps)):
        right = value is None or (is_integer(value) and value > 0)
        require(right, name, value, "a positive integer")
    size = batch_size or 32
    heard = CallbackList(callbacks or (), model, {"steps": steps})
    found = open_inputs(model, x)
    if isinstance(found, np.ndarray):
        if steps is None and not callbacks:
            return predict(model, found, batch_size)
        X = found if steps is None else found[: steps * size]
        batches: Iterable[Array] = (X[start : start + size] for start in range(0, len(X), size))
    else:
        blocks = found.blocks(batch_size or min(model.chunk, 4096), None, 0, steps)
        batches = islice(cut(blocks), steps)
    heard.call("on_predict_begin", {})
    outs = []
    with nullcontext() if isinstance(found, np.ndarray) else closing(found):
        for number, rows in enumerate(batches):
            heard.call("on_predict_batch_begin", number, {})
            outs.append(predict(model, rows, len(rows)))
            heard.call("on_predict_batch_end", number, {"outputs": outs[-1]})
    heard.call("on_predict_end", {})
    return np.concatenate(outs)


def cut(blocks: Iterable[Block]) -> Iterator[Array]:
    """The batches of blocks of inputs."""
    for block in blocks:
        X: Any = block.data
        for start in range(0, len(block.order), block.size):
            yield X[block.order[start : start + block.size]]


def predict(model: "Model", X: Array, batch_size: int | None = None) -> Array:
    """The outputs for rows that have passed `Model.as_inputs`; arguments as in `Model.predict`."""
    size = model.chunk if batch_size is None else batch_size
    require(is_integer(size) and size > 0, "batch_size", batch_size, "a positive integer")
    with model.lock:
        compute = ready(model, X.shape)  # which may load the library that is to be limited
        with limited(model.n_threads):
            if len(X) <= size:
                return compute(X).copy()
            out = np.empty((len(X), *model.layers[-1].output_shape), model.dtype)
            for start in range(0, len(X), size):
                out[start : start + size] = compute(X[start : start + size])
    return out


def ready(model: "Model", shape: tuple[int, ...]) -> Callable[[Array], Array]:
    """The function that computes outputs, in working memory; `model.answers` then has one for that shape."""
    settings = choice.settings(model.parts)
    if not model.predictor or choice.differ(settings, model.predictor_for):
        model.answers.clear()
        model.predictor = choice.predictor(model.engine_asked, model.layers)
        model.predictor_for = settings
    answering = getattr(model.predictor, "answering", None)
    few = math.prod(shape) <= FEW and len(model.answers) < SHAPES
    few = few and model.places is None and model.n_threads is None
    if answering is not None and few and shape not in model.answers:
        model.answers[shape] = answering(shape)
    compute: Callable[[Array], Array] = model.predictor.forward
    return compute
