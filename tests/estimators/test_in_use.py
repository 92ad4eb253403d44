"""In use: our estimators inside those of scikit-learn, on real data, with frames, threads and processes."""

import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas
import polars
import pytest
import scipy.sparse
from scipy.stats import loguniform, randint
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, StackingClassifier, VotingRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SelectKBest, SequentialFeatureSelector
from sklearn.inspection import PartialDependenceDisplay, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    LearningCurveDisplay,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    ValidationCurveDisplay,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

import mlp
from mlp import activations, optimizers

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

DIGITS, IRIS, WINE, CANCER, DIABETES = (
    load(return_X_y=True) for load in (load_digits, load_iris, load_wine, load_breast_cancer, load_diabetes)
)
QUICK = dict(hidden_layer_sizes=(10,), learning_rate_init=0.03, max_iter=30, random_state=0)
LAYERS = dict(dropout=0.1, activation="gelu")  # what scikit-learn lacks, so that layers of the library run
PATHS = pytest.mark.parametrize("extra", [{}, LAYERS], ids=["exact", "layers"])


def classifier(**parameters):
    return make_pipeline(StandardScaler(), mlp.MLPClassifier(**QUICK | parameters))


def regressor(**parameters):
    return make_pipeline(
        StandardScaler(), mlp.MLPRegressor(**QUICK | dict(learning_rate_init=0.3) | parameters)
    )


def mixed(module):
    """A frame with numbers and text, and what is to be learnt from it."""
    rng = np.random.default_rng(0)
    frame = {
        "age": rng.uniform(20, 60, 200),
        "town": np.array(["Graz", "Linz", "Wels"])[rng.integers(0, 3, 200)],
        "income": rng.lognormal(8, 1, 200),
        "owner": rng.integers(0, 2, 200) == 1,
    }
    y = np.where((frame["age"] > 40) ^ (frame["town"] == "Graz"), "yes", "no")
    return module.DataFrame(frame), y


def prepared(**parameters):
    columns = make_column_transformer(
        (StandardScaler(), ["age", "income"]),
        (OneHotEncoder(sparse_output=False), ["town", "owner"]),
        verbose_feature_names_out=False,
    )
    return make_pipeline(columns, mlp.MLPClassifier(**QUICK | dict(max_iter=40) | parameters))


# data


@pytest.mark.parametrize("data", [DIGITS, IRIS, WINE, CANCER], ids=["digits", "iris", "wine", "cancer"])
@PATHS
def test_a_pipeline_learns(data, extra):
    X, y = data
    net = classifier(**extra).fit(X[::2], y[::2])
    assert net.score(X[1::2], y[1::2]) > 0.9
    assert net.predict_proba(X[1::2]).sum(axis=1) == pytest.approx(1)


@PATHS
def test_a_pipeline_learns_numbers(extra):
    X, y = DIABETES
    net = regressor(**extra).fit(X[::2], y[::2])
    assert net.score(X[1::2], y[1::2]) > 0.35


@pytest.mark.parametrize("module", [pandas, polars])
@PATHS
def test_frames_with_columns_of_all_kinds(module, extra):
    frame, y = mixed(module)
    net = prepared(**extra).fit(frame, y)
    assert net.score(frame, y) > 0.85
    assert set(net.predict(frame[:5])) <= {"yes", "no"}
    names = ["age", "income", "town_Graz", "town_Linz", "town_Wels", "owner_False", "owner_True"]
    assert list(net[:-1].get_feature_names_out()) == names


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_steps_that_put_out_frames(output):
    frame, y = mixed(pandas)
    net = prepared().set_output(transform=output).fit(frame, y)
    assert list(net[-1].feature_names_in_) == list(net[:-1].get_feature_names_out())
    assert np.array_equal(net.predict(frame), prepared().fit(frame, y).predict(frame))


