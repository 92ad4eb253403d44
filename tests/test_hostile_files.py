"""Files that describe more than they hold: refused before memory is taken, and before Python's stack ends."""

import copy
import json
import tracemalloc

import numpy as np
import pytest
import safetensors.numpy
from test_model_files import load_or_refuse, packed, parts, refused, small

from mlp import Sequential, layers, metrics, models, storage
from mlp.errors import ArgumentError, ModelFileError
from mlp.layers import Dense, Residual


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.mlp"


def described(class_name, kind="Layer", **config) -> dict:
    return {"class_name": class_name, "kind": kind, "config": config}


def content_with(path, stack, **numbers) -> bytes:
    """A small file whose layers are these."""
    small(path)
    _, document, _ = parts(path)
    document["model"]["layers"], document["compile"] = stack, None
    return safetensors.numpy.save(numbers, {"mlp": json.dumps(document)})


INNER = {"layers": [described("Input", "Input", shape=[20_000]), described("Dense", units=20_000)]}
MODEL = described("Sequential", "Model", **INNER)


@pytest.mark.parametrize(
    "way", [("model", "layers", 0), ("model", "layers", 1, "config", "activation"), ("compile", "loss")]
)
@pytest.mark.parametrize("kind", ["Model", ""])
def test_a_model_in_a_model_is_refused_before_it_is_built(way, kind, path):
    small(path)
    header, document, numbers = parts(path)
    document["model"]["layers"][1]["config"]["activation"] = None
    inner = document
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = {**MODEL, "kind": kind}
    content = packed(header, json.dumps(document), numbers)
    tracemalloc.start()
    refused(path, content, "it has a Sequential among its parts")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_a_model_in_the_settings_of_a_model_is_refused(path):
    small(path)
    header, document, numbers = parts(path)
    document["model"]["name"] = MODEL
    refused(path, packed(header, json.dumps(document), numbers), "it has a Sequential among its parts")


WIDE = 10**9
HOSTILE = {
    "rms": [described("RMSNormalization")],
    "normalization": [described("Normalization")],
    "unit": [described("UnitNormalization")],
    "layer": [described("LayerNormalization", center=False, scale=False)],
    "group": [described("GroupNormalization", groups=1, center=False, scale=False)],
    "prelu": [described("Activation", activation=described("PReLU", "Activation"))],
    "blend": [described("Activation", activation=described("Blend", "Activation", activation="tanh"))],
    "softmax": [described("Activation", activation="softmax")],
    "rescaling": [described("Rescaling", scale=2.0)],
    "dense": [described("Dense", units=2)],
}


