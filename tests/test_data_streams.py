"""Batches from elsewhere: generators, functions, iterables and sequences of batches, by themselves."""

import array
import collections
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

from mlp.data import gathering
from mlp.data.streams import StreamData, is_stream
from mlp.errors import ArgumentError


def batch(k, rows=4, width=3):
    """The k-th batch: x holds k, y and the weights tell the row."""
    return np.full((rows, width), float(k)), np.arange(rows) + 10.0 * k, np.ones(rows) + k


def batches(count, **form):
    return (batch(k, **form) for k in range(count))


def keep(x, y, weight, where):
    """A `prepare` that takes all as it is, but for x that are negative."""
    x = np.asarray(x, np.float64)
    if (x < 0).any():
        raise ArgumentError(f"{where}x must not be negative")
    return Kept(x, y, weight)


class Kept(collections.namedtuple("Kept", "X T weight")):
    def __len__(self):
        return len(self.X)


def pulled(source, *arguments, **options):
    """The batches of a pass: (x, y, weight)."""
    found = []
    for data, order, size, first in source.blocks(32, *arguments, **options):
        assert first == 0
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            found.append([None if part is None else np.asarray(part)[rows] for part in data])
    return found


def numbers(source, *arguments, **options):
    return [int(x[0, 0]) for x, _, _ in pulled(source, *arguments, **options)]


class Batches:
    """A sequence of batches as Keras has it."""

    def __init__(self, count):
        self.count, self.heard, self.asked = count, [], []

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if not 0 <= index < self.count:
            raise IndexError(index)
        self.asked.append(index)
        return batch(index)

    def on_epoch_begin(self):
        self.heard.append("begin")

    def on_epoch_end(self):
        self.heard.append(f"end after {len(self.asked)}")