@pytest.mark.parametrize("kind", ["pandas", "polars", "lists", "int", "float32", "fortran", "sparse"])
@pytest.mark.parametrize("estimator", [mlp.MLPClassifier, mlp.MLPRegressor])
@pytest.mark.parametrize("extra", [{}, {"activation": "gelu"}], ids=["exact", "layers"])
def test_the_same_data_in_another_form(kind, estimator, extra):
    X, y = WINE
    X = np.round(3 * (X - X.mean(axis=0)) / X.std(axis=0))
    made = {
        "pandas": (pandas.DataFrame(X).add_prefix("x"), pandas.Series(y)),
        "polars": (polars.DataFrame(X), polars.Series(y)),
        "lists": (X.tolist(), y.tolist()),
        "int": (X.astype(int), y.astype(np.int8)),
        "float32": (X.astype(np.float32), y),
        "fortran": (np.asfortranarray(X), y),
        "sparse": (scipy.sparse.csr_array(X), y),
    }[kind]
    net, other = estimator(**QUICK | extra).fit(X, y), estimator(**QUICK | extra).fit(*made)
    tolerance = 1e-2 if kind == "float32" else 1e-6
    assert other.loss_curve_ == pytest.approx(net.loss_curve_, rel=tolerance)
    assert other.predict(made[0]) == pytest.approx(net.predict(X), rel=tolerance)


# searches


def test_a_grid_search():
    grid = {
        "mlpclassifier__hidden_layer_sizes": [(4,), (8, 4), 6],
        "mlpclassifier__activation": ["relu", activations.LeakyReLU(0.2)],
    }
    search = GridSearchCV(classifier(), grid, cv=3).fit(*IRIS)
    assert search.best_score_ > 0.9
    assert len(search.cv_results_["params"]) == 6
    assert (
        search.best_estimator_[-1].hidden_layer_sizes
        == search.best_params_["mlpclassifier__hidden_layer_sizes"]
    )


def test_a_search_over_what_scikit_learn_lacks():
    grid = [
        {"width": [5, 9], "n_layers": [0, 1, 2]},
        {"dropout": [0.0, [0.2]], "solver": ["lion", optimizers.AdamW(0.02)]},
        {"activation": [["tanh"], "gelu"], "loss": ["log_loss", "categorical_hinge"]},
    ]
    X, y = IRIS
    search = GridSearchCV(mlp.MLPClassifier(**QUICK), grid, cv=2, error_score="raise").fit(
        X - X.mean(axis=0), y
    )
    assert len(search.cv_results_["params"]) == 14
    assert search.best_score_ > 0.9
    best = mlp.MLPClassifier(**QUICK | search.best_params_).fit(X - X.mean(axis=0), y)
    assert np.array_equal(best.coefs_[0], search.best_estimator_.coefs_[0])


def test_a_randomized_search():
    ranges = {"mlpregressor__width": randint(3, 20), "mlpregressor__alpha": loguniform(1e-5, 1)}
    search = RandomizedSearchCV(
        regressor(solver="lbfgs", max_iter=9), ranges, n_iter=4, cv=2, random_state=0
    ).fit(*DIABETES)
    assert 3 <= search.best_params_["mlpregressor__width"] < 20
    assert search.best_estimator_[-1].coefs_[0].shape == (10, search.best_params_["mlpregressor__width"])


@pytest.mark.parametrize("resource", ["n_samples", "mlpclassifier__max_iter"])
def test_a_halving_search(resource):
    grid = {"mlpclassifier__dropout": [0.0, 0.5], "mlpclassifier__alpha": [1e-4, 1e4]}
    limits = {} if resource == "n_samples" else dict(min_resources=10, max_resources=20)
    search = HalvingGridSearchCV(
        classifier(), grid, resource=resource, cv=2, factor=2, random_state=0, **limits
    ).fit(*WINE)
    assert search.best_params_["mlpclassifier__alpha"] == 1e-4
    assert search.n_iterations_ >= 2


