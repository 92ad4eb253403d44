"""Every layer's gradients, of its parameters and its input, are central differences: float64, 1e-6.

With the training behaviour of each layer and its random numbers held; alone, in blocks, frozen,
and with penalties.
"""

import numpy as np
import pytest
from test_gradients import central_differences, compare

from mlp import Sequential, layers, losses, regularizers
from mlp.activations import Blend, PReLU
from mlp.data import ArrayData
from mlp.layers import stack
from mlp.layers.propagation import backward

ROWS, INPUTS = 7, 4


def check(model, X, T, weight=None):
    """Compare the derivative of every parameter that learns, and of every input, with differences."""
    engine = model.ready()
    stack.connect(model.layers, below=True, learns=model.trainable)  # down to the inputs
    engine.learning = model.layers
    loss, outputs = model.loss, model.layers[-1].output_shape[0]
    X, _, T, share = ArrayData(X, T, weight, loss.encode, loss.reduce, outputs).all()
    generators = [model.rng, *(leaf.rng for _, leaf in stack.leaves(model.layers))]
    states = [rng.bit_generator.state for rng in generators]

    def value():
        for rng, state in zip(generators, states, strict=True):
            rng.bit_generator.state = state
        return engine.gradient(X, T, share)

    value()
    analytic = model.parameters.gradients.copy()
    grad = backward(model.layers, engine.delta).copy()
    assert grad.shape == X.shape
    learned = np.zeros(analytic.shape, bool)
    for place, learns in zip(model.parameters.slices, model.parameters.trainable, strict=True):
        learned[place] = learns
    numeric = central_differences(value, model.parameters.values)
    if learned.any():
        compare(analytic * learned, numeric * learned, "parameters")
    compare(grad, central_differences(value, X).reshape(grad.shape), "inputs")
    return learned.sum()


def network(hidden, shape=(INPUTS,), output=None, loss="mse"):
    model = Sequential(
        [layers.Input(shape), *hidden, *([] if output == "none" else [output or layers.Dense(2)])],
        dtype="float64",
        seed=0,
    )
    model.compile("sgd", loss, engine="numpy")
    rng = np.random.default_rng(1)
    learned = [t for _, leaf in stack.leaves(model.layers) for t in leaf.parameters.items()]
    for name, value in learned:
        positive = name in ("variance", "moving_variance")
        value[...] = rng.uniform(0.5, 2, value.shape) if positive else rng.normal(0, 0.7, value.shape)
    return model


def data(model, shape=(INPUTS,)):
    rng = np.random.default_rng(2)
    units = model.layers[-1].output_shape[0]
    return rng.normal(size=(ROWS, *shape)), rng.random((ROWS, units))


def frozen(*inner, **options):
    for layer in inner:
        layer.trainable = False
    return list(inner)


