"""Estimators for tables that are fitted in milliseconds."""

from mlp import TabularClassifier, TabularRegressor

SMALL = {
    "epochs": 3,
    "hidden_layer_sizes": 6,
    "n_folds": 2,
    "engine": "numpy",
    "n_threads": 1,
    "random_state": 0,
}


def classifier(**changes):
    return TabularClassifier(**SMALL | changes)


def regressor(**changes):
    return TabularRegressor(**SMALL | changes)
