"""What scikit-learn's networks lack: activations, dropout, depth and width, penalties, weights of classes."""

import copy
import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils.class_weight import compute_sample_weight

from mlp import (
    MLPClassifier,
    MLPRegressor,
    Sequential,
    activations,
    initializers,
    layers,
    losses,
    models,
    utils,
)
from mlp.estimators.rows import Rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4))
s = X[:, 0] + X[:, 1] ** 2
THREE = np.array(["low", "mid", "top"])[np.digitize(s, [0, 1])]
TWO = np.where(s > 0.7, "yes", "no")
COLUMNS = np.stack([s, X[:, 2] * 2], axis=1)
WEIGHT = rng.uniform(0.2, 3, size=60)


def regressor(y=s, data=X, weight=None, **options):
    options = {"hidden_layer_sizes": (8, 6), "max_iter": 5, "random_state": 0} | options
    return MLPRegressor(**options).fit(data, y, weight)


def classifier(y=THREE, weight=None, **options):
    options = {"hidden_layer_sizes": (8, 6), "max_iter": 5, "random_state": 0} | options
    return MLPClassifier(**options).fit(X, y, weight)


def kinds(model) -> list[str]:
    return [type(layer).__name__ for layer in model.model_.layers]


# activations


@pytest.mark.parametrize("name", utils.names("activation"))
def test_an_activation_by_name(name):
    model = regressor(activation=name, max_iter=20, batch_size=20)
    assert np.isfinite(model.loss_curve_).all()
    assert model.predict(X).shape == (60,)
    assert clone(model).fit(X, s).loss_curve_ == model.loss_curve_


def test_an_activation_for_each_layer():
    own = activations.LeakyReLU(0.3)
    model = regressor(
        activation=["tanh", own, activations.PReLU, activations.gelu], hidden_layer_sizes=(5, 4, 3, 2)
    )
    names = [type(layer.activation).__name__ for layer in model.model_.layers]
    assert names == ["Tanh", "LeakyReLU", "PReLU", "GELU", "Linear"]
    assert model.model_.layers[1].activation is not own


@pytest.mark.parametrize(
    "names", [["relu", "relu"], ("relu", activations.ReLU()), [activations.relu] * 2], ids=str
)
def test_a_list_of_one_activation_is_that(names):
    """In scikit-learn's order of operations, or in the library's."""
    np.testing.assert_allclose(regressor(activation=names).loss_curve_, regressor().loss_curve_, rtol=1e-10)


@pytest.mark.parametrize("function", [activations.GLU(), activations.Maxout(2)], ids=str)
def test_activations_with_fewer_outputs_than_units(function):
    model = regressor(activation=function, max_iter=40)
    assert [W.shape for W in model.coefs_] == [(4, 8), (4, 6), (3, 1)]
    assert model.loss_ < model.loss_curve_[0]
    with pytest.raises(
        ValueError, match=r"units must be a multiple of 2, since .* makes one output of 2; got 5"
    ):
        regressor(activation=function, hidden_layer_sizes=(5,))


def test_what_an_activation_learns_is_kept():
    model = regressor(activation="prelu", max_iter=40, learning_rate_init=0.05)
    slopes = model.model_.layers[0].parameters
    learned = next(value for name, value in slopes.items() if name not in ("W", "b"))
    assert len(np.unique(learned)) > 1
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": ["relu"]}, "'activation' parameter of MLPRegressor has 1 items, but there are 2"),
        ({"dropout": [0.1] * 3}, "'dropout' parameter of MLPRegressor has 3 items, but there are 2 hidden"),
        ({"activation": ["relu"], "n_layers": 0}, "has 1 items, but there are 0 hidden layers"),
        ({"activation": ["relu", "gelo"]}, "unknown activation 'gelo'. Did you mean 'gelu'"),
        ({"activation": "gelo"}, "'activation' parameter of MLPRegressor must be .* Got 'gelo' instead"),
        ({"out_activation": "gelo"}, "'out_activation' parameter of MLPRegressor must be .* Got 'gelo'"),
        ({"dropout": [0.1, 1.0]}, r"dropout\[1\] must be a number in \[0, 1\); got 1.0"),
        ({"dropout": 1.0}, "'dropout' parameter of MLPRegressor must be .* Got 1.0 instead"),
        ({"input_dropout": -0.1}, "'input_dropout' parameter of MLPRegressor must be .* Got -0.1 instead"),
        ({"n_layers": -1}, "'n_layers' parameter of MLPRegressor must be .* Got -1 instead"),
        ({"width": 0}, "'width' parameter of MLPRegressor must be .* Got 0 instead"),
        ({"l1": -1.0}, "'l1' parameter of MLPRegressor must be .* Got -1.0 instead"),
        ({"kernel_initializer": "he"}, "'kernel_initializer' parameter of MLPRegressor must be .* Got 'he'"),
    ],
)  # fmt: skip
def test_wrong_parameters(options, message):
    with pytest.raises(ValueError, match=message):
        regressor(**options)


