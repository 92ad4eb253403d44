"""A fit that fails leaves all as it was; one that ends holds no data; warnings point at the user."""

import gc
import weakref

import numpy as np
import pytest
from networks import NAMES, X, classifier, net, y
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.validation import check_is_fitted

from mlp import MLPClassifier, MLPRegressor, activations, losses, optimizers
from mlp.callbacks import Callback
from mlp.errors import ArgumentError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class At(Callback):
    """Does something at the end of an epoch."""

    def __init__(self, last, action):
        self.last, self.action = last, action

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.last:
            self.action(self)


def interrupt(callback):
    raise KeyboardInterrupt


def stop(callback):
    callback.model.stop_training = True


def made(**parameters):
    return MLPClassifier(**{"hidden_layer_sizes": 4, "max_iter": 3, "random_state": 0} | parameters)


BROKEN = {
    "classes": (dict(X_val=X, y_val=np.full(150, "other")), {}),
    "columns": (dict(X_val=X[:, :2], y_val=NAMES), {}),
    "half": (dict(X_val=X), {}),
    "weights": (dict(sample_weight=np.ones(3)), {}),
    "split": ({}, dict(early_stopping=True, validation_fraction=0.001)),
    "scorer": ({}, dict(early_stopping=True, scoring="no such")),
    "limits": ({}, dict(clipnorm=1.0, clipvalue=1.0)),
    "callbacks": ({}, dict(callbacks=["none"])),
    "loss": ({}, dict(loss=losses.Huber(reduction="sum"))),
    "dropout": ({}, dict(dropout=[0.1, 0.1])),
}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("options", [{}, {"dropout": 0.1}, {"warm_start": True}], ids=str)
def test_what_was_learnt_stays(broken, options):
    data, parameters = BROKEN[broken]
    estimator = made(**options).fit(X, y)
    before, known = estimator.predict_proba(X), vars(estimator).copy()
    estimator.set_params(**parameters)
    for target in (NAMES, y):
        with pytest.raises(ValueError):
            estimator.fit(X, target, **data)
    assert vars(estimator).keys() == known.keys()
    np.testing.assert_array_equal(estimator.predict_proba(X), before)
    np.testing.assert_array_equal(estimator.classes_, [0, 1, 2])


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_not_fitted_stays_so(broken):
    data, parameters = BROKEN[broken]
    estimator = made(**parameters)
    with pytest.raises(ValueError):
        estimator.fit(X, NAMES, **data)
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)


def test_a_target_with_other_columns_changes_nothing():
    estimator = MLPRegressor(4, max_iter=3, random_state=0, warm_start=True)
    estimator = estimator.set_params(loss="squared_error", hidden_layer_sizes=4).fit(X, y)
    with pytest.raises(ValueError, match="the number of columns of y was 1 and is now 2"):
        estimator.fit(X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match="X_val is provided"):
        estimator.fit(X, np.column_stack([y, y]), X_val=X)
    assert estimator.n_outputs_ == 1


@pytest.mark.parametrize(
    ("options", "data"),
    [
        ({}, dict(y=np.arange(150) % 5)),
        ({"callbacks": ["none"]}, {}),
        ({}, dict(X_val=X, y_val=np.full(150, "other"))),
        ({"model": net(2)}, {}),
    ],
)
def test_a_network_of_ones_own_stays(options, data):
    estimator = classifier(net(3), epochs=2).fit(X, NAMES)
    before, known = estimator.predict(X), vars(estimator).copy()
    with pytest.raises(ValueError):
        estimator.set_params(**options).fit(**{"X": X, "y": y} | data)
    assert vars(estimator).keys() == known.keys()
    np.testing.assert_array_equal(estimator.predict(X), before)


def test_a_wrong_setting_sets_nothing():
    estimator = classifier(optimizer="sgd")
    with pytest.raises(ArgumentError, match="no setting 'momentun'"):
        estimator.set_params(epochs=99, model__width=7, optimizer__momentun=0.5)
    assert (estimator.epochs, estimator.model_arguments) == (15, None)


def test_partial_fit_does_not_balance_each_batch():
    estimator = classifier(net(3), class_weight="balanced")
    with pytest.raises(ValueError, match="class_weight='balanced' needs all rows at once"):
        estimator.partial_fit(X, y, classes=[0, 1, 2])


