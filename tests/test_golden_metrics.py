"""Metrics held to Keras and PyTorch: golden/metrics.json."""

import numpy as np
import pytest
from golden_values import golden

import mlp

GOLDEN = golden("metrics")


@pytest.mark.parametrize("kind", ["plain", "weighted"])
@pytest.mark.parametrize("name", GOLDEN["results"])
def test_metric_over_ragged_batches(name, kind):
    arrays = {key: np.array(value) for key, value in GOLDEN["arrays"].items()}
    case = GOLDEN["results"][name]
    metric, start = getattr(mlp.metrics, name)(), 0
    for rows, theirs in zip(GOLDEN["batches"], case[kind], strict=True):
        T, out, weight = (arrays[key][start : start + rows] for key in (case["target"], "outputs", "weight"))
        metric.update_state(T, out, weight if kind == "weighted" else None)
        assert metric.result() == pytest.approx(theirs, rel=1e-12)
        start += rows
