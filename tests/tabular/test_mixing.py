"""What several kinds of networks say together: temperature, out-of-fold means, shares."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from mlp.tabular import calibration
from mlp.tabular.ensemble import Ensemble, Group
from mlp.tabular.jobs import Rows
from mlp.tabular.members import Member
from mlp.tabular.mixing import best_shares, greedy_shares, mean_predictions, mixed
from mlp.tabular.targets import Classes, Numbers

rng = np.random.default_rng(0)


def classes(rows=300, number=3):
    """A target, its rows, and the logits of a network that is right about them."""
    target = Classes()
    T = target.fit(rng.integers(0, number, rows))
    logits = rng.normal(size=(rows, number)).astype(np.float32)
    drawn = np.array([rng.choice(number, p=np.exp(row)) for row in log_softmax(logits.astype(float), axis=1)])
    return target, Rows(np.zeros((rows, 1)), drawn, None, {}), logits, T


def member(held, out):
    return Member("robust", np.zeros(1), held, out, [0.0], 0)


def test_the_temperature_undoes_what_made_the_logits_too_sure():
    target, rows, logits, _ = classes(4000)
    for factor in (0.5, 1.0, 3.0):
        found = calibration.temperature(target, [member(np.arange(4000), logits * factor)], rows)
        assert found == pytest.approx(factor, rel=0.1)


def test_no_temperature_gives_a_lower_loss():
    target, rows, logits, _ = classes()
    logits *= 4
    found = calibration.temperature(target, [member(np.arange(300), logits)], rows)
    losses = [target.value(logits / (found * factor), rows.T, None) for factor in (0.9, 1.0, 1.1)]
    assert losses[1] == min(losses)


@pytest.mark.parametrize(("number", "found"), [(19, False), (20, True)])
def test_few_rows_leave_the_logits_as_they_are(number, found):
    target, rows, logits, _ = classes(number)
    made = calibration.temperature(target, [member(np.arange(number), logits * 5)], rows)
    assert (made != 1) == found


def test_several_networks_get_nine_tenths_of_the_temperature_of_one():
    target, rows, logits, _ = classes()
    one = calibration.temperature(target, [member(np.arange(300), logits * 3)], rows)
    halves = [member(part, logits[part] * 3) for part in np.split(np.arange(300), 2)]
    assert calibration.temperature(target, halves, rows) == pytest.approx(0.9 * one)


@pytest.mark.parametrize(("number", "found"), [(19, False), (20, True)])
def test_few_rows_leave_the_shares_even(number, found):
    target = Numbers()
    t = rng.normal(size=number + 5)
    T = target.fit(t)
    parts = [t[:, np.newaxis].copy(), t[:, np.newaxis] + 1.0]
    parts[1][number:] = np.nan  # rows that one kind alone predicts do not count
    shares, _ = mixed(target, parts, Rows(np.zeros((len(t), 1)), T, None, {}))
    assert (shares[0] > 0.6) == found
    assert found or shares.tolist() == [0.5, 0.5]


def test_a_row_is_predicted_by_those_that_have_not_seen_it():
    target = Numbers()
    target.fit(np.array([0.0, 1.0, 2.0, 3.0]))
    target.mean, target.scale = np.zeros(1), np.ones(1)
    members = [
        member(np.array([0, 1]), np.array([[1.0], [2.0]])),
        member(np.array([1, 2]), np.array([[4.0], [5.0]])),
    ]
    made = mean_predictions(target, members, 4)
    np.testing.assert_array_equal(made, [[1.0], [3.0], [5.0], [np.nan]])


def test_the_better_kind_gets_the_larger_share():
    target, rows, logits, _ = classes(600)
    noise = rng.normal(size=logits.shape) * 2
    parts = [target.predictions(out) for out in (logits, noise)]
    shares = best_shares(target, parts, rows.T, None)
    assert shares[0] > 0.9
    assert shares.sum() == pytest.approx(1)


def test_the_mixture_of_numbers_by_hand():
    # P = s·(t + 1) + (1 − s)·(t − 1) is right at s = ½, and where one is right alone it gets nearly all
    target = Numbers()
    t = rng.normal(size=50)
    T = target.fit(t)
    mean, scale = target.mean, target.scale
    first, second = t[:, np.newaxis] + scale, t[:, np.newaxis] - scale
    np.testing.assert_allclose(best_shares(target, [first, second], T, None), [0.5, 0.5], atol=1e-4)
    # loss (1 − s)² · 0.01 + 0.01 · 2 (s − ½)² is least at s = 2/3
    right = T * scale + mean
    wrong = right + 0.1 * scale
    np.testing.assert_allclose(best_shares(target, [right, wrong], T, None), [2 / 3, 1 / 3], atol=1e-3)


def test_rows_count_by_their_weights():
    # each kind is right about half of the rows, and the first half weighs nearly nothing
    target, n = Numbers(), 40
    t = rng.normal(size=n)
    T = target.fit(t)
    late = (np.arange(n) >= n // 2)[:, np.newaxis]
    parts = [t[:, np.newaxis] + 2.0 * late, t[:, np.newaxis] + 2.0 * ~late]
    weight = np.where(late[:, 0], 1.0, 1e-6)
    inputs = np.zeros((n, 1))
    assert mixed(target, parts, Rows(inputs, T, weight, {}))[0][1] > 0.95
    assert mixed(target, parts, Rows(inputs, T, None, {}))[0][1] == pytest.approx(0.5, abs=1e-3)


class Said:
    """A network whose outputs are its weights, whatever the inputs; with the parameters of one."""

    def __init__(self):
        self.lock, self.parameters = threading.RLock(), SimpleNamespace(values=np.zeros(2))

    def predict(self, X, batch_size=None):
        return np.tile(self.parameters.values, (len(X), 1))


def test_an_ensemble_is_the_mean_by_shares_of_the_means_of_its_groups():
    target = Classes()
    target.fit([0, 1])
    sure, unsure = [np.log(9.0), 0.0], [0.0, 0.0]
    ensemble = Ensemble(
        target,
        [
            Group("robust", Said(), np.array([sure, unsure]), temperature=1.0, share=0.75),
            Group("quantile", Said(), np.array([sure]), temperature=2.0, share=0.25),
        ],
    )
    X = {"robust": np.zeros((2, 1)), "quantile": np.zeros((2, 3))}
    each = ensemble.member_predictions(X.__getitem__)
    np.testing.assert_allclose(each[:, :, 0], [[0.9, 0.9], [0.5, 0.5], [0.75, 0.75]])
    # ¾ · (0.9 + 0.5)/2 + ¼ · 0.75
    np.testing.assert_allclose(ensemble.predictions(X.__getitem__)[:, 0], 0.7125)
    assert len(ensemble) == 3


@given(st.integers(1, 3), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_a_mixture_stays_within_its_parts(kinds, seed):
    draws = np.random.default_rng(seed)
    target, n = Numbers(), 30
    T = target.fit(draws.normal(size=n))
    parts = [draws.normal(size=(n, 1)) for _ in range(kinds)]
    for part in parts:
        part[draws.integers(0, n, 3)] = np.nan
    shares, made = mixed(target, parts, Rows(np.zeros((n, 1)), T, None, {}))
    assert shares.sum() == pytest.approx(1)
    whole = np.array(parts)
    none = np.isnan(whole).all(axis=0)
    np.testing.assert_array_equal(np.isnan(made), none)
    low, high = np.nanmin(whole[:, ~none[:, 0]], axis=0), np.nanmax(whole[:, ~none[:, 0]], axis=0)
    assert (made[~none[:, 0]] >= low - 1e-9).all()
    assert (made[~none[:, 0]] <= high + 1e-9).all()


@given(st.integers(0, 1000), st.integers(1, 6), st.integers(1, 20))
def test_greedy_shares_are_never_worse_than_the_best(seed, n, picks):
    draws = np.random.default_rng(seed)
    truth = draws.normal(size=(10, 2))
    predictions = [truth + draws.normal(size=truth.shape) * draws.random() for _ in range(n)]

    def loss(mean):
        return float(np.square(mean - truth).mean())

    shares = greedy_shares(loss, predictions, picks)
    np.testing.assert_allclose(shares.sum(), 1)
    together = sum(share * each for share, each in zip(shares, predictions, strict=True))
    assert loss(together) <= min(map(loss, predictions)) + 1e-12
