"""Constraints: what they promise, worked examples, names and bad arguments."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlp import constraints
from mlp.constraints import Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from mlp.errors import ArgumentError

W = arrays(np.float64, (4, 3), elements=st.floats(-1e4, 1e4, allow_subnormal=False))


def lengths(array, axis=0):
    return np.sqrt(np.square(array).sum(axis=axis))


@given(W)
def test_max_norm(W):
    projected = MaxNorm(1.5)(W)
    assert (lengths(projected) <= 1.5 * (1 + 1e-9)).all()
    short = lengths(W) <= 1.5
    np.testing.assert_allclose(projected[:, short], W[:, short], 1e-9, 1.01e-7)
    np.testing.assert_allclose(MaxNorm(1.5, axis=1)(W.T), projected.T, 1e-9)


@given(W)
def test_min_max_norm(W):
    projected = lengths(MinMaxNorm(1, 2)(W))
    far = lengths(W) > 0.1  # where the 1e-7 in the divisor counts for little
    assert (projected <= 2 * (1 + 1e-9)).all()
    assert (projected[far] >= 1 - 2e-6).all()
    assert not MinMaxNorm(1, 2)(np.zeros((2, 2))).any()
    np.testing.assert_allclose(MinMaxNorm(5, 6, rate=0)(W), W, 1e-9, 1.01e-7)


@given(W)
def test_unit_norm(W):
    far = lengths(W) > 0.1
    np.testing.assert_allclose(lengths(UnitNorm()(W))[far], 1, 2e-6)
    assert not UnitNorm()(np.zeros((2, 2))).any()


@given(W)
def test_non_neg(W):
    projected = NonNeg()(W)
    assert (projected >= 0).all()
    np.testing.assert_array_equal(projected[W > 0], W[W > 0])
    np.testing.assert_array_equal(NonNeg()(projected), projected)


def test_worked_example():
    W = np.array([[3.0, 0.6], [4.0, 0.8]])  # columns of lengths 5 and 1
    np.testing.assert_allclose(MaxNorm(2)(W), [[1.2, 0.6], [1.6, 0.8]], 1e-6)
    np.testing.assert_allclose(UnitNorm()(W), [[0.6, 0.6], [0.8, 0.8]], 1e-6)
    # rate ½: lengths go half of the way from 5 to 3, and from 1 to 2
    np.testing.assert_allclose(MinMaxNorm(2, 3, 0.5)(W), [[2.4, 0.9], [3.2, 1.2]], 1e-6)
    W -= 3
    NonNeg().project(W)
    np.testing.assert_array_equal(W, [[0, 0], [1, 0]])


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 1), (-1,), (0, -1)])
def test_axis(axis):
    W = np.random.default_rng(0).normal(size=(3, 4, 5))
    np.testing.assert_allclose(lengths(UnitNorm(axis)(W), axis), 1, 1e-6)


def test_a_copy_is_a_float_array_and_a_projection_is_in_place():
    assert UnitNorm()([3, 4]).tolist() == pytest.approx([0.6, 0.8])
    for dtype in (np.float32, np.float64):
        W = np.full((2, 2), 3, dtype)
        assert MaxNorm()(W).dtype == dtype
        assert (W == 3).all()
        assert MaxNorm().project(W) is None
        assert W.dtype == dtype
        assert (W < 1.5).all()


@pytest.mark.parametrize(
    "constraint", [MaxNorm(3, 1), MinMaxNorm(0.1, 0.2, 0.3, (0, 1)), UnitNorm(-1), NonNeg()], ids=repr
)
def test_config(constraint):
    W = np.random.default_rng(0).normal(size=(3, 4))
    description = constraints.serialize(constraint)
    description["config"] = {
        k: list(v) if isinstance(v, tuple) else v for k, v in description["config"].items()
    }
    for twin in (constraints.deserialize(description), constraints.get(constraint)):
        assert twin is not constraint
        assert repr(twin) == repr(constraint)
        np.testing.assert_array_equal(twin(W), constraint(W))


def test_names():
    assert constraints.get(None) is None
    assert constraints.get("max_norm").max_value == 2
    assert constraints.get("min_max_norm").get_config() == {
        "min_value": 0.0,
        "max_value": 1.0,
        "rate": 1.0,
        "axis": 0,
    }
    assert constraints.get("UnitNorm").axis == 0
    assert (constraints.max_norm, constraints.non_neg) == (MaxNorm, NonNeg)
    assert (constraints.min_max_norm, constraints.unit_norm) == (MinMaxNorm, UnitNorm)


def test_the_base_is_abstract():
    with pytest.raises(NotImplementedError):
        Constraint()(np.ones(2))


NORM = r"must be a number in \[0, inf\); got "
AXIS = "axis must be an integer or a tuple of integers; got "


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MaxNorm(-1), "max_value " + NORM + "-1"),
        (lambda: MaxNorm("x"), "max_value " + NORM + "'x'"),
        (lambda: MaxNorm(axis=0.5), AXIS + r"0\.5"),
        (lambda: MaxNorm(axis=None), AXIS + "None"),
        (lambda: MaxNorm(axis=()), AXIS + r"\(\)"),
        (lambda: UnitNorm(axis=(0, "1")), AXIS + r"\(0, '1'\)"),
        (lambda: UnitNorm(True), AXIS + "True"),
        (lambda: MinMaxNorm(-1), "min_value " + NORM + "-1"),
        (lambda: MinMaxNorm(0, float("inf")), "max_value " + NORM + "inf"),
        (lambda: MinMaxNorm(2, 1), "min_value must be at most max_value, 1; got 2"),
        (lambda: MinMaxNorm(rate=1.5), r"rate must be a number in \[0, 1\]; got 1\.5"),
        (lambda: MinMaxNorm(axis="0"), AXIS + "'0'"),
        (lambda: UnitNorm(2)(np.ones((2, 2))), r"axis must be an axis of weights of shape \(2, 2\); got 2"),
        (lambda: MaxNorm(axis=1)(np.ones(3)), r"axis must be an axis of weights of shape \(3,\); got 1"),
        (lambda: UnitNorm()("a"), "W must be an array of numbers"),
        (lambda: UnitNorm()([[1], [1, 2]]), "W must be an array of numbers: its rows have different lengths"),
        (lambda: UnitNorm()([[1j]]), "W must be an array of numbers"),
        (lambda: constraints.get("maxnrm"), "unknown constraint 'maxnrm'. Did you mean 'max_norm', 'min_max"),
        (lambda: constraints.get(2), "constraint must be a name, a class or an object of mlp's Constraint"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
