"""The command line as a user meets it: what is printed, what is written, and every way to be told off."""

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris

import mlp
from mlp import cli
from mlp.datasets import digits, read_table
from mlp.tables import Target
from mlp.tabular import Settings, TabularModel, split


def write(path, rows, **dialect):
    with open(path, "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, **dialect).writerows(rows)
    return str(path)


def told(error):
    """What the command itself says; the first on a machine also says that it compiles."""
    return "".join(line for line in error.splitlines(True) if not line.startswith("mlp: compil"))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys):
    """Run a command; its output, if all went well."""

    def command(*arguments, notes=""):
        code = cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert (code, told(captured.err)) == (0, notes)
        return captured.out

    return command


@pytest.fixture
def refused(capsys):
    """Run a command that cannot work; its one line of complaint."""

    def command(*arguments):
        assert cli.main([str(argument) for argument in arguments]) == 2
        error = told(capsys.readouterr().err)
        assert error.startswith("mlp: error: ")
        assert error.count("\n") == 1
        assert error.endswith("\n")
        return error.removeprefix("mlp: error: ").rstrip("\n")

    return command


IRIS = load_iris()
HEADER = ["sepal length", "sepal width", "petal length", "petal width", "species"]
ROWS = [[*row, str(IRIS.target_names[k])] for row, k in zip(IRIS.data.tolist(), IRIS.target, strict=True)]


@pytest.fixture
def iris(run):
    """iris.csv and a model of it."""
    data = write("iris.csv", [HEADER, *ROWS])
    run("train", data, "--target", "species", "--epochs", 60, "--quiet", "--output", "iris.mlp")
    return "iris.mlp", data


def parsed(text):
    return list(csv.reader(io.StringIO(text)))


# train


def test_digits_are_learned_without_any_argument(run, folder):
    out = run("train")
    assert "handwritten digits: 1,797 rows, 1,347 to train and 450 to test" in out
    assert "dense (Dense)" in out
    assert "true ↓ predicted →    0    1    2" in out
    assert "Saved as digits.mlp" in out
    assert float(out.split("Test: accuracy ")[1].split()[0]) >= 0.97
    assert run("evaluate", "digits.mlp").removeprefix("handwritten digits: ").strip() in out
    assert "trained on  1,347 rows of handwritten digits" in run("summary", "digits.mlp")


def test_digits_from_a_file(run):
    run("train", "--quiet", "--epochs", 15)
    table = digits()
    pixels = [list(row) for row in zip(*list(table.columns.values())[:-1], strict=True)][:50]
    bare = write("bare.csv", pixels)
    note = "mlp: note: bare.csv has no header; its columns are taken in the order of the training\n"
    predicted = parsed(run("predict", "digits.mlp", bare, notes=note))
    named = write("named.csv", [list(table.columns)[-2::-1], *(row[::-1] for row in pixels)])
    assert parsed(run("predict", "digits.mlp", named)) == predicted
    assert np.mean([row == [digit] for row, digit in zip(predicted[1:], table["digit"], strict=False)]) > 0.9


def test_training_says_what_it_does(run):
    rows = [[k, f"name {k}", "", "ab"[k % 2], k % 7 or "NA", "yes" if k % 2 else "no"] for k in range(149)]
    write("mixed.csv", [["", "name", "void", "letter", "n", "odd"], *rows, [1, "x", "", "a", 1, "?"]])
    out = run(
        "train", "mixed.csv", "--target", "odd", "--epochs", 3, "--activation", "tanh", "--hidden", "5,3"
    )
    assert "mixed.csv: 149 rows, 119 to train and 30 to test (1 more without a target are left out)" in out
    assert "target      odd (classification, one of 2: no, yes)" in out
    assert "numbers     1: n" in out
    assert "categories  1: letter (2 different)" in out
    assert "left out    name: 119 different texts in 119 rows are not categories" in out
    assert "left out    void: it has no values" in out
    assert "epoch          loss      accuracy      val_loss  val_accuracy" in out
    assert "kept the weights of epoch" in out
    summary = run("summary", "model.mlp")
    for line in (
        "(None, 5)",
        "letter (2 different)",
        "trained on  119 rows of mixed.csv",
        "test: accuracy",
    ):
        assert line in summary
    assert f"written by  mlp {mlp.__version__}, numpy {np.__version__}" in summary


