"""What PyTorch and Keras compute, read from the committed files; neither is needed.

Where the two differ, mlp follows Keras, and a comment in the test gives the figure. float64 is
held to 1e-9 of each value, float32 to 2e-6, some 17 of its roundings; every greater tolerance
and every absolute one has its reason beside it.
"""

import json
import pathlib

import numpy as np
import pytest

FOLDER = pathlib.Path(__file__).with_name("golden")
TYPES = ("float32", "float64")
RELATIVE = {"float32": 2e-6, "float64": 1e-9}
EPS = {dtype: float(np.finfo(dtype).eps) for dtype in TYPES}
# a weight near 0 is the difference of larger ones, so its error is that of the steps
EPS_OF_STEPS = {"float32": 2e-6, "float64": 1e-15}

both_types = pytest.mark.parametrize("dtype", TYPES)


def golden(kind):
    """What golden/<kind>.json holds."""
    return json.loads(FOLDER.joinpath(f"{kind}.json").read_text())


def agree(ours, theirs, dtype, absolute=0.0):
    """Hold our numbers to theirs."""
    np.testing.assert_allclose(ours, np.asarray(theirs, dtype), RELATIVE[dtype], absolute)
