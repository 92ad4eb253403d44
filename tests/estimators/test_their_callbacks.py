"""scikit-learn's callbacks hear of our fits: its own two and ours, alone, in a pipeline and in a search."""

import contextlib
import io

import numpy as np
import pytest
from sklearn import clone, config_context
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_iris, load_wine
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mlp
from mlp import callbacks, optimizers

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:lbfgs failed to converge"
)

X, y = load_iris(return_X_y=True)
SMALL = dict(hidden_layer_sizes=(6,), max_iter=5, random_state=0)
BOTH = pytest.mark.parametrize("estimator", [mlp.MLPClassifier, mlp.MLPRegressor], ids=lambda e: e.__name__)
PATHS = {
    "sgd": dict(solver="sgd", learning_rate_init=0.1),
    "adam": dict(learning_rate_init=0.01),
    "lbfgs": dict(solver="lbfgs"),
    "layers": dict(dropout=0.1, learning_rate_init=0.01),
    "Levenberg and Marquardt's": dict(solver=optimizers.LevenbergMarquardt(), loss="mse"),
    "early stopping": dict(early_stopping=True, learning_rate_init=0.01),
}
EVERY_PATH = pytest.mark.parametrize("path", PATHS)


class Recorder:
    """Keeps all that it hears."""

    def __init__(self, stop_at=None, raise_at=None):
        self.heard, self.kept, self.given = [], [], []
        self.stop_at, self.raise_at = stop_at, raise_at

    def note(self, hook, context=None):
        self.heard.append(hook if context is None else (hook, context.task_name, context.task_id))

    def setup(self, estimator, context):
        self.note("setup")

    def teardown(self, estimator, context):
        self.note("teardown")
        self.tree = context

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.note("begin", context)
        self.given.append((X, y, metadata))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.note("end", context)
        self.given.append((X, y, metadata))
        if fitted_estimator is not None and context.parent is not None:
            self.kept.append((fitted_estimator, fitted_estimator.predict(X)))
        if context.parent is not None and self.raise_at == context.task_id:
            raise RuntimeError("no more")
        return context.parent is not None and self.stop_at == context.task_id