# dropout


def test_dropout_for_each_layer_and_the_input():
    model = regressor(dropout=[0.0, 0.4], input_dropout=0.1)
    assert kinds(model) == ["Dropout", "Dense", "Dense", "Dropout", "Dense"]
    assert [layer.rate for layer in model.model_.layers if isinstance(layer, layers.Dropout)] == [0.1, 0.4]
    assert kinds(regressor(dropout=0.2)) == ["Dense", "Dropout", "Dense", "Dropout", "Dense"]


@pytest.mark.parametrize("options", [{"dropout": 0.3}, {"input_dropout": 0.3}], ids=str)
@pytest.mark.parametrize(
    "data", [X, sparse.csr_matrix(X), sparse.csc_array(X), X.astype("float32")], ids=type
)
def test_dropout_is_reproducible_and_off_at_prediction(options, data):
    first, second, other = (regressor(data=data, random_state=k, **options) for k in (1, 1, 2))
    assert first.loss_curve_ == second.loss_curve_ != other.loss_curve_
    np.testing.assert_array_equal(first.predict(data), first.predict(data))
    without = regressor(data=data, random_state=1)
    assert without.loss_curve_ != first.loss_curve_
    dense = data.toarray() if sparse.issparse(data) else data
    np.testing.assert_allclose(first.predict(data), first.model_.predict(dense).ravel())


def test_sparse_and_dense_rows_with_dropout_are_the_same():
    dense, thin = (regressor(data=data, dropout=0.3, activation="gelu") for data in (X, sparse.csr_matrix(X)))
    np.testing.assert_allclose(dense.loss_curve_, thin.loss_curve_)
    np.testing.assert_allclose(dense.predict(X), thin.predict(sparse.csc_matrix(X)))


def test_the_first_weights_with_dropout_are_scikit_learns_draws():
    """But for the one number that seeds it."""
    state = np.random.RandomState(3)
    seed = state.randint(2**31 - 1)
    model = regressor(random_state=3, dropout=0.5, learning_rate_init=1e-300, max_iter=1)
    bound = np.sqrt(6 / 12)
    np.testing.assert_array_equal(model.coefs_[0], state.uniform(-bound, bound, (4, 8)))
    assert model.model_.seed == seed


# depth and width


def test_depth_and_width_as_numbers():
    assert [W.shape for W in regressor(n_layers=3, width=5).coefs_] == [(4, 5), (5, 5), (5, 5), (5, 1)]
    assert [W.shape for W in regressor(width=5).coefs_] == [(4, 5), (5, 1)]
    assert [W.shape for W in regressor(n_layers=2, max_iter=1).coefs_] == [(4, 100), (100, 100), (100, 1)]
    assert [W.shape for W in regressor(n_layers=0).coefs_] == [(4, 1)]
    same = regressor(n_layers=2, width=7), regressor(hidden_layer_sizes=(7, 7))
    assert same[0].loss_curve_ == same[1].loss_curve_


def test_a_search_over_depth_and_width():
    grid = {"n_layers": [0, 1, 2], "width": [2, 5], "dropout": [0.0, 0.1], "activation": ["relu", "gelu"]}
    search = GridSearchCV(MLPRegressor(max_iter=3, random_state=0), grid, cv=2).fit(X, s)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.n_layers_ == search.best_params_["n_layers"] + 2


# first weights


@pytest.mark.parametrize("name", utils.names("initializer"))
def test_an_initializer_by_name(name):
    if name == "identity":
        options = {"hidden_layer_sizes": (4,), "kernel_initializer": name}
    else:
        options = {"kernel_initializer": name}
    assert np.isfinite(regressor(**options).loss_curve_).all()


@pytest.mark.parametrize(
    "constant",
    ["constant", initializers.Constant, initializers.Constant(0.0)],
    ids=["name", "class", "object"],
)
def test_initializers_of_both_kinds(constant):
    options = {"learning_rate_init": 1e-300, "max_iter": 1}
    model = regressor(kernel_initializer=initializers.Ones(), bias_initializer=constant, **options)
    assert all((W == 1).all() for W in model.coefs_)
    assert all(np.abs(b).max() < 1e-200 for b in model.intercepts_)


