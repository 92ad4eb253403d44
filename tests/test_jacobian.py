"""The Jacobian and the normal equations against central differences and against backpropagation."""

import numpy as np
import pytest

from mlp import Sequential, layers
from mlp.layers.jacobian import Jacobian
from mlp.layers.propagation import forward
from mlp.optimizers import LevenbergMarquardt, levenberg_marquardt
from mlp.optimizers.levenberg_marquardt import LeastSquares, solve
from mlp.optimizers.objective import Objective

rng = np.random.default_rng(0)
X = rng.normal(size=(7, 3))
T = rng.normal(size=(7, 2))
NETS = {
    "linear": lambda: [layers.Dense(2)],
    "tanh": lambda: [layers.Dense(4, "tanh"), layers.Dense(2, "sigmoid")],
    "softmax": lambda: [layers.Dense(4, "gelu", use_bias=False), layers.Dense(2, "softmax")],
    "three": lambda: [layers.Dense(4, "relu"), layers.Dense(3, "tanh"), layers.Dense(2, use_bias=False)],
    "separate": lambda: [layers.Dense(4), layers.Activation("tanh"), layers.Dropout(0.0), layers.Dense(2)],
    "residual": lambda: [
        layers.Residual([layers.Dense(5, "tanh"), layers.Dense(3)]),
        layers.Dense(2, "tanh"),
        layers.Residual([layers.Dense(2)]),
    ],
    "frozen": lambda: [
        layers.Dense(4, "tanh", trainable=False),
        layers.Dense(4, "tanh"),
        layers.Dense(3, "tanh", trainable=False),
        layers.Dense(2),
    ],
    "prelu, frozen": lambda: [layers.Dense(4, "prelu", trainable=False), layers.Dense(2)],
}
every_net = pytest.mark.parametrize("parts", NETS.values(), ids=NETS)


def built(parts, loss="mse", **options) -> Sequential:
    model = Sequential(parts(), dtype="float64", seed=1)
    model.compile(LevenbergMarquardt(), loss, **options)
    model.build((3,))
    model.ready()
    model.parameters.values[:] = rng.normal(size=model.parameters.values.size)
    return model


def free(model) -> np.ndarray:
    moving = zip(model.parameters.slices, model.parameters.trainable, strict=True)
    return np.concatenate([np.arange(place.start, place.stop) for place, moves in moving if moves])


def by_differences(model, function, h=1e-6) -> np.ndarray:
    """∂function/∂w along the last axis."""
    values, columns = model.parameters.values, []
    for k in free(model):
        value = values[k]
        values[k] = value + h
        above = function()
        values[k] = value - h
        columns.append((above - function()) / (2 * h))
        values[k] = value
    return np.stack(columns, axis=-1)


@every_net
def test_jacobian_by_central_differences(parts):
    model = built(parts)
    scale = rng.random(7) + 0.5
    expected = by_differences(model, lambda: model.predict(X) * scale[:, None])
    forward(model.layers, X)  # what the Jacobian is made of
    jacobian = Jacobian(model.layers)
    assert jacobian.size == len(free(model))
    J = jacobian.fill(scale, np.empty((2, 7, jacobian.size)))
    np.testing.assert_allclose(J.transpose(1, 0, 2), expected, atol=1e-8)


def squares_of(model, **options) -> LeastSquares:
    return LeastSquares(Objective(model.training(X, T, **options), model.optimizer))


@every_net
@pytest.mark.parametrize("loss", ["mse", "sum_of_squares", "half_mean_squared_error"])
@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
def test_two_jacobian_residuals_are_the_gradient(parts, loss, weighted, monkeypatch):
    """2 Jᵀr is what backpropagation gives; the rows come in pieces of three, three and one."""
    model = built(parts, loss)
    weight = np.array([0.0, 1, 2, 0.5, 1, 1, 3]) if weighted else None
    monkeypatch.setattr(levenberg_marquardt, "ROOM", 3 * 2 * len(free(model)))
    squares = squares_of(model, sample_weight=weight)
    assert squares.rows == 3
    loss_there, gradient = squares.objective.gradient()
    JJ, Jr = squares.normal_equations()
    np.testing.assert_allclose(2 * Jr, gradient, atol=1e-12)
    assert squares.loss() == pytest.approx(loss_there, rel=1e-12)
    scale = squares.scale[:, None]
    J = by_differences(model, lambda: (scale * (model.predict(X) - T)).reshape(-1))
    np.testing.assert_allclose(JJ, J.T @ J, atol=1e-6)


@pytest.mark.parametrize("size", [1, 5, 32, 33, 100])
def test_damped_normal_equations(size):
    A = rng.normal(size=(size, size + 3))
    A, b = A @ A.T, rng.normal(size=size)
    kept = A.copy()
    np.testing.assert_allclose((A + 0.5 * np.eye(size)) @ solve(A, 0.5, b), b, atol=1e-9)
    np.testing.assert_array_equal(A, kept)
    assert solve(-0.5 * np.eye(size), 0.5, b) is None  # singular
