"""Update rules against their formulas, written out step by step; clipping, decay, schedules, blocks."""

import numpy as np
import pytest
from every_rule import BLOCKWISE

from mlp import Sequential, layers, optimizers
from mlp.layers import Dense
from mlp.optimizers import blocks
from mlp.parameters import Parameters


def parameters(size: int = 6, dtype: str = "float64") -> Parameters:
    layer = Dense(2, name="dense")
    layer.build((size // 2 - 1,), np.random.default_rng(0), np.dtype(dtype))
    return Parameters([layer], np.dtype(dtype))


def run(optimizer, steps: int = 8, size: int = 6, seed: int = 1):
    """Weights after each step, with the gradients that were used."""
    vector = parameters(size)
    vector.values[:] = np.random.default_rng(seed).normal(size=size)
    optimizer.build(vector)
    start, path, gradients = vector.values.copy(), [], []
    rng = np.random.default_rng(seed + 1)
    for _ in range(steps):
        vector.gradients[:] = rng.normal(size=size)
        gradients.append(vector.gradients.copy())
        optimizer.step()
        path.append(vector.values.copy())
    return start, gradients, path


def sgd(W, gradients, rate=0.1, momentum=0.0, nesterov=False):
    velocity = 0
    for dW in gradients:
        velocity = momentum * velocity - rate * dW
        W = W + (momentum * velocity - rate * dW if nesterov else velocity)
        yield W


def rmsprop(W, gradients, rate=0.01, rho=0.9, momentum=0.0, epsilon=1e-7):
    v, velocity = 0, 0
    for dW in gradients:
        v = rho * v + (1 - rho) * dW**2
        velocity = momentum * velocity + rate * dW / np.sqrt(v + epsilon)
        W = W - velocity
        yield W


def adam(W, gradients, rate=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-7, decay=0.0):
    m, v = 0, 0
    for t, dW in enumerate(gradients, 1):
        W = W * (1 - rate * decay)
        m, v = beta_1 * m + (1 - beta_1) * dW, beta_2 * v + (1 - beta_2) * dW**2
        W = W - rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (np.sqrt(v) + epsilon)
        yield W


def adagrad(W, gradients, rate=0.1, start=0.1, epsilon=1e-7):
    v = start
    for dW in gradients:
        v = v + dW**2
        W = W - rate * dW / np.sqrt(v + epsilon)
        yield W


def adadelta(W, gradients, rate=1.0, rho=0.95, epsilon=1e-7):
    v, u = 0, 0
    for dW in gradients:
        v = rho * v + (1 - rho) * dW**2
        change = np.sqrt(u + epsilon) / np.sqrt(v + epsilon) * dW
        u = rho * u + (1 - rho) * change**2
        W = W - rate * change
        yield W


def adamax(W, gradients, rate=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    m, u = 0, 0
    for t, dW in enumerate(gradients, 1):
        m, u = beta_1 * m + (1 - beta_1) * dW, np.maximum(beta_2 * u, np.abs(dW))
        W = W - rate / (1 - beta_1**t) * m / (u + epsilon)
        yield W


def lion(W, gradients, rate=0.01, beta_1=0.9, beta_2=0.99):
    m = 0
    for dW in gradients:
        W = W - rate * np.sign(beta_1 * m + (1 - beta_1) * dW)
        m = beta_2 * m + (1 - beta_2) * dW
        yield W


def rprop(W, gradients, rate=0.01):
    """iRprop−: as Riedmiller has it, element by element."""
    W, steps, former = W.copy(), np.full(W.size, rate), np.zeros(W.size)
    for dW in gradients:
        for k in range(W.size):
            now = np.sign(dW[k])
            if now * former[k] > 0:
                steps[k] = min(steps[k] * 1.2, 50)
            elif now * former[k] < 0:
                steps[k], now = max(steps[k] * 0.5, 1e-6), 0
            W[k] -= now * steps[k]
            former[k] = now
        yield W.copy()


def schedule_free(y, gradients, rate=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """With the mean x kept, as Defazio has it."""
    z, x, v = y, y, 0
    for t, dy in enumerate(gradients, 1):
        v = beta_2 * v + (1 - beta_2) * dy**2
        z = z - rate * dy / (np.sqrt(v / (1 - beta_2**t)) + epsilon)
        x = (1 - 1 / t) * x + z / t
        yield (1 - beta_1) * z + beta_1 * x


@pytest.mark.parametrize(
    ("optimizer", "formula", "options"),
    [
        (optimizers.Adagrad(0.1), adagrad, {}),
        (optimizers.Adadelta(1.0), adadelta, {}),
        (optimizers.Adamax(0.01), adamax, {}),
        (optimizers.Lion(0.01), lion, {}),
        (optimizers.Rprop(0.01), rprop, {}),
        (optimizers.ScheduleFreeAdamW(0.01), schedule_free, {}),
        (optimizers.ScheduleFreeAdamW(0.01, beta_1=0.0), schedule_free, {"beta_1": 0.0}),
        (optimizers.SGD(0.1), sgd, {}),
        (optimizers.SGD(0.1, momentum=0.9), sgd, {"momentum": 0.9}),
        (optimizers.SGD(0.1, momentum=0.9, nesterov=True), sgd, {"momentum": 0.9, "nesterov": True}),
        (optimizers.RMSprop(0.01), rmsprop, {}),
        (optimizers.RMSprop(0.01, rho=0.8, momentum=0.5), rmsprop, {"rho": 0.8, "momentum": 0.5}),
        (optimizers.Adam(0.01), adam, {}),
        (optimizers.Adam(0.01, beta_1=0.8, beta_2=0.95), adam, {"beta_1": 0.8, "beta_2": 0.95}),
        (optimizers.AdamW(0.01, weight_decay=0.1), adam, {"decay": 0.1}),
    ],
    ids=lambda value: repr(value) if isinstance(value, optimizers.Optimizer) else "",
)
def test_rules_follow_their_formulas(optimizer, formula, options):
    start, gradients, path = run(optimizer)
    for W, expected in zip(path, formula(start, gradients, **options), strict=True):
        np.testing.assert_allclose(W, expected, rtol=1e-12)


@pytest.mark.parametrize("make", BLOCKWISE)
def test_blocks_do_not_change_the_result(make, monkeypatch):
    whole = run(make(), size=40)[2][-1]
    monkeypatch.setattr(blocks, "BLOCK", 7)
    np.testing.assert_array_equal(run(make(), size=40)[2][-1], whole)


def test_clipping_by_hand():
    """Gradient of W (4 numbers) all 3, so of norm 6; of b (2 numbers) 0.3 and 0.4, so of norm 0.5."""
    gradient = np.array([3.0, 3, 3, 3, 0.3, 0.4])
    clipped = {
        "clipvalue": [0.35, 0.35, 0.35, 0.35, 0.3, 0.35],
        "clipnorm": [0.5, 0.5, 0.5, 0.5, 0.3, 0.4],
        "global_clipnorm": gradient * 2 / np.sqrt(36.25),
    }
    limits = {"clipvalue": 0.35, "clipnorm": 1.0, "global_clipnorm": 2.0}
    for name, limit in limits.items():
        vector = parameters()
        vector.values[:] = 0
        optimizer = optimizers.SGD(1.0, **{name: limit})
        optimizer.build(vector)
        vector.gradients[:] = gradient
        optimizer.step()
        np.testing.assert_allclose(vector.values, -np.asarray(clipped[name]), rtol=1e-12)


def test_clipping_survives_an_overflow_of_the_squares():
    vector = parameters(dtype="float32")
    optimizer = optimizers.SGD(1.0, global_clipnorm=1.0)
    optimizer.build(vector)
    vector.values[:] = 0
    vector.gradients[:] = 1e30
    optimizer.step()
    np.testing.assert_allclose(np.linalg.norm(vector.values), 1, rtol=1e-6)


def test_rate_as_a_function_of_the_step():
    seen = []

    def rate(step):
        seen.append(step)
        return 1 / (step + 1)

    start, gradients, path = run(optimizers.SGD(rate), steps=3)
    expected = start - gradients[0] - gradients[1] / 2 - gradients[2] / 3
    np.testing.assert_allclose(path[-1], expected, rtol=1e-12)
    assert seen == [0, 1, 2]


def test_changing_the_rate_between_fits_takes_effect():
    model = Sequential([layers.Dense(1, input_shape=(1,), use_bias=False)], dtype="float64")
    optimizer = optimizers.SGD(0.1)
    model.compile(optimizer, "half_mean_squared_error")
    for rate in (0.1, 0.0, 1.0):
        optimizer.learning_rate = rate
        model.set_weights([[[2.0]]])
        model.train_on_batch([[1.0]], [[1.0]])
        assert model.get_weights()[0] == pytest.approx(2 - rate)


def test_your_own_optimizer():
    class SignMomentum(optimizers.Optimizer):
        """velocity ← 0.9 velocity + dW,  W ← W − η sign(velocity)."""

        slots = ("velocity",)

        def update(self, W, dW, scratch, velocity):
            velocity *= 0.9
            velocity += dW
            W -= self.rate * np.sign(velocity)

    start, gradients, path = run(SignMomentum(0.5), steps=2)
    expected = start - 0.5 * np.sign(gradients[0]) - 0.5 * np.sign(0.9 * gradients[0] + gradients[1])
    np.testing.assert_allclose(path[-1], expected)