def test_one_initializer_leaves_the_others_to_scikit_learns_draws():
    options = {"learning_rate_init": 1e-300, "max_iter": 1}
    model = regressor(bias_initializer="zeros", **options)
    assert all(np.abs(b).max() < 1e-200 for b in model.intercepts_)
    bound = np.sqrt(6 / 12)
    assert 0.8 * bound < np.abs(model.coefs_[0]).max() <= bound
    own = regressor(kernel_initializer=initializers.HeNormal(seed=3), **options)
    assert (
        own.coefs_[0] == regressor(kernel_initializer=initializers.HeNormal(seed=3), **options).coefs_[0]
    ).all()
    assert np.abs(own.intercepts_[0]).max() <= bound


def test_he_normal_depends_on_random_state_only():
    first, second, other = (regressor(kernel_initializer="he_normal", random_state=k) for k in (1, 1, 2))
    assert first.loss_curve_ == second.loss_curve_ != other.loss_curve_


# gradients and penalties


def gradient_error(model, y, weight=None) -> float:
    """The largest difference between the gradient and central differences of the loss, as a share."""
    T = model._targets(model._validate_input(X, y, incremental=True, reset=False)[1])
    engine, batch = model._engine(), Rows(X, T, weight).all()
    engine.gradient(*batch)
    found = engine.parameters.gradients.copy()
    values, numeric = engine.parameters.values, np.empty_like(found)
    for k, value in enumerate(values.copy()):
        ends = []
        for step in (1e-6, -1e-6):
            values[k] = value + step
            ends.append(engine.gradient(*batch))
        values[k] = value
        numeric[k] = (ends[0] - ends[1]) / 2e-6
    return float(np.abs(found - numeric).max() / np.abs(numeric).max())


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weights"])
@pytest.mark.parametrize("penalty", [{"alpha": 0.0}, {"alpha": 3.0, "l1": 2.0}], ids=["", "penalties"])
@pytest.mark.parametrize(
    ("loss", "options"),
    [
        ("squared_error", {"true_gradient": True}), ("squared_error", {"out_activation": "tanh"}),
        ("mse", {}), ("log_cosh", {}), ("gaussian_nll", {}), ("poisson", {}),
        (losses.Expectile(0.7), {"activation": ["tanh", "prelu"]}), ("tweedie", {"out_activation": "exp"}),
    ],
    ids=str,
)  # fmt: skip
def test_gradients_of_regressors(loss, options, penalty, weight):
    y = np.exp(np.tanh(COLUMNS)) if loss in ("poisson", "tweedie") else COLUMNS
    options = {"hidden_layer_sizes": (4, 3), "activation": "gelu", "max_iter": 2} | options
    model = MLPRegressor(loss, random_state=1, **options, **penalty).fit(X, y)
    assert gradient_error(model, y, weight) < 1e-6


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weights"])
@pytest.mark.parametrize("penalty", [{"alpha": 0.0}, {"alpha": 3.0, "l1": 2.0}], ids=["", "penalties"])
@pytest.mark.parametrize(
    ("loss", "y", "options"),
    [
        ("log_loss", THREE, {}), ("log_loss", TWO, {}), ("log_loss", THREE, {"out_activation": "logistic"}),
        ("categorical_focal_crossentropy", THREE, {}), ("sparse_categorical_crossentropy", THREE, {}),
        ("squared_hinge", TWO, {}), (losses.BinaryCrossentropy(from_logits=True), TWO, {}),
    ],
    ids=str,
)  # fmt: skip
def test_gradients_of_classifiers(loss, y, options, penalty, weight):
    options = {"hidden_layer_sizes": (4, 3), "activation": "tanh", "max_iter": 2, "loss": loss} | options
    model = MLPClassifier(random_state=1, **options, **penalty).fit(X, y)
    assert gradient_error(model, y, weight) < 1e-6


def test_the_true_gradient_of_several_outputs_is_a_kth_of_scikit_learns():
    """So is a step of η of the one a step of k η of the other."""
    options = {"y": COLUMNS, "solver": "sgd", "alpha": 0.0, "max_iter": 4}
    theirs, true = regressor(**options), regressor(true_gradient=True, learning_rate_init=0.002, **options)
    np.testing.assert_allclose(true.loss_curve_, theirs.loss_curve_)
    assert (
        regressor(true_gradient=True).loss_curve_ == regressor().loss_curve_
    )  # of one there is no difference


