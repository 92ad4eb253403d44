"""`BestEpoch`: the rows that are held out decide which epoch's weights the model has at the end."""

import signal

import numpy as np
import pytest

import mlp
from mlp import callbacks, layers, losses, metrics, optimizers
from mlp.callbacks import BestEpoch
from mlp.errors import ArgumentError, DivergenceError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
y = (X[:, :1] + RNG.normal(size=(40, 1)) > 0).astype(int)
HELD, LABELS = RNG.normal(size=(30, 3)), RNG.integers(0, 2, (30, 1))
ENGINES = "numpy", "numba"


def net(engine="numpy", rate=0.3, **options) -> mlp.Sequential:
    model = mlp.Sequential(
        [layers.Input(3), layers.Dense(8, "tanh"), layers.Dense(1, "sigmoid")], seed=1, dtype="float64"
    )
    model.compile(optimizers.SGD(rate, **options), "binary_crossentropy", engine=engine)
    return model


def linear(rate) -> mlp.Sequential:
    """A model that diverges with a large rate."""
    model = mlp.Sequential([layers.Dense(1, input_shape=(3,))], seed=1, dtype="float64")
    model.compile(optimizers.SGD(rate), "mse")
    return model


def fit(model, *heard, epochs=12, **options):
    return model.fit(X, y, epochs=epochs, batch_size=7, verbose=0, callbacks=list(heard), **options)


class Weights(callbacks.Callback):
    """Keeps the weights of each epoch."""

    def on_train_begin(self, logs=None):
        self.values = []

    def on_epoch_end(self, epoch, logs=None):
        self.values.append(self.model.parameters.values.copy())


@pytest.mark.parametrize("ties", ["later", "earlier"])
@pytest.mark.parametrize("engine", ENGINES)
def test_the_model_has_the_weights_of_the_best_epoch(engine, ties):
    model, weights = net(engine, 3.0), Weights()
    judge = BestEpoch(HELD, LABELS, "accuracy", ties=ties)
    fit(model, judge, weights)
    best = [k for k, value in enumerate(judge.values) if value == max(judge.values)]
    assert len(best) > 1, "no ties: the test shows less than it should"
    assert judge.best_epoch == (best[-1] if ties == "later" else best[0]) < 11
    np.testing.assert_array_equal(model.parameters.values, weights.values[judge.best_epoch])
    np.testing.assert_allclose(judge.prediction, model.predict(HELD), rtol=1e-12)
    assert judge.best == pytest.approx(metrics.get("accuracy")(LABELS, model.predict(HELD)))


@pytest.mark.parametrize("chunk", [1 << 18, 7])
@pytest.mark.parametrize("engine", ENGINES)
def test_the_loss_is_what_evaluate_gives(engine, chunk):
    model, weight = net(engine), RNG.uniform(0.5, 2, 30)
    model.build((3,))
    model.layers[0].kernel_regularizer = None
    model.chunk = chunk
    judge = BestEpoch(HELD, LABELS, sample_weight=weight)
    history = fit(model, judge, validation_data=(HELD, LABELS, weight)).history
    np.testing.assert_allclose(judge.values, history["val_loss"], rtol=1e-12)
    assert judge.best == pytest.approx(model.evaluate(HELD, LABELS, sample_weight=weight))
    assert judge.best_epoch == int(np.argmin(judge.values))
    np.testing.assert_allclose(judge.prediction, model.predict(HELD), rtol=1e-12)


def test_a_penalty_is_part_of_the_loss():
    model = mlp.Sequential([layers.Dense(1, kernel_regularizer="l2", input_shape=(3,))], seed=0)
    model.compile("sgd", "mse")
    judge = BestEpoch(HELD, LABELS)
    fit(model, judge, epochs=2)
    assert judge.best == pytest.approx(model.evaluate(HELD, LABELS))


@pytest.mark.parametrize(
    ("metric", "mode", "expected"),
    [
        ("auc", "auto", max),
        (metrics.BrierScore(), "auto", min),
        (losses.Huber(), "min", min),
        (lambda y_true, y_pred: float(np.mean((y_true - y_pred) ** 2)), "min", min),
        (lambda y_true, y_pred: -np.abs(y_true - y_pred).mean(), "max", max),
    ],
)
def test_metrics_of_every_form(metric, mode, expected):
    judge = BestEpoch(HELD, LABELS, metric, mode)
    fit(net(), judge)
    assert judge.best == expected(judge.values)
    assert len(judge.values) == 12


def test_a_function_gets_the_targets_as_they_were_given():
    seen = []
    named = np.array([f"row {k}" for k in range(30)])
    fit(net(), BestEpoch(HELD, named, lambda t, out: seen.append((t, out.shape)) or 0.0, "min"), epochs=1)
    assert seen[0][0].tolist() == named.tolist()
    assert seen[0][1] == (30, 1)


