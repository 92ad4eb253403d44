"""Losses: value and gradient by the net activation of the last layer, of its activation and the loss.

The activation is the one that the loss is made for. Each contestant does the two in its best
way: a short cut from the net activation where it has one (`from_logits`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.cells import FLOAT, Array
from benchmarks.parts import entries
from benchmarks.parts.entries import DTYPE, Action, Entry, Size, normal
from mlp import activations, losses


def real(size: Size) -> Array:
    """Any numbers."""
    return normal(1, *size)


def binary(size: Size) -> Array:
    """0 and 1."""
    return (normal(1, *size) > 0).astype(FLOAT)


def positive(size: Size) -> Array:
    """Numbers above 0."""
    return np.exp(normal(1, *size))


def counts(size: Size) -> Array:
    """0, 1, 2 …"""
    return np.floor(positive(size))


def labels(size: Size) -> Array:
    """The class of each row."""
    return np.random.default_rng(1).integers(0, size.columns, size.rows)


def one_hot(size: Size) -> Array:
    """The same as rows."""
    return np.eye(size.columns, dtype=FLOAT)[labels(size)]


def distribution(size: Size) -> Array:
    """Rows of probabilities."""
    rows = positive(size)
    return rows / rows.sum(axis=1, keepdims=True)


def with_unknown(size: Size) -> Array:
    """Any numbers, of which a tenth is not known."""
    rows = real(size)
    rows[np.random.default_rng(2).random(size) < 0.1] = np.nan
    return rows


def half(size: Size) -> Array:
    """Any numbers, a column for each two outputs."""
    return normal(1, size.rows, size.columns // 2)


@dataclass(frozen=True)
class Row:
    """A loss after an activation, targets, and the peers' functions of (their module, net, T)."""

    loss: losses.Loss
    activation: str = "linear"
    targets: Callable[[Size], Array] = real
    torch: Callable[[Any, Any, Any], Any] | None = None
    keras: Callable[[Any, Any, Any], Any] | None = None


def kl_torch(F: Any, net: Any, T: Any) -> Any:
    """Keras's is the mean over rows, too."""
    return F.kl_div(F.log_softmax(net, 1), T, reduction="batchmean")


def gaussian_torch(F: Any, net: Any, T: Any) -> Any:
    """Means, and the variances by a softplus."""
    mean, raw = net.chunk(2, 1)
    return F.gaussian_nll_loss(mean, T, F.softplus(raw))


def from_logits(name: str) -> Callable[[Any, Any, Any], Any]:
    """Keras's loss of that name, which has the activation in it."""
    return lambda keras, net, T: getattr(keras.losses, name)(from_logits=True)(T, net)


def plain(name: str, activation: str = "linear") -> Callable[[Any, Any, Any], Any]:
    """Keras's loss of that name after an activation."""

    def function(keras: Any, net: Any, T: Any) -> Any:
        return getattr(keras.losses, name)()(T, getattr(keras.activations, activation)(net))

    return function


