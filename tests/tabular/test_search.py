"""The search for a recipe: what it tries, which go on, what it keeps, how it ends in time."""

import itertools
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import uniform

from mlp.errors import ArgumentError, DivergenceError
from mlp.tabular import Recipe, TabularSearchClassifier, TabularSearchRegressor, recipe_for
from mlp.tabular.base import BaseTabular
from mlp.tabular.progress import Clock
from mlp.tabular.search.halving import Halving, Trial, affordable, rungs_of
from mlp.tabular.search.space import OF_JUDGING, draws, space_of

SMALL = Recipe(hidden_layer_sizes=(8,), epochs=4, batch_size=16, n_folds=2, judged_by="loss", stratified=True)
SPACE = {
    "hidden_layer_sizes": [(4,), (8, 8), (16,)],
    "learning_rate": uniform(0.01, 0.2),
    "blend": [True, False],
}


def moons(n=60, seed=0):
    """Two classes in a plane, the second a little beside the first."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return rng.normal(size=(n, 2)) + 2 * y[:, np.newaxis], np.array(["no", "yes"])[y]


def classifier(**changes):
    """A search that takes no time."""
    options = {"n_candidates": 5, "space": SPACE, "engine": "numpy", "random_state": 0, "n_threads": 2}
    return TabularSearchClassifier(SMALL, **options | changes)


def halving(train, clock=None, threads=2):
    return Halving(train, threads, clock or Clock(None), lambda line: None)


# the space


@settings(max_examples=30, deadline=None)
@given(
    preset=st.sampled_from(["auto", "td", "td-s"]),
    task=st.sampled_from(["classification", "regression"]),
    rows=st.sampled_from([10, 3000, 50_000]),
    seed=st.integers(0, 2**31 - 1),
    wanted=st.integers(1, 12),
)
def test_what_is_drawn_are_different_recipes_judged_alike(preset, task, rows, seed, wanted):
    recipe = recipe_for(preset, task, rows, 10)
    found = draws(recipe, space_of(recipe, task), wanted, seed)
    assert len(found) == wanted == len(set(found))
    assert recipe not in found
    for each in found:  # that a recipe can be made says that its values are in range
        assert all(getattr(each, name) == getattr(recipe, name) for name in (*OF_JUDGING, "epochs"))
        assert 2 <= len(each.hidden_layer_sizes) <= 4
        assert each.dropout <= 0.5
        assert each.weight_decay <= 0.05
        assert 0.4 <= each.learning_rate / recipe.learning_rate <= 2.5
        assert each.periodic_embedding or each.periodic_stddev == recipe.periodic_stddev
        assert task == "classification" or each.label_smoothing == recipe.label_smoothing
    assert draws(recipe, space_of(recipe, task), wanted + 3, seed)[:wanted] == found


def test_what_a_table_has_not_is_not_searched():
    assert "periodic_embedding" not in space_of(SMALL, "regression", numeric=False)
    assert "one_hot_limit" not in space_of(SMALL, "regression", categorical=False)


def test_a_space_with_few_recipes_is_exhausted():
    found = draws(SMALL, {"blend": [True, False], "batch_size": [8, 16]}, 100, seed=0, kept=0.0)
    assert {(each.blend, each.batch_size) for each in found} == {(True, 8), (True, 16), (False, 8)}
    assert len(found) == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden_layer_sizes", (8, 0)), ("hidden_layer_sizes", 8), ("epochs", 0), ("batch_size", 2.5),
        ("dropout", 1.0), ("learning_rate", 0), ("weight_decay", -1), ("label_smoothing", "much"),
        ("blend", 1), ("judged_by", "luck"), ("one_hot_limit", -3), ("n_folds", None),
        ("periodic_stddev", -1),
    ],
)  # fmt: skip
def test_a_recipe_cannot_have_any_value(field, value):
    with pytest.raises(ArgumentError, match=field):
        replace(SMALL, **{field: value})


# the rungs


@given(st.integers(1, 300), st.integers(2, 6), st.integers(1, 8), st.integers(1, 256))
def test_rungs_have_fewer_recipes_and_more_training(n_candidates, reduction, folds, epochs):
    recipe = replace(SMALL, n_folds=folds, epochs=epochs)
    rungs = rungs_of(recipe, n_candidates, reduction)
    assert rungs[0].candidates == n_candidates
    assert rungs[-1].of(recipe) == recipe
    assert len(rungs) == 1 or rungs[-1].candidates >= 2
    assert rungs[-1].candidates < 2 * reduction
    for below, above in itertools.pairwise(rungs):
        assert above.candidates == -(-below.candidates // reduction)
        assert below.cost <= above.cost


def test_the_best_go_on_and_the_preset_stays():
    tried = []

    def train(candidate, recipe, rung, threads):
        tried.append((rung, candidate))
        return Trial(candidate, rung, recipe, float(-abs(candidate - 9)), 1.0, "trained")

    rungs = rungs_of(SMALL, 16, 4)
    first = Trial(0, 1, SMALL, -100.0, 1.0, "trained")
    trials = halving(train).run(draws(SMALL, SPACE, 15, 0, 0.0), rungs, first)
    assert [candidate for rung, candidate in tried if rung == 0] == list(range(1, 16))
    assert sorted(candidate for rung, candidate in tried if rung == 1) == [8, 9, 10]
    assert trials[0] is first
    assert len(trials) == 1 + 15 + 3


def test_what_diverges_does_not_go_on():
    def train(candidate, recipe, rung, threads):
        return Trial(candidate, rung, recipe, -np.inf if candidate != 3 else -5.0, 1.0)

    trials = halving(train).run(
        draws(SMALL, SPACE, 15, 0, 0.0), rungs_of(SMALL, 16, 4), Trial(0, 1, SMALL, -1.0, 1.0)
    )
    assert [trial.candidate for trial in trials if trial.rung == 1] == [0, 3]


def test_a_recipe_that_diverges_is_not_found(monkeypatch):
    fit = BaseTabular._fit

    def failing(self, *arguments):
        if self.preset != SMALL:
            raise DivergenceError("the loss is infinite")
        return fit(self, *arguments)

    monkeypatch.setattr(BaseTabular, "_fit", failing)
    search = classifier(n_candidates=3).fit(*moons())
    assert search.results_["test_score"].tolist()[1:] == [-np.inf] * 2
    assert search.best_recipe_ == SMALL


# time


class FakeClock:
    """A clock that goes on when it is told to."""

    is_limited = True

    def __init__(self, left):
        self.left = left


def test_no_more_is_begun_than_there_is_time_for():
    clock, tried = FakeClock(left=100.0), []

    def train(candidate, recipe, rung, threads):
        seconds = 2.0 * (1 if rung == 0 else SMALL.n_folds)
        clock.left -= seconds
        tried.append((rung, candidate))
        return Trial(candidate, rung, recipe, float(candidate), seconds, "trained")

    first = Trial(0, 1, SMALL, 0.0, 4.0, "trained")
    rungs = rungs_of(SMALL, 16, 4)
    halving(train, clock, threads=1).run(draws(SMALL, SPACE, 15, 0, 0.0), rungs, first)
    assert len(tried) == 18
    assert clock.left == 58
    clock.left, tried[:] = 35.0, []
    halving(train, clock, threads=1).run(draws(SMALL, SPACE, 15, 0, 0.0), rungs, first)
    # 11 are thought to take 3 s each, of which 13 are left for the last rung, 4 s each
    assert [candidate for rung, candidate in tried if rung == 0] == list(range(1, 12))
    assert [candidate for rung, candidate in tried if rung == 1] == [11, 10, 9]


def test_a_search_is_as_large_as_there_is_time_for():
    recipe = replace(SMALL, n_folds=5)
    sizes = [
        sum(rung.candidates - 1 for rung in affordable(recipe, 64, 4, 10.0, left))
        for left in range(0, 900, 20)
    ]
    assert sizes[0] == 0
    assert sizes[-1] == 63 + 15 + 3
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("limit", [1e-9, 0.02, 60])
def test_with_little_time_the_preset_is_what_is_found(limit):
    X, y = moons()
    begun = time.perf_counter()
    search = classifier().fit(X, y, time_limit=limit)
    assert time.perf_counter() - begun < max(limit, 20)
    assert search.score(X, y) > 0.4
    assert search.results_["candidate"][0] == 0
    if limit < 1:
        assert len(search.estimators_) == 1
        assert search.best_recipe_ == SMALL
    else:
        assert len(search.results_["candidate"]) == 5


def test_ctrl_c_ends_the_search_with_what_there_is():
    X, y = moons()

    def interrupting(estimator, X, y):
        seen.append(1)
        if len(seen) == 2 * SMALL.epochs + 3:  # in the networks of the first that is drawn
            signal.raise_signal(signal.SIGINT)
        return np.mean(estimator.predict(X) == y)

    seen = []
    with pytest.warns(UserWarning, match="interrupted by user"):
        search = classifier(scoring=interrupting, n_candidates=60, n_threads=1).fit(X, y)
    assert search.best_recipe_ == SMALL
    assert len(search.results_["candidate"]) < 5
    assert search.score(X, y) > 0.4


# what is found


def test_it_is_never_worse_than_the_preset_by_its_own_judgement():
    X, y = moons()
    search = classifier(n_candidates=9).fit(X, y)
    table = search.results_
    of_preset = table["test_score"][table["candidate"] == 0]
    last = table["iter"] == table["iter"].max()
    alone = max(table["test_score"][last])
    assert len(of_preset) == 1
    assert search.best_score_ >= alone >= of_preset[0]
    assert search.best_recipe_ == search.best_estimator_.recipe_
    best = table["rank_test_score"].argmin()
    assert table["test_score"][best] == alone
    assert sorted(table["rank_test_score"]) == list(range(1, len(last) + 1))
    assert len({len(column) for column in table.values()}) == 1
    np.testing.assert_allclose(search.estimator_weights_.sum(), 1)


def test_the_same_seed_finds_the_same_with_any_number_of_threads():
    X, y = moons()
    runs = [classifier(n_threads=n).fit(X, y) for n in (1, 3)]
    one, other = (run.predict_proba(X) for run in runs)
    np.testing.assert_array_equal(one, other)
    assert runs[0].results_["params"] == runs[1].results_["params"]
    another = classifier(random_state=1).fit(X, y)
    assert another.results_["params"] != runs[0].results_["params"]


def test_one_pick_is_the_best_alone():
    X, y = moons()
    search = classifier(ensemble_size=1).fit(X, y)
    assert search.estimators_ == [search.best_estimator_]
    np.testing.assert_array_equal(search.predict_proba(X), search.best_estimator_.predict_proba(X))


def test_settings_reach_the_estimators():
    X, y = moons()
    weights = np.random.default_rng(0).random(len(y))
    search = classifier(scoring="accuracy", class_weight="balanced", fixed={"epochs": 2, "n_folds": 3})
    search.fit(X, y, weights)
    assert all(each.recipe_.epochs == 2 and each.recipe_.n_folds == 3 for each in search.estimators_)
    assert 0 <= search.best_score_ <= 1
    assert search.best_estimator_.class_weight == "balanced"


def test_targets_of_several_columns():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    labels = (X[:, :2] > 0).astype(int)
    assert classifier().fit(X, labels).predict(X).shape == (40, 2)
    numbers = X[:, :2].copy()
    numbers[3, 1] = np.nan
    search = TabularSearchRegressor(SMALL, n_candidates=3, engine="numpy", random_state=0).fit(X, numbers)
    assert search.predict(X).shape == (40, 2)
    assert np.isfinite(search.best_score_)


# at the door


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"space": {}}, "space must be a mapping"),
        ({"space": {"dropuot": [0.1]}}, "Did you mean 'dropout'"),
        ({"space": {"n_folds": [2, 3]}}, "the same for all"),
        ({"space": {"dropout": 0.1}}, "must be a list"),
        ({"space": {"dropout": [2.0]}}, "dropout"),
        ({"fixed": {"epoch": 3}}, "epochs"),
        ({"fixed": {"blend": True}}, "not in space"),
        ({"n_candidates": 0}, "n_candidates"),
        ({"reduction": 1}, "reduction"),
        ({"ensemble_size": 0}, "ensemble_size"),
        ({"preset": "best"}, "preset"),
    ],
)
def test_what_cannot_be_is_refused(changes, text):
    X, y = moons()
    search = classifier().set_params(**changes)
    with pytest.raises(ValueError, match=text):
        search.fit(X, y)
    assert not hasattr(search, "estimators_")


def test_a_fit_that_fails_leaves_the_one_before():
    X, y = moons()
    search = classifier(n_candidates=2).fit(X, y)
    before = search.predict_proba(X)
    with pytest.raises(ValueError, match="only one class"):
        search.fit(X, ["no"] * len(y))
    with pytest.raises(ArgumentError, match="time_limit"):
        search.fit(X, y, time_limit=0)
    np.testing.assert_array_equal(search.predict_proba(X), before)


def test_a_line_for_each_rung(capsys):
    X, y = moons(20)
    classifier(n_candidates=8, verbose=True).fit(X, y)
    assert "search: rung 2 of 2: 1 recipes in about" in capsys.readouterr().out