def test_the_same_as_early_stopping_that_restores():
    one, other = net(), net()
    judge = BestEpoch(HELD, LABELS, ties="earlier", patience=3)
    stopping = callbacks.EarlyStopping(patience=3, restore_best_weights=True)
    fit(one, judge, epochs=60)
    fit(other, stopping, epochs=60, validation_data=(HELD, LABELS))
    assert (judge.best_epoch, judge.stopped_epoch) == (stopping.best_epoch, stopping.stopped_epoch)
    assert judge.stopped_epoch
    np.testing.assert_array_equal(one.parameters.values, other.parameters.values)


def of_values(values, **options):
    """A judge that finds these values, epoch by epoch."""
    left = iter(values)
    return BestEpoch(HELD, LABELS, lambda t, out: next(left), "min", **options)


@pytest.mark.parametrize(
    ("patience", "epochs"),
    [((2, 3), 9), ([1, 0], 4), ((0, 5), 7), ((0.5, 1.0), 4), (2, 5), (0, 2), (None, 20)],
)
def test_patience(patience, epochs):
    """The best epoch is that of number 2; by (factor, extra) the first epoch above ends it."""
    values = [3.0, 2.0, 1.0] + 17 * [4.0]
    if patience == 0:
        values[1] = 5.0
    judge = of_values(values, patience=patience)
    history = fit(net(), judge, epochs=20)
    assert len(history.epoch) == epochs
    assert judge.stopped_epoch == (epochs - 1 if epochs < 20 else None)


def test_nan_is_never_the_best():
    judge, weights, model = of_values([np.nan, 2.0, np.nan, 3.0, np.nan]), Weights(), net()
    fit(model, weights, judge, epochs=5)
    assert (judge.best, judge.best_epoch) == (2.0, 1)
    np.testing.assert_array_equal(model.parameters.values, weights.values[1])


def test_without_a_number_nothing_is_given_back():
    judge, weights, model = of_values([np.nan, np.nan]), Weights(), net()
    fit(model, weights, judge, epochs=2)
    assert (judge.best, judge.best_epoch, judge.prediction) == (None, None, None)
    np.testing.assert_array_equal(model.parameters.values, weights.values[1])
    fit(model, judge, epochs=0)
    assert judge.values == []
    np.testing.assert_array_equal(model.parameters.values, weights.values[1])


def test_each_fit_begins_anew():
    judge, model = of_values([1.0, 2.0, 5.0, 4.0]), net()
    fit(model, judge, epochs=2)
    fit(model, judge, epochs=2)
    assert (judge.best, judge.best_epoch, judge.values) == (4.0, 1, [5.0, 4.0])


class Ending(callbacks.Callback):
    """Ends the training in the middle of epoch 3, each time by something else."""

    def __init__(self, how):
        self.how = how

    def on_train_batch_end(self, batch, logs=None):
        if self.model.run.epoch == 3 and batch == 2:
            self.how(self.model)


def stop(model):
    model.stop_training = True


def interrupt(model):
    signal.raise_signal(signal.SIGINT)


def be_late(model):
    model.run.time_limit = 1e-9


def fail(model):
    raise OSError("disk")


@pytest.mark.parametrize("how", [stop, interrupt, be_late, fail])
def test_whatever_ends_the_training_the_best_is_given_back(how):
    judge, weights, model = of_values([3.0, 1.0, 2.0, 4.0]), Weights(), net()
    try:
        fit(model, weights, judge, Ending(how), time_limit=1e6)
    except OSError:
        assert how is fail
    assert judge.best_epoch == 1
    np.testing.assert_array_equal(model.parameters.values, weights.values[1])


def test_after_an_error_before_the_first_epoch_is_over_nothing_is():
    model = linear(1e300)
    before = model.parameters.values.copy()
    judge = BestEpoch(HELD, LABELS)
    with pytest.raises(DivergenceError):
        fit(model, judge)
    np.testing.assert_array_equal(model.parameters.values, before)
    assert judge.best is None