@pytest.mark.parametrize("backend", ["threading", "loky", "sequential"])
@PATHS
def test_jobs_change_no_number(backend, extra):
    X, y = WINE
    alone = cross_val_score(classifier(**extra), X, y, cv=4)
    with joblib.parallel_config(backend):
        scores = cross_val_score(classifier(**extra), X, y, cv=4, n_jobs=2)
    assert np.array_equal(scores, alone)
    assert scores.mean() > 0.9


def test_fitted_estimators_come_back_from_workers():
    X, y = IRIS
    found = cross_validate(mlp.MLPClassifier(**QUICK | LAYERS), X, y, cv=2, n_jobs=2, return_estimator=True)
    for net in found["estimator"]:
        curve = list(net.loss_curve_)
        assert len(net.partial_fit(X, y).loss_curve_) == len(curve) + 1
    large = mlp.MLPRegressor(hidden_layer_sizes=(400, 300), max_iter=2, random_state=0).fit(
        X, y
    )  # joblib maps what is above 1 MB
    goes_on = joblib.Parallel(2)(joblib.delayed(large.partial_fit)(X, y) for _ in range(2))
    large.partial_fit(X, y)
    for net in goes_on:  # a worker has one thread for a product, and adds up in another order
        assert net.predict(X) == pytest.approx(large.predict(X))


# estimators around ours


@PATHS
def test_calibration(extra):
    X, y = CANCER
    for method in ("sigmoid", "isotonic"):
        net = CalibratedClassifierCV(classifier(**extra), method=method, cv=2).fit(X[:300], y[:300])
        assert net.score(X[300:], y[300:]) > 0.93


