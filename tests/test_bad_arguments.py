"""Arguments of constructors, `compile` and `add` that mean nothing: the error names argument and value."""

import numpy as np
import pytest
from refusals import BCE, CCE, SPARSE, TARGETS, T, X, net, refused

import mlp
from mlp import (
    Sequential,
    activations,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
)
from mlp.errors import ArgumentError
from mlp.layers import Activation, Dense, Dropout, Input
from mlp.naming import Part
from mlp.optimizers import SGD, Adam, AdamW, RMSprop

ROW = r"shape must be a tuple of positive integers, the shape of one row; got "
RATE = r"learning_rate must be a number of at least 0 or a function of the step; got "
CONSTRUCTORS = [
    (lambda: Dense(0), "units must be a positive integer; got 0"),
    (lambda: Dense(-3), "units must be a positive integer; got -3"),
    (lambda: Dense(1.5), r"units must be a positive integer; got 1\.5"),
    (lambda: Dense("3"), "units must be a positive integer; got '3'"),
    (lambda: Dense(None), "units must be a positive integer; got None"),
    (lambda: Dense(True), "units must be a positive integer; got True"),
    (lambda: Dense(2, name=5), "name must be a string without .* got 5"),
    (lambda: Dense(2, input_shape=0), ROW + r"\(0,\)"),
    (lambda: Dense(2, input_shape=(3, -1)), ROW + r"\(3, -1\)"),
    (lambda: Dense(2, input_shape="ab"), ROW + r"\('a', 'b'\)"),
    (lambda: Dense(2, input_shape=2.5), ROW + r"2\.5"),
    (lambda: Dense(2, input_shape=()), ROW + r"\(\)"),
    (lambda: Dense(2, input_shape=(True,)), ROW + r"\(True,\)"),
    (lambda: Input(0), ROW + r"\(0,\)"),
    (lambda: Input(()), ROW + r"\(\)"),
    (lambda: Input((2, None)), ROW + r"\(2, None\)"),
    (lambda: Input(None), ROW + "None"),
    (lambda: Input(2.5), ROW + r"2\.5"),
    (lambda: Input(True), ROW),
    (lambda: Dropout(1), r"rate must be a number in \[0, 1\); got 1"),
    (lambda: Dropout(-0.1), r"rate must be a number in \[0, 1\); got -0\.1"),
    (lambda: Dropout(float("nan")), r"rate must be a number in \[0, 1\); got nan"),
    (lambda: Dropout("0.5"), r"rate must be a number in \[0, 1\); got '0\.5'"),
    (lambda: Dropout(None), r"rate must be a number in \[0, 1\); got None"),
    (lambda: Dropout(0.5, seed="a"), "seed must be"),
    (lambda: SGD(-0.1), RATE + r"-0\.1"),
    (lambda: SGD("0.1"), RATE + r"'0\.1'"),
    (lambda: SGD(None), RATE + "None"),
    (lambda: SGD(True), RATE + "True"),
    (lambda: SGD(float("nan")), RATE + "nan"),
    (lambda: SGD(float("inf")), RATE + "inf"),
    (lambda: Adam([0.1]), RATE + r"\[0\.1\]"),
    (lambda: SGD(momentum=1), r"momentum must be .*in \[0, 1\); got 1"),
    (lambda: SGD(momentum=-0.5), r"momentum must be .*in \[0, 1\); got -0\.5"),
    (lambda: SGD(momentum="x"), r"momentum must be .*in \[0, 1\); got 'x'"),
    (lambda: SGD(momentum=None), r"momentum must be .*in \[0, 1\); got None"),
    (lambda: RMSprop(rho=1.0), r"rho must be .*in \[0, 1\); got 1\.0"),
    (lambda: RMSprop(epsilon=0), "epsilon must be .*; got 0"),
    (lambda: RMSprop(rho="x"), r"rho must be .*in \[0, 1\); got 'x'"),
    (lambda: RMSprop(epsilon="x"), "epsilon must be .*; got 'x'"),
    (lambda: Adam(beta_1=1), r"beta_1 must be .*in \[0, 1\); got 1"),
    (lambda: AdamW(beta_2=1.5), r"beta_2 must be .*in \[0, 1\); got 1\.5"),
    (lambda: Adam(epsilon=-1), "epsilon must be .*; got -1"),
    (lambda: Adam(beta_1="x"), r"beta_1 must be .*in \[0, 1\); got 'x'"),
    (lambda: Adam(weight_decay=-1), "weight_decay must be at least 0; got -1"),
    (lambda: AdamW(weight_decay="x"), "weight_decay must be at least 0; got 'x'"),
    (lambda: Adam(clipnorm=0), "clipnorm must be positive; got 0"),
    (lambda: Adam(clipvalue="x"), "clipvalue must be positive; got 'x'"),
    (lambda: Adam(clipnorm=1, clipvalue=1), "clipping must be of one kind: clipnorm, clipvalue or global_cl"),
    (lambda: losses.MeanSquaredError("avg"), "reduction must be one of sum_over_batch_size, mean"),
    (lambda: losses.BinaryCrossentropy(label_smoothing=1), r"label_smoothing must be .*in \[0, 1\); got 1"),
    (
        lambda: losses.CategoricalCrossentropy(label_smoothing="x"),
        r"label_smoothing must be .*in \[0, 1\); got 'x'",
    ),
    (lambda: initializers.VarianceScaling(0), "scale must be .*; got 0"),
    (lambda: initializers.VarianceScaling(mode="fan"), "mode must be one of fan_in, fan_out, fan_avg; got '"),
    (lambda: initializers.VarianceScaling(distribution=5), "distribution must be one of uniform, normal, tr"),
    (lambda: initializers.RandomNormal(stddev=-1), "stddev must be .*; got -1"),
    (lambda: initializers.RandomUniform(1, 0), "minval must be at most maxval, 0; got 1"),
    (lambda: initializers.VarianceScaling("x"), "scale must be .*; got 'x'"),
    (lambda: initializers.RandomNormal("x"), "mean must be .*; got 'x'"),
    (lambda: initializers.RandomUniform("a", "b"), "minval must be"),
    (lambda: initializers.Constant("x"), "value must be"),
    (lambda: initializers.Constant(np.nan), "value must be"),
    (lambda: activations.LeakyReLU(-1), "negative_slope must be .*; got -1"),
    (lambda: activations.LeakyReLU("x"), "negative_slope must be .*; got 'x'"),
    (lambda: activations.PReLU("x"), "alpha_initial must be"),
    (
        lambda: metrics.BinaryAccuracy(threshold=np.nan),
        r"threshold must be a number in \(-inf, inf\); got nan",
    ),
    (lambda: metrics.BinaryAccuracy(threshold="x"), r"threshold must be a number in \(-inf, inf\); got 'x'"),
    (lambda: metrics.Accuracy(name=5), "name must be a string; got 5"),
    (lambda: Sequential(dtype="float16"), "dtype must be float32 or float64; got 'float16'"),
    (lambda: Sequential(dtype=int), "dtype must be float32 or float64; got <class 'int'>"),
    (lambda: Sequential(dtype=object()), "dtype must be float32 or float64"),
    (lambda: Sequential(dtype=None), "dtype must be float32 or float64; got"),
    (lambda: Sequential(seed="a"), "seed must be .*; got 'a'"),
    (lambda: Sequential(seed=-1), "seed must be .*; got -1"),
    (lambda: Sequential(seed=1.5), r"seed must be .*; got 1\.5"),
    (lambda: Sequential(name=5), "name must be a string; got 5"),
    (lambda: Sequential(5), "layers must be"),
    (lambda: Sequential(Dense(3)), "layers must be a list"),
    (lambda: mlp.utils.to_categorical([0, 3], 2), "labels must be integers from 0 to 1; got 0 to 3"),
    (lambda: mlp.utils.to_categorical([0.5, 1]), r"labels must be integers from 0 to 1; got 0\.5 to 1\.0"),
    (lambda: mlp.utils.to_categorical([-1, 1]), "labels must be integers from 0 to 1; got -1 to 1"),
    (lambda: mlp.utils.to_categorical([]), "labels must"),
    (lambda: mlp.utils.to_categorical(["a"]), "labels must"),
    (lambda: mlp.utils.to_categorical([np.nan]), "labels must"),
]


