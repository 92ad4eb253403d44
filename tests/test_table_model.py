"""A network with its table: splits, the best epoch, names, and files that are damaged."""

import json

import numpy as np
import pytest

import mlp
from mlp import storage
from mlp.datasets import Table
from mlp.errors import ArgumentError, ModelFileError
from mlp.tables import Target
from mlp.tabular import Settings, TabularModel, build, score, split


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    labels = np.where(x @ [1, -2] + rng.normal(size=200) > 0, "up", "down").tolist()
    return Table({"a": list(map(str, x[:, 0])), "b": list(map(str, x[:, 1])), "way": labels})


@pytest.fixture
def model(table):
    made = TabularModel.prepare(table, Target.fit(table, "way"), Settings())
    made.about["rows"] = 200
    return made


def test_split_keeps_the_proportions():
    table = Table({"y": ["a"] * 80 + ["b"] * 20, "row": [str(k) for k in range(100)]})
    target = Target.fit(table, "y")
    kept, held = split(table, target, 0.25, seed=3)
    assert (kept["y"].count("b"), held["y"].count("b")) == (15, 5)
    assert sorted(kept["row"] + held["row"]) == sorted(table["row"])
    assert split(table, target, 0.25, seed=3)[1]["row"] == held["row"]
    assert split(table, target, 0.25, seed=4)[1]["row"] != held["row"]


def test_split_gives_proportions_up_for_a_class_too_rare():
    for labels in (["a"] * 30 + ["once"], [f"class {k}" for k in range(15)] * 2):
        table = Table({"y": labels})
        kept, held = split(table, Target.fit(table, "y"), 0.2, 0)
        assert len(kept) + len(held) == len(labels)


@pytest.mark.parametrize(("rows", "share"), [(9, 0.3), (20, 0.01), (20, 0.99)])
def test_split_of_too_few_rows(rows, share):
    table = Table({"y": ["a", "b"] * rows}).take(range(rows))
    with pytest.raises(ArgumentError, match="it takes 10 rows, and 2 in each part"):
        split(table, Target.fit(table, "y"), share, 0)


def test_patience_none_uses_all_rows_for_all_epochs(table, model):
    settings = Settings(epochs=3, patience=None, batch_size=50)
    history = model.fit(table, settings)
    assert list(history.history) == ["loss", "accuracy"]
    assert model.network.optimizer.iterations == 3 * 4


def test_mean_and_scale_of_a_regression_are_those_of_the_training_rows():
    table = Table({"x": ["1", "2", "3", "4"], "y": ["0.5", "1.5", "100", "200"]})
    target = Target.fit(table, "y", "regression")
    model = TabularModel.prepare(table.take([0, 1]), target, Settings())
    assert (model.target.mean, model.target.scale) == (1, 0.5)


def test_names_by_place_where_there_is_no_header(model):
    whole = Table({"c0": ["1"], "c1": ["2"], "c2": ["up"]}, named=False)
    assert model.align(whole).columns == {"a": ["1"], "b": ["2"], "way": ["up"]}
    inputs = Table({"c0": ["1"], "c1": ["2"]}, named=False)
    assert model.align(inputs).columns == {"a": ["1"], "b": ["2"]}
    with pytest.raises(ArgumentError, match="the table lacks the columns a, b; it has c0"):
        model.align(Table({"c0": ["1"]}, named=False))


def test_a_network_for_each_target():
    settings = Settings(hidden=(4, 3), dropout=0, optimizer="sgd", learning_rate=0.5)
    network = build(2, Target("y", "regression"), settings)
    assert [layer.units for layer in network.layers] == [4, 3, 1]
    assert network.optimizer.learning_rate == 0.5
    assert build(2, Target("y", "classification", "abc"), Settings(hidden=())).count_params() == 9


def test_scores():
    classes = Target("y", "classification", ["a", "b"])
    assert score(classes, ["a", "b", "c"], ["a", "a", "a"]) == {"accuracy": 1 / 3}
    one = score(Target("y", "regression"), [1.0], [3.0])
    assert (one["mae"], one["rmse"]) == (2, 2)
    assert np.isnan(one["r2"])


def test_saved_and_loaded(table, model, tmp_path):
    model.fit(table, Settings(epochs=3))
    model.save(tmp_path / "way.mlp")
    again = TabularModel.load(tmp_path / "way.mlp")
    assert again.outputs(table).tobytes() == model.outputs(table).tobytes()
    assert again.about == {"columns": ["a", "b", "way"], "rows": 200}
    network = mlp.models.load_model(tmp_path / "way.mlp")  # it is an ordinary model file, too
    assert network.predict(model.preprocessor.transform(table)).tobytes() == model.outputs(table).tobytes()


def damage(parts, path, value):
    for name in path[:-1]:
        parts = parts[name]
    parts[path[-1]] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["preprocessor"], None),
        (["preprocessor", "numeric"], ["a", "b", "c"]),
        (["preprocessor", "numeric"], 3),
        (["preprocessor", "categorical"], ["a"]),
        (["preprocessor", "scaler"], {}),
        (["preprocessor", "incomplete"], [True, True]),
        (["target"], {"name": "way"}),
        (["target", "classes"], ["x", "y", "z"]),
        (["about"], {}),
        (["about"], "text"),
        (["about", "columns"], []),
    ],
)
def test_damaged_files(model, tmp_path, path, value):
    file = tmp_path / "model.mlp"
    model.save(file)
    arrays, description = storage.read(file)
    description = json.loads(json.dumps(description))
    damage(description["extra"]["tabular"], path, value)
    storage.write(file, arrays, description)
    with pytest.raises(ModelFileError, match=r"model.mlp is not a model that can be rebuilt: .+"):
        TabularModel.load(file)
