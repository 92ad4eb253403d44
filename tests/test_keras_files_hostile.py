"""Keras's files that are damaged, or made to harm: refused before memory is taken, and nothing is run."""

import io
import json
import struct
import tracemalloc
import zipfile

import h5py
import keras_mutations
import numpy as np
import pytest
from test_keras_files import FILES, changed, config_of

from mlp import Sequential, layers
from mlp.errors import ArgumentError, ModelFileError
from mlp.keras_files import hdf5
from mlp.layers import Dense
from mlp.models import load_model


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.keras"


def members(name="adam") -> dict:
    with zipfile.ZipFile(FILES / f"{name}.keras") as archive:
        return {entry: archive.read(entry) for entry in archive.namelist()}


def archived(path, entries, how=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def refused(path, message, most=None):
    """The file is refused with that message, and takes at most so many bytes meanwhile."""
    tracemalloc.start()
    with pytest.raises(ModelFileError, match=message) as error:
        load_model(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(path) in str(error.value)
    assert peak < (most or 2 * path.stat().st_size + 2_000_000)


# the archive


@pytest.mark.parametrize("name", ["metadata.json", "config.json", "model.weights.h5"])
def test_without_a_member(name, path):
    entries = members()
    del entries[name]
    refused(archived(path, entries.items()), f"the archive has no {name}")


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_a_member_twice(path):
    entries = [*members().items(), ("config.json", b"{}")]
    refused(archived(path, entries), "the archive has a member twice")


def test_names_that_lead_elsewhere_are_not_followed(path, tmp_path):
    entries = [*members().items(), ("../../evil", b"1"), ("/etc/evil", b"2"), ("assets/a", b"3")]
    assert load_model(archived(path, entries)).name == "net"
    assert [item.name for item in tmp_path.iterdir()] == ["net.keras"]


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_a_bomb(name, path):
    entries = members() | {name: bytes(300_000_000)}
    archived(path, entries.items(), zipfile.ZIP_DEFLATED)
    del entries
    assert path.stat().st_size < 1_000_000
    refused(path, "its members say that they unpack to 3000..... bytes")


def test_a_bomb_that_does_not_say_so(path):
    """The sizes in the directory are a lie: more is unpacked than they say."""
    content = archived(path, members().items(), zipfile.ZIP_DEFLATED).read_bytes()
    size = struct.pack("<I", len(members()["model.weights.h5"]))
    path.write_bytes(content.replace(size, struct.pack("<I", 100)))
    refused(path, "not a Keras file that can be read")


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_ways_of_packing_that_keras_does_not_use(how, path):
    refused(archived(path, members().items(), how), "packed in a way that Keras does not use")


def test_too_many_members(path):
    entries = [*members().items(), *((f"assets/{k}", b"") for k in range(1000))]
    refused(archived(path, entries), "has a member twice, or too many")


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9, 0.99])
def test_cut_off(share, path):
    content = (FILES / "adam.keras").read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refused(path, "not a")


def test_bytes_that_were_changed(path):
    archived(path, members().items())
    content = path.read_bytes()
    weights = members()["model.weights.h5"]
    at = content.index(weights) + len(weights) // 2
    path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    refused(path, "the archive is damaged: Bad CRC-32")


# the description


def with_config(path, change):
    return changed(FILES / "adam.keras", path, change)


def layers_of(config):
    return config["config"]["layers"]


def dense(config):
    return layers_of(config)[1]


def compiled(config):
    return config["compile_config"]


