"""A fitted estimator together with the table of the command `mlp`: names, alignment, one file.

scikit-learn, and with it `mlp.tabular`, is imported when it is first needed.
"""

import os
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp import storage
from mlp.arrays import Array
from mlp.datasets import Table, listed
from mlp.errors import ArgumentError, ModelFileError
from mlp.tables import class_name

ABOUT = "command"  # what stands beside the estimator in the file
IMPORTANCE_ROWS, LEAST_IMPORTANCE_ROWS, IMPORTANCE_REPEATS = 1000, 10, 5
IMPORTANCE_SECONDS = 3.0


@dataclass(frozen=True)
class Outcome:
    """What was true of some rows, and what was predicted.

    Parameters
    ----------
    truth, predicted : list
        Names of classes, or numbers.
    classes : list of str
        That the model knows; empty for numbers.
    probabilities : Array of shape (n, k), optional
        Of the classes.
    """

    truth: list[Any]
    predicted: list[Any]
    classes: list[str]
    probabilities: Array | None = None


@dataclass(frozen=True)
class Importance:
    """How much of the score is lost when a column is shuffled: mean and standard deviation."""

    column: str
    mean: float
    deviation: float


class TableModel:
    """An estimator and what the command knows of it.

    Parameters
    ----------
    estimator : TabularClassifier or TabularRegressor
        Fitted.
    about : dict, optional
        Plain data: the name of the "target", all "columns" of the training table, and what else is
        worth keeping. An estimator that was saved in Python has none.

    Examples
    --------
    >>> from mlp import TabularClassifier
    >>> table = Table({"a": list("0011") * 9, "b": list("0101") * 9})
    >>> estimator = TabularClassifier(epochs=9, random_state=0).fit(table, ["no", "yes", "yes", "yes"] * 9)
    >>> TableModel(estimator, {"target": "or"}).predict(table)[:4]
    ['no', 'yes', 'yes', 'yes']
    """

    def __init__(self, estimator: Any, about: dict[str, Any] | None = None) -> None:
        self.estimator, self.about = estimator, about or {}

    @property
    def fitted(self) -> Any:
        """The estimator whose columns and networks are told of; of a search the best one."""
        return getattr(self.estimator, "best_estimator_", self.estimator)

    @property
    def target(self) -> str:
        """The name of the column that it predicts."""
        return str(self.about.get("target", "prediction"))

    @property
    def task(self) -> str:
        """Either "classification" or "regression"."""
        return "classification" if hasattr(self.estimator, "classes_") else "regression"

    @property
    def classes(self) -> list[str]:
        """The names of the classes; none for a regression."""
        return [class_name(str(name)) for name in getattr(self.estimator, "classes_", ())]

    @property
    def columns(self) -> list[str]:
        """The names of all columns, also of those that are not used; none if it was given an array."""
        return list(getattr(self.estimator, "feature_names_in_", ()))

    # predictions

    def align(self, table: Table, target: str = "") -> Table:
        """The table, with the model's names if it has no header and as many columns.

        Parameters
        ----------
        table : Table
        target : str, optional
            A column of it that is no input.

        Raises
        ------
        ArgumentError
            If columns are missing.
        """
        if not self.columns:
            return self._by_place(table, target)
        if not table.named:
            for order in (self.about.get("columns", ()), self.columns):
                if len(order) == len(table.columns):
                    return table.renamed(order)
        ignored = self.estimator.ignored_columns_
        absent = [name for name in self.columns if name not in table.columns and name not in ignored]
        if absent:
            raise ArgumentError(
                f"{table.source} lacks the column{'s' * (len(absent) > 1)} {listed(absent)}; "
                f"it has {listed(table.columns)}"
            )
        return table

    def _by_place(self, table: Table, target: str) -> Table:
        expected, got = self.estimator.n_features_in_, len(table.columns) - (target in table.columns)
        if got != expected:
            raise ArgumentError(
                f"{table.source} has {got} columns, and the model, which knows no names, was trained on "
                f"{expected}"
            )
        return table

    def inputs(self, table: Table) -> Table:
        """Of an aligned table the columns that the model knows."""
        if not self.columns:
            places = list(table.columns)[: self.estimator.n_features_in_]
            return Table({name: table.columns[name] for name in places}, table.named, table.source)
        known = {name: table.columns[name] for name in self.columns if name in table.columns}
        return Table(known, table.named, table.source)

    def truth(self, table: Table, target: str = "") -> list[Any]:
        """A column as what predictions are compared with: names of classes, or numbers."""
        name = target or self.target
        return [class_name(cell) for cell in table[name]] if self.classes else table.numbers(name).tolist()

    def probabilities(self, table: Table) -> Array:
        """The probability of each class, shape (n, k), for an aligned table."""
        return np.asarray(self.estimator.predict_proba(self.inputs(table)))

    def predict(self, table: Table) -> list[Any]:
        """The name of the class, or the number, of each row of an aligned table."""
        return self.outcome(table, []).predicted

    def intervals(self, table: Table, coverage: float) -> Array:
        """Lower and upper bounds, shape (n, 2), that have so many of the truths between them."""
        return np.asarray(self.estimator.predict_interval(self.inputs(table), coverage))

    def outcome(self, table: Table, truth: list[Any]) -> Outcome:
        """Predictions for an aligned table beside the truth."""
        if not self.classes:
            return Outcome(truth, self.estimator.predict(self.inputs(table)).tolist(), [])
        return self._of_probabilities(truth, self.probabilities(table))

    def held_out(self, truth: Array) -> Outcome:
        """The training rows, predicted by the networks that have not learned from them.

        Parameters
        ----------
        truth : Array of shape (n,)
            The target that the estimator was given.
        """
        predictions = self.estimator.oof_predictions_
        rows = np.flatnonzero(~np.isnan(predictions[:, 0]))
        if not self.classes:
            return Outcome(truth[rows].tolist(), predictions[rows, 0].tolist(), [])
        return self._of_probabilities([class_name(str(name)) for name in truth[rows]], predictions[rows])

    def _of_probabilities(self, truth: list[Any], probabilities: Array) -> Outcome:
        names = self.classes
        predicted = [names[k] for k in probabilities.argmax(axis=1)]
        return Outcome(truth, predicted, names, probabilities)

    # the columns

    def importances(self, table: Table, truth: Array, seed: int = 0) -> tuple[list[Importance], int, int]:
        """How much accuracy or R² is lost when a column is shuffled, the most important ones first.

        Of many rows a sample is taken, and fewer repeats where they would take long.

        Parameters
        ----------
        table : Table
            Aligned; best of rows that were not trained on.
        truth : Array of shape (n,)
        seed : int

        Returns
        -------
        tuple
            An `Importance` for each column that is used; the rows and the repeats. No rows: it would
            have taken too long.

        References
        ----------
        L. Breiman, "Random forests", Machine Learning 45 (2001).
        """
        from sklearn.inspection import permutation_importance
        from sklearn.metrics import accuracy_score, r2_score

        ignored, names = self.estimator.ignored_columns_, self.columns or list(table.columns)
        cells = {name: table.columns[name] for name in names if name not in ignored}
        score = accuracy_score if self.classes else r2_score

        def scored(_: Any, taken: Array, y: Array) -> float:
            """`taken` has the number of the row from which the value of each column is taken."""
            columns = dict.fromkeys(names, [""] * len(y)) | {
                name: [cells[name][k] for k in rows]
                for name, rows in zip(cells, taken.T.tolist(), strict=True)
            }
            return float(score(y, self.estimator.predict(Table(columns, table.named, table.source))))

        rows = np.random.default_rng(seed).permutation(len(table))[:IMPORTANCE_ROWS]
        own = np.repeat(rows[:, None], len(cells), axis=1)
        begun = time.perf_counter()
        scored(None, own, truth[rows])
        seconds = (time.perf_counter() - begun) * len(cells)
        repeats = min(int(IMPORTANCE_SECONDS / max(seconds, 1e-9)), IMPORTANCE_REPEATS)
        if not repeats:  # with fewer rows one at least
            repeats, rows = 1, rows[: int(len(rows) * IMPORTANCE_SECONDS / seconds)]
        if len(rows) < LEAST_IMPORTANCE_ROWS:
            return [], 0, 0
        found = permutation_importance(
            self.estimator,
            own[: len(rows)],
            truth[rows],
            scoring=scored,
            n_repeats=repeats,
            random_state=seed,
        )
        measured = zip(cells, found.importances_mean.tolist(), found.importances_std.tolist(), strict=True)
        made = [Importance(name, mean, deviation) for name, mean, deviation in measured]
        return sorted(made, key=lambda item: -item.mean), len(rows), repeats

    # files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all to one file, which `mlp.tabular.load` reads as an estimator."""
        from mlp.tabular import storing

        storing.save(self.estimator, path, {ABOUT: self.about})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "TableModel":
        """Read what `save`, or the `save` of an estimator, wrote.

        Raises
        ------
        FileNotFoundError, ModelFileError
            If there is no such file, or it is another one.
        ArgumentError
            If it predicts more than one value for a row.
        """
        extra = storage.extra_of(*storage.read(path))
        if "tabular" in extra:
            raise ModelFileError(
                f"{path} was written by an older `mlp train`; train it anew, since what it holds of the "
                "columns has another form now"
            )
        from mlp import tabular

        about = extra.get(ABOUT, {})
        right = isinstance(about, dict) and isinstance(about.get("target", ""), str)
        columns = about.get("columns", []) if right else None
        if not (isinstance(columns, list) and all(isinstance(name, str) for name in columns)):
            raise ModelFileError(f"{path} is not a model that can be rebuilt: its names are no texts")
        made = cls(tabular.load(path), about)
        target = made.fitted.target_
        if target.kind == "labels" or not getattr(target, "flat", True):
            raise ArgumentError(
                f"{path} predicts several values for each row; use it in Python by mlp.tabular.load"
            )
        return made
