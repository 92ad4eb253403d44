"""What is kept: parameters by clone, what was learnt by pickle, joblib and copy; weights written to."""

import copy
import pickle
import signal
import subprocess
import sys
import textwrap

import joblib
import numpy as np
import pytest
import sklearn.neural_network
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits

import mlp
from mlp import activations, callbacks, initializers, losses, optimizers

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SHARED = dict(
    hidden_layer_sizes=(7, 5), activation=["tanh", activations.LeakyReLU(0.3)], solver=optimizers.AdamW(0.01),
    alpha=0.5, batch_size=11, learning_rate=optimizers.schedules.ExponentialDecay(0.1, 10, 0.9),
    learning_rate_init=0.02, power_t=0.7, max_iter=3, shuffle=False, random_state=5, tol=0.1, verbose=True,
    warm_start=True, momentum=0.3, nesterovs_momentum=False, early_stopping=True, validation_fraction=0.3,
    beta_1=0.5, beta_2=0.6, epsilon=1e-4, n_iter_no_change=2, max_fun=99, n_layers=2, width=6,
    out_activation="linear", dropout=[0.1, 0.2], input_dropout=0.3, l1=0.4, alpha_scaling="data",
    kernel_initializer=initializers.HeNormal(), bias_initializer="ones", clipnorm=1.0, clipvalue=2.0,
    global_clipnorm=3.0, scoring="max_error", callbacks=[callbacks.ProgbarLogger()], progress_bar=True,
)  # fmt: skip
EVERY = {
    mlp.MLPClassifier: SHARED | dict(loss=losses.CategoricalHinge(), class_weight={0: 2, 1: 1}),
    mlp.MLPRegressor: SHARED | dict(loss=losses.Huber(0.5), true_gradient=True),
}
BOTH = pytest.mark.parametrize("estimator", EVERY, ids=lambda e: e.__name__)
X, y = load_digits(n_class=4, return_X_y=True)
X = X[:150] / 16
TARGETS = {mlp.MLPClassifier: y[:150], mlp.MLPRegressor: np.c_[y, -y][:150]}
SMALL = dict(hidden_layer_sizes=(8,), max_iter=4, random_state=0)
LEARNERS = {
    "adam": {},
    "sgd": dict(solver="sgd", learning_rate="adaptive"),
    "no momentum": dict(solver="sgd", momentum=0.0, learning_rate="invscaling"),
    "layers": dict(dropout=0.2, input_dropout=0.1, activation="gelu"),
    "library's rule": dict(solver="lion", l1=0.01),
    "schedule": dict(solver="sgd", learning_rate=optimizers.schedules.ExponentialDecay(0.1, 3, 0.9)),
}


def fitted(estimator, **parameters):
    return estimator(**SMALL | parameters).fit(X, TARGETS[estimator])


def by_pickle(estimator, folder):
    return pickle.loads(pickle.dumps(estimator))


def by_joblib(estimator, folder):
    joblib.dump(estimator, folder / "net.joblib")
    return joblib.load(folder / "net.joblib")


def by_copy(estimator, folder):
    return copy.deepcopy(estimator)


# parameters


@BOTH
def test_the_parameters_below_are_all_and_none_is_a_default(estimator):
    defaults = estimator().get_params()
    assert EVERY[estimator].keys() == defaults.keys()
    assert all(repr(EVERY[estimator][name]) != repr(value) for name, value in defaults.items())


@BOTH
def test_clone_keeps_every_parameter(estimator):
    original = estimator(**EVERY[estimator])
    twin = clone(original)
    for name, value in original.get_params(deep=False).items():
        kept = getattr(twin, name)
        if name == "callbacks":  # it says of itself nothing but where it is
            kept, value = kept[0], value[0]
        assert type(kept) is type(value), name
        assert name == "callbacks" or repr(kept) == repr(value), name
        if value.__class__.__module__.startswith("mlp"):
            assert kept is not value, name
            assert vars(kept).keys() == vars(value).keys(), name


@BOTH
def test_a_clone_has_learnt_nothing_and_learns_the_same(estimator):
    original = fitted(estimator, **LEARNERS["layers"])
    twin = clone(original)
    assert not hasattr(twin, "model_")
    assert np.array_equal(twin.fit(X, TARGETS[estimator]).predict(X), original.predict(X))


@BOTH
def test_parameters_go_round(estimator):
    parameters = EVERY[estimator]
    changed = estimator().set_params(**parameters)
    assert all(changed.get_params()[name] is value for name, value in parameters.items())
    with pytest.raises(ValueError, match="Invalid parameter 'units' for estimator"):
        changed.set_params(units=3)


@BOTH
def test_the_constructor_checks_nothing_and_changes_nothing(estimator):
    wild = {name: object() for name in EVERY[estimator]}
    assert all(estimator(**wild).get_params(deep=False)[name] is value for name, value in wild.items())


