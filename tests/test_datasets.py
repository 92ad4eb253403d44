"""CSV files in all their dialects, and the bundled digits."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlp.datasets import Table, digits, find_delimiter, has_header, is_missing, read_table
from mlp.errors import ArgumentError


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "data.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_delimiter_and_line_end(file, delimiter, end):
    rows = [["name", "x"], ["Anna", "1"], ["Bo", "2.5"]]
    table = read_table(file(end.join(delimiter.join(row) for row in rows)))
    assert table.columns == {"name": ["Anna", "Bo"], "x": ["1", "2.5"]}
    assert table.named


def test_byte_order_mark_is_no_part_of_the_first_name(file):
    assert list(read_table(file("\ufeffx,y\n1,2\n").absolute()).columns) == ["x", "y"]


def test_unicode(file):
    table = read_table(file("città,größe\nRoma,1\n東京,2\n"))
    assert table.columns == {"città": ["Roma", "東京"], "größe": ["1", "2"]}


def test_quoted_fields(file):
    table = read_table(file('name,x\n"Rossi, Anna",1\n"said ""hi""",2\n"two\nlines",3\n'))
    assert table["name"] == ["Rossi, Anna", 'said "hi"', "two\nlines"]


def test_spaces_around_cells_do_not_count(file):
    assert read_table(file('a , "b, c",d\n 1 ,2, x\n')).columns == {"a": ["1"], "b, c": ["2"], "d": ["x"]}


def test_missing_cells(file):
    table = read_table(file("x,y\nNA,?\nnan,N/A\n,NULL\n1,none\ninf,-inf\n1e999,Nan\n"))
    assert table["x"] == ["", "", "", "1", "", ""]
    assert table["y"] == ["", "", "", "none", "", ""]


def test_a_column_may_have_the_name_of_a_missing_value(file):
    """The glass data of the UCI repository has the sodium in "Na"."""
    assert list(read_table(file("Na,Mg\n1,2\n")).columns) == ["Na", "Mg"]


def test_decimal_commas_between_semicolons(file):
    table = read_table(file("a;b\n1,5;x\n-2,25e3;3,0,1\n"))
    assert table.columns == {"a": ["1.5", "-2.25e3"], "b": ["x", "3,0,1"]}


def test_an_index_without_a_name_is_left_out(file):
    assert list(read_table(file(",x,y\n0,1,a\n1,2,b\n")).columns) == ["x", "y"]


def test_blank_lines_do_not_count(file):
    assert read_table(file("\n\nx,y\n\n1,2\n\n"))["x"] == ["1"]


def test_no_header_gives_made_up_names(file):
    table = read_table(file("5.1,3.5,setosa\n4.9,3.0,setosa\n"))
    assert table.columns == {"c0": ["5.1", "4.9"], "c1": ["3.5", "3.0"], "c2": ["setosa", "setosa"]}
    assert not table.named


@pytest.mark.parametrize(
    ("first", "body", "header"),
    [
        (["x", "y"], [["1", "2"]], True),
        (["1", "2"], [["3", "4"]], False),
        (["1.5", "a"], [["2.5", "b"]], False),
        (["id", "kind"], [["1", "a"], ["", "b"]], True),
        (["sky", "wind"], [["sun", "weak"], ["rain", "weak"]], True),  # all text, with a header
        (["sun", "weak"], [["sun", "strong"], ["rain", "weak"]], False),  # all text, without
        (["a", "a"], [["b", "c"]], False),
        (["0", "1", "target"], [["5", "6", "7"]], True),  # pandas numbers unnamed columns
        (["x", "y"], [], True),
        (["1", "2"], [], False),
        (["?", "3"], [["1", "2"]], False),  # a gap is no name
    ],
)
def test_header_recognition(first, body, header):
    assert has_header([first, *body]) is header


def test_an_expected_name_makes_a_header_certain():
    records = [["1990", "2000"], ["3", "4"]]
    assert not has_header(records)
    assert has_header(records, expected=["2000"])


def test_header_can_be_forced(file):
    path = file("1990,2000\n3,4\n")
    assert read_table(path, header=True).columns == {"1990": ["3"], "2000": ["4"]}
    assert read_table(file("x,y\n3,4\n"), header=False)["c0"] == ["x", "3"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("x,y\n", "a header but no rows"),
        ("x,y\n1,2\n1,2,3\n", "3 cells in line 3, and 2 in its first line"),
        ("x,y,x\n1,2,3\n", "two columns called 'x'"),
        ('x,y\n1,"2\n3,4\n', r"not a CSV table: unexpected end of data \(line 3\)"),
        (b"x,y\n1,\xff\n", "not text in UTF-8: invalid start byte at byte 6"),
    ],
)
def test_what_is_wrong_with_a_file(file, content, message):
    with pytest.raises(ArgumentError, match=message):
        read_table(file(content))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "none.csv")


def test_an_unknown_column_is_answered_with_those_there_are():
    table = Table({f"x{k}": ["1"] for k in range(12)}, named=False)
    with pytest.raises(ArgumentError, match=r"no column 'y'; it has x0, .* x9 and 2 more \(it was read as"):
        table["y"]


def test_numbers_say_where_there_is_none():
    with pytest.raises(ArgumentError, match=r"column 'x' .* has 'many' in row 2"):
        Table({"x": ["1", "many"]}).numbers("x")
    np.testing.assert_array_equal(Table({"x": ["1", ""]}).numbers("x"), [1, np.nan])


def test_digits():
    table = digits()
    pixels = np.column_stack([table.numbers(name) for name in table.columns if name != "digit"])
    assert pixels.shape == (1797, 64)
    assert (pixels.min(), pixels.max()) == (0, 16)
    assert set(table["digit"]) == set("0123456789")


word = st.text(
    st.characters(codec="utf-8", exclude_characters=",;\t|", exclude_categories=("Cc", "Cs")), min_size=1
)
clean = word.map(str.strip).filter(lambda text: text and not is_missing(text))


@given(
    names=st.lists(clean, min_size=2, max_size=4, unique=True),
    cells=st.lists(st.tuples(*[clean] * 4), min_size=1, max_size=5),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n"]),
)
@settings(deadline=None)
def test_what_csv_writes_is_read_back(tmp_path_factory, names, cells, delimiter, end):
    rows = [row[: len(names)] for row in cells]
    path = tmp_path_factory.mktemp("written") / "data.csv"
    with open(path, "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, delimiter=delimiter, lineterminator=end).writerows([names, *rows])
    assert find_delimiter(path.read_text(encoding="utf-8")) == delimiter
    table = read_table(path, header=True)
    assert list(table.columns) == names
    assert [tuple(row) for row in zip(*table.columns.values(), strict=True)] == rows
