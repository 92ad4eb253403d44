"""Solvers for full batches against closed solutions, scipy, and their formulas written out."""

import copy

import numpy as np
import pytest
from scipy import optimize

import mlp
from mlp import Sequential, callbacks, layers, optimizers
from mlp.optimizers import LBFGS, LevenbergMarquardt, ScaledConjugateGradient, minimise

SOLVERS = [LBFGS, LevenbergMarquardt, ScaledConjugateGradient]
every_solver = pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: solver.__name__)
rng = np.random.default_rng(0)
x = np.linspace(-1, 1, 60)[:, None]
y = np.sin(2 * x) + 0.3 * x**2
X = rng.normal(size=(30, 3))
T = np.hstack([X[:, :1] * X[:, 1:2], np.sin(X[:, 2:])])


def curve(solver, loss="mse", seed=1, dtype="float64", **options) -> Sequential:
    """A net of 1-10-1 with tanh, for the curve y(x)."""
    model = Sequential([layers.Dense(10, "tanh"), layers.Dense(1)], dtype=dtype, seed=seed)
    model.compile(solver, loss, **options)
    model.build((1,))
    return model


def net(solver, loss="mse", seed=0, hidden="tanh", **options) -> Sequential:
    """A net of 3-4-2, for T(X)."""
    model = Sequential([layers.Dense(4, hidden), layers.Dense(2, **options)], dtype="float64", seed=seed)
    model.compile(solver, loss)
    model.build((3,))
    return model


def linear(solver, **options) -> Sequential:
    model = Sequential([layers.Dense(2, input_shape=(3,), **options)], dtype="float64", seed=0)
    model.compile(solver, "sum_of_squares")
    return model


def least_squares() -> np.ndarray:
    """W and then b of the linear model of T, by way of a decomposition."""
    return np.linalg.lstsq(np.hstack([X, np.ones((30, 1))]), T, rcond=None)[0]


def test_names():
    for name, solver in (
        ("lbfgs", LBFGS), ("LBFGS", LBFGS), ("levenberg_marquardt", LevenbergMarquardt),
        ("lm", LevenbergMarquardt), ("scaled_conjugate_gradient", ScaledConjugateGradient),
        ("scg", ScaledConjugateGradient),
    ):  # fmt: skip
        found = optimizers.get(name)
        assert type(found) is solver
        assert isinstance(found, optimizers.Solver)
        assert solver.from_config(found.get_config()).get_config() == found.get_config()
    assert LBFGS().get_config() == dict(
        maxcor=10, ftol=2.220446049250313e-09, gtol=1e-5, maxls=20, maxfun=15000
    )
    assert not isinstance(optimizers.get("adam"), optimizers.Solver)


# they find the minimum


@every_solver
def test_a_linear_model_gets_its_least_squares(solver):
    model = linear(solver() if solver is not LBFGS else LBFGS(ftol=0, gtol=1e-9))
    history = minimise(model, X, T, epochs=100)
    np.testing.assert_allclose(np.vstack(model.get_weights()), least_squares(), atol=1e-6)
    assert len(history.epoch) < 30


def test_scaled_conjugate_gradients_need_as_many_steps_as_weights():
    """In p dimensions a quadratic function has its minimum after p conjugate steps."""
    model = linear(ScaledConjugateGradient(lambda_start=1e-15))
    start = model.evaluate(X, T)
    minimise(model, X, T, epochs=8)  # 3 · 2 weights and 2 biases
    W = least_squares()
    least = ((X @ W[:3] + W[3] - T) ** 2).sum() / 30
    assert model.evaluate(X, T) - least < 1e-9 * (start - least)


def test_one_step_of_levenberg_and_marquardt_by_hand():
    """out = w x at w = 1, x = 1, 2, t = 3, 5 and loss Σ r²/2: r = −2/√2, −3/√2, J = 1/√2, 2/√2.

    JᵀJ = 5/2, Jᵀr = −8/2, so with μ = 1/2 the step is −4/3, and w becomes 7/3. μ becomes 1/20.
    """
    model = Sequential([layers.Dense(1, input_shape=(1,), use_bias=False)], dtype="float64")
    model.compile(LevenbergMarquardt(mu=0.5), "mse")
    model.set_weights([[[1.0]]])
    history = minimise(model, [[1.0], [2.0]], [[3.0], [5.0]])
    assert model.get_weights()[0] == pytest.approx(7 / 3)
    assert model.optimizer.state["damping"][0] == pytest.approx(0.05)
    assert history.history["loss"] == [pytest.approx(((2 / 3) ** 2 + (1 / 3) ** 2) / 2)]


