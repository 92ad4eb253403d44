"""Targets that are not known, by Masked and by ignore_class: they add nothing and move nothing."""

import numpy as np
import pytest
from output_layers import FLOATS, X, loss_and_delta, model_of, prepared

from mlp import activations, losses
from mlp.errors import ArgumentError

RNG = np.random.default_rng(3)


MASKED = {
    "linear": ["mse", "mae", "huber", losses.SumOfSquares(), losses.Quantile([0.1, 0.9])],
    "sigmoid": ["binary_crossentropy", "binary_focal_crossentropy", "msle"],
    "softmax": ["mse", "binary_crossentropy"],
}


@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 0.5]], ids=["equal", "weighted"])
@pytest.mark.parametrize(("end", "loss"), [(end, loss) for end in MASKED for loss in MASKED[end]], ids=str)
def test_unknown_elements_add_nothing(end, loss, weight):
    """Value and ∂L/∂out are those of the complete target, less what the unknown elements added."""
    loss = losses.get(loss)
    net = RNG.normal(size=(3, 4))
    T = RNG.random((3, loss.columns(4)))
    holes = T.copy()
    holes[0, 1], holes[2] = np.nan, np.nan
    value, delta = loss_and_delta(losses.Masked(loss), end, net, holes, weight)
    # Σ over single elements of the loss by itself
    activation, encoded = prepared(loss, end, 4, T)
    out = activation.f(net, np.empty_like(net))
    elements = loss.elements(out, encoded) * loss.shares
    known = ~np.isnan(losses.Masked(loss).loss.__class__.encode(prepared_copy(loss), holes))
    w = np.ones(3) if weight is None else np.array(weight)
    assert value == pytest.approx((elements * known * w[:, None]).sum())
    grad = loss.gradient(out, encoded) * known * w[:, None]
    np.testing.assert_allclose(delta, activation.delta(grad, net, out, np.empty_like(net)), atol=1e-14)


def prepared_copy(loss):
    loss = losses.get(loss)
    loss.bind(4, np.dtype("float64"))
    return loss


@pytest.mark.parametrize(
    ("end", "loss", "T"),
    [
        ("softmax", "categorical_crossentropy", np.eye(3)[[0, 2, 1]]),
        ("softmax", losses.SparseCategoricalCrossentropy(label_smoothing=0.1), np.array([[0], [2], [1]])),
        ("linear", losses.SparseCategoricalCrossentropy(from_logits=True), np.array([[0], [2], [1]])),
        ("softmax", "categorical_focal_crossentropy", np.eye(3)[[0, 2, 1]]),
        ("linear", "cosine_similarity", RNG.normal(size=(3, 3))),
        ("linear", "categorical_hinge", np.eye(3)[[0, 2, 1]]),
        ("softmax", "kl_divergence", np.eye(3)[[0, 2, 1]]),
    ],
    ids=str,
)
def test_unknown_rows_add_nothing(end, loss, T):
    """As if the row had a weight of 0."""
    net = RNG.normal(size=(3, 3))
    holes = T.astype(float)
    holes[1, 0] = np.nan
    masked = loss_and_delta(losses.Masked(loss), end, net, holes)
    weighted = loss_and_delta(losses.get(loss), end, net, T, [1, 0, 1])
    assert masked[0] == pytest.approx(weighted[0])
    np.testing.assert_allclose(masked[1], weighted[1], atol=1e-15)
    alone = losses.Masked(loss)(holes, activations.get(end)(net), [3, 2, 1])
    values = type(losses.get(loss))(**losses.get(loss).get_config()).per_sample(T, activations.get(end)(net))
    assert alone == pytest.approx((3 * values[0] + values[2]) / 3, rel=1e-6)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("net", [1e4, -1e4])
def test_the_short_way_of_masked_targets_is_exact(net, dtype):
    loss = losses.Masked("binary_crossentropy")
    value, delta = loss_and_delta(loss, "sigmoid", [[net, net, net]], [[0, 1, np.nan]], dtype=dtype)
    assert value == pytest.approx(1e4 / 3, rel=1e-6)
    np.testing.assert_allclose(delta, [[net > 0, -(net < 0), 0]] / np.float64(3), rtol=1e-6)
    assert loss.canonical_factor == pytest.approx(1 / 3)


def test_masked_targets_train_and_do_not_move_what_they_do_not_know():
    T = X @ [[1.0, -2.0], [0.5, 1.0]]
    holes = np.where(RNG.random(T.shape) < 0.4, np.nan, T)
    model = model_of(2, None, losses.Masked("mse"), dtype="float64")
    model.fit(X, holes, batch_size=8, epochs=300, verbose=0, validation_split=0.1)
    np.testing.assert_allclose(model.get_weights()[0], [[1, -2], [0.5, 1]], atol=1e-3)
    assert np.isfinite(model.evaluate(X, holes, batch_size=7))
    model = model_of(2, None, losses.Masked("mse"), dtype="float64")
    before = model.get_weights()[0]
    model.fit(X, np.stack([T[:, 0], np.full(40, np.nan)], axis=1), verbose=0)
    after = model.get_weights()[0]
    assert (after[:, 0] != before[:, 0]).all()
    np.testing.assert_array_equal(after[:, 1], before[:, 1])


def test_masked_targets_may_not_be_infinite_or_all_unknown_rows():
    with pytest.raises(ArgumentError, match=r"y\[1, 0\] is inf"):
        model_of(2, None, losses.Masked()).fit(X[:2], [[np.nan, 1], [np.inf, 1]], verbose=0)
    with pytest.raises(ArgumentError, match="y has no row without NaN"):
        model_of(2, "softmax", losses.Masked("categorical_crossentropy")).fit(
            X[:2], [[np.nan, 1], [0, np.nan]], verbose=0
        )
    with pytest.raises(ArgumentError, match=r"y\[0, 0\] is nan"):
        model_of(2, None, "mse").fit(X[:2], [[np.nan, 1], [1, 1]], verbose=0)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum"])
def test_ignored_classes_are_left_out(reduction):
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1, reduction=reduction)
    net, y = RNG.normal(size=(4, 3)), np.array([2, -1, 0, -1])
    share = loss.reduce(loss.counted(y))
    assert share == (1.0 if reduction == "sum" else 0.5)
    value, delta = loss_and_delta(loss, "softmax", net, y, share)
    kept = losses.SparseCategoricalCrossentropy(reduction=reduction)
    by_kept = loss_and_delta(kept, "softmax", net[[0, 2]], y[[0, 2]], 0.5 if reduction != "sum" else 1.0)
    assert value == pytest.approx(by_kept[0])
    np.testing.assert_allclose(delta[[0, 2]], by_kept[1])
    assert not delta[[1, 3]].any()
    assert loss(y, activations.softmax(net)) == pytest.approx(value)
    with pytest.raises(ArgumentError, match="labels from 0 to 2"):
        loss([-2, 0, 0, 0], net)
    weighted = losses.SparseCategoricalCrossentropy(ignore_class=-1, reduction="mean_with_sample_weight")
    each = kept.per_sample(y[[0, 2]], activations.softmax(net)[[0, 2]])
    found = weighted(y, activations.softmax(net), [1, 5, 3, 7])
    assert found == pytest.approx((each[0] + 3 * each[1]) / 4)
