"""The three loops: who sees which rows, `fit` runs through them, and the steady state allocates nothing."""

import tracemalloc

import numpy as np
import pytest

from mlp import Sequential, callbacks, layers, optimizers
from mlp.data import ArrayData
from mlp.optimizers.loops import (
    gradient_descent,
    minibatch_gradient_descent,
    stochastic_gradient_descent,
)

X = np.random.default_rng(0).normal(size=(23, 3))
y = (X[:, 0] > 0).astype(float)


def net(seed=0, **options) -> Sequential:
    model = Sequential([layers.Dense(5, "tanh"), layers.Dense(1, "sigmoid")], dtype="float64", seed=seed)
    model.compile(optimizers.SGD(0.5), "binary_crossentropy", **options)
    return model


def rows_seen(loop, **options) -> list[list[int]]:
    """The row numbers of every step: the data are the numbers, the model only watches."""
    model = Sequential([layers.Dense(1, input_shape=(1,))], dtype="float64", seed=1)
    model.compile(optimizers.SGD(0.0), "mse", engine="numpy")  # the compiled one takes many steps in a go
    seen = []
    step = model.ready().step
    model.engine.step = lambda X, T, weight: (
        seen.append(X[:, 0].astype(int).tolist()), step(X, T, weight)
    )[1]  # fmt: skip
    loop(model, np.arange(10.0)[:, None], np.arange(10.0), **options)
    return seen


def test_gradient_descent_sees_all_rows_in_one_step():
    assert rows_seen(gradient_descent, epochs=2) == [list(range(10))] * 2


def test_stochastic_gradient_descent_sees_one_row_a_step_in_a_new_order_each_epoch():
    seen = rows_seen(stochastic_gradient_descent, epochs=2)
    first, second = [row for (row,) in seen[:10]], [row for (row,) in seen[10:]]
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second != list(range(10))


def test_minibatch_gradient_descent_splits_without_replacement():
    seen = rows_seen(minibatch_gradient_descent, epochs=2, batch_size=4)
    assert [len(rows) for rows in seen] == [4, 4, 2, 4, 4, 2]
    for epoch in (seen[:3], seen[3:]):
        assert sorted(row for rows in epoch for row in rows) == list(range(10))
    assert seen[:3] != seen[3:]


def test_without_shuffling_the_rows_come_in_order():
    assert rows_seen(stochastic_gradient_descent, shuffle=False) == [[k] for k in range(10)]
    in_order = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert rows_seen(minibatch_gradient_descent, shuffle=False, batch_size=4) == in_order


@pytest.mark.parametrize(
    ("batch_size", "loop", "options"),
    [
        ("full", gradient_descent, {}),
        (1, stochastic_gradient_descent, {}),
        (8, minibatch_gradient_descent, {"batch_size": 8}),
        (None, minibatch_gradient_descent, {"batch_size": 32}),
    ],
)
def test_fit_runs_through_the_loops(batch_size, loop, options):
    by_fit, by_loop = net(), net()
    history = by_fit.fit(X, y, batch_size=batch_size, epochs=3, verbose=0)
    assert loop(by_loop, X, y, epochs=3, **options).history == history.history
    np.testing.assert_array_equal(by_fit.parameters.values, by_loop.parameters.values)


def test_one_batch_of_all_rows_is_full_batch_descent():
    full, batch = net(), net()
    full.fit(X, y, batch_size="full", epochs=5, verbose=0)
    batch.fit(X, y, batch_size=23, epochs=5, verbose=0)
    np.testing.assert_allclose(batch.parameters.values, full.parameters.values, rtol=1e-9)


def test_epoch_loss_is_the_mean_over_rows_not_over_batches():
    model = net()
    model.optimizer.learning_rate = 0.0
    expected = model.evaluate(X, y)
    history = model.fit(X, y, batch_size=10, verbose=0)  # batches of 10, 10 and 3
    assert history.history["loss"][0] == pytest.approx(expected)


def test_weights_of_samples_go_with_their_rows():
    """A weight of 2 is the row twice, whatever the loop, when the gradients are summed."""
    weight = np.arange(23) % 3
    for batch_size in ("full", 1, 5):
        models = []
        for rows, options in (
            (np.arange(23), {"sample_weight": weight}),
            (np.repeat(np.arange(23), weight), {}),
        ):
            model = net()
            model.compile(optimizers.SGD(1e-6), "binary_crossentropy")
            model.loss.reduction = "sum"
            start = model.predict(X) is not None and model.parameters.values.copy()
            model.fit(X[rows], y[rows], batch_size=batch_size, verbose=0, **options)
            models.append((model.parameters.values - start) * 1e6)
        np.testing.assert_allclose(models[0], models[1], rtol=1e-3, atol=1e-6)


def test_some_rows_in_some_order():
    data = ArrayData(X, y[:, None], np.arange(23.0), lambda T, out=None: T, lambda n: 1 / n, 1)
    order = np.array([5, 3, 20])
    batches = list(data.batches(order, 2))
    np.testing.assert_array_equal(batches[-1][0], X[[20]])
    np.testing.assert_array_equal(batches[-1][3], [20])


@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
@pytest.mark.parametrize("batch_size", ["full", 1, 512])
@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam", "adamw"])
def test_the_steady_state_allocates_nothing(batch_size, optimizer, weighted):
    """After the first epoch no array of the size of a batch, a layer or the data is made any more.

    What is left is NumPy's own: adding a bias to rows goes through a buffer of 8,192 numbers.
    """
    rng = np.random.default_rng(0)
    rows = 300 if batch_size == 1 else 2048
    data, labels = rng.normal(size=(rows, 256)).astype("float32"), rng.integers(0, 4, rows)
    model = Sequential(
        [
            layers.Dense(256, "relu"),
            layers.Dropout(0.2),
            layers.Dense(256, "prelu"),
            layers.Dense(4, "softmax"),
        ],
        seed=0,
    )
    model.compile(optimizer, "sparse_categorical_crossentropy")
    peaks = []

    class Watch(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                tracemalloc.start()
                self.before = tracemalloc.get_traced_memory()[0]
            elif epoch == 2:
                peaks.append(tracemalloc.get_traced_memory()[1] - self.before)
                tracemalloc.stop()

    weight = rng.random(rows) if weighted else None
    model.fit(
        data, labels, batch_size=batch_size, epochs=3, callbacks=[Watch()], sample_weight=weight, verbose=0
    )
    numpys_own, row_numbers = 2 * 8192 * 4, (8 + 40) * rows if batch_size == 1 else 8 * rows
    assert peaks[0] < numpys_own + row_numbers + 4000  # a batch's output alone takes 512 kB or 1 MB
