"""Compiled passes and NumPy's make the same bits, in every number that a step leaves."""

import math
import pickle

import numpy as np
import pytest
import scipy.sparse
from beside_sklearn import quietly
from hypothesis import given, settings
from hypothesis import strategies as st

import mlp
from mlp.estimators import arithmetic, exact_engine, fused
from mlp.estimators.exact_engine import ExactEngine
from mlp.estimators.rules import ExactAdam, ExactSGD
from mlp.layers import Dense
from mlp.parameters import Parameters

DTYPES = st.sampled_from(["float32", "float64"])
EXTREMES = (0.0, -0.0, 1.0, math.inf, -math.inf, math.nan)


@pytest.fixture(autouse=True)
def quiet():
    with np.errstate(all="ignore"):
        yield


def numbers(rng, size, dtype, wild):
    """Numbers of many sizes; of the wild ones a quarter are subnormal, huge, zero or not finite."""
    array = (rng.standard_normal(size) * 10.0 ** rng.integers(-8, 8, size)).astype(dtype)
    if wild:
        limits = np.finfo(dtype)
        pool = [*EXTREMES, limits.smallest_subnormal, -limits.tiny / 2, limits.tiny, limits.max, -limits.max]
        chosen = rng.random(size) < 0.25
        array[chosen] = rng.choice(np.array(pool, dtype), size)[chosen]
    return array


def assert_same_bits(one, other):
    nan = np.isnan(one)
    np.testing.assert_array_equal(nan, np.isnan(other))
    kind = f"i{one.itemsize}"
    np.testing.assert_array_equal(one.view(kind)[~nan], other.view(kind)[~nan])


def engine_of(rule, sizes, dtype, alpha, seed, wild):
    """An engine whose vectors and whose rule's state are filled with numbers."""
    rng, kind = np.random.default_rng(seed), np.dtype(dtype)
    layers = [Dense(units) for units in sizes[1:]]
    for layer, inputs in zip(layers, sizes, strict=False):
        layer.build((inputs,), rng, kind)
    parameters = Parameters(layers, kind)
    names = ["relu"] * (len(layers) - 1) + ["identity"]
    engine = ExactEngine(layers, parameters, names, arithmetic.SquaredError(), alpha)
    rule.build(parameters)
    for vector in (parameters.values, parameters.gradients, *rule.state.values()):
        vector[:] = numbers(rng, vector.size, dtype, wild)
    if "v" in rule.state and not wild:
        np.abs(rule.state["v"], rule.state["v"])
    return engine


rates = st.sampled_from([0.0, 1e-300, 1e-3, 0.1, 1e10])
shares = st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.999])
adams = st.builds(ExactAdam, rates, shares, shares, st.sampled_from([1e-300, 1e-8, 1.0]))
descents = st.builds(ExactSGD, rates, st.sampled_from([0.0, 0.1, 0.9, 1.0]), st.booleans())