@pytest.mark.parametrize(("make", "message"), CONSTRUCTORS)
def test_constructors(make, message):
    with pytest.raises(ArgumentError, match=message) as caught:
        make()
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dense(2, "rleu"), "unknown activation 'rleu'. Did you mean 'relu', 'relu6', 'prelu'? All "),
        (
            lambda: Activation("sigmod"),
            "unknown activation 'sigmod'. Did you mean 'sigmoid', 'log_sigmoid', ",
        ),
        (lambda: Dense(2, "xyz"), "unknown activation 'xyz'. All "),
        (lambda: Dense(2, kernel_initializer="he_norml"), "unknown initializer 'he_norml'. Did you mean"),
        (lambda: Dense(2, bias_initializer="zeroes"), "unknown initializer 'zeroes'. Did you mean 'zeros', "),
        (lambda: net().compile("adm", "mse"), "unknown optimizer 'adm'. Did you mean 'adam', "),
        (lambda: net().compile("sgd", "binary_crossentropi"), "unknown loss 'binary_crossentropi'. Did you "),
        (
            lambda: net().compile("sgd", "mse", metrics=["acuracy"]),
            "unknown metric 'acuracy'. Did you mean 'acc",
        ),
        (
            lambda: net().compile("sgd", "mse", weighted_metrics=["ma"]),
            "unknown metric 'ma'. Did you mean 'mae', ",
        ),
    ],
)
def test_unknown_names_bring_the_nearest(make, message):
    with pytest.raises(ArgumentError) as caught:
        make()
    assert str(caught.value).startswith(message)


