"""Input gradients are central differences for every layer and function, and no pass leaves a trace."""

import threading

import numpy as np
import pytest
from examples import ACTIVATIONS, example
from test_gradients import central_differences, compare
from test_gradients_of_layers import LAST, STACKS, D, network

import mlp
from mlp import Sequential, activations, callbacks, explanations, layers
from mlp.errors import ArgumentError, NotReadyError
from mlp.explanations import deeplift, garson, input_gradients, integrated_gradients, olden

RNG = np.random.default_rng(0)
CONVENTIONS = (activations.Threshold, activations.Sign)  # whose slope is no derivative


def hold_to_differences(model, X):
    for k in range(model.layers[-1].output_shape[0]):
        numeric = central_differences(lambda k=k: float(model.predict(X)[:, k].sum()), X)
        compare(input_gradients(model, X, k), numeric.reshape(X.shape), f"output {k}")


@pytest.mark.parametrize("name", STACKS)
def test_gradients_through_every_layer(name):
    model = network(STACKS[name]())
    hold_to_differences(model, np.random.default_rng(5).normal(size=(3, 4)))


@pytest.mark.parametrize("name", LAST)
def test_gradients_of_any_last_layer(name):
    model = network([D(4, "tanh")], output=LAST[name]())
    hold_to_differences(model, np.random.default_rng(5).normal(size=(3, 4)))


@pytest.mark.parametrize("kind", [kind for kind in ACTIVATIONS if kind not in CONVENTIONS])
def test_gradients_through_every_activation(kind):
    model = network([D(4, example(kind))], output=D(4, example(kind)))
    hold_to_differences(model, np.random.default_rng(6).normal(size=(3, 4)))


def test_the_gradient_of_the_net_is_that_before_the_last_function():
    model = network([D(5, "tanh")], output=D(3, "softmax"))
    twin = network([D(5, "tanh")], output=D(3))
    twin.set_weights(model.get_weights())
    X = RNG.normal(size=(4, 4))
    for of, other in (("net", twin), ("out", model)):
        expected = np.stack([input_gradients(other, X, k) for k in range(3)])
        found = np.stack([input_gradients(model, X, k, of=of) for k in range(3)])
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    separate = network([D(5, "tanh"), D(3)], output=layers.Softmax())
    separate.set_weights(model.get_weights())
    found = input_gradients(separate, X, 1, of="net")
    np.testing.assert_allclose(found, input_gradients(twin, X, 1), rtol=1e-12)


def test_by_hand():
    """out = σ(v · tanh(w x)): with w = 2, v = 3 and x = 0 the slopes are 1/4 and 1."""
    model = Sequential(
        [layers.Dense(1, "tanh", input_shape=(1,)), layers.Dense(1, "sigmoid")], dtype="float64"
    )
    model.set_weights([[[2.0]], [0.0], [[3.0]], [0.0]])
    assert input_gradients(model, [[0.0]]).tolist() == [[1.5]]
    assert input_gradients(model, [[0.0]], of="net").tolist() == [[6.0]]


def test_without_a_number_it_is_the_largest_output_of_each_row():
    model = network([D(5, "tanh")], output=D(3, "softmax"))
    X = RNG.normal(size=(30, 4))
    classes = model.predict(X).argmax(axis=1)
    assert len({*classes}) > 1
    assert np.array_equal(input_gradients(model, X), input_gradients(model, X, classes))
    each = np.stack([input_gradients(model, X, k) for k in range(3)])
    np.testing.assert_allclose(input_gradients(model, X), each[classes, np.arange(30)], rtol=1e-12)


def test_many_rows_are_as_few():
    """Also where the rows do not go into one pass."""
    model = Sequential(
        [layers.Dense(3000, "relu", input_shape=(3,)), layers.Dense(2)], dtype="float64", seed=1
    )
    X = RNG.normal(size=(200, 3))
    assert explanations.passes.rows_at_once(model) < 100
    for explain in (input_gradients, lambda *a: deeplift(*a).values):
        parts = np.concatenate([explain(model, X[k : k + 1]) for k in range(200)])
        np.testing.assert_allclose(explain(model, X), parts, atol=1e-12)


