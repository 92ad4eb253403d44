"""Models that learn from, are judged on and answer batches from elsewhere: as from arrays, to the bit."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse
from stream_examples import ENGINES, bits, model

from mlp import Sequential, layers, losses
from mlp.callbacks import Callback
from mlp.data import gathering
from mlp.errors import ArgumentError, DataError

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 3)).astype(np.float32)
Y = X.sum(axis=1, keepdims=True)
WEIGHTS = rng.uniform(0.5, 2, 200).astype(np.float32)
SIZE = 16  # 12 whole batches and one of 8 rows
STARTS = range(0, 200, SIZE)


def cut(start, *arrays):
    return tuple(array[start : start + SIZE] for array in arrays)


class Batches:
    def __init__(self, *arrays):
        self.arrays = arrays

    def __len__(self):
        return len(STARTS)

    def __getitem__(self, index):
        return cut(STARTS[index], *self.arrays)


class Again:
    def __init__(self, *arrays):
        self.arrays = arrays

    def __iter__(self):
        return (cut(start, *self.arrays) for start in STARTS)


ANEW = {
    "function": lambda *arrays: lambda: (cut(start, *arrays) for start in STARTS),
    "iterable": Again,
    "sequence": Batches,
}
METRICS = ["mae", "r2_score", lambda true, prediction: np.abs(true - prediction).max()]


def endless(*arrays):
    while True:
        yield from Again(*arrays)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("mlp")]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("weights", [(), (WEIGHTS,)], ids=["plain", "weighted"])
@pytest.mark.parametrize("kind", ANEW)
def test_the_weights_are_those_of_arrays_to_the_bit(kind, weights, engine):
    streamed, whole = model(engine), model(engine)
    source = ANEW[kind](X, Y, *weights)
    ours = streamed.fit(source, epochs=3, shuffle=False, verbose=0)
    theirs = whole.fit(
        X,
        Y,
        batch_size=SIZE,
        epochs=3,
        shuffle=False,
        verbose=0,
        sample_weight=weights[0] if weights else None,
    )
    assert bits(streamed) == bits(whole)
    assert ours.history == theirs.history
    assert ours.params["steps"] == 13


@pytest.mark.parametrize("engine", ENGINES)
def test_an_endless_generator_with_steps_is_the_same(engine):
    streamed, whole = model(engine), model(engine)
    ours = streamed.fit(endless(X, Y), steps_per_epoch=13, epochs=3, verbose=0)
    theirs = whole.fit(X, Y, batch_size=SIZE, epochs=3, shuffle=False, verbose=0)
    assert bits(streamed) == bits(whole)
    assert ours.history == theirs.history


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_depends_on_how_batches_are_gathered(engine, monkeypatch):
    def run(most, age):
        monkeypatch.setattr(gathering, "MOST", most)
        monkeypatch.setattr(gathering, "AGE", age)
        made = model(engine, metrics=METRICS, weighted_metrics=["mse"])
        history = made.fit(
            endless(X, Y, WEIGHTS), steps_per_epoch=29, epochs=3, verbose=0, validation_data=Again(X, Y)
        )
        judged = made.evaluate(Again(X, Y, WEIGHTS), return_dict=True)
        return bits(made), history.history, judged, made.predict(Again(X, Y)).tobytes()

    first = run(1, 0)
    assert run(256, 10) == first
    assert run(5, 10) == first


def test_a_sequence_is_shuffled_anew_each_epoch_as_the_seed_says():
    def run(seed):
        asked = []

        class Asked(Batches):
            def __getitem__(self, index):
                asked.append(index)
                return super().__getitem__(index)

        made = Sequential([layers.Dense(1)], seed=seed)
        made.compile("sgd", "mse", engine="numpy")
        made.fit(Asked(X, Y), epochs=2, verbose=0)
        return asked[-26:-13], asked[-13:]

    first, second = run(0)
    assert sorted(first) == sorted(second) == list(range(13))
    assert first != second
    assert run(0) == (first, second) != run(1)


@pytest.mark.parametrize("kind", ["function", "sequence"])
def test_one_fit_of_several_epochs_is_several_of_one(kind):
    one, several = model(), model()
    one.fit(ANEW[kind](X, Y), epochs=4, verbose=0)
    for _ in range(4):
        several.fit(ANEW[kind](X, Y), verbose=0)
    assert bits(one) == bits(several)


# weights and classes


@pytest.mark.parametrize("weights", [(), (WEIGHTS,)], ids=["plain", "weighted"])
def test_weights_of_classes_hold_batch_by_batch(weights):
    labels = (Y[:, 0] > 0).astype(int)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    streamed, whole = model(loss=loss, units=2), model(loss=loss, units=2)
    classes = {0: 0.5, 1: 3.0}
    streamed.fit(Again(X, labels, *weights), class_weight=classes, verbose=0)
    whole.fit(
        X, labels, batch_size=SIZE, shuffle=False, class_weight=classes, verbose=0,
        sample_weight=weights[0] if weights else None,
    )  # fmt: skip
    assert bits(streamed) == bits(whole)


def test_a_class_that_is_none_is_told_with_its_batch():
    with pytest.raises(ArgumentError, match="class_weight"):
        model().fit(Again(X, Y), class_weight={0: 2.0}, verbose=0)


def test_batches_may_be_sparse_or_of_another_type():
    streamed, whole = model(), model()
    given = ((scipy.sparse.csr_matrix(x), y.astype(np.float64).tolist()) for x, y in Again(X, Y))
    streamed.fit(given, verbose=0)
    whole.fit(X, Y, batch_size=SIZE, shuffle=False, verbose=0)
    assert bits(streamed) == bits(whole)


# evaluating and answering


@pytest.mark.parametrize("loss", ["mse", losses.MeanSquaredError(reduction="sum")], ids=["mean", "sum"])
@pytest.mark.parametrize("weights", [(), (WEIGHTS,)], ids=["plain", "weighted"])
@pytest.mark.parametrize("engine", ENGINES)
def test_an_evaluation_is_that_of_arrays(engine, weights, loss):
    made = Sequential([layers.Dense(5, "tanh", kernel_regularizer="l2"), layers.Dense(1)], seed=3)
    made.compile("adam", loss, engine=engine, metrics=["mae", "r2_score"], weighted_metrics=["mse"])
    theirs = made.evaluate(X, Y, sample_weight=weights[0] if weights else None, return_dict=True)
    for kind in ANEW.values():
        ours = made.evaluate(kind(X, Y, *weights), return_dict=True)
        assert ours.keys() == theirs.keys()
        np.testing.assert_allclose(list(ours.values()), list(theirs.values()), 1e-5)


def test_some_steps_of_an_evaluation_leave_the_rest_to_the_next():
    made, generator = model(), endless(X, Y)
    made.fit(X, Y, verbose=0)
    for first in (0, 4):
        rows = slice(first * SIZE, (first + 4) * SIZE)
        ours, theirs = made.evaluate(generator, steps=4), made.evaluate(X[rows], Y[rows])
        np.testing.assert_allclose(ours, theirs, 1e-5)
    np.testing.assert_array_equal(next(generator)[0], X[8 * SIZE : 9 * SIZE])


@pytest.mark.parametrize("given", [(X,), (X, Y), (X, Y, WEIGHTS)], ids=len)
def test_answers_are_those_for_arrays(given):
    made = model()
    made.fit(X, Y, verbose=0)
    theirs = made.predict(X)
    for kind in ANEW.values():
        np.testing.assert_allclose(made.predict(kind(*given)), theirs, 1e-5, 1e-6)
    generator = endless(*given)
    np.testing.assert_allclose(made.predict(generator, steps=2), theirs[: 2 * SIZE], 1e-5, 1e-6)
    np.testing.assert_allclose(made.predict(generator, steps=2), theirs[2 * SIZE : 4 * SIZE], 1e-5, 1e-6)


def test_answers_for_batches_of_x_alone():
    made = model()
    made.fit(X, Y, verbose=0)
    np.testing.assert_allclose(
        made.predict(X[k : k + 9] for k in range(0, 200, 9)), made.predict(X), 1e-5, 1e-6
    )


def test_a_bad_batch_of_an_evaluation_or_a_prediction_is_told():
    bad = X.copy()
    bad[70, 1] = np.nan
    made = model()
    made.fit(X, Y, verbose=0)
    with pytest.raises(DataError, match=r"batch 5: x must be finite, but x\[6, 1\] is nan"):
        made.evaluate(Again(bad, Y))
    with pytest.raises(DataError, match=r"batch 5: x must be finite, but x\[6, 1\] is nan"):
        made.predict(Again(bad))
    with pytest.raises(DataError, match=r"validation_data: batch 5: x must be finite"):
        made.fit(X, Y, validation_data=Again(bad, Y), verbose=0)


def test_what_gives_batches_of_validation_and_fails_is_told_apart():
    class Nameless(Batches):
        @property
        def num_batches(self):
            raise OSError("gone")

    def failing():
        yield X[:8], Y[:8]
        raise OSError("gone")

    for given, what in (
        (lambda: iter([(X[:8], Y[:8]), None]), r"batch 2: expected \(x, y\)"),
        (failing, "batch 2: the function failing raised OSError: gone"),
        (lambda: iter([]), "the function <lambda> gave no batch"),
        (lambda: None, "the function <lambda> cannot be gone through"),
        (lambda number: None, "x must be a function without arguments"),
        (Nameless(X, Y), "the sequence of batches Nameless does not tell its length"),
    ):
        with pytest.raises(ArgumentError, match=f"^validation_data: {what}"):
            model().fit(X, Y, validation_data=given, verbose=0)


# validation


@pytest.mark.parametrize("kind", ANEW)
def test_validation_data_may_be_of_another_kind(kind):
    half = slice(0, 100)
    arrays, streamed, crossed = model(), model(), model()
    options = dict(epochs=3, batch_size=SIZE, shuffle=False, verbose=0)
    theirs = arrays.fit(X, Y, validation_data=(X[half], Y[half]), **options).history
    ours = streamed.fit(X, Y, validation_data=(lambda: [(X[half], Y[half])]), **options).history
    np.testing.assert_allclose(ours["val_loss"], theirs["val_loss"], 1e-6)
    history = crossed.fit(
        ANEW[kind](X, Y), validation_data=(X[half], Y[half]), epochs=3, shuffle=False, verbose=0
    ).history
    assert history["val_loss"] == theirs["val_loss"]
    assert bits(arrays) == bits(streamed) == bits(crossed)


def test_validation_from_a_generator_goes_on_and_may_be_now_and_then():
    taken = []

    def watched():
        for start in range(0, 10**6, SIZE):
            taken.append(start)
            yield cut(start % 192, X, Y)

    history = model().fit(
        X, Y, epochs=5, validation_data=watched(), validation_steps=3, validation_freq=[1, 2, 5], verbose=0
    )
    assert len(history.history["val_loss"]) == 3
    assert len(taken) == 9


# going on


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ANEW)
@pytest.mark.parametrize("stop", [1, 9, 13, 20])
def test_a_run_goes_on_in_the_middle_of_a_pass_to_the_same_bits(kind, stop, engine):
    class Stops(Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations == stop:
                self.kept = self.model.run.state()
                raise KeyboardInterrupt

    class GoesOn(Callback):
        def __init__(self, state=None):
            self.before = [state] if state else []

        def on_train_begin(self, logs=None):
            for state in self.before:
                self.model.run.resume(state)

    whole, first, second = (model(engine, metrics=["mae"]) for _ in range(3))
    theirs = whole.fit(ANEW[kind](X, Y), epochs=3, verbose=0, callbacks=[GoesOn()])
    stops = Stops()
    with pytest.raises(KeyboardInterrupt):
        first.fit(ANEW[kind](X, Y), epochs=3, verbose=0, callbacks=[stops])
    stops.kept["what"]["callbacks"] = ["History", "GoesOn"]
    ours = second.fit(ANEW[kind](X, Y), epochs=3, verbose=0, callbacks=[GoesOn(stops.kept)])
    assert bits(second) == bits(whole)
    assert ours.history == theirs.history


def test_models_learn_from_streams_side_by_side():
    def work(seed):
        made = Sequential([layers.Dense(8, "relu"), layers.Dense(1)], seed=seed)
        made.compile("adam", "mse", engine="numpy")
        made.fit(Batches(X, Y), epochs=4, verbose=0)
        return bits(made)

    alone = [work(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == alone
