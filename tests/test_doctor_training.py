"""The training doctor on units, deltas, rates and curves: each finding is provoked, and not made in vain."""

import copy

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_moons
from sklearn.preprocessing import scale

import mlp
from mlp import initializers, layers, optimizers, regularizers
from mlp.doctor import Diagnosis, Finding, diagnose

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))
T = np.sin(X[:, 0]) + 0.5 * X[:, 1] + 0.1 * RNG.normal(size=200)
NOISE = RNG.normal(size=200)


def net(*stack, loss="mse", optimizer="adam", inputs=4):
    model = mlp.Sequential([layers.Input(inputs), *stack], seed=0)
    model.compile(optimizer, loss)
    return model


def trained(*stack, x=X, y=T, epochs=8, optimizer="adam", validation_data=None, **options):
    model = net(*stack, optimizer=optimizer, inputs=x.shape[1:], **options)
    model.fit(x, y, epochs=epochs, verbose=0, validation_data=validation_data)
    return model


def two(activation="relu", **options):
    return layers.Dense(8, activation, **options), layers.Dense(1)


# units


def test_dead_units():
    model = net(*two(bias_initializer=initializers.Constant(-50.0)))
    diagnosis = diagnose(model, X, T)
    assert diagnosis["dead_units"].severity == "serious"
    assert diagnosis["dead_units"].numbers["layers"] == {"dense": [8, 8]}
    assert diagnosis["vanishing_deltas"].explained_by == "dead_units"
    assert "dead_units" not in diagnose(net(*two()), X, T)
    assert "dead_units" not in diagnose(
        net(*two("leaky_relu", bias_initializer=initializers.Constant(-50.0))), X, T
    )


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_saturated_units(activation):
    wide = initializers.RandomNormal(stddev=300.0, seed=0)
    finding = diagnose(net(*two(activation, kernel_initializer=wide)), X, T)["saturated_units"]
    assert finding.severity == "serious"
    assert activation in finding.what
    assert not diagnose(net(*two(activation)), X, T).names


def test_saturated_units_in_a_layer_of_activation():
    wide = layers.Dense(8, kernel_initializer=initializers.RandomNormal(stddev=300.0, seed=0))
    model = net(wide, layers.Activation("tanh", name="squash"), layers.Dense(1))
    assert diagnose(model, X, T)["saturated_units"].where == "layer 'squash'"


def test_an_output_may_be_saturated():
    x, y = X * 3, (X[:, 0] > 0).astype(int)
    model = net(layers.Dense(1, "sigmoid"), loss="binary_crossentropy")
    model.set_weights([[[100.0], [0], [0], [0]], [0.0]])
    assert "saturated_units" not in diagnose(model, x, y)


@pytest.mark.parametrize("initializer", ["zeros", "ones"])
def test_symmetric_units(initializer):
    alike = {"kernel_initializer": initializer}
    model = net(layers.Dense(8, "tanh", **alike), layers.Dense(2, **alike))
    finding = diagnose(model, X, np.c_[T, T])["symmetric_units"]
    assert finding.severity == "serious"
    assert f"({initializer})" in finding.cause
    model = net(layers.Dense(8, "tanh"), layers.Dense(2, **alike))
    assert "symmetric_units" not in diagnose(model, X, np.c_[T, T])


def test_other_gradients_end_a_symmetry():
    model = net(layers.Dense(8, "tanh", kernel_initializer="ones"), layers.Dense(1))
    assert "symmetric_units" not in diagnose(model, X, T)


# deltas


def test_vanishing_deltas():
    deep = [layers.Dense(8, "sigmoid") for _ in range(8)]
    finding = diagnose(net(*deep, layers.Dense(1)), X, T)["vanishing_deltas"]
    assert finding.numbers["ratio"] < 1e-3
    assert next(iter(finding.numbers["norms"])) == "dense"
    assert "relu" in finding.cure
    deep = [layers.Residual([layers.Dense(8, "sigmoid")]) for _ in range(8)]
    assert "vanishing_deltas" not in diagnose(net(layers.Dense(8), *deep, layers.Dense(1)), X, T)


def test_exploding_deltas():
    wide = initializers.RandomNormal(stddev=5.0, seed=0)
    deep = [layers.Dense(8, "relu", kernel_initializer=wide) for _ in range(5)]
    diagnosis = diagnose(net(*deep, layers.Dense(1), optimizer="sgd"), X, T)
    assert diagnosis["exploding_deltas"].numbers["ratio"] > 1e2
    deep = [layers.Dense(8, "relu", kernel_initializer="he_normal") for _ in range(5)]
    assert "exploding_deltas" not in diagnose(net(*deep, layers.Dense(1)), X, T)


