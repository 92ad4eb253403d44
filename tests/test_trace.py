"""The trace of a pass: its numbers are those of the step that comes next, and nothing moves."""

import copy
import math
import threading

import numpy as np
import pytest
from layer_examples import ACTIVATIONS

import mlp
from mlp import Sequential, callbacks, layers, optimizers
from mlp.data import ArrayData
from mlp.errors import ArgumentError, NotReadyError

rng = np.random.default_rng(0)
X = rng.normal(size=(6, 3))
CLASSES = np.arange(6) % 2


def deep(engine="numpy", optimizer="adam", dtype="float32"):
    model = Sequential(
        [
            layers.Dense(5, "tanh", name="first", kernel_regularizer="l2"),
            layers.Dropout(0.3),
            layers.BatchNormalization(),
            layers.Residual([layers.Dense(5, "relu")]),
            layers.Dense(2, "softmax", name="last"),
        ],
        dtype=dtype,
        seed=3,
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", engine=engine)
    model.build((3,))
    return model


def test_a_pass_by_hand():
    """x = (1, 2), t = 1; W1 = ((1, −1), (0, 1)), b1 = (0, 0), W2 = (1, 2)ᵀ, b2 = −1; η = 0.1.

    net1 = (1·1 + 2·0, 1·(−1) + 2·1) = (1, 1), h = relu(net1) = (1, 1), f' = (1, 1)
    y = net2 = 1·1 + 1·2 − 1 = 2; L = ½ (2 − 1)² = ½; δ2 = y − t = 1
    dW2 = h δ2 = (1, 1), db2 = 1; ∂L/∂h = δ2 W2ᵀ = (1, 2); δ1 = f' ∘ ∂L/∂h = (1, 2)
    dW1 = xᵀ δ1 = ((1, 2), (2, 4)), db1 = (1, 2); ΔW = −0.1 dW
    """
    model = Sequential(
        [layers.Dense(2, "relu", name="hidden"), layers.Dense(1, name="output")], dtype="float64"
    )
    model.build((2,))
    model.set_weights([[[1, -1], [0, 1]], [0, 0], [[1], [2]], [-1]])
    model.compile(optimizers.SGD(0.1), mlp.losses.HalfMeanSquaredError())
    trace = model.trace([[1, 2]], [[1]])
    hidden, output = trace
    assert trace.loss == 0.5
    assert trace.T.tolist() == [[1]]
    assert hidden.net.tolist() == hidden.out.tolist() == hidden.slope.tolist() == [[1, 1]]
    assert trace.out.tolist() == output.net.tolist() == [[2]]
    assert output.grad.tolist() == output.delta.tolist() == [[1]]
    assert output.dW.tolist() == [[1], [1]]
    assert output.db.tolist() == [1]
    assert hidden.grad.tolist() == hidden.delta.tolist() == [[1, 2]]
    assert hidden.dW.tolist() == [[1, 2], [2, 4]]
    assert hidden.db.tolist() == [1, 2]
    np.testing.assert_allclose(hidden.updates["W"], [[-0.1, -0.2], [-0.2, -0.4]], rtol=1e-14)
    np.testing.assert_allclose(output.updates["b"], [-0.1], rtol=1e-14)
    assert hidden.W.tolist() == [[1, -1], [0, 1]]
    assert hidden.b.tolist() == [0, 0]


RULES = [
    "sgd",
    "adam",
    optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    optimizers.AdamW(weight_decay=0.1),
]


@pytest.mark.parametrize("optimizer", RULES, ids=str)
def test_it_is_the_step_that_comes_next_to_the_bit(optimizer):
    model = deep(optimizer=copy.deepcopy(optimizer))
    for _ in range(3):
        trace = model.trace(X, CLASSES)
        loss = model.train_on_batch(X, CLASSES)
        assert trace.loss == loss
        for traced, layer in zip(
            trace, [leaf for _, leaf in mlp.layers.stack.leaves(model.layers)], strict=True
        ):
            for name, value in layer.parameters.items():
                if name in layer.kept:
                    continue
                assert (traced.gradients["d" + name] == layer.gradients["d" + name]).all()
                np.testing.assert_array_equal(traced.updates[name], value - traced.parameters[name])


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_nothing_moves(engine):
    traced, plain = deep(engine), deep(engine)
    for model in (traced, plain):
        model.fit(X, CLASSES, epochs=2, verbose=0)
    traced.trace(X[:4], CLASSES[:4])
    for model in (traced, plain):
        assert model.optimizer.iterations == 2
        assert model.train_on_batch(X, CLASSES) is not None
    assert traced.parameters.values.tobytes() == plain.parameters.values.tobytes()
    for name, vector in traced.optimizer.state.items():
        assert vector.tobytes() == plain.optimizer.state[name].tobytes()
    assert traced.rng.bit_generator.state == plain.rng.bit_generator.state
    own = {"forward", "delta", "backward"}
    assert not any(own & vars(part).keys() for part in traced.parts)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_trace_within_a_fit_changes_no_bit(engine):
    class Look(callbacks.Callback):
        every_batch = False

        def on_train_batch_end(self, batch, logs=None):
            self.model.trace(X[:5], CLASSES[:5])

        def on_epoch_end(self, epoch, logs=None):
            assert math.isfinite(self.model.trace(X, CLASSES, training=False).loss)

    looked, plain = deep(engine), deep(engine)
    for model, given in ((looked, [Look()]), (plain, [])):
        model.fit(X, CLASSES, batch_size=4, epochs=5, callbacks=given, verbose=0)
    assert looked.history.history == plain.history.history
    assert looked.parameters.values.tobytes() == plain.parameters.values.tobytes()


def test_as_in_prediction_nothing_is_dropped():
    model = deep()
    dropout = model.trace(X, CLASSES, training=False)["dropout"]
    assert (dropout.out == dropout.X).all()
    assert (model.trace(X, CLASSES)["dropout"].out == 0).any()
    trace = model.trace(X, CLASSES, training=False)
    np.testing.assert_allclose(trace.out, model.predict(X), rtol=1e-6)
    assert trace.loss == pytest.approx(model.evaluate(X, CLASSES), rel=1e-6)


def test_the_delta_rule_holds_in_every_layer():
    trace = deep(dtype="float64").trace(X, CLASSES)
    assert [layer.name for layer in trace] == [
        "first", "dropout", "batch_normalization", "residual.dense", "last",
    ]  # fmt: skip
    for layer in trace:
        if layer.kind != "Dense":
            assert layer.net is None
            assert layer.slope is None
            np.testing.assert_array_equal(layer.delta, layer.grad)
            continue
        np.testing.assert_allclose(layer.net, layer.X @ layer.W + layer.b, atol=1e-14)
        penalty = 0.02 * layer.W if layer.name == "first" else 0
        np.testing.assert_allclose(layer.dW, layer.X.T @ layer.delta + penalty, atol=1e-14)
        np.testing.assert_allclose(layer.db, layer.delta.sum(axis=0), atol=1e-14)
        if not layer.by_row:
            np.testing.assert_allclose(layer.delta, layer.slope * layer.grad, atol=1e-14)
    last = trace["last"]
    y = last.out
    np.testing.assert_allclose(last.delta, (y - trace.T) / 6, atol=1e-14)
    jacobian = y[:, :, None] * (np.eye(2) - y[:, None, :])
    np.testing.assert_allclose(last.delta, np.einsum("nij,nj->ni", jacobian, last.grad), atol=1e-14)
    np.testing.assert_allclose(last.slope, np.einsum("nii->ni", jacobian), atol=1e-14)
    np.testing.assert_allclose(trace["residual.dense"].grad, last.delta @ last.W.T, atol=1e-14)
    assert trace.penalty == pytest.approx(0.01 * (trace[0].W ** 2).sum())


@pytest.mark.parametrize(
    "kind", sorted(ACTIVATIONS, key=lambda part: part.__name__), ids=lambda p: p.__name__
)
def test_slope_and_delta_of_every_activation(kind):
    activation = kind(**ACTIVATIONS[kind])
    model = Sequential([layers.Dense(4, activation), layers.Dense(1)], dtype="float64", seed=0)
    model.compile("sgd", "mse")
    first, last = model.trace(X, CLASSES)
    assert first.slope.shape == first.net.shape == first.delta.shape
    if not first.by_row:
        grad = np.tile(first.grad, first.net.shape[1] // first.grad.shape[1])
        np.testing.assert_allclose(first.delta, first.slope * grad, atol=1e-13)
    assert first.activation == mlp.naming.snake_case(kind.__name__)
    assert (last.slope == 1).all()


def test_the_penalty_on_activities_is_part_of_the_loss():
    model = Sequential(
        [layers.Dense(4, "tanh", activity_regularizer="l2"), layers.Dense(1, activity_regularizer="l1")],
        dtype="float64",
        seed=0,
    )
    model.compile("sgd", "mae")
    trace = model.trace(X, CLASSES)
    first, last = trace
    assert trace.penalty == pytest.approx((0.01 * (first.out**2).sum() + 0.01 * np.abs(last.out).sum()) / 6)
    np.testing.assert_allclose(last.grad, (np.sign(last.out - trace.T) + 0.01 * np.sign(last.out)) / 6)
    np.testing.assert_allclose(first.grad, last.delta @ last.W.T + 0.02 * first.out / 6)
    for layer in trace:
        np.testing.assert_allclose(layer.delta, layer.slope * layer.grad)
    assert "∂L/∂h = δ Wᵀ" not in str(trace)


def test_below_what_learns_there_is_no_delta():
    model = deep()
    for layer in model.layers[:4]:
        layer.trainable = False
    trace = model.trace(X, CLASSES)
    assert trace["first"].delta is trace["first"].grad is None
    assert not trace["first"].gradients
    assert not trace["first"].updates
    assert {"W", "b"} <= {*dir(trace["first"])}
    assert "dW" not in dir(trace["first"])
    with pytest.raises(AttributeError, match=r"layer 'first' \(Dense, frozen\) has no dW: it has W, b"):
        trace["first"].dW  # noqa: B018
    assert trace["last"].delta is not None
    assert "∂L/∂h" not in str(trace)


def test_weights_of_rows_and_classes():
    model = deep(dtype="float64")
    plain = model.trace(X, CLASSES)["last"].delta
    weighted = model.trace(X, CLASSES, sample_weight=[0, 1, 2, 1, 1, 1], class_weight={0: 1, 1: 3})
    factors = np.array([0, 3, 2, 3, 1, 3])
    np.testing.assert_allclose(weighted["last"].delta, plain * factors[:, None], atol=1e-15)


def test_it_keeps_its_numbers_when_the_model_trains_on():
    model = deep()
    trace = model.trace(X, CLASSES)
    before = [layer.out.copy() for layer in trace], trace["last"].W.copy(), str(trace)
    model.fit(X, CLASSES, epochs=3, verbose=0)
    model.trace(2 * X, CLASSES)
    assert all((layer.out == out).all() for layer, out in zip(trace, before[0], strict=True))
    assert (before[1] == trace["last"].W).all()
    assert str(trace) == before[2]


def test_what_a_learned_activation_learns():
    model = Sequential([layers.Dense(2, "prelu"), layers.Dense(1)], dtype="float64", seed=1)
    model.compile("sgd", "mse")
    model.build((3,))
    model.layers[0].alpha = [0.5, -2]
    trace = model.trace(X, CLASSES)
    model.layers[0].alpha = [9, 9]
    np.testing.assert_array_equal(trace[0].slope, np.where(trace[0].net > 0, 1, [0.5, -2]))
    assert set(trace[0].gradients) == {"dW", "db", "dalpha"}


def test_there_is_no_update_by_a_solver_or_after_an_infinite_loss():
    model = deep(optimizer="lbfgs")
    assert model.trace(X, CLASSES)["last"].updates == {}
    model = Sequential([layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    trace = model.trace(np.full((2, 2), 1e30), [1, 2])
    assert trace.loss == math.inf
    assert trace[0].updates == {}
    assert "inf" in str(trace)


def test_a_failing_layer_is_left_as_it_was():
    class Fails(layers.Layer):
        def forward(self, X, training=False):
            return X

        def backward(self, delta):
            raise ZeroDivisionError

    model = Sequential([layers.Dense(2), Fails(), layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    with pytest.raises(ZeroDivisionError):
        model.trace(X, CLASSES)
    assert not any("forward" in vars(layer) or "backward" in vars(layer) for layer in model.layers)


def test_a_method_of_ones_own_on_a_layer_stays():
    model = deep()
    first = model.layers[0]
    plain, calls = first.forward, []
    first.forward = lambda X, training=False: calls.append(1) or plain(X, training)
    replaced = first.forward
    assert model.trace(X, CLASSES)["first"].out.shape == (6, 5)
    assert calls == [1]
    assert first.forward is replaced


def test_a_model_that_ends_in_a_block():
    block = layers.Residual([layers.Dense(3, "tanh")], name="block")
    model = Sequential([block], dtype="float64", seed=0)
    model.compile("sgd", "mse")
    trace = model.trace(X, X)
    np.testing.assert_allclose(trace.out, model.predict(X), rtol=1e-14)
    np.testing.assert_allclose(trace.out, X + trace["block.dense"].out, rtol=1e-14)
    assert trace.canonical == ""
    after = str(trace).partition("LOSS")[2].splitlines()
    assert after[2].split()[:2] == ["y", "T"]


def test_the_slope_is_that_of_the_pass():
    model = Sequential([layers.Dense(2, mlp.activations.LeakyReLU(0.1)), layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    trace = model.trace(X, CLASSES)
    model.layers[0].activation.negative_slope = 0.9
    np.testing.assert_allclose(trace[0].slope, np.where(trace[0].net > 0, 1, 0.1), rtol=1e-6)


def test_the_order_of_the_rows_is_drawn_while_no_other_thread_looks(monkeypatch):
    """A trace puts the generator back, and with it would undo what a fit has drawn meanwhile."""
    model, free = deep(), []
    order = ArrayData.order

    def look():
        free.append(model.lock.acquire(blocking=False))
        if free[-1]:
            model.lock.release()

    def watched(data, rng):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        return order(data, rng)

    monkeypatch.setattr(ArrayData, "order", watched)
    model.fit(X, CLASSES, epochs=2, verbose=0)
    assert free == [False, False]


def test_finding_layers():
    trace = deep().trace(X, CLASSES)
    assert trace["last"] is trace[-1] is trace[4]
    assert len(trace) == len(list(trace)) == 5
    with pytest.raises(ArgumentError, match=r"layer must be one of first, dropout, .* got 'second'"):
        trace["second"]
    with pytest.raises(AttributeError, match="a LayerTrace has no 'h': it is called out"):
        trace["last"].h  # noqa: B018
    with pytest.raises(AttributeError, match="no 'kernel': it has X, net, out, slope"):
        trace["last"].kernel  # noqa: B018
    with pytest.raises(ArgumentError, match="index must be an integer below 5; got 5"):
        trace[5]
    with pytest.raises(AttributeError, match=r"layer 'dropout' \(Dropout\) has no W: it has no parameters"):
        trace["dropout"].W  # noqa: B018


def test_refusals():
    model = Sequential([layers.Dense(1)], seed=0)
    with pytest.raises(NotReadyError, match="compile the model first"):
        model.trace(X, CLASSES)
    model.compile("sgd", "mse")
    with pytest.raises(ArgumentError, match="x has 6 rows and y has 2"):
        model.trace(X, [1, 2])
    with pytest.raises(ArgumentError, match="data that come piece by piece are for fit"):
        model.trace(iter([(X, CLASSES)]), None)
    with pytest.raises(ArgumentError, match="training must be True or False"):
        model.trace(X, CLASSES, training="yes")
