"""scikit-learn's checks of any transformer, none of which is expected to fail."""

import pytest
import sklearn_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlp.tabular.encoding import SignedOneHotEncoder
from mlp.tabular.numeric import PiecewiseLinearEncoder
from mlp.tabular.preprocessing import TablePreprocessor
from mlp.tabular.scaling import SmoothRobustScaler

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
    sklearn_checks.run(estimator, check)
