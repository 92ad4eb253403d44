"""scikit-learn's checks of any estimator, on the searches."""

import sklearn_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlp.tabular import Recipe, TabularSearchClassifier, TabularSearchRegressor

SMALL = Recipe(
    hidden_layer_sizes=(32,), epochs=20, n_folds=2, batch_size=32, judged_by="loss", learning_rate=0.1
)
ESTIMATORS = [
    kind(SMALL, n_candidates=2, engine="numpy", n_threads=1)
    for kind in (TabularSearchClassifier, TabularSearchRegressor)
]


@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    sklearn_checks.run(estimator, check, sklearn_checks.OTHER_FOLDS)