def test_a_last_layer_that_begins_at_zero_is_no_vanishing():
    model = net(layers.Dense(8, "relu"), layers.Dense(1, kernel_initializer="zeros"))
    assert not diagnose(model, X, T).names


def test_frozen_layers():
    model = net(layers.Dense(8, "relu", trainable=False), layers.Dense(8, "relu"), layers.Dense(1))
    assert not diagnose(model, X, T).names
    model.trainable = False
    assert diagnose(model, X, T)["nothing_learns"].where == "all layers"
    assert (
        "learning rate is 0"
        in diagnose(net(*two(), optimizer=optimizers.SGD(0.0)), X, T)["nothing_learns"].what
    )


# the learning rate


@pytest.mark.parametrize(
    "rule", [optimizers.SGD(30.0), optimizers.Adam(3.0), optimizers.SGD(lambda step: 30.0)]
)
def test_rate_too_high(rule):
    finding = diagnose(net(*two(), optimizer=rule), X, T)["rate_too_high"]
    assert finding.severity == "serious"
    assert 0 < finding.numbers["proposal"] < rule.current_rate()
    better = net(*two(), optimizer=type(rule)(finding.numbers["proposal"]))
    assert "rate_too_high" not in diagnose(better, X, T)


def test_rate_too_high_by_the_curve():
    model = trained(*two())
    jumps = {"loss": [1.0, 0.5, 0.9, 0.4, 0.8, 0.4, 0.9, 0.5]}
    assert "3 of 8 epochs" in diagnose(model, X, T, history=jumps)["rate_too_high"].what
    rises = {"loss": [1.0, 1.1, 1.2, 1.3, 1.4, 1.5]}
    assert "The loss rises" in diagnose(model, X, T, history=rises)["rate_too_high"].what
    noise = {"loss": [1.0, 0.5, 0.4, 0.42, 0.39, 0.41, 0.38, 0.4]}
    assert "rate_too_high" not in diagnose(model, X, T, history=noise)


def test_rate_that_has_killed_all_units():
    classes = (T > 0).astype(int)
    options = {"y": classes, "loss": "sparse_categorical_crossentropy", "optimizer": optimizers.SGD(1.0)}
    model = trained(layers.Dense(8, "relu"), layers.Dense(2, "softmax"), **options)
    model.layers[0].b = -1e9
    model.layers[1].b = [0.1, 9]
    diagnosis = diagnose(model, X, classes, history={"loss": [7.0, 2.0, 2.0]})
    assert "In epoch 1 the loss was thrown up to 7," in diagnosis["rate_too_high"].what
    assert diagnosis["dead_units"].explained_by == "rate_too_high"
    assert "rate_too_high" not in diagnose(model, X, classes, history={"loss": [1.5, 2.0, 2.0]})


@pytest.mark.parametrize("rule", [optimizers.SGD(1e-6), optimizers.Adam(1e-8)])
def test_rate_too_low(rule):
    finding = diagnose(trained(*two(), optimizer=rule), X, T)["rate_too_low"]
    assert finding.numbers["proposal"] >= 100 * rule.current_rate()
    assert f"model.optimizer.learning_rate = {finding.numbers['proposal']:g}" in finding.cure


@pytest.mark.parametrize("rule", ["sgd", "adam", "rmsprop", "adagrad", optimizers.SGD(0.1, momentum=0.9)])
def test_a_good_rate_is_neither(rule):
    assert not {"rate_too_low", "rate_too_high"} & {*diagnose(net(*two(), optimizer=rule), X, T).names}


def test_a_solver_has_no_rate():
    assert "learning rate (LBFGS finds its own steps)" in str(diagnose(net(*two(), optimizer="lbfgs"), X, T))


# what has been learned


def test_constant_predictions():
    model = trained(layers.Dense(1))
    model.layers[0].W = 0
    diagnosis = diagnose(model, X, T)
    assert diagnosis["constant_predictions"].numbers["deviation"] == 0
    assert diagnosis["underfitting"].explained_by == "constant_predictions"


def test_all_rows_get_the_same_class():
    classes = np.arange(200) % 2
    model = trained(layers.Dense(2, "softmax"), y=classes, loss="sparse_categorical_crossentropy")
    model.set_weights([0.3 * np.eye(4, 2), [2.0, 0.0]])
    assert "All 200 rows get class 0." in diagnose(model, X, classes)["constant_predictions"].what


def test_underfitting():
    x = np.linspace(-1, 1, 100)[:, None]
    model = trained(layers.Dense(1), x=x, y=x**2, optimizer=optimizers.SGD(0.1), epochs=30)
    finding = diagnose(model, x, x**2)["underfitting"]
    assert finding.numbers["loss"] > 0.98 * finding.numbers["baseline"]
    good = trained(*two(), optimizer=optimizers.Adam(0.02), epochs=30)
    assert not {"underfitting", "constant_predictions"} & {*diagnose(good, X, T).names}


