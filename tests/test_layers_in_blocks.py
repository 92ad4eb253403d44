"""Blocks of layers: nested, frozen, copied, saved, taken apart."""

import copy
import pickle

import numpy as np
import pytest

import mlp
from mlp import Sequential, layers
from mlp.errors import ArgumentError, DivergenceError
from mlp.layers import stack

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4))
T = np.stack([X[:, 0] * X[:, 1], X.sum(axis=1)], axis=1)


def nested():
    """Both kinds of block in each other, with what keeps count, draws, is penalised and is frozen."""
    return [
        layers.Concatenate(
            [
                [layers.Columns([0, 2]), layers.Dense(3, "tanh", kernel_regularizer="l2")],
                layers.Residual([layers.Dense(5, "relu"), layers.BatchNormalization(), layers.Dense(4)]),
                [],
            ]
        ),
        layers.Residual([layers.Dropout(0.2), layers.Concatenate([layers.Dense(6), layers.Dense(5)])]),
    ]


def network(hidden=None, **options):
    hidden = nested() if hidden is None else hidden
    model = Sequential([layers.Input(4), *hidden, layers.Dense(2)], seed=0, **options)
    model.compile("adam", "mse")
    return model


def test_counts_names_and_paths():
    model = network()
    paths = [path for path, _ in stack.leaves(model.layers)]
    assert paths == [
        "concatenate.columns",
        "concatenate.dense",
        "concatenate.residual.dense",
        "concatenate.residual.batch_normalization",
        "concatenate.residual.dense_1",
        "residual.dropout",
        "residual.concatenate.dense",
        "residual.concatenate.dense_1",
        "dense",
    ]
    assert model.parameters.names[:2] == ["concatenate.dense.W", "concatenate.dense.b"]
    first = 2 * 3 + 3 + (4 * 5 + 5) + 4 * 5 + (5 * 4 + 4)
    second = 11 * 6 + 6 + 11 * 5 + 5
    assert [layer.count_params() for layer in model.layers] == [first, second, 11 * 2 + 2]
    assert model.count_params() == first + second + 24 == sum(w.size for w in model.weights)
    assert sum(w.size for w in model.non_trainable_weights) == 10
    printed = []
    model.summary(printed.append)
    assert f"concatenate (Concatenate) │ (None, 11)   │ {first:>7} │" in printed[0]


def test_a_residual_is_its_formula():
    W, b = RNG.normal(size=(4, 4)), RNG.normal(size=4)
    layer = layers.Residual([layers.Dense(4)])
    layer.build((4,), RNG, np.dtype("float64"))
    layer.set_weights([W, b])
    np.testing.assert_allclose(layer.forward(X), X + X @ W + b)
    delta = RNG.normal(size=X.shape)
    np.testing.assert_allclose(layer.backward(layer.delta(delta)), delta + delta @ W.T)
    np.testing.assert_allclose(layer.children[0].dW, X.T @ delta)


def test_a_concatenation_is_its_formula():
    W, V = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 2))
    layer = layers.Concatenate([layers.Dense(3, use_bias=False), [], layers.Dense(2, use_bias=False)])
    layer.build((4,), RNG, np.dtype("float64"))
    layer.set_weights([W, V])
    np.testing.assert_allclose(layer.forward(X), np.hstack([X @ W, X, X @ V]))
    delta = RNG.normal(size=(30, 9))
    parts = delta[:, :3] @ W.T + delta[:, 3:7] + delta[:, 7:] @ V.T
    np.testing.assert_allclose(layer.backward(layer.delta(delta)), parts)


def test_blocks_train_and_predict_as_a_flat_stack_does():
    """A Concatenate of one branch, and Residual around what is silent, add nothing."""
    flat = network([layers.Dense(5, "tanh"), layers.Dropout(0.3), layers.Dense(4)])
    block = network(
        [
            layers.Concatenate([[layers.Dense(5, "tanh"), layers.Dropout(0.3), layers.Dense(4)]]),
            layers.Concatenate([[layers.Identity()]]),
        ]
    )
    for model in (flat, block):
        model.fit(X, T, epochs=3, verbose=0)
    np.testing.assert_array_equal(flat.parameters.values, block.parameters.values)
    np.testing.assert_array_equal(flat.predict(X), block.predict(X))