def test_l1_in_one_step():
    options = dict(
        solver="sgd", momentum=0.0, learning_rate_init=0.1, batch_size=60, shuffle=False, alpha=0.0
    )
    start = regressor(max_iter=1, **options | {"learning_rate_init": 1e-300})
    free, bound = (regressor(max_iter=1, l1=l1, **options) for l1 in (0.0, 6.0))
    for begin, W, W_free in zip(start.coefs_, bound.coefs_, free.coefs_, strict=True):
        np.testing.assert_allclose(W, W_free - 0.1 * 6 / 60 * np.sign(begin), atol=1e-12)
    np.testing.assert_allclose(bound.intercepts_[0], free.intercepts_[0])
    sizes = sum(np.abs(W).sum() for W in start.coefs_)
    assert bound.loss_curve_[0] == pytest.approx(free.loss_curve_[0] + 6 / 60 * sizes)


@pytest.mark.parametrize("solver", ["adam", "scg"])
def test_l1_makes_weights_small(solver):
    options = {"solver": solver, "max_iter": 300, "hidden_layer_sizes": (6,), "learning_rate_init": 0.01}
    free, bound = regressor(alpha=0.0, **options), regressor(alpha=0.0, l1=3.0, **options)
    assert (np.abs(bound.coefs_[0]) < 0.02).sum() > (np.abs(free.coefs_[0]) < 0.02).sum() + 3


# weights of classes


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "sample_weight"])
@pytest.mark.parametrize("class_weight", ["balanced", {"low": 1.0, "mid": 5.0, "top": 0.5}], ids=type)
@pytest.mark.parametrize("solver", ["adam", "lbfgs", "rmsprop"])
def test_class_weight_is_sample_weight(class_weight, solver, weight):
    by_hand = compute_sample_weight(class_weight, THREE) * (1 if weight is None else weight)
    found = classifier(THREE, weight, class_weight=class_weight, solver=solver)
    np.testing.assert_allclose(found.loss_curve_, classifier(THREE, by_hand, solver=solver).loss_curve_)


def test_class_weight_of_labels():
    y = np.stack([s > 0.7, X[:, 2] > 0], axis=1).astype(int)
    both = [{0: 1.0, 1: 4.0}, {0: 2.0, 1: 1.0}]
    by_hand = compute_sample_weight(both, y)
    assert classifier(y, class_weight=both).loss_curve_ == classifier(y, by_hand).loss_curve_


def test_class_weight_by_batches():
    weights = {"low": 1.0, "mid": 5.0, "top": 0.5}
    options = {"hidden_layer_sizes": (5,), "random_state": 0}
    model = MLPClassifier(class_weight=weights, **options).partial_fit(
        X, THREE, classes=["low", "mid", "top"]
    )
    by_hand = MLPClassifier(**options).partial_fit(
        X, THREE, compute_sample_weight(weights, THREE), classes=["low", "mid", "top"]
    )
    assert model.loss_ == by_hand.loss_
    with pytest.raises(ValueError, match="class_weight='balanced' needs all rows at once, which partial_fit"):
        MLPClassifier(class_weight="balanced").partial_fit(X, THREE, classes=["low", "mid", "top"])


def test_class_weight_that_forgets_a_class():
    with pytest.raises(ValueError, match="are not in class_weight"):
        classifier(class_weight={"low": 1.0, "none": 2.0})


# the network itself


@pytest.mark.parametrize(
    "options", [{}, {"activation": "gelu", "dropout": 0.1}, {"solver": "lbfgs"}], ids=str
)
def test_model_is_the_network(options, tmp_path):
    model = classifier(**options)
    assert isinstance(model.model_, Sequential)
    np.testing.assert_allclose(model.model_.predict(X), model.predict_proba(X))
    one_hot = (THREE[:, None] == model.classes_).astype(float)
    loss, accuracy = model.model_.evaluate(X, one_hot)
    assert accuracy == pytest.approx(model.score(X, THREE))
    assert loss == pytest.approx(-np.log(model.predict_proba(X)[one_hot.astype(bool)]).mean())
    model.model_.save(tmp_path / "net.mlp")
    again = models.load_model(tmp_path / "net.mlp")
    np.testing.assert_array_equal(again.predict(X), model.model_.predict(X))


def test_the_network_can_be_trained_further():
    model = regressor(solver="sgd", learning_rate_init=0.01)
    before = model.score(X, s)
    history = model.model_.fit(X, s, epochs=30, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert model.score(X, s) > before  # the estimator sees it
    assert model.model_.optimizer.learning_rate == 0.01
    model.warm_start = True
    assert model.fit(X, s).loss_curve_[5] < model.loss_curve_[4]


def test_weights_can_be_set():
    model = regressor()
    model.coefs_[0][:] = 0
    model.intercepts_ = [np.ones(8), np.zeros(6), np.full(1, 7.0)]
    assert (model.model_.layers[0].W == 0).all()
    twin = copy.deepcopy(model)
    twin.coefs_[2][:] = 0
    assert (twin.predict(X) == 7).all()
    assert not (model.predict(X) == 7).all()
