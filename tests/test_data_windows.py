"""Windows: every row once, the same for the same seed, well mixed, read ahead, and errors with their rows."""

import itertools
import json
import subprocess
import sys
import threading

import numpy as np
import pytest
import scipy.sparse

import mlp
from mlp.data import windows
from mlp.data.kinds import resolve
from mlp.data.rows import Reader, reader_of
from mlp.data.windows import Plan, RowsData, needs_windows
from mlp.errors import ArgumentError, DataError

ROWS = 5000
NUMBERS = np.arange(ROWS)


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    monkeypatch.setattr(windows, "WINDOW", 16 << 10)  # of 12 bytes a row: 1365 rows
    monkeypatch.setattr(windows, "PIECES", 64)
    monkeypatch.setattr(windows, "SMALLEST", 64)


def prepare(x, y, weight, where):
    if not np.isfinite(x).all():
        row = int(np.argwhere(~np.isfinite(x))[0, 0])
        raise ArgumentError(f"{where}x[{row}] must be finite")
    return x, y, weight


def data(rows=ROWS, prepare=prepare, **options) -> RowsData:
    numbers = np.arange(rows)
    x = np.stack([numbers, -numbers], 1).astype(float)
    return RowsData(x, numbers * 2, numbers * 3.0, prepare, **options)


def batches(blocks) -> list[list[int]]:
    """The numbers of the rows of each batch, as a `Pass` would take them."""
    found = []
    for block in blocks:
        x, y, weight = block.data
        assert (x[:, 0] == -x[:, 1]).all()
        assert (y == 2 * x[:, 0]).all()
        assert (weight == 3 * x[:, 0]).all()
        rows = x[block.order, 0].astype(int).tolist()
        found += [rows[k : k + block.size] for k in range(0, len(rows), block.size)][block.first :]
    return found


@pytest.mark.parametrize("size", [1, 7, 32, 128, 4999, 5000, 6000])
@pytest.mark.parametrize("seed", [None, 3])
def test_a_pass_has_every_row_once_and_only_the_last_batch_is_shorter(size, seed):
    source = data()
    found = batches(source.blocks(size, seed))
    assert sorted(itertools.chain(*found)) == list(range(ROWS))
    assert {len(batch) for batch in found[:-1]} <= {size}
    assert len(found) == source.steps(size)
    if seed is None:
        assert list(itertools.chain(*found)) == list(range(ROWS))


@pytest.mark.parametrize("rows", [1, 2, 31, 32, 33, 1365, 1366])
def test_any_number_of_rows_will_do(rows):
    assert sorted(itertools.chain(*batches(data(rows).blocks(32, 1)))) == list(range(rows))


def test_a_pass_is_the_same_for_the_same_seed_and_another_for_another():
    first, second, other = (batches(data().blocks(32, seed)) for seed in (5, 5, 6))
    assert first == second
    assert first != other
    changed = sum(a != b for a, b in zip(first, other, strict=True))
    assert changed == len(first)


@pytest.mark.parametrize("first", [0, 1, 5, 42, 43, 156, 157, 200])
@pytest.mark.parametrize("seed", [None, 3])
def test_a_pass_that_begins_later_is_the_rest_of_the_whole(first, seed):
    whole = batches(data().blocks(32, seed))
    assert batches(data().blocks(32, seed, first)) == whole[first:]


class Counting(Reader):
    """Rows that count what was asked for."""

    def __init__(self, array):
        self.array, self.name, self.shape, self.dtype = array, "x", array.shape, array.dtype
        self.asked, self.unit = [], 1

    def read(self, start, stop):
        self.asked.append((start, stop))
        return self.array[start:stop]


