"""Every class as plain data and back: configurations, names, reprs and copies say all there is to say."""

import copy
import importlib
import inspect
import json
import pickle
import pkgutil

import numpy as np
import pytest
from examples import EVERY, EXAMPLES, LABELS, ONE_HOT, OUTPUTS, X, example, members

import mlp
from mlp import Sequential, activations, layers, metrics, naming, optimizers
from mlp.layers import Activation, Dense, Flatten
from mlp.optimizers import schedules

every = pytest.mark.parametrize(
    ("kind", "part"), EVERY, ids=[f"{kind}-{part.__name__}" for kind, part in EVERY]
)
every_kind = pytest.mark.parametrize("kind", sorted(EXAMPLES))
MODULES = {
    kind: schedules if kind == "schedule" else getattr(mlp, "losses" if kind == "loss" else kind + "s")
    for kind in EXAMPLES
}


for module in pkgutil.walk_packages(mlp.__path__, "mlp."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)


def descendants(base) -> set:
    """The classes of the package that derive from a base, without those that are the estimators' own."""
    found = {part for part in base.__subclasses__() if part.__module__.startswith("mlp.")}
    found = {part for part in found if not part.__module__.startswith("mlp.estimators.")}
    return found.union(*map(descendants, found))


# no class is forgotten, no option is left at its default without need


@every_kind
def test_every_class_has_an_example(kind):
    base = naming.CATALOGUES[kind].base
    concrete = {part for part in descendants(base) if not part.__name__.startswith("_")}
    assert {part.__name__ for part in concrete} == {part.__name__ for part in EXAMPLES[kind]}
    assert set(members(kind)) <= concrete


@every_kind
def test_every_class_can_be_found_by_the_name_in_its_description(kind):
    for part in EXAMPLES[kind]:
        assert naming.find(part.__name__, naming.kind_of(part)) is part
        assert getattr(MODULES[kind], part.__name__) is part


# at their defaults in an example: of several options that exclude each other all but one, and those
# whose default is what the example needs; every one of them is another in some other example
ALSO_AT_THEIR_DEFAULTS = {
    "layer": {"input_dim", "use_bias", "center", "scale", "output_shape"},
    "metric": {"sparse_y_pred", "num_thresholds", "thresholds"},
    "optimizer": {
        *("clipnorm", "clipvalue", "global_clipnorm", "gradient_accumulation_steps"),
        *("use_ema", "ema_momentum", "ema_overwrite_frequency"),
    },
}


@every
def test_options_are_off_their_defaults(kind, part):
    config, defaults = example(part).get_config(), naming.constructor_arguments(part)
    same = {name for name, default in defaults.items() if config[name] == default}
    assert same <= ALSO_AT_THEIR_DEFAULTS.get(kind, set())


@every
def test_every_argument_is_in_the_configuration_as_it_was_given(kind, part):
    config = example(part).get_config()
    assert config.keys() == naming.constructor_arguments(part).keys()
    for name, given in EXAMPLES[kind][part].items():
        if isinstance(given, bool | int | float | str):
            assert type(config[name]) is type(given) or isinstance(config[name], dict)
            assert config[name] == given or isinstance(config[name], dict)


# what an object does, so that two can be compared


def training(rule) -> list:
    """The bits of the weights that a rule makes of a small model."""
    model = Sequential([Dense(4, "tanh", input_shape=(3,)), Dense(3)], dtype="float64", seed=1)
    model.compile(rule, "mse")
    model.fit(X, ONE_HOT, epochs=3, batch_size=None if isinstance(rule, optimizers.Solver) else 8, verbose=0)
    return [value.tobytes() for value in model.get_weights()]


def in_a_layer(layer) -> list:
    """What a layer puts out, at prediction and while it learns, and its parameters afterwards."""
    layer.trainable = True
    model = Sequential([layer, Flatten(), Dense(2)], dtype="float64", seed=2)
    shape = layer.input_shape or (3,)
    rows = np.abs(np.random.default_rng(3).normal(size=(12, *shape)))
    if isinstance(layer, layers.Embedding):
        rows = rows.astype(int) % 4
    model.compile("sgd", "mse")
    model.fit(rows, np.zeros((12, 2)), epochs=2, verbose=0)
    return [value.tobytes() for value in (model.predict(rows), *model.get_weights())]


