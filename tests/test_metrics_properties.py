"""Metrics are exact: however the rows are split, whatever their order, and a weight of 2 is a row twice."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_metrics import EVERY, plain, targets

from mlp import metrics

STREAMED = [part for part in EVERY if part not in (metrics.Mean, metrics.Sum)]
OPTIONS = {
    "AUC": {"num_thresholds": None, "curve": "PR", "multi_label": True},
    "ExpectedCalibrationError": {"bins": 4},
    "PearsonCorrelation": {"axis": 0},
    "ConcordanceCorrelation": {"axis": 0},
    "FBetaScore": {"average": "weighted", "beta": 2},
    "CohenKappa": {"weights": "quadratic"},
}
every = pytest.mark.parametrize("part", STREAMED, ids=lambda part: part.__name__)
few = settings(max_examples=12, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def data(part, rows, seed):
    """Targets, outputs that often are equal, and weights."""
    rng = np.random.default_rng(seed)
    out = rng.integers(1, 8, (rows, 3)) / 8.0
    if part in (metrics.CategoricalCrossentropy, metrics.SparseCategoricalCrossentropy, metrics.KLDivergence):
        out /= out.sum(axis=1, keepdims=True)
    labels = rng.integers(0, 3, rows)
    T = labels if np.ndim(targets(part)) == 1 else np.eye(3)[labels]
    return T, out, rng.integers(0, 4, rows).astype(float)


def made(part, name=None):
    more = OPTIONS.get(part.__name__, {})
    return part(**more) if more else plain(part)


def close(a, b):
    np.testing.assert_allclose(a, b, 1e-9, 1e-12)


@every
@few
@given(
    rows=st.integers(2, 12), seed=seeds, cuts=st.lists(st.integers(1, 11), max_size=4), weighted=st.booleans()
)
def test_any_split(part, rows, seed, cuts, weighted):
    T, out, weight = data(part, rows, seed)
    whole, split = made(part), made(part)
    whole.update_state(T, out, weight if weighted else None)
    edges = sorted({0, rows, *(cut for cut in cuts if cut < rows)})
    for start, stop in itertools.pairwise(edges):
        split.update_state(T[start:stop], out[start:stop], weight[start:stop] if weighted else None)
    close(split.result(), whole.result())


@every
@few
@given(rows=st.integers(2, 12), seed=seeds)
def test_a_weight_is_a_number_of_rows(part, rows, seed):
    T, out, weight = data(part, rows, seed)
    weight[0] = 1
    times = weight.astype(int)
    close(made(part)(T, out, weight), made(part)(T.repeat(times, axis=0), out.repeat(times, axis=0)))


@every
def test_rows_that_do_not_count_are_no_rows(part):
    T, out, weight = data(part, 6, 0)
    metric = made(part)
    metric.update_state(T, out, np.zeros_like(weight))
    assert np.isfinite(metric.result()).all()
    metric.update_state(T, out, weight)
    close(metric.result(), made(part)(T, out, weight))


@every
@few
@given(rows=st.integers(2, 12), seed=seeds)
def test_any_order_and_either_type(part, rows, seed):
    T, out, weight = data(part, rows, seed)
    order = np.random.default_rng(seed).permutation(rows)
    result = made(part)(T, out, weight)
    close(made(part)(T[order], out[order], weight[order]), result)
    exact = np.float32(out)
    ours, theirs = made(part)(T, exact, weight), made(part)(T, exact.astype(float), weight)
    np.testing.assert_allclose(ours, theirs, 1e-5, 1e-6)


@few
@given(rows=st.integers(2, 30), seed=seeds)
def test_the_exact_area_is_the_share_of_pairs_in_the_right_order(rows, seed):
    rng = np.random.default_rng(seed)
    T, out, weight = rng.integers(0, 2, rows), rng.integers(0, 8, rows) / 8, rng.random(rows)
    order = (np.sign(out[T == 1][:, None] - out[T == 0]) + 1) / 2
    pairs = np.multiply.outer(weight[T == 1], weight[T == 0])
    share = (order * pairs).sum() / pairs.sum() if pairs.size else 0
    assert metrics.AUC(num_thresholds=None)(T, out, weight) == pytest.approx(share, abs=1e-12)
    # none of these outputs lies between the same two of 200 thresholds as another
    assert metrics.AUC()(T, out, weight) == pytest.approx(share, abs=1e-12)


@few
@given(rows=st.integers(1, 12), seed=seeds)
def test_bounds(rows, seed):
    rng = np.random.default_rng(seed)
    T, out = rng.integers(0, 3, rows), rng.dirichlet([1, 1, 1], rows)
    for metric in (
        *(metrics.BalancedAccuracy(), metrics.ExpectedCalibrationError(), metrics.AUC()),
        *(metrics.AUC(curve="PR"), metrics.F1Score(average="macro"), metrics.MeanIoU(3, sparse_y_pred=False)),
    ):
        assert -1e-12 <= metric(T, out) <= 1 + 1e-12
    for metric in (metrics.MatthewsCorrelation(), metrics.CohenKappa(), metrics.PearsonCorrelation(axis=0)):
        assert -1 - 1e-12 <= metric(np.eye(3)[T], out) <= 1 + 1e-12
    assert 0 <= metrics.BrierScore()(T, out) <= 2
