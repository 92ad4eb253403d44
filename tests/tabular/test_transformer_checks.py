"""scikit-learn's checks of any transformer, none of which is expected to fail."""

import unittest

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlp.tabular.encoding import SignedOneHotEncoder
from mlp.tabular.numeric import PiecewiseLinearEncoder
from mlp.tabular.preprocessing import TablePreprocessor
from mlp.tabular.scaling import SmoothRobustScaler

# arrays that are not NumPy's must be asked for by a variable of the environment
NOT_FOR_US = "SCIPY_ARRAY_API is not set"
TRANSFORMERS = [
    SmoothRobustScaler(),
    SmoothRobustScaler(clip=None),
    SignedOneHotEncoder(),
    SignedOneHotEncoder(min_frequency=2),
    PiecewiseLinearEncoder(),
    PiecewiseLinearEncoder(4),
    TablePreprocessor(),
    TablePreprocessor(one_hot_limit=2, min_frequency=2, missing="median"),
]


@pytest.mark.filterwarnings("ignore:.* columns are left out:UserWarning")
@parametrize_with_checks(TRANSFORMERS)
def test_check(estimator, check):
    try:
        check(estimator)
    except unittest.SkipTest as reason:
        if NOT_FOR_US not in str(reason):
            raise AssertionError("a check that was to be run has been left out") from reason
