"""The optimizer on the tape against `Optimizer.step`: every rule and option, both ways of one training."""

import numpy as np
import pytest
from every_rule import MAKERS, two_layers

from mlp import Sequential, layers, optimizers
from mlp.elementary import sign
from mlp.engines.kernels.compiler import compiler_for
from mlp.engines.kernels.tape import Tape
from mlp.engines.kernels.updates import Updates
from mlp.engines.numba_engine import NumbaEngine
from mlp.errors import ArgumentError
from mlp.optimizers.schedules import CosineDecay

OPTIONS = {
    "plain": {},
    "weight_decay": {"weight_decay": 0.1, "decay_factors": {"bias": 0, "out": 0.5}},
    "rate_factors": {"rate_factors": {"bias": 2, "out": 0.1}, "weight_decay": 0.05},
    "clipvalue": {"clipvalue": 0.01},
    "clipnorm": {"clipnorm": 0.02},
    "global_clipnorm": {"global_clipnorm": 0.02},
    "average": {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 4},
    "accumulation": {"gradient_accumulation_steps": 3},
    "accumulation and average": {"gradient_accumulation_steps": 3, "use_ema": True, "clipnorm": 0.1},
}
ROWS, SIZE = 35, 5  # 7 batches an epoch, so that sums of three go on from one epoch to the next


def trained(rule, engine, dtype="float64", epochs=3, frozen=(), hidden=5):
    """A model after some epochs."""
    rng = np.random.default_rng(0)
    X, T = rng.normal(size=(ROWS, 3)), rng.normal(size=(ROWS, 2))
    model = Sequential(
        [
            layers.Input((3,)),
            layers.Dense(hidden, "tanh", name="hidden"),
            layers.Dense(4, "sigmoid", name="middle"),
            layers.Dense(2, name="out"),
        ],
        seed=0,
        dtype=dtype,
    )
    for layer in model.layers:
        layer.trainable = layer.name not in frozen
    model.compile(rule, "mse", engine=engine)
    history = model.fit(X, T, batch_size=SIZE, epochs=epochs, verbose=0)
    return model, history.history["loss"]


def compare(make, rtol=1e-10, **settings):
    """Train with both engines; the parameters, the losses, the state and the count must agree."""
    (one, losses), (other, expected) = (trained(make(), engine, **settings) for engine in ("numba", "numpy"))
    assert isinstance(one.engine, NumbaEngine)
    scale = np.abs(other.parameters.values).max()
    np.testing.assert_allclose(losses, expected, rtol=rtol)
    np.testing.assert_allclose(one.parameters.values, other.parameters.values, rtol=rtol, atol=rtol * scale)
    assert one.optimizer.iterations == other.optimizer.iterations
    assert one.optimizer.state.keys() == other.optimizer.state.keys()
    for name, vector in other.optimizer.state.items():
        scale = np.abs(vector).max(initial=0)
        np.testing.assert_allclose(
            one.optimizer.state[name], vector, rtol=rtol, atol=rtol * scale, err_msg=name
        )


def test_every_rule_of_the_catalogue_is_tried():
    rules = [
        rule for rule in optimizers._CATALOGUE.classes.values() if rule.step is optimizers.Optimizer.step
    ]
    assert {type(make()) for make in MAKERS.values()} == set(rules)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_engines_agree(make, options):
    compare(lambda: make(**options))


