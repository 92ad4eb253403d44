"""Losses, update rules and solvers of the library, by an estimator's parameters."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from mlp import MLPClassifier, MLPRegressor, losses, optimizers, utils
from mlp.errors import ArgumentError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 3))
s = X[:, 0] + X[:, 1] ** 2
TWO = np.where(s > 0.7, "yes", "no")
THREE = np.array(["low", "mid", "top"])[np.digitize(s, [0, 1])]
LABELS = np.stack([s > 0.7, X[:, 2] > 0], axis=1).astype(int)
ONE, COLUMNS, POSITIVE = s, np.stack([s, X[:, 2] * 2], axis=1), np.exp(s / 2)
SMALL = {"hidden_layer_sizes": (8,), "random_state": 0}


def classifier(loss, y, **options):
    options = {"learning_rate_init": 0.02, "max_iter": 100} | SMALL | options
    return MLPClassifier(loss=loss, **options).fit(X, y)


def regressor(y=ONE, loss="squared_error", **options):
    return MLPRegressor(loss, **{"learning_rate_init": 0.02, "max_iter": 100} | SMALL | options).fit(X, y)


def assert_learns(model):
    assert np.isfinite(model.loss_curve_).all()
    assert model.loss_curve_[-1] < model.loss_curve_[model.n_iter_ // 2]


# losses of classifiers

FOR_ONE_CLASS = {
    "categorical_crossentropy", "categorical_focal_crossentropy", "categorical_generalized_cross_entropy",
    "categorical_hinge", "cosine_similarity", "kl_divergence", "sparse_categorical_crossentropy",
}  # fmt: skip
FOR_ANY = {
    "binary_crossentropy", "binary_focal_crossentropy", "expectile", "half_mean_squared_error", "hinge",
    "huber", "log_cosh", "mean_absolute_error", "mean_squared_error", "quantile", "squared_hinge",
    "sum_of_squares", "log_loss",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FOR_ONE_CLASS | FOR_ANY))
def test_a_loss_for_three_classes(name):
    options = {"max_iter": 400} if name == "categorical_generalized_cross_entropy" else {}
    model = classifier(name, THREE, **options)
    assert_learns(model)
    assert model.score(X, THREE) > 0.8


@pytest.mark.parametrize("y", [TWO, LABELS], ids=["two classes", "several labels"])
@pytest.mark.parametrize("name", sorted(FOR_ANY))
def test_a_loss_for_yes_and_no(name, y):
    model = classifier(name, y)
    assert_learns(model)
    assert model.score(X, y) > 0.8


@pytest.mark.parametrize("y", [TWO, LABELS], ids=["two classes", "several labels"])
@pytest.mark.parametrize("name", sorted(FOR_ONE_CLASS))
def test_a_loss_for_three_classes_is_refused_for_others(name, y):
    with pytest.raises(ValueError, match=r"binary_crossentropy|'log_loss'|one label a row|categorical_cross"):
        classifier(name, y)


@pytest.mark.parametrize("name", ["gaussian_negative_log_likelihood", "gamma", "tweedie"])
@pytest.mark.parametrize("y", [TWO, THREE], ids=["two", "three"])
def test_a_loss_for_numbers_is_refused_for_classes(name, y):
    with pytest.raises(
        ValueError, match=r"is for regression|must be above 0|must not be negative|needs outputs"
    ):
        classifier(name, y, out_activation=None if name[0] == "g" else "identity")


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        (losses.CategoricalCrossentropy(from_logits=True), THREE),
        (losses.SparseCategoricalCrossentropy(from_logits=True), THREE),
        (losses.BinaryCrossentropy(from_logits=True), THREE),
        (losses.BinaryCrossentropy(from_logits=True), TWO),
        (losses.BinaryFocalCrossentropy(from_logits=True, gamma=1.0), LABELS),
    ],
    ids=["categorical", "sparse", "of each", "binary", "labels"],
)
def test_losses_of_logits_give_probabilities(loss, y):
    model = classifier(loss, y)
    assert model.out_activation_ == "identity"
    assert model.score(X, y) > 0.8
    proba = model.predict_proba(X)
    assert ((proba >= 0) & (proba <= 1)).all()
    if y is not LABELS:
        np.testing.assert_allclose(proba.sum(axis=1), 1)
        assert (model.classes_[proba.argmax(axis=1)] == model.predict(X)).all()


def test_each_class_by_itself():
    model = classifier("log_loss", THREE, out_activation="logistic")
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert model.score(X, THREE) > 0.8


@pytest.mark.parametrize(
    ("name", "y"), [("hinge", TWO), ("squared_hinge", LABELS), ("categorical_hinge", THREE)]
)
def test_a_hinge_has_no_probabilities(name, y):
    model = classifier(name, y)
    assert model.out_activation_ == "identity"
    assert not hasattr(MLPClassifier(loss=name), "predict_proba")
    with pytest.raises(AttributeError, match="has no attribute 'predict_log_proba'"):
        model.predict_log_proba(X)
    with pytest.raises(AttributeError, match="has no attribute 'predict_proba'") as error:
        model.predict_proba(X)
    assert "ends with Linear and is trained by" in str(error.value.__cause__)
    assert "Use decision_function" in str(error.value.__cause__)
    decision = model.decision_function(X)
    if y is THREE:
        assert (model.classes_[decision.argmax(axis=1)] == model.predict(X)).all()
    else:
        said = (decision > 0).astype(int)
        assert (said == (model.predict(X) == "yes" if y is TWO else model.predict(X))).all()


def test_there_is_no_decision_function_beside_probabilities():
    assert not hasattr(MLPClassifier(), "decision_function")
    assert hasattr(MLPClassifier(loss="hinge"), "decision_function")
    assert hasattr(MLPClassifier(loss=losses.SquaredHinge), "decision_function")
    assert not hasattr(MLPClassifier(loss=losses.BinaryCrossentropy()), "decision_function")
    assert not hasattr(MLPClassifier(loss="unknown"), "decision_function")
    assert not hasattr(classifier("log_loss", TWO, max_iter=1), "decision_function")


def test_a_squared_error_of_linear_outputs_decides_at_a_half():
    model = classifier("mse", TWO, out_activation="identity")
    assert (model.predict(X) == np.where(model.model_.predict(X).ravel() > 0.5, "yes", "no")).all()
    assert ((model.decision_function(X) > 0) == (model.predict(X) == "yes")).all()


@pytest.mark.parametrize(("ours", "y"), [("categorical_crossentropy", THREE), ("binary_crossentropy", TWO)])
def test_the_library_s_cross_entropies_are_scikit_learns(ours, y):
    own, theirs = classifier(ours, y, max_iter=5), classifier("log_loss", y, max_iter=5)
    np.testing.assert_allclose(own.loss_curve_, theirs.loss_curve_)
    np.testing.assert_allclose(own.predict_proba(X), theirs.predict_proba(X))


# losses of regressors


@pytest.mark.parametrize("y", [ONE, COLUMNS], ids=["one", "two columns"])
@pytest.mark.parametrize(
    "loss",
    [
        "expectile", "gaussian_negative_log_likelihood", "half_mean_squared_error", "huber", "log_cosh",
        "masked", "mean_absolute_error", "mse", "quantile", "sum_of_squares", losses.huber, losses.Huber,
        losses.Quantile([0.1, 0.5, 0.9]), losses.Masked("mae"),
    ],
    ids=str,
)  # fmt: skip
def test_a_loss_for_numbers(loss, y):
    model = regressor(y, loss)
    assert_learns(model)
    assert model.predict(X).shape == y.shape
    assert model.score(X, y) > 0.6


@pytest.mark.parametrize("loss", ["gamma", "tweedie", "msle", losses.Poisson()], ids=str)
def test_a_loss_for_positive_numbers(loss):
    model = regressor(POSITIVE, loss, out_activation="exp")
    assert_learns(model)
    assert (model.predict(X) > 0).all()
    assert model.score(X, POSITIVE) > 0.3


@pytest.mark.parametrize(
    "name", ["binary_crossentropy", "categorical_hinge", "gamma", "hinge", "kl_divergence"]
)
def test_a_loss_that_is_not_for_numbers(name):
    with pytest.raises(ValueError, match=r"needs|must|one output a class"):
        regressor(ONE, name)


def test_quantiles_lie_one_above_the_other():
    model = regressor(ONE, losses.Quantile([0.1, 0.5, 0.9]), max_iter=300)
    out = model.model_.predict(X)
    assert out.shape == (80, 3)
    assert (np.array([0.02, 0.3, 0.75]) < (ONE[:, None] < out).mean(axis=0)).all()
    np.testing.assert_array_equal(model.predict(X), out[:, 1])


def test_gaps_teach_nothing():
    gaps = np.where(rng.random(COLUMNS.shape) < 0.2, np.nan, COLUMNS)
    model = regressor(gaps, "masked", early_stopping=True, n_iter_no_change=200)
    assert np.isfinite(model.validation_scores_).all()
    assert model.score(X, COLUMNS) > 0.6
    with pytest.raises(ValueError, match=r"Input y contains NaN"):
        regressor(gaps)


def test_the_mean_squared_error_is_twice_the_own():
    """The values, not the gradient: the penalty then weighs half as much."""
    own, library = regressor(max_iter=1, alpha=0.0), regressor(ONE, "mse", max_iter=1, alpha=0.0)
    assert library.loss_curve_[0] == pytest.approx(2 * own.loss_curve_[0])


def test_another_output_keeps_the_own_loss():
    model = regressor(out_activation="tanh", max_iter=1, alpha=0.0)
    start = MLPRegressor(out_activation="tanh", max_iter=1, alpha=0.0, learning_rate_init=1e-300, **SMALL)
    out = start.fit(X, ONE).predict(X)
    assert model.loss_curve_[0] == pytest.approx(((out - ONE) ** 2).mean() / 2)


def test_a_loss_object_is_copied():
    loss = losses.Huber(0.3)
    before = {name: value for name, value in vars(loss).items() if name != "_workspace"}
    regressor(ONE, loss)
    assert {name: value for name, value in vars(loss).items() if name != "_workspace"} == before


def test_a_sum_is_refused():
    with pytest.raises(
        ValueError, match=r"'loss' parameter of MLPRegressor must be a mean .* Got Huber with 'sum'"
    ):
        regressor(ONE, losses.Huber(reduction="sum"))


def test_an_unknown_loss():
    with pytest.raises(ValueError, match=r"'loss' parameter of MLPRegressor must be .*names.'loss'"):
        regressor(ONE, "hubert")


# update rules and solvers

RULES = sorted({type(optimizers.get(name)) for name in utils.names("optimizer")}, key=lambda t: t.__name__)
STEPPING = [rule for rule in RULES if not isinstance(rule(), optimizers.Solver)]
SOLVERS = [rule for rule in RULES if isinstance(rule(), optimizers.Solver)]


@pytest.mark.parametrize("rule", STEPPING, ids=lambda rule: rule.__name__)
def test_a_rule_object_is_copied_and_serves_two_fits(rule):
    given = rule(learning_rate=0.01)
    before = repr(given), dict(given.state), given.iterations, given.owned
    first = regressor(solver=given, max_iter=10)
    second = regressor(solver=given, max_iter=10)
    assert (repr(given), dict(given.state), given.iterations, given.owned) == before
    assert first.loss_curve_ == second.loss_curve_
    assert_learns(first)


@pytest.mark.parametrize("name", utils.names("optimizer"))
def test_a_rule_by_name(name):
    model = regressor(solver=name, max_iter=10, learning_rate_init=0.01)
    assert_learns(model)


def test_a_rule_by_name_takes_learning_rate_init():
    by_name = regressor(solver="rmsprop", learning_rate_init=0.03, max_iter=3)
    given = regressor(solver=optimizers.RMSprop(0.03), learning_rate_init=7.0, max_iter=3)
    assert by_name.loss_curve_ == given.loss_curve_


def test_partial_fit_goes_on_with_the_state_of_a_rule():
    whole = regressor(solver="nadam", max_iter=6, shuffle=False)
    steps = MLPRegressor(solver="nadam", learning_rate_init=0.02, shuffle=False, **SMALL)
    for _ in range(6):
        steps.partial_fit(X, ONE)
    np.testing.assert_allclose(steps.loss_curve_, whole.loss_curve_)


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda rule: rule.__name__)
def test_a_solver_object_is_copied_and_serves_two_fits(solver):
    given = solver()
    first, second = (regressor(solver=given, max_iter=15) for _ in range(2))
    assert (given.iterations, given.owned, given.message if hasattr(given, "message") else "") == (
        0,
        False,
        "",
    )
    assert first.loss_curve_ == second.loss_curve_
    assert_learns(first)
    assert first.n_iter_ == len(first.loss_curve_) == 15
    assert first.score(X, ONE) > 0.8


@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"], ids=str)
def test_solvers_end_at_the_same_minimum_as_lbfgs(solver):
    """Of a convex loss with penalty: an L2 in scikit-learn's scale, and weights of the rows."""
    solver = solver(gtol=1e-9, ftol=0) if solver is optimizers.LBFGS else solver
    solver = solver() if isinstance(solver, type) else solver
    model = MLPRegressor(
        hidden_layer_sizes=(), solver=solver, alpha=3.0, max_iter=300, tol=1e-9, random_state=0
    )
    weight = np.linspace(0.1, 2, 80)
    model.fit(X, ONE, weight)
    A = np.hstack([X, np.ones((80, 1))])
    ridge = A.T @ (A * weight[:, None]) + np.diag([3.0, 3.0, 3.0, 0.0])
    expected = np.linalg.solve(ridge, A.T @ (weight * ONE))
    np.testing.assert_allclose(np.append(model.coefs_[0], model.intercepts_[0]), expected, atol=2e-5)
    error = (weight * (model.predict(X) - ONE) ** 2).sum() / 2
    objective = (error + 1.5 * (model.coefs_[0] ** 2).sum()) / weight.sum()
    assert model.loss_ == pytest.approx(objective)


