"""What holds for every network: Hypothesis draws layers, activations, losses, optimizers and data."""

import contextlib
import copy
import json
import os
import pickle
import tempfile

import numpy as np
import pytest
from examples import ACTIVATIONS, OPTIMIZERS, example
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

import mlp
from mlp import Sequential, activations, layers, losses, metrics, optimizers
from mlp.layers import stack
from mlp.models import load_model

settings.register_profile(
    "mlp", deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile("mlp")

SMOOTH = ["linear", "sigmoid", "tanh", "softplus", "softmax"]
BENT = ["relu", "leaky_relu", activations.LeakyReLU(0.05), "prelu", activations.PReLU(0.1)]
STEPS = ["threshold", "sign"]
PAIRING = (activations.GLU, activations.Maxout)  # of several units one output, so not for any number
ALL = SMOOTH + BENT + STEPS + [example(part) for part in ACTIVATIONS if part not in PAIRING]
INITIALIZERS = ["glorot_uniform", "he_normal", "lecun_uniform", "random_normal"]
# output activation and loss that go together
PAIRS = [
    *[(output, loss) for output in SMOOTH + BENT for loss in ("mse", "sum_of_squares", "half_mse")],
    ("sigmoid", losses.BinaryCrossentropy()),
    ("softmax", losses.BinaryCrossentropy(label_smoothing=0.1)),
    ("linear", losses.BinaryCrossentropy(from_logits=True, reduction="sum")),
    ("softmax", losses.CategoricalCrossentropy(label_smoothing=0.2)),
    ("sigmoid", losses.CategoricalCrossentropy()),
    ("tanh", losses.CategoricalCrossentropy(from_logits=True)),
    ("softmax", losses.SparseCategoricalCrossentropy()),
    ("linear", losses.SparseCategoricalCrossentropy(from_logits=True, label_smoothing=0.1)),
]
RULES = [
    optimizers.SGD(0.003),
    optimizers.SGD(0.01, momentum=0.9, nesterov=True, clipnorm=1.0),
    optimizers.RMSprop(momentum=0.5),
    optimizers.Adam(global_clipnorm=1.0),
    optimizers.AdamW(0.01),
]
RULES += [rule for rule in map(example, OPTIMIZERS) if not isinstance(rule, optimizers.Solver)]

seeds = st.integers(0, 2**32 - 1)
dtypes = st.sampled_from(["float32", "float64"])


OTHERS = [
    layers.BatchNormalization,
    lambda: layers.LayerNormalization(trainable=False),
    layers.RMSNormalization,
    lambda: layers.GaussianNoise(0.1),
    lambda: layers.AlphaDropout(0.1),
    layers.PReLU,
    lambda: layers.Residual([layers.ActivityRegularization(l2=0.01), layers.Dropout(0.2, seed=1)]),
    lambda: layers.Concatenate([layers.Dense(2, "tanh", kernel_constraint="max_norm"), []]),
    lambda: layers.Concatenate([[layers.BatchNormalization(), layers.Dense(3, trainable=False)]]),
]


@st.composite
def hidden_layers(draw, kinds=ALL, dropout=True):
    """Zero to four layers; biases begin at random, so that no net is exactly at a bend."""
    choice = ["dense", "dense", "activation", *(["dropout", "own dropout", "other"] if dropout else [])]
    found = []
    for kind in draw(st.lists(st.sampled_from(choice), max_size=4)):
        if kind == "dense":
            initializers = [draw(st.sampled_from(INITIALIZERS)) for _ in range(2)]
            found.append(
                layers.Dense(
                    draw(st.integers(1, 6)), draw(st.sampled_from(kinds)), draw(st.booleans()), *initializers
                )
            )
        elif kind == "activation":
            found.append(layers.Activation(draw(st.sampled_from(kinds))))
        elif kind == "other":
            found.append(draw(st.sampled_from(OTHERS))())
        else:
            seed = draw(seeds) if kind == "own dropout" else None
            found.append(layers.Dropout(draw(st.floats(0, 0.5)), seed=seed))
    return found


@st.composite
def cases(draw, kinds=ALL, dropout=True):
    """A compiled, unbuilt model with inputs and targets that it can learn."""
    (output, loss), units = draw(st.sampled_from(PAIRS)), draw(st.integers(2, 4))
    model = Sequential(
        [
            *draw(hidden_layers(kinds, dropout)),
            layers.Dense(units, output, bias_initializer="random_normal"),
        ],
        dtype=draw(dtypes),
        seed=draw(seeds),
    )
    sparse = isinstance(loss, losses.SparseCategoricalCrossentropy)
    second = (metrics.SparseCategoricalAccuracy if sparse else metrics.MeanAbsoluteError)(name="second")
    model.compile(copy.deepcopy(draw(st.sampled_from(RULES))), loss, metrics=["accuracy", second])
    rng = np.random.default_rng(draw(seeds))
    X = rng.normal(size=(draw(st.integers(2, 9)), draw(st.integers(1, 4))))
    labels = rng.integers(0, units, len(X))
    if isinstance(loss, str):
        return model, X, rng.normal(size=(len(X), units))
    return (
        model,
        X,
        labels if isinstance(loss, losses.SparseCategoricalCrossentropy) else np.eye(units)[labels],
    )


fit_options = st.fixed_dictionaries(
    {
        "batch_size": st.sampled_from(["full", 1, 2, 5, None]),
        "epochs": st.integers(0, 3),
        "shuffle": st.booleans(),
        "validation_split": st.sampled_from([0.0, 0.0, 0.3, 0.9]),
        "verbose": st.just(0),
    }
)


def bits(model) -> list:
    return [vector.tobytes() for vector in (model.parameters.values, *model.optimizer.state.values())]


def assert_one_memory(model):
    """Every W and b is a view of the flat vector, in order and without gaps; assignments write through."""
    parameters, leaves = model.parameters, [leaf for _, leaf in stack.leaves(model.layers)]
    for vector, name in ((parameters.values, "parameters"), (parameters.gradients, "gradients")):
        pieces = [array for layer in leaves for array in getattr(layer, name).values()]
        assert all(np.shares_memory(piece, vector) for piece in pieces)
        assert sum(piece.size for piece in pieces) == vector.size == model.count_params()
        np.testing.assert_array_equal(np.concatenate([p.ravel() for p in pieces] or [vector[:0]]), vector)
    for layer in leaves:
        for name, array in layer.parameters.items():
            assert getattr(layer, name) is array
            former, vector = array.copy(), parameters.values.copy()
            setattr(layer, name, np.where(former == 7, 8, 7))
            assert (parameters.values != vector).sum() == array.size
            setattr(layer, name, former)
            np.testing.assert_array_equal(parameters.values, vector)


VALUES = [0.0, -1.0, 0.5, 7.0, 1e20, -1e38, 1e300, np.inf, np.nan]
SPOIL = {
    "rows": lambda array: array[:-1],
    "columns": lambda array: array[..., :-1],
    "rank": lambda array: array[..., None],
    "line": lambda array: array.reshape(-1),
    "nothing": lambda array: array[:0],
}
weighting = st.fixed_dictionaries(
    {},
    optional={
        "class_weight": st.sampled_from(["balanced", {0: 2.0}, {5: 1.0}, {}]),
        "sample_weight": st.lists(st.floats(0, 2, width=32), min_size=1, max_size=4),
        "initial_epoch": st.integers(0, 2),
    },
)


@settings(max_examples=250)
@given(case=cases(), data=st.data(), options=fit_options, others=weighting, validates=st.booleans())
def test_fit_succeeds_or_says_why_not(case, data, options, others, validates):
    """Whatever is spoiled: an error is an `MLPError`, and the weights are finite."""
    model, X, y = case
    sparse = isinstance(model.loss, losses.SparseCategoricalCrossentropy)
    for spoil in data.draw(
        st.lists(st.sampled_from(["value", "label", "shape", "target", "loss"]), max_size=2)
    ):
        if spoil == "value" and X.size:
            X.flat[data.draw(st.integers(0, X.size - 1))] = data.draw(st.sampled_from(VALUES))
        elif spoil == "label" and y.size:
            y = y.astype(float)
            y.flat[data.draw(st.integers(0, y.size - 1))] = data.draw(st.sampled_from(VALUES))
        elif spoil == "shape":
            X = data.draw(st.sampled_from(list(SPOIL.values())))(X)
        elif spoil == "target":
            y = data.draw(st.sampled_from(list(SPOIL.values())))(y)
        elif spoil == "loss" and not sparse:
            model.loss = copy.deepcopy(data.draw(st.sampled_from([loss for _, loss in PAIRS[-8:-2]])))
    options |= others | ({"validation_data": (X, y)} if validates else {})
    with contextlib.suppress(mlp.MLPError):
        model.fit(X, y, **options)
        event("trained")
    if model.built:
        assert np.isfinite(model.parameters.values).all()


@settings(max_examples=300)
@given(case=cases(), options=fit_options)
def test_fit_of_what_fits(case, options):
    model, X, y = case
    assume(options["validation_split"] == 0 or 0 < int(len(X) * (1 - options["validation_split"])) < len(X))
    history = model.fit(X, y, **options).history
    names = ["loss", "accuracy", "second"]
    names += [f"val_{name}" for name in names] if options["validation_split"] else []
    assert list(history) == (names if options["epochs"] else [])
    assert all(len(values) == options["epochs"] for values in history.values())
    assert np.isfinite(list(history.values())).all()
    assert np.isfinite(model.parameters.values).all()
    assert model.predict(X).dtype == model.dtype
    assert_one_memory(model)


@settings(max_examples=250)
@given(case=cases(SMOOTH + BENT, dropout=False), weighted=st.booleans())
def test_a_small_step_reduces_the_loss(case, weighted):
    model, X, y = case
    twin = Sequential.from_config(model.get_config() | {"dtype": "float64"})
    weight = np.linspace(0.5, 1.5, len(X)) if weighted else None
    twin.compile(optimizers.SGD(0.0), model.loss)
    before = twin.train_on_batch(X, y, sample_weight=weight)
    norm = float(np.linalg.norm(twin.parameters.gradients))
    assume(norm > 1e-3)  # a step of length 1e-5 is then far above rounding and curvature
    twin.optimizer.learning_rate = 1e-5 / norm
    assert twin.train_on_batch(X, y, sample_weight=weight) == before  # the step of rate 0 moved nothing
    after = twin.evaluate(X, y, sample_weight=weight)
    assert before - after == pytest.approx(1e-5 * norm, rel=0.1)


def saved_and_loaded(model) -> Sequential:
    with tempfile.TemporaryDirectory() as folder:
        model.save(os.path.join(folder, "net"))
        return load_model(os.path.join(folder, "net"))


COPIES = {
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "save and load": saved_and_loaded,
    "copied twice": lambda model: pickle.loads(pickle.dumps(copy.deepcopy(model))),
    "copied and saved": lambda model: saved_and_loaded(copy.deepcopy(model)),
}


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
@settings(max_examples=60)
@given(case=cases(), options=fit_options)
def test_a_copy_goes_on_as_the_original_would(duplicate, case, options):
    """Weights, optimizer, shuffles and dropout: the same bits, whether training was interrupted or not."""
    model, X, y = case
    model.fit(X, y, batch_size=2, epochs=2, verbose=0)
    twin = duplicate(model)
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    assert twin.get_config() == model.get_config()
    assert not np.shares_memory(twin.parameters.values, model.parameters.values)
    assert_one_memory(twin)
    assert_one_memory(model)
    options["validation_split"] = 0
    for each in (model, twin):
        each.fit(X, y, **options)
    assert twin.history.history == model.history.history
    assert bits(twin) == bits(model)
    assert twin.optimizer.iterations == model.optimizer.iterations
    assert_one_memory(twin)


@settings(max_examples=150)
@given(data=st.data())
def test_one_memory_whatever_is_done(data):
    model = Sequential([layers.Dense(3, input_shape=(2,))], seed=0, dtype=data.draw(dtypes))
    model.compile("adam", "mse")
    X = np.random.default_rng(0).normal(size=(4, 2))
    for _ in range(data.draw(st.integers(1, 8))):
        action = data.draw(st.sampled_from(["add", "pop", "copy", "fit", "set_weights", "predict"]))
        if action == "add":
            for layer in data.draw(hidden_layers()):
                model.add(layer)
        elif action == "pop" and len(model.layers) > 1:
            model.pop()
        elif action == "copy":
            model = data.draw(st.sampled_from(list(COPIES.values())))(model)
        elif action == "fit":
            model.fit(X, np.zeros((4, *model.layers[-1].output_shape)), verbose=0)
        elif action == "set_weights":
            model.set_weights([np.ones_like(array) for array in model.get_weights()])
            assert (model.parameters.values == 1).all()
        else:
            model.predict(X)
        assert_one_memory(model)


@settings(max_examples=150)
@given(case=cases(), built=st.booleans())
def test_configurations_make_equal_models(case, built):
    model, X, _ = case
    if built:
        model.build(X.shape[1:])
    config = model.get_config()
    for given_config in (config, json.loads(json.dumps(config)), copy.deepcopy(config)):
        twin = Sequential.from_config(given_config)
        assert twin.get_config() == config
        assert json.dumps(given_config) == json.dumps(config)  # it was not changed
        assert repr(twin) == repr(model)
        for part in (model.optimizer, model.loss, *model.layers, *model.metrics):
            again = type(part).from_config(json.loads(json.dumps(part.get_config())))
            assert again.get_config() == part.get_config()
        twin.build(X.shape[1:])  # the seed is part of the configuration, so the weights are the same
        np.testing.assert_array_equal(twin.predict(X), copy.deepcopy(model).predict(X))


@settings(max_examples=150)
@given(case=cases(), batch_size=st.integers(1, 5))
def test_predictions_are_of_the_row_alone(case, batch_size):
    model, X, y = case
    model.fit(X, y, verbose=0)
    out = model.predict(X)
    np.testing.assert_array_equal(model(X), out)
    np.testing.assert_array_equal(model.predict_on_batch(X), out)
    if any(isinstance(part.activation, activations.Threshold | activations.Sign) for part in model.layers):
        return  # a rounding error of another batch size can be a step
    close = dict(rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.predict(X, batch_size=batch_size), out, **close)
    np.testing.assert_allclose(model.predict(X[::-1])[::-1], out, **close)
    in_parts = model.evaluate(X, y, batch_size=batch_size)
    np.testing.assert_allclose(in_parts[0], model.evaluate(X, y)[0], **close)
