"""A search that goes on from its folder, also after a kill."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from test_search import classifier, moons

from mlp.errors import ArgumentError, ModelFileError
from mlp.tabular import load, storing
from mlp.tabular.base import BaseTabular
from mlp.tabular.search import base

KILLED = """
import os, signal, sys
sys.path[:0] = sys.argv[2:]
from test_search import classifier, moons
from mlp.tabular.search.files import Folder

written, keep = [], Folder.keep

def deadly(self, *finished):
    keep(self, *finished)
    written.append(1)
    if len(written) == 4:
        os.kill(os.getpid(), signal.SIGKILL)

Folder.keep = deadly
classifier(n_candidates=9, folder=sys.argv[1]).fit(*moons())
"""


@pytest.fixture
def fits(monkeypatch):
    """A list that gets the recipe of each fit."""
    seen, fit = [], BaseTabular._fit

    def counted(self, *arguments):
        seen.append(self.preset)
        return fit(self, *arguments)

    monkeypatch.setattr(BaseTabular, "_fit", counted)
    return seen


def same(one, other, X):
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    np.testing.assert_array_equal(one.oof_predictions_, other.oof_predictions_)
    assert one.best_score_ == other.best_score_
    assert one.best_recipe_ == other.best_recipe_
    for name in ("candidate", "iter", "params", "test_score", "rank_test_score"):
        np.testing.assert_array_equal(one.results_[name], other.results_[name])


def test_a_killed_search_goes_on_to_the_same_end(tmp_path, fits):
    X, y = moons()
    process = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), *sys.path], timeout=120)
    assert process.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob("*.json"))) == 1 + 4
    resumed = classifier(n_candidates=9, folder=tmp_path).fit(X, y)
    after_kill = len(fits)
    whole = classifier(n_candidates=9).fit(X, y)
    assert after_kill == len(fits) - after_kill - 4
    same(resumed, whole, X)


def test_what_is_finished_is_not_done_again(tmp_path, fits):
    X, y = moons()
    first = classifier(n_candidates=9, folder=str(tmp_path / "new" / "search")).fit(X, y)
    done = len(fits)
    again = classifier(n_candidates=9, folder=str(tmp_path / "new" / "search")).fit(X, y)
    assert len(fits) == done
    same(first, again, X)
    assert again.best_estimator_.get_params() == first.best_estimator_.get_params()
    classifier(n_candidates=12, folder=str(tmp_path / "new" / "search")).fit(X, y)
    assert 0 < len(fits) - done < done


def test_without_a_seed_the_folder_has_one(tmp_path, fits):
    X, y = moons()
    first = classifier(random_state=None, folder=tmp_path).fit(X, y)
    done = len(fits)
    same(first, classifier(random_state=None, folder=tmp_path).fit(X, y), X)
    assert len(fits) == done


def test_its_estimators_can_be_loaded(tmp_path):
    X, y = moons()
    search = classifier(ensemble_size=1, folder=tmp_path).fit(X, y)
    found = [load(path).predict_proba(X) for path in tmp_path.glob("*.mlp")]
    assert any(np.array_equal(search.predict_proba(X), each) for each in found)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"random_state": 1}, "another seed"),
        ({"scoring": "accuracy"}, "another scoring"),
        ({"class_weight": "balanced"}, "another class_weight"),
    ],
)
def test_other_settings_are_refused(tmp_path, changes, text):
    X, y = moons()
    classifier(n_candidates=2, folder=tmp_path).fit(X, y)
    with pytest.raises(ArgumentError, match=f"{text}: give another folder"):
        classifier(n_candidates=2, folder=tmp_path, **changes).fit(X, y)


def test_other_data_are_refused(tmp_path):
    X, y = moons()
    classifier(n_candidates=2, folder=tmp_path).fit(X, y)
    for other in ((X + 1e-3 * X**2, y), (X, y[::-1]), (X, y, np.linspace(1, 2, len(y)))):
        with pytest.raises(ArgumentError, match="another data"):
            classifier(n_candidates=2, folder=tmp_path).fit(*other)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"score": "good", "seconds": 1.0}', "\x00"])
def test_damaged_files_are_named(tmp_path, content):
    X, y = moons()
    classifier(n_candidates=2, folder=tmp_path).fit(X, y)
    records = [path for path in tmp_path.glob("*.json") if path.name != "search.json"]
    assert all("recipe" in json.loads(path.read_text()) for path in records)
    for path in records:
        path.write_text(content)
    with pytest.raises(ModelFileError, match=r"delete it|damaged"):
        classifier(n_candidates=2, folder=tmp_path).fit(X, y)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("here")
    with pytest.raises(ModelFileError, match="cannot be made"):
        classifier(folder=tmp_path / "file").fit(*moons())


def test_what_cannot_be_learned_makes_no_folder(tmp_path):
    X, y = moons()
    with pytest.raises(ValueError, match="must contain at least one non-zero number"):
        classifier(folder=tmp_path / "new").fit(X, y, np.zeros(len(y)))
    assert not (tmp_path / "new").exists()


def test_what_is_cut_short_is_not_kept(tmp_path):
    X, y = moons()
    classifier(folder=tmp_path, fixed={"epochs": 500}).fit(X, y, time_limit=1e-3)
    assert [path.name for path in tmp_path.iterdir()] == ["search.json"]


# one file


def test_what_is_found_is_one_file(tmp_path, monkeypatch):
    X, y = moons()
    shares = np.array([0.5, 0.3, 0.2])
    monkeypatch.setattr(base, "greedy_shares", lambda loss, predictions, picks: shares)
    search = classifier(n_candidates=3).fit(X, y)
    assert len(search.estimators_) == 3
    search.save(tmp_path / "found.mlp")
    read = load(tmp_path / "found.mlp")
    assert type(read) is type(search)
    same(read, search, X)
    np.testing.assert_array_equal(read.predict(X), search.predict(X))
    np.testing.assert_array_equal(read.estimator_weights_, search.estimator_weights_)


@pytest.mark.parametrize(
    "change",
    [
        {"class": "TabularSearchRegressor"}, {"class": "Search"}, {"estimators": []}, {"notes": {}},
        {"parameters": {"n": 3}}, {"estimators": [{}]},
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused(tmp_path, change, monkeypatch):
    search = classifier(n_candidates=2).fit(*moons())
    save = storing.save
    monkeypatch.setattr(
        storing, "save", lambda best, path, beside: save(best, path, {"search": beside["search"] | change})
    )
    search.save(tmp_path / "found.mlp")
    with pytest.raises(ModelFileError, match="can be rebuilt"):
        load(tmp_path / "found.mlp")


def test_nothing_is_saved_before_fit(tmp_path):
    with pytest.raises(NotFittedError):
        classifier().save(tmp_path / "found.mlp")
