"""The public gradient check: right nets pass, wrong ones are named, kinks are no errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mlp
from mlp import Sequential, layers
from mlp.errors import ArgumentError, NotReadyError

rng = np.random.default_rng(0)
X = rng.normal(size=(7, 3))
CLASSES = np.arange(7) % 2


def compiled(hidden, loss="mse", **options):
    model = Sequential([*hidden, layers.Dense(1, name="last")], seed=0, **options)
    model.compile("adam", loss)
    model.build((3,))
    return model


def test_a_deep_net_with_everything():
    model = Sequential(
        [
            layers.Dense(6, "gelu", kernel_regularizer="l2", activity_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Residual([layers.Dense(6, "tanh"), layers.LayerNormalization()]),
            layers.Dense(4, "prelu"),
            layers.Dense(2, "softmax"),
        ],
        seed=1,
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.build((3,))
    before = model.parameters.values.copy(), model.rng.bit_generator.state
    check = mlp.gradient_check(model, X, CLASSES, sample_weight=np.arange(1, 8), inputs=True)
    assert check.passed
    assert check.largest < 1e-6
    assert check.checked == check.total == sum(w.size for w in model.trainable_weights) + X.size
    assert (model.parameters.values == before[0]).all()
    assert model.rng.bit_generator.state == before[1]
    assert model.optimizer.iterations == 0
    assert check.analytic.keys() == check.numeric.keys() == check.errors.keys()
    assert list(check.errors)[-1] == "x"
    table = str(check).splitlines()
    assert table[1].split()[:2] == ["dense.W", "18/18"]
    assert table[-1].startswith("right: the largest relative error is ")
    count = f"{check.total} of {check.total}"
    assert repr(check) == f"<GradientCheck of {count}: largest relative error {check.largest:.1e}>"


def test_of_a_parabola_it_is_exact():
    """L = (3w + b)², w = 2, b = −1: ∂L/∂w = 2 · 5 · 3 = 30, ∂L/∂b = 10; differences are exact."""
    model = Sequential([layers.Dense(1, name="unit")], dtype="float64")
    model.build((1,))
    model.set_weights([[[2]], [-1]])
    model.compile("sgd", "mse")
    check = mlp.gradient_check(model, [[3]], [0])
    assert check.analytic["unit.W"] == [[30]]
    assert check.analytic["unit.b"] == [10]
    np.testing.assert_allclose(check.numeric["unit.W"], [[30]], rtol=1e-9)


class WrongBias(layers.Layer):
    """out = X + b, whose db is twice too large for unit 1, and whose grad has the wrong sign."""

    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        self.add_parameter("b", np.zeros(input_shape))

    def forward(self, X, training=False):
        return X + self.b

    def backward(self, delta):
        self.db = delta.sum(axis=0) * [1, 2, 1]
        return -delta


def test_a_wrong_gradient_is_found_and_named():
    model = compiled([WrongBias(name="wrong")])
    check = mlp.gradient_check(model, X, CLASSES)
    assert not check.passed
    assert check.worst == "wrong.b[1]"
    assert check.largest == pytest.approx(0.5, rel=1e-3)
    assert np.nanmax(check.errors["last.W"]) < 1e-6
    assert "WRONG: the largest relative error is 5.0e-01, at wrong.b[1]" in str(check)
    said = f"there backpropagation says {check.analytic['wrong.b'][1]:.6g}, and the loss itself "
    assert said in str(check)


@pytest.mark.parametrize("scale", [1.001, 2, 0, -1])
def test_a_wrong_gradient_is_found_near_a_minimum(scale):
    """There the loss bends as much within a step as at a kink, but not within a shorter one."""

    class Scaled(layers.Dense):
        def backward(self, delta):
            grad = super().backward(delta)
            self.dW = self.dW * scale
            return grad

    T = np.ones((7, 1))
    model = Sequential([Scaled(1, use_bias=False)], seed=0, dtype="float64")
    model.compile("sgd", "mse")
    model.build((3,))
    best = np.linalg.lstsq(X, T, rcond=None)[0]
    model.set_weights([best + 3e-6])  # dW is then 0 within the longest step on one side
    assert not mlp.gradient_check(model, X, T).passed


def test_a_kink_beside_the_point_is_no_error():
    """net = 2e-6 lies within the longest step: the central difference mixes both slopes."""
    model = compiled([layers.Dense(1, "relu", kernel_initializer="zeros", bias_initializer="ones")])
    model.layers[0].b = 2e-6
    check = mlp.gradient_check(model, X, CLASSES)
    assert check.passed
    assert check.kinks == 0
    assert np.nanmax(check.errors["dense.b"]) < 1e-5


def test_small_inputs_through_a_normalization():
    model = compiled([layers.UnitNormalization(), layers.Dense(4, "gelu")])
    assert mlp.gradient_check(model, 1e-4 * X, CLASSES, inputs=True).passed


def test_a_method_set_on_a_layer_is_not_passed_over():
    model = compiled([layers.Dense(4, name="mine")])
    model.layers[0].backward = lambda delta: 0 * delta
    with pytest.raises(ArgumentError, match=r"layer 'mine' has a backward\(\) of its own"):
        mlp.gradient_check(model, X, CLASSES)


def test_a_loss_that_is_not_finite():
    with pytest.raises(ArgumentError, match="the loss of these rows is inf"):
        mlp.gradient_check(compiled([layers.Dense(3)]), 1e200 * X, CLASSES)


def test_a_loss_that_is_not_defined_beside_the_point():
    """net = 0, and √net³ is not defined below: nothing was compared, so nothing is right."""

    class Power(mlp.activations.Activation):
        def f(self, net, out):
            return np.power(net, 1.5, out=out)

        def slope(self, net, out, slope):
            return np.multiply(1.5, np.sqrt(net), out=slope)

    model = compiled([layers.Dense(1, Power(), kernel_initializer="zeros")])
    check = mlp.gradient_check(model, np.abs(X), CLASSES)
    assert not check.passed
    assert check.checked == check.total == 6
    assert check.largest == np.inf
    assert "backpropagation says 0, and the loss itself inf" in str(check)


def test_a_name_with_brackets():
    check = mlp.gradient_check(compiled([WrongBias(name="a[1]")]), X, CLASSES)
    assert check.worst == "a[1].b[1]"
    assert "there backpropagation says" in str(check)


def test_what_the_first_layer_hands_down():
    check = mlp.gradient_check(compiled([WrongBias()]), X, CLASSES, inputs=True)
    assert check.worst.startswith("x[")
    assert check.largest == pytest.approx(2, rel=1e-3)  # −1 beside 1


def test_a_convention_is_not_a_derivative():
    assert not mlp.gradient_check(compiled([layers.Dense(4, "threshold")]), X, CLASSES).passed


def test_a_kink_is_left_out():
    """net = 0 exactly: ReLU's slope there is 0 by convention, and from the right 1."""
    model = compiled([layers.Dense(2, "relu", kernel_initializer="zeros")])
    check = mlp.gradient_check(model, X, CLASSES)
    assert check.passed
    assert check.kinks == 8  # each W and b of the hidden units
    assert np.isnan(check.errors["dense.W"]).all()
    assert "8 were left out, since the loss has a kink there" in str(check)


