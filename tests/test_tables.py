"""The target column of a table, the parts of a table, and rows that come twice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlp.datasets import Table, read_table
from mlp.errors import ArgumentError
from mlp.tables import class_name, guess_task, repeated, split, target_of, with_target, without


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
    assert target_of(Table({"y": cells}), "y")[0] == task


def test_classes_that_are_whole_numbers_are_in_the_order_of_numbers():
    y = target_of(Table({"y": ["10", "2", "1.0", "1", "2", "10"] * 3}), "y")[1]
    assert y[:4].tolist() == [10, 2, 1, 1]
    assert y.dtype == np.int64


@pytest.mark.parametrize(
    "cells", [["007", "7", "-01"], ["1.5", "2.5"], ["1", "two"], ["9007199254740993", "9007199254740995"]]
)
def test_other_classes_are_texts(cells):
    y = target_of(Table({"y": cells}), "y", "classification")[1]
    assert y.dtype.kind == "U"
    assert y.tolist() == [class_name(cell) for cell in cells]


def test_a_regression_has_the_numbers_of_the_column():
    task, y = target_of(Table({"y": ["1000.5", "3000.5"]}), "y")
    assert (task, y.tolist()) == ("regression", [1000.5, 3000.5])


@pytest.mark.parametrize(
    ("cells", "task", "message"),
    [
        (["a", "a"], None, "the target 'y' has only the value 'a'"),
        ([], None, "the target 'y' has no values"),
        (["1", "1.0"], None, "has only the value '1'"),
        (["a", "b"], "regression", "should hold numbers, but has 'a' in row 1"),
        (["1e300", "-1e300"], "regression", "rescale it"),
    ],
)
def test_targets_that_cannot_be_learned(cells, task, message):
    with pytest.raises(ArgumentError, match=message):
        target_of(Table({"y": cells}), "y", task)


number = st.integers(-(10**6), 10**6).map(str) | st.floats(-1e9, 1e9).map(repr)


@given(number | st.text(max_size=4))
@settings(deadline=None)
def test_a_name_of_a_class_is_its_own_name(cell):
    assert class_name(class_name(cell)) == class_name(cell)


def test_the_target_is_no_input():
    table = Table({"x": ["1", "2"], "y": ["a", "b"]}, source="t.csv")
    assert without(table, "y").columns == {"x": ["1", "2"]}
    with pytest.raises(ArgumentError, match=r"t.csv has no column to learn from: only the target 'x'"):
        without(Table({"x": ["1"]}, source="t.csv"), "x")


def test_rows_without_a_target_are_left_out():
    table = with_target(Table({"x": list("123"), "y": ["a", "", "b"]}), "y")
    assert table.columns == {"x": ["1", "3"], "y": ["a", "b"]}


def test_split_keeps_the_proportions():
    labels = np.array(["a"] * 80 + ["b"] * 20)
    table = Table({"y": labels.tolist()})
    kept, held = split(table, labels, 0.25, seed=3)
    assert ((labels[kept] == "b").sum(), (labels[held] == "b").sum()) == (15, 5)
    assert sorted([*kept, *held]) == list(range(100))
    np.testing.assert_array_equal(split(table, labels, 0.25, seed=3)[1], held)
    assert (split(table, labels, 0.25, seed=4)[1] != held).any()


def test_split_gives_proportions_up_for_a_class_too_rare():
    for labels in (["a"] * 30 + ["once"], [f"class {k}" for k in range(15)] * 2):
        kept, held = split(Table({"y": labels}), np.array(labels), 0.2, 0)
        assert len(kept) + len(held) == len(labels)


@pytest.mark.parametrize(("rows", "share"), [(9, 0.3), (20, 0.01), (20, 0.99)])
def test_split_of_too_few_rows(rows, share):
    with pytest.raises(ArgumentError, match="it takes 10 rows, and 2 in each part"):
        split(Table({"y": ["a"] * rows}), None, share, 0)


def test_rows_that_come_twice():
    trained = Table({"x": ["1", "2"], "y": ["a", "b"]})
    assert repeated(trained, Table({"x": ["1", "2", "2"], "y": ["b", "b", "b"]})) == 2


# Parquet


def test_cells_of_a_parquet_file(tmp_path):
    import pandas

    frame = pandas.DataFrame(
        {
            "whole": [1, 2, 3],
            "real": [0.1, np.nan, np.inf],
            "text": ["a", None, "?"],
            "flag": [True, False, True],
            "day": pandas.to_datetime(["2024-01-02 00:00", None, "2024-02-03 04:05"]),
        },
        index=[5, 6, 9],
    )
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert table.columns == {
        "whole": ["1", "2", "3"],
        "real": ["0.1", "", ""],
        "text": ["a", "", ""],
        "flag": ["True", "False", "True"],
        "day": ["2024-01-02 00:00:00", "", "2024-02-03 04:05:00"],
    }
    assert table.named


def test_parquet_files_that_are_no_tables(tmp_path):
    import pyarrow
    from pyarrow.parquet import write_table

    write_table(pyarrow.table({"x": [[1], [2]]}), tmp_path / "lists.parquet")
    with pytest.raises(ArgumentError, match="column 'x' holds lists; a cell must be a single value"):
        read_table(tmp_path / "lists.parquet")
    write_table(pyarrow.table({"x": pyarrow.array([], pyarrow.int64())}), tmp_path / "empty.parquet")
    with pytest.raises(ArgumentError, match=r"empty.parquet has columns but no rows"):
        read_table(tmp_path / "empty.parquet")