@pytest.mark.parametrize("output", ["linear", "sigmoid"])
def test_levenberg_marquardt_ends_where_scipys_does(output):
    """The same residuals from the same start: the same minimum."""
    noisy = T + 0.3 * np.random.default_rng(5).normal(size=T.shape)
    targets = noisy if output == "linear" else 1 / (1 + np.exp(-noisy))
    model = Sequential([layers.Dense(2, "tanh"), layers.Dense(2, output)], dtype="float64", seed=1)
    model.compile(LevenbergMarquardt(min_grad=1e-10), "mse")
    model.build((3,))
    twin = copy.deepcopy(model)

    def residuals(w):
        twin.parameters.values[:] = w
        return (twin.predict(X) - targets).reshape(-1) / np.sqrt(targets.size)

    result = optimize.least_squares(residuals, model.parameters.values.copy(), "3-point", method="lm")
    history = minimise(model, X, targets, epochs=200)
    assert history.history["loss"][-1] == pytest.approx(2 * result.cost, rel=1e-7)
    residuals(result.x)
    np.testing.assert_allclose(model.predict(X), twin.predict(X), atol=1e-3)


def test_levenberg_marquardt_goes_where_adam_stalls():
    by_adam, by_squares = curve(optimizers.Adam(0.01)), curve("lm")
    adam = by_adam.fit(x, y, epochs=500, batch_size="full", verbose=0).history["loss"]
    squares = minimise(by_squares, x, y, epochs=500).history["loss"]
    assert squares[-1] < 1e-10 < 1e-4 < adam[-1]
    assert squares == sorted(squares, reverse=True)


def test_lbfgs_is_scipys():
    model = net(LBFGS(maxcor=7, gtol=1e-3))
    twin = copy.deepcopy(model)
    data = twin.training(X, T).data.all()

    def function(w):
        twin.parameters.values[:] = w
        X, _, target, weight = data
        return twin.ready().gradient(X, target, weight), twin.parameters.gradients.copy()

    losses = []
    result = optimize.minimize(
        function, model.parameters.values.copy(), method="L-BFGS-B", jac=True,
        callback=lambda intermediate_result: losses.append(intermediate_result.fun),
        options={"maxcor": 7, "gtol": 1e-3},
    )  # fmt: skip
    history = minimise(model, X, T, epochs=10**4)
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-6)
    np.testing.assert_allclose(model.parameters.values, result.x, atol=1e-4)
    assert len(losses) == result.nit == model.optimizer.iterations
    assert model.optimizer.message == result.message


def moller(function, w, steps, sigma=5e-5, lam=5e-7):
    """Scaled conjugate gradients as in the paper, with λ̄ and its nine steps; yields w."""
    r = p = -function(w)[1]
    success, lam_bar, delta = True, 0.0, 0.0
    for k in range(1, steps + 1):
        square, mu = p @ p, p @ r
        if success:
            sigma_k = sigma / np.sqrt(square)
            delta = p @ (function(w + sigma_k * p)[1] - function(w)[1]) / sigma_k
        delta += (lam - lam_bar) * square
        if delta <= 0:
            lam_bar = 2 * (lam - delta / square)
            delta = -delta + lam * square
            lam = lam_bar
        alpha = mu / delta
        comparison = 2 * delta * (function(w)[0] - function(w + alpha * p)[0]) / mu**2
        success = comparison >= 0
        if success:
            w, lam_bar = w + alpha * p, 0.0
            r_new = -function(w)[1]
            p = r_new if k % len(w) == 0 else r_new + (r_new @ r_new - r_new @ r) / mu * p
            r = r_new
        else:
            lam_bar = lam
        if comparison >= 0.75:
            lam /= 4
        if comparison < 0.25:
            lam += delta * (1 - comparison) / square
        yield w