def moved(model, epochs=2):
    """Which parameters training moves, by name."""
    before = model.parameters.values.copy()
    model.fit(X, T, epochs=epochs, verbose=0)
    change = model.parameters.values != before
    places = zip(model.parameters.names, model.parameters.slices, strict=True)
    return {name for name, place in places if change[place].any()}


@pytest.mark.parametrize("frozen", ["block", "layer", "inner block", "model", "all but a layer"])
def test_what_is_frozen_stays(frozen):
    model = network()
    names, (concatenate, residual, _) = set(model.parameters.names), model.layers
    prefix = {
        "block": "concatenate.",
        "layer": "residual.concatenate.dense.",
        "inner block": "concatenate.residual.",
        "model": "",
        "all but a layer": "",
    }[frozen]
    expected = {name for name in names if not name.startswith(prefix)}
    if frozen == "block":
        concatenate.trainable = False
    elif frozen == "layer":
        residual.children[1].children[0].trainable = False
    elif frozen == "inner block":
        concatenate.branches[1][0].trainable = False
    elif frozen == "model":
        model.trainable = False
    else:
        concatenate.trainable = residual.trainable = False
        expected = {"dense.W", "dense.b"}
    assert moved(model) == expected
    assert {id(w) for w in model.trainable_weights} == {
        id(value)
        for (path, leaf) in stack.leaves(model.layers)
        for name, value in leaf.parameters.items()
        if f"{path}.{name}" in expected and name not in leaf.kept
    }
    for part in (model, *stack.everything(model.layers)):
        part.trainable = True
    assert moved(model) == names


def test_freezing_counts_penalties_of_what_learns_only():
    model = network([layers.Residual([layers.Dense(4, kernel_regularizer=mlp.regularizers.L2(10.0))])])
    free = model.evaluate(X, T)
    model.layers[0].trainable = False
    frozen = model.evaluate(X, T)
    W = model.layers[0].children[0].W
    assert free - frozen == pytest.approx(10 * float((W * W).sum()), rel=1e-5)


def test_copies_and_files_go_on_alike(tmp_path):
    model = network()
    model.layers[0].branches[1][0].trainable = False
    model.fit(X, T, verbose=0)
    model.save(tmp_path / "net.mlp")
    twins = [
        model,
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
        mlp.models.load_model(tmp_path / "net.mlp"),
    ]
    for twin in twins:
        assert not twin.layers[0].branches[1][0].trainable
        twin.fit(X, T, epochs=2, verbose=0)
        np.testing.assert_array_equal(twin.parameters.values, model.parameters.values)
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))
        assert all(np.shares_memory(w, twin.parameters.values) for w in twin.weights)


def test_from_config_and_clone_make_the_same_architecture():
    model = network()
    for twin in (
        Sequential.from_config(model.get_config()),
        Sequential([layers.Input(4), *(layer.clone() for layer in model.layers)], seed=0),
    ):
        assert [path for path, _ in stack.leaves(twin.layers)] == [p for p, _ in stack.leaves(model.layers)]
        twin.set_weights(model.get_weights())
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))
        assert not np.shares_memory(twin.parameters.values, model.parameters.values)
    assert repr(model.layers[0].clone()) == repr(nested()[0])


def test_a_block_can_be_taken_off_and_put_on_again():
    model = Sequential([layers.Input(4), layers.Dense(4), *nested()], seed=0)
    before = model.predict(X)
    block = model.pop()
    assert block.name is None
    assert model.predict(X).shape == (30, 11)
    model.add(block)
    assert block.name == "residual"
    np.testing.assert_array_equal(model.predict(X), before)
    other = Sequential([layers.Input(11)], seed=1)
    other.add(model.pop())
    assert other.predict(RNG.normal(size=(3, 11))).shape == (3, 11)


