"""scikit-learn's checks of any estimator, none of which is expected to fail."""

import pytest
import sklearn_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlp import MLPClassifier, MLPRegressor

ESTIMATORS = [
    kind(hidden_layer_sizes=(20,), **parameters)
    for kind in (MLPClassifier, MLPRegressor)
    for parameters in (
        {"max_iter": 100},
        {"solver": "lbfgs", "max_iter": 40},
        {"solver": "sgd", "max_iter": 40, "learning_rate_init": 0.05},
        {"activation": "gelu", "solver": "nadam", "max_iter": 60, "learning_rate_init": 0.01},
    )
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    sklearn_checks.run(estimator, check)
