"""Schedules by hand, where golden values do not reach; in optimizers; as data; bad arguments."""

import math

import numpy as np
import pytest

from mlp import Sequential, layers, models, optimizers
from mlp.errors import ArgumentError
from mlp.optimizers import schedules

MAKERS = {
    "ExponentialDecay": lambda: schedules.ExponentialDecay(0.3, 10, 0.7, True, "mine"),
    "InverseTimeDecay": lambda: schedules.InverseTimeDecay(0.3, 10, 0.7, True),
    "PiecewiseConstantDecay": lambda: schedules.PiecewiseConstantDecay([3, 9], [0.3, 0.2, 0.1]),
    "PolynomialDecay": lambda: schedules.PolynomialDecay(0.3, 10, 0.01, 2.0, cycle=True),
    "CosineDecay": lambda: schedules.CosineDecay(0.1, 10, 0.2, warmup_target=0.3, warmup_steps=5),
    "CosineDecayRestarts": lambda: schedules.CosineDecayRestarts(0.3, 5, 1.5, 0.8, 0.1),
    "OneCycle": lambda: schedules.OneCycle(0.3, 50, 0.4, "linear", 10, 100, True),
    "CosLog": lambda: schedules.CosLog(0.3, 50, cycles=3),
    "FlatCosine": lambda: schedules.FlatCosine(0.3, 50, flat=0.7),
    "Noam": lambda: schedules.Noam(16, 20, 0.5),
    "Scaled": lambda: schedules.Scaled(schedules.CosineDecay(0.1, 10), 0.5),
}


def test_coslog():
    """At t = 0 and where 1 + 15 t is 2, 4, 8, 16 it is 0; halfway on that scale it is η₀."""
    schedule = schedules.CosLog(0.3, 15000)
    zeros, tops = [0, 1000, 3000, 7000, 15000, 20000], [1000 * (2 ** (k + 0.5) - 1) for k in range(4)]
    np.testing.assert_allclose([schedule(step) for step in zeros], 0, atol=1e-15)
    np.testing.assert_allclose([schedule(step) for step in tops], 0.3)
    assert schedule(500) == pytest.approx(0.3 * 0.5 * (1 - math.cos(2 * math.pi * math.log2(1.5))))


def test_flat_cosine():
    schedule = schedules.FlatCosine(0.3, 100)
    expected = {0: 0.3, 49: 0.3, 50: 0.3, 75: 0.15, 100: 0, 500: 0}
    np.testing.assert_allclose([schedule(step) for step in expected], list(expected.values()), atol=1e-15)
    assert schedule(60) == pytest.approx(0.3 * 0.5 * (1 + math.cos(math.pi * 0.2)))
    assert schedules.FlatCosine(0.3, 100, flat=0.0)(50) == pytest.approx(0.15)


def test_noam():
    """Highest at the end of the warm-up: t = 20 is the step of number 19."""
    rates = [schedules.Noam(16, 20)(step) for step in range(60)]
    assert int(np.argmax(rates)) == 19
    assert rates[0] == pytest.approx(0.25 * 20**-1.5)
    assert rates[9] == pytest.approx(10 * rates[0])
    assert rates[49] == pytest.approx(0.25 * 50**-0.5)


def test_one_cycle_stays_after_its_end():
    schedule = schedules.OneCycle(1.0, 10, div_factor=4.0, final_div_factor=10.0)
    assert (schedule(0), schedule(2)) == (0.25, 1.0)
    np.testing.assert_allclose([schedule(step) for step in (9, 10, 1000)], 0.025)
    shortest = schedules.OneCycle(1.0, 2, pct_start=0.1)
    assert all(math.isfinite(shortest(step)) for step in range(4))


@pytest.mark.parametrize("factor", [1.0, 1.1, 2.0, 3.0])
def test_restarts_come_in_the_very_step(factor):
    """Keras, with t_mul = 3, begins its fifth cosine a step late: floor(log 243 / log 3) is 4."""
    schedule = schedules.CosineDecayRestarts(0.3, 10.0, t_mul=factor, m_mul=0.5)
    start, length = 0.0, 10.0
    for k in range(6):
        assert schedule(start) == pytest.approx(0.3 * 0.5**k)
        assert schedule(start + length / 2) == pytest.approx(0.3 * 0.5**k / 2)
        start, length = start + length, length * factor


