"""Layers by hand: what goes in and comes out, at the extremes too, and what their arguments may be."""

import numpy as np
import pytest

import mlp
from mlp import Sequential, layers
from mlp.errors import ArgumentError
from mlp.layers.regularization import draw_normal

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
RNG = np.random.default_rng(0)


def built(layer, shape=(3,), dtype="float64"):
    layer.build(shape, np.random.default_rng(1), np.dtype(dtype))
    return layer


def test_batch_normalization_by_hand():
    """Column 0: mean 2, variance 1, σ = √(1 + 3) = 2, x̂ = −½, ½; γ = 4, β = 1."""
    layer = built(layers.BatchNormalization(momentum=0.9, epsilon=3.0), (1,))
    layer.gamma, layer.beta = [4.0], [1.0]
    np.testing.assert_allclose(layer.forward(np.array([[1.0], [3.0]]), training=True), [[-1.0], [3.0]])
    np.testing.assert_allclose([*layer.moving_mean, *layer.moving_variance], [0.2, 1.0])
    # dγ = 8·½ − 6·½ = 1, dβ = 14; grad = 4/2 (delta − 7 − x̂ ½), ½ the mean of delta ∘ x̂
    grad = layer.backward(np.array([[6.0], [8.0]]))
    np.testing.assert_allclose([*layer.dgamma, *layer.dbeta], [1.0, 14.0])
    np.testing.assert_allclose(grad, [[2 * (-1 + 0.25)], [2 * (1 - 0.25)]])
    # at prediction √(1 + 3) = 2 and mean 0.2
    np.testing.assert_allclose(layer.forward(np.array([[1.0]])), [[4 * 0.8 / 2 + 1]])


def test_batch_normalization_of_one_row_is_beta_and_learns_nothing_else():
    layer = built(layers.BatchNormalization())
    layer.beta = [1, 2, 3]
    np.testing.assert_array_equal(layer.forward(np.array([[5.0, -1e4, 0.0]]), training=True), [[1, 2, 3]])
    assert not layer.backward(np.array([[1.0, 2.0, 3.0]])).any()
    assert layer.dbeta.tolist() == [1, 2, 3]
    assert not layer.dgamma.any()


def test_batch_normalization_ignores_weights_of_samples():
    X = RNG.normal(size=(8, 3))
    means = []
    for weight in (None, np.arange(8.0)):
        model = Sequential([layers.BatchNormalization(momentum=0), layers.Dense(1)], dtype="float64", seed=0)
        model.compile("sgd", "mse")
        model.train_on_batch(X, X[:, 0], sample_weight=weight)
        means.append(model.layers[0].moving_mean.copy())
    np.testing.assert_allclose(means[0], X.mean(axis=0))
    np.testing.assert_array_equal(*means)


def test_frozen_batch_normalization_is_that_of_prediction():
    model = Sequential([layers.Dense(4), layers.BatchNormalization(), layers.Dense(1)], seed=0)
    model.compile("adam", "mse")
    X = RNG.normal(size=(20, 3)) * 5
    model.fit(X, X[:, 0], verbose=0)
    model.layers[1].trainable = False
    before = model.layers[1].get_weights()
    model.fit(X, X[:, 0], verbose=0, epochs=2)
    assert all(map(np.array_equal, before, model.layers[1].get_weights()))
    model.layers[1].trainable = True
    model.fit(X, X[:, 0], verbose=0)
    assert not any(map(np.array_equal, before, model.layers[1].get_weights()))


def test_weights_of_a_batch_normalization_are_in_keras_order():
    layer = layers.BatchNormalization()
    model = Sequential([layers.Input(2), layers.Dense(3), layer])
    assert [*layer.parameters] == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert [w.shape for w in model.get_weights()] == [(2, 3), (3,), (3,), (3,), (3,), (3,)]
    assert (model.count_params(), len(model.trainable_weights), len(model.non_trainable_weights)) == (
        21,
        4,
        2,
    )
    printed = []
    model.summary(printed.append)
    assert "Trainable params: 15 (60.00 B)" in printed[0]
    assert "Non-trainable params: 6 (24.00 B)" in printed[0]