def test_what_is_not_needed_is_not_read():
    reader = Counting(np.arange(ROWS, dtype=np.float32).reshape(-1, 1))
    source = RowsData(reader, None, None, lambda x, y, weight, where: x)
    read = lambda: sum(stop - start for start, stop in reader.asked)  # noqa: E731
    list(source.blocks(32, 1))
    assert read() == ROWS
    whole, bounds = ROWS, source.bounds(32)
    reader.asked.clear()
    list(source.blocks(32, 1, first=bounds[1] // 32))
    assert read() == whole - bounds[1]
    reader.asked.clear()
    list(source.blocks(32, 1, first=0, most=1))
    assert read() == bounds[1]
    reader.asked.clear()
    list(source.blocks(32, 1, first=bounds[1] // 32, most=(bounds[2] - bounds[1]) // 32))
    assert read() == bounds[2] - bounds[1]


def test_windows_grow_and_are_multiples_of_the_batch():
    bounds = np.array(data(40000).bounds(32))
    widths = np.diff(bounds)
    assert (bounds[:-1] % 32 == 0).all()
    assert widths[0] * 6 < widths.max() <= (16 << 10) // 16
    assert (widths[3:-1] == widths.max()).all()


def test_a_batch_comes_from_many_blocks():
    source = data(40000)
    plan = Plan(source, 1000, 1)
    size = 1000 // windows.PIECES
    for begin in range(0, 40000, 1000):
        pieces = plan.pieces(begin, begin + 1000)
        assert sum(stop - start for start, stop in pieces) == 1000
        assert len({start // size for start, _ in pieces}) >= windows.PIECES - 2
    from_blocks = [len({row // size for row in batch}) for batch in batches(source.blocks(32, 1))]
    # 32 draws from 64 blocks hit 25 or so
    assert np.mean(from_blocks[60:]) > 23


@pytest.mark.parametrize("size", [16, 64])
def test_shares_of_classes_vary_as_the_docstring_says(size):
    """Sorted by class, the worst order: √(p(1 − p)(1/m + 1/k)), all but the first windows having k = 64."""
    rows, classes = 40000, 10
    source = data(rows)
    shares = []
    for seed in range(4):
        for block in itertools.islice(source.blocks(size, seed), 3, None):
            of_class = (block.data[0][block.order, 0] * classes // rows).astype(int)
            for k in range(0, len(of_class) - size + 1, size):
                shares.append(np.bincount(of_class[k : k + size], minlength=classes) / size)
    spread = np.std(shares, axis=0).mean()
    stated = np.sqrt(0.1 * 0.9 * (1 / size + 1 / windows.PIECES))
    assert spread == pytest.approx(stated, rel=0.06)


def test_a_chunk_is_a_block():
    reader = Counting(np.arange(ROWS, dtype=np.float32).reshape(-1, 1))
    reader.unit = 100
    source = RowsData(reader, None, None, lambda x, y, weight, where: x.copy(), start=130, stop=4990)
    rows = np.concatenate([block.data[block.order, 0] for block in source.blocks(10, 1)])
    assert sorted(rows) == list(range(130, 4990))
    whole = {(start, stop) for start, stop in reader.asked if stop - start == 100}
    assert len(whole) > 30
    assert all(start % 100 == 0 for start, _ in whole)


def test_split_takes_the_last_rows_as_for_arrays():
    head, tail = data().split(0.3)
    assert (head.shape, tail.shape) == ((3500, 2), (1500, 2))
    assert sorted(itertools.chain(*batches(head.blocks(32, 1)))) == list(range(3500))
    assert list(itertools.chain(*batches(tail.blocks(32, None)))) == list(range(3500, 5000))
    first, second = head.split(0.5)
    assert (first.start, first.stop, second.start, second.stop) == (0, 1750, 1750, 3500)
    with pytest.raises(ArgumentError, match="must leave rows for both parts"):
        data().split(1 - 1e-9)
    with pytest.raises(ArgumentError, match="validation_split"):
        data().split(1.5)


def test_all_can_be_loaded_or_the_first_rows_peeked_at():
    _, tail = data().split(0.3)
    x, y, weight = tail.load()
    assert (x[:, 0] == np.arange(3500, 5000)).all()
    assert (y == 2 * x[:, 0]).all()
    assert (tail.targets() == y).all()
    x, y, weight = tail.peek()
    assert x[0, 0] == 3500
    assert x.dtype == np.float32
    assert weight.dtype == np.float64
    assert RowsData(np.ones((3, 1)), None, None, prepare).targets() is None


def test_weights_that_begin_with_zeros_pass_the_peek():
    def picky(x, y, weight, where):
        if weight is not None and not weight.any():
            raise ArgumentError("sample_weight must not be zero for every row")
        return x

    assert RowsData(np.ones((1000, 1)), None, np.arange(1000) > 900, picky).peek()[2] is not None


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ArgumentError, match="x has 5 rows and y has 4; they must be the same"):
        RowsData(np.ones((5, 1)), np.ones(4), None, prepare)
    with pytest.raises(ArgumentError, match="x has 5 rows and sample_weight has 6"):
        RowsData(np.ones((5, 1)), None, np.ones(6), prepare)
    with pytest.raises(
        ArgumentError, match="x must be an array of numbers: its elements are of type complex"
    ):
        RowsData(np.ones((5, 1), complex), None, None, prepare)


@pytest.mark.parametrize("seed", [None, 1])
def test_an_error_says_in_which_rows(seed):
    source = data()
    source.x.array[3210, 0] = np.nan
    with pytest.raises(DataError, match=r"^rows \d+ to \d+: x\[\d+\] must be finite") as caught:
        list(source.blocks(32, seed))
    start, _, stop = str(caught.value).split(":")[0].split()[1:]
    assert int(start) <= 3210 <= int(stop)
    assert int(start) + int(str(caught.value).split("[")[1].split("]")[0]) == 3210


def test_what_is_too_large_for_the_type_is_found_without_a_warning():
    source = data()
    source.x.array[17, 1] = 1e300
    with pytest.raises(DataError, match="must be finite"):
        list(source.blocks(32, None))


def test_the_next_window_is_read_meanwhile_and_the_window_in_use_stays_as_it_is():
    events, names = [], set()

    def slow(x, y, weight, where):
        events.append(int(x[0, 0]))
        names.add(threading.current_thread().name)
        return x

    source = data(prepare=slow)
    last = source.bounds(32)[-2]
    for block in source.blocks(32, None):
        before = block.data.copy()
        while events[-1] == before[0, 0] != last:
            threading.Event().wait(0.001)
        assert (block.data == before).all()
    assert names == {"mlp-read-ahead"}


def test_an_end_in_the_middle_leaves_no_thread():
    source = data()
    blocks = source.blocks(32, 1)
    next(blocks)
    source.close()
    with pytest.raises(StopIteration):
        next(blocks)
    other = source.blocks(32, 1)
    next(other)
    other.close()
    assert not [t for t in threading.enumerate() if t.name == "mlp-read-ahead" and t.is_alive()]


def test_two_passes_at_a_time_do_not_disturb_each_other():
    source = data()
    apart = batches(source.blocks(32, 1)), batches(source.blocks(64, None))
    blocks = source.blocks(32, 1), source.blocks(64, None)
    together: tuple[list, list] = ([], [])
    for pair in itertools.zip_longest(*blocks):
        for block, found in zip(pair, together, strict=True):
            if block is not None:
                found.extend(batches([block]))
    assert together == apart


def test_targets_of_any_form_are_gathered():
    y = np.array([f"class {number % 3}" for number in NUMBERS], object)
    wide = NUMBERS[:, None] * np.ones((1, 4), ">i2")
    for targets in (y, y.tolist(), wide, scipy.sparse.csr_array(wide.astype(np.int64))):
        source = RowsData(NUMBERS[:, None], targets, None, lambda x, y, weight, where: (x.copy(), y.copy()))
        for block in source.blocks(100, 1):
            rows = block.data[0][:, 0].astype(int)
            expected = targets[rows] if not isinstance(targets, list) else y[rows]
            expected = expected.toarray() if scipy.sparse.issparse(expected) else expected
            assert (block.data[1] == expected).all()


# what becomes windows, and what arrays


def test_what_fits_becomes_arrays_and_what_does_not_a_reader(tmp_path, monkeypatch):
    from mlp.data import kinds

    monkeypatch.setattr(kinds, "WINDOW", 1000)
    small = np.memmap(tmp_path / "x", np.float64, "w+", shape=(100, 2))  # 800 bytes as float32
    large = np.memmap(tmp_path / "y", np.uint8, "w+", shape=(300, 1))  # 1200 as float32
    labels = np.ones(300)
    x, y, weight = resolve(small, small[:, 0], None)
    assert type(x) is np.ndarray
    assert not needs_windows(x, y, weight)
    assert needs_windows(*resolve(large, labels, None))
    assert resolve(large, labels, None)[1] is labels
    x, y, weight = resolve(np.ones((300, 9)), large, small[:, 0])
    assert needs_windows(x, y, weight)
    assert needs_windows(weight)
    assert not needs_windows(x)
    assert not needs_windows(*resolve(small, None, None, "float32"))
    assert needs_windows(*resolve(small, None, None, "float64"))
    assert needs_windows(*resolve(scipy.sparse.csr_array((300, 1)), labels, None))


@pytest.mark.parametrize("value", [[[1.0], [2.0]], np.ones((2, 1)), (1, 2), None, {"a": 1}])
def test_what_is_in_memory_comes_back_as_it_was(value):
    assert all(part is value for part in resolve(value, value, value))


def test_a_reader_is_a_reader():
    reader = reader_of(np.ones(3), "x")
    assert reader_of(reader, "y") is reader


# in a model

TWENTY_GB = """
import json, sys
import numpy as np, mlp
rows = 20 * 2**30 // (4 * 64)
with open(sys.argv[1], "wb") as file:
    file.seek(rows * 256 - 1)
    file.write(bytes(1))
X = np.memmap(sys.argv[1], np.float32, "r", shape=(rows, 64))
y = np.memmap(sys.argv[1], np.float32, "r", shape=(rows, 1))
model = mlp.Sequential([mlp.layers.Dense(8, activation="relu"), mlp.layers.Dense(1)], seed=0)
model.compile("sgd", "mse", engine=sys.argv[2])
most = 0

class Watch(mlp.callbacks.Callback):
    every_batch = False
    def on_train_batch_end(self, batch, logs=None):
        global most
        lines = open("/proc/self/status").read().splitlines()
        most = max(most, *(int(line.split()[1]) for line in lines if line.startswith("RssAnon")))

model.fit(X, y, batch_size=256, epochs=2, steps_per_epoch=1500, verbose=0, callbacks=[Watch()])
model.evaluate(X, y, steps=100)
model.fit(X, y, batch_size=256, steps_per_epoch=50, verbose=0, validation_split=0.5, validation_steps=10)
print(json.dumps({"most": most / 1024, "steps": model.optimizer.iterations}))
"""


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_training_on_20_gb_takes_little_memory_of_its_own(tmp_path, engine):
    command = [sys.executable, "-c", TWENTY_GB, str(tmp_path / "x"), engine]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["steps"] == 3050
    assert 0 < answer["most"] < 300  # MB


@pytest.mark.parametrize("class_weight", [{0: 5.0}, "balanced"])
def test_a_model_learns_from_windows_in_their_order_as_from_the_array(tmp_path, monkeypatch, class_weight):
    from mlp.data import kinds

    monkeypatch.setattr(kinds, "WINDOW", 1000)
    x = np.memmap(tmp_path / "x", np.float64, "w+", shape=(1000, 2))
    x[:] = np.random.default_rng(0).normal(size=x.shape)
    y, weight = (x[:, 0] > 0).astype(int), np.linspace(0, 1, 1000)
    found = []
    for inputs in (x, np.array(x)):
        model = mlp.Sequential([mlp.layers.Dense(1, activation="sigmoid")], seed=0)
        model.compile("sgd", "binary_crossentropy", weighted_metrics=["accuracy"], engine="numpy")
        options = dict(sample_weight=weight, class_weight=class_weight, validation_split=0.2)
        model.fit(inputs, y, shuffle=False, epochs=2, verbose=0, **options)
        found.append(model.history.history)
    assert found[0].keys() == found[1].keys()
    for name, values in found[0].items():
        assert values == pytest.approx(found[1][name], rel=1e-5), name


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_what_becomes_nan_after_the_first_pass_is_told(tmp_path, monkeypatch, engine):
    from mlp.data import kinds

    monkeypatch.setattr(kinds, "WINDOW", 1000)
    x = np.memmap(tmp_path / "x", np.float32, "w+", shape=(1000, 2))
    x[:] = np.random.default_rng(0).normal(size=x.shape)
    model = mlp.Sequential([mlp.layers.Dense(1)], seed=0)
    model.compile("sgd", "mse", engine=engine)

    def spoil(epoch, logs):
        x[700] = np.nan
        x.flush()

    after = mlp.callbacks.LambdaCallback(on_epoch_end=spoil)
    with pytest.raises(mlp.errors.DivergenceError, match=r"epoch 2, .*its file has changed"):
        model.fit(x, np.ones(1000), epochs=3, verbose=0, callbacks=[after])
    assert np.isfinite(model.parameters.values).all()
