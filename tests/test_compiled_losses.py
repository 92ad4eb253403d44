"""Losses have one meaning: in plain Python, as NumPy's methods, and compiled on the tape."""

import copy
import inspect

import numpy as np
import pytest
from test_gradients import LOSSES, suits, targets

from mlp import Sequential, activations, layers, losses, optimizers
from mlp.data import ArrayData
from mlp.engines.kernels.losses import METHODS, form_of
from mlp.engines.kernels.tape import Uncompilable
from mlp.engines.numba_engine import NumbaEngine
from mlp.errors import ArgumentError

MORE = [
    losses.CategoricalFocalCrossentropy(alpha=[0.2, 0.5, 1.0], gamma=0.0),
    losses.BinaryFocalCrossentropy(gamma=0.0),
    losses.GaussianNegativeLogLikelihood(full=True, epsilon=1e-3, reduction="sum"),
    losses.SparseCategoricalCrossentropy(ignore_class=1, label_smoothing=0.1, reduction="sum"),
    losses.SparseCategoricalCrossentropy(ignore_class=2, from_logits=True),
    losses.Masked(losses.SparseCategoricalCrossentropy(ignore_class=0)),
    losses.Masked("huber"),
    losses.Masked("gaussian_nll"),
    losses.Masked(losses.Quantile(0.3)),
]
ENDS = ["linear", "sigmoid", "softmax"]
ROWS, SIZE = 13, 5  # the last batch is smaller


def columns(loss: losses.Loss, outputs: int) -> int:
    """So many outputs for each column of targets."""
    return outputs * loss.per_target


