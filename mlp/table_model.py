"""A network together with its table: trained on columns, used on columns, kept in one file.

The steps are those that one would write in a script: split, preprocess, build, fit with a
watch on the validation loss, score on rows that the training never saw.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp import models, optimizers, storage
from mlp.arrays import Array
from mlp.callbacks import Callback, EarlyStopping, History
from mlp.datasets import Table, listed
from mlp.errors import ArgumentError, ModelFileError
from mlp.layers import Dense, Dropout, Input, Layer
from mlp.optimizers import Optimizer
from mlp.sequential import Sequential
from mlp.tables import Preprocessor, Target

LEAST_ROWS = 10  # with a target, for a split into training and test part
VALIDATION_ROWS = 100  # from so many training rows on, some are kept to find the best epoch
VALIDATION_SHARE = 0.15
MANY_ROWS = 20_000  # from here on larger batches are faster and come as far


@dataclass
class Settings:
    """How to train.

    Parameters
    ----------
    hidden : sequence of int
        Units of the hidden layers.
    activation : str
        Of the hidden layers.
    dropout : float in [0, 1)
        After each hidden layer.
    optimizer : str
    learning_rate : float, optional
        By default the optimizer's.
    epochs : int
        At most; fewer if the validation loss has not fallen for `patience` epochs.
    batch_size : int, optional
        By default 32, or 256 from 20,000 rows on.
    seed : int
        Determines the weights, the shuffles, the dropout and the validation part.
    patience : int, optional
        None trains for all epochs on all rows, without a validation part.
    common_scale : bool
        As in `Preprocessor`.
    """

    hidden: Sequence[int] = (64, 32)
    activation: str = "relu"
    dropout: float = 0.1
    optimizer: str = "adam"
    learning_rate: float | None = None
    epochs: int = 200
    batch_size: int | None = None
    seed: int = 0
    patience: int | None = 20
    common_scale: bool = False


class TabularModel:
    """A network, the preprocessing of its inputs and the meaning of its outputs.

    Parameters
    ----------
    network : Sequential
    preprocessor : Preprocessor
    target : Target
    about : dict
        Plain data: the names of the "columns" in training, and what else is worth keeping.

    Examples
    --------
    >>> table = Table({"a": list("0011"), "b": list("0101"), "or": ["no", "yes", "yes", "yes"]})
    >>> settings = Settings(hidden=[8], dropout=0, epochs=300)
    >>> model = TabularModel.prepare(table, Target.fit(table, "or"), settings)
    >>> history = model.fit(table, settings)
    >>> model.predict(table)
    ['no', 'yes', 'yes', 'yes']
    """

    def __init__(
        self, network: Sequential, preprocessor: Preprocessor, target: Target, about: dict[str, Any]
    ) -> None:
        self.network, self.preprocessor, self.target, self.about = network, preprocessor, target, about

    @classmethod
    def prepare(cls, table: Table, target: Target, settings: Settings) -> "TabularModel":
        """Learn the preprocessing from the training rows and build an untrained network for it."""
        if not target.classes:  # its mean and scale are of the training rows, as those of the inputs
            target = Target.fit(table, target.name, target.task)
        columns = [name for name in table.columns if name != target.name]
        preprocessor = Preprocessor(settings.common_scale).fit(table, columns)
        network = build(preprocessor.width, target, settings)
        return cls(network, preprocessor, target, {"columns": list(table.columns)})

    def fit(self, table: Table, settings: Settings, callbacks: Sequence[Callback] = ()) -> History:
        """Train on these rows; a part of them is for validation, if there are enough."""
        options: dict[str, Any] = {"callbacks": list(callbacks)}
        if settings.patience is not None and len(table) >= VALIDATION_ROWS:
            table, watched = split(table, self.target, VALIDATION_SHARE, settings.seed)
            options["validation_data"] = self._inputs_and_targets(watched)
            options["callbacks"].insert(
                0, EarlyStopping(patience=settings.patience, restore_best_weights=True)
            )
        size = settings.batch_size or (256 if len(table) >= MANY_ROWS else 32)
        X, y = self._inputs_and_targets(table)
        return self.network.fit(X, y, size, settings.epochs, verbose=0, **options)

    def outputs(self, table: Table) -> Array:
        """The network's outputs for each row, shape (n, units)."""
        return self.network.predict(self.preprocessor.transform(self.align(table)))

    def predict(self, table: Table) -> list[Any]:
        """The class, or the number in the target's unit, of each row."""
        return self.target.decode(self.outputs(table))

    def align(self, table: Table) -> Table:
        """The table, with the model's names if it has no header and as many columns.

        Raises
        ------
        ArgumentError
            If columns are missing.
        """
        names = self.about["columns"]
        if not table.named:
            without = [name for name in names if name != self.target.name]
            for order in (names, without):
                if len(order) == len(table.columns):
                    return table.renamed(order)
        absent = [name for name in self.preprocessor.columns if name not in table.columns]
        if absent:
            raise ArgumentError(
                f"{table.source} lacks the column{'s' * (len(absent) > 1)} {listed(absent)}; "
                f"it has {listed(table.columns)}"
            )
        return table

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all to one file, which `mlp.models.load_model` reads as a network alone."""
        extra = {
            "preprocessor": self.preprocessor.get_config(),
            "target": self.target.get_config(),
            "about": self.about,
        }
        storage.save(self.network, path, extra={"tabular": extra})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "TabularModel":
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError, ModelFileError
            If there is no such file, or it is another one.
        """
        arrays, description = storage.read(path)
        network = models.restore(arrays, description, source=str(path))
        extra = storage.extra_of(arrays, description)
        if "tabular" not in extra:
            raise ModelFileError(
                f"{path} is a network without a table's columns, not saved by `mlp train`; "
                "use it in Python by mlp.models.load_model"
            )
        try:
            parts = extra["tabular"]
            preprocessor = Preprocessor.from_config(parts["preprocessor"])
            made = cls(network, preprocessor, Target.from_config(parts["target"]), dict(parts["about"]))
            shapes = network.input_shape, network.layers[-1].output_shape
            if shapes != ((preprocessor.width,), (made.target.units,)) or not made.about["columns"]:
                raise ArgumentError("its columns do not fit its network")
        except Exception as error:  # a file can hold anything: whatever goes wrong is its fault
            reason = f"{error} is missing" if isinstance(error, KeyError) else error
            raise ModelFileError(f"{path} is not a model that can be rebuilt: {reason}") from error
        return made

    def _inputs_and_targets(self, table: Table) -> tuple[Array, Array]:
        return self.preprocessor.transform(table), self.target.encode(table)


