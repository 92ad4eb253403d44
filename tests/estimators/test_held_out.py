"""Held-out rows, given or split off: in what forms, how they are judged, and early stopping by them."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import accuracy_score, get_scorer, make_scorer, mean_pinball_loss, r2_score

from mlp import MLPClassifier, MLPRegressor, callbacks, losses

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X, X_VAL = rng.normal(size=(80, 3)), rng.normal(size=(30, 3))


def answers(X):
    s = X[:, 0] + X[:, 1] ** 2
    three = np.array(["low", "mid", "top"])[np.digitize(s, [0, 1])]
    labels = np.stack([s > 0.7, X[:, 2] > 0], axis=1).astype(int)
    return {
        "one": s, "columns": np.stack([s, X[:, 2]], axis=1),
        "two": np.where(s > 0.7, "yes", "no"), "three": three, "labels": labels,
    }  # fmt: skip


Y, Y_VAL = answers(X), answers(X_VAL)
FRAME, FRAME_VAL = (pd.DataFrame(data, columns=["a", "b", "c"]) for data in (X, X_VAL))


def made(task, **options):
    kind = MLPRegressor if task in ("one", "columns") else MLPClassifier
    options = {
        "hidden_layer_sizes": (8,),
        "max_iter": 8,
        "random_state": 0,
        "learning_rate_init": 0.02,
    } | options
    return kind(**options)


def fitted(task, data=X, data_val=X_VAL, y_val=None, weight_val=None, **options):
    y_val = Y_VAL[task] if y_val is None else y_val
    return made(task, **options).fit(data, Y[task], X_val=data_val, y_val=y_val, sample_weight_val=weight_val)


# what is written down


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    "options", [{}, {"activation": "gelu", "dropout": 0.1}, {"solver": "nadam"}], ids=str
)
@pytest.mark.parametrize("task", Y)
def test_the_last_numbers_are_those_of_the_model(task, options, early_stopping):
    """Or the best one's, if its weights come back."""
    model = fitted(task, early_stopping=early_stopping, **options)
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == len(model.loss_curve_) == 8
    best = int(np.argmax(model.validation_scores_)) if early_stopping else -1
    assert model.validation_scores_[best] == pytest.approx(model.score(X_VAL, Y_VAL[task]))
    assert model.validation_loss_curve_[best] == pytest.approx(loss_of(model, task))
    assert (model.best_validation_score_ is not None) == early_stopping
    if early_stopping:
        assert model.best_validation_score_ == max(model.validation_scores_)


def loss_of(model, task, weight=None) -> float:
    """The estimator's own loss on the held-out rows, without the penalty."""
    if task in ("one", "columns"):
        error = (model.predict(X_VAL) - Y_VAL[task]) ** 2 / 2
        return float(np.average(error.reshape(30, -1).mean(axis=1), weights=weight))
    proba = model.predict_proba(X_VAL)
    if task == "labels":
        right = np.where(Y_VAL[task] == 1, proba, 1 - proba)
        return float(np.average(-np.log(right).sum(axis=1), weights=weight))
    right = proba[Y_VAL[task][:, None] == model.classes_]
    return float(np.average(-np.log(right), weights=weight))


@pytest.mark.parametrize("solver", ["lbfgs", "scg"])
@pytest.mark.parametrize("task", ["one", "three"])
def test_solvers_watch_the_held_out_rows(task, solver):
    """They decide themselves when to end, with early_stopping or without."""
    history = callbacks.History()
    model = fitted(task, solver=solver, callbacks=history)
    assert len(model.validation_scores_) == len(model.loss_curve_) == 8
    assert model.validation_scores_[-1] == pytest.approx(model.score(X_VAL, Y_VAL[task]))
    assert model.validation_loss_curve_[-1] == pytest.approx(loss_of(model, task))
    assert history.history["val_loss"] == model.validation_loss_curve_
    stopping = fitted(task, solver=solver, early_stopping=True)
    np.testing.assert_array_equal(stopping.coefs_[0], model.coefs_[0])


