"""What the outputs of a user's network mean: targets for any loss, probabilities, and what is refused."""

import numpy as np
import pytest
from networks import NAMES, X, classifier, make, net, y
from sklearn.datasets import load_diabetes
from sklearn.exceptions import NotFittedError

import mlp
from mlp import Sequential, layers, optimizers
from mlp.callbacks import Callback
from mlp.errors import ArgumentError
from mlp.estimators import SequentialClassifier, SequentialRegressor

SEVERAL = np.stack([y == 0, y > 0, X[:, 2] > 0], axis=1).astype(int)
FAST = dict(optimizer=optimizers.Adam(0.05), epochs=40, random_state=0)


@pytest.mark.parametrize(
    ("units", "activation", "loss", "is_probability"),
    [
        (1, "sigmoid", "auto", True),
        (1, None, "auto", True),
        (2, "softmax", "auto", True),
        (2, None, "auto", True),
        (1, "sigmoid", "mse", True),
        (2, "softmax", "categorical_crossentropy", True),
        (2, "sigmoid", "binary_crossentropy", True),
        (1, None, "hinge", False),
        (2, None, "categorical_hinge", False),
        (1, None, "mse", False),
    ],
)
def test_two_classes(units, activation, loss, is_probability):
    labels = np.where(y == 0, "yes", "no")
    estimator = SequentialClassifier(net(units, activation), loss=loss, **FAST).fit(X, labels)
    assert list(estimator.classes_) == ["no", "yes"]
    assert estimator.score(X, labels) > 0.97
    assert hasattr(estimator, "predict_proba") == is_probability
    assert hasattr(estimator, "decision_function") == (not is_probability)
    if is_probability:
        proba = estimator.predict_proba(X)
        assert proba.shape == (150, 2)
        np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_array_equal(proba.argmax(axis=1) == 1, estimator.predict(X) == "yes")
        np.testing.assert_array_equal(estimator.predict_log_proba(X), np.log(proba))
    else:
        decision = estimator.decision_function(X)
        assert decision.shape == (150,)
        np.testing.assert_array_equal(decision > 0, estimator.predict(X) == "yes")


@pytest.mark.parametrize(
    ("activation", "loss"),
    [
        ("softmax", "auto"),
        ("sparsemax", "auto"),
        ("sigmoid", "auto"),
        (None, "auto"),
        ("softmax", "categorical_crossentropy"),
        ("softmax", "categorical_generalized_cross_entropy"),
        ("softmax", "mse"),
        (None, mlp.losses.CategoricalCrossentropy(from_logits=True)),
        (None, mlp.losses.BinaryCrossentropy(from_logits=True)),
        ("softmax", mlp.losses.Masked("sparse_categorical_crossentropy")),
    ],
)
def test_three_classes(activation, loss):
    estimator = SequentialClassifier(net(3, activation), loss=loss, **FAST).fit(X, NAMES)
    proba = estimator.predict_proba(X)
    assert estimator.score(X, NAMES) > 0.9
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(estimator.classes_[proba.argmax(axis=1)], estimator.predict(X))


@pytest.mark.parametrize("loss", ["categorical_hinge", "squared_hinge"])
def test_three_classes_without_probabilities(loss):
    estimator = SequentialClassifier(net(3, None), loss=loss, **FAST).fit(X, NAMES)
    assert estimator.score(X, NAMES) > 0.9
    decided = estimator.classes_[estimator.decision_function(X).argmax(axis=1)]
    np.testing.assert_array_equal(decided, estimator.predict(X))
    with pytest.raises(AttributeError, match="has no attribute 'predict_proba'") as error:
        estimator.predict_proba(X)
    assert "the model ends with Linear and is trained by" in str(error.value.__cause__)


@pytest.mark.parametrize(
    ("activation", "loss", "least"),
    [
        ("sigmoid", "auto", 0),
        (None, "auto", 0),
        (None, "hinge", 0),
        (None, "mse", 0.5),
        ("sigmoid", "mse", 0),
    ],
)
def test_where_a_single_output_says_yes(activation, loss, least):
    estimator = SequentialClassifier(net(1, activation), loss=loss).fit(X, y == 0)
    for value in estimator.model_.weights:
        value[...] = 0
    for net_activation in (least - 0.1, least + 0.1):
        estimator.model_.layers[-1].b[...] = net_activation
        assert estimator.predict(X[:1])[0] == (net_activation > least)