EVIL = {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}}
DESCRIPTIONS = [
    (lambda c: dense(c).update(module="os", class_name="system"), "no counterpart to Keras's system of 'os'"),
    (lambda c: dense(c).update(module="evil"), "no counterpart to Keras's Dense of 'evil'"),
    (lambda c: dense(c).update(module=None, registered_name="x>y"), "to Keras's Dense of None"),
    (lambda c: dense(c).update(class_name="Lambda"), "no counterpart to Keras's Lambda"),
    (lambda c: dense(c).update(class_name="Conv2D"), "no counterpart to Keras's Conv2D of 'keras.layers'"),
    (lambda c: dense(c)["config"].update(activation=EVIL), "activation: there is no .*__lambda__ of None"),
    (lambda c: dense(c)["config"].update(units=10**12), "more numbers than the file has|units"),
    (lambda c: dense(c)["config"].update(units=-1), "units must be a positive integer"),
    (lambda c: dense(c)["config"].update(lora_rank=2), r"Dense\(lora_rank=2\) of Keras"),
    (lambda c: dense(c)["config"].update(new_option=[]), r"Dense\(new_option=\[\]\) of Keras"),
    (lambda c: dense(c)["config"].update(dtype="float16"), "dtype must be the same for all layers"),
    (lambda c: dense(c).update(config=3), "must be a class and its arguments; got"),
    (lambda c: dense(c).pop("config"), "a layer must be described by its class and its arguments"),
    (lambda c: c["config"].update(layers={}), "layers must be a list of layers"),
    (lambda c: c["config"].update(layers=[]), "it has no layers"),
    (lambda c: layers_of(c).append(layers_of(c)[1]), "expected|has weights|is missing"),
    (lambda c: c.update(class_name="MyModel"), "the model must be a Sequential model"),
    (lambda c: layers_of(c)[0]["config"].update(batch_shape=[None, 10**12]), "not a"),
    (lambda c: layers_of(c)[0]["config"].update(batch_shape=[None, "x"]), "not a"),
    (lambda c: compiled(c).update(optimizer={"class_name": "Adam", "config": {}}), "Keras's Adam of None"),
    (lambda c: compiled(c).update(loss=dense(c)), "the loss: there is no counterpart to .*Dense"),
    (lambda c: compiled(c).update(loss_weights=[0.1]), "loss_weights must be None"),
    (lambda c: compiled(c).update(loss=["mse", "mae"]), "loss must be for one output"),
    (lambda c: compiled(c)["optimizer"]["config"].update(loss_scale_factor=2.0), "loss_scale_factor=2.0"),
    (lambda c: [3], "the model must be a Sequential model"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), DESCRIPTIONS, ids=range(len(DESCRIPTIONS)))
def test_descriptions_that_are_refused(change, message, path):
    def applied(config):
        told = change(config)
        return told if told == [3] else None

    refused(with_config(path, applied), message)


def nested(depth):
    return b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize(
    "text", [b"", b"{", b"\xff\xfe", b"null", b"[1e999]", nested(100_000), b"[" * 100_000, b"9" * 100_000]
)
def test_texts_that_are_no_description(text, path):
    refused(archived(path, (members() | {"config.json": text}).items()), "not a Keras file that can be read")


def test_parts_in_parts_without_end(path):
    inner = {"class_name": "L2", "module": "keras.regularizers", "config": {"l2": 0.1}}
    for _ in range(300):
        inner = {"class_name": "L2", "module": "keras.regularizers", "config": {"l2": inner}}
    refused(with_config(path, lambda c: dense(c)["config"].update(kernel_regularizer=inner)), "not a")


def test_models_in_models_without_end(path):
    config = config_of(FILES / "nested.keras")
    inner = config["config"]["layers"][2]
    for _ in range(300):
        inner = {**inner, "config": {**inner["config"], "layers": [inner]}}
    config["config"]["layers"][2] = inner
    entries = members("nested") | {"config.json": json.dumps(config).encode()}
    refused(archived(path, entries.items()), "not a")


# the weights


def with_weights(path, content):
    return archived(path, (members() | {"model.weights.h5": bytes(content)}).items())


