"""Losses: their options, what they refuse, extremes, and that they find what they are made for."""

import warnings

import numpy as np
import pytest
from output_layers import FLOATS, X, loss_and_delta, model_of

from mlp import losses
from mlp.errors import ArgumentError
from mlp.losses import base

RNG = np.random.default_rng(0)

# options


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.Huber(0), "delta must be a number in (0, inf); got 0"),
        (lambda: losses.Quantile([]), "quantiles must be a number in (0, 1), or some of them; got []"),
        (lambda: losses.Quantile([0.1, 1]), "quantiles must be a number in (0, 1); got 1"),
        (lambda: losses.Quantile("median"), "quantiles must be a number in (0, 1); got 'median'"),
        (lambda: losses.Quantile([0.5, 0.5]), "quantiles must be different numbers in (0, 1)"),
        (lambda: losses.Expectile(1), "level must be a number in (0, 1); got 1"),
        (lambda: losses.Tweedie(2), "power must be a number in (1, 2); got 2"),
        (
            lambda: losses.GaussianNegativeLogLikelihood(epsilon=0),
            "epsilon must be a number in (0, inf); got 0",
        ),
        (lambda: losses.BinaryFocalCrossentropy(alpha=2), "alpha must be a number in [0, 1]; got 2"),
        (lambda: losses.CategoricalFocalCrossentropy(gamma=-1), "gamma must be a number in [0, inf); got -1"),
        (lambda: losses.CategoricalFocalCrossentropy([1, -1]), "alpha must be a number in [0, inf); got -1"),
        (lambda: losses.CategoricalGeneralizedCrossEntropy(q=1), "q must be a number in (0, 1); got 1"),
        (lambda: losses.SparseCategoricalCrossentropy(ignore_class="x"), "ignore_class must be an integer"),
        (lambda: losses.CosineSimilarity(axis=0), "axis must be -1 or 1, the axis of the outputs; got 0"),
        (lambda: losses.Masked(losses.Masked()), "loss must be another loss than Masked itself"),
        (lambda: losses.Masked("msee"), "unknown loss 'msee'. Did you mean 'mse'"),
        (lambda: losses.LogCosh(name=5), "name must be a string; got 5"),
        (
            lambda: losses.LogCosh(reduction="avg"),
            "reduction must be one of sum_over_batch_size, mean, sum, ",
        ),
    ],
)
def test_bad_options(make, message):
    with pytest.raises(ArgumentError) as caught:
        make()
    assert message in str(caught.value)


CHANGED = [
    losses.Huber(0.5, name="h"),
    losses.Quantile([0.1, 0.9]),
    losses.Quantile(0.1, reduction="sum"),
    losses.CategoricalFocalCrossentropy(alpha=[0.5, 1.0], gamma=1.0),
    losses.Masked(losses.Huber(3.0)),
    losses.Tweedie(1.2, from_log=True),
    losses.SparseCategoricalCrossentropy(ignore_class=2),
]


@pytest.mark.parametrize("loss", CHANGED, ids=repr)
def test_configurations(loss):
    twin = losses.deserialize(losses.serialize(loss))
    assert type(twin) is type(loss)
    assert twin.get_config() == loss.get_config()
    assert losses.get(loss).get_config() == loss.get_config()


def test_huber_keeps_its_delta():
    assert losses.Huber(0.5).get_config()["delta"] == 0.5
    assert losses.huber([[0.0]], [[3.0]], 0.5) == pytest.approx(0.5 * 3 - 0.125)
    assert losses.huber([[0.0]], [[3.0]], delta=2.0) == pytest.approx(2 * 3 - 2)


@pytest.mark.parametrize("reduction", ["none", None, "mean_with_sample_weight"])
def test_what_gives_no_number_for_a_batch_is_for_use_by_itself(reduction):
    with pytest.raises(ArgumentError, match=r"can be used by itself; a model is trained with the mean"):
        model_of(1, None, losses.MeanSquaredError(reduction=reduction))


