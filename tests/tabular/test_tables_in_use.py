"""The estimators for tables as others use them: copied, searched, in pipelines, from several threads."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from small_tabular import SMALL, classifier, regressor

from mlp import TabularClassifier, activations
from mlp.tabular import Recipe, TabularSearchClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 3))
Y = (X[:, 0] > 0).astype(int)
Z = 2 * X[:, 0] + X[:, 1]


@pytest.mark.parametrize("model", [classifier(), regressor()], ids=["classifier", "regressor"])
@pytest.mark.parametrize("twin", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_say_the_same(model, twin):
    model.fit(X, Y)
    other = twin(model)
    np.testing.assert_array_equal(other.member_predictions(X), model.member_predictions(X))
    again = clone(model)
    assert again.get_params() == model.get_params()
    assert not hasattr(again, "ensemble_")
    np.testing.assert_array_equal(other.fit(X, Y).predict(X), model.predict(X))


def test_parameters_can_be_set_after_a_fit():
    model = classifier().fit(X, Y)
    assert len(model.ensemble_) == 6
    model.set_params(preset=Recipe(hidden_layer_sizes=(4,)), activation=activations.Tanh(), n_folds=3)
    assert len(model.fit(X, Y).ensemble_) == 3
    assert model.recipe_.epochs == 3


def test_in_the_tools_of_scikit_learn():
    model = classifier(preset="td-s", epochs=10)
    search = GridSearchCV(model, {"epochs": [1, 10]}, cv=2).fit(X, Y)
    assert search.best_params_["epochs"] == 10
    frame = pandas.DataFrame({"a": X[:, 0], "b": X[:, 1]}).mask(rng.random((90, 2)) < 0.1)
    assert make_pipeline(SimpleImputer(), model).fit(frame, Y).score(frame, Y) > 0.7
    assert cross_val_score(model, frame, Y, cv=2, n_jobs=2).mean() > 0.6
    votes = VotingClassifier([("mlp", model), ("line", LogisticRegression())], voting="soft").fit(X, Y)
    assert votes.score(X, Y) > 0.8
    calibrated = CalibratedClassifierCV(model, cv=2).fit(X, Y)
    assert calibrated.score(X, Y) > 0.7


def test_columns_that_matter():
    model = regressor(epochs=30).fit(X, Z)
    found = permutation_importance(model, X, Z, n_repeats=3, random_state=0).importances_mean
    assert np.argsort(found).tolist() == [2, 1, 0]


# the same numbers


@pytest.mark.parametrize("preset", ["auto", "td", "td-s"])
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads(engine, preset):
    one, two, other = (
        regressor(preset=preset, engine=engine, n_threads=threads, random_state=seed, batch_size=16).fit(X, Z)
        for threads, seed in ((1, 0), (2, 0), (1, 1))
    )
    np.testing.assert_array_equal(two.member_predictions(X), one.member_predictions(X))
    np.testing.assert_array_equal(two.oof_predictions_, one.oof_predictions_)
    assert not np.array_equal(other.predict(X), one.predict(X))


@pytest.mark.parametrize("preset", ["auto", "td", "td-s"])
def test_the_engines_agree(preset):
    found = [
        classifier(preset=preset, engine=engine, dropout=0.0).fit(X, Y).predict_proba(X)
        for engine in ("numpy", "numba")
    ]
    np.testing.assert_allclose(*found, atol=2e-3)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_row_gets_the_same_whatever_stands_beside_it(engine):
    model = regressor(preset="td", hidden_layer_sizes=(50, 30), engine=engine).fit(X, Z)
    many = np.concatenate([X, rng.normal(size=(200, 3))])
    expected = model.predict(many)
    for rows in ([0], [5, 3], range(65), range(7, 290)):
        np.testing.assert_array_equal(model.predict(many[rows]), expected[rows])


def test_several_threads_may_ask():
    model = classifier().fit(X, Y)
    parts = [X[k : k + 30] for k in range(0, 60, 5)]
    expected = [model.predict_proba(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(model.predict_proba, parts * 5))
    for k, answers in enumerate(found):
        np.testing.assert_array_equal(answers, expected[k % len(parts)])


# weights


@pytest.mark.parametrize(
    "model", [classifier(class_weight={0: 1, 1: 3}), regressor()], ids=["classes", "numbers"]
)
@pytest.mark.parametrize("preset", ["auto", "td-s"])
def test_a_row_of_no_weight_is_as_one_without_a_target(model, preset):
    y, weights = np.array(Y if "class_weight" in model.get_params() else Z), rng.uniform(0.5, 2, 90)
    weights[::9] = 0
    model.set_params(preset=preset)
    expected = model.fit(X, y, sample_weight=weights).predict(X)
    assert np.isnan(model.oof_predictions_[::9]).all()
    y[::9] = [*y[9::9].tolist(), y[1]]  # whatever it is
    np.testing.assert_array_equal(model.fit(X, y, sample_weight=weights).predict(X), expected)
    for factor in (1e-200, 0.25, 5e306):
        np.testing.assert_allclose(
            model.fit(X, y, sample_weight=factor * weights).predict(X), expected, rtol=1e-4
        )
    np.testing.assert_array_equal(
        model.fit(X, y, sample_weight=np.ones(90)).predict(X), model.fit(X, y, sample_weight=7.0).predict(X)
    )


def test_weights_of_classes():
    y = np.where(rng.random(90) < 0.9, "common", "rare")
    plain = classifier(epochs=10).fit(X, y)
    by_hand = classifier(class_weight={"common": 0.1, "rare": 2.0}, epochs=10).fit(X, y)
    assert (by_hand.predict(X) == "rare").sum() > (plain.predict(X) == "rare").sum()
    weights = np.where(y == "rare", 2.0, 0.1)
    np.testing.assert_array_equal(
        classifier(epochs=10).fit(X, y, sample_weight=weights).predict_proba(X), by_hand.predict_proba(X)
    )


def test_targets_that_are_not_known_do_not_matter_to_the_others():
    y = np.c_[Z, -Z]
    y[::3, 1] = np.nan
    model = regressor(epochs=30).fit(X, y)
    assert model.score(X, np.c_[Z, -Z]) > 0.8
    alone = regressor().fit(X, np.where(np.arange(90) < 45, np.nan, Z))
    np.testing.assert_array_equal(np.isnan(alone.oof_predictions_[:, 0]), np.arange(90) < 45)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_whatever_transformers_give_back_by_the_users_configuration(kind):
    frame = pandas.DataFrame({"number": np.arange(40.0) % 7, "word": ["a", "b"] * 20})
    y = np.arange(40) % 7 > 3
    options = {"epochs": 2, "hidden_layer_sizes": 4, "n_folds": 2, "engine": "numpy", "random_state": 0}
    expected = TabularClassifier(**options).fit(frame, y).predict_proba(frame)
    fixed = {"epochs": 2, "hidden_layer_sizes": (4,), "n_folds": 2}
    with config_context(transform_output=kind):
        model = TabularClassifier(**options).fit(frame, y)
        np.testing.assert_array_equal(model.predict_proba(frame), expected)
        search = TabularSearchClassifier(fixed=fixed, n_candidates=2, engine="numpy", random_state=0)
        assert search.fit(frame, y).predict(frame).shape == (40,)


def test_logarithms_of_probabilities():
    model = TabularClassifier(**SMALL).fit(X, Y)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X), rtol=1e-5)
    search = TabularSearchClassifier(
        fixed={"epochs": 2, "n_folds": 2}, n_candidates=2, engine="numpy", random_state=0
    )
    search.fit(X, Y)
    np.testing.assert_array_equal(search.predict_log_proba(X), np.log(search.predict_proba(X)))
