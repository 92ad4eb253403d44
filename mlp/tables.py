"""A table before and after a network: its target column, its parts, and rows that come twice."""

import re
from collections.abc import Sequence

import numpy as np

from mlp.arrays import Array
from mlp.datasets import Table, is_number
from mlp.errors import ArgumentError

LEAST_ROWS = 10  # with a target, for a split into training and test part
FEW_CLASSES = 20  # up to so many different integers in the target are classes
LARGEST_CODE = 2**53  # whole numbers up to here are exact as floats
CODE = re.compile(r"[+-]?0\d")


def with_target(table: Table, name: str) -> Table:
    """The rows whose target is known.

    Examples
    --------
    >>> len(with_target(Table({"x": ["1", "2"], "y": ["a", ""]}), "y"))
    1
    """
    return table.take(row for row, cell in enumerate(table[name]) if cell)


def without(table: Table, name: str) -> Table:
    """The other columns: what may be learned from.

    Raises
    ------
    ArgumentError
        If there is none.

    Examples
    --------
    >>> list(without(Table({"x": ["1"], "y": ["a"]}), "y").columns)
    ['x']
    """
    columns = {column: cells for column, cells in table.columns.items() if column != name}
    if not columns:
        raise ArgumentError(f"{table.source} has no column to learn from: only the target {name!r}")
    return Table(columns, table.named, table.source)


def target_of(table: Table, name: str, task: str | None = None) -> tuple[str, Array]:
    """The task that a column asks for, and the column as an estimator takes it.

    Without `task`, texts and few different integers are classes; other numbers are a quantity. Few is
    up to 20, of which each has five rows on average; two are always few. Classes that are all whole
    numbers stay numbers; codes such as 007 are texts.

    Parameters
    ----------
    table : Table
        Without missing cells in that column.
    name : str
    task : {"classification", "regression"}, optional

    Returns
    -------
    tuple of str and Array of shape (n,)

    Raises
    ------
    ArgumentError
        If the column is not there, has fewer than two different values, texts in a regression, or
        numbers that are too large.

    Examples
    --------
    >>> target_of(Table({"play": ["yes", "no", "yes"]}), "play")
    ('classification', array(['yes', 'no', 'yes'], dtype='<U3'))
    >>> target_of(Table({"size": ["1.5", "2.5"]}), "size")
    ('regression', array([1.5, 2.5]))
    """
    cells = table[name]
    if len(set(map(class_name, cells))) < 2:
        has = f"only the value {cells[0]!r}" if cells else "no values"
        raise ArgumentError(
            f"the target {name!r} has {has}; to learn something it must have at least two different ones"
        )
    task = task or guess_task(cells)
    if task == "classification":
        return task, _classes(cells)
    values = table.numbers(name)
    with np.errstate(over="ignore", invalid="ignore"):
        scale = values.std()
    if not 0 < scale < np.inf:
        raise ArgumentError(f"the target {name!r} has a standard deviation of {scale}; rescale it")
    return task, values


def guess_task(cells: Sequence[str]) -> str:
    """What a target of these cells, none of them missing, asks for.

    Examples
    --------
    >>> guess_task(["yes", "no"]), guess_task(["0", "1"]), guess_task(["1.5", "2.5"])
    ('classification', 'classification', 'regression')
    """
    if not all(map(is_number, cells)):
        return "classification"
    values = np.unique(np.array(cells, dtype=np.float64))
    few = len(values) <= max(2, min(FEW_CLASSES, len(cells) / 5))
    return "classification" if few and (values == np.round(values)).all() else "regression"


def class_name(cell: str) -> str:
    """The same name for 1 and 1.0, which are one class; codes such as 007 keep their zeros.

    Examples
    --------
    >>> class_name("1.0"), class_name("1.50"), class_name("007"), class_name("red")
    ('1', '1.5', '007', 'red')
    """
    if not is_number(cell) or CODE.match(cell):
        return cell
    value = float(cell)
    return str(int(value)) if value.is_integer() else str(value)


def _classes(cells: Sequence[str]) -> Array:
    names = [class_name(cell) for cell in cells]
    if all(is_number(name) and not CODE.match(name) for name in set(names)):
        values = np.array(names, dtype=np.float64)
        if (values == np.round(values)).all() and np.abs(values).max() < LARGEST_CODE:
            return values.astype(np.int64)  # so that they are in the order of numbers
    return np.array(names)


def split(table: Table, labels: Array | None, share: float, seed: int) -> tuple[Array, Array]:
    """Part the rows at random; `share` of them go to the second part.

    Parameters
    ----------
    table : Table
    labels : Array of shape (n,), optional
        Classes, which both parts have in the same proportions, unless one is too rare for that.
    share : float in (0, 1)
    seed : int

    Returns
    -------
    tuple of two Arrays of int
        The rows of each part.

    Raises
    ------
    ArgumentError
        If there are too few rows.

    Examples
    --------
    >>> table = Table({"x": list("abcdefghij")})
    >>> [len(part) for part in split(table, None, 0.2, seed=0)]
    [8, 2]
    """
    from sklearn.model_selection import train_test_split

    rows, held = len(table), int(np.ceil(len(table) * share))
    if rows < LEAST_ROWS or not 2 <= held <= rows - 2:
        raise ArgumentError(
            f"{table.source} has {rows} rows with a target, of which {held} would be for the test; "
            f"it takes {LEAST_ROWS} rows, and 2 in each part. With --test-size 0 all rows are trained on"
        )
    if labels is not None:
        counts = np.unique(labels, return_counts=True)[1]
        if counts.min() < 2 or min(held, rows - held) < len(counts):
            labels = None
    kept, taken = train_test_split(np.arange(rows), test_size=held, random_state=seed, stratify=labels)
    return kept, taken


def repeated(trained: Table, tested: Table) -> int:
    """How many rows of the second table are also in the first, cell by cell.

    Examples
    --------
    >>> repeated(Table({"x": ["1", "2"]}), Table({"x": ["2", "3", "2"]}))
    2
    """
    known = set(zip(*trained.columns.values(), strict=True))
    return sum(row in known for row in zip(*tested.columns.values(), strict=True))