# domains


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        ("poisson", [[1], [-1]], "y must not be negative for Poisson; row 1 is"),
        (losses.Tweedie(from_log=True), [[1], [-1]], "y must not be negative for Tweedie; row 1"),
        (losses.Gamma(from_log=True), [[1], [0]], "y must be above 0 for Gamma; row 1"),
        ("msle", [[0], [-1]], "y must be above -1 for MeanSquaredLogarithmicError; row 1"),
        ("hinge", [[0], [0.5]], "y must hold -1 and 1, or 0 and 1, for Hinge; row 1"),
        ("squared_hinge", [[-1], [0]], "not 0 beside -1, for SquaredHinge; row 1"),
        ("hinge", np.zeros((0, 1)), "y has no rows"),
    ],
)
def test_targets_without_a_meaning(loss, y, message):
    with pytest.raises(ArgumentError) as caught:
        model_of(1, None, loss).fit(X[: len(y)] if len(y) else X, y, verbose=0)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("units", "activation", "loss", "message"),
    [
        (1, None, "gamma", r"Gamma needs outputs above 0, but Linear puts out neg.*softplus.*from_log=True"),
        (1, "tanh", "tweedie", "Tweedie needs outputs above 0, but Tanh puts out negative numbers"),
        (2, None, "kl_divergence", "KLDivergence needs outputs between 0 and 1.*activation='softmax'.$"),
        (1, None, "binary_focal_crossentropy", "or use BinaryFocalCrossentropy"),
        (1, "sigmoid", "categorical_hinge", "needs one output a class"),
        (1, "sigmoid", "categorical_generalized_cross_entropy", "needs one output a class"),
        (3, "softmax", losses.CategoricalFocalCrossentropy([1, 2]), "alpha must be one number, or 3; got"),
        (4, None, losses.Quantile([0.1, 0.5, 0.9]), "with 3 quantiles needs 3 outputs .*; there are 4"),
        (3, None, "gaussian_nll", "needs two outputs for each column of targets.*; there are 3"),
    ],
)
def test_outputs_that_do_not_suit(units, activation, loss, message):
    with pytest.raises(ArgumentError, match=message):
        model_of(units, activation, loss)


@pytest.mark.parametrize("activation", ["softplus", "relu", "sigmoid", "softmax"])
def test_what_may_go_with_positive_means(activation):
    for loss in ("poisson", "gamma", "tweedie"):
        assert model_of(2, activation, loss).compiled


def test_hinge_takes_either_pair_of_labels():
    for loss in (losses.Hinge(), losses.SquaredHinge()):
        out = [[0.3, -0.2], [2.0, 0.1]]
        assert loss([[0, 1], [1, 0]], out) == loss([[-1, 1], [1, -1]], out)


# extremes


