"""Files that Keras wrote, read without it: the same predictions, and the same weights after more training."""

import io
import json
import zipfile

import numpy as np
import pytest
from golden_values import FOLDER, golden

import mlp
from mlp import Sequential, activations, layers
from mlp.errors import ArgumentError, ModelFileError, NotReadyError
from mlp.layers import Dense
from mlp.models import load_model, model_from_json

GOLDEN = golden("keras_files")
X, Y = (np.array(GOLDEN[name], "float32") for name in "XY")
FILES = FOLDER / "keras_files"
every_file = pytest.mark.parametrize("name", sorted(GOLDEN["files"]))


def config_of(path) -> dict:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("config.json"))


def changed(path, target, change):
    """A copy of a Keras file whose description `change` has changed."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                content = json.dumps(change(config) or config)
            new.writestr(name, content)
    return target


def test_each_file_has_its_numbers():
    assert sorted(path.stem for path in FILES.iterdir()) == sorted(GOLDEN["files"])


@every_file
def test_predictions_are_keras(name):
    model = load_model(FILES / f"{name}.keras")
    np.testing.assert_allclose(model.predict(X), GOLDEN["files"][name]["predictions"], 2e-6, 1e-6)


@pytest.mark.parametrize("name", ["adam", "frozen", "unbuilt"])
@pytest.mark.parametrize("engine", ["numpy", "auto"])
def test_training_goes_on_as_in_keras(name, engine):
    """Which it does only with the optimizer's state and steps."""
    case, model = GOLDEN["files"][name], load_model(FILES / f"{name}.keras")
    assert model.optimizer.iterations == GOLDEN["steps"]
    assert all(np.any(vector) for vector in model.optimizer.state.values())
    reported = model.evaluate(X, Y, return_dict=True)
    assert reported == pytest.approx(case["evaluate"], rel=2e-6)
    model.engine_asked = engine
    model.fit(X, Y, batch_size=GOLDEN["batch_size"], epochs=GOLDEN["steps"], shuffle=False, verbose=0)
    for ours, theirs in zip(model.get_weights(), case["trained"].values(), strict=True):
        np.testing.assert_allclose(ours, np.reshape(theirs, ours.shape), 1e-5, 1e-6)


def test_what_keras_says_in_several_ways():
    adam, frozen = load_model(FILES / "adam.keras"), load_model(FILES / "frozen.keras")
    assert (adam.name, adam.input_shape, adam.dtype) == ("net", (3,), "float32")
    assert [type(layer).__name__ for layer in adam.layers] == [
        "Dense", "BatchNormalization", "Dense", "PReLU", "Dense",
    ]  # fmt: skip
    assert repr(adam.layers[2].activation) == "LeakyReLU(negative_slope=0.1)"
    assert adam.metrics_names == ["loss", "mae", "root_mean_squared_error"]
    assert frozen.metrics_names == ["loss", "mean_absolute_error"]
    assert [layer.trainable for layer in frozen.layers] == [False, True, True]
    assert repr(frozen.layers[1].activation) == "LeakyReLU(negative_slope=0.3)"
    assert frozen.optimizer.learning_rate.get_config()["decay_steps"] == 2


def test_models_in_models_become_one_stack():
    model = load_model(FILES / "nested.keras")
    assert len(model.layers) == 6
    assert len({layer.name for layer in model.layers}) == 6
    assert repr(model.layers[2].activation) == "GeneralReLU(max_value=1.0)"


def test_a_chain_is_a_stack():
    model = load_model(FILES / "functional.keras")
    assert [layer.name for layer in model.layers] == ["hidden", "dropout", "out"]
    assert not model.compiled


def test_anything_but_a_chain_is_refused(tmp_path):
    def branch(config):
        node = config["config"]["layers"][-1]["inbound_nodes"][0]
        node["args"][0]["config"]["keras_history"][0] = "hidden"

    path = changed(FILES / "functional.keras", tmp_path / "net.keras", branch)
    with pytest.raises(
        ModelFileError, match=r"'out' gets its input from \['hidden'\]; only models that are a"
    ):
        load_model(path)


def test_a_normalization_keeps_what_it_has_found():
    model = load_model(FILES / "normalization.keras")
    twin = Sequential.from_config(model.get_config())
    np.testing.assert_allclose(twin.layers[0].mean, X.mean(axis=0), 1e-5)
    np.testing.assert_array_equal(load_model(FILES / "given.keras").layers[0].variance, [1, 2, 3])


def test_without_compiling():
    model = load_model(FILES / "adam.keras", compile=False)
    assert not model.compiled
    np.testing.assert_allclose(model.predict(X), GOLDEN["files"]["adam"]["predictions"], 2e-6, 1e-6)


@every_file
def test_through_both_forms_and_back(name, tmp_path):
    model = load_model(FILES / f"{name}.keras")
    for file in ("net.keras", "net.mlp"):
        model.save(tmp_path / file)
        twin = load_model(tmp_path / file)
        assert twin.predict(X).tobytes() == model.predict(X).tobytes()
        assert twin.get_config()["layers"] == model.get_config()["layers"]
        assert twin.compiled == model.compiled


def test_members_as_keras_stores_them(tmp_path):
    path = changed(FILES / "adam.keras", tmp_path / "net.keras", lambda config: config)
    with zipfile.ZipFile(path) as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    assert load_model(path).predict(X).shape == (8, 2)


def test_older_keras_wrote_the_shape_otherwise(tmp_path):
    def older(config):
        inputs = config["config"]["layers"][0]["config"]
        inputs["batch_input_shape"] = inputs.pop("batch_shape")
        for layer in config["config"]["layers"]:
            layer["config"]["dtype"] = "float32"

    assert load_model(changed(FILES / "adam.keras", tmp_path / "net.keras", older)).built


