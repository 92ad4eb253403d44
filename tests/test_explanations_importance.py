"""Olden's and Garson's importance: by hand, by the formula, and through every layer that has weights."""

import numpy as np
import pytest
from test_gradients_of_layers import STACKS, D, network

from mlp import Sequential, layers
from mlp.errors import ArgumentError
from mlp.explanations import garson, input_gradients, olden
from mlp.explanations.importance import MOVING, PASSING, SCALING, WEIGHTS

RNG = np.random.default_rng(0)


def net(*widths, between=(), last="linear"):
    hidden = [layer for units in widths[1:-1] for layer in (D(units, "tanh"), *(make() for make in between))]
    model = Sequential([layers.Input(widths[0]), *hidden, D(widths[-1], last)], dtype="float64")
    for part in model.parts:
        for name, value in part.parameters.items():
            value[...] = (
                RNG.uniform(0.5, 2, value.shape) if "variance" in name else RNG.normal(size=value.shape)
            )
    return model


def shares(W):
    return np.abs(W) / np.abs(W).sum(axis=0)


def test_olden_is_the_product_of_the_weights():
    for widths in ((4, 3), (4, 5, 3), (4, 5, 6, 2, 3)):
        model = net(*widths, last="softmax")
        product = np.linalg.multi_dot([np.eye(4), *(layer.W for layer in model.layers), np.eye(3)])
        np.testing.assert_allclose(olden(model), product, rtol=1e-10)


def test_garson_by_the_formula_of_one_hidden_layer():
    model = net(4, 5, 3)
    W, V = (layer.W for layer in model.layers)
    expected = np.empty((4, 3))
    for k in range(3):
        parts = np.abs(W * V[:, k]) / np.abs(W).sum(axis=0)
        expected[:, k] = parts.sum(axis=1) / parts.sum()
    np.testing.assert_allclose(garson(model), expected, rtol=1e-12)


def test_garson_of_several_hidden_layers_is_the_product_of_shares():
    model = net(4, 5, 6, 3)
    expected = np.linalg.multi_dot([shares(layer.W) for layer in model.layers])
    np.testing.assert_allclose(garson(model), expected, rtol=1e-12)
    np.testing.assert_allclose(garson(model).sum(axis=0), 1, rtol=1e-12)


def test_by_hand():
    """Two ways of weight 6 and −6 cancel for Olden; for Garson they are all there is."""
    model = Sequential([D(2, "relu", input_shape=(2,)), D(1)], dtype="float64")
    model.set_weights([[[2.0, 3.0], [0.0, 1.0]], [9.0, 9.0], [[3.0], [-2.0]], [9.0]])
    assert olden(model).tolist() == [[0.0], [-2.0]]
    np.testing.assert_allclose(garson(model), [[0.6 + 0.4 * 0.75], [0.4 * 0.25]], rtol=1e-12)


def test_olden_of_a_linear_net_is_its_gradient():
    model = network([D(5), layers.BatchNormalization(), layers.Residual([D(3), D(5)])], output=D(2))
    each = np.stack([input_gradients(model, np.ones((1, 4)), k)[0] for k in range(2)], axis=1)
    np.testing.assert_allclose(olden(model), each, rtol=1e-12)


def test_what_passes_changes_nothing():
    passing = [
        layers.Dropout(0.3), layers.AlphaDropout(0.3), layers.GaussianDropout(0.3), layers.GaussianNoise(0.3),
        layers.ActivityRegularization(0.1), layers.Identity(), layers.PReLU(), layers.ReLU(),
        layers.Flatten(), layers.Lambda(np.sin, slope=np.cos),
    ]  # fmt: skip
    assert {type(layer) for layer in passing} == set(PASSING)
    model = Sequential([D(5, "tanh", input_shape=(4,)), *passing, D(3)], dtype="float64", seed=0)
    plain = Sequential([D(5, "tanh", input_shape=(4,)), D(3)], dtype="float64")
    plain.set_weights([model.weights[k] for k in (0, 1, -2, -1)])
    np.testing.assert_allclose(olden(model), olden(plain), rtol=1e-12)
    np.testing.assert_allclose(garson(model), garson(plain), rtol=1e-12)


def test_a_batch_normalization_between_is_a_factor():
    model = net(4, 5, 3, between=[layers.BatchNormalization])
    first, norm, last = model.layers
    factor = norm.gamma / np.sqrt(norm.moving_variance + norm.epsilon)
    np.testing.assert_allclose(olden(model), first.W @ (factor[:, None] * last.W), rtol=1e-12)
    np.testing.assert_allclose(garson(model), shares(first.W) @ shares(factor[:, None] * last.W), rtol=1e-12)


