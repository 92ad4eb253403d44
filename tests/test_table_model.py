"""An estimator with its table: names and places of columns, the columns that matter, and its file."""

import json

import numpy as np
import pytest

import mlp
from mlp import reports, storage, table_model
from mlp.datasets import Table
from mlp.errors import ArgumentError, ModelFileError
from mlp.reports import score
from mlp.table_model import Outcome, TableModel

QUICK = {"epochs": 6, "n_folds": 2, "hidden_layer_sizes": 16, "random_state": 0}


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    labels = np.where(x @ [1, -2] + 0.1 * rng.normal(size=200) > 0, "up", "down").tolist()
    return Table({"a": list(map(str, x[:, 0])), "b": list(map(str, x[:, 1])), "way": labels})


@pytest.fixture(scope="module")
def inputs(table):
    return Table({"a": table["a"], "b": table["b"]})


@pytest.fixture(scope="module")
def estimator(table, inputs):
    return mlp.TabularClassifier(**QUICK).fit(inputs, np.array(table["way"]))


@pytest.fixture
def model(table, estimator):
    return TableModel(estimator, {"target": "way", "columns": list(table.columns)})


def test_names_by_place_where_there_is_no_header(model):
    whole = Table({"c0": ["1"], "c1": ["2"], "c2": ["up"]}, named=False)
    assert model.align(whole).columns == {"a": ["1"], "b": ["2"], "way": ["up"]}
    inputs = Table({"c0": ["1"], "c1": ["2"]}, named=False)
    assert model.align(inputs).columns == {"a": ["1"], "b": ["2"]}
    with pytest.raises(ArgumentError, match="the table lacks the columns a, b; it has c0"):
        model.align(Table({"c0": ["1"]}, named=False))


def test_columns_that_are_not_used_may_be_missing():
    columns = {"x": ["1", "2"] * 10, "same": ["0"] * 20}
    with pytest.warns(UserWarning, match="same"):
        estimator = mlp.TabularClassifier(**QUICK).fit(Table(columns), ["a", "b"] * 10)
    model = TableModel(estimator)
    assert len(model.predict(model.align(Table({"x": ["1"]})))) == 1
    with pytest.raises(ArgumentError, match="the table lacks the column x; it has same"):
        model.align(Table({"same": ["0"]}))


def test_predictions_beside_the_truth(table, model, estimator, inputs):
    shares = estimator.predict_proba(inputs)
    outcome = model.outcome(table, model.truth(table))
    np.testing.assert_array_equal(outcome.probabilities, shares)
    assert outcome.predicted == [model.classes[k] for k in shares.argmax(axis=1)]
    assert (outcome.truth, outcome.classes) == (table["way"], ["down", "up"])


def test_what_was_held_out(table, model):
    outcome = model.held_out(np.array(table["way"]))
    assert outcome.truth == table["way"]
    assert score(outcome)["accuracy"] == pytest.approx(model.estimator.oof_score_)


def test_importances_find_the_column_that_decides(table, model):
    truth = np.array(table["way"])
    found, rows, repeats = model.importances(table, truth)
    assert [item.column for item in found] == ["b", "a"]
    assert (rows, repeats) == (200, table_model.IMPORTANCE_REPEATS)
    assert found[0].mean > found[1].mean > 0.02
    assert found == model.importances(table, truth)[0]


@pytest.mark.parametrize(("seconds", "expected"), [(1e9, 5), (1e-9, 0)])
def test_importances_have_a_limit_of_time(table, model, monkeypatch, seconds, expected):
    monkeypatch.setattr(table_model, "IMPORTANCE_SECONDS", seconds)
    found, rows, repeats = model.importances(table, np.array(table["way"]))
    assert repeats == expected
    assert (found == []) == (rows == 0) == (expected == 0)


def test_importances_take_a_sample_of_many_rows(table, model, monkeypatch):
    monkeypatch.setattr(table_model, "IMPORTANCE_ROWS", 50)
    assert model.importances(table, np.array(table["way"]))[1] == 50