@given(
    rule=adams | descents, sizes=st.lists(st.integers(1, 70), min_size=2, max_size=4), dtype=DTYPES,
    alpha=st.sampled_from([0.0, 1e-4, 3.0]), total=st.sampled_from([1, 3, 32, 200, 0.3, 0, 1e-310]),
    seed=st.integers(0, 2**32 - 1), wild=st.booleans(),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_a_step(rule, sizes, dtype, alpha, total, seed, wild):
    """Penalty, division and rule; 0 and −0, subnormal and infinite numbers and NaN too."""
    found = []
    for compiled in (False, True):
        own = rule.fresh()
        engine = engine_of(own, sizes, dtype, alpha, seed, wild)
        for _ in range(2):
            if compiled:
                engine.fuse(own)
                engine.fused(engine.share(total))
            else:
                engine.finish(total, sparse=False)
                own.step()
        assert own.iterations == 2
        parameters = engine.parameters
        found.append((parameters.values, parameters.gradients, *own.state.values()))
    for one, other in zip(*found, strict=True):
        assert_same_bits(one, other)


def test_a_step_over_blocks():
    """Also where a parameter is longer than a block."""
    assert 2 * fused.BLOCK < 100 * 120
    found = []
    for compiled in (False, True):
        rule = ExactAdam()
        engine = engine_of(rule, (100, 120, 3), "float64", 0.1, 0, False)
        if compiled:
            engine.fuse(rule)
            engine.fused(engine.share(200))
        else:
            engine.finish(200, sparse=False)
            rule.step()
        found.append(engine.parameters.values)
    assert_same_bits(*found)


@given(
    shape=st.tuples(st.integers(1, 300), st.integers(2, 40)), dtype=DTYPES,
    name=st.sampled_from(["relu", "tanh", "logistic"]), seed=st.integers(0, 2**32 - 1), wild=st.booleans(),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_passes(shape, dtype, name, seed, wild):
    """An activation's way up and down, and the sum for the bias."""
    rng = np.random.default_rng(seed)
    net, grad = (numbers(rng, shape, dtype, wild) for _ in range(2))
    b, totals = numbers(rng, shape[1], dtype, wild), np.empty((2, shape[1]), dtype)
    function, delta = arithmetic.HIDDEN[name]
    out = net + b
    function(out)
    if name == "relu":
        fused.bend(net, b)()
        assert_same_bits(net, out)
    own = grad.copy()
    fused.slope(arithmetic.SCALAR_DELTAS[function], out, own)()
    delta(out.copy(), grad, np.empty(shape, bool))
    assert_same_bits(own, grad)
    fused.sum_rows(grad, totals[0])()
    if len(grad) > 1:
        np.add.reduce(grad, axis=0, out=totals[1])
    else:
        totals[1] = grad[0]
    assert_same_bits(*totals)


@given(
    shape=st.tuples(st.integers(1, 100), st.integers(1, 40)), dtype=DTYPES,
    seed=st.integers(0, 2**32 - 1), wild=st.booleans(),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_softmax(shape, dtype, seed, wild):
    rng = np.random.default_rng(seed)
    net, b = 5 * rng.standard_normal(shape).astype(dtype), numbers(rng, shape[1], dtype, wild)
    out = net + b
    arithmetic.softmax(out)
    fused.softmax(net, b)()
    assert_same_bits(net, out)


# whole fits

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 6))
X[RNG.random(X.shape) < 0.5] = 0
Y = RNG.integers(0, 3, 50)
WEIGHT = RNG.random(50)
CASES = {
    "adam": {},
    "one row": {"batch_size": 1},
    "sgd": {"solver": "sgd"},
    "no penalty": {"alpha": 0.0},
    "no momentum": {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False},
    "schedule": {"solver": "sgd", "learning_rate": "adaptive", "tol": 1.0},
    "early stopping": {"early_stopping": True},
    "tanh": {"activation": "tanh"},
    "logistic": {"activation": "logistic"},
    "identity": {"activation": "identity"},
    "one unit": {"hidden_layer_sizes": (5, 1, 4)},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "clipped": {"clipnorm": 0.1},
}


def fitted(monkeypatch, compiled, cls, data, y, weight=None, **options):
    for name in ("WORTH", "MAKE"):
        cost = 0.0 if compiled else math.inf
        monkeypatch.setattr(fused, name, fused.Worth(cost) if name == "WORTH" else cost)
    known = {"hidden_layer_sizes": (8, 7), "batch_size": 16, "max_iter": 4, "random_state": 0} | options
    return quietly(cls(**known).fit, data, y, sample_weight=weight)


def assert_same_fit(one, other):
    assert one.loss_curve_ == other.loss_curve_
    for name in ("coefs_", "intercepts_"):
        for array, twin in zip(getattr(one, name), getattr(other, name), strict=True):
            assert_same_bits(array, twin)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fits(monkeypatch, case, dtype):
    used, own = [], ExactEngine.fuse
    monkeypatch.setattr(
        ExactEngine, "fuse", lambda engine, rule: (own(engine, rule), used.append(engine.fused))
    )
    for cls, y in ((mlp.MLPClassifier, Y), (mlp.MLPRegressor, X[:, 0])):
        one, other = (
            fitted(monkeypatch, compiled, cls, X.astype(dtype), y, **CASES[case]) for compiled in (0, 1)
        )
        assert_same_fit(one, other)
    assert bool(used[-1]) == (case != "clipped")


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["no weights", "weights"])
@pytest.mark.parametrize(
    "form", [np.asarray, np.asfortranarray, scipy.sparse.csr_array, scipy.sparse.csc_array]
)
def test_forms_of_data(monkeypatch, form, weight):
    assert_same_fit(
        *(fitted(monkeypatch, compiled, mlp.MLPClassifier, form(X), Y, weight) for compiled in (False, True))
    )


def test_a_fit_may_change_over(monkeypatch):
    """From the moment on when the passes are worth it."""
    one = fitted(monkeypatch, False, mlp.MLPClassifier, X, Y)
    monkeypatch.setattr(fused.Worth, "is_reached", lambda worth, steps, size: next(turns) > 1)
    turns, used = iter(range(1000)), []
    own = ExactEngine.fuse
    monkeypatch.setattr(ExactEngine, "fuse", lambda engine, rule: (used.append(1), own(engine, rule)))
    assert_same_fit(one, fitted(monkeypatch, True, mlp.MLPClassifier, X, Y))
    assert used


def test_worth():
    worth = fused.Worth(100.0)
    assert not worth.is_reached(3, 0)
    assert not worth.is_reached(1, 10_000)
    assert worth.is_reached(1, 0)


def test_without_numba(monkeypatch):
    monkeypatch.setattr(exact_engine, "has_numba", lambda: False)
    monkeypatch.setattr(fused, "FusedUpdate", None)
    fitted(monkeypatch, True, mlp.MLPClassifier, X, Y)


def test_no_pickle_knows(monkeypatch):
    """Nothing of a pass, such as an address, is part of the estimator; and a stream goes on with it."""
    one, other = (fitted(monkeypatch, compiled, mlp.MLPClassifier, X, Y) for compiled in (False, True))
    assert pickle.dumps(one) == pickle.dumps(other)
    twin = pickle.loads(pickle.dumps(other))
    for _ in range(3):
        assert_same_fit(twin.partial_fit(X, Y), other.partial_fit(X, Y))


def test_a_frozen_layer_stays(monkeypatch):
    for compiled in (False, True):
        model = fitted(monkeypatch, compiled, mlp.MLPClassifier, X, Y)
        model.model_.layers[0].learns = False
        model._optimizer.built = False
        before = model.coefs_[0].copy()
        model.partial_fit(X, Y)
        assert_same_bits(model.coefs_[0], before)
