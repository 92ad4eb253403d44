"""The command line as a user meets it: what is printed, what is written, and how one is told off."""

import pytest
from csv_files import HEADER, ROWS, told, write

from mlp import cli


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


@pytest.fixture
def iris(run):
    """iris.csv and a model of it."""
    data = write("iris.csv", [HEADER, *ROWS])
    options = ("--epochs", 20, "--folds", 2, "--hidden", 32)
    run("train", data, "--target", "species", *options, "--quiet", "--output", "iris.mlp")
    return "iris.mlp", data
