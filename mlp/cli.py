"""The command `mlp`: train on a table, predict, evaluate and look at a model, without Python.

Each command is one function, from options to printed text; the work is done by `mlp.tabular`.
Whatever a user can do wrong ends in `main` as one line on stderr and the exit code 2.
"""

import csv
import os
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mlp import models, storage
from mlp.arrays import Array
from mlp.datasets import Table, digits, listed, read_table
from mlp.errors import ArgumentError, MLPError
from mlp.options import parser
from mlp.reports import columns_that_mattered, facts, out_of_fold, report, score_line
from mlp.table_model import TableModel
from mlp.tables import repeated, split, target_of, with_target, without

DIGITS_TEST_SIZE, DIGITS_SPLIT = 0.25, 0  # one split for every --seed, so that results compare
TEST_SIZE = 0.2
TOLD = r"\d+ of \d+ columns are left out"  # the report says so, too


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        0; 2 after an error, which is one line on stderr; 130 after Ctrl-C; 141 if nobody reads
        the output any more.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that lacks a letter must not end the run
            stream.reconfigure(errors="replace")
    try:
        options = parser(train, predict, evaluate, summary).parse_args(arguments)
        with _warnings_as_notes():
            options.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("\nmlp: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, `head` for example, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (MLPError, OSError, UnicodeError, csv.Error, MemoryError) as error:
        print(f"mlp: error: {explain(error)}", file=sys.stderr)
        return 2
    return 0


def explain(error: BaseException) -> str:
    """An error as one line.

    Examples
    --------
    >>> explain(FileNotFoundError(2, "No such file or directory", "x.csv"))
    'x.csv: no such file or directory'
    """
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}"
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}"
    return " ".join(str(error).split())


# the commands


def train(options: Any) -> None:
    """Train on a table, or on the handwritten digits if none is named, and save the model.

    The task, the kinds of the columns, gaps and scales are found out. A part of the rows is kept for
    the score, the others train an ensemble of networks by a preset; what is given below takes the place
    of the preset's values.
    """
    output = options.output or ("digits.mlp" if options.data is None else "model.mlp")
    _check_output(output, *([] if options.data is None else [options.data]))
    table, name = _training_table(options)
    known = with_target(table, name)
    task, y = target_of(known, name, options.task)
    share, split_seed = _shares(options)
    kept, held = _parts(known, y, task, share, split_seed)
    trained, tested = known.take(kept), known.take(held)
    if not options.quiet:
        parts = f"{len(trained):,} to train and {len(tested):,} to test" if share else "all to train"
        dropped = f" ({len(table) - len(known):,} more without a target are left out)"
        print(
            f"{table.source}: {len(known):,} rows, {parts}{dropped * (len(known) < len(table))}", flush=True
        )
    begun = time.perf_counter()
    estimator = _fitted(options, task, without(trained, name), y[kept])
    seconds = time.perf_counter() - begun
    model = TableModel(estimator, {"target": name, "columns": list(table.columns)})
    outcome = model.outcome(tested, model.truth(tested)) if share else model.held_out(y)
    which = "Test" if share else "Out-of-fold"
    if options.quiet:
        print(f"{which}: {score_line(outcome)}")
    else:
        print("\n".join(facts(model)) + f", trained in {seconds:.1f} s", end="\n\n")
        print(f"{which}: {report(outcome)}")
        if share:
            _tell_more(model, trained, tested, y[held])
    model.about |= {
        "source": Path(table.source).name,
        "digits": options.data is None,
        "rows": len(trained),
        "split": {"share": share, "seed": split_seed},
        "score": f"{which.lower()}: {score_line(outcome)}, {len(outcome.truth):,} rows",
    }
    model.save(output)
    print(f"Saved as {output}" if options.quiet else f"\nSaved as {output}; see: mlp summary {output}")


def _tell_more(model: TableModel, trained: Table, tested: Table, truth: Array) -> None:
    """What can be said with rows that were not trained on, besides the score."""
    print(f"\n{out_of_fold(model)}")
    twice = repeated(trained, tested)
    if twice:
        print(f"{twice:,} of the {len(tested):,} rows for the test are also among those trained on")
    found, rows, repeats = model.importances(tested, truth)
    if rows:
        print("\n" + columns_that_mattered(found, rows, repeats, "accuracy" if model.classes else "R²"))


def predict(options: Any) -> None:
    """Write a prediction for each row, as CSV with one column, which is named after the target."""
    model = TableModel.load(options.model)
    if options.proba and not model.classes:
        raise ArgumentError(f"--proba needs a classification; {options.model} is a {model.task}")
    if options.interval and model.classes:
        raise ArgumentError(f"--interval needs a regression; {options.model} is a {model.task}")
    if options.output:
        _check_output(options.output, options.data, options.model)
    table = _read(options, model)
    if options.proba:
        names, rows = model.classes, [[f"{p:.6f}" for p in row] for row in model.probabilities(table)]
    elif options.interval:
        names = [model.target, f"{model.target} lower", f"{model.target} upper"]
        bounds = model.intervals(table, options.interval)
        values = zip(model.predict(table), *bounds.T.tolist(), strict=True)
        rows = [[f"{value:.8g}" for value in row] for row in values]
    else:
        names = [model.target]
        rows = [[label if model.classes else f"{label:.8g}"] for label in model.predict(table)]
    if options.output:
        file: Any = open(options.output, "w", newline="", encoding="utf-8")  # noqa: SIM115
    else:
        if hasattr(sys.stdout, "reconfigure"):  # a CSV file is UTF-8 here, wherever it is redirected
            sys.stdout.reconfigure(encoding="utf-8")
        file = nullcontext(sys.stdout)
    with file as stream:
        csv.writer(stream, lineterminator="\n").writerows([names, *rows])


