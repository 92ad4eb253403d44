"""Preprocessing: columns of text become inputs, the target becomes what a network can learn.

The work is done by scikit-learn's scaler, imputer and encoder. What they have learned is kept
with the model as plain data: `get_config` takes their fitted attributes, `from_config` builds
them anew from those. scikit-learn is imported when it is first needed.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.datasets import Table, is_number, listed
from mlp.errors import ArgumentError
from mlp.naming import require, require_one_of

# A cell of 1e300 would overflow the variance, and a value a million standard deviations away
# the network: both are brought to the edge of what can be computed.
LARGEST_VALUE, LARGEST_SCALED = 1e100, 1e6
MOST_CATEGORIES = 100  # of a column; the rarer ones are treated like those never seen
FEW_TEXTS = 20  # up to so many different texts are categories, however few the rows
FEW_CLASSES = 20  # up to so many different integers in the target are classes
SCALER = ("mean_", "scale_", "var_", "n_features_in_", "n_samples_seen_")


class Preprocessor:
    """From a table to inputs: numbers standardised, categories one-hot, gaps filled.

    A numeric column is standardised over the values there are; a gap becomes 0, the mean, and
    is told apart by a column of its own, if there was any in training. In a column of
    categories a gap is one more category; what was never seen is a row of zeros. Columns
    without a value, and texts that hardly ever repeat, are left out.

    Parameters
    ----------
    common_scale : bool, default False
        All numeric columns are divided by one number, for columns of one unit such as
        pixels: a pixel that is nearly always white should not be amplified.

    Attributes
    ----------
    numeric, categorical : list of str
    left_out : dict of str to str
        The reason for each column that is not used.
    width : int
        Number of inputs that a row becomes.

    Examples
    --------
    >>> table = Table({"age": ["20", "40", ""], "city": ["Roma", "Bari", "Roma"]})
    >>> Preprocessor().fit(table, ["age", "city"]).transform(table)
    array([[-1.,  0.,  0.,  1.],
           [ 1.,  0.,  1.,  0.],
           [ 0.,  1.,  0.,  1.]], dtype=float32)
    """

    def __init__(self, common_scale: bool = False) -> None:
        self.common_scale = common_scale
        self.numeric: list[str] = []
        self.categorical: list[str] = []
        self.left_out: dict[str, str] = {}

    @property
    def columns(self) -> list[str]:
        """The columns that are used."""
        return self.numeric + self.categorical

    @property
    def width(self) -> int:
        """Number of inputs that a row becomes."""
        flags = sum(self.incomplete) if self.numeric else 0
        return len(self.numeric) + flags + sum(map(len, self.categories))

    @property
    def categories(self) -> list[list[str]]:
        """The categories of each categorical column; "" is the missing one."""
        return [list(names) for names in self.encoder.categories_] if self.categorical else []

    @property
    def incomplete(self) -> list[bool]:
        """For each numeric column, whether values were missing in training."""
        flagged = set(self.imputer.indicator_.features_) if self.numeric else set()
        return [k in flagged for k in range(len(self.numeric))]

    def fit(self, table: Table, columns: Sequence[str]) -> "Preprocessor":
        """Learn from these columns what is a number, the scales and the categories.

        Raises
        ------
        ArgumentError
            If none of them can be used.
        """
        self.numeric, self.categorical, self.left_out = [], [], {}
        for name in columns:
            self._place(name, [cell for cell in table[name] if cell])
        if not self.columns:
            raise ArgumentError(
                f"{table.source} has no column to learn from"
                + "".join(f"; {name!r} is left out: {why}" for name, why in self.left_out.items())
            )
        if self.numeric:
            self._fit_numbers(self._numbers(table))
        if self.categorical:
            self.encoder = _encoder([_frequent(table[name]) for name in self.categorical])
        return self

    def transform(self, table: Table) -> Array:
        """The inputs for each row, float32 of shape (n, width), without NaN.

        Raises
        ------
        ArgumentError
            If a column is missing, or has a text where the training data had numbers.
        """
        parts = []
        if self.numeric:
            with np.errstate(over="ignore"):
                scaled = self.scaler.transform(self._numbers(table))
            parts.append(self.imputer.transform(np.clip(scaled, -LARGEST_SCALED, LARGEST_SCALED)))
        if self.categorical:
            cells = np.array([table[name] for name in self.categorical], dtype=object).T
            parts.append(self.encoder.transform(cells))
        inputs: Array = np.hstack(parts, dtype=np.float32)
        return inputs

    def get_config(self) -> dict[str, Any]:
        """All that was learned, ready for JSON."""
        scaler = None
        if self.numeric:
            scaler = {name: np.asarray(getattr(self.scaler, name)).tolist() for name in SCALER}
        return {
            "common_scale": self.common_scale,
            "numeric": self.numeric,
            "categorical": self.categorical,
            "left_out": self.left_out,
            "scaler": scaler,
            "incomplete": self.incomplete,
            "categories": self.categories,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Preprocessor":
        """Build the preprocessor that `get_config` described, equal to the bit."""
        from sklearn.preprocessing import StandardScaler

        made = cls(config["common_scale"])
        made.numeric, made.categorical = list(config["numeric"]), list(config["categorical"])
        made.left_out = dict(config["left_out"])
        if made.numeric:
            made.scaler = StandardScaler()
            for name in SCALER:
                value = config["scaler"][name]
                setattr(made.scaler, name, np.array(value) if isinstance(value, list) else value)
            made.imputer = _imputer(config["incomplete"])
        if made.categorical:
            made.encoder = _encoder(config["categories"])
        return made

    def _place(self, name: str, cells: list[str]) -> None:
        different = len(set(cells))
        if not cells:
            self.left_out[name] = "it has no values"
        elif all(map(is_number, cells)):
            self.numeric.append(name)
        elif different > max(FEW_TEXTS, len(cells) / 2):
            self.left_out[name] = f"{different:,} different texts in {len(cells):,} rows are not categories"
        else:
            self.categorical.append(name)

    def _numbers(self, table: Table) -> Array:
        values: Array = np.column_stack([table.numbers(name) for name in self.numeric])
        return values.clip(-LARGEST_VALUE, LARGEST_VALUE)

    def _fit_numbers(self, values: Array) -> None:
        from sklearn.preprocessing import StandardScaler

        self.scaler = StandardScaler().fit(values)
        if self.common_scale:
            # as scikit-learn has it for one column: nothing is divided by 0
            self.scaler.scale_ = np.full(values.shape[1], np.sqrt(self.scaler.var_.mean()) or 1.0)
        self.imputer = _imputer(np.isnan(values).any(axis=0))


def _imputer(incomplete: Any) -> Any:
    """The imputer for scaled columns: 0 is their mean, and gaps are flagged where there were any."""
    from sklearn.impute import SimpleImputer

    rows = np.zeros((2, len(incomplete)))
    rows[1, np.asarray(incomplete, dtype=bool)] = np.nan
    return SimpleImputer(
        strategy="constant", fill_value=0.0, add_indicator=True, keep_empty_features=True
    ).fit(rows)


def _encoder(categories: Sequence[Sequence[str]]) -> Any:
    """The one-hot encoder for given categories, by which it is fully determined."""
    from sklearn.preprocessing import OneHotEncoder

    arrays = [np.array(names, dtype=object) for names in categories]
    first = np.array([[names[0] for names in arrays]], dtype=object)
    return OneHotEncoder(
        categories=arrays, handle_unknown="ignore", sparse_output=False, dtype=np.float32
    ).fit(first)


def _frequent(cells: list[str]) -> list[str]:
    """The most frequent different cells, in order."""
    names, counts = np.unique(np.array(cells, dtype=object), return_counts=True)
    return sorted(names[np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]].tolist())


class Target:
    """The column to predict: class names as numbers, or a standardised quantity.

    Parameters
    ----------
    name : str
    task : {"classification", "regression"}
    classes : sequence of str
        In their order as numbers 0, 1, 2 …; empty for a regression.
    mean, scale : float
        Of a regression's target in training, which is learned as (y − mean) / scale.

    Examples
    --------
    >>> table = Table({"play": ["yes", "no", "yes"]})
    >>> target = Target.fit(table, "play")
    >>> target.classes, target.encode(table), target.decode(np.array([[0.2], [0.9]]))
    (['no', 'yes'], array([1, 0, 1]), ['no', 'yes'])
    """

    def __init__(
        self, name: str, task: str, classes: Sequence[str] = (), mean: float = 0.0, scale: float = 1.0
    ) -> None:
        require_one_of("task", task, ("classification", "regression"), "classification or regression")
        self.name, self.task, self.classes = name, task, list(classes)
        self.mean, self.scale = mean, scale

    @classmethod
    def fit(cls, table: Table, name: str, task: str | None = None) -> "Target":
        """Learn the classes, or the mean and the scale; missing cells are passed over.

        Without `task`, texts and few different integers are classes; other numbers are a
        quantity. Few is up to 20, of which each has five rows on average; two are always few.

        Raises
        ------
        ArgumentError
            If the column is not there, has fewer than two different values, or texts in a
            regression.
        """
        cells = [cell for cell in table[name] if cell]
        if len(set(map(_class_name, cells))) < 2:
            has = f"only the value {cells[0]!r}" if cells else "no values"
            raise ArgumentError(
                f"the target {name!r} has {has}; to learn something it must have at least two different ones"
            )
        task = task or guess_task(cells)
        if task == "classification":
            return cls(name, task, sorted(set(map(_class_name, cells)), key=_class_order))
        values = table.numbers(name)
        with np.errstate(over="ignore", invalid="ignore"):
            mean, scale = float(np.nanmean(values)), float(np.nanstd(values))
        if not 0 < scale < np.inf:
            raise ArgumentError(f"the target {name!r} has a standard deviation of {scale}; rescale it")
        return cls(name, task, (), mean, scale)

    @property
    def units(self) -> int:
        """Outputs of a network for it."""
        return len(self.classes) if len(self.classes) > 2 else 1

    @property
    def activation(self) -> str:
        """The output activation that makes a canonical pair with `loss`."""
        return "linear" if not self.classes else "sigmoid" if self.units == 1 else "softmax"

    @property
    def loss(self) -> str:
        """The loss to train with."""
        losses = {"linear": "mse", "sigmoid": "binary_crossentropy"}
        return losses.get(self.activation, "sparse_categorical_crossentropy")

    def truth(self, table: Table) -> list[Any]:
        """The column as values to compare predictions with: class names, or numbers."""
        return (
            [_class_name(c) for c in table[self.name]] if self.classes else table.numbers(self.name).tolist()
        )

    def encode(self, table: Table) -> Array:
        """The column as what the network learns: class numbers, or standardised values."""
        if not self.classes:
            return (table.numbers(self.name) - self.mean) / self.scale
        numbers = {name: k for k, name in enumerate(self.classes)}
        names = self.truth(table)
        unknown = sorted(set(names) - set(numbers))
        require(not unknown, f"a class of {self.name!r}", listed(unknown), listed(self.classes))
        return np.array([numbers[name] for name in names])

    def decode(self, out: Array) -> list[Any]:
        """Outputs of the network, shape (n, units), as class names or values in the target's unit."""
        if not self.classes:
            values: list[Any] = (out[:, 0].astype(np.float64) * self.scale + self.mean).tolist()
            return values
        return [self.classes[k] for k in self.probabilities(out).argmax(axis=1)]

    def probabilities(self, out: Array) -> Array:
        """Outputs of the network as one column a class."""
        require(bool(self.classes), "probabilities", self.task, "asked of a classification")
        return np.hstack([1 - out, out]) if self.units == 1 else out

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Target":
        """Build the target that `get_config` described."""
        return cls(**config)


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


def _class_name(cell: str) -> str:
    """The same name for 1 and 1.0, which are one class; codes such as 007 keep their zeros."""
    if not is_number(cell) or re.match(r"[+-]?0\d", cell):
        return cell
    value = float(cell)
    return str(int(value)) if value.is_integer() else str(value)


def _class_order(name: str) -> tuple[float, str]:
    """Numbers by size, then texts."""
    return (float(name) if is_number(name) else np.inf, name)