@pytest.mark.parametrize("options", [{}, {"activation": "gelu"}], ids=str)
@pytest.mark.parametrize("task", ["columns", "three"])
def test_weights_of_held_out_rows(task, options):
    weight = rng.uniform(0, 3, size=30)
    model = fitted(task, weight_val=weight, **options)
    assert model.validation_scores_[-1] == pytest.approx(model.score(X_VAL, Y_VAL[task], weight))
    assert model.validation_loss_curve_[-1] == pytest.approx(loss_of(model, task, weight))
    assert model.loss_curve_ == fitted(task, **options).loss_curve_


@pytest.mark.parametrize("loss", ["mse", "huber", "gaussian_nll", losses.Quantile([0.2, 0.5])], ids=str)
def test_the_validation_loss_is_that_of_the_loss(loss):
    model = fitted("one", loss=loss)
    out = model.model_.predict(X_VAL)
    by_hand = losses.get(loss)(Y_VAL["one"], out)
    assert model.validation_loss_curve_[-1] == pytest.approx(by_hand)


def test_watching_changes_no_weight():
    for task in Y:
        plain = made(task).fit(X, Y[task])
        np.testing.assert_array_equal(plain.coefs_[0], fitted(task).coefs_[0])
        assert plain.validation_scores_ is None
        assert plain.validation_loss_curve_ is None


def test_rows_that_are_given_take_the_place_of_a_split():
    model = fitted("three", early_stopping=True, max_iter=3)
    np.testing.assert_allclose(model.loss_curve_, made("three", max_iter=3).fit(X, Y["three"]).loss_curve_)


