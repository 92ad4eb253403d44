"""One training step worked by hand, with the arithmetic beside it, and the identities of the rule."""

import numpy as np
import pytest

from mlp import Sequential, layers, losses, optimizers
from mlp.engines.numpy_engine import backward, forward


def two_layers(hidden, output="linear", loss="half_mean_squared_error", rate=0.5) -> Sequential:
    model = Sequential(
        [layers.Input(2), layers.Dense(2, hidden, name="hidden"), layers.Dense(1, output, name="output")],
        dtype="float64",
    )
    model.compile(optimizers.SGD(rate), loss)
    return model


def test_one_step_by_hand():
    """x = (1, 2), t = 1; hidden ReLU units, a linear output, loss ½ (y − t)², η = 0.5.

    Forward
        W₁ = ( 1  -1 )   b₁ = (0, 1)     net₁ = (1·1 + 2·1,  1·(-1) + 2·0 + 1) = (3, 0)
             ( 1   0 )                   out₁ = (max(3, 0), max(0, 0))         = (3, 0)
        W₂ = ( 1 )       b₂ = 0          net₂ = 3·1 + 0·2 + 0                  = 3
             ( 2 )                       y    = 3
        L  = ½ (3 − 1)² = 2

    Backward
        delta₂ = y − t                                        = 2
        dW₂    = out₁ᵀ delta₂ = (3·2, 0·2)ᵀ                   = (6, 0)ᵀ
        db₂    = delta₂                                       = 2
        grad₁  = delta₂ W₂ᵀ = (2·1, 2·2)                      = (2, 4)
        delta₁ = f'(net₁) ∘ grad₁ = (1, 0) ∘ (2, 4)           = (2, 0)    slope 0 at net = 0
        dW₁    = xᵀ delta₁ = (1·2  1·0)                       = (2  0)
                             (2·2  2·0)                         (4  0)
        db₁    = delta₁                                       = (2, 0)

    Update, W ← W − η dW
        W₁ = ( 1 − 0.5·2   -1 ) = (  0  -1 )    b₁ = (0 − 1, 1)    = (-1, 1)
             ( 1 − 0.5·4    0 )   ( -1   0 )
        W₂ = ( 1 − 0.5·6 )      = ( -2 )        b₂ = 0 − 0.5·2     = -1
             ( 2 − 0     )        (  2 )
    """
    model = two_layers("relu")
    model.set_weights([[[1, -1], [1, 0]], [0, 1], [[1], [2]], [0]])
    hidden, output = model.layers

    loss = model.train_on_batch([[1, 2]], [[1]])

    assert loss == 2
    np.testing.assert_array_equal(hidden.net, [[3, 0]])
    np.testing.assert_array_equal(output.net, [[3]])
    np.testing.assert_array_equal(output.deltas, [[2]])
    np.testing.assert_array_equal(output.dW, [[6], [0]])
    np.testing.assert_array_equal(output.db, [2])
    np.testing.assert_array_equal(output.grad, [[2, 4]])
    np.testing.assert_array_equal(hidden.deltas, [[2, 0]])
    np.testing.assert_array_equal(hidden.dW, [[2, 0], [4, 0]])
    np.testing.assert_array_equal(hidden.db, [2, 0])
    for value, by_hand in zip(
        model.get_weights(), [[[0, -1], [-1, 0]], [-1, 1], [[-2], [2]], [-1]], strict=True
    ):
        np.testing.assert_array_equal(value, by_hand)


def test_a_batch_is_the_mean_of_its_samples():
    rng = np.random.default_rng(0)
    X, T = rng.normal(size=(5, 2)), rng.normal(size=(5, 1))
    model = two_layers("tanh")
    engine = model.ready()
    engine.gradient(X, T, np.full(5, 0.2))
    together = model.parameters.gradients.copy()
    alone = np.zeros_like(together)
    for x, t in zip(X, T, strict=True):
        engine.gradient(x[None], t[None], np.ones(1))
        alone += model.parameters.gradients / 5
    np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_in_textbook_notation():
    """The whole network as formulas, against the library."""
    rng = np.random.default_rng(1)
    X, T = rng.normal(size=(6, 2)), (rng.random((6, 1)) > 0.5).astype(float)
    model = two_layers("sigmoid", "sigmoid", "binary_crossentropy")
    W1, b1, W2, b2 = model.get_weights()

    def sigmoid(net):
        return 1 / (1 + np.exp(-net))

    for _ in range(20):
        H = sigmoid(X @ W1 + b1)
        Y = sigmoid(H @ W2 + b2)
        delta2 = (Y - T) / len(X)
        delta1 = H * (1 - H) * (delta2 @ W2.T)
        W2, b2 = W2 - 0.5 * H.T @ delta2, b2 - 0.5 * delta2.sum(axis=0)
        W1, b1 = W1 - 0.5 * X.T @ delta1, b1 - 0.5 * delta1.sum(axis=0)
        model.train_on_batch(X, T)
    for value, formula in zip(model.get_weights(), [W1, b1, W2, b2], strict=True):
        np.testing.assert_allclose(value, formula, rtol=1e-12)


def test_what_goes_into_forward_has_the_shape_of_what_comes_out_of_backward():
    model = Sequential(
        [layers.Input((2, 3)), layers.Flatten(), layers.Dropout(0.5), layers.Dense(4, "prelu"),
         layers.Activation("softmax"), layers.Dense(2, "tanh")]
    )  # fmt: skip
    X = np.ones((5, 2, 3), np.float32)
    for layer in model.layers:
        layer.passes_grad = True
        out = layer.forward(X, training=True)
        assert out.shape == (5, *layer.output_shape)
        assert layer.delta(np.ones_like(out)).shape == out.shape
        assert layer.backward(np.ones_like(out)).shape == X.shape
        X = out


def test_forward_and_backward_are_two_loops():
    """By hand over the layers gives what `gradient` gives."""
    model = two_layers("tanh")
    X, T = np.array([[0.3, -0.2]]), np.array([[0.5]])
    model.ready().gradient(X, T, np.ones(1))
    expected = model.parameters.gradients.copy()
    model.parameters.gradients[:] = 0
    out = forward(model.layers, X, training=True)
    backward(model.layers, out - T)
    np.testing.assert_allclose(model.parameters.gradients, expected, 1e-14)


def test_straight_through_is_the_perceptron_rule():
    """A threshold unit with slope 1 and half squared error: W ← W − η xᵀ (y − t); Rosenblatt learns AND."""
    X, T = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 0, 0, 1])
    model = Sequential([layers.Input(2), layers.Dense(1, "threshold", kernel_initializer="zeros")])
    model.compile(optimizers.SGD(1.0), losses.HalfMeanSquaredError())
    w, b = np.zeros(2), 0.0
    for _ in range(10):
        model.fit(X, T, batch_size=1, shuffle=False, verbose=0)
        for x, t in zip(X, T, strict=True):
            y = float(x @ w + b >= 0)
            w, b = w - (y - t) * x, b - (y - t)
        np.testing.assert_array_equal(model.layers[0].W[:, 0], w)
        assert model.layers[0].b[0] == pytest.approx(b)
    np.testing.assert_array_equal(model.predict(X)[:, 0], T)