D, N = layers.Dense, layers.NTKDense
STACKS = {
    "batch normalization": lambda: [D(4), layers.BatchNormalization(), D(3, "tanh")],
    "batch normalization without scale": lambda: [D(4), layers.BatchNormalization(scale=False)],
    "batch normalization without center": lambda: [layers.BatchNormalization(center=False), D(3, "tanh")],
    "bare batch normalization": lambda: [layers.BatchNormalization(scale=False, center=False), D(3, "tanh")],
    "frozen batch normalization": lambda: [D(4), *frozen(layers.BatchNormalization()), D(3, "tanh")],
    "batch normalization with penalties": lambda: [
        layers.BatchNormalization(gamma_regularizer=regularizers.L2(0.3), beta_regularizer="l1"),
        D(3, "tanh"),
    ],
    "batch normalization of rank 3": lambda: [
        layers.Reshape((2, 2)),
        layers.BatchNormalization(),
        layers.Flatten(),
    ],
    "layer normalization": lambda: [D(4), layers.LayerNormalization(), D(3, "tanh")],
    "layer normalization without scale": lambda: [layers.LayerNormalization(scale=False), D(3, "tanh")],
    "layer normalization without center": lambda: [layers.LayerNormalization(center=False), D(3, "tanh")],
    "bare layer normalization": lambda: [layers.LayerNormalization(scale=False, center=False), D(3, "tanh")],
    "frozen layer normalization": lambda: [D(4), *frozen(layers.LayerNormalization()), D(3, "tanh")],
    "layer normalization of rank 3": lambda: [
        layers.RepeatVector(3),
        layers.LayerNormalization(),
        layers.Flatten(),
    ],
    "RMS normalization": lambda: [D(4), layers.RMSNormalization(), D(3, "tanh")],
    "RMS normalization of rank 3": lambda: [
        layers.Reshape((2, 2)),
        layers.RMSNormalization(),
        layers.Flatten(),
    ],
    "unit normalization": lambda: [D(4), layers.UnitNormalization(), D(3, "tanh")],
    "group normalization": lambda: [D(6), layers.GroupNormalization(2), D(3, "tanh")],
    "group normalization without scale": lambda: [layers.GroupNormalization(2, scale=False), D(3, "tanh")],
    "group normalization without center": lambda: [layers.GroupNormalization(1, center=False), D(3, "tanh")],
    "bare group normalization": lambda: [layers.GroupNormalization(2, scale=False, center=False)],
    "Gaussian noise": lambda: [D(4), layers.GaussianNoise(0.3), D(3, "tanh")],
    "Gaussian dropout": lambda: [D(4), layers.GaussianDropout(0.3, seed=3), D(3, "tanh")],
    "alpha dropout": lambda: [D(4), layers.AlphaDropout(0.3), D(3, "tanh")],
    "activity regularization": lambda: [D(4), layers.ActivityRegularization(0.1, 0.2), D(3, "tanh")],
    "activity regularization of the input": lambda: [layers.ActivityRegularization(l2=0.2), D(3, "tanh")],
    "normalization": lambda: [layers.Normalization(), D(3, "tanh")],
    "inverted normalization": lambda: [D(4), layers.Normalization(invert=True), D(3, "tanh")],
    "rescaling": lambda: [layers.Rescaling([1.0, 2.0, -3.0, 0.5], 0.3), D(3, "tanh")],
    "reshape, permute": lambda: [
        layers.Reshape((2, -1)),
        layers.Permute((2, 1)),
        layers.Flatten(),
        D(3, "tanh"),
    ],
    "repeat": lambda: [D(3, "tanh"), layers.RepeatVector(2), layers.Flatten()],
    "identity": lambda: [layers.Identity(), D(3, "tanh"), layers.Identity()],
    "columns": lambda: [D(6, "tanh"), layers.Columns([4, 5, -6, 2])],
    "lambda": lambda: [D(4), layers.Lambda(np.sin, slope=np.cos), D(3, "tanh")],
    "layers of activations": lambda: [
        *(D(4), layers.ELU(0.7), D(4), layers.LeakyReLU(), D(4), layers.ReLU(2.0, 0.1, 0.2), D(4)),
        layers.Softmax(),
    ],
    "PReLU": lambda: [D(4), layers.PReLU(alpha_regularizer="l2"), D(3, "tanh")],
    "residual": lambda: [D(4), layers.Residual([D(5, "tanh"), D(4)]), D(3, "tanh")],
    "residual at the inputs": lambda: [layers.Residual([D(5, "tanh"), D(4)])],
    "residual of a normalization": lambda: [
        layers.Residual([layers.BatchNormalization(), D(4, "relu"), layers.Dropout(0.3), D(4)]),
        layers.Residual([layers.LayerNormalization(), D(4, "tanh")]),
    ],
    "residual of rank 3": lambda: [
        layers.Reshape((2, 2)),
        layers.Residual([layers.Permute((2, 1)), layers.RMSNormalization()]),
        layers.Flatten(),
    ],
    "NTK dense": lambda: [N(5, "tanh"), N(3, Blend("selu"), use_bias=False), N(3, Blend("mish"))],
    "NTK dense with penalties": lambda: [
        N(4, "tanh", kernel_regularizer="l2", bias_regularizer="l2", activity_regularizer="l2")
    ],
    "scale": lambda: [layers.Scale(regularizer="l2"), D(4, "tanh"), layers.Scale(), D(3, "tanh")],
    "frozen scale": lambda: [D(4, "tanh"), *frozen(layers.Scale()), D(3, "tanh")],
    "periodic embedding": lambda: [layers.PeriodicEmbedding(4, 5), D(3, "tanh")],
    "periodic embedding without the input": lambda: [
        D(3),
        layers.PeriodicEmbedding(1, 3, include_input=False),
        *frozen(layers.PeriodicEmbedding(2, 2)),
    ],
    "concatenate": lambda: [layers.Concatenate([D(2, "tanh"), [], [D(3, "softplus"), D(2)]]), D(3)],
    "concatenate of columns": lambda: [
        layers.Concatenate([[layers.Columns([0, 2]), D(2, "tanh")], layers.Columns([1, 3])]),
    ],
    "blocks in blocks": lambda: [
        layers.Concatenate(
            [
                layers.Residual([D(3, "tanh"), layers.Residual([D(3), layers.Dropout(0.2)]), D(4)]),
                [D(2), layers.Concatenate([[], D(1, "tanh"), [layers.BatchNormalization(), D(1)]])],
            ]
        ),
        D(3, "tanh"),
    ],
    "frozen blocks": lambda: [
        D(4),
        *frozen(layers.Residual([D(4, "tanh"), layers.BatchNormalization()])),
        layers.Concatenate([frozen(D(2, "tanh", kernel_regularizer="l2")), D(2)]),
    ],
    "penalties in blocks": lambda: [
        D(4),
        layers.Residual(
            [
                D(4, "tanh", kernel_regularizer="l2", activity_regularizer=regularizers.L1L2(0.2, 0.1)),
                D(4, bias_regularizer="l2", activity_regularizer=regularizers.L2(0.2)),
            ]
        ),
        layers.Concatenate([D(2, activity_regularizer=regularizers.L2(0.3)), []]),
    ],
}