def test_scores():
    P = np.array([[0.8, 0.2], [0.6, 0.4], [1.0, 0.0]])
    scores = score(Outcome(["a", "b", "c"], ["a", "a", "a"], ["a", "b"], P))
    assert scores["accuracy"] == 1 / 3
    assert scores["log_loss"] == pytest.approx(-(np.log(0.8) + np.log(0.4)) / 2)  # of known classes
    one = score(Outcome([1.0], [3.0], []))
    assert (one["mae"], one["rmse"]) == (2, 2)
    assert np.isnan(one["r2"])


def test_a_certain_error_has_a_finite_log_loss():
    assert score(Outcome(["b"], ["a"], ["a", "b"], np.array([[1.0, 0.0]])))["log_loss"] < 17


def test_calibration_is_that_of_the_metric():
    rng = np.random.default_rng(1)
    P = rng.dirichlet(np.ones(3), 300)
    truth = rng.integers(0, 3, 300)
    names = ["a", "b", "c"]
    outcome = Outcome([names[k] for k in truth], [names[k] for k in P.argmax(axis=1)], names, P)
    error = mlp.metrics.ExpectedCalibrationError(reports.TENTHS)(truth, P)
    lines = reports.calibration(outcome)
    assert lines[1] == f"calibration error {error:.4f}"
    assert sum(int(line.split(" %")[1].split()[0]) for line in lines[3:]) == 300


# files


def test_saved_and_loaded(table, model, tmp_path):
    model.save(tmp_path / "way.mlp")
    again = TableModel.load(tmp_path / "way.mlp")
    assert again.probabilities(table).tobytes() == model.probabilities(table).tobytes()
    assert (again.about, again.classes, again.target) == (model.about, model.classes, "way")
    bare = mlp.tabular.load(tmp_path / "way.mlp")  # it is an estimator's file, too
    assert bare.predict_proba(model.inputs(table)).tobytes() == model.probabilities(table).tobytes()


def test_an_estimator_without_a_table(estimator, table, tmp_path):
    estimator.save(tmp_path / "way.mlp")
    model = TableModel.load(tmp_path / "way.mlp")
    assert (model.target, model.task, model.about) == ("prediction", "classification", {})
    assert model.truth(table, "way") == table["way"]


@pytest.mark.parametrize(
    ("kind", "y"), [("Classifier", [[0, 1], [1, 1]]), ("Regressor", [[0.1, 1], [0.5, 2]])]
)
def test_several_targets_are_for_python(kind, y, tmp_path):
    estimator = getattr(mlp, f"Tabular{kind}")(**QUICK).fit([[0.0], [1.0]] * 10, y * 10)
    estimator.save(tmp_path / "two.mlp")
    with pytest.raises(
        ArgumentError, match=r"two.mlp predicts several values for each row; use it in Python"
    ):
        TableModel.load(tmp_path / "two.mlp")


def test_a_search_is_told_of_by_its_best_estimator(inputs, table, tmp_path):
    recipe = mlp.tabular.Recipe(epochs=2, hidden_layer_sizes=(8,))
    search = mlp.tabular.TabularSearchClassifier(recipe, n_candidates=2, random_state=0)
    search.fit(inputs, np.array(table["way"])).save(tmp_path / "search.mlp")
    model = TableModel.load(tmp_path / "search.mlp")
    assert model.predict(table) == search.predict(inputs).tolist()
    assert reports.facts(model)[0] == "target      prediction (classification, one of 2: down, up)"
    assert reports.out_of_fold(model).startswith("out-of-fold accuracy ")


@pytest.mark.parametrize(
    ("about", "message"),
    [
        (None, "its names are no texts"),
        ([], "its names are no texts"),
        ({"target": 3}, "its names are no texts"),
        ({"columns": "abc"}, "its names are no texts"),
        ({"columns": [1]}, "its names are no texts"),
    ],
)
def test_damaged_files(model, tmp_path, about, message):
    file = tmp_path / "model.mlp"
    model.save(file)
    arrays, description = storage.read(file)
    description = json.loads(json.dumps(description))
    description["extra"][table_model.ABOUT] = about
    storage.write(file, arrays, description)
    with pytest.raises(ModelFileError, match=r"model.mlp is not a model that can be rebuilt: " + message):
        TableModel.load(file)
