"""Weights alone, in files of ours and of Keras's form: into a model that is there."""

import zipfile

import h5py
import numpy as np
import pytest
from test_keras_files import FILES, GOLDEN, X, changed
from test_keras_files_written import tree

from mlp import Sequential, layers, saving
from mlp.errors import ArgumentError, MissingFileError, ModelFileError, NotReadyError
from mlp.layers import Dense
from mlp.models import load_model, model_from_json

NAMES = ["net.weights.h5", "net.weights.mlp", "net.safetensors", "net"]
every_name = pytest.mark.parametrize("name", NAMES)


def net(units=4, seed=1, **options):
    stack = [layers.Input(3), Dense(units, "tanh"), layers.BatchNormalization(), layers.PReLU(), Dense(2)]
    return Sequential([*stack, layers.Activation("sine")], seed=seed, **options)


def bits(model) -> list:
    return [value.tobytes() for value in model.get_weights()]


@every_name
def test_saved_and_loaded(name, tmp_path):
    model, twin = net(), net(seed=2)
    assert bits(model) != bits(twin)
    model.save_weights(tmp_path / name)
    twin.load_weights(tmp_path / name)
    assert bits(model) == bits(twin)
    assert twin.predict(X).tobytes() == model.predict(X).tobytes()
    wide = net(seed=3, dtype="float64")
    wide.load_weights(tmp_path / name)
    np.testing.assert_array_equal(np.float32(wide.layers[0].W), model.layers[0].W)


@pytest.mark.parametrize("name", ["net.mlp", "net.keras"])
def test_from_the_file_of_a_whole_model(name, tmp_path):
    stack = [layers.Input(3), Dense(4, "tanh"), layers.BatchNormalization(), Dense(2)]
    model = Sequential(stack, seed=1)
    model.compile("adam", "mse")
    model.train_on_batch(X, np.zeros((8, 2)))
    model.save(tmp_path / name)
    twin = model_from_json(model.to_json())
    twin.load_weights(tmp_path / name)
    assert bits(twin) == bits(model)


def test_a_checkpoint_of_keras():
    model = load_model(FILES / "adam.keras")
    twin = model_from_json(model.to_json())
    twin.load_weights(FILES / "adam.keras")
    np.testing.assert_allclose(twin.predict(X), GOLDEN["files"]["adam"]["predictions"], 2e-6, 1e-6)


def test_the_arrays_lie_where_keras_puts_them(tmp_path):
    with zipfile.ZipFile(FILES / "adam.keras") as archive:
        (tmp_path / "keras.weights.h5").write_bytes(archive.read("model.weights.h5"))
    model = load_model(FILES / "adam.keras")
    model.save_weights(tmp_path / "ours.weights.h5")
    theirs = tree(tmp_path / "keras.weights.h5")
    assert tree(tmp_path / "ours.weights.h5") == {k: v for k, v in theirs.items() if "activation" not in k}
    model.load_weights(tmp_path / "keras.weights.h5")


def test_the_optimizer_stays_as_it_is(tmp_path):
    model = load_model(FILES / "adam.keras")
    before = {name: vector.tobytes() for name, vector in model.optimizer.state.items()}
    model.save_weights(tmp_path / "a.weights.h5")
    model.load_weights(tmp_path / "a.weights.h5")
    assert before == {name: vector.tobytes() for name, vector in model.optimizer.state.items()}
    assert model.optimizer.iterations == GOLDEN["steps"]


def test_a_normalization_has_a_count_in_keras(tmp_path):
    scaled = layers.Normalization()
    scaled.adapt(X)
    model = Sequential([layers.Input(3), scaled, Dense(2)])
    model.save_weights(tmp_path / "n.weights.h5")
    assert tree(tmp_path / "n.weights.h5")["layers/normalization/vars/2"] == ((), "int32")
    twin = Sequential([layers.Input(3), layers.Normalization(), Dense(2)])
    twin.load_weights(tmp_path / "n.weights.h5")
    assert bits(twin) == bits(model)


@every_name
def test_what_does_not_fit_changes_nothing(name, tmp_path):
    net(units=5).save_weights(tmp_path / name)
    model = net()
    before = bits(model)
    with pytest.raises(
        ArgumentError, match=r"'dense' has weights of the shapes \[\(3, 4\), \(4,\)\], the file"
    ):
        model.load_weights(tmp_path / name)
    assert bits(model) == before


@every_name
def test_what_does_not_fit_is_skipped_on_request_and_said(name, tmp_path):
    source, model = net(units=5), net()
    source.layers[3].b = [3, 4]
    source.save_weights(tmp_path / name)
    before = bits(model)
    with pytest.warns(UserWarning, match="were left out: layer 'dense' has .* layer 'batch_normalization'"):
        model.load_weights(tmp_path / name, skip_mismatch=True)
    assert bits(model) == before  # the last layer takes other inputs, too
    other = Sequential([layers.Input(5), Dense(2)])
    other.layers[0].name = "dense_1"
    if name.endswith("h5"):
        return
    with pytest.warns(UserWarning, match="nothing here for"):
        other.load_weights(tmp_path / name, skip_mismatch=True)
    np.testing.assert_array_equal(other.layers[0].b, [3, 4])


