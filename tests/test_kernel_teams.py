"""Instructions on several cores."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_instructions import address, run
from threadpoolctl import threadpool_limits

from mlp.engines.kernels import blas, teams
from mlp.engines.kernels.pointers import fork, pointer
from mlp.engines.kernels.walk import OPERANDS, START, STOP


def formula(x):
    return x


def count_and_mark(record, anchor):
    """One more in each place of the work; where a part begins and ends."""
    counts, begins = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    for k in range(record[START], record[STOP]):
        counts[k] += anchor[1]
    begins[record[START]] = record[STOP]


def forked(record, anchor):
    fork(record[OPERANDS + 2], record[OPERANDS + 3], record, anchor, record[OPERANDS + 4])


def team(runtime, start, stop, threads):
    """How often each number was worked on; beginnings and ends of the parts."""
    counts, begins = np.zeros(stop + 20, "float32"), np.zeros(stop + 20, "float32")
    function = address(count_and_mark, "float32")
    run(forked, "float32", start, stop, counts, begins, runtime, function, threads)
    places = np.flatnonzero(begins)
    return counts, list(zip(places.tolist(), begins[places].astype(int).tolist(), strict=True))


@given(start=st.integers(0, 40), size=st.integers(1, 2000), threads=st.integers(1, 4), plain=st.booleans())
@settings(max_examples=40, deadline=None)
def test_each_number_is_worked_on_once(start, size, threads, plain):
    counts, parts = team(0 if plain else teams.runtime(), start, start + size, threads)
    assert (counts[start : start + size] == 1).all()
    assert counts.sum() == size
    assert parts[0][0] == start
    assert parts[-1][1] == start + size
    assert all(one[1] == other[0] for one, other in pairwise(parts))


def test_the_work_is_shared():
    with threadpool_limits(2):
        _, parts = team(teams.runtime(), 3, 1003, 2)
    assert parts == ([(3, 515), (515, 1003)] if teams.runtime() else [(3, 1003)])


@pytest.mark.parametrize("threads", [1, 2])
def test_limits_hold(threads):
    with threadpool_limits(1):
        assert teams.threads() == 1
        _, parts = team(teams.runtime(), 0, 1000, threads)
    assert parts == [(0, 1000)]


def test_one_thread_is_a_plain_call():
    with threadpool_limits(2):
        assert team(teams.runtime(), 0, 1000, 1)[1] == [(0, 1000)]


def test_without_an_openmp_library_there_is_no_team(monkeypatch):
    monkeypatch.setattr(blas, "find", blas.scipy_blas)
    monkeypatch.setattr(teams, "_table", teams._table.__wrapped__)
    assert teams.runtime() == 0
    assert teams.threads() == 1
