"""Settings that all update rules share: factors, averages, accumulation, constraints, schedules; bad ones."""

import os

import numpy as np
import pytest
from every_rule import two_layers, walk

import mlp
from mlp import Sequential, layers, optimizers
from mlp.errors import ArgumentError
from mlp.optimizers import schedules


def test_decay_by_hand():
    """W of `hidden` decays by 0.1 · 0.5, its b not at all, `out` by three times as much."""
    vector = two_layers()
    start = vector.values.copy()
    factors = {"hidden.b": 0, "out": 3}
    walk(optimizers.SGD(0.1, weight_decay=0.5, decay_factors=factors), vector, steps=1, scale=0.0)
    decay = np.repeat([0.95, 1, 0.85], [15, 5, 12])
    np.testing.assert_allclose(vector.values, start * decay, rtol=1e-15)


def test_factors_multiply_and_the_rate_is_in_the_decay():
    vector = two_layers()
    start = vector.values.copy()
    factors = {"rate_factors": {"W": 2, "out": 0.5, "out.b": 0}, "decay_factors": {"kernel": 3}}
    walk(optimizers.SGD(0.01, weight_decay=0.5, **factors), vector, steps=1, scale=0.0)
    decay = np.repeat([1 - 0.02 * 1.5, 1 - 0.01 * 0.5, 1 - 0.01 * 1.5, 1], [15, 5, 10, 2])
    np.testing.assert_allclose(vector.values, start * decay, rtol=1e-15)


@pytest.mark.parametrize("name", ["gamma", "hid", "hidden.alpha", "W.hidden"])
@pytest.mark.parametrize("argument", ["rate_factors", "decay_factors"])
def test_a_name_of_nothing_is_an_error(argument, name):
    optimizer = optimizers.Adam(**{argument: {name: 2}})
    with pytest.raises(ArgumentError, match=rf"each name in {argument} must be one of, .*; got '{name}'"):
        optimizer.build(two_layers())


def test_exclusion_as_in_keras():
    by_name, by_list = optimizers.AdamW(weight_decay=0.3), optimizers.AdamW(weight_decay=0.3)
    by_name.exclude_from_weight_decay(var_names=["bias"])
    by_list.exclude_from_weight_decay(["hidden.b", "out.b"])
    expected = walk(optimizers.AdamW(weight_decay=0.3, decay_factors={"bias": 0}), two_layers())
    assert by_name.get_config()["decay_factors"] == {"bias": 0.0}
    for optimizer in (by_name, by_list):
        np.testing.assert_array_equal(walk(optimizer, two_layers()), expected)
    late = optimizers.AdamW(weight_decay=0.3)
    late.build(two_layers())
    late.exclude_from_weight_decay(var_names=["bias"])
    np.testing.assert_array_equal(walk(late, two_layers()), expected)


def test_the_average_by_hand():
    """One weight, gradient 1, rate 1: W = 1, 0, −1, −2; with μ = ½ the average is 0, −½, −1¼."""
    model = Sequential([layers.Dense(1, input_shape=(1,), use_bias=False)], dtype="float64")
    vector = model.parameters
    optimizer = optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    vector.values[:] = 1
    optimizer.build(vector)
    for expected in (0, -0.5, -1.25):
        vector.gradients[:] = 1
        optimizer.step()
        assert optimizer.state["average"] == [expected]
    assert vector.values == [-2]
    optimizer.finish()
    assert vector.values == [-1.25]


def test_accumulated_gradients_are_their_mean():
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(6, 32))
    vector, other = two_layers(), two_layers()
    optimizer = optimizers.Adam(gradient_accumulation_steps=3, clipnorm=0.1)
    plain = optimizers.Adam(clipnorm=0.1)
    optimizer.build(vector)
    plain.build(other)
    for k, gradient in enumerate(gradients):
        vector.gradients[:] = gradient
        optimizer.step()
        if k % 3 == 2:
            other.gradients[:] = gradients[k - 2 : k + 1].mean(axis=0)
            plain.step()
        np.testing.assert_allclose(vector.values, other.values, rtol=1e-12)
    assert optimizer.iterations == plain.iterations == 2


