"""Options of `fit` and its kin that cannot be used, weights that cannot be set; and inputs that can."""

import numpy as np
import pandas as pd
import pytest
from refusals import BCE, CCE, SPARSE, TARGETS, T, X, labels, net, refused, state

from mlp import Sequential, callbacks, layers
from mlp.errors import ArgumentError
from mlp.optimizers import gradient_descent, minibatch_gradient_descent, stochastic_gradient_descent

LOOPS = [gradient_descent, stochastic_gradient_descent, minibatch_gradient_descent]
OPTIONS = [
    (dict(epochs=-1), "epochs must be an integer of at least 0; got -1"),
    (dict(epochs=1.0), r"epochs must be an integer of at least 0; got 1\.0"),
    (dict(epochs="3"), "epochs must be an integer of at least 0; got '3'"),
    (dict(epochs=None), "epochs must be an integer of at least 0; got None"),
    (dict(epochs=True), "epochs must be an integer .*; got True"),
    (dict(initial_epoch=-1), "initial_epoch must be an integer of at least 0; got -1"),
    (dict(initial_epoch=0.5), r"initial_epoch must be an integer of at least 0; got 0\.5"),
    (dict(validation_split=0.99), "=0.99 must leave rows for both parts; of 8 rows it would train with 0"),
    (dict(validation_split=-0.1), r"validation_split must be a number in \(0, 1\); got -0\.1"),
    (dict(validation_split=1.0), r"validation_split must be a number in \(0, 1\); got 1\.0"),
    (dict(validation_split=True), r"validation_split must be a number in \(0, 1\); got True"),
    (dict(validation_split=float("nan")), r"validation_split must be a number in \(0, 1\); got nan"),
    (dict(validation_split="0.5"), r"validation_split must be a number in \(0, 1\); got '0\.5'"),
    (dict(validation_split=[0.2]), r"validation_split must be a number in \(0, 1\); got \[0\.2\]"),
    (dict(validation_data=X), r"validation_data must be \(x, y\) or \(x, y, sample_weight\), or .*; got 'nd"),
    (dict(validation_data=(X,)), r"validation_data must be \(x, y\) or \(x, y, sample_weight\)"),
    (dict(validation_data=(X, T, T, T)), r"validation_data must be \(x, y\) or \(x, y, sample_weight\)"),
    (dict(validation_data="xy"), r"validation_data must be \(x, y\) or .*; got 'str'"),
    (dict(callbacks=[callbacks.History]), r"callbacks must be objects of .* \(a class: call it to make an"),
    (dict(callbacks=[print]), r"callbacks must be objects of mlp\.callbacks\.Callback; got <built-in"),
    (dict(callbacks=[None]), r"callbacks must be objects of mlp\.callbacks\.Callback; got None"),
    (dict(callbacks=callbacks.History), "callbacks must be a list"),
    (dict(callbacks=5), "callbacks must be a list"),
]


@pytest.mark.parametrize("use", [Sequential.fit, *LOOPS], ids=lambda use: use.__name__)
@pytest.mark.parametrize(("options", "message"), OPTIONS)
def test_bad_options_of_training(use, options, message):
    model = net()
    with refused(model, message):
        use(model, X, T, **options | {"verbose": 0})


SIZES = [0, -1, 1.0, 1.5, "all", "Full", [4], np.array([4, 4]), float("nan"), False, True]


@pytest.mark.parametrize("size", SIZES)
def test_bad_batch_size(size):
    model = net()
    with refused(model, "batch_size must be a positive integer.*; got"):
        model.fit(X, T, batch_size=size, verbose=0)


@pytest.mark.parametrize("size", [*SIZES, None])
def test_bad_batch_size_of_the_loop(size):
    model = net()
    with refused(model, "batch_size must be a positive integer.*; got"):
        minibatch_gradient_descent(model, X, T, batch_size=size)


@pytest.mark.parametrize("size", SIZES)
def test_bad_batch_size_of_prediction(size):
    model = net()
    with refused(model, "batch_size must be a positive integer.*; got"):
        model.predict(X, batch_size=size)
    with refused(model, "batch_size must be a positive integer.*; got"):
        model.evaluate(X, T, batch_size=size)


