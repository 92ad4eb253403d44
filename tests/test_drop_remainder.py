"""``fit(drop_remainder=True)``: each epoch makes full batches only, of rows that it draws anew."""

import numpy as np
import pytest

import mlp
from mlp import callbacks, layers, optimizers
from mlp.errors import ArgumentError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(23, 3))
y = X[:, :1] - X[:, 1:2]
WEIGHT = RNG.uniform(0.5, 2, 23)
ENGINES = "numpy", "numba"


def net(engine="numpy", optimizer=None) -> mlp.Sequential:
    model = mlp.Sequential(
        [layers.Input(3), layers.Dense(4, "tanh"), layers.Dense(1)], seed=3, dtype="float64"
    )
    model.compile(optimizer or optimizers.SGD(0.1), "mse", metrics=["mae"], engine=engine)
    return model


class Steps(callbacks.Callback):
    """Counts the steps of each epoch."""

    def on_train_begin(self, logs=None):
        self.epochs = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append(0)

    def on_train_batch_end(self, batch, logs=None):
        self.epochs[-1] += 1


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("engine", ENGINES)
def test_the_steps_are_those_with_the_full_batches_of_a_new_order_each_epoch(engine, weight):
    model, single = net(engine), net()
    history = model.fit(
        X, y, batch_size=5, epochs=3, sample_weight=weight, drop_remainder=True, verbose=0
    ).history
    single.build((3,))
    losses = []
    for _ in range(3):
        order = single.rng.permutation(23)[:20]
        rows = np.split(order, 4)
        losses.append(
            np.mean(
                [single.train_on_batch(X[k], y[k], None if weight is None else weight[k])[0] for k in rows]
            )
        )
    np.testing.assert_allclose(model.get_weights()[0], single.get_weights()[0], rtol=1e-12)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-12)
    assert model.optimizer.iterations == 12


@pytest.mark.parametrize("engine", ENGINES)
def test_without_shuffling_the_last_rows_are_left_out(engine):
    steps = Steps()
    one, other = net(engine), net(engine)
    one.fit(X, y, batch_size=5, epochs=4, shuffle=False, drop_remainder=True, verbose=0, callbacks=[steps])
    other.fit(X[:20], y[:20], batch_size=5, epochs=4, shuffle=False, verbose=0)
    assert steps.epochs == [4] * 4
    assert steps.params["steps"] == 4
    np.testing.assert_array_equal(one.parameters.values, other.parameters.values)


@pytest.mark.parametrize("engine", ENGINES)
def test_no_remainder_changes_nothing(engine):
    one, other = net(engine), net(engine)
    for model, drop in ((one, True), (other, False)):
        model.fit(X[:20], y[:20], batch_size=5, epochs=3, drop_remainder=drop, verbose=0)
    np.testing.assert_array_equal(one.parameters.values, other.parameters.values)
    assert one.history.history == other.history.history


@pytest.mark.parametrize("size", [1, "full"])
def test_one_row_and_all_rows_leave_nothing_out(size):
    model = net()
    model.fit(X, y, batch_size=size, epochs=2, drop_remainder=True, verbose=0)
    assert model.optimizer.iterations == (46 if size == 1 else 2)


def test_a_solver_takes_all_rows():
    model = net(optimizer="lbfgs")
    assert len(model.fit(X, y, epochs=2, drop_remainder=True, verbose=0).epoch) == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_that_are_read_piece_by_piece(tmp_path, engine, monkeypatch):
    """Several windows, of which the last alone has the remainder."""
    monkeypatch.setattr("mlp.data.windows.WINDOW", 8 * 4 * 10)
    mapped = np.memmap(tmp_path / "x", np.float64, "w+", shape=X.shape)
    mapped[...] = X
    steps, model, plain = Steps(), net(engine), net(engine)
    model.fit(
        mapped, y, batch_size=5, epochs=2, shuffle=False, drop_remainder=True, verbose=0, callbacks=[steps]
    )
    plain.fit(X[:20], y[:20], batch_size=5, epochs=2, shuffle=False, verbose=0)
    assert (steps.epochs, steps.params["steps"]) == ([4, 4], 4)
    np.testing.assert_allclose(model.parameters.values, plain.parameters.values, rtol=1e-12)
    model.fit(mapped, y, batch_size=5, epochs=2, drop_remainder=True, verbose=0, callbacks=[steps])
    assert steps.epochs == [4, 4]


def test_steps_per_epoch_go_on_with_the_next_full_batch():
    model, whole = net(), net()
    model.fit(X, y, batch_size=5, epochs=4, steps_per_epoch=2, drop_remainder=True, verbose=0)
    whole.fit(X, y, batch_size=5, epochs=2, drop_remainder=True, verbose=0)
    np.testing.assert_array_equal(model.parameters.values, whole.parameters.values)


@pytest.mark.parametrize("engine", ENGINES)
def test_fewer_rows_than_a_batch_are_refused_and_nothing_moves(engine):
    model = net(engine)
    model.build((3,))
    before = model.parameters.values.copy(), model.rng.bit_generator.state
    with pytest.raises(
        ArgumentError, match="batch_size must be at most 23, the number of rows, with drop_rem"
    ):
        model.fit(X, y, batch_size=24, drop_remainder=True, verbose=0)
    np.testing.assert_array_equal(model.parameters.values, before[0])
    assert (model.rng.bit_generator.state, model.optimizer.iterations) == (before[1], 0)
    model.fit(X, y, batch_size=23, drop_remainder=True, verbose=0)
    assert model.optimizer.iterations == 1


def test_what_is_held_out_does_not_count():
    with pytest.raises(ArgumentError, match="batch_size must be at most 11"):
        net().fit(X, y, batch_size=12, validation_split=0.5, drop_remainder=True, verbose=0)


def test_batches_of_a_stream_are_of_their_own_size():
    with pytest.raises(ArgumentError, match="drop_remainder must be False, since x gives batches"):
        net().fit(lambda: iter([(X, y)]), drop_remainder=True, verbose=0)


def test_it_is_true_or_false():
    with pytest.raises(ArgumentError, match="drop_remainder must be"):
        net().fit(X, y, drop_remainder="yes", verbose=0)


class BrokenOffError(Exception):
    """What ends a run in this test."""


class Breaking(callbacks.Callback):
    """Ends the run after so many batches."""

    def __init__(self, after):
        self.after, self.heard = after, 0

    def on_train_batch_end(self, batch, logs=None):
        self.heard += 1
        if self.heard == self.after:
            raise BrokenOffError

    def get_state(self):
        return {}


@pytest.mark.parametrize("after", [2, 4, 6, 8])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_that_is_broken_off_goes_on_to_the_same_bits(tmp_path, engine, after):
    options = dict(batch_size=5, epochs=3, drop_remainder=True, verbose=0)
    whole, broken, resumed = net(engine, "adam"), net(engine, "adam"), net(engine, "adam")
    whole.fit(X, y, **options)
    with pytest.raises(BrokenOffError):
        broken.fit(X, y, callbacks=[callbacks.BackupAndRestore(tmp_path, 1), Breaking(after)], **options)
    resumed.fit(X, y, callbacks=[callbacks.BackupAndRestore(tmp_path, 1)], **options)
    np.testing.assert_array_equal(whole.parameters.values, resumed.parameters.values)
    assert whole.optimizer.iterations == resumed.optimizer.iterations == 12