MORE = {
    "RMSprop": lambda: optimizers.RMSprop(0.01),
    "RMSprop, centered with momentum": lambda: optimizers.RMSprop(
        0.01, centered=True, momentum=0.5, epsilon=1e-3
    ),
    "SGD, momentum": lambda: optimizers.SGD(0.01, 0.9),
    "Ftrl, another power": lambda: optimizers.Ftrl(0.5, -0.7, 0.1, 1e-3, 1e-2, 1e-3, 0.1),
    "Ftrl that rests": lambda: optimizers.Ftrl(lambda step: 0.5 * (step % 2)),
    "Rprop of another rate": lambda: optimizers.Rprop(0.001, max_step=0.002),
    "RAdam, never rectified": lambda: optimizers.RAdam(0.01, beta_2=0.5),
    "RAdam, soon rectified": lambda: optimizers.RAdam(0.01, beta_2=0.9),
    "AdamW, amsgrad": lambda: optimizers.AdamW(0.01, amsgrad=True),
    "Muon, no Nesterov": lambda: optimizers.Muon(
        0.01, nesterov=False, rms_rate=None, ns_steps=2, adam_lr_ratio=0.5
    ),
    "Lamb from zeros": lambda: optimizers.Lamb(0.0),
    "Nadam, schedule": lambda: optimizers.Nadam(CosineDecay(0.01, 15)),
    "schedule of sums": lambda: optimizers.SGD(CosineDecay(0.1, 15), gradient_accumulation_steps=4),
    "function": lambda: optimizers.Adam(lambda step: 0.1 / (1 + step), rate_factors={"out": 0.5}),
}


@pytest.mark.parametrize("make", MORE.values(), ids=MORE)
def test_settings_agree(make):
    compare(make)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_frozen_layers_agree(make):
    options = {"weight_decay": 0.1, "global_clipnorm": 0.05, "use_ema": True}
    compare(lambda: make(**options), frozen=("middle",))


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Ftrl", "Lamb", "Adafactor", "Rprop"])
def test_float32_agrees(name):
    compare(lambda: MAKERS[name](clipnorm=1.0), rtol=2e-5, dtype="float32", epochs=2)


@pytest.mark.parametrize("limit", ["clipnorm", "global_clipnorm"])
@pytest.mark.parametrize(("dtype", "size"), [("float32", 1e25), ("float64", 1e200)])
def test_clips_where_the_sum_of_squares_overflows(limit, dtype, size):
    paths = []
    for engine in ("numba", "numpy"):
        model = Sequential([layers.Input((3,)), layers.Dense(4), layers.Dense(2)], seed=0, dtype=dtype)
        model.compile(optimizers.SGD(0.1, **{limit: 1.0}), "mse", engine=engine)
        X = np.full((2, 3), 1.0, dtype)
        model.ready().step(X, np.full((2, 2), 1.0, dtype), np.array(size, dtype))
        paths.append(model.parameters.values.copy())
        assert 0.5 < np.linalg.norm(model.parameters.gradients.astype("float64")) < 2.1
    np.testing.assert_allclose(*paths, rtol=1e-5 if dtype == "float32" else 1e-12)


def test_settings_that_change_between_fits_hold():
    def change(rule):
        rule.learning_rate, rule.beta_1, rule.clipvalue, rule.ema_momentum = 0.02, 0.5, 0.003, 0.5

    paths = []
    for engine in ("numba", "numpy"):
        rule = optimizers.Adam(0.01, clipvalue=0.01, use_ema=True)
        model, _ = trained(rule, engine, epochs=1)
        change(model.optimizer)
        rng = np.random.default_rng(1)
        model.fit(rng.normal(size=(9, 3)), rng.normal(size=(9, 2)), batch_size=4, epochs=2, verbose=0)
        paths.append(model.parameters.values.copy())
    np.testing.assert_allclose(*paths, rtol=1e-10)


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_a_schedule_that_ends_in_no_rate_is_refused(engine):
    rule = optimizers.SGD(lambda step: 0.1 if step < 9 else -1.0)
    with pytest.raises(ArgumentError, match=r"learning_rate of step 9 must be .*; got -1\.0"):
        trained(rule, engine)


