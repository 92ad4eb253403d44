"""Every way to be told off: one line on stderr, and the exit code 2."""

from pathlib import Path

import pytest
from csv_files import HEADER, QUICK, ROWS, write

import mlp
from mlp import storage
from mlp.errors import DivergenceError


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train none.csv --target y", "none.csv: no such file or directory"),
        ("train . --target y", ".: is a directory"),
        ("train empty.csv --target y", "empty.csv is empty; it should be a table in CSV format"),
        ("train bytes.csv --target y", "bytes.csv is not text in UTF-8: invalid start byte at byte 4"),
        ("train quote.csv --target y", "quote.csv is not a CSV table: unexpected end of data (line 3)"),
        ("train ok.csv", "name the column to predict: --target COLUMN; ok.csv has x, y"),
        ("train ok.csv --target z", "ok.csv has no column 'z'; it has x, y"),
        ("train ok.csv --target y --no-header", "ok.csv has no column 'y'; it has c0, c1 (it was read as"),
        ("train constant.csv --target y", "the target 'y' has only the value 'a'; to learn"),
        ("train few.csv --target y", "few.csv has 4 rows with a target, of which 1 would be for the test"),
        ("train target.csv --target y", "target.csv has no column to learn from"),
        ("train ok.csv --target y --activation relo", "The 'activation' parameter of TabularClassifier must"),
        ("train ok.csv --target y --optimizer adam", "unrecognized arguments: --optimizer adam (see mlp"),
        ("train ok.csv --target y --dropout 1", "The 'dropout' parameter of TabularClassifier must be"),
        ("train ok.csv --target y --learning-rate -1", "The 'learning_rate' parameter of TabularClassifier"),
        ("train ok.csv --target y --preset best", "argument --preset: invalid choice: 'best'"),
        ("train ok.csv --target y --time-limit 0", "argument --time-limit: expected a number of seconds"),
        ("train ok.csv --target y --categorical z", "categorical_columns must be of the columns x; got 'z'"),
        ("train ok.csv --target y --hidden 8,x", "argument --hidden: expected a whole number of at least 1"),
        ("train ok.csv --target y --epochs 0", "argument --epochs: expected a whole number of at least 1"),
        ("train ok.csv --target y --batch-size 1.5", "argument --batch-size: expected a whole number"),
        ("train ok.csv --target y --test-size 1", "argument --test-size: expected a number from 0 to less"),
        ("train ok.csv --target y --test-size x", "argument --test-size: expected a number from 0 to less"),
        ("train ok.csv --target y --seed -1", "argument --seed: expected"),
        ("train ok.csv --target y --seed 4294967296", "argument --seed: expected a whole number from 0 to"),
        ("train ok.csv --target y --task guess", "argument --task: invalid choice: 'guess'"),
        ("train ok.csv --target y --task regression", "column 'y' of ok.csv should hold numbers, but"),
        ("train ok.csv --target y --output no/model.mlp", "--output no/model.mlp is in a folder that"),
        ("train ok.csv --target y --output .", "--output . is a folder"),
        ("train ok.csv --target y --output ok.csv", "--output ok.csv would overwrite what is read"),
        ("train --target y", "--target is for a file: mlp train DATA --target COLUMN"),
        ("train none.parquet --target y", "none.parquet: no such file or directory"),
        ("train false.parquet --target y", "false.parquet is not a Parquet file that can be read: "),
        ("train --unknown", "unrecognized arguments: --unknown (see mlp --help)"),
        ("learn", "argument COMMAND: invalid choice: 'learn'"),
        ("predict", "the following arguments are required: MODEL, DATA (see mlp predict --help)"),
        ("predict none.mlp ok.csv", "there is no model file 'none.mlp'"),
        ("predict ok.csv ok.csv", "ok.csv is not a readable model file"),
        ("summary empty.csv", "empty.csv is not a readable model file"),
        ("predict bare.mlp ok.csv", "bare.mlp is a network without a table's columns"),
        ("predict old.mlp ok.csv", "old.mlp was written by an older `mlp train`; train it anew"),
        ("predict odd.mlp ok.csv", "odd.mlp is not a model that can be rebuilt: its names are no texts"),
        ("predict bare.mlp ok.csv --interval 1", "argument --interval: expected a number between 0 and 1"),
    ],
)  # fmt: skip
def test_errors_are_one_line(refused, arguments, message):
    Path("empty.csv").touch()
    Path("bytes.csv").write_bytes(b"x,y\n\xff,1\n")
    Path("quote.csv").write_text('x,y\n1,"a\n2,b\n')
    write("ok.csv", [["x", "y"], *([k, "ab"[(k + 1) % 2]] for k in range(20))])
    write("constant.csv", [["x", "y"], *([k, "a"] for k in range(20))])
    write("few.csv", [["x", "y"], [1, "a"], [2, "b"], [3, "a"], [4, "b"]])
    write("target.csv", [["y"], *(["ab"[k % 2]] for k in range(20))])
    Path("false.parquet").write_bytes(b"PAR1 it is not")
    network = mlp.Sequential([mlp.layers.Dense(1, input_shape=(2,))])
    network.save("bare.mlp")
    storage.save(network, "old.mlp", extra={"tabular": {}})
    storage.save(network, "odd.mlp", extra={"command": {"target": "y", "columns": [1]}})
    assert refused(*arguments.split()).startswith(message)


def test_what_a_model_refuses(run, refused, iris):
    model, data = iris
    write("narrow.csv", [HEADER[2:], *(row[2:] for row in ROWS)])
    assert refused("predict", model, "narrow.csv") == (
        "narrow.csv lacks the columns sepal length, sepal width; it has petal length, petal width, species"
    )
    write("texts.csv", [HEADER[:4], [1, 2, "three", 4]])
    assert refused("predict", model, "texts.csv").startswith(
        "column 'petal length' should hold numbers, but has 'three'"
    )
    write("inputs.csv", [HEADER[:4], *(row[:4] for row in ROWS)])
    assert refused("evaluate", model, "inputs.csv").startswith("inputs.csv has no column 'species'; it has")
    write("void.csv", [HEADER, [1, 2, 3, 4, ""]])
    assert refused("evaluate", model, "void.csv") == "void.csv has no row with a value in 'species'"
    assert refused("evaluate", model) == (
        "name the data: mlp evaluate iris.mlp DATA, with the column 'species'"
    )
    for name in (model, data):
        assert "would overwrite what is read" in refused("predict", model, data, "--output", name)
    assert refused("predict", model, data, "--interval", 0.9) == (
        "--interval needs a regression; iris.mlp is a classification"
    )
    run("train", data, "--target", "petal width", *QUICK, "--quiet")
    assert refused("predict", "model.mlp", data, "--proba") == (
        "--proba needs a classification; model.mlp is a regression"
    )


def test_a_divergence_is_an_error_like_others(refused, monkeypatch):
    def diverging(self, *arguments, time_limit=None):
        raise DivergenceError("the loss became nan")

    monkeypatch.setattr(mlp.TabularClassifier, "fit", diverging)
    data = write("iris.csv", [HEADER, *ROWS])
    assert refused("train", data, "--target", "species") == "the loss became nan"
