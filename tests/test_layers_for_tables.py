"""NTKDense, Scale and PeriodicEmbedding: by hand, against other ways to write them, in models and files."""

import numpy as np
import pytest

from mlp import Sequential, layers
from mlp.activations import Blend
from mlp.errors import ArgumentError
from mlp.explanations import deeplift, garson, integrated_gradients, olden
from mlp.inspection import trace
from mlp.models import load_model
from mlp.optimizers import SGD, Adam

Dense, NTKDense, Scale, PeriodicEmbedding = (
    layers.Dense, layers.NTKDense, layers.Scale, layers.PeriodicEmbedding,
)  # fmt: skip
ENGINES = ("numpy", "numba")
X = np.random.default_rng(0).normal(size=(64, 5))
T = np.random.default_rng(1).normal(size=(64, 2))


def built(layer, i=5, dtype="float64"):
    layer.build((i,), np.random.default_rng(3), np.dtype(dtype))
    return layer


def model_of(*made, dtype="float64", optimizer=None, engine="numpy", i=5):
    model = Sequential([layers.Input(i), *made], dtype=dtype, seed=0)
    model.compile(optimizer or SGD(0.05), "mse", engine=engine)
    return model


# NTKDense


def test_ntk_weights_begin_with_size_1_whatever_the_width():
    layer = built(NTKDense(400), 300)
    assert layer.W.std() == pytest.approx(1, rel=0.02)
    assert not layer.b.any()
    assert layer.factor == pytest.approx(1 / np.sqrt(300))
    assert layer.forward(np.random.default_rng(0).normal(size=(50, 300))).std() == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("activation", ["tanh", "selu", Blend("mish")], ids=repr)
@pytest.mark.parametrize("rows", [1, 3, 64])
def test_ntk_is_a_dense_with_a_smaller_rate(engine, activation, rows):
    """With W/√i and Adam's rate of W over √i; ε, which does not scale, is out of the way."""
    i, o = 5, 7
    factors = {"dense.W": 1 / np.sqrt(i), "dense_1.W": 1 / np.sqrt(o)}
    one, other = (Adam(0.01, epsilon=1e-14, rate_factors=given) for given in (None, factors))
    ntk = model_of(NTKDense(o, activation), NTKDense(2), optimizer=one, engine=engine)
    plain = model_of(Dense(o, activation), Dense(2), optimizer=other, engine=engine)
    for layer, its in zip(plain.layers, ntk.layers, strict=True):
        layer.W, layer.b = its.W * its.factor, its.b
    np.testing.assert_allclose(plain.predict(X), ntk.predict(X), atol=1e-12)
    for model in (ntk, plain):
        model.fit(X[:rows], T[:rows], epochs=4, batch_size=16, shuffle=False, verbose=0)
    for layer, its in zip(plain.layers, ntk.layers, strict=True):
        np.testing.assert_allclose(layer.W, its.W * its.factor, atol=1e-8)
        np.testing.assert_allclose(layer.b, its.b, atol=1e-8)


@pytest.mark.parametrize("rows", [1, 7, 64])
@pytest.mark.parametrize("widths", [(4, 3), (300, 280)], ids=str)
@pytest.mark.parametrize("engine", ENGINES)
def test_ntk_takes_the_steps_of_its_formula(engine, widths, rows):
    """One step of plain SGD in every form that the products have, small and large, of one row and of more."""
    made = [NTKDense(widths[0], "tanh"), NTKDense(widths[1], "tanh", use_bias=False), NTKDense(2)]
    model = model_of(*made, optimizer=SGD(0.5), engine=engine)
    model.layers[2].b = [0.3, -0.1]
    (W, b, V, U, c), x, t = model.get_weights(), X[:rows], T[:rows]
    s = [1 / np.sqrt(len(matrix)) for matrix in (W, V, U)]
    first = np.tanh(x @ W * s[0] + b)
    second = np.tanh(first @ V * s[1])
    delta = (second @ U * s[2] + c - t) / rows  # of the mean over rows and outputs: 2/2
    below = (1 - second**2) * (delta @ U.T * s[2])
    lowest = (1 - first**2) * (below @ V.T * s[1])
    steps = [
        x.T @ lowest * s[0],
        lowest.sum(0),
        first.T @ below * s[1],
        second.T @ delta * s[2],
        delta.sum(0),
    ]
    model.fit(x, t, batch_size=rows, epochs=1, verbose=0)
    for new, old, step in zip(model.get_weights(), (W, b, V, U, c), steps, strict=True):
        np.testing.assert_allclose(new, old - 0.5 * step, atol=1e-10)


