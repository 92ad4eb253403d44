"""`plot_model`: what is drawn, that it lies where it should, and that it needs no display and no Graphviz."""

import itertools
import subprocess
import sys

import pytest
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from mlp import Sequential, layers
from mlp.drawing import plot_model
from mlp.errors import ArgumentError, NotReadyError

EVERYTHING = {
    "show_shapes": True,
    "show_dtype": True,
    "show_layer_names": True,
    "show_layer_activations": True,
    "show_trainable": True,
}


def plain():
    return Sequential(
        [layers.Dense(20, "relu", input_shape=(2,)), layers.Dropout(0.1), layers.Dense(1, "sigmoid")]
    )


def branched():
    inner = layers.Residual([layers.Dense(4, "relu"), layers.Residual([layers.Dense(4)])])
    fork = layers.Concatenate([[layers.Dense(8, "tanh")], [layers.Dense(16), layers.Dense(4)], []])
    return Sequential([layers.Input(4), inner, fork, layers.Dense(1)])


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


def patches(figure, kind):
    return [patch for patch in figure.axes[0].patches if isinstance(patch, kind)]


def arrows(figure):
    return patches(figure, FancyArrowPatch)


def boxes(figure):
    """The frames of layers, as they lie in inches: left, right, top and bottom."""
    frames = [frame for frame in patches(figure, FancyBboxPatch) if frame.get_zorder() == 5]
    corners = [(f.get_x(), f.get_x() + f.get_width(), f.get_y(), f.get_y() + f.get_height()) for f in frames]
    return sorted(corners, key=lambda box: box[2])


def test_a_box_says_what_it_is_asked_to():
    model = plain()
    model.layers[2].trainable = False
    assert texts(plot_model(model, None)) == ["Dense", "Dropout", "Dense"]
    said = texts(plot_model(model, None, **EVERYTHING))
    assert said[:12] == [
        *("dense", " (Dense)", "Activation: ", "relu", "Input shape: ", "(None, 2)"),
        *("Output shape: ", "(None, 20)", "Output dtype: ", "float32", "Trainable", "dropout"),
    ]
    assert said.count("Activation: ") == 2  # Dropout has none
    assert (said.count("Trainable"), said.count("Non-trainable")) == (1, 1)


def test_boxes_stand_one_below_the_other_with_an_arrow_between():
    figure = plot_model(plain(), None, show_shapes=True)
    above = boxes(figure)
    assert len(above) == 3
    assert len(arrows(figure)) == 2
    for upper, lower in itertools.pairwise(above):
        assert upper[3] < lower[2]
        assert upper[:2] == pytest.approx(lower[:2])  # of one width


@pytest.mark.parametrize(
    ("rankdir", "axis", "sign"), [("TB", 2, 1), ("BT", 2, -1), ("LR", 0, 1), ("RL", 0, -1)]
)
def test_directions(rankdir, axis, sign):
    model = Sequential([layers.Dense(2, input_shape=(2,)), layers.Dropout(0.1), layers.Flatten()])
    figure = plot_model(model, None, rankdir=rankdir)
    frames = [frame for frame in patches(figure, FancyBboxPatch) if frame.get_zorder() == 5]
    places = [sign * (frame.get_y() if axis == 2 else frame.get_x()) for frame in frames]
    assert texts(figure) == ["Dense", "Dropout", "Flatten"]
    assert places == sorted(places)
    assert len({round(frame.get_x() if axis == 0 else frame.get_y(), 6) for frame in frames}) == 3


@pytest.mark.parametrize("rankdir", ["TB", "BT", "LR", "RL"])
def test_branches_are_drawn_and_nothing_overlaps_or_leaves_the_page(rankdir):
    figure = plot_model(branched(), None, rankdir=rankdir, **EVERYTHING)
    placed = boxes(figure)
    assert len(placed) == 6
    for (left, right, top, bottom), (left2, right2, top2, bottom2) in itertools.combinations(placed, 2):
        assert right < left2 or right2 < left or bottom < top2 or bottom2 < top
    assert len(patches(figure, Circle)) == 3
    assert [text for text in texts(figure) if text in "+‖"] == ["+", "+", "‖"]
    (x0, x1), (y1, y0) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
    figure.canvas.draw()
    for patch in figure.axes[0].patches:
        box = patch.get_window_extent().transformed(figure.axes[0].transData.inverted())
        assert x0 <= box.x0 <= box.x1 <= x1
        assert y0 <= min(box.y0, box.y1) <= max(box.y0, box.y1) <= y1
    for text in figure.axes[0].texts:
        box = text.get_window_extent().transformed(figure.axes[0].transData.inverted())
        assert x0 <= box.x0 <= box.x1 <= x1


def test_a_block_can_be_one_box():
    figure = plot_model(branched(), None, expand_nested=False)
    assert texts(figure) == ["Residual", "Concatenate", "Dense"]


def test_a_text_fits_its_cell():
    figure = plot_model(plain(), None, **EVERYTHING)
    figure.canvas.draw()
    axes = figure.axes[0]
    for text in axes.texts:
        box = text.get_window_extent().transformed(axes.transData.inverted())
        assert any(left <= box.x0 and box.x1 <= right for left, right, *_ in boxes(figure))
    written = [text.get_window_extent() for text in axes.texts if text.get_text()]
    for one, other in itertools.combinations(written, 2):
        apart = one.x1 <= other.x0 + 2 or other.x1 <= one.x0 + 2 or one.y1 <= other.y0 or other.y1 <= one.y0
        assert apart


@pytest.mark.parametrize(
    ("name", "start"),
    [("net.png", b"\x89PNG"), ("net.svg", b"<?xml"), ("net.pdf", b"%PDF"), ("net", b"\x89PNG")],
)
def test_files(tmp_path, name, start):
    file = tmp_path / name
    figure = plot_model(plain(), file, dpi=50)
    assert file.read_bytes().startswith(start)
    assert figure.get_size_inches().min() > 0.5


def test_it_needs_neither_pyplot_nor_a_display():
    code = (
        "import sys, mlp; mlp.utils; assert 'matplotlib' not in sys.modules;"
        "model = mlp.Sequential([mlp.layers.Dense(2, input_shape=(2,))]);"
        "mlp.utils.plot_model(model, None); print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("make", "message", "kind"),
    [
        (lambda: plot_model(5, None), "model must be a Sequential; got 5", ArgumentError),
        (
            lambda: plot_model(plain(), None, rankdir="XY"),
            "rankdir must be one of TB, BT, LR, RL",
            ArgumentError,
        ),
        (lambda: plot_model(plain(), None, dpi=0), "dpi must be a positive integer; got 0", ArgumentError),
        (
            lambda: plot_model(Sequential([layers.Dense(2)]), None),
            "the model is not built yet: ",
            NotReadyError,
        ),
    ],
)
def test_bad_arguments(make, message, kind):
    with pytest.raises(kind, match=message):
        make()
