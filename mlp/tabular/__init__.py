"""Networks for tables: from raw columns to predictions, without tuning."""

import os
from typing import Any

from mlp.tabular.classifier import TabularClassifier
from mlp.tabular.encoding import SignedOneHotEncoder
from mlp.tabular.numeric import PiecewiseLinearEncoder
from mlp.tabular.preprocessing import TablePreprocessor
from mlp.tabular.recipe import Recipe, recipe_for
from mlp.tabular.regressor import TabularRegressor
from mlp.tabular.scaling import SmoothRobustScaler
from mlp.tabular.search import TabularSearchClassifier, TabularSearchRegressor
from mlp.tabular.search.files import restore

__all__ = [
    "PiecewiseLinearEncoder",
    "Recipe",
    "SignedOneHotEncoder",
    "SmoothRobustScaler",
    "TablePreprocessor",
    "TabularClassifier",
    "TabularRegressor",
    "TabularSearchClassifier",
    "TabularSearchRegressor",
    "load",
    "recipe_for",
]


def load(path: str | os.PathLike[str]) -> Any:
    """Read an estimator, or what a search has found, that its `save` wrote. Nothing in the file is ever run.

    Parameters
    ----------
    path : path

    Returns
    -------
    TabularClassifier, TabularRegressor, TabularSearchClassifier or TabularSearchRegressor

    Raises
    ------
    FileNotFoundError, ModelFileError
        If there is no such file, or it is another one.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "fruit.mlp")
    >>> X, y = [[0.0], [1.0]] * 10, ["apple", "plum"] * 10
    >>> TabularClassifier(epochs=2, random_state=0).fit(X, y).save(path)
    >>> load(path).classes_.tolist()
    ['apple', 'plum']
    """
    kinds: Any = (TabularClassifier, TabularRegressor)
    searches = (TabularSearchClassifier, TabularSearchRegressor)
    return restore(path, *({kind.__name__: kind for kind in each} for each in (kinds, searches)))