REAL_LOSSES = [
    "mse", "mae", "mape", "msle", "huber", "log_cosh", "cosine_similarity", "poisson", "hinge",
    "squared_hinge", losses.Quantile(0.9), losses.Expectile(0.9), "gaussian_nll",
]  # fmt: skip


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("net", [1e4, -1e4, 0.0])
@pytest.mark.parametrize("loss", REAL_LOSSES, ids=str)
def test_finite_at_extreme_outputs(loss, net, dtype):
    loss = losses.get(loss)
    value, delta = loss_and_delta(loss, "linear", [[net, net]], [[1.0] * loss.columns(2)], dtype=dtype)
    assert np.isfinite(value)
    assert np.isfinite(delta).all()
    assert delta.dtype == dtype


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "loss", [losses.Poisson(from_log=True), losses.Gamma(True), losses.Tweedie(from_log=True)], ids=repr
)
def test_what_overflows_is_infinite_without_a_warning(loss, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for net in (1e4, -1e4):
            value, delta = loss_and_delta(loss, "linear", [[net]], [[1.0]], dtype=dtype)
            assert value > 1e3
            assert not np.isnan(delta).any()
            assert delta[0, 0] == 0 or np.sign(delta[0, 0]) == np.sign(net)
    if not isinstance(loss, losses.Gamma):  # nothing is expected, and nothing came
        assert loss_and_delta(loss, "linear", [[-1e4]], [[0.0]], dtype=dtype)[0] == pytest.approx(
            0, abs=1e-30
        )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("gap", [1e2, 1e4])
def test_focal_losses_learn_from_a_net_that_is_wrong_by_far(gap, logits, dtype):
    """There (1 − p)² is 1, so that they are the plain cross-entropies; Keras's slope is 0."""
    end = "linear" if logits else "sigmoid"
    loss = losses.BinaryFocalCrossentropy(from_logits=logits)
    value, delta = loss_and_delta(loss, end, [[-gap, gap]], [[1.0, 0.0]], dtype=dtype)
    assert value == pytest.approx(gap, rel=1e-6)
    np.testing.assert_allclose(delta, [[-0.5, 0.5]], rtol=1e-6)
    loss = losses.CategoricalFocalCrossentropy(alpha=1.0, from_logits=logits)
    end = "linear" if logits else "softmax"
    value, delta = loss_and_delta(loss, end, [[-gap, gap]], [[1.0, 0.0]], dtype=dtype)
    assert value == pytest.approx(2 * gap, rel=1e-6)
    np.testing.assert_allclose(delta, [[-1, 1]], rtol=1e-6)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("net", [1e4, -1e4, 0.0])
def test_focal_losses_are_finite_for_any_gamma(gamma, net):
    for loss, end in (
        (losses.BinaryFocalCrossentropy(gamma=gamma), "sigmoid"),
        (losses.CategoricalFocalCrossentropy(gamma=gamma), "softmax"),
        (losses.BinaryFocalCrossentropy(gamma=gamma), "softmax"),
        (losses.CategoricalFocalCrossentropy(gamma=gamma), "sigmoid"),
    ):
        value, delta = loss_and_delta(loss, end, [[net, -net]], [[1.0, 0.0]], dtype="float32")
        assert np.isfinite(value)
        assert np.isfinite(delta).all()


def test_focal_losses_without_focus_are_cross_entropies():
    net, T = RNG.normal(size=(5, 3)), np.eye(3)[[0, 1, 2, 0, 1]]
    for focal, plain, end in (
        (losses.BinaryFocalCrossentropy(gamma=0), losses.BinaryCrossentropy(), "sigmoid"),
        (losses.CategoricalFocalCrossentropy(1.0, 0), losses.CategoricalCrossentropy(), "softmax"),
    ):
        for ours, theirs in zip(
            loss_and_delta(focal, end, net, T), loss_and_delta(plain, end, net, T), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_generalized_cross_entropy_at_a_probability_of_0():
    loss = losses.CategoricalGeneralizedCrossEntropy()
    value, delta = loss_and_delta(loss, "softmax", [[-1e4, 1e4]], [0], dtype="float32")
    assert value == pytest.approx(2)
    np.testing.assert_array_equal(delta, [[0, 0]])
    # p^q (y − t), by hand at p = ¼ and q = ½
    value, delta = loss_and_delta(loss, "softmax", [[0.0, np.log(3)]], [0])
    np.testing.assert_allclose(delta, [[0.5 * (0.25 - 1), 0.5 * 0.75]])


def test_slopes_where_output_and_target_are_equal():
    for name, expected in (("mae", 0), ("quantile", 0), ("huber", 0), ("log_cosh", 0), ("expectile", 0)):
        assert loss_and_delta(losses.get(name), "linear", [[2.0]], [[2.0]])[1] == expected
    assert loss_and_delta(losses.Quantile(0.9), "linear", [[2.0]], [[2.0]])[1] == pytest.approx(0.5 - 0.9)


def test_rivals_that_are_equal_share_the_slope():
    delta = loss_and_delta(losses.CategoricalHinge(), "linear", [[0.0, 1.0, 1.0]], [[1.0, 0.0, 0.0]])[1]
    np.testing.assert_array_equal(delta, [[-1, 0.5, 0.5]])


# batches that are worked on in blocks


@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
@pytest.mark.parametrize(
    ("loss", "end"),
    [
        ("mae", "linear"), ("mae", "tanh"), ("mse", "linear"), ("huber", "relu"), ("msle", "softplus"),
        ("binary_crossentropy", "sigmoid"), ("binary_focal_crossentropy", "sigmoid"), ("hinge", "leaky_relu"),
        ("quantile", "softmax"), ("poisson", "softplus"),
    ],
    ids=str,
)  # fmt: skip
def test_blocks_add_up(loss, end, weighted, monkeypatch):
    """The whole batch in one go and block by block; the last block is shorter."""
    net, T = RNG.normal(size=(23, 4)), RNG.integers(0, 2, (23, 4)).astype(float)
    weight = RNG.random(23) if weighted else None
    whole = loss_and_delta(losses.get(loss), end, net, T, weight)
    monkeypatch.setattr(base, "BLOCK", 20)
    in_blocks = losses.get(loss)
    blocks = loss_and_delta(in_blocks, end, net, T, weight)
    assert len(in_blocks.blocks) == 5
    assert blocks[0] == pytest.approx(whole[0], rel=1e-12)
    np.testing.assert_array_equal(blocks[1], whole[1])
    assert len(in_blocks.scratch) == 23


# training


def test_several_quantiles_of_two_columns():
    rng = np.random.default_rng(1)
    T = rng.normal(size=(4000, 2)) * [1, 3]
    model = model_of(6, None, losses.Quantile([0.1, 0.5, 0.9]))
    model.fit(np.zeros((4000, 2)), T, batch_size=100, epochs=60, verbose=0)
    shares = (T[:, :, None] < model.predict(np.zeros((1, 2))).reshape(2, 3)).mean(axis=0)
    np.testing.assert_allclose(shares, [[0.1, 0.5, 0.9]] * 2, atol=0.03)
    assert model.predict(X).shape == (40, 6)
    with pytest.raises(ArgumentError, match=r"expected \(n, 2\)"):
        model.fit(X, np.zeros((40, 6)), verbose=0)


def test_a_variance_is_learned():
    rng = np.random.default_rng(1)
    T = np.array([[2.0, -1.0]]) + rng.normal(size=(4000, 2)) * [0.5, 2]
    loss = losses.GaussianNegativeLogLikelihood()
    model = model_of(4, None, loss)
    model.fit(np.zeros((4000, 2)), T, batch_size=100, epochs=60, verbose=0)
    mean, variance = loss.split(model.predict(np.zeros((1, 2))))
    np.testing.assert_allclose(mean, [T.mean(axis=0)], atol=0.15)
    np.testing.assert_allclose(variance, [T.var(axis=0)], rtol=0.15)


@pytest.mark.parametrize(
    ("loss", "end"),
    [
        (losses.Poisson(from_log=True), None), ("poisson", "softplus"), (losses.Gamma(from_log=True), None),
        ("gamma", "softplus"), (losses.Tweedie(from_log=True), None), ("tweedie", "softplus"),
    ],
)  # fmt: skip
def test_deviances_find_the_mean(loss, end):
    T = np.random.default_rng(0).gamma(2.0, 1.5, size=(2000, 1))
    model = model_of(1, end, loss)
    model.fit(np.zeros((2000, 2)), T, batch_size=100, epochs=60, verbose=0)
    found = model.predict(np.zeros((1, 2)))[0, 0]
    assert (np.exp(found) if end is None else found) == pytest.approx(T.mean(), rel=0.05)


def test_expectiles_lie_where_the_two_sides_balance():
    T = np.random.default_rng(0).normal(size=(2000, 1))
    model = model_of(1, None, losses.Expectile(0.9))
    model.fit(np.zeros((2000, 2)), T, batch_size=100, epochs=60, verbose=0)
    found = model.predict(np.zeros((1, 2)))[0, 0]
    above, below = np.maximum(T - found, 0).sum(), np.maximum(found - T, 0).sum()
    assert above * 0.9 == pytest.approx(below * 0.1, rel=0.15)
