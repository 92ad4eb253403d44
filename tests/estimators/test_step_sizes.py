"""Step sizes and clipping: schedules by name, object and function, for every kind of rule."""

import numpy as np
import pytest

from mlp import MLPRegressor, optimizers
from mlp.errors import ArgumentError
from mlp.optimizers import schedules

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 3))
y = X[:, 0] + X[:, 1] ** 2


def regressor(**options):
    options = {"learning_rate_init": 0.02, "hidden_layer_sizes": (8,), "random_state": 0} | options
    return MLPRegressor(**options).fit(X, y)


# schedules


@pytest.mark.parametrize(
    "solver", ["sgd", "adam", "rmsprop", optimizers.Nadam()], ids=["sgd", "adam", "name", "object"]
)
def test_schedules(solver):
    seen = []

    def rate(step):
        seen.append(step)
        return schedule(step)

    schedule = schedules.ExponentialDecay(0.05, 3, 0.5)
    by_object = regressor(solver=solver, learning_rate=schedule, max_iter=4, batch_size=40)
    by_function = regressor(solver=solver, learning_rate=rate, max_iter=4, batch_size=40)
    assert by_object.loss_curve_ == by_function.loss_curve_
    assert seen == list(range(8))
    assert by_object.loss_curve_ != regressor(solver=solver, max_iter=4, batch_size=40).loss_curve_


def test_a_constant_function_is_a_number():
    assert (
        regressor(learning_rate=lambda step: 0.02, max_iter=5).loss_curve_
        == regressor(max_iter=5).loss_curve_
    )


def test_a_schedule_that_gives_no_number():
    with pytest.raises(
        ArgumentError, match=r"learning_rate of step 0 must be a number of at least 0; got 'much'"
    ):
        regressor(learning_rate=lambda step: "much")


@pytest.mark.parametrize(
    "solver", ["sgd", "rmsprop", optimizers.RMSprop(0.02)], ids=["sgd", "name", "object"]
)
def test_invscaling_begins_at_the_rate_of_the_rule(solver):
    model = regressor(solver=solver, learning_rate="invscaling", power_t=0.25, max_iter=3)
    assert model._optimizer.learning_rate == pytest.approx(0.02 / (3 * 80 + 1) ** 0.25)


def test_adaptive_with_a_rule_of_the_library():
    model = regressor(solver="rmsprop", learning_rate="adaptive", n_iter_no_change=2, tol=10.0, max_iter=40)
    assert model._optimizer.learning_rate < 1e-5
    constant = regressor(solver="rmsprop", n_iter_no_change=2, tol=10.0, max_iter=40)
    assert constant.n_iter_ < model.n_iter_


# clipping


def first_step(**options):
    """What one step of plain gradient descent with η = 1 changes, and what it would without a limit."""
    options = (
        dict(solver="sgd", momentum=0.0, learning_rate_init=1.0, batch_size=80, shuffle=False, max_iter=1)
        | options
    )
    still = regressor(**options | {"learning_rate_init": 1e-300})
    free = regressor(**{name: value for name, value in options.items() if "clip" not in name})
    moved = regressor(**options)
    return [model.model_.parameters.values - still.model_.parameters.values for model in (moved, free)], still


def test_clipping_by_value():
    (moved, free), _ = first_step(clipvalue=0.05)
    np.testing.assert_allclose(moved, np.clip(free, -0.05, 0.05), atol=1e-12)
    assert np.abs(free).max() > 0.05


def test_clipping_by_the_norm_of_each_parameter():
    (moved, free), model = first_step(clipnorm=0.2)
    for place in model.model_.parameters.slices:
        norm = np.linalg.norm(free[place])
        np.testing.assert_allclose(moved[place], free[place] * min(1, 0.2 / norm), atol=1e-12)


def test_clipping_by_the_norm_of_all():
    (moved, free), _ = first_step(global_clipnorm=0.2)
    np.testing.assert_allclose(moved, free * 0.2 / np.linalg.norm(free), atol=1e-12)


@pytest.mark.parametrize("limit", ["clipvalue", "clipnorm", "global_clipnorm"])
def test_clipping_with_adam_and_rules_of_the_library(limit):
    for solver in ("adam", "nadam"):
        own = regressor(solver=solver, max_iter=10, **{limit: 0.01})
        rule = {"adam": optimizers.Adam, "nadam": optimizers.Nadam}[solver](
            0.02, epsilon=1e-8 if solver == "adam" else 1e-7, **{limit: 0.01}
        )
        np.testing.assert_allclose(
            own.loss_curve_, regressor(solver=rule, max_iter=10).loss_curve_, rtol=1e-4
        )
        assert own.loss_curve_ != regressor(solver=solver, max_iter=10).loss_curve_


def test_one_way_to_clip():
    for options in (
        {"clipnorm": 1.0, "clipvalue": 1.0},
        {"solver": optimizers.SGD(clipnorm=1.0), "clipvalue": 1.0},
    ):
        with pytest.raises(ArgumentError, match=r"clipping must be of one kind"):
            regressor(**options)
    with pytest.raises(ValueError, match=r"'clipnorm' parameter of MLPRegressor must be"):
        regressor(clipnorm=-1.0)
