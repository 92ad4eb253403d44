"""Inputs and targets of other kinds, where the fast checks let them through and where they do not."""

import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn
from beside_sklearn import assert_same, pair, quietly

from mlp import MLPClassifier
from mlp.estimators.rows import CHUNK, Rows

rng = np.random.default_rng(0)
X = rng.normal(size=(61, 5))
FRAME = pd.DataFrame(X, columns=list("abcde"))
KINDS = {
    "regression": ("Regressor", X[:, 0] - X[:, 1] ** 2),
    "binary": ("Classifier", X[:, 0] > 0),
    "multiclass": ("Classifier", X[:, :3].argmax(axis=1)),
    "multilabel": ("Classifier", (X[:, :2] > 0).astype(int)),
}


def mixed_up(matrix):
    """The same matrix, its entries in another order, column by column or row by row."""
    order = [rng.permutation(np.arange(a, b)) for a, b in zip(matrix.indptr, matrix.indptr[1:], strict=False)]
    order = np.concatenate(order)
    parts = (matrix.data[order], matrix.indices[order], matrix.indptr)
    return type(matrix)(parts, shape=matrix.shape)


SPARSE = np.where(rng.uniform(size=X.shape) < 0.5, X, 0)
FORMS = {
    "Fortran": np.asfortranarray(X),
    "backwards": X[:, ::-1],
    "csr mixed up": mixed_up(scipy.sparse.csr_matrix(SPARSE)),
    "csc": scipy.sparse.csc_matrix(SPARSE),
    "csc mixed up": mixed_up(scipy.sparse.csc_array(SPARSE)),
    "few columns": scipy.sparse.csr_matrix((np.ones(61), (np.arange(61), np.arange(61) % 3)), (61, 40)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("task", ["regression", "multiclass"])
@pytest.mark.parametrize(
    "parameters",
    [
        {"batch_size": 7},
        {"batch_size": 7, "shuffle": False},
        {"batch_size": 20, "shuffle": False, "early_stopping": True, "validation_fraction": 0.3},
        {"early_stopping": True, "validation_fraction": 0.3},
        {"solver": "lbfgs"},
    ],
    ids=str,
)
@pytest.mark.parametrize("sizes", [(1,), (100,)], ids=str)
def test_orders_of_memory(form, task, parameters, sizes):
    """Each form adds up the rows in an order of its own, and again another one after a split."""
    kind, y = KINDS[task]
    both = pair(kind, hidden_layer_sizes=sizes, max_iter=6, random_state=3, **parameters)
    for estimator in both:
        quietly(estimator.fit, FORMS[form], y)
    assert_same(*both, FORMS[form], y)


def test_a_penalty_that_overflows():
    """With alpha 0, too, scikit-learn multiplies: 0 · ∞ is NaN, some epochs before the loss itself is."""
    parameters = {"solver": "sgd", "alpha": 0, "learning_rate_init": 0.05, "momentum": 0, "random_state": 0}
    both = pair("Regressor", hidden_layer_sizes=(), early_stopping=True, max_iter=30, **parameters)
    for estimator in both:
        estimator.set_params(n_iter_no_change=100)
    for estimator in both:
        quietly(estimator.fit, 1e4 * X, KINDS["regression"][1])
    assert np.isnan(both[0].loss_curve_[-1])
    assert_same(*both, X, None)


NAN = X.copy()
NAN[3, 1] = np.nan
ASKED = {
    "integers": (X * 9).astype(int),
    "bools": X > 0,
    "float16": X.astype(np.float16),
    "long double": X.astype(np.longdouble),
    "objects": X.astype(object),
    "big-endian": X.astype(">f8"),
    "columns": np.repeat(X, 2, axis=1)[:, ::2],
    "Fortran": np.asfortranarray(X),
    "no rows": X[:0],
    "NaN": NAN,
    "few": X[:, :3],
    "flat": X[0],
    "list": X.tolist(),
    "frame": FRAME,
    "integers and floats": FRAME.assign(a=1),
    "another order": FRAME[list("baced")],
    "another name": FRAME.rename(columns={"a": "z"}),
    "NaN in a frame": pd.DataFrame(NAN, columns=list("abcde")),
    "sparse frame": FRAME.astype(pd.SparseDtype(float, 0.0)),
    "a sparse column": FRAME.assign(b=pd.arrays.SparseArray(X[:, 1])),
    "nullable": FRAME.astype("Float64"),
    "csc": scipy.sparse.csc_matrix(SPARSE),
}


def told(method, *arguments):
    """Result, error and warnings of a call."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            result, error = method(*arguments), None
        except (ValueError, TypeError) as raised:
            result, error = None, f"{type(raised).__name__}: {raised}"
    return result, error, [str(warning.message) for warning in heard]


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("seen", [X, FRAME], ids=["array", "frame"])
@pytest.mark.parametrize("task", KINDS)
@pytest.mark.parametrize("assume_finite", [False, True])
def test_predictions(asked, seen, task, assume_finite):
    """The same results, errors and warnings."""
    kind, y = KINDS[task]
    both, results = pair(kind, hidden_layer_sizes=(4,), max_iter=2, random_state=0), []
    for estimator in both:
        quietly(estimator.fit, seen, y)
        method = estimator.predict if kind == "Regressor" else estimator.predict_proba
        with sklearn.config_context(assume_finite=assume_finite):
            results.append(told(method, ASKED[asked]))
    (expected, *words), (got, *own_words) = results
    assert own_words == words
    if expected is not None:
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)


LABELS = {
    "numbers": KINDS["multiclass"][1],
    "one byte": KINDS["multiclass"][1].astype(np.int8),
    "floats": KINDS["multiclass"][1].astype(float),
    "objects": KINDS["multiclass"][1].astype(object),
    "words": np.array(["x", "y", "z"])[KINDS["multiclass"][1]],
    "a list": KINDS["multiclass"][1].tolist(),
    "a column of a frame": pd.Series(KINDS["multiclass"][1]),
    "bools": KINDS["binary"][1],
    "unseen": KINDS["multiclass"][1] + 1,
    "too few": KINDS["multiclass"][1][:60],
    "several labels": KINDS["multilabel"][1],
    "several labels as bools": KINDS["multilabel"][1] > 0,
}


@pytest.mark.parametrize("later", LABELS)
@pytest.mark.parametrize("first", ["numbers", "bools", "words"])
@pytest.mark.parametrize("inputs", [X, FRAME, X.tolist(), NAN, FORMS["csc"]], ids=lambda X: type(X).__name__)
def test_streams_of_classes(first, later, inputs):
    both, results = pair("Classifier", hidden_layer_sizes=(3,), random_state=0), []
    for estimator in both:
        quietly(estimator.partial_fit, X, LABELS[first], classes=np.unique(LABELS[first]))
        results.append(told(estimator.partial_fit, inputs, LABELS[later])[1:])
    assert results[1] == results[0]
    assert_same(*both, X, None)


NUMBERS = KINDS["regression"][1]
TARGETS = {
    "floats": NUMBERS,
    "integers": (9 * NUMBERS).astype(int),
    "a list": NUMBERS.tolist(),
    "a column": NUMBERS[:, None],
    "a column of a frame": pd.Series(NUMBERS),
    "NaN": NAN[:, 1],
    "too few": NUMBERS[:60],
}


@pytest.mark.parametrize("later", TARGETS)
@pytest.mark.parametrize("inputs", [X, FRAME, X.tolist(), NAN, FORMS["csc"]], ids=lambda X: type(X).__name__)
def test_streams_of_numbers(later, inputs):
    both, results = pair("Regressor", hidden_layer_sizes=(3,), random_state=0), []
    for estimator in both:
        estimator.partial_fit(X, NUMBERS)
        results.append(told(estimator.partial_fit, inputs, TARGETS[later])[1:])
    assert results[1] == results[0]
    assert_same(*both, X, None)


# memory


@pytest.mark.parametrize(("columns", "outputs"), [(4, 1), (4, 300), (300, 4)])
@pytest.mark.parametrize("size", [1, 7, 4000])
def test_chunks_are_whole_batches_of_a_bounded_size(columns, outputs, size):
    rows, wide = Rows(np.zeros((9000, columns)), np.zeros(9000)), max(columns, outputs)
    lengths = [len(chunk[1]) for chunk in rows.chunks(np.arange(9000), size, outputs)]
    assert sum(lengths) == 9000
    assert set(lengths[:-1]) == {max(1, CHUNK // wide // size) * size}


def peak(estimator, inputs, y) -> int:
    """The bytes that a fit has had at once, the second time."""
    quietly(estimator.fit, inputs, y)
    tracemalloc.start()
    try:
        quietly(estimator.fit, inputs, y)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("parameters", [{}, {"batch_size": 1000}, {"solver": "lbfgs"}], ids=str)
@pytest.mark.parametrize(("kind", "columns"), [("Regressor", 1), ("Regressor", 3), ("Classifier", 5)])
def test_a_fit_takes_no_more_memory(kind, columns, parameters):
    inputs, y = rng.normal(size=(20000, 16)), rng.normal(size=(20000, columns)).squeeze()
    y = (y > 0).astype(int) if kind == "Classifier" else y
    theirs, ours = pair(kind, max_iter=2, random_state=0, **parameters)
    assert peak(ours, inputs, y) < 1.1 * peak(theirs, inputs, y)


def test_many_classes_of_few_columns_take_no_more_memory():
    inputs, y = rng.normal(size=(6000, 2)), np.arange(6000) % 100
    theirs, ours = pair("Classifier", hidden_layer_sizes=(30,), max_iter=1, random_state=0)
    assert isinstance(ours, MLPClassifier)
    assert peak(ours, inputs, y) < peak(theirs, inputs, y)
