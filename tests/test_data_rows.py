"""Readers of rows: each gives what the array would, and says what is wrong with a file."""

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse

from mlp.data.rows import ArrayRows, MappedRows, SlicedRows, SparseRows, is_mapped, is_sliced, reader_of
from mlp.errors import ArgumentError, DataError

rng = np.random.default_rng(6)
X = rng.normal(size=(700, 3))
PIECES = [(600, 700), (0, 1), (5, 90), (90, 95), (95, 95)]


class Sliced:
    """What h5py and zarr have: a shape, a type, slices."""

    def __init__(self, array, chunks=None):
        self.array, self.chunks, self.shape, self.dtype = array, chunks, array.shape, array.dtype
        self.asked = []

    def __getitem__(self, rows):
        self.asked.append((rows.start, rows.stop))
        return self.array[rows]


def mapped(folder, array, mode="r", offset=0):
    path = folder / "x.bin"
    path.write_bytes(bytes(offset) + array.tobytes())
    return np.memmap(path, array.dtype, mode, offset, array.shape)


def readers(folder):
    yield reader_of(X, "x")
    yield reader_of(mapped(folder, X, offset=100), "x")
    for form in ("csr", "csc", "coo", "lil"):
        yield reader_of(scipy.sparse.csr_array(X).asformat(form), "x")
    yield reader_of(scipy.sparse.csr_matrix(X), "x")
    yield reader_of(Sliced(X), "x")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_reader_gives_what_the_array_would(tmp_path, dtype):
    expected = np.concatenate([X[start:stop] for start, stop in PIECES]).astype(dtype)
    for reader in readers(tmp_path):
        assert (len(reader), reader.shape, reader.dtype) == (700, (700, 3), X.dtype)
        assert reader.bytes_per_row == 24
        for _ in range(2):
            into = np.full((len(expected), 3), np.nan, dtype)
            reader.fill(PIECES, into)
            assert (into == expected).all(), type(reader)
            assert (reader.read(17, 30) == X[17:30]).all()
            into = np.full((85, 3), np.nan, dtype)
            reader.fill([(5, 90)], into)
            assert (into == X[5:90].astype(dtype)).all()
            reader.close()  # and it can be read again


@pytest.mark.parametrize("dtype", [">f4", "<f8", "u1", "i8", "?", "f2"])
def test_a_map_of_any_numbers_is_cast(tmp_path, dtype):
    numbers = np.arange(3000).reshape(500, 6) % 2 if dtype == "?" else np.arange(3000).reshape(500, 6) % 250
    reader = reader_of(mapped(tmp_path, numbers.astype(dtype)), "x")
    assert isinstance(reader, MappedRows)
    into = np.empty((500, 6), np.float32)
    reader.fill([(100, 500), (0, 100)], into)
    assert (into == np.roll(numbers, -100, 0)).all()
    reader.close()