def test_several_sigmoids_that_all_say_no_are_even():
    estimator = SequentialClassifier(net(3, "sigmoid"), epochs=1).fit(X, y)
    for value in estimator.model_.weights:
        value[...] = 0
    estimator.model_.layers[-1].b[...] = -1000
    np.testing.assert_allclose(estimator.predict_proba(X[:1]), [[1 / 3] * 3], rtol=1e-6)


@pytest.mark.parametrize(
    "model", [net(3, "sigmoid"), net(3, None), make], ids=["probabilities", "logits", "function"]
)
def test_several_labels(model):
    estimator = SequentialClassifier(model, **FAST).fit(X, SEVERAL)
    assert (estimator.predict(X) == SEVERAL).mean() > 0.95
    assert estimator.predict(X).dtype.kind == "i"
    proba = estimator.predict_proba(X)
    np.testing.assert_array_equal(proba > 0.5, estimator.predict(X))
    assert proba.sum(axis=1).max() > 1.5
    assert type(estimator.model_.loss).__name__ == "BinaryCrossentropy"


def test_a_function_is_told_what_it_asks_for():
    told = []

    def watched(n_features, n_classes, n_outputs, out_activation, **options):
        told.append((n_features, n_classes, n_outputs, out_activation, options))
        return net(n_outputs, out_activation)

    for target in (y, y == 0, SEVERAL):
        classifier(watched, epochs=1, model_arguments={"anything": 5}).fit(X, target)
    SequentialRegressor(lambda n_outputs: told.append(n_outputs) or net(n_outputs, None), **FAST | {
        "loss": "gaussian_nll", "epochs": 1}).fit(X, X[:, :2])  # fmt: skip
    assert told == [
        (4, 3, 3, "softmax", {"anything": 5}),
        (4, 2, 1, "sigmoid", {"anything": 5}),
        (4, 3, 3, "sigmoid", {"anything": 5}),
        4,
    ]


# going on


def test_partial_fit_goes_on_by_epochs():
    model = net(3, seed=2)
    model.compile("adam", "sparse_categorical_crossentropy")
    for _ in range(3):
        model.fit(X, y, verbose=0)
    estimator = SequentialClassifier(net(3), validation_fraction=0.5, patience=1, random_state=2)
    for _ in range(3):
        estimator.partial_fit(X, NAMES, classes=np.unique(NAMES))
    assert estimator.n_iter_ == 3
    assert estimator.validation_loss_curve_ is None
    np.testing.assert_array_equal(estimator.predict_proba(X), model.predict(X))
    np.testing.assert_array_equal(classifier().partial_fit(X, SEVERAL, classes=[0, 1, 2]).classes_, [0, 1, 2])
    with pytest.raises(ArgumentError, match=r"y has classes that are not among \['setosa'.*: \['rose'\]"):
        estimator.partial_fit(X[:2], ["rose", "setosa"])
    with pytest.raises(ArgumentError, match=r"y has shape \(150, 3\), but there is one class a row"):
        estimator.partial_fit(X, SEVERAL)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        classifier().partial_fit(X, y)


def test_warm_start_goes_on_and_counts():
    class Numbers(Callback):
        def __init__(self):
            self.seen = []

        def on_epoch_begin(self, epoch, logs=None):
            self.seen.append(epoch)

    heard = Numbers()
    estimator = classifier(epochs=3, warm_start=True, callbacks=heard).fit(X, y)
    model = estimator.model_
    estimator.fit(X[:100], y[:100])  # two of the three classes
    assert estimator.model_ is model
    assert heard.seen == [0, 1, 2, 3, 4, 5]
    assert len(estimator.history_["loss"]) == estimator.n_iter_ == 6
    assert estimator.set_params(warm_start=False).fit(X, y).n_iter_ == 3


@pytest.mark.parametrize("given", [True, False])
def test_patience_stops_and_restores_the_best(given):
    noisy = np.random.default_rng(0).permutation(y)
    parameters = dict(optimizer=optimizers.Adam(0.1), epochs=200, patience=4, batch_size=16)
    estimator = classifier(**parameters, validation_fraction=0.0 if given else 0.3)
    estimator.fit(X, noisy, **({"X_val": X[::3], "y_val": y[::3]} if given else {}))
    curve = estimator.validation_loss_curve_
    assert len(curve) == estimator.n_iter_ < 200
    assert int(np.argmin(curve)) == len(curve) - 5
    if given:
        np.testing.assert_allclose(estimator.model_.evaluate(X[::3], y[::3]), min(curve), rtol=1e-12)