@pytest.mark.parametrize("solver", ["scg", optimizers.LBFGS(gtol=1e-8, ftol=0)], ids=["scg", "LBFGS"])
@pytest.mark.parametrize(
    ("task", "y"),
    [("log_loss", LABELS), ("log_loss", THREE), ("poisson", np.exp(np.tanh(COLUMNS)))],
)
def test_penalties_of_solvers_are_in_the_scale_of_the_loss(task, y, solver):
    kind = MLPRegressor if task == "poisson" else MLPClassifier
    options = dict(loss=task, hidden_layer_sizes=(), alpha=5.0, max_iter=2000, tol=1e-8, random_state=0)
    expected, found = (kind(solver=one, **options).fit(X, y) for one in ("lbfgs", solver))
    np.testing.assert_allclose(found.coefs_[0], expected.coefs_[0], atol=2e-3)


def test_a_solver_that_has_not_converged_warns():
    options = {"solver": "scg", **SMALL}
    with pytest.warns(
        ConvergenceWarning, match=r"ScaledConjugateGradient: Maximum iterations \(3\)"
    ) as caught:
        MLPRegressor(max_iter=3, **options).fit(X, ONE)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLPRegressor(max_iter=500, n_layers=0, solver="lm", random_state=0).fit(X, ONE)


@pytest.mark.parametrize("solver", ["lbfgs", "lm", "scg", optimizers.LBFGS()], ids=str)
def test_solvers_refuse_dropout(solver):
    with pytest.raises(ArgumentError, match=r"needs the same loss at every call, but layer 'dropout'"):
        regressor(solver=solver, dropout=0.2)


def test_levenberg_and_marquardt_want_squares():
    with pytest.raises(ArgumentError, match=r"needs a loss that is a sum of squares"):
        classifier("log_loss", TWO, solver="lm")
    assert classifier("mse", TWO, solver="lm").score(X, TWO) > 0.9


def test_solvers_have_no_partial_fit():
    for solver in ("lm", optimizers.LBFGS(), optimizers.ScaledConjugateGradient()):
        assert not hasattr(MLPRegressor(solver=solver), "partial_fit")


def test_averages_of_weights_are_what_is_left():
    model = regressor(solver=optimizers.Adam(0.02, use_ema=True, ema_momentum=0.9), max_iter=5)
    np.testing.assert_array_equal(model.model_.parameters.values, model._optimizer.state["average"])