def problem(loss: losses.Loss, outputs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(outputs)
    T = np.concatenate([targets(loss, outputs, rng) for _ in range(2)])[:ROWS]
    return rng.normal(size=(ROWS, 3)), T, rng.random(ROWS) * 2


def trained(engine: str, loss, outputs: int, end: str, weighted: bool, dtype: str):
    X, T, weight = problem(loss, outputs)
    model = Sequential(
        [layers.Input(3), layers.Dense(4, "relu"), layers.Dense(outputs, end)], seed=2, dtype=dtype
    )
    model.compile(optimizers.SGD(1e-4), copy.deepcopy(loss), engine=engine)
    model.parameters.values[:] *= 0.5
    fitted = {"batch_size": SIZE, "epochs": 3, "verbose": 0}
    history = model.fit(X, T, sample_weight=weight if weighted else None, **fitted)
    last = model.evaluate(X, T, sample_weight=weight if weighted else None, verbose=0)
    assert isinstance(model.engine, NumbaEngine) == (engine == "numba")
    return np.array([*history.history["loss"], last]), model.parameters.values


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("loss", LOSSES + MORE, ids=repr)
def test_both_engines_train_alike(loss, dtype):
    tolerance = {"rtol": 1e-10, "atol": 1e-12} if dtype == "float64" else {"rtol": 1e-4, "atol": 1e-5}
    trainings = 0
    for end in ENDS:
        for outputs, weighted in ((1, False), (3, True)):
            outputs = columns(loss, outputs)
            if suits(end, loss, outputs):
                expected = trained("numpy", loss, outputs, end, weighted, dtype)
                found = trained("numba", loss, outputs, end, weighted, dtype)
                for one, other in zip(found, expected, strict=True):
                    np.testing.assert_allclose(one, other, **tolerance, err_msg=f"{end}, {outputs}")
                trainings += 1
    assert trainings


def bound(loss: losses.Loss, activation, outputs: int, rows: int, dtype: str = "float64"):
    loss, activation = copy.deepcopy(loss), activations.get(activation)
    losses.pair(loss, activation, outputs, np.dtype(dtype))
    loss.allocate(rows)
    activation.attach(outputs, np.dtype(dtype), rows)
    return loss, activation


@np.errstate(all="ignore")
def by_hand(loss: losses.Loss, net, out, T):
    """Value and gradient of each row, by the forms as plain Python."""
    by_element, function = form_of(loss)
    units, table, known = loss.units, loss.table(), loss.scalars()
    names = list(inspect.signature(function).parameters)[(3 if by_element else 5) + (table is not None) :]
    settings = [np.float64(known[name]) for name in names]
    values, grad = np.zeros(len(out)), np.zeros(out.shape)
    for r in range(len(out)):
        if not by_element:
            extra = settings if table is None else [table, *settings]
            values[r] = function(net[r], out[r], T[r], grad[r], units, *extra)
            grad[r] *= loss.canonical_factor or 1
            continue
        for k in range(units):
            extra = settings if table is None else [table[k], *settings]
            element, grad[r, k] = function(net[r, k], out[r, k], T[r, k], *extra)
            values[r] += element * loss.factor(units)
        grad[r] *= loss.canonical_factor or loss.factor(units)
    return values, grad


@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
@pytest.mark.parametrize(
    "loss", [loss for loss in LOSSES + MORE if not isinstance(loss, losses.Masked)], ids=repr
)
@np.errstate(all="ignore")
def test_plain_forms_are_the_methods(loss, scale):
    """Also far out, where probabilities are 0 and 1."""
    outputs = columns(loss, 3)
    for end in [end for end in (*ENDS, "softplus") if suits(end, loss, outputs)]:
        _, T, _ = problem(loss, outputs)
        one, activation = bound(loss, end, outputs, 1)
        T = one.encode(one.as_target(T, outputs, np.dtype("float64")))
        for net, t in zip(np.random.default_rng(1).normal(size=(ROWS, outputs)) * scale, T, strict=True):
            check_row(one, activation, net.reshape(1, -1), t.reshape(1, -1), end)


def check_row(loss: losses.Loss, activation, net: np.ndarray, T: np.ndarray, end: str) -> None:
    out = activation.f(net, np.empty_like(net)).copy()
    values, grad = by_hand(loss, net if loss.canonical_factor else out, out, T)
    if getattr(loss, "ignore_class", None) is not None and not T.any():  # the tape leaves such rows out
        values, grad = values * 0, grad * 0
    weight = np.ones(())
    expected = loss.total(activation, net, out, T, weight)
    np.testing.assert_allclose(values[0], expected, rtol=1e-11, atol=1e-12, err_msg=end)
    if loss.canonical_factor:
        expected = loss.delta(activation, net, out, T, weight, np.empty_like(out))
    else:
        expected = loss.gradient(out, T)
    np.testing.assert_allclose(grad, expected, rtol=1e-10, atol=1e-13, err_msg=end)


@pytest.mark.parametrize("name", sorted(losses._CATALOGUE.classes))
def test_every_loss_has_a_compiled_form(name):
    loss = losses.get(name)
    for activation in [*ENDS, "softplus"]:
        if suits(activation, loss, 6) and not isinstance(loss, losses.Masked):
            form_of(bound(loss, activation, 6, 1)[0])
    assert any(type(other) is type(loss) for other in LOSSES), "test_gradients has it too"


def test_methods_are_those_that_give_values_and_gradients():
    assert all(hasattr(losses.Loss, method) for method in METHODS)


class Halved(losses.MeanSquaredError):
    def elements(self, out, T):
        return super().elements(out, T) * 0.5


class Cubed(losses.Loss):
    def elements(self, out, T):
        return np.abs(out - T) ** 3

    def slopes(self, out, T):
        return 3 * (out - T) * np.abs(out - T)

    @staticmethod
    def scalar_loss(net, out, t):
        error = out - t
        size = error if error > 0.0 else -error
        return size * size * size, 3.0 * error * size


class Counting(losses.MeanSquaredError):
    def counted(self, T):
        return 1


def test_a_loss_of_the_user():
    with pytest.raises(ArgumentError, match="loss Halved has no compiled form"):
        trained("numba", Halved(), 2, "linear", False, "float64")
    with pytest.raises(ArgumentError, match="loss Counting has no compiled form, since `counted` is its own"):
        trained("numba", Counting(), 2, "linear", False, "float64")
    with pytest.raises(Uncompilable, match="loss Masked"):
        form_of(type("Masked2", (losses.Masked,), {})("mse"))
    expected, found = (
        trained(engine, Cubed(), 2, "linear", True, "float64") for engine in ("numpy", "numba")
    )
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("loss", "end"),
    [
        (losses.MeanSquaredError(), "linear"),
        (losses.MeanAbsoluteError(), "linear"),
        (losses.SparseCategoricalCrossentropy(), "softmax"),
        (losses.Quantile([0.1, 0.5]), "linear"),
        (losses.Masked("mse"), "linear"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_many_blocks(loss, end, weighted, dtype):
    """More numbers than a block has."""
    rng = np.random.default_rng(5)
    rows, outputs, results = 700, 14, []
    T = rng.integers(0, outputs, (rows, 1)) if end == "softmax" else rng.random((rows, loss.columns(outputs)))
    X = rng.normal(size=(rows, 3)).astype(dtype)
    for engine in ("numpy", "numba"):
        model = Sequential([layers.Input(3), layers.Dense(outputs, end)], seed=0, dtype=dtype)
        model.compile("sgd", copy.deepcopy(loss), engine=engine)
        run = model.ready()
        target = model.loss.as_target(T, outputs, X.dtype)
        weight = np.linspace(0.5, 2, rows).astype(dtype) if weighted else None
        data = ArrayData(X, target, weight, model.loss.encode, model.loss.reduce, outputs)
        X_all, _, encoded, share = data.all()
        value = run.gradient(X_all, encoded, share)
        results.append((value, model.parameters.gradients.copy()))
    tolerance = 1e-12 if dtype == "float64" else 2e-6
    assert results[1][0] == pytest.approx(results[0][0], rel=tolerance)
    scale = np.abs(results[0][1]).max()
    np.testing.assert_allclose(results[1][1] / scale, results[0][1] / scale, atol=10 * tolerance)