@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
@pytest.mark.parametrize("name", STACKS)
def test_layer(name, weighted):
    model = network(STACKS[name]())
    X, T = data(model)
    moved = check(model, X, T, np.random.default_rng(3).random(ROWS) * 3 if weighted else None)
    assert moved > 0


LAST = {
    "batch normalization": lambda: layers.BatchNormalization(),
    "layer normalization": lambda: layers.LayerNormalization(),
    "RMS normalization": lambda: layers.RMSNormalization(),
    "group normalization": lambda: layers.GroupNormalization(2),
    "unit normalization": lambda: layers.UnitNormalization(),
    "noise": lambda: layers.GaussianNoise(0.3),
    "Gaussian dropout": lambda: layers.GaussianDropout(0.3),
    "alpha dropout": lambda: layers.AlphaDropout(0.3),
    "activity": lambda: layers.ActivityRegularization(0.2, 0.3),
    "normalization": lambda: layers.Normalization(),
    "rescaling": lambda: layers.Rescaling(3.0),
    "columns": lambda: layers.Columns([2, 0]),
    "identity": lambda: layers.Identity(),
    "lambda": lambda: layers.Lambda(np.sin, slope=np.cos),
    "PReLU": lambda: layers.PReLU(),
    "NTK dense": lambda: layers.NTKDense(3, "tanh", activity_regularizer="l2"),
    "scale": lambda: layers.Scale(),
    "periodic embedding": lambda: layers.PeriodicEmbedding(3, 4),
    "residual": lambda: layers.Residual([D(3, "tanh"), D(4, "softplus")]),
    "residual with a penalty": lambda: layers.Residual([D(4, "tanh", activity_regularizer="l2")]),
    "concatenate": lambda: layers.Concatenate([D(2, "tanh"), [layers.Dropout(0.2)]]),
}


