"""Both engines make the same of every layer: parameters, moving averages, losses, outputs, random numbers."""

import copy

import numpy as np
import pytest
from layer_examples import LAYERS
from test_gradients_of_layers import LAST, STACKS

from mlp import Sequential, layers, regularizers
from mlp.activations import Blend
from mlp.engines.kernels.propagation import HOMES
from mlp.errors import ArgumentError, DivergenceError
from mlp.layers import stack
from mlp.optimizers import SGD

WITHOUT = {layers.Lambda}  # a function of the user's is NumPy's
TOLERANCE = {"float32": 1e-4, "float64": 1e-10}
ROWS = 23  # three batches of 7 and one of 2
D = layers.Dense
FREE = [name for name in STACKS if name != "lambda"]
FREE_LAST = [name for name in LAST if name != "lambda"]


def trained(made, dtype, engine, X=None, epochs=3):
    """A model of such layers after some epochs, its history, and what it puts out."""
    model = Sequential(copy.deepcopy(made), dtype=dtype, seed=0)
    model.compile(SGD(0.02), "mse", engine=engine)
    rng = np.random.default_rng(1)
    for name, value in [item for _, leaf in stack.leaves(model.layers) for item in leaf.parameters.items()]:
        positive = name in ("variance", "moving_variance")
        value[...] = rng.uniform(0.5, 2, value.shape) if positive else rng.normal(0, 0.7, value.shape)
    X = rng.normal(size=(ROWS, *model.input_shape)) if X is None else X
    T = rng.random((ROWS, *model.layers[-1].output_shape))
    few = X[:5], T[:5]
    history = model.fit(X, T, epochs=epochs, batch_size=7, verbose=0, validation_data=few).history
    return model, history, model.predict(X)


def compare(made, dtype, X=None):
    (model, history, out), (other, other_history, other_out) = (
        trained(made, dtype, engine, X) for engine in ("numpy", "numba")
    )
    assert other.engine_in_use.startswith("numba")
    tolerance = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
    np.testing.assert_allclose(other.parameters.values, model.parameters.values, **tolerance)
    np.testing.assert_allclose(other_history["loss"], history["loss"], **tolerance)
    np.testing.assert_allclose(other_history["val_loss"], history["val_loss"], **tolerance)
    np.testing.assert_allclose(other_out, out, **tolerance)
    assert_same_generators(model, other)


def assert_same_generators(model, other):
    for one, two in zip(generators(model), generators(other), strict=True):
        assert one.bit_generator.state == two.bit_generator.state


def generators(model):
    return [model.rng, *(leaf.rng for _, leaf in stack.leaves(model.layers))]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", FREE)
