"""Losses: values by hand, reductions, weights, Keras's names and functions."""

import numpy as np
import pytest

from mlp import Sequential, layers, losses

Y_TRUE, Y_PRED = [[0.0, 1.0], [1.0, 0.0]], [[0.25, 0.75], [0.5, 0.5]]
BY_HAND = {
    # squares: 0.0625 + 0.0625 = 0.125 and 0.25 + 0.25 = 0.5
    "mean_squared_error": [0.0625, 0.25],
    "sum_of_squares": [0.125, 0.5],
    "half_mean_squared_error": [0.0625, 0.25],
    "binary_crossentropy": [-np.log(0.75), -np.log(0.5)],
    "categorical_crossentropy": [-np.log(0.75), -np.log(0.5)],
    # errors 0.25 and −0.25, then −0.5 and 0.5
    "mean_absolute_error": [0.25, 0.5],
    "huber": [0.5 * 0.25**2, 0.5 * 0.5**2],
    "log_cosh": [np.log(np.cosh(0.25)), np.log(np.cosh(0.5))],
    "quantile": [0.125, 0.25],
    "expectile": [0.03125, 0.125],
    # 0.25² + 0.75² = 0.625, and 0.5 / √0.5
    "cosine_similarity": [-0.75 / np.sqrt(0.625), -np.sqrt(0.5)],
    # targets become −1 and 1: 1 + 0.25 and 1 − 0.75; 1 − 0.5 and 1 + 0.5
    "hinge": [0.75, 1],
    "squared_hinge": [(1.25**2 + 0.25**2) / 2, (0.5**2 + 1.5**2) / 2],
    "categorical_hinge": [1 + 0.25 - 0.75, 1],
    "poisson": [(0.25 + 0.75 - np.log(0.75)) / 2, (1 - np.log(0.5)) / 2],
    "binary_focal_crossentropy": [-(0.25**2) * np.log(0.75), -(0.5**2) * np.log(0.5)],
    "categorical_focal_crossentropy": [-0.25 * 0.25**2 * np.log(0.75), -0.25 * 0.5**2 * np.log(0.5)],
}


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name):
    np.testing.assert_allclose(getattr(losses, name)(Y_TRUE, Y_PRED), BY_HAND[name], rtol=1e-6)
    assert losses.get(name)(Y_TRUE, Y_PRED) == pytest.approx(np.mean(BY_HAND[name]))


@pytest.mark.parametrize("name", BY_HAND)
def test_reductions_and_weights(name):
    """The mean divides by the number of samples, as in Keras, not by the sum of the weights."""
    make, weights = type(losses.get(name)), [2.0, 3.0]
    weighted = 2 * BY_HAND[name][0] + 3 * BY_HAND[name][1]
    assert make(reduction="sum")(Y_TRUE, Y_PRED, weights) == pytest.approx(weighted)
    assert make(reduction="mean")(Y_TRUE, Y_PRED, weights) == pytest.approx(weighted / 2)
    assert make()(Y_TRUE, Y_PRED, weights) == pytest.approx(weighted / 2)
    assert make(reduction="mean_with_sample_weight")(Y_TRUE, Y_PRED, weights) == pytest.approx(weighted / 5)
    for none in ("none", None):
        each = make(reduction=none)(Y_TRUE, Y_PRED, weights)
        np.testing.assert_allclose(each, np.multiply(BY_HAND[name], weights), rtol=1e-6)


def test_sparse_is_categorical_with_labels():
    labels = [1, 0]
    for options in ({}, {"from_logits": True}, {"label_smoothing": 0.2}):
        sparse = losses.SparseCategoricalCrossentropy(**options)(labels, Y_PRED)
        dense = losses.CategoricalCrossentropy(**options)(Y_TRUE, Y_PRED)
        assert sparse == pytest.approx(dense)


def test_label_smoothing_by_hand():
    # ε = 0.2: (0.1, 0.9) for two classes or one yes and no
    expected = -(0.1 * np.log(0.25) + 0.9 * np.log(0.75))
    smoothed = losses.CategoricalCrossentropy(label_smoothing=0.2)(Y_TRUE[:1], Y_PRED[:1])
    assert smoothed == pytest.approx(expected)
    binary = losses.BinaryCrossentropy(label_smoothing=0.2)([[1.0]], [[0.75]])
    assert binary == pytest.approx(expected)