def test_wrong_data_unbuilds_blocks_too():
    model = Sequential([*nested(), layers.Dense(2)], seed=0)
    model.compile("adam", "mse")
    state = model.rng.bit_generator.state
    with pytest.raises(ArgumentError, match="x has 30 rows and y has 29"):
        model.fit(X, T[:29])
    assert model.rng.bit_generator.state == state
    assert not any(part.built or part.weights for part in stack.everything(model.layers))
    other = Sequential([layers.Concatenate([layers.Dense(2), []]), layers.Dense(2)])
    other.compile("adam", "mse")
    with pytest.raises(ArgumentError, match="x has 30 rows"):
        other.fit(X, T[:29])
    other.fit(np.hstack([X, X]), T, verbose=0)
    assert other.layers[0].output_shape == (10,)


def test_a_block_that_does_not_fit_leaves_nothing_behind():
    model = Sequential([layers.Input(4), layers.Dense(3)], seed=0)
    state, block = model.rng.bit_generator.state, layers.Residual([layers.Dense(5), layers.Dense(4)])
    with pytest.raises(
        ArgumentError, match=r"rows of shape \(3,\) go in and \(4,\) come out; end it with Dense\(3\)"
    ):
        model.add(block)
    assert model.rng.bit_generator.state == state
    assert not any(part.built for part in stack.everything([block]))
    assert len(model.layers) == 1
    with pytest.raises(ArgumentError, match=r"shapes \[\(3,\), \(3, 1\)\]; end those of rank two"):
        model.add(layers.Concatenate([[], layers.Reshape((3, 1))]))


BAD = [
    (lambda: layers.Residual([]), "layers must be a list of layers"),
    (lambda: layers.Residual(layers.Dense(2)), "layers must be a list of layers"),
    (lambda: layers.Residual([3]), "takes a layer; got 3"),
    (lambda: layers.Residual([layers.Dense]), "a class: call it"),
    (lambda: layers.Concatenate([]), "layers must be a list of branches"),
    (lambda: layers.Concatenate([["relu"]]), "takes a layer; got 'relu'"),
    (lambda: layers.Residual([layers.Dense(2, name="a") for _ in "ab"]), "two layers are called 'a'"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_arguments(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_a_layer_has_one_owner_and_a_refused_block_has_none():
    inner, twice = layers.Dense(4), layers.Dense(4)
    block = layers.Residual([inner])
    for make in (
        lambda: layers.Residual([inner]),
        lambda: Sequential([inner]),
        lambda: layers.Residual([twice, twice]),
    ):
        with pytest.raises(ArgumentError, match="already belongs to a model"):
            make()
    assert twice.name is None
    model = Sequential([layers.Input(4), block, layers.Residual([twice])])
    with pytest.raises(ArgumentError, match="already belongs to a model"):
        layers.Concatenate([model.layers[0], layers.Dense(2)])


def test_constraints_in_blocks_hold_after_each_step():
    unit = {"kernel_constraint": "unit_norm", "bias_constraint": "non_neg"}
    model = network(
        [
            layers.Residual(
                [layers.Dense(4, "tanh", **unit), layers.BatchNormalization(gamma_constraint="non_neg")]
            ),
            layers.Dense(3, **unit),
        ]
    )
    model.compile(mlp.optimizers.SGD(0.5), "mse")
    model.fit(X, T, verbose=0, batch_size=10)
    for layer in (model.layers[0].children[0], model.layers[1]):
        np.testing.assert_allclose(np.linalg.norm(layer.W, axis=0), 1, rtol=1e-5)
        assert layer.b.min() >= 0
    assert model.layers[0].children[1].gamma.min() >= 0
    model.layers[0].trainable = False
    model.layers[0].children[0].W = np.ones((4, 4))
    model.fit(X, T, verbose=0)
    assert (model.layers[0].children[0].W == 1).all()


def test_divergence_takes_moving_averages_back_too():
    model = network([layers.BatchNormalization(), layers.Residual([layers.Dense(4)])])
    model.fit(X, T, verbose=0)
    before = model.get_weights()
    model.layers[1].children[0].W = np.full((4, 4), 1e30)
    model.compile(mlp.optimizers.SGD(1e30), "mse")
    with pytest.raises(DivergenceError):
        model.fit(X, T, epochs=3, verbose=0)
    np.testing.assert_array_equal(model.layers[0].moving_mean, before[2])
