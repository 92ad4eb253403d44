"""The command `mlp`: train on a CSV file, predict, evaluate and look at a model, without Python.

Each command is one function, from options to printed text; the work is done in `mlp.tabular`.
Whatever a user can do wrong ends in `main` as one line on stderr and the exit code 2.
"""

import argparse
import csv
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from mlp import models, storage
from mlp.callbacks import Callback
from mlp.callbacks.base import Logs
from mlp.datasets import Table, digits, listed, read_table
from mlp.errors import ArgumentError, MLPError
from mlp.reports import report, score_line
from mlp.tables import Target
from mlp.tabular import Settings, TabularModel, score, split, with_target
from mlp.version import __version__

# One wide hidden layer with much dropout: with each of the seeds 0 to 99, 97.5 % of the test
# part or more is right, after about a second.
DIGITS = Settings(hidden=(256,), dropout=0.5, epochs=40, patience=None, common_scale=True)
DIGITS_TEST_SIZE, DIGITS_SPLIT = 0.25, 0  # one split for every --seed, so that results compare
TEST_SIZE = 0.2

EXAMPLES = """\
examples:
  mlp train                                 handwritten digits, in a few seconds
  mlp train flowers.csv --target species    a table of your own
  mlp predict model.mlp new.csv --proba     probabilities for new rows, as CSV
  mlp evaluate model.mlp more.csv           how good the model is on other rows
"""


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
        options = parser().parse_args(arguments)
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