@BOTH
def test_objects_given_as_parameters_are_not_changed_by_a_fit(estimator):
    rule, slope, start = optimizers.AdamW(0.01), activations.PReLU(), initializers.HeNormal(seed=3)
    before = [pickle.dumps(part) for part in (rule, slope, start)]
    fitted(estimator, solver=rule, activation=slope, kernel_initializer=start)
    assert [pickle.dumps(part) for part in (rule, slope, start)] == before


# looks


@BOTH
def test_repr_says_what_is_not_a_default(estimator):
    assert repr(estimator()) == f"{estimator.__name__}()"
    assert repr(estimator(width=8, dropout=[0.1])) == f"{estimator.__name__}(dropout=[0.1], width=8)"
    assert "LeakyReLU" in repr(estimator(**EVERY[estimator]))


@BOTH
def test_the_html_shows_parameters_before_and_after_a_fit(estimator):
    parameters = {
        name: value for name, value in EVERY[estimator].items() if name not in ("progress_bar", "verbose")
    }
    net = estimator(**parameters)
    before = net._repr_html_()
    assert "Not fitted" in before
    assert all(name in before for name in parameters)
    after = fitted(estimator, activation="gelu", dropout=0.25)._repr_html_()
    assert "Not fitted" not in after
    assert "gelu" in after
    assert "0.25" in after


@BOTH
def test_before_a_fit_nothing_is_there(estimator):
    net = estimator()
    learnt = ("coefs_", "intercepts_", "model_", "loss_curve_", "classes_", "n_features_in_", "n_iter_",
              "loss_", "feature_names_in_", "out_activation_", "n_layers_", "n_outputs_", "t_", "best_loss_",
              "validation_scores_", "validation_loss_curve_")  # fmt: skip
    assert not any(hasattr(net, name) for name in learnt)
    assert not any(name in vars(net) for name in learnt)
    assert not hasattr(estimator(solver="lm"), "partial_fit")
    with pytest.raises(sklearn.exceptions.NotFittedError, match="is not fitted yet"):
        net.predict(X)


# what was learnt


@BOTH
@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("keep", [by_pickle, by_joblib, by_copy])
def test_a_copy_predicts_and_learns_on_as_the_original(estimator, learner, keep, tmp_path):
    original, T = fitted(estimator, **LEARNERS[learner]), TARGETS[estimator]
    original.random_state = np.random.RandomState(7)
    other = keep(original, tmp_path)
    for name in ("predict", "predict_proba"):
        if hasattr(original, name):
            assert np.array_equal(getattr(other, name)(X), getattr(original, name)(X))
    assert all(not np.shares_memory(*both) for both in zip(other.coefs_, original.coefs_, strict=True))
    for _ in range(2):
        original.partial_fit(X, T)
        other.partial_fit(X, T)
    assert other.loss_curve_ == original.loss_curve_
    assert len(other.loss_curve_) == original.n_iter_ + 5
    for one, another in zip(other.coefs_, original.coefs_, strict=True):
        assert np.array_equal(one, another)


@BOTH
def test_a_warm_start_goes_on_in_a_copy(estimator, tmp_path):
    original = fitted(estimator, warm_start=True)
    other = by_pickle(original, tmp_path)
    for net in (original, other):
        net.fit(X, TARGETS[estimator])
    assert other.loss_curve_ == original.loss_curve_
    assert len(other.loss_curve_) == 8


@BOTH
@pytest.mark.parametrize("learner", ["adam", "layers"])
def test_predictions_from_a_file_mapped_into_memory(estimator, learner, tmp_path):
    original = fitted(estimator, **LEARNERS[learner])
    joblib.dump(original, tmp_path / "net.joblib")
    mapped = joblib.load(tmp_path / "net.joblib", mmap_mode="r")
    assert np.array_equal(mapped.predict(X), original.predict(X))
    mapped.partial_fit(X, TARGETS[estimator])
    original.partial_fit(X, TARGETS[estimator])
    assert np.array_equal(mapped.predict(X), original.predict(X))


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("early", [False, True])
def test_a_pickle_is_small(solver, early):
    parameters = dict(solver=solver, max_iter=2, random_state=0, early_stopping=early and solver != "lbfgs")
    theirs = sklearn.neural_network.MLPClassifier(**parameters).fit(X, TARGETS[mlp.MLPClassifier])
    ours = mlp.MLPClassifier(**parameters).fit(X, TARGETS[mlp.MLPClassifier])
    assert len(pickle.dumps(ours)) < 1.2 * len(pickle.dumps(theirs))


@BOTH
@pytest.mark.parametrize(
    "parameters",
    [
        *LEARNERS.values(),
        dict(solver="lbfgs"),
        dict(early_stopping=True),
        dict(loss="huber", input_dropout=0.1),
    ],
)
def test_a_pickle_holds_no_data(estimator, parameters):
    if estimator is mlp.MLPClassifier and parameters.get("loss"):
        parameters = parameters | {"loss": "categorical_hinge"}
    rows = np.tile(X, (20, 1))
    net = estimator(**SMALL | parameters)
    net.fit(rows, np.tile(TARGETS[estimator].T, 20).T)
    net.predict(rows)
    weights = sum(W.nbytes for W in (*net.coefs_, *net.intercepts_))
    assert len(pickle.dumps(net)) < 20_000 + 4 * weights < rows.nbytes / 20


