"""A network of the user's own as an estimator: the numbers of ``model.fit``, copies, parameters, inputs."""

import copy
import functools
import pickle

import numpy as np
import pandas
import polars
import pytest
import scipy.sparse
import sklearn
from networks import NAMES, Nothing, X, classifier, make, net, y
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mlp
from mlp import Sequential, layers, optimizers
from mlp.estimators import SequentialClassifier, SequentialRegressor

# the numbers of model.fit


@pytest.mark.parametrize("batch_size", [None, 1, 7, "full"])
@pytest.mark.parametrize("optimizer", ["adam", optimizers.SGD(0.05, momentum=0.9, nesterov=True)])
def test_numbers_are_those_of_fit(batch_size, optimizer):
    model = net(seed=3, dropout=0.2)
    model.compile(copy.deepcopy(optimizer), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(X, y, batch_size, epochs=4, verbose=0)
    estimator = SequentialClassifier(
        net(dropout=0.2),
        optimizer=optimizer,
        metrics=["accuracy"],
        epochs=4,
        batch_size=batch_size,
        random_state=3,
    ).fit(X, NAMES)
    assert estimator.history_ == history.history
    assert estimator.loss_curve_ == history.history["loss"]
    assert estimator.n_iter_ == 4
    np.testing.assert_array_equal(estimator.predict_proba(X), model.predict(X))
    np.testing.assert_array_equal(estimator.predict(X), np.unique(NAMES)[model.predict(X).argmax(axis=1)])


def test_numbers_with_weights_classes_and_validation():
    weight = np.linspace(1, 2, 150)
    model = net(seed=3)
    model.compile("adam", "sparse_categorical_crossentropy")
    balance = {0: 1.0, 1: 2.0, 2: 3.0}
    full = weight * np.array([balance[c] for c in y])
    history = model.fit(
        X, y, epochs=3, verbose=0, sample_weight=full / full.mean(), validation_data=(X[:20], y[:20])
    )
    named = dict(zip(np.unique(NAMES), balance.values(), strict=True))
    estimator = classifier(net(), epochs=3, random_state=3, class_weight=named)
    estimator.fit(X, NAMES, weight, X_val=X[:20], y_val=NAMES[:20])
    assert estimator.history_ == history.history
    assert estimator.validation_loss_curve_ == history.history["val_loss"]


@pytest.mark.parametrize("solver", ["lbfgs", "levenberg_marquardt"])
def test_numbers_of_a_solver(solver):
    model = net(1, "linear", seed=3)
    model.compile(solver, "mse")
    model.fit(X[:, :3], X[:, 3], epochs=5, verbose=0)
    estimator = SequentialRegressor(net(1, "linear"), optimizer=solver, epochs=5, random_state=3)
    estimator.fit(X[:, :3], X[:, 3])
    np.testing.assert_array_equal(estimator.predict(X[:, :3]), model.predict(X[:, :3])[:, 0])


def test_the_compiled_model_counts_where_nothing_else_is_said():
    model = net(
        seed=3, optimizer=optimizers.SGD(0.3), loss="categorical_crossentropy", metrics=["accuracy"],
        weighted_metrics=["mae"],
    )  # fmt: skip
    estimator = SequentialClassifier(model, epochs=2).fit(X, y)
    assert repr(estimator.model_.optimizer) == "SGD(learning_rate=0.3)"
    assert type(estimator.model_.loss).__name__ == "CategoricalCrossentropy"
    assert [*estimator.history_] == ["loss", "accuracy", "mae"]
    model.fit(X, np.eye(3)[y], epochs=2, verbose=0)  # its own seed was the copy's
    np.testing.assert_array_equal(estimator.predict_proba(X), model.predict(X))
    other = SequentialClassifier(model, optimizer="adam", loss="mse", metrics=["mape"])
    other.fit(X, y)
    assert type(other.model_.optimizer) is optimizers.Adam
    assert [*other.history_] == ["loss", "mape", "mae"]


def test_the_model_is_never_changed():
    model = net(seed=3, optimizer="adam", loss="categorical_crossentropy")
    model.fit(X, np.eye(3)[y], epochs=2, verbose=0)
    state, weights = model.rng.bit_generator.state, model.get_weights()
    estimator = SequentialClassifier(model, epochs=3).fit(X[:, :2], y)  # the shape was only learned
    assert estimator.model_ is not model
    assert estimator.model_.input_shape == (2,)
    assert model.optimizer.iterations == 10
    assert model.rng.bit_generator.state == state
    for value, before in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(value, before)


def rich(seed) -> Sequential:
    scale = layers.Normalization()
    scale.adapt(X + 1)
    return Sequential(
        [scale, layers.Dense(6), layers.BatchNormalization(), layers.Activation("relu"),
         layers.Residual([layers.Dense(6, "prelu"), layers.Dropout(0.2, seed=5)]), layers.GaussianNoise(0.1),
         layers.Dense(3), layers.Activation("softmax")],
        seed=seed,
    )  # fmt: skip


@pytest.mark.parametrize("trained", [False, True])
def test_a_copy_of_any_layers_begins_anew(trained):
    model, given = rich(seed=3), rich(seed=8)
    for one in (model, given)[: 1 + trained]:
        one.compile("adam", "sparse_categorical_crossentropy")
        one.fit(X, y, epochs=2, verbose=0)
    estimator = SequentialClassifier(given, epochs=2, random_state=3).fit(X, y)
    assert estimator.model_.optimizer.iterations == 10
    assert estimator.loss_curve_ == model.history.history["loss"]
    np.testing.assert_array_equal(estimator.predict_proba(X), model.predict(X))
    np.testing.assert_array_equal(clone(estimator).fit(X, y).predict_proba(X), model.predict(X))


def test_weights_are_kept_if_asked_and_otherwise_drawn_anew():
    model = net(seed=3, optimizer=optimizers.SGD(0.0), loss="sparse_categorical_crossentropy")
    with pytest.raises(mlp.errors.ArgumentError, match="keep_weights=True needs a model that is built"):
        SequentialClassifier(model, keep_weights=True).fit(X, y)
    model.build((4,))
    model.set_weights([np.full_like(value, 0.5) for value in model.get_weights()])
    model.layers[0].trainable = False
    kept = SequentialClassifier(model, keep_weights=True).fit(X, y).model_
    assert all((value == 0.5).all() for value in kept.get_weights())
    assert not kept.layers[0].trainable
    assert not (SequentialClassifier(model, random_state=1).fit(X, y).model_.get_weights()[0] == 0.5).any()


def test_random_state():
    first, same, other = (classifier(net(seed=8), random_state=seed).fit(X, y) for seed in (1, 1, 2))
    assert first.loss_curve_ == same.loss_curve_ != other.loss_curve_
    drawn = [classifier(random_state=np.random.RandomState(5)).fit(X, y).loss_curve_ for _ in "ab"]
    assert drawn[0] == drawn[1]
    assert classifier(net(seed=8), random_state=None).fit(X, y).loss_curve_ != first.loss_curve_
    assert classifier(dtype="float32").fit(X, y).model_.dtype == "float32"


# copies and searches

EVERY = dict(
    model_arguments={"width": 3}, optimizer=optimizers.SGD(0.3, momentum=0.5), loss="mse",
    metrics=["accuracy"], epochs=3, batch_size=9, validation_fraction=0.25, patience=2, class_weight={0: 2.0},
    callbacks=[Nothing()], shuffle=False, keep_weights=True, dtype="float32", random_state=4,
    warm_start=True, verbose=2,
)  # fmt: skip


@pytest.mark.parametrize("kind", [SequentialClassifier, SequentialRegressor])
def test_clone_and_copies_keep_every_parameter(kind):
    given = {name: value for name, value in EVERY.items() if name in kind(make).get_params(deep=False)}
    estimator = kind(make, **given)
    defaults = kind(net()).get_params(deep=False)
    assert given.keys() == defaults.keys() - {"model"}
    assert all(defaults[name] != value for name, value in given.items())
    for twin in (clone(estimator), copy.deepcopy(estimator), pickle.loads(pickle.dumps(estimator))):
        found = twin.get_params(deep=False)
        assert found.pop("model") is make
        assert [type(callback) for callback in found["callbacks"]] == [Nothing]
        assert {name: repr(value) for name, value in found.items() if name != "callbacks"} == {
            name: repr(value) for name, value in given.items() if name != "callbacks"
        }


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
@pytest.mark.parametrize("model", [make, functools.partial(make, width=4), net()])
def test_a_fitted_copy_predicts_the_same_and_goes_on_alike(copied, model):
    estimator = classifier(model, callbacks=[Nothing()], warm_start=True).fit(X, NAMES)
    twin = copied(estimator)
    np.testing.assert_array_equal(twin.predict_proba(X), estimator.predict_proba(X))
    estimator.fit(X, NAMES)
    assert twin.fit(X, NAMES).loss_curve_ == estimator.loss_curve_
    assert len(twin.loss_curve_) == twin.n_iter_ == 30


def test_nested_parameters():
    estimator = SequentialClassifier(make, optimizer=optimizers.SGD(0.1, momentum=0.9))
    given = estimator.optimizer
    params = estimator.get_params()
    assert params["model__width"] == 6
    assert params["optimizer__momentum"] == 0.9
    assert not {"model__n_features", "model__n_outputs", "model__out_activation"} & params.keys()
    estimator.set_params(model__width=3, optimizer__learning_rate=0.5, epochs=2)
    assert estimator.model_arguments == {"width": 3}
    assert estimator.get_params()["model__width"] == 3
    assert repr(estimator.optimizer) == "SGD(learning_rate=0.5, momentum=0.9)"
    assert given.learning_rate == 0.1
    estimator.set_params(optimizer__learning_rate=0.2, optimizer="adam")
    assert repr(estimator.optimizer) == "Adam(learning_rate=0.2)"
    compiled = SequentialClassifier(net(optimizer=optimizers.SGD(0.4), loss="mse"))
    assert compiled.get_params()["optimizer__learning_rate"] == 0.4
    assert SequentialClassifier(net()).get_params()["optimizer__beta_1"] == 0.9


# what goes in


@pytest.mark.parametrize("frame", [pandas.DataFrame, polars.DataFrame])
def test_frames(frame):
    names = ["a", "b", "c", "d"]
    table = frame(dict(zip(names, X.T, strict=True)))
    estimator = classifier().fit(table, NAMES)
    assert list(estimator.feature_names_in_) == names
    np.testing.assert_array_equal(estimator.predict(table), classifier().fit(X, NAMES).predict(X))
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.predict(frame(dict(zip("wxyz", X.T, strict=True))))


@pytest.mark.parametrize("form", [scipy.sparse.csr_matrix, scipy.sparse.csc_array, scipy.sparse.coo_array])
def test_sparse_rows(form):
    dense, sparse = classifier().fit(X, y), classifier().fit(form(X), y, X_val=form(X), y_val=y)
    assert sparse.loss_curve_ == dense.loss_curve_
    np.testing.assert_array_equal(sparse.predict_proba(form(X)), dense.predict_proba(X))


def test_rows_of_another_rank():
    square = Sequential([layers.Flatten(input_shape=(2, 2)), layers.Dense(3, "softmax")])
    flat = Sequential([layers.Dense(3, "softmax")])
    estimator = classifier(square).fit(X, y)
    assert estimator.loss_curve_ == classifier(flat).fit(X, y).loss_curve_
    assert estimator.predict_proba(X).shape == (150, 3)


def test_metadata_routing_and_scaled_validation_in_a_pipeline():
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = classifier().set_fit_request(sample_weight=True, X_val=True, y_val=True)
        raw = X * 100 + 7
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, estimator, transform_input=["X_val"])
        pipeline.fit(raw, y, sample_weight=np.ones(150), X_val=raw, y_val=y)
    fitted = pipeline[-1]
    np.testing.assert_allclose(
        fitted.validation_loss_curve_[-1], fitted.model_.evaluate(pipeline[0].transform(raw), y), rtol=1e-6
    )


def test_scikit_learns_callbacks():
    monitor = ScoringMonitor(scoring="accuracy")
    estimator = classifier(epochs=5).set_callbacks(monitor).fit(X, NAMES)
    scores = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 5
    assert scores[-1] == estimator.score(X, NAMES)


class Stop:
    """A callback of scikit-learn that ends a fit at its third epoch."""

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        return context.task_name == "epoch" and context.task_id == 2


def test_scikit_learns_callbacks_end_a_fit():
    assert classifier().set_callbacks(Stop()).fit(X, y).n_iter_ == 3
