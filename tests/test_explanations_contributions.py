"""Contributions add up, are what shap and PyTorch compute, and for a linear model w (x − baseline)."""

import warnings

import numpy as np
import pytest
from examples import ACTIVATIONS, example
from golden_values import golden
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_gradients_of_layers import STACKS, D, network

from mlp import Sequential, activations, layers
from mlp.errors import ArgumentError
from mlp.explanations import Contributions, deeplift, input_gradients, integrated_gradients
from mlp.explanations.contributions import _points
from mlp.explanations.rescaling import MIXING, by_element

RNG = np.random.default_rng(0)
GOLDEN = golden("shap_values")
METHODS = [integrated_gradients, deeplift]
JUMPING = (  # f itself, so that there is nothing to integrate
    activations.GeneralReLU, activations.HardShrink, activations.Sign, activations.Threshold,
    activations.ThresholdedLinear,
)  # fmt: skip


def has_mixing(model):
    found = any(isinstance(part, MIXING) for part in model.parts)
    return found or not all(by_element(part.activation) for part in model.parts)


def size_of(found):
    return np.abs(found.values).reshape(len(found), -1).sum(axis=1) + 1e-9


# completeness


@pytest.mark.parametrize("name", STACKS)
def test_contributions_add_up_through_every_layer(name):
    model = network(STACKS[name]())
    X, baseline = RNG.normal(size=(3, 4)), RNG.normal(size=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the gap, which is looked at here
        found = integrated_gradients(model, X, baseline, steps=300)
    if not any(isinstance(part.activation, JUMPING) for part in model.parts):
        assert (np.abs(found.gap) < 0.02 * size_of(found)).all()
    np.testing.assert_allclose(found.at_x, model.predict(X).max(axis=1), rtol=1e-12)
    at_baseline = model.predict(baseline[None])[0, found.output]
    np.testing.assert_allclose(found.at_baseline, at_baseline, rtol=1e-12, atol=1e-15)
    if not has_mixing(model):
        found = deeplift(model, X, baseline)
        assert (np.abs(found.gap) < 1e-9 * size_of(found)).all()


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_contributions_add_up_through_every_activation(kind):
    model = network([D(8, example(kind))], output=D(4, example(kind)))
    X = np.random.default_rng(7).normal(size=(3, 4))
    if kind not in JUMPING:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = integrated_gradients(model, X, steps=400)
        assert (np.abs(found.gap) < 0.02 * size_of(found)).all()
    if by_element(example(kind)):
        for of in ("net", "out"):
            found = deeplift(model, X, of=of)
            assert (np.abs(found.gap) < 1e-9 * size_of(found)).all()


@st.composite
def cases(draw):
    names = ["relu", "tanh", "sigmoid", "softplus", "elu", "silu", "leaky_relu", "threshold"]
    hidden = []
    for _ in range(draw(st.integers(0, 3))):
        units = draw(st.integers(1, 6))
        hidden += [layers.Dense(units, draw(st.sampled_from(names)))]
        hidden += draw(st.sampled_from([[], [layers.Dropout(0.5)], [layers.BatchNormalization()]]))
        if draw(st.booleans()):
            hidden += [layers.Residual([layers.Dense(3, draw(st.sampled_from(names))), layers.Dense(units)])]
    inputs, seed = draw(st.integers(1, 5)), draw(st.integers(0, 2**20))
    last = draw(st.sampled_from(["linear", "sigmoid", "softmax"]))
    output = layers.Dense(draw(st.integers(1, 3)), last)
    model = Sequential(
        [layers.Input(inputs), *hidden, output], dtype=draw(st.sampled_from(["float32", "float64"]))
    )
    rng = np.random.default_rng(seed)
    for part in model.parts:
        for name, value in part.parameters.items():
            value[...] = (
                rng.uniform(0.5, 2, value.shape) if "variance" in name else rng.normal(size=value.shape)
            )
    rows = draw(st.integers(1, 4))
    return model, rng.normal(size=(rows, inputs)), rng.normal(size=(rows, inputs))


@settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck), max_examples=150
)
@given(cases())
def test_deeplift_is_complete_whatever_the_net(case):
    model, X, baseline = case
    found = deeplift(model, X, baseline)
    rounding = np.finfo(model.dtype).eps ** (2 / 3)  # below which a difference of nets counts as none
    size = size_of(found) + np.abs(found.at_x) + np.abs(found.at_baseline)
    assert (np.abs(found.gap) < 20 * rounding * size).all()
    assert len(found) == len(X)
    assert found.values.shape == X.shape
    assert found.values.dtype == model.dtype