VIEWS = {
    "itself": lambda x: x,
    "a slice": lambda x: x[100:600],
    "a slice of a slice": lambda x: x[100:600][7:],
    "an ndarray": lambda x: np.asarray(x),
    "a slice of an ndarray": lambda x: np.asarray(x)[3:][4:],
    "another shape": lambda x: x.reshape(350, 2, 3)[5:],
    "one axis": lambda x: x.reshape(-1)[9:],
    "another type": lambda x: x[50:].view(np.int64),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("offset", [0, 40, 5000])
def test_views_of_a_map_are_found_in_its_file(tmp_path, view, offset):
    array = VIEWS[view](mapped(tmp_path, X, offset=offset))
    reader = reader_of(array, "x")
    assert isinstance(reader, MappedRows)
    assert is_mapped(array)
    assert (reader.read(0, len(array)) == array).all()
    assert (reader.read(11, 19) == array[11:19]).all()
    reader.close()


def replaced(folder):
    array = mapped(folder, X)
    os.replace(mapped_copy := folder / "x.bin", folder / "old")
    mapped_copy.write_bytes(bytes(X.nbytes))
    return array


OTHERS = {
    "copy on write": lambda folder: mapped(folder, X, "c"),
    "every other row": lambda folder: mapped(folder, X)[::2],
    "some columns": lambda folder: mapped(folder, X)[:, 1:],
    "turned": lambda folder: mapped(folder, X).T,
    "a file that was replaced": replaced,
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_views_go_through_the_mapping(tmp_path, kind):
    array = OTHERS[kind](tmp_path)
    reader = reader_of(array, "x")
    assert isinstance(reader, ArrayRows)
    assert is_mapped(array)
    assert (reader.read(1, 3) == array[1:3]).all()


def test_what_is_computed_from_a_map_is_in_memory(tmp_path):
    x = mapped(tmp_path, X)
    for array in (x + 1, x.copy(), np.array(x), x[[1, 2]]):
        assert not is_mapped(array)
        assert isinstance(reader_of(array, "x"), ArrayRows)


def test_changes_through_a_writable_map_are_seen(tmp_path):
    x = mapped(tmp_path, X, "r+")
    x[5] = 17
    reader = reader_of(x, "x")
    assert (reader.read(5, 6) == 17).all()
    reader.close()


def test_a_file_that_was_cut_short_is_an_error(tmp_path):
    reader = reader_of(mapped(tmp_path, X), "x")
    os.truncate(tmp_path / "x.bin", 24 * 300 + 1)
    assert (reader.read(200, 300) == X[200:300]).all()
    for pieces in ([(290, 320)], [(0, 10), (600, 700)]):
        with pytest.raises(
            DataError, match=r"x: rows \d+ to \d+ of the memory map of .*x.bin.* ends at byte 7201"
        ):
            reader.fill(pieces, np.empty((sum(b - a for a, b in pieces), 3)))
    reader.close()


def test_a_file_that_has_gone_is_an_error(tmp_path):
    reader = reader_of(mapped(tmp_path, X), "x")
    os.remove(tmp_path / "x.bin")
    with pytest.raises(DataError, match="cannot be opened") as caught:
        reader.read(0, 1)
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    reader = reader_of(mapped(tmp_path, X), "x")

    def fails(*arguments):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "preadv", fails)
    with pytest.raises(DataError, match=r"rows 3 to 7 .* cannot be read: .*Input/output error"):
        reader.read(3, 8)
    reader.close()


def test_a_file_is_closed_when_its_reader_is_forgotten(tmp_path):
    reader = reader_of(mapped(tmp_path, X), "x")
    reader.read(0, 1)
    descriptor = reader.descriptor
    os.fstat(descriptor)
    del reader
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(descriptor)


def test_short_reads_are_gone_on_with(tmp_path, monkeypatch):
    reader, whole = reader_of(mapped(tmp_path, X), "x"), os.preadv
    monkeypatch.setattr(os, "preadv", lambda file, into, place: whole(file, [into[0][:100]], place))
    assert (reader.read(0, 700) == X).all()
    reader.close()


def test_chunks_are_read_together_if_they_are_small():
    assert reader_of(Sliced(X, (64, 3)), "x").unit == 64
    assert reader_of(Sliced(X, ((50, 50), (3,))), "x").unit == 50
    assert reader_of(Sliced(X, None), "x").unit == 1
    assert reader_of(Sliced(np.empty((10, 3)), (1 << 22, 3)), "x").unit == 1


class Broken(Sliced):
    def __getitem__(self, rows):
        if rows.start >= 500:
            raise RuntimeError("the store is gone")
        return self.array[rows][:-1]


def test_a_source_that_fails_or_lies_is_an_error():
    reader = reader_of(Broken(X), "y")
    assert isinstance(reader, SlicedRows)
    with pytest.raises(DataError, match="y: rows 600 to 609 of the Broken cannot be read: the store is gone"):
        reader.read(600, 610)
    with pytest.raises(DataError, match=r"should have the shape \(10, 3\), but came with \(9, 3\)"):
        reader.read(0, 10)


def test_what_has_no_rows_is_refused():
    for value in (3, None, np.float32(1), [[1], [1, 2]]):
        with pytest.raises(ArgumentError, match="y must be an array of rows"):
            reader_of(value, "y")
    with pytest.raises(ArgumentError, match="two axes"):
        SparseRows(scipy.sparse.coo_array(np.ones(3)), "x")
    with pytest.raises(ArgumentError, match="masked"):
        reader_of(np.ma.masked_greater(X, 0), "x")


def test_data_of_h5py_are_sliced(tmp_path):
    import h5py

    with h5py.File(tmp_path / "x.h5", "w") as file:
        data = file.create_dataset("x", data=X, chunks=(100, 3), compression="gzip")
        assert is_sliced(data)
        reader = reader_of(data, "x")
        assert reader.unit == 100
        into = np.empty((300, 3), np.float32)
        reader.fill([(400, 700)], into)
        assert (into == X[400:].astype(np.float32)).all()
    with pytest.raises(DataError, match="x: rows 0 to 9 of the Dataset cannot be read"):
        reader.read(0, 10)


@pytest.mark.parametrize("value", [X, [1, 2], "text", None, {"shape": 3}, np.float32(3)])
def test_what_is_in_memory_is_not_sliced(value):
    assert not is_sliced(value)


def test_frames_are_not_sliced():
    import pandas
    import polars

    for value in (pandas.Series([1, 2]), pandas.DataFrame({"a": [1]}), polars.Series([1])):
        assert not is_sliced(value)


def test_a_map_that_is_cut_short_does_not_kill_the_process(tmp_path):
    code = (
        "import numpy as np, os, sys\nfrom mlp.data.rows import reader_of\n"
        "x = np.memmap(sys.argv[1], 'f4', 'w+', shape=(100000, 4))\n"
        "os.truncate(sys.argv[1], 4096)\n"
        "try:\n    reader_of(x, 'x').read(90000, 90100)\nexcept ValueError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "x")], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "ends at byte 4096" in done.stdout
