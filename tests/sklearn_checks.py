"""How scikit-learn's checks of an estimator are run here: none is left out unseen."""

import unittest
from collections.abc import Collection

import pytest

# what scikit-learn itself does not check: a test for arrays that are not NumPy's, which must be
# asked for by a variable of the environment, and one for a method that no such estimator has
NOT_FOR_US = ("SCIPY_ARRAY_API is not set", "does not have a decision_function method")
# Of networks that hold folds out: a row twice is not a row of double weight, as the two may be in different
# folds, and fill a batch sooner. That a row of weight zero is as none has a test of its own.
OTHER_FOLDS = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)


def run(estimator, check, differs: Collection[str] = ()):
    """Run a check; one of those that cannot hold must fail, for that reason."""
    if getattr(check, "func", check).__name__ in differs:
        with pytest.raises(AssertionError, match="not equivalent to fitting with removed or repeated"):
            check(estimator)
        return
    try:
        check(estimator)
    except unittest.SkipTest as reason:
        if not any(text in str(reason) for text in NOT_FOR_US):
            raise AssertionError("a check that was to be run has been left out") from reason
