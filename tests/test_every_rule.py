"""What holds for every update rule: state, frozen layers, factors, extremes, memory."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
from every_rule import MAKERS, two_layers, walk

from mlp import optimizers
from mlp.naming import describe

every_rule = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
both_types = pytest.mark.parametrize("dtype", ["float32", "float64"])


def test_the_list_is_complete():
    rules = {type(make()) for make in MAKERS.values()}
    catalogue = set(optimizers._CATALOGUE.classes.values())
    assert rules == {rule for rule in catalogue if rule.update is not optimizers.Optimizer.update}


@every_rule
@both_types
def test_goes_downhill_without_changing_the_type(make, dtype):
    vector = two_layers(dtype)
    goal = np.linspace(-1, 1, vector.values.size, dtype=dtype)
    optimizer = make()
    optimizer.build(vector)
    before = np.sum((vector.values - goal) ** 2)
    for _ in range(100):
        np.subtract(vector.values, goal, vector.gradients)
        optimizer.step()
    assert np.sum((vector.values - goal) ** 2) < 0.9 * before
    assert optimizer.iterations == 100
    assert {vector.dtype for vector in optimizer.state.values()} <= {np.dtype(dtype)}


@every_rule
@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda part: pickle.loads(pickle.dumps(part))])
def test_goes_on_from_its_state(make, twin_of):
    """State vectors and `iterations` are all that a step remembers."""
    optimizer, vector = make(use_ema=True, gradient_accumulation_steps=3), two_layers()
    walk(optimizer, vector, steps=7)
    twin, other = twin_of(optimizer), two_layers()
    fresh, third = optimizers.get(describe(optimizer)), two_layers()
    fresh.build(third)
    for name, state in optimizer.state.items():
        fresh.state[name][:] = state
    fresh.iterations = optimizer.iterations
    other.values[:] = third.values[:] = vector.values
    paths = [walk(*pair, seed=3) for pair in ((optimizer, vector), (twin, other), (fresh, third))]
    np.testing.assert_array_equal(paths[0], paths[1])
    np.testing.assert_array_equal(paths[0], paths[2])


@every_rule
def test_frozen_layers_stay_and_the_others_do_not_notice(make):
    options = {"use_ema": True, "ema_overwrite_frequency": 2, "weight_decay": 0.1, "clipnorm": 1.0}
    free = walk(make(**options), two_layers())
    for frozen, moving in ((("hidden",), slice(20, 32)), (("out",), slice(0, 20))):
        vector = two_layers(frozen=frozen)
        start = vector.values.copy()
        path = walk(make(**options), vector)
        np.testing.assert_allclose(path[:, moving], free[:, moving], rtol=1e-13)
        path[:, moving] = start[moving]
        np.testing.assert_array_equal(path, np.broadcast_to(start, path.shape))


@every_rule
def test_thawing_keeps_the_state(make):
    optimizer, vector = make(), two_layers(frozen=("hidden",))
    walk(optimizer, vector)
    before = {name: state.copy() for name, state in optimizer.state.items()}
    thawed = two_layers()
    thawed.values[:] = vector.values
    optimizer.build(thawed)
    assert optimizer.iterations == 8
    assert optimizer.fits(thawed)
    for name, state in before.items():
        np.testing.assert_array_equal(optimizer.state[name], state)
    optimizer.build(two_layers(units=6))  # another model: begin anew
    assert optimizer.iterations == (0 if before else 8)


@every_rule
def test_everything_frozen(make):
    optimizer, vector = make(use_ema=True), two_layers(frozen=("hidden", "out"))
    start = vector.values.copy()
    np.testing.assert_array_equal(walk(optimizer, vector)[-1], start)
    optimizer.finish()
    np.testing.assert_array_equal(vector.values, start)


@every_rule
@pytest.mark.parametrize("name", ["W", "bias", "hidden", "out.W", "out/kernel"])
def test_a_factor_of_the_rate_is_a_rate(make, name):
    """Parameters with a factor move as they all do with that rate, and the others as ever."""
    optimizer = make(rate_factors={name: 0.5})
    halved = make()
    halved.learning_rate = optimizer.learning_rate / 2
    ours, whole, half = (walk(o, two_layers())[-1] for o in (optimizer, make(), halved))
    places = {
        "W": [*range(15), *range(20, 30)],
        "bias": [*range(15, 20), 30, 31],
        "hidden": range(20),
        "out.W": range(20, 30),
        "out/kernel": range(20, 30),
    }
    inside = np.isin(np.arange(32), places[name])
    if isinstance(optimizer, optimizers.Rprop):
        half = whole  # its rate is only where the steps begin
    np.testing.assert_allclose(ours, np.where(inside, half, whole), rtol=1e-12)


@every_rule
@both_types
@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e4])
def test_extreme_gradients(make, scale, dtype):
    """Nothing overflows or is undefined; what does not know a gradient does not move."""
    optimizer, vector = make(weight_decay=0.0), two_layers(dtype)
    if isinstance(optimizer, optimizers.Muon):
        optimizer = optimizers.Muon(weight_decay=None, adam_weight_decay=None)
    start = vector.values.copy()
    path = walk(optimizer, vector, scale=scale, steps=30)
    assert np.isfinite(path).all()
    assert path.dtype == dtype
    if scale == 0 and not isinstance(optimizer, optimizers.Ftrl):
        np.testing.assert_allclose(path[-1], start, rtol=1e-6)
    if not isinstance(optimizer, optimizers.SGD | optimizers.Ftrl | optimizers.RAdam):
        assert np.abs(path[-1] - start).max() < 100  # these rules do not heed the gradient's size


@every_rule
@pytest.mark.parametrize(
    "options", [{}, {"use_ema": True, "gradient_accumulation_steps": 2, "clipvalue": 1.0}]
)
def test_a_step_allocates_nothing(make, options):
    vector = two_layers("float32", inputs=200, units=300)
    optimizer = make(weight_decay=0.01, **options)
    walk(optimizer, vector, steps=4)
    tracemalloc.start()
    try:
        for _ in range(6):
            optimizer.step()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # a vector of the weights takes 243 kB, one of the units 1.2 kB; NumPy divides a matrix by a
    # column through a buffer of 8,192 numbers
    assert peak < (40_000 if isinstance(optimizer, optimizers.Adafactor) else 5_000)