# peers


def twin(name, dtype="float64"):
    weights = [np.array(value) for value in GOLDEN["nets"][name]["weights"]]
    units = [weights[k].shape[1] for k in (0, 2, 4)]
    hidden = [layers.Dense(size, name) for size in units[:2]]
    model = Sequential([layers.Input(4), *hidden, layers.Dense(units[2])], dtype=dtype)
    model.set_weights(weights)
    return model, np.array(GOLDEN["X"]), np.array(GOLDEN["background"])


@pytest.mark.parametrize("name", GOLDEN["nets"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_deeplift_is_that_of_shap(name, dtype):
    model, X, background = twin(name, dtype)
    theirs = np.array(GOLDEN["nets"][name]["deeplift"])
    for k in range(3):
        found = deeplift(model, X, output=k, background=background)
        # shap takes the slope where nets differ by less than 1e-6, and its sums run in another order
        absolute = {"float32": 2e-5, "float64": 1e-8}[dtype]
        np.testing.assert_allclose(found.values, theirs[:, :, k], atol=absolute)


@pytest.mark.parametrize("name", GOLDEN["nets"])
def test_integrated_gradients_are_the_integral(name):
    """Of smooth functions exact; a bend costs what lies between two points of the way."""
    model, X, background = twin(name)
    theirs = np.array(GOLDEN["nets"][name]["integrated_gradients"])
    smooth = name not in ("relu", "leaky_relu", "elu")
    for k in range(3):
        found = integrated_gradients(model, X, background[0], output=k, steps=128)
        absolute = 1e-9 if smooth else 0.02 * np.abs(theirs).max()
        np.testing.assert_allclose(found.values, theirs[:, :, k], atol=absolute)


def test_a_background_is_the_mean_over_its_rows():
    """Which shap.GradientExplainer estimates from random points: to a hundredth of the largest."""
    model, X, background = twin("tanh")
    theirs = np.array(GOLDEN["nets"]["tanh"]["expected_gradients"])
    for k in range(3):
        found = integrated_gradients(model, X, output=k, background=background)
        each = [integrated_gradients(model, X, row, output=k) for row in background]
        np.testing.assert_allclose(found.values, np.mean([one.values for one in each], axis=0), atol=1e-12)
        np.testing.assert_allclose(found.at_baseline, model.predict(background)[:, k].mean(), rtol=1e-12)
        np.testing.assert_allclose(found.values, theirs[:, :, k], atol=0.01 * np.abs(theirs).max())
        assert (np.abs(found.gap) < 1e-8).all()


# by hand


@pytest.mark.parametrize("explain", METHODS)
def test_of_a_linear_model_they_are_w_times_the_difference(explain):
    w = np.array([[2.0], [-3.0], [0.5]])
    model = Sequential([layers.Dense(1, input_shape=(3,))], dtype="float64")
    model.set_weights([w, [7.0]])
    X, baseline = RNG.normal(size=(4, 3)), RNG.normal(size=3)
    found = explain(model, X, baseline)
    np.testing.assert_allclose(found.values, (X - baseline) * w[:, 0], rtol=1e-12)
    np.testing.assert_allclose(input_gradients(model, X), np.tile(w[:, 0], (4, 1)))
    np.testing.assert_allclose(found.at_x - found.at_baseline, found.values.sum(axis=1), rtol=1e-12)


def two_units():
    """out = 3 relu(x1 − x2) + relu(x2 + 1): at (1, 3) 0 + 4, at (0, 0) 0 + 1."""
    model = Sequential([layers.Dense(2, "relu", input_shape=(2,)), layers.Dense(1)], dtype="float64")
    model.set_weights([[[1.0, 0.0], [-1.0, 1.0]], [0.0, 1.0], [[3.0], [1.0]], [0.0]])
    return model


@pytest.mark.parametrize("explain", METHODS)
def test_two_units_by_hand(explain):
    """The first is silent all the way, the second linear: x2 has made all of 4 − 1."""
    found = explain(two_units(), [[1.0, 3.0]])
    np.testing.assert_allclose(found.values, [[0.0, 3.0]], atol=1e-12)
    assert (found.at_baseline[0], found.at_x[0], found.output[0]) == (1.0, 4.0, 0)


def test_deeplift_by_hand_where_a_unit_awakes():
    """From (0, 1) to (2, 0) its net goes from −1 to 2 and out from 0 to 2: m = 2/3, and 3 m (2, 1) = (4, 2).

    The other goes from 2 to 1 by x2, which falls by 1: −1.
    """
    found = deeplift(two_units(), [[2.0, 0.0]], [0.0, 1.0])
    np.testing.assert_allclose(found.values, [[4.0, 2.0 - 1.0]], rtol=1e-12)
    path = integrated_gradients(two_units(), [[2.0, 0.0]], [0.0, 1.0], steps=2000)
    np.testing.assert_allclose(path.values, found.values, atol=0.01)


def test_a_saturated_unit_still_counts():
    """σ at net 40 has the slope 0, but it has gone from 1/2 to 1."""
    model = Sequential([layers.Dense(1, "sigmoid", input_shape=(2,))], dtype="float64")
    model.set_weights([[[30.0], [10.0]], [0.0]])
    assert np.abs(input_gradients(model, [[1.0, 1.0]])).max() < 1e-15
    np.testing.assert_allclose(deeplift(model, [[1.0, 1.0]], of="out").values, [[0.375, 0.125]], rtol=1e-9)


def test_a_net_that_does_not_differ_gets_its_slope():
    """x1 and x2 differ and their difference does not: Δnet = 0, and the slope of the sigmoid is 1/4."""
    model = Sequential([layers.Dense(1, "sigmoid", input_shape=(2,))], dtype="float64")
    model.set_weights([[[1.0], [-1.0]], [0.0]])
    found = deeplift(model, [[5.0, 5.0]], of="out")
    np.testing.assert_allclose(found.values, [[1.25, -1.25]], rtol=1e-12)
    assert np.isfinite(deeplift(model, [[0.0, 0.0]]).values).all()


# categories


def tabular(dtype):
    return Sequential(
        [
            layers.Input(3),
            layers.Concatenate(
                [
                    [layers.Columns([0, 1]), layers.Embedding(4, 3), layers.Flatten()],
                    [layers.Columns(2), layers.Normalization(mean=5.0, variance=4.0)],
                ]
            ),
            layers.Dense(6, "tanh"),
            layers.Dense(1),
        ],
        dtype=dtype,
        seed=0,
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("explain", METHODS)
def test_categories_contribute_too(explain, dtype):
    model = tabular(dtype)
    model.layers[0].branches[0][1].embeddings = RNG.normal(size=(4, 3))
    X = np.array([[3.0, 1.0, 4.0], [0.0, 2.0, 9.0], [1.0, 1.0, 5.0]])
    baseline = np.array([0.0, 1.0, 5.0])
    found = explain(model, X, baseline)
    np.testing.assert_allclose(found.gap, 0, atol={"float32": 1e-5, "float64": 1e-9}[dtype])
    assert found.values.dtype == dtype
    assert not found.values[baseline == X].any()
    assert (found.values[baseline != X] != 0).all()


@pytest.mark.parametrize("explain", METHODS)
def test_categories_of_a_linear_model_contribute_what_their_rows_of_the_table_do(explain):
    table = np.array([[0.0, 1.0], [2.0, -1.0], [5.0, 5.0]])
    model = Sequential(
        [layers.Embedding(3, 2, input_shape=(1,)), layers.Flatten(), layers.Dense(1)], dtype="float64"
    )
    model.set_weights([table, [[1.0], [10.0]], [0.0]])
    found = explain(model, [[0.0], [1.0], [2.0]], background=[[0.0], [1.0]])
    out = table @ [1.0, 10.0]
    np.testing.assert_allclose(found.values[:, 0], out - out[:2].mean(), rtol=1e-12)


# baselines and arguments


@pytest.mark.parametrize("explain", METHODS)
def test_forms_of_a_baseline(explain):
    model = network([D(5, "tanh")])
    X, rows = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))
    values = lambda *arguments, **options: explain(model, X, *arguments, **options).values  # noqa: E731
    assert np.array_equal(values(), values(0))
    assert np.array_equal(values(), values(np.zeros((3, 4))))
    np.testing.assert_allclose(values(0.5), values([[0.5] * 4]), rtol=1e-12)
    np.testing.assert_allclose(values(rows[1]), values(background=rows[1:2]), rtol=1e-12)
    each = [explain(model, X[k : k + 1], rows[k]).values[0] for k in range(3)]
    np.testing.assert_allclose(values(rows), each, atol=1e-12)


@pytest.mark.parametrize("explain", METHODS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"baseline": np.zeros(3)}, r"baseline must be a number, a row of shape \(4,\), or 2 of them; give"),
        ({"baseline": np.zeros((5, 4))}, r"or 2 of them; give others as background=; got 'shape \(5, 4\)'"),
        ({"baseline": "mean"}, "baseline must be a number, a row of shape .*; got 'mean'"),
        ({"baseline": np.nan}, r"baseline\[0, 0\] is nan"),
        (
            {"baseline": 0, "background": np.zeros((2, 4))},
            "baseline must be left out where background is given",
        ),
        ({"background": np.zeros(4)}, "background must have one row a sample"),
        ({"background": np.zeros((2, 3))}, "background has rows of shape"),
    ],
)
def test_bad_baselines(explain, options, message):
    with pytest.raises(ArgumentError, match=message):
        explain(network([D(5, "tanh")]), np.ones((2, 4)), **options)


