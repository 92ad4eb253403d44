"""Nested data in a file, and out of it again: the same types and the same bits."""

import json
import math
import struct

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

import mlp
from mlp import storage
from mlp.cli import main
from mlp.errors import ArgumentError, ModelFileError
from mlp.table_model import TableModel


def again(tree, prefix="state/"):
    """The tree after a way through JSON without NaN, and safetensors."""
    plain, arrays = storage.pack(tree, prefix)
    assert all(name.startswith(prefix) for name in arrays)
    arrays = safetensors.numpy.load(safetensors.numpy.save(arrays))
    return storage.unpack(json.loads(json.dumps(plain, allow_nan=False)), arrays)


def same(first, second) -> bool:
    """Whether two trees have the same types, the same order and the same bits."""
    if type(first) is not type(second):
        return False
    if isinstance(first, dict):
        return same(list(first.items()), list(second.items()))
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, float):
        return struct.pack("d", first) == struct.pack("d", second)
    if isinstance(first, np.ndarray | np.generic):
        alike = first.dtype == second.dtype and first.shape == second.shape
        return alike and first.tobytes() == second.tobytes()
    return first == second


TREES = {
    "plain": {"a": [1, None, True, "text é \ud800", {}], "b": [], "": 0, "large": -(2**200)},
    "floats": [0.1, -0.0, math.inf, -math.inf, math.nan, -math.nan, 5e-324, 1.7976931348623157e308],
    "payload": struct.unpack("d", bytes.fromhex("010203000000f8ff"))[0],
    "tuples": (1, (2, [(), ((3,),)]), {"t": (4,)}),
    "keys": {1: "one", (2, 3): "two", None: 0, 1.5: 1, False: 2, "$array": "no array", "$": {}},
    "numbers": [np.float32(0.1), np.float64(math.nan), np.int8(-3), np.uint64(2**64 - 1), np.bool_(True)],
    "arrays": [np.arange(3, dtype=kind) for kind in ("f2", "f4", "f8", "i1", "i8", "u1", "u8", "c8", "c16")],
    "others": [np.zeros((0, 3)), np.array(2.5), np.array([True, False]), np.arange(3, dtype=">i4")],
    "times": [np.array(["2020-02-29", "NaT"], "M8[D]"), np.timedelta64(5, "ms")],
    "generator": np.random.default_rng(3).bit_generator.state,
    "philox": np.random.Generator(np.random.Philox(3)).bit_generator.state,
    "old generator": np.random.RandomState(3).get_state(),
}


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
def test_there_and_back(tree):
    assert same(again(tree), tree)
    assert same(again({"deep": [tree]}), {"deep": [tree]})


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
LEAVES |= st_numpy.arrays(st_numpy.scalar_dtypes(), st_numpy.array_shapes(min_dims=0, max_side=3))
KEYS = st.text() | st.integers() | st.tuples(st.integers(), st.text())


@given(
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner),
        max_leaves=8,
    )
)
@settings(deadline=None, max_examples=60)
def test_whatever_there_is(tree):
    assert same(again(tree), tree)


def test_a_generator_goes_on():
    rng = np.random.default_rng(7)
    rng.integers(5, dtype=np.int32)  # half of a draw is left over
    twin = np.random.default_rng()
    twin.bit_generator.state = again(rng.bit_generator.state)
    assert (
        twin.integers(2**31, size=9, dtype=np.int32).tolist()
        == rng.integers(2**31, size=9, dtype=np.int32).tolist()
    )


def test_what_comes_back_is_its_own():
    array = np.zeros((4, 3)).T
    plain, arrays = storage.pack([array])
    (back,) = storage.unpack(plain, arrays)
    assert back.flags.writeable
    assert not np.shares_memory(back, array)


def endless() -> list:
    tree: list = []
    tree.append(tree)
    return tree


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"a": [1, {2}]}, r"it\['a'\]\[1\] is a set, which cannot be kept"),
        ({"f": len}, r"it\['f'\] is a builtin_function_or_method"),
        ([np.array(["text"])], r"it\[0\] is an array of <U4, which cannot be kept; numbers can"),
        ([np.array([None])], r"it\[0\] is an array of object"),
        ({frozenset(): 1}, r"a key of it is a frozenset"),
        (endless(), "must not be so deep, or contain themselves"),
    ],
)
def test_what_cannot_be_kept(tree, message):
    with pytest.raises(ArgumentError, match=message):
        storage.pack(tree)


@pytest.mark.parametrize(
    "plain",
    [
        {"$array": "none"}, {"$array": []}, {"$array": "a", "dtype": "O", "shape": [1]},
        {"$array": "a", "dtype": "<f8", "shape": [10**12]}, {"$array": "a", "dtype": "|V8", "shape": [1]},
        {"$array": "a", "dtype": 5, "shape": [1]}, {"$array": "a", "dtype": "<f8", "shape": "x"},
        {"$array": "a", "dtype": "f8,f8", "shape": [1]}, {"$number": ["<f8", "00"]},
        {"$number": ["O", "00" * 8]}, {"$number": 5}, {"$number": ["<f8", "zz"]},
        {"$float": "00"}, {"$float": None}, {"$tuple": 5},
        {"$pairs": [[1]]}, {"$pairs": [[[], 1]]}, {"$pairs": [5]}, {"$unknown": 1},
        {"$float": "00", "$tuple": []},
    ],
)  # fmt: skip
def test_what_was_not_kept(plain):
    arrays = {"a": np.zeros(8, np.uint8)}
    for tree in (plain, [plain], {"x": plain}):
        with pytest.raises(ModelFileError, match="these are not data that were kept"):
            storage.unpack(tree, arrays)


def test_endless_depth_in_a_file():
    tree: list = []
    for _ in range(10_000):
        tree = [tree]
    with pytest.raises(ModelFileError, match="these are not data that were kept"):
        storage.unpack(tree, {})


def test_preprocessing_with_arrays(tmp_path):
    model = mlp.Sequential([mlp.layers.Dense(2, input_shape=(3,))], seed=0)
    extra = {"scaler": {"mean": np.arange(3.0), "names": ("a", "b")}, "limit": math.inf}
    storage.save(model, tmp_path / "net.mlp", extra=extra)
    assert same(storage.extra_of(*storage.read(tmp_path / "net.mlp")), extra)
    twin = mlp.models.load_model(tmp_path / "net.mlp")
    np.testing.assert_array_equal(twin.parameters.values, model.parameters.values)
    model.save(tmp_path / "net.mlp")
    assert storage.extra_of(*storage.read(tmp_path / "net.mlp")) == {}


@pytest.mark.parametrize("extra", [5, "tabular", [1], {"$array": "x"}, {"$tuple": []}, True])
def test_preprocessing_that_is_none(extra, tmp_path, capsys):
    """Such as is only in files that were tampered with."""
    path = tmp_path / "net.mlp"
    mlp.Sequential([mlp.layers.Dense(2, input_shape=(3,))], seed=0).save(path)
    arrays, description = storage.read(path)
    storage.write(path, arrays, description | {"extra": extra})
    for read in (lambda: storage.extra_of(*storage.read(path)), lambda: TableModel.load(path)):
        with pytest.raises(ModelFileError):
            read()
    assert main(["summary", str(path)]) == 2
    assert "error" in capsys.readouterr().err


def test_truth_values_of_a_file_are_true_or_false():
    odd = np.array([0, 1, 2, 255], np.uint8).view(bool)
    (back,) = storage.unpack([{"$array": "a"}], {"a": odd})
    assert back.view(np.uint8).tolist() == [0, 1, 1, 1]
