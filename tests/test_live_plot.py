"""LivePlot: what it has drawn, when, and where; also in a notebook's kernel."""

import base64
import copy
import signal
import sys
import types

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import mlp
from mlp import MLPClassifier, Sequential, layers
from mlp.callbacks import live_plot
from mlp.callbacks.live_plot import LivePlot
from mlp.errors import ArgumentError, DivergenceError

X, y = np.linspace(-1, 1, 12).reshape(12, 1), np.linspace(0, 2, 12)


def net(rate=0.1, metrics=("mae",), engine="numpy") -> Sequential:
    model = Sequential([layers.Dense(1, input_shape=(1,))], seed=0)
    model.compile(mlp.optimizers.SGD(rate), "mse", metrics=list(metrics), engine=engine)
    return model


def points(live, panel=0):
    """By label, the epochs and the values that a panel has."""
    return {line.get_label(): line.get_xydata() for line in live.figure.axes[panel].lines}


def test_the_last_state_is_drawn():
    live = LivePlot()
    history = net().fit(X, y, epochs=7, validation_split=0.25, callbacks=[live], verbose=0).history
    assert [ax.get_ylabel() for ax in live.figure.axes] == [
        "loss (mean squared error)",
        "mean absolute error",
    ]
    for panel, name in enumerate(("loss", "mae")):
        drawn = points(live, panel)
        assert drawn["training"][:, 0].tolist() == list(range(1, 8))
        assert np.array_equal(drawn["training"][:, 1], history[name])
        assert np.array_equal(drawn["validation"][:, 1], history["val_" + name])
    assert live.figure.get_suptitle() == ""
    assert plt.get_fignums() == []  # nobody else shows it


def test_metrics_are_chosen():
    live = LivePlot(["mae"])
    net().fit(X, y, epochs=2, callbacks=[live], verbose=0)
    assert [ax.get_ylabel() for ax in live.figure.axes] == ["mean absolute error"]


def test_epochs_without_validation_leave_gaps():
    live = LivePlot("loss")
    net().fit(X, y, epochs=6, validation_split=0.25, validation_freq=[2, 5], callbacks=[live], verbose=0)
    assert points(live)["validation"][:, 0].tolist() == [2, 5]


