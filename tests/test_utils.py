"""Keras's small helpers: one-hot rows, norms, splits, seeds; `plot_model` is in test_drawing."""

import random

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import mlp
from mlp import utils
from mlp.errors import ArgumentError
from mlp.randomness import new_generator, seed_all

rng = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((4,), (4, 3)),
        ((4, 1), (4, 3)),
        ((4, 2), (4, 2, 3)),
        ((), (3,)),
        ((2, 2, 1), (2, 2, 3)),
        ((1,), (1, 3)),
    ],
)
def test_one_hot_rows(shape, expected):
    labels = np.full(shape, 2)
    one_hot = utils.to_categorical(labels)
    assert one_hot.shape == expected
    assert one_hot.dtype == np.float32
    assert (one_hot[..., 2] == 1).all()
    assert one_hot.sum() == labels.size
    assert utils.to_categorical(labels, 5).shape == (*expected[:-1], 5)


def test_one_hot_rows_of_whole_floats():
    np.testing.assert_array_equal(utils.to_categorical([1.0, 0.0], np.int64(2)), [[0, 1], [1, 0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis", [0, 1, -1, -2])
@pytest.mark.parametrize("order", [1, 2, 3.5, np.inf])
def test_normalize(dtype, axis, order):
    X = rng.normal(size=(5, 4)).astype(dtype)
    unit = utils.normalize(X, axis, order)
    assert unit.dtype == dtype
    np.testing.assert_allclose(np.linalg.norm(unit, order, axis), 1, 1e-6)
    expected = X / np.linalg.norm(X, order, axis, keepdims=True)
    np.testing.assert_allclose(unit, expected, 1e-5 if dtype == np.float32 else 1e-12)


def test_normalize_large_numbers_zeros_and_vectors():
    np.testing.assert_allclose(utils.normalize(np.float32([[3e30, 4e30]])), [[0.6, 0.8]], 1e-6)
    np.testing.assert_array_equal(utils.normalize([[0, 0], [0, -2]]), [[0, 0], [0, -1]])
    np.testing.assert_allclose(utils.normalize([3, 4]), [0.6, 0.8])
    given = np.ones((2, 2))
    utils.normalize(given)
    assert (given == 1).all()


@pytest.mark.parametrize(
    ("sizes", "left", "right"),
    [
        ({"left_size": 0.3}, 3, 7),
        ({"right_size": 0.3}, 7, 3),
        ({"left_size": 4}, 4, 6),
        ({"right_size": 4}, 6, 4),
        ({"left_size": 2, "right_size": 3}, 2, 3),
        ({"left_size": 0.2, "right_size": 0.3}, 2, 3),
        ({"left_size": 0.35, "right_size": 0.65}, 4, 6),
        ({"left_size": 0.75, "right_size": 2}, 8, 2),
        ({"left_size": np.int64(1), "right_size": np.float64(0.5)}, 1, 5),
    ],
)
def test_split_sizes(sizes, left, right):
    X = np.arange(20).reshape(10, 2)
    first, last = utils.split_dataset(X, **sizes)
    np.testing.assert_array_equal(first, X[:left])
    np.testing.assert_array_equal(last, X[10 - right :])
    first, last = utils.split_dataset(X, **sizes, shuffle=True, seed=0)
    assert (len(first), len(last)) == (left, right)
    assert len({*first[:, 0], *last[:, 0]}) == left + right


def test_halves_of_an_odd_number_of_rows():
    # both halves of 7 are rounded to 4, where Keras gives up
    first, last = utils.split_dataset(np.arange(7), 0.5, 0.5)
    assert (len(first), len(last)) == (4, 3)


def test_split_structures_stay_together():
    numbers = np.arange(9)
    frame = pd.DataFrame({"a": numbers, "b": numbers * 2}, index=numbers + 100)
    data = {"x": (numbers[:, None], frame), "y": [numbers], "s": sparse.csr_matrix(np.diag(numbers))}
    for shuffle in (False, True):
        left, right = utils.split_dataset(data, left_size=6, shuffle=shuffle, seed=1)
        for part, rows in ((left, 6), (right, 3)):
            y = part["y"][0]
            assert len(y) == rows
            assert isinstance(part["x"], tuple)
            np.testing.assert_array_equal(part["x"][0][:, 0], y)
            assert part["x"][1]["b"].tolist() == (2 * y).tolist()
            np.testing.assert_array_equal(part["s"].sum(axis=1).A1, y)
    assert sorted([*left["y"][0], *right["y"][0]]) == numbers.tolist()
    assert left["y"][0].tolist() != numbers[:6].tolist()


def test_a_shuffled_split_follows_its_seed():
    splits = [
        utils.split_dataset(np.arange(50), 0.5, shuffle=True, seed=seed)[0].tolist() for seed in (3, 3, 4)
    ]
    assert splits[0] == splits[1] != splits[2]


@pytest.fixture
def seeds_restored():
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    seed_all(None)


def test_a_script_that_sets_the_seed_is_repeated_to_the_bit(seeds_restored):
    def script():
        utils.set_random_seed(812)
        drawn = [random.random(), np.random.rand()]  # noqa: NPY002
        return [
            *drawn,
            *(new_generator().random() for _ in range(3)),
            utils.split_dataset(range(9), 5, 4, True)[0],
        ]

    first, second = script(), script()
    np.testing.assert_array_equal(first.pop(), second.pop())
    assert first == second
    assert len(set(first)) == len(first)
    utils.set_random_seed(813)
    assert new_generator().random() != first[2]


def test_generators(seeds_restored):
    assert (
        new_generator(5).random() == np.random.default_rng(5).random() == new_generator(np.int64(5)).random()
    )
    assert new_generator().random() != new_generator().random()
    utils.set_random_seed(0)
    spawned = new_generator().random()
    assert new_generator(5).random() == np.random.default_rng(5).random()  # a seed of its own comes first
    seed_all(None)
    assert new_generator().random() != spawned


SIZE = r"must be a share in \(0, 1\) or an integer from 1 to 9; got "


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: utils.to_categorical([0, 1], 2.0), r"num_classes must be a positive integer; got 2\.0"),
        (lambda: utils.to_categorical([0, 1], 0), "num_classes must be a positive integer; got 0"),
        (lambda: utils.to_categorical([0, 1], "2"), "num_classes must be a positive integer; got '2'"),
        (lambda: utils.to_categorical([0, 1], True), "num_classes must be a positive integer; got True"),
        (
            lambda: utils.to_categorical([[0, 3], [1, 1]], 2),
            "labels must be integers from 0 to 1; got 0 to 3",
        ),
        (lambda: utils.to_categorical([0, 1.5]), "labels must be integers"),
        (lambda: utils.to_categorical([0, -1]), "labels must be integers"),
        (lambda: utils.to_categorical([]), "labels must be integers from 0 to 0; got none"),
        (lambda: utils.to_categorical(["a"]), "labels must be an array of numbers"),
        (lambda: utils.normalize([[1, 2]], 2), r"axis must be an axis of x, whose shape is \(1, 2\); got 2"),
        (lambda: utils.normalize([[1, 2]], None), "axis must be an axis of x"),
        (lambda: utils.normalize([[1, 2]], order=0), "order must be a number above 0, or infinity; got 0"),
        (
            lambda: utils.normalize([[1, 2]], order="fro"),
            "order must be a number above 0, or infinity; got 'f",
        ),
        (lambda: utils.normalize("ab"), "x must be an array of numbers"),
        (lambda: utils.set_random_seed(None), r"seed must be an integer from 0 to 2\*\*32 - 1; got None"),
        (lambda: utils.set_random_seed(-1), "seed must be an integer from 0"),
        (lambda: utils.set_random_seed(2**32), "seed must be an integer from 0"),
        (lambda: utils.set_random_seed(1.5), "seed must be an integer from 0"),
        (lambda: new_generator("a"), "seed must be an integer of at least 0; got 'a'"),
        (lambda: utils.split_dataset(np.ones(10)), "left_size must be given, or right_size; got None"),
        (lambda: utils.split_dataset(np.ones(10), 10), "left_size " + SIZE + "10"),
        (lambda: utils.split_dataset(np.ones(10), 0), "left_size " + SIZE + "0"),
        (lambda: utils.split_dataset(np.ones(10), 1.0), "left_size " + SIZE + r"1\.0"),
        (lambda: utils.split_dataset(np.ones(10), 0.5, "x"), "right_size " + SIZE + "'x'"),
        (lambda: utils.split_dataset(np.ones(10), True), "left_size " + SIZE + "True"),
        (
            lambda: utils.split_dataset(np.ones(10), 6, 6),
            r"right_size must be at least one row .* got \(6, 6\)",
        ),
        (lambda: utils.split_dataset(np.ones(10), 0.01), r"must be at least one row .* got \(0, 10\)"),
        (lambda: utils.split_dataset(np.ones(10), 0.7, 0.7), r"together at most 10; got \(7, 7\)"),
        (lambda: utils.split_dataset((np.ones(10), np.ones(9)), 5), r"arrays of one length .* got \[10, 9\]"),
        (lambda: utils.split_dataset([], 5), r"dataset must be arrays of one length of at least 2; got \[\]"),
        (
            lambda: utils.split_dataset([1, 2, 3], 2),
            "dataset must be an array with rows, or a tuple, list or",
        ),
        (
            lambda: utils.split_dataset(np.ones(10), 5, shuffle="yes"),
            "shuffle must be True or False; got 'yes'",
        ),
        (
            lambda: utils.split_dataset(np.ones(10), 5, seed=-1),
            "seed must be an integer of at least 0; got -1",
        ),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_all_names_are_there():
    for module in (mlp.utils, mlp.saving):
        assert all(getattr(module, name) is not None for name in module.__all__)
