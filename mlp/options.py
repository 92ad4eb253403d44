"""The options of the command `mlp`: their names, their help, and what each of them may be."""

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

from mlp.errors import ArgumentError
from mlp.version import __version__

Command = Callable[[Any], None]

EXAMPLES = """\
examples:
  mlp train                                 handwritten digits, in a few seconds
  mlp train flowers.csv --target species    a table of your own
  mlp train sales.parquet --target price --time-limit 30
  mlp predict model.mlp new.csv --proba     probabilities for new rows, as CSV
  mlp evaluate model.mlp more.csv           how good the model is on other rows
"""


class Parser(argparse.ArgumentParser):
    """argparse's parser, with its errors going the way of all others."""

    def error(self, message: str) -> NoReturn:
        raise ArgumentError(f"{message} (see {self.prog} --help)")


def parser(train: Command, predict: Command, evaluate: Command, summary: Command) -> argparse.ArgumentParser:
    """The parser of the commands, which sets `run` to the one that is asked for.

    Parameters
    ----------
    train, predict, evaluate, summary : callable
        From the options to what is printed.
    """
    top = Parser(
        prog="mlp",
        description="Multilayer perceptrons for tables.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"mlp {__version__}")
    top.set_defaults(run=lambda options: top.print_help())
    commands = top.add_subparsers(title="commands", metavar="COMMAND")

    def command(run: Command, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(run.__name__, help=text, description=run.__doc__)
        made.set_defaults(run=run)
        if run is not train:
            made.add_argument("model", metavar="MODEL", help="file that `mlp train` wrote")
        if run is not summary:
            optional = None if run is predict else "?"
            made.add_argument("data", metavar="DATA", nargs=optional, help="table: a CSV or a Parquet file")
            made.add_argument(
                "--header",
                action=argparse.BooleanOptionalAction,
                help="whether the first line has the names of the columns; recognised by default",
            )
        return made

    _add_training_options(command(train, "train on a table, or on handwritten digits"))
    made = command(predict, "predict for the rows of a table")
    made.add_argument("--output", metavar="FILE", help="write there instead of to the terminal")
    made.add_argument("--proba", action="store_true", help="the probability of each class instead")
    made.add_argument(
        "--interval", type=_coverage, metavar="SHARE", help="also an interval that has so many of the truths"
    )
    command(evaluate, "compare predictions with a known target").add_argument(
        "--target", metavar="COLUMN", help="the true values; by default the column that was learned"
    )
    command(summary, "show what is in a model file")
    return top


def _add_training_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--target", metavar="COLUMN", help="the column to predict")
    add("--task", choices=("classification", "regression"), help="recognised by default")
    add("--test-size", type=_share, metavar="SHARE", help="of the rows, kept for the score (0.2)")
    add("--preset", choices=("auto", "td", "td-s"), help="the recipe that decides what is not given (auto)")
    add("--time-limit", type=_seconds, metavar="SECONDS", help="for the training")
    add("--categorical", type=_names, metavar="COLUMN,COLUMN", help="numbers that are categories")
    add("--hidden", type=_hidden, metavar="N,N", help="units of the hidden layers, or none")
    add("--activation", metavar="NAME", help="of the hidden layers")
    add("--dropout", type=float, metavar="RATE", help="after each hidden layer")
    add("--learning-rate", type=float, metavar="X", help="step size at its highest")
    add("--batch-size", type=_whole, metavar="N", help="rows before an update")
    add("--epochs", type=_whole, metavar="N", help="passes over the rows; the best one is kept")
    add("--folds", type=_whole, metavar="N", help="parts, of which each network leaves out one")
    add(
        "--threads", type=_whole, metavar="N", help="networks that are trained at a time (as there are cores)"
    )
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


def _seconds(text: str) -> float:
    return _between(text, 0, float("inf"), "a number of seconds above 0")


def _coverage(text: str) -> float:
    return _between(text, 0, 1, "a number between 0 and 1")


def _between(text: str, low: float, high: float, expected: str) -> float:
    try:
        if low < float(text) < high:
            return float(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"expected {expected}; got {text!r}")


def _hidden(text: str) -> tuple[int, ...]:
    return () if text == "none" else tuple(_whole(units.strip()) for units in text.split(","))


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]
