"""Fits that go on after a parameter has changed, and combinations of parameters and data at their limits."""

import numpy as np
import pytest
from scipy import sparse

from mlp import MLPClassifier, MLPRegressor, losses, optimizers

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = X[:, 0] + X[:, 1] ** 2
COLUMNS = np.stack([y, X[:, 2] * 2], axis=1)
THREE = np.array(["low", "mid", "top"])[np.digitize(y, [0, 1])]
TWO = np.where(y > 0.7, "yes", "no")
LABELS = np.stack([y > 0.7, X[:, 2] > 0], axis=1).astype(int)
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0, "learning_rate_init": 0.01}


def regressor(**options):
    return MLPRegressor(**SMALL | options)


def classifier(**options):
    return MLPClassifier(**SMALL | options)


# a warm start with other parameters


@pytest.mark.parametrize(
    "second", ["adam", "sgd", "lbfgs", "scg", "lm", "nadam", optimizers.LBFGS()], ids=str
)
@pytest.mark.parametrize("first", ["adam", "lbfgs", "scg", "rmsprop"])
def test_a_warm_start_with_another_solver(first, second):
    model = regressor(solver=first, warm_start=True).fit(X, y)
    loss, network = model.loss_, model.model_
    model.set_params(solver=second).fit(X, y)
    assert model.model_ is network
    assert len(model.loss_curve_) == 10
    assert model.loss_curve_[5] < 1.05 * loss
    assert model.loss_ < loss


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"loss": "huber"}), ({"loss": "huber"}, {"loss": "squared_error"}), ({}, {"l1": 1.0}),
        ({"l1": 1.0}, {"l1": 0.0}), ({}, {"alpha": 5.0}), ({"dropout": 0.2}, {"loss": "mae"}),
        ({}, {"loss": "mse", "solver": "lbfgs"}), ({}, {"n_layers": 1, "width": 6}),
        ({"activation": "relu"}, {"activation": ["relu"]}), ({}, {"early_stopping": True}),
        ({"early_stopping": True}, {"solver": "lbfgs"}), ({"solver": "lbfgs"}, {"early_stopping": True}),
    ],
    ids=str,
)  # fmt: skip
def test_a_warm_start_with_other_aims(first, second):
    """From the same weights a new estimator gets the same loss in its first epoch."""
    model = regressor(warm_start=True, **first).fit(X, y)
    weights = [value.copy() for value in model.model_.weights]
    model.set_params(**second).fit(X, y)
    assert len(model.loss_curve_) == 10
    other = regressor(warm_start=True, max_iter=1, **first | second).fit(X, y)
    other.model_.set_weights(weights)
    other.fit(X, y)
    if not {"early_stopping", "dropout"} & set(first | second):  # which draw other rows
        assert other.loss_curve_[1] == pytest.approx(model.loss_curve_[5])
    assert np.isfinite(model.predict(X)).all()


def test_a_classifier_that_goes_on_with_a_hinge():
    """The outputs stay what they were when they were made."""
    model = classifier(warm_start=True, activation="gelu").fit(X, THREE)
    model.set_params(loss="categorical_focal_crossentropy", max_iter=50).fit(X, THREE)
    assert model.out_activation_ == "softmax"
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert model.score(X, THREE) > 0.6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_layer_sizes": (7,)}, r"hidden_layer_sizes was \[6\] and is now \[7\]"),
        ({"n_layers": 2, "width": 6}, r"hidden_layer_sizes was \[6\] and is now \[6, 6\]"),
        ({"activation": "gelu"}, r"activation was \['relu'\] and is now \['gelu'\]"),
        ({"out_activation": "tanh"}, "out_activation was None and is now 'tanh'"),
        ({"dropout": 0.2}, r"dropout was \[0.0\] and is now \[0.2\]"),
        ({"input_dropout": 0.2}, "input_dropout was 0.0 and is now 0.2"),
        ({"loss": "gaussian_nll"}, "outputs for a column of y was 1 and is now 2"),
    ],
)
def test_another_network_is_no_warm_start(change, message):
    model = regressor(warm_start=True).fit(X, y)
    before = model.predict(X)
    with pytest.raises(ValueError, match=message):
        model.set_params(**change).fit(X, y)
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, y)
    np.testing.assert_array_equal(model.predict(X), before)
    model.set_params(warm_start=False).fit(X, y)
    assert len(model.loss_curve_) == 5


def test_other_columns_are_no_warm_start():
    model = regressor().partial_fit(X, y)
    with pytest.raises(ValueError, match="the number of columns of y was 1 and is now 2"):
        model.partial_fit(X, COLUMNS)
    assert model.n_outputs_ == 1
    assert model.partial_fit(X, y).score(X, y) < 1


