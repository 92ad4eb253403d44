"""Beside scikit-learn, with the same data and parameters: the same numbers, to the last bit."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from beside_sklearn import assert_same, pair, quietly
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

rng = np.random.default_rng(0)
X = rng.normal(size=(75, 6))
Z = X @ rng.normal(size=(6, 3)) + 0.1 * rng.normal(size=(75, 3))
WEIGHT = rng.uniform(size=75)
TASKS = {
    "binary": ("Classifier", (Z[:, 0] > 0).astype(int), {}),
    "words": ("Classifier", np.where(Z[:, 0] > 0, "yes", "no"), {}),
    "multiclass": ("Classifier", Z.argmax(axis=1) * 2 + 1, {}),
    "multilabel": ("Classifier", (Z > 0).astype(int), {}),
    "one class": ("Classifier", np.full(75, 3), {}),
    "regression": ("Regressor", Z[:, 0], {}),
    "two outputs": ("Regressor", Z[:, :2], {}),
    "counts": ("Regressor", rng.poisson(np.exp(Z[:, 0] / 3)), {"loss": "poisson"}),
    "two counts": ("Regressor", rng.poisson(np.exp(Z[:, :2] / 3)), {"loss": "poisson"}),
}
SOLVERS = [
    {"solver": "adam", "learning_rate_init": 0.01},
    {"solver": "lbfgs"},
    {"solver": "sgd", "learning_rate_init": 0.05},
    {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1, "power_t": 0.3},
    {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.05,
        "tol": 0.01,
        "n_iter_no_change": 1,
    },
]
FEW = ("words", "multiclass", "multilabel", "two outputs", "counts")
ACTIVATIONS = ("identity", "logistic", "tanh", "relu")


def fitted(task: str, inputs=X, sample_weight=None, **parameters) -> list:
    """Both estimators, fitted."""
    kind, y, more = TASKS[task]
    parameters = {"hidden_layer_sizes": (7, 5), "max_iter": 6, "random_state": 3} | more | parameters
    both = pair(kind, **parameters)
    for estimator in both:
        quietly(estimator.fit, inputs, y, sample_weight=sample_weight)
    return both


def check(task: str, inputs=X, sample_weight=None, **parameters) -> None:
    """Both, fitted with the same, are the same."""
    assert_same(*fitted(task, inputs, sample_weight, **parameters), inputs, TASKS[task][1])


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    "solver", SOLVERS, ids=lambda s: f"{s['solver']}-{s.get('learning_rate', 'constant')}"
)
def test_every_solver_activation_and_task(solver, activation, task):
    check(task, activation=activation, **solver)


@pytest.mark.parametrize("task", FEW)
@pytest.mark.parametrize("solver", SOLVERS[::2], ids=lambda s: s["solver"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
def test_early_stopping(task, solver, weight):
    check(
        task, sample_weight=weight, early_stopping=True, validation_fraction=0.2, **solver | {"max_iter": 25}
    )


@pytest.mark.parametrize("task", FEW)
@pytest.mark.parametrize("solver", SOLVERS[:3], ids=lambda s: s["solver"])
@pytest.mark.parametrize("weight", [WEIGHT, WEIGHT.astype(np.float32), np.arange(75) % 4 > 0], ids=str)
def test_sample_weight(task, solver, weight):
    check(task, sample_weight=weight, **solver)


@pytest.mark.parametrize("size", [1, 7, 74, 75, 1000])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("task", ["multiclass", "multilabel", "two outputs"])
def test_sizes_of_batches(size, shuffle, task):
    check(task, batch_size=size, shuffle=shuffle, max_iter=3, solver="sgd", learning_rate_init=0.05)


@pytest.mark.parametrize("sizes", [(), (5,), 5, (7, 5, 3), [4, 4], np.array([3, 2]), (1,)], ids=str)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sizes_of_layers(sizes, solver):
    check("multiclass", hidden_layer_sizes=sizes, solver=solver)


@pytest.mark.parametrize(
    "parameters",
    [
        {"momentum": 0},
        {"momentum": 1},
        {"nesterovs_momentum": False},
        {"tol": 0},
        {"alpha": 0},
        {"alpha": 10},
        {"n_iter_no_change": np.inf, "tol": 1},
        {"n_iter_no_change": 1, "tol": 1},
        {"power_t": 0},
        {
            "learning_rate": "adaptive",
            "tol": 10,
            "n_iter_no_change": 1,
            "max_iter": 60,
        },  # until η is too small
        {"learning_rate_init": np.float32(0.1), "learning_rate": "adaptive", "tol": 1, "n_iter_no_change": 1},
        {"solver": "adam", "beta_1": 0, "beta_2": 0},
        {"solver": "adam", "epsilon": 0.1, "beta_1": 0.5},
        {"solver": "lbfgs", "max_fun": 3},
        {"solver": "lbfgs", "tol": 0.1},
        {"solver": "lbfgs", "alpha": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_parameters(parameters, task):
    check(task, **{"solver": "sgd", "learning_rate_init": 0.05} | parameters)


FORMS = {
    "Fortran": np.asfortranarray,
    "every second row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "backwards": lambda X: X[::-1].copy()[::-1],
    "list": np.ndarray.tolist,
    "integers": lambda X: (X * 10).astype(int),
    "frame": lambda X: pd.DataFrame(X, columns=list("abcdef")),
    "csr": lambda X: scipy.sparse.csr_matrix(X * (X > 0)),
    "csr array": lambda X: scipy.sparse.csr_array(X * (X > 0)),
    "csc": lambda X: scipy.sparse.csc_matrix(X * (X > 0)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"shuffle": False},
        {"early_stopping": True},
        {"early_stopping": True, "shuffle": False},
        {"solver": "lbfgs"},
    ],
    ids=str,
)
@pytest.mark.parametrize("task", ["multilabel", "regression"])
def test_forms_of_input(form, parameters, task):
    """Their products are added up in other orders, and a net of one unit has products of its own."""
    check(task, FORMS[form](X), batch_size=20, hidden_layer_sizes=(4, 1), **parameters)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_columns_that_are_not_scaled(activation, solver):
    """Training is chaotic here: a difference in the last bit grows until nothing agrees."""
    inputs, y = load_breast_cancer(return_X_y=True)
    both = pair(
        "Classifier",
        hidden_layer_sizes=(10,),
        activation=activation,
        solver=solver,
        random_state=1,
        max_iter=25,
    )
    for estimator in both:
        quietly(estimator.fit, inputs, y)
    assert_same(*both, inputs, y)


def test_real_data_with_the_defaults():
    digits, diabetes = load_digits(return_X_y=True), load_diabetes(return_X_y=True)
    for task, (inputs, y) in {"Classifier": digits, "Regressor": diabetes}.items():
        both = pair(task, random_state=0, max_iter=5)
        for estimator in both:
            quietly(estimator.fit, inputs, y)
        assert_same(*both, inputs, y)


@pytest.mark.parametrize(
    "draw", [lambda: np.random.RandomState(5), lambda: None], ids=["generator", "global"]
)
def test_generators(draw):
    """One that the user passes on is used up as much; `None` is NumPy's global one."""
    both, states = pair("Classifier", max_iter=3), []
    for estimator in both:
        np.random.seed(11)  # noqa: NPY002 - what users of scikit-learn do
        generator = estimator.set_params(random_state=draw()).random_state
        for early_stopping in (False, True):
            estimator.early_stopping = early_stopping
            quietly(estimator.fit, X, TASKS["binary"][1])
        states.append((generator or np.random.mtrand._rand).get_state()[1:3])
    assert_same(*both, X, TASKS["binary"][1])
    assert np.array_equal(states[0][0], states[1][0])
    assert states[0][1] == states[1][1]