def test_integers_of_numpy_are_integers():
    model, twin = net(), net()
    options = dict(epochs=np.int64(3), initial_epoch=np.int32(1), batch_size=np.int64(4), verbose=0)
    model.fit(X, T, **options)
    twin.fit(X, T, **{name: int(value) for name, value in options.items()})
    assert state(model) == state(twin)


@pytest.mark.parametrize("rate", ["0.1", None, -1.0, float("nan"), float("inf"), True, [0.1]])
def test_a_bad_learning_rate_assigned_between_fits(rate):
    model = net()
    former, model.optimizer.learning_rate = model.optimizer.learning_rate, rate
    before = state(model)
    for use in (Sequential.train_on_batch, *LOOPS):
        with pytest.raises(ArgumentError, match=r"learning_rate must be a number of at least 0"):
            use(model, X, T)
        assert state(model) == before
    model.optimizer.learning_rate = former
    model.fit(X, T, verbose=0)


@pytest.mark.parametrize("options", [{}, {"sample_weight": np.full(8, 3e38)}])
def test_weights_that_are_too_large_together(options):
    model = net(BCE)
    with refused(model, r"weight.* must be finite, but .* is inf", loss=BCE):
        model.fit(X, TARGETS[BCE], class_weight={0: 1e39, 1: 3.0}, verbose=0, **options)


def test_no_epochs_move_nothing():
    model = net()
    before = state(model)
    for options in (dict(epochs=0), dict(epochs=3, initial_epoch=3), dict(epochs=3, initial_epoch=5)):
        assert model.fit(X, T, verbose=0, **options).history == {}
    assert state(model) == before


@pytest.mark.parametrize("callback", [callbacks.Callback, 5, None])
def test_bad_callbacks_of_evaluate(callback):
    model = net()
    with refused(model, r"callbacks must be objects of mlp\.callbacks\.Callback"):
        model.evaluate(X, T, callbacks=[callback])


SHAPES = r"expected arrays of the shapes \[\(3, 4\), \(4,\), \(4, 1\), \(1,\)\]; got "
W = [np.ones((3, 4)), np.ones(4), np.ones((4, 1)), np.ones(1)]
WEIGHTS = [
    ([], SHAPES + r"\[\]"),
    (W[:3], SHAPES + r"\[\(3, 4\), \(4,\), \(4, 1\)\]"),
    ([W[0].T, *W[1:]], SHAPES + r"\[\(4, 3\), \(4,\), \(4, 1\), \(1,\)\]"),
    ([*W, W[0]], SHAPES),
    ("abcd", SHAPES),
    ([*W[:3], ["a"]], "must be an array of numbers"),
    ([*W[:3], [1j]], "must be an array of numbers"),
    ([*W[:3], [None]], "must be finite"),
    ([*W[:3], [np.nan]], "must be finite"),
    ([*W[:3], [1e300]], "must be finite"),
    ([*W[:3], [[1], [1, 2]]], "must be an array of numbers"),
    (None, "expected arrays"),
    (5, "expected arrays"),
]


@pytest.mark.parametrize(("weights", "message"), WEIGHTS)
def test_bad_set_weights_set_none(weights, message):
    model = net()
    with refused(model, message):
        model.set_weights(weights)


@pytest.mark.parametrize("value", [np.ones((4, 4)), "a", [[1], [1, 2]]])
def test_bad_assignment_to_weights(value):
    model = net()
    with refused(model, r"dense\.W must be"):
        model.layers[0].W = value


def frozen(array):
    array.flags.writeable = False
    return array