class Interrupting(callbacks.Callback):
    """Ctrl-C in the second epoch."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


class Propagated(Recorder):
    """Is handed on from an estimator around ours."""

    max_propagation_depth = None


def heard(count: int, task: str = "epoch") -> list:
    """What a callback must hear of a fit of that many tasks."""
    tasks = [(hook, task, k) for k in range(count) for hook in ("begin", "end")]
    return ["setup", ("begin", "fit", 0), *tasks, ("end", "fit", 0), "teardown"]


@BOTH
@EVERY_PATH
def test_hooks_come_in_order_and_tasks_make_a_tree(estimator, path):
    recorder = Recorder()
    net = estimator(**SMALL | PATHS[path]).set_callbacks(recorder).fit(X, y)
    assert net.n_iter_ > 1
    assert recorder.heard == heard(net.n_iter_, "iteration" if path == "lbfgs" else "epoch")
    assert recorder.tree.max_subtasks == 5
    assert recorder.tree.estimator_name == estimator.__name__
    assert [task.max_subtasks for task in recorder.tree][1:] == [0] * net.n_iter_
    assert not any(name.startswith("_callback") or name.endswith("teardown") for name in vars(net))


@BOTH
@EVERY_PATH
def test_a_fit_that_is_heard_is_the_same_fit(estimator, path):
    parameters = SMALL | PATHS[path]
    alone, net = (
        estimator(**parameters).fit(X, y),
        estimator(**parameters).set_callbacks(Recorder()).fit(X, y),
    )
    assert net.loss_curve_ == alone.loss_curve_
    assert np.array_equal(net.predict(X), alone.predict(X))


@BOTH
@EVERY_PATH
def test_each_task_has_an_estimator_of_its_own(estimator, path):
    recorder = Recorder()
    net = estimator(**SMALL | PATHS[path]).set_callbacks(recorder).fit(X, y)
    assert len(recorder.kept) == net.n_iter_
    for k, (twin, predicted) in enumerate(recorder.kept):
        assert np.array_equal(twin.predict(X), predicted)
        assert len(twin.loss_curve_) == k + 1
        assert not np.shares_memory(twin.coefs_[0], net.coefs_[0])
    if path != "early stopping":
        assert np.array_equal(recorder.kept[-1][0].coefs_[0], net.coefs_[0])
    assert not np.array_equal(recorder.kept[0][0].coefs_[0], recorder.kept[1][0].coefs_[0])


@BOTH
def test_an_estimator_of_a_task_learns_on_without_changing_the_other(estimator):
    recorder = Recorder()
    parameters = SMALL | dict(random_state=3)
    net, alone = estimator(**parameters).set_callbacks(recorder).fit(X, y), estimator(**parameters).fit(X, y)
    twin = recorder.kept[0][0].set_callbacks()
    twin.partial_fit(X, y)
    net.set_callbacks()
    assert len(twin.loss_curve_) == 2
    assert np.array_equal(net.partial_fit(X, y).coefs_[0], alone.partial_fit(X, y).coefs_[0])


@BOTH
def test_data_are_handed_on_as_they_were_given(estimator):
    data = load_wine(as_frame=True)
    weight, recorder = [1.0] * 178, Recorder()
    net = estimator(**SMALL).set_callbacks(recorder).fit(data.data, data.target, sample_weight=weight)
    assert len(recorder.given) == 12
    for given, targets, metadata in recorder.given:
        assert given is data.data
        assert targets is data.target
        assert metadata.keys() == {"sample_weight"}
        assert metadata["sample_weight"] is weight
    recorder.given.clear()
    net.fit(data.data, data.target)
    assert [metadata for _, _, metadata in recorder.given] == [None] * 12


@BOTH
@EVERY_PATH
def test_a_hook_that_returns_true_ends_the_fit(estimator, path):
    recorder = Recorder(stop_at=1)
    net = estimator(**SMALL | PATHS[path]).set_callbacks(recorder).fit(X, y)
    assert net.n_iter_ == len(net.loss_curve_) == 2
    assert recorder.heard == heard(2, "iteration" if path == "lbfgs" else "epoch")
    assert np.isfinite(net.predict(X)).all()
    if path != "early stopping":
        assert np.array_equal(recorder.kept[-1][1], net.predict(X))


@BOTH
@EVERY_PATH
def test_a_hook_that_raises_is_torn_down(estimator, path):
    recorder, ours = Recorder(raise_at=1), callbacks.History()
    net = estimator(**SMALL | PATHS[path], callbacks=[ours]).set_callbacks(recorder)
    with pytest.raises(RuntimeError, match="no more"):
        net.fit(X, y)
    assert recorder.heard[-2:] == [("end", "iteration" if path == "lbfgs" else "epoch", 1), "teardown"]
    assert not hasattr(net, "_callback_fit_ctx")
    assert np.isfinite(net.predict(X)).all()
    recorder.raise_at = None
    assert net.fit(X, y).n_iter_ > 1


@BOTH
@EVERY_PATH
def test_an_interrupt_in_a_task_closes_it_and_ends_the_fit(estimator, path):
    recorder = Recorder()
    net = estimator(**SMALL | PATHS[path], callbacks=[Interrupting()]).set_callbacks(recorder)
    with pytest.warns(UserWarning, match="Training interrupted by user."):
        net.fit(X, y)
    assert recorder.heard == heard(2, "iteration" if path == "lbfgs" else "epoch")
    assert len(net.loss_curve_) == net.n_iter_ == 2
    assert np.isfinite(net.predict(X)).all()


@BOTH
def test_wrong_data_are_found_before_anybody_hears(estimator):
    recorder = Recorder()
    with pytest.raises(ValueError, match="NaN"):
        estimator(**SMALL).set_callbacks(recorder).fit(X * np.nan, y)
    assert not recorder.heard


@BOTH
def test_a_pass_of_partial_fit_is_a_fit_of_one_task(estimator):
    recorder = Recorder()
    net = estimator(**SMALL).set_callbacks(recorder)
    given = {"classes": [0, 1, 2]} if estimator is mlp.MLPClassifier else {}
    net.partial_fit(X, y, **given).partial_fit(X, y)
    assert recorder.heard == heard(1) * 2
    assert recorder.tree.max_subtasks == 1
    assert len(recorder.kept) == 2


def test_a_solver_with_nothing_to_do_closes_its_task():
    recorder = Recorder()
    net = mlp.MLPRegressor(solver="lbfgs", tol=1e9, random_state=0).set_callbacks(recorder).fit(X, y)
    assert net.n_iter_ == 0
    assert recorder.heard == heard(1, "iteration")
    assert not recorder.kept


@BOTH
def test_without_callbacks_nothing_is_copied_and_no_task_is_made(estimator, monkeypatch):
    made = []
    monkeypatch.setattr("sklearn.callback.CallbackContext.subcontext", lambda *a, **k: made.append(a))
    monkeypatch.setattr("mlp.estimators.listeners.copy", None)
    net = estimator(**SMALL, callbacks=[callbacks.History()]).fit(X, y)
    assert net.n_iter_ == 5
    assert not made


def test_theirs_among_ours_are_refused_with_a_hint():
    with pytest.raises(ValueError, match=r"is scikit-learn's: set it by set_callbacks\(\), not callbacks="):
        mlp.MLPClassifier(callbacks=[Recorder()]).fit(X, y)


@BOTH
def test_both_kinds_of_callbacks_side_by_side(estimator):
    recorder, ours = Recorder(), callbacks.History()
    net = estimator(**SMALL, callbacks=ours).set_callbacks(recorder).fit(X, y)
    assert ours.history["loss"] == net.loss_curve_
    assert recorder.heard == heard(5)


# a validation set on its way through a pipeline


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


@BOTH
@pytest.mark.usefixtures("routing")
def test_a_pipeline_transforms_the_validation_set(estimator):
    net = estimator(**SMALL).set_fit_request(
        X_val=True, y_val=True, sample_weight=True, sample_weight_val=True
    )
    pipeline = make_pipeline(
        StandardScaler().set_fit_request(sample_weight=False), net, transform_input=["X_val"]
    )
    weight = np.linspace(1, 2, 150)
    given = dict(y_val=y[1::3], sample_weight=weight[::3], sample_weight_val=weight[1::3])
    pipeline.fit(X[::3] * 100 + 7, y[::3], X_val=X[1::3] * 100 + 7, **given)
    scale = StandardScaler().fit(X[::3]).transform
    alone = estimator(**SMALL).fit(scale(X[::3]), y[::3], X_val=scale(X[1::3]), **given)
    assert pipeline[-1].validation_loss_curve_ == pytest.approx(alone.validation_loss_curve_)
    assert pipeline[-1].validation_scores_ == pytest.approx(alone.validation_scores_)
    assert len(alone.validation_scores_) == 5


@BOTH
@pytest.mark.usefixtures("routing")
def test_a_search_hands_on_weights_and_nothing_that_was_not_asked_for(estimator):
    net = estimator(**SMALL).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    weight = np.where(y == 0, 5.0, 1.0)
    search = GridSearchCV(net, {"width": [3, 4]}, cv=2).fit(X, y, sample_weight=weight)
    alone = estimator(**SMALL | search.best_params_).fit(X, y, sample_weight=weight)
    assert np.array_equal(search.predict(X), alone.predict(X))
    with pytest.raises(UnsetMetadataPassedError, match="X_val"):
        GridSearchCV(estimator(**SMALL), {"width": [3]}).fit(X, y, X_val=X, y_val=y)


@pytest.mark.usefixtures("routing")
def test_what_can_be_requested():
    assert mlp.MLPClassifier().get_metadata_routing().fit.requests.keys() == {
        "sample_weight", "X_val", "y_val", "sample_weight_val",
    }  # fmt: skip
    net = mlp.MLPClassifier().set_partial_fit_request(sample_weight=True, classes=True)
    assert net.get_metadata_routing().partial_fit.requests == {"sample_weight": True, "classes": True}
    net = mlp.MLPRegressor().set_partial_fit_request(sample_weight=True)
    assert net.get_metadata_routing().partial_fit.requests == {"sample_weight": True}
    assert clone(net).get_metadata_routing().partial_fit.requests == {"sample_weight": True}


@BOTH
def test_a_validation_set_may_be_a_frame(estimator):
    data = load_wine(as_frame=True)
    train, held_out = data.data[::2], data.data[1::2]
    T, T_val = data.target[::2], data.target[1::2]
    net = estimator(**SMALL).fit(train, T, X_val=held_out, y_val=T_val)
    other = estimator(**SMALL).fit(train.to_numpy(), T, X_val=held_out.to_numpy(), y_val=T_val.tolist())
    assert net.validation_loss_curve_ == other.validation_loss_curve_
    with pytest.raises(ValueError, match="feature names should match"):
        net.fit(train, T, X_val=held_out[held_out.columns[::-1]], y_val=T_val)


# scikit-learn's own


def displayed(estimator, *data):
    """What a fit writes."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        estimator.fit(*data)
    return out.getvalue()