@pytest.mark.parametrize("stack", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("way", ["input", "repeated", "in a block", "in a branch", "many"])
def test_long_rows_are_refused_before_memory_is_taken(stack, way, path):
    longer = [described("RepeatVector", n=WIDE), described("Flatten")]
    inside = {
        "input": [described("Input", "Input", shape=[WIDE]), *stack],
        "repeated": [described("Input", "Input", shape=[3]), *longer, *stack],
        "in a block": [
            described("Input", "Input", shape=[3]),
            described("Residual", layers=[*longer, *copy.deepcopy(stack)]),
        ],
        "in a branch": [
            described("Input", "Input", shape=[3]),
            described("Concatenate", layers=[[], [*longer, *stack]]),
        ],
        "many": [described("Input", "Input", shape=[2**22])] + [*stack] * 40,
    }[way]
    content = content_with(path, inside, x=np.zeros(10, "f4"))
    tracemalloc.start()
    refused(path, content, "rows that are too long|want more numbers than the file has")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 600_000_000


def test_parameters_that_no_initializer_makes_are_counted(path):
    stack = [described("Input", "Input", shape=[100_000]), described("RMSNormalization")]
    refused(path, content_with(path, stack, x=np.zeros(10, "f4")), "want more numbers than the file has")


def test_layers_that_are_rationed_are_as_before_afterwards(path):
    model = Sequential([layers.Input(3), Residual([layers.RMSNormalization(), Dense(3)]), Dense(2)], seed=0)
    model.save(path)
    twin = models.load_model(path)
    assert not any("build" in vars(part) for part in twin.parts)
    assert repr(twin) == repr(model)
    np.testing.assert_array_equal(twin.parameters.values, model.parameters.values)


# blocks in blocks


def nested(depth, innermost=None) -> layers.Layer:
    block = innermost or Dense(3)
    for _ in range(depth):
        block = Residual([block])
    return block


def test_blocks_in_each_other_have_an_end():
    deepest = nested(layers.blocks.DEEPEST)
    model = Sequential([layers.Input(3), deepest], seed=0)
    assert models.clone_model(model).count_params() == 12
    copy.deepcopy(model)
    for block in (lambda: nested(1000), lambda: layers.Concatenate([deepest.clone(), []])):
        with pytest.raises(ArgumentError, match=r"block in a block .*: 32 are the most that can be"):
            block()


@pytest.mark.parametrize("depth", [32, 33, 100, 300])
def test_deep_blocks_in_a_file_and_in_data(depth, path):
    data = described("Dense", units=3)
    for _ in range(depth):
        data = described("Residual", layers=[data])
    content = content_with(path, [described("Input", "Input", shape=[3]), data], x=np.zeros(12, "f4"))
    assert not load_or_refuse(path, content)
    if depth > 32:
        with pytest.raises(ArgumentError, match=r"the most that can be|in parts … is too deep"):
            layers.deserialize(data)


def test_deep_settings_of_a_part():
    data = described("Dense", units=3)
    for _ in range(5000):
        data = {"class_name": "Residual", "config": {"layers": [data]}}
    with pytest.raises(ArgumentError, match=r"is too deep"):
        layers.deserialize(data)


def test_the_deepest_model_can_be_saved(path):
    model = Sequential([layers.Input(3), nested(layers.blocks.DEEPEST)], seed=0)
    model.save(path)
    np.testing.assert_array_equal(
        models.load_model(path).predict(np.ones((1, 3))), model.predict(np.ones((1, 3)))
    )
    assert isinstance(ModelFileError("x"), OSError)


# no numbers, or few, and much to do


def test_bytes_are_not_counted_as_numbers(path):
    stack = [described("Input", "Input", shape=[1000]), described("Dense", units=400)]
    numbers = {"x": np.zeros(401_000, np.uint8)}
    refused(path, content_with(path, stack, **numbers), "want more numbers than the file has")
    state = {"optimizer.m": np.zeros(401_000, "f4")}
    refused(path, content_with(path, stack, **state), "want more numbers than the file has")


@pytest.mark.parametrize("way", ["one after the other", "in a block"])
def test_layers_without_end(way, path):
    many = [described("Flatten") for _ in range(2100)]
    stack = many if way == "one after the other" else [described("Residual", layers=many)]
    stack = [described("Input", "Input", shape=[3]), *stack]
    refused(path, content_with(path, stack), r"it has \d+ layers; 2048 are the most that are read")


def test_metrics_without_end(path):
    small(path)
    header, document, numbers = parts(path)
    document["compile"]["metrics"] = [described("AUC", "Layer", name=str(k)) for k in range(257)]
    refused(path, packed(header, json.dumps(document), numbers), "metrics must be 256 at most; got 257")


def test_what_would_not_be_read_is_not_saved(path):
    model = Sequential([Dense(3, input_shape=(3,))], seed=0)
    model.compile("sgd", "mse", metrics=[metrics.MeanSquaredError(f"m{k}") for k in range(257)])
    with pytest.raises(ArgumentError, match=r"has 1 layers and 257 metrics; files are read of up to 2048 l"):
        model.save(path)
    model.compile("sgd", "mse", metrics=[metrics.MeanSquaredError(f"m{k}") for k in range(256)])
    model.save(path)
    assert len(models.load_model(path).metrics) == 256
    long = Sequential([Residual([layers.Identity() for _ in range(2048)], input_shape=(3,))], seed=0)
    with pytest.raises(ArgumentError, match="has 2049 layers and 0 metrics"):
        long.save(path)


def test_a_table_of_many_classes_is_made_with_the_first_rows(path):
    small(path)
    header, document, numbers = parts(path)
    document["compile"]["metrics"] = [described("MeanIoU", "Metric", num_classes=10_000, name="iou")]
    path.write_bytes(packed(header, json.dumps(document), numbers))
    tracemalloc.start()
    models.load_model(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_a_model_of_many_layers_is_built_once(path, monkeypatch):
    model = Sequential([layers.Input(3), *(layers.Flatten() for _ in range(20))], seed=0)
    model.save(path)
    built = []
    gather = Sequential.gather
    monkeypatch.setattr(Sequential, "gather", lambda self: built.append(len(self.layers)) or gather(self))
    assert repr(models.load_model(path)) == repr(model)
    assert built == [20]


def test_an_input_of_many_axes(path):
    embedding = described("Embedding", input_dim=3, output_dim=1)
    stack = [described("Input", "Input", shape=[2] * 21), embedding]
    refused(path, content_with(path, stack), "its layers hand on rows that are too long")


@pytest.mark.parametrize("text", ["[],", "{},", '[{"a":0}],', "0,", '"",'])
def test_more_lists_than_numbers(text, path):
    small(path)
    header, document, numbers = parts(path)
    document["extra"] = "@@"
    long = "[" + (text * (2**22 // len(text))).rstrip(",") + "]"
    content = packed(header, json.dumps(document).replace('"@@"', long), numbers)
    tracemalloc.start()
    refused(path, content, "it has too many lists and names beside its numbers")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * len(content)


def test_what_would_not_be_read_is_not_written(path):
    model = Sequential([Dense(2, input_shape=(3,))], seed=0)
    model.save(path)
    before = path.read_bytes()
    for extra in ({"lists": [[]] * 2**20}, {"text": "x" * 60_000_000}):
        with pytest.raises(ArgumentError, match="characters of JSON, more than is read again"):
            storage.save(model, path, extra=extra)
    floats = np.random.default_rng(0).random(2**18).tolist()
    assert path.read_bytes() == before
    storage.save(model, path, extra={"floats": floats})
    assert storage.read(path)[1]["extra"]["floats"] == floats


@pytest.mark.parametrize("place", ["header", "text"])
def test_a_name_twice(place, path):
    content = small(path)
    header, document, numbers = parts(path)
    if place == "text":
        content = packed(
            header, json.dumps(document).replace('"model":', '"model": {}, "model":', 1), numbers
        )
    else:
        head = content[8 : 8 + int.from_bytes(content[:8], "little")]
        head = head.replace(
            b'"dense.b":', b'"dense.W":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"dense.b":'
        )
        content = len(head).to_bytes(8, "little") + head + numbers
    refused(path, content, "it has a name twice")


def test_more_axes_than_arrays_can_have(path):
    small(path)
    header, document, _ = parts(path)
    for shape in ([1] * 70, [0, 2**62], [0, 2**31, 2**31, 2**31]):
        size = 4 * int(0 not in shape)
        header = {"x": {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}}
        refused(path, packed(header, json.dumps(document), bytes(size)), "is not a")
