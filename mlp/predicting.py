"""Predicting: the outputs of a model for rows, by its engine, and what is kept ready for that."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mlp.arrays import Array
from mlp.engines import choice
from mlp.engines.threads import limited
from mlp.naming import is_integer, require

if TYPE_CHECKING:
    from mlp.model import Model

FEW, SHAPES = 1 << 14, 8  # numbers of x, and shapes, for which there is a way without detours


def predict(model: "Model", X: Array, batch_size: int | None = None) -> Array:
    """The outputs for rows that have passed `Model.as_inputs`; arguments as in `Model.predict`."""
    size = model.chunk if batch_size is None else batch_size
    require(is_integer(size) and size > 0, "batch_size", batch_size, "a positive integer")
    with model.lock, limited(model.n_threads):
        compute = ready(model, X.shape)
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