@BOTH
@pytest.mark.parametrize("path", ["adam", "lbfgs"])
def test_their_bar_counts_epochs(estimator, path):
    text = displayed(estimator(**SMALL | PATHS[path]).set_callbacks(ProgressBar()), X, y)
    assert f"{estimator.__name__} - fit" in text
    assert "100%" in text


def test_their_bar_around_a_pipeline_and_a_search():
    pipeline = make_pipeline(StandardScaler(), mlp.MLPClassifier(**SMALL))
    text = displayed(pipeline.set_callbacks(ProgressBar()), X, y)
    assert "Pipeline - fit" in text
    assert "Pipeline - fit-final-estimator | MLPClassifier - fit #1" in text
    search = GridSearchCV(mlp.MLPClassifier(**SMALL), {"width": [3, 5]}, cv=2)
    text = displayed(search.set_callbacks(ProgressBar(max_propagation_depth=None)), X, y)
    assert "GridSearchCV - fit" in text
    assert text.count("| MLPClassifier - fit") >= 5


def test_their_monitor_scores_every_epoch():
    monitor = ScoringMonitor(scoring="accuracy")
    recorder = Recorder()
    net = mlp.MLPClassifier(**SMALL).set_callbacks(monitor, recorder).fit(X, y)
    rows = monitor.get_logs().data
    # the whole fit is a task, too
    assert [row["task_name"] for row in rows] == ["fit"] + ["epoch"] * 5
    scores = [accuracy_score(y, predicted) for _, predicted in recorder.kept]
    assert [row["accuracy"] for row in rows[1:]] == scores
    assert rows[0]["accuracy"] == scores[-1] == net.score(X, y)