@TYPES
@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize(
    "make",
    [
        layers.BatchNormalization,
        layers.LayerNormalization,
        layers.GroupNormalization,
        layers.RMSNormalization,
        layers.UnitNormalization,
    ],
)
def test_normalizations_at_the_extremes(make, offset, dtype):
    """Rows of 1e4, of 0 and of one number: finite, and as exact as their inputs."""
    options = {"groups": 2} if make is layers.GroupNormalization else {}
    X = np.array([[1e4, -1e4, 1e4, 3], [0, 0, 0, 0], [1e-8, 0, -1e-8, 0], [7, 7, 7, 7]]) + offset
    results = []
    for kind in (dtype, "float64"):
        layer = built(make(**options), (4,), kind)
        out = layer.forward(X.astype(dtype).astype(kind), training=True)
        grad = layer.backward(np.array([[1.0, -2, 3, -4]] * 4, kind))
        assert np.isfinite(out).all()
        assert np.isfinite(grad).all()
        results.append(out)
    np.testing.assert_allclose(*results, rtol=1e-3, atol=1e-3 if offset else 1e-5)


def test_a_row_without_a_direction():
    layer = built(layers.UnitNormalization(), (2,))
    out = layer.forward(np.array([[0.0, 0.0], [1e-13, 0.0], [1e-11, 0.0]]))
    np.testing.assert_allclose(out, [[0, 0], [0, 0], [1, 0]])
    assert not layer.backward(np.ones((3, 2)))[:2].any()


@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize(
    ("make", "mean", "variance"),
    [
        (layers.Dropout, 1.0, 0.3 / 0.7),
        (layers.GaussianDropout, 1.0, 0.3 / 0.7),
        (layers.GaussianNoise, 1.0, 0.09),
    ],
)
def test_noise_has_its_mean_and_variance(make, mean, variance, seed):
    layer = built(make(0.3, seed=seed), (100,))
    out = layer.forward(np.ones((2000, 100)), training=True)
    assert out.mean() == pytest.approx(mean, abs=0.01)
    assert out.var() == pytest.approx(variance, rel=0.02)
    assert layer.forward(out) is out