CATALOGUES = {
    "Activation": activations,
    "Constraint": constraints,
    "Initializer": initializers,
    "Loss": losses,
    "Metric": metrics,
    "Optimizer": optimizers,
    "Regularizer": regularizers,
}


@pytest.mark.parametrize("kind", CATALOGUES)
@pytest.mark.parametrize(
    "value",
    [5, [1], np.tanh, object, Dense(2), Dense, Part, {"class_name": "Dense", "config": {"units": 2}}],
)
def test_what_is_not_of_the_kind(kind, value):
    module = CATALOGUES[kind]
    message = f"{kind.lower()} must be a name, a class or an object of mlp's {kind}; got|unknown {kind} 'D"
    with pytest.raises(ArgumentError, match=message):
        module.get(value)


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({}, "a part is described by {'class_name': its name, 'config': {its arguments}}; got {}"),
        ({"class_name": "Adam"}, "a part is described by"),
        ({"class_name": ["Adam"], "config": {}}, "a part is described by"),
        ({"class_name": "Adam", "config": 5}, "a part is described by"),
        ({"class_name": "Adm", "config": {}}, "unknown Optimizer 'Adm'. Did you mean 'Adam', "),
        ({"class_name": "Adam", "config": {"lr": 1}}, "Adam cannot be made from this configuration: "),
        ({"class_name": "Adam", "config": {"beta_1": "x"}}, ""),
    ],
)
def test_descriptions(description, message):
    with pytest.raises(ArgumentError) as caught:
        optimizers.get(description)
    assert str(caught.value).startswith(message)


def test_configurations():
    for part in (Dense, Adam, Sequential):
        with pytest.raises(ArgumentError, match=r"config must be a dict, such as get_config\(\) returns"):
            part.from_config(None)
        with pytest.raises(ArgumentError, match=f"{part.__name__} cannot be made from this .* 'lr'"):
            part.from_config({"units": 2, "lr": 1} if part is Dense else {"lr": 1})