@pytest.mark.parametrize("steps", [0, -1, 1.5, True, None, "many"])
def test_bad_steps(steps):
    with pytest.raises(ArgumentError, match="steps must be a positive integer"):
        integrated_gradients(network([]), np.ones((2, 4)), steps=steps)


@pytest.mark.parametrize(
    ("hidden", "name"),
    [
        ([layers.LayerNormalization()], "LayerNormalization"),
        ([layers.Residual([layers.RMSNormalization()])], "RMSNormalization"),
        ([layers.UnitNormalization()], "UnitNormalization"),
        ([layers.GroupNormalization(2)], "GroupNormalization"),
        ([D(4, "softmax")], "Softmax"),
        ([D(4, "glu")], "GLU"),
        ([layers.Activation(activations.Maxout(2))], "Maxout"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_deeplift_refuses_what_mixes_a_row(hidden, name):
    model = network([layer.clone() for layer in hidden])
    where = model.layers[0].leaves()[0][0]
    with pytest.raises(
        ArgumentError, match=rf"layer '{where}' \({name}\) mixes .* Take integrated_gradients"
    ):
        deeplift(model, np.ones((1, 4)))
    assert integrated_gradients(model, RNG.normal(size=(1, 4)), 0.1).values.shape == (1, 4)


def test_deeplift_of_a_softmax_asks_for_its_net():
    model = network([], output=D(3, "softmax"))
    with pytest.raises(ArgumentError, match=r"layer 'dense' \(Softmax\) mixes .* Take of='net', before"):
        deeplift(model, np.ones((1, 4)), of="out")
    assert deeplift(model, np.ones((1, 4))).of == "net"


class Squared(layers.Layer):
    def forward(self, X, training=False):
        self.X = X
        return X * X

    def backward(self, delta):
        return 2 * self.X * delta


class Doubled(layers.Layer):
    def forward(self, X, training=False):
        return 2 * X

    def backward(self, delta):
        return 2 * delta


def test_layers_of_ones_own_must_be_linear_for_deeplift():
    X = RNG.normal(size=(3, 4))
    found = deeplift(network([D(4, "tanh"), Doubled()]), X)
    assert np.abs(found.gap).max() < 1e-9
    model = network([D(4, "tanh"), Squared()])
    with pytest.raises(
        ArgumentError, match=r"do not add up: .* such as Squared, to be linear.* Take integrated_gradients"
    ):
        deeplift(model, X)
    assert np.abs(integrated_gradients(model, X).gap).max() < 1e-9


def test_a_wide_gap_is_a_warning():
    model = network([D(8, "relu"), D(8, "relu")])
    X = 30 * np.random.default_rng(0).normal(size=(5, 4))
    with pytest.warns(
        UserWarning, match=r"of [1-5] of 5 rows do not add up well: of row [0-4] .* more than steps=1;"
    ) as seen:
        found = integrated_gradients(model, X, steps=1)
    assert seen[0].filename == __file__
    assert np.abs(found.gap).max() > 0.05
    finer = integrated_gradients(model, X, steps=500)
    assert np.abs(finer.gap).max() < np.abs(found.gap).max() / 10


def test_points_of_the_way_are_weighed_to_1():
    for steps in (1, 2, 64, 65, 200):
        nodes, weights = _points(steps)
        assert len(nodes) == steps
        assert (np.diff(nodes) > 0).all()
        assert 0 < nodes[0] <= nodes[-1] < 1
        for power in (0, 1):
            np.testing.assert_allclose(weights @ nodes**power, 1 / (power + 1), rtol=1e-12)
    nodes, weights = _points(3)
    np.testing.assert_allclose(weights @ nodes**5, 1 / 6, rtol=1e-12)


def test_printed():
    found = Contributions(np.ones((2, 3)), np.zeros(2), np.array([3.0, 3.5]), np.zeros(2, int), "net")
    assert repr(found) == "<Contributions to 'net': 2 × 3; largest gap 0.5>"
    assert found.gap.tolist() == [0.0, 0.5]
