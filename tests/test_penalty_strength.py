"""The strength of a penalty does not depend on the size of the batches."""

import numpy as np
import pytest

from mlp import Sequential, layers, losses, optimizers, regularizers
from mlp.optimizers import schedules

ENGINES = ["numpy", "numba"]
rng = np.random.default_rng(0)
X = rng.normal(size=(24, 3))
T = rng.normal(size=(24, 2))

PENALISED = {
    "l1": lambda: layers.Dense(4, "tanh", kernel_regularizer=regularizers.L1(0.3)),
    "l2": lambda: layers.Dense(4, "tanh", kernel_regularizer=regularizers.L2(0.3), bias_regularizer="l2"),
    "l1 and l2": lambda: layers.Dense(4, kernel_regularizer=regularizers.L1L2(0.2, 0.3)),
    "orthogonal": lambda: layers.Dense(4, kernel_regularizer=regularizers.OrthogonalRegularizer(0.5)),
    "activity, l1": lambda: layers.Dense(4, "sigmoid", activity_regularizer=regularizers.L1(0.4)),
    "activity, l2": lambda: layers.Dense(4, "tanh", activity_regularizer=regularizers.L2(0.4)),
    "activity layer": lambda: layers.ActivityRegularization(0.2, 0.3),
    "slopes": lambda: layers.PReLU(alpha_initializer="random_normal", alpha_regularizer="l2"),
    "scales": lambda: layers.LayerNormalization(gamma_regularizer="l1", beta_regularizer="l2"),
    "block": lambda: layers.Residual(
        [layers.Dense(4, "tanh", kernel_regularizer="l2"), layers.Dense(3, activity_regularizer="l1")]
    ),
}


def net(layer, loss, engine, last=None) -> Sequential:
    model = Sequential(
        [layers.Dense(3, "tanh", input_shape=(3,)), layer, layers.Dense(2, activity_regularizer=last)],
        dtype="float64",
        seed=0,
    )
    model.compile(optimizers.SGD(1.0), loss, engine=engine)
    return model


def loss_and_gradient(model, X, T) -> tuple:
    """Of one batch, by the step that it makes; the weights are put back."""
    before = model.parameters.values.copy()
    loss = model.train_on_batch(X, T)
    gradient = before - model.parameters.values
    model.parameters.values[:] = before
    return loss, gradient


def mean_of_batches(model, size) -> tuple:
    """The loss and the gradient of batches of that size, the mean over their rows."""
    parts = [slice(start, start + size) for start in range(0, len(X), size)]
    found = [loss_and_gradient(model, X[part], T[part]) for part in parts]
    shares = [len(X[part]) / len(X) for part in parts]
    return tuple(
        sum(share * np.asarray(one[k]) for share, one in zip(shares, found, strict=True)) for k in (0, 1)
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("layer", PENALISED.values(), ids=PENALISED)
def test_batches_have_the_gradient_of_all_rows_on_average(layer, engine):
    """Loss and gradient with their penalties; 5 leaves a smaller batch at the end."""
    for loss in ("mse", losses.Huber(0.7)):
        model = net(layer(), loss, engine, last=regularizers.L2(0.2))
        whole = loss_and_gradient(model, X, T)
        for size in (1, 5, 8, 24):
            for found, expected in zip(mean_of_batches(model, size), whole, strict=True):
                np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sum_over_the_batch_takes_the_penalty_once_a_batch(engine):
    """So its strength does depend on their size: it is that of the mean divided by the rows of a batch."""
    model = net(PENALISED["l1 and l2"](), losses.MeanSquaredError("sum"), engine)
    of_mean = net(layers.Dense(4, kernel_regularizer=regularizers.L1L2(0.2 / 8, 0.3 / 8)), "mse", engine)
    of_mean.set_weights(model.get_weights())
    loss, gradient = loss_and_gradient(model, X[:8], T[:8])
    expected_loss, expected = loss_and_gradient(of_mean, X[:8], T[:8])
    assert loss == pytest.approx(8 * expected_loss)
    np.testing.assert_allclose(gradient, 8 * expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("size", [1, 8, "full"])
def test_training_ends_at_the_same_weights(size, engine):
    """Ridge regression: W = (XᵀX/n + λ)⁻¹ Xᵀt/n, found with batches of any size."""
    strength, t = 0.5, X @ [1.0, -2.0, 0.5]
    exact = np.linalg.solve(X.T @ X / len(X) + strength * np.eye(3), X.T @ t / len(X))
    model = Sequential(
        [layers.Dense(1, use_bias=False, kernel_regularizer=regularizers.L2(strength), input_shape=(3,))],
        dtype="float64",
        seed=0,
    )
    steps = 1 if size == "full" else len(X) // size
    model.compile(optimizers.SGD(schedules.InverseTimeDecay(0.1, 20 * steps, 1)), "mse", engine=engine)
    model.fit(X, t, batch_size=size, epochs=400, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0][:, 0], exact, atol=0.02)
    unpenalised = np.linalg.lstsq(X, t, rcond=None)[0]
    assert np.abs(unpenalised - exact).max() > 0.2
