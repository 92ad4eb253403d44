"""The compiled form of a layer against its NumPy form, one batch forward and back, at extremes too."""

import numpy as np
import pytest

from mlp import layers
from mlp.engines.kernels import propagation
from mlp.engines.kernels.compiler import compiler_for
from mlp.engines.kernels.tape import Tape

TOLERANCE = {"float32": 3e-5, "float64": 1e-11}
MAKERS = {
    "batch": lambda: layers.BatchNormalization(momentum=0.7),
    "bare batch": lambda: layers.BatchNormalization(center=False, scale=False),
    "layer": lambda: layers.LayerNormalization(),
    "bare layer": lambda: layers.LayerNormalization(center=False, scale=False),
    "RMS": lambda: layers.RMSNormalization(),
    "unit": lambda: layers.UnitNormalization(),
    "group": lambda: layers.GroupNormalization(3),
    "groups of one": lambda: layers.GroupNormalization(-1),
    "rescaling": lambda: layers.Rescaling([2.0] * 6, 0.5),
    "normalization": lambda: layers.Normalization(),
    "one normalization": lambda: layers.Normalization(axis=None),
    "inverted": lambda: layers.Normalization(invert=True),
    "scale": lambda: layers.Scale(),
    "periodic": lambda: layers.PeriodicEmbedding(4, 5, 0.3),
    "periodic without the input": lambda: layers.PeriodicEmbedding(1, 16, 0.3, include_input=False),
    "columns": lambda: layers.Columns([5, 3, 1, 0, -2]),
    "repeat": lambda: layers.RepeatVector(3),
    "identity": lambda: layers.Identity(),
    "flatten": lambda: layers.Flatten(),
}
FLAT = ("group", "groups of one", "repeat", "scale", "periodic", "periodic without the input")
SHAPES = [(1, 6), (3, 6), (8, 6), (33, 6), (5, 2, 6), (4, 3, 2, 6)]


def pair(make, shape, dtype, learns=True):
    """Two layers alike."""
    made = [make(), make()]
    rng = np.random.default_rng(5)
    for layer in made:
        layer.build(shape[1:], rng, np.dtype(dtype))
        layer.connect(True, learns)
    for name, value in made[0].parameters.items():
        value[...] = rng.uniform(0.5, 2, value.shape)
        made[1].parameters[name][...] = value
    return made


def agree(make, X, delta=None, training=True, learns=True):
    dtype = X.dtype.name
    reference, layer = pair(make, X.shape, dtype, learns)
    delta = np.random.default_rng(6).normal(size=(len(X), *layer.output_shape)) if delta is None else delta
    delta = delta.astype(dtype)
    tape = Tape(compiler_for(X.dtype), len(X), training=training)
    out = propagation.forward(tape, [layer], X)
    grad = propagation.backward(tape, [layer], delta)
    tape.finish().run()
    with np.errstate(all="ignore"):
        close(out, reference.forward(X, training), dtype)
        close(grad.reshape(X.shape), reference.backward(delta), dtype)
    for name in layer.parameters:
        close(layer.parameters[name], reference.parameters[name], dtype)
        if learns and name not in layer.kept and (training or type(layer) is not layers.BatchNormalization):
            close(layer.gradients[f"d{name}"], reference.gradients[f"d{name}"], dtype)


def close(found, expected, dtype):
    scale = max(1, np.abs(expected[np.isfinite(expected)], dtype=float).max(initial=0))
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", MAKERS)
def test_form(name, shape, dtype):
    if name in FLAT:
        shape = (int(np.prod(shape[:-1])), shape[-1])
    X = np.random.default_rng(0).normal(1, 2, size=shape).astype(dtype)
    agree(MAKERS[name], X)
    agree(MAKERS[name], X, training=False)
    agree(MAKERS[name], X, learns=False)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", ["batch", "layer", "RMS", "unit", "group", "rescaling", "normalization"])
def test_extremes(name, dtype):
    """Huge and tiny numbers, rows and columns of zeros, an outlier in the first row."""
    X = np.random.default_rng(0).normal(size=(20, 6)).astype(dtype)
    X[:, 0], X[:, 1], X[3], X[4] = 0, 1e4, 0, 1e-14
    X[0, 2], X[5] = 1e4, [1e4, -1e4] * 3
    agree(MAKERS[name], X, delta=np.random.default_rng(1).choice([-1e4, 0.0, 1e-4], (20, 6)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["batch", "layer", "RMS", "unit", "group", "rescaling", "scale", "periodic"])
def test_what_is_not_finite_is_seen(name, value):
    X = np.ones((9, 6), np.float32)
    X[8, 0] = value
    agree(MAKERS[name], X)


def test_variance_of_columns_far_from_0():
    """One pass over the rows would lose it, were Σ X² what is summed."""
    X = (1e4 + np.random.default_rng(0).normal(size=(100, 6))).astype(np.float32)
    layer = pair(lambda: layers.BatchNormalization(momentum=0.0), X.shape, "float32")[0]
    tape = Tape(compiler_for(X.dtype), len(X))
    propagation.forward(tape, [layer], X)
    tape.finish().run()
    np.testing.assert_allclose(layer.moving_variance, X.astype(float).var(axis=0), rtol=1e-3)


@pytest.mark.parametrize(("dims", "shape"), [((2, 1), (3, 4)), ((3, 1, 2), (2, 3, 4)), ((1, 2), (3, 4))])
def test_permute(dims, shape):
    agree(lambda: layers.Permute(dims), np.random.default_rng(0).normal(size=(5, *shape)))


def test_indices_beyond_an_embedding_read_nothing_beyond_it():
    """They are checked before; this is for memory that is not ours."""
    layer = layers.Embedding(3, 2)
    layer.build((2,), np.random.default_rng(0), np.dtype("float32"))
    X = np.array([[0, 7], [-1e9, np.nan]], np.float32)
    tape = Tape(compiler_for(X.dtype), 2)
    out = propagation.forward(tape, [layer], X)
    tape.finish().run()
    held = layer.embeddings[[[0, 2], [0, 0]]]
    np.testing.assert_array_equal(out, held)