def measured(metric):
    """A metric of two batches."""
    metric.reset_state()
    if isinstance(metric, metrics.Mean | metrics.Sum):
        metric.update_state(X)
        return metric.result()
    sparse = "sparse" in naming.snake_case(type(metric).__name__)
    target = LABELS if sparse else ONE_HOT
    out = np.abs(X) / np.abs(X).sum(axis=1, keepdims=True)
    for rows in (slice(12), slice(12, None)):
        metric.update_state(target[rows], out[rows], np.linspace(0, 1, len(out[rows])))
    return metric.result()


def by_itself(loss):
    units, _, target = OUTPUTS.get(type(loss), (3, None, ONE_HOT))
    out = np.abs(np.random.default_rng(4).normal(size=(30, units)))
    if OUTPUTS.get(type(loss), ("", ""))[1] == "softmax":
        out /= out.sum(axis=1, keepdims=True)
    return loss(target, out)


BEHAVIOURS = {
    "activation": lambda part: in_a_layer(Activation(part, input_shape=(8,))),
    "constraint": lambda part: part(np.linspace(-2, 3, 12).reshape(4, 3)),
    "initializer": lambda part: part(np.random.default_rng(0), (4, 3)),
    "layer": in_a_layer,
    "loss": by_itself,
    "metric": measured,
    "optimizer": training,
    "regularizer": lambda part: part(np.linspace(-2, 3, 12).reshape(4, 3)),
    "schedule": lambda part: [part(step) for step in range(40)],
}


def same_behaviour(kind, one, other):
    """Whether they do the same to the bit; both are used up by it."""
    np.testing.assert_array_equal(BEHAVIOURS[kind](one), BEHAVIOURS[kind](other))


# configurations


def as_json(config):
    return json.loads(json.dumps(config, allow_nan=False))


@every
def test_from_config(kind, part):
    made = example(part)
    config = as_json(made.get_config())
    twin = part.from_config(config)
    assert type(twin) is part
    assert twin.get_config() == made.get_config()
    assert as_json(twin.get_config()) == config
    same_behaviour(kind, made, twin)


@every
def test_a_configuration_shares_nothing(kind, part):
    made = example(part)
    before = as_json(made.get_config())
    for value in made.get_config().values():
        if isinstance(value, list):
            value.append(1)
        elif isinstance(value, dict):
            value.clear()
    assert as_json(made.get_config()) == before


@every
def test_a_configuration_after_use(kind, part):
    """What was learned or drawn is no part of it, but for the shapes that layers in a block learn."""
    made = example(part)
    if kind == "layer":
        made.trainable = True
    before = as_json(made.get_config())
    BEHAVIOURS[kind](made)
    made = made.clone() if kind == "layer" else made
    assert as_json(made.get_config()) == before


@every
def test_serialize(kind, part):
    catalogue, module, made = naming.CATALOGUES[kind], MODULES[kind], example(part)
    description = as_json(catalogue.serialize(made))
    assert description == as_json(mlp.saving.serialize_keras_object(made))
    assert description["class_name"] == part.__name__
    found = [catalogue.deserialize(description), mlp.saving.deserialize_keras_object(description)]
    if kind != "layer":
        found.append(module.get(description) if hasattr(module, "get") else catalogue.get(description))
    if hasattr(module, "deserialize"):
        short = module.serialize(example(part))  # in Keras an activation without options is its name
        by_name = kind == "activation" and not made.get_config()
        assert as_json(short) == (naming.snake_case(part.__name__) if by_name else description)
        found += [module.deserialize(short), module.deserialize(description)]
    for twin in found:
        assert type(twin) is part
        assert twin.get_config() == made.get_config()
    same_behaviour(kind, made, found[0])


@every
def test_without_options(kind, part):
    """Every default goes through a configuration and, said or not, through a repr."""
    required = {k: v for k, v in EXAMPLES[kind][part].items() if is_required(part, k)}
    made = part(**copy.deepcopy(required))
    twin = part.from_config(as_json(made.get_config()))
    assert twin.get_config() == made.get_config()
    if "<function" not in repr(made):
        assert eval(repr(made), namespace(part, kind)).get_config() == made.get_config()