# classes of the user's own


class Triple(layers.Layer):
    def __init__(self, factor=3.0, **options):
        super().__init__(**options)
        self.factor = factor

    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        self.add_parameter("shift", np.zeros(input_shape))

    def forward(self, X, training=False):
        return self.factor * X + self.shift

    def backward(self, delta):
        self.dshift = delta.sum(axis=0)
        return self.factor * delta


class Cubed(activations.Activation):
    def f(self, net, out):
        return np.power(net, 3, out=out)

    def slope(self, net, out, slope):
        return np.multiply(3, net**2, out=slope)


OWN = {"Triple": Triple, "Cubed": Cubed, "pack>Triple": Triple}


def own(config):
    """What Keras writes of classes and functions of the user's own."""
    described = config["config"]["layers"][1]
    described["config"]["activation"] = {
        "module": "builtins", "class_name": "function", "config": "Cubed", "registered_name": "function",
    }  # fmt: skip
    config["config"]["layers"][2] = {
        "module": None,
        "class_name": "Triple",
        "config": {"name": "own", "trainable": True, "dtype": described["config"]["dtype"], "factor": 2.0},
        "registered_name": "pack>Triple",
    }


def test_classes_of_ones_own(tmp_path):
    model = Sequential([layers.Input(3), Dense(4), Triple(2.0, name="own"), Dense(2)])
    model.layers[1].shift = [1, 2, 3, 4]
    with mlp.utils.custom_object_scope(OWN):
        model.save(tmp_path / "own.keras")
    described = config_of(tmp_path / "own.keras")["config"]["layers"][2]
    assert described["class_name"] == "Triple"
    assert described["registered_name"] == "Triple"
    twin = load_model(tmp_path / "own.keras", OWN)
    assert twin.predict(X).tobytes() == model.predict(X).tobytes()
    with pytest.raises(ModelFileError, match=r"'own' \(Triple\).*custom_objects=\{'Triple': YourClass\}"):
        load_model(tmp_path / "own.keras")


def test_what_keras_says_of_classes_of_ones_own():
    config = config_of(FILES / "frozen.keras")
    own(config)
    with pytest.raises(ArgumentError, match="there is no counterpart to Keras's activation 'Cubed'"):
        model_from_json(json.dumps(config))
    model = model_from_json(json.dumps(config), OWN)
    assert repr(model.layers[0].activation) == "Cubed()"
    assert (model.layers[1].factor, model.layers[1].name) == (2.0, "own")


# JSON


def small():
    return Sequential([layers.Input(3), Dense(4, "tanh"), layers.Dropout(0.2), Dense(2)], name="net", seed=3)


def test_our_json_and_back():
    text = small().to_json(indent=1)
    assert text.startswith('{\n "class_name": "Sequential"')
    twin = model_from_json(text)
    assert twin.get_config() == small().get_config()
    assert not twin.compiled
    assert model_from_json(text.encode()).get_config() == twin.get_config()


def test_json_of_a_model_that_is_not_built():
    model = Sequential([Dense(2)])
    assert model_from_json(model.to_json()).get_config() == model.get_config()


@every_file
def test_kerass_json(name):
    model = model_from_json(json.dumps(config_of(FILES / f"{name}.keras")))
    loaded = load_model(FILES / f"{name}.keras")
    assert [layer.get_config()["name"] for layer in model.layers] == [layer.name for layer in loaded.layers]
    assert [w.shape for w in model.get_weights()] == [w.shape for w in loaded.get_weights()]
    assert [layer.trainable for layer in model.layers] == [layer.trainable for layer in loaded.layers]
    assert model.compiled == loaded.compiled


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (3, "json_string must be a JSON text"),
        ("{", "json_string is not JSON that can be read"),
        ("[]", "a part is described by"),
        ('{"class_name": "Adam", "config": {}}', "unknown Model 'Adam'"),
        ('{"module": "keras", "class_name": "Model", "config": {}}', "layers must be a list of layers"),
        ('{"module": "keras", "class_name": "Dense", "config": {}}', "the model must be a Sequential"),
        ('{"module": "keras", "class_name": "Sequential", "config": 3}', "not a model as Keras describes"),
        ("[" * 100_000, "is not JSON that can be read"),
        ("[1" + ", 1" * 2**20 + "]", "more than 1048576 items"),
    ],
)
def test_texts_that_are_no_model(text, message):
    with pytest.raises(ArgumentError, match=message):
        model_from_json(text)


# weights alone are in test_keras_files_weights.py; the form of what is written in test_keras_files_written.py


def test_a_model_without_weights_is_not_saved(tmp_path):
    with pytest.raises(NotReadyError):
        Sequential([Dense(2)]).save(tmp_path / "net.keras")


def test_h5py_is_needed_to_write(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(mlp.errors.MissingPackageError, match=r"pip install 'mlp\[keras\]'"):
        small().save(tmp_path / "net.keras")
    assert not any(tmp_path.iterdir())
    assert load_model(FILES / "adam.keras").name == "net"


def test_a_file_by_its_content_and_not_by_its_name(tmp_path):
    small().save(tmp_path / "net.mlp")
    (tmp_path / "net.mlp").rename(tmp_path / "net.keras")
    assert load_model(tmp_path / "net.keras").count_params() == small().count_params()
    (tmp_path / "other").write_bytes((FILES / "adam.keras").read_bytes())
    assert load_model(tmp_path / "other").name == "net"
    assert zipfile.is_zipfile(io.BytesIO((tmp_path / "other").read_bytes()))
