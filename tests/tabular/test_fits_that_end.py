"""Fits that end in time, by Ctrl-C, and what they say meanwhile."""

import subprocess
import sys
import time

import numpy as np
import pytest

from mlp import TabularClassifier
from mlp.tabular import members, progress
from mlp.tabular.progress import Clock, Progress

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 4))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
SMALL = {"hidden_layer_sizes": 8, "engine": "numpy", "n_threads": 2, "random_state": 0}


# a time limit


def test_a_short_time_gives_a_model():
    model = TabularClassifier(**SMALL).fit(X, Y, time_limit=0.3)
    assert model.score(X, Y) > 0.6
    assert 1 <= len(model.ensemble_) <= 15
    assert all(len(values) <= model.recipe_.epochs for values in model.validation_curves_)


@pytest.mark.parametrize("preset", ["auto", "td", "td-s"])
def test_hardly_any_time_gives_one_network(preset):
    model = TabularClassifier(preset, **SMALL).fit(X, Y, time_limit=1e-9)
    assert len(model.ensemble_) == 1
    assert np.isfinite(model.predict_proba(X)).all()


def test_a_long_time_changes_no_epoch():
    model = TabularClassifier(epochs=3, n_folds=2, **SMALL)
    plain = model.fit(X, Y).predict_proba(X)
    limited = model.fit(X, Y, time_limit=600)
    assert [len(values) for values in limited.validation_curves_] == [3] * 6
    np.testing.assert_array_equal(limited.predict_proba(X), plain)


@pytest.mark.parametrize("limit", [0, -1, np.nan, np.inf, "1"])
def test_limits_that_are_none(limit):
    with pytest.raises(ValueError, match=r"time_limit must be a number in \(0, inf\)"):
        TabularClassifier(**SMALL).fit(X, Y, time_limit=limit)


def test_the_clock_keeps_time_for_what_follows(monkeypatch):
    now = iter([100.0, 101.0, 104.0, 200.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(now))
    clock = Clock(10)
    clock.reserve(0.5)
    assert clock.left == pytest.approx(10 * progress.SHARE - 1.5)
    clock.reserve(1000)  # half is left to the training
    assert clock.left == pytest.approx((10 * progress.SHARE - 0.5) / 2 - 4)
    assert clock.left == 0


def test_without_time_to_compile_it_is_numpy(monkeypatch, tmp_path):
    """In a process of its own, which has not compiled before."""
    lines = (
        "import numpy as np; from mlp import TabularClassifier\n"
        "from mlp.engines.kernels.compiler import compiler_for\n"
        "X = np.random.default_rng(0).normal(size=(60, 2)); model = TabularClassifier(hidden_layer_sizes=4)\n"
        "model.fit(X, X[:, 0] > 0, time_limit=0.2); print(compiler_for(np.dtype('float32')).compiled)"
    )
    monkeypatch.setenv("MLP_CACHE_DIR", str(tmp_path))
    run = subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout == "0\n"
    assert "trains on NumPy, since there is no time to compile" in run.stderr


# Ctrl-C

INTERRUPTED = """
import os, signal, sys, threading, time, warnings
import numpy as np
from mlp import TabularClassifier
X = np.random.default_rng(0).normal(size=(300, 4))
model = TabularClassifier(epochs=10**9, hidden_layer_sizes=4, n_folds=2, n_threads=2, engine=sys.argv[1])

def interrupt():
    while not counted:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)

from mlp.tabular import progress
counted, advance = [], progress.Progress.advance
progress.Progress.advance = lambda self, epochs=1: (counted.append(1), advance(self, epochs))[1]
threading.Thread(target=interrupt, daemon=True).start()
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    model.fit(X, X[:, 0] > 0)
print(said[-1].message, said[-1].filename)
print(len(model.ensemble_), np.isfinite(model.predict_proba(X)).all(), model.oof_score_ > 0)
"""


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_ctrl_c_keeps_what_there_is(engine):
    run = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, engine], capture_output=True, text=True, timeout=30, check=True
    )
    first, second = run.stdout.splitlines()[-2:]
    assert "Training interrupted by user: " in first
    assert " of 6 networks are kept, as they are. <string>" in first
    assert int(second.split()[0]) >= 1
    assert second.endswith("True True")


class Never:
    """A network that takes for ever, as far as whoever waits can tell."""

    def __init__(self):
        self.calls = 0

    def result(self):
        self.calls += 1
        raise KeyboardInterrupt

    def cancel(self):
        return True


def test_a_second_ctrl_c_ends_it_at_once(monkeypatch):
    model = TabularClassifier(epochs=2, n_folds=2, **SMALL).fit(X, Y)
    before, futures = model.predict_proba(X), []

    class Pool:
        def __init__(self, workers):
            pass

        def submit(self, work, job):
            futures.append(Never())
            return futures[-1]

        def shutdown(self, wait):
            assert not wait

    monkeypatch.setattr(members, "ThreadPoolExecutor", Pool)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    assert [future.calls for future in futures] == [2, 0, 0, 0, 0, 0]
    np.testing.assert_array_equal(model.predict_proba(X), before)


# progress


def test_a_bar(capsys):
    TabularClassifier(epochs=3, n_folds=2, verbose=True, **SMALL).fit(X, Y)
    assert "18/18" in capsys.readouterr().err


def test_lines_without_tqdm(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    TabularClassifier(epochs=3, n_folds=2, verbose=True, **SMALL).fit(X, Y)
    assert capsys.readouterr().out.startswith("fit: 18 of 18 epochs in ")
    bar = Progress(10, verbose=True)
    bar.shown = bar.begun = time.perf_counter() - 5
    bar.advance(5)
    assert capsys.readouterr().out == "fit: 5 of 10 epochs in 5 s, 5 s remain\n"


def test_nothing_is_said_unasked(capsys):
    TabularClassifier(epochs=1, n_folds=2, **SMALL).fit(X, Y)
    assert capsys.readouterr() == ("", "")
