"""Activations have one meaning: in plain Python, as NumPy's methods, and compiled on the tape."""

import copy
import inspect

import numpy as np
import pytest
from test_activations import EVERY

from mlp import Sequential, activations, layers
from mlp.activations import Activation, Blend
from mlp.elementary import maximum, minimum, where
from mlp.engines.kernels.activations import emit_delta, emit_f, own
from mlp.engines.kernels.compiler import compiler_for
from mlp.engines.kernels.tape import Tape, Uncompilable
from mlp.engines.numba_engine import NumbaEngine

CATALOGUE = sorted(set(activations._CATALOGUE.classes.values()), key=lambda part: part.__name__)
MORE = [
    activations.GELU(approximate=True), activations.Maxout(3), activations.SiLU(1.6765),
    activations.GeneralReLU(0.1, 4.0, 1.3), Blend("softmax", 0.3), Blend("linear", 0.5),
]  # fmt: skip
EXTREMES = [
    -1e4, -1e3, -88.0, -6.0, -3.0, -1.0, -0.5, -1e-8, 0.0, 1e-8, 0.2, 0.5, 1.0, 3.0, 4.1, 88.0, 1e3, 1e4,
    np.nan,
]  # fmt: skip
UNITS = 12  # divisible by 2, 3 and 4
TOLERANCES = {"float32": (2e-5, 2e-6), "float64": (1e-12, 1e-14)}


def named(part) -> str:
    return part.__name__ if isinstance(part, type) else repr(part)


def made(part, net: np.ndarray) -> Activation:
    """An activation with memory of its own for a net; what it learns is another number for each unit."""
    activation = part() if isinstance(part, type) else copy.deepcopy(part)
    activation.attach(net.shape[1], net.dtype, len(net))
    if activation.build(net.shape[1], net.dtype):
        activation.alpha = np.linspace(-0.5, 1.5, net.shape[1]).astype(net.dtype)
        activation.dalpha = np.empty(net.shape[1], net.dtype)
    return activation


def problem(dtype: str, rows: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """Usual nets, and rows of extremes; and grads."""
    rng = np.random.default_rng(rows)
    net = rng.normal(size=(rows, UNITS)) * 3
    net[::2] = rng.choice(EXTREMES, size=net[::2].shape)
    net[0] = np.linspace(-1, 1, UNITS)
    return net.astype(dtype), rng.normal(size=net.shape).astype(dtype)


def by_numpy(part, net: np.ndarray, grad: np.ndarray) -> dict[str, np.ndarray]:
    activation = made(part, net)
    with np.errstate(all="ignore"):
        out = activation.f(net, np.empty((len(net), activation.outputs(UNITS)), net.dtype))
        delta = activation.delta(grad[:, : out.shape[1]], net, out, np.empty_like(net))
    learned = {"dalpha": activation.dalpha} if hasattr(activation, "dalpha") else {}
    return {"out": out, "delta": delta, **learned}


def options(activation: Activation, form, first: int, unit: int = 0) -> list[float]:
    learned = {"alpha": float(activation.alpha[unit])} if hasattr(activation, "dalpha") else {}
    known = activation.scalars() | learned
    return [known[name] for name in list(inspect.signature(form).parameters)[first:]]


def in_python(part, net: np.ndarray, grad: np.ndarray) -> dict[str, np.ndarray]:
    """The same by the formulas as they stand in the class, on Python's numbers."""
    activation = made(part, net)
    outputs = activation.outputs(UNITS)
    if hasattr(activation, "scalar_f"):
        f, slope = activation.scalar_f, activation.scalar_slope
        out = [[f(x, *options(activation, f, 1, k)) for k, x in enumerate(row)] for row in net.tolist()]
        slopes = [
            [
                slope(x, y, *options(activation, slope, 2, k))
                for k, (x, y) in enumerate(zip(*rows, strict=True))
            ]
            for rows in zip(net.tolist(), out, strict=True)
        ]
        found = {"out": np.array(out), "delta": np.array(slopes) * grad}
        if hasattr(activation, "dalpha"):
            by_alpha = activation.scalar_gradient
            slopes = [
                [
                    by_alpha(x, y, *options(activation, by_alpha, 2, k))
                    for k, (x, y) in enumerate(zip(*rows, strict=True))
                ]
                for rows in zip(net.tolist(), out, strict=True)
            ]
            found["dalpha"] = (np.array(slopes) * grad).sum(axis=0)
        return found
    out, delta = [], []
    for x, g in zip(net.tolist(), grad[:, :outputs].tolist(), strict=True):
        y, d = [0.0] * outputs, [0.0] * UNITS
        if hasattr(activation, "rows_f"):
            activation.rows_f(x, y, 1, UNITS)
        else:
            activation.row_f(x, y, UNITS, *options(activation, activation.row_f, 3))
        activation.row_delta(g, x, y, d, UNITS, *options(activation, activation.row_delta, 5))
        out.append(y)
        delta.append(d)
    return {"out": np.array(out), "delta": np.array(delta)}


def compiled(part, net: np.ndarray, grad: np.ndarray) -> dict[str, np.ndarray]:
    """The same on a tape."""
    activation = made(part, net)
    tape, outputs = Tape(compiler_for(net.dtype), len(net)), activation.outputs(UNITS)
    out = emit_f(tape, activation, net, np.empty((len(net), outputs), net.dtype), UNITS)
    above = np.ascontiguousarray(grad[:, :outputs])
    delta = emit_delta(tape, activation, above, net, out, np.empty_like(net), UNITS)
    tape.finish().run()
    learned = {"dalpha": activation.dalpha} if hasattr(activation, "dalpha") else {}
    return {"out": out, "delta": delta, **learned}


def agree(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], dtype: str) -> None:
    rtol, atol = TOLERANCES[dtype]
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        if name == "dalpha":
            atol = atol * np.nanmax(np.abs(values), initial=1)  # a sum of terms of both signs
        np.testing.assert_allclose(found[name], values, rtol, atol, err_msg=name)


