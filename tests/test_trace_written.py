"""A trace in writing: formulas with their numbers, as text and as HTML, that say what was so."""

import copy
from xml.etree import ElementTree

import numpy as np
import pytest
from test_trace import CLASSES, X, deep

import mlp
from mlp import Sequential, layers, optimizers


def test_written():
    trace = deep(optimizer=optimizers.SGD(0.5)).trace(X, CLASSES)
    lines = str(trace).splitlines()
    assert lines[0].startswith("One pass forward and back: 6 rows, L = ")
    assert lines[0].endswith("SGD with η = 0.5")
    assert max(map(len, lines)) <= 110
    text = str(trace)
    parts = (
        "FORWARD", "first: Dense, tanh", "net = X W + b", "h = tanh(net)", "h = Dropout(X)", "residual.dense",
        "y = softmax(net)", "LOSS", "sparse_categorical_crossentropy(y, T)", "BACK", "last: ",
        "δ = (y − T)/n", "∂L/∂W = Xᵀ δ", "ΔW = −η ∂L/∂W", "δ = f'(net) ∘ ∂L/∂h", "∂L/∂W = Xᵀ δ + penalty'",
    )  # fmt: skip
    place = 0
    for part in parts:
        place = text.index(part, place)
    assert "of which penalties" in text
    assert f"{trace['last'].delta[0, 0]:.3f}".replace("-", "−") in text
    assert repr(trace) == f"<Trace of 6 rows through 5 layers; loss {trace.loss:.4g}>"
    assert repr(trace[0]) == "<LayerTrace of 'first': Dense, (6, 3) to (6, 5)>"


def test_grad_says_which_layer_has_handed_it_down():
    model = Sequential([layers.Dense(2, "tanh"), layers.Dense(1, name="last")], seed=0)
    model.compile("sgd", "mse")
    assert "∂L/∂h = δ Wᵀ of last" in str(model.trace(X, CLASSES))


def test_numbers_of_a_small_net_are_written_out():
    model = Sequential([layers.Dense(1, name="a<b")], dtype="float64")
    model.build((2,))
    model.set_weights([[[0.5], [-1]], [0.25]])
    model.compile(optimizers.SGD(0.1), "mse")
    trace = model.trace([[1, 2]], [0])  # y = 0.5 − 2 + 0.25 = −1.25, L = 1.5625, δ = 2 (y − T) = −2.5
    text = str(trace)
    for written in ("L = 1.56", "[−1.25]", "δ = 2 (y − T)/n", "[−2.50]", "a<b: Dense, linear", "[0.250]"):
        assert written in text, written
    page = ElementTree.fromstring(f"<div>{trace._repr_html_().replace('<br>', '<br/>')}</div>")
    words = list(page.itertext())
    assert "↑ a<b: Dense, linear" in words
    assert words.count("−1.25") == 2  # net and y


def test_a_large_one_is_summed_up():
    model = Sequential([layers.Dense(300, "relu"), layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    trace = model.trace(np.ones((50, 40)), np.ones(50))
    text = str(trace)
    assert "50 × 300 numbers" in text
    assert "40 × 300 numbers" in text
    assert "mean size" in text
    assert len(text.splitlines()) < 60
    assert "50 × 300 numbers" in trace._repr_html_()


CHANNELS = np.eye(3)[np.arange(6) % 3]
LOGITS = mlp.losses.BinaryCrossentropy(from_logits=True)
NO_DIFFERENCE = {
    "ignored": (mlp.losses.SparseCategoricalCrossentropy(ignore_class=1), "softmax", None, np.arange(6) % 3),
    "gaps": (mlp.losses.Masked("mse"), "linear", None, np.where(CHANNELS == 1, np.nan, 0.5)),
    "penalty": (mlp.losses.SumOfSquares(), "linear", "l2", CHANNELS),
    "logits": (LOGITS, "linear", None, CHANNELS),
    "masked logits": (mlp.losses.Masked(LOGITS), "linear", None, CHANNELS),
}


@pytest.mark.parametrize("case", NO_DIFFERENCE)
def test_y_minus_t_is_claimed_only_where_it_is_so(case):
    loss, activation, penalty, target = NO_DIFFERENCE[case]
    last = layers.Dense(3, activation, activity_regularizer=penalty)
    model = Sequential([last], dtype="float64", seed=0)
    model.compile("sgd", copy.deepcopy(loss))
    assert model.trace(X, target).canonical == ""
    assert "(y − T)" not in str(model.trace(X, target))


def test_a_constraint_is_part_of_the_update():
    model = Sequential([layers.Dense(2, kernel_constraint="non_neg")], seed=0)
    model.compile(optimizers.SGD(0.1), "mse")
    trace = model.trace(X, X[:, :2])
    assert not trace.is_plain_descent
    assert "−η" not in str(trace)


@pytest.mark.parametrize("scale", [-1e9, 1e7, 1e-120, 1e120, 1e300])
def test_wide_numbers_stay_within_the_lines(scale):
    model = Sequential([layers.Dense(10, name="n" * 120)], dtype="float64", seed=0)
    model.compile("sgd", "mse")
    trace = model.trace(X * scale, np.ones((6, 10)))
    lines = str(trace).splitlines()
    assert max(map(len, lines)) <= 110
    assert sum(line.count("[") for line in lines) > 20  # and the numbers are there
    assert trace._repr_html_().count("<td") > 200


def test_numbers_near_the_end_of_float32_are_summed_up():
    model = Sequential([layers.Dense(300, kernel_initializer="ones")], seed=0)
    model.compile("sgd", "mae")
    text = str(model.trace(np.full((20, 3), 1e38), np.zeros((20, 300))))
    assert "3e+38" in text
