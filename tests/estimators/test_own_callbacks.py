"""The library's callbacks in an estimator: the moments in order, ends, errors, Ctrl-C, the progress bar."""

import builtins
import sys

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from mlp import MLPClassifier, MLPRegressor, callbacks, optimizers
from mlp.errors import ArgumentError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 3))
y = X[:, 0] + X[:, 1] ** 2
SOLVERS = ["sgd", "adam", "nadam", "lbfgs", "scg", "lm", optimizers.LBFGS()]
every_solver = pytest.mark.parametrize("solver", SOLVERS, ids=str)


class Diary(callbacks.Callback):
    """Writes down every moment, and does at one of them what it is told."""

    def __init__(self, moment="", act=None) -> None:
        self.moment, self.act = moment, act
        self.moments, self.logs = [], []

    def note(self, moment, logs=None):
        self.moments.append(moment)
        self.logs.append(logs)
        if moment == self.moment:
            self.act()

    def on_train_begin(self, logs=None):
        self.moments, self.logs = [], []
        self.note("train begin", logs)

    def on_train_end(self, logs=None):
        self.note("train end", logs)

    def on_epoch_begin(self, epoch, logs=None):
        self.note(f"epoch {epoch} begin", logs)

    def on_epoch_end(self, epoch, logs=None):
        self.note(f"epoch {epoch} end", logs)

    def on_train_batch_begin(self, batch, logs=None):
        self.note(f"batch {batch} begin", logs)

    def on_train_batch_end(self, batch, logs=None):
        self.note(f"batch {batch} end", logs)

    def on_train_failure(self):
        self.note("failure")