@pytest.mark.parametrize("task", FEW)
@pytest.mark.parametrize(
    "solver", SOLVERS, ids=lambda s: f"{s['solver']}-{s.get('learning_rate', 'constant')}"
)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_warm_starts(task, solver, early_stopping):
    both, y = fitted(task, warm_start=True, early_stopping=early_stopping, **solver), TASKS[task][1]
    for changes in ({}, {"max_iter": 3, "batch_size": 9}, {"alpha": 1, "learning_rate_init": 0.02}):
        for estimator in both:
            quietly(estimator.set_params(**changes).fit, X, y)
        assert_same(*both, X, y)


@pytest.mark.parametrize("task", FEW)
@pytest.mark.parametrize(
    "solver", [SOLVERS[0], *SOLVERS[2:]], ids=lambda s: f"{s['solver']}-{s.get('learning_rate')}"
)
@pytest.mark.parametrize("first", ["fit", "partial_fit"])
def test_batch_by_batch(task, solver, first):
    kind, y, more = TASKS[task]
    both = pair(kind, hidden_layer_sizes=(6,), random_state=2, max_iter=3, batch_size=11, **more | solver)
    for estimator in both:
        classes = {"classes": np.unique(y) if y.ndim == 1 else [0, 1, 2]} if kind == "Classifier" else {}
        if first == "fit":
            quietly(estimator.fit, X, y)
        for start in (0, 30, 0):
            rows = slice(start, start + 45)
            quietly(estimator.partial_fit, X[rows], y[rows], WEIGHT[rows], **classes)
        quietly(estimator.partial_fit, X, y)
    assert_same(*both, X, y)


def test_a_batch_without_some_of_the_classes():
    both, y = pair("Classifier", random_state=0), TASKS["multiclass"][1]
    for estimator in both:
        estimator.partial_fit(X[y < 5][:20], y[y < 5][:20], classes=[1, 3, 5, 7])
        estimator.partial_fit(X, y)
    assert_same(*both, X, y)
    assert both[1].predict_proba(X).shape == (75, 4)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("solver", SOLVERS[:3], ids=lambda s: s["solver"])
def test_float32(task, solver):
    """The same types, and numbers as near as theirs."""
    both = fitted(task, X.astype(np.float32), **solver | {"max_iter": 3})
    assert_same(*both, X.astype(np.float32), TASKS[task][1], rtol=1e-3, atol=1e-4)
