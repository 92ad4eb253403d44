"""Golden values of metrics."""

import keras
import numpy as np
from peers import use

BATCHES = (5, 3, 7, 1)  # ragged
METRICS = {
    "BinaryAccuracy": ("yes_no", "outputs"),
    "CategoricalAccuracy": ("one_hot", "outputs"),
    "SparseCategoricalAccuracy": ("labels", "outputs"),
    "MeanAbsoluteError": ("numbers", "outputs"),
    "MeanSquaredError": ("numbers", "outputs"),
}


def metrics():
    """The result after each batch, plain and weighted."""
    rng = np.random.default_rng(2)
    rows = sum(BATCHES)
    arrays = {
        "outputs": rng.uniform(0, 1, (rows, 3)).round(3),
        "numbers": rng.normal(0, 2, (rows, 3)).round(3),
        "yes_no": rng.integers(0, 2, (rows, 3)),
        "labels": (labels := rng.integers(0, 3, rows)),
        "one_hot": np.eye(3, dtype=int)[labels],
        "weight": rng.uniform(0, 3, rows).round(2),
    }
    arrays["outputs"][0] = [0.5, 0.5, 0.25]  # at the threshold, and the first of two largest
    golden = {"batches": BATCHES, "arrays": arrays, "results": {}}
    use("float64")
    for name, (target, out) in METRICS.items():
        golden["results"][name] = {"target": target} | {
            kind: metric_results(name, arrays[target], arrays[out], weight)
            for kind, weight in (("plain", None), ("weighted", arrays["weight"]))
        }
    return golden


def metric_results(name, T, out, weight):
    metric, results, start = getattr(keras.metrics, name)(), [], 0
    for rows in BATCHES:
        batch = slice(start, start + rows)
        metric.update_state(T[batch], out[batch], None if weight is None else weight[batch])
        results.append(float(metric.result()))
        start += rows
    return results
