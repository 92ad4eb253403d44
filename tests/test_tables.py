"""Preprocessing: equal to scikit-learn's, kept as plain data to the bit, and never a NaN."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_wine
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlp.datasets import Table
from mlp.errors import ArgumentError
from mlp.tables import MOST_CATEGORIES, Preprocessor, Target, guess_task


def texts(values):
    return ["" if value != value else repr(float(value)) for value in values]


@pytest.fixture(scope="module")
def wine():
    """Thirteen columns of numbers, some of them with gaps, and two of categories."""
    rng = np.random.default_rng(0)
    X = load_wine().data
    X[rng.random(X.shape) < np.linspace(0, 0.3, 13).round(1)] = np.nan
    columns = {f"x{k}": texts(X[:, k]) for k in range(13)}
    columns["color"] = rng.choice(["red", "white", "rosé", ""], len(X)).tolist()
    columns["cork"] = rng.choice(["yes", "no"], len(X)).tolist()
    return Table(columns), X


def test_equal_to_scikit_learn(wine):
    table, X = wine
    frame = np.column_stack([X.astype(object), table["color"], table["cork"]])
    numbers = make_pipeline(
        StandardScaler(), SimpleImputer(strategy="constant", fill_value=0, add_indicator=True)
    )
    reference = make_column_transformer(
        (numbers, list(range(13))), (OneHotEncoder(sparse_output=False), [13, 14])
    ).fit_transform(frame)
    preprocessor = Preprocessor().fit(table, list(table.columns))
    inputs = preprocessor.transform(table)
    np.testing.assert_array_equal(inputs, reference.astype(np.float32))
    assert inputs.shape == (178, preprocessor.width)
    assert preprocessor.categories == [["", "red", "rosé", "white"], ["no", "yes"]]


@pytest.mark.parametrize("common_scale", [False, True])
@pytest.mark.parametrize("columns", [["x0", "x12"], ["cork"], ["x0", "x5", "color", "cork"]])
def test_round_trip_through_json_is_exact(wine, columns, common_scale):
    table, _ = wine
    fitted = Preprocessor(common_scale).fit(table, columns)
    config = fitted.get_config()
    again = Preprocessor.from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config
    assert again.transform(table).tobytes() == fitted.transform(table).tobytes()
    assert (again.columns, again.width, again.left_out) == (fitted.columns, fitted.width, fitted.left_out)


def test_common_scale_keeps_the_proportions_of_columns():
    table = Table({"a": ["0", "2"], "b": ["0", "4"], "c": ["1", "1"]})
    inputs = Preprocessor(common_scale=True).fit(table, ["a", "b", "c"]).transform(table)
    np.testing.assert_allclose(inputs[1] / inputs[1, 0], [1, 2, 0])
    same = Table({"a": ["5", "5"]})
    assert not Preprocessor(common_scale=True).fit(same, ["a"]).transform(same).any()


def test_a_gap_is_the_mean_with_a_flag_if_training_had_gaps():
    trained = Table({"full": ["1", "3"], "gaps": ["5", ""]})
    preprocessor = Preprocessor().fit(trained, ["full", "gaps"])
    inputs = preprocessor.transform(Table({"full": ["", "3"], "gaps": ["", "5"]}))
    np.testing.assert_array_equal(inputs, [[0, 0, 1], [1, 0, 0]])


def test_unseen_categories_are_zeros():
    preprocessor = Preprocessor().fit(Table({"c": ["a", "b"]}), ["c"])
    inputs = preprocessor.transform(Table({"c": ["b", "long unseen", ""]}))
    np.testing.assert_array_equal(inputs, [[0, 1], [0, 0], [0, 0]])


def test_columns_are_found_by_name_not_place():
    preprocessor = Preprocessor().fit(Table({"a": ["1", "3"], "b": ["5", "9"]}), ["a", "b"])
    inputs = preprocessor.transform(Table({"more": ["x"], "b": ["9"], "a": ["1"]}))
    np.testing.assert_array_equal(inputs, [[-1, 1]])


def test_columns_of_no_use_are_left_out():
    names = [f"person {k}" for k in range(60)]
    table = Table({"x": ["1", "2"] * 30, "empty": [""] * 60, "name": names})
    preprocessor = Preprocessor().fit(table, ["x", "empty", "name"])
    assert preprocessor.columns == ["x"]
    assert preprocessor.left_out == {
        "empty": "it has no values",
        "name": "60 different texts in 60 rows are not categories",
    }
    preprocessor.transform(Table({"x": ["1"]}))  # nor are they needed later
    with pytest.raises(ArgumentError, match="no column to learn from; 'empty' is left out: it has no values"):
        Preprocessor().fit(table, ["empty", "name"])


def test_rare_categories_are_like_unseen_ones():
    often = [f"often {k:02}" for k in range(MOST_CATEGORIES)] * 3
    table = Table({"c": [*often, "rare 1", "rare 2"]})
    preprocessor = Preprocessor().fit(table, ["c"])
    assert preprocessor.categories == [sorted(set(often))]
    np.testing.assert_array_equal(preprocessor.transform(table).sum(axis=1), [1] * len(often) + [0, 0])


def test_text_in_a_column_of_numbers_and_missing_columns_are_errors():
    preprocessor = Preprocessor().fit(Table({"x": ["1", "2"]}), ["x"])
    with pytest.raises(ArgumentError, match=r"'x' .* should hold numbers, but has 'two' in row 1"):
        preprocessor.transform(Table({"x": ["two"]}))
    with pytest.raises(ArgumentError, match="no column 'x'; it has y"):
        preprocessor.transform(Table({"y": ["1"]}))


number = st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.integers().map(str) | st.just("")
category = st.text(max_size=3).map("text {}".format) | st.sampled_from(["", "a", "b"])


@st.composite
def tables(draw):
    """A table to learn from, and another with the same columns."""
    kinds = [st.just("1"), *draw(st.lists(st.sampled_from([number, category]), max_size=5))]
    return [
        Table({f"c{k}": draw(st.lists(cell, min_size=rows, max_size=rows)) for k, cell in enumerate(kinds)})
        for rows in (draw(st.integers(1, 12)), draw(st.integers(1, 12)))
    ]


@given(tables())
@settings(deadline=None)
def test_any_table_becomes_finite_inputs(pair):
    preprocessor = Preprocessor().fit(pair[0], list(pair[0].columns))
    again = Preprocessor.from_config(json.loads(json.dumps(preprocessor.get_config())))
    for table in pair:
        inputs = preprocessor.transform(table)
        assert np.isfinite(inputs).all()
        assert inputs.shape == (len(table), preprocessor.width)
        assert again.transform(table).tobytes() == inputs.tobytes()


# the target


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (["yes", "no"], "classification"),
        (["0", "1"] * 5, "classification"),
        (["7", "9"], "classification"),
        (["1", "2", "3"] * 5, "classification"),
        (["1", "2", "3"] * 4, "regression"),  # fewer than five rows a value
        (["1.5", "2.5"] * 50, "regression"),
        ([str(k) for k in range(20)] * 10, "classification"),
        ([str(k) for k in range(21)] * 10, "regression"),
        (["1.0", "2.0", "x"], "classification"),
    ],
)
def test_task_is_recognised(cells, task):
    assert guess_task(cells) == task
    assert Target.fit(Table({"y": cells}), "y").task == task


def test_binary_target():
    target = Target.fit(Table({"y": ["b", "a", ""]}), "y")
    assert (target.units, target.activation, target.loss) == (1, "sigmoid", "binary_crossentropy")
    np.testing.assert_array_equal(target.probabilities(np.array([[0.25]])), [[0.75, 0.25]])
    assert target.decode(np.array([[0.25], [0.75]])) == ["a", "b"]


def test_classes_are_in_the_order_of_numbers():
    table = Table({"y": ["10", "2", "1.0", "1", "2", "10"] * 3})
    target = Target.fit(table, "y")
    assert target.classes == ["1", "2", "10"]
    assert target.truth(table)[:4] == ["10", "2", "1", "1"]
    np.testing.assert_array_equal(target.encode(table)[:3], [2, 1, 0])
    assert (target.units, target.activation, target.loss) == (3, "softmax", "sparse_categorical_crossentropy")


def test_codes_keep_their_zeros():
    assert Target.fit(Table({"y": ["007", "7", "-01"]}), "y", "classification").classes == ["-01", "007", "7"]


def test_regression_is_learned_standardised_and_told_in_its_unit():
    table = Table({"y": ["1000.5", "3000.5"]})
    target = Target.fit(table, "y")
    assert (target.units, target.activation, target.loss) == (1, "linear", "mse")
    np.testing.assert_array_equal(target.encode(table), [-1, 1])
    assert target.decode(np.array([[-1], [0], [1]], np.float32)) == [1000.5, 2000.5, 3000.5]
    assert target.truth(table) == [1000.5, 3000.5]


def test_target_round_trip():
    for cells in (["a", "b", "c"], ["0.1", "0.7", "1e-9"]):
        target = Target.fit(Table({"y": cells}), "y")
        assert vars(Target.from_config(json.loads(json.dumps(target.get_config())))) == vars(target)


@pytest.mark.parametrize(
    ("cells", "task", "message"),
    [
        (["a", "a", ""], None, "the target 'y' has only the value 'a'"),
        (["", ""], None, "the target 'y' has no values"),
        (["1", "1.0"], None, "has only the value '1'"),
        (["a", "b"], "regression", "should hold numbers, but has 'a' in row 1"),
        (["1e300", "-1e300"], "regression", "rescale it"),
        (["1", "2"], "clustering", "task must be classification or regression; got 'clustering'"),
    ],
)
def test_targets_that_cannot_be_learned(cells, task, message):
    with pytest.raises(ArgumentError, match=message):
        Target.fit(Table({"y": cells}), "y", task)


def test_an_unknown_class_cannot_be_encoded():
    target = Target.fit(Table({"y": ["a", "b"]}), "y")
    with pytest.raises(ArgumentError, match="a class of 'y' must be a, b; got 'c'"):
        target.encode(Table({"y": ["a", "c"]}))


def test_probabilities_are_of_classes():
    with pytest.raises(ArgumentError, match="asked of a classification"):
        Target("y", "regression").probabilities(np.zeros((1, 1)))