def test_inputs_of_more_axes_and_of_an_estimator():
    model = Sequential([layers.Flatten(input_shape=(2, 3)), layers.Dense(2, "tanh")], dtype="float64", seed=0)
    X = RNG.normal(size=(5, 2, 3))
    flat = Sequential([layers.Dense(2, "tanh", input_shape=(6,))], dtype="float64")
    flat.set_weights(model.get_weights())
    for explain in (
        input_gradients,
        lambda *a: integrated_gradients(*a).values,
        lambda *a: deeplift(*a).values,
    ):
        expected = explain(flat, X.reshape(5, 6), 1).reshape(X.shape)
        np.testing.assert_allclose(explain(model, X, 1), expected, rtol=1e-12)
    assert olden(model).shape == garson(model).shape == (6, 2)
    y = (X.reshape(5, 6)[:, 0] > 0).astype(int)
    estimator = mlp.MLPClassifier((3,), random_state=0).partial_fit(X.reshape(5, 6), y, classes=[0, 1])
    found = input_gradients(estimator, X.reshape(5, 6))
    assert np.array_equal(found, input_gradients(estimator.model_, X.reshape(5, 6)))


def test_categories_have_no_derivative():
    model = Sequential(
        [
            layers.Input(2),
            layers.Concatenate(
                [[layers.Columns(0), layers.Embedding(3, 2), layers.Flatten()], layers.Columns(1)]
            ),
            layers.Dense(2, "tanh"),
        ],
        dtype="float64",
        seed=0,
    )
    X = np.array([[2.0, 0.3], [1.0, -1.0]])
    found = input_gradients(model, X, 0)
    assert not found[:, 0].any()
    step = np.array([0, 1e-5])
    numeric = (model.predict(X + step) - model.predict(X - step))[:, 0] / 2e-5
    np.testing.assert_allclose(found[:, 1], numeric, rtol=1e-6)


# nothing changes


def everything_of(model):
    """Each attribute of each part by its identity, and the numbers in arrays."""
    things = [thing for part in model.parts for thing in (part, part.activation)]
    same = [(name, id(value)) for thing in things for name, value in vars(thing).items()]
    arrays = [model.parameters.values.copy(), model.parameters.gradients.copy()]
    held = {"X", "net", "out", "deltas", "grad", "deviation", "normed", "mask"}
    for part in model.parts:
        arrays += [value.copy() for name, value in vars(part).items() if name in held and value is not None]
    generators = {id(part.rng): part.rng for part in model.parts}
    states = [rng.bit_generator.state for rng in (model.rng, *generators.values())]
    return same, arrays, states, [id(model.engine), id(model.predictor)]


def hold_unchanged(before, after):
    assert before[0] == after[0]
    assert before[2:] == after[2:]
    for was, now in zip(before[1], after[1], strict=True):
        assert np.array_equal(was, now, equal_nan=True)


EXPLAIN = {
    "input_gradients": lambda model, X: input_gradients(model, X),
    "integrated_gradients": lambda model, X: integrated_gradients(model, X, steps=4, background=X[:3] + 1),
    "deeplift": lambda model, X: deeplift(model, X),
    "olden": lambda model, X: olden(model),
}


def many_kinds():
    inner = [layers.BatchNormalization(), layers.Dense(4, activations.PReLU()), layers.Dropout(0.3)]
    frozen = layers.Dense(4, "tanh")
    frozen.trainable = False
    return Sequential(
        [
            layers.Dense(4, "relu", input_shape=(4,), activity_regularizer="l2", kernel_regularizer="l2"),
            layers.Residual(inner),
            layers.GaussianNoise(0.1),
            frozen,
            layers.Concatenate([layers.Dense(2, "tanh"), []]),
            layers.Dense(3, "softmax"),
        ],
        seed=0,
    )


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("name", EXPLAIN)
@pytest.mark.filterwarnings("ignore:the contributions of")
def test_an_explanation_leaves_the_model_as_it_was(name, engine):
    model = many_kinds()
    X, T = RNG.normal(size=(20, 4)), RNG.integers(0, 3, 20)
    model.compile("adam", "sparse_categorical_crossentropy", engine=engine)
    model.fit(X, T, epochs=1, verbose=0)
    before = everything_of(model)
    first = EXPLAIN[name](model, X)
    hold_unchanged(before, everything_of(model))
    again = EXPLAIN[name](model, X)
    assert np.array_equal(getattr(first, "values", first), getattr(again, "values", again))