def test_bags():
    X, y = WINE
    bag = BaggingClassifier(classifier(), 3, max_features=0.8, random_state=0, n_jobs=2).fit(X[::2], y[::2])
    assert bag.score(X[1::2], y[1::2]) > 0.9
    weighted = BaggingClassifier(mlp.MLPClassifier(**QUICK), 2, random_state=0)
    assert np.isfinite(weighted.fit(X, y, sample_weight=np.ones(len(y))).predict_proba(X)).all()
    bag = BaggingRegressor(regressor(), 3, random_state=0, oob_score=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Some inputs do not have OOB scores")
        assert bag.fit(*DIABETES).score(*DIABETES) > 0.4


def test_stacks_and_votes():
    X, y = CANCER
    members = [
        ("net", classifier()),
        ("deep", classifier(n_layers=2, width=5)),
        ("tree", LogisticRegression(C=1e-9)),
    ]
    stack = StackingClassifier(members, LogisticRegression(), cv=2).fit(X[:300], y[:300])
    assert stack.score(X[300:], y[300:]) > 0.93
    assert len(stack.get_feature_names_out()) == 3
    vote = VotingRegressor([("one", regressor()), ("other", regressor(solver="lbfgs"))]).fit(*DIABETES)
    assert vote.score(*DIABETES) > 0.4


@pytest.mark.parametrize("around", [OneVsRestClassifier, OneVsOneClassifier])
def test_one_net_a_class(around):
    X, y = IRIS
    net = around(classifier()).fit(X[::2], y[::2])
    assert net.score(X[1::2], y[1::2]) > 0.9
    assert len(net.estimators_) == 3


def test_one_net_a_target():
    X, y = IRIS
    net = MultiOutputRegressor(regressor()).fit(X[:, :2], X[:, 2:])
    assert net.predict(X[:, :2]).shape == (150, 2)
    assert net.score(X[:, :2], X[:, 2:]) > 0.8
    both = np.c_[y == 2, X[:, 0] > 5.8].astype(int)
    net = MultiOutputClassifier(classifier()).fit(X, both)
    assert net.score(X, both) > 0.85
    assert ClassifierChain(classifier(), random_state=0).fit(X, both).score(X, both) > 0.85


def test_targets_that_are_scaled():
    X, y = DIABETES
    for target in (StandardScaler(), MinMaxScaler()):
        net = TransformedTargetRegressor(regressor(early_stopping=True), transformer=target).fit(X, y)
        assert net.score(X, y) > 0.35
    net = TransformedTargetRegressor(regressor(), func=np.log1p, inverse_func=np.expm1).fit(X, y)
    assert net.predict(X).min() > 0


@PATHS
def test_thresholds(extra):
    X, y = CANCER
    tuned = TunedThresholdClassifierCV(classifier(**extra), scoring="balanced_accuracy", cv=2).fit(X, y)
    assert 0 < tuned.best_threshold_ < 1
    assert tuned.score(X, y) > 0.93
    assert FixedThresholdClassifier(classifier(**extra), threshold=1.1).fit(X, y).predict(X).max() == 0


def test_self_training():
    X, y = WINE
    few = np.where(np.arange(len(y)) % 4, -1, y)
    net = SelfTrainingClassifier(classifier()).fit(X, few)
    assert net.score(X, y) > 0.9


def test_selection_of_columns():
    X, y = WINE
    net = make_pipeline(SelectKBest(k=5), classifier()).fit(X, y)
    assert net[-1][-1].n_features_in_ == 5
    chosen = SequentialFeatureSelector(classifier(max_iter=3), n_features_to_select=1, cv=2).fit(X[:, :4], y)
    assert chosen.get_support().sum() == 1


def test_predictions_for_rows_held_out():
    X, y = IRIS
    proba = cross_val_predict(classifier(), X, y, cv=3, method="predict_proba")
    assert accuracy_score(y, proba.argmax(axis=1)) > 0.9


# looking inside


@PATHS
def test_importance(extra):
    frame, y = mixed(pandas)
    found = permutation_importance(prepared(**extra).fit(frame, y), frame, y, n_repeats=3, random_state=0)
    assert found.importances_mean[:2].min() > 0.15 > abs(found.importances_mean[2:]).max()


@pytest.fixture
def figure():
    yield
    plt.close("all")


@pytest.mark.usefixtures("figure")
def test_partial_dependence():
    data = load_diabetes(as_frame=True)
    net = regressor().fit(data.data, data.target)
    shown = PartialDependenceDisplay.from_estimator(net, data.data, ["bmi", ("bmi", "bp")], grid_resolution=8)
    assert shown.axes_.shape == (1, 2)
    slope = np.diff(shown.pd_results[0]["average"][0])
    assert (slope > 0).mean() > 0.5
    alone = mlp.MLPClassifier(**QUICK).fit(*IRIS)
    PartialDependenceDisplay.from_estimator(alone, IRIS[0], [0, 1], target=2, kind="both", grid_resolution=5)


@pytest.mark.usefixtures("figure")
def test_curves():
    X, y = WINE
    shown = LearningCurveDisplay.from_estimator(
        classifier(), X, y, train_sizes=[0.2, 1.0], cv=3, n_jobs=2, shuffle=True, random_state=0
    )
    assert shown.test_scores.mean(axis=1)[1] > 0.9
    grown = LearningCurveDisplay.from_estimator(
        mlp.MLPClassifier(**QUICK), X / X.max(axis=0), y, cv=3, shuffle=True, random_state=0,
        train_sizes=[0.5, 1.0], exploit_incremental_learning=True,
    )  # fmt: skip
    assert np.isfinite(grown.test_scores).all()
    shown = ValidationCurveDisplay.from_estimator(
        classifier(), X, y, param_name="mlpclassifier__width", param_range=[1, 3, 9], cv=3
    )
    assert shown.test_scores.mean(axis=1)[2] > 0.9


# threads


@pytest.mark.parametrize("estimator", [mlp.MLPClassifier, mlp.MLPRegressor])
@PATHS
def test_threads_predict_with_one_estimator(estimator, extra):
    X, y = DIGITS
    net = estimator(**QUICK | dict(max_iter=2) | extra).fit(X, y)
    method = net.predict_proba if estimator is mlp.MLPClassifier else net.predict
    parts = [X[k : k + 1 + k % 97] for k in range(0, 1600, 8)]
    expected, former = [method(part) for part in parts], sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            got = list(pool.map(method, parts))
    finally:
        sys.setswitchinterval(former)
    assert all(map(np.array_equal, got, expected))
