"""A loss that stops being finite: an error with epoch, batch and cause, and the last good weights stay."""

import contextlib
import copy
import re

import numpy as np
import pytest
from refusals import CCE, TARGETS, T, X, net, state

import mlp
from mlp import Sequential, callbacks, layers
from mlp.errors import ArgumentError, DivergenceError
from mlp.optimizers import (
    SGD,
    Adam,
    AdamW,
    RMSprop,
    gradient_descent,
    minibatch_gradient_descent,
    stochastic_gradient_descent,
)


class LastEpoch(callbacks.Callback):
    """Keeps the weights and the optimizer's state as they were at the end of each epoch."""

    def on_train_begin(self, logs=None):
        self.epochs, self.batches = [self.now()], []

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.append(0)

    def on_train_batch_begin(self, batch, logs=None):
        self.batches[-1] += 1

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(self.now())

    def now(self):
        return vectors_of(self.model)


def vectors_of(model) -> list:
    return [vector.copy() for vector in (model.parameters.values, *model.optimizer.state.values())]


def diverging(optimizer, dtype="float32") -> Sequential:
    """Two layers, so that weights and gradients drive each other up."""
    model = Sequential([layers.Dense(5, "relu"), layers.Dense(1)], seed=0, dtype=dtype)
    model.compile(optimizer, "mse")
    model.fit(X, T, epochs=2, verbose=0)
    return model