@pytest.mark.parametrize(
    "estimator",
    [
        made(),
        made(solver="lbfgs"),
        made(activation="gelu", solver="lbfgs"),
        made(activation="gelu", shuffle=False, batch_size=150),
        made(solver="scg"),
        made(solver="lm", loss="mse"),
        made(dropout=0.1, early_stopping=True),
        classifier(net(3), epochs=1),
        classifier(net(3), epochs=1, dtype="float64", optimizer="lbfgs"),
    ],
    ids=str,
)
def test_no_data_is_held(estimator):
    data = X.copy()
    alive = weakref.ref(data)
    estimator.fit(data, y)
    expected = estimator.predict(data)
    estimator.fit(data, y)
    del data
    gc.collect()
    assert alive() is None
    assert not any("X" in vars(layer) for layer in estimator.model_.layers)
    np.testing.assert_array_equal(estimator.predict(X), expected)


@pytest.mark.parametrize("options", [{}, {"dropout": 0.1}])
def test_a_stream_goes_on_after_letting_go(options):
    """The weights are the same as if the layers had kept their working memory."""
    estimator = made(**options)
    for _ in range(3):
        estimator.partial_fit(X, y, classes=[0, 1, 2])
    whole = made(batch_size=150, **options)
    for _ in range(3):
        whole.partial_fit(X, y, classes=[0, 1, 2])
    np.testing.assert_array_equal(estimator.coefs_[0], whole.coefs_[0])


@pytest.mark.parametrize(
    ("estimator", "kind", "message"),
    [
        (made(callbacks=At(0, interrupt)), UserWarning, "interrupted"),
        (classifier(net(3), callbacks=At(0, interrupt)), UserWarning, "interrupted"),
        (made(batch_size=1000, tol=10.0, n_iter_no_change=1), UserWarning, "batch_size"),
        (made(), ConvergenceWarning, "Maximum iterations"),
        (made(solver="scg"), ConvergenceWarning, "Maximum iterations"),
    ],
    ids=str,
)
def test_warnings_point_at_the_user(estimator, kind, message):
    with pytest.warns(kind, match=message) as caught:
        estimator.fit(X, y)
    assert {warning.filename for warning in caught} == {__file__}


@pytest.mark.parametrize("solver", ["lbfgs", "scg"])
def test_iterations_are_those_of_the_last_fit(solver):
    estimator = made(solver=solver, max_iter=50, warm_start=True, callbacks=At(1, stop))
    assert [estimator.fit(X, y).n_iter_ for _ in range(2)] == [2, 2]
    assert len(estimator.loss_curve_) == 4


@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop"])
def test_the_network_is_compiled_with_the_same_limits(solver):
    assert made(solver=solver, clipnorm=0.5).fit(X, y).model_.optimizer.clipnorm == 0.5


@pytest.mark.parametrize("solver", ["adam", "lbfgs", "scg", optimizers.LBFGS()])
def test_the_network_is_compiled_with_metrics(solver):
    model = made(solver=solver).fit(X, y).model_
    assert [metric.name for metric in model.metrics] == ["accuracy"]


@pytest.mark.parametrize("kind", ["parameters", "network"])
@pytest.mark.parametrize(
    ("loss", "activation", "least", "has"),
    [
        (losses.BinaryCrossentropy(from_logits=True), "linear", 0, True),
        ("hinge", "linear", 0, False),
        ("hinge", "sigmoid", 0.5, False),
        ("mse", "linear", 0.5, False),
        ("mse", "sigmoid", 0.5, True),
    ],
)
def test_both_kinds_of_estimators_say_yes_alike(kind, loss, activation, least, has):
    if kind == "network":
        estimator = classifier(net(1, activation), loss=loss, epochs=1)
    else:
        estimator = made(loss=loss, out_activation=activation, max_iter=1)
    estimator.fit(X, y == 0)
    out = estimator.model_.predict(X).ravel()
    np.testing.assert_array_equal(estimator.predict(X), out > least)
    assert hasattr(estimator, "predict_proba") == has
    assert hasattr(estimator, "decision_function") != has


@pytest.mark.parametrize("name", ["activation", "out_activation"])
def test_a_function_and_what_it_stands_for_are_the_same_network(name):
    """The text of a function, with its place in memory, is another in the next process."""
    estimator = made(warm_start=True, **{name: activations.softmax}).fit(X, y)
    assert estimator.set_params(**{name: activations.Softmax()}).fit(X, y).t_ == 900
