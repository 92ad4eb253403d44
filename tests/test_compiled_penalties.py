"""Regularizers and constraints of parameters on the tape against those of the NumPy engine."""

import numpy as np
import pytest

from mlp import Sequential, constraints, layers, optimizers, regularizers
from mlp.engines.numba_engine import NumbaEngine
from mlp.errors import ArgumentError

REGULARIZERS = {
    "l1": lambda: regularizers.L1(0.05),
    "l2": lambda: regularizers.L2(0.05),
    "l1_l2": lambda: regularizers.L1L2(0.02, 0.03),
    "angles of rows": lambda: regularizers.OrthogonalRegularizer(0.5),
    "angles of columns": lambda: regularizers.OrthogonalRegularizer(0.5, "columns"),
}
CONSTRAINTS = {
    "max_norm": lambda: constraints.MaxNorm(0.7),
    "max_norm of rows": lambda: constraints.MaxNorm(0.7, axis=1),
    "max_norm of all": lambda: constraints.MaxNorm(0.7, axis=(0, 1)),
    "min_max_norm": lambda: constraints.MinMaxNorm(0.8, 0.9, rate=0.7),
    "min_max_norm of rows": lambda: constraints.MinMaxNorm(0.8, 0.9, rate=0.7, axis=-1),
    "unit_norm": lambda: constraints.UnitNorm(),
    "non_neg": lambda: constraints.NonNeg(),
}


def trained(
    engine, kernel=None, bias=None, epochs=3, dtype="float64", trainable=True, change=None, **settings
):
    """A model after some epochs, and its losses."""
    rng = np.random.default_rng(0)
    X, T = rng.normal(size=(23, 3)), rng.normal(size=(23, 2))
    first = layers.Dense(6, "tanh", kernel_regularizer=kernel, bias_regularizer=bias, **settings)
    first.trainable = trainable
    model = Sequential([layers.Input((3,)), first, layers.Dense(2)], seed=0, dtype=dtype)
    model.compile(optimizers.SGD(0.05), "mse", engine=engine)
    assert isinstance(model.ready(), NumbaEngine) == (engine == "numba")
    losses = model.fit(X, T, batch_size=5, epochs=epochs, verbose=0).history["loss"]
    if change is not None:
        change(first)
        losses += model.fit(X, T, batch_size=5, epochs=epochs, verbose=0).history["loss"]
    return model, losses


def compare(rtol=1e-10, **settings):
    (one, losses), (other, expected) = (trained(engine, **settings) for engine in ("numba", "numpy"))
    np.testing.assert_allclose(losses, expected, rtol=rtol)
    np.testing.assert_allclose(one.parameters.values, other.parameters.values, rtol=rtol, atol=rtol)


def test_the_lists_are_complete():
    parts = {type(make()) for make in REGULARIZERS.values()}, {type(make()) for make in CONSTRAINTS.values()}
    known = (set(module._CATALOGUE.classes.values()) for module in (regularizers, constraints))
    assert parts == tuple(known)


@pytest.mark.parametrize("make", REGULARIZERS.values(), ids=REGULARIZERS)
@pytest.mark.parametrize("trainable", [True, False])
def test_penalties_agree(make, trainable):
    compare(kernel=make(), bias="l2", trainable=trainable)


@pytest.mark.parametrize("make", REGULARIZERS.values(), ids=REGULARIZERS)
def test_penalties_agree_in_float32(make):
    compare(kernel=make(), bias="l1", dtype="float32", rtol=3e-5, epochs=1)


@pytest.mark.parametrize("make", CONSTRAINTS.values(), ids=CONSTRAINTS)
@pytest.mark.parametrize("trainable", [True, False])
def test_constraints_agree(make, trainable):
    compare(kernel_constraint=make(), trainable=trainable)


def test_constraints_of_vectors_and_of_zeros_agree():
    compare(bias_constraint=constraints.UnitNorm(), bias_initializer="ones")
    compare(
        bias_constraint=constraints.MaxNorm(0.01),
        kernel_constraint=constraints.UnitNorm(),
        kernel_initializer="zeros",
    )


def test_numbers_that_change_between_fits_hold():
    def change(layer):
        layer.constraints["W"].max_value = 0.3

    compare(kernel_constraint=constraints.MaxNorm(0.7), change=change)


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_an_axis_that_is_not_there_is_refused(engine):
    with pytest.raises(ArgumentError, match="axis"):
        trained(engine, kernel_constraint=constraints.MaxNorm(1.0, axis=2))


class OwnPenalty(regularizers.L2):
    def __call__(self, W):
        return 2 * super().__call__(W)


class OwnConstraint(constraints.NonNeg):
    def project(self, W):
        np.maximum(W, -1, out=W)


@pytest.mark.parametrize(
    "settings", [{"kernel": OwnPenalty()}, {"kernel_constraint": OwnConstraint()}], ids=str
)
def test_parts_of_the_users_have_no_compiled_form(settings):
    with pytest.raises(ArgumentError, match="Own"):
        trained("numba", **settings)
