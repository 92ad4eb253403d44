"""A TablePreprocessor as plain data: there and back to the bit, and nothing but what it has written."""

import copy
import json
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlp.errors import ArgumentError
from mlp.packing import pack, unpack
from mlp.tabular.preprocessing import TablePreprocessor

FRAME = pd.DataFrame(
    {
        "age": [20.0, 30, np.nan, 50, 60],
        "city": ["Roma", "Bari", "Pisa", None, "Roma"],
        "mixed": pd.Series([True, 2.5, "x", "x", None], dtype=object),
        "seen": pd.to_datetime(["2024-01-01", "2024-02-03", None, "2025-01-01", "2024-01-01"]),
        "wet": [True, False, True, True, False],
    }
)
CELLS = st.one_of(st.text(max_size=2), st.integers(), st.booleans(), st.none(), st.floats(), st.dates())


def kept(table):
    """What a file gives back of it."""
    plain, arrays = pack(table.get_config())
    return TablePreprocessor.from_config(unpack(json.loads(json.dumps(plain)), arrays))


@pytest.mark.parametrize("limit", [None, 2])
@pytest.mark.parametrize("X", [FRAME, FRAME.astype(object).to_numpy()], ids=["frame", "array"])
def test_there_and_back(X, limit):
    table = TablePreprocessor(categorical_columns=[4], one_hot_limit=limit).fit(X)
    again = kept(table)
    np.testing.assert_array_equal(again.transform(X), table.transform(X))
    assert again.get_params() == table.get_params()
    for name in (
        "kinds_",
        "ignored_columns_",
        "embedding_sizes_",
        "n_numeric_",
        "n_indicators_",
        "n_one_hot_",
    ):
        assert getattr(again, name) == getattr(table, name)
    assert again.sources_.tolist() == table.sources_.tolist()
    assert again.n_features_in_ == 5
    assert hasattr(again, "feature_names_in_") == hasattr(table, "feature_names_in_")
    np.testing.assert_array_equal(again.get_feature_names_out(), table.get_feature_names_out())
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(table)).transform(X), table.transform(X))


def test_what_was_left_out_is_kept():
    with pytest.warns(UserWarning, match="left out"):
        table = TablePreprocessor().fit(FRAME.assign(one=1))
    assert kept(table).ignored_columns_ == {"one": "constant"}


def test_names_of_columns_in_any_sequence():
    table = TablePreprocessor(categorical_columns=np.array(["age"])).fit(FRAME)
    assert kept(table).categorical_columns == ["age"]
    table = TablePreprocessor(categorical_columns=np.array([0, 1])).fit(FRAME)
    assert kept(table).categorical_columns == [0, 1]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(CELLS, st.floats()), min_size=2, max_size=8))
def test_any_table(rows):
    X = [list(row) for row in rows]
    table = TablePreprocessor(categorical_columns=[0], one_hot_limit=3)
    try:
        table.fit(X)
    except (ArgumentError, UserWarning):  # nothing in it, or not in all columns
        return
    np.testing.assert_array_equal(kept(table).transform(X), table.transform(X))
    assert np.isfinite(table.transform(X)).all()
    assert (np.abs(table.transform(X)[:, : table.n_numeric_]) <= 3).all()


def changed(path, value):
    """A description in which one entry is another one."""
    config = copy.deepcopy(TablePreprocessor().fit(FRAME).get_config())
    *way, last = path
    place = config
    for key in way:
        place = place[key]
    place[last] = value
    return config


HOSTILE = [
    (["parameters"], {"clip": 3}),
    (["parameters"], None),
    (["parameters", "min_frequency"], "many"),
    (["parameters", "missing"], ["median"]),
    (["parameters", "categorical_columns"], 7),
    (["n_features"], 10**9),
    (["n_features"], -1),
    (["n_features"], True),
    (["names"], ["a"] * 5),
    (["names"], "abcde"),
    (["names"], [1, 2, 3, 4, 5]),
    (["names"], {}),
    (["ignored"], [1]),
    (["ignored"], {"a": 5}),
    (["ignored"], 3),
    (["features"], []),
    (["features"], {}),
    (["features", 0], {}),
    (["features", 0], "age"),
    (["features", 0, "place"], 1),
    (["features", 0, "place"], -1),
    (["features", 4, "place"], 99),
    (["features", 0, "name"], None),
    (["features", 0, "kind"], "image"),
    (["features", 0, "kind"], []),
    (["features", 0, "gaps"], 1),
    (["features", 0, "known"], ["a"]),
    (["features", 0, "embedded"], True),
    (["features", 1, "known"], []),
    (["features", 1, "known"], ["a", "a", "b"]),
    (["features", 1, "known"], [["a"], "b", "c"]),
    (["features", 1, "known"], "abc"),
    (["features", 1, "known"], [f"c{k}" for k in range(9)]),
    (["features", 1, "gaps"], True),
    (["features", 3, "parts"], ["century"]),
    (["features", 3, "parts"], []),
    (["features", 3, "parts"], [{}]),
    (["center"], np.zeros(3)),
    (["center"], None),
    (["center"], "abc"),
    (["scale"], np.full(13, np.nan)),
    (["scale"], np.full(13, -1.0)),
    (["scale"], np.ones(13, np.float32)),
]


@pytest.mark.parametrize(("path", "value"), HOSTILE)
def test_hostile_descriptions(path, value):
    with pytest.raises(ArgumentError):
        TablePreprocessor.from_config(changed(path, value))


@pytest.mark.parametrize("config", [None, 5, [], {}, {"parameters": {}}])
def test_no_description(config):
    with pytest.raises(ArgumentError, match="config must be the result of get_config"):
        TablePreprocessor.from_config(config)


def test_the_unchanged_description_is_right():
    """Else the hostile ones would be refused for another reason."""
    config = changed(["n_features"], 5)
    assert TablePreprocessor.from_config(config).n_features_in_ == 5
    assert config["scale"].shape == (13,)
