"""The red and blue points of docs/red_and_blue.md: the losses of the formulas, on both engines."""

from itertools import pairwise

import numpy as np
import pytest
from test_lecture import categorical_output, descent_by_formula, red_and_blue

import mlp
from mlp import layers, losses, optimizers

LN3 = np.log(3)
RATE, STEPS = 0.01, 1000
HALF = 50 * np.log(2)  # of the loss of a net that says one half to everything
# starts from which the loss falls at each step: where it jumps, rounding differences grow as in any chaos
STARTS = [
    pytest.param((), 11, RATE, id="softmax regression"),
    pytest.param((2,), 11, 0.03, id="one hidden layer, at the rate of the series"),
    pytest.param((2,), 1, RATE, id="one hidden layer"),
    pytest.param((2, 2), 11, RATE, id="two hidden layers"),
    pytest.param((4, 3), 1, RATE, id="two hidden layers of several widths"),
    pytest.param((2, 2, 2), 11, RATE, id="three hidden layers"),
    pytest.param((4, 4, 4), 17, RATE, id="three hidden layers of four units"),
]


def start(hidden, seed: int) -> list[np.ndarray]:
    """Standard normal numbers, as in the series: W, b, W, b …"""
    rng, sizes, weights = np.random.default_rng(seed), (2, *hidden, 2), []
    for inputs, units in pairwise(sizes):
        weights += [rng.normal(size=(inputs, units)), rng.normal(size=units)]
    return weights


def network(weights, rate: float = RATE, engine: str = "numpy") -> mlp.Sequential:
    """Sigmoid layers and two softmax units that begin with these weights; the loss is summed."""
    *hidden, output = (W.shape[1] for W in map(np.asarray, weights[::2]))
    model = mlp.Sequential([layers.Input(2)], dtype="float64")
    for units in hidden:
        model.add(layers.Dense(units, "sigmoid"))
    model.add(layers.Dense(output, "softmax"))
    loss = losses.CategoricalCrossentropy(reduction="sum")
    model.compile(optimizers.SGD(rate), loss, metrics=["accuracy"], engine=engine)
    model.set_weights(weights)
    return model


def points() -> tuple[np.ndarray, np.ndarray]:
    """Red is the second column of the targets."""
    X, labels = red_and_blue()
    return X, mlp.utils.to_categorical(1 - labels)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize(("hidden", "seed", "rate"), STARTS)
