"""Names: what a string finds, functions and classes of one's own, and what a wrong name says."""

import copy

import numpy as np
import pytest

import mlp
from mlp import Sequential, activations, constraints, initializers, layers, models, naming, optimizers, saving
from mlp.errors import ArgumentError, ModelFileError
from mlp.naming import Part


@pytest.fixture(autouse=True)
def untouched(monkeypatch):
    """Each test registers in a copy."""
    monkeypatch.setattr(naming, "_REGISTERED", copy.deepcopy(naming._REGISTERED))
    yield
    assert not naming.CUSTOM


def shrinking(step):
    return 0.1 / (1 + step)


def growing(step):
    return 0.1 * (1 + step)


class Third(constraints.Constraint):
    """A constraint of one's own."""

    def project(self, W):
        W /= 3


def test_a_wrong_name_brings_the_nearest_best_first():
    for get, wrong, start in (
        (activations.get, "rlu", "unknown activation 'rlu'. Did you mean 'relu', "),
        (initializers.get, "glorot", "unknown initializer 'glorot'. Did you mean 'glorot_normal', 'glo"),
        (
            constraints.get,
            "unit",
            "unknown constraint 'unit'. Did you mean 'unit_norm'? Valid names: max_norm, ",
        ),
        (
            constraints.get,
            "qqqq",
            "unknown constraint 'qqqq'. Valid names: max_norm, min_max_norm, non_neg, u",
        ),
    ):
        with pytest.raises(ArgumentError) as caught:
            get(wrong)
        assert str(caught.value).startswith(start)
        assert caught.value.args[0].count("Did you mean") <= 1


def test_a_long_list_is_not_printed_but_says_where_it_is():
    with pytest.raises(
        ArgumentError, match=r"All \d+ names: mlp\.utils\.names\('initializer'\)\.$"
    ) as caught:
        initializers.get("xyz")
    assert len(str(caught.value)) < 100
    names = mlp.utils.names("initializer")
    assert names == sorted(names)
    assert {"he_normal", "zeros", "orthogonal"} <= set(names)


@pytest.mark.parametrize("kind", sorted(naming.CATALOGUES))
def test_every_name_that_is_listed_is_found(kind):
    catalogue = naming.CATALOGUES[kind]
    known = {*catalogue.classes.values()}
    for name in mlp.utils.names(kind):
        for written in (name, name.upper(), name.replace("_", "")):
            assert catalogue._class_named(written) in known


def test_a_registered_class_is_found_by_its_name():
    with pytest.raises(ArgumentError, match="unknown constraint 'third'"):
        constraints.get("third")
    assert mlp.register(Third) is Third
    for name in ("Third", "third", "THIRD"):
        assert type(constraints.get(name)) is Third
    assert "Third" in mlp.utils.names("constraint")
    assert constraints.serialize(Third()) == {"class_name": "Third", "kind": "Constraint", "config": {}}
    with pytest.raises(ArgumentError, match=r"Did you mean 'Third'"):
        constraints.get("thirt")
    with pytest.raises(ArgumentError, match="unknown activation 'third'"):
        activations.get("third")


def test_a_registered_function_goes_into_configurations_and_comes_back():
    optimizer = optimizers.SGD(shrinking)
    assert optimizer.get_config()["learning_rate"] is shrinking
    assert mlp.register(shrinking) is shrinking
    config = optimizer.get_config()
    assert config["learning_rate"] == {"function": "shrinking"}
    assert optimizers.SGD.from_config(config).learning_rate is shrinking
    mlp.register(shrinking, "slower")
    assert optimizers.SGD.from_config({"learning_rate": {"function": "slower"}}).learning_rate is shrinking


def test_a_function_in_a_model_file(tmp_path):
    path = tmp_path / "net.mlp"
    model = Sequential([layers.Dense(2, input_shape=(3,))], seed=0)
    model.compile(optimizers.SGD(shrinking), "mse")
    with pytest.raises(ArgumentError, match=r"cannot be written as data: .* mlp\.register\(your_function\)"):
        model.save(path)
    mlp.register(shrinking)
    model.save(path)
    assert models.load_model(path).optimizer.learning_rate is shrinking
    del naming._REGISTERED["shrinking"]
    message = r"unknown function 'shrinking'\. A function of your own .* custom_objects=\{'shrinking': your_f"
    with pytest.raises(ModelFileError, match=message):
        models.load_model(path)
    theirs = models.load_model(path, custom_objects={"shrinking": growing})
    assert theirs.optimizer.learning_rate is growing
    with saving.custom_object_scope({"shrinking": growing}):
        assert models.load_model(path).optimizer.learning_rate is growing


@pytest.mark.parametrize(
    "config",
    [
        {"function": "eval"},
        {"function": "os.system"},
        {"function": "SGD"},
        {"function": "mlp.naming.register"},
        {"class_name": "function", "config": {}},
        {"class_name": "shrinking", "kind": "function", "config": {}},
        {"class_name": "shrinking", "config": {}},
        {"class_name": "Popen", "module": "subprocess", "config": {"args": "true"}},
    ],
    ids=str,
)
def test_a_file_calls_nothing_that_is_not_a_known_class(config):
    mlp.register(shrinking)
    with pytest.raises(ArgumentError, match="unknown "):
        optimizers.SGD.from_config({"learning_rate": config})


