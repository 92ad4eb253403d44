"""Schedules held to Keras and PyTorch: golden/schedules.json."""

import pytest
from golden_values import agree, both_types, golden

from mlp.optimizers import schedules

GOLDEN = golden("schedules")


@both_types
@pytest.mark.parametrize("name", GOLDEN["keras"])
def test_keras(name, dtype):
    case = GOLDEN["keras"][name]
    schedule = schedules.deserialize({"class_name": case["schedule"], "config": case["options"]})
    # near its end a cosine is the difference of numbers of size 1
    absolute = {"float32": 2e-7, "float64": 1e-16}[dtype]
    agree([schedule(step) for step in GOLDEN["steps"]], case[dtype], dtype, absolute)


@pytest.mark.parametrize("name", GOLDEN["pytorch"])
def test_pytorch(name):
    case = GOLDEN["pytorch"][name]
    schedule = schedules.OneCycle(0.3, **case["options"])
    agree([schedule(step) for step in range(case["options"]["total_steps"])], case["float64"], "float64")
