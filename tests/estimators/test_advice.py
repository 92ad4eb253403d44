"""What errors advise to a user who has mistaken a name or a place."""

import numpy as np
import pytest
from networks import make
from sklearn.utils._param_validation import InvalidParameterError

from mlp import MLPClassifier, MLPRegressor, SequentialClassifier, SequentialRegressor

X = np.random.default_rng(0).normal(size=(30, 3))
LABELS = np.arange(30) % 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "rellu"}, "Got 'rellu' instead. Did you mean 'relu'"),
        ({"solver": "adamm"}, "Got 'adamm' instead. Did you mean 'adam'"),
        ({"loss": "logloss "}, "Did you mean 'log_loss'"),
        ({"kernel_initializer": "he_normall"}, "Did you mean 'he_normal'"),
        ({"learning_rate": "invscale"}, "Got 'invscale' instead. Did you mean 'invscaling'"),
        ({"class_weight": "balance"}, "Got 'balance' instead. Did you mean 'balanced'"),
        ({"alpha_scaling": "dat"}, "Got 'dat' instead. Did you mean 'data'"),
        ({"alpha_scaling": None}, "must be a str among {'(batch|data)', '(data|batch)'}. Got None instead.$"),
        ({"alpha_scaling": True}, "Got True instead.$"),
        ({"learning_rate": 0.01}, "Got 0.01 instead. A number is given by learning_rate_init.$"),
        ({"solver": "??"}, r"Got '\?\?' instead.$"),
        ({"loss": 3}, "Got 3 instead.$"),
        ({"max_iter": "all"}, "Got 'all' instead.$"),
    ],
)
def test_of_a_classifier(options, message):
    with pytest.raises(InvalidParameterError, match=message):
        MLPClassifier(**options).fit(X, LABELS)


@pytest.mark.parametrize("sizes", [(5,), [5, 3], 5, np.array([5])], ids=str)
def test_sizes_in_the_place_of_a_loss(sizes):
    with pytest.raises(InvalidParameterError, match="loss comes first: give hidden_layer_sizes by name"):
        MLPRegressor(sizes).fit(X, X[:, 0])


@pytest.mark.parametrize("kind", [SequentialClassifier, SequentialRegressor])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "adm"}, "Got 'adm' instead. Did you mean 'adam'"),
        ({"loss": "mean_square_error"}, "Did you mean 'mean_squared_error'"),
        ({"batch_size": "fulll"}, "Got 'fulll' instead. Did you mean 'full'"),
        ({"loss": 3}, "Got 3 instead.$"),
    ],
)
def test_of_a_wrapped_network(kind, options, message):
    with pytest.raises(InvalidParameterError, match=message):
        kind(make, **options).fit(X, LABELS)


@pytest.mark.parametrize(
    ("weights", "y"),
    [({0: -1, 1: 2}, LABELS), ([{0: 1, 1: 1}, {0: 1, 1: -2}], np.stack([LABELS, 1 - LABELS], axis=1))],
    ids=["classes", "labels"],
)
def test_weights_of_classes_below_zero(weights, y):
    with pytest.raises(ValueError, match="class_weight must not be negative; got "):
        MLPClassifier(class_weight=weights).fit(X, y)
