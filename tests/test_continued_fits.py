"""n fits of one epoch are one fit of n epochs, to the bit: weights, optimizer, generators and history."""

import copy

import numpy as np
import pytest
from every_rule import MAKERS

from mlp import Sequential, layers, optimizers
from mlp.models import load_model
from mlp.optimizers import schedules

ENGINES = ["numpy", "numba"]
EPOCHS = 3
SIZES = [1, 7, 32, "full"]
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3)).astype("float32")
T = np.eye(3)[rng.integers(0, 3, 40)]
WEIGHT = rng.uniform(0.5, 2, 40)

AVERAGED = {"use_ema": True, "ema_momentum": 0.8}
OPTIONS = {
    "plain": {},
    "average": AVERAGED,
    "average taken over": {**AVERAGED, "ema_overwrite_frequency": 3},
    "accumulated": {"gradient_accumulation_steps": 3},
    "clipped norms": {"clipnorm": 0.1},
    "clipped norm of all": {"global_clipnorm": 0.1},
    "clipped values": {"clipvalue": 0.01},
    "decay": {"weight_decay": 0.1, "decay_factors": {"bias": 0}},
    "all": {**AVERAGED, "gradient_accumulation_steps": 2, "weight_decay": 0.1, "clipnorm": 0.1},
}
SCHEDULES = {
    "cosine": schedules.CosineDecay(0.02, 10),
    "restarts": schedules.CosineDecayRestarts(0.02, 5),
    "one cycle": schedules.OneCycle(0.05, 15),
    "steps": schedules.PiecewiseConstantDecay([3, 8], [0.03, 0.02, 0.01]),
    "a function": lambda step: 0.02 / (1 + step),
}
# layers that draw numbers, from the model's generator or one of their own, or that keep count
LAYERS = {
    "dropout": lambda: [layers.Dropout(0.3)],
    "own dropout": lambda: [layers.Dropout(0.3, seed=5)],
    "alpha dropout": lambda: [layers.AlphaDropout(0.2)],
    "gaussian dropout": lambda: [layers.GaussianDropout(0.2)],
    "gaussian noise": lambda: [layers.GaussianNoise(0.2, seed=3)],
    "batch normalization": lambda: [layers.BatchNormalization(momentum=0.8)],
    "learned activation": lambda: [layers.PReLU()],
    "constraints": lambda: [layers.Dense(4, kernel_constraint="max_norm", kernel_regularizer="l1_l2")],
    "activity": lambda: [layers.Dense(4, "tanh", activity_regularizer="l2")],
    "frozen": lambda: [layers.Dense(4, "tanh", trainable=False)],
    "blocks": lambda: [
        layers.Residual([layers.Dense(6, "tanh"), layers.Dropout(0.2), layers.BatchNormalization()]),
        layers.Concatenate([layers.Dense(2), [layers.GaussianNoise(0.1)]]),
    ],
}
MANY = lambda: [*LAYERS["dropout"](), *LAYERS["batch normalization"](), *LAYERS["gaussian noise"]()]  # noqa: E731


def net(optimizer, engine, middle=(), dtype="float32") -> Sequential:
    model = Sequential(
        [layers.Dense(6, "tanh"), *middle, layers.Dense(3, "softmax", name="out")], seed=1, dtype=dtype
    )
    loss = "mse" if isinstance(optimizer, optimizers.Solver) else "categorical_crossentropy"
    model.compile(optimizer, loss, metrics=["accuracy"], weighted_metrics=["mae"], engine=engine)
    return model


def state(model) -> dict:
    """All that training moves."""
    vectors = {"weights": model.parameters.values, **model.optimizer.state}
    generators = [layer.rng for layer in model.parts if hasattr(layer, "rng")]
    return {name: vector.tobytes() for name, vector in vectors.items()} | {
        "iterations": model.optimizer.iterations,
        "generators": str([rng.bit_generator.state for rng in (model.rng, *generators)]),
        "averages": [w.tobytes() for w in model.get_weights()],
    }


def fit(model, first, last, **options) -> dict:
    return model.fit(X, T, initial_epoch=first, epochs=last, verbose=0, **options).history


