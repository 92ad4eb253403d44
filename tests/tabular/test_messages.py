"""What is said of tables and targets that cannot be used: by the estimator's name, at its user's line."""

import inspect
import warnings

import numpy as np
import pandas
import pytest

from mlp import TabularClassifier, TabularRegressor
from mlp.errors import ArgumentError
from mlp.tabular import TablePreprocessor
from mlp.tabular.labels import numbers_of

rng = np.random.default_rng(0)
X = pandas.DataFrame(rng.normal(size=(20, 3)), columns=list("abc"))
SMALL = {"hidden_layer_sizes": 2, "epochs": 1, "n_folds": 1, "engine": "numpy", "random_state": 0}


def regressor():
    return TabularRegressor(**SMALL).fit(X, X["a"])


def classifier():
    return TabularClassifier(**SMALL).fit(X, X["a"] > 0)


ASKED = {
    "TabularRegressor.predict": lambda: regressor().predict,
    "TabularRegressor.predict_interval": lambda: lambda rows: regressor().predict_interval(rows, 0.5),
    "TabularRegressor.score": lambda: (
        lambda rows: regressor().score(rows, X["a"])
    ),  # on a way through sklearn
    "TabularClassifier.predict": lambda: classifier().predict,
    "TabularClassifier.predict_proba": lambda: classifier().predict_proba,
    "TabularClassifier.member_predictions": lambda: classifier().member_predictions,
    "TablePreprocessor.transform": lambda: TablePreprocessor().fit(X).transform,
}


@pytest.mark.parametrize("method", ASKED)
def test_what_is_said_names_the_estimator_and_the_line_of_the_user(method):
    ask, name = ASKED[method](), method.partition(".")[0]
    for rows, text in [
        (X.to_numpy(), f"X does not have valid feature names, but {name} was fitted with feature names"),
        (
            X.assign(d=0, e=0),
            f"X has columns that were not there in the fit of {name}, and are ignored: 'd', 'e'",
        ),
    ]:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            ask(rows)
            line = inspect.currentframe().f_lineno - 1
        assert [str(each.message) for each in said] == [text]
        assert said[0].filename == __file__
        assert said[0].lineno == line or "lambda" in inspect.getsource(ask)
    for rows, text in [
        (
            X.to_numpy()[:, :2],
            f"X has 2 features, but {name} is expecting 3 features as input: 'a', 'b', 'c'",
        ),
        (X[["c"]], f"X has no columns 'a', 'b', which were there in the fit of {name}; it has 'c'"),
        (X[["a", "c"]], f"X has no column 'b', which was there in the fit of {name}; it has 'a', 'c'"),
    ]:
        with pytest.raises(ArgumentError) as error:
            ask(rows)
        assert str(error.value) == text


@pytest.mark.parametrize("kind", [np.array, list, pandas.Series, pandas.Categorical])
def test_texts_are_no_numbers_to_learn(kind):
    y = kind(["yes", "no"] * 10)
    with pytest.raises(
        ArgumentError, match="y should hold numbers, but has the text 'yes'; for classes there "
    ):
        TabularRegressor(**SMALL).fit(X, y)


def test_numbers_written_as_texts_are_numbers():
    np.testing.assert_array_equal(numbers_of(["1.5", "-2"]), [1.5, -2.0])


@pytest.mark.parametrize(
    ("y", "text"),
    [
        ([1.0, {"a": 1}], r"y should hold numbers, but has \{'a': 1\}"),
        ([1.0, b"x"], "y should hold numbers, but has the text b'x'"),
        ([1.0, list(range(100))], r"y should hold numbers, but has \[0, 1, 2, 3, 4, 5, \.\.\.\]"),
        ([1.0, ""], "has the text ''; for classes .* and for a number that is not known NaN"),
        (np.array(["2020-01-01"], "M8[D]"), "y holds dates"),
    ],
)
def test_a_target_of_something_else(y, text):
    with pytest.raises(ArgumentError, match=text):
        numbers_of(y)


@pytest.mark.parametrize("kind", [TabularClassifier, TabularRegressor])
@pytest.mark.parametrize("form", [np.asarray, list, pandas.DataFrame])
def test_complex_numbers_are_refused_in_few_words(kind, form):
    y = np.arange(20) % 2
    for rows, target in [(form(X.to_numpy() * 1j), y), (X, y * 1j)]:
        with pytest.raises(ArgumentError, match=r"^Complex data not supported: ") as error:
            kind(**SMALL).fit(rows, target)
        assert len(str(error.value)) < 110
