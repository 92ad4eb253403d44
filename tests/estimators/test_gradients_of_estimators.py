"""The gradients of the estimators: the derivatives of their losses, and the same by either engine."""

import numpy as np
import pytest
from beside_sklearn import quietly
from test_same_numbers import ACTIVATIONS, TASKS, WEIGHT, X

import mlp
from mlp.estimators.exact_engine import ExactEngine
from mlp.estimators.layer_engine import LayerEngine


def engine_of(task: str, activation: str):
    """An estimator after an epoch, its engine, and targets. The gradient is the true one."""
    kind, y, more = TASKS[task]
    if kind == "Regressor":
        more = more | {"true_gradient": True}
    parameters = {"hidden_layer_sizes": (5, 4), "max_iter": 1, "random_state": 1, "alpha": 0.3}
    estimator = getattr(mlp, f"MLP{kind}")(**parameters | more)
    quietly(estimator.set_params(activation=activation).fit, X, y)
    return estimator, estimator._engine(), estimator._targets(np.asarray(y))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
def test_gradient_against_central_differences(task, activation, weight):
    estimator, engine, T = engine_of(task, activation)
    assert isinstance(engine, ExactEngine)
    values, step = estimator.model_.parameters.values, 1e-6
    engine.gradient(X, T, weight)
    gradient = estimator.model_.parameters.gradients.copy()
    for k in range(0, values.size, 3):
        here, losses = values[k], []
        for there in (here + step, here - step):
            values[k] = there
            losses.append(engine.gradient(X, T, weight))
        values[k] = here
        assert gradient[k] == pytest.approx((losses[0] - losses[1]) / (2 * step), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_default_gradient_of_k_outputs_is_k_times_the_derivative(outputs):
    """But for that of the penalty: scikit-learn's, its issue 8349."""
    y, gradients = np.random.default_rng(1).normal(size=(75, outputs)), []
    for true_gradient in (False, True):
        estimator = mlp.MLPRegressor(
            hidden_layer_sizes=(5,), max_iter=1, alpha=0, random_state=0, true_gradient=true_gradient
        )
        quietly(estimator.fit, X, y if outputs > 1 else y[:, 0])
        estimator.coefs_ = [np.linspace(-1, 1, W.size).reshape(W.shape) for W in estimator.coefs_]
        estimator.intercepts_ = [np.linspace(0, 1, b.size) for b in estimator.intercepts_]
        estimator._engine().gradient(X, y, None)
        gradients.append(estimator.model_.parameters.gradients.copy())
    np.testing.assert_allclose(gradients[0], outputs * gradients[1], rtol=1e-12, atol=1e-15)
    assert gradients[1].any()


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
def test_both_engines_agree(task, activation, weight):
    """That of scikit-learn's arithmetic, and that of the library's own layers."""
    estimator, exact, T = engine_of(task, activation)
    results = []
    for engine in (exact, LayerEngine(estimator.model_, estimator._loss(), estimator.alpha, 0.0)):
        loss = engine.gradient(X, T, weight)
        results.append((loss, estimator.model_.parameters.gradients.copy()))
    assert results[1][0] == pytest.approx(results[0][0], rel=1e-12)
    np.testing.assert_allclose(results[1][1], results[0][1], rtol=1e-9, atol=1e-12)
