"""The recipe that suits a table, found by trying many: a search by successive halving.

`space_of` says what is drawn, `rungs_of` how many recipes get how much training.
"""

from mlp.tabular.search.estimators import TabularSearchClassifier, TabularSearchRegressor
from mlp.tabular.search.halving import rungs_of
from mlp.tabular.search.space import space_of

__all__ = ["TabularSearchClassifier", "TabularSearchRegressor", "rungs_of", "space_of"]
