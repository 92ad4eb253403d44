"""Whatever the layers, the data and the options are: a result that holds, or an error that says why not."""

import contextlib
import json
import os
import tempfile

import numpy as np
import pandas
from anything import SMOOTH, cases, fit, fits
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

import mlp
from mlp import Sequential, optimizers
from mlp.models import load_model

holds = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck), max_examples=150
)
INPUTS = {
    "array": lambda X: X,
    "other type": lambda X: X.astype("float16"),
    "order of Fortran": np.asfortranarray,
    "every second": lambda X: np.repeat(X, 2, axis=0)[::2],
    "read only": lambda X: np.lib.stride_tricks.as_strided(X, writeable=False),
    "lists": lambda X: X.tolist(),
    "frame": lambda X: pandas.DataFrame(X),
}


def bits(model) -> list:
    return [model.parameters.values.tobytes(), *(v.tobytes() for v in model.optimizer.state.values())]


@holds
@given(case=cases(), options=fits, form=st.sampled_from(list(INPUTS)), again=st.booleans())
def test_a_fit_ends_well_or_with_an_error_of_ours(case, options, form, again):
    model, X, T = case
    error = None
    for _ in range(1 + again):
        try:
            history = fit(model, INPUTS[form](X), T, options)
            event("trained")
            assert all(len(v) <= options["epochs"] for v in history.history.values())
        except mlp.MLPError as refusal:
            error = refusal
    if model.built:
        assert np.isfinite(model.parameters.values).all()
        assert all(np.isfinite(vector).all() for vector in model.optimizer.state.values())
        with contextlib.suppress(mlp.MLPError):
            out = model.predict(X)
            assert np.isfinite(out).all() or error
            assert out.dtype == model.dtype


@holds
@given(case=cases(), options=fits)
def test_a_file_keeps_everything(case, options):
    """Predictions, weights, optimizer and configuration of what was loaded are equal to the bit; so is
    what it then learns.
    """
    model, X, T = case
    try:
        fit(model, X, T, options)
    except mlp.MLPError:
        assume(False)
    try:
        expected = model.predict(X)
    except mlp.MLPError:
        assume(False)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "net.mlp")
        model.save(path)
        twin = load_model(path)
    twin.engine_asked = model.engine_asked
    assert twin.get_config() == model.get_config()
    assert bits(twin) == bits(model)
    assert twin.predict(X).tobytes() == expected.tobytes()
    outcomes = []
    for each in (model, twin):
        try:
            outcomes.append(repr(fit(each, X, T, options).history))
        except mlp.MLPError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]
    assert bits(twin) == bits(model)


@holds
@given(case=cases())
def test_a_configuration_makes_the_same_model(case):
    model, X, _ = case
    twin = Sequential.from_config(json.loads(json.dumps(model.get_config())))
    assert twin.get_config() == model.get_config()
    for each in (model, twin):
        with contextlib.suppress(mlp.MLPError):
            each.build(X.shape[1:])
    assert twin.built == model.built
    if model.built:
        assert twin.parameters.values.tobytes() == model.parameters.values.tobytes()


@holds
@given(case=cases(SMOOTH, noisy=False, constrained=False, dtype="float64"))
def test_the_loss_of_a_batch_falls_for_a_small_enough_step(case):
    """The loss while training, with all penalties; both engines."""
    model, X, T = case
    model.compile(optimizers.SGD(0.0), model.loss, engine=model.engine_asked)
    try:
        before = model.train_on_batch(X, T)
    except mlp.MLPError:
        assume(False)
    norm = float(np.linalg.norm(model.parameters.gradients))
    assume(norm > 1e-3)
    values = model.parameters.values.copy()
    for length in (1e-3, 1e-5, 1e-7):
        model.parameters.values[:] = values
        model.optimizer.learning_rate = length / norm
        model.train_on_batch(X, T)
        model.optimizer.learning_rate = 0.0
        if model.train_on_batch(X, T) < before:
            return
    raise AssertionError(f"no step along the gradient, of norm {norm}, lowers the loss {before}")