@every_name
def test_more_layers_in_the_file(name, tmp_path):
    net().save_weights(tmp_path / name)
    model = Sequential([layers.Input(3), Dense(4)])
    with pytest.raises(ArgumentError, match="do not fit the model: nothing here for 'batch_normalization"):
        model.load_weights(tmp_path / name)


def test_weights_that_are_no_floating_point_numbers(tmp_path):
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        file["layers/dense/vars/0"] = np.ones((3, 2), int)
        file["layers/dense/vars/1"] = np.ones(2)
    model = Sequential([layers.Input(3), Dense(2)])
    with pytest.raises(ArgumentError, match="'dense' needs floating point numbers, the file has int64"):
        model.load_weights(tmp_path / "a.weights.h5")


@pytest.mark.parametrize("kind", ["<f2", "<f4", "<f8", ">f4", ">f8"])
def test_numbers_of_all_kinds(kind, tmp_path):
    values = np.array([[0.5, -1.5], [2, 3], [0, 65504]], kind)
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        file["layers/dense/vars/0"] = values
        file["layers/dense/vars/1"] = np.zeros(2, kind)
    model = Sequential([layers.Input(3), Dense(2)])
    model.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(model.layers[0].W, values.astype("float32"))


def test_many_layers(tmp_path):
    """More than fit into one leaf, or one node, of the trees in which HDF5 keeps names."""
    model = Sequential([layers.Input(2), *(Dense(2) for _ in range(300))], seed=1)
    model.compile("adam", "mse")
    model.save(tmp_path / "deep.keras")
    assert bits(load_model(tmp_path / "deep.keras")) == bits(model)
    assert load_model(tmp_path / "deep.keras").layers[299].name == "dense_299"


def test_before_the_model_is_built(tmp_path):
    model = Sequential([Dense(2)])
    with pytest.raises(NotReadyError, match=r"save_weights\(\) needs weights"):
        model.save_weights(tmp_path / "a.weights.h5")
    with pytest.raises(NotReadyError, match=r"load_weights\(\) needs weights"):
        model.load_weights(tmp_path / "a.weights.h5")


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.hdf5"])
def test_names_that_promise_something_else(name, tmp_path):
    with pytest.raises(ArgumentError, match=r"filepath must be a name that ends in \.weights\.h5"):
        net().save_weights(tmp_path / name)
    if name != "a.keras":
        with pytest.raises(ArgumentError, match=r"filepath must be a name that ends in \.mlp .*or \.keras"):
            net().save(tmp_path / name)
    assert not any(tmp_path.iterdir())


def test_weights_alone_are_no_model(tmp_path):
    net().save_weights(tmp_path / "a.weights.h5")
    with pytest.raises(
        ModelFileError, match=r"is an HDF5 file\. .*model\.load_weights\('.*a\.weights\.h5'\)"
    ):
        load_model(tmp_path / "a.weights.h5")


def test_arguments(tmp_path):
    with pytest.raises(ArgumentError, match="max_shard_size must be None"):
        net().save_weights(tmp_path / "a.weights.h5", max_shard_size=1)
    with pytest.raises(ArgumentError, match="skip_mismatch must be True or False"):
        net().load_weights(tmp_path / "a.weights.h5", skip_mismatch="no")
    with pytest.raises(MissingFileError, match=r"there is no .* '.*a\.weights\.h5'"):
        net().load_weights(tmp_path / "a.weights.h5")
    with pytest.raises(ArgumentError, match="include_optimizer must be True or False"):
        net().save(tmp_path / "a.keras", include_optimizer=3)
    net().save_weights(tmp_path / "a.mlp")
    with pytest.raises(ArgumentError, match="exists, and overwrite=False"):
        net().save_weights(tmp_path / "a.mlp", overwrite=False)
    with pytest.raises(ModelFileError, match="has weights alone; make the model, then"):
        load_model(tmp_path / "a.mlp")


def test_a_block_has_no_place_in_kerass_form(tmp_path):
    model = Sequential([layers.Input(3), layers.Residual([Dense(3)]), Dense(2)])
    with pytest.raises(ArgumentError, match=r"'residual' \(Residual\) has no counterpart in Keras"):
        model.save_weights(tmp_path / "a.weights.h5")
    model.save_weights(tmp_path / "a.mlp")
    twin = model_from_json(model.to_json())
    twin.load_weights(tmp_path / "a.mlp")
    assert bits(twin) == bits(model)


def test_kerass_functions(tmp_path):
    model, twin = net(), net(seed=2)
    saving.save_weights(model, tmp_path / "a.weights.h5")
    saving.load_weights(twin, tmp_path / "a.weights.h5")
    assert bits(twin) == bits(model)


def test_too_many_weights_for_a_layer(tmp_path):
    """`use_bias=False` in the description, and a bias in the file."""

    def biasless(config):
        config["config"]["layers"][-1]["config"]["use_bias"] = False

    path = changed(FILES / "functional.keras", tmp_path / "net.keras", biasless)
    with pytest.raises(ModelFileError, match="its layers have 4 weights, and 3 were expected"):
        load_model(path)