@pytest.mark.parametrize("what", [5, "Dense", int, layers.Dense(2), None, Part.__mro__])
def test_what_cannot_be_registered(what):
    with pytest.raises(ArgumentError, match=r"part must be a class of layers, losses … or a function; got "):
        mlp.register(what)


def test_a_function_without_a_name_needs_one():
    square = lambda x: x * x  # noqa: E731
    with pytest.raises(ArgumentError, match="name must be a name to find it by; got '<lambda>'"):
        mlp.register(square)
    for name in ("", 5):
        with pytest.raises(ArgumentError, match="name must be a name to find it by; got"):
            mlp.register(square, name)
    assert naming.find(mlp.register(square, "square").__name__) is None
    assert naming.find("square", "function") is square


def test_keras_registration():
    @saving.register_keras_serializable("lecture", "Shift")
    class Moved(activations.Activation):
        def __init__(self, by=1.0):
            self.by = by

        def f(self, net, out):
            return np.add(net, self.by, out)

        def slope(self, net, out, slope):
            slope.fill(1)
            return slope

    assert saving.get_registered_name(Moved) == "lecture>Shift"
    assert saving.get_registered_object("lecture>Shift") is Moved
    assert saving.get_registered_object("Shift") is None
    layer = layers.Dense(2, activation=Moved(0.5))
    description = saving.serialize_keras_object(layer)
    assert description["config"]["activation"]["class_name"] == "lecture>Shift"
    twin = saving.deserialize_keras_object(description)
    assert twin.activation.by == 0.5
    assert activations.get("lecture>Shift").by == 1
    assert saving.get_registered_name(layers.Dense) == "Dense"
    assert saving.get_registered_name(growing) == "growing"
    assert saving.get_registered_name(saving.register_keras_serializable()(growing)) == "Custom>growing"
    assert saving.get_registered_object("Custom>growing") is growing


def test_a_name_registered_by_a_package_is_found_in_custom_objects_without_it():
    description = {"class_name": "lecture>Third", "config": {}}
    with pytest.raises(ArgumentError, match="unknown class 'lecture>Third'"):
        saving.deserialize_keras_object(description)
    assert type(saving.deserialize_keras_object(description, {"Third": Third})) is Third
    assert type(constraints.deserialize(description, {"lecture>Third": Third})) is Third


def test_custom_objects_hold_for_a_while():
    with saving.CustomObjectScope({"Third": Third}) as scope:
        assert scope.custom_objects == {"Third": Third} == saving.get_custom_objects()
        assert type(constraints.get("third")) is Third
        with saving.custom_object_scope({"Quarter": Third}):
            assert type(constraints.get("third")) is type(constraints.get("quarter")) is Third
        with pytest.raises(ArgumentError, match="unknown constraint 'quarter'"):
            constraints.get("quarter")
        assert constraints.serialize(Third())["class_name"] == "Third"
    with pytest.raises(ArgumentError, match="unknown constraint 'third'"):
        constraints.get("third")
    saving.get_custom_objects()["Third"] = Third
    assert type(constraints.get("Third")) is Third
    saving.get_custom_objects().clear()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: saving.register_keras_serializable(Third), "package must be a string; write register_k"),
        (lambda: saving.register_keras_serializable("a", 5), "name must be a string; got 5"),
        (lambda: saving.register_keras_serializable()(5), "part must be a class of layers"),
        (lambda: saving.custom_object_scope([Third]), "custom_objects must be a dict of classes or funct"),
        (lambda: saving.serialize_keras_object(5), "obj must be a layer, a loss or another part; got 5"),
        (lambda: saving.deserialize_keras_object(5), "a part is described by"),
        (lambda: constraints.serialize(5), "constraint must be a name, a class or an object"),
        (lambda: constraints.deserialize(5), "constraint must be a name, a class or an object"),
        (lambda: constraints.deserialize({"class_name": 5, "config": {}}), "a part is described by"),
        (lambda: constraints.deserialize({"class_name": "L2", "config": {}}), "unknown Constraint 'L2'"),
        (lambda: mlp.utils.names("activations"), "kind must be one of activation, constraint, initializer, "),
        (lambda: mlp.utils.names(["loss"]), "kind must be one of"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_none_stays_none():
    assert saving.serialize_keras_object(None) is saving.deserialize_keras_object(None) is None
    assert saving.CustomObjectScope(None).custom_objects == {}


def test_a_class_of_ones_own_is_not_displaced_by_a_built_in_one_that_is_loaded_later():
    @mlp.register
    class Huber(mlp.losses.Loss):
        """The user's own of that name."""

    mlp.losses.get("huber")
    assert type(naming.revive({"class_name": "Huber", "kind": "Loss", "config": {}})) is Huber