def test_stack(name, dtype):
    compare([layers.Input(4), *STACKS[name](), D(2)], dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", FREE_LAST)
def test_last(name, dtype):
    compare([layers.Input(4), D(4, "tanh"), LAST[name]()], dtype)


@pytest.mark.parametrize("trainable", [False, True], ids=["frozen", "trainable"])
@pytest.mark.parametrize("part", LAYERS.keys() - WITHOUT, ids=lambda part: part.__name__)
def test_example(part, trainable):
    options = copy.deepcopy(LAYERS[part]) | {"trainable": trainable}
    below = [] if part is layers.Embedding else [D(int(np.prod(options["input_shape"])), "tanh")]
    below += [layers.Reshape(options["input_shape"])] if len(options["input_shape"]) > 1 else []
    X = np.random.default_rng(0).integers(0, 4, (ROWS, 3)).astype(float) if not below else None
    compare([layers.Input(3), *below, part(**options), layers.Flatten(), D(2)], "float64", X)


def test_every_layer_has_a_compiled_form_or_is_known_to_have_none():
    classes = {part for part in vars(layers).values() if isinstance(part, type)}
    every = {part.__name__ for part in classes if issubclass(part, layers.Layer)} - {"Layer"}
    every |= {part.__name__ for part in LAYERS}
    assert {part.__name__ for part in WITHOUT} == every - HOMES.keys()
    assert HOMES.keys() <= every


@pytest.mark.parametrize("activity", ["l1", "l2", regularizers.L1L2(0.2, 0.1)], ids=repr)
@pytest.mark.parametrize("activation", ["linear", "sigmoid", "tanh", Blend("tanh")], ids=repr)
def test_activity_of_dense(activation, activity):
    made = [D(3, activation, activity_regularizer=activity) for _ in range(2)]
    compare([layers.Input(4), *made], "float64")


@pytest.mark.parametrize(
    "part", [lambda: layers.ActivityRegularization(0.1, 0.2), lambda: layers.Activation("tanh", "l2")]
)
def test_activity_of_the_last_layer_and_of_the_first(part):
    compare([layers.Input(4), part(), D(3), part()], "float64")


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_generators_are_shared_in_the_order_of_the_layers(dtype):
    """Uniform and normal numbers of the model's generator, and of one that is a layer's own."""
    parts = [
        layers.Dropout(0.3),
        layers.GaussianNoise(0.2),
        layers.Dropout(0.2, seed=5),
        layers.GaussianDropout(0.2, seed=6),
        layers.AlphaDropout(0.1),
    ]
    compare([layers.Input(3), *[part for layer in parts for part in (D(3), layer)], D(1)], dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    "part", [layers.Dropout, layers.AlphaDropout, layers.GaussianDropout], ids=lambda part: part.__name__
)
def test_masks_are_the_same(part, dtype):
    made, X = [layers.Input(3), part(0.4, name="mine"), D(2)], np.ones((7, 3))
    masks = []
    for engine in ("numpy", "numba"):
        model = Sequential(copy.deepcopy(made), dtype=dtype, seed=0)
        model.compile("sgd", "mse", engine=engine)
        model.fit(X, X[:, :2], epochs=2, batch_size=7, verbose=0)
        layer = model.get_layer("mine")
        masks.append((layer.noise if part is layers.GaussianDropout else layer.mask).copy())
    np.testing.assert_allclose(*masks, rtol=0, atol=3 * np.finfo(dtype).eps)
    assert len(np.unique(masks[0])) > 1


def test_generators_stand_where_a_run_diverged():
    made = [layers.Input(3), layers.Dropout(0.3), D(3), layers.GaussianNoise(0.1), D(1)]
    models = []
    for engine in ("numpy", "numba"):
        model = Sequential(copy.deepcopy(made), dtype="float32", seed=0)
        model.compile(SGD(1e6), "mse", engine=engine)
        with pytest.raises(DivergenceError):
            model.fit(np.ones((60, 3)), np.zeros((60, 1)), batch_size=2, verbose=0)
        models.append(model)
    assert_same_generators(*models)


def test_prediction_passes_dropout_and_takes_moving_averages():
    made = [layers.Input(3), layers.BatchNormalization(), layers.Dropout(0.5), layers.GaussianNoise(1.0)]
    model, _, _ = trained([*made, D(2)], "float64", "numba")
    X, normalization = np.random.default_rng(3).normal(size=(4, 3)), model.layers[0]
    mean, variance = normalization.moving_mean, normalization.moving_variance
    normed = (X - mean) / np.sqrt(variance + 0.001) * normalization.gamma + normalization.beta
    before = model.rng.bit_generator.state
    np.testing.assert_allclose(model.predict(X), normed @ model.layers[-1].W + model.layers[-1].b)
    assert model.rng.bit_generator.state == before


def test_normalization_takes_its_statistics_as_they_are_now():
    model, _, _ = trained([layers.Input(3), layers.Normalization(), D(2)], "float64", "numba")
    X, layer = np.random.default_rng(3).normal(size=(4, 3)), model.layers[0]
    layer.mean, layer.variance = [1, 2, 3], [4, 9, 16]
    expected = ((X - [1, 2, 3]) / [2, 3, 4]) @ model.layers[-1].W + model.layers[-1].b
    np.testing.assert_allclose(model.predict(X), expected)


def test_embedding_of_inputs_as_they_are():
    """Behind layers that only pick; the same category several times in a batch."""
    X = np.random.default_rng(0).integers(0, 3, (ROWS, 4)).astype(float)
    branches = [
        [layers.Columns([0]), layers.Identity(), layers.Embedding(3, 2, embeddings_regularizer="l2")],
        [layers.Columns([3, 1]), layers.Embedding(5, 2)],
    ]
    branches = [[*branch, layers.Flatten()] for branch in branches]
    compare([layers.Input(4), layers.Concatenate([*branches, layers.Columns([2])]), D(2)], "float64", X)


def test_embedding_of_what_branches_picked():
    X = np.random.default_rng(0).integers(0, 3, (ROWS, 4)).astype(float)
    picked = layers.Concatenate([layers.Columns([2]), [], [layers.Permute((1,))]])
    compare([layers.Input(4), picked, layers.Embedding(3, 2), layers.Flatten(), D(2)], "float64", X)


@pytest.mark.parametrize(
    "below", [lambda: layers.Rescaling(1.0), lambda: layers.Residual([layers.Rescaling(0.0)])]
)
def test_embedding_of_numbers_that_a_layer_makes_is_for_numpy(below):
    model = Sequential([layers.Input(2), below(), layers.Embedding(3, 2), layers.Flatten(), D(1)])
    model.compile("sgd", "mse", engine="numba")
    with pytest.raises(ArgumentError, match=r"'embedding'.*a layer below makes"):
        model.ready()


def test_what_has_no_compiled_form_is_named():
    model = Sequential([layers.Input(2), layers.Lambda(np.sin, slope=np.cos, name="wave"), D(1)])
    model.compile("sgd", "mse", engine="numba")
    with pytest.raises(ArgumentError, match=r"layer 'wave' \(Lambda\) has no compiled form"):
        model.ready()


def test_a_penalty_on_activities_without_a_compiled_form_is_named():
    crossed = regularizers.OrthogonalRegularizer(0.1)
    model = Sequential([layers.Input(2), D(3, activity_regularizer=crossed, name="wide"), D(1)])
    model.compile("sgd", "mse", engine="numba")
    with pytest.raises(ArgumentError, match=r"layer 'wide'.*OrthogonalRegularizer"):
        model.ready()