TWICE = "applies a {} itself, but the last layer ends with {}. Remove one of the two"
LOGITS = {"from_logits": True}
PAIRS = [
    (
        1,
        "softmax",
        CCE,
        "CategoricalCrossentropy needs one output a class.*two or more; there is 1.*a sigmoid",
    ),
    (1, "sigmoid", SPARSE, "needs one output a class, so two or more; there is 1"),
    (3, None, CCE, "needs outputs between 0 and 1, but the last activation is Linear.*activation='softmax'"),
    (3, "relu", SPARSE, r"but the last activation is ReLU.*or use .*\(from_logits=True\)"),
    (1, None, BCE, "but the last activation is Linear. End the model with activation='sigmoid', or use Bina"),
    (1, "tanh", BCE, "needs outputs between 0 and 1, but the last activation is Tanh"),
    (3, "softmax", losses.CategoricalCrossentropy(**LOGITS), TWICE.format("softmax", "Softmax")),
    (3, "softmax", losses.SparseCategoricalCrossentropy(**LOGITS), TWICE.format("softmax", "Softmax")),
    (1, "sigmoid", losses.BinaryCrossentropy(**LOGITS), TWICE.format("sigmoid", "Sigmoid")),
]


@pytest.mark.parametrize(("units", "output", "loss", "message"), PAIRS)
def test_a_loss_that_cannot_go_with_the_last_activation(units, output, loss, message):
    model = Sequential([Dense(units, output, input_shape=(3,))], seed=0)
    before = model.get_weights()
    with pytest.raises(ArgumentError, match=message):
        model.compile("adam", loss)
    assert not model.compiled
    unbuilt = Sequential([Dense(units, output)], seed=0)
    unbuilt.compile("adam", loss)  # the model cannot know yet
    with pytest.raises(ArgumentError, match=message):
        unbuilt.fit(X, np.zeros((8, units)), verbose=0)
    for each in (model, unbuilt):
        each.build((3,))  # with a refused fit the model did not commit itself to a shape
        np.testing.assert_array_equal(each.get_weights()[0], before[0])
        each.compile("adam", "mse")
        each.fit(X, np.zeros((8, units)), verbose=0)


MSE = {"optimizer": "adam", "loss": "mse"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"optimizer": "adam"}, r"compile\(\) needs a loss, for example loss='mse'"),
        (MSE | {"loss": None}, r"compile\(\) needs a loss, for example loss='mse'"),
        (MSE | {"loss": CCE}, "CategoricalCrossentropy needs outputs between 0 and 1"),
        (MSE | {"loss": "msee"}, "unknown loss 'msee'"),
        (MSE | {"optimizer": None}, "optimizer must be a name, a class or an object .*; got None of type No"),
        (MSE | {"metrics": "accuracy"}, r"metrics must be a list, such as \['accuracy'\]; got 'accuracy'"),
        (MSE | {"weighted_metrics": "mae"}, r"weighted_metrics must be a list, such as \['mae'\]; got 'mae'"),
        (MSE | {"metrics": ["mae", None]}, "metric must be a name, a class or an object .*; got None"),
        (MSE | {"metrics": [["mae"]]}, r"metric must be a name, a class or an object .*; got \['mae'\] of t"),
        (MSE | {"metrics": 5}, "metrics must be a list"),
        (MSE | {"metrics": metrics.Accuracy()}, "metrics must be a list"),
    ],
)
def test_a_refused_compile_leaves_the_former_one(arguments, message):
    model = net()
    with refused(model, message):
        model.compile(**arguments)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Dense, r"add\(\) takes a layer; got <class .*Dense'> \(a class: call it to make a layer\)"),
        ("dense", r"add\(\) takes a layer; got 'dense'"),
        (None, r"add\(\) takes a layer; got None"),
        ([Dense(2)], r"add\(\) takes a layer; got \[Dense\(units=2\)\]"),
        (activations.ReLU(), r"add\(\) takes a layer; got ReLU\(\)"),
        (Sequential(), r"add\(\) takes a layer; got Sequential"),
        (Input((3,)), "Input must be added before any layer"),
        (Dense(2, name="dense"), "two layers are called 'dense'; names must differ"),
        (net().layers[0], r"layer 'dense' already belongs to a model, .* add layer\.clone\(\) for a new one"),
    ],
)
def test_what_cannot_be_added(layer, message):
    model = net()
    with refused(model, message):
        model.add(layer)
    with pytest.raises(ArgumentError):
        Sequential([Dense(3, input_shape=(3,), name="dense"), layer])