def test_pieces_end_after_their_boundary():
    schedule = schedules.PiecewiseConstantDecay((3, 9), (0.3, 0.2, 0.1))
    assert [schedule(step) for step in (0, 3, 4, 9, 10, 99)] == [0.3, 0.3, 0.2, 0.2, 0.1, 0.1]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_schedules_are_data(make, tmp_path):
    schedule = make()
    twin = schedules.deserialize(schedules.serialize(schedule))
    assert type(twin) is type(schedule)
    assert repr(twin) == repr(schedule)
    assert [twin(step) for step in range(70)] == [schedule(step) for step in range(70)]
    assert all(isinstance(schedule(step), float) and schedule(step) >= 0 for step in range(70))
    X = np.random.default_rng(0).normal(size=(12, 3))
    model = Sequential([layers.Dense(2)], seed=0)
    model.compile(optimizers.Adam(schedule), "mse")
    model.fit(X, X[:, :2], batch_size=2, verbose=0)
    model.save(tmp_path / "net.mlp")
    loaded = models.load_model(tmp_path / "net.mlp")
    assert repr(loaded.optimizer) == repr(model.optimizer)
    for one in (model, loaded):
        one.fit(X, X[:, :2], batch_size=2, verbose=0)
    np.testing.assert_array_equal(model.parameters.values, loaded.parameters.values)


def test_every_schedule_is_here():
    assert {type(make()) for make in MAKERS.values()} == set(schedules._CATALOGUE.classes.values())
    for name in schedules.__all__:
        assert getattr(optimizers.schedules, name)


def test_a_rate_takes_the_place_of_a_schedule_and_back():
    model = Sequential([layers.Dense(1, input_shape=(1,), use_bias=False)], dtype="float64")
    optimizer = optimizers.SGD(schedules.ExponentialDecay(1.0, 1, 0.5))
    model.compile(optimizer, "half_mean_squared_error")
    for rate, expected in ((None, 1), (0.25, 0.25), (schedules.ExponentialDecay(1.0, 1, 0.5), 0.25)):
        optimizer.learning_rate = optimizer.learning_rate if rate is None else rate
        assert optimizer.current_rate() == expected
        model.set_weights([[[2.0]]])
        model.train_on_batch([[1.0]], [[1.0]])
        assert model.get_weights()[0] == pytest.approx(2 - expected)


