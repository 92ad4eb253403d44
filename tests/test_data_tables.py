"""Columns by name: Parquet, tables of Arrow, frames of pandas and Polars."""

import datetime
import decimal
import itertools
import warnings

import numpy as np
import pandas
import polars
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest

import mlp
from mlp.data import kinds, tables, windows
from mlp.data.kinds import resolve
from mlp.data.tables import ParquetFiles, ParquetRows
from mlp.data.windows import RowsData, needs_windows
from mlp.errors import ArgumentError, DataError, MissingFileError, MissingPackageError

ROWS = 1000
NUMBERS = np.arange(ROWS)
COLUMNS = {
    "a": NUMBERS.astype(np.float32),
    "label": NUMBERS % 3,
    "b": -NUMBERS.astype(np.int16),
    "weight": NUMBERS / 10,
    "c": NUMBERS % 2 == 0,
}
X = np.stack([COLUMNS[name] for name in "abc"], 1).astype(np.float64)


def written(folder, columns=COLUMNS, name="train.parquet", **options):
    path = folder / name
    path.parent.mkdir(exist_ok=True, parents=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), path, **options)
    return path


def halves(folder):
    for number, half in enumerate((slice(0, 400), slice(400, ROWS))):
        written(folder, {name: column[half] for name, column in COLUMNS.items()}, f"part{number}.parquet")
    written(folder, {"z": [1]}, "_metadata.parquet")
    return folder


def files(folder):
    return [str(path) for path in sorted(halves(folder / "files").glob("part*"))]


FORMS = {
    "a path": written,
    "a path as text": lambda folder: str(written(folder)),
    "a folder": lambda folder: halves(folder / "folder"),
    "paths": files,
    "a ParquetFile": lambda folder: pyarrow.parquet.ParquetFile(written(folder)),
    "a data set": lambda folder: pyarrow.dataset.dataset(files(folder)),
    "a table": lambda folder: pyarrow.table(COLUMNS),
    "a table in pieces": lambda folder: pyarrow.concat_tables(
        pyarrow.table(COLUMNS).slice(start, 250) for start in range(0, ROWS, 250)
    ),
    "a record batch": lambda folder: pyarrow.RecordBatch.from_pydict(COLUMNS),
    "pandas": lambda folder: pandas.DataFrame(COLUMNS),
    "pandas, nullable": lambda folder: pandas.DataFrame(COLUMNS).convert_dtypes(),
    "pandas, Arrow": lambda folder: pandas.DataFrame(COLUMNS).convert_dtypes(dtype_backend="pyarrow"),
    "Polars": lambda folder: polars.DataFrame(COLUMNS),
    "Polars, lazy": lambda folder: polars.LazyFrame(COLUMNS),
}


@pytest.mark.parametrize("form", FORMS)
def test_columns_are_taken_by_name(tmp_path, form):
    x, y, weight = resolve(FORMS[form](tmp_path), "label", "weight")
    assert type(x) is type(y) is type(weight) is np.ndarray
    assert (x == X).all()
    assert (y == COLUMNS["label"]).all()
    assert y.dtype.kind == "i"
    assert (weight == COLUMNS["weight"]).all()
    x, y, weight = resolve(FORMS[form](tmp_path), ["label", "weight"], None)
    assert (x == X).all()
    assert (y == np.stack([COLUMNS["label"], COLUMNS["weight"]], 1)).all()
    assert weight is None


@pytest.mark.parametrize("form", FORMS)
def test_without_names_all_columns_are_inputs(tmp_path, form):
    y = [1] * ROWS
    x, found, _ = resolve(FORMS[form](tmp_path), y, None)
    assert x.shape == (ROWS, 5)
    assert (x[:, 0] == NUMBERS).all()
    assert found is y


@pytest.mark.parametrize("form", FORMS)
def test_a_column_that_is_not_there_is_named(tmp_path, form):
    with pytest.raises(ArgumentError, match=r"y: the column 'lable' is not there; the columns are 'a' \("):
        resolve(FORMS[form](tmp_path), "lable", None)


NAMED = {
    "pandas": pandas.DataFrame,
    "Polars": polars.DataFrame,
    "Arrow": pyarrow.table,
    "Parquet": lambda columns: columns,  # written by the test
}


