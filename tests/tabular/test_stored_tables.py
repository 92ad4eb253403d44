"""Fitted estimators for tables as files: equal to the bit, and damaged ones refused."""

import json

import numpy as np
import pandas
import pytest
from test_model_files import packed, parts

from mlp import TabularClassifier, TabularRegressor, tabular
from mlp.errors import ModelFileError
from mlp.models import load_model

rng = np.random.default_rng(0)
FRAME = pandas.DataFrame({"a": rng.normal(size=60), "b": ["x", "y", None] * 20, "c": 1.0})
WORDS = np.where(FRAME["a"] > 0, "yes", "no")
SMALL = {
    "epochs": 2,
    "hidden_layer_sizes": 4,
    "n_folds": 2,
    "engine": "numpy",
    "n_threads": 1,
    "random_state": 0,
}
KINDS = {
    "classes": (TabularClassifier(class_weight={"no": 1, "yes": 2}, **SMALL), WORDS),
    "labels": (TabularClassifier("td", **SMALL), np.c_[WORDS == "no", FRAME["b"] == "x"].astype(int)),
    "numbers": (TabularRegressor(**SMALL), FRAME["a"].to_numpy()),
    "gaps": (TabularRegressor("td", **SMALL), FRAME[["a", "a"]].mask(rng.random((60, 2)) < 0.2).to_numpy()),
    "quantiles": (TabularRegressor(quantiles=(0.1, 0.5), **SMALL), FRAME["a"].to_numpy()),
}
pytestmark = pytest.mark.filterwarnings("ignore:1 of 3 columns are left out")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table.mlp"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_says_the_same(kind, path):
    model, y = KINDS[kind]
    model.fit(FRAME, y).save(path)
    twin = tabular.load(path)
    assert type(twin) is type(model)
    np.testing.assert_array_equal(twin.member_predictions(FRAME), model.member_predictions(FRAME))
    np.testing.assert_array_equal(twin.predict(FRAME), model.predict(FRAME))
    np.testing.assert_array_equal(twin.oof_predictions_, model.oof_predictions_)
    assert twin.get_params() == model.get_params()
    assert twin.ignored_columns_ == {"c": "constant"}
    assert twin.recipe_ == model.recipe_


def test_the_file_is_also_that_of_its_first_network(path):
    model, y = KINDS["classes"]
    model.fit(FRAME, y).save(path)
    inputs = model.member_inputs(0, FRAME)
    plain = load_model(path)
    np.testing.assert_array_equal(plain.parameters.values, model.member(0).parameters.values)
    np.testing.assert_allclose(plain.predict(inputs), model.member(0).predict(inputs), atol=1e-6)


def places(value, way=()):
    """The ways to all entries of nested data."""
    yield way
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from places(item, (*way, key))


WRONG = (None, -1, 10**9, "x", [], {}, [None], {"a": 1})


@pytest.mark.parametrize("kind", ["classes", "quantiles"])
def test_whatever_is_changed_it_is_read_or_refused(kind, path):
    """Each entry of the text in turn: what is read gives finite numbers, or none at all."""
    model, y = KINDS[kind]
    model.fit(FRAME, y).save(path)
    header, document, numbers = parts(path)
    ways = [way for way in places(document["extra"]["table"], ("extra", "table")) if len(way) > 2]
    assert len(ways) > 100
    chosen, refusals = rng.permutation(len(ways))[:150], []
    for k, number in enumerate(chosen):
        changed = json.loads(json.dumps(document))
        inner = changed
        for key in ways[number][:-1]:
            inner = inner[key]
        inner[ways[number][-1]] = WRONG[k % len(WRONG)]
        path.write_bytes(packed(header, json.dumps(changed), numbers))
        try:
            twin = tabular.load(path)
        except ModelFileError:
            continue
        try:
            twin.predict(FRAME)
        except ValueError as error:  # of a table that does not suit
            refusals.append(str(error))
    assert all("column" in text or "parameter" in text for text in refusals)


@pytest.mark.parametrize(
    "entry", ["class", "parameters", "recipe", "preprocessor", "target", "encodings", "groups", "notes"]
)
def test_entries_that_are_missing(entry, path):
    model, y = KINDS["numbers"]
    model.fit(FRAME, y).save(path)
    header, document, numbers = parts(path)
    del document["extra"]["table"][entry]
    path.write_bytes(packed(header, json.dumps(document), numbers))
    with pytest.raises(ModelFileError, match=f"'{entry}' is missing"):
        tabular.load(path)


def test_files_of_something_else(path):
    model, y = KINDS["classes"]
    model.fit(FRAME, y).member(0).save(path)
    with pytest.raises(ModelFileError, match="a network without a table's columns"):
        tabular.load(path)
    path.write_bytes(b"nothing")
    with pytest.raises(ModelFileError):
        tabular.load(path)