def build(inputs: int, target: Target, settings: Settings) -> Sequential:
    """The compiled network: hidden layers, dropout after each, and the output that the target needs."""
    layers: list[Layer | Input] = [Input((inputs,))]
    for units in settings.hidden:
        layers.append(Dense(units, activation=settings.activation))
        if settings.dropout:
            layers.append(Dropout(settings.dropout))
    layers.append(Dense(target.units, activation=target.activation))
    network = Sequential(layers, seed=settings.seed)
    optimizer: Optimizer = optimizers.get(settings.optimizer)
    if settings.learning_rate is not None:
        optimizer = type(optimizer)(learning_rate=settings.learning_rate)
    network.compile(optimizer, target.loss, metrics=["accuracy" if target.classes else "mae"])
    return network


def with_target(table: Table, name: str) -> Table:
    """The rows whose target is known."""
    return table.take(row for row, cell in enumerate(table[name]) if cell)


def split(table: Table, target: Target, share: float, seed: int) -> tuple[Table, Table]:
    """Part the rows at random; `share` of them go to the second table.

    Both tables have the classes in the same proportions, unless one is too rare for that.

    Raises
    ------
    ArgumentError
        If there are too few rows.
    """
    from sklearn.model_selection import train_test_split

    rows, held = len(table), int(np.ceil(len(table) * share))
    if rows < LEAST_ROWS or not 2 <= held <= rows - 2:
        raise ArgumentError(
            f"{table.source} has {rows} rows with a target, of which {held} would be for the test; "
            f"it takes {LEAST_ROWS} rows, and 2 in each part. With --test-size 0 all rows are trained on"
        )
    labels = target.encode(table) if target.classes else None
    if labels is not None:
        counts = np.bincount(labels)
        if counts[counts > 0].min() < 2 or min(held, rows - held) < np.count_nonzero(counts):
            labels = None
    kept, taken = train_test_split(np.arange(rows), test_size=held, random_state=seed, stratify=labels)
    return table.take(kept), table.take(taken)


def score(target: Target, truth: Sequence[Any], predicted: Sequence[Any]) -> dict[str, float]:
    """How good predictions are: "accuracy", or "r2", "mae" and "rmse" in the target's unit.

    Examples
    --------
    >>> score(Target("y", "regression"), [0.0, 2.0, 4.0], [1.0, 2.0, 3.0])["r2"]
    0.75
    """
    from sklearn import metrics

    if target.classes:
        return {"accuracy": float(metrics.accuracy_score(truth, predicted))}
    return {
        "r2": float(metrics.r2_score(truth, predicted)) if len(truth) > 1 else np.nan,
        "mae": float(metrics.mean_absolute_error(truth, predicted)),
        "rmse": float(metrics.root_mean_squared_error(truth, predicted)),
    }