@pytest.mark.parametrize("name", LAST)
@pytest.mark.parametrize("alone", [False, True], ids=["on top", "alone"])
def test_any_layer_may_be_the_last(name, alone):
    model = network([] if alone else [D(4, "tanh")], output=LAST[name]())
    check(model, *data(model))


@pytest.mark.parametrize("activity", ["l1", "l2", regularizers.L1L2(0.2, 0.1)], ids=repr)
@pytest.mark.parametrize(
    ("activation", "loss"),
    [
        ("linear", "mse"),
        ("sigmoid", "binary_crossentropy"),
        ("softmax", "categorical_crossentropy"),
        ("tanh", "mse"),
    ],
)
def test_penalties_of_dense(activity, activation, loss):
    penalties = {
        "kernel_regularizer": "l2",
        "bias_regularizer": regularizers.L1L2(0.1, 0.2),
        "activity_regularizer": activity,
    }
    model = network([D(4, "tanh", **penalties)], output=D(3, activation, **penalties), loss=loss)
    X, T = data(model)
    check(model, X, T / T.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("activation", [PReLU(), Blend("tanh")], ids=repr)
def test_penalty_of_an_output_whose_activation_learns(activation):
    """What the loss says of α and what the penalty says of it are both in its gradient."""
    model = network([D(4, "tanh")], output=D(3, activation, activity_regularizer=regularizers.L2(0.3)))
    check(model, *data(model))


def test_embedding():
    """Its indices have no derivative; several samples share a row of the table."""
    columns = layers.Columns([1, 2])
    branches = [[layers.Columns(0), layers.Embedding(3, 2, embeddings_regularizer="l2"), layers.Flatten()]]
    model = network([layers.Concatenate([*branches, columns]), D(3, "tanh")], (3,))
    X, T = data(model, (3,))
    X[:, 0] = [0, 2, 2, 0, 2, 0, 0]
    engine = model.ready()
    X, _, T, share = ArrayData(X, T, None, model.loss.encode, model.loss.reduce, 2).all()
    engine.gradient(X, T, share)
    analytic = model.parameters.gradients.copy()
    numeric = central_differences(lambda: engine.gradient(X, T, share), model.parameters.values)
    compare(analytic, numeric, "parameters")
    assert model.layers[0].branches[0][1].dembeddings[1].tolist() == [
        *(0.02 * model.layers[0].branches[0][1].embeddings[1])
    ]


def test_embedding_of_several_columns_hands_down_no_grad():
    model = network([layers.Rescaling(1.0), layers.Embedding(4, 3), layers.Flatten(), D(3, "tanh")], (2,))
    X, T = np.random.default_rng(0).integers(0, 4, (ROWS, 2)).astype(float), np.zeros((ROWS, 2))
    engine = model.ready()
    stack.connect(model.layers, below=True)
    engine.learning = model.layers
    X, _, T, share = ArrayData(X, T, None, model.loss.encode, model.loss.reduce, 2).all()
    engine.gradient(X, T, share)
    analytic = model.parameters.gradients.copy()
    assert not backward(model.layers, engine.delta).any()
    compare(analytic, central_differences(lambda: engine.gradient(X, T, share), model.parameters.values), "")


def test_losses_of_two_columns_reach_a_batch_normalization():
    """Its rows depend on each other, so a weight of 0 does not take a row out of the mean."""
    model = network([layers.BatchNormalization()], loss=losses.MeanSquaredError(reduction="sum"))
    X, T = data(model)
    check(model, X, T, np.array([1.0, 0, 0, 2, 0, 0, 0]))


def test_stacks_name_every_layer():
    made = {type(part) for make in STACKS.values() for part in stack.everything(make())}
    every = {
        part for part in vars(layers).values() if isinstance(part, type) and issubclass(part, layers.Layer)
    }
    assert every - made == {layers.Layer, layers.Embedding}
