"""Two engines, one meaning: what `fit` can do, on the compiled engine as on NumPy's."""

import copy
import pickle

import numpy as np
import pytest

import mlp
from mlp import layers, optimizers
from mlp.callbacks import Callback
from mlp.errors import ArgumentError, DivergenceError

ROWS = 50
rng = np.random.default_rng(0)
X = rng.normal(size=(ROWS, 3)).astype("float32")
LABELS = rng.integers(0, 3, ROWS)
WEIGHT = rng.random(ROWS).astype("float32")


def network(engine, optimizer="adam", dtype="float64", hidden=8, inner=(), **options):
    stack = [layers.Input(3), layers.Dense(hidden, "relu"), *inner, layers.Dense(3, "softmax")]
    model = mlp.Sequential(stack, seed=0, dtype=dtype)
    model.compile(optimizer, "sparse_categorical_crossentropy", engine=engine, **options)
    return model


def both(optimizer="adam", compiling=None, inner=lambda: (), **fitting):
    """A model of each engine and its history, after the same training."""
    results = []
    for engine in ("numpy", "numba"):
        model = network(engine, optimizers.get(optimizer), inner=inner(), **(compiling or {}))
        history = model.fit(X, LABELS, verbose=0, **{"epochs": 3, "batch_size": 8} | fitting)
        results.append((model, history.history))
    return results


def agree(results, rtol=1e-9):
    (plain, first), (compiled, second) = results
    assert compiled.engine_in_use.startswith("numba: compiled")
    np.testing.assert_allclose(compiled.parameters.values, plain.parameters.values, rtol, 1e-11)
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_allclose(second[name], values, rtol, 1e-11, err_msg=name)
    assert plain.optimizer.iterations == compiled.optimizer.iterations
    for name, state in plain.optimizer.state.items():
        np.testing.assert_allclose(compiled.optimizer.state[name], state, rtol, 1e-11)


