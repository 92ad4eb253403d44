"""Networks that some files of tests make estimators from; light, for a search's processes import it too."""

import numpy as np
from sklearn.datasets import load_iris

from mlp import Sequential, layers
from mlp.callbacks import Callback
from mlp.estimators import SequentialClassifier

X, y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
NAMES = np.array(["setosa", "versicolor", "virginica"])[y]


def make(n_features, n_outputs, out_activation, width=6, activation="tanh", dtype="float64"):
    return Sequential(
        [layers.Input(n_features), layers.Dense(width, activation), layers.Dense(n_outputs, out_activation)],
        dtype=dtype,
    )


def net(units=3, activation="softmax", seed=None, dropout=0.0, **compiled) -> Sequential:
    model = Sequential(
        [layers.Dense(6, "tanh"), layers.Dropout(dropout), layers.Dense(units, activation)], seed=seed
    )
    if compiled:
        model.compile(**compiled)
    return model


def classifier(model=make, **parameters) -> SequentialClassifier:
    return SequentialClassifier(model, **{"epochs": 15, "random_state": 0, "optimizer": "adam"} | parameters)


class Nothing(Callback):
    """Hears of everything and does nothing."""
