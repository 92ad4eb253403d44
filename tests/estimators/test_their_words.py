"""Errors, warnings and what a fit prints: where scikit-learn does so, and in the same words."""

import contextlib
import io
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from beside_sklearn import pair, quietly

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 4))
Y = {"Classifier": np.arange(40) % 3, "Regressor": X @ [1.0, 2, 3, 4]}
FRAME = pd.DataFrame(X, columns=list("abcd"))
BAD = np.where(np.arange(160).reshape(40, 4) == 7, np.nan, X)


def words_of(action, estimator) -> list:
    """What it raises and warns, by type and text, and what it prints."""
    printed = io.StringIO()
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(printed):
        warnings.simplefilter("always")
        try:
            action(estimator)
        except Exception as error:
            caught.append(warnings.WarningMessage(error, type(error), "", 0))
    words = [(item.category, str(item.message)) for item in caught if item.category is not RuntimeWarning]
    return [*words, *printed.getvalue().splitlines()]


def check(task: str, action, **parameters) -> list:
    """The same words from both, of which there are some."""
    theirs, ours = (words_of(action, estimator) for estimator in pair(task, **{"max_iter": 3} | parameters))
    assert theirs
    assert ours == theirs
    return theirs


def fit(inputs=X, y=None, **more):
    """An action: fit to these."""
    return lambda e: e.fit(
        inputs, Y["Classifier" if hasattr(e, "predict_proba") else "Regressor"] if y is None else y, **more
    )


WRONG = {
    "hidden_layer_sizes": [0, -1, (3, 0), (-5, 2), 2.5, "ten", None],
    "alpha": [-1, "a", None, np.nan],
    "batch_size": [0, -2, 1.5, "all", None],
    "learning_rate_init": [0, -0.1, "fast"],
    "power_t": [-1, None],
    "max_iter": [0, 2.5, "many"],
    "shuffle": ["yes", 3, None],
    "random_state": ["seed", -1, 1.5],
    "tol": [-1, None],
    "verbose": [-1, "loud"],
    "warm_start": ["no", None],
    "momentum": [-0.1, 1.1, None],
    "nesterovs_momentum": [2, "on"],
    "early_stopping": ["early", None],
    "validation_fraction": [1, -0.1, 2],
    "beta_1": [1, -1],
    "beta_2": [1.0, -0.5],
    "epsilon": [0, -1],
    "n_iter_no_change": [0, 1.5, -np.inf],
    "max_fun": [0, 1.5],
}


@pytest.mark.parametrize("task", Y)
@pytest.mark.parametrize(("name", "value"), [(name, value) for name in WRONG for value in WRONG[name]])
def test_wrong_parameters(task, name, value):
    assert len(check(task, fit(), **{name: value})) == 1


@pytest.mark.parametrize(
    ("task", "name"),
    [(task, name) for task in Y for name in ("activation", "solver", "learning_rate")]
    + [("Regressor", "loss")],
)
@pytest.mark.parametrize("value", ["nonsense", 3, None])
def test_wrong_names(task, name, value):
    """They may be more here than there, so that the text goes on in other words."""
    theirs, ours = (words_of(fit(), estimator)[0] for estimator in pair(task, **{name: value}))
    assert issubclass(ours[0], theirs[0])
    assert ours[1].startswith(theirs[1].split("{")[0])
    assert f". Got {value!r} instead." in ours[1]


DATA = {
    "NaN in X": fit(BAD),
    "infinite X": fit(np.where(np.isnan(BAD), np.inf, X)),
    "no rows": fit(X[:0], []),
    "one column too few in y": fit(X, np.zeros(39)),
    "X of one dimension": fit(X[:, 0]),
    "X of three": fit(X[None]),
    "words in X": fit([["a", "b"]] * 40),
    "complex X": fit(X + 1j),
    "no columns": fit(X[:, :0]),
    "NaN in sparse X": fit(scipy.sparse.csr_matrix(BAD)),
    "NaN in y": fit(X, np.where(np.arange(40), 1.0, np.nan)),
    "no y": lambda e: e.fit(X, None),
    "a column y": lambda e: e.fit(X, np.arange(40)[:, None] % 2),
    "weights too short": fit(sample_weight=np.ones(3)),
    "NaN weights": fit(sample_weight=np.full(40, np.nan)),
    "weights of two dimensions": fit(sample_weight=np.ones((40, 2))),
    "no weights": fit(sample_weight=np.zeros(40)),
    "unfitted": lambda e: e.predict(X),
    "unfitted score": lambda e: e.score(X, X[:, 0]),
    "another number of columns": lambda e: e.fit(X, np.arange(40) % 2).predict(X[:, :3]),
    "columns in another order": lambda e: e.fit(FRAME, np.arange(40) % 2).predict(FRAME[list("badc")]),
    "columns of other names": lambda e: e.fit(FRAME, np.arange(40) % 2).predict(
        FRAME.rename(columns={"a": "z"})
    ),
    "no names": lambda e: e.fit(FRAME, np.arange(40) % 2).predict(X),
    "names after none": lambda e: e.fit(X, np.arange(40) % 2).predict(FRAME),
    "predict NaN": lambda e: e.fit(X, np.arange(40) % 2).predict(BAD),
    "predict one row": lambda e: e.fit(X, np.arange(40) % 2).predict(X[0]),
    "predict nothing": lambda e: e.fit(X, np.arange(40) % 2).predict(X[:0]),
    "other columns in partial_fit": lambda e: e.fit(X, np.arange(40) % 2).partial_fit(
        X[:, :2], np.arange(40) % 2
    ),
}


