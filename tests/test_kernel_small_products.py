"""Products of small matrices by loops of our own."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kernel_instructions import Guarded, run

from mlp.engines.kernels import small_products
from mlp.engines.kernels.pointers import pointer
from mlp.engines.kernels.small_products import back, product_of_rows, turn, turned_size, turned_stride

SHAPES = st.tuples(st.integers(1, 11), st.integers(1, 70), st.integers(1, 70))
TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def formula(x):
    return x


def grad_by_rows(record, anchor):
    D, W, G = pointer(record[2], anchor), pointer(record[3], anchor), pointer(record[4], anchor)
    back(D, W, G, record[5], record[6], record[7])


def transposed(record, anchor):
    turn(pointer(record[2], anchor), record[3], record[4], pointer(record[5], anchor))


def of(shape, dtype, seed):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(dtype)


def tolerance(dtype):
    return {"rtol": 0, "atol": 2e-5 if dtype == "float32" else 1e-13}


@TYPES
@given(shape=SHAPES)
@example((1, 2, 20))
@example((10, 20, 2))
@example((8, 64, 64))
@settings(max_examples=40, deadline=None)
def test_products_of_a_layer(dtype, shape):
    n, i, o = shape
    X, W, b, D = of((n, i), dtype, 1), of((i, o), dtype, 2), of((o,), dtype, 3), of((n, o), dtype, 4)
    found = [Guarded(size, dtype) for size in ((n, o), (i, o), (o,))]
    net, dW, db = (one.matrix for one in found)
    run(product_of_rows, dtype, 0, n, X, i, 1, W, o, b, o, net, o, o, i)
    run(product_of_rows, dtype, 0, i, X, 1, i, D, o, 0, 0, dW, o, o, n)
    run(product_of_rows, dtype, 0, 1, np.ones(1, dtype), 0, 0, D, o, 0, 0, db, o, o, n)
    np.testing.assert_allclose(net, X @ W + b, **tolerance(dtype))
    np.testing.assert_allclose(dW, X.T @ D, **tolerance(dtype))
    np.testing.assert_allclose(db, D.sum(0), **tolerance(dtype))
    assert all(one.is_kept() for one in found)


@TYPES
@given(shape=SHAPES)
@example((2, 20, 1))
@example((2, 20, 2))
@example((1, 33, 3))
@settings(max_examples=40, deadline=None)
def test_the_gradient_below_row_by_row(dtype, shape):
    n, i, o = shape
    D, W, G = of((n, o), dtype, 5), of((i, o), dtype, 6), Guarded((n, i), dtype)
    run(grad_by_rows, dtype, D, W, G.matrix, n, i, o)
    np.testing.assert_allclose(G.matrix, D @ W.T, **tolerance(dtype))
    assert G.is_kept()


@TYPES
@given(i=st.integers(1, 70), o=st.integers(1, 70))
@settings(max_examples=40, deadline=None)
def test_the_transpose_is_exact(dtype, i, o):
    W, turned = of((i, o), dtype, 7), Guarded((turned_size(i, o),), dtype)
    run(transposed, dtype, W, i, o, turned.matrix)
    rows = turned.matrix.reshape(-1, turned_stride(i))
    assert np.array_equal(rows[:o, :i], W.T)
    assert turned.is_kept()


@TYPES
def test_what_is_not_finite_stays_where_it_is(dtype):
    X, W, D = np.ones((3, 5), dtype), np.ones((5, 4), dtype), np.ones((3, 4), dtype)
    X[1, 2], W[0, 3] = np.nan, np.inf
    net, dW = np.empty((3, 4), dtype), np.empty((5, 4), dtype)
    run(product_of_rows, dtype, 0, 3, X, 5, 1, W, 4, 0, 0, net, 4, 4, 5)
    run(product_of_rows, dtype, 0, 5, X, 1, 5, D, 4, 0, 0, dW, 4, 4, 3)
    assert np.array_equal(net, X @ W, equal_nan=True)
    assert np.array_equal(dW, X.T @ D, equal_nan=True)


@TYPES
def test_parts_of_the_rows_are_parts_of_the_product(dtype):
    X, W = of((9, 7), dtype, 8), of((7, 18), dtype, 9)
    net = np.full((9, 18), 5, dtype)
    run(product_of_rows, dtype, 2, 8, X, 7, 1, W, 18, 0, 0, net, 18, 18, 7)
    np.testing.assert_allclose(net[2:8], X[2:8] @ W, **tolerance(dtype))
    assert (net[:2] == 5).all()
    assert (net[8:] == 5).all()


def test_few_rows_are_not_worth_a_transpose():
    assert small_products.is_by_rows(1, 100)
    assert small_products.is_by_rows(4, 2)
    assert not small_products.is_by_rows(4, 20)
