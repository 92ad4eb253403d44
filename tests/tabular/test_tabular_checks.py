"""scikit-learn's checks of any estimator, for those of tables."""

import sklearn_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlp import TabularClassifier, TabularRegressor

COMMON = {"engine": "numpy", "n_threads": 1}
ESTIMATORS = [
    kind(preset, **COMMON, **options)
    for kind in (TabularClassifier, TabularRegressor)
    for preset, options in (
        ("auto", {"epochs": 20, "n_folds": 2, "hidden_layer_sizes": 12}),
        ("td-s", {"epochs": 30, "hidden_layer_sizes": 12}),
        ("td", {"epochs": 60, "hidden_layer_sizes": 32}),
    )
]
ESTIMATORS.append(
    TabularRegressor(quantiles=(0.1, 0.5, 0.9), **COMMON, epochs=20, n_folds=2, hidden_layer_sizes=12)
)


@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    sklearn_checks.run(estimator, check, sklearn_checks.OTHER_FOLDS)