def test_outputs_at_the_bounds_are_held_on_the_long_way():
    assert losses.BinaryCrossentropy()([[1.0]], [[0.0]]) == pytest.approx(-np.log(1e-7))
    assert losses.CategoricalCrossentropy()([[0.0, 1.0]], [[1.0, 0.0]]) == pytest.approx(-np.log(1e-7))


@pytest.mark.parametrize(
    ("spelling", "kind"),
    [
        ("mse", losses.MeanSquaredError),
        ("MeanSquaredError", losses.MeanSquaredError),
        ("mean_squared_error", losses.MeanSquaredError),
        ("bce", losses.BinaryCrossentropy),
        ("Binary_Crossentropy", losses.BinaryCrossentropy),
        (losses.categorical_crossentropy, losses.CategoricalCrossentropy),
        ("MAE", losses.MeanAbsoluteError),
        ("mape", losses.MeanAbsolutePercentageError),
        ("MSLE", losses.MeanSquaredLogarithmicError),
        ("kld", losses.KLDivergence),
        ("kl_divergence", losses.KLDivergence),
        ("kullback_leibler_divergence", losses.KLDivergence),
        ("logcosh", losses.LogCosh),
        ("cosine_similarity", losses.CosineSimilarity),
        ("squared_hinge", losses.SquaredHinge),
        ("pinball", losses.Quantile),
        ("gaussian_nll", losses.GaussianNegativeLogLikelihood),
        (losses.huber, losses.Huber),
        (losses.SumOfSquares, losses.SumOfSquares),
        (losses.HalfMeanSquaredError(), losses.HalfMeanSquaredError),
    ],
)
def test_names(spelling, kind):
    assert type(losses.get(spelling)) is kind


def test_reported_loss_is_that_of_the_definition_for_the_training_set():
    rng = np.random.default_rng(0)
    X, T, weight = rng.normal(size=(9, 3)), rng.normal(size=(9, 2)), rng.random(9)
    model = Sequential([layers.Dense(2, "tanh", input_shape=(3,))], dtype="float64", seed=0)
    model.compile("sgd", losses.SumOfSquares())
    by_definition = (weight * ((model.predict(X) - T) ** 2).sum(axis=1)).mean()
    history = model.fit(X, T, batch_size="full", sample_weight=weight, verbose=0)
    assert history.history["loss"][0] == pytest.approx(by_definition)


def test_class_weights_are_sample_weights():
    X, y = np.arange(6.0).reshape(6, 1) / 6, np.array([0, 0, 0, 0, 1, 1])
    steps = []
    for options in (
        {"class_weight": {0: 0.75, 1: 1.5}},
        {"class_weight": "balanced"},
        {"sample_weight": [0.75] * 4 + [1.5] * 2},
    ):
        model = Sequential([layers.Dense(1, "sigmoid", input_shape=(1,))], seed=0)
        model.compile("sgd", "binary_crossentropy")
        model.fit(X, y, batch_size="full", epochs=3, verbose=0, **options)
        steps.append(model.get_weights()[0])
    np.testing.assert_allclose(steps[0], steps[1], rtol=1e-6)
    np.testing.assert_allclose(steps[0], steps[2], rtol=1e-6)


def test_your_own_loss():
    class Absolute(losses.Loss):
        """ℓ = Σ |y − t|."""

        def value(self, out, T):
            return np.abs(out - T).sum(axis=1)

        def gradient(self, out, T):
            return np.sign(out - T)

    model = Sequential([layers.Dense(1, input_shape=(1,))], dtype="float64", seed=0)
    model.compile("adam", Absolute())
    model.optimizer.learning_rate = 0.05
    X = np.linspace(-1, 1, 21)[:, None]
    model.fit(X, 2 * X + 1, batch_size="full", epochs=400, verbose=0)
    np.testing.assert_allclose(model.layers[0].W, [[2]], atol=0.1)