def test_the_losses_of_1000_steps_are_those_of_the_formulas(hidden, seed, rate, engine):
    X, T = points()
    weights = start(hidden, seed)
    expected, last = descent_by_formula(X, T, weights, categorical_output, rate, STEPS)
    assert (np.diff(expected) < 1e-9).all(), "the example is one of a loss that falls step by step"

    model = network(weights, rate, engine)
    found = model.fit(X, T, batch_size="full", epochs=STEPS, verbose=0).history["loss"]

    assert model.engine_in_use.startswith(engine)
    assert len(found) == STEPS
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    for ours, formula in zip(model.get_weights(), last, strict=True):
        np.testing.assert_allclose(ours, formula, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_one_step_by_hand(engine):
    """A blue point (1, 0) and a red one (1, 1), two sigmoid units, two softmax units. a = ln 3, η = 0.5.

    σ(0) = 1/2, σ(a) = 3/4, softmax(0, 0) = (1/2, 1/2), softmax(0, a) = (1/4, 3/4).

    Forward, blue and red row by row
        W₁ = ( 0   a )  b₁ = 0     net₁ = ( 0  a )     out₁ = ( 1/2  3/4 )
             ( a  -a )                    ( a  0 )            ( 3/4  1/2 )
        W₂ = ( 0  8a )  b₂ = (0, -7a)
             ( 0  4a )             net₂ = ( 0  4a + 3a - 7a ) = ( 0  0 )
                                          ( 0  6a + 2a - 7a )   ( 0  a )
        Y = ( 1/2  1/2 )   T = ( 1  0 )
            ( 1/4  3/4 )       ( 0  1 )
        J = -ln 1/2 - ln 3/4 = ln 8/3

    Backward
        delta₂ = Y - T = ( -1/2   1/2 )
                         (  1/4  -1/4 )
        dW₂    = out₁ᵀ delta₂
               = ( -1/4 + 3/16   1/4 - 3/16 ) = ( -1/16  1/16 )
                 ( -3/8 + 1/8    3/8 - 1/8  )   ( -1/4   1/4  )
        db₂    = (-1/2 + 1/4, 1/2 - 1/4)      = ( -1/4   1/4  )
        grad₁  = delta₂ W₂ᵀ = (  1/2 · 8a   1/2 · 4a ) = (  4a  2a )
                              ( -1/4 · 8a  -1/4 · 4a )   ( -2a  -a )
        delta₁ = out₁ (1 - out₁) ∘ grad₁ = ( 1/4 · 4a      3/16 · 2a ) = (  a     3a/8 )
                                           ( 3/16 · (-2a)  1/4 · (-a) )  ( -3a/8  -a/4 )
        dW₁    = Xᵀ delta₁ = ( a - 3a/8  3a/8 - a/4 ) = (  5a/8  a/8 )
                             (   -3a/8      -a/4    )   ( -3a/8 -a/4 )
        db₁    = (a - 3a/8, 3a/8 - a/4)               = (  5a/8  a/8 )

    Update, W ← W - η dW: half of each gradient is subtracted.
    """
    a = LN3
    weights = [[[0, a], [a, -a]], [0, 0], [[0, 8 * a], [0, 4 * a]], [0, -7 * a]]
    gradients = [
        [[5 * a / 8, a / 8], [-3 * a / 8, -a / 4]],
        [5 * a / 8, a / 8],
        [[-1 / 16, 1 / 16], [-1 / 4, 1 / 4]],
        [-1 / 4, 1 / 4],
    ]
    model = network(weights, rate=0.5, engine=engine)
    hidden, output = model.layers

    history = model.fit([[1, 0], [1, 1]], [[1, 0], [0, 1]], batch_size="full", shuffle=False, verbose=0)

    exactly = {"rtol": 1e-14, "atol": 1e-14}
    np.testing.assert_allclose(history.history["loss"], [np.log(8 / 3)], **exactly)
    np.testing.assert_allclose(hidden.out, [[1 / 2, 3 / 4], [3 / 4, 1 / 2]], **exactly)
    np.testing.assert_allclose(output.out, [[1 / 2, 1 / 2], [1 / 4, 3 / 4]], **exactly)
    np.testing.assert_allclose(output.deltas, [[-1 / 2, 1 / 2], [1 / 4, -1 / 4]], **exactly)
    np.testing.assert_allclose(hidden.deltas, [[a, 3 * a / 8], [-3 * a / 8, -a / 4]], **exactly)
    found = [hidden.dW, hidden.db, output.dW, output.db]
    for ours, before, after, by_hand in zip(found, weights, model.get_weights(), gradients, strict=True):
        np.testing.assert_allclose(ours, by_hand, **exactly)
        np.testing.assert_allclose(after, np.array(before) - 0.5 * np.array(by_hand), **exactly)


def test_the_first_example_one_perceptron_and_two_clusters():
    """Red around (-2, -2), blue around (2, 2), 100 steps at the rate 0.01: (3, 2) is blue."""
    noise = np.random.default_rng(0).normal(size=(100, 2))
    X = np.repeat([[-2, -2], [2, 2]], 50, axis=0) + noise
    T = points()[1]
    weights = start((), 11)
    expected, _ = descent_by_formula(X, T, weights, categorical_output, RATE, 100)
    model = network(weights)
    found = model.fit(X, T, batch_size="full", epochs=100, verbose=0).history["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found[-1] < 1
    assert model.predict(np.array([[3, 2]]))[0, 0] > 0.99


def test_without_a_hidden_layer_the_net_ends_by_saying_one_half():
    """What a line can do about XOR saves less than one thousandth of ln 2 a point."""
    X, T = points()
    model = network(start((), 11))
    J = model.fit(X, T, batch_size="full", epochs=STEPS, verbose=0).history["loss"]
    np.testing.assert_allclose(J[-1], 100 * np.log(2), rtol=1e-3)
    np.testing.assert_allclose(model.predict(X), 0.5, atol=0.05)


def test_each_sigmoid_layer_delays_the_descent():
    """Its slope is at most 1/4: a delta shrinks on its way down, and the steps to half the loss multiply."""
    X, T = points()
    halved = []
    for hidden in [(2,), (2, 2), (2, 2, 2)]:
        model = network(start(hidden, 11))
        J = np.array(model.fit(X, T, batch_size="full", epochs=1500, verbose=0).history["loss"])
        assert J[-1] < HALF
        assert model.evaluate(X, T, verbose=0)[1] >= 0.99
        halved.append(np.argmax(J < HALF))
    assert halved[1] > 2 * halved[0]
    assert halved[2] > 2 * halved[1]

    deepest = network(start((2, 2, 2), 11))
    deepest.train_on_batch(X, T)
    sizes = [np.abs(layer.deltas).mean() for layer in deepest.layers]
    assert all(below < above / 2 for below, above in pairwise(sizes))
