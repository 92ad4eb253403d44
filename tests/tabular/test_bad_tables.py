"""Tables and targets that cannot be used, or only in parts: handled, or one clear error."""

import numpy as np
import pandas
import polars
import pytest
from scipy import sparse
from small_tabular import classifier, regressor

rng = np.random.default_rng(0)
N = 40
X = rng.normal(size=(N, 3))
Y = (X[:, 0] > 0).astype(int)
WORDS = np.array(["no", "yes"])[Y]
Z = 2 * X[:, 0] + 1
FRAME = pandas.DataFrame(X, columns=list("abc"))


def usable(model, table, y, **options):
    """Fitted, with finite answers for its own rows."""
    model.fit(table, y, **options)
    answers = model.predict_proba(table) if hasattr(model, "predict_proba") else model.predict(table)
    assert np.isfinite(answers).all()
    return model


# columns


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (np.ones((N, 2)), r"no column of X can be used.*'x0' \(constant\), 'x1' \(constant\)"),
        (np.full((N, 1), np.nan), r"'x0' \(all missing\)"),
        (pandas.DataFrame({"id": [f"k{i}" for i in range(N)]}), r"'id' \(every row has another value\)"),
        (pandas.DataFrame(X, columns=list("aab")), "more than one column called 'a'"),
        (FRAME[:0], r"0 sample\(s\)"),
        (pandas.DataFrame(index=range(N)), r"0 feature\(s\)"),
        (pandas.DataFrame({"a": [[1, 2]] * N}), "column 'a' holds objects of type list"),
        (X * 1j, "Complex data not supported"),
        (X[:, 0], "Expected 2D array"),
        (None, "Expected 2D array"),
    ],
)
def test_tables_that_cannot_be_learned_from(table, expected):
    with pytest.raises(ValueError, match=expected):
        classifier().fit(table, Y[: len(table)] if table is not None else Y)


def test_columns_that_say_nothing_are_named():
    table = FRAME.assign(d=np.nan, e=1.0, f=[f"k{i}" for i in range(N)])
    with pytest.warns(
        UserWarning, match=r"3 of 6 columns .*'d' \(all missing\), 'e' \(constant\), 'f'"
    ) as said:
        model = usable(classifier(), table, Y)
    assert len([warning for warning in said if "left out" in str(warning.message)]) == 1
    assert set(model.ignored_columns_) == {"d", "e", "f"}


def test_ten_thousand_categories():
    table = pandas.DataFrame({"c": [f"k{i}" for i in range(10_000)] * 2, "d": np.arange(20_000.0) % 7})
    model = classifier(n_folds=1, epochs=1, batch_size=2000).fit(table, np.arange(20_000) % 2)
    assert model.ignored_columns_ == {}
    assert np.isfinite(model.predict_proba(pandas.DataFrame({"c": ["new"], "d": [3.0]}))).all()


def test_infinite_values():
    model = usable(classifier(), np.where(X > 1, np.inf, np.where(X < -1, -np.inf, X)), Y)
    assert np.isfinite(model.predict_proba(np.full((1, 3), np.inf))).all()


@pytest.mark.parametrize("kind", [pandas.DataFrame, polars.DataFrame])
def test_columns_are_found_by_their_names(kind):
    data = {name: FRAME[name].to_numpy() for name in "abc"}
    model = classifier().fit(kind(data), Y)
    expected = model.predict_proba(kind(data))
    np.testing.assert_array_equal(model.predict_proba(kind(dict(reversed(data.items())))), expected)
    with pytest.warns(UserWarning, match="not there in the fit of TabularClassifier, and are ignored: 'd'"):
        np.testing.assert_array_equal(model.predict_proba(kind(data | {"d": X[:, 0]})), expected)
    with pytest.raises(
        ValueError,
        match="X has no column 'c', which was there in the fit of TabularClassifier; it has 'a', 'b'",
    ):
        model.predict(kind({"a": X[:, 0], "b": X[:, 1]}))
    with pytest.raises(ValueError, match=r"column 'a' should hold numbers, but has 'x'"):
        model.predict(kind(data | {"a": ["x"] * N}))
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        model.predict(kind(data)[:0])


# targets of classification


GAPS = [None if i in (3, 5) else word for i, word in enumerate(WORDS)]


