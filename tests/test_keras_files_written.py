"""The form of the files that are written: the groups, arrays and descriptions that Keras itself writes.

That Keras loads them is shown by `golden/check_keras_files.py`, which needs Keras.
"""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest
from test_keras_files import FILES, GOLDEN, X, Y, changed, config_of, every_file

import mlp
from mlp import Sequential, layers, losses, metrics, optimizers
from mlp.errors import ArgumentError, ModelFileError
from mlp.layers import Dense
from mlp.models import load_model
from mlp.optimizers import schedules


def weights_of(path) -> h5py.File:
    if not zipfile.is_zipfile(path):
        return h5py.File(path)
    with zipfile.ZipFile(path) as archive:
        return h5py.File(io.BytesIO(archive.read("model.weights.h5")))


def tree(path) -> dict:
    """Every group with its attributes, every dataset with its shape and type."""
    found = {}

    def visit(name, item):
        dataset = isinstance(item, h5py.Dataset)
        found[name] = (item.shape, str(item.dtype)) if dataset else dict(item.attrs)

    weights_of(path).visititems(visit)
    return found


def without(data, *keys):
    """Nested data without what has no meaning."""
    if isinstance(data, dict):
        return {key: without(value, *keys) for key, value in data.items() if key not in keys}
    return [without(item, *keys) for item in data] if isinstance(data, list) else data


def is_part_of(ours, theirs, where="") -> bool:
    """Whether all that is said in ours is said in theirs, where theirs may say more."""
    if isinstance(ours, dict):
        assert isinstance(theirs, dict), where
        assert ours.keys() <= theirs.keys(), (where, ours.keys() - theirs.keys())
        return all(is_part_of(value, theirs[key], f"{where}.{key}") for key, value in ours.items())
    if isinstance(ours, list) and isinstance(theirs, list):
        assert len(ours) == len(theirs), where
        pairs = enumerate(zip(ours, theirs, strict=True))
        return all(is_part_of(a, b, f"{where}[{k}]") for k, (a, b) in pairs)
    assert ours == theirs, where
    return True


@pytest.mark.parametrize("name", ["adam", "frozen", "normalization", "unbuilt"])
def test_arrays_lie_where_keras_puts_them(name, tmp_path):
    path = tmp_path / "net.keras"
    load_model(FILES / f"{name}.keras").save(path)
    ours, theirs = tree(path), tree(FILES / f"{name}.keras")
    within = [key for key in theirs if "activation" in key and "layers" in key]  # of a layer in a layer
    for key in within:
        del theirs[key]
    assert ours == theirs
    if name == "normalization":
        return
    for path_of in ("optimizer/vars/0", "layers/dense/vars/0"):
        np.testing.assert_array_equal(
            weights_of(path)[path_of][()], weights_of(FILES / f"{name}.keras")[path_of][()]
        )


@pytest.mark.parametrize("name", ["adam", "frozen", "unbuilt"])
def test_the_optimizers_variables_are_those_that_were_read(name, tmp_path):
    load_model(FILES / f"{name}.keras").save(tmp_path / "net.keras")
    ours = weights_of(tmp_path / "net.keras")["optimizer/vars"]
    theirs = weights_of(FILES / f"{name}.keras")["optimizer/vars"]
    for key in theirs:
        np.testing.assert_allclose(ours[key][()], theirs[key][()], 3e-7)


def plain_metrics(config):
    """What Keras writes as names is written as classes."""
    return without(config, "metrics", "weighted_metrics", "loss", "jit_compile", "shared_object_id")


@every_file
def test_descriptions_say_what_keras_says(name, tmp_path):
    if name in ("functional", "nested"):  # which become plain stacks
        return
    path = tmp_path / "net.keras"
    load_model(FILES / f"{name}.keras").save(path)
    ours, theirs = plain_metrics(config_of(path)), plain_metrics(config_of(FILES / f"{name}.keras"))
    for config in (ours, theirs):
        config["config"]["layers"][0]["config"]["name"] = "input"
        shapes = [
            config["config"]["layers"][0]["config"]["batch_shape"],
            config["build_config"]["input_shape"],
        ]
        for layer in config["config"]["layers"][1:]:
            layer["config"].pop("seed", None)
            layer["config"].pop("name")
            layer.pop("build_config", None)
        for shape in [*shapes, config["config"]["build_input_shape"]]:
            shape[0] = None  # Keras notes the batch with which it was built
        for key in ("mean", "variance"):
            config["config"]["layers"][1]["config"].pop(key, None)
    ours["compile_config"].pop("optimizer", None)
    assert is_part_of(ours, theirs)


