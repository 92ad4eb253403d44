"""`mlp predict`, `mlp evaluate`, `mlp summary`, and the command as a process."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from csv_files import HEADER, IRIS, QUICK, ROWS, parsed, told, write

import mlp
from mlp import cli
from mlp.datasets import read_table
from mlp.tables import split


def test_predictions_are_those_of_the_estimator(run, iris):
    model, data = iris
    table, estimator = read_table(data), mlp.tabular.load(model)
    inputs = IRIS.data[:, :4]
    with pytest.warns(UserWarning, match="valid feature names"):
        shares = estimator.predict_proba(inputs)
    names = estimator.classes_[shares.argmax(axis=1)]
    assert parsed(run("predict", model, data)) == [["species"], *([name] for name in names)]
    written = parsed(run("predict", model, data, "--proba"))
    assert written[0] == IRIS.target_names.tolist()
    np.testing.assert_allclose(np.array(written[1:], float), shares, atol=5e-7)
    held = split(table, np.array(table["species"]), 0.2, 0)[1]
    right = np.mean(names[held] == np.array(table["species"])[held])
    assert f"test: accuracy {right:.4f}, 30 rows" in run("summary", model)


def test_an_estimator_saved_in_python(run, refused):
    X, y = IRIS.data, IRIS.target
    options = {"epochs": 8, "n_folds": 2, "hidden_layer_sizes": 32, "random_state": 0}
    mlp.TabularClassifier(**options).fit(X, y).save("array.mlp")
    data = write("iris.csv", [[*HEADER], *([*row[:4], k] for row, k in zip(ROWS, y.tolist(), strict=True))])
    write("inputs.csv", [HEADER[:4], *(row[:4] for row in ROWS)])
    predicted = parsed(run("predict", "array.mlp", "inputs.csv"))
    assert predicted[0] == ["prediction"]
    right = np.mean(np.array(predicted[1:], int)[:, 0] == y)
    assert f"accuracy {right:.4f}" in run("evaluate", "array.mlp", data, "--target", "species")
    assert "target      prediction (classification, one of 3: 0, 1, 2)" in run("summary", "array.mlp")
    assert refused("predict", "array.mlp", data) == (
        "iris.csv has 5 columns, and the model, which knows no names, was trained on 4"
    )


def test_column_order_extra_columns_and_gaps(run, iris):
    model, data = iris
    plain = parsed(run("predict", model, data))
    order = [3, 1, 4, 0, 2]
    shuffled = [["note"] + [HEADER[k] for k in order], *(["x"] + [row[k] for k in order] for row in ROWS)]
    write("shuffled.csv", shuffled, delimiter=";", quoting=csv.QUOTE_ALL)
    note = "mlp: note: ignored columns that the model does not know: note\n"
    assert parsed(run("predict", model, "shuffled.csv", notes=note)) == plain
    write("gaps.csv", [HEADER[:4], ["", "NA", "?", "nan"], [5.1, "", 1.4, 0.2]])
    predicted = parsed(run("predict", model, "gaps.csv"))
    assert predicted[0] == ["species"]
    assert all(row[0] in IRIS.target_names for row in predicted[1:])


def test_predictions_in_a_file(run, iris):
    model, data = iris
    assert run("predict", model, data, "--output", "out.csv") == ""
    assert Path("out.csv").read_text() == run("predict", model, data)


def test_without_headers(run):
    write("bare.csv", ROWS)
    out = run("train", "bare.csv", "--target", "c4", *QUICK)
    assert "numbers     4: c0, c1, c2, c3" in out
    whole = parsed(run("predict", "model.mlp", "bare.csv"))
    assert whole[0] == ["c4"]
    write("inputs.csv", [row[:4] for row in ROWS])
    assert parsed(run("predict", "model.mlp", "inputs.csv")) == whole
    assert "accuracy" in run("evaluate", "model.mlp", "bare.csv")


def test_binary_classes_unseen_categories_and_unicode(run):
    rows = [[["rød", "grün", "青"][k % 3], "ja" if k % 3 else "nein, nie"] for k in range(60)]
    write("farbe.csv", [["Farbe", "schön?"], *rows])
    run("train", "farbe.csv", "--target", "schön?", "--quiet", "--epochs", 20, "--folds", 2)
    write("neu.csv", [["Farbe"], ["rød"], ["青"], ["weiß"], [""], ["grün"]])
    predicted = parsed(run("predict", "model.mlp", "neu.csv"))
    assert predicted[0] == ["schön?"]
    assert [predicted[k][0] for k in (1, 2)] == ["nein, nie", "ja"]
    shares = parsed(run("predict", "model.mlp", "neu.csv", "--proba"))
    assert shares[0] == ["ja", "nein, nie"]
    np.testing.assert_allclose(np.array(shares[1:], float).sum(axis=1), 1, atol=2e-6)


def test_intervals(run):
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    rows = [[f"{u:.4f}", f"{3 * u + v:.4f}"] for u, v in zip(x, rng.normal(size=200), strict=True)]
    data = write("line.csv", [["x", "y"], *rows])
    run("train", data, "--target", "y", "--epochs", 20, "--folds", 2, "--quiet")
    written = parsed(run("predict", "model.mlp", data, "--interval", 0.8))
    assert written[0] == ["y", "y lower", "y upper"]
    y, low, high = np.array(written[1:], float).T
    assert ((low < y) & (y < high)).all()
    truth = np.array([row[1] for row in rows], float)
    assert 0.7 < ((low < truth) & (truth < high)).mean() < 0.95


# evaluate


def test_evaluation_of_part_of_the_rows(run, iris):
    model, _ = iris
    rows = [[*ROWS[0][:4], "setosa"], [*ROWS[1][:4], ""], [*ROWS[2][:4], "tulip"]]
    write("some.csv", [HEADER, *rows])
    note = "mlp: note: left out 1 of 3 rows, without a value in 'species'\n"
    out = run("evaluate", model, "some.csv", notes=note)
    assert out.startswith("some.csv: accuracy 0.5000  (1 of 2; always saying 'setosa' would give 0.5000)\n")
    assert "class 'tulip' is unknown to the model" in out


# the command itself


def test_interruption(monkeypatch, capsys):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "digits", interrupt)
    assert cli.main(["train"]) == 130
    assert capsys.readouterr().err == "\nmlp: interrupted\n"


def test_help_and_version(run, capsys):
    assert "examples:\n  mlp train" in run()
    for arguments in (["--help"], ["train", "--help"], ["predict", "--help"]):
        with pytest.raises(SystemExit) as stop:
            cli.main(arguments)
        assert stop.value.code == 0
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert (stop.value.code, capsys.readouterr().out) == (0, f"mlp {mlp.__version__}\n")


def process(*arguments, code="from mlp.cli import main; sys.exit(main())", stdout=subprocess.PIPE):
    environment = dict(os.environ, PYTHONPATH=str(Path(mlp.__file__).parent.parent), PYTHONWARNINGS="error")
    command = [sys.executable, "-c", f"import sys; {code}", *arguments]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, env=environment, timeout=100)


def test_as_a_process(iris):
    done = process("predict", *iris)
    assert (done.returncode, told(done.stderr.decode())) == (0, "")
    assert done.stdout.decode().splitlines()[0] == "species"
    done = process("predict", "none.mlp", iris[1])
    assert (done.returncode, done.stderr) == (2, b"mlp: error: there is no model file 'none.mlp'\n")


def test_help_does_not_wait_for_scikit_learn():
    done = process("", code="from mlp.cli import main; main([]); print('sklearn' in sys.modules)")
    assert done.stdout.decode().splitlines()[-1] == "False"


def test_a_reader_that_leaves_is_no_failure(iris):
    read, written = os.pipe()
    os.close(read)
    done = process("predict", *iris, stdout=written)
    os.close(written)
    assert (done.returncode, told(done.stderr.decode())) == (141, "")