@pytest.mark.parametrize(
    "y",
    [
        GAPS,
        np.array(GAPS, dtype=object),
        np.array([np.nan if word is None else word for word in GAPS], dtype=object),
        np.where(np.isin(np.arange(N), (3, 5)), np.nan, Y),
        pandas.Series(GAPS, dtype="string"),
        pandas.Series(GAPS, dtype="category"),
        pandas.Series([None if i in (3, 5) else int(v) for i, v in enumerate(Y)], dtype="Int64"),
        polars.Series(GAPS),
        np.where(np.isin(np.arange(N), (3, 5)), np.datetime64("NaT"), np.array(["2020-01-01"], "M8[D]")),
        np.where(np.isin(np.arange(N), (3, 5))[:, None], np.nan, X > 0),
    ],
    ids=lambda y: f"{type(y).__module__.partition('.')[0]}-{getattr(y, 'dtype', '')}",
)
def test_classes_that_are_not_known(y):
    with pytest.raises(
        ValueError, match="NaN or None: 2 of 40 rows have no class, the first is row 3; leave"
    ):
        classifier().fit(X, y)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (np.zeros(N), r"y has only one class, \[0\.0\]"),
        (Z, "continuous"),
        ([1 if word == "no" else word for word in WORDS.tolist()], "y has texts and others, 'yes' and 1"),
        (np.where(Y, np.inf, 0.0), "Input y contains infinity"),
        (Y[:30], r"inconsistent numbers of samples: \[40, 30\]"),
        (None, "requires y to be passed"),
        (np.c_[Y, Y + 1], r"should be a 1d array, got an array of shape \(40, 2\)"),
    ],
)
def test_classes_that_cannot_be_learned(y, expected):
    with pytest.raises(ValueError, match=expected):
        classifier().fit(X, y)


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (WORDS.tolist(), ["no", "yes"]),
        (pandas.Series(WORDS, dtype="string"), ["no", "yes"]),
        (pandas.Series(WORDS, dtype="category"), ["no", "yes"]),
        (polars.Series(WORDS.tolist()), ["no", "yes"]),
        (polars.Series(WORDS.tolist(), dtype=polars.Categorical), ["no", "yes"]),
        (Y > 0, [False, True]),
        (Y.astype(float), [0.0, 1.0]),
        (pandas.Series(Y, dtype="Int64"), [0, 1]),
    ],
    ids=lambda y: f"{type(y).__module__.partition('.')[0]}-{getattr(y, 'dtype', '')}",
)
def test_kinds_of_classes(y, classes):
    model = usable(classifier(), X, y)
    assert model.classes_.tolist() == classes
    assert set(model.predict(X).tolist()) <= set(classes)


@pytest.mark.parametrize(
    "y",
    [np.r_[Y[:-1], 7], np.arange(N) % 15],
    ids=["a class of one row", "more classes than folds and rows of each"],
)
def test_rare_classes(y):
    model = usable(classifier(n_folds=5, epochs=1), X, y)
    assert model.predict_proba(X).shape == (N, len(np.unique(y)))


@pytest.mark.parametrize(
    "kind", [np.asarray, sparse.csr_matrix, sparse.csr_array, pandas.DataFrame, np.ndarray.tolist]
)
def test_several_labels(kind):
    labels = (X > 0).astype(int)
    model = usable(classifier(epochs=30), X, kind(labels))
    assert model.predict(X).shape == (N, 3)
    assert (model.predict(X) == labels).mean() > 0.7


# targets of regression


@pytest.mark.parametrize("kind", [np.asarray, list, pandas.Series, polars.Series])
def test_numbers_that_are_not_known_are_left_out(kind):
    y = np.where(np.arange(N) < 5, np.nan, Z)
    model = usable(regressor(), X, kind(y))
    assert np.isnan(model.oof_predictions_[:5]).all()
    assert np.isfinite(model.oof_predictions_[5:]).all()


def test_several_targets_with_gaps():
    y = np.where(rng.random((N, 2)) < 0.3, np.nan, np.c_[Z, -Z])
    model = usable(regressor(epochs=40), X, y)
    assert model.score(X, np.c_[Z, -Z]) > 0.5
    assert usable(regressor(scoring="r2"), X, y).predict(X).shape == (N, 2)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (np.full(N, np.nan), "y has no number in the rows whose weight is not zero: all are NaN"),
        (np.c_[Z, np.full(N, np.nan)], "y has no number in column 1 in the rows"),
        (np.where(np.arange(N) == 3, Z, np.nan), r"1 sample\(s\) whose target is known"),
        (np.where(Y, np.inf, Z), "infinity"),
        (WORDS, "y should hold numbers, but has the text 'yes'"),
        (np.arange(N).astype("M8[D]"), "y holds dates"),
        (pandas.Series(np.arange(N).astype("m8[s]")), "y holds durations"),
        (Z[:, None, None], "dim 3"),
    ],
)
def test_numbers_that_cannot_be_learned(y, expected):
    with pytest.raises(ValueError, match=expected):
        regressor().fit(X, y)