# early stopping


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("options", [{}, {"activation": "gelu", "solver": "rmsprop"}], ids=str)
def test_the_best_weights_come_back(given, options):
    seen = []

    class Watch(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((logs["val_score"], [value.copy() for value in self.model.weights]))

    keywords = {"X_val": X_VAL, "y_val": Y_VAL["one"]} if given else {}
    model = made(
        "one", early_stopping=True, learning_rate_init=0.5, max_iter=60, callbacks=[Watch()], **options
    )
    model.fit(X, Y["one"], **keywords)
    scores = [score for score, _ in seen]
    best = int(np.argmax(scores))
    assert best < len(seen) - 1
    for found, expected in zip(model.model_.weights, seen[best][1], strict=True):
        np.testing.assert_array_equal(found, expected)
    assert model.best_validation_score_ == scores[best]


def test_early_stopping_counts_from_the_best_score():
    model = fitted(
        "one", early_stopping=True, learning_rate_init=0.3, n_iter_no_change=3, max_iter=200, tol=0.0
    )
    assert model.n_iter_ < 200
    assert not any(np.diff(np.maximum.accumulate(model.validation_scores_))[-3:] > 0)


def test_early_stopping_switched_on_in_a_warm_start():
    model = made("three", warm_start=True).fit(X, Y["three"])
    model.set_params(early_stopping=True)
    model.fit(X, Y["three"])
    assert len(model.loss_curve_) == 16
    assert len(model.validation_scores_) == 8
    model.set_params(early_stopping=False)
    model.fit(X, Y["three"])
    assert len(model.loss_curve_) == 24
    assert np.isfinite(model.best_loss_)


# scoring


@pytest.mark.parametrize("options", [{}, {"activation": "gelu", "dropout": 0.1}], ids=str)
@pytest.mark.parametrize(
    ("task", "scoring"),
    [
        ("one", "neg_mean_absolute_error"), ("columns", "r2"), ("two", "roc_auc"), ("two", "f1_macro"),
        ("three", "neg_log_loss"), ("three", "balanced_accuracy"), ("three", "roc_auc_ovr"),
        ("labels", "f1_macro"), ("labels", "accuracy"),
    ],
)  # fmt: skip
def test_scorers_by_name(task, scoring, options):
    model = fitted(task, scoring=scoring, early_stopping=True, **options)
    expected = get_scorer(scoring)(model, X_VAL, Y_VAL[task])
    assert model.best_validation_score_ == max(model.validation_scores_) == pytest.approx(expected)


@pytest.mark.parametrize("weighted", [False, True])
def test_scorers_that_are_called(weighted):
    weight = rng.uniform(0, 3, size=30) if weighted else None

    def pinball(y, prediction, sample_weight=None):
        return mean_pinball_loss(y, prediction, alpha=0.2, sample_weight=sample_weight)

    def plain(estimator, X, y):
        return -np.abs(estimator.predict(X) - y).max()

    model = fitted("one", scoring=make_scorer(pinball, greater_is_better=False), weight_val=weight)
    assert model.validation_scores_[-1] == pytest.approx(-pinball(Y_VAL["one"], model.predict(X_VAL), weight))
    model = fitted("one", scoring=plain, weight_val=weight)
    assert model.validation_scores_[-1] == pytest.approx(plain(model, X_VAL, Y_VAL["one"]))


def test_scorers_see_the_users_own_labels():
    seen = []

    def scoring(estimator, X, y):
        seen.append(y)
        return accuracy_score(y, estimator.predict(X))

    for task in Y:
        fitted(
            task, scoring=scoring if task not in ("one", "columns") else lambda e, X, y: seen.append(y) or 0.0
        )
        np.testing.assert_array_equal(seen[-1], Y_VAL[task])


def test_a_hinge_is_scored_by_its_margin():
    model = fitted("two", scoring="roc_auc", loss="hinge", early_stopping=True)
    assert model.best_validation_score_ == pytest.approx(get_scorer("roc_auc")(model, X_VAL, Y_VAL["two"]))
    with pytest.raises(AttributeError, match="predict_proba"):
        fitted("two", scoring="neg_log_loss", loss="hinge", early_stopping=True)


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("one", {}), ("one", {"loss": losses.Quantile(0.9)}), ("columns", {"loss": "huber", "dropout": 0.1}),
        ("two", {"loss": "hinge"}), ("three", {}), ("labels", {"activation": "gelu"}),
    ],
    ids=str,
)  # fmt: skip
def test_the_loss_as_the_score(task, options):
    weight = rng.uniform(0.5, 2, size=30)
    options = {"early_stopping": True, "learning_rate_init": 0.1, "max_iter": 200} | options
    model = fitted(task, weight_val=weight, scoring="loss", **options)
    lowest = min(model.validation_loss_curve_)
    assert model.validation_scores_ == [-loss for loss in model.validation_loss_curve_]
    assert model.best_validation_score_ == -lowest
    assert lowest < model.validation_loss_curve_[-1]  # or there would be nothing to bring back
    watched = model.set_params(warm_start=True, learning_rate_init=1e-12, max_iter=1, early_stopping=False)
    watched.fit(X, Y[task], X_val=X_VAL, y_val=Y_VAL[task], sample_weight_val=weight)
    assert watched.validation_loss_curve_[-1] == pytest.approx(lowest)  # the best weights were there


def test_an_unknown_scorer():
    with pytest.raises(ValueError, match="'roc' is not a valid scoring value"):
        fitted("two", scoring="roc")


# what may be given


@pytest.mark.parametrize("options", [{}, {"dropout": 0.1}, {"solver": "lbfgs"}], ids=str)
@pytest.mark.parametrize("scoring", [None, "accuracy"])
@pytest.mark.parametrize(
    ("data", "data_val"),
    [
        (sparse.csr_matrix(X), sparse.csc_matrix(X_VAL)), (sparse.csr_array(X), X_VAL), (FRAME, FRAME_VAL),
        (X, X_VAL.tolist()), (X, np.asfortranarray(X_VAL)),
    ],
    ids=["sparse", "mixed", "frames", "lists", "columns"],
)  # fmt: skip
def test_forms_of_rows(data, data_val, scoring, options):
    expected = fitted("three", scoring=scoring, **options)
    model = fitted("three", data, data_val, scoring=scoring, **options)
    np.testing.assert_allclose(model.validation_scores_, expected.validation_scores_)
    np.testing.assert_allclose(model.validation_loss_curve_, expected.validation_loss_curve_)


