"""Constraints held to Keras: golden/constraints.json."""

import numpy as np
import pytest
from golden_values import agree, both_types, golden

from mlp import constraints

GOLDEN = golden("constraints")
cases = pytest.mark.parametrize(
    "case", GOLDEN["cases"].values(), ids=lambda c: f"{c['class']} {c['options']}"
)


@both_types
@cases
def test_projection(case, dtype):
    constraint = getattr(constraints, case["class"])(**case["options"])
    assert case[dtype].keys() <= {"W", "b"}
    for name, theirs in case[dtype].items():
        given = np.array(GOLDEN[name], dtype)
        ours = given.copy()
        constraint.project(ours)
        agree(ours, theirs, dtype)
        copied = constraint(given)
        np.testing.assert_array_equal(copied, ours)
        np.testing.assert_array_equal(given, np.array(GOLDEN[name], dtype))
        assert copied.dtype == dtype


@pytest.mark.parametrize("name", GOLDEN["names"])
def test_a_name_stands_for_what_it_stands_for_in_keras(name):
    if name.lower() != "constraint":  # the base class
        assert type(constraints.get(name)).__name__ == GOLDEN["names"][name]