def evaluate(options: Any) -> None:
    """Compare the predictions for a table with its target column.

    For the handwritten digits no file is needed: their test part is used.
    """
    model = TableModel.load(options.model)
    target = options.target or model.target
    about = model.about
    if options.data is not None:
        table = _read(options, model, target)
    elif about.get("digits") and about["split"]["share"]:
        table = digits()
        task, y = target_of(table, target)
        table = table.take(_parts(table, y, task, **about["split"])[1])
    else:
        raise ArgumentError(f"name the data: mlp evaluate {options.model} DATA, with the column {target!r}")
    known = with_target(table, target)
    if not len(known):
        raise ArgumentError(f"{table.source} has no row with a value in {target!r}")
    if len(known) < len(table):
        missing = len(table) - len(known)
        _note(f"left out {missing:,} of {len(table):,} rows, without a value in {target!r}")
    print(f"{table.source}: {report(model.outcome(known, model.truth(known, target)))}")


def summary(options: Any) -> None:
    """Show the layers of a model, what it predicts from which columns, and the versions."""
    models.load_model(options.model).summary()
    arrays, description = storage.read(options.model)
    if storage.extra_of(arrays, description):
        model = TableModel.load(options.model)
        about = model.about
        print("\n" + "\n".join(facts(model)))
        if "score" in about:
            print(f"trained on  {about['rows']:,} rows of {about['source']}")
            print(f"score       {about['score']}")
        print(f"            {out_of_fold(model)}")
    versions = description["versions"]
    print("written by  " + ", ".join(f"{name} {versions[name]}" for name in ("mlp", "numpy", "python")))


# how it is done


@contextmanager
def _warnings_as_notes() -> Iterator[None]:
    """What the estimators warn of is for the user as well: a line each, unless the report says it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=UserWarning)
        warnings.filterwarnings("ignore", TOLD, UserWarning)
        warnings.showwarning = lambda message, *where: _note(explain(Exception(str(message))))
        yield


def _fitted(options: Any, task: str, inputs: Table, y: Array) -> Any:
    """The estimator with the options that were given, trained."""
    from mlp import tabular

    names = {
        "hidden": "hidden_layer_sizes", "folds": "n_folds", "threads": "n_threads", "seed": "random_state",
        "categorical": "categorical_columns", "activation": "activation", "dropout": "dropout",
        "learning_rate": "learning_rate", "batch_size": "batch_size", "epochs": "epochs", "preset": "preset",
    }  # fmt: skip
    given = {new: getattr(options, name) for name, new in names.items() if getattr(options, name) is not None}
    if options.data is None and "preset" not in given:  # pixels have one unit: one form of them will do
        recipe = tabular.recipe_for("auto", "classification", len(inputs), len(inputs.columns))
        given["preset"] = replace(recipe, encodings=("robust",))
    kind = tabular.TabularClassifier if task == "classification" else tabular.TabularRegressor
    estimator = kind(verbose=not options.quiet and sys.stderr.isatty(), **given)
    try:
        return estimator.fit(inputs, y, time_limit=options.time_limit)
    except MLPError:
        raise
    except ValueError as error:  # scikit-learn's, of a parameter that cannot be
        raise ArgumentError(str(error)) from error


def _training_table(options: Any) -> tuple[Table, str]:
    if options.data is None:
        for name in ("target", "task", "header", "categorical"):
            if getattr(options, name) is not None:
                raise ArgumentError(f"--{name} is for a file: mlp train DATA --target COLUMN")
        return digits(), "digit"
    expected = [] if options.target is None else [options.target]
    table = read_table(options.data, options.header, expected)
    if options.target is None:
        raise ArgumentError(
            f"name the column to predict: --target COLUMN; {table.source} has {listed(table.columns)}"
        )
    return table, options.target


def _shares(options: Any) -> tuple[float, int]:
    """The share of the test part, and the seed of the split."""
    share, seed = (DIGITS_TEST_SIZE, DIGITS_SPLIT) if options.data is None else (TEST_SIZE, int(options.seed))
    return share if options.test_size is None else options.test_size, seed


def _parts(table: Table, y: Array, task: str, share: float, seed: int) -> tuple[Array, Array]:
    """The rows to train with, and those for the test."""
    if not share:
        return np.arange(len(table)), np.arange(0)
    return split(table, y if task == "classification" else None, share, seed)


def _read(options: Any, model: TableModel, target: str = "") -> Table:
    """The data for a model, with a word on what is not used as it stands."""
    known = {*model.columns, *model.about.get("columns", ()), target}
    table = read_table(options.data, options.header, known)
    aligned = model.align(table, target)
    if not table.named and list(aligned.columns) != list(table.columns):
        _note(f"{table.source} has no header; its columns are taken in the order of the training")
    extra = [name for name in aligned.columns if name not in known]
    if extra and model.columns:
        _note(f"ignored columns that the model does not know: {listed(extra)}")
    return aligned


def _check_output(output: str, *inputs: str) -> None:
    """Better now than after the training."""
    path = Path(output)
    if path.is_dir() or not path.parent.is_dir():
        problem = "is a folder" if path.is_dir() else "is in a folder that does not exist"
        raise ArgumentError(f"--output {output} {problem}")
    if path.exists() and any(path.samefile(name) for name in inputs):
        raise ArgumentError(f"--output {output} would overwrite what is read from there")


def _note(text: str) -> None:
    print(f"mlp: note: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
