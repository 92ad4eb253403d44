"""The short ways by which outputs find their gap between thresholds."""

import numpy as np
import pytest

from mlp.metrics import thresholds


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [4, 10, 200, 9999])
@pytest.mark.parametrize("first", [0, 1])
def test_even_cells_are_those_of_searchsorted(dtype, count, first):
    bounds = (np.arange(first, count - first) / (count - 1)).astype(dtype)
    if len(bounds) < 3:
        bounds = np.array([0.25, 0.5, 0.75], dtype)
    rng = np.random.default_rng(count)
    random = rng.uniform(-0.1, 1.1, 5000).astype(dtype)
    beside = [np.nextafter(bounds, bounds.dtype.type(side)) for side in (-1, 2)]
    extreme = np.array([np.nan, np.inf, -np.inf, 0, 1, 1e30, -1e30], dtype)
    y = np.concatenate([random, bounds, *beside, extreme])
    np.testing.assert_array_equal(thresholds._even_cells(bounds, y), bounds.searchsorted(y))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_one_threshold_counts_as_bincount_does(dtype):
    rng = np.random.default_rng(0)
    T, y = rng.integers(0, 2, (30, 3)), rng.random((30, 3)).astype(dtype)
    y[:3] = 0.5, np.nan, np.inf
    long_way = thresholds.table_of(np.array([0.5]), T, y, np.ones(30))
    np.testing.assert_array_equal(thresholds.table_of(np.array([0.5]), T, y, None), long_way)
