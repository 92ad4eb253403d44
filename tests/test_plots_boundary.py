"""`plots.decision_boundary` and its animation: what is drawn is what the model answers there."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib.colors import to_hex
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from mlp import MLPClassifier, Sequential, callbacks, layers, losses, plots
from mlp.errors import ArgumentError, NotReadyError
from mlp.plots import style
from mlp.plots.responses import Answers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 2))
y = (X[:, 0] > X[:, 1]).astype(int)


def net(W, activation="sigmoid", loss=None):
    """One layer whose answer is known: f(X W)."""
    W = np.asarray(W, np.float64)
    model = Sequential([layers.Dense(W.shape[1], activation, input_shape=(len(W),))], dtype="float64")
    model.set_weights([W, np.zeros(W.shape[1])])
    if loss is not None:
        model.compile("sgd", loss)
    return model


def diagonal(**options):
    return net([[3.0], [-3.0]], **options)


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def boundary(ax):
    """Points of the thick line where the answer turns."""
    drawn = [c for c in ax.collections if c.get_zorder() == 1]
    return np.concatenate([path.vertices for line in drawn for path in line.get_paths()])


def points(ax):
    return [c for c in ax.collections if c.get_zorder() == 3]


def test_the_line_is_where_the_probability_is_a_half():
    ax = plots.decision_boundary(diagonal(), X, y)
    found = boundary(ax)
    np.testing.assert_allclose(found[:, 0], found[:, 1], atol=0.05)
    assert ax.figure.axes[1].get_ylabel() == "probability of class 1"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x1", "x2")


def test_the_shades_are_of_the_probability():
    ax = plots.decision_boundary(diagonal(), X, y)
    filled = next(c for c in ax.collections if c.get_zorder() == -1)
    assert filled.get_clim() == (0, 1)
    assert filled.get_cmap().name == style.GROUND


def test_points_differ_in_colour_and_shape():
    ax = plots.decision_boundary(diagonal(), X, y, classes=["left", "right"])
    assert legend(ax) == ["left", "right"]
    for k, drawn in enumerate(points(ax)):
        np.testing.assert_array_equal(drawn.get_offsets(), X[y == k])
        assert to_hex(drawn.get_facecolor()[0]).upper() == style.COLOURS[k]
    first, second = (drawn.get_paths()[0].vertices for drawn in points(ax))
    assert first.shape != second.shape


def test_without_targets_all_points_are_alike():
    (drawn,) = points(plots.decision_boundary(diagonal(), X))
    assert len(drawn.get_offsets()) == 30


@pytest.mark.parametrize("form", [lambda y: y, lambda y: y[:, None], lambda y: np.eye(2)[y], pd.Series])
def test_forms_of_targets(form):
    drawn = points(plots.decision_boundary(diagonal(), X, form(y)))
    assert [len(points.get_offsets()) for points in drawn] == np.bincount(y).tolist()


def test_the_picture_reaches_beyond_the_points():
    ax = plots.decision_boundary(diagonal(), X)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert left < X[:, 0].min() < X[:, 0].max() < right
    assert bottom < X[:, 1].min() < X[:, 1].max() < top


def test_several_classes_have_a_colour_each():
    W = 4 * np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]])
    model, t = net(W, "softmax"), (X @ W).argmax(axis=1)
    ax = plots.decision_boundary(model, X, t, resolution=60)
    assert legend(ax) == ["class 0", "class 1", "class 2"]
    found = boundary(ax) @ W  # on the lines two of the nets are equal
    found.sort(axis=1)
    np.testing.assert_allclose(found[:, 2], found[:, 1], atol=0.5)
    assert len([c for c in ax.collections if hasattr(c, "get_coordinates")]) == 3


def test_one_class_of_several():
    W = 4 * np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]])
    ax = plots.decision_boundary(net(W, "softmax"), X, output=2)
    assert ax.figure.axes[1].get_ylabel() == "probability of class 2"


def test_the_other_class_of_two():
    model = diagonal()
    np.testing.assert_allclose(Answers(model, output=0)(X), 1 - model.predict(X)[:, 0])
    ax = plots.decision_boundary(model, X, y, output=0)
    assert ax.figure.axes[1].get_ylabel() == "probability of class 0"


def test_ten_classes_can_be_told_apart():
    many = np.arange(30) % 10
    drawn = points(plots.decision_boundary(net(RNG.normal(size=(2, 10)), "softmax"), X, many, resolution=10))
    assert len({to_hex(dots.get_facecolor()[0]) for dots in drawn}) == 10


def test_hard_answers():
    model = diagonal()
    ax = plots.decision_boundary(model, X, response="predict")
    found = boundary(ax)
    np.testing.assert_allclose(found[:, 0], found[:, 1], atol=0.1)
    assert ax.figure.axes[1].get_ylabel() == "answer class 1"
    asked = Answers(model, "predict")(X)
    np.testing.assert_array_equal(asked, y)


def test_logits_become_probabilities():
    logits = diagonal(activation=None, loss=losses.BinaryCrossentropy(from_logits=True))
    np.testing.assert_allclose(Answers(logits)(X), Answers(diagonal())(X))
    np.testing.assert_array_equal(Answers(logits, "predict")(X), y)
    np.testing.assert_allclose(Answers(logits, "decision_function")(X), logits.predict(X)[:, 0])
    W = RNG.normal(size=(2, 4))
    several = net(W, None, losses.SparseCategoricalCrossentropy(from_logits=True))
    np.testing.assert_allclose(Answers(several)(X), net(W, "softmax").predict(X))


def test_a_hinge_turns_at_zero():
    model = diagonal(activation=None, loss="hinge")
    ax = plots.decision_boundary(model, X, np.where(y == 1, 1, -1))
    assert legend(ax) == ["class -1", "class 1"]
    assert ax.figure.axes[1].get_ylabel() == "score of class 1"
    found = boundary(ax)
    np.testing.assert_allclose(found[:, 0], found[:, 1], atol=0.05)
    low, high = next(c for c in ax.collections if c.get_zorder() == -1).get_clim()
    assert low == pytest.approx(-high, rel=0.2)


def test_a_regression_has_the_targets_in_its_shades():
    model = net([[1.0], [2.0]], None, "mse")
    t = X @ [1.0, 2.0]
    ax = plots.decision_boundary(model, X, t)
    (drawn,) = points(ax)
    np.testing.assert_allclose(drawn.get_array(), t)
    filled = next(c for c in ax.collections if c.get_zorder() == -1)
    assert drawn.get_clim() == (filled.levels[0], filled.levels[-1])
    assert ax.get_legend() is None


def test_one_of_several_outputs():
    model = net([[1.0, 0.0], [0.0, 1.0]], None, "mse")
    with pytest.raises(ArgumentError, match="the model has 2 outputs: choose the one to draw by output="):
        plots.decision_boundary(model, X)
    ax = plots.decision_boundary(model, X, X, output=1)
    np.testing.assert_allclose(points(ax)[0].get_array(), X[:, 1])
    assert ax.figure.axes[1].get_ylabel() == "output 1"
    other = MultiOutputRegressor(LinearRegression()).fit(X, X)
    np.testing.assert_allclose(Answers(other, output=0)(X), X[:, 0])


def test_a_slice_has_the_others_at_their_medians():
    wide = RNG.normal(size=(21, 4)) + np.array([0, 5, 0, 1])
    model = net([[0.0], [1.0], [0.0], [1.0]], None, "mse")
    ax = plots.decision_boundary(model, wide, features=(3, 0), names=["a", "b", "c", "d"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("d", "a")
    assert ax.get_title() == "the other features at their medians"
    np.testing.assert_array_equal(points(ax)[0].get_offsets(), wide[:, [3, 0]])
    low, high = ax.get_xlim()
    levels = next(c for c in ax.collections if c.get_zorder() == -1).levels
    median = np.median(wide[:, 1])
    assert (levels[0], levels[-1]) == pytest.approx((low + median, high + median))


def test_principal_components_of_many_features():
    wide = np.outer(RNG.normal(size=40), [1, 1, 100.0]) + 0.01 * RNG.normal(size=(40, 3))
    model = net([[1.0], [1.0], [0.01]])
    with pytest.warns(
        UserWarning, match=r"there are 3 features: .* features=\(i, j\) draws a slice"
    ) as heard:
        ax = plots.decision_boundary(model, wide)
    assert heard[0].filename == __file__
    assert ax.get_xlabel() == "principal component 1 (100% of variance)"
    assert abs(boundary(ax)[:, 0]).max() < 0.5  # across the one direction that there is


def test_one_feature_is_a_curve():
    model = net([[2.0]])
    ax = plots.decision_boundary(model, X[:, :1], y)
    x, out = ax.lines[0].get_data()
    np.testing.assert_allclose(out, 1 / (1 + np.exp(-2 * x)))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x1", "probability of class 1")
    zeros, ones = points(ax)
    assert set(zeros.get_offsets()[:, 1]) == {0}
    assert set(ones.get_offsets()[:, 1]) == {1}
    assert legend(ax) == ["probability of class 1", "rows of class 0", "rows of class 1"]


def test_curves_of_several_classes_and_of_a_regression():
    W = RNG.normal(size=(2, 3))
    ax = plots.decision_boundary(net(W, "softmax"), X, features=0)
    assert [line.get_label() for line in ax.lines] == ["class 0", "class 1", "class 2"]
    assert ax.get_ylabel() == "probability"
    ax = plots.decision_boundary(net([[2.0]], None, "mse"), X[:, :1], X[:, 1])
    np.testing.assert_array_equal(points(ax)[0].get_offsets(), X)


def test_pipelines_estimators_and_frames():
    frame = pd.DataFrame({"age": X[:, 0] * 10 + 50, "income": X[:, 1]})
    t = np.where(y == 1, "yes", "no")
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((), solver="lbfgs", random_state=0)).fit(
        frame, t
    )
    ax = plots.decision_boundary(pipeline, frame, t)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("age", "income")
    assert legend(ax) == ["class no", "class yes"]
    asked = Answers(pipeline)(frame)
    np.testing.assert_allclose(asked, pipeline.predict_proba(frame)[:, 1])
    assert legend(plots.decision_boundary(pipeline, pl.from_pandas(frame), t)) == ["class no", "class yes"]


def test_categories_stay_at_the_most_frequent():
    frame = pd.DataFrame({"town": ["B", "A", "B"] * 10, "a": X[:, 0], "b": X[:, 1]})
    columns = make_column_transformer((OneHotEncoder(), ["town"]), remainder="passthrough")
    pipeline = make_pipeline(columns, LogisticRegression()).fit(frame, y)
    ax = plots.decision_boundary(pipeline, frame, y)
    found = pd.DataFrame(boundary(ax), columns=["a", "b"]).assign(town="B")
    np.testing.assert_allclose(pipeline.predict_proba(found)[:, 1], 0.5, atol=0.01)


def test_estimators_without_probabilities():
    fitted = LinearSVC(random_state=0).fit(X, y)
    np.testing.assert_allclose(Answers(fitted)(X), fitted.decision_function(X))
    with pytest.raises(ArgumentError, match="LinearSVC has no method 'predict_proba'"):
        plots.decision_boundary(fitted, X, response="predict_proba")


def test_gaps_in_the_data():
    gaps = X.copy()
    gaps[3, 0] = np.nan
    ax = plots.decision_boundary(diagonal(), gaps, y)
    assert np.isfinite(ax.get_xlim()).all()


def test_given_axes_are_used():
    _, axes = plt.subplots(1, 2)
    assert plots.decision_boundary(diagonal(), X, ax=axes[1]) is axes[1]
    assert not axes[0].collections


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y": y[:5]}, "y must be 30 targets, one a row of X"),
        ({"y": y + 5}, r"y has the label [56]; the classes are \[0, 1\]"),
        ({"y": np.eye(3)[y]}, "y must be labels, or 2 columns"),
        ({"features": (0, 2)}, r"features must be numbers below 2 or names of numeric columns \(x1, x2\)"),
        ({"features": "x3"}, "features must be"),
        ({"features": (0, 0)}, "features must be two different columns"),
        ({"features": (0, 1, 0)}, "features must be one or two columns"),
        ({"response": "proba"}, "response must be"),
        ({"response": "decision_function"}, 'response must be "predict_proba": the outputs are prob'),
        ({"classes": ["a"]}, "classes must be a list of 2 names"),
        ({"output": 2}, "output must be below 2"),
        ({"output": -1}, "output must be the number of an output"),
        ({"names": ["a"]}, "names must be a list of 2 names"),
        ({"resolution": 1}, "resolution must be an integer above 1"),
        ({"X": [["a", "b"]]}, "X must be rows of numbers"),
        ({"X": X[0]}, "X must be rows of numbers"),
        ({"X": X[:0]}, "X must be rows of numbers"),
        ({"X": [[np.nan, 1.0]]}, "X must be columns with at least one finite number"),
    ],
)  # fmt: skip
def test_refusals(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        plots.decision_boundary(diagonal(), **({"X": X} | arguments))


def test_refusals_of_models():
    with pytest.raises(NotReadyError, match="not built"):
        plots.decision_boundary(Sequential([layers.Dense(1)]), X)
    with pytest.raises(ArgumentError, match="model must be a Sequential or a fitted estimator; got str"):
        plots.decision_boundary("model", X)
    with pytest.raises(ArgumentError, match='response must be "auto" or "predict"'):
        plots.decision_boundary(net([[1.0], [1.0]], None, "mse"), X, response="predict_proba")
    with pytest.raises(ArgumentError, match="classes must be left out"):
        plots.decision_boundary(net([[1.0], [1.0]], None, "mse"), X, classes=["a", "b"])


# the animation


def learned(epochs=3):
    model = diagonal(loss="binary_crossentropy")
    record = callbacks.WeightRecord()
    model.fit(X, y, epochs=epochs, verbose=0, callbacks=[record])
    return model, record


def test_each_frame_is_an_epoch():
    model, record = learned()
    before = model.parameters.values.copy()
    animation = plots.animate_boundary(model, record, X, y, resolution=20)
    figure = plt.gcf()
    titles = []
    for k in range(4):
        animation._draw_frame(k)
        titles.append(figure.axes[0].get_title())
    expected = []
    for epoch, values in zip(record.epochs, record.values, strict=True):
        model.parameters.values[...] = values
        expected.append(f"epoch {epoch}, loss {model.evaluate(X, y):.3g}")
    assert titles == expected
    assert (before == model.parameters.values).all()
    assert len(figure.axes) == 2  # one scale for all frames
    assert animation.to_jshtml(fps=5).count("data:image/png") == 4


def test_the_boundary_moves_with_the_weights():
    model, record = learned(1)
    record.values[1] = np.array([3.0, 3.0, 0.0])  # the other diagonal
    animation = plots.animate_boundary(model, record, X, y, resolution=40)
    ax = plt.gcf().axes[0]
    animation._draw_frame(0)
    found = boundary(ax)
    np.testing.assert_allclose(found[:, 0], found[:, 1], atol=0.1)
    animation._draw_frame(1)
    found = boundary(ax)
    np.testing.assert_allclose(found[:, 0], -found[:, 1], atol=0.1)
    animation.to_jshtml()  # matplotlib warns of an animation that nobody saw


def test_a_pipeline_and_its_record():
    record = callbacks.WeightRecord()
    with pytest.warns(UserWarning, match="Maximum iterations"):
        fitted = make_pipeline(
            StandardScaler(), MLPClassifier((3,), max_iter=2, random_state=0, callbacks=[record])
        ).fit(X, y)
    before = fitted.predict_proba(X)
    animation = plots.animate_boundary(fitted, record, X, y, resolution=10)
    animation._draw_frame(1)
    assert plt.gcf().axes[0].get_title() == f"epoch {record.epochs[1]}"
    animation.to_jshtml()
    np.testing.assert_array_equal(fitted.predict_proba(X), before)


def test_an_animated_regression_keeps_its_shades():
    model = net([[0.0], [0.0]], None, "mse")
    record = callbacks.WeightRecord()
    model.fit(X, X @ [1.0, 2.0], epochs=2, verbose=0, callbacks=[record])
    animation = plots.animate_boundary(model, record, X, X @ [1.0, 2.0], resolution=10)
    limits = set()
    for k in range(3):
        animation._draw_frame(k)
        limits.add(points(plt.gcf().axes[0])[0].get_clim())
    assert len(limits) == 1
    animation.to_jshtml()


def test_records_that_do_not_fit():
    model, record = learned(1)
    with pytest.raises(ArgumentError, match="record must be of this model, which has 5; got '3 weights'"):
        plots.animate_boundary(net([[1.0], [1.0], [1.0], [1.0]]), record, X)
    with pytest.raises(ArgumentError, match="record must be a WeightRecord that was given"):
        plots.animate_boundary(model, callbacks.WeightRecord(), X)
    with pytest.raises(ArgumentError, match="record must be a WeightRecord"):
        plots.animate_boundary(model, [1, 2], X)
    with pytest.raises(ArgumentError, match="interval must be a positive number of milliseconds"):
        plots.animate_boundary(model, record, X, interval=0)


def test_side_by_side():
    ax = plots.decision_boundary(diagonal(), X, y, colorbar=False, legend=False, equal=True)
    assert ax.figure.axes == [ax]
    assert ax.get_legend() is None
    assert ax.get_aspect() == 1
    with pytest.raises(ArgumentError, match="colorbar must be True or False"):
        plots.decision_boundary(diagonal(), X, y, colorbar="no")