def test_an_explanation_that_fails_leaves_the_model_as_it_was():
    def fails(X):
        if armed:
            raise ValueError("no slope today")
        return np.cos(X)

    armed = []
    model = Sequential([layers.Dense(3, input_shape=(3,)), layers.Lambda(np.sin, slope=fails)], seed=0)
    model.predict(np.ones((2, 3)))
    armed.append(True)
    for explain in (input_gradients, deeplift):
        before = everything_of(model)
        with pytest.raises(ValueError, match="no slope today"):
            explain(model, np.ones((2, 3)), 0)
        hold_unchanged(before, everything_of(model))


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.filterwarnings("ignore:the contributions of")
def test_a_callback_may_explain_while_the_model_learns(engine):
    X, T = RNG.normal(size=(40, 4)).astype(np.float32), RNG.integers(0, 3, 40)

    class Explains(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            for explain in EXPLAIN.values():
                explain(self.model, X[:7])

    paths = []
    for extra in ([], [Explains()]):
        model = many_kinds()
        model.compile("adam", "sparse_categorical_crossentropy", engine=engine)
        history = model.fit(X, T, batch_size=16, epochs=3, verbose=0, callbacks=extra)
        paths.append((history.history["loss"], model.get_weights()))
    assert paths[0][0] == paths[1][0]
    assert all(np.array_equal(a, b) for a, b in zip(paths[0][1], paths[1][1], strict=True))


def test_threads_may_explain_and_predict_at_once():
    model = many_kinds()
    X = RNG.normal(size=(50, 4)).astype(np.float32)
    expected, out, wrong = input_gradients(model, X), model.predict(X), []

    def work():
        for _ in range(15):
            if not np.array_equal(input_gradients(model, X), expected):
                wrong.append("gradients")
            if not np.array_equal(model.predict(X), out):
                wrong.append("predict")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# bad input


@pytest.mark.parametrize("explain", [input_gradients, integrated_gradients, deeplift])
@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        ([[1.0, 2.0]], {}, r"x has rows of shape \(2,\), but the model takes \(4,\)"),
        ([1.0, 2.0, 3.0, 4.0], {}, r"reshape\(1, -1\)"),
        ([[1.0, np.nan, 3.0, 4.0]], {}, r"x\[0, 1\] is nan"),
        (np.ones((2, 4)), {"output": 3}, "output must be a number from 0 to 2, one for each of the 2 rows"),
        (np.ones((2, 4)), {"output": -1}, "output must be a number from 0 to 2"),
        (np.ones((2, 4)), {"output": [0, 1, 2]}, r"output must be .*; got \[0, 1, 2\]"),
        (np.ones((2, 4)), {"output": 1.0}, "output must be .*; got 1.0"),
        (np.ones((2, 4)), {"output": True}, "output must be .*; got True"),
        (np.ones((2, 4)), {"output": "spam"}, "output must be .*; got 'spam'"),
        (np.ones((2, 4)), {"of": "logits"}, "of must be one of out, net; got 'logits'"),
    ],
)
def test_bad_arguments(explain, x, options, message):
    model = network([D(5, "tanh")], output=D(3, "softmax"))
    with pytest.raises(ArgumentError, match=message):
        explain(model, x, **options)


@pytest.mark.parametrize("explain", [*EXPLAIN.values(), lambda model, X: garson(model)])
def test_what_is_no_model_or_not_ready(explain):
    X = np.ones((5, 4))
    with pytest.raises(NotReadyError, match="not built yet"):
        explain(Sequential([layers.Dense(2)]), X)
    with pytest.raises(NotReadyError, match="not fitted yet"):
        explain(mlp.MLPClassifier(), X)
    with pytest.raises(ArgumentError, match="model must be a Sequential or a fitted estimator"):
        explain("net", X)
    blind = Sequential([layers.Dense(3, input_shape=(4,)), layers.Lambda(np.sin)])
    with pytest.raises(ArgumentError, match=r"layer 'lambda' is a Lambda without a slope.*Give slope="):
        explain(blind, X)


def test_outputs_that_are_no_numbers_of_a_row():
    model = Sequential([layers.Dense(4, input_shape=(4,)), layers.Reshape((2, 2))])
    with pytest.raises(ArgumentError, match=r"puts out rows of shape \(2, 2\)"):
        input_gradients(model, np.ones((1, 4)))
    paired = Sequential([layers.Dense(4, "glu", input_shape=(4,))])
    with pytest.raises(
        ArgumentError, match="of must be 'out', since layer 'dense' makes one output of several"
    ):
        input_gradients(paired, np.ones((1, 4)), of="net")
    assert input_gradients(paired, np.ones((1, 4)), 1).shape == (1, 4)