@pytest.mark.parametrize("task", Y)
@pytest.mark.parametrize("case", DATA)
def test_bad_data(task, case):
    check(task, DATA[case])


CLASSES = {
    "continuous y": fit(X, X[:, 0]),
    "other classes": lambda e: e.partial_fit(X, Y["Classifier"]).fit(X, X[:, 0] > 0),
    "no classes at first": lambda e: e.partial_fit(X, Y["Classifier"]),
    "a class that is not in classes": lambda e: e.partial_fit(X, Y["Classifier"], classes=[0, 1]),
    "other classes later": lambda e: e.fit(X, Y["Classifier"]).partial_fit(
        X, Y["Classifier"], classes=[0, 1]
    ),
    "a new class later": lambda e: e.fit(X, Y["Classifier"]).partial_fit(X, Y["Classifier"] + 1),
    "unfitted probabilities": lambda e: e.predict_proba(X),
    "unfitted logs": lambda e: e.predict_log_proba(X),
}


@pytest.mark.parametrize("case", CLASSES)
def test_bad_classes(case):
    check("Classifier", CLASSES[case])


def test_a_warm_start_with_other_classes():
    check("Classifier", lambda e: e.fit(X, Y["Classifier"]).fit(X, Y["Classifier"] % 2), warm_start=True)


def test_partial_fit_that_cannot_be():
    check("Classifier", lambda e: e.partial_fit, solver="lbfgs")
    for task, y in Y.items():
        check(task, lambda e, y=y: e.fit(X, y).partial_fit(X, y), early_stopping=True)


@pytest.mark.parametrize("task", Y)
@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "adam"},
        {"solver": "sgd"},
        {"solver": "lbfgs"},
        {"solver": "lbfgs", "max_fun": 2},
        {"batch_size": 41},
        {"early_stopping": True, "validation_fraction": 0.01},
        {"early_stopping": True, "validation_fraction": 0},
        {"solver": "sgd", "learning_rate_init": 1e200},
    ],
    ids=str,
)
def test_warnings_of_a_fit(task, parameters):
    check(task, fit(), random_state=0, **parameters)


@pytest.mark.parametrize("task", Y)
def test_weights_that_are_all_zero_in_a_batch(task):
    check(task, fit(sample_weight=np.arange(40) < 5), batch_size=10, shuffle=False)


@pytest.mark.parametrize("task", Y)
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"max_iter": 40, "tol": 1, "n_iter_no_change": 2},
        {"early_stopping": True, "n_iter_no_change": 2},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 10, "n_iter_no_change": 1},
    ],
    ids=str,
)
def test_what_a_fit_prints(task, parameters):
    lines = check(task, fit(), **{"verbose": True, "random_state": 1, "max_iter": 60} | parameters)
    assert sum(bool(re.fullmatch(r"Iteration \d+, loss = \d+\.\d{8}", line)) for line in lines[1:]) >= 3


def test_partial_fit_of_a_regressor_with_lbfgs():
    """scikit-learn's has it, by a slip in its condition, and it trains on; so does ours."""
    theirs, ours = pair("Regressor", solver="lbfgs", random_state=0, max_iter=5)
    for _ in range(3):
        quietly(theirs.partial_fit, X, Y["Regressor"])
        quietly(ours.partial_fit, X, Y["Regressor"])
    assert (theirs.coefs_[0] == ours.coefs_[0]).all()