def require_equal_pieces(make, between=lambda model: model, **options):
    """One fit of three epochs, and three of one with `between` after each."""
    one, pieces = make(), make()
    whole, parts = fit(one, 0, EPOCHS, **options), {}
    for epoch in range(EPOCHS):
        for name, values in fit(pieces, epoch, epoch + 1, **options).items():
            parts.setdefault(name, []).extend(values)
        pieces = between(pieces)
    assert parts == whole
    assert state(pieces) == state(one)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("rule", MAKERS)
def test_every_rule_goes_on(rule, options, engine):
    for number, size in enumerate(SIZES):
        weight = WEIGHT if number % 2 else None
        require_equal_pieces(
            lambda: net(MAKERS[rule](**options), engine, MANY()), batch_size=size, sample_weight=weight
        )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rate", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize("batches", [None, 2])
def test_schedules_go_on(rate, batches, engine):
    for size in SIZES:
        options = dict(gradient_accumulation_steps=batches, weight_decay=0.1)
        require_equal_pieces(lambda o=options: net(optimizers.Adam(rate, **o), engine), batch_size=size)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("middle", LAYERS.values(), ids=LAYERS)
def test_layers_with_a_state_or_noise_go_on(middle, dtype, engine):
    for size in SIZES:
        for more in ({"sample_weight": WEIGHT}, {"class_weight": "balanced"}, {"validation_split": 0.2}):
            require_equal_pieces(
                lambda: net(optimizers.Adam(0.02), engine, middle(), dtype), batch_size=size, **more
            )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_model_goes_on_from_a_file_or_a_copy(shuffle, engine, tmp_path):
    def in_file(model):
        model.save(tmp_path / "net.mlp")
        twin = load_model(tmp_path / "net.mlp")
        twin.engine_asked = engine
        return twin

    for between in (in_file, copy.deepcopy):
        for options in (OPTIONS["all"], OPTIONS["average taken over"]):
            require_equal_pieces(
                lambda o=options: net(optimizers.Adam(0.02, **o), engine, MANY()),
                between,
                batch_size=7,
                shuffle=shuffle,
            )


# the moving average of the weights


def averaged(engine="numpy", **options) -> Sequential:
    return net(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5, **options), engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_that_were_set_after_a_fit_are_kept(engine):
    """Only what the last fit has given out is taken back."""
    model = averaged(engine)
    fit(model, 0, 1)
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    model.optimizer.learning_rate = 0.0
    fit(model, 0, 1)
    assert not any(w.any() for w in model.optimizer.state["before_average"])
    model.set_weights([np.ones_like(w) for w in model.get_weights()])
    model.optimizer.learning_rate = 0.0
    model.train_on_batch(X, T)
    assert all((w == 1).all() for w in model.get_weights())


def test_single_batches_go_on_from_the_weights_before_the_average():
    model, whole = averaged(), averaged()
    fit(model, 0, 1, batch_size="full")
    given = model.get_weights()
    for _ in range(2):
        model.train_on_batch(X, T)
    fit(whole, 0, 3, batch_size="full")
    assert state(whole)["average"] == state(model)["average"]
    assert state(whole)["before_average"] == state(model)["weights"]
    assert any((a != b).any() for a, b in zip(given, model.get_weights(), strict=True))


def test_no_epoch_and_wrong_data_leave_the_average_in_its_place():
    model = averaged()
    fit(model, 0, 1)
    given = [w.tobytes() for w in model.get_weights()]
    fit(model, 1, 1)
    assert [w.tobytes() for w in model.get_weights()] == given
    with pytest.raises(ValueError, match="rows"):
        model.fit(X, T[:-1])
    assert [w.tobytes() for w in model.get_weights()] == given


# solvers


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", [optimizers.LevenbergMarquardt, optimizers.ScaledConjugateGradient])
def test_solvers_go_on(solver, dtype, engine):
    """Damping, direction and scale are in the state. (L-BFGS begins its memory anew.)"""
    require_equal_pieces(lambda: net(solver(), engine, dtype=dtype))
    require_equal_pieces(lambda: net(solver(), engine, dtype=dtype), sample_weight=WEIGHT)


@pytest.mark.parametrize("engine", ENGINES)
def test_conjugate_gradients_go_on_with_moving_averages(engine):
    """What the beginning of a fit looks at is no batch for them."""
    make = lambda: net(optimizers.ScaledConjugateGradient(), engine, LAYERS["batch normalization"]())  # noqa: E731
    require_equal_pieces(make)
