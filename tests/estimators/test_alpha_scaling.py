"""`alpha_scaling="data"`: the strength of a penalty does not depend on the batch size."""

import numpy as np
import pytest
import scipy.sparse
import test_fused
from beside_sklearn import quietly
from sklearn.base import clone

import mlp
from mlp.estimators.exact_engine import ExactEngine
from mlp.estimators.layer_engine import LayerEngine
from mlp.estimators.rows import Rows
from mlp.optimizers import schedules

rng = np.random.default_rng(0)
X = rng.normal(size=(64, 5)) * (rng.random((64, 5)) < 0.7)
s = X @ rng.normal(size=5) + rng.normal(size=64)
TASKS = {mlp.MLPClassifier: np.digitize(s, [-1, 1]), mlp.MLPRegressor: s}
WEIGHT = rng.uniform(0.2, 3, size=64)
BOTH = pytest.mark.parametrize("estimator", TASKS, ids=lambda e: e.__name__)
WEIGHTS = pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weights"])
FORMS = pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, scipy.sparse.csr_array])
# by either engine
ENGINES = {
    "exact": ({}, ExactEngine),
    "l1": ({"l1": 2.0}, LayerEngine),
    "gelu": ({"activation": "gelu"}, LayerEngine),
}
BY_ENGINE = pytest.mark.parametrize(("options", "engine"), ENGINES.values(), ids=ENGINES)


def make(estimator, **options):
    known = {"hidden_layer_sizes": (6, 4), "alpha": 3.0, "alpha_scaling": "data", "batch_size": 16}
    return estimator(**known | {"max_iter": 4, "random_state": 0} | options)


def fitted(estimator, form=np.asarray, dtype="float64", weight=None, rows=64, **options):
    y = TASKS[estimator][:rows]
    return quietly(make(estimator, **options).fit, form(X[:rows].astype(dtype)), y, sample_weight=weight)


def assert_same(one, other) -> None:
    """The same weights and losses, to the last bit."""
    np.testing.assert_array_equal(one.model_.parameters.values, other.model_.parameters.values)
    assert one.loss_curve_ == other.loss_curve_


def quarter(options) -> dict:
    """scikit-learn's penalties of the same strength, for batches of a quarter of the rows."""
    return options | {"alpha_scaling": "batch", "alpha": 0.75, "l1": options.get("l1", 0.0) / 4}


@BOTH
@BY_ENGINE
@FORMS
@WEIGHTS
@pytest.mark.parametrize("size", [1, 7, 64])
def test_gradients_of_batches_add_up_to_that_of_all_rows(estimator, options, engine, form, weight, size):
    """Each with the share of its rows; so do the losses. The sum is scikit-learn's for a full batch."""
    model = fitted(estimator, **options)
    data = Rows(form(X), model._targets(TASKS[estimator]), weight)
    whole, parts = model._engine(), model._engine()
    parts.data_total = data.total()
    assert isinstance(parts, engine)
    loss, gradients = whole.gradient(*data.all()), model.model_.parameters.gradients
    expected, found, value = gradients.copy(), np.zeros(gradients.size), 0.0
    for start in range(0, 64, size):
        batch = data.between(start, start + size)
        share = (len(batch[1]) if weight is None else batch[2].sum()) / data.total()
        value += parts.gradient(*batch) * share
        found += gradients * share
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-14)
    assert value == pytest.approx(loss, rel=1e-12)


@BOTH
@BY_ENGINE
@FORMS
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop"])
def test_a_fit_is_that_with_so_much_less_alpha(estimator, options, engine, form, dtype, solver):
    options = {"solver": solver} | options
    assert_same(fitted(estimator, form, dtype, **options), fitted(estimator, form, dtype, **quarter(options)))


@BOTH
@BY_ENGINE
def test_a_full_batch_is_scikit_learns(estimator, options, engine):
    for more in ({"batch_size": 64}, {"solver": "lbfgs"}, {"solver": "scg"}):
        one, other = (fitted(estimator, **options, **more, alpha_scaling=a) for a in ("batch", "data"))
        assert_same(one, other)


@BOTH
@BY_ENGINE
def test_weights_count_as_rows(estimator, options, engine):
    """So twice as many are half the strength."""
    more = options | {"alpha": 1.5, "l1": options.get("l1", 0.0) / 2}
    one, other = fitted(estimator, weight=np.full(64, 2.0), **options), fitted(estimator, **more)
    np.testing.assert_allclose(one.model_.parameters.values, other.model_.parameters.values, rtol=1e-12)


@BOTH
def test_rows_that_are_held_out_do_not_count(estimator):
    options = {"early_stopping": True, "validation_fraction": 0.5, "batch_size": 8}
    assert_same(fitted(estimator, **options), fitted(estimator, **quarter(options)))


