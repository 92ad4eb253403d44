"""What holds for all tests."""

import os
import sys

import pytest

from mlp import naming

collect_ignore_glob = ["tests/keras_scripts/*"]  # which test_keras_scripts.py runs


os.environ.setdefault("MPLBACKEND", "agg")  # also for the processes that tests start


@pytest.fixture(autouse=True)
def no_figures_left():
    """The figures of a test, or of an example in a docstring, are closed after it."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(autouse=True)
def own_names():
    """What a test, or an example in a docstring, registers of its own is forgotten after it."""
    before = {name: set(kinds) for name, kinds in naming._REGISTERED.items()}
    yield
    for name, kinds in list(naming._REGISTERED.items()):
        for kind, part in list(kinds.items()):
            if kind not in before.get(name, ()) and not is_built_in(name, part):
                del kinds[kind]
        if not kinds:
            del naming._REGISTERED[name]


def is_built_in(name, part):
    """Whether it is a class that the package loads when it is first asked for."""
    homes = [catalogue.homes.get(name) for catalogue in naming.CATALOGUES.values()]
    return part.__module__ in homes or name in ("Input", "Sequential")
