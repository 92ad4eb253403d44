"""Limits on cores: contexts of several threads, entered and left in whatever order."""

import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from mlp import Sequential, layers
from mlp.engines import threads
from mlp.engines.threads import Limits, limited


class Pool:
    """A library with threads, whose limit holds for the process, or for each thread by itself."""

    def __init__(self, filepath, alone, number=8):
        self.filepath, self.first = filepath, number
        self.place = threading.local() if alone else types.SimpleNamespace()

    @property
    def num_threads(self):
        return getattr(self.place, "number", self.first)

    def set_num_threads(self, number):
        self.place.number = number


@pytest.fixture
def shared():
    return Pool("openblas", False)


@pytest.fixture
def single():
    return Pool("openmp", True)


@pytest.fixture
def limits(shared, single):
    return Limits(lambda: [shared, single])


def test_one_context(limits, shared, single):
    with limits.limited(3):
        assert (shared.num_threads, single.num_threads) == (3, 3)
    assert (shared.num_threads, single.num_threads) == (8, 8)


def test_which_library_limits_one_thread_alone_is_found_out(limits):
    with limits.limited(3):
        assert limits.for_one_thread == {"openblas": False, "openmp": True}


@pytest.mark.parametrize("order", ["first leaves first", "last leaves first"])
def test_contexts_of_two_threads_that_overlap(limits, shared, single, order):
    """Neither the first to leave gives the other one its cores, nor does a limit stay for ever."""
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        contexts = [(one, limits.limited(1)), (other, limits.limited(2))]
        for pool, context in contexts:
            pool.submit(context.__enter__).result()
        assert shared.num_threads == 1
        assert [pool.submit(lambda: single.num_threads).result() for pool, _ in contexts] == [1, 2]
        (first, leaving), (second, staying) = contexts if order == "first leaves first" else contexts[::-1]
        first.submit(leaving.__exit__, None, None, None).result()
        assert shared.num_threads == (2 if order == "first leaves first" else 1)
        assert first.submit(lambda: single.num_threads).result() == 8
        second.submit(staying.__exit__, None, None, None).result()
        assert shared.num_threads == 8
        assert second.submit(lambda: single.num_threads).result() == 8
    assert single.num_threads == 8


def test_a_context_in_a_context(limits, shared, single):
    with limits.limited(2):
        with limits.limited(4):
            assert (shared.num_threads, single.num_threads) == (2, 2)
        with limits.limited(1):
            assert (shared.num_threads, single.num_threads) == (1, 1)
        assert (shared.num_threads, single.num_threads) == (2, 2)
    assert (shared.num_threads, single.num_threads) == (8, 8)


def test_a_limit_gives_nobody_more_cores(limits, shared, single):
    shared.first = single.first = 2
    with limits.limited(4):
        assert (shared.num_threads, single.num_threads) == (2, 2)


def test_an_error_in_a_context_ends_it(limits, shared, single):
    with pytest.raises(OSError, match="disk"), limits.limited(1):
        raise OSError("disk")
    assert (shared.num_threads, single.num_threads, limits.holders) == (8, 8, [])


def test_what_somebody_else_has_set_meanwhile_stays(limits, shared):
    with limits.limited(1):
        shared.set_num_threads(5)
    assert shared.num_threads == 5


def test_libraries_are_looked_for_again_when_modules_were_loaded(shared, monkeypatch):
    found, late, looks = [shared], Pool("late", False), []
    limits = Limits(lambda: looks.append(None) or list(found))
    for _ in range(3):
        with limits.limited(1):
            pass
    assert len(looks) == 1
    found.append(late)
    monkeypatch.setitem(sys.modules, "a_module_with_a_library", types.ModuleType("late"))
    with limits.limited(1):
        assert late.num_threads == 1
    assert (late.num_threads, len(looks)) == (8, 2)


def test_one_that_is_loaded_while_others_work(shared, monkeypatch):
    found, late = [shared], Pool("late", False)
    limits = Limits(lambda: list(found))
    with limits.limited(1), ThreadPoolExecutor(1) as other:
        found.append(late)
        monkeypatch.setitem(sys.modules, "a_module_with_a_library", types.ModuleType("late"))
        context = limits.limited(3)
        other.submit(context.__enter__).result()
        assert (shared.num_threads, late.num_threads) == (1, 1)
        other.submit(context.__exit__, None, None, None).result()
    assert (shared.num_threads, late.num_threads) == (8, 8)


def test_a_process_that_forks_has_its_own_thread_alone(limits, shared):
    with ThreadPoolExecutor(1) as other:
        context = limits.limited(1)
        other.submit(context.__enter__).result()
        with limits.limited(2):
            limits.after_fork()  # as in the new process
            assert (limits.holders, shared.num_threads) == ([2], 2)
        assert (limits.holders, shared.num_threads) == ([], 8)
        limits.holders.append(1)  # the other thread is there after all
        other.submit(context.__exit__, None, None, None).result()


def numbers():
    return {pool.filepath: pool.num_threads for pool in ThreadpoolController().lib_controllers}


def test_the_libraries_of_this_process():
    before = numbers()
    with limited(1):
        assert set(numbers().values()) == {1}
        with ThreadPoolExecutor(1) as other:
            assert other.submit(with_one).result() == {1}
        assert set(numbers().values()) == {1}
    assert numbers() == before


def with_one():
    with limited(1):
        return set(numbers().values())


def test_contexts_of_threads_that_overlap_in_this_process():
    """In threadpoolctl the first to leave would give the cores back, or the second never."""
    before = numbers()
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        contexts = [(one, limited(1)), (other, limited(1))]
        for pool, context in contexts:
            pool.submit(context.__enter__).result()
        one.submit(contexts[0][1].__exit__, None, None, None).result()
        assert set(other.submit(numbers).result().values()) == {1}
        other.submit(contexts[1][1].__exit__, None, None, None).result()
    assert numbers() == before


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_models_that_are_fitted_in_threads_leave_no_limit(engine, monkeypatch):
    before, looks = numbers(), []
    monkeypatch.setattr(threads.LIMITS, "find", lambda: looks.append(None) or threads.loaded())

    def work(seed):
        model = Sequential([layers.Dense(4, "relu"), layers.Dense(1)], seed=seed)
        model.compile("sgd", "mse", engine=engine, n_threads=1)
        X = np.random.default_rng(seed).normal(size=(40, 3))
        for _ in range(5):
            model.fit(X, X[:, :1], verbose=0, validation_split=0.2)
            model.predict(X)
        return len(threads.LIMITS.holders)

    work(0)
    looks.clear()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))
    assert threads.LIMITS.holders == []
    assert len(looks) < 3, "libraries were looked for anew though no module was loaded"
    after = numbers()  # with those that were loaded meanwhile
    assert after | before == after
    assert 1 not in after.values()
