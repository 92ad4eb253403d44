"""Threads: models side by side, and one model in several."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mlp import Sequential, layers, losses


def bits(model) -> list[bytes]:
    """Weights and the state of the optimizer."""
    return [model.parameters.values.tobytes(), *(v.tobytes() for v in model.optimizer.state.values())]


def work(seed) -> Sequential:
    """A model of the seed's own, trained with its own data."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(200, 5)), rng.integers(0, 3, 200)
    model = Sequential([layers.Dense(16, "relu"), layers.Dropout(0.3), layers.Dense(3, "softmax")], seed=seed)
    model.compile("adam", losses.sparse_categorical_crossentropy, metrics=["accuracy"])
    model.fit(X, y, epochs=3, batch_size=16, validation_split=0.2, verbose=0)
    return model


@pytest.fixture
def eager_switching():
    former = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(former)


@pytest.mark.usefixtures("eager_switching")
def test_models_train_side_by_side_as_they_do_alone():
    alone = [work(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(work, range(4)))
    for one, other in zip(alone, together, strict=True):
        assert bits(one) == bits(other)
        assert one.history.history == other.history.history


@pytest.mark.usefixtures("eager_switching")
def test_one_model_predicts_and_evaluates_in_several_threads():
    model = work(0)
    rng = np.random.default_rng(9)
    batches = [(rng.normal(size=(n, 5)), rng.integers(0, 3, n)) for n in (1, 7, 60, 7, 200, 33)]
    alone = [(model.predict(X), model.evaluate(X, y)) for X, y in batches]
    with ThreadPoolExecutor(4) as pool:
        predicted = list(pool.map(lambda k: model.predict(batches[k % 6][0]), range(120)))
        evaluated = list(pool.map(lambda k: model.evaluate(*batches[k % 6]), range(60)))
    for k, out in enumerate(predicted):
        np.testing.assert_array_equal(out, alone[k % 6][0])
    assert all(value == alone[k % 6][1] for k, value in enumerate(evaluated))


def test_penalties_are_computed_in_turn(monkeypatch):
    """Their working memory is shared, so `evaluate` holds the lock as a step of `fit` does."""
    model = Sequential([layers.Input(3), layers.Dense(2, kernel_regularizer="l1")])
    model.compile("sgd", "mse")
    engine, held = model.ready(), []
    penalty = engine.penalty
    monkeypatch.setattr(engine, "penalty", lambda: (held.append(model.lock._is_owned()), penalty())[1])
    model.evaluate(np.ones((4, 3)), np.ones((4, 2)))
    assert held == [True]


@pytest.mark.usefixtures("eager_switching")
def test_the_first_predictions_may_come_from_several_threads():
    X = np.random.default_rng(0).normal(size=(50, 3))
    for seed in range(150):
        model, alone = (Sequential([layers.Dense(8, "relu"), layers.Dense(2)], seed=seed) for _ in range(2))
        with ThreadPoolExecutor(4) as pool:
            for out in pool.map(model.predict, [X] * 8):
                np.testing.assert_array_equal(out, alone.predict(X))
