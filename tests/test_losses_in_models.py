"""Losses and metrics as a model uses them: on their own meanwhile, over any batches, with other outputs."""

import copy
import pickle

import numpy as np
import pytest

from mlp import Sequential, layers, losses, metrics
from mlp.errors import ArgumentError

RNG = np.random.default_rng(3)
X = RNG.normal(size=(23, 4))
CLASSES = np.arange(23) % 3
UNKNOWN = np.where(np.arange(23) % 4, CLASSES, -1)  # 6 of 23 rows, unevenly among batches
UNKNOWN[:5] = -1


def net(loss, units=3, output="softmax", **options):
    model = Sequential([layers.Dense(units, output, input_shape=(4,))], dtype="float64", seed=0)
    model.compile("sgd", loss, **options)
    return model


@pytest.mark.parametrize(
    ("loss", "units", "output", "target"),
    [
        (losses.CategoricalCrossentropy(), 3, "softmax", np.eye(3)[CLASSES]),
        (losses.CategoricalCrossentropy(from_logits=True), 3, None, np.eye(3)[CLASSES]),
        (losses.SparseCategoricalCrossentropy(ignore_class=-1), 3, "softmax", UNKNOWN),
        (losses.Masked("bce"), 2, "sigmoid", X[:, :2] > 0),
        (losses.BinaryFocalCrossentropy(from_logits=True), 2, None, X[:, :2] > 0),
        (losses.GaussianNegativeLogLikelihood(), 4, None, X[:, :2]),
    ],
    ids=lambda value: repr(value) if isinstance(value, losses.Loss) else "",
)
def test_a_compiled_loss_may_be_used_by_itself(loss, units, output, target):
    """It has the model's type, size and short cut; a use by itself must not take them from it."""
    model, twin = (net(copy.deepcopy(loss), units, output) for _ in range(2))
    for each in (model, twin):
        each.fit(X, target, verbose=0)
    value = model.loss(target[:7], np.float32(model.predict(X[:7])))
    assert value == pytest.approx(model.evaluate(X[:7], target[:7]), rel=1e-5)
    assert model.loss.dtype == np.float64
    assert model.loss.canonical_factor == twin.loss.canonical_factor
    for each in (model, twin):
        each.fit(X, target, verbose=0, epochs=2)
    np.testing.assert_array_equal(model.get_weights()[0], twin.get_weights()[0])


def test_a_copy_of_a_loss_has_no_working_memory():
    loss = net("mse", 3, None).loss
    before = len(pickle.dumps(loss))
    loss.allocate(100_000)
    assert len(pickle.dumps(loss)) < before + 100
    twin = copy.deepcopy(loss)
    assert twin.rows == -1
    assert not hasattr(twin, "scratch")
    assert loss.scratch.shape == (100_000, 3)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("masked", [False, True])
def test_evaluate_does_not_depend_on_the_batches_where_rows_are_not_known(reduction, masked):
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1, reduction=reduction)
    model = net(losses.Masked(loss) if masked else loss, weighted_metrics=["accuracy"])
    weight = RNG.random(23)
    known = UNKNOWN >= 0
    for weights in (None, weight):
        values = -np.log(model.predict(X)[np.arange(23), UNKNOWN])[known]
        total = values.dot(np.ones(23)[known] if weights is None else weights[known])
        expected = total / known.sum() if reduction == "mean" else total
        for size in (1, 5, 7, 23, None):
            found = model.evaluate(X, UNKNOWN, batch_size=size, sample_weight=weights)[0]
            assert found == pytest.approx(expected, rel=1e-9)
    history = model.fit(X, UNKNOWN, batch_size=7, validation_data=(X, UNKNOWN), verbose=0).history
    assert history["val_loss"][0] == pytest.approx(model.evaluate(X, UNKNOWN)[0], rel=1e-9)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_a_batch_of_training_divides_by_its_own_known_rows(shuffle, weighted):
    """As in Keras: a step is that of the known rows of its batch alone."""
    options = {"sample_weight": RNG.random(10)} if weighted else {}
    model, twin = (
        net(losses.SparseCategoricalCrossentropy(ignore_class=-1)),
        net(losses.SparseCategoricalCrossentropy()),
    )
    model.fit(X[:10], UNKNOWN[:10], batch_size="full", verbose=0, epochs=2, **options)
    known = UNKNOWN[:10] >= 0
    options = {key: value[known] for key, value in options.items()}
    twin.fit(X[:10][known], UNKNOWN[:10][known], batch_size="full", verbose=0, epochs=2, **options)
    np.testing.assert_allclose(model.get_weights()[0], twin.get_weights()[0], rtol=1e-12)
    model.fit(X, UNKNOWN, batch_size=4, epochs=3, verbose=0, shuffle=shuffle)
    for start in (0, 4, 8, 12, 16, 20):
        if not shuffle:
            twin.set_weights(model.get_weights())
            rows = slice(start, start + 4)
            model.train_on_batch(X[rows], UNKNOWN[rows])
            known = UNKNOWN[rows] >= 0
            if known.any():
                twin.train_on_batch(X[rows][known], UNKNOWN[rows][known])
            np.testing.assert_allclose(model.get_weights()[0], twin.get_weights()[0], rtol=1e-12)


