"""What all pictures share: colours, axes, and that matplotlib is loaded late and left as it is."""

import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from mlp import plots
from mlp.errors import ArgumentError, MissingPackageError
from mlp.plots import style


def luminance(colour):
    return np.dot(matplotlib.colors.to_rgb(colour), (0.3, 0.59, 0.11))


def test_importing_the_pictures_loads_no_matplotlib():
    code = "import sys, mlp; mlp.plots.network; print('matplotlib' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_without_matplotlib_the_command_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'mlp\[plot\]'"):
        style.axes()


def test_settings_of_matplotlib_are_left_as_they_are():
    before = dict(matplotlib.rcParams)
    ax = style.tidy(style.axes(figsize=(2, 2)))
    ax.plot([0, 1], label="line")
    style.legend(ax, outside=True)
    assert dict(matplotlib.rcParams) == before


def test_axes_are_those_given_or_new_ones():
    _, given = plt.subplots()
    assert style.axes(given) is given
    new = style.axes(figsize=(3, 2))
    assert new is not given
    assert new.figure.get_size_inches().tolist() == [3, 2]
    with pytest.raises(
        ArgumentError, match=r"ax must be axes of matplotlib, such as plt.subplots\(\) returns"
    ):
        style.axes(given.figure)


def test_panels_are_a_table():
    figure, grid = style.panels(2, 3)
    assert grid.shape == (2, 3)
    assert grid[1, 2].figure is figure


def test_tidy_takes_the_frame_away():
    ax = style.tidy(style.axes())
    assert [side for side, spine in ax.spines.items() if spine.get_visible()] == ["left", "bottom"]
    assert ax.get_xgridlines()[0].get_visible()
    assert not style.tidy(ax, grid=False).get_xgridlines()[0].get_visible()


def test_a_legend_of_nothing_is_none():
    ax = style.axes()
    assert style.legend(ax) is None
    ax.plot([0, 1], label="loss")
    assert [text.get_text() for text in style.legend(ax).get_texts()] == ["loss"]


@pytest.mark.parametrize("name", [style.DIVERGING, style.GROUND])
def test_diverging_maps_are_blue_then_white_then_orange(name):
    style.pyplot()
    low, middle, high = matplotlib.colormaps[name](np.array([0.05, 0.5, 0.95]))[:, :3]
    assert low[2] > low[0]
    assert high[0] > high[2]
    assert middle.min() > 0.97


def test_the_sequential_map_darkens_throughout():
    style.pyplot()
    shades = [luminance(colour) for colour in matplotlib.colormaps[style.SEQUENTIAL](np.linspace(0, 1, 20))]
    assert (np.diff(shades) < 0).all()


def test_colours_markers_and_lines_differ():
    for of in (style.COLOURS, style.MARKERS, style.LINES):
        assert len(set(of)) == len(of) == 8


def test_ink_can_be_read():
    assert style.ink_on((1, 1, 1, 1)) == style.INK
    assert style.ink_on((0, 0.1, 0.4, 1)) == style.PAPER


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.0, "0"), (99.6, "100"), (99.4, "99"), (12345, "12345"), (-1e-5, "−1e−5"), (0.126, "0.13")],
)
def test_numbers(value, text):
    assert style.number(value) == text


def test_limit_looks_at_finite_numbers():
    assert style.limit([1, -3, np.nan], [[2, np.inf]]) == 3
    assert style.limit(np.zeros(2)) == style.limit() == 1


def test_names_must_be_as_many():
    assert style.names_of(None, 2, "names", "x") == ["x1", "x2"]
    assert style.names_of(np.array(["a", "b"]), 2, "names", "x") == ["a", "b"]
    for wrong in ("ab", ["a"], 3):
        with pytest.raises(ArgumentError, match="names must be a list of 2 names"):
            style.names_of(wrong, 2, "names", "x")


def test_all_names_are_functions():
    assert all(callable(getattr(plots, name)) for name in plots.__all__)