def test_a_schedule_counts_batches_where_gradients_are_accumulated():
    seen = []
    rate = lambda step: seen.append(step) or 0.1  # noqa: E731
    walk(optimizers.SGD(rate, gradient_accumulation_steps=3), two_layers(), steps=9)
    assert seen == [2, 5, 8]


def test_constraints_come_after_the_step_and_before_the_average():
    W = layers.Dense(2, kernel_constraint="non_neg", name="hidden")
    model = Sequential([W, layers.Dense(1)], dtype="float64", seed=0)
    model.build((3,))
    optimizer = optimizers.SGD(10.0, use_ema=True, ema_momentum=0.5)
    walk(optimizer, model.parameters, steps=3)
    assert W.W.min() == 0
    assert model.parameters.values.min() < 0
    assert optimizer.state["average"][:6].min() >= 0


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("options", [{"gradient_accumulation_steps": 3}, {"rate_factors": {"b": 2.0}}, {}])
@pytest.mark.parametrize("rule", ["Adafactor", "Muon", "Adam", "Rprop", "ScheduleFreeAdamW"])
def test_a_saved_model_goes_on_as_if_it_had_not_stopped(rule, options, average, tmp_path):
    X = np.random.default_rng(0).normal(size=(20, 3))
    model = Sequential([layers.Dense(4, "tanh"), layers.Dense(2)], seed=0)
    rate = schedules.CosineDecay(0.01, 100, warmup_target=0.05, warmup_steps=5)
    model.compile(getattr(optimizers, rule)(rate, use_ema=average, **options), "mse")
    model.fit(X, X[:, :2], batch_size=4, verbose=0)
    model.save(os.path.join(tmp_path, "net.mlp"))
    twin = mlp.models.load_model(os.path.join(tmp_path, "net.mlp"))
    assert twin.optimizer.get_config() == model.optimizer.get_config()
    assert twin.optimizer.iterations == model.optimizer.iterations
    assert isinstance(twin.optimizer.learning_rate, schedules.CosineDecay)
    for one in (model, twin):
        one.fit(X, X[:, :2], batch_size=4, epochs=2, verbose=0)
    np.testing.assert_array_equal(model.parameters.values, twin.parameters.values)


def test_the_model_gets_the_average_at_the_end_of_fit():
    X = np.random.default_rng(0).normal(size=(20, 3))
    model = Sequential([layers.Dense(2)], seed=0, dtype="float64")
    model.compile(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9), "mse")
    model.fit(X, X[:, :2], batch_size=5, epochs=2, verbose=0)
    np.testing.assert_array_equal(model.parameters.values, model.optimizer.state["average"])