RATE = " must be a number of at least 0; got "
BAD = [
    (lambda: schedules.ExponentialDecay(-1, 10, 0.5), "initial_learning_rate" + RATE + "-1"),
    (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), r"decay_steps must be .*in \(0, inf\); got 0"),
    (lambda: schedules.ExponentialDecay(0.1, 10, 0), r"decay_rate must be .*in \(0, inf\); got 0"),
    (lambda: schedules.ExponentialDecay(0.1, 10, 0.5, 1), "staircase must be True or False; got 1"),
    (lambda: schedules.InverseTimeDecay("x", 10, 0.5), "initial_learning_rate" + RATE + "'x'"),
    (lambda: schedules.InverseTimeDecay(0.1, -1, 0.5), r"decay_steps must be .*got -1"),
    (lambda: schedules.InverseTimeDecay(0.1, 10, -0.5), r"decay_rate must be .*in \[0, inf\); got -0.5"),
    (lambda: schedules.InverseTimeDecay(0.1, 10, 0.5, None), "staircase must be True or False; got None"),
    (lambda: schedules.PiecewiseConstantDecay([], [0.1]), "boundaries must be a list of numbers"),
    (lambda: schedules.PiecewiseConstantDecay(3, [0.1]), "boundaries must be a list of numbers"),
    (
        lambda: schedules.PiecewiseConstantDecay([3], [0.1]),
        "values must be a list of 2, one more than boundar",
    ),
    (
        lambda: schedules.PiecewiseConstantDecay([3], [0.1, -1]),
        "values must be a list of numbers of at least 0",
    ),
    (
        lambda: schedules.PiecewiseConstantDecay([3, 3], [1, 2, 3]),
        "boundaries must be a rising list of steps",
    ),
    (lambda: schedules.PolynomialDecay(0.1, 0), "decay_steps must be .*got 0"),
    (lambda: schedules.PolynomialDecay(0.1, 10, -1), "end_learning_rate" + RATE + "-1"),
    (lambda: schedules.PolynomialDecay(0.1, 10, power=0), "power must be .*got 0"),
    (lambda: schedules.PolynomialDecay(0.1, 10, cycle=1), "cycle must be True or False; got 1"),
    (lambda: schedules.CosineDecay(0.1, 0), "decay_steps must be .*got 0"),
    (lambda: schedules.CosineDecay(0.1, 10, alpha=1.5), r"alpha must be .*in \[0, 1\]; got 1.5"),
    (lambda: schedules.CosineDecay(0.1, 10, warmup_target=-1), "warmup_target" + RATE + "-1"),
    (lambda: schedules.CosineDecay(0.1, 10, warmup_steps=-1), "warmup_steps must be .*got -1"),
    (lambda: schedules.CosineDecayRestarts(0.1, 0), "first_decay_steps must be .*got 0"),
    (lambda: schedules.CosineDecayRestarts(0.1, 5, t_mul=0.5), r"t_mul must be .*in \[1, inf\); got 0.5"),
    (lambda: schedules.CosineDecayRestarts(0.1, 5, m_mul=-1), "m_mul must be .*got -1"),
    (lambda: schedules.CosineDecayRestarts(0.1, 5, alpha=2), "alpha must be .*got 2"),
    (lambda: schedules.OneCycle(None, 10), "max_learning_rate" + RATE + "None"),
    (lambda: schedules.OneCycle(0.1, 1), "total_steps must be an integer of at least 2; got 1"),
    (lambda: schedules.OneCycle(0.1, 10.0), "total_steps must be an integer of at least 2; got 10.0"),
    (lambda: schedules.OneCycle(0.1, 10, 1.0), r"pct_start must be .*in \(0, 1\); got 1.0"),
    (
        lambda: schedules.OneCycle(0.1, 10, anneal_strategy="sin"),
        "anneal_strategy must be 'cos' or 'linear'; got",
    ),
    (lambda: schedules.OneCycle(0.1, 10, div_factor=0), "div_factor must be .*got 0"),
    (lambda: schedules.OneCycle(0.1, 10, final_div_factor=0), "final_div_factor must be .*got 0"),
    (lambda: schedules.OneCycle(0.1, 10, three_phase=1), "three_phase must be True or False; got 1"),
    (lambda: schedules.CosLog(-0.1, 10), "learning_rate" + RATE + "-0.1"),
    (lambda: schedules.CosLog(0.1, 0), "total_steps must be .*got 0"),
    (lambda: schedules.CosLog(0.1, 10, cycles=0), "cycles must be an integer from 1 to 63; got 0"),
    (lambda: schedules.FlatCosine(0.1, 0), "total_steps must be .*got 0"),
    (lambda: schedules.FlatCosine(0.1, 10, flat=1), r"flat must be .*in \[0, 1\); got 1"),
    (lambda: schedules.Noam(0), "d_model must be .*got 0"),
    (lambda: schedules.Noam(16, 0), "warmup_steps must be .*got 0"),
    (lambda: schedules.Noam(16, scale=-1), "scale" + RATE + "-1"),
    (lambda: schedules.OneCycle(1, 9, anneal_strategy=np.array(["cos", "linear"])), "anneal_strategy must"),
    (lambda: schedules.deserialize("Noam"), "Noam has no defaults for d_model: give an object of it"),
    (lambda: schedules.deserialize(schedules.Noam), "Noam has no defaults for d_model: give an object of it"),
    (lambda: schedules.serialize(3), "schedule must be a name, a class or an object"),
    (lambda: optimizers.SGD(schedules.Noam), "learning_rate must be a number of at least 0 or a function"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_arguments(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize(
    "schedule",
    [
        schedules.ExponentialDecay(0.1, 1, 10.0),
        schedules.CosineDecayRestarts(0.1, 1, t_mul=1.0, m_mul=10.0),
        schedules.CosineDecayRestarts(0.1, 1, m_mul=1e300),
    ],
    ids=repr,
)
def test_a_rate_that_grows_without_end_is_refused_with_its_step(schedule):
    assert schedule(400) == math.inf
    optimizer = optimizers.SGD(schedule)
    optimizer.iterations = 400
    with pytest.raises(
        ArgumentError, match="learning_rate of step 400 must be a number of at least 0; got inf"
    ):
        optimizer.current_rate()