def test_held_out_rows_have_the_classes_in_proportion():
    seen = []

    class Watch(Callback):
        def on_train_begin(self, logs=None):
            seen.append(self.params["steps"])

    estimator = classifier(validation_fraction=0.2, batch_size=1, epochs=1, callbacks=[Watch()])
    estimator.fit(X, y, sample_weight=np.ones(150))
    assert seen == [120]
    with pytest.raises(ValueError, match="The least populated class"):
        estimator.fit(X[:51], y[:51])


def test_patience_without_held_out_rows_watches_the_training_loss():
    estimator = classifier(optimizer=optimizers.SGD(0.0), patience=2, epochs=50, shuffle=False).fit(X, y)
    assert estimator.n_iter_ == 3


def test_ctrl_c_leaves_a_usable_model():
    class Interrupt(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="Training interrupted by user."):
        estimator = classifier(callbacks=[Interrupt()], patience=5).fit(X, NAMES)
    assert estimator.n_iter_ == 2
    assert set(estimator.predict(X)) <= set(NAMES)


# regression


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize(("loss", "each"), [("auto", 1), ("huber", 1), ("gaussian_nll", 2)])
def test_regression(columns, loss, each):
    data, target = load_diabetes(return_X_y=True)
    data = data / data.std(axis=0)
    targets = np.stack([target, data[:, 0]], axis=1)[:, :columns]
    targets = (targets - targets.mean(axis=0)) / targets.std(axis=0)
    wanted = targets[:, 0] if columns == 1 else targets
    estimator = SequentialRegressor(make, loss=loss, **FAST).fit(data, wanted)
    assert estimator.predict(data).shape == wanted.shape
    assert estimator.score(data, wanted) > 0.5
    assert estimator.n_outputs_ == columns * each
    alone = SequentialRegressor(net(columns * each, None), loss=loss, **FAST)
    assert alone.fit(data, wanted).predict(data).shape == wanted.shape
    estimator.partial_fit(data, wanted)
    with pytest.raises(ArgumentError, match=f"y has 3 columns; in the first fit y had {columns}"):
        estimator.partial_fit(data, np.zeros((442, 3)))
    with pytest.raises(ArgumentError, match=f"y_val has 3 columns; in the first fit y had {columns}"):
        estimator.fit(data, wanted, X_val=data, y_val=np.zeros((442, 3)))


def test_weights_have_no_unit():
    target, weight = X[:, 0], np.linspace(0, 3, 150)
    small, large = (
        SequentialRegressor(make, **FAST).fit(X, target, sample_weight=factor * weight).predict(X)
        for factor in (1, 64)
    )
    np.testing.assert_array_equal(small, large)
    assert not np.allclose(small, SequentialRegressor(make, **FAST).fit(X, target).predict(X))


# what is refused


def nothing():
    """Forgets to return."""


def named(width, depth=2):
    """Builds nothing either."""
    return "a network"


MORE = "model_arguments"
SEVEN = Sequential([layers.Dense(3, "softmax", input_shape=(7,))])