# Scale


@pytest.mark.parametrize("engine", ENGINES)
def test_scale_and_its_rate_by_hand(engine):
    model = model_of(Scale(), Dense(2), optimizer=SGD(0.1, rate_factors={"gamma": 6}), engine=engine)
    W, b = model.layers[1].W.copy(), model.layers[1].b.copy()
    gamma = 1 - 0.6 * (X * (((X @ W + b - T) / 64) @ W.T)).sum(axis=0)
    model.fit(X, T, batch_size=64, epochs=1, verbose=0)
    np.testing.assert_allclose(model.layers[0].gamma, gamma, atol=1e-12)


# PeriodicEmbedding


@pytest.mark.parametrize("include", [True, False])
def test_embedding_is_its_formula(include):
    layer = built(PeriodicEmbedding(4, 6, 0.5, include))
    e = [
        np.cos(2 * np.pi * np.outer(X[:, j], layer.frequency[j]) + layer.phase[j]) @ layer.W[j] + layer.b[j]
        for j in range(5)
    ]
    np.testing.assert_allclose(layer.forward(X), np.hstack([*e, X] if include else e), atol=1e-12)
    assert layer.output_shape == (20,)


def test_embedding_begins_as_described():
    layer = built(PeriodicEmbedding(), 200)
    assert layer.frequency.shape == layer.phase.shape == (200, 16)
    assert layer.W.shape == (200, 16, 3)
    assert layer.count_params() == 200 * 83
    assert layer.frequency.std() == pytest.approx(0.1, rel=0.05)
    assert np.pi * 0.99 < np.abs(layer.phase).max() <= np.pi
    for values in (layer.W, layer.b):
        assert 0.24 < np.abs(values).max() <= 0.25
        assert values.mean() == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_engines_agree_far_out_and_in_batches_of_all_sizes(dtype):
    far = np.concatenate([X, X * 1e3, np.zeros((1, 5)), X * 1e-30]).astype(dtype)
    outs = []
    for engine in ENGINES:
        made = PeriodicEmbedding(3, 5, 1.0), Scale(), NTKDense(4, "selu"), NTKDense(2)
        model = model_of(*made, dtype=dtype, engine=engine, optimizer=SGD(1e-3))
        outs.append([model.predict(far)])
        model.fit(X, T, batch_size=24, epochs=2, verbose=0)  # 24, 24, 16
        outs[-1] += [model.predict(X), model.parameters.values]
    tolerance = 1e-9 if dtype == "float64" else 3e-3  # an angle of 1e4 is right to 1e-3
    for one, other in zip(*outs, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("engine", ENGINES)
def test_factors_of_the_rate_reach_all_of_an_embedding(engine):
    moved = []
    for factors in (None, {"periodic_embedding": 0.1}):
        model = model_of(
            PeriodicEmbedding(), Dense(2), optimizer=SGD(0.1, rate_factors=factors), engine=engine
        )
        before = model.layers[0].get_weights()
        model.fit(X, T, batch_size=64, epochs=1, verbose=0)
        after = model.layers[0].get_weights()
        moved.append([new - old for old, new in zip(before, after, strict=True)])
    for whole, tenth in zip(*moved, strict=True):
        assert np.abs(whole).max() > 1e-5
        np.testing.assert_allclose(tenth, whole / 10, atol=1e-12)


def test_a_function_of_the_embedded_numbers_is_a_layer_beside_the_input():
    branch = [PeriodicEmbedding(3, include_input=False), layers.Activation("relu")]
    model = Sequential([layers.Input(5), layers.Concatenate([branch, []])], dtype="float64", seed=0)
    out = model.predict(X)
    np.testing.assert_array_equal(out[:, 15:], X)
    np.testing.assert_allclose(out[:, :15], np.maximum(branch[0].forward(X), 0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PeriodicEmbedding(1), "units must be an integer of at least 2, the column itself being one"),
        (lambda: PeriodicEmbedding(0, include_input=False), "units must be an integer of at least 1"),
        (lambda: PeriodicEmbedding(frequencies=0), "frequencies must be a positive integer"),
        (lambda: PeriodicEmbedding(stddev=-1), "stddev"),
        (lambda: PeriodicEmbedding(include_input=1), "include_input"),
        (lambda: NTKDense(0), "units must be a positive integer"),
        (lambda: NTKDense(2, use_bias="yes"), "use_bias"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize("part", [lambda: NTKDense(2), Scale, PeriodicEmbedding])
def test_rows_of_more_axes_are_refused(part):
    with pytest.raises(ArgumentError, match=r"takes rows of numbers.*\(2, 3\); put a Flatten"):
        Sequential([layers.Input((2, 3)), part()])


# files, traces, explanations


def whole(engine="numpy"):
    made = Scale(), PeriodicEmbedding(3, 4, 0.3), NTKDense(6, Blend("selu")), NTKDense(2)
    return model_of(*made, engine=engine, optimizer=Adam(0.01, rate_factors={"gamma": 6}))


@pytest.mark.parametrize("engine", ENGINES)
def test_saved_and_loaded_models_go_on_alike(tmp_path, engine):
    model = whole(engine)
    model.fit(X, T, epochs=2, verbose=0)
    model.save(tmp_path / "model.mlp")
    twin = load_model(tmp_path / "model.mlp")
    np.testing.assert_allclose(twin.predict(X), model.predict(X), atol=1e-12)  # it may be on another engine
    for one in (model, twin):
        one.fit(X, T, epochs=1, shuffle=False, verbose=0)
    np.testing.assert_allclose(twin.parameters.values, model.parameters.values, atol=1e-10)


def test_a_trace_says_where_the_factor_is():
    written = str(trace(model_of(NTKDense(3, "tanh"), NTKDense(2)), X[:2], T[:2]))
    for formula in ("net = X W/√i + b", "∂L/∂W = Xᵀ δ/√i", "δ Wᵀ/√i of ntkdense_1"):
        assert formula in written, written


@pytest.mark.parametrize(("explain", "most"), [(deeplift, 1e-9), (integrated_gradients, 0.01)])
def test_contributions_add_up(explain, most):
    model = whole()
    model.fit(X, T, epochs=3, verbose=0)
    rows = X[:6].copy()
    rows[0], rows[1, 2] = 0, 0  # where nothing differs from the baseline
    found = explain(model, rows)
    np.testing.assert_allclose(found.values.sum(axis=1), found.at_x - found.at_baseline, atol=most)
    assert found.values[1, 2] == 0
    assert np.abs(found.values[2:]).min() > 0


def test_importances_by_weights():
    """Those of W/√i; γ before the weights counts, and nothing can be said of waves."""
    model = model_of(Scale(), NTKDense(3, "tanh"), NTKDense(1))
    model.layers[0].gamma = [1, 2, -1, 0, 3]
    _, first, last = (layer for layer in model.layers)
    product = model.layers[0].gamma[:, None] * (first.W @ last.W) / np.sqrt(15)
    np.testing.assert_allclose(olden(model), product)
    shares = garson(model)
    assert shares.sum() == pytest.approx(1)
    assert shares[3] == 0
    with pytest.raises(ArgumentError, match=r"'periodic_embedding' \(PeriodicEmbedding\)"):
        olden(whole())
