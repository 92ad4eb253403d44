"""Regularizers: gradients, worked examples, extremes, memory, names and bad arguments."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest

from mlp import regularizers
from mlp.errors import ArgumentError
from mlp.regularizers import L1, L1L2, L2, OrthogonalRegularizer, Regularizer

ALL = [L1(0.3), L2(0.3), L1L2(0.2, 0.3), OrthogonalRegularizer(0.3), OrthogonalRegularizer(0.3, "columns")]
rng = np.random.default_rng(0)
each = pytest.mark.parametrize("regularizer", ALL, ids=repr)


@each
@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (5, 1), (1, 5)])
def test_gradient_is_the_derivative_of_the_penalty(regularizer, shape):
    W = rng.normal(size=shape)
    gradient, differences, h = regularizer.gradient(W, np.empty_like(W)), np.empty_like(W), 1e-6
    for place in np.ndindex(shape):
        ends = []
        for step in (h, -h):
            moved = W.copy()
            moved[place] += step
            ends.append(regularizer(moved))
        differences[place] = (ends[0] - ends[1]) / (2 * h)
    np.testing.assert_allclose(gradient, differences, 1e-6, 1e-9)


def test_worked_example():
    W = np.array([[1.0, -2.0], [0.0, 4.0]])
    assert L1(0.1)(W) == pytest.approx(0.1 * (1 + 2 + 4))
    assert L2(0.1)(W) == pytest.approx(0.1 * (1 + 4 + 16))
    assert L1L2(0.1, 0.2)(W) == pytest.approx(0.7 + 4.2)
    out = np.empty_like(W)
    assert L1(0.1).gradient(W, out) is out
    np.testing.assert_allclose(out, [[0.1, -0.1], [0, 0.1]])
    np.testing.assert_allclose(L2(0.1).gradient(W, out), [[0.2, -0.4], [0, 0.8]])
    np.testing.assert_allclose(L1L2(0.1, 0.2).gradient(W, out), [[0.5, -0.9], [0, 1.7]])
    # rows (3, 4)/5 and (1, 0): cos 0.6, the only pair
    assert OrthogonalRegularizer(0.5)(np.array([[3.0, 4.0], [1.0, 0.0]])) == pytest.approx(0.3)
    # columns (3, 1)/√10 and (4, 0)/4: cos 3/√10
    pair = np.array([[3.0, 4.0], [1.0, 0.0]])
    assert OrthogonalRegularizer(0.5, "columns")(pair) == pytest.approx(0.5 * 3 / 10**0.5)


@each
def test_one_vector_or_zeros_have_no_direction_and_no_nan(regularizer):
    for W in (np.zeros((3, 2)), np.ones((1, 1)), np.zeros((1, 3))):
        gradient = regularizer.gradient(W, np.full_like(W, np.nan))
        assert np.isfinite(regularizer(W))
        assert np.isfinite(gradient).all()
        assert W.any() or not gradient.any()


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_and_small_weights(regularizer, dtype):
    for size in (1e4, 1e-4):
        W = (rng.normal(size=(6, 5)) * size).astype(dtype)
        exact = W.astype(np.float64)
        gradient = regularizer.gradient(W, np.empty_like(W))
        assert gradient.dtype == dtype
        assert regularizer(W) == pytest.approx(regularizer(exact), rel=1e-5)
        expected = regularizer.gradient(exact, np.empty_like(exact))
        np.testing.assert_allclose(gradient, expected, 1e-4, 1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("regularizer", ALL[:3], ids=repr)
@pytest.mark.parametrize("shape", [(200, 100), (100,), (10, 20, 30)], ids=str)
def test_nothing_is_allocated_and_any_shape_will_do(regularizer, shape):
    W = rng.normal(size=shape).astype(np.float32)
    out = np.empty_like(W)
    regularizer(W), regularizer.gradient(W, out)
    tracemalloc.start()
    regularizer(W), regularizer.gradient(W, out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2000


def test_a_smaller_batch_uses_the_same_memory():
    regularizer, whole = L1(), np.ones((8, 3))
    assert regularizer(whole) == pytest.approx(0.24)
    assert regularizer(whole[:2]) == pytest.approx(0.06)
    assert regularizer._memory.size == whole.size
    assert regularizer(whole.astype(np.float32)[:1]) == pytest.approx(0.03)


@each
def test_config_copies_and_pickles(regularizer):
    regularizer(np.ones((3, 2)))
    twins = [
        type(regularizer).from_config(regularizer.get_config()),
        regularizers.deserialize(regularizers.serialize(regularizer)),
        regularizers.get(regularizer),
        copy.deepcopy(regularizer),
        pickle.loads(pickle.dumps(regularizer)),
    ]
    for twin in twins:
        assert twin is not regularizer
        assert repr(twin) == repr(regularizer)
        assert "_memory" not in twin.__dict__
        assert twin(np.eye(3) + 1) == regularizer(np.eye(3) + 1)


def test_names():
    assert regularizers.get(None) is None
    assert regularizers.serialize(None) is None
    assert regularizers.deserialize(None) is None
    assert regularizers.get("l2").l2 == 0.01
    assert regularizers.get("l1").l1 == 0.01
    assert regularizers.get("L1L2").get_config() == {"l1": 0.0, "l2": 0.0}
    assert regularizers.get("orthogonal_regularizer").mode == "rows"
    assert regularizers.get({"class_name": "l2", "config": {"l2": 0.5}}).l2 == 0.5
    assert regularizers.l1_l2(l1=0.1, l2=0.2).l2 == 0.2
    assert (regularizers.l1, regularizers.l2, regularizers.orthogonal_regularizer) == (
        L1,
        L2,
        OrthogonalRegularizer,
    )


def test_the_base_is_abstract():
    with pytest.raises(NotImplementedError):
        Regularizer()(np.ones(2))
    with pytest.raises(NotImplementedError):
        Regularizer().gradient(np.ones(2), np.ones(2))


FACTOR = r"must be a number in \[0, inf\); got "


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L1(-1), "l1 " + FACTOR + "-1"),
        (lambda: L1("x"), "l1 " + FACTOR + "'x'"),
        (lambda: L1(None), "l1 " + FACTOR + "None"),
        (lambda: L2(float("nan")), "l2 " + FACTOR + "nan"),
        (lambda: L2(float("inf")), "l2 " + FACTOR + "inf"),
        (lambda: L2(True), "l2 " + FACTOR + "True"),
        (lambda: L1L2(-0.1), "l1 " + FACTOR + r"-0\.1"),
        (lambda: L1L2(0.1, -0.1), "l2 " + FACTOR + r"-0\.1"),
        (lambda: OrthogonalRegularizer(-1), "factor " + FACTOR + "-1"),
        (lambda: OrthogonalRegularizer(mode="row"), "mode must be one of rows, columns; got 'row'"),
        (lambda: OrthogonalRegularizer(mode=np.array(["rows", "row"])), "mode must be one of rows, columns"),
        (lambda: OrthogonalRegularizer()(np.ones(3)), r"W must be of shape \(i, o\) for Ortho.*; got \(3,\)"),
        (lambda: regularizers.get("l3"), r"unknown regularizer 'l3'\. Did you mean 'l2', 'l1'"),
        (lambda: regularizers.get(0.01), "regularizer must be a name, a class or an object of mlp's Regul"),
        (lambda: regularizers.get(lambda W: 0.0), "regularizer must be a name, a class or an object of mlp"),
        (lambda: regularizers.get({"class_name": "Dense", "config": {}}), "unknown Regularizer 'Dense'"),
        (lambda: L2.from_config({"l1": 1}), "L2 cannot be made from this configuration: .*l1"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


@each
def test_lists_and_integers_are_weights_too(regularizer):
    W = np.array([[3, -4], [1, 0]])
    for given in (W, W.tolist(), W.astype("int8"), W.astype("float32")):
        assert regularizer(given) == pytest.approx(regularizer(W.astype(float)), rel=1e-6)
    for wrong in ("a", [[1], [1, 2]], [[1j]], None):
        with pytest.raises(ArgumentError, match="W must be an array of numbers"):
            regularizer(wrong)


@pytest.mark.parametrize("mode", ["rows", "columns"])
def test_the_orthogonal_penalty_allocates_vectors_alone(mode):
    regularizer, W = OrthogonalRegularizer(0.1, mode), rng.normal(size=(256, 256))
    out = np.empty_like(W)
    regularizer.gradient(W, out)
    tracemalloc.start()
    regularizer(W)
    regularizer.gradient(W, out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * 8192 * 8  # NumPy's own buffers; W alone is 524 kB
    for other in (rng.normal(size=(5, 3)), W.astype("float32"), W):  # and takes others in between
        fresh = OrthogonalRegularizer(0.1, mode)
        assert regularizer(other) == fresh(other)
        got, expected = regularizer.gradient(other, np.empty_like(other)), np.empty_like(other)
        np.testing.assert_array_equal(got, fresh.gradient(other, expected))
