"""Regularizers held to Keras and PyTorch: golden/regularizers.json."""

import numpy as np
import pytest
from golden_values import EPS, agree, both_types, golden

from mlp import regularizers

GOLDEN = golden("regularizers")
cases = pytest.mark.parametrize(
    "case", GOLDEN["cases"].values(), ids=lambda c: f"{c['class']} {c['options']}"
)


@both_types
@cases
def test_penalty_and_gradient(case, dtype):
    regularizer = getattr(regularizers, case["class"])(**case["options"])
    W, theirs = np.array(GOLDEN["W"], dtype), case[dtype]
    penalty, gradient = regularizer(W), regularizer.gradient(W, np.empty_like(W))
    assert type(penalty) is float
    assert gradient.dtype == dtype
    agree(penalty, theirs["penalty"], dtype)
    # Keras on JAX takes the slope 1 of |w| at 0, on TensorFlow and PyTorch 0; mlp takes 0
    at_zero = (W == 0) & (case["class"] != "OrthogonalRegularizer")
    assert not gradient[at_zero].any()
    assert at_zero.sum() in (0, 2)
    # an orthogonal gradient is the difference of larger numbers
    largest = np.abs(gradient).max()
    agree(gradient[~at_zero], np.array(theirs["gradient"])[~at_zero], dtype, 8 * EPS[dtype] * largest)


@pytest.mark.parametrize("name", GOLDEN["names"])
def test_a_name_stands_for_what_it_stands_for_in_keras(name):
    if name.lower() != "regularizer":  # the base class
        assert type(regularizers.get(name)).__name__ == GOLDEN["names"][name]
