"""The networks of an ensemble: their rows, the weights of these, and how many there is time for."""

from dataclasses import replace

import numpy as np
import pytest

from mlp.tabular.jobs import Rows, jobs_of
from mlp.tabular.members import Trainer
from mlp.tabular.preprocessing import TablePreprocessor
from mlp.tabular.progress import Clock
from mlp.tabular.recipe import Recipe
from mlp.tabular.targets import Numbers

TINY = Recipe(hidden_layer_sizes=(2,), batch_size=4, epochs=2, n_folds=3)


def trainer(recipe=TINY, weight=None, judge=None, rows=24, n_threads=1):
    X = np.linspace(-1, 1, rows)[:, np.newaxis]
    table, target = TablePreprocessor(), Numbers()
    inputs, T = table.fit_transform(X), target.fit(X[:, 0] ** 2)
    none = np.empty((rows, 0), np.float32)
    learned = Rows(inputs, T, weight, {"robust": none})
    return Trainer(recipe, table, target, learned, judge or target.value, "numpy", n_threads)


def test_each_row_is_left_out_once_by_each_seed_and_encoding():
    recipe = Recipe(n_folds=4, n_seeds=2)
    jobs = jobs_of(recipe, ["robust", "quantile"], 30, None, seed=0)
    assert len(jobs) == 16
    for first in range(0, 16, 4):
        of_one = jobs[first : first + 4]
        assert len({job.encoding for job in of_one}) == 1
        assert sorted(np.concatenate([job.held for job in of_one])) == list(range(30))
    for job in jobs:
        assert sorted([*job.train, *job.held]) == list(range(30))
    assert len({job.seed for job in jobs}) == 16


def test_encodings_share_their_folds_and_seeds_do_not():
    jobs = jobs_of(Recipe(n_folds=2, n_seeds=2), ["robust", "quantile"], 40, None, seed=0)
    folds = [tuple(job.held) for job in jobs]
    assert folds[:2] == folds[2:4]
    assert folds[4:6] == folds[6:8]
    assert not set(folds[:2]) & set(folds[4:6])


def test_without_folds_a_fifth_is_left_out():
    (job,) = jobs_of(Recipe(), ["robust"], 50, None, seed=0)
    assert len(job.held) == 10


def test_folds_keep_the_proportions_of_classes():
    strata = np.repeat([0, 1], [80, 20])
    held = [job.held for job in jobs_of(Recipe(n_folds=5, stratified=True), ["robust"], 100, strata, seed=1)]
    assert [strata[rows].sum() for rows in held] == [4] * 5
    loose = [job.held for job in jobs_of(Recipe(n_folds=5), ["robust"], 100, strata, seed=1)]
    assert [strata[rows].sum() for rows in loose] != [4] * 5


def test_weights_of_some_rows_have_the_mean_1():
    rows = Rows(np.zeros((4, 1)), np.zeros(4), np.array([0.0, 0.0, 1.0, 3.0]), {})
    np.testing.assert_array_equal(rows.weights(np.array([2, 3])), [0.5, 1.5])
    assert rows.weights(np.array([0, 1])) is None
    assert Rows(rows.X, rows.T, None, {}).weights(np.array([2, 3])) is None


def test_epochs_are_judged_by_the_weights_of_the_rows_left_out():
    weight = np.arange(1.0, 25.0)
    seen = []

    def judge(out, T, weights):
        seen.append(weights)
        return 0.0

    one = trainer(weight=weight, judge=judge)
    job = jobs_of(TINY, ["robust"], 24, None, seed=0)[0]
    (member,) = one.run([job], Clock(None))
    assert len(seen) == TINY.epochs
    np.testing.assert_allclose(seen[0], weight[job.held] / weight[job.held].mean())
    assert member.out.shape == (len(job.held), 1)


@pytest.mark.parametrize(("seconds", "networks"), [(0.001, 1), (20, 2), (28, 3), (60, 6), (1e6, 9)])
def test_as_many_networks_as_there_is_time_for_and_whole_rounds_of_folds(monkeypatch, seconds, networks):
    # 16 rows learned from are 4 steps of 4 s: 32 s for 2 epochs, of which a quarter will do
    one = trainer()
    monkeypatch.setattr(one.plan, "seconds_of_step", lambda job: 4.0)
    job = jobs_of(TINY, ["robust"], 24, None, seed=0)[0]
    clock = Clock(None)
    clock.seconds = seconds
    assert one.plan.affordable(9, job, clock) == networks


def test_no_network_is_begun_once_the_time_is_over(monkeypatch):
    clock = Clock(1e6)

    def judge(out, T, weights):
        clock.seconds = 0.0  # at the end of an epoch of the first
        return 0.0

    one = trainer(judge=judge)
    monkeypatch.setattr(one.plan, "seconds_of_step", lambda job: 1e-6)
    members = one.run(jobs_of(TINY, ["robust"], 24, None, seed=0), clock)
    assert [len(member.values) for member in members] == [TINY.epochs]


def test_a_network_that_has_not_finished_an_epoch_is_left_out_if_others_have(monkeypatch):
    one = trainer()
    monkeypatch.setattr(one.plan, "seconds_of_step", lambda job: 1e-6)
    train = one._train

    def second_is_late(job):
        member = train(job)
        return replace(member, values=[]) if job is jobs[1] else member

    monkeypatch.setattr(one, "_train", second_is_late)
    jobs = jobs_of(TINY, ["robust"], 24, None, seed=0)
    assert len(one.run(jobs, Clock(1e6))) == 2
    jobs = [jobs[0], jobs[1]]
    assert len(one.run(jobs[1:], Clock(1e6))) == 1


def test_few_rows_make_one_batch_without_a_remainder():
    one = trainer(Recipe(hidden_layer_sizes=(2,), batch_size=256, epochs=3, n_folds=3), rows=6)
    members = one.run(jobs_of(one.recipe, ["robust"], 6, None, seed=0), Clock(None))
    assert [len(member.values) for member in members] == [3, 3, 3]
    first = one.plan.model("robust", 0).parameters.values
    assert all(not np.allclose(member.weights, first) for member in members)


@pytest.mark.parametrize(("networks", "at_a_time", "each"), [(1, 1, 4), (2, 2, 2), (3, 3, 1), (15, 4, 1)])
def test_few_networks_share_all_cores(networks, at_a_time, each):
    plan = trainer(n_threads=4).plan
    assert plan.share(networks) == at_a_time
    model = plan.model("robust", 0)
    plan.compile(model, 40)
    assert model.n_threads == each