ROWS = [
    Row(
        losses.MeanSquaredError(),
        torch=lambda F, net, T: F.mse_loss(net, T),
        keras=plain("MeanSquaredError"),
    ),
    Row(losses.SumOfSquares()),
    Row(losses.HalfMeanSquaredError()),
    Row(
        losses.MeanAbsoluteError(),
        torch=lambda F, net, T: F.l1_loss(net, T),
        keras=plain("MeanAbsoluteError"),
    ),
    Row(losses.MeanAbsolutePercentageError(), keras=plain("MeanAbsolutePercentageError")),
    Row(
        losses.MeanSquaredLogarithmicError(),
        "exponential",
        positive,
        keras=plain("MeanSquaredLogarithmicError", "exponential"),
    ),
    Row(losses.Huber(), torch=lambda F, net, T: F.huber_loss(net, T), keras=plain("Huber")),
    Row(losses.LogCosh(), keras=plain("LogCosh")),
    Row(
        losses.CosineSimilarity(),
        torch=lambda F, net, T: -F.cosine_similarity(net, T).mean(),
        keras=plain("CosineSimilarity"),
    ),
    Row(
        losses.BinaryCrossentropy(),
        "sigmoid",
        binary,
        lambda F, net, T: F.binary_cross_entropy_with_logits(net, T),
        from_logits("BinaryCrossentropy"),
    ),
    Row(
        losses.CategoricalCrossentropy(),
        "softmax",
        one_hot,
        lambda F, net, T: F.cross_entropy(net, T),
        from_logits("CategoricalCrossentropy"),
    ),
    Row(
        losses.SparseCategoricalCrossentropy(),
        "softmax",
        labels,
        lambda F, net, T: F.cross_entropy(net, T),
        from_logits("SparseCategoricalCrossentropy"),
    ),
    Row(
        losses.BinaryFocalCrossentropy(),
        "sigmoid",
        binary,
        keras=from_logits("BinaryFocalCrossentropy"),
    ),
    Row(
        losses.CategoricalFocalCrossentropy(),
        "softmax",
        one_hot,
        keras=from_logits("CategoricalFocalCrossentropy"),
    ),
    Row(
        losses.CategoricalGeneralizedCrossEntropy(),
        "softmax",
        labels,
        keras=plain("CategoricalGeneralizedCrossEntropy", "softmax"),
    ),
    Row(losses.KLDivergence(), "softmax", distribution, kl_torch, plain("KLDivergence", "softmax")),
    Row(
        losses.Poisson(),
        "exponential",
        counts,
        keras=plain("Poisson", "exponential"),
    ),
    Row(losses.Poisson(from_log=True), "linear", counts, lambda F, net, T: F.poisson_nll_loss(net, T)),
    Row(losses.Gamma(from_log=True), "linear", positive),
    Row(losses.Tweedie(from_log=True), "linear", counts),
    Row(losses.Hinge(), "linear", binary, keras=plain("Hinge")),
    Row(losses.SquaredHinge(), "linear", binary, keras=plain("SquaredHinge")),
    Row(losses.CategoricalHinge(), "linear", one_hot, keras=plain("CategoricalHinge")),
    Row(losses.Quantile(0.9)),
    Row(losses.Quantile([0.1, 0.9]), targets=half),
    Row(losses.Expectile()),
    Row(losses.GaussianNegativeLogLikelihood(), targets=half, torch=gaussian_torch),
    Row(losses.Masked("mse"), targets=with_unknown),
]


def prepare(row: Row, size: Size) -> Action:
    """f, `total` and `delta` as the engine calls them, with the deltas in a buffer."""
    loss, activation, net = losses.get(row.loss), activations.get(row.activation), normal(0, *size)
    activation.attach(size.columns, DTYPE, size.rows)
    losses.pair(loss, activation, size.columns, DTYPE)
    T = loss.encode(loss.as_target(row.targets(size), size.columns, DTYPE))
    loss.allocate(size.rows)
    out, delta, weight = np.empty_like(net), np.empty_like(net), np.array(loss.reduce(size.rows), FLOAT)
    linear = row.activation == "linear"

    def action() -> tuple[Any, Any]:
        y = net if linear else activation.f(net, out)
        value = loss.total(activation, net, y, T, weight)
        return value, loss.delta(activation, net, y, T, weight, delta)

    return action


def prepare_torch(row: Row, function: Callable[..., Any], size: Size) -> Action:
    """The function and `backward`."""
    F, net = entries.load_torch().nn.functional, entries.torch_tensor(normal(0, *size), learned=True)
    T = entries.torch_tensor(row.targets(size))

    def action() -> tuple[Any, Any]:
        net.grad = None
        value = function(F, net, T)
        value.backward()
        return value, net.grad

    return action


def prepare_keras(row: Row, function: Callable[..., Any], size: Size) -> Action:
    """The loss and its derivative, compiled."""
    jax, keras = entries.load_keras()
    both = jax.value_and_grad(lambda net, T: function(keras, net, T))
    return entries.compiled(both, normal(0, *size), row.targets(size))


def label(row: Row) -> str:
    """The name of the loss, with the activation if there is one."""
    options = {
        name: getattr(row.loss, name)
        for name in ("quantiles", "from_log", "loss")
        if getattr(row.loss, name, False) is not False
    }
    of = ", ".join(f"{name}={value}" for name, value in options.items())
    after = "" if row.activation == "linear" else f" of {row.activation}"
    return type(row.loss).__name__ + (f"({of})" if of else "") + after


ENTRIES = [
    Entry(
        type(row.loss),
        label(row),
        partial(prepare, row),
        row.torch and partial(prepare_torch, row, row.torch),
        row.keras and partial(prepare_keras, row, row.keras),
    )
    for row in ROWS
]