def test_a_net_that_was_not_trained_is_not_blamed():
    assert "predictions (not trained yet)" in str(diagnose(net(*two()), X, T))


def test_strong_penalty():
    strong = two(kernel_regularizer=regularizers.L2(3.0))
    diagnosis = diagnose(trained(*strong, optimizer=optimizers.Adam(0.03), epochs=40), X, NOISE)
    assert "L2(l2=3.0)" in diagnosis["strong_penalty"].cause
    weak = two(kernel_regularizer=regularizers.L2(1e-4))
    assert "strong_penalty" not in diagnose(trained(*weak), X, NOISE)


# curves and validation


def test_overfitting_by_the_curves():
    model = trained(*two())
    falls = np.geomspace(1, 0.05, 12)
    turns = np.r_[np.geomspace(1, 0.4, 6), np.linspace(0.4, 0.9, 6)]
    finding = diagnose(model, X, T, history={"loss": falls, "val_loss": turns})["overfitting"]
    assert finding.numbers["epoch"] in (5, 6)
    assert "EarlyStopping(patience=5" in finding.cure
    flat = np.r_[np.geomspace(1, 0.4, 6), np.full(6, 0.42)]
    assert "overfitting" not in diagnose(model, X, T, history={"loss": falls, "val_loss": flat})


def test_overfitting_by_other_rows():
    rng = np.random.default_rng(1)
    others = rng.normal(size=(100, 4)), rng.normal(size=100)
    wide = layers.Dense(200, "relu"), layers.Dense(200, "relu"), layers.Dense(1)
    model = trained(*wide, x=X[:50], y=NOISE[:50], epochs=150, optimizer=optimizers.Adam(3e-3))
    assert "overfitting" in diagnose(model, X[:50], NOISE[:50], others, history={})
    good = trained(*two(), x=X[:100], y=T[:100], optimizer=optimizers.Adam(0.02), epochs=30)
    assert not diagnose(good, X[:100], T[:100], (X[100:], T[100:]), history={}).names


def test_not_converged():
    model = trained(*two())
    finding = diagnose(model, X, T, history={"loss": np.linspace(2, 1, 10)})["not_converged"]
    assert finding.severity == "hint"
    assert "epochs=20, initial_epoch=10" in finding.cure
    done = {"loss": np.r_[np.linspace(2, 1, 10), np.full(5, 0.99)]}
    assert "not_converged" not in diagnose(model, X, T, history=done)


def test_validation_that_was_not_scaled():
    model = trained(*two())
    other = X[100:] * 7 + 40, T[100:]
    assert "4 of 4 columns" in diagnose(model, X[:100], T[:100], other)["validation_differs"].what
    assert "validation_differs" not in diagnose(model, X[:100], T[:100], (X[100:], T[100:]))


def test_validation_with_classes_of_its_own():
    labels = np.arange(200) // 70
    model = trained(layers.Dense(3, "softmax"), y=labels, loss="sparse_categorical_crossentropy")
    diagnosis = diagnose(model, X[:140], labels[:140], (X[140:], labels[140:]))
    assert "no rows of [2" in diagnosis["validation_differs"].what


def test_validation_with_rows_trained_with():
    model = trained(*two())
    assert diagnose(model, X, T, (X[:50], T[:50]))["validation_known"].numbers["share"] == 1
    assert "validation_known" not in diagnose(model, X[:100], T[:100], (X[100:], T[100:]))


def test_non_finite():
    model = net(*two())
    model.layers[0].W[0, 0] = np.nan
    diagnosis = diagnose(model, X, T)
    assert diagnosis.names == ["non_finite"]
    assert "dense.W" in diagnosis[0].what
    model.parameters.values[:] = 1e30
    assert diagnose(model, X, T).names == ["non_finite"]


# healthy nets


def data_of(name):
    if name == "moons":
        return make_moons(200, noise=0.2, random_state=0)
    x, y = {"digits": load_digits, "cancer": load_breast_cancer, "wine": load_wine}[name](return_X_y=True)
    return scale(x)[:400], y[:400]