@pytest.mark.parametrize("explain", [olden, garson])
def test_scales_of_the_inputs_belong_to_the_data(explain):
    """Else a column in small units would seem important."""
    first = [
        layers.Normalization(mean=[0.0, 1, 2, 3], variance=[1.0, 100, 1e4, 1]),
        layers.Rescaling(2.0, 1.0),
    ]
    model = Sequential([layers.Input(4), *first, D(5, "tanh"), D(3)], dtype="float64", seed=0)
    plain = Sequential([layers.Input(4), D(5, "tanh"), D(3)], dtype="float64")
    plain.set_weights(model.get_weights()[2:])
    np.testing.assert_allclose(explain(model), explain(plain), rtol=1e-12)


@pytest.mark.parametrize("explain", [olden, garson])
def test_of_a_batch_normalization_of_the_inputs_gamma_is_a_weight(explain):
    model = Sequential(
        [layers.BatchNormalization(input_shape=(4,)), D(5, "tanh"), D(3)], dtype="float64", seed=0
    )
    norm = model.layers[0]
    norm.gamma, norm.moving_variance = [1.0, 2, 3, 4], [1.0, 100, 1e4, 1]
    plain = Sequential([layers.Input(4), D(5, "tanh"), D(3)], dtype="float64")
    W, *others = model.get_weights()[4:]
    plain.set_weights([norm.gamma[:, None] * W, *others])
    np.testing.assert_allclose(explain(model), explain(plain), rtol=1e-12)


def test_blocks():
    inner, outer = D(3, "tanh"), D(4)
    branches = [
        [layers.Columns([0, 2]), D(2)],
        [layers.Columns([3]), layers.Normalization(mean=1.0, variance=9.0)],
    ]
    stack = [layers.Residual([inner, outer]), layers.Concatenate(branches), D(2)]
    model = Sequential([layers.Input(4), *stack], dtype="float64", seed=0)
    joined = np.zeros((4, 3))
    joined[[0, 2], :2] = branches[0][1].W
    joined[3, 2] = 1 / 3  # behind weights the normalization is a factor
    expected = (np.eye(4) + inner.W @ outer.W) @ joined @ model.layers[-1].W
    np.testing.assert_allclose(olden(model), expected, rtol=1e-12)
    front = Sequential(
        [layers.Input(4), layers.Concatenate([[part.clone() for part in b] for b in branches]), D(2)]
    )
    W = front.layers[-1].W
    np.testing.assert_allclose(olden(front)[3], W[2], rtol=1e-6)  # before them it belongs to the data
    for blocks, kind in ((model, "Residual"), (front, "Concatenate")):
        with pytest.raises(ArgumentError, match=rf"\({kind}\) has no weights .* take olden"):
            garson(blocks)


def test_columns_and_shapes():
    model = Sequential([layers.Columns([2, 0], input_shape=(3,)), D(2)], dtype="float64", seed=0)
    W = model.layers[1].W
    expected = np.array([W[1], np.zeros(2), W[0]])
    np.testing.assert_allclose(olden(model), expected)
    np.testing.assert_allclose(garson(model), np.abs(expected) / np.abs(expected).sum(axis=0))
    turned = Sequential(
        [layers.Permute((2, 1), input_shape=(2, 2)), layers.Flatten(), D(1)], dtype="float64", seed=0
    )
    np.testing.assert_allclose(olden(turned), turned.layers[2].W[[0, 2, 1, 3]])


def test_a_unit_without_weights_has_no_share():
    model = Sequential([D(2, input_shape=(2,)), D(2)], dtype="float64")
    model.set_weights([[[1.0, 0.0], [3.0, 0.0]], [0.0, 1.0], [[1.0, 0.0], [5.0, 1.0]], [0.0, 0.0]])
    np.testing.assert_allclose(garson(model), [[0.25, 0], [0.75, 0]])


@pytest.mark.parametrize("name", STACKS)
def test_every_layer_is_taken_or_refused_by_name(name):
    model = network(STACKS[name]())
    known = (*WEIGHTS, *PASSING, *SCALING, *MOVING)
    strange = [part.name for part in model.parts if not isinstance(part, known)]
    if strange:
        with pytest.raises(ArgumentError, match=f"layer '{strange[0]}' .* take integrated_gradients"):
            olden(model)
    else:
        assert olden(model).shape == (4, model.layers[-1].output_shape[0])


@pytest.mark.parametrize(("explain", "instead"), [(olden, "integrated_gradients"), (garson, "olden")])
@pytest.mark.parametrize("activation", ["glu", "maxout"])
def test_units_that_make_one_output_together(explain, instead, activation):
    model = Sequential([D(4, activation, input_shape=(3,)), D(1)])
    with pytest.raises(ArgumentError, match=rf"layer 'dense' \((GLU|Maxout)\) .* take {instead}"):
        explain(model)


def test_categories_have_no_weights():
    model = Sequential([layers.Embedding(3, 2, input_shape=(1,)), layers.Flatten(), D(1)])
    for explain in (olden, garson):
        with pytest.raises(ArgumentError, match=r"layer 'embedding' \(Embedding\) has no weights"):
            explain(model)