class Again:
    """An iterable that begins anew each time, and knows its length."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __iter__(self):
        return batches(self.count)


KINDS = {
    "generator": lambda n: batches(n),
    "iterator": lambda n: iter([batch(k) for k in range(n)]),
    "map": lambda n: map(batch, range(n)),
    "function": lambda n: lambda: batches(n),
    "function with a list": lambda n: lambda: [batch(k) for k in range(n)],
    "iterable": Again,
    "sequence": Batches,
}


# what is a stream


@pytest.mark.parametrize("kind", KINDS)
def test_what_gives_batches_is_a_stream(kind):
    assert is_stream(KINDS[kind](2))


@pytest.mark.parametrize(
    "x",
    [
        None, 3, [[1.0]], [], ([1.0], [2.0]), range(3), "data.parquet", b"x", Path("data.parquet"),
        {"x": 1}, {1}, np.ones((2, 2)), np.float64(3), np.ma.ones((2, 2)), array.array("d", [1.0]),
        collections.deque([[1.0]]), memoryview(b"ab"),
        scipy.sparse.eye(3, format="csr"), scipy.sparse.eye(3, format="coo"),
        pd.DataFrame({"a": [1.0]}), pd.Series([1.0]), pl.DataFrame({"a": [1.0]}), pl.Series([1.0]),
        pl.LazyFrame({"a": [1.0]}), pa.table({"a": [1.0]}),
    ],
    ids=lambda x: type(x).__name__,
)  # fmt: skip
def test_what_is_an_array_or_a_frame_or_a_file_is_none(x):
    assert not is_stream(x)


def test_memory_maps_and_what_is_sliced_like_an_array_are_none(tmp_path):
    class Sliced:
        shape, dtype = (3, 2), np.dtype(float)

        def __len__(self):
            return 3

        def __getitem__(self, rows):
            return np.ones((3, 2))[rows]

    assert not is_stream(np.memmap(tmp_path / "x", np.float32, "w+", shape=(3, 2)))
    assert not is_stream(Sliced())


def test_a_sequence_may_have_a_shape_of_its_own():
    source = Batches(2)
    source.shape = (4, 3)
    assert is_stream(source)


# passes


@pytest.mark.parametrize("kind", KINDS)
def test_batches_come_as_they_were_given(kind):
    for k, found in enumerate(pulled(StreamData(KINDS[kind](5), keep), None)):
        for given, part in zip(batch(k), found, strict=True):
            np.testing.assert_array_equal(given, part)


@pytest.mark.parametrize("kind", KINDS)
def test_some_batches_are_left_out_and_only_as_many_are_taken_as_are_asked_for(kind):
    source = StreamData(KINDS[kind](9), keep)
    assert numbers(source, None, 3, 2) == [3, 4]
    assert numbers(source, None, 0, 2) == ([0, 1] if source.restarts else [5, 6])
    assert numbers(source, None, most=0) == []


@pytest.mark.parametrize("kind", ["function", "iterable", "sequence", "function with a list"])
def test_what_begins_anew_gives_every_pass_the_same(kind):
    source = StreamData(KINDS[kind](3), keep)
    assert [numbers(source, None) for _ in range(3)] == [[0, 1, 2]] * 3


def test_an_iterator_goes_on_where_it_stands_also_for_the_next_source():
    generator = batches(7)
    assert numbers(StreamData(generator, keep), None, most=2) == [0, 1]
    source = StreamData(generator, keep)
    assert numbers(source, None, most=2) == [2, 3]
    assert numbers(source, None) == [4, 5, 6]
    assert numbers(source, None) == []


def test_a_sequence_is_shuffled_by_the_seed_and_asked_only_for_what_is_taken():
    given = Batches(20)
    source = StreamData(given, keep)
    order = numbers(source, 7)
    assert sorted(order) == list(range(20)) != order
    assert numbers(source, 7) == order != numbers(source, 8)
    given.asked.clear()
    assert numbers(source, 7, 15) == order[15:] == given.asked


def test_a_sequence_hears_where_an_epoch_begins_and_ends():
    given = Batches(3)
    source = StreamData(given, keep)
    assert numbers(source, None) == numbers(source, None) == [0, 1, 2]
    assert given.heard == ["begin", "end after 3", "begin", "end after 6"]


def test_an_endless_sequence_counts_on():
    class Endless:
        num_batches = None

        def __getitem__(self, index):
            return batch(index)

    source = StreamData(Endless(), keep)
    assert source.steps(32) is None
    assert numbers(source, 0, 2, 3) == [2, 3, 4]


def test_how_many_batches_there_are_is_told_where_it_is_known():
    known = {kind: StreamData(make(4), keep).steps(32) for kind, make in KINDS.items()}
    assert known == dict.fromkeys(KINDS) | {"iterable": 4, "sequence": 4}


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_batch_is_seen_before_and_comes_nevertheless(kind):
    source = StreamData(KINDS[kind](3), keep)
    for _ in range(2):
        np.testing.assert_array_equal(source.peek()[1], batch(0)[1])
    assert numbers(source, None) == [0, 1, 2]


def test_an_iterator_is_not_asked_for_its_length_or_truth():
    class Iterator:
        def __init__(self):
            self.given = batches(3)

        def __iter__(self):
            return self

        def __next__(self):
            return next(self.given)

        def __len__(self):
            raise TypeError("it has none")

    for given in (Iterator(), Iterator):
        source = StreamData(given, keep)
        assert source.peek()[0][0, 0] == 0
        assert source.steps(32) is None
        assert numbers(source, None) == [0, 1, 2]


# gathering


def blocks_of(source, **options):
    return [len(order) // size for _, order, size, _ in source.blocks(32, None, **options)]


def test_small_batches_are_gathered_and_large_ones_are_not():
    assert max(blocks_of(StreamData(batches(600), keep))) > 1
    assert max(blocks_of(StreamData(batches(1000), keep))) <= gathering.MOST
    assert blocks_of(StreamData(batches(3, rows=50, width=3000), keep)) == [1, 1, 1]


def test_batches_of_other_forms_keep_their_order_and_size(monkeypatch):
    monkeypatch.setattr(gathering, "AGE", 10)
    sizes = [4, 4, 2, 4, 4, 4, 1, 1, 3]
    given = [batch(k, rows=rows) for k, rows in enumerate(sizes)]
    given[4] = given[4][:2]
    given[5] = tuple(part.astype(np.float32) for part in given[5])
    source = StreamData(iter(given), keep)
    blocks = list(source.blocks(32, None))
    assert [(len(order) // size, size) for _, order, size, _ in blocks] == [
        (2, 4), (1, 2), (1, 4), (1, 4), (1, 4), (2, 1), (1, 3)
    ]  # fmt: skip
    assert [int(k) for data, *_ in blocks for k in data.X[:, 0]] == sorted(
        np.repeat(range(9), sizes).tolist()
    )


def test_a_generator_may_fill_the_same_arrays_anew():
    def filling(rows, width):
        x, y = np.empty((rows, width)), np.empty(rows)
        for k in range(20):
            x[:], y[:] = k, k
            yield x, y

    for form in ((4, 3), (50, 3000)):
        assert [y[0] for _, y, _ in pulled(StreamData(filling(*form), keep), None)] == list(range(20))


def test_batches_come_while_the_next_is_long_in_coming():
    go = threading.Event()

    def slow():
        yield from batches(3)
        go.wait(20)
        yield batch(3)

    taken = []
    for block in StreamData(slow(), keep).blocks(32, None):
        taken += block.data.X[:: block.size, 0].tolist()
        if len(taken) == 3:
            go.set()
    assert taken == [0, 1, 2, 3]


def test_bursts_and_pauses_lose_nothing_and_keep_the_order(monkeypatch):
    monkeypatch.setattr(gathering, "AGE", 0.001)
    monkeypatch.setattr("mlp.data.ahead.PAUSE", 0.0005)

    def bursts():
        for k in range(300):
            if k % 17 in (3, 4, 11):
                time.sleep(0.0007 * (k % 5))
            yield batch(k, rows=1 + k // 40 % 2)

    found = []
    for block in StreamData(bursts(), keep).blocks(32, None):
        time.sleep(0.0005 * (len(found) % 3))
        found += block.data.X[:: block.size, 0].tolist()
    assert found == list(range(300))


@pytest.mark.parametrize(
    "part",
    [
        lambda x: x.tolist(),
        lambda x: pd.DataFrame(x),
        lambda x: pl.DataFrame(x),
        lambda x: pa.RecordBatch.from_pandas(pd.DataFrame(x)),
        lambda x: scipy.sparse.csr_matrix(x),
        lambda x: scipy.sparse.coo_array(x),
        lambda x: np.memmap.__array__(x.view(np.memmap)),
        lambda x: Tensor(x),
    ],
)
def test_a_batch_may_be_of_lists_frames_tensors_or_sparse(part):
    given = [(part(np.eye(3) + k), [k, k, k]) for k in range(3)]
    for k, (x, y, _) in enumerate(pulled(StreamData(iter(given), keep), None)):
        np.testing.assert_array_equal(x, np.eye(3) + k)
        assert y.tolist() == [k] * 3


class Tensor:
    """What can become an array, as a tensor of another library."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


