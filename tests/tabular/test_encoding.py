"""SignedOneHotEncoder: by hand, and for all that categories can be."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlp.errors import ArgumentError
from mlp.tabular.encoding import SignedOneHotEncoder

VALUES = st.one_of(st.text(max_size=3), st.integers(-5, 5), st.booleans(), st.none(), st.floats(width=16))


def encode(values, **parameters):
    return SignedOneHotEncoder(**parameters).fit_transform([[value] for value in values]).tolist()


def test_two_categories_become_one_column():
    assert encode(["no", "yes", None, "no"]) == [[1], [-1], [0], [1]]


def test_more_categories_become_one_column_each():
    assert encode(["b", "c", "a", None]) == [[0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 0, 0]]


def test_one_category_is_told_from_gaps():
    assert encode(["a", None, "a"]) == [[1], [0], [1]]


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), "", "  "])
def test_what_is_missing(missing):
    assert encode(["a", "b", missing]) == [[1], [-1], [0]]


def test_unknown_categories_are_zeros():
    encoder = SignedOneHotEncoder().fit([["a", "x"], ["b", "y"], ["a", "z"]])
    assert encoder.transform([["c", "w"], ["b", "z"]]).tolist() == [[0, 0, 0, 0], [-1, 0, 0, 1]]


def test_mixed_types_have_an_order():
    encoder = SignedOneHotEncoder().fit([[v] for v in ["b", 10, 2.5, True, "a", datetime.date(2024, 1, 2)]])
    assert encoder.categories_ == [[True, 2.5, 10, "2024-01-02", "a", "b"]]


def test_rare_categories_are_unknown():
    encoder = SignedOneHotEncoder(min_frequency=2).fit([[v] for v in "aabbcdd"])
    assert encoder.categories_ == [["a", "b", "d"]]
    assert encoder.transform([["c"]]).tolist() == [[0, 0, 0]]
    assert SignedOneHotEncoder(min_frequency=9).fit_transform([["a"], ["b"]]).shape == (2, 0)


def test_numbers_are_the_same_in_whatever_form():
    encoder = SignedOneHotEncoder().fit(np.array([[1], [2], [3]]))
    assert encoder.categories_ == [[1, 2, 3]]
    for same in ([[2.0]], [["2"]], [["2.0"]], np.array([[2]], dtype="uint8")):
        assert encoder.transform(same).tolist() == [[0, 1, 0]]
    texts = SignedOneHotEncoder().fit([["1"], ["2"], ["x"]])
    assert texts.transform([[1]]).tolist() == [[1, 0, 0]]


def test_integers_that_floats_cannot_tell_apart():
    ids = np.array([[2**60], [2**60 + 1], [2**60 + 2]])
    assert SignedOneHotEncoder().fit_transform(ids).tolist() == np.eye(3).tolist()


def test_names():
    frame = pd.DataFrame({"rain": ["no", "yes", "no"], "city": ["Roma", "Bari", "Pisa"]})
    encoder = SignedOneHotEncoder().fit(frame)
    assert encoder.get_feature_names_out().tolist() == ["rain", "city_Bari", "city_Pisa", "city_Roma"]
    assert SignedOneHotEncoder().fit(frame.to_numpy()).get_feature_names_out()[0] == "x0"
    assert encoder.get_feature_names_out(["a", "b"])[0] == "a"
    with pytest.raises(ArgumentError, match="input_features should have length equal"):
        encoder.get_feature_names_out(["a"])


def test_frames_by_name():
    seen = pd.DataFrame({"a": ["p", "q", "p"], "b": ["s", "t", "u"]})
    encoder = SignedOneHotEncoder().fit(seen)
    np.testing.assert_array_equal(encoder.transform(seen[["b", "a"]]), encoder.transform(seen))
    np.testing.assert_array_equal(encoder.transform(pl.from_pandas(seen)), encoder.transform(seen))


def test_a_categorical_type_counts_what_is_there():
    frame = pd.DataFrame({"a": pd.Categorical(["x", None, "y"], categories=["z", "y", "x"])})
    encoder = SignedOneHotEncoder().fit(frame)
    assert encoder.categories_ == [["x", "y"]]
    assert encoder.transform(frame).tolist() == [[1], [0], [-1]]


@pytest.mark.parametrize("value", [0, -1, 1.5, True, None])
def test_a_wrong_frequency(value):
    with pytest.raises(ArgumentError, match="min_frequency must be a positive integer"):
        SignedOneHotEncoder(min_frequency=value).fit([["a"]])


@settings(max_examples=20, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=12))
def test_any_values(values):
    encoded = np.array(encode(values))
    known = SignedOneHotEncoder().fit([[value] for value in values]).categories_[0]
    assert encoded.shape == (len(values), 1 if len(known) == 2 else len(known))
    assert set(np.abs(encoded).sum(axis=1)) <= {0, 1}
    assert not SignedOneHotEncoder().fit([[v] for v in values]).transform([["never seen"]]).any()