def test_regression(run):
    bunch = load_diabetes()
    rows = [[*row, y] for row, y in zip(bunch.data.tolist(), bunch.target, strict=True)]
    write("diabetes.csv", [[*bunch.feature_names, "progress"], *rows])
    out = run("train", "diabetes.csv", "--target", "progress")
    assert "target      progress (regression)" in out
    assert float(out.split("R² ")[1].split(",")[0]) > 0.2
    predicted = parsed(run("predict", "model.mlp", "diabetes.csv"))
    assert predicted[0] == ["progress"]
    error = np.array(predicted[1:], float)[:, 0] - bunch.target
    assert f"MAE {np.abs(error).mean():.5g}, RMSE {np.sqrt((error**2).mean()):.5g}" in run(
        "evaluate", "model.mlp", "diabetes.csv"
    )


def test_a_forced_task(run):
    write("counts.csv", [["x", "y"], *([k, k % 3] for k in range(60))])
    run("train", "counts.csv", "--target", "y", "--task", "regression", "--epochs", 2, "--quiet")
    assert "regression" in run("summary", "model.mlp")


def test_without_a_test_part_all_rows_are_learned(run):
    write("xor.csv", [["a", "b", "xor"], [0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]])
    options = ("--target", "xor", "--test-size", 0, "--dropout", 0)
    assert "Training rows: accuracy 1.0000" in run("train", "xor.csv", *options)
    assert "training rows: accuracy 1.0000, 4 rows" in run("summary", "model.mlp")


def test_options_reach_the_network(run):
    write("iris.csv", [HEADER, *ROWS])
    run("train", "iris.csv", "--target", "species", "--quiet", "--hidden", "none", "--optimizer", "sgd",
        "--learning-rate", 0.05, "--batch-size", 10, "--epochs", 4, "--seed", 7)  # fmt: skip
    network = mlp.models.load_model("model.mlp")
    assert [type(layer).__name__ for layer in network.layers] == ["Dense"]
    assert (network.seed, network.optimizer.learning_rate) == (7, 0.05)
    assert network.optimizer.iterations == 4 * 11  # of 102 rows; 120 less those for validation


