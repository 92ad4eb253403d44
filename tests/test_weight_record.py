"""WeightRecord: which epochs it has, what it copied, and that a resumed run goes on with it."""

import numpy as np
import pytest
from sklearn.datasets import make_circles

import mlp
from mlp import MLPClassifier, Sequential, layers
from mlp.callbacks.weight_record import WeightRecord
from mlp.errors import ArgumentError, DivergenceError

X, y = np.linspace(-1, 1, 8).reshape(8, 1), np.linspace(0, 2, 8)


def net(engine="numpy", rate=0.1) -> Sequential:
    model = Sequential([layers.Dense(2, "tanh", input_shape=(1,)), layers.Dense(1)], seed=0)
    model.compile(mlp.optimizers.SGD(rate), "mse", engine=engine)
    return model


def recorded(record, epochs=5, engine="numpy", **options):
    model = net(engine)
    start = model.parameters.values.copy()
    model.fit(X, y, epochs=epochs, batch_size=2, callbacks=[record], verbose=0, **options)
    return model, start


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_each_copy_is_the_weights_after_that_epoch(engine):
    record = WeightRecord()
    model, start = recorded(record, engine=engine)
    assert record.epochs == [0, 1, 2, 3, 4, 5]
    assert np.array_equal(record.values[0], start)
    for epoch in (1, 3, 5):
        shorter, _ = recorded(WeightRecord(), epoch, engine)
        assert np.array_equal(record.values[epoch], shorter.parameters.values)
    assert not np.shares_memory(record.values[-1], model.parameters.values)


@pytest.mark.parametrize(
    ("every", "most", "epochs", "expected"),
    [
        (2, 200, 6, [0, 2, 4, 6]),
        (2, 200, 5, [0, 2, 4, 5]),
        (9, 200, 4, [0, 4]),
        (1, 4, 5, [0, 2, 4, 5]),
        (1, 4, 8, [0, 4, 8]),
        (1, 3, 9, [0, 8, 9]),
        (3, 4, 20, [0, 12, 20]),
        (3, 6, 20, [0, 6, 12, 18, 20]),
    ],
)
def test_which_epochs_are_kept(every, most, epochs, expected):
    record = WeightRecord(every, most)
    recorded(record, epochs)
    assert record.epochs == expected
    assert len(record.values) == len(record.epochs)


@pytest.mark.parametrize("epochs", range(1, 40))
def test_there_are_never_more_than_asked_for_and_the_ends_are_there(epochs):
    record = WeightRecord(most=5)
    recorded(record, epochs)
    assert len(record.epochs) <= 5
    assert (record.epochs[0], record.epochs[-1]) == (0, epochs)
    assert len(set(np.diff(record.epochs[:-1]))) <= 1


def test_a_fit_that_goes_on_counts_on_and_one_object_serves_two():
    record = WeightRecord(every=2)
    recorded(record, 3)
    model = net()
    model.fit(X, y, epochs=3, verbose=0)
    before = model.parameters.values.copy()
    model.fit(X, y, epochs=7, initial_epoch=3, callbacks=[record], verbose=0)
    assert record.epochs == [3, 5, 7]
    assert np.array_equal(record.values[0], before)


def test_a_resumed_run_has_the_record_of_the_whole(tmp_path):
    def train(folder, epochs):
        record = WeightRecord(every=2, most=4)
        backup = mlp.callbacks.BackupAndRestore(folder, delete_checkpoint=False)
        net().fit(X, y, epochs=epochs, batch_size=2, callbacks=[record, backup], verbose=0)
        return record

    train(tmp_path / "a", 5)
    resumed, whole = train(tmp_path / "a", 13), train(tmp_path / "b", 13)
    assert resumed.epochs == whole.epochs == [0, 8, 13]
    assert all(map(np.array_equal, resumed.values, whole.values))


def test_a_divergence_leaves_the_epochs_that_ended_well():
    record, model = WeightRecord(), net(rate=1e6)
    with pytest.raises(DivergenceError):
        model.fit(X, 1e6 * y, epochs=50, callbacks=[record], verbose=0)
    assert record.epochs == list(range(len(record.epochs)))
    assert all(np.isfinite(values).all() for values in record.values)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_estimators_have_it_too(solver):
    points, labels = make_circles(40, random_state=0)
    record = WeightRecord()
    estimator = MLPClassifier(
        hidden_layer_sizes=(3,), solver=solver, max_iter=4, callbacks=[record], random_state=0, tol=0
    )
    with pytest.warns(UserWarning, match="onverge"):
        estimator.fit(points, labels)
    assert record.epochs == [0, 1, 2, 3, 4]
    assert np.array_equal(record.values[-1], estimator.model_.parameters.values)
    assert all((np.diff(record.values, axis=0) != 0).any(axis=1))


@pytest.mark.parametrize("arguments", [{"every": 0}, {"every": 1.5}, {"most": 2}, {"most": "all"}])
def test_bad_arguments(arguments):
    with pytest.raises(ArgumentError, match=next(iter(arguments))):
        WeightRecord(**arguments)


def test_a_copy_by_its_epoch():
    record = WeightRecord(every=2)
    recorded(record)
    assert record.at(4) is record.values[2]
    with pytest.raises(ArgumentError, match=r"epoch must be one of \[0, 2, 4, 5\]; got 3"):
        record.at(3)
