"""What the tests of the command write and read."""

import csv
import io

from sklearn.datasets import load_iris

QUICK = ("--epochs", 4, "--folds", 2, "--hidden", 16)
IRIS = load_iris()
HEADER = ["sepal length", "sepal width", "petal length", "petal width", "species"]
ROWS = [[*row, str(IRIS.target_names[k])] for row, k in zip(IRIS.data.tolist(), IRIS.target, strict=True)]


def write(path, rows, **dialect):
    with open(path, "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, **dialect).writerows(rows)
    return str(path)


def told(error):
    """What the command itself says; the first on a machine also says that it compiles."""
    return "".join(line for line in error.splitlines(True) if not line.startswith("mlp: compil"))


def parsed(text):
    return list(csv.reader(io.StringIO(text)))
