"""The training doctor names the root: rates told by the epochs, targets without a question, weighted rows."""

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_friedman1
from sklearn.preprocessing import scale

import mlp
from mlp import layers, losses, optimizers, regularizers
from mlp.callbacks import TrainingDoctor
from mlp.doctor import diagnose

X, LABELS = make_classification(300, 8, n_informative=6, n_classes=3, n_clusters_per_class=1, random_state=0)
X = scale(X)
F, T = map(scale, make_friedman1(300, random_state=0))


def classifier(*hidden, optimizer="adam", outputs=3, loss="sparse_categorical_crossentropy"):
    hidden = hidden or (layers.Dense(16, "relu"),)
    model = mlp.Sequential([layers.Input(8), *hidden, layers.Dense(outputs, "softmax")], seed=0)
    model.compile(optimizer, loss)
    return model


def regressor(optimizer, activation="tanh"):
    model = mlp.Sequential([layers.Input(10), layers.Dense(16, activation), layers.Dense(1)], seed=0)
    model.compile(optimizer, "mse")
    return model


# the loss


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "categorical_crossentropy"])
def test_the_loss_of_wild_nets_is_that_of_evaluate(loss):
    model = classifier(loss=loss)
    y = LABELS if "sparse" in loss else np.eye(3)[LABELS]
    model.fit(X, y, epochs=3, verbose=0)
    model.parameters.values[:] *= 300  # so that probabilities are 0 and 1, and their logarithms end there
    expected = model.evaluate(X, y, verbose=0)
    assert expected > 1000
    assert diagnose(model, X, y)["underfitting"].numbers["loss"] == pytest.approx(expected, rel=1e-5)


def test_the_loss_has_no_penalties_and_knows_weights():
    model = classifier(layers.Dense(4, "relu", kernel_regularizer=regularizers.L2(5.0)))
    model.fit(X, LABELS, epochs=3, verbose=0)
    model.parameters.values[:] *= -1.5
    weight = np.random.default_rng(1).uniform(0.1, 3, 300)
    expected = losses.SparseCategoricalCrossentropy()(LABELS, model.predict(X), weight)
    found = diagnose(model, X, LABELS, sample_weight=weight)["underfitting"]
    assert found.numbers["loss"] == pytest.approx(expected, rel=1e-4)


# rates told by the epochs


def test_a_rate_that_has_saturated_all_units_is_the_cause():
    model = regressor(optimizers.Adam(3.0))
    model.fit(F, T, epochs=20, verbose=0)
    diagnosis = diagnose(model, F, T)
    assert "the loss was thrown up to" in diagnosis["rate_too_high"].what
    assert diagnosis["saturated_units"].explained_by == "rate_too_high"
    assert "begin with a new model" in diagnosis["rate_too_high"].cure


def test_a_loss_that_was_high_only_at_first_is_no_rate():
    model = regressor(optimizers.Adam(3e-3))
    history = model.fit(F, T, epochs=60, verbose=0).history
    known = {"loss": [200.0, *history["loss"]]}
    assert "rate_too_high" not in diagnose(model, F, T, history=known)


@pytest.mark.parametrize("weights", [{0: 1, 1: 1, 2: 30}, "balanced"])
def test_class_weights_are_no_rate(weights):
    model = classifier()
    doctor = TrainingDoctor(verbose=0)
    model.fit(X, LABELS, epochs=10, verbose=0, class_weight=weights, callbacks=[doctor])
    assert "rate_too_high" not in doctor.diagnosis
    found = model.diagnose(X, LABELS, class_weight=weights)
    assert found.names == doctor.diagnosis.names


def test_what_exploded_in_the_training_was_the_rate():
    wide = mlp.initializers.RandomNormal(stddev=1.5, seed=0)
    hidden = [layers.Dense(64, "relu", kernel_initializer=wide) for _ in range(4)]
    model = classifier(*hidden, optimizer=optimizers.SGD(0.01))
    before = diagnose(model, X, LABELS)
    assert before["rate_too_high"].explained_by == "exploding_deltas"
    after = diagnose(model, X, LABELS, history={"loss": [2.0, 3.0, 10.0, 100.0, 500.0, 1e4]})
    assert after["exploding_deltas"].explained_by == "rate_too_high"
    assert after[0].name == "rate_too_high"


def test_a_net_that_has_learned_nothing_by_short_steps():
    model = classifier(optimizer=optimizers.Adagrad(1e-3))
    model.fit(X, LABELS, epochs=20, verbose=0)
    diagnosis = diagnose(model, X, LABELS)
    assert diagnosis["underfitting"].explained_by == "rate_too_low"
    better = classifier(optimizer=optimizers.Adagrad(diagnosis["rate_too_low"].numbers["proposal"]))
    better.fit(X, LABELS, epochs=20, verbose=0)
    assert not {"rate_too_low", "underfitting"} & {*diagnose(better, X, LABELS).names}


