"""What the tests beside scikit-learn share: its estimator and ours, and what of them must agree."""

import warnings

import numpy as np
import sklearn.neural_network
from sklearn.exceptions import ConvergenceWarning

import mlp

ATTRIBUTES = (
    "n_iter_", "t_", "loss_", "best_loss_", "loss_curve_", "validation_scores_", "best_validation_score_",
    "out_activation_", "n_layers_", "n_outputs_", "n_features_in_", "feature_names_in_", "classes_",
)  # fmt: skip
METHODS = ("predict", "predict_proba", "predict_log_proba")


def pair(task: str, **parameters) -> list:
    """scikit-learn's estimator and ours, ``task`` "Classifier" or "Regressor"."""
    return [getattr(module, f"MLP{task}")(**parameters) for module in (sklearn.neural_network, mlp)]


def quietly(method, *arguments, **keywords):
    """The result, without warnings of too few epochs or rows, or of too large numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.filterwarnings("ignore", "Got `batch_size` less than 1")
        return method(*arguments, **keywords)


def values(theirs, ours, X, y):
    """Of all that both have learnt: name, scikit-learn's value, ours."""
    for name in ATTRIBUTES:
        if hasattr(theirs, name):
            yield name, getattr(theirs, name), getattr(ours, name)
    for name in ("coefs_", "intercepts_"):
        for k, both in enumerate(zip(getattr(theirs, name), getattr(ours, name), strict=True)):
            yield f"{name}[{k}]", *both
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        for name in METHODS:
            if hasattr(theirs, name):
                yield name, getattr(theirs, name)(X), getattr(ours, name)(X)
        if y is not None:
            yield "score", theirs.score(X, y), ours.score(X, y)


def assert_same(theirs, ours, X, y, rtol: float = 0.0, atol: float = 0.0) -> None:
    """The same attributes, of the same types, and the same predictions: by default to the last bit."""
    for name, expected, got in values(theirs, ours, X, y):
        if isinstance(expected, np.ndarray):
            assert got.dtype == expected.dtype, name
            assert got.shape == expected.shape, name
        if expected is None or isinstance(expected, str) or np.asarray(expected).dtype.kind in "OUS":
            assert np.array_equal(expected, got), name
        else:
            np.testing.assert_allclose(got, expected, rtol, atol, err_msg=name)