@pytest.mark.parametrize("name", ["a.b", "a/b", "optimizer", 3])
def test_a_name_that_a_file_could_not_tell_apart(name):
    """A file has "residual.dense.W" for a layer in a block and "optimizer.m" for the optimizer's state."""
    with pytest.raises(
        ArgumentError, match=r"name must be a string without '.' and '/', and not 'optimizer'"
    ):
        Dense(2, name=name)


def test_a_layer_that_fails_in_its_own_way_is_not_added():
    class Broken(layers.Layer):
        def build(self, input_shape, rng, dtype):
            raise KeyError("of its own")

    model = Sequential([Input(3), Dense(2)])
    with pytest.raises(KeyError, match="of its own"):
        model.add(Broken())
    assert len(model.layers) == 1
    assert model.predict(np.ones((1, 3))).shape == (1, 2)


def test_a_layer_that_does_not_fit_is_not_added():
    model = Sequential([Input((2, 3))])
    with pytest.raises(ArgumentError, match=r"Dense takes rows of numbers, .*put a Flatten\(\) before"):
        model.add(Dense(4))
    assert model.layers == []
    model.add(layers.Flatten())
    model.add(Dense(4))
    assert model.predict(np.zeros((5, 2, 3))).shape == (5, 4)


def test_an_input_shape_that_contradicts():
    with pytest.raises(ArgumentError, match=r"\(5,\)"):
        Sequential([Input((3,)), Dense(2, input_shape=(5,))])
    with pytest.raises(ArgumentError, match=r"\(5,\)"):
        Sequential([Dense(3, input_shape=(2,)), Dense(2, input_shape=(5,))])


def test_a_layer_has_one_model():
    shared = Dense(1)
    first, second = Sequential([shared]), Sequential()
    with pytest.raises(ArgumentError, match=r"layer 'dense' already belongs to a model"):
        second.add(shared)
    first.predict(X)
    with pytest.raises(ArgumentError, match="already"):
        Sequential([Dense(3)] * 2)


def test_a_clone_can_be_added_where_the_error_says_so():
    model = Sequential([Dense(3, input_shape=(3,))])
    model.add(model.layers[0].clone())
    assert [layer.name for layer in model.layers] == ["dense", "dense_1"]


def test_a_clone_needs_no_registration():
    class Own(activations.Activation):
        def f(self, net, out):
            return np.multiply(net, 3, out)

    assert type(Dense(2, Own()).clone().activation) is Own


def test_two_models_do_not_share_an_optimizer():
    optimizer = SGD(0.1)
    first, second = (Sequential([Dense(1, input_shape=(3,))], seed=k) for k in range(2))
    for model in (first, second):
        model.compile(optimizer, "mse")
        model.fit(X, T, verbose=0)
    before, others = first.get_weights()[0], second.get_weights()[0]
    first.fit(X, T, verbose=0)
    np.testing.assert_array_equal(second.get_weights()[0], others)
    assert not np.array_equal(first.get_weights()[0], before)


def test_every_loss_can_go_with_its_own_output():
    for loss in TARGETS:
        assert net(loss).compiled
