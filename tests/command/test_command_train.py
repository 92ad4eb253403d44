"""`mlp train`: what is learned, what is said of it, and which options reach what."""

import warnings
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
from csv_files import HEADER, QUICK, ROWS, parsed, write
from sklearn.datasets import load_diabetes

import mlp
from mlp.datasets import digits, read_table


def test_digits_are_learned_without_any_argument(run):
    out = run("train")
    assert "handwritten digits: 1,797 rows, 1,347 to train and 450 to test" in out
    assert "left out    pixel_0_0: constant" in out
    assert " networks of 128, 128, 128 hidden units; best epochs" in out
    assert "true ↓ predicted →    0    1    2" in out
    assert "columns that mattered: accuracy lost when one is shuffled, on " in out
    assert "Saved as digits.mlp" in out
    assert float(out.split("Test: accuracy ")[1].split()[0]) >= 0.97
    assert run("evaluate", "digits.mlp").removeprefix("handwritten digits: ").strip() in out
    assert "trained on  1,347 rows of handwritten digits" in run("summary", "digits.mlp")


def test_digits_from_a_file(run):
    run("train", "--quiet", "--epochs", 20, "--folds", 1)
    table = digits()
    pixels = [list(row) for row in zip(*list(table.columns.values())[:-1], strict=True)][:50]
    bare = write("bare.csv", pixels)
    note = "mlp: note: bare.csv has no header; its columns are taken in the order of the training\n"
    predicted = parsed(run("predict", "digits.mlp", bare, notes=note))
    named = write("named.csv", [list(table.columns)[-2::-1], *(row[::-1] for row in pixels)])
    assert parsed(run("predict", "digits.mlp", named)) == predicted
    assert np.mean([row == [digit] for row, digit in zip(predicted[1:], table["digit"], strict=False)]) > 0.9


def test_training_says_what_it_does(run):
    rows = [
        [k, f"name {k}", "", "ab"[k % 2], k % 7 or "NA", f"2024-0{k % 3 + 1}-01", "yes" if k % 2 else "no"]
        for k in range(149)
    ]
    header = ["", "name", "void", "letter", "n", "day", "odd"]
    write("mixed.csv", [header, *rows, [1, "x", "", "a", 1, "", "?"]])
    out = run(
        "train", "mixed.csv", "--target", "odd", "--epochs", 3, "--activation", "tanh", "--hidden", "5,3"
    )
    assert "mixed.csv: 149 rows, 119 to train and 30 to test (1 more without a target are left out)" in out
    assert "target      odd (classification, one of 2: no, yes)" in out
    assert "numbers     1: n (with gaps)" in out
    assert "dates       1: day" in out
    assert "categories  1: letter (2 different)" in out
    assert "left out    name: every row has another value" in out
    assert "left out    void: all missing" in out
    assert " networks of 5, 3 hidden units, which see numbers as robust, quantile, piecewise; best" in out
    assert "of 3, trained in " in out
    assert "out-of-fold accuracy " in out
    assert "log-loss " in out
    assert "calibration error " in out
    assert "columns that mattered: accuracy lost when one is shuffled, on 30 rows, 5 times" in out
    summary = run("summary", "model.mlp")
    for line in (
        "hidden_2 (NTKDense)",
        "letter (2 different)",
        "trained on  119 rows of mixed.csv",
        "test: accuracy",
        "out-of-fold accuracy",
    ):
        assert line in summary
    assert f"written by  mlp {mlp.__version__}, numpy {np.__version__}" in summary


def test_the_columns_that_matter_are_named(run):
    rng = np.random.default_rng(0)
    rows = [[f"{u:.3f}", f"{v:.3f}", "up" if u > 0 else "down"] for u, v in rng.normal(size=(300, 2))]
    write("one.csv", [["cause", "chance", "way"], *rows])
    out = run("train", "one.csv", "--target", "way", "--epochs", 15, "--folds", 2)
    assert out.split("5 times\n")[1].split()[3] == "cause"


def test_regression(run):
    bunch = load_diabetes()
    rows = [[*row, y] for row, y in zip(bunch.data.tolist(), bunch.target, strict=True)]
    write("diabetes.csv", [[*bunch.feature_names, "progress"], *rows])
    out = run("train", "diabetes.csv", "--target", "progress", "--epochs", 15, "--folds", 2)
    assert "target      progress (regression)" in out
    assert "would give R² 0, MAE " in out
    assert "out-of-fold R² " in out
    assert float(out.split("R² ")[1].split(",")[0]) > 0.2
    predicted = parsed(run("predict", "model.mlp", "diabetes.csv"))
    assert predicted[0] == ["progress"]
    error = np.array(predicted[1:], float)[:, 0] - bunch.target
    assert f"MAE {np.abs(error).mean():.5g}, RMSE {np.sqrt((error**2).mean()):.5g}" in run(
        "evaluate", "model.mlp", "diabetes.csv"
    )


