"""Data that cannot be used: a clear error before anything has moved, and a correct call works afterwards."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from refusals import BCE, CCE, SPARSE, TARGETS, T, X, labels, net, refused

from mlp import Sequential, layers
from mlp.errors import ArgumentError, NotReadyError
from mlp.optimizers import gradient_descent, minibatch_gradient_descent, stochastic_gradient_descent

WAYS = {
    "fit": lambda model, x, y: model.fit(x, y, verbose=0),
    "fit in full": lambda model, x, y: model.fit(x, y, batch_size="full", verbose=0),
    "fit one by one": lambda model, x, y: model.fit(x, y, batch_size=1, verbose=0),
    "validation_data": lambda model, x, y: model.fit(X, T, validation_data=(x, y), verbose=0),
    "evaluate": lambda model, x, y: model.evaluate(x, y),
    "train_on_batch": lambda model, x, y: model.train_on_batch(x, y),
    "test_on_batch": lambda model, x, y: model.test_on_batch(x, y),
    "gradient_descent": gradient_descent,
    "stochastic_gradient_descent": stochastic_gradient_descent,
    "minibatch_gradient_descent": minibatch_gradient_descent,
}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def with_one(value, where=(2, 1)) -> np.ndarray:
    array = X.copy()
    array[where] = value
    return array


NUMBERS = r"x must be an array of numbers: "
BAD_X = {
    "nan": (with_one(np.nan), r"x must be finite, but .*x\[2, 1\] is nan\. Remove or impute such rows"),
    "inf": (with_one(np.inf), r"x\[2, 1\] is inf.*float32 holds numbers up to 3\.4e\+38"),
    "-inf": (with_one(-np.inf), r"x\[2, 1\] is -inf"),
    "too large": (with_one(1e300), r"x\[2, 1\] is inf.*float32 holds numbers up to 3\.4e\+38"),
    "huge integer": ([[10**400, 1, 2]] * 8, NUMBERS + r".*too large"),
    "scalar": (3.0, r"x must have one row a sample, so at least two axes; its shape is \(1,\)"),
    "1-D": (X[:, 0], r"at least two axes; its shape is \(8,\)\. Use .*x\.reshape\(-1, 1\) for one feature"),
    "3-D": (X[:, :, None], r"x has rows of shape \(3, 1\), but the model takes \(3,\)"),
    "too narrow": (
        X[:, :2],
        r"x has rows of shape \(2,\), but the model takes \(3,\): its first layer is 'dense'",
    ),
    "no rows": (X[:0], r"x has no rows: its shape is \(0, 3\)"),
    "empty list": ([], r"at least two axes; its shape is \(0,\)"),
    "no columns": (X[:, :0], r"x has rows of shape \(0,\), but the model takes \(3,\)"),
    "None": (None, r"x must be an array of numbers; got NoneType"),
    "text": ([["a", "b", "c"]] * 8, NUMBERS + r"its elements are of type <U1"),
    "numbers as text": (
        [["1", "2", "3"]] * 8,
        NUMBERS + r"its elements are of type <U1",
    ),
    "bytes": (np.full((8, 3), b"1"), r"its elements are of type \|S1"),
    "objects": (np.full((8, 3), object()), NUMBERS + r".*not 'object'"),
    "None inside": ([[None, 1, 2]] * 8, r"x\[0, 0\] is nan"),
    "complex": (X + 1j, r"its elements are of type complex128"),
    "dates": (np.full((8, 3), "2020-01-01", "M8[D]"), r"its elements are of type datetime64\[D\]"),
    "records": (np.zeros((8, 3), [("a", "f4")]), r"its elements are of type \[\('a', '<f4'\)\]"),
    "ragged": ([[1, 2, 3], [1, 2]], NUMBERS + r"its rows have different lengths"),
    "sparse": (scipy.sparse.csr_matrix(with_one(np.nan)), r"x must be finite, but .*x\[2, 1\] is nan"),
    "masked": (np.ma.masked_less(X, 0), r"x has masked elements; fill them or remove such rows"),
    "dict": ({"a": [1, 2]}, NUMBERS + r".*not 'dict'"),
    "generator": ((row for row in X), "must be None, since x gives batches|batch 1: x must have one row"),
    "frame with text": (
        pd.DataFrame({"a": ["x"] * 8, "b": 1, "c": 2}),
        NUMBERS + r".*'x'",
    ),
    "frame with NA": (
        pd.DataFrame(X).astype("Float64").mask(X > 1),
        r"x: the column '\d' has \d missing values, the first in row \d; fill them",
    ),
}


@every_way
@pytest.mark.parametrize(("x", "message"), BAD_X.values(), ids=BAD_X)
def test_bad_x(way, x, message):
    model = net()
    with refused(model, message):
        way(model, x, T)


@pytest.mark.parametrize(("x", "message"), BAD_X.values(), ids=BAD_X)
def test_bad_x_in_predict(x, message):
    for use in (Sequential.predict, Sequential.__call__, Sequential.predict_on_batch):
        model = net()
        with refused(model, message):
            use(model, x)


BAD_Y = [
    ("mse", with_one(np.nan)[:, 1:2], r"y must be finite, but .*y\[2, 0\] is nan"),
    ("mse", with_one(np.inf)[:, 1], r"y\[2, 0\] is inf"),
    ("mse", np.full(8, 1e300), r"y\[0, 0\] is inf.*float32 holds"),
    ("mse", np.full(8, 1j), r"y must be an array of numbers: .*complex128"),
    ("mse", None, r"y must be an array of numbers; got NoneType"),
    ("mse", ["1"] * 8, r"y must be an array of numbers: .*<U1"),
    ("mse", scipy.sparse.csr_matrix(T * np.inf), r"y must be finite"),
    ("mse", np.ma.masked_less(T, 0), r"y has masked elements"),
    ("mse", ["a"] * 8, r"y must be .*numbers"),
    ("mse", [[1], [1, 2]] * 4, r"y must be .*numbers"),
    ("mse", T[:5], r"x has 8 rows and y has 5; they must be the same"),
    ("mse", [], r"x has 8 rows and y has 0; they must be the same"),
    ("mse", X[:, :2], r"y has shape \(8, 2\), but there are 1 output\(s\): expected \(n, 1\)"),
    ("mse", X[:, :, None], r"y has shape \(8, 3, 1\), but there are 1 output\(s\): expected \(n, 1\)"),
    (BCE, np.zeros((0, 1)), r"y has no rows"),
    (CCE, np.zeros((0, 3)), r"y has no rows"),
    (BCE, np.arange(8), r"y must lie in \[0, 1\] for BinaryCrossentropy; row 2 is \[2\.0\]"),
    (BCE, np.full(8, -0.5), r"row 0 is \[-0\.5\]"),
    (CCE, np.ones((8, 3)), r"each row of y must sum to 1 .*; row 0 sums to 3.*sigmoid"),
    (CCE, [[2, -1, 0]] * 8, r"y must lie in \[0, 1\] for CategoricalCross.*\[2\.0, -1"),
    (CCE, np.arange(8) % 3, r"expected \(n, 3\)\. For integer labels use loss='sparse_cat"),
    (CCE, np.zeros((8, 2)), r"y has shape \(8, 2\), but there are 3 output\(s\)"),
    (SPARSE, np.arange(8), r"y must hold labels from 0 to 2, one for each .*3 outputs; row 3 is 3"),
    (SPARSE, [-1] * 8, r"y must hold labels from 0 to 2, .*row 0 is -1"),
    (SPARSE, [0.5] * 8, r"y must hold labels from 0 to 2, .*row 0 is 0\.5"),
    (SPARSE, [2**63] * 8, r"y must hold labels from 0 to 2, .*row 0 is 9223372036854775808"),
    (SPARSE, np.eye(3)[labels], r"one label a row.*got \(8, 3\)\. For one-hot rows use categorical_cross"),
    (SPARSE, ["a"] * 8, r"y must be integer labels 0 … 2"),
    (SPARSE, None, r"y must be integer labels 0 … 2"),
    (
        SPARSE,
        [np.nan] * 8,
        r"y must hold labels from 0 to 2, .*row 0 is nan",
    ),
    (
        SPARSE,
        [1e30] * 8,
        r"y must hold labels from 0 to 2, .*row 0 is 1e\+30",
    ),
    (SPARSE, [1j] * 8, r"y must be .*complex"),
    (SPARSE, 1, r"one label a row.*got \(\)"),
]


@pytest.mark.parametrize("way", ["fit", "evaluate", "train_on_batch", "gradient_descent"])
@pytest.mark.parametrize(("loss", "y", "message"), BAD_Y)
def test_bad_y(way, loss, y, message):
    model = net(loss)
    with refused(model, message, loss=loss):
        WAYS[way](model, X, y)


def test_bad_y_by_the_other_ways():
    for way in WAYS.values():
        model = net()
        with refused(model, r"y must be finite, but .*y\[2, 0\] is nan"):
            way(model, X, with_one(np.nan)[:, 1])
        with refused(model, r"x has 8 rows and y has 5; they must be the same"):
            way(model, X, T[:5])


WEIGHING = {
    "fit": lambda model, **options: model.fit(X, T, verbose=0, **options),
    "train_on_batch": lambda model, **options: model.train_on_batch(X, T, **options),
    "minibatch_gradient_descent": lambda model, **options: minibatch_gradient_descent(model, X, T, **options),
}
weighing = pytest.mark.parametrize("way", WEIGHING.values(), ids=WEIGHING)
BAD_WEIGHTS = [
    ([1] * 7, r"sample_weight must have shape \(8,\), one weight a row; got \(7,\)"),
    (5, r"sample_weight must have shape \(8,\), one weight a row; got \(\)"),
    (np.ones((8, 2)), r"one weight a row; got \(8, 2\)"),
    ([1] * 7 + [-1], r"sample_weight must not be negative; row 7 has -1\.0"),
    ([0] * 8, r"sample_weight must not be zero for every row"),
    ([np.nan] * 8, r"sample_weight must be finite, but sample_weight\[0\] is nan"),
    ([1e300] * 8, r"sample_weight\[0\] is inf.*float32 holds"),
    (["a"] * 8, r"sample_weight must be an array of numbers: .*<U1"),
    ([1j] * 8, r"sample_weight must be an array of numbers: .*complex128"),
    ([[1], [1, 2]] * 4, r"sample_weight must be an array of numbers: its rows have different lengths"),
    ({0: 1}, r"sample_weight must be an array of numbers: .*'dict'"),
]


@weighing
@pytest.mark.parametrize(("weight", "message"), BAD_WEIGHTS)
def test_bad_sample_weight(way, weight, message):
    model = net()
    with refused(model, message):
        way(model, sample_weight=weight)


@pytest.mark.parametrize(("weight", "message"), BAD_WEIGHTS)
def test_bad_sample_weight_in_evaluation(weight, message):
    for use in (Sequential.evaluate, Sequential.test_on_batch):
        model = net()
        with refused(model, message):
            use(model, X, T, sample_weight=weight)


def test_bad_sample_weight_in_validation_data_is_called_by_its_place():
    model = net()
    with refused(model, r"validation_data: sample_weight must have shape \(8,\)"):
        model.fit(X, T, validation_data=(X, T, [1, 2]), verbose=0)


BAD_CLASS_WEIGHTS = [
    ("balance", r"class_weight must be a dict from class number to weight, or 'balanced'; got 'balance'"),
    ([1, 2], r"class_weight must be a dict .*; got \[1, 2\]"),
    ({"a": 1}, r"each key of class_weight must be a class, an integer of at least 0; got 'a'"),
    ({-1: 1}, r"each key of class_weight must be a class.*; got -1"),
    ({0.5: 1}, r"each key of class_weight must be a class.*; got 0\.5"),
    ({0: "a"}, r"class_weight\[0\] must be a number in \[0, inf\); got 'a'"),
    ({0: -1}, r"class_weight\[0\] must be a number in \[0, inf\); got -1"),
    ({1: np.nan}, r"class_weight\[1\] must be a number in \[0, inf\); got nan"),
    ({1: np.inf}, r"class_weight\[1\] must be a number in \[0, inf\); got inf"),
]


@pytest.mark.parametrize(("weights", "message"), BAD_CLASS_WEIGHTS)
def test_bad_class_weight(weights, message):
    for use in (Sequential.fit, Sequential.train_on_batch, gradient_descent):
        model = net(BCE)
        with refused(model, message, loss=BCE):
            use(model, X, TARGETS[BCE], class_weight=weights)


@pytest.mark.parametrize(
    "y", [T, -np.sign(T), X[:, :2], np.ones((8, 2))], ids=["real", "±1", "rows", "several"]
)
@pytest.mark.parametrize("weights", ["balanced", {0: 2.0}])
def test_class_weight_without_classes(y, weights):
    model = Sequential([layers.Dense(y.shape[1], input_shape=(3,))], seed=0)
    model.compile("adam", "mse")
    with pytest.raises(ArgumentError, match=r"class_weight needs one class a row, .*by sample_weight"):
        model.fit(X, y, class_weight=weights, verbose=0)


def test_class_weight_of_a_class_that_the_outputs_lack():
    model = net(CCE)
    with refused(model, r"key of class_weight must be a class from 0 to 2; got 3", loss=CCE):
        model.fit(X, TARGETS[CCE], class_weight={3: 1.0}, verbose=0)


def test_class_weight_of_a_class_that_is_absent_costs_nothing():
    model = net(BCE)
    assert model.train_on_batch(X, TARGETS[BCE], class_weight={10**12: 1.0}) > 0
    assert model.train_on_batch(X[:2], [0, 0], class_weight={np.int64(0): 0, 1: 3}) == 0


@every_way
def test_fit_before_compile(way):
    model = Sequential([layers.Dense(1, input_shape=(3,))], seed=0)
    before = model.get_weights()
    with pytest.raises(NotReadyError, match=r"compile the model first: model\.compile\(optimizer="):
        way(model, X, T)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    model.compile("adam", "mse")
    model.fit(X, T, verbose=0)


def test_a_model_without_layers():
    model = Sequential()
    with pytest.raises(NotReadyError, match="the model has no layers: add some first"):
        model.predict(X)
    model.compile("adam", "mse")
    with pytest.raises(NotReadyError, match="the model has no layers: add some first"):
        model.fit(X, T)
    with pytest.raises(ArgumentError, match="the model has no layers to take off"):
        model.pop()


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X[:, :2], T[:5]),
        (X[:, :2], T * np.nan),
        (X[:, :, None], T),
        (X[:, :0], T),
        (with_one(np.nan), T),
    ],
)
def test_bad_data_do_not_decide_the_shape_of_an_unbuilt_model(x, y):
    def unbuilt():
        model = Sequential([layers.Dropout(0.2), layers.Dense(1)], seed=0)
        model.compile("adam", "mse")
        return model

    model, twin = unbuilt(), unbuilt()
    with pytest.raises(ArgumentError):
        model.fit(x, y, verbose=0)
    assert model.fit(X, T, verbose=0).history == twin.fit(X, T, verbose=0).history
