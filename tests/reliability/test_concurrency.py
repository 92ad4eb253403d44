"""Trainings side by side, in threads, in processes and after a fork, are those made one after the other."""

import copy
import pickle
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import runs
import side_by_side
from side_by_side import SEEDS, work

from mlp import Sequential, callbacks, layers

ENGINES = ["numpy", "numba"]
SCRIPT = Path(side_by_side.__file__)
rng = np.random.default_rng(0)
X, T = rng.normal(size=(120, 3)), rng.normal(size=(120, 2))


@pytest.fixture(autouse=True)
def eager_switching():
    former = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(former)


@pytest.mark.parametrize("engine", ENGINES)
def test_models_in_threads(engine):
    alone = [work(seed, engine) for seed in SEEDS]
    with ThreadPoolExecutor(len(SEEDS)) as pool:
        together = list(pool.map(work, SEEDS, [engine] * len(SEEDS)))
    assert together == alone


@pytest.mark.parametrize("engine", ENGINES)
def test_models_in_processes(engine):
    processes = [runs.start(SCRIPT, "alone", engine) for _ in range(2)]
    found = [process.communicate(timeout=120)[0].split() for process in processes]
    assert found[0] == found[1] == [work(seed, engine) for seed in SEEDS]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_fork_of_a_program_that_has_trained(engine):
    """Parent and child get the same bits, with a new model and with the one that was there."""
    process = runs.start(SCRIPT, "fork", engine)
    child_new, child_on, parent_new, parent_on = process.communicate(timeout=120)[0].split()
    assert process.returncode == 0
    assert child_new == parent_new == work(0, engine)
    assert child_on == parent_on


def net(engine) -> Sequential:
    model = Sequential([layers.Dense(8, "tanh"), layers.Dropout(0.2), layers.Dense(2)], seed=0)
    model.compile("adam", "mse", engine=engine)
    return model


@pytest.mark.parametrize("engine", ENGINES)
def test_one_model_in_two_threads_trains_in_turn(engine):
    """The second `fit` waits for the first: the weights are those of two fits one after the other."""
    model, alone = net(engine), net(engine)
    started, histories = threading.Barrier(2), []

    def fit(_):
        started.wait()
        histories.append(model.fit(X, T, epochs=4, batch_size=8, verbose=0))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(fit, range(2)))
    expected = [alone.fit(X, T, epochs=4, batch_size=8, verbose=0).history for _ in range(2)]
    assert sorted((h.history for h in histories), key=repr) == sorted(expected, key=repr)
    assert model.parameters.values.tobytes() == alone.parameters.values.tobytes()
    assert model.rng.bit_generator.state == alone.rng.bit_generator.state


@pytest.mark.parametrize("engine", ENGINES)
def test_single_batches_from_several_threads(engine):
    """They come in some order, each whole."""
    model = net(engine)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: model.train_on_batch(X[:8], T[:8]), range(80)))
    alone = net(engine)
    for _ in range(80):
        alone.train_on_batch(X[:8], T[:8])
    assert model.optimizer.iterations == 80
    assert model.parameters.values.tobytes() == alone.parameters.values.tobytes()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_callback_may_train_the_model_that_is_trained(engine):
    """It is in the same thread, so it does not wait for itself."""
    model = net(engine)
    more = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: model.train_on_batch(X[:8], T[:8]))
    history = model.fit(X, T, epochs=3, batch_size=8, callbacks=[more], verbose=0)
    assert len(history.epoch) == 3
    assert model.optimizer.iterations == 3 * (15 + 1)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_model_in_training_predicts_in_another_thread(engine):
    """Between two steps: the answer is that of the weights at some moment."""
    model = net(engine)
    model.fit(X, T, epochs=1, verbose=0)
    over = threading.Event()

    def ask():
        answers = []
        while not over.is_set() or not answers:
            answers.append(model.predict(X[:5]))
        return answers

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask)
        model.fit(X, T, epochs=10, batch_size=8, verbose=0)
        over.set()
        answers = asked.result()
    assert all(np.isfinite(answer).all() for answer in answers)
    alone = net(engine)
    alone.fit(X, T, epochs=1, verbose=0)
    alone.fit(X, T, epochs=10, batch_size=8, verbose=0)
    assert model.parameters.values.tobytes() == alone.parameters.values.tobytes()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_model_in_training_can_be_copied(duplicate, engine):
    """By a callback; the copy is not in training, and trains in a thread of its own."""
    model, copies = net(engine), []
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: copies.append(duplicate(model)))
    model.fit(X, T, epochs=2, batch_size=8, callbacks=[keep], verbose=0)
    assert model.run is None
    with ThreadPoolExecutor(2) as pool:
        fits = [pool.submit(each.fit, X, T, epochs=1, batch_size=8, verbose=0) for each in copies]
    assert all(len(each.result().epoch) == 1 for each in fits)
    assert copies[0].parameters.values.tobytes() == model.parameters.values.tobytes()