def test_minibatches_divide_by_their_own_known_rows():
    model, steps = net(losses.SparseCategoricalCrossentropy(ignore_class=-1)), []
    twin = net(losses.SparseCategoricalCrossentropy(ignore_class=-1))
    model.fit(X, UNKNOWN, batch_size=4, verbose=0, epochs=2, shuffle=False)
    for start in [*range(0, 23, 4)] * 2:
        steps.append(twin.train_on_batch(X[start : start + 4], UNKNOWN[start : start + 4]))
    np.testing.assert_allclose(model.get_weights()[0], twin.get_weights()[0], rtol=1e-12)
    assert steps[0] == 0  # no row of that batch is known


# which of the outputs are the prediction


def test_metrics_of_a_mean_and_a_variance_see_the_mean():
    target = X[:, :2] + 1
    reported = ["mae", "rmse", metrics.R2Score(), losses.Huber(), losses.GaussianNegativeLogLikelihood()]
    for loss in ("gaussian_nll", losses.Masked("gaussian_nll")):
        model = net(loss, 4, None, metrics=reported, weighted_metrics=["mse"])
        mean = model.predict(X)[:, :2]
        value, mae, rmse, r2, huber, nll, mse = model.evaluate(X, target)
        assert mae == pytest.approx(np.abs(mean - target).mean())
        assert rmse == pytest.approx(np.sqrt(mse))
        assert r2 == pytest.approx(metrics.R2Score()(target, mean))
        assert huber == pytest.approx(losses.Huber()(target, mean))
        assert nll == pytest.approx(value)
        history = model.fit(X, target, verbose=0).history
        assert history["mae"][0] == pytest.approx(mae)


def test_metrics_of_several_quantiles_see_the_one_nearest_the_median():
    target = X[:, :2] + 1
    pinball = metrics.MeanPinballLoss([0.1, 0.6, 0.9])
    model = net(losses.Quantile([0.1, 0.6, 0.9]), 6, None, metrics=["mae", pinball, losses.Quantile()])
    out = model.predict(X)
    value, mae, measured, of_median = model.evaluate(X, target)
    assert mae == pytest.approx(np.abs(out[:, [1, 4]] - target).mean())
    assert measured == pytest.approx(value)
    assert of_median == pytest.approx(mae / 2)


def test_a_function_sees_all_outputs():
    shapes = set()

    def spread(y_true, y_pred):
        shapes.add((y_true.shape[1], y_pred.shape[1]))
        return y_pred[:, 1]

    net("gaussian_nll", 4, None, metrics=[spread]).evaluate(X, X[:, :2])
    assert shapes == {(2, 4)}


def test_counting_metrics_refuse_gaps_before_training():
    """A gap is neither right nor wrong. Means of losses and scores of numbers become NaN."""
    target = np.where(np.arange(23)[:, None] % 5 == 4, np.nan, X[:, :1] > 0)  # not in the first row
    for name in ("accuracy", "auc", "precision", "f1_score"):
        model = net(losses.Masked("bce"), 1, "sigmoid", metrics=[name])
        weights = model.get_weights()[0]
        with pytest.raises(ArgumentError, match=r"y_true must be finite.* counted"):
            model.fit(X, target, verbose=0)
        np.testing.assert_array_equal(model.get_weights()[0], weights)
        model.fit(X, X[:, :1] > 0, verbose=0)
    model = net(losses.Masked("bce"), 1, "sigmoid", metrics=["mae", metrics.R2Score(), "bce", "hinge"])
    assert np.isnan(model.evaluate(X, target)[1:]).all()