def given(kind, columns, folder):
    return written(folder, columns) if kind == "Parquet" else NAMED[kind](columns)


@pytest.mark.parametrize("kind", NAMED)
def test_columns_without_numbers_are_left_out_with_a_warning_and_are_no_targets(tmp_path, kind):
    dates = [datetime.date(2020, 1, 1)] * 3
    x = given(
        kind, {"city": ["Roma", "Bari", "Bari"], "a": [1.0, 2.0, 3.0], "day": dates, "y": [0, 1, 0]}, tmp_path
    )
    with pytest.warns(UserWarning, match=r"left out of x, since they do not hold numbers: 'city' .*'day'"):
        inputs, y, _ = resolve(x, "y", None)
    assert (inputs == [[1], [2], [3]]).all()
    assert (y == [0, 1, 0]).all()
    with (
        warnings.catch_warnings(action="ignore"),
        pytest.raises(ArgumentError, match="y: the column 'city' must hold numbers, but is of type"),
    ):
        resolve(x, "city", None)
    texts = given(kind, {"city": ["Roma"], "y": [0]}, tmp_path)
    with pytest.raises(ArgumentError, match="x has no columns of numbers besides y"):
        resolve(texts, "y", None)


@pytest.mark.parametrize("kind", NAMED)
def test_missing_values_are_named_with_their_row(tmp_path, kind):
    numbers = [*range(500), None, None, *range(500)]
    if kind == "pandas":
        numbers = pandas.array(numbers, dtype="Int64")
    x = given(kind, {"a": [1.0] * 1002, "b": numbers, "y": [0, 1] * 501}, tmp_path)
    with pytest.raises(
        ArgumentError, match=r"x.*: the column 'b' has 2 missing values, the first in row 500"
    ):
        resolve(x, "y", None)
    with pytest.raises(ArgumentError, match=r"y.*: the column 'b' has 2 missing values"):
        resolve(x, "b", None)


def test_categories_of_text_are_no_numbers():
    columns = {"a": [1.0, 2.0], "city": ["Roma", "Bari"]}
    frame = pandas.DataFrame(columns).astype({"city": "category"})
    with pytest.raises(ArgumentError, match=r"y: the column 'city' must hold numbers.*category; encode it"):
        resolve(frame, "city", None)
    table = pyarrow.table({"a": columns["a"], "city": pyarrow.array(columns["city"]).dictionary_encode()})
    with pytest.raises(ArgumentError, match=r"y: the column 'city' must hold numbers.*dictionary"):
        resolve(table, "city", None)


def test_dictionaries_and_decimals_of_numbers_are_numbers(tmp_path):
    columns = {
        "a": pyarrow.array([7, 8, 7]).dictionary_encode(),
        "b": [decimal.Decimal("1.5"), decimal.Decimal("2.5"), decimal.Decimal("3.5")],
        "y": [0, 1, 0],
    }
    for x in (pyarrow.table(columns), written(tmp_path, columns)):
        assert (resolve(x, "y", None)[0] == [[7, 1.5], [8, 2.5], [7, 3.5]]).all()


def test_targets_in_a_frame_of_their_own_are_read():
    frame = pandas.DataFrame({"a": [1.0, 2.0]})
    for y in (frame, polars.DataFrame({"a": [1.0, 2.0]}), pyarrow.table({"a": [1.0, 2.0]})):
        assert (resolve(np.ones((2, 1)), y, None)[1] == [[1], [2]]).all()
    objects = pandas.DataFrame({"a": [1, 2.5]}, dtype=object)  # numbers nevertheless
    assert resolve(objects, None, None)[0] is objects


# Parquet that is read by the piece


@pytest.mark.parametrize("group", [7, 100, 1000])
def test_pieces_in_any_order_are_what_the_array_has(tmp_path, group):
    rows = ParquetRows(ParquetFiles([written(tmp_path, row_group_size=group)]), ["a", "b", "c"], "x")
    assert (rows.shape, rows.dtype) == ((ROWS, 3), np.float32)
    rng = np.random.default_rng(0)
    pieces = [tuple(sorted(rng.integers(0, ROWS + 1, 2).tolist())) for _ in range(20)]
    into = np.empty((sum(stop - start for start, stop in pieces), 3), np.float64)
    rows.fill(pieces, into)
    assert (into == np.concatenate([X[start:stop] for start, stop in pieces])).all()
    rows.close()
    assert (rows.read(3, 9) == X[3:9]).all()