@BOTH
@BY_ENGINE
def test_to_partial_fit_the_rows_of_a_call_are_all(estimator, options, engine):
    classes = {"classes": [0, 1, 2]} if estimator is mlp.MLPClassifier else {}
    y, pieces = TASKS[estimator], [slice(start, start + 16) for start in range(0, 64, 16)]
    model, same = make(estimator, **options), make(estimator, **quarter(options))
    in_pieces, plain = make(estimator, **options), make(estimator, **options, alpha_scaling="batch")
    for _ in range(2):
        for each in (model, same):
            each.partial_fit(X, y, **classes)
        for each in (in_pieces, plain):
            for piece in pieces:
                each.partial_fit(X[piece], y[piece], **classes)
    assert_same(model, same)
    assert_same(in_pieces, plain)
    before = model.model_.parameters.values.copy()
    model.set_params(alpha_scaling="batch").partial_fit(X, y)
    same.set_params(alpha_scaling="batch", alpha=3.0, l1=options.get("l1", 0.0)).partial_fit(X, y)
    assert_same(model, same)  # what is set holds from the next call on
    assert (model.model_.parameters.values != before).any()


def ridge(alpha: float) -> np.ndarray:
    """The weights of ½ mean (t − X w − b)² + ½ α Σ w² / n, after w also b."""
    A = np.c_[X, np.ones(64)]
    return np.linalg.solve(A.T @ A + alpha * np.diag([1.0] * 5 + [0.0]), A.T @ s)


@pytest.mark.parametrize("loss", ["squared_error", "mse"], ids=["exact", "layers"])
@pytest.mark.parametrize("size", [1, 8, 64])
def test_every_batch_size_leads_to_the_same_weights(size, loss):
    options = {"hidden_layer_sizes": (), "solver": "sgd", "momentum": 0.0, "batch_size": size}
    options |= {"max_iter": 200, "tol": 0.0, "n_iter_no_change": np.inf}
    alpha = {"squared_error": 20.0, "mse": 40.0}[loss]  # the one loss is half the other
    rate = schedules.InverseTimeDecay(min(0.01 * size, 0.3), 8 * 64 // size, 1.0)
    found = fitted(mlp.MLPRegressor, loss=loss, alpha=alpha, learning_rate=rate, **options)
    weights = np.append(found.coefs_[0][:, 0], found.intercepts_[0])
    np.testing.assert_allclose(weights, ridge(20.0), atol=0.02)
    assert np.abs(ridge(20.0) - ridge(20.0 * 8)).max() > 0.2  # where scikit-learn ends with 8 rows


@WEIGHTS
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 12, 16])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_compiled_passes_make_the_same_bits(monkeypatch, solver, size, dtype, weight):
    """With batches of several sizes, whose strengths differ."""
    options = {"solver": solver, "batch_size": size, "alpha": 2.0, "alpha_scaling": "data", "max_iter": 2}
    weight = None if weight is None else weight[:50]
    for form in (np.asarray, scipy.sparse.csr_array, scipy.sparse.csc_array):
        for estimator, y in TASKS.items():
            data = form(X[:50].astype(dtype))
            one, other = (
                test_fused.fitted(monkeypatch, compiled, estimator, data, y[:50], weight, **options)
                for compiled in (False, True)
            )
            test_fused.assert_same_fit(one, other)


def test_a_fit_may_change_to_compiled_passes(monkeypatch):
    """In the midst of batches of which the last is smaller."""
    arguments = mlp.MLPClassifier, X[:50], TASKS[mlp.MLPClassifier][:50]
    options = {"alpha": 2.0, "alpha_scaling": "data"}
    one = test_fused.fitted(monkeypatch, False, *arguments, **options)
    turns, own, used = iter(range(1000)), ExactEngine.fuse, []
    monkeypatch.setattr(test_fused.fused.Worth, "is_reached", lambda worth, steps, size: next(turns) > 1)
    monkeypatch.setattr(ExactEngine, "fuse", lambda engine, rule: (used.append(1), own(engine, rule)))
    test_fused.assert_same_fit(one, test_fused.fitted(monkeypatch, True, *arguments, **options))
    assert used


@BOTH
def test_it_is_a_parameter_like_others(estimator):
    assert estimator().alpha_scaling == "batch"
    model = clone(estimator(alpha_scaling="data"))
    assert model.get_params()["alpha_scaling"] == "data"
    assert model.set_params(alpha_scaling="batch").get_params() == estimator().get_params()
    assert_same(fitted(estimator), quietly(clone(fitted(estimator)).fit, X, TASKS[estimator]))
