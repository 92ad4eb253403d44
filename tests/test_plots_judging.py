"""Confusion matrices and calibration: of networks, estimators and pipelines, with targets of every form."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlp import MLPClassifier, Sequential, layers, losses, metrics, plots
from mlp.errors import ArgumentError, NotReadyError

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 2))
LABELS = np.array(["ham", "spam"])


def net(units, activation, loss) -> Sequential:
    model = Sequential([layers.Dense(units, activation, input_shape=(2,))], seed=3)
    model.compile("sgd", loss)
    return model


def cells(ax):
    return np.array([text.get_text() for text in ax.texts])


@pytest.mark.parametrize("one_hot", [False, True])
def test_of_several_classes(one_hot):
    model = net(3, "softmax", "categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy")
    y = rng.integers(3, size=60)
    ax = plots.confusion_matrix(model, X, np.eye(3)[y] if one_hot else y)
    expected = confusion_matrix(y, model.predict(X).argmax(axis=1))
    assert np.array_equal(cells(ax).astype(int).reshape(3, 3), expected)
    assert ax.get_title() == f"{np.trace(expected) / 60:.1%} of 60 rows right"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("answer of the model", "right class")


@pytest.mark.parametrize(
    ("activation", "loss", "threshold", "targets"),
    [
        ("sigmoid", "binary_crossentropy", 0.5, (0, 1)),
        ("tanh", "hinge", 0.0, (-1, 1)),
        (None, "hinge", 0.0, (0, 1)),
        (None, "mse", 0.5, (0, 1)),
    ],
)
@pytest.mark.parametrize("shape", [(60,), (60, 1)])
def test_of_one_output(activation, loss, threshold, targets, shape):
    model, y = net(1, activation, loss), rng.integers(2, size=60)
    ax = plots.confusion_matrix(model, X, np.take(targets, y).reshape(shape), classes=["no", "yes"])
    expected = confusion_matrix(y, model.predict(X)[:, 0] > threshold)
    assert np.array_equal(cells(ax).astype(int).reshape(2, 2), expected)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["no", "yes"]


def test_of_estimators_and_pipelines():
    y = LABELS[(X[:, 0] > 0).astype(int)]
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    ax = plots.confusion_matrix(pipeline, X, y, normalize="true")
    expected = confusion_matrix(y, pipeline.predict(X), normalize="true")
    assert cells(ax).tolist() == [f"{share:.0%}" for share in expected.ravel()]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["ham", "spam"]


def test_a_class_without_rows_keeps_its_place():
    model = net(3, "softmax", "sparse_categorical_crossentropy")
    assert len(cells(plots.confusion_matrix(model, X, np.zeros(60, int)))) == 9


def test_very_many_classes_have_colours_only():
    model = net(40, "softmax", "sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match="40 classes are too small"):
        ax = plots.confusion_matrix(model, X, rng.integers(40, size=60))
    assert len(cells(ax)) == 0
    assert len(ax.figure.axes) == 2  # the colours have a scale


def test_calibration_of_two_classes():
    model, y = net(1, "sigmoid", "binary_crossentropy"), rng.integers(2, size=60)
    ax = plots.calibration(model, X, y, bins=4)
    share = model.predict(X)[:, 0].astype(float)
    line = next(line for line in ax.lines if line.get_label().startswith("model"))
    bins = np.minimum((share * 4).astype(int), 3)
    expected = [(share[bins == k].mean(), y[bins == k].mean()) for k in range(4) if (bins == k).any()]
    assert line.get_xydata() == pytest.approx(np.array(expected))
    error = metrics.ExpectedCalibrationError(4)(y, share)
    assert line.get_label() == f"model (calibration error {error:.3f})"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("probability of class 1", "share of rows of class 1")
    assert [bar.get_height() for bar in ax.patches] == pytest.approx(
        0.15 * np.bincount(bins, minlength=4) / np.bincount(bins).max()
    )


def test_calibration_with_as_many_rows_in_each_bin():
    model, y = net(1, "sigmoid", "binary_crossentropy"), rng.integers(2, size=60)
    ax = plots.calibration(model, X, y, bins=4, strategy="quantile")
    share = model.predict(X)[:, 0].astype(float)
    line = next(line for line in ax.lines if line.get_label().startswith("model"))
    order = np.argsort(share).reshape(4, 15)
    expected = [(share[rows].mean(), y[rows].mean()) for rows in order]
    assert line.get_xydata() == pytest.approx(np.array(expected), abs=0.02)
    with pytest.raises(ArgumentError, match="strategy must be one of uniform, quantile"):
        plots.calibration(model, X, y, strategy="even")


def test_calibration_of_more_classes_is_that_of_the_prediction():
    model, y = net(3, "softmax", "sparse_categorical_crossentropy"), rng.integers(3, size=60)
    ax = plots.calibration(model, X, y)
    error = metrics.ExpectedCalibrationError(10)(y, model.predict(X))
    assert ax.get_xlabel() == "probability of the predicted class"
    assert any(f"calibration error {error:.3f}" in line.get_label() for line in ax.lines)


def test_calibration_of_logits_and_of_estimators():
    model, y = net(1, None, losses.BinaryCrossentropy(from_logits=True)), rng.integers(2, size=60)
    twin = net(1, "sigmoid", "binary_crossentropy")
    twin.set_weights(model.get_weights())
    ours, theirs = plots.calibration(model, X, y), plots.calibration(twin, X, y)
    assert np.allclose(ours.lines[1].get_xydata(), theirs.lines[1].get_xydata(), atol=1e-6)
    estimator = LogisticRegression().fit(X, LABELS[y])
    assert plots.calibration(estimator, X, LABELS[y]).get_xlabel() == "probability of class spam"


@pytest.mark.parametrize(
    ("model", "y", "error", "match"),
    [
        (net(3, "softmax", "mse"), [3] * 60, ArgumentError, "numbers of classes from 0 to 2"),
        (net(1, None, "mse"), X[:, 0], ArgumentError, "a regression has no classes"),
        (net(3, "sigmoid", "mse"), np.ones((60, 3)), ArgumentError, "one-hot rows of 3 classes"),
        (net(1, "sigmoid", "mse"), [1] * 9, ArgumentError, r"shape \(60,\)"),
        (net(1, "sigmoid", "mse"), LABELS[[1] * 60], ArgumentError, "numbers of classes or one-hot"),
        (LinearRegression().fit(X, X[:, 0]), X[:, 0], ArgumentError, "a Sequential or a classifier"),
        (MLPClassifier(), [1] * 60, NotReadyError, "not fitted yet"),
        (LogisticRegression().fit(X, X[:, 0] > 0), [3] * 60, ArgumentError, "of the classes of the model"),
        (Sequential([layers.Dense(1, input_shape=(2,))]), [1] * 60, NotReadyError, "compile"),
    ],
)
def test_what_has_no_classes(model, y, error, match):
    with pytest.raises(error, match=match):
        plots.confusion_matrix(model, X, y)


def test_other_arguments():
    model, y = net(1, "sigmoid", "mse"), rng.integers(2, size=60)
    with pytest.raises(ArgumentError, match="a list of 2 names"):
        plots.confusion_matrix(model, X, y, classes=["a"])
    with pytest.raises(ArgumentError, match="normalize must be one of None, true"):
        plots.confusion_matrix(model, X, y, normalize="rows")
    with pytest.raises(ArgumentError, match="bins"):
        plots.calibration(model, X, y, bins=1)
    with pytest.raises(ArgumentError, match="no probabilities: it ends with Linear and is trained by"):
        plots.calibration(net(1, None, "mse"), X, y)