def is_required(part, argument):
    return naming.constructor_arguments(part).get(argument) is inspect.Parameter.empty


# names


@every_kind
def test_by_class_and_by_name(kind):
    catalogue = naming.CATALOGUES[kind]
    for part in members(kind):
        if any(is_required(part, argument) for argument in naming.constructor_arguments(part)):
            continue
        snake = naming.snake_case(part.__name__)
        for written in (part, part(), part.__name__, snake, snake.upper(), snake.replace("_", "")):
            found = catalogue.get(written)
            assert type(found) is part
            assert found.get_config() == part().get_config()


@every_kind
def test_an_object_is_copied(kind):
    catalogue = naming.CATALOGUES[kind]
    for part in EXAMPLES[kind]:
        made = example(part)
        found = catalogue.get(made)
        assert found is not made
        assert found.get_config() == made.get_config()


# texts


def namespace(part, kind) -> dict:
    """What a repr may say: classes of its own kind, of others, and what NumPy prints."""
    names = {"array": np.array, "float32": np.float32}
    own = {other.__name__: other for other in EXAMPLES[kind]}
    others = {p.__name__: p for k in ("metric", "layer", "loss") if k != kind for p in EXAMPLES[k]}
    parts = {p.__name__: p for k in EXAMPLES if k not in ("metric", "layer", "loss") for p in EXAMPLES[k]}
    return names | others | own | parts | {part.__name__: part}


@every
def test_a_repr_makes_the_object(kind, part):
    made = example(part)
    text = repr(made)
    assert text.startswith(part.__name__ + "(")
    assert len(text) < 800
    if "<function" in text:
        assert "tripled" in text or "largest_error" in text
        return
    twin = eval(text, namespace(part, kind))
    assert twin.get_config() == made.get_config()
    assert repr(twin) == text


# copies


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda part: pickle.loads(pickle.dumps(part))])
@every
def test_copies(kind, part, duplicate, used):
    made = example(part)
    if used and kind not in ("layer", "activation", "optimizer"):  # which a model has to itself
        BEHAVIOURS[kind](made)
    twin = duplicate(made)
    assert type(twin) is part
    assert twin.get_config() == made.get_config()
    same_behaviour(kind, made, twin)


@pytest.mark.parametrize("part", [part for kind, part in EVERY if kind == "activation"])
def test_an_activation_in_a_copied_model(part):
    model = Sequential([Dense(8, example(part), input_shape=(3,)), Dense(3)], seed=0)
    model.compile("adam", "mse")
    model.fit(X, ONE_HOT, verbose=0)
    for duplicate in (copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))):
        twin = duplicate(model)
        assert twin.layers[0].activation is not model.layers[0].activation
        assert twin.predict(X).tobytes() == model.predict(X).tobytes()
        before = model.predict(X).tobytes()
        twin.fit(X, ONE_HOT, verbose=0)
        assert model.predict(X).tobytes() == before


@pytest.mark.parametrize("part", [part for kind, part in EVERY if kind == "layer"])
def test_a_clone(part):
    """A clone has the settings and none of the numbers, and the layer keeps its own."""
    layer = example(part)
    clone, config = layer.clone(), as_json(layer.get_config())
    assert not clone.built
    assert as_json(clone.get_config()) == config
    layer.trainable = clone.trainable = True
    thawed = as_json(layer.get_config())
    same_behaviour("layer", layer, clone)
    assert as_json(layer.clone().get_config()) == thawed


def test_a_wrapped_function_keeps_its_arguments():
    wrapped = metrics.MeanMetricWrapper(mlp.losses.mean_squared_error, name="mine")
    twin = metrics.MeanMetricWrapper.from_config(as_json(wrapped.get_config()))
    assert twin([[1.0], [2.0]], [[1.0], [4.0]]) == wrapped([[1.0], [2.0]], [[1.0], [4.0]]) == 2.0
    assert activations.get(activations.relu).get_config() == {}
