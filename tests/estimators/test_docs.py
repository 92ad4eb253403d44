"""What the docstrings of the estimators name exists, and what exists is named."""

import inspect
import re

import numpy as np
import pandas
import pytest
from sklearn.datasets import load_iris

import mlp

ESTIMATORS = [mlp.MLPClassifier, mlp.MLPRegressor]
METHODS = ["fit", "partial_fit", "predict"]
PROBABILITIES = ["predict_proba", "predict_log_proba"]


def section(text: str, title: str) -> str:
    """What stands under a heading of a numpydoc docstring."""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", text, flags=re.DOTALL | re.MULTILINE)
    assert found, f"no section {title}"
    return found[1]


def entries(estimator: type, title: str) -> dict[str, str]:
    """Names in a section, each with its type: ``a, b : type`` names two."""
    lines = re.findall(
        r"^(\w[\w, ]*?) : (.+)$", section(inspect.getdoc(estimator), title), flags=re.MULTILINE
    )
    return {name: type_ for names, type_ in lines for name in names.split(", ")}


@pytest.fixture(scope="module")
def fitted() -> dict:
    X, y = load_iris(return_X_y=True)
    frame = pandas.DataFrame(X[::5], columns=list("abcd"))
    return {
        estimator: estimator(5, max_iter=5, tol=1.0, n_iter_no_change=1, random_state=0).fit(frame, y[::5])
        if estimator is mlp.MLPClassifier
        else estimator(hidden_layer_sizes=5, tol=10.0, n_iter_no_change=1, random_state=0).fit(frame, y[::5])
        for estimator in ESTIMATORS
    }


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: e.__name__)
def test_each_parameter_is_described_and_no_other(estimator):
    assert set(entries(estimator, "Parameters")) == set(estimator().get_params())


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: e.__name__)
def test_defaults_are_the_true_ones(estimator):
    shared = {"beta_1": "0.9 and 0.999", "beta_2": "0.9 and 0.999"}
    texts = section(inspect.getdoc(estimator), "Parameters")
    for name, default in estimator().get_params().items():
        said = entries(estimator, "Parameters")[name]
        if "default" not in said:  # names of one entry share its default line
            assert re.search(rf"^\w*{name} : .*\n\w+ : .*default", texts, flags=re.MULTILINE), name
            continue
        said = said.rpartition("default ")[2]
        assert said == shared.get(name) or eval(said) == default, name


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: e.__name__)
def test_each_fitted_attribute_is_described_and_no_other(estimator, fitted):
    model = fitted[estimator]
    names = {name for name in dir(model) if name.endswith("_") and not name.startswith("_")}
    described = entries(estimator, "Attributes")
    assert set(described) == names
    assert np.shape(model.feature_names_in_) == (model.n_features_in_,) == (4,)
    assert [W.shape for W in model.coefs_] == [(4, 5), (5, model.n_outputs_)]
    assert [b.shape for b in model.intercepts_] == [(5,), (model.n_outputs_,)]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: e.__name__)
def test_what_scikit_learn_lacks_is_marked(estimator):
    import sklearn.neural_network

    theirs = getattr(sklearn.neural_network, estimator.__name__)().get_params()
    text = section(inspect.getdoc(estimator), "Parameters")
    described: dict[str, str] = {}
    waiting: list[str] = []
    for names, body in re.findall(r"^(\w[\w, ]*?) : .+\n((?: {4}.*\n?)*)", text, flags=re.MULTILINE):
        waiting += names.split(", ")
        if body:
            described |= dict.fromkeys(waiting, body)
            waiting = []
    for name in estimator().get_params():
        if name not in theirs:
            assert described[name].strip().startswith("Beyond scikit-learn"), name
    widened = {name for name in theirs if "Beyond scikit-learn: " in described[name]}
    assert widened - {"loss"} == {"activation", "solver", "learning_rate"}


@pytest.mark.parametrize(
    ("estimator", "method"),
    [(e, m) for e in ESTIMATORS for m in METHODS] + [(mlp.MLPClassifier, m) for m in PROBABILITIES],
)
def test_methods_say_what_they_take(estimator, method):
    text = inspect.getdoc(getattr(estimator, method))
    assert "shape" in text or "As for `fit`" in text
    if method in ("fit", "partial_fit"):
        said = section(text, "Parameters")
        for name in list(inspect.signature(getattr(estimator, method)).parameters)[1:]:
            assert re.search(rf"^[\w, ]*\b{name}\b", said, flags=re.MULTILINE), name
        assert "Error" in section(text, "Raises")


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: e.__name__)
def test_names_in_backquotes_exist(estimator):
    text = inspect.getdoc(estimator)
    known = {*estimator().get_params(), *entries(estimator, "Attributes"), *dir(estimator)}
    known |= {"sample_weight", "X_val", "cross_val_score", "summary", estimator.__name__}
    for name in set(re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)):
        if name.startswith("mlp"):
            assert eval(name, {"mlp": mlp}) is not None
        elif not name.startswith("sklearn."):
            assert name in known, name