@pytest.mark.parametrize("part", EVERY, ids=named)
def test_formulas_are_those_of_numpy(part):
    if part is Blend or isinstance(part, Blend):
        net, bent, alpha = 0.7, -0.4, 0.3
        assert Blend.scalar_blend(net, bent, alpha) == pytest.approx(net + alpha * (bent - net))
        assert Blend.scalar_gradient(net, bent, alpha) == bent - net
        return
    net, grad = problem("float64")
    agree(in_python(part, net, grad), by_numpy(part, net, grad), "float64")


@pytest.mark.parametrize("part", CATALOGUE, ids=named)
def test_each_of_the_catalogue_has_a_compiled_form(part):
    net, grad = problem("float64")
    activation = made(part, net)
    tape, out = Tape(compiler_for(net.dtype), len(net)), np.empty((len(net), activation.outputs(UNITS)))
    emit_delta(
        tape, activation, grad, net, emit_f(tape, activation, net, out, UNITS), np.empty_like(net), UNITS
    )
    assert own(activation, "f", "scalar_f") or hasattr(activation, "row_delta") or type(activation) is Blend


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("part", [*CATALOGUE, *MORE], ids=named)
def test_compiled_forms_are_those_of_numpy(part, dtype):
    net, grad = problem(dtype)
    agree(compiled(part, net, grad), by_numpy(part, net, grad), dtype)


@pytest.mark.parametrize("units", [1, 2, 3, 7, 8, 9, 16, 17, 1000])
@pytest.mark.parametrize("part", ["softmax", "log_softmax", "sparsemax"])
def test_rows_of_any_length(part, units):
    """The largest stands at each place once; blocks of rows end where they have to."""
    rows = max(units, 11) if units < 1000 else 13
    rng = np.random.default_rng(units)
    net = rng.normal(size=(rows, units)) + 9 * np.eye(rows, units)
    grad, activation = rng.normal(size=net.shape), made(type(activations.get(part)), net)
    out = activation.f(net, np.empty_like(net))
    delta = activation.delta(grad, net, out, np.empty_like(net))
    tape = Tape(compiler_for(net.dtype), rows)
    found = emit_f(tape, activation, net, np.empty_like(net), units)
    below = emit_delta(tape, activation, grad, net, found, np.empty_like(net), units)
    tape.finish().run()
    np.testing.assert_allclose(found, out, 1e-12, 1e-14)
    np.testing.assert_allclose(below, delta, 1e-11, 1e-13)


# in models


def trained(
    parts, engine: str, size: int = 5, rule="adam", dtype="float64"
) -> tuple[Sequential, list[float]]:
    """A model after three epochs, the last batch of which is smaller."""
    rng = np.random.default_rng(0)
    X, T = rng.normal(size=(23, 3)), rng.random((23, 2))
    model = Sequential([layers.Input((3,)), *copy.deepcopy(parts)], seed=0, dtype=dtype)
    model.compile(rule, "mse", engine=engine)
    history = model.fit(X, T, batch_size=size, epochs=3, verbose=0)
    assert isinstance(model.engine, NumbaEngine) == (engine == "numba")
    return model, history.history["loss"]


