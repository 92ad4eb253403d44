"""scikit-learn's own tests of its multilayer perceptron, run with our estimators in their place.

They are read from the installed package. Two of them set private attributes of scikit-learn's
estimators, and are left out: `test_gradients_of_estimators.py` does what they are for.
"""

import importlib.util

import pytest

SPEC = importlib.util.find_spec("sklearn.neural_network.tests.test_mlp")
THEIRS = "from sklearn.neural_network import MLPClassifier, MLPRegressor"
PRIVATE = ("test_fit", "test_gradient")

# as under scikit-learn's own settings: a warning that a test does not ask for is none of its failures
pytestmark = pytest.mark.filterwarnings("default", "ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def global_random_seed() -> int:
    """The seed that scikit-learn's suite has if it is not told another."""
    return 42


def source() -> str:
    """Their module, with our estimators."""
    with open(SPEC.origin, encoding="utf-8") as file:
        text = file.read()
    assert text.count(THEIRS) == 1
    return text.replace(THEIRS, "from mlp import MLPClassifier, MLPRegressor")


exec(compile(source(), SPEC.origin, "exec"), globals())
TESTS = [name for name in globals() if name.startswith("test_")]
for name in PRIVATE:
    del globals()[name]


def test_all_are_here():
    """Were their module to change its form, its tests would not be lost without a word."""
    assert len(TESTS) > 40
    assert set(PRIVATE) <= set(TESTS)
    assert globals()["MLPClassifier"].__module__.startswith("mlp.")
