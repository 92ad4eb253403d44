"""The loss surface and the three training loops: values, paths, and that the model stays as it is."""

import numpy as np
import pytest

import mlp
from mlp import Sequential, layers, plots
from mlp.callbacks import WeightRecord
from mlp.errors import ArgumentError, NotReadyError
from mlp.plots import surface

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 1))
y = 2 * X[:, 0] + 1 + 0.3 * rng.normal(size=40)


def line_fit(**options) -> Sequential:
    model = Sequential([layers.Dense(1, input_shape=(1,), **options)], dtype="float64", seed=0)
    model.compile(mlp.optimizers.SGD(0.1), "mse", metrics=["mae"], engine="numpy")
    return model


def net() -> Sequential:
    model = Sequential([layers.Dense(3, "tanh", input_shape=(1,)), layers.Dense(1)], seed=0)
    model.compile("adam", "mse", engine="numpy")
    return model


def trained(model, **options):
    record = WeightRecord()
    model.fit(X, y, callbacks=[record], verbose=0, **{"epochs": 6, "batch_size": "full", **options})
    return record


def labelled(ax):
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


# the surface


def test_the_landscape_is_the_loss_of_evaluate():
    model = line_fit(kernel_regularizer="l2")
    landscape = surface.Landscape(model, X, y)
    before = model.parameters.values.copy()
    for values in ([0.0, 0.0], [2.0, 1.0]):
        found = landscape(np.array(values))
        model.set_weights([np.array([values[:1]]), np.array(values[1:])])
        assert found == pytest.approx(model.evaluate(X, y)[0], rel=1e-12)
    model.parameters.values[:] = before


def test_of_two_parameters_it_is_the_whole_surface_and_the_path_is_on_it():
    model = line_fit()
    record = trained(model)
    ax = plots.loss_surface(model, X, y, paths={"descent": record})
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("dense.W[0, 0]", "dense.b[0]", "")
    path = labelled(ax)["descent"]
    assert np.array_equal(path.get_xydata(), np.array(record.values))
    for start, at in ((ax.get_xlim(), path.get_xdata()), (ax.get_ylim(), path.get_ydata())):
        assert start[0] < at.min() < at.max() < start[1]
    plane = surface.plane_of(model, None, {})
    assert np.array_equal(plane.at(3.0, 4.0), [3.0, 4.0])


def test_the_colours_are_of_the_losses():
    model = line_fit()
    ax = plots.loss_surface(model, X, y, ranges=((0, 4), (-1, 3)), points=21)
    levels = ax.collections[0].levels
    a, b = np.meshgrid(np.linspace(0, 4, 21), np.linspace(-1, 3, 21))
    losses = np.mean((X[:, 0, None, None] * a + b - y[:, None, None]) ** 2, axis=0)
    assert levels[0] == pytest.approx(losses.min())
    assert levels[-1] == pytest.approx(np.quantile(losses, 0.9))
    assert (np.diff(levels, 2) > 0).all()  # narrower near the least loss
    assert ax.get_xlim() == (0, 4)
    assert ax.figure.axes[1].get_ylabel() == "loss (mean squared error)"


def test_of_more_parameters_the_picture_says_what_the_others_do():
    model = net()
    before = model.parameters.values.copy()
    ax = plots.loss_surface(model, X, y, ("dense.W[0, 2]", -1), points=5)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("dense.W[0, 2]", "dense_1.b[0]")
    assert ax.get_title() == "the other 8 parameters as the model has them"
    assert np.array_equal(model.parameters.values, before)


def test_the_plane_of_the_path():
    model = net()
    record = trained(model, epochs=12)
    values = np.array(record.values, np.float64)
    plane = surface.plane_of(model, "path", {"": values})
    assert np.allclose(plane.directions @ plane.directions.T, np.eye(2))
    centred = values - values.mean(axis=0)
    share = (plane.place(values) ** 2).sum() / (centred**2).sum()
    variances = np.linalg.svd(centred, compute_uv=False) ** 2
    assert share == pytest.approx(variances[:2].sum() / variances.sum())
    ax = plots.loss_surface(model, X, y, paths=record, points=5)
    assert f"{share:.1%} of the variance" in ax.get_title()


def test_too_many_rows_are_sampled_with_a_warning(monkeypatch):
    monkeypatch.setattr(surface, "BUDGET", 1.0)
    monkeypatch.setattr(surface, "FEWEST_ROWS", 10)
    with pytest.warns(UserWarning, match="over 10 of the 40 rows, taken at random"):
        ax = plots.loss_surface(line_fit(), X, y, points=5)
    assert ax.get_title() == "over 10 of 40 rows"


def test_an_infinite_corner_does_no_harm():
    model = Sequential([layers.Dense(1, "exponential", input_shape=(1,))], seed=0)
    model.compile("sgd", "mse", engine="numpy")
    ax = plots.loss_surface(model, X, y, ranges=((-1e3, 1e3), (-5, 5)), points=7)
    assert np.isfinite(ax.collections[0].levels).all()


def find(name):
    return surface.find_parameter(net(), name)