def test_the_archive(tmp_path):
    net().save(tmp_path / "net.keras")
    with zipfile.ZipFile(tmp_path / "net.keras") as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        metadata = json.loads(archive.read("metadata.json"))
    assert metadata.keys() == {"keras_version", "date_saved"}
    assert metadata["keras_version"] == GOLDEN["versions"]["keras"]


def net(*more, optimizer="adam", loss="mse", **options):
    model = Sequential([layers.Input(3), Dense(4, "tanh"), *more, Dense(2)], name="net", seed=1)
    model.compile(optimizer, loss, engine="numpy", **options)
    return model


def test_what_was_compiled(tmp_path):
    model = net(metrics=["accuracy", "mae"], weighted_metrics=["acc", metrics.R2Score(name="r")])
    model.save(tmp_path / "net.keras")
    said = config_of(tmp_path / "net.keras")["compile_config"]
    assert said["loss"]["class_name"] == "MeanSquaredError"
    assert said["metrics"][0] == "accuracy"
    assert said["metrics"][1]["config"]["name"] == "mae"
    assert said["weighted_metrics"][0] == "acc"
    assert load_model(tmp_path / "net.keras").metrics_names == model.metrics_names
    assert sorted(weights_of(tmp_path / "net.keras")["optimizer/vars"], key=int) == [*map(str, range(10))]


def test_without_what_was_compiled(tmp_path):
    path = tmp_path / "net.keras"
    net(optimizer=optimizers.LBFGS()).save(path, include_optimizer=False)
    assert config_of(path)["compile_config"] == {}
    assert "optimizer" not in weights_of(path)
    assert not load_model(path).compiled


KERASS = (
    "Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion Muon Nadam RMSprop SGD ScheduleFreeAdamW"
)
EVERY_RULE = [
    *(getattr(optimizers, name)(0.02) for name in KERASS.split()),
    optimizers.SGD(0.02, momentum=0.9), optimizers.Adam(0.02, amsgrad=True, use_ema=True),
    optimizers.RMSprop(0.02, momentum=0.5, centered=True), optimizers.Adam(gradient_accumulation_steps=2),
    optimizers.SGD(schedules.CosineDecay(0.1, 10)),
]  # fmt: skip


@pytest.mark.parametrize("rule", EVERY_RULE, ids=repr)
def test_every_rule_remembers(rule, tmp_path):
    """Through Keras's variables and back, to rounding: the constants differ by which they are multiplied."""
    model = net(layers.BatchNormalization(), Dense(4, trainable=False), optimizer=rule)
    model.fit(X, Y, batch_size=3, epochs=2, verbose=0)
    model.save(tmp_path / "net.keras")
    twin = load_model(tmp_path / "net.keras")
    assert twin.optimizer.iterations == rule.iterations
    for one in (model, twin):
        one.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    if not rule.use_ema:  # which goes on from the weights as they were before the average was given
        for ours, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
            np.testing.assert_allclose(theirs, ours, 2e-5, 2e-6)
    kept = [model.optimizer.state, twin.optimizer.state]
    assert kept[0].keys() == kept[1].keys()


def test_a_rule_that_has_not_stepped(tmp_path):
    """Its variables are written as they begin, so that Keras finds as many as it expects."""
    net(optimizer=optimizers.Adagrad(0.1)).save(tmp_path / "net.keras")
    values = weights_of(tmp_path / "net.keras")["optimizer/vars"]
    assert values["0"][()] == 0
    np.testing.assert_allclose(values["2"][()], 0.1, 1e-5)


