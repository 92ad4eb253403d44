"""scikit-learn's own checks of an estimator made from a function, and a search over it in two processes."""

import numpy as np
import pytest
from networks import NAMES, X, classifier, make
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import estimator_checks_generator

from mlp import optimizers
from mlp.estimators import SequentialClassifier, SequentialRegressor

FULL = dict(optimizer=optimizers.SGD(0.2, momentum=0.9), epochs=100, batch_size="full")
CHECKED = [SequentialClassifier(make, **FULL), SequentialRegressor(make, **FULL)]
# the first asks for a switch of scipy's to be set, the second for a method that a softmax does not need
NOT_THERE = ("check_array_api_input", "check_classifiers_multilabel_output_format_decision_function")
CHECKS = [
    pytest.param(estimator, check, id=f"{type(estimator).__name__}-{check.func.__name__}")
    for checked in CHECKED
    for estimator, check in estimator_checks_generator(checked)
    if check.func.__name__ not in NOT_THERE
]


@pytest.mark.filterwarnings("ignore")  # the checks make them
@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_check_estimator(estimator, check):
    check(estimator)


def test_grid_search_over_nested_parameters_in_two_processes():
    grid = {"model__width": [1, 6], "optimizer__learning_rate": [1e-5, 0.05], "batch_size": [16]}
    search = GridSearchCV(classifier(), grid, cv=2, n_jobs=2).fit(X, NAMES)
    assert search.best_params_["optimizer__learning_rate"] == 0.05
    best = search.best_estimator_
    assert best.model_.layers[0].units == best.model_arguments["width"] == search.best_params_["model__width"]
    alone = classifier(model_arguments={"width": best.model_arguments["width"]}, batch_size=16)
    alone.set_params(optimizer=optimizers.Adam(0.05)).fit(X, NAMES)
    np.testing.assert_array_equal(alone.predict_proba(X), search.predict_proba(X))
