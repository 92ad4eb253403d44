"""Files that describe more than they hold: refused before memory is taken, and before Python's stack ends."""

import copy
import json
import tracemalloc

import numpy as np
import pytest
import safetensors.numpy
from test_model_files import load_or_refuse, packed, parts, refused, small

from mlp import Sequential, layers, models
from mlp.errors import ArgumentError, ModelFileError
from mlp.layers import Dense, Residual


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.mlp"


def described(name, kind="Layer", **config) -> dict:
    return {"class_name": name, "kind": kind, "config": config}


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
    stack = [described("Input", "Input", shape=[1000]), described("RMSNormalization")]
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
