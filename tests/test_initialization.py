"""`initialize_from_data`: units of size 1 whose hyperplanes run through the data."""

import numpy as np
import pytest

from mlp import Sequential, layers
from mlp.errors import ArgumentError, NotReadyError
from mlp.initialization import initialize_from_data

Dense, NTKDense = layers.Dense, layers.NTKDense
X = np.random.default_rng(0).uniform(-100, 300, (400, 6))


def nets(model, of=X):
    """The net of each layer with weights, without the bias, for all rows, in float64."""
    model.predict(of[:1])
    found, out = [], of.astype(model.dtype)
    for layer in model.layers:
        out = layer.forward(out)
        if isinstance(layer, Dense | NTKDense):
            found.append(layer.net - (0 if layer.b is None else layer.b))
    return found


@pytest.mark.parametrize("cls", [Dense, NTKDense])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_unit_has_a_net_of_size_1(cls, dtype):
    made = [layers.Input(6), layers.Scale(), cls(30, "selu"), layers.Dropout(0.5), cls(20, "tanh"), cls(3)]
    model = Sequential(made, dtype=dtype, seed=0)
    initialize_from_data(model, X)
    for net in nets(model):
        np.testing.assert_allclose(net.std(axis=0), 1, rtol=1e-3 if dtype == "float32" else 1e-9)


def test_weights_are_normal_numbers_but_for_their_size():
    model = Sequential([layers.Input(6), Dense(1000)], dtype="float64", seed=0)
    initialize_from_data(model, X)
    W = model.layers[0].W
    directions = W / np.linalg.norm(W, axis=0)
    np.testing.assert_allclose(directions @ directions.T, np.eye(6) * 1000 / 6, atol=30)
    np.testing.assert_allclose(W.mean(axis=1), 0, atol=4 * W.std() / np.sqrt(1000))


def test_hyperplanes_go_through_a_mix_of_rows():
    """b is minus a mean of nets, so 0 lies within them; its spread is 1/√3, as Σ π² is 1/3 in the mean."""
    model = Sequential([layers.Input(6), NTKDense(4000)], dtype="float64", seed=0)
    initialize_from_data(model, X)
    (net,), b = nets(model), model.layers[0].b
    assert (net.min(axis=0) < -b).all()
    assert (-b < net.max(axis=0)).all()
    assert (b + net.mean(axis=0)).std() == pytest.approx(1 / np.sqrt(3), rel=0.05)


def test_a_unit_of_two_rows_by_hand():
    model = Sequential([layers.Input(1), Dense(200)], dtype="float64", seed=0)
    initialize_from_data(model, [[2.0], [6.0]], seed=1)
    W, b = model.layers[0].W[0], model.layers[0].b
    np.testing.assert_allclose(np.abs(W), 1 / 2)  # the deviation of 2 and 6 is 2
    centre = -b / W
    assert (centre >= 2 - 1e-9).all()
    assert (centre <= 6 + 1e-9).all()
    assert len(np.unique(centre.round(6))) > 100
    initialize_from_data(model, [[2.0], [6.0]], seed=1, biases="zeros")
    assert not model.layers[0].b.any()
    np.testing.assert_array_equal(model.layers[0].W[0], W)


def test_a_layer_of_the_users_that_is_a_dense_one():
    class Own(Dense):
        pass

    model = Sequential([layers.Input(6), Own(5, "relu"), Dense(2)], dtype="float64", seed=0)
    initialize_from_data(model, X)
    for net in nets(model):
        np.testing.assert_allclose(net.std(axis=0), 1, rtol=1e-9)


def test_units_that_do_not_vary_keep_their_numbers():
    constant = np.column_stack([np.full(50, 3.3), np.zeros(50)])
    model = Sequential([layers.Input(2), Dense(5, "relu", use_bias=False), Dense(2)], seed=0)
    initialize_from_data(model, constant)
    assert all(np.isfinite(value).all() for value in model.get_weights())
    assert 0.1 < model.layers[0].W.std() < 3


def test_layers_in_blocks():
    inner = layers.Residual([NTKDense(6, "tanh"), layers.Residual([Dense(6)])])
    made = [layers.Input(6), layers.Concatenate([inner, [layers.Columns([1]), Dense(4)], []]), Dense(2)]
    model = Sequential(made, dtype="float64", seed=0)
    initialize_from_data(model, X)
    model.layers[-1].b = 0
    assert model.predict(X).std(axis=0) == pytest.approx([1, 1])
    branch = model.layers[0].branches[1][1]
    assert (X[:, [1]] @ branch.W).std(axis=0) == pytest.approx([1] * 4)


def test_what_is_frozen_stays():
    frozen = [Dense(4, "tanh", trainable=False), layers.Residual([Dense(4)], trainable=False)]
    model = Sequential([layers.Input(6), *frozen, Dense(2)], seed=0)
    before = model.get_weights()
    initialize_from_data(model, X)
    after = model.get_weights()
    assert [np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [True] * 4 + [False] * 2


def test_seeds_and_rows():
    found = []
    for seed, rows in ((1, 2000), (1, 2000), (2, 2000), (1, 50)):
        model = Sequential([layers.Input(6), Dense(3)], seed=0)
        initialize_from_data(model, X, seed=seed, rows=rows)
        found.append(model.layers[0].W.copy())
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    assert not np.array_equal(found[0], found[3])
    of_model = [Sequential([layers.Input(6), Dense(3)], seed=5) for _ in range(2)]
    for model in of_model:
        initialize_from_data(model, X)
    assert np.array_equal(of_model[0].layers[0].W, of_model[1].layers[0].W)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_model_trains_and_predicts_with_them(engine):
    """Before its first fit and after one, when its working memory and its answers are there already."""
    model = Sequential([layers.Input(6), NTKDense(8, "selu"), NTKDense(1)], seed=0)
    model.compile("adam", "mse", engine=engine)
    for _ in range(2):
        initialize_from_data(model, X)
        out = nets(model)[-1] + model.layers[-1].b
        np.testing.assert_allclose(model.predict(X), out, rtol=1e-4, atol=1e-4)
        model.fit(X, X[:, :1], epochs=1, verbose=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": X[:, :3]}, "shape"),
        ({"X": np.where(X > 299, np.nan, X)}, "finite"),
        ({"rows": 0}, "rows must be a positive integer"),
        ({"biases": "he"}, "biases must be"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_arguments_change_nothing(arguments, message):
    model = Sequential([layers.Input(6), Dense(3)], seed=0)
    before = model.get_weights()
    with pytest.raises(ArgumentError, match=message):
        initialize_from_data(**({"model": model, "X": X} | arguments))
    assert all(map(np.array_equal, before, model.get_weights()))


def test_a_model_that_is_not_built():
    with pytest.raises(NotReadyError, match="not built yet"):
        initialize_from_data(Sequential([Dense(3)]), X)