def test_a_wrong_slope_at_a_kink_is_found():
    class Wrong(mlp.activations.Activation):
        """The ReLU with a slope of 3 at zero."""

        def f(self, net, out):
            return np.maximum(net, 0, out=out)

        def slope(self, net, out, slope):
            slope[...] = np.where(net > 0, 1, np.where(net < 0, 0, 3))
            return slope

    model = compiled([layers.Dense(2, Wrong(), kernel_initializer="zeros")])
    assert not mlp.gradient_check(model, X, CLASSES).passed


def test_a_sample_of_many():
    model = compiled([layers.Dense(40, "tanh")])
    check = mlp.gradient_check(model, X, CLASSES, most=50)
    assert check.passed
    assert (check.checked, check.total) == (50, 3 * 40 + 40 + 41)
    again = mlp.gradient_check(model, X, CLASSES, most=50)
    np.testing.assert_array_equal(again.numeric["dense.W"], check.numeric["dense.W"])


def test_frozen_layers_are_left_out():
    model = compiled([layers.Dense(4, name="frozen", trainable=False)])
    assert list(mlp.gradient_check(model, X, CLASSES).errors) == ["last.W", "last.b"]
    model.layers[-1].trainable = False
    with pytest.raises(ArgumentError, match="nothing in the model learns"):
        mlp.gradient_check(model, X, CLASSES)
    model.trainable = False
    with pytest.raises(ArgumentError, match=r"model.trainable must be True: a frozen model has no gradients"):
        mlp.gradient_check(model, X, CLASSES)


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["tanh", "sigmoid", "softplus", "elu", "silu", "softmax"]),
    st.sampled_from(["mse", "mae", "huber", "log_cosh"]),
    st.integers(1, 5),
    st.integers(0, 100),
)
def test_whatever_the_net(activation, loss, units, seed):
    model = Sequential([layers.Dense(units, activation), layers.Dense(2)], seed=seed)
    model.compile("sgd", loss)
    model.build((3,))
    targets = np.random.default_rng(seed).normal(size=(7, 2))
    assert mlp.gradient_check(model, X, targets, inputs=True).passed


def test_an_estimators_net():
    fitted = mlp.MLPClassifier((4,), alpha=1, solver="lbfgs", max_iter=1000, random_state=0).fit(X, CLASSES)
    assert mlp.gradient_check(fitted, X, CLASSES[:, None]).passed


def test_refusals():
    with pytest.raises(
        ArgumentError, match="model must be a Sequential or a fitted estimator of mlp; got dict"
    ):
        mlp.gradient_check({}, X, CLASSES)
    with pytest.raises(NotReadyError, match="MLPClassifier is not fitted yet"):
        mlp.gradient_check(mlp.MLPClassifier(), X, CLASSES)
    with pytest.raises(NotReadyError, match="the model is not built yet"):
        mlp.gradient_check(Sequential([layers.Dense(1)]), X, CLASSES)
    with pytest.raises(NotReadyError, match="compile the model first"):
        mlp.gradient_check(Sequential([layers.Dense(1, input_shape=(3,))]), X, CLASSES)
    model = compiled([])
    for options in ({"tolerance": 0}, {"most": 0}, {"inputs": 1}):
        with pytest.raises(ArgumentError, match=f"{next(iter(options))} must be"):
            mlp.gradient_check(model, X, CLASSES, **options)
    with pytest.raises(ArgumentError, match="x has 7 rows and y has 2"):
        mlp.gradient_check(model, X, [1, 2])
    whole = Sequential([layers.Embedding(5, 2), layers.Flatten(), layers.Dense(1)])
    whole.compile("sgd", "mse")
    whole.build((3,))
    assert mlp.gradient_check(whole, CLASSES[:, None] + [[0, 1, 2]], CLASSES).passed
    with pytest.raises(ArgumentError, match="inputs must be False for a layer that takes whole numbers"):
        mlp.gradient_check(whole, CLASSES[:, None] + [[0, 1, 2]], CLASSES, inputs=True)