RATE = "learning_rate must be a number of at least 0 or a function of the step; got "
LIST = r"must be a list of names, such as \['bias', 'dense_1.W'\]; got "
BAD = [
    (lambda: optimizers.SGD(use_ema=1), "use_ema must be True or False; got 1"),
    (lambda: optimizers.SGD(ema_momentum=1.1), r"ema_momentum must be .*in \[0, 1\]; got 1\.1"),
    (
        lambda: optimizers.SGD(ema_overwrite_frequency=0),
        "ema_overwrite_frequency must be an integer of at le",
    ),
    (lambda: optimizers.SGD(ema_overwrite_frequency=2.0), "ema_overwrite_frequency must be .*got 2.0"),
    (
        lambda: optimizers.SGD(gradient_accumulation_steps=1),
        "gradient_accumulation_steps must be an integer of",
    ),
    (
        lambda: optimizers.SGD(gradient_accumulation_steps=True),
        "gradient_accumulation_steps must be .*got True",
    ),
    (lambda: optimizers.SGD(name=5), "name must be a string; got 5"),
    (lambda: optimizers.SGD(rate_factors=0.5), "rate_factors must be numbers of at least 0 by names of para"),
    (lambda: optimizers.SGD(rate_factors={"b": -1}), "rate_factors must be numbers of at least 0 .*'b': -1"),
    (lambda: optimizers.SGD(decay_factors={1: 1}), "decay_factors must be numbers of at least 0"),
    (lambda: optimizers.SGD(decay_factors={"": 1}), "decay_factors must be numbers of at least 0"),
    (lambda: optimizers.SGD(weight_decay=float("nan")), "weight_decay must be at least 0; got nan"),
    (lambda: optimizers.SGD().exclude_from_weight_decay("bias"), "var_list " + LIST),
    (lambda: optimizers.SGD().exclude_from_weight_decay(var_names=[1]), "var_names " + LIST),
    (lambda: optimizers.SGD(nesterov=1), "nesterov must be True or False; got 1"),
    (lambda: optimizers.Lion(beta_1=1.0), r"beta_1 must be .*in \(0, 1\); got 1\.0"),
    (lambda: optimizers.Lion(beta_2=1.0), r"beta_2 must be .*in \[0, 1\); got 1\.0"),
    (lambda: optimizers.Rprop(eta_minus=1), r"eta_minus must be .*in \(0, 1\); got 1"),
    (lambda: optimizers.Rprop(eta_plus=1), r"eta_plus must be .*in \(1, inf\); got 1"),
    (lambda: optimizers.Rprop(min_step=0), r"min_step must be .*in \(0, inf\); got 0"),
    (lambda: optimizers.Rprop(min_step=0.1, max_step=0.01), r"max_step must be .*in \[0.1, inf\); got 0.01"),
    (lambda: optimizers.RMSprop(centered=1), "centered must be True or False; got 1"),
    (lambda: optimizers.RMSprop(rho=0.0, centered=True), r"rho must be .*in \(0, 1\); got 0"),
    (lambda: optimizers.Adagrad(initial_accumulator_value=-1), "initial_accumulator_value must be .*got -1"),
    (lambda: optimizers.Adagrad(epsilon=0), "epsilon must be .*got 0"),
    (lambda: optimizers.Adadelta(rho=1), r"rho must be .*in \[0, 1\); got 1"),
    (lambda: optimizers.Adadelta(epsilon=0.0), "epsilon must be .*got 0.0"),
    (lambda: optimizers.Ftrl(learning_rate_power=0.5), "learning_rate_power must be .*got 0.5"),
    (lambda: optimizers.Ftrl(initial_accumulator_value=-0.1), "initial_accumulator_value must be .*got -0.1"),
    (lambda: optimizers.Ftrl(l1_regularization_strength=-1), "l1_regularization_strength must be .*got -1"),
    (lambda: optimizers.Ftrl(l2_regularization_strength=-1), "l2_regularization_strength must be .*got -1"),
    (
        lambda: optimizers.Ftrl(l2_shrinkage_regularization_strength=-1),
        "l2_shrinkage_regularization_strength mu",
    ),
    (lambda: optimizers.Ftrl(beta=-1), "beta must be .*got -1"),
    (lambda: optimizers.Adam(amsgrad=0), "amsgrad must be True or False; got 0"),
    (lambda: optimizers.AdamW(weight_decay=None), "weight_decay must be at least 0; got None"),
    (lambda: optimizers.Adamax(beta_2=1), r"beta_2 must be .*in \[0, 1\); got 1"),
    (lambda: optimizers.Nadam(beta_1=-0.1), r"beta_1 must be .*in \[0, 1\); got -0.1"),
    (lambda: optimizers.RAdam(epsilon=0), "epsilon must be .*got 0"),
    (
        lambda: optimizers.ScheduleFreeAdamW(warmup_steps=-1),
        "warmup_steps must be an integer of at least 0; go",
    ),
    (lambda: optimizers.ScheduleFreeAdamW(beta_1=1), r"beta_1 must be .*in \[0, 1\); got 1"),
    (lambda: optimizers.Lamb(epsilon="x"), "epsilon must be .*got 'x'"),
    (lambda: optimizers.Adafactor(beta_2_decay=0), "beta_2_decay must be .*got 0"),
    (lambda: optimizers.Adafactor(epsilon_1=0), "epsilon_1 must be .*got 0"),
    (lambda: optimizers.Adafactor(epsilon_2=-1), "epsilon_2 must be .*got -1"),
    (lambda: optimizers.Adafactor(clip_threshold=0), "clip_threshold must be .*got 0"),
    (lambda: optimizers.Adafactor(relative_step=1), "relative_step must be True or False; got 1"),
    (lambda: optimizers.Muon(momentum=1), r"momentum must be .*in \[0, 1\); got 1"),
    (lambda: optimizers.Muon(adam_beta_1=1), r"adam_beta_1 must be .*in \[0, 1\); got 1"),
    (lambda: optimizers.Muon(adam_weight_decay=-1), "adam_weight_decay must be at least 0; got -1"),
    (lambda: optimizers.Muon(ns_steps=0), "ns_steps must be a positive integer; got 0"),
    (lambda: optimizers.Muon(muon_a="a"), "muon_a must be .*got 'a'"),
    (lambda: optimizers.Muon(adam_lr_ratio=-1), "adam_lr_ratio must be .*got -1"),
    (lambda: optimizers.Muon(rms_rate=0), "rms_rate must be .*got 0"),
    (lambda: optimizers.Muon(exclude_layers="dense"), "exclude_layers must be a list of names, such as"),
    (lambda: optimizers.Muon(exclude_layers=[3]), r"exclude_layers must be a list of names.*got \[3\]"),
    (lambda: optimizers.Muon(nesterov=1), "nesterov must be True or False; got 1"),
    (lambda: optimizers.Muon(exclude_embeddings=1), "exclude_embeddings must be True or False; got 1"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_arguments(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize("rate", [-0.1, float("nan"), "0.1", None, True, 1j])
def test_bad_rates(rate):
    with pytest.raises(ArgumentError, match=RATE):
        optimizers.Nadam(rate)
    with pytest.raises(ArgumentError, match="learning_rate of step 0 must be a number of at least 0; got "):
        walk(optimizers.Nadam(lambda step: rate), two_layers())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("zero", [0.0, 1e-320])
def test_ftrl_rests_in_a_step_without_a_rate(zero, dtype):
    """By a schedule that reaches 0, and by a factor 0 of some parameters."""
    rates = [0.1, zero, 0.1]
    vector = two_layers(dtype)
    optimizer = optimizers.Ftrl(lambda step: rates[step], rate_factors={"b": 0})
    path = walk(optimizer, vector, steps=1)
    before = {name: state.copy() for name, state in optimizer.state.items()}
    biases = [place for name, place in zip(vector.names, vector.slices, strict=True) if name.endswith("b")]
    after = walk(optimizer, vector, steps=1)
    np.testing.assert_array_equal(after, path)
    assert all(np.array_equal(before[name], state) for name, state in optimizer.state.items())
    moved = walk(optimizer, vector, steps=1)
    assert np.isfinite(moved).all()
    start = two_layers(dtype).values
    assert all(np.array_equal(moved[0][place], start[place]) for place in biases)
    assert not np.array_equal(moved, after)


def test_muon_excludes_by_names_and_parts_of_names():
    vector = two_layers()
    for names, left in ((["out"], "hidden.W"), (["hidden.W"], "out.W"), (["hidden/kernel"], "out.W")):
        optimizer = optimizers.Muon(exclude_layers=names)
        optimizer.build(vector)
        shapes = dict(zip(vector.names, vector.shapes, strict=True))
        assert [name for name in vector.names if not optimizer.is_for_adam(name, shapes[name])] == [left]
    hostile = optimizers.Muon(exclude_layers=["(" + "a*" * 30 + ")*$", "out"])
    with pytest.raises(
        ArgumentError, match=r"each name in exclude_layers must be one of, or a part of, hidd"
    ):
        hostile.build(vector)