class Parser(argparse.ArgumentParser):
    """argparse's parser, with its errors going the way of all others."""

    def error(self, message: str) -> NoReturn:
        raise ArgumentError(f"{message} (see {self.prog} --help)")


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = Parser(
        prog="mlp",
        description="Multilayer perceptrons for tables.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"mlp {__version__}")
    top.set_defaults(run=lambda options: top.print_help())
    commands = top.add_subparsers(title="commands", metavar="COMMAND")

    def command(run: Callable[[Any], None], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(run.__name__, help=text, description=run.__doc__)
        made.set_defaults(run=run)
        if run is not train:
            made.add_argument("model", metavar="MODEL", help="file that `mlp train` wrote")
        if run is not summary:
            optional = None if run is predict else "?"
            made.add_argument("data", metavar="DATA.csv", nargs=optional, help="table in CSV format")
            made.add_argument(
                "--header",
                action=argparse.BooleanOptionalAction,
                help="whether the first line has the names of the columns; recognised by default",
            )
        return made

    _add_training_options(command(train, "train on a CSV file, or on handwritten digits"))
    made = command(predict, "predict for the rows of a CSV file")
    made.add_argument("--output", metavar="FILE", help="write there instead of to the terminal")
    made.add_argument("--proba", action="store_true", help="the probability of each class instead")
    command(evaluate, "compare predictions with a known target")
    command(summary, "show what is in a model file")
    return top


def _add_training_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--target", metavar="COLUMN", help="the column to predict")
    add("--task", choices=("classification", "regression"), help="recognised by default")
    add("--test-size", type=_share, metavar="SHARE", help="of the rows, kept for the score (0.2)")
    add("--hidden", type=_hidden, metavar="N,N", help="units of the hidden layers (64,32), or none")
    add("--activation", metavar="NAME", help="of the hidden layers (relu)")
    add("--dropout", type=float, metavar="RATE", help="after each hidden layer (0.1)")
    add("--epochs", type=_whole, metavar="N", help="at most (200), fewer if it no longer improves")
    add("--batch-size", type=_whole, metavar="N", help="rows before an update (32, or 256 for many rows)")
    add("--learning-rate", type=float, metavar="X", help="step size (the optimizer's)")
    add("--optimizer", metavar="NAME", help="adam, sgd, rmsprop … (adam)")
    add("--seed", type=_seed, default=0, metavar="N", help="the same seed gives the same model (0)")
    add("--output", metavar="FILE", help="where to save (model.mlp, or digits.mlp)")
    add("--quiet", action="store_true", help="print only the score and where the model is")


def _whole(text: str) -> int:
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1; got {text!r}")
    return int(text)


def _seed(text: str) -> int:
    if not (text.isdecimal() and int(text) < 2**32):
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to {2**32 - 1}; got {text!r}")
    return int(text)


def _share(text: str) -> float:
    try:
        if 0 <= float(text) < 1:
            return float(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"expected a number from 0 to less than 1; got {text!r}")


def _hidden(text: str) -> tuple[int, ...]:
    return () if text == "none" else tuple(_whole(units.strip()) for units in text.split(","))


# the commands


def train(options: Any) -> None:
    """Train on a CSV file, or on the handwritten digits if none is named, and save the model.

    Numbers are standardised and texts one-hot; the preprocessing is kept in the model. The
    defaults named below are those for a file. For the digits they are: hidden 256, dropout 0.5,
    40 epochs and no fewer, a quarter of the rows kept for the score.
    """
    output = options.output or ("digits.mlp" if options.data is None else "model.mlp")
    _check_output(output, *([] if options.data is None else [options.data]))
    table, name = _training_table(options)
    settings, test_size, split_seed = _training_settings(options)
    known = with_target(table, name)
    target = Target.fit(known, name, options.task)
    trained, tested = split(known, target, test_size, split_seed) if test_size else (known, known)
    model = TabularModel.prepare(trained, target, settings)
    if not options.quiet:
        parts = f"{len(trained):,} to train and {len(tested):,} to test" if test_size else "all to train"
        dropped = f" ({len(table) - len(known):,} more without a target are left out)"
        print(f"{table.source}: {len(known):,} rows, {parts}{dropped * (len(known) < len(table))}")
        print("\n".join(facts(model)), end="\n\n")
        model.network.summary()
        print()
    begun = time.perf_counter()
    history = model.fit(trained, settings, [] if options.quiet else [Progress()])
    if not options.quiet:
        print(_ending(history.history, time.perf_counter() - begun))
    truth, predicted = model.target.truth(tested), model.predict(tested)
    scores = score(target, truth, predicted)
    which = "Test" if test_size else "Training rows"
    text = score_line(target, scores) if options.quiet else report(target, scores, truth, predicted)
    print(f"{which}: {text}")
    model.about |= {
        "source": Path(table.source).name,
        "digits": options.data is None,
        "rows": len(trained),
        "split": {"share": test_size, "seed": split_seed},
        "score": f"{which.lower()}: {score_line(target, scores)}, {len(tested):,} rows",
    }
    model.save(output)
    print(f"Saved as {output}" if options.quiet else f"\nSaved as {output}; see: mlp summary {output}")


def predict(options: Any) -> None:
    """Write a prediction for each row, as CSV with one column, which is named after the target."""
    model = TabularModel.load(options.model)
    target = model.target
    if options.proba and not target.classes:
        raise ArgumentError(f"--proba needs a classification; {options.model} is a {target.task}")
    if options.output:
        _check_output(options.output, options.data, options.model)
    out = model.outputs(_read(options, model))
    names = target.classes if options.proba else [target.name]
    if options.proba:
        rows = [[f"{p:.6f}" for p in row] for row in target.probabilities(out)]
    else:
        rows = [[label if target.classes else f"{label:.8g}"] for label in target.decode(out)]
    if options.output:
        file: Any = open(options.output, "w", newline="", encoding="utf-8")  # noqa: SIM115
    else:
        if hasattr(sys.stdout, "reconfigure"):  # a CSV file is UTF-8 here, wherever it is redirected
            sys.stdout.reconfigure(encoding="utf-8")
        file = nullcontext(sys.stdout)
    with file as stream:
        csv.writer(stream, lineterminator="\n").writerows([names, *rows])


def evaluate(options: Any) -> None:
    """Compare the predictions for a CSV file with its target column.

    For the handwritten digits no file is needed: their test part is used.
    """
    model = TabularModel.load(options.model)
    target = model.target
    if options.data is not None:
        table = _read(options, model)
    elif model.about.get("digits") and model.about["split"]["share"]:
        table = split(digits(), target, **model.about["split"])[1]
    else:
        raise ArgumentError(
            f"name the data: mlp evaluate {options.model} DATA.csv, with the column {target.name!r}"
        )
    known = with_target(model.align(table), target.name)
    if not len(known):
        raise ArgumentError(f"{table.source} has no row with a value in {target.name!r}")
    if len(known) < len(table):
        missing = len(table) - len(known)
        _note(f"left out {missing:,} of {len(table):,} rows, without a value in {target.name!r}")
    truth, predicted = target.truth(known), model.predict(known)
    print(f"{table.source}: {report(target, score(target, truth, predicted), truth, predicted)}")


def summary(options: Any) -> None:
    """Show the layers of a model, what it predicts from which columns, and the versions."""
    models.load_model(options.model).summary()
    arrays, description = storage.read(options.model)
    if "tabular" in storage.extra_of(arrays, description):
        model = TabularModel.load(options.model)
        print("\n" + "\n".join(facts(model)))
        if "score" in model.about:
            print(f"trained on  {model.about['rows']:,} rows of {model.about['source']}")
            print(f"score       {model.about['score']}")
    versions = description["versions"]
    print("written by  " + ", ".join(f"{name} {versions[name]}" for name in ("mlp", "numpy", "python")))


def facts(model: TabularModel) -> list[str]:
    """What a model predicts, and from what, line by line."""
    target, inputs = model.target, model.preprocessor
    classes = f", one of {len(target.classes)}: {listed(target.classes, 20)}" if target.classes else ""
    lines = [f"target      {target.name} ({target.task}{classes})"]
    if inputs.numeric:
        lines.append(f"numbers     {len(inputs.numeric)}: {listed(inputs.numeric, 5)}")
    if inputs.categorical:
        pairs = zip(inputs.categorical, inputs.categories, strict=True)
        texts = [f"{name} ({len(names)} different)" for name, names in pairs]
        lines.append(f"categories  {len(texts)}: {listed(texts, 5)}")
    return lines + [f"left out    {name}: {why}" for name, why in inputs.left_out.items()]


class Progress(Callback):
    """A line for about every tenth part of the epochs, as a table."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.every = max(self.params["epochs"] // 10, 1)
        self.headed = False

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        if not self.headed:
            print("epoch" + "".join(f"{name:>14}" for name in logs))
            self.headed = True
        if (epoch + 1) % self.every == 0:
            print(f"{epoch + 1:>5}" + "".join(f"{value:>14.4f}" for value in logs.values()), flush=True)


def _ending(history: dict[str, list[float]], seconds: float) -> str:
    epochs = len(history["loss"])
    text = f"{epochs} epochs in {seconds:.1f} s"
    if "val_loss" in history:
        best = history["val_loss"].index(min(history["val_loss"])) + 1
        text += f"; kept the weights of epoch {best}, where the loss on the validation part was lowest"
    return text + "\n"


def _training_table(options: Any) -> tuple[Table, str]:
    if options.data is None:
        for name in ("target", "task", "header"):
            if getattr(options, name) is not None:
                raise ArgumentError(f"--{name} is for a CSV file: mlp train DATA.csv --target COLUMN")
        return digits(), "digit"
    expected = [] if options.target is None else [options.target]
    table = read_table(options.data, options.header, expected)
    if options.target is None:
        raise ArgumentError(
            f"name the column to predict: --target COLUMN; {table.source} has {listed(table.columns)}"
        )
    return table, options.target


def _training_settings(options: Any) -> tuple[Settings, float, int]:
    """Settings, the share of the test part and the seed of the split."""
    names = ("hidden", "activation", "dropout", "epochs", "batch_size", "learning_rate", "optimizer", "seed")
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    usual, share, split_seed = DIGITS, DIGITS_TEST_SIZE, DIGITS_SPLIT
    if options.data is not None:
        usual, share, split_seed = Settings(), TEST_SIZE, options.seed
    return replace(usual, **given), share if options.test_size is None else options.test_size, split_seed


def _read(options: Any, model: TabularModel) -> Table:
    """The data for a model, with a word on what is not used as it stands."""
    known = model.about["columns"]
    table = read_table(options.data, options.header, known)
    aligned = model.align(table)
    if not table.named and list(aligned.columns) != list(table.columns):
        _note(f"{table.source} has no header; its columns are taken in the order of the training")
    extra = [name for name in aligned.columns if name not in known]
    if extra:
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