@pytest.mark.parametrize("size", [1, 8, 50, 64, "full"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_of_every_size(size, shuffle):
    agree(both(batch_size=size, shuffle=shuffle))


@pytest.mark.parametrize(
    "fitting",
    [
        {"sample_weight": WEIGHT},
        {"class_weight": {0: 2.0, 1: 0.5}},
        {"class_weight": "balanced", "sample_weight": WEIGHT, "batch_size": 1},
        {"sample_weight": WEIGHT, "batch_size": "full"},
        {"validation_split": 0.2},
        {"validation_data": (X[:9], LABELS[:9], WEIGHT[:9]), "validation_freq": 2},
        {"validation_data": (X, LABELS), "validation_steps": 2, "validation_batch_size": 7},
        {"steps_per_epoch": 5},
        {"steps_per_epoch": 9, "epochs": 4},
        {"initial_epoch": 1},
        {"epochs": 0},
    ],
    ids=lambda fitting: "+".join(fitting),
)
@pytest.mark.parametrize("metrics", [(), ("accuracy",)])
def test_arguments_of_fit(fitting, metrics):
    agree(both(compiling={"metrics": [*metrics], "weighted_metrics": [*metrics]}, **fitting))


def test_random_layers_draw_the_same():
    def inner():
        noise = layers.GaussianNoise(0.1)
        return layers.Dropout(0.3), layers.Dense(5, "tanh"), noise, layers.Dropout(0.2, seed=3)

    results = both(inner=inner, steps_per_epoch=4)
    agree(results)
    draws = [model.rng.random() for model, _ in results]
    assert draws[0] == draws[1]


@pytest.mark.parametrize("solver", ["lbfgs", "levenberg_marquardt", "scaled_conjugate_gradient"])
def test_solvers(solver):
    loss = {"loss": "mse"}
    models = []
    for engine in ("numpy", "numba"):
        model = mlp.Sequential(
            [layers.Input(3), layers.Dense(4, "tanh"), layers.Dense(1)], seed=0, dtype="float64"
        )
        model.compile(solver, engine=engine, metrics=["mae"], **loss)
        models.append((model, model.fit(X, X[:, :1] * X[:, 1:2], epochs=4, verbose=0).history))
    (plain, first), (compiled, second) = models
    assert compiled.engine_in_use.startswith("numba")
    for name in first:
        np.testing.assert_allclose(second[name], first[name], 1e-6)
    np.testing.assert_allclose(compiled.get_weights()[0], plain.get_weights()[0], 1e-5)


class Diary(Callback):
    def __init__(self):
        self.heard = []

    def on_train_batch_begin(self, batch, logs=None):
        self.heard.append(("begin", batch))

    def on_train_batch_end(self, batch, logs=None):
        self.heard.append(("end", batch, round(logs["loss"], 9), round(float(logs["accuracy"]), 9)))

    def on_epoch_end(self, epoch, logs=None):
        self.heard.append(("epoch", epoch, round(logs["val_loss"], 9)))


def test_callbacks_hear_the_same():
    heard = []
    for engine in ("numpy", "numba"):
        diary = Diary()
        model = network(engine, metrics=["accuracy"])
        model.fit(X, LABELS, batch_size=16, epochs=2, verbose=0, callbacks=[diary], validation_split=0.2)
        heard.append(diary.heard)
    assert heard[0] == heard[1]
    assert len(heard[0]) == 2 * (2 * 3 + 1)


def test_a_callback_may_do_without_every_batch():
    class Rarely(Diary):
        every_batch = False

    diary = Rarely()
    network("numba", metrics=["accuracy"]).fit(
        X, LABELS, batch_size=16, epochs=1, verbose=0, callbacks=[diary], validation_split=0.2
    )
    assert [entry[:2] for entry in diary.heard] == [
        ("begin", 0),
        ("end", 1),
        ("begin", 2),
        ("end", 2),
        ("epoch", 0),
    ]


@pytest.mark.parametrize("size", [1, 7, "full"])
def test_divergence_goes_back_to_the_same_weights(size):
    values, messages = [], []
    for engine in ("numpy", "numba"):
        model = mlp.Sequential([layers.Input(3), layers.Dense(4), layers.Dense(1)], seed=0, dtype="float64")
        model.compile(optimizers.SGD(0.002, momentum=0.9), "mse", engine=engine)
        model.fit(X, X[:, :1], epochs=2, batch_size=size, verbose=0)
        model.optimizer.learning_rate = 1e3
        with pytest.raises(DivergenceError) as error:
            model.fit(X, X[:, :1], epochs=400, batch_size=size, verbose=0)
        values.append((model.parameters.values.copy(), model.optimizer.iterations))
        messages.append(str(error.value))
    np.testing.assert_allclose(values[1][0], values[0][0], 1e-9)
    assert values[0][1] == values[1][1]
    assert messages[0] == messages[1]


def test_several_fits_go_on():
    """The optimizer's state, the generator, changed rates and frozen layers are heeded."""
    results = []
    for engine in ("numpy", "numba"):
        model = network(engine, optimizers.Adam(0.01, global_clipnorm=1.0))
        model.fit(X, LABELS, batch_size=8, epochs=2, verbose=0)
        model.optimizer.learning_rate = 0.002
        model.fit(X, LABELS, batch_size=16, epochs=1, verbose=0)
        model.layers[0].trainable = False
        before = model.layers[0].W.copy()
        model.fit(X, LABELS, batch_size=1, epochs=1, verbose=0)
        np.testing.assert_array_equal(model.layers[0].W, before)
        model.layers[0].trainable = True
        model.train_on_batch(X, LABELS)
        history = model.fit(X[:30], LABELS[:30], batch_size=8, epochs=1, verbose=0)
        results.append((model, history.history))
    agree(results)


def test_evaluate_and_predict():
    plain, compiled = (
        network(engine, metrics=["accuracy"], inner=(layers.Dropout(0.5),)) for engine in ("numpy", "numba")
    )
    for size in (None, 7):
        np.testing.assert_allclose(compiled.predict(X, size), plain.predict(X, size), 1e-12)
        for weight in (None, WEIGHT):
            expected = plain.evaluate(X, LABELS, size, sample_weight=weight)
            np.testing.assert_allclose(
                compiled.evaluate(X, LABELS, size, sample_weight=weight), expected, 1e-12
            )
    for rows in (1, 2, 1, 50, 2):
        np.testing.assert_allclose(compiled.predict(X[:rows]), plain.predict(X[:rows]), 1e-12)


def test_predictions_follow_the_weights():
    model = network("numba", dtype="float32")
    first, again = model.predict(X[:1]), model.predict(X[:1])
    np.testing.assert_array_equal(first, again)
    model.set_weights([weight + 1 for weight in model.get_weights()])
    moved = model.predict(X[:1])
    assert np.abs(moved - first).max() > 1e-3
    assert not np.shares_memory(model.predict(X[:1]), model.predict(X[:1]))
    model.pop()
    assert model.predict(X[:1]).shape == (1, 8)


def test_quick_answers_check_their_input():
    model = network("numba", dtype="float32")
    for _ in range(3):
        model.predict(X[:1])
    for wrong in (np.nan, np.inf, -np.inf):
        row = X[:1].copy()
        row[0, 1] = wrong
        with pytest.raises(ArgumentError, match=r"x\[0, 1\]"):
            model.predict(row)
    np.testing.assert_allclose(model.predict(X[:1].astype("float64")), model.predict(X[:1]), 1e-6)
    np.testing.assert_array_equal(model.predict(X[::2][:1]), model.predict(X[:1]))
    np.testing.assert_array_equal(model.predict(np.asfortranarray(X[:2])), model.predict(X[:2]))


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_train_by_themselves(twin_of):
    model = network("numba")
    model.fit(X, LABELS, epochs=1, verbose=0)
    model.predict(X[:1])
    twin = twin_of(model)
    before = model.parameters.values.copy()
    twin.fit(X, LABELS, epochs=1, verbose=0)
    np.testing.assert_array_equal(model.parameters.values, before)
    model.fit(X, LABELS, epochs=1, verbose=0)
    np.testing.assert_array_equal(model.parameters.values, twin.parameters.values)
    assert twin.engine_in_use.startswith("numba")


def test_a_loaded_model_goes_on(tmp_path):
    model = network("numba")
    model.fit(X, LABELS, epochs=2, verbose=0)
    model.save(tmp_path / "m.mlp")
    loaded = mlp.models.load_model(tmp_path / "m.mlp")
    loaded.rng.bit_generator.state = model.rng.bit_generator.state
    for one in (model, loaded):
        one.fit(X, LABELS, epochs=1, verbose=0)
    np.testing.assert_allclose(loaded.parameters.values, model.parameters.values, 1e-12)