@pytest.mark.parametrize("engine", ["numba", "numpy"])
@pytest.mark.parametrize("batches", [None, 2])
def test_counts_steps_also_one_by_one(engine, batches):
    model, _ = trained(optimizers.SGD(0.01, gradient_accumulation_steps=batches), engine, epochs=1)
    for _ in range(4):
        model.train_on_batch(np.ones((2, 3)), np.ones((2, 2)))
    assert model.optimizer.iterations == (11 if batches is None else 5)


class OwnStep(optimizers.Adam):
    def step(self):
        super().step()


class OwnUpdate(optimizers.SGD):
    def update(self, W, dW, scratch, *slots):
        W -= self.rate * np.sign(dW)


class OwnNumbers(optimizers.Adam):
    def prepare(self, learning_rate):
        self.rate.fill(0.5 * learning_rate)


class OwnDecay(optimizers.Lamb):
    def decay(self, name, shape):
        return 0.1


class BothForms(OwnUpdate):
    def update(self, W, dW, scratch, *slots):
        W -= 2 * self.rate * np.sign(dW)

    @staticmethod
    def scalar_update(W, dW, rate):
        return W - 2.0 * rate * sign(dW)


@pytest.mark.parametrize("rule", [OwnStep, OwnUpdate, OwnNumbers, OwnDecay])
def test_rules_of_the_users_have_no_compiled_form(rule):
    with pytest.raises(ArgumentError, match=rule.__name__):
        trained(rule(0.01), "numba")


def test_a_rule_of_the_users_with_both_forms_is_compiled():
    compare(lambda: BothForms(0.01))


def test_large_updates_agree():
    """Ranges longer than the blocks of the NumPy engine."""
    compare(lambda: optimizers.Adam(0.01, clipnorm=0.5), rtol=1e-9, epochs=1, hidden=5000)


def stepped(make, compiled, dtype, extremes):
    """The parameters after three steps, the first with extreme gradients."""
    vector, rule = two_layers(dtype, inputs=7, units=20), make()
    rule.build(vector)
    tape = Tape(compiler_for(np.dtype(dtype)), rows=1)
    updates = Updates(rule)
    updates.emit(tape)
    tape.finish()
    for seed in range(3):
        vector.gradients[:] = np.random.default_rng(seed).normal(size=vector.values.size)
        if seed == 0:
            vector.gradients[10 : 10 + 3 * len(extremes)] = np.repeat(extremes, 3).astype(dtype)
        if compiled:
            updates.bind(tape, 1)
            tape.run()
            updates.count(1)
        else:
            rule.step()
    return vector.values


@pytest.mark.filterwarnings("ignore:.* encountered in:RuntimeWarning")
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("special", [[], [np.nan, np.inf, -np.inf]], ids=["finite", "not finite"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_gradients_agree(make, dtype, special):
    # smaller numbers than these, the subnormal ones, count as 0 in a compiled step
    large, small = (1e20, 1e-37) if dtype == "float32" else (1e160, 1e-307)
    extremes = [0.0, -0.0, large, -large, 1e10 * large, small, -small, *special]
    paths = [stepped(make, compiled, dtype, extremes) for compiled in (True, False)]
    rtol = 1e-5 if dtype == "float32" else 1e-11
    np.testing.assert_allclose(*paths, rtol=rtol, atol=10 * rtol)


@pytest.mark.parametrize("rule", MAKERS)
def test_how_many_steps_come_at_a_time_is_not_seen(rule):
    rng = np.random.default_rng(0)
    X, T = rng.normal(size=(200, 3)), rng.normal(size=(200, 2))

    def weights(steps_per_epoch):
        model = Sequential([layers.Input((3,)), layers.Dense(2, name="out")], seed=0, dtype="float64")
        model.compile(MAKERS[rule](), "mse", engine="numba")
        epochs = 200 // steps_per_epoch
        model.fit(X, T, 1, epochs, 0, steps_per_epoch=steps_per_epoch)
        return model.get_weights()

    for one, expected in zip(weights(200), weights(1), strict=True):
        np.testing.assert_array_equal(one, expected)