def test_scaled_conjugate_gradients_are_mollers():
    model = net(ScaledConjugateGradient(), seed=6)
    model.parameters.values[:] *= 10
    twin = copy.deepcopy(model)
    data = twin.training(X, T).data.all()

    def function(w):
        twin.parameters.values[:] = w
        X, _, target, weight = data
        return twin.ready().gradient(X, target, weight), twin.parameters.gradients.copy()

    path = list(moller(function, model.parameters.values.copy(), 20))
    for W in path:
        minimise(model, X, T)
        np.testing.assert_allclose(model.parameters.values, W, rtol=1e-6, atol=1e-8)
    # an iteration that fails leaves the weights alone
    assert [k for k in range(1, 20) if (path[k] == path[k - 1]).all()] == [3]


def test_penalties_are_part_of_the_least_squares():
    """Ridge regression: (XᵀX + 30·l2) W = XᵀT without a bias."""
    expected = np.linalg.solve(X.T @ X + 30 * 0.1 * np.eye(3), X.T @ T)
    for solver in (LevenbergMarquardt(), LBFGS(ftol=0, gtol=1e-9), ScaledConjugateGradient()):
        model = linear(solver, use_bias=False, kernel_regularizer=mlp.regularizers.L2(0.1))
        history = minimise(model, X, T, epochs=100)
        np.testing.assert_allclose(model.get_weights()[0], expected, atol=1e-6)
        assert history.history["loss"][-1] == pytest.approx(model.evaluate(X, T))
        assert history.history["loss"][-1] == pytest.approx(
            ((X @ expected - T) ** 2).sum() / 30 + 0.1 * (expected**2).sum()
        )


@pytest.mark.parametrize("solver", ["lbfgs", "scg"])
def test_other_losses(solver):
    labels = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    model = Sequential([layers.Dense(8, "tanh"), layers.Dense(3, "softmax")], dtype="float64", seed=0)
    model.compile(solver, "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = minimise(model, X, labels, epochs=200)
    assert history.history["accuracy"][-1] == 1
    assert history.history["loss"][-1] < 1e-3


@every_solver
def test_float32(solver):
    model = curve(solver(), dtype="float32")
    history = minimise(model, x, y, epochs=300)
    assert model.parameters.values.dtype == np.float32
    assert history.history["loss"][-1] < 2e-3


# what they share


@every_solver
def test_the_loss_of_an_epoch_is_that_after_it(solver):
    model = curve(solver(), metrics=["mae"])
    for _ in range(3):
        history = minimise(model, x, y)
        assert [history.history["loss"][0], history.history["mae"][0]] == pytest.approx(
            model.evaluate(x, y), rel=1e-12
        )


@every_solver
def test_callbacks_and_validation_as_in_the_loops(solver):
    heard = []

    class Ear(callbacks.Callback):
        def on_train_begin(self, logs=None):
            heard.append("begin")

        def on_epoch_begin(self, epoch, logs=None):
            heard.append(f"epoch {epoch}")

        def on_train_batch_begin(self, batch, logs=None):
            heard.append("step")

        def on_train_batch_end(self, batch, logs=None):
            heard.append("stepped")

        def on_epoch_end(self, epoch, logs=None):
            assert logs["val_loss"] == pytest.approx(self.model.evaluate(x[-12:], y[-12:]))
            assert logs["loss"] == pytest.approx(self.model.evaluate(x[:-12], y[:-12]))
            heard.append(f"over {epoch}")
            self.model.stop_training = epoch == 6

        def on_train_end(self, logs=None):
            assert "val_loss" in logs
            heard.append("end")

    model = curve(solver())
    history = minimise(
        model, x, y, epochs=10, initial_epoch=4, validation_split=0.2, callbacks=[Ear()], batch_size="full"
    )
    epochs = [word for k in (4, 5, 6) for word in (f"epoch {k}", "step", "stepped", f"over {k}")]
    assert heard == ["begin", *epochs, "end"]
    assert history.epoch == [4, 5, 6]
    assert model.optimizer.iterations == 3
    assert "callback" in model.optimizer.message


@every_solver
@pytest.mark.parametrize("epochs", [0, 1, 2])
def test_no_more_epochs_than_were_asked_for(solver, epochs):
    model = curve(solver())
    assert minimise(model, x, y, epochs=epochs).epoch == list(range(epochs))


@every_solver
def test_it_ends_when_there_is_nothing_to_gain(solver):
    model = linear(solver())
    ended = minimise(model, X, T, epochs=10**6)
    assert len(ended.epoch) < 100
    assert model.optimizer.message not in ("", optimizers.objective.EPOCHS_OVER)
    assert len(ended.history["loss"]) == len(ended.epoch) == model.optimizer.iterations
    W = model.parameters.values.copy()
    again = minimise(model, X, T, epochs=10**6)  # at the minimum already
    assert len(again.epoch) <= 5
    np.testing.assert_allclose(model.parameters.values, W, atol=1e-6)


@every_solver
def test_weights_of_samples(solver):
    """A weight of 2 is the row twice, when the losses are summed."""
    weight = np.arange(30) % 3
    ends = []
    for rows, options in (
        (np.arange(30), {"sample_weight": weight}),
        (np.repeat(np.arange(30), weight), {}),
    ):
        model = linear(solver())
        model.loss.reduction = "sum"
        minimise(model, X[rows], T[rows], epochs=60, **options)
        ends.append(model.parameters.values.copy())
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-6)


