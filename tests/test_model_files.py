"""The file of a model: written whole or not at all, and whatever is in it, read or refused, never run."""

import ast
import copy
import itertools
import json
import os
import pathlib
import pickle
import struct

import numpy as np
import pytest
import safetensors.numpy
from test_storage import X, bits, trained

import mlp
from mlp import Sequential, models, optimizers, packing, storage
from mlp.errors import ArgumentError, ModelFileError, NotReadyError
from mlp.layers import Dense, Dropout
from mlp.models import load_model


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.mlp"


def test_the_file_is_plain_safetensors(path):
    model = trained(Dense(4, "prelu"), Dense(3))
    model.save(path)
    arrays = safetensors.numpy.load_file(path)
    names = ["dense.W", "dense.b", "dense.alpha", "dense_1.W", "dense_1.b", "optimizer.m", "optimizer.v"]
    assert sorted(arrays) == sorted(names)
    np.testing.assert_array_equal(arrays["dense_1.W"], model.layers[1].W)


def test_paths_of_every_kind(tmp_path):
    model = trained(Dense(3))
    for name in (tmp_path / "a", str(tmp_path / "b"), os.fsencode(tmp_path / "c"), tmp_path / "für é.mlp"):
        model.save(name)
        np.testing.assert_array_equal(load_model(name).predict(X), model.predict(X))


def test_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained(Dense(3)).save("net")
    assert load_model("net").built
    assert os.listdir() == ["net"]


def test_overwrite(path):
    first, second = trained(Dense(3)), trained(Dense(3), epochs=4)
    first.save(path, overwrite=False)
    with pytest.raises(ArgumentError, match=r"net\.mlp exists, and overwrite=False"):
        second.save(path, overwrite=False)
    assert bits(load_model(path)) == bits(first)
    second.save(path)
    assert bits(load_model(path)) == bits(second)


def test_where_no_file_can_be(tmp_path):
    model = trained(Dense(3))
    with pytest.raises(ModelFileError, match=r"is in a folder that does not exist; give the name of a file"):
        model.save(tmp_path / "none" / "net.mlp")
    with pytest.raises(ModelFileError, match="is a folder; give the name of a file in an existing folder"):
        model.save(tmp_path)
    assert os.listdir(tmp_path) == []


def test_what_has_no_file_form(path):
    model = trained(Dense(3), optimizer=optimizers.SGD(lambda step: 0.1))
    with pytest.raises(
        ArgumentError, match=r"cannot be written as data: .*such as a learning_rate of your own"
    ):
        model.save(path)
    assert not path.exists()
    with pytest.raises(NotReadyError, match=r"save\(\) needs weights, and the model is not built yet"):
        Sequential([Dense(2)]).save(path)


def test_nothing_is_unpickled_or_run(path, monkeypatch):
    sources = [pathlib.Path(module.__file__).read_text() for module in (storage, packing, models, mlp.naming)]
    words = set(itertools.chain.from_iterable(map(names_in, sources)))
    assert not words & {"pickle", "marshal", "shelve", "eval", "exec", "importlib", "__import__", "safe_open"}
    trained(Dense(3)).save(path)
    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, None)
    monkeypatch.setattr(np, "load", None)
    assert load_model(path).built


def names_in(source) -> set:
    nodes = list(ast.walk(ast.parse(source)))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    return imported | {node.id for node in nodes if isinstance(node, ast.Name)}


# damaged and hostile files


def parts(path) -> tuple[dict, dict, bytes]:
    """The header of the safetensors file, the text of `mlp` in it as data, and the numbers."""
    content = path.read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    return header, json.loads(header["__metadata__"]["mlp"]), content[8 + size :]


def packed(header, text, numbers) -> bytes:
    """A safetensors file with that text; the reverse of `parts`."""
    head = json.dumps(header | {"__metadata__": {"mlp": text}}).encode()
    head += b" " * (-len(head) % 8)
    return struct.pack("<Q", len(head)) + head + numbers