@pytest.mark.parametrize(
    ("model", "parameters", "message"),
    [
        (None, {}, "model must be a Sequential, or a function that returns one; got None"),
        ("net", {}, "model must be a Sequential, or a function that returns one; got 'net'"),
        (nothing, {}, r"function nothing\(\) must return a Sequential; it returned None: is there a return"),
        (named, {}, r"named\(\) needs a value for 'width': give it by model_arguments=\{'width': ...\}"),
        (named, {MORE: {"width": 2}}, r"named\(\) must return a Sequential; it returned 'a network'$"),
        (named, {MORE: {"widht": 2}}, r"named\(\) has no argument 'widht'. Did you mean 'width'\? As argu"),
        (nothing, {MORE: {"a": 2}}, r"nothing\(\) has no argument 'a'. As arguments it has none to set"),
        (nothing, {MORE: [2]}, r"model_arguments must be a dict of arguments by name, or None; got \[2\]"),
        (net(3), {MORE: {"a": 1}}, "model_arguments must be None where the model is a Sequential, not a f"),
        (Sequential(), {}, "model must be a Sequential with layers"),
        (net(4), {}, r"has 4 outputs, but y has 3 classes: end it with Dense\(3, activation='softmax'\). A"),
        (net(1, "sigmoid"), {}, r"the model has 1 output, but y has 3 classes: end it with Dense\(3, act"),
        (net(1, "softmax"), {}, "ends with Softmax, but of one unit it is always 1: end it with activatio"),
        (net(3, "tanh"), {}, "loss='auto' knows no loss for a model that ends with Tanh: give a loss, or"),
        (SEVEN, {}, r"X has 4 columns, but the model takes rows of shape \(7,\). Leave its input shape out"),
        (net(3), {"epochs": 0}, "The 'epochs' parameter of SequentialClassifier must be an int in the range"),
        (net(3), {"batch_size": "auto"}, "The 'batch_size' parameter of SequentialClassifier must be"),
        (net(3), {"optimizer": "adma"}, "The 'optimizer' parameter of SequentialClassifier must be a str"),
        (net(3), {"callbacks": ["early"]}, "callbacks must be objects of mlp.callbacks.Callback; got 'ear"),
    ],
)  # fmt: skip
def test_refused(model, parameters, message):
    estimator = SequentialClassifier(model, **parameters)
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y)
    with pytest.raises(NotFittedError):
        estimator.predict(X)


def test_outputs_that_do_not_fit_other_targets():
    with pytest.raises(
        ArgumentError, match=r"Dense\(1, activation='sigmoid'\) or Dense\(2, activation='softmax"
    ):
        classifier(net(3)).fit(X, y == 0)
    with pytest.raises(
        ArgumentError, match=r"has 2 outputs, but y has 3 labels: end it with Dense\(3, activ"
    ):
        classifier(net(2, "sigmoid")).fit(X, SEVERAL)
    with pytest.raises(ArgumentError, match="ends with Softmax, but several labels can be right at once"):
        classifier(net(3)).fit(X, SEVERAL)
    with pytest.raises(ArgumentError, match=r"y has 2 columns that are not all of 0 and 1"):
        classifier(net(3)).fit(X, np.stack([y, y], axis=1))
    with pytest.raises(ArgumentError, match="y has 1 class, 2; it takes two or more"):
        classifier().fit(X[100:], y[100:])
    message = r"has 3 outputs, but y has 1 column: for MeanSquaredError end it with Dense\(1\)"
    with pytest.raises(ArgumentError, match=message):
        SequentialRegressor(net(3, None)).fit(X, X[:, 0])


def test_validation_sets_that_do_not_fit():
    with pytest.raises(ValueError, match="X_val is provided, but y_val was not provided"):
        classifier().fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="sample_weight_val is provided, but X_val and y_val were not"):
        classifier().fit(X, y, sample_weight_val=np.ones(150))
    with pytest.raises(ArgumentError, match=r"y_val has classes that are not among \[0 1 2\]: \[7\]"):
        classifier().fit(X, y, X_val=X, y_val=np.full(150, 7))
    with pytest.raises(ArgumentError, match="X_val has 150 rows and y_val has 3"):
        classifier().fit(X, y, X_val=X, y_val=y[:3])


def test_settings_that_are_not_there():
    with pytest.raises(
        ArgumentError, match=r"make\(\) has no argument 'depth'.* As arguments it has width, activ"
    ):
        classifier().set_params(model__depth=3)
    with pytest.raises(
        ArgumentError, match=r"Adam has no setting 'rate'. Did you mean .* It has learning_rate, "
    ):
        classifier().set_params(optimizer__rate=3)
    with pytest.raises(
        ArgumentError, match="optimizer__momentum is a setting of no known optimizer: optimizer='auto"
    ):
        SequentialClassifier(make).set_params(optimizer__momentum=0.5)
    with pytest.raises(ValueError, match="Invalid parameter 'widht' for estimator"):
        classifier().set_params(widht=3)
    assert "model__width" not in SequentialClassifier("nonsense", optimizer="nonsense").get_params()


def test_divergence_says_so_and_keeps_what_was_good():
    estimator = classifier(net(3, None), loss="mse").fit(X, y)
    before = estimator.predict(X)
    with pytest.raises(mlp.errors.DivergenceError, match="the learning rate 1e"):
        estimator.set_params(optimizer=optimizers.SGD(1e9)).fit(X, NAMES)
    np.testing.assert_array_equal(estimator.predict(X), before)
