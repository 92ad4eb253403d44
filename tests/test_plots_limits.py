"""Pictures of what is too much, too little or not finite: a useful one with a warning, or a clear error."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

import mlp
from mlp import plots
from mlp.errors import ArgumentError, MissingPackageError
from mlp.layers import Dense, Input, Residual
from mlp.plots import style

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2))
Y = (X[:, 0] > X[:, 1]).astype(int)


def net(*layers, inputs=2, loss="binary_crossentropy", optimizer="sgd"):
    model = mlp.Sequential([Input(inputs), *layers], seed=0)
    model.compile(optimizer, loss, engine="numpy")
    return model


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def texts_of(ax):
    return [text.get_text() for text in ax.texts]


# not finite


@pytest.mark.parametrize("draw", [plots.decision_boundary, plots.confusion_matrix, plots.calibration])
def test_answers_that_are_not_finite_have_no_picture(draw):
    model = net(Dense(3, "tanh"), Dense(1, "sigmoid"))
    model.parameters.values[:] = np.nan
    with pytest.raises(ArgumentError, match="NaN or infinite: its weights have diverged"):
        draw(model, X, Y)


def test_infinite_weights_are_drawn_as_the_thickest():
    model = net(Dense(1), loss="mse")
    model.parameters.values[:] = [np.inf, -np.inf, 0.5]
    lines = plots.network(model).collections
    widths = np.concatenate([one.get_linewidths() for one in lines if len(one.get_paths()) == 3])
    assert np.isfinite(widths).all()
    assert widths.max() < 10


def test_a_number_on_a_circle_without_colour_can_be_read():
    assert style.ink_on((0.0, 0.0, 0.0, 0.0)) == style.INK


def test_updates_of_a_loss_that_is_not_finite():
    model = net(Dense(1), loss="mse")
    model.parameters.values[:] = np.inf
    with pytest.raises(ArgumentError, match="the loss is not finite, or the optimizer is a solver"):
        plots.histograms(model, np.abs(X), Y, what="updates")


def test_a_loss_that_ends_in_nan_is_said():
    ax = plots.history({"loss": [2.0, 1.0, np.inf]}).axes[0]
    assert labels(ax)[0] == "training, at the end not finite"


# too much


def test_of_a_deep_net_both_ends_are_drawn():
    layers = [Residual([Dense(3, "relu")]) if k == 1 else Dense(3, "relu") for k in range(30)]
    with pytest.warns(UserWarning, match="the first and the last 6 of 32 columns"):
        ax = plots.network(net(*layers, Dense(1, "sigmoid")), x=X[:1])
    said = texts_of(ax)
    assert "20 layers\nleft out" in said
    assert sum("relu" in text for text in said) == 5 + 5
    assert said.count("+") == 1  # the arc is among the first


def test_few_of_many_points():
    many = RNG.normal(size=(3500, 2))
    with pytest.warns(UserWarning, match="3,000 of the 3,500 rows are drawn") as warned:
        ax = plots.decision_boundary(net(Dense(1, "sigmoid")), many, many[:, 0] > 0, resolution=10)
    assert warned[0].filename == __file__
    assert (
        sum(len(one.get_offsets()) for one in ax.collections if one.get_label().startswith("class")) == 3000
    )


def test_many_classes_have_some_names():
    model = net(Dense(30, "softmax"), loss="sparse_categorical_crossentropy")
    ax = plots.decision_boundary(model, X, RNG.integers(0, 30, 40), resolution=10)
    assert len(labels(ax)) == 21
    assert labels(ax)[-1] == "… and 10 more"


def test_many_classes_of_a_confusion_matrix_are_named_with_gaps():
    model = net(Dense(60, "softmax"), loss="sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match="60 classes are too small"):
        ax = plots.confusion_matrix(model, X, RNG.integers(0, 60, 40))
    assert [text.get_text() for text in ax.get_xticklabels()][:3] == ["0", "3", "6"]
    assert ax.get_yticks().tolist() == list(range(0, 60, 3))


def test_long_names_leave_room_for_the_bars():
    for ax in (plots.contributions([1.0], names=["a" * 80]), plots.importance([1.0], names=["a" * 80])):
        assert ax.get_yticklabels()[0].get_text() == "a" * 29 + "…" + "a" * 12


def test_names_of_many_runs_stand_below_each_other():
    runs = {f"a run with a rather long name, the {k}th": {"loss": [1.0, 0.5 + k]} for k in range(10)}
    ax = plots.history(runs).axes[0]
    assert ax.get_legend()._ncols == 1
    looks = {(line.get_color(), line.get_marker()) for line in ax.lines if line.get_linestyle() == "-"}
    assert len(looks) == 10


# too little


def test_rows_that_are_all_the_same_have_no_components():
    with pytest.raises(ArgumentError, match="rows that differ"):
        plots.decision_boundary(net(Dense(1, "sigmoid"), inputs=5), np.ones((9, 5)))


def test_of_a_single_row_there_is_one_loop():
    figure = plots.training_loops(net(Dense(1, "sigmoid")), X[:1], Y[:1], epochs=2)
    assert labels(figure.axes[0]) == ["the only row: gradient descent"]


# what is something else


def test_arrays_of_objects_that_are_numbers():
    model = net(Dense(1, "sigmoid"))
    ax = plots.decision_boundary(model, X.astype(object), Y, resolution=10)
    assert labels(ax) == ["class 0", "class 1"]
    assert plots.confusion_matrix(model, X, Y.astype(object)).get_title().endswith("of 40 rows right")
    with pytest.raises(ArgumentError, match="rows of numbers"):
        plots.decision_boundary(model, np.array([["a", 1.0]], object))


def test_answers_that_are_texts():
    class Says:
        """A classifier with labels that are texts, and nothing but `predict`."""

        def __init__(self):
            self.classes_ = np.array(["no", "yes"])

        def __sklearn_tags__(self):
            return DummyClassifier().__sklearn_tags__()

        def fit(self, X, y):
            return self

        def predict(self, X):
            return self.classes_[(np.asarray(X)[:, 0] > 0).astype(int)]

    ax = plots.decision_boundary(Says(), X, np.array(["no", "yes"])[Y], resolution=10)
    assert labels(ax) == ["class no", "class yes"]


@pytest.mark.parametrize("projection", ["polar", "3d"])
def test_axes_that_are_not_flat(projection):
    ax = plt.figure().add_subplot(projection=projection)
    with pytest.raises(ArgumentError, match="neither polar nor 3-D"):
        plots.history({"loss": [1.0]}, ax=ax)


@pytest.mark.parametrize("foreign", [3, "x", {}, np.zeros(3)])
def test_what_is_no_trace_and_no_rows(foreign):
    model = net(Dense(1, "sigmoid"))
    with pytest.raises(ArgumentError, match="trace must be what model"):
        plots.network(model, trace=foreign)
    with pytest.raises(ArgumentError, match="x "):
        plots.histograms(model, foreign, Y)


def test_a_softmax_has_no_curve():
    with pytest.raises(ArgumentError, match="no function of one number"):
        plots.activations("softmax")


# what hides and what misleads


def test_a_legend_hides_neither_points_nor_the_line():
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    ax = plots.decision_boundary(net(Dense(1, "sigmoid")), corners, [0, 1, 1, 0], resolution=10)
    ax.figure.canvas.draw()
    assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1
    ax = plots.decision_boundary(net(Dense(1, "sigmoid")), corners[:3], [0, 1, 1], resolution=10)
    ax.figure.canvas.draw()
    box = ax.get_legend().get_window_extent()
    assert box.y1 < ax.get_window_extent().y1  # a free corner


def test_over_updates_the_line_is_that_of_the_steps():
    figure = plots.training_loops(
        net(Dense(1, "sigmoid")), X, Y, epochs=3, batch_sizes=["full", 1], by="step"
    )
    marks = {line.get_label(): line for line in figure.axes[0].lines}["1 row: stochastic"]
    assert marks.get_linestyle() == "None"
    steps = next(line for line in figure.axes[0].lines if line.get_label().startswith("_"))
    assert len(steps.get_xdata()) == 1 + 3 * 40
    assert steps.get_alpha() == 0.9
    assert [handle.get_linestyle() for handle in figure.axes[0].get_legend().legend_handles] == ["-", "-"]


def test_loops_that_diverge_do_not_stretch_the_surface():
    model = net(Dense(1, use_bias=False), loss="mse", optimizer=mlp.optimizers.SGD(0.5))
    x = np.array([[0.1, 0.05]] * 7 + [[3.0, 1.5]])  # steps of single rows are too large
    figure = plots.training_loops(model, x, x[:, 0], 60, ["full", 1], parameters=(0, 1))
    assert labels(figure.axes[0])[1] == "1 row: stochastic, diverged"
    low, high = figure.axes[1].get_xlim()
    assert high - low < 10
    with pytest.raises(ArgumentError, match="all loops diverged"):
        plots.training_loops(model, x, x[:, 0], 60, [1], parameters=(0, 1))


def test_long_paths_have_some_marks_and_runs_one_colour_everywhere():
    model, record = net(Dense(1, "sigmoid")), mlp.callbacks.WeightRecord()
    run = model.fit(X, Y, epochs=80, verbose=0, callbacks=[record])
    surface = plots.loss_surface(model, X, Y, (0, 1), {"a": record, "b": record}, points=5).lines
    paths = {line.get_label(): line for line in surface}
    assert paths["a"].get_marker() == "o"
    assert paths["a"].get_markevery() == 4
    curves = [
        line
        for line in plots.history({"a": run, "b": run}, "loss").axes[0].lines
        if len(line.get_xdata()) > 1
    ]
    assert [line.get_color() for line in curves] == [paths["a"].get_color(), paths["b"].get_color()]


def test_numbers_in_narrow_cells_do_not_touch():
    model = net(
        Dense(4, "tanh"), Dense(3, "softmax"), inputs=4, loss="categorical_crossentropy", optimizer="adam"
    )
    trace = model.trace(0.01 * RNG.normal(size=(6, 4)), np.eye(3)[[0, 1, 2, 0, 1, 2]])
    figure = plots.trace(trace)
    figure.canvas.draw()
    for ax in figure.axes:
        rows = {}
        for text in ax.texts[1:]:
            rows.setdefault(text.get_position()[1], []).append(text.get_window_extent())
        for boxes in rows.values():
            assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))


def test_a_small_number_fits_into_its_circle():
    model = net(Dense(2, "sigmoid"), Dense(1, "sigmoid"))
    model.parameters.values[-1] = -8.4
    ax = plots.network(model, x=X[:1])
    ax.figure.canvas.draw()
    text = next(text for text in ax.texts if text.get_text().startswith("0.000"))
    left, right = ax.transData.transform([[-0.25, 0], [0.25, 0]])[:, 0]
    assert text.get_window_extent().width < 0.9 * (right - left)


def test_names_in_a_small_picture_can_be_read():
    _, (ax, _) = plt.subplots(1, 2, figsize=(11, 4))
    plots.network(net(Dense(2, "tanh"), Dense(1, "sigmoid")), x=X[:1], ax=ax)
    assert min(text.get_fontsize() for text in ax.texts if "sigmoid" in text.get_text()) > 6


def test_an_axis_of_few_decades_has_numbers_that_do_not_touch():
    model = net(Dense(5, "tanh"), Dense(1, "sigmoid"))
    figure = plots.histograms(model, np.ones((9, 2)), np.ones(9), what="updates")
    figure.canvas.draw()
    ax = figure.axes[0]
    inside = [text.get_window_extent() for text in ax.get_xticklabels("both") if text.get_text()]
    inside.sort(key=lambda box: box.x0)
    assert all(a.x1 < b.x0 for a, b in itertools.pairwise(inside))


def test_images_of_many_units_stand_close():
    figure = plots.weight_images(net(Dense(49), inputs=64, loss="mse"), most=49)
    figure.canvas.draw()
    first, second, below = (figure.axes[k].get_window_extent() for k in (0, 1, 7))
    assert second.x0 - first.x1 < 0.15 * first.width
    assert first.y0 - below.y1 < 0.3 * first.height
    assert figure._suptitle.get_window_extent().y0 > figure.axes[0].title.get_window_extent().y1


def test_a_polars_frame_without_what_it_needs():
    class Frame:
        def to_pandas(self):
            raise ModuleNotFoundError("pa.Table requires 'pyarrow' module to be installed")

    model = mlp.Sequential([Dense(1, "sigmoid", input_shape=(2,))], seed=0)
    with pytest.raises(MissingPackageError, match=r"pip install pandas pyarrow; or give x.to_numpy\(\)"):
        plots.decision_boundary(model, Frame())