def small(path) -> bytes:
    model = trained(Dense(2, "relu"), Dropout(0.3, seed=1), Dense(3, "softmax"), metrics=["accuracy"])
    model.save(path)
    return path.read_bytes()


def refused(path, content, message=r"(is|but) not a"):
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=message) as caught:
        load_model(path)
    assert str(path) in str(caught.value)
    assert isinstance(caught.value, OSError)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"\0",
        lambda content: b"hello world, this is no model" * 9,
        lambda content: np.random.default_rng(0).bytes(500),
        lambda content: content[:7],
        lambda content: content[:100],
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: content[8:],
        lambda content: struct.pack("<Q", 2**63) + content[8:],
        lambda content: struct.pack("<Q", 10**9) + content[8:],
        lambda content: pickle.dumps({"model": 1}),
        lambda content: content.replace(b"F32", b"F64"),
        lambda content: content.replace(b"dense.W", b"dense.V"),
        lambda content: b"PK\3\4" + content,
    ],
)
def test_damaged_files(damage, path):
    refused(path, damage(small(path)), r"is not a (readable model file|model that can be rebuilt|Keras file)")


def test_no_file_a_folder_and_no_path(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no model file '.*none\.mlp'"):
        load_model(tmp_path / "none.mlp")
    with pytest.raises(ModelFileError, match="is not a readable model file"):
        load_model(tmp_path)


def test_a_missing_file_is_an_error_of_mlp(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        load_model(tmp_path / "none.mlp")
    assert isinstance(caught.value, mlp.MLPError)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"mlp": "[]"}, {"mlp": "{}"}, {"mlp": "null"}])
def test_safetensors_of_others(metadata, path):
    content = safetensors.numpy.save({"weight": np.zeros((2, 3))}, metadata)
    refused(path, content, "is a safetensors file, but not a model saved by mlp")


@pytest.mark.parametrize("kind", ["BF16", "F16", "F8_E4M3", "F8_E5M2", "BOOL", "C64", "I64", "XYZ"])
@pytest.mark.parametrize("ours", [True, False])
def test_types_of_numbers_that_numpy_does_not_have(kind, ours, path):
    small(path)
    _, document, _ = parts(path)
    size = {"BF16": 2, "F16": 2, "C64": 8, "I64": 8}.get(kind, 1)
    header = {"dense.W": {"dtype": kind, "shape": [6], "data_offsets": [0, 6 * size]}}
    refused(path, packed(header, json.dumps(document if ours else []), bytes(6 * size)))


@pytest.mark.parametrize("version", [0, 2, 99, "1", None, [], {}])
def test_other_formats(version, path):
    small(path)
    header, document, numbers = parts(path)
    for versions in ({"format": version}, version, {}):
        text = json.dumps(document | {"versions": versions})
        refused(
            path, packed(header, text, numbers), r"has the file format .*; this version of mlp reads 1\. U"
        )


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("dense.W", None, r"'dense\.W' is missing"),
        ("dense.W", np.zeros((2, 3), "f4"), r"dense\.W should be float32 of .*\(3, 2\), and is .*\(2, 3\)"),
        ("dense.W", np.zeros((3, 2)), r"dense\.W should be float32 .*, and is float64 of shape \(3, 2\)"),
        ("dense.b", np.zeros((), "f4"), r"dense\.b should be float32 of shape \(2,\), and is .*shape \(\)"),
        ("optimizer.m", np.zeros(5, "f4"), r"optimizer\.m should be float32 of shape \(17,\)"),
        ("optimizer.v", None, r"'optimizer\.v' is missing"),
    ],
)
def test_arrays_that_do_not_fit(name, array, message, path):
    small(path)
    _, document, _ = parts(path)
    arrays = {key: value for key, value in safetensors.numpy.load_file(path).items() if key != name}
    arrays |= {} if array is None else {name: array}
    refused(path, safetensors.numpy.save(arrays, {"mlp": json.dumps(document)}), message)