@pytest.mark.parametrize("path", ["sgd", "lbfgs", "layers"])
def test_their_monitor_of_a_regressor_with_weights(path):
    monitor, weight = ScoringMonitor(scoring=["r2", "neg_mean_squared_error"]), np.linspace(1, 2, 150)
    net = mlp.MLPRegressor(**SMALL | PATHS[path]).set_callbacks(monitor).fit(X, y, sample_weight=weight)
    rows = monitor.get_logs().data
    assert len(rows) == 1 + net.n_iter_
    assert rows[-1]["r2"] == rows[0]["r2"] == pytest.approx(net.score(X, y, weight))
    assert rows[-1]["neg_mean_squared_error"] > rows[1]["neg_mean_squared_error"]


def test_their_monitor_in_a_pipeline():
    monitor = ScoringMonitor(scoring="accuracy")
    net = mlp.MLPClassifier(**SMALL).set_callbacks(monitor)
    pipeline = make_pipeline(StandardScaler(), net).fit(X, y)
    logs = monitor.get_logs(include_lineage=True)
    rows = [row for row in logs.data if "accuracy" in row]
    assert logs.estimator_name == "Pipeline"
    assert [row["task_id_path"] for row in rows] == [(0, 1)] + [(0, 1, k) for k in range(5)]
    assert rows[-1]["accuracy"] == pipeline.score(X, y)


def test_their_monitor_in_a_search():
    monitor = ScoringMonitor(scoring="accuracy")
    net = mlp.MLPClassifier(**SMALL).set_callbacks(monitor)
    search = GridSearchCV(net, {"dropout": [0.0, 0.2], "max_iter": [2, 3]}, cv=2).fit(X, y)
    frame = monitor.get_logs().data_as_pandas
    epochs = frame[frame.task_name == "epoch"].groupby("parent_task_id_path").size()
    # two folds of four candidates, and the best once more with all rows
    assert sorted(epochs) == sorted([2, 3] * 4 + [search.best_params_["max_iter"]])


def test_callbacks_of_a_search_reach_the_epochs():
    recorder = Propagated()
    search = GridSearchCV(mlp.MLPClassifier(**SMALL), {"width": [3, 5]}, cv=2).set_callbacks(recorder)
    search.fit(X, y)
    assert sum(what[:2] == ("end", "epoch") for what in recorder.heard) == 5 * 5
    assert recorder.heard.count("setup") == recorder.heard.count("teardown") == 1
    assert not hasattr(search.best_estimator_, "_skl_callbacks")