def test_each_row_group_is_decoded_once_in_a_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(windows, "WINDOW", 3000)
    source = ParquetFiles([written(tmp_path, row_group_size=90)])
    begun, whole = [], source.batches
    monkeypatch.setattr(source, "batches", lambda number, *rest: begun.append(number) or whole(number, *rest))
    x = ParquetRows(source, ["a", "b"], "x")
    data = RowsData(x, ParquetRows(source, "a", "y"), None, lambda x, y, weight, where: (x.copy(), y.copy()))
    found = [block.data[0][block.order] for block in data.blocks(10, 1)]
    assert sorted(begun) == sorted([*range(12), *range(12)])
    assert sorted(np.concatenate(found)[:, 0]) == list(range(ROWS))
    assert all((block.data[0][:, 0] == block.data[1]).all() for block in data.blocks(10, 2))


def test_rows_of_a_window_come_from_many_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(windows, "WINDOW", 1600)
    x = ParquetRows(ParquetFiles([written(tmp_path, row_group_size=50)]), ["a", "b"], "x")
    data = RowsData(x, None, None, lambda x, y, weight, where: x.copy())
    assert x.lanes == tables.LANES
    groups = [len(set((block.data[:, 0] // 50).astype(int))) for block in data.blocks(10, 1)]
    assert min(groups[3:-1]) >= 12


def test_wide_row_groups_are_read_fewer_at_a_time(tmp_path):
    wide = written(tmp_path, {f"c{k}": np.arange(2.0) for k in range(300)})
    rows = ParquetRows(ParquetFiles([wide]), [f"c{k}" for k in range(300)], "x")
    assert rows.lanes == tables.LANES
    rows.files.groups = np.array([0, 10**7])
    assert ParquetRows(rows.files, rows.columns, "x").lanes < 1 + tables.LANES_ROOM // (300 * tables.PAGE) + 1


def test_a_part_and_file_order(tmp_path, monkeypatch):
    monkeypatch.setattr(windows, "WINDOW", 3000)
    x = ParquetRows(ParquetFiles([written(tmp_path, row_group_size=90)]), ["a"], "x")
    whole = RowsData(x, None, None, lambda x, y, weight, where: x.copy())
    for part, expected in zip(whole.split(0.25), (range(750), range(750, ROWS)), strict=True):
        for seed in (None, 1):
            rows = list(itertools.chain(*(block.data[:, 0] for block in part.blocks(8, seed))))
            assert (rows if seed is None else sorted(rows)) == list(expected)


def test_large_parquet_gives_windows_and_small_arrays(tmp_path, monkeypatch):
    path = written(tmp_path)
    assert not needs_windows(*resolve(path, "label", None))
    monkeypatch.setattr(kinds, "WINDOW", 1000)
    x, y, weight = resolve(path, "label", "weight")
    assert needs_windows(x, y, weight)
    assert (x.shape, y.shape, weight.shape) == ((ROWS, 3), (ROWS,), (ROWS,))


def test_missing_values_in_a_later_window_are_named_with_file_and_row_group(tmp_path):
    path = written(tmp_path, {"a": [*range(500), None, *range(499)]}, row_group_size=100)
    rows = ParquetRows(ParquetFiles([path]), ["a"], "x")
    rows.read(0, 500)
    place = r"x: rows 450 to 549|x: rows 500 to 549, in row group 5 of .*train.parquet: the column 'a' has 1"
    with pytest.raises(DataError, match=place):
        rows.read(450, 550)


# faults


def test_what_is_no_parquet_is_an_error(tmp_path):
    with pytest.raises(MissingFileError, match=r"there is no file .*none.parquet"):
        resolve(tmp_path / "none.parquet", "y", None)
    with pytest.raises(ArgumentError, match=r"x is the text 'a\.csv'; .* ends in \.parquet or \.pq"):
        resolve("a.csv", "label", None)
    with pytest.raises(MissingFileError, match="there is no Parquet file"):
        resolve(tmp_path, "y", None)
    (tmp_path / "text.parquet").write_text("this is no Parquet, but long enough")
    with pytest.raises(DataError, match=r"text.parquet is not a Parquet file that can be read"):
        resolve(tmp_path / "text.parquet", "y", None)
    cut = written(tmp_path)
    cut.write_bytes(cut.read_bytes()[:-9])
    with pytest.raises(DataError, match="is not a Parquet file"):
        resolve(cut, "label", None)


def test_a_file_that_changes_underneath_is_an_error(tmp_path):
    path = written(tmp_path, row_group_size=100, compression="none")
    rows = ParquetRows(ParquetFiles([path]), ["a"], "x")
    path.write_bytes(b"PAR1" + bytes(path.stat().st_size - 4))
    with pytest.raises(DataError, match=r"x: rows 0 to 9, in row group 0 of .*train.parquet, cannot be read"):
        rows.read(0, 10)
    path.unlink()
    with pytest.raises((DataError, MissingFileError), match=r"train.parquet"):
        rows.read(0, 10)


def test_files_with_other_columns_are_an_error(tmp_path):
    paths = [written(tmp_path), written(tmp_path, {"a": [1]}, "other.parquet")]
    with pytest.raises(
        DataError, match=r"the columns of .*other.parquet are 'a' .* but those of .*train.parquet"
    ):
        resolve(paths, "label", None)


def test_data_sets_that_are_more_than_their_files_are_refused(tmp_path):
    data = pyarrow.dataset.dataset(written(tmp_path))
    with pytest.raises(ArgumentError, match="without a filter"):
        resolve(data.filter(pyarrow.dataset.field("a") > 3), "label", None)
    with pytest.raises(ArgumentError, match="expected one of Parquet files"):
        resolve(pyarrow.dataset.dataset(pyarrow.table({"a": [1], "label": [0]})), "label", None)
    written(tmp_path / "years" / "year=2020", {"a": [1.0], "label": [0]})
    parts = pyarrow.dataset.dataset(tmp_path / "years", partitioning="hive")
    with pytest.raises(ArgumentError, match=r"columns \['year'\] stand in the names of its folders"):
        resolve(parts, "label", None)


def test_a_lazy_frame_that_fails_is_an_error():
    frame = polars.LazyFrame({"a": [1, 2], "y": [0, 1]}).select(polars.col("nothing"))
    with pytest.raises(DataError, match=r"LazyFrame of Polars cannot be collected: .*nothing"):
        resolve(frame, "y", None)


def test_without_pyarrow_the_command_is_named(tmp_path, monkeypatch):
    import sys

    path = written(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'mlp\[arrow\]'"):
        resolve(path, "label", None)


# in a model


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_model_learns_from_a_file(tmp_path, monkeypatch, engine):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 2)).astype(np.float32)
    columns = {"u": x[:, 0], "v": x[:, 1], "label": (x[:, 0] > x[:, 1]).astype(int)}
    path, frame = written(tmp_path, columns, row_group_size=64), pandas.DataFrame(columns)

    def trained(*data, **options):
        model = mlp.Sequential([mlp.layers.Dense(1, activation="sigmoid")], seed=1)
        model.compile(mlp.optimizers.Adam(0.05), "binary_crossentropy", engine=engine)
        model.fit(*data, epochs=12, batch_size=8, verbose=0, **options)
        return model

    model = trained(path, "label", validation_data=(frame, "label"))
    array = trained(x, columns["label"]).get_weights()
    assert all((a == b).all() for a, b in zip(model.get_weights(), array, strict=True))
    monkeypatch.setattr(windows, "WINDOW", 2000)
    monkeypatch.setattr(kinds, "WINDOW", 2000)
    model = trained(path, "label", validation_split=0.2)
    assert model.history.history["val_loss"][-1] < 0.35
    inputs = written(tmp_path, {"u": x[:, 0], "v": x[:, 1]}, "inputs.parquet")
    assert np.allclose(model.predict(inputs), model.predict(x), atol=1e-6)
    assert model.evaluate(path, "label") == pytest.approx(model.evaluate(x, columns["label"]), rel=1e-5)