def test_another_number_of_variables_begins_anew_and_says_so(tmp_path):
    """As Keras does it: a layer may have been frozen since."""

    def freeze(config):
        config["config"]["layers"][1]["config"]["trainable"] = False

    path = changed(FILES / "adam.keras", tmp_path / "net.keras", freeze)
    with pytest.warns(UserWarning, match="has 20 variables of the optimizer Adam, and 16 were expected"):
        model = load_model(path)
    assert model.optimizer.iterations == 0


# what Keras lacks

LACKS = [
    (layers.Residual([Dense(4)]), {}, r"layer 'residual' \(Residual\): a Keras file cannot hold a Residual"),
    (layers.Columns([0, 1]), {}, "layer 'columns'"),
    (Dense(4, "sine"), {}, r"layer 'dense_1' \(Dense\): .* the activation Sine\(frequency=1.0\), for which"),
    (Dense(4, "sparsemax"), {}, "activation Sparsemax"),
    (layers.Activation(mlp.activations.GELU(approximate=True)), {}, r"layer 'activation' .* GELU\(approxim"),
    (Dense(4), {"optimizer": optimizers.RAdam()}, "the optimizer: .* a RAdam,.* include_optimizer=False"),
    (Dense(4), {"optimizer": optimizers.LBFGS()}, "cannot hold a LBFGS"),
    (Dense(4), {"optimizer": optimizers.SGD(rate_factors={"bias": 2})}, "Keras's SGD has no rate_factors="),
    (Dense(4), {"optimizer": optimizers.SGD(schedules.OneCycle(0.1, 9))}, "cannot hold a OneCycle"),
    (Dense(4), {"loss": losses.Quantile([0.1, 0.9])}, "the loss: .* a Quantile"),
    (Dense(4), {"metrics": [metrics.BrierScore()]}, "metric 'brier_score': .* a BrierScore"),
]


@pytest.mark.parametrize(("layer", "options", "message"), LACKS, ids=range(len(LACKS)))
def test_what_keras_lacks_is_named_and_nothing_is_written(layer, options, message, tmp_path):
    model = net(layer.clone(), **options)
    (tmp_path / "net.keras").write_bytes(b"before")
    with pytest.raises(ArgumentError, match=message):
        model.save(tmp_path / "net.keras")
    assert (tmp_path / "net.keras").read_bytes() == b"before"
    model.save(tmp_path / "net.mlp")


@pytest.mark.parametrize("name", ["net.keras", "net.weights.h5"])
def test_a_file_that_is_there_is_kept_if_asked_for(name, tmp_path):
    model, path = net(), tmp_path / name
    write = model.save if name == "net.keras" else model.save_weights
    write(path)
    before = path.read_bytes()
    with pytest.raises(ArgumentError, match="exists, and overwrite=False"):
        write(path, overwrite=False)
    assert path.read_bytes() == before
    write(path)
    with pytest.raises(ModelFileError, match="is in a folder that does not exist"):
        write(tmp_path / "nowhere" / name)
    assert [item.name for item in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("key", ["SparseX", "glu", "sparsemax"])
def test_activations_that_only_keras_has(key, tmp_path):
    def other(config):
        config["config"]["layers"][1]["config"]["activation"] = key

    path = changed(FILES / "adam.keras", tmp_path / "net.keras", other)
    with pytest.raises(ModelFileError, match=f"no counterpart to Keras's activation '{key}'"):
        load_model(path)


def test_a_rate_that_is_an_integer(tmp_path):
    """Which Keras refuses."""
    net(optimizer=optimizers.SGD(1)).save(tmp_path / "net.keras")
    rate = config_of(tmp_path / "net.keras")["compile_config"]["optimizer"]["config"]["learning_rate"]
    assert type(rate) is float


class Marked(layers.Layer):
    def __init__(self, mark=None, **options):
        super().__init__(**options)
        self.mark = mark

    def forward(self, X, training=False):
        return X

    def backward(self, delta):
        return delta


def test_an_argument_of_ones_own_that_is_no_data(tmp_path):
    with (
        mlp.utils.custom_object_scope({"Marked": Marked}),
        pytest.raises(ArgumentError, match="the model cannot be written as data: Object of type object"),
    ):
        net(Marked(object())).save(tmp_path / "net.keras")
    assert not any(tmp_path.iterdir())
