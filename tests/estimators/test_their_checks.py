"""scikit-learn's checks of any estimator, none of which is expected to fail."""

import unittest

import pytest
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
# what scikit-learn itself does not check: a test for arrays that are not NumPy's, which must be
# asked for by a variable of the environment, and one for a method that no such estimator has
NOT_FOR_US = ("SCIPY_ARRAY_API is not set", "does not have a decision_function method")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    try:
        check(estimator)
    except unittest.SkipTest as reason:
        if not any(text in str(reason) for text in NOT_FOR_US):
            raise AssertionError("a check that was to be run has been left out") from reason