FAST = {
    "SGD": SGD(20.0),
    "momentum": SGD(20.0, momentum=0.9),
    "Nesterov": SGD(20.0, momentum=0.5, nesterov=True),
    "clipped": SGD(1e20, clipvalue=1.0),
    "RMSprop": RMSprop(1e15, momentum=0.9),
    "Adam": Adam(1e15),
    "AdamW": AdamW(1e15),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", ["full", 1, 3])
@pytest.mark.parametrize("optimizer", FAST.values(), ids=FAST)
def test_the_weights_are_those_of_the_last_finite_epoch(optimizer, batch_size, dtype):
    optimizer, kept = copy.deepcopy(optimizer), LastEpoch()
    rate, optimizer.learning_rate = optimizer.learning_rate, 1e-3
    model = diverging(optimizer, dtype)
    optimizer.learning_rate = rate if dtype == "float32" else rate**2 * 1e100
    with pytest.raises(DivergenceError) as caught:
        model.fit(X, T, batch_size=batch_size, epochs=500, callbacks=[kept], verbose=0)
    assert isinstance(caught.value, mlp.MLPError)
    assert isinstance(caught.value, ArithmeticError)

    # an epoch whose very first loss is infinite shows that the one before did not end well
    last = -2 if kept.batches[-1] == 1 and len(kept.epochs) > 1 else -1
    for vector, expected in zip(vectors_of(model), kept.epochs[last], strict=True):
        np.testing.assert_array_equal(vector, expected)
        assert np.isfinite(vector).all()

    text = str(caught.value)
    found = re.match(r"the (loss|weights) became .* in epoch (\d+), batch (\d+)\. Likely cause: ", text)
    assert int(found[2]) == len(kept.epochs)
    assert int(found[3]) == kept.batches[-1]
    rate = optimizer.learning_rate
    assert f"the learning rate {rate:.3g} is too high; try {rate / 10:.3g}, or global_clipnorm=1" in text
    assert text.endswith("The model has the weights of the last epoch that ended well.")


ONE_STEP = "the weights of an epoch of one step count as good though their own loss is infinite"


@pytest.mark.parametrize(
    ("loop", "options"),
    [
        (stochastic_gradient_descent, {}),
        (minibatch_gradient_descent, {"batch_size": 3}),
        (Sequential.fit, {"batch_size": 3}),
        (gradient_descent, {}),
        (Sequential.fit, {"batch_size": 32}),
    ],
)
def test_training_goes_on_afterwards_as_if_nothing_had_been(loop, options):
    model = diverging(SGD(1e-2, momentum=0.9))
    twin = copy.deepcopy(model)
    model.optimizer.learning_rate = 1e30
    with pytest.raises(DivergenceError, match=r"in epoch [12], batch"):
        loop(model, X, T, epochs=50, verbose=0, **options)
    model.optimizer.learning_rate = 1e-2
    for each in (model, twin):
        gradient_descent(each, X, T, epochs=3)
    np.testing.assert_array_equal(model.parameters.values, twin.parameters.values)
    assert np.isfinite(model.evaluate(X, T))


def test_the_count_of_steps_goes_back_too():
    """Adam's correction of the first steps depends on it."""
    model = diverging(Adam(1e-3))
    model.optimizer.learning_rate = 1e30
    before = model.optimizer.iterations
    with pytest.raises(DivergenceError):
        model.fit(X, T, batch_size=1, epochs=50, verbose=0)
    assert model.optimizer.iterations == before


def test_the_batch_that_made_the_weights_infinite():
    model = diverging(SGD(1e-3))
    model.optimizer.learning_rate = 1e38
    with pytest.raises(
        DivergenceError, match=r"the weights became infinite or undefined in epoch 1, batch 1\."
    ):
        model.fit(X * 90, T, batch_size="full", verbose=0)


def test_history_has_the_epochs_that_ended_well():
    model = diverging(SGD(1e-3))
    model.optimizer.learning_rate = 20.0
    with pytest.raises(DivergenceError, match=r"in epoch (\d+), ") as caught:
        model.fit(X, T, batch_size="full", epochs=100, verbose=0)
    epoch = int(re.search(r"epoch (\d+)", str(caught.value))[1])
    assert len(model.history.history["loss"]) == epoch - 1
    assert np.isfinite(model.history.history["loss"]).all()


def test_unscaled_inputs_are_the_likely_cause():
    model = diverging(SGD(0.01))
    with pytest.raises(DivergenceError, match=r"inputs are not scaled \(the largest is 2\.33e\+04\); st"):
        model.fit(X * 1e4, T, epochs=50, verbose=0)


@pytest.mark.parametrize("factor", [1e25, -1e25])
def test_unscaled_targets_are_the_likely_cause(factor):
    model = diverging(SGD(0.01))
    with pytest.raises(DivergenceError, match=r"the targets are not scaled \(the largest is 4\.65e\+25\)"):
        model.fit(X, T * factor, epochs=50, verbose=0)


def test_weights_that_were_not_finite_before_are_the_cause():
    model = diverging(SGD(0.01))
    model.parameters.values[3] = np.nan
    with pytest.raises((DivergenceError, ArgumentError), match=r"weights .*not finite before"):
        model.fit(X, T, verbose=0)


def test_a_learning_rate_that_is_no_number_is_the_cause():
    model = diverging(SGD(0.01))
    model.optimizer.learning_rate = lambda step: float("nan")
    before = state(model)
    with pytest.raises((DivergenceError, ArgumentError), match=r"learning.rate .*nan") as caught:
        model.fit(X, T, verbose=0)
    assert "too high" not in str(caught.value)
    assert state(model) == before


@pytest.mark.parametrize("optimizer", [Adam(1e-3), AdamW(1e-3), RMSprop(1e-3)])
def test_a_state_that_overflows_is_a_divergence(optimizer):
    """The squares of the gradients are infinite, loss and weights are not: nothing would be learned again."""
    model = diverging(copy.deepcopy(optimizer))
    twin = copy.deepcopy(model)
    with pytest.raises(DivergenceError, match="the inputs are not scaled"):
        model.fit(X * 1e10, T * 1e12, batch_size="full", verbose=0)
    for each in (model, twin):
        each.fit(X, T, epochs=2, verbose=0)
    np.testing.assert_array_equal(model.parameters.values, twin.parameters.values)


def test_train_on_batch():
    model = diverging(SGD(1e-3, momentum=0.9))
    model.optimizer.learning_rate = 1e30
    model.train_on_batch(X, T)
    before = vectors_of(model)
    with pytest.raises(DivergenceError, match=r"the loss became (inf|nan) in the step after \d+, .*Likely "):
        model.train_on_batch(X, T)
    for vector, expected in zip(vectors_of(model), before, strict=True):
        np.testing.assert_array_equal(vector, expected)


def test_train_on_batch_never_leaves_infinite_weights():
    model = diverging(SGD(1e-3))
    model.optimizer.learning_rate = 1e38
    with contextlib.suppress(DivergenceError):
        model.train_on_batch(X * 90, T)
    assert np.isfinite(model.parameters.values).all()


def test_train_on_batch_goes_back_to_a_copy_with_its_number_of_steps():
    model = diverging(SGD(1e-3, momentum=0.9))
    copies = {}
    for _ in range(150):
        copies[model.optimizer.iterations] = vectors_of(model)
        model.train_on_batch(X, T)
    model.optimizer.learning_rate = 1e38
    with pytest.raises(DivergenceError, match="the weights became infinite in step 153"):
        model.train_on_batch(X * 90, T)
    assert 52 <= model.optimizer.iterations <= 152
    for vector, expected in zip(vectors_of(model), copies[model.optimizer.iterations], strict=True):
        np.testing.assert_array_equal(vector, expected)


def test_no_warning_of_numpy_escapes_and_its_settings_come_back():
    settings = np.geterr()
    model = diverging(SGD(1e-3))
    model.optimizer.learning_rate = 1e30
    with pytest.raises(DivergenceError):
        model.fit(X, T, epochs=50, validation_data=(X, T), verbose=0)
    assert np.geterr() == settings


def test_an_infinite_loss_of_an_evaluation_is_a_number_not_a_warning():
    assert net().evaluate(X, T * 1e25) == np.inf


@pytest.mark.parametrize("scale", [1e10, 1e30, 1e38])
def test_canonical_pairs_stay_finite_far_out(scale):
    """The delta is out − T and ln y is taken from the net, so huge nets are no divergence."""
    model = Sequential([layers.Dense(3, "softmax", input_shape=(3,))], seed=0)
    model.compile(SGD(1e-45), CCE)
    assert np.isfinite(model.evaluate(X * scale / 10, TARGETS[CCE]))
    assert np.isfinite(model.predict(X * scale / 10)).all()