@pytest.mark.parametrize("scale", [1e-310, 1e-300, 1e-30, 1e30, 1e300])
def test_huge_and_tiny_numbers(scale):
    plain, model = (usable(regressor(epochs=10), X, factor * Z) for factor in (1.0, scale))
    np.testing.assert_allclose(model.predict(X) / scale, plain.predict(X), rtol=1e-3)
    assert model.oof_score_ == pytest.approx(plain.oof_score_, abs=1e-3)


def test_a_small_spread_about_a_large_mean():
    assert usable(regressor(epochs=60), X, 1e9 + 1e-3 * Z).oof_score_ > 0.5


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_huge_and_tiny_columns(scale):
    assert usable(regressor(epochs=60), scale * X, Z).oof_score_ > 0.5


def test_a_constant_target():
    np.testing.assert_array_equal(usable(regressor(), X, np.full(N, 3.3)).predict(X), 3.3)


# few rows, many settings


@pytest.mark.parametrize("preset", ["auto", "td", "td-s"])
@pytest.mark.parametrize("rows", [2, 3, 7])
def test_few_rows(rows, preset):
    few = X[:rows, :1]
    model = usable(classifier(preset=preset, n_folds=None), few, np.arange(rows) % 2)
    assert model.oof_predictions_.shape == (rows, 2)
    usable(regressor(preset=preset, n_folds=None), few, Z[:rows])


def test_one_row():
    with pytest.raises(ValueError, match="n_samples=1"):
        classifier().fit(X[:1], Y[:1])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"epochs": 0}, "'epochs' parameter of TabularClassifier must be"),
        ({"hidden_layer_sizes": (8, -1)}, r"hidden_layer_sizes must be positive integers; got \(8, -1\)"),
        ({"preset": "tdx"}, "'preset' parameter"),
        ({"scoring": "nope"}, "'scoring' parameter"),
        ({"categorical_columns": ["zz"]}, "categorical_columns must be of the columns x0, x1, x2; got 'zz'"),
        ({"class_weight": {0: 1, 1: -2}}, "class_weight must be finite weights"),
        ({"class_weight": {0: 0, 1: 0}}, "not all are zero"),
        ({"class_weight": {0: 1, 1: 0}}, r"y has only one class, \[0\], in the rows that have a weight"),
        ({"class_weight": {0: 1, 5: 2}}, r"The classes, \[1\], are not in class_weight"),
    ],
)
def test_parameters(changes, expected):
    with pytest.raises(ValueError, match=expected):
        classifier(**changes).fit(X, Y)


def test_a_scorer_that_cannot_judge():
    y = np.r_[Y[:-1], 7]
    with pytest.raises(
        ValueError, match=r"scoring='neg_log_loss' cannot judge the \d+ rows that a network leaves"
    ):
        classifier(scoring="neg_log_loss", n_folds=5).fit(X, y)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (np.zeros(N), "at least one non-zero"),
        (-np.ones(N), "Negative values"),
        (np.full(N, np.nan), "sample_weight contains NaN"),
        (np.ones(3), r"sample_weight.shape == \(3,\), expected \(40,\)"),
        (np.eye(N)[0], r"1 sample\(s\) whose target is known and whose weight is not zero"),
        (Y.astype(float), r"y has only one class, \[1\], in the rows that have a weight"),
    ],
)
def test_weights_that_cannot_be_used(weights, expected):
    with pytest.raises(ValueError, match=expected):
        classifier().fit(X, Y, sample_weight=weights)


def test_a_failed_fit_leaves_the_former_one():
    model = classifier().fit(FRAME, WORDS)
    before = model.predict_proba(FRAME)

    def failing(*_):
        raise RuntimeError("in the midst of it")

    for changes, table, y in (
        ({}, FRAME, np.zeros(N)),
        ({}, pandas.DataFrame({"z": [1.0] * N}), Y),
        ({"scoring": failing}, FRAME[["a"]], Y),
    ):
        with pytest.raises((ValueError, RuntimeError)):
            model.set_params(**changes).fit(table, y)
        np.testing.assert_array_equal(model.predict_proba(FRAME), before)
        assert model.feature_names_in_.tolist() == ["a", "b", "c"]
        assert model.predict(FRAME)[0] in ("no", "yes")