@pytest.mark.parametrize(
    "given",
    [lambda x: x, lambda x: (x,), lambda x: (x, None), lambda x: [x, np.ones(2)], lambda x: x.tolist()],
)
def test_for_a_prediction_a_batch_is_x_or_begins_with_it(given):
    source = StreamData(
        (given(np.full((2, 3), k)) for k in range(3)), lambda x, y, w, where: x, targets=False
    )
    found = [block.data[k] for block in source.blocks(32, None) for k in block.order]
    np.testing.assert_array_equal(np.array(found)[:, 0], [0, 0, 1, 1, 2, 2])


# ending


def test_the_thread_ends_with_the_pass_and_when_it_is_closed():
    before = threading.active_count()
    source = StreamData(lambda: batches(10**6), keep)
    assert numbers(source, None, most=5) == list(range(5))
    passing = source.blocks(32, None)
    next(passing)
    source.close()
    assert list(passing) == []
    passing = source.blocks(32, None)
    next(passing)
    passing.close()
    assert threading.active_count() == before


def test_the_iterator_of_a_function_is_closed_and_that_of_the_user_is_not():
    closed = []

    def forever():
        try:
            k = 0
            while True:
                yield batch(k)
                k += 1
        finally:
            closed.append(k)

    assert numbers(StreamData(forever, keep), None, most=3) == [0, 1, 2]
    assert len(closed) == 1
    generator = forever()
    assert numbers(StreamData(generator, keep), None, most=3) == [0, 1, 2]
    assert len(closed) == 1
    generator.close()