def test_a_forced_task(run):
    write("counts.csv", [["x", "y"], *([k, k % 3] for k in range(60))])
    run("train", "counts.csv", "--target", "y", "--task", "regression", *QUICK, "--quiet")
    assert "regression" in run("summary", "model.mlp")


def test_without_a_test_part_the_score_is_out_of_fold(run):
    write("xor.csv", [["a", "b", "xor"], *([k % 2, k // 2 % 2, (k + k // 2) % 2] for k in range(40))])
    options = ("--target", "xor", "--test-size", 0, "--epochs", 30, "--folds", 2)
    assert "Out-of-fold: accuracy 1.0000" in run("train", "xor.csv", *options)
    assert "out-of-fold: accuracy 1.0000, 40 rows" in run("summary", "model.mlp")


def test_options_reach_the_estimator(run):
    write(
        "iris.csv",
        [[*HEADER[:4], "code", "species"], *([*row[:4], 7 * (k % 3), row[4]] for k, row in enumerate(ROWS))],
    )
    run("train", "iris.csv", "--target", "species", "--quiet", "--hidden", "none", "--preset", "td",
        "--learning-rate", 0.05, "--batch-size", 10, "--epochs", 4, "--seed", 7, "--dropout", 0.25,
        "--folds", 3, "--threads", 2, "--categorical", "code")  # fmt: skip
    model = mlp.tabular.load("model.mlp")
    assert [type(layer).__name__ for layer in model.member(0).layers][-1] == "NTKDense"
    assert (model.random_state, model.n_threads, len(model.best_epochs_)) == (7, 2, 3)
    recipe = model.recipe_
    assert (recipe.learning_rate, recipe.batch_size, recipe.epochs, recipe.dropout) == (0.05, 10, 4, 0.25)
    assert (recipe.hidden_layer_sizes, recipe.weight_decay, recipe.n_folds) == ((), 0.02, 3)
    assert model.preprocessor_.kinds_["code"] == "categorical"


def test_a_time_limit_reaches_the_fit(run, monkeypatch):
    limits = []
    fit = mlp.TabularClassifier.fit

    def watched(self, *arguments, time_limit=None):
        limits.append(time_limit)
        return fit(self, *arguments)

    monkeypatch.setattr(mlp.TabularClassifier, "fit", watched)
    data = write("iris.csv", [HEADER, *ROWS])
    run("train", data, "--target", "species", "--time-limit", 2.5, *QUICK, "--quiet")
    assert limits == [2.5]


def test_warnings_of_the_estimator_are_notes(run, monkeypatch):
    fit = mlp.TabularClassifier.fit

    def warning(self, *arguments, time_limit=None):
        warnings.warn("Training interrupted by user:\n  2 networks are kept", stacklevel=1)
        return fit(self, *arguments)

    monkeypatch.setattr(mlp.TabularClassifier, "fit", warning)
    data = write("iris.csv", [HEADER, *ROWS])
    note = "mlp: note: Training interrupted by user: 2 networks are kept\n"
    run("train", data, "--target", "species", *QUICK, "--quiet", notes=note)


def test_the_same_seed_gives_the_same_model(run):
    data = write("iris.csv", [HEADER, *ROWS])
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run("train", data, "--target", "species", *QUICK, "--seed", seed, "--quiet", "--output", name)
    a, b, c = (Path(name).read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_a_rare_class_many_classes_and_rows_that_come_twice(run):
    rows = [[k % 120, f"class {k % 24}"] for k in range(240)]
    write("many.csv", [["x", "y"], *rows, [5, "once"]])
    out = run("train", "many.csv", "--target", "y", *QUICK)
    assert "most frequent confusions (of 25 classes):" in out or "of 24 classes" in out
    assert " of the 49 rows for the test are also among those trained on" in out


def test_a_parquet_file(run, iris):
    model, data = iris
    table = read_table(data)
    columns = {name: table.numbers(name) for name in HEADER[:4]} | {"species": table["species"]}
    pyarrow.parquet.write_table(pyarrow.table(columns), "iris.parquet")
    assert run("predict", model, "iris.parquet") == run("predict", model, data)
    run("train", "iris.parquet", "--target", "species", *QUICK, "--quiet")
    assert Path("model.mlp").exists()