@every_solver
def test_frozen_layers_stay(solver):
    model = net(solver())
    model.layers[0].trainable = False
    model.compile(solver(), "mse")
    W = [layer.get_weights() for layer in model.layers]
    loss = minimise(model, X, T, epochs=50).history["loss"][-1]
    np.testing.assert_array_equal(model.layers[0].W, W[0][0])
    assert not np.allclose(model.layers[1].W, W[1][0])
    hidden = np.hstack([np.tanh(X @ W[0][0] + W[0][1]), np.ones((30, 1))])
    best = np.linalg.lstsq(hidden, T, rcond=None)[0]
    assert loss == pytest.approx(((hidden @ best - T) ** 2).mean(), rel=1e-6)


@every_solver
def test_a_training_that_goes_on(solver, tmp_path):
    """Saved and loaded half-way, a model ends where one ends that was not interrupted."""
    whole, half = net(solver()), net(solver())
    minimise(whole, X, T, epochs=24)
    minimise(half, X, T, epochs=12)
    half.save(tmp_path / "half.mlp")
    other = mlp.models.load_model(tmp_path / "half.mlp")
    before = other.evaluate(X, T)
    minimise(other, X, T, epochs=12)
    if solver is LBFGS:  # whose memory of the last steps is scipy's
        assert other.evaluate(X, T) < before
    else:
        np.testing.assert_array_equal(other.parameters.values, whole.parameters.values)
    assert other.optimizer.iterations == 24
    assert other.optimizer.get_config() == half.optimizer.get_config()


@every_solver
@pytest.mark.parametrize("call", [1, 2, 5, 8])
def test_ctrl_c_leaves_the_best_point(solver, call):
    """Wherever it strikes, the weights are those of the last iteration that was accepted."""
    model = net(solver())
    engine, seen = model.ready(), []

    def struck(function):
        def wrapped(*arguments):
            value = function(*arguments)
            seen.append(value)
            if len(seen) == call:
                raise KeyboardInterrupt
            return value

        return wrapped

    losses = [model.evaluate(X, T)]
    engine.gradient, engine.evaluate = struck(engine.gradient), struck(engine.evaluate)

    class Watch(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            losses.append(logs["loss"])

    with pytest.raises(KeyboardInterrupt):
        minimise(model, X, T, epochs=20, callbacks=[Watch()])
    del engine.gradient, engine.evaluate
    assert model.evaluate(X, T) == pytest.approx(losses[-1], rel=1e-9)


@every_solver
def test_fit_runs_through_minimise(solver):
    by_fit, by_call = net(solver()), net(solver())
    history = by_fit.fit(X, T, epochs=5, verbose=0)
    assert minimise(by_call, X, T, epochs=5).history == history.history
    assert by_fit.fit(X, T, batch_size="full", verbose=0).epoch == [0]
    assert by_fit.fit(X, T, batch_size=64, verbose=0).epoch == [0]
    with pytest.raises(mlp.errors.ArgumentError, match="batch_size must be None, 'full' or at least 30"):
        by_fit.fit(X, T, batch_size=1, verbose=0)