def test_labels_that_mean_nothing_are_not_a_rate():
    noise = np.random.default_rng(1).integers(0, 3, 300)
    model = classifier(optimizer=optimizers.SGD(0.1))
    model.fit(X, noise, epochs=5, verbose=0)
    assert not {"rate_too_low", "rate_too_high"} & {*diagnose(model, X, noise).names}


def test_a_penalty_is_found_where_little_is_learned():
    strong = layers.Dense(16, "relu", kernel_regularizer=regularizers.L2(1.0))
    model = classifier(strong)
    model.fit(X, LABELS, epochs=80, verbose=0)
    diagnosis = diagnose(model, X, LABELS)
    assert "underfitting" not in diagnosis
    assert "L2(l2=1.0)" in diagnosis["strong_penalty"].cause


# targets


@pytest.mark.parametrize("value", [2.0, 0.0])
def test_constant_targets(value):
    y = np.full(300, value)
    model = regressor("adam")
    assert diagnose(model, F, y).names == ["constant_targets"]
    y[7] = 1
    assert "constant_targets" not in diagnose(model, F, y)


def test_one_class_alone_is_a_constant_target():
    model = classifier()
    model.fit(X, np.ones(300, int), epochs=5, verbose=0)
    diagnosis = diagnose(model, X, np.ones(300, int))
    assert diagnosis[0].name == "constant_targets"
    assert {one.explained_by for one in diagnosis if one.severity != "hint"} <= {None, "constant_targets"}


def test_labels_that_begin_at_1():
    finding = diagnose(classifier(outputs=4), X, LABELS + 1)["imbalanced_classes"]
    assert finding.where == "class 0"
    assert "y - 1" in finding.cure


def test_more_outputs_than_classes():
    finding = diagnose(classifier(outputs=5), X, LABELS)["imbalanced_classes"]
    assert finding.where == "classes 3, 4"
    assert "as many units as there are classes" in finding.cure


def test_the_number_of_a_row_knows_the_class_of_sorted_rows():
    order = np.argsort(LABELS, kind="stable")
    x = np.c_[scale(np.arange(300.0)), X[order, :7]]
    assert diagnose(classifier(), x, LABELS[order])["perfect_feature"].numbers["column"] == 0
    shuffled = np.random.default_rng(1).permutation(300)
    model = classifier()
    assert "perfect_feature" not in diagnose(model, np.c_[x[shuffled, :1], x[:, 1:]], LABELS[order])


def test_a_wrong_output_comes_before_the_rate_it_provokes():
    model = mlp.Sequential([layers.Input(8), layers.Dense(1, "softmax")], seed=0)
    model.compile("adam", "binary_crossentropy")
    y = LABELS > 0
    model.fit(X, y, epochs=8, verbose=0)
    diagnosis = diagnose(model, X, y)
    assert diagnosis[0].name == "wrong_output"
    assert {one.explained_by for one in diagnosis[1:]} == {"wrong_output"}


# cures that cure


def test_a_rescaled_output_does_not_hide_a_rate_that_is_too_high():
    y = 1e6 + 1e5 * T
    for rule, sick in ((optimizers.Adam(0.01), False), (optimizers.SGD(0.01), True)):
        model = mlp.Sequential([layers.Input(10), layers.Dense(1), layers.Rescaling(1e5, offset=1e6)], seed=0)
        model.compile(rule, "mse")
        assert ("rate_too_high" in diagnose(model, F, y)) == sick


def test_the_cure_of_dead_units_revives_them():
    dark = {"bias_initializer": mlp.initializers.Constant(-20.0)}
    found = {}
    for name, hidden in {
        "dead": layers.Dense(16, "relu", **dark),
        "leaky": layers.Dense(16, "leaky_relu", **dark),
        "zero": layers.Dense(16, "relu"),
    }.items():
        model = classifier(hidden, optimizer=optimizers.Adam(0.01))
        cure = "".join(one.cure for one in diagnose(model, X, LABELS))
        assert ("leaky_relu" in cure and "biases begin at 0" in cure) == (name == "dead")
        model.fit(X, LABELS, epochs=10, verbose=0)
        found[name] = model.evaluate(X, LABELS, verbose=0)
    assert found["leaky"] < 0.95 * found["dead"]
    assert found["zero"] < 0.7 * found["dead"]