DEEP = 100_000
JUNK = [
    None, True, 0, -1, 1, 10**15, 10**400, 0.5, float("nan"), float("inf"), "", "x", "é" * 50, "\ud800",
    [], [[]], [0], {}, {"a": 1}, {"class_name": "Dense", "config": {"units": 2}},
    {"class_name": "Adam", "config": {}}, {"class_name": [], "config": {}},
    {"class_name": "Sequential", "config": {}}, [{"class_name": "Input", "config": {"shape": [3]}}],
]  # fmt: skip


def places(data, way=()):
    """The ways to all values in nested data."""
    yield way
    for key in data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ():
        yield from places(data[key], (*way, key))


def exchanged(data, way, value):
    """The data with one value replaced, or taken out if it is ...."""
    data = copy.deepcopy(data)
    inner = data
    for key in way[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[way[-1]]
    else:
        inner[way[-1]] = value
    return data


def load_or_refuse(path, content) -> bool:
    """Whether the content is a model; if so, one that can be used."""
    path.write_bytes(content)
    try:
        model = load_model(path)
    except ModelFileError:
        return False
    assert model.predict(np.ones((2, *model.input_shape))).shape == (2, *model.layers[-1].output_shape)
    json.dumps(model.get_config())
    assert repr(model)
    return True


def test_every_value_of_the_description_replaced_by_junk(path):
    small(path)
    header, document, numbers = parts(path)
    ways = [way for way in places(document) if way]
    assert len(ways) > 60
    loaded = 0
    for way in ways:
        for value in [..., *JUNK]:
            text = json.dumps(exchanged(document, way, value))
            loaded += load_or_refuse(path, packed(header, text, numbers))
    assert loaded  # the name of the model, for example, can be anything


@pytest.mark.parametrize("opening", ["[", '{"a":', '{"class_name": "Dense", "config": {"units": '])
@pytest.mark.parametrize("depth", [100, 400, 480, 900, 990, DEEP])
def test_deep_nesting(opening, depth, path):
    small(path)
    header, document, numbers = parts(path)
    closing = {"[": "]", "{": "}"}
    deep = opening * depth + "1" + "".join(closing[c] for c in reversed(opening) if c in closing) * depth
    for way in (("model", "name"), ("model", "layers"), ("extra",), ("compile", "optimizer", "config")):
        text = json.dumps(exchanged(document, way, "@@")).replace('"@@"', deep)
        load_or_refuse(path, packed(header, text, numbers))


@pytest.mark.parametrize(
    "text", ["", "{", "NaN", "1" * 5000, "{} {}", '"\\ud800"', '{"model": %s}' % ("9" * 5000)]
)
def test_text_that_is_no_json(text, path):
    small(path)
    header, _, numbers = parts(path)
    refused(path, packed(header, text, numbers))


@pytest.mark.parametrize(("seed", "mutations"), [(seed, 500) for seed in range(6)])
def test_random_mutations(seed, mutations, path):
    """Bytes changed, put in, left out, doubled and cut, in header and numbers alike."""
    whole, rng = small(path), np.random.default_rng(seed)
    header = 8 + struct.unpack("<Q", whole[:8])[0]
    outcomes = set()
    for _ in range(mutations):
        content = bytearray(whole)
        for _ in range(rng.integers(1, 4)):
            at = int(rng.integers(0, header if rng.random() < 0.8 else len(content)))
            length, kind = int(rng.integers(1, 4)), rng.integers(0, 5)
            piece = [
                rng.bytes(length),
                bytes(rng.choice(list(b'0123456789[]{}",:.-eE truefalsn'), length).tolist()),
                b"",
                content[at : at + length] * 2,
                b"",
            ][kind]
            stop = at + length if kind < 4 else min(len(content), at + 50)
            content[at:stop] = piece if kind != 1 or rng.random() < 0.5 else piece + content[at:stop]
        if rng.random() < 0.7:  # else most would fail at the length of the header already
            grown = len(content) - len(whole)
            content[:8] = struct.pack("<Q", max(0, header - 8 + grown))
        outcomes.add(load_or_refuse(path, bytes(content)))
    assert outcomes == {True, False}