KINDS = {
    "lists": lambda A: A.tolist(),
    "tuples": lambda A: tuple(map(tuple, A.tolist())),
    "list of arrays": list,
    "float32": lambda A: A.astype("float32"),
    "float16": lambda A: A.astype("float16"),
    "long double": lambda A: A.astype(np.longdouble),
    "integers": lambda A: A.astype("int8"),
    "unsigned": lambda A: A.astype("uint64"),
    "objects": lambda A: A.astype(object),
    "Fortran order": np.asfortranarray,
    "every second row and column": lambda A: np.repeat(np.repeat(A, 2, axis=0), 2, axis=1)[::2, ::2],
    "backwards": lambda A: A[::-1].copy()[::-1],
    "big endian": lambda A: A.astype(">f8"),
    "big endian float32": lambda A: A.astype(">f4"),
    "read-only": lambda A: frozen(A.astype("float32")),
    "DataFrame": pd.DataFrame,
    "DataFrame of several types": lambda A: pd.DataFrame(A).astype({0: "int64"}),
    "nullable DataFrame": lambda A: pd.DataFrame(A).astype("Float64"),
    "matrix buffer": lambda A: memoryview(A.astype("float64")),
    "masked nowhere": lambda A: np.ma.masked_array(A),
    "subclass": lambda A: A.view(type("Own", (np.ndarray,), {})),
}
GOOD = np.random.default_rng(1).integers(0, 4, (8, 3)).astype(float)  # exact in every type above


@pytest.mark.parametrize("loss", ["mse", BCE, CCE, SPARSE])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_inputs_of_every_kind_give_the_same_and_are_not_touched(kind, loss):
    model, twin = net(loss), net(loss)
    target = np.abs(np.asarray(TARGETS[loss], dtype=float).reshape(8, -1).round())
    x, y = kind(GOOD), kind(target)
    before = [np.asarray(given, dtype=float).tobytes() for given in (x, y)]
    for options in (dict(batch_size="full"), dict(batch_size=1), dict(batch_size=3, class_weight=None)):
        got = model.fit(x, y, verbose=0, validation_data=(x, y), **options).history
        assert got == twin.fit(GOOD, target, verbose=0, validation_data=(GOOD, target), **options).history
    assert model.train_on_batch(x, y) == twin.train_on_batch(GOOD, target)
    assert model.evaluate(x, y) == twin.evaluate(GOOD, target)
    np.testing.assert_array_equal(model.predict(x), twin.predict(GOOD))
    assert state(model) == state(twin)
    assert [np.asarray(given, dtype=float).tobytes() for given in (x, y)] == before


def test_weights_may_stand_in_a_column():
    model, twin = net(), net()
    weight = np.arange(8.0)
    model.fit(X, T, sample_weight=weight[:, None], verbose=0)
    twin.fit(X, T, sample_weight=weight, verbose=0)
    assert state(model) == state(twin)


def test_booleans_are_numbers():
    model, twin = net(), net()
    model.fit(X > 0, T > 0, verbose=0)
    twin.fit((X > 0).astype(float), (T > 0).astype(float), verbose=0)
    assert state(model) == state(twin)


@pytest.mark.parametrize("wrap", [list, tuple, pd.Series, np.asarray, lambda y: y.astype("int16")[:, None]])
def test_labels_of_every_kind(wrap):
    model, twin = net(SPARSE), net(SPARSE)
    assert model.fit(X, wrap(labels), verbose=0).history == twin.fit(X, labels, verbose=0).history


@pytest.mark.parametrize("layer", [layers.Dropout(0.5), layers.Activation("relu"), layers.Flatten()])
def test_the_first_layer_leaves_the_data_alone(layer):
    """Data of the model's own type are used without a copy, so no layer may write into them."""
    x, y = frozen(X.astype("float32")), frozen(labels.astype("float32") > 0)
    model = Sequential([layer, layers.Dense(1, "sigmoid")], seed=0)
    model.compile("adam", BCE, metrics=["accuracy"])
    model.fit(x, y, batch_size="full", epochs=2, verbose=0, sample_weight=frozen(np.ones(8, "float32")))
    out = model.predict(x)
    out[...] = 7  # an array of the caller's own, not the model's memory
    assert model.predict(x).max() < 1
    only = Sequential([layers.Flatten(input_shape=(3,))])
    only.predict(x)[...] = 7
    np.testing.assert_array_equal(x, X.astype("float32"))


def test_a_model_refuses_data_for_another():
    with pytest.raises(ArgumentError, match=r"x has rows of shape \(3,\), but the model takes \(2, 3\)"):
        Sequential([layers.Flatten(input_shape=(2, 3)), layers.Dense(1)]).predict(X)
