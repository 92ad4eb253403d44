"""scikit-learn's checks of any estimator, for those of tables."""

import unittest

import pytest
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
# what scikit-learn itself does not check: a test for arrays that are not NumPy's, which must be
# asked for by a variable of the environment, and one for a method that no such estimator has
NOT_FOR_US = ("SCIPY_ARRAY_API is not set", "does not have a decision_function method")
# A row twice is not a row of double weight: the two may be in different folds, and fill a batch sooner.
# That a row of weight zero is as none is tested beside this file.
DIFFERS = ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data")


@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    if check.func.__name__ in DIFFERS:
        with pytest.raises(AssertionError, match="not equivalent to fitting with removed or repeated"):
            check(estimator)
        return
    try:
        check(estimator)
    except unittest.SkipTest as reason:
        if not any(text in str(reason) for text in NOT_FOR_US):
            raise AssertionError("a check that was to be run has been left out") from reason