class Clock:
    """A clock that goes on by a tenth of a second at each look."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        self.now += 0.1
        return self.now


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [({"seconds": 0}, 10), ({"every": 4, "seconds": 0}, 3), ({"seconds": 0.5}, 2), ({"every": 99}, 1)],
)
def test_how_often_it_draws(monkeypatch, arguments, expected):
    shown = []
    monkeypatch.setattr(live_plot, "time", Clock())
    monkeypatch.setattr(live_plot._Nowhere, "show", lambda self, figure: shown.append(figure.get_suptitle()))
    net().fit(X, y, epochs=10, callbacks=[LivePlot(**arguments)], verbose=0)
    assert len(shown) == expected
    assert shown[-1] == ""
    assert all(text.startswith("epoch ") and text.endswith(" of 10") for text in shown[:-1])


def test_one_object_serves_two_fits():
    live = LivePlot("loss")
    net().fit(X, y, epochs=9, callbacks=[live], verbose=0)
    first = live.figure
    net().fit(X, y, epochs=3, callbacks=[live], verbose=0)
    assert live.figure is not first
    assert len(points(live)["training"]) == 3


class Stop(mlp.callbacks.Callback):
    """End the training in the middle, by Ctrl-C, by an error or as callbacks do."""

    def __init__(self, how):
        self.how = how

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 4:
            if self.how == "stop":
                self.model.stop_training = True
            elif self.how == "interrupt":
                signal.raise_signal(signal.SIGINT)
            else:
                raise OSError("the disk is full")


@pytest.mark.parametrize(("how", "expected"), [("stop", 5), ("interrupt", 4), ("fail", 4)])
def test_a_training_that_ends_early_is_drawn(how, expected):
    live, model = LivePlot("loss", seconds=1000), net()
    if how == "fail":
        with pytest.raises(OSError, match="the disk is full"):
            model.fit(X, y, epochs=9, batch_size=2, callbacks=[live, Stop(how)], verbose=0)
    else:
        model.fit(X, y, epochs=9, batch_size=2, callbacks=[live, Stop(how)], verbose=0)
    assert len(points(live)["training"]) == expected
    assert live.figure.get_suptitle() == ""


def test_a_divergence_is_drawn_up_to_it():
    live = LivePlot("loss")
    with pytest.raises(DivergenceError):
        net(1e5).fit(X, 1e3 * y, epochs=90, callbacks=[live], verbose=0)
    assert len(points(live)["training"]) == len(live.epochs) > 0


def test_it_does_not_make_a_compiled_engine_step_by_step():
    chunks = []

    class Count(mlp.callbacks.Callback):
        every_batch = False

        def on_train_batch_end(self, batch, logs=None):
            chunks.append(batch)

    net(engine="numba").fit(X, y, epochs=1, batch_size=1, callbacks=[Count(), LivePlot()], verbose=0)
    assert len(chunks) < len(X)


def test_estimators_and_copies():
    live = LivePlot()
    points_, labels = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 2
    estimator = MLPClassifier((3,), max_iter=3, early_stopping=True, callbacks=[live], random_state=0, tol=0)
    with pytest.warns(UserWarning, match="onverge"):
        estimator.fit(points_, labels)
    assert [ax.get_ylabel() for ax in live.figure.axes] == ["loss (binary cross-entropy)", "score"]
    assert copy.deepcopy(live).figure is None


def test_a_resumed_run_shows_the_whole(tmp_path):
    def train(epochs):
        live = LivePlot("loss")
        backup = mlp.callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
        net().fit(X, y, epochs=epochs, callbacks=[live, backup], verbose=0)
        return live

    train(3)
    assert points(train(5))["training"][:, 0].tolist() == [1, 2, 3, 4, 5]


def test_unknown_metrics_are_said_after_the_first_epoch():
    live = LivePlot("acuracy")
    with pytest.raises(
        ArgumentError, match=r"metrics must be among the curves that there are: loss, mae; got"
    ):
        net().fit(X, y, epochs=2, callbacks=[live], verbose=0)
    assert live.figure is None


@pytest.mark.parametrize("arguments", [{"metrics": 3}, {"metrics": [3]}, {"every": 0}, {"seconds": -1}])
def test_bad_arguments(arguments):
    with pytest.raises(ArgumentError, match=next(iter(arguments))):
        LivePlot(**arguments)


def test_a_window_is_opened_redrawn_and_closed_by_the_next(monkeypatch):
    told = []

    class Canvas(FigureCanvasAgg):
        required_interactive_framework = "headless"

        def draw_idle(self, *arguments, **options):
            told.append("drawn")

        def flush_events(self):
            told.append("flushed")

    # matplotlib says of such a canvas that it has no windows
    monkeypatch.setattr(live_plot, "_has_windows", lambda backend: backend == "module://windows_for_tests")
    windows = types.ModuleType("windows_for_tests")
    windows.FigureCanvas = Canvas
    monkeypatch.setitem(sys.modules, "windows_for_tests", windows)
    monkeypatch.setattr("matplotlib.figure.Figure.show", lambda self, warn=True: told.append("shown"))
    before = plt.get_backend()
    plt.switch_backend("module://windows_for_tests")
    try:
        live = LivePlot(seconds=0)
        net().fit(X, y, epochs=2, callbacks=[live], verbose=0)
        assert told[0] == "shown"
        assert told[-2:] == ["drawn", "flushed"]
        assert len(plt.get_fignums()) == 1
        net().fit(X, y, epochs=2, callbacks=[live], verbose=0)
        assert len(plt.get_fignums()) == 1
    finally:
        plt.close("all")  # which matplotlib 3.8 warns of, if switching does so
        plt.switch_backend(before)


@pytest.mark.parametrize(
    ("backend", "expected"), [("agg", False), ("svg", False), ("tkagg", True), ("qtagg", True)]
)
def test_which_backends_have_windows(backend, expected):
    assert live_plot._has_windows(backend) is expected


def test_in_a_notebook_one_picture_is_replaced(tmp_path):
    import nbformat
    from nbclient import NotebookClient

    code = """
        import mlp
        model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], seed=0)
        model.compile(mlp.optimizers.SGD(0.1), "mse", engine="numpy")
        live = mlp.callbacks.LivePlot(seconds=0)
        model.fit([[0.0], [1.0]], [1.0, 3.0], epochs=3, callbacks=[live], verbose=0)
        print(len(live.figure.axes[0].lines[0].get_xdata()), "epochs")
    """
    lines = "\n".join(line.strip() for line in code.strip().splitlines())
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(lines)])
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    pictures = [one for one in notebook.cells[0].outputs if one.output_type == "display_data"]
    assert len(pictures) == 1
    assert base64.b64decode(pictures[0].data["image/png"])[:4] == b"\x89PNG"
    said = [one.text for one in notebook.cells[0].outputs if one.output_type == "stream"]
    assert said == ["3 epochs\n"]