@pytest.mark.parametrize(
    ("name", "hidden", "rule", "epochs"),
    [
        ("digits", [layers.Dense(32, "relu")], "adam", 20),
        ("digits", [layers.Dense(32, "tanh"), layers.Dropout(0.3)], optimizers.SGD(0.1), 20),
        ("digits", [layers.Dense(32), layers.BatchNormalization(), layers.Activation("relu")], "rmsprop", 20),
        ("cancer", [layers.Dense(16, "sigmoid")], optimizers.SGD(0.1, momentum=0.9), 20),
        (
            "cancer",
            [layers.Dense(16, "relu"), layers.Dense(16, "relu"), layers.Dense(16, "relu")],
            "adamw",
            20,
        ),
        ("wine", [layers.Dense(16, "gelu"), layers.LayerNormalization()], optimizers.Nadam(0.01), 20),
        ("moons", [layers.Dense(16, "elu")], optimizers.Adam(0.02), 30),
    ],
)
def test_healthy_nets(name, hidden, rule, epochs):
    x, y = data_of(name)
    outputs = int(y.max()) + 1
    stack = [*copy.deepcopy(hidden), layers.Dense(outputs, "softmax")]
    options = {"optimizer": copy.deepcopy(rule), "loss": "sparse_categorical_crossentropy"}
    model = net(*stack, inputs=x.shape[1:], **options)
    assert {*diagnose(model, x, y).names} <= {"constant_columns"}
    model.fit(x, y, epochs=epochs, verbose=0)
    assert {*diagnose(model, x, y).names} <= {"constant_columns", "not_converged"}


# the diagnosis


def test_nothing_about_the_model_changes():
    model = trained(
        layers.Dense(8, "relu"), layers.Dropout(0.5), layers.BatchNormalization(), layers.Dense(1)
    )
    before = copy.deepcopy(model)
    diagnose(model, X * 1000, T)
    for ours, theirs in zip(model.get_weights(), before.get_weights(), strict=True):
        assert ours.tobytes() == theirs.tobytes()
    assert {k: v.tobytes() for k, v in model.optimizer.state.items()} == {
        k: v.tobytes() for k, v in before.optimizer.state.items()
    }
    assert model.optimizer.iterations == before.optimizer.iterations
    assert model.optimizer.learning_rate == before.optimizer.learning_rate
    assert model.rng.bit_generator.state == before.rng.bit_generator.state
    assert model.fit(X, T, verbose=0).history == before.fit(X, T, verbose=0).history


def test_the_cause_comes_first():
    model = net(*two("tanh"), optimizer=optimizers.SGD(0.1))
    diagnosis = diagnose(model, X * 5000, T)
    assert diagnosis[0].name == "unscaled_columns"
    assert {one.explained_by for one in diagnosis[1:]} == {"unscaled_columns"}
    report = str(diagnosis)
    assert "1 serious finding." in report
    assert (
        report.index("unscaled_columns")
        < report.index("It explains as well:")
        < report.index("saturated_units")
    )
    assert "2. " not in report


def test_a_finding_that_does_no_harm_is_a_hint():
    x, y = load_wine(return_X_y=True)
    x = scale(x) * 40
    options = {"x": x, "y": y, "epochs": 200, "loss": "sparse_categorical_crossentropy"}
    good = trained(layers.Dense(16, "relu"), layers.Dense(3, "softmax"), **options)
    assert diagnose(good, x, y)["unscaled_columns"].severity == "hint"


def test_diagnosis_is_a_sequence():
    findings = [
        Finding("a", "hint", "here", "w", "c", "r"),
        Finding("b<", "serious", "there", "w < v", "c", "r"),
    ]
    diagnosis = Diagnosis(findings, {"one": ["a"], "two": ["b<"], "three": ["c"]}, {"four": "no data"}, "it")
    assert diagnosis.names == ["b<", "a"]
    assert [one.name for one in diagnosis] == diagnosis.names
    assert diagnosis[-1] is diagnosis["a"]
    assert findings[0] in diagnosis
    assert "c" not in diagnosis
    assert str(diagnosis).endswith("In order: three.\nNot examined: four (no data).")
    page = diagnosis._repr_html_()
    assert page.count("<li>") == 2
    assert "b&lt;" in page
    assert "w &lt; v" in page
    assert repr(diagnosis) == "<Diagnosis: b<, a>"
    with pytest.raises(
        mlp.errors.ArgumentError, match=r"no finding 'aa'; found were b<, a\. Did you mean 'a'"
    ):
        diagnosis["aa"]


def test_an_estimator():
    x, y = load_wine(return_X_y=True)
    names = np.array(["red", "white", "rose"])[y]
    estimator = mlp.MLPClassifier((8,), max_iter=300, learning_rate_init=0.01, random_state=0).fit(
        scale(x), names
    )
    diagnosis = diagnose(estimator, scale(x), names)
    assert diagnosis.healthy
    assert "the estimator makes the steps" in str(diagnosis)
    assert "unscaled_columns" in diagnose(estimator, x, names)
