"""An activation that works some rows at a time computes what it does on all rows at once."""

import copy
import pickle

import numpy as np
import pytest

import mlp
from mlp import activations, layers
from mlp.activations.base import InBlocks

UNITS = 1200
ROWS = 2 * InBlocks.BLOCK // UNITS + 7  # the last block is shorter
BUILT_IN = sorted(set(activations._CATALOGUE.classes.values()), key=lambda cls: cls.__name__)
LEARNED = {"Blend", "PReLU"}


def built(activation, units=UNITS):
    layer = layers.Activation(activation)
    layer.build((units,), np.random.default_rng(0), np.dtype("float32"))
    return layer


@pytest.mark.parametrize("cls", BUILT_IN, ids=lambda cls: cls.__name__)
def test_blocks_change_nothing(cls):
    rng = np.random.default_rng(0)
    activation = cls("tanh") if cls.__name__ == "Blend" else cls()
    large, small = built(activation), built(activation)
    X = 3 * rng.standard_normal((ROWS, UNITS), dtype=np.float32)
    out = large.forward(X, training=True)
    grad = rng.standard_normal(out.shape, dtype=np.float32)
    delta = large.delta(grad)
    assert isinstance(large.applied, InBlocks) == (cls.__name__ not in LEARNED)
    for k in (0, 50, ROWS - 1):
        np.testing.assert_allclose(small.forward(X[k : k + 1], training=True), out[k : k + 1], atol=1e-6)
        np.testing.assert_allclose(small.delta(grad[k : k + 1]), delta[k : k + 1], rtol=1e-5, atol=1e-5)


def test_small_batches_are_not_cut():
    layer = built("gelu", 8)
    layer.forward(np.zeros((32, 8), np.float32))
    assert layer.applied is layer.activation


def test_an_activation_of_ones_own_is_not_cut():
    class Remembering(activations.Activation):
        def f(self, net, out):
            self.seen = net
            return np.multiply(net, net, out)

        def slope(self, net, out, slope):
            return np.multiply(self.seen, 2, slope)

    layer = built(Remembering())
    X = np.ones((ROWS, UNITS), np.float32)
    layer.forward(X)
    assert (layer.delta(X) == 2).all()


def test_softmax_and_its_loss_share_the_memory_of_the_blocks():
    X = np.random.default_rng(0).standard_normal((ROWS, 4)).astype(np.float32)
    y = np.arange(ROWS) % UNITS
    model = mlp.Sequential([layers.Dense(UNITS, "softmax")], seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    p = model.predict(X)
    expected = -np.log(p[np.arange(ROWS), y]).mean()
    loss = model.fit(X, y, batch_size="full", epochs=1, verbose=0).history["loss"][0]
    assert isinstance(model.layers[-1].applied, InBlocks)
    assert loss == pytest.approx(expected, rel=1e-4)


def test_copies_make_their_own_blocks():
    layer = built("silu")
    X = np.ones((ROWS, UNITS), np.float32)
    out = layer.forward(X).copy()
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        other.forward(-X)
        np.testing.assert_array_equal(layer.out, out)
        np.testing.assert_array_equal(other.forward(X), out)
