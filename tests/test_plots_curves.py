"""Pictures of curves: histories, learning rates, activations and their slopes."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mlp
from mlp import MLPClassifier, Sequential, activations, layers, plots
from mlp.callbacks import RateSearch
from mlp.errors import ArgumentError, NotReadyError

X = np.random.default_rng(0).normal(size=(40, 2))
y = (X[:, 0] * X[:, 1] > 0).astype(int)


def net() -> Sequential:
    model = Sequential([layers.Dense(4, "tanh", input_shape=(2,)), layers.Dense(1, "sigmoid")], seed=0)
    model.compile(mlp.optimizers.SGD(0.5), "binary_crossentropy", metrics=["accuracy"], engine="numpy")
    return model


def points(ax):
    return {line.get_label(): line.get_xydata() for line in ax.lines}


def said(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# histories


def test_training_and_validation_by_epoch_from_1():
    model = net()
    run = model.fit(X, y, epochs=6, validation_split=0.25, verbose=0)
    for given in (run, model):
        figure = plots.history(given)
        loss, accuracy = figure.axes
        assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss (binary cross-entropy)", "accuracy")
        assert loss.get_xlabel() == "epoch"
        assert points(loss)["training"].tolist() == [[k + 1, v] for k, v in enumerate(run.history["loss"])]
        assert points(accuracy)["validation"][:, 1].tolist() == run.history["val_accuracy"]
    assert plots.history(run.history).axes[0].get_ylabel() == "loss"  # a dict does not say which


@pytest.mark.parametrize(
    ("name", "values", "best"),
    [
        ("loss", [3, 1, 2], (2, 1)),
        ("accuracy", [0.1, 0.3, 0.2], (2, 0.3)),
        ("auc_1", [0.1, 0.3, 0.5], (3, 0.5)),
    ],
)
def test_the_best_epoch_is_that_of_the_validation(name, values, best):
    worse = values[::-1]
    ax = plots.history({name: worse, "val_" + name: values}).axes[0]
    assert points(ax)[f"best: {best[1]} in epoch {best[0]}"].tolist() == [list(best)]
    assert not any("best" in text for text in said(plots.history({"my_number": values}).axes[0]))


def test_several_by_name_keep_their_colours():
    runs = {"narrow": {"loss": [3, 2], "val_loss": [4, 3]}, "wide": {"loss": [2, 1]}}
    ax = plots.history(runs).axes[0]
    assert said(ax) == ["narrow: best 3 in epoch 2", "wide: best 1 in epoch 2", "training", "validation"]
    lines = [line for line in ax.lines if len(line.get_xdata()) == 2]
    assert [line.get_linestyle() for line in lines] == ["-", "--", "-"]
    assert lines[0].get_color() == lines[1].get_color() != lines[2].get_color()


@pytest.mark.parametrize(
    ("curves", "log", "scale"),
    [
        ({"loss": [1, 0.5]}, None, "linear"),
        ({"loss": [1, 1e-3]}, None, "log"),
        ({"loss": [1, 0.0]}, None, "linear"),
        ({"loss": [1, 1e-3]}, False, "linear"),
        ({"accuracy": [1e-3, 1]}, None, "linear"),
    ],
)
def test_log_where_a_loss_spans_decades(curves, log, scale):
    assert plots.history(curves, log=log).axes[0].get_yscale() == scale


def test_a_logarithmic_axis_is_for_what_falls():
    figure = plots.history({"loss": [0.9, 0.1], "accuracy": [0.5, 0.9]}, log=True)
    assert [ax.get_yscale() for ax in figure.axes] == ["log", "linear"]


def test_what_is_no_number_and_what_was_not_validated():
    run = net().fit(X, y, epochs=6, validation_split=0.25, validation_freq=2, verbose=0)
    assert points(plots.history(run, "loss").axes[0])["validation"][:, 0].tolist() == [2, 4, 6]
    ax = plots.history({"loss": [np.nan, 2, 1, np.nan], "f1": [[1, 2]] * 4}).axes
    assert len(ax) == 1  # a metric of several numbers has no curve
    assert points(ax[0])["training, at the end not finite"].tolist() == [[2, 2], [3, 1]]


def test_estimators_and_pipelines():
    estimator = MLPClassifier((3,), max_iter=4, early_stopping=True, random_state=0)
    with pytest.warns(ConvergenceWarning):
        pipeline = make_pipeline(StandardScaler(), estimator).fit(X, y)
    loss, score = plots.history(pipeline).axes
    assert points(loss)["training"][:, 1].tolist() == estimator.loss_curve_
    assert points(score)["validation"][:, 1].tolist() == estimator.validation_scores_
    assert score.get_ylabel() == "score"


def test_epochs_go_on_where_a_fit_did():
    run = net().fit(X, y, epochs=9, initial_epoch=6, verbose=0)
    assert points(plots.history(run, "loss").axes[0])["training"][:, 0].tolist() == [7, 8, 9]


def test_axes_of_ones_own():
    figure, grid = plt.subplots(1, 2)
    assert plots.history({"loss": [1], "mae": [2]}, ax=grid) is figure
    assert [ax.get_ylabel() for ax in grid] == ["loss", "mean absolute error"]
    with pytest.raises(ArgumentError, match="one for each of the 2 panels: loss, mae"):
        plots.history({"loss": [1], "mae": [2]}, ax=grid[0])


def test_many_panels_do_not_leave_empty_ones():
    assert len(plots.history({f"number {k}": [1, 2] for k in range(5)}).axes) == 5


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        (3, ArgumentError, "history must be a History"),
        ({"loss": []}, NotReadyError, "no epochs"),
        ({"loss": ["a"]}, ArgumentError, "list of numbers"),
        (MLPClassifier(), NotReadyError, "fit"),
        (net(), NotReadyError, "no history yet"),
    ],
)
def test_what_is_no_history(given, error, match):
    with pytest.raises(error, match=match):
        plots.history(given)


def test_unknown_curves():
    with pytest.raises(ArgumentError, match="among the curves that there are: loss, mae; got 'maee'"):
        plots.history({"loss": [1], "mae": [1]}, metrics="maee")


# learning rates


def search():
    rates = np.geomspace(1e-4, 10, 60)
    smoothed = 1 - 0.8 * np.exp(-(np.log(rates / 0.3) ** 2))
    losses = smoothed + 0.05 * np.sin(9 * np.arange(60))
    losses[-1] = 1e9  # as it explodes
    return RateSearch(rates, losses, smoothed, 0.1)


def test_the_suggestion_is_marked():
    found = search()
    ax = plots.learning_rates(found)
    drawn = points(ax)
    assert ax.get_xscale() == "log"
    assert np.array_equal(drawn["loss of each batch"], np.column_stack([found.rates, found.losses]))
    rate, height = drawn["suggestion: 0.1"][0]
    assert rate == 0.1
    assert height == pytest.approx(np.interp(np.log(0.1), np.log(found.rates), found.smoothed))
    assert ax.get_ylim()[1] < 2


def test_only_a_search_has_rates():
    with pytest.raises(ArgumentError, match="find_learning_rate"):
        plots.learning_rates([0.1, 0.2])


# activations


def test_functions_and_slopes():
    outs, slopes = plots.activations(["sigmoid", activations.LeakyReLU(0.1)]).axes
    net_, out = points(outs)["sigmoid"].T
    assert np.allclose(out, 1 / (1 + np.exp(-net_)))
    assert np.allclose(points(slopes)["sigmoid"][:, 1], out * (1 - out))
    own = next(label for label in points(outs) if label.startswith("leaky_relu("))
    leaky = points(slopes)[own]
    assert np.isnan(leaky[:, 1]).sum() == 1  # where it jumps
    assert set(leaky[~np.isnan(leaky[:, 1]), 1].round(6)) == {0.1, 1.0}
    assert (outs.get_xlabel(), slopes.get_ylabel()) == ("net activation", "slope f′(net)")


CLASSES = [
    thing for thing in (getattr(activations, name) for name in activations.__all__) if isinstance(thing, type)
]


@pytest.mark.parametrize("thing", [one for one in CLASSES if one is not activations.Activation])
def test_every_activation_of_one_number_has_a_curve(thing):
    if hasattr(thing, "row_f") or hasattr(thing, "rows_f") or thing().outputs(2) != 2:
        with pytest.raises(ArgumentError, match="depend on several units"):
            plots.activations(thing)
    else:
        out = plots.activations(thing, low=-3, high=3).axes[0].lines[0].get_ydata()
        assert np.isfinite(out).sum() >= 1195


def test_one_panel():
    _, ax = plt.subplots()
    plots.activations("tanh", ax=ax)
    assert said(ax) == ["tanh", "slope of tanh"]
    assert ax.lines[1].get_linestyle() == "--"
    assert len(plots.activations("tanh", derivative=False).axes) == 1


def test_a_trained_activation_shows_what_it_learned():
    prelu = activations.PReLU()
    model = Sequential([layers.Dense(3, prelu, input_shape=(2,))], seed=0)
    layer = model.layers[0]
    name = next(iter(layer.activation_parameters))
    layer.parameters[name][:] = [0.5, 0.1, 0.2]
    net_, out = plots.activations(layer.activation).axes[0].lines[0].get_xydata().T
    assert np.allclose(out[net_ < 0], 0.5 * net_[net_ < 0])
    assert np.allclose(layer.parameters[name], [0.5, 0.1, 0.2])


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"names": "sigmoidd"}, "Did you mean"),
        ({"names": []}, "names"),
        ({"low": 4}, "low must be less than high"),
        ({"derivative": 1}, "derivative"),
        ({"ax": [1, 2, 3]}, "two of them"),
    ],
)
def test_bad_arguments_of_activations(arguments, match):
    with pytest.raises(ArgumentError, match=match):
        plots.activations(**arguments)