@pytest.mark.parametrize("options", [{}, {"dropout": 0.1}, {"solver": "lbfgs"}, {"solver": "scg"}], ids=str)
@pytest.mark.parametrize("scoring", [None, "r2"])
def test_types_of_numbers_may_differ(scoring, options):
    small = fitted("one", X.astype("float32"), X_VAL, scoring=scoring, **options)
    assert np.isfinite(small.validation_scores_).all()
    whole = fitted("one", X, np.round(X_VAL).astype(int), scoring=scoring, **options)
    assert whole.validation_scores_[-1] == pytest.approx(
        r2_score(Y_VAL["one"], whole.predict(np.round(X_VAL)))
    )


@pytest.mark.parametrize("task", Y)
def test_forms_of_targets(task):
    expected = fitted(task).validation_scores_
    frame = pd.DataFrame(Y_VAL[task]) if Y_VAL[task].ndim == 2 else pd.Series(Y_VAL[task])
    for y_val in (frame, Y_VAL[task].tolist()):
        np.testing.assert_allclose(fitted(task, y_val=y_val).validation_scores_, expected)


def test_a_validation_set_may_lack_classes():
    some = Y_VAL["three"] != "mid"
    model = fitted("three", X, X_VAL[some], Y_VAL["three"][some])
    assert model.validation_scores_[-1] == model.score(X_VAL[some], Y_VAL["three"][some])


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    ("task", "given", "message"),
    [
        ("three", {"X_val": X_VAL}, "X_val is provided, but y_val was not provided"),
        ("three", {"y_val": Y_VAL["three"]}, "y_val is provided, but X_val was not provided"),
        ("one", {"sample_weight_val": np.ones(30)}, "sample_weight_val is provided, but X_val and y_val"),
        ("three", {"X_val": X_VAL, "y_val": ["new"] * 30}, r"classes that are not in `y`: \['new'\]"),
        ("three", {"X_val": X_VAL[:, :2], "y_val": Y_VAL["three"]}, "X has 2 features, but MLPClassifier"),
        ("one", {"X_val": X_VAL, "y_val": Y_VAL["one"][:9]}, "inconsistent numbers of samples"),
        ("one", {"X_val": X_VAL, "y_val": Y_VAL["columns"]}, "`y_val` has 2 columns, but `y` has 1"),
        ("columns", {"X_val": X_VAL, "y_val": Y_VAL["one"]}, "`y_val` has 1 columns, but `y` has 2"),
        ("one", {"X_val": X_VAL, "y_val": np.full(30, np.nan)}, "y_val contains NaN"),
        ("one", {"X_val": np.full((30, 3), np.inf), "y_val": Y_VAL["one"]}, "contains infinity"),
    ],
)  # fmt: skip
def test_what_may_not_be_given(task, given, message, early_stopping):
    with pytest.raises(ValueError, match=message):
        made(task, early_stopping=early_stopping).fit(X, Y[task], **given)


def test_weights_that_do_not_fit():
    with pytest.raises(ValueError, match=r"sample_weight.shape == "):
        fitted("one", weight_val=np.ones(7))


def test_a_frame_with_other_columns():
    with pytest.raises(ValueError, match="feature names should match"):
        fitted("one", FRAME, FRAME_VAL.rename(columns={"a": "z"}))


def test_too_few_rows_to_split():
    with pytest.raises(ValueError, match="The validation set is too small"):
        made("one", early_stopping=True).fit(X[:3], Y["one"][:3])