# weights as views


@BOTH
@pytest.mark.parametrize("learner", ["adam", "layers"])
def test_weights_written_to_change_predictions(estimator, learner):
    net = fitted(estimator, **LEARNERS[learner])
    flat = net.model_.parameters.values
    assert all(np.shares_memory(W, flat) for W in (*net.coefs_, *net.intercepts_))
    net.coefs_[-1][...] = 0
    net.intercepts_[-1][:] = np.arange(net.n_outputs_)
    assert (net.predict(X) == net.predict(X[:1])).all()
    assert np.array_equal(net.model_.predict(X[:3]), net.model_.predict(X[3:6]))


@BOTH
def test_weights_are_assigned_whole_or_one_by_one(estimator):
    net, other = fitted(estimator), fitted(estimator, random_state=1)
    other.coefs_ = [W.tolist() for W in net.coefs_]
    other.intercepts_[0] = net.intercepts_[0]
    other.intercepts_[1:] = net.intercepts_[1:]
    assert np.array_equal(net.predict(X), other.predict(X))
    other.coefs_[0] *= 2
    assert np.array_equal(other.coefs_[0], 2 * net.coefs_[0])
    assert isinstance(net.coefs_, list)
    assert type(copy.deepcopy(net.coefs_)) is list
    assert type(pickle.loads(pickle.dumps(net.coefs_))) is list


@BOTH
def test_wrong_weights_are_refused_and_nothing_is_changed(estimator):
    net = fitted(estimator)
    before = net.model_.parameters.values.copy()
    k, W = net.n_outputs_, net.coefs_[1]
    shapes = rf"\[\(64, 8\), \(8, {k}\)\]"
    for wrong in ([np.ones((64, 8))], [np.ones((64, 8)), W.T], 3, [np.ones((64, 8)), W, W]):
        with pytest.raises(ValueError, match=f"coefs_ expected arrays of the shapes {shapes}; got"):
            net.coefs_ = wrong
    with pytest.raises(ValueError, match=r"intercepts_ expected arrays of the shapes \[\(8,\), "):
        net.intercepts_ = net.coefs_
    with pytest.raises(ValueError, match=r"coefs_\[1\] expected arrays of the shapes"):
        net.coefs_[1] = W.T
    with pytest.raises(ValueError, match=r"coefs_\[1\] must be finite"):
        net.coefs_ = [np.ones((64, 8)), W * np.nan]
    with pytest.raises(ValueError, match=r"coefs_\[0\] must be an array of numbers"):
        net.coefs_ = [np.full((64, 8), "a"), W]
    assert np.array_equal(net.model_.parameters.values, before)
    with pytest.raises(AttributeError, match="coefs_"):
        estimator().coefs_ = [W]


# the names of the features


@BOTH
def test_names_and_number_of_features(estimator):
    data = load_diabetes(as_frame=True)
    frame, T = data.data[:80], data.target[:80] > 100
    net = estimator(**SMALL).fit(frame, T)
    assert list(net.feature_names_in_) == list(frame.columns)
    assert net.n_features_in_ == 10
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        by_values = net.predict(frame.to_numpy())
    assert np.array_equal(by_values, net.predict(frame))
    with pytest.raises(ValueError, match="The feature names should match"):
        net.predict(frame[frame.columns[::-1]])
    with pytest.raises(ValueError, match="The feature names should match"):
        net.predict(frame[frame.columns[:9]])
    net.fit(frame.to_numpy(), T)
    with pytest.raises(ValueError, match="X has 9 features, but"):
        net.predict(frame.to_numpy()[:, :9])
    assert not hasattr(net, "feature_names_in_")


# an interrupt

INTERRUPTED = """
    import warnings
    import numpy as np
    import mlp

    X = np.random.default_rng(0).normal(size=(500, 20))
    y = (X[:, 0] > 0).astype(int)
    endless = dict(tol=0, n_iter_no_change=10**9, max_iter=10**7, learning_rate_init=0.02, random_state=0)

    class Begun(mlp.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                print("begun", flush=True)

    for extra in ({}, dict(dropout=0.1), dict(early_stopping=True)):
        net = mlp.MLPClassifier((50,), callbacks=[Begun()], **endless, **extra)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            net.fit(X, y)
        print([str(w.message) for w in caught], [w.filename for w in caught], end=" ")
        print(len(net.loss_curve_) == net.n_iter_ >= 2, hasattr(net, "_callback_fit_ctx"), end=" ")
        print(np.isfinite(net.predict_proba(X)).all(), net.score(X, y) > 0.6, flush=True)
"""


def test_an_interrupt_leaves_a_model_and_a_warning():
    script = [sys.executable, "-c", textwrap.dedent(INTERRUPTED)]
    with subprocess.Popen(script, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            for _ in range(3):
                assert child.stdout.readline() == "begun\n"
                child.send_signal(signal.SIGINT)
                found = child.stdout.readline()
                assert found == "['Training interrupted by user.'] ['<string>'] True False True True\n"
        finally:
            child.kill()
