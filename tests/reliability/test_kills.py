"""A process that is killed at random moments and started again ends with the bytes of one that was not.

Weights, optimizer, generators, history, log and checkpoint; ``python -m benchmarks.kills`` does it 50 times
for every optimizer.
"""

import pytest
import runs

from mlp import callbacks

KILLS = 16


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_killed_runs_end_with_the_same_bytes(engine, tmp_path):
    """Every optimizer once, every kind of data and of options twice."""
    expected = runs.whole(engine, tmp_path / "whole", runs.SOME)
    found, kills = runs.killed(engine, tmp_path / "killed", runs.SOME, KILLS, longest=0.12)
    for name in runs.SOME:
        assert found[name] == expected[name], name
    assert kills  # a fast machine may be through before there were as many as asked for


def test_the_runs_are_not_trivial(tmp_path):
    """What the comparison is made of does change with the training: it can fail."""
    found = runs.whole("numpy", tmp_path, ["Adam-plain", "Adam-single", "SGD-plain"])
    parts = ("weights", "generators", "iterations", "history")
    for name in ("Adam-single", "SGD-plain"):
        different = {part for part in parts if found[name][part] != found["Adam-plain"][part]}
        assert {"weights", "history"} <= different
    assert {"log.csv", "best.mlp", "optimizer.m", "optimizer.v"} <= found["Adam-plain"].keys()


class KilledError(Exception):
    """Stands for a kill, at a moment that is chosen."""


class Kill(callbacks.Callback):
    """Raises when an epoch begins."""

    def __init__(self, at=None):
        self.at = at

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.at:
            raise KilledError


def fit(name, engine, folder, at=None):
    model = runs.network(name, engine)
    options = dict(epochs=6, verbose=0) | ({} if name.split("-")[0] in runs.SOLVERS else {"batch_size": 16})
    backup = callbacks.BackupAndRestore(folder / "backup")
    model.fit(runs.X, runs.T, callbacks=[Kill(at), backup], **options)
    return runs.outcome(model, folder)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("name", [f"{rule}-full" for rule in [*runs.RULES, *runs.SOLVERS]])
def test_every_optimizer_goes_on_from_each_epoch(name, engine, tmp_path):
    """Killed in every epoch but the first, each time by a new model that goes on."""
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    expected = fit(name, engine, tmp_path / "whole")
    for at in range(1, 6):
        with pytest.raises(KilledError):
            fit(name, engine, tmp_path / "killed", at)
        assert (tmp_path / "killed" / "backup" / "training.mlp").exists()
    assert fit(name, engine, tmp_path / "killed") == expected