def test_an_epoch_that_diverged_is_not_judged():
    model = linear(0.01)

    class Hasty(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                self.model.optimizer.learning_rate = 1e300

    judge = of_values([2.0, 1.0, 0.5])
    fit(model, judge, Hasty(), callbacks.TerminateOnNaN())
    assert judge.best_epoch == 1
    assert np.isnan(judge.values[2])


@pytest.mark.parametrize("engine", ENGINES)
def test_averages_of_a_batch_normalisation_come_back(engine):
    model = mlp.Sequential(
        [layers.Input(3), layers.Dense(4), layers.BatchNormalization(momentum=0.5), layers.Dense(1)], seed=0
    )
    model.compile("sgd", "mse", engine=engine)
    judge, weights = of_values([1.0, 2.0, 3.0]), Weights()
    fit(model, weights, judge, epochs=3)
    assert np.ptp([values[-5] for values in weights.values]) > 0
    np.testing.assert_array_equal(model.parameters.values, weights.values[0])
    np.testing.assert_allclose(model.predict(HELD), judge.prediction, rtol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("swapping", [False, True])
def test_of_an_average_that_is_judged_kept_and_given_back(engine, swapping):
    """The weights that training goes on with are as without the judge."""
    swaps = [callbacks.SwapEMAWeights(swap_on_epoch=True)] if swapping else []
    judged, plain = net(engine, use_ema=True, ema_momentum=0.8), net(engine, use_ema=True, ema_momentum=0.8)
    judge = BestEpoch(HELD, LABELS)
    fit(judged, *swaps, judge)
    for epochs in range(1, 13):
        plain = net(engine, use_ema=True, ema_momentum=0.8)
        fit(plain, epochs=epochs)  # has the average at the end
        assert judge.values[epochs - 1] == pytest.approx(plain.evaluate(HELD, LABELS), rel=1e-9)
        if epochs == judge.best_epoch + 1:
            np.testing.assert_allclose(judged.parameters.values, plain.parameters.values, rtol=1e-9)
    state = judged.optimizer.state
    for name in ("average", "before_average"):
        np.testing.assert_array_equal(state[name], plain.optimizer.state[name])


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_run_that_is_resumed_knows_the_epochs_before(tmp_path, after):
    class Breaking(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == after:
                raise OSError("disk")

    whole, broken, resumed = net(), net(), net()
    expected, judge = BestEpoch(HELD, LABELS, "accuracy"), BestEpoch(HELD, LABELS, "accuracy")
    fit(whole, expected, epochs=5)
    with pytest.raises(OSError, match="disk"):
        fit(
            broken,
            BestEpoch(HELD, LABELS, "accuracy"),
            callbacks.BackupAndRestore(tmp_path),
            Breaking(),
            epochs=5,
        )
    fit(resumed, judge, callbacks.BackupAndRestore(tmp_path), epochs=5)
    assert (judge.values, judge.best_epoch) == (expected.values, expected.best_epoch)
    np.testing.assert_array_equal(judge.prediction, expected.prediction)
    np.testing.assert_array_equal(resumed.parameters.values, whole.parameters.values)


def test_a_metric_of_the_model_is_not_disturbed():
    metric, model = metrics.BinaryAccuracy(), net()
    model.compile("sgd", "binary_crossentropy", metrics=[metric])
    one = fit(model, BestEpoch(HELD, LABELS, metric)).history["binary_accuracy"]
    other = net()
    other.compile("sgd", "binary_crossentropy", metrics=["binary_accuracy"])
    assert one == fit(other).history["binary_accuracy"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "best"}, "mode"),
        ({"ties": "first"}, "ties"),
        ({"patience": -1}, "patience must be None, an integer"),
        ({"patience": 1.5}, "patience must be"),
        ({"patience": (2, 3, 4)}, "patience must be"),
        ({"patience": (2, "3")}, "patience must be"),
        ({"patience": True}, "patience must be"),
        ({"metric": "accurcy"}, "Did you mean 'accuracy'"),
        ({"metric": 3}, "metric must be 'loss', the name"),
        ({"metric": lambda t, out: 0.0}, "nothing says whether more or less"),
        (
            {"metric": lambda t, out: 0.0, "mode": "min", "sample_weight": np.ones(30)},
            "sample_weight must be",
        ),
    ],
)
def test_arguments_that_cannot_be_used(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        BestEpoch(HELD, LABELS, **arguments)


@pytest.mark.parametrize(
    ("judge", "message"),
    [
        (BestEpoch(HELD[:, :2], LABELS), "BestEpoch: x"),
        (BestEpoch(HELD, LABELS[:9]), "BestEpoch: x has 30 rows and y has 9"),
        (BestEpoch(HELD, LABELS[:9], len, "min"), "BestEpoch: y must be as many rows as x, 30; got '9 rows'"),
        (BestEpoch(np.full_like(HELD, np.nan), LABELS), "BestEpoch: x"),
        (BestEpoch(HELD, LABELS, lambda t, out: out, "min"), "must give one number"),
    ],
)
def test_rows_and_numbers_that_cannot_be_used(judge, message):
    with pytest.raises(ArgumentError, match=message):
        fit(net(), judge)
