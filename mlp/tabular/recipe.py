"""The recipes: every number that decides how a network for a table is made and trained.

"td" and "td-s" are those of RealMLP, its full and its simplified form. "auto" is ours: smaller
networks, smaller batches and fewer epochs, and several of them, one for each fold of the rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from mlp import activations
from mlp.activations import Activation
from mlp.naming import is_integer, require, require_bool, require_in, require_one_of
from mlp.tabular.numeric import NumericEncodings

PRESETS = ("auto", "td", "td-s")

Task = Literal["classification", "regression"]

INTERVALS = {
    "periodic_stddev": "[0, inf)",
    "learning_rate": "(0, inf)",
    "weight_decay": "[0, inf)",
    "dropout": "[0, 1)",
    "label_smoothing": "[0, 1)",
}
SWITCHES = ("blend", "periodic_embedding", "data_driven", "stratified", "clamp", "calibrate")


@dataclass(frozen=True)
class Recipe:
    """How the networks of a table are made and trained.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int
    activation : str or Activation
        Of the hidden layers.
    blend : bool
        Whether each unit learns how much of its activation it takes: `activations.Blend`.
    periodic_embedding : bool
        Whether each numeric column gets three periodic features: `layers.PeriodicEmbedding`.
    periodic_stddev : float
        Standard deviation of the frequencies that these begin with.
    encodings : tuple of {"robust", "quantile", "piecewise"}
        The forms in which networks see numbers: `numeric.NumericEncodings`. For each form there is
        a network for each fold and seed, and the forms are averaged with the shares that suit them.
    one_hot_limit : int or None
        A column with more categories is embedded in `embedding_size` learned numbers; None: only where
        there would be more than 1,000 one-hot columns.
    embedding_size : int
    data_driven : bool
        Whether the weights begin as `initialize_from_data` makes them; otherwise as normal
        numbers, and those of the last layer as zeros.
    learning_rate : float
        The height of the four waves of `schedules.CosLog`.
    weight_decay, dropout : float
        Both fall along a `schedules.FlatCosine`.
    label_smoothing : float
    batch_size, epochs : int
    n_folds : int
        Each network leaves one fold out and is judged by it; 1: a fifth of the rows, once.
    n_seeds : int
        How often that is done, each time with other folds and first weights.
    stratified : bool
        Whether the folds have the classes in the same proportions.
    judged_by : {"error", "loss"}
        What decides which epoch of a network is kept: classification error or RMSE; or the
        cross-entropy without smoothing, or the squared error.
    patience : float or None
        A network is done once epoch > 2 · best epoch + patience · epochs: each wave of the learning rate
        is twice as long as the one before, and where one brought nothing the next hardly ever does.
    clamp : bool
        Whether predictions stay in the range of the targets that were seen.
    calibrate : bool
        Whether the logits are divided by a temperature that suits the held-out rows.

    Raises
    ------
    ArgumentError
        If a field has a value that cannot be.
    """

    hidden_layer_sizes: tuple[int, ...] = (256, 256, 256)
    activation: str | Activation = "selu"
    blend: bool = False
    periodic_embedding: bool = False
    periodic_stddev: float = 0.1
    encodings: tuple[str, ...] = ("robust",)
    one_hot_limit: int | None = None
    embedding_size: int = 8
    data_driven: bool = False
    learning_rate: float = 0.04
    weight_decay: float = 0.0
    dropout: float = 0.0
    label_smoothing: float = 0.1
    batch_size: int = 256
    epochs: int = 256
    n_folds: int = 1
    n_seeds: int = 1
    stratified: bool = False
    judged_by: str = "error"
    patience: float | None = None
    clamp: bool = False
    calibrate: bool = False

    def __post_init__(self) -> None:
        sizes = self.hidden_layer_sizes
        right = isinstance(sizes, list | tuple) and all(is_integer(size) and size > 0 for size in sizes)
        require(right, "hidden_layer_sizes", sizes, "positive integers")
        object.__setattr__(self, "hidden_layer_sizes", tuple(map(int, sizes)))
        listed = isinstance(self.encodings, list | tuple)
        require(listed, "encodings", self.encodings, "names of encodings in a tuple")
        object.__setattr__(self, "encodings", NumericEncodings(self.encodings).names)
        activations.get(self.activation)
        for name in ("embedding_size", "batch_size", "epochs", "n_folds", "n_seeds", "one_hot_limit"):
            value = getattr(self, name)
            if value is not None or name != "one_hot_limit":
                require(is_integer(value) and value > 0, name, value, "a positive integer")
        for name, interval in INTERVALS.items():
            require_in(interval, name, getattr(self, name))
        if self.patience is not None:
            require_in("[0, inf)", "patience", self.patience)
        for name in SWITCHES:
            require_bool(name, getattr(self, name))
        require_one_of("judged_by", self.judged_by, ("error", "loss"), "'error' or 'loss'")


def recipe_for(
    preset: str, task: Task, rows: int, columns: int, changes: Mapping[str, Any] | None = None
) -> Recipe:
    """The recipe of a preset for a table of that size.

    Parameters
    ----------
    preset : {"auto", "td", "td-s"}
    task : {"classification", "regression"}
    rows, columns : int
        Of the table.
    changes : mapping, optional
        Fields of the recipe that the user has chosen; those that are None are left to the preset.

    Returns
    -------
    Recipe

    References
    ----------
    D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data" (2024): "td" and "td-s".

    Examples
    --------
    >>> recipe_for("td-s", "regression", 1000, 10).learning_rate
    0.07
    >>> recipe_for("auto", "classification", 1000, 10, {"epochs": 7}).epochs
    7
    """
    require_one_of("preset", preset, PRESETS, "'auto', 'td' or 'td-s'")
    if preset == "auto":
        recipe = _auto(task, rows, columns)
    else:
        recipe = _td_s(task) if preset == "td-s" else _td(task)
    return changed(recipe, changes or {})


def changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """A recipe with other values in some fields; those that are None stay as they are."""
    return replace(recipe, **{name: value for name, value in changes.items() if value is not None})


def _td_s(task: Task) -> Recipe:
    if task == "regression":
        return Recipe(activation="mish", learning_rate=0.07)
    return Recipe()


def _td(task: Task) -> Recipe:
    recipe = replace(
        _td_s(task),
        blend=True,
        periodic_embedding=True,
        one_hot_limit=8,
        data_driven=True,
        weight_decay=0.02,
        dropout=0.15,
    )
    return replace(recipe, learning_rate=0.2, clamp=True) if task == "regression" else recipe


# By the number of rows, up to which it holds: rows of a batch, epochs, folds. A small table is soon known by
# heart; more rows need less epochs, and gain less from networks that see all but a fifth of them.
SIZES = (
    (1_500, (64, 64, 5)),
    (6_000, (64, 128, 5)),
    (10_000, (64, 64, 5)),
    (30_000, (64, 32, 3)),
    (100_000, (128, 24, 3)),
    (300_000, (256, 16, 3)),
    (float("inf"), (512, 12, 1)),
)
WIDE = 200  # inputs from which on networks are too large for fifteen of them


def _auto(task: Task, rows: int, columns: int) -> Recipe:
    batch_size, epochs, n_folds = next(sizes for most, sizes in SIZES if rows <= most)
    recipe = Recipe(
        hidden_layer_sizes=(128, 128, 128),
        encodings=("robust", "quantile", "piecewise"),
        one_hot_limit=32,
        batch_size=batch_size,
        epochs=epochs,
        n_folds=min(n_folds, 3) if columns > WIDE else n_folds,
        stratified=True,
        judged_by="loss",
        patience=0.125,
        clamp=True,
        calibrate=True,
    )
    if task == "regression":
        return replace(recipe, activation="mish", stratified=False, calibrate=False)
    return recipe