def made(**options):
    return MLPRegressor(**{"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0} | options)


def raiser(error):
    def act():
        raise error

    return act


def of_epoch(k, batches=1):
    steps = [f"batch {b} {what}" for b in range(batches) for what in ("begin", "end")]
    return [f"epoch {k} begin", *steps, f"epoch {k} end"]


# the moments


def test_the_moments_in_order():
    diary = Diary()
    model = made(batch_size=20, callbacks=[diary]).fit(X, y)
    expected = [*of_epoch(0, 3), *of_epoch(1, 3), *of_epoch(2, 3)]
    assert diary.moments == ["train begin", *expected, "train end"]
    assert diary.params == {"epochs": 3, "initial_epoch": 0, "steps": 3, "verbose": 0}
    assert diary.model is model.model_
    ends = [
        logs for moment, logs in zip(diary.moments, diary.logs, strict=True) if moment[:5] == "epoch" and logs
    ]
    assert [logs["loss"] for logs in ends] == model.loss_curve_


@pytest.mark.parametrize("solver", ["lbfgs", "scg", "lm", optimizers.LBFGS()], ids=str)
def test_the_moments_of_a_solver(solver):
    diary = Diary()
    model = made(solver=solver, callbacks=[diary]).fit(X, y)
    assert diary.moments[:9] == ["train begin", *of_epoch(0), *of_epoch(1)]
    assert diary.moments[-1] == "train end"
    assert diary.logs[-1] == {"loss": model.loss_curve_[-1]}


def test_logs_of_held_out_rows():
    history = callbacks.History()
    model = made(callbacks=history).fit(X, y, X_val=X[:9], y_val=y[:9])
    assert history.history["loss"] == model.loss_curve_
    assert history.history["val_loss"] == model.validation_loss_curve_
    assert history.history["val_score"] == model.validation_scores_
    model.set_params(warm_start=True).fit(X, y)
    assert set(history.history) == {"loss"}


def test_one_object_serves_two_fits():
    history = callbacks.History()
    first = made(callbacks=[history]).fit(X, y)
    assert history.history["loss"] == first.loss_curve_
    second = made(callbacks=[history], max_iter=5, random_state=1).fit(X, y)
    assert history.history["loss"] == second.loss_curve_
    assert history.model is second.model_


def test_partial_fit_is_an_epoch():
    diary = Diary()
    model = made(callbacks=[diary]).partial_fit(X, y)
    assert diary.moments == ["train begin", *of_epoch(0), "train end"]
    assert diary.params["epochs"] == 1
    model.partial_fit(X, y)
    assert diary.moments == ["train begin", *of_epoch(0), "train end"]


def test_a_clone_has_a_callback_of_its_own():
    model = made(callbacks=[Diary()])
    twin = clone(model).fit(X, y)
    assert twin.callbacks[0].moments
    assert not model.callbacks[0].moments


@pytest.mark.parametrize(
    ("given", "message"),
    [([callbacks.History], "a class: call it to make an object"), ([print], "got <built-in function print>")],
)
def test_what_is_no_callback(given, message):
    with pytest.raises(
        ArgumentError, match=f"callbacks must be objects of mlp.callbacks.Callback; .*{message}"
    ):
        made(callbacks=given).fit(X, y)


# ends


@every_solver
def test_a_callback_can_end_the_fit(solver):
    class Enough(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    diary = Diary()
    model = made(solver=solver, max_iter=50, callbacks=[Enough(), diary]).fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == 2
    assert diary.moments[-2:] == ["epoch 1 end", "train end"]
    assert model.set_params(callbacks=None, max_iter=4).fit(X, y).n_iter_ == 4


@every_solver
@pytest.mark.parametrize(
    "moment", ["train begin", "epoch 0 begin", "epoch 1 end", "batch 0 end", "train end"]
)
def test_an_error_in_a_callback(solver, moment):
    """It comes through, the others are told; the estimator can be used if it has learnt, and fitted again."""
    diary, other = Diary(moment, raiser(RuntimeError("mine"))), Diary()
    model = made(solver=solver, callbacks=[diary, other])
    with pytest.raises(RuntimeError, match="mine"):
        model.fit(X, y)
    assert diary.moments[-1] == other.moments[-1] == "failure"
    assert diary.moments.count("failure") == 1
    by_batches = solver in ("sgd", "adam", "nadam")  # the others note an iteration before its batch ends
    if moment in ("epoch 1 end", "train end") or (moment == "batch 0 end" and not by_batches):
        assert np.isfinite(model.predict(X)).all()
    else:
        with pytest.raises(NotFittedError):
            model.predict(X)
    fresh = made(solver=solver).fit(X, y)
    np.testing.assert_array_equal(model.set_params(callbacks=None).fit(X, y).predict(X), fresh.predict(X))


@every_solver
@pytest.mark.parametrize("moment", ["epoch 0 begin", "epoch 1 end", "epoch 2 begin"])
@pytest.mark.parametrize("data", [X, sparse.csr_matrix(X)], ids=["dense", "sparse"])
def test_ctrl_c_leaves_a_usable_model(solver, moment, data):
    diary, other = Diary(moment, raiser(KeyboardInterrupt)), Diary()
    model = made(solver=solver, max_iter=50, callbacks=[diary, other])
    with pytest.warns(UserWarning, match="^Training interrupted by user.$") as caught:
        assert model.fit(data, y) is model
    assert [warning.filename for warning in caught] == [__file__]
    assert diary.moments[-1] == other.moments[-1] == "train end"
    assert np.isfinite(model.predict(data)).all()
    full = {"epoch 0 begin": 0, "epoch 1 end": 2, "epoch 2 begin": 2}[moment]
    expected = made(solver=solver, max_iter=max(full, 1), learning_rate_init=1e-3 if full else 1e-300)
    if full or (not isinstance(solver, optimizers.LBFGS) and solver not in ("lbfgs", "scg", "lm")):
        np.testing.assert_allclose(model.predict(data), expected.fit(data, y).predict(data))
    assert len(model.loss_curve_) == full


@pytest.mark.parametrize("options", [{}, {"activation": "gelu", "dropout": 0.1}], ids=str)
def test_ctrl_c_with_early_stopping_brings_the_best_weights_back(options):
    model = made(
        early_stopping=True, max_iter=50, callbacks=[Diary("epoch 6 end", raiser(KeyboardInterrupt))]
    )
    with pytest.warns(UserWarning, match="Training interrupted by user."):
        model.set_params(learning_rate_init=0.1, **options).fit(X, y, X_val=X[:20], y_val=y[:20])
    assert model.score(X[:20], y[:20]) == pytest.approx(max(model.validation_scores_))


# the bar


class Bar:
    """In the place of tqdm's."""

    made: list = []

    def __init__(self, total, unit) -> None:
        self.total, self.unit, self.shown, self.closed, self.n = total, unit, [], 0, 0
        Bar.made.append(self)

    def set_postfix(self, numbers, refresh):
        self.shown.append(set(numbers))

    def update(self):
        self.n += 1

    def close(self):
        self.closed += 1


@pytest.fixture
def bars(monkeypatch):
    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    monkeypatch.setattr(Bar, "made", [])
    return Bar.made


@every_solver
def test_a_bar_over_the_epochs(bars, solver):
    made(solver=solver, progress_bar=True).fit(X, y, X_val=X, y_val=y)
    (bar,) = bars
    assert (bar.total, bar.n, bar.closed) == (3, 3, 1)
    assert bar.shown == [{"loss", "val_loss", "val_score"}] * 3


@every_solver
@pytest.mark.parametrize("error", [RuntimeError("mine"), KeyboardInterrupt()], ids=repr)
@pytest.mark.filterwarnings("ignore:Training interrupted")
def test_a_bar_is_closed_after_an_error(bars, solver, error):
    model = made(solver=solver, progress_bar=True, callbacks=[Diary("epoch 1 begin", raiser(error))])
    if isinstance(error, RuntimeError):
        with pytest.raises(RuntimeError, match="mine"):
            model.fit(X, y)
    else:
        model.fit(X, y)
    assert [(bar.n, bar.closed) for bar in bars] == [(1, 1)]


@pytest.mark.filterwarnings("ignore:Training interrupted")
def test_an_interrupt_before_the_bar():
    made(progress_bar=True, callbacks=[Diary("train begin", raiser(KeyboardInterrupt))]).fit(X, y)


def test_a_bar_of_tqdm(capsys):
    made(progress_bar=True).fit(X, y)
    assert "3/3" in capsys.readouterr().err


def test_a_bar_without_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(
        ArgumentError, match=r'needs tqdm, which is not installed: pip install "mlp\[progress\]"'
    ):
        made(progress_bar=True).fit(X, y)


@every_solver
def test_verbose_prints_a_line_an_epoch(capsys, solver):
    model = made(solver=solver, verbose=True).fit(X, y, X_val=X, y_val=y)
    lines = capsys.readouterr().out.splitlines()
    own = [line for line in lines if line.startswith("Iteration")]
    assert own == [f"Iteration {k + 1}, loss = {loss:.8f}" for k, loss in enumerate(model.loss_curve_)]
    scores = [line for line in lines if line.startswith("Validation")]
    assert scores == [f"Validation score: {score:f}" for score in model.validation_scores_]
    made(solver=solver).fit(X, y)
    assert not capsys.readouterr().out


def test_nothing_is_printed_through_a_classifier(monkeypatch):
    monkeypatch.setattr(builtins, "print", raiser(RuntimeError("printed")))
    MLPClassifier((5,), max_iter=2).fit(X, y > 0)
