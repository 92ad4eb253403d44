"""What the solvers for full batches refuse, and that nothing has moved then."""

import numpy as np
import pytest

from mlp import Sequential, layers, optimizers
from mlp.errors import ArgumentError, DivergenceError
from mlp.optimizers import LBFGS, LevenbergMarquardt, ScaledConjugateGradient, minimise

SOLVERS = [LBFGS, LevenbergMarquardt, ScaledConjugateGradient]
every_solver = pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: solver.__name__)
rng = np.random.default_rng(0)
X = rng.normal(size=(30, 3))
T = np.hstack([X[:, :1] * X[:, 1:2], np.sin(X[:, 2:])])


def net(solver) -> Sequential:
    """A net of 3-4-2, for T(X)."""
    model = Sequential([layers.Dense(4, "tanh"), layers.Dense(2)], dtype="float64", seed=0)
    model.compile(solver, "mse")
    model.build((3,))
    return model


def state(model):
    vectors = [model.parameters.values, *model.optimizer.state.values()]
    return [vector.tobytes() for vector in vectors], str(model.rng.bit_generator.state)


@pytest.mark.parametrize(
    ("layer", "loss", "solvers", "message"),
    [
        (layers.Dropout(0.01), "mse", SOLVERS, r"layer 'dropout' \(Dropout\) is random while training"),
        (layers.Dense(2, kernel_constraint="non_neg"), "mse", SOLVERS, "cannot keep constraints on weights"),
        (layers.Dense(2, "prelu"), "mse", SOLVERS[1:2], "layer 'dense_1' learns by PReLU, for which there"),
        (layers.Dense(2), "mae", SOLVERS[1:2], "sum of squares .MeanSquaredError, .*; got MeanAbsoluteErr"),
        (layers.Dense(2, kernel_regularizer="l1"), "mse", SOLVERS[1:2], r"'dense_1' has L1\(\) on W"),
        (layers.Dense(2, activity_regularizer="l2"), "mse", SOLVERS[1:2], "activity_regularizer of layer 'd"),
    ],
    ids=["dropout", "constraint", "prelu", "loss", "l1", "activity"],
)
def test_nets_that_they_cannot_take(layer, loss, solvers, message):
    for solver in solvers:
        model = Sequential([layers.Dense(4), layer.clone(), layers.Dense(2)], dtype="float64", seed=0)
        model.compile(solver(), loss)
        model.build((3,))
        model.ready()
        before = state(model)
        with pytest.raises(ArgumentError, match=message):
            minimise(model, X, T, epochs=3)
        assert state(model) == before


@every_solver
def test_everything_frozen(solver):
    model = net(solver())
    for layer in model.layers:
        layer.trainable = False
    model.compile(solver(), "mse")
    with pytest.raises(ArgumentError, match="has nothing to move: every layer is frozen"):
        minimise(model, X, T)


@every_solver
def test_they_make_no_steps_from_batches(solver):
    model = net(solver())
    model.ready()
    before = state(model)
    name = solver.__name__
    with pytest.raises(ArgumentError, match=f"{name} makes no step from one batch's gradient"):
        model.train_on_batch(X, T)
    with pytest.raises(ArgumentError, match=f"{name} makes no step"):
        optimizers.gradient_descent(model, X, T)
    with pytest.raises(ArgumentError, match=f"batch_size must be None, 'full' or at least 30: {name} takes"):
        minimise(model, X, T, batch_size=29)
    with pytest.raises(ArgumentError, match=f"steps_per_epoch must be None: an epoch of {name} is one it"):
        minimise(model, X, T, steps_per_epoch=2)
    assert state(model) == before
    assert len(minimise(model, X, T, batch_size=30).epoch) == 1


def test_minimise_takes_solvers_alone():
    with pytest.raises(ArgumentError, match="the optimizer of the model must be a solver, such as 'lbfgs'"):
        minimise(net("adam"), X, T)


@every_solver
@pytest.mark.parametrize("scale", [1e200, 1e120])
def test_a_loss_that_overflows(solver, scale):
    model = net(solver())
    model.parameters.values[:] = scale
    if scale == 1e200:
        with pytest.raises(DivergenceError, match=f"is not finite where {solver.__name__} begins"):
            minimise(model, X, T)
        assert (model.parameters.values == scale).all()
    else:
        start = model.evaluate(X, T)
        minimise(model, X, T, epochs=30)
        assert np.isfinite(model.parameters.values).all()
        assert model.evaluate(X, T) <= start


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LBFGS(maxcor=0), "maxcor must be a positive integer; got 0"),
        (lambda: LBFGS(maxls=1.5), "maxls must be a positive integer; got 1.5"),
        (lambda: LBFGS(maxfun=True), "maxfun must be a positive integer; got True"),
        (lambda: LBFGS(ftol=-1), r"ftol must be a number in \[0, inf\); got -1"),
        (lambda: LBFGS(gtol="x"), r"gtol must be a number in \[0, inf\); got 'x'"),
        (lambda: LevenbergMarquardt(mu=0), r"mu must be a number in \(0, inf\); got 0"),
        (lambda: LevenbergMarquardt(decrease=1), r"decrease must be a number in \(0, 1\); got 1"),
        (lambda: LevenbergMarquardt(increase=1), r"increase must be a number in \(1, inf\); got 1"),
        (lambda: LevenbergMarquardt(mu=1, mu_max=0.1), "mu must be at most mu_max, 0.1; got 1"),
        (lambda: LevenbergMarquardt(min_grad=-1), r"min_grad must be a number in \[0, inf\); got -1"),
        (lambda: ScaledConjugateGradient(sigma=0), r"sigma must be a number in \(0, inf\); got 0"),
        (lambda: ScaledConjugateGradient(lambda_start=0), r"lambda_start must be a number in \(0, inf\)"),
        (lambda: ScaledConjugateGradient(min_grad=-1), r"min_grad must be a number in \[0, inf\)"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