@pytest.mark.parametrize(
    ("name", "place"), [("dense.W[0, 1]", 1), ("dense.b[-1]", 5), ("dense_1.b", 9), (9, 9), (-10, 0)]
)
def test_parameters_by_name(name, place):
    assert find(name) == place
    assert find(surface.name_of(net(), place)) == place


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("W[0]", r"an element of dense.W \(1, 3\), dense.b"),
        ("dense.W[0]", r"an element of dense.W, which has the shape \(1, 3\)"),
        ("dense.W", "which has the shape"),
        ("dense.W[0, 3]", "which has the shape"),
        (10, "a place among 10"),
        (1.5, "an element of"),
    ],
)
def test_unknown_parameters(name, match):
    with pytest.raises(ArgumentError, match=match):
        find(name)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({}, "two of the 10 parameters, such as 'dense.W"),
        ({"parameters": "path"}, "paths must be WeightRecords"),
        ({"parameters": "dense.W"}, "two names"),
        ({"parameters": (1, 1)}, "two different ones"),
        ({"parameters": (0, 1), "points": 2}, "points"),
        ({"parameters": (0, 1), "ranges": (0, 1)}, "ranges"),
        ({"paths": {"a": [1, 2]}}, "paths must be a WeightRecord that was given to fit"),
    ],
)
def test_bad_arguments(arguments, match):
    with pytest.raises(ArgumentError, match=match):
        plots.loss_surface(net(), X, y, **arguments)


def test_a_model_that_is_not_ready():
    with pytest.raises(NotReadyError, match="compile"):
        plots.loss_surface(Sequential([layers.Dense(1, input_shape=(1,))]), X, y)


# the loops


def test_all_loops_start_together_and_each_line_is_its_training():
    model = line_fit()
    before, drawn = model.parameters.values.copy(), model.rng.bit_generator.state
    figure = plots.training_loops(model, X, y, epochs=5, batch_sizes=("full", 8, 1))
    lines = labelled(figure.axes[0])
    assert list(lines) == ["all 40 rows: gradient descent", "8 rows: minibatches", "1 row: stochastic"]
    for size, line in zip(("full", 8, 1), lines.values(), strict=True):
        twin = line_fit()
        losses = [twin.evaluate(X, y)[0]]
        record = trained(twin, epochs=5, batch_size=size)
        for values in record.values[1:]:
            twin.parameters.values[:] = values
            losses.append(twin.evaluate(X, y)[0])
        assert line.get_xdata().tolist() == [0, 1, 2, 3, 4, 5]
        assert np.allclose(line.get_ydata(), losses, rtol=1e-12)
    faint = [line for line in figure.axes[0].lines if line.get_alpha() is not None]
    assert sorted(len(line.get_xdata()) for line in faint) == [26, 201]  # each step, and the start
    assert np.array_equal(model.parameters.values, before)
    assert model.rng.bit_generator.state == drawn
    assert model.optimizer.iterations == 0


@pytest.mark.parametrize(
    ("by", "label", "last"),
    [("step", "updates of the weights", [3, 30, 120]), ("second", "seconds of training", None)],
)
def test_over_updates_and_seconds(by, label, last):
    ax = plots.training_loops(line_fit(), X, y, epochs=3, by=by).axes[0]
    assert ax.get_xlabel().endswith(label)
    ends = [line.get_xdata()[-1] for line in labelled(ax).values()]
    assert last is None or ends == last
    assert min(ends) > 0


def test_the_paths_stand_beside():
    figure = plots.training_loops(line_fit(), X, y, epochs=4, parameters=("dense.W", "dense.b"))
    _, beside, bar = figure.axes
    assert [text.get_text() for text in beside.get_legend().get_texts()] == ["start"]
    paths = [line.get_xydata() for line in labelled(beside).values()][:3]
    assert [len(path) for path in paths] == [5, 41, 161]
    assert all(np.array_equal(path[0], paths[0][0]) for path in paths)
    assert bar.get_ylabel() == "loss (mean squared error)"
    titled = plots.training_loops(net(), X, y, epochs=2, parameters=(0, 1)).axes[1]
    assert titled.get_title() == "the other 8 parameters as at the end of gradient descent"


def test_a_loop_that_diverges_ends_there():
    model = line_fit()
    model.optimizer.learning_rate = 1.2
    ax = plots.training_loops(model, 20 * X, y, epochs=150, batch_sizes=("full", 1)).axes[0]
    assert all(label.endswith(", diverged") for label in labelled(ax))
    assert ax.get_ylim()[1] <= 4.5 * ax.lines[-1].get_ydata()[0]


def test_an_unbuilt_model_and_one_with_dropout():
    model = Sequential([layers.Dense(3), layers.Dropout(0.5), layers.Dense(1)], seed=0)
    model.compile("adam", "mse", engine="numpy")
    assert len(labelled(plots.training_loops(model, X, y, epochs=2).axes[0])) == 3
    assert not model.built


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"epochs": 0}, "epochs"),
        ({"by": "hour"}, "by must be one of epoch, step, second"),
        ({"batch_sizes": ("whole",)}, "'full' or a positive integer"),
        ({"batch_sizes": range(1, 9)}, "from one to 6 sizes"),
        ({"parameters": (0, 7)}, "a place among 2"),
    ],
)
def test_bad_arguments_of_the_loops(arguments, match):
    with pytest.raises(ArgumentError, match=match):
        plots.training_loops(line_fit(), X, y, **arguments)


def test_a_solver_has_no_batches():
    model = line_fit()
    model.compile("lbfgs", "mse")
    with pytest.raises(ArgumentError, match="LBFGS takes all rows at once"):
        plots.training_loops(model, X, y)