def compare(parts, **settings) -> None:
    """Train with both engines; the parameters and the losses must agree."""
    (one, losses), (other, expected) = (trained(parts, engine, **settings) for engine in ("numba", "numpy"))
    np.testing.assert_allclose(losses, expected, rtol=1e-10)
    np.testing.assert_allclose(one.parameters.values, other.parameters.values, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("part", [*CATALOGUE, *MORE], ids=named)
def test_models_are_trained_alike(part):
    """Hidden, as a layer of its own, and as the last."""
    activation = part() if isinstance(part, type) else part
    units = 2 * 36 // activation.outputs(36)
    compare([
        layers.Dense(36, copy.deepcopy(activation)), layers.BatchNormalization(),
        layers.Activation(copy.deepcopy(activation)), layers.Dense(units, activation),
    ])  # fmt: skip


@pytest.mark.parametrize(
    "parts",
    [
        [layers.Activation("tanh"), layers.Dense(2)],
        [layers.Activation(activations.PReLU(0.1)), layers.Dense(4), layers.PReLU(), layers.Dense(2)],
        [layers.Dense(2), layers.Activation("linear")],
        [layers.Dense(2), layers.PReLU("ones", alpha_regularizer="l2", alpha_constraint="non_neg")],
        [layers.Dense(4, Blend("relu", 0.5)), layers.Dense(2, activations.PReLU())],
        [layers.Dense(4, "tanh"), layers.Dense(2), layers.Activation("softmax", activity_regularizer="l2")],
    ],
    ids=repr,
)
@pytest.mark.parametrize(("size", "rule"), [(5, "adam"), (1, "sgd")])
def test_layers_are_trained_alike(parts, size, rule):
    compare(parts, size=size, rule=rule)


def test_layers_know_what_they_saw_last():
    parts = [layers.Activation("tanh"), layers.Dense(2), layers.Activation("sigmoid")]
    (one, _), (other, _) = (trained(parts, engine) for engine in ("numba", "numpy"))
    for place in (0, 2):
        layer, expected = one.layers[place], other.layers[place]
        np.testing.assert_allclose(layer.net, expected.net, rtol=1e-9)
        np.testing.assert_allclose(layer.out, expected.out, rtol=1e-9)


# of the user's own


class Steeper(activations.Softmax):
    """Another delta, of which there is no compiled form."""

    def delta(self, grad, net, out, delta):
        return np.multiply(super().delta(grad, net, out, delta), 2, delta)


class Crooked(Activation):
    """It learns one number for each unit, and has an option."""

    def __init__(self, bound: float = 0.5) -> None:
        self.bound = bound

    def build(self, units, dtype):
        return {"height": np.ones(units)}

    def scalars(self):
        return {"bound": self.bound}

    def f(self, net, out):
        return np.multiply(self.height, np.clip(net, -self.bound, self.bound), out)

    def slope(self, net, out, slope):
        return np.multiply(self.height, np.abs(net) < self.bound, slope)

    def delta(self, grad, net, out, delta):
        self.dheight[...] = (grad * np.clip(net, -self.bound, self.bound)).sum(axis=0)
        return super().delta(grad, net, out, delta)

    @staticmethod
    def scalar_f(net, height, bound):
        return height * minimum(maximum(net, -bound), bound)

    @staticmethod
    def scalar_slope(net, out, height, bound):
        return where((net > -bound) & (net < bound), height, 0.0)

    @staticmethod
    def scalar_gradient(net, out, height, bound):
        return minimum(maximum(net, -bound), bound)


class Unwritten(Crooked):
    """What it learns has another gradient, of which there is no compiled form."""

    def delta(self, grad, net, out, delta):
        super().delta(grad, net, out, delta)
        self.dheight *= 2
        return delta


class Mixed(Blend):
    """A blend that is another function."""


@pytest.mark.parametrize("part", [Steeper, Unwritten, Mixed])
def test_a_class_that_replaces_a_method_has_no_compiled_form(part):
    net, grad = problem("float64")
    activation, tape = part(), Tape(compiler_for(net.dtype), len(net))
    activation.attach(UNITS, net.dtype)
    with pytest.raises(Uncompilable, match=f"{part.__name__} has no compiled form"):
        emit_delta(
            tape, activation, grad, net, emit_f(tape, activation, net, net.copy(), UNITS), net.copy(), UNITS
        )


def test_a_learned_function_of_the_users_own_is_compiled():
    compare([layers.Dense(4, Crooked(0.8)), layers.Dense(2)])
    compare([layers.Dense(4, Crooked(0.8)), layers.Dense(2)], size=1, rule="sgd")