@pytest.mark.parametrize("size", [1, 2, 1_000_001])
@TYPES
def test_normal_numbers(size, dtype):
    out, scratch = np.empty((size, 1), dtype), np.empty((size, 1), dtype)
    draw_normal(np.random.default_rng(1), out, scratch)
    assert np.isfinite(out).all()
    if size > 2:
        moments = [float((out.astype("float64") ** k).mean()) for k in (1, 2, 3, 4)]
        np.testing.assert_allclose(moments, [0, 1, 0, 3], atol=0.03)
        assert (np.abs(out) < 1).mean() == pytest.approx(0.6827, abs=0.002)
        assert abs(np.corrcoef(out[: size // 2, 0], out[size // 2 : 2 * (size // 2), 0])[0, 1]) < 0.01


def test_alpha_dropout_keeps_mean_and_variance():
    layer = built(layers.AlphaDropout(0.3), (100,))
    out = layer.forward(np.random.default_rng(2).normal(size=(3000, 100)), training=True)
    assert out.mean() == pytest.approx(0, abs=0.01)
    assert out.std() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("make", [layers.GaussianNoise, layers.GaussianDropout, layers.AlphaDropout])
def test_noise_of_rate_zero_and_seeds(make):
    X = np.ones((5, 3))
    silent = built(make(0.0))
    assert silent.forward(X, training=True) is X
    assert silent.backward(X) is X
    first, second, third = (built(make(0.2, seed=k)).forward(X, training=True) for k in (7, 7, 8))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, third)


def test_normalization_adapts_before_and_after_it_is_built():
    data = RNG.normal(3, 2, size=(30, 3))
    before, after = layers.Normalization(), layers.Normalization()
    before.adapt(data)
    models = [Sequential([layers.Input(3), layer, layers.Dense(1)], seed=0) for layer in (before, after)]
    np.testing.assert_array_equal(after.mean, [0, 0, 0])
    after.adapt(data)
    np.testing.assert_array_equal(*(model.predict(data) for model in models))
    np.testing.assert_allclose(before.forward(data.astype("float32")).mean(axis=0), 0, atol=1e-6)
    assert models[0].count_params() == 6 + 4
    assert len(models[0].trainable_weights) == 2
    for model in models:
        model.compile("sgd", "mse")
        model.fit(data, data[:, 0], verbose=0)
    np.testing.assert_allclose(after.mean, data.mean(axis=0), rtol=1e-6)
    twin = after.clone()
    np.testing.assert_array_equal(built(twin).mean, after.mean)
    assert built(layers.Normalization().clone(), (5,)).mean.shape == (5,)


def test_a_normalization_that_has_seen_nothing_may_change_its_width():
    layer = layers.Normalization()
    model = Sequential([layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ArgumentError, match="rows"):
        model.fit(np.ones((4, 3)), np.ones(5))
    model.fit(np.ones((4, 2)), np.ones(4), verbose=0)
    assert layer.mean.shape == (2,)
    assert built(layer.clone(), (7,)).mean.shape == (7,)


@pytest.mark.parametrize(
    ("axis", "shape", "others"),
    [
        (-1, (5,), (0, 1)),
        (1, (4,), (0, 2)),
        (None, (), (0, 1, 2)),
        ((1, 2), (4, 5), 0),
        ([1, -1], (4, 5), 0),
    ],
)
def test_normalization_of_images(axis, shape, others):
    data = RNG.normal(3, 2, size=(50, 4, 5))
    layer = layers.Normalization(axis)
    layer.adapt(data)
    out = built(layer, (4, 5)).forward(data)
    assert layer.mean.shape == shape
    np.testing.assert_allclose(out.mean(axis=others), np.zeros(shape), atol=1e-12)
    np.testing.assert_allclose(out.std(axis=others), np.ones(shape))
    back = layers.Normalization(axis, layer.mean, layer.variance, invert=True)
    np.testing.assert_allclose(built(back, (4, 5)).forward(out.copy()), data)


def test_columns_in_order_and_their_way_back():
    layer = built(layers.Columns([3, 4, 0, -4]), (5,))
    X = np.arange(10.0).reshape(2, 5)
    assert layer.forward(X).tolist() == [[3, 4, 0, 1], [8, 9, 5, 6]]
    assert layer.backward(np.array([[1.0, 2, 3, 4]] * 2)).tolist() == [[3, 4, 0, 1, 2]] * 2
    assert built(layers.Columns(-1), (2, 3)).forward(np.arange(6.0).reshape(1, 2, 3)).tolist() == [[[2], [5]]]


@TYPES
def test_embedding_looks_up_and_adds_up(dtype):
    layer = built(layers.Embedding(4, 2), (2,), dtype)
    layer.embeddings = np.arange(8).reshape(4, 2)
    out = layer.forward(np.array([[0, 3], [3, 3], [1, 0]], dtype))
    assert out.tolist() == [[[0, 1], [6, 7]], [[6, 7], [6, 7]], [[2, 3], [0, 1]]]
    for _ in range(2):  # the same, however often it is sent back
        grad = layer.backward(np.ones((3, 2, 2), dtype))
        assert layer.dembeddings.tolist() == [[2, 2], [1, 1], [0, 0], [3, 3]]
    assert grad.shape == (3, 2)
    assert not grad.any()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (4.0, "4.0"),
        (-1.0, "-1.0"),
        (1.5, "1.5"),
        (-0.25, "-0.25"),
        (1e30, "1e.30"),
        (np.nan, "nan"),
        (np.inf, "inf"),
    ],
)
def test_embedding_says_which_index_is_wrong(value, said):
    layer = built(layers.Embedding(4, 2, name="colour"), (3,))
    X = np.zeros((5, 3))
    X[2, 1] = value
    with pytest.raises(
        ArgumentError, match=rf"'colour' takes integers from 0 to 3, but in row 2 .*column 1, it got {said}"
    ):
        layer.forward(X)


def test_embedding_learns_what_dense_learns_on_one_hot_rows():
    labels = RNG.integers(0, 5, 40)
    y = labels * 1.0
    embedded = Sequential(
        [layers.Input(1), layers.Embedding(5, 3), layers.Flatten(), layers.Dense(1)], seed=0, dtype="float64"
    )
    one_hot = Sequential([layers.Input(5), layers.Dense(3, use_bias=False), layers.Dense(1)], dtype="float64")
    one_hot.set_weights(embedded.get_weights())
    for model, X in ((embedded, labels[:, None]), (one_hot, np.eye(5)[labels])):
        model.compile(mlp.optimizers.SGD(0.1, momentum=0.5), "mse")
        model.fit(X, y, epochs=5, shuffle=False, verbose=0)
    np.testing.assert_allclose(embedded.parameters.values, one_hot.parameters.values, rtol=1e-9)


def test_lambda_without_a_slope():
    model = Sequential([layers.Dense(3), layers.Lambda(np.sin), layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    X = RNG.normal(size=(6, 2))
    with pytest.raises(ArgumentError, match=r"'lambda' is a Lambda without a slope.*Give slope="):
        model.fit(X, X[:, 0], verbose=0)
    model.build((2,))
    before = model.get_weights()
    model.layers[0].trainable = False
    model.fit(X, X[:, 0], verbose=0)
    after = model.get_weights()
    assert [np.array_equal(*pair) for pair in zip(before, after, strict=True)] == [True, True, False, False]


def test_lambda_may_change_the_shape_of_rows():
    layer = layers.Lambda(lambda X: X.sum(axis=1, keepdims=True))
    model = Sequential([layers.Input(4), layer, layers.Dense(1)])
    assert layer.output_shape == (1,)
    assert model.predict(np.ones((3, 4))).shape == (3, 1)
    with pytest.raises(ArgumentError, match="must return the same shape, as it has a slope"):
        built(layers.Lambda(lambda X: X[:, :1], slope=np.ones_like))
    with pytest.raises(ArgumentError, match=r"as many rows.* it made \(3,\)"):
        built(layers.Lambda(lambda X: X.sum(axis=0)))
    with pytest.raises(ArgumentError, match=r"failed for an array of shape \(2, 3\): no"):
        built(layers.Lambda(lambda X: [][0] if len(X) != 2 else (_ for _ in ()).throw(ValueError("no"))))


@mlp.register
def doubled_by_the_tests(X):
    return 2 * X


def test_lambda_in_a_file(tmp_path):
    path = tmp_path / "net.mlp"
    Sequential([layers.Input(2), layers.Lambda(doubled_by_the_tests)]).save(path)
    assert mlp.models.load_model(path).predict([[1.0, 2.0]]).tolist() == [[2, 4]]
    with pytest.raises(ArgumentError, match="cannot be written"):
        Sequential([layers.Input(2), layers.Lambda(np.sin)]).save(path)


def test_activation_layers_of_keras():
    X = np.array([[-2.0, 0.1, 5.0]])
    for layer, expected in (
        (layers.ReLU(), [0, 0.1, 5]),
        (layers.ReLU(4.0, 0.5, 0.2), [-1.1, -0.05, 4]),
        (layers.LeakyReLU(), [-0.6, 0.1, 5]),
        (layers.ELU(0.5), [0.5 * np.expm1(-2), 0.1, 5]),
        (layers.PReLU(mlp.initializers.Constant(0.5)), [-1, 0.1, 5]),
        (layers.Softmax(), np.exp(X[0]) / np.exp(X[0]).sum()),
    ):
        np.testing.assert_allclose(built(layer).forward(X)[0], expected)


SHAPED = [
    (layers.Reshape((2, -1)), (6,), (2, 3)),
    (layers.Reshape((-1,)), (2, 3), (6,)),
    (layers.Permute((2, 3, 1)), (2, 3, 4), (3, 4, 2)),
    (layers.RepeatVector(4), (3,), (4, 3)),
    (layers.Identity(), (2, 3), (2, 3)),
    (layers.Flatten(), (2, 3), (6,)),
]


@pytest.mark.parametrize(("layer", "shape", "expected"), SHAPED, ids=lambda value: repr(value))
def test_shapes_and_back(layer, shape, expected):
    layer = built(layer.clone(), shape)
    X = RNG.normal(size=(5, *shape))
    out = layer.forward(X)
    assert out.shape == (5, *expected) == (5, *layer.output_shape)
    grad = layer.backward(out.copy())
    np.testing.assert_allclose(grad, X * (4 if isinstance(layer, layers.RepeatVector) else 1))


@pytest.mark.parametrize("shape", [(5,), (2, 5)])
def test_a_batch_in_blocks_of_rows_is_the_batch(shape, monkeypatch):
    """What is too large for the cache is worked off some rows at a time."""
    X, delta = RNG.normal(3, 2, size=(2, 23, *shape))
    results = []
    for cached in (10**6, 20):
        monkeypatch.setattr("mlp.layers.row_normalization.CACHED", cached)
        layer = built(layers.LayerNormalization(), shape)
        layer.gamma, layer.beta = np.arange(1, 6), np.arange(5)
        out = layer.forward(X, training=True).copy()
        results.append([out, layer.backward(delta).copy(), *layer.weights, *layer.gradients.values()])
    for whole, blocks in zip(*results, strict=True):
        np.testing.assert_allclose(whole, blocks, rtol=1e-12, atol=1e-13)