def test_the_same_seed_gives_the_same_model(run):
    data = write("iris.csv", [HEADER, *ROWS])
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run("train", data, "--target", "species", "--epochs", 5, "--seed", seed, "--quiet", "--output", name)
    a, b, c = (Path(name).read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_a_rare_class_and_many_classes(run):
    rows = [[k, f"class {k % 24}"] for k in range(240)]
    write("many.csv", [["x", "y"], *rows, [5, "once"]])
    out = run("train", "many.csv", "--target", "y", "--epochs", 2)
    assert "most frequent confusions (of 25 classes):" in out


# predict


def test_predictions_are_those_of_the_model_in_memory(run, iris):
    model, data = iris
    table, settings = read_table(data), Settings(epochs=60)
    target = Target.fit(table, "species")
    part = split(table, target, 0.2, 0)[0]
    own = TabularModel.prepare(part, target, settings)
    own.fit(part, settings)
    assert TabularModel.load(model).outputs(table).tobytes() == own.outputs(table).tobytes()
    assert parsed(run("predict", model, data)) == [["species"], *([name] for name in own.predict(table))]
    shares = parsed(run("predict", model, data, "--proba"))
    assert shares[0] == IRIS.target_names.tolist()
    np.testing.assert_allclose(np.array(shares[1:], float), own.outputs(table), atol=5e-7)


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
    out = run("train", "bare.csv", "--target", "c4", "--epochs", 40)
    assert "numbers     4: c0, c1, c2, c3" in out
    whole = parsed(run("predict", "model.mlp", "bare.csv"))
    assert whole[0] == ["c4"]
    write("inputs.csv", [row[:4] for row in ROWS])
    assert parsed(run("predict", "model.mlp", "inputs.csv")) == whole
    assert "accuracy" in run("evaluate", "model.mlp", "bare.csv")


def test_binary_classes_unseen_categories_and_unicode(run):
    rows = [[["rød", "grün", "青"][k % 3], "ja" if k % 3 else "nein, nie"] for k in range(60)]
    write("farbe.csv", [["Farbe", "schön?"], *rows])
    run("train", "farbe.csv", "--target", "schön?", "--quiet", "--learning-rate", 0.01)
    write("neu.csv", [["Farbe"], ["rød"], ["青"], ["weiß"], [""], ["grün"]])
    predicted = parsed(run("predict", "model.mlp", "neu.csv"))
    assert predicted[0] == ["schön?"]
    assert [predicted[k][0] for k in (1, 2)] == ["nein, nie", "ja"]
    shares = parsed(run("predict", "model.mlp", "neu.csv", "--proba"))
    assert shares[0] == ["ja", "nein, nie"]
    np.testing.assert_allclose(np.array(shares[1:], float).sum(axis=1), 1, atol=2e-6)


# evaluate


def test_evaluation_of_part_of_the_rows(run, iris):
    model, _ = iris
    rows = [[*ROWS[0][:4], "setosa"], [*ROWS[1][:4], ""], [*ROWS[2][:4], "tulip"]]
    write("some.csv", [HEADER, *rows])
    note = "mlp: note: left out 1 of 3 rows, without a value in 'species'\n"
    out = run("evaluate", model, "some.csv", notes=note)
    assert out.startswith("some.csv: accuracy 0.5000  (1 of 2; always saying 'setosa' would give 0.5000)\n")
    assert "class 'tulip' is unknown to the model" in out


# errors


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
        ("train ok.csv --target y --activation relo", "unknown activation 'relo'"),
        ("train ok.csv --target y --optimizer adem", "unknown optimizer 'adem'"),
        ("train ok.csv --target y --dropout 1", "rate must be a number in [0, 1); got 1"),
        ("train ok.csv --target y --learning-rate -1", "learning_rate must be a number of at least 0"),
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
        ("train --target y", "--target is for a CSV file: mlp train DATA.csv --target COLUMN"),
        ("train --unknown", "unrecognized arguments: --unknown (see mlp --help)"),
        ("learn", "argument COMMAND: invalid choice: 'learn'"),
        ("predict", "the following arguments are required: MODEL, DATA.csv (see mlp predict --help)"),
        ("predict none.mlp ok.csv", "there is no model file 'none.mlp'"),
        ("predict ok.csv ok.csv", "ok.csv is not a readable model file"),
        ("summary empty.csv", "empty.csv is not a readable model file"),
        ("predict bare.mlp ok.csv", "bare.mlp is a network without a table's columns"),
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
    mlp.Sequential([mlp.layers.Dense(1, input_shape=(2,))]).save("bare.mlp")
    assert refused(*arguments.split()).startswith(message)


def test_what_a_model_refuses(run, refused, iris):
    model, data = iris
    write("narrow.csv", [HEADER[2:], *(row[2:] for row in ROWS)])
    assert refused("predict", model, "narrow.csv") == (
        "narrow.csv lacks the columns sepal length, sepal width; it has petal length, petal width, species"
    )
    write("texts.csv", [HEADER[:4], [1, 2, "three", 4]])
    assert "column 'petal length' of texts.csv should hold numbers, but has 'three' in row 1" in refused(
        "predict", model, "texts.csv"
    )
    write("inputs.csv", [HEADER[:4], *(row[:4] for row in ROWS)])
    assert refused("evaluate", model, "inputs.csv").startswith("inputs.csv has no column 'species'; it has")
    write("void.csv", [HEADER, [1, 2, 3, 4, ""]])
    assert refused("evaluate", model, "void.csv") == "void.csv has no row with a value in 'species'"
    assert refused("evaluate", model) == (
        "name the data: mlp evaluate iris.mlp DATA.csv, with the column 'species'"
    )
    for name in (model, data):
        assert "would overwrite what is read" in refused("predict", model, data, "--output", name)
    run("train", data, "--target", "petal width", "--epochs", 1, "--quiet")
    assert refused("predict", "model.mlp", data, "--proba") == (
        "--proba needs a classification; model.mlp is a regression"
    )


def test_a_divergence_is_an_error_like_others(refused):
    write("line.csv", [["x", "y"], *([k, k * k + 0.5] for k in range(50))])
    options = ("--target", "y", "--optimizer", "sgd", "--learning-rate", "1e30", "--quiet")
    assert "became" in refused("train", "line.csv", *options)


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