def test_partial_fit_keeps_its_rule():
    """As scikit-learn does: a rule has a state, which no other can use."""
    model = regressor().partial_fit(X, y)
    assert type(model.set_params(solver="sgd").partial_fit(X, y)._optimizer).__name__ == "ExactAdam"


# combinations


@pytest.mark.parametrize(
    "data", [X, sparse.csr_matrix(X), sparse.csc_array(X), X.astype("float32")], ids=type
)
@pytest.mark.parametrize("target", [TWO, THREE, LABELS], ids=["two", "three", "labels"])
def test_everything_at_once(data, target):
    model = classifier(
        loss="binary_focal_crossentropy", activation=["gelu", "prelu"], hidden_layer_sizes=(6, 4), l1=0.1,
        dropout=[0.1, 0.0], input_dropout=0.1, solver="nadam", learning_rate=lambda step: 0.1 / (step + 1),
        class_weight=None if target is LABELS else "balanced", early_stopping=True, scoring="f1_macro",
        clipnorm=1.0, kernel_initializer="he_uniform", batch_size=7,
    )  # fmt: skip
    model.fit(data, target, rng.uniform(0.5, 1, 60))
    assert model.coefs_[0].dtype == (np.float32 if data.dtype == np.float32 else np.float64)
    assert model.predict(data).shape == target.shape
    assert np.isfinite(model.predict_log_proba(data)).all()


@pytest.mark.parametrize(
    "options",
    [{"activation": "gelu"}, {"loss": "huber"}, {"solver": "nadam"}, {"solver": "scg"}, {"solver": "lm"}],
    ids=str,
)
def test_small_numbers_stay_small(options):
    thin = X.astype("float32")
    model = regressor(**options).fit(thin, y, np.ones(60))
    assert model.coefs_[0].dtype == model.predict(thin).dtype == np.float32
    whole = regressor(**options).fit(X, y, np.ones(60))
    np.testing.assert_allclose(model.loss_curve_, whole.loss_curve_, rtol=0.02)


@pytest.mark.parametrize(
    "options", [{}, {"activation": "gelu", "dropout": 0.1}, {"solver": "lbfgs"}, {"loss": "hinge"}], ids=str
)
def test_one_class(options):
    model = classifier(**options).fit(X, ["only"] * 60)
    assert (model.predict(X[:3]) == "only").all()
    assert model.score(X, ["only"] * 60) == 1


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize(
    "options", [{"activation": "gelu", "dropout": 0.1}, {"solver": "scg"}, {"solver": "lm"}], ids=str
)
def test_one_row_or_two(options, rows):
    model = regressor(**options).fit(X[:rows], y[:rows])
    assert model.predict(X).shape == (60,)
    assert model.predict(X[:1]).shape == (1,)


def test_whole_numbers_as_targets():
    model = regressor(activation="gelu", loss="huber").fit(np.arange(180).reshape(60, 3), np.arange(60))
    assert np.isfinite(model.loss_curve_).all()
    yes = classifier(activation="gelu", loss="mse").fit(X, y > 0)
    assert yes.predict(X).dtype == bool


@pytest.mark.parametrize("solver", [optimizers.RMSprop, "RMSprop", "rmsprop"])
def test_a_rule_as_a_class(solver):
    assert regressor(solver=solver).fit(X, y).loss_curve_ == regressor(solver="rmsprop").fit(X, y).loss_curve_


def test_lists_as_arrays():
    options = {"hidden_layer_sizes": np.array([6, 4]), "activation": np.array(["relu", "gelu"])}
    model = regressor(dropout=np.array([0.0, 0.1]), **options).fit(X, y)
    assert [layer.units for layer in model.model_.layers if hasattr(layer, "units")] == [6, 4, 1]


def test_a_share_of_one_output():
    for model, target in (
        (classifier(out_activation="softmax"), TWO),
        (regressor(out_activation="softmax"), y),
    ):
        with pytest.raises(ValueError, match=r"'out_activation' .* must not share 1 among the outputs"):
            model.fit(X, target)


@pytest.mark.parametrize(
    ("options", "what"),
    [({"loss": lambda out, T: out - T}, "loss"), ({"activation": np.tanh}, "activation")],
    ids=["loss", "activation"],
)
def test_functions_that_are_not_the_library_s(options, what):
    with pytest.raises(ValueError, match=f"{what} must be a name, a class or an object of mlp's"):
        regressor(**options).fit(X, y)


@pytest.mark.parametrize(
    "options", [{"activation": "gelu"}, {"loss": losses.Huber(1e6)}], ids=["gelu", "huber"]
)
def test_numbers_that_are_too_large(options):
    model = regressor(solver="sgd", learning_rate_init=1e3, **options)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        model.fit(X * 1e150, y)