def made(**options) -> bytes:
    """A file of weights with one array that has these options."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name in ("layers/dense/vars", "layers/batch_normalization/vars"):
            file.create_group(name)
        file["layers/dense/vars"].create_dataset("0", **options)
    return buffer.getvalue()


WEIGHTS = [
    (b"", "not an HDF5 file of the form that Keras writes"),
    (b"\x89HDF\r\n\x1a\n", "not an HDF5 file of the form that Keras writes"),
    (made(shape=(10**6, 10**6), dtype="f4"), r"has the shape \(1000000, 1000000\) of float32, and"),
    (made(shape=(2**40,), dtype="f8", chunks=(2**10,)), "in pieces|compressed"),
    (made(shape=(2**40,), dtype="f8", chunks=(2**10,), compression="gzip"), "has compressed data"),
    (made(data=[b"text"]), "no numbers that NumPy has"),
    (made(data=np.zeros(3, "i4,f4")), "no numbers that NumPy has"),
    (made(data=np.ones((3, 4), int)), "should hold floating point numbers, and holds int64"),
    (made(data=np.ones((4, 3))), r"should be float32 of shape \(3, 4\), and is float32 of shape \(4, 3\)"),
]


@pytest.mark.parametrize(("content", "message"), WEIGHTS, ids=range(len(WEIGHTS)))
def test_weights_that_are_refused(content, message, path):
    refused(with_weights(path, content), message)


def linked(link) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["elsewhere/vars/0"] = np.ones((3, 4), "f4")
        file.create_group("layers")["dense"] = link
    return buffer.getvalue()


@pytest.mark.parametrize("link", [h5py.SoftLink("/elsewhere"), h5py.ExternalLink("/etc/passwd", "/")])
def test_links_are_not_followed(link, path):
    refused(with_weights(path, linked(link)), "layers has (a link|links)")


def test_files_of_newer_forms(path):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver="latest") as file:
        file["layers/dense/vars/0"] = np.ones((3, 4), "f4")
    refused(with_weights(path, buffer.getvalue()), "not an HDF5 file of the form that Keras writes")


def test_data_in_other_files(path, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(48))
    outside = [(str(tmp_path / "secret"), 0, 48)]
    refused(with_weights(path, made(shape=(3, 4), dtype="f4", external=outside)), "has data in other files")


def test_the_same_numbers_for_many_layers(path):
    """One array that stands in the file once, and is linked to from many places."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        whole = file.create_dataset("layers/dense/vars/0", data=np.ones(10_000, "f4"))
        for k in range(1, 20):
            file[f"layers/dense/vars/{k}"] = whole
    refused(with_weights(path, buffer.getvalue()), "is used twice")


def test_a_tree_that_leads_to_itself(path):
    """libhdf5 looks for a name in this for ever."""
    content = bytearray(members()["model.weights.h5"])
    node = content.index(b"TREE")
    content[node + 5] = 1  # a level higher than it is
    content[node + 32 : node + 40] = struct.pack("<Q", node)
    refused(with_weights(path, content), "is used twice|is broken")


def test_many_leaves_that_lie_over_each_other():
    """Each a place on in the same entries: as entries are counted, that ends soon."""
    content = bytearray(members()["model.weights.h5"])
    tree, start = content.index(b"TREE"), len(content)
    leaf = b"SNOD\1\0" + struct.pack("<H", 5000)
    entry = struct.pack("<2Q2IQ", 8, 0, 0, 0, 0) + leaf  # which begins the next
    children = b"".join(struct.pack("<2Q", 0, start + 40 * k) for k in range(2000))
    node = b"TREE\0\0" + struct.pack("<H", 2000) + bytes(16) + children
    content += leaf + entry * 7000 + node
    content[tree : tree + 48] = b"TREE\0\1\1\0" + struct.pack("<5Q", 0, 0, 0, len(content) - len(node), 0)
    with pytest.raises(ArgumentError, match=r"what stands at \d+ is used twice"):
        hdf5.Weights(bytes(content))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning", "ignore:.* variables of the optimizer:UserWarning")
def test_tampered_with(seed, whole, path):
    """A short walk of ``benchmarks.fuzz_files --form keras``."""
    rng, outcomes = np.random.default_rng(seed), []
    for _ in range(150):
        first, second = (whole[int(k)] for k in rng.integers(len(whole), size=2))
        path.write_bytes(keras_mutations.mutate(rng, first, second))
        outcomes.append(keras_mutations.attempt(path))
    assert 10 < outcomes.count("loaded") < 75


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return keras_mutations.contents(tmp_path_factory.mktemp("whole") / "net.keras")


def test_all_that_keras_has_can_be_written_and_read(whole, path):
    for content in whole:
        path.write_bytes(content)
        assert keras_mutations.attempt(path) == "loaded"


def test_weights_files_that_are_damaged(tmp_path):
    model = Sequential([layers.Input(3), Dense(2)])
    file = tmp_path / "net.weights.h5"
    model.save_weights(file)
    content, before = file.read_bytes(), model.get_weights()[0].tobytes()
    for size in (9, 100, len(content) - 1):
        file.write_bytes(content[:size])
        with pytest.raises(ModelFileError, match="not a Keras file that can be read: "):
            model.load_weights(file)
    assert model.get_weights()[0].tobytes() == before
