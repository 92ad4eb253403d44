"""Estimators for scikit-learn."""

from mlp.estimators.classifier import MLPClassifier
from mlp.estimators.regressor import MLPRegressor
from mlp.estimators.wrapped_classifier import SequentialClassifier
from mlp.estimators.wrapped_regressor import SequentialRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "SequentialClassifier", "SequentialRegressor"]
